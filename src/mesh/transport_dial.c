/* SPDX-License-Identifier: Apache-2.0 */
/* Dialling: an address of digits at once, a name by a thread of its own, since resolving waits; the
 * addresses of a name one after the other. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/alloc.h"
#include "mesh/address.h"
#include "mesh/transport_internal.h"
#include "os/file.h"

/* Resolving reads files and waits for servers, all on this stack. */
#define NAME_STACK_BYTES ((size_t)512 << 10)
#define NAME_WAIT_MS 15000

/* ---- connecting ---- */

static enum wf_link_reason reason_of(int errnum)
{
    switch (errnum) {
    case ECONNREFUSED:
        return WF_LINK_PORT_CLOSED;
    case ETIMEDOUT:
        return WF_LINK_NO_ANSWER;
    default: /* no route, network down, no such family, not permitted */
        return WF_LINK_NO_ROUTE;
    }
}

/* Begins with the address at i_try; the errno of what failed at once. */
static int try_one(struct wf_peer *p)
{
    const struct sockaddr_storage *a = &p->tries[p->i_try];
    const socklen_t len =
        a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    int fd = socket(a->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), why;

    p->address = *a;
    wf_peer__name(a, p->address_text, sizeof(p->address_text));
    if (fd < 0)
        return errno;
    if (connect(fd, (const struct sockaddr *)a, len) != 0 && errno != EINPROGRESS) {
        why = errno;
        wf_file_close(&fd);
        return why;
    }
    p->due_ns = p->t->now_ns + p->t->times.connect_ms * WF_NS_PER_MS;
    wf_transport__due(p->t, p->due_ns);
    wf_peer__begin(p, fd, WF_PEER_CONNECTING);
    return 0;
}

/* Tries on from i_try; ends the connection where nothing is left. */
static void try_on(struct wf_peer *p)
{
    int why = EHOSTUNREACH;

    for (; p->i_try < p->n_tries; p->i_try++) {
        why = try_one(p);
        if (why == 0)
            return;
    }
    wf_peer__drop(p, reason_of(why), strerror(why));
}

bool wf_peer__next_try(struct wf_peer *p)
{
    wf_file_close(&p->fd);
    p->watched = 0;
    if (p->i_try + 1 >= p->n_tries)
        return false;
    p->i_try++;
    try_on(p);
    return true;
}

void wf_peer__connected(struct wf_peer *p)
{
    int why = 0;
    socklen_t len = sizeof(why);
    struct sockaddr_storage other;
    socklen_t other_len = sizeof(other);

    if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &why, &len) != 0)
        why = errno;
    if (why != 0) {
        if (!wf_peer__next_try(p))
            wf_peer__drop(p, reason_of(why), strerror(why));
        return;
    }
    if (getpeername(p->fd, (struct sockaddr *)&other, &other_len) != 0)
        return; /* not yet */
    p->state = WF_PEER_TLS;
    p->due_ns = p->t->now_ns + p->t->times.handshake_ms * WF_NS_PER_MS;
    wf_transport__due(p->t, p->due_ns);
}

/* ---- names ---- */

static void *resolve(void *ud)
{
    struct wf_transport_name *n = ud;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *all = NULL, *a;
    const uint64_t one = 1;

    if (getaddrinfo(n->host, n->port, &hints, &all) == 0) {
        for (a = all; a != NULL && n->n_found < WF_TRANSPORT_TRIES; a = a->ai_next) {
            if (a->ai_family == AF_INET || a->ai_family == AF_INET6)
                memcpy(&n->found[n->n_found++], a->ai_addr, a->ai_addrlen);
        }
        freeaddrinfo(all);
    }
    pthread_mutex_lock(&n->t->names_lock);
    wf_list_push(&n->t->names, &n->node);
    pthread_mutex_unlock(&n->t->names_lock);
    (void)!write(n->t->wake_fd, &one, sizeof(one)); /* a counter that is full wakes, too */
    return NULL;
}

