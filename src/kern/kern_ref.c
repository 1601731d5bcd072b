/* SPDX-License-Identifier: Apache-2.0 */
/* The reference kernels: every function in its plainest form, sums in double. What the others are
 * held against. A row prepared for WF_ACT_Q8 is n_in bytes of int8 behind the float scales of
 * their groups (32 values, or 256 for weights in blocks of 256); the dot product is then taken with
 * what those bytes stand for. Groups and rounding are those of the common engines, so that the same
 * file gives the same text there and here. */
#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "kern/half.h"
#include "kern/kern.h"

#define CHUNK 256 /* whole blocks of every data type */

static bool is_float(const struct wf_dtype *f)
{
    return f->block == 1;
}

/* Values that share a scale: as many as share one of the weights' halves. */
static size_t group_of(const struct wf_dtype *f)
{
    return f->block == 256 ? 256 : 32;
}

/* Of one prepared row. */
static size_t act_row(const struct wf_dtype *f, enum wf_act act, size_t n_in)
{
    if (act == WF_ACT_F32 || is_float(f))
        return n_in * sizeof(float);
    return n_in / group_of(f) * sizeof(float) + n_in;
}

static size_t act_bytes(const struct wf_dtype *f, enum wf_act act, size_t n_in, size_t n_tok)
{
    return n_tok * act_row(f, act, n_in);
}

/* 32 values: the largest becomes 127, the scale is rounded to half precision. What is no number
 * makes the scale none, so that it shows in the products. */
static void quantise_32(const float *x, float *out_scale, int8_t *q)
{
    float max = 0.0f;

    for (size_t j = 0; j < 32; j++)
        max = fabsf(x[j]) > max || isnan(x[j]) ? fabsf(x[j]) : max;
    *out_scale = wf_half_to_float(wf_float_to_half(max / 127.0f));
    for (size_t j = 0; j < 32; j++)
        q[j] = max == 0.0f ? 0 : (int8_t)lrintf(x[j] * (127.0f / max));
}

/* 256 values: the largest becomes -127, whatever its sign. */
static void quantise_256(const float *x, float *out_scale, int8_t *q)
{
    float max = 0.0f;

    for (size_t j = 0; j < 256; j++)
        max = fabsf(x[j]) > fabsf(max) || isnan(x[j]) ? x[j] : max;
    *out_scale = max == 0.0f ? 0.0f : 1.0f / (-127.0f / max);
    for (size_t j = 0; j < 256; j++)
        q[j] = max == 0.0f ? 0 : (int8_t)lrintf(x[j] * (-127.0f / max));
}

static void act_prepare(const struct wf_dtype *f, enum wf_act act, const float *x, size_t n_in,
                        size_t n_tok, size_t i_tok, void *out)
{
    void *row = (char *)out + i_tok * act_row(f, act, n_in);
    size_t group = group_of(f);
    float *scales = row;
    int8_t *q = (int8_t *)(scales + n_in / group);

    (void)n_tok;
    if (act == WF_ACT_F32 || is_float(f)) {
        memcpy(row, x, n_in * sizeof(float));
        return;
    }
    for (size_t i = 0; i < n_in / group; i++) {
        if (group == 32)
            quantise_32(x + i * group, &scales[i], q + i * group);
        else
            quantise_256(x + i * group, &scales[i], q + i * group);
    }
}

/* Values [from, from + n) of a prepared row as float32. */
static void act_unpack(const struct wf_dtype *f, enum wf_act act, const void *row, size_t n_in,
                       size_t from, size_t n, float *out)
{
    size_t group = group_of(f);
    const float *scales = row;
    const int8_t *q = (const int8_t *)(scales + n_in / group);

    if (act == WF_ACT_F32 || is_float(f)) {
        memcpy(out, (const float *)row + from, n * sizeof(float));
        return;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = scales[(from + i) / group] * (float)q[from + i];
}

static void matmul(const struct wf_dtype *f, enum wf_act act, const void *w, size_t n_rows,
                   size_t n_in, const void *prepared, size_t n_tok, float *out, size_t ld)
{
    size_t row_bytes = wf_dtype_bytes(f, n_in), x_bytes = act_row(f, act, n_in);
    float weights[CHUNK], x[CHUNK];

    assert(n_in % f->block == 0);
    for (size_t t = 0; t < n_tok; t++) {
        const char *row_x = (const char *)prepared + t * x_bytes;
        for (size_t r = 0; r < n_rows; r++) {
            const char *row_w = (const char *)w + r * row_bytes;
            double sum = 0;
            for (size_t i = 0; i < n_in; i += CHUNK) {
                size_t n = n_in - i < CHUNK ? n_in - i : CHUNK;
                f->unpack(row_w + wf_dtype_bytes(f, i), weights, n);
                act_unpack(f, act, row_x, n_in, i, n, x);
                for (size_t j = 0; j < n; j++)
                    sum += (double)weights[j] * (double)x[j];
            }
            out[t * ld + r] = (float)sum;
        }
    }
}

static void axpy(float a, const float *x, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += a * x[i];
}

static void rms_norm(const float *x, const float *w, float eps, float *y, size_t n)
{
    double square = 0, scale;

    for (size_t i = 0; i < n; i++)
        square += (double)x[i] * (double)x[i];
    scale = 1.0 / sqrt(square / (double)n + (double)eps);
    for (size_t i = 0; i < n; i++)
        y[i] = (float)((double)x[i] * scale) * (w != NULL ? w[i] : 1.0f);
}

static void softmax(float *x, size_t n)
{
    float max = -INFINITY;
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        max = fmaxf(max, x[i]);
    for (size_t i = 0; i < n; i++) {
        x[i] = max == -INFINITY ? 0.0f : expf(x[i] - max);
        sum += (double)x[i];
    }
    for (size_t i = 0; i < n && sum > 0; i++)
        x[i] = (float)((double)x[i] / sum);
}

static float exp_sum(float *x, float max, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        x[i] = expf(x[i] - max);
        sum += (double)x[i];
    }
    return (float)sum;
}

