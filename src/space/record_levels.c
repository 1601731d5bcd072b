/* SPDX-License-Identifier: Apache-2.0 */
/* A record as devices of each clearance have it.
 *
 * A device has those writes that it may see. What a write above its clearance has ended elsewhere
 * is still there for it: so who knows of a record, up to which of its fields, is told by no single
 * state, nor by what happens to be left of one. For each label there is the join of all writes up
 * to it, each a record of its own (crdt/record.h), which becomes final by itself: all of it follows
 * from the writes alone, whatever came in which order, and on whatever device.
 *
 * Those of neighbouring labels that are the same are kept once; mostly there is one. The highest,
 * which is what this device shows, is a row's state; those below it are its column under: from 1,
 * state n, bytes; and so on, rising; then from 1 of the highest. Empty: there is but the highest,
 * from the row's lowest label on. */
#include <string.h>

#include "crdt/lib0.h"
#include "space/record_internal.h"

void wf_record__levels_init(struct wf_record_levels *l)
{
    memset(l, 0, sizeof(*l));
}

void wf_record__levels_deinit(struct wf_record_levels *l)
{
    for (size_t i = 0; i < l->n; i++)
        wf_record_deinit(&l->views[i].record);
    memset(l, 0, sizeof(*l));
}

const struct wf_record *wf_record__top(const struct wf_record_levels *l)
{
    return l->n > 0 ? &l->views[l->n - 1].record : &l->none;
}

bool wf_record__levels_empty(const struct wf_record_levels *l)
{
    bool is = true;

    for (size_t i = 0; i < l->n; i++)
        is = is && wf_record_is_empty(&l->views[i].record);
    return is;
}

uint8_t wf_record__least(const struct wf_record_levels *l)
{
    size_t i = 0;

    while (i < l->n && !wf_record_is_live(&l->views[i].record))
        i++;
    i = i < l->n ? i : 0; /* what is deleted everywhere: who is to hear of it */
    return l->n > 0 ? l->views[i].from : 0;
}

uint64_t wf_record__levels_unsettled(const struct wf_record_levels *l)
{
    uint64_t least = 0;

    for (size_t i = 0; i < l->n; i++) {
        uint64_t hlc = wf_record_unsettled(&l->views[i].record);
        least = hlc > 0 && (least == 0 || hlc < least) ? hlc : least;
    }
    return least;
}

bool wf_record__levels_hold(const struct wf_record_levels *l, const struct wf_stamp *at)
{
    bool is = false;

    for (size_t i = 0; i < l->n && !is; i++)
        is = wf_record_holds(&l->views[i].record, at);
    return is;
}

/* ---- writing into them ---- */

/* The view that begins at that label; it is made, as what it was a part of. */
static int begin_at(struct wf_record_levels *l, uint8_t label, size_t *out, struct wf_err *err)
{
    struct wf_record_view v = {.from = label};
    size_t i = 0;
    int rc = 0;

    while (i < l->n && l->views[i].from < label)
        i++;
    *out = i;
    if (i < l->n && l->views[i].from == label)
        return 0;
    wf_record_init(&v.record);
    if (i > 0)
        rc = wf_record_merge(&v.record, &l->views[i - 1].record, err);
    if (rc != 0) {
        wf_record_deinit(&v.record);
        return rc;
    }
    memmove(&l->views[i + 1], &l->views[i], (l->n - i) * sizeof(v));
    l->views[i] = v;
    l->n++; /* one a label at most */
    return 0;
}

int wf_record__levels_apply(struct wf_record_levels *l, const struct wf_change_item *item,
                            const struct wf_stamp *at, struct wf_err *err)
{
    size_t i = 0;
    int rc = begin_at(l, item->label, &i, err);

    for (; i < l->n && rc == 0; i++)
        rc = wf_record_apply(&l->views[i].record, item, at, err);
    return rc;
}

/* ---- as bytes ---- */

/* The bytes of a view, appended. */
static int append_view(const struct wf_record_view *v, struct wf_buf *out, struct wf_str *bytes)
{
    size_t at = out->len;
    int rc = wf_record_write(&v->record, false, out);

    *bytes = wf_str_n(out->ptr + at, out->len - at);
    return rc;
}

/* Drops what is as the one below it, and nothing below all others. */
static int join_same(struct wf_record_levels *l, struct wf_buf *room)
{
    size_t kept = 0;
    int rc = 0;

    for (size_t i = 0; i < l->n && rc == 0; i++) {
        struct wf_record_view *v = &l->views[i];
        struct wf_str a = {0}, b = {0};
        bool is_same = kept == 0 && wf_record_is_empty(&v->record);
        if (kept > 0) {
            wf_buf_reset(room);
            rc = append_view(&l->views[kept - 1], room, &a);
            if (rc == 0)
                rc = append_view(v, room, &b);
            is_same = rc == 0 && room->len == 2 * b.len && memcmp(room->ptr, b.ptr, b.len) == 0;
        }
        if (is_same)
            wf_record_deinit(&v->record);
        else if (kept++ != i) {
            l->views[kept - 1] = *v;
            wf_record_init(&v->record);
        }
    }
    l->n = rc == 0 ? kept : l->n;
    return rc;
}

int wf_record__levels_write(struct wf_record_levels *l, struct wf_buf *state, struct wf_buf *under)
{
    struct wf_str bytes;
    int rc = l->n > 1 ? join_same(l, under) : 0;

    wf_buf_reset(state);
    wf_buf_reset(under);
    for (size_t i = 0; i + 1 < l->n && rc == 0; i++) {
        wf_buf_reset(state);
        rc = append_view(&l->views[i], state, &bytes);
        (void)wf_buf_append_byte(under, (char)l->views[i].from);
        wf_lib0_append_bytes(under, bytes);
    }
    if (rc == 0 && l->n > 1)
        (void)wf_buf_append_byte(under, (char)l->views[l->n - 1].from);
    wf_buf_reset(state);
    if (rc == 0)
        rc = wf_record_write(wf_record__top(l), false, state);
    return rc == 0 ? wf_buf_status(under) : rc;
}

static int read_view(struct wf_record_levels *l, uint8_t from, struct wf_str state,
                     struct wf_err *err)
{
    struct wf_record_view *v = &l->views[l->n];

    if (from > WF_CHANGE_LABEL_MAX || (l->n > 0 && from <= l->views[l->n - 1].from))
        return wf_err_set(err, WF_E_CORRUPT, "The stored state of a record is damaged.");
    v->from = from;
    wf_record_init(&v->record);
    l->n++;
    return wf_record_read(&v->record, state, err);
}

int wf_record__levels_read(struct wf_record_levels *l, const struct wf_record_stored *s,
                           struct wf_err *err)
{
    struct wf_lib0_in in = wf_lib0_in(s->under.ptr, s->under.len);
    uint8_t from = s->least;
    int rc = 0;

    while (s->under.len > 0 && rc == 0) {
        from = wf_lib0_byte(&in);
        if (in.p == in.end && !in.bad)
            break;
        struct wf_str state = wf_lib0_bytes(&in);
        rc = in.bad ? wf_err_set(err, WF_E_CORRUPT, "The stored state of a record is damaged.")
                    : read_view(l, from, state, err);
    }
    return rc == 0 ? read_view(l, from, s->state, err) : rc;
}
