/* SPDX-License-Identifier: Apache-2.0 */
/* A conversation with a core: connect to the daemon's socket, or start `weft core` with one end of
 * a socket pair as its descriptor 3.
 *
 * Two commands at once without a daemon take turns: a home has one core at a time (its lock), so a
 * core that finds the lock taken says BUSY and the client tries again, socket first, since what
 * holds the lock may be a daemon that is just starting. */
#include "daemon/client.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "op/json.h"
#include "os/file.h"
#include "os/sock.h"

#define CORE_FD 3          /* where a core of our own finds its socket */
#define LOCK_WAIT_MS 30000 /* other commands take turns for so long */
#define LOCK_RETRY_MS 50

struct wf_client {
    int fd;
    pid_t pid; /* of a core of our own, or 0 */
    struct wf_buf in;
};

/* kind: "--bare", a core without a home, which knows the settings of one; "--labels"; or NULL. */
static int spawn_core(struct wf_client *c, const char *home_dir, const char *program,
                      const char *kind, bool is_apart, struct wf_err *err)
{
    /* posix_spawn takes char *const * for history's sake; nothing is written through it. */
    char *argv[] = {(char *)(uintptr_t) "weft",   (char *)(uintptr_t) "core",
                    (char *)(uintptr_t) "--home", (char *)(uintptr_t)home_dir,
                    (char *)(uintptr_t)kind,      NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int fds[2], rc;

    rc = wf_sock_pair(fds, err);
    if (rc != 0)
        return rc;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], CORE_FD);
    posix_spawnattr_init(&attributes);
    if (is_apart) /* a process group of its own */
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    rc = posix_spawn(&c->pid, program, &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    wf_file_close(&fds[1]);
    if (rc != 0) {
        c->pid = 0;
        wf_file_close(&fds[0]);
        return wf_err_errno(err, rc, "The weft program cannot be started (%s)", program);
    }
    c->fd = fds[0];
    return 0;
}

static void hang_up(struct wf_client *c)
{
    int status;

    wf_file_close(&c->fd);
    if (c->pid > 0) {
        while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
            ;
        c->pid = 0;
    }
}

int wf_client_error(const json_t *error, struct wf_err *err)
{
    const char *name = json_string_value(json_object_get(error, "code"));
    const char *message = json_string_value(json_object_get(error, "message"));
    int code = WF_E_IO;

#define MATCH(n, v, t)                                                                             \
    if (name && strcmp(name, #n) == 0)                                                             \
        code = (v);
    WF_ERR_MAP(MATCH)
#undef MATCH
    return wf_err_set(err, code, "%s",
                      message && message[0] ? message : "The core reports an error.");
}

static int read_hello(struct wf_client *c, struct wf_err *err)
{
    json_t *hello = NULL;
    int rc = wf_client_recv(c, &hello, err);

    if (rc == 0 && json_object_get(hello, "error"))
        rc = wf_client_error(json_object_get(hello, "error"), err);
    else if (rc == 0 && !json_object_get(hello, "hello"))
        rc = wf_err_set(err, WF_E_FORMAT, "What answers at the home's socket is not weft.");
    json_decref(hello);
    if (rc != 0)
        hang_up(c);
    return rc;
}

/* Connects one way or the other. */
static int greet(struct wf_client *c, const struct wf_home *home, const struct wf_client_options *o,
                 struct wf_err *err)
{
    int rc = wf_sock_connect_unix(home->socket, &c->fd, err);

    if (rc == WF_E_NOENT && o->program)
        rc = spawn_core(c, home->dir, o->program, o->has_labels ? "--labels" : NULL, o->is_apart,
                        err);
    return rc == 0 ? read_hello(c, err) : rc;
}

static struct wf_client *make(struct wf_err *err)
{
    struct wf_client *c = wf_alloc_array(1, sizeof(*c));

    if (!c) {
        (void)wf_err_set(err, WF_E_NOMEM, "Out of memory.");
        return NULL;
    }
    c->fd = -1;
    wf_buf_init(&c->in, WF_LIMIT_FRAME_BYTES);
    return c;
}

int wf_client_open_bare(const struct wf_home *home, const char *program, struct wf_client **out,
                        struct wf_err *err)
{
    struct wf_client *c = make(err);
    int rc;

    if (!c)
        return WF_E_NOMEM;
    rc = spawn_core(c, home->dir, program, "--bare", false, err);
    if (rc == 0)
        rc = read_hello(c, err);
    if (rc != 0) {
        wf_client_close(c);
        return rc;
    }
    *out = c;
    return 0;
}

int wf_client_open(const struct wf_home *home, const struct wf_client_options *o,
                   struct wf_client **out, struct wf_err *err)
{
    int64_t deadline_ns = wf_clock_mono_ns(NULL) + (int64_t)LOCK_WAIT_MS * 1000000;
    struct stat st;
    struct wf_client *c;
    int rc;

    if (!o->make_home && stat(home->data, &st) != 0)
        return wf_err_set(err, WF_E_NOENT,
                          "There is nothing in %s yet. Take in documents first: weft add PATH",
                          home->dir);
    if (o->make_home && (rc = wf_home_create(home, err)) != 0)
        return rc;
    c = make(err);
    if (!c)
        return WF_E_NOMEM;
    for (;;) {
        rc = greet(c, home, o, err);
        if (rc != WF_E_BUSY || wf_clock_mono_ns(NULL) > deadline_ns)
            break;
        (void)poll(NULL, 0, LOCK_RETRY_MS); /* a pause, nothing to wait on */
    }
    if (rc != 0) {
        wf_client_close(c);
        return rc;
    }
    *out = c;
    return 0;
}

bool wf_client_is_own(const struct wf_client *c)
{
    return c->pid > 0;
}

void wf_client_close(struct wf_client *c)
{
    if (!c)
        return;
    hang_up(c);
    wf_buf_deinit(&c->in);
    wf_free(c);
}

int wf_client_send(struct wf_client *c, json_t *frame, int fd, struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_LIMIT_FRAME_BYTES);
    rc = wf_json_append(&b, frame);
    if (rc != 0)
        rc = wf_err_set(err, rc, "The request is too large.");
    else
        rc = wf_sock_send_frame(c->fd, b.ptr, b.len, fd, 0, err);
    wf_buf_deinit(&b);
    return rc;
}

bool wf_client_wait(struct wf_client *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN | POLLOUT};

    /* A Unix socket is writable while three quarters of its buffer (208 KB) are free. */
    while (poll(&p, 1, -1) < 0 && errno == EINTR)
        continue;
    return (p.revents & ~POLLOUT) != 0;
}

