/* SPDX-License-Identifier: Apache-2.0 */
/* A decision about a chat request, as JSON. */
#include "op/route.h"

#include <math.h>

#include "base/buf.h"
#include "op/declared.h"
#include "op/json.h"

/* A request that was decided. */
struct work {
    const struct wf_route_plan *plan;
    const struct wf_route_case *c;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to look at a request.");
}

/* ---- the answer ---- */

/* Why a candidate is out: with the policy's own sentence where it says so. */
static json_t *why_json(const struct work *w, const struct wf_gate *g, enum wf_barrier b)
{
    const struct wf_policy *p = w->plan->policy;
    bool is_closed = b == WF_BARRIER_CLEARANCE || b == WF_BARRIER_SECRET || b == WF_BARRIER_POLICY;
    struct wf_buf out;
    json_t *v;

    wf_buf_init(&out, 4096);
    (void)wf_buf_append_cstr(&out, wf_barrier_text(b)); /* asked below */
    if (p != NULL && is_closed && g->why != WF_GATE_OPEN && g->why != WF_GATE_NO_POLICY) {
        (void)wf_buf_append_cstr(&out, ": ");
        (void)wf_policy_say_reason(p, w->c->parts, &g->reason, &out);
    } else if (p != NULL && b == WF_BARRIER_CONSENT) {
        struct wf_policy_rule rule = wf_policy_rule(p, g->consent_rule);
        (void)wf_buf_appendf(&out, " (%.*s)", WF_STR_ARG(rule.text));
    }
    v = wf_buf_status(&out) == 0 ? wf_json_str(wf_buf_str(&out)) : NULL;
    wf_buf_deinit(&out);
    return v;
}

/* To four digits. */
static double rounded(double v)
{
    double per = v > 0 ? pow(10, 3 - floor(log10(v))) : 1;

    return v > 0 && isfinite(per) ? round(v * per) / per : 0;
}

/* Why the request has its label, a sentence each, the weightiest first. */
static json_t *reasons_json(const struct work *w, const struct wf_verdict *verdict)
{
    json_t *list = json_array();

    for (size_t i = 0; w->plan->policy != NULL && i < verdict->n_reasons; i++) {
        struct wf_buf out;
        wf_buf_init(&out, 4096);
        if (wf_policy_say_reason(w->plan->policy, w->c->parts, &verdict->reasons[i], &out) == 0)
            (void)json_array_append_new(list, wf_json_str(wf_buf_str(&out)));
        wf_buf_deinit(&out);
    }
    return list;
}

static json_t *candidate_json(const struct work *w, size_t i)
{
    static const char *const tiers[WF_TIER_COUNT] = {"here", "device", "edge", "cloud", "provider"};
    const struct wf_candidate *c = &w->c->candidates[i];
    const struct wf_gate *g = &w->c->gates[i];
    const struct wf_verdict_of *v = &w->c->decision.of[i];
    const struct wf_estimate *e = &v->estimate;

    return json_pack(
        "{s:s, s:s%, s:s, s:b, s:o, s:s, s:I, s:s, s:b, s:f, s:f, s:f, s:f, s:f, s:f, "
        "s:f, s:f}",
        "engine", w->plan->sites[i].name, "model", c->model.ptr, c->model.len, "tier",
        tiers[c->tier], "allowed", v->barrier == WF_BARRIER_NONE, "why", why_json(w, g, v->barrier),
        "label", wf_label_name(c->label), "redacted", (json_int_t)g->n_redacted, "barrier",
        wf_barrier_name(v->barrier), "releasable", (int)wf_route_may_release(w->plan, w->c, i),
        "ttft_ms", rounded(e->ttft_ms), "total_ms", rounded(e->total_ms), "quality",
        rounded(e->quality), "energy_j", rounded(e->energy_j), "cost", rounded(e->cost), "carbon_g",
        rounded(e->carbon_g), "works", rounded(e->works), "utility", rounded(v->utility));
}

static json_t *name_json(const struct work *w, size_t i)
{
    return i == WF_ROUTE_NONE ? json_null() : json_string(w->plan->sites[i].name);
}

