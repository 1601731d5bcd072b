/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of find/vectors.h against a plain search over the same numbers: ranges, holes, growth,
 * several threads at once, failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "find/vectors.h"
#include "support/home.h"

#define DIM 24
#define LENS "lens 1"
#define K 12

static struct home home;
static struct wf_rng_seeded rng;

/* What is there: one vector a chunk, chunk numbers as the store gives them. */
#define CHUNKS_MAX 60000
static struct {
    float x[DIM];
    bool there;
} * model;
static int64_t n_model;
static int64_t documents[300], first_chunks[300];
static int64_t n_chunks[300];
static size_t n_documents;
static bool failing; /* no memory for adding */

static int set_up(void **state)
{
    (void)state;
    home_make(&home);
    wf_rng_seeded_init(&rng, 5);
    model = wf_alloc_array(CHUNKS_MAX, sizeof *model);
    assert_non_null(model);
    n_model = 0;
    n_documents = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wf_free(model);
    home_remove(&home);
    return 0;
}

static float number(void)
{
    return (float)wf_rng_below(&rng.rng, 2001) / 1000.0f - 1;
}

static void random_vector(float x[DIM])
{
    float sum = 0;
    for (size_t i = 0; i < DIM; i++) {
        x[i] = number();
        sum += x[i] * x[i];
    }
    for (size_t i = 0; i < DIM; i++)
        x[i] /= sqrtf(sum);
}

/* A document of n chunks, written directly. */
static size_t add(int64_t n)
{
    struct wf_incoming in;
    struct wf_err err = WF_ERR_INIT;
    uint8_t hash[WF_HASH_BYTES] = {1};
    char uid[WF_UID_BYTES + 1];
    struct wf_document_new d = {.hash = hash, .type = WF_STR("text/plain"), .kept = true};
    memcpy(hash + 1, &n_model, sizeof n_model);
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    wf_incoming_begin(home.store, &in);
    for (int64_t i = 0; i < n; i++) {
        struct wf_chunk_row row = {.text = WF_STR("x"), .start_cp = (uint64_t)i, .n_cp = 1};
        assert_int_equal(wf_incoming_chunk(home.store, &in, d.title, &row, NULL), 0);
    }
    if (wf_incoming_finish(home.store, &in, &d, uid, &err) != 0)
        fail_msg("%s", err.msg);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    documents[n_documents] = in.id;
    first_chunks[n_documents] = in.first_chunk;
    n_chunks[n_documents] = n;
    n_model = WF_MAX(n_model, in.first_chunk + n);
    assert_true(n_model <= CHUNKS_MAX);
    return n_documents++;
}

/* Random vectors for it, in the store and, as the embedding thread does it, in v (may be NULL). */
static void give(struct wf_vectors *v, size_t document)
{
    static uint8_t data[WF_VECTOR_PIECE * WF_VECTOR_ROW_BYTES(DIM)];
    for (int64_t done = 0; done < n_chunks[document]; done += WF_VECTOR_PIECE) {
        struct wf_vector_piece p = {
            .document = documents[document],
            .first_chunk = first_chunks[document] + done,
            .n_chunks = (uint32_t)WF_MIN(n_chunks[document] - done, WF_VECTOR_PIECE),
            .dim = DIM,
            .lens = WF_STR(LENS)};
        p.data = wf_str_n((const char *)data, p.n_chunks * WF_VECTOR_ROW_BYTES(DIM));
        for (uint32_t i = 0; i < p.n_chunks; i++) {
            random_vector(model[p.first_chunk + i].x);
            model[p.first_chunk + i].there = true;
            wf_vector_pack(model[p.first_chunk + i].x, DIM, data + i * WF_VECTOR_ROW_BYTES(DIM));
        }
        assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
        assert_int_equal(wf_vector_put(home.store, &p, NULL), 0);
        if (v != NULL && failing)
            wf_alloc_fail_at(1); /* the allocation within, if there is one */
        if (v != NULL)
            wf_vectors_add(v, &p);
        assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    }
}

