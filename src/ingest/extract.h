/* Extract: runs a parser of outside bytes in a locked-down process of its own.
 *
 * A *spawner* process (made before anything is parsed, holds nothing, reads no document and no
 * name) forks workers and hands the core a socket to each. A worker locks itself down (sandbox.h)
 * before it gets its first document: the document's descriptor and name, nothing else; it answers
 * with an extract stream (stream.h). Formats that only code of ours reads share a worker, which
 * serves many documents in turn and also recognises the format of all others; those get a worker
 * of their own, of the kind that their row asks for (format.h). Nobody here sees a path it could
 * open: `name` is for recognising the format only.
 *
 *     core: wf_extract_run -> (idle shared worker, or "fork one" -> spawner) -> document
 *        <- frames ... E or Z             (plain text and the like: done, the worker stays)
 *        <- "needs a worker for row k"    -> "fork one for row k" -> spawner -> document
 *        <- frames ... E or Z, the worker ends */
#ifndef WF_INGEST_EXTRACT_H
#define WF_INGEST_EXTRACT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "ingest/stream.h"

struct wf_extract_limits {
    uint64_t memory_bytes_max; /* 0 = WF_LIMIT_EXTRACT_BYTES */
    uint32_t time_s_max;       /* 0 = WF_LIMIT_EXTRACT_S; the time that the core waits for the
                                  worker (not the worker for the core), and processor time */
    bool unsandboxed;          /* tests under an emulator only */
};

/* Forks the spawner; *out_fd is the socket to it, for one wf_extract_client; *out_pid its process.
 * Call before threads exist. The spawner ends, and all workers with it, when the socket is closed.
 * Thread: init. Errors: WF_E_IO. */
int wf_extract_spawn(const struct wf_extract_limits *limits, int *out_fd, int *out_pid,
                     struct wf_err *err) WF_MUST_USE;

struct wf_extract_client;

/* A client of the spawner at `fd` (taken over); limits as for wf_extract_spawn (NULL = defaults).
 * Thread: any. Errors: WF_E_NOMEM. */
int wf_extract_client_new(int fd, const struct wf_extract_limits *limits,
                          struct wf_extract_client **out, struct wf_err *err) WF_MUST_USE;
/* No run may be under way. NULL is a no-op. */
void wf_extract_client_free(struct wf_extract_client *c);

/* Extracts one document: doc_fd (borrowed; a regular file or memfd, read from offset 0 without
 * moving it) goes to a worker; fn(ud, frame) is called for every checked frame of its stream but
 * the last. Blocks until the document is done; as many threads as like may run at the same time,
 * each has a worker of its own.
 *
 * 0: the stream ended well. Otherwise what fn returned (the worker is killed), or
 * - the parser's own refusal, with its sentence: WF_E_FORMAT, WF_E_ENCRYPTED, WF_E_UNSUPPORTED, ...
 * - WF_E_TIMEOUT, WF_E_LIMIT (memory, text), WF_E_CRASHED (a signal; or a stream that is malformed)
 * - WF_E_IO: the spawner is gone; no further document can be extracted. WF_E_NOMEM.
 * Whatever fn took in before a failure is to be thrown away. Thread: any. */
int wf_extract_run(struct wf_extract_client *c, int doc_fd, const char *name, wf_stream_fn fn,
                   void *ud, struct wf_err *err) WF_MUST_USE;

#endif
