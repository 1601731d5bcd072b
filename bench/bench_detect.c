/* SPDX-License-Identifier: Apache-2.0 */
/* Detectors: what they find in sentences with made-up personal data, and how fast.
 *
 *   bench_detect [DATA [LENS]]    ../shared/data, models/lens.gguf
 *
 * Presidio's sentences (part70) are counted by words, as Presidio's own evaluator does: a word is
 * personal data or not, whatever the type (F2 overall), and by type. Thresholds were chosen on half
 * of the templates; rules were written with the errors of both in sight. lens was trained on most
 * templates; those that it never saw are shown by themselves. The suites of Recognizers-Text
 * (phones, mail, IP, hosts) are counted by things: right when they overlap.
 *
 * Must: F2 0.90; things with a form recall 0.97, precision 0.90; 60 MB/s of prose a core; a 2 kB
 * prompt in 0.1 ms by patterns, 25 ms with lens, also the median of 128 languages. The floor of
 * speed is reading the memory once. Run it by chrt -f 5 when the machine is busy. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "privacy/detect.h"
#include "privacy/names.h"
#include "support/jsonl.h"
#include "support/pii_set.h"
#include "text/utf8.h"
#include "train/lines.h"
#include "train/split.h"

#define SKIPPED 77
#define TYPES_MAX 64
#define PROSE_BYTES ((size_t)4 << 20) /* of each source */
#define ROUNDS 5
#define PROMPTS 400
#define PROMPT_BYTES 2048

struct count {
    size_t right, over, missed;
};

struct type_count {
    const char *type;
    struct count of;
};

enum {
    CHOSEN,
    ASIDE,
    UNSEEN,
    N_PARTS
};

