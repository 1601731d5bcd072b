/* SPDX-License-Identifier: Apache-2.0 */
/* The spawner of fetching processes, and the core's side of it.
 *
 * A frame to the spawner is the id of a folder, a line feed, and the request, which it hands on
 * without looking at it; with it comes one end of a socket whose other end the core keeps. For each
 * it forks a guard, and the guard forks the process that fetches. The guard keeps the socket open
 * until that process is gone, so that the core's end-of-file means: nobody can write to the folder
 * any more; and it ends a process that goes on after the core has hung up. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/list.h"
#include "daemon/fetch.h"
#include "op/json.h"
#include "os/file.h"
#include "os/sock.h"

#define REQUEST_BYTES_MAX ((size_t)64 << 10)
/* How long a process may take to write down how far it is, once nobody wants it any more. */
#define GRACE_MS 10000
#define SEND_TIMEOUT_MS 10000

/* ---- the spawner ---- */

static bool is_id(struct wf_str s)
{
    if (s.len != WF_FETCH_ID_LEN)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!(s.ptr[i] >= '0' && s.ptr[i] <= '9') && !(s.ptr[i] >= 'a' && s.ptr[i] <= 'f'))
            return false;
    }
    return true;
}

/* Waits for the process; once the core has hung up, for a while only. */
static void wait_for(pid_t pid, int fd)
{
    int pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p[2] = {{.fd = pid_fd, .events = POLLIN}, {.fd = fd, .events = POLLRDHUP}};
    bool gone = false;

    while (pid_fd >= 0 && !gone) {
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            break;
        gone = p[0].revents != 0;
        if (!gone && p[1].revents != 0) {
            if (poll(p, 1, GRACE_MS) <= 0)
                (void)kill(pid, SIGKILL); /* it may be gone in this moment */
            gone = true;
        }
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    wf_file_close(&pid_fd);
}

WF_NORETURN static void guard(const struct wf_fetch_options *o, const char *dir, int fd,
                              struct wf_str request)
{
    pid_t pid;

    (void)signal(SIGCHLD, SIG_DFL); /* a valid signal: cannot fail */
    pid = fork();
    if (pid == 0)
        _exit(wf_fetch_run(o, dir, fd, request));
    if (pid > 0)
        wait_for(pid, fd);
    _exit(0);
}

static void serve_one(const struct wf_fetch_options *o, int spawner_fd, struct wf_str frame, int fd)
{
    char dir[WF_LIMIT_PATH_BYTES];
    size_t line = wf_str_find_byte(frame, '\n', 0);
    struct wf_str id = wf_str_sub(frame, 0, WF_MIN(line, frame.len));
    int n = snprintf(dir, sizeof(dir), "%s/%.*s", o->incoming, WF_STR_ARG(id));

    if (line == SIZE_MAX || !is_id(id) || n < 0 || (size_t)n >= sizeof(dir))
        return;
    if (fork() == 0) {
        close(spawner_fd);
        guard(o, dir, fd, wf_str_sub(frame, line + 1, frame.len));
    }
    /* Where no process can be made the core sees its socket close. */
}

WF_NORETURN static void spawner(const struct wf_fetch_options *o, int fd)
{
    struct wf_buf frame;
    bool eof = false;

    (void)signal(SIGCHLD, SIG_IGN); /* guards need no burial; valid signals: cannot fail */
    (void)signal(SIGINT, SIG_IGN);  /* Ctrl-C is for the command and the supervisor */
    (void)signal(SIGPIPE, SIG_IGN);
    wf_buf_init(&frame, REQUEST_BYTES_MAX);
    for (;;) {
        int passed_fd = -1;
        if (wf_sock_recv_frame(fd, &frame, &passed_fd, &eof, 0, NULL) != 0 || eof)
            _exit(0);
        if (passed_fd >= 0)
            serve_one(o, fd, wf_buf_str(&frame), passed_fd);
        wf_file_close(&passed_fd);
    }
}

int wf_fetch_spawn(const struct wf_fetch_options *o, int *out_fd, struct wf_err *err)
{
    int pair[2], rc = wf_sock_pair(pair, err);
    pid_t pid;

    if (rc != 0)
        return rc;
    pid = fork();
    if (pid == 0) {
        /* Only its socket and the standard ones: no listener, no lock lives on in a download. */
        int keep = dup2(pair[1], STDERR_FILENO + 1);
        if (keep < 0 || close_range((unsigned)keep + 1, ~0u, 0) != 0)
            _exit(1);
        spawner(o, keep);
    }
    wf_file_close(&pair[1]);
    if (pid < 0) {
        rc = wf_err_errno(err, errno, "The process that fetches cannot be started");
        wf_file_close(&pair[0]);
        return rc;
    }
    *out_fd = pair[0];
    return 0;
}

/* ---- the core's side ---- */

struct under_way {
    struct wf_list node;
    char id[WF_FETCH_ID_LEN + 1];
};

struct wf_fetch_client {
    int fd;
    pthread_mutex_t lock;     /* guards sending on fd, and the list */
    struct wf_list under_way; /* struct under_way */
};

int wf_fetch_client_new(int spawner_fd, struct wf_fetch_client **out, struct wf_err *err)
{
    struct wf_fetch_client *c = wf_alloc_array(1, sizeof(*c));

    if (!c) {
        wf_file_close(&spawner_fd);
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    c->fd = spawner_fd;
    pthread_mutex_init(&c->lock, NULL);
    wf_list_init(&c->under_way);
    *out = c;
    return 0;
}

void wf_fetch_client_free(struct wf_fetch_client *c)
{
    struct wf_list *it, *tmp;

    if (!c)
        return;
    WF_LIST_EACH(it, tmp, &c->under_way)
    {
        wf_list_remove(it);
        wf_free(WF_CONTAINER(it, struct under_way, node));
    }
    wf_file_close(&c->fd);
    pthread_mutex_destroy(&c->lock);
    wf_free(c);
}

/* The entry of that id; the lock is held. */
static struct under_way *find(struct wf_fetch_client *c, const char *id)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &c->under_way)
    {
        struct under_way *u = WF_CONTAINER(it, struct under_way, node);
        if (strcmp(u->id, id) == 0)
            return u;
    }
    return NULL;
}

