/* SPDX-License-Identifier: Apache-2.0 */
/* reminders.*: the list, one more, one less; and telling those that are due. */
#include "op/op_internal.h"
#include "store/reminder.h"

/* A reminder that is told later than that was missed: its moment came while nobody was there. */
#define LATE_MS (2 * 60000)
/* The longest wait, so that a clock that was set, or a machine that slept, is seen. */
#define WAIT_MS_MAX 20000

static json_t *reminder_json(const struct wf_reminder *m)
{
    return json_pack("{s:o, s:o, s:I, s:I, s:o}", "id", wf_json_str(m->id), "text",
                     wf_json_str(m->text), "at", (json_int_t)m->due_ms, "made",
                     (json_int_t)m->made_ms, "told",
                     m->fired_ms > 0 ? json_integer(m->fired_ms) : json_null());
}

int wf_op__reminders_list(struct wf_op_context *ctx, const struct wf_op_call *call,
                          json_t **out_result, struct wf_err *err)
{
    struct wf_reminder *items = NULL;
    json_t *array = json_array();
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    size_t n = 0;
    int rc = wf_store_reader_get(ctx->store, &r, err);

    (void)call;
    wf_arena_init(&arena, 0, WF_OP_ARENA_BYTES_MAX);
    if (rc == 0)
        rc = wf_reminder_list(r, &arena, &items, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        json_array_append_new(array, reminder_json(&items[i]));
    if (rc == 0)
        rc = wf_op__give(json_pack("{s:O}", "reminders", array), out_result, err);
    if (r)
        wf_store_reader_put(ctx->store, r);
    json_decref(array);
    wf_arena_deinit(&arena);
    return rc;
}

static void changed(struct wf_op_context *ctx)
{
    if (ctx->reminders_changed)
        ctx->reminders_changed(ctx->reminders_ud);
    if (ctx->hub)
        wf_hub_publish(ctx->hub, "reminders", NULL);
}

int wf_op__reminders_add(struct wf_op_context *ctx, const struct wf_op_call *call,
                         json_t **out_result, struct wf_err *err)
{
    const struct wf_param_range times = {1, INT64_MAX, 0};
    char id[WF_REMINDER_ID_BYTES + 1];
    int64_t at = 0;
    struct wf_str text, own = WF_STR("");
    int rc = wf_param_str(call->params, "text", true, &text, err);

    if (rc == 0)
        rc = wf_param_str(call->params, "id", false, &own, err);
    if (rc == 0)
        rc = wf_param_int(call->params, "at", times, &at, err);
    if (rc == 0 && at == 0)
        rc = wf_err_set(err, WF_E_INVAL, "\"at\" is missing: when to remind.");
    /* With an id it was made while weft was out of reach: better late than not. */
    if (rc == 0 && own.len == 0 && at <= wf_clock_wall_ms(ctx->clock))
        rc = wf_err_set(err, WF_E_RANGE, "That time has gone by already.");
    if (rc == 0 && own.len > 0)
        rc = wf_reminder_add_as(ctx->store, own, text, at, err);
    else if (rc == 0)
        rc = wf_reminder_add(ctx->store, text, at, id, err);
    if (rc != 0)
        return rc;
    changed(ctx);
    return wf_op__give(json_pack("{s:o, s:o, s:I, s:b}", "id",
                                 wf_json_str(own.len > 0 ? own : wf_str_from(id)), "text",
                                 wf_json_str(text), "at", (json_int_t)at, "is_told",
                                 ctx->reminders_changed != NULL),
                       out_result, err);
}

int wf_op__reminders_remove(struct wf_op_context *ctx, const struct wf_op_call *call,
                            json_t **out_result, struct wf_err *err)
{
    struct wf_str id;
    int rc = wf_param_str(call->params, "id", true, &id, err);

    if (rc == 0)
        rc = wf_reminder_remove(ctx->store, id, err);
    if (rc != 0)
        return rc;
    changed(ctx);
    return wf_op__give(json_object(), out_result, err);
}

/* ---- telling ---- */

static void tell(struct wf_op_context *ctx, const struct wf_reminder *m, int64_t now_ms)
{
    bool is_late = now_ms - m->due_ms > LATE_MS;
    json_t *v = json_pack("{s:o, s:o, s:I, s:b}", "id", wf_json_str(m->id), "text",
                          wf_json_str(m->text), "at", (json_int_t)m->due_ms, "late", is_late);

    /* What it says is the person's own and does not belong into a log. */
    if (ctx->log)
        wf_log_line(ctx->log, WF_LOG_INFO, "remind", "a reminder is due%s: weft reminders",
                    is_late ? " (it was missed)" : "");
    if (v && ctx->hub)
        wf_hub_publish(ctx->hub, "reminder", v);
    json_decref(v);
}

int wf_op_remind(struct wf_op_context *ctx, int64_t *out_wait_ms, struct wf_err *err)
{
    int64_t now_ms = wf_clock_wall_ms(ctx->clock), next_ms = INT64_MAX;
    struct wf_reminder *items = NULL;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    size_t n = 0;
    int rc = wf_store_reader_get(ctx->store, &r, err);

    wf_arena_init(&arena, 0, WF_OP_ARENA_BYTES_MAX);
    if (rc == 0)
        rc = wf_reminder_next(r, &next_ms, err);
    if (r)
        wf_store_reader_put(ctx->store, r);
    if (rc == 0 && next_ms <= now_ms)
        rc = wf_reminder_fire(ctx->store, now_ms, &arena, &items, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        tell(ctx, &items[i], now_ms);
    wf_arena_deinit(&arena);
    *out_wait_ms = WAIT_MS_MAX;
    if (n > 0)
        *out_wait_ms = 0; /* which one is next now? */
    else if (rc == 0 && next_ms > now_ms && next_ms - now_ms < WAIT_MS_MAX)
        *out_wait_ms = next_ms - now_ms;
    return rc;
}
