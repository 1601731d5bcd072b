/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing of messages about blobs. */
#include "mesh/blobs_message.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#include "base/alloc.h"
#include "text/utf8.h"

#define PIECE_BYTES (4 + WF_PIECE_HASH_BYTES)
#define NAME_BYTES_MAX 512

/* ---- reading ---- */

struct in {
    const uint8_t *p;
    size_t n;
    bool bad;
};

static uint64_t get(struct in *in, size_t n)
{
    uint64_t v = 0;

    if (in->n < n) {
        in->bad = true;
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)in->p[i] << (8 * i);
    in->p += n;
    in->n -= n;
    return v;
}

static void get_blob(struct in *in, struct wf_blobs_message *m)
{
    uint64_t what = get(in, 1);

    in->bad = in->bad || what > WF_BLOBS_MODEL_FILE || in->n < sizeof(m->hash) + sizeof(m->space);
    if (in->bad)
        return;
    m->what = (enum wf_blobs_what)what;
    memcpy(m->hash, in->p, sizeof(m->hash));
    memcpy(m->space, in->p + sizeof(m->hash), sizeof(m->space));
    in->p += sizeof(m->hash) + sizeof(m->space);
    in->n -= sizeof(m->hash) + sizeof(m->space);
    in->bad = m->what == WF_BLOBS_MODEL_FILE && !sodium_is_zero(m->space, sizeof(m->space));
}

static void get_body(struct in *in, size_t n_min, size_t n_max, struct wf_blobs_message *m)
{
    in->bad = in->bad || in->n < n_min || in->n > n_max;
    m->body = wf_str_n((const char *)in->p, in->n);
    in->p += in->n;
    in->n = 0;
}

/* Whether the pieces are such as a blob is cut into, and lie within it. */
static bool are_pieces(const struct wf_blobs_message *m)
{
    uint64_t at = m->from;
    struct wf_piece p;

    if (m->body.len % PIECE_BYTES != 0 || at > m->n_bytes)
        return false;
    for (size_t i = 0; i < wf_blobs_pieces_n(m); i++) {
        wf_blobs_piece_at(m, i, &p);
        if (p.bytes == 0 || p.bytes > WF_PIECE_BYTES_MAX || p.bytes > m->n_bytes - at)
            return false;
        at += p.bytes;
        if (p.bytes < WF_PIECE_BYTES_MIN && at != m->n_bytes)
            return false;
    }
    return true;
}

static void get_pieces(struct in *in, struct wf_blobs_message *m)
{
    m->n_bytes = get(in, 8);
    m->from = get(in, 8);
    get_body(in, PIECE_BYTES, WF_BLOBS_PIECES_MAX * PIECE_BYTES, m);
    in->bad = in->bad || m->n_bytes > WF_BLOBS_BYTES_MAX || !are_pieces(m);
}

static void get_rest(struct in *in, struct wf_blobs_message *m)
{
    switch (m->kind) {
    case WF_BLOBS_ASK_HAS:
        get_blob(in, m);
        break;
    case WF_BLOBS_ASK_PIECES:
    case WF_BLOBS_WANT:
        get_blob(in, m);
        m->from = get(in, 8);
        m->n_bytes = m->kind == WF_BLOBS_WANT ? get(in, 4) : 1;
        in->bad = in->bad || m->from > WF_BLOBS_BYTES_MAX || m->n_bytes == 0 ||
                  m->n_bytes > WF_BLOBS_WANT_BYTES;
        break;
    case WF_BLOBS_ASK_MODEL:
        get_body(in, 1, NAME_BYTES_MAX, m);
        in->bad = in->bad || wf_utf8_valid_prefix(m->body) != m->body.len ||
                  memchr(m->body.ptr, 0, m->body.len);
        break;
    case WF_BLOBS_HAS:
        m->flags = (unsigned)get(in, 1);
        m->n_bytes = get(in, 8);
        in->bad = in->bad || (m->flags & ~WF_BLOBS_FLAGS_ALL) != 0;
        break;
    case WF_BLOBS_PIECES:
        get_pieces(in, m);
        break;
    case WF_BLOBS_DATA:
        m->from = get(in, 8);
        get_body(in, 1, WF_BLOBS_DATA_BYTES, m);
        in->bad = in->bad || m->from > WF_BLOBS_BYTES_MAX;
        break;
    case WF_BLOBS_MODEL:
        get_body(in, 2, WF_BLOBS_MODEL_BYTES, m);
        break;
    case WF_BLOBS_STOP:
    case WF_BLOBS_NONE:
        break;
    default:
        in->bad = true;
    }
}

