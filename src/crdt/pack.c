/* SPDX-License-Identifier: Apache-2.0 */
/* What a map's keys held before: replaced values stay for good, one struct each, for Yjs's format
 * forgets none, and those of different keys never join. A map that is written to often is made of
 * little else. Here runs of them become one item (WF_CRDT_PACKED) of some bytes a struct.
 *
 * Packed is a replaced value whose content is collected, that stands in its key's chain just behind
 * its origin, without a right origin: what nearly all are. Its neighbours then need not be kept:
 * the left one is its origin, and links to and from it are WF_CRDT_FAR. Whoever must walk a chain
 * has it unpacked first; that is a concurrent write of the same key, and a map that is collected.
 *
 * A record, behind the one before it in its run:
 *   flags   1 length is 1; 2 the origin is the same client's; 4 same type; 8 next key
 *   length, unless 1; origin's client (index), unless the same; origin's clock, as a distance back
 *   where it is the same client's; type, unless the same; key as a signed difference, unless next
 */
#include "base/alloc.h"
#include "crdt/crdt_internal.h"

#define RUN_BYTES 4096u
#define RUN_SMALL (RUN_BYTES / 2) /* shorter ones are taken up by the next packing */

enum flag {
    LEN_1 = 1,
    SAME_CLIENT = 2,
    SAME_TYPE = 4,
    NEXT_KEY = 8,
};

/* ---- records ---- */

struct wf_crdt_run wf_crdt__run(const struct wf_crdt_item *packed)
{
    return (struct wf_crdt_run){.in = wf_lib0_in(packed->data, packed->bytes),
                                .at = {.kind = WF_CRDT_DELETED,
                                       .flags = WF_CRDT_F_DELETED,
                                       .client = packed->client,
                                       .clock = packed->clock,
                                       .left = WF_CRDT_FAR,
                                       .right = WF_CRDT_FAR,
                                       .r_client = WF_CRDT_NONE}};
}

/* False where the record is malformed. */
static bool read_record(struct wf_crdt_run *r)
{
    struct wf_crdt_item *it = &r->at;
    uint8_t flags = wf_lib0_byte(&r->in);
    uint64_t len, o_client, o_clock, parent = it->parent;
    int64_t sub = it->sub;
    bool negative;

    len = (flags & LEN_1) != 0 ? 1 : wf_lib0_uint(&r->in);
    o_client = (flags & SAME_CLIENT) != 0 ? it->client : wf_lib0_uint(&r->in);
    o_clock = wf_lib0_uint(&r->in);
    if ((flags & SAME_TYPE) == 0)
        parent = wf_lib0_uint(&r->in);
    sub += (flags & NEXT_KEY) != 0 ? 1 : wf_lib0_int(&r->in, &negative);
    it->clock += it->len;
    if ((flags & SAME_CLIENT) != 0)
        o_clock = it->clock - o_clock;
    it->len = (uint32_t)len;
    it->o_client = (uint32_t)o_client;
    it->o_clock = (uint32_t)o_clock;
    it->parent = (uint32_t)parent;
    it->sub = (uint32_t)sub;
    return !r->in.bad && len > 0 && ((len | o_client | o_clock | parent) >> 32) == 0 && sub > 0 &&
           sub <= UINT32_MAX;
}

bool wf_crdt__run_next(struct wf_crdt_run *r)
{
    bool ok;

    if (r->in.p == r->in.end)
        return false;
    ok = read_record(r);
    assert(ok);
    return ok;
}

bool wf_crdt__run_check(const struct wf_crdt *d, const struct wf_crdt_item *packed)
{
    struct wf_crdt_run r = wf_crdt__run(packed);
    const struct wf_crdt_item *it = &r.at;
    uint64_t len = 0;

    while (r.in.p < r.in.end) {
        if (!read_record(&r) || it->o_client >= d->n_clients ||
            it->o_clock >= d->clients[it->o_client].next || it->parent <= WF_CRDT_ROOTS ||
            it->parent >= d->n_types || it->sub >= d->n_keys)
            return false;
        len += it->len;
        if (len > packed->len)
            return false;
    }
    return len > 0 && len == packed->len;
}

