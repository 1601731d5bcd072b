/* SPDX-License-Identifier: Apache-2.0 */
/* Redacting whole texts. The detectors say where what is; the policy says what is done with it for
 * whom; what it leaves to its label is replaced where that is above what the provider may see. */
#include "op/redact.h"

#include "base/alloc.h"
#include "base/limits.h"
#include "op/json.h"
#include "op/picture.h"

/* What is done to a datum: as wished, as the policy says, or replaced when it is too much. */
static enum wf_operator operator_of(const struct wf_redact_wish *wish, uint8_t by_policy,
                                    uint8_t label, int clearance)
{
    enum wf_operator op = (enum wf_operator)by_policy;

    if (op == WF_OPERATOR_NONE && (wish->all || (!wish->as_is && (int)label > clearance)))
        op = WF_OPERATOR_REPLACE;
    if (op == WF_OPERATOR_KEEP && wish->all)
        op = WF_OPERATOR_REPLACE;
    return op > WF_OPERATOR_KEEP && wish->op != WF_OPERATOR_NONE ? wish->op : op;
}

/* The spans of a text that comes from there; an operator that is stricter already stays. ops: room
 * for two bytes a datum. */
static void weigh(const struct wf_text *t, const struct wf_context_part *from,
                  const struct wf_redact_wish *wish, uint8_t *ops, struct wf_redact_span *io_spans)
{
    const struct wf_str name = wf_str_from(wish->provider);
    const struct wf_target any = {
        .tier = WF_TIER_PROVIDER, .name = name, .provider = name, .clearance = WF_LABEL_SECRET};
    const struct wf_target *target = wish->target != NULL ? wish->target : &any;
    struct wf_context_part part = *from;
    struct wf_gate gate;

    part.found = t->found; /* topics weigh, but have no place */
    part.n_found = t->n_found + t->n_topics;
    wf_policy_gate(wish->policy, &part, 1, target, &gate);
    wf_policy_operators(wish->policy, &part, 1, 0, target, ops, ops + part.n_found);
    for (size_t i = 0; i < t->n_found; i++) {
        enum wf_operator op = operator_of(wish, ops[i], ops[part.n_found + i], gate.clearance);
        io_spans[i].op = WF_MAX(io_spans[i].op, op);
    }
}

/* Appends a text, number i of them, with what was found in it. */
static int redact_as(struct wf_redaction *r, const struct wf_text *t, size_t i_text,
                     const struct wf_redact_wish *wish, struct wf_buf *out, struct wf_err *err)
{
    const struct wf_context_part prompt = {.source = WF_SOURCE_PROMPT}, *from = &prompt;
    struct wf_redact_span *spans = wf_alloc_array(t->n_found + 1, sizeof(*spans));
    uint8_t *ops = wf_alloc_array(t->n_found + t->n_topics + 1, 2);
    size_t n_from = 1;
    int rc = 0;

    if (spans == NULL || ops == NULL) {
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory to redact.");
        goto out;
    }
    for (size_t i = 0; i < t->n_found; i++)
        spans[i] = (struct wf_redact_span){.start = t->found[i].start,
                                           .end = t->found[i].end,
                                           .type = t->found[i].type,
                                           .op = WF_OPERATOR_NONE};
    if (wish->sources != NULL)
        from = wish->sources(wish->ud, i_text, &n_from);
    for (size_t i = 0; i < n_from; i++)
        weigh(t, &from[i], wish, ops, spans);
    rc = wf_redact(r, t->text, spans, t->n_found, out, err);
out:
    wf_free(spans);
    wf_free(ops);
    return rc;
}

int wf_redact_found(struct wf_labeler *l, struct wf_redaction *r, struct wf_str text,
                    const struct wf_redact_wish *wish, struct wf_buf *out, struct wf_err *err)
{
    struct wf_labeled found;
    int rc = wf_labeler_find(l, text, &found, err);

    if (rc != 0)
        return rc;
    return redact_as(
        r,
        &(struct wf_text){
            .text = text, .found = found.all, .n_found = found.n, .n_topics = found.n_topics},
        0, wish, out, err);
}

/* ---- JSON values ---- */

struct walk {
    const struct wf_texts *texts;
    size_t i; /* of the next text */
    struct wf_redaction *r;
    const struct wf_redact_wish *wish;
    unsigned depth;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to redact.");
}

static int walk(struct walk *w, const json_t *v, json_t **out, struct wf_err *err);

/* Appends the next text redacted. *out_changed: it is another one now. */
static int next_text(struct walk *w, struct wf_buf *out, bool *out_changed, struct wf_err *err)
{
    const size_t i = w->i++;
    const struct wf_text t = wf_texts_at(w->texts, i);
    int rc = redact_as(w->r, &t, i, w->wish, out, err);

    *out_changed = rc == 0 && !wf_str_eq(wf_buf_str(out), t.text);
    return rc;
}

