/* SPDX-License-Identifier: Apache-2.0 */
/* A room is a list of clients and the presence of all of them, one lock for both. It hears what
 * becomes durable from the draft (on the committing thread) and passes it on to everybody but who
 * made it. What a client asks for is read at once and sent behind the commit of all that was read.
 *
 * Locks: that of all rooms, then a room's. Neither is held while a draft is changed or opened; the
 * draft calls us with its list of listeners locked, so a room is left by the draft without its own.
 */
#include "space/room.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/list.h"
#include "crdt/awareness.h"
#include "space/space.h"
#include "space/sync_frame.h"

/* Presences that one connection speaks for: more are not a person's. */
#define IDS_MAX 64

struct room {
    struct wf_list node; /* in rooms, while somebody is in it and it is not gone */
    struct wf_rooms *rooms;
    struct wf_draft *draft;
    unsigned n_users;     /* guarded by rooms->lock: clients, and who is about to join */
    pthread_mutex_t lock; /* guards what follows */
    struct wf_list clients;
    size_t n_clients;
    struct wf_awareness *awareness;
    bool is_gone;
};

struct wf_rooms {
    struct wf_drafts *all;
    pthread_mutex_t lock;
    pthread_cond_t left; /* one has become empty */
    struct wf_list rooms;
    size_t n_rooms; /* that have users, gone ones too */
};

struct wf_room_client {
    struct wf_list node;
    struct room *room;
    struct wf_room_peer peer;
    unsigned n_refs; /* guarded by rooms->lock */
    enum wf_sync_dialect dialect;
    struct wf_str space, name;            /* of the draft, behind the struct */
    struct wf_buf said;                   /* how Hocuspocus's client calls it */
    struct wf_sync_presence ids[IDS_MAX]; /* guarded by the room's lock */
    size_t n_ids;
    char text[];
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (a draft's connections).");
}

/* ---- rooms ---- */

int wf_rooms_new(struct wf_drafts *all, struct wf_rooms **out)
{
    struct wf_rooms *rooms = wf_alloc_array(1, sizeof(*rooms));

    if (!rooms)
        return WF_E_NOMEM;
    rooms->all = all;
    pthread_mutex_init(&rooms->lock, NULL);
    pthread_cond_init(&rooms->left, NULL);
    wf_list_init(&rooms->rooms);
    *out = rooms;
    return 0;
}

void wf_rooms_free(struct wf_rooms *rooms)
{
    if (!rooms)
        return;
    pthread_mutex_lock(&rooms->lock);
    while (rooms->n_rooms > 0) /* until what was asked of drafts is answered */
        pthread_cond_wait(&rooms->left, &rooms->lock);
    pthread_mutex_unlock(&rooms->lock);
    pthread_cond_destroy(&rooms->left);
    pthread_mutex_destroy(&rooms->lock);
    wf_free(rooms);
}

/* Sends one message to a client, in its protocol; out of memory it is let go. */
static void send_to(struct wf_room_client *c, enum wf_sync_kind kind, struct wf_str bytes)
{
    struct wf_buf message;

    if (c->dialect == WF_SYNC_UNKNOWN)
        return; /* it has not asked yet: it will get everything */
    wf_buf_init(&message, (size_t)WF_LIMIT_SYNC_MESSAGE_BYTES * 2 + 1024);
    wf_sync_write(c->dialect, wf_buf_str(&c->said), kind, bytes, &message);
    if (wf_buf_status(&message) != 0)
        c->peer.drop(c->peer.ud);
    else if (message.len > 0)
        c->peer.send(c->peer.ud, wf_buf_str(&message));
    wf_buf_deinit(&message);
}

static void on_draft(void *ud, const struct wf_draft_event *e)
{
    struct room *room = ud;
    struct wf_list *it, *tmp;

    pthread_mutex_lock(&room->lock);
    room->is_gone = room->is_gone || !e->update.ptr;
    WF_LIST_EACH(it, tmp, &room->clients)
    {
        struct wf_room_client *c = WF_CONTAINER(it, struct wf_room_client, node);
        if (!e->update.ptr)
            c->peer.drop(c->peer.ud);
        else if (c != e->from)
            send_to(c, WF_SYNC_UPDATE, e->update);
    }
    pthread_mutex_unlock(&room->lock);
}

static void room_free(struct room *room)
{
    wf_draft_unsubscribe(room->draft, on_draft, room);
    wf_draft_close(room->draft);
    wf_awareness_free(room->awareness);
    pthread_mutex_destroy(&room->lock);
    wf_free(room);
}

/* A room of its own for the draft, which is taken over. NULL out of memory. */
static struct room *room_new(struct wf_rooms *rooms, struct wf_draft *d)
{
    struct room *room = wf_alloc_array(1, sizeof(*room));

