/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI's responses: items instead of messages; calls and their results are items of their own.
 * Nothing is kept at the provider (store: false), so each request brings the whole conversation. It
 * knows no stop texts: the reader looks for them itself. */
#include <string.h>

#include "base/json.h"
#include "route/provider_internal.h"

/* ---- the request ---- */

static void write_picture(struct wf_writing *w, const json_t *part)
{
    const json_t *image = json_object_get(part, "image_url");

    wf_out_cstr(&w->out, "type", "input_image");
    wf_out_text(&w->out, "image_url",
                wf_reading__str(json_is_object(image) ? json_object_get(image, "url") : image));
}

static int write_content(struct wf_writing *w, const json_t *content, bool is_answer)
{
    struct wf_content_part part;
    json_t *v;
    size_t i;

    if (!json_is_array(content)) {
        wf_out_text(&w->out, "content", wf_reading__str(content));
        return 0;
    }
    wf_out_open(&w->out, "content", '[');
    json_array_foreach((json_t *)(uintptr_t)content, i, v)
    {
        if (!wf_writing__part(w, v, &part))
            return WF_E_UNSUPPORTED;
        wf_out_open(&w->out, NULL, '{');
        if (part.is_image) {
            write_picture(w, v);
        } else {
            wf_out_cstr(&w->out, "type", is_answer ? "output_text" : "input_text");
            wf_out_text(&w->out, "text", part.text);
        }
        wf_out_close(&w->out, '}');
    }
    wf_out_close(&w->out, ']');
    return 0;
}

static void write_calls(struct wf_writing *w, const json_t *calls)
{
    json_t *call;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)calls, i, call)
    {
        const json_t *f = json_object_get(call, "function");
        wf_out_open(&w->out, NULL, '{');
        wf_out_cstr(&w->out, "type", "function_call");
        wf_out_cstr(&w->out, "call_id", wf_json_text(call, "id"));
        wf_out_cstr(&w->out, "name", wf_json_text(f, "name"));
        wf_out_text(&w->out, "arguments", wf_reading__str(json_object_get(f, "arguments")));
        wf_out_close(&w->out, '}');
    }
}

static int write_message(struct wf_writing *w, const json_t *m)
{
    const char *role = wf_json_text(m, "role");
    const json_t *content = json_object_get(m, "content");
    int rc = 0;

    if (strcmp(role, "tool") == 0) {
        wf_out_open(&w->out, NULL, '{');
        wf_out_cstr(&w->out, "type", "function_call_output");
        wf_out_cstr(&w->out, "call_id", wf_json_text(m, "tool_call_id"));
        wf_writing__text(w, "output", content);
        wf_out_close(&w->out, '}');
        return 0;
    }
    if (wf_writing__has_text(content) || json_is_array(content)) {
        wf_out_open(&w->out, NULL, '{');
        wf_out_cstr(&w->out, "role", role);
        rc = write_content(w, content, strcmp(role, "assistant") == 0);
        wf_out_close(&w->out, '}');
    }
    if (json_string_length(json_object_get(m, "reasoning_content")) > 0)
        wf_writing__leave(w, "reasoning_content");
    write_calls(w, json_object_get(m, "tool_calls"));
    return rc;
}

static void write_tools(struct wf_writing *w)
{
    static const char *const choices[] = {"auto", "none", "required", NULL};
    const struct wf_tool_rules *t = &w->q->tools;
    json_t *tool;
    size_t i;

    if (json_array_size(t->tools) == 0)
        return;
    wf_out_open(&w->out, "tools", '[');
    json_array_foreach((json_t *)(uintptr_t)t->tools, i, tool)
    {
        const json_t *f = json_object_get(tool, "function");
        const json_t *schema = json_object_get(f, "parameters");
        wf_out_open(&w->out, NULL, '{');
        wf_out_cstr(&w->out, "type", "function");
        wf_out_cstr(&w->out, "name", wf_json_text(f, "name"));
        if (wf_json_text(f, "description")[0])
            wf_out_cstr(&w->out, "description", wf_json_text(f, "description"));
        if (json_is_object(schema))
            wf_out_value(&w->out, "parameters", schema);
        else
            wf_out_null(&w->out, "parameters");
        /* Strict where it is asked for: here, unlike in chats, it would be the default. */
        wf_out_bool(&w->out, "strict", json_is_true(json_object_get(f, "strict")));
        wf_out_close(&w->out, '}');
    }
    wf_out_close(&w->out, ']');
    if (t->choice == WF_TOOL_NAMED) {
        wf_out_open(&w->out, "tool_choice", '{');
        wf_out_cstr(&w->out, "type", "function");
        wf_out_cstr(&w->out, "name", t->name);
        wf_out_close(&w->out, '}');
    } else if (t->choice != WF_TOOL_AUTO) {
        wf_out_cstr(&w->out, "tool_choice", choices[t->choice]);
    }
    if (!t->parallel)
        wf_out_bool(&w->out, "parallel_tool_calls", false);
}

