/* SPDX-License-Identifier: Apache-2.0 */
/* How hard requests are: the table, what it gives for texts of any bytes, and that fitting learns
 * what questions show and keeps what it was not shown apart. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "model/hardness.h"
#include "train/hardness.h"

static char table[WF_HARDNESS_TABLE_BYTES];

static void test_hardness__the_built_in_table_orders_plain_questions(void **state)
{
    struct wf_hardness *h = NULL;
    float easy[2], hard[2];

    (void)state;
    assert_int_equal(wf_hardness_built_in(&h, NULL), 0);
    wf_hardness_score(h, WF_STR("What is the capital of France?"), easy);
    wf_hardness_score(
        h,
        WF_STR("Find all c in Z_3 such that Z_3[x]/(x^3 + x^2 + c) is a field.\nA. 0\nB. 2\nC. 1\n"
               "D. 3\nAnswer:"),
        hard);
    assert_true(easy[WF_HARDNESS_SMALL] > hard[WF_HARDNESS_SMALL]);
    assert_true(easy[WF_HARDNESS_LARGE] > hard[WF_HARDNESS_LARGE]);
    wf_hardness_close(h);
}

static void test_hardness__any_text_has_finite_odds_and_features_in_bounds(void **state)
{
    static const char *const pieces[] = {"",      " ", "1", "word ", "\xc3\xa4", "\xe6\xbc\xa2",
                                         "a+b=\n"};
    static char text[20000];
    struct wf_hardness *h = NULL;
    struct wf_hardness_features f;
    float odds[2];

    (void)state;
    assert_int_equal(wf_hardness_built_in(&h, NULL), 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(pieces); i++) {
        size_t n = 0, one = strlen(pieces[i]);
        for (unsigned k = 0; k < 2; k++) {
            while (one > 0 && n + one < (k == 0 ? 100 : sizeof(text))) {
                memcpy(text + n, pieces[i], one);
                n += one;
            }
            wf_hardness_features(wf_str_n(text, n), &f);
            assert_true(f.ends[0] <= f.ends[1] && f.ends[1] <= f.ends[2]);
            assert_true(f.ends[2] <= WF_HARDNESS_FEATURES_MAX);
            assert_true(f.ends[2] > f.ends[1]); /* a shape it always has */
            wf_hardness_score(h, wf_str_n(text, n), odds);
            assert_true(isfinite(odds[0]) && isfinite(odds[1]));
        }
    }
    wf_hardness_close(h);
}

static void test_hardness__what_is_no_table_is_refused(void **state)
{
    struct wf_hardness *h = NULL;
    struct wf_err err = WF_ERR_INIT;
    const float far = INFINITY;

    (void)state;
    memset(table, 0, sizeof(table));
    assert_int_equal(wf_hardness_open(WF_STR(""), &h, &err), WF_E_FORMAT);
    assert_int_equal(wf_hardness_open(wf_str_n(table, sizeof(table)), &h, &err), WF_E_FORMAT);
    memcpy(table, "WFHARD01\0\x80\0\0", 12);
    assert_int_equal(wf_hardness_open(wf_str_n(table, sizeof(table) - 1), &h, &err), WF_E_FORMAT);
    assert_int_equal(wf_hardness_open(wf_str_n(table, sizeof(table)), &h, &err), 0);
    wf_hardness_close(h);
    memcpy(table + 12, &far, sizeof(far));
    assert_int_equal(wf_hardness_open(wf_str_n(table, sizeof(table)), &h, &err), WF_E_FORMAT);
    wf_alloc_fail_at(1);
    assert_int_equal(wf_hardness_built_in(&h, &err), WF_E_NOMEM);
    wf_alloc_fail_at(0);
}

/* Questions of which the small model answers those about birds, the large one all. */
static void write_questions(const char *path)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    for (unsigned i = 0; i < 400; i++)
        (void)fprintf(f,
                      "{\"set\":\"s%u\",\"subject\":\"x%u\",\"prompt\":\"%s number %u of %u\","
                      "\"weak\":%s,\"strong\":true}\n",
                      i % 2, i % 7, i % 3 ? "which bird sings" : "which proof holds", i, i * 7,
                      i % 3 ? "true" : "false");
    assert_int_equal(fclose(f), 0);
}

static void test_hardness__fitting_finds_what_the_small_model_cannot(void **state)
{
    struct wf_hardness_questions q;
    struct wf_err err = WF_ERR_INIT;
    char path[] = "/tmp/wf-hardness-XXXXXX";
    int fd = mkstemp(path), rc;
    double gains[400], area;

    (void)state;
    assert_true(fd >= 0);
    (void)close(fd);
    write_questions(path);
    rc = wf_hardness_questions_read(path, &q, &err);
    assert_int_equal(rc, 0);
    assert_int_equal(q.n, 400);
    assert_int_equal(q.n_sets, 2);
    for (int by_subject = 0; by_subject < 2; by_subject++) {
        assert_int_equal(wf_hardness_fold_gains(&q, by_subject == 1, gains, &err), 0);
        assert_int_equal(wf_hardness_area(&q, 0, gains, &area, &err), 0);
        assert_true(area > 0.8); /* 1 - 1/6 is the most there can be */
    }
    for (size_t i = 0; i < q.n; i++)
        gains[i] = 0;
    assert_int_equal(wf_hardness_area(&q, 1, gains, &area, &err), 0);
    assert_true(fabs(area - 0.5) < 1e-9); /* ties are any order */
    wf_hardness_questions_deinit(&q);
    for (uint64_t n = 1;; n++) { /* the n-th allocation fails */
        wf_alloc_fail_at(n);
        rc = wf_hardness_questions_read(path, &q, &err);
        if (rc == 0)
            rc = wf_hardness_fit(&q, 0, false, table, &err);
        wf_hardness_questions_deinit(&q);
        if (!wf_alloc_failed())
            break;
        assert_int_equal(rc, WF_E_NOMEM);
    }
    wf_alloc_fail_at(0);
    assert_int_equal(rc, 0);
    (void)unlink(path);
}

static void test_hardness__a_line_that_is_no_question_is_named(void **state)
{
    struct wf_hardness_questions q;
    struct wf_err err = WF_ERR_INIT;
    char path[] = "/tmp/wf-hardness-XXXXXX";
    static const char bad[] = "{\"set\":\"a\",\"subject\":\"b\",\"prompt\":\"c\",\"weak\":1}\n";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bad, sizeof(bad) - 1), sizeof(bad) - 1);
    (void)close(fd);
    assert_int_equal(wf_hardness_questions_read(path, &q, &err), WF_E_FORMAT);
    assert_non_null(strstr(err.msg, ":1:"));
    wf_hardness_questions_deinit(&q);
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hardness__the_built_in_table_orders_plain_questions),
        cmocka_unit_test(test_hardness__any_text_has_finite_odds_and_features_in_bounds),
        cmocka_unit_test(test_hardness__what_is_no_table_is_refused),
        cmocka_unit_test(test_hardness__fitting_finds_what_the_small_model_cannot),
        cmocka_unit_test(test_hardness__a_line_that_is_no_question_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
