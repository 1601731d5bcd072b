/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a response as it comes: bytes -> lines -> one JSON -> the protocol's file -> events.
 *
 *   feed: bytes are kept      next: the events of the JSON read last, one by one; then the next
 *                             line, event or whole body; then "more bytes, please"
 *
 * Texts of events are views into the JSON they came in (or the arena beside it), which live until
 * the next JSON is read. An error is remembered: from then on it is all that there is. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/rng.h"
#include "route/provider_internal.h"

#define EVENTS_MAX 65536u
#define ARENA_BYTES_MAX (16u << 20)

int wf_provider_reader_new(const struct wf_engine_entry *e, const struct wf_gen_request *q,
                           bool streamed, const struct wf_clock *clock,
                           struct wf_provider_reader **out, struct wf_err *err)
{
    struct wf_provider_reader *r = wf_alloc_array(1, sizeof(*r));
    int rc = 0;

    if (!r)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    r->e = e;
    r->q = q;
    r->clock = clock;
    r->ops = wf_provider__ops(e);
    r->is_whole = !streamed;
    r->n_choices = WF_MAX(q->n_choices, (size_t)1);
    r->problem.retry_after_ms = -1;
    r->rates = (struct wf_provider_rates){-1, -1, -1, -1};
    r->usage.model = r->model;
    r->usage.n_context = (size_t)e->n_context;
    wf_buf_init(&r->in, WF_PROVIDER_EVENT_BYTES_MAX);
    wf_buf_init(&r->data, WF_PROVIDER_EVENT_BYTES_MAX);
    wf_buf_init(&r->cut, WF_PROVIDER_EVENT_BYTES_MAX);
    wf_arena_init(&r->arena, 4096, ARENA_BYTES_MAX);
    r->choices = wf_alloc_array(r->n_choices, sizeof(*r->choices));
    if (!r->choices)
        rc = wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    if (rc == 0 && !r->ops->has_stops && q->n_stops > 0) {
        rc = wf_stops_init(&r->stops, q->stops, q->n_stops);
        r->has_stops = rc == 0;
        if (rc != 0)
            (void)wf_err_set(err, rc, "The texts that end the answer are too many or too long.");
    }
    if (rc == 0)
        *out = r;
    else
        wf_provider_reader_free(r);
    return rc;
}

void wf_provider_reader_free(struct wf_provider_reader *r)
{
    if (!r)
        return;
    wf_buf_deinit(&r->in);
    wf_buf_deinit(&r->data);
    wf_buf_deinit(&r->cut);
    wf_arena_deinit(&r->arena);
    if (r->has_stops)
        wf_stops_deinit(&r->stops);
    json_decref(r->root);
    wf_free(r->events);
    wf_free(r->choices);
    wf_free(r->calls);
    wf_free(r);
}

void wf_provider_status(struct wf_provider_reader *r, int status)
{
    r->problem.status = status;
}

void wf_provider_header(struct wf_provider_reader *r, struct wf_str name, struct wf_str value)
{
    /* Some servers answer a request for a stream with one JSON. */
    if (wf_str_eq_nocase(name, WF_STR("content-type")) &&
        wf_str_starts(value, WF_STR("application/json")) && !r->ops->is_ndjson)
        r->is_whole = true;
    wf_reading__header(r, name, value);
}

const struct wf_gen_usage *wf_provider_usage(const struct wf_provider_reader *r)
{
    return &r->usage;
}

struct wf_provider_problem wf_provider_problem(const struct wf_provider_reader *r)
{
    struct wf_provider_problem none = {.retry_after_ms = -1};

    return r->failed.code ? r->problem : none;
}

struct wf_provider_rates wf_provider_rates(const struct wf_provider_reader *r)
{
    return r->rates;
}

/* ---- what the protocols' files call ---- */

int wf_reading__fail(struct wf_provider_reader *r, int code, const char *fmt, ...)
{
    char text[WF_ERR_MSG_MAX];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    r->problem.is_midway = r->is_begun;
    return wf_err_set(&r->failed, code, "%s", text);
}

