/* SPDX-License-Identifier: Apache-2.0 */
/* The thread: what link says, what changed here, what came; then everything that follows from it.
 */
#include "mesh/sharing_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "mesh/link.h"
#include "os/thread.h"

#define TICK_MS 1000
/* Between two rounds of batches, so that typing makes some of them a second; after a failure. */
#define GATHER_MS 20
#define AGAIN_MS 2000

void wf_sharing__log(const struct wf_sharing *s, const char *fmt, ...)
{
    char text[400];
    va_list ap;

    if (s->o.log == NULL)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    wf_log_line(s->o.log, WF_LOG_WARN, "sharing", "%s", text);
}

/* ---- who and what ---- */

const struct wf_devices_entry *wf_sharing__entry(const struct wf_sharing *s,
                                                 const uint8_t device[WF_SIGNER_ID_BYTES])
{
    for (size_t i = 0; i < s->devices.n_entries; i++) {
        if (memcmp(s->devices.entries[i].device, device, WF_SIGNER_ID_BYTES) == 0)
            return &s->devices.entries[i];
    }
    return NULL;
}

const struct wf_sharing_stream *wf_sharing__stream(const struct wf_sharing *s,
                                                   const uint8_t id[WF_STREAM_ID_BYTES])
{
    for (size_t i = 0; i < s->n_streams; i++) {
        if (memcmp(s->streams[i].id, id, WF_STREAM_ID_BYTES) == 0)
            return &s->streams[i];
    }
    return NULL;
}

static struct wf_sharing_peer *peer_of(const struct wf_sharing *s, uint64_t id)
{
    for (size_t i = 0; i < s->n_peers; i++) {
        if (s->peers[i].id == id)
            return &s->peers[i];
    }
    return NULL;
}

/* The entry of a connected node that is in. */
static const struct wf_devices_entry *node_of(const struct wf_sharing *s, uint64_t peer)
{
    const struct wf_sharing_peer *p = peer_of(s, peer);
    const struct wf_devices_entry *e =
        p == NULL ? NULL : wf_devices_by_transport(&s->devices, p->key);

    return e == NULL || e->revoked_ms != 0 ? NULL : e;
}

static int add_streams(struct wf_sharing *s, const struct wf_share_space *space)
{
    enum wf_label least;

    (void)!wf_label_parse(space->label, &least);
    for (int level = least; level < WF_LABEL_SECRET; level++) {
        struct wf_sharing_stream *t;
        if (wf_reserve(&s->streams, &s->cap_streams, s->n_streams + 1, sizeof(*t)) != 0)
            return WF_E_NOMEM;
        t = &s->streams[s->n_streams++];
        t->space = space->id;
        t->level = (enum wf_label)level;
        wf_stream_id(space->uid, t->level, t->id);
    }
    return 0;
}

int wf_sharing__read_streams(struct wf_sharing *s, struct wf_err *err)
{
    struct wf_share_space *spaces = NULL;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    size_t n = 0;
    int rc = wf_store_reader_get(s->o.store, &r, err);

    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 4096, SIZE_MAX);
    rc = wf_share_spaces(r, &arena, &spaces, &n, err);
    wf_store_reader_put(s->o.store, r);
    s->n_streams = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (add_streams(s, &spaces[i]) != 0)
            rc = wf_err_set(err, WF_E_NOMEM, "Out of memory (spaces).");
    }
    wf_arena_deinit(&arena);
    return rc;
}

