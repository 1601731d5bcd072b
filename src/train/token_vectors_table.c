/* SPDX-License-Identifier: Apache-2.0 */
/* The table: its first rows, its steps, and its form in a lens file. Codes of one bit are signs,
 * and a row's size is the mean of its values without their signs; codes of two bits are the four
 * levels that lose least of what is normally distributed (Max 1960), and the size is the root of
 * the mean square: which level is nearest depends on the size alone. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "kern/dtype.h"
#include "kern/kern.h"
#include "model/gguf_write.h"
#include "train/shuffle.h"
#include "train/token_vectors_internal.h"

/* Tokens that are more than this of all text count less (Arora et al. 2017). */
#define COMMON 1e-3
/* What is a token's own in its first row, beside what the encoder knows of it. */
#define OWN 0.7

#define INNER 0.4528f
#define OUTER 1.51f
#define BORDER 0.9816f /* between them */

static const float levels_1[] = {-1.0f, 1.0f};
static const float levels_2[] = {-OUTER, -INNER, INNER, OUTER};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a table of tokens' vectors.");
}

int wf_token_vectors__table_init(struct wf_token_vectors__table *out, size_t n_tokens, size_t width,
                                 unsigned bits, struct wf_err *err)
{
    struct wf_token_vectors__table t = {.n_tokens = n_tokens, .width = width, .bits = bits};
    float **const all[] = {&t.rows, &t.rounded, &t.grads, &t.squares};
    bool ok = true;

    assert(width > 0 && width % 8 == 0);
    assert(bits == 1 || bits == 2);
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++) {
        *all[i] = wf_alloc_array(n_tokens + 1, width * sizeof(float));
        ok = ok && *all[i] != NULL;
    }
    t.is_touched = wf_alloc_array(n_tokens + 1, sizeof(*t.is_touched));
    t.touched = wf_alloc_array(n_tokens + 1, sizeof(*t.touched));
    *out = t;
    if (ok && t.is_touched != NULL && t.touched != NULL)
        return 0;
    wf_token_vectors__table_deinit(out);
    return no_memory(err);
}

void wf_token_vectors__table_deinit(struct wf_token_vectors__table *t)
{
    wf_free(t->rows);
    wf_free(t->rounded);
    wf_free(t->grads);
    wf_free(t->squares);
    wf_free(t->is_touched);
    wf_free(t->touched);
    *t = (struct wf_token_vectors__table){0};
}

/* ---- first rows ---- */

/* Normally distributed (Box and Muller). */
static double draw_normal(uint64_t *io)
{
    double far = sqrt(-2 * log(1 - wf_draw_real(io))), turn = wf_draw_real(io);

    return far * cos(2 * 3.14159265358979323846 * turn);
}

static void shorten(float *x, size_t n, float length)
{
    double square = 1e-20;

    for (size_t i = 0; i < n; i++)
        square += (double)x[i] * (double)x[i];
    for (size_t i = 0; i < n; i++)
        x[i] = length * (float)((double)x[i] / sqrt(square));
}

/* One row: map^T (x - mean), shortened, and what is its own. */
static void begin_row(struct wf_token_vectors__table *t, size_t token, float *x, size_t dim,
                      const float *map, float length, uint64_t *io_draw)
{
    float *row = t->rows + token * t->width;

    memset(row, 0, t->width * sizeof(*row));
    shorten(x, dim, 1.0f);
    for (size_t i = 0; i < dim; i++)
        wf_kern()->axpy(x[i], map + i * t->width, row, t->width);
    shorten(row, t->width, length);
    for (size_t i = 0; i < t->width; i++)
        row[i] += length * (float)(OWN * draw_normal(io_draw) / sqrt((double)t->width));
}

int wf_token_vectors__begin_rows(struct wf_token_vectors__table *t, const float *embeddings,
                                 size_t dim, const double *counts, uint64_t seed,
                                 struct wf_err *err)
{
    float *map = wf_alloc_array(dim, t->width * sizeof(*map));
    float *mean = wf_alloc_array(dim, sizeof(*mean)), *x = wf_alloc_array(dim, sizeof(*x));
    double sum = 1e-20;
    int rc = map == NULL || mean == NULL || x == NULL ? no_memory(err) : 0;

