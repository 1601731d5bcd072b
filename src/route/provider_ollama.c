/* SPDX-License-Identifier: Apache-2.0 */
/* Ollama's chat: a line of JSON for each piece. Calls come whole, arguments as objects; results
 * name their tool; pictures stand beside the text. It knows nearly all of weft's sampling. */
#include <string.h>

#include "base/json.h"
#include "route/provider_internal.h"

/* ---- the request ---- */

static int write_images(struct wf_writing *w, const json_t *content)
{
    struct wf_content_part part;
    bool begun = false;
    json_t *v;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)content, i, v)
    {
        if (!wf_writing__part(w, v, &part))
            return WF_E_UNSUPPORTED;
        if (!part.is_image)
            continue;
        if (part.url.len > 0)
            return wf_err_set(w->err, WF_E_UNSUPPORTED,
                              "%s takes pictures themselves, not their addresses.", w->e->name);
        if (!begun)
            wf_out_open(&w->out, "images", '[');
        begun = true;
        wf_out_text(&w->out, NULL, part.base64);
    }
    if (begun)
        wf_out_close(&w->out, ']');
    return 0;
}

static int write_calls(struct wf_writing *w, const json_t *calls)
{
    json_t *call;
    size_t i;
    int rc = 0;

    if (json_array_size(calls) == 0)
        return 0;
    wf_out_open(&w->out, "tool_calls", '[');
    json_array_foreach((json_t *)(uintptr_t)calls, i, call)
    {
        if (rc != 0)
            return rc;
        wf_out_open(&w->out, NULL, '{');
        wf_out_cstr(&w->out, "id", wf_json_text(call, "id"));
        wf_out_open(&w->out, "function", '{');
        wf_out_cstr(&w->out, "name", wf_json_text(json_object_get(call, "function"), "name"));
        rc = wf_writing__arguments(w, "arguments", call);
        wf_out_close(&w->out, '}');
        wf_out_close(&w->out, '}');
    }
    wf_out_close(&w->out, ']');
    return rc;
}

static int write_message(struct wf_writing *w, size_t i)
{
    const json_t *m = json_array_get(w->q->messages, i);
    const json_t *thoughts = json_object_get(m, "reasoning_content");
    int rc;

    wf_out_open(&w->out, NULL, '{');
    wf_out_cstr(&w->out, "role", wf_json_text(m, "role"));
    wf_writing__text(w, "content", json_object_get(m, "content"));
    if (json_string_length(thoughts) > 0)
        wf_out_value(&w->out, "thinking", thoughts);
    if (strcmp(wf_json_text(m, "role"), "tool") == 0) {
        wf_out_cstr(&w->out, "tool_name", wf_writing__called(w, i));
        wf_out_cstr(&w->out, "tool_call_id", wf_json_text(m, "tool_call_id"));
    }
    rc = write_images(w, json_object_get(m, "content"));
    if (rc == 0)
        rc = write_calls(w, json_object_get(m, "tool_calls"));
    wf_out_close(&w->out, '}');
    return rc;
}

static void write_options(struct wf_writing *w)
{
    const struct wf_sampling *s = &w->q->sampling, d = wf_sampling_default();

    wf_out_open(&w->out, "options", '{');
    wf_writing__real(w, "temperature", s->temperature, d.temperature);
    wf_writing__real(w, "top_p", s->top_p, d.top_p);
    if (s->top_k != d.top_k)
        wf_out_int(&w->out, "top_k", s->top_k);
    wf_writing__real(w, "min_p", s->min_p, d.min_p);
    wf_writing__real(w, "typical_p", s->typical_p, d.typical_p);
    wf_writing__real(w, "repeat_penalty", s->repeat_penalty, d.repeat_penalty);
    wf_writing__real(w, "frequency_penalty", s->frequency_penalty, 0);
    wf_writing__real(w, "presence_penalty", s->presence_penalty, 0);
    if (s->mirostat != 0)
        wf_out_int(&w->out, "mirostat", s->mirostat);
    if (w->q->n_max > 0)
        wf_out_int(&w->out, "num_predict", (int64_t)w->q->n_max);
    wf_writing__stops(w, "stop");
    wf_out_close(&w->out, '}');
    wf_writing__leave_sampling(w, WF_KNOWS_TOP_K | WF_KNOWS_PENALTIES | WF_KNOWS_MIN_P |
                                      WF_KNOWS_MORE);
}

