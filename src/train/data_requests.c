/* SPDX-License-Identifier: Apache-2.0 */
/* Intents and slots out of columns or JSON. */
#include "train/data_requests.h"

#include "train/data_internal.h"

struct read {
    struct wf_lines *l;
    wf_data_request_fn fn;
    void *ud;
    struct wf_err *err;
};

static int wrong(const struct read *r, const char *what)
{
    return wf_lines_fail(r->l, WF_E_FORMAT, r->err, "%s", what);
}

/* White space at both ends goes, and the slots move with it. */
static int give(const struct read *r, struct wf_data_request *q)
{
    struct wf_str text = wf_str_trim(q->text);
    size_t cut = text.len > 0 ? (size_t)(text.ptr - q->text.ptr) : 0;

    if (text.len == 0)
        return 0;
    for (size_t i = 0; i < q->n_slots; i++) {
        struct wf_data_slot *s = &q->slots[i];
        s->from = s->from > cut ? s->from - cut : 0;
        s->to = s->to > cut ? WF_MIN(s->to - cut, text.len) : 0;
        if (s->from >= s->to)
            return wrong(r, "a slot that is white space");
    }
    q->text = text;
    return r->fn(r->ud, q, r->err);
}

static int add_slot(const struct read *r, struct wf_data_request *q, struct wf_str name,
                    const json_t *from, const json_t *to)
{
    struct wf_data_span span = {0};

    if (q->n_slots == WF_DATA_SLOTS_MAX)
        return wf_lines_fail(r->l, WF_E_LIMIT, r->err, "more than %d slots", WF_DATA_SLOTS_MAX);
    if (name.len == 0 || !wf_data__span(q->text, wf_data__number(from), wf_data__number(to), &span))
        return wrong(r, "a slot that is not in its text");
    q->slots[q->n_slots++] = (struct wf_data_slot){name, span.from, span.to};
    return 0;
}

/* [[name, from, to]] or {name: {"span": [from, to]}} */
static int read_slots(const struct read *r, const json_t *slots, struct wf_data_request *q)
{
    const char *key;
    json_t *v;
    size_t i;
    int rc = 0;

    json_array_foreach((json_t *)(uintptr_t)slots, i, v)
    {
        if (rc == 0)
            rc = add_slot(r, q, wf_data__text(json_array_get(v, 0)), json_array_get(v, 1),
                          json_array_get(v, 2));
    }
    json_object_foreach((json_t *)(uintptr_t)slots, key, v)
    {
        const json_t *span = json_object_get(v, "span");
        if (rc == 0 && json_is_array(span))
            rc = add_slot(r, q, wf_str_from(key), json_array_get(span, 0), json_array_get(span, 1));
    }
    return rc;
}

static int add_intent(const struct read *r, struct wf_data_request *q, struct wf_str name)
{
    if (name.len == 0)
        return 0;
    if (q->n_intents == WF_DATA_INTENTS_MAX)
        return wf_lines_fail(r->l, WF_E_LIMIT, r->err, "more than %d intents", WF_DATA_INTENTS_MAX);
    q->intents[q->n_intents++] = name;
    return 0;
}

static int json_request(const struct read *r, const json_t *v)
{
    struct wf_data_request q = {.text = wf_data__string(v, "text")};
    const json_t *intents = json_object_get(v, "intents");
    int rc = add_intent(r, &q, wf_data__string(v, "intent"));

    for (size_t i = 0; i < json_array_size(intents) && rc == 0; i++)
        rc = add_intent(r, &q, wf_data__text(json_array_get(intents, i)));
    if (rc == 0)
        rc = read_slots(r, json_object_get(v, "slots"), &q);
    return rc == 0 ? give(r, &q) : rc;
}

static int one_line(const struct read *r, struct wf_str line)
{
    struct wf_data_request q = {.n_intents = 1};
    json_error_t why;
    json_t *v;
    int rc;

    if (line.ptr[0] != '{') {
        if (!wf_str_split(&line, '\t', &q.intents[0]) || line.ptr == NULL)
            return wrong(r, "no tab behind the intent");
        q.text = line;
        return give(r, &q);
    }
    v = json_loadb(line.ptr, line.len, 0, &why);
    if (v == NULL)
        return wrong(r, why.text);
    rc = json_request(r, v);
    json_decref(v);
    return rc;
}

int wf_data_requests_read_lines(struct wf_lines *l, wf_data_request_fn fn, void *ud,
                                struct wf_err *err)
{
    struct read r = {l, fn, ud, err};
    struct wf_str line;
    bool is_end = false;
    int rc = wf_lines_next(l, &line, &is_end, err);

    while (rc == 0 && !is_end) {
        if (wf_str_trim(line).len > 0)
            rc = one_line(&r, line);
        if (rc == 0)
            rc = wf_lines_next(l, &line, &is_end, err);
    }
    return rc;
}

int wf_data_requests_read(const char *path, wf_data_request_fn fn, void *ud, struct wf_err *err)
{
    struct wf_lines *l = NULL;
    int rc = wf_lines_open(path, &l, err);

    if (rc == 0)
        rc = wf_data_requests_read_lines(l, fn, ud, err);
    wf_lines_close(l);
    return rc;
}
