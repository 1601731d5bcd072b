/* SPDX-License-Identifier: Apache-2.0 */
/* What a node sends: how far its logs are, what it wants, batches. A batch is taken when it is the
 * next of a log that is wanted from that node; everything else is passed over or told. */
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "mesh/syncer_internal.h"

/* Not yet durable, at most: then it is made so at once. */
#define PENDING_BYTES ((size_t)8 << 20)
/* What could not be kept is asked for again so much later; twice that, and so on, where it cannot
 * be kept then. */
#define LOST_NS INT64_C(2000000000)
#define LOST_MAX_NS INT64_C(600000000000)

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to exchange batches.");
}

/* ---- heads ---- */

/* Of a batch of the shelf: whether it is another one than a head names: 1, or 2; 1 ends the walk.
 */
static int compare_batch(void *ud, uint64_t number, struct wf_str bytes, struct wf_err *err)
{
    const struct wf_sync_head *h = ud;
    struct wf_batch b;

    (void)err;
    if (number != h->last || wf_batch_read(bytes, &b, NULL) != 0)
        return 1; /* it was let go: nobody can tell */
    return memcmp(b.hash, h->hash, sizeof(b.hash)) != 0 ? 2 : 1;
}

/* Whether the node tells another story than the one that is here. Of a batch before the last one it
 * is looked at once a connection, and when it says so again, as it does once it has found out. */
static bool tells_other(const struct wf_syncer *s, const struct wf_syncer_tie *t,
                        const struct wf_sync_head *h)
{
    const struct wf_sync_head *here = &s->logs[t->log].head;

    if (h->last == here->last)
        return memcmp(h->hash, here->hash, sizeof(h->hash)) != 0;
    if (h->last > here->last || h->last == 0 || (t->theirs != 0 && h->last > t->theirs))
        return t->is_other;
    return s->o.shelf.read(s->o.shelf.ud, &h->log, h->last, 1, compare_batch, (void *)(uintptr_t)h,
                           NULL) == 2;
}

/* It is not asked for it any more, and hears once more what is here, so that it finds out, too. */
static int set_other(struct wf_syncer *s, struct wf_syncer_peer *p, struct wf_syncer_tie *t,
                     uint64_t number)
{
    struct wf_syncer_log *l = &s->logs[t->log];
    bool is_news = !t->is_other;

    t->is_other = true;
    wf_syncer__tell(s, WF_SYNCER_FORK, p->id, &l->head.log, number);
    if (l->asked_of == p->id && wf_syncer__ask_others(s, t->log) != 0)
        return WF_E_NOMEM;
    if (!is_news)
        return 0;
    t->told = 0;
    return wf_syncer__queue(p, t);
}

static int take_head(struct wf_syncer *s, struct wf_syncer_peer *p, const struct wf_sync_head *h,
                     struct wf_err *err)
{
    uint32_t k = wf_syncer__log(s, &h->log, true); /* what is not wanted now may be later */
    struct wf_syncer_tie *t = k == WF_SYNCER_NONE ? NULL : wf_syncer__tie(p, k);
    const struct wf_syncer_log *l;
    uint64_t before;

    if (t == NULL || wf_syncer__queue(p, t) != 0)
        return no_memory(err);
    l = &s->logs[k];
    wf_syncer__note_author(s, p, k);
    before = s->o.said != NULL ? s->o.said(s->o.ud, p->id, h) : 0;
    if (h->last < WF_MAX(before, t->theirs))
        wf_syncer__tell(s, WF_SYNCER_LOST, p->id, &h->log, h->last);
    if (l->is_own && h->last > l->head.last)
        wf_syncer__tell(s, WF_SYNCER_BEHIND, p->id, &h->log, h->last);
    t->is_other = tells_other(s, t, h);
    if (t->is_other)
        wf_syncer__tell(s, WF_SYNCER_FORK, p->id, &h->log, h->last);
    t->is_given_up = t->is_given_up && h->last <= t->theirs;
    t->first = 0; /* it may be another by now */
    t->theirs = h->last;
    return 0;
}

