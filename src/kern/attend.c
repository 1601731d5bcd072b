/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of keys and values, position by position: how they are written, and read where speed does
 * not matter. Kernels read them in their own ways. */
#include "kern/attend.h"

#include <assert.h>
#include <string.h>

#include "kern/half.h"
#include "kern/kern.h"

#define SLOTS WF_PAGE_TOKENS
#define ROWS_MIN 16 /* that kernels have room for */
#define CHUNK 256   /* values that are packed at once; whole blocks */

size_t wf_page_bytes(enum wf_kv_kind kind, size_t n)
{
    switch (kind) {
    case WF_KV_F32:
        return SLOTS * n * sizeof(float);
    case WF_KV_F16:
        return SLOTS * n * sizeof(uint16_t);
    case WF_KV_Q8_0:
        return n / 32 * SLOTS * sizeof(uint16_t) + SLOTS * n;
    }
    return 0;
}

size_t wf_attend_room(size_t n_rows, size_t key_dim, size_t value_dim)
{
    /* Scores and shares; or words of pages and rows behind those of two blocks of rows. */
    size_t scores = (n_rows > ROWS_MIN ? n_rows : ROWS_MIN) * (SLOTS + 2);
    size_t words = SLOTS * (key_dim + value_dim) / 2 + 2 * SLOTS + n_rows * (key_dim + 3) / 2;

    words += ROWS_MIN * SLOTS;
    return scores > words ? scores : words;
}

/* Where the bytes of a page of Q8_0 begin. */
static size_t scales_bytes(size_t n)
{
    return n / 32 * SLOTS * sizeof(uint16_t);
}

static size_t key_byte(size_t slot, size_t i)
{
    return (i / 4 * SLOTS + slot) * 4 + i % 4;
}

static size_t value_byte(size_t n, size_t slot, size_t i)
{
    return (slot / 2 * n + i) * 2 + slot % 2;
}

static void put_blocks(const struct wf_kern *kern, const float *x, size_t n, size_t slot,
                       bool is_key, uint8_t *page)
{
    uint16_t *scales = (uint16_t *)(void *)page, halves[CHUNK / 32];
    uint8_t *bytes = page + scales_bytes(n);
    int32_t sums[CHUNK / 32];
    float exact[CHUNK / 32];
    int8_t q[CHUNK];

    for (size_t from = 0; from < n; from += CHUNK) {
        size_t m = n - from < CHUNK ? n - from : CHUNK;
        kern->to_i8(x + from, m, exact, sums, q);
        kern->to_f16(exact, halves, m / 32);
        for (size_t b = 0; b < m / 32; b++)
            scales[(from / 32 + b) * SLOTS + slot] = halves[b];
        for (size_t i = 0; i < m && is_key; i += 4) {
            uint32_t four;
            memcpy(&four, q + i, sizeof(four));
            four ^= 0x80808080u; /* + 128 */
            memcpy(bytes + key_byte(slot, from + i), &four, sizeof(four));
        }
        for (size_t i = 0; i < m && !is_key; i++)
            bytes[value_byte(n, slot, from + i)] = (uint8_t)q[i];
    }
}

static void put_key_halves(const struct wf_kern *kern, const float *x, size_t n, size_t slot,
                           uint16_t *page)
{
    uint16_t halves[CHUNK];

    for (size_t from = 0; from < n; from += CHUNK) {
        size_t m = n - from < CHUNK ? n - from : CHUNK;
        kern->to_f16(x + from, halves, m);
        for (size_t i = 0; i < m; i++)
            page[(from + i) * SLOTS + slot] = halves[i];
    }
}

void wf_page_put_key(const struct wf_kern *kern, enum wf_kv_kind kind, const float *x, size_t n,
                     size_t slot, void *page)
{
    float *floats = page;

    assert(slot < SLOTS);
    switch (kind) {
    case WF_KV_F32:
        for (size_t i = 0; i < n; i++)
            floats[i * SLOTS + slot] = x[i];
        break;
    case WF_KV_F16:
        put_key_halves(kern, x, n, slot, page);
        break;
    case WF_KV_Q8_0:
        put_blocks(kern, x, n, slot, true, page);
        break;
    }
}

void wf_page_put_value(const struct wf_kern *kern, enum wf_kv_kind kind, const float *x, size_t n,
                       size_t slot, void *page)
{
    assert(slot < SLOTS);
    switch (kind) {
    case WF_KV_F32:
        memcpy((float *)page + slot * n, x, n * sizeof(float));
        break;
    case WF_KV_F16:
        kern->to_f16(x, (uint16_t *)page + slot * n, n);
        break;
    case WF_KV_Q8_0:
        put_blocks(kern, x, n, slot, false, page);
        break;
    }
}

static float scale_at(const void *page, size_t slot, size_t i)
{
    return wf_half_to_float(((const uint16_t *)page)[i / 32 * SLOTS + slot]);
}

float wf_page_key(enum wf_kv_kind kind, const void *page, size_t n, size_t slot, size_t i)
{
    const uint8_t *bytes = (const uint8_t *)page + scales_bytes(n);

    switch (kind) {
    case WF_KV_F32:
        return ((const float *)page)[i * SLOTS + slot];
    case WF_KV_F16:
        return wf_half_to_float(((const uint16_t *)page)[i * SLOTS + slot]);
    case WF_KV_Q8_0:
        return scale_at(page, slot, i) * (float)(bytes[key_byte(slot, i)] - 128);
    }
    return 0.0f;
}

float wf_page_value(enum wf_kv_kind kind, const void *page, size_t n, size_t slot, size_t i)
{
    const int8_t *bytes = (const int8_t *)page + scales_bytes(n);

    switch (kind) {
    case WF_KV_F32:
        return ((const float *)page)[slot * n + i];
    case WF_KV_F16:
        return wf_half_to_float(((const uint16_t *)page)[slot * n + i]);
    case WF_KV_Q8_0:
        return scale_at(page, slot, i) * (float)bytes[value_byte(n, slot, i)];
    }
    return 0.0f;
}
