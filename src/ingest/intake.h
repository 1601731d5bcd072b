/* Intake: takes files in, from many callers at once, and says of each when it is durable.
 *
 * The way of a file: unchanged since last time? -> hashed and copied to a blob in one pass ->
 * content known? -> extracted by a worker process -> cut into chunks -> written, indexed, committed
 * together with others -> the caller's `done`. Threads of the intake ("lanes", one a processor and
 * one more) do all but the writing, which one thread does.
 *
 * Many files share a commit: it comes when enough text has gathered, when nothing more arrives for
 * a moment, or when somebody asks for it. `done` is called after it, once for each request that was
 * accepted, whatever happens. A document that fails leaves nothing behind.
 *
 * Memory is bounded, whatever the files are: the queue, what lanes hold, and what a large document
 * writes between two commits. One intake per store. Thread rule: any. */
#ifndef WF_INGEST_INTAKE_H
#define WF_INGEST_INTAKE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "ingest/extract.h"
#include "store/document.h"
#include "store/store.h"

enum wf_intake_outcome {
    WF_INTAKE_ADDED,     /* a new document */
    WF_INTAKE_UNCHANGED, /* the path is as it was when it was taken in */
    WF_INTAKE_KNOWN,     /* the same content is a document already; the path names it now, too */
    WF_INTAKE_FAILED,
};

/* What became of a request. Views are valid during the call. */
struct wf_intake_result {
    enum wf_intake_outcome outcome;
    struct wf_str path;    /* as in the request */
    struct wf_str uid;     /* the document's public id; empty when it failed */
    struct wf_str title;   /* only when ADDED */
    struct wf_str warning; /* only when ADDED: what could not be read; may be empty */
    uint64_t bytes;        /* of the file */
    int code;              /* WF_E_*, when it failed */
    struct wf_str reason;  /* the sentence that belongs to it */
};

enum wf_intake_phase {
    WF_INTAKE_COPYING, /* n_done, n_all: bytes of the file */
    WF_INTAKE_READING, /* n_done, n_all: pages; n_all 0 when unknown, both 0 without pages */
};

struct wf_intake_progress {
    enum wf_intake_phase phase;
    uint64_t n_done, n_all;
    uint64_t n_text_bytes; /* of text so far */
};

/* Calls come from threads of the intake, one at a time over all requests of one intake. They must
 * not call the intake, but for wf_intake_look. */
typedef void (*wf_intake_done_fn)(void *ud, const struct wf_intake_result *r);
typedef void (*wf_intake_progress_fn)(void *ud, const struct wf_intake_progress *p);

struct wf_intake_request {
    int fd;             /* taken over, if the request is accepted; read from offset 0 */
    struct wf_str path; /* where it lies, as a label: absolute; empty = none (an upload) */
    struct wf_str name; /* file name, for its format and title; empty = the path's last part */
    struct wf_source_stat stat; /* of the file, when it was opened */
    struct wf_str space;        /* name, made when missing; empty = "me" */
    struct wf_str title;        /* empty = the document's own, its first heading, or its name */
    struct wf_str label;        /* empty = the space's */
    struct wf_str uid;          /* the public id that it has elsewhere; empty = a new one */
    struct wf_str file;  /* in the data folder: linked, not copied (wf_blob_adopt); or empty */
    const uint8_t *hash; /* NULL, or what the content must have; copied */
    bool retry;          /* try again what failed before and is unchanged */
    bool commit_now;     /* do not wait for company */
    const atomic_bool *cancel; /* NULL, or a flag that ends it early; borrowed until done */
    wf_intake_done_fn done;
    wf_intake_progress_fn progress; /* may be NULL */
    void *ud;
};

struct wf_intake;

/* An intake of `s` with workers of `extract` (both borrowed until free). Errors: WF_E_NOMEM,
 * WF_E_BUSY (no threads to be had). */
int wf_intake_new(struct wf_store *s, struct wf_extract_client *extract, struct wf_intake **out,
                  struct wf_err *err) WF_MUST_USE;

/* Finishes what was accepted, commits, ends the threads. NULL is a no-op. No other call may be
 * under way. */
void wf_intake_free(struct wf_intake *in);

/* Accepts a request (strings are copied); waits while the queue is full. On failure nothing was
 * taken over and `done` is not called. Errors: WF_E_NOMEM, WF_E_CANCELED (wf_intake_cancel),
 * WF_E_INVAL. */
int wf_intake_add(struct wf_intake *in, const struct wf_intake_request *req,
                  struct wf_err *err) WF_MUST_USE;

/* Is `path` as it was? Costs one look into the database: ask before opening a file. *out_state and
 * reason as wf_source_look; `space` as in the request: in another space it is new. */
int wf_intake_look(struct wf_intake *in, struct wf_str path, const struct wf_source_stat *st,
                   struct wf_str space, struct wf_arena *arena, struct wf_source_known *out,
                   struct wf_err *err) WF_MUST_USE;

/* Commits what was accepted so far as soon as it is written, and waits until all of it is done. */
void wf_intake_flush(struct wf_intake *in);

/* Ends all requests that are not written yet, as FAILED with WF_E_CANCELED, and refuses new ones.
 */
void wf_intake_cancel(struct wf_intake *in);

/* Counters since it was made. */
struct wf_intake_stats {
    uint64_t n_added, n_unchanged, n_known, n_failed;
    uint64_t n_bytes;      /* of files that are done */
    uint64_t n_text_bytes; /* of text written */
    uint64_t n_commits;
    uint32_t n_waiting; /* accepted and not done */
};
struct wf_intake_stats wf_intake_stats(struct wf_intake *in);

#endif
