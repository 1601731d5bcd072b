/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of base/alloc.h and base/fault.h: counters, overflow, the n-th failure, threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/fault.h"

static void test_alloc__counts_what_lives(void **state)
{
    (void)state;
    struct wf_alloc_stats before = wf_alloc_stats();
    void *a = wf_alloc(1000);
    char *b = wf_alloc_array(100, 10);
    struct wf_alloc_stats now = wf_alloc_stats();
    assert_int_equal(now.n_live, before.n_live + 2);
    assert_int_equal(now.n_total, before.n_total + 2);
    assert_true(now.bytes_live >= before.bytes_live + 2000);
    assert_true(now.bytes_live <= before.bytes_live + 2200);
    assert_true(now.bytes_peak >= now.bytes_live);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(b[i], 0);
    void *c = wf_realloc_array(b, 5000, 10);
    assert_non_null(c);
    now = wf_alloc_stats();
    assert_int_equal(now.n_live, before.n_live + 2);
    assert_int_equal(now.n_total, before.n_total + 3);
    assert_true(now.bytes_live >= before.bytes_live + 51000);
    uint64_t peak = now.bytes_peak;
    c = wf_realloc_array(c, 10, 1);
    assert_non_null(c);
    assert_true(wf_alloc_stats().bytes_live < before.bytes_live + 51000);
    wf_free(a);
    wf_free(c);
    wf_free(NULL);
    now = wf_alloc_stats();
    assert_int_equal(now.n_live, before.n_live);
    assert_int_equal(now.bytes_live, before.bytes_live);
    assert_int_equal(now.bytes_peak, peak); /* a peak stays */
}

static void test_alloc__lines_are_aligned(void **state)
{
    (void)state;
    for (size_t n = 0; n < 100000; n = n * 3 + 1) {
        struct wf_alloc_stats before = wf_alloc_stats();
        float *a = wf_alloc_lines(n, sizeof(float)), *b = wf_alloc_lines(n, sizeof(float));
        assert_non_null(a);
        assert_non_null(b);
        assert_ptr_not_equal(a, b);
        assert_int_equal((uintptr_t)a % 64, 0);
        assert_int_equal((uintptr_t)b % 64, 0);
        for (size_t i = 0; i < n; i++) {
            assert_true(a[i] == 0.0f);
            a[i] = 1.0f;
        }
        assert_true(wf_alloc_stats().bytes_live >= before.bytes_live + 2 * n * sizeof(float));
        wf_free(a);
        wf_free(b);
        assert_int_equal(wf_alloc_stats().bytes_live, before.bytes_live);
    }
    size_t n = SIZE_MAX / sizeof(float);
    assert_null(wf_alloc_lines(n, sizeof(float)));
    assert_null(wf_alloc_lines(n + 2, sizeof(float)));
    wf_alloc_fail_at(1);
    assert_null(wf_alloc_lines(5, sizeof(float)));
    assert_true(wf_alloc_failed());
    wf_alloc_fail_at(0);
}

static void test_alloc__nothing_is_a_unique_pointer(void **state)
{
    (void)state;
    void *a = wf_alloc(0);
    void *b = wf_alloc_array(0, 100);
    void *c = wf_realloc_array(NULL, 0, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    assert_ptr_not_equal(a, b);
    a = wf_realloc_array(a, 0, 7); /* lives on, is not freed */
    assert_non_null(a);
    wf_free(a);
    wf_free(b);
    wf_free(c);
}

static void test_alloc__overflow_is_a_failure(void **state)
{
    (void)state;
    volatile size_t half = SIZE_MAX / 2 + 1; /* volatile: compilers warn of the constant */
    assert_null(wf_alloc_array(half, 2));
    assert_null(wf_alloc_array(SIZE_MAX, SIZE_MAX));
    char *p = wf_strdup("kept");
    assert_null(wf_realloc_array(p, half, 2));
    assert_string_equal(p, "kept");
    wf_free(p);
    assert_null(wf_memdup0("x", SIZE_MAX));
}

static void test_alloc__copies(void **state)
{
    (void)state;
    char *p = wf_memdup0("a\0b", 3);
    assert_memory_equal(p, "a\0b\0", 4);
    wf_free(p);
    p = wf_memdup0(NULL, 0);
    assert_string_equal(p, "");
    wf_free(p);
    p = wf_strdup("text");
    assert_string_equal(p, "text");
    wf_free(p);
}

static void test_alloc__the_nth_fails_once(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 5; n++) {
        void *p[6];
        uint64_t live = wf_alloc_stats().n_live;
        wf_alloc_fail_at(n);
        p[0] = wf_alloc(1);
        assert_int_equal(wf_alloc_failed(), n == 1);
        p[1] = wf_alloc_array(1, 1);
        p[2] = wf_realloc_array(NULL, 1, 1);
        p[3] = wf_strdup("x");
        p[4] = wf_memdup0("x", 1);
        p[5] = wf_alloc(1);
        for (uint64_t i = 0; i < 6; i++) {
            assert_int_equal(p[i] == NULL, i + 1 == n);
            wf_free(p[i]);
        }
        assert_true(wf_alloc_failed());
        assert_int_equal(wf_alloc_stats().n_live, live);
    }
    char *p = wf_strdup("kept");
    wf_alloc_fail_at(1);
    assert_null(wf_realloc_array(p, 1000, 1));
    assert_string_equal(p, "kept");
    wf_alloc_fail_at(1);
    wf_alloc_fail_at(0);
    assert_false(wf_alloc_failed());
    p = wf_realloc_array(p, 1000, 1);
    assert_non_null(p);
    wf_free(p);
}

