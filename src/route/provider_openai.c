/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI's chat completions: its own servers, Azure's, and the many that speak alike. The engine's
 * messages and tools are in this form already and go as they are, but for what OpenAI's servers
 * refuse: thoughts of the past. Servers of one's own get the sampling that they know besides. */
#include <string.h>

#include "base/json.h"
#include "route/provider_internal.h"

/* ---- the request ---- */

static int write_content(struct wf_writing *w, const json_t *content)
{
    struct wf_content_part part;
    json_t *v;
    size_t i;

    if (!json_is_array(content)) {
        if (json_is_string(content))
            wf_out_text(&w->out, "content", wf_reading__str(content));
        else
            wf_out_null(&w->out, "content");
        return 0;
    }
    json_array_foreach((json_t *)(uintptr_t)content, i, v)
    {
        if (!wf_writing__part(w, v, &part))
            return WF_E_UNSUPPORTED;
    }
    wf_out_value(&w->out, "content", content);
    return 0;
}

static int write_message(struct wf_writing *w, const json_t *m)
{
    static const char *const kept[] = {"name", "tool_call_id", "tool_calls"};
    const json_t *thoughts = json_object_get(m, "reasoning_content");
    int rc;

    wf_out_open(&w->out, NULL, '{');
    wf_out_cstr(&w->out, "role", wf_json_text(m, "role"));
    rc = write_content(w, json_object_get(m, "content"));
    for (size_t i = 0; i < WF_ARRAY_LEN(kept); i++) {
        const json_t *v = json_object_get(m, kept[i]);
        if (v && !json_is_null(v))
            wf_out_value(&w->out, kept[i], v);
    }
    if (json_string_length(thoughts) > 0) {
        if (wf_writing__is_own(w->e))
            wf_out_value(&w->out, "reasoning_content", thoughts);
        else
            wf_writing__leave(w, "reasoning_content");
    }
    wf_out_close(&w->out, '}');
    return rc;
}

static int write_messages(struct wf_writing *w)
{
    json_t *m;
    size_t i;
    int rc = 0;

    wf_out_open(&w->out, "messages", '[');
    json_array_foreach((json_t *)(uintptr_t)w->q->messages, i, m)
    {
        rc = rc == 0 ? write_message(w, m) : rc;
    }
    wf_out_close(&w->out, ']');
    return rc;
}

