/* SPDX-License-Identifier: Apache-2.0 */
/* National numbers: every row of the tables meets numbers made for it (tests/support/pii_kinds.c,
 * whose check characters are computed apart from the product), refuses them damaged, and the
 * detector names them by their type beside a word of their own; what only looks like them is left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/rng.h"
#include "os/file.h"
#include "privacy/checks.h"
#include "privacy/detect.h"
#include "privacy/pattern.h"
#include "support/pii_make.h"

#define ROUNDS 40
#define ROWS_MOST 600

struct row {
    const struct wf_pattern *p;
    pcre2_code *code; /* matches whole texts */
    bool met;
};

static struct row rows[ROWS_MOST];
static size_t n_rows;
static struct wf_detector *detector;
static struct wf_detect_run *run;

static void add(const struct wf_pattern_table *t)
{
    for (size_t i = 0; i < t->n; i++) {
        int error = 0;
        PCRE2_SIZE at = 0;
        const struct wf_pattern *p = &t->rows[i];
        assert_true(n_rows < ROWS_MOST);
        rows[n_rows].p = p;
        rows[n_rows].code = pcre2_compile(
            (PCRE2_SPTR)p->regex, PCRE2_ZERO_TERMINATED,
            PCRE2_UTF | PCRE2_CASELESS | PCRE2_ANCHORED | PCRE2_ENDANCHORED, &error, &at, NULL);
        if (rows[n_rows].code == NULL)
            fail_msg("%s: error %d at %zu of %s", p->type, error, at, p->regex);
        n_rows++;
    }
}

static int open_all(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    const struct wf_pattern_table *tables[] = {
        &wf_patterns_ids_vat,  &wf_patterns_ids_west,   &wf_patterns_ids_north,
        &wf_patterns_ids_east, &wf_patterns_ids_cis,    &wf_patterns_ids_americas,
        &wf_patterns_ids_asia, &wf_patterns_ids_africa, &wf_patterns_ids_general,
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(tables); i++)
        add(tables[i]);
    if (wf_detector_open(&(struct wf_detect_options){0}, &detector, &err) != 0) {
        print_message("%s\n", err.msg);
        return -1;
    }
    return wf_detect_run_new(detector, &run, &err);
}

static int close_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_rows; i++)
        pcre2_code_free(rows[i].code);
    wf_detect_run_free(run);
    wf_detector_free(detector);
    return 0;
}

static void test_ids__rows_are_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_rows; i++) {
        const struct wf_pattern *p = rows[i].p;
        bool sound = p->score > 0 && p->score <= p->score_context && p->score_context < 1 &&
                     p->context != NULL && p->context[0] != 0 && p->score_context >= 0.5F;
        if (p->triggers == NULL)
            sound = sound && p->letters_digits_least >= 2 &&
                    p->letters_digits_least <= p->letters_digits_most &&
                    p->letters_digits_most <= WF_CODE_MOST;
        for (const char *c = p->type; *c != 0; c++)
            sound = sound && ((*c >= 'A' && *c <= 'Z') || *c == '_');
        /* What nothing but its digits tells stays below what is reported. */
        if (p->valid == NULL && strncmp(p->regex, "\\d{", 3) == 0 && strchr(p->regex, '-') == NULL)
            sound = sound && p->score < 0.5F;
        if (!sound)
            fail_msg("%s %s", p->type, p->regex);
        for (const char *c = p->context; *c != 0; c++) {
            if (*c >= 'A' && *c <= 'Z')
                fail_msg("%s: a capital in %s", p->type, p->context);
        }
    }
}

static bool fits(const struct row *r, const char *number)
{
    pcre2_match_data *m = pcre2_match_data_create_from_pattern(r->code, NULL);
    int rc = pcre2_match(r->code, (PCRE2_SPTR)number, strlen(number), 0, 0, m, NULL);

    pcre2_match_data_free(m);
    return rc > 0;
}

static size_t letters_digits(const char *s)
{
    size_t n = 0;

    for (; *s != 0; s++)
        n += (*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z');
    return n;
}

static bool accepts(const struct row *r, const char *number)
{
    return fits(r, number) && (r->p->valid == NULL || r->p->valid(wf_str_from(number)));
}

/* Changes one digit of what is checked. */
static void damage(char *number, const struct wf_rng *rng)
{
    size_t n = strlen(number);

    for (;;) {
        size_t i = wf_rng_below(rng, n);
        char c = (char)('0' + wf_rng_below(rng, 10));
        if (number[i] < '0' || number[i] > '9' || number[i] == c)
            continue;
        number[i] = c;
        return;
    }
}

static bool has_checksum(const struct wf_pattern *p)
{
    return p->why != NULL &&
           (strstr(p->why, "checksum") != NULL || strstr(p->why, "remainder") != NULL ||
            strstr(p->why, "ISO 7064") != NULL);
}

/* A row that the number is meant for: of its type, and of several the one with a checksum. */
static void meet(const struct pii_kind *k, const struct wf_rng *rng)
{
    unsigned met = 0, damaged = 0, refused = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
        char number[PII_MADE_MOST], broken[PII_MADE_MOST];
        bool found = false;
        pii_make(k, rng, number);
        for (size_t i = 0; i < n_rows; i++) {
            struct row *r = &rows[i];
            if (strcmp(r->p->type, k->type) != 0 || !accepts(r, number))
                continue;
            found = r->met = true;
            if (r->p->triggers == NULL && (letters_digits(number) < r->p->letters_digits_least ||
                                           letters_digits(number) > r->p->letters_digits_most))
                fail_msg("%s: %s has %zu letters and digits", k->type, number,
                         letters_digits(number));
            if (!has_checksum(r->p) || k->rule == NULL)
                continue;
            strcpy(broken, number);
            damage(broken, rng);
            damaged++;
            refused += !accepts(r, broken);
        }
        met += found;
        if (!found)
            print_message("%s: %s (%s) is not met\n", k->type, number, k->shape);
    }
    assert_int_equal(met, ROUNDS);
    if (refused * 100 < damaged * 85)
        fail_msg("%s (%s): %u of %u damaged are refused", k->type, k->shape, refused, damaged);
}

