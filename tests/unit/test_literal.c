/* SPDX-License-Identifier: Apache-2.0 */
/* Many words in one pass: the same as looking for each by itself, with rows for all states or for
 * hardly any. */
#include "privacy/literal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/err.h"
#include "train/shuffle.h"

#define N_WORDS 200

static char words[N_WORDS][8];

/* Words of few letters, so that they lie within each other. */
static void make_words(uint64_t *draw)
{
    for (size_t i = 0; i < N_WORDS; i++) {
        const size_t n = 1 + wf_draw_below(draw, 6);
        for (size_t k = 0; k < n; k++)
            words[i][k] = (char)('a' + wf_draw_below(draw, 3));
        words[i][n] = '\0';
    }
}

static bool is_at(const char *text, size_t end, const char *word)
{
    const size_t n = strlen(word);

    return end >= n && wf_str_eq_nocase(wf_str_n(text + end - n, n), wf_str_n(word, n));
}

static void check(size_t bytes)
{
    uint64_t draw = 7;
    struct wf_literals l;
    uint32_t state = 0;
    char text[2001];
    size_t n_hits = 0;

    make_words(&draw);
    wf_literals_init(&l);
    for (size_t i = 0; i < N_WORDS; i++)
        assert_int_equal(wf_literals_add(&l, wf_str_from(words[i]), (uint16_t)i), 0);
    assert_int_equal(wf_literals_build(&l, bytes), 0);
    for (size_t i = 0; i < 2000; i++)
        text[i] = "abcABCx"[wf_draw_below(&draw, 7)];
    text[2000] = '\0';
    for (size_t i = 0; i < 2000; i++) {
        const struct wf_literal *hits = NULL;
        bool got[N_WORDS] = {false};
        size_t n = 0;
        state = wf_literals_step(&l, state, text[i]);
        if ((state & WF_LITERAL_HIT) != 0)
            n = wf_literals_at(&l, state, &hits);
        for (size_t k = 0; k < n; k++) {
            assert_int_equal(hits[k].bytes, strlen(words[hits[k].id]));
            assert_false(got[hits[k].id]);
            got[hits[k].id] = true;
        }
        n_hits += n;
        for (size_t k = 0; k < N_WORDS; k++)
            assert_int_equal(got[k], is_at(text, i + 1, words[k]));
    }
    assert_true(n_hits > 10000);
    wf_literals_deinit(&l);
}

static void test_literal__all_words(void **state)
{
    (void)state;
    check(1u << 20);
    check(0);
    check(100);
}

static bool finds(const struct wf_literals *l, const char *text)
{
    uint32_t state = 0;
    bool found = false;

    for (const char *p = text; *p != '\0'; p++) {
        state = wf_literals_step(l, state, *p);
        found = found || (state & WF_LITERAL_HIT) != 0;
    }
    return found;
}

static void test_literal__folded(void **state)
{
    struct wf_literals l;

    (void)state;
    wf_literals_init(&l);
    assert_int_equal(wf_literals_add_folded(&l, WF_STR("número"), 0), 0);
    assert_int_equal(wf_literals_add_folded(&l, WF_STR("карта"), 1), 0);
    assert_int_equal(wf_literals_add(&l, WF_STR(""), 2), WF_E_LIMIT);
    assert_int_equal(wf_literals_build(&l, 4096), 0);
    assert_true(finds(&l, "el NÚMERO"));
    assert_true(finds(&l, "Numero"));
    assert_true(finds(&l, "Карта"));
    assert_true(finds(&l, "КАРТА"));
    assert_false(finds(&l, "карт а"));
    wf_literals_deinit(&l);
}

static void test_literal__allocations_fail(void **state)
{
    bool failed = true;
    size_t n_failed = 0;

    (void)state;
    for (uint64_t n = 1; failed; n++) {
        struct wf_literals l;
        wf_literals_init(&l);
        wf_alloc_fail_at(n);
        int rc = wf_literals_add_folded(&l, WF_STR("número"), 0);
        if (rc == 0)
            rc = wf_literals_build(&l, 4096);
        failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_int_equal(rc != 0, failed);
        n_failed += failed;
        if (rc == 0)
            assert_true(finds(&l, "número"));
        wf_literals_deinit(&l);
    }
    assert_true(n_failed >= 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_literal__all_words),
        cmocka_unit_test(test_literal__folded),
        cmocka_unit_test(test_literal__allocations_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