static int take_heads(struct wf_syncer *s, struct wf_syncer_peer *p,
                      const struct wf_sync_message *m, struct wf_err *err)
{
    struct wf_sync_head h;
    size_t at = 0;
    int rc = 0;

    if (m->bytes.len == 0 && !p->has_told && s->o.said_all != NULL)
        s->o.said_all(s->o.ud, p->id);
    p->has_told = p->has_told || m->bytes.len == 0;
    while (rc == 0 && wf_sync_heads_next(m, &at, &h))
        rc = take_head(s, p, &h, err);
    return rc;
}

/* ---- what it wants ---- */

static int take_want(struct wf_syncer *s, struct wf_syncer_peer *p, const struct wf_sync_message *m,
                     struct wf_err *err)
{
    uint32_t k = wf_syncer__log(s, &m->log, false);
    struct wf_syncer_tie *t;

    /* What it must not have is to it as if there were none. */
    if (k == WF_SYNCER_NONE || !wf_syncer__may_have(s, p, k))
        return 0;
    t = wf_syncer__tie(p, k);
    if (t == NULL || wf_syncer__queue(p, t) != 0)
        return no_memory(err);
    t->sending = m->from;
    return 0;
}

/* ---- a log that begins later ---- */

/* Another node that has the log, and may have it from the next one on. */
static bool has_other(const struct wf_syncer *s, uint32_t log)
{
    const struct wf_syncer_log *l = &s->logs[log];

    for (size_t i = 0; i < s->n_peers; i++) {
        const struct wf_syncer_peer *p = s->peers[i];
        const struct wf_syncer_tie *t = p == NULL ? NULL : wf_syncer__find_tie(p, log);
        if (t != NULL && t->theirs > l->coming && t->first <= l->coming + 1 && !t->is_given_up &&
            !t->is_other)
            return true;
    }
    return false;
}

/* Others are asked, who may have it whole. When nobody is left, and a snapshot has what is missing,
 * it is taken from its beginning on; whether that snapshot is one is looked at before anything
 * behind it is applied. */
static int take_first(struct wf_syncer *s, struct wf_syncer_peer *p,
                      const struct wf_sync_message *m, struct wf_err *err)
{
    uint32_t k = wf_syncer__log(s, &m->log, false);
    struct wf_syncer_tie *t = k == WF_SYNCER_NONE ? NULL : wf_syncer__find_tie(p, k);
    struct wf_syncer_log *l;

    if (t == NULL || !s->o.takes(s->o.ud, p->id, &m->log))
        return 0;
    l = &s->logs[k];
    if (m->from <= l->coming + 1)
        return 0;
    t->first = m->from;
    if (l->asked_of != p->id)
        return 0;
    if (!has_other(s, k) && (m->flags & WF_SYNC_COVERED) != 0) {
        l->coming = m->from - 1; /* it goes on sending */
        l->begins = true;
        return 0;
    }
    if (!has_other(s, k))
        wf_syncer__tell(s, WF_SYNCER_LATER, p->id, &m->log, l->coming + 1);
    if (wf_syncer__ask_others(s, k) != 0)
        return no_memory(err);
    wf_syncer__pump_all(s);
    return 0;
}

/* ---- batches ---- */

/* A log that was asked for came further, or all of what was asked for has come. */
static void note_progress(struct wf_syncer *s, struct wf_syncer_log *l, const struct wf_batch *b)
{
    l->coming = b->number;
    l->begins = false;
    memcpy(l->coming_hash, b->hash, sizeof(b->hash));
    l->asked_ns = wf_clock_mono_ns(s->o.clock);
    if (l->coming >= l->asked_upto)
        l->asked_of = 0;
}

static int keep(struct wf_syncer *s, const struct wf_batch *b, bool begins, struct wf_err *err)
{
    char *copy = wf_alloc(b->bytes.len);

    if (copy == NULL ||
        wf_reserve(&s->pending, &s->cap_pending, s->n_pending + 1, sizeof(*s->pending)) != 0) {
        wf_free(copy);
        return no_memory(err);
    }
    memcpy(copy, b->bytes.ptr, b->bytes.len);
    s->pending[s->n_pending] = *b;
    s->pending[s->n_pending].begins = begins;
    s->pending[s->n_pending++].bytes = wf_str_n(copy, b->bytes.len);
    s->pending_bytes += b->bytes.len;
    return 0;
}

