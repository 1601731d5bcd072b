/* SPDX-License-Identifier: Apache-2.0 */
/* threads.*: conversations: the list, one with its turns, a new title, removal. */
#include <inttypes.h>
#include <stdio.h>

#include "op/op_internal.h"
#include "space/thread_share.h"
#include "store/thread.h"

#define TURNS_MAX 1000

void wf_op__threads_changed(struct wf_op_context *ctx)
{
    wf_hub_publish(ctx->hub, "threads", NULL);
    wf_thread_share_poke(ctx->threads);
}

static json_t *thread_json(const struct wf_thread *t)
{
    return json_pack("{s:o, s:o, s:I, s:I, s:I}", "id", wf_json_str(t->id), "title",
                     wf_json_str(t->title), "created", (json_int_t)t->created_ms, "updated",
                     (json_int_t)t->updated_ms, "turns", (json_int_t)t->n_turns);
}

int wf_op__threads_list(struct wf_op_context *ctx, const struct wf_op_call *call,
                        json_t **out_result, struct wf_err *err)
{
    const struct wf_param_range limits = {1, 200, 50}, times = {1, INT64_MAX, 0};
    json_t *array = json_array();
    struct wf_thread *items = NULL;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    int64_t limit = 0, after = 0;
    char next[24];
    size_t n = 0;
    int rc = wf_param_int(call->params, "limit", limits, &limit, err);

    wf_arena_init(&arena, 0, WF_OP_ARENA_BYTES_MAX);
    if (rc == 0)
        rc = wf_param_int(call->params, "after", times, &after, err);
    if (rc == 0)
        rc = wf_store_reader_get(ctx->store, &r, err);
    if (rc == 0)
        rc = wf_thread_page(r, after, (size_t)limit + 1, &arena, &items, &n, err);
    for (size_t i = 0; rc == 0 && i < WF_MIN(n, (size_t)limit); i++)
        json_array_append_new(array, thread_json(&items[i]));
    if (rc == 0) {
        bool more = n > (size_t)limit;
        if (more)
            snprintf(next, sizeof(next), "%" PRId64, items[limit - 1].updated_ms);
        rc = wf_op__give(json_pack("{s:O, s:s?}", "threads", array, "next", more ? next : NULL),
                         out_result, err);
    }
    if (r)
        wf_store_reader_put(ctx->store, r);
    json_decref(array);
    wf_arena_deinit(&arena);
    return rc;
}

static json_t *turn_json(const struct wf_turn *t)
{
    json_t *answer = NULL;

    if (wf_json_parse(t->answer, &answer, NULL) != 0)
        answer = json_null(); /* written by a version whose answers were other than ours */
    return json_pack("{s:o, s:I, s:o}", "question", wf_json_str(t->question), "at",
                     (json_int_t)t->at_ms, "answer", answer);
}

int wf_op__threads_get(struct wf_op_context *ctx, const struct wf_op_call *call,
                       json_t **out_result, struct wf_err *err)
{
    json_t *v = NULL, *array = json_array();
    struct wf_turn *turns = NULL;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    struct wf_thread t;
    struct wf_str id;
    size_t n = 0;
    int rc = wf_param_str(call->params, "id", true, &id, err);

    wf_arena_init(&arena, 0, WF_OP_ARENA_BYTES_MAX);
    if (rc == 0)
        rc = wf_store_reader_get(ctx->store, &r, err);
    if (rc == 0)
        rc = wf_thread_get(r, id, &arena, &t, err);
    if (rc == 0)
        rc = wf_thread_turns(r, id, TURNS_MAX, &arena, &turns, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        json_array_append_new(array, turn_json(&turns[i]));
    if (rc == 0) {
        v = thread_json(&t);
        json_object_set(v, "turns", array);
        rc = wf_op__give(v, out_result, err);
    }
    if (r)
        wf_store_reader_put(ctx->store, r);
    json_decref(array);
    wf_arena_deinit(&arena);
    return rc;
}

int wf_op__threads_rename(struct wf_op_context *ctx, const struct wf_op_call *call,
                          json_t **out_result, struct wf_err *err)
{
    struct wf_str id, title;
    int rc = wf_param_str(call->params, "id", true, &id, err);

    if (rc == 0)
        rc = wf_param_str(call->params, "title", true, &title, err);
    if (rc == 0 && wf_str_trim(title).len == 0)
        rc = wf_err_set(err, WF_E_INVAL, "\"title\" is empty.");
    if (rc == 0)
        rc = wf_thread_rename(ctx->store, id, title, err);
    if (rc != 0)
        return rc;
    wf_op__threads_changed(ctx);
    return wf_op__threads_get(ctx, call, out_result, err);
}

int wf_op__threads_remove(struct wf_op_context *ctx, const struct wf_op_call *call,
                          json_t **out_result, struct wf_err *err)
{
    struct wf_str id;
    int rc = wf_param_str(call->params, "id", true, &id, err);

    if (rc == 0)
        rc = wf_thread_remove(ctx->store, id, err);
    if (rc != 0)
        return rc;
    wf_op__threads_changed(ctx);
    return wf_op__give(json_object(), out_result, err);
}
