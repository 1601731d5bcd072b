/* SPDX-License-Identifier: Apache-2.0 */
/* The network against float64: what it computes, and its gradients beside differences of the
 * float64 reference, for every value of tiny networks of each option. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "model/transformer.h"
#include "support/net_reference.h"
#include "support/tiny_model.h"
#include "train/loss.h"

#define TOKENS 14
#define VOCAB 9
#define DIM 12

/* What a tiny network is like. */
struct shape {
    const char *name;
    enum wf_rope_kind rope;
    enum wf_ffn_kind ffn;
    unsigned has;
    bool is_causal;
    uint32_t n_kv_heads; /* of 4 */
    uint32_t value_dim, n_rot;
    uint32_t window;
    float embed_scale, residual_scale, score_cap;
    enum wf_rope_scaling scaling;
};

static const struct shape shapes[] = {
    {.name = "lens", .rope = WF_ROPE_HALVES, .n_kv_heads = 4},
    {.name = "llama", .rope = WF_ROPE_PAIRS, .n_kv_heads = 2, .is_causal = true},
    {.name = "qwen2",
     .rope = WF_ROPE_HALVES,
     .n_kv_heads = 1,
     .is_causal = true,
     .has = WF_NET_QKV_BIAS},
    {.name = "qwen3",
     .rope = WF_ROPE_HALVES,
     .n_kv_heads = 2,
     .is_causal = true,
     .has = WF_NET_QK_NORM | WF_NET_OUTPUT},
    {.name = "gemma",
     .rope = WF_ROPE_HALVES,
     .ffn = WF_FFN_GELU,
     .n_kv_heads = 2,
     .is_causal = true,
     .window = 3,
     .embed_scale = 4.0f,
     .score_cap = 1.5f,
     .has = WF_NET_POST_NORM | WF_NET_QK_NORM},
    {.name = "granite",
     .rope = WF_ROPE_PAIRS,
     .n_kv_heads = 4,
     .is_causal = true,
     .n_rot = 4,
     .value_dim = 5,
     .residual_scale = 0.3f},
    {.name = "yarn",
     .rope = WF_ROPE_HALVES,
     .n_kv_heads = 2,
     .is_causal = true,
     .scaling = WF_ROPE_SCALING_YARN},
};

struct tiny {
    struct wf_family family;
    struct wf_layer_params layers[2];
    struct wf_params p;
    struct wf_net *net;
    int32_t ids[TOKENS];
    uint32_t starts[5];
    struct wf_net_batch batch;
    uint16_t marks[TOKENS];
    float d_hidden[TOKENS * DIM]; /* the loss is hidden times this */
};

static double uniform(struct wf_rng_seeded *s)
{
    return (double)(wf_rng_u64(&s->rng) >> 11) * 0x1p-53 - 0.5;
}

static void set_params(struct tiny *t, const struct shape *s)
{
    t->family = (struct wf_family){.name = s->name, .rope = s->rope, .ffn = s->ffn};
    t->p = (struct wf_params){.family = &t->family,
                              .layers = t->layers,
                              .n_layers = 2,
                              .n_vocab = VOCAB,
                              .dim = DIM,
                              .head_dim = 6,
                              .value_dim = s->value_dim > 0 ? s->value_dim : 6,
                              .n_context = 64,
                              .n_rot = s->n_rot > 0 ? s->n_rot : 6,
                              .window = s->window,
                              .norm_eps = 1e-5f,
                              .embed_scale = s->embed_scale > 0 ? s->embed_scale : 1.0f,
                              .residual_scale = s->residual_scale > 0 ? s->residual_scale : 1.0f,
                              .logit_scale = 1.0f,
                              .attention_scale = 0.9f,
                              .score_cap = s->score_cap,
                              .is_causal = s->is_causal,
                              .rope_scaling = s->scaling,
                              .rope_base = 100.0f,
                              .rope_base_window = 20.0f,
                              .rope_factor = 1.0f,
                              .rope_factor_window = 1.0f,
                              .rope_attn_factor = 1.0f,
                              .rope_context = 64,
                              .yarn_beta_fast = 32.0f,
                              .yarn_beta_slow = 1.0f};
    if (s->scaling == WF_ROPE_SCALING_YARN) {
        t->p.rope_factor = 4.0f;
        t->p.yarn_ext = 1.0f;
        t->p.rope_context = 16;
    }
    for (int i = 0; i < 2; i++)
        t->layers[i] = (struct wf_layer_params){.n_heads = 4,
                                                .n_kv_heads = s->n_kv_heads,
                                                .n_ff = 10,
                                                .is_windowed = s->window > 0 && i == 0,
                                                .is_turned = true};
}

