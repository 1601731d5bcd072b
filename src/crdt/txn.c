/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions: what they changed, and what is done when they end, in Yjs's order, for the bytes of
 * later updates depend on it:
 *
 *   ranges of deletes sorted -> formats tidied, in a second transaction (format_clean.c)
 *   -> deleted content collected -> deleted neighbours joined -> new structs joined with their left
 *   neighbours -> those that were split joined again -> the update told; then the second likewise.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "crdt/crdt_internal.h"
#include "crdt/update_internal.h"

/* ---- ranges ---- */

int wf_crdt__ids_add(struct wf_crdt_ranges *r, uint32_t client, uint32_t clock)
{
    if (wf_reserve(&r->at, &r->cap, r->n + 1, sizeof(*r->at)) != 0)
        return WF_E_NOMEM;
    r->at[r->n++] = (struct wf_crdt_range){client, clock, 1};
    return 0;
}

int wf_crdt__ranges_add(struct wf_crdt_ranges *r, uint32_t client, uint32_t clock, uint32_t len)
{
    struct wf_crdt_range *last = r->n > 0 ? &r->at[r->n - 1] : NULL;

    if (last != NULL && last->client == client) {
        if (last->clock + last->len == clock) {
            last->len += len;
            return 0;
        }
        if (clock + len == last->clock) { /* deleted backwards */
            last->clock = clock;
            last->len += len;
            return 0;
        }
    }
    if (wf_crdt__ids_add(r, client, clock) != 0)
        return WF_E_NOMEM;
    r->at[r->n - 1].len = len;
    return 0;
}

static int by_clock(const void *a, const void *b, void *ud)
{
    const struct wf_crdt_range *x = a, *y = b;
    const struct wf_crdt *d = ud;

    if (x->client != y->client)
        return d->clients[x->client].rank < d->clients[y->client].rank ? -1 : 1;
    return (x->clock > y->clock) - (x->clock < y->clock);
}

void wf_crdt__ranges_sort(struct wf_crdt *d, struct wf_crdt_ranges *r)
{
    size_t kept = 1;

    if (r->n < 2)
        return;
    for (size_t i = r->n; i-- > 0;)
        d->clients[r->at[i].client].rank = (uint32_t)i;
    qsort_r(r->at, r->n, sizeof(*r->at), by_clock, d);
    for (size_t i = 1; i < r->n; i++) {
        struct wf_crdt_range *last = &r->at[kept - 1], *x = &r->at[i];
        if (last->client == x->client && last->clock + last->len >= x->clock) {
            if (x->clock + x->len > last->clock + last->len)
                last->len = x->clock + x->len - last->clock;
        } else {
            r->at[kept++] = *x;
        }
    }
    r->n = kept;
}

int wf_crdt__touch(struct wf_crdt *d, uint32_t client)
{
    struct wf_crdt_client *c = &d->clients[client];
    struct wf_crdt_txn *t = d->txn;

    if (c->epoch == t->epoch)
        return 0;
    if (wf_reserve(&t->touched, &t->cap_touched, t->n_touched + 1, sizeof(*t->touched)) != 0)
        return wf_crdt__break(d);
    t->touched[t->n_touched++] = client;
    c->epoch = t->epoch;
    c->before = c->next;
    return 0;
}

/* ---- collecting ---- */

static void gone(struct wf_crdt *d, struct wf_crdt_item *it, bool parent_gone)
{
    if (wf_crdt__has_data(it))
        wf_crdt__pool_drop(d, it->bytes);
    it->data = NULL;
    it->bytes = 0;
    it->kind = WF_CRDT_DELETED;
    if (!parent_gone)
        return;
    it->kind = WF_CRDT_GC;
    it->flags = WF_CRDT_F_DELETED;
    it->left = it->right = it->parent = it->sub = 0;
    it->o_client = it->r_client = WF_CRDT_NONE;
}

struct todo {
    uint32_t *at; /* types whose items are to go */
    size_t n, cap;
};

static int collect_one(struct wf_crdt *d, uint32_t i, bool parent_gone, struct todo *todo)
{
    struct wf_crdt_item *it = wf_crdt__item(d, i);

    if (it->kind == WF_CRDT_TYPE) {
        if (wf_reserve(&todo->at, &todo->cap, todo->n + 1, sizeof(*todo->at)) != 0)
            return WF_E_NOMEM;
        todo->at[todo->n++] = it->type;
    }
    gone(d, it, parent_gone);
    return 0;
}

