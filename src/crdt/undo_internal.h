/* Undo managers: what steps are made of, shared by undo.c and undo_redo.c. Thread rule: owner. */
#ifndef WF_CRDT_UNDO_INTERNAL_H
#define WF_CRDT_UNDO_INTERNAL_H

#include "crdt/crdt_internal.h"
#include "crdt/undo.h"

struct wf_crdt_step {
    struct wf_crdt_ranges inserted, deleted;
};
struct wf_crdt_steps {
    struct wf_crdt_step *at;
    size_t n, cap;
};
struct wf_crdt_undo {
    struct wf_crdt *d;
    struct wf_crdt_undo *next; /* of the same document */
    uint64_t *scope;           /* types; NULL = all */
    size_t n_scope;
    struct wf_crdt_steps undo, redo;
    uint32_t capture_ms;
    const struct wf_clock *clock;
    int64_t last_ns; /* of the last change; 0 = the next one begins a step */
    bool undoing, redoing, paused;
};

/* True when an item lies within what is watched. */
bool wf_crdt__undo_watches(const struct wf_crdt_undo *u, const struct wf_crdt_item *it);
bool wf_crdt__ranges_have(const struct wf_crdt_ranges *r, uint32_t client, uint32_t clock);
/* Marks an item and all that holds it as kept, or not. */
void wf_crdt__keep(struct wf_crdt *d, uint32_t i, bool keep);
/* The next item of a range from *io_clock on, cut to it; 0 at its end. */
int wf_crdt__range_next(struct wf_crdt *d, const struct wf_crdt_range *r, uint32_t *io_clock,
                        uint32_t *out);
/* The item that a deleted one came back as, in *out; 0 when it did not. */
int wf_crdt__redone(struct wf_crdt *d, uint32_t i, uint32_t *out);
/* Does one step backwards, in the open transaction; true in *out_did when something changed. */
int wf_crdt__step_back(struct wf_crdt_undo *u, const struct wf_crdt_step *step, bool *out_did);

#endif
