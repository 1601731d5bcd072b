/* What vectors.c and vectors_scan.c share. */
#ifndef WF_FIND_VECTORS_INTERNAL_H
#define WF_FIND_VECTORS_INTERNAL_H

#include <pthread.h>

#include "find/vectors.h"
#include "find/vectors_index.h"
#include "os/gang.h"

/* Rows of a segment: 4 MB at 256 values. The last one begins small and doubles. */
#define WF_SEGMENT_ROWS 16384

struct wf_segment {
    int8_t *rows; /* [room, dim] */
    float *scales;
    int64_t *chunks; /* ascending over all segments; negative: a hole, whose row is zero */
    size_t n, room;
};

struct wf_vectors {
    struct wf_store *store;
    char lens[WF_VECTOR_LENS_BYTES_MAX + 1];
    size_t dim;
    size_t n_threads;

    /* Guards the rest but the gang. The turn of writing may be held when it is taken, never the
     * other way round. */
    pthread_rwlock_t lock;
    struct wf_segment *segments;
    size_t n_segments, n_segments_room;
    size_t n_rows, n_holes; /* n_holes of the n_rows */
    uint64_t n_removals;
    bool is_loaded;                 /* false: rows are to be read (again) */
    struct wf_vectors_index *index; /* of the first rows; NULL: none */
    size_t index_rows;              /* the least that is worth one */
    uint64_t generation;            /* changes when rows move */
    bool is_indexing;               /* one is being made */

    pthread_mutex_t gang_lock; /* a search that does not get it works alone */
    struct wf_gang *gang;      /* made when it is first worth it */
};

/* x = about out * scale. Returns the scale. */
float wf_vector__quantise(const float *x, size_t dim, int8_t *out);

/* Without an index, under the lock for writing. */
void wf_vectors__drop_index(struct wf_vectors *v);

/* The number of rows whose chunk is below `chunk`. */
size_t wf_vectors__lower(const struct wf_vectors *v, int64_t chunk);

/* wf_vectors_search on loaded rows, under the lock. */
int wf_vectors__scan(struct wf_vectors *v, const float *question,
                     const struct wf_chunk_range *ranges, size_t n_ranges, size_t k,
                     struct wf_near *out, size_t *out_n, struct wf_err *err) WF_MUST_USE;

#endif
