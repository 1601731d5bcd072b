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
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/rng.h"
#include "os/file.h"
#include "os/sock.h"
#include "os/thread.h"

#define CONNECT_WAIT_MS 2000
#define SEND_TIMEOUT_MS 10000
#define TICK_MS 100
#define FRAME_BYTES ((size_t)64 << 10) /* of those that airlock sends */

struct wf_airlock_link {
    int listen_fd, stop_fds[2];
    long supervisor;
    pthread_t thread;
    pthread_mutex_t send_lock; /* guards writing on fd; taken before `lock` */
    pthread_mutex_t lock;      /* guards all below */
    pthread_cond_t changed;    /* there is a connection */
    int fd;                    /* -1: none */
    struct wf_list calls;
};

struct wf_airlock_call {
    struct wf_list node;
    struct wf_airlock_link *l;
    uint64_t id;
    bool (*canceled)(void *ud);
    void *ud;
    pthread_cond_t changed;
    /* under the link's lock */
    int status;
    bool has_head, is_end, is_over; /* is_over: the end or the failure came */
    uint64_t seq;
    struct wf_buf head, waiting;
    struct wf_err failed; /* code 0: not */
    /* the owner's */
    struct wf_buf taken, taken_head;
    bool is_reported;
};

/* ---- the thread ---- */

static struct wf_airlock_call *find(struct wf_airlock_link *l, uint64_t id)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &l->calls)
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

/* One frame from airlock, which may be of a call that nobody waits for any more. */
static int take(struct wf_airlock_link *l, const struct wf_airlock_frame *f)
{
    int rc = 0;

    pthread_mutex_lock(&l->lock);
    struct wf_airlock_call *c = find(l, f->id);
    if (c != NULL && !c->is_over) {
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
            rc = WF_E_FORMAT; /* core's own kinds */
        }
        if (wf_buf_status(&c->waiting) != 0 || wf_buf_status(&c->head) != 0)
            fail(c, WF_E_NOMEM, WF_STR("Out of memory."));
        pthread_cond_signal(&c->changed);
    }
    pthread_mutex_unlock(&l->lock);
    return rc;
}

static void read_all(struct wf_airlock_link *l, int fd)
{
    struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = l->stop_fds[0], .events = POLLIN}};
    struct wf_airlock_frame f;
    struct wf_buf b;
    bool eof = false;
    int rc = 0;

    wf_buf_init(&b, FRAME_BYTES);
    while (rc == 0 && !eof) {
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            break;
        if (p[1].revents != 0)
            break;
        if (p[0].revents == 0)
            continue;
        rc = wf_sock_recv_frame(fd, &b, NULL, &eof, SEND_TIMEOUT_MS, NULL);
        if (rc == 0 && !eof)
            rc = wf_airlock_frame_read(wf_buf_str(&b), &f, NULL);
        if (rc == 0 && !eof)
            rc = take(l, &f);
    }
    wf_buf_deinit(&b);
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
    struct wf_list *it, *tmp;

    pthread_mutex_lock(&l->send_lock);
    pthread_mutex_lock(&l->lock);
    l->fd = fd;
    WF_LIST_EACH(it, tmp, &l->calls)
    {
        struct wf_airlock_call *c = WF_CONTAINER(it, struct wf_airlock_call, node);
        if (fd < 0)
            fail(c, WF_E_CRASHED,
                 WF_STR("The process that speaks to providers has died and is started again; what "
                        "it had sent stands in the ledger."));
        pthread_cond_signal(&c->changed);
    }
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    pthread_mutex_unlock(&l->send_lock);
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
    wf_list_init(&l->calls);
    pthread_mutex_init(&l->send_lock, NULL);
    pthread_mutex_init(&l->lock, NULL);
    wf_cond_init(&l->changed);
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

