/* SPDX-License-Identifier: Apache-2.0 */
/* The index: an inverted file (Jégou et al. 2011) over the rows as they are, int8.
 *
 *   some rows -> spherical k-means, 4 sqrt(n) centres -> every row to its nearest centre's list
 *   question -> nearest centres -> the rows of their lists (vectors_scan.c)
 *
 * The rows of a list lie side by side, as copies: reading them where they are, one here and one
 * there, takes ten times as long. So the index doubles what a row takes. Building takes the
 * lock for some hundred rows at a time, and begins with the rows there are; what comes later is
 * behind them and searched as before. When rows move (holes are closed up) the index is dropped and
 * what was being built is thrown away: the generation tells. The exact scan stays what filters and
 * smaller numbers of rows use. */
#include "find/vectors_index.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "find/vectors_internal.h"
#include "kern/kern.h"

/* Rows a centre is made from, and how often they are looked at. */
#define SAMPLE_ROWS 32
#define ROUNDS 5
/* Rows copied under the lock at once. */
#define BATCH_ROWS 512
#define LISTS_MAX 65536
/* Built anew when a quarter as many rows have come since. */
#define BEHIND_SHARE 4

struct build {
    struct wf_vectors *v;
    struct wf_vectors_index x;
    bool (*stops)(void *ud);
    void *ud;
    uint64_t generation;
    size_t dim, n_sample;
    int8_t *sample;  /* [n_sample, dim] */
    int8_t *batch;   /* [BATCH_ROWS, dim] */
    float *sums;     /* [n_lists, dim] */
    int32_t *dots;   /* [n_lists] */
    uint32_t *lists; /* [n_rows]: of each row */
};

void wf_vectors_index_deinit(struct wf_vectors_index *x)
{
    wf_free(x->centres);
    wf_free(x->scales);
    wf_free(x->starts);
    wf_free(x->rows);
    wf_free(x->places);
    wf_free(x->data);
    wf_free(x->data_scales);
    *x = (struct wf_vectors_index){.n_lists = 0};
}

/* ---- centres ---- */

static uint32_t nearest(const struct build *b, const int8_t *row)
{
    uint32_t best = 0;
    float most = -INFINITY;
    wf_kern()->dot_i8(row, b->x.centres, b->x.n_lists, b->dim, b->dots);
    for (uint32_t i = 0; i < b->x.n_lists; i++) {
        float value = (float)b->dots[i] * b->x.scales[i];
        if (value > most) {
            most = value;
            best = i;
        }
    }
    return best;
}

/* The centre's direction, of length 1. False: there is none. */
static bool set_centre(struct build *b, size_t i, const float *sum)
{
    double length = 0;
    for (size_t k = 0; k < b->dim; k++)
        length += (double)sum[k] * (double)sum[k];
    if (length <= 0)
        return false;
    b->x.scales[i] =
        wf_vector__quantise(sum, b->dim, b->x.centres + i * b->dim) / (float)sqrt(length);
    return true;
}

static void set_centre_to_row(struct build *b, size_t i, const int8_t *row)
{
    float x[WF_VECTOR_DIM_MAX];
    for (size_t k = 0; k < b->dim; k++)
        x[k] = row[k];
    if (!set_centre(b, i, x))
        b->x.scales[i] = 0; /* a hole: nothing is near to it */
}

/* One round: rows to their nearest centres, centres to the middle of their rows. */
static bool move_centres(struct build *b)
{
    memset(b->sums, 0, b->x.n_lists * b->dim * sizeof *b->sums);
    for (size_t r = 0; r < b->n_sample; r++) {
        const int8_t *row = b->sample + r * b->dim;
        float *sum = b->sums + nearest(b, row) * b->dim;
        for (size_t k = 0; k < b->dim; k++)
            sum[k] += row[k];
        if (r % BATCH_ROWS == 0 && b->stops != NULL && b->stops(b->ud))
            return false;
    }
    for (size_t i = 0; i < b->x.n_lists; i++) {
        if (!set_centre(b, i, b->sums + i * b->dim)) /* nobody came: somewhere else */
            set_centre_to_row(b, i, b->sample + (i * 7919 % b->n_sample) * b->dim);
    }
    return true;
}

/* ---- reading rows ---- */

static const int8_t *row_at(const struct wf_vectors *v, size_t row)
{
    return v->segments[row / WF_SEGMENT_ROWS].rows + row % WF_SEGMENT_ROWS * v->dim;
}

