/* SPDX-License-Identifier: Apache-2.0 */
/* Applying updates, in the order that Yjs has: sections by falling client id, and a stack of
 * structs that wait for one of another section. A struct whose clock runs ahead of what is known,
 * or that builds on what has not come, is put aside with the rest of its client (never integrated
 * behind a gap, never reported), as an update of format 2; so are deletes of what is not there yet.
 * What was put aside is tried again once a clock that it waits for has passed. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "crdt/update_internal.h"

/* Structs of an update from which on a type's tree is made anew rather than kept up to date. */
#define BULK 256u

struct applying {
    struct wf_crdt *d;
    struct wf_crdt_parsed *p;
    uint32_t *order; /* sections by falling client id */
    size_t next;
    uint32_t *stack; /* structs that wait */
    size_t n_stack, cap_stack;
    struct wf_crdt_ranges missing; /* client, clock */
    struct rest { /* structs that must wait: of a section from one on, or a lone one */
        uint32_t client, first, end;
    } * rests;
    size_t n_rests, cap_rests;
};

static int miss(struct applying *a, uint32_t client, uint32_t clock)
{
    for (size_t i = 0; i < a->missing.n; i++) {
        if (a->missing.at[i].client == client) {
            if (a->missing.at[i].clock > clock)
                a->missing.at[i].clock = clock;
            return 0;
        }
    }
    return wf_crdt__ids_add(&a->missing, client, clock);
}

static struct wf_crdt_section *section_of(const struct applying *a, uint32_t client)
{
    uint32_t s = a->d->clients[client].section;

    return s == 0 ? NULL : &a->p->sections[s - 1];
}

/* Structs of a rest that stand for a client already: a later one replaces it, as in Yjs. */
static int put_aside(struct applying *a, struct rest rest)
{
    for (size_t i = 0; i < a->n_rests; i++) {
        if (a->rests[i].client == rest.client) {
            a->rests[i] = rest;
            return 0;
        }
    }
    if (wf_reserve(&a->rests, &a->cap_rests, a->n_rests + 1, sizeof(*a->rests)) != 0)
        return WF_E_NOMEM;
    a->rests[a->n_rests++] = rest;
    return 0;
}

/* All on the stack, and what follows each in its section, must wait. */
static int stack_aside(struct applying *a)
{
    for (size_t k = 0; k < a->n_stack; k++) {
        uint32_t at = a->stack[k], client = wf_crdt__item(a->d, a->p->structs[at])->client;
        struct wf_crdt_section *s = section_of(a, client);
        struct rest rest = {client, at, at + 1};
        if (s != NULL && s->at != WF_CRDT_NONE) {
            rest.first = s->at - 1;
            rest.end = s->end;
            s->at = WF_CRDT_NONE; /* gone from the sections */
        }
        if (put_aside(a, rest) != 0)
            return WF_E_NOMEM;
    }
    a->n_stack = 0;
    return 0;
}

static bool known(const struct wf_crdt *d, uint32_t client, uint32_t clock)
{
    return clock < d->clients[client].next;
}

/* The client that an item waits for, or NONE. */
static uint32_t waits_for(const struct wf_crdt *d, const struct wf_crdt_item *it)
{
    if (it->o_client != WF_CRDT_NONE && it->o_client != it->client &&
        !known(d, it->o_client, it->o_clock))
        return it->o_client;
    if (it->r_client != WF_CRDT_NONE && it->r_client != it->client &&
        !known(d, it->r_client, it->r_clock))
        return it->r_client;
    if ((it->flags & WF_CRDT_F_PARENT_ID) != 0 && it->left != it->client &&
        !known(d, it->left, it->right))
        return it->left;
    return WF_CRDT_NONE;
}

