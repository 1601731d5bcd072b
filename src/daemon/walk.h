/* Walk: which regular files stand below the paths that a person named.
 *
 * Inside folders hidden names and symbolic links are passed over (a link named as an argument is
 * followed), and so is the home of weft itself. Thread rule: owner. */
#ifndef WF_DAEMON_WALK_H
#define WF_DAEMON_WALK_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct wf_walk_file {
    const char *path; /* absolute */
    uint64_t bytes;
    int64_t mtime_ns;
    uint64_t ino, dev;
};

struct wf_walk_failure {
    const char *path;
    const char *reason;
};

struct wf_walk {
    struct wf_arena _arena;
    struct wf_walk_file *files;
    size_t n_files;
    size_t _files_cap;
    struct wf_walk_failure *failures; /* paths that are missing, or may not be read */
    size_t n_failures;
    size_t _failures_cap;
    uint64_t bytes;   /* of all files */
    const char *skip; /* absolute path of a folder to pass over, or NULL; borrowed */
};

/* An empty list; `skip` as above. Allocates nothing; deinit frees all and may be called twice. */
void wf_walk_init(struct wf_walk *w, const char *skip);
void wf_walk_deinit(struct wf_walk *w);

/* `path` made absolute as a text: against the current folder, without ".", ".." and doubled
 * slashes. Links are not resolved. NULL out of memory or over WF_LIMIT_PATH_BYTES. */
char *wf_walk_absolute(struct wf_arena *a, const char *path) WF_MUST_USE;

/* Collects the file, or all files below the folder, in the order of their names. What cannot be
 * read becomes a failure, not an error. Errors: WF_E_NOMEM. */
int wf_walk_add(struct wf_walk *w, const char *path, struct wf_err *err) WF_MUST_USE;

#endif
