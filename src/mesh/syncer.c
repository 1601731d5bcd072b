/* SPDX-License-Identifier: Apache-2.0 */
/* Logs and nodes that come and go. */
#include "mesh/syncer_internal.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"

/* Who calls for it more often changes nothing. */
#define TICK_NS INT64_C(500000000)
#define FORGIVE_NS INT64_C(120000000000)

void wf_syncer__tell(const struct wf_syncer *s, enum wf_syncer_wrong what, uint64_t peer,
                     const struct wf_sync_log *log, uint64_t number)
{
    const struct wf_syncer_trouble t = {.what = what, .peer = peer, .log = *log, .number = number};

    s->o.trouble(s->o.ud, &t);
}

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to exchange batches.");
}

/* ---- logs ---- */

static struct wf_str name_of(const struct wf_sync_log *log)
{
    return wf_str_n((const char *)log, sizeof(*log));
}

uint32_t wf_syncer__log(struct wf_syncer *s, const struct wf_sync_log *log, bool make)
{
    union wf_map_value *v = wf_map_get(&s->by_name, name_of(log));
    uint32_t stream;

    if (v != NULL || !make)
        return v != NULL ? (uint32_t)v->u64 : WF_SYNCER_NONE;
    stream = wf_syncer__stream(s, log->stream);
    if (stream == WF_SYNCER_NONE ||
        wf_reserve(&s->logs, &s->cap_logs, s->n_logs + 1, sizeof(*s->logs)) != 0 ||
        wf_syncer__set_add(&s->streams[stream].logs, (uint32_t)s->n_logs) != 0)
        return WF_SYNCER_NONE;
    v = wf_map_put(&s->by_name, name_of(log), NULL);
    if (v == NULL) {
        s->streams[stream].logs.n--;
        return WF_SYNCER_NONE;
    }
    v->u64 = s->n_logs;
    s->logs[s->n_logs] = (struct wf_syncer_log){
        .head.log = *log,
        .stream = stream,
        .is_own = memcmp(log->device, s->o.device, sizeof(s->o.device)) == 0};
    return (uint32_t)s->n_logs++;
}

static int take_head(void *ud, const struct wf_sync_head *head, struct wf_err *err)
{
    struct wf_syncer *s = ud;
    uint32_t k = wf_syncer__log(s, &head->log, true);

    if (k == WF_SYNCER_NONE)
        return no_memory(err);
    s->logs[k].head = *head;
    s->logs[k].coming = head->last;
    memcpy(s->logs[k].coming_hash, head->hash, sizeof(head->hash));
    return 0;
}

int wf_syncer__moved(struct wf_syncer *s, uint32_t log, uint64_t before, bool pushes)
{
    struct wf_syncer_log *l = &s->logs[log];
    const struct wf_syncer_set *peers = &s->streams[l->stream].peers;

    for (size_t i = 0; i < peers->n; i++) { /* whether it still may is asked when it is sent */
        struct wf_syncer_peer *p = s->peers[peers->at[i]];
        struct wf_syncer_tie *t = wf_syncer__tie(p, log);
        uint64_t has;
        if (t == NULL || wf_syncer__queue(p, t) != 0)
            return WF_E_NOMEM;
        has = WF_MAX(t->theirs, t->sent);
        if (pushes && p->has_told && t->sending == 0 && has >= before && has < l->head.last)
            t->sending = has + 1;
    }
    return 0;
}

int wf_syncer_wrote(struct wf_syncer *s, const struct wf_sync_head *head, struct wf_err *err)
{
    uint32_t k = wf_syncer__log(s, &head->log, true);
    uint64_t before = k == WF_SYNCER_NONE ? 0 : s->logs[k].head.last;

    if (k == WF_SYNCER_NONE || take_head(s, head, err) != 0 ||
        wf_syncer__moved(s, k, before, true) != 0)
        return no_memory(err);
    wf_syncer__pump_all(s);
    return 0;
}