#define MARKS 3

static void set_up(struct tiny *t, const struct shape *s, size_t n_threads, float dropout)
{
    static const struct wf_net_head marks = {"marks", MARKS, DIM, 0.3f, true};
    static const uint32_t starts[] = {0, 1, 6, 8, TOKENS};
    struct wf_net_options o = {.n_threads = n_threads,
                               .kind = WF_GEMM_F32,
                               .has = s->has,
                               .n_tokens_max = TOKENS,
                               .dropout = dropout,
                               .seed = 7,
                               .heads = &marks,
                               .n_heads = 1};
    struct wf_rng_seeded rng;
    struct wf_err err = WF_ERR_INIT;

    memset(t, 0, sizeof(*t));
    set_params(t, s);
    if (wf_net_new(&t->p, &o, &t->net, &err) != 0)
        fail_msg("%s: %s", s->name, err.msg);
    /* Norms and biases that are not all one number, larger matrices. */
    wf_rng_seeded_init(&rng, 11);
    for (size_t i = 0; i < wf_net_n_values(t->net); i++)
        wf_net_values(t->net)[i] += 0.4f * (float)uniform(&rng);
    for (size_t i = 0; i < TOKENS; i++)
        t->ids[i] = (int32_t)wf_rng_below(&rng.rng, VOCAB);
    for (size_t i = 0; i < WF_ARRAY_LEN(t->d_hidden); i++)
        t->d_hidden[i] = (float)uniform(&rng);
    for (size_t i = 0; i < TOKENS; i++)
        t->marks[i] = (uint16_t)wf_rng_below(&rng.rng, 1u << MARKS);
    memcpy(t->starts, starts, sizeof(starts));
    t->batch = (struct wf_net_batch){
        .ids = t->ids, .starts = t->starts, .n_texts = 4, .marks = t->marks, .marks_head = "marks"};
}

static const float *forward(struct tiny *t, bool trains)
{
    const float *hidden = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_net_forward(t->net, &t->batch, trains, &hidden, &err) != 0)
        fail_msg("%s", err.msg);
    return hidden;
}

static void reference_of(struct tiny *t, struct net_reference *r)
{
    size_t n = wf_net_n_values(t->net);

    r->p = &t->p;
    r->tensors = wf_net_tensors(t->net, &r->n_tensors);
    r->values = wf_alloc_array(n, sizeof(double));
    assert_non_null(r->values);
    for (size_t i = 0; i < n; i++)
        r->values[i] = (double)wf_net_values(t->net)[i];
}

static double reference_loss(struct tiny *t, const struct net_reference *r, double *hidden)
{
    double loss = 0;

    net_reference_hidden(r, &t->batch, hidden);
    for (size_t i = 0; i < TOKENS * DIM; i++)
        loss += hidden[i] * (double)t->d_hidden[i];
    return loss;
}

static void test_net__computes_what_the_reference_does(void **state)
{
    double want[TOKENS * DIM];

    (void)state;
    for (size_t k = 0; k < WF_ARRAY_LEN(shapes); k++) {
        struct tiny t;
        struct net_reference r;
        set_up(&t, &shapes[k], 2, 0.0f);
        reference_of(&t, &r);
        const float *got = forward(&t, false);
        net_reference_hidden(&r, &t.batch, want);
        for (size_t i = 0; i < TOKENS * DIM; i++) { /* not by fmax, which passes over NaN */
            if (!(fabs((double)got[i] - want[i]) < 1e-5))
                fail_msg("%s: %g instead of %g", shapes[k].name, (double)got[i], want[i]);
        }
        wf_free(r.values);
        wf_net_free(t.net);
    }
}

/* The difference quotient of the loss by value i. */
static double slope(struct tiny *t, struct net_reference *r, size_t i)
{
    double hidden[TOKENS * DIM], was = r->values[i], above, below, step = 1e-5;

    r->values[i] = was + step;
    above = reference_loss(t, r, hidden);
    r->values[i] = was - step;
    below = reference_loss(t, r, hidden);
    r->values[i] = was;
    return (above - below) / (2 * step);
}

