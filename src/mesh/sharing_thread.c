/* SPDX-License-Identifier: Apache-2.0 */
/* The thread of sharing: what link says, that something changed, is queued by whoever says it; the
 * thread tells the machine (sharing.c) all of it, has it do what follows, and sleeps until the next
 * thing happens or the machine's time has come. */
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/list.h"
#include "mesh/link.h"
#include "mesh/sharing_internal.h"
#include "mesh/sharing_people.h"
#include "os/gang.h"
#include "os/thread.h"

/* Who looks at what comes. */
#define GANG_MAX 4

enum what {
    UP,
    BYTES,
    ROOM,
    DOWN,
};

/* Something that link said. */
struct event {
    struct wf_list node;
    enum what what;
    uint64_t peer;
    uint8_t key[WF_DEVICES_KEY_BYTES];
    size_t n;
    char bytes[];
};

struct wf_sharing_thread {
    struct wf_sharing *s;
    pthread_t id;
    bool is_started;

    pthread_mutex_t lock; /* rank 2: guards the next four */
    pthread_cond_t wake;
    struct wf_list events;
    bool is_poked, is_listed_anew, stop;

    pthread_mutex_t work; /* rank 1: guards the machine; held while the thread works */
};

/* ---- link's callbacks ---- */

static void push(struct wf_sharing_thread *t, enum what what, uint64_t peer, const uint8_t *key,
                 struct wf_str bytes)
{
    struct event *e = wf_alloc(sizeof(*e) + bytes.len);

    if (e == NULL) { /* what is lost breaks the conversation: it is begun anew */
        if (what != DOWN)
            wf_link_close(t->s->o.link, peer);
        return;
    }
    *e = (struct event){.what = what, .peer = peer, .n = bytes.len};
    if (key != NULL)
        memcpy(e->key, key, sizeof(e->key));
    if (bytes.len > 0)
        memcpy(e->bytes, bytes.ptr, bytes.len);
    pthread_mutex_lock(&t->lock);
    wf_list_add(t->events.prev, &e->node);
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->lock);
}

static void link_up(void *ud, uint64_t peer, const uint8_t key[WF_LINK_KEY_BYTES], bool is_paired,
                    struct wf_str address)
{
    (void)address;
    if (is_paired)
        push(ud, UP, peer, key, WF_STR(""));
}

static void link_bytes(void *ud, uint64_t peer, unsigned channel, struct wf_str bytes)
{
    (void)channel;
    push(ud, BYTES, peer, NULL, bytes);
}

static void link_room(void *ud, uint64_t peer, unsigned channel)
{
    (void)channel;
    push(ud, ROOM, peer, NULL, WF_STR(""));
}

static void link_down(void *ud, uint64_t peer, enum wf_link_reason reason, struct wf_str words)
{
    (void)reason;
    (void)words;
    push(ud, DOWN, peer, NULL, WF_STR(""));
}

/* ---- the machine's way out ---- */

static int send_to(void *ud, uint64_t peer, struct wf_str bytes, struct wf_err *err)
{
    return wf_link_send(ud, peer, WF_LINK_SYNC, bytes, err);
}

static void close_it(void *ud, uint64_t peer)
{
    wf_link_close(ud, peer);
}

/* ---- the thread ---- */

struct round {
    struct wf_list events;
    bool is_poked, is_listed_anew, stop;
};

static void wait_for_work(struct wf_sharing_thread *t, struct round *out, int64_t until_ns)
{
    struct timespec until = {(time_t)(until_ns / 1000000000), (long)(until_ns % 1000000000)};
    int rc = 0;

    pthread_mutex_lock(&t->lock);
    while (rc == 0 && wf_list_empty(&t->events) && !t->is_poked && !t->is_listed_anew && !t->stop)
        rc = pthread_cond_timedwait(&t->wake, &t->lock, &until);
    *out = (struct round){
        .is_poked = t->is_poked, .is_listed_anew = t->is_listed_anew, .stop = t->stop};
    wf_list_init(&out->events);
    if (!wf_list_empty(&t->events)) {
        out->events = t->events;
        out->events.next->prev = out->events.prev->next = &out->events;
        wf_list_init(&t->events);
    }
    t->is_poked = t->is_listed_anew = false;
    pthread_mutex_unlock(&t->lock);
}

static void tell(struct wf_sharing *s, const struct event *e)
{
    switch (e->what) {
    case UP:
        wf_sharing_machine_up(s, e->peer, e->key);
        break;
    case BYTES:
        wf_sharing_machine_bytes(s, e->peer, wf_str_n(e->bytes, e->n));
        break;
    case ROOM:
        wf_sharing_machine_room(s, e->peer);
        break;
    case DOWN:
        wf_sharing_machine_down(s, e->peer);
        break;
    }
}

