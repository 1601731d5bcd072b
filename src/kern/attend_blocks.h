/* Attention over a page of Q8_0 without products of bytes: a block of it at a time is unpacked to
 * floats, for all rows. For files that have nothing better, behind attend_lanes.h. Threads: any. */
#ifndef WF_KERN_ATTEND_BLOCKS_H
#define WF_KERN_ATTEND_BLOCKS_H

#include "kern/half.h"

/* Block b of keys: [32 values][32 slots]. */
static void wf_attend_unpack_keys(const uint8_t *page, size_t n, size_t b,
                                  float out[32 * WF_PAGE_TOKENS])
{
    const uint8_t *bytes = page + wf_page_bytes(WF_KV_Q8_0, n) - WF_PAGE_TOKENS * (n - 32 * b);
    const uint16_t *halves = (const uint16_t *)(const void *)page + b * WF_PAGE_TOKENS;
    float scales[WF_PAGE_TOKENS];

    for (size_t j = 0; j < WF_PAGE_TOKENS; j += WF_LANES)
        wf_lanes_store(scales + j, WF_LANES, wf_lanes_halves(halves + j, WF_LANES));
    for (size_t i = 0; i < 32; i++) {
        const uint8_t *from = bytes + i / 4 * WF_PAGE_TOKENS * 4 + i % 4;
        for (size_t j = 0; j < WF_PAGE_TOKENS; j++)
            out[i * WF_PAGE_TOKENS + j] = scales[j] * (float)(from[4 * j] - 128);
    }
}

/* Block b of values: [32 slots][32 values]. */
static void wf_attend_unpack_values(const uint8_t *page, size_t n, size_t b,
                                    float out[WF_PAGE_TOKENS * 32])
{
    const int8_t *bytes = (const int8_t *)page + wf_page_bytes(WF_KV_Q8_0, n) - WF_PAGE_TOKENS * n;
    const uint16_t *halves = (const uint16_t *)(const void *)page + b * WF_PAGE_TOKENS;

    for (size_t j = 0; j < WF_PAGE_TOKENS; j++) {
        float scale = wf_half_to_float(halves[j]);
        const int8_t *from = bytes + (j / 2 * n + 32 * b) * 2 + j % 2;
        for (size_t i = 0; i < 32; i++)
            out[j * 32 + i] = scale * (float)from[2 * i];
    }
}

/* Adds block b of a key to rows' scores. */
static WF_INLINE void wf_attend_blocks_score(size_t n_rows, const struct wf_attend *a, size_t row,
                                             const float *keys, size_t b)
{
    float q[WF_ATTEND_ROWS * 32];

    for (size_t r = 0; r < n_rows; r++) {
        size_t at = (row + r) * a->key_dim + 32 * b;
        for (size_t i = 0; i < 32; i++)
            q[r * 32 + i] = a->q_scales[at / 32] * (float)a->q8[at + i];
    }
    wf_attend_score(n_rows, false, true, q, 32, keys, keys, 32, a->room + row * WF_PAGE_TOKENS);
}

/* Adds block b of the values to rows' sums. */
static WF_INLINE void wf_attend_blocks_mix(size_t n_rows, const struct wf_attend *a, size_t page,
                                           size_t row, const float *values, size_t b)
{
    const float *shares = a->room + a->n_rows * WF_PAGE_TOKENS + 2 * row;
    struct wf_attend_shares s;

    for (size_t r = 0; r < n_rows; r++) {
        s.before[r] = shares[2 * r];
        s.now[r] = shares[2 * r + 1];
    }
    wf_attend_mix_seen(n_rows, false, a, page, row, a->room + row * WF_PAGE_TOKENS, &s, values,
                       values, 32, 32, a->sums + row * a->value_dim + 32 * b);
}

/* Rows' scores to weights; their shares stand behind all scores. */
static WF_INLINE void wf_attend_blocks_weigh(size_t n_rows, const struct wf_attend *a, size_t page,
                                             size_t row)
{
    float *shares = a->room + a->n_rows * WF_PAGE_TOKENS + 2 * row;
    struct wf_attend_shares s;

    wf_attend_weigh(n_rows, a, page, row, a->room + row * WF_PAGE_TOKENS, &s);
    for (size_t r = 0; r < n_rows; r++) {
        shares[2 * r] = s.before[r];
        shares[2 * r + 1] = s.now[r];
    }
}

/* A page of Q8_0. */
static void wf_attend_blocks(const struct wf_attend *a, size_t page)
{
    float floats[32 * WF_PAGE_TOKENS];

    memset(a->room, 0, a->n_rows * WF_PAGE_TOKENS * sizeof(*a->room));
    for (size_t b = 0; b < a->key_dim / 32; b++) {
        wf_attend_unpack_keys(a->keys[page], a->key_dim, b, floats);
        for (size_t row = 0; row < a->n_rows; row += WF_ATTEND_ROWS) {
            WF_ATTEND_BY_ROWS(wf_attend_left(a, row), wf_attend_blocks_score, a, row, floats, b)
        }
    }
    for (size_t row = 0; row < a->n_rows; row += WF_ATTEND_ROWS) {
        WF_ATTEND_BY_ROWS(wf_attend_left(a, row), wf_attend_blocks_weigh, a, page, row)
    }
    for (size_t b = 0; b < a->value_dim / 32; b++) {
        wf_attend_unpack_values(a->values[page], a->value_dim, b, floats);
        for (size_t row = 0; row < a->n_rows; row += WF_ATTEND_ROWS) {
            WF_ATTEND_BY_ROWS(wf_attend_left(a, row), wf_attend_blocks_mix, a, page, row, floats, b)
        }
    }
}

/* All kinds of pages. */
static void wf_attend_pages(const struct wf_attend *a)
{
    for (size_t i = 0; i < a->n_pages; i++) {
        switch (a->kind) {
        case WF_KV_F32:
            wf_attend_floats(false, a, i);
            break;
        case WF_KV_F16:
            wf_attend_floats(true, a, i);
            break;
        case WF_KV_Q8_0:
            wf_attend_blocks(a, i);
            break;
        }
    }
}

#endif