static void test_ids__every_row_meets_its_numbers_and_refuses_damaged_ones(void **state)
{
    struct wf_rng_seeded seeded;

    (void)state;
    wf_rng_seeded_init(&seeded, 7);
    for (size_t i = 0; i < pii_kinds_n; i++)
        meet(&pii_kinds[i], &seeded.rng);
    for (size_t i = 0; i < n_rows; i++) {
        if (!rows[i].met)
            fail_msg("no number was made for %s %s", rows[i].p->type, rows[i].p->regex);
    }
}

/* No byte makes a validator read too far or loop: random bytes and random cuts of numbers. */
static void test_ids__validators_take_any_bytes(void **state)
{
    struct wf_rng_seeded seeded;

    (void)state;
    wf_rng_seeded_init(&seeded, 8);
    for (unsigned round = 0; round < 300; round++) {
        char bytes[64], number[PII_MADE_MOST];
        size_t n = wf_rng_below(&seeded.rng, sizeof(bytes));
        static const char likely[] = "0123456789ABCXYZ-./ ";
        for (size_t i = 0; i < n; i++)
            bytes[i] = round % 2 ? likely[wf_rng_below(&seeded.rng, sizeof(likely) - 1)]
                                 : (char)wf_rng_below(&seeded.rng, 256);
        pii_make(&pii_kinds[wf_rng_below(&seeded.rng, pii_kinds_n)], &seeded.rng, number);
        for (size_t i = 0; i < n_rows; i++) {
            if (rows[i].p->valid == NULL)
                continue;
            (void)rows[i].p->valid(wf_str_n(bytes, n));
            (void)rows[i].p->valid(wf_str_n(number, wf_rng_below(&seeded.rng, strlen(number) + 1)));
            (void)rows[i].p->valid((struct wf_str){NULL, 0});
        }
    }
}

/* ---- with the detector ---- */

/* The first word of the row that takes the number, with the highest score. */
static struct wf_str word_of(const char *type, const char *number)
{
    const struct wf_pattern *best = NULL;
    struct wf_str words, word;

    for (size_t i = 0; i < n_rows; i++) {
        const struct wf_pattern *p = rows[i].p;
        if (strcmp(p->type, type) == 0 && accepts(&rows[i], number) &&
            (best == NULL || p->score_context > best->score_context))
            best = p;
    }
    assert_non_null(best);
    words = wf_str_from(best->context);
    (void)wf_str_split(&words, '|', &word);
    return word;
}

static const char *type_at(const char *text, const char *number)
{
    struct wf_pii_list list;
    size_t start = wf_str_find(wf_str_from(text), wf_str_from(number), 0);

    assert_int_equal(
        wf_detect_scan(run, wf_str_from(text), (struct wf_pii_list){.n = 0}, &list, NULL), 0);
    for (size_t i = 0; i < list.n; i++) {
        if (list.items[i].start <= start && list.items[i].end >= start + strlen(number))
            return list.items[i].type;
    }
    return "nothing";
}

static void test_ids__a_word_near_names_the_type(void **state)
{
    struct wf_rng_seeded seeded;
    unsigned all = 0, right = 0, bad_kinds = 0;

    (void)state;
    wf_rng_seeded_init(&seeded, 9);
    for (size_t i = 0; i < pii_kinds_n; i++) {
        const struct pii_kind *k = &pii_kinds[i];
        unsigned good = 0;
        char example[PII_MADE_MOST] = "";
        const char *instead = "";
        for (unsigned round = 0; round < 10; round++) {
            char number[PII_MADE_MOST], text[256];
            struct wf_str word;
            const char *type;
            pii_make(k, &seeded.rng, number);
            word = word_of(k->type, number);
            snprintf(text, sizeof(text), "%.*s: %s, ok.", WF_STR_ARG(word), number);
            type = type_at(text, number);
            all++;
            good += strcmp(type, k->type) == 0;
            if (strcmp(type, k->type) != 0) {
                strcpy(example, text);
                instead = type;
            }
        }
        right += good;
        if (good < 8) {
            bad_kinds++;
            print_message("%s: %u of 10; \"%s\" is %s\n", k->type, good, example, instead);
        }
    }
    print_message("%u of %u named right\n", right, all);
    assert_int_equal(bad_kinds, 0);
    assert_true(right * 100 >= all * 97);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids__rows_are_sound),
        cmocka_unit_test(test_ids__every_row_meets_its_numbers_and_refuses_damaged_ones),
        cmocka_unit_test(test_ids__validators_take_any_bytes),
        cmocka_unit_test(test_ids__a_word_near_names_the_type),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