static int collect_type(struct wf_crdt *d, uint32_t type, struct todo *todo)
{
    int rc = 0;

    for (uint32_t k = d->types[type].start, next; k != 0 && rc == 0; k = next) {
        next = wf_crdt__item(d, k)->right;
        rc = collect_one(d, k, true, todo);
    }
    for (uint32_t e = d->types[type].first_entry; e != 0 && rc == 0; e = d->entries[e].next) {
        rc = wf_crdt__unpack_chain(d, type, d->entries[e].key);
        for (uint32_t k = d->entries[e].item, next; k != 0 && rc == 0; k = next) {
            next = wf_crdt__item(d, k)->left;
            rc = collect_one(d, k, true, todo);
        }
    }
    if (rc == 0)
        wf_crdt__type_free(d, type);
    return rc;
}

int wf_crdt__collect(struct wf_crdt *d, uint32_t i, bool parent_gone)
{
    struct todo todo = {0};
    int rc = collect_one(d, i, parent_gone, &todo);

    while (rc == 0 && todo.n > 0)
        rc = collect_type(d, todo.at[--todo.n], &todo);
    wf_free(todo.at);
    return rc != 0 ? wf_crdt__break(d) : 0;
}

static int collect_deleted(struct wf_crdt *d, const struct wf_crdt_txn *t)
{
    for (size_t k = 0; k < t->deleted.n; k++) {
        const struct wf_crdt_range *r = &t->deleted.at[k];
        struct wf_crdt_client *c = &d->clients[r->client];
        struct wf_crdt_place p = wf_crdt__find(c, r->clock);
        do {
            uint32_t i = wf_crdt__at(c, p);
            struct wf_crdt_item *it = wf_crdt__item(d, i);
            if (it->clock >= r->clock + r->len)
                break;
            if (it->kind == WF_CRDT_GC || !wf_crdt__deleted(it) ||
                (it->flags & WF_CRDT_F_KEEP) != 0)
                continue;
            if (it->kind != WF_CRDT_TYPE)
                gone(d, it, false);
            else if (wf_crdt__collect(d, i, false) != 0)
                return WF_E_NOMEM;
            else
                p = wf_crdt__find(c, it->clock); /* what was packed may lie before it */
        } while (wf_crdt__step_right(c, &p));
    }
    return 0;
}

/* ---- joining ---- */

static bool joins(const struct wf_crdt_item *l, const struct wf_crdt_item *r, uint32_t right)
{
    if (l->kind != r->kind || ((l->flags ^ r->flags) & WF_CRDT_F_DELETED) != 0)
        return false;
    if (l->kind == WF_CRDT_GC)
        return true;
    if (r->o_client != l->client || r->o_clock != l->clock + l->len - 1 || l->right != right ||
        ((l->flags | r->flags) & WF_CRDT_F_REDONE) != 0 || !wf_crdt__content_joins(l))
        return false;
    return l->r_client == r->r_client && (l->r_client == WF_CRDT_NONE || l->r_clock == r->r_clock);
}

static int join(struct wf_crdt *d, uint32_t left, uint32_t right)
{
    struct wf_crdt_item *l = wf_crdt__item(d, left), *r = wf_crdt__item(d, right);
    struct wf_crdt_type *t;
    uint32_t visible, entry;

    if (l->kind == WF_CRDT_GC) {
        l->len += r->len;
        return 0;
    }
    t = &d->types[l->parent];
    visible = wf_crdt__visible(r);
    if (wf_crdt__content_join(d, l, r) != 0)
        return WF_E_NOMEM;
    if (l->sub == 0 && t->tree != 0) {
        wf_crdt__tree_remove(d, right);
        wf_crdt__tree_change(d, left, visible);
    }
    if (t->cursor == right) {
        t->cursor = left;
        t->cursor_at -= l->len;
    }
    l->len += r->len;
    l->flags |= r->flags & WF_CRDT_F_KEEP;
    l->right = r->right;
    if (r->right == WF_CRDT_FAR)
        return 0;
    if (r->right != 0) {
        wf_crdt__item(d, r->right)->left = left;
    } else if (r->sub != 0) {
        entry = wf_crdt__entry(d, r->parent, r->sub);
        if (entry != 0 && d->entries[entry].item == right)
            d->entries[entry].item = left;
    }
    return 0;
}

