/* SPDX-License-Identifier: Apache-2.0 */
/* One connection, one request at a time:
 *
 *   head arrives -> guard -> route -> (body arrives) -> worker answers -> written -> next, or
 * closed
 *
 * What the guard or the limits refuse before the body has been read closes the connection
 * afterwards, since the rest of the body would be taken for the next request. Every wait has a
 * time-out: the head's and the body's arrival, and a client that does not read. Only the time that
 * our own workers take has none. */
#include "http/connection.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/rng.h"
#include "http/face.h"
#include "http/http_internal.h"
#include "op/json.h"
#include "op/phones.h"

#define WRITE_BYTES ((size_t)32 << 10)
#define HEAD_BYTES 4096
#define IDLE_S 30 /* a client that sends or reads nothing for so long is cut off */

static const char content_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'";

/* Seconds that a client may say it waits; one that says more waits as if it had said nothing. */
#define PREFER_WAIT_MAX 86400

/* ---- the request's head ---- */

static bool copy_header(struct lws *wsi, enum lws_token_indexes token, char *out, size_t out_bytes)
{
    int n = lws_hdr_copy(wsi, out, (int)out_bytes, token);

    if (n < 0)
        out[0] = 0;
    return n >= 0; /* false: longer than there is room for */
}

static bool header_by_name(struct lws *wsi, const char *name, char *out, size_t out_bytes)
{
    int n = lws_hdr_custom_copy(wsi, out, (int)out_bytes, name, (int)strlen(name));

    if (n < 0)
        out[0] = 0;
    return n > 0;
}

/* Of "respond-async, wait=10" the ten seconds; 0 where there are none. */
static int64_t preferred_wait_ms(const char *text)
{
    const char *p = strcasestr(text, "wait=");
    long seconds = p != NULL ? strtol(p + 5, NULL, 10) : 0;

    return seconds > 0 && seconds <= PREFER_WAIT_MAX ? (int64_t)seconds * 1000 : 0;
}

static enum wf_http_method method_of(struct lws *wsi)
{
    static const struct {
        enum lws_token_indexes token;
        enum wf_http_method method;
    } methods[] = {
        {WSI_TOKEN_GET_URI, WF_HTTP_GET},         {WSI_TOKEN_HEAD_URI, WF_HTTP_HEAD},
        {WSI_TOKEN_POST_URI, WF_HTTP_POST},       {WSI_TOKEN_PUT_URI, WF_HTTP_PUT},
        {WSI_TOKEN_PATCH_URI, WF_HTTP_PATCH},     {WSI_TOKEN_DELETE_URI, WF_HTTP_DELETE},
        {WSI_TOKEN_OPTIONS_URI, WF_HTTP_OPTIONS},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(methods); i++) {
        if (lws_hdr_total_length(wsi, methods[i].token) > 0)
            return methods[i].method;
    }
    return WF_HTTP_OTHER;
}

/* Query arguments, decoded by libwebsockets, one fragment each; the last of a name wins. */
static bool read_query(struct lws *wsi, struct wf_request *r)
{
    char arg[2048];
    int n;

    for (int i = 0;
         (n = lws_hdr_copy_fragment(wsi, arg, sizeof(arg), WSI_TOKEN_HTTP_URI_ARGS, i)) >= 0; i++) {
        struct wf_str value = wf_str_n(arg, (size_t)n), name;
        json_t *text;
        if (n == 0)
            continue;
        if (!wf_str_split(&value, '=', &name))
            continue;
        text = wf_json_str(value);
        if (!text || json_object_setn_new(r->query, name.ptr, name.len, text) != 0)
            return false; /* not UTF-8, or out of memory */
    }
    return true;
}

static int64_t content_length(struct lws *wsi)
{
    char text[24];
    int64_t n;

    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) <= 0)
        return -1;
    if (!copy_header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, text, sizeof(text)) ||
        !wf_str_to_i64(wf_str_from(text), &n) || n < 0)
        return -2;
    return n;
}

/* Whether a token is right where the connection came in: the home's, or that of a phone, which goes
 * to *out_phone. */
static bool is_token(struct wf_http *h, struct lws *wsi, struct wf_str token, uint64_t *out_phone)
{
    if (!wf_lan_is(h->lan, wsi))
        return wf_guard_token_ok(&h->guard, token);
    if (lws_is_ssl(wsi))
        *out_phone = wf_phones_token(h->o.ops->phones, token);
    return *out_phone != 0;
}

