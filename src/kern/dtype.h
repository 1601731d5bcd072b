/* Data types: how weights lie in memory. One row of a table for each, numbered as GGUF does.
 *
 * A row of a matrix is cut into blocks of `block` values that take `block_bytes` each. Unpacking is
 * exact (the float32 that the format defines); packing is round-to-nearest with a search for the
 * scale where the format has one. All little-endian.
 *
 * Source: the ggml formats as GGUF files hold them; MXFP4: OCP Microscaling Formats 1.0.
 * Threads: any. */
#ifndef WF_KERN_DTYPE_H
#define WF_KERN_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"

/* name as people write it, number in the file, values a block, bytes a block */
#define WF_DTYPE_MAP(X)                                                                            \
    X(F32, 0, 1, 4)                                                                                \
    X(F16, 1, 1, 2)                                                                                \
    X(Q4_0, 2, 32, 18)                                                                             \
    X(Q4_1, 3, 32, 20)                                                                             \
    X(Q5_0, 6, 32, 22)                                                                             \
    X(Q5_1, 7, 32, 24)                                                                             \
    X(Q8_0, 8, 32, 34)                                                                             \
    X(Q2_K, 10, 256, 84)                                                                           \
    X(Q3_K, 11, 256, 110)                                                                          \
    X(Q4_K, 12, 256, 144)                                                                          \
    X(Q5_K, 13, 256, 176)                                                                          \
    X(Q6_K, 14, 256, 210)                                                                          \
    X(IQ4_NL, 20, 32, 18)                                                                          \
    X(IQ4_XS, 23, 256, 136)                                                                        \
    X(BF16, 30, 1, 2)                                                                              \
    X(MXFP4, 39, 32, 17)

enum wf_dtype_id {
#define WF_DTYPE_ENUM(name, id, block, bytes) WF_DTYPE_##name = (id),
    WF_DTYPE_MAP(WF_DTYPE_ENUM)
#undef WF_DTYPE_ENUM
};

struct wf_dtype {
    const char *name;     /* "Q4_K" */
    uint32_t id;          /* enum wf_dtype_id */
    uint32_t block;       /* values a block */
    uint32_t block_bytes; /* bytes a block */
    /* n values (a multiple of block) from src to dst [n] f32 and back; no alignment asked; src and
     * dst do not overlap. pack: values that are not finite become 0. */
    void (*unpack)(const void *src, float *dst, size_t n);
    void (*pack)(const float *src, void *dst, size_t n);
};

/* The row of the table, or NULL: by number in the file, by name in any case. */
const struct wf_dtype *wf_dtype_by_id(uint32_t id);
const struct wf_dtype *wf_dtype_by_name(const char *name);

/* The i-th row, in the table's order; NULL behind the last. */
const struct wf_dtype *wf_dtype_at(size_t i);

/* Bytes of n values (a multiple of block, not overflowing: n <= 2^56). */
static inline size_t wf_dtype_bytes(const struct wf_dtype *f, size_t n)
{
    return n / f->block * f->block_bytes;
}

#endif
