/* SPDX-License-Identifier: Apache-2.0 */
/* A face's call from its body to its answer: what is the same in all model APIs. The engine borrows
 * what the request points to, so a call holds body and arena until the answer has ended. */
#include "http/face.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/rng.h"
#include "http/http_internal.h"
#include "op/json.h"

#define ARENA_BYTES_MAX ((size_t)64 << 20)
/* An answer up to here goes out as one piece with its length. */
#define PIECE_BYTES ((size_t)1 << 20)

int wf_face_no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory. Close other programs and try again.");
}

int wf_face_bad(struct wf_face_call *c, const char *param, const char *reason, struct wf_err *err,
                const char *fmt, ...)
{
    char text[WF_ERR_MSG_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    snprintf(c->param, sizeof(c->param), "%s", param);
    wf_str_make_printable(c->param, strlen(c->param));
    c->reason = reason;
    return wf_err_set(err, WF_E_INVAL, "%s", text);
}

/* ---- the body ---- */

/* Whether there are few enough values for the memory that they take: as many as there are commas
 * and opening brackets outside of texts. */
static bool is_small(struct wf_str text)
{
    size_t n = 0;
    bool in_text = false;

    for (size_t i = 0; i < text.len; i++) {
        char ch = text.ptr[i];
        if (in_text && ch == '\\')
            i++;
        else if (ch == '"')
            in_text = !in_text;
        else if (!in_text && (ch == ',' || ch == '[' || ch == '{'))
            n++;
    }
    return n <= WF_LIMIT_HTTP_MODEL_JSON_VALUES;
}

static int read_body(struct wf_face_call *c, struct wf_err *err)
{
    struct wf_str text = wf_buf_str(&c->r->body);
    int rc;

    if (c->r->route->body == WF_BODY_NONE) {
        c->body = json_object();
        return c->body ? 0 : wf_face_no_memory(err);
    }
    if (!is_small(text))
        return wf_err_set(err, WF_E_LIMIT, "The body holds more than %u values.",
                          WF_LIMIT_HTTP_MODEL_JSON_VALUES);
    rc = wf_json_parse(text, &c->body, err);
    if (rc == WF_E_FORMAT)
        rc = err->code = WF_E_INVAL; /* a malformed request */
    if (rc == 0 && !json_is_object(c->body))
        rc = wf_err_set(err, WF_E_INVAL, "The body must be a JSON object.");
    return rc;
}

bool wf_face_open(struct wf_face_call *c, struct wf_request *r)
{
    struct wf_err err = WF_ERR_INIT;

    *c = (struct wf_face_call){
        .r = r, .engine = r->http->o.ops->engine, .moving = r->http->o.ops->moving};
    wf_arena_init(&c->arena, 0, ARENA_BYTES_MAX);
    if (wf_request_closed(r)) {
        wf_answer_empty(r, 503); /* nobody reads it */
        return false;
    }
    if (r->route->generates && !c->engine) {
        wf_answer_problem(r, 503, "UNSUPPORTED", "This weft runs no models.", NULL);
        return false;
    }
    c->_kept = json_array();
    if (!c->_kept)
        (void)wf_face_no_memory(&err);
    else
        (void)read_body(c, &err);
    if (err.code != 0)
        wf_face_fail(c, &err);
    return err.code == 0;
}

void wf_face_close(struct wf_face_call *c)
{
    json_decref(c->body);
    json_decref(c->_kept);
    wf_arena_deinit(&c->arena);
}

json_t *wf_face_keep(struct wf_face_call *c, json_t *v)
{
    return v && json_array_append_new(c->_kept, v) == 0 ? v : NULL;
}

void wf_face_ignore(struct wf_face_call *c, const char *name)
{
    size_t n = strlen(c->ignored);

    if (n + strlen(name) + 3 > sizeof(c->ignored))
        return; /* a list of hundreds tells no more than its beginning */
    snprintf(c->ignored + n, sizeof(c->ignored) - n, "%s%s", n > 0 ? ", " : "", name);
    for (char *p = c->ignored + n; *p; p++) {
        if (*p < 0x20 || *p > 0x7e)
            *p = '?';
    }
}

bool wf_face_gone(void *ud)
{
    return wf_request_closed(ud);
}

void wf_face_request(struct wf_face_call *c, struct wf_gen_request *q)
{
    *q = (struct wf_gen_request){.sampling = wf_sampling_default(),
                                 .tools = {.parallel = true},
                                 .canceled = wf_face_gone,
                                 .canceled_ud = c->r,
                                 .is_kept = &c->is_kept};
    q->sampling.seed = wf_rng_u64(NULL);
    q->client = c->r->phone != 0 ? c->r->phone : c->r->agent;
    if (c->r->wait_ms > 0)
        q->deadline_ns = c->r->start_ns + c->r->wait_ms * 1000000;
}

const char *wf_face_id(struct wf_face_call *c, const char *prefix)
{
    char hex[25];

    wf_rng_hex(NULL, hex, 12);
    return wf_arena_printf(&c->arena, "%s%s", prefix, hex);
}

void wf_face_time(int64_t ms, char out[WF_FACE_TIME_BYTES])
{
    time_t s = (time_t)(ms / 1000);
    struct tm tm;
    char text[24];

    gmtime_r(&s, &tm);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, WF_FACE_TIME_BYTES, "%s.%03dZ", text, (int)(ms % 1000));
}

json_int_t wf_face_now_s(const struct wf_face_call *c)
{
    return wf_clock_wall_ms(c->r->http->o.ops->clock) / 1000;
}

/* ---- the answer ---- */

