/* Add: the dialogue that hands files to the core, as descriptors, and hears what became of them.
 *
 *   -> {"op":"add","params":{"space":"me","retry":false}}
 *   -> {"stat":[[path, bytes, mtime_ns, ino, dev], ...]}     at most WF_ADD_BATCH of them
 *   <- {"need":[index, ...],"failed":[[index, reason], ...]} indexes into that batch; the others
 * are unchanged, the failed ones since then
 *   -> {"file":[path, bytes, mtime_ns, ino, dev],"id":n}     with the descriptor
 *   <- {"progress":{"id":n,"done":x,"all":y}}                now and then
 *   <- {"done":{"id":n,"status":"added"|"unchanged"|"failed","reason":...,"document":...}}
 *   -> {"end":true}
 *   <- {"result":{}}                                         after the last "done"
 *
 * "done" comes only when the document is durable. At most WF_ADD_WINDOW files are under way.
 * Thread rule: owner. */
#ifndef WF_DAEMON_ADD_H
#define WF_DAEMON_ADD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "daemon/client.h"
#include "daemon/walk.h"

#define WF_ADD_BATCH 256
/* More than a commit takes along, or its company would always be waited for in vain. */
#define WF_ADD_WINDOW 1024
/* From so many files on, also by their bytes. */
#define WF_ADD_WINDOW_LEAST 32
#define WF_ADD_WINDOW_BYTES ((uint64_t)48 << 20)
/* Of paths in one batch. */
#define WF_ADD_BATCH_BYTES ((size_t)48 << 10)

struct wf_add_progress {
    size_t n_done, n_all; /* files, the unchanged ones included */
    uint64_t bytes_done, bytes_all;
    const char *path;   /* the file this is about; NULL for a batch of unchanged ones */
    const char *status; /* "added", "unchanged", "failed"; NULL: still at work */
    const char *reason; /* of "failed" */
};

typedef void (*wf_add_fn)(void *ud, const struct wf_add_progress *p);

struct wf_add_result {
    size_t n_added, n_unchanged, n_failed;
};

struct wf_add_options {
    const char *space; /* NULL = "me" */
    bool retry;        /* read again what failed before, though it has not changed */
    wf_add_fn fn;      /* may be NULL */
    void *ud;
    const volatile int *stop; /* becomes non-zero: send no more, wait for what is under way */
};

/* Hands over the files of `w` (its failures are the caller's to report). A file that cannot be
 * opened or is refused by the core is a failure told to fn, not an error. */
int wf_add_files(struct wf_client *c, const struct wf_walk *w, const struct wf_add_options *o,
                 struct wf_add_result *out, struct wf_err *err) WF_MUST_USE;

#endif
