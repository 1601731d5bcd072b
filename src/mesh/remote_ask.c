/* SPDX-License-Identifier: Apache-2.0 */
/* Asking another node: a generation that sends the request and hands out what comes back.
 *
 * What comes waits in a list until its owner takes it; the node may have so many bytes on their way
 * as it was given credit for, so that a slow reader makes the node wait, not this one's memory
 * grow. Who waits is told by a condition, or by the wake that it gave (wf_gen_try): that is called
 * without the lock, while the call is pinned. */
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

/* A message that waits, with its bytes behind it. */
struct piece {
    struct wf_list node;
    enum wf_remote_kind kind;
    int code;
    size_t n;
    char bytes[];
};

struct call {
    struct wf_gen base;
    struct wf_nodes *n;
    const struct wf_gen_request *q;
    uint64_t peer;
    uint32_t id;
    /* Under the lock: */
    struct wf_list node; /* in calls, until it is freed */
    struct wf_list pieces;
    size_t waiting_bytes; /* of EVENTS in them */
    bool is_last_in;      /* DONE or ERROR came: nothing follows */
    bool is_pinned;       /* its owner is being woken */
    bool is_gone;         /* so is the node */
    struct wf_err why_gone;
    struct wf_gen_wake wake; /* fn NULL: nobody is to be called */
    pthread_cond_t changed;
    /* Its owner's: */
    struct piece *at; /* EVENTS that are being handed out */
    size_t at_byte, used_bytes;
    struct wf_arena arena; /* of the last event */
    struct wf_arena names;
    bool is_over;
    struct wf_gen_usage usage;
    char node_name[WF_DEVICES_NAME_BYTES + 1];
    char model[WF_DEVICES_NAME_BYTES + WF_MODEL_NAME_MAX + 2];
};

/* ---- what comes; the lock is held, and let go to wake ---- */

static struct call *call_of(struct wf_nodes *n, uint64_t peer, uint32_t id)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &n->calls)
    {
        struct call *c = WF_CONTAINER(it, struct call, node);
        if (c->id == id && c->peer == peer)
            return c;
    }
    return NULL;
}

static void tell(struct call *c)
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

static void lose(struct call *c, const char *words)
{
    c->is_gone = true;
    (void)wf_err_set(&c->why_gone, WF_E_IO, "%s", words);
    tell(c);
}

int wf_nodes__take_answer(struct wf_nodes *n, struct wf_nodes_peer *p,
                          const struct wf_remote_message *m, struct wf_err *err)
{
    struct call *c = call_of(n, p->id, m->id);
    struct piece *piece;

    if (c == NULL)
        return 0; /* given up meanwhile */
    if (c->is_last_in)
        return wf_err_set(err, WF_E_FORMAT, "It answers behind the end of its answer.");
    if (m->kind == WF_REMOTE_EVENTS &&
        c->waiting_bytes > 2 * WF_REMOTE_WINDOW_BYTES + WF_SEALED_MESSAGE_BYTES)
        return wf_err_set(err, WF_E_FORMAT, "It sends more than it may.");
    piece = wf_alloc(sizeof(*piece) + m->bytes.len);
    if (piece == NULL) {
        lose(c, "There is no memory for the answer of another node.");
        return 0;
    }
    *piece = (struct piece){.kind = m->kind, .code = m->code, .n = m->bytes.len};
    if (m->bytes.len > 0)
        memcpy(piece->bytes, m->bytes.ptr, m->bytes.len);
    if (m->kind == WF_REMOTE_EVENTS)
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
        struct call *c = WF_CONTAINER(it, struct call, node);
        it = it->next;
        if (c->peer != peer || c->is_gone)
            continue;
        lose(c, words);
        it = n->calls.next; /* the lock was let go */
    }
}

/* ---- its owner ---- */

static void lock_own(struct call *c)
{
    pthread_mutex_lock(&c->n->lock);
    while (c->is_pinned)
        pthread_cond_wait(&c->changed, &c->n->lock);
    c->wake = (struct wf_gen_wake){.fn = NULL};
}

