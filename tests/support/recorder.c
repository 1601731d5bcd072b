/* SPDX-License-Identifier: Apache-2.0 */
/* The provider that tests and benches speak to: a poll loop on loopback. */
#include "support/recorder.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "os/file.h"
#include "os/sock.h"

#define CONNECTIONS_MAX 1100
#define REQUEST_BYTES_MAX ((size_t)16 << 20)
#define KEPT_BYTES_MAX ((size_t)512 << 20)
#define SAID_BYTES_MAX 200000
#define PIECE_BYTES 7 /* an answer comes in pieces of so many bytes */

struct connection {
    int fd;
    struct wf_buf in;
};

struct recorder {
    struct recorder_options o;
    int listener, stop_fds[2];
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t lock;
    size_t n_connections, n_requests, n_bytes;
    struct wf_buf kept;
    struct connection *all; /* [n] */
    size_t n;
    size_t dies_at; /* guarded by lock, like o.status */
};

/* Benches use this, too, which know no cmocka. */
static void need(bool ok)
{
    if (ok)
        return;
    (void)fprintf(stderr, "recorder: it cannot be set up\n");
    abort();
}

/* ---- one answer ---- */

/* The value of the last "content" in a body: bytes within its quotes. */
static struct wf_str last_content(struct wf_str body)
{
    static const char name[] = "\"content\":";
    struct wf_str found = WF_STR("");

    for (size_t at = 0; at + sizeof(name) < body.len; at++) {
        if (memcmp(body.ptr + at, name, sizeof(name) - 1) != 0)
            continue;
        size_t from = at + sizeof(name) - 1;
        while (from < body.len && body.ptr[from] == ' ')
            from++;
        if (from >= body.len || body.ptr[from] != '"')
            continue;
        size_t to = from + 1;
        while (to < body.len && body.ptr[to] != '"')
            to += body.ptr[to] == '\\' ? 2 : 1;
        found = wf_str_sub(body, from + 1, WF_MIN(to, body.len));
    }
    return found;
}

/* Where a piece of JSON text may end: not within an escape or a character. */
static size_t piece_end(struct wf_str s, size_t at)
{
    size_t end = at;

    while (end < s.len && end - at < PIECE_BYTES) {
        if (s.ptr[end] == '\\')
            end += end + 1 < s.len && s.ptr[end + 1] == 'u' ? 6 : 2;
        else
            end++;
        while (end < s.len && ((unsigned char)s.ptr[end] & 0xc0) == 0x80)
            end++;
    }
    return WF_MIN(end, s.len);
}

static void put_stream(const struct recorder *r, struct wf_str said, size_t dies_at,
                       struct wf_buf *out)
{
    static const char head[] =
        "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,"
        "\"model\":\"stub\",\"choices\":[{\"index\":0,\"delta\":";

    for (size_t at = 0; at < said.len;) {
        size_t end = piece_end(said, at);
        if (end > dies_at)
            return;
        (void)wf_buf_appendf(out, "%s{\"content\":\"%.*s\"},\"finish_reason\":null}]}\n\n", head,
                             WF_STR_ARG(wf_str_sub(said, at, end)));
        at = end;
        if (r->o.hangs)
            return;
    }
    (void)wf_buf_appendf(
        out,
        "%s{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"id\":\"c\",\"object\":"
        "\"chat.completion.chunk\",\"created\":1,\"model\":\"stub\",\"choices\":[],"
        "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,"
        "\"total_tokens\":15}}\n\ndata: [DONE]\n\n",
        head);
}

