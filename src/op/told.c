/* SPDX-License-Identifier: Apache-2.0 */
/* An answer's events as JSON. */
#include "op/told.h"

#include "op/json.h"

json_t *wf_op__told(const struct wf_gen_event *e, const char **out_name)
{
    const json_int_t i = (json_int_t)e->i_call;

    switch (e->kind) {
    case WF_GEN_TEXT:
    case WF_GEN_REASONING:
        *out_name = e->kind == WF_GEN_TEXT ? "text" : "reasoning";
        return json_pack("{s:o}", "text", wf_json_repaired(e->text));
    case WF_GEN_CALL:
        *out_name = "call";
        return json_pack("{s:I, s:o, s:o}", "index", i, "id", wf_json_repaired(e->call_id), "name",
                         wf_json_repaired(e->call_name));
    case WF_GEN_ARGUMENTS:
        *out_name = "arguments";
        return json_pack("{s:I, s:o}", "index", i, "text", wf_json_repaired(e->text));
    case WF_GEN_END:
        break;
    }
    return NULL;
}
