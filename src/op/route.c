/* SPDX-License-Identifier: Apache-2.0 */
/* A chat request's label, its candidates' gates, the decision, and all of it as JSON.
 *
 * Every text of a message counts for its label, whatever key it stands under; what is no text (a
 * picture, a recording) cannot be looked into and counts as secret. */
#include "op/route.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"
#include "op/json.h"

/* A request while it is looked at. */
struct work {
    const struct wf_route_plan *plan;
    struct wf_route_request q;
    struct wf_context_part parts[WF_ROUTE_PARTS_MAX];
    size_t starts[WF_ROUTE_PARTS_MAX]; /* where a part's data begin in `found` */
    size_t n_parts;
    struct wf_pii *found;
    size_t n_found, cap_found;
    struct wf_buf text;  /* of one message */
    struct wf_buf asked; /* of the person's last one */
    struct wf_decision decision;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to look at a request.");
}

/* ---- the request's texts ---- */

static bool is_one_of(const char *s, const char *const *names)
{
    while (*names != NULL && strcmp(*names, s) != 0)
        names++;
    return *names != NULL;
}

/* Appends every text within a value; *out_is_blind where there is something else than texts. */
static void append_texts(const json_t *v, struct wf_buf *out, bool *out_is_blind, unsigned depth)
{
    static const char *const blind[] = {"image_url",  "input_image", "input_audio", "file",
                                        "input_file", "image",       "video_url",   NULL};
    const char *key;
    json_t *item;
    size_t i;

    if (depth > WF_LIMIT_NESTING) {
        *out_is_blind = true;
        return;
    }
    if (json_is_string(v)) {
        (void)wf_buf_append(out, json_string_value(v), json_string_length(v));
        (void)wf_buf_append_byte(out, '\n');
    }
    json_array_foreach(v, i, item) append_texts(item, out, out_is_blind, depth + 1);
    if (!json_is_object(v))
        return;
    json_object_foreach((json_t *)(uintptr_t)v, key, item)
    {
        if (is_one_of(key, blind))
            *out_is_blind = true;
        else if (strcmp(key, "role") != 0 && strcmp(key, "type") != 0)
            append_texts(item, out, out_is_blind, depth + 1);
    }
}

static int keep_found(struct work *w, const struct wf_labeled *l, struct wf_err *err)
{
    size_t n = l->n + l->n_topics;

    if (w->n_found + n > w->cap_found) {
        size_t cap = 2 * (w->n_found + n);
        struct wf_pii *p = wf_realloc_array(w->found, cap, sizeof(*p));
        if (p == NULL)
            return no_memory(err);
        w->found = p;
        w->cap_found = cap;
    }
    for (size_t i = 0; i < n; i++) { /* kinds and scores; the words lie in texts that go */
        w->found[w->n_found] = l->all[i];
        w->found[w->n_found++].word = WF_STR("");
    }
    return 0;
}

/* One more part, with what is in w->text. */
static int add_part(struct work *w, enum wf_source source, bool is_blind, struct wf_err *err)
{
    struct wf_context_part *part = &w->parts[w->n_parts];
    struct wf_labeled found = {.n = 0};
    int rc = wf_buf_status(&w->text);

    if (rc != 0)
        return rc == WF_E_LIMIT ? wf_err_set(err, rc, "A message is too long.") : no_memory(err);
    if (w->n_parts == WF_ROUTE_PARTS_MAX)
        return wf_err_set(err, WF_E_LIMIT, "The conversation has over %u messages.",
                          WF_ROUTE_PARTS_MAX - 1);
    rc = wf_labeler_find(w->plan->labeler, wf_buf_str(&w->text), &found, err);
    if (rc == WF_E_LIMIT) { /* more than can be looked at: the most sensitive */
        is_blind = true;
        found = (struct wf_labeled){.n = 0};
        rc = 0;
    }
    if (rc != 0)
        return rc;
    *part = (struct wf_context_part){
        .source = source, .n_found = found.n + found.n_topics, .is_unscanned = is_blind};
    w->starts[w->n_parts++] = w->n_found;
    w->q.n_prompt += wf_tokens_about(wf_buf_str(&w->text)) + 4;
    return keep_found(w, &found, err);
}

static enum wf_source source_of(const char *role)
{
    return strcmp(role, "assistant") == 0                               ? WF_SOURCE_ANSWER
           : strcmp(role, "tool") == 0 || strcmp(role, "function") == 0 ? WF_SOURCE_TOOL
                                                                        : WF_SOURCE_PROMPT;
}

