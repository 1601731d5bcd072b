/* Products in lanes of a register, as static functions: packing in plain C, which the compiler
 * makes vectors of, and a tile of MR rows and two registers of columns. A file says its registers
 * (lanes_*.h, see lanes.h), then WF_GEMM_MR, and is compiled with this. Bfloat16 is kept as
 * the float32 that it stands for. Threads: any. */
#ifndef WF_KERN_GEMM_LANES_H
#define WF_KERN_GEMM_LANES_H

#include "kern/gemm_internal.h"
#include "kern/half.h"

#define WF_GEMM_NR (2 * WF_LANES)

/* Panels of lines that lie side by side. Eight values of k at a time stay in the first cache. */
static WF_INLINE void wf_gemm__pack_columns(const struct wf_gemm_piece *p, size_t width, float *out)
{
    for (size_t from = 0; from < p->n_k; from += 8) {
        size_t end = p->n_k - from < 8 ? p->n_k : from + 8;
        for (size_t first = 0; first < p->n_lines; first += width) {
            size_t n = p->n_lines - first < width ? p->n_lines - first : width;
            for (size_t k = from; k < end; k++) {
                const float *x = p->x + k * p->ld + first;
                float *to = out + first * p->n_k + k * width;
                if (n == width) {
                    for (size_t i = 0; i < width; i++)
                        to[i] = x[i];
                    continue;
                }
                for (size_t i = 0; i < width; i++)
                    to[i] = i < n ? x[i] : 0.0f;
            }
        }
    }
}

/* Panels of lines whose values of k lie side by side. */
static WF_INLINE void wf_gemm__pack_rows(const struct wf_gemm_piece *p, size_t width, float *out)
{
    for (size_t first = 0; first < p->n_lines; first += width) {
        size_t n = p->n_lines - first < width ? p->n_lines - first : width;
        const float *x = p->x + first * p->ld;
        float *to = out + first * p->n_k;
        for (size_t k = 0; k < p->n_k; k++) {
            for (size_t i = 0; i < width; i++)
                to[k * width + i] = i < n ? x[i * p->ld + k] : 0.0f;
        }
    }
}

/* See wf_gemm_isa. */
static void wf_gemm__lanes_pack_f32(const struct wf_gemm_piece *p, size_t width, void *out)
{
    if (p->turned && width == WF_GEMM_MR)
        wf_gemm__pack_columns(p, WF_GEMM_MR, out);
    else if (p->turned)
        wf_gemm__pack_columns(p, WF_GEMM_NR, out);
    else if (width == WF_GEMM_MR)
        wf_gemm__pack_rows(p, WF_GEMM_MR, out);
    else
        wf_gemm__pack_rows(p, WF_GEMM_NR, out);
}

/* See wf_gemm_isa. */
static void wf_gemm__lanes_pack_bf16(const struct wf_gemm_piece *p, size_t width, void *out)
{
    size_t n = (p->n_lines + width - 1) / width * width * p->n_k;
    float *x = out;

    wf_gemm__lanes_pack_f32(p, width, out);
    for (size_t i = 0; i < n; i++)
        x[i] = wf_bf16_to_float(wf_float_to_bf16(x[i]));
}

/* R rows of a tile, of which `rows` exist. */
static WF_INLINE void wf_gemm__tile_rows(size_t R, size_t n_k, const float *a, const float *b,
                                         float *c, size_t ldc, size_t rows, size_t cols, bool adds)
{
    wf_lanes sum[WF_GEMM_MR][2];
    size_t n[2] = {cols < WF_LANES ? cols : WF_LANES, cols > WF_LANES ? cols - WF_LANES : 0};

    for (size_t i = 0; i < R; i++)
        sum[i][0] = sum[i][1] = wf_lanes_all(0.0f);
    for (size_t k = 0; k < n_k; k++) {
        wf_lanes b0 = wf_lanes_load(b, WF_LANES), b1 = wf_lanes_load(b + WF_LANES, WF_LANES);
        for (size_t i = 0; i < R; i++) {
            wf_lanes v = wf_lanes_all(a[i]);
            sum[i][0] = wf_lanes_fma(v, b0, sum[i][0]);
            sum[i][1] = wf_lanes_fma(v, b1, sum[i][1]);
        }
        a += WF_GEMM_MR;
        b += WF_GEMM_NR;
    }
    for (size_t i = 0; i < R; i++) {
        if (i >= rows)
            break;
        for (size_t j = 0; j < 2; j++) {
            float *to = c + i * ldc + j * WF_LANES;
            if (n[j] == 0)
                break;
            if (adds)
                sum[i][j] = sum[i][j] + wf_lanes_load(to, n[j]);
            wf_lanes_store(to, n[j], sum[i][j]);
        }
    }
}

/* See wf_gemm_isa. */
static void wf_gemm__lanes_tile(size_t n_units, const void *a, const void *b, float *c, size_t ldc,
                                size_t rows, size_t cols, bool adds)
{
    if (rows > WF_GEMM_MR / 2)
        wf_gemm__tile_rows(WF_GEMM_MR, n_units, a, b, c, ldc, rows, cols, adds);
    else
        wf_gemm__tile_rows(WF_GEMM_MR / 2, n_units, a, b, c, ldc, rows, cols, adds);
}

/* The table of that name, for processors that run kern.h's of the same name. */
#define WF_GEMM_TABLE(table_name)                                                                  \
    {                                                                                              \
        .name = (table_name), .needs = (table_name), .mr = WF_GEMM_MR, .nr = WF_GEMM_NR,           \
        .per_unit = {1, 1}, .pack = {wf_gemm__lanes_pack_f32, wf_gemm__lanes_pack_bf16},           \
        .tile = {wf_gemm__lanes_tile, wf_gemm__lanes_tile},                                        \
    }

#endif
