/* SPDX-License-Identifier: Apache-2.0 */
/* Gemini's generateContent: contents of parts, the assistant is "model", results of tools go back
 * by the tool's name. Newer models insist on the signature of the thought behind each call of the
 * present turn; weft does not have it (the call may have been another provider's), and sends the
 * word that Google documents for histories from elsewhere. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "route/provider_internal.h"

#define NO_SIGNATURE "skip_thought_signature_validator"

/* ---- the request ---- */

/* "gemini-3-pro" is 3; 0 for other names. */
static long generation(const char *model)
{
    const char *at = strstr(model, "gemini-");

    return at ? strtol(at + 7, NULL, 10) : 0;
}

static void write_text_part(struct wf_writing *w, struct wf_str text)
{
    if (text.len == 0)
        return;
    wf_out_open(&w->out, NULL, '{');
    wf_out_text(&w->out, "text", text);
    wf_out_close(&w->out, '}');
}

static int write_parts(struct wf_writing *w, const json_t *content)
{
    struct wf_content_part part;
    json_t *v;
    size_t i;

    write_text_part(w, wf_reading__str(content));
    json_array_foreach((json_t *)(uintptr_t)content, i, v)
    {
        if (!wf_writing__part(w, v, &part))
            return WF_E_UNSUPPORTED;
        if (part.url.len > 0)
            return wf_err_set(w->err, WF_E_UNSUPPORTED,
                              "%s takes pictures themselves, not their addresses.", w->e->name);
        if (!part.is_image) {
            write_text_part(w, part.text);
            continue;
        }
        wf_out_open(&w->out, NULL, '{');
        wf_out_open(&w->out, "inlineData", '{');
        wf_out_text(&w->out, "mimeType", part.media_type);
        wf_out_text(&w->out, "data", part.base64);
        wf_out_close(&w->out, '}');
        wf_out_close(&w->out, '}');
    }
    return 0;
}

static int write_calls(struct wf_writing *w, const json_t *calls, bool is_now)
{
    json_t *call;
    size_t i;
    int rc = 0;

    json_array_foreach((json_t *)(uintptr_t)calls, i, call)
    {
        if (rc != 0)
            return rc;
        wf_out_open(&w->out, NULL, '{');
        if (i == 0 && is_now && generation(w->model) >= 3)
            wf_out_cstr(&w->out, "thoughtSignature", NO_SIGNATURE);
        wf_out_open(&w->out, "functionCall", '{');
        wf_out_cstr(&w->out, "name", wf_json_text(json_object_get(call, "function"), "name"));
        rc = wf_writing__arguments(w, "args", call);
        wf_out_close(&w->out, '}');
        wf_out_close(&w->out, '}');
    }
    return rc;
}

static int write_result(struct wf_writing *w, size_t i)
{
    const json_t *m = json_array_get(w->q->messages, i);
    const char *name = wf_writing__called(w, i);

    if (!name[0])
        return wf_writing__bad(w, "a tool's result answers no call before it");
    wf_out_open(&w->out, NULL, '{');
    wf_out_open(&w->out, "functionResponse", '{');
    wf_out_cstr(&w->out, "name", name);
    wf_out_open(&w->out, "response", '{');
    wf_writing__text(w, "result", json_object_get(m, "content"));
    wf_out_close(&w->out, '}');
    wf_out_close(&w->out, '}');
    wf_out_close(&w->out, '}');
    return 0;
}

/* Where the present turn begins: behind the person's last words. */
static size_t turn_of(const struct wf_writing *w)
{
    size_t at = json_array_size(w->q->messages);

    while (at > 0 &&
           strcmp(wf_json_text(json_array_get(w->q->messages, at - 1), "role"), "user") != 0)
        at--;
    return at;
}

static int write_message(struct wf_writing *w, size_t i, bool is_now)
{
    const json_t *m = json_array_get(w->q->messages, i);
    int rc;

    if (strcmp(wf_json_text(m, "role"), "tool") == 0)
        return write_result(w, i);
    if (json_string_length(json_object_get(m, "reasoning_content")) > 0)
        wf_writing__leave(w, "reasoning_content");
    rc = write_parts(w, json_object_get(m, "content"));
    return rc == 0 ? write_calls(w, json_object_get(m, "tool_calls"), is_now) : rc;
}

static int write_contents(struct wf_writing *w)
{
    size_t n = json_array_size(w->q->messages), turn = turn_of(w);
    const char *open = "";
    int rc = 0;

    wf_out_open(&w->out, "contents", '[');
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const char *role = wf_json_text(json_array_get(w->q->messages, i), "role");
        const char *as = strcmp(role, "assistant") == 0 ? "model" : "user";
        if (strcmp(role, "system") == 0)
            continue;
        if (strcmp(open, as) != 0) {
            if (open[0]) {
                wf_out_close(&w->out, ']');
                wf_out_close(&w->out, '}');
            }
            open = as;
            wf_out_open(&w->out, NULL, '{');
            wf_out_cstr(&w->out, "role", as);
            wf_out_open(&w->out, "parts", '[');
        }
        rc = write_message(w, i, i >= turn);
    }
    if (open[0]) {
        wf_out_close(&w->out, ']');
        wf_out_close(&w->out, '}');
    } else if (rc == 0) {
        rc = wf_writing__bad(w, "there are only system messages");
    }
    wf_out_close(&w->out, ']');
    return rc;
}