/* Every value of a tensor: the length of the difference beside the length of the gradient. */
static void check_tensor(struct tiny *t, struct net_reference *r, const struct wf_net_tensor *e)
{
    double off = 0, length = 0;

    for (size_t i = e->offset; i < e->offset + (size_t)e->rows * e->cols; i++) {
        double want = slope(t, r, i), got = (double)wf_net_grads(t->net)[i];
        off += (want - got) * (want - got);
        length += want * want;
    }
    if (strcmp(e->name, "output.weight") == 0)
        assert_true(length == 0);
    else if (!(sqrt(off) < 1e-5 * sqrt(length)) || !(length > 0))
        fail_msg("%s %s: off by %g of %g", t->family.name, e->name, sqrt(off), sqrt(length));
}

static void test_net__gradients_are_slopes_of_the_reference(void **state)
{
    (void)state;
    for (size_t k = 0; k < WF_ARRAY_LEN(shapes); k++) {
        struct tiny t;
        struct net_reference r;
        set_up(&t, &shapes[k], 2, 0.0f);
        reference_of(&t, &r);
        (void)forward(&t, true);
        wf_net_backward(t.net, t.d_hidden);
        for (size_t i = 0; i < r.n_tensors; i++)
            check_tensor(&t, &r, &r.tensors[i]);
        wf_free(r.values);
        wf_net_free(t.net);
    }
}

/* ---- itself ---- */

static void test_net__repeats_itself_to_the_bit(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        struct tiny a, b;
        set_up(&a, &shapes[4], 3, 0.2f);
        set_up(&b, &shapes[4], 3, 0.2f);
        for (int i = 0; i < 2; i++) {
            const float *x = forward(&a, true), *y = forward(&b, true);
            assert_memory_equal(x, y, TOKENS * DIM * sizeof(float));
            wf_net_backward(a.net, a.d_hidden);
            wf_net_backward(b.net, b.d_hidden);
        }
        assert_memory_equal(wf_net_grads(a.net), wf_net_grads(b.net),
                            wf_net_n_values(a.net) * sizeof(float));
        wf_net_free(a.net);
        wf_net_free(b.net);
    }
}

/* A text gets the same whoever else is in its batch. */
static void test_net__texts_see_themselves_only(void **state)
{
    float together[TOKENS * DIM];
    struct tiny t;

    (void)state;
    set_up(&t, &shapes[0], 2, 0.0f);
    memcpy(together, forward(&t, false), sizeof(together));
    for (size_t i = 0; i < t.batch.n_texts; i++) {
        uint32_t starts[] = {0, t.starts[i + 1] - t.starts[i]};
        struct wf_net_batch one = {.ids = t.ids + t.starts[i],
                                   .starts = starts,
                                   .n_texts = 1,
                                   .marks = t.marks + t.starts[i],
                                   .marks_head = "marks"};
        const float *hidden;
        assert_int_equal(wf_net_forward(t.net, &one, false, &hidden, NULL), 0);
        for (size_t j = 0; j < (size_t)starts[1] * DIM; j++)
            assert_true(fabsf(hidden[j] - together[t.starts[i] * DIM + j]) < 1e-5f);
    }
    wf_net_free(t.net);
}

static double loss_of(struct tiny *t, const float *hidden)
{
    double loss = 0;

    for (size_t i = 0; i < TOKENS * DIM; i++)
        loss += (double)hidden[i] * (double)t->d_hidden[i];
    return loss;
}

/* Along its gradient the loss rises by the gradient's length, dropout and all: backward drops what
 * forward dropped. */
