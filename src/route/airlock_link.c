/* SPDX-License-Identifier: Apache-2.0 */
/* The core's side of the way to airlock.
 *
 * One thread accepts and reads; callers write under a lock. What comes for a call waits in the
 * call's own buffers, at most a window's worth: airlock stops reading from the provider until core
 * gives credit. */
#include "route/airlock_link.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/list.h"
#include "os/file.h"
#include "os/sock.h"
#include "os/thread.h"

#define CONNECT_WAIT_MS 2000
#define SEND_TIMEOUT_MS 10000
#define TICK_MS 100
#define FRAME_BYTES ((size_t)64 << 10) /* of those that airlock sends */
#define FRAME_HEAD_BYTES 4
#define READ_BYTES ((size_t)128 << 10)
#define BUCKETS 512
#define LATER_BYTES ((size_t)256 << 10)
#define LATER_MS 10
#define FRAME_ABOUT_BYTES 512 /* of a request, without its body */
#define GIVEN_WAIT_MS 5000
#define GIVEN_AT_ONCE 64u /* calls that are there together */
#define CREDITS 8         /* credit is given in such parts of the window */

struct wf_airlock_link {
    int listen_fd, stop_fds[2];
    long supervisor;
    pthread_t thread;
    pthread_mutex_t send_lock; /* guards writing on fd; taken before `lock` */
    pthread_mutex_t lock;      /* guards all below */
    pthread_cond_t changed;    /* there is a connection */
    int fd;                    /* -1: none */
    uint64_t last_id;
    struct wf_list calls[BUCKETS]; /* by id */
    /* under send_lock */
    struct wf_buf later;    /* frames that need not go at once */
    int64_t later_until_ns; /* the thread sends them then; 0: it does not */
};

struct wf_airlock_call {
    struct wf_list node, news;
    _Atomic bool
        is_pinned; /* set under the lock; the thread tells of it: it stays, as does `wake` */
    struct wf_airlock_link *l;
    uint64_t id;
    bool (*canceled)(void *ud);
    void *ud;
    pthread_cond_t changed;
    /* under the link's lock */
    struct wf_airlock_wake wake; /* fn NULL: nobody is to be called */
    int status;
    bool has_head, is_end, is_over; /* is_over: the end or the failure came */
    uint64_t seq;
    struct wf_buf head, waiting;
    struct wf_err failed; /* code 0: not */
    /* the owner's */
    struct wf_buf taken, taken_head;
    size_t n_used; /* bytes for which no credit has been given yet */
    bool is_reported;
};

/* ---- bytes to airlock ---- */

/* Appends a frame with its length in front. */
static int put_frame(const struct wf_airlock_frame *f, struct wf_buf *out)
{
    const size_t at = out->len;
    int rc;

    (void)wf_buf_append_u32le(out, 0); /* the end tells */
    rc = wf_airlock_frame_write(f, out);
    for (size_t i = 0, n = out->len - at - FRAME_HEAD_BYTES; rc == 0 && i < FRAME_HEAD_BYTES; i++)
        out->ptr[at + i] = (char)(n >> (8 * i) & 0xff);
    return rc;
}

/* Sends bytes; false when airlock does not take them, and then all is over. send_lock is held. */
static bool send_bytes(struct wf_airlock_link *l, struct wf_str s)
{
    while (s.len > 0) {
        struct pollfd p = {.fd = l->fd, .events = POLLOUT};
        ssize_t n = send(l->fd, s.ptr, s.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0)
            s = wf_str_sub(s, (size_t)n, s.len);
        else if (errno != EINTR && (errno != EAGAIN || poll(&p, 1, SEND_TIMEOUT_MS) == 0))
            break;
    }
    if (s.len > 0)
        (void)shutdown(l->fd,
                       SHUT_RDWR); /* half a frame may be through: the thread takes it down */
    return s.len == 0;
}

/* ---- the thread ---- */

static struct wf_list *bucket_of(struct wf_airlock_link *l, uint64_t id)
{
    return &l->calls[id % BUCKETS];
}

static struct wf_airlock_call *find(struct wf_airlock_link *l, uint64_t id)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, bucket_of(l, id))
    {
        struct wf_airlock_call *c = WF_CONTAINER(it, struct wf_airlock_call, node);
        if (c->id == id)
            return c;
    }
    return NULL;
}

