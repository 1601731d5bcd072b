/* SPDX-License-Identifier: Apache-2.0 */
/* The transformer against a reference engine's outputs, and against itself: however a text is cut
 * into batches, mixed with others, shared or cut back, its logits are the same. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "model/transformer.h"
#include "os/file.h"
#include "support/tiny_model.h"

#define DATA "../shared/data/engine/"

struct loaded {
    struct wf_buf bytes;
    struct wf_model *model;
    struct wf_runner *runner;
};

static void load_with(struct loaded *l, const char *name, const struct wf_runner_options *o)
{
    struct wf_gguf *g = NULL;
    struct wf_err err = WF_ERR_INIT;

    wf_buf_init(&l->bytes, 64u << 20);
    tiny_model_build(name, &l->bytes);
    if (wf_gguf_open_memory(l->bytes.ptr, l->bytes.len, &g, &err) != 0 ||
        wf_model_open_gguf(g, &l->model, &err) != 0 ||
        wf_runner_new(l->model, o, &l->runner, &err) != 0)
        fail_msg("%s: %s", name, err.msg);
}

static void load(struct loaded *l, const char *name)
{
    struct wf_runner_options o = {.n_threads = 2, .n_cache_tokens = 512};

    load_with(l, name, &o);
}

static void unload(struct loaded *l)
{
    wf_runner_free(l->runner);
    wf_model_close(l->model);
    wf_buf_deinit(&l->bytes);
}

static double relative_error(const float *a, const float *b, size_t n)
{
    double d = 0, s = 0;

    for (size_t i = 0; i < n; i++) {
        d += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        s += (double)b[i] * (double)b[i];
    }
    return sqrt(d / s);
}

/* Logits of all tokens of one text, in batches of n_step. out [n, vocab]. */
static void eval(struct loaded *l, struct wf_seq *seq, const int32_t *ids, size_t n, size_t n_step,
                 float *out)
{
    size_t n_vocab = wf_model_params(l->model)->n_vocab;
    struct wf_err err = WF_ERR_INIT;

    for (size_t i = 0; i < n; i += n_step) {
        size_t m = n - i < n_step ? n - i : n_step;
        struct wf_batch_part part = {.seq = seq, .ids = ids + i, .n = m, .n_logits = m};
        if (wf_runner_eval(l->runner, &part, 1, NULL, out + i * n_vocab, &err) != 0)
            fail_msg("%s", err.msg);
    }
}

/* What the vectors of a model were taken from: out [up to 64]. Returns how many. */
static size_t sampled_output(struct loaded *l, float *out)
{
    const struct wf_params *p = wf_model_params(l->model);
    int32_t ids[TINY_IDS];
    float *all = wf_alloc_array((size_t)TINY_IDS * TINY_VOCAB, sizeof(*all));
    size_t n = 0;

    tiny_model_ids(ids);
    assert_non_null(all);
    if (wf_model_n_scores(l->model) > 0) {
        assert_int_equal(wf_runner_score(l->runner, ids, (uint32_t[]){0, TINY_IDS}, 1, out, NULL),
                         0);
        n = 1;
    } else if (wf_runner_kv(l->runner) == NULL) {
        assert_int_equal(wf_runner_embed(l->runner, ids, (uint32_t[]){0, TINY_IDS}, 1, all, NULL),
                         0);
        for (size_t i = 0; i < p->dim; i += 2)
            out[n++] = all[i];
    } else {
        struct wf_seq seq = {0};
        assert_int_equal(wf_seq_init(&seq, wf_runner_kv(l->runner), NULL), 0);
        eval(l, &seq, ids, TINY_IDS, TINY_IDS, all);
        wf_seq_deinit(&seq);
        for (size_t i = 0; i < TINY_VOCAB; i += 8)
            out[n++] = all[(TINY_IDS - 1) * TINY_VOCAB + i];
    }
    wf_free(all);
    return n;
}

