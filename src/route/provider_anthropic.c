/* SPDX-License-Identifier: Apache-2.0 */
/* Anthropic's messages: system texts stand beside the conversation, content is blocks, turns
 * alternate, results of tools are the person's. Thoughts of the past are not sent: they would need
 * the signature of Anthropic's own servers. */
#include <string.h>

#include "base/json.h"
#include "route/provider_internal.h"

#define OUTPUT_DEFAULT 8192
#define THINKING_MIN 1024

/* ---- the request ---- */

static void write_system(struct wf_writing *w)
{
    bool begun = false;
    json_t *m;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)w->q->messages, i, m)
    {
        const json_t *content = json_object_get(m, "content");
        if (strcmp(wf_json_text(m, "role"), "system") != 0 || !wf_writing__has_text(content))
            continue;
        if (!begun)
            wf_out_open(&w->out, "system", '[');
        begun = true;
        wf_out_open(&w->out, NULL, '{');
        wf_out_cstr(&w->out, "type", "text");
        wf_writing__text(w, "text", content);
        wf_out_close(&w->out, '}');
    }
    if (begun)
        wf_out_close(&w->out, ']');
}

static void write_text(struct wf_writing *w, struct wf_str text, bool is_last)
{
    /* The last message may not end with white space where the answer goes on from it. */
    while (is_last && text.len > 0 && strchr(" \t\r\n", text.ptr[text.len - 1]))
        text.len--;
    if (text.len == 0)
        return;
    wf_out_open(&w->out, NULL, '{');
    wf_out_cstr(&w->out, "type", "text");
    wf_out_text(&w->out, "text", text);
    wf_out_close(&w->out, '}');
}

static void write_image(struct wf_writing *w, const struct wf_content_part *part)
{
    wf_out_open(&w->out, NULL, '{');
    wf_out_cstr(&w->out, "type", "image");
    wf_out_open(&w->out, "source", '{');
    if (part->url.len > 0) {
        wf_out_cstr(&w->out, "type", "url");
        wf_out_text(&w->out, "url", part->url);
    } else {
        wf_out_cstr(&w->out, "type", "base64");
        wf_out_text(&w->out, "media_type", part->media_type);
        wf_out_text(&w->out, "data", part->base64);
    }
    wf_out_close(&w->out, '}');
    wf_out_close(&w->out, '}');
}

static int write_blocks(struct wf_writing *w, const json_t *content, bool is_last)
{
    struct wf_content_part part;
    json_t *v;
    size_t i;

    write_text(w, wf_reading__str(content), is_last);
    json_array_foreach((json_t *)(uintptr_t)content, i, v)
    {
        if (!wf_writing__part(w, v, &part))
            return WF_E_UNSUPPORTED;
        if (part.is_image)
            write_image(w, &part);
        else
            write_text(w, part.text, is_last);
    }
    return 0;
}

static int write_result(struct wf_writing *w, const json_t *m)
{
    int rc;

    wf_out_open(&w->out, NULL, '{');
    wf_out_cstr(&w->out, "type", "tool_result");
    wf_out_cstr(&w->out, "tool_use_id", wf_json_text(m, "tool_call_id"));
    wf_out_open(&w->out, "content", '[');
    rc = write_blocks(w, json_object_get(m, "content"), false);
    wf_out_close(&w->out, ']');
    wf_out_close(&w->out, '}');
    return rc;
}

static int write_calls(struct wf_writing *w, const json_t *calls)
{
    json_t *call;
    size_t i;
    int rc = 0;

    json_array_foreach((json_t *)(uintptr_t)calls, i, call)
    {
        if (rc != 0)
            return rc;
        wf_out_open(&w->out, NULL, '{');
        wf_out_cstr(&w->out, "type", "tool_use");
        wf_out_cstr(&w->out, "id", wf_json_text(call, "id"));
        wf_out_cstr(&w->out, "name", wf_json_text(json_object_get(call, "function"), "name"));
        rc = wf_writing__arguments(w, "input", call);
        wf_out_close(&w->out, '}');
    }
    return rc;
}