int wf_client_recv(struct wf_client *c, json_t **out_frame, struct wf_err *err)
{
    bool eof = false;
    int rc = wf_sock_recv_frame(c->fd, &c->in, NULL, &eof, 0, err);

    if (rc == 0 && eof)
        return wf_err_set(err, WF_E_CRASHED,
                          "weft's core went away in the middle of the work. What was acknowledged "
                          "is safe; run the command again. \"weft doctor\" may say more.");
    if (rc != 0)
        return rc;
    rc = wf_json_parse(wf_buf_str(&c->in), out_frame, err);
    if (rc == 0 && !json_is_object(*out_frame)) {
        json_decref(*out_frame);
        *out_frame = NULL;
        rc = wf_err_set(err, WF_E_FORMAT, "The core's answer is malformed.");
    }
    return rc;
}

/* Waits until a frame comes; tells the core once when it is to stop. */
static int wait_or_stop(struct wf_client *c, const int *stop_fd, bool *io_told, struct wf_err *err)
{
    struct pollfd p[2] = {{.fd = c->fd, .events = POLLIN}, {.events = POLLIN}};
    json_t *frame;
    int rc;

    while (stop_fd && !*io_told) {
        p[1].fd = *stop_fd;
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return wf_err_errno(err, errno, "The core cannot be waited for");
        if (p[0].revents != 0)
            return 0;
        if (p[1].revents == 0)
            continue;
        *io_told = true;
        frame = json_pack("{s:b}", "cancel", 1);
        rc = frame ? wf_client_send(c, frame, -1, err) : WF_E_NOMEM;
        json_decref(frame);
        return rc;
    }
    return 0;
}

/* Handles one frame; *out_done once it was the last. */
static int take_frame(const struct wf_client_call *call, const json_t *frame, bool *out_done,
                      json_t **out_result, struct wf_err *err)
{
    const char *event = json_string_value(json_object_get(frame, "event"));

    if (event) {
        if (call->fn && call->fn(call->ud, event, json_object_get(frame, "data")) != 0)
            return wf_err_set(err, WF_E_CANCELED, "Canceled.");
        return 0;
    }
    *out_done = true;
    if (json_object_get(frame, "error"))
        return wf_client_error(json_object_get(frame, "error"), err);
    *out_result = json_incref(json_object_get(frame, "result"));
    if (!*out_result)
        return wf_err_set(err, WF_E_FORMAT, "The core's answer is malformed.");
    return 0;
}

int wf_client_run(struct wf_client *c, const struct wf_client_call *call, json_t **out_result,
                  struct wf_err *err)
{
    json_t *frame;
    bool done = false, told = false;
    int rc;

    assert(call->op != NULL);
    frame = json_pack("{s:s, s:o}", "op", call->op, "params",
                      call->params ? json_incref(call->params) : json_object());
    if (!frame)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    rc = wf_client_send(c, frame, call->fd, err);
    json_decref(frame);
    while (rc == 0 && !done) {
        json_t *reply = NULL;
        rc = wait_or_stop(c, call->stop_fd, &told, err);
        if (rc == 0)
            rc = wf_client_recv(c, &reply, err);
        if (rc == 0)
            rc = take_frame(call, reply, &done, out_result, err);
        json_decref(reply);
    }
    return rc;
}
