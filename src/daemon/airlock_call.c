/* SPDX-License-Identifier: Apache-2.0 */
/* One request of airlock to a provider, through libcurl. The transfer's bytes are passed on unread;
 * each request has a handle and a connection of its own (HTTP/1.1, one at a time on each), which
 * the next one to the same address may have when it came to a good end. Nothing is redirected, no
 * cookies, no .netrc. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "daemon/airlock_internal.h"
#include "route/keys.h"
#include "route/provider.h"

#define CONNECT_S 20
/* A model may think for long before its first word. */
#define STALL_S 600
#define IDLE_MAX 256 /* handles that are kept */

struct wf_airlock_out *wf_airlock__new(struct wf_airlock *a, const struct wf_airlock_frame *f,
                                       const struct wf_engine_entry *engine)
{
    struct wf_airlock_out *c = wf_alloc_array(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->a = a;
    c->id = f->id;
    c->engine = engine;
    c->streamed = f->streamed;
    c->label = f->label;
    c->window = WF_AIRLOCK_WINDOW_BYTES;
    snprintf(c->request_id, sizeof(c->request_id), "%.*s", WF_STR_ARG(f->request_id));
    snprintf(c->model, sizeof(c->model), "%.*s", WF_STR_ARG(f->model));
    wf_buf_init(&c->body, WF_AIRLOCK_BODY_BYTES);
    wf_buf_init(&c->head, WF_AIRLOCK_HEAD_BYTES);
    wf_list_init(&c->logged_node);
    wf_list_push(&a->calls[c->id % WF_AIRLOCK_BUCKETS], &c->node);
    a->n_calls++;
    if (wf_buf_append_str(&c->body, f->text) == 0)
        return c;
    wf_airlock__drop(c);
    return NULL;
}

static void send_head(struct wf_airlock_out *c)
{
    struct wf_airlock_frame f = {.kind = WF_AIRLOCK_HEAD, .id = c->id};
    long status = 0;

    if (c->has_head)
        return;
    c->has_head = true;
    (void)curl_easy_getinfo(c->handle->easy, CURLINFO_RESPONSE_CODE, &status); /* cannot fail */
    f.number = status > 0 && status <= 999 ? (uint32_t)status : 0;
    f.text = wf_buf_str(&c->head);
    wf_airlock__tell(c->a, &f);
}

static size_t on_body(char *p, size_t one, size_t n, void *ud)
{
    struct wf_airlock_out *c = ud;

    (void)one; /* always 1 */
    if (c->window <= 0) {
        c->is_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    send_head(c);
    for (size_t at = 0; at < n; at += WF_AIRLOCK_DATA_BYTES) {
        struct wf_airlock_frame f = {.kind = WF_AIRLOCK_DATA, .id = c->id};
        f.text = wf_str_n(p + at, WF_MIN(n - at, (size_t)WF_AIRLOCK_DATA_BYTES));
        wf_airlock__tell(c->a, &f);
    }
    c->window -= (int64_t)n;
    c->n_received += n;
    return n;
}

/* Keeps the lines "name: value"; a new status line (after "100 Continue") begins anew. */
static size_t on_header(char *p, size_t one, size_t n, void *ud)
{
    struct wf_airlock_out *c = ud;
    struct wf_str line = wf_str_trim(wf_str_n(p, n));

    (void)one; /* always 1 */
    if (wf_str_starts(line, WF_STR("HTTP/")))
        wf_buf_reset(&c->head);
    else if (line.len > 0 && c->head.len + line.len < WF_AIRLOCK_HEAD_BYTES)
        (void)wf_buf_appendf(&c->head, "%.*s\n",
                             WF_STR_ARG(line)); /* one that is lost is no harm */
    return n;
}

static bool add_header(struct wf_airlock_handle *h, const char *line)
{
    struct curl_slist *more = curl_slist_append(h->headers, line);

    if (more != NULL)
        h->headers = more;
    return more != NULL;
}

static int add_headers(struct wf_airlock_handle *h, const struct wf_buf *key,
                       const struct wf_provider_target *t, struct wf_err *err)
{
    struct wf_buf line;
    bool ok = add_header(h, "Expect:") && add_header(h, "Content-Type: application/json");

    for (size_t i = 0; i < WF_PROVIDER_HEADERS_MAX && t->headers[i] != NULL; i++)
        ok = ok && add_header(h, t->headers[i]);
    wf_buf_init(&line, 16384);
    if (h->engine->has_key && t->key_header != NULL) {
        (void)wf_buf_appendf(&line, "%s: %s%.*s", t->key_header, t->key_prefix ? t->key_prefix : "",
                             WF_STR_ARG(wf_buf_str(key))); /* asked below */
        ok = ok && wf_buf_status(&line) == 0 && add_header(h, line.ptr);
    }
    wf_key_forget(&line);
    wf_buf_deinit(&line);
    return ok ? 0 : wf_err_set(err, WF_E_NOMEM, "Out of memory.");
}

/* What is the same for all requests to one address. */
static bool set_up(struct wf_airlock_handle *h, const char *ca_file)
{
    CURL *e = h->easy;
    bool bad = false;

    bad |= curl_easy_setopt(e, CURLOPT_URL, h->url) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)STALL_S) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_USERAGENT, "weft/" WF_VERSION) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_HTTPHEADER, h->headers) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header) != CURLE_OK;
    /* This machine and the house are not behind a proxy. */
    if (strncmp(h->url, "http:", 5) == 0)
        bad |= curl_easy_setopt(e, CURLOPT_PROXY, "") != CURLE_OK;
    if (ca_file != NULL)
        bad |= curl_easy_setopt(e, CURLOPT_CAINFO, ca_file) != CURLE_OK;
    return !bad;
}