static void test_transformer__families_match_the_reference(void **state)
{
    FILE *f = fopen("tests/vectors/families.txt", "re");
    char line[4096], *rest, *word;
    size_t n_models = 0;

    (void)state;
    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        struct loaded l;
        float want[64], got[64];
        size_t n = 0;
        if (line[0] == '#')
            continue;
        rest = line;
        word = strsep(&rest, " ");
        load(&l, word);
        while (rest != NULL && n < 64)
            want[n++] = strtof(strsep(&rest, " "), NULL);
        assert_int_equal(sampled_output(&l, got), n);
        double error = relative_error(got, want, n);
        if (!(error < 1e-4))
            fail_msg("%s: relative error %g", word, error);
        unload(&l);
        n_models++;
    }
    (void)fclose(f);
    for (size_t i = 0; tiny_model_name(i) != NULL; i++)
        n_models -= strcmp(tiny_model_name(i), "lens") != 0; /* weft's own: see test_encode */
    assert_int_equal(n_models, 0);
}

static void test_transformer__batches_do_not_change_logits(void **state)
{
    static const char *const names[] = {"llama", "gemma2", "lfm2", "gpt-oss", "mistral3"};
    int32_t ids[TINY_IDS];
    size_t n = (size_t)TINY_IDS * TINY_VOCAB;
    float *whole = wf_alloc_array(n, sizeof(float)), *parts = wf_alloc_array(n, sizeof(float));

    (void)state;
    assert_non_null(whole);
    assert_non_null(parts);
    tiny_model_ids(ids);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct loaded l;
        load(&l, names[i]);
        for (size_t step = 1; step <= 31; step += 6) {
            struct wf_seq a, b;
            assert_int_equal(wf_seq_init(&a, wf_runner_kv(l.runner), NULL), 0);
            assert_int_equal(wf_seq_init(&b, wf_runner_kv(l.runner), NULL), 0);
            eval(&l, &a, ids, TINY_IDS, TINY_IDS, whole);
            eval(&l, &b, ids, TINY_IDS, step, parts);
            double error = relative_error(parts, whole, n);
            if (!(error < 1e-5))
                fail_msg("%s in steps of %zu: relative error %g", names[i], step, error);
            wf_seq_deinit(&a);
            wf_seq_deinit(&b);
        }
        unload(&l);
    }
    wf_free(whole);
    wf_free(parts);
}

/* Also where passes end in the middle of a text (decoders). */
static void test_transformer__vectors_do_not_depend_on_other_texts(void **state)
{
    static const uint32_t starts[] = {0, 3, 4, 21, 29, TINY_IDS};
    static float all[5 * TINY_DIM], one[TINY_DIM];
    int32_t ids[TINY_IDS];

    (void)state;
    tiny_model_ids(ids);
    for (size_t i = 0; tiny_model_name(i) != NULL; i++) {
        for (size_t n_batch = 0; n_batch <= 7; n_batch += 7) {
            struct wf_runner_options o = {
                .n_threads = 2, .n_cache_tokens = 512, .n_batch = n_batch};
            struct loaded l;
            load_with(&l, tiny_model_name(i), &o);
            size_t n_scores = wf_model_n_scores(l.model);
            size_t width = n_scores > 0 ? n_scores : wf_model_params(l.model)->dim;
            int rc;
            if (wf_runner_kv(l.runner) == NULL && n_batch > 0) {
                unload(&l);
                continue;
            }
            assert_true(width <= TINY_DIM);
            rc = n_scores > 0 ? wf_runner_score(l.runner, ids, starts, 5, all, NULL)
                              : wf_runner_embed(l.runner, ids, starts, 5, all, NULL);
            assert_int_equal(rc, 0);
            for (size_t j = 0; j < 5; j++) {
                uint32_t ends[] = {0, starts[j + 1] - starts[j]};
                const int32_t *at = ids + starts[j];
                rc = n_scores > 0 ? wf_runner_score(l.runner, at, ends, 1, one, NULL)
                                  : wf_runner_embed(l.runner, at, ends, 1, one, NULL);
                assert_int_equal(rc, 0);
                if (memcmp(one, all + j * width, width * sizeof(one[0])) != 0)
                    fail_msg("%s, batch %zu: text %zu", tiny_model_name(i), n_batch, j);
                assert_true(one[0] != 0.0f);
            }
            unload(&l);
        }
    }
}

