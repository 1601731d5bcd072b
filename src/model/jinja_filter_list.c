/* SPDX-License-Identifier: Apache-2.0 */
/* Jinja's filters for lists and dicts. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "model/jinja.h"

/* What is compared: an item, its attribute, without case unless asked. */
struct order {
    struct wf_jv attribute;
    bool with_case;
};

static struct wf_jv without_case(struct wf_jrun *r, const struct order *o, struct wf_jv v)
{
    return v.kind == WF_J_STR && !o->with_case ? wf_jv__cased(r, v.s, WF_J_LOWER) : v;
}

static struct wf_jv key_of(struct wf_jrun *r, const struct order *o, struct wf_jv v)
{
    if (o->attribute.kind != WF_J_NONE)
        v = wf_jinja__path(r, v, o->attribute);
    return without_case(r, o, v);
}

/* Of sort: the attributes between commas, in a list, whose items are the same before they are
 * compared. */
static struct wf_jv keys_of(struct wf_jrun *r, const struct order *o, struct wf_jv v)
{
    struct wf_jv out = wf_jv__list(r, 0);
    struct wf_str rest, part;

    if (o->attribute.kind != WF_J_STR) {
        wf_jlist__push(r, out.list, key_of(r, o, v));
        return out;
    }
    rest = o->attribute.s;
    while (r->rc == 0 && wf_str_split(&rest, ',', &part))
        wf_jlist__push(r, out.list, without_case(r, o, wf_jinja__path(r, v, wf_jv__str(part))));
    return out;
}

/* Stable, by merging. keys go with items. */
static void sort(struct wf_jrun *r, struct wf_jv *keys, struct wf_jv *items, struct wf_jv *spare,
                 size_t n, bool reverse)
{
    size_t half = n / 2, i = 0, j = half, k = 0;

    if (n < 2 || !wf_jrun__step(r, n))
        return;
    sort(r, keys, items, spare, half, reverse);
    sort(r, keys + half, items + half, spare, n - half, reverse);
    for (; k < n && r->rc == 0; k++) {
        bool takes_right = i >= half;
        if (i < half && j < n) {
            int order = wf_jv__compare(r, keys[i], keys[j]);
            takes_right = reverse ? order < 0 : order > 0;
        }
        size_t from = takes_right ? j++ : i++;
        spare[2 * k] = keys[from];
        spare[2 * k + 1] = items[from];
    }
    for (k = 0; k < n && r->rc == 0; k++) {
        keys[k] = spare[2 * k];
        items[k] = spare[2 * k + 1];
    }
}

static struct wf_jv sorted(struct wf_jrun *r, struct wf_jlist items, const struct order *o,
                           bool by_keys, bool reverse)
{
    struct wf_jv out = wf_jv__list(r, 0);
    struct wf_jv *keys = wf_arena_array(&r->arena, items.n + 1, sizeof(*keys));
    struct wf_jv *spare = wf_arena_array(&r->arena, 2 * items.n + 1, sizeof(*spare));

    if (keys == NULL || spare == NULL) {
        wf_jrun__fail(r, WF_E_LIMIT, "it makes more than it may");
        return out;
    }
    for (size_t i = 0; i < items.n && r->rc == 0; i++) {
        wf_jlist__push(r, out.list, items.items[i]);
        keys[i] = by_keys ? keys_of(r, o, items.items[i]) : key_of(r, o, items.items[i]);
    }
    if (r->rc == 0)
        sort(r, keys, out.list->items, spare, items.n, reverse);
    return out;
}

static struct wf_jv f_sort(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    bool reverse = wf_jv__is_true(r, wf_jargs__at(args, 0, "reverse", wf_jv__bool(false)));
    struct order o = {
        .with_case = wf_jv__is_true(r, wf_jargs__at(args, 1, "case_sensitive", wf_jv__bool(false))),
        .attribute = wf_jargs__at(args, 2, "attribute", wf_jv__none())};

    return sorted(r, wf_jv__items(r, v), &o, o.attribute.kind != WF_J_NONE, reverse);
}

static struct wf_jv pairs_of(struct wf_jrun *r, const struct wf_jdict *d, unsigned flags)
{
    struct wf_jv out = wf_jv__list(r, flags);

    for (size_t i = 0; i < d->n && r->rc == 0; i++) {
        struct wf_jv pair = wf_jv__list(r, WF_J_TUPLE);
        wf_jlist__push(r, pair.list, d->entries[i].key);
        wf_jlist__push(r, pair.list, d->entries[i].value);
        wf_jlist__push(r, out.list, pair);
    }
    return out;
}

