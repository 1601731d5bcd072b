/* SPDX-License-Identifier: Apache-2.0 */
/* The scan: every allowed row's product with the question, the best k kept in a heap.
 *
 * The allowed rows are numbered through and cut into as many parts as there are threads; each has a
 * heap of its own. Products are computed for BLOCK_ROWS at once and only those above the heap's
 * lowest are looked at, which after the first few thousand rows are few: the time is that of
 * reading the rows from memory. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "find/vectors_internal.h"
#include "kern/kern.h"
#include "os/thread.h"

#define BLOCK_ROWS 256
/* Below so many rows waking others costs more than they bring. */
#define SHARED_ROWS 20000
#define THREADS_MAX 16
/* Lists of an index that are looked at: one in so many, at least and at most so many. */
#define LISTS_SHARE 16
#define LISTS_LEAST 16
#define LISTS_MAX 1024

/* Rows [from, to) of a segment, the first being the at-th allowed one. */
struct run {
    const struct wf_segment *segment;
    size_t from, to, at;
};

struct heap {
    struct wf_near *items; /* [k], the least similar first */
    size_t n, k;
};

struct scan {
    const struct wf_vectors *v;
    int8_t question[WF_VECTOR_DIM_MAX];
    float scale;
    const struct wf_vectors_index *index; /* NULL: all rows */
    uint32_t lists[LISTS_MAX];            /* of the index, that are looked at */
    size_t n_lists;
    struct run *runs;
    size_t n_runs, n_runs_room, n_rows;
    struct heap heaps[THREADS_MAX];
    size_t n_parts;
};

/* ---- the heap ---- */

/* True when a comes behind b. Equal ones have an order, so that a result does not depend on who
 * scanned what. */
static bool is_worse(const struct wf_near *a, const struct wf_near *b)
{
    if (a->similarity < b->similarity || a->similarity > b->similarity)
        return a->similarity < b->similarity;
    return a->chunk > b->chunk;
}

static int compare(const void *pa, const void *pb)
{
    const struct wf_near *a = pa, *b = pb;
    return is_worse(a, b) ? 1 : is_worse(b, a) ? -1 : 0;
}

static void sift(struct heap *h)
{
    for (size_t i = 0;;) {
        size_t worst = i;
        for (size_t c = 2 * i + 1; c <= 2 * i + 2 && c < h->n; c++) {
            if (is_worse(&h->items[c], &h->items[worst]))
                worst = c;
        }
        if (worst == i)
            return;
        struct wf_near swap = h->items[i];
        h->items[i] = h->items[worst];
        h->items[worst] = swap;
        i = worst;
    }
}

static void push(struct heap *h, struct wf_near near)
{
    if (h->n == h->k) {
        if (is_worse(&near, &h->items[0]))
            return;
        h->items[0] = near;
        sift(h);
        return;
    }
    size_t i = h->n++;
    for (; i > 0 && is_worse(&near, &h->items[(i - 1) / 2]); i = (i - 1) / 2)
        h->items[i] = h->items[(i - 1) / 2];
    h->items[i] = near;
}

/* ---- one part ---- */

static void scan_rows(const struct scan *s, struct heap *h, const struct wf_segment *g, size_t from,
                      size_t to)
{
    int32_t dots[BLOCK_ROWS];
    float values[BLOCK_ROWS];
    for (size_t i = from; i < to; i += BLOCK_ROWS) {
        size_t n = WF_MIN(to - i, (size_t)BLOCK_ROWS);
        wf_kern()->dot_i8(s->question, g->rows + i * s->v->dim, n, s->v->dim, dots);
        for (size_t k = 0; k < n; k++)
            values[k] = (float)dots[k] * g->scales[i + k];
        for (size_t k = 0; k < n; k++) {
            float least = h->n < h->k ? -INFINITY : h->items[0].similarity;
            if (values[k] >= least && g->chunks[i + k] > 0)
                push(h, (struct wf_near){g->chunks[i + k], values[k]});
        }
    }
}