/* The next message, taken; NULL: none. The lock is held. */
static struct piece *pop(struct call *c)
{
    struct piece *p;

    if (wf_list_empty(&c->pieces))
        return NULL;
    p = WF_CONTAINER(c->pieces.next, struct piece, node);
    wf_list_remove(&p->node);
    if (p->kind == WF_REMOTE_EVENTS) {
        c->waiting_bytes -= p->n;
        c->used_bytes += p->n;
    }
    return p;
}

/* Lets the node send more, once a part of its window was used. The lock is held. */
static void give_credit(struct call *c)
{
    const struct wf_remote_message m = {
        .kind = WF_REMOTE_CREDIT, .id = c->id, .number = (uint32_t)c->used_bytes};

    if (c->used_bytes < WF_REMOTE_WINDOW_BYTES / CREDIT_STEPS || c->is_last_in)
        return;
    if (wf_nodes__send(c->n, c->peer, &m, NULL) == 0)
        c->used_bytes = 0; /* else with the next */
}

static bool is_canceled(const struct call *c)
{
    return c->q->canceled != NULL && c->q->canceled(c->q->canceled_ud);
}

static int say_canceled(struct wf_err *err)
{
    return wf_err_set(err, WF_E_CANCELED, "The request was given up.");
}

/* The next message: 0 with *out (the caller's), LATER where there is somebody to wake. */
static int wait_piece(struct call *c, const struct wf_gen_wake *w, struct piece **out,
                      struct wf_err *err)
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

/* The full name of the model there, and the counts. */
static int take_usage(struct call *c, struct wf_str bytes, struct wf_err *err)
{
    const char *model = NULL;
    int rc = wf_remote_usage_read(bytes, &c->names, &c->usage, &model, err);

    if (rc == 0 && model[0] != '\0' && strlen(model) < WF_MODEL_NAME_MAX)
        (void)snprintf(c->model, sizeof(c->model), "%s/%s", c->node_name, model);
    c->usage.model = c->model;
    return rc;
}

/* What a node's error is here: its own memory and its own callers are not this request's. */
static int take_error(const struct call *c, const struct piece *p, struct wf_err *err)
{
    const int code = p->code == WF_E_NOMEM      ? WF_E_BUSY
                     : p->code == WF_E_CANCELED ? WF_E_IO
                                                : p->code;

    return wf_err_set(err, code, "%s: %.*s", c->node_name, (int)WF_MIN(p->n, (size_t)200),
                      p->bytes);
}

/* 1: an event is there to be handed out; 0: it is over. */
static int take_piece(struct call *c, struct piece *p, struct wf_err *err)
{
    int rc = 1;

    if (p->kind == WF_REMOTE_EVENTS) {
        wf_free(c->at);
        c->at = p;
        c->at_byte = 0;
        return 1;
    }
    if (p->kind == WF_REMOTE_ERROR)
        rc = take_error(c, p, err);
    else
        rc = take_usage(c, wf_str_n(p->bytes, p->n), err);
    if (rc == 0)
        rc = p->kind == WF_REMOTE_DONE ? 0 : 1;
    wf_free(p);
    return rc;
}

static int next(struct call *c, const struct wf_gen_wake *w, struct wf_gen_event *out,
                struct wf_err *err)
{
    const size_t n_choices = WF_MAX(c->q->n_choices, (size_t)1);
    struct piece *p = NULL;
    int rc = 1;

    if (c->is_over)
        return 0;
    while (rc == 1) {
        if (c->at != NULL) {
            wf_arena_reset(&c->arena);
            rc = wf_remote_event_next(wf_str_n(c->at->bytes, c->at->n), &c->at_byte, &c->arena, out,
                                      err);
            if (rc == 1 && out->i_choice >= n_choices)
                return wf_err_set(err, WF_E_FORMAT, "%s sent an answer too many.", c->node_name);
            if (rc != 0)
                return rc;
        }
        rc = wait_piece(c, w, &p, err);
        if (rc == 0)
            rc = take_piece(c, p, err);
    }
    if (rc == 0)
        c->is_over = true;
    return rc;
}

