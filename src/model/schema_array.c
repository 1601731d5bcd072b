/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays: what a branch says of their items, and the automaton that writes them.
 *
 * Items are counted by states, one for each, as far as something is asked of their number. contains
 * is counted beside it: every item is one that is looked for, or surely none where there may not be
 * too many. Unique items can be kept where there are few values for them: of up to ten, the states
 * are the sets of those used; of more, they come in the order in which the schema lists them. An
 * array with prefixItems and nothing said of the rest ends with them. */
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/schema_internal.h"

#define ITEMS_MAX 10000 /* that are counted */
#define CONTAINS_MAX 3
#define STATES_MAX 40000
#define UNIQUE_MAX 10 /* values of which sets are told apart */

/* ---- what a branch says ---- */

/* unevaluatedItems: the items behind those that are evaluated. */
static int read_rest(struct wf_schema_builder *b, const struct wf_branch *br,
                     const struct wf_atom *a, size_t *out_from, bool *out_is)
{
    int rc = 0;

    *out_is = a->kind == WF_ATOM_ITEMS || a->kind == WF_ATOM_OTHER_ITEMS;
    *out_from = a->min;
    if (a->kind == WF_ATOM_OTHER_ITEMS) {
        rc = wf_evaluated_items(b, br, a->schema, out_from);
        *out_is = *out_from != SIZE_MAX;
    }
    return rc;
}

/* How many first items differ from the others, and the counts. */
static int read_counts(struct wf_schema_builder *b, const struct wf_branch *br, struct wf_array *o)
{
    size_t from = 0, n_given = 0;
    bool is_rest = false, any_rest = false;
    int rc = 0;

    o->max = SIZE_MAX;
    for (size_t i = 0; i < br->n_atoms && rc == 0; i++) {
        const struct wf_atom *a = br->atoms[i];
        rc = read_rest(b, br, a, &from, &is_rest);
        any_rest |= is_rest;
        if (is_rest)
            o->n_items = WF_MAX(o->n_items, from);
        if (a->kind == WF_ATOM_ITEM)
            n_given = WF_MAX(n_given, a->min + 1);
        if (a->kind == WF_ATOM_CONTAINS)
            o->n_items = WF_MAX(o->n_items, a->from);
        if (a->kind == WF_ATOM_LENGTH) {
            o->min = WF_MAX(o->min, a->min);
            o->max = WF_MIN(o->max, a->max);
        }
    }
    o->n_items = WF_MAX(o->n_items, n_given);
    if (!any_rest && n_given > 0 && o->min <= n_given && n_given == o->n_items)
        o->max = WF_MIN(o->max, n_given);
    return rc;
}

static int read_goals(struct wf_schema_builder *b, const struct wf_branch *br, struct wf_array *o)
{
    int rc = 0;

    for (size_t i = 0; i < br->n_atoms && rc == 0; i++) {
        const struct wf_atom *a = br->atoms[i];
        size_t from = 0;
        bool is_rest = false;
        if (a->kind == WF_ATOM_ITEM)
            rc = wf_goal_add(b, &o->items[a->min], a->literal);
        if (a->kind == WF_ATOM_UNIQUE)
            o->unique = a;
        if (a->kind == WF_ATOM_CONTAINS)
            o->contains[o->n_contains++] = a;
        if (rc == 0)
            rc = read_rest(b, br, a, &from, &is_rest);
        for (size_t k = from; is_rest && k < o->n_items && rc == 0; k++)
            rc = wf_goal_add(b, &o->items[k], a->literal);
        if (rc == 0 && is_rest)
            rc = wf_goal_add(b, &o->rest, a->literal);
    }
    return rc;
}

