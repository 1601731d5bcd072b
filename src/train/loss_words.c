/* SPDX-License-Identifier: Apache-2.0 */
/* Words: softmax over the vocabulary, a block of rows at a time, so that their logits (at 16,384
 * words 64 KiB a row) fit: logits, their gradient in their place, and both products with it. */
#include <math.h>

#include "train/loss_internal.h"

#define ROWS_MAX 512
#define FLOATS_MAX ((size_t)12 << 20) /* of a block's logits */

struct block {
    struct wf_net *n;
    const int32_t *targets; /* [n_rows] */
    float *logits;          /* [n_rows, n_vocab] */
    float step;             /* what a row's gradient is multiplied by; 0: none is wanted */
    double *losses;         /* [n_rows] */
    uint8_t *right;         /* [n_rows] */
};

/* x to capped, scaled logits; slopes of the cap come out of the capped values. */
static void shape_row(const struct wf_params *p, float *x)
{
    for (size_t i = 0; i < p->n_vocab && p->logit_scale != 1.0f; i++)
        x[i] *= p->logit_scale;
    for (size_t i = 0; i < p->n_vocab && p->logit_cap != 0.0f; i++)
        x[i] = p->logit_cap * tanhf(x[i] / p->logit_cap);
}

/* Logits to the gradient of raw logits; the loss. */
static void word_row(const struct block *b, size_t i)
{
    const struct wf_params *p = b->n->p;
    size_t n = p->n_vocab, target = (size_t)b->targets[i];
    float *x = b->logits + i * n, most, sum, step = b->step, scale;

    shape_row(p, x);
    most = wf_loss__largest(x, n);
    float at = x[target];
    b->right[i] = at >= most;
    if (p->logit_cap != 0.0f && step != 0.0f) {
        double total = exp((double)(x[0] - most));
        for (size_t j = 1; j < n; j++)
            total += exp((double)(x[j] - most));
        for (size_t j = 0; j < n; j++) {
            float slope = 1.0f - x[j] / p->logit_cap * (x[j] / p->logit_cap);
            float share = (float)(exp((double)(x[j] - most)) / total);
            x[j] = step * p->logit_scale * slope * (share - (j == target ? 1.0f : 0.0f));
        }
        b->losses[i] = log(total) + (double)most - (double)at;
        return;
    }
    sum = b->n->kern->exp_sum(x, most, n);
    b->losses[i] = log((double)sum) + (double)most - (double)at;
    if (step == 0.0f)
        return;
    step *= p->logit_scale;
    scale = step / sum;
    for (size_t j = 0; j < n; j++)
        x[j] *= scale;
    x[target] -= step;
}

static void word_rows(void *ud, size_t from, size_t to, size_t i_part)
{
    (void)i_part;
    for (size_t i = from; i < to; i++)
        word_row(ud, i);
}

static void run_block(struct wf_net *n, const struct wf_loss_of *of, const struct wf_loss_words *w,
                      size_t first, size_t n_rows, float *room, struct wf_loss_result *io)
{
    size_t vocab = n->p->n_vocab;
    double losses[ROWS_MAX];
    uint8_t right[ROWS_MAX];
    float *x = room + n_rows * n->p->n_vocab, *dx = x + n_rows * n->p->dim;
    struct block b = {.n = n,
                      .targets = w->targets + first,
                      .logits = room,
                      .step = of->d_hidden != NULL ? of->scale / (float)w->rows.n : 0.0f,
                      .losses = losses,
                      .right = right};

    wf_loss__gather(n, of->hidden, &w->rows, first, n_rows, x);
    wf_net__multiply(n, &n->output, n_rows, x, room);
    for (size_t i = 0; i < n_rows && w->bias != NULL; i++)
        n->kern->axpy(1.0f, n->values + w->bias->offset, room + i * vocab, vocab);
    wf_loss__each(n, n_rows, word_rows, &b);
    for (size_t i = 0; i < n_rows; i++) {
        io->loss += losses[i];
        io->n_right += right[i];
    }
    if (of->d_hidden == NULL || b.step == 0.0f)
        return;
    wf_net__weight_grad(n, &n->output, n_rows, room, x);
    wf_net__multiply_back(n, &n->output, n_rows, room, dx);
    for (size_t i = 0; i < n_rows && w->bias != NULL; i++)
        n->kern->axpy(1.0f, room + i * vocab, n->grads + w->bias->offset, vocab);
    wf_loss__scatter(n, &w->rows, first, n_rows, dx, of->d_hidden);
}

int wf_loss_words(struct wf_loss_room *r, const struct wf_loss_of *of,
                  const struct wf_loss_words *w, struct wf_loss_result *out, struct wf_err *err)
{
    size_t vocab = r->net->p->n_vocab, most = WF_MIN(FLOATS_MAX / vocab + 1, (size_t)ROWS_MAX);
    size_t n_blocks, n_rows;
    struct wf_loss_result result = {.weight = (double)w->rows.n};
    float *room;

    most = WF_MIN(most, w->rows.n);
    room = wf_loss__room(r, most * (vocab + 2 * (size_t)r->net->p->dim), err);
    if (room == NULL)
        return WF_E_NOMEM;
    n_blocks = most > 0 ? (w->rows.n + most - 1) / most : 0;
    n_rows = n_blocks > 0 ? (w->rows.n + n_blocks - 1) / n_blocks : 0;
    for (size_t i = 0; i < w->rows.n; i += n_rows)
        run_block(r->net, of, w, i, WF_MIN(w->rows.n - i, n_rows), room, &result);
    if (w->rows.n > 0)
        result.loss /= (double)w->rows.n;
    *out = result;
    return 0;
}
