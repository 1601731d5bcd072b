/* SPDX-License-Identifier: Apache-2.0 */
/* The thread of blobs, and what the others call. What happens is queued; the thread does all that
 * follows, in small steps: it hears, tells, gives and takes in turn, so that nobody waits long. */
#include "mesh/blobs_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "base/alloc.h"
#include "os/file.h"
#include "os/thread.h"

#define TICK_MS 1000
/* How often what could not be done is tried again. */
#define AGAIN_MS 60000

/* ---- what all of it uses ---- */

void wf_blobs__log(const struct wf_blobs *b, const char *fmt, ...)
{
    char text[400];
    va_list ap;

    if (b->o.log == NULL)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    wf_log_line(b->o.log, WF_LOG_WARN, "blobs", "%s", text);
}

int wf_blobs__no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for other devices' files.");
}

struct wf_blobs_peer *wf_blobs__peer(const struct wf_blobs *b, uint64_t id)
{
    for (struct wf_list *it = b->peers.next; it != &b->peers; it = it->next) {
        struct wf_blobs_peer *p = WF_CONTAINER(it, struct wf_blobs_peer, node);
        if (p->id == id)
            return p;
    }
    return NULL;
}

int wf_blobs__send(struct wf_blobs *b, struct wf_blobs_peer *p, const struct wf_blobs_message *m,
                   struct wf_err *err)
{
    struct wf_buf bytes;
    int rc;

    if (p->is_full)
        return WF_E_BUSY;
    wf_buf_init(&bytes, WF_SEALED_MESSAGE_BYTES);
    (void)wf_buf_reserve(&bytes, m->body.len + 64); /* a failure sticks */
    rc = wf_blobs_message_write(m, &bytes);
    if (rc != 0)
        rc = wf_err_set(err, rc, "A message about files is too long.");
    else
        rc = b->wire.send(b->wire.ud, p->id, wf_buf_str(&bytes), err);
    p->is_full = rc == WF_E_BUSY;
    wf_buf_deinit(&bytes);
    return rc;
}

void wf_blobs__hang_up(struct wf_blobs *b, struct wf_blobs_peer *p, const char *words)
{
    wf_blobs__log(b, "%s is hung up on: %s", p->entry.name, words);
    b->wire.close(b->wire.ud, p->id, words);
}

int wf_blobs__turn_begin(struct wf_blobs *b, struct wf_err *err)
{
    int rc = wf_store_write_begin(b->o.store, err);

    b->in_turn = rc == 0;
    return rc;
}

int wf_blobs__turn_end(struct wf_blobs *b, int rc, struct wf_err *err)
{
    b->in_turn = false;
    if (rc == 0)
        return wf_store_write_commit(b->o.store, err);
    wf_store_write_rollback(b->o.store);
    return rc;
}

int wf_blobs__in_turn(struct wf_blobs *b, int (*fn)(struct wf_blobs *b, void *ud, struct wf_err *e),
                      void *ud, struct wf_err *err)
{
    int rc;

    if (b->in_turn)
        return fn(b, ud, err);
    rc = wf_blobs__turn_begin(b, err);
    return rc == 0 ? wf_blobs__turn_end(b, fn(b, ud, err), err) : rc;
}

static int put_row(struct wf_blobs *b, void *ud, struct wf_err *err)
{
    return wf_paper_put(b->o.store, ud, err);
}

int wf_blobs__put(struct wf_blobs *b, const struct wf_paper *p, struct wf_err *err)
{
    struct wf_paper row = *p;

    return wf_blobs__in_turn(b, put_row, &row, err);
}

int wf_blobs__get(struct wf_blobs *b, int64_t space, const uint8_t hash[WF_HASH_BYTES],
                  struct wf_arena *arena, struct wf_paper *out, struct wf_err *err)
{
    struct wf_reader *r = NULL;
    int rc = wf_store_reader_get(b->o.store, &r, err);

    if (rc != 0)
        return rc;
    rc = wf_paper_get(r, space, hash, arena, out, err);
    wf_store_reader_put(b->o.store, r);
    return rc;
}

