/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/responses: its items become messages. Every item becomes one message first, so that an
 * error names its place; then what one turn of the assistant wrote (thoughts, text, calls) is
 * joined, as chat templates want it. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "http/http_internal.h"
#include "http/openai.h"
#include "http/openai_response.h"
#include "http/response_store.h"
#include "op/json.h"

/* ---- items ---- */

static json_t *call_message(const json_t *item)
{
    return json_pack("{s:s, s:[{s:O, s:s, s:{s:O, s:O}}]}", "role", "assistant", "tool_calls", "id",
                     json_object_get(item, "call_id"), "type", "function", "function", "name",
                     json_object_get(item, "name"), "arguments",
                     json_object_get(item, "arguments"));
}

static json_t *result_message(const json_t *item)
{
    return json_pack("{s:s, s:O, s:O}", "role", "tool", "tool_call_id",
                     json_object_get(item, "call_id"), "content", json_object_get(item, "output"));
}

/* Thoughts as they were given out; a summary or sealed ones cannot be thought again. */
static json_t *reasoning_message(const json_t *item)
{
    json_t *m = json_pack("{s:s}", "role", "assistant"), *part;
    struct wf_buf b;
    size_t i;

    wf_buf_init(&b, WF_LIMIT_HTTP_MODEL_JSON_BYTES);
    json_array_foreach(json_object_get(item, "content"), i, part)
        wf_buf_append_cstr(&b, wf_json_text(part, "text"));
    if (b.len > 0)
        json_object_set_new(m, "reasoning_content", wf_json_str(wf_buf_str(&b)));
    wf_buf_deinit(&b);
    return m;
}

/* A new message, or NULL with err set. */
static json_t *item_message(struct wf_face_call *c, const char *place, const json_t *item,
                            struct wf_err *err)
{
    const char *type = wf_json_text(item, "type");
    json_t *m = NULL;

    if (!type[0] || strcmp(type, "message") == 0)
        m = json_pack("{s:O*, s:O*, s:O*, s:O*, s:O*}", "role", json_object_get(item, "role"),
                      "content", json_object_get(item, "content"), "weft_origin",
                      json_object_get(item, "weft_origin"), "weft_label",
                      json_object_get(item, "weft_label"), "metadata",
                      json_object_get(item, "metadata"));
    else if (strcmp(type, "function_call") == 0)
        m = call_message(item);
    else if (strcmp(type, "function_call_output") == 0)
        m = result_message(item);
    else if (strcmp(type, "reasoning") == 0)
        m = reasoning_message(item);
    else
        (void)wf_face_bad(c, place, "invalid_value", err,
                          "%s is of type \"%.40s\"; message, function_call, function_call_output "
                          "and reasoning are supported.",
                          place, type);
    if (!m && err->code == 0)
        (void)wf_face_bad(c, place, "invalid_value", err,
                          "%s lacks what a %.40s needs (call_id, name, arguments, output).", place,
                          type);
    return m;
}

/* Whether b goes on with the turn that a is. */
static bool is_same_turn(const json_t *a, const json_t *b)
{
    bool a_has_more = json_object_get(a, "content") || json_object_get(a, "tool_calls");

    if (strcmp(wf_json_text(a, "role"), "assistant") != 0 ||
        strcmp(wf_json_text(b, "role"), "assistant") != 0)
        return false;
    if (json_object_get(b, "content"))
        return !a_has_more; /* thoughts, then the text */
    return json_object_get(b, "tool_calls") != NULL;
}

static int join(json_t *a, const json_t *b)
{
    json_t *calls = json_object_get(a, "tool_calls"), *more = json_object_get(b, "tool_calls");

    if (calls && more)
        return json_array_extend(calls, more);
    return json_object_update(a, (json_t *)(uintptr_t)b);
}

/* Appends messages to q->conversation, turns joined. */
static int append(struct wf_openai_response *q, const json_t *messages, struct wf_err *err)
{
    json_t *m;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)messages, i, m)
    {
        size_t n = json_array_size(q->conversation);
        json_t *last = json_array_get(q->conversation, n - 1);
        int rc = i > 0 && last && is_same_turn(last, m) ? join(last, m)
                                                        : json_array_append(q->conversation, m);
        if (rc != 0)
            return wf_face_no_memory(err);
    }
    return 0;
}

static int read_items(struct wf_face_call *c, struct wf_openai_response *q, struct wf_err *err)
{
    json_t *raw = json_array(), *item;
    size_t i;
    int rc = raw ? 0 : wf_face_no_memory(err);

    if (rc == 0 && json_is_string(q->input))
        rc = json_array_append_new(
                 raw, json_pack("{s:s, s:O}", "role", "user", "content", q->input)) == 0
                 ? 0
                 : wf_face_no_memory(err);
    json_array_foreach((json_t *)(uintptr_t)q->input, i, item)
    {
        char place[32];
        json_t *m;
        snprintf(place, sizeof(place), "input[%zu]", i);
        m = rc == 0 ? item_message(c, place, item, err) : NULL;
        if (!m)
            rc = err->code;
        else if (json_array_append_new(raw, m) != 0)
            rc = wf_face_no_memory(err);
        if (rc != 0)
            break;
    }
    if (rc == 0)
        rc = wf_openai_read_messages(c, &q->q, "input", raw, err);
    json_decref(raw);
    return rc == 0 ? append(q, q->q.messages, err) : rc;
}