/* Whether an item's left neighbour, which may be packed, is the struct before it. */
static bool is_far_beside(const struct wf_crdt_item *it)
{
    return it->left == WF_CRDT_FAR && it->sub != 0 && it->o_client == it->client &&
           it->o_clock + 1 == it->clock;
}

int wf_crdt__join_lefts(struct wf_crdt *d, uint32_t client, struct wf_crdt_place *io_place,
                        uint32_t *out_n)
{
    struct wf_crdt_client *c = &d->clients[client];
    struct wf_crdt_place left = *io_place;

    *out_n = 0;
    while (wf_crdt__step_left(c, &left)) {
        uint32_t r = wf_crdt__at(c, *io_place), l;
        if (is_far_beside(wf_crdt__item(d, r))) {
            if (wf_crdt__unpack_left(d, r) != 0)
                return WF_E_NOMEM;
            left = *io_place = wf_crdt__find(c, wf_crdt__item(d, r)->clock);
            (void)wf_crdt__step_left(c, &left);
        }
        l = wf_crdt__at(c, left);
        if (!joins(wf_crdt__item(d, l), wf_crdt__item(d, r), r))
            break;
        if (join(d, l, r) != 0)
            return WF_E_NOMEM;
        wf_crdt__take_out(c, *io_place);
        wf_crdt__item_free(d, r);
        *io_place = left;
        ++*out_n;
    }
    return 0;
}

/* Joins from place p leftwards, all structs from `clock` on. */
static int join_down(struct wf_crdt *d, uint32_t client, struct wf_crdt_place p, uint32_t clock)
{
    struct wf_crdt_client *c = &d->clients[client];
    uint32_t n;

    while (wf_crdt__item(d, wf_crdt__at(c, p))->clock >= clock) {
        if (wf_crdt__join_lefts(d, client, &p, &n) != 0)
            return WF_E_NOMEM;
        if (!wf_crdt__step_left(c, &p))
            break;
    }
    return 0;
}

/* True when the struct at a place fits its left neighbour: mostly it does not. */
static bool fits_left(const struct wf_crdt *d, const struct wf_crdt_client *c,
                      struct wf_crdt_place p)
{
    struct wf_crdt_place left = p;
    uint32_t i = wf_crdt__at(c, p);

    return wf_crdt__step_left(c, &left) &&
           (is_far_beside(wf_crdt__item(d, i)) ||
            joins(wf_crdt__item(d, wf_crdt__at(c, left)), wf_crdt__item(d, i), i));
}

static int join_deleted(struct wf_crdt *d, const struct wf_crdt_txn *t)
{
    for (size_t k = t->deleted.n; k-- > 0;) {
        const struct wf_crdt_range *r = &t->deleted.at[k];
        struct wf_crdt_client *c = &d->clients[r->client];
        struct wf_crdt_place p = wf_crdt__find(c, r->clock + r->len - 1), only = p;
        bool has_right = wf_crdt__step_right(c, &p);
        if (wf_crdt__item(d, wf_crdt__at(c, only))->clock == r->clock &&
            !(has_right && fits_left(d, c, p)) && !fits_left(d, c, only))
            continue;
        if (join_down(d, r->client, p, r->clock) != 0)
            return WF_E_NOMEM;
    }
    return 0;
}

static int join_new(struct wf_crdt *d, const struct wf_crdt_txn *t)
{
    for (size_t k = 0; k < t->n_touched; k++) {
        struct wf_crdt_client *c = &d->clients[t->touched[k]];
        struct wf_crdt_place p;
        uint32_t first;
        if (c->before == c->next)
            continue;
        p = (struct wf_crdt_place){c->n_chunks - 1, c->chunks[c->n_chunks - 1]->n - 1};
        if (wf_crdt__item(d, wf_crdt__at(c, p))->clock == c->before && !fits_left(d, c, p))
            continue; /* the only new one */
        first = wf_crdt__item(d, wf_crdt__at(c, wf_crdt__find(c, c->before)))->clock;
        if (join_down(d, t->touched[k], p, first) != 0)
            return WF_E_NOMEM;
    }
    return 0;
}

static int join_split(struct wf_crdt *d, const struct wf_crdt_txn *t)
{
    uint32_t n;

    for (size_t k = t->merge.n; k-- > 0;) {
        const struct wf_crdt_range *r = &t->merge.at[k];
        struct wf_crdt_client *c = &d->clients[r->client];
        struct wf_crdt_place p = wf_crdt__find(c, r->clock), right = p;
        if (wf_crdt__step_right(c, &right)) {
            if (wf_crdt__join_lefts(d, r->client, &right, &n) != 0)
                return WF_E_NOMEM;
            if (n > 1)
                continue;
            p = wf_crdt__find(c, r->clock);
        }
        if (wf_crdt__join_lefts(d, r->client, &p, &n) != 0)
            return WF_E_NOMEM;
    }
    return 0;
}