/* A text in which nothing was redacted is the same one. */
static int walk_text(struct walk *w, const json_t *v, json_t **out, struct wf_err *err)
{
    const struct wf_str text = wf_str_n(json_string_value(v), json_string_length(v));
    json_t *inner = wf_texts_inner(text), *redacted = NULL;
    struct wf_buf b;
    bool changed = true;
    int rc;

    wf_buf_init(&b, SIZE_MAX);
    if (inner != NULL) {
        rc = walk(w, inner, &redacted, err);
        if (rc == 0 && wf_json_append(&b, redacted) != 0)
            rc = no_memory(err);
    } else {
        rc = next_text(w, &b, &changed, err);
    }
    if (rc == 0)
        *out = changed ? wf_json_str(wf_buf_str(&b)) : json_incref((json_t *)(uintptr_t)v);
    if (rc == 0 && *out == NULL)
        rc = no_memory(err);
    json_decref(inner);
    json_decref(redacted);
    wf_buf_deinit(&b);
    return rc;
}

/* A number, or an array of bytes, stays one unless something was found in it. */
static int walk_number(struct walk *w, const json_t *v, json_t **out, struct wf_err *err)
{
    struct wf_buf b;
    bool changed = false;
    int rc = 0;

    wf_buf_init(&b, SIZE_MAX);
    if (json_is_array(v) || wf_texts_counts(v))
        rc = next_text(w, &b, &changed, err);
    if (rc == 0)
        *out = changed ? wf_json_str(wf_buf_str(&b)) : json_incref((json_t *)(uintptr_t)v);
    wf_buf_deinit(&b);
    return rc == 0 && *out == NULL ? no_memory(err) : rc;
}

static int walk_member(struct walk *w, const json_t *v, json_t *object, struct wf_err *err)
{
    json_t *new_v = NULL;
    struct wf_buf b;
    bool changed;
    int rc;

    wf_buf_init(&b, SIZE_MAX);
    rc = next_text(w, &b, &changed, err);
    while (rc == 0 && json_object_get(object, b.ptr) != NULL) /* two that are masked to the same */
        rc = wf_buf_append_byte(&b, '_') == 0 ? 0 : no_memory(err);
    if (rc == 0)
        rc = walk(w, v, &new_v, err);
    if (rc == 0 && json_object_set_new(object, b.ptr, new_v) != 0)
        rc = no_memory(err);
    wf_buf_deinit(&b);
    return rc;
}

static int walk_object(struct walk *w, const json_t *v, json_t *object, struct wf_err *err)
{
    json_t *from = (json_t *)(uintptr_t)v, *member; /* jansson walks no const objects */
    const char *name;
    int rc = 0;

    json_object_foreach(from, name, member)
    {
        rc = walk_member(w, member, object, err);
        if (rc != 0)
            break;
    }
    return rc;
}

static int walk_array(struct walk *w, const json_t *v, json_t *array, struct wf_err *err)
{
    const json_t *one;
    json_t *redacted;
    size_t i;
    int rc = 0;

    json_array_foreach(v, i, one)
    {
        redacted = NULL;
        rc = walk(w, one, &redacted, err);
        if (rc == 0 && json_array_append_new(array, redacted) != 0)
            rc = no_memory(err);
        if (rc != 0)
            break;
    }
    return rc;
}

static int walk(struct walk *w, const json_t *v, json_t **out, struct wf_err *err)
{
    json_t *made = NULL;
    int rc = 0;

    if (++w->depth > WF_LIMIT_NESTING)
        rc = wf_err_set(err, WF_E_LIMIT, "The JSON is nested too deeply.");
    else if (json_is_string(v))
        rc = walk_text(w, v, &made, err);
    else if (json_is_number(v) || wf_texts_is_bytes(v))
        rc = walk_number(w, v, &made, err);
    else if (wf_op_is_picture(v)) /* it has no texts */
        made = json_incref((json_t *)(uintptr_t)v);
    else if (json_is_object(v))
        rc = (made = json_object()) == NULL ? no_memory(err) : walk_object(w, v, made, err);
    else if (json_is_array(v))
        rc = (made = json_array()) == NULL ? no_memory(err) : walk_array(w, v, made, err);
    else
        made = json_incref((json_t *)(uintptr_t)v);
    w->depth--;
    if (rc == 0)
        *out = made;
    else
        json_decref(made);
    return rc;
}

int wf_redact_texts(const struct wf_texts *texts, struct wf_redaction *r, const json_t *v,
                    const struct wf_redact_wish *wish, json_t **out, struct wf_err *err)
{
    struct walk w = {.texts = texts, .r = r, .wish = wish};

    return walk(&w, v, out, err);
}

int wf_redact_value(struct wf_labeler *l, struct wf_redaction *r, const json_t *v,
                    const struct wf_redact_wish *wish, json_t **out, struct wf_err *err)
{
    struct wf_texts *texts = NULL;
    int rc = wf_texts_read(l, v, &texts, err);

    if (rc == 0)
        rc = wf_redact_texts(texts, r, v, wish, out, err);
    wf_texts_free(texts);
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