/* Finds neighbours and parent of an item all of whose dependencies are known. */
static int resolve(struct wf_crdt *d, struct wf_crdt_item *it)
{
    uint32_t parent_client = it->left, parent_clock = it->right, owner;
    bool by_id = (it->flags & WF_CRDT_F_PARENT_ID) != 0;
    const struct wf_crdt_item *l = NULL, *r = NULL, *near;

    it->left = it->right = 0;
    it->flags &= (uint8_t)~WF_CRDT_F_PARENT_ID;
    if (it->kind == WF_CRDT_GC)
        return 0;
    if (it->o_client != WF_CRDT_NONE) {
        if (wf_crdt__clean_end(d, it->o_client, it->o_clock, &it->left) != 0)
            return WF_E_NOMEM;
    }
    if (it->r_client != WF_CRDT_NONE) {
        if (wf_crdt__clean_start(d, it->r_client, it->r_clock, &it->right) != 0)
            return WF_E_NOMEM;
    }
    l = it->left != 0 ? wf_crdt__item(d, it->left) : NULL;
    r = it->right != 0 ? wf_crdt__item(d, it->right) : NULL;
    if ((l != NULL && l->kind == WF_CRDT_GC) || (r != NULL && r->kind == WF_CRDT_GC)) {
        it->parent = 0;
    } else if (by_id) {
        owner = wf_crdt__item_at(d, parent_client, parent_clock);
        it->parent =
            wf_crdt__item(d, owner)->kind == WF_CRDT_TYPE ? wf_crdt__item(d, owner)->type : 0;
    } else if (it->parent == 0 && (l != NULL || r != NULL)) {
        near = l != NULL ? l : r;
        it->parent = near->parent;
        it->sub = near->sub;
    }
    if (it->parent == 0) { /* it will only leave its length */
        it->left = it->right = 0;
    }
    return 0;
}

/* What a struct waits for has not come, or must come first: the next struct to take in *io_at, or
 * NONE when the stack was put aside. */
static int wait_for(struct applying *a, uint32_t client, uint32_t *io_at)
{
    struct wf_crdt_section *s = section_of(a, client);
    int rc;

    if (s != NULL && s->at != WF_CRDT_NONE && s->at < s->end) {
        *io_at = s->at++;
        return 0;
    }
    *io_at = WF_CRDT_NONE;
    rc = miss(a, client, a->d->clients[client].next);
    return rc != 0 ? rc : stack_aside(a);
}

/* The struct whose turn has come is integrated, put aside, or waits on the stack for another, which
 * is then *io_at, else NONE. */
static int take(struct applying *a, uint32_t *io_at)
{
    struct wf_crdt *d = a->d;
    uint32_t at = *io_at, i = a->p->structs[at], next, other;
    struct wf_crdt_item *it = wf_crdt__item(d, i);
    int rc;

    *io_at = WF_CRDT_NONE;
    if (it->kind == WF_CRDT_SKIP)
        return 0;
    next = d->clients[it->client].next;
    other = it->clock > next ? WF_CRDT_NONE : waits_for(d, it);
    if (it->clock > next || other != WF_CRDT_NONE) {
        if (wf_reserve(&a->stack, &a->cap_stack, a->n_stack + 1, sizeof(*a->stack)) != 0)
            return WF_E_NOMEM;
        a->stack[a->n_stack++] = at;
        if (other != WF_CRDT_NONE)
            return wait_for(a, other, io_at);
        rc = miss(a, it->client, it->clock - 1);
        return rc != 0 ? rc : stack_aside(a);
    }
    rc = resolve(d, it);
    if (rc != 0 || it->clock + it->len <= next) /* known already */
        return rc;
    a->p->structs[at] = 0; /* the document's now */
    return wf_crdt__integrate(d, i, next - it->clock);
}

static int by_falling_id(const void *x, const void *y, void *ud)
{
    const struct applying *a = ud;
    uint64_t i = a->d->clients[a->p->sections[*(const uint32_t *)x].client].id;
    uint64_t k = a->d->clients[a->p->sections[*(const uint32_t *)y].client].id;

    return (i < k) - (i > k);
}

/* The next struct: from the stack, or of the section that is on turn; NONE at the end. */
static uint32_t next_struct(struct applying *a)
{
    if (a->n_stack > 0)
        return a->stack[--a->n_stack];
    for (; a->next < a->p->n_sections; a->next++) {
        struct wf_crdt_section *s = &a->p->sections[a->order[a->next]];
        if (s->at != WF_CRDT_NONE && s->at < s->end)
            return s->at++;
    }
    return WF_CRDT_NONE;
}

