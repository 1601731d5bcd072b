/* SPDX-License-Identifier: Apache-2.0 */
/* The steps that every half of a layer is made of: products, norms, and splitting rows among the
 * gang.
 *
 * Where kernels compute many tokens in another order than few, texts that are read take the way of
 * many however few of their tokens there are, and those that are written that of few, so that what
 * they get does not depend on how they were cut, nor on the others of a batch.
 *
 * A product is two steps of the gang: activations are prepared once (each member some tokens), then
 * each member multiplies a band of the matrix's rows with all tokens, so that every weight is read
 * once for the whole batch. Matrices of one format share the prepared rows. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "kern/packed.h"
#include "model/transformer_internal.h"

/* Rows of a band: a multiple of this, so that neighbours do not write to one cache line. */
#define BAND_ROWS 32
/* Tokens that a member prepares: kernels may lay so many side by side. */
#define PREPARE_TOKENS 16
/* Below this many floats, and this many multiplications, a step is not worth waking the gang for.
 */
#define FLOATS_ALONE 8192
#define PRODUCTS_ALONE 131072

/* Weights of a part of a product, and parts of a member. */
#define PART_BYTES (32u << 10)
#define PARTS_MAX 8
/* Rows whose bias is added while their sums are near. */
#define BIAS_ROWS 128
/* With more tokens than these a product is not bounded by its weights. */
#define FEW 16

/* Weights that a member which waits fetches at once, and at most, into its second cache. */
#define FETCH_BYTES ((size_t)512)
#define FETCH_MOST ((size_t)128 << 10)

struct each {
    struct wf_runner *r;
    wf_token_fn fn;
    const void *ud;
    size_t n_items;
};

static void each_part(void *ud, size_t i, size_t n)
{
    const struct each *e = ud;
    size_t from, to;

    wf_gang_part(e->n_items, 1, i, n, &from, &to);
    for (; from < to; from++)
        e->fn(e->r, e->ud, from, i);
}

void wf_transformer__each(struct wf_runner *r, size_t n_items, wf_token_fn fn, const void *ud)
{
    struct each e = {r, fn, ud, n_items};

    if (n_items == 1)
        fn(r, ud, 0, 0);
    else
        wf_gang_run(r->gang, each_part, &e);
}

struct multiply {
    struct wf_runner *r;
    const float *x;
    size_t n_in;
    size_t first, n_tok; /* rows */
    size_t n_taken;      /* n_tok, or more: then rows behind are computed too, and mean nothing */
    const struct wf_dtype *format;
    const struct wf_product *products;
    size_t n_products;
};

static void prepare_part(void *ud, size_t i, size_t n)
{
    const struct multiply *m = ud;
    size_t from, to;

    wf_gang_part(m->n_tok, PREPARE_TOKENS, i, n, &from, &to);
    for (; from < to; from++)
        m->r->kern->act_prepare(m->format, m->r->act, m->x + (m->first + from) * m->n_in, m->n_in,
                                m->n_taken, from, m->r->prepared);
}

/* Rows [from, to) of a matrix with all tokens. */
static void multiply_band(const struct multiply *m, const struct wf_product *p, size_t from,
                          size_t to)
{
    const struct wf_matrix *w = p->matrix;

    m->r->kern->matmul(
        w->format, m->r->act, w->data + p->i_expert * w->expert_bytes + from * w->row_bytes,
        to - from, w->n_in, m->r->prepared, m->n_taken, p->out + m->first * p->ld + from, p->ld);
}

static void add_bias(const struct multiply *m, const struct wf_product *p, size_t from, size_t to)
{
    const float *bias = p->matrix->bias + p->i_expert * p->matrix->n_out + from;
    float *out = p->out + m->first * p->ld + from;

    for (size_t t = 0; t < m->n_tok; t++)
        m->r->kern->axpy(1.0f, bias, out + t * p->ld, to - from);
}

static void multiply_part(void *ud, size_t i, size_t n)
{
    const struct multiply *m = ud;
    size_t from, to;

    for (size_t j = 0; j < m->n_products; j++) {
        const struct wf_product *p = &m->products[j];
        const struct wf_matrix *w = p->matrix;
        if (w->format != m->format)
            continue;
        wf_gang_part(w->n_out, BAND_ROWS, i, n, &from, &to);
        if (from == to)
            continue;
        if (w->bias == NULL) {
            multiply_band(m, p, from, to);
            continue;
        }
        for (size_t end; from < to; from = end) {
            end = to - from < 2 * BIAS_ROWS ? to : from + BIAS_ROWS;
            multiply_band(m, p, from, end);
            add_bias(m, p, from, end);
        }
    }
}

/* Rows of all matrices of a format together. */
static size_t n_rows(const struct multiply *m)
{
    size_t n = 0;

    for (size_t j = 0; j < m->n_products; j++) {
        if (m->products[j].matrix->format == m->format)
            n += m->products[j].matrix->n_out;
    }
    return n;
}

