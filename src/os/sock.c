/* SPDX-License-Identifier: Apache-2.0 */
/* Local sockets: making them, and frames with a descriptor on them.
 *
 * Sending and receiving never block in the call itself: MSG_DONTWAIT, then poll with what is left
 * of the time, so that blocking and non-blocking descriptors behave alike and a peer that stalls
 * cannot hold a thread. SIGPIPE is never raised (MSG_NOSIGNAL).
 *
 * A peer may be hostile (an extract worker that was taken over). So the control buffer has room for
 * one descriptor and the kernel drops more; only the frame's first byte is read with a control
 * buffer, so that descriptors with later bytes are dropped as well; the buffer grows with the bytes
 * that came, not with the length that was claimed; received network sockets are refused, see
 * sock.h. */
#include "os/sock.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "os/file.h"

/* Connections that wait to be accepted; more is of no use to local clients. */
#define BACKLOG 64
/* The most that the receive buffer grows ahead of the bytes. */
#define RECV_STEP_BYTES ((size_t)256 << 10)
#define FRAME_HEAD_BYTES 4
#define FRAME_SMALL_BYTES 8192 /* head and payload go together up to here */
#define NS_PER_MS 1000000

int wf_sock_pair(int out_fds[2], struct wf_err *err)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        return wf_err_errno(err, errno, "cannot make a pair of local sockets");
    out_fds[0] = fds[0];
    out_fds[1] = fds[1];
    return 0;
}

/* Fills `a` with `path`. A path too long for it goes through a descriptor of its folder, which the
 * caller closes (*out_dir_fd, -1 when none was needed). */
static int unix_address(const char *path, struct sockaddr_un *a, int *out_dir_fd,
                        struct wf_err *err)
{
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    *out_dir_fd = -1;
    size_t len = strlen(path);
    if (len == 0)
        return wf_err_set(err, WF_E_INVAL, "an empty path names no socket");
    if (len < sizeof(a->sun_path)) {
        memcpy(a->sun_path, path, len + 1);
        return 0;
    }
    const char *slash = strrchr(path, '/');
    char dir[WF_LIMIT_PATH_BYTES];
    size_t dir_len = slash ? (size_t)(slash - path) : len;
    if (dir_len >= sizeof(dir))
        return wf_err_set(err, WF_E_LIMIT, "the path %s is too long", path);
    memcpy(dir, path, dir_len);
    dir[dir_len] = '\0';
    int fd = slash ? open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    if (slash && fd < 0)
        return wf_err_errno(err, errno, "cannot open the folder %s", dir);
    int n = slash ? snprintf(a->sun_path, sizeof(a->sun_path), "/proc/self/fd/%d/%s", fd, slash + 1)
                  : INT_MAX;
    if (n < 0 || (size_t)n >= sizeof(a->sun_path)) {
        wf_file_close(&fd);
        return wf_err_set(err, WF_E_LIMIT, "the name of the socket %s is too long", path);
    }
    *out_dir_fd = fd;
    return 0;
}

/* Removes the socket file that an earlier run left. */
static int remove_old_socket(const char *path, struct wf_err *err)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return 0; /* bind will tell what is wrong */
    if (!S_ISSOCK(st.st_mode))
        return wf_err_set(err, WF_E_EXIST, "cannot listen at %s: a file has that name", path);
    return wf_file_remove(path, err);
}

int wf_sock_listen_unix(const char *path, int *out_fd, struct wf_err *err)
{
    struct sockaddr_un a;
    int fd = -1;
    int dir_fd = -1;
    int r = unix_address(path, &a, &dir_fd, err);
    if (r != 0)
        return r;
    r = remove_old_socket(path, err);
    if (r != 0)
        goto out;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* bind gives the file the socket's own mode: set before, there is no moment in which others may
     * connect, and no umask that other threads would see. */
    if (fd < 0 || fchmod(fd, 0600) != 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)) != 0 ||
        listen(fd, BACKLOG) != 0) {
        r = wf_err_errno(err, errno, "cannot listen at %s", path);
        goto out;
    }
    *out_fd = fd;
    fd = -1;
out:
    wf_file_close(&fd);
    wf_file_close(&dir_fd);
    return r;
}