static int write_request(struct wf_writing *w)
{
    const struct wf_tool_rules *t = &w->q->tools;
    int rc = 0;

    if (t->choice == WF_TOOL_REQUIRED || t->choice == WF_TOOL_NAMED)
        return wf_err_set(w->err, WF_E_UNSUPPORTED, "%s cannot be made to call a tool.",
                          w->e->name);
    if (w->q->grammar && !w->q->grammar_if_able)
        return wf_err_set(w->err, WF_E_UNSUPPORTED, "%s cannot keep to a grammar.", w->e->name);
    wf_out_open(&w->out, NULL, '{');
    wf_out_cstr(&w->out, "model", w->model);
    wf_out_open(&w->out, "messages", '[');
    for (size_t i = 0; rc == 0 && i < json_array_size(w->q->messages); i++)
        rc = write_message(w, i);
    wf_out_close(&w->out, ']');
    if (json_array_size(t->tools) > 0 && t->choice != WF_TOOL_NONE)
        wf_out_value(&w->out, "tools", t->tools);
    if (w->q->schema && wf_writing__is_any_object(w->q->schema))
        wf_out_cstr(&w->out, "format", "json");
    else if (w->q->schema)
        wf_out_value(&w->out, "format", w->q->schema);
    if (w->effort == WF_EFFORT_OFF || w->effort == WF_EFFORT_ON)
        wf_out_bool(&w->out, "think", w->effort == WF_EFFORT_ON);
    else if (w->effort != WF_EFFORT_UNSAID)
        wf_out_cstr(&w->out, "think",
                    w->effort == WF_EFFORT_LOW      ? "low"
                    : w->effort == WF_EFFORT_MEDIUM ? "medium"
                                                    : "high");
    write_options(w);
    wf_out_bool(&w->out, "stream", w->streamed);
    wf_out_close(&w->out, '}');
    return rc;
}

/* ---- the response ---- */

static int read_calls(struct wf_provider_reader *r, const json_t *calls)
{
    json_t *call;
    size_t i;
    int rc = 0;

    json_array_foreach((json_t *)(uintptr_t)calls, i, call)
    {
        const json_t *f = json_object_get(call, "function");
        int64_t key = (int64_t)r->n_calls;
        if (rc == 0)
            rc = wf_reading__call(r, 0, key, wf_reading__str(json_object_get(call, "id")),
                                  wf_reading__str(json_object_get(f, "name")));
        if (rc == 0)
            rc = wf_reading__arguments_object(r, 0, key, json_object_get(f, "arguments"));
    }
    return rc;
}

static int read_line(struct wf_provider_reader *r, const json_t *v)
{
    const json_t *m = json_object_get(v, "message");
    int rc;

    if (json_object_get(v, "error") || json_is_array(v))
        return wf_reading__error(r, v);
    wf_reading__model(r, wf_json_text(v, "model"));
    wf_reading__count(&r->usage.n_prompt, json_object_get(v, "prompt_eval_count"));
    wf_reading__count(&r->usage.n_written, json_object_get(v, "eval_count"));
    rc = wf_reading__text(r, 0, WF_GEN_REASONING, json_object_get(m, "thinking"));
    if (rc == 0)
        rc = wf_reading__text(r, 0, WF_GEN_TEXT, json_object_get(m, "content"));
    if (rc == 0)
        rc = read_calls(r, json_object_get(m, "tool_calls"));
    if (rc == 0 && json_is_true(json_object_get(v, "done"))) {
        bool cut = strcmp(wf_json_text(v, "done_reason"), "length") == 0;
        rc = wf_reading__finish(r, 0, cut ? WF_FINISH_LENGTH : WF_FINISH_STOP, WF_STR(""));
        r->is_done = true;
    }
    return rc;
}

const struct wf_provider_ops wf_provider__ollama = {
    .abilities = WF_ABILITY_TOOLS | WF_ABILITY_IMAGES | WF_ABILITY_SCHEMA | WF_ABILITY_REASONING |
                 WF_ABILITY_CONTINUE,
    .is_ndjson = true,
    .has_stops = true,
    .write = write_request,
    .read = read_line,
};
