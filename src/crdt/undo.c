/* SPDX-License-Identifier: Apache-2.0 */
/* Undo managers: steps are captured when transactions end, kept, and dropped. How a step is done
 * backwards: undo_redo.c. */
#include "crdt/undo.h"

#include "base/alloc.h"
#include "crdt/undo_internal.h"
#include "crdt/update_internal.h"

/* ---- what is watched ---- */

static bool watches_type(const struct wf_crdt_undo *u, uint32_t type)
{
    const struct wf_crdt *d = u->d;

    if (u->n_scope == 0)
        return true;
    for (;;) {
        for (size_t i = 0; i < u->n_scope; i++) {
            if (u->scope[i] == wf_crdt__type_number(d, type))
                return true;
        }
        if (d->types[type].item == 0)
            return false;
        type = wf_crdt__item(d, d->types[type].item)->parent;
        if (type == 0)
            return false; /* it was collected */
    }
}

bool wf_crdt__undo_watches(const struct wf_crdt_undo *u, const struct wf_crdt_item *it)
{
    return it->parent != 0 && watches_type(u, it->parent);
}

bool wf_crdt__ranges_have(const struct wf_crdt_ranges *r, uint32_t client, uint32_t clock)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->at[i].client == client && clock >= r->at[i].clock &&
            clock - r->at[i].clock < r->at[i].len)
            return true;
    }
    return false;
}

void wf_crdt__keep(struct wf_crdt *d, uint32_t i, bool keep)
{
    while (i != 0) {
        struct wf_crdt_item *it = wf_crdt__item(d, i);
        if (((it->flags & WF_CRDT_F_KEEP) != 0) == keep)
            return;
        it->flags = (uint8_t)(keep ? it->flags | WF_CRDT_F_KEEP : it->flags & ~WF_CRDT_F_KEEP);
        i = it->parent == 0 ? 0 : d->types[it->parent].item;
    }
}

int wf_crdt__range_next(struct wf_crdt *d, const struct wf_crdt_range *r, uint32_t *io_clock,
                        uint32_t *out)
{
    uint32_t end = r->clock + r->len, rest;
    const struct wf_crdt_item *it;

    *out = 0;
    if (*io_clock >= end || *io_clock >= d->clients[r->client].next)
        return 0;
    if (wf_crdt__clean_start(d, r->client, *io_clock, out) != 0)
        return WF_E_NOMEM;
    it = wf_crdt__item(d, *out);
    if (it->kind != WF_CRDT_GC && it->clock + it->len > end &&
        wf_crdt__clean_start(d, r->client, end, &rest) != 0)
        return WF_E_NOMEM;
    *io_clock = it->clock + it->len;
    return 0;
}

/* ---- steps ---- */

static void step_deinit(struct wf_crdt_step *s)
{
    wf_free(s->inserted.at);
    wf_free(s->deleted.at);
    *s = (struct wf_crdt_step){0};
}

/* Marks what a step deleted as kept, or not. */
static int keep_deleted(struct wf_crdt_undo *u, const struct wf_crdt_ranges *r, bool keep)
{
    for (size_t k = 0; k < r->n; k++) {
        uint32_t clock = r->at[k].clock, i;
        for (;;) {
            if (wf_crdt__range_next(u->d, &r->at[k], &clock, &i) != 0)
                return WF_E_NOMEM;
            if (i == 0)
                break;
            if (wf_crdt__undo_watches(u, wf_crdt__item(u->d, i)))
                wf_crdt__keep(u->d, i, keep);
        }
    }
    return 0;
}

/* Forgets all steps; within a transaction, for items may be cut. */
static int steps_clear(struct wf_crdt_undo *u, struct wf_crdt_steps *s)
{
    int rc = 0;

    for (size_t i = 0; i < s->n; i++) {
        if (rc == 0)
            rc = keep_deleted(u, &s->at[i].deleted, false);
        step_deinit(&s->at[i]);
    }
    s->n = 0;
    return rc;
}

static int ranges_append(struct wf_crdt *d, struct wf_crdt_ranges *to,
                         const struct wf_crdt_ranges *from)
{
    for (size_t i = 0; i < from->n; i++) {
        if (wf_crdt__ranges_add(to, from->at[i].client, from->at[i].clock, from->at[i].len) != 0)
            return WF_E_NOMEM;
    }
    wf_crdt__ranges_sort(d, to);
    return 0;
}

/* What the transaction did is added to the last step, or to a new one. */
static int capture(struct wf_crdt_undo *u, struct wf_crdt_txn *t, struct wf_crdt_steps *steps,
                   bool joins)
{
    struct wf_crdt_ranges inserted = {0};
    struct wf_crdt *d = u->d;
    int rc = 0;

    for (size_t i = 0; i < t->n_touched && rc == 0; i++) {
        const struct wf_crdt_client *c = &d->clients[t->touched[i]];
        if (c->next > c->before)
            rc = wf_crdt__ranges_add(&inserted, t->touched[i], c->before, c->next - c->before);
    }
    if (rc == 0 && !joins) {
        rc = wf_reserve(&steps->at, &steps->cap, steps->n + 1, sizeof(*steps->at));
        if (rc == 0)
            steps->at[steps->n++] = (struct wf_crdt_step){0};
    }
    if (rc == 0)
        rc = ranges_append(d, &steps->at[steps->n - 1].inserted, &inserted);
    if (rc == 0)
        rc = ranges_append(d, &steps->at[steps->n - 1].deleted, &t->deleted);
    wf_free(inserted.at);
    return rc != 0 ? rc : keep_deleted(u, &t->deleted, true);
}