static int integrate_all(struct applying *a)
{
    uint32_t at;
    int rc = 0;

    a->order = wf_alloc_array(a->p->n_sections + 1, sizeof(*a->order));
    if (a->order == NULL)
        return WF_E_NOMEM;
    for (uint32_t i = 0; i < a->p->n_sections; i++)
        a->order[i] = i;
    qsort_r(a->order, a->p->n_sections, sizeof(*a->order), by_falling_id, a);
    while (rc == 0 && (at = next_struct(a)) != WF_CRDT_NONE) {
        while (rc == 0 && at != WF_CRDT_NONE)
            rc = take(a, &at);
    }
    return rc;
}

/* ---- what must wait ---- */

static int rest_update(struct applying *a, struct wf_buf *out)
{
    struct wf_crdt_columns cols;
    struct wf_crdt_out o;
    struct wf_buf rest;

    /* By falling id, as updates are. */
    for (size_t i = 1; i < a->n_rests; i++) {
        for (size_t k = i; k > 0 && a->d->clients[a->rests[k - 1].client].id <
                                        a->d->clients[a->rests[k].client].id;
             k--) {
            struct rest x = a->rests[k];
            a->rests[k] = a->rests[k - 1];
            a->rests[k - 1] = x;
        }
    }
    wf_buf_init(&rest, WF_LIMIT_CRDT_BYTES);
    wf_crdt__out_init(&o, a->d, &rest, &cols);
    wf_crdt__out_uint(&o, a->n_rests);
    for (size_t i = 0; i < a->n_rests; i++) {
        const struct rest *r = &a->rests[i];
        wf_crdt__out_uint(&o, r->end - r->first);
        wf_crdt__out_client(&o, a->d->clients[r->client].id);
        wf_crdt__out_uint(&o, wf_crdt__item(a->d, a->p->structs[r->first])->clock);
        for (uint32_t k = r->first; k < r->end; k++)
            wf_crdt__out_struct(&o, wf_crdt__item(a->d, a->p->structs[k]), 0);
    }
    wf_crdt__out_uint(&o, 0);
    return wf_crdt__out_finish(&o, out);
}

static int merge_into(struct wf_buf *to, struct wf_buf *more)
{
    struct wf_str both[2] = {wf_buf_str(to), wf_buf_str(more)};
    struct wf_buf merged;
    int rc;

    if (to->len == 0)
        return wf_buf_append(to, more->ptr, more->len);
    wf_buf_init(&merged, WF_LIMIT_CRDT_BYTES);
    rc = wf_crdt_merge(both, 2, WF_CRDT_V2, &merged);
    if (rc == 0) {
        wf_buf_reset(to);
        rc = wf_buf_append(to, merged.ptr, merged.len);
    }
    wf_buf_deinit(&merged);
    return rc;
}

/* Keeps aside what a wait for; true in *out_retry when something that waited before may go now. */
static int keep_rest(struct applying *a, bool *out_retry)
{
    struct wf_crdt *d = a->d;
    struct wf_buf more;
    int rc = 0;

    for (size_t i = 0; i < d->missing.n && d->pending.len > 0; i++)
        *out_retry |= d->missing.at[i].clock < d->clients[d->missing.at[i].client].next;
    if (a->n_rests == 0)
        return 0;
    wf_buf_init(&more, WF_LIMIT_CRDT_BYTES);
    rc = rest_update(a, &more);
    if (rc == 0)
        rc = merge_into(&d->pending, &more);
    wf_buf_deinit(&more);
    for (size_t i = 0; i < a->missing.n && rc == 0; i++) {
        const struct wf_crdt_range *m = &a->missing.at[i];
        size_t k = 0;
        while (k < d->missing.n && d->missing.at[k].client != m->client)
            k++;
        if (k == d->missing.n)
            rc = wf_crdt__ids_add(&d->missing, m->client, m->clock);
        else if (d->missing.at[k].clock > m->clock)
            d->missing.at[k].clock = m->clock;
    }
    return rc;
}

/* ---- deletes ---- */

