/* SPDX-License-Identifier: Apache-2.0 */
/* The prefix tree: what texts have in common is found, and what is given back is nobody's any
 * more; a plain list of all texts that were put in is the oracle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "engine/prefix_tree.h"
#include "support/served.h"

#define POOL_TOKENS 8192
#define TEXT_MAX 400

struct world {
    struct served s;
    struct wf_kv *kv;
    struct wf_prefix_tree tree;
};

static void begin(struct world *w, size_t n_leaves_max)
{
    served_open(&w->s, "llama");
    assert_int_equal(wf_kv_new(wf_model_params(w->s.model), WF_KV_F16, POOL_TOKENS, &w->kv, NULL),
                     0);
    wf_prefix_init(&w->tree, n_leaves_max);
}

/* Every page is free again. */
static void end(struct world *w)
{
    wf_prefix_deinit(&w->tree);
    assert_int_equal(w->tree.n_leaves, 0);
    assert_int_equal(wf_kv_tokens_free(w->kv), POOL_TOKENS);
    wf_kv_free(w->kv);
    served_close(&w->s);
}

/* A sequence that begins with what the tree knows of the text, as the scheduler makes one. */
static size_t put(struct world *w, const int32_t *ids, size_t n, const struct wf_adapter_use *a,
                  size_t n_a)
{
    struct wf_seq seq;
    size_t known = 0;
    const struct wf_seq *from = wf_prefix_find(&w->tree, ids, n, a, n_a, &known);

    assert_int_equal(wf_seq_init(&seq, w->kv, NULL), 0);
    if (from != NULL)
        assert_int_equal(wf_seq_share(&seq, from, known, NULL), 0);
    assert_int_equal(seq.n_tokens, known);
    assert_int_equal(wf_seq_reserve(&seq, n - seq.n_tokens, NULL), 0);
    seq.n_tokens = n;
    wf_prefix_put(&w->tree, ids, &seq, a, n_a);
    assert_null(seq.kv);
    return known;
}

static size_t known(struct world *w, const int32_t *ids, size_t n)
{
    size_t found = 0;

    (void)wf_prefix_find(&w->tree, ids, n, NULL, 0, &found);
    return found;
}

static void fill(int32_t *ids, size_t n, size_t common, int32_t seed)
{
    for (size_t i = 0; i < n; i++)
        ids[i] = i < common ? (int32_t)i : (int32_t)i * 7 + seed * 1000;
}

static void test_prefix_tree__texts_share_what_they_begin_with(void **state)
{
    int32_t a[200], b[200], c[200];
    struct world w;

    (void)state;
    begin(&w, 100);
    fill(a, 200, 100, 1);
    fill(b, 200, 100, 2);
    fill(c, 200, 50, 3);
    assert_int_equal(put(&w, a, 200, NULL, 0), 0);
    assert_int_equal(known(&w, a, 200), 200);
    assert_int_equal(known(&w, a, 120), 120);
    assert_int_equal(known(&w, b, 200), 100);
    assert_int_equal(put(&w, b, 200, NULL, 0), 100);
    assert_int_equal(put(&w, c, 200, NULL, 0), 50);
    assert_int_equal(w.tree.n_leaves, 3);
    assert_int_equal(known(&w, a, 200), 200);
    assert_int_equal(known(&w, b, 200), 200);
    assert_int_equal(known(&w, c, 200), 200);
    assert_int_equal(put(&w, a, 150, NULL, 0), 150); /* a beginning is no text of its own */
    assert_int_equal(w.tree.n_leaves, 3);
    c[0] = 77;
    assert_int_equal(known(&w, c, 200), 0);
    end(&w);
}

static void test_prefix_tree__a_text_that_goes_on_takes_its_beginnings_place(void **state)
{
    int32_t a[200];
    struct world w;

    (void)state;
    begin(&w, 100);
    fill(a, 200, 0, 1);
    assert_int_equal(put(&w, a, 100, NULL, 0), 0);
    assert_int_equal(put(&w, a, 200, NULL, 0), 100);
    assert_int_equal(w.tree.n_leaves, 1);
    assert_int_equal(known(&w, a, 200), 200);
    end(&w);
}

static void test_prefix_tree__adapters_make_texts_others(void **state)
{
    int32_t a[100];
    struct wf_adapter_use one = {.scale = 1.0f}, half = {.scale = 0.5f};
    struct world w;

    (void)state;
    begin(&w, 100);
    fill(a, 100, 0, 1);
    assert_int_equal(put(&w, a, 100, &one, 1), 0);
    assert_int_equal(put(&w, a, 100, &half, 1), 0);
    assert_int_equal(put(&w, a, 100, NULL, 0), 0);
    assert_int_equal(put(&w, a, 100, &one, 1), 100);
    assert_int_equal(w.tree.n_leaves, 3);
    end(&w);
}