static void test_net__dropout_drops_the_same_both_ways(void **state)
{
    struct tiny t;
    double square = 0, losses[2];
    float step = 1e-3f;
    float first[TOKENS * DIM];

    (void)state;
    set_up(&t, &shapes[1], 2, 0.3f);
    size_t n = wf_net_n_values(t.net);
    memcpy(first, forward(&t, true), sizeof(first));
    wf_net_backward(t.net, t.d_hidden);
    for (size_t i = 0; i < n; i++)
        square += (double)wf_net_grads(t.net)[i] * (double)wf_net_grads(t.net)[i];
    step /= (float)sqrt(square);
    for (int side = 0; side < 2; side++) {
        float by = side == 0 ? step : -2 * step;
        for (size_t i = 0; i < n; i++)
            wf_net_values(t.net)[i] += by * wf_net_grads(t.net)[i];
        wf_net_set_count(t.net, 0);
        losses[side] = loss_of(&t, forward(&t, true));
    }
    for (size_t i = 0; i < n; i++)
        wf_net_values(t.net)[i] += step * wf_net_grads(t.net)[i];
    double rise = (losses[0] - losses[1]) / (2 * (double)step);
    if (!(fabs(rise - square) < 0.01 * square))
        fail_msg("rises by %g, not %g", rise, square);
    wf_net_set_count(t.net, 1);
    assert_true(memcmp(first, forward(&t, true), sizeof(first)) != 0);
    wf_net_set_count(t.net, 0);
    assert_true(fabs(loss_of(&t, forward(&t, true)) - loss_of(&t, first)) < 1e-4);
    assert_true(memcmp(first, forward(&t, false), sizeof(first)) != 0);
    wf_net_free(t.net);
}

static void test_net__refuses_impossible_batches(void **state)
{
    static const struct {
        int32_t id;
        uint32_t starts[3];
        size_t n_texts;
    } bad[] = {
        {VOCAB, {0, 1, 2}, 2},      {-1, {0, 1, 2}, 2}, {0, {0, 0, 2}, 2}, {0, {1, 2, 3}, 2},
        {0, {0, 1, TOKENS + 1}, 2}, {0, {0}, 0},        {0, {0, 2, 1}, 2},
    };
    struct tiny t;
    const float *hidden = NULL;

    (void)state;
    set_up(&t, &shapes[0], 1, 0.0f);
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++) {
        int32_t ids[TOKENS + 1] = {bad[i].id};
        struct wf_net_batch b = {.ids = ids, .starts = bad[i].starts, .n_texts = bad[i].n_texts};
        struct wf_err err = WF_ERR_INIT;
        assert_int_equal(wf_net_forward(t.net, &b, true, &hidden, &err), WF_E_RANGE);
        assert_true(err.msg[0] != 0);
        assert_null(hidden);
    }
    t.marks[3] = 1u << MARKS; /* no row */
    assert_int_equal(wf_net_forward(t.net, &t.batch, true, &hidden, NULL), WF_E_RANGE);
    t.marks[3] = 0;
    t.batch.marks_head = "absent";
    assert_int_equal(wf_net_forward(t.net, &t.batch, true, &hidden, NULL), WF_E_RANGE);
    assert_null(hidden);
    wf_net_free(t.net);
}

static void test_net__memory_runs_out(void **state)
{
    struct tiny t;
    struct wf_net_options o = {.n_threads = 2, .n_tokens_max = 4, .seed = 1};
    uint64_t before = wf_alloc_stats().n_live;

    (void)state;
    memset(&t, 0, sizeof(t));
    set_params(&t, &shapes[4]);
    o.has = shapes[4].has;
    for (uint64_t i = 1;; i++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_net *n = NULL;
        wf_alloc_fail_at(i);
        int rc = wf_net_new(&t.p, &o, &n, &err);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        wf_net_free(n);
        assert_int_equal(wf_alloc_stats().n_live, before);
        if (!failed) {
            assert_int_equal(rc, 0);
            assert_true(i > 20);
            break;
        }
        assert_int_equal(rc, WF_E_NOMEM);
        assert_null(n);
    }
}

static void test_net__says_what_it_takes(void **state)
{
    struct tiny t;
    struct wf_net_options o = {.n_threads = 2, .n_tokens_max = 512, .n_text_max = 64};
    uint64_t before, said;
    struct wf_net *n = NULL;

    (void)state;
    memset(&t, 0, sizeof(t));
    set_params(&t, &shapes[0]);
    said = wf_net_bytes(&t.p, &o);
    before = wf_alloc_stats().bytes_live;
    assert_int_equal(wf_net_new(&t.p, &o, &n, NULL), 0);
    double takes = (double)(wf_alloc_stats().bytes_live - before);
    /* Rooms for products and tables of names come on top. */
    if (!((double)said <= takes && takes < 1.0 * (double)said + 8e6))
        fail_msg("it said %.0f and takes %.0f", (double)said, takes);
    o.recomputes = true;
    assert_true(wf_net_bytes(&t.p, &o) < said);
    wf_net_free(n);
}

