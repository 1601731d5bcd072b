/* SPDX-License-Identifier: Apache-2.0 */
/* A response as it is written: thoughts, a message, calls, one item after the other.
 *
 *   none -> item open -> (part open) -> deltas -> part done -> item done -> none or the next item
 *
 * The same steps build the answer that is given whole; the events are then not sent. Items that are
 * done are never touched again, so that events and the final response share them. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/list.h"
#include "http/http_internal.h"
#include "http/openai.h"
#include "http/openai_response.h"
#include "http/response_store.h"
#include "op/json.h"

enum item_kind {
    ITEM_NONE,
    ITEM_REASONING,
    ITEM_MESSAGE,
    ITEM_CALL,
};

struct wf_openai_response_writer {
    struct wf_face_call *c;
    struct wf_openai_response *q;
    struct wf_gen *g;
    json_int_t created_s, n_events;
    json_t *output;      /* items that are done */
    enum item_kind kind; /* of the open one */
    const char *item_id;
    json_t *call_id, *call_name; /* of an open call */
    struct wf_buf text;          /* of the open item: text, thoughts or arguments */
    json_t *logprobs;            /* of an open message */
    enum wf_gen_finish finish;
};

/* ---- events ---- */

/* data is taken over; type and number are added. */
static int emit(struct wf_openai_response_writer *w, const char *type, json_t *data,
                struct wf_err *err)
{
    if (!w->q->stream) {
        json_decref(data);
        return 0;
    }
    if (!data || json_object_set_new(data, "type", json_string(type)) != 0 ||
        json_object_set_new(data, "sequence_number", json_integer(w->n_events++)) != 0) {
        json_decref(data);
        return wf_face_no_memory(err);
    }
    return wf_face_send(w->c, type, data, err);
}

/* The place of the open item in an event. */
static json_t *at(const struct wf_openai_response_writer *w)
{
    return json_pack("{s:s, s:I}", "item_id", w->item_id, "output_index",
                     (json_int_t)json_array_size(w->output));
}

static json_t *at_part(const struct wf_openai_response_writer *w)
{
    json_t *v = at(w);

    if (v)
        json_object_set_new(v, "content_index", json_integer(0));
    return v;
}

/* Adds a member; both are taken over, also where one is NULL. */
static json_t *with(json_t *v, const char *key, json_t *value)
{
    if (json_object_set_new(v, key, value) == 0)
        return v;
    json_decref(v);
    return NULL;
}

/* ---- items ---- */

static json_t *open_text(const struct wf_openai_response_writer *w)
{
    return wf_json_repaired(wf_buf_str(&w->text));
}

/* The one part of the open item, as far as it is written. */
static json_t *part_json(const struct wf_openai_response_writer *w)
{
    if (w->kind == ITEM_REASONING)
        return json_pack("{s:s, s:o}", "type", "reasoning_text", "text", open_text(w));
    return json_pack("{s:s, s:o, s:[], s:O}", "type", "output_text", "text", open_text(w),
                     "annotations", "logprobs", w->logprobs);
}

/* The open item; `begun` true: without its content. */
static json_t *item_json(const struct wf_openai_response_writer *w, const char *status, bool begun)
{
    json_t *content = w->kind == ITEM_CALL ? NULL : json_array();

    if (content && !begun)
        json_array_append_new(content, part_json(w));
    switch (w->kind) {
    case ITEM_REASONING:
        return json_pack("{s:s, s:s, s:[], s:o, s:s}", "id", w->item_id, "type", "reasoning",
                         "summary", "content", content, "status", status);
    case ITEM_MESSAGE:
        return json_pack("{s:s, s:s, s:s, s:s, s:o}", "id", w->item_id, "type", "message", "status",
                         status, "role", "assistant", "content", content);
    case ITEM_CALL:
        return json_pack("{s:s, s:s, s:s, s:O, s:O, s:o}", "id", w->item_id, "type",
                         "function_call", "status", status, "call_id", w->call_id, "name",
                         w->call_name, "arguments", open_text(w));
    case ITEM_NONE:
        break;
    }
    return NULL;
}

static int close_part(struct wf_openai_response_writer *w, struct wf_err *err)
{
    bool is_text = w->kind == ITEM_MESSAGE;
    json_t *done = with(at_part(w), "text", open_text(w));
    int rc;

    if (is_text)
        done = with(done, "logprobs", json_incref(w->logprobs));
    rc = emit(w, is_text ? "response.output_text.done" : "response.reasoning_text.done", done, err);
    if (rc == 0)
        rc = emit(w, "response.content_part.done", with(at_part(w), "part", part_json(w)), err);
    return rc;
}

