/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of task data share. */
#include "train/data.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "text/utf8.h"
#include "train/data_internal.h"

const char *wf_entity_name(enum wf_entity e)
{
    static const char *const names[] = {
        "person", "organisation", "place", "date",    "amount", "address", "health",
        "email",  "phone",        "id",    "product", "work",   "group",   "other",
    };

    _Static_assert(WF_ARRAY_LEN(names) == WF_ENTITY_COUNT, "a name for each");
    assert((unsigned)e < WF_ENTITY_COUNT);
    return names[e];
}

int wf_data__add_span(struct wf_data__spans *s, struct wf_data_span span)
{
    if (s->n == s->cap) {
        size_t cap = s->cap > 0 ? 2 * s->cap : 16;
        struct wf_data_span *p = wf_realloc_array(s->ptr, cap, sizeof(*p));
        if (p == NULL)
            return WF_E_NOMEM;
        s->ptr = p;
        s->cap = cap;
    }
    s->ptr[s->n++] = span;
    return 0;
}

static int longer_first(const void *a, const void *b)
{
    const struct wf_data_span *x = a, *y = b;

    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return (x->to < y->to) - (x->to > y->to);
}

void wf_data__sort_spans(struct wf_data__spans *s)
{
    size_t n = 0;

    if (s->n > 1)
        qsort(s->ptr, s->n, sizeof(*s->ptr), longer_first);
    for (size_t i = 0; i < s->n; i++) {
        struct wf_data_span *last = n > 0 ? &s->ptr[n - 1] : NULL;
        if (last == NULL || s->ptr[i].from >= last->to)
            s->ptr[n++] = s->ptr[i];
        else if (s->ptr[i].to - s->ptr[i].from > last->to - last->from)
            *last = s->ptr[i];
    }
    s->n = n;
}

int wf_data__no_memory(const struct wf_lines *l, struct wf_err *err)
{
    return wf_lines_fail(l, WF_E_NOMEM, err, "not enough memory");
}

int wf_data__json(struct wf_lines *l, wf_data__json_fn fn, void *ud, struct wf_err *err)
{
    struct wf_str line;
    bool is_end = false;
    int rc = wf_lines_next(l, &line, &is_end, err);

    while (rc == 0 && !is_end) {
        if (wf_str_trim(line).len > 0) {
            json_error_t why = {0};
            json_t *v = json_loadb(line.ptr, line.len, 0, &why);
            rc = json_is_object(v) ? fn(ud, v)
                                   : wf_lines_fail(l, WF_E_FORMAT, err, "no JSON object (%s)",
                                                   v == NULL ? why.text : "something else");
            json_decref(v);
        }
        if (rc == 0)
            rc = wf_lines_next(l, &line, &is_end, err);
    }
    return rc;
}

struct wf_str wf_data__text(const json_t *v)
{
    return json_is_string(v) ? wf_str_n(json_string_value(v), json_string_length(v))
                             : wf_str_n(NULL, 0);
}

struct wf_str wf_data__string(const json_t *v, const char *key)
{
    return wf_data__text(json_object_get(v, key));
}

int64_t wf_data__number(const json_t *v)
{
    int64_t n = -1;

    if (json_is_integer(v))
        return json_integer_value(v);
    return wf_str_to_i64(wf_data__text(v), &n) ? n : -1;
}

bool wf_data__span(struct wf_str text, int64_t from, int64_t to, struct wf_data_span *out)
{
    if (from < 0 || to <= from || (uint64_t)to > text.len)
        return false;
    out->from = wf_utf8_offset(text, (size_t)from);
    out->to = wf_utf8_offset(text, (size_t)to);
    return out->to > out->from && (size_t)to <= wf_utf8_count(text);
}
