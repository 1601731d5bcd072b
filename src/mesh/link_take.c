/* SPDX-License-Identifier: Apache-2.0 */
/* What the process link tells core, and whom core tells of it.
 *
 * Core believes it nothing that matters: a key it names is whatever TLS has shown to that process,
 * so what is secret is sealed before it goes there, and whoever it says is connected proves that by
 * what it can open and sign. Numbers that it gives are checked against what core has asked for. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "mesh/link_internal.h"

/* What the process may have open beside what core has asked for. */
#define PEERS_MAX (2 * WF_LINK_PINS_MAX)

static void copy_text(char *out, size_t out_bytes, struct wf_str s)
{
    const size_t n = WF_MIN(s.len, out_bytes - 1);

    memset(out, 0, out_bytes);
    if (n > 0)
        memcpy(out, s.ptr, n);
    wf_str_make_printable(out, n);
}

/* ---- callbacks: the lock is let go around them ---- */

static void begin_call(struct wf_link *l)
{
    l->is_calling = true;
    pthread_mutex_unlock(&l->lock);
}

static void end_call(struct wf_link *l)
{
    pthread_mutex_lock(&l->lock);
    l->is_calling = false;
    pthread_cond_broadcast(&l->changed);
}

/* Which channels hear of a connection, from pairing on: all of them, or pairing alone. */
static unsigned last_of(bool is_paired)
{
    return is_paired ? WF_LINK_CHANNEL_COUNT - 1 : WF_LINK_PAIRING;
}

static void call_up(struct wf_link *l, const struct wf_link_peer *p)
{
    const struct wf_link_peer copy = *p;

    for (unsigned c = WF_LINK_PAIRING; c <= last_of(copy.is_paired); c++) {
        const struct wf_link_events e = l->events[c];
        if (e.up == NULL)
            continue;
        begin_call(l);
        e.up(e.ud, copy.id, copy.key, copy.is_paired, wf_str_from(copy.address));
        end_call(l);
    }
}

static void call_down(struct wf_link *l, uint64_t id, bool is_paired, enum wf_link_reason reason,
                      struct wf_str words)
{
    for (unsigned c = WF_LINK_PAIRING; c <= last_of(is_paired); c++) {
        const struct wf_link_events e = l->events[c];
        if (e.down == NULL)
            continue;
        begin_call(l);
        e.down(e.ud, id, reason, words);
        end_call(l);
    }
}

/* ---- connections ---- */

static bool take_up(struct wf_link *l, const struct wf_link_frame *f)
{
    struct wf_link_peer *p = wf_link__find(l, f->peer);
    struct wf_link_last *last = wf_link__last(l, f->key);

    if ((p == NULL) == f->is_dialled || (p != NULL && p->is_up) || l->n_peers > PEERS_MAX)
        return false; /* dialled by nobody, or a number that is taken */
    if (p != NULL && p->has_pin && memcmp(p->key, f->key, sizeof(p->key)) != 0)
        return false; /* not the one that was asked for */
    if (p == NULL && (p = wf_link__add(l, f->peer)) == NULL)
        return false;
    p->is_up = true;
    p->is_dialled = f->is_dialled;
    p->is_paired = f->is_paired && last != NULL && (!p->is_dialled || p->has_pin);
    p->skew_ms = f->skew_ms;
    memcpy(p->key, f->key, sizeof(p->key));
    copy_text(p->address, sizeof(p->address), f->text);
    copy_text(p->version, sizeof(p->version), f->version);
    if (p->is_paired && last != NULL) {
        last->is_known = false;
        wf_discover_up(l->discover, p->key, wf_str_from(p->target), wf_link__now_ms(),
                       wf_clock_wall_ms(NULL));
    }
    call_up(l, p);
    return true;
}

static bool take_bytes(struct wf_link *l, const struct wf_link_frame *f)
{
    const struct wf_link_peer *p = wf_link__find(l, f->peer);
    const struct wf_link_events e = l->events[f->channel];

    if (p == NULL || !p->is_up || (!p->is_paired && f->channel != WF_LINK_PAIRING))
        return p == NULL; /* closed here meanwhile; else it lies */
    if (e.bytes == NULL)
        return true;
    begin_call(l);
    e.bytes(e.ud, f->peer, f->channel, f->text);
    end_call(l);
    return true;
}

static bool take_credit(struct wf_link *l, const struct wf_link_frame *f)
{
    struct wf_link_peer *p = wf_link__find(l, f->peer);
    const struct wf_link_events e = l->events[f->channel];

    if (p == NULL)
        return true;
    if (f->number > p->waiting[f->channel])
        return false;
    p->waiting[f->channel] -= f->number;
    if (!p->wants_room[f->channel] || p->waiting[f->channel] >= WF_LINK_WINDOW_BYTES)
        return true;
    p->wants_room[f->channel] = false;
    if (e.room == NULL)
        return true;
    begin_call(l);
    e.room(e.ud, f->peer, f->channel);
    end_call(l);
    return true;
}

void wf_link__down(struct wf_link *l, struct wf_link_peer *p, enum wf_link_reason reason,
                   struct wf_str words)
{
    const bool is_told = p->is_up || !p->is_ours, was_up = p->is_up;
    const bool is_paired = p->is_paired || (p->has_pin && !was_up);
    const uint64_t id = p->id;
    struct wf_link_last *last = wf_link__last(l, p->key);