static int close_item(struct wf_openai_response_writer *w, const char *status, struct wf_err *err)
{
    json_t *item;
    int rc = 0;

    if (w->kind == ITEM_NONE)
        return 0;
    if (w->kind == ITEM_CALL)
        rc = emit(w, "response.function_call_arguments.done",
                  with(with(at(w), "name", json_incref(w->call_name)), "arguments", open_text(w)),
                  err);
    else
        rc = close_part(w, err);
    item = item_json(w, status, false);
    if (rc == 0)
        rc = emit(w, "response.output_item.done",
                  json_pack("{s:I, s:O*}", "output_index", (json_int_t)json_array_size(w->output),
                            "item", item),
                  err);
    if (json_array_append_new(w->output, item) != 0 && rc == 0)
        rc = wf_face_no_memory(err);
    w->kind = ITEM_NONE;
    return rc;
}

static int open_item(struct wf_openai_response_writer *w, enum item_kind kind,
                     const struct wf_gen_event *e, struct wf_err *err)
{
    static const char *const prefixes[] = {"", "rs_", "msg_", "fc_"};
    int rc = close_item(w, "completed", err);

    if (rc != 0)
        return rc;
    w->kind = kind;
    w->item_id = wf_face_id(w->c, prefixes[kind]);
    wf_buf_reset(&w->text);
    json_decref(w->logprobs);
    w->logprobs = json_array();
    if (kind == ITEM_CALL) {
        json_decref(w->call_id);
        json_decref(w->call_name);
        w->call_id = wf_json_repaired(e->call_id);
        w->call_name = wf_json_repaired(e->call_name);
    }
    if (!w->item_id || !w->logprobs || (kind == ITEM_CALL && (!w->call_id || !w->call_name))) {
        w->kind = ITEM_NONE;
        return wf_face_no_memory(err);
    }
    rc = emit(w, "response.output_item.added",
              json_pack("{s:I, s:o}", "output_index", (json_int_t)json_array_size(w->output),
                        "item", item_json(w, "in_progress", true)),
              err);
    if (rc == 0 && kind != ITEM_CALL)
        rc = emit(w, "response.content_part.added", with(at_part(w), "part", part_json(w)), err);
    return rc;
}

/* ---- the engine's events ---- */

static int add_text(struct wf_openai_response_writer *w, const struct wf_gen_event *e,
                    const char *type, struct wf_err *err)
{
    json_t *delta =
        with(w->kind == ITEM_CALL ? at(w) : at_part(w), "delta", wf_json_repaired(e->text));
    json_t *logprobs;

    if (w->kind == ITEM_MESSAGE) {
        logprobs =
            w->q->q.wants_logprobs ? wf_face_logprobs(e->logprobs, e->n_logprobs) : json_array();
        json_array_extend(w->logprobs, logprobs);
        delta = with(delta, "logprobs", logprobs);
    }
    if (wf_buf_append_str(&w->text, e->text) != 0 || !delta) {
        json_decref(delta);
        return wf_face_no_memory(err);
    }
    return emit(w, type, delta, err);
}

static int take(struct wf_openai_response_writer *w, const struct wf_gen_event *e,
                struct wf_err *err)
{
    int rc = 0;

    switch (e->kind) {
    case WF_GEN_TEXT:
        if (w->kind != ITEM_MESSAGE)
            rc = open_item(w, ITEM_MESSAGE, e, err);
        return rc == 0 ? add_text(w, e, "response.output_text.delta", err) : rc;
    case WF_GEN_REASONING:
        if (w->kind != ITEM_REASONING)
            rc = open_item(w, ITEM_REASONING, e, err);
        return rc == 0 ? add_text(w, e, "response.reasoning_text.delta", err) : rc;
    case WF_GEN_CALL:
        return open_item(w, ITEM_CALL, e, err);
    case WF_GEN_ARGUMENTS:
        if (w->kind != ITEM_CALL)
            return wf_err_set(err, WF_E_FORMAT, "Arguments came before their tool call.");
        return add_text(w, e, "response.function_call_arguments.delta", err);
    case WF_GEN_END:
        w->finish = e->finish;
        return close_item(w, e->finish == WF_FINISH_LENGTH ? "incomplete" : "completed", err);
    }
    return 0;
}

/* ---- the response ---- */