static int no_memory(struct wf_provider_reader *r)
{
    return wf_reading__fail(r, WF_E_NOMEM, "Out of memory while reading an answer.");
}

static int no_protocol(struct wf_provider_reader *r, const char *what)
{
    r->problem.is_elsewhere_only = true;
    return wf_reading__fail(r, WF_E_FORMAT, "%s does not answer as its protocol (%s) says: %s.",
                            r->e->name, wf_protocol_name(r->e->protocol), what);
}

struct wf_str wf_reading__str(const json_t *text)
{
    return wf_str_n(json_string_value(text), json_string_length(text));
}

static int push(struct wf_provider_reader *r, const struct wf_gen_event *e)
{
    struct wf_gen_event *more;

    if (r->n_events == EVENTS_MAX)
        return no_protocol(r, "too much at once");
    if (r->n_events == r->cap_events) {
        size_t cap = WF_MAX(r->cap_events * 2, (size_t)16);
        more = wf_realloc_array(r->events, cap, sizeof(*more));
        if (!more)
            return no_memory(r);
        r->events = more;
        r->cap_events = cap;
    }
    r->events[r->n_events++] = *e;
    r->is_begun = true;
    return 0;
}

static bool is_open(const struct wf_provider_reader *r, size_t i_choice)
{
    return i_choice < r->n_choices && !r->choices[i_choice].is_finished;
}

/* The text as far as no stop text may begin in it. */
static int cut(struct wf_provider_reader *r, struct wf_str *io_text, size_t *out_matched)
{
    int rc;

    wf_buf_reset(&r->cut);
    rc = wf_stops_feed(&r->stops, *io_text, &r->cut, out_matched);
    if (rc == 0) {
        *io_text = wf_arena_dup(&r->arena, wf_buf_str(&r->cut));
        rc = io_text->ptr || r->cut.len == 0 ? 0 : WF_E_NOMEM;
    }
    return rc == 0 ? 0 : no_memory(r);
}

int wf_reading__text(struct wf_provider_reader *r, size_t i_choice, enum wf_gen_event_kind kind,
                     const json_t *text)
{
    struct wf_gen_event e = {.kind = kind, .i_choice = i_choice, .text = wf_reading__str(text)};
    size_t matched = WF_STOPS_NONE;
    int rc = 0;

    if (e.text.len == 0 || !is_open(r, i_choice))
        return 0;
    if (kind == WF_GEN_TEXT && r->has_stops)
        rc = cut(r, &e.text, &matched);
    if (rc == 0 && e.text.len > 0)
        rc = push(r, &e);
    if (rc == 0 && matched != WF_STOPS_NONE) {
        rc = wf_reading__finish(r, i_choice, WF_FINISH_STOP_TEXT, r->q->stops[matched]);
        r->is_done = true; /* what it still writes is of no use */
    }
    return rc;
}

static struct wf_reading_call *call_of(const struct wf_provider_reader *r, size_t i_choice,
                                       int64_t key)
{
    for (size_t i = r->n_calls; i > 0; i--) {
        if (r->calls[i - 1].key == key && r->calls[i - 1].i_choice == i_choice)
            return &r->calls[i - 1];
    }
    return NULL;
}

bool wf_reading__knows_call(const struct wf_provider_reader *r, size_t i_choice, int64_t key)
{
    return call_of(r, i_choice, key) != NULL;
}

bool wf_reading__has_arguments(const struct wf_provider_reader *r, size_t i_choice, int64_t key)
{
    const struct wf_reading_call *c = call_of(r, i_choice, key);

    return c && c->has_arguments;
}

/* A call without arguments is one of an empty object. */
static int close_calls(struct wf_provider_reader *r, size_t i_choice)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < r->n_calls; i++) {
        if (r->calls[i].i_choice == i_choice && !r->calls[i].has_arguments)
            rc = wf_reading__arguments(r, i_choice, r->calls[i].key, WF_STR("{}"));
    }
    return rc;
}