static void take_away(size_t document)
{
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_document_remove(home.store, documents[document], NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    for (int64_t i = 0; i < n_chunks[document]; i++)
        model[first_chunks[document] + i].there = false;
}

static struct wf_vectors *vectors_new(void)
{
    struct wf_vectors *v = NULL;
    struct wf_err err = WF_ERR_INIT;
    if (wf_vectors_new(home.store, &v, &err) != 0)
        fail_msg("%s", err.msg);
    wf_vectors_set_lens(v, WF_STR(LENS), DIM);
    return v;
}

static float dot(const float *a, const float *b)
{
    float sum = 0;
    for (size_t i = 0; i < DIM; i++)
        sum += a[i] * b[i];
    return sum;
}

static bool is_allowed(int64_t chunk, const struct wf_chunk_range *ranges, size_t n)
{
    for (size_t i = 0; ranges != NULL && i < n; i++) {
        if (chunk >= ranges[i].first && chunk < ranges[i].first + ranges[i].n)
            return true;
    }
    return ranges == NULL;
}

/* What is found is there, allowed, as similar as it says, in order, and nothing clearly better is
 * left out. */
static void check_search(struct wf_vectors *v, const struct wf_chunk_range *ranges, size_t n)
{
    struct wf_near near[K];
    struct wf_err err = WF_ERR_INIT;
    float q[DIM];
    size_t n_found = 0, n_there = 0, n_better = 0;
    random_vector(q);
    if (wf_vectors_search(v, q, ranges, n, K, near, &n_found, &err) != 0)
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < n_found; i++) {
        assert_true(near[i].chunk > 0 && near[i].chunk < n_model && model[near[i].chunk].there);
        assert_true(is_allowed(near[i].chunk, ranges, n));
        assert_true(fabsf(near[i].similarity - dot(q, model[near[i].chunk].x)) < 0.03f);
        assert_true(i == 0 || near[i].similarity <= near[i - 1].similarity);
        for (size_t k = 0; k < i; k++)
            assert_true(near[k].chunk != near[i].chunk);
    }
    for (int64_t c = 1; c < n_model; c++) {
        bool counts = model[c].there && is_allowed(c, ranges, n);
        n_there += counts;
        n_better +=
            counts && n_found > 0 && dot(q, model[c].x) > near[n_found - 1].similarity + 0.03f;
    }
    assert_int_equal(n_found, WF_MIN(n_there, (size_t)K));
    assert_true(n_better <= n_found);
}

static void test_vectors__finds_the_nearest(void **state)
{
    (void)state;
    struct wf_vectors *v = vectors_new();
    check_search(v, NULL, 0); /* nothing is there */
    give(v, add(5));
    check_search(v, NULL, 0);
    for (size_t i = 0; i < 20; i++)
        give(v, add(1 + (int64_t)wf_rng_below(&rng.rng, 700)));
    for (size_t i = 0; i < 10; i++)
        check_search(v, NULL, 0);
    wf_vectors_free(v);
    v = vectors_new(); /* read from the store, not told */
    for (size_t i = 0; i < 10; i++)
        check_search(v, NULL, 0);
    wf_vectors_free(v);
}

static void test_vectors__in_the_order_they_come_or_not(void **state)
{
    (void)state;
    struct wf_vectors *v = vectors_new();
    size_t a = add(300), b = add(300), c = add(10);
    give(v, b);
    check_search(v, NULL, 0);
    give(v, a); /* belongs before */
    check_search(v, NULL, 0);
    give(v, c);
    check_search(v, NULL, 0);
    uint64_t n = 0, bytes = 0;
    wf_vectors_sizes(v, &n, &bytes);
    assert_int_equal(n, 610);
    assert_true(bytes > 610 * DIM);
    wf_vectors_free(v);
}

static void test_vectors__only_what_the_filter_allows(void **state)
{
    (void)state;
    struct wf_vectors *v = vectors_new();
    for (size_t i = 0; i < 40; i++)
        give(v, add(1 + (int64_t)wf_rng_below(&rng.rng, 100)));
    for (size_t round = 0; round < 30; round++) {
        struct wf_chunk_range ranges[40];
        size_t n = 0;
        for (size_t i = 0; i < 40; i++) {
            if (wf_rng_below(&rng.rng, round % 3 == 0 ? 20 : 2) == 0)
                ranges[n++] = (struct wf_chunk_range){first_chunks[i], n_chunks[i]};
        }
        check_search(v, ranges, n);
    }
    struct wf_chunk_range none = {n_model + 5, 10};
    check_search(v, &none, 1);
    wf_vectors_free(v);
}

static void test_vectors__removed_ones_are_never_found(void **state)
{
    (void)state;
    struct wf_vectors *v = vectors_new();
    for (size_t i = 0; i < 60; i++)
        give(v, add(1 + (int64_t)wf_rng_below(&rng.rng, 400)));
    check_search(v, NULL, 0);
    for (size_t i = 0; i < 59; i++) { /* more than a quarter: holes are closed on the way */
        take_away((i * 7) % 60);
        check_search(v, NULL, 0);
    }
    give(v, add(100));
    check_search(v, NULL, 0);
    uint64_t n = 0, bytes = 0;
    wf_vectors_sizes(v, &n, &bytes);
    assert_int_equal(n, home_count(&home, "chunk c JOIN document d ON d.id=c.document"));
    wf_vectors_free(v);
}