/* Parts for each member: small enough that all end together, whoever is kept waiting by memory. */
static size_t n_parts_each(const struct multiply *m)
{
    size_t bytes = n_rows(m) * wf_dtype_bytes(m->format, m->n_in) / wf_gang_size(m->r->gang);

    if (m->n_taken > FEW)
        return 1; /* each part would go through all tokens again */
    bytes /= PART_BYTES;
    return bytes < 1 ? 1 : bytes > PARTS_MAX ? PARTS_MAX : bytes;
}

/* Member i's rows of the next matrix, from their beginning. Nothing is asked of what others write
 * but which matrix that is (relaxed: weights never change). */
void wf_transformer__fetch(void *ud, size_t i, size_t round)
{
    struct wf_runner *r = ud;
    const struct wf_matrix *w = atomic_load_explicit(&r->coming, memory_order_relaxed);
    size_t from, to, at = round * FETCH_BYTES;

    if (w == NULL || at >= FETCH_MOST)
        return;
    wf_gang_part(w->n_out, BAND_ROWS, i, wf_gang_size(r->gang), &from, &to);
    for (size_t k = at; k < at + FETCH_BYTES && k < (to - from) * w->row_bytes; k += 64)
        __builtin_prefetch(w->data + from * w->row_bytes + k, 0, 2);
}

/* Rows [m->first, m->first + m->n_tok) with all matrices of a format. */
static void multiply_rows(struct multiply *m)
{
    struct wf_gang *gang = m->r->gang;

    if (m->n_tok == 0)
        return;
    if (m->n_tok * m->n_in < FLOATS_ALONE)
        prepare_part(m, 0, 1);
    else
        wf_gang_run(gang, prepare_part, m);
    if (m->n_taken * m->n_in * n_rows(m) < PRODUCTS_ALONE)
        multiply_part(m, 0, 1);
    else
        wf_gang_run_parts(gang, n_parts_each(m), multiply_part, m);
}

/* How many of n_tok rows, the first ones, are of texts that are written. */
static size_t n_written(const struct wf_runner *r, size_t n_tok)
{
    size_t n = 0;

    if (r->row_tokens == NULL)
        return n_tok < r->n_written ? n_tok : r->n_written;
    while (n < n_tok && r->row_tokens[n] < r->n_written)
        n++;
    return n;
}

/* The same rows by the ways that they go. */
static void multiply_ways(struct multiply *m)
{
    size_t n_wide = m->r->kern->n_wide, n_tok = m->n_tok, n = n_written(m->r, n_tok);

    m->n_taken = n_tok;
    if (n_wide <= 1 || wf_dtype_is_packed(m->format)) {
        multiply_rows(m);
        return;
    }
    m->n_tok = m->n_taken = n;
    multiply_rows(m);
    m->first = n;
    m->n_tok = n_tok - n;
    m->n_taken = m->n_tok < n_wide ? n_wide : m->n_tok;
    multiply_rows(m);
}

void wf_transformer__multiply(struct wf_runner *r, const float *x, size_t n_tok,
                              const struct wf_product *products, size_t n_products)
{
    /* Relaxed: see fetch. */
    atomic_store_explicit(&r->coming, n_tok <= FEW ? products[0].matrix->next : NULL,
                          memory_order_relaxed);
    for (size_t j = 0; j < n_products; j++) {
        struct multiply m = {.r = r,
                             .x = x,
                             .n_in = products[0].matrix->n_in,
                             .n_tok = n_tok,
                             .format = products[j].matrix->format,
                             .products = products,
                             .n_products = n_products};
        bool is_done = false;
        assert(products[j].matrix->n_in == m.n_in);
        for (size_t k = 0; k < j; k++)
            is_done = is_done || products[k].matrix->format == m.format;
        if (!is_done)
            multiply_ways(&m);
    }
    if (r->parts != NULL)
        wf_transformer__adapt(r, x, n_tok, products, n_products);
}

struct norm {
    struct wf_norm by;
    const float *x;
    float *y;
};

/* The sum of x: four at a time, as the compiler then takes registers. */
static float sum_of(const float *x, size_t n)
{
    float sums[4] = {0};
    size_t i = 0;

    for (; i + 4 <= n; i += 4) {
        for (size_t k = 0; k < 4; k++)
            sums[k] += x[i + k];
    }
    for (; i < n; i++)
        sums[0] += x[i];
    return sums[0] + sums[1] + sums[2] + sums[3];
}

/* The sum of squares of x - less, likewise. */
static float squares_of(const float *x, size_t n, float less)
{
    float sums[4] = {0};
    size_t i = 0;

    for (; i + 4 <= n; i += 4) {
        for (size_t k = 0; k < 4; k++)
            sums[k] += (x[i + k] - less) * (x[i + k] - less);
    }
    for (; i < n; i++)
        sums[0] += (x[i] - less) * (x[i] - less);
    return sums[0] + sums[1] + sums[2] + sums[3];
}

