/* SPDX-License-Identifier: Apache-2.0 */
/* Frames between core and airlock: writing and reading them. */
#include "route/airlock_frame.h"

#include <string.h>

#define MESSAGE_BYTES WF_ERR_MSG_MAX

/* ---- writing ---- */

static void put_u16(struct wf_buf *out, size_t v)
{
    (void)wf_buf_append_byte(out, (char)(v & 0xff)); /* the end tells */
    (void)wf_buf_append_byte(out, (char)(v >> 8 & 0xff));
}

/* A text with its length; false when it is too long. */
static bool put_text(struct wf_buf *out, struct wf_str s)
{
    put_u16(out, s.len);
    (void)wf_buf_append_str(out, s); /* the end tells */
    return s.len <= WF_AIRLOCK_TEXT_BYTES;
}

static bool put_counts(const struct wf_airlock_frame *f, struct wf_buf *out)
{
    bool fits = f->n_counts <= WF_AIRLOCK_COUNTS_MAX;

    (void)wf_buf_append_byte(out, (char)f->n_counts); /* the end tells, here and below */
    for (size_t i = 0; fits && i < f->n_counts; i++) {
        fits = put_text(out, f->counts[i].type);
        (void)wf_buf_append_u32le(out, f->counts[i].n);
    }
    return fits;
}

static bool put_release(const struct wf_airlock_frame *f, struct wf_buf *out)
{
    const struct wf_release *r = &f->release;
    bool fits = true;

    (void)wf_buf_append_byte(out, f->is_released ? 1 : 0); /* the end tells, here and below */
    if (!f->is_released)
        return true;
    (void)wf_buf_append_byte(out, (char)r->from);
    (void)wf_buf_append_u64le(out, (uint64_t)r->when_ms);
    (void)wf_buf_append(out, r->what, sizeof(r->what));
    fits = put_text(out, r->who) && fits;
    return put_text(out, r->reason) && fits;
}

static bool put_request(const struct wf_airlock_frame *f, struct wf_buf *out)
{
    bool fits = f->text.len <= WF_AIRLOCK_BODY_BYTES;

    (void)wf_buf_append_byte(out, (char)f->label); /* the end tells, here and below */
    (void)wf_buf_append_byte(out, f->streamed ? 1 : 0);
    fits = put_text(out, f->engine) && fits;
    fits = put_text(out, f->model) && fits;
    fits = put_text(out, f->request_id) && fits;
    fits = put_text(out, f->reason) && fits;
    fits = put_counts(f, out) && fits;
    fits = put_release(f, out) && fits;
    (void)wf_buf_append_str(out, f->text);
    return fits;
}

static bool put_report(const struct wf_airlock_frame *f, struct wf_buf *out)
{
    (void)wf_buf_append_u64le(out, f->tokens_in); /* the end tells, here and below */
    (void)wf_buf_append_u64le(out, f->tokens_out);
    (void)wf_buf_append_u64le(out, f->cost_micro);
    return put_counts(f, out) && f->n_counts <= WF_AIRLOCK_FLAGS_MAX;
}

static bool put_given(const struct wf_airlock_frame *f, struct wf_buf *out)
{
    bool fits = f->n_counts == 1;

    (void)wf_buf_append_byte(out, (char)f->label); /* the end tells, here and below */
    (void)wf_buf_append_u64le(out, f->seq);
    (void)wf_buf_append_u64le(out, f->bytes);
    (void)wf_buf_append(out, f->sealed, sizeof(f->sealed));
    fits = put_text(out, f->engine) && fits;
    fits = put_text(out, f->model) && fits;
    fits = put_text(out, f->request_id) && fits;
    fits = put_text(out, f->to) && fits;
    fits = put_text(out, f->reason) && fits;
    return put_counts(f, out) && fits;
}

