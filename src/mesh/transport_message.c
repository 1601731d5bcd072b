/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of a connection: queues of channels, pieces, hello.
 *
 * A piece is one WebSocket message. Numbers are big endian where WebSocket says so and little
 * endian in what is ours:
 *   0  1  channel; bit 7: more of the same message follows
 *   1     bytes of the message
 * Channels take turns, a piece each: a message of 1 MB holds up nobody. What comes is put together
 * again here, a message a channel, and bounded for each and for all together.
 *
 * The first piece of both sides is hello, on channel 0:
 *   0  1  1: hello
 *   1  1  the lowest, and
 *   2  1  the highest protocol that it speaks
 *   3  8  its clock, milliseconds since 1970
 *  11  1  bytes of its version, and
 *  12     the version, as a person reads it
 *      1  1: it comes as a stranger, also where it is paired: to be paired anew, or to be a guest.
 *         May be missing; what stands behind is for later
 * To paired nodes: 0  1  2: addresses; 1  "HOST:PORT\n" each, where this node listens, so that they
 * know more than the one address that worked.
 * Other control messages are passed over, for later. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/rng.h"
#include "mesh/transport_internal.h"

#define MORE 0x80u
#define PIECE_BYTES (WF_WS_MESSAGE_BYTES - 1)
#define OUT_BYTES (3 * WF_TRANSPORT_RECORD_BYTES)
#define CREDIT_BYTES ((size_t)64 << 10)
#define WHOLE_BYTES_MAX ((size_t)128 << 20) /* of all connections */
#define STRANGER_MESSAGE_BYTES 32768u
#define CONTROL_OUT_BYTES ((size_t)128 << 10)
#define PROTOCOL 1
#define HELLO 1
#define AS_STRANGER 1
#define HELLO_BYTES 12
#define ADDRESSES 2
#define ADDRESSES_BYTES_MAX 2048u
#define ADDRESSES_MAX 8 /* as many as are kept of a node */

/* ---- what goes ---- */

static const uint8_t *new_mask(const struct wf_peer *p, uint8_t out[4])
{
    if (!p->is_dialled)
        return NULL;
    wf_rng_system()->fill(NULL, out, 4);
    return out;
}

static void put(struct wf_peer *p, enum wf_ws_op op, struct wf_str head, struct wf_str payload)
{
    uint8_t mask[4];

    if (wf_ws_put(op, new_mask(p, mask), head, payload, &p->out) != 0)
        wf_peer__drop(p, WF_LINK_NO_MEMORY, "");
}

void wf_peer__control(struct wf_peer *p, enum wf_ws_op op, struct wf_str payload)
{
    uint8_t mask[4];

    /* Who asks without reading the answers is not answered any more. */
    if (p->out.len - p->out_at < CONTROL_OUT_BYTES)
        (void)wf_ws_put(op, new_mask(p, mask), WF_STR(""), payload, &p->out); /* not said, then */
}

void wf_peer__hello(struct wf_peer *p)
{
    const uint64_t now_ms = (uint64_t)wf_clock_wall_ms(NULL);
    char head[1 + HELLO_BYTES] = {WF_LINK_CONTROL, HELLO, PROTOCOL, PROTOCOL};

    for (size_t i = 0; i < 8; i++)
        head[4 + i] = (char)(now_ms >> (8 * i) & 0xff);
    head[HELLO_BYTES] = sizeof(WF_VERSION) - 1;
    put(p, WF_WS_BINARY, wf_str_n(head, sizeof(head)),
        p->is_dialled && !p->has_pin ? WF_STR(WF_VERSION "\x01") : WF_STR(WF_VERSION));
}

void wf_peer__addresses(struct wf_peer *p)
{
    const char head[2] = {WF_LINK_CONTROL, ADDRESSES};
    const struct wf_str all = wf_buf_str(&p->t->addresses);

    if (p->state == WF_PEER_OPEN && p->is_paired && all.len > 0 && all.len <= ADDRESSES_BYTES_MAX)
        put(p, WF_WS_BINARY, wf_str_n(head, sizeof(head)), all);
}

static void credit(struct wf_peer *p, unsigned channel)
{
    struct wf_peer_queue *q = &p->queues[channel];
    struct wf_link_frame f = {.kind = WF_LINK_FRAME_CREDIT,
                              .peer = p->id,
                              .channel = channel,
                              .number = (uint32_t)q->n_credit};

    if (q->n_credit < CREDIT_BYTES)
        return;
    q->n_credit = 0;
    wf_transport__tell(p->t, &f);
}

/* One piece of the channel's first message. */
static void put_piece(struct wf_peer *p, unsigned channel)
{
    struct wf_peer_queue *q = &p->queues[channel];
    struct wf_peer_message *m = WF_CONTAINER(q->messages.next, struct wf_peer_message, node);
    const size_t n = WF_MIN(m->len - m->at, (size_t)PIECE_BYTES);
    const char head = (char)(channel | (m->at + n < m->len ? MORE : 0));

    put(p, WF_WS_BINARY, wf_str_n(&head, 1), wf_str_n(m->bytes + m->at, n));
    if (p->state >= WF_PEER_LINGERING)
        return; /* there was no memory: it is gone, and the message with it */
    m->at += n;
    if (m->at < m->len)
        return;
    wf_list_remove(&m->node);
    q->n_bytes -= m->len;
    q->n_credit += m->len;
    wf_free(m);
    credit(p, channel);
}

