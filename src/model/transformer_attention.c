/* SPDX-License-Identifier: Apache-2.0 */
/* Attention's half of a layer, and its stand-in, the short convolution.
 *
 * Queries, keys and values are made, normed and turned; new keys and values are written to the
 * pages of their texts, before any token looks at them (transformer_tile.c). */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "model/transformer_internal.h"

struct attend {
    size_t i_layer;
    const struct wf_layer_params *lp;
    const struct wf_layer_weights *w;
};

/* Writes a token's keys and values to its page. */
static void write_token(const struct wf_runner *r, const struct attend *a,
                        const struct wf_place *at, const float *k, const float *v)
{
    uint8_t *page = at->seq->pages[at->position / WF_KV_PAGE_TOKENS];
    size_t slot = at->position % WF_KV_PAGE_TOKENS, d = r->p->head_dim, vd = r->p->value_dim;
    enum wf_kv_kind kind = wf_kv_kind(r->kv);

    for (size_t h = 0; h < a->lp->n_kv_heads; h++) {
        wf_page_put_key(r->kern, kind, k + h * d, d, slot, page + wf_kv_keys(r->kv, a->i_layer, h));
        wf_page_put_value(r->kern, kind, v + h * vd, vd, slot,
                          page + wf_kv_values(r->kv, a->i_layer, h));
    }
}

/* Norms and turns n heads of a token. */
static void turn_heads(const struct wf_runner *r, const struct attend *a, size_t i_tok,
                       const float *norm, float *x, size_t n)
{
    const struct wf_params *p = r->p;
    size_t d = p->head_dim;

    for (size_t h = 0; h < n && norm != NULL; h++)
        r->kern->rms_norm(x + h * d, norm, p->norm_eps, x + h * d, d);
    if (a->lp->is_turned) {
        size_t position = r->places[i_tok].position;
        const float *angles = r->turns != NULL ? r->turns + position * p->n_rot
                                               : r->angles[a->lp->is_windowed] + i_tok * p->n_rot;
        wf_rope_turn(p->family->rope, angles, p->n_rot, d, n, x);
    }
}

static void place_queries(struct wf_runner *r, const void *ud, size_t i_tok, size_t i_member)
{
    const struct attend *a = ud;
    const struct wf_params *p = r->p;
    size_t n = (size_t)a->lp->n_heads * p->head_dim;
    float *q = r->q + i_tok * n;

    (void)i_member;
    turn_heads(r, a, i_tok, a->w->q_norm, q, a->lp->n_heads);
    if (p->temperature_scale != 0.0f) {
        float position = (float)r->places[i_tok].position;
        float grown = logf(floorf(position / (float)p->rope_context) + 1.0f);
        for (size_t i = 0; i < n; i++)
            q[i] *= grown * p->temperature_scale + 1.0f;
    }
}

/* A token's keys and values to their page. */
static void place_keys(struct wf_runner *r, const void *ud, size_t i_tok, size_t i_member)
{
    const struct attend *a = ud;
    const struct wf_place *at = &r->places[i_tok];
    size_t n = a->lp->n_kv_heads;
    float *k = r->k + i_tok * n * r->p->head_dim;

    (void)i_member;
    turn_heads(r, a, i_tok, a->w->k_norm, k, n);
    if (at->seq != NULL)
        write_token(r, a, at, k, r->v + i_tok * n * r->p->value_dim);
}

static void place_token(struct wf_runner *r, const void *ud, size_t i_tok, size_t i_member)
{
    place_queries(r, ud, i_tok, i_member);
    place_keys(r, ud, i_tok, i_member);
}

/* In the last layer, and there are rows that nobody wants. */
static bool may_drop(const struct wf_runner *r, size_t i_layer)
{
    bool any = false;

    for (size_t i = 0; i < r->n_tok && i_layer + 1 == r->p->n_layers; i++)
        any = any || !r->places[i].is_wanted;
    return any;
}

