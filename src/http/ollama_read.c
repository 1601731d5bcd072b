/* SPDX-License-Identifier: Apache-2.0 */
/* Ollama's small forms: durations as Go writes them, keep_alive, think, format. */
#include <math.h>
#include <string.h>

#include "base/duration.h"
#include "http/ollama.h"
#include "op/json.h"

#define NS_PER_S INT64_C(1000000000)

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
}

/* ---- durations ---- */

int wf_ollama_keep_alive(const json_t *v, int64_t *out_s, struct wf_err *err)
{
    int64_t ns = 0;
    bool ok = true;

    *out_s = 0;
    if (!v || json_is_null(v))
        return 0;
    if (json_is_string(v)) {
        if (json_string_length(v) == 0)
            return 0;
        ok = wf_duration_read(wf_str_from(json_string_value(v)), &ns);
    } else if (json_is_number(v)) {
        double s = json_number_value(v);
        /* More than a century is for ever. */
        ns = s < 0 ? -1 : (int64_t)(fmin(s, 3.2e9) * (double)NS_PER_S);
    } else {
        ok = false;
    }
    if (!ok)
        return wf_err_set(err, WF_E_INVAL,
                          "keep_alive must be a number of seconds or a duration like \"5m\".");
    if (ns == 0)
        *out_s = WF_KEEP_ALIVE_NONE;
    else
        *out_s = ns < 0 ? -1 : (ns - 1) / NS_PER_S + 1;
    return 0;
}

/* ---- think, format ---- */

int wf_ollama_think(const json_t *v, bool *out_show, json_t *vars, struct wf_err *err)
{
    const char *level = json_string_value(v);
    bool on = json_is_true(v) || level;

    *out_show = true;
    if (!v || json_is_null(v) || (level && !level[0]))
        return 0;
    if (!json_is_boolean(v) && !level)
        return wf_err_set(err, WF_E_INVAL,
                          "think must be true, false, \"low\", \"medium\" or \"high\".");
    if (level && strcmp(level, "low") != 0 && strcmp(level, "medium") != 0 &&
        strcmp(level, "high") != 0)
        return wf_err_set(err, WF_E_INVAL,
                          "think must be true, false, \"low\", \"medium\" or \"high\".");
    *out_show = on;
    if (json_object_set_new(vars, "enable_thinking", json_boolean(on)) != 0 ||
        json_object_set_new(vars, "thinking", json_boolean(on)) != 0 ||
        (level && json_object_set_new(vars, "reasoning_effort", json_string(level)) != 0))
        return no_memory(err);
    return 0;
}

int wf_ollama_format(const json_t *v, json_t **out, struct wf_err *err)
{
    const char *word = json_string_value(v);

    *out = NULL;
    if (!v || json_is_null(v) || (word && !word[0]))
        return 0;
    if (word && strcmp(word, "json") == 0)
        *out = json_pack("{s:s}", "type", "object");
    else if (json_is_object(v))
        *out = json_incref((json_t *)(uintptr_t)v);
    else
        return wf_err_set(err, WF_E_INVAL, "format must be \"json\" or a JSON Schema.");
    return *out ? 0 : no_memory(err);
}
