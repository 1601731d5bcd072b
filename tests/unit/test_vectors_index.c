/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of find/vectors_index.h: what is near is found through the index, what was added since or
 * taken away too or not, filters stay exact, rows that move drop it, and without memory there is
 * none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "find/vectors.h"
#include "support/home.h"

#define DIM 32
#define LENS "lens 1"
#define N 6000
#define CENTRES 60
#define K 10

static struct home home;
static struct wf_rng_seeded rng;
static struct wf_vectors *v;
static float (*rows)[DIM]; /* of chunk i + 1 */
static int64_t n_rows;

static void normalise(float x[DIM])
{
    float sum = 0;
    for (size_t i = 0; i < DIM; i++)
        sum += x[i] * x[i];
    for (size_t i = 0; i < DIM; i++)
        x[i] /= sqrtf(sum);
}

/* Near the i-th of the centres. */
static void draw(uint64_t i, float spread, float out[DIM])
{
    struct wf_rng_seeded centre;
    wf_rng_seeded_init(&centre, 100 + i);
    for (size_t k = 0; k < DIM; k++) {
        float at = (float)wf_rng_below(&centre.rng, 2001) / 1000.0f - 1;
        out[k] = at + spread * ((float)wf_rng_below(&rng.rng, 2001) / 1000.0f - 1);
    }
    normalise(out);
}

/* n rows more, straight into memory. */
static void add(int64_t n)
{
    static uint8_t data[WF_VECTOR_PIECE * WF_VECTOR_ROW_BYTES(DIM)];
    while (n > 0) {
        struct wf_vector_piece p = {.first_chunk = n_rows + 1,
                                    .n_chunks = (uint32_t)WF_MIN(n, WF_VECTOR_PIECE),
                                    .dim = DIM,
                                    .lens = WF_STR(LENS)};
        for (uint32_t i = 0; i < p.n_chunks; i++, n_rows++) {
            draw(wf_rng_below(&rng.rng, CENTRES), 0.6f, rows[n_rows]);
            wf_vector_pack(rows[n_rows], DIM, data + i * WF_VECTOR_ROW_BYTES(DIM));
        }
        p.data = wf_str_n((const char *)data, p.n_chunks * WF_VECTOR_ROW_BYTES(DIM));
        wf_vectors_add(v, &p);
        n -= p.n_chunks;
    }
}

static int set_up(void **state)
{
    (void)state;
    home_make(&home);
    wf_rng_seeded_init(&rng, 9);
    n_rows = 0;
    rows = wf_alloc_array((size_t)4 * N, sizeof *rows);
    assert_non_null(rows);
    assert_int_equal(wf_vectors_new(home.store, &v, NULL), 0);
    wf_vectors_set_lens(v, WF_STR(LENS), DIM);
    wf_vectors_set_index(v, 0);
    assert_int_equal(wf_vectors_load(v, NULL), 0);
    add(N);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wf_vectors_free(v);
    wf_free(rows);
    home_remove(&home);
    return 0;
}

static size_t search(const float q[DIM], struct wf_near out[K])
{
    size_t n = 0;
    assert_int_equal(wf_vectors_search(v, q, NULL, 0, K, out, &n, NULL), 0);
    return n;
}

static bool has(const struct wf_near *near, size_t n, int64_t chunk)
{
    for (size_t i = 0; i < n; i++) {
        if (near[i].chunk == chunk)
            return true;
    }
    return false;
}

/* How much of what all rows give is found now. */
static double recall(void)
{
    double found = 0;
    const struct wf_chunk_range all = {1, n_rows};
    for (uint64_t i = 0; i < 40; i++) {
        struct wf_near near[K], right[K];
        float q[DIM];
        size_t n_right = 0;
        draw(i % CENTRES, 0.6f, q);
        size_t n = search(q, near);
        assert_int_equal(n, K);
        for (size_t k = 1; k < n; k++)
            assert_true(near[k].similarity <= near[k - 1].similarity);
        /* a filter that lets all through is exact */
        assert_int_equal(wf_vectors_search(v, q, &all, 1, K, right, &n_right, NULL), 0);
        for (size_t k = 0; k < n_right; k++)
            found += has(near, n, right[k].chunk);
    }
    return found / (40 * K);
}

