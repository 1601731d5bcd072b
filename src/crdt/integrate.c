/* SPDX-License-Identifier: Apache-2.0 */
/* The order of items that were made at the same time, and deleting.
 *
 * An item names what stood left and right of it when it was made. Where its neighbours are still
 * those it goes between them; else the items that came between are walked from the left: one with
 * the same left neighbour stays before it when its client's id is smaller; one whose left neighbour
 * was passed already belongs to what it is part of; any other ends the walk. Two sets are needed
 * for that, of items passed and of items passed since the place moved last: each item passed gets a
 * rising stamp, and a set is what was stamped after a given one. */
#include "base/alloc.h"
#include "base/limits.h"
#include "crdt/crdt_internal.h"
#include "crdt/undo_internal.h"

static int changed(struct wf_crdt *d, uint32_t parent)
{
    struct wf_crdt_type *t = &d->types[parent];
    const struct wf_crdt_item *owner;

    if (t->item != 0) {
        owner = wf_crdt__item(d, t->item);
        if (wf_crdt__deleted(owner) || owner->clock >= wf_crdt__before(d, owner->client))
            return 0;
    }
    if (t->changed != d->txn->epoch && (d->undo != NULL || d->txn->remote)) {
        struct wf_crdt_txn *txn = d->txn;
        if (wf_reserve(&txn->changed, &txn->cap_changed, txn->n_changed + 1,
                       sizeof(*txn->changed)) != 0)
            return wf_crdt__break(d);
        txn->changed[txn->n_changed++] = parent;
        t->changed = txn->epoch;
    }
    return 0;
}

static bool same_id(uint32_t a_client, uint32_t a_clock, uint32_t b_client, uint32_t b_clock)
{
    return a_client == b_client && (a_client == WF_CRDT_NONE || a_clock == b_clock);
}

/* A stamp for every item; unpacking makes new ones on the way. */
static int stamps_room(struct wf_crdt *d)
{
    size_t had = d->cap_stamps;

    if (d->n_items <= d->cap_stamps)
        return 0;
    if (wf_reserve(&d->stamps, &d->cap_stamps, d->n_items, sizeof(*d->stamps)) != 0)
        return wf_crdt__break(d);
    memset(d->stamps + had, 0, (d->cap_stamps - had) * sizeof(*d->stamps));
    return 0;
}

static int stamps_ready(struct wf_crdt *d)
{
    if (d->stamp > UINT32_MAX - WF_LIMIT_CRDT_ITEMS - 2) {
        memset(d->stamps, 0, d->cap_stamps * sizeof(*d->stamps));
        d->stamp = 0;
    }
    return stamps_room(d);
}

/* The first of the list that an item goes into, in *out. */
static int head_of(struct wf_crdt *d, const struct wf_crdt_item *it, uint32_t *out)
{
    uint32_t i;

    *out = d->types[it->parent].start;
    if (it->sub == 0)
        return 0;
    i = wf_crdt__entry(d, it->parent, it->sub);
    *out = i == 0 ? 0 : d->entries[i].item;
    for (i = *out; i != 0; i = wf_crdt__item(d, i)->left) {
        if (wf_crdt__unpack_left(d, i) != 0)
            return WF_E_NOMEM;
        *out = i;
    }
    return 0;
}

/* The right neighbour of an item, in *out. */
static int right_of(struct wf_crdt *d, uint32_t i, uint32_t *out)
{
    if (wf_crdt__item(d, i)->right == WF_CRDT_FAR && wf_crdt__unpack_right(d, i) != 0)
        return WF_E_NOMEM;
    *out = wf_crdt__item(d, i)->right;
    return 0;
}