void wf_blobs__note_problem(struct wf_blobs *b, int64_t space, const uint8_t hash[WF_HASH_BYTES],
                            const char *words)
{
    struct wf_arena arena;
    struct wf_paper p;

    wf_arena_init(&arena, 4096, (size_t)1 << 20);
    if (wf_blobs__get(b, space, hash, &arena, &p, NULL) == 0) {
        p.problem = wf_str_from(words);
        (void)!wf_blobs__put(b, &p, NULL);
    }
    wf_arena_deinit(&arena);
}

void wf_blobs__space_uid(struct wf_blobs *b, int64_t space, uint8_t out[WF_SPACE_UID_BYTES])
{
    struct wf_reader *r = NULL;

    memset(out, 0, WF_SPACE_UID_BYTES);
    if (wf_store_reader_get(b->o.store, &r, NULL) != 0)
        return;
    (void)!wf_paper_space(r, space, out, NULL); /* zeros stay */
    wf_store_reader_put(b->o.store, r);
}

/* ---- what happens, from other threads ---- */

static void push(struct wf_blobs *b, struct wf_blobs_event *e)
{
    pthread_mutex_lock(&b->lock);
    b->n_event_bytes += e->n;
    wf_list_push(&b->events, &e->node);
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->lock);
}

static bool is_too_much(struct wf_blobs *b, size_t n)
{
    bool is;

    pthread_mutex_lock(&b->lock);
    is = b->n_event_bytes + n > WF_BLOBS_EVENT_BYTES_MAX;
    pthread_mutex_unlock(&b->lock);
    return is;
}

static struct wf_blobs_event *event_new(enum wf_blobs_event_what what, uint64_t peer,
                                        struct wf_str bytes)
{
    struct wf_blobs_event *e = wf_alloc(sizeof(*e) + bytes.len);

    if (e == NULL)
        return NULL;
    *e = (struct wf_blobs_event){.what = what, .peer = peer, .n = bytes.len};
    if (bytes.len > 0)
        memcpy(e->bytes, bytes.ptr, bytes.len);
    return e;
}

/* What is lost breaks the conversation: it is begun anew. */
static void push_of(struct wf_blobs *b, enum wf_blobs_event_what what, uint64_t peer,
                    struct wf_str bytes)
{
    struct wf_blobs_event *e = is_too_much(b, bytes.len) && what == WF_BLOBS_EVENT_BYTES
                                   ? NULL
                                   : event_new(what, peer, bytes);

    if (e != NULL)
        push(b, e);
    else if (what != WF_BLOBS_EVENT_DOWN)
        b->wire.close(b->wire.ud, peer, "more of its files came than can be looked at");
}

static void on_up(void *ud, uint64_t peer, const struct wf_devices_entry *entry)
{
    (void)entry; /* asked for when it is looked at */
    push_of(ud, WF_BLOBS_EVENT_UP, peer, WF_STR(""));
}

static void on_bytes(void *ud, uint64_t peer, struct wf_str bytes)
{
    push_of(ud, WF_BLOBS_EVENT_BYTES, peer, bytes);
}

static void on_room(void *ud, uint64_t peer)
{
    push_of(ud, WF_BLOBS_EVENT_ROOM, peer, WF_STR(""));
}

static void on_down(void *ud, uint64_t peer, struct wf_str words)
{
    (void)words;
    push_of(ud, WF_BLOBS_EVENT_DOWN, peer, WF_STR(""));
}

void wf_blobs__push_taken(struct wf_blobs *b, int64_t space, const uint8_t hash[WF_HASH_BYTES],
                          int code, struct wf_str reason)
{
    struct wf_blobs_event *e = event_new(WF_BLOBS_EVENT_TAKEN, 0, reason);

    if (e == NULL) /* found again after the next start */
        return;
    e->space = space;
    e->code = code;
    memcpy(e->hash, hash, sizeof(e->hash));
    push(b, e);
}

