/* SPDX-License-Identifier: Apache-2.0 */
/* The process that holds the keys of identity. It is small on purpose: a lock, then a loop over
 * requests of a fixed form (mesh/keeper.c). */
#include "daemon/keeper.h"

#include "mesh/keeper.h"
#include "os/file.h"
#include "os/sandbox.h"

int wf_keeper_run(const struct wf_home *home, struct wf_log *log, int fd)
{
    const struct wf_keeper_folders at = {.node = home->node, .owner = home->owner};
    const char *const dirs[] = {home->node, home->owner, NULL};
    const struct wf_sandbox_options o = {.kind = WF_SANDBOX_CORE, .write_dirs = dirs};
    struct wf_err err = WF_ERR_INIT;
    int rc = wf_file_mkdirs(home->node, &err);

    if (rc == 0)
        rc = wf_file_mkdirs(home->owner, &err);
    if (rc == 0)
        rc = wf_sandbox_enter(&o, &err);
    if (rc != 0) {
        wf_log_line(log, WF_LOG_ERROR, "keeper", "%s", err.msg);
        return 1;
    }
    wf_keeper_serve(&at, fd);
    return 0;
}
