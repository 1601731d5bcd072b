/* SPDX-License-Identifier: Apache-2.0 */
/* The strings that a branch of a goal allows, as a language: lengths, patterns, formats, and values
 * that they are not. The most code points are kept beside it, since a counter costs nothing and an
 * automaton of ten thousand states does. */
#include <string.h>

#include "base/alloc.h"
#include "model/schema_internal.h"

static struct wf_str text_of(const json_t *v)
{
    return wf_str_n(json_string_value(v), json_string_length(v));
}

static int failed(struct wf_schema_builder *b, int rc, const struct wf_atom *a, const char *keyword)
{
    if (rc == WF_E_LIMIT && a != NULL)
        return wf_err_set(b->doc.err, rc, "%s at %.120s takes too large an automaton.", keyword,
                          wf_schema_place(&b->doc, a->schema));
    return rc == WF_E_LIMIT ? wf_err_set(b->doc.err, rc, "The schema's strings are too complex.")
                            : wf_schema_no_memory(&b->doc);
}

static int apply(struct wf_schema_builder *b, const struct wf_atom *a, bool wide,
                 const struct wf_lang **io)
{
    const struct wf_lang *other = NULL;
    struct wf_lang *out = NULL;
    struct wf_str text;
    int rc = 0;

    if (a->kind == WF_ATOM_PATTERN) {
        rc = wf_schema_pattern(&b->doc, a->schema, text_of(a->value), &other);
    } else if (a->kind == WF_ATOM_FORMAT) {
        rc = wf_schema_format(&b->doc, a->schema, json_string_value(a->value), wide, &other);
    } else if (a->kind == WF_ATOM_VALUE && a->is_negated && json_is_string(a->value)) {
        text = text_of(a->value);
        rc = wf_lang_texts(&b->doc.arena, &text, 1, &out);
        if (rc != 0)
            return failed(b, rc, NULL, NULL);
        other = out;
    }
    if (rc != 0 || other == NULL)
        return rc;
    rc = wf_lang_combine(&b->doc.arena, *io, other, a->is_negated ? WF_LANG_MINUS : WF_LANG_AND,
                         &out);
    if (rc != 0)
        return failed(b, rc, a, a->keyword);
    *io = out;
    return 0;
}

int wf_branch_strings(struct wf_schema_builder *b, const struct wf_branch *br, bool wide,
                      const struct wf_lang **out, size_t *out_max)
{
    const struct wf_atom *longest = NULL;
    struct wf_lang *l = NULL;
    size_t min = 0, max = SIZE_MAX;
    int rc;

    for (size_t i = 0; i < br->n_atoms; i++) {
        const struct wf_atom *a = br->atoms[i];
        if (a->kind != WF_ATOM_LENGTH)
            continue;
        longest = a->min > min ? a : longest;
        min = WF_MAX(min, a->min);
        max = WF_MIN(max, a->max);
    }
    rc = wf_lang_length(&b->doc.arena, min, SIZE_MAX, &l);
    if (rc != 0)
        return failed(b, rc, longest, "minLength");
    *out = l;
    for (size_t i = 0; i < br->n_atoms && rc == 0; i++)
        rc = apply(b, br->atoms[i], wide, out);
    *out_max = max;
    if (rc != 0 || wf_lang_is_empty(*out) || wf_lang_shortest(*out) <= max)
        return rc;
    rc = wf_lang_texts(&b->doc.arena, NULL, 0, &l); /* too short for any */
    *out = l;
    return rc == 0 ? 0 : wf_schema_no_memory(&b->doc);
}

/* The strings of a branch without a bound beside them. */
static int bounded(struct wf_schema_builder *b, const struct wf_branch *br, bool wide,
                   const struct wf_lang **out)
{
    struct wf_lang *length = NULL, *l = NULL;
    size_t max = 0;
    int rc = wf_branch_strings(b, br, wide, out, &max);

    if (rc != 0 || max == SIZE_MAX)
        return rc;
    rc = wf_lang_length(&b->doc.arena, 0, max, &length);
    if (rc == 0)
        rc = wf_lang_combine(&b->doc.arena, *out, length, WF_LANG_AND, &l);
    *out = l;
    return rc == 0 ? 0 : failed(b, rc, NULL, NULL);
}

/* Values that are listed and reach the goal. */
static int listed(struct wf_schema_builder *b, const struct wf_goal *g, const json_t *list,
                  const struct wf_lang **out)
{
    struct wf_str *texts = wf_arena_array(&b->doc.arena, json_array_size(list) + 1, sizeof(*texts));
    struct wf_lang *l = NULL;
    size_t n = 0;
    int rc = 0;

    if (texts == NULL)
        return wf_schema_no_memory(&b->doc);
    for (size_t i = 0; i < json_array_size(list) && rc == 0; i++) {
        const json_t *v = json_array_get(list, i);
        bool holds = false;
        if (!json_is_string(v))
            continue;
        rc = wf_goal_holds(b, g, v, &holds);
        if (holds)
            texts[n++] = text_of(v);
    }
    if (rc != 0)
        return rc;
    rc = wf_lang_texts(&b->doc.arena, texts, n, &l);
    *out = l;
    return rc == 0 ? 0 : failed(b, rc, NULL, NULL);
}

static int branch_language(struct wf_schema_builder *b, const struct wf_goal *g,
                           const struct wf_branch *br, bool wide, const struct wf_lang **out)
{
    for (size_t i = 0; i < br->n_atoms; i++) {
        const struct wf_atom *a = br->atoms[i];
        if (a->kind == WF_ATOM_VALUE && !a->is_negated)
            return listed(b, g, a->value, out);
    }
    return bounded(b, br, wide, out);
}

int wf_goal_strings(struct wf_schema_builder *b, const struct wf_goal *g, bool wide,
                    const struct wf_lang **out)
{
    struct wf_branches branches = {0};
    struct wf_lang *sum = NULL;
    int rc = wf_goal_branches(b, g, WF_TYPE_STRING, wide, &branches);

    if (rc == 0 && wf_lang_texts(&b->doc.arena, NULL, 0, &sum) != 0)
        rc = wf_schema_no_memory(&b->doc);
    for (size_t i = 0; i < branches.n && rc == 0; i++) {
        const struct wf_lang *l = NULL;
        rc = branch_language(b, g, &branches.ptr[i], wide, &l);
        if (rc != 0)
            break;
        rc = wf_lang_combine(&b->doc.arena, sum, l, WF_LANG_OR, &sum);
        if (rc != 0)
            rc = failed(b, rc, NULL, NULL);
    }
    wf_free(branches.ptr);
    *out = sum;
    return rc;
}
