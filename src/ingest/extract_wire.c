/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between client, spawner and workers: one system call each way.
 *
 * sock.h's frames refuse sockets that are handed over and take three reads a message; here a
 * socket to a worker is what the core asks for, and a small document costs little more than its
 * messages. So these are their own: client and spawner talk over SOCK_SEQPACKET (a message is a
 * message); a document's name goes to a worker over its stream socket in one piece, and the worker
 * gets the next one only after it has answered, so one receive gives exactly one.
 *
 * A socket that comes must be of this machine (AF_UNIX): the core has no network and takes none. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ingest/extract_internal.h"
#include "os/file.h"

union control {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

int wf_extract__pair(bool packets, int out_fds[2])
{
    int type = (packets ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC;
    return socketpair(AF_UNIX, type, 0, out_fds) == 0 ? 0 : WF_E_IO;
}

int wf_extract__send(int fd, const void *p, size_t n, int pass_fd)
{
    union control control;
    struct iovec iov = {.iov_base = (void *)(uintptr_t)p, .iov_len = n};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    assert(n > 0);
    if (pass_fd >= 0) {
        memset(&control, 0, sizeof(control));
        m.msg_control = control.bytes;
        m.msg_controllen = sizeof(control.bytes);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &pass_fd, sizeof(int));
    }
    ssize_t got;
    do {
        got = sendmsg(fd, &m, MSG_NOSIGNAL);
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)n ? 0 : WF_E_IO;
}

static bool is_allowed(int fd, bool want_socket)
{
    int domain = 0;
    socklen_t n = sizeof(domain);
    bool is_socket = getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) == 0;
    return want_socket ? is_socket && domain == AF_UNIX : !is_socket;
}

int wf_extract__recv(int fd, void *p, size_t n_max, size_t *out_n, bool want_socket, int *out_fd)
{
    union control control;
    struct iovec iov = {.iov_base = p, .iov_len = n_max};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    m.msg_control = control.bytes;
    m.msg_controllen = CMSG_LEN(sizeof(int)); /* no room for a second descriptor */
    ssize_t got;
    do {
        got = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    int passed = -1;
    struct cmsghdr *c = got >= 0 ? CMSG_FIRSTHDR(&m) : NULL;
    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
        c->cmsg_len == CMSG_LEN(sizeof(int))) {
        memcpy(&passed, CMSG_DATA(c), sizeof(int));
    }
    bool cut = (m.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0;
    if (got < 0 || cut || (passed >= 0 && (out_fd == NULL || !is_allowed(passed, want_socket)))) {
        wf_file_close(&passed);
        return WF_E_IO;
    }
    *out_n = (size_t)got;
    if (out_fd != NULL) {
        *out_fd = passed;
    }
    return 0;
}
