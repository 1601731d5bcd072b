/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of the local socket: whatever a core says (it reads documents, and may have
 * been taken over by one), the command ends with a result or a reason.
 *
 * The first byte chooses the conversation (an operation, or adding three files); every line behind
 * it is a frame of the core. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/add.h"
#include "daemon/client.h"
#include "daemon/home.h"
#include "daemon/walk.h"
#include "os/file.h"
#include "os/sock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct wf_home home;
static int listener = -1;

static void listen_once(void)
{
    static char dir[] = "/tmp/weft-client-XXXXXX";
    if (listener >= 0) {
        return;
    }
    char *made = mkdtemp(dir);
    assert(made != NULL);
    int rc = wf_home_init(&home, dir, NULL);
    rc = rc == 0 ? wf_home_create(&home, NULL) : rc;
    rc = rc == 0 ? wf_sock_listen_unix(home.socket, &listener, NULL) : rc;
    assert(rc == 0);
}

/* Says all, then reads until the client has gone. */
static void *core_main(void *ud)
{
    struct wf_str *lines = ud, line;
    char bytes[4096];
    int fd = accept(listener, NULL, NULL);
    assert(fd >= 0);
    int rc = wf_sock_send_frame(fd, "{\"hello\":{}}", 12, -1, 5000, NULL);
    while (rc == 0 && wf_str_line(lines, &line)) {
        rc = wf_sock_send_frame(fd, line.len > 0 ? line.ptr : "", line.len, -1, 5000, NULL);
    }
    (void)shutdown(fd, SHUT_WR); /* the client may have gone */
    while (recv(fd, bytes, sizeof(bytes), 0) > 0) {
    }
    wf_file_close(&fd);
    return NULL;
}

static int on_event(void *ud, const char *event, const json_t *data)
{
    (void)ud;
    (void)data;
    return event[0] == 'x';
}

static void on_progress(void *ud, const struct wf_add_progress *p)
{
    (void)ud;
    assert(p->path == NULL || p->path[0] == '/');
}

static void talk(struct wf_client *c, unsigned kind)
{
    struct wf_walk_file files[] = {{.path = "/proc/self/exe", .bytes = 10},
                                   {.path = "/dev/null"},
                                   {.path = "/none", .bytes = 7}};
    struct wf_walk w = {.files = files, .n_files = 3, .bytes = 17};
    struct wf_add_options o = {.fn = on_progress};
    struct wf_client_call call = {.op = "ask", .fd = -1, .fn = on_event};
    struct wf_err err = WF_ERR_INIT;
    struct wf_add_result result = {.n_added = 0};
    json_t *v = NULL;
    int rc =
        kind % 2 != 0 ? wf_add_files(c, &w, &o, &result, &err) : wf_client_run(c, &call, &v, &err);
    assert(rc == 0 || err.msg[0] != '\0');
    assert(rc != 0 || kind % 2 != 0 || v != NULL);
    json_decref(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct wf_client_options o = {.program = NULL};
    struct wf_str lines = wf_str_n((const char *)data, size);
    struct wf_client *c = NULL;
    pthread_t thread;
    lines = wf_str_sub(lines, 1, size);
    listen_once();
    int rc = pthread_create(&thread, NULL, core_main, &lines);
    assert(rc == 0);
    rc = wf_client_open(&home, &o, &c, NULL);
    assert(rc == 0);
    talk(c, size > 0 ? data[0] : 0u);
    wf_client_close(c);
    pthread_join(thread, NULL);
    return 0;
}
