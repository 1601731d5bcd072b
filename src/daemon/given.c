/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to other people's devices, on its way to airlock, which writes it into the ledger. */
#include "daemon/given.h"

#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "os/file.h"

#define ID_HEX_BYTES (2 * WF_SIGNER_ID_BYTES + 1)

int wf_given_want(const char *file, bool is_shared, struct wf_err *err)
{
    const bool is_there = access(file, F_OK) == 0;

    if (is_shared == is_there)
        return 0;
    return is_shared ? wf_file_replace(file, "", 0, 0600, err) : wf_file_remove(file, err);
}

static void fill(const struct wf_given *g, struct wf_airlock_frame *f, char id[ID_HEX_BYTES])
{
    (void)sodium_bin2hex(id, ID_HEX_BYTES, g->device, sizeof(g->device));
    f->seq = g->seq;
    f->label = g->label;
    f->engine = g->space;
    f->model = g->name;
    f->to = wf_str_from(g->to);
    f->request_id = wf_str_from(id);
    f->reason = wf_str_from(g->reason);
    f->counts[0] = (struct wf_airlock_count){wf_str_from(g->what), g->n};
    f->n_counts = 1;
    f->bytes = g->bytes;
    memcpy(f->sealed, g->sealed, sizeof(f->sealed));
}

int wf_given_write(struct wf_airlock_link *l, struct wf_given *what, size_t n, struct wf_err *err)
{
    struct wf_airlock_frame *frames = wf_alloc_array(n, sizeof(*frames));
    char(*ids)[ID_HEX_BYTES] = wf_alloc_array(n, sizeof(*ids));
    uint64_t *seqs = wf_alloc_array(n, sizeof(*seqs));
    int rc = 0;

    if (l == NULL)
        rc = wf_err_set(err, WF_E_CRASHED, "The process that keeps the ledger is not running.");
    else if (frames == NULL || ids == NULL || seqs == NULL)
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory for the ledger.");
    for (size_t i = 0; i < n && rc == 0; i++)
        fill(&what[i], &frames[i], ids[i]);
    if (rc == 0)
        rc = wf_airlock_given(l, frames, n, seqs, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        what[i].seq = seqs[i];
    wf_free(seqs);
    wf_free(ids);
    wf_free(frames);
    return rc;
}
