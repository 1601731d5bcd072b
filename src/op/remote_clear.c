/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to a chat before it may leave: every text of it is looked at, the policy's gate is
 * asked about all of it together, and only then it is redacted.
 *
 * A part is one message (by its role: the person's words, an answer, a tool's result), a piece of
 * one that comes from elsewhere (remote_parts.c), the tools, or the schema of the answer. All
 * messages are looked at together, text by text and across their borders (op/texts.h), and redacted
 * by just what was found then. What detectors cannot read makes its part secret, but for pictures:
 * they have a source of their own in the policy, and go as they are or not at all.
 * All redaction is by placeholders: a made-up datum would look to airlock like one that was
 * forgotten. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "op/json.h"
#include "op/redact.h"
#include "op/remote_internal.h"
#include "op/route.h"
#include "text/utf8.h"

#define PARTS_MAX 4096u

struct clearing {
    const struct wf_remote_options *o;
    const struct wf_engine_entry *engine;
    struct wf_labeler *labeler;
    const json_t *values[WF_ROUTE_VALUES]; /* NULL: there is none */
    const struct wf_texts *texts[WF_ROUTE_VALUES];
    struct wf_texts *own[WF_ROUTE_VALUES]; /* those of them that nobody had read before */
    struct wf_remote_parts from;           /* the messages, then the rest */
    int clearance; /* enum wf_label of the engine, by the policy; -1: nothing */
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
}

/* ---- parts ---- */

/* What who chose this engine found in the value; NULL: that is another one, or nobody looked. */
static const struct wf_texts *seen_before(const struct clearing *c, const struct wf_gen_request *q,
                                          size_t i)
{
    const struct wf_route_seen *s = q->seen;

    return s != NULL && s->detector == c->o->detector && s->lens == c->o->lens &&
                   s->values[i] == c->values[i]
               ? s->texts[i]
               : NULL;
}

static int read_value(struct clearing *c, const struct wf_gen_request *q, size_t i,
                      struct wf_err *err)
{
    const struct wf_labeler_options lo = {
        .detector = c->o->detector, .policy = c->o->policy, .lens = c->o->lens};
    int rc = 0;

    c->texts[i] = seen_before(c, q, i);
    if (c->values[i] == NULL || c->texts[i] != NULL)
        return 0;
    if (c->labeler == NULL)
        rc = wf_labeler_new(&lo, &c->labeler, err);
    if (rc == 0)
        rc = wf_texts_read(c->labeler, c->values[i], &c->own[i], err);
    c->texts[i] = c->own[i];
    return rc;
}

static int look_at_all(struct clearing *c, const struct wf_gen_request *q, struct wf_err *err)
{
    const size_t n = json_array_size(q->messages);
    int rc = 0;

    if (n == 0 || n > PARTS_MAX)
        return wf_err_set(err, WF_E_INVAL, "A chat has 1 to %u messages.", PARTS_MAX);
    c->values[WF_ROUTE_MESSAGES] = q->messages;
    c->values[WF_ROUTE_TOOLS] = q->tools.tools;
    c->values[WF_ROUTE_SCHEMA] = q->schema;
    for (size_t i = 0; rc == 0 && i < WF_ROUTE_VALUES; i++)
        rc = read_value(c, q, i, err);
    if (rc == 0)
        rc = wf_remote__parts(q, c->texts[WF_ROUTE_MESSAGES], &c->from, err);
    for (size_t i = WF_ROUTE_TOOLS; rc == 0 && i < WF_ROUTE_VALUES; i++) {
        struct wf_context_part p = {.source = WF_SOURCE_PROMPT};
        struct wf_pii_list found;
        if (c->texts[i] == NULL)
            continue;
        found = wf_texts_found(c->texts[i], SIZE_MAX);
        p.found = found.items;
        p.n_found = found.n;
        rc = wf_remote__parts_add(&c->from, &p, err);
    }
    return rc;
}

/* Where a text of the messages comes from, for redaction. */
static const struct wf_context_part *sources(void *ud, size_t i, size_t *out_n)
{
    const struct clearing *c = ud;

    *out_n = c->from.of[i].n;
    return &c->from.parts[c->from.of[i].first];
}

/* ---- the gate ---- */

static int say_closed(struct clearing *c, const struct wf_gate *gate, struct wf_err *err)
{
    const char *name = c->engine->name, *label = wf_label_name(gate->label), *advice = "";
    const char *most =
        gate->clearance < 0 ? "nothing" : wf_label_name((enum wf_label)gate->clearance);
    size_t room = WF_ERR_MSG_MAX - sizeof("Nothing was sent to : this is ,  may see . .");
    struct wf_str shown;
    struct wf_buf why;
    int rc;

    wf_buf_init(&why, 400);
    if (gate->why != WF_GATE_NO_POLICY) {
        (void)wf_policy_say_reason(c->o->policy, c->from.parts, &gate->reason, &why);
        if (gate->reason.datum == WF_REASON_PART)
            advice = wf_remote__advice(&c->from.parts[gate->reason.part]);
    }
    room -= WF_MIN(room, 2 * strlen(name) + strlen(label) + strlen(most) + strlen(advice));
    shown = wf_str_sub(wf_buf_str(&why), 0, room); /* what can be done about it is not cut off */
    rc = wf_err_set(err, WF_E_DENIED,
                    "Nothing was sent to %.40s: this is %s, %s may see %s. %.*s.%s", name, label,
                    name, most, (int)wf_utf8_valid_prefix(shown), shown.len > 0 ? shown.ptr : "",
                    advice);
    wf_buf_deinit(&why);
    return rc;
}

