/* The process-wide lens: one open file (model/lens.h), some threads, and batches out of what all
 * callers ask.
 *
 * Nothing is loaded and no thread is started before the first question. Each thread has a runner of
 * its own; whatever waits is packed into its next batch without padding: many short texts of many
 * callers, or windows of one long one. What a text gets does not depend on who asks beside it.
 * Without a file, or switched off, every question is answered UNSUPPORTED with a sentence, so that
 * callers go on by words alone. Threads: any; a question has one owner. */
#ifndef WF_ENGINE_LENS_H
#define WF_ENGINE_LENS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "model/lens.h"

struct wf_lens_pool;
struct wf_lens_use; /* one question that was put */

struct wf_lens_pool_options {
    const char *path; /* of the file; copied; NULL: there is none */
    bool is_off;      /* by the setting: nothing is ever loaded */
    size_t n_threads; /* at most WF_LENS_THREADS_MAX; 0: as processors, and as few megabytes of
                         buffers, allow */
};

#define WF_LENS_THREADS_MAX 8

/* A pool, not loaded yet. *out is owned by the caller. Errors: NOMEM. */
int wf_lens_pool_new(const struct wf_lens_pool_options *o, struct wf_lens_pool **out,
                     struct wf_err *err) WF_MUST_USE;
/* All questions must be answered or dropped. NULL is a no-op. */
void wf_lens_pool_free(struct wf_lens_pool *p);

/* The open lens, loaded where needed; borrowed until the pool is freed. Errors: UNSUPPORTED (no
 * file, switched off), those of wf_lens_open. A failure stays: it is said again, not tried again.
 */
int wf_lens_pool_lens(struct wf_lens_pool *p, const struct wf_lens **out,
                      struct wf_err *err) WF_MUST_USE;

/* Puts a question: its texts are borrowed until it is answered. *out must be given to
 * wf_lens_pool_answer or wf_lens_pool_drop. Errors: those of wf_lens_pool_lens and
 * wf_lens_job_new; BUSY, NOMEM (threads could not be started). */
int wf_lens_pool_ask(struct wf_lens_pool *p, const struct wf_lens_ask *ask,
                     struct wf_lens_use **out, struct wf_err *err) WF_MUST_USE;

/* Waits for the answer, and ends the question. *out is owned by the caller, until
 * wf_lens_answer_deinit. Errors: NOMEM. */
int wf_lens_pool_answer(struct wf_lens_use *u, struct wf_lens_answer *out,
                        struct wf_err *err) WF_MUST_USE;
/* Ends a question that nobody waits for any more. NULL is a no-op. */
void wf_lens_pool_drop(struct wf_lens_use *u);

/* The answers to n questions: out [n], each to be deinitialised; none on errors. Errors: as
 * wf_lens_pool_ask, with the number of the text in front where there are several. */
int wf_lens_pool_run(struct wf_lens_pool *p, const struct wf_lens_ask *asks, size_t n,
                     struct wf_lens_answer *out, struct wf_err *err) WF_MUST_USE;

/* Bytes of the file, and of memory beside it (buffers, threads' runners); 0 until it is loaded. */
void wf_lens_pool_sizes(struct wf_lens_pool *p, size_t *out_file, size_t *out_memory);

#endif