/* The conversation of previous_response_id. */
static int look_back(struct wf_face_call *c, struct wf_openai_response *q, struct wf_err *err)
{
    struct wf_buf b;
    json_t *earlier = NULL;
    int rc;

    if (!q->previous)
        return 0;
    wf_buf_init(&b, WF_LIMIT_RESPONSES_BYTES);
    if (!wf_response_store_get(c->r->http->responses, wf_str_from(q->previous), NULL, &b))
        rc = wf_buf_status(&b) != 0
                 ? wf_face_no_memory(err)
                 : wf_face_bad(c, "previous_response_id", "previous_response_not_found", err,
                               "There is no response \"%.80s\" any more. weft keeps the last ones "
                               "until it stops.",
                               q->previous);
    else
        rc = wf_json_parse(wf_buf_str(&b), &earlier, err);
    if (rc == 0 && json_array_extend(q->conversation, earlier) != 0)
        rc = wf_face_no_memory(err);
    json_decref(earlier);
    wf_buf_deinit(&b);
    return rc;
}

/* Instructions first; then the conversation, to which the answer will be added. */
static int make_messages(struct wf_face_call *c, struct wf_openai_response *q, struct wf_err *err)
{
    json_t *all = wf_face_keep(c, json_array());

    if (all && q->instructions &&
        json_array_append_new(
            all, json_pack("{s:s, s:s}", "role", "system", "content", q->instructions)) != 0)
        return wf_face_no_memory(err);
    if (!all || json_array_extend(all, q->conversation) != 0)
        return wf_face_no_memory(err);
    q->q.messages = all;
    return 0;
}

/* ---- tools: flat here, nested in chats ---- */

static int read_tools(struct wf_face_call *c, struct wf_openai_response *q, struct wf_err *err)
{
    json_t *nested, *tool;
    size_t i;

    if (!q->tools)
        return 0;
    nested = wf_face_keep(c, json_array());
    if (!nested)
        return wf_face_no_memory(err);
    json_array_foreach((json_t *)(uintptr_t)q->tools, i, tool)
    {
        json_t *f = json_pack("{s:O*, s:O*, s:O*}", "name", json_object_get(tool, "name"),
                              "description", json_object_get(tool, "description"), "parameters",
                              json_object_get(tool, "parameters"));
        if (json_array_append_new(nested,
                                  json_pack("{s:O*, s:o}", "type", json_object_get(tool, "type"),
                                            "function", f)) != 0)
            return wf_face_no_memory(err);
    }
    return wf_openai_read_tools(c, &q->q, nested, err);
}

/* ---- parameters ---- */

static int read_input(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                      struct wf_err *err)
{
    struct wf_openai_response *q = into;

    if (!json_is_string(v) && json_array_size(v) == 0)
        return wf_face_bad(c, name, "invalid_type", err,
                           "\"%s\" must be a text or an array of at least one item.", name);
    q->input = v;
    return 0;
}

static int read_choice(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                       struct wf_err *err)
{
    struct wf_openai_response *q = into;

    (void)c;
    (void)name;
    (void)err;
    q->tool_choice = v;
    return 0;
}

static int read_format(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                       struct wf_err *err)
{
    struct wf_openai_response *q = into;

    return wf_openai_read_format(c, &q->q, name, v, false, err);
}