static void *run(void *ud)
{
    struct wf_sharing_thread *t = ud;
    struct wf_list *it, *tmp;
    struct round round = {.stop = false};
    int64_t until_ns = 0;

    while (!round.stop) {
        wait_for_work(t, &round, until_ns);
        pthread_mutex_lock(&t->work);
        if (round.is_listed_anew)
            wf_sharing_machine_listed(t->s);
        if (round.is_poked)
            wf_sharing_machine_changed(t->s);
        WF_LIST_EACH(it, tmp, &round.events)
        {
            struct event *e = WF_CONTAINER(it, struct event, node);
            tell(t->s, e);
            wf_free(e);
        }
        until_ns = wf_sharing_machine_step(t->s);
        pthread_mutex_unlock(&t->work);
    }
    return NULL;
}

/* ---- callers ---- */

static void signal_it(struct wf_sharing_thread *t, bool *flag)
{
    pthread_mutex_lock(&t->lock);
    *flag = true;
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->lock);
}

void wf_sharing_poke(struct wf_sharing *s)
{
    if (s != NULL)
        signal_it(s->thread, &s->thread->is_poked);
}

void wf_sharing_devices_changed(struct wf_sharing *s)
{
    if (s != NULL)
        signal_it(s->thread, &s->thread->is_listed_anew);
}

bool wf_sharing_may_read(struct wf_sharing *s, const uint8_t device[WF_SIGNER_ID_BYTES],
                         const uint8_t space[WF_SPACE_UID_BYTES], enum wf_label label)
{
    uint8_t stream[WF_STREAM_ID_BYTES];
    bool may;

    if (s == NULL)
        return false;
    wf_stream_id(space, label, stream);
    pthread_mutex_lock(&s->thread->work);
    may = wf_sharing__right(s, device, stream) >= WF_SHARING_READ;
    pthread_mutex_unlock(&s->thread->work);
    return may;
}

int wf_sharing_give_document(struct wf_sharing *s, const struct wf_sharing_document *d,
                             struct wf_err *err)
{
    int rc;

    if (s == NULL)
        return wf_err_set(err, WF_E_DENIED, "Nothing is shared.");
    pthread_mutex_lock(&s->thread->work);
    rc = wf_sharing__give_document(s, d, err);
    pthread_mutex_unlock(&s->thread->work);
    return rc;
}

json_t *wf_sharing_status(struct wf_sharing *s)
{
    struct wf_sharing_thread *t = s->thread;
    bool is_waiting;
    json_t *v;

    pthread_mutex_lock(&t->work);
    pthread_mutex_lock(&t->lock);
    is_waiting = t->is_poked || !wf_list_empty(&t->events) || t->is_listed_anew;
    pthread_mutex_unlock(&t->lock);
    v = wf_sharing_machine_status(s, is_waiting);
    pthread_mutex_unlock(&t->work);
    return v;
}

/* ---- making and freeing ---- */

static int start(struct wf_sharing *s, struct wf_err *err)
{
    struct wf_sharing_thread *t = wf_alloc_array(1, sizeof(*t));
    int failed;

    if (t == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to share with other devices.");
    t->s = s;
    s->thread = t;
    if (wf_cpu_count() > 1) /* without it all is done by the thread */
        (void)!wf_gang_new(WF_MIN(wf_cpu_count(), (size_t)GANG_MAX), &s->gang, NULL);
    pthread_mutex_init(&t->lock, NULL);
    pthread_mutex_init(&t->work, NULL);
    wf_cond_init(&t->wake);
    wf_list_init(&t->events);
    t->is_poked = t->is_listed_anew = true;
    failed = pthread_create(&t->id, NULL, run, t);
    t->is_started = failed == 0;
    return failed == 0 ? 0 : wf_err_errno(err, failed, "cannot start the thread that shares");
}

int wf_sharing_new(const struct wf_sharing_options *o, struct wf_sharing **out, struct wf_err *err)
{
    const struct wf_sharing_link link = {.send = send_to, .close = close_it, .ud = o->link};
    struct wf_link_events events = {
        .up = link_up, .bytes = link_bytes, .room = link_room, .down = link_down};
    struct wf_sharing *s = NULL;
    int rc = wf_sharing_machine_new(o, &link, &s, err);

    if (rc == 0)
        rc = start(s, err);
    if (rc != 0) {
        wf_sharing_free(s);
        return rc;
    }
    events.ud = s->thread;
    wf_link_on(s->o.link, WF_LINK_SYNC, &events);
    *out = s;
    return 0;
}

static void end(struct wf_sharing_thread *t)
{
    struct wf_list *it, *tmp;

    wf_link_on(t->s->o.link, WF_LINK_SYNC, NULL);
    signal_it(t, &t->stop);
    if (t->is_started)
        (void)pthread_join(t->id, NULL);
    WF_LIST_EACH(it, tmp, &t->events)
    {
        wf_free(WF_CONTAINER(it, struct event, node));
    }
    wf_gang_free(t->s->gang);
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->work);
    pthread_mutex_destroy(&t->lock);
    wf_free(t);
}

void wf_sharing_free(struct wf_sharing *s)
{
    if (s != NULL && s->thread != NULL)
        end(s->thread);
    wf_sharing_machine_free(s);
}
