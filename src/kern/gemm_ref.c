/* SPDX-License-Identifier: Apache-2.0 */
/* Products in their plainest form, for processors without a file of their own and to hold those
 * against. Bfloat16 is kept as the float32 that it stands for. */
#include "kern/gemm_internal.h"
#include "kern/half.h"

#define MR 4
#define NR 16

static void pack_f32(const struct wf_gemm_piece *p, size_t width, void *out)
{
    float *to = out;

    for (size_t first = 0; first < p->n_lines; first += width) {
        for (size_t k = 0; k < p->n_k; k++) {
            for (size_t i = first; i < first + width; i++) {
                size_t at = p->turned ? k * p->ld + i : i * p->ld + k;
                *to++ = i < p->n_lines ? p->x[at] : 0.0f;
            }
        }
    }
}

static void pack_bf16(const struct wf_gemm_piece *p, size_t width, void *out)
{
    size_t n = (p->n_lines + width - 1) / width * width * p->n_k;
    float *x = out;

    pack_f32(p, width, out);
    for (size_t i = 0; i < n; i++)
        x[i] = wf_bf16_to_float(wf_float_to_bf16(x[i]));
}

static void tile(size_t n_units, const void *a, const void *b, float *c, size_t ldc, size_t rows,
                 size_t cols, bool adds)
{
    const float *x = a, *y = b;
    float sum[MR][NR] = {{0}};

    for (size_t k = 0; k < n_units; k++)
        for (size_t i = 0; i < MR; i++)
            for (size_t j = 0; j < NR; j++)
                sum[i][j] += x[k * MR + i] * y[k * NR + j];
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            c[i * ldc + j] = adds ? c[i * ldc + j] + sum[i][j] : sum[i][j];
}

const struct wf_gemm_isa wf_gemm__ref = {
    .name = "ref",
    .needs = "ref",
    .mr = MR,
    .nr = NR,
    .per_unit = {1, 1},
    .pack = {pack_f32, pack_bf16},
    .tile = {tile, tile},
};
