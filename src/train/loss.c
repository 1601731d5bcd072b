/* SPDX-License-Identifier: Apache-2.0 */
/* What all losses need: rows of hidden states taken out and given back, and linear heads. What rows
 * give back meets in the same tokens (means overlap), so members take bands of columns there. */
#include "train/loss.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "train/loss_internal.h"

int wf_loss_room_new(struct wf_net *n, struct wf_loss_room **out, struct wf_err *err)
{
    struct wf_loss_room *r = wf_alloc_array(1, sizeof(*r));

    if (r == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a loss.");
    r->net = n;
    *out = r;
    return 0;
}

void wf_loss_room_free(struct wf_loss_room *r)
{
    if (r == NULL)
        return;
    wf_free(r->floats);
    wf_free(r);
}

float *wf_loss__room(struct wf_loss_room *r, size_t n, struct wf_err *err)
{
    if (n > r->n || r->floats == NULL) {
        wf_free(r->floats);
        r->n = 0;
        r->floats = wf_alloc_lines(n, sizeof(float));
        if (r->floats == NULL)
            (void)wf_err_set(err, WF_E_NOMEM, "Not enough memory for the scores of a loss.");
        else
            r->n = n;
    }
    return r->floats;
}

float wf_loss__largest(const float *x, size_t n)
{
    float most[16], all = -INFINITY;
    size_t i = 0;

    for (size_t j = 0; j < 16; j++)
        most[j] = -INFINITY;
    for (; i + 16 <= n; i += 16) {
        for (size_t j = 0; j < 16; j++)
            most[j] = x[i + j] > most[j] ? x[i + j] : most[j];
    }
    for (size_t j = 0; j < 16; j++)
        all = most[j] > all ? most[j] : all;
    for (; i < n; i++)
        all = x[i] > all ? x[i] : all;
    return all;
}

struct each {
    wf_loss__fn fn;
    void *ud;
    size_t n_rows;
};

static void each_part(void *ud, size_t i, size_t n)
{
    const struct each *e = ud;
    size_t from, to;

    wf_gang_part(e->n_rows, 1, i, n, &from, &to);
    e->fn(e->ud, from, to, i);
}

void wf_loss__each(struct wf_net *n, size_t n_rows, wf_loss__fn fn, void *ud)
{
    struct each e = {fn, ud, n_rows};

    wf_gang_run(n->gang, each_part, &e);
}

/* ---- rows ---- */

struct move {
    struct wf_net *n;
    const struct wf_loss_rows *rows;
    size_t first, n_rows;
    const float *from;
    float *to;
};

static size_t end_of(const struct wf_loss_rows *rows, size_t i)
{
    return rows->to != NULL ? rows->to[i] : (size_t)rows->from[i] + 1;
}

static void gather_rows(void *ud, size_t from, size_t to, size_t i_part)
{
    const struct move *m = ud;
    size_t dim = m->n->p->dim;

    (void)i_part;
    for (size_t i = from; i < to; i++) {
        size_t t = m->rows->from[m->first + i], end = end_of(m->rows, m->first + i);
        float share = 1.0f / (float)(end - t);
        assert(t < end);
        assert(end <= m->n->n_tok);
        memset(m->to + i * dim, 0, dim * sizeof(float));
        for (; t < end; t++)
            m->n->kern->axpy(share, m->from + t * dim, m->to + i * dim, dim);
    }
}

void wf_loss__gather(struct wf_net *n, const float *hidden, const struct wf_loss_rows *rows,
                     size_t first, size_t n_rows, float *out)
{
    struct move m = {n, rows, first, n_rows, hidden, out};

    wf_loss__each(n, n_rows, gather_rows, &m);
}

static void scatter_columns(void *ud, size_t from, size_t to, size_t i_part)
{
    const struct move *m = ud;
    size_t dim = m->n->p->dim;

    (void)i_part;
    for (size_t i = 0; i < m->n_rows; i++) {
        size_t t = m->rows->from[m->first + i], end = end_of(m->rows, m->first + i);
        float share = 1.0f / (float)(end - t);
        for (; t < end; t++)
            m->n->kern->axpy(share, m->from + i * dim + from, m->to + t * dim + from, to - from);
    }
}

void wf_loss__scatter(struct wf_net *n, const struct wf_loss_rows *rows, size_t first,
                      size_t n_rows, const float *d, float *d_hidden)
{
    struct move m = {n, rows, first, n_rows, d, d_hidden};

    wf_loss__each(n, n->p->dim, scatter_columns, &m);
}

/* ---- heads ---- */

void wf_loss__apply(struct wf_net *n, const struct wf_loss_head *head, const float *x,
                    size_t n_rows, float *y)
{
    size_t labels = head->weight->rows, dim = head->weight->cols;
    struct wf_gemm g = {.m = n_rows,
                        .n = labels,
                        .k = dim,
                        .a = x,
                        .b = n->values + head->weight->offset,
                        .c = y,
                        .lda = dim,
                        .ldb = dim,
                        .ldc = labels,
                        .b_turned = true,
                        .adds = head->bias != NULL};

    assert(n_rows <= n->n_tokens_max);
    assert(head->bias == NULL || head->bias->cols == labels);
    for (size_t i = 0; i < n_rows && head->bias != NULL; i++)
        memcpy(y + i * labels, n->values + head->bias->offset, labels * sizeof(float));
    wf_gemm_run(n->room, n->gang, n->kind, &g);
}

void wf_loss__apply_back(struct wf_net *n, const struct wf_loss_head *head, const float *x,
                         const float *dy, size_t n_rows, float *dx)
{
    size_t labels = head->weight->rows, dim = head->weight->cols;
    struct wf_gemm weight = {.m = labels,
                             .n = dim,
                             .k = n_rows,
                             .a = dy,
                             .b = x,
                             .c = n->grads + head->weight->offset,
                             .lda = labels,
                             .ldb = dim,
                             .ldc = dim,
                             .a_turned = true,
                             .adds = true};
    struct wf_gemm input = {.m = n_rows,
                            .n = dim,
                            .k = labels,
                            .a = dy,
                            .b = n->values + head->weight->offset,
                            .c = dx,
                            .lda = labels,
                            .ldb = dim,
                            .ldc = dim};

    wf_gemm_run(n->room, n->gang, n->kind, &weight);
    wf_gemm_run(n->room, n->gang, n->kind, &input);
    for (size_t i = 0; i < n_rows && head->bias != NULL; i++)
        n->kern->axpy(1.0f, dy + i * labels, n->grads + head->bias->offset, labels);
}