static void handle_free(struct wf_airlock_handle *h)
{
    if (h == NULL)
        return;
    curl_easy_cleanup(h->easy);
    curl_slist_free_all(h->headers);
    wf_free(h->url);
    wf_free(h);
}

static int handle_new(struct wf_airlock_out *c, const struct wf_provider_target *t,
                      struct wf_airlock_handle **out, struct wf_err *err)
{
    const struct wf_buf *key = &c->a->keys[c->engine - c->a->engines->items];
    struct wf_airlock_handle *h = wf_alloc_array(1, sizeof(*h));
    int rc = WF_E_NOMEM;

    if (h != NULL) {
        wf_list_init(&h->node);
        h->engine = c->engine;
        h->url = wf_memdup0(t->url, strlen(t->url));
        h->easy = curl_easy_init();
        rc = h->url != NULL && h->easy != NULL ? add_headers(h, key, t, err) : WF_E_NOMEM;
    }
    if (rc == 0 && !set_up(h, c->a->o->ca_file))
        rc = WF_E_NOMEM;
    if (rc != 0) {
        handle_free(h);
        return wf_err_set(err, rc, "Out of memory.");
    }
    *out = h;
    return 0;
}

/* One that waits for a request to that address, or a new one. */
static int take_handle(struct wf_airlock_out *c, const struct wf_provider_target *t,
                       struct wf_err *err)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &c->a->idle)
    {
        struct wf_airlock_handle *h = WF_CONTAINER(it, struct wf_airlock_handle, node);
        if (h->engine == c->engine && strcmp(h->url, t->url) == 0) {
            wf_list_remove(it);
            c->a->n_idle--;
            c->handle = h;
            return 0;
        }
    }
    return handle_new(c, t, &c->handle, err);
}

/* What is this request's own. */
static bool set_request(struct wf_airlock_out *c)
{
    CURL *e = c->handle->easy;
    bool bad = false;

    bad |= curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.len) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_POSTFIELDS, c->body.ptr) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_WRITEDATA, c) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_HEADERDATA, c) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_PRIVATE, c) != CURLE_OK;
    return !bad;
}

/* Of a transfer that has ended well nothing is left in the handle but its address and headers, and
 * the next may have it; else it goes, with its connection. */
static void give_back(struct wf_airlock_out *c, bool is_good)
{
    struct wf_airlock_handle *h = c->handle;
    CURL *e = h->easy;
    bool bad = !is_good || c->a->n_idle >= IDLE_MAX;

    c->handle = NULL;
    bad = bad || curl_easy_setopt(e, CURLOPT_POSTFIELDS, NULL) != CURLE_OK;
    bad = bad || curl_easy_setopt(e, CURLOPT_WRITEDATA, NULL) != CURLE_OK;
    bad = bad || curl_easy_setopt(e, CURLOPT_HEADERDATA, NULL) != CURLE_OK;
    bad = bad || curl_easy_setopt(e, CURLOPT_PRIVATE, NULL) != CURLE_OK;
    if (bad) {
        handle_free(h);
        return;
    }
    wf_list_add(&c->a->idle, &h->node);
    c->a->n_idle++;
}

void wf_airlock__forget_handles(struct wf_airlock *a)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &a->idle)
    {
        wf_list_remove(it);
        handle_free(WF_CONTAINER(it, struct wf_airlock_handle, node));
    }
    a->n_idle = 0;
}