int wf_blobs_message_read(struct wf_str bytes, struct wf_blobs_message *out, struct wf_err *err)
{
    struct in in = {.p = (const uint8_t *)bytes.ptr, .n = bytes.len};

    *out = (struct wf_blobs_message){.kind = (enum wf_blobs_kind)get(&in, 1)};
    out->id = (uint32_t)get(&in, 4);
    if (!in.bad)
        get_rest(&in, out);
    if (in.bad || in.n != 0)
        return wf_err_set(err, WF_E_FORMAT, "It sent what is no message about files.");
    return 0;
}

size_t wf_blobs_pieces_n(const struct wf_blobs_message *m)
{
    return m->body.len / PIECE_BYTES;
}

void wf_blobs_piece_at(const struct wf_blobs_message *m, size_t i, struct wf_piece *out)
{
    struct in in = {.p = (const uint8_t *)m->body.ptr + i * PIECE_BYTES, .n = PIECE_BYTES};

    assert(i < wf_blobs_pieces_n(m));
    out->bytes = (uint32_t)get(&in, 4);
    memcpy(out->hash, in.p, sizeof(out->hash));
}

/* ---- writing ---- */

static void put_blob(const struct wf_blobs_message *m, struct wf_buf *out)
{
    wf_buf_append_byte(out, (char)m->what);
    wf_buf_append(out, m->hash, sizeof(m->hash));
    wf_buf_append(out, m->space, sizeof(m->space));
}

int wf_blobs_piece_put(const struct wf_piece *p, struct wf_buf *out)
{
    wf_buf_append_u32le(out, p->bytes);
    return wf_buf_append(out, p->hash, sizeof(p->hash));
}

int wf_blobs_message_write(const struct wf_blobs_message *m, struct wf_buf *out)
{
    wf_buf_append_byte(out, (char)m->kind);
    wf_buf_append_u32le(out, m->id);
    switch (m->kind) {
    case WF_BLOBS_ASK_HAS:
        put_blob(m, out);
        break;
    case WF_BLOBS_ASK_PIECES:
        put_blob(m, out);
        wf_buf_append_u64le(out, m->from);
        break;
    case WF_BLOBS_WANT:
        put_blob(m, out);
        wf_buf_append_u64le(out, m->from);
        wf_buf_append_u32le(out, (uint32_t)m->n_bytes);
        break;
    case WF_BLOBS_HAS:
        wf_buf_append_byte(out, (char)m->flags);
        wf_buf_append_u64le(out, m->n_bytes);
        break;
    case WF_BLOBS_PIECES:
        wf_buf_append_u64le(out, m->n_bytes);
        wf_buf_append_u64le(out, m->from);
        wf_buf_append_str(out, m->body);
        break;
    case WF_BLOBS_DATA:
        wf_buf_append_u64le(out, m->from);
        wf_buf_append_str(out, m->body);
        break;
    case WF_BLOBS_ASK_MODEL:
    case WF_BLOBS_MODEL:
        wf_buf_append_str(out, m->body);
        break;
    case WF_BLOBS_STOP:
    case WF_BLOBS_NONE:
        break;
    }
    return wf_buf_status(out);
}