/* Two texts in one batch, of different lengths and at different positions. */
static void test_transformer__texts_in_one_batch_do_not_meet(void **state)
{
    static const char *const names[] = {"llama", "lfm2", "qwen3moe"};
    int32_t ids[TINY_IDS];
    float alone[2][TINY_VOCAB], together[2 * TINY_VOCAB];
    float *rest = wf_alloc_array((size_t)TINY_IDS * TINY_VOCAB, sizeof(float));

    (void)state;
    assert_non_null(rest);
    tiny_model_ids(ids);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct loaded l;
        struct wf_seq seqs[2];
        load(&l, names[i]);
        for (int round = 0; round < 2; round++) {
            for (int s = 0; s < 2; s++)
                assert_int_equal(wf_seq_init(&seqs[s], wf_runner_kv(l.runner), NULL), 0);
            eval(&l, &seqs[0], ids, 10, 10, rest);
            eval(&l, &seqs[1], ids + 20, 3, 3, rest);
            struct wf_batch_part parts[2] = {
                {.seq = &seqs[0], .ids = ids + 10, .n = 5, .n_logits = 1},
                {.seq = &seqs[1], .ids = ids + 23, .n = 17, .n_logits = 1},
            };
            if (round == 0) {
                for (int s = 0; s < 2; s++)
                    assert_int_equal(wf_runner_eval(l.runner, &parts[s], 1, NULL, alone[s], NULL),
                                     0);
            } else {
                assert_int_equal(wf_runner_eval(l.runner, parts, 2, NULL, together, NULL), 0);
            }
            for (int s = 0; s < 2; s++)
                wf_seq_deinit(&seqs[s]);
        }
        assert_true(relative_error(together, alone[0], TINY_VOCAB) < 1e-5);
        assert_true(relative_error(together + TINY_VOCAB, alone[1], TINY_VOCAB) < 1e-5);
        unload(&l);
    }
    wf_free(rest);
}

/* What is written gets the same bits whether something is read in the same pass or not, and so does
 * what is read. */
static void test_transformer__written_and_read_texts_do_not_meet(void **state)
{
    static const char *const names[] = {"llama", "lfm2", "qwen3moe"};
    struct wf_runner_options o = {.n_threads = 2, .n_cache_tokens = 512, .act = WF_ACT_Q8};
    int32_t ids[TINY_IDS];
    float alone[3][TINY_VOCAB], together[3 * TINY_VOCAB];
    float *rest = wf_alloc_array((size_t)TINY_IDS * TINY_VOCAB, sizeof(float));

    (void)state;
    assert_non_null(rest);
    tiny_model_ids(ids);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct loaded l;
        struct wf_seq seqs[3];
        load_with(&l, names[i], &o);
        for (int round = 0; round < 2; round++) {
            for (int s = 0; s < 3; s++) {
                assert_int_equal(wf_seq_init(&seqs[s], wf_runner_kv(l.runner), NULL), 0);
                eval(&l, &seqs[s], ids + s, 5, 5, rest);
            }
            struct wf_batch_part parts[3] = {
                {.seq = &seqs[0], .ids = ids + 10, .n = 1, .n_logits = 1},
                {.seq = &seqs[1], .ids = ids + 23, .n = 2, .n_logits = 1},
                {.seq = &seqs[2], .ids = ids + 30, .n = 5, .n_logits = 1, .reads = true},
            };
            for (int s = 0; s < 3 && round == 0; s++)
                assert_int_equal(wf_runner_eval(l.runner, &parts[s], 1, NULL, alone[s], NULL), 0);
            if (round == 1)
                assert_int_equal(wf_runner_eval(l.runner, parts, 3, NULL, together, NULL), 0);
            for (int s = 0; s < 3; s++)
                wf_seq_deinit(&seqs[s]);
        }
        assert_memory_equal(together, alone, sizeof(alone));
        unload(&l);
    }
    wf_free(rest);
}

