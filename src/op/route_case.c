/* SPDX-License-Identifier: Apache-2.0 */
/* A chat request as it is looked at before it runs: its parts with what detectors find in them, the
 * policy's gates, what it needs, how hard it is. The parts are those of op/remote_parts.c, and all
 * texts of one value are looked at together, as where it goes (op/remote_clear.c): what keeps a
 * request here then must keep it here now. What is longer than can be looked at counts as secret.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"
#include "op/json.h"
#include "op/picture.h"
#include "op/remote_internal.h"
#include "op/route.h"
#include "route/provider.h"

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to look at a request.");
}

/* ---- texts ---- */

static bool is_one_of(const char *s, const char *const *names)
{
    while (*names != NULL && strcmp(*names, s) != 0)
        names++;
    return *names != NULL;
}

/* Appends every text within a value. */
static void append_texts(const json_t *v, struct wf_buf *out, unsigned depth)
{
    static const char *const blind[] = {"image_url",  "input_image", "input_audio", "file",
                                        "input_file", "image",       "video_url",   NULL};
    const char *key;
    json_t *item;
    size_t i;

    if (depth > WF_LIMIT_NESTING)
        return;
    if (json_is_string(v)) {
        (void)wf_buf_append(out, json_string_value(v), json_string_length(v));
        (void)wf_buf_append_byte(out, '\n');
    }
    json_array_foreach(v, i, item) append_texts(item, out, depth + 1);
    if (!json_is_object(v))
        return;
    json_object_foreach((json_t *)(uintptr_t)v, key, item)
    {
        if (!is_one_of(key, blind) && strcmp(key, "role") != 0 && strcmp(key, "type") != 0)
            append_texts(item, out, depth + 1);
    }
}

/* What of a request is looked through, each of it together. */
static const json_t *value_of(const struct wf_gen_request *q, size_t i)
{
    return i == WF_ROUTE_MESSAGES ? q->messages : i == WF_ROUTE_TOOLS ? q->tools.tools : q->schema;
}

/* The texts of a value, and how many tokens they have; `text` is for them. */
static int read_value(struct wf_route_case *c, const json_t *v, struct wf_buf *text,
                      struct wf_err *err)
{
    wf_buf_reset(text);
    append_texts(v, text, 0);
    if (wf_buf_status(text) == WF_E_LIMIT)
        return wf_err_set(err, WF_E_LIMIT, "A message is too long.");
    if (wf_buf_status(text) != 0)
        return no_memory(err);
    c->q.n_prompt += wf_tokens_about(wf_buf_str(text)) + 4;
    return 0;
}

static int read_message(struct wf_route_case *c, const json_t *m, struct wf_buf *text,
                        struct wf_buf *asked, struct wf_err *err)
{
    const char *role = wf_json_text(m, "role");
    int rc = 0;

    if (!json_is_object(m) || role[0] == '\0')
        return wf_err_set(err, WF_E_INVAL, "A message has no \"role\".");
    rc = read_value(c, m, text, err);
    if (rc == 0 && strcmp(role, "user") == 0) {
        wf_buf_reset(asked);
        rc = wf_buf_append_str(asked, wf_buf_str(text)) == 0 ? 0 : no_memory(err);
    }
    return rc;
}

/* ---- the request ---- */

/* A part of which nothing is known: the most sensitive. */
static int add_unread(struct wf_remote_parts *parts, struct wf_err *err)
{
    const struct wf_context_part p = {.source = WF_SOURCE_PROMPT, .is_unscanned = true};

    return wf_remote__parts_add(parts, &p, err);
}

/* Looks through all of it with the detectors; what is more than can be looked at is unread. */
static int scan(const struct wf_route_plan *p, const struct wf_gen_request *q,
                struct wf_route_case *c, struct wf_remote_parts *parts, struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < WF_ROUTE_VALUES; i++) {
        struct wf_context_part part = {.source = WF_SOURCE_PROMPT};
        struct wf_pii_list found;
        if (value_of(q, i) == NULL)
            continue;
        rc = wf_texts_read(p->labeler, value_of(q, i), &c->texts[i], err);
        if (rc == WF_E_LIMIT) {
            rc = add_unread(parts, err);
        } else if (rc == 0 && i == WF_ROUTE_MESSAGES) {
            rc = wf_remote__parts(q, c->texts[i], parts, err);
        } else if (rc == 0) {
            found = wf_texts_found(c->texts[i], SIZE_MAX);
            part.found = found.items;
            part.n_found = found.n;
            rc = wf_remote__parts_add(parts, &part, err);
        }
    }
    return rc;
}

static int read_all(const struct wf_route_plan *p, const struct wf_gen_request *q,
                    struct wf_route_case *c, struct wf_buf *text, struct wf_buf *asked,
                    struct wf_err *err)
{
    float odds[WF_HARDNESS_OUTPUTS];
    const json_t *m;
    size_t i;
    int rc = 0;

    c->hash = p->seed;
    json_array_foreach(q->messages, i, m)
    {
        if (rc == 0)
            rc = read_message(c, m, text, asked, err);
        c->hash = wf_str_hash(wf_buf_str(text), c->hash);
    }
    for (i = WF_ROUTE_TOOLS; rc == 0 && i < WF_ROUTE_VALUES; i++)
        if (value_of(q, i) != NULL)
            rc = read_value(c, value_of(q, i), text, err);
    if (rc != 0)
        return rc;
    c->q.kind = wf_kind_of(wf_buf_str(asked), (c->q.needs & WF_ABILITY_TOOLS) != 0);
    wf_hardness_score(p->hardness, wf_buf_str(asked), odds);
    c->q.hard_small = odds[WF_HARDNESS_SMALL];
    c->q.hard_large = odds[WF_HARDNESS_LARGE];
    return 0;
}