static void test_prefix_tree__what_is_shared_goes_last(void **state)
{
    int32_t a[200], b[200];
    struct world w;
    size_t before;

    (void)state;
    begin(&w, 100);
    fill(a, 200, 128, 1);
    fill(b, 200, 128, 2);
    (void)put(&w, a, 200, NULL, 0);
    (void)put(&w, b, 200, NULL, 0);
    assert_int_equal(known(&w, a, 200), 200); /* the latest used */
    before = wf_kv_tokens_free(w.kv);
    assert_true(wf_prefix_evict(&w.tree));
    assert_true(wf_kv_tokens_free(w.kv) > before);
    assert_int_equal(known(&w, b, 200), 128);
    assert_true(wf_prefix_evict(&w.tree)); /* of the other its own end, not what both began with */
    assert_int_equal(known(&w, a, 200), 128);
    assert_int_equal(w.tree.n_leaves, 1);
    assert_true(wf_prefix_evict(&w.tree));
    assert_int_equal(known(&w, a, 200), 0);
    assert_false(wf_prefix_evict(&w.tree));
    end(&w);
}

static void test_prefix_tree__bounded(void **state)
{
    int32_t a[64];
    struct world w;

    (void)state;
    begin(&w, 5);
    for (int32_t i = 0; i < 20; i++) {
        fill(a, 64, 10, i);
        (void)put(&w, a, 64, NULL, 0);
        assert_true(w.tree.n_leaves <= 5);
        assert_int_equal(known(&w, a, 64), 64);
    }
    end(&w);
}

/* Random texts that fork from each other: what is found is what the list of all says, until
 * something is evicted; then never more. */
static void test_prefix_tree__finds_what_a_list_would(void **state)
{
    enum {
        TEXTS = 120
    };
    int32_t(*texts)[TEXT_MAX] = calloc(TEXTS, sizeof(*texts));
    size_t lengths[TEXTS], n = 0;
    struct wf_rng_seeded rng;
    struct world w;

    (void)state;
    begin(&w, 1000);
    wf_rng_seeded_init(&rng, 5);
    for (; n < TEXTS; n++) {
        size_t from = n > 0 ? wf_rng_below(&rng.rng, n) : 0, best = 0;
        size_t keep = n > 0 ? wf_rng_below(&rng.rng, lengths[from] + 1) : 0;
        lengths[n] = 1 + wf_rng_below(&rng.rng, 60);
        if (n > 0 && keep > 0)
            memcpy(texts[n], texts[from], keep * sizeof(int32_t));
        lengths[n] = keep + lengths[n] < TEXT_MAX ? keep + lengths[n] : TEXT_MAX;
        for (size_t i = keep; i < lengths[n]; i++)
            texts[n][i] = (int32_t)wf_rng_below(&rng.rng, 3);
        for (size_t t = 0; t < n; t++) {
            size_t k = 0, least = lengths[t] < lengths[n] ? lengths[t] : lengths[n];
            while (k < least && texts[t][k] == texts[n][k])
                k++;
            best = k > best ? k : best;
        }
        assert_int_equal(put(&w, texts[n], lengths[n], NULL, 0), best);
    }
    for (size_t i = 0; i < 40; i++) {
        size_t t = wf_rng_below(&rng.rng, TEXTS);
        (void)wf_prefix_evict(&w.tree);
        assert_true(known(&w, texts[t], lengths[t]) <= lengths[t]);
        (void)put(&w, texts[t], lengths[t], NULL, 0);
        assert_int_equal(known(&w, texts[t], lengths[t]), lengths[t]);
    }
    free(texts);
    end(&w);
}

static void test_prefix_tree__failing_allocations_lose_no_page(void **state)
{
    int32_t a[64], b[64];
    bool is_over = false;

    (void)state;
    for (uint64_t at = 1; !is_over && at < 100; at++) {
        struct wf_adapter_use one = {.scale = 1.0f};
        struct wf_seq seq;
        struct world w;
        begin(&w, 10);
        fill(a, 64, 40, 1);
        fill(b, 64, 40, 2);
        (void)put(&w, a, 64, &one, 1);
        assert_int_equal(wf_seq_init(&seq, w.kv, NULL), 0);
        assert_int_equal(wf_seq_reserve(&seq, 64, NULL), 0);
        seq.n_tokens = 64;
        wf_alloc_fail_at(at);
        wf_prefix_put(&w.tree, b, &seq, at % 2 == 0 ? &one : NULL, at % 2 == 0);
        is_over = !wf_alloc_failed() && at > 4;
        wf_alloc_fail_at(0);
        end(&w);
    }
    assert_true(is_over);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefix_tree__texts_share_what_they_begin_with),
        cmocka_unit_test(test_prefix_tree__a_text_that_goes_on_takes_its_beginnings_place),
        cmocka_unit_test(test_prefix_tree__adapters_make_texts_others),
        cmocka_unit_test(test_prefix_tree__what_is_shared_goes_last),
        cmocka_unit_test(test_prefix_tree__bounded),
        cmocka_unit_test(test_prefix_tree__finds_what_a_list_would),
        cmocka_unit_test(test_prefix_tree__failing_allocations_lose_no_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
