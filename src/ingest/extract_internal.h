/* What spawner, worker and client of extraction say to each other. For src/ingest/extract*.c only.
 *
 * Client and spawner exchange packets, one answer a request:
 *
 * | request | payload | answer |
 * |---|---|---|
 * | fork | u8 'F', u32 row (WF_EXTRACT_SHARED = a shared worker) | u32 worker, the socket to it |
 * | how did it end | u8 'S', u32 worker, u8 kill | u32 kind, u32 number, u64 peak bytes |
 * | failure of either | | u8 0 |
 *
 * Client to worker: u8 0 and the document's name, with its descriptor, in one piece.
 * Worker to client: an extract stream; or, from a shared worker, u8 WF_EXTRACT_NEEDS and u8 row:
 * the document needs a worker of its own for that row. */
#ifndef WF_INGEST_EXTRACT_INTERNAL_H
#define WF_INGEST_EXTRACT_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "ingest/extract.h"
#include "ingest/format.h"

#define WF_EXTRACT_SHARED UINT32_MAX
#define WF_EXTRACT_NEEDS 'N'
#define WF_EXTRACT_FORK 'F'
#define WF_EXTRACT_STATUS 'S'
/* A name longer than the kernel's file names tells no more about the format. */
#define WF_EXTRACT_NAME_BYTES 255
/* A shared worker is replaced after so many documents, whatever may have gathered in it. */
#define WF_EXTRACT_WORKER_DOCUMENTS 2000

enum wf_extract_end {
    WF_EXTRACT_END_EXIT,   /* number: exit status */
    WF_EXTRACT_END_SIGNAL, /* number: signal */
};

/* The spawner's life: answers requests on `fd` until its end of file. */
WF_NORETURN void wf_extract__spawner(int fd, const struct wf_extract_limits *limits);

/* A worker's life, in the process just forked: locks itself down, then serves documents that come
 * over `fd`. row: what it parses; NULL = a shared worker. */
WF_NORETURN void wf_extract__worker(int fd, const struct wf_format *row,
                                    const struct wf_extract_limits *limits);

/* A connected pair of local sockets: of packets, or a stream. WF_E_IO. */
int wf_extract__pair(bool packets, int out_fds[2]) WF_MUST_USE;

/* Sends n > 0 bytes in one piece, with a descriptor unless pass_fd is -1. WF_E_IO. */
int wf_extract__send(int fd, const void *p, size_t n, int pass_fd) WF_MUST_USE;

/* Receives one message of at most n_max bytes; *out_n 0: the peer closed. The descriptor that came
 * with it, or -1, goes into *out_fd (NULL: none may come); it must be a local socket, or with
 * want_socket false none. WF_E_IO. */
int wf_extract__recv(int fd, void *p, size_t n_max, size_t *out_n, bool want_socket,
                     int *out_fd) WF_MUST_USE;

/* Common to both, right after the fork: only stdin, stdout, stderr (as /dev/null) and `fd` stay
 * open; dies with its parent. Returns the new number of `fd`, or
 * -1 when the parent is gone already. */
int wf_extract__isolate(int fd, int parent_pid);

#endif