int wf_syncer_reached(struct wf_syncer *s, const struct wf_sync_head *head, struct wf_err *err)
{
    uint32_t k = wf_syncer__log(s, &head->log, true);
    struct wf_syncer_log *l = k == WF_SYNCER_NONE ? NULL : &s->logs[k];
    uint64_t before;

    if (l == NULL)
        return no_memory(err);
    before = l->head.last;
    if (head->last <= before)
        return 0;
    l->head = *head;
    if (l->coming < head->last) {
        l->coming = head->last;
        memcpy(l->coming_hash, head->hash, sizeof(head->hash));
        l->begins = false;
        l->asked_of = 0; /* what was asked for is here now */
    }
    for (size_t i = 0; i < s->n_peers; i++) { /* it may be another story than it was */
        struct wf_syncer_tie *t = s->peers[i] == NULL ? NULL : wf_syncer__find_tie(s->peers[i], k);
        if (t != NULL)
            t->is_other = false;
    }
    if (wf_syncer__moved(s, k, before, false) != 0)
        return no_memory(err);
    wf_syncer__pump_all(s);
    return 0;
}

uint64_t wf_syncer_here(const struct wf_syncer *s, const struct wf_sync_log *log)
{
    const union wf_map_value *v = wf_map_get(&s->by_name, name_of(log));

    return v == NULL ? 0 : s->logs[v->u64].head.last;
}

uint64_t wf_syncer_there(const struct wf_syncer *s, uint64_t peer, const struct wf_sync_log *log)
{
    const union wf_map_value *v = wf_map_get(&s->by_name, name_of(log));
    const struct wf_syncer_peer *p = v == NULL ? NULL : wf_syncer__peer(s, peer);
    const struct wf_syncer_tie *t = p == NULL ? NULL : wf_syncer__find_tie(p, (uint32_t)v->u64);

    return t == NULL ? 0 : t->theirs;
}

/* ---- nodes ---- */

/* Connections that link makes and those that it takes have even numbers and odd ones. */
static const struct wf_list *bucket_of(const struct wf_syncer *s, uint64_t id)
{
    return &s->buckets[(id / 2 + id % 2) % WF_SYNCER_BUCKETS];
}

struct wf_syncer_peer *wf_syncer__peer(const struct wf_syncer *s, uint64_t id)
{
    const struct wf_list *head = bucket_of(s, id);

    for (struct wf_list *it = head->next; it != head; it = it->next) {
        struct wf_syncer_peer *p = WF_CONTAINER(it, struct wf_syncer_peer, by_id);
        if (p->id == id)
            return p;
    }
    return NULL;
}

struct wf_syncer_tie *wf_syncer__find_tie(const struct wf_syncer_peer *p, uint32_t log)
{
    const union wf_map_value *v = wf_map_get(&p->of_log, wf_str_n((const char *)&log, sizeof(log)));

    return v == NULL || p->ties == NULL ? NULL : &p->ties[v->u64];
}

struct wf_syncer_tie *wf_syncer__tie(struct wf_syncer_peer *p, uint32_t log)
{
    struct wf_syncer_tie *t = wf_syncer__find_tie(p, log);
    union wf_map_value *v;

    if (t != NULL)
        return t;
    if (wf_reserve(&p->ties, &p->cap_ties, p->n_ties + 1, sizeof(*p->ties)) != 0 ||
        (v = wf_map_put(&p->of_log, wf_str_n((const char *)&log, sizeof(log)), NULL)) == NULL)
        return NULL;
    v->u64 = p->n_ties;
    p->ties[p->n_ties] = (struct wf_syncer_tie){.log = log};
    return &p->ties[p->n_ties++];
}