struct wf_sharing_problem *wf_sharing__problem(struct wf_sharing *s, const struct wf_sync_log *log,
                                               const char *words)
{
    struct wf_sharing_problem *p = NULL;

    for (size_t i = 0; i < s->n_problems && p == NULL; i++) {
        if (memcmp(&s->problems[i].log, log, sizeof(*log)) == 0)
            p = &s->problems[i];
    }
    if (p == NULL && words[0] == '\0')
        return NULL;
    if (p == NULL) {
        if (wf_reserve(&s->problems, &s->cap_problems, s->n_problems + 1, sizeof(*p)) != 0)
            return NULL;
        p = &s->problems[s->n_problems++];
        *p = (struct wf_sharing_problem){.log = *log};
    }
    if (words[0] != '\0' && strncmp(p->words, words, sizeof(p->words) - 1) != 0) {
        const struct wf_devices_entry *e = wf_sharing__entry(s, log->device);
        wf_sharing__log(s, "changes of %s: %s", e == NULL ? "an unknown device" : e->name, words);
    }
    (void)snprintf(p->words, sizeof(p->words), "%s", words);
    if (s->o.changed != NULL)
        s->o.changed(s->o.ud);
    return p;
}

/* ---- the syncer's callbacks ---- */

static bool gives(void *ud, uint64_t peer, const uint8_t stream[WF_STREAM_ID_BYTES])
{
    const struct wf_sharing *s = ud;
    const struct wf_devices_entry *e = node_of(s, peer);
    const struct wf_sharing_stream *t = wf_sharing__stream(s, stream);

    return e != NULL && t != NULL && t->level <= e->clearance;
}

/* Of any device of the owner, also one that is revoked: what it wrote before is on the others. */
static bool takes(void *ud, uint64_t peer, const struct wf_sync_log *log)
{
    const struct wf_sharing *s = ud;

    return node_of(s, peer) != NULL && wf_sharing__stream(s, log->stream) != NULL &&
           wf_sharing__entry(s, log->device) != NULL;
}

static int send_to(void *ud, uint64_t peer, struct wf_str message, struct wf_err *err)
{
    struct wf_sharing *s = ud;

    return wf_link_send(s->o.link, peer, WF_LINK_SYNC, message, err);
}

static void came(void *ud, const struct wf_sync_head *head)
{
    (void)wf_sharing__came(ud, &head->log);
}

static void trouble(void *ud, const struct wf_syncer_trouble *t)
{
    static const char *const words[] = {
        [WF_SYNCER_FORK] = "It has told two stories: it was copied, or set back to an old copy of "
                           "its data. Revoke it and pair it anew.",
        [WF_SYNCER_BEHIND] = "This device has an old copy of its own data; the rest comes from the "
                             "others.",
        [WF_SYNCER_WITHHELD] = "A node has them and does not send them; others are asked.",
        [WF_SYNCER_LOST] = "A node had more of them than it has now: it was set back.",
        [WF_SYNCER_FORGED] = "A node sent some that are forged or damaged.",
    };
    struct wf_sharing *s = ud;
    struct wf_sharing_problem *p = wf_sharing__problem(s, &t->log, words[t->what]);

    if (t->what == WF_SYNCER_BEHIND && p != NULL)
        p->own_upto = t->number;
}

static void other(void *ud, uint64_t peer, const struct wf_sync_message *m)
{
    struct wf_sharing *s = ud;
    const struct wf_sharing_peer *p = peer_of(s, peer);
    struct wf_err err = WF_ERR_INIT;

    if (m->kind == WF_SYNC_LETTER && p != NULL && node_of(s, peer) != NULL &&
        wf_sharing__take_letter(s, p, m->bytes, &err) != 0)
        wf_sharing__log(s, "a letter with keys: %s", err.msg);
}

/* ---- link's callbacks ---- */

static void push(struct wf_sharing *s, enum wf_sharing_what what, uint64_t peer, const uint8_t *key,
                 struct wf_str bytes)
{
    struct wf_sharing_event *e = wf_alloc(sizeof(*e) + bytes.len);