    if (!room || wf_awareness_new(0, &room->awareness) != 0) {
        wf_free(room);
        return NULL;
    }
    room->rooms = rooms;
    room->draft = d;
    wf_list_init(&room->node);
    wf_list_init(&room->clients);
    pthread_mutex_init(&room->lock, NULL);
    if (wf_draft_subscribe(d, on_draft, room) != 0) {
        wf_awareness_free(room->awareness);
        pthread_mutex_destroy(&room->lock);
        wf_free(room);
        return NULL;
    }
    return room;
}

static bool is_gone(struct room *room)
{
    bool is;

    pthread_mutex_lock(&room->lock);
    is = room->is_gone;
    pthread_mutex_unlock(&room->lock);
    return is;
}

/* The draft's room with one user more; `d` is taken over, also on failure. */
static struct room *enter(struct wf_rooms *rooms, struct wf_draft *d)
{
    struct room *fresh = room_new(rooms, d), *found = NULL;
    struct wf_list *it, *tmp;

    if (!fresh) {
        wf_draft_close(d);
        return NULL;
    }
    pthread_mutex_lock(&rooms->lock);
    WF_LIST_EACH(it, tmp, &rooms->rooms)
    {
        struct room *room = WF_CONTAINER(it, struct room, node);
        if (room->draft == d && !is_gone(room)) {
            found = room;
            break;
        }
    }
    if (!found) {
        wf_list_push(&rooms->rooms, &fresh->node);
        rooms->n_rooms++;
    }
    (found ? found : fresh)->n_users++;
    pthread_mutex_unlock(&rooms->lock);
    if (found)
        room_free(fresh);
    return found ? found : fresh;
}

static void leave_room(struct room *room)
{
    struct wf_rooms *rooms = room->rooms;
    bool last;

    pthread_mutex_lock(&rooms->lock);
    last = --room->n_users == 0;
    if (last)
        wf_list_remove(&room->node);
    pthread_mutex_unlock(&rooms->lock);
    if (!last)
        return;
    room_free(room);
    pthread_mutex_lock(&rooms->lock);
    rooms->n_rooms--;
    pthread_cond_signal(&rooms->left);
    pthread_mutex_unlock(&rooms->lock);
}

/* ---- clients ---- */

static void ref(struct wf_room_client *c)
{
    pthread_mutex_lock(&c->room->rooms->lock);
    c->n_refs++;
    pthread_mutex_unlock(&c->room->rooms->lock);
}

/* The last one also leaves the room, which is there as long as its clients. */
static void unref(struct wf_room_client *c)
{
    struct room *room = c->room;
    bool last;

    pthread_mutex_lock(&room->rooms->lock);
    last = --c->n_refs == 0;
    pthread_mutex_unlock(&room->rooms->lock);
    if (!last)
        return;
    c->peer.release(c->peer.ud);
    wf_buf_deinit(&c->said);
    wf_free(c);
    leave_room(room);
}

static struct wf_room_client *client_new(struct wf_str space, struct wf_str name,
                                         const struct wf_room_peer *peer)
{
    struct wf_room_client *c = wf_alloc_array(1, sizeof(*c) + space.len + name.len + 2);

    if (!c)
        return NULL;
    memcpy(c->text, space.ptr, space.len);
    memcpy(c->text + space.len, name.ptr, name.len);
    c->space = wf_str_n(c->text, space.len);
    c->name = wf_str_n(c->text + space.len, name.len);
    c->peer = *peer;
    c->n_refs = 1;
    wf_list_init(&c->node);
    wf_buf_init(&c->said, 4 * WF_LIMIT_NAME_BYTES);
    return c;
}

/* Puts the client into the room's list. */
static int add_client(struct room *room, struct wf_room_client *c, struct wf_err *err)
{
    int rc = 0;

    pthread_mutex_lock(&room->lock);
    if (room->n_clients >= WF_LIMIT_SYNC_CLIENTS)
        rc = wf_err_set(err, WF_E_LIMIT, "The draft is open in %d places already.",
                        WF_LIMIT_SYNC_CLIENTS);
    if (rc == 0) {
        wf_list_push(&room->clients, &c->node);
        room->n_clients++;
    }
    pthread_mutex_unlock(&room->lock);
    return rc;
}

/* The 32 hex digits of a draft's uid; false: it is a name. */
static bool read_uid(struct wf_str name, uint8_t out[WF_DRAFT_UID_BYTES])
{
    size_t n = 0;

    return name.len == 2 * WF_DRAFT_UID_BYTES &&
           sodium_hex2bin(out, WF_DRAFT_UID_BYTES, name.ptr, name.len, NULL, &n, NULL) == 0 &&
           n == WF_DRAFT_UID_BYTES;
}

/* By its uid it is the same draft whatever it is called now, and none is made. */
static int open_draft(struct wf_rooms *rooms, struct wf_str space, struct wf_str name,
                      struct wf_draft **out, struct wf_err *err)
{
    uint8_t uid[WF_DRAFT_UID_BYTES];
    int rc;

