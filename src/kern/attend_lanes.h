/* Attention over a page, of lanes of a register whatever their number (lanes.h): a table's file
 * includes this behind its lanes and lanes.h.
 *
 * Up to WF_ATTEND_ROWS rows at once share each load of two registers of the page; how many does not
 * change what a row gets. Before it is included: WF_ATTEND_ROWS, 4 or 8. Threads: any. */
#ifndef WF_KERN_ATTEND_LANES_H
#define WF_KERN_ATTEND_LANES_H

#include <math.h>
#include <stdbool.h>

#include "kern/attend.h"

/* A page's scores are so many registers. */
#define WF_ATTEND_REGS (WF_PAGE_TOKENS / WF_LANES)

/* Calls f(n, ...) with n, from 1 to WF_ATTEND_ROWS, known when compiled. */
#if WF_ATTEND_ROWS == 8
#define WF_ATTEND_BY_ROWS(n, f, ...)                                                               \
    switch (n) {                                                                                   \
    case 8:                                                                                        \
        f(8, __VA_ARGS__);                                                                         \
        break;                                                                                     \
    case 7:                                                                                        \
        f(7, __VA_ARGS__);                                                                         \
        break;                                                                                     \
    case 6:                                                                                        \
        f(6, __VA_ARGS__);                                                                         \
        break;                                                                                     \
    case 5:                                                                                        \
        f(5, __VA_ARGS__);                                                                         \
        break;                                                                                     \
    case 4:                                                                                        \
        f(4, __VA_ARGS__);                                                                         \
        break;                                                                                     \
    case 3:                                                                                        \
        f(3, __VA_ARGS__);                                                                         \
        break;                                                                                     \
    case 2:                                                                                        \
        f(2, __VA_ARGS__);                                                                         \
        break;                                                                                     \
    default:                                                                                       \
        f(1, __VA_ARGS__);                                                                         \
        break;                                                                                     \
    }
#else
#define WF_ATTEND_BY_ROWS(n, f, ...)                                                               \
    switch (n) {                                                                                   \
    case 4:                                                                                        \
        f(4, __VA_ARGS__);                                                                         \
        break;                                                                                     \
    case 3:                                                                                        \
        f(3, __VA_ARGS__);                                                                         \
        break;                                                                                     \
    case 2:                                                                                        \
        f(2, __VA_ARGS__);                                                                         \
        break;                                                                                     \
    default:                                                                                       \
        f(1, __VA_ARGS__);                                                                         \
        break;                                                                                     \
    }
#endif

/* The sums over i < n of x[r * x_ld + i] * page[i * ld ...], for two registers of columns (of m0
 * and m1 lanes). The page holds halves, or floats. What is read of it is asked for of the page
 * `next`, for the memory has time to fetch that until it is met. */
static WF_INLINE void wf_attend_multiply(size_t n_rows, bool halves, size_t m0, size_t m1,
                                         const float *x, size_t x_ld, const void *page,
                                         const void *next, size_t ld, size_t n,
                                         wf_lanes acc[WF_ATTEND_ROWS][2])
{
    const uint16_t *h = page;
    const float *f = page;
    size_t row_bytes = ld * (halves ? sizeof(*h) : sizeof(*f));

    for (size_t r = 0; r < n_rows; r++)
        acc[r][0] = acc[r][1] = wf_lanes_all(0.0f);
    for (size_t i = 0; i < n; i++) {
        wf_lanes a = halves ? wf_lanes_halves(h + i * ld, m0) : wf_lanes_load(f + i * ld, m0);
        wf_lanes b = halves ? wf_lanes_halves(h + i * ld + WF_LANES, m1)
                            : wf_lanes_load(f + i * ld + WF_LANES, m1);
        __builtin_prefetch((const char *)next + i * row_bytes, 0, 2);
        if (!halves) /* two registers may be two lines */
            __builtin_prefetch((const char *)next + i * row_bytes + sizeof(wf_lanes), 0, 2);
        for (size_t r = 0; r < n_rows; r++) {
            wf_lanes by = wf_lanes_all(x[r * x_ld + i]);
            acc[r][0] = wf_lanes_fma(by, a, acc[r][0]);
            acc[r][1] = wf_lanes_fma(by, b, acc[r][1]);
        }
    }
}

