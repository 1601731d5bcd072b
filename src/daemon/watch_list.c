/* SPDX-License-Identifier: Apache-2.0 */
/* The list of watched folders: a text file that a person can read and mend. It lies outside the
 * core's reach, so that what parses documents can never have another folder opened. */
#include "daemon/watcher.h"

#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/str.h"
#include "os/file.h"

#define LIST_BYTES_MAX (1u << 20)

static int append(struct wf_watch_list *l, struct wf_str line, struct wf_err *err)
{
    char **p = wf_realloc_array(l->paths, l->n_paths + 1, sizeof(*p));

    if (p)
        l->paths = p;
    if (!p || !(p[l->n_paths] = wf_memdup0(line.ptr, line.len)))
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    l->n_paths++;
    return 0;
}

int wf_watch_list_load(const struct wf_home *home, struct wf_watch_list *out, struct wf_err *err)
{
    struct wf_watch_list l = {NULL, 0};
    struct wf_str rest, line;
    struct wf_buf b;
    int rc = 0;

    wf_buf_init(&b, LIST_BYTES_MAX);
    if (access(home->watch, F_OK) == 0)
        rc = wf_file_read(home->watch, &b, err);
    rest = wf_buf_str(&b);
    while (rc == 0 && wf_str_line(&rest, &line)) {
        if (line.len > 0 && line.ptr[0] == '/')
            rc = append(&l, line, err);
    }
    wf_buf_deinit(&b);
    if (rc != 0) {
        wf_watch_list_free(&l);
        return rc;
    }
    *out = l;
    return 0;
}

void wf_watch_list_free(struct wf_watch_list *l)
{
    for (size_t i = 0; i < l->n_paths; i++)
        wf_free(l->paths[i]);
    wf_free(l->paths);
    l->paths = NULL;
    l->n_paths = 0;
}

int wf_watch_list_save(const struct wf_home *home, const struct wf_watch_list *l,
                       struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, LIST_BYTES_MAX);
    for (size_t i = 0; i < l->n_paths; i++) {
        wf_buf_append_cstr(&b, l->paths[i]);
        wf_buf_append_byte(&b, '\n');
    }
    rc = wf_buf_status(&b);
    if (rc != 0)
        rc = wf_err_set(err, rc, "The list of watched folders is too long.");
    else
        rc = wf_file_replace(home->watch, b.ptr, b.len, 0600, err);
    wf_buf_deinit(&b);
    return rc;
}
