/* Kernels: the arithmetic of a model, as one table of functions, one table an instruction set.
 *
 * wf_kern_ref is written to be read and is the oracle; wf_kern() is the fastest table that this
 * processor runs, chosen once. Matrices are row-major; a weight matrix is [n_out, n_in] in a format
 * of kern/dtype.h, each row whole blocks. Nothing allocates; no alignment is asked; outputs do not
 * overlap inputs unless said.
 * Threads: any. */
#ifndef WF_KERN_KERN_H
#define WF_KERN_KERN_H

#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "kern/attend.h"
#include "kern/dtype.h"

/* How activations are held while they meet weights: float32 as they are, or 8 bits with a scale
 * for every 32 values, or 256 for weights in blocks of 256 (faster; what quantised weights are
 * usually met with). */
enum wf_act {
    WF_ACT_F32,
    WF_ACT_Q8,
};

struct wf_kern {
    const char *name; /* "ref", "avx2", "avxvnni", "avx512", "neon", "neon_dot",
                       "neon_i8mm" */

    /* With other than WF_ACT_F32, products of at least so many tokens are computed in another way
     * than those of fewer: in another order of additions, and bfloat16 weights may meet activations
     * that were rounded to bfloat16 too. Among themselves the ones and the others are alike: a
     * token's results do not depend on how many others there are. 0: all are alike. */
    size_t n_wide;

    /* The packed type (kern/packed.h) that matrices of `f` are multiplied in best; NULL: as they
     * are; rows that are no whole blocks of it stay as they are, too. With packed weights all
     * numbers of tokens are alike, n_wide or not (bfloat16 meets rounded activations however few);
     * what is asked of rows then is whole groups, or up to the matrix's last row. NULL for a table
     * that packs none. */
    const struct wf_dtype *(*packed)(const struct wf_dtype *f);

    /* Bytes that n_tok activation rows of n_in values take once prepared for weights of `f`; enough
     * for fewer rows too. */
    size_t (*act_bytes)(const struct wf_dtype *f, enum wf_act act, size_t n_in, size_t n_tok);
    /* Row i_tok of n_tok, x [n_in] f32, to its places in `out` (of act_bytes); rows in any order,
     * by any threads. With WF_ACT_F32 the rows lie as they are, one behind the other, so that rows
     * of float32 may be multiplied without preparing. */
    void (*act_prepare)(const struct wf_dtype *f, enum wf_act act, const float *x, size_t n_in,
                        size_t n_tok, size_t i_tok, void *out);
    /* out[t * ld + r] = dot(row r of w, row t of the prepared), r < n_rows, t < n_tok, the n_tok
     * that they were prepared for. w points at the first row that is wanted; n_in a multiple of
     * f->block. Float32, F16 and BF16 weights accumulate in float32 or better, with float32 rows
     * whichever `act` is asked for (but see n_wide). */
    void (*matmul)(const struct wf_dtype *f, enum wf_act act, const void *w, size_t n_rows,
                   size_t n_in, const void *prepared, size_t n_tok, float *out, size_t ld);

    /* y[i] += a * x[i]. */
    void (*axpy)(float a, const float *x, float *y, size_t n);
    /* y[i] = x[i] * w[i] / sqrt(mean(x^2) + eps); w may be NULL (all ones); y may be x. */
    void (*rms_norm)(const float *x, const float *w, float eps, float *y, size_t n);
    /* x[i] = exp(x[i] - max) / sum, in place; all -inf gives all 0. */
    void (*softmax)(float *x, size_t n);
    /* x[i] = exp(x[i] - max), in place; returns their sum. */
    float (*exp_sum)(float *x, float max, size_t n);
    /* y[r * n + i] += sum over j < n_p of p[r * ld + j] * v[j * n + i], r < n_rows, i < n, in the
     * order of j: what a row gets does not depend on the others. */
    void (*mix)(const float *p, size_t ld, const float *v, size_t n_rows, size_t n_p, size_t n,
                float *y);
    /* y[i] = silu(g[i]) * u[i]; y may be g or u. */
    void (*silu_mul)(const float *g, const float *u, float *y, size_t n);
    /* y[i] = gelu(g[i]) * u[i], NULL: ones; y may be g or u. GELU (Hendrycks and Gimpel 2016) in
     * its tanh form, at half precision: argument and result are rounded to IEEE half, as the engine
     * does that models of the gemma and bert families are tried with before they are published;
     * from 10 on it is the identity, up to -10 it is 0. */
    void (*gelu_mul)(const float *g, const float *u, float *y, size_t n);
    /* out[r] = dot(q, row r), r < n_rows, of bytes from -127 to 127; rows lie one behind the other.
     */
    void (*dot_i8)(const int8_t *q, const int8_t *rows, size_t n_rows, size_t n, int32_t *out);
    /* Rows of queries and pages of keys and values: most, weight and sums then know of them too.
     * Scores that are no numbers, or all minus infinity, stay so in the sums. */
    void (*attend)(const struct wf_attend *a);
    /* x [n] f32 to bytes, n a multiple of 32: each 32 have a scale, rounded to half precision, and
     * the sum of their bytes. What holds a value that is not finite has none for a scale. */
    void (*to_i8)(const float *x, size_t n, float *scales, int32_t *sums, int8_t *y);
    /* f32 to half and back, round to nearest even. */
    void (*to_f16)(const float *x, uint16_t *y, size_t n);
    void (*from_f16)(const uint16_t *x, float *y, size_t n);
};

/* The readable one. */
extern const struct wf_kern wf_kern_ref;

/* For x86-64 with AVX2, FMA and F16C. */
#ifdef __x86_64__
extern const struct wf_kern wf_kern_avx2;
/* And with dot products of bytes (AVX-VNNI). */
extern const struct wf_kern wf_kern_avxvnni;
/* And with AVX-512 F, BW, DQ, VL and VNNI. */
extern const struct wf_kern wf_kern_avx512;
#endif

/* For aarch64, for those of them with dot products of bytes, and with products of matrices of them.
 */
#ifdef __aarch64__
extern const struct wf_kern wf_kern_neon;
extern const struct wf_kern wf_kern_neon_dot;
extern const struct wf_kern wf_kern_neon_i8mm;
#endif

/* The fastest for this processor. Never NULL. */
const struct wf_kern *wf_kern(void);

/* The i-th table that this processor can run (0 is ref); NULL behind the last. For tests. */
const struct wf_kern *wf_kern_at(size_t i);

/* The table of that name if this processor can run it, else NULL. */
const struct wf_kern *wf_kern_by_name(const char *name);

#endif