/* Scores of rows with n of a key's values: page [n][32]; set, or added. */
static WF_INLINE void wf_attend_score(size_t n_rows, bool halves, bool add, const float *q,
                                      size_t q_ld, const void *page, const void *next, size_t n,
                                      float *scores)
{
    wf_lanes acc[WF_ATTEND_ROWS][2];

    for (size_t c = 0; c < WF_PAGE_TOKENS; c += 2 * WF_LANES) {
        size_t at = c * (halves ? sizeof(uint16_t) : sizeof(float));
        wf_attend_multiply(n_rows, halves, WF_LANES, WF_LANES, q, q_ld, (const char *)page + at,
                           (const char *)next + at, WF_PAGE_TOKENS, n, acc);
        for (size_t r = 0; r < n_rows; r++) {
            for (size_t k = 0; k < 2; k++) {
                float *to = scores + r * WF_PAGE_TOKENS + c + k * WF_LANES;
                if (add)
                    acc[r][k] = acc[r][k] + wf_lanes_load(to, WF_LANES);
                wf_lanes_store(to, WF_LANES, acc[r][k]);
            }
        }
    }
}

/* What the sums so far, and those of this page, are multiplied by. */
struct wf_attend_shares {
    float before[WF_ATTEND_ROWS], now[WF_ATTEND_ROWS];
};

/* Rows' scores of a page, not yet scaled, to weights relative to the largest of it, of which each
 * row has its own; rows from `row` on. */
static WF_INLINE void wf_attend_weigh(size_t n_rows, const struct wf_attend *a, size_t page,
                                      size_t row, float *scores, struct wf_attend_shares *out)
{
    const uint32_t *all_seen = a->seen + page * a->n_rows + row;
    float most[WF_ATTEND_ROWS], by[2 * WF_ATTEND_ROWS + WF_LANES];
    wf_lanes scale = wf_lanes_all(a->cap == 0.0f ? a->scale : 1.0f);
    wf_lanes nothing = wf_lanes_all(-INFINITY);

    for (size_t r = 0; r < n_rows; r++) {
        float *s = scores + r * WF_PAGE_TOKENS, largest;
        uint32_t seen = all_seen[r];
        wf_lanes max = nothing;
        for (size_t j = 0; j < WF_PAGE_TOKENS && a->cap != 0.0f; j++)
            s[j] = a->cap * tanhf(s[j] * a->scale / a->cap);
        for (size_t k = 0; k < WF_ATTEND_REGS; k++) {
            wf_lanes v = wf_lanes_load(s + k * WF_LANES, WF_LANES) * scale;
            v = wf_lanes_pick(seen >> k * WF_LANES, v, nothing);
            max = wf_lanes_max(v, max);
            wf_lanes_store(s + k * WF_LANES, WF_LANES, v);
        }
        most[r] = wf_lanes_largest(max);
        largest = most[r] > a->most[row + r] ? most[r] : a->most[row + r];
        /* Without a number to be relative to there is nothing to scale. */
        by[r] = largest == -INFINITY ? 0.0f : a->most[row + r] - largest;
        by[n_rows + r] = largest == -INFINITY ? 0.0f : most[r] - largest;
        a->most[row + r] = largest;
    }
    for (size_t r = 0; r < 2 * n_rows; r += WF_LANES) {
        size_t m = wf_lanes_left(r, 2 * n_rows);
        wf_lanes_store(by + r, m, wf_lanes_exp(wf_lanes_load(by + r, m)));
    }
    for (size_t r = 0; r < n_rows; r++) {
        float *s = scores + r * WF_PAGE_TOKENS;
        wf_lanes sum = wf_lanes_all(0.0f), less = wf_lanes_all(most[r]);
        for (size_t k = 0; k < WF_ATTEND_REGS; k++) {
            wf_lanes v = wf_lanes_exp(wf_lanes_load(s + k * WF_LANES, WF_LANES) - less);
            v = wf_lanes_pick(all_seen[r] >> k * WF_LANES, v, wf_lanes_all(0.0f));
            sum = sum + v;
            wf_lanes_store(s + k * WF_LANES, WF_LANES, v);
        }
        out->before[r] = by[r];
        out->now[r] = by[n_rows + r];
        a->weight[row + r] = a->weight[row + r] * by[r] + wf_lanes_sum(sum) * by[n_rows + r];
    }
}