static void fail(struct wf_airlock_call *c, int code, struct wf_str text)
{
    if (c->is_over)
        return;
    c->is_over = true;
    (void)wf_err_set(&c->failed, code, "%.*s", WF_STR_ARG(text));
}

/* Tells the owners of `news` that there are some, without the lock, so that nobody wakes to wait
 * for it; each stays pinned until it was told. */
static void tell(struct wf_list *news)
{
    while (!wf_list_empty(news)) {
        struct wf_airlock_call *c = WF_CONTAINER(news->next, struct wf_airlock_call, news);
        const struct wf_airlock_wake w = c->wake;
        wf_list_remove(&c->news);
        c->wake = (struct wf_airlock_wake){.fn = NULL};
        if (w.fn != NULL)
            w.fn(w.ud);
        else
            pthread_cond_signal(&c->changed);
        atomic_store(&c->is_pinned, false); /* its owner may free it now */
    }
}

/* Waits until the thread is done with telling of c, which is soon. */
static void unpin(struct wf_airlock_call *c)
{
    while (atomic_load(&c->is_pinned))
        (void)sched_yield(); /* never fails on Linux */
}

/* Takes the lock when nothing is being told of c. */
static void lock_own(struct wf_airlock_call *c)
{
    pthread_mutex_lock(&c->l->lock);
    while (atomic_load(&c->is_pinned)) {
        pthread_mutex_unlock(&c->l->lock);
        unpin(c);
        pthread_mutex_lock(&c->l->lock);
    }
}

/* One frame from airlock, which may be of a call that nobody waits for any more. The lock is held.
 * *news: the calls that have some. */
static int take(struct wf_airlock_link *l, const struct wf_airlock_frame *f, struct wf_list *news)
{
    struct wf_airlock_call *c = find(l, f->id);

    if (c == NULL || c->is_over)
        return 0;
    switch (f->kind) {
    case WF_AIRLOCK_HEAD:
        c->status = (int)f->number;
        c->has_head = wf_buf_append_str(&c->head, f->text) == 0;
        break;
    case WF_AIRLOCK_DATA:
        (void)wf_buf_append_str(&c->waiting, f->text); /* asked below */
        break;
    case WF_AIRLOCK_END:
        c->is_end = c->is_over = true;
        c->seq = f->seq;
        break;
    case WF_AIRLOCK_FAILED:
        fail(c, f->code, f->text);
        break;
    default:
        return WF_E_FORMAT; /* core's own kinds */
    }
    if (wf_buf_status(&c->waiting) != 0 || wf_buf_status(&c->head) != 0)
        fail(c, WF_E_NOMEM, WF_STR("Out of memory."));
    wf_list_remove(&c->news);
    wf_list_push(news, &c->news);
    atomic_store(&c->is_pinned, true);
    return 0;
}

/* The frames that are whole; those of one call wake its owner once. *out_end: an answer ended. */
static int take_all(struct wf_airlock_link *l, struct wf_buf *in, bool *out_end)
{
    struct wf_airlock_frame f;
    struct wf_list news;
    size_t at = 0;
    int rc = 0;

    *out_end = false;
    wf_list_init(&news);
    pthread_mutex_lock(&l->lock);
    while (rc == 0 && in->len - at >= FRAME_HEAD_BYTES) {
        size_t n = 0;
        for (size_t i = 0; i < FRAME_HEAD_BYTES; i++)
            n |= (size_t)(unsigned char)in->ptr[at + i] << (8 * i);
        if (n > FRAME_BYTES) {
            rc = WF_E_LIMIT;
            break;
        }
        if (in->len - at - FRAME_HEAD_BYTES < n)
            break;
        rc = wf_airlock_frame_read(wf_str_n(in->ptr + at + FRAME_HEAD_BYTES, n), &f, NULL);
        if (rc == 0)
            rc = take(l, &f, &news);
        *out_end = *out_end || f.kind == WF_AIRLOCK_END;
        at += FRAME_HEAD_BYTES + n;
    }
    pthread_mutex_unlock(&l->lock);
    tell(&news);
    wf_buf_consume(in, at);
    return rc;
}