void wf_face_about(struct wf_face_call *c, const char *route, const char *model, size_t n_truncated)
{
    char text[1024];

    if (route != NULL)
        snprintf(text, sizeof(text), "%s", route);
    else
        snprintf(text, sizeof(text), "local; %s", model);
    wf_answer_header(c->r, "x-weft-route:", text);
    if (n_truncated > 0) {
        snprintf(text, sizeof(text), "%zu", n_truncated);
        wf_answer_header(c->r, "x-weft-truncated:", text);
    }
}

void wf_face_about_gen(struct wf_face_call *c, const struct wf_gen_usage *u)
{
    char text[48];

    wf_face_about(c, u->route, u->model, u->n_truncated);
    if (u->consent != NULL)
        wf_answer_header(c->r, "x-weft-consent:", u->consent);
    if (c->n_flagged == 0)
        return;
    snprintf(text, sizeof(text), "instruction:%zu", c->n_flagged);
    wf_answer_header(c->r, "x-weft-documents:", c->n_flagged == SIZE_MAX ? "unscanned:1" : text);
}

static void add_headers(struct wf_face_call *c)
{
    wf_answer_header(c->r, "cache-control:", "no-store");
    if (c->ignored[0])
        wf_answer_header(c->r, "x-weft-ignored:", c->ignored);
}

void wf_face_begin(struct wf_face_call *c, int status, const char *type)
{
    add_headers(c);
    wf_answer_begin(c->r, status, type, -1);
}

void wf_face_answer(struct wf_face_call *c, int status, json_t *v)
{
    struct wf_buf b;
    int rc;

    add_headers(c);
    wf_buf_init(&b, WF_LIMIT_HTTP_MODEL_ANSWER_BYTES);
    rc = v ? wf_json_append(&b, v) : WF_E_NOMEM;
    json_decref(v);
    if (rc != 0) {
        wf_answer_problem(c->r, 500, "NOMEM", "The answer does not fit into memory.", NULL);
    } else if (b.len <= PIECE_BYTES) {
        wf_answer_bytes(c->r, status, "application/json", wf_buf_str(&b));
    } else {
        /* Without its length: the end must be told together with the last byte. */
        wf_answer_begin(c->r, status, "application/json", -1);
        rc = wf_answer_write(c->r, b.ptr, b.len);
        if (rc == 0)
            wf_answer_end(c->r);
        else
            wf_answer_break(c->r);
    }
    wf_buf_deinit(&b);
}

static const char *code_name(int code)
{
    const char *name = wf_err_name(code);

    return strncmp(name, "WF_E_", 5) == 0 ? name + 5 : name;
}

/* What OpenAI's error.code says of an error of the engine. */
static const char *reason_of(const struct wf_face_call *c, const struct wf_err *err)
{
    if (c->reason)
        return c->reason;
    if (err->code == WF_E_DENIED && c->is_kept)
        return "kept_by_policy";
    if (err->code == WF_E_NOENT && c->param[0] == 0)
        return "model_not_found";
    return err->code == WF_E_LIMIT ? "context_length_exceeded" : "";
}

void wf_face_fail(struct wf_face_call *c, const struct wf_err *err)
{
    struct wf_face_problem p = {.status = wf_face_status(c->r->face, err->code),
                                .code = code_name(err->code),
                                .detail = err->msg,
                                .param = c->param,
                                .reason = reason_of(c, err),
                                .request_id = c->r->request_id};
    struct wf_err own = WF_ERR_INIT;

    if (c->streams) {
        bool named = c->r->face == WF_FACE_ANTHROPIC;
        int rc = wf_face_send(c, named ? "error" : NULL, wf_face_error(c->r->face, &p), &own);
        if (rc == 0)
            wf_face_stream_end(c);
        else
            wf_answer_break(c->r);
        return;
    }
    add_headers(c);
    c->r->retry_ms = err->retry_ms;
    wf_answer_problem(c->r, p.status, p.code, p.detail,
                      json_pack("{s:s, s:s}", "param", p.param, "reason", p.reason));
}

void wf_face_stream(struct wf_face_call *c, bool is_ndjson)
{
    add_headers(c);
    c->streams = true;
    c->is_ndjson = is_ndjson;
    wf_answer_begin(c->r, 200, is_ndjson ? "application/x-ndjson" : "text/event-stream", -1);
}

static int send_event(struct wf_face_call *c, const char *event, const json_t *data,
                      const char *text, struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_LIMIT_FRAME_BYTES);
    if (!c->is_ndjson && event)
        wf_buf_appendf(&b, "event: %s\n", event);
    if (!c->is_ndjson)
        wf_buf_append_cstr(&b, "data: ");
    rc = data ? wf_json_append(&b, data) : wf_buf_append_cstr(&b, text);
    wf_buf_append_cstr(&b, c->is_ndjson ? "\n" : "\n\n");
    if (rc == 0)
        rc = wf_buf_status(&b);
    if (rc != 0)
        rc = wf_face_no_memory(err);
    else if (wf_answer_write(c->r, b.ptr, b.len) != 0)
        rc = wf_err_set(err, WF_E_CANCELED, "The client has gone.");
    wf_buf_deinit(&b);
    return rc;
}

int wf_face_send(struct wf_face_call *c, const char *event, json_t *data, struct wf_err *err)
{
    int rc = data ? send_event(c, event, data, NULL, err) : wf_face_no_memory(err);

    json_decref(data);
    return rc;
}

int wf_face_send_text(struct wf_face_call *c, const char *text, struct wf_err *err)
{
    return send_event(c, NULL, NULL, text, err);
}

void wf_face_stream_end(struct wf_face_call *c)
{
    wf_answer_end(c->r);
}
