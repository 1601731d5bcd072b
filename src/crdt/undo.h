/* Undo: takes back what this copy changed, and nothing of others.
 *
 * A manager watches some types of a document. Each local transaction that changes them (or what
 * lies within) is a step; steps that follow within `capture_ms` are one. Undoing a step deletes
 * what it inserted and inserts anew what it deleted, as a transaction of its own that is told and
 * can be redone. What a step deleted is kept in memory as long as the step is. Several managers may
 * watch one document; each sees its own undoing, not the others'.
 *
 * Errors of all: WF_E_NOMEM; the document is broken then. Thread rule: owner of the document. */
#ifndef WF_CRDT_UNDO_H
#define WF_CRDT_UNDO_H

#include "base/clock.h"
#include "crdt/crdt.h"

struct wf_crdt_undo;

struct wf_crdt_undo_options {
    const uint64_t *types;        /* what is watched; borrowed for the call */
    size_t n_types;               /* 0 = the whole document */
    uint32_t capture_ms;          /* 0 = every transaction is a step */
    const struct wf_clock *clock; /* NULL = the system's; borrowed until the manager is freed */
};

/* A manager for d, in *out. It must be freed before d. Errors: also WF_E_NOENT (a type). */
int wf_crdt_undo_new(struct wf_crdt *d, const struct wf_crdt_undo_options *options,
                     struct wf_crdt_undo **out) WF_MUST_USE;

/* Frees it with its steps; NULL is a no-op. */
void wf_crdt_undo_free(struct wf_crdt_undo *u);

/* Undoes, or redoes, the last step that still changes something; *out_did (may be NULL) is false
 * when there was none. Not within a transaction: WF_E_BUSY. */
int wf_crdt_undo(struct wf_crdt_undo *u, bool *out_did) WF_MUST_USE;
int wf_crdt_redo(struct wf_crdt_undo *u, bool *out_did) WF_MUST_USE;

/* The next change begins a step of its own. */
void wf_crdt_undo_stop(struct wf_crdt_undo *u);

/* While paused, local changes are no steps: those of a program rather than the person. */
void wf_crdt_undo_pause(struct wf_crdt_undo *u, bool paused);

/* Forgets all steps. Not within a transaction: WF_E_BUSY. */
int wf_crdt_undo_clear(struct wf_crdt_undo *u) WF_MUST_USE;

/* How many steps can be undone, and redone. */
size_t wf_crdt_undo_depth(const struct wf_crdt_undo *u);
size_t wf_crdt_redo_depth(const struct wf_crdt_undo *u);

#endif