static int read_message(struct work *w, const json_t *m, struct wf_err *err)
{
    const char *role = wf_json_text(m, "role");
    bool is_blind = false;
    int rc;

    if (!json_is_object(m) || role[0] == '\0')
        return wf_err_set(err, WF_E_INVAL, "A message has no \"role\".");
    wf_buf_reset(&w->text);
    append_texts(m, &w->text, &is_blind, 0);
    if (is_blind)
        w->q.needs |= WF_ABILITY_IMAGES;
    rc = add_part(w, source_of(role), is_blind, err);
    if (rc == 0 && strcmp(role, "user") == 0) {
        wf_buf_reset(&w->asked);
        if (wf_buf_append_str(&w->asked, wf_buf_str(&w->text)) != 0)
            rc = no_memory(err);
    }
    return rc;
}

/* ---- what it needs ---- */

static uint32_t number(const json_t *chat, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(chat, key));

    return v > 0 && v < UINT32_MAX ? (uint32_t)v : 0;
}

static int read_tools(struct work *w, const json_t *chat, struct wf_err *err)
{
    const json_t *tools = json_object_get(chat, "tools");
    bool is_blind = false;

    if (json_array_size(tools) == 0)
        return 0;
    w->q.needs |= WF_ABILITY_TOOLS;
    wf_buf_reset(&w->text);
    append_texts(tools, &w->text, &is_blind, 0);
    return add_part(w, WF_SOURCE_PROMPT, is_blind, err);
}

static int read_request(struct work *w, const json_t *chat, struct wf_err *err)
{
    const json_t *messages = json_object_get(chat, "messages"), *m;
    float odds[WF_HARDNESS_OUTPUTS];
    size_t i;
    int rc = 0;

    if (json_array_size(messages) == 0)
        return wf_err_set(err, WF_E_INVAL,
                          "This is no chat request: it has no \"messages\", as in "
                          "{\"messages\":[{\"role\":\"user\",\"content\":\"...\"}]}.");
    json_array_foreach(messages, i, m)
    {
        if (rc == 0)
            rc = read_message(w, m, err);
    }
    if (rc == 0)
        rc = read_tools(w, chat, err);
    if (rc != 0)
        return rc;
    if (json_object_get(json_object_get(chat, "response_format"), "json_schema") != NULL)
        w->q.needs |= WF_ABILITY_SCHEMA;
    if (number(chat, "n") > 1)
        w->q.needs |= WF_ABILITY_CHOICES;
    w->q.n_max = number(chat, "max_completion_tokens");
    if (w->q.n_max == 0)
        w->q.n_max = number(chat, "max_tokens");
    w->q.kind = wf_kind_of(wf_buf_str(&w->asked), (w->q.needs & WF_ABILITY_TOOLS) != 0);
    wf_hardness_score(w->plan->hardness, wf_buf_str(&w->asked), odds);
    w->q.hard_small = odds[WF_HARDNESS_SMALL];
    w->q.hard_large = odds[WF_HARDNESS_LARGE];
    for (i = 0; i < w->n_parts; i++)
        w->parts[i].found = w->found + w->starts[i];
    return 0;
}

/* ---- the answer ---- */

static void ask_gates(struct work *w, struct wf_candidate *candidates, struct wf_gate *gates)
{
    for (size_t i = 0; i < w->plan->n; i++) {
        struct wf_candidate *c = &candidates[i];
        *c = w->plan->sites[i].c;
        wf_policy_gate(w->plan->policy, w->parts, w->n_parts, &w->plan->sites[i].target, &gates[i]);
        c->label = gates[i].label;
        c->clearance = gates[i].clearance < 0 ? WF_LABEL_PUBLIC : (enum wf_label)gates[i].clearance;
        c->is_refused = !gates[i].is_open;
        c->needs_consent = gates[i].needs_consent;
    }
}

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
        (void)wf_policy_say_reason(p, w->parts, &g->reason, &out);
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
        if (wf_policy_say_reason(w->plan->policy, w->parts, &verdict->reasons[i], &out) == 0)
            (void)json_array_append_new(list, wf_json_str(wf_buf_str(&out)));
        wf_buf_deinit(&out);
    }
    return list;
}

