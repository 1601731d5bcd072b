/* SPDX-License-Identifier: Apache-2.0 */
/* What hides: numbers of states, cards and secrets, made up, in sentences of thirty languages, each
 * hidden in every way that the detector undoes; how many are still found.
 *
 *   bench_hidden
 *
 * "plain" is the same sentences without a trick: no trick can do better. Where the whole sentence
 * is encoded, what is found is the whole. Must: 0.95 of what is found plainly. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "privacy/detect.h"
#include "support/pii_set.h"
#include "text/utf8.h"

#define SENTENCES 3000
#define MUST 0.95

/* A trick writes a number, or with `all` the whole sentence, otherwise. */
typedef void (*trick_fn)(struct wf_str s, struct wf_buf *out);

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void plain(struct wf_str s, struct wf_buf *out)
{
    (void)wf_buf_append_str(out, s);
}

static void between(struct wf_str s, const char *what, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        const bool begins = ((uint8_t)s.ptr[i] & 0xc0) != 0x80;
        if (i > 0 && begins)
            (void)wf_buf_append_cstr(out, what);
        (void)wf_buf_append_byte(out, s.ptr[i]);
    }
}

static void zero_width(struct wf_str s, struct wf_buf *out)
{
    between(s, "\u200b", out);
}

static void spaced(struct wf_str s, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        const bool begins = ((uint8_t)s.ptr[i] & 0xc0) != 0x80;
        if (s.ptr[i] == ' ')
            continue;
        if (i > 0 && begins)
            (void)wf_buf_append_byte(out, ' ');
        (void)wf_buf_append_byte(out, s.ptr[i]);
    }
}

static void shifted(struct wf_str s, uint32_t zero, bool letters, struct wf_buf *out)
{
    char bytes[4];

    for (size_t i = 0; i < s.len; i++) {
        if (is_digit(s.ptr[i]))
            (void)wf_buf_append(out, bytes, wf_utf8_put(bytes, zero + (uint32_t)(s.ptr[i] - '0')));
        else if (letters && (uint8_t)s.ptr[i] > ' ' && (uint8_t)s.ptr[i] < 0x7f)
            (void)wf_buf_append(out, bytes, wf_utf8_put(bytes, 0xfee0u + (uint8_t)s.ptr[i]));
        else
            (void)wf_buf_append_byte(out, s.ptr[i]);
    }
}

static void full_width(struct wf_str s, struct wf_buf *out)
{
    shifted(s, 0xff10, true, out);
}

static void arabic(struct wf_str s, struct wf_buf *out)
{
    shifted(s, 0x660, false, out);
}

static void bold(struct wf_str s, struct wf_buf *out)
{
    shifted(s, 0x1d7ce, false, out);
}

/* Cyrillic letters for Latin ones; what has none stays as it is. */
static void cyrillic(struct wf_str s, struct wf_buf *out)
{
    static const char from[] = "ABCEHKMOPTXaceopxy";
    static const char *const to[] = {"А", "В", "С", "Е", "Н", "К", "М", "О", "Р",
                                     "Т", "Х", "а", "с", "е", "о", "р", "х", "у"};

    for (size_t i = 0; i < s.len; i++) {
        const char *at = strchr(from, s.ptr[i]);
        if (at != NULL && *at != '\0')
            (void)wf_buf_append_cstr(out, to[at - from]);
        else
            (void)wf_buf_append_byte(out, s.ptr[i]);
    }
}

/* Each byte as `sign` and two hexadecimal digits. */
static void each(struct wf_str s, const char *sign, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len; i++)
        (void)wf_buf_appendf(out, "%s%02X", sign, (unsigned)(uint8_t)s.ptr[i]);
}

static void url(struct wf_str s, struct wf_buf *out)
{
    each(s, "%", out);
}

static void hex(struct wf_str s, struct wf_buf *out)
{
    each(s, "", out);
}

static void mail(struct wf_str s, struct wf_buf *out)
{
    each(s, "=", out);
}

static void json(struct wf_str s, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len;)
        (void)wf_buf_appendf(out, "\\u%04x", wf_utf8_next(s, &i) & 0xffff);
}