static int read_text(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                     struct wf_err *err)
{
    static const struct wf_face_param rows[] = {
        {"format", WF_FACE_READ, 0, 0, 0, read_format, NULL},
        {"verbosity", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    };
    struct wf_face_table table = {rows, WF_ARRAY_LEN(rows), into};
    struct wf_openai_response *q = into;

    if (!json_is_object(v))
        return wf_face_bad(c, name, "invalid_type", err, "\"%s\" must be an object.", name);
    q->text = v;
    return wf_face_read(c, v, "text.", &table, 1, err);
}

static int read_effort(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                       struct wf_err *err)
{
    struct wf_openai_response *q = into;

    q->effort = json_string_value(v);
    return wf_openai_read_effort(c, &q->q, name, v, err);
}

static int read_reasoning(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                          struct wf_err *err)
{
    static const struct wf_face_param rows[] = {
        {"effort", WF_FACE_READ, 0, 0, 0, read_effort, NULL},
        {"summary", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
        {"generate_summary", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    };
    struct wf_face_table table = {rows, WF_ARRAY_LEN(rows), into};

    if (!json_is_object(v))
        return wf_face_bad(c, name, "invalid_type", err, "\"%s\" must be an object.", name);
    return wf_face_read(c, v, "reasoning.", &table, 1, err);
}

static int read_truncation(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                           struct wf_err *err)
{
    struct wf_openai_response *q = into;
    const char *s = json_string_value(v);

    if (!s || (strcmp(s, "auto") != 0 && strcmp(s, "disabled") != 0))
        return wf_face_bad(c, name, "invalid_value", err,
                           "\"%s\" must be \"auto\" or \"disabled\".", name);
    q->truncation = s;
    q->q.overflow = strcmp(s, "auto") == 0 ? WF_OVERFLOW_TRUNCATE : WF_OVERFLOW_REFUSE;
    return 0;
}

static int read_include(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                        struct wf_err *err)
{
    struct wf_openai_response *q = into;
    json_t *item;
    size_t i;

    if (!json_is_array(v))
        return wf_face_bad(c, name, "invalid_type", err, "\"%s\" must be an array.", name);
    json_array_foreach(v, i, item)
    {
        const char *what = json_string_value(item);
        char full[96];
        snprintf(full, sizeof(full), "include[%.60s]", what ? what : "");
        if (what && strcmp(what, "message.output_text.logprobs") == 0)
            q->q.wants_logprobs = true;
        else
            wf_face_ignore(c, full);
    }
    return 0;
}

static int read_background(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                           struct wf_err *err)
{
    (void)into;
    if (!json_is_false(v))
        return wf_face_bad(c, name, "unsupported_parameter", err,
                           "\"%s\" is not supported: responses are written while one waits.", name);
    return 0;
}

static int read_stream_options(struct wf_face_call *c, void *into, const char *name,
                               const json_t *v, struct wf_err *err)
{
    static const struct wf_face_param rows[] = {
        {"include_obfuscation", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    };
    struct wf_face_table table = {rows, WF_ARRAY_LEN(rows), into};

    if (!json_is_object(v))
        return wf_face_bad(c, name, "invalid_type", err, "\"%s\" must be an object.", name);
    return wf_face_read(c, v, "stream_options.", &table, 1, err);
}

#define FIELD(f) offsetof(struct wf_openai_response, f)
#define ROW(name, type, field)                                                                     \
    {                                                                                              \
        name, type, FIELD(field), 0, 0, NULL, NULL                                                 \
    }
#define READ(name, fn)                                                                             \
    {                                                                                              \
        name, WF_FACE_READ, 0, 0, 0, fn, NULL                                                      \
    }
#define IGNORED(name)                                                                              \
    {                                                                                              \
        name, WF_FACE_IGNORED, 0, 0, 0, NULL, NULL                                                 \
    }
#define REFUSED(name, why)                                                                         \
    {                                                                                              \
        name, WF_FACE_REFUSED, 0, 0, 0, NULL, why                                                  \
    }

static const struct wf_face_param rows[] = {
    READ("input", read_input),
    READ("tool_choice", read_choice),
    READ("text", read_text),
    READ("reasoning", read_reasoning),
    READ("truncation", read_truncation),
    READ("include", read_include),
    READ("background", read_background),
    READ("stream_options", read_stream_options),
    READ("max_output_tokens", wf_openai_read_max),
    ROW("instructions", WF_FACE_TEXT, instructions),
    ROW("previous_response_id", WF_FACE_TEXT, previous),
    ROW("tools", WF_FACE_ARRAY, tools),
    ROW("metadata", WF_FACE_OBJECT, metadata),
    ROW("store", WF_FACE_BOOL, store),
    ROW("stream", WF_FACE_BOOL, stream),
    ROW("parallel_tool_calls", WF_FACE_BOOL, q.tools.parallel),
    {"top_logprobs", WF_FACE_SIZE, FIELD(q.n_top_logprobs), 0, 20, NULL, NULL},
    IGNORED("prompt_cache_key"),
    IGNORED("prompt_cache_retention"),
    IGNORED("max_tool_calls"),
    REFUSED("prompt", "templates are not kept here; send instructions and input."),
    REFUSED("conversation", "send previous_response_id."),
};

int wf_openai_response_read(struct wf_face_call *c, struct wf_openai_response *q,
                            struct wf_err *err)
{
    const struct wf_face_table tables[] = {
        {rows, WF_ARRAY_LEN(rows), q},
        {wf_face_sampling_rows, wf_face_sampling_n_rows, &q->q},
    };
    int rc;

    *q = (struct wf_openai_response){.store = true};
    wf_face_request(c, &q->q);
    q->q.n_choices = 1;
    q->id = wf_face_id(c, "resp_");
    q->conversation = wf_face_keep(c, json_array());
    if (!q->conversation || !q->id)
        return wf_face_no_memory(err);
    rc = wf_face_read(c, c->body, "", tables, WF_ARRAY_LEN(tables), err);
    if (rc == 0 && !q->input)
        rc = wf_face_bad(c, "input", "missing_required_parameter", err, "\"input\" is missing.");
    if (rc == 0)
        rc = look_back(c, q, err);
    if (rc == 0)
        rc = read_items(c, q, err);
    if (rc == 0)
        rc = make_messages(c, q, err);
    if (rc == 0)
        rc = read_tools(c, q, err);
    if (rc == 0)
        rc = wf_openai_read_tool_choice(c, &q->q, q->tool_choice, false, err);
    if (rc == 0 && q->q.n_top_logprobs > 0)
        q->q.wants_logprobs = true;
    return rc == 0 ? wf_openai_check(c, &q->q, err) : rc;
}