struct bench {
    struct wf_detector *detector;
    struct wf_detect_run *run;
    struct wf_lens_pool *lens;
    bool with_lens;
    /* Presidio's sentences */
    struct count any[N_PARTS];
    size_t n_texts[N_PARTS];
    struct type_count types[TYPES_MAX];
    size_t n_types;
    struct count form; /* things with a form, on what was kept aside */
    struct wf_buf prose;
    size_t english; /* bytes of it, in front */
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench_detect: %s\n", what);
    exit(EXIT_FAILURE);
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static struct wf_pii_list scan(struct bench *b, struct wf_str text, struct wf_names *names)
{
    struct wf_pii_list list;
    struct wf_err err = WF_ERR_INIT;

    *names = (struct wf_names){.n = 0};
    if (b->with_lens && wf_names_find(b->lens, text, names, &err) != 0)
        fail(err.msg);
    if (wf_detect_scan(b->run, text, (struct wf_pii_list){names->items, names->n}, &list, &err) !=
        0)
        fail(err.msg);
    return list;
}

/* ---- counting ---- */

static double precision(struct count c)
{
    return c.right + c.over == 0 ? 1 : (double)c.right / (double)(c.right + c.over);
}

static double recall(struct count c)
{
    return c.right + c.missed == 0 ? 1 : (double)c.right / (double)(c.right + c.missed);
}

static double f2(struct count c)
{
    const double p = precision(c), r = recall(c);
    return p + r == 0 ? 0 : 5 * p * r / (4 * p + r);
}

static struct count *count_of(struct bench *b, const char *type)
{
    for (size_t i = 0; i < b->n_types; i++)
        if (strcmp(b->types[i].type, type) == 0)
            return &b->types[i].of;
    if (b->n_types == TYPES_MAX)
        fail("too many types");
    b->types[b->n_types].type = wf_strdup(type);
    return &b->types[b->n_types++].of;
}

static bool among(const char *type, const char *list)
{
    struct wf_str rest = wf_str_from(list), one;

    while (wf_str_split(&rest, '|', &one))
        if (wf_str_eq(one, wf_str_from(type)))
            return true;
    return false;
}

/* Our type in the names of the set. */
static const char *as_set(const char *type)
{
    if (strcmp(type, "LOCATION") == 0)
        return "GPE";
    if (strcmp(type, "DATE_OF_BIRTH") == 0)
        return "DATE_TIME";
    return strcmp(type, "URL") == 0 ? "DOMAIN_NAME" : type;
}

/* ---- Presidio's sentences, by words ---- */

struct truth {
    const char *type;
    size_t start, end; /* bytes */
};

static const char *type_at(const struct truth *t, size_t n, size_t at)
{
    for (size_t i = 0; i < n; i++)
        if (at >= t[i].start && at < t[i].end)
            return t[i].type;
    return NULL;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (uint8_t)c >= 0x80 || c == '_';
}

static void count_word(struct bench *b, const bool parts[N_PARTS], const char *want,
                       const char *got)
{
    for (size_t p = 0; p < N_PARTS; p++) {
        b->any[p].right += parts[p] && want != NULL && got != NULL;
        b->any[p].missed += parts[p] && want != NULL && got == NULL;
        b->any[p].over += parts[p] && want == NULL && got != NULL;
    }
    if (!parts[ASIDE])
        return;
    const bool same = want != NULL && got != NULL && strcmp(want, got) == 0;
    if (same)
        count_of(b, want)->right++;
    if (!same && want != NULL)
        count_of(b, want)->missed++;
    if (!same && got != NULL)
        count_of(b, got)->over++;
}

/* The truths of a line, their places as bytes. */
static size_t read_truths(struct wf_str text, const json_t *spans, struct truth *out, size_t most)
{
    size_t n = 0;

    for (size_t i = 0; i < json_array_size(spans) && n < most; i++) {
        const json_t *s = json_array_get(spans, i);
        out[n].type = json_string_value(json_object_get(s, "type"));
        out[n].start =
            wf_utf8_offset(text, (size_t)json_integer_value(json_object_get(s, "start")));
        out[n].end = wf_utf8_offset(text, (size_t)json_integer_value(json_object_get(s, "end")));
        n++;
    }
    return n;
}

#define WITH_FORM "CREDIT_CARD|IBAN_CODE|EMAIL_ADDRESS|PHONE_NUMBER|IP_ADDRESS|DOMAIN_NAME|US_SSN"

/* Things with a form, whole ones: found when something of the type overlaps. */
static void count_things(struct count *c, const struct truth *want, size_t n_want,
                         const struct truth *got, size_t n_got)
{
    for (size_t i = 0; i < n_want; i++) {
        bool found = false;
        for (size_t k = 0; k < n_got && !found; k++)
            found = strcmp(want[i].type, got[k].type) == 0 && got[k].start < want[i].end &&
                    want[i].start < got[k].end;
        if (among(want[i].type, WITH_FORM)) {
            c->right += found;
            c->missed += !found;
        }
    }
    for (size_t k = 0; k < n_got; k++) {
        bool true_one = false;
        for (size_t i = 0; i < n_want && !true_one; i++)
            true_one = strcmp(want[i].type, got[k].type) == 0 && got[k].start < want[i].end &&
                       want[i].start < got[k].end;
        c->over += among(got[k].type, WITH_FORM) && !true_one;
    }
}

static bool presidio_line(void *ud, json_t *v)
{
    struct bench *b = ud;
    const struct wf_str text = wf_str_from(json_string_value(json_object_get(v, "text")));
    const long long template = json_integer_value(json_object_get(v, "template_id"));
    struct truth want[64], got[128];
    struct wf_names names;
    char key[64];
    size_t n_got = 0;

    (void)snprintf(key, sizeof(key), "presidio half %lld", template);
    const bool aside = wf_split_hash(wf_str_from(key)) % 2 == 1;
    (void)snprintf(key, sizeof(key), "presidio template %lld", template);
    const bool parts[N_PARTS] = {!aside, aside, wf_split_is_dev(wf_str_from(key))};
    const size_t n_want = read_truths(text, json_object_get(v, "spans"), want, 64);
    const struct wf_pii_list list = scan(b, text, &names);
    for (; n_got < list.n && n_got < 128; n_got++)
        got[n_got] = (struct truth){as_set(list.items[n_got].type), list.items[n_got].start,
                                    list.items[n_got].end};
    for (size_t p = 0; p < N_PARTS; p++)
        b->n_texts[p] += parts[p];
    for (size_t i = 0; i < text.len; i++)
        if (is_word(text.ptr[i]) && (i == 0 || !is_word(text.ptr[i - 1])))
            count_word(b, parts, type_at(want, n_want, i), type_at(got, n_got, i));
    if (aside)
        count_things(&b->form, want, n_want, got, n_got);
    wf_names_deinit(&names);
    return true;
}

static int by_size(const void *a, const void *b)
{
    const struct count *x = &((const struct type_count *)a)->of,
                       *y = &((const struct type_count *)b)->of;
    const size_t nx = x->right + x->missed, ny = y->right + y->missed;

    return nx < ny ? 1 : nx > ny ? -1 : 0;
}

static bool presidio(struct bench *b, const char *data, bool with_lens)
{
    static const char *const names[N_PARTS] = {"half on which was chosen", "half kept aside",
                                               "templates that lens never saw"};
    char path[4096];

    b->with_lens = with_lens;
    b->n_types = 0; /* the names leak: there are two passes */
    memset(b->types, 0, sizeof(b->types));
    b->form = (struct count){0};
    memset(b->any, 0, sizeof(b->any));
    memset(b->n_texts, 0, sizeof(b->n_texts));
    (void)snprintf(path, sizeof(path), "%s/pii-ner/presidio-research/synth_v2.part70.jsonl", data);
    if (jsonl_each(path, presidio_line, b) <= 0)
        return true;
    printf("Presidio's sentences, %s; by words, whatever the type (must F2 0.90)\n",
           with_lens ? "patterns and lens" : "patterns alone");
    for (size_t p = 0; p < N_PARTS; p++)
        printf("  %-30s %4zu texts  P %.3f  R %.3f  F2 %.3f\n", names[p], b->n_texts[p],
               precision(b->any[p]), recall(b->any[p]), f2(b->any[p]));
    if (!with_lens)
        return true;
    qsort(b->types, b->n_types, sizeof(b->types[0]), by_size);
    for (size_t i = 0; i < b->n_types; i++) {
        const struct count c = b->types[i].of;
        if (c.right + c.missed > 0)
            printf("  %-18s %4zu words  P %.3f  R %.3f  F2 %.3f\n", b->types[i].type,
                   c.right + c.missed, precision(c), recall(c), f2(c));
    }
    return f2(b->any[ASIDE]) >= 0.90;
}

/* ---- Recognizers-Text ---- */

static const struct suite {
    const char *name, *types;
} suites[] = {
    {"PhoneNumberModel", "PHONE_NUMBER"},
    {"EmailModel", "EMAIL_ADDRESS"},
    {"IpAddressModel", "IP_ADDRESS"},
    {"URLModel", "URL|DOMAIN_NAME"},
};

struct sequence {
    struct bench *b;
    struct count of[WF_ARRAY_LEN(suites)];
};

/* Where a result stands: its text, which the suites give in small letters. */
static struct truth result_place(struct wf_str input, const char *what)
{
    const struct wf_str w = wf_str_from(what);