/* A run that is being made. */
struct packing {
    struct wf_crdt *d;
    uint32_t item;      /* the packed one; 0 = none */
    uint32_t type, sub; /* of the last record */
    struct wf_buf bytes;
};

static void put_record(struct packing *w, const struct wf_crdt_item *it)
{
    uint8_t all[1 + 5 * WF_LIB0_NUMBER_BYTES], *p = all + 1;
    int64_t step = (int64_t)it->sub - (int64_t)w->sub;
    bool same = it->o_client == it->client;

    all[0] = (uint8_t)((it->len == 1 ? LEN_1 : 0) | (same ? SAME_CLIENT : 0) |
                       (it->parent == w->type ? SAME_TYPE : 0) | (step == 1 ? NEXT_KEY : 0));
    if (it->len != 1)
        p = wf_lib0_put_uint(p, it->len);
    if (!same)
        p = wf_lib0_put_uint(p, it->o_client);
    p = wf_lib0_put_uint(p, same ? it->clock - it->o_clock : it->o_clock);
    if (it->parent != w->type)
        p = wf_lib0_put_uint(p, it->parent);
    if (step != 1)
        p = wf_lib0_put_int(p, step, false);
    (void)wf_buf_append(&w->bytes, all, (size_t)(p - all));
    w->type = it->parent;
    w->sub = it->sub;
}

void wf_crdt__run_renumber(const struct wf_crdt_item *packed, const struct wf_crdt_numbers *to,
                           struct wf_buf *out)
{
    struct packing w = {.bytes = *out};
    struct wf_crdt_run r;

    for (r = wf_crdt__run(packed); wf_crdt__run_next(&r);) {
        struct wf_crdt_item it = r.at;
        it.client = to->clients[it.client];
        it.o_client = to->clients[it.o_client];
        it.parent = to->types[it.parent];
        it.sub = to->keys[it.sub];
        put_record(&w, &it);
    }
    *out = w.bytes;
}

/* The item that stands for the run: one of those that were packed. */
static int run_end(struct packing *w)
{
    struct wf_crdt_item *it;

    if (w->item == 0)
        return 0;
    it = wf_crdt__item(w->d, w->item);
    it->data = wf_crdt__pool_put(w->d, it->client, w->bytes.ptr, w->bytes.len);
    if (it->data == NULL || wf_buf_status(&w->bytes) != 0)
        return WF_E_NOMEM;
    it->bytes = (uint32_t)w->bytes.len;
    w->item = 0;
    return 0;
}

/* Item i, which a run begins with. */
static void run_begin(struct packing *w, uint32_t i)
{
    struct wf_crdt_item *it = wf_crdt__item(w->d, i);
    uint32_t client = it->client, clock = it->clock;

    *it = (struct wf_crdt_item){.kind = WF_CRDT_PACKED,
                                .flags = WF_CRDT_F_DELETED,
                                .client = client,
                                .clock = clock,
                                .o_client = WF_CRDT_NONE,
                                .r_client = WF_CRDT_NONE};
    wf_buf_reset(&w->bytes);
    w->d->has_packed = true;
    w->item = i;
    w->type = w->sub = 0;
}

/* ---- packing ---- */

static bool ends_at_origin(const struct wf_crdt_item *left, const struct wf_crdt_item *it)
{
    return it->o_client == left->client && it->o_clock == left->clock + left->len - 1;
}

static bool can_pack(const struct wf_crdt *d, const struct wf_crdt_item *it)
{
    return it->kind == WF_CRDT_DELETED && it->flags == WF_CRDT_F_DELETED && it->sub != 0 &&
           it->o_client != WF_CRDT_NONE && it->r_client == WF_CRDT_NONE && it->left != 0 &&
           (it->left == WF_CRDT_FAR || ends_at_origin(wf_crdt__item(d, it->left), it)) &&
           it->right != 0 &&
           (it->right == WF_CRDT_FAR || ends_at_origin(it, wf_crdt__item(d, it->right)));
}

static void let_go(struct wf_crdt *d, const struct wf_crdt_item *it)
{
    if (it->left != WF_CRDT_FAR)
        wf_crdt__item(d, it->left)->right = WF_CRDT_FAR;
    if (it->right != WF_CRDT_FAR)
        wf_crdt__item(d, it->right)->left = WF_CRDT_FAR;
}

