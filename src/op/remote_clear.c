/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to a chat before it may leave: every text of it is looked at, the policy's gate is
 * asked about all of it together, and only then it is redacted.
 *
 * A part is one message (by its role: the person's words, an answer, a tool's result), or the
 * tools. Texts that are JSON are looked at text by text, as they are redacted. What detectors
 * cannot read (pictures, sounds) makes its part secret. All redaction is by placeholders: a made-up
 * datum would look to airlock like one that was forgotten. */
#include <string.h>

#include "base/alloc.h"
#include "op/json.h"
#include "op/redact.h"
#include "op/remote_internal.h"

#define PARTS_MAX 4096u

/* One part's data, copied out of the labeler. */
struct found {
    struct wf_pii *items;
    size_t n, cap;
};

struct clearing {
    const struct wf_remote_options *o;
    const struct wf_engine_entry *engine;
    struct wf_labeler *labeler;
    struct wf_context_part *parts; /* [n_parts] */
    struct found *found;           /* [n_parts] */
    size_t n_parts;
    unsigned depth;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
}

/* ---- looking ---- */

static int look_at_text(struct clearing *c, struct wf_str text, struct wf_err *err)
{
    struct found *f = &c->found[c->n_parts];
    struct wf_labeled got;
    int rc = wf_labeler_find(c->labeler, text, &got, err);
    size_t n = rc == 0 ? got.n + got.n_topics : 0;

    if (rc == 0 && f->n + n > f->cap) {
        struct wf_pii *grown = wf_realloc_array(f->items, (f->n + n) * 2, sizeof(*grown));
        if (grown == NULL)
            return no_memory(err);
        f->items = grown;
        f->cap = (f->n + n) * 2;
    }
    if (n > 0)
        memcpy(f->items + f->n, got.all, n * sizeof(*f->items));
    f->n += n;
    return rc;
}

static int look(struct clearing *c, const json_t *v, struct wf_err *err);

static int look_inside(struct clearing *c, const json_t *v, struct wf_err *err)
{
    json_t *from = (json_t *)(uintptr_t)v, *member; /* jansson walks no const objects */
    const char *name;
    const json_t *one;
    size_t i;
    int rc = 0;

    json_object_foreach(from, name, member)
    {
        rc = look_at_text(c, wf_str_from(name), err);
        if (rc == 0)
            rc = look(c, member, err);
        if (rc != 0)
            return rc;
    }
    json_array_foreach(v, i, one)
    {
        rc = look(c, one, err);
        if (rc != 0)
            return rc;
    }
    return rc;
}

static int look_at_string(struct clearing *c, const json_t *v, struct wf_err *err)
{
    struct wf_str s = wf_str_n(json_string_value(v), json_string_length(v));
    struct wf_str t = wf_str_trim(s);
    json_t *inner = t.len > 1 && (t.ptr[0] == '{' || t.ptr[0] == '[')
                        ? json_loadb(t.ptr, t.len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL)
                        : NULL;
    int rc = inner != NULL ? look(c, inner, err) : look_at_text(c, s, err);

    json_decref(inner);
    return rc;
}

static int look(struct clearing *c, const json_t *v, struct wf_err *err)
{
    int rc = 0;

    if (c->depth > WF_LIMIT_NESTING)
        return wf_err_set(err, WF_E_LIMIT, "The JSON is nested too deeply.");
    c->depth++;
    if (json_is_string(v))
        rc = look_at_string(c, v, err);
    else if (json_is_object(v) || json_is_array(v))
        rc = look_inside(c, v, err);
    c->depth--;
    return rc;
}

/* ---- parts ---- */

/* Whether a message holds more than texts. */
static bool is_unreadable(const json_t *message)
{
    const json_t *content = json_object_get(message, "content"), *part;
    size_t i;

    json_array_foreach(content, i, part)
    {
        const char *type = json_string_value(json_object_get(part, "type"));
        if (json_is_object(part) && (type == NULL || strcmp(type, "text") != 0))
            return true;
    }
    return false;
}

static void begin_part(struct clearing *c, const json_t *message)
{
    const char *role = json_string_value(json_object_get(message, "role"));
    struct wf_context_part *p = &c->parts[c->n_parts];

    *p = (struct wf_context_part){.source = WF_SOURCE_PROMPT};
    if (role != NULL && strcmp(role, "assistant") == 0) {
        p->source = WF_SOURCE_ANSWER;
    } else if (role != NULL && strcmp(role, "tool") == 0) {
        p->source = WF_SOURCE_TOOL;
        p->name = wf_str_from(wf_json_text(message, "name"));
    }
    p->is_unscanned = is_unreadable(message);
}

static int look_at_part(struct clearing *c, const json_t *v, struct wf_err *err)
{
    struct wf_context_part *p = &c->parts[c->n_parts];
    int rc;

    begin_part(c, v);
    rc = p->is_unscanned ? 0 : look(c, v, err);
    p->found = c->found[c->n_parts].items;
    p->n_found = c->found[c->n_parts].n;
    c->n_parts++;
    return rc;
}