    if (e == NULL) { /* what is lost breaks the conversation: it is begun anew */
        if (what != WF_SHARING_DOWN)
            wf_link_close(s->o.link, peer);
        return;
    }
    *e = (struct wf_sharing_event){.what = what, .peer = peer, .n = bytes.len};
    if (key != NULL)
        memcpy(e->key, key, sizeof(e->key));
    if (bytes.len > 0)
        memcpy(e->bytes, bytes.ptr, bytes.len);
    pthread_mutex_lock(&s->lock);
    wf_list_add(s->events.prev, &e->node);
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

static void link_up(void *ud, uint64_t peer, const uint8_t key[WF_LINK_KEY_BYTES], bool is_paired,
                    struct wf_str address)
{
    (void)address;
    if (is_paired)
        push(ud, WF_SHARING_UP, peer, key, WF_STR(""));
}

static void link_bytes(void *ud, uint64_t peer, unsigned channel, struct wf_str bytes)
{
    (void)channel;
    push(ud, WF_SHARING_BYTES, peer, NULL, bytes);
}

static void link_room(void *ud, uint64_t peer, unsigned channel)
{
    (void)channel;
    push(ud, WF_SHARING_ROOM, peer, NULL, WF_STR(""));
}

static void link_down(void *ud, uint64_t peer, enum wf_link_reason reason, struct wf_str words)
{
    (void)reason;
    (void)words;
    push(ud, WF_SHARING_DOWN, peer, NULL, WF_STR(""));
}

/* ---- the thread ---- */

static void peer_up(struct wf_sharing *s, const struct wf_sharing_event *e)
{
    struct wf_sharing_peer *p = peer_of(s, 0);
    struct wf_err err = WF_ERR_INIT;

    if (peer_of(s, e->peer) != NULL)
        return;
    if (p == NULL) {
        if (wf_reserve(&s->peers, &s->cap_peers, s->n_peers + 1, sizeof(*p)) != 0)
            return;
        p = &s->peers[s->n_peers++];
    }
    *p = (struct wf_sharing_peer){.id = e->peer};
    memcpy(p->key, e->key, sizeof(p->key));
    if (wf_syncer_up(s->syncer, e->peer, &err) != 0) {
        p->id = 0;
        wf_link_close(s->o.link, e->peer);
        return;
    }
    s->keys_changed = true;
}

static void take_event(struct wf_sharing *s, const struct wf_sharing_event *e)
{
    struct wf_sharing_peer *p = peer_of(s, e->peer);
    struct wf_err err = WF_ERR_INIT;
    int rc;

    if (e->what == WF_SHARING_UP)
        peer_up(s, e);
    if (p == NULL)
        return;
    if (e->what == WF_SHARING_ROOM)
        wf_syncer_room(s->syncer, e->peer);
    if (e->what == WF_SHARING_DOWN) {
        p->id = 0;
        wf_syncer_down(s->syncer, e->peer);
    }
    if (e->what != WF_SHARING_BYTES)
        return;
    rc = wf_syncer_bytes(s->syncer, e->peer, wf_str_n(e->bytes, e->n), &err);
    if (rc != 0) {
        wf_sharing__log(s, "a node is hung up on: %s", err.msg);
        wf_link_close(s->o.link, e->peer);
    }
}

/* The list of devices is another, or is looked at for the first time. */
static void read_devices(struct wf_sharing *s)
{
    struct wf_err err = WF_ERR_INIT;

    s->o.devices(s->o.ud, &s->devices);
    s->keys_changed = s->rules_changed = true;
    if (wf_sharing__find_untaken(s, &err) != 0)
        wf_sharing__log(s, "%s", err.msg);
}

static void grant_all(struct wf_sharing *s)
{
    struct wf_err err = WF_ERR_INIT;

    s->keys_changed = false;
    for (size_t i = 0; i < s->n_peers; i++) {
        struct wf_sharing_peer *p = &s->peers[i];
        if (p->id != 0 && node_of(s, p->id) != NULL && wf_sharing__grant(s, p, &err) != 0)
            wf_sharing__log(s, "keys cannot be passed on: %s", err.msg);
    }
}

/* All that follows from what came and what changed. */
static void work(struct wf_sharing *s)
{
    struct wf_err err = WF_ERR_INIT;
    int64_t now_ns = wf_clock_mono_ns(NULL);

    if (wf_syncer_flush(s->syncer, &err) != 0)
        wf_sharing__log(s, "changes of others are not kept: %s", err.msg);
    if (s->devices.version == 0)
        return;
    if (s->rules_changed) {
        s->rules_changed = false;
        if (wf_syncer_rules_changed(s->syncer, &err) != 0)
            wf_sharing__log(s, "%s", err.msg);
    }
    if (wf_sharing__in(s, &err) != 0)
        wf_sharing__log(s, "changes of others: %s", err.msg);
    if (s->keys_changed)
        grant_all(s);
    if (s->is_unsent && now_ns >= s->out_ns) {
        bool failed = wf_sharing__out(s, &err) != 0;
        if (failed)
            wf_sharing__log(s, "changes for others: %s", err.msg);
        s->out_ns = now_ns + (failed ? AGAIN_MS : GATHER_MS) * INT64_C(1000000);
    }
}

struct round {
    struct wf_list events;
    bool is_poked, is_listed_anew, stop;
};

static void wait_for_work(struct wf_sharing *s, struct round *out, int64_t until_ns)
{
    struct timespec until = {(time_t)(until_ns / 1000000000), (long)(until_ns % 1000000000)};
    int rc = 0;

    pthread_mutex_lock(&s->lock);
    while (rc == 0 && wf_list_empty(&s->events) && !s->is_poked && !s->is_listed_anew && !s->stop)
        rc = pthread_cond_timedwait(&s->wake, &s->lock, &until);
    *out = (struct round){
        .is_poked = s->is_poked, .is_listed_anew = s->is_listed_anew, .stop = s->stop};
    wf_list_init(&out->events);
    if (!wf_list_empty(&s->events)) {
        out->events = s->events;
        out->events.next->prev = out->events.prev->next = &out->events;
        wf_list_init(&s->events);
    }
    s->is_poked = s->is_listed_anew = false;
    pthread_mutex_unlock(&s->lock);
}

/* When there is something to be done though nothing happens. */
static int64_t next_ns(const struct wf_sharing *s)
{
    int64_t tick_ns = wf_clock_mono_ns(NULL) + TICK_MS * INT64_C(1000000);

    if (s->n_came > 0 && s->is_going_on)
        return 0;
    return s->is_unsent && s->devices.version > 0 ? WF_MIN(s->out_ns, tick_ns) : tick_ns;
}

static void *run(void *ud)
{
    struct wf_sharing *s = ud;
    struct wf_list *it, *tmp;
    struct round round = {.stop = false};
    int64_t until_ns = 0;

    while (!round.stop) {
        wait_for_work(s, &round, until_ns);
        pthread_mutex_lock(&s->work);
        if (round.is_listed_anew)
            read_devices(s);
        s->is_unsent = s->is_unsent || round.is_poked;
        WF_LIST_EACH(it, tmp, &round.events)
        {
            struct wf_sharing_event *e = WF_CONTAINER(it, struct wf_sharing_event, node);
            take_event(s, e);
            wf_free(e);
        }
        work(s);
        wf_syncer_tick(s->syncer);
        until_ns = next_ns(s);
        pthread_mutex_unlock(&s->work);
    }
    return NULL;
}

/* ---- callers ---- */

static void signal_it(struct wf_sharing *s, bool *flag)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    *flag = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

void wf_sharing_poke(struct wf_sharing *s)
{
    signal_it(s, &s->is_poked);
}

void wf_sharing_devices_changed(struct wf_sharing *s)
{
    signal_it(s, &s->is_listed_anew);
}

static json_t *problems_json(const struct wf_sharing *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->n_problems; i++) {
        const struct wf_devices_entry *e = wf_sharing__entry(s, s->problems[i].log.device);
        if (s->problems[i].words[0] != '\0')
            (void)json_array_append_new(list,
                                        json_pack("{s:s, s:s}", "device", e == NULL ? "" : e->name,
                                                  "words", s->problems[i].words));
    }
    return list;
}

