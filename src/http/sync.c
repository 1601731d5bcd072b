/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket connections of drafts: between libwebsockets, on the event thread, and rooms
 * (space/room.h), on workers.
 *
 *   bytes -> message -> inbox -> worker: room -> (commit) -> outbox -> writable -> bytes
 *
 * A connection's messages are dealt with one after the other by whichever worker has it. Both boxes
 * are bounded: who sends faster than it is dealt with is not read for a while; who reads more
 * slowly than others write is let go: it has lost nothing, since it asks anew for what it lacks. */
#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "http/http_internal.h"
#include "space/room.h"

#define WORKERS 2
#define CHUNK_BYTES ((size_t)32 << 10)
#define CHUNKS_AT_ONCE 16    /* then others have their turn */
#define TRY_AGAIN_LATER 1013 /* RFC 6455's registry; libwebsockets has no name for it */
#define SILENCE_NS ((int64_t)45 * 1000000000)

struct message {
    struct wf_list node;
    size_t n, at; /* at: sent so far */
    unsigned char bytes[];
};

struct wf_sync_conn {
    struct wf_list node;  /* event: in sync->conns */
    struct wf_list dirty; /* sync->lock: in sync->dirty */
    struct wf_sync *sync;
    struct lws *wsi;               /* event; NULL once it is closed */
    struct wf_buf incoming;        /* event: a message that is not whole yet */
    int64_t heard_ns;              /* event */
    bool asks;                     /* event: a ping is to be sent */
    bool is_paused;                /* event: it is not read */
    _Atomic unsigned n_refs;       /* event, worker, room's client */
    struct wf_room_client *client; /* worker */
    char *space, *name;
    uint64_t phone; /* whose it is; 0: the owner's */

    pthread_mutex_t lock; /* guards what follows; rank: last but sync->lock */
    struct wf_list inbox, outbox;
    size_t inbox_bytes, outbox_bytes;
    bool is_doubted; /* its draft may have become secret: a worker is to look */
    bool is_busy;    /* a worker has it */
    bool is_closed;  /* there is nobody at the other end */
    int drop_code;   /* not 0: to be closed with this status */
    bool is_stuck;   /* it does not read: closed without waiting for it */
};

struct wf_sync {
    struct wf_http *h;
    struct wf_rooms *rooms;
    struct wf_team *team;
    struct wf_list conns;
    pthread_mutex_t lock; /* guards dirty; rank: last */
    struct wf_list dirty;
};

/* ---- making and ending ---- */

int wf_sync_new(struct wf_http *h, struct wf_sync **out, struct wf_err *err)
{
    struct wf_sync *s = wf_alloc_array(1, sizeof(*s));
    int rc;

    if (!s)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    s->h = h;
    wf_list_init(&s->conns);
    wf_list_init(&s->dirty);
    pthread_mutex_init(&s->lock, NULL);
    rc = wf_rooms_new(h->o.ops->drafts, &s->rooms);
    if (rc == 0) /* every connection is queued once at most */
        rc = wf_team_new("sync", WORKERS, WF_LIMIT_HTTP_CONNECTIONS + 16, &s->team, err);
    else
        rc = wf_err_set(err, rc, "Out of memory.");
    if (rc != 0) {
        wf_sync_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void wf_sync_free(struct wf_sync *s)
{
    if (!s)
        return;
    wf_team_free(s->team);
    wf_rooms_free(s->rooms);
    wf_sync_wake(s); /* what is still noted for the event thread */
    pthread_mutex_destroy(&s->lock);
    wf_free(s);
}

static void free_messages(struct wf_list *list)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, list)
    {
        wf_free(WF_CONTAINER(it, struct message, node));
    }
}

static void unref(struct wf_sync_conn *c)
{
    if (atomic_fetch_sub(&c->n_refs, 1) != 1)
        return;
    free_messages(&c->inbox);
    free_messages(&c->outbox);
    wf_buf_deinit(&c->incoming);
    pthread_mutex_destroy(&c->lock);
    wf_free(c->space);
    wf_free(c->name);
    wf_free(c);
}