/* One that is here already, or another with its number. */
static void look_at_known(struct wf_syncer *s, struct wf_syncer_peer *p,
                          const struct wf_syncer_log *l, const struct wf_batch *b)
{
    if (b->number == l->coming && memcmp(b->hash, l->coming_hash, sizeof(b->hash)) != 0 &&
        wf_batch_verify(b, NULL) == 0)
        wf_syncer__tell(s, WF_SYNCER_FORK, p->id, &l->head.log, b->number);
}

static int take_batch(struct wf_syncer *s, struct wf_syncer_peer *p, struct wf_str bytes,
                      struct wf_err *err)
{
    struct wf_sync_log name;
    struct wf_syncer_log *l;
    struct wf_syncer_tie *t;
    struct wf_batch b;
    uint32_t k;
    int rc = wf_batch_read(bytes, &b, err);

    if (rc != 0)
        return rc;
    memcpy(name.stream, b.stream, sizeof(name.stream));
    memcpy(name.device, b.device, sizeof(name.device));
    k = wf_syncer__log(s, &name, true);
    t = k == WF_SYNCER_NONE ? NULL : wf_syncer__tie(p, k);
    if (t == NULL)
        return no_memory(err);
    t->theirs = WF_MAX(t->theirs, b.number); /* who sends it has it */
    wf_syncer__note_author(s, p, k);
    if (!s->o.takes(s->o.ud, p->id, &name))
        return 0; /* it may be wanted later */
    l = &s->logs[k];
    if (b.number <= l->coming)
        look_at_known(s, p, l, &b);
    if (b.number != l->coming + 1)
        return 0; /* known, or asked for again once it is heard of */
    if (wf_batch_verify(&b, NULL) != 0) {
        wf_syncer__tell(s, WF_SYNCER_FORGED, p->id, &name, b.number);
        return wf_err_set(err, WF_E_FORMAT, "Another node sent a batch that is not signed.");
    }
    if (!l->begins && memcmp(b.prev, l->coming_hash, sizeof(b.prev)) != 0) {
        return set_other(s, p, t, b.number) == 0 ? 0 : no_memory(err);
    }
    rc = keep(s, &b, l->begins, err);
    if (rc == 0)
        note_progress(s, l, &b);
    return rc == 0 && s->pending_bytes > PENDING_BYTES ? wf_syncer_flush(s, err) : rc;
}

static int take_part(struct wf_syncer *s, struct wf_syncer_peer *p, const struct wf_sync_message *m,
                     struct wf_err *err)
{
    int rc = 0;

    if (m->at == 0) {
        wf_buf_reset(&p->part);
        p->part_total = m->total;
    }
    if (m->at != p->part.len || m->total != p->part_total)
        return wf_err_set(err, WF_E_FORMAT, "Another node sent parts that do not fit together.");
    if (wf_buf_append_str(&p->part, m->bytes) != 0)
        return no_memory(err);
    if (p->part.len == p->part_total) {
        rc = take_batch(s, p, wf_buf_str(&p->part), err);
        wf_buf_deinit(&p->part); /* it was large */
        wf_buf_init(&p->part, WF_LIMIT_BATCH_BYTES);
    }
    return rc;
}

static int take(struct wf_syncer *s, struct wf_syncer_peer *p, const struct wf_sync_message *m,
                struct wf_err *err)
{
    struct wf_str batch;
    size_t at = 0;
    int rc = 0;

    switch (m->kind) {
    case WF_SYNC_HEADS:
        return take_heads(s, p, m, err);
    case WF_SYNC_WANT:
        return take_want(s, p, m, err);
    case WF_SYNC_BATCHES:
        while (rc == 0 && wf_sync_batches_next(m, &at, &batch))
            rc = take_batch(s, p, batch, err);
        return rc;
    case WF_SYNC_PART:
        return take_part(s, p, m, err);
    case WF_SYNC_FIRST:
        return take_first(s, p, m, err);
    case WF_SYNC_HELLO:
    case WF_SYNC_LETTER:
    case WF_SYNC_PASS:
    case WF_SYNC_GOT:
        s->o.other(s->o.ud, p->id, m);
        break;
    }
    return 0;
}

int wf_syncer_bytes(struct wf_syncer *s, uint64_t peer, struct wf_str message, struct wf_err *err)
{
    struct wf_syncer_peer *p = wf_syncer__peer(s, peer);
    struct wf_sync_message m;
    int rc;

    if (p == NULL)
        return wf_err_set(err, WF_E_NOENT, "This node is not connected.");
    rc = wf_sync_message_read(message, &m, err);
    if (rc == 0)
        rc = take(s, p, &m, err);
    if (rc == 0)
        wf_syncer__pump(s, p);
    return rc;
}

