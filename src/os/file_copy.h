/* File copy: a second name for a file's bytes, at the least cost that the file system allows.
 *
 * Thread rule: any. */
#ifndef WF_OS_FILE_COPY_H
#define WF_OS_FILE_COPY_H

#include <stdint.h>

#include "base/err.h"

enum wf_file_copied {
    WF_FILE_LINKED, /* one more name of the same file: a change of one is a change of both */
    WF_FILE_CLONED, /* shared until one of them changes */
    WF_FILE_COPIED,
};

/* Told while bytes are copied; another result than 0 ends it with CANCELED. */
typedef int (*wf_file_progress_fn)(void *ud, uint64_t n_done, uint64_t n_all);

/* Makes `to`, which must not exist, a file with the bytes of the regular file `from` (a symbolic
 * link is followed): as a hard link, else as a reflink, else by copying. Not durable before it is
 * synced. progress may be NULL; out_how may be NULL. Errors: NOENT, INVAL (`from` is no regular
 * file), EXIST, DENIED, IO, FULL, NOMEM, CANCELED; `to` is then not there. */
int wf_file_link_or_copy(const char *from, const char *to, wf_file_progress_fn progress, void *ud,
                         enum wf_file_copied *out_how, struct wf_err *err) WF_MUST_USE;

/* Only the last two ways. Errors: the same. */
int wf_file_clone_or_copy(const char *from, const char *to, wf_file_progress_fn progress, void *ud,
                          enum wf_file_copied *out_how, struct wf_err *err) WF_MUST_USE;

#endif
