/* SPDX-License-Identifier: Apache-2.0 */
/* What was asked of another node: sent in pieces, and what comes back waits in a list until its
 * owner takes it. The node may have so many bytes on their way as it was given credit for, so that
 * a slow reader makes the node wait, not this one's memory grow. Who waits is told by a condition,
 * or by the wake that it gave (wf_gen_try): that is called without the lock, while the call is
 * pinned. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "mesh/link.h"
#include "mesh/remote_internal.h"
#include "mesh/remote_request.h"

#define TICK_MS 50
/* Credit is given back in so many steps. */
#define CREDIT_STEPS 4u
#define SEND_MS 20000

/* ---- what comes; the lock is held, and let go to wake ---- */

static struct wf_nodes_call *call_of(struct wf_nodes *n, uint64_t peer, uint32_t id)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &n->calls)
    {
        struct wf_nodes_call *c = WF_CONTAINER(it, struct wf_nodes_call, node);
        if (c->id == id && c->peer == peer)
            return c;
    }
    return NULL;
}

static void tell(struct wf_nodes_call *c)
{
    const struct wf_gen_wake w = c->wake;
    struct wf_nodes *n = c->n;

    c->wake = (struct wf_gen_wake){.fn = NULL};
    if (w.fn != NULL) {
        c->is_pinned = true;
        pthread_mutex_unlock(&n->lock);
        w.fn(w.ud);
        pthread_mutex_lock(&n->lock);
        c->is_pinned = false;
    }
    pthread_cond_broadcast(&c->changed);
}

static void lose(struct wf_nodes_call *c, const char *words)
{
    c->is_gone = true;
    (void)wf_err_set(&c->why_gone, WF_E_IO, "%s", words);
    tell(c);
}

int wf_nodes__take_answer(struct wf_nodes *n, struct wf_nodes_peer *p,
                          const struct wf_remote_message *m, struct wf_err *err)
{
    struct wf_nodes_call *c = call_of(n, p->id, m->id);
    struct wf_nodes_piece *piece;

    if (c == NULL)
        return 0; /* given up meanwhile */
    if (c->is_last_in)
        return wf_err_set(err, WF_E_FORMAT, "It answers behind the end of its answer.");
    if (wf_nodes__has_credit(m->kind) &&
        c->waiting_bytes > 2 * WF_REMOTE_WINDOW_BYTES + WF_SEALED_MESSAGE_BYTES)
        return wf_err_set(err, WF_E_FORMAT, "It sends more than it may.");
    piece = wf_alloc(sizeof(*piece) + m->bytes.len);
    if (piece == NULL) {
        lose(c, "There is no memory for the answer of another node.");
        return 0;
    }
    *piece = (struct wf_nodes_piece){.kind = m->kind, .code = m->code, .n = m->bytes.len};
    if (m->bytes.len > 0)
        memcpy(piece->bytes, m->bytes.ptr, m->bytes.len);
    if (wf_nodes__has_credit(m->kind))
        c->waiting_bytes += m->bytes.len;
    c->is_last_in = m->kind == WF_REMOTE_DONE || m->kind == WF_REMOTE_ERROR;
    wf_list_add(c->pieces.prev, &piece->node);
    tell(c);
    return 0;
}

void wf_nodes__fail_calls(struct wf_nodes *n, uint64_t peer, const char *words)
{
    struct wf_list *it = n->calls.next;

    while (it != &n->calls) {
        struct wf_nodes_call *c = WF_CONTAINER(it, struct wf_nodes_call, node);
        it = it->next;
        if (c->peer != peer || c->is_gone)
            continue;
        lose(c, words);
        it = n->calls.next; /* the lock was let go */
    }
}

/* ---- its owner ---- */

static void lock_own(struct wf_nodes_call *c)
{
    pthread_mutex_lock(&c->n->lock);
    while (c->is_pinned)
        pthread_cond_wait(&c->changed, &c->n->lock);
    c->wake = (struct wf_gen_wake){.fn = NULL};
}

/* The next message, taken; NULL: none. The lock is held. */
static struct wf_nodes_piece *pop(struct wf_nodes_call *c)
{
    struct wf_nodes_piece *p;

    if (wf_list_empty(&c->pieces))
        return NULL;
    p = WF_CONTAINER(c->pieces.next, struct wf_nodes_piece, node);
    wf_list_remove(&p->node);
    if (wf_nodes__has_credit(p->kind)) {
        c->waiting_bytes -= p->n;
        c->used_bytes += p->n;
    }
    return p;
}

/* Lets the node send more, once a part of its window was used. The lock is held. */
static void give_credit(struct wf_nodes_call *c)
{
    const struct wf_remote_message m = {
        .kind = WF_REMOTE_CREDIT, .id = c->id, .number = (uint32_t)c->used_bytes};

    if (c->used_bytes < WF_REMOTE_WINDOW_BYTES / CREDIT_STEPS || c->is_last_in)
        return;
    if (wf_nodes__send(c->n, c->peer, &m, NULL) == 0)
        c->used_bytes = 0; /* else with the next */
}

static bool is_canceled(const struct wf_nodes_call *c)
{
    return c->canceled != NULL && c->canceled(c->canceled_ud);
}