/* Opens the gate where a person has released the request; the digest is held against the body once
 * that is written. */
static int release(struct clearing *c, const struct wf_gen_request *q,
                   const struct wf_target *target, struct wf_gate *io_gate,
                   struct wf_remote_cleared *out, struct wf_err *err)
{
    int rc = wf_remote__release(c->o, c->engine, q, &out->ticket, &out->release, err);

    if (rc == 0)
        rc = wf_release_apply(c->o->policy, c->from.parts, c->from.n, target, &out->release,
                              out->release.what, out->release.when_ms, io_gate, err);
    out->is_released = rc == 0;
    return rc;
}

static int pass_gate(struct clearing *c, const struct wf_gen_request *q,
                     struct wf_remote_cleared *out, struct wf_err *err)
{
    const struct wf_target target = wf_engine_target(c->engine);
    struct wf_gate gate;
    int rc = 0;

    if (c->o->policy == NULL)
        return wf_err_set(err, WF_E_DENIED,
                          "Nothing was sent to %.40s: the policy cannot be read, so everything is "
                          "secret. See weft policy check.",
                          c->engine->name);
    wf_policy_gate(c->o->policy, c->from.parts, c->from.n, &target, &gate);
    c->clearance = gate.clearance;
    if (!gate.is_open && q->release_id != NULL)
        rc = release(c, q, &target, &gate, out, err);
    else if (!gate.is_open)
        rc = say_closed(c, &gate, err);
    if (rc == 0)
        out->label = gate.label;
    return rc;
}

/* ---- looking ---- */

/* Counts what is above the clearance by itself, and no sentence says that it be replaced. */
static void count_above(struct clearing *c, const struct wf_target *target, json_t *above)
{
    for (size_t i = 0; i < c->from.n; i++) {
        const struct wf_context_part *p = &c->from.parts[i];
        uint8_t *ops = wf_alloc_array(p->n_found + 1, 2), *labels;
        if (ops == NULL)
            return; /* told by what comes behind this */
        labels = ops + p->n_found;
        wf_policy_operators(c->o->policy, c->from.parts, c->from.n, i, target, ops, labels);
        for (size_t k = 0; k < p->n_found; k++) {
            const char *type = p->found[k].type;
            if (ops[k] == WF_OPERATOR_NONE && (int)labels[k] > c->clearance)
                (void)json_object_set_new(
                    above, type,
                    json_integer(1 + json_integer_value(json_object_get(above, type))));
        }
        wf_free(ops);
    }
}

static int look_at_gate(struct clearing *c, struct wf_remote_cleared *out,
                        struct wf_remote_look *look, struct wf_err *err)
{
    const struct wf_target target = wf_engine_target(c->engine);
    struct wf_release would = {.who = c->o->who.len > 0 ? c->o->who : WF_STR("owner"),
                               .engine = wf_str_from(c->engine->name)};
    struct wf_err why = WF_ERR_INIT;
    struct wf_buf reason;

    wf_policy_gate(c->o->policy, c->from.parts, c->from.n, &target, &look->gate);
    c->clearance = look->gate.clearance;
    out->label = look->gate.label;
    look->above = json_object();
    if (look->above == NULL)
        return no_memory(err);
    count_above(c, &target, look->above);
    if (look->gate.is_open)
        return 0;
    wf_buf_init(&reason, sizeof(look->reason));
    if (look->gate.why != WF_GATE_NO_POLICY)
        (void)wf_policy_say_reason(c->o->policy, c->from.parts, &look->gate.reason, &reason);
    (void)snprintf(look->reason, sizeof(look->reason), "%.*s", WF_STR_ARG(wf_buf_str(&reason)));
    wf_buf_deinit(&reason);
    would.from = look->gate.label;
    would.to = look->gate.clearance < 0 ? WF_LABEL_PUBLIC : (enum wf_label)look->gate.clearance;
    look->is_possible = wf_release_admit(c->o->policy, c->from.parts, c->from.n, &target, &would,
                                         &look->gate, &why) == 0 &&
                        would.to < would.from;
    (void)snprintf(look->why, sizeof(look->why), "%s", why.msg);
    out->label = would.to;
    return 0;
}

/* ---- redaction ---- */