/* Three texts in one batch, with the logits of at most so many tokens of each wanted: those of the
 * last one, and of one that is written next. out [3, vocab] both. */
static void want_some(struct loaded *l, size_t wanted, float *out_now, float *out_then)
{
    static const size_t n_each[3] = {1, 4, 23};
    int32_t ids[TINY_IDS];
    size_t n_all = 0, n_vocab = TINY_VOCAB;
    float *all = wf_alloc_array((size_t)3 * TINY_IDS * n_vocab, sizeof(float));
    struct wf_batch_part parts[3];
    struct wf_seq seqs[3];

    assert_non_null(all);
    tiny_model_ids(ids);
    for (size_t s = 0; s < 3; s++) {
        size_t n = n_each[s], n_logits = wanted < n ? wanted : n;
        assert_int_equal(wf_seq_init(&seqs[s], wf_runner_kv(l->runner), NULL), 0);
        eval(l, &seqs[s], ids + s, 5 + s, 8, all);
        parts[s] = (struct wf_batch_part){
            .seq = &seqs[s], .ids = ids + 10, .n = n, .n_logits = n_logits, .reads = s == 2};
    }
    assert_int_equal(wf_runner_eval(l->runner, parts, 3, NULL, all, NULL), 0);
    for (size_t s = 0; s < 3 && wanted > 0; s++) {
        n_all += parts[s].n_logits;
        memcpy(out_now + s * n_vocab, all + (n_all - 1) * n_vocab, n_vocab * sizeof(float));
    }
    for (size_t s = 0; s < 3; s++) {
        eval(l, &seqs[s], ids + 40, 1, 1, out_then + s * n_vocab);
        wf_seq_deinit(&seqs[s]);
    }
    wf_free(all);
}

/* Rows that nobody wants do not go through all of the last layer, and nothing else changes. */
static void test_transformer__unwanted_rows_are_not_missed(void **state)
{
    static const size_t wanted[4] = {0, 1, 3, TINY_IDS};
    float now[4][3 * TINY_VOCAB], then[4][3 * TINY_VOCAB];

    (void)state;
    for (size_t i = 0; tiny_model_name(i) != NULL; i++) {
        for (int act = 0; act < 2; act++) {
            struct wf_runner_options o = {
                .n_threads = 2, .n_cache_tokens = 512, .act = act == 0 ? WF_ACT_F32 : WF_ACT_Q8};
            struct loaded l;
            load_with(&l, tiny_model_name(i), &o);
            for (size_t k = 0; k < 4 && wf_runner_kv(l.runner) != NULL; k++) {
                want_some(&l, wanted[k], now[k], then[k]);
                assert_memory_equal(then[k], then[0], sizeof(then[0]));
            }
            if (wf_runner_kv(l.runner) != NULL) {
                assert_memory_equal(now[1], now[2], sizeof(now[1]));
                /* The logits of many tokens are not multiplied as those of few. */
                assert_true(relative_error(now[1], now[3], (size_t)3 * TINY_VOCAB) < 1e-5);
            }
            unload(&l);
        }
    }
}

static void (*matmul_counted)(const struct wf_dtype *, enum wf_act, const void *, size_t, size_t,
                              const void *, size_t, float *, size_t);
static atomic_size_t n_multiplied;

static void count_matmul(const struct wf_dtype *f, enum wf_act act, const void *w, size_t n_rows,
                         size_t n, const void *x, size_t n_tok, float *out, size_t ld)
{
    n_multiplied += n_rows * n * n_tok;
    matmul_counted(f, act, w, n_rows, n, x, n_tok, out, ld);
}