static void write_system(struct wf_writing *w)
{
    bool begun = false;
    json_t *m;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)w->q->messages, i, m)
    {
        if (strcmp(wf_json_text(m, "role"), "system") != 0)
            continue;
        if (!begun) {
            wf_out_open(&w->out, "systemInstruction", '{');
            wf_out_open(&w->out, "parts", '[');
        }
        begun = true;
        wf_out_open(&w->out, NULL, '{');
        wf_writing__text(w, "text", json_object_get(m, "content"));
        wf_out_close(&w->out, '}');
    }
    if (begun) {
        wf_out_close(&w->out, ']');
        wf_out_close(&w->out, '}');
    }
}

static void write_choice(struct wf_writing *w)
{
    static const char *const modes[] = {"AUTO", "NONE", "ANY", "ANY"};
    const struct wf_tool_rules *t = &w->q->tools;

    wf_out_open(&w->out, "toolConfig", '{');
    wf_out_open(&w->out, "functionCallingConfig", '{');
    wf_out_cstr(&w->out, "mode", modes[t->choice]);
    if (t->choice == WF_TOOL_NAMED) {
        wf_out_open(&w->out, "allowedFunctionNames", '[');
        wf_out_cstr(&w->out, NULL, t->name);
        wf_out_close(&w->out, ']');
    }
    wf_out_close(&w->out, '}');
    wf_out_close(&w->out, '}');
    if (!t->parallel)
        wf_writing__leave(w, "parallel_tool_calls");
}

static void write_tools(struct wf_writing *w)
{
    json_t *tool;
    size_t i;

    if (json_array_size(w->q->tools.tools) == 0)
        return;
    wf_out_open(&w->out, "tools", '[');
    wf_out_open(&w->out, NULL, '{');
    wf_out_open(&w->out, "functionDeclarations", '[');
    json_array_foreach((json_t *)(uintptr_t)w->q->tools.tools, i, tool)
    {
        const json_t *f = json_object_get(tool, "function");
        const json_t *schema = json_object_get(f, "parameters");
        wf_out_open(&w->out, NULL, '{');
        wf_out_cstr(&w->out, "name", wf_json_text(f, "name"));
        wf_out_cstr(&w->out, "description", wf_json_text(f, "description"));
        if (json_is_object(schema))
            wf_out_value(&w->out, "parametersJsonSchema", schema);
        wf_out_close(&w->out, '}');
    }
    wf_out_close(&w->out, ']');
    wf_out_close(&w->out, '}');
    wf_out_close(&w->out, ']');
    write_choice(w);
}

static void write_thinking(struct wf_writing *w)
{
    static const int64_t budgets[] = {0, 0, -1, 1024, 8192, 24576}; /* by enum wf_effort */

    if (w->effort < WF_EFFORT_ON)
        return;
    wf_out_open(&w->out, "thinkingConfig", '{');
    wf_out_bool(&w->out, "includeThoughts", true);
    if (w->effort > WF_EFFORT_ON && generation(w->model) >= 3)
        wf_out_cstr(&w->out, "thinkingLevel", w->effort == WF_EFFORT_HIGH ? "high" : "low");
    else if (generation(w->model) < 3)
        wf_out_int(&w->out, "thinkingBudget", budgets[w->effort]);
    wf_out_close(&w->out, '}');
}

static void write_config(struct wf_writing *w)
{
    const struct wf_sampling *s = &w->q->sampling, d = wf_sampling_default();

    wf_out_open(&w->out, "generationConfig", '{');
    wf_writing__real(w, "temperature", s->temperature, d.temperature);
    wf_writing__real(w, "topP", s->top_p, d.top_p);
    if (s->top_k != d.top_k && s->top_k > 0)
        wf_out_int(&w->out, "topK", s->top_k);
    wf_writing__real(w, "frequencyPenalty", s->frequency_penalty, 0);
    wf_writing__real(w, "presencePenalty", s->presence_penalty, 0);
    wf_writing__leave_sampling(w, WF_KNOWS_TOP_K | WF_KNOWS_PENALTIES);
    if (w->q->n_max > 0)
        wf_out_int(&w->out, "maxOutputTokens", (int64_t)w->q->n_max);
    if (w->q->n_choices > 1)
        wf_out_int(&w->out, "candidateCount", (int64_t)w->q->n_choices);
    wf_writing__stops(w, "stopSequences");
    if (w->q->schema) {
        wf_out_cstr(&w->out, "responseMimeType", "application/json");
        wf_out_value(&w->out, "responseJsonSchema", w->q->schema);
    }
    write_thinking(w);
    wf_out_close(&w->out, '}');
}

