/* SPDX-License-Identifier: Apache-2.0 */
/* search: words in, passages out. */
#include "base/limits.h"
#include "op/op_internal.h"

static json_t *hits_json(const struct wf_hits *hits)
{
    json_t *array = json_array();

    for (size_t i = 0; i < hits->n_items; i++)
        json_array_append_new(array, wf_op__hit_json(&hits->items[i]));
    return json_pack("{s:o}", "hits", array);
}

int wf_op__search(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                  struct wf_err *err)
{
    const struct wf_param_range k_range = {1, WF_LIMIT_HITS, 10};
    struct wf_find_query q = {.meaning = ctx->meaning};
    struct wf_arena arena;
    struct wf_hits hits;
    int64_t k = 0;
    int rc = wf_param_str(call->params, "q", true, &q.text, err);

    if (rc == 0)
        rc = wf_param_int(call->params, "k", k_range, &k, err);
    if (rc == 0)
        rc = wf_op__filter(call, &q.filter, err);
    if (rc != 0)
        return rc;
    q.n_hits_max = (size_t)k;
    wf_arena_init(&arena, 0, WF_OP_ARENA_BYTES_MAX);
    rc = wf_find(ctx->store, &q, &arena, &hits, err);
    if (rc == 0)
        rc = wf_op__give(hits_json(&hits), out_result, err);
    wf_arena_deinit(&arena);
    return rc;
}