static json_t *advice_json(const struct work *w)
{
    const struct wf_decision *d = &w->c->decision;
    json_t *v = json_object();

    if (d->hedge != WF_ROUTE_NONE)
        (void)json_object_set_new(v, "hedge",
                                  json_pack("{s:o, s:f}", "engine", name_json(w, d->hedge),
                                            "after_ms", rounded(d->hedge_after_ms)));
    if (d->cascade != WF_ROUTE_NONE)
        (void)json_object_set_new(v, "cascade",
                                  json_pack("{s:o, s:o}", "first", name_json(w, d->cascade), "then",
                                            name_json(w, d->cascade_then)));
    return v;
}

static json_t *answer_json(const struct work *w)
{
    json_t *list = json_array(), *order = json_array();
    struct wf_verdict verdict;

    for (size_t i = 0; i < w->c->decision.n; i++)
        (void)json_array_append_new(list, candidate_json(w, i));
    for (size_t i = 0; i < w->c->decision.n_allowed; i++)
        (void)json_array_append_new(order, name_json(w, w->c->decision.order[i]));
    if (json_array_size(list) != w->c->decision.n ||
        json_array_size(order) != w->c->decision.n_allowed) {
        json_decref(list);
        json_decref(order);
        return NULL;
    }
    wf_policy_label(w->plan->policy, w->c->parts, w->c->n_parts, &verdict);
    return json_pack("{s:s, s:o, s:s, s:s, s:I, s:o, s:o, s:o, s:o}", "label",
                     wf_label_name(verdict.label), "reasons", reasons_json(w, &verdict), "kind",
                     wf_kind_name(w->c->q.kind), "balance", wf_balance_name(w->c->q.balance),
                     "prompt_tokens", (json_int_t)w->c->q.n_prompt, "candidates", list, "chosen",
                     name_json(w, wf_decision_chosen(&w->c->decision)), "order", order, "advice",
                     advice_json(w));
}

/* ---- a chat in OpenAI's form ---- */

static size_t number(const json_t *chat, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(chat, key));

    return v > 0 && v < UINT32_MAX ? (size_t)v : 0;
}

struct wf_gen_request wf_route_request_of(const json_t *chat)
{
    const json_t *tools = json_object_get(chat, "tools");
    const json_t *format = json_object_get(json_object_get(chat, "response_format"), "json_schema");
    const json_t *messages = json_object_get(chat, "messages");
    const struct wf_tool_rules rules = {.tools = json_array_size(tools) > 0 ? tools : NULL};

    return (struct wf_gen_request){
        .messages = json_is_array(messages) ? messages : NULL,
        .tools = rules,
        .schema = format,
        .n_choices = number(chat, "n"),
        .n_max = number(chat, number(chat, "max_completion_tokens") > 0 ? "max_completion_tokens"
                                                                        : "max_tokens"),
    };
}

void wf_route_choose(const struct wf_route_plan *p, const struct wf_rng *explore,
                     struct wf_route_case *c)
{
    const struct wf_route_options o = {
        .experience = p->experience, .explore = explore, .now_ms = p->now_ms};

    wf_route_decide(&c->q, c->candidates, p->n, &o, &c->decision);
}

int wf_route_tell(const struct wf_route_plan *p, const struct wf_route_case *c, json_t **out,
                  struct wf_err *err)
{
    json_t *v = answer_json(&(struct work){.plan = p, .c = c});

    if (v == NULL)
        return no_memory(err);
    *out = v;
    return 0;
}

int wf_route_explain(const struct wf_route_plan *p, const json_t *chat, json_t **out,
                     struct wf_err *err)
{
    struct wf_gen_request q = wf_route_request_of(chat);
    struct wf_route_case *c = NULL;
    struct wf_arena arena;
    int rc;

    wf_arena_init(&arena, 0, WF_DECLARED_BYTES_MAX);
    rc = wf_op_declared_chat(q.messages, &arena, &q.origins, &q.n_origins, err);
    if (rc == 0)
        rc = wf_route_look(p, &q, &c, err);
    if (rc == 0) {
        wf_route_choose(p, NULL, c);
        rc = wf_route_tell(p, c, out, err);
    }
    wf_route_case_free(c);
    wf_arena_deinit(&arena);
    return rc;
}