static void html(struct wf_str s, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len;)
        (void)wf_buf_appendf(out, "&#%u;", wf_utf8_next(s, &i));
}

static void base64(struct wf_str s, struct wf_buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < s.len; i += 3) {
        uint32_t v = 0;
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (i + k < s.len ? (uint8_t)s.ptr[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            (void)wf_buf_append_byte(out, i + k > s.len ? '=' : digits[v >> (18 - 6 * k) & 63]);
    }
}

static void twice(struct wf_str s, struct wf_buf *out)
{
    struct wf_buf once;

    wf_buf_init(&once, 1u << 16);
    base64(s, &once);
    url(wf_buf_str(&once), out);
    wf_buf_deinit(&once);
}

static const struct trick {
    const char *name;
    trick_fn fn;
    bool all; /* of the sentence, not the number alone */
} tricks[] = {
    {"plain", plain, false},
    {"zero-width spaces", zero_width, false},
    {"full-width", full_width, false},
    {"Arabic digits", arabic, false},
    {"mathematical digits", bold, false},
    {"Cyrillic look-alikes", cyrillic, false},
    {"spaced", spaced, false},
    {"URL encoding", url, false},
    {"JSON escapes", json, false},
    {"HTML entities", html, false},
    {"quoted-printable", mail, true},
    {"hexadecimal", hex, true},
    {"base64", base64, true},
    {"base64, URL encoded", twice, true},
};

/* Whether something structured is found where the number is. */
static bool found(struct wf_detect_run *run, const struct wf_buf *text, size_t start, size_t end)
{
    struct wf_pii_list list;

    if (wf_detect_scan(run, wf_buf_str(text), (struct wf_pii_list){.n = 0}, &list, NULL) != 0)
        return false;
    for (size_t i = 0; i < list.n; i++)
        if (pii_is_structured(list.items[i].type) && list.items[i].start < end &&
            start < list.items[i].end)
            return true;
    return false;
}

static bool hides(struct wf_detect_run *run, const struct pii_sentence *p, const struct trick *t,
                  struct wf_buf *text)
{
    const struct wf_str s = wf_str_from(p->text);
    size_t start, end;

    wf_buf_reset(text);
    if (t->all) {
        t->fn(s, text);
        return !found(run, text, 0, text->len);
    }
    (void)wf_buf_append_str(text, wf_str_sub(s, 0, p->start));
    start = text->len;
    t->fn(wf_str_sub(s, p->start, p->end), text);
    end = text->len;
    (void)wf_buf_append_str(text, wf_str_sub(s, p->end, s.len));
    return !found(run, text, start, end);
}

int main(void)
{
    const struct wf_detect_options o = {.score_least = 0};
    size_t n = 0, n_found[WF_ARRAY_LEN(tricks)] = {0};
    struct wf_detector *detector = NULL;
    struct wf_detect_run *run = NULL;
    struct pii_set *set = pii_set_new(PII_SET_PATH, 11);
    struct wf_buf text;
    bool good = true;

    if (set == NULL || wf_detector_open(&o, &detector, NULL) != 0 ||
        wf_detect_run_new(detector, &run, NULL) != 0) {
        (void)fprintf(stderr, "bench_hidden: no memory, or no templates\n");
        return EXIT_FAILURE;
    }
    wf_buf_init(&text, 1u << 20);
    for (size_t i = 0; i < SENTENCES; i++) {
        struct pii_sentence p;
        pii_set_next(set, &p);
        if (p.kind == NULL)
            continue;
        n++;
        for (size_t t = 0; t < WF_ARRAY_LEN(tricks); t++)
            n_found[t] += !hides(run, &p, &tricks[t], &text);
    }
    printf("numbers found, of %zu (must %.2f of the plain ones)\n", n, MUST);
    for (size_t t = 0; t < WF_ARRAY_LEN(tricks); t++) {
        const double part = (double)n_found[t] / (double)WF_MAX(n_found[0], 1u);
        printf("  %-22s %.3f  of the plain %.3f\n", tricks[t].name, (double)n_found[t] / (double)n,
               part);
        good = good && part >= MUST;
    }
    wf_buf_deinit(&text);
    wf_detect_run_free(run);
    wf_detector_free(detector);
    pii_set_free(set);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