/* sums = before * sums + now * (weights times values); a page of values [n_slots][ld]. */
static WF_INLINE void wf_attend_mix(size_t n_rows, bool halves, const float *weights,
                                    const struct wf_attend_shares *shares, const void *page,
                                    const void *next, size_t ld, size_t n_slots, size_t n,
                                    float *sums, size_t sums_ld)
{
    wf_lanes acc[WF_ATTEND_ROWS][2];

    for (size_t c = 0; c < n; c += 2 * WF_LANES) {
        size_t at = c * (halves ? sizeof(uint16_t) : sizeof(float));
        const char *from = (const char *)page + at, *then = (const char *)next + at;
        size_t left = n - c, m0 = left < WF_LANES ? left : WF_LANES, m1 = left - m0;
        m1 = m1 < WF_LANES ? m1 : WF_LANES;
        if (m1 == WF_LANES)
            wf_attend_multiply(n_rows, halves, WF_LANES, WF_LANES, weights, WF_PAGE_TOKENS, from,
                               then, ld, n_slots, acc);
        else
            wf_attend_multiply(n_rows, halves, m0, m1, weights, WF_PAGE_TOKENS, from, then, ld,
                               n_slots, acc);
        for (size_t r = 0; r < n_rows; r++) {
            float *to = sums + r * sums_ld + c;
            wf_lanes before = wf_lanes_all(shares->before[r]), now = wf_lanes_all(shares->now[r]);
            wf_lanes_store(to, m0, wf_lanes_fma(now, acc[r][0], before * wf_lanes_load(to, m0)));
            if (m1 > 0)
                wf_lanes_store(
                    to + WF_LANES, m1,
                    wf_lanes_fma(now, acc[r][1], before * wf_lanes_load(to + WF_LANES, m1)));
        }
    }
}

/* Slots of a page whose values rows meet, of `from` and `next` [n_slots][ld]; each row's weights
 * are of the slots that it sees, and no others: no weight makes 0 of what is no number. */
static WF_INLINE void wf_attend_mix_seen(size_t n_rows, bool halves, const struct wf_attend *a,
                                         size_t page, size_t row, const float *weights,
                                         const struct wf_attend_shares *shares, const void *from,
                                         const void *next, size_t ld, size_t n, float *sums)
{
    const uint32_t *seen = a->seen + page * a->n_rows + row;
    size_t n_slots = wf_attend_slots(a, page), slot_bytes = ld * (halves ? 2 : sizeof(float));
    uint32_t all = UINT32_MAX >> (WF_PAGE_TOKENS - n_slots), common = all;

    for (size_t r = 0; r < n_rows; r++)
        common &= seen[r];
    if (common == all) {
        wf_attend_mix(n_rows, halves, weights, shares, from, next, ld, n_slots, n, sums,
                      a->value_dim);
        return;
    }
    for (size_t r = 0; r < n_rows; r++) { /* the slots that a row sees follow each other */
        size_t first = seen[r] == 0 ? 0 : (size_t)__builtin_ctz(seen[r]);
        size_t end = seen[r] == 0 ? 0 : WF_PAGE_TOKENS - (size_t)__builtin_clz(seen[r]);
        struct wf_attend_shares one = {.before = {shares->before[r]}, .now = {shares->now[r]}};
        wf_attend_mix(1, halves, weights + r * WF_PAGE_TOKENS + first, &one,
                      (const char *)from + first * slot_bytes, next, ld, end - first, n,
                      sums + r * a->value_dim, a->value_dim);
    }
}

/* A page, and rows from `row` on. */
static WF_INLINE void wf_attend_floats_rows(size_t n_rows, bool halves, const struct wf_attend *a,
                                            size_t page, size_t row)
{
    struct wf_attend_shares shares;

    wf_attend_score(n_rows, halves, false, a->q + row * a->key_dim, a->key_dim, a->keys[page],
                    wf_attend_next_keys(a, page), a->key_dim, a->room);
    wf_attend_weigh(n_rows, a, page, row, a->room, &shares);
    wf_attend_mix_seen(n_rows, halves, a, page, row, a->room, &shares, a->values[page],
                       wf_attend_next_values(a, page), a->value_dim, a->value_dim,
                       a->sums + row * a->value_dim);
}

/* Of the rows that are left from one on. */
static WF_INLINE size_t wf_attend_left(const struct wf_attend *a, size_t row)
{
    return a->n_rows - row < WF_ATTEND_ROWS ? a->n_rows - row : WF_ATTEND_ROWS;
}

/* A page of floats, or of halves. */
static WF_INLINE void wf_attend_floats(bool halves, const struct wf_attend *a, size_t page)
{
    for (size_t row = 0; row < a->n_rows; row += WF_ATTEND_ROWS) {
        WF_ATTEND_BY_ROWS(wf_attend_left(a, row), wf_attend_floats_rows, halves, a, page, row)
    }
}

#endif
