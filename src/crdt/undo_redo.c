/* SPDX-License-Identifier: Apache-2.0 */
/* A step done backwards: what it inserted is deleted, what it deleted is inserted anew beside where
 * it stood, as new items that the old ones name ("redone"), so that later steps and positions find
 * them. What lay in a type that is gone comes back only with that type, or within its new self. A
 * map's value that somebody else replaced since stays replaced. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "crdt/types_internal.h"
#include "crdt/undo_internal.h"

struct items {
    uint32_t *at;
    size_t n, cap;
};

struct stepping {
    struct wf_crdt_undo *u;
    struct wf_crdt *d;
    const struct wf_crdt_step *step;
    struct items back, gone; /* to insert anew; to delete */
    struct items sorted;     /* `back`, by number */
};

static int push(struct items *l, uint32_t i)
{
    if (wf_reserve(&l->at, &l->cap, l->n + 1, sizeof(*l->at)) != 0)
        return WF_E_NOMEM;
    l->at[l->n++] = i;
    return 0;
}

int wf_crdt__redone(struct wf_crdt *d, uint32_t i, uint32_t *out)
{
    const union wf_map_value *v;

    *out = 0;
    if ((wf_crdt__item(d, i)->flags & WF_CRDT_F_REDONE) == 0)
        return 0;
    v = wf_map_get(&d->redone, wf_str_n((const char *)&i, sizeof(i)));
    if (v == NULL)
        return 0;
    return wf_crdt__clean_start(d, (uint32_t)(v->u64 >> 32), (uint32_t)v->u64, out);
}

/* The last of those that an item came back as: itself when it did not. */
static int latest(struct wf_crdt *d, uint32_t *io_item)
{
    uint32_t next;

    for (;;) {
        if (wf_crdt__redone(d, *io_item, &next) != 0)
            return WF_E_NOMEM;
        if (next == 0)
            return 0;
        *io_item = next;
    }
}

static uint32_t owner_of(const struct wf_crdt *d, uint32_t i)
{
    const struct wf_crdt_item *it = wf_crdt__item(d, i);

    return it->parent == 0 ? WF_CRDT_NONE : d->types[it->parent].item;
}

/* From a neighbour on, left- or rightwards, the first that lies, or came back, within `owner`. */
static int find_beside(struct wf_crdt *d, uint32_t owner, bool leftwards, uint32_t *io_item)
{
    uint32_t i = *io_item, trace;

    while (i != 0) {
        trace = i;
        while (trace != 0 && owner_of(d, trace) != owner) {
            if (wf_crdt__redone(d, trace, &trace) != 0)
                return WF_E_NOMEM;
        }
        if (trace != 0) {
            *io_item = trace;
            return 0;
        }
        i = leftwards ? wf_crdt__item(d, i)->left : wf_crdt__item(d, i)->right;
    }
    *io_item = 0;
    return 0;
}

static bool in_steps(const struct wf_crdt_steps *s, const struct wf_crdt_item *it)
{
    for (size_t i = 0; i < s->n; i++) {
        if (wf_crdt__ranges_have(&s->at[i].deleted, it->client, it->clock))
            return true;
    }
    return false;
}

/* The item of its key behind which a map's item comes back; *out_blocked: somebody else's is there.
 */
