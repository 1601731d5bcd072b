/* SPDX-License-Identifier: Apache-2.0 */
/* What a record shows, and what this device writes next given what it shows. */
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "crdt/record_internal.h"

bool wf_record_is_empty(const struct wf_record *r)
{
    return r->_n == 0 && r->gone.hlc == 0;
}

bool wf_record_is_live(const struct wf_record *r)
{
    for (size_t i = 0; i < r->_n; i++)
        if (wf_record__is_seen(&r->_cells[i]))
            return true;
    return false;
}

uint8_t wf_record_label(const struct wf_record *r)
{
    uint8_t label = 0;

    for (size_t i = 0; i < r->_n; i++)
        label = WF_MAX(label, r->_cells[i].label);
    return label;
}

uint8_t wf_record_floor(const struct wf_record *r)
{
    /* It has no field, which comes before all others. */
    return r->_n > 0 && r->_cells[0].kind == WF_CELL_LABEL ? r->_cells[0].label : 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a == 0 || (b > 0 && b < a) ? b : a;
}

uint64_t wf_record_unsettled(const struct wf_record *r)
{
    uint64_t hlc = r->gone.hlc;

    for (size_t i = 0; i < r->_n; i++) {
        const struct wf_record_cell *c = &r->_cells[i];
        if (c->kind == WF_CELL_VALUE && c->value.len == 0)
            hlc = least(hlc, c->at.hlc);
        if (c->taken > 0)
            hlc = least(hlc, c->taken_at.hlc);
    }
    return hlc;
}

static bool is_at(const struct wf_stamp *a, const struct wf_stamp *b)
{
    return a->hlc == b->hlc && memcmp(a->device, b->device, sizeof(a->device)) == 0;
}

bool wf_record_holds(const struct wf_record *r, const struct wf_stamp *at)
{
    bool is = is_at(&r->gone, at);

    for (size_t i = 0; i < r->_n && !is; i++)
        is = is_at(&r->_cells[i].at, at) || is_at(&r->_cells[i].taken_at, at);
    return is;
}

size_t wf_record_bytes(const struct wf_record *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->_n; i++)
        n += r->_cells[i].field.len + r->_cells[i].value.len;
    return n;
}

uint64_t wf_record_field_hlc(const struct wf_record *r, struct wf_str field)
{
    uint64_t hlc = r->gone.hlc;

    for (size_t i = 0; i < r->_n; i++) {
        const struct wf_record_cell *c = &r->_cells[i];
        if (c->kind == WF_CELL_LABEL || !wf_str_eq(c->field, field))
            continue;
        hlc = WF_MAX(hlc, WF_MAX(c->at.hlc, c->taken_at.hlc));
    }
    return hlc;
}

/* ---- as JSON ---- */