/* /sync/SPACE/NAME */
static bool read_path(struct wf_str path, struct wf_sync_conn *c)
{
    struct wf_str rest = wf_str_sub(path, 6, path.len);
    size_t slash = wf_str_find_byte(rest, '/', 0);
    struct wf_str space, name;

    if (slash == SIZE_MAX)
        return false;
    space = wf_str_sub(rest, 0, slash);
    name = wf_str_sub(rest, slash + 1, rest.len);
    c->space = wf_memdup0(space.ptr, space.len);
    c->name = wf_memdup0(name.ptr, name.len);
    return c->space && c->name && wf_str_find_byte(name, '/', 0) == SIZE_MAX;
}

struct wf_sync_conn *wf_sync_open(struct wf_http *h, struct lws *wsi, struct wf_str path,
                                  uint64_t phone)
{
    struct wf_sync_conn *c = wf_alloc_array(1, sizeof(*c));

    if (!c)
        return NULL;
    c->sync = h->sync;
    c->wsi = wsi;
    c->phone = phone;
    c->heard_ns = wf_clock_mono_ns(NULL);
    atomic_init(&c->n_refs, 1);
    wf_list_init(&c->node);
    wf_list_init(&c->dirty);
    wf_list_init(&c->inbox);
    wf_list_init(&c->outbox);
    wf_buf_init(&c->incoming, WF_LIMIT_SYNC_MESSAGE_BYTES);
    pthread_mutex_init(&c->lock, NULL);
    if (!read_path(path, c)) {
        unref(c);
        return NULL;
    }
    wf_list_push(&h->sync->conns, &c->node);
    return c;
}

/* ---- between the threads ---- */

/* Has the event thread look at it. */
static void touch(struct wf_sync_conn *c)
{
    pthread_mutex_lock(&c->sync->lock);
    if (wf_list_empty(&c->dirty)) {
        atomic_fetch_add(&c->n_refs, 1);
        wf_list_push(&c->sync->dirty, &c->dirty);
    }
    pthread_mutex_unlock(&c->sync->lock);
    wf_http__wake(c->sync->h);
}

static void drop(struct wf_sync_conn *c, int code)
{
    pthread_mutex_lock(&c->lock);
    if (c->drop_code == 0)
        c->drop_code = code;
    pthread_mutex_unlock(&c->lock);
    touch(c);
}

static struct message *message_new(struct wf_str bytes)
{
    struct message *m = wf_alloc(sizeof(*m) + LWS_PRE + bytes.len);

    if (!m)
        return NULL;
    wf_list_init(&m->node);
    m->n = bytes.len;
    m->at = 0;
    memcpy(m->bytes + LWS_PRE, bytes.ptr, bytes.len);
    return m;
}

/* ---- the room's side ---- */

static void peer_send(void *ud, struct wf_str bytes)
{
    struct wf_sync_conn *c = ud;
    struct message *m = message_new(bytes);
    bool was_empty = false;

    pthread_mutex_lock(&c->lock);
    if (!m || c->outbox_bytes > WF_LIMIT_SYNC_OUTBOX_BYTES) {
        c->drop_code = c->drop_code ? c->drop_code : TRY_AGAIN_LATER;
        c->is_stuck = m != NULL;
    }
    if (!m || c->drop_code != 0 || c->is_closed) {
        wf_free(m);
    } else {
        was_empty = wf_list_empty(&c->outbox);
        wf_list_push(&c->outbox, &m->node);
        c->outbox_bytes += bytes.len;
    }
    was_empty = was_empty || c->drop_code != 0;
    pthread_mutex_unlock(&c->lock);
    if (was_empty)
        touch(c);
}

static void peer_drop(void *ud)
{
    drop(ud, TRY_AGAIN_LATER);
}

static void peer_release(void *ud)
{
    unref(ud);
}

/* A phone is not for what is secret. */
static bool is_hidden(struct wf_sync_conn *c)
{
    return c->phone != 0 &&
           wf_op_draft_hidden(c->sync->h->o.ops, wf_str_from(c->space), wf_str_from(c->name));
}