/* False: the connection is to be closed. */
static bool answer(struct recorder *r, int fd, struct wf_str body)
{
    bool streams = memmem(body.ptr, body.len, "\"stream\":true", 13) != NULL ||
                   memmem(body.ptr, body.len, "\"stream\": true", 14) != NULL;
    struct wf_str said = r->o.says ? wf_str_from(r->o.says) : last_content(body);
    struct wf_buf text, out;
    int status;
    size_t dies_at;

    pthread_mutex_lock(&r->lock);
    status = r->o.status ? r->o.status : 200;
    dies_at = r->dies_at;
    pthread_mutex_unlock(&r->lock);
    if (status < 0)
        return true;

    wf_buf_init(&text, REQUEST_BYTES_MAX * 16);
    wf_buf_init(&out, REQUEST_BYTES_MAX * 16);
    said = wf_str_sub(said, 0, WF_MIN(said.len, (size_t)SAID_BYTES_MAX));
    if (status != 200)
        (void)wf_buf_append_cstr(&text, "{\"error\":{\"message\":\"not now\",\"type\":\"x\"}}");
    else if (streams)
        put_stream(r, said, dies_at, &text);
    else
        (void)wf_buf_appendf(&text,
                             "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":"
                             "\"stub\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
                             "\"assistant\",\"content\":\"%.*s\"},\"finish_reason\":\"stop\"}],"
                             "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,"
                             "\"total_tokens\":15}}",
                             WF_STR_ARG(said));
    (void)wf_buf_appendf(&out, "HTTP/1.1 %d X\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
                         status, streams ? "text/event-stream" : "application/json",
                         text.len + (r->o.hangs || dies_at != SIZE_MAX ? 1000 : 0));
    (void)wf_buf_append_str(&out, wf_buf_str(&text));
    for (size_t at = 0; at < out.len;) {
        ssize_t n = send(fd, out.ptr + at, out.len - at, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    wf_buf_deinit(&text);
    wf_buf_deinit(&out);
    return dies_at == SIZE_MAX;
}

/* ---- requests ---- */

static size_t content_length(struct wf_str head)
{
    static const char name[] = "content-length:";

    for (size_t at = 0; at + sizeof(name) < head.len; at++) {
        if (strncasecmp(head.ptr + at, name, sizeof(name) - 1) == 0)
            return (size_t)strtoul(head.ptr + at + sizeof(name) - 1, NULL, 10);
    }
    return 0;
}

/* Takes the requests that are whole; false: the connection is to be closed. */
static bool take(struct recorder *r, struct connection *c)
{
    for (;;) {
        const char *end = memmem(c->in.ptr, c->in.len, "\r\n\r\n", 4);
        if (end == NULL)
            return true;
        size_t head = (size_t)(end - c->in.ptr) + 4;
        size_t body = content_length(wf_str_n(c->in.ptr, head));
        if (c->in.len < head + body)
            return true;
        pthread_mutex_lock(&r->lock);
        r->n_requests++;
        pthread_mutex_unlock(&r->lock);
        if (!answer(r, c->fd, wf_str_n(c->in.ptr + head, body)))
            return false;
        wf_buf_consume(&c->in, head + body);
    }
}

static bool hear(struct recorder *r, struct connection *c)
{
    ssize_t n;

    if (wf_buf_reserve(&c->in, 65536) != 0)
        return false;
    n = recv(c->fd, c->in.ptr + c->in.len, 65536, 0);
    if (n <= 0)
        return false;
    pthread_mutex_lock(&r->lock);
    r->n_bytes += (size_t)n;
    if (r->o.keeps)
        (void)wf_buf_append(&r->kept, c->in.ptr + c->in.len, (size_t)n);
    pthread_mutex_unlock(&r->lock);
    wf_buf_commit(&c->in, (size_t)n);
    return take(r, c);
}

static void *serve(void *ud)
{
    struct recorder *r = ud;
    struct pollfd *p = wf_alloc_array(CONNECTIONS_MAX + 2, sizeof(*p));

    while (p != NULL) {
        p[0] = (struct pollfd){.fd = r->listener, .events = POLLIN};
        p[1] = (struct pollfd){.fd = r->stop_fds[0], .events = POLLIN};
        for (size_t i = 0; i < r->n; i++)
            p[i + 2] = (struct pollfd){.fd = r->all[i].fd, .events = POLLIN};
        size_t n = r->n;
        if (poll(p, n + 2, -1) < 0 && errno != EINTR)
            break;
        if (p[1].revents != 0)
            break;
        for (size_t i = n; i > 0; i--) {
            struct connection *c = &r->all[i - 1];
            if (p[i + 1].revents == 0 || hear(r, c))
                continue;
            close(c->fd);
            wf_buf_deinit(&c->in);
            *c = r->all[--r->n];
        }
        if (p[0].revents != 0 && r->n < CONNECTIONS_MAX) {
            int fd = accept(r->listener, NULL, NULL);
            struct connection *c = &r->all[r->n];
            if (fd < 0)
                continue;
            c->fd = fd;
            wf_buf_init(&c->in, REQUEST_BYTES_MAX);
            r->n++;
            pthread_mutex_lock(&r->lock);
            r->n_connections++;
            pthread_mutex_unlock(&r->lock);
        }
    }
    wf_free(p);
    return NULL;
}

struct recorder *recorder_start(const struct recorder_options *o)
{
    struct recorder *r = wf_alloc_array(1, sizeof(*r));

    need(r != NULL);
    r->o = *o;
    r->dies_at = SIZE_MAX;
    r->all = wf_alloc_array(CONNECTIONS_MAX, sizeof(*r->all));
    need(r->all != NULL);
    wf_buf_init(&r->kept, KEPT_BYTES_MAX);
    pthread_mutex_init(&r->lock, NULL);
    need(wf_sock_listen_tcp("127.0.0.1", 0, &r->listener, &r->port, NULL) == 0);
    need(wf_sock_pair(r->stop_fds, NULL) == 0);
    need(pthread_create(&r->thread, NULL, serve, r) == 0);
    return r;
}

void recorder_stop(struct recorder *r)
{
    (void)shutdown(r->stop_fds[1], SHUT_RDWR); /* the thread sees it and ends */
    pthread_join(r->thread, NULL);
    for (size_t i = 0; i < r->n; i++) {
        close(r->all[i].fd);
        wf_buf_deinit(&r->all[i].in);
    }
    wf_file_close(&r->stop_fds[0]);
    wf_file_close(&r->stop_fds[1]);
    wf_file_close(&r->listener);
    wf_buf_deinit(&r->kept);
    pthread_mutex_destroy(&r->lock);
    wf_free(r->all);
    wf_free(r);
}

uint16_t recorder_port(const struct recorder *r)
{
    return r->port;
}

void recorder_set(struct recorder *r, int status, size_t dies_at)
{
    pthread_mutex_lock(&r->lock);
    r->o.status = status;
    r->dies_at = dies_at;
    pthread_mutex_unlock(&r->lock);
}

static size_t counted(struct recorder *r, const size_t *what)
{
    pthread_mutex_lock(&r->lock);
    size_t n = *what;
    pthread_mutex_unlock(&r->lock);
    return n;
}

size_t recorder_n_connections(struct recorder *r)
{
    return counted(r, &r->n_connections);
}

size_t recorder_n_requests(struct recorder *r)
{
    return counted(r, &r->n_requests);
}

size_t recorder_n_bytes(struct recorder *r)
{
    return counted(r, &r->n_bytes);
}

static bool is_word(char ch)
{
    return (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
           (unsigned char)ch >= 0x80;
}

/* Letters and digits of s alone, in lower case. */
static void bare(struct wf_str s, bool loosely, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        char ch = s.ptr[i];
        if (!loosely || is_word(ch))
            (void)wf_buf_append_byte(out, ch >= 'A' && ch <= 'Z' ? (char)(ch + 32) : ch);
    }
}

bool recorder_holds(struct recorder *r, struct wf_str text, bool loosely)
{
    struct wf_buf hay, needle;
    bool found;

    wf_buf_init(&hay, KEPT_BYTES_MAX);
    wf_buf_init(&needle, KEPT_BYTES_MAX);
    pthread_mutex_lock(&r->lock);
    bare(wf_buf_str(&r->kept), loosely, &hay);
    pthread_mutex_unlock(&r->lock);
    bare(text, loosely, &needle);
    need(needle.len > 0);
    found = memmem(hay.ptr, hay.len, needle.ptr, needle.len) != NULL;
    wf_buf_deinit(&hay);
    wf_buf_deinit(&needle);
    return found;
}

char *recorder_bytes(struct recorder *r, size_t *out_len)
{
    pthread_mutex_lock(&r->lock);
    char *copy = wf_memdup0(r->kept.ptr, r->kept.len);
    *out_len = r->kept.len;
    pthread_mutex_unlock(&r->lock);
    return copy;
}