/* The item's left neighbour among concurrent ones. */
static int find_left(struct wf_crdt *d, struct wf_crdt_item *it)
{
    uint32_t left = it->left, o, passed, recent, owner;

    if ((left != 0 ? right_of(d, left, &o) : head_of(d, it, &o)) != 0)
        return WF_E_NOMEM;
    if (stamps_ready(d) != 0)
        return WF_E_NOMEM;
    passed = recent = d->stamp;
    while (o != 0 && o != it->right) {
        const struct wf_crdt_item *other = wf_crdt__item(d, o);
        if (d->txn->remote && --d->passed_left == 0)
            return wf_crdt__break(d);
        d->stamps[o] = ++d->stamp;
        if (same_id(it->o_client, it->o_clock, other->o_client, other->o_clock)) {
            if (d->clients[other->client].id < d->clients[it->client].id) {
                left = o;
                recent = d->stamp;
            } else if (same_id(it->r_client, it->r_clock, other->r_client, other->r_clock)) {
                break;
            }
        } else {
            owner = other->o_client == WF_CRDT_NONE
                        ? 0
                        : wf_crdt__item_at(d, other->o_client, other->o_clock);
            if (owner == 0 || d->stamps[owner] <= passed)
                break;
            if (d->stamps[owner] <= recent) {
                left = o;
                recent = d->stamp;
            }
        }
        if (right_of(d, o, &o) != 0 || stamps_room(d) != 0)
            return WF_E_NOMEM;
    }
    it->left = left;
    return 0;
}

/* Makes left and right name the item; it may become its key's value. */
static int link_in(struct wf_crdt *d, uint32_t i, struct wf_crdt_item *it)
{
    if (it->left != 0) {
        struct wf_crdt_item *l = wf_crdt__item(d, it->left);
        it->right = l->right;
        l->right = i;
    } else {
        if (head_of(d, it, &it->right) != 0)
            return WF_E_NOMEM;
        if (it->sub == 0)
            d->types[it->parent].start = i;
    }
    if (it->right != 0) {
        wf_crdt__item(d, it->right)->left = i;
    } else if (it->sub != 0) {
        if (wf_crdt__entry_set(d, it->parent, it->sub, i) != 0)
            return WF_E_NOMEM;
        if (it->left != 0)
            return wf_crdt__delete(d, it->left);
    }
    return 0;
}

/* Without a parent: only its length stays. */
static int integrate_gone(struct wf_crdt *d, struct wf_crdt_item *it, uint32_t i)
{
    if (it->kind == WF_CRDT_TYPE)
        wf_crdt__type_free(d, it->type);
    else if (wf_crdt__has_data(it) && (it->flags & WF_CRDT_F_BORROWED) == 0)
        wf_crdt__pool_drop(d, it->bytes);
    it->kind = WF_CRDT_GC;
    it->flags = WF_CRDT_F_DELETED;
    it->data = NULL;
    it->bytes = 0;
    it->left = it->right = it->sub = 0;
    it->o_client = it->r_client = WF_CRDT_NONE;
    d->txn->has_structs = true;
    return wf_crdt__touch(d, it->client) != 0 ? WF_E_NOMEM : wf_crdt__append(d, i);
}

static int cut_known(struct wf_crdt *d, struct wf_crdt_item *it, uint32_t offset)
{
    struct wf_crdt_item rest;

    if (it->parent != 0) {
        if (wf_crdt__content_own(d, it) != 0)
            return WF_E_NOMEM;
        rest = *it;
        if (wf_crdt__content_split(d, it, &rest, offset) != 0)
            return WF_E_NOMEM;
        it->data = rest.data;
        it->bytes = rest.bytes;
    }
    it->clock += offset;
    it->len -= offset;
    if (it->parent == 0)
        return 0;
    it->o_client = it->client;
    it->o_clock = it->clock - 1;
    return wf_crdt__clean_end(d, it->client, it->clock - 1, &it->left);
}

/* What an item's content does to the document around it. */
static int enter_content(struct wf_crdt *d, uint32_t i, struct wf_crdt_item *it)
{
    if (wf_crdt__content_own(d, it) != 0)
        return WF_E_NOMEM;
    if (it->kind == WF_CRDT_TYPE)
        d->types[it->type].item = i;
    if (it->kind == WF_CRDT_FORMAT)
        d->types[it->parent].has_formats = true;
    return 0;
}

