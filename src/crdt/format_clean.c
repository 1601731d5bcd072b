/* SPDX-License-Identifier: Apache-2.0 */
/* Formats that say nothing, taken away: behind what was deleted here, and, in a transaction of its
 * own, after what came from others. Every engine that tidies must do it alike, or two of them would
 * never come to rest; so these are Yjs's rules. Where a format was added or removed the whole text
 * is gone through; elsewhere only the gap around what was deleted. */
#include "base/alloc.h"
#include "crdt/any.h"
#include "crdt/types_internal.h"
#include "crdt/update_internal.h"

static bool is_live_format(const struct wf_crdt_item *it)
{
    return it->kind == WF_CRDT_FORMAT && !wf_crdt__deleted(it);
}

static int copy_attrs(const struct wf_crdt_attrs *from, struct wf_crdt_attrs *to)
{
    int rc = 0;

    to->n = 0;
    for (size_t i = 0; i < from->n && rc == 0; i++)
        rc = wf_crdt__attr_set(to, from->at[i].key, from->at[i].value);
    return rc;
}

/* The item behind a gap of formats and deleted items, 0 at the end; the last format of each key in
 * the gap in *last (item numbers as values' lengths). */
static int gap_end(struct wf_crdt *d, uint32_t start, uint32_t *out_end, struct wf_crdt_attrs *last)
{
    uint32_t i = start;

    for (; i != 0; i = wf_crdt__item(d, i)->right) {
        const struct wf_crdt_item *it = wf_crdt__item(d, i);
        if (wf_crdt__countable(it) && !wf_crdt__deleted(it))
            break;
        if (is_live_format(it) &&
            wf_crdt__attr_set(last, wf_crdt__format_key(it), wf_str_n(NULL, i)) != 0)
            return WF_E_NOMEM;
    }
    *out_end = i;
    return 0;
}

static struct wf_str value_or_null(const struct wf_crdt_attrs *a, uint32_t key)
{
    const struct wf_str *v = wf_crdt__attr(a, key);

    return v != NULL ? *v : wf_crdt__null();
}

/* JavaScript's ===, as far as values that were read tell: objects and arrays are never the same. */
static bool identical(struct wf_str a, struct wf_str b)
{
    return wf_str_eq(a, b) && a.ptr[0] != WF_ANY_OBJECT && a.ptr[0] != WF_ANY_ARRAY;
}

/* One format of a gap: deleted where a later one of its key follows, or it says what held before.
 */
static int gap_format(struct wf_crdt *d, uint32_t i, bool passed, const struct wf_crdt_attrs *last,
                      const struct wf_crdt_attrs *at_start, struct wf_crdt_attrs *now)
{
    const struct wf_crdt_item *it = wf_crdt__item(d, i);
    uint32_t key = wf_crdt__format_key(it);
    struct wf_str value = wf_crdt__format_value(it), before = value_or_null(at_start, key);
    const struct wf_str *found = wf_crdt__attr(last, key);
    bool is_last = found != NULL && found->len == i, same = identical(before, value);
    int rc = 0;

    if (!is_last || same) {
        rc = wf_crdt__delete(d, i);
        if (rc == 0 && !passed && identical(value_or_null(now, key), value) && !same) {
            if (wf_crdt__is_null(before))
                wf_crdt__attr_drop(now, key);
            else
                rc = wf_crdt__attr_set(now, key, before);
        }
    }
    if (rc == 0 && !passed && !wf_crdt__deleted(it))
        rc = wf_crdt__attr_apply(now, it);
    return rc;
}

int wf_crdt__format_gap(struct wf_crdt *d, uint32_t start, uint32_t curr,
                        const struct wf_crdt_attrs *at_start, struct wf_crdt_attrs *now)
{
    struct wf_crdt_attrs last = {0};
    bool passed = false;
    uint32_t end = 0;
    int rc = gap_end(d, start, &end, &last);

    for (uint32_t i = start; i != end && rc == 0; i = wf_crdt__item(d, i)->right) {
        passed |= i == curr;
        if (is_live_format(wf_crdt__item(d, i)))
            rc = gap_format(d, i, passed, &last, at_start, now);
    }
    wf_free(last.at);
    return rc;
}

/* The gap around an item, without knowing which attributes are in force: of each key only its last
 * format stays. */