/* ---- models ---- */

struct stored {
    struct wf_buf bytes;
    struct wf_model *model;
    struct wf_gguf *gguf;
    struct wf_params p;
    struct wf_weights w;
};

static void load(struct stored *s, const char *name)
{
    struct wf_gguf *g = NULL;
    struct wf_err err = WF_ERR_INIT;

    memset(s, 0, sizeof(*s));
    wf_buf_init(&s->bytes, 64u << 20);
    tiny_model_build(name, &s->bytes);
    if (wf_gguf_open_memory(s->bytes.ptr, s->bytes.len, &g, &err) != 0 ||
        wf_model_open_gguf(g, &s->model, &err) != 0 ||
        wf_gguf_open_memory(s->bytes.ptr, s->bytes.len, &s->gguf, &err) != 0 ||
        wf_params_read(s->gguf, &s->p, &err) != 0 ||
        wf_weights_load(s->gguf, &s->p, &s->w, &err) != 0)
        fail_msg("%s: %s", name, err.msg);
}

static void unload(struct stored *s)
{
    wf_weights_deinit(&s->w);
    wf_params_deinit(&s->p);
    wf_gguf_close(s->gguf);
    wf_model_close(s->model);
    wf_buf_deinit(&s->bytes);
}

/* Mean loss of the next word over a text, from the runner's logits. */
static double runner_loss(struct stored *s, const int32_t ids[TINY_IDS])
{
    struct wf_runner_options o = {.n_threads = 2, .n_context = TINY_IDS, .n_cache_tokens = 512};
    struct wf_runner *r = NULL;
    struct wf_seq seq = {0};
    float *logits = wf_alloc_array((size_t)TINY_IDS * TINY_VOCAB, sizeof(*logits));
    double loss = 0;

    assert_non_null(logits);
    assert_int_equal(wf_runner_new(s->model, &o, &r, NULL), 0);
    assert_int_equal(wf_seq_init(&seq, wf_runner_kv(r), NULL), 0);
    struct wf_batch_part part = {.seq = &seq, .ids = ids, .n = TINY_IDS, .n_logits = TINY_IDS};
    assert_int_equal(wf_runner_eval(r, &part, 1, NULL, logits, NULL), 0);
    for (size_t i = 0; i + 1 < TINY_IDS; i++) {
        const float *x = logits + i * TINY_VOCAB;
        double sum = 0;
        for (size_t j = 0; j < TINY_VOCAB; j++)
            sum += exp((double)x[j]);
        loss += (log(sum) - (double)x[ids[i + 1]]) / (TINY_IDS - 1);
    }
    wf_seq_deinit(&seq);
    wf_runner_free(r);
    wf_free(logits);
    return loss;
}

/* The same from a network; with `learns` its gradients are made, too. */
static double net_loss(struct wf_net *n, const int32_t ids[TINY_IDS], bool learns)
{
    static const uint32_t starts[] = {0, TINY_IDS};
    struct wf_net_batch b = {.ids = ids, .starts = starts, .n_texts = 1};
    struct wf_loss_room *room = NULL;
    struct wf_loss_result result;
    uint32_t rows[TINY_IDS];
    float *d_hidden = wf_alloc_array((size_t)TINY_IDS * TINY_DIM, sizeof(*d_hidden));
    struct wf_loss_of of = {.d_hidden = learns ? d_hidden : NULL, .scale = 1.0f};
    struct wf_loss_words w = {.rows = {rows, NULL, TINY_IDS - 1}, .targets = ids + 1};

    assert_non_null(d_hidden);
    for (uint32_t i = 0; i < TINY_IDS; i++)
        rows[i] = i;
    wf_net_zero_grads(n);
    assert_int_equal(wf_loss_room_new(n, &room, NULL), 0);
    assert_int_equal(wf_net_forward(n, &b, learns, &of.hidden, NULL), 0);
    assert_int_equal(wf_loss_words(room, &of, &w, &result, NULL), 0);
    if (learns)
        wf_net_backward(n, d_hidden);
    wf_loss_room_free(room);
    wf_free(d_hidden);
    return result.loss;
}

static const char *const families[] = {
    "llama",  "llama-rope-freqs", "llama-linear", "llama-yarn", "mistral3", "qwen2",  "qwen3",
    "gemma2", "gemma3",           "phi3",         "phi3-long",  "smollm3",  "granite"};