int wf_sock_connect_unix(const char *path, int *out_fd, struct wf_err *err)
{
    struct sockaddr_un a;
    int fd = -1;
    int dir_fd = -1;
    int r = unix_address(path, &a, &dir_fd, err);
    if (r != 0)
        return r;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        r = wf_err_errno(err, errno, "cannot make a local socket");
        goto out;
    }
    do
        r = connect(fd, (const struct sockaddr *)&a, sizeof(a));
    while (r != 0 && errno == EINTR);
    if (r != 0) {
        r = errno == ECONNREFUSED || errno == ENOENT
                ? wf_err_set(err, WF_E_NOENT, "nothing listens at %s", path)
                : wf_err_errno(err, errno, "cannot connect to %s", path);
        goto out;
    }
    *out_fd = fd;
    fd = -1;
out:
    wf_file_close(&fd);
    wf_file_close(&dir_fd);
    return r;
}

/* Fills `a` from a numeric host; false when it is none. */
static bool inet_address(const char *host, uint16_t port, struct sockaddr_storage *a,
                         socklen_t *out_len)
{
    *a = (struct sockaddr_storage){0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)a;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)a;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *out_len = sizeof(*v4);
        return true;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *out_len = sizeof(*v6);
        return true;
    }
    return false;
}

static int bind_and_listen(int fd, const struct sockaddr_storage *a, socklen_t len)
{
    const int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
        return -1;
    if (a->ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
        return -1;
    if (bind(fd, (const struct sockaddr *)a, len) != 0)
        return -1;
    return listen(fd, SOMAXCONN);
}

int wf_sock_listen_tcp(const char *host, uint16_t port, int *out_fd, uint16_t *out_port,
                       struct wf_err *err)
{
    struct sockaddr_storage a;
    socklen_t len = 0;
    if (!inet_address(host, port, &a, &len))
        return wf_err_set(err, WF_E_INVAL, "%s is no IP address: use one like 127.0.0.1 or ::1",
                          host);
    int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind_and_listen(fd, &a, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0) {
        int why = errno;
        wf_file_close(&fd);
        if (why == EADDRINUSE)
            return wf_err_set(err, WF_E_BUSY,
                              "port %u of %s is taken: stop the program that has it, or choose "
                              "another port",
                              port, host);
        return wf_err_errno(err, why, "cannot listen on port %u of %s", port, host);
    }
    *out_port = ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
                                              : ((struct sockaddr_in *)&a)->sin_port);
    *out_fd = fd;
    return 0;
}

/* When `timeout_ms` from now is, or INT64_MAX for never. */
static int64_t deadline_of(int timeout_ms)
{
    return timeout_ms > 0 ? wf_clock_mono_ns(NULL) + (int64_t)timeout_ms * NS_PER_MS : INT64_MAX;
}

/* Waits for `events`. 0, WF_E_TIMEOUT or WF_E_IO. A closed peer counts as ready: the next call on
 * the socket tells. */
static int wait_for(int fd, short events, int64_t deadline_ns)
{
    for (;;) {
        int ms = -1;
        if (deadline_ns != INT64_MAX) {
            int64_t left_ns = deadline_ns - wf_clock_mono_ns(NULL);
            if (left_ns <= 0)
                return WF_E_TIMEOUT;
            /* Rounded up, so that the last millisecond is not spent spinning. */
            ms = (int)WF_MIN((left_ns + NS_PER_MS - 1) / NS_PER_MS, (int64_t)INT_MAX);
        }
        struct pollfd p = {.fd = fd, .events = events};
        int n = poll(&p, 1, ms);
        if (n > 0)
            return p.revents & POLLNVAL ? WF_E_IO : 0;
        if (n < 0 && errno != EINTR)
            return WF_E_IO;
    }
}

union one_fd_control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
};

/* Sends what is left of head and payload (`done` bytes are through) with the descriptor, which goes
 * with the first byte; bytes sent, or -1 and errno. */