static void test_transformer__unwanted_rows_cost_keys_and_values_only(void **state)
{
    struct wf_kern kern = *wf_kern_by_name("ref");
    struct wf_runner_options o = {.n_threads = 2, .n_cache_tokens = 512, .kern = &kern};
    size_t n[TINY_IDS + 1];
    float *out = wf_alloc_array((size_t)TINY_IDS * TINY_VOCAB, sizeof(float));
    int32_t ids[TINY_IDS];
    struct loaded l;

    (void)state;
    assert_non_null(out);
    matmul_counted = kern.matmul;
    kern.matmul = count_matmul;
    load_with(&l, "llama", &o);
    tiny_model_ids(ids);
    const struct wf_params *p = wf_model_params(l.model);
    const struct wf_layer_params *last = &p->layers[p->n_layers - 1];
    size_t row = (size_t)2 * last->n_heads * p->head_dim + (size_t)3 * last->n_ff + p->n_vocab;
    for (size_t k = 0; k <= TINY_IDS; k++) {
        struct wf_seq seq;
        struct wf_batch_part part = {
            .seq = &seq, .ids = ids, .n = TINY_IDS, .n_logits = k, .reads = true};
        assert_int_equal(wf_seq_init(&seq, wf_runner_kv(l.runner), NULL), 0);
        n_multiplied = 0;
        assert_int_equal(wf_runner_eval(l.runner, &part, 1, NULL, out, NULL), 0);
        n[k] = n_multiplied;
        assert_int_equal(n[k] - n[0], k * row * p->dim);
        wf_seq_deinit(&seq);
    }
    unload(&l);
    wf_free(out);
}

/* A token without numbers shows in its own logits and in those of all that see it. */
static void test_transformer__what_is_no_number_shows(void **state)
{
    int32_t ids[TINY_IDS];
    float *out = wf_alloc_array((size_t)TINY_IDS * TINY_VOCAB, sizeof(float));
    struct loaded l;
    struct wf_seq seq;

    (void)state;
    assert_non_null(out);
    load(&l, "llama");
    tiny_model_ids(ids);
    const struct wf_gguf_tensor *t = wf_gguf_tensor(wf_model_gguf(l.model), "token_embd.weight");
    float *rows = (float *)(void *)(l.bytes.ptr + ((const char *)t->data - l.bytes.ptr));
    rows[(size_t)ids[7] * TINY_DIM] = NAN;
    assert_int_equal(wf_seq_init(&seq, wf_runner_kv(l.runner), NULL), 0);
    eval(&l, &seq, ids, TINY_IDS, TINY_IDS, out);
    for (size_t i = 7; i < TINY_IDS; i++)
        assert_true(isnan(out[i * TINY_VOCAB]));
    wf_seq_deinit(&seq);
    unload(&l);
    wf_free(out);
}

static void test_transformer__shared_and_cut_texts_go_on_as_they_would(void **state)
{
    static const char *const names[] = {"llama", "lfm2"};
    int32_t ids[TINY_IDS];
    size_t n = (size_t)TINY_IDS * TINY_VOCAB, at;
    float *want = wf_alloc_array(n, sizeof(float)), *got = wf_alloc_array(n, sizeof(float));

    (void)state;
    assert_non_null(want);
    assert_non_null(got);
    tiny_model_ids(ids);
    for (size_t i = 0; i < 2; i++) {
        struct loaded l;
        struct wf_seq a, b;
        load(&l, names[i]);
        assert_int_equal(wf_seq_init(&a, wf_runner_kv(l.runner), NULL), 0);
        assert_int_equal(wf_seq_init(&b, wf_runner_kv(l.runner), NULL), 0);
        eval(&l, &a, ids, TINY_IDS, TINY_IDS, want);
        assert_int_equal(wf_seq_share(&b, &a, 40, NULL), 0);
        at = b.n_tokens;
        assert_int_equal(at, i == 0 ? 40 : 32);
        /* Other tokens first: what the other text holds must not change by it. */
        eval(&l, &b, ids, 8, 8, got);
        at = wf_seq_truncate(&b, at);
        eval(&l, &b, ids + at, TINY_IDS - at, 5, got);
        assert_true(relative_error(got, want + at * TINY_VOCAB, (TINY_IDS - at) * TINY_VOCAB) <
                    1e-5);
        at = wf_seq_truncate(&a, 45);
        eval(&l, &a, ids + at, TINY_IDS - at, TINY_IDS, got);
        assert_true(relative_error(got, want + at * TINY_VOCAB, (TINY_IDS - at) * TINY_VOCAB) <
                    1e-5);
        wf_seq_deinit(&a);
        wf_seq_deinit(&b);
        unload(&l);
    }
    wf_free(want);
    wf_free(got);
}

