/* SPDX-License-Identifier: Apache-2.0 */
/* Frames between core and link: writing and reading them. One table says what a kind has, in the
 * order in which it is sent; both directions walk it, so that they cannot differ. */
#include "mesh/frame.h"

#include <string.h>

#define HEAD_BYTES 4

enum part {
    PART_NONE,
    PART_ON,       /* u8, 0 or 1 */
    PART_MAYBE,    /* u8: a key is meant */
    PART_KEY,      /* 32 bytes */
    PART_CHANNEL,  /* u8; not that of control */
    PART_PORT,     /* u16 */
    PART_NUMBER,   /* u32 */
    PART_FLAGS,    /* u8: paired, dialled */
    PART_SKEW,     /* i64 */
    PART_VERSION,  /* u8 and so many bytes */
    PART_REASON,   /* u8 */
    PART_KEYS,     /* the rest: whole keys */
    PART_MESSAGE,  /* the rest, not empty */
    PART_ADDRESS,  /* the rest */
    PART_WORDS,    /* the rest */
    PART_ADDRESSES /* the rest */
};

#define PARTS_MAX 6

static const struct {
    enum wf_link_kind kind;
    enum part parts[PARTS_MAX];
} kinds[] = {
    {WF_LINK_FRAME_ALLOW, {PART_KEYS}},
    {WF_LINK_FRAME_PAIRING, {PART_ON}},
    {WF_LINK_FRAME_DIAL, {PART_MAYBE, PART_KEY, PART_ADDRESS}},
    {WF_LINK_FRAME_CLOSE, {PART_NONE}},
    {WF_LINK_FRAME_SEND, {PART_CHANNEL, PART_MESSAGE}},
    {WF_LINK_FRAME_LOOK, {PART_NONE}},
    {WF_LINK_FRAME_HELLO, {PART_KEY, PART_PORT, PART_WORDS}},
    {WF_LINK_FRAME_ADDRESSES, {PART_ADDRESSES}},
    {WF_LINK_FRAME_UP, {PART_KEY, PART_FLAGS, PART_SKEW, PART_VERSION, PART_ADDRESS}},
    {WF_LINK_FRAME_BYTES_CAME, {PART_CHANNEL, PART_MESSAGE}},
    {WF_LINK_FRAME_CREDIT, {PART_CHANNEL, PART_NUMBER}},
    {WF_LINK_FRAME_DOWN, {PART_REASON, PART_WORDS}},
    {WF_LINK_FRAME_KNOCK, {PART_KEY, PART_REASON, PART_ADDRESS}},
    {WF_LINK_FRAME_FOUND, {PART_KEY, PART_ADDRESS}},
    {WF_LINK_FRAME_CHANGED, {PART_ON}},
};

static const enum part *parts_of(enum wf_link_kind kind)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(kinds); i++) {
        if (kinds[i].kind == kind)
            return kinds[i].parts;
    }
    return NULL;
}

/* Whether a text that takes the rest of a frame is as it has to be. */
static bool is_fit(enum part part, size_t n)
{
    switch (part) {
    case PART_KEYS:
        return n % WF_LINK_KEY_BYTES == 0 && n <= WF_LINK_PINS_MAX * WF_LINK_KEY_BYTES;
    case PART_MESSAGE:
        return n > 0 && n <= WF_LINK_MESSAGE_BYTES;
    case PART_ADDRESS:
        return n <= WF_LINK_ADDRESS_BYTES;
    case PART_WORDS:
        return n <= WF_LINK_WORDS_BYTES;
    case PART_ADDRESSES:
        return n <= WF_LINK_ADDRESSES_BYTES;
    default:
        return false;
    }
}

static bool is_channel(unsigned channel)
{
    return channel > WF_LINK_CONTROL && channel < WF_LINK_CHANNEL_COUNT;
}

/* ---- writing ---- */

static void put_number(struct wf_buf *out, uint64_t v, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++)
        (void)wf_buf_append_byte(out, (char)(v >> (8 * i) & 0xff)); /* the end tells */
}

/* False when what is to be written is over a limit. */
static bool put_part(const struct wf_link_frame *f, enum part part, struct wf_buf *out)
{
    switch (part) {
    case PART_ON:
        put_number(out, f->is_on ? 1 : 0, 1);
        return true;
    case PART_MAYBE:
        put_number(out, f->has_key ? 1 : 0, 1);
        return true;
    case PART_KEY:
        (void)wf_buf_append(out, f->key, sizeof(f->key)); /* the end tells, here and below */
        return true;
    case PART_CHANNEL:
        put_number(out, f->channel, 1);
        return is_channel(f->channel);
    case PART_PORT:
        put_number(out, f->number, 2);
        return f->number <= UINT16_MAX;
    case PART_NUMBER:
        put_number(out, f->number, 4);
        return true;
    case PART_FLAGS:
        put_number(out, (f->is_paired ? 1u : 0u) | (f->is_dialled ? 2u : 0u), 1);
        return true;
    case PART_SKEW:
        put_number(out, (uint64_t)f->skew_ms, 8);
        return true;
    case PART_VERSION:
        put_number(out, f->version.len, 1);
        (void)wf_buf_append_str(out, f->version);
        return f->version.len <= WF_LINK_VERSION_BYTES;
    case PART_REASON:
        put_number(out, f->reason, 1);
        return f->reason < WF_LINK_REASON_COUNT;
    default:
        (void)wf_buf_append_str(out, f->text);
        return is_fit(part, f->text.len);
    }
}