    for (size_t i = 0; i < dim * t->width && rc == 0; i++)
        map[i] = (float)draw_normal(&seed);
    for (size_t k = 0; k < t->n_tokens && rc == 0; k++) {
        memcpy(x, embeddings + k * dim, dim * sizeof(*x));
        shorten(x, dim, 1.0f);
        wf_kern()->axpy(1.0f / (float)t->n_tokens, x, mean, dim);
        sum += counts[k];
    }
    for (size_t k = 0; k < t->n_tokens && rc == 0; k++) {
        memcpy(x, embeddings + k * dim, dim * sizeof(*x));
        shorten(x, dim, 1.0f);
        wf_kern()->axpy(-1.0f, mean, x, dim);
        begin_row(t, k, x, dim, map, (float)(COMMON / (COMMON + counts[k] / sum)), &seed);
    }
    wf_free(map);
    wf_free(mean);
    wf_free(x);
    return rc;
}

/* ---- rounding ---- */

static unsigned code_of(const struct wf_token_vectors__table *t, float x, float size)
{
    if (t->bits == 1)
        return x >= 0.0f;
    if (x < 0.0f)
        return x < -BORDER * size ? 0 : 1;
    return x < BORDER * size ? 2 : 3;
}

static const float *levels_of(const struct wf_token_vectors__table *t)
{
    return t->bits == 1 ? levels_1 : levels_2;
}

static float size_of(const struct wf_token_vectors__table *t, const float *row)
{
    double plain = 0, square = 0;

    for (size_t i = 0; i < t->width; i++) {
        plain += fabs((double)row[i]);
        square += (double)row[i] * (double)row[i];
    }
    return (float)(t->bits == 1 ? plain / (double)t->width : sqrt(square / (double)t->width));
}

float wf_token_vectors__round_row(const struct wf_token_vectors__table *t, const float *row,
                                  float *out)
{
    const float *levels = levels_of(t);
    float size = size_of(t, row);

    for (size_t i = 0; i < t->width; i++)
        out[i] = size * levels[code_of(t, row[i], size)];
    return size;
}

void wf_token_vectors__round(struct wf_token_vectors__table *t)
{
    for (size_t k = 0; k < t->n_tokens; k++)
        (void)wf_token_vectors__round_row(t, t->rows + k * t->width, t->rounded + k * t->width);
    t->is_rounded = true;
}

/* ---- learning ---- */

const float *wf_token_vectors__row(const struct wf_token_vectors__table *t, int32_t token)
{
    assert(token >= 0 && (size_t)token < t->n_tokens);
    return (t->is_rounded ? t->rounded : t->rows) + (size_t)token * t->width;
}

void wf_token_vectors__touch(struct wf_token_vectors__table *t, int32_t token, const float *grad)
{
    assert(token >= 0 && (size_t)token < t->n_tokens);
    if (t->is_touched[token] == 0) {
        t->is_touched[token] = 1;
        t->touched[t->n_touched++] = (uint32_t)token;
        memset(t->grads + (size_t)token * t->width, 0, t->width * sizeof(*t->grads));
    }
    wf_kern()->axpy(1.0f, grad, t->grads + (size_t)token * t->width, t->width);
}

void wf_token_vectors__move(struct wf_token_vectors__table *t, float rate)
{
    for (size_t k = 0; k < t->n_touched; k++) {
        size_t at = (size_t)t->touched[k] * t->width;
        for (size_t i = at; i < at + t->width; i++) {
            t->squares[i] += t->grads[i] * t->grads[i];
            t->rows[i] -= rate * t->grads[i] / (sqrtf(t->squares[i]) + 1e-8f);
        }
        if (t->is_rounded)
            (void)wf_token_vectors__round_row(t, t->rows + at, t->rounded + at);
        t->is_touched[t->touched[k]] = 0;
    }
    t->n_touched = 0;
}

/* ---- in a file ---- */

