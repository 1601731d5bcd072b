/* Mapping: a file's bytes as read-only memory.
 *
 * Pages come in when they are first read and can be dropped again at any time, so a mapping costs
 * no memory of its own. A file that another program shortens while it is mapped ends the process
 * that reads there (SIGBUS): files that weft keeps itself are replaced, never shortened. Threads:
 * any. */
#ifndef WF_OS_MAPPING_H
#define WF_OS_MAPPING_H

#include <stddef.h>

#include "base/config.h"
#include "base/err.h"

struct wf_mapping {
    const unsigned char *ptr; /* NULL for an empty file or when closed */
    size_t bytes;
};

/* Maps the regular file at `path`. Errors: NOENT, DENIED, IO, INVAL (not a file), NOMEM. */
int wf_mapping_open(const char *path, struct wf_mapping *out, struct wf_err *err) WF_MUST_USE;

/* Drops the pages that are in memory: what was read once. They come in again when they are read. */
void wf_mapping_rest(const struct wf_mapping *m);

/* Unmaps and clears; safe to call twice. */
void wf_mapping_close(struct wf_mapping *m);

#endif