json_t *wf_sharing_status(struct wf_sharing *s)
{
    struct wf_syncer_behind b;
    bool is_poked;
    json_t *v;

    pthread_mutex_lock(&s->work);
    b = wf_syncer_behind(s->syncer);
    pthread_mutex_lock(&s->lock);
    is_poked = s->is_poked || !wf_list_empty(&s->events) || s->is_listed_anew;
    pthread_mutex_unlock(&s->lock);
    v = json_pack("{s:b, s:I, s:{s:I, s:I, s:b, s:I}, s:o}", "converged",
                  b.n_peers > 0 && b.is_known && b.here == 0 && b.there == 0 && !s->is_unsent &&
                      !is_poked && s->n_came == 0,
                  "nodes", (json_int_t)b.n_peers, "behind", "here", (json_int_t)b.here, "there",
                  (json_int_t)b.there, "unsent", s->is_unsent || is_poked, "untaken",
                  (json_int_t)s->n_came, "problems", problems_json(s));
    pthread_mutex_unlock(&s->work);
    return v;
}

/* ---- making and freeing ---- */

static int open_syncer(struct wf_sharing *s, struct wf_err *err)
{
    struct wf_syncer_options o = {.keeps = s->o.keeps,
                                  .clock = s->o.clock,
                                  .gives = gives,
                                  .takes = takes,
                                  .send = send_to,
                                  .came = came,
                                  .trouble = trouble,
                                  .other = other,
                                  .ud = s};

    wf_shelf_of_store(s->o.store, &o.shelf);
    memcpy(o.device, s->o.device->signer.id, sizeof(o.device));
    return wf_syncer_new(&o, &s->syncer, err);
}

