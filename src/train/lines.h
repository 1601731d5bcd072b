/* Lines: the lines of a text file, packed (xz, gzip, bzip2, zstd) or plain, one after the other.
 *
 * Streams: memory is one line and one block. Errors name the file and the line. Lines end with "\n"
 * or "\r\n", which is not part of them; a byte order mark in front is dropped. Threads: owner. */
#ifndef WF_TRAIN_LINES_H
#define WF_TRAIN_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct wf_lines;

/* Opens a file. *out is owned by the caller until wf_lines_close. Errors: NOENT, IO, FORMAT
 * (packed, and damaged at its begin), NOMEM. */
int wf_lines_open(const char *path, struct wf_lines **out, struct wf_err *err) WF_MUST_USE;
/* The same of bytes in memory, which must outlive it; `name` is for messages. */
int wf_lines_open_bytes(const char *name, struct wf_str bytes, struct wf_lines **out,
                        struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_lines_close(struct wf_lines *l);

/* The next line, valid until the next call; *out_is_end (and no line) behind the last. Errors: IO,
 * FORMAT (damaged), LIMIT (a line above WF_LIMIT_CORPUS_LINE_BYTES), NOMEM. */
int wf_lines_next(struct wf_lines *l, struct wf_str *out, bool *out_is_end,
                  struct wf_err *err) WF_MUST_USE;

/* The number of the line that came last, from 1. */
uint64_t wf_lines_number(const struct wf_lines *l);
/* Fills err with "FILE:LINE: text" and returns code. */
int wf_lines_fail(const struct wf_lines *l, int code, struct wf_err *err, const char *fmt, ...)
    WF_PRINTF(4, 5);

#endif
