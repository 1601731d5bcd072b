/* A shelf in memory, for tests and the simulator: it can be told to fail, to lose its end (an old
 * copy put back), and to hold back. Thread rule: owner. */
#ifndef WF_TESTS_SHELF_MEMORY_H
#define WF_TESTS_SHELF_MEMORY_H

#include "mesh/shelf.h"

struct shelf_batch {
    struct wf_batch b; /* bytes are owned */
};

struct shelf_memory {
    struct shelf_batch *at;
    size_t n, cap;
    size_t fail_at;  /* the append from now that fails with FULL; 0: none */
    bool holds_back; /* reading gives nothing */
};

void shelf_memory_shelf(struct shelf_memory *m, struct wf_shelf *out);
/* The last batch of a log; NULL: none. */
const struct wf_batch *shelf_memory_last(const struct shelf_memory *m,
                                         const struct wf_sync_log *log);
/* Forgets a log's batches behind a number. */
void shelf_memory_cut(struct shelf_memory *m, const struct wf_sync_log *log, uint64_t last);
void shelf_memory_free(struct shelf_memory *m);

#endif