/* Takes /t/TOKEN off the path; true when the token was right. */
static bool token_in_path(struct wf_http *h, struct lws *wsi, struct wf_buf *io_path,
                          uint64_t *out_phone)
{
    struct wf_str path = wf_buf_str(io_path), token;
    size_t end;
    bool ok;

    if (!wf_str_starts(path, WF_STR("/t/")))
        return false;
    end = wf_str_find_byte(path, '/', 3);
    if (end == SIZE_MAX)
        end = path.len;
    token = wf_str_sub(path, 3, end);
    ok = is_token(h, wsi, token, out_phone);
    wf_buf_consume(io_path, end);
    if (io_path->len == 0)
        wf_buf_append_byte(io_path, '/');
    return ok;
}

static bool has_token(struct wf_http *h, struct lws *wsi, bool is_friend, uint64_t *out_phone)
{
    static const char *const keys[] = {"x-api-key:", "api-key:"}; /* Anthropic's, Azure's clients */
    struct wf_str value;
    char text[256];
    size_t n = sizeof(text);

    if (copy_header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, text, sizeof(text))) {
        value = wf_str_trim(wf_str_from(text));
        if (wf_str_eq_nocase(wf_str_sub(value, 0, 7), WF_STR("bearer ")) &&
            is_token(h, wsi, wf_str_trim(wf_str_sub(value, 7, value.len)), out_phone))
            return true;
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(keys); i++) {
        if (header_by_name(wsi, keys[i], text, sizeof(text)) &&
            is_token(h, wsi, wf_str_trim(wf_str_from(text)), out_phone))
            return true;
    }
    if (is_friend) /* a cookie would be sent without its doing */
        return false;
    if (wf_lan_is(h->lan, wsi))
        return lws_http_cookie_get(wsi, wf_lan_cookie(h->lan), text, &n) == 0 &&
               is_token(h, wsi, wf_str_n(text, n), out_phone);
    if (lws_http_cookie_get(wsi, h->guard.cookie_name, text, &n) == 0)
        return wf_guard_cookie_ok(&h->guard, wf_str_n(text, n));
    return false;
}

static void refuse(struct wf_http *h, struct wf_request *r, int status, const char *code,
                   const char *detail)
{
    atomic_fetch_add_explicit(&h->counters.n_refused, 1, memory_order_relaxed);
    wf_answer_problem(r, status, code, detail, NULL);
}

static bool needs_token(const struct wf_request *r)
{
    struct wf_str path = wf_buf_str(&r->path);

    return r->face != WF_FACE_WEFT || wf_str_starts(path, WF_STR("/weft/")) ||
           wf_str_starts(path, WF_STR("/sync/")) || wf_str_eq(path, WF_STR("/metrics"));
}

static bool is_host(const struct wf_http *h, struct lws *wsi, const char *host)
{
    return wf_lan_is(h->lan, wsi) ? wf_lan_host_ok(h->lan, host)
                                  : wf_guard_host_ok(&h->guard, host);
}

static bool is_origin(const struct wf_http *h, struct lws *wsi, const char *origin)
{
    return wf_lan_is(h->lan, wsi) ? wf_lan_origin_ok(h->lan, origin, lws_is_ssl(wsi))
                                  : wf_guard_origin_ok(&h->guard, origin);
}

/* Without TLS a phone finds out how to trust the home CA, and does nothing else. */
static bool admit_plain(struct wf_http *h, struct lws *wsi, struct wf_request *r)
{
    bool reads = r->method == WF_HTTP_GET || r->method == WF_HTTP_HEAD;

    if (!r->is_lan || lws_is_ssl(wsi) || (reads && wf_lan_is_open_path(wf_buf_str(&r->path))))
        return true;
    if (reads && wf_str_eq(wf_buf_str(&r->path), WF_STR("/"))) {
        wf_answer_header(r, "location:", "/phone.html");
        wf_answer_empty(r, 303);
    } else {
        refuse(h, r, 403, "DENIED", "This is open to https alone.");
    }
    return false;
}

/* A token that was good once must not leave behind what it was shown. */
static void refuse_token(struct wf_http *h, struct wf_request *r)
{
    if (r->is_lan)
        wf_answer_header(r, "clear-site-data:", "\"cache\", \"storage\"");
    refuse(h, r, 401, "DENIED",
           r->is_lan ? "This browser is not let in. On the computer: weft phone"
                     : "The token is missing or wrong. It is the content of the file \"token\" in "
                       "weft's home: send it as \"Authorization: Bearer TOKEN\". For the page: "
                       "weft link.");
}

