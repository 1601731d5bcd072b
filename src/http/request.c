/* SPDX-License-Identifier: Apache-2.0 */
/* The answer's queue, and the forms an answer can have.
 *
 * A worker fills `out` up to QUEUE_BYTES and waits; the event thread empties it as the client
 * reads. An event stream is lossy instead: whoever does not read misses events, nobody waits for
 * them. Invariant: after `ended` nothing is queued; after `closed` nothing is written. */
#include "http/request.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "http/face.h"
#include "http/http_internal.h"
#include "op/json.h"
#include "os/file.h"

#define QUEUE_BYTES ((size_t)256 << 10)
#define LOSSY_BYTES ((size_t)64 << 10)
#define HEAD_BYTES_MAX 4096
#define PATH_BYTES_MAX 4096

struct wf_request *wf_request_new(struct wf_http *h)
{
    struct wf_request *r = wf_alloc_array(1, sizeof(*r));

    if (!r)
        return NULL;
    r->http = h;
    r->n_refs = 1;
    r->file_fd = -1;
    r->start_ns = wf_clock_mono_ns(NULL);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->room, NULL);
    wf_list_init(&r->uploads);
    wf_buf_init(&r->path, PATH_BYTES_MAX);
    wf_buf_init(&r->body, WF_LIMIT_HTTP_JSON_BYTES);
    wf_buf_init(&r->head, HEAD_BYTES_MAX);
    wf_buf_init(&r->out, WF_LIMIT_FRAME_BYTES);
    r->query = json_object();
    if (!r->query) {
        wf_request_unref(r);
        return NULL;
    }
    return r;
}

void wf_request_ref(struct wf_request *r)
{
    pthread_mutex_lock(&r->lock);
    r->n_refs++;
    pthread_mutex_unlock(&r->lock);
}

void wf_request_unref(struct wf_request *r)
{
    struct wf_list *it, *tmp;
    unsigned n;

    pthread_mutex_lock(&r->lock);
    assert(r->n_refs > 0);
    n = --r->n_refs;
    pthread_mutex_unlock(&r->lock);
    if (n > 0)
        return;
    WF_LIST_EACH(it, tmp, &r->uploads)
    {
        struct wf_upload *u = WF_CONTAINER(it, struct wf_upload, node);
        wf_file_close(&u->fd);
        wf_free(u->name);
        wf_free(u);
    }
    wf_file_close(&r->file_fd);
    json_decref(r->query);
    wf_buf_deinit(&r->path);
    wf_buf_deinit(&r->body);
    wf_buf_deinit(&r->head);
    wf_buf_deinit(&r->out);
    pthread_cond_destroy(&r->room);
    pthread_mutex_destroy(&r->lock);
    wf_free(r);
}

bool wf_request_closed(struct wf_request *r)
{
    bool closed;

    pthread_mutex_lock(&r->lock);
    closed = r->closed;
    pthread_mutex_unlock(&r->lock);
    return closed;
}

void wf_request_on_change(struct wf_request *r, void (*fn)(void *ud), void *ud)
{
    pthread_mutex_lock(&r->lock);
    r->wake = fn;
    r->wake_ud = ud;
    pthread_mutex_unlock(&r->lock);
}

bool wf_request_has_room(struct wf_request *r)
{
    bool has;

    pthread_mutex_lock(&r->lock);
    has = r->closed || r->out.len < QUEUE_BYTES;
    r->wants_room = !has;
    pthread_mutex_unlock(&r->lock);
    return has;
}

void wf_request_close(struct wf_request *r)
{
    pthread_mutex_lock(&r->lock);
    r->closed = true;
    pthread_cond_broadcast(&r->room);
    if (r->wake)
        r->wake(r->wake_ud);
    pthread_mutex_unlock(&r->lock);
}

void wf_answer_header(struct wf_request *r, const char *name, const char *value)
{
    assert(!r->has_head);
    if (strpbrk(value, "\r\n"))
        return;
    wf_buf_append(&r->head, name, strlen(name) + 1);
    wf_buf_append(&r->head, value, strlen(value) + 1);
}

