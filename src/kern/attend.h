/* Attention over pages: how one head's keys and values lie in a page of WF_PAGE_TOKENS positions,
 * and what a kernel is told of queries that meet some (kern.h's attend).
 *
 * Positions lie side by side, so that a register's lanes are positions where scores are made, and
 * values where sums are made; nothing is summed across lanes. With n values a position, of whole
 * cache lines all:
 *
 *   F32, F16   keys [n][32], values [32][n]
 *   Q8_0       keys    halves [n / 32][32] scales, then bytes [n / 4][32][4], value + 128
 *              values  halves [n / 32][32] scales, then bytes [32 / 2][n][2], signed
 *
 * Scores are held relative to the largest so far (online softmax: Milakov and Gimelshein 2018,
 * Dao et al. 2022). Threads: any. */
#ifndef WF_KERN_ATTEND_H
#define WF_KERN_ATTEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WF_PAGE_TOKENS 32

enum wf_kv_kind {
    WF_KV_F32,
    WF_KV_F16,
    WF_KV_Q8_0, /* blocks of 32 within a head, as the weights' format */
};

struct wf_kern;

/* Bytes of a page of one head's keys, or values, of n each: whole blocks. */
size_t wf_page_bytes(enum wf_kv_kind kind, size_t n);

/* Writes position `slot`'s key (value) x [n] f32 to a page. */
void wf_page_put_key(const struct wf_kern *kern, enum wf_kv_kind kind, const float *x, size_t n,
                     size_t slot, void *page);
void wf_page_put_value(const struct wf_kern *kern, enum wf_kv_kind kind, const float *x, size_t n,
                       size_t slot, void *page);

/* Number i of the key (value) in a slot. */
float wf_page_key(enum wf_kv_kind kind, const void *page, size_t n, size_t slot, size_t i);
float wf_page_value(enum wf_kv_kind kind, const void *page, size_t n, size_t slot, size_t i);

/* Floats that a kernel needs for so many queries. */
size_t wf_attend_room(size_t n_rows, size_t key_dim, size_t value_dim);

/* Queries that meet pages which follow each other. Each is a row, and what it gets depends on no
 * other, nor on how many pages are met at once. */
struct wf_attend {
    enum wf_kv_kind kind;
    size_t n_rows, key_dim, value_dim;
    bool in_words; /* of F16: all may be met as integers of 16 bits, as exact as the halves but with
                      other bits; pays where many rows share pages */
    size_t n_pages;
    const void *const *keys, *const *values; /* [n_pages] */
    const void *next_keys, *next_values;     /* which are met next, for the memory; or NULL */
    size_t n_slots;        /* of the last page that are filled; those behind may hold anything */
    float scale, cap;      /* of scores; cap 0: none */
    const float *q;        /* [n_rows, key_dim]; with Q8_0 not looked at, but these: */
    const int8_t *q8;      /* [n_rows, key_dim], see kern.h's to_i8 */
    const float *q_scales; /* [n_rows, key_dim / 32] */
    const int32_t *q_sums; /* the same shape */
    const uint32_t *seen;  /* [n_pages, n_rows] bit j: the row sees slot j, which is filled */
    float *most;           /* [n_rows] the largest score so far, -INFINITY at first */
    float *weight;         /* [n_rows] the sum of exp(score - most) */
    float *sums;           /* [n_rows, value_dim] of exp(score - most) times values */
    float *room;           /* for the kernel */
};

/* Keys (values) of the page behind page i; of page i where there is none. */
static inline const void *wf_attend_next_keys(const struct wf_attend *a, size_t i)
{
    if (i + 1 < a->n_pages)
        return a->keys[i + 1];
    return a->next_keys != NULL ? a->next_keys : a->keys[i];
}

/* See wf_attend_next_keys. */
static inline const void *wf_attend_next_values(const struct wf_attend *a, size_t i)
{
    if (i + 1 < a->n_pages)
        return a->values[i + 1];
    return a->next_values != NULL ? a->next_values : a->values[i];
}

/* Slots of page i that are filled. */
static inline size_t wf_attend_slots(const struct wf_attend *a, size_t i)
{
    return i + 1 < a->n_pages ? WF_PAGE_TOKENS : a->n_slots;
}

#endif