static struct wf_jv f_dictsort(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_jv by = wf_jargs__at(args, 1, "by", wf_jv__str(wf_str_from("key")));
    bool by_value = by.kind == WF_J_STR && wf_str_eq(by.s, wf_str_from("value"));
    bool reverse = wf_jv__is_true(r, wf_jargs__at(args, 2, "reverse", wf_jv__bool(false)));
    struct order o = {
        .with_case = wf_jv__is_true(r, wf_jargs__at(args, 0, "case_sensitive", wf_jv__bool(false))),
        .attribute = wf_jv__int(by_value)};
    struct wf_jv pairs;

    if (v.kind != WF_J_DICT) {
        wf_jrun__fail(r, WF_E_FORMAT, "a %s has no keys to sort", wf_jv__type(v));
        return v;
    }
    pairs = pairs_of(r, v.dict, 0);
    return r->rc == 0 ? sorted(r, *pairs.list, &o, false, reverse) : v;
}

static struct wf_jv f_items(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)args;
    if (v.kind == WF_J_UNDEFINED)
        return wf_jv__list(r, WF_J_GENERATOR);
    if (v.kind == WF_J_DICT)
        return pairs_of(r, v.dict, WF_J_GENERATOR);
    wf_jrun__fail(r, WF_E_FORMAT, "a %s has no items", wf_jv__type(v));
    return v;
}

static struct wf_jv f_first(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_jlist items = wf_jv__items(r, v);

    (void)args;
    return items.n > 0 ? items.items[0] : wf_jv__undefined(wf_str_from("there is no first item"));
}

static struct wf_jv f_last(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_jlist items = wf_jv__items(r, v);

    (void)args;
    return items.n > 0 ? items.items[items.n - 1]
                       : wf_jv__undefined(wf_str_from("there is no last item"));
}

static struct wf_jv f_join(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_str between = wf_jv__text(r, wf_jargs__at(args, 0, "d", wf_jv__str(wf_str_from(""))));
    struct wf_jv attribute = wf_jargs__at(args, 1, "attribute", wf_jv__none());
    struct wf_jlist items = wf_jv__items(r, v);
    struct wf_buf b;

    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    for (size_t i = 0; i < items.n && r->rc == 0; i++) {
        struct wf_jv item = items.items[i];
        if (attribute.kind != WF_J_NONE)
            item = wf_jinja__path(r, item, attribute);
        if (i > 0)
            (void)wf_buf_append_str(&b, between);
        wf_jv__append_text(r, item, &b);
    }
    return wf_jv__of_buf(r, &b);
}

static struct wf_jv f_list(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_jlist items = wf_jv__items(r, v);
    struct wf_jv out = wf_jv__list(r, 0);

    (void)args;
    for (size_t i = 0; i < items.n && r->rc == 0; i++)
        wf_jlist__push(r, out.list, items.items[i]);
    return out;
}

static struct wf_jv f_reverse(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_jv out = wf_jv__list(r, WF_J_GENERATOR), none = wf_jv__none();
    struct wf_jlist items;

    (void)args;
    if (v.kind == WF_J_STR)
        return wf_jv__slice(r, v, none, none, wf_jv__int(-1));
    items = wf_jv__items(r, v);
    for (size_t i = items.n; i-- > 0 && r->rc == 0;)
        wf_jlist__push(r, out.list, items.items[i]);
    return out;
}

/* The rest of arguments behind the first n. */
static struct wf_jargs behind(const struct wf_jargs *args, size_t n)
{
    struct wf_jargs out = *args;

    out.pos.items = args->pos.n > n ? args->pos.items + n : NULL;
    out.pos.n = args->pos.n > n ? args->pos.n - n : 0;
    out.pos.cap = out.pos.n;
    return out;
}

/* What is false has no items, even where it could not be walked through. */
static struct wf_jlist items_if_any(struct wf_jrun *r, struct wf_jv v)
{
    return wf_jv__is_true(r, v) ? wf_jv__items(r, v) : (struct wf_jlist){0};
}