/* r->lock is held. */
static void begin(struct wf_request *r, int status, int64_t length)
{
    assert(!r->has_head);
    r->status = status;
    r->length = length;
    r->has_head = true;
}

void wf_answer_begin(struct wf_request *r, int status, const char *type, int64_t length)
{
    if (type)
        wf_answer_header(r, "content-type:", type);
    pthread_mutex_lock(&r->lock);
    begin(r, status, length);
    pthread_mutex_unlock(&r->lock);
    wf_http__wake(r->http);
}

/* Appends one piece that is known to fit. */
static int queue_piece(struct wf_request *r, const void *p, size_t n)
{
    char size[24];

    if (r->length < 0) {
        snprintf(size, sizeof(size), "%zx\r\n", n);
        wf_buf_append_cstr(&r->out, size);
    }
    wf_buf_append(&r->out, p, n);
    if (r->length < 0)
        wf_buf_append_cstr(&r->out, "\r\n");
    return wf_buf_status(&r->out);
}

int wf_answer_write(struct wf_request *r, const void *p, size_t n)
{
    const char *at = p;
    int rc = 0;

    pthread_mutex_lock(&r->lock);
    assert(r->has_head);
    if (r->lossy && r->out.len + n > LOSSY_BYTES)
        n = 0; /* dropped, see above */
    while (n > 0 && rc == 0) {
        size_t piece = WF_MIN(n, QUEUE_BYTES);
        while (!r->closed && r->out.len >= QUEUE_BYTES)
            pthread_cond_wait(&r->room, &r->lock);
        if (r->closed) {
            rc = WF_E_CANCELED;
            break;
        }
        rc = queue_piece(r, at, piece);
        at += piece;
        n -= piece;
        if (r->out.len >= QUEUE_BYTES || n > 0)
            wf_http__wake(r->http);
    }
    if (r->closed)
        rc = WF_E_CANCELED;
    pthread_mutex_unlock(&r->lock);
    wf_http__wake(r->http);
    return rc;
}

void wf_answer_file(struct wf_request *r, int status, int fd, off_t start, off_t end)
{
    wf_answer_header(r, "content-type:", "application/octet-stream");
    pthread_mutex_lock(&r->lock);
    assert(r->file_fd < 0);
    r->file_fd = fd;
    r->file_at = start;
    r->file_end = end;
    begin(r, status, end - start);
    r->ended = true;
    pthread_mutex_unlock(&r->lock);
    wf_http__wake(r->http);
}

void wf_answer_end(struct wf_request *r)
{
    pthread_mutex_lock(&r->lock);
    assert(r->has_head);
    if (r->length < 0 && !r->ended)
        wf_buf_append_cstr(&r->out, "0\r\n\r\n");
    r->ended = true;
    pthread_mutex_unlock(&r->lock);
    wf_http__wake(r->http);
}

void wf_answer_break(struct wf_request *r)
{
    pthread_mutex_lock(&r->lock);
    assert(r->has_head);
    r->broken = true;
    r->ended = true;
    pthread_mutex_unlock(&r->lock);
    wf_http__wake(r->http);
}

/* The whole answer is there at once: were its end told later, the client could have it all and send
 * its next request while this one still counts as not answered. */
void wf_answer_bytes(struct wf_request *r, int status, const char *type, struct wf_str bytes)
{
    int64_t length = (int64_t)bytes.len;

    /* It is in memory already, so waiting for room would gain nothing (and the event thread may not
     * wait at all). */
    if (type)
        wf_answer_header(r, "content-type:", type);
    pthread_mutex_lock(&r->lock);
    if (r->method != WF_HTTP_HEAD && wf_buf_append_str(&r->out, bytes) != 0) {
        wf_buf_reset(&r->out);
        status = 500;
        length = 0;
    }
    begin(r, status, length);
    r->ended = true;
    pthread_mutex_unlock(&r->lock);
    wf_http__wake(r->http);
}

void wf_answer_empty(struct wf_request *r, int status)
{
    wf_answer_bytes(r, status, NULL, wf_str_n(NULL, 0));
}

static const char no_memory[] =
    "{\"type\":\"about:blank\",\"title\":\"Internal Server Error\",\"status\":500,"
    "\"detail\":\"Out of memory.\",\"code\":\"NOMEM\"}";