static int read_request(const struct wf_route_plan *p, const struct wf_gen_request *q,
                        struct wf_route_case *c, struct wf_err *err)
{
    size_t n = json_array_size(q->messages);
    struct wf_remote_parts parts = {.n = 0};
    struct wf_buf text, asked;
    int rc;

    if (n == 0)
        return wf_err_set(err, WF_E_INVAL,
                          "This is no chat request: it has no \"messages\", as in "
                          "{\"messages\":[{\"role\":\"user\",\"content\":\"...\"}]}.");
    if (n > WF_ROUTE_MESSAGES_MAX)
        return wf_err_set(err, WF_E_LIMIT, "The conversation has over %u messages.",
                          WF_ROUTE_MESSAGES_MAX);
    c->q = (struct wf_route_request){
        .balance = p->balance,
        .needs = wf_provider_needs(q),
        .n_prompt = (uint32_t)(WF_OP_PICTURE_TOKENS * wf_op_pictures(q->messages, NULL)),
        .n_max = (uint32_t)WF_MIN(q->n_max, (size_t)UINT32_MAX),
        .deadline_ms = p->deadline_ms,
        .has_consent = p->has_consent,
        .is_offline = p->is_offline,
        .here_only = p->here_only,
    };
    wf_buf_init(&text, WF_LIMIT_DETECT_BYTES);
    wf_buf_init(&asked, WF_LIMIT_DETECT_BYTES);
    rc = read_all(p, q, c, &text, &asked, err);
    if (rc == 0)
        rc = scan(p, q, c, &parts, err);
    c->parts = parts.parts;
    c->n_parts = parts.n;
    wf_free(parts.of);
    wf_buf_deinit(&text);
    wf_buf_deinit(&asked);
    return rc;
}

/* ---- the gates ---- */

static void ask_gates(const struct wf_route_plan *p, struct wf_route_case *c)
{
    for (size_t i = 0; i < p->n; i++) {
        struct wf_candidate *k = &c->candidates[i];
        struct wf_gate *gate = &c->gates[i];
        *k = p->sites[i].c;
        wf_policy_gate(p->policy, c->parts, c->n_parts, &p->sites[i].target, gate);
        k->label = gate->label;
        k->clearance = gate->clearance < 0 ? WF_LABEL_PUBLIC : (enum wf_label)gate->clearance;
        k->is_refused = !gate->is_open;
        k->needs_consent = gate->needs_consent;
    }
}

/* ---- what a person may do about a gate ---- */

bool wf_route_may_release(const struct wf_route_plan *p, const struct wf_route_case *c, size_t i)
{
    const struct wf_gate *gate = &c->gates[i];
    const struct wf_route_options o = {.experience = p->experience, .now_ms = p->now_ms};
    struct wf_candidate k = c->candidates[i];
    struct wf_release would = {.who = WF_STR("owner"), .engine = k.engine, .from = gate->label};
    struct wf_decision d;

    if (p->policy == NULL || gate->is_open || k.tier == WF_TIER_HERE || p->sites[i].is_node)
        return false;
    would.to = gate->clearance < 0 ? WF_LABEL_PUBLIC : (enum wf_label)gate->clearance;
    if (would.to >= would.from || wf_release_admit(p->policy, c->parts, c->n_parts,
                                                   &p->sites[i].target, &would, gate, NULL) != 0)
        return false;
    k.label = would.to;
    k.is_refused = k.needs_consent = false; /* a release is both */
    wf_route_decide(&c->q, &k, 1, &o, &d);
    return d.n_allowed == 1;
}

size_t wf_route_best_released(const struct wf_route_plan *p, const struct wf_route_case *c)
{
    size_t best = WF_ROUTE_NONE;

    for (size_t i = 0; i < c->decision.n; i++) {
        if (wf_route_may_release(p, c, i) &&
            (best == WF_ROUTE_NONE || c->decision.of[i].utility > c->decision.of[best].utility))
            best = i;
    }
    return best;
}

int wf_route_look(const struct wf_route_plan *p, const struct wf_gen_request *q,
                  struct wf_route_case **out, struct wf_err *err)
{
    struct wf_route_case *c = wf_alloc_array(1, sizeof(*c));
    int rc;

    if (c == NULL)
        return no_memory(err);
    c->candidates = wf_alloc_array(p->n + 1, sizeof(*c->candidates));
    c->gates = wf_alloc_array(p->n + 1, sizeof(*c->gates));
    rc = c->candidates == NULL || c->gates == NULL ? no_memory(err) : read_request(p, q, c, err);
    if (rc == 0) {
        ask_gates(p, c);
        *out = c;
    } else {
        wf_route_case_free(c);
    }
    return rc;
}

void wf_route_case_forget(struct wf_route_case *c)
{
    for (size_t i = 0; i < WF_ROUTE_VALUES; i++) {
        wf_texts_free(c->texts[i]);
        c->texts[i] = NULL;
    }
    wf_free(c->parts);
    c->parts = NULL;
    c->n_parts = 0;
}

void wf_route_case_free(struct wf_route_case *c)
{
    if (c == NULL)
        return;
    wf_route_case_forget(c);
    wf_free(c->candidates);
    wf_free(c->gates);
    wf_free(c);
}