static struct wf_jv f_map(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_jv attribute = wf_jargs__at(args, SIZE_MAX, "attribute", wf_jv__none());
    struct wf_jv otherwise = wf_jargs__at(args, SIZE_MAX, "default", wf_jv__none());
    struct wf_jv name = wf_jargs__at(args, 0, NULL, wf_jv__none());
    struct wf_jlist items = items_if_any(r, v);
    struct wf_jv out = wf_jv__list(r, WF_J_GENERATOR);
    struct wf_jargs rest = behind(args, 1);

    if (attribute.kind == WF_J_NONE && name.kind != WF_J_STR)
        wf_jrun__fail(r, WF_E_FORMAT, "map needs a filter or an attribute");
    for (size_t i = 0; i < items.n && r->rc == 0; i++) {
        struct wf_jv item;
        if (attribute.kind != WF_J_NONE)
            item = wf_jinja__path(r, items.items[i], attribute);
        else
            item = wf_jinja__filter(r, name.s, items.items[i], &rest);
        if (item.kind == WF_J_UNDEFINED && otherwise.kind != WF_J_NONE)
            item = otherwise;
        wf_jlist__push(r, out.list, item);
    }
    return out;
}

/* select, reject and their kin by attribute. */
static struct wf_jv pick(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args,
                         bool by_attribute, bool keeps)
{
    struct wf_jv attribute = wf_jargs__at(args, 0, "attribute", wf_jv__none());
    struct wf_jargs rest = by_attribute ? behind(args, 1) : *args;
    struct wf_jv test = wf_jargs__at(&rest, 0, NULL, wf_jv__none());
    struct wf_jlist items = items_if_any(r, v);
    struct wf_jv out = wf_jv__list(r, WF_J_GENERATOR);

    rest = behind(&rest, 1);
    for (size_t i = 0; i < items.n && r->rc == 0; i++) {
        struct wf_jv item = items.items[i];
        bool passes;
        if (by_attribute)
            item = wf_jinja__path(r, item, attribute);
        passes = test.kind == WF_J_STR ? wf_jinja__test(r, test.s, item, &rest)
                                       : wf_jv__is_true(r, item);
        if (passes == keeps)
            wf_jlist__push(r, out.list, items.items[i]);
    }
    return out;
}

static struct wf_jv f_select(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    return pick(r, v, args, false, true);
}

static struct wf_jv f_reject(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    return pick(r, v, args, false, false);
}

static struct wf_jv f_selectattr(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    return pick(r, v, args, true, true);
}

static struct wf_jv f_rejectattr(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    return pick(r, v, args, true, false);
}

static struct wf_jv extreme(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args,
                            int sign)
{
    struct order o = {
        .with_case = wf_jv__is_true(r, wf_jargs__at(args, 0, "case_sensitive", wf_jv__bool(false))),
        .attribute = wf_jargs__at(args, 1, "attribute", wf_jv__none())};
    struct wf_jlist items = wf_jv__items(r, v);
    struct wf_jv best = wf_jv__undefined(wf_str_from("there is no item to choose"));

    for (size_t i = 0; i < items.n && r->rc == 0; i++) {
        if (i == 0 ||
            sign * wf_jv__compare(r, key_of(r, &o, items.items[i]), key_of(r, &o, best)) > 0)
            best = items.items[i];
    }
    return best;
}

static struct wf_jv f_max(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    return extreme(r, v, args, 1);
}

static struct wf_jv f_min(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    return extreme(r, v, args, -1);
}

static struct wf_jv f_sum(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_jv attribute = wf_jargs__at(args, 0, "attribute", wf_jv__none());
    struct wf_jv sum = wf_jargs__at(args, 1, "start", wf_jv__int(0));
    struct wf_jlist items = wf_jv__items(r, v);

    for (size_t i = 0; i < items.n && r->rc == 0; i++) {
        struct wf_jv item = items.items[i];
        if (attribute.kind != WF_J_NONE)
            item = wf_jinja__path(r, item, attribute);
        sum = wf_jinja__binary(r, WF_J_ADD, sum, item);
    }
    return sum;
}

static struct wf_jv f_unique(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct order o = {
        .with_case = wf_jv__is_true(r, wf_jargs__at(args, 0, "case_sensitive", wf_jv__bool(false))),
        .attribute = wf_jargs__at(args, 1, "attribute", wf_jv__none())};
    struct wf_jlist items = wf_jv__items(r, v);
    struct wf_jv out = wf_jv__list(r, WF_J_GENERATOR), seen = wf_jv__dict(r);

    for (size_t i = 0; i < items.n && r->rc == 0; i++) {
        struct wf_jv key = key_of(r, &o, items.items[i]);
        if (wf_jdict__get(r, seen.dict, key) == NULL) {
            wf_jdict__set(r, seen.dict, key, wf_jv__none());
            wf_jlist__push(r, out.list, items.items[i]);
        }
    }
    return out;
}

