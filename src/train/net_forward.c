/* SPDX-License-Identifier: Apache-2.0 */
/* Forward: a batch is checked whole, then embedded, then each layer adds its two halves. What
 * backward cannot make again cheaply is kept: what came into each half, queries, keys and values,
 * attention's outcome, gate and up. Normed rows and activations are made again. */
#include <assert.h>
#include <string.h>

#include "train/net_internal.h"

static void embed_rows(struct wf_net *n, const void *ud, size_t from, size_t to, size_t i_part)
{
    float *x = n->kept[0].x;
    size_t dim = n->p->dim;

    (void)ud;
    (void)i_part;
    for (size_t t = from; t < to; t++) {
        const struct wf_matrix *stored = n->embed.stored;
        size_t id = (size_t)n->ids[t];
        if (stored != NULL)
            stored->format->unpack(stored->data + id * stored->row_bytes, x + t * dim, dim);
        else
            memcpy(x + t * dim, n->values + n->embed.at + id * dim, dim * sizeof(*x));
        for (size_t i = 0; i < dim && n->p->embed_scale != 1.0f; i++)
            x[t * dim + i] *= n->p->embed_scale;
        for (size_t k = 0; n->marks_at != WF_NET__NONE && n->marks[t] >> k != 0; k++) {
            if (n->marks[t] >> k & 1)
                n->kern->axpy(1.0f, n->values + n->marks_at + k * dim, x + t * dim, dim);
        }
    }
}

void wf_net__attention_half(struct wf_net *n, size_t i)
{
    const struct wf_net__layer *l = &n->layers[i];
    const struct wf_net__kept *k = &n->kept[i];
    float *placed = l->q_norm.p != NULL ? n->turned : k->qkv;
    float *y = k->attn_raw != NULL ? k->attn_raw : n->y;

    wf_net__norm(n, &l->attn_norm, k->x, n->h);
    wf_net__multiply(n, &l->qkv, n->n_tok, n->h, k->qkv);
    wf_net__place(n, i, k->qkv, placed);
    wf_net__attend(n, i, placed, k->att, k->lse);
    wf_net__multiply(n, &l->o, n->n_tok, k->att, y);
    if (l->attn_post.p != NULL)
        wf_net__norm(n, &l->attn_post, y, n->y);
    wf_net__add_half(n, 2 * i, k->x, n->y, k->mid);
}

void wf_net__feed_forward_half(struct wf_net *n, size_t i)
{
    const struct wf_net__layer *l = &n->layers[i];
    const struct wf_net__kept *k = &n->kept[i];
    float *y = k->ffn_raw != NULL ? k->ffn_raw : n->y;
    float *out = i + 1 < n->p->n_layers ? n->kept[i + 1].x : n->last;

    wf_net__norm(n, &l->ffn_norm, k->mid, n->h);
    wf_net__multiply(n, &l->gate_up, n->n_tok, n->h, k->gate_up);
    wf_net__activate(n, l->n_ff, k->gate_up, n->act);
    wf_net__multiply(n, &l->down, n->n_tok, n->act, y);
    if (l->ffn_post.p != NULL)
        wf_net__norm(n, &l->ffn_post, y, n->y);
    wf_net__add_half(n, 2 * i + 1, k->mid, n->y, out);
}

static int check_batch(const struct wf_net *n, const struct wf_net_batch *b, struct wf_err *err)
{
    size_t n_tok = b->n_texts > 0 ? b->starts[b->n_texts] : 0;

    if (n_tok == 0 || n_tok > n->n_tokens_max || b->starts[0] != 0)
        return wf_err_set(err, WF_E_RANGE, "A batch takes 1 to %zu tokens, not %zu.",
                          n->n_tokens_max, n_tok);
    for (size_t i = 0; i < b->n_texts; i++) {
        if (b->starts[i + 1] <= b->starts[i] || b->starts[i + 1] - b->starts[i] > n->n_text_max)
            return wf_err_set(err, WF_E_RANGE, "A text of the batch has not 1 to %zu tokens.",
                              n->n_text_max);
    }
    for (size_t i = 0; i < n_tok; i++) {
        if (b->ids[i] < 0 || (uint32_t)b->ids[i] >= n->p->n_vocab)
            return wf_err_set(err, WF_E_RANGE, "Token %d is not in the vocabulary of %u.",
                              b->ids[i], n->p->n_vocab);
    }
    return 0;
}

/* Takes the marks of a batch whose n_tok is known. */
static int take_marks(struct wf_net *n, const struct wf_net_batch *b, struct wf_err *err)
{
    const struct wf_net_tensor *head = b->marks != NULL ? wf_net_find(n, b->marks_head) : NULL;

    n->marks_at = WF_NET__NONE;
    if (b->marks == NULL)
        return 0;
    if (head == NULL || head->cols != n->p->dim)
        return wf_err_set(err, WF_E_RANGE, "Marks of tokens need a head of the network's width.");
    for (size_t t = 0; t < n->n_tok; t++) {
        if (head->rows < 16 && b->marks[t] >> head->rows != 0)
            return wf_err_set(err, WF_E_RANGE, "The mark of a token has no row.");
    }
    n->marks_at = head->offset;
    memcpy(n->marks, b->marks, n->n_tok * sizeof(*n->marks));
    return 0;
}

int wf_net_forward(struct wf_net *n, const struct wf_net_batch *b, bool trains,
                   const float **out_hidden, struct wf_err *err)
{
    int rc = check_batch(n, b, err);

    if (rc != 0)
        return rc;
    n->n_tok = b->starts[b->n_texts];
    rc = take_marks(n, b, err);
    if (rc != 0)
        return rc;
    n->n_texts = b->n_texts;
    n->trains = trains;
    memcpy(n->ids, b->ids, n->n_tok * sizeof(*n->ids));
    memcpy(n->starts, b->starts, (b->n_texts + 1) * sizeof(*n->starts));
    for (size_t i = 0; i < b->n_texts; i++) {
        for (uint32_t t = b->starts[i]; t < b->starts[i + 1]; t++)
            n->positions[t] = t - b->starts[i];
    }
    wf_net__each(n, embed_rows, NULL);
    for (size_t i = 0; i < n->p->n_layers; i++) {
        wf_net__attention_half(n, i);
        wf_net__feed_forward_half(n, i);
    }
    wf_net__norm(n, &n->output_norm, n->last, n->hidden);
    *out_hidden = n->hidden;
    return 0;
}