/* Origins that a person has allowed are told so (CORS, https://fetch.spec.whatwg.org/); what a
 * browser asks beforehand is answered here. False after having answered. */
static bool admit_friend(struct wf_http *h, struct wf_request *r, const char *origin)
{
    r->is_friend = !r->is_lan && wf_guard_is_friend(&h->guard, origin);
    if (!r->is_friend) {
        refuse(h, r, 403, "DENIED",
               "Pages of other origins may not use weft, but those of the setting \"origins\".");
        return false;
    }
    wf_answer_header(r, "access-control-allow-origin:", origin);
    wf_answer_header(r, "vary:", "origin");
    wf_answer_header(r, "access-control-expose-headers:", "x-weft-route, x-request-id");
    if (r->method != WF_HTTP_OPTIONS)
        return true;
    wf_answer_header(r, "access-control-allow-methods:", "GET, POST, PUT, PATCH, DELETE");
    wf_answer_header(r, "access-control-allow-headers:",
                     "authorization, content-type, x-api-key, api-key, anthropic-version, "
                     "anthropic-beta, anthropic-dangerous-direct-browser-access, openai-beta, "
                     "openai-organization, openai-project, x-stainless-arch, x-stainless-lang, "
                     "x-stainless-os, x-stainless-package-version, x-stainless-retry-count, "
                     "x-stainless-runtime, x-stainless-runtime-version, x-stainless-timeout");
    wf_answer_header(r, "access-control-max-age:", "600");
    wf_answer_empty(r, 204);
    return false;
}

/* Host, Origin, token (`by_path`: a right one was in the path). False after having answered. */
static bool admit(struct wf_http *h, struct lws *wsi, struct wf_request *r, bool by_path)
{
    char host[128], origin[160];

    if (!copy_header(wsi, WSI_TOKEN_HOST, host, sizeof(host)) || !is_host(h, wsi, host)) {
        refuse(h, r, 403, "DENIED",
               "This Host is not weft's. Use the address that weft up printed.");
        return false;
    }
    if (!copy_header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof(origin)))
        origin[0] = '?'; /* too long */
    if (!is_origin(h, wsi, origin) && !admit_friend(h, r, origin))
        return false;
    if (!admit_plain(h, wsi, r))
        return false;
    if (needs_token(r) && !by_path && !has_token(h, wsi, r->is_friend, &r->phone)) {
        refuse_token(h, r);
        return false;
    }
    return true;
}

static void read_head(struct lws *wsi, struct wf_request *r)
{
    char text[512];

    r->face = wf_face_of(wf_buf_str(&r->path), header_by_name(wsi, "anthropic-version:", text, 64));
    if (r->face == WF_FACE_ANTHROPIC) {
        memcpy(r->request_id, "req_", 4);
        wf_rng_hex(NULL, r->request_id + 4, 12);
        wf_answer_header(r, "request-id:", r->request_id);
    }
    if (copy_header(wsi, WSI_TOKEN_HTTP_ACCEPT, text, sizeof(text)))
        r->wants_events = strstr(text, "text/event-stream") != NULL;
    if (copy_header(wsi, WSI_TOKEN_HTTP_ACCEPT_ENCODING, text, sizeof(text)))
        r->accepts_gzip = strstr(text, "gzip") != NULL;
    if (copy_header(wsi, WSI_TOKEN_HTTP_USER_AGENT, text, sizeof(text)))
        r->agent = wf_str_hash(wf_str_from(text), 0);
    if (header_by_name(wsi, "prefer:", text, sizeof(text)))
        r->wait_ms = preferred_wait_ms(text);
    (void)copy_header(wsi, WSI_TOKEN_HTTP_RANGE, r->range, sizeof(r->range)); /* too long: none */
    (void)copy_header(wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, r->if_none_match,
                      sizeof(r->if_none_match)); /* too long: none */
}

/* ---- from head to answer ---- */

static void work(void *ud)
{
    struct wf_request *r = ud;

    wf_route_run(r);
    wf_request_unref(r);
}

static void dispatch(struct wf_connection *c)
{
    struct wf_request *r = c->r;

    if (c->dispatched)
        return;
    c->dispatched = true;
    lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0);
    if (!r->route || r->route->in_event_thread) {
        if (r->route)
            r->route->run(r);
        else
            wf_handle_asset(r);
        c->is_events = r->lossy;
        return;
    }
    wf_request_ref(r);
    if (wf_team_post(r->route->generates ? r->http->generators : r->http->team, work, r) != 0) {
        wf_request_unref(r);
        wf_answer_problem(r, 503, "BUSY", "Too much at once. Try again in a moment.", NULL);
    }
}

