/* What gemm.c and the files of instruction sets share: packed panels, and tiles of products.
 *
 * A side of a product is cut into panels of a fixed number of lines (rows of a, columns of b).
 * A panel lies unit by unit: for every value of k (float32), or every two of them (a pair of
 * bfloat16), one unit of 4 bytes a line, the lines side by side. Lines that are missing from the
 * last panel are zeros, and so is the second half of a last pair. A tile is a panel of a with one
 * of b. Threads: any. */
#ifndef WF_KERN_GEMM_INTERNAL_H
#define WF_KERN_GEMM_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "kern/gemm.h"

#define WF_GEMM_UNIT sizeof(float)

/* A piece of one side: value p of line i is x[i * ld + p], or with `turned` x[p * ld + i]. */
struct wf_gemm_piece {
    const float *x;
    size_t ld;
    bool turned;
    size_t n_lines, n_k;
};

struct wf_gemm_isa {
    const char *name;   /* "ref", "avx2", "avx512", "avx512_bf16", "neon" */
    const char *needs;  /* the table of kern.h that must run */
    size_t mr, nr;      /* lines of a's panels, and of b's */
    size_t per_unit[2]; /* values of k that a unit holds, for each kind */
    bool (*runs)(void); /* what more must be so; NULL: nothing */
    /* Panels of `width` lines (mr or nr), all of the piece's, one behind the other. `out` has room
     * for 16 units more. */
    void (*pack[2])(const struct wf_gemm_piece *p, size_t width, void *out);
    /* c [rows, cols] (at most mr, nr) = the products, or is added to. */
    void (*tile[2])(size_t n_units, const void *a, const void *b, float *c, size_t ldc, size_t rows,
                    size_t cols, bool adds);
};

extern const struct wf_gemm_isa wf_gemm__ref;
#ifdef __aarch64__
extern const struct wf_gemm_isa wf_gemm__neon;
#endif
#ifdef __x86_64__
extern const struct wf_gemm_isa wf_gemm__avx2;
extern const struct wf_gemm_isa wf_gemm__avx512;
extern const struct wf_gemm_isa wf_gemm__avx512_bf16;

/* Of float32, for both of them. */
void wf_gemm__avx512_pack(const struct wf_gemm_piece *p, size_t width, void *out);
void wf_gemm__avx512_tile(size_t n_units, const void *a, const void *b, float *c, size_t ldc,
                          size_t rows, size_t cols, bool adds);
#endif

#endif
