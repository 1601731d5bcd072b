/* SPDX-License-Identifier: Apache-2.0 */
/* The label of a document before other devices hear of it: its own, at least its space's, and what
 * its text asks for by patterns, read in parts. */
#include "base/alloc.h"
#include "base/limits.h"
#include "op/label.h"
#include "op/op_internal.h"

/* A part; what lies across two is in both, since the next begins with the last chunk again. */
#define PART_BYTES ((size_t)512 << 10)

struct look {
    struct wf_op_context *ctx;
    struct wf_labeler *labeler;
    struct wf_context_part part;
    struct wf_buf text;
    size_t last; /* where the last chunk begins */
    enum wf_label label;
};

static int scan(struct look *l, struct wf_err *err)
{
    struct wf_pii_list found = {.n = 0};
    struct wf_verdict verdict;
    int rc = wf_labeler_scan(l->labeler, wf_buf_str(&l->text), &found, err);

    if (rc != 0)
        return rc;
    l->part.found = found.items;
    l->part.n_found = found.n;
    wf_policy_label(l->ctx->policy, &l->part, 1, &verdict);
    l->label = wf_label_max(l->label, verdict.label);
    return 0;
}

static int take_chunk(void *ud, int64_t chunk, const struct wf_chunk_row *c, struct wf_err *err)
{
    struct look *l = ud;
    int rc = 0;

    (void)chunk;
    if (l->text.len + c->text.len > PART_BYTES && l->text.len > 0) {
        rc = scan(l, err);
        wf_buf_consume(&l->text, l->last);
    }
    l->last = l->text.len;
    if (rc == 0 && wf_buf_append_str(&l->text, c->text) != 0)
        rc = wf_op__no_memory(err);
    return rc == 0 && l->label == WF_LABEL_SECRET ? 1 : rc; /* it cannot rise further */
}

static int look_at(struct look *l, struct wf_reader *r, int64_t id, struct wf_arena *arena)
{
    struct wf_document d;
    enum wf_label own;
    int rc = wf_document_get_id(r, id, arena, &d, NULL);

    if (rc != 0)
        return rc;
    (void)!wf_label_parse(d.label, &own); /* what cannot be read is secret */
    l->label = own;
    l->part.space = d.space;
    l->part.source = d.path.len > 0 && d.path.ptr[0] == '/' ? WF_SOURCE_FILE : WF_SOURCE_PROMPT;
    l->part.name = d.path;
    rc = wf_document_chunks(r, &d, 0, UINT64_MAX, take_chunk, l, NULL);
    if (rc == 0)
        rc = scan(l, NULL);
    return rc > 0 ? 0 : rc;
}

enum wf_label wf_op_document_label(void *ud, int64_t document)
{
    struct wf_op_context *ctx = ud;
    const struct wf_labeler_options o = {.detector = ctx->detector, .policy = ctx->policy};
    struct look l = {.ctx = ctx, .label = WF_LABEL_SECRET};
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    int rc = WF_E_INVAL;

    wf_arena_init(&arena, 4096, (size_t)1 << 20);
    wf_buf_init(&l.text, PART_BYTES + 2 * (size_t)WF_LIMIT_CHUNK_BYTES);
    if (ctx->detector && ctx->policy)
        rc = wf_labeler_new(&o, &l.labeler, NULL);
    if (rc == 0)
        rc = wf_store_reader_get(ctx->store, &r, NULL);
    if (rc == 0)
        rc = look_at(&l, r, document, &arena);
    if (r != NULL)
        wf_store_reader_put(ctx->store, r);
    wf_labeler_free(l.labeler);
    wf_buf_deinit(&l.text);
    wf_arena_deinit(&arena);
    return rc == 0 ? l.label : WF_LABEL_SECRET;
}
