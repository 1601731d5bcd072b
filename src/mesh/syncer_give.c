/* SPDX-License-Identifier: Apache-2.0 */
/* What a node is sent: how far logs are, what is wanted, batches; as long as there is room. What is
 * queued and was not sent stays queued. */
#include <string.h>

#include "mesh/link.h"
#include "mesh/syncer_internal.h"

/* A message of many items: some, so that other nodes and channels have their turn. */
#define MESSAGE_BYTES ((size_t)256 << 10)
/* A part of a batch, with its numbers. */
#define PART_BYTES (WF_LINK_MESSAGE_BYTES - 64u)

/* Sends what s->message holds. False: there is no room, no memory, or the node is gone. */
static bool sent(struct wf_syncer *s, struct wf_syncer_peer *p)
{
    int rc = wf_buf_status(&s->message);

    if (rc == 0)
        rc = s->o.send(s->o.ud, p->id, wf_buf_str(&s->message), NULL);
    p->is_blocked = rc != 0;
    p->tries_again = rc != 0 && rc != WF_E_BUSY; /* nobody says when it can be again */
    return rc == 0;
}

static void begin(struct wf_syncer *s, enum wf_sync_kind kind)
{
    const struct wf_sync_message m = {.kind = kind, .bytes = WF_STR("")};

    wf_buf_reset(&s->message);
    (void)wf_sync_message_write(&m, &s->message);
}

static bool send_hello(struct wf_syncer *s, struct wf_syncer_peer *p)
{
    struct wf_sync_message m = {
        .kind = WF_SYNC_HELLO, .version = WF_SYNC_VERSION, .flags = s->o.keeps ? WF_SYNC_KEEPS : 0};

    memcpy(m.device, s->o.device, sizeof(m.device));
    wf_buf_reset(&s->message);
    (void)wf_sync_message_write(&m, &s->message);
    p->has_hello = sent(s, p);
    return p->has_hello;
}

bool wf_syncer__may_have(const struct wf_syncer *s, const struct wf_syncer_peer *p, uint32_t log)
{
    const struct wf_sync_log *l = &s->logs[log].head.log;

    return s->o.gives(s->o.ud, p->id, l->stream) ||
           (s->o.owns != NULL && s->o.owns(s->o.ud, p->id, l));
}

/* ---- heads ---- */

/* Batches that are sent tell it themselves. */
static bool is_to_be_told(const struct wf_syncer *s, const struct wf_syncer_peer *p,
                          const struct wf_syncer_tie *t)
{
    return t->told < s->logs[t->log].head.last && t->sending == 0 &&
           wf_syncer__may_have(s, p, t->log);
}

/* The queue's heads from *io_at on, in one message. */
static bool send_heads(struct wf_syncer *s, struct wf_syncer_peer *p, size_t *io_at)
{
    size_t first = *io_at, end = first;

    begin(s, WF_SYNC_HEADS);
    for (; end < p->n_queue && s->message.len < MESSAGE_BYTES; end++) {
        const struct wf_syncer_tie *t = &p->ties[p->queue[end]];
        if (is_to_be_told(s, p, t))
            (void)wf_sync_head_write(&s->logs[t->log].head, &s->message);
    }
    *io_at = end;
    if (s->message.len > 1 && !sent(s, p))
        return false;
    for (size_t i = first; i < end && s->message.len > 1; i++) {
        struct wf_syncer_tie *t = &p->ties[p->queue[i]];
        if (is_to_be_told(s, p, t))
            t->told = s->logs[t->log].head.last;
    }
    return true;
}

static bool tell_heads(struct wf_syncer *s, struct wf_syncer_peer *p)
{
    for (size_t at = 0; at < p->n_queue;) {
        if (!send_heads(s, p, &at))
            return false;
    }
    if (p->is_told)
        return true;
    begin(s, WF_SYNC_HEADS); /* without items: that is all */
    p->is_told = sent(s, p);
    return p->is_told;
}

/* ---- what is wanted ---- */