int wf_link_frame_write(const struct wf_link_frame *f, struct wf_buf *out)
{
    const enum part *parts = parts_of(f->kind);
    bool fits = parts != NULL;

    put_number(out, f->kind, 1);
    put_number(out, f->peer, 8);
    for (size_t i = 0; fits && i < PARTS_MAX && parts[i] != PART_NONE; i++)
        fits = put_part(f, parts[i], out);
    return fits ? wf_buf_status(out) : WF_E_LIMIT;
}

int wf_link_frame_put(const struct wf_link_frame *f, struct wf_buf *out)
{
    const size_t at = out->len;
    int rc;

    (void)wf_buf_append_u32le(out, 0); /* the end tells */
    rc = wf_link_frame_write(f, out);
    if (rc != 0) {
        wf_buf_truncate(out, at);
        return rc;
    }
    for (size_t i = 0, n = out->len - at - HEAD_BYTES; i < HEAD_BYTES; i++)
        out->ptr[at + i] = (char)(n >> (8 * i) & 0xff);
    return 0;
}

/* ---- reading ---- */

/* What is left of a payload; `bad` once something was missing or wrong. */
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

static bool take_bit(struct rest *r)
{
    uint64_t v = take_number(r, 1);

    r->bad = r->bad || v > 1;
    return v == 1;
}

static void take_key(struct rest *r, uint8_t out[WF_LINK_KEY_BYTES])
{
    if (r->bad || r->s.len < WF_LINK_KEY_BYTES) {
        r->bad = true;
        return;
    }
    memcpy(out, r->s.ptr, WF_LINK_KEY_BYTES);
    r->s = wf_str_sub(r->s, WF_LINK_KEY_BYTES, r->s.len);
}

static void take_version(struct rest *r, struct wf_str *out)
{
    size_t n = (size_t)take_number(r, 1);

    if (r->bad || n > WF_LINK_VERSION_BYTES || n > r->s.len) {
        r->bad = true;
        return;
    }
    *out = wf_str_sub(r->s, 0, n);
    r->s = wf_str_sub(r->s, n, r->s.len);
}

static void take_flags(struct rest *r, struct wf_link_frame *out)
{
    uint64_t v = take_number(r, 1);

    r->bad = r->bad || v > 3;
    out->is_paired = (v & 1) != 0;
    out->is_dialled = (v & 2) != 0;
}

static void take_reason(struct rest *r, struct wf_link_frame *out)
{
    uint64_t v = take_number(r, 1);

    r->bad = r->bad || v >= WF_LINK_REASON_COUNT;
    out->reason = r->bad ? WF_LINK_CLOSED : (enum wf_link_reason)v;
}

static void take_part(struct rest *r, enum part part, struct wf_link_frame *out)
{
    switch (part) {
    case PART_ON:
        out->is_on = take_bit(r);
        break;
    case PART_MAYBE:
        out->has_key = take_bit(r);
        break;
    case PART_KEY:
        take_key(r, out->key);
        break;
    case PART_CHANNEL:
        out->channel = (unsigned)take_number(r, 1);
        r->bad = r->bad || !is_channel(out->channel);
        break;
    case PART_PORT:
        out->number = (uint32_t)take_number(r, 2);
        break;
    case PART_NUMBER:
        out->number = (uint32_t)take_number(r, 4);
        break;
    case PART_FLAGS:
        take_flags(r, out);
        break;
    case PART_SKEW:
        out->skew_ms = (int64_t)take_number(r, 8);
        break;
    case PART_VERSION:
        take_version(r, &out->version);
        break;
    case PART_REASON:
        take_reason(r, out);
        break;
    default:
        out->text = r->s;
        r->bad = r->bad || !is_fit(part, r->s.len);
        r->s = wf_str_sub(r->s, r->s.len, r->s.len);
    }
}

int wf_link_frame_read(struct wf_str payload, struct wf_link_frame *out, struct wf_err *err)
{
    struct rest r = {.s = payload};
    struct wf_link_frame f = {.text = WF_STR(""), .version = WF_STR("")};
    const enum part *parts;

    f.kind = (enum wf_link_kind)take_number(&r, 1);
    f.peer = take_number(&r, 8);
    parts = parts_of(f.kind);
    r.bad = r.bad || parts == NULL;
    for (size_t i = 0; !r.bad && i < PARTS_MAX && parts[i] != PART_NONE; i++)
        take_part(&r, parts[i], &f);
    if (r.bad || r.s.len > 0)
        return wf_err_set(err, WF_E_FORMAT, "A malformed message came between core and link.");
    *out = f;
    return 0;
}

int wf_link_frame_next(struct wf_str in, struct wf_link_frame *out, size_t *out_bytes,
                       struct wf_err *err)
{
    size_t n = 0;
    int rc;

    *out_bytes = 0;
    if (in.len < HEAD_BYTES)
        return 0;
    for (size_t i = 0; i < HEAD_BYTES; i++)
        n |= (size_t)(unsigned char)in.ptr[i] << (8 * i);
    if (n > WF_LINK_FRAME_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "A message between core and link is too long.");
    if (in.len - HEAD_BYTES < n)
        return 0;
    rc = wf_link_frame_read(wf_str_n(in.ptr + HEAD_BYTES, n), out, err);
    if (rc == 0)
        *out_bytes = HEAD_BYTES + n;
    return rc;
}