int wf_branch_array(struct wf_schema_builder *b, const struct wf_branch *br, struct wf_array *out,
                    bool *out_possible)
{
    int rc;

    *out = (struct wf_array){0};
    rc = read_counts(b, br, out);
    if (rc != 0)
        return rc;
    *out_possible = out->min <= out->max;
    if (out->n_items > ITEMS_MAX)
        return wf_err_set(b->doc.err, WF_E_LIMIT, "prefixItems of more than %u items.", ITEMS_MAX);
    out->items = wf_arena_array(&b->doc.arena, out->n_items + 1, sizeof(*out->items));
    out->contains = wf_arena_array(&b->doc.arena, br->n_atoms + 1, sizeof(*out->contains));
    if (out->items == NULL || out->contains == NULL)
        return wf_schema_no_memory(&b->doc);
    rc = read_goals(b, br, out);
    for (size_t i = 0; i < out->n_items; i++) { /* no item: the array ends there */
        if (wf_goal_is_impossible(&out->items[i]))
            out->max = WF_MIN(out->max, i);
    }
    if (wf_goal_is_impossible(&out->rest))
        out->max = WF_MIN(out->max, out->n_items);
    *out_possible = out->min <= out->max;
    return rc;
}

/* ---- writing ---- */

struct writer {
    struct wf_schema_builder *b;
    const struct wf_array *o;
    struct wf_nfa *n;
    size_t top;                    /* the highest count of items that is told apart */
    size_t tops[CONTAINS_MAX + 1]; /* of those that contains counts */
    size_t n_counts;               /* combinations of these */
    uint32_t *states;              /* [top + 1][n_counts] */
};

static const struct wf_goal *goal_at(const struct wf_array *o, size_t i)
{
    return i < o->n_items ? &o->items[i] : &o->rest;
}

/* Behind i items; a space may stand behind the comma. */
static uint32_t put_comma(struct wf_nfa *n, uint32_t from, size_t i)
{
    uint32_t next;

    if (i == 0)
        return from;
    next = wf_nfa_state(n);
    wf_schema_put_mark(n, from, ',', next);
    return next;
}

/* The count of the k-th contains in a combination. */
static size_t count_in(const struct writer *w, size_t counts, size_t k)
{
    for (size_t i = 0; i < k; i++)
        counts /= w->tops[i] + 1;
    return counts % (w->tops[k] + 1);
}

/* The combination with one more for each bit of `found`; false: there would be too many. */
static bool count_up(const struct writer *w, size_t counts, unsigned found, size_t *out)
{
    size_t factor = 1, sum = 0;

    for (size_t k = 0; k < w->o->n_contains; k++) {
        size_t c = count_in(w, counts, k);
        if ((found >> k & 1) != 0) {
            if (w->o->contains[k]->max != SIZE_MAX && c >= w->o->contains[k]->max)
                return false;
            c = WF_MIN(c + 1, w->tops[k]);
        }
        sum += c * factor;
        factor *= w->tops[k] + 1;
    }
    *out = sum;
    return true;
}

/* Item i, which is one of those looked for by the contains in `found`, and surely not by others
 * where that matters. */
static int put_item(struct writer *w, size_t i, size_t counts, unsigned found, uint32_t from)
{
    struct wf_goal goal;
    size_t next = 0;
    int rc = wf_goal_copy(w->b, goal_at(w->o, i), &goal);

    for (size_t k = 0; k < w->o->n_contains && rc == 0; k++) {
        const struct wf_atom *a = w->o->contains[k];
        struct wf_literal l = a->literal;
        bool is_found = (found >> k & 1) != 0;
        if (is_found && i < a->from)
            return 0;
        if (!is_found && (a->max == SIZE_MAX || i < a->from))
            continue;
        l.is_negated = l.is_negated == is_found;
        rc = wf_goal_add(w->b, &goal, l);
    }
    if (rc != 0 || wf_goal_is_impossible(&goal) || !count_up(w, counts, found, &next))
        return rc;
    return wf_goal_put(w->b, &goal, w->n, from,
                       w->states[WF_MIN(i + 1, w->top) * w->n_counts + next]);
}

static bool may_end(const struct writer *w, size_t i, size_t counts)
{
    for (size_t k = 0; k < w->o->n_contains; k++) {
        if (count_in(w, counts, k) < w->o->contains[k]->min)
            return false;
    }
    return i >= w->o->min;
}