static bool is_page(const struct wf_request *r)
{
    return (r->method == WF_HTTP_GET || r->method == WF_HTTP_HEAD) && !needs_token(r);
}

/* Finds the route and looks at the body's length. False after having answered. */
static bool plan(struct wf_connection *c, int64_t n_body)
{
    struct wf_request *r = c->r;
    bool allowed = false;
    uint64_t limit = WF_LIMIT_HTTP_JSON_BYTES;

    if (r->face != WF_FACE_WEFT) {
        limit = WF_LIMIT_HTTP_MODEL_JSON_BYTES;
        wf_buf_init(&r->body, WF_LIMIT_HTTP_MODEL_JSON_BYTES); /* still without a byte */
    }
    r->route = wf_route_find(r, &allowed);
    if (r->is_lan && (r->route ? r->route->lan == WF_LAN_NOBODY : allowed)) {
        refuse(r->http, r, 403, "DENIED",
               "A phone may not do this. Do it on the computer where weft runs.");
        return false;
    }
    if (!r->is_lan && r->route && r->route->lan == WF_LAN_DOOR) {
        wf_answer_problem(r, 404, "NOENT", "This is for phones: weft up --lan", NULL);
        return false;
    }
    if (!r->route && allowed) {
        wf_answer_problem(r, 405, "INVAL", "This address does not take this method.", NULL);
        return false;
    }
    if (!r->route && !is_page(r)) {
        wf_answer_problem(r, 404, "NOENT",
                          "There is no such address. /openapi.json lists those there are.", NULL);
        return false;
    }
    if (r->route && r->route->body == WF_BODY_UPLOAD)
        limit = WF_LIMIT_FILE_BYTES;
    if (n_body < -1) {
        wf_answer_problem(r, 400, "INVAL", "Content-Length is not a number.", NULL);
        return false;
    }
    if (n_body == -1 && r->route && r->route->body != WF_BODY_NONE) {
        wf_answer_problem(r, 411, "INVAL", "Send the body with a Content-Length.", NULL);
        return false;
    }
    if (n_body > 0 && (uint64_t)n_body > limit) {
        wf_answer_problem(r, 413, "LIMIT", "The body is larger than weft takes.", NULL);
        return false;
    }
    return true;
}

/* curl waits for this before it sends a large body. */
static void send_continue(struct lws *wsi)
{
    static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char text[32];
    ssize_t n;

    if (lws_is_ssl(wsi) || !header_by_name(wsi, "expect:", text, sizeof(text)))
        return;
    n = write(lws_get_socket_fd(wsi), line, sizeof(line) - 1);
    (void)n; /* then the client waits a second and sends all the same */
}

static bool begin_upload(struct wf_connection *c, struct lws *wsi)
{
    struct wf_err err = WF_ERR_INIT;
    char type[512];

    if (!copy_header(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, type, sizeof(type)))
        type[0] = 0;
    c->upload = wf_upload_begin(wsi, c->r, type, &err);
    if (c->upload)
        return true;
    wf_answer_error(c->r, &err);
    return false;
}

/* Bytes that were read from the socket; -1 when the system does not tell. */
static int64_t bytes_read(struct lws *wsi)
{
    struct tcp_info before = {0}, after = {0};
    socklen_t n = sizeof(before), n2 = sizeof(after);
    int fd = lws_get_socket_fd(wsi), n_unread = 0;

    do { /* until nothing has come meanwhile */
        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &before, &n) != 0 ||
            ioctl(fd, FIONREAD, &n_unread) != 0 ||
            getsockopt(fd, IPPROTO_TCP, TCP_INFO, &after, &n2) != 0)
            return -1;
    } while (before.tcpi_bytes_received != after.tcpi_bytes_received);
    return (int64_t)after.tcpi_bytes_received - n_unread;
}

/* libwebsockets 4.1 has a fault with a request that arrives before the one in front of it is
 * answered. When it has a body, its head is given for the body, and then the end of the body is
 * told for ever, in a loop that no callback can leave (lws_http_action reads what it has kept from
 * its start). Such a head was read before that answer was done: nothing has been read since. The
 * end of the stream counts as a byte. */
static bool is_too_early(struct lws *wsi)
{
    /* What was read when the last answer was done; *c lives no longer than a request. */
    intptr_t n_then = (intptr_t)lws_get_opaque_user_data(wsi);

    return n_then != 0 && bytes_read(wsi) - n_then <= 1;
}