static int delete_range(struct wf_crdt *d, const struct wf_crdt_range *r)
{
    struct wf_crdt_client *c = &d->clients[r->client];
    uint32_t end = r->clock + r->len, i, rest;
    struct wf_crdt_place p;

    if (end > c->next)
        end = c->next;
    p = wf_crdt__find(c, r->clock);
    i = wf_crdt__at(c, p);
    if (!wf_crdt__deleted(wf_crdt__item(d, i)) && wf_crdt__item(d, i)->clock < r->clock) {
        if (wf_crdt__split(d, i, p, r->clock - wf_crdt__item(d, i)->clock, &i) != 0)
            return WF_E_NOMEM;
        p = wf_crdt__find(c, r->clock);
    }
    for (;;) {
        struct wf_crdt_item *it = wf_crdt__item(d, i);
        if (it->clock >= end)
            return 0;
        if (!wf_crdt__deleted(it)) {
            if (end < it->clock + it->len && wf_crdt__split(d, i, p, end - it->clock, &rest) != 0)
                return WF_E_NOMEM;
            if (wf_crdt__delete(d, i) != 0)
                return WF_E_NOMEM;
            if (it->clock + it->len >= end)
                return 0;
            p = wf_crdt__find(c, it->clock);
        }
        if (!wf_crdt__step_right(c, &p))
            return 0;
        i = wf_crdt__at(c, p);
    }
}

/* Applies deletes; those of what is not there yet are added to `ahead`. */
static int delete_all(struct wf_crdt *d, const struct wf_crdt_ranges *r,
                      struct wf_crdt_ranges *ahead)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct wf_crdt_range *x = &r->at[i];
        uint32_t next = d->clients[x->client].next, end = x->clock + x->len;
        uint32_t from = x->clock < next ? next : x->clock;
        if (x->clock < next && delete_range(d, x) != 0)
            return WF_E_NOMEM;
        if (end > from && wf_crdt__ranges_add(ahead, x->client, from, end - from) != 0)
            return WF_E_NOMEM;
    }
    return 0;
}

static int deletes_update(struct wf_crdt *d, struct wf_crdt_ranges *r, struct wf_buf *out)
{
    struct wf_crdt_columns cols;
    struct wf_crdt_out o;
    struct wf_buf rest;
    int rc, rc2;

    wf_crdt__ranges_sort(d, r);
    wf_buf_init(&rest, WF_LIMIT_CRDT_BYTES);
    wf_crdt__out_init(&o, d, &rest, &cols);
    wf_crdt__out_uint(&o, 0);
    rc = wf_crdt__out_deletes(&o, r);
    rc2 = wf_crdt__out_finish(&o, out);
    return rc != 0 ? rc : rc2;
}

static int apply_deletes(struct wf_crdt *d, const struct wf_crdt_parsed *p)
{
    struct wf_crdt_ranges ahead = {0}, still = {0};
    struct wf_crdt_parsed before = {0};
    struct wf_buf more;
    int rc = delete_all(d, &p->deletes, &ahead);

    wf_buf_init(&more, WF_LIMIT_CRDT_BYTES);
    if (rc == 0 && d->pending_deletes.len > 0) {
        rc = wf_crdt__parse(d, wf_buf_str(&d->pending_deletes), WF_CRDT_V2, true, &before, NULL);
        if (rc == 0)
            rc = delete_all(d, &before.deletes, &still);
        wf_crdt__parsed_deinit(d, &before);
        wf_buf_reset(&d->pending_deletes);
    }
    if (rc == 0 && ahead.n > 0)
        rc = deletes_update(d, &ahead, &d->pending_deletes);
    if (rc == 0 && still.n > 0) {
        rc = deletes_update(d, &still, &more);
        if (rc == 0)
            rc = merge_into(&d->pending_deletes, &more);
    }
    wf_buf_deinit(&more);
    wf_free(ahead.at);
    wf_free(still.at);
    return rc;
}

/* ---- the whole ---- */

static int apply_parsed(struct wf_crdt *d, struct wf_crdt_parsed *p, bool *out_retry)
{
    struct applying a = {.d = d, .p = p};
    int rc;

    if (p->n_structs > BULK) {
        for (uint32_t t = WF_CRDT_ROOTS + 1; t < d->n_types; t++) {
            if (d->types[t].used)
                wf_crdt__tree_drop(d, t);
        }
    }
    rc = integrate_all(&a);
    if (rc == 0)
        rc = keep_rest(&a, out_retry);
    wf_free(a.order);
    wf_free(a.stack);
    wf_free(a.missing.at);
    wf_free(a.rests);
    return rc == 0 ? apply_deletes(d, p) : rc;
}