static bool is_empty(const json_t *m)
{
    return !wf_writing__has_text(json_object_get(m, "content")) &&
           !json_is_array(json_object_get(m, "content")) &&
           json_array_size(json_object_get(m, "tool_calls")) == 0;
}

static int write_messages(struct wf_writing *w)
{
    size_t n = json_array_size(w->q->messages);
    const char *open = "";
    int rc = 0;

    wf_out_open(&w->out, "messages", '[');
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const json_t *m = json_array_get(w->q->messages, i);
        const char *role = wf_json_text(m, "role");
        bool is_result = strcmp(role, "tool") == 0;
        const char *as = strcmp(role, "assistant") == 0 ? "assistant" : "user";
        if (strcmp(role, "system") == 0 || (!is_result && is_empty(m)))
            continue;
        if (strcmp(open, as) != 0) {
            if (open[0]) {
                wf_out_close(&w->out, ']');
                wf_out_close(&w->out, '}');
            }
            open = as;
            wf_out_open(&w->out, NULL, '{');
            wf_out_cstr(&w->out, "role", as);
            wf_out_open(&w->out, "content", '[');
        }
        if (json_string_length(json_object_get(m, "reasoning_content")) > 0)
            wf_writing__leave(w, "reasoning_content");
        rc = is_result ? write_result(w, m)
                       : write_blocks(w, json_object_get(m, "content"), i + 1 == n && as[0] == 'a');
        if (rc == 0)
            rc = write_calls(w, json_object_get(m, "tool_calls"));
    }
    if (open[0]) {
        wf_out_close(&w->out, ']');
        wf_out_close(&w->out, '}');
    } else if (rc == 0) {
        rc = wf_writing__bad(w, "all of them are empty");
    }
    wf_out_close(&w->out, ']');
    return rc;
}

static void write_tools(struct wf_writing *w)
{
    static const char *const choices[] = {"auto", "none", "any", "tool"};
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
        wf_out_cstr(&w->out, "name", wf_json_text(f, "name"));
        if (wf_json_text(f, "description")[0])
            wf_out_cstr(&w->out, "description", wf_json_text(f, "description"));
        if (json_is_object(schema))
            wf_out_value(&w->out, "input_schema", schema);
        else
            wf_out_raw(&w->out, "input_schema", WF_STR("{\"type\":\"object\"}"));
        wf_out_close(&w->out, '}');
    }
    wf_out_close(&w->out, ']');
    wf_out_open(&w->out, "tool_choice", '{');
    wf_out_cstr(&w->out, "type", choices[t->choice]);
    if (t->choice == WF_TOOL_NAMED)
        wf_out_cstr(&w->out, "name", t->name);
    if (!t->parallel && t->choice != WF_TOOL_NONE)
        wf_out_bool(&w->out, "disable_parallel_tool_use", true);
    wf_out_close(&w->out, '}');
}

/* Models before 4.6 are given a number of tokens to think with, later ones think as they see fit.
 */
static bool thinks_by_budget(const char *model)
{
    static const char *const old[] = {"claude-3", "-4-0", "-4-1", "-4-5", "-4-2025"};

    for (size_t i = 0; i < WF_ARRAY_LEN(old); i++) {
        if (strstr(model, old[i]))
            return true;
    }
    return false;
}

/* Whether thoughts can be asked for: not in the middle of calling tools (that needs the signed
 * thoughts before), nor beside a call that is demanded. */
static bool may_think(const struct wf_writing *w)
{
    const json_t *last = json_array_get(w->q->messages, json_array_size(w->q->messages) - 1);

    return strcmp(wf_json_text(last, "role"), "tool") != 0 && !w->q->continue_last &&
           w->q->tools.choice != WF_TOOL_REQUIRED && w->q->tools.choice != WF_TOOL_NAMED;
}

static bool write_thinking(struct wf_writing *w, int64_t n_max)
{
    static const int64_t budgets[] = {0, 0, 4096, 1024, 4096, 16384}; /* by enum wf_effort */
    int64_t budget = WF_MIN(budgets[w->effort], n_max / 2);

    if (w->effort < WF_EFFORT_ON)
        return false;
    if (!may_think(w) || (thinks_by_budget(w->model) && budget < THINKING_MIN)) {
        wf_writing__leave(w, "reasoning_effort");
        return false;
    }
    wf_out_open(&w->out, "thinking", '{');
    wf_out_cstr(&w->out, "type", thinks_by_budget(w->model) ? "enabled" : "adaptive");
    if (thinks_by_budget(w->model))
        wf_out_int(&w->out, "budget_tokens", budget);
    wf_out_close(&w->out, '}');
    return true;
}