int wf_token_vectors__pack(const struct wf_token_vectors__table *t, float share,
                           struct wf_lens_static_parts *out, struct wf_err *err)
{
    size_t n_bytes = t->n_tokens * t->width * t->bits / 8;
    unsigned char *codes = wf_alloc(n_bytes + 4);
    float *sizes = wf_alloc_array(t->n_tokens + 1, sizeof(*sizes));

    if (codes == NULL || sizes == NULL) {
        wf_free(codes);
        wf_free(sizes);
        return no_memory(err);
    }
    memset(codes, 0, n_bytes + 4);
    for (size_t k = 0, bit = 0; k < t->n_tokens; k++) {
        const float *row = t->rows + k * t->width;
        sizes[k] = size_of(t, row);
        for (size_t i = 0; i < t->width; i++, bit += t->bits) {
            unsigned code = code_of(t, row[i], sizes[k]);
            codes[bit / 8] = (unsigned char)(codes[bit / 8] | code << bit % 8);
        }
    }
    *out = (struct wf_lens_static_parts){.codes = {(const char *)codes, n_bytes},
                                         .levels = levels_of(t),
                                         .sizes = sizes,
                                         .n_tokens = t->n_tokens,
                                         .width = (uint32_t)t->width,
                                         .bits = t->bits,
                                         .share = share};
    return 0;
}

void wf_token_vectors__unpack(struct wf_lens_static_parts *p)
{
    void *codes = NULL, *sizes = NULL; /* pack made both, as bytes that nobody changes */

    memcpy(&codes, &p->codes.ptr, sizeof(codes));
    memcpy(&sizes, &p->sizes, sizeof(sizes));
    wf_free(codes);
    wf_free(sizes);
    *p = (struct wf_lens_static_parts){0};
}

static void put_entries(struct wf_gguf_writer *w, const struct wf_lens_static_parts *p)
{
    const unsigned char *c = (const unsigned char *)p->codes.ptr; /* zeros stand behind */
    uint64_t n_levels[1] = {(uint64_t)1 << p->bits}, n_tokens[1] = {p->n_tokens};
    size_t n = (p->codes.len + 3) / 4;

    wf_gguf_put_u32(w, "lens.embedding.static.width", p->width);
    wf_gguf_put_u32(w, "lens.embedding.static.bits", p->bits);
    wf_gguf_put_f32(w, "lens.embedding.static.share", p->share);
    wf_gguf_put_i32s(w, "lens.embedding.static.codes", n);
    for (size_t i = 0; i < n; i++, c += 4)
        wf_gguf_item_put_i32(
            w, (int32_t)(c[0] | (uint32_t)c[1] << 8 | (uint32_t)c[2] << 16 | (uint32_t)c[3] << 24));
    wf_gguf_put_tensor(w, WF_STR("lens.embedding.static.levels"), wf_dtype_by_id(WF_DTYPE_F32), 1,
                       n_levels);
    wf_gguf_put_tensor(w, WF_STR("lens.embedding.static.sizes"), wf_dtype_by_id(WF_DTYPE_F16), 1,
                       n_tokens);
}

int wf_token_vectors__write(const struct wf_gguf *from, const struct wf_lens_static_parts *p,
                            const char *path, struct wf_err *err)
{
    static const char *const own[] = {"lens.embedding.static.", NULL};
    uint16_t *sizes = wf_alloc_array(p->n_tokens + 1, sizeof(*sizes));
    struct wf_gguf_writer *w = NULL;
    int rc = sizes == NULL ? no_memory(err) : wf_gguf_writer_new(path, &w, err);

    if (rc != 0)
        goto out;
    wf_kern()->to_f16(p->sizes, sizes, p->n_tokens);
    wf_gguf_put_others(w, from, own);
    put_entries(w, p);
    rc = wf_gguf_writer_begin(w, err);
    if (rc == 0)
        rc = wf_gguf_write_others(w, from, own, err);
    if (rc == 0)
        rc = wf_gguf_writer_write(w, p->levels, sizeof(float) << p->bits, err);
    if (rc == 0)
        rc = wf_gguf_writer_write(w, sizes, p->n_tokens * sizeof(*sizes), err);
    if (rc == 0)
        rc = wf_gguf_writer_finish(w, err);
out:
    wf_gguf_writer_free(w);
    wf_free(sizes);
    return rc;
}