static void signal_it(struct wf_blobs *b, bool *flag)
{
    pthread_mutex_lock(&b->lock);
    *flag = true;
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->lock);
}

void wf_blobs_poke(struct wf_blobs *b)
{
    if (b != NULL)
        signal_it(b, &b->is_poked);
}

void wf_blobs_devices_changed(struct wf_blobs *b)
{
    if (b != NULL)
        signal_it(b, &b->is_listed_anew);
}

void wf_blobs_heard(struct wf_blobs *b, int64_t space, struct wf_str key)
{
    struct wf_blobs_heard h = {.space = space};
    size_t n = 0;

    if (b == NULL ||
        sodium_hex2bin(h.hash, sizeof(h.hash), key.ptr, key.len, NULL, &n, NULL) != 0 ||
        n != sizeof(h.hash))
        return;
    pthread_mutex_lock(&b->lock);
    if (b->n_heard < WF_BLOBS_HEARD_MAX)
        b->heard[b->n_heard++] = h;
    else
        b->is_heard_all = true;
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->lock);
}

/* ---- the thread ---- */

void wf_blobs__hear_again(struct wf_blobs *b)
{
    signal_it(b, &b->is_heard_all);
}

static void peer_free(struct wf_blobs_peer *p)
{
    wf_blobs__forget_asks(p);
    wf_free(p->entered);
    wf_buf_deinit(&p->listed);
    wf_file_close(&p->fd);
    wf_list_remove(&p->node);
    wf_free(p);
}

static void peer_up(struct wf_blobs *b, uint64_t id)
{
    struct wf_blobs_peer *p = wf_blobs__peer(b, id);
    struct wf_err err = WF_ERR_INIT;

    if (p != NULL)
        return;
    p = wf_alloc_array(1, sizeof(*p));
    if (p == NULL) {
        b->wire.close(b->wire.ud, id, "memory is short");
        return;
    }
    p->id = id;
    p->fd = -1;
    wf_buf_init(&p->listed, (size_t)1 << 20);
    wf_list_init(&p->asks);
    wf_list_push(&b->peers, &p->node);
    if (b->wire.entry(b->wire.ud, id, &p->entry, &err) != 0) { /* gone already */
        peer_free(p);
        return;
    }
    p->is_other = b->wire.is_other != NULL && b->wire.is_other(b->wire.ud, id);
    wf_map_reset(&b->kept);
    wf_blobs__try_again(b);
    b->is_wanting = b->is_evicting = true;
}

static void peer_says(struct wf_blobs *b, struct wf_blobs_peer *p, struct wf_str bytes)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_blobs_message m;

    if (wf_blobs_message_read(bytes, &m, &err) != 0)
        wf_blobs__hang_up(b, p, err.msg);
    else if (m.kind < WF_BLOBS_HAS)
        wf_blobs__asked(b, p, &m);
    else if (p->is_other && (m.kind == WF_BLOBS_HAS || m.kind == WF_BLOBS_MODEL))
        wf_blobs__hang_up(b, p, "it answers what it was not asked");
    else
        wf_blobs__answered(b, p, &m);
}

/* Those that the intake is done with share a turn. */
static void take_taken(struct wf_blobs *b, const struct wf_blobs_event *e, bool *io_open)
{
    struct wf_err err = WF_ERR_INIT;

    if (!*io_open && wf_blobs__turn_begin(b, &err) != 0)
        wf_blobs__log(b, "documents of other devices: %s", err.msg);
    *io_open = b->in_turn;
    wf_blobs__taken(b, e);
}

static void end_taken(struct wf_blobs *b, bool *io_open)
{
    struct wf_err err = WF_ERR_INIT;

    if (*io_open && wf_blobs__turn_end(b, 0, &err) != 0) /* found again after the next start */
        wf_blobs__log(b, "documents of other devices: %s", err.msg);
    *io_open = false;
}

