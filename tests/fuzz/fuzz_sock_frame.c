/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a peer's frames, sent in any pieces, with descriptors where none belong: what is
 * received is what a plain reading of the bytes gives, and no descriptor is lost.
 *
 * The first four bytes steer: the receiver's limit / 4, the size of the pieces, the piece that
 * descriptors go with (0 = none), how many and whether they are sockets. */
#include <assert.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/config.h"
#include "os/file.h"
#include "os/sock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STREAM_BYTES_MAX 50000
/* Each takes a buffer of the kernel's, of which a socket has some 270. */
#define PIECES_MAX 128

static void send_piece(int sock, const uint8_t *p, size_t n, const int *fds, size_t n_fds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(4 * sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec iov = {(void *)(uintptr_t)p, n};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    if (n_fds > 0) {
        m.msg_control = control.bytes;
        m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
    }
    ssize_t sent = sendmsg(sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
    assert(sent == (ssize_t)n);
}

/* Receives all and compares with the bytes; returns descriptors that came. */
static void receive_all(int sock, const uint8_t *p, size_t n, size_t max, bool has_fds)
{
    struct wf_buf b;
    wf_buf_init(&b, max);
    for (size_t at = 0;;) {
        int fd = -2;
        bool eof = false;
        int r = wf_sock_recv_frame(sock, &b, &fd, &eof, 1000, NULL);
        if (r == WF_E_DENIED || (r == WF_E_FORMAT && has_fds)) {
            assert(has_fds && fd == -2);
            break;
        }
        size_t left = n - at;
        if (left == 0) {
            assert(r == 0 && eof && fd == -1);
            break;
        }
        uint32_t len = 0;
        for (size_t i = 0; i < 4 && i < left; i++)
            len |= (uint32_t)p[at + i] << (8 * i);
        if (left < 4) {
            assert(r == WF_E_FORMAT && fd == -2);
            break;
        }
        if (len > max) {
            assert(r == WF_E_LIMIT && fd == -2);
            break;
        }
        if (left - 4 < len) {
            assert(r == WF_E_FORMAT && fd == -2);
            break;
        }
        assert(r == 0 && !eof && b.len == len);
        assert(len == 0 || memcmp(b.ptr, p + at + 4, len) == 0);
        assert(fd == -1 || has_fds);
        wf_file_close(&fd);
        at += 4 + len;
    }
    wf_buf_deinit(&b);
}

static int lowest_free_fd(void)
{
    int fd = dup(0);
    assert(fd >= 0);
    close(fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return -1;
    size_t max = (size_t)data[0] * 4;
    size_t piece = (size_t)data[1] + 1;
    size_t i_fds = data[2];
    size_t n_fds = i_fds ? (size_t)(data[3] & 3) + 1 : 0;
    int domain = data[3] & 8 ? AF_INET : AF_UNIX;
    const uint8_t *p = data + 4;
    size_t n = WF_MIN(size - 4, (size_t)STREAM_BYTES_MAX);
    piece = WF_MAX(piece, n / PIECES_MAX + 1);

    int before = lowest_free_fd();
    int pair[2];
    int r = wf_sock_pair(pair, NULL);
    assert(r == 0);
    int extra = data[3] & 4 ? socket(domain, SOCK_STREAM, 0) : open("/dev/null", O_RDONLY);
    assert(extra >= 0);
    const int fds[4] = {extra, extra, extra, extra};
    for (size_t at = 0, i = 1; at < n; at += piece, i++)
        send_piece(pair[0], p + at, WF_MIN(piece, n - at), fds, i == i_fds ? n_fds : 0);
    wf_file_close(&extra);
    wf_file_close(&pair[0]);
    receive_all(pair[1], p, n, max, n_fds > 0);
    wf_file_close(&pair[1]);
    assert(lowest_free_fd() == before);
    return 0;
}