static struct wf_jv f_groupby(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct order o = {.attribute = wf_jargs__at(args, 0, "attribute", wf_jv__none())};
    struct wf_jv items = sorted(r, wf_jv__items(r, v), &o, false, false);
    struct wf_jv out = wf_jv__list(r, 0), group = wf_jv__none(), last = wf_jv__none();

    for (size_t i = 0; r->rc == 0 && i < items.list->n; i++) {
        struct wf_jv item = items.list->items[i], key = key_of(r, &o, item);
        if (i == 0 || !wf_jv__equal(r, key, last)) {
            struct wf_jv pair = wf_jv__list(r, WF_J_TUPLE);
            group = wf_jv__list(r, 0);
            wf_jlist__push(r, pair.list, wf_jinja__path(r, item, o.attribute));
            wf_jlist__push(r, pair.list, group);
            wf_jlist__push(r, out.list, pair);
        }
        if (r->rc == 0)
            wf_jlist__push(r, group.list, item);
        last = key;
    }
    return out;
}

static struct wf_jv f_batch(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    int64_t size = wf_jargs__int(r, args, 0, "linecount", 0);
    struct wf_jv fill = wf_jargs__at(args, 1, "fill_with", wf_jv__none());
    struct wf_jlist items = wf_jv__items(r, v);
    struct wf_jv out = wf_jv__list(r, WF_J_GENERATOR), line = wf_jv__none();

    if (size < 1)
        wf_jrun__fail(r, WF_E_FORMAT, "batch needs a number of items");
    for (size_t i = 0; i < items.n && r->rc == 0; i++) {
        if (i % (size_t)size == 0) {
            line = wf_jv__list(r, 0);
            wf_jlist__push(r, out.list, line);
        }
        if (r->rc == 0)
            wf_jlist__push(r, line.list, items.items[i]);
    }
    while (r->rc == 0 && fill.kind != WF_J_NONE && line.kind == WF_J_LIST &&
           line.list->n < (size_t)size && wf_jrun__step(r, 1))
        wf_jlist__push(r, line.list, fill);
    return out;
}

/* Columns: so many lists, the first ones one item longer. */
static struct wf_jv f_slice(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    int64_t n = wf_jargs__int(r, args, 0, "slices", 0);
    struct wf_jv fill = wf_jargs__at(args, 1, "fill_with", wf_jv__none());
    struct wf_jlist items = wf_jv__items(r, v);
    struct wf_jv out = wf_jv__list(r, WF_J_GENERATOR), line;
    size_t at = 0, left;

    if (n < 1)
        wf_jrun__fail(r, WF_E_FORMAT, "slice needs a number of slices");
    left = r->rc == 0 ? items.n % (size_t)n : 0;
    for (size_t i = 0; r->rc == 0 && i < (size_t)n && wf_jrun__step(r, 1); i++) {
        size_t size = items.n / (size_t)n + (i < left);
        line = wf_jv__list(r, 0);
        for (size_t k = 0; k < size && r->rc == 0; k++)
            wf_jlist__push(r, line.list, items.items[at++]);
        if (r->rc == 0 && fill.kind != WF_J_NONE && i >= left)
            wf_jlist__push(r, line.list, fill);
        wf_jlist__push(r, out.list, line);
    }
    return out;
}

wf_jcall_fn wf_jinja__list_filter(struct wf_str name)
{
    static const struct {
        const char *name;
        wf_jcall_fn fn;
    } table[] = {
        {"batch", f_batch},
        {"dictsort", f_dictsort},
        {"first", f_first},
        {"groupby", f_groupby},
        {"items", f_items},
        {"join", f_join},
        {"last", f_last},
        {"list", f_list},
        {"map", f_map},
        {"max", f_max},
        {"min", f_min},
        {"reject", f_reject},
        {"rejectattr", f_rejectattr},
        {"reverse", f_reverse},
        {"select", f_select},
        {"selectattr", f_selectattr},
        {"slice", f_slice},
        {"sort", f_sort},
        {"sum", f_sum},
        {"unique", f_unique},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (wf_str_eq(name, wf_str_from(table[i].name)))
            return table[i].fn;
    }
    return NULL;
}