static json_t *usage_json(const struct wf_gen_usage *u)
{
    return json_pack("{s:I, s:{s:I, s:I}, s:I, s:{s:I}, s:I}", "input_tokens",
                     (json_int_t)u->n_prompt, "input_tokens_details", "cached_tokens",
                     (json_int_t)u->n_cached, "truncated_tokens", (json_int_t)u->n_truncated,
                     "output_tokens", (json_int_t)u->n_written, "output_tokens_details",
                     "reasoning_tokens", (json_int_t)u->n_reasoning, "total_tokens",
                     (json_int_t)(u->n_prompt + u->n_written));
}

/* A setting as people write it: 0.8, not 0.800000011920929. */
static json_t *setting(float x)
{
    return json_real(round((double)x * 1e6) / 1e6);
}

static json_t *text_or_null(const char *s)
{
    return s ? json_string(s) : json_null();
}

/* What was asked for, as the response repeats it. */
static json_t *asked_json(const struct wf_openai_response_writer *w)
{
    const struct wf_openai_response *q = w->q;
    json_t *text = q->text ? json_deep_copy(q->text) : json_object();

    if (text && !json_is_object(json_object_get(text, "format")))
        json_object_set_new(text, "format", json_pack("{s:s}", "type", "text"));
    return json_pack(
        "{s:o, s:o, s:b, s:o, s:{s:o, s:n}, s:b, s:o, s:o, s:o, s:o, s:I, s:o, s:s, s:o, s:b, s:n}",
        "instructions", text_or_null(q->instructions), "max_output_tokens",
        q->q.n_max > 0 ? json_integer((json_int_t)q->q.n_max) : json_null(), "parallel_tool_calls",
        (int)q->q.tools.parallel, "previous_response_id", text_or_null(q->previous), "reasoning",
        "effort", text_or_null(q->effort), "summary", "store", (int)q->store, "temperature",
        setting(q->q.sampling.temperature), "text", text, "tool_choice",
        q->tool_choice ? json_incref((json_t *)(uintptr_t)q->tool_choice) : json_string("auto"),
        "tools", q->tools ? json_incref((json_t *)(uintptr_t)q->tools) : json_array(),
        "top_logprobs", (json_int_t)q->q.n_top_logprobs, "top_p", setting(q->q.sampling.top_p),
        "truncation", q->truncation ? q->truncation : "disabled", "metadata",
        q->metadata ? json_incref((json_t *)(uintptr_t)q->metadata) : json_object(), "background",
        0, "user");
}

/* `usage` and `error` (NULL: null) are taken over. */
static json_t *response_json(const struct wf_openai_response_writer *w, const char *status,
                             json_t *usage, json_t *error)
{
    bool cut = strcmp(status, "incomplete") == 0;
    json_t *v = asked_json(w);
    json_t *own = json_pack("{s:s, s:s, s:I, s:s, s:s, s:O, s:o, s:o, s:o}", "id", w->q->id,
                            "object", "response", "created_at", w->created_s, "status", status,
                            "model", wf_gen_usage(w->g)->model, "output", w->output, "usage",
                            usage ? usage : json_null(), "error", error ? error : json_null(),
                            "incomplete_details",
                            cut ? json_pack("{s:s}", "reason", "max_output_tokens") : json_null());
    bool ok = v && own && json_object_update(own, v) == 0;

    json_decref(v);
    if (ok)
        return own;
    json_decref(own);
    return NULL;
}

/* ---- for the next request ---- */

/* Joins what one turn wrote into one message behind the conversation. */
static int add_turn(struct wf_openai_response_writer *w)
{
    json_t *m = json_pack("{s:s}", "role", "assistant"), *item, *calls = json_array();
    size_t i;

    json_array_foreach(w->output, i, item)
    {
        const char *type = wf_json_text(item, "type");
        const json_t *part = json_array_get(json_object_get(item, "content"), 0);
        if (strcmp(type, "reasoning") == 0)
            json_object_set(m, "reasoning_content", json_object_get(part, "text"));
        else if (strcmp(type, "message") == 0)
            json_object_set(m, "content", json_object_get(part, "text"));
        else
            json_array_append_new(calls,
                                  json_pack("{s:O, s:s, s:{s:O, s:O}}", "id",
                                            json_object_get(item, "call_id"), "type", "function",
                                            "function", "name", json_object_get(item, "name"),
                                            "arguments", json_object_get(item, "arguments")));
    }
    if (json_array_size(calls) > 0)
        json_object_set(m, "tool_calls", calls);
    json_decref(calls);
    return json_array_append_new(w->q->conversation, m);
}

