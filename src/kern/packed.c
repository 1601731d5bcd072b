/* SPDX-License-Identifier: Apache-2.0 */
/* Rows' blocks turned into one, by the table of what in a block is no dword. */
#include "kern/packed.h"

#include <assert.h>
#include <string.h>

#define BLOCK_BYTES_MAX 256
#define DWORD sizeof(uint32_t)
#define HALF sizeof(uint16_t)
#define LINE 64  /* bytes of a cache line */
#define LANES 16 /* rows whose dwords lie side by side */
#define NO_HALF UINT32_MAX

/* name, number, values and bytes a block, where in it the half is that is taken out */
#define PACKED_MAP(X)                                                                              \
    X(F16, 32, 64, NO_HALF)                                                                        \
    X(BF16, 32, 64, NO_HALF)                                                                       \
    X(Q4_0, 32, 18, 0)                                                                             \
    X(Q8_0, 32, 34, 0)                                                                             \
    X(Q4_K, 256, 144, NO_HALF)                                                                     \
    X(Q5_K, 256, 176, NO_HALF)                                                                     \
    X(Q6_K, 256, 210, 208)                                                                         \
    X(IQ4_XS, 256, 136, NO_HALF)

struct packed {
    struct wf_dtype type;
    uint32_t half_at;
};

static const struct packed all[] = {
#define ROW(name, block, bytes, half)                                                              \
    {{#name, WF_PACKED | (uint32_t)WF_DTYPE_##name, block, bytes, NULL, NULL}, half},
    PACKED_MAP(ROW)
#undef ROW
};

#define N_ALL (sizeof(all) / sizeof(all[0]))

static const struct packed *row_of(uint32_t id)
{
    for (size_t i = 0; i < N_ALL; i++) {
        if (all[i].type.id == id)
            return &all[i];
    }
    return NULL;
}

const struct wf_dtype *wf_packed_of(const struct wf_dtype *t)
{
    const struct packed *p = row_of(t->id | WF_PACKED);

    return p != NULL ? &p->type : NULL;
}

const struct wf_dtype *wf_packed_from(const struct wf_dtype *t)
{
    return wf_dtype_is_packed(t) ? wf_dtype_by_id(t->id & ~WF_PACKED) : t;
}

/* Where in a group's block dword k of row r lies, of n dwords. */
static size_t dword_at(const struct packed *p, size_t n, size_t r, size_t k)
{
    size_t halves = p->half_at == NO_HALF ? 0 : WF_PACKED_ROWS * HALF;

    return halves + (r / LANES * n * LANES + k * LANES + r % LANES) * DWORD;
}

/* Dwords of a block, and where its k-th one begins: the half may lie before them. */
static size_t n_dwords(const struct packed *p)
{
    return (p->type.block_bytes - (p->half_at == NO_HALF ? 0 : HALF)) / DWORD;
}

static size_t first_dword(const struct packed *p)
{
    return p->half_at == 0 ? HALF : 0;
}

/* Four dwords of a row. */
typedef uint32_t quad __attribute__((vector_size(16)));

/* Four dwords of four rows, from `at` on, to four lines of dwords. */
static inline void turn(const uint8_t *const rows[], size_t at, uint8_t *out)
{
    quad v[4], w[4];

#pragma GCC unroll 4
    for (size_t j = 0; j < 4; j++)
        memcpy(&v[j], rows[j] + at, sizeof(v[j]));
#pragma GCC unroll 2
    for (size_t j = 0; j < 2; j++) {
        w[j] = __builtin_shufflevector(v[2 * j], v[2 * j + 1], 0, 4, 1, 5);
        w[2 + j] = __builtin_shufflevector(v[2 * j], v[2 * j + 1], 2, 6, 3, 7);
    }
#pragma GCC unroll 2
    for (size_t j = 0; j < 2; j++) {
        v[2 * j] = __builtin_shufflevector(w[2 * j], w[2 * j + 1], 0, 1, 4, 5);
        v[2 * j + 1] = __builtin_shufflevector(w[2 * j], w[2 * j + 1], 2, 3, 6, 7);
    }
#pragma GCC unroll 4
    for (size_t j = 0; j < 4; j++)
        memcpy(out + j * LANES * DWORD, &v[j], sizeof(v[j]));
}

/* n dwords of 32 rows, from `at` on. */
static void turn_block(const uint8_t *const rows[], size_t at, size_t n, uint8_t *out)
{
    for (size_t r = 0; r < WF_PACKED_ROWS; r += LANES, out += n * LANES * DWORD) {
        for (size_t i = 0; i < n; i += 4) {
            size_t k = i + 4 <= n ? i : n - 4; /* what is left over: some of them again */
            for (size_t q = 0; q < LANES; q += 4)
                turn(rows + r + q, at + k * DWORD, out + (k * LANES + q) * DWORD);
        }
    }
}

void wf_packed_group(const struct wf_dtype *t, const void *rows, size_t n_rows, size_t n_in,
                     void *out)
{
    const struct packed *p = row_of(t->id);
    size_t n_blocks = n_in / t->block, row_bytes = wf_dtype_bytes(t, n_in), n = n_dwords(p);
    const uint8_t *row[WF_PACKED_ROWS], *next = (const uint8_t *)rows + WF_PACKED_ROWS * row_bytes;
    uint8_t *to = out;

    assert(n_rows > 0 && n_rows <= WF_PACKED_ROWS);
    for (size_t r = 0; r < WF_PACKED_ROWS; r++)
        row[r] = (const uint8_t *)rows + (r < n_rows ? r : n_rows - 1) * row_bytes;
    for (size_t i = 0; i < n_blocks; i++) {
        size_t at = i * t->block_bytes;
        for (size_t r = 0; r < WF_PACKED_ROWS && p->half_at != NO_HALF; r++, to += HALF)
            memcpy(to, row[r] + at + p->half_at, HALF);
        turn_block(row, at + first_dword(p), n, to);
        for (size_t k = 0; k < WF_PACKED_ROWS * t->block_bytes; k += LINE)
            __builtin_prefetch(next + k, 0, 3);
        next += WF_PACKED_ROWS * t->block_bytes;
        to += WF_PACKED_ROWS * n * DWORD;
    }
}

void wf_packed_unpack(const struct wf_dtype *t, const void *w, size_t n_in, size_t r, size_t from,
                      size_t n, float *out)
{
    const struct packed *p = row_of(t->id);
    const struct wf_dtype *plain = wf_packed_from(t);
    const uint8_t *group =
        (const uint8_t *)w + r / WF_PACKED_ROWS * WF_PACKED_ROWS * wf_dtype_bytes(t, n_in);
    size_t n_words = n_dwords(p);
    uint8_t block[BLOCK_BYTES_MAX];

    assert(from % t->block == 0);
    r %= WF_PACKED_ROWS;
    for (size_t i = from / t->block; i < (from + n) / t->block; i++, out += t->block) {
        const uint8_t *b = group + i * WF_PACKED_ROWS * t->block_bytes;
        for (size_t k = 0; k < n_words; k++)
            memcpy(block + first_dword(p) + k * DWORD, b + dword_at(p, n_words, r, k), DWORD);
        if (p->half_at != NO_HALF)
            memcpy(block + p->half_at, b + r * HALF, HALF);
        plain->unpack(block, out, t->block);
    }
}