static int join(struct wf_sync_conn *c, struct wf_err *err)
{
    const struct wf_room_peer peer = {
        .send = peer_send, .drop = peer_drop, .release = peer_release, .ud = c};
    int rc = is_hidden(c) ? wf_err_set(err, WF_E_NOENT, "There is no such draft.")
                          : wf_room_join(c->sync->rooms, wf_str_from(c->space),
                                         wf_str_from(c->name), &peer, &c->client, err);

    if (rc == 0)
        atomic_fetch_add(&c->n_refs, 1);
    return rc;
}

/* The close status that says why. */
static int code_of(int rc)
{
    switch (rc) {
    case WF_E_FORMAT:
    case WF_E_INVAL:
        return LWS_CLOSE_STATUS_INVALID_PAYLOAD;
    case WF_E_LIMIT:
        return LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE;
    case WF_E_DENIED:
    case WF_E_NOENT:
        return LWS_CLOSE_STATUS_POLICY_VIOLATION;
    default:
        return TRY_AGAIN_LATER;
    }
}

enum step {
    STEP_JOIN,
    STEP_MESSAGE,
    STEP_LOOK, /* whether it is for a phone still */
    STEP_LEAVE,
    STEP_REST, /* the worker is done with the connection, for now */
};

static enum step next_step(struct wf_sync_conn *c, struct message **out)
{
    enum step step = STEP_REST;
    bool resume = false;

    pthread_mutex_lock(&c->lock);
    if (c->is_closed) {
        step = c->client ? STEP_LEAVE : STEP_REST;
    } else if (c->drop_code == 0 && !c->client) {
        step = STEP_JOIN;
    } else if (c->drop_code == 0 && c->is_doubted) {
        c->is_doubted = false;
        step = STEP_LOOK;
    } else if (c->drop_code == 0 && !wf_list_empty(&c->inbox)) {
        struct message *m = WF_CONTAINER(c->inbox.next, struct message, node);
        wf_list_remove(&m->node);
        resume = c->inbox_bytes > WF_LIMIT_SYNC_INBOX_BYTES;
        c->inbox_bytes -= m->n;
        resume = resume && c->inbox_bytes <= WF_LIMIT_SYNC_INBOX_BYTES;
        *out = m;
        step = STEP_MESSAGE;
    }
    c->is_busy = step != STEP_LEAVE && step != STEP_REST;
    pthread_mutex_unlock(&c->lock);
    if (resume)
        touch(c);
    return step;
}

static void work(void *ud)
{
    struct wf_sync_conn *c = ud;
    struct message *m = NULL;
    enum step step;
    int rc = 0;

    while ((step = next_step(c, &m)) != STEP_LEAVE && step != STEP_REST) {
        if (step == STEP_JOIN) {
            rc = join(c, NULL);
        } else if (step == STEP_LOOK) {
            rc = is_hidden(c) ? WF_E_DENIED : 0;
        } else {
            rc = wf_room_receive(c->client, wf_str_n((char *)m->bytes + LWS_PRE, m->n), NULL);
            wf_free(m);
        }
        if (rc != 0)
            drop(c, code_of(rc));
    }
    if (step == STEP_LEAVE) { /* closed: no other worker comes */
        struct wf_room_client *client = c->client;
        c->client = NULL;
        wf_room_leave(client);
    }
    unref(c);
}

/* Has a worker look at it, unless one does already. c->lock is held. */
static bool claim(struct wf_sync_conn *c)
{
    if (c->is_busy)
        return false;
    c->is_busy = true;
    atomic_fetch_add(&c->n_refs, 1);
    return true;
}

static void post(struct wf_sync_conn *c)
{
    if (!c->sync->team || wf_team_post(c->sync->team, work, c) != 0)
        work(c); /* the end: nobody else is there to do it */
}

/* ---- the event thread's side ---- */

int wf_sync_established(struct wf_sync_conn *c)
{
    bool claimed;

    if (!c)
        return -1;
    lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0);
    pthread_mutex_lock(&c->lock);
    claimed = claim(c);
    pthread_mutex_unlock(&c->lock);
    if (claimed)
        post(c);
    return 0;
}