static void test_net__computes_what_the_transformer_does(void **state)
{
    int32_t ids[TINY_IDS];

    (void)state;
    tiny_model_ids(ids);
    for (size_t i = 0; i < WF_ARRAY_LEN(families); i++) {
        struct wf_net_options o = {.n_threads = 2, .n_tokens_max = TINY_IDS};
        struct stored s;
        struct wf_err err = WF_ERR_INIT;
        double want, got;
        load(&s, families[i]);
        want = runner_loss(&s, ids);
        o.weights = &s.w;
        for (int frozen = 0; frozen < 2; frozen++) {
            struct wf_net *n = NULL;
            o.lora_rank = frozen ? 4 : 0;
            o.lora_on = WF_NET_LORA_ALL;
            o.recomputes = frozen;
            if (wf_net_new(&s.p, &o, &n, &err) != 0)
                fail_msg("%s: %s", families[i], err.msg);
            got = net_loss(n, ids, false);
            /* The transformer rounds GELU to half precision. */
            double close = s.p.family->ffn == WF_FFN_GELU ? 1e-3 : 1e-5;
            if (!(fabs(got - want) < close * want))
                fail_msg("%s: the loss is %.9g, the transformer's %.9g", families[i], got, want);
            wf_net_free(n);
        }
        unload(&s);
    }
}

static void test_net__refuses_what_has_no_gradients(void **state)
{
    static const char *const names[] = {"mixtral", "lfm2", "gpt-oss", "bert", "granitemoe"};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        struct wf_net_options o = {.n_threads = 1, .n_tokens_max = 8};
        struct stored s;
        struct wf_net *n = NULL;
        struct wf_err err = WF_ERR_INIT;
        load(&s, names[i]);
        o.weights = &s.w;
        assert_int_equal(wf_net_new(&s.p, &o, &n, &err), WF_E_UNSUPPORTED);
        assert_null(n);
        unload(&s);
    }
}

/* ---- adapters ---- */

static float *values_of(struct wf_net *n, const char *name, const char *suffix, bool grads)
{
    char full[64];

    (void)snprintf(full, sizeof(full), "%s%s", name, suffix);
    const struct wf_net_tensor *t = wf_net_find(n, full);
    return t == NULL ? NULL : (grads ? wf_net_grads(n) : wf_net_values(n)) + t->offset;
}

/* W += scale B A of one tensor. */
static void melt(struct wf_net *whole, struct wf_net *lora, const struct wf_net_tensor *t,
                 size_t rank, float scale)
{
    const float *a = values_of(lora, t->name, ".lora_a", false);
    const float *b = values_of(lora, t->name, ".lora_b", false);

    for (size_t o = 0; o < t->rows && a != NULL; o++) {
        for (size_t i = 0; i < t->cols; i++) {
            double sum = 0;
            for (size_t k = 0; k < rank; k++)
                sum += (double)b[o * rank + k] * (double)a[k * t->cols + i];
            wf_net_values(whole)[t->offset + o * t->cols + i] += scale * (float)sum;
        }
    }
}

/* dA = scale B^T dW, dB = scale dW A^T: how far off, and how long they are. */
static void compare_adapter(struct wf_net *whole, struct wf_net *lora,
                            const struct wf_net_tensor *t, size_t rank, double scale)
{
    const float *a = values_of(lora, t->name, ".lora_a", false), *dw = wf_net_grads(whole);
    const float *b = values_of(lora, t->name, ".lora_b", false);
    const float *da = values_of(lora, t->name, ".lora_a", true);
    const float *db = values_of(lora, t->name, ".lora_b", true);
    double off = 0, length = 0;

    dw += t->offset;
    for (size_t k = 0; k < rank; k++) {
        for (size_t i = 0; i < t->cols; i++) {
            double want = 0;
            for (size_t o = 0; o < t->rows; o++)
                want += scale * (double)b[o * rank + k] * (double)dw[o * t->cols + i];
            off += pow(want - (double)da[k * t->cols + i], 2);
            length += want * want;
        }
        for (size_t o = 0; o < t->rows; o++) {
            double want = 0;
            for (size_t i = 0; i < t->cols; i++)
                want += scale * (double)dw[o * t->cols + i] * (double)a[k * t->cols + i];
            off += pow(want - (double)db[o * rank + k], 2);
            length += want * want;
        }
    }
    if (!(sqrt(off) < 2e-5 * sqrt(length)) || !(length > 0))
        fail_msg("%s: off by %g of %g", t->name, sqrt(off), sqrt(length));
}