static void test_vectors_index__finds_what_is_near(void **state)
{
    (void)state;
    uint64_t n = 0, before = 0, after = 0;
    assert_true(recall() >= 1);
    wf_vectors_sizes(v, &n, &before);
    assert_true(wf_vectors_wants_index(v));
    assert_true(wf_vectors_make_index(v, NULL, NULL));
    assert_false(wf_vectors_wants_index(v));
    wf_vectors_sizes(v, &n, &after);
    assert_true(after >= before + 4 * N); /* it is there */
    assert_true(recall() > 0.95);
    for (int64_t i = 0; i < n_rows; i += 97) { /* a row finds itself */
        struct wf_near near[K];
        assert_true(has(near, search(rows[i], near), i + 1));
    }
}

static void test_vectors_index__what_came_later_is_found(void **state)
{
    (void)state;
    assert_true(wf_vectors_make_index(v, NULL, NULL));
    int64_t first = n_rows;
    add(N / 8);
    assert_false(wf_vectors_wants_index(v)); /* not so many */
    for (int64_t i = first; i < n_rows; i += 7) {
        struct wf_near near[K];
        assert_true(has(near, search(rows[i], near), i + 1));
    }
    add(N / 4);
    assert_true(wf_vectors_wants_index(v));
    assert_true(wf_vectors_make_index(v, NULL, NULL));
    assert_true(recall() > 0.95);
}

static void test_vectors_index__what_was_removed_is_not(void **state)
{
    (void)state;
    struct wf_near near[K];
    assert_true(wf_vectors_make_index(v, NULL, NULL));
    for (int64_t i = 0; i < n_rows; i += 50) {
        wf_vectors_remove(v, i + 1, 3);
        for (int64_t k = 0; k < 3; k++)
            assert_false(has(near, search(rows[i + k], near), i + k + 1));
    }
    wf_vectors_remove(v, 1, N - 100); /* holes are closed: rows have moved, the index is gone */
    assert_true(wf_vectors_wants_index(v));
    assert_true(has(near, search(rows[N - 1], near), N));
    assert_true(wf_vectors_make_index(v, NULL, NULL));
    assert_true(has(near, search(rows[N - 1], near), N));
    wf_vectors_remove(v, 1, N); /* all of it */
    assert_int_equal(search(rows[N - 1], near), 0);
}

static bool at_once(void *ud)
{
    return --*(int *)ud < 0;
}

static void test_vectors_index__not_always(void **state)
{
    (void)state;
    for (int n = 0; n < 30; n += 3) { /* ended early */
        int left = n;
        assert_false(wf_vectors_make_index(v, at_once, &left));
        assert_true(wf_vectors_wants_index(v));
    }
    wf_vectors_set_index(v, N + 1);
    assert_false(wf_vectors_wants_index(v));
    assert_false(wf_vectors_make_index(v, NULL, NULL));
    assert_true(recall() >= 1);
}

static void *add_and_remove(void *ud)
{
    (void)ud;
    for (int64_t i = 0; i < 50; i++) {
        wf_vectors_remove(v, 1 + i * 100, 99); /* closes up once on the way */
        add(20);
    }
    return NULL;
}

static void test_vectors_index__made_while_others_change(void **state)
{
    (void)state;
    pthread_t thread;
    struct wf_near near[K];
    assert_int_equal(pthread_create(&thread, NULL, add_and_remove, NULL), 0);
    for (int i = 0; i < 5; i++)
        (void)wf_vectors_make_index(v, NULL, NULL);
    pthread_join(thread, NULL);
    (void)wf_vectors_make_index(v, NULL, NULL);
    for (int64_t i = 0; i < n_rows; i += 37) {
        bool is_removed = i < 5000 && i % 100 < 99;
        assert_int_equal(has(near, search(rows[i], near), i + 1), !is_removed);
    }
}

static void test_vectors_index__without_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        wf_alloc_fail_at(n);
        bool is_made = wf_vectors_make_index(v, NULL, NULL);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_true(is_made == !failed);
        if (!failed)
            break;
        assert_true(wf_vectors_wants_index(v));
    }
    for (uint64_t n = 1;; n++) { /* a search that cannot choose lists looks at all rows */
        struct wf_near near[K];
        struct wf_err err = WF_ERR_INIT;
        size_t n_found = 0;
        wf_alloc_fail_at(n);
        int status = wf_vectors_search(v, rows[5], NULL, 0, K, near, &n_found, &err);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_true(status == 0 ? has(near, n_found, 6) : status == WF_E_NOMEM);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_vectors_index__finds_what_is_near, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_vectors_index__what_came_later_is_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_vectors_index__what_was_removed_is_not, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_vectors_index__not_always, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_vectors_index__made_while_others_change, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_vectors_index__without_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