int wf_syncer__queue(struct wf_syncer_peer *p, struct wf_syncer_tie *t)
{
    if (wf_list_empty(&p->ready))
        wf_list_push(p->all_ready, &p->ready);
    if (t->is_queued)
        return 0;
    if (wf_reserve(&p->queue, &p->cap_queue, p->n_queue + 1, sizeof(*p->queue)) != 0)
        return WF_E_NOMEM;
    p->queue[p->n_queue++] = (uint32_t)(t - p->ties);
    t->is_queued = true;
    return 0;
}

static void peer_free(struct wf_syncer_peer *p)
{
    if (p == NULL)
        return;
    wf_list_remove(&p->by_id);
    wf_list_remove(&p->ready);
    wf_free(p->streams.at);
    wf_free(p->ties);
    wf_free(p->queue);
    wf_map_deinit(&p->of_log);
    wf_buf_deinit(&p->part);
    wf_free(p);
}

int wf_syncer_up(struct wf_syncer *s, uint64_t peer, struct wf_err *err)
{
    struct wf_syncer_peer *p;
    size_t i = 0;

    assert(wf_syncer__peer(s, peer) == NULL);
    while (i < s->n_peers && s->peers[i] != NULL)
        i++;
    if (i == s->n_peers &&
        wf_reserve(&s->peers, &s->cap_peers, s->n_peers + 1, sizeof(*s->peers)) != 0)
        return no_memory(err);
    p = wf_alloc_array(1, sizeof(*p));
    if (p == NULL)
        return no_memory(err);
    p->id = peer;
    p->slot = (uint32_t)i;
    p->all_ready = &s->ready;
    wf_list_init(&p->ready);
    wf_list_push((struct wf_list *)(uintptr_t)bucket_of(s, peer), &p->by_id);
    wf_map_init(&p->of_log, WF_LIMIT_SYNC_LOGS);
    wf_buf_init(&p->part, WF_LIMIT_BATCH_BYTES);
    s->peers[i] = p;
    s->n_peers = WF_MAX(s->n_peers, i + 1);
    if (wf_syncer__ask_streams(s, p) != 0) {
        s->peers[i] = NULL;
        wf_syncer__forget_streams(s, p);
        peer_free(p);
        return no_memory(err);
    }
    wf_syncer__pump(s, p);
    return 0;
}

void wf_syncer__note_author(struct wf_syncer *s, const struct wf_syncer_peer *p, uint32_t log)
{
    struct wf_syncer_log *l = &s->logs[log];

    if (l->author != p->id && s->o.owns != NULL && s->o.owns(s->o.ud, p->id, &l->head.log))
        l->author = p->id;
}

void wf_syncer_keep(struct wf_syncer *s, bool keeps)
{
    s->o.keeps = keeps;
}

int wf_syncer__ask_others(struct wf_syncer *s, uint32_t log)
{
    int rc = 0;

    s->logs[log].asked_of = 0;
    for (size_t i = 0; i < s->n_peers; i++) {
        struct wf_syncer_peer *p = s->peers[i];
        struct wf_syncer_tie *t = p == NULL ? NULL : wf_syncer__find_tie(p, log);
        if (t != NULL && t->theirs > s->logs[log].coming && !t->is_other &&
            wf_syncer__queue(p, t) != 0)
            rc = WF_E_NOMEM;
    }
    return rc;
}

/* Who wrote a log may be connected a second time, before the first connection is known to be gone:
 * then it hears there how far its log is here. */
static void look_for_author(struct wf_syncer *s, uint32_t log)
{
    s->logs[log].author = 0;
    for (size_t i = 0; i < s->n_peers && s->logs[log].author == 0; i++) {
        struct wf_syncer_peer *p = s->peers[i];
        struct wf_syncer_tie *t = p == NULL ? NULL : wf_syncer__find_tie(p, log);
        if (t == NULL)
            continue;
        wf_syncer__note_author(s, p, log);
        if (s->logs[log].author == p->id)
            (void)!wf_syncer__queue(p, t); /* else with the log's next batch */
    }
}

