/* SPDX-License-Identifier: Apache-2.0 */
/* The local socket: any frames of JSON, as a client that may be anything sends them. Operations run
 * on a real store; what would start a worker is played (support/played.h).
 *
 * Every line is a frame; one that begins with "+" comes with a descriptor. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "daemon/serve.h"
#include "os/file.h"
#include "os/sock.h"
#include "support/played_here.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES_MAX 24

/* ---- the client ---- */

static const char last[] = "{\"op\":\"the last\"}";

static void send_line(int fd, struct wf_str line)
{
    int pass_fd = -1;
    int rc;
    if (wf_str_starts(line, WF_STR("+"))) {
        line = wf_str_sub(line, 1, line.len);
        pass_fd = memfd_create("fuzz", MFD_CLOEXEC);
        ssize_t n = write(pass_fd, "Plain words. More words.\n", 25);
        assert(n == 25);
    }
    rc = wf_sock_send_frame(fd, line.len > 0 ? line.ptr : "", line.len, pass_fd, 5000, NULL);
    (void)rc; /* the other side may have hung up */
    wf_file_close(&pass_fd);
}

struct client {
    int fd;
    struct wf_str input;
};

/* Sends all, reads answers until that to the last frame, or until the other side hangs up. */
static void *client_main(void *ud)
{
    struct client *c = ud;
    struct wf_str line;
    struct wf_buf in;
    for (size_t i = 0; i < LINES_MAX && wf_str_line(&c->input, &line); i++) {
        send_line(c->fd, line);
    }
    send_line(c->fd, WF_STR("{\"end\":true}")); /* of adding, if that is under way */
    send_line(c->fd, wf_str_from(last));
    wf_buf_init(&in, WF_LIMIT_FRAME_BYTES);
    for (bool eof = false; !eof;) {
        if (wf_sock_recv_frame(c->fd, &in, NULL, &eof, 0, NULL) != 0 ||
            wf_str_find(wf_buf_str(&in), WF_STR("the last"), 0) != SIZE_MAX) {
            break;
        }
    }
    wf_buf_deinit(&in);
    wf_file_close(&c->fd);
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct client c = {.input = wf_str_n((const char *)data, size)};
    pthread_t thread;
    int fds[2];
    struct wf_op_context *ctx = played_begin();
    int rc = wf_sock_pair(fds, NULL);
    assert(rc == 0);
    c.fd = fds[0];
    rc = pthread_create(&thread, NULL, client_main, &c);
    assert(rc == 0);
    wf_serve_conn(ctx, fds[1]);
    wf_file_close(&fds[1]);
    pthread_join(thread, NULL);
    if (played_is_full()) {
        played_end();
    }
    return 0;
}
