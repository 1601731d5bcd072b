/* Local sockets: framed messages with descriptors between weft's own processes.
 *
 * A frame on a stream socket: u32 length (little endian) of the payload, then the payload; at most
 * one descriptor travels with the first byte of a frame (SCM_RIGHTS). Thread rule: owner. */
#ifndef WF_OS_SOCK_H
#define WF_OS_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* A connected pair of AF_UNIX stream sockets, close-on-exec. */
int wf_sock_pair(int out_fds[2], struct wf_err *err) WF_MUST_USE;

/* Listens at `path` (an old socket file is replaced, another kind of file is WF_E_EXIST; nobody but
 * the owner may connect at any moment), or connects to it. Paths may be longer than the 107 bytes
 * of a socket address where /proc is mounted, their last part not.
 * Connect: WF_E_NOENT when nothing listens there. */
int wf_sock_listen_unix(const char *path, int *out_fd, struct wf_err *err) WF_MUST_USE;
int wf_sock_connect_unix(const char *path, int *out_fd, struct wf_err *err) WF_MUST_USE;

/* Listens on TCP host:port (numeric IPv4 or IPv6 host; port 0 = any free one). *out_port is the
 * real one. WF_E_BUSY when the port is taken, WF_E_INVAL when `host` is no address. */
int wf_sock_listen_tcp(const char *host, uint16_t port, int *out_fd, uint16_t *out_port,
                       struct wf_err *err) WF_MUST_USE;

/* Sends one frame; `pass_fd` is -1 or a descriptor to hand over (the caller keeps its own).
 * Blocks while the peer is slow, at most timeout_ms (0 = for ever). After a failure other than
 * WF_E_LIMIT the connection is of no use: close it. Errors: WF_E_TIMEOUT, WF_E_IO (the peer is
 * gone), WF_E_LIMIT (n is over WF_LIMIT_FRAME_BYTES; nothing was sent). */
int wf_sock_send_frame(int fd, const void *p, size_t n, int pass_fd, int timeout_ms,
                       struct wf_err *err) WF_MUST_USE;

/* Receives one frame into `out` (reset first; its maximum is the limit) and the descriptor that
 * came with it, or -1, into *out_fd (out_fd NULL: a descriptor that comes is closed).
 * *out_eof is true, and the result 0, when the peer closed between frames.
 * Waits at most timeout_ms (0 = for ever) for a frame to begin and as long again for its end.
 * A descriptor that is a socket other than AF_UNIX is closed and refused: another process could
 * hand over a connected one, and the core has no network. Errors: WF_E_TIMEOUT (no frame began: the
 * connection goes on). After the others the connection is of no use, close it: WF_E_LIMIT (also:
 * too many open files for the descriptor), WF_E_FORMAT (closed or stalled inside a frame; several
 * descriptors), WF_E_DENIED (a network socket
 * came), WF_E_NOMEM, WF_E_IO. */
int wf_sock_recv_frame(int fd, struct wf_buf *out, int *out_fd, bool *out_eof, int timeout_ms,
                       struct wf_err *err) WF_MUST_USE;

/* True when the peer of the AF_UNIX socket runs under this process's user id (or is root). */
bool wf_sock_peer_is_me(int fd);

#endif