int wf_crdt__integrate(struct wf_crdt *d, uint32_t i, uint32_t offset)
{
    struct wf_crdt_item *it = wf_crdt__item(d, i), *owner;
    struct wf_crdt_type *t;
    uint32_t beside;

    if (offset > 0 && cut_known(d, it, offset) != 0)
        return WF_E_NOMEM;
    if (it->parent == 0)
        return integrate_gone(d, it, i);
    beside = it->left != 0 ? wf_crdt__item(d, it->left)->right : 0;
    if (it->left != 0 ? beside != it->right
                      : it->right == 0 || wf_crdt__item(d, it->right)->left != 0) {
        if (find_left(d, it) != 0)
            return WF_E_NOMEM;
    }
    if (wf_crdt__touch(d, it->client) != 0 || enter_content(d, i, it) != 0 ||
        link_in(d, i, it) != 0 || wf_crdt__append(d, i) != 0)
        return wf_crdt__break(d);
    if (it->kind ==
        WF_CRDT_DELETED) { /* after what it replaced: formats are tidied in that order */
        it->flags |= WF_CRDT_F_DELETED;
        if (wf_crdt__ranges_add(&d->txn->deleted, it->client, it->clock, it->len) != 0)
            return wf_crdt__break(d);
    }
    d->txn->has_structs = true;
    t = &d->types[it->parent];
    if (it->sub == 0) {
        t->length += wf_crdt__visible(it);
        t->cursor = 0;
        if (t->tree != 0 && wf_crdt__tree_insert(d, it->parent, i) != 0)
            return WF_E_NOMEM;
    }
    if (changed(d, it->parent) != 0)
        return WF_E_NOMEM;
    owner = t->item != 0 ? wf_crdt__item(d, t->item) : NULL;
    if ((owner != NULL && wf_crdt__deleted(owner)) || (it->sub != 0 && it->right != 0))
        return wf_crdt__delete(d, i);
    return 0;
}

/* ---- deleting ---- */

/* Deletes one item; the type that it holds, if any, in *out_type. */
static int delete_one(struct wf_crdt *d, uint32_t i, uint32_t *out_type)
{
    struct wf_crdt_item *it = wf_crdt__item(d, i);
    struct wf_crdt_type *t = &d->types[it->parent];

    *out_type = 0;
    if (wf_crdt__deleted(it))
        return 0;
    if (it->sub == 0 && wf_crdt__countable(it)) {
        t->length -= it->len;
        t->cursor = 0;
        if (t->tree != 0)
            wf_crdt__tree_change(d, i, -(int64_t)it->len);
    }
    it->flags |= WF_CRDT_F_DELETED;
    if (wf_crdt__ranges_add(&d->txn->deleted, it->client, it->clock, it->len) != 0)
        return wf_crdt__break(d);
    if (changed(d, it->parent) != 0)
        return WF_E_NOMEM;
    if (it->kind == WF_CRDT_TYPE)
        *out_type = it->type;
    return 0;
}

/* An item of a type that is being deleted. */
static int delete_inner(struct wf_crdt *d, uint32_t i, uint32_t *out_type)
{
    const struct wf_crdt_item *it = wf_crdt__item(d, i);

    *out_type = 0;
    if (!wf_crdt__deleted(it))
        return delete_one(d, i, out_type);
    if (it->clock < wf_crdt__before(d, it->client) &&
        wf_crdt__ids_add(&d->txn->merge, it->client, it->clock) != 0)
        return wf_crdt__break(d);
    return 0;
}

struct todo {
    uint32_t *at;
    size_t n, cap;
};

/* All items of a type; types below are put on the list. A list instead of recursion: nesting is
 * the sender's choice. */
static int delete_items(struct wf_crdt *d, uint32_t type, struct todo *todo)
{
    uint32_t inner;
    int rc = 0;

    for (uint32_t k = d->types[type].start; k != 0 && rc == 0; k = wf_crdt__item(d, k)->right) {
        rc = delete_inner(d, k, &inner);
        if (rc == 0 && inner != 0) {
            rc = wf_reserve(&todo->at, &todo->cap, todo->n + 1, sizeof(*todo->at));
            if (rc == 0)
                todo->at[todo->n++] = inner;
        }
    }
    for (uint32_t e = d->types[type].first_entry; e != 0 && rc == 0; e = d->entries[e].next) {
        rc = delete_inner(d, d->entries[e].item, &inner);
        if (rc == 0 && inner != 0) {
            rc = wf_reserve(&todo->at, &todo->cap, todo->n + 1, sizeof(*todo->at));
            if (rc == 0)
                todo->at[todo->n++] = inner;
        }
    }
    return rc;
}

