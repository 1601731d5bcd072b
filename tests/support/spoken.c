/* SPDX-License-Identifier: Apache-2.0 */
/* Spoken: the event loop is run here, as far as there is something to do. */
#include "support/spoken.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/connection.h"
#include "http/http_internal.h"
#include "os/file.h"
#include "os/sock.h"
#include "support/played.h"

static struct wf_http *http;
static int listener = -1;
static uint16_t port; /* of the listener; the server believes another one */
static size_t n_own;  /* connections that are not a client's */

static void start(struct wf_op_context *ctx)
{
    struct wf_http_options o = {.ops = ctx,
                                .host = "127.0.0.1",
                                .port = SPOKEN_PORT,
                                .token = SPOKEN_TOKEN,
                                .first_code = SPOKEN_CODE,
                                .spool_dir = "/tmp",
                                .n_workers = 1,
                                .n_generators = 1};
    int rc = 0;
    if (listener < 0) {
        rc = wf_sock_listen_tcp("127.0.0.1", 0, &listener, &port, NULL);
    }
    assert(rc == 0);
    o.listen_fd = dup(listener); /* the server closes it */
    rc = wf_http_new(&o, &http, NULL);
    assert(rc == 0);
    n_own = http->n_connections;
}

int spoken_connect(void)
{
    struct linger at_once = {.l_onoff = 1}; /* no port stays in use */
    struct sockaddr_in a = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct wf_op_context *ctx = played_begin();
    if (http == NULL) {
        start(ctx);
    }
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int rc;
    while ((rc = connect(fd, (struct sockaddr *)&a, sizeof(a))) != 0 && errno == EADDRNOTAVAIL) {
        (void)poll(NULL, 0, 100); /* a fuzzer can have all ports waiting for their end */
    }
    assert(rc == 0);
    rc = setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    assert(rc == 0);
    while (http->n_connections == n_own) {
        bool ok = wf_http__turn(http, false);
        assert(ok);
    }
    return fd;
}

/* False once the server has closed. */
static bool drain(int fd, struct wf_buf *out)
{
    char bytes[16u << 10];
    ssize_t n;
    while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
        int rc = out != NULL ? wf_buf_append(out, bytes, (size_t)n) : 0;
        assert(rc == 0);
    }
    return n < 0;
}

/* True while a worker has a request: the head is whole, and the answer is not. */
static bool is_busy(void)
{
    bool busy = false;
    struct wf_list *it, *tmp;
    WF_LIST_EACH(it, tmp, &http->clients)
    {
        struct wf_connection *c = WF_CONTAINER(it, struct wf_connection, node);
        busy = busy || (c->dispatched && !c->is_events);
    }
    return busy;
}

static bool has_unread(int fd)
{
    int n = 0;
    return ioctl(fd, TIOCOUTQ, &n) == 0 && n > 0;
}

bool spoken_say(int fd, struct wf_str bytes, struct wf_buf *out)
{
    bool open = bytes.len == 0 || send(fd, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
    for (int n_idle = 0; open && n_idle < 4;) {
        bool ok = wf_http__turn(http, !is_busy());
        assert(ok);
        open = drain(fd, out);
        n_idle = is_busy() || has_unread(fd) ? 0 : n_idle + 1;
    }
    return open;
}

void spoken_close(int fd)
{
    wf_file_close(&fd);
    while (http->n_connections > n_own) {
        bool ok = wf_http__turn(http, true);
        assert(ok);
    }
    if (played_is_full()) {
        spoken_stop();
    }
}

void spoken_stop(void)
{
    wf_http_free(http);
    http = NULL;
    played_end();
}
