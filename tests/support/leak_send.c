/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as they would go to a provider. */
#include "support/leak_send.h"

#include <assert.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/json.h"
#include "op/redact.h"

struct leak_sender {
    struct wf_detector *detector;
    struct wf_policy *policy;
    struct wf_labeler *labeler;
    struct wf_buf sent;
};

struct leak_sender *leak_sender_new(const char *policy)
{
    const struct wf_detect_options o = {.plain_only = false};
    const struct wf_policy_options po = {.name = "policy"};
    struct leak_sender *s = wf_alloc_array(1, sizeof(*s));
    struct wf_labeler_options lo = {.lens = NULL};
    struct wf_err err = WF_ERR_INIT;
    int rc;

    assert(s != NULL);
    wf_buf_init(&s->sent, 16u << 20);
    rc = wf_detector_open(&o, &s->detector, &err);
    if (rc == 0)
        rc = policy == NULL ? wf_policy_built_in(&s->policy, &err)
                            : wf_policy_parse(wf_str_from(policy), &po, &s->policy, &err);
    lo.detector = s->detector;
    lo.policy = s->policy;
    if (rc == 0)
        rc = wf_labeler_new(&lo, &s->labeler, &err);
    if (rc != 0) {
        fprintf(stderr, "leak_sender: %s\n", err.msg);
        leak_sender_free(s);
        return NULL;
    }
    return s;
}

void leak_sender_free(struct leak_sender *s)
{
    if (s == NULL)
        return;
    wf_labeler_free(s->labeler);
    wf_policy_free(s->policy);
    wf_detector_free(s->detector);
    wf_buf_deinit(&s->sent);
    wf_free(s);
}

/* Whether the gate lets all of the texts through, once redacted. */
static bool is_open(const struct leak_sender *s, const struct wf_texts *texts)
{
    const struct wf_target target = {.tier = WF_TIER_PROVIDER,
                                     .name = WF_STR("large"),
                                     .provider = WF_STR("openai"),
                                     .clearance = WF_LABEL_SECRET};
    const size_t n = wf_texts_n(texts);
    struct wf_context_part *parts = wf_alloc_array(n + 1, sizeof(*parts));
    struct wf_gate gate;

    assert(parts != NULL);
    for (size_t i = 0; i < n; i++) {
        const struct wf_text t = wf_texts_at(texts, i);
        parts[i] = (struct wf_context_part){
            .source = WF_SOURCE_PROMPT, .found = t.found, .n_found = t.n_found + t.n_topics};
    }
    wf_policy_gate(s->policy, parts, n, &target, &gate);
    wf_free(parts);
    return gate.is_open;
}

const struct wf_buf *leak_send(struct leak_sender *s, const json_t *request)
{
    const struct wf_redact_wish wish = {
        .policy = s->policy, .provider = "openai", .op = WF_OPERATOR_REPLACE};
    struct wf_redaction *r = NULL;
    struct wf_texts *texts = NULL;
    json_t *redacted = NULL;
    bool open = false;
    int rc = wf_texts_read(s->labeler, request, &texts, NULL);

    wf_buf_reset(&s->sent);
    if (rc == 0)
        open = is_open(s, texts);
    if (rc == 0 && open)
        rc = wf_redaction_new(NULL, &r, NULL);
    if (rc == 0 && open)
        rc = wf_redact_texts(texts, r, request, &wish, &redacted, NULL);
    if (rc == 0 && open)
        rc = wf_json_append(&s->sent, redacted);
    json_decref(redacted);
    wf_redaction_free(r);
    wf_texts_free(texts);
    return rc == 0 && open ? &s->sent : NULL;
}