void wf_syncer_down(struct wf_syncer *s, uint64_t peer)
{
    struct wf_syncer_peer *p = wf_syncer__peer(s, peer);

    if (p == NULL)
        return;
    s->peers[p->slot] = NULL;
    wf_syncer__forget_streams(s, p);
    for (size_t k = 0; k < p->n_ties; k++) {
        if (s->logs[p->ties[k].log].asked_of == peer)
            (void)!wf_syncer__ask_others(s, p->ties[k].log); /* else with their next word */
        if (s->logs[p->ties[k].log].author == peer)
            look_for_author(s, p->ties[k].log);
    }
    peer_free(p);
    wf_syncer__pump_all(s);
}

void wf_syncer_room(struct wf_syncer *s, uint64_t peer)
{
    struct wf_syncer_peer *p = wf_syncer__peer(s, peer);

    if (p == NULL)
        return;
    p->is_blocked = false;
    wf_syncer__pump(s, p);
}

int wf_syncer_rules_changed(struct wf_syncer *s, struct wf_err *err)
{
    for (size_t i = 0; i < s->n_peers; i++) {
        struct wf_syncer_peer *p = s->peers[i];
        if (p == NULL)
            continue;
        for (size_t k = 0; k < p->n_ties; k++) { /* what is wanted now may not have been before */
            wf_syncer__note_author(s, p, p->ties[k].log);
            if (wf_syncer__queue(p, &p->ties[k]) != 0)
                return no_memory(err);
        }
        wf_syncer__forget_streams(s, p);
        if (wf_syncer__ask_streams(s, p) != 0)
            return no_memory(err);
    }
    wf_syncer__pump_all(s);
    return 0;
}

/* Who did not send what it said it has may not have been able to: it is asked again now and then.
 */
static void forgive(struct wf_syncer *s, int64_t now)
{
    s->forgive_ns = now + FORGIVE_NS;
    for (size_t i = 0; i < s->n_peers; i++) {
        struct wf_syncer_peer *p = s->peers[i];
        for (size_t k = 0; p != NULL && k < p->n_ties; k++) {
            if (p->ties[k].is_given_up && wf_syncer__queue(p, &p->ties[k]) == 0)
                p->ties[k].is_given_up = false;
        }
    }
}

/* What came and could not be kept, as on a full disk. */
static void ask_for_lost(struct wf_syncer *s)
{
    for (uint32_t k = 0; k < s->n_logs; k++) {
        if (s->logs[k].is_lost && s->logs[k].asked_of == 0 && wf_syncer__ask_others(s, k) == 0)
            s->logs[k].is_lost = false;
    }
}

/* What could not be sent, as for lack of memory. */
static void unblock(struct wf_syncer *s)
{
    for (size_t i = 0; i < s->n_peers; i++) {
        struct wf_syncer_peer *p = s->peers[i];
        if (p != NULL && p->tries_again) {
            p->tries_again = false;
            wf_syncer_room(s, p->id);
        }
    }
}

void wf_syncer_tick(struct wf_syncer *s)
{
    int64_t now = wf_clock_mono_ns(s->o.clock);

    if (now < s->tick_ns)
        return;
    s->tick_ns = now + TICK_NS;
    if (now >= s->forgive_ns)
        forgive(s, now);
    if (now >= s->lost_ns)
        ask_for_lost(s);
    for (uint32_t k = 0; k < s->n_logs; k++) {
        struct wf_syncer_log *l = &s->logs[k];
        struct wf_syncer_peer *p;
        struct wf_syncer_tie *t;
        if (l->asked_of == 0 || now - l->asked_ns < WF_SYNCER_PATIENCE_S * INT64_C(1000000000))
            continue;
        p = wf_syncer__peer(s, l->asked_of);
        t = p == NULL ? NULL : wf_syncer__find_tie(p, k);
        if (t != NULL) {
            t->is_given_up = true;
            wf_syncer__tell(s, WF_SYNCER_WITHHELD, p->id, &l->head.log, l->coming + 1);
        }
        (void)!wf_syncer__ask_others(s, k);
    }
    unblock(s);
    wf_syncer__pump_all(s);
}

