/* SPDX-License-Identifier: Apache-2.0 */
/* Relative positions: made from an index, and found again. The item is named by its id; ids that a
 * split or a join moved are found by the clock. */
#include "crdt/position.h"

#include "crdt/types_internal.h"

static void put_id(const struct wf_crdt *d, uint32_t client, uint32_t clock, struct wf_buf *out)
{
    wf_lib0_append_uint(out, d->clients[client].id);
    wf_lib0_append_uint(out, clock);
}

static int finish(struct wf_buf *out, bool sticks_left)
{
    wf_lib0_append_int(out, sticks_left ? -1 : 0, false);
    return wf_buf_status(out);
}

/* The end of a type, or with `sticks_left` its beginning. */
static void put_type(const struct wf_crdt *d, uint32_t type, struct wf_buf *out)
{
    const struct wf_crdt_type *t = &d->types[type];

    if (t->item == 0) {
        wf_lib0_append_uint(out, 1);
        wf_lib0_append_bytes(out, d->keys[t->name]);
    } else {
        wf_lib0_append_uint(out, 2);
        put_id(d, wf_crdt__item(d, t->item)->client, wf_crdt__item(d, t->item)->clock, out);
    }
}

int wf_crdt_position_make(struct wf_crdt *d, uint64_t type, uint32_t at, bool sticks_left,
                          struct wf_buf *out)
{
    const struct wf_crdt_item *it;
    uint32_t t, i, begin;

    if (d->broken)
        return WF_E_NOMEM;
    if (wf_crdt__type(d, type, &t) == NULL)
        return WF_E_NOENT;
    if (at > d->types[t].length)
        return WF_E_RANGE;
    if (at == (sticks_left ? 0 : d->types[t].length)) {
        put_type(d, t, out);
        return finish(out, sticks_left);
    }
    at -= sticks_left;
    if (wf_crdt__item_with(d, t, at, &i, &begin) != 0)
        return WF_E_NOMEM;
    it = wf_crdt__item(d, i);
    wf_lib0_append_uint(out, 0);
    put_id(d, it->client, it->clock + (at - begin), out);
    return finish(out, sticks_left);
}

/* ---- finding ---- */

/* The item of an id, or of what it came back as, in *out, and how far into it. 0 = unknown here. */
static uint32_t follow(struct wf_crdt *d, uint32_t client, uint32_t clock, uint32_t *out_diff)
{
    const union wf_map_value *v;
    uint32_t i;

    for (;;) {
        i = wf_crdt__item_at(d, client, clock);
        if (i == 0)
            return 0;
        *out_diff = clock - wf_crdt__item(d, i)->clock;
        v = (wf_crdt__item(d, i)->flags & WF_CRDT_F_REDONE) == 0
                ? NULL
                : wf_map_get(&d->redone, wf_str_n((const char *)&i, sizeof(i)));
        if (v == NULL)
            return i;
        client = (uint32_t)(v->u64 >> 32);
        clock = (uint32_t)v->u64 + *out_diff;
    }
}

static uint32_t read_item(struct wf_crdt *d, struct wf_lib0_in *in, uint32_t *out_diff)
{
    uint64_t id = wf_lib0_uint(in), clock = wf_lib0_uint(in);
    uint32_t client = wf_crdt__client_find(d, id);

    if (in->bad || client == WF_CRDT_NONE || clock >= d->clients[client].next)
        return 0;
    return follow(d, client, (uint32_t)clock, out_diff);
}

/* Visible units left of an item. */
static uint32_t units_before(const struct wf_crdt *d, uint32_t i)
{
    uint32_t n = 0;

    for (i = wf_crdt__item(d, i)->left; i != 0; i = wf_crdt__item(d, i)->left)
        n += wf_crdt__visible(wf_crdt__item(d, i));
    return n;
}

static int at_item(struct wf_crdt *d, uint32_t i, uint32_t diff, int64_t assoc, uint32_t *out_type,
                   uint32_t *out_at)
{
    const struct wf_crdt_item *it = wf_crdt__item(d, i);
    uint32_t owner;

    if (it->parent == 0)
        return WF_E_NOENT;
    owner = d->types[it->parent].item;
    *out_type = it->parent;
    *out_at = 0;
    if (owner == 0 || !wf_crdt__deleted(wf_crdt__item(d, owner)))
        *out_at = (wf_crdt__visible(it) == 0 ? 0 : diff + (assoc < 0)) + units_before(d, i);
    return 0;
}

int wf_crdt_position_find(struct wf_crdt *d, struct wf_str position, uint64_t *out_type,
                          uint32_t *out_at)
{
    struct wf_lib0_in in = wf_lib0_in(position.ptr, position.len);
    uint64_t kind = wf_lib0_uint(&in);
    uint32_t i = 0, diff = 0, type = 0, at = 0;
    int64_t assoc = 0;
    bool negative = false;
    struct wf_str name = WF_STR("");

    if (d->broken)
        return WF_E_NOMEM;
    if (kind == 1)
        name = wf_lib0_bytes(&in);
    else if (kind == 0 || kind == 2)
        i = read_item(d, &in, &diff);
    if (in.p < in.end)
        assoc = wf_lib0_int(&in, &negative);
    if (in.bad || kind > 2)
        return WF_E_FORMAT;
    if (kind == 1 && wf_crdt__root(d, name, &type) != 0)
        return WF_E_NOMEM;
    if (kind != 1 && i == 0)
        return WF_E_NOENT;
    if (kind == 2) {
        if (wf_crdt__item(d, i)->kind != WF_CRDT_TYPE)
            return WF_E_NOENT;
        type = wf_crdt__item(d, i)->type;
    }
    if (kind == 0) {
        int rc = at_item(d, i, diff, assoc, &type, &at);
        if (rc != 0)
            return rc;
    } else {
        at = assoc >= 0 ? d->types[type].length : 0;
    }
    *out_type = wf_crdt__type_number(d, type);
    *out_at = at;
    return 0;
}
