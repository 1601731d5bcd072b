/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: what a template does, by what it makes of small conversations.
 *
 * Words that no template holds are put in, and looked for in what comes out. A template that fails
 * does not take that form; only lack of memory, and a template that takes too much for so little,
 * is an error here. */
#include <string.h>

#include "base/limits.h"
#include "model/messages.h"

#define USER "wfuserwf"
#define SYSTEM "wfsystemwf"
#define TOOL "wftoolwf"
#define KEY "wfkeywf"
#define VALUE "wfvaluewf"
#define RESULT "wfresultwf"

struct probe {
    const struct wf_template *t;
    struct wf_buf out;
    int rc; /* NOMEM or LIMIT, once it was met */
};

/* Renders a conversation (takes the reference); false when the template fails. */
static bool run(struct probe *p, json_t *messages, bool has_tools)
{
    json_t *tools =
        json_pack("[{s:s,s:{s:s,s:s,s:{s:s,s:{s:{s:s,s:s}},s:[s]}}}]", "type", "function",
                  "function", "name", TOOL, "description", "d", "parameters", "type", "object",
                  "properties", KEY, "type", "string", "description", "d", "required", KEY);
    json_t *vars = json_pack("{s:o,s:s,s:s,s:b}", "messages", messages, "bos_token", "",
                             "eos_token", "", "add_generation_prompt", 1);
    int rc = tools == NULL || vars == NULL ? WF_E_NOMEM : 0;

    if (rc == 0 && has_tools && json_object_set(vars, "tools", tools) != 0)
        rc = WF_E_NOMEM;
    wf_buf_reset(&p->out);
    if (rc == 0)
        rc = wf_template_render(p->t, vars, 0, &p->out, NULL);
    json_decref(tools);
    json_decref(vars);
    if (rc == WF_E_NOMEM || rc == WF_E_LIMIT)
        p->rc = rc;
    return rc == 0;
}

static bool shows(const struct probe *p, const char *word)
{
    return wf_str_find(wf_buf_str(&p->out), wf_str_from(word), 0) != SIZE_MAX;
}

static json_t *said(const char *role, const char *text)
{
    return json_pack("{s:s,s:s}", "role", role, "content", text);
}

static json_t *calling(bool wants_text, bool wants_null)
{
    json_t *arguments =
        wants_text ? json_string("{\"" KEY "\": \"" VALUE "\"}") : json_pack("{s:s}", KEY, VALUE);
    return json_pack("{s:s,s:o,s:[{s:s,s:s,s:{s:s,s:o}}]}", "role", "assistant", "content",
                     wants_null ? json_null() : json_string(""), "tool_calls", "id", "callwf000",
                     "type", "function", "function", "name", TOOL, "arguments", arguments);
}

/* Whether calls of this form come out readable: neither as Python prints objects, nor as a text
 * within a text. */
static bool renders_calls(struct probe *p, bool wants_text, bool wants_null)
{
    json_t *messages = json_pack("[o,o,o]", said("user", USER), calling(wants_text, wants_null),
                                 json_pack("{s:s,s:s,s:s,s:s}", "role", "tool", "content", RESULT,
                                           "tool_call_id", "callwf000", "name", TOOL));
    bool ran = run(p, messages, false);

    if (!ran) /* perhaps for the result alone */
        ran =
            run(p, json_pack("[o,o]", said("user", USER), calling(wants_text, wants_null)), false);
    return ran && shows(p, TOOL) && shows(p, KEY) && shows(p, VALUE) && !shows(p, "'" KEY "'") &&
           !shows(p, "\\\"" KEY);
}

static void find_calls(struct probe *p, struct wf_chat_style *out)
{
    for (int form = 0; form < 4 && !out->has_calls; form++) {
        out->wants_text = form >= 2;
        out->wants_null = form % 2 == 1;
        out->has_calls = renders_calls(p, out->wants_text, out->wants_null);
    }
    if (!out->has_calls)
        out->wants_text = out->wants_null = false;
    out->has_results =
        out->has_calls &&
        run(p,
            json_pack("[o,o,o]", said("user", USER), calling(out->wants_text, out->wants_null),
                      json_pack("{s:s,s:s,s:s,s:s}", "role", "tool", "content", RESULT,
                                "tool_call_id", "callwf000", "name", TOOL)),
            false) &&
        shows(p, RESULT);
}

int wf_chat_style_of(const struct wf_template *t, struct wf_str source, struct wf_chat_style *out,
                     struct wf_err *err)
{
    struct probe p = {.t = t};

    *out = (struct wf_chat_style){0};
    wf_buf_init(&p.out, WF_LIMIT_TEMPLATE_BYTES);
    out->has_system =
        run(&p, json_pack("[o,o]", said("system", SYSTEM), said("user", USER)), false) &&
        shows(&p, SYSTEM);
    out->has_developer = wf_str_find(source, WF_STR("developer"), 0) != SIZE_MAX;
    out->has_thinking = wf_str_find(source, WF_STR(".thinking"), 0) != SIZE_MAX;
    out->has_tools = run(&p, json_pack("[o]", said("user", USER)), true) && shows(&p, TOOL);
    if (!out->has_tools) /* some explain them in the system message only */
        out->has_tools =
            run(&p, json_pack("[o,o]", said("system", SYSTEM), said("user", USER)), true) &&
            shows(&p, TOOL);
    find_calls(&p, out);
    out->wants_parts = !(run(&p, json_pack("[o]", said("user", USER)), false) && shows(&p, USER)) &&
                       run(&p,
                           json_pack("[{s:s,s:[{s:s,s:s}]}]", "role", "user", "content", "type",
                                     "text", "text", USER),
                           false) &&
                       shows(&p, USER);
    wf_buf_deinit(&p.out);
    if (p.rc == WF_E_LIMIT)
        return wf_err_set(err, p.rc,
                          "The chat template goes too deep, runs too long or writes too much.");
    if (p.rc != 0)
        return wf_err_set(err, p.rc, "there is not enough memory for the chat template");
    return 0;
}