/* Copies rows first, first + step, ... False: they have moved, or the end has come. */
static bool copy_rows(struct build *b, size_t first, size_t step, size_t n, int8_t *out)
{
    if (b->stops != NULL && b->stops(b->ud))
        return false;
    pthread_rwlock_rdlock(&b->v->lock);
    bool same = b->v->generation == b->generation;
    for (size_t i = 0; same && i < n; i++)
        memcpy(out + i * b->dim, row_at(b->v, first + i * step), b->dim);
    pthread_rwlock_unlock(&b->v->lock);
    return same;
}

static bool read_sample(struct build *b)
{
    size_t step = b->x.n_rows / b->n_sample;
    for (size_t done = 0; done < b->n_sample; done += BATCH_ROWS) {
        size_t n = WF_MIN(b->n_sample - done, (size_t)BATCH_ROWS);
        if (!copy_rows(b, done * step, step, n, b->sample + done * b->dim))
            return false;
    }
    for (size_t i = 0; i < b->x.n_lists; i++)
        set_centre_to_row(b, i, b->sample + i * b->n_sample / b->x.n_lists * b->dim);
    return true;
}

/* Every row to its list; then the rows in the order of their lists. */
static bool make_lists(struct build *b)
{
    struct wf_vectors_index *x = &b->x;
    for (size_t done = 0; done < x->n_rows; done += BATCH_ROWS) {
        size_t n = WF_MIN(x->n_rows - done, (size_t)BATCH_ROWS);
        if (!copy_rows(b, done, 1, n, b->batch))
            return false;
        for (size_t i = 0; i < n; i++)
            x->starts[1 + (b->lists[done + i] = nearest(b, b->batch + i * b->dim))]++;
    }
    for (size_t i = 0; i < x->n_lists; i++)
        x->starts[i + 1] += x->starts[i];
    assert(x->starts[x->n_lists] == x->n_rows);
    for (size_t i = x->n_rows; i-- > 0;) /* from behind: starts end up where they belong */
        x->rows[--x->starts[1 + b->lists[i]]] = (uint32_t)i;
    memmove(x->starts, x->starts + 1, x->n_lists * sizeof *x->starts);
    x->starts[x->n_lists] = (uint32_t)x->n_rows;
    for (size_t i = 0; i < x->n_rows; i++)
        x->places[x->rows[i]] = (uint32_t)i;
    return true;
}

static void copy_row(struct wf_vectors_index *x, const struct wf_vectors *v, size_t row)
{
    size_t at = x->places[row];
    memcpy(x->data + at * v->dim, row_at(v, row), v->dim);
    x->data_scales[at] = v->segments[row / WF_SEGMENT_ROWS].scales[row % WF_SEGMENT_ROWS];
}

/* The rows into the order of their lists. */
static bool copy_all(struct build *b)
{
    bool same = true;
    for (size_t done = 0; same && done < b->x.n_rows; done += BATCH_ROWS) {
        if (b->stops != NULL && b->stops(b->ud))
            return false;
        pthread_rwlock_rdlock(&b->v->lock);
        same = b->v->generation == b->generation;
        for (size_t i = done; same && i < b->x.n_rows && i < done + BATCH_ROWS; i++)
            copy_row(&b->x, b->v, i);
        pthread_rwlock_unlock(&b->v->lock);
    }
    return same;
}

void wf_vectors_index_remove(struct wf_vectors_index *x, size_t row, size_t dim)
{
    if (row >= x->n_rows)
        return;
    memset(x->data + (size_t)x->places[row] * dim, 0, dim);
    x->data_scales[x->places[row]] = 0;
}

/* ---- all of it ---- */

/* Under the lock. */
static bool is_worth_it(const struct wf_vectors *v)
{
    size_t n = v->is_loaded ? v->n_rows : 0;
    if (n == 0 || n < v->index_rows || n >= UINT32_MAX || v->is_indexing)
        return false;
    return v->index == NULL || n - v->index->n_rows > v->index->n_rows / BEHIND_SHARE;
}

bool wf_vectors_wants_index(struct wf_vectors *v)
{
    pthread_rwlock_rdlock(&v->lock);
    bool wants = is_worth_it(v);
    pthread_rwlock_unlock(&v->lock);
    return wants;
}

/* Is one worth making? Sets how large it becomes. */
static bool begin(struct build *b)
{
    struct wf_vectors *v = b->v;
    pthread_rwlock_wrlock(&v->lock);
    bool is_worth = is_worth_it(v);
    size_t n = v->n_rows;
    b->generation = v->generation;
    b->dim = v->dim;
    v->is_indexing |= is_worth;
    pthread_rwlock_unlock(&v->lock);
    b->x.n_rows = n;
    b->x.n_lists = WF_MIN((size_t)(4 * sqrt((double)n)), (size_t)LISTS_MAX);
    b->n_sample = WF_MIN(n, b->x.n_lists * SAMPLE_ROWS);
    return is_worth;
}

