/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations with the command line and the watcher, one thread each: they are few, and an
 * operation may take as long as it likes without holding up another.
 *
 * A client that hangs up or cancels is noticed between events (the sink's canceled). */
#include "daemon/serve.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/list.h"
#include "op/json.h"
#include "os/file.h"
#include "os/sock.h"

#define SEND_TIMEOUT_MS 30000 /* a client that reads nothing for so long is gone */

int wf_serve__send(int fd, json_t *frame, struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    if (!frame)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    wf_buf_init(&b, WF_LIMIT_FRAME_BYTES);
    rc = wf_json_append(&b, frame);
    json_decref(frame);
    if (rc != 0)
        rc = wf_err_set(err, rc, "The answer is too large for one message. Ask for less at once.");
    else
        rc = wf_sock_send_frame(fd, b.ptr, b.len, -1, SEND_TIMEOUT_MS, err);
    wf_buf_deinit(&b);
    return rc;
}

int wf_serve__recv(int fd, struct wf_buf *in, json_t **out_frame, int *out_fd, struct wf_err *err)
{
    json_t *v = NULL;
    bool eof = false;
    int rc;

    *out_frame = NULL;
    rc = wf_sock_recv_frame(fd, in, out_fd, &eof, 0, err);
    if (rc != 0 || eof)
        return rc;
    rc = wf_json_parse(wf_buf_str(in), &v, err);
    if (rc == 0 && !json_is_object(v)) {
        json_decref(v);
        rc = wf_err_set(err, WF_E_FORMAT, "A message must be a JSON object.");
    }
    if (rc == 0)
        *out_frame = v;
    else
        wf_file_close(out_fd);
    return rc;
}

json_t *wf_serve__error(const struct wf_err *err)
{
    const char *name = wf_err_name(err->code);

    return json_pack("{s:{s:s, s:s}}", "error", "code",
                     strncmp(name, "WF_E_", 5) == 0 ? name + 5 : name, "message", err->msg);
}

/* For messages whose loss changes nothing: a failure shows at the next one that matters. */
static void send_or_drop(int fd, json_t *frame)
{
    int rc = wf_serve__send(fd, frame, NULL);

    (void)rc;
}

static void send_event(void *ud, const char *name, json_t *data)
{
    int *fd = ud;

    send_or_drop(*fd, json_pack("{s:s, s:O}", "event", name, "data", data));
}

/* The client has hung up, or says something in the middle of an operation: that it is enough. */
static bool canceled(void *ud)
{
    int *fd = ud;
    struct pollfd p = {.fd = *fd, .events = POLLIN};
    char byte;

    if (poll(&p, 1, 0) <= 0)
        return false;
    return recv(*fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

/* One operation; a result other than 0 ends the conversation. */
static int run(struct wf_op_context *ctx, int fd, struct wf_buf *in, const json_t *frame,
               int pass_fd)
{
    const char *op = json_string_value(json_object_get(frame, "op"));
    const json_t *params = json_object_get(frame, "params");
    const struct wf_op_sink sink = {.event = send_event, .canceled = canceled, .ud = &fd};
    struct wf_err err = WF_ERR_INIT;
    json_t *result = NULL, *none = NULL;
    int rc;

    if (json_object_get(frame, "cancel"))
        return 0; /* of an operation that has ended, by it or before it came */
    if (!params)
        params = none = json_object();
    if (!op || !params)
        rc = wf_err_set(&err, WF_E_INVAL, "A request names its operation: {\"op\":\"...\"}.");
    else if (strcmp(op, "add") == 0)
        rc = wf_serve__add(ctx, fd, in, params, &err);
    else
        rc =
            wf_op_run(ctx, op, &(struct wf_op_call){.params = params, .sink = &sink, .fd = pass_fd},
                      &result, &err);
    if (rc != 0)
        rc = wf_serve__send(fd, wf_serve__error(&err), NULL);
    else if (result)
        rc = wf_serve__send(fd, json_pack("{s:o}", "result", result), NULL);
    json_decref(none);
    return rc;
}

void wf_serve_conn(struct wf_op_context *ctx, int fd)
{
    json_t *frame = json_pack("{s:{s:s}}", "hello", "version", WF_VERSION);
    struct wf_buf in;
    int rc;

    wf_buf_init(&in, WF_LIMIT_FRAME_BYTES);
    rc = wf_serve__send(fd, frame, NULL);
    while (rc == 0) {
        int pass_fd = -1;
        rc = wf_serve__recv(fd, &in, &frame, &pass_fd, NULL);
        if (rc != 0 || !frame)
            break;
        rc = run(ctx, fd, &in, frame, pass_fd);
        json_decref(frame);
        wf_file_close(&pass_fd);
    }
    wf_buf_deinit(&in);
}

/* ---- the listener ---- */

struct conn {
    struct wf_list node;
    struct wf_serve *s;
    pthread_t thread;
    int fd;
    bool done;
};

struct wf_serve {
    struct wf_op_context *ctx;
    int listen_fd;   /* non-blocking; shared with the supervisor, so it is never shut down */
    int wake_fds[2]; /* a pipe: its write end is closed to stop */
    pthread_t thread;
    pthread_mutex_t lock; /* guards conns, n_conns, and done and fd of each */
    struct wf_list conns;
    size_t n_conns;
};

static void *conn_main(void *ud)
{
    struct conn *c = ud;

    wf_serve_conn(c->s->ctx, c->fd);
    pthread_mutex_lock(&c->s->lock);
    wf_file_close(&c->fd);
    c->done = true;
    pthread_mutex_unlock(&c->s->lock);
    return NULL;
}

/* Joins conversations that have ended; all of them when `all`. */
static void reap(struct wf_serve *s, bool all)
{
    struct wf_list *it, *tmp;
    struct wf_list ended;

    wf_list_init(&ended);
    pthread_mutex_lock(&s->lock);
    WF_LIST_EACH(it, tmp, &s->conns)
    {
        if (all || WF_CONTAINER(it, struct conn, node)->done) {
            wf_list_remove(it);
            wf_list_push(&ended, it);
            s->n_conns--;
        }
    }
    pthread_mutex_unlock(&s->lock);
    WF_LIST_EACH(it, tmp, &ended)
    {
        struct conn *c = WF_CONTAINER(it, struct conn, node);
        pthread_join(c->thread, NULL);
        wf_free(c);
    }
}

static void refuse(int fd, const char *why)
{
    struct wf_err err = WF_ERR_INIT;

    (void)wf_err_set(&err, WF_E_BUSY, "%s", why);
    send_or_drop(fd, wf_serve__error(&err));
    wf_file_close(&fd);
}

static void admit(struct wf_serve *s, int fd)
{
    struct conn *c = NULL;
    bool ok = false;

    reap(s, false);
    if (s->n_conns < WF_SERVE_CONNS_MAX)
        c = wf_alloc_array(1, sizeof(*c));
    if (c) {
        c->s = s;
        c->fd = fd;
        pthread_mutex_lock(&s->lock);
        ok = pthread_create(&c->thread, NULL, conn_main, c) == 0;
        if (ok) {
            wf_list_push(&s->conns, &c->node);
            s->n_conns++;
        }
        pthread_mutex_unlock(&s->lock);
    }
    if (!ok) {
        wf_free(c);
        refuse(fd, "Too many commands are talking to weft at once. Try again in a moment.");
    }
}

static void *listen_main(void *ud)
{
    struct wf_serve *s = ud;

    for (;;) {
        struct pollfd p[2] = {{.fd = s->listen_fd, .events = POLLIN},
                              {.fd = s->wake_fds[0], .events = POLLIN}};
        int fd;

        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (p[1].revents != 0)
            return NULL;
        fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
                (void)poll(NULL, 0, 20); /* a pause until some are free */
        } else if (!wf_sock_peer_is_me(fd)) {
            wf_file_close(&fd);
        } else {
            admit(s, fd);
        }
    }
}

int wf_serve_start(struct wf_op_context *ctx, int listen_fd, struct wf_serve **out,
                   struct wf_err *err)
{
    struct wf_serve *s = wf_alloc_array(1, sizeof(*s));
    int flags = fcntl(listen_fd, F_GETFL);

    if (!s)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    s->ctx = ctx;
    s->listen_fd = listen_fd;
    wf_list_init(&s->conns);
    pthread_mutex_init(&s->lock, NULL);
    if (pipe2(s->wake_fds, O_CLOEXEC) != 0) {
        s->wake_fds[0] = s->wake_fds[1] = -1;
        goto failed;
    }
    if (flags < 0 || fcntl(listen_fd, F_SETFL, flags | O_NONBLOCK) != 0)
        goto failed;
    if (pthread_create(&s->thread, NULL, listen_main, s) != 0)
        goto failed;
    *out = s;
    return 0;
failed:
    wf_file_close(&s->wake_fds[0]);
    wf_file_close(&s->wake_fds[1]);
    pthread_mutex_destroy(&s->lock);
    wf_free(s);
    return wf_err_set(err, WF_E_IO,
                      "The local socket cannot be served: the system is out of "
                      "threads or descriptors.");
}

void wf_serve_stop(struct wf_serve *s)
{
    struct wf_list *it, *tmp;

    if (!s)
        return;
    wf_file_close(&s->wake_fds[1]);
    pthread_join(s->thread, NULL);
    pthread_mutex_lock(&s->lock);
    WF_LIST_EACH(it, tmp, &s->conns)
    {
        struct conn *c = WF_CONTAINER(it, struct conn, node);
        if (c->fd >= 0)
            (void)shutdown(c->fd, SHUT_RD); /* the operation that runs may still answer */
    }
    pthread_mutex_unlock(&s->lock);
    reap(s, true);
    wf_file_close(&s->wake_fds[0]);
    pthread_mutex_destroy(&s->lock);
    wf_free(s);
}