static void take_event(struct wf_blobs *b, const struct wf_blobs_event *e)
{
    struct wf_blobs_peer *p = wf_blobs__peer(b, e->peer);

    if (e->what == WF_BLOBS_EVENT_UP)
        peer_up(b, e->peer);
    if (p == NULL)
        return;
    if (e->what == WF_BLOBS_EVENT_BYTES)
        peer_says(b, p, wf_str_n(e->bytes, e->n));
    if (e->what == WF_BLOBS_EVENT_ROOM)
        p->is_full = false;
    if (e->what == WF_BLOBS_EVENT_DOWN) {
        wf_blobs__lost(b, e->peer);
        peer_free(p);
    }
}

static void read_devices(struct wf_blobs *b)
{
    struct wf_devices_entry own;

    if (b->wire.own_entry(b->wire.ud, &own, NULL) == 0 && own.clearance != b->clearance) {
        b->clearance = own.clearance;
        wf_blobs__hear_again(b); /* some may be above it now */
    }
    for (struct wf_list *it = b->peers.next; it != &b->peers; it = it->next) {
        struct wf_blobs_peer *p = WF_CONTAINER(it, struct wf_blobs_peer, node);
        (void)!b->wire.entry(b->wire.ud, p->id, &p->entry, NULL); /* else `down` follows */
    }
    wf_blobs__try_again(b); /* some may have it by now */
}

struct round {
    struct wf_list events;
    struct wf_blobs_heard heard[WF_BLOBS_HEARD_MAX];
    size_t n_heard;
    bool is_poked, is_heard_all, is_listed_anew, stop;
};

static bool is_quiet(const struct wf_blobs *b)
{
    return wf_list_empty(&b->events) && b->n_heard == 0 && !b->is_poked && !b->is_heard_all &&
           !b->is_listed_anew && !b->stop;
}

static void wait_for_work(struct wf_blobs *b, struct round *out, int64_t until_ns)
{
    struct timespec until = {(time_t)(until_ns / 1000000000), (long)(until_ns % 1000000000)};
    int rc = 0;

    pthread_mutex_lock(&b->lock);
    while (rc == 0 && is_quiet(b))
        rc = pthread_cond_timedwait(&b->wake, &b->lock, &until);
    out->is_poked = b->is_poked;
    out->is_heard_all = b->is_heard_all;
    out->is_listed_anew = b->is_listed_anew;
    out->stop = b->stop;
    out->n_heard = b->n_heard;
    memcpy(out->heard, b->heard, b->n_heard * sizeof(*b->heard));
    wf_list_init(&out->events);
    if (!wf_list_empty(&b->events)) {
        out->events = b->events;
        out->events.next->prev = out->events.prev->next = &out->events;
        wf_list_init(&b->events);
    }
    b->is_poked = b->is_heard_all = b->is_listed_anew = false;
    b->n_heard = b->n_event_bytes = 0;
    pthread_mutex_unlock(&b->lock);
}

/* What is there, or what is gone; in one turn. */
static int hear_some(struct wf_blobs *b, const struct round *round, bool is_gone,
                     struct wf_err *err)
{
    int rc = wf_blobs__turn_begin(b, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < round->n_heard && rc == 0; i++)
        rc = wf_blobs__hear(b, round->heard[i].space, round->heard[i].hash, is_gone, err);
    return wf_blobs__turn_end(b, rc, err);
}

static void hear_all(struct wf_blobs *b, const struct round *round)
{
    struct wf_err err = WF_ERR_INIT;
    int rc = 0;

    if (round->n_heard > 0)
        rc = hear_some(b, round, false, &err);
    if (rc == 0 && round->n_heard > 0)
        rc = hear_some(b, round, true, &err);
    if (rc == 0 && round->is_heard_all)
        rc = wf_blobs__hear_all(b, &err);
    if (rc == 0)
        return;
    wf_blobs__log(b, "what others say of documents: %s", err.msg);
    wf_blobs__hear_again(b);
    b->again_ns = wf_clock_mono_ns(NULL) + AGAIN_MS * INT64_C(1000000);
}

