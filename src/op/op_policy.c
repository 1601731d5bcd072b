/* SPDX-License-Identifier: Apache-2.0 */
/* policy: the sentences in force, to be read. They are changed in the file alone: who may see what
 * is not for a page to decide. */
#include "op/op_internal.h"
#include "privacy/policy.h"

/* Each sentence once: a list gives several rules of one line. */
static json_t *sentences_json(const struct wf_policy *p)
{
    json_t *list = json_array();
    uint32_t line = 0;
    bool was_built_in = false;

    for (size_t i = 0; i < wf_policy_n_rules(p); i++) {
        struct wf_policy_rule rule = wf_policy_rule(p, i);
        if (i > 0 && rule.line == line && rule.is_built_in == was_built_in)
            continue;
        line = rule.line;
        was_built_in = rule.is_built_in;
        if (json_array_append_new(list, json_pack("{s:o, s:I, s:b}", "text", wf_json_str(rule.text),
                                                  "line", (json_int_t)line, "built_in",
                                                  (int)was_built_in)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

int wf_op__policy(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                  struct wf_err *err)
{
    json_t *sentences = ctx->policy != NULL ? sentences_json(ctx->policy) : json_array();

    (void)call;
    if (sentences == NULL)
        return wf_op__no_memory(err);
    return wf_op__give(
        json_pack("{s:b, s:o}", "readable", ctx->policy != NULL, "sentences", sentences),
        out_result, err);
}
