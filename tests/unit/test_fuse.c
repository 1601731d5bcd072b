/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of find/fuse.h: the sum is that of its parts, every number has a name, and what has no word
 * in common needs enough that speaks for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "find/fuse.h"

static const struct wf_fuse_case read_with = {
    .similarity = 0.4, .rank = 1, .open = 0.5, .is_judged = true, .evidence = {3.0f, 2.0f, -1.0f}};

static void assert_near(double a, double b)
{
    if (fabs(a - b) > 1e-9)
        fail_msg("%.12g is not %.12g", a, b);
}

static void test_fuse__is_the_sum_of_its_parts(void **state)
{
    (void)state;
    struct wf_fuse_weights w = {.parts = {0}};
    double parts[WF_FUSE_PARTS], sum = 0, judged = 0;
    static const double want[WF_FUSE_PARTS] = {0.4, 0.2, 0.5, 3, 1.5, 2, -1};
    wf_fuse_parts(&read_with, parts);
    for (size_t i = 0; i < WF_FUSE_PARTS; i++) {
        assert_near(parts[i], want[i]);
        w.parts[i] = (double)(1 << i);
        sum += w.parts[i] * want[i];
        judged += i >= WF_FUSE_ANSWERS ? w.parts[i] * want[i] : 0;
    }
    assert_near(wf_fuse_value(&w, &read_with), sum);
    assert_near(wf_fuse_judged(&w, &read_with), judged);
}

static void test_fuse__what_was_not_read_has_no_evidence(void **state)
{
    (void)state;
    struct wf_fuse_weights w = {.parts = {1, 1, 1, 1, 1, 1, 1}};
    struct wf_fuse_case c = read_with;
    c.is_judged = false;
    assert_near(wf_fuse_judged(&w, &c), 0);
    assert_near(wf_fuse_value(&w, &c), 0.4 + 0.2 + 0.5);
}

static void test_fuse__knows_whether_evidence_counts(void **state)
{
    (void)state;
    struct wf_fuse_weights w = {.parts = {[WF_FUSE_SIMILARITY] = 10}};
    assert_false(wf_fuse_judges(&w));
    w.parts[WF_FUSE_SPAN] = 0.1;
    assert_true(wf_fuse_judges(&w));
}

static void test_fuse__every_number_has_a_name(void **state)
{
    (void)state;
    struct wf_fuse_weights w = {.parts = {0}};
    size_t n = 0;
    for (; wf_fuse_weight_name(n) != NULL; n++) {
        assert_non_null(wf_fuse_weight_at(&w, n));
        for (size_t k = 0; k < n; k++) {
            assert_string_not_equal(wf_fuse_weight_name(n), wf_fuse_weight_name(k));
            assert_ptr_not_equal(wf_fuse_weight_at(&w, n), wf_fuse_weight_at(&w, k));
        }
    }
    assert_null(wf_fuse_weight_at(&w, n));
    assert_int_equal(n * sizeof(double), sizeof w); /* none is missing */
    assert_ptr_equal(wf_fuse_weight_at(&w, n - 1), &w.alone_least);
    assert_string_equal(wf_fuse_weight_name(n - 1), "alone_least");
    assert_string_equal(wf_fuse_weight_name(WF_FUSE_SPAN), "span");
}

static void test_fuse__alone_needs_enough(void **state)
{
    (void)state;
    const struct wf_fuse_weights w = {
        .alone = -0.5, .alone_similarity = 1, .alone_answers = 0.05, .alone_least = 0.6};
    struct wf_fuse_case c = read_with; /* 0.4 + 0.15 */
    assert_true(wf_fuse_is_worth(&w, &c));
    c.evidence.answers = 1;
    assert_false(wf_fuse_is_worth(&w, &c));
    c.is_judged = false;
    c.similarity = 0.61;
    assert_true(wf_fuse_is_worth(&w, &c));
    c.similarity = 0.59;
    assert_false(wf_fuse_is_worth(&w, &c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fuse__is_the_sum_of_its_parts),
        cmocka_unit_test(test_fuse__what_was_not_read_has_no_evidence),
        cmocka_unit_test(test_fuse__knows_whether_evidence_counts),
        cmocka_unit_test(test_fuse__every_number_has_a_name),
        cmocka_unit_test(test_fuse__alone_needs_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