static json_t *parse(struct wf_str value)
{
    return wf_json_load(value, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
}

/* Sums cells first .. end - 1 of a counter; what is too large stays at the border. */
static json_t *counter_json(const struct wf_record *r, size_t first, size_t end)
{
    int64_t sum = 0; /* totals have 53 bits, and there are fewer devices than 2^10 */

    for (size_t i = first; i < end; i++) {
        int64_t next = sum + r->_cells[i].total;
        sum = WF_MAX(-WF_RECORD_TOTAL_MAX, WF_MIN(next, WF_RECORD_TOTAL_MAX));
    }
    return json_integer(sum);
}

static json_t *set_json(const struct wf_record *r, size_t first, size_t end)
{
    json_t *a = json_array();
    struct wf_str before = {NULL, 0};

    for (size_t i = first; a != NULL && i < end; i++) {
        const struct wf_record_cell *c = &r->_cells[i];
        if (!wf_record__is_seen(c) || (before.ptr != NULL && wf_str_eq(before, c->value)))
            continue; /* another device has added it, too */
        before = c->value;
        if (json_array_append_new(a, parse(c->value)) != 0) {
            json_decref(a);
            return NULL;
        }
    }
    return a;
}

/* The cells of one field and kind from `first` on: where they end, the last write of those that
 * are seen. */
static size_t group(const struct wf_record *r, size_t first, struct wf_stamp *out_last)
{
    size_t i = first;

    memset(out_last, 0, sizeof(*out_last));
    while (i < r->_n && r->_cells[i].kind == r->_cells[first].kind &&
           wf_str_eq(r->_cells[i].field, r->_cells[first].field)) {
        const struct wf_record_cell *c = &r->_cells[i++];
        if (wf_record__is_seen(c) && wf_stamp_cmp(&c->at, out_last) > 0)
            *out_last = c->at;
    }
    return i;
}

/* Puts the field of cell `first` into `o`; *out_end is the next field. 0 or -1. */
static int put_field(const struct wf_record *r, size_t first, json_t *o, size_t *out_end)
{
    struct wf_str field = r->_cells[first].field;
    struct wf_stamp best = {.hlc = 0}, last;
    size_t from = SIZE_MAX, to = 0, i = first;
    json_t *v = NULL;

    while (i < r->_n && wf_str_eq(r->_cells[i].field, field)) {
        size_t end = group(r, i, &last);
        if (wf_stamp_cmp(&last, &best) > 0) {
            best = last;
            from = i;
            to = end;
        }
        i = end;
    }
    *out_end = i;
    if (from == SIZE_MAX)
        return 0;
    switch (r->_cells[from].kind) {
    case WF_CELL_VALUE:
        v = parse(r->_cells[from].value);
        break;
    case WF_CELL_COUNT:
        v = counter_json(r, from, to);
        break;
    case WF_CELL_MEMBER:
        v = set_json(r, from, to);
        break;
    case WF_CELL_LABEL:
    case WF_CELL_COUNT_KINDS:
        break;
    }
    return json_object_setn_new(o, field.ptr, field.len, v);
}

json_t *wf_record_json(const struct wf_record *r)
{
    json_t *o = json_object();
    size_t i = 0;

    while (o != NULL && i < r->_n) {
        if (r->_cells[i].kind == WF_CELL_LABEL) {
            i++;
        } else if (put_field(r, i, o, &i) != 0) {
            json_decref(o);
            return NULL;
        }
    }
    return o;
}

/* ---- what to write ---- */

int wf_record_count_op(const struct wf_record *r, const uint8_t device[WF_SIGNER_ID_BYTES],
                       struct wf_str field, int64_t by, struct wf_record_op *out,
                       struct wf_err *err)
{
    struct wf_record_cell place = {.kind = WF_CELL_COUNT, .field = field};
    int64_t total = 0;
    size_t i;

    memcpy(place.at.device, device, WF_SIGNER_ID_BYTES);
    i = wf_record__find(r, &place);
    if (i < r->_n && wf_record__place_cmp(&r->_cells[i], &place) == 0)
        total = r->_cells[i].total;
    if (by < -WF_RECORD_TOTAL_MAX || by > WF_RECORD_TOTAL_MAX ||
        total + by < -WF_RECORD_TOTAL_MAX || total + by > WF_RECORD_TOTAL_MAX)
        return wf_err_set(err, WF_E_RANGE, "The counter \"%.*s\" cannot become that large.",
                          WF_STR_ARG(wf_str_sub(field, 0, 60)));
    *out = (struct wf_record_op){.kind = WF_RECORD_COUNT, .field = field, .total = total + by};
    return 0;
}

int wf_record_take_op(const struct wf_record *r, struct wf_str field, struct wf_str value,
                      struct wf_buf *dots, struct wf_record_op *out, struct wf_err *err)
{
    const struct wf_record_cell place = {.kind = WF_CELL_MEMBER, .field = field, .value = value};
    size_t from = dots->len, n = 0;

    for (size_t i = wf_record__find(r, &place); i < r->_n; i++) {
        const struct wf_record_cell *c = &r->_cells[i];
        if (c->kind != WF_CELL_MEMBER || !wf_str_eq(c->field, field) || !wf_str_eq(c->value, value))
            break;
        if (!wf_record__is_seen(c))
            continue;
        wf_buf_append(dots, c->at.device, WF_SIGNER_ID_BYTES);
        wf_buf_append_u64le(dots, c->at.hlc);
        n++;
    }
    if (wf_buf_status(dots) != 0)
        return wf_err_set(err, wf_buf_status(dots), "Out of memory (a record's set).");
    if (n == 0)
        return wf_err_set(err, WF_E_NOENT, "The set \"%.*s\" does not hold that value.",
                          WF_STR_ARG(wf_str_sub(field, 0, 60)));
    if (n > WF_LIMIT_CHANGE_DOTS)
        return wf_err_set(err, WF_E_LIMIT, "Too many devices have added that value.");
    *out = (struct wf_record_op){.kind = WF_RECORD_TAKE,
                                 .field = field,
                                 .value = value,
                                 .dots = wf_str_sub(wf_buf_str(dots), from, dots->len)};
    return 0;
}