static int say_canceled(struct wf_err *err)
{
    return wf_err_set(err, WF_E_CANCELED, "The request was given up.");
}

int wf_nodes__call_next(struct wf_nodes_call *c, const struct wf_gen_wake *w,
                        struct wf_nodes_piece **out, struct wf_err *err)
{
    int rc = 0;

    lock_own(c);
    for (;;) {
        const int64_t ns = wf_clock_mono_ns(NULL) + TICK_MS * WF_NODES_NS_PER_MS;
        const struct timespec at = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
        *out = pop(c);
        if (*out != NULL) {
            give_credit(c);
            break;
        }
        if (c->is_gone)
            rc = wf_err_set(err, c->why_gone.code, "%s", c->why_gone.msg);
        else if (is_canceled(c))
            rc = say_canceled(err);
        if (rc != 0)
            break;
        if (w != NULL) {
            c->wake = *w;
            rc = WF_GEN_LATER;
            break;
        }
        (void)pthread_cond_timedwait(&c->changed, &c->n->lock, &at); /* the loop asks what it is */
    }
    pthread_mutex_unlock(&c->n->lock);
    return rc;
}

int wf_nodes__call_error(const struct wf_nodes_call *c, const struct wf_nodes_piece *p,
                         struct wf_err *err)
{
    const int code = p->code == WF_E_NOMEM      ? WF_E_BUSY
                     : p->code == WF_E_CANCELED ? WF_E_IO
                                                : p->code;

    return wf_err_set(err, code, "%s: %.*s", c->node_name, (int)WF_MIN(p->n, (size_t)200),
                      p->bytes);
}

/* ---- beginning and end ---- */

int wf_nodes__may_see(struct wf_nodes *n, const struct wf_nodes_place *at, enum wf_label label,
                      struct wf_err *err)
{
    struct wf_devices_entry e;

    if (label >= WF_LABEL_SECRET)
        return wf_err_set(err, WF_E_DENIED,
                          "Nothing was sent to %s: what is secret stays on this device.", at->node);
    if (wf_sealed_entry(n->o.sealed, at->peer, &e, NULL) != 0)
        return wf_err_set(err, WF_E_BUSY, "%s is not connected now.", at->node);
    if (label > e.clearance)
        return wf_err_set(err, WF_E_DENIED, "Nothing was sent to %s: this is %s, it may see %s.",
                          at->node, wf_label_name(label), wf_label_name(e.clearance));
    return 0;
}

void wf_nodes__call_init(struct wf_nodes *n, const struct wf_nodes_place *at,
                         struct wf_nodes_call *out)
{
    *out = (struct wf_nodes_call){.n = n, .peer = at->peer};
    (void)snprintf(out->node_name, sizeof(out->node_name), "%s", at->node);
    wf_list_init(&out->pieces);
    wf_cond_init(&out->changed);
    pthread_mutex_lock(&n->lock);
    do {
        out->id = ++n->last_id;
    } while (out->id == 0 || call_of(n, out->peer, out->id) != NULL);
    wf_list_push(&n->calls, &out->node);
    pthread_mutex_unlock(&n->lock);
}

/* In pieces that fit into a message. The lock is held. */
static int send_request(struct wf_nodes_call *c, struct wf_str all, struct wf_err *err)
{
    const size_t most = WF_SEALED_MESSAGE_BYTES - WF_REMOTE_HEAD_BYTES - 4;
    struct wf_remote_message m = {
        .kind = WF_REMOTE_REQUEST, .id = c->id, .number = (uint32_t)all.len};
    struct wf_nodes_peer *p;
    int rc = 0;

    for (size_t at = 0; at < all.len && rc == 0; at += m.bytes.len) {
        m.bytes = wf_str_sub(all, at, WF_MIN(at + most, all.len));
        rc = wf_nodes__send_waiting(c->n, c->peer, &m, NULL, SEND_MS, err);
        m.number = 0;
    }
    p = wf_nodes__peer(c->n, c->peer);
    if (rc == 0 && p != NULL)
        wf_nodes__measure(c->n, p);
    if (rc == WF_E_NOENT || rc == WF_E_CANCELED)
        rc = wf_err_set(err, WF_E_BUSY, "%s is not connected now.", c->node_name);
    return rc;
}

int wf_nodes__call_send(struct wf_nodes_call *c, struct wf_str request, struct wf_err *err)
{
    int rc;

    pthread_mutex_lock(&c->n->lock);
    rc = send_request(c, request, err);
    pthread_mutex_unlock(&c->n->lock);
    return rc;
}

void wf_nodes__call_deinit(struct wf_nodes_call *c)
{
    const struct wf_remote_message m = {.kind = WF_REMOTE_CANCEL, .id = c->id};
    struct wf_nodes_piece *p;

    lock_own(c);
    wf_list_remove(&c->node);
    if (!c->is_last_in && !c->is_gone)
        (void)!wf_nodes__send_waiting(c->n, c->peer, &m, NULL, SEND_MS, NULL); /* gone: it stops */
    while ((p = pop(c)) != NULL)
        wf_free(p);
    pthread_mutex_unlock(&c->n->lock);
    pthread_cond_destroy(&c->changed);
}
