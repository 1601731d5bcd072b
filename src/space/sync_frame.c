/* SPDX-License-Identifier: Apache-2.0 */
/* One reader for both protocols: Hocuspocus's is y-websocket's with a name before it and some more
 * types. What stands behind a message's last field is not ours to judge: newer clients append
 * things (a token is followed by the client's version). */
#include "space/sync_frame.h"

#include "base/err.h"
#include "crdt/lib0.h"
#include "text/utf8.h"

enum type {
    TYPE_SYNC = 0,
    TYPE_AWARENESS = 1,
    TYPE_AUTH = 2,
    TYPE_WHO = 3,
    TYPE_REPLY = 4, /* as sync */
    TYPE_STATELESS = 5,
    TYPE_BROADCAST = 6,
    TYPE_CLOSE = 7,
    TYPE_STATUS = 8,
    TYPE_PING = 9,
    TYPE_PONG = 10,
};

static struct wf_lib0_in reader(struct wf_str s)
{
    return wf_lib0_in(s.ptr, s.len);
}

bool wf_sync_name_is(struct wf_str said, struct wf_str space, struct wf_str name)
{
    size_t end = wf_str_find_byte(said, 0, 0);

    said = wf_str_sub(said, 0, end);
    if (wf_str_eq(said, name))
        return true;
    return said.len == space.len + 1 + name.len && wf_str_starts(said, space) &&
           said.ptr[space.len] == '/' && wf_str_ends(said, name);
}

enum wf_sync_dialect wf_sync_dialect_of(struct wf_str message, struct wf_str space,
                                        struct wf_str name)
{
    struct wf_lib0_in in = reader(message);
    struct wf_str said = wf_lib0_bytes(&in);

    (void)wf_lib0_uint(&in); /* a type follows */
    return !in.bad && wf_sync_name_is(said, space, name) ? WF_SYNC_HOCUSPOCUS : WF_SYNC_YWEBSOCKET;
}

static int read_sync(struct wf_lib0_in *in, struct wf_sync_frame *out)
{
    static const enum wf_sync_kind kinds[] = {WF_SYNC_STEP1, WF_SYNC_STEP2, WF_SYNC_UPDATE};
    uint64_t step = wf_lib0_uint(in);

    if (in->bad || step >= WF_ARRAY_LEN(kinds))
        return WF_E_FORMAT;
    out->kind = kinds[step];
    out->bytes = wf_lib0_bytes(in);
    return in->bad ? WF_E_FORMAT : 0;
}

static int read_typed(struct wf_lib0_in *in, uint64_t type, struct wf_sync_frame *out)
{
    switch (type) {
    case TYPE_SYNC:
    case TYPE_REPLY:
        return read_sync(in, out);
    case TYPE_AWARENESS:
        out->kind = WF_SYNC_AWARENESS;
        out->bytes = wf_lib0_bytes(in);
        return in->bad ? WF_E_FORMAT : 0;
    case TYPE_AUTH:
        if (wf_lib0_uint(in) == 0)
            out->kind = WF_SYNC_TOKEN;
        out->bytes = wf_lib0_bytes(in);
        return in->bad ? WF_E_FORMAT : 0;
    case TYPE_WHO:
        out->kind = WF_SYNC_WHO;
        return 0;
    case TYPE_CLOSE:
        out->kind = WF_SYNC_CLOSE;
        return 0;
    case TYPE_PING:
        out->kind = WF_SYNC_PING;
        return 0;
    case TYPE_STATELESS: /* between programs of one server: there is none here */
    case TYPE_BROADCAST:
    case TYPE_STATUS:
    case TYPE_PONG:
        return 0;
    default:
        return WF_E_FORMAT;
    }
}