/* Behind the end of an answer its report comes soon: from now on such frames may wait a moment. */
static void begin_later(struct wf_airlock_link *l)
{
    pthread_mutex_lock(&l->send_lock);
    if (l->later_until_ns == 0)
        l->later_until_ns = wf_clock_mono_ns(NULL) + LATER_MS * INT64_C(1000000);
    pthread_mutex_unlock(&l->send_lock);
}

/* Sends what has waited long enough. How many milliseconds are left else; -1: nothing can wait. */
static int end_later(struct wf_airlock_link *l)
{
    int64_t left_ns;
    int ms = -1;

    pthread_mutex_lock(&l->send_lock);
    left_ns = l->later_until_ns - wf_clock_mono_ns(NULL);
    if (l->later_until_ns != 0 && left_ns <= 0) {
        l->later_until_ns = 0;
        (void)send_bytes(l, wf_buf_str(&l->later)); /* a failure is seen by reading */
        wf_buf_reset(&l->later);
    } else if (l->later_until_ns != 0) {
        ms = (int)(left_ns / 1000000) + 1;
    }
    pthread_mutex_unlock(&l->send_lock);
    return ms;
}

static void read_all(struct wf_airlock_link *l, int fd)
{
    struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = l->stop_fds[0], .events = POLLIN}};
    struct wf_buf in;
    bool has_end;
    int rc = 0;

    wf_buf_init(&in, READ_BYTES + FRAME_HEAD_BYTES + FRAME_BYTES);
    while (rc == 0) {
        if (poll(p, 2, end_later(l)) < 0 && errno != EINTR)
            break;
        if (p[1].revents != 0)
            break;
        if (p[0].revents == 0)
            continue;
        if (wf_buf_reserve(&in, READ_BYTES) != 0)
            break;
        ssize_t n = recv(fd, in.ptr + in.len, READ_BYTES, MSG_DONTWAIT); /* takes no descriptor */
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n <= 0)
            break;
        wf_buf_commit(&in, (size_t)n);
        rc = take_all(l, &in, &has_end);
        if (has_end)
            begin_later(l);
    }
    wf_buf_deinit(&in);
}

static bool is_from(int fd, long pid)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && len == sizeof(peer) &&
           peer.pid == pid;
}

static void set_connection(struct wf_airlock_link *l, int fd)
{
    struct wf_list *it, *tmp, news;

    wf_list_init(&news);
    pthread_mutex_lock(&l->send_lock);
    wf_buf_reset(&l->later);
    l->later_until_ns = 0;
    pthread_mutex_lock(&l->lock);
    l->fd = fd;
    for (size_t i = 0; fd < 0 && i < BUCKETS; i++) {
        WF_LIST_EACH(it, tmp, &l->calls[i])
        {
            struct wf_airlock_call *c = WF_CONTAINER(it, struct wf_airlock_call, node);
            fail(c, WF_E_CRASHED,
                 WF_STR("The process that speaks to providers has died and is started again; what "
                        "it had sent stands in the ledger."));
            wf_list_push(&news, &c->news);
            atomic_store(&c->is_pinned, true);
        }
    }
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    pthread_mutex_unlock(&l->send_lock);
    tell(&news);
}

