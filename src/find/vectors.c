/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors: rows in segments, so that growing copies little, and a filter's ranges of chunks become
 * ranges of rows by bisection.
 *
 * How the rows stay what the store says: who writes vectors adds them here within the turn, before
 * the commit; loading takes the turn while it begins its snapshot, so that a piece is either in the
 * snapshot or added after it. Removals come from the store's listener after the commit and find the
 * rows there; chunk ids are never used again, so a removal that comes early (before a load that
 * does not see the rows any more) finds nothing, and that is right.
 *
 * Invariants: (1) chunks ascend; (2) all segments but the last are full or have been compacted,
 * none is empty; (3) a hole's row and scale are zero: what was removed is gone from memory at once.
 */
#include "find/vectors.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "find/vectors_internal.h"
#include "kern/kern.h"

#define FIRST_ROWS 256
/* Holes are closed up when they are so many, and a quarter of all rows. */
#define HOLES_MANY 4096
#define HOLES_SHARE 4
/* Up to here all rows are looked at: about 11 ms on two cores. */
#define INDEX_ROWS 1000001

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (vectors).");
}

/* ---- quantised vectors ---- */

float wf_vector__quantise(const float *x, size_t dim, int8_t *out)
{
    float most = 0;
    for (size_t i = 0; i < dim; i++)
        most = fmaxf(most, fabsf(x[i])); /* drops what is no number */
    float scale = isfinite(most) ? most / 127 : 0;
    for (size_t i = 0; i < dim; i++) {
        float value = scale > 0 ? x[i] / scale : 0;
        out[i] = isfinite(value) ? (int8_t)lrintf(fminf(fmaxf(value, -127), 127)) : 0;
    }
    return scale;
}

void wf_vector_pack(const float *x, size_t dim, uint8_t *out)
{
    uint32_t bits;
    float scale = wf_vector__quantise(x, dim, (int8_t *)out);
    memcpy(&bits, &scale, sizeof bits);
    for (size_t i = 0; i < 4; i++)
        out[dim + i] = (uint8_t)(bits >> (8 * i));
}

static float unpack_scale(const uint8_t *p)
{
    uint32_t bits = 0;
    float scale;
    for (size_t i = 0; i < 4; i++)
        bits |= (uint32_t)p[i] << (8 * i);
    memcpy(&scale, &bits, sizeof scale);
    return isfinite(scale) ? scale : 0;
}

/* ---- rows ---- */

static void free_rows(struct wf_vectors *v)
{
    for (size_t i = 0; i < v->n_segments; i++) {
        wf_free(v->segments[i].rows);
        wf_free(v->segments[i].scales);
        wf_free(v->segments[i].chunks);
    }
    wf_free(v->segments);
    wf_vectors__drop_index(v);
    v->generation++;
    v->segments = NULL;
    v->n_segments = v->n_segments_room = v->n_rows = v->n_holes = 0;
    v->is_loaded = false;
}

static bool widen(struct wf_segment *s, size_t dim)
{
    size_t room = s->room != 0 ? 2 * s->room : FIRST_ROWS;
    int8_t *rows = wf_realloc_array(s->rows, room, dim);
    s->rows = rows != NULL ? rows : s->rows;
    float *scales = rows != NULL ? wf_realloc_array(s->scales, room, sizeof *scales) : NULL;
    s->scales = scales != NULL ? scales : s->scales;
    int64_t *chunks = scales != NULL ? wf_realloc_array(s->chunks, room, sizeof *chunks) : NULL;
    s->chunks = chunks != NULL ? chunks : s->chunks;
    if (chunks == NULL)
        return false;
    s->room = room;
    return true;
}

