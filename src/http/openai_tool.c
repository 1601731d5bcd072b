/* SPDX-License-Identifier: Apache-2.0 */
/* What OpenAI's calls say about the form of an answer: tools and the choice among them, schemas,
 * how much to think. And what their answers have in common. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "http/openai.h"
#include "op/json.h"

#define TOOLS_MAX 1024

static const char *tool_name(const json_t *tool)
{
    return wf_json_text(json_object_get(tool, "function"), "name");
}

static bool has_tool(const struct wf_gen_request *q, const char *name)
{
    json_t *tool;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)q->tools.tools, i, tool)
    {
        if (strcmp(tool_name(tool), name) == 0)
            return true;
    }
    return false;
}

int wf_openai_read_tools(struct wf_face_call *c, struct wf_gen_request *q, const json_t *tools,
                         struct wf_err *err)
{
    json_t *tool;
    size_t i;

    if (!json_is_array(tools) || json_array_size(tools) > TOOLS_MAX)
        return wf_face_bad(c, "tools", "invalid_type", err,
                           "\"tools\" must be an array of at most %d tools.", TOOLS_MAX);
    json_array_foreach(tools, i, tool)
    {
        const json_t *params = json_object_get(json_object_get(tool, "function"), "parameters");
        const char *type = wf_json_text(tool, "type");
        char place[32];
        snprintf(place, sizeof(place), "tools[%zu]", i);
        if (strcmp(type, "function") != 0)
            return wf_face_bad(c, place, "invalid_value", err,
                               "%s is of type \"%.40s\"; only \"function\" is supported.", place,
                               type);
        if (!tool_name(tool)[0])
            return wf_face_bad(c, place, "invalid_value", err,
                               "%s must be {\"type\": \"function\", \"function\": {\"name\", "
                               "\"description\", \"parameters\"}}.",
                               place);
        if (params && !json_is_null(params) && !json_is_object(params))
            return wf_face_bad(c, place, "invalid_value", err,
                               "The \"parameters\" of %s must be a JSON Schema: an object.", place);
    }
    q->tools.tools = json_array_size(tools) > 0 ? tools : NULL;
    return 0;
}

static int bad_choice(struct wf_face_call *c, struct wf_err *err)
{
    return wf_face_bad(c, "tool_choice", "invalid_value", err,
                       "\"tool_choice\" must be \"auto\", \"none\", \"required\" or the name of "
                       "one of the tools as a function object.");
}

static int mode_of(struct wf_face_call *c, struct wf_gen_request *q, const char *mode,
                   struct wf_err *err)
{
    if (strcmp(mode, "auto") == 0)
        q->tools.choice = WF_TOOL_AUTO;
    else if (strcmp(mode, "none") == 0)
        q->tools.choice = WF_TOOL_NONE;
    else if (strcmp(mode, "required") == 0 || strcmp(mode, "any") == 0) /* Mistral's word */
        q->tools.choice = WF_TOOL_REQUIRED;
    else
        return bad_choice(c, err);
    return 0;
}

/* {"type": "allowed_tools", "mode", "tools": [...]}: only these tools are there. */
static int allow(struct wf_face_call *c, struct wf_gen_request *q, const json_t *choice,
                 bool nested, struct wf_err *err)
{
    const json_t *o = nested ? json_object_get(choice, "allowed_tools") : choice;
    json_t *allowed = wf_face_keep(c, json_array()), *tool, *of;
    size_t i, k;

    if (!allowed)
        return wf_face_no_memory(err);
    json_array_foreach((json_t *)(uintptr_t)q->tools.tools, i, tool)
    {
        bool is_in = false;
        json_array_foreach(json_object_get(o, "tools"), k, of)
        {
            const char *name = nested ? tool_name(of) : wf_json_text(of, "name");
            is_in = is_in || strcmp(name, tool_name(tool)) == 0;
        }
        if (is_in && json_array_append(allowed, tool) != 0)
            return wf_face_no_memory(err);
    }
    if (json_array_size(allowed) == 0)
        return wf_face_bad(c, "tool_choice", "invalid_value", err,
                           "\"tool_choice\" allows none of the tools.");
    q->tools.tools = allowed;
    return mode_of(c, q, wf_json_text(o, "mode"), err);
}

int wf_openai_read_tool_choice(struct wf_face_call *c, struct wf_gen_request *q,
                               const json_t *choice, bool nested, struct wf_err *err)
{
    const char *type = wf_json_text(choice, "type"), *name;
    int rc = 0;

    if (!choice)
        return 0;
    if (json_is_string(choice)) {
        rc = mode_of(c, q, json_string_value(choice), err);
    } else if (strcmp(type, "allowed_tools") == 0) {
        return allow(c, q, choice, nested, err);
    } else if (strcmp(type, "function") == 0) {
        name = nested ? tool_name(choice) : wf_json_text(choice, "name");
        q->tools.choice = WF_TOOL_NAMED;
        q->tools.name = name;
        if (!name[0] || (q->tools.tools && !has_tool(q, name)))
            rc = bad_choice(c, err);
    } else {
        rc = bad_choice(c, err);
    }
    if (rc == 0 && !q->tools.tools &&
        (q->tools.choice == WF_TOOL_REQUIRED || q->tools.choice == WF_TOOL_NAMED))
        rc = wf_face_bad(c, "tool_choice", "invalid_value", err,
                         "\"tool_choice\" asks for a call, but there are no \"tools\".");
    return rc;
}