int wf_airlock__start(struct wf_airlock_out *c, struct wf_err *err)
{
    const struct wf_buf *key = &c->a->keys[c->engine - c->a->engines->items];
    struct wf_provider_target t;
    int rc = wf_provider_target(c->engine, c->model, c->streamed, &t, err);

    if (rc == 0 && c->engine->has_key && key->len == 0)
        rc = wf_err_set(err, WF_E_NOENT, "The key of %.40s is missing: weft engines key %.40s",
                        c->engine->name, c->engine->name);
    if (rc == 0)
        rc = take_handle(c, &t, err);
    if (rc != 0)
        return rc;
    if (!set_request(c) || curl_multi_add_handle(c->a->multi, c->handle->easy) != CURLM_OK) {
        handle_free(c->handle);
        c->handle = NULL;
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    return 0;
}

void wf_airlock__credit(struct wf_airlock_out *c, uint32_t n)
{
    c->window = WF_MIN(c->window + (int64_t)n, (int64_t)WF_AIRLOCK_WINDOW_BYTES);
    if (c->is_paused && c->window > 0 && c->handle != NULL) {
        c->is_paused = false;
        (void)curl_easy_pause(c->handle->easy,
                              CURLPAUSE_CONT); /* a failure ends the transfer: seen there */
    }
}

static void explain(struct wf_airlock_out *c, CURLcode code, struct wf_err *err)
{
    if (code == CURLE_OUT_OF_MEMORY)
        (void)wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    else if (code == CURLE_OPERATION_TIMEDOUT)
        (void)wf_err_set(err, WF_E_TIMEOUT, "%.40s does not answer.", c->engine->name);
    else
        (void)wf_err_set(err, WF_E_IO, "%.40s cannot be reached, or broke off: %s.",
                         c->engine->name, curl_easy_strerror(code));
}

/* Ends the transfer; the status stays known. */
static void hang_up(struct wf_airlock_out *c, bool is_good)
{
    long status = 0;

    if (c->handle == NULL)
        return;
    (void)curl_easy_getinfo(c->handle->easy, CURLINFO_RESPONSE_CODE, &status); /* cannot fail */
    c->status = status > 0 && status <= 999 ? (uint32_t)status : 0;
    (void)curl_multi_remove_handle(c->a->multi, c->handle->easy); /* it is in there */
    give_back(c, is_good);
}

/* Tells the ledger what came back. */
static void note_end(struct wf_airlock_out *c, const struct wf_err *err)
{
    struct wf_ledger_entry e = {.kind = WF_LEDGER_COMPLETION,
                                .request_seq = c->seq,
                                .request_id = wf_str_from(c->request_id),
                                .engine = wf_str_from(c->engine->name),
                                .to = wf_str_from(c->engine->provider),
                                .model = wf_str_from(c->model),
                                .reason = wf_str_from(err->msg),
                                .label = c->label,
                                .bytes = c->n_received,
                                .tokens_in = c->tokens_in,
                                .tokens_out = c->tokens_out,
                                .cost_micro = c->cost_micro,
                                .counts = c->flags,
                                .n_counts = c->n_flags};

    hang_up(c, false);
    e.status = c->status;
    wf_airlock__note(c->a, &e);
}

void wf_airlock__finish(struct wf_airlock_out *c, CURLcode code)
{
    struct wf_airlock_frame f = {.kind = WF_AIRLOCK_END, .id = c->id, .seq = c->seq};
    struct wf_err err = WF_ERR_INIT;

    if (code != CURLE_OK) {
        explain(c, code, &err);
        wf_airlock__fail(c, &err);
        return;
    }
    send_head(c);
    hang_up(c, true);
    wf_airlock__tell(c->a, &f);
    c->is_ended = true;
    c->ended_ns = wf_clock_mono_ns(NULL);
    if (c->has_report)
        wf_airlock__close(c);
}

void wf_airlock__report(struct wf_airlock_out *c, const struct wf_airlock_frame *f)
{
    c->has_report = true;
    c->tokens_in = f->tokens_in;
    c->tokens_out = f->tokens_out;
    c->cost_micro = f->cost_micro;
    c->n_flags = f->n_counts; /* the frame's reader has seen to their number and names */
    for (size_t i = 0; i < c->n_flags; i++) {
        struct wf_str name = f->counts[i].type;
        memcpy(c->flag_names[i], name.ptr, name.len);
        c->flags[i] = (struct wf_ledger_count){.type = wf_str_n(c->flag_names[i], name.len),
                                               .n = f->counts[i].n};
    }
    if (c->is_ended)
        wf_airlock__close(c);
}

void wf_airlock__close(struct wf_airlock_out *c)
{
    const struct wf_err none = WF_ERR_INIT;

    note_end(c, &none);
    wf_airlock__drop(c);
}

void wf_airlock__fail(struct wf_airlock_out *c, const struct wf_err *err)
{
    if (c->seq !=
        0) /* the ledger says that it left: it must say that it did not, or how it ended */
        note_end(c, err);
    if (!c->is_canceled)
        wf_airlock__tell_failed(c->a, c->id, err);
    wf_airlock__drop(c);
}

void wf_airlock__drop(struct wf_airlock_out *c)
{
    if (c == NULL)
        return;
    hang_up(c, false);
    wf_list_remove(&c->node);
    c->a->n_calls--;
    wf_buf_deinit(&c->body);
    wf_buf_deinit(&c->head);
    wf_free(c);
}