static void mix(const float *p, size_t ld, const float *v, size_t n_rows, size_t n_p, size_t n,
                float *y)
{
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t i = 0; i < n; i++) {
            double sum = (double)y[r * n + i];
            for (size_t j = 0; j < n_p; j++)
                sum += (double)p[r * ld + j] * (double)v[j * n + i];
            y[r * n + i] = (float)sum;
        }
    }
}

static void silu_mul(const float *g, const float *u, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = g[i] / (1.0f + expf(-g[i])) * u[i];
}

static float rounded(float x)
{
    return wf_half_to_float(wf_float_to_half(x));
}

static void gelu_mul(const float *g, const float *u, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float h = rounded(g[i]), x = g[i], by = u != NULL ? u[i] : 1.0f;
        float t = 0.79788456080286535588f * h * (1.0f + 0.044715f * h * h);
        y[i] = by * (x <= -10.0f ? 0.0f : x >= 10.0f ? x : rounded(0.5f * h * (1.0f + tanhf(t))));
    }
}

static void to_i8(const float *x, size_t n, float *scales, int32_t *sums, int8_t *y)
{
    for (size_t b = 0; b < n / 32; b++, x += 32, y += 32) {
        float max = 0.0f, none = 0.0f;
        for (size_t i = 0; i < 32; i++) {
            max = fmaxf(max, fabsf(x[i]));
            none += x[i] - x[i];
        }
        scales[b] = wf_half_to_float(wf_float_to_half(max / 127.0f)) + none;
        sums[b] = 0;
        for (size_t i = 0; i < 32; i++) {
            y[i] = scales[b] == 0.0f || isnan(none) ? 0 : (int8_t)lrintf(x[i] * (127.0f / max));
            sums[b] += y[i];
        }
    }
}

/* Number i of a row's query. */
static float query(const struct wf_attend *a, size_t row, size_t i)
{
    size_t at = row * a->key_dim + i;

    return a->kind == WF_KV_Q8_0 ? a->q_scales[at / 32] * (float)a->q8[at] : a->q[at];
}

/* A row's scores of a page's slots, those that it sees; the largest. */
static double score_row(const struct wf_attend *a, size_t row, size_t page, uint32_t seen,
                        double *s)
{
    double most = (double)-INFINITY;

    for (size_t j = 0; j < WF_PAGE_TOKENS; j++) {
        double sum = 0;
        if ((seen >> j & 1) == 0)
            continue;
        for (size_t i = 0; i < a->key_dim; i++)
            sum += (double)query(a, row, i) *
                   (double)wf_page_key(a->kind, a->keys[page], a->key_dim, j, i);
        s[j] = sum * (double)a->scale;
        if (a->cap != 0.0f)
            s[j] = (double)a->cap * tanh(s[j] / (double)a->cap);
        most = fmax(most, s[j]);
    }
    return most;
}

static void attend_row(const struct wf_attend *a, size_t row, size_t page)
{
    uint32_t seen = a->seen[page * a->n_rows + row];
    float *sums = a->sums + row * a->value_dim;
    double s[WF_PAGE_TOKENS], before, most;

    if (seen == 0)
        return;
    most = fmax((double)a->most[row], score_row(a, row, page, seen, s));
    before = a->most[row] == -INFINITY ? 0.0 : exp((double)a->most[row] - most);
    a->most[row] = (float)most;
    a->weight[row] = (float)((double)a->weight[row] * before);
    for (size_t i = 0; i < a->value_dim; i++)
        sums[i] = (float)((double)sums[i] * before);
    for (size_t j = 0; j < WF_PAGE_TOKENS; j++) {
        if ((seen >> j & 1) == 0)
            continue;
        double weight = exp(s[j] - (double)a->most[row]);
        a->weight[row] += (float)weight;
        for (size_t i = 0; i < a->value_dim; i++)
            sums[i] += (float)(weight *
                               (double)wf_page_value(a->kind, a->values[page], a->value_dim, j, i));
    }
}

static void attend(const struct wf_attend *a)
{
    for (size_t page = 0; page < a->n_pages; page++) {
        for (size_t row = 0; row < a->n_rows; row++)
            attend_row(a, row, page);
    }
}

static void to_f16(const float *x, uint16_t *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = wf_float_to_half(x[i]);
}

static void from_f16(const uint16_t *x, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = wf_half_to_float(x[i]);
}

static void dot_i8(const int8_t *q, const int8_t *rows, size_t n_rows, size_t n, int32_t *out)
{
    for (size_t r = 0; r < n_rows; r++, rows += n) {
        out[r] = 0;
        for (size_t i = 0; i < n; i++)
            out[r] += q[i] * rows[i];
    }
}

const struct wf_kern wf_kern_ref = {
    .name = "ref",
    .act_bytes = act_bytes,
    .act_prepare = act_prepare,
    .matmul = matmul,
    .axpy = axpy,
    .rms_norm = rms_norm,
    .softmax = softmax,
    .exp_sum = exp_sum,
    .mix = mix,
    .silu_mul = silu_mul,
    .gelu_mul = gelu_mul,
    .dot_i8 = dot_i8,
    .attend = attend,
    .to_i8 = to_i8,
    .to_f16 = to_f16,
    .from_f16 = from_f16,
};
