/* SPDX-License-Identifier: Apache-2.0 */
/* LoRA adapters: a model with one gives what the model with the adapter melted into its matrices
 * gives, also where the parts of a batch use different ones; what does not fit is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "kern/dtype.h"
#include "model/adapter.h"
#include "model/transformer.h"
#include "support/tiny_adapter.h"
#include "support/tiny_model.h"

#define N 24

struct loaded {
    struct wf_buf bytes;
    struct wf_gguf *gguf;
    struct wf_model *model;
    struct wf_runner *runner;
};

static void open_bytes(struct loaded *l, const char *name)
{
    wf_buf_init(&l->bytes, 64u << 20);
    tiny_model_build(name, &l->bytes);
    assert_int_equal(wf_gguf_open_memory(l->bytes.ptr, l->bytes.len, &l->gguf, NULL), 0);
}

static void open_model(struct loaded *l)
{
    struct wf_runner_options o = {.n_threads = 2, .n_cache_tokens = 512};
    struct wf_err err = WF_ERR_INIT;

    if (wf_model_open_gguf(l->gguf, &l->model, &err) != 0 ||
        wf_runner_new(l->model, &o, &l->runner, &err) != 0)
        fail_msg("%s", err.msg);
}

static void unload(struct loaded *l)
{
    wf_runner_free(l->runner);
    wf_model_close(l->model);
    wf_buf_deinit(&l->bytes);
}

/* An adapter and its file. */
struct adapter {
    struct wf_buf bytes;
    struct wf_adapter *it;
};

static int open_adapter(struct adapter *a, const struct tiny_adapter *like, const struct loaded *l,
                        struct wf_err *err)
{
    struct wf_gguf *g = NULL;
    int rc;

    a->it = NULL;
    wf_buf_init(&a->bytes, 64u << 20);
    tiny_adapter_build(like, l->gguf, &a->bytes);
    assert_int_equal(wf_gguf_open_memory(a->bytes.ptr, a->bytes.len, &g, NULL), 0);
    rc = wf_adapter_open_gguf(l->model, g, &a->it, err);
    if (rc != 0)
        wf_gguf_close(g);
    return rc;
}

static void close_adapter(struct adapter *a)
{
    wf_adapter_close(a->it);
    wf_buf_deinit(&a->bytes);
}

/* Melts what the adapter's file holds into a model's bytes. */
static void melt(struct loaded *l, const struct adapter *a, float scale)
{
    struct wf_gguf *g = NULL;

    assert_int_equal(wf_gguf_open_memory(a->bytes.ptr, a->bytes.len, &g, NULL), 0);
    tiny_adapter_melt(l->gguf, g, scale);
    wf_gguf_close(g);
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

/* Logits of the last token of n, in batches of `step`. */
static void last_logits(struct loaded *l, const int32_t *ids, size_t n, size_t step,
                        const struct wf_adapter_use *uses, size_t n_uses, float *out)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_seq seq;

    assert_int_equal(wf_seq_init(&seq, wf_runner_kv(l->runner), NULL), 0);
    for (size_t i = 0; i < n; i += step) {
        struct wf_batch_part part = {.seq = &seq,
                                     .ids = ids + i,
                                     .n = n - i < step ? n - i : step,
                                     .n_logits = 1,
                                     .adapters = uses,
                                     .n_adapters = n_uses};
        if (wf_runner_eval(l->runner, &part, 1, NULL, out, &err) != 0)
            fail_msg("%s", err.msg);
    }
    wf_seq_deinit(&seq);
}

static void compare(const char *name, const struct tiny_adapter *like, float scale)
{
    struct loaded plain = {0}, melted = {0};
    float got[TINY_VOCAB], want[TINY_VOCAB], without[TINY_VOCAB];
    struct wf_err err = WF_ERR_INIT;
    struct adapter a;
    int32_t ids[TINY_IDS];

    tiny_model_ids(ids);
    open_bytes(&plain, name);
    open_model(&plain);
    open_bytes(&melted, name);
    if (open_adapter(&a, like, &plain, &err) != 0)
        fail_msg("%s: %s", name, err.msg);
    melt(&melted, &a, scale);
    open_model(&melted);
    struct wf_adapter_use use = {a.it, scale};
    last_logits(&melted, ids, N, N, NULL, 0, want);
    last_logits(&plain, ids, N, N, NULL, 0, without);
    assert_true(relative_error(without, want, TINY_VOCAB) > 1e-2);
    for (size_t step = 1; step <= N; step += 23) {
        last_logits(&plain, ids, N, step, &use, 1, got);
        double error = relative_error(got, want, TINY_VOCAB);
        if (!(error < 1e-4))
            fail_msg("%s (%s) in steps of %zu: relative error %g", name, like->only, step, error);
    }
    close_adapter(&a);
    unload(&plain);
    unload(&melted);
}