static void write_format(struct wf_writing *w)
{
    if (!w->q->schema)
        return;
    wf_out_open(&w->out, "text", '{');
    wf_out_open(&w->out, "format", '{');
    if (wf_writing__is_any_object(w->q->schema)) {
        wf_out_cstr(&w->out, "type", "json_object");
    } else {
        wf_out_cstr(&w->out, "type", "json_schema");
        wf_out_cstr(&w->out, "name", "answer");
        wf_out_value(&w->out, "schema", w->q->schema);
        wf_out_bool(&w->out, "strict", wf_writing__is_strict(w->q->schema));
    }
    wf_out_close(&w->out, '}');
    wf_out_close(&w->out, '}');
}

static int write_request(struct wf_writing *w)
{
    const struct wf_sampling *s = &w->q->sampling, d = wf_sampling_default();
    json_t *m;
    size_t i;
    int rc = 0;

    if (w->q->grammar)
        return wf_err_set(w->err, WF_E_UNSUPPORTED, "%s cannot keep to a grammar.", w->e->name);
    wf_out_open(&w->out, NULL, '{');
    wf_out_cstr(&w->out, "model", w->model);
    wf_out_open(&w->out, "input", '[');
    json_array_foreach((json_t *)(uintptr_t)w->q->messages, i, m)
    {
        rc = rc == 0 ? write_message(w, m) : rc;
    }
    wf_out_close(&w->out, ']');
    write_tools(w);
    write_format(w);
    if (w->effort_word) {
        wf_out_open(&w->out, "reasoning", '{');
        wf_out_cstr(&w->out, "effort", w->effort_word);
        wf_out_cstr(&w->out, "summary", "auto");
        wf_out_close(&w->out, '}');
    }
    wf_writing__real(w, "temperature", s->temperature, d.temperature);
    wf_writing__real(w, "top_p", s->top_p, d.top_p);
    wf_writing__leave_sampling(w, 0);
    if (w->q->n_max > 0)
        wf_out_int(&w->out, "max_output_tokens", (int64_t)w->q->n_max);
    wf_out_bool(&w->out, "store", false);
    if (w->streamed)
        wf_out_bool(&w->out, "stream", true);
    wf_out_close(&w->out, '}');
    return rc;
}

/* ---- the response ---- */

static void read_usage(struct wf_provider_reader *r, const json_t *u)
{
    struct wf_gen_usage *to = &r->usage;

    wf_reading__count(&to->n_prompt, json_object_get(u, "input_tokens"));
    wf_reading__count(&to->n_written, json_object_get(u, "output_tokens"));
    wf_reading__count(&to->n_cached,
                      json_object_get(json_object_get(u, "input_tokens_details"), "cached_tokens"));
    wf_reading__count(&to->n_reasoning, json_object_get(json_object_get(u, "output_tokens_details"),
                                                        "reasoning_tokens"));
}

static int begin_call(struct wf_provider_reader *r, int64_t index, const json_t *item)
{
    return wf_reading__call(r, 0, index, wf_reading__str(json_object_get(item, "call_id")),
                            wf_reading__str(json_object_get(item, "name")));
}

/* An item of a response that came whole. */
static int read_item(struct wf_provider_reader *r, int64_t index, const json_t *item)
{
    const char *type = wf_json_text(item, "type");
    json_t *part;
    size_t i;
    int rc = 0;

    if (strcmp(type, "function_call") == 0) {
        rc = begin_call(r, index, item);
        return rc == 0 ? wf_reading__arguments(r, 0, index,
                                               wf_reading__str(json_object_get(item, "arguments")))
                       : rc;
    }
    json_array_foreach(json_object_get(item, "summary"), i, part)
    {
        rc = rc == 0 ? wf_reading__text(r, 0, WF_GEN_REASONING, json_object_get(part, "text")) : rc;
    }
    json_array_foreach(json_object_get(item, "content"), i, part)
    {
        const char *kind = wf_json_text(part, "type");
        if (rc == 0 && strcmp(kind, "refusal") == 0)
            rc = wf_reading__text(r, 0, WF_GEN_TEXT, json_object_get(part, "refusal"));
        else if (rc == 0)
            rc = wf_reading__text(
                r, 0, strcmp(kind, "reasoning_text") == 0 ? WF_GEN_REASONING : WF_GEN_TEXT,
                json_object_get(part, "text"));
    }
    return rc;
}