static void write_tools(struct wf_writing *w)
{
    static const char *const choices[] = {"auto", "none", "required", NULL};
    const struct wf_tool_rules *t = &w->q->tools;

    if (json_array_size(t->tools) == 0)
        return;
    wf_out_value(&w->out, "tools", t->tools);
    if (t->choice == WF_TOOL_NAMED) {
        wf_out_open(&w->out, "tool_choice", '{');
        wf_out_cstr(&w->out, "type", "function");
        wf_out_open(&w->out, "function", '{');
        wf_out_cstr(&w->out, "name", t->name);
        wf_out_close(&w->out, '}');
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
    wf_out_open(&w->out, "response_format", '{');
    if (wf_writing__is_any_object(w->q->schema)) {
        wf_out_cstr(&w->out, "type", "json_object");
    } else {
        wf_out_cstr(&w->out, "type", "json_schema");
        wf_out_open(&w->out, "json_schema", '{');
        wf_out_cstr(&w->out, "name", "answer");
        wf_out_value(&w->out, "schema", w->q->schema);
        if (wf_writing__is_strict(w->q->schema))
            wf_out_bool(&w->out, "strict", true);
        wf_out_close(&w->out, '}');
    }
    wf_out_close(&w->out, '}');
}

static void write_sampling(struct wf_writing *w)
{
    const struct wf_sampling *s = &w->q->sampling, d = wf_sampling_default();
    bool own = wf_writing__is_own(w->e);

    wf_writing__real(w, "temperature", s->temperature, d.temperature);
    wf_writing__real(w, "top_p", s->top_p, d.top_p);
    wf_writing__real(w, "frequency_penalty", s->frequency_penalty, 0);
    wf_writing__real(w, "presence_penalty", s->presence_penalty, 0);
    if (own) {
        if (s->top_k != d.top_k)
            wf_out_int(&w->out, "top_k", s->top_k);
        wf_writing__real(w, "min_p", s->min_p, d.min_p);
        wf_writing__real(w, "typical_p", s->typical_p, d.typical_p);
        wf_writing__real(w, "repeat_penalty", s->repeat_penalty, d.repeat_penalty);
        if (s->mirostat != 0)
            wf_out_int(&w->out, "mirostat", s->mirostat);
        if (w->q->grammar)
            wf_out_cstr(&w->out, "grammar", w->q->grammar);
    }
    wf_writing__leave_sampling(w, WF_KNOWS_PENALTIES |
                                      (own ? WF_KNOWS_TOP_K | WF_KNOWS_MIN_P | WF_KNOWS_MORE : 0u));
    wf_writing__stops(w, "stop");
}

static int write_request(struct wf_writing *w)
{
    bool is_openai = wf_writing__is_openai(w->e);
    int rc;

    wf_out_open(&w->out, NULL, '{');
    wf_out_cstr(&w->out, "model", w->model);
    rc = write_messages(w);
    write_tools(w);
    write_format(w);
    write_sampling(w);
    if (w->q->n_max > 0) /* OpenAI's newer models know only the new name, others only the old one */
        wf_out_int(&w->out, is_openai ? "max_completion_tokens" : "max_tokens",
                   (int64_t)w->q->n_max);
    if (w->q->n_choices > 1)
        wf_out_int(&w->out, "n", (int64_t)w->q->n_choices);
    if (w->effort_word)
        wf_out_cstr(&w->out, "reasoning_effort", w->effort_word);
    if (is_openai && w->e->protocol != WF_PROTOCOL_AZURE)
        wf_out_bool(&w->out, "store", false);
    if (w->streamed) {
        wf_out_bool(&w->out, "stream", true);
        wf_out_open(&w->out, "stream_options", '{');
        wf_out_bool(&w->out, "include_usage", true);
        wf_out_close(&w->out, '}');
    }
    wf_out_close(&w->out, '}');
    return rc;
}

/* ---- the response ---- */

static int read_call(struct wf_provider_reader *r, size_t i_choice, const json_t *call, size_t i)
{
    const json_t *f = json_object_get(call, "function"), *index = json_object_get(call, "index");
    int64_t key = json_is_integer(index) ? json_integer_value(index) : (int64_t)i;
    struct wf_str name = wf_reading__str(json_object_get(f, "name"));
    int rc = 0;

    /* Later pieces of a call have no name, or repeat it. */
    if (!wf_reading__knows_call(r, i_choice, key))
        rc = wf_reading__call(r, i_choice, key, wf_reading__str(json_object_get(call, "id")), name);
    if (rc == 0)
        rc = wf_reading__arguments_object(r, i_choice, key, json_object_get(f, "arguments"));
    return rc;
}

static int finish(struct wf_provider_reader *r, size_t i_choice, const json_t *choice)
{
    const char *why = wf_json_text(choice, "finish_reason");
    const json_t *stop = json_object_get(choice, "stop_reason"); /* vLLM's, and weft's */

    if (!why[0])
        return 0;
    if (strcmp(why, "content_filter") == 0)
        return wf_reading__filtered(r, NULL);
    if (strcmp(why, "length") == 0)
        return wf_reading__finish(r, i_choice, WF_FINISH_LENGTH, WF_STR(""));
    if (strcmp(why, "tool_calls") == 0)
        return wf_reading__finish(r, i_choice, WF_FINISH_TOOL_CALLS, WF_STR(""));
    if (json_string_length(stop) > 0)
        return wf_reading__finish(r, i_choice, WF_FINISH_STOP_TEXT, wf_reading__str(stop));
    return wf_reading__finish(r, i_choice, WF_FINISH_STOP, WF_STR(""));
}

static int read_choice(struct wf_provider_reader *r, const json_t *choice, size_t i)
{
    const json_t *index = json_object_get(choice, "index");
    const json_t *delta = json_object_get(choice, "delta"), *thoughts;
    json_t *call;
    size_t i_choice = json_is_integer(index) && json_integer_value(index) >= 0
                          ? (size_t)json_integer_value(index)
                          : i;
    size_t k;
    int rc;

    if (!json_is_object(delta))
        delta = json_object_get(choice, "message");
    thoughts = json_object_get(delta, "reasoning_content");
    if (!json_is_string(thoughts))
        thoughts = json_object_get(delta, "reasoning"); /* OpenRouter's, newer vLLM's */
    rc = wf_reading__text(r, i_choice, WF_GEN_REASONING, thoughts);
    if (rc == 0)
        rc = wf_reading__text(r, i_choice, WF_GEN_TEXT, json_object_get(delta, "content"));
    if (rc == 0)
        rc = wf_reading__text(r, i_choice, WF_GEN_TEXT, json_object_get(delta, "refusal"));
    json_array_foreach(json_object_get(delta, "tool_calls"), k, call)
    {
        rc = rc == 0 ? read_call(r, i_choice, call, k) : rc;
    }
    return rc == 0 ? finish(r, i_choice, choice) : rc;
}

static void read_usage(struct wf_provider_reader *r, const json_t *u)
{
    struct wf_gen_usage *to = &r->usage;

    wf_reading__count(&to->n_prompt, json_object_get(u, "prompt_tokens"));
    wf_reading__count(&to->n_written, json_object_get(u, "completion_tokens"));
    wf_reading__count(&to->n_cached, json_object_get(json_object_get(u, "prompt_tokens_details"),
                                                     "cached_tokens"));
    wf_reading__count(
        &to->n_reasoning,
        json_object_get(json_object_get(u, "completion_tokens_details"), "reasoning_tokens"));
}

static int read_chunk(struct wf_provider_reader *r, const json_t *v)
{
    const json_t *error = json_object_get(v, "error");
    json_t *choice;
    size_t i;
    int rc = 0;

    if (json_is_object(error) || json_is_string(error) || json_is_array(v))
        return wf_reading__error(r, v);
    wf_reading__model(r, wf_json_text(v, "model"));
    read_usage(r, json_object_get(v, "usage"));
    json_array_foreach(json_object_get(v, "choices"), i, choice)
    {
        rc = rc == 0 ? read_choice(r, choice, i) : rc;
    }
    return rc;
}

const struct wf_provider_ops wf_provider__openai = {
    .abilities = WF_ABILITY_TOOLS | WF_ABILITY_IMAGES | WF_ABILITY_SCHEMA | WF_ABILITY_REASONING |
                 WF_ABILITY_CHOICES,
    .has_stops = true,
    .write = write_request,
    .read = read_chunk,
};