/* The last segment, with room for a row; NULL out of memory. */
static struct wf_segment *last_segment(struct wf_vectors *v)
{
    struct wf_segment *s = v->n_segments > 0 ? &v->segments[v->n_segments - 1] : NULL;
    if (s != NULL && s->n < s->room)
        return s;
    if (s != NULL && s->room < WF_SEGMENT_ROWS)
        return widen(s, v->dim) ? s : NULL;
    if (v->n_segments == v->n_segments_room) {
        size_t room = v->n_segments_room != 0 ? 2 * v->n_segments_room : 8;
        struct wf_segment *bigger = wf_realloc_array(v->segments, room, sizeof *bigger);
        if (bigger == NULL)
            return NULL;
        v->segments = bigger;
        v->n_segments_room = room;
    }
    struct wf_segment fresh = {.n = 0};
    bool ok = widen(&fresh, v->dim);
    if (!ok) {
        wf_free(fresh.rows);
        wf_free(fresh.scales);
        wf_free(fresh.chunks);
        return NULL;
    }
    v->segments[v->n_segments++] = fresh;
    return &v->segments[v->n_segments - 1];
}

static int64_t last_chunk(const struct wf_vectors *v)
{
    if (v->n_segments == 0)
        return 0;
    const struct wf_segment *s = &v->segments[v->n_segments - 1];
    return llabs(s->chunks[s->n - 1]);
}

/* Appends a piece. False: out of memory, or it belongs before others. */
static bool append(struct wf_vectors *v, const struct wf_vector_piece *p)
{
    const uint8_t *data = (const uint8_t *)p->data.ptr;
    if (p->first_chunk <= last_chunk(v))
        return false;
    for (uint32_t i = 0; i < p->n_chunks; i++, data += WF_VECTOR_ROW_BYTES(v->dim)) {
        struct wf_segment *s = last_segment(v);
        if (s == NULL)
            return false;
        memcpy(s->rows + s->n * v->dim, data, v->dim);
        s->scales[s->n] = unpack_scale(data + v->dim);
        s->chunks[s->n++] = p->first_chunk + i;
        v->n_rows++;
    }
    return true;
}

/* Moves rows down over the holes; the segments behind are freed. */
static void close_up(struct wf_vectors *v)
{
    size_t to = 0, at = 0; /* segment, row */
    wf_vectors__drop_index(v);
    v->generation++;
    for (size_t i = 0; i < v->n_segments; i++) {
        struct wf_segment *from = &v->segments[i];
        for (size_t k = 0; k < from->n; k++) {
            if (from->chunks[k] < 0)
                continue;
            if (at == v->segments[to].room) { /* it is full, and lies before `from` */
                v->segments[to++].n = at;
                at = 0;
            }
            struct wf_segment *s = &v->segments[to];
            memmove(s->rows + at * v->dim, from->rows + k * v->dim, v->dim);
            s->scales[at] = from->scales[k];
            s->chunks[at++] = from->chunks[k];
        }
    }
    if (v->n_segments > 0)
        v->segments[to].n = at;
    for (size_t i = at > 0 ? to + 1 : to; i < v->n_segments; i++) {
        wf_free(v->segments[i].rows);
        wf_free(v->segments[i].scales);
        wf_free(v->segments[i].chunks);
    }
    v->n_segments = WF_MIN(v->n_segments, at > 0 ? to + 1 : to);
    v->n_rows -= v->n_holes;
    v->n_holes = 0;
}

size_t wf_vectors__lower(const struct wf_vectors *v, int64_t chunk)
{
    size_t low = 0, high = v->n_segments, n = 0;
    while (low < high) { /* the first segment that ends at or behind the chunk */
        size_t mid = low + (high - low) / 2;
        const struct wf_segment *s = &v->segments[mid];
        if (llabs(s->chunks[s->n - 1]) < chunk)
            low = mid + 1;
        else
            high = mid;
    }
    for (size_t i = 0; i < low; i++)
        n += v->segments[i].n;
    if (low == v->n_segments)
        return n;
    const struct wf_segment *s = &v->segments[low];
    size_t from = 0, to = s->n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (llabs(s->chunks[mid]) < chunk)
            from = mid + 1;
        else
            to = mid;
    }
    return n + from;
}