int wf_sync_read(enum wf_sync_dialect dialect, struct wf_str message, struct wf_sync_frame *out)
{
    struct wf_sync_frame frame = {.kind = WF_SYNC_OTHER};
    struct wf_lib0_in in = reader(message);
    uint64_t type;
    int rc;

    if (dialect == WF_SYNC_HOCUSPOCUS)
        frame.name = wf_lib0_bytes(&in);
    type = wf_lib0_uint(&in);
    if (in.bad || wf_utf8_valid_prefix(frame.name) != frame.name.len ||
        (dialect != WF_SYNC_HOCUSPOCUS && type > TYPE_WHO))
        return WF_E_FORMAT;
    rc = read_typed(&in, type, &frame);
    if (rc == 0)
        *out = frame;
    return rc;
}

/* ---- writing ---- */

static void put_sync(struct wf_buf *out, uint64_t step, struct wf_str bytes)
{
    wf_lib0_append_uint(out, TYPE_SYNC);
    wf_lib0_append_uint(out, step);
    wf_lib0_append_bytes(out, bytes);
}

static void put_more(enum wf_sync_kind kind, struct wf_str bytes, struct wf_buf *out)
{
    switch (kind) {
    case WF_SYNC_TOKEN:
        wf_lib0_append_uint(out, TYPE_AUTH);
        wf_lib0_append_uint(out, 2); /* granted */
        wf_lib0_append_bytes(out, bytes.len > 0 ? bytes : WF_STR("read-write"));
        return;
    case WF_SYNC_CLOSE:
        wf_lib0_append_uint(out, TYPE_CLOSE);
        wf_lib0_append_bytes(out, WF_STR("closed"));
        return;
    case WF_SYNC_PING:
        wf_lib0_append_uint(out, TYPE_PONG);
        return;
    case WF_SYNC_OTHER:
        wf_lib0_append_uint(out, TYPE_STATUS);
        wf_lib0_append_uint(out, 1);
        return;
    case WF_SYNC_STEP1:
    case WF_SYNC_STEP2:
    case WF_SYNC_UPDATE:
    case WF_SYNC_AWARENESS:
    case WF_SYNC_WHO:
        return;
    }
}

void wf_sync_write(enum wf_sync_dialect dialect, struct wf_str name, enum wf_sync_kind kind,
                   struct wf_str bytes, struct wf_buf *out)
{
    bool is_basic = kind <= WF_SYNC_AWARENESS;

    if (dialect == WF_SYNC_HOCUSPOCUS)
        wf_lib0_append_bytes(out, name);
    else if (!is_basic)
        return;
    if (kind == WF_SYNC_STEP1)
        put_sync(out, 0, bytes);
    else if (kind == WF_SYNC_STEP2)
        put_sync(out, 1, bytes);
    else if (kind == WF_SYNC_UPDATE)
        put_sync(out, 2, bytes);
    if (kind == WF_SYNC_AWARENESS) {
        wf_lib0_append_uint(out, TYPE_AWARENESS);
        wf_lib0_append_bytes(out, bytes);
    }
    if (!is_basic)
        put_more(kind, bytes, out);
}

/* ---- awareness messages ---- */

bool wf_sync_presence_at(struct wf_str message, size_t n, struct wf_sync_presence *out)
{
    struct wf_lib0_in in = reader(message);
    uint64_t count = wf_lib0_uint(&in);

    for (size_t i = 0; i <= n && i < count && !in.bad; i++) {
        struct wf_sync_presence p = {.client = wf_lib0_uint(&in)};
        p.clock = wf_lib0_uint(&in);
        p.is_gone = wf_str_eq(wf_lib0_bytes(&in), WF_STR("null"));
        if (i == n && !in.bad) {
            *out = p;
            return true;
        }
    }
    return false;
}

void wf_sync_presence_gone(const struct wf_sync_presence *who, size_t n, struct wf_buf *out)
{
    wf_lib0_append_uint(out, n);
    for (size_t i = 0; i < n; i++) {
        wf_lib0_append_uint(out, who[i].client);
        wf_lib0_append_uint(out, who[i].clock);
        wf_lib0_append_bytes(out, WF_STR("null"));
    }
}