int wf_airlock_frame_write(const struct wf_airlock_frame *f, struct wf_buf *out)
{
    bool fits = true;

    (void)wf_buf_append_byte(out, (char)f->kind); /* the end tells, here and below */
    (void)wf_buf_append_u64le(out, f->id);
    switch (f->kind) {
    case WF_AIRLOCK_REQUEST:
        fits = put_request(f, out);
        break;
    case WF_AIRLOCK_CANCEL:
        break;
    case WF_AIRLOCK_CREDIT:
        (void)wf_buf_append_u32le(out, f->number);
        break;
    case WF_AIRLOCK_REPORT:
        fits = put_report(f, out);
        break;
    case WF_AIRLOCK_GIVEN:
        fits = put_given(f, out);
        break;
    case WF_AIRLOCK_HEAD:
        put_u16(out, f->number);
        (void)wf_buf_append_str(out, f->text);
        fits = f->number <= 999 && f->text.len <= WF_AIRLOCK_HEAD_BYTES;
        break;
    case WF_AIRLOCK_DATA:
        (void)wf_buf_append_str(out, f->text);
        fits = f->text.len <= WF_AIRLOCK_DATA_BYTES;
        break;
    case WF_AIRLOCK_END:
        (void)wf_buf_append_u64le(out, f->seq);
        break;
    case WF_AIRLOCK_FAILED:
        (void)wf_buf_append_byte(out, (char)-f->code);
        (void)wf_buf_append_str(out, f->text);
        fits = f->text.len < MESSAGE_BYTES;
        break;
    }
    return fits ? wf_buf_status(out) : WF_E_LIMIT;
}

/* ---- reading ---- */

/* What is left of a payload; `bad` once something was missing. */
struct rest {
    struct wf_str s;
    bool bad;
};

static uint64_t take_number(struct rest *r, size_t n_bytes)
{
    uint64_t v = 0;

    if (r->bad || r->s.len < n_bytes) {
        r->bad = true;
        return 0;
    }
    for (size_t i = 0; i < n_bytes; i++)
        v |= (uint64_t)(unsigned char)r->s.ptr[i] << (8 * i);
    r->s = wf_str_sub(r->s, n_bytes, r->s.len);
    return v;
}

static struct wf_str take_text(struct rest *r)
{
    size_t n = (size_t)take_number(r, 2);
    struct wf_str s;

    if (r->bad || n > WF_AIRLOCK_TEXT_BYTES || n > r->s.len) {
        r->bad = true;
        return WF_STR("");
    }
    s = wf_str_sub(r->s, 0, n);
    r->s = wf_str_sub(r->s, n, r->s.len);
    return s;
}

static struct wf_str take_all(struct rest *r, size_t n_max)
{
    struct wf_str s = r->s;

    r->bad = r->bad || s.len > n_max;
    r->s = wf_str_sub(s, s.len, s.len);
    return s;
}

static void take_counts(struct rest *r, size_t n_max, struct wf_airlock_frame *f)
{
    f->n_counts = (size_t)take_number(r, 1);
    if (f->n_counts > n_max) {
        r->bad = true;
        f->n_counts = 0;
    }
    for (size_t i = 0; i < f->n_counts; i++) {
        f->counts[i].type = take_text(r);
        f->counts[i].n = (uint32_t)take_number(r, 4);
    }
}

static void take_report(struct rest *r, struct wf_airlock_frame *f)
{
    f->tokens_in = take_number(r, 8);
    f->tokens_out = take_number(r, 8);
    f->cost_micro = take_number(r, 8);
    take_counts(r, WF_AIRLOCK_FLAGS_MAX, f);
    for (size_t i = 0; i < f->n_counts; i++)
        r->bad = r->bad || f->counts[i].type.len > WF_AIRLOCK_FLAG_BYTES;
}