int wf_crdt__delete(struct wf_crdt *d, uint32_t i)
{
    struct todo todo = {0};
    uint32_t type;
    int rc = delete_one(d, i, &type);

    if (rc == 0 && type == 0)
        return 0;
    while (rc == 0 && type != 0) {
        rc = delete_items(d, type, &todo);
        type = rc == 0 && todo.n > 0 ? todo.at[--todo.n] : 0;
    }
    wf_free(todo.at);
    return rc != 0 ? wf_crdt__break(d) : 0;
}

/* ---- local items ---- */

/* What this client typed last grows in place when the new text follows it: what joining the two at
 * the end of the transaction would come to. */
static bool grows(struct wf_crdt *d, const struct wf_crdt_item *l, uint32_t right,
                  const struct wf_crdt_item *content)
{
    const struct wf_crdt_item *r;

    if (l->kind != WF_CRDT_STRING || content->kind != WF_CRDT_STRING || l->client != d->self ||
        l->clock + l->len != d->clients[d->self].next ||
        (l->flags & (WF_CRDT_F_DELETED | WF_CRDT_F_REDONE | WF_CRDT_F_KEEP)) != 0 || l->sub != 0 ||
        l->right != right || l->bytes + (uint64_t)content->bytes > WF_LIMIT_CRDT_BYTES)
        return false;
    if (right == 0)
        return l->r_client == WF_CRDT_NONE;
    r = wf_crdt__item(d, right);
    return l->r_client == r->client && l->r_clock == r->clock;
}

static int grow(struct wf_crdt *d, uint32_t left, const struct wf_crdt_item *content)
{
    struct wf_crdt_item *l = wf_crdt__item(d, left);
    struct wf_crdt_type *t = &d->types[l->parent];

    if (wf_crdt__touch(d, d->self) != 0 ||
        wf_crdt__content_extend(d, l, content->data, content->bytes) != 0)
        return wf_crdt__break(d);
    l->len += content->len;
    d->clients[d->self].next += content->len;
    t->length += content->len;
    if (t->tree != 0)
        wf_crdt__tree_change(d, left, content->len);
    return changed(d, l->parent);
}

static int insert_new(struct wf_crdt *d, uint32_t parent, uint32_t sub, uint32_t left,
                      uint32_t right, const struct wf_crdt_item *content, bool keep, uint32_t *out)
{
    struct wf_crdt_item *it;
    uint32_t i;

    i = wf_crdt__item_new(d);
    if (i == 0)
        return WF_E_NOMEM;
    it = wf_crdt__item(d, i);
    it->client = d->self;
    it->clock = d->clients[d->self].next;
    it->len = content->len;
    it->kind = content->kind;
    it->parent = parent;
    it->sub = sub;
    it->left = left;
    it->right = right;
    if (left != 0) {
        const struct wf_crdt_item *l = wf_crdt__item(d, left);
        it->o_client = l->client;
        it->o_clock = l->clock + l->len - 1;
    }
    if (right != 0) {
        const struct wf_crdt_item *r = wf_crdt__item(d, right);
        it->r_client = r->client;
        it->r_clock = r->clock;
    }
    if (content->kind == WF_CRDT_TYPE) {
        it->type = content->type;
    } else {
        it->bytes = content->bytes;
        it->data = wf_crdt__pool_put(d, d->self, content->data, content->bytes);
        if (it->data == NULL)
            return wf_crdt__break(d);
    }
    if (keep)
        wf_crdt__keep(d, i, true);
    *out = i;
    return wf_crdt__integrate(d, i, 0);
}

int wf_crdt__insert(struct wf_crdt *d, uint32_t parent, uint32_t sub, uint32_t left, uint32_t right,
                    const struct wf_crdt_item *content, uint32_t *out)
{
    if (d->clients[d->self].next > UINT32_MAX - 1 - content->len)
        return WF_E_LIMIT;
    if (left != 0 && grows(d, wf_crdt__item(d, left), right, content)) {
        *out = left;
        return grow(d, left, content);
    }
    return insert_new(d, parent, sub, left, right, content, false, out);
}

int wf_crdt__insert_kept(struct wf_crdt *d, uint32_t parent, uint32_t sub, uint32_t left,
                         uint32_t right, const struct wf_crdt_item *content, uint32_t *out)
{
    if (d->clients[d->self].next > UINT32_MAX - 1 - content->len)
        return WF_E_LIMIT;
    return insert_new(d, parent, sub, left, right, content, true, out);
}