    if (!read_uid(name, uid))
        return wf_draft_open_named(rooms->all, space, name, true, out, err);
    rc = wf_draft_open_uid(rooms->all, uid, out, err);
    return rc == WF_E_NOENT ? wf_draft_open_named(rooms->all, space, name, false, out, err) : rc;
}

int wf_room_join(struct wf_rooms *rooms, struct wf_str space, struct wf_str name,
                 const struct wf_room_peer *peer, struct wf_room_client **out, struct wf_err *err)
{
    struct wf_room_client *c;
    struct wf_draft *d = NULL;
    struct room *room;
    int rc = wf_space_name_check(space, "space", err);

    if (rc == 0)
        rc = wf_space_name_check(name, "draft", err);
    if (rc == 0)
        rc = open_draft(rooms, space, name, &d, err);
    if (rc != 0)
        return rc;
    room = enter(rooms, d);
    if (!room)
        return no_memory(err);
    c = client_new(space, name, peer);
    rc = c ? 0 : no_memory(err);
    if (rc == 0) {
        c->room = room;
        rc = add_client(room, c, err);
    }
    if (rc != 0) {
        wf_free(c);
        leave_room(room);
        return rc;
    }
    *out = c;
    return 0;
}

/* Tells everybody an awareness message; the room's lock is held. Also who sent it: its client takes
 * that as a sign that the connection lives. */
static void tell_awareness(struct room *room, struct wf_str message)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &room->clients)
    {
        send_to(WF_CONTAINER(it, struct wf_room_client, node), WF_SYNC_AWARENESS, message);
    }
}

/* Its presences go; the room's lock is held. */
static void forget(struct room *room, struct wf_room_client *c)
{
    struct wf_buf message;
    int rc;

    if (c->n_ids == 0)
        return;
    wf_buf_init(&message, IDS_MAX * 64);
    for (size_t i = 0; i < c->n_ids; i++)
        c->ids[i].clock++;
    wf_sync_presence_gone(c->ids, c->n_ids, &message);
    rc = wf_buf_status(&message);
    if (rc == 0)
        rc =
            wf_awareness_apply(room->awareness, wf_buf_str(&message), wf_clock_wall_ms(NULL), NULL);
    if (rc == 0) /* else they go by themselves, for want of news */
        tell_awareness(room, wf_buf_str(&message));
    wf_buf_deinit(&message);
}