static int map_left(struct stepping *s, uint32_t i, uint32_t type, uint32_t *out_left,
                    bool *out_blocked)
{
    struct wf_crdt *d = s->d;
    const struct wf_crdt_item *it = wf_crdt__item(d, i);
    uint32_t entry = wf_crdt__entry(d, type, it->sub),
             last = entry == 0 ? 0 : d->entries[entry].item;
    uint32_t left = i;

    *out_blocked = false;
    if (wf_crdt__unpack_chain(d, it->parent, it->sub) != 0)
        return WF_E_NOMEM;
    if (it->right == 0) {
        *out_left = last;
        return 0;
    }
    for (;;) {
        uint32_t r = wf_crdt__item(d, left)->right;
        const struct wf_crdt_item *next = r == 0 ? NULL : wf_crdt__item(d, r);
        if (next == NULL || ((next->flags & WF_CRDT_F_REDONE) == 0 &&
                             !wf_crdt__ranges_have(&s->step->inserted, next->client, next->clock) &&
                             !in_steps(&s->u->undo, next) && !in_steps(&s->u->redo, next)))
            break;
        left = r;
        if (latest(d, &left) != 0)
            return WF_E_NOMEM;
        next = wf_crdt__item(d, left);
        if (next->sub != 0 && wf_crdt__unpack_chain(d, next->parent, next->sub) != 0)
            return WF_E_NOMEM;
    }
    *out_blocked = wf_crdt__item(d, left)->right != 0;
    *out_left = owner_of(d, left) == d->types[type].item ? left : last;
    return 0;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static bool comes_back(const struct stepping *s, uint32_t i)
{
    return s->sorted.n > 0 && bsearch(&i, s->sorted.at, s->sorted.n, sizeof(i), by_number) != NULL;
}

/* The same content again; a type comes back empty. */
static int content_copy(struct wf_crdt *d, const struct wf_crdt_item *it, struct wf_crdt_item *out)
{
    *out = (struct wf_crdt_item){.kind = it->kind, .len = it->len};
    if (it->kind == WF_CRDT_TYPE)
        return wf_crdt__type_new(d, (enum wf_crdt_kind)d->types[it->type].kind,
                                 d->types[it->type].name, &out->type);
    out->data = it->data;
    out->bytes = it->bytes;
    return 0;
}

static int bring_back(struct stepping *s, uint32_t i, unsigned depth, uint32_t *out);

/* The type that an item comes back in; 0 when it is gone. */
static int find_parent(struct stepping *s, const struct wf_crdt_item *it, unsigned depth,
                       uint32_t *out)
{
    struct wf_crdt *d = s->d;
    uint32_t owner = d->types[it->parent].item, redone;

    *out = it->parent;
    if (owner == 0 || !wf_crdt__deleted(wf_crdt__item(d, owner)))
        return 0;
    *out = 0;
    if ((wf_crdt__item(d, owner)->flags & WF_CRDT_F_REDONE) == 0) {
        if (!comes_back(s, owner))
            return 0;
        if (bring_back(s, owner, depth + 1, &redone) != 0)
            return WF_E_NOMEM;
        if (redone == 0)
            return 0;
    }
    if (latest(d, &owner) != 0)
        return WF_E_NOMEM;
    if (wf_crdt__item(d, owner)->kind == WF_CRDT_TYPE)
        *out = wf_crdt__item(d, owner)->type;
    return 0;
}

/* A local item with given neighbours, never joined to its left one on the way in: the old item
 * names it by its id. */
static int insert_anew(struct wf_crdt *d, uint32_t i, uint32_t type, uint32_t left, uint32_t right,
                       uint32_t *out)
{
    const struct wf_crdt_item *it = wf_crdt__item(d, i);
    struct wf_crdt_item content;
    uint64_t id = (uint64_t)d->self << 32 | d->clients[d->self].next;
    union wf_map_value *v;
    int rc = content_copy(d, it, &content);

    if (rc != 0)
        return rc;
    v = wf_map_put(&d->redone, wf_str_n((const char *)&i, sizeof(i)), NULL);
    if (v == NULL)
        return WF_E_NOMEM;
    v->u64 = id;
    wf_crdt__item(d, i)->flags |= WF_CRDT_F_REDONE;
    rc = wf_crdt__insert_kept(d, type, it->sub, left, right, &content, out);
    return rc;
}

/* Inserts one deleted item anew; the new one in *out, 0 when it cannot come back. */
static int bring_back(struct stepping *s, uint32_t i, unsigned depth, uint32_t *out)
{
    struct wf_crdt *d = s->d;
    const struct wf_crdt_item *it = wf_crdt__item(d, i);
    uint32_t type, left, right;
    bool blocked;

    *out = 0;
    if ((it->flags & WF_CRDT_F_REDONE) != 0)
        return wf_crdt__redone(d, i, out);
    if (depth > WF_LIMIT_NESTING || it->parent == 0)
        return 0;
    if (find_parent(s, it, depth, &type) != 0)
        return WF_E_NOMEM;
    if (type == 0)
        return 0;
    if (it->sub == 0) {
        left = it->left;
        right = i;
        if (find_beside(d, d->types[type].item, true, &left) != 0 ||
            find_beside(d, d->types[type].item, false, &right) != 0)
            return WF_E_NOMEM;
    } else {
        right = 0;
        if (map_left(s, i, type, &left, &blocked) != 0)
            return WF_E_NOMEM;
        if (blocked)
            return 0;
    }
    return insert_anew(d, i, type, left, right, out);
}

/* ---- a step ---- */

static int find_gone(struct stepping *s)
{
    for (size_t k = 0; k < s->step->inserted.n; k++) {
        const struct wf_crdt_range *r = &s->step->inserted.at[k];
        uint32_t clock = r->clock, i;
        for (;;) {
            if (wf_crdt__range_next(s->d, r, &clock, &i) != 0)
                return WF_E_NOMEM;
            if (i == 0)
                break;
            if (latest(s->d, &i) != 0)
                return WF_E_NOMEM;
            if (!wf_crdt__deleted(wf_crdt__item(s->d, i)) &&
                wf_crdt__undo_watches(s->u, wf_crdt__item(s->d, i)) && push(&s->gone, i) != 0)
                return WF_E_NOMEM;
        }
    }
    return 0;
}

static int find_back(struct stepping *s)
{
    for (size_t k = 0; k < s->step->deleted.n; k++) {
        const struct wf_crdt_range *r = &s->step->deleted.at[k];
        uint32_t clock = r->clock, i;
        for (;;) {
            const struct wf_crdt_item *it;
            if (wf_crdt__range_next(s->d, r, &clock, &i) != 0)
                return WF_E_NOMEM;
            if (i == 0)
                break;
            it = wf_crdt__item(s->d, i);
            if (wf_crdt__undo_watches(s->u, it) &&
                !wf_crdt__ranges_have(&s->step->inserted, it->client, it->clock) &&
                (push(&s->back, i) != 0 || push(&s->sorted, i) != 0))
                return WF_E_NOMEM;
        }
    }
    if (s->sorted.n > 1)
        qsort(s->sorted.at, s->sorted.n, sizeof(*s->sorted.at), by_number);
    return 0;
}

int wf_crdt__step_back(struct wf_crdt_undo *u, const struct wf_crdt_step *step, bool *out_did)
{
    struct stepping s = {.u = u, .d = u->d, .step = step};
    uint32_t redone;
    int rc = find_gone(&s);

    *out_did = false;
    if (rc == 0)
        rc = find_back(&s);
    for (size_t i = 0; i < s.back.n && rc == 0; i++) {
        rc = bring_back(&s, s.back.at[i], 0, &redone);
        *out_did |= redone != 0;
    }
    for (size_t i = s.gone.n; i-- > 0 && rc == 0;) {
        rc = wf_crdt__delete(s.d, s.gone.at[i]);
        *out_did = true;
    }
    wf_free(s.back.at);
    wf_free(s.gone.at);
    wf_free(s.sorted.at);
    return rc;
}