static bool ask(struct wf_syncer *s, struct wf_syncer_peer *p, const struct wf_syncer_tie *t)
{
    struct wf_syncer_log *l = &s->logs[t->log];
    struct wf_sync_message m = {.kind = WF_SYNC_WANT, .log = l->head.log, .from = l->coming + 1};

    if (t->theirs <= l->coming || l->asked_of != 0 || t->is_given_up || t->is_other ||
        (t->first > l->coming + 1 && !l->begins) || !s->o.takes(s->o.ud, p->id, &l->head.log))
        return true;
    wf_buf_reset(&s->message);
    (void)wf_sync_message_write(&m, &s->message);
    if (!sent(s, p))
        return false;
    l->asked_of = p->id;
    l->asked_upto = t->theirs;
    l->asked_ns = wf_clock_mono_ns(s->o.clock);
    return true;
}

/* ---- batches ---- */

struct giving {
    struct wf_syncer *s;
    struct wf_syncer_peer *p;
    uint32_t log;   /* which one */
    uint64_t want;  /* the first that was asked for */
    uint64_t first; /* what the log begins with, where that is later; 0: it does not */
    uint64_t last;  /* that is in the message */
    bool is_large;  /* the first does not fit into a message: it goes in parts */
    bool is_broken; /* there was no room on the way */
    bool is_held;   /* the next one must not leave yet */
};

/* Asked of each batch before it is in a message. */
static bool may_leave(struct giving *g, struct wf_str batch)
{
    const struct wf_syncer_options *o = &g->s->o;

    g->is_held = o->leaves != NULL && o->leaves(o->ud, g->p->id, batch) != 0;
    return !g->is_held;
}

static void say_left(struct giving *g, bool is_sent)
{
    const struct wf_syncer_options *o = &g->s->o;

    if (o->left != NULL)
        o->left(o->ud, g->p->id, is_sent);
}

static bool send_parts(struct giving *g, struct wf_str batch)
{
    struct wf_syncer *s = g->s;

    while (g->p->out_at < batch.len) {
        struct wf_sync_message m = {.kind = WF_SYNC_PART,
                                    .total = batch.len,
                                    .at = g->p->out_at,
                                    .bytes = wf_str_sub(batch, (size_t)g->p->out_at, batch.len)};
        m.bytes.len = WF_MIN(m.bytes.len, (size_t)PART_BYTES);
        wf_buf_reset(&s->message);
        (void)wf_sync_message_write(&m, &s->message);
        if (!sent(s, g->p)) {
            say_left(g, false);
            return false;
        }
        say_left(g, true); /* it counts from its first byte on */
        g->p->out_at += m.bytes.len;
    }
    g->p->out_at = 0;
    return true;
}

static int give_one(void *ud, uint64_t number, struct wf_str bytes, struct wf_err *err)
{
    struct giving *g = ud;

    (void)err;
    if (g->last == 0 && number > g->want) {
        g->first = number;
        return 1;
    }
    if (bytes.len > PART_BYTES / 2) {
        if (g->last != 0)
            return 1; /* after what is in the message */
        if (g->p->out_log != g->log || g->p->out_number != number)
            g->p->out_at = 0; /* another one was begun, when there was no more room */
        g->p->out_log = g->log;
        g->p->out_number = number;
        if (g->p->out_at == 0 && !may_leave(g, bytes))
            return 1;
        g->is_large = true;
        g->is_broken = !send_parts(g, bytes);
        g->last = number;
        return 1;
    }
    if (!may_leave(g, bytes))
        return 1;
    if (g->last == 0)
        begin(g->s, WF_SYNC_BATCHES);
    (void)wf_sync_batch_write(bytes, &g->s->message);
    g->last = number;
    return g->s->message.len >= MESSAGE_BYTES;
}

/* That the log begins later than it was asked for. */
static bool send_first(struct wf_syncer *s, struct wf_syncer_peer *p, struct wf_syncer_tie *t,
                       uint64_t first)
{
    const struct wf_sync_log *log = &s->logs[t->log].head.log;
    struct wf_sync_message m = {.kind = WF_SYNC_FIRST, .log = *log, .from = first};

    if (s->o.covers != NULL && s->o.covers(s->o.ud, log, first))
        m.flags = WF_SYNC_COVERED;
    wf_buf_reset(&s->message);
    (void)wf_sync_message_write(&m, &s->message);
    if (!sent(s, p))
        return false;
    t->sending = first;
    return true;
}