static int put_state(struct writer *w, size_t i, size_t counts, uint32_t to)
{
    uint32_t from = w->states[i * w->n_counts + counts], next;
    int rc = 0;

    if (may_end(w, i, counts))
        wf_nfa_bytes(w->n, from, ']', ']', to);
    if (i >= w->o->max)
        return 0;
    next = put_comma(w->n, from, i);
    for (unsigned found = 0; found < 1u << w->o->n_contains && rc == 0; found++)
        rc = put_item(w, i, counts, found, next);
    return rc;
}

static int put_counted(struct wf_schema_builder *b, const struct wf_array *o, struct wf_nfa *n,
                       uint32_t from, uint32_t to)
{
    struct writer w = {.b = b, .o = o, .n = n, .n_counts = 1};
    size_t most = 0;
    int rc = 0;

    w.top = WF_MAX(o->max != SIZE_MAX ? o->max : WF_MAX(o->min, o->n_items), (size_t)1);
    for (size_t k = 0; k < o->n_contains; k++) {
        const struct wf_atom *a = o->contains[k];
        w.tops[k] = a->max != SIZE_MAX ? a->max : a->min;
        most = WF_MAX(most, w.tops[k]);
        if (most < STATES_MAX)
            w.n_counts *= w.tops[k] + 1;
    }
    if (most >= STATES_MAX || w.n_counts >= STATES_MAX || (w.top + 1) * w.n_counts > STATES_MAX)
        return wf_err_set(b->doc.err, WF_E_LIMIT, "contains cannot be counted that far.");
    w.states = wf_alloc_array((w.top + 1) * w.n_counts, sizeof(*w.states));
    if (w.states == NULL)
        return wf_schema_no_memory(&b->doc);
    for (size_t i = 0; i < (w.top + 1) * w.n_counts; i++)
        w.states[i] = wf_nfa_state(n);
    wf_nfa_bytes(n, from, '[', '[', w.states[0]);
    for (size_t i = 0; i <= w.top && rc == 0; i++) {
        for (size_t counts = 0; counts < w.n_counts && rc == 0; counts++)
            rc = put_state(&w, i, counts, to);
    }
    wf_free(w.states);
    return rc;
}

/* ---- unique items ---- */

/* The values of all items, each once. *out NULL: there are not few. */
static int unique_values(struct wf_schema_builder *b, const struct wf_array *o, json_t **out)
{
    json_t *all = json_array();
    int rc = all != NULL ? 0 : wf_schema_no_memory(&b->doc);

    for (size_t i = 0; i <= o->n_items && i <= o->max && rc == 0 && all != NULL; i++) {
        json_t *values = NULL;
        if (i == o->max)
            break;
        rc = wf_goal_values(b, goal_at(o, i), &values);
        for (size_t k = 0; k < json_array_size(values) && rc == 0; k++) {
            json_t *v = json_array_get(values, k);
            bool known = false;
            for (size_t j = 0; j < json_array_size(all) && !known; j++)
                known = wf_schema_equal(json_array_get(all, j), v);
            if (!known && json_array_append(all, v) != 0)
                rc = wf_schema_no_memory(&b->doc);
        }
        if (values == NULL) {
            json_decref(all);
            all = NULL;
        }
        json_decref(values);
    }
    *out = all;
    return rc;
}

/* Items in the order of the list, each at most once. */
static int put_ordered(struct wf_schema_builder *b, const struct wf_array *o, const json_t *values,
                       struct wf_nfa *n, uint32_t from, uint32_t to)
{
    size_t n_values = json_array_size(values), max = WF_MIN(o->max, n_values);
    size_t n_states = (n_values + 1) * (max + 1);
    uint32_t *states;
    int rc = 0;