static void *work(void *ud)
{
    struct wf_airlock_link *l = ud;
    struct pollfd p[2] = {{.fd = l->listen_fd, .events = POLLIN},
                          {.fd = l->stop_fds[0], .events = POLLIN}};

    for (;;) {
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            break;
        if (p[1].revents != 0)
            break;
        int fd = p[0].revents != 0 ? accept4(l->listen_fd, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (fd >= 0 && is_from(fd, l->supervisor)) {
            set_connection(l, fd);
            read_all(l, fd);
            set_connection(l, -1);
        }
        wf_file_close(&fd);
    }
    return NULL;
}

int wf_airlock_link_new(int listen_fd, long supervisor, struct wf_airlock_link **out,
                        struct wf_err *err)
{
    struct wf_airlock_link *l = wf_alloc_array(1, sizeof(*l));
    int rc = l == NULL ? wf_err_set(err, WF_E_NOMEM, "Out of memory.") : 0;

    if (rc == 0)
        rc = wf_sock_pair(l->stop_fds, err);
    if (rc != 0) {
        wf_free(l);
        return rc;
    }
    l->listen_fd = listen_fd;
    l->supervisor = supervisor;
    l->fd = -1;
    for (size_t i = 0; i < BUCKETS; i++)
        wf_list_init(&l->calls[i]);
    pthread_mutex_init(&l->send_lock, NULL);
    pthread_mutex_init(&l->lock, NULL);
    wf_cond_init(&l->changed);
    wf_buf_init(&l->later, LATER_BYTES);
    if (pthread_create(&l->thread, NULL, work, l) != 0) {
        wf_file_close(&l->stop_fds[0]);
        wf_file_close(&l->stop_fds[1]);
        wf_free(l);
        return wf_err_set(err, WF_E_NOMEM, "No thread can be started.");
    }
    *out = l;
    return 0;
}

void wf_airlock_link_free(struct wf_airlock_link *l)
{
    if (l == NULL)
        return;
    (void)shutdown(l->stop_fds[1], SHUT_RDWR); /* the thread sees it and ends */
    pthread_join(l->thread, NULL);
    wf_file_close(&l->stop_fds[0]);
    wf_file_close(&l->stop_fds[1]);
    wf_buf_deinit(&l->later);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    pthread_mutex_destroy(&l->send_lock);
    wf_free(l);
}

/* ---- callers ---- */

static struct timespec in_ms(int64_t ms)
{
    int64_t at_ns = wf_clock_mono_ns(NULL) + ms * 1000000;

    return (struct timespec){.tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000};
}

/* Sends a frame, behind those that wait; WF_E_CRASHED when there is no airlock. */
static int send_frame(struct wf_airlock_link *l, const struct wf_airlock_frame *f,
                      struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_LIMIT_FRAME_BYTES);
    rc = wf_buf_reserve(&b, f->text.len + FRAME_ABOUT_BYTES);
    if (rc == 0)
        rc = put_frame(f, &b);
    if (rc != 0)
        rc = wf_err_set(err, rc, "The request is too long for a provider.");
    pthread_mutex_lock(&l->send_lock);
    if (rc == 0 && l->fd < 0) /* changes under send_lock only */
        rc = WF_E_CRASHED;
    if (rc == 0 && l->later.len > 0 && wf_buf_append_str(&l->later, wf_buf_str(&b)) == 0) {
        rc = send_bytes(l, wf_buf_str(&l->later)) ? 0 : WF_E_CRASHED;
        wf_buf_reset(&l->later);
    } else if (rc == 0) {
        rc = send_bytes(l, wf_buf_str(&l->later)) && send_bytes(l, wf_buf_str(&b)) ? 0
                                                                                   : WF_E_CRASHED;
        wf_buf_reset(&l->later);
    }
    pthread_mutex_unlock(&l->send_lock);
    if (rc == WF_E_CRASHED)
        (void)wf_err_set(err, rc,
                         "The process that speaks to providers is not running: nothing left this "
                         "machine. weft doctor may say why.");
    wf_buf_deinit(&b);
    return rc;
}

/* The same for one that is in no hurry: it goes with the next, or when the thread sends it. */
static void send_later(struct wf_airlock_link *l, const struct wf_airlock_frame *f)
{
    bool waits = false;

    pthread_mutex_lock(&l->send_lock);
    if (l->later_until_ns != 0 && l->fd >= 0) {
        const size_t at = l->later.len;
        waits = put_frame(f, &l->later) == 0;
        if (!waits)
            wf_buf_truncate(&l->later, at);
    }
    pthread_mutex_unlock(&l->send_lock);
    if (!waits)
        (void)!send_frame(l, f, NULL); /* an airlock that is gone writes nothing more */
}

/* Waits for an airlock that is being started. */
static int wait_connected(struct wf_airlock_call *c, struct wf_err *err)
{
    struct wf_airlock_link *l = c->l;
    int64_t until_ns = wf_clock_mono_ns(NULL) + (int64_t)CONNECT_WAIT_MS * 1000000;
    int rc = 0;

    pthread_mutex_lock(&l->lock);
    while (rc == 0 && l->fd < 0 && wf_clock_mono_ns(NULL) < until_ns) {
        struct timespec at = in_ms(TICK_MS);
        (void)pthread_cond_timedwait(&l->changed, &l->lock, &at); /* the loop asks what it is */
        if (c->canceled != NULL && c->canceled(c->ud))
            rc = wf_err_set(err, WF_E_CANCELED, "Canceled.");
    }
    c->id = ++l->last_id;
    wf_list_push(bucket_of(l, c->id), &c->node); /* before it is sent: the answer may be quick */
    pthread_mutex_unlock(&l->lock);
    return rc;
}

