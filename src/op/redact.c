/* SPDX-License-Identifier: Apache-2.0 */
/* Redacting whole texts. The detectors say where what is; the policy says what is done with it for
 * whom; what it leaves to its label is replaced where that is above what the provider may see. */
#include "op/redact.h"

#include "base/alloc.h"
#include "op/json.h"

/* What is done to a datum: as wished, as the policy says, or replaced when it is too much. */
static enum wf_operator operator_of(const struct wf_redact_wish *wish, uint8_t by_policy,
                                    uint8_t label, int clearance)
{
    enum wf_operator op = (enum wf_operator)by_policy;

    if (op == WF_OPERATOR_NONE && (wish->all || (int)label > clearance))
        op = WF_OPERATOR_REPLACE;
    if (op == WF_OPERATOR_KEEP && wish->all)
        op = WF_OPERATOR_REPLACE;
    return op > WF_OPERATOR_KEEP && wish->op != WF_OPERATOR_NONE ? wish->op : op;
}

int wf_redact_found(struct wf_labeler *l, struct wf_redaction *r, struct wf_str text,
                    const struct wf_redact_wish *wish, struct wf_buf *out, struct wf_err *err)
{
    const struct wf_str name = wf_str_from(wish->provider);
    const struct wf_target target = {
        .tier = WF_TIER_PROVIDER, .name = name, .provider = name, .clearance = WF_LABEL_SECRET};
    struct wf_context_part part = {.source = WF_SOURCE_PROMPT};
    struct wf_redact_span *spans = NULL;
    struct wf_labeled found;
    struct wf_gate gate;
    uint8_t *ops = NULL;
    int rc = wf_labeler_find(l, text, &found, err);

    if (rc != 0)
        return rc;
    part.found = found.all;
    part.n_found = found.n + found.n_topics; /* topics weigh, but have no place */
    spans = wf_alloc_array(found.n + 1, sizeof(*spans));
    ops = wf_alloc_array(part.n_found + 1, 2);
    if (spans == NULL || ops == NULL) {
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory to redact.");
        goto out;
    }
    wf_policy_gate(wish->policy, &part, 1, &target, &gate);
    wf_policy_operators(wish->policy, &part, 1, 0, &target, ops, ops + part.n_found);
    for (size_t i = 0; i < found.n; i++)
        spans[i] = (struct wf_redact_span){
            .start = found.all[i].start,
            .end = found.all[i].end,
            .type = found.all[i].type,
            .op = operator_of(wish, ops[i], ops[part.n_found + i], gate.clearance)};
    rc = wf_redact(r, text, spans, found.n, out, err);
out:
    wf_free(spans);
    wf_free(ops);
    return rc;
}

int wf_redact_json(struct wf_labeler *l, struct wf_redaction *r, struct wf_str text,
                   const struct wf_redact_wish *wish, json_t **out, struct wf_err *err)
{
    json_t *map, *redacted;
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, SIZE_MAX);
    rc = wf_redact_found(l, r, text, wish, &b, err);
    if (rc == 0) {
        map = wf_redaction_json(r);
        redacted = wf_json_str(wf_buf_str(&b));
        *out = map != NULL && redacted != NULL
                   ? json_pack("{s:o, s:o}", "text", redacted, "map", map)
                   : NULL;
        if (*out == NULL)
            rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory to redact.");
    }
    wf_buf_deinit(&b);
    return rc;
}