static bool make_room(struct build *b)
{
    struct wf_vectors_index *x = &b->x;
    x->centres = wf_alloc_array(x->n_lists, b->dim);
    x->scales = wf_alloc_array(x->n_lists, sizeof *x->scales);
    x->starts = wf_alloc_array(x->n_lists + 1, sizeof *x->starts);
    x->rows = wf_alloc_array(x->n_rows, sizeof *x->rows);
    x->places = wf_alloc_array(x->n_rows, sizeof *x->places);
    x->data = wf_alloc_array(x->n_rows, b->dim);
    x->data_scales = wf_alloc_array(x->n_rows, sizeof *x->data_scales);
    b->sample = wf_alloc_array(b->n_sample, b->dim);
    b->batch = wf_alloc_array(BATCH_ROWS, b->dim);
    b->sums = wf_alloc_array(x->n_lists, b->dim * sizeof *b->sums);
    b->dots = wf_alloc_array(x->n_lists, sizeof *b->dots);
    b->lists = wf_alloc_array(x->n_rows, sizeof *b->lists);
    return x->centres != NULL && x->scales != NULL && x->starts != NULL && x->rows != NULL &&
           x->places != NULL && x->data != NULL && x->data_scales != NULL && b->sample != NULL &&
           b->batch != NULL && b->sums != NULL && b->dots != NULL && b->lists != NULL;
}

/* Puts it in place of the old one, unless the rows have moved. */
static bool install(struct build *b)
{
    struct wf_vectors *v = b->v;
    struct wf_vectors_index *made = wf_alloc_array(1, sizeof *made);
    if (made == NULL)
        return false;
    *made = b->x;
    pthread_rwlock_wrlock(&v->lock);
    if (v->generation == b->generation) {
        wf_vectors__drop_index(v);
        v->index = made;
        for (size_t i = 0; i < made->n_rows; i++) { /* taken away since they were copied */
            if (v->segments[i / WF_SEGMENT_ROWS].chunks[i % WF_SEGMENT_ROWS] < 0)
                wf_vectors_index_remove(made, i, v->dim);
        }
        made = NULL; /* taken */
        b->x = (struct wf_vectors_index){.n_lists = 0};
    }
    pthread_rwlock_unlock(&v->lock);
    bool is_taken = made == NULL;
    wf_free(made);
    return is_taken;
}

bool wf_vectors_make_index(struct wf_vectors *v, bool (*stops)(void *ud), void *ud)
{
    struct build b = {.v = v, .stops = stops, .ud = ud};
    if (!begin(&b))
        return false;
    bool goes_on = make_room(&b) && read_sample(&b);
    for (int round = 0; goes_on && round < ROUNDS; round++)
        goes_on = move_centres(&b);
    goes_on = goes_on && make_lists(&b) && copy_all(&b) && install(&b);
    pthread_rwlock_wrlock(&v->lock);
    v->is_indexing = false;
    pthread_rwlock_unlock(&v->lock);
    wf_vectors_index_deinit(&b.x);
    wf_free(b.sample);
    wf_free(b.batch);
    wf_free(b.sums);
    wf_free(b.dots);
    wf_free(b.lists);
    return goes_on;
}

void wf_vectors__drop_index(struct wf_vectors *v)
{
    if (v->index != NULL)
        wf_vectors_index_deinit(v->index);
    wf_free(v->index);
    v->index = NULL;
}

/* ---- choosing lists ---- */

struct choice {
    float value;
    uint32_t list;
};

static int compare(const void *pa, const void *pb)
{
    const struct choice *a = pa, *b = pb;
    if (a->value < b->value || a->value > b->value)
        return a->value > b->value ? -1 : 1;
    return a->list < b->list ? -1 : 1;
}

size_t wf_vectors_index_choose(const struct wf_vectors_index *x, const int8_t *question, size_t dim,
                               uint32_t *out, size_t n_max)
{
    int32_t *dots = wf_alloc_array(x->n_lists, sizeof *dots);
    struct choice *all = wf_alloc_array(x->n_lists, sizeof *all);
    size_t n = 0;
    if (dots != NULL && all != NULL) {
        n = WF_MIN(x->n_lists, n_max);
        wf_kern()->dot_i8(question, x->centres, x->n_lists, dim, dots);
        for (uint32_t i = 0; i < x->n_lists; i++)
            all[i] = (struct choice){(float)dots[i] * x->scales[i], i};
        qsort(all, x->n_lists, sizeof *all, compare);
        for (size_t i = 0; i < n; i++)
            out[i] = all[i].list;
    }
    wf_free(dots);
    wf_free(all);
    return n;
}