static void test_adapter__is_as_if_melted_into_the_model(void **state)
{
    /* Tied models: all but the embeddings, which are the output too. */
    static const struct {
        const char *name, *only;
    } cases[] = {
        {"llama", ""},
        {"llama", "token_embd"},
        {"llama", "output.weight"},
        {"llama", "attn_v"},
        {"phi3", ""},
        {"qwen3moe", ""},
        {"mixtral", ""},
        {"gpt-oss", ""},
        {"lfm2", "blk."},
        {"granitemoe", "blk."},
        {"gemma3", "blk."},
        {"mistral3", ""},
    };
    struct tiny_adapter like = {.rank = 4, .type = WF_DTYPE_F32, .alpha = 8.0f, .seed = 7};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        like.only = cases[i].only;
        compare(cases[i].name, &like, 0.5f);
    }
}

static void test_adapter__takes_types_ranks_and_scales(void **state)
{
    static const uint32_t types[] = {WF_DTYPE_F16, WF_DTYPE_BF16, WF_DTYPE_Q8_0};
    struct tiny_adapter like = {.only = "", .seed = 3};

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        like.type = types[i];
        like.rank = 32;
        like.alpha = 0.0f; /* then the scale alone counts */
        compare("llama", &like, 0.25f);
    }
    like.type = WF_DTYPE_F32;
    like.alpha = 1.0f;
    for (like.rank = 1; like.rank <= 1024; like.rank *= 32)
        compare("llama", &like, -1.0f);
}

/* Four parts in one batch: none, one adapter, the same with another scale and a second one, none.
 */
static void test_adapter__parts_of_a_batch_use_their_own(void **state)
{
    static const char *const names[] = {"llama", "qwen3moe"};
    static const size_t n[] = {5, 1, 9, 3}, wanted[] = {1, 1, 2, 0};
    struct tiny_adapter like[] = {
        {.only = "", .rank = 4, .type = WF_DTYPE_F32, .alpha = 4.0f, .seed = 1},
        {.only = "ffn", .rank = 8, .type = WF_DTYPE_F16, .alpha = 4.0f, .seed = 2},
    };
    int32_t ids[TINY_IDS];

    (void)state;
    tiny_model_ids(ids);
    for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
        struct loaded l = {0};
        struct adapter a[2];
        struct wf_seq seqs[4];
        struct wf_batch_part parts[4];
        float got[4 * TINY_VOCAB], want[TINY_VOCAB];
        size_t at = 0, row = 0;
        open_bytes(&l, names[k]);
        open_model(&l);
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(open_adapter(&a[i], &like[i], &l, NULL), 0);
        struct wf_adapter_use one[] = {{a[0].it, 1.0f}};
        struct wf_adapter_use two[] = {{a[0].it, 0.5f}, {a[1].it, 2.0f}};
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(wf_seq_init(&seqs[i], wf_runner_kv(l.runner), NULL), 0);
            parts[i] = (struct wf_batch_part){
                .seq = &seqs[i], .ids = ids + at, .n = n[i], .n_logits = wanted[i]};
            at += n[i];
        }
        parts[1].adapters = one;
        parts[1].n_adapters = 1;
        parts[2].adapters = two;
        parts[2].n_adapters = 2;
        assert_int_equal(wf_runner_eval(l.runner, parts, 4, NULL, got, NULL), 0);
        for (size_t i = 0; i < 4; i++) {
            row += wanted[i];
            if (wanted[i] > 0) {
                last_logits(&l, parts[i].ids, n[i], n[i], parts[i].adapters, parts[i].n_adapters,
                            want);
                assert_true(relative_error(got + (row - 1) * TINY_VOCAB, want, TINY_VOCAB) < 1e-5);
            }
            wf_seq_deinit(&seqs[i]);
        }
        for (size_t i = 0; i < 2; i++)
            close_adapter(&a[i]);
        unload(&l);
    }
}