/* A text that is read, n_step tokens a batch: the logits of the last one. */
static void read_text(struct loaded *l, const int32_t *ids, size_t n, size_t n_step, float *out)
{
    struct wf_seq seq;

    assert_int_equal(wf_seq_init(&seq, wf_runner_kv(l->runner), NULL), 0);
    for (size_t i = 0; i < n; i += n_step) {
        size_t m = n - i < n_step ? n - i : n_step;
        struct wf_batch_part part = {
            .seq = &seq, .ids = ids + i, .n = m, .n_logits = i + m == n, .reads = true};
        assert_int_equal(wf_runner_eval(l->runner, &part, 1, NULL, out, NULL), 0);
    }
    wf_seq_deinit(&seq);
}

/* The same bits however a text that is read is cut, whatever the cache holds; and what is read
 * stays near what is written. */
static void test_transformer__read_texts_are_cut_anywhere(void **state)
{
    static const char *const names[] = {"llama", "gemma2", "lfm2", "gpt-oss", "mistral3"};
    int32_t ids[TINY_IDS];
    float whole[TINY_VOCAB], cut[TINY_VOCAB];
    float *written = wf_alloc_array((size_t)TINY_IDS * TINY_VOCAB, sizeof(float));

    (void)state;
    assert_non_null(written);
    tiny_model_ids(ids);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (int kind = WF_KV_F32; kind <= WF_KV_Q8_0; kind++) {
            struct wf_runner_options o = {.n_threads = 2,
                                          .n_cache_tokens = 512,
                                          .kv = (enum wf_kv_kind)kind,
                                          .act = WF_ACT_Q8};
            struct loaded l;
            struct wf_seq seq;
            load_with(&l, names[i], &o);
            read_text(&l, ids, TINY_IDS, TINY_IDS, whole);
            for (size_t step = 1; step < TINY_IDS; step += 9) {
                read_text(&l, ids, TINY_IDS, step, cut);
                assert_memory_equal(cut, whole, sizeof(whole));
            }
            assert_int_equal(wf_seq_init(&seq, wf_runner_kv(l.runner), NULL), 0);
            eval(&l, &seq, ids, TINY_IDS, 1, written);
            double error = relative_error(whole, written + (TINY_IDS - 1) * TINY_VOCAB, TINY_VOCAB);
            if (!(error < 1e-3))
                fail_msg("%s, kind %d: relative error %g", names[i], kind, error);
            wf_seq_deinit(&seq);
            unload(&l);
        }
    }
    wf_free(written);
}

static void test_transformer__cache_kinds_stay_near(void **state)
{
    static const struct {
        enum wf_kv_kind kind;
        double bound;
    } kinds[] = {{WF_KV_F16, 2e-3}, {WF_KV_Q8_0, 3e-2}};
    int32_t ids[TINY_IDS];
    size_t n = (size_t)TINY_IDS * TINY_VOCAB;
    float *want = wf_alloc_array(n, sizeof(float)), *got = wf_alloc_array(n, sizeof(float));

    (void)state;
    assert_non_null(want);
    assert_non_null(got);
    tiny_model_ids(ids);
    for (size_t i = 0; i <= 2; i++) {
        struct wf_runner_options o = {.n_threads = 1, .kv = i < 2 ? kinds[i].kind : WF_KV_F32};
        struct loaded l[2];
        struct wf_seq seq;
        for (int j = 0; j < 2; j++) {
            o.kv = j == 1 && i < 2 ? kinds[i].kind : WF_KV_F32;
            load_with(&l[j], "llama", &o);
            assert_int_equal(wf_seq_init(&seq, wf_runner_kv(l[j].runner), NULL), 0);
            eval(&l[j], &seq, ids, TINY_IDS, TINY_IDS, j == 0 ? want : got);
            wf_seq_deinit(&seq);
            unload(&l[j]);
        }
        double error = relative_error(got, want, n);
        assert_true(error <= (i < 2 ? kinds[i].bound : 0.0));
        assert_true(i == 2 || error > 0.0);
    }
    wf_free(want);
    wf_free(got);
}