/* All that follows. true: there is more to do now. */
static bool work(struct wf_blobs *b, bool *io_poked)
{
    struct wf_err err = WF_ERR_INIT;
    bool is_more = false, is_busy = false;

    if (*io_poked) {
        *io_poked = false;
        if (wf_blobs__tell(b, &is_more, &err) != 0) {
            wf_blobs__log(b, "documents for others: %s", err.msg);
            is_more = false;
        }
        *io_poked = is_more;
        is_busy = is_more;
    }
    for (struct wf_list *it = b->peers.next; it != &b->peers; it = it->next)
        is_busy |= wf_blobs__give(b, WF_CONTAINER(it, struct wf_blobs_peer, node));
    wf_blobs__take(b);
    if (b->is_evicting && wf_blobs__evict(b, &err) != 0)
        wf_blobs__log(b, "making room: %s", err.msg);
    return is_busy;
}

static void take_round(struct wf_blobs *b, struct round *round)
{
    struct wf_list *it, *tmp;
    bool is_open = false, is_any = false;

    if (round->is_listed_anew)
        read_devices(b);
    WF_LIST_EACH(it, tmp, &round->events)
    {
        struct wf_blobs_event *e = WF_CONTAINER(it, struct wf_blobs_event, node);
        is_any = is_any || e->what == WF_BLOBS_EVENT_TAKEN;
        if (e->what == WF_BLOBS_EVENT_TAKEN) {
            take_taken(b, e, &is_open);
        } else {
            end_taken(b, &is_open);
            take_event(b, e);
        }
        wf_free(e);
    }
    end_taken(b, &is_open);
    if (is_any)
        wf_blobs__hear_later(b);
    if (round->n_heard > 0 || round->is_heard_all)
        hear_all(b, round);
}

static void begin(struct wf_blobs *b)
{
    struct wf_err err = WF_ERR_INIT;

    if (wf_blobs__hear_all(b, &err) != 0)
        wf_blobs__log(b, "%s", err.msg);
    if (wf_blobs__parts_sweep(b, &err) != 0)
        wf_blobs__log(b, "%s", err.msg);
    b->is_wanting = b->is_evicting = true;
}

static void *run(void *ud)
{
    struct wf_blobs *b = ud;
    struct round *round = wf_alloc_array(1, sizeof(*round));
    bool is_poked = true;
    int64_t until_ns = 0;

    pthread_mutex_lock(&b->work);
    begin(b);
    pthread_mutex_unlock(&b->work);
    while (round != NULL && !round->stop) {
        wait_for_work(b, round, until_ns);
        pthread_mutex_lock(&b->work);
        is_poked = is_poked || round->is_poked;
        take_round(b, round);
        until_ns = wf_clock_mono_ns(NULL);
        if (b->again_ns != 0 && until_ns >= b->again_ns) {
            b->again_ns = 0;
            b->is_wanting = b->is_evicting = is_poked = true;
        }
        if (!work(b, &is_poked))
            until_ns += TICK_MS * INT64_C(1000000);
        if (b->is_changed && b->o.changed != NULL)
            b->o.changed(b->o.ud);
        b->is_changed = false;
        pthread_mutex_unlock(&b->work);
    }
    wf_free(round);
    return NULL;
}

/* ---- life ---- */

static int sealed_send(void *ud, uint64_t peer, struct wf_str bytes, struct wf_err *err)
{
    return wf_sealed_send(ud, peer, WF_LINK_BLOBS, bytes, err);
}

static void sealed_close(void *ud, uint64_t peer, const char *words)
{
    wf_sealed_close(ud, peer, words);
}

static int sealed_entry(void *ud, uint64_t peer, struct wf_devices_entry *out, struct wf_err *err)
{
    return wf_sealed_entry(ud, peer, out, err);
}

static bool sealed_is_other(void *ud, uint64_t peer)
{
    return wf_sealed_is_other(ud, peer);
}

static int sealed_own_entry(void *ud, struct wf_devices_entry *out, struct wf_err *err)
{
    return wf_sealed_own_entry(ud, out, err);
}