static void test_adapter__refuses_what_does_not_fit(void **state)
{
    struct tiny_adapter good = {.only = "attn_q", .rank = 4, .type = WF_DTYPE_F32, .alpha = 8.0f};
    struct {
        struct tiny_adapter like;
        int code;
        const char *word;
    } cases[12];
    size_t n = 0;
    struct loaded l = {0};

    (void)state;
#define CASE(rc, text, field, value)                                                               \
    do {                                                                                           \
        cases[n].like = good;                                                                      \
        cases[n].like.field = (value);                                                             \
        cases[n].code = (rc);                                                                      \
        cases[n++].word = (text);                                                                  \
    } while (0)
    CASE(WF_E_UNSUPPORTED, "'qwen2'", family, "qwen2");
    CASE(WF_E_UNSUPPORTED, "'ia3'", kind, "ia3");
    CASE(WF_E_FORMAT, "partner", dropped, "blk.0.attn_q.weight.lora_a");
    CASE(WF_E_FORMAT, "partner", dropped, "blk.1.attn_q.weight.lora_b");
    CASE(WF_E_FORMAT, "does not fit", widened, 32);
    CASE(WF_E_UNSUPPORTED, "attn_norm", extra, "blk.0.attn_norm.weight");
    CASE(WF_E_FORMAT, "empty", only, "nothing");
    CASE(WF_E_LIMIT, "rank", rank, WF_LIMIT_ADAPTER_RANK + 1);
    CASE(WF_E_FORMAT, "alpha", alpha, NAN);
    CASE(0, "", rank, WF_LIMIT_ADAPTER_RANK);
#undef CASE
    open_bytes(&l, "llama");
    open_model(&l);
    for (size_t i = 0; i < n; i++) {
        struct wf_err err = WF_ERR_INIT;
        struct adapter a;
        int rc = open_adapter(&a, &cases[i].like, &l, &err);
        if (rc != cases[i].code || strstr(err.msg, cases[i].word) == NULL)
            fail_msg("case %zu: %d, %s", i, rc, err.msg);
        close_adapter(&a);
    }
    unload(&l);
}

static void test_adapter__must_know_the_models_tensors(void **state)
{
    struct tiny_adapter like = {.only = "ffn", .family = "llama", .rank = 4, .type = WF_DTYPE_F32};
    struct loaded dense = {0}, experts = {0};
    struct wf_err err = WF_ERR_INIT;
    struct wf_gguf *g = NULL;
    struct wf_adapter *a = NULL;
    struct wf_buf bytes;

    (void)state;
    open_bytes(&dense, "llama");
    open_model(&dense);
    open_bytes(&experts, "mixtral");
    wf_buf_init(&bytes, 64u << 20);
    tiny_adapter_build(&like, experts.gguf, &bytes);
    assert_int_equal(wf_gguf_open_memory(bytes.ptr, bytes.len, &g, NULL), 0);
    assert_int_equal(wf_adapter_open_gguf(dense.model, g, &a, &err), WF_E_FORMAT);
    assert_non_null(strstr(err.msg, "has no tensor blk.0.ffn_gate_inp.weight"));
    wf_gguf_close(g);
    assert_int_equal(wf_gguf_open_memory(dense.bytes.ptr, dense.bytes.len, &g, NULL), 0);
    assert_int_equal(wf_adapter_open_gguf(dense.model, g, &a, &err), WF_E_FORMAT);
    assert_non_null(strstr(err.msg, "not an adapter"));
    wf_gguf_close(g);
    assert_int_equal(wf_adapter_open(dense.model, "/nowhere.gguf", &a, &err), WF_E_NOENT);
    wf_gguf_close(experts.gguf);
    wf_buf_deinit(&experts.bytes);
    wf_buf_deinit(&bytes);
    unload(&dense);
}

static void test_adapter__survives_failing_allocations(void **state)
{
    struct tiny_adapter like = {.only = "", .rank = 2, .type = WF_DTYPE_F32, .alpha = 2.0f};
    struct loaded l = {0};
    struct wf_buf bytes;
    int rc = -1;

    (void)state;
    open_bytes(&l, "llama");
    open_model(&l);
    wf_buf_init(&bytes, 1u << 20);
    tiny_adapter_build(&like, l.gguf, &bytes);
    uint64_t live = wf_alloc_stats().n_live;
    for (uint64_t n = 1; rc != 0; n++) {
        struct wf_gguf *g = NULL;
        struct wf_adapter *a = NULL;
        struct wf_err err = WF_ERR_INIT;
        wf_alloc_fail_at(n);
        rc = wf_gguf_open_memory(bytes.ptr, bytes.len, &g, &err);
        if (rc == 0 && (rc = wf_adapter_open_gguf(l.model, g, &a, &err)) != 0)
            wf_gguf_close(g);
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || rc == WF_E_NOMEM);
        wf_adapter_close(a);
        assert_int_equal(wf_alloc_stats().n_live, live);
    }
    wf_buf_deinit(&bytes);
    unload(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adapter__is_as_if_melted_into_the_model),
        cmocka_unit_test(test_adapter__takes_types_ranks_and_scales),
        cmocka_unit_test(test_adapter__parts_of_a_batch_use_their_own),
        cmocka_unit_test(test_adapter__refuses_what_does_not_fit),
        cmocka_unit_test(test_adapter__must_know_the_models_tensors),
        cmocka_unit_test(test_adapter__survives_failing_allocations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