static int look_at_all(struct clearing *c, const struct wf_gen_request *q, struct wf_err *err)
{
    size_t n = json_array_size(q->messages), i;
    const json_t *m;
    int rc = 0;

    if (n == 0 || n > PARTS_MAX)
        return wf_err_set(err, WF_E_INVAL, "A chat has 1 to %u messages.", PARTS_MAX);
    c->parts = wf_alloc_array(n + 2, sizeof(*c->parts));
    c->found = wf_alloc_array(n + 2, sizeof(*c->found));
    if (c->parts == NULL || c->found == NULL)
        return no_memory(err);
    json_array_foreach(q->messages, i, m)
    {
        rc = look_at_part(c, m, err);
        if (rc != 0)
            return rc;
    }
    if (q->tools.tools != NULL)
        rc = look_at_part(c, q->tools.tools, err);
    if (rc == 0 && q->schema != NULL)
        rc = look_at_part(c, q->schema, err);
    return rc;
}

/* ---- the gate ---- */

static int say_closed(struct clearing *c, const struct wf_gate *gate, struct wf_err *err)
{
    const char *name = c->engine->name;
    struct wf_buf why;
    int rc;

    wf_buf_init(&why, 400);
    if (gate->why != WF_GATE_NO_POLICY)
        (void)wf_policy_say_reason(c->o->policy, c->parts, &gate->reason, &why); /* may be cut */
    rc = wf_err_set(err, WF_E_DENIED, "Nothing was sent to %.40s: this is %s, %s may see %s. %s",
                    name, wf_label_name(gate->label), name,
                    gate->clearance < 0 ? "nothing" : wf_label_name((enum wf_label)gate->clearance),
                    why.ptr);
    wf_buf_deinit(&why);
    return rc;
}

static int pass_gate(struct clearing *c, enum wf_label *out_label, struct wf_err *err)
{
    const struct wf_target target = wf_engine_target(c->engine);
    struct wf_gate gate;

    if (c->o->policy == NULL)
        return wf_err_set(err, WF_E_DENIED,
                          "Nothing was sent to %.40s: the policy cannot be read, so everything is "
                          "secret. See weft policy check.",
                          c->engine->name);
    wf_policy_gate(c->o->policy, c->parts, c->n_parts, &target, &gate);
    if (!gate.is_open)
        return say_closed(c, &gate, err);
    *out_label = gate.label;
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

/* Counts what the policy has redacted for this engine. */
static int count_all(struct clearing *c, struct wf_remote_cleared *out, struct wf_err *err)
{
    const struct wf_target target = wf_engine_target(c->engine);

    for (size_t i = 0; i < c->n_parts; i++) {
        const struct wf_context_part *p = &c->parts[i];
        uint8_t *ops = wf_alloc_array(p->n_found + 1, 1);
        if (ops == NULL)
            return no_memory(err);
        wf_policy_operators(c->o->policy, c->parts, c->n_parts, i, &target, ops, NULL);
        for (size_t k = 0; k < p->n_found; k++) {
            if (ops[k] > WF_OPERATOR_KEEP)
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
    const struct wf_redact_wish wish = {
        .policy = c->o->policy, .target = &target, .op = WF_OPERATOR_REPLACE};
    int rc = wf_redaction_new(NULL, &out->redaction, err);

    if (rc == 0)
        rc = wf_redact_value(c->labeler, out->redaction, q->messages, &wish, &out->messages, err);
    if (rc == 0 && q->tools.tools != NULL)
        rc = wf_redact_value(c->labeler, out->redaction, q->tools.tools, &wish, &out->tools, err);
    out->q = *q;
    out->q.messages = out->messages;
    out->q.tools.tools = out->tools;
    return rc;
}

int wf_remote__clear(const struct wf_remote_options *o, const struct wf_engine_entry *engine,
                     const struct wf_gen_request *q, struct wf_remote_cleared *out,
                     struct wf_err *err)
{
    const struct wf_labeler_options lo = {
        .detector = o->detector, .policy = o->policy, .lens = o->lens};
    struct clearing c = {.o = o, .engine = engine};
    int rc;

    *out = (struct wf_remote_cleared){.label = WF_LABEL_SECRET};
    if (o->detector == NULL)
        return wf_err_set(err, WF_E_DENIED, "Nothing was sent: there are no detectors.");
    rc = wf_labeler_new(&lo, &c.labeler, err);
    if (rc == 0)
        rc = look_at_all(&c, q, err);
    if (rc == 0)
        rc = pass_gate(&c, &out->label, err);
    if (rc == 0)
        rc = count_all(&c, out, err);
    if (rc == 0)
        rc = redact(&c, q, out, err);
    for (size_t i = 0; c.found != NULL && i < c.n_parts; i++)
        wf_free(c.found[i].items);
    wf_free(c.found);
    wf_free(c.parts);
    wf_labeler_free(c.labeler);
    return rc;
}

void wf_remote__cleared_free(struct wf_remote_cleared *c)
{
    json_decref(c->messages);
    json_decref(c->tools);
    wf_redaction_free(c->redaction);
    *c = (struct wf_remote_cleared){.label = WF_LABEL_SECRET};
}