static void test_transformer__refuses_what_does_not_fit(void **state)
{
    struct wf_runner_options o = {.n_threads = 1, .n_context = 64, .n_cache_tokens = 32};
    int32_t ids[TINY_IDS], wrong[] = {1, TINY_VOCAB};
    struct wf_err err = WF_ERR_INIT;
    float out[TINY_VOCAB];
    struct loaded l;
    struct wf_seq seq;

    (void)state;
    tiny_model_ids(ids);
    load_with(&l, "llama", &o);
    assert_int_equal(wf_seq_init(&seq, wf_runner_kv(l.runner), NULL), 0);
    struct wf_batch_part part = {.seq = &seq, .ids = wrong, .n = 2, .n_logits = 1};
    assert_int_equal(wf_runner_eval(l.runner, &part, 1, NULL, out, &err), WF_E_RANGE);
    assert_non_null(strstr(err.msg, "512"));
    part = (struct wf_batch_part){.seq = &seq, .ids = ids, .n = 33, .n_logits = 1};
    assert_int_equal(wf_runner_eval(l.runner, &part, 1, NULL, out, &err), WF_E_FULL);
    assert_int_equal(seq.n_tokens, 0);
    assert_int_equal(wf_kv_tokens_free(wf_runner_kv(l.runner)), 32);
    part.n = 32;
    assert_int_equal(wf_runner_eval(l.runner, &part, 1, NULL, out, &err), 0);
    assert_int_equal(seq.n_tokens, 32);
    atomic_bool stop = true;
    assert_int_equal(wf_seq_truncate(&seq, 10), 10);
    part.n = 1;
    assert_int_equal(wf_runner_eval(l.runner, &part, 1, &stop, out, &err), WF_E_CANCELED);
    assert_int_equal(seq.n_tokens, 10);
    wf_seq_deinit(&seq);
    unload(&l);
    load(&l, "bert");
    assert_int_equal(wf_runner_eval(l.runner, &part, 1, NULL, out, &err), WF_E_UNSUPPORTED);
    assert_int_equal(wf_runner_score(l.runner, ids, (uint32_t[]){0, 3}, 1, out, &err),
                     WF_E_UNSUPPORTED);
    unload(&l);
}

/* Whatever allocation fails, opening says so and leaks nothing. */
static void test_transformer__survives_failing_allocations(void **state)
{
    struct wf_runner_options o = {.n_threads = 1, .n_batch = 8, .n_context = 32};
    struct wf_buf bytes;
    uint64_t live;
    int rc = -1;

    (void)state;
    wf_buf_init(&bytes, 64u << 20);
    tiny_model_build("lfm2", &bytes);
    live = wf_alloc_stats().n_live;
    for (uint64_t n = 1; rc != 0; n++) {
        struct wf_gguf *g = NULL;
        struct wf_model *m = NULL;
        struct wf_runner *r = NULL;
        struct wf_seq seq = {0};
        struct wf_err err = WF_ERR_INIT;
        wf_alloc_fail_at(n);
        rc = wf_gguf_open_memory(bytes.ptr, bytes.len, &g, &err);
        if (rc == 0 && (rc = wf_model_open_gguf(g, &m, &err)) != 0)
            wf_gguf_close(g);
        if (rc == 0)
            rc = wf_runner_new(m, &o, &r, &err);
        if (rc == 0)
            rc = wf_seq_init(&seq, wf_runner_kv(r), &err);
        if (rc == 0)
            rc = wf_seq_reserve(&seq, 40, &err) == WF_E_FULL ? 0 : WF_E_NOMEM;
        wf_alloc_fail_at(0);
        if (rc != 0)
            assert_int_equal(rc, WF_E_NOMEM);
        wf_seq_deinit(&seq);
        wf_runner_free(r);
        wf_model_close(m);
        assert_int_equal(wf_alloc_stats().n_live, live);
    }
    wf_buf_deinit(&bytes);
}