/* Takes the struct into the run, or a run of its own; false: it stays as it is, and ends the run.
 * *out_gone: its item is no longer needed. */
static bool take(struct packing *w, uint32_t i, bool *out_gone)
{
    struct wf_crdt *d = w->d;
    struct wf_crdt_item tomb = *wf_crdt__item(d, i);
    struct wf_crdt_run r;

    if (tomb.kind == WF_CRDT_PACKED ? tomb.bytes >= RUN_SMALL : !can_pack(d, &tomb))
        return false;
    *out_gone = w->item != 0;
    if (w->item == 0)
        run_begin(w, i);
    wf_crdt__item(d, w->item)->len += tomb.len;
    if (tomb.kind != WF_CRDT_PACKED) {
        let_go(d, &tomb);
        put_record(w, &tomb);
        return true;
    }
    for (r = wf_crdt__run(&tomb); wf_crdt__run_next(&r);)
        put_record(w, &r.at);
    wf_crdt__pool_drop(d, tomb.bytes);
    return true;
}

/* All structs of a client; their list is written anew in place. */
static int pack_client(struct packing *w, struct wf_crdt_client *c)
{
    struct wf_crdt_place to = {0, 0};
    int rc = 0;

    for (uint32_t k = 0; k < c->n_chunks && rc == 0; k++) {
        for (uint32_t s = 0, n = c->chunks[k]->n; s < n && rc == 0; s++) {
            const struct wf_crdt_entry e = c->chunks[k]->at[s];
            bool gone = false;
            if (w->bytes.len >= RUN_BYTES || !take(w, e.item, &gone)) {
                rc = run_end(w);
                if (rc == 0 && !gone)
                    (void)take(w, e.item, &gone);
            }
            if (gone) {
                wf_crdt__item_free(w->d, e.item);
                continue;
            }
            if (to.slot == c->chunks[to.chunk]->cap) {
                c->chunks[to.chunk++]->n = to.slot;
                to.slot = 0;
            }
            if (to.slot == 0)
                c->firsts[to.chunk] = e.clock;
            c->chunks[to.chunk]->at[to.slot++] = e;
        }
    }
    if (rc == 0)
        rc = run_end(w);
    if (rc != 0 || c->n_chunks == 0)
        return rc;
    c->chunks[to.chunk]->n = to.slot;
    for (uint32_t k = to.chunk + 1; k < c->n_chunks; k++)
        wf_free(c->chunks[k]);
    c->n_chunks = to.chunk + 1;
    c->hint = 0;
    return 0;
}

int wf_crdt__pack(struct wf_crdt *d)
{
    struct packing w = {.d = d};
    size_t had = d->live_items;
    int rc = 0;

    if (d->keep_deleted || had < d->pack_at)
        return 0;
    wf_buf_init(&w.bytes, SIZE_MAX);
    for (uint32_t k = 0; k < d->n_clients && rc == 0; k++)
        rc = pack_client(&w, &d->clients[k]);
    wf_buf_deinit(&w.bytes);
    if (rc == 0 && d->live_items < had / 2)
        rc = wf_crdt__items_trim(d);
    d->pack_at = d->pack_always ? 0 : 2 * d->live_items + WF_CRDT_PACK_AFTER;
    return rc != 0 ? wf_crdt__break(d) : 0;
}

/* ---- unpacking ---- */

/* A new item behind place p, which moves to it. */
static int put_item(struct wf_crdt *d, struct wf_crdt_client *c, struct wf_crdt_place *io,
                    const struct wf_crdt_item *as, uint32_t *out)
{
    uint32_t i = wf_crdt__item_new(d);

    if (i == 0)
        return WF_E_NOMEM;
    *wf_crdt__item(d, i) = *as;
    if (wf_crdt__put_behind(c, *io, (struct wf_crdt_entry){as->clock, i}) != 0)
        return wf_crdt__break(d);
    *io = wf_crdt__find(c, as->clock);
    *out = i;
    return 0;
}