static void write_config(struct wf_writing *w, bool thinks)
{
    static const char *const efforts[] = {NULL, NULL, NULL, "low", "medium", "high"};
    bool has_effort = thinks && efforts[w->effort] && !thinks_by_budget(w->model);

    if (!w->q->schema && !has_effort)
        return;
    wf_out_open(&w->out, "output_config", '{');
    if (has_effort)
        wf_out_cstr(&w->out, "effort", efforts[w->effort]);
    if (w->q->schema) {
        wf_out_open(&w->out, "format", '{');
        wf_out_cstr(&w->out, "type", "json_schema");
        wf_out_value(&w->out, "schema", w->q->schema);
        wf_out_close(&w->out, '}');
    }
    wf_out_close(&w->out, '}');
}

static void write_sampling(struct wf_writing *w, bool thinks)
{
    const struct wf_sampling *s = &w->q->sampling, d = wf_sampling_default();
    bool has_temperature = s->temperature < d.temperature || s->temperature > d.temperature;
    bool has_top_p = s->top_p < d.top_p || s->top_p > d.top_p;

    if (thinks && has_temperature)
        wf_writing__leave(w, "temperature");
    else if (has_temperature)
        wf_out_real(&w->out, "temperature", WF_MIN((double)s->temperature, 1));
    if (has_top_p && (thinks || has_temperature)) /* newer models take one of the two */
        wf_writing__leave(w, "top_p");
    else if (has_top_p)
        wf_out_real(&w->out, "top_p", (double)s->top_p);
    if (!thinks && s->top_k != d.top_k && s->top_k > 0)
        wf_out_int(&w->out, "top_k", s->top_k);
    wf_writing__leave_sampling(w, thinks ? 0 : WF_KNOWS_TOP_K);
    wf_writing__stops(w, "stop_sequences");
}

static int write_request(struct wf_writing *w)
{
    int64_t n_max = (int64_t)w->q->n_max;
    bool thinks;
    int rc;

    if (n_max == 0)
        n_max = w->e->n_output_max > 0 ? w->e->n_output_max : OUTPUT_DEFAULT;
    wf_out_open(&w->out, NULL, '{');
    wf_out_cstr(&w->out, "model", w->model);
    wf_out_int(&w->out, "max_tokens", n_max);
    write_system(w);
    rc = write_messages(w);
    write_tools(w);
    thinks = write_thinking(w, n_max);
    write_config(w, thinks);
    write_sampling(w, thinks);
    if (w->streamed)
        wf_out_bool(&w->out, "stream", true);
    wf_out_close(&w->out, '}');
    return rc;
}

/* ---- the response ---- */

static void read_usage(struct wf_provider_reader *r, const json_t *u)
{
    struct wf_gen_usage *to = &r->usage;
    size_t n_plain = 0, n_made = 0;

    if (json_is_integer(json_object_get(u, "input_tokens"))) {
        wf_reading__count(&n_plain, json_object_get(u, "input_tokens"));
        wf_reading__count(&to->n_cached, json_object_get(u, "cache_read_input_tokens"));
        wf_reading__count(&n_made, json_object_get(u, "cache_creation_input_tokens"));
        to->n_prompt = n_plain + n_made + to->n_cached;
    }
    wf_reading__count(&to->n_written, json_object_get(u, "output_tokens"));
    wf_reading__count(&to->n_reasoning, json_object_get(json_object_get(u, "output_tokens_details"),
                                                        "thinking_tokens"));
}