/* ---- begin and commit ---- */

static void open_txn(struct wf_crdt *d, struct wf_crdt_txn *t, bool remote)
{
    t->deleted.n = t->merge.n = t->n_touched = 0;
    t->remote = remote;
    t->has_structs = false;
    t->by_undo = NULL;
    t->n_changed = 0;
    t->epoch = ++d->epoch;
    d->txn = t;
}

int wf_crdt_begin(struct wf_crdt *d)
{
    if (d->broken)
        return WF_E_NOMEM;
    if (d->depth++ == 0)
        open_txn(d, &d->txns[0], false);
    return 0;
}

static int tell(struct wf_crdt *d, const struct wf_crdt_txn *t)
{
    bool any = t->deleted.n > 0;
    int rc;

    for (size_t k = 0; k < t->n_touched && !any; k++)
        any = d->clients[t->touched[k]].next > d->clients[t->touched[k]].before;
    if (d->on_update == NULL || !any)
        return 0;
    wf_buf_reset(&d->scratch);
    rc = wf_crdt__write_txn(d, t, &d->scratch);
    if (rc != 0)
        return wf_crdt__break(d);
    d->on_update(d->ud, wf_buf_str(&d->scratch), t->remote);
    return 0;
}

static int finish(struct wf_crdt *d, struct wf_crdt_txn *t)
{
    if (!d->keep_deleted && collect_deleted(d, t) != 0)
        return WF_E_NOMEM;
    if (join_deleted(d, t) != 0 || (t->has_structs && join_new(d, t) != 0) || join_split(d, t) != 0)
        return WF_E_NOMEM;
    if (t->remote) {
        const struct wf_crdt_client *self = &d->clients[d->self];
        if (self->epoch == t->epoch && self->next != self->before)
            d->taken = true;
    }
    return tell(d, t);
}

/* True when others changed a formatted text that is still there. */
static bool wants_cleanup(const struct wf_crdt *d, const struct wf_crdt_txn *t)
{
    for (size_t i = 0; i < t->n_changed && t->remote; i++) {
        const struct wf_crdt_type *type = &d->types[t->changed[i]];
        if (type->used && type->has_formats &&
            (type->kind == WF_CRDT_TEXT || type->kind == WF_CRDT_XML_TEXT) &&
            (type->item == 0 || !wf_crdt__deleted(wf_crdt__item(d, type->item))))
            return true;
    }
    return false;
}

int wf_crdt_commit(struct wf_crdt *d)
{
    struct wf_crdt_txn *first = &d->txns[0], *second = NULL;
    int rc = 0;

    assert(d->depth > 0);
    if (--d->depth > 0)
        return d->broken ? WF_E_NOMEM : 0;
    if (d->broken) {
        d->txn = NULL;
        return WF_E_NOMEM;
    }
    wf_crdt__ranges_sort(d, &first->deleted);
    if (d->undo != NULL)
        rc = wf_crdt__undo_note(d, first);
    if (rc == 0 && !d->no_cleanup && wants_cleanup(d, first)) {
        second = &d->txns[1];
        open_txn(d, second, false);
        rc = wf_crdt__format_clean(d, first);
        wf_crdt__ranges_sort(d, &second->deleted);
        d->txn = first;
    }
    if (rc == 0)
        rc = finish(d, first);
    if (rc == 0 && second != NULL) {
        d->txn = second;
        if (d->undo != NULL)
            rc = wf_crdt__undo_note(d, second);
        if (rc == 0)
            rc = finish(d, second);
    }
    d->txn = NULL;
    if (rc == 0)
        rc = wf_crdt__pack(d);
    if (rc == 0)
        rc = wf_crdt__pool_tidy(d);
    return rc != 0 ? wf_crdt__break(d) : 0;
}

int wf_crdt__begin_remote(struct wf_crdt *d)
{
    if (d->broken)
        return WF_E_NOMEM;
    if (d->depth > 0)
        return WF_E_BUSY;
    d->depth = 1;
    open_txn(d, &d->txns[0], true);
    return 0;
}
