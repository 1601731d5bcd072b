/* SPDX-License-Identifier: Apache-2.0 */
/* What listeners are told of the library's changes. The count of documents costs a look into the
 * database, so while many files come in it is told twice a second only. */
#include <stdatomic.h>

#include "base/clock.h"
#include "find/meaning.h"
#include "ingest/intake.h"
#include "mesh/blobs.h"
#include "op/op_internal.h"

#define COUNT_EVERY_NS 500000000

void wf_op_publish_documents(struct wf_op_context *ctx)
{
    struct wf_document_totals totals;
    struct wf_reader *r = NULL;
    json_t *v;

    if (!ctx->store || wf_store_reader_get(ctx->store, &r, NULL) != 0)
        return;
    if (wf_document_totals(r, &totals, NULL) == 0) {
        v = json_pack("{s:I}", "total", (json_int_t)totals.n_documents);
        wf_hub_publish(ctx->hub, "documents", v);
        json_decref(v);
    }
    wf_store_reader_put(ctx->store, r);
}

const char *wf_op_outcome(enum wf_intake_outcome outcome)
{
    switch (outcome) {
    case WF_INTAKE_ADDED:
        return "added";
    case WF_INTAKE_UNCHANGED:
    case WF_INTAKE_KNOWN:
        return "unchanged";
    case WF_INTAKE_FAILED:
        return "failed";
    }
    return "failed";
}

void wf_op_publish_intake(struct wf_op_context *ctx, const struct wf_intake_result *r)
{
    static _Atomic int64_t last_ns; /* only how often is at stake: any order will do */
    int64_t now_ns = wf_clock_mono_ns(ctx->clock);
    json_t *v = json_pack("{s:o, s:s, s:o, s:o}", "path", wf_json_str(r->path), "status",
                          wf_op_outcome(r->outcome), "reason", wf_json_str_or_null(r->reason),
                          "document", wf_json_str_or_null(r->uid));

    if (ctx->meaning && r->outcome == WF_INTAKE_ADDED)
        wf_meaning_poke(ctx->meaning);
    if (r->outcome == WF_INTAKE_ADDED || r->outcome == WF_INTAKE_KNOWN)
        wf_blobs_poke(ctx->blobs);
    if (v)
        wf_hub_publish(ctx->hub, "intake", v);
    json_decref(v);
    if (now_ns - atomic_load_explicit(&last_ns, memory_order_relaxed) > COUNT_EVERY_NS) {
        atomic_store_explicit(&last_ns, now_ns, memory_order_relaxed);
        wf_op_publish_documents(ctx);
    }
}