static int write_request(struct wf_writing *w)
{
    int rc;

    if (w->q->grammar && !w->q->grammar_if_able)
        return wf_err_set(w->err, WF_E_UNSUPPORTED, "%s cannot keep to a grammar.", w->e->name);
    wf_out_open(&w->out, NULL, '{');
    write_system(w);
    rc = write_contents(w);
    write_tools(w);
    write_config(w);
    wf_out_close(&w->out, '}');
    return rc;
}

/* ---- the response ---- */

static int read_part(struct wf_provider_reader *r, size_t i_choice, const json_t *part)
{
    const json_t *call = json_object_get(part, "functionCall");
    bool is_thought = json_is_true(json_object_get(part, "thought"));
    int64_t key = (int64_t)r->n_calls;
    int rc;

    if (!json_is_object(call))
        return wf_reading__text(r, i_choice, is_thought ? WF_GEN_REASONING : WF_GEN_TEXT,
                                json_object_get(part, "text"));
    rc = wf_reading__call(r, i_choice, key, wf_reading__str(json_object_get(call, "id")),
                          wf_reading__str(json_object_get(call, "name")));
    if (rc == 0)
        rc = wf_reading__arguments_object(r, i_choice, key, json_object_get(call, "args"));
    return rc;
}

static int finish(struct wf_provider_reader *r, size_t i_choice, const char *why)
{
    static const char *const filters[] = {"SAFETY", "RECITATION",         "BLOCKLIST",
                                          "SPII",   "PROHIBITED_CONTENT", "IMAGE_SAFETY"};

    if (!why[0])
        return 0;
    for (size_t i = 0; i < WF_ARRAY_LEN(filters); i++) {
        if (strcmp(why, filters[i]) == 0)
            return wf_reading__filtered(r, why);
    }
    if (strcmp(why, "MALFORMED_FUNCTION_CALL") == 0) {
        r->problem.may_retry = true;
        return wf_reading__fail(r, WF_E_FORMAT, "%s wrote a tool call that cannot be read.",
                                r->e->name);
    }
    return wf_reading__finish(r, i_choice,
                              strcmp(why, "MAX_TOKENS") == 0 ? WF_FINISH_LENGTH : WF_FINISH_STOP,
                              WF_STR(""));
}

static int read_candidate(struct wf_provider_reader *r, const json_t *c, size_t i)
{
    const json_t *index = json_object_get(c, "index");
    size_t i_choice = json_is_integer(index) && json_integer_value(index) >= 0
                          ? (size_t)json_integer_value(index)
                          : i;
    json_t *part;
    size_t k;
    int rc = 0;

    json_array_foreach(json_object_get(json_object_get(c, "content"), "parts"), k, part)
    {
        rc = rc == 0 ? read_part(r, i_choice, part) : rc;
    }
    return rc == 0 ? finish(r, i_choice, wf_json_text(c, "finishReason")) : rc;
}

static void read_usage(struct wf_provider_reader *r, const json_t *u)
{
    struct wf_gen_usage *to = &r->usage;
    size_t n_text = to->n_written - to->n_reasoning;

    wf_reading__count(&to->n_prompt, json_object_get(u, "promptTokenCount"));
    wf_reading__count(&to->n_cached, json_object_get(u, "cachedContentTokenCount"));
    wf_reading__count(&to->n_reasoning, json_object_get(u, "thoughtsTokenCount"));
    wf_reading__count(&n_text, json_object_get(u, "candidatesTokenCount"));
    to->n_written = n_text + to->n_reasoning;
}

static int read_chunk(struct wf_provider_reader *r, const json_t *v)
{
    const char *blocked = wf_json_text(json_object_get(v, "promptFeedback"), "blockReason");
    json_t *candidate;
    size_t i;
    int rc = 0;

    if (json_object_get(v, "error") || json_is_array(v))
        return wf_reading__error(r, v);
    wf_reading__model(r, wf_json_text(v, "modelVersion"));
    read_usage(r, json_object_get(v, "usageMetadata"));
    if (blocked[0])
        return wf_reading__filtered(r, blocked);
    json_array_foreach(json_object_get(v, "candidates"), i, candidate)
    {
        rc = rc == 0 ? read_candidate(r, candidate, i) : rc;
    }
    return rc;
}

const struct wf_provider_ops wf_provider__gemini = {
    .abilities = WF_ABILITY_TOOLS | WF_ABILITY_IMAGES | WF_ABILITY_SCHEMA | WF_ABILITY_REASONING |
                 WF_ABILITY_CONTINUE | WF_ABILITY_CHOICES,
    .has_stops = true,
    .write = write_request,
    .read = read_chunk,
};
