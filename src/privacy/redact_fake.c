/* SPDX-License-Identifier: Apache-2.0 */
/* Fakes: a made-up datum of the same kind and form. Names, towns and companies come from lists;
 * addresses in networks from the ranges that are kept for documentation; everything else keeps its
 * form, letter for letter and digit for digit, until what its pattern computes (checksums, dates)
 * is right. The seed decides, so that the same datum gets the same fake in a conversation. */
#include <string.h>

#include "base/rng.h"
#include "privacy/pattern.h"
#include "privacy/redact_internal.h"

/* A check digit is right by chance once in ten to a hundred times, with a date in the number once
 * in some thousands. */
#define TRIES 30000
#define FORM_BYTES_MAX 256

static const char *const given[] = {"Clara", "Jonas", "Mara",  "Tobias", "Elena", "Marek",
                                    "Nora",  "Felix", "Ines",  "Oskar",  "Leila", "Hugo",
                                    "Vera",  "Anton", "Selma", "Bruno"};
static const char *const family[] = {
    "Neumann", "Brandt",  "Keller", "Lindqvist", "Moreau", "Novak",     "Castello", "Whitfield",
    "Harlow",  "Bergman", "Tanaka", "Okafor",    "Petrov", "Marchetti", "Duarte",   "Solberg"};
static const char *const towns[] = {"Altenfeld", "Brookhaven", "Weidental", "Larkspur",
                                    "Nordhagen", "Valmere",    "Steinbach", "Eastmoor"};
static const char *const streets[] = {"Linden Street", "Mill Lane",  "Garden Road", "Birch Avenue",
                                      "Station Road",  "Meadow Way", "Harbour Row", "Elm Close"};
static const char *const companies[] = {"Norvex", "Albatec", "Quillon", "Tervana",
                                        "Merado", "Solvira", "Kestrin", "Ombria"};
static const char *const beliefs[] = {"Norwegian", "Chilean", "Estonian", "Maltese"};

static uint64_t below(const struct wf_rng *rng, uint64_t n)
{
    return wf_rng_below(rng, n);
}

#define PICK(rng, list) (list)[below(rng, WF_ARRAY_LEN(list))]

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* "Dr. Anna Schmidt": forms of address before the name stay. */
static void person(struct wf_str datum, const struct wf_rng *rng, struct wf_buf *out)
{
    const char *first = PICK(rng, given), *last = PICK(rng, family);
    struct wf_str rest = datum, word;
    size_t n = 0;

    while (wf_str_split(&rest, ' ', &word)) {
        if (word.len == 0)
            continue;
        struct wf_str plain = wf_str_sub(word, 0, word.len - (word.ptr[word.len - 1] == '.'));
        if (n == 0 && wf_redact__is_title(plain) && rest.ptr != NULL) {
            (void)wf_buf_append_str(out, word);
            (void)wf_buf_append_byte(out, ' ');
            continue;
        }
        n++;
    }
    if (n > 1)
        (void)wf_buf_appendf(out, "%s ", first);
    (void)wf_buf_append_cstr(out, last);
}

/* Digits and letters anew, in their classes; the first `keep` of them and all else stay. */
static void reform(struct wf_str datum, size_t keep, const struct wf_rng *rng, char *out)
{
    size_t n_seen = 0;

    for (size_t i = 0; i < datum.len; i++) {
        char c = datum.ptr[i];
        bool is_kept = (is_digit(c) || is_letter(c)) && n_seen++ < keep;
        if (is_kept)
            out[i] = c;
        else if (is_digit(c))
            out[i] = (char)('0' + below(rng, 10));
        else if (is_letter(c))
            out[i] = (char)((c & ~0x1f) | (1 + (int)below(rng, 26)));
        else
            out[i] = c;
    }
}

/* The check of the type's pattern; NULL: there is none. */
static bool (*check_of(const char *type, struct wf_str datum))(struct wf_str match)
{
    for (size_t t = 0; t < wf_pattern_tables_n; t++) {
        for (size_t i = 0; i < wf_pattern_tables[t]->n; i++) {
            const struct wf_pattern *p = &wf_pattern_tables[t]->rows[i];
            if (p->valid != NULL && strcmp(p->type, type) == 0 && p->valid(datum))
                return p->valid;
        }
    }
    return NULL;
}

/* Of the same form and valid as the datum is; false: none came up. Letters that begin a number say
 * what it is (a country, a kind), and so does a card's first digit: they stay. */
static bool number(struct wf_str datum, const char *type, const struct wf_rng *rng,
                   struct wf_buf *out)
{
    char form[FORM_BYTES_MAX];
    bool (*valid)(struct wf_str) = check_of(type, datum);
    size_t keep = 0;