/* Reference outputs of the shared data: the whole of them. */
static void compare_as(const char *name, bool is_packed, double bound)
{
    struct wf_runner_options o = {.n_threads = 2, .kv = WF_KV_F32, .act = WF_ACT_Q8};
    char path[256];
    int32_t ids[TINY_IDS];
    struct wf_buf want;
    struct loaded l = {0};
    size_t n;
    float *got;

    (void)snprintf(path, sizeof(path), DATA "tiny-%s.out.f32", name);
    wf_buf_init(&want, 1u << 20);
    if (wf_file_read(path, &want, NULL) != 0)
        skip();
    (void)snprintf(path, sizeof(path), DATA "tiny-%s.gguf", name);
    assert_int_equal(wf_model_open(path, &l.model, NULL), 0);
    if (is_packed)
        assert_int_equal(wf_model_pack(l.model, 2, NULL), 0);
    assert_int_equal(wf_runner_new(l.model, &o, &l.runner, NULL), 0);
    tiny_model_ids(ids);
    n = want.len / sizeof(float);
    got = wf_alloc_array(n, sizeof(*got));
    assert_non_null(got);
    if (wf_runner_kv(l.runner) == NULL) {
        assert_int_equal(wf_runner_embed(l.runner, ids, (uint32_t[]){0, TINY_IDS}, 1, got, NULL),
                         0);
    } else {
        struct wf_seq seq;
        assert_int_equal(wf_seq_init(&seq, wf_runner_kv(l.runner), NULL), 0);
        eval(&l, &seq, ids, TINY_IDS, TINY_IDS, got);
        wf_seq_deinit(&seq);
    }
    double error = relative_error(got, (const float *)(const void *)want.ptr, n);
    print_message("%s%s: relative error %.2g\n", name, is_packed ? ", packed" : "", error);
    assert_true(error < bound);
    wf_free(got);
    wf_buf_deinit(&want);
    wf_runner_free(l.runner);
    wf_model_close(l.model);
}

static void compare_file(const char *name, double bound)
{
    compare_as(name, false, bound);
    compare_as(name, true, bound);
}

static void test_transformer__float_files_match(void **state)
{
    static const char *const names[] = {"llama-f32",  "qwen2-f32", "qwen3moe-f32",
                                        "gemma2-f32", "lfm2-f32",  "bert-f32"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        compare_file(names[i], 1e-4);
}

static void test_transformer__quantised_files_match(void **state)
{
    static const char *const names[] = {"llama-Q4_0", "llama-Q4_K_M", "llama-Q5_0",
                                        "llama-Q6_K", "llama-Q8_0",   "gptoss-MXFP4"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        compare_file(names[i], 3e-2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transformer__families_match_the_reference),
        cmocka_unit_test(test_transformer__batches_do_not_change_logits),
        cmocka_unit_test(test_transformer__vectors_do_not_depend_on_other_texts),
        cmocka_unit_test(test_transformer__texts_in_one_batch_do_not_meet),
        cmocka_unit_test(test_transformer__written_and_read_texts_do_not_meet),
        cmocka_unit_test(test_transformer__unwanted_rows_are_not_missed),
        cmocka_unit_test(test_transformer__unwanted_rows_cost_keys_and_values_only),
        cmocka_unit_test(test_transformer__what_is_no_number_shows),
        cmocka_unit_test(test_transformer__shared_and_cut_texts_go_on_as_they_would),
        cmocka_unit_test(test_transformer__read_texts_are_cut_anywhere),
        cmocka_unit_test(test_transformer__cache_kinds_stay_near),
        cmocka_unit_test(test_transformer__refuses_what_does_not_fit),
        cmocka_unit_test(test_transformer__survives_failing_allocations),
        cmocka_unit_test(test_transformer__float_files_match),
        cmocka_unit_test(test_transformer__quantised_files_match),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
