/* SPDX-License-Identifier: Apache-2.0 */
/* Which nodes may have which stream, as they were last asked for. A relay has a thousand nodes and
 * hundreds of streams, of which each node may have a few: what a batch costs must not grow with
 * those that it is nothing to. Whether a node still may have what it is about to be sent is asked
 * again then; who may have more than before is found by wf_syncer_rules_changed. */
#include <string.h>

#include "base/alloc.h"
#include "mesh/syncer_internal.h"

int wf_syncer__set_add(struct wf_syncer_set *set, uint32_t v)
{
    if (wf_reserve(&set->at, &set->cap, set->n + 1, sizeof(*set->at)) != 0)
        return WF_E_NOMEM;
    set->at[set->n++] = v;
    return 0;
}

static void set_remove(struct wf_syncer_set *set, uint32_t v)
{
    for (size_t i = 0; i < set->n; i++) {
        if (set->at[i] == v) {
            set->at[i] = set->at[--set->n];
            return;
        }
    }
}

static int join(struct wf_syncer *s, uint32_t stream, struct wf_syncer_peer *p)
{
    struct wf_syncer_stream *t = &s->streams[stream];

    if (wf_syncer__set_add(&t->peers, p->slot) != 0)
        return WF_E_NOMEM;
    if (wf_syncer__set_add(&p->streams, stream) == 0)
        return 0;
    t->peers.n--;
    return WF_E_NOMEM;
}

/* It is asked whether the node may have the stream; then all its logs are queued. */
static int ask_one(struct wf_syncer *s, uint32_t stream, struct wf_syncer_peer *p)
{
    struct wf_syncer_set *logs;

    if (!s->o.gives(s->o.ud, p->id, s->streams[stream].id))
        return 0;
    if (join(s, stream, p) != 0)
        return WF_E_NOMEM;
    logs = &s->streams[stream].logs;
    for (size_t i = 0; i < logs->n; i++) {
        struct wf_syncer_tie *tie;
        if (s->logs[logs->at[i]].head.last == 0)
            continue;
        tie = wf_syncer__tie(p, logs->at[i]);
        if (tie == NULL || wf_syncer__queue(p, tie) != 0)
            return WF_E_NOMEM;
    }
    return 0;
}

uint32_t wf_syncer__stream(struct wf_syncer *s, const uint8_t id[WF_STREAM_ID_BYTES])
{
    const struct wf_str key = wf_str_n((const char *)id, WF_STREAM_ID_BYTES);
    union wf_map_value *v = wf_map_get(&s->by_stream, key);
    uint32_t k = (uint32_t)s->n_streams;

    if (v != NULL)
        return (uint32_t)v->u64;
    if (wf_reserve(&s->streams, &s->cap_streams, s->n_streams + 1, sizeof(*s->streams)) != 0)
        return WF_SYNCER_NONE;
    s->streams[k] = (struct wf_syncer_stream){.logs.n = 0};
    memcpy(s->streams[k].id, id, WF_STREAM_ID_BYTES);
    v = wf_map_put(&s->by_stream, key, NULL);
    if (v == NULL)
        return WF_SYNCER_NONE;
    v->u64 = k;
    s->n_streams++;
    for (size_t i = 0; i < s->n_peers; i++) {
        if (s->peers[i] != NULL && ask_one(s, k, s->peers[i]) != 0)
            return WF_SYNCER_NONE; /* who was not asked hears of it with the next change of rules */
    }
    return k;
}

int wf_syncer__ask_streams(struct wf_syncer *s, struct wf_syncer_peer *p)
{
    wf_list_remove(&p->ready);
    wf_list_push(&s->ready, &p->ready); /* it is told, at least, that that is all */
    for (uint32_t k = 0; k < s->n_streams; k++) {
        if (ask_one(s, k, p) != 0)
            return WF_E_NOMEM;
    }
    return 0;
}

void wf_syncer__forget_streams(struct wf_syncer *s, struct wf_syncer_peer *p)
{
    for (size_t i = 0; i < p->streams.n; i++)
        set_remove(&s->streams[p->streams.at[i]].peers, p->slot);
    p->streams.n = 0;
}

/* What is wanted of the node now may not have been before. */
static int queue_told(struct wf_syncer *s, uint32_t stream, struct wf_syncer_peer *p)
{
    const struct wf_syncer_set *logs = &s->streams[stream].logs;

    for (size_t i = 0; i < logs->n; i++) {
        struct wf_syncer_tie *tie = wf_syncer__find_tie(p, logs->at[i]);
        if (tie != NULL)
            wf_syncer__note_author(s, p, logs->at[i]);
        if (tie != NULL && wf_syncer__queue(p, tie) != 0)
            return WF_E_NOMEM;
    }
    return 0;
}

int wf_syncer_stream_changed(struct wf_syncer *s, const uint8_t stream[WF_STREAM_ID_BYTES],
                             struct wf_err *err)
{
    const union wf_map_value *v =
        wf_map_get(&s->by_stream, wf_str_n((const char *)stream, WF_STREAM_ID_BYTES));
    int rc = 0;

    if (v == NULL)
        return 0;
    const uint32_t k = (uint32_t)v->u64;
    for (size_t i = 0; i < s->streams[k].peers.n; i++)
        set_remove(&s->peers[s->streams[k].peers.at[i]]->streams, k);
    s->streams[k].peers.n = 0;
    for (size_t i = 0; i < s->n_peers && rc == 0; i++) {
        if (s->peers[i] == NULL)
            continue;
        rc = queue_told(s, k, s->peers[i]);
        if (rc == 0)
            rc = ask_one(s, k, s->peers[i]);
    }
    if (rc != 0)
        return wf_err_set(err, rc, "Not enough memory to exchange batches.");
    wf_syncer__pump_all(s);
    return 0;
}

void wf_syncer__free_streams(struct wf_syncer *s)
{
    for (size_t k = 0; k < s->n_streams; k++) {
        wf_free(s->streams[k].logs.at);
        wf_free(s->streams[k].peers.at);
    }
    wf_free(s->streams);
    wf_map_deinit(&s->by_stream);
}