int wf_openai_read_format(struct wf_face_call *c, struct wf_gen_request *q, const char *name,
                          const json_t *format, bool nested, struct wf_err *err)
{
    const char *type = wf_json_text(format, "type");
    const json_t *holder = nested ? json_object_get(format, "json_schema") : format;
    const json_t *schema = json_object_get(holder, "schema");

    if (strcmp(type, "text") == 0)
        return 0;
    if (strcmp(type, "json_object") == 0) {
        schema = json_object_get(format, "schema"); /* llama.cpp's way to give one */
        q->schema =
            json_is_object(schema) ? schema : wf_face_keep(c, json_pack("{s:s}", "type", "object"));
        return q->schema ? 0 : wf_face_no_memory(err);
    }
    if (strcmp(type, "json_schema") == 0) {
        if (!json_is_object(schema))
            return wf_face_bad(c, name, "invalid_value", err,
                               "\"%s\" of type json_schema needs the schema: an object.", name);
        q->schema = schema;
        return 0;
    }
    return wf_face_bad(c, name, "invalid_value", err,
                       "The type of \"%s\" must be text, json_object or json_schema.", name);
}

int wf_openai_read_effort(struct wf_face_call *c, struct wf_gen_request *q, const char *name,
                          const json_t *v, struct wf_err *err)
{
    static const char *const efforts[] = {"none", "minimal", "low", "medium", "high", "xhigh"};
    const char *effort = json_string_value(v);
    size_t i = 0;
    int rc;

    while (i < WF_ARRAY_LEN(efforts) && (!effort || strcmp(effort, efforts[i]) != 0))
        i++;
    if (i == WF_ARRAY_LEN(efforts))
        return wf_face_bad(c, name, "invalid_value", err,
                           "\"%s\" must be none, minimal, low, medium, high or xhigh.", name);
    /* The three words that templates have for it. */
    rc = wf_face_template_var(c, q, "enable_thinking", json_boolean(i > 0), err);
    if (rc == 0)
        rc = wf_face_template_var(c, q, "thinking", json_boolean(i > 0), err);
    if (rc == 0 && i > 0)
        rc = wf_face_template_var(c, q, "reasoning_effort", json_string(effort), err);
    return rc;
}

int wf_openai_read_max(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                       struct wf_err *err)
{
    struct wf_gen_request *q = into;
    json_int_t n = json_integer_value(v);

    if (!json_is_integer(v) || n < -1 || n == 0 || n > WF_LIMIT_MODEL_CONTEXT)
        return wf_face_bad(c, name, "invalid_value", err,
                           "\"%s\" must be a whole number of at least 1; -1: as many as fit.",
                           name);
    q->n_max = n > 0 ? (size_t)n : 0;
    return 0;
}

int wf_openai_check(struct wf_face_call *c, const struct wf_gen_request *q, struct wf_err *err)
{
    if (q->schema && q->grammar)
        return wf_face_bad(c, "grammar", "invalid_value", err,
                           "A schema and a grammar were given; the answer can keep to one.");
    if (q->n_top_logprobs > 0 && !q->wants_logprobs)
        return wf_face_bad(c, "top_logprobs", "invalid_value", err,
                           "\"top_logprobs\" needs \"logprobs\": true.");
    return 0;
}

json_t *wf_openai_usage(const struct wf_gen_usage *u)
{
    json_t *v = json_pack(
        "{s:I, s:I, s:I, s:{s:I, s:i, s:I}, s:{s:I, s:i, s:i, s:i}}", "prompt_tokens",
        (json_int_t)u->n_prompt, "completion_tokens", (json_int_t)u->n_written, "total_tokens",
        (json_int_t)(u->n_prompt + u->n_written), "prompt_tokens_details", "cached_tokens",
        (json_int_t)u->n_cached, "audio_tokens", 0, "truncated_tokens", (json_int_t)u->n_truncated,
        "completion_tokens_details", "reasoning_tokens", (json_int_t)u->n_reasoning, "audio_tokens",
        0, "accepted_prediction_tokens", 0, "rejected_prediction_tokens", 0);

    if (v != NULL && u->flags != NULL)
        json_object_set_new(v, "weft_flagged", json_string(u->flags));
    if (v != NULL && u->consent != NULL)
        json_object_set_new(v, "weft_consent", json_string(u->consent));
    return v;
}
