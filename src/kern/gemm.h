/* Gemm: products of two float32 matrices on a gang of threads, for training.
 *
 * Unlike kern.h's matmul, where one side is a stored weight, here both sides change with every
 * step: forward (x W^T), backward to the input (dy W) and to the weight (dy^T x). With WF_GEMM_BF16
 * both sides are rounded to bfloat16 (to nearest even) and products are summed in float32: twice
 * the speed where the processor has bfloat16 dot products (AVX-512 BF16), the same results, slowly,
 * where it has not. Results depend on the shapes and the kind only, not on the number of threads.
 * Fastest where rows begin cache lines (wf_alloc_lines, ld a multiple of 16).
 * Threads: owner of the room and the gang. */
#ifndef WF_KERN_GEMM_H
#define WF_KERN_GEMM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "os/gang.h"

enum wf_gemm_kind {
    WF_GEMM_F32,
    WF_GEMM_BF16,
};

/* c [m, n] = a [m, k] b [k, n], or is added to when `adds`. Rows lie lda (ldb, ldc) floats apart.
 * a_turned: a is stored as [k, m]; b_turned: b is stored as [n, k]. c overlaps neither. */
struct wf_gemm {
    size_t m, n, k;
    const float *a, *b;
    float *c;
    size_t lda, ldb, ldc;
    bool a_turned, b_turned;
    bool adds;
};

/* Where packed panels lie between calls. */
struct wf_gemm_room;

/* Room for products whose three sizes are each at most `side_max` on a gang of n_threads. *out is
 * owned by the caller. Errors: NOMEM. */
int wf_gemm_room_new(size_t n_threads, size_t side_max, struct wf_gemm_room **out,
                     struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_gemm_room_free(struct wf_gemm_room *r);

/* For tests: the room's products are made with the i-th instruction set that this processor has
 * (0: "ref", the readable one) instead of the fastest. Its name; NULL behind the last. */
const char *wf_gemm_room_use(struct wf_gemm_room *r, size_t i);

/* Runs the product. A size of 0 is no work (with k 0 and without `adds`, c becomes 0). The gang may
 * have one member, it must not have more than the room was made for; NULL: the caller alone, which
 * may then be a member of a gang at work. */
void wf_gemm_run(struct wf_gemm_room *r, struct wf_gang *gang, enum wf_gemm_kind kind,
                 const struct wf_gemm *g);

/* Whether WF_GEMM_BF16 is faster here. */
bool wf_gemm_has_bf16(void);

#endif
