/* SPDX-License-Identifier: Apache-2.0 */
/* A draft as one update, as a reader finds it: what a snapshot of a stream holds of it. */
#include <string.h>

#include "base/limits.h"
#include "crdt/update.h"
#include "space/draft_internal.h"

struct only {
    struct wf_buf *out;
    struct wf_draft_origin *last;
    bool deletes; /* it is not taken then: what it deletes may be in it */
};

/* Whether an update does more than add: behind all its structs there is but a 0, for no structs,
 * and one for no ranges of deletes. */
static int look_for_deletes(struct wf_str update, bool *out)
{
    struct wf_buf vector, rest;
    int rc;

    wf_buf_init(&vector, WF_LIMIT_DRAFT_BYTES);
    wf_buf_init(&rest, WF_LIMIT_DRAFT_BYTES);
    rc = wf_crdt_update_vector(update, WF_CRDT_V1, &vector);
    if (rc == 0)
        rc = wf_crdt_diff(update, wf_buf_str(&vector), WF_CRDT_V1, &rest);
    *out = rest.len > 2;
    wf_buf_deinit(&vector);
    wf_buf_deinit(&rest);
    return rc;
}

static int take_only(void *ud, const struct wf_draft_update *u, struct wf_err *err)
{
    struct only *o = ud;
    int rc;

    *o->last = (struct wf_draft_origin){.dseq = u->dseq, .at_ms = u->at_ms};
    memcpy(o->last->device, u->device, sizeof(o->last->device));
    rc = look_for_deletes(u->bytes, &o->deletes);
    if (rc == 0 && !o->deletes)
        rc = wf_buf_append_str(o->out, u->bytes);
    return rc == 0 ? 0 : wf_err_set(err, rc, "A draft cannot be put into a snapshot.");
}

int wf_draft_whole(struct wf_reader *r, int64_t draft, struct wf_buf *out,
                   struct wf_draft_origin *out_last, struct wf_err *err)
{
    const struct wf_draft_span all = {.draft = draft, .from = 1, .to = INT64_MAX};
    const struct wf_draft_past past = {.draft = draft, .upto = INT64_MAX, .client = 1};
    struct wf_draft_found found = {.doc = NULL};
    struct only o = {.out = out, .last = out_last};
    struct wf_draft_extent extent = {.last_seq = 0};
    int rc = wf_draft_log_extent(r, draft, 0, &extent, err);

    *out_last = (struct wf_draft_origin){.dseq = 0};
    if (rc == 0 && extent.last_seq == 1 && extent.n_updates == 1) { /* it is that */
        rc = wf_draft_log_each(r, &all, take_only, &o, err);
        if (rc != 0 || !o.deletes)
            return rc;
    }
    if (rc == 0 && extent.last_seq == 0)
        return 0;
    if (rc == 0)
        rc = wf_draft__read_past(r, &past, &found, err);
    if (rc != 0)
        return rc;
    rc = wf_crdt_encode(found.doc, wf_str_n(NULL, 0), WF_CRDT_V1, out);
    out_last->at_ms = found.at_ms;
    memcpy(out_last->device, found.device, sizeof(out_last->device));
    wf_crdt_free(found.doc);
    return rc == 0 ? 0 : wf_err_set(err, rc, "A draft cannot be put into a snapshot.");
}
