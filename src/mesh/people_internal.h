/* Inside people: what its files share. Only people*.c include this. */
#ifndef WF_MESH_PEOPLE_INTERNAL_H
#define WF_MESH_PEOPLE_INTERNAL_H

#include <sqlite3.h>

#include "mesh/people.h"

/* Charters of one space, ascending. */
struct wf_people__charters {
    struct wf_charter *at; /* owned */
    size_t n, cap;
};

/* Appends those that a statement gives (bytes), which is reset. Errors: CORRUPT, NOMEM. */
int wf_people__each_charter(sqlite3_stmt *st, struct wf_people__charters *out,
                            struct wf_err *err) WF_MUST_USE;
/* What they come to; version 0: there are none. */
int wf_people__resolve(const struct wf_people__charters *all, struct wf_charter *out,
                       bool *out_forked, struct wf_err *err) WF_MUST_USE;

uint32_t wf_people__epoch(const struct wf_charter *c, uint64_t sum_of_lists);

#endif
