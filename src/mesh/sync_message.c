/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing of sync messages. */
#include "mesh/sync_message.h"

#include <string.h>

#include "base/limits.h"
#include "crdt/lib0.h"

/* ---- reading ---- */

static void get(struct wf_lib0_in *in, void *out, size_t n)
{
    if ((size_t)(in->end - in->p) < n) {
        (void)wf_lib0_fail(in);
        memset(out, 0, n);
        return;
    }
    memcpy(out, in->p, n);
    in->p += n;
}

static struct wf_str rest(struct wf_lib0_in *in)
{
    struct wf_str s = wf_str_n((const char *)in->p, (size_t)(in->end - in->p));

    in->p = in->end;
    return s;
}

static void get_log(struct wf_lib0_in *in, struct wf_sync_log *out)
{
    get(in, out->stream, sizeof(out->stream));
    get(in, out->device, sizeof(out->device));
}

static void get_head(struct wf_lib0_in *in, struct wf_sync_head *out)
{
    get_log(in, &out->log);
    out->last = wf_lib0_uint(in);
    get(in, out->hash, sizeof(out->hash));
}

static bool are_heads(struct wf_str items)
{
    struct wf_lib0_in in = wf_lib0_in(items.ptr, items.len);
    struct wf_sync_head head;

    while (in.p < in.end) {
        get_head(&in, &head);
        if (in.bad || head.last == 0)
            return false;
    }
    return true;
}

static bool are_batches(struct wf_str items)
{
    struct wf_lib0_in in = wf_lib0_in(items.ptr, items.len);

    while (in.p < in.end) {
        if (wf_lib0_bytes(&in).len == 0 || in.bad)
            return false;
    }
    return true;
}

static void read_body(struct wf_lib0_in *in, struct wf_sync_message *m)
{
    switch (m->kind) {
    case WF_SYNC_HELLO:
        m->version = wf_lib0_uint(in);
        get(in, m->device, sizeof(m->device));
        m->flags = wf_lib0_uint(in);
        break;
    case WF_SYNC_HEADS:
    case WF_SYNC_BATCHES:
        m->bytes = rest(in);
        if (m->kind == WF_SYNC_HEADS ? !are_heads(m->bytes) : !are_batches(m->bytes))
            (void)wf_lib0_fail(in);
        break;
    case WF_SYNC_WANT:
    case WF_SYNC_FIRST:
        get_log(in, &m->log);
        m->from = wf_lib0_uint(in);
        if (m->kind == WF_SYNC_FIRST)
            m->flags = wf_lib0_uint(in);
        if (m->from == 0)
            (void)wf_lib0_fail(in);
        break;
    case WF_SYNC_PART:
        m->total = wf_lib0_uint(in);
        m->at = wf_lib0_uint(in);
        m->bytes = rest(in);
        if (m->bytes.len == 0 || m->at > m->total || m->bytes.len > m->total - m->at)
            (void)wf_lib0_fail(in);
        break;
    case WF_SYNC_LETTER:
        get(in, m->device, sizeof(m->device));
        get(in, m->tag, sizeof(m->tag));
        m->bytes = wf_lib0_bytes(in);
        break;
    case WF_SYNC_PASS:
        m->bytes = wf_lib0_bytes(in);
        break;
    case WF_SYNC_GOT:
        get(in, m->device, sizeof(m->device));
        get(in, m->hash, sizeof(m->hash));
        break;
    default:
        (void)wf_lib0_fail(in);
    }
}

int wf_sync_message_read(struct wf_str bytes, struct wf_sync_message *out, struct wf_err *err)
{
    struct wf_lib0_in in = wf_lib0_in(bytes.ptr, bytes.len);

    *out = (struct wf_sync_message){.kind = (enum wf_sync_kind)wf_lib0_byte(&in)};
    if (!in.bad)
        read_body(&in, out);
    if (in.bad || in.p != in.end)
        return wf_err_set(err, WF_E_FORMAT, "Another node sent what is no message of sync.");
    if (out->kind == WF_SYNC_PART && out->total > WF_LIMIT_BATCH_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "Another node sent a batch that is too long.");
    return 0;
}

bool wf_sync_heads_next(const struct wf_sync_message *m, size_t *io_at, struct wf_sync_head *out)
{
    struct wf_lib0_in in = wf_lib0_in(m->bytes.ptr + *io_at, m->bytes.len - *io_at);

    if (in.p == in.end)
        return false;
    get_head(&in, out);
    *io_at = (size_t)((const char *)in.p - m->bytes.ptr);
    return true;
}

bool wf_sync_batches_next(const struct wf_sync_message *m, size_t *io_at, struct wf_str *out)
{
    struct wf_lib0_in in = wf_lib0_in(m->bytes.ptr + *io_at, m->bytes.len - *io_at);

    if (in.p == in.end)
        return false;
    *out = wf_lib0_bytes(&in);
    *io_at = (size_t)((const char *)in.p - m->bytes.ptr);
    return true;
}

/* ---- writing ---- */

static void put_log(const struct wf_sync_log *log, struct wf_buf *out)
{
    (void)wf_buf_append(out, log->stream, sizeof(log->stream));
    (void)wf_buf_append(out, log->device, sizeof(log->device));
}

int wf_sync_message_write(const struct wf_sync_message *m, struct wf_buf *out)
{
    (void)wf_buf_append_byte(out, (char)m->kind);
    switch (m->kind) {
    case WF_SYNC_HELLO:
        wf_lib0_append_uint(out, m->version);
        (void)wf_buf_append(out, m->device, sizeof(m->device));
        wf_lib0_append_uint(out, m->flags);
        break;
    case WF_SYNC_HEADS:
    case WF_SYNC_BATCHES:
        (void)wf_buf_append_str(out, m->bytes);
        break;
    case WF_SYNC_WANT:
    case WF_SYNC_FIRST:
        put_log(&m->log, out);
        wf_lib0_append_uint(out, m->from);
        if (m->kind == WF_SYNC_FIRST)
            wf_lib0_append_uint(out, m->flags);
        break;
    case WF_SYNC_PART:
        wf_lib0_append_uint(out, m->total);
        wf_lib0_append_uint(out, m->at);
        (void)wf_buf_append_str(out, m->bytes);
        break;
    case WF_SYNC_LETTER:
        (void)wf_buf_append(out, m->device, sizeof(m->device));
        (void)wf_buf_append(out, m->tag, sizeof(m->tag));
        wf_lib0_append_bytes(out, m->bytes);
        break;
    case WF_SYNC_PASS:
        wf_lib0_append_bytes(out, m->bytes);
        break;
    case WF_SYNC_GOT:
        (void)wf_buf_append(out, m->device, sizeof(m->device));
        (void)wf_buf_append(out, m->hash, sizeof(m->hash));
        break;
    }
    return wf_buf_status(out);
}

int wf_sync_head_write(const struct wf_sync_head *h, struct wf_buf *out)
{
    put_log(&h->log, out);
    wf_lib0_append_uint(out, h->last);
    (void)wf_buf_append(out, h->hash, sizeof(h->hash));
    return wf_buf_status(out);
}

int wf_sync_batch_write(struct wf_str batch, struct wf_buf *out)
{
    wf_lib0_append_bytes(out, batch);
    return wf_buf_status(out);
}