static void answer_object(struct wf_request *r, int status, const char *type, json_t *v)
{
    struct wf_buf b;

    wf_buf_init(&b, WF_LIMIT_FRAME_BYTES);
    if (!v || wf_json_append(&b, v) != 0)
        wf_answer_bytes(r, 500, "application/problem+json",
                        wf_str_n(no_memory, sizeof(no_memory) - 1));
    else
        wf_answer_bytes(r, status, type, wf_buf_str(&b));
    wf_buf_deinit(&b);
    json_decref(v);
}

void wf_answer_json(struct wf_request *r, int status, json_t *v)
{
    answer_object(r, status, "application/json", v);
}

static const char *title_of(int status)
{
    static const struct {
        int status;
        const char *title;
    } titles[] = {
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {416, "Range Not Satisfiable"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {507, "Insufficient Storage"},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(titles); i++) {
        if (titles[i].status == status)
            return titles[i].title;
    }
    return "Internal Server Error";
}

void wf_answer_problem(struct wf_request *r, int status, const char *code, const char *detail,
                       json_t *more)
{
    json_t *v;

    if (status == 503 || status == 429 || status == 529) {
        char seconds[24];
        snprintf(seconds, sizeof(seconds), "%lld",
                 (long long)WF_MAX((r->retry_ms + 999) / 1000, 1));
        wf_answer_header(r, "retry-after:", seconds);
    }
    if (status == 401)
        wf_answer_header(r, "www-authenticate:", "Bearer realm=\"weft\"");
    if (r->face != WF_FACE_WEFT) {
        v = wf_face_error(r->face, &(struct wf_face_problem){.status = status,
                                                             .code = code,
                                                             .detail = detail,
                                                             .param = wf_json_text(more, "param"),
                                                             .reason = wf_json_text(more, "reason"),
                                                             .request_id = r->request_id});
        json_decref(more);
        answer_object(r, status, "application/json", v);
        return;
    }
    v = json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", "about:blank", "title", title_of(status),
                  "status", status, "detail", detail, "code", code);

    if (v && more)
        json_object_update(v, more);
    json_decref(more);
    answer_object(r, status, "application/problem+json", v);
}

static int status_of(int code)
{
    switch (code) {
    case WF_E_INVAL:
    case WF_E_RANGE:
        return 400;
    case WF_E_FORMAT:
    case WF_E_ENCRYPTED:
    case WF_E_UNSUPPORTED:
    case WF_E_CRASHED:
        return 422;
    case WF_E_NOENT:
        return 404;
    case WF_E_EXIST:
        return 409;
    case WF_E_LIMIT:
        return 413;
    case WF_E_BUSY:
    case WF_E_CANCELED:
        return 503;
    case WF_E_TIMEOUT:
        return 504;
    case WF_E_FULL:
        return 507;
    default:
        return 500;
    }
}

void wf_answer_error(struct wf_request *r, const struct wf_err *err)
{
    const char *name = wf_err_name(err->code);
    int status =
        r->face == WF_FACE_WEFT ? status_of(err->code) : wf_face_status(r->face, err->code);

    r->retry_ms = err->retry_ms;
    wf_answer_problem(r, status, strncmp(name, "WF_E_", 5) == 0 ? name + 5 : name, err->msg, NULL);
}

int wf_answer_event_text(struct wf_request *r, const char *event, const char *json)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_LIMIT_FRAME_BYTES);
    rc = wf_buf_appendf(&b, "event: %s\ndata: %s\n\n", event, json);
    if (rc == 0)
        rc = wf_answer_write(r, b.ptr, b.len);
    wf_buf_deinit(&b);
    return rc;
}

int wf_answer_event(struct wf_request *r, const char *event, const json_t *data)
{
    struct wf_buf json;
    int rc;

    wf_buf_init(&json, WF_LIMIT_FRAME_BYTES);
    rc = wf_json_append(&json, data);
    if (rc == 0)
        rc = wf_answer_event_text(r, event, json.ptr);
    wf_buf_deinit(&json);
    return rc;
}
