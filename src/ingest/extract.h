/* Extract: runs a parser of outside bytes in a locked-down process of its own.
 *
 * A *spawner* process (made before anything is parsed, holds nothing) forks one worker a document:
 * the worker gets the document's descriptor and a pipe, locks itself down (sandbox.h), parses and
 * writes an extract stream (stream.h). A worker of plain text may serve several documents, since
 * only code of ours reads them there. The core never sees a path it could open, the worker sees
 * no path at all: `name` is for recognising the format only. */
#ifndef WF_INGEST_EXTRACT_H
#define WF_INGEST_EXTRACT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct wf_extract_limits {
    uint64_t memory_bytes_max; /* 0 = WF_LIMIT_EXTRACT_BYTES */
    uint32_t time_s_max;       /* 0 = WF_LIMIT_EXTRACT_S; wall clock, and processor time */
    bool unsandboxed;          /* tests under an emulator only */
};

/* Forks the spawner; *out_fd is the socket to it (WF extract client below), *out_pid its process.
 * Call before threads exist. The spawner ends when the socket is closed. Thread: init.
 * Errors: WF_E_IO. */
int wf_extract_spawn(const struct wf_extract_limits *limits, int *out_fd, int *out_pid,
                     struct wf_err *err) WF_MUST_USE;

struct wf_extract_client;

/* A client of the spawner at `fd` (taken over). Thread: any. */
int wf_extract_client_new(int fd, struct wf_extract_client **out, struct wf_err *err) WF_MUST_USE;
void wf_extract_client_free(struct wf_extract_client *c);

struct wf_extract_job;

/* Starts one extraction: doc_fd (borrowed; a regular file or memfd, read from offset 0) is handed
 * to a worker, `name` is the file's name (its extension is one hint among others).
 * *out_pipe_fd gives the stream until end of file (owned by the job). Thread: any. Errors:
 * WF_E_CRASHED (the spawner is gone), WF_E_NOMEM. */
int wf_extract_start(struct wf_extract_client *c, int doc_fd, const char *name,
                     struct wf_extract_job **out, int *out_pipe_fd, struct wf_err *err) WF_MUST_USE;

/* After the pipe's end of file: waits for how the worker ended and frees the job. 0 when it exited
 * by itself. WF_E_CRASHED, WF_E_TIMEOUT, WF_E_LIMIT (memory), each with a sentence. `cancel`
 * kills a worker that still runs (WF_E_CANCELED). Thread: the one that started it. */
int wf_extract_finish(struct wf_extract_job *job, bool cancel, struct wf_err *err) WF_MUST_USE;

#endif