static int refuse(struct wf_sync_conn *c, int status)
{
    lws_close_reason(c->wsi, (enum lws_close_status)status, NULL, 0);
    return -1;
}

/* Puts the message that came into the inbox. */
static int take_in(struct wf_sync_conn *c)
{
    struct message *m = message_new(wf_buf_str(&c->incoming));
    bool claimed, full;

    if (!m)
        return refuse(c, TRY_AGAIN_LATER);
    if (c->incoming._cap > WF_LIMIT_SYNC_INBOX_BYTES)
        wf_buf_deinit(&c->incoming);
    wf_buf_reset(&c->incoming);
    pthread_mutex_lock(&c->lock);
    wf_list_push(&c->inbox, &m->node);
    c->inbox_bytes += m->n;
    full = c->inbox_bytes > WF_LIMIT_SYNC_INBOX_BYTES;
    claimed = claim(c);
    pthread_mutex_unlock(&c->lock);
    if (claimed)
        post(c);
    if (full && !c->is_paused) {
        c->is_paused = true;
        lws_rx_flow_control(c->wsi, 0);
    }
    return 0;
}

int wf_sync_received(struct wf_sync_conn *c, const void *bytes, size_t n)
{
    if (!c)
        return -1;
    c->heard_ns = wf_clock_mono_ns(NULL);
    if (lws_is_first_fragment(c->wsi) && !lws_frame_is_binary(c->wsi))
        return refuse(c, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE);
    if (wf_buf_append(&c->incoming, bytes, n) != 0)
        return refuse(c, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE);
    if (!lws_is_final_fragment(c->wsi) || lws_remaining_packet_payload(c->wsi) > 0)
        return 0;
    return take_in(c);
}

void wf_sync_heard(struct wf_sync_conn *c)
{
    if (c)
        c->heard_ns = wf_clock_mono_ns(NULL);
}

static int write_ping(struct wf_sync_conn *c)
{
    unsigned char frame[LWS_PRE + 1];

    c->asks = false;
    return lws_write(c->wsi, frame + LWS_PRE, 0, LWS_WRITE_PING) < 0 ? -1 : 0;
}

/* The first message of the outbox, which only this thread takes out; NULL: none. */
static struct message *first_out(struct wf_sync_conn *c)
{
    struct message *m = NULL;

    pthread_mutex_lock(&c->lock);
    if (!wf_list_empty(&c->outbox))
        m = WF_CONTAINER(c->outbox.next, struct message, node);
    pthread_mutex_unlock(&c->lock);
    return m;
}

static void done_with(struct wf_sync_conn *c, struct message *m)
{
    pthread_mutex_lock(&c->lock);
    wf_list_remove(&m->node);
    c->outbox_bytes -= m->n;
    pthread_mutex_unlock(&c->lock);
    wf_free(m);
}

/* The next piece of a message. */
static int write_piece(struct wf_sync_conn *c, struct message *m)
{
    size_t n = WF_MIN(m->n - m->at, CHUNK_BYTES);
    int flags = lws_write_ws_flags(LWS_WRITE_BINARY, m->at == 0, m->at + n == m->n);

    /* The bytes before a later piece were sent: the frame's head may lie there. */
    if (lws_write(c->wsi, m->bytes + LWS_PRE + m->at, n, (enum lws_write_protocol)flags) < 0)
        return -1;
    m->at += n;
    if (m->at == m->n)
        done_with(c, m);
    return 0;
}

int wf_sync_writable(struct wf_sync_conn *c)
{
    struct message *m;
    int code;

    if (!c)
        return -1;
    pthread_mutex_lock(&c->lock);
    code = c->drop_code;
    pthread_mutex_unlock(&c->lock);
    if (code != 0)
        return refuse(c, code);
    if (c->asks && write_ping(c) != 0)
        return -1;
    for (int i = 0; i < CHUNKS_AT_ONCE; i++) {
        m = first_out(c);
        if (!m)
            return 0;
        if (lws_send_pipe_choked(c->wsi))
            break;
        if (write_piece(c, m) != 0)
            return -1;
    }
    lws_callback_on_writable(c->wsi);
    return 0;
}