/* The rest of a run, from its next record on, as an item of its own behind place p. */
static int put_rest(struct wf_crdt *d, struct wf_crdt_client *c, struct wf_crdt_place p,
                    const struct wf_crdt_item *packed, struct wf_crdt_run *r)
{
    struct packing w = {.d = d};
    uint32_t clock = r->at.clock + r->at.len, i;
    struct wf_crdt_item rest = {
        .client = packed->client, .clock = clock, .len = packed->clock + packed->len - clock};
    int rc;

    if (rest.len == 0)
        return 0;
    rc = put_item(d, c, &p, &rest, &i);
    if (rc != 0)
        return rc;
    wf_buf_init(&w.bytes, SIZE_MAX);
    run_begin(&w, i);
    wf_crdt__item(d, i)->len = rest.len;
    while (wf_crdt__run_next(r))
        put_record(&w, &r->at);
    rc = run_end(&w);
    wf_buf_deinit(&w.bytes);
    return rc;
}

/* Takes the one at `clock` out of the packed item at place p; its item in *out. What is before it
 * stays where it is. */
static int take_out(struct wf_crdt *d, struct wf_crdt_client *c, struct wf_crdt_place p,
                    uint32_t clock, uint32_t *out)
{
    uint32_t i = wf_crdt__at(c, p);
    struct wf_crdt_item *it = wf_crdt__item(d, i);
    const struct wf_crdt_item packed = *it;
    struct wf_crdt_run r = wf_crdt__run(&packed);
    const uint8_t *from = r.in.p;
    struct wf_crdt_item tomb;

    while (wf_crdt__run_next(&r) && r.at.clock + r.at.len <= clock)
        from = r.in.p;
    tomb = r.at;
    if (tomb.clock == packed.clock) {
        *it = tomb;
        *out = i;
    } else {
        it->len = tomb.clock - packed.clock;
        it->bytes = (uint32_t)(from - packed.data);
        if (put_item(d, c, &p, &tomb, out) != 0)
            return WF_E_NOMEM;
    }
    if (put_rest(d, c, p, &packed, &r) != 0)
        return wf_crdt__break(d);
    wf_crdt__pool_drop(d, packed.bytes - (tomb.clock == packed.clock ? 0 : it->bytes));
    return 0;
}

int wf_crdt__unpack_at(struct wf_crdt *d, uint32_t client, uint32_t clock, uint32_t *out)
{
    struct wf_crdt_client *c = &d->clients[client];
    struct wf_crdt_place p = wf_crdt__find(c, clock);

    *out = wf_crdt__at(c, p);
    return wf_crdt__item(d, *out)->kind != WF_CRDT_PACKED ? 0 : take_out(d, c, p, clock, out);
}

int wf_crdt__unpack_left(struct wf_crdt *d, uint32_t i)
{
    struct wf_crdt_item *it = wf_crdt__item(d, i);
    uint32_t left;

    if (it->left != WF_CRDT_FAR)
        return 0;
    if (wf_crdt__unpack_at(d, it->o_client, it->o_clock, &left) != 0)
        return WF_E_NOMEM;
    it->left = left;
    wf_crdt__item(d, left)->right = i;
    return 0;
}

/* A key's chain from its right end on, until item `end` is linked. */
static int unpack_until(struct wf_crdt *d, uint32_t type, uint32_t sub, uint32_t end)
{
    uint32_t entry = wf_crdt__entry(d, type, sub), i = entry == 0 ? 0 : d->entries[entry].item;

    for (; i != 0 && i != end; i = wf_crdt__item(d, i)->left) {
        if (wf_crdt__unpack_left(d, i) != 0)
            return WF_E_NOMEM;
    }
    return 0;
}

int wf_crdt__unpack_right(struct wf_crdt *d, uint32_t i)
{
    const struct wf_crdt_item *it = wf_crdt__item(d, i);

    if (unpack_until(d, it->parent, it->sub, i) != 0)
        return WF_E_NOMEM;
    /* Only an image made to harm has what no chain leads to. */
    return wf_crdt__item(d, i)->right == WF_CRDT_FAR ? wf_crdt__break(d) : 0;
}

int wf_crdt__unpack_chain(struct wf_crdt *d, uint32_t type, uint32_t sub)
{
    return unpack_until(d, type, sub, 0);
}