/* A block begins, or is there whole. */
static int read_block(struct wf_provider_reader *r, int64_t index, const json_t *block)
{
    const char *type = wf_json_text(block, "type");
    const json_t *input = json_object_get(block, "input");
    int rc;

    if (strcmp(type, "text") == 0)
        return wf_reading__text(r, 0, WF_GEN_TEXT, json_object_get(block, "text"));
    if (strcmp(type, "thinking") == 0)
        return wf_reading__text(r, 0, WF_GEN_REASONING, json_object_get(block, "thinking"));
    if (strcmp(type, "tool_use") != 0)
        return 0;
    rc = wf_reading__call(r, 0, index, wf_reading__str(json_object_get(block, "id")),
                          wf_reading__str(json_object_get(block, "name")));
    if (rc == 0 && json_object_size(input) > 0)
        rc = wf_reading__arguments_object(r, 0, index, input);
    return rc;
}

static int read_delta(struct wf_provider_reader *r, int64_t index, const json_t *delta)
{
    const char *type = wf_json_text(delta, "type");

    if (strcmp(type, "text_delta") == 0)
        return wf_reading__text(r, 0, WF_GEN_TEXT, json_object_get(delta, "text"));
    if (strcmp(type, "thinking_delta") == 0)
        return wf_reading__text(r, 0, WF_GEN_REASONING, json_object_get(delta, "thinking"));
    if (strcmp(type, "input_json_delta") == 0 && wf_reading__knows_call(r, 0, index))
        return wf_reading__arguments(r, 0, index,
                                     wf_reading__str(json_object_get(delta, "partial_json")));
    return 0;
}

/* `v`: the message, or the delta of it. */
static int finish(struct wf_provider_reader *r, const json_t *v)
{
    const char *why = wf_json_text(v, "stop_reason");

    if (!why[0])
        return 0;
    if (strcmp(why, "refusal") == 0)
        return wf_reading__filtered(r, NULL);
    if (strcmp(why, "max_tokens") == 0 || strcmp(why, "model_context_window_exceeded") == 0)
        return wf_reading__finish(r, 0, WF_FINISH_LENGTH, WF_STR(""));
    if (strcmp(why, "tool_use") == 0)
        return wf_reading__finish(r, 0, WF_FINISH_TOOL_CALLS, WF_STR(""));
    if (strcmp(why, "stop_sequence") == 0)
        return wf_reading__finish(r, 0, WF_FINISH_STOP_TEXT,
                                  wf_reading__str(json_object_get(v, "stop_sequence")));
    return wf_reading__finish(r, 0, WF_FINISH_STOP, WF_STR(""));
}

static int read_message(struct wf_provider_reader *r, const json_t *v)
{
    json_t *block;
    size_t i;
    int rc = 0;

    wf_reading__model(r, wf_json_text(v, "model"));
    read_usage(r, json_object_get(v, "usage"));
    json_array_foreach(json_object_get(v, "content"), i, block)
    {
        rc = rc == 0 ? read_block(r, (int64_t)i, block) : rc;
    }
    return rc == 0 ? finish(r, v) : rc;
}

static int read_event(struct wf_provider_reader *r, const json_t *v)
{
    const char *type = wf_json_text(v, "type");
    int64_t index = json_integer_value(json_object_get(v, "index"));

    if (strcmp(type, "error") == 0 || json_object_get(v, "error") || json_is_array(v))
        return wf_reading__error(r, v);
    if (strcmp(type, "message") == 0)
        return read_message(r, v);
    if (strcmp(type, "message_start") == 0)
        return read_message(r, json_object_get(v, "message"));
    if (strcmp(type, "content_block_start") == 0)
        return read_block(r, index, json_object_get(v, "content_block"));
    if (strcmp(type, "content_block_delta") == 0)
        return read_delta(r, index, json_object_get(v, "delta"));
    if (strcmp(type, "message_delta") == 0) {
        read_usage(r, json_object_get(v, "usage"));
        return finish(r, json_object_get(v, "delta"));
    }
    r->is_done = r->is_done || strcmp(type, "message_stop") == 0;
    return 0; /* ping, ends of blocks, and what may be added */
}

const struct wf_provider_ops wf_provider__anthropic = {
    .abilities = WF_ABILITY_TOOLS | WF_ABILITY_IMAGES | WF_ABILITY_SCHEMA | WF_ABILITY_REASONING |
                 WF_ABILITY_CONTINUE,
    .has_stops = true,
    .write = write_request,
    .read = read_event,
};