/* Hands over a frame whose kind is set. */
static int call_new(struct wf_airlock_link *l, struct wf_airlock_frame *request,
                    bool (*canceled)(void *ud), void *ud, struct wf_airlock_call **out,
                    struct wf_err *err)
{
    struct wf_airlock_call *c = wf_alloc_array(1, sizeof(*c));
    int rc;

    if (c == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    c->l = l;
    c->canceled = canceled;
    c->ud = ud;
    wf_list_init(&c->node);
    wf_list_init(&c->news);
    wf_cond_init(&c->changed);
    wf_buf_init(&c->head, WF_AIRLOCK_HEAD_BYTES);
    wf_buf_init(&c->taken_head, WF_AIRLOCK_HEAD_BYTES);
    wf_buf_init(&c->waiting, WF_AIRLOCK_WINDOW_BYTES + WF_AIRLOCK_DATA_BYTES);
    wf_buf_init(&c->taken, WF_AIRLOCK_WINDOW_BYTES + WF_AIRLOCK_DATA_BYTES);
    rc = wait_connected(c, err);
    request->id = c->id;
    if (rc == 0)
        rc = send_frame(l, request, err);
    if (rc != 0) {
        c->is_over = true;
        wf_airlock_call_free(c);
        return rc;
    }
    *out = c;
    return 0;
}

int wf_airlock_call_new(struct wf_airlock_link *l, struct wf_airlock_frame *request,
                        bool (*canceled)(void *ud), void *ud, struct wf_airlock_call **out,
                        struct wf_err *err)
{
    request->kind = WF_AIRLOCK_REQUEST;
    return call_new(l, request, canceled, ud, out, err);
}

static bool has_news(const struct wf_airlock_call *c)
{
    return c->has_head || c->waiting.len > 0 || c->is_over;
}

static void swap(struct wf_buf *a, struct wf_buf *b)
{
    struct wf_buf x = *a;

    *a = *b;
    *b = x;
}

/* Takes what has come, and lets go of the link's lock, which is held. rc: that of the wait. */
static int hand_out(struct wf_airlock_call *c, int rc, struct wf_airlock_piece *out,
                    struct wf_err *err)
{
    *out = (struct wf_airlock_piece){.status = c->status};
    swap(&c->taken, &c->waiting);
    if (c->has_head)
        swap(&c->taken_head, &c->head);
    c->has_head = false;
    if (rc == 0 && c->taken.len == 0 && c->failed.code != 0)
        rc = wf_err_set(err, c->failed.code, "%s", c->failed.msg);
    out->is_end = c->is_end && rc == 0;
    out->seq = c->seq;
    bool wants_more = !c->is_over;
    pthread_mutex_unlock(&c->l->lock);
    out->bytes = wf_buf_str(&c->taken);
    out->head = wf_buf_str(&c->taken_head);
    c->n_used += c->taken.len;
    if (rc == 0 && wants_more && c->n_used >= WF_AIRLOCK_WINDOW_BYTES / CREDITS) {
        struct wf_airlock_frame f = {
            .kind = WF_AIRLOCK_CREDIT, .id = c->id, .number = (uint32_t)c->n_used};
        c->n_used = 0;
        (void)!send_frame(c->l, &f, NULL); /* an airlock that is gone fails the call by itself */
    }
    return rc;
}

int wf_airlock_call_next(struct wf_airlock_call *c, struct wf_airlock_piece *out,
                         struct wf_err *err)
{
    struct wf_airlock_link *l = c->l;
    int rc = 0;