    for (size_t i = 0; i + w.len <= input.len; i++)
        if (wf_str_eq_nocase(wf_str_sub(input, i, i + w.len), w))
            return (struct truth){.start = i, .end = i + w.len};
    return (struct truth){.start = SIZE_MAX, .end = SIZE_MAX};
}

static bool sequence_line(void *ud, json_t *v)
{
    struct sequence *s = ud;
    const char *suite = json_string_value(json_object_get(v, "suite"));
    const struct wf_str input = wf_str_from(json_string_value(json_object_get(v, "input")));
    const json_t *results = json_object_get(v, "results"), *one;
    struct truth want[32];
    struct wf_names names;
    size_t k = 0, i, n = 0;

    while (k < WF_ARRAY_LEN(suites) && strcmp(suites[k].name, suite) != 0)
        k++;
    if (k == WF_ARRAY_LEN(suites) || json_object_get(v, "not_supported") != NULL)
        return true;
    json_array_foreach(results, i, one) if (n < 32) want[n++] =
        result_place(input, json_string_value(json_object_get(one, "text")));
    const struct wf_pii_list list = scan(s->b, input, &names);
    for (i = 0; i < n; i++) {
        bool found = false;
        for (size_t g = 0; g < list.n; g++)
            found =
                found || (among(list.items[g].type, suites[k].types) &&
                          list.items[g].start < want[i].end && want[i].start < list.items[g].end);
        s->of[k].right += found;
        s->of[k].missed += !found;
    }
    for (size_t g = 0; g < list.n; g++) {
        bool true_one = false;
        for (i = 0; i < n; i++)
            true_one = true_one ||
                       (list.items[g].start < want[i].end && want[i].start < list.items[g].end);
        s->of[k].over += among(list.items[g].type, suites[k].types) && !true_one;
    }
    return true;
}

static bool sequences(struct bench *b, const char *data)
{
    static const char *const languages[] = {
        "Chinese",  "Dutch",  "English",    "French",  "German",  "Hindi",  "Italian",
        "Japanese", "Korean", "Portuguese", "Spanish", "Swedish", "Turkish"};
    struct sequence s = {.b = b};
    struct count all = {0};
    char path[4096];

    b->with_lens = false;
    for (size_t i = 0; i < WF_ARRAY_LEN(languages); i++) {
        (void)snprintf(path, sizeof(path), "%s/recognizers-text/Sequence/%s.jsonl", data,
                       languages[i]);
        (void)jsonl_each(path, sequence_line, &s);
    }
    printf("\nRecognizers-Text, 13 languages, with what must not be found; by patterns\n");
    for (size_t k = 0; k < WF_ARRAY_LEN(suites); k++) {
        const struct count c = s.of[k];
        printf("  %-18s %4zu  P %.3f  R %.3f\n", suites[k].name, c.right + c.missed, precision(c),
               recall(c));
        all.right += c.right;
        all.over += c.over;
        all.missed += c.missed;
    }
    all.right += b->form.right;
    all.over += b->form.over;
    all.missed += b->form.missed;
    printf("things with a form, these and of Presidio's half kept aside: %zu\n"
           "  precision %.3f (must 0.90)  recall %.3f (must 0.97)\n",
           all.right + all.missed, precision(all), recall(all));
    return precision(all) >= 0.90 && recall(all) >= 0.97;
}

/* ---- numbers of states, made here ---- */

#define SENTENCES 12000

static bool own_set(struct bench *b)
{
    struct pii_measured *m = wf_alloc_array(1, sizeof(*m));
    struct pii_set *set = pii_set_new(PII_SET_PATH, 5);
    bool good = true;

    if (m == NULL || set == NULL || !pii_measure(set, b->run, SENTENCES, m))
        fail("the set of made-up numbers cannot be measured");
    printf("\nNumbers of states, cards and secrets, made up, in sentences of %zu languages with\n"
           "decoys: %u numbers of %zu types\n"
           "  precision %.3f (must 0.90)  recall by its own type %.3f (must 0.97), by any %.3f\n",
           m->n_langs, m->all.all, m->n_types, pii_precision(&m->all), pii_recall(&m->all),
           (double)m->all.found / (double)WF_MAX(m->all.all, 1u));
    for (size_t i = 0; i < m->n_types; i++)
        if (m->types[i].all >= 10 && pii_recall(&m->types[i]) < 0.9)
            printf("  below 0.9: %-24s %3u  R %.2f  P %.2f\n", m->types[i].name, m->types[i].all,
                   pii_recall(&m->types[i]), pii_precision(&m->types[i]));
    good = pii_precision(&m->all) >= 0.90 && pii_recall(&m->all) >= 0.97;
    pii_set_free(set);
    wf_free(m);
    return good;
}

/* ---- speed ---- */

#define N_ENGLISH 3 /* of the sources */

struct taking {
    struct wf_buf *to;
    size_t most;
};

static bool take_text(void *ud, json_t *v)
{
    struct taking *t = ud;
    const char *text = json_string_value(json_object_get(v, "text"));

    if (text != NULL)
        (void)wf_buf_append_cstr(t->to, text);
    (void)wf_buf_append_cstr(t->to, "\n\n");
    return t->to->len < t->most;
}

static double best_mb_s(struct bench *b, struct wf_str text)
{
    double best = 0;

    for (int i = 0; i < ROUNDS; i++) {
        struct wf_names names;
        const double start = now_s();
        (void)scan(b, text, &names);
        best = WF_MAX(best, (double)text.len / (now_s() - start) * 1e-6);
    }
    return best;
}

static double floor_mb_s(struct wf_str text)
{
    volatile uint64_t sink = 0;
    double best = 0;

    for (int i = 0; i < ROUNDS; i++) {
        const double start = now_s();
        uint64_t sum = 0, word;
        for (size_t k = 0; k + 8 <= text.len; k += 8) {
            memcpy(&word, text.ptr + k, 8);
            sum += word;
        }
        sink = sink + sum;
        best = WF_MAX(best, (double)text.len / (now_s() - start) * 1e-6);
    }
    return best;
}

static bool speed(struct bench *b, const char *data)
{
    static const char *const sources[] = {"books-en-1", "everyday-en-1", "everyday-en-2",
                                          "docs-other", "novels-other"};
    bool good;

    b->with_lens = false;
    wf_buf_init(&b->prose, (size_t)1 << 30);
    printf("\nMB/s of prose on one core, by patterns, with what hides (must 60 over all)\n");
    for (size_t i = 0; i < WF_ARRAY_LEN(sources); i++) {
        const size_t from = b->prose.len;
        struct taking t = {.to = &b->prose, .most = from + PROSE_BYTES};
        char path[4096];
        (void)snprintf(path, sizeof(path), "%s/text/%s.jsonl.xz", data, sources[i]);
        if (jsonl_each(path, take_text, &t) <= 0)
            continue;
        if (i < N_ENGLISH)
            b->english = b->prose.len;
        printf("  %-16s %6.1f\n", sources[i],
               best_mb_s(b, wf_str_sub(wf_buf_str(&b->prose), from, b->prose.len)));
    }
    const double all = best_mb_s(b, wf_buf_str(&b->prose));
    printf("  %-16s %6.1f  (must 60; reading the memory: %.0f)\n", "all", all,
           floor_mb_s(wf_buf_str(&b->prose)));
    good = all >= 60;
    return good;
}

/* Texts that are all numbers, or made to be slow: shown, without a must. */
static void hard(struct bench *b)
{
    static const struct {
        const char *name, *again;
    } made[] = {
        {"numbers by commas", NULL},
        {"cards that are none", "4111 1111 1111 1112 "},
        {"one digit again and again", "1 "},
        {"brackets", "(1"},
        {"hosts", "a.com."},
        {"signs of mail", "@"},
        {"escapes", "%41"},
    };

    printf("MB/s of text that is all numbers, or made to be slow\n");
    for (size_t i = 0; i < WF_ARRAY_LEN(made); i++) {
        uint64_t draw = 3;
        struct wf_buf text;
        wf_buf_init(&text, (size_t)1 << 20);
        while (text.len < 500000) {
            if (made[i].again != NULL) {
                (void)wf_buf_append_cstr(&text, made[i].again);
                continue;
            }
            draw = draw * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            (void)wf_buf_appendf(&text, "%llu%s",
                                 (unsigned long long)(draw >> 24 >> (draw >> 60 << 1)),
                                 draw >> 33 & 7 ? "," : "\n");
        }
        printf("  %-26s %6.1f\n", made[i].name, best_mb_s(b, wf_buf_str(&text)));
        wf_buf_deinit(&text);
    }
}

static int by_number(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static bool prompts(struct bench *b, bool with_lens, bool english, double must_ms)
{
    static double ms[PROMPTS];
    const struct wf_str all = wf_str_sub(wf_buf_str(&b->prose), english ? 0 : b->english,
                                         english ? b->english : b->prose.len);
    const size_t step = all.len / PROMPTS;

    b->with_lens = with_lens;
    for (size_t i = 0; i < PROMPTS; i++) {
        struct wf_names names;
        size_t from = i * step, end;
        while (from < all.len && ((uint8_t)all.ptr[from] & 0xc0) == 0x80)
            from++;
        end = WF_MIN(from + PROMPT_BYTES, all.len);
        while (end > from && end < all.len && ((uint8_t)all.ptr[end] & 0xc0) == 0x80)
            end--;
        const double start = now_s();
        (void)scan(b, wf_str_sub(all, from, end), &names);
        ms[i] = (now_s() - start) * 1000;
        wf_names_deinit(&names);
    }
    qsort(ms, PROMPTS, sizeof(ms[0]), by_number);
    printf("  %-18s %-16s median %.3f ms, p99 %.3f ms  (must %.1f)\n",
           with_lens ? "patterns and lens" : "patterns", english ? "English" : "other languages",
           ms[PROMPTS / 2], ms[PROMPTS * 99 / 100], must_ms);
    return ms[PROMPTS / 2] < must_ms;
}

/* ---- a prompt in each of many languages ---- */

#define LANGUAGES_MAX 160
#define OF_A_LANGUAGE 7

struct slowest {
    double ms;
    char name[16];
};

static double median_of(double *ms, size_t n)
{
    qsort(ms, n, sizeof(ms[0]), by_number);
    return ms[n / 2];
}

/* The median of some prompts of a language's sentences; 0: they are too few. */
static double language_ms(struct bench *b, struct wf_str all)
{
    double ms[OF_A_LANGUAGE];

    if (all.len < PROMPT_BYTES)
        return 0;
    for (size_t i = 0; i < OF_A_LANGUAGE; i++) {
        size_t from = (all.len - PROMPT_BYTES) * i / OF_A_LANGUAGE, to;
        struct wf_names names;
        while (from > 0 && ((uint8_t)all.ptr[from] & 0xc0) == 0x80)
            from--;
        to = from + PROMPT_BYTES;
        while (((uint8_t)all.ptr[to - 1] & 0xc0) == 0x80)
            to--;
        const struct wf_str text = wf_str_sub(
            all, from, (uint8_t)all.ptr[to - 1] >= 0xc0 ? to - 1 : to); /* whole characters */
        const double start = now_s();
        (void)scan(b, wf_str_sub(text, 0, wf_utf8_valid_prefix(text)), &names);
        ms[i] = (now_s() - start) * 1000;
        wf_names_deinit(&names);
    }
    return median_of(ms, OF_A_LANGUAGE);
}

/* "CODE<tab>SENTENCE" a line, a language's lines together. */
static bool languages(struct bench *b, const char *data)
{
    static double ms[LANGUAGES_MAX];
    char path[4096], name[16] = "";
    struct slowest slowest = {.ms = 0};
    struct wf_lines *lines = NULL;
    struct wf_buf text;
    struct wf_str line, code;
    bool is_end = false;
    size_t n = 0, n_under = 0;
    int rc;

    b->with_lens = true;
    wf_buf_init(&text, (size_t)1 << 24);
    (void)snprintf(path, sizeof(path), "%s/langid/ntrex_sentences.tsv.xz", data);
    rc = wf_lines_open(path, &lines, NULL);
    while (rc == 0 && !is_end && n < LANGUAGES_MAX) {
        rc = wf_lines_next(lines, &line, &is_end, NULL);
        code = WF_STR("");
        if (rc == 0 && !is_end)
            (void)wf_str_split(&line, '\t', &code);
        if (!wf_str_eq(code, wf_str_from(name))) {
            const double one = language_ms(b, wf_buf_str(&text));
            if (one > slowest.ms) {
                slowest.ms = one;
                memcpy(slowest.name, name, sizeof(name));
            }
            n_under += one > 0 && one < 25;
            ms[n] = one;
            n += one > 0;
            wf_buf_deinit(&text);
            wf_buf_init(&text, (size_t)1 << 24);
            (void)snprintf(name, sizeof(name), "%.*s", WF_STR_ARG(code));
        }
        (void)wf_buf_append_str(&text, line);
        (void)wf_buf_append_byte(&text, ' ');
    }
    wf_lines_close(lines);
    wf_buf_deinit(&text);
    if (n == 0)
        return true; /* the data are not there */
    const double all = median_of(ms, n);
    printf("  %-18s %zu languages    median %.3f ms  (must 25.0); %zu of them below, slowest %s "
           "%.3f ms\n",
           "patterns and lens", n, all, n_under, slowest.name, slowest.ms);
    return all < 25;
}

static bool all_prompts(struct bench *b, const char *data)
{
    bool good;

    printf("\na prompt of 2 kB\n");
    good = prompts(b, false, true, 0.1);
    good = prompts(b, false, false, 0.1) && good;
    good = prompts(b, true, true, 25) && good;
    good = prompts(b, true, false, 25) && good;
    return languages(b, data) && good;
}

int main(int argc, char **argv)
{
    const char *data = argc > 1 ? argv[1] : "../shared/data";
    const char *lens = argc > 2 ? argv[2] : "models/lens.gguf";
    const struct wf_detect_options o = {.score_least = 0};
    const struct wf_lens_pool_options pool = {.path = lens};
    struct bench *b = wf_alloc_array(1, sizeof(*b));
    struct wf_err err = WF_ERR_INIT;
    bool good;

    if (access(data, R_OK) != 0)
        return SKIPPED;
    if (b == NULL)
        fail("no memory");
    const double start = now_s();
    if (wf_detector_open(&o, &b->detector, &err) != 0)
        fail(err.msg);
    printf("opening: %.0f ms, %.1f MB\n\n", (now_s() - start) * 1000,
           (double)wf_alloc_stats().bytes_live * 1e-6);
    if (wf_detect_run_new(b->detector, &b->run, &err) != 0 ||
        wf_lens_pool_new(&pool, &b->lens, &err) != 0)
        fail(err.msg);
    good = presidio(b, data, false);
    good = presidio(b, data, true) && good;
    good = sequences(b, data) && good;
    good = own_set(b) && good;
    good = speed(b, data) && good;
    hard(b);
    good = all_prompts(b, data) && good;
    wf_buf_deinit(&b->prose);
    wf_lens_pool_free(b->lens);
    wf_detect_run_free(b->run);
    wf_detector_free(b->detector);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