static void count(struct wf_remote_cleared *out, const char *type)
{
    struct wf_str t = wf_str_from(type);
    size_t i = 0;

    while (i < out->n_counts && !wf_str_eq(out->counts[i].type, t))
        i++;
    if (i == WF_AIRLOCK_COUNTS_MAX)
        return; /* hundreds of types: the rest is not told apart */
    if (i == out->n_counts)
        out->counts[out->n_counts++] = (struct wf_airlock_count){.type = t};
    out->counts[i].n++;
    out->n_redacted++;
}

/* Whether a release's data above the clearance are replaced all the same. */
static bool replaces_above(const struct wf_gen_request *q, const struct wf_remote_cleared *out)
{
    return out->is_released ? !out->ticket.as_is : !q->release_as_is;
}

/* Counts what is redacted for this engine. */
static int count_all(struct clearing *c, const struct wf_gen_request *q,
                     struct wf_remote_cleared *out, struct wf_err *err)
{
    const struct wf_target target = wf_engine_target(c->engine);
    bool above_too = replaces_above(q, out);

    for (size_t i = 0; i < c->from.n; i++) {
        const struct wf_context_part *p = &c->from.parts[i];
        uint8_t *ops = wf_alloc_array(p->n_found + 1, 2), *labels;
        if (ops == NULL)
            return no_memory(err);
        labels = ops + p->n_found;
        wf_policy_operators(c->o->policy, c->from.parts, c->from.n, i, &target, ops, labels);
        for (size_t k = 0; k < p->n_found; k++) {
            bool is_above = ops[k] == WF_OPERATOR_NONE && (int)labels[k] > c->clearance;
            if (ops[k] > WF_OPERATOR_KEEP || (is_above && above_too))
                count(out, p->found[k].type);
        }
        wf_free(ops);
    }
    return 0;
}

static int redact(struct clearing *c, const struct wf_gen_request *q, struct wf_remote_cleared *out,
                  struct wf_err *err)
{
    const struct wf_target target = wf_engine_target(c->engine);
    struct wf_redact_wish wish = {.policy = c->o->policy,
                                  .target = &target,
                                  .op = WF_OPERATOR_REPLACE,
                                  .as_is = !replaces_above(q, out),
                                  .ud = c};
    int rc = wf_redaction_new(NULL, &out->redaction, err);

    for (size_t i = 0; rc == 0 && i < WF_ROUTE_VALUES; i++) {
        wish.sources = i == WF_ROUTE_MESSAGES ? sources : NULL;
        if (c->texts[i] != NULL)
            rc = wf_redact_texts(c->texts[i], out->redaction, c->values[i], &wish,
                                 i == WF_ROUTE_MESSAGES ? &out->messages
                                 : i == WF_ROUTE_TOOLS  ? &out->tools
                                                        : &out->schema,
                                 err);
    }
    out->q = *q;
    out->q.messages = out->messages;
    out->q.tools.tools = out->tools;
    out->q.schema = out->schema;
    return rc;
}

/* look NULL: it is to go. */
static int clear(const struct wf_remote_options *o, const struct wf_engine_entry *engine,
                 const struct wf_gen_request *q, struct wf_remote_cleared *out,
                 struct wf_remote_look *look, struct wf_err *err)
{
    struct clearing c = {.o = o, .engine = engine};
    int rc;

    *out = (struct wf_remote_cleared){.label = WF_LABEL_SECRET};
    if (o->detector == NULL)
        return wf_err_set(err, WF_E_DENIED, "Nothing was sent: there are no detectors.");
    rc = look_at_all(&c, q, err);
    if (rc == 0)
        rc = look != NULL ? look_at_gate(&c, out, look, err) : pass_gate(&c, q, out, err);
    if (rc == 0)
        rc = count_all(&c, q, out, err);
    if (rc == 0)
        rc = redact(&c, q, out, err);
    for (size_t i = 0; i < WF_ROUTE_VALUES; i++)
        wf_texts_free(c.own[i]);
    wf_remote__parts_deinit(&c.from);
    wf_labeler_free(c.labeler);
    return rc;
}

int wf_remote__clear(const struct wf_remote_options *o, const struct wf_engine_entry *engine,
                     const struct wf_gen_request *q, struct wf_remote_cleared *out,
                     struct wf_err *err)
{
    return clear(o, engine, q, out, NULL, err);
}

int wf_remote__clear_to_look(const struct wf_remote_options *o,
                             const struct wf_engine_entry *engine, const struct wf_gen_request *q,
                             struct wf_remote_cleared *out, struct wf_remote_look *look,
                             struct wf_err *err)
{
    return clear(o, engine, q, out, look, err);
}

void wf_remote__cleared_free(struct wf_remote_cleared *c)
{
    json_decref(c->messages);
    json_decref(c->tools);
    json_decref(c->schema);
    wf_redaction_free(c->redaction);
    *c = (struct wf_remote_cleared){.label = WF_LABEL_SECRET};
}