/* A response that cannot be kept says so by store: false. */
static void keep(struct wf_openai_response_writer *w, json_t *response)
{
    struct wf_buf b, messages;
    int rc = add_turn(w);

    wf_buf_init(&b, WF_LIMIT_RESPONSES_BYTES);
    wf_buf_init(&messages, WF_LIMIT_RESPONSES_BYTES);
    if (rc == 0)
        rc = wf_json_append(&b, response);
    if (rc == 0)
        rc = wf_json_append(&messages, w->q->conversation);
    if (rc == 0)
        rc = wf_response_store_put(w->c->r->http->responses, w->q->id, wf_buf_str(&b),
                                   wf_buf_str(&messages));
    if (rc != 0)
        json_object_set_new(response, "store", json_false());
    wf_buf_deinit(&b);
    wf_buf_deinit(&messages);
}

/* ---- all of it ---- */

static int begin(struct wf_openai_response_writer *w, struct wf_err *err)
{
    const struct wf_gen_usage *u = wf_gen_usage(w->g);
    int rc = 0;

    wf_face_about_gen(w->c, u);
    if (!w->q->stream)
        return 0;
    wf_face_stream(w->c, false);
    rc = emit(w, "response.created",
              json_pack("{s:o}", "response", response_json(w, "in_progress", NULL, NULL)), err);
    if (rc == 0)
        rc = emit(w, "response.in_progress",
                  json_pack("{s:o}", "response", response_json(w, "in_progress", NULL, NULL)), err);
    return rc;
}

static int finish(struct wf_openai_response_writer *w, struct wf_err *err)
{
    bool cut = w->finish == WF_FINISH_LENGTH;
    json_t *response;
    int rc = 0;

    response =
        response_json(w, cut ? "incomplete" : "completed", usage_json(wf_gen_usage(w->g)), NULL);
    if (!response)
        return wf_face_no_memory(err);
    if (w->q->store)
        keep(w, response);
    if (!w->q->stream) {
        wf_face_answer(w->c, 200, response);
        return 0;
    }
    rc = emit(w, cut ? "response.incomplete" : "response.completed",
              json_pack("{s:o}", "response", response), err);
    if (rc == 0)
        wf_face_stream_end(w->c);
    return rc;
}

/* The last event of a stream that cannot go on. */
static void fail(struct wf_openai_response_writer *w, const struct wf_err *why)
{
    struct wf_err err = WF_ERR_INIT;
    json_t *error;

    if (!w->c->streams) {
        wf_face_fail(w->c, why);
        return;
    }
    error = json_pack("{s:s, s:s}", "code", "server_error", "message", why->msg);
    if (emit(w, "response.failed",
             json_pack("{s:o}", "response", response_json(w, "failed", NULL, error)), &err) == 0)
        wf_face_stream_end(w->c);
    else
        wf_answer_break(w->c->r);
}

static int take_event(struct wf_face_pump *p, const struct wf_gen_event *e, struct wf_err *err)
{
    return take(WF_CONTAINER(p, struct wf_openai_talk, pump)->w, e, err);
}

static void end(struct wf_face_pump *p, int rc, struct wf_err *err)
{
    struct wf_openai_response_writer *w = WF_CONTAINER(p, struct wf_openai_talk, pump)->w;

    if (rc == 0)
        rc = finish(w, err);
    if (rc != 0)
        fail(w, err);
}

static void release(struct wf_face_pump *p)
{
    struct wf_openai_response_writer *w = WF_CONTAINER(p, struct wf_openai_talk, pump)->w;

    json_decref(w->output);
    json_decref(w->call_id);
    json_decref(w->call_name);
    json_decref(w->logprobs);
    wf_buf_deinit(&w->text);
    wf_free(w);
}

static int begin_answer(struct wf_face_pump *p, struct wf_err *err)
{
    return begin(WF_CONTAINER(p, struct wf_openai_talk, pump)->w, err);
}

int wf_openai_response_begin(struct wf_openai_talk *t, struct wf_err *err)
{
    struct wf_openai_response_writer *w = wf_alloc_array(1, sizeof(*w));

    if (w == NULL)
        return wf_face_no_memory(err);
    *w = (struct wf_openai_response_writer){.c = &t->pump.c,
                                            .q = &t->q,
                                            .g = t->pump.g,
                                            .created_s = wf_face_now_s(&t->pump.c),
                                            .output = json_array()};
    wf_buf_init(&w->text, WF_LIMIT_FRAME_BYTES);
    t->w = w;
    t->pump.begin = begin_answer;
    t->pump.event = take_event;
    t->pump.end = end;
    t->pump.release = release;
    return w->output != NULL ? 0 : wf_face_no_memory(err);
}