static void check_adapter(const char *family, unsigned on, size_t n_adapted)
{
    struct wf_net_options o = {.n_threads = 2, .n_tokens_max = TINY_IDS, .seed = 5};
    struct wf_rng_seeded rng;
    struct stored s;
    struct wf_net *whole = NULL, *lora = NULL;
    int32_t ids[TINY_IDS];
    size_t n, n_found = 0;

    tiny_model_ids(ids);
    load(&s, family);
    o.weights = &s.w;
    assert_int_equal(wf_net_new(&s.p, &o, &whole, NULL), 0);
    o.lora_rank = 3;
    o.lora_alpha = 6.0f;
    o.lora_on = on;
    o.recomputes = true;
    assert_int_equal(wf_net_new(&s.p, &o, &lora, NULL), 0);
    wf_rng_seeded_init(&rng, 9);
    for (size_t i = 0; i < wf_net_n_values(lora); i++)
        wf_net_values(lora)[i] += 0.05f * (float)uniform(&rng);
    const struct wf_net_tensor *t = wf_net_tensors(whole, &n);
    for (size_t i = 0; i < n; i++)
        melt(whole, lora, &t[i], 3, 2.0f);
    double want = net_loss(whole, ids, true), got = net_loss(lora, ids, true);
    assert_true(fabs(want - got) < 1e-5 * want);
    for (size_t i = 0; i < n; i++) {
        if (values_of(lora, t[i].name, ".lora_a", false) == NULL)
            continue;
        compare_adapter(whole, lora, &t[i], 3, 2.0);
        n_found++;
    }
    assert_int_equal(n_found, n_adapted);
    wf_net_free(lora);
    wf_net_free(whole);
    unload(&s);
}

static void test_net__adapters_learn_beside_frozen_weights(void **state)
{
    (void)state;
    check_adapter("llama", WF_NET_LORA_ALL, 14);
    check_adapter("gemma2", WF_NET_LORA_Q | WF_NET_LORA_V | WF_NET_LORA_DOWN, 12);
    check_adapter("qwen2", WF_NET_LORA_ALL, 14);
    check_adapter("phi3", WF_NET_LORA_K | WF_NET_LORA_O | WF_NET_LORA_UP, 6);
}

static void test_net__layers_made_again_give_the_same_bits(void **state)
{
    struct wf_net_options o = {.n_threads = 2, .n_tokens_max = TINY_IDS, .dropout = 0.1f};
    struct stored s;
    struct wf_net *kept = NULL, *again = NULL;
    int32_t ids[TINY_IDS];

    (void)state;
    tiny_model_ids(ids);
    load(&s, "gemma3");
    o.weights = &s.w;
    assert_int_equal(wf_net_new(&s.p, &o, &kept, NULL), 0);
    o.recomputes = true;
    assert_int_equal(wf_net_new(&s.p, &o, &again, NULL), 0);
    assert_true(net_loss(kept, ids, true) == net_loss(again, ids, true));
    assert_memory_equal(wf_net_grads(kept), wf_net_grads(again),
                        wf_net_n_values(kept) * sizeof(float));
    wf_net_free(again);
    wf_net_free(kept);
    unload(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net__computes_what_the_reference_does),
        cmocka_unit_test(test_net__gradients_are_slopes_of_the_reference),
        cmocka_unit_test(test_net__repeats_itself_to_the_bit),
        cmocka_unit_test(test_net__texts_see_themselves_only),
        cmocka_unit_test(test_net__dropout_drops_the_same_both_ways),
        cmocka_unit_test(test_net__refuses_impossible_batches),
        cmocka_unit_test(test_net__memory_runs_out),
        cmocka_unit_test(test_net__says_what_it_takes),
        cmocka_unit_test(test_net__computes_what_the_transformer_does),
        cmocka_unit_test(test_net__refuses_what_has_no_gradients),
        cmocka_unit_test(test_net__adapters_learn_beside_frozen_weights),
        cmocka_unit_test(test_net__layers_made_again_give_the_same_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
