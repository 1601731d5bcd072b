/* SPDX-License-Identifier: Apache-2.0 */
/* Joining: cells lie sorted by their place in one array; a change's ops become cells, which are put
 * in or joined with those that are there.
 *
 * That the order of joins does not matter rests on three things:
 *  (1) what a cell keeps of two writes is the greater in a total order (time, device, then bytes,
 * so that even a device that signs two things at one time splits nobody); (2) what ends a cell (a
 * deletion, a value over counts and members) has a time that only grows, and a cell is dropped
 * exactly when it is older: whether it came before or after; (3) a part of a cell that is dropped
 * takes with it all that says something about that part alone. tests/unit/test_record_crdt.c plays
 * random histories in random orders against this. */
#include "crdt/record_internal.h"

#include <string.h>

#include "base/alloc.h"

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (a record).");
}

int wf_stamp_cmp(const struct wf_stamp *a, const struct wf_stamp *b)
{
    if (a->hlc != b->hlc)
        return a->hlc < b->hlc ? -1 : 1;
    return a->hlc == 0 ? 0 : memcmp(a->device, b->device, sizeof(a->device));
}

void wf_record_init(struct wf_record *r)
{
    memset(r, 0, sizeof(*r));
}

void wf_record_deinit(struct wf_record *r)
{
    wf_free(r->_cells);
    memset(r, 0, sizeof(*r));
}

/* ---- places ---- */

int wf_record__place_cmp(const struct wf_record_cell *a, const struct wf_record_cell *b)
{
    int c = wf_str_cmp(a->field, b->field);

    if (c == 0)
        c = (int)a->kind - (int)b->kind;
    if (c == 0 && a->kind == WF_CELL_MEMBER)
        c = wf_str_cmp(a->value, b->value);
    if (c == 0 && (a->kind == WF_CELL_MEMBER || a->kind == WF_CELL_COUNT))
        c = memcmp(a->at.device, b->at.device, sizeof(a->at.device));
    return c;
}