static bool start_name(struct wf_peer *p, const struct wf_address *a)
{
    struct wf_transport *t = p->t;
    struct wf_transport_name *n;
    pthread_attr_t attr;
    bool ok;

    if (t->n_names >= WF_TRANSPORT_NAMES || (n = wf_alloc_array(1, sizeof(*n))) == NULL)
        return false;
    n->t = t;
    n->id = p->id;
    memcpy(n->host, a->host, sizeof(n->host));
    (void)snprintf(n->port, sizeof(n->port), "%u", a->port);
    pthread_attr_init(&attr);
    (void)pthread_attr_setstacksize(&attr, NAME_STACK_BYTES); /* above the least */
    ok = pthread_create(&n->thread, &attr, resolve, n) == 0;
    pthread_attr_destroy(&attr);
    if (!ok) {
        wf_free(n);
        return false;
    }
    t->n_names++;
    p->due_ns = t->now_ns + NAME_WAIT_MS * WF_NS_PER_MS;
    wf_transport__due(t, p->due_ns);
    return true;
}

static struct wf_transport_name *take_name(struct wf_transport *t)
{
    struct wf_transport_name *n = NULL;

    pthread_mutex_lock(&t->names_lock);
    if (!wf_list_empty(&t->names)) {
        n = WF_CONTAINER(t->names.next, struct wf_transport_name, node);
        wf_list_remove(&n->node);
    }
    pthread_mutex_unlock(&t->names_lock);
    return n;
}

void wf_transport__named(struct wf_transport *t)
{
    struct wf_transport_name *n;
    struct wf_peer *p;

    while ((n = take_name(t)) != NULL) {
        pthread_join(n->thread, NULL);
        t->n_names--;
        p = wf_transport__find(t, n->id);
        if (p != NULL && p->state == WF_PEER_RESOLVING && n->n_found == 0) {
            wf_peer__drop(p, WF_LINK_NO_NAME, "");
        } else if (p != NULL && p->state == WF_PEER_RESOLVING) {
            memcpy(p->tries, n->found, sizeof(p->tries));
            p->n_tries = n->n_found;
            try_on(p);
        }
        wf_free(n);
    }
}

void wf_transport__end_names(struct wf_transport *t)
{
    uint64_t count;

    while (t->n_names > 0) {
        struct wf_transport_name *n = take_name(t);
        if (n == NULL) { /* threads end by themselves, after the resolver's patience */
            struct timespec moment = {.tv_nsec = 5000000};
            (void)nanosleep(&moment, NULL);
            (void)!read(t->wake_fd, &count, sizeof(count)); /* no matter what it says */
            continue;
        }
        pthread_join(n->thread, NULL);
        t->n_names--;
        wf_free(n);
    }
}

/* ---- what core asks for ---- */

void wf_transport__dial(struct wf_transport *t, const struct wf_link_frame *f)
{
    struct wf_address a;
    struct wf_peer *p;

    p = wf_transport__find(t, f->peer) == NULL ? wf_peer__new(t, f->peer, WF_PEER_RESOLVING) : NULL;
    if (p == NULL) {
        t->is_over = true; /* no memory to say so, or core gives a number twice */
        return;
    }
    p->is_dialled = true;
    p->has_pin = f->has_key;
    memcpy(p->pin, f->key, sizeof(p->pin));
    if (f->text.len > 0)
        memcpy(p->host, f->text.ptr, WF_MIN(f->text.len, sizeof(p->host) - 1));
    memcpy(p->address_text, p->host, WF_MIN(sizeof(p->address_text) - 1, sizeof(p->host)));
    if (wf_address_read(f->text, &a) != 0) {
        wf_peer__drop(p, WF_LINK_NO_NAME, "no address");
    } else if (wf_address_numeric(&a, &p->tries[0])) {
        p->n_tries = 1;
        try_on(p);
    } else if (!start_name(p, &a)) {
        wf_peer__drop(p, WF_LINK_NO_MEMORY, "");
    }
}