    wf_buf_reset(&c->taken);
    wf_buf_reset(&c->taken_head);
    lock_own(c);
    c->wake = (struct wf_airlock_wake){.fn = NULL};
    while (rc == 0 && !has_news(c)) {
        struct timespec at = in_ms(TICK_MS);
        (void)pthread_cond_timedwait(&c->changed, &l->lock, &at); /* the loop asks what it is */
        if (!has_news(c) && c->canceled != NULL && c->canceled(c->ud))
            rc = wf_err_set(err, WF_E_CANCELED, "Canceled.");
    }
    return hand_out(c, rc, out, err);
}

int wf_airlock_call_try(struct wf_airlock_call *c, const struct wf_airlock_wake *w,
                        struct wf_airlock_piece *out, struct wf_err *err)
{
    const bool is_canceled = c->canceled != NULL && c->canceled(c->ud);
    struct wf_airlock_link *l = c->l;
    int rc = 0;

    wf_buf_reset(&c->taken);
    wf_buf_reset(&c->taken_head);
    lock_own(c);
    c->wake = (struct wf_airlock_wake){.fn = NULL};
    if (!has_news(c) && is_canceled) {
        rc = wf_err_set(err, WF_E_CANCELED, "Canceled.");
    } else if (!has_news(c)) {
        c->wake = *w;
        pthread_mutex_unlock(&l->lock);
        return WF_AIRLOCK_LATER;
    }
    return hand_out(c, rc, out, err);
}

void wf_airlock_call_report(struct wf_airlock_call *c, struct wf_airlock_frame *report)
{
    report->kind = WF_AIRLOCK_REPORT;
    report->id = c->id;
    c->is_reported = true;
    send_later(c->l, report);
}

void wf_airlock_call_free(struct wf_airlock_call *c)
{
    struct wf_airlock_link *l;

    if (c == NULL)
        return;
    l = c->l;
    lock_own(c);
    wf_list_remove(&c->node);
    bool goes_on = !c->is_over, is_waited_for = c->is_end && !c->is_reported;
    pthread_mutex_unlock(&l->lock);
    if (is_waited_for) {
        struct wf_airlock_frame f = {.n_counts = 0};
        wf_airlock_call_report(c, &f);
    }
    if (goes_on) {
        struct wf_airlock_frame f = {.kind = WF_AIRLOCK_CANCEL, .id = c->id};
        (void)!send_frame(l, &f, NULL); /* an airlock that is gone has forgotten it */
    }
    wf_buf_deinit(&c->head);
    wf_buf_deinit(&c->taken_head);
    wf_buf_deinit(&c->waiting);
    wf_buf_deinit(&c->taken);
    pthread_cond_destroy(&c->changed);
    wf_free(c);
}

/* ---- what is given to other people's devices ---- */

static bool is_late(void *ud)
{
    const int64_t *until_ns = ud;

    return wf_clock_mono_ns(NULL) >= *until_ns;
}

static bool is_connected(struct wf_airlock_link *l)
{
    bool is;

    pthread_mutex_lock(&l->lock);
    is = l->fd >= 0;
    pthread_mutex_unlock(&l->lock);
    return is;
}

static int given_some(struct wf_airlock_link *l, struct wf_airlock_frame *frames, size_t n,
                      uint64_t *out_seqs, struct wf_err *err)
{
    struct wf_airlock_call *calls[GIVEN_AT_ONCE] = {NULL};
    int64_t until_ns = wf_clock_mono_ns(NULL) + GIVEN_WAIT_MS * INT64_C(1000000);
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        frames[i].kind = WF_AIRLOCK_GIVEN;
        rc = call_new(l, &frames[i], is_late, &until_ns, &calls[i], err);
    }
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct wf_airlock_piece piece = {.is_end = false};
        while (rc == 0 && !piece.is_end)
            rc = wf_airlock_call_next(calls[i], &piece, err);
        out_seqs[i] = piece.seq;
    }
    for (size_t i = 0; i < n; i++) {
        if (calls[i] != NULL)
            calls[i]->is_reported = true; /* there is nothing to report */
        wf_airlock_call_free(calls[i]);
    }
    return rc;
}

int wf_airlock_given(struct wf_airlock_link *l, struct wf_airlock_frame *frames, size_t n,
                     uint64_t *out_seqs, struct wf_err *err)
{
    int rc = 0;

    if (!is_connected(l))
        return wf_err_set(err, WF_E_CRASHED, "The process that keeps the ledger is not running.");
    for (size_t i = 0; i < n && rc == 0; i += GIVEN_AT_ONCE)
        rc = given_some(l, frames + i, WF_MIN(n - i, (size_t)GIVEN_AT_ONCE), out_seqs + i, err);
    return rc;
}