static void test_vectors__compares_given_chunks(void **state)
{
    (void)state;
    struct wf_vectors *v = vectors_new();
    float q[DIM];
    size_t a = add(3), b = add(3), c = add(3);
    give(v, a);
    give(v, c);
    take_away(a);
    random_vector(q);
    struct wf_near near[] = {{.chunk = first_chunks[a]},
                             {.chunk = first_chunks[b]},
                             {.chunk = first_chunks[c] + 2},
                             {.chunk = n_model + 7}};
    assert_int_equal(wf_vectors_load(v, NULL), 0);
    wf_vectors_compare(v, q, near, WF_ARRAY_LEN(near), -7);
    assert_true(near[0].similarity < -6 && near[1].similarity < -6 && near[3].similarity < -6);
    assert_true(fabsf(near[2].similarity - dot(q, model[near[2].chunk].x)) < 0.03f);
    wf_vectors_free(v);
}

static void test_vectors__bytes_keep_the_direction(void **state)
{
    (void)state;
    uint8_t out[WF_VECTOR_ROW_BYTES(DIM)], zeros[WF_VECTOR_ROW_BYTES(DIM)] = {0};
    float x[DIM] = {0}, scale;
    wf_vector_pack(x, DIM, out);
    assert_memory_equal(out, zeros, sizeof out);
    x[3] = INFINITY; /* no number: no vector */
    wf_vector_pack(x, DIM, out);
    assert_memory_equal(out, zeros, sizeof out);
    x[3] = -2;
    x[4] = 1;
    wf_vector_pack(x, DIM, out);
    memcpy(&scale, out + DIM, sizeof scale);
    assert_int_equal((int8_t)out[3], -127);
    assert_true(fabsf((float)(int8_t)out[4] * scale - 1) < 0.01f);
}

/* ---- several threads ---- */

static void *search_often(void *ud)
{
    struct wf_vectors *v = ud;
    for (size_t i = 0; i < 40; i++) {
        struct wf_near near[K];
        float q[DIM] = {[0] = 1};
        size_t n = 0;
        if (wf_vectors_search(v, q, NULL, 0, K, near, &n, NULL) != 0 || n > K)
            return v;
        wf_vectors_compare(v, q, near, n, 0);
    }
    return NULL;
}

static void test_vectors__searches_while_others_change(void **state)
{
    (void)state;
    struct wf_vectors *v = vectors_new();
    wf_vectors_set_threads(v, 3);
    for (size_t i = 0; i < 10; i++)
        give(v, add(4500)); /* enough for several threads to share */
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, search_often, v), 0);
    for (size_t i = 0; i < 10; i++) {
        give(v, add(20));
        take_away(i);
    }
    for (size_t i = 0; i < 3; i++) {
        void *bad = NULL;
        pthread_join(threads[i], &bad);
        assert_null(bad);
    }
    check_search(v, NULL, 0);
    wf_vectors_free(v);
}

static void test_vectors__without_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < 5; i++)
        give(NULL, add(300));
    for (uint64_t n = 1;; n++) {
        struct wf_vectors *v = NULL;
        struct wf_near near[K];
        struct wf_err err = WF_ERR_INIT;
        float q[DIM] = {[1] = 1};
        size_t n_found = 0;
        wf_alloc_fail_at(n);
        int status = wf_vectors_new(home.store, &v, &err);
        if (status == 0)
            wf_vectors_set_lens(v, WF_STR(LENS), DIM);
        if (status == 0)
            status = wf_vectors_search(v, q, NULL, 0, K, near, &n_found, &err);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_true(status == 0 ? n_found == K : status == WF_E_NOMEM && err.msg[0] != 0);
        if (v != NULL)
            check_search(v, NULL, 0); /* the failure left nothing behind */
        wf_vectors_free(v);
        if (!failed)
            break;
        assert_int_equal(status, WF_E_NOMEM);
    }
}

static void test_vectors__what_cannot_be_added_is_read_again(void **state)
{
    (void)state;
    bool was_hit = false;
    struct wf_vectors *v = vectors_new();
    assert_int_equal(wf_vectors_load(v, NULL), 0);
    for (size_t i = 0; i < 20; i++) {
        size_t d = add(100);
        failing = true;
        give(v, d);
        failing = false;
        was_hit |= wf_alloc_failed();
        wf_alloc_fail_at(0);
        check_search(v, NULL, 0);
    }
    assert_true(was_hit);
    wf_vectors_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_vectors__finds_the_nearest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_vectors__in_the_order_they_come_or_not, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_vectors__only_what_the_filter_allows, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_vectors__removed_ones_are_never_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_vectors__compares_given_chunks, set_up, tear_down),
        cmocka_unit_test(test_vectors__bytes_keep_the_direction),
        cmocka_unit_test_setup_teardown(test_vectors__searches_while_others_change, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_vectors__without_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_vectors__what_cannot_be_added_is_read_again, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
