/* What meaning.c and meaning_work.c share. */
#ifndef WF_FIND_MEANING_INTERNAL_H
#define WF_FIND_MEANING_INTERNAL_H

#include <pthread.h>

#include "find/meaning.h"

struct wf_meaning {
    struct wf_meaning_options o;
    struct wf_fuse_weights weights; /* of the options, where they have some */
    struct wf_vectors *vectors;
    pthread_t thread;

    pthread_mutex_t identify_lock; /* held while the embedder says which it is; taken before lock */

    pthread_mutex_t lock; /* guards what follows; nothing is called while it is held */
    pthread_cond_t cond;  /* any of it changed */
    char lens[WF_VECTOR_LENS_BYTES_MAX + 1]; /* with the recipe; empty: not identified */
    size_t dim;
    bool is_started, stop;
    uint64_t n_pokes, n_looked; /* pokes, and how many had come when all was looked at */
    enum wf_meaning_state state;
    struct wf_err why;
    uint64_t n_embedded; /* counted, and since */
    bool is_counted;
    uint64_t n_removals; /* when it was counted */
};

/* Asks the embedder which it is, once; then m->lens and m->dim stay. Errors: the embedder's. */
int wf_meaning__identify(struct wf_meaning *m, struct wf_err *err) WF_MUST_USE;

/* Counts the chunks that have vectors, unless that was done since the last removal. Identified
 * before. Errors: those of the store. */
int wf_meaning__count(struct wf_meaning *m, struct wf_err *err) WF_MUST_USE;

/* The background thread. */
void *wf_meaning__work(void *ud);

#endif
