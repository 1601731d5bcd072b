/* SPDX-License-Identifier: Apache-2.0 */
/* A record's state as bytes, as the store keeps it:
 *
 *   version    1  1
 *   n_devices  n  then their ids, 32 each, rising: all that the state names
 *   deletion      hlc 8; device n (its index), where hlc is not 0
 *   n_cells    n
 *   cells         kind 1, label 1; field n, bytes; VALUE, MEMBER: value n, bytes;
 *                 hlc 8, device n (0 for a MEMBER without an add, whose device is its place's);
 *                 COUNT: total 8; MEMBER: taken 8, and where it is not 0: hlc 8, device n
 * in the order of their places. It comes from this device's own database: what is not so is damage.
 */
#include <string.h>

#include "base/alloc.h"
#include "crdt/lib0.h"
#include "crdt/record_internal.h"

#define VERSION 1

/* ---- writing ---- */

/* The devices of a state, sorted. */
struct devices {
    const uint8_t **ids;
    size_t n, room;
    bool failed;
};

static size_t find_device(const struct devices *d, const uint8_t *id)
{
    size_t low = 0, high = d->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (memcmp(d->ids[mid], id, WF_SIGNER_ID_BYTES) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void name_device(struct devices *d, const uint8_t *id)
{
    size_t i = find_device(d, id);

    if (i < d->n && memcmp(d->ids[i], id, WF_SIGNER_ID_BYTES) == 0)
        return;
    if (wf_reserve(&d->ids, &d->room, d->n + 1, sizeof(*d->ids)) != 0) {
        d->failed = true;
        return;
    }
    memmove(&d->ids[i + 1], &d->ids[i], (d->n - i) * sizeof(*d->ids));
    d->ids[i] = id;
    d->n++;
}

/* What is left of a cell when everything is settled; false: nothing. */
static bool keeps(const struct wf_record_cell *c, bool is_final)
{
    return !is_final || wf_record__is_seen(c) || c->kind == WF_CELL_LABEL;
}

static void append_stamp(struct wf_buf *out, const struct devices *d, const struct wf_stamp *at)
{
    wf_buf_append_u64le(out, at->hlc);
    if (at->hlc > 0)
        wf_lib0_append_uint(out, find_device(d, at->device));
}

static void append_cell(struct wf_buf *out, const struct devices *d, const struct wf_record_cell *c,
                        bool is_final)
{
    uint64_t taken = is_final ? 0 : c->taken;

    wf_buf_append_byte(out, (char)c->kind);
    wf_buf_append_byte(out, (char)c->label);
    wf_lib0_append_bytes(out, c->field);
    if (c->kind == WF_CELL_VALUE || c->kind == WF_CELL_MEMBER)
        wf_lib0_append_bytes(out, c->value);
    wf_buf_append_u64le(out, c->at.hlc);
    wf_lib0_append_uint(out, find_device(d, c->at.device));
    if (c->kind == WF_CELL_COUNT)
        wf_buf_append_u64le(out, (uint64_t)c->total);
    if (c->kind == WF_CELL_MEMBER) {
        wf_buf_append_u64le(out, taken);
        if (taken > 0)
            append_stamp(out, d, &c->taken_at);
    }
}

int wf_record_write(const struct wf_record *r, bool is_final, struct wf_buf *out)
{
    static const struct wf_stamp never;
    const struct wf_stamp *gone = is_final ? &never : &r->gone;
    struct devices d = {.n = 0};
    size_t n = 0;

    if (gone->hlc > 0)
        name_device(&d, gone->device);
    for (size_t i = 0; i < r->_n; i++) {
        const struct wf_record_cell *c = &r->_cells[i];
        if (!keeps(c, is_final))
            continue;
        n++;
        name_device(&d, c->at.device);
        if (c->taken > 0 && !is_final)
            name_device(&d, c->taken_at.device);
    }
    if (d.failed) {
        wf_free(d.ids);
        return WF_E_NOMEM;
    }
    wf_buf_append_byte(out, VERSION);
    wf_lib0_append_uint(out, d.n);
    for (size_t i = 0; i < d.n; i++)
        wf_buf_append(out, d.ids[i], WF_SIGNER_ID_BYTES);
    append_stamp(out, &d, gone);
    wf_lib0_append_uint(out, n);
    for (size_t i = 0; i < r->_n; i++)
        if (keeps(&r->_cells[i], is_final))
            append_cell(out, &d, &r->_cells[i], is_final);
    wf_free(d.ids);
    return wf_buf_status(out);
}

/* ---- reading ---- */

struct input {
    struct wf_lib0_in in;
    const uint8_t *ids;
    uint64_t n_ids;
};

static uint64_t u64(struct input *s)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < 8; i++)
        v |= (uint64_t)wf_lib0_byte(&s->in) << (8 * i);
    return v;
}