int wf_sharing_new(const struct wf_sharing_options *o, struct wf_sharing **out, struct wf_err *err)
{
    struct wf_sharing *s = wf_alloc_array(1, sizeof(*s));
    const struct wf_link_events events = {
        .up = link_up, .bytes = link_bytes, .room = link_room, .down = link_down, .ud = s};
    int rc;

    if (s == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to share with other devices.");
    s->o = *o;
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->work, NULL);
    wf_cond_init(&s->wake);
    wf_list_init(&s->events);
    s->is_unsent = s->is_poked = s->is_listed_anew = true;
    rc = open_syncer(s, err);
    if (rc == 0)
        rc = wf_sharing__read_streams(s, err);
    if (rc == 0) {
        int failed = pthread_create(&s->thread, NULL, run, s);
        s->has_thread = failed == 0;
        if (failed != 0)
            rc = wf_err_errno(err, failed, "cannot start the thread that shares");
    }
    if (rc != 0) {
        wf_sharing_free(s);
        return rc;
    }
    wf_link_on(s->o.link, WF_LINK_SYNC, &events);
    *out = s;
    return 0;
}

void wf_sharing_free(struct wf_sharing *s)
{
    struct wf_list *it, *tmp;

    if (s == NULL)
        return;
    wf_link_on(s->o.link, WF_LINK_SYNC, NULL);
    signal_it(s, &s->stop);
    if (s->has_thread)
        (void)pthread_join(s->thread, NULL);
    WF_LIST_EACH(it, tmp, &s->events)
    {
        wf_free(WF_CONTAINER(it, struct wf_sharing_event, node));
    }
    wf_syncer_free(s->syncer);
    wf_free(s->peers);
    wf_free(s->streams);
    wf_free(s->came);
    wf_free(s->problems);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->work);
    pthread_mutex_destroy(&s->lock);
    wf_free(s);
}