static void let_go(struct wf_fetch_client *c, const char *id)
{
    struct under_way *u;

    pthread_mutex_lock(&c->lock);
    u = find(c, id);
    if (u)
        wf_list_remove(&u->node);
    pthread_mutex_unlock(&c->lock);
    wf_free(u);
}

static int note(struct wf_fetch_client *c, const char *id, struct wf_err *err)
{
    struct under_way *u = wf_alloc_array(1, sizeof(*u));
    int rc = 0;

    if (!u)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    memcpy(u->id, id, sizeof(u->id));
    pthread_mutex_lock(&c->lock);
    if (find(c, id))
        rc = wf_err_set(err, WF_E_BUSY, "That model is being downloaded already.");
    else
        wf_list_push(&c->under_way, &u->node);
    pthread_mutex_unlock(&c->lock);
    if (rc != 0)
        wf_free(u);
    return rc;
}

int wf_fetch_begin(struct wf_fetch_client *c, const char *id, const json_t *request, int *out_fd,
                   struct wf_err *err)
{
    int pair[2] = {-1, -1};
    struct wf_buf b;
    int rc;

    if (!is_id(wf_str_from(id)))
        return wf_err_set(err, WF_E_INVAL, "\"%.40s\" is no download's folder.", id);
    rc = note(c, id, err);
    if (rc != 0)
        return rc;
    wf_buf_init(&b, REQUEST_BYTES_MAX);
    (void)wf_buf_appendf(&b, "%s\n", id); /* the end tells */
    rc = wf_json_append(&b, request);
    if (rc != 0)
        rc = wf_err_set(err, rc, "The request for a download is too long.");
    if (rc == 0)
        rc = wf_sock_pair(pair, err);
    if (rc == 0) {
        pthread_mutex_lock(&c->lock);
        rc = wf_sock_send_frame(c->fd, b.ptr, b.len, pair[1], SEND_TIMEOUT_MS, err);
        pthread_mutex_unlock(&c->lock);
    }
    wf_buf_deinit(&b);
    wf_file_close(&pair[1]);
    if (rc != 0) {
        wf_file_close(&pair[0]);
        let_go(c, id);
        return rc;
    }
    *out_fd = pair[0];
    return 0;
}

void wf_fetch_end(struct wf_fetch_client *c, const char *id, int *io_fd)
{
    wf_file_close(io_fd);
    let_go(c, id);
}