/* The head is here: everything up to the body. */
static int on_head(struct wf_http *h, struct lws *wsi, struct wf_connection *c, const char *path,
                   size_t path_len)
{
    int64_t n_body = content_length(wsi);
    struct wf_request *r;
    bool ok, by_path;

    assert(c->r == NULL);
    if (n_body != -1 && is_too_early(wsi))
        return -1;
    r = wf_request_new(h);
    if (!r)
        return -1;
    c->wsi = wsi;
    c->r = r;
    c->dispatched = false;
    c->is_events = false;
    c->close_after = n_body != 0 && n_body != -1; /* until the body has been read */
    wf_list_push(&h->clients, &c->node);
    r->method = method_of(wsi);
    wf_buf_append(&r->path, path, path_len);
    ok = wf_buf_status(&r->path) == 0 && read_query(wsi, r);
    r->is_lan = wf_lan_is(h->lan, wsi);
    by_path = token_in_path(h, wsi, &r->path, &r->phone);
    read_head(wsi, r);
    if (!ok)
        wf_answer_problem(r, 400, "INVAL", "The address is too long or not UTF-8.", NULL);
    ok = ok && admit(h, wsi, r, by_path) && plan(c, n_body);
    if (ok && r->route && r->route->body == WF_BODY_UPLOAD)
        ok = begin_upload(c, wsi);
    if (!ok) {
        c->dispatched = true;
    } else if (n_body > 0) {
        send_continue(wsi);
        lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, IDLE_S);
    } else {
        dispatch(c);
    }
    return 0;
}

static int on_body(struct wf_connection *c, const void *bytes, size_t n)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_request *r = c->r;

    if (!r || c->dispatched)
        return 0; /* answered already; the connection closes */
    if (c->upload) {
        lws_set_timeout(c->wsi, PENDING_TIMEOUT_HTTP_CONTENT, IDLE_S);
        if (wf_upload_feed(c->upload, bytes, n, &err) == 0)
            return 0;
    } else if (wf_clock_mono_ns(NULL) - r->start_ns > (int64_t)IDLE_S * 1000000000) {
        return -1; /* one byte at a time does not keep it open */
    } else if (wf_buf_append(&r->body, bytes, n) == 0) {
        return 0;
    } else {
        (void)wf_err_set(&err, WF_E_LIMIT, "The body is larger than weft takes.");
    }
    c->dispatched = true;
    wf_answer_error(r, &err);
    return 0;
}

static int on_body_end(struct wf_connection *c)
{
    struct wf_err err = WF_ERR_INIT;

    if (!c->r || c->dispatched)
        return 0;
    c->close_after = false;
    if (c->upload && wf_upload_end(c->upload, &err) != 0) {
        c->dispatched = true;
        wf_answer_error(c->r, &err);
        return 0;
    }
    dispatch(c);
    return 0;
}

/* ---- the answer's bytes ---- */

static bool add(struct lws *wsi, const char *name, const char *value, unsigned char **p,
                unsigned char *end)
{
    return lws_add_http_header_by_name(wsi, (const unsigned char *)name,
                                       (const unsigned char *)value, (int)strlen(value), p,
                                       end) == 0;
}

static bool has_body(const struct wf_request *r)
{
    return r->method != WF_HTTP_HEAD && r->status != 204 && r->status != 304;
}

/* Puts the head at *io_p; -1: it does not fit. r->lock is held. */
static int put_head(struct wf_connection *c, unsigned char **io_p, unsigned char *end)
{
    unsigned char *p = *io_p;
    struct wf_request *r = c->r;
    struct wf_str rest = wf_buf_str(&r->head), name, value;
    char close_text[] = "close";
    bool ok = lws_add_http_header_status(c->wsi, (unsigned)r->status, &p, end) == 0;

    while (ok && rest.len > 0 && wf_str_split(&rest, 0, &name) && wf_str_split(&rest, 0, &value))
        ok = add(c->wsi, name.ptr, value.ptr, &p, end); /* both end with NUL in the buffer */
    ok = ok && add(c->wsi, "content-security-policy:", content_policy, &p, end);
    ok = ok && add(c->wsi, "x-content-type-options:", "nosniff", &p, end);
    ok = ok && add(c->wsi, "referrer-policy:", "no-referrer", &p, end);
    ok = ok &&
         add(c->wsi, "cross-origin-resource-policy:", r->is_shared ? "cross-origin" : "same-origin",
             &p, end);
    if (ok && c->close_after)
        ok = add(c->wsi, "connection:", close_text, &p, end);
    if (ok && r->length >= 0 && r->status != 204)
        ok = lws_add_http_header_content_length(c->wsi, (lws_filepos_t)r->length, &p, end) == 0;
    else if (ok && r->length < 0)
        ok = add(c->wsi, "transfer-encoding:", "chunked", &p, end);
    ok = ok && lws_finalize_http_header(c->wsi, &p, end) == 0;
    r->head_sent = true;
    *io_p = p;
    return ok ? 0 : -1;
}

