/* SPDX-License-Identifier: Apache-2.0 */
/* The label of a draft: at least its space's, and what stands in it raises it. It is looked at when
 * the draft rests for a moment, by patterns alone: a model would be asked at every pause. A label
 * is never lowered here: what was deleted is still in the draft's history. */
#include "base/limits.h"
#include "crdt/types.h"
#include "op/label.h"
#include "op/op_internal.h"
#include "space/draft.h"
#include "text/utf8.h"

/* What waits for changes that have not come stands in no root, and goes to others with the rest:
 * its texts are in it as they are, between bytes that are none. */
static int read_waiting(struct wf_crdt *doc, struct wf_buf *out)
{
    struct wf_buf vector, bytes;
    int rc;

    wf_buf_init(&vector, WF_LIMIT_DRAFT_BYTES);
    wf_buf_init(&bytes, WF_LIMIT_DRAFT_BYTES);
    rc = wf_crdt_state_vector(doc, &vector);
    if (rc == 0)
        rc = wf_crdt_encode(doc, wf_buf_str(&vector), WF_CRDT_V1, &bytes);
    for (size_t i = 0; i < bytes.len; i++)
        bytes.ptr[i] = (unsigned char)bytes.ptr[i] < ' ' ? '\n' : bytes.ptr[i];
    if (rc == 0)
        rc = wf_utf8_append_repaired(out, wf_buf_str(&bytes));
    wf_buf_deinit(&vector);
    wf_buf_deinit(&bytes);
    return rc;
}

/* Everything that is text in it, one root after the other. */
static int read_all(void *ud, struct wf_crdt *doc, struct wf_err *err)
{
    struct wf_buf *out = ud;
    struct wf_str name;
    uint64_t root = 0;
    size_t i = 0;
    int rc = 0;

    (void)err;
    while (rc == 0 && wf_crdt_root_next(doc, &i, &name, &root)) {
        rc = wf_crdt_json(doc, root, out);
        wf_buf_append_byte(out, '\n');
    }
    return rc == 0 && wf_crdt_pending(doc) ? read_waiting(doc, out) : rc;
}

static int label_in(struct wf_op_context *ctx, struct wf_str space, struct wf_str text,
                    enum wf_label *out, struct wf_err *err)
{
    const struct wf_labeler_options o = {.detector = ctx->detector, .policy = ctx->policy};
    struct wf_context_part part = {.source = WF_SOURCE_PROMPT, .space = space};
    struct wf_labeler *l = NULL;
    struct wf_verdict verdict;
    struct wf_pii_list found = {.n = 0};
    int rc = wf_labeler_new(&o, &l, err);

    if (rc == 0)
        rc = wf_labeler_scan(l, text, &found, err);
    if (rc == 0) {
        part.found = found.items;
        part.n_found = found.n;
        wf_policy_label(ctx->policy, &part, 1, &verdict);
        *out = verdict.label;
    }
    wf_labeler_free(l);
    return rc;
}

int wf_op__label_of(struct wf_op_context *ctx, struct wf_str text, enum wf_label *out)
{
    return label_in(ctx, WF_STR(""), text, out, NULL);
}

/* Raises the row's label when it is lower; what it is then. */
static enum wf_label raise_label(struct wf_op_context *ctx, const struct wf_draft_row *row,
                                 enum wf_label label)
{
    enum wf_label now, space;

    if (!wf_label_parse(row->label, &now) || !wf_label_parse(row->space_label, &space))
        return WF_LABEL_SECRET; /* such a one counts as that */
    label = wf_label_max(label, space);
    if (label > now) /* when it fails, the next pause tries again */
        (void)!wf_draft_row_label(ctx->store, row->id, wf_str_from(wf_label_name(label)), NULL);
    return wf_label_max(label, now);
}

/* Reads the text, and what it asks for. */
static int look(struct wf_op_context *ctx, const struct wf_draft_moment *at, struct wf_str space,
                enum wf_label *out, struct wf_err *err)
{
    struct wf_buf text;
    int rc;

    wf_buf_init(&text, WF_LIMIT_DETECT_BYTES);
    rc = wf_draft_look(ctx->drafts, at, read_all, &text, err);
    if (rc == 0 && wf_buf_status(&text) != 0)
        rc = wf_err_set(err, wf_buf_status(&text), "A draft is too long to be looked at.");
    if (rc == 0)
        rc = label_in(ctx, space, wf_buf_str(&text), out, err);
    wf_buf_deinit(&text);
    return rc;
}

/* The row is that of now: who says so raises a label. */
static int read_row(struct wf_op_context *ctx, int64_t id, struct wf_arena *arena,
                    struct wf_draft_row *out, struct wf_err *err)
{
    struct wf_reader *r = NULL;
    int rc = wf_store_reader_get(ctx->store, &r, err);

    if (rc != 0)
        return rc;
    rc = wf_draft_row_get(r, id, arena, out, err);
    wf_store_reader_put(ctx->store, r);
    return rc;
}

int wf_op_draft_label(void *ud, const struct wf_draft_moment *at, enum wf_label *out,
                      struct wf_err *err)
{
    struct wf_op_context *ctx = ud;
    enum wf_label label = WF_LABEL_SECRET;
    struct wf_draft_row row;
    struct wf_arena arena;
    int rc = 0;

    wf_arena_init(&arena, 1024, 1u << 16);
    if (ctx->detector && ctx->policy) {
        rc = read_row(ctx, at->draft, &arena, &row, err);
        if (rc == 0)
            rc = look(ctx, at, row.space_name, &label, err);
        if (rc == 0)
            label = raise_label(ctx, &row, label);
    }
    wf_arena_deinit(&arena);
    if (rc == 0)
        *out = label;
    return rc;
}

void wf_op_draft_settled(void *ud, int64_t draft)
{
    struct wf_op_context *ctx = ud;
    struct wf_draft_moment at = {.draft = draft};
    enum wf_label label;

    if (wf_store_reader_get(ctx->store, &at.r, NULL) == 0) {
        (void)!wf_op_draft_label(ctx, &at, &label, NULL); /* the next pause tries again */
        wf_store_reader_put(ctx->store, at.r);
    }
    if (ctx->hub)
        wf_hub_publish(ctx->hub, "drafts", NULL);
}