#define N_THREADS 4
#define N_ROUNDS 5000

static atomic_uint n_failed;

static void *allocate_much(void *ud)
{
    for (size_t i = 1; i <= N_ROUNDS; i++) {
        void *p = wf_alloc(i % 500);
        void *q = p ? wf_realloc_array(p, i % 700, 2) : NULL;
        if (!q)
            atomic_fetch_add(&n_failed, 1);
        wf_free(q ? q : p);
    }
    return ud;
}

static void test_alloc__is_exact_with_threads(void **state)
{
    (void)state;
    struct wf_alloc_stats before = wf_alloc_stats();
    pthread_t threads[N_THREADS];
    atomic_store(&n_failed, 0);
    wf_alloc_fail_at(N_THREADS * N_ROUNDS); /* about in the middle */
    for (size_t i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, allocate_much, NULL), 0);
    for (size_t i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_true(wf_alloc_failed());
    assert_int_equal(atomic_load(&n_failed), 1);
    struct wf_alloc_stats now = wf_alloc_stats();
    assert_int_equal(now.n_live, before.n_live);
    assert_int_equal(now.bytes_live, before.bytes_live);
    /* Each round makes two; the one failure costs one or, with its resizing, two. */
    uint64_t n_made = now.n_total - before.n_total;
    assert_true(n_made == 2 * N_THREADS * N_ROUNDS - 1 || n_made == 2 * N_THREADS * N_ROUNDS - 2);
}

static void test_alloc__a_fault_counts_down(void **state)
{
    (void)state;
    static struct wf_fault f;
    assert_false(wf_fault_now(&f));
    wf_fault_set(&f, 3);
    assert_false(wf_fault_now(&f));
    assert_false(wf_fault_now(&f));
    assert_false(wf_fault_hit(&f));
    assert_true(wf_fault_now(&f));
    assert_false(wf_fault_now(&f));
    assert_true(wf_fault_hit(&f));
    wf_fault_set(&f, 0);
    assert_false(wf_fault_hit(&f));
}

static void test_alloc__reserve_grows_what_lies_there(void **state)
{
    uint32_t *items = NULL, *before;
    size_t cap = 0;

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(wf_reserve(&items, &cap, i + 1, sizeof(*items)), 0);
        items[i] = i;
    }
    assert_true(cap >= 1000 && cap < 2000);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(items[i], i);
    before = items;
    assert_int_equal(wf_reserve(&items, &cap, 500, sizeof(*items)), 0);
    assert_ptr_equal(items, before);
    wf_alloc_fail_at(1);
    assert_int_equal(wf_reserve(&items, &cap, 5000, sizeof(*items)), WF_E_NOMEM);
    wf_alloc_fail_at(0);
    assert_int_equal(wf_reserve(&items, &cap, SIZE_MAX, sizeof(*items)), WF_E_NOMEM);
    assert_ptr_equal(items, before);
    assert_int_equal(items[999], 999);
    wf_free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc__counts_what_lives),
        cmocka_unit_test(test_alloc__lines_are_aligned),
        cmocka_unit_test(test_alloc__nothing_is_a_unique_pointer),
        cmocka_unit_test(test_alloc__overflow_is_a_failure),
        cmocka_unit_test(test_alloc__copies),
        cmocka_unit_test(test_alloc__the_nth_fails_once),
        cmocka_unit_test(test_alloc__is_exact_with_threads),
        cmocka_unit_test(test_alloc__a_fault_counts_down),
        cmocka_unit_test(test_alloc__reserve_grows_what_lies_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