void wf_room_leave(struct wf_room_client *c)
{
    struct room *room = c->room;

    pthread_mutex_lock(&room->lock);
    wf_list_remove(&c->node);
    room->n_clients--;
    forget(room, c);
    pthread_mutex_unlock(&room->lock);
    unref(c);
}

/* ---- what comes ---- */

/* A message that waits for the commit of what it says. */
struct reply {
    struct wf_room_client *c;
    enum wf_sync_kind kind;
    struct wf_buf bytes;
};

static void on_durable(void *ud, int rc)
{
    struct reply *reply = ud;
    struct wf_room_client *c = reply->c;

    if (rc == 0)
        send_to(c, reply->kind, wf_buf_str(&reply->bytes));
    else
        c->peer.drop(c->peer.ud);
    wf_buf_deinit(&reply->bytes);
    wf_free(reply);
    unref(c);
}

static struct reply *reply_new(struct wf_room_client *c, enum wf_sync_kind kind)
{
    struct reply *reply = wf_alloc_array(1, sizeof(*reply));

    if (!reply)
        return NULL;
    reply->c = c;
    reply->kind = kind;
    wf_buf_init(&reply->bytes, (size_t)WF_LIMIT_DRAFT_BYTES * 2);
    ref(c);
    return reply;
}

static void reply_free(struct reply *reply)
{
    wf_buf_deinit(&reply->bytes);
    unref(reply->c);
    wf_free(reply);
}

struct asked {
    struct wf_str vector;
    struct wf_buf *update, *own;
};

static int read_state(void *ud, struct wf_crdt *doc, struct wf_err *err)
{
    struct asked *a = ud;
    int rc = wf_crdt_encode(doc, a->vector, WF_CRDT_V1, a->update);

    if (rc == 0)
        rc = wf_crdt_state_vector(doc, a->own);
    return rc == 0 ? 0 : wf_err_set(err, rc, "A sync message is malformed.");
}

/* Answers with what the client lacks, then asks for what it has. */
static int on_step1(struct wf_room_client *c, struct wf_str vector, struct wf_err *err)
{
    struct reply *two = reply_new(c, WF_SYNC_STEP2), *one = reply_new(c, WF_SYNC_STEP1);
    struct wf_draft *d = c->room->draft;
    struct wf_draft_ack ack = {.fn = on_durable};
    int rc = two && one ? 0 : no_memory(err);

    if (rc == 0) {
        struct asked a = {.vector = vector, .update = &two->bytes, .own = &one->bytes};
        rc = wf_draft_read(d, read_state, &a, err);
    }
    if (rc == 0) {
        ack.ud = two;
        rc = wf_draft_after(d, &ack, err);
        two = rc == 0 ? NULL : two;
    }
    if (rc == 0) {
        ack.ud = one;
        rc = wf_draft_after(d, &ack, err);
        one = rc == 0 ? NULL : one;
    }
    if (two)
        reply_free(two);
    if (one)
        reply_free(one);
    return rc;
}

static int on_update(struct wf_room_client *c, struct wf_str update, struct wf_err *err)
{
    struct wf_draft_ack ack = {.from = c};
    struct reply *reply = NULL;
    int rc;

    if (c->dialect == WF_SYNC_HOCUSPOCUS) { /* it wants to know */
        reply = reply_new(c, WF_SYNC_OTHER);
        if (!reply)
            return no_memory(err);
        ack.fn = on_durable;
        ack.ud = reply;
    }
    rc = wf_draft_apply(c->room->draft, update, &ack, err);
    if (rc != 0 && reply)
        reply_free(reply);
    /* Who may only read goes on reading; what it changed stays with it. */
    return rc == WF_E_DENIED ? 0 : rc;
}

