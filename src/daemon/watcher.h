/* Watcher: keeps watched folders taken in. A process of its own, with the person's rights to read
 * and no network; it hands descriptors to the core like any client. */
#ifndef WF_DAEMON_WATCHER_H
#define WF_DAEMON_WATCHER_H

#include <stddef.h>

#include "base/err.h"
#include "base/log.h"
#include "daemon/home.h"

/* Watches the folders that the home's file `watch` names (and that file itself) until SIGTERM.
 * Changed and new files are added a moment after they were last written; removed ones stay in the
 * library until a person removes them. Returns 0 on SIGTERM. Thread: init. */
int wf_watcher_run(const struct wf_home *home, struct wf_log *log) WF_MUST_USE;

/* The list, one absolute path a line, of `home`, in `out_paths` of an array that wf_watch_list_free
 * frees. A missing file is an empty list. */
struct wf_watch_list {
    char **paths;
    size_t n_paths;
};
int wf_watch_list_load(const struct wf_home *home, struct wf_watch_list *out,
                       struct wf_err *err) WF_MUST_USE;
void wf_watch_list_free(struct wf_watch_list *l);
/* Replaces the list durably. */
int wf_watch_list_save(const struct wf_home *home, const struct wf_watch_list *l,
                       struct wf_err *err) WF_MUST_USE;

#endif