static void read_device(struct input *s, uint8_t out[WF_SIGNER_ID_BYTES])
{
    uint64_t i = wf_lib0_uint(&s->in);

    if (i < s->n_ids)
        memcpy(out, s->ids + i * WF_SIGNER_ID_BYTES, WF_SIGNER_ID_BYTES);
    else
        (void)wf_lib0_fail(&s->in);
}

static void read_stamp(struct input *s, struct wf_stamp *out)
{
    out->hlc = u64(s);
    if (out->hlc > 0)
        read_device(s, out->device);
}

static void read_cell(struct input *s, struct wf_record_cell *c)
{
    uint8_t kind = wf_lib0_byte(&s->in);

    *c = (struct wf_record_cell){.kind = (enum wf_record_cell_kind)kind};
    c->label = wf_lib0_byte(&s->in);
    if (kind >= WF_CELL_COUNT_KINDS || c->label > WF_CHANGE_LABEL_MAX)
        (void)wf_lib0_fail(&s->in);
    c->field = wf_lib0_bytes(&s->in);
    if (c->kind == WF_CELL_VALUE || c->kind == WF_CELL_MEMBER)
        c->value = wf_lib0_bytes(&s->in);
    c->at.hlc = u64(s);
    read_device(s, c->at.device);
    if (c->kind == WF_CELL_COUNT)
        c->total = (int64_t)u64(s);
    if (c->kind == WF_CELL_MEMBER) {
        c->taken = u64(s);
        if (c->taken > 0)
            read_stamp(s, &c->taken_at);
    }
    if (c->at.hlc == 0 && c->taken == 0)
        (void)wf_lib0_fail(&s->in);
    if (c->total < -WF_RECORD_TOTAL_MAX || c->total > WF_RECORD_TOTAL_MAX)
        (void)wf_lib0_fail(&s->in);
}

static int damaged(struct wf_err *err)
{
    return wf_err_set(err, WF_E_CORRUPT, "The stored state of a record is damaged.");
}

static int read_cells(struct wf_record *r, struct input *s, uint64_t n, struct wf_err *err)
{
    for (uint64_t i = 0; i < n; i++) {
        struct wf_record_cell c;
        read_cell(s, &c);
        if (s->in.bad || (i > 0 && wf_record__place_cmp(&r->_cells[i - 1], &c) >= 0))
            return damaged(err);
        if (wf_reserve(&r->_cells, &r->_room, r->_n + 1, sizeof(c)) != 0)
            return wf_err_set(err, WF_E_NOMEM, "Out of memory (a record).");
        r->_cells[r->_n++] = c;
    }
    return !s->in.bad && s->in.p == s->in.end ? 0 : damaged(err);
}

int wf_record_read(struct wf_record *r, struct wf_str state, struct wf_err *err)
{
    struct input s = {.in = wf_lib0_in(state.ptr, state.len)};
    uint8_t version = wf_lib0_byte(&s.in);

    s.n_ids = wf_lib0_uint(&s.in);
    if (s.in.bad || version != VERSION ||
        s.n_ids > (uint64_t)(s.in.end - s.in.p) / WF_SIGNER_ID_BYTES)
        return damaged(err);
    s.ids = s.in.p;
    s.in.p += s.n_ids * WF_SIGNER_ID_BYTES;
    for (uint64_t i = 1; i < s.n_ids; i++)
        if (memcmp(s.ids + (i - 1) * WF_SIGNER_ID_BYTES, s.ids + i * WF_SIGNER_ID_BYTES,
                   WF_SIGNER_ID_BYTES) >= 0)
            return damaged(err);
    read_stamp(&s, &r->gone);
    return read_cells(r, &s, wf_lib0_uint(&s.in), err);
}