    if (n_states > STATES_MAX)
        return wf_schema_refuse(&b->doc, o->unique->schema, "uniqueItems", "there are too many");
    states = wf_alloc_array(n_states, sizeof(*states));
    if (states == NULL)
        return wf_schema_no_memory(&b->doc);
    for (size_t i = 0; i < n_states; i++)
        states[i] = wf_nfa_state(n);
    wf_nfa_bytes(n, from, '[', '[', states[0]);
    for (size_t i = 0; i <= n_values; i++) {
        for (size_t count = 0; count <= WF_MIN(i, max) && rc == 0; count++) {
            uint32_t here = states[i * (max + 1) + count];
            if (i == n_values) {
                if (count >= o->min)
                    wf_nfa_bytes(n, here, ']', ']', to);
                continue;
            }
            wf_nfa_nothing(n, here, states[(i + 1) * (max + 1) + count]);
            if (count < max)
                rc = wf_schema_put_value(b, json_array_get(values, i), n, put_comma(n, here, count),
                                         states[(i + 1) * (max + 1) + count + 1]);
        }
    }
    wf_free(states);
    return rc;
}

/* One more item behind those of a set, if the goal of its place allows it. */
static int put_unused(struct wf_schema_builder *b, const struct wf_array *o, const json_t *values,
                      struct wf_nfa *n, size_t set, const uint32_t *states)
{
    size_t count = (size_t)__builtin_popcountll(set);
    uint32_t from;
    int rc = 0;

    if (count >= o->max)
        return 0;
    from = put_comma(n, states[set], count);
    for (size_t i = 0; i < json_array_size(values) && rc == 0; i++) {
        const json_t *v = json_array_get(values, i);
        bool holds = false;
        if ((set >> i & 1) != 0)
            continue;
        rc = wf_goal_holds(b, goal_at(o, count), v, &holds);
        if (rc == 0 && holds)
            rc = wf_schema_put_value(b, v, n, from, states[set | (size_t)1 << i]);
    }
    return rc;
}

/* Items in any order: how many are used is how many bits are set. */
static int put_sets(struct wf_schema_builder *b, const struct wf_array *o, const json_t *values,
                    struct wf_nfa *n, uint32_t from, uint32_t to)
{
    uint32_t states[1u << UNIQUE_MAX] = {0};
    size_t n_sets = (size_t)1 << json_array_size(values);
    int rc = 0;

    for (size_t set = 0; set < n_sets; set++)
        states[set] = wf_nfa_state(n);
    wf_nfa_bytes(n, from, '[', '[', states[0]);
    for (size_t set = 0; set < n_sets && rc == 0; set++) {
        if ((size_t)__builtin_popcountll(set) >= o->min)
            wf_nfa_bytes(n, states[set], ']', ']', to);
        rc = put_unused(b, o, values, n, set, states);
    }
    return rc;
}

static int put_unique(struct wf_schema_builder *b, const struct wf_array *o, struct wf_nfa *n,
                      uint32_t from, uint32_t to)
{
    json_t *values = NULL;
    int rc = unique_values(b, o, &values);

    if (rc == 0 && (values == NULL || o->n_contains > 0))
        rc = wf_schema_refuse(&b->doc, o->unique->schema, "uniqueItems",
                              "its items are not from a list");
    else if (rc == 0 && json_array_size(values) <= UNIQUE_MAX)
        rc = put_sets(b, o, values, n, from, to);
    else if (rc == 0 && o->n_items == 0)
        rc = put_ordered(b, o, values, n, from, to);
    else if (rc == 0)
        rc = wf_schema_refuse(&b->doc, o->unique->schema, "uniqueItems",
                              "too many values may be its items");
    json_decref(values);
    return rc;
}

int wf_array_put(struct wf_schema_builder *b, const struct wf_array *a, struct wf_nfa *n,
                 uint32_t from, uint32_t to)
{
    struct wf_array o = *a;

    if (o.min > ITEMS_MAX)
        return wf_err_set(b->doc.err, WF_E_LIMIT, "minItems of more than %u cannot be counted.",
                          ITEMS_MAX);
    if (o.max != SIZE_MAX)
        o.max = WF_MIN(o.max, (size_t)ITEMS_MAX); /* fewer are allowed, too */
    if (o.n_contains > CONTAINS_MAX)
        return wf_schema_refuse(&b->doc, o.contains[0]->schema, "contains",
                                "more than three look at the same items");
    if (o.unique != NULL && o.max > 1)
        return put_unique(b, &o, n, from, to);
    return put_counted(b, &o, n, from, to);
}