static json_t *candidate_json(const struct work *w, const struct wf_candidate *c,
                              const struct wf_gate *g, size_t i)
{
    static const char *const tiers[WF_TIER_COUNT] = {"here", "device", "edge", "cloud", "provider"};
    const struct wf_verdict_of *v = &w->decision.of[i];
    const struct wf_estimate *e = &v->estimate;

    return json_pack("{s:s, s:s%, s:s, s:b, s:o, s:s, s:I, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f, "
                     "s:f}",
                     "engine", w->plan->sites[i].name, "model", c->model.ptr, c->model.len, "tier",
                     tiers[c->tier], "allowed", v->barrier == WF_BARRIER_NONE, "why",
                     why_json(w, g, v->barrier), "label", wf_label_name(c->label), "redacted",
                     (json_int_t)g->n_redacted, "barrier", wf_barrier_name(v->barrier), "ttft_ms",
                     rounded(e->ttft_ms), "total_ms", rounded(e->total_ms), "quality",
                     rounded(e->quality), "energy_j", rounded(e->energy_j), "cost",
                     rounded(e->cost), "carbon_g", rounded(e->carbon_g), "works", rounded(e->works),
                     "utility", rounded(v->utility));
}

static json_t *name_json(const struct work *w, size_t i)
{
    return i == WF_ROUTE_NONE ? json_null() : json_string(w->plan->sites[i].name);
}

static json_t *advice_json(const struct work *w)
{
    const struct wf_decision *d = &w->decision;
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

static json_t *answer_json(const struct work *w, const struct wf_candidate *candidates,
                           const struct wf_gate *gates)
{
    json_t *list = json_array(), *order = json_array();
    struct wf_verdict verdict;

    for (size_t i = 0; i < w->decision.n; i++)
        (void)json_array_append_new(list, candidate_json(w, &candidates[i], &gates[i], i));
    for (size_t i = 0; i < w->decision.n_allowed; i++)
        (void)json_array_append_new(order, name_json(w, w->decision.order[i]));
    if (json_array_size(list) != w->decision.n || json_array_size(order) != w->decision.n_allowed) {
        json_decref(list);
        json_decref(order);
        return NULL;
    }
    wf_policy_label(w->plan->policy, w->parts, w->n_parts, &verdict);
    return json_pack("{s:s, s:o, s:s, s:s, s:I, s:o, s:o, s:o, s:o}", "label",
                     wf_label_name(verdict.label), "reasons", reasons_json(w, &verdict), "kind",
                     wf_kind_name(w->q.kind), "balance", wf_balance_name(w->q.balance),
                     "prompt_tokens", (json_int_t)w->q.n_prompt, "candidates", list, "chosen",
                     name_json(w, wf_decision_chosen(&w->decision)), "order", order, "advice",
                     advice_json(w));
}

int wf_route_explain(const struct wf_route_plan *p, const json_t *chat, json_t **out,
                     struct wf_err *err)
{
    struct work *w = wf_alloc_array(1, sizeof(*w));
    struct wf_candidate *candidates = wf_alloc_array(p->n + 1, sizeof(*candidates));
    struct wf_gate *gates = wf_alloc_array(p->n + 1, sizeof(*gates));
    const struct wf_route_options o = {.experience = p->experience, .now_ms = p->now_ms};
    int rc = w == NULL || candidates == NULL || gates == NULL ? no_memory(err) : 0;

    if (rc == 0) {
        w->plan = p;
        w->q = (struct wf_route_request){.balance = p->balance,
                                         .deadline_ms = p->deadline_ms,
                                         .has_consent = p->has_consent,
                                         .is_offline = p->is_offline,
                                         .here_only = p->here_only};
        wf_buf_init(&w->text, WF_LIMIT_DETECT_BYTES);
        wf_buf_init(&w->asked, WF_LIMIT_DETECT_BYTES);
        rc = read_request(w, chat, err);
    }
    if (rc == 0) {
        ask_gates(w, candidates, gates);
        wf_route_decide(&w->q, candidates, p->n, &o, &w->decision);
        *out = answer_json(w, candidates, gates);
        rc = *out != NULL ? 0 : no_memory(err);
    }
    if (w != NULL) {
        wf_buf_deinit(&w->text);
        wf_buf_deinit(&w->asked);
        wf_free(w->found);
    }
    wf_free(w);
    wf_free(candidates);
    wf_free(gates);
    return rc;
}