static int clean_around(struct wf_crdt *d, uint32_t i)
{
    struct wf_crdt_attrs seen = {0};
    int rc = 0;

    for (uint32_t r = wf_crdt__item(d, i)->right; r != 0; r = wf_crdt__item(d, i)->right) {
        const struct wf_crdt_item *it = wf_crdt__item(d, r);
        if (wf_crdt__countable(it) && !wf_crdt__deleted(it))
            break;
        i = r;
    }
    for (; i != 0 && rc == 0; i = wf_crdt__item(d, i)->left) {
        const struct wf_crdt_item *it = wf_crdt__item(d, i);
        if (wf_crdt__countable(it) && !wf_crdt__deleted(it))
            break;
        if (!is_live_format(it))
            continue;
        if (wf_crdt__attr(&seen, wf_crdt__format_key(it)) != NULL)
            rc = wf_crdt__delete(d, i);
        else
            rc = wf_crdt__attr_set(&seen, wf_crdt__format_key(it), wf_crdt__null());
    }
    wf_free(seen.at);
    return rc;
}

static int clean_type(struct wf_crdt *d, uint32_t type)
{
    struct wf_crdt_attrs at_start = {0}, now = {0};
    uint32_t start = d->types[type].start;
    int rc = 0;

    for (uint32_t i = start; i != 0 && rc == 0; i = wf_crdt__item(d, i)->right) {
        const struct wf_crdt_item *it = wf_crdt__item(d, i);
        if (wf_crdt__deleted(it))
            continue;
        if (is_live_format(it)) {
            rc = wf_crdt__attr_apply(&now, it);
            continue;
        }
        rc = wf_crdt__format_gap(d, start, i, &at_start, &now);
        if (rc == 0)
            rc = copy_attrs(&now, &at_start);
        start = i;
    }
    wf_free(at_start.at);
    wf_free(now.at);
    return rc;
}

/* The types whose formats changed by a transaction. */
struct types {
    uint32_t *at;
    size_t n, cap;
};

static bool has(const struct types *t, uint32_t type)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->at[i] == type)
            return true;
    }
    return false;
}

static int add(struct types *t, uint32_t type)
{
    if (has(t, type))
        return 0;
    if (wf_reserve(&t->at, &t->cap, t->n + 1, sizeof(*t->at)) != 0)
        return WF_E_NOMEM;
    t->at[t->n++] = type;
    return 0;
}

/* Types into which formats were inserted. */
static int find_inserted(struct wf_crdt *d, const struct wf_crdt_txn *t, struct types *whole)
{
    int rc = 0;

    for (size_t k = 0; k < t->n_touched && rc == 0; k++) {
        struct wf_crdt_client *c = &d->clients[t->touched[k]];
        struct wf_crdt_place p;
        if (c->before == c->next)
            continue;
        p = wf_crdt__find(c, c->before);
        do {
            const struct wf_crdt_item *it = wf_crdt__item(d, wf_crdt__at(c, p));
            if (is_live_format(it))
                rc = add(whole, it->parent);
        } while (rc == 0 && wf_crdt__step_right(c, &p));
    }
    return rc;
}

/* Goes through what was deleted: formats make their type one to be gone through whole; around other
 * things the gap is tidied at once. */
static int clean_deleted(struct wf_crdt *d, const struct wf_crdt_txn *t, struct types *whole)
{
    int rc = 0;

    for (size_t k = 0; k < t->deleted.n && rc == 0; k++) {
        const struct wf_crdt_range *r = &t->deleted.at[k];
        struct wf_crdt_client *c = &d->clients[r->client];
        struct wf_crdt_place p = wf_crdt__find(c, r->clock);
        do {
            uint32_t i = wf_crdt__at(c, p);
            const struct wf_crdt_item *it = wf_crdt__item(d, i);
            if (it->clock >= r->clock + r->len)
                break;
            if (it->kind == WF_CRDT_GC || !d->types[it->parent].has_formats ||
                has(whole, it->parent))
                continue;
            if (it->kind == WF_CRDT_FORMAT)
                rc = add(whole, it->parent);
            else
                rc = clean_around(d, i);
        } while (rc == 0 && wf_crdt__step_right(c, &p));
    }
    return rc;
}

int wf_crdt__format_clean(struct wf_crdt *d, struct wf_crdt_txn *t)
{
    struct types whole = {0};
    int rc = find_inserted(d, t, &whole);

    if (rc == 0)
        rc = clean_deleted(d, t, &whole);
    for (size_t i = 0; i < whole.n && rc == 0; i++)
        rc = clean_type(d, whole.at[i]);
    wf_free(whole.at);
    return rc;
}
