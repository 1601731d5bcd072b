/* SPDX-License-Identifier: Apache-2.0 */
/* Policies and cases: any text is refused with a sentence that tells its place, or is a policy that
 * can be explained, and that labels and gates without ever opening what is secret. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "privacy/policy_cases.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const struct wf_policy *p)
{
    static const struct wf_pii found[] = {{.type = "PERSON", .score = 0.6F},
                                          {.type = "JWT", .score = 0.9F},
                                          {.type = "TOPIC_HEALTH", .score = 0.5F},
                                          {.type = "WHAT", .score = 1}};
    struct wf_context_part parts[2] = {
        {.source = WF_SOURCE_FILE,
         .name = WF_STR("/home/anna/a/b.pdf"),
         .found = found,
         .n_found = 4},
        {.source = WF_SOURCE_MAIL, .name = WF_STR("x@y"), .space = WF_STR("s"), .n_found = 0}};
    struct wf_target t = {.name = WF_STR("gpt"), .clearance = WF_LABEL_SECRET};
    struct wf_verdict v;
    struct wf_reason r;
    struct wf_gate g;
    uint8_t ops[4];

    wf_policy_label(p, parts, 2, &v);
    assert(v.n_reasons > 0 && v.reasons[0].label == v.label);
    for (unsigned tier = 0; tier < WF_TIER_COUNT; tier++) {
        t.tier = (enum wf_tier)tier;
        wf_policy_gate(p, parts, 2, &t, &g);
        wf_policy_operators(p, parts, 2, 0, &t, ops, NULL);
        assert(!g.is_open || (int)g.label <= g.clearance);
        assert(!g.is_open || tier == WF_TIER_HERE || g.label < WF_LABEL_SECRET);
        assert(ops[2] <= WF_OPERATOR_KEEP); /* a topic has no place */
        assert(!g.is_open || wf_policy_floor(p, parts, 2, &t, &r) <= g.label);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct wf_policy_options o = {.name = "fuzz", .user_home = "/home/anna"};
    const struct wf_policy_cases_options cases = {.name = "fuzz"};
    struct wf_str text = wf_str_n((const char *)data, size);
    struct wf_err err = WF_ERR_INIT;
    struct wf_policy *p = NULL;
    struct wf_buf b;
    size_t n, failed;

    wf_buf_init(&b, SIZE_MAX);
    if (wf_policy_parse(text, &o, &p, &err) != 0) {
        assert(err.msg[0] != 0);
        if (wf_policy_built_in(&p, NULL) == 0)
            (void)!wf_policy_cases(p, text, &cases, &n, &failed, NULL);
    } else if (wf_policy_explain(p, true, &b, NULL) == 0) {
        assert(b.len > 0);
        judge(p);
    }
    wf_buf_deinit(&b);
    wf_policy_free(p);
    return 0;
}