/* True when the transaction changed what is watched, in a type that still is. */
static bool concerns(const struct wf_crdt_undo *u, const struct wf_crdt_txn *t)
{
    if (u->n_scope == 0)
        return true;
    for (size_t i = 0; i < t->n_changed; i++) {
        const struct wf_crdt_type *type = &u->d->types[t->changed[i]];
        if (type->used && (type->item == 0 || !wf_crdt__deleted(wf_crdt__item(u->d, type->item))) &&
            watches_type(u, t->changed[i]))
            return true;
    }
    return false;
}

static int note(struct wf_crdt_undo *u, struct wf_crdt_txn *t)
{
    struct wf_crdt_steps *steps = u->undoing ? &u->redo : &u->undo;
    bool is_own = u->undoing || u->redoing, joins;
    int64_t now;
    int rc = 0;

    if (t->remote || (t->by_undo != NULL ? t->by_undo != u : u->paused) || !concerns(u, t))
        return 0;
    if (u->undoing)
        u->last_ns = 0;
    else if (!u->redoing)
        rc = steps_clear(u, &u->redo);
    now = wf_clock_mono_ns(u->clock);
    joins = u->last_ns > 0 && now - u->last_ns < (int64_t)u->capture_ms * 1000000 && steps->n > 0 &&
            !is_own;
    if (rc == 0)
        rc = capture(u, t, steps, joins);
    if (!is_own)
        u->last_ns = now;
    return rc;
}

int wf_crdt__undo_note(struct wf_crdt *d, struct wf_crdt_txn *t)
{
    int rc = 0;

    for (struct wf_crdt_undo *u = d->undo; u != NULL && rc == 0; u = u->next)
        rc = note(u, t);
    return rc;
}

/* ---- managers ---- */

int wf_crdt_undo_new(struct wf_crdt *d, const struct wf_crdt_undo_options *options,
                     struct wf_crdt_undo **out)
{
    struct wf_crdt_undo *u;
    uint32_t index;

    for (size_t i = 0; i < options->n_types; i++) {
        if (wf_crdt__type(d, options->types[i], &index) == NULL)
            return WF_E_NOENT;
    }
    u = wf_alloc_array(1, sizeof(*u));
    if (u == NULL)
        return WF_E_NOMEM;
    u->scope = wf_alloc_array(options->n_types + 1, sizeof(*u->scope));
    if (u->scope == NULL) {
        wf_free(u);
        return WF_E_NOMEM;
    }
    for (size_t i = 0; i < options->n_types; i++)
        u->scope[i] = options->types[i];
    u->n_scope = options->n_types;
    u->capture_ms = options->capture_ms;
    u->clock = options->clock;
    u->d = d;
    u->next = d->undo;
    d->undo = u;
    *out = u;
    return 0;
}

static void steps_deinit(struct wf_crdt_steps *s)
{
    for (size_t i = 0; i < s->n; i++)
        step_deinit(&s->at[i]);
    wf_free(s->at);
}

void wf_crdt_undo_free(struct wf_crdt_undo *u)
{
    struct wf_crdt_undo **at;

    if (u == NULL)
        return;
    for (at = &u->d->undo; *at != u; at = &(*at)->next)
        continue;
    *at = u->next;
    steps_deinit(&u->undo);
    steps_deinit(&u->redo);
    wf_free(u->scope);
    wf_free(u);
}

void wf_crdt_undo_stop(struct wf_crdt_undo *u)
{
    u->last_ns = 0;
}

void wf_crdt_undo_pause(struct wf_crdt_undo *u, bool paused)
{
    u->paused = paused;
}

size_t wf_crdt_undo_depth(const struct wf_crdt_undo *u)
{
    return u->undo.n;
}

size_t wf_crdt_redo_depth(const struct wf_crdt_undo *u)
{
    return u->redo.n;
}

int wf_crdt_undo_clear(struct wf_crdt_undo *u)
{
    int rc, rc2;

    if (u->d->depth > 0)
        return WF_E_BUSY;
    rc = wf_crdt_begin(u->d);
    if (rc != 0)
        return rc;
    rc = steps_clear(u, &u->undo);
    if (rc == 0)
        rc = steps_clear(u, &u->redo);
    if (rc != 0)
        (void)wf_crdt__break(u->d);
    rc2 = wf_crdt_commit(u->d);
    return rc != 0 ? rc : rc2;
}

/* Takes steps off until one changes something. */
static int pop(struct wf_crdt_undo *u, struct wf_crdt_steps *steps, bool *out_did)
{
    struct wf_crdt *d = u->d;
    bool did = false;
    int rc, rc2;

    if (d->depth > 0)
        return WF_E_BUSY;
    rc = wf_crdt_begin(d);
    if (rc != 0)
        return rc;
    d->txn->by_undo = u;
    while (rc == 0 && !did && steps->n > 0) {
        struct wf_crdt_step step = steps->at[--steps->n];
        rc = wf_crdt__step_back(u, &step, &did);
        step_deinit(&step);
    }
    if (rc != 0)
        (void)wf_crdt__break(d);
    rc2 = wf_crdt_commit(d);
    if (out_did != NULL)
        *out_did = did;
    return rc != 0 ? rc : rc2;
}

int wf_crdt_undo(struct wf_crdt_undo *u, bool *out_did)
{
    int rc;

    u->undoing = true;
    rc = pop(u, &u->undo, out_did);
    u->undoing = false;
    return rc;
}

int wf_crdt_redo(struct wf_crdt_undo *u, bool *out_did)
{
    int rc;

    u->redoing = true;
    rc = pop(u, &u->redo, out_did);
    u->redoing = false;
    return rc;
}
