/* SPDX-License-Identifier: Apache-2.0 */
/* Queries and keys find their place: each head is normed (in families that do), then turned by its
 * token's position (model/rope), and the way back of both. Turning is a rotation times a length, so
 * its way back is the other way round, times the same length. Queries are scaled here, so that
 * attention need not scale its many scores. */
#include <math.h>
#include <string.h>

#include "train/net_internal.h"

struct place {
    const struct wf_net__layer *l;
    const struct wf_layer_params *lp;
    const float *qkv;
    float *out;
};

/* What a query's scores are multiplied by. */
static float score_scale(const struct wf_params *p, size_t position)
{
    float grown = 0.0f;

    if (p->temperature_scale != 0.0f)
        grown = logf(floorf((float)position / (float)p->rope_context) + 1.0f);
    return p->attention_scale * (grown * p->temperature_scale + 1.0f);
}

static void place_rows(struct wf_net *n, const void *ud, size_t from, size_t to, size_t i_part)
{
    const struct place *a = ud;
    const struct wf_params *p = n->p;
    size_t d = p->head_dim, nq = a->lp->n_heads, nk = a->lp->n_kv_heads, width = a->l->n_qkv;

    (void)i_part;
    for (size_t t = from; t < to; t++) {
        float *x = a->out + t * width;
        if (x != a->qkv + t * width)
            memcpy(x, a->qkv + t * width, width * sizeof(*x));
        for (size_t h = 0; h < nq + nk && a->l->q_norm.p != NULL; h++) {
            const float *w = h < nq ? a->l->q_norm.p : a->l->k_norm.p;
            n->kern->rms_norm(x + h * d, w, p->norm_eps, x + h * d, d);
        }
        if (a->lp->is_turned)
            wf_rope_turn(p->family->rope,
                         n->angles[a->lp->is_windowed] + (size_t)n->positions[t] * p->n_rot,
                         p->n_rot, d, nq + nk, x);
        float scale = score_scale(p, n->positions[t]);
        for (size_t i = 0; i < nq * d; i++)
            x[i] *= scale;
    }
}

void wf_net__place(struct wf_net *n, size_t i_layer, const float *qkv, float *out)
{
    struct place a = {&n->layers[i_layer], &n->p->layers[i_layer], qkv, out};

    wf_net__each(n, place_rows, &a);
}

static void place_rows_back(struct wf_net *n, const void *ud, size_t from, size_t to, size_t i_part)
{
    const struct place *a = ud;
    const struct wf_params *p = n->p;
    size_t d = p->head_dim, nq = a->lp->n_heads, nk = a->lp->n_kv_heads, width = a->l->n_qkv;
    float *dw = n->scratch[i_part].norms;

    memset(dw, 0, 2 * d * sizeof(*dw));
    for (size_t t = from; t < to; t++) {
        float *g = a->out + t * width;
        float scale = score_scale(p, n->positions[t]);
        for (size_t i = 0; i < nq * d; i++)
            g[i] *= scale;
        if (a->lp->is_turned)
            wf_rope_turn(p->family->rope,
                         n->angles_back[a->lp->is_windowed] + (size_t)n->positions[t] * p->n_rot,
                         p->n_rot, d, nq + nk, g);
        for (size_t h = 0; h < nq + nk && a->l->q_norm.p != NULL; h++) {
            const float *w = h < nq ? a->l->q_norm.p : a->l->k_norm.p;
            n->grad->rms_norm_back(a->qkv + t * width + h * d, w, p->norm_eps, g + h * d, false,
                                   g + h * d, h < nq ? dw : dw + d, d);
        }
    }
}

void wf_net__place_back(struct wf_net *n, size_t i_layer, const float *qkv, float *io_d)
{
    struct place a = {&n->layers[i_layer], &n->p->layers[i_layer], qkv, io_d};

    wf_net__each(n, place_rows_back, &a);
    if (a.l->q_norm.grad != NULL) {
        wf_net__sum_norms(n, 0, n->p->head_dim, a.l->q_norm.grad);
        wf_net__sum_norms(n, n->p->head_dim, n->p->head_dim, a.l->k_norm.grad);
    }
}