/* ---- making it durable ---- */

static void forget_pending(struct wf_syncer *s)
{
    for (size_t i = 0; i < s->n_pending; i++)
        wf_free((void *)(uintptr_t)s->pending[i].bytes.ptr);
    s->n_pending = 0;
    s->pending_bytes = 0;
}

static struct wf_syncer_log *log_of(struct wf_syncer *s, const struct wf_batch *b)
{
    struct wf_sync_log name;

    memcpy(name.stream, b->stream, sizeof(name.stream));
    memcpy(name.device, b->device, sizeof(name.device));
    return &s->logs[wf_syncer__log(s, &name, false)];
}

/* Who wrote it hears that it is here, though it may not have the stream. */
static int tell_author(struct wf_syncer *s, const struct wf_syncer_log *l)
{
    struct wf_syncer_peer *p = l->author == 0 ? NULL : wf_syncer__peer(s, l->author);
    struct wf_syncer_tie *t;

    if (p == NULL)
        return 0;
    t = wf_syncer__tie(p, (uint32_t)(l - s->logs));
    return t == NULL ? WF_E_NOMEM : wf_syncer__queue(p, t);
}

/* It could not be kept now, and may be another time. */
static bool is_lost(int rc)
{
    return rc != 0 && rc != WF_E_EXIST && rc != WF_E_CORRUPT;
}

/* What became of one batch. */
static int settle(struct wf_syncer *s, const struct wf_batch *b, int rc)
{
    struct wf_syncer_log *l = log_of(s, b);
    uint64_t before = l->head.last;

    if (rc != 0 && rc != WF_E_EXIST) {
        if (rc == WF_E_CORRUPT)
            wf_syncer__tell(s, WF_SYNCER_FORK, 0, &l->head.log, b->number);
        l->is_lost = is_lost(rc);
        l->coming = l->head.last;
        l->begins = false;
        memcpy(l->coming_hash, l->head.hash, sizeof(l->head.hash));
        l->asked_of = 0;
        return 0;
    }
    if (b->number > l->head.last) {
        l->head.last = b->number;
        memcpy(l->head.hash, b->hash, sizeof(b->hash));
        l->has_come = true;
    }
    rc = tell_author(s, l);
    return rc == 0 ? wf_syncer__moved(s, (uint32_t)(l - s->logs), before, s->o.keeps) : rc;
}

/* Each log that came further is told once. */
static void tell_came(struct wf_syncer *s)
{
    for (size_t i = 0; i < s->n_pending; i++) {
        struct wf_syncer_log *l = log_of(s, &s->pending[i]);
        if (!l->has_come)
            continue;
        l->has_come = false;
        s->o.came(s->o.ud, &l->head);
    }
}

/* A disk may be full for long: what comes again and again is not kept then, either. */
static void wait_longer(struct wf_syncer *s, bool any_lost)
{
    if (!any_lost) {
        s->lost_wait_ns = 0;
        return;
    }
    s->lost_wait_ns = WF_MIN(WF_MAX(2 * s->lost_wait_ns, LOST_NS), LOST_MAX_NS);
    s->lost_ns = wf_clock_mono_ns(s->o.clock) + s->lost_wait_ns;
}

int wf_syncer_flush(struct wf_syncer *s, struct wf_err *err)
{
    bool any_lost = false;
    int *rcs, rc;

    if (s->n_pending == 0)
        return 0;
    rcs = wf_alloc_array(s->n_pending, sizeof(*rcs));
    rc = rcs == NULL ? no_memory(err)
                     : s->o.shelf.append(s->o.shelf.ud, s->pending, s->n_pending, rcs, err);
    for (size_t i = 0; i < s->n_pending; i++) {
        int of_it = rc != 0 ? rc : rcs[i];
        int one = settle(s, &s->pending[i], of_it);
        any_lost = any_lost || is_lost(of_it);
        rc = rc != 0 ? rc : one;
    }
    wait_longer(s, any_lost);
    tell_came(s);
    wf_free(rcs);
    forget_pending(s);
    wf_syncer__pump_all(s);
    return rc;
}