size_t wf_record__find(const struct wf_record *r, const struct wf_record_cell *c)
{
    size_t low = 0, high = r->_n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (wf_record__place_cmp(&r->_cells[mid], c) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static int insert(struct wf_record *r, size_t i, const struct wf_record_cell *c, struct wf_err *err)
{
    if (wf_reserve(&r->_cells, &r->_room, r->_n + 1, sizeof(*c)) != 0)
        return no_memory(err);
    memmove(&r->_cells[i + 1], &r->_cells[i], (r->_n - i) * sizeof(*c));
    r->_cells[i] = *c;
    r->_n++;
    return 0;
}

/* ---- joining ---- */

/* The order of two writes of one place. */
static int write_cmp(const struct wf_record_cell *a, const struct wf_record_cell *b)
{
    int c = wf_stamp_cmp(&a->at, &b->at);

    if (c == 0)
        c = (int)a->label - (int)b->label;
    if (c == 0 && a->kind == WF_CELL_VALUE)
        c = wf_str_cmp(a->value, b->value);
    if (c == 0 && a->total != b->total)
        c = a->total < b->total ? -1 : 1;
    return c;
}

static void join(struct wf_record_cell *mine, const struct wf_record_cell *other)
{
    uint64_t taken = mine->taken;
    struct wf_stamp taken_at = mine->taken_at;

    if (other->taken > taken ||
        (other->taken == taken && wf_stamp_cmp(&other->taken_at, &taken_at) > 0)) {
        taken = other->taken;
        taken_at = other->taken_at;
    }
    if (write_cmp(mine, other) < 0)
        *mine = *other;
    mine->taken = taken;
    mine->taken_at = taken_at;
}

int wf_record__join(struct wf_record *r, const struct wf_record_cell *c, struct wf_err *err)
{
    size_t i = wf_record__find(r, c);

    if (i == r->_n || wf_record__place_cmp(&r->_cells[i], c) != 0)
        return insert(r, i, c, err);
    join(&r->_cells[i], c);
    return 0;
}

/* ---- what later writes end ---- */

bool wf_record__is_seen(const struct wf_record_cell *c)
{
    switch (c->kind) {
    case WF_CELL_VALUE:
        return c->value.len > 0;
    case WF_CELL_COUNT:
        return true;
    case WF_CELL_MEMBER:
        return c->at.hlc > 0;
    case WF_CELL_LABEL:
    case WF_CELL_COUNT_KINDS:
        break;
    }
    return false;
}

/* Cuts off what is older than `end`; false: nothing is left of the cell. */
static bool outlives(struct wf_record_cell *c, const struct wf_stamp *end)
{
    struct wf_stamp taken = {.hlc = c->taken};

    if (c->kind != WF_CELL_MEMBER)
        return wf_stamp_cmp(&c->at, end) >= 0;
    memcpy(taken.device, c->at.device, sizeof(taken.device));
    if (wf_stamp_cmp(&taken, end) < 0) {
        c->taken = 0;
        memset(&c->taken_at, 0, sizeof(c->taken_at));
    }
    if (c->at.hlc <= c->taken || wf_stamp_cmp(&c->at, end) < 0) {
        c->at.hlc = 0; /* the device is part of the place and stays */
        c->label = 0;
    }
    return c->at.hlc > 0 || c->taken > 0;
}

void wf_record__tidy(struct wf_record *r)
{
    struct wf_stamp end = r->gone;
    size_t n = 0;

    for (size_t i = 0; i < r->_n; i++) {
        struct wf_record_cell *c = &r->_cells[i];
        if (i == 0 || !wf_str_eq(r->_cells[n > 0 ? n - 1 : 0].field, c->field))
            end = r->gone;
        if (!outlives(c, &end))
            continue;
        if (c->kind == WF_CELL_VALUE) /* the first of its field: LABEL has none */
            end = c->at;
        r->_cells[n++] = *c;
    }
    r->_n = n;
}

/* ---- changes as cells ---- */

static int join_take(struct wf_record *r, const struct wf_record_op *op, const struct wf_stamp *at,
                     struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < op->dots.len; i += WF_CHANGE_DOT_BYTES) {
        const uint8_t *dot = (const uint8_t *)op->dots.ptr + i;
        struct wf_record_cell c = {
            .kind = WF_CELL_MEMBER, .field = op->field, .value = op->value, .taken_at = *at};
        memcpy(c.at.device, dot, WF_SIGNER_ID_BYTES);
        for (unsigned k = 0; k < 8; k++)
            c.taken |= (uint64_t)dot[WF_SIGNER_ID_BYTES + k] << (8 * k);
        rc = wf_record__join(r, &c, err);
    }
    return rc;
}

static int join_op(struct wf_record *r, const struct wf_change_item *item,
                   const struct wf_record_op *op, const struct wf_stamp *at, struct wf_err *err)
{
    struct wf_record_cell c = {.field = op->field, .label = item->label, .at = *at};

    switch (op->kind) {
    case WF_RECORD_DELETE:
        if (wf_stamp_cmp(at, &r->gone) > 0)
            r->gone = *at;
        return 0;
    case WF_RECORD_LABEL:
        c.kind = WF_CELL_LABEL;
        c.label = op->label;
        break;
    case WF_RECORD_SET:
    case WF_RECORD_UNSET:
        c.kind = WF_CELL_VALUE;
        c.value = op->value;
        c.label = op->kind == WF_RECORD_SET ? c.label : 0;
        break;
    case WF_RECORD_COUNT:
        c.kind = WF_CELL_COUNT;
        c.total = op->total;
        break;
    case WF_RECORD_ADD:
        c.kind = WF_CELL_MEMBER;
        c.value = op->value;
        break;
    case WF_RECORD_TAKE:
    case WF_RECORD_KIND_COUNT:
        return join_take(r, op, at, err);
    }
    return wf_record__join(r, &c, err);
}

int wf_record_apply(struct wf_record *r, const struct wf_change_item *item,
                    const struct wf_stamp *at, struct wf_err *err)
{
    struct wf_record_op op;
    size_t i = 0;
    int rc = 0;

    while (rc == 0 && wf_change_op_next(item, &i, &op))
        rc = join_op(r, item, &op, at, err);
    wf_record__tidy(r);
    return rc;
}

int wf_record_merge(struct wf_record *r, const struct wf_record *other, struct wf_err *err)
{
    int rc = 0;

    if (wf_stamp_cmp(&other->gone, &r->gone) > 0)
        r->gone = other->gone;
    for (size_t i = 0; rc == 0 && i < other->_n; i++)
        rc = wf_record__join(r, &other->_cells[i], err);
    wf_record__tidy(r);
    return rc;
}

bool wf_record_settle(struct wf_record *r, bool (*is_stable)(void *ud, const struct wf_stamp *at),
                      void *ud)
{
    bool changed = false;
    size_t n = 0;

    if (r->gone.hlc > 0 && is_stable(ud, &r->gone)) {
        memset(&r->gone, 0, sizeof(r->gone));
        changed = true;
    }
    for (size_t i = 0; i < r->_n; i++) {
        struct wf_record_cell *c = &r->_cells[i];
        bool drop = false;
        if (c->kind == WF_CELL_VALUE && c->value.len == 0) {
            drop = is_stable(ud, &c->at);
        } else if (c->taken > 0 && is_stable(ud, &c->taken_at)) {
            c->taken = 0;
            memset(&c->taken_at, 0, sizeof(c->taken_at));
            drop = c->at.hlc == 0;
            changed = true;
        }
        changed = changed || drop;
        if (!drop)
            r->_cells[n++] = *c;
    }
    r->_n = n;
    return changed;
}