/* Fills `out` from the queue, then from the file. r->lock is held. */
static ssize_t next_bytes(struct wf_request *r, unsigned char *out, size_t room)
{
    size_t n = WF_MIN(r->out.len, room);
    ssize_t got;

    if (n > 0) {
        memcpy(out, r->out.ptr, n);
        wf_buf_consume(&r->out, n);
        pthread_cond_signal(&r->room);
        if (r->wants_room && r->wake)
            r->wake(r->wake_ud);
        r->wants_room = false;
        return (ssize_t)n;
    }
    if (r->file_fd < 0 || r->file_at >= r->file_end)
        return 0;
    n = WF_MIN(room, (size_t)(r->file_end - r->file_at));
    got = pread(r->file_fd, out, n, r->file_at);
    if (got <= 0)
        return -1; /* shorter than announced: the connection must break */
    r->file_at += got;
    return got;
}

/* r->lock is held. */
static bool drained(const struct wf_request *r)
{
    return r->out.len == 0 && (r->file_fd < 0 || r->file_at >= r->file_end);
}

static void count(struct wf_request *r)
{
    struct wf_http_counters *n = &r->http->counters;
    int64_t us = (wf_clock_mono_ns(NULL) - r->start_ns) / 1000;

    /* Counters only: no other memory is published by them. */
    atomic_fetch_add_explicit(&n->n_requests[(unsigned)r->status / 100 % 6], 1,
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&n->n_seconds_us, (uint64_t)us, memory_order_relaxed);
}

static void let_go(struct wf_connection *c)
{
    struct wf_request *r = c->r;

    if (!r)
        return;
    if (c->is_events)
        wf_handle_events_closed(r);
    wf_request_close(r);
    wf_upload_free(c->upload);
    c->upload = NULL;
    wf_list_remove(&c->node);
    c->r = NULL;
    wf_request_unref(r);
}

static int complete(struct wf_connection *c)
{
    struct lws *wsi = c->wsi;
    bool close_after = c->close_after;
    int64_t n_read;

    count(c->r);
    let_go(c);
    /* With an answer that is not all written, the end would come later and unseen. */
    n_read = close_after || lws_partial_buffered(wsi) ? -1 : bytes_read(wsi);
    lws_set_opaque_user_data(wsi, (void *)(intptr_t)n_read); /* a number, never followed */
    return n_read <= 0 || lws_http_transaction_completed(wsi) ? -1 : 0;
}

/* Head and as much of the body as there is, in one piece. */
static int on_writable(struct wf_connection *c)
{
    unsigned char buf[LWS_PRE + HEAD_BYTES + WRITE_BYTES], *start = buf + LWS_PRE, *p = start;
    struct wf_request *r = c->r;
    bool done = false, waiting = false, begins = false;
    ssize_t n = 0;
    int rc = 0;

    if (!r)
        return 0;
    pthread_mutex_lock(&r->lock);
    if (!r->has_head) {
        pthread_mutex_unlock(&r->lock);
        return 0;
    }
    begins = !r->head_sent;
    if (begins)
        rc = put_head(c, &p, start + HEAD_BYTES);
    if (rc == 0 && !(begins && r->broken)) {
        n = has_body(r) ? next_bytes(r, p, WRITE_BYTES) : 0;
        rc = n < 0 || r->broken ? -1 : 0;
    }
    done = r->ended && !r->broken && (!has_body(r) || drained(r));
    waiting = !done && drained(r);
    pthread_mutex_unlock(&r->lock);
    if (rc == 0 && p + n > start &&
        lws_write(c->wsi, start, (size_t)(p - start) + (size_t)n,
                  begins ? LWS_WRITE_HTTP_HEADERS
                  : done ? LWS_WRITE_HTTP_FINAL
                         : LWS_WRITE_HTTP) < (p - start) + n)
        rc = -1;
    if (rc != 0)
        return -1;
    if (done)
        return complete(c);
    if (waiting && !r->broken) {
        lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0);
    } else {
        lws_set_timeout(c->wsi, PENDING_TIMEOUT_HTTP_CONTENT, IDLE_S);
        lws_callback_on_writable(c->wsi);
    }
    return 0;
}