/* The rows at `first` to `end` of the index. */
static void scan_list(const struct scan *s, struct heap *h, size_t first, size_t end)
{
    const struct wf_vectors_index *x = s->index;
    int32_t dots[BLOCK_ROWS];
    for (size_t i = first; i < end; i += BLOCK_ROWS) {
        size_t n = WF_MIN(end - i, (size_t)BLOCK_ROWS);
        wf_kern()->dot_i8(s->question, x->data + i * s->v->dim, n, s->v->dim, dots);
        for (size_t k = 0; k < n; k++) {
            float value = (float)dots[k] * x->data_scales[i + k];
            if (h->n == h->k && value < h->items[0].similarity)
                continue;
            uint32_t row = x->rows[i + k];
            int64_t chunk = s->v->segments[row / WF_SEGMENT_ROWS].chunks[row % WF_SEGMENT_ROWS];
            if (chunk > 0)
                push(h, (struct wf_near){chunk, value});
        }
    }
}

static void scan_part(void *ud, size_t i, size_t n)
{
    struct scan *s = ud;
    size_t from = 0, to = 0;
    assert(n == s->n_parts);
    for (size_t l = i; l < s->n_lists; l += n) {
        const uint32_t *starts = s->index->starts + s->lists[l];
        scan_list(s, &s->heaps[i], starts[0], starts[1]);
    }
    wf_gang_part(s->n_rows, 1, i, n, &from, &to);
    for (size_t r = 0; r < s->n_runs && from < to; r++) {
        const struct run *run = &s->runs[r];
        size_t end = run->at + (run->to - run->from);
        if (end <= from)
            continue;
        if (run->at >= to)
            return;
        size_t skip = from > run->at ? from - run->at : 0;
        size_t stop = WF_MIN(end, to) - run->at;
        scan_rows(s, &s->heaps[i], run->segment, run->from + skip, run->from + stop);
    }
}

/* ---- which rows ---- */

static int add_run(struct scan *s, const struct wf_segment *g, size_t from, size_t to,
                   struct wf_err *err)
{
    if (s->n_runs == s->n_runs_room) {
        size_t room = s->n_runs_room != 0 ? 2 * s->n_runs_room : 128;
        struct run *bigger = wf_realloc_array(s->runs, room, sizeof *bigger);
        if (bigger == NULL)
            return wf_err_set(err, WF_E_NOMEM, "Out of memory (searching).");
        s->runs = bigger;
        s->n_runs_room = room;
    }
    s->runs[s->n_runs++] = (struct run){g, from, to, s->n_rows};
    s->n_rows += to - from;
    return 0;
}

/* The rows from the from-th to the to-th of all. *io_segment and *io_base go along: ranges ascend.
 */
static int add_rows(struct scan *s, size_t from, size_t to, size_t *io_segment, size_t *io_base,
                    struct wf_err *err)
{
    const struct wf_vectors *v = s->v;
    int status = 0;
    while (status == 0 && from < to && *io_segment < v->n_segments) {
        const struct wf_segment *g = &v->segments[*io_segment];
        size_t end = *io_base + g->n;
        if (from < end) {
            size_t stop = WF_MIN(to, end);
            status = add_run(s, g, from - *io_base, stop - *io_base, err);
            from = stop;
        }
        if (from >= end) {
            *io_base = end;
            ++*io_segment;
        }
    }
    return status;
}

static int find_rows(struct scan *s, const struct wf_chunk_range *ranges, size_t n,
                     struct wf_err *err)
{
    size_t segment = 0, base = 0;
    int status = 0;
    if (ranges == NULL)
        return add_rows(s, s->n_lists > 0 ? s->index->n_rows : 0, s->v->n_rows, &segment, &base,
                        err);
    for (size_t i = 0; status == 0 && i < n;) {
        int64_t end = ranges[i].first + ranges[i].n;
        size_t last = i;
        while (last + 1 < n && ranges[last + 1].first == end) /* neighbours are one */
            end += ranges[++last].n;
        size_t from = wf_vectors__lower(s->v, ranges[i].first);
        size_t to = wf_vectors__lower(s->v, end);
        status = add_rows(s, from, to, &segment, &base, err);
        i = last + 1;
    }
    return status;
}

