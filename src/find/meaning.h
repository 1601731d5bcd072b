/* Meaning: the vector side of search. Gives every chunk a vector in the background, and finds the
 * chunks that are near to a question.
 *
 * A thread looks for documents without vectors of the present lens (new ones, or all when the lens
 * has changed) and embeds some dozen chunks at a time, one transaction each time, so that a crash
 * loses some dozen. It waits while others work. Everything goes on by words alone when there is no
 * lens, or when it fails. Thread rule: any, but where it says otherwise. */
#ifndef WF_FIND_MEANING_H
#define WF_FIND_MEANING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "find/embedder.h"
#include "find/vectors.h"
#include "store/store.h"

struct wf_meaning;

struct wf_meaning_options {
    struct wf_store *store; /* borrowed, all of them */
    struct wf_embedder embedder;
    bool (*is_busy)(void *ud); /* others work now: the thread waits; NULL: never */
    void *busy_ud;
    uint32_t n_chunks_at_once; /* of one transaction; 0: the default */
    size_t n_judged;           /* texts that the lens reads with a question; 0: none */
    int64_t judged_ms;         /* begins no more of them after so long; 0: the default */
    const struct wf_fuse_weights *weights; /* instead of the embedder's; copied; NULL: those */
};

/* Makes it; nothing is loaded and no thread started yet. Becomes the store's listener of removals.
 * Errors: NOMEM. Thread: while no other uses the store. */
int wf_meaning_new(const struct wf_meaning_options *o, struct wf_meaning **out,
                   struct wf_err *err) WF_MUST_USE;
/* wf_meaning_stop, frees. NULL is a no-op. Thread: while no other uses it or the store. */
void wf_meaning_free(struct wf_meaning *m);

/* Starts the background thread unless it was started or stopped. Errors: those of pthread_create.
 */
int wf_meaning_start(struct wf_meaning *m, struct wf_err *err) WF_MUST_USE;

/* Ends the thread after what it has in hand, for good; the rest goes on. */
void wf_meaning_stop(struct wf_meaning *m);

/* Documents were added: the thread looks again. */
void wf_meaning_poke(struct wf_meaning *m);

/* Waits until the thread has found nothing more to do, or cannot go on. False: that took longer. */
bool wf_meaning_wait(struct wf_meaning *m, uint32_t timeout_ms);

enum wf_meaning_state {
    WF_MEANING_IDLE, /* every chunk has a vector, as far as is known; or nothing was begun */
    WF_MEANING_WORKING,
    WF_MEANING_PAUSED, /* others work */
    WF_MEANING_ABSENT, /* there is no lens, or it is switched off */
    WF_MEANING_FAILED, /* the last attempt failed; tried again */
};

struct wf_meaning_status {
    enum wf_meaning_state state;
    uint64_t n_embedded;                     /* chunks that have a vector */
    uint64_t n_memory;                       /* bytes of vectors in memory */
    char lens[WF_VECTOR_LENS_BYTES_MAX + 1]; /* empty: not loaded yet, or absent */
    char why[160];                           /* of ABSENT and FAILED: a sentence */
};
/* How far it is. */
void wf_meaning_status(struct wf_meaning *m, struct wf_meaning_status *out);
/* "idle", "working", "paused", "absent", "failed". Static storage. */
const char *wf_meaning_state_name(enum wf_meaning_state s);

/* A question's vector, made once and used for all that follows. */
struct wf_meant {
    size_t dim; /* 0: none */
    float vector[WF_VECTOR_DIM_MAX];
};

/* The vector of `question` (valid UTF-8). Errors: UNSUPPORTED (no lens), those of the embedder. */
int wf_meaning_question(struct wf_meaning *m, struct wf_str question, struct wf_meant *out,
                        struct wf_err *err) WF_MUST_USE;

/* As wf_vectors_search and wf_vectors_compare, for a question's vector. */
int wf_meaning_search(struct wf_meaning *m, const struct wf_meant *q,
                      const struct wf_chunk_range *ranges, size_t n_ranges, size_t k,
                      struct wf_near *out, size_t *out_n, struct wf_err *err) WF_MUST_USE;
void wf_meaning_compare(struct wf_meaning *m, const struct wf_meant *q, struct wf_near *io,
                        size_t n, float none);

/* How many texts are read with a question, and for how long at most. */
void wf_meaning_judged(const struct wf_meaning *m, size_t *out_n, int64_t *out_limit_ms);

/* Reads n texts (valid UTF-8) with the question, into out [n]. Errors: UNSUPPORTED (it cannot),
 * those of the embedder. */
int wf_meaning_judge(struct wf_meaning *m, struct wf_str question, const struct wf_str *texts,
                     size_t n, struct wf_evidence *out, struct wf_err *err) WF_MUST_USE;

/* What vectors and judgements count beside words. After wf_meaning_question. */
void wf_meaning_weights(const struct wf_meaning *m, struct wf_fuse_weights *out);

/* What of a chunk is embedded: the one place that decides it. Appends to `out`; WF_E_NOMEM and
 * WF_E_LIMIT stay in it. Changing this needs another WF_MEANING_RECIPE. */
#define WF_MEANING_RECIPE "1"
void wf_meaning_passage(struct wf_str title, struct wf_str heading, struct wf_str text,
                        struct wf_buf *out);

#endif