/* A worker has something: ask for the chance to write it. */
static void on_wake(struct wf_http *h)
{
    struct wf_list *it, *tmp;

    atomic_store(&h->woken, false);
    WF_LIST_EACH(it, tmp, &h->clients)
    {
        struct wf_connection *c = WF_CONTAINER(it, struct wf_connection, node);
        bool ready;
        pthread_mutex_lock(&c->r->lock);
        ready = c->r->has_head && (!c->r->head_sent || !drained(c->r) || c->r->ended);
        pthread_mutex_unlock(&c->r->lock);
        if (ready) {
            lws_set_timeout(c->wsi, PENDING_TIMEOUT_HTTP_CONTENT, IDLE_S);
            lws_callback_on_writable(c->wsi);
        }
    }
}

void wf_connection_revoked(struct wf_http *h)
{
    struct wf_list *it, *tmp;
    uint64_t phone;

    while (h->lan && (phone = wf_lan_next_revoked(h->lan)) != 0) {
        WF_LIST_EACH(it, tmp, &h->clients)
        {
            struct wf_connection *c = WF_CONTAINER(it, struct wf_connection, node);
            if (c->r->phone == phone && !(c->r->route && c->r->route->run == wf_handle_leave))
                lws_set_timeout(c->wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_SYNC);
        }
        wf_sync_revoked(h->sync, phone);
    }
}

/* ---- WebSocket ---- */

/* A browser's WebSocket sends no header of its own: the token may be an argument of the address. */
static bool token_in_query(struct wf_http *h, struct lws *wsi, uint64_t *out_phone)
{
    static const struct wf_str key = {"token=", 6};
    char arg[256];
    int n;

    for (int i = 0;
         (n = lws_hdr_copy_fragment(wsi, arg, sizeof(arg), WSI_TOKEN_HTTP_URI_ARGS, i)) >= 0; i++) {
        struct wf_str one = wf_str_n(arg, (size_t)n);
        if (wf_str_starts(one, key))
            return is_token(h, wsi, wf_str_sub(one, key.len, one.len), out_phone);
    }
    return false;
}

/* Whether a connection may become a draft's: Host, Origin and token are right. The path goes to
 * *io_path. What is refused goes on as a request, and is answered as such. */
static bool admits_sync(struct wf_http *h, struct lws *wsi, struct wf_buf *io_path,
                        uint64_t *out_phone)
{
    char text[2048], host[128], origin[160];
    bool by_path, is_own, is_friend;

    if (!h->sync || !copy_header(wsi, WSI_TOKEN_GET_URI, text, sizeof(text)) ||
        !copy_header(wsi, WSI_TOKEN_HOST, host, sizeof(host)) ||
        !copy_header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof(origin)))
        return false;
    wf_buf_append_cstr(io_path, text);
    by_path = token_in_path(h, wsi, io_path, out_phone);
    is_own = is_origin(h, wsi, origin);
    is_friend = !is_own && !wf_lan_is(h->lan, wsi) && wf_guard_is_friend(&h->guard, origin);
    return wf_buf_status(io_path) == 0 && wf_str_starts(wf_buf_str(io_path), WF_STR("/sync/")) &&
           is_host(h, wsi, host) && (is_own || is_friend) &&
           (by_path || has_token(h, wsi, is_friend, out_phone) ||
            token_in_query(h, wsi, out_phone));
}

/* A draft's address becomes a WebSocket. Apart from that HTTP/1.1 is all that is spoken, and a
 * server may pass over the wish for more: libwebsockets does when the name of it is none. A
 * protocol that it does not know itself it has refused already, and with that answer the name is
 * gone. */
static int on_upgrade(struct wf_http *h, struct lws *wsi, char *name)
{
    struct wf_buf path;
    uint64_t phone = 0;
    bool is_sync;

    if (lws_hdr_total_length(wsi, WSI_TOKEN_UPGRADE) <= 0)
        return -1;
    wf_buf_init(&path, 2048);
    is_sync = strcmp(name, "websocket") == 0 && admits_sync(h, wsi, &path, &phone);
    wf_buf_deinit(&path);
    if (!is_sync)
        name[0] = 0;
    return 0;
}