    if (is_paired && last != NULL && reason != WF_LINK_REPLACED) {
        last->is_known = true;
        last->reason = reason;
        copy_text(last->words, sizeof(last->words), words);
        copy_text(last->address, sizeof(last->address),
                  wf_str_from(p->target[0] ? p->target : p->address));
    }
    if (p->is_ours || (was_up && p->is_paired))
        wf_discover_down(l->discover, p->key, wf_link__now_ms());
    wf_link__remove(l, p);
    if (is_told)
        call_down(l, id, is_paired, reason, words);
}

static bool take_down(struct wf_link *l, const struct wf_link_frame *f)
{
    struct wf_link_peer *p = wf_link__find(l, f->peer);

    if (p != NULL)
        wf_link__down(l, p, f->reason, f->text);
    return p != NULL;
}

/* ---- the rest ---- */

static void take_hello(struct wf_link *l, const struct wf_link_frame *f)
{
    memcpy(l->key, f->key, sizeof(l->key));
    l->port = f->number;
    copy_text(l->problem, sizeof(l->problem), f->text);
    l->has_key = true;
    pthread_cond_broadcast(&l->changed);
}

static void take_addresses(struct wf_link *l, const struct wf_link_frame *f)
{
    wf_buf_reset(&l->addresses);
    l->has_addresses = wf_buf_append_str(&l->addresses, f->text) == 0;
    pthread_cond_broadcast(&l->changed);
}

/* Somebody was turned away: kept for who asks why two nodes do not see each other. */
static void take_knock(struct wf_link *l, const struct wf_link_frame *f)
{
    struct wf_link_knock *k = &l->knocks[l->n_knocks++ % WF_LINK_KNOCKS];

    memcpy(k->key, f->key, sizeof(k->key));
    k->reason = f->reason;
    k->at_ms = wf_link__now_ms();
    copy_text(k->address, sizeof(k->address), f->text);
}

bool wf_link__take(struct wf_link *l, const struct wf_link_frame *f)
{
    switch (f->kind) {
    case WF_LINK_FRAME_HELLO:
        take_hello(l, f);
        return true;
    case WF_LINK_FRAME_ADDRESSES:
        take_addresses(l, f);
        return true;
    case WF_LINK_FRAME_UP:
        return take_up(l, f);
    case WF_LINK_FRAME_BYTES_CAME:
        return take_bytes(l, f);
    case WF_LINK_FRAME_CREDIT:
        return take_credit(l, f);
    case WF_LINK_FRAME_DOWN:
        return take_down(l, f);
    case WF_LINK_FRAME_KNOCK:
        take_knock(l, f);
        return true;
    case WF_LINK_FRAME_FOUND:
        wf_discover_found(l->discover, f->key, f->text, wf_link__now_ms());
        return true;
    case WF_LINK_FRAME_CHANGED:
        wf_discover_changed(l->discover, wf_link__now_ms());
        return true;
    default:
        return false; /* core's own kinds */
    }
}

/* Dials that waited for a process. */
static bool begin_dials(struct wf_link *l)
{
    struct wf_list *it, *tmp;

    for (size_t i = 0; i < WF_LINK_BUCKETS; i++) {
        WF_LIST_EACH(it, tmp, &l->peers[i])
        {
            struct wf_link_peer *p = WF_CONTAINER(it, struct wf_link_peer, node);
            struct wf_link_frame f = {.kind = WF_LINK_FRAME_DIAL,
                                      .peer = p->id,
                                      .has_key = p->has_pin,
                                      .text = wf_str_from(p->target)};
            memcpy(f.key, p->key, sizeof(f.key));
            p->is_asked = true;
            if (wf_link__put(l, &f) != 0)
                return false;
        }
    }
    return true;
}

bool wf_link__begin(struct wf_link *l)
{
    const struct wf_link_frame allow = {
        .kind = WF_LINK_FRAME_ALLOW,
        .text = wf_str_n((const char *)l->pins, l->n_pins * WF_LINK_KEY_BYTES)};
    const struct wf_link_frame pairing = {.kind = WF_LINK_FRAME_PAIRING, .is_on = l->is_pairing};

    wf_discover_changed(l->discover, wf_link__now_ms());
    return wf_link__put(l, &allow) == 0 && wf_link__put(l, &pairing) == 0 && begin_dials(l);
}

/* One that the process had; the lock is let go while it is told. */
static struct wf_link_peer *any_asked(struct wf_link *l)
{
    for (size_t i = 0; i < WF_LINK_BUCKETS; i++) {
        struct wf_list *it, *tmp;
        WF_LIST_EACH(it, tmp, &l->peers[i])
        {
            struct wf_link_peer *p = WF_CONTAINER(it, struct wf_link_peer, node);
            if (p->is_asked || p->is_up)
                return p;
        }
    }
    return NULL;
}

void wf_link__end(struct wf_link *l)
{
    struct wf_link_peer *p;

    l->has_key = l->has_addresses = false;
    l->port = 0;
    while ((p = any_asked(l)) != NULL)
        wf_link__down(l, p, WF_LINK_DIED, WF_STR(""));
}