/* Makes holes of the rows of [first, first + n). */
static void punch(struct wf_vectors *v, int64_t first, int64_t n)
{
    size_t at = wf_vectors__lower(v, first), base = 0;
    for (size_t i = 0; i < v->n_segments; base += v->segments[i++].n) {
        struct wf_segment *s = &v->segments[i];
        if (at >= base + s->n)
            continue;
        for (size_t k = at > base ? at - base : 0; k < s->n; k++) {
            if (llabs(s->chunks[k]) >= first + n)
                return;
            if (s->chunks[k] < 0)
                continue;
            memset(s->rows + k * v->dim, 0, v->dim); /* invariant (3) */
            s->scales[k] = 0;
            s->chunks[k] = -s->chunks[k];
            if (v->index != NULL)
                wf_vectors_index_remove(v->index, base + k, v->dim);
            v->n_holes++;
        }
    }
}

/* ---- what others change ---- */

void wf_vectors_add(struct wf_vectors *v, const struct wf_vector_piece *p)
{
    assert(wf_str_eq(p->lens, wf_str_from(v->lens)) && p->dim == v->dim);
    pthread_rwlock_wrlock(&v->lock);
    if (v->is_loaded && !append(v, p))
        free_rows(v); /* the next search reads them all */
    pthread_rwlock_unlock(&v->lock);
}

void wf_vectors_remove(struct wf_vectors *v, int64_t first_chunk, int64_t n_chunks)
{
    pthread_rwlock_wrlock(&v->lock);
    punch(v, first_chunk, n_chunks);
    if (v->n_holes >= HOLES_MANY && v->n_holes >= v->n_rows / HOLES_SHARE)
        close_up(v);
    pthread_rwlock_unlock(&v->lock);
}

static void on_removed(void *ud, const struct wf_chunk_range *ranges, size_t n)
{
    struct wf_vectors *v = ud;
    for (size_t i = 0; i < n; i++)
        wf_vectors_remove(v, ranges[i].first, ranges[i].n);
    pthread_rwlock_wrlock(&v->lock);
    v->n_removals += n;
    pthread_rwlock_unlock(&v->lock);
}

uint64_t wf_vectors_n_removals(struct wf_vectors *v)
{
    pthread_rwlock_rdlock(&v->lock);
    uint64_t n = v->n_removals;
    pthread_rwlock_unlock(&v->lock);
    return n;
}

/* ---- life ---- */

int wf_vectors_new(struct wf_store *s, struct wf_vectors **out, struct wf_err *err)
{
    pthread_rwlockattr_t attr;
    struct wf_vectors *v = wf_alloc_array(1, sizeof *v);
    if (v == NULL)
        return no_memory(err);
    v->store = s;
    v->index_rows = INDEX_ROWS;
    /* Searches that follow each other closely must not keep a writer, who has the store's turn,
     * from the rows. */
    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&v->lock, &attr);
    pthread_rwlockattr_destroy(&attr);
    pthread_mutex_init(&v->gang_lock, NULL);
    wf_store_on_removed(s, on_removed, v);
    *out = v;
    return 0;
}

void wf_vectors_free(struct wf_vectors *v)
{
    if (v == NULL)
        return;
    wf_store_on_removed(v->store, NULL, NULL);
    wf_gang_free(v->gang);
    free_rows(v);
    pthread_mutex_destroy(&v->gang_lock);
    pthread_rwlock_destroy(&v->lock);
    wf_free(v);
}

void wf_vectors_set_lens(struct wf_vectors *v, struct wf_str lens, size_t dim)
{
    assert(dim > 0 && dim <= WF_VECTOR_DIM_MAX);
    assert(lens.len > 0 && lens.len <= WF_VECTOR_LENS_BYTES_MAX);
    pthread_rwlock_wrlock(&v->lock);
    if (v->dim != dim || !wf_str_eq(wf_str_from(v->lens), lens)) {
        free_rows(v);
        v->dim = dim;
        memcpy(v->lens, lens.ptr, lens.len);
        v->lens[lens.len] = 0;
    }
    pthread_rwlock_unlock(&v->lock);
}

void wf_vectors_set_threads(struct wf_vectors *v, size_t n)
{
    v->n_threads = n;
}

void wf_vectors_set_index(struct wf_vectors *v, size_t n_rows)
{
    v->index_rows = n_rows;
}

