/* Shelf: where batches lie, own and others', as the syncer sees it: a small table, so that a
 * database, memory in tests, or a clustered log can stand behind it (DESIGN.md). What lies in it
 * is checked by whoever puts it there: the syncer does (form, signature, place in its log).
 *
 * Thread rule: that of the syncer which uses it, unless an implementation says more. */
#ifndef WF_MESH_SHELF_H
#define WF_MESH_SHELF_H

#include <stdint.h>

#include "mesh/batch.h"
#include "mesh/sync_message.h"

/* One log's end, and one of its batches: views, valid during the call. Non-zero ends the walk and
 * is returned. */
typedef int (*wf_shelf_head_fn)(void *ud, const struct wf_sync_head *head, struct wf_err *err);
typedef int (*wf_shelf_batch_fn)(void *ud, uint64_t number, struct wf_str bytes,
                                 struct wf_err *err);

struct wf_shelf {
    void *ud;
    /* Appends batches that were checked, in their order (one that begins may leave out numbers
     * before it), in one go: when it returns 0 all of which out_rcs says 0 are durable. out_rcs[i]
     * of others: EXIST, RANGE, CORRUPT as store/batch_log.h says. */
    int (*append)(void *ud, const struct wf_batch *batches, size_t n, int *out_rcs,
                  struct wf_err *err);
    /* All logs that have batches, or had. */
    int (*heads)(void *ud, wf_shelf_head_fn fn, void *fn_ud, struct wf_err *err);
    /* A log's batches from a number on, at least one where there is one, until bytes_max. */
    int (*read)(void *ud, const struct wf_sync_log *log, uint64_t from, size_t bytes_max,
                wf_shelf_batch_fn fn, void *fn_ud, struct wf_err *err);
    /* Forgets a log's batches up to a number. */
    int (*trim)(void *ud, const struct wf_sync_log *log, uint64_t upto, struct wf_err *err);
};

/* One in a store, which is borrowed: thread any. */
struct wf_store;
void wf_shelf_of_store(struct wf_store *s, struct wf_shelf *out);

#endif