static int on_sync(struct wf_http *h, struct lws *wsi, struct wf_connection *c)
{
    struct wf_buf path;
    uint64_t phone = 0;

    wf_buf_init(&path, 2048);
    if (admits_sync(h, wsi, &path, &phone))
        c->sync = wf_sync_open(h, wsi, wf_buf_str(&path), phone);
    wf_buf_deinit(&path);
    return c->sync ? 0 : -1;
}

int wf_connection_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                           size_t len)
{
    struct wf_http *h = lws_context_user(lws_get_context(wsi));
    struct wf_connection *c = user;

    h->n_calls += reason == LWS_CALLBACK_HTTP || reason == LWS_CALLBACK_HTTP_BODY ||
                  reason == LWS_CALLBACK_HTTP_WRITEABLE || reason == LWS_CALLBACK_CLOSED_HTTP ||
                  reason == LWS_CALLBACK_EVENT_WAIT_CANCELLED || reason == LWS_CALLBACK_RECEIVE ||
                  reason == LWS_CALLBACK_SERVER_WRITEABLE;
    switch ((int)reason) {
    case LWS_CALLBACK_WSI_CREATE:
        h->n_connections++;
        if (wf_lan_is(h->lan, wsi))
            wf_lan_counts(h->lan, 1);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        h->n_connections--;
        if (wf_lan_is(h->lan, wsi))
            wf_lan_counts(h->lan, -1);
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return on_upgrade(h, wsi, in);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return on_sync(h, wsi, c);
    case LWS_CALLBACK_ESTABLISHED:
        return wf_sync_established(c->sync);
    case LWS_CALLBACK_RECEIVE:
        return wf_sync_received(c->sync, in, len);
    case LWS_CALLBACK_RECEIVE_PONG:
        wf_sync_heard(c->sync);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return wf_sync_writable(c->sync);
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
        if (c) {
            wf_sync_closed(c->sync);
            c->sync = NULL;
        }
        return 0;
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
        return h->lan ? wf_lan_set_up_tls(h->lan, user) : 0;
    case LWS_CALLBACK_RAW_ADOPT: /* the method CONNECT */
        return -1;
    case LWS_CALLBACK_HTTP:
        return on_head(h, wsi, c, in, len);
    case LWS_CALLBACK_HTTP_BODY:
        return on_body(c, in, len);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return on_body_end(c);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return on_writable(c);
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
        if (c)
            let_go(c);
        return 0;
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        on_wake(h);
        wf_sync_wake(h->sync);
        return 0;
    default:
        return lws_callback_http_dummy(wsi, reason, user, in, len);
    }
}

/* libwebsockets 4.1 reads nothing while a request without a body is answered, and so does not see
 * that its client has hung up; but the poll does, and returns at once, again and again. */
void wf_connection_look_after(struct wf_http *h)
{
    struct wf_list *it, *tmp;
    bool is_early = false;

    WF_LIST_EACH(it, tmp, &h->clients)
    {
        struct wf_connection *c = WF_CONTAINER(it, struct wf_connection, node);
        char byte;
        ssize_t n =
            c->dispatched ? recv(lws_get_socket_fd(c->wsi), &byte, 1, MSG_PEEK | MSG_DONTWAIT) : 1;
        bool waits = n < 0 && (errno == EAGAIN || errno == EINTR);
        if (n == 0 || (n < 0 && !waits) || (n > 0 && c->is_events))
            lws_set_timeout(c->wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_SYNC);
        else
            is_early = is_early || (n > 0 && c->dispatched);
    }
    if (is_early) /* a next request waits, which the poll does not forget either */
        (void)poll(NULL, 0, 1);
}

void wf_connection_beat(struct wf_http *h)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &h->clients)
    {
        struct wf_connection *c = WF_CONTAINER(it, struct wf_connection, node);
        if (c->is_events && wf_answer_write(c->r, ":\n\n", 3) != 0)
            lws_set_timeout(c->wsi, PENDING_TIMEOUT_HTTP_CONTENT, 1);
    }
}

void wf_connection_end_streams(struct wf_http *h)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &h->clients)
    {
        struct wf_connection *c = WF_CONTAINER(it, struct wf_connection, node);
        if (c->is_events) {
            wf_handle_events_closed(c->r);
            c->close_after = true;
            wf_answer_end(c->r);
        }
    }
}

void wf_connection_abandon(struct wf_http *h)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &h->clients)
    {
        wf_request_close(WF_CONTAINER(it, struct wf_connection, node)->r);
    }
}