/* Layer norm: to mean 0 and variance 1. */
static void layer_norm(const float *x, const float *weight, const float *bias, float eps, float *y,
                       size_t n)
{
    float mean = sum_of(x, n) / (float)n;
    float scale = 1.0f / sqrtf(squares_of(x, n, mean) / (float)n + eps);
    size_t i = 0;

    for (; i + 4 <= n; i += 4) {
        for (size_t k = 0; k < 4; k++)
            y[i + k] = (x[i + k] - mean) * scale * weight[i + k];
        for (size_t k = 0; k < 4 && bias != NULL; k++)
            y[i + k] += bias[i + k];
    }
    for (; i < n; i++) {
        y[i] = (x[i] - mean) * scale * weight[i];
        y[i] += bias != NULL ? bias[i] : 0.0f;
    }
}

static void norm_row(const struct wf_runner *r, struct wf_norm by, const float *x, float *y)
{
    size_t dim = r->p->dim;

    if ((r->p->family->flags & WF_FAMILY_ENCODER) != 0) {
        layer_norm(x, by.weight, by.bias, r->p->norm_eps, y, dim);
        return;
    }
    r->kern->rms_norm(x, by.weight, r->p->norm_eps, y, dim);
    for (size_t i = 0; i < dim && by.bias != NULL; i++)
        y[i] += by.bias[i];
}

static void norm_token(struct wf_runner *r, const void *ud, size_t i_tok, size_t i_member)
{
    const struct norm *n = ud;

    (void)i_member;
    norm_row(r, n->by, n->x + i_tok * r->p->dim, n->y + i_tok * r->p->dim);
}

/* Calls fn for every token, with the gang where its rows are worth it. */
static void each_row(struct wf_runner *r, size_t n_tok, wf_token_fn fn, const void *ud)
{
    if (n_tok * r->p->dim < FLOATS_ALONE) {
        for (size_t i = 0; i < n_tok; i++)
            fn(r, ud, i, 0);
    } else {
        wf_transformer__each(r, n_tok, fn, ud);
    }
}

void wf_transformer__norm(struct wf_runner *r, const float *x, const float *weight,
                          const float *bias, size_t n_tok, float *y)
{
    struct norm n = {{weight, bias}, x, y};

    each_row(r, n_tok, norm_token, &n);
}

static void begin_token(struct wf_runner *r, const void *ud, size_t i_tok, size_t i_member)
{
    const struct wf_norm *before = ud;
    size_t dim = r->p->dim;

    (void)i_member;
    if (before->weight != NULL)
        norm_row(r, *before, r->x + i_tok * dim, r->h + i_tok * dim);
    else
        memcpy(r->h + i_tok * dim, r->x + i_tok * dim, dim * sizeof(float));
}

void wf_transformer__begin_half(struct wf_runner *r, struct wf_norm before)
{
    each_row(r, r->n_tok, begin_token, &before);
}

struct end {
    struct wf_norm behind;
    const struct wf_norm *next;
};

static void end_token(struct wf_runner *r, const void *ud, size_t i_tok, size_t i_member)
{
    const struct end *e = ud;
    size_t dim = r->p->dim;
    float *x = r->x + i_tok * dim, *y = r->y + i_tok * dim;
    bool is_of_sum = (r->p->family->flags & WF_FAMILY_ENCODER) != 0;

    if (e->behind.weight != NULL && !is_of_sum)
        norm_row(r, e->behind, y, y);
    r->kern->axpy(r->p->residual_scale, y, x, dim);
    if (e->behind.weight != NULL && is_of_sum)
        norm_row(r, e->behind, x, x);
    if (e->next != NULL)
        begin_token(r, e->next, i_tok, i_member);
}

void wf_transformer__end_half(struct wf_runner *r, struct wf_norm behind,
                              const struct wf_norm *next)
{
    struct end e = {behind, next};

    each_row(r, r->n_tok, end_token, &e);
}

static void move_row(float *rows, size_t width, size_t to, size_t from)
{
    if (rows != NULL)
        memmove(rows + to * width, rows + from * width, width * sizeof(*rows));
}

/* Row `from` of the batch becomes row `to`, which is not behind it. */
static void move_token(struct wf_runner *r, size_t to, size_t from)
{
    bool is_first = to == 0 || r->places[to - 1].i_part != r->places[from].i_part;

    r->places[to] = r->places[from];
    r->places[to].i_first = is_first ? (uint32_t)to : r->places[to - 1].i_first;
    move_row(r->x, r->p->dim, to, from);
    move_row(r->h, r->p->dim, to, from);
    for (size_t k = 0; k < 2; k++)
        move_row(r->angles[k], r->p->n_rot, to, from);
}

void wf_transformer__drop_unwanted(struct wf_runner *r)
{
    size_t n = 0, n_written = 0;

    for (size_t i = 0; i < r->n_tok; i++) {
        if (!r->places[i].is_wanted)
            continue;
        n_written += i < r->n_written;
        move_token(r, n++, i);
    }
    for (size_t i = n; i-- > 0;) {
        bool is_last = i + 1 == n || r->places[i + 1].i_first != r->places[i].i_first;
        r->places[i].n_part =
            is_last ? (uint32_t)(i + 1) - r->places[i].i_first : r->places[i + 1].n_part;
    }
    r->n_written = n_written;
    r->n_tok = n;
}
