/* SPDX-License-Identifier: Apache-2.0 */
/* Backward: the layers in reverse. dx is d loss / d (residual stream) behind the half at hand; each
 * half adds what came through it. A weight's gradient is dy^T x, made again where x was not kept;
 * gate and up are overwritten by their gradients, so a forward serves one backward. */
#include <assert.h>
#include <string.h>

#include "train/net_internal.h"

static void feed_forward_back(struct wf_net *n, size_t i)
{
    const struct wf_net__layer *l = &n->layers[i];
    const struct wf_net__kept *k = &n->kept[i];

    wf_net__add_half_back(n, 2 * i + 1, n->dx, n->y);
    if (l->ffn_post.p != NULL)
        wf_net__norm_back(n, &l->ffn_post, k->ffn_raw, n->y, false, n->y);
    wf_net__multiply_back(n, &l->down, n->n_tok, n->y, n->act);
    wf_net__activate_back(n, l->n_ff, k->gate_up, n->act);
    wf_net__weight_grad(n, &l->down, n->n_tok, n->y, n->act);
    wf_net__norm(n, &l->ffn_norm, k->mid, n->h);
    wf_net__weight_grad(n, &l->gate_up, n->n_tok, k->gate_up, n->h);
    wf_net__multiply_back(n, &l->gate_up, n->n_tok, k->gate_up, n->dh);
    wf_net__norm_back(n, &l->ffn_norm, k->mid, n->dh, true, n->dx);
}

static void attention_back(struct wf_net *n, size_t i)
{
    const struct wf_net__layer *l = &n->layers[i];
    const struct wf_net__kept *k = &n->kept[i];
    const float *placed = k->qkv;

    wf_net__add_half_back(n, 2 * i, n->dx, n->y);
    if (l->attn_post.p != NULL)
        wf_net__norm_back(n, &l->attn_post, k->attn_raw, n->y, false, n->y);
    wf_net__weight_grad(n, &l->o, n->n_tok, n->y, k->att);
    wf_net__multiply_back(n, &l->o, n->n_tok, n->y, n->d_att);
    if (l->q_norm.p != NULL) {
        wf_net__place(n, i, k->qkv, n->turned);
        placed = n->turned;
    }
    wf_net__attend_back(n, i, placed, k->lse, n->d_att, n->d_qkv);
    wf_net__place_back(n, i, k->qkv, n->d_qkv);
    wf_net__norm(n, &l->attn_norm, k->x, n->h);
    wf_net__weight_grad(n, &l->qkv, n->n_tok, n->d_qkv, n->h);
    wf_net__multiply_back(n, &l->qkv, n->n_tok, n->d_qkv, n->dh);
    wf_net__norm_back(n, &l->attn_norm, k->x, n->dh, true, n->dx);
}

/* Members take bands of columns, so that two tokens of one id never meet. */
static void embed_part_back(void *ud, size_t i, size_t n_parts)
{
    struct wf_net *n = ud;
    size_t dim = n->p->dim, from, to;

    wf_gang_part(dim, 16, i, n_parts, &from, &to);
    for (size_t t = 0; t < n->n_tok; t++)
        n->kern->axpy(n->p->embed_scale, n->dx + t * dim + from,
                      n->grads + n->embed.at + (size_t)n->ids[t] * dim + from, to - from);
}

/* The same of rows that marks of tokens stand for. */
static void marks_part_back(void *ud, size_t i, size_t n_parts)
{
    struct wf_net *n = ud;
    size_t dim = n->p->dim, from, to;

    wf_gang_part(dim, 16, i, n_parts, &from, &to);
    for (size_t t = 0; t < n->n_tok; t++) {
        for (size_t k = 0; n->marks[t] >> k != 0; k++) {
            if (n->marks[t] >> k & 1)
                n->kern->axpy(1.0f, n->dx + t * dim + from, n->grads + n->marks_at + k * dim + from,
                              to - from);
        }
    }
}

void wf_net_backward(struct wf_net *n, const float *d_hidden)
{
    uint64_t since;

    assert(n->trains);
    wf_net__norm_back(n, &n->output_norm, n->last, d_hidden, false, n->dx);
    for (size_t i = n->p->n_layers; i-- > 0;) {
        if (n->recomputes && i + 1 < n->p->n_layers) { /* the last one's is still there */
            wf_net__attention_half(n, i);
            wf_net__feed_forward_half(n, i);
        }
        feed_forward_back(n, i);
        attention_back(n, i);
    }
    since = wf_net__now();
    if (n->embed.at != WF_NET__NONE)
        wf_gang_run(n->gang, embed_part_back, n);
    if (n->marks_at != WF_NET__NONE)
        wf_gang_run(n->gang, marks_part_back, n);
    wf_net__took(n, WF_NET_TIME_EMBED, since);
    n->trains = false;
    n->i_forward++;
}