/* An id of one's own, for protocols whose calls have none. */
static int make_id(struct wf_provider_reader *r, struct wf_str *out)
{
    char id[sizeof("call_") + 24];

    memcpy(id, "call_", 5);
    wf_rng_hex(NULL, id + 5, 12);
    *out = wf_arena_dup(&r->arena, wf_str_from(id));
    return out->ptr ? 0 : no_memory(r);
}

int wf_reading__call(struct wf_provider_reader *r, size_t i_choice, int64_t key, struct wf_str id,
                     struct wf_str name)
{
    struct wf_gen_event e = {
        .kind = WF_GEN_CALL, .i_choice = i_choice, .call_id = id, .call_name = name};
    struct wf_reading_call *more;
    int rc = 0;

    if (!is_open(r, i_choice) || call_of(r, i_choice, key))
        return 0;
    if (name.len == 0)
        return no_protocol(r, "a tool call without a name");
    if (r->n_calls == WF_PROVIDER_CALLS_MAX)
        return no_protocol(r, "too many tool calls");
    rc = close_calls(r, i_choice);
    if (rc == 0 && id.len == 0)
        rc = make_id(r, &e.call_id);
    if (rc != 0)
        return rc;
    more = wf_realloc_array(r->calls, r->n_calls + 1, sizeof(*more));
    if (!more)
        return no_memory(r);
    r->calls = more;
    e.i_call = r->choices[i_choice].n_calls++;
    r->calls[r->n_calls++] =
        (struct wf_reading_call){.i_choice = i_choice, .key = key, .i_call = e.i_call};
    return push(r, &e);
}

int wf_reading__arguments(struct wf_provider_reader *r, size_t i_choice, int64_t key,
                          struct wf_str text)
{
    struct wf_gen_event e = {.kind = WF_GEN_ARGUMENTS, .i_choice = i_choice, .text = text};
    struct wf_reading_call *c = call_of(r, i_choice, key);

    if (text.len == 0 || !is_open(r, i_choice))
        return 0;
    if (!c)
        return no_protocol(r, "arguments of a tool call that did not begin");
    c->has_arguments = true;
    e.i_call = c->i_call;
    return push(r, &e);
}

int wf_reading__arguments_object(struct wf_provider_reader *r, size_t i_choice, int64_t key,
                                 const json_t *object)
{
    struct wf_str text = {NULL, 0};
    struct wf_buf b;
    int rc;

    if (json_is_string(object))
        return wf_reading__arguments(r, i_choice, key, wf_reading__str(object));
    if (!json_is_object(object))
        return 0;
    wf_buf_init(&b, WF_PROVIDER_EVENT_BYTES_MAX);
    rc = wf_json_append(&b, object);
    if (rc == 0)
        text = wf_arena_dup(&r->arena, wf_buf_str(&b));
    wf_buf_deinit(&b);
    return text.ptr ? wf_reading__arguments(r, i_choice, key, text) : no_memory(r);
}

int wf_reading__finish(struct wf_provider_reader *r, size_t i_choice, enum wf_gen_finish finish,
                       struct wf_str stop)
{
    struct wf_gen_event e = {
        .kind = WF_GEN_END, .i_choice = i_choice, .finish = finish, .stop = stop};
    int rc;

    if (!is_open(r, i_choice))
        return 0;
    rc = close_calls(r, i_choice);
    if (rc == 0 && r->has_stops && finish != WF_FINISH_STOP_TEXT) {
        struct wf_gen_event rest = {.kind = WF_GEN_TEXT, .i_choice = i_choice};
        wf_buf_reset(&r->cut);
        if (wf_stops_flush(&r->stops, &r->cut) != 0)
            return no_memory(r);
        rest.text = wf_arena_dup(&r->arena, wf_buf_str(&r->cut));
        if (rest.text.len > 0)
            rc = rest.text.ptr ? push(r, &rest) : no_memory(r);
    }
    if (finish == WF_FINISH_STOP && r->choices[i_choice].n_calls > 0)
        e.finish = WF_FINISH_TOOL_CALLS;
    if (rc == 0)
        rc = push(r, &e);
    r->choices[i_choice].is_finished = true;
    return rc;
}

