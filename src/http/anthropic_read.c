/* SPDX-License-Identifier: Apache-2.0 */
/* Anthropic's tools, tool choice and thinking, as the engine has them. */
#include <string.h>

#include "http/anthropic.h"
#include "op/json.h"

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
}

static const json_t *member(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);

    return json_is_null(v) ? NULL : v;
}

/* ---- tools ---- */

static int add_tool(json_t *out, const json_t *tool, size_t i, struct wf_err *err)
{
    const char *type = wf_json_text(tool, "type"), *name = wf_json_text(tool, "name");
    json_t *schema = json_object_get(tool, "input_schema");
    json_t *description = json_object_get(tool, "description"), *f;
    bool ok;

    if (type[0] && strcmp(type, "custom") != 0)
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "tools.%zu: \"%.40s\" is a tool of Anthropic's servers. Here tools are "
                          "yours: a name, a description and an input_schema.",
                          i, type);
    if (!name[0] || !json_is_object(schema))
        return wf_err_set(err, WF_E_INVAL,
                          "tools.%zu: a tool needs \"name\" and an object as \"input_schema\".", i);
    f = json_pack("{s:s, s:O}", "name", name, "parameters", schema);
    ok = f && (!json_is_string(description) || json_object_set(f, "description", description) == 0);
    if (!ok) {
        json_decref(f);
        return no_memory(err);
    }
    if (json_array_append_new(out, json_pack("{s:s, s:o}", "type", "function", "function", f)) != 0)
        return no_memory(err);
    return 0;
}

static bool has_tool(const json_t *tools, const char *name)
{
    const json_t *tool;
    size_t i;

    json_array_foreach(tools, i, tool)
    {
        if (strcmp(wf_json_text(json_object_get(tool, "function"), "name"), name) == 0)
            return true;
    }
    return false;
}

static int read_choice(const json_t *choice, const json_t *tools, struct wf_tool_rules *out,
                       struct wf_err *err)
{
    static const struct {
        const char *type;
        enum wf_tool_choice choice;
    } choices[] = {{"auto", WF_TOOL_AUTO},
                   {"any", WF_TOOL_REQUIRED},
                   {"tool", WF_TOOL_NAMED},
                   {"none", WF_TOOL_NONE}};
    const char *type = wf_json_text(choice, "type");
    size_t i = 0;

    while (i < WF_ARRAY_LEN(choices) && strcmp(choices[i].type, type) != 0)
        i++;
    if (i == WF_ARRAY_LEN(choices))
        return wf_err_set(err, WF_E_INVAL,
                          "tool_choice.type: must be \"auto\", \"any\", \"tool\" or \"none\".");
    out->choice = choices[i].choice;
    out->parallel = !json_is_true(json_object_get(choice, "disable_parallel_tool_use"));
    if (out->choice == WF_TOOL_NAMED) {
        out->name = wf_json_text(choice, "name");
        if (!has_tool(tools, out->name))
            return wf_err_set(err, WF_E_INVAL,
                              "tool_choice.name: \"%.64s\" is not among the tools.", out->name);
    }
    if (out->choice == WF_TOOL_REQUIRED && !tools)
        return wf_err_set(err, WF_E_INVAL, "tool_choice: \"any\" needs tools.");
    return 0;
}

int wf_anthropic_tools(const json_t *body, json_t **out_tools, struct wf_tool_rules *out,
                       struct wf_err *err)
{
    const json_t *tools = member(body, "tools"), *choice = member(body, "tool_choice"), *tool;
    json_t *made = NULL;
    size_t i;
    int rc = 0;

    *out = (struct wf_tool_rules){.parallel = true};
    *out_tools = NULL;
    if (tools && !json_is_array(tools))
        return wf_err_set(err, WF_E_INVAL, "tools: must be an array.");
    if (json_array_size(tools) > 0) {
        made = json_array();
        if (!made)
            return no_memory(err);
    }
    json_array_foreach(tools, i, tool)
    {
        rc = rc == 0 ? add_tool(made, tool, i, err) : rc;
    }
    if (rc == 0 && choice)
        rc = read_choice(choice, made, out, err);
    if (rc != 0) {
        json_decref(made);
        return rc;
    }
    out->tools = made;
    *out_tools = made;
    return 0;
}

/* ---- thinking ---- */

/* The word that chat templates know for it. */
static const char *effort_of(const char *effort)
{
    if (strcmp(effort, "low") == 0 || strcmp(effort, "medium") == 0)
        return effort;
    if (strcmp(effort, "high") == 0 || strcmp(effort, "xhigh") == 0 || strcmp(effort, "max") == 0)
        return "high";
    return NULL;
}

int wf_anthropic_thinking(const json_t *body, struct wf_anthropic_thinking *out, json_t **out_vars,
                          struct wf_err *err)
{
    const json_t *thinking = member(body, "thinking");
    const json_t *effort = member(member(body, "output_config"), "effort");
    const char *type = wf_json_text(thinking, "type");
    const char *word =
        effort ? effort_of(wf_json_text(member(body, "output_config"), "effort")) : NULL;
    json_t *vars;
    bool ok;

    if (effort && !word)
        return wf_err_set(err, WF_E_INVAL,
                          "output_config.effort: must be \"low\", \"medium\", \"high\", \"xhigh\" "
                          "or \"max\".");
    if (thinking && strcmp(type, "enabled") != 0 && strcmp(type, "disabled") != 0 &&
        strcmp(type, "adaptive") != 0 && strcmp(type, "between_tools") != 0)
        return wf_err_set(err, WF_E_INVAL,
                          "thinking.type: must be \"enabled\", \"adaptive\", \"between_tools\" or "
                          "\"disabled\".");
    out->enabled = thinking && strcmp(type, "disabled") != 0;
    out->omitted = strcmp(wf_json_text(thinking, "display"), "omitted") == 0;
    vars = json_pack("{s:b, s:b}", "enable_thinking", out->enabled, "thinking", out->enabled);
    ok = vars && (!word || json_object_set_new(vars, "reasoning_effort", json_string(word)) == 0);
    if (!ok) {
        json_decref(vars);
        return no_memory(err);
    }
    *out_vars = vars;
    return 0;
}
