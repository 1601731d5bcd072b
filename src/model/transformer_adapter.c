/* SPDX-License-Identifier: Apache-2.0 */
/* Adapters at work: behind the products of a step, every part's rows get scale * B (A x) of each of
 * its adapters.
 *
 * Rows of a part lie side by side, also where only some of a batch's tokens meet a matrix (experts,
 * logits). Members of the gang share a part's rows; where there are fewer rows than members they
 * share the matrix's rows instead, and each makes the few values of A x for itself, so that one
 * step is enough. */
#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "model/adapter_internal.h"
#include "model/transformer_internal.h"

#define BAND_ROWS 64
#define BAND_TOKENS 16
/* A x of some tokens: as many as fit, one at least. */
#define INNER (2 * WF_LIMIT_ADAPTER_RANK)

struct adapt {
    struct wf_runner *r;
    const float *x;
    size_t n_tok;
    const struct wf_product *products;
    size_t n_products;
};

/* A block of one product: rows [row, row + n_rows) of the batch, [from, to) of the matrix. */
struct block {
    const struct wf_kern *kern;
    const struct wf_product *product;
    const struct wf_adapter_pair *pair;
    float scale;
    const float *x;
    size_t row, n_rows, from, to;
};

static void add_band(const struct block *b, const float *inner, size_t row, size_t n)
{
    const struct wf_adapter_pair *p = b->pair;
    const uint8_t *w = p->b + b->product->i_expert * p->b_expert_bytes;
    float delta[BAND_TOKENS * BAND_ROWS];

    for (size_t from = b->from; from < b->to; from += BAND_ROWS) {
        size_t n_band = b->to - from < BAND_ROWS ? b->to - from : BAND_ROWS;
        b->kern->matmul(p->b_format, WF_ACT_F32, w + from * p->b_row_bytes, n_band, p->rank, inner,
                        n, delta, BAND_ROWS);
        for (size_t t = 0; t < n; t++)
            b->kern->axpy(b->scale, delta + t * BAND_ROWS,
                          b->product->out + (row + t) * b->product->ld + from, n_band);
    }
}

static void run_block(const struct block *b)
{
    const struct wf_adapter_pair *p = b->pair;
    size_t n_in = p->target->n_in, most = INNER / p->rank;
    const uint8_t *w = p->a + b->product->i_expert * p->a_expert_bytes;
    float inner[INNER];

    most = most < BAND_TOKENS ? most : BAND_TOKENS;
    for (size_t done = 0; done < b->n_rows; done += most) {
        size_t n = b->n_rows - done < most ? b->n_rows - done : most;
        b->kern->matmul(p->a_format, WF_ACT_F32, w, p->rank, n_in, b->x + (b->row + done) * n_in, n,
                        inner, p->rank);
        add_band(b, inner, b->row + done, n);
    }
}

static size_t part_of_row(const struct wf_runner *r, size_t row)
{
    return r->places[r->row_tokens != NULL ? r->row_tokens[row] : row].i_part;
}

/* One part's rows and one product, all adapters: what member i of n does of it. */
static void adapt_run(const struct adapt *a, const struct wf_product *product,
                      const struct wf_batch_part *part, size_t row, size_t n_rows, size_t i,
                      size_t n)
{
    struct block b = {.kern = a->r->kern, .product = product, .x = a->x, .row = row};
    size_t from, to, n_out = product->matrix->n_out;

    if (n_rows >= n) {
        wf_gang_part(n_rows, 1, i, n, &from, &to);
        b.row += from;
        b.n_rows = to - from;
        b.to = n_out;
    } else {
        b.n_rows = n_rows;
        wf_gang_part(n_out, 16, i, n, &b.from, &b.to);
        if (b.from == b.to)
            return;
    }
    for (size_t k = 0; k < part->n_adapters; k++) {
        const struct wf_adapter_use *use = &part->adapters[k];
        assert(use->adapter->model == a->r->model);
        b.pair = wf_adapter__find(use->adapter, product->matrix);
        if (b.pair == NULL || use->scale == 0.0f)
            continue;
        b.scale = wf_adapter__scale(use, b.pair);
        run_block(&b);
    }
}

static void adapt_part(void *ud, size_t i, size_t n)
{
    const struct adapt *a = ud;

    for (size_t row = 0, end; row < a->n_tok; row = end) {
        size_t i_part = part_of_row(a->r, row);
        end = row + 1;
        while (end < a->n_tok && part_of_row(a->r, end) == i_part)
            end++;
        if (a->r->parts[i_part].n_adapters == 0)
            continue;
        for (size_t j = 0; j < a->n_products; j++)
            adapt_run(a, &a->products[j], &a->r->parts[i_part], row, end - row, i, n);
    }
}

void wf_transformer__adapt(struct wf_runner *r, const float *x, size_t n_tok,
                           const struct wf_product *products, size_t n_products)
{
    struct adapt a = {r, x, n_tok, products, n_products};

    wf_gang_run(r->gang, adapt_part, &a);
}

void wf_transformer__adapt_embedding(const struct wf_runner *r, size_t i_tok, int32_t id,
                                     float *io_x)
{
    const struct wf_batch_part *part = &r->parts[r->places[i_tok].i_part];
    struct wf_product product = {.matrix = &r->model->weights.embed, .out = io_x, .ld = r->p->dim};
    float inner[WF_LIMIT_ADAPTER_RANK];

    for (size_t k = 0; k < part->n_adapters; k++) {
        const struct wf_adapter_use *use = &part->adapters[k];
        const struct wf_adapter_pair *p = wf_adapter__find(use->adapter, product.matrix);
        if (p == NULL || use->scale == 0.0f)
            continue;
        struct block b = {.kern = r->kern,
                          .product = &product,
                          .pair = p,
                          .scale = wf_adapter__scale(use, p),
                          .to = r->p->dim};
        p->a_format->unpack(p->a + (size_t)id * p->a_row_bytes, inner, p->rank);
        add_band(&b, inner, 0, 1);
    }
}