void wf_vectors_sizes(struct wf_vectors *v, uint64_t *out_n, uint64_t *out_bytes)
{
    pthread_rwlock_rdlock(&v->lock);
    *out_n = v->n_rows - v->n_holes;
    *out_bytes = 0;
    for (size_t i = 0; i < v->n_segments; i++)
        *out_bytes += v->segments[i].room * (v->dim + sizeof(float) + sizeof(int64_t));
    if (v->index != NULL)
        *out_bytes += v->index->n_rows * (v->dim + 2 * sizeof(uint32_t) + sizeof(float)) +
                      v->index->n_lists * (v->dim + 8);
    pthread_rwlock_unlock(&v->lock);
}

/* ---- loading ---- */

static int on_piece(void *ud, const struct wf_vector_piece *p, struct wf_err *err)
{
    struct wf_vectors *v = ud;
    if (p->dim != v->dim)
        return wf_err_set(err, WF_E_CORRUPT,
                          "The database is damaged: vectors of another number of values.");
    return append(v, p) ? 0 : no_memory(err); /* they come in order */
}

/* Under the lock for writing. */
static int read_rows(struct wf_vectors *v, struct wf_reader *r, struct wf_err *err)
{
    free_rows(v);
    int status = wf_vector_each(r, wf_str_from(v->lens), on_piece, v, err);
    if (status == 0)
        v->is_loaded = true;
    else
        free_rows(v);
    return status;
}

static bool is_loaded(struct wf_vectors *v)
{
    pthread_rwlock_rdlock(&v->lock);
    bool loaded = v->is_loaded;
    pthread_rwlock_unlock(&v->lock);
    return loaded;
}

int wf_vectors_load(struct wf_vectors *v, struct wf_err *err)
{
    assert(v->dim > 0);
    struct wf_reader *r = NULL;
    if (is_loaded(v))
        return 0;
    /* In the turn nobody is between adding and committing; a read-only store has no turns. */
    int status = wf_store_write_begin(v->store, err);
    bool has_turn = status == 0;
    if (status != 0 && status != WF_E_DENIED)
        return status;
    pthread_rwlock_wrlock(&v->lock);
    bool is_done = v->is_loaded;
    status = is_done ? 0 : wf_store_reader_get(v->store, &r, err);
    if (r != NULL)
        status = wf_reader_pin(r, err);
    if (has_turn)
        wf_store_write_rollback(v->store);
    if (r != NULL && status == 0)
        status = read_rows(v, r, err);
    pthread_rwlock_unlock(&v->lock);
    if (r != NULL)
        wf_store_reader_put(v->store, r);
    return status;
}

/* ---- searching ---- */

int wf_vectors_search(struct wf_vectors *v, const float *question,
                      const struct wf_chunk_range *ranges, size_t n_ranges, size_t k,
                      struct wf_near *out, size_t *out_n, struct wf_err *err)
{
    assert(k > 0);
    *out_n = 0;
    int status = wf_vectors_load(v, err);
    if (status != 0)
        return status;
    pthread_rwlock_rdlock(&v->lock);
    status = wf_vectors__scan(v, question, ranges, n_ranges, k, out, out_n, err);
    pthread_rwlock_unlock(&v->lock);
    return status;
}

static float similarity_at(const struct wf_vectors *v, const int8_t *q, float scale, int64_t chunk,
                           float none)
{
    size_t at = wf_vectors__lower(v, chunk), i = 0;
    while (i < v->n_segments && at >= v->segments[i].n)
        at -= v->segments[i++].n;
    if (i == v->n_segments || v->segments[i].chunks[at] != chunk)
        return none;
    int32_t dot = 0;
    wf_kern()->dot_i8(q, v->segments[i].rows + at * v->dim, 1, v->dim, &dot);
    return (float)dot * scale * v->segments[i].scales[at];
}

void wf_vectors_compare(struct wf_vectors *v, const float *question, struct wf_near *io, size_t n,
                        float none)
{
    int8_t q[WF_VECTOR_DIM_MAX];
    float scale = wf_vector__quantise(question, v->dim, q);
    pthread_rwlock_rdlock(&v->lock);
    for (size_t i = 0; i < n; i++)
        io[i].similarity = similarity_at(v, q, scale, io[i].chunk, none);
    pthread_rwlock_unlock(&v->lock);
}