/* The response is over: completed, incomplete or failed. */
static int finish(struct wf_provider_reader *r, const json_t *response)
{
    const char *status = wf_json_text(response, "status");
    const char *why = wf_json_text(json_object_get(response, "incomplete_details"), "reason");

    read_usage(r, json_object_get(response, "usage"));
    r->is_done = true;
    if (json_is_object(json_object_get(response, "error")) || strcmp(status, "failed") == 0)
        return wf_reading__error(r, response);
    if (strcmp(why, "content_filter") == 0)
        return wf_reading__filtered(r, NULL);
    return wf_reading__finish(
        r, 0, strcmp(status, "incomplete") == 0 ? WF_FINISH_LENGTH : WF_FINISH_STOP, WF_STR(""));
}

static int read_whole(struct wf_provider_reader *r, const json_t *v)
{
    json_t *item;
    size_t i;
    int rc = 0;

    wf_reading__model(r, wf_json_text(v, "model"));
    json_array_foreach(json_object_get(v, "output"), i, item)
    {
        rc = rc == 0 ? read_item(r, (int64_t)i, item) : rc;
    }
    return rc == 0 ? finish(r, v) : rc;
}

/* An item is done: its arguments, where they did not come in pieces. */
static int end_item(struct wf_provider_reader *r, int64_t index, const json_t *item)
{
    int rc;

    if (strcmp(wf_json_text(item, "type"), "function_call") != 0)
        return 0;
    rc = begin_call(r, index, item);
    if (rc == 0 && !wf_reading__has_arguments(r, 0, index))
        rc =
            wf_reading__arguments(r, 0, index, wf_reading__str(json_object_get(item, "arguments")));
    return rc;
}

static int read_event(struct wf_provider_reader *r, const json_t *v)
{
    static const struct {
        const char *type;
        enum wf_gen_event_kind kind;
    } deltas[] = {
        {"response.output_text.delta", WF_GEN_TEXT},
        {"response.refusal.delta", WF_GEN_TEXT},
        {"response.reasoning_text.delta", WF_GEN_REASONING},
        {"response.reasoning_summary_text.delta", WF_GEN_REASONING},
    };
    const char *type = wf_json_text(v, "type");
    const json_t *response = json_object_get(v, "response"), *item = json_object_get(v, "item");
    const json_t *delta = json_object_get(v, "delta");
    int64_t index = json_integer_value(json_object_get(v, "output_index"));

    if (strcmp(type, "error") == 0 || json_is_array(v))
        return wf_reading__error(r, v);
    if (strcmp(wf_json_text(v, "object"), "response") == 0)
        return read_whole(r, v);
    if (!type[0] && json_object_get(v, "error"))
        return wf_reading__error(r, v);
    for (size_t i = 0; i < WF_ARRAY_LEN(deltas); i++) {
        if (strcmp(type, deltas[i].type) == 0)
            return wf_reading__text(r, 0, deltas[i].kind, delta);
    }
    wf_reading__model(r, wf_json_text(response, "model"));
    if (strcmp(type, "response.output_item.added") == 0)
        return strcmp(wf_json_text(item, "type"), "function_call") == 0 ? begin_call(r, index, item)
                                                                        : 0;
    if (strcmp(type, "response.function_call_arguments.delta") == 0)
        return wf_reading__arguments(r, 0, index, wf_reading__str(delta));
    if (strcmp(type, "response.output_item.done") == 0)
        return end_item(r, index, item);
    if (strcmp(type, "response.completed") == 0 || strcmp(type, "response.incomplete") == 0 ||
        strcmp(type, "response.failed") == 0)
        return finish(r, response);
    return 0;
}

const struct wf_provider_ops wf_provider__responses = {
    .abilities = WF_ABILITY_TOOLS | WF_ABILITY_IMAGES | WF_ABILITY_SCHEMA | WF_ABILITY_REASONING,
    .write = write_request,
    .read = read_event,
};