void wf_transformer__attend(struct wf_runner *r, size_t i_layer)
{
    const struct wf_params *p = r->p;
    const struct wf_layer_weights *w = &r->model->weights.layers[i_layer];
    struct attend a = {i_layer, &p->layers[i_layer], w};
    size_t nq = a.lp->n_heads, nk = a.lp->n_kv_heads;
    struct wf_product in[] = {
        {.matrix = &w->q, .out = r->q, .ld = nq * p->head_dim},
        {.matrix = &w->k, .out = r->k, .ld = nk * p->head_dim},
        {.matrix = &w->v, .out = r->v, .ld = nk * p->value_dim},
    };
    struct wf_product out = {.matrix = &w->o, .out = r->y, .ld = p->dim};

    if (may_drop(r, i_layer)) {
        wf_transformer__multiply(r, r->h, r->n_tok, in + 1, 2);
        wf_transformer__each(r, r->n_tok, place_keys, &a);
        wf_transformer__drop_unwanted(r);
        if (r->n_tok == 0)
            return;
        wf_transformer__multiply(r, r->h, r->n_tok, in, 1);
        wf_transformer__each(r, r->n_tok, place_queries, &a);
    } else {
        wf_transformer__multiply(r, r->h, r->n_tok, in, 3);
        wf_transformer__each(r, r->n_tok, place_token, &a);
    }
    wf_transformer__attend_tiles(r, i_layer);
    wf_transformer__multiply(r, r->att, r->n_tok, &out, 1);
}

struct convolve {
    size_t i_conv;
    const float *taps; /* [dim, conv_len] */
};

/* A part of the batch, all its tokens in turn: its first token's item does them. The state holds
 * the last conv_len - 1 inputs, oldest first. */
static void convolve_item(struct wf_runner *r, const void *ud, size_t i_tok, size_t i_member)
{
    const struct convolve *c = ud;
    const struct wf_place *at = &r->places[i_tok];
    size_t dim = r->p->dim, n_state = r->p->conv_len - 1;
    float *state;

    (void)i_member;
    if (at->i_first != i_tok)
        return;
    state = wf_seq_conv(at->seq, c->i_conv);
    for (size_t t = i_tok; t < i_tok + at->n_part; t++) {
        const float *b = r->att + t * 3 * dim, *gate = b + dim, *x = gate + dim;
        float *y = r->h + t * dim;
        for (size_t i = 0; i < dim; i++) {
            const float *taps = c->taps + i * r->p->conv_len;
            float now = b[i] * x[i], sum = taps[n_state] * now;
            for (size_t j = 0; j < n_state; j++)
                sum += taps[j] * state[j * dim + i];
            for (size_t j = 0; j + 1 < n_state; j++)
                state[j * dim + i] = state[(j + 1) * dim + i];
            if (n_state > 0)
                state[(n_state - 1) * dim + i] = now;
            y[i] = gate[i] * sum;
        }
        if ((r->places[t].position + 1) % WF_KV_PAGE_TOKENS == 0)
            wf_seq_keep_state(at->seq, r->places[t].position / WF_KV_PAGE_TOKENS, c->i_conv);
    }
}

void wf_transformer__convolve(struct wf_runner *r, size_t i_layer, size_t i_conv)
{
    const struct wf_layer_weights *w = &r->model->weights.layers[i_layer];
    struct wf_product in = {.matrix = &w->conv_in, .out = r->att, .ld = (size_t)3 * r->p->dim};
    struct wf_product out = {.matrix = &w->conv_out, .out = r->y, .ld = r->p->dim};
    struct convolve c = {i_conv, w->conv};

    wf_transformer__multiply(r, r->h, r->n_tok, &in, 1);
    wf_transformer__each(r, r->n_tok, convolve_item, &c);
    if (may_drop(r, i_layer))
        wf_transformer__drop_unwanted(r);
    if (r->n_tok > 0)
        wf_transformer__multiply(r, r->h, r->n_tok, &out, 1);
}