void wf_blobs_events(struct wf_blobs *b, struct wf_sealed_events *out)
{
    *out = (struct wf_sealed_events){.up = on_up,
                                     .bytes = on_bytes,
                                     .room = on_room,
                                     .down = on_down,
                                     .ud = b,
                                     .takes_others = b->o.may_read != NULL && b->o.given != NULL};
}

static int start(struct wf_blobs *b, struct wf_err *err)
{
    struct wf_sealed_events events;

    b->dir = wf_strdup(b->o.dir);
    b->heard = wf_alloc_array(WF_BLOBS_HEARD_MAX, sizeof(*b->heard));
    if (b->dir == NULL || b->heard == NULL)
        return wf_blobs__no_memory(err);
    if (wf_file_mkdirs(b->dir, err) != 0)
        return WF_E_IO;
    if (pthread_create(&b->thread, NULL, run, b) != 0)
        return wf_err_set(err, WF_E_BUSY, "There is no room for another thread.");
    b->has_thread = true;
    wf_blobs_events(b, &events);
    if (b->o.sealed != NULL)
        wf_sealed_on(b->o.sealed, WF_LINK_BLOBS, &events);
    return 0;
}

int wf_blobs_new(const struct wf_blobs_options *o, struct wf_blobs **out, struct wf_err *err)
{
    struct wf_blobs *b = wf_alloc_array(1, sizeof(*b));
    int rc;

    if (b == NULL)
        return wf_blobs__no_memory(err);
    b->o = *o;
    b->clearance = WF_LABEL_SECRET; /* until the list says what it is */
    memcpy(b->device, o->device, sizeof(b->device));
    b->wire = o->wire != NULL ? *o->wire
                              : (struct wf_blobs_wire){.send = sealed_send,
                                                       .close = sealed_close,
                                                       .entry = sealed_entry,
                                                       .own_entry = sealed_own_entry,
                                                       .is_other = sealed_is_other,
                                                       .ud = o->sealed};
    wf_list_init(&b->events);
    wf_list_init(&b->peers);
    wf_list_init(&b->fetches);
    wf_list_init(&b->polls);
    wf_list_init(&b->evict.node);
    wf_map_init(&b->kept, 1u << 20);
    atomic_init(&b->is_canceled, false);
    pthread_cond_init(&b->fewer, NULL);
    pthread_mutex_init(&b->lock, NULL);
    pthread_mutex_init(&b->work, NULL);
    wf_cond_init(&b->wake);
    rc = start(b, err);
    if (rc != 0)
        wf_blobs_free(b);
    else
        *out = b;
    return rc;
}

static void free_all(struct wf_blobs *b)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &b->events)
    {
        wf_free(WF_CONTAINER(it, struct wf_blobs_event, node));
    }
    WF_LIST_EACH(it, tmp, &b->fetches)
    {
        wf_blobs__fetch_end(b, WF_CONTAINER(it, struct wf_fetch, node), false);
    }
    WF_LIST_EACH(it, tmp, &b->peers)
    {
        peer_free(WF_CONTAINER(it, struct wf_blobs_peer, node));
    }
}

void wf_blobs_free(struct wf_blobs *b)
{
    if (b == NULL)
        return;
    if (b->o.sealed != NULL && b->has_thread)
        wf_sealed_on(b->o.sealed, WF_LINK_BLOBS, NULL);
    if (b->has_thread) {
        signal_it(b, &b->stop);
        pthread_join(b->thread, NULL);
    }
    atomic_store(&b->is_canceled, true);
    pthread_mutex_lock(&b->lock);
    while (b->n_taking > 0)
        pthread_cond_wait(&b->fewer, &b->lock);
    pthread_mutex_unlock(&b->lock);
    free_all(b);
    wf_map_deinit(&b->kept);
    pthread_cond_destroy(&b->fewer);
    pthread_cond_destroy(&b->wake);
    pthread_mutex_destroy(&b->work);
    pthread_mutex_destroy(&b->lock);
    wf_free(b->heard);
    wf_free(b->dir);
    wf_free(b);
}
