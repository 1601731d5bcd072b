/* SPDX-License-Identifier: Apache-2.0 */
/* Products of weights with tokens (kern/kern.h's matmul), each checked against the readable kernels
 * and timed beside what this processor does at most, which loops over registers measure in the same
 * run: thirteen independent sums, nothing loaded.
 *
 *   bench_kern [FORMAT [TOKENS [THREADS [TABLE]]]]    "all" formats, 0: all numbers of tokens
 *
 * One line a format, shape and number of tokens: the median of N_RUNS, operations a second (two a
 * weight and token) and their share of the peak that bounds the format, bytes of weights a second,
 * and what preparing the tokens took. Exit status 1 when a product is wrong. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "kern/kern.h"
#include "kern/packed.h"
#include "os/gang.h"

#define N_RUNS 5
#define N_PEAK 4000000
#define N_SUMS 13
#define TOKENS_MAX 512
#define GRAIN 32 /* rows */
#define ROWS_CHECKED 40
#define TOKENS_CHECKED 3

static double seconds(void)
{
    return (double)wf_clock_mono_ns(NULL) * 1e-9;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median(double *x, size_t n)
{
    qsort(x, n, sizeof(*x), by_value);
    return x[n / 2];
}

/* ---- peaks ---- */

enum peak {
    PEAK_INT8,
    PEAK_BF16,
    PEAK_F32,
    PEAK_COUNT
};

static double peaks[PEAK_COUNT]; /* GOP/s of all threads; 0: not known here */

#ifdef __x86_64__
/* N_SUMS chains of additions that stay in registers, N_PEAK times round. */
#define SPIN(instruction)                                                                          \
    __asm__ volatile(".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"                              \
                     "vpxord %%zmm\\r, %%zmm\\r, %%zmm\\r\n"                                       \
                     ".endr\n" ::                                                                  \
                         : CLOBBERED);                                                             \
    for (int k = 0; k < N_PEAK; k++)                                                               \
    __asm__ volatile(".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12\n" instruction                           \
                     " %%zmm14, %%zmm15, %%zmm\\r\n"                                               \
                     ".endr\n" ::                                                                  \
                         : CLOBBERED)
#define CLOBBERED                                                                                  \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",       \
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

static void spin_int8(void *ud, size_t i, size_t n)
{
    (void)ud;
    (void)i;
    (void)n;
    SPIN("vpdpbusd");
}

static void spin_bf16(void *ud, size_t i, size_t n)
{
    (void)ud;
    (void)i;
    (void)n;
    SPIN("vdpbf16ps");
}

static void spin_f32(void *ud, size_t i, size_t n)
{
    (void)ud;
    (void)i;
    (void)n;
    SPIN("vfmadd231ps");
}

static double peak_of(struct wf_gang *gang, wf_gang_fn spin, double ops)
{
    double took[N_RUNS];

    for (int i = 0; i < N_RUNS; i++) {
        double start = seconds();
        wf_gang_run(gang, spin, NULL);
        took[i] = seconds() - start;
    }
    return ops * N_PEAK * N_SUMS * (double)wf_gang_size(gang) / median(took, N_RUNS) * 1e-9;
}

static void measure_peaks(struct wf_gang *gang)
{
    if (__builtin_cpu_supports("avx512vnni"))
        peaks[PEAK_INT8] = peak_of(gang, spin_int8, 128);
    if (__builtin_cpu_supports("avx512bf16"))
        peaks[PEAK_BF16] = peak_of(gang, spin_bf16, 64);
    if (__builtin_cpu_supports("avx512f"))
        peaks[PEAK_F32] = peak_of(gang, spin_f32, 32);
}
#else
static void measure_peaks(struct wf_gang *gang)
{
    (void)gang;
}
#endif

static enum peak peak_for(const struct wf_dtype *t)
{
    t = wf_packed_from(t);
    if (t->id == WF_DTYPE_BF16)
        return PEAK_BF16;
    return t->block == 1 ? PEAK_F32 : PEAK_INT8;
}

/* ---- products ---- */

struct shape {
    size_t n_out, n_in;
};

static const struct shape shapes[] = {
    {768, 768},   {3072, 768},   {768, 3072}, {2048, 2048}, {5632, 2048},
    {2048, 5632}, {32000, 2048}, {4864, 896}, {1536, 576},
};
static const size_t tokens[] = {1, 2, 4, 8, 16, 24, 32, 128, 512};

struct product {
    const struct wf_kern *kern;
    const struct wf_dtype *type;
    struct shape shape;
    size_t n_tok;
    const uint8_t *plain, *w; /* weights as files have them, and as they are multiplied */
    const float *x;
    void *prepared;
    float *out;
};

static void prepare_part(void *ud, size_t i, size_t n)
{
    const struct product *p = ud;
    size_t from, to;

    wf_gang_part(p->n_tok, 16, i, n, &from, &to);
    for (; from < to; from++)
        p->kern->act_prepare(p->type, WF_ACT_Q8, p->x + from * p->shape.n_in, p->shape.n_in,
                             p->n_tok, from, p->prepared);
}

static void multiply_part(void *ud, size_t i, size_t n)
{
    const struct product *p = ud;
    size_t from, to;

    wf_gang_part(p->shape.n_out, GRAIN, i, n, &from, &to);
    if (from < to)
        p->kern->matmul(p->type, WF_ACT_Q8, p->w + from * wf_dtype_bytes(p->type, p->shape.n_in),
                        to - from, p->shape.n_in, p->prepared, p->n_tok, p->out + from,
                        p->shape.n_out);
}

/* The largest difference from the readable kernels, of some rows and tokens, beside the root mean
 * square of what they say. */
static double error_of(const struct product *p)
{
    size_t n_tok = p->n_tok < TOKENS_CHECKED ? p->n_tok : TOKENS_CHECKED;
    size_t first = p->n_tok - n_tok, row = p->shape.n_out - ROWS_CHECKED;
    static float want[TOKENS_CHECKED * ROWS_CHECKED];
    const struct wf_dtype *type = wf_packed_from(p->type);
    const struct wf_kern *ref = &wf_kern_ref;
    void *prepared = wf_alloc(ref->act_bytes(type, WF_ACT_Q8, p->shape.n_in, n_tok));
    double worst = 0, square = 0;

    if (prepared == NULL)
        return INFINITY;
    for (size_t i = 0; i < n_tok; i++)
        ref->act_prepare(type, WF_ACT_Q8, p->x + (first + i) * p->shape.n_in, p->shape.n_in, n_tok,
                         i, prepared);
    ref->matmul(type, WF_ACT_Q8, p->plain + row * wf_dtype_bytes(p->type, p->shape.n_in),
                ROWS_CHECKED, p->shape.n_in, prepared, n_tok, want, ROWS_CHECKED);
    wf_free(prepared);
    for (size_t i = 0; i < n_tok; i++) {
        for (size_t r = 0; r < ROWS_CHECKED; r++) {
            double a = (double)p->out[(first + i) * p->shape.n_out + row + r];
            double b = (double)want[i * ROWS_CHECKED + r];
            worst = fmax(worst, isfinite(a) ? fabs(a - b) : INFINITY);
            square += b * b;
        }
    }
    return worst / sqrt(square / (double)(n_tok * ROWS_CHECKED));
}

static bool bench(struct wf_gang *gang, struct product *p)
{
    double ops = 2e-9 * (double)p->shape.n_out * (double)p->shape.n_in * (double)p->n_tok;
    double bytes = 1e-9 * (double)(p->shape.n_out * wf_dtype_bytes(p->type, p->shape.n_in));
    double took[2][N_RUNS], peak = peaks[peak_for(p->type)], error;

    for (int i = -1; i < N_RUNS; i++) { /* the first warms up */
        double start = seconds(), between;
        wf_gang_run(gang, prepare_part, p);
        between = seconds();
        wf_gang_run(gang, multiply_part, p);
        took[0][i < 0 ? 0 : i] = between - start;
        took[1][i < 0 ? 0 : i] = seconds() - between;
    }
    error = error_of(p);
    double prepared = median(took[0], N_RUNS), multiplied = median(took[1], N_RUNS);
    printf("%-6s %s %5zu x %5zu x %3zu  %8.3f ms  %6.0f GOP/s", p->type->name,
           wf_dtype_is_packed(p->type) ? "packed" : "      ", p->shape.n_out, p->shape.n_in,
           p->n_tok, 1e3 * multiplied, ops / multiplied);
    if (peak > 0)
        printf(" %3.0f%%", 100 * ops / multiplied / peak);
    printf("  %5.1f GB/s  prepared in %.3f ms  error %.1e\n", bytes / multiplied, 1e3 * prepared,
           error);
    return error < 3e-2;
}

static void fill(float *x, size_t n)
{
    uint32_t seed = 1;

    for (size_t i = 0; i < n; i++) {
        float sum = 0; /* nearly normal, as weights are */
        for (int j = 0; j < 4; j++) {
            seed = seed * 1664525u + 1013904223u;
            sum += (float)(int32_t)seed * 0x1p-31f;
        }
        x[i] = sum;
    }
}

/* All numbers of tokens of a format and shape. */
static bool bench_shape(struct wf_gang *gang, struct product *p, const float *row, size_t n_tok)
{
    const struct wf_dtype *plain = p->type, *packed = NULL;
    size_t row_bytes, n_in = p->shape.n_in;
    uint8_t *w, *groups;
    bool ok = true;

    if (n_in % p->type->block != 0)
        return true;
    if (p->kern->packed != NULL)
        packed = p->kern->packed(plain);
    row_bytes = wf_dtype_bytes(p->type, n_in);
    w = wf_alloc_lines_raw(p->shape.n_out, row_bytes);
    groups = wf_alloc_lines_raw(wf_packed_groups(p->shape.n_out) * WF_PACKED_ROWS, row_bytes);
    p->plain = w;
    p->out = wf_alloc_lines_raw(TOKENS_MAX * p->shape.n_out, sizeof(float));
    p->prepared = wf_alloc(p->kern->act_bytes(p->type, WF_ACT_Q8, n_in, TOKENS_MAX));
    ok = w != NULL && groups != NULL && p->out != NULL && p->prepared != NULL;
    for (size_t r = 0; ok && r < p->shape.n_out; r++) {
        if (r < 64)
            p->type->pack(row + r * 97, w + r * row_bytes, n_in);
        else
            memcpy(w + r * row_bytes, w + r % 61 * row_bytes, row_bytes);
    }
    for (size_t r = 0; ok && packed != NULL && r < p->shape.n_out; r += WF_PACKED_ROWS)
        wf_packed_group(packed, w + r * row_bytes, WF_MIN(p->shape.n_out - r, WF_PACKED_ROWS), n_in,
                        groups + r * row_bytes);
    for (size_t i = 0; ok && i < 2 * WF_ARRAY_LEN(tokens); i++) {
        p->n_tok = tokens[i / 2];
        p->type = i % 2 == 0 ? plain : packed;
        p->w = i % 2 == 0 ? w : groups;
        if (p->type != NULL && (n_tok == 0 || n_tok == p->n_tok))
            ok = bench(gang, p) && ok;
    }
    p->type = plain;
    wf_free(w);
    wf_free(groups);
    wf_free(p->out);
    wf_free(p->prepared);
    return ok;
}

int main(int argc, char **argv)
{
    const char *format = argc > 1 ? argv[1] : "all";
    size_t n_tok = argc > 2 ? strtoul(argv[2], NULL, 10) : 0, n_values = TOKENS_MAX * 5632;
    size_t n_threads = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    struct product p = {.kern = argc > 4 ? wf_kern_by_name(argv[4]) : wf_kern()};
    float *x = wf_alloc_lines_raw(n_values, sizeof(float));
    struct wf_gang *gang = NULL;
    struct wf_err err = WF_ERR_INIT;
    bool ok = x != NULL && p.kern != NULL;

    n_threads = n_threads > 0 ? n_threads : (size_t)sysconf(_SC_NPROCESSORS_ONLN);
    if (!ok || wf_gang_new(n_threads, &gang, &err) != 0) {
        fprintf(stderr, "bench_kern: %s\n", ok ? err.msg : "no memory, or no such table");
        return 2;
    }
    fill(x, n_values);
    p.x = x;
    measure_peaks(gang);
    printf("%s, %zu threads; at most: int8 %.0f GOP/s, bfloat16 %.0f, float32 %.0f\n", p.kern->name,
           n_threads, peaks[PEAK_INT8], peaks[PEAK_BF16], peaks[PEAK_F32]);
    for (size_t d = 0; wf_dtype_at(d) != NULL; d++) {
        p.type = wf_dtype_at(d);
        if (strcmp(format, "all") != 0 && strcmp(format, p.type->name) != 0)
            continue;
        for (size_t i = 0; i < WF_ARRAY_LEN(shapes); i++) {
            p.shape = shapes[i];
            ok = bench_shape(gang, &p, x, n_tok) && ok;
        }
    }
    wf_gang_free(gang);
    wf_free(x);
    return ok ? 0 : 1;
}
