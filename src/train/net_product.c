/* SPDX-License-Identifier: Apache-2.0 */
/* Products with a group's matrices. One that learns meets its values as they lie. A stored one is
 * unpacked a band of rows at a time, whatever its format: a band of its outputs forward, a band of
 * the sum backward. An adapter adds scale B (A x); what lies between, a few values a row, is made
 * again where backward needs it. */
#include <string.h>

#include "train/net_internal.h"

/* c [m, n] = or += a b. */
struct product {
    size_t m, n, k;
    const float *a, *b;
    float *c;
    size_t lda, ldb, ldc;
    bool a_turned, b_turned, adds;
};

static void run(struct wf_net *n, const struct product *p, enum wf_net_time what)
{
    struct wf_gemm g = {.m = p->m,
                        .n = p->n,
                        .k = p->k,
                        .a = p->a,
                        .b = p->b,
                        .c = p->c,
                        .lda = p->lda,
                        .ldb = p->ldb,
                        .ldc = p->ldc,
                        .a_turned = p->a_turned,
                        .b_turned = p->b_turned,
                        .adds = p->adds};
    uint64_t since = wf_net__now();

    wf_gemm_run(n->room, n->gang, n->kind, &g);
    wf_net__took(n, what, since);
}

/* ---- stored matrices ---- */

struct unpack {
    const struct wf_matrix *m;
    size_t first, n_rows;
    float *out;
};

static void unpack_part(void *ud, size_t i, size_t n)
{
    const struct unpack *u = ud;
    size_t from, to;

    wf_gang_part(u->n_rows, 1, i, n, &from, &to);
    for (size_t r = from; r < to; r++)
        u->m->format->unpack(u->m->data + (u->first + r) * u->m->row_bytes, u->out + r * u->m->n_in,
                             u->m->n_in);
}

/* Rows [first, first + *out_n) of the matrix as floats: as many as fit, or are left. */
static const float *band(struct wf_net *n, const struct wf_net__matrix *m, size_t first,
                         size_t *out_n)
{
    size_t most = WF_MAX(WF_NET__BAND / m->n_in, (size_t)1);
    struct unpack u = {.m = m->stored, .first = first, .out = n->band};

    if (m->stored == NULL) {
        *out_n = m->n_out;
        return n->values + m->at;
    }
    u.n_rows = WF_MIN(m->n_out - first, most);
    *out_n = u.n_rows;
    wf_gang_run(n->gang, unpack_part, &u);
    return n->band;
}

/* ---- biases ---- */

static void add_bias(struct wf_net *n, const float *bias, size_t width, size_t n_rows, float *y,
                     size_t ld)
{
    for (size_t t = 0; t < n_rows; t++)
        n->kern->axpy(1.0f, bias, y + t * ld, width);
}

/* ---- adapters ---- */

/* inner [n_rows, rank] = scale * x A^T. */
static void to_inner(struct wf_net *n, const struct wf_net__matrix *m, size_t n_rows,
                     const float *x, float *inner)
{
    run(n,
        &(struct product){.m = n_rows,
                          .n = n->lora_rank,
                          .k = m->n_in,
                          .a = x,
                          .b = n->values + m->a,
                          .c = inner,
                          .lda = m->n_in,
                          .ldb = m->n_in,
                          .ldc = n->lora_rank,
                          .b_turned = true},
        WF_NET_TIME_PRODUCTS);
    for (size_t i = 0; i < n_rows * n->lora_rank; i++)
        inner[i] *= n->lora_scale;
}

/* inner [n_rows, rank] = scale * dy B. */
static void to_inner_back(struct wf_net *n, const struct wf_net__matrix *m, size_t n_rows,
                          const float *dy, size_t ld, float *inner)
{
    run(n,
        &(struct product){.m = n_rows,
                          .n = n->lora_rank,
                          .k = m->n_out,
                          .a = dy,
                          .b = n->values + m->b,
                          .c = inner,
                          .lda = ld,
                          .ldb = n->lora_rank,
                          .ldc = n->lora_rank},
        WF_NET_TIME_PRODUCTS);
    for (size_t i = 0; i < n_rows * n->lora_rank; i++)
        inner[i] *= n->lora_scale;
}

static void adapt(struct wf_net *n, const struct wf_net__matrix *m, size_t n_rows, const float *x,
                  float *y, size_t ld)
{
    to_inner(n, m, n_rows, x, n->inner);
    run(n,
        &(struct product){.m = n_rows,
                          .n = m->n_out,
                          .k = n->lora_rank,
                          .a = n->inner,
                          .b = n->values + m->b,
                          .c = y,
                          .lda = n->lora_rank,
                          .ldb = n->lora_rank,
                          .ldc = ld,
                          .b_turned = true,
                          .adds = true},
        WF_NET_TIME_PRODUCTS);
}

