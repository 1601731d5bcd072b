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
#include "support/net_reference.h"

#define TOKENS 23
#define VOCAB 13

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
    float d_hidden[TOKENS * 16]; /* the loss is hidden times this */
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
                              .dim = 16,
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
                                                .n_ff = 20,
                                                .is_windowed = s->window > 0 && i == 0,
                                                .is_turned = true};
}

static void set_up(struct tiny *t, const struct shape *s, size_t n_threads, float dropout)
{
    static const uint32_t starts[] = {0, 1, 8, 10, TOKENS};
    struct wf_net_options o = {.n_threads = n_threads,
                               .kind = WF_GEMM_F32,
                               .has = s->has,
                               .n_tokens_max = TOKENS,
                               .dropout = dropout,
                               .seed = 7};
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
    memcpy(t->starts, starts, sizeof(starts));
    t->batch = (struct wf_net_batch){t->ids, t->starts, 4};
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
    for (size_t i = 0; i < TOKENS * 16; i++)
        loss += hidden[i] * (double)t->d_hidden[i];
    return loss;
}

static void test_net__computes_what_the_reference_does(void **state)
{
    double want[TOKENS * 16];

    (void)state;
    for (size_t k = 0; k < WF_ARRAY_LEN(shapes); k++) {
        struct tiny t;
        struct net_reference r;
        double worst = 0;
        set_up(&t, &shapes[k], 2, 0.0f);
        reference_of(&t, &r);
        const float *got = forward(&t, false);
        net_reference_hidden(&r, &t.batch, want);
        for (size_t i = 0; i < TOKENS * 16; i++)
            worst = fmax(worst, fabs((double)got[i] - want[i]));
        if (!(worst < 1e-5))
            fail_msg("%s: off by %g", shapes[k].name, worst);
        wf_free(r.values);
        wf_net_free(t.net);
    }
}

/* The difference quotient of the loss by value i. */
static double slope(struct tiny *t, struct net_reference *r, size_t i)
{
    double hidden[TOKENS * 16], was = r->values[i], above, below, step = 1e-5;

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net__computes_what_the_reference_does),
        cmocka_unit_test(test_net__gradients_are_slopes_of_the_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