void wf_peer__fill(struct wf_peer *p)
{
    unsigned n_empty = 0;

    if (p->state != WF_PEER_OPEN)
        return;
    while (n_empty < WF_LINK_CHANNEL_COUNT && p->state == WF_PEER_OPEN &&
           p->out.len - p->out_at < OUT_BYTES) {
        p->next_channel = (p->next_channel + 1) % WF_LINK_CHANNEL_COUNT;
        if (wf_list_empty(&p->queues[p->next_channel].messages)) {
            n_empty++;
            continue;
        }
        n_empty = 0;
        put_piece(p, p->next_channel);
    }
}

bool wf_peer__queue(struct wf_peer *p, unsigned channel, struct wf_str bytes)
{
    struct wf_peer_queue *q = &p->queues[channel];
    struct wf_peer_message *m;

    if (q->n_bytes >= WF_LINK_WINDOW_BYTES)
        return false; /* it has not waited for credit */
    if (p->state != WF_PEER_OPEN)
        return true; /* it is going: core hears of that */
    if (!p->is_paired && channel != WF_LINK_PAIRING)
        return false;
    if (p->until_ns != 0 && (p->stranger_bytes += bytes.len) > WF_LINK_STRANGER_BYTES) {
        wf_peer__drop(p, WF_LINK_TOO_MUCH, "");
        return true;
    }
    m = wf_alloc(sizeof(*m) + bytes.len);
    if (m == NULL) {
        wf_peer__drop(p, WF_LINK_NO_MEMORY, "");
        return true;
    }
    m->len = bytes.len;
    m->at = 0;
    memcpy(m->bytes, bytes.ptr, bytes.len);
    wf_list_push(&q->messages, &m->node);
    q->n_bytes += bytes.len;
    if (wf_list_empty(&p->ready))
        wf_list_push(&p->t->ready, &p->ready);
    return true;
}

void wf_peer__forget(struct wf_peer *p)
{
    for (size_t i = 0; i < WF_LINK_CHANNEL_COUNT; i++) {
        struct wf_peer_queue *q = &p->queues[i];
        struct wf_list *it, *tmp;
        WF_LIST_EACH(it, tmp, &q->messages)
        {
            wf_list_remove(it);
            wf_free(WF_CONTAINER(it, struct wf_peer_message, node));
        }
        q->n_bytes = 0;
        p->t->whole_bytes -= q->whole.len;
        wf_buf_deinit(&q->whole);
    }
}

/* ---- what comes ---- */

/* Of two connections to a paired node one stays. Both ends must choose the same: that which the
 * node with the smaller key has dialled; of two in the same direction the newer, since who dials
 * again has lost the other. */
static bool is_better(const struct wf_peer *a, const struct wf_peer *b)
{
    const uint8_t *mine = a->t->tls.key;
    const bool mine_is_smaller = memcmp(mine, a->key, WF_LINK_KEY_BYTES) < 0;

    return a->is_dialled == b->is_dialled || a->is_dialled == mine_is_smaller;
}

/* False: this one goes. */
static bool settle(struct wf_peer *p)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &p->t->peers)
    {
        struct wf_peer *other = WF_CONTAINER(it, struct wf_peer, node);
        if (other == p || other->state != WF_PEER_OPEN || !other->is_paired ||
            memcmp(other->key, p->key, WF_LINK_KEY_BYTES) != 0)
            continue;
        if (!is_better(p, other))
            return false;
        wf_peer__drop(other, WF_LINK_REPLACED, "");
    }
    return true;
}

static void tell_up(struct wf_peer *p, struct wf_str version)
{
    struct wf_link_frame f = {.kind = WF_LINK_FRAME_UP,
                              .peer = p->id,
                              .is_paired = p->is_paired,
                              .is_dialled = p->is_dialled,
                              .skew_ms = p->skew_ms,
                              .version = version,
                              .text = wf_str_from(p->address_text)};

    memcpy(f.key, p->key, sizeof(f.key));
    p->is_told = true;
    wf_transport__tell(p->t, &f);
}

/* Whether who came may stay: `more` is what its hello says after its version. One that was paired
 * and does not know better is not taken for somebody who comes to be: it would come again and
 * again, and use up what strangers of its address have. */
static enum wf_link_reason judge_hello(struct wf_peer *p, struct wf_str more)
{
    const bool as_stranger = more.len > 0 && more.ptr[0] == AS_STRANGER;
    enum wf_link_reason reason;