/* Batches of one log, one message of them. False: there is no room. */
static bool send_batches(struct wf_syncer *s, struct wf_syncer_peer *p, struct wf_syncer_tie *t)
{
    struct wf_syncer_log *l = &s->logs[t->log];
    struct giving g = {.s = s, .p = p, .log = t->log, .want = t->sending};
    int rc;

    if (t->sending == 0)
        return true;
    if (t->sending > l->head.last || !wf_syncer__may_have(s, p, t->log)) {
        t->sending = 0;
        return true;
    }
    rc =
        s->o.shelf.read(s->o.shelf.ud, &l->head.log, t->sending, MESSAGE_BYTES, give_one, &g, NULL);
    if (rc >= 0 && g.first != 0)
        return send_first(s, p, t, g.first);
    if (rc >= 0 && g.last == 0 && g.is_held) {
        p->is_blocked = true;
        return false;
    }
    if (rc < 0)
        say_left(&g, false);
    if (rc == WF_E_NOMEM) {
        p->is_blocked = p->tries_again = true;
        return false;
    }
    if (rc < 0 || g.last == 0) { /* trimmed, or not to be read: the other asks elsewhere */
        t->sending = 0;
        return true;
    }
    if (g.is_large && g.is_broken)
        return false;
    if (!g.is_large) {
        bool is_sent = sent(s, p);
        say_left(&g, is_sent);
        if (!is_sent)
            return false;
    }
    t->sent = g.last;
    t->told = WF_MAX(t->told, g.last);
    t->sending = g.last < l->head.last ? g.last + 1 : 0;
    return true;
}

/* ---- all of it ---- */

static bool is_done(const struct wf_syncer *s, const struct wf_syncer_peer *p,
                    const struct wf_syncer_tie *t)
{
    return t->sending == 0 && !is_to_be_told(s, p, t);
}

/* One message of each that is queued, in turn, until there is no room or nothing to be done. */
static bool go_round(struct wf_syncer *s, struct wf_syncer_peer *p)
{
    size_t n = p->n_queue, kept = 0, i = 0;
    bool has_room = true;

    for (; i < n && has_room; i++) {
        struct wf_syncer_tie *t = &p->ties[p->queue[i]];
        has_room = ask(s, p, t) && send_batches(s, p, t);
        if (has_room && is_done(s, p, t))
            t->is_queued = false;
        else
            p->queue[kept++] = p->queue[i];
    }
    memmove(p->queue + kept, p->queue + i, (n - i) * sizeof(*p->queue));
    p->n_queue = kept + (n - i);
    return has_room;
}

void wf_syncer__pump(struct wf_syncer *s, struct wf_syncer_peer *p)
{
    if (p->is_blocked || (!p->has_hello && !send_hello(s, p)))
        return;
    if (!tell_heads(s, p))
        return;
    while (p->n_queue > 0 && go_round(s, p))
        ;
}

void wf_syncer__pump_all(struct wf_syncer *s)
{
    /* One that is blocked is in it again once there is room, and something is to be sent. */
    while (!wf_list_empty(&s->ready)) {
        struct wf_list *it = s->ready.next;
        wf_list_remove(it);
        wf_syncer__pump(s, WF_CONTAINER(it, struct wf_syncer_peer, ready));
    }
}

int wf_syncer_send(struct wf_syncer *s, uint64_t peer, const struct wf_sync_message *m,
                   struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    if (wf_syncer__peer(s, peer) == NULL)
        return wf_err_set(err, WF_E_NOENT, "This node is not connected.");
    wf_buf_init(&b, WF_LINK_MESSAGE_BYTES);
    rc = wf_sync_message_write(m, &b);
    rc = rc != 0 ? wf_err_set(err, rc, "This is too long to be sent at once.")
                 : s->o.send(s->o.ud, peer, wf_buf_str(&b), err);
    wf_buf_deinit(&b);
    return rc;
}
