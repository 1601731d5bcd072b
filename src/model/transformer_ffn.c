/* SPDX-License-Identifier: Apache-2.0 */
/* Feed-forward halves: dense, or a mixture of experts.
 *
 * With experts, a router scores them for every token; the best few are run and their results summed
 * by weight. Experts are taken in turn, each with all tokens that chose it, so that an expert's
 * weights are read once for the batch. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "model/transformer_internal.h"

/* gpt-oss: the gate is capped above, its partner on both sides. */
#define CLAMP 7.0f
#define CLAMP_ALPHA 1.702f
/* The smallest sum that experts' weights are divided by, as half precision has it. */
#define WEIGHT_SUM_MIN 6.103515625e-5f

static void clamped_mul(const float *g, const float *u, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float gate = fminf(g[i], CLAMP), up = fmaxf(-CLAMP, fminf(u[i], CLAMP));
        y[i] = gate / (1.0f + expf(-CLAMP_ALPHA * gate)) * (up + 1.0f);
    }
}

struct activate {
    bool has_gate;
    size_t n_ff;
};

/* up = activation(gate, up), for one token. */
static void activate_token(struct wf_runner *r, const void *ud, size_t i_tok, size_t i_member)
{
    const struct activate *a = ud;
    float *g = r->gate + i_tok * a->n_ff, *u = r->up + i_tok * a->n_ff;

    (void)i_member;
    switch (r->p->family->ffn) {
    case WF_FFN_SILU:
        r->kern->silu_mul(g, u, u, a->n_ff);
        break;
    case WF_FFN_GELU:
        r->kern->gelu_mul(a->has_gate ? g : u, a->has_gate ? u : NULL, u, a->n_ff);
        break;
    case WF_FFN_CLAMPED:
        clamped_mul(g, u, u, a->n_ff);
        break;
    }
}

/* out [n_tok, dim] = down(activation(gate(x), up(x))). */
static void run_ffn(struct wf_runner *r, const struct wf_matrix *gate, const struct wf_matrix *up,
                    const struct wf_matrix *down, size_t i_expert, const float *x, size_t n_tok,
                    float *out)
{
    struct activate a = {gate->format != NULL, up->n_out};
    struct wf_product in[] = {
        {.matrix = up, .i_expert = i_expert, .out = r->up, .ld = a.n_ff},
        {.matrix = gate, .i_expert = i_expert, .out = r->gate, .ld = a.n_ff},
    };
    struct wf_product last = {.matrix = down, .i_expert = i_expert, .out = out, .ld = r->p->dim};

    wf_transformer__multiply(r, x, n_tok, in, a.has_gate ? 2 : 1);
    wf_transformer__each(r, n_tok, activate_token, &a);
    wf_transformer__multiply(r, r->up, n_tok, &last, 1);
}

/* The n_used best of a token's probs, best first; the lower number wins a tie. */
static void choose(const float *probs, size_t n, size_t n_used, uint32_t *chosen, float *weights)
{
    for (size_t k = 0; k < n_used; k++) {
        size_t best = SIZE_MAX;
        for (size_t i = 0; i < n; i++) {
            bool is_taken = false;
            for (size_t j = 0; j < k; j++)
                is_taken = is_taken || chosen[j] == i;
            /* Comparing this way round, a number that is none is never above another. */
            if (!is_taken && (best == SIZE_MAX || probs[i] > probs[best]))
                best = i;
        }
        chosen[k] = (uint32_t)best;
        weights[k] = probs[best];
    }
}

static void route_token(struct wf_runner *r, const void *ud, size_t i_tok, size_t i_member)
{
    const struct wf_params *p = r->p;
    float *probs = r->probs + i_tok * p->n_experts;
    float *weights = r->chosen_weight + i_tok * p->n_experts_used;
    bool is_late = (p->family->flags & WF_FAMILY_EXPERTS_LATE) != 0;
    float sum = 0.0f;

    (void)ud;
    (void)i_member;
    if (!is_late)
        r->kern->softmax(probs, p->n_experts);
    choose(probs, p->n_experts, p->n_experts_used, r->chosen + i_tok * p->n_experts_used, weights);
    if (is_late)
        r->kern->softmax(weights, p->n_experts_used);
    for (size_t k = 0; k < p->n_experts_used; k++)
        sum += weights[k];
    sum = is_late ? 1.0f : fmaxf(sum, WEIGHT_SUM_MIN);
    for (size_t k = 0; k < p->n_experts_used; k++)
        weights[k] *= p->expert_scale / sum;
}

/* The tokens that chose an expert: their rows into expert_in. */
static size_t gather(struct wf_runner *r, size_t i_expert)
{
    size_t n = 0, dim = r->p->dim, n_used = r->p->n_experts_used;

    for (size_t t = 0; t < r->n_tok; t++) {
        for (size_t k = 0; k < n_used; k++) {
            if (r->chosen[t * n_used + k] != i_expert)
                continue;
            r->expert_rows[n] = (uint32_t)t;
            r->expert_weight[n] = r->chosen_weight[t * n_used + k];
            memcpy(r->expert_in + n * dim, r->h + t * dim, dim * sizeof(float));
            n++;
        }
    }
    return n;
}

static void run_experts(struct wf_runner *r, const struct wf_layer_weights *w)
{
    const struct wf_params *p = r->p;
    struct wf_product route = {.matrix = &w->router, .out = r->probs, .ld = p->n_experts};

    wf_transformer__multiply(r, r->h, r->n_tok, &route, 1);
    wf_transformer__each(r, r->n_tok, route_token, NULL);
    if (w->up_shared.format != NULL)
        run_ffn(r, &w->gate_shared, &w->up_shared, &w->down_shared, 0, r->h, r->n_tok, r->y);
    else
        memset(r->y, 0, r->n_tok * p->dim * sizeof(float));
    r->row_tokens = r->expert_rows;
    for (size_t e = 0; e < p->n_experts; e++) {
        size_t n = gather(r, e);
        if (n == 0)
            continue;
        run_ffn(r, &w->gate_experts, &w->up_experts, &w->down_experts, e, r->expert_in, n,
                r->expert_out);
        for (size_t i = 0; i < n; i++)
            r->kern->axpy(r->expert_weight[i], r->expert_out + i * p->dim,
                          r->y + (size_t)r->expert_rows[i] * p->dim, p->dim);
    }
    r->row_tokens = NULL;
}

void wf_transformer__feed_forward(struct wf_runner *r, size_t i_layer)
{
    const struct wf_layer_weights *w = &r->model->weights.layers[i_layer];

    if (w->router.format != NULL)
        run_experts(r, w);
    else
        run_ffn(r, &w->gate, &w->up, &w->down, 0, r->h, r->n_tok, r->y);
}