/* Sends a frame; WF_E_CRASHED when there is no airlock. */
static int send_frame(struct wf_airlock_link *l, const struct wf_airlock_frame *f,
                      struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_LIMIT_FRAME_BYTES);
    rc = wf_airlock_frame_write(f, &b);
    if (rc != 0)
        rc = wf_err_set(err, rc, "The request is too long for a provider.");
    pthread_mutex_lock(&l->send_lock);
    if (rc == 0 && l->fd < 0) /* changes under send_lock only */
        rc = WF_E_CRASHED;
    else if (rc == 0 && wf_sock_send_frame(l->fd, b.ptr, b.len, -1, SEND_TIMEOUT_MS, NULL) != 0) {
        rc = WF_E_CRASHED;
        (void)shutdown(l->fd,
                       SHUT_RDWR); /* half a frame may be through: the thread takes it down */
    }
    pthread_mutex_unlock(&l->send_lock);
    if (rc == WF_E_CRASHED)
        (void)wf_err_set(err, rc,
                         "The process that speaks to providers is not running: nothing left this "
                         "machine. weft doctor may say why.");
    wf_buf_deinit(&b);
    return rc;
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
    wf_list_push(&l->calls, &c->node); /* before it is sent: the answer may be quick */
    pthread_mutex_unlock(&l->lock);
    return rc;
}

int wf_airlock_call_new(struct wf_airlock_link *l, struct wf_airlock_frame *request,
                        bool (*canceled)(void *ud), void *ud, struct wf_airlock_call **out,
                        struct wf_err *err)
{
    struct wf_airlock_call *c = wf_alloc_array(1, sizeof(*c));
    int rc;

    if (c == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    c->l = l;
    c->id = wf_rng_u64(NULL);
    c->canceled = canceled;
    c->ud = ud;
    wf_list_init(&c->node);
    wf_cond_init(&c->changed);
    wf_buf_init(&c->head, WF_AIRLOCK_HEAD_BYTES);
    wf_buf_init(&c->taken_head, WF_AIRLOCK_HEAD_BYTES);
    wf_buf_init(&c->waiting, WF_AIRLOCK_WINDOW_BYTES + WF_AIRLOCK_DATA_BYTES);
    wf_buf_init(&c->taken, WF_AIRLOCK_WINDOW_BYTES + WF_AIRLOCK_DATA_BYTES);
    request->kind = WF_AIRLOCK_REQUEST;
    request->id = c->id;
    rc = wait_connected(c, err);
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

int wf_airlock_call_next(struct wf_airlock_call *c, struct wf_airlock_piece *out,
                         struct wf_err *err)
{
    struct wf_airlock_link *l = c->l;
    int rc = 0;

    wf_buf_reset(&c->taken);
    wf_buf_reset(&c->taken_head);
    pthread_mutex_lock(&l->lock);
    while (rc == 0 && !has_news(c)) {
        struct timespec at = in_ms(TICK_MS);
        (void)pthread_cond_timedwait(&c->changed, &l->lock, &at); /* the loop asks what it is */
        if (!has_news(c) && c->canceled != NULL && c->canceled(c->ud))
            rc = wf_err_set(err, WF_E_CANCELED, "Canceled.");
    }
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
    pthread_mutex_unlock(&l->lock);
    out->bytes = wf_buf_str(&c->taken);
    out->head = wf_buf_str(&c->taken_head);
    if (rc == 0 && wants_more && c->taken.len > 0) {
        struct wf_airlock_frame f = {
            .kind = WF_AIRLOCK_CREDIT, .id = c->id, .number = (uint32_t)c->taken.len};
        (void)!send_frame(l, &f, NULL); /* an airlock that is gone fails the call by itself */
    }
    return rc;
}

void wf_airlock_call_report(struct wf_airlock_call *c, struct wf_airlock_frame *report)
{
    report->kind = WF_AIRLOCK_REPORT;
    report->id = c->id;
    c->is_reported = true;
    (void)!send_frame(c->l, report, NULL); /* an airlock that is gone writes nothing more */
}

void wf_airlock_call_free(struct wf_airlock_call *c)
{
    struct wf_airlock_link *l;

    if (c == NULL)
        return;
    l = c->l;
    pthread_mutex_lock(&l->lock);
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