void wf_reading__model(struct wf_provider_reader *r, const char *model)
{
    if (model && model[0])
        (void)snprintf(r->model, sizeof(r->model), "%s", model);
}

void wf_reading__count(size_t *into, const json_t *n)
{
    json_int_t v = json_integer_value(n);

    if (json_is_integer(n) && v >= 0)
        *into = (size_t)v;
}

/* ---- bytes, lines, values ---- */

int wf_provider_feed(struct wf_provider_reader *r, struct wf_str bytes, struct wf_err *err)
{
    int rc = 0;

    if (r->failed.code)
        return wf_err_set(err, r->failed.code, "%s", r->failed.msg);
    r->n_bytes += bytes.len;
    if (r->problem.status >= 400 && r->in.len + bytes.len > WF_PROVIDER_ERROR_BYTES_MAX)
        return 0; /* a page, of which the beginning says enough */
    if (r->at > 0 && r->at >= r->in.len / 2) {
        wf_buf_consume(&r->in, r->at);
        r->scanned -= r->at;
        r->at = 0;
    }
    if (r->n_bytes > WF_PROVIDER_ANSWER_BYTES_MAX)
        rc = wf_reading__fail(r, WF_E_LIMIT, "The answer of %s does not end.", r->e->name);
    else if (wf_buf_append_str(&r->in, bytes) != 0)
        rc = wf_buf_status(&r->in) == WF_E_LIMIT
                 ? wf_reading__fail(r, WF_E_LIMIT, "The answer of %s is too long in one piece.",
                                    r->e->name)
                 : no_memory(r);
    return rc == 0 ? 0 : wf_err_set(err, rc, "%s", r->failed.msg);
}

void wf_provider_end(struct wf_provider_reader *r)
{
    r->is_ended = true;
}

/* Parses one value and lets the protocol make events of it. What the end of the stream cut off is
 * no value, and passed over: read_end then says whether something is missing. */
static int read_value(struct wf_provider_reader *r, struct wf_str text, bool may_be_cut)
{
    json_error_t je;

    json_decref(r->root);
    r->root = wf_json_load(text, JSON_ALLOW_NUL, &je);
    if (!r->root) {
        if (je.text[0] == 0 || json_error_code(&je) == json_error_out_of_memory)
            return no_memory(r);
        return may_be_cut ? 0 : no_protocol(r, "what it sent is not JSON");
    }
    return r->ops->read(r, r->root);
}

/* The next line without its end; false: it is not all there yet. */
static bool take_line(struct wf_provider_reader *r, struct wf_str *out)
{
    const char *p = r->in.ptr;

    if (r->after_cr && r->at < r->in.len) {
        r->at += p[r->at] == '\n';
        r->after_cr = false;
    }
    r->scanned = WF_MAX(r->scanned, r->at);
    while (r->scanned < r->in.len && p[r->scanned] != '\n' && p[r->scanned] != '\r')
        r->scanned++;
    if (r->scanned == r->in.len && (!r->is_ended || r->at == r->in.len))
        return false;
    *out = wf_str_n(p + r->at, r->scanned - r->at);
    r->after_cr = r->scanned < r->in.len && p[r->scanned] == '\r';
    r->at = r->scanned = WF_MIN(r->scanned + 1, r->in.len);
    return true;
}

static int dispatch(struct wf_provider_reader *r, bool may_be_cut)
{
    struct wf_str data = wf_buf_str(&r->data);
    int rc = 0;

    if (wf_str_eq(wf_str_trim(data), WF_STR("[DONE]")))
        r->is_done = true;
    else if (wf_str_trim(data).len > 0)
        rc = read_value(r, data, may_be_cut);
    wf_buf_reset(&r->data);
    r->has_data = false;
    return rc;
}