void wf_sync_closed(struct wf_sync_conn *c)
{
    bool claimed;

    if (!c)
        return;
    c->wsi = NULL;
    wf_list_remove(&c->node);
    pthread_mutex_lock(&c->lock);
    c->is_closed = true;
    claimed = claim(c);
    pthread_mutex_unlock(&c->lock);
    if (claimed)
        post(c);
    unref(c);
}

static void look_at(struct wf_sync_conn *c)
{
    bool is_stuck, has_room;

    pthread_mutex_lock(&c->lock);
    is_stuck = c->is_stuck;
    has_room = c->inbox_bytes <= WF_LIMIT_SYNC_INBOX_BYTES;
    pthread_mutex_unlock(&c->lock);
    if (is_stuck) {
        lws_set_timeout(c->wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_ASYNC);
        return;
    }
    if (c->is_paused && has_room) {
        c->is_paused = false;
        lws_rx_flow_control(c->wsi, 1);
    }
    lws_callback_on_writable(c->wsi);
}

void wf_sync_wake(struct wf_sync *s)
{
    struct wf_list dirty, *it, *tmp;

    if (!s)
        return;
    wf_list_init(&dirty);
    pthread_mutex_lock(&s->lock);
    if (!wf_list_empty(&s->dirty)) {
        dirty = s->dirty;
        dirty.next->prev = &dirty;
        dirty.prev->next = &dirty;
        wf_list_init(&s->dirty);
    }
    pthread_mutex_unlock(&s->lock);
    WF_LIST_EACH(it, tmp, &dirty)
    {
        struct wf_sync_conn *c = WF_CONTAINER(it, struct wf_sync_conn, dirty);
        pthread_mutex_lock(&s->lock);
        wf_list_remove(&c->dirty);
        pthread_mutex_unlock(&s->lock);
        if (c->wsi)
            look_at(c);
        unref(c);
    }
}

/* Has a worker look whether what a phone has open is secret by now. */
static void doubt(struct wf_sync_conn *c)
{
    bool claimed;

    if (c->phone == 0)
        return;
    pthread_mutex_lock(&c->lock);
    c->is_doubted = true;
    claimed = claim(c);
    pthread_mutex_unlock(&c->lock);
    if (claimed)
        post(c);
}

void wf_sync_beat(struct wf_sync *s)
{
    int64_t now_ns = wf_clock_mono_ns(NULL);
    struct wf_list *it, *tmp;

    if (!s)
        return;
    WF_LIST_EACH(it, tmp, &s->conns)
    {
        struct wf_sync_conn *c = WF_CONTAINER(it, struct wf_sync_conn, node);
        if (now_ns - c->heard_ns > SILENCE_NS) {
            lws_set_timeout(c->wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_ASYNC);
            continue;
        }
        c->asks = true;
        doubt(c);
        lws_callback_on_writable(c->wsi);
    }
}

void wf_sync_revoked(struct wf_sync *s, uint64_t phone)
{
    struct wf_list *it, *tmp;

    if (!s)
        return;
    WF_LIST_EACH(it, tmp, &s->conns)
    {
        struct wf_sync_conn *c = WF_CONTAINER(it, struct wf_sync_conn, node);
        if (c->phone == phone)
            lws_set_timeout(c->wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_SYNC);
    }
}

void wf_sync_stop(struct wf_sync *s)
{
    struct wf_list *it, *tmp;

    if (!s)
        return;
    WF_LIST_EACH(it, tmp, &s->conns)
    {
        struct wf_sync_conn *c = WF_CONTAINER(it, struct wf_sync_conn, node);
        atomic_fetch_add(&c->n_refs, 1); /* the callback that it is closed still comes */
        wf_sync_closed(c);
    }
    wf_team_free(s->team);
    s->team = NULL;
}

void wf_handle_sync(struct wf_request *r)
{
    wf_answer_header(r, "upgrade:", "websocket");
    wf_answer_problem(r, 426, "INVAL", "Drafts are edited over WebSocket, at this address.", NULL);
}