    if (datum.len > sizeof(form) || datum.len == 0)
        return false;
    while (keep < datum.len && is_letter(datum.ptr[keep]))
        keep++;
    if (keep == 0 && strcmp(type, "CREDIT_CARD") == 0)
        keep = 1;
    if (keep == datum.len)
        keep = 0;
    for (int i = 0; i < TRIES; i++) {
        struct wf_str made = wf_str_n(form, datum.len);
        reform(datum, keep, rng, form);
        if (wf_str_eq(made, datum) || (valid != NULL && !valid(made)))
            continue;
        (void)wf_buf_append_str(out, made);
        return true;
    }
    return false;
}

/* Numbers within a date keep what they can be: years near by, months and days that there are. */
static void date(struct wf_str datum, const struct wf_rng *rng, struct wf_buf *out)
{
    size_t i = 0;

    while (i < datum.len) {
        uint64_t n = 0, made;
        size_t end = i;
        while (end < datum.len && end - i < 9 && is_digit(datum.ptr[end]))
            n = n * 10 + (uint64_t)(datum.ptr[end++] - '0');
        if (end == i) {
            (void)wf_buf_append_byte(out, datum.ptr[i++]);
            continue;
        }
        if (end - i == 4 && n >= 1900 && n < 2100)
            made = n - 3 + below(rng, 7);
        else if (end - i <= 2 && n >= 1 && n <= 12)
            made = 1 + below(rng, 12);
        else if (end - i <= 2 && n <= 31)
            made = 13 + below(rng, 16);
        else if (end - i <= 2 && n < 60)
            made = 32 + below(rng, 28);
        else
            made = below(rng, n + 1);
        (void)wf_buf_appendf(out, "%0*llu", (int)(end - i), (unsigned long long)made);
        i = end;
    }
}

static void network(struct wf_str datum, const struct wf_rng *rng, struct wf_buf *out)
{
    if (wf_str_find_byte(datum, ':', 0) != SIZE_MAX)
        (void)wf_buf_appendf(out, "2001:db8::%x:%x", (unsigned)below(rng, 0xffff),
                             1 + (unsigned)below(rng, 0xfffe));
    else
        (void)wf_buf_appendf(out, "%s.%u", below(rng, 2) ? "203.0.113" : "198.51.100",
                             1 + (unsigned)below(rng, 254));
}

/* By lists; false: the kind has none. */
static bool by_list(enum wf_datum kind, struct wf_str datum, const struct wf_rng *rng,
                    struct wf_buf *out)
{
    bool has_number = datum.len > 0 && is_digit(datum.ptr[0]);

    if (kind == WF_DATUM_PERSON)
        person(datum, rng, out);
    else if (kind == WF_DATUM_EMAIL)
        (void)wf_buf_appendf(out, "%c.%s%u@example.org", 'a' + (int)below(rng, 26),
                             PICK(rng, family), 10 + (unsigned)below(rng, 90));
    else if (kind == WF_DATUM_USERNAME)
        (void)wf_buf_appendf(out, "%s%u", PICK(rng, given), 100 + (unsigned)below(rng, 900));
    else if (kind == WF_DATUM_ORGANIZATION)
        (void)wf_buf_appendf(out, "%s Ltd", PICK(rng, companies));
    else if (kind == WF_DATUM_PLACE)
        (void)wf_buf_append_cstr(out, PICK(rng, towns));
    else if (kind == WF_DATUM_ORIGIN)
        (void)wf_buf_append_cstr(out, PICK(rng, beliefs));
    else if (kind == WF_DATUM_ADDRESS && has_number)
        (void)wf_buf_appendf(out, "%u %s", 1 + (unsigned)below(rng, 98), PICK(rng, streets));
    else if (kind == WF_DATUM_ADDRESS)
        (void)wf_buf_appendf(out, "%s %u", PICK(rng, streets), 1 + (unsigned)below(rng, 98));
    else if (kind == WF_DATUM_IP)
        network(datum, rng, out);
    else if (kind == WF_DATUM_URL)
        (void)wf_buf_appendf(out, "https://www.example.org/%u", 1000 + (unsigned)below(rng, 9000));
    else if (kind == WF_DATUM_DATE || kind == WF_DATUM_BIRTH)
        date(datum, rng, out);
    else
        return false;
    return true;
}

int wf_redact_fake(struct wf_str datum, const char *type, uint64_t seed, struct wf_buf *out)
{
    enum wf_datum kind = wf_datum_of(wf_str_from(type));
    struct wf_rng_seeded rng;
    size_t start = out->len;

    wf_rng_seeded_init(&rng, seed);
    for (int i = 0; i < 20; i++) {
        wf_buf_truncate(out, start);
        if (!by_list(kind, datum, &rng.rng, out) && !number(datum, type, &rng.rng, out))
            break;
        if (wf_buf_status(out) != 0 ||
            !wf_str_eq_nocase(wf_str_n(out->ptr + start, out->len - start), datum))
            return wf_buf_status(out);
    }
    wf_buf_truncate(out, start); /* nothing that is not the datum itself */
    return wf_buf_append_cstr(out, "");
}