/* One line of server-sent events. */
static int read_line(struct wf_provider_reader *r, struct wf_str line)
{
    struct wf_str value;

    if (line.len == 0)
        return r->has_data ? dispatch(r, false) : 0;
    if (!wf_str_starts(line, WF_STR("data:")))
        return 0; /* event:, id:, retry:, comments: the data says all */
    value = wf_str_sub(line, 5, line.len);
    if (value.len > 0 && value.ptr[0] == ' ')
        value = wf_str_sub(value, 1, value.len);
    if (r->has_data)
        wf_buf_append_byte(&r->data, '\n');
    r->has_data = true;
    if (wf_buf_append_str(&r->data, value) == 0)
        return 0;
    return wf_buf_status(&r->data) == WF_E_NOMEM ? no_memory(r)
                                                 : no_protocol(r, "an event is too long");
}

/* What stands in the buffer at the end of a body that is one JSON. */
static int read_whole(struct wf_provider_reader *r)
{
    struct wf_str body = wf_str_trim(wf_buf_str(&r->in));
    int rc = 0;

    if (body.len > 0)
        rc = read_value(r, body, body.ptr[0] == '{');
    r->at = r->scanned = r->in.len;
    r->is_done = true;
    return rc;
}

/* All bytes are read; was that all of the answer? */
static int read_end(struct wf_provider_reader *r)
{
    if (r->has_data && !r->is_whole) {
        int rc = dispatch(r, true);
        if (rc != 0 || r->n_events > 0)
            return rc;
    }
    for (size_t i = 0; i < r->n_choices; i++) {
        if (r->choices[i].is_finished)
            continue;
        r->problem.may_retry = true;
        return wf_reading__fail(r, WF_E_IO,
                                r->is_begun ? "%s broke off in the middle of its answer."
                                            : "%s sent no answer.",
                                r->e->name);
    }
    r->is_done = true;
    return 0;
}

/* Reads until there is an event: 1, or WAIT, 0 at the end, or the failure. */
static int read_more(struct wf_provider_reader *r)
{
    struct wf_str line;
    int rc = 0;

    if (r->problem.status >= 400)
        return r->is_ended ? wf_reading__error_body(r, wf_buf_str(&r->in)) : WF_PROVIDER_WAIT;
    while (rc == 0 && r->n_events == 0 && !r->is_done) {
        if (r->is_whole && !r->is_ended)
            return WF_PROVIDER_WAIT;
        if (r->is_whole) {
            rc = read_whole(r);
        } else if (take_line(r, &line)) {
            if (!r->ops->is_ndjson)
                rc = read_line(r, line);
            else if (wf_str_trim(line).len > 0)
                rc = read_value(r, line, r->at == r->in.len && r->is_ended);
        } else if (!r->is_ended) {
            return WF_PROVIDER_WAIT;
        } else {
            rc = read_end(r);
        }
    }
    if (rc == 0 && r->n_events == 0)
        rc = read_end(r); /* "done", but was it? */
    return rc != 0 ? rc : r->n_events > 0;
}

int wf_provider_next(struct wf_provider_reader *r, struct wf_gen_event *out, struct wf_err *err)
{
    int rc;

    if (r->i_event == r->n_events) {
        r->i_event = r->n_events = 0;
        wf_arena_reset(&r->arena);
        rc = r->failed.code;
        if (rc == 0)
            rc = read_more(r);
        if (rc < 0 && r->n_events == 0)
            return wf_err_set(err, r->failed.code, "%s", r->failed.msg);
        if (rc == WF_PROVIDER_WAIT || rc == 0)
            return rc;
    }
    assert(r->i_event < r->n_events);
    *out = r->events[r->i_event++];
    return 1;
}