static void take_release(struct rest *r, struct wf_airlock_frame *f)
{
    uint64_t is_released = take_number(r, 1), from;

    r->bad = r->bad || is_released > 1;
    f->is_released = is_released == 1;
    f->release = (struct wf_release){.engine = f->engine, .to = f->label};
    if (r->bad || !f->is_released)
        return;
    from = take_number(r, 1);
    f->release.when_ms = (int64_t)take_number(r, 8);
    if (r->s.len < sizeof(f->release.what) || from >= WF_LABEL_COUNT) {
        r->bad = true;
        return;
    }
    f->release.from = (enum wf_label)from;
    memcpy(f->release.what, r->s.ptr, sizeof(f->release.what));
    r->s = wf_str_sub(r->s, sizeof(f->release.what), r->s.len);
    f->release.who = take_text(r);
    f->release.reason = take_text(r);
}

static void take_request(struct rest *r, struct wf_airlock_frame *f)
{
    uint64_t label = take_number(r, 1), streamed = take_number(r, 1);

    r->bad = r->bad || label >= WF_LABEL_COUNT || streamed > 1;
    f->label = r->bad ? WF_LABEL_SECRET : (enum wf_label)label;
    f->streamed = streamed == 1;
    f->engine = take_text(r);
    f->model = take_text(r);
    f->request_id = take_text(r);
    f->reason = take_text(r);
    take_counts(r, WF_AIRLOCK_COUNTS_MAX, f);
    take_release(r, f);
    f->text = take_all(r, WF_AIRLOCK_BODY_BYTES);
}

static void take_given(struct rest *r, struct wf_airlock_frame *f)
{
    uint64_t label = take_number(r, 1);

    r->bad = r->bad || label >= WF_LABEL_COUNT;
    f->label = r->bad ? WF_LABEL_SECRET : (enum wf_label)label;
    f->seq = take_number(r, 8);
    f->bytes = take_number(r, 8);
    if (r->bad || r->s.len < sizeof(f->sealed)) {
        r->bad = true;
        return;
    }
    memcpy(f->sealed, r->s.ptr, sizeof(f->sealed));
    r->s = wf_str_sub(r->s, sizeof(f->sealed), r->s.len);
    f->engine = take_text(r);
    f->model = take_text(r);
    f->request_id = take_text(r);
    f->to = take_text(r);
    f->reason = take_text(r);
    take_counts(r, 1, f);
    r->bad = r->bad || f->n_counts != 1;
}

/* An error's code, sent positive. */
static int take_code(struct rest *r)
{
    int code = -(int)take_number(r, 1);

    r->bad = r->bad || code > WF_E_INVAL || code < WF_E_FULL;
    return code;
}

int wf_airlock_frame_read(struct wf_str payload, struct wf_airlock_frame *out, struct wf_err *err)
{
    struct rest r = {.s = payload};

    out->kind = (enum wf_airlock_kind)take_number(&r, 1);
    out->id = take_number(&r, 8);
    out->n_counts = 0;
    out->is_released = false;
    out->text = WF_STR("");
    switch (out->kind) {
    case WF_AIRLOCK_REQUEST:
        take_request(&r, out);
        break;
    case WF_AIRLOCK_CANCEL:
        break;
    case WF_AIRLOCK_CREDIT:
        out->number = (uint32_t)take_number(&r, 4);
        break;
    case WF_AIRLOCK_REPORT:
        take_report(&r, out);
        break;
    case WF_AIRLOCK_GIVEN:
        take_given(&r, out);
        break;
    case WF_AIRLOCK_HEAD:
        out->number = (uint32_t)take_number(&r, 2);
        r.bad = r.bad || out->number > 999;
        out->text = take_all(&r, WF_AIRLOCK_HEAD_BYTES);
        break;
    case WF_AIRLOCK_DATA:
        out->text = take_all(&r, WF_AIRLOCK_DATA_BYTES);
        break;
    case WF_AIRLOCK_END:
        out->seq = take_number(&r, 8);
        break;
    case WF_AIRLOCK_FAILED:
        out->code = take_code(&r);
        out->text = take_all(&r, MESSAGE_BYTES - 1);
        break;
    default:
        r.bad = true;
    }
    if (r.bad || r.s.len > 0)
        return wf_err_set(err, WF_E_FORMAT, "A malformed message came between core and airlock.");
    return 0;
}