/* What waited, once more, in the same transaction. */
static int apply_pending(struct wf_crdt *d)
{
    struct wf_crdt_parsed p;
    struct wf_buf waiting;
    bool retry = false;
    int rc;

    do {
        waiting = d->pending;
        wf_buf_init(&d->pending, WF_LIMIT_CRDT_BYTES);
        d->missing.n = 0;
        retry = false;
        rc = wf_crdt__parse(d, wf_buf_str(&waiting), WF_CRDT_V2, true, &p, NULL);
        if (rc == 0) {
            rc = apply_parsed(d, &p, &retry);
            wf_crdt__parsed_deinit(d, &p);
        }
        wf_buf_deinit(&waiting);
    } while (rc == 0 && retry);
    return rc;
}

int wf_crdt_apply(struct wf_crdt *d, struct wf_str update, enum wf_crdt_format format,
                  struct wf_err *err)
{
    struct wf_crdt_parsed p;
    bool retry = false;
    int rc, rc2;

    if (d->broken)
        return wf_err_set(err, WF_E_NOMEM, "This draft ran out of memory; load it again.");
    if (d->depth > 0)
        return wf_err_set(err, WF_E_BUSY, "An update cannot be applied within a transaction.");
    rc = wf_crdt__parse(d, update, format, false, &p, err);
    if (rc != 0)
        return rc;
    d->passed_left = WF_LIMIT_CRDT_PASSED;
    rc = wf_crdt__begin_remote(d);
    if (rc == 0)
        rc = apply_parsed(d, &p, &retry);
    wf_crdt__parsed_deinit(d, &p);
    if (rc == 0 && retry)
        rc = apply_pending(d);
    if (rc != 0)
        (void)wf_crdt__break(d);
    rc2 = wf_crdt_commit(d);
    if ((rc != 0 || rc2 != 0) && d->passed_left == 0)
        return wf_err_set(err, WF_E_LIMIT, "This update inserts too much at one place at once.");
    if (rc != 0 || rc2 != 0)
        return wf_err_set(err, WF_E_NOMEM, "There is not enough memory for this draft.");
    return 0;
}

int wf_crdt_encode(struct wf_crdt *d, struct wf_str state_vector, enum wf_crdt_format format,
                   struct wf_buf *out)
{
    struct wf_crdt_ranges known = {0};
    struct wf_str updates[3];
    struct wf_buf state, deletes, structs;
    size_t n = 1;
    int rc = d->broken ? WF_E_NOMEM : wf_crdt__parse_vector(d, state_vector, &known);

    if (rc != 0 || !wf_crdt_pending(d)) {
        if (rc == 0)
            rc = wf_crdt__write_state(d, &known, format, out);
        wf_free(known.at);
        return rc;
    }
    wf_buf_init(&state, WF_LIMIT_CRDT_BYTES);
    wf_buf_init(&deletes, WF_LIMIT_CRDT_BYTES);
    wf_buf_init(&structs, WF_LIMIT_CRDT_BYTES);
    rc = wf_crdt__write_state(d, &known, format, &state);
    updates[0] = wf_buf_str(&state);
    if (rc == 0 && d->pending_deletes.len > 0) {
        rc = wf_crdt_convert(wf_buf_str(&d->pending_deletes), WF_CRDT_V2, format, &deletes);
        updates[n++] = wf_buf_str(&deletes);
    }
    if (rc == 0 && d->pending.len > 0) {
        struct wf_buf diff;
        wf_buf_init(&diff, WF_LIMIT_CRDT_BYTES);
        rc = wf_crdt_diff(wf_buf_str(&d->pending), state_vector, WF_CRDT_V2, &diff);
        if (rc == 0)
            rc = wf_crdt_convert(wf_buf_str(&diff), WF_CRDT_V2, format, &structs);
        wf_buf_deinit(&diff);
        updates[n++] = wf_buf_str(&structs);
    }
    if (rc == 0)
        rc = wf_crdt_merge(updates, n, format, out);
    wf_buf_deinit(&state);
    wf_buf_deinit(&deletes);
    wf_buf_deinit(&structs);
    wf_free(known.at);
    return rc;
}

int wf_crdt_state_vector(const struct wf_crdt *d, struct wf_buf *out)
{
    return wf_crdt__write_vector(d, out);
}