static void adapt_back(struct wf_net *n, const struct wf_net__matrix *m, size_t n_rows,
                       const float *dy, size_t ld, float *dx)
{
    to_inner_back(n, m, n_rows, dy, ld, n->inner);
    run(n,
        &(struct product){.m = n_rows,
                          .n = m->n_in,
                          .k = n->lora_rank,
                          .a = n->inner,
                          .b = n->values + m->a,
                          .c = dx,
                          .lda = n->lora_rank,
                          .ldb = m->n_in,
                          .ldc = m->n_in,
                          .adds = true},
        WF_NET_TIME_PRODUCTS);
}

/* dB += scale dy^T (A x), dA += (scale dy B)^T x. */
static void adapter_grad(struct wf_net *n, const struct wf_net__matrix *m, size_t n_rows,
                         const float *dy, size_t ld, const float *x)
{
    struct product of_b = {.m = m->n_out,
                           .n = n->lora_rank,
                           .k = n_rows,
                           .a = dy,
                           .b = n->inner,
                           .c = n->grads + m->b,
                           .lda = ld,
                           .ldb = n->lora_rank,
                           .ldc = n->lora_rank,
                           .a_turned = true,
                           .adds = true};
    struct product of_a = {.m = n->lora_rank,
                           .n = m->n_in,
                           .k = n_rows,
                           .a = n->inner,
                           .b = x,
                           .c = n->grads + m->a,
                           .lda = n->lora_rank,
                           .ldb = m->n_in,
                           .ldc = m->n_in,
                           .a_turned = true,
                           .adds = true};

    to_inner(n, m, n_rows, x, n->inner);
    run(n, &of_b, WF_NET_TIME_WEIGHTS);
    to_inner_back(n, m, n_rows, dy, ld, n->inner);
    run(n, &of_a, WF_NET_TIME_WEIGHTS);
}

/* ---- groups ---- */

void wf_net__multiply(struct wf_net *n, const struct wf_net__group *g, size_t n_rows,
                      const float *x, float *y)
{
    for (size_t i = 0; i < g->n; i++) {
        const struct wf_net__matrix *m = &g->of[i];
        float *out = y + m->column;
        for (size_t first = 0, some; first < m->n_out; first += some) {
            const float *w = band(n, m, first, &some);
            run(n,
                &(struct product){.m = n_rows,
                                  .n = some,
                                  .k = m->n_in,
                                  .a = x,
                                  .b = w,
                                  .c = out + first,
                                  .lda = m->n_in,
                                  .ldb = m->n_in,
                                  .ldc = g->n_out,
                                  .b_turned = true},
                WF_NET_TIME_PRODUCTS);
        }
        if (m->stored != NULL && m->stored->bias != NULL)
            add_bias(n, m->stored->bias, m->n_out, n_rows, out, g->n_out);
        if (m->a != WF_NET__NONE)
            adapt(n, m, n_rows, x, out, g->n_out);
    }
    if (g->bias.p != NULL)
        add_bias(n, g->bias.p, g->n_out, n_rows, y, g->n_out);
}

void wf_net__multiply_back(struct wf_net *n, const struct wf_net__group *g, size_t n_rows,
                           const float *dy, float *dx)
{
    bool adds = false;

    for (size_t i = 0; i < g->n; i++) {
        const struct wf_net__matrix *m = &g->of[i];
        for (size_t first = 0, some; first < m->n_out; first += some, adds = true) {
            const float *w = band(n, m, first, &some);
            run(n,
                &(struct product){.m = n_rows,
                                  .n = m->n_in,
                                  .k = some,
                                  .a = dy + m->column + first,
                                  .b = w,
                                  .c = dx,
                                  .lda = g->n_out,
                                  .ldb = m->n_in,
                                  .ldc = m->n_in,
                                  .adds = adds},
                WF_NET_TIME_PRODUCTS);
        }
        if (m->a != WF_NET__NONE)
            adapt_back(n, m, n_rows, dy + m->column, g->n_out, dx);
    }
}

void wf_net__weight_grad(struct wf_net *n, const struct wf_net__group *g, size_t n_rows,
                         const float *dy, const float *x)
{
    for (size_t i = 0; i < g->n; i++) {
        const struct wf_net__matrix *m = &g->of[i];
        if (m->at != WF_NET__NONE)
            run(n,
                &(struct product){.m = m->n_out,
                                  .n = m->n_in,
                                  .k = n_rows,
                                  .a = dy + m->column,
                                  .b = x,
                                  .c = n->grads + m->at,
                                  .lda = g->n_out,
                                  .ldb = m->n_in,
                                  .ldc = m->n_in,
                                  .a_turned = true,
                                  .adds = true},
                WF_NET_TIME_WEIGHTS);
        if (m->a != WF_NET__NONE)
            adapter_grad(n, m, n_rows, dy + m->column, g->n_out, x);
    }
    for (size_t t = 0; t < n_rows && g->bias.grad != NULL; t++)
        n->kern->axpy(1.0f, dy + t * g->n_out, g->bias.grad, g->n_out);
}
