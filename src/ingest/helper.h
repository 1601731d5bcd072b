/* Helper: runs one of poppler's programs on the document, from inside an extract worker.
 *
 * The program gets the document as its standard input and answers on a pipe; it runs under the
 * worker's own lock-down, cannot make further processes, and dies with the worker. Thread: owner.
 */
#ifndef WF_INGEST_HELPER_H
#define WF_INGEST_HELPER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* The rows' read_dirs and exec_dirs for poppler's programs. */
extern const char *const wf_helper_read_dirs[];
extern const char *const wf_helper_exec_dirs[];

#define WF_HELPER_ARGS_MAX 16

struct wf_helper {
    int _pid;
    int _out, _err;         /* pipes; -1 = closed */
    struct wf_buf messages; /* what it wrote to its standard error, the beginning */
};

/* Starts `program` ("pdftotext") with NULL-terminated args (without its name). doc_fd (borrowed)
 * becomes its standard input. Errors: WF_E_NOENT (not installed), WF_E_IO. */
int wf_helper_start(struct wf_helper *h, const char *program, const char *const *args, int doc_fd,
                    struct wf_err *err) WF_MUST_USE;
/* Up to n bytes of its answer; *out_n is 0 at the end only. Errors: WF_E_IO. */
int wf_helper_read(struct wf_helper *h, void *p, size_t n, size_t *out_n,
                   struct wf_err *err) WF_MUST_USE;
/* Closes the pipes (the program dies when it goes on writing) and waits for it. Its exit status, or
 * 128 + the signal that ended it. Call once for every start that went well; messages stay until
 * deinit. */
int wf_helper_end(struct wf_helper *h);
void wf_helper_deinit(struct wf_helper *h);

#endif