uint64_t wf_syncer_said(const struct wf_syncer *s, const struct wf_sync_log *log)
{
    const union wf_map_value *v = wf_map_get(&s->by_name, name_of(log));
    uint64_t most = 0;

    for (size_t i = 0; v != NULL && i < s->n_peers; i++) {
        const struct wf_syncer_tie *t =
            s->peers[i] == NULL ? NULL : wf_syncer__find_tie(s->peers[i], (uint32_t)v->u64);
        most = t == NULL ? most : WF_MAX(most, t->theirs);
    }
    return most;
}

/* Whether a node that does not say it has all of a log may be said to lack it. */
static bool would_tell(const struct wf_syncer *s, const struct wf_syncer_peer *p,
                       const struct wf_sync_log *log)
{
    return s->o.gives(s->o.ud, p->id, log->stream) &&
           (s->o.tells == NULL || s->o.tells(s->o.ud, p->id, log));
}

/* What differs between here and there. Of two stories of one length each lacks the other's last
 * batch, at least. */
static void count_tie(const struct wf_syncer *s, const struct wf_syncer_peer *p,
                      const struct wf_syncer_tie *t, struct wf_syncer_behind *out)
{
    const struct wf_syncer_log *l = &s->logs[t->log];
    const uint64_t here = l->head.last;
    bool is_other = t->is_other && t->theirs == here;

    if (t->is_other && s->o.is_over != NULL && s->o.is_over(s->o.ud, &l->head.log))
        return;
    if ((t->theirs > here || is_other) && s->o.takes(s->o.ud, p->id, &l->head.log))
        out->here += is_other ? 1 : t->theirs - here;
    if ((t->theirs < here || is_other) && would_tell(s, p, &l->head.log))
        out->there += is_other ? 1 : here - t->theirs;
}

struct wf_syncer_behind wf_syncer_behind(const struct wf_syncer *s)
{
    struct wf_syncer_behind b = {.is_known = true};

    for (size_t i = 0; i < s->n_peers; i++) {
        const struct wf_syncer_peer *p = s->peers[i];
        if (p == NULL)
            continue;
        b.n_peers++;
        b.is_known = b.is_known && p->has_told;
        for (size_t k = 0; k < p->n_ties; k++)
            count_tie(s, p, &p->ties[k], &b);
    }
    return b;
}

/* ---- making and freeing ---- */

int wf_syncer_new(const struct wf_syncer_options *o, struct wf_syncer **out, struct wf_err *err)
{
    struct wf_syncer *s = wf_alloc_array(1, sizeof(*s));
    int rc;

    if (s == NULL)
        return no_memory(err);
    s->o = *o;
    for (size_t i = 0; i < WF_SYNCER_BUCKETS; i++)
        wf_list_init(&s->buckets[i]);
    wf_list_init(&s->ready);
    wf_map_init(&s->by_name, WF_LIMIT_SYNC_LOGS);
    wf_map_init(&s->by_stream, WF_LIMIT_SYNC_LOGS);
    wf_buf_init(&s->message, WF_LIMIT_BATCH_BYTES);
    rc = s->o.shelf.heads(s->o.shelf.ud, take_head, s, err);
    if (rc != 0) {
        wf_syncer_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void wf_syncer_free(struct wf_syncer *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n_peers; i++)
        peer_free(s->peers[i]);
    for (size_t i = 0; i < s->n_pending; i++)
        wf_free((void *)(uintptr_t)s->pending[i].bytes.ptr);
    wf_free(s->pending);
    wf_syncer__free_streams(s);
    wf_free(s->peers);
    wf_free(s->logs);
    wf_map_deinit(&s->by_name);
    wf_buf_deinit(&s->message);
    wf_free(s);
}