/* Notes for whom the client speaks; false: for too many. The room's lock is held. */
static bool note_ids(struct wf_room_client *c, struct wf_str message)
{
    struct wf_sync_presence p;

    for (size_t n = 0; wf_sync_presence_at(message, n, &p); n++) {
        size_t i = 0;
        while (i < c->n_ids && c->ids[i].client != p.client)
            i++;
        if (i == c->n_ids && p.is_gone)
            continue; /* it tells of somebody else, who went */
        if (i == IDS_MAX)
            return false;
        c->ids[i] = p;
        c->n_ids += i == c->n_ids;
        if (p.is_gone)
            c->ids[i] = c->ids[--c->n_ids];
    }
    return true;
}

static int on_awareness(struct wf_room_client *c, struct wf_str message, struct wf_err *err)
{
    struct room *room = c->room;
    size_t n = 0;
    int rc;

    pthread_mutex_lock(&room->lock);
    rc = wf_awareness_apply(room->awareness, message, wf_clock_wall_ms(NULL), &n);
    if (rc == 0 && !note_ids(c, message))
        rc = WF_E_LIMIT;
    if (rc == 0 && n > 0)
        tell_awareness(room, message);
    pthread_mutex_unlock(&room->lock);
    return rc == 0 ? 0 : wf_err_set(err, rc, "An awareness message is malformed or too large.");
}

/* Tells the client who is here. */
static int on_who(struct wf_room_client *c, struct wf_err *err)
{
    struct wf_buf message;
    int rc;

    wf_buf_init(&message, WF_LIMIT_SYNC_MESSAGE_BYTES);
    pthread_mutex_lock(&c->room->lock);
    rc = wf_awareness_encode(c->room->awareness, NULL, 0, &message);
    if (rc == 0 && message.len > 1)
        send_to(c, WF_SYNC_AWARENESS, wf_buf_str(&message));
    pthread_mutex_unlock(&c->room->lock);
    wf_buf_deinit(&message);
    return rc == 0 ? 0 : no_memory(err);
}

/* The first message tells the protocol, and is answered with who is here. */
static int greet(struct wf_room_client *c, struct wf_str message, struct wf_err *err)
{
    enum wf_sync_dialect dialect = wf_sync_dialect_of(message, c->space, c->name);
    struct wf_sync_frame frame;
    int rc = wf_sync_read(dialect, message, &frame);

    if (rc == 0) {
        pthread_mutex_lock(&c->room->lock);
        rc = wf_buf_append_str(&c->said, frame.name);
        c->dialect = rc == 0 ? dialect : WF_SYNC_UNKNOWN;
        pthread_mutex_unlock(&c->room->lock);
    }
    if (rc != 0)
        return wf_err_set(err, rc, "A sync message is malformed.");
    return frame.kind == WF_SYNC_WHO ? 0 : on_who(c, err);
}

int wf_room_receive(struct wf_room_client *c, struct wf_str message, struct wf_err *err)
{
    struct wf_sync_frame frame;
    int rc = 0;

    if (c->dialect == WF_SYNC_UNKNOWN)
        rc = greet(c, message, err);
    if (rc != 0)
        return rc;
    rc = wf_sync_read(c->dialect, message, &frame);
    if (rc != 0)
        return wf_err_set(err, rc, "A sync message is malformed.");
    if (c->dialect == WF_SYNC_HOCUSPOCUS && !wf_str_eq(frame.name, wf_buf_str(&c->said)))
        return wf_err_set(err, WF_E_DENIED, "This connection is for one draft.");
    switch (frame.kind) {
    case WF_SYNC_STEP1:
        return on_step1(c, frame.bytes, err);
    case WF_SYNC_STEP2:
    case WF_SYNC_UPDATE:
        return on_update(c, frame.bytes, err);
    case WF_SYNC_AWARENESS:
        return on_awareness(c, frame.bytes, err);
    case WF_SYNC_WHO:
        return on_who(c, err);
    case WF_SYNC_TOKEN:
        send_to(c, frame.kind, wf_str_from(wf_draft_may_write(c->room->draft) ? "" : "readonly"));
        return 0;
    case WF_SYNC_CLOSE:
    case WF_SYNC_PING:
        send_to(c, frame.kind, wf_str_n(NULL, 0));
        return 0;
    case WF_SYNC_OTHER:
        return 0;
    }
    return 0;
}