/* ---- the table ---- */

static int gen_next(struct wf_gen *g, struct wf_gen_event *out, struct wf_err *err)
{
    return next(WF_CONTAINER(g, struct call, base), NULL, out, err);
}

static int gen_try(struct wf_gen *g, const struct wf_gen_wake *w, struct wf_gen_event *out,
                   struct wf_err *err)
{
    return next(WF_CONTAINER(g, struct call, base), w, out, err);
}

static const struct wf_gen_usage *gen_usage(const struct wf_gen *g)
{
    return &WF_CONTAINER((struct wf_gen *)(uintptr_t)g, struct call, base)->usage;
}

static void gen_free(struct wf_gen *g)
{
    struct call *c = WF_CONTAINER(g, struct call, base);
    const struct wf_remote_message m = {.kind = WF_REMOTE_CANCEL, .id = c->id};
    struct piece *p;

    lock_own(c);
    wf_list_remove(&c->node);
    if (!c->is_last_in && !c->is_gone)
        (void)!wf_nodes__send_waiting(c->n, c->peer, &m, NULL, SEND_MS, NULL); /* gone: it stops */
    while ((p = pop(c)) != NULL)
        wf_free(p);
    pthread_mutex_unlock(&c->n->lock);
    wf_free(c->at);
    wf_arena_deinit(&c->arena);
    wf_arena_deinit(&c->names);
    pthread_cond_destroy(&c->changed);
    wf_free(c);
}

static const struct wf_engine_ops ops = {
    .next = gen_next,
    .try = gen_try,
    .usage = gen_usage,
    .gen_free = gen_free,
};

/* ---- beginning ---- */

static struct call *call_new(struct wf_nodes *n, const struct wf_nodes_place *at,
                             const struct wf_gen_request *q)
{
    struct call *c = wf_alloc_array(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->base.ops = &ops;
    c->n = n;
    c->q = q;
    c->peer = at->peer;
    c->usage.model = c->model;
    (void)snprintf(c->node_name, sizeof(c->node_name), "%s", at->node);
    (void)snprintf(c->model, sizeof(c->model), "%s/%s", at->node, at->model);
    wf_list_init(&c->pieces);
    wf_arena_init(&c->arena, 4096, SIZE_MAX);
    wf_arena_init(&c->names, 1024, SIZE_MAX);
    wf_cond_init(&c->changed);
    pthread_mutex_lock(&n->lock);
    do {
        c->id = ++n->last_id;
    } while (c->id == 0 || call_of(n, c->peer, c->id) != NULL);
    wf_list_push(&n->calls, &c->node);
    pthread_mutex_unlock(&n->lock);
    return c;
}

/* That the request may go there, by the list as it is now. */
static int check_label(struct wf_nodes *n, const struct wf_nodes_place *at, enum wf_label label,
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

/* In pieces that fit into a message. The lock is held. */
static int send_request(struct call *c, struct wf_str all, struct wf_err *err)
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

int wf_nodes_generate(struct wf_nodes *n, const struct wf_nodes_place *at,
                      const struct wf_gen_request *q, enum wf_label label, struct wf_gen **out,
                      struct wf_err *err)
{
    struct call *c = NULL;
    struct wf_buf request;
    int rc = check_label(n, at, label, err);

    if (rc != 0)
        return rc;
    wf_buf_init(&request, 2 * (size_t)WF_REMOTE_REQUEST_BYTES);
    rc = wf_remote_request_write(q, at->model, label, &request, err);
    if (rc == 0 && (c = call_new(n, at, q)) == NULL)
        rc = wf_err_set(err, WF_E_NOMEM, "Out of memory (a request for another node).");
    if (rc == 0) {
        pthread_mutex_lock(&n->lock);
        rc = send_request(c, wf_buf_str(&request), err);
        pthread_mutex_unlock(&n->lock);
    }
    wf_buf_deinit(&request);
    if (rc == 0)
        *out = &c->base;
    else if (c != NULL)
        gen_free(&c->base);
    return rc;
}