    if (p->is_paired && !as_stranger)
        return WF_LINK_CLOSED;
    reason = wf_transport__stranger(p, as_stranger);
    if (reason == WF_LINK_CLOSED && !p->is_paired)
        wf_peer__hello(p);
    if (p->state >= WF_PEER_LINGERING)
        return WF_LINK_NO_MEMORY;
    p->is_paired = false;
    return reason;
}

static enum wf_link_reason take_hello(struct wf_peer *p, struct wf_str s)
{
    enum wf_link_reason reason;
    const uint8_t *b = (const uint8_t *)s.ptr;
    uint64_t at_ms = 0;
    size_t n;

    if (s.len < HELLO_BYTES || b[0] != HELLO)
        return WF_LINK_MALFORMED;
    if (b[1] > PROTOCOL || b[2] < PROTOCOL)
        return WF_LINK_VERSION;
    for (size_t i = 0; i < 8; i++)
        at_ms |= (uint64_t)b[3 + i] << (8 * i);
    n = b[11];
    if (n > WF_LINK_VERSION_BYTES || s.len - HELLO_BYTES < n || at_ms > INT64_MAX)
        return WF_LINK_MALFORMED;
    p->skew_ms = (int64_t)at_ms - wf_clock_wall_ms(NULL);
    if (!p->is_dialled) {
        reason = judge_hello(p, wf_str_sub(s, HELLO_BYTES + n, s.len));
        if (reason != WF_LINK_CLOSED)
            return reason;
    }
    p->state = WF_PEER_OPEN;
    if (p->is_paired && !settle(p))
        return WF_LINK_REPLACED;
    p->due_ns = p->t->now_ns + p->ping_ns;
    wf_transport__due(p->t, p->until_ns != 0 ? WF_MIN(p->due_ns, p->until_ns) : p->due_ns);
    tell_up(p, wf_str_sub(s, HELLO_BYTES, HELLO_BYTES + n));
    wf_peer__addresses(p);
    return WF_LINK_CLOSED;
}

/* Where a paired node says that it listens. */
static void take_addresses(struct wf_peer *p, struct wf_str rest)
{
    struct wf_link_frame f = {.kind = WF_LINK_FRAME_FOUND};
    struct wf_str line;

    memcpy(f.key, p->key, sizeof(f.key));
    for (int i = 0; i < ADDRESSES_MAX && wf_str_line(&rest, &line); i++) {
        f.text = line;
        if (line.len > 0 && line.len <= WF_LINK_ADDRESS_BYTES)
            wf_transport__tell(p->t, &f);
    }
}

static void deliver(struct wf_peer *p, unsigned channel, struct wf_str bytes)
{
    const struct wf_link_frame f = {
        .kind = WF_LINK_FRAME_BYTES_CAME, .peer = p->id, .channel = channel, .text = bytes};

    wf_transport__tell(p->t, &f);
}

/* More of a message of several pieces. */
static enum wf_link_reason gather(struct wf_peer *p, unsigned channel, struct wf_str bytes,
                                  bool is_last)
{
    struct wf_buf *whole = &p->queues[channel].whole;
    const size_t most = p->is_paired ? WF_LINK_MESSAGE_BYTES : STRANGER_MESSAGE_BYTES;

    if (whole->len + bytes.len > most || p->t->whole_bytes + bytes.len > WHOLE_BYTES_MAX)
        return WF_LINK_TOO_MUCH;
    if (wf_buf_append_str(whole, bytes) != 0)
        return WF_LINK_NO_MEMORY;
    p->t->whole_bytes += bytes.len;
    if (!is_last)
        return WF_LINK_CLOSED;
    deliver(p, channel, wf_buf_str(whole));
    p->t->whole_bytes -= whole->len;
    wf_buf_deinit(whole);
    return WF_LINK_CLOSED;
}

enum wf_link_reason wf_peer__piece(struct wf_peer *p, struct wf_str piece)
{
    const unsigned head = piece.len > 0 ? (uint8_t)piece.ptr[0] : MORE, channel = head & ~MORE;
    const struct wf_str bytes = wf_str_sub(piece, 1, piece.len);

    if (p->state == WF_PEER_HELLO)
        return head == WF_LINK_CONTROL ? take_hello(p, bytes) : WF_LINK_MALFORMED;
    if (head == WF_LINK_CONTROL) {
        if (p->is_paired && bytes.len > 1 && bytes.ptr[0] == ADDRESSES &&
            bytes.len <= ADDRESSES_BYTES_MAX)
            take_addresses(p, wf_str_sub(bytes, 1, bytes.len));
        return WF_LINK_CLOSED;
    }
    if (channel == WF_LINK_CONTROL || channel >= WF_LINK_CHANNEL_COUNT || bytes.len == 0)
        return WF_LINK_MALFORMED;
    if (!p->is_paired && channel != WF_LINK_PAIRING)
        return WF_LINK_NOT_PAIRED;
    if ((head & MORE) == 0 && p->queues[channel].whole.len == 0) {
        deliver(p, channel, bytes);
        return WF_LINK_CLOSED;
    }
    return gather(p, channel, bytes, (head & MORE) == 0);
}