/* Lists of the index; returns the rows in them. */
static size_t find_lists(struct scan *s)
{
    size_t n = WF_MAX(s->index->n_lists / LISTS_SHARE, (size_t)LISTS_LEAST), n_rows = 0;
    s->n_lists = wf_vectors_index_choose(s->index, s->question, s->v->dim, s->lists,
                                         WF_MIN(n, (size_t)LISTS_MAX));
    for (size_t i = 0; i < s->n_lists; i++)
        n_rows += s->index->starts[s->lists[i] + 1] - s->index->starts[s->lists[i]];
    return n_rows;
}

/* ---- all of it ---- */

/* The gang, when it is worth it and nobody else has it; to be given back. */
static struct wf_gang *take_gang(struct wf_vectors *v, size_t n_rows)
{
    size_t n_most = v->n_threads != 0 ? v->n_threads : wf_cpu_count();
    n_most = WF_MIN(n_most, (size_t)THREADS_MAX);
    if (n_most < 2 || n_rows < SHARED_ROWS || pthread_mutex_trylock(&v->gang_lock) != 0)
        return NULL;
    if (v->gang == NULL && wf_gang_new(n_most, &v->gang, NULL) != 0)
        v->gang = NULL; /* then alone */
    if (v->gang == NULL)
        pthread_mutex_unlock(&v->gang_lock);
    return v->gang;
}

int wf_vectors__scan(struct wf_vectors *v, const float *question,
                     const struct wf_chunk_range *ranges, size_t n_ranges, size_t k,
                     struct wf_near *out, size_t *out_n, struct wf_err *err)
{
    struct scan *s = wf_alloc_array(1, sizeof *s);
    struct wf_near *items = NULL;
    struct wf_gang *gang = NULL;
    size_t n = 0;
    int status = 0;
    if (s == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (searching).");
    s->v = v;
    s->scale = wf_vector__quantise(question, v->dim, s->question);
    s->index = v->index;
    size_t n_listed = ranges == NULL && s->index != NULL ? find_lists(s) : 0;
    status = find_rows(s, ranges, n_ranges, err);
    if (status != 0 || s->n_rows + n_listed == 0)
        goto out;
    gang = take_gang(v, s->n_rows + n_listed);
    s->n_parts = gang != NULL ? wf_gang_size(gang) : 1;
    items = wf_alloc_array(s->n_parts * k, sizeof *items);
    if (items == NULL) {
        status = wf_err_set(err, WF_E_NOMEM, "Out of memory (searching).");
        goto out;
    }
    for (size_t i = 0; i < s->n_parts; i++)
        s->heaps[i] = (struct heap){.items = items + i * k, .k = k};
    if (gang != NULL)
        wf_gang_run(gang, scan_part, s);
    else
        scan_part(s, 0, 1);
    for (size_t i = 0; i < s->n_parts; i++) { /* side by side, then the best of them */
        memmove(items + n, s->heaps[i].items, s->heaps[i].n * sizeof *items);
        n += s->heaps[i].n;
    }
    if (n > 0)
        qsort(items, n, sizeof *items, compare);
    *out_n = WF_MIN(n, k);
    for (size_t i = 0; i < *out_n; i++)
        out[i] = (struct wf_near){items[i].chunk, items[i].similarity * s->scale};
out:
    if (gang != NULL)
        pthread_mutex_unlock(&v->gang_lock);
    wf_free(items);
    wf_free(s->runs);
    wf_free(s);
    return status;
}