static ssize_t send_with_fd(int fd, unsigned char *head, const char *p, size_t n, int pass_fd)
{
    struct iovec iov[2] = {{head, FRAME_HEAD_BYTES}, {(void *)(uintptr_t)p, n}};
    union one_fd_control control = {.bytes = {0}};
    struct msghdr m = {.msg_iov = iov,
                       .msg_iovlen = n > 0 ? 2 : 1, /* sendmsg only reads it */
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &pass_fd, sizeof(int));
    return sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The same without a descriptor: processes with a network may not make a sendmsg at all (so that
 * they can hand no connection to the core), and a short frame is one call. */
static ssize_t send_some(int fd, const unsigned char *head, const char *p, size_t n, size_t done)
{
    unsigned char small[FRAME_SMALL_BYTES];
    if (done >= FRAME_HEAD_BYTES)
        return send(fd, p + (done - FRAME_HEAD_BYTES), n - (done - FRAME_HEAD_BYTES),
                    MSG_NOSIGNAL | MSG_DONTWAIT);
    size_t taken = WF_MIN(n, sizeof(small) - FRAME_HEAD_BYTES);
    memcpy(small, head, FRAME_HEAD_BYTES);
    if (taken > 0)
        memcpy(small + FRAME_HEAD_BYTES, p, taken);
    return send(fd, small + done, FRAME_HEAD_BYTES + taken - done, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int wf_sock_send_frame(int fd, const void *p, size_t n, int pass_fd, int timeout_ms,
                       struct wf_err *err)
{
    if (n > WF_LIMIT_FRAME_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "a message of %zu bytes is over the %u allowed", n,
                          WF_LIMIT_FRAME_BYTES);
    unsigned char head[FRAME_HEAD_BYTES];
    for (size_t i = 0; i < sizeof(head); i++)
        head[i] = (unsigned char)(n >> (8 * i));
    int64_t deadline_ns = deadline_of(timeout_ms);
    size_t all = FRAME_HEAD_BYTES + n;
    for (size_t done = 0; done < all;) {
        ssize_t sent = done == 0 && pass_fd != -1 ? send_with_fd(fd, head, p, n, pass_fd)
                                                  : send_some(fd, head, p, n, done);
        if (sent >= 0) {
            done += (size_t)sent;
            continue;
        }
        if (errno == EINTR)
            continue;
        int r = errno == EAGAIN ? wait_for(fd, POLLOUT, deadline_ns) : WF_E_IO;
        if (r == WF_E_TIMEOUT)
            return wf_err_set(err, r, "the other process does not take messages");
        if (r != 0)
            return wf_err_set(err, r, "the other process is gone");
    }
    assert(n <= UINT32_MAX);
    return 0;
}

/* True for sockets of any kind but local ones. */
static bool is_foreign_socket(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return true; /* nothing that we could judge */
    int domain = -1;
    socklen_t len = sizeof(domain);
    return S_ISSOCK(st.st_mode) &&
           (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0 || domain != AF_UNIX);
}

/* Takes the descriptor out of a received message into *out_fd (-1 when there is none). */
static int take_fd(struct msghdr *m, int *out_fd, struct wf_err *err)
{
    int fd = -1;
    size_t n_fds = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= c->cmsg_len; at += sizeof(int)) {
            wf_file_close(&fd);
            memcpy(&fd, CMSG_DATA(c) + at, sizeof(int));
            n_fds++;
        }
    }
    if (n_fds == 0 && (m->msg_flags & MSG_CTRUNC))
        return wf_err_set(err, WF_E_LIMIT, "too many files are open to receive another");
    if (n_fds > 1 || (m->msg_flags & MSG_CTRUNC)) {
        wf_file_close(&fd);
        return wf_err_set(err, WF_E_FORMAT, "a message came with more than one descriptor");
    }
    if (fd != -1 && is_foreign_socket(fd)) {
        wf_file_close(&fd);
        return wf_err_set(err, WF_E_DENIED, "a message came with a network socket");
    }
    *out_fd = fd;
    return 0;
}

/* Receives at most n bytes, with the descriptor when io_fd is not NULL. *out_n is 0 when the peer
 * closed. 0, WF_E_TIMEOUT, or a failure with its sentence. */
static int recv_some(int fd, void *p, size_t n, int *io_fd, int64_t deadline_ns, size_t *out_n,
                     struct wf_err *err)
{
    struct iovec iov = {p, n};
    union one_fd_control control;
    for (;;) {
        struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
        if (io_fd) {
            m.msg_control = control.bytes;
            /* CMSG_SPACE would round up to room for a second one. */
            m.msg_controllen = CMSG_LEN(sizeof(int));
        }
        ssize_t got = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        if (got >= 0) {
            *out_n = (size_t)got;
            return io_fd ? take_fd(&m, io_fd, err) : 0;
        }
        if (errno == ECONNRESET) {
            *out_n = 0;
            return 0;
        }
        if (errno != EAGAIN && errno != EINTR)
            return wf_err_errno(err, errno, "cannot receive from the other process");
        int r = wait_for(fd, POLLIN, deadline_ns);
        if (r == WF_E_TIMEOUT)
            return wf_err_set(err, r, "the other process sends nothing");
        if (r != 0)
            return wf_err_set(err, r, "cannot wait for the other process");
    }
}

/* Turns what ends a frame in its midst into one failure. */
static int cut_off(int r, struct wf_err *err)
{
    if (r != 0 && r != WF_E_TIMEOUT)
        return r;
    return wf_err_set(err, WF_E_FORMAT, "the other process %s inside a message",
                      r == 0 ? "closed" : "stalled");
}

/* The payload's n bytes into `out`. */
static int recv_payload(int fd, struct wf_buf *out, size_t n, int64_t deadline_ns,
                        struct wf_err *err)
{
    while (out->len < n) {
        size_t step = WF_MIN(n - out->len, RECV_STEP_BYTES);
        int r = wf_buf_reserve(out, step);
        if (r != 0)
            return wf_err_set(err, r, "no memory for a message of %zu bytes", n);
        size_t got = 0;
        r = recv_some(fd, out->ptr + out->len, step, NULL, deadline_ns, &got, err);
        if (r != 0 || got == 0)
            return cut_off(r, err);
        wf_buf_commit(out, got);
    }
    return 0;
}

/* The four bytes of the head; *out_eof when the peer closed before the first. */
static int recv_head(int fd, size_t *out_n, int *out_fd, bool *out_eof, int timeout_ms,
                     struct wf_err *err)
{
    unsigned char head[FRAME_HEAD_BYTES];
    size_t got = 0;
    int r = recv_some(fd, head, 1, out_fd, deadline_of(timeout_ms), &got, err);
    if (r != 0)
        return r;
    if (got == 0) {
        *out_eof = true;
        return 0;
    }
    int64_t deadline_ns = deadline_of(timeout_ms);
    for (size_t have = 1; have < sizeof(head); have += got) {
        r = recv_some(fd, head + have, sizeof(head) - have, NULL, deadline_ns, &got, err);
        if (r != 0 || got == 0)
            return cut_off(r, err);
    }
    *out_n = 0;
    for (size_t i = 0; i < sizeof(head); i++)
        *out_n |= (size_t)head[i] << (8 * i);
    return 0;
}

int wf_sock_recv_frame(int fd, struct wf_buf *out, int *out_fd, bool *out_eof, int timeout_ms,
                       struct wf_err *err)
{
    int came_fd = -1;
    bool eof = false;
    size_t n = 0;
    wf_buf_reset(out);
    int r = recv_head(fd, &n, &came_fd, &eof, timeout_ms, err);
    if (r == 0 && n > out->_max)
        r = wf_err_set(err, WF_E_LIMIT, "a message of %zu bytes is over the %zu allowed", n,
                       out->_max);
    if (r == 0 && !eof)
        r = recv_payload(fd, out, n, deadline_of(timeout_ms), err);
    if (r != 0 || !out_fd)
        wf_file_close(&came_fd);
    if (r != 0)
        return r;
    if (out_fd)
        *out_fd = came_fd;
    *out_eof = eof;
    return 0;
}

bool wf_sock_peer_is_me(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 || len != sizeof(peer))
        return false;
    /* pid 0: not a local socket, or a peer outside this PID namespace that cannot be known. */
    return peer.pid != 0 && (peer.uid == geteuid() || peer.uid == 0);
}
