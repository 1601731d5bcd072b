/* SPDX-License-Identifier: Apache-2.0 */
/* Faced: the route's handler is called on a request that no connection has. */
#include "support/faced.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "http/face.h"
#include "http/http_internal.h"
#include "http/response_store.h"

static struct wf_http http; /* not running: nobody is woken */

#define BYTES_MAX ((size_t)300 << 20)

/* A broken answer may end within a chunk. */
static void unchunk(struct wf_str in, bool broken, struct wf_buf *out)
{
    while (in.len > 0) {
        char *end = NULL;
        size_t n = strtoul(in.ptr, &end, 16); /* NUL-terminated: it is of a wf_buf */
        size_t head = (size_t)(end - in.ptr) + 2;
        assert(broken || head + n + 2 <= in.len);
        if (head + n + 2 > in.len)
            return;
        wf_buf_append(out, in.ptr + head, n);
        in = wf_str_sub(in, head + n + 2, in.len);
    }
}

static uint64_t fail_at;
static bool has_failed;

/* The client: reads what is written before the writer has to wait for it. */
struct reader {
    struct wf_request *r;
    pthread_t thread;
    pthread_mutex_t lock; /* guards done */
    pthread_cond_t end;
    bool done;
    struct wf_buf bytes; /* of r->out, as they came */
};

static void drain(struct reader *c)
{
    pthread_mutex_lock(&c->r->lock);
    wf_buf_append_str(&c->bytes, wf_buf_str(&c->r->out));
    wf_buf_consume(&c->r->out, c->r->out.len);
    pthread_cond_signal(&c->r->room);
    pthread_mutex_unlock(&c->r->lock);
}

/* Looks every few milliseconds: most answers are whole by then. */
static void *read_on(void *ud)
{
    struct reader *c = ud;
    struct timespec until;
    pthread_mutex_lock(&c->lock);
    while (!c->done) {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 5000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (pthread_cond_timedwait(&c->end, &c->lock, &until) == ETIMEDOUT && fail_at == 0)
            drain(c); /* whose memory is not meant to fail */
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* An answer from elsewhere is parked until it comes. */
static void wait_for_end(struct reader *c)
{
    bool ended = false;
    while (!ended) {
        pthread_mutex_lock(&c->r->lock);
        ended = c->r->ended;
        pthread_mutex_unlock(&c->r->lock);
        if (!ended)
            (void)usleep(2000);
    }
    while (wf_team_load(http.generators) > 0)
        (void)usleep(2000);
}

static void run_route(struct reader *c)
{
    int rc;
    wf_buf_init(&c->bytes, BYTES_MAX);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->end, NULL);
    rc = pthread_create(&c->thread, NULL, read_on, c);
    assert(rc == 0);
    wf_alloc_fail_at(fail_at);
    wf_route_run(c->r);
    has_failed = wf_alloc_failed();
    wf_alloc_fail_at(0);
    if (http.generators != NULL)
        wait_for_end(c);
    pthread_mutex_lock(&c->lock);
    c->done = true;
    pthread_cond_signal(&c->end);
    pthread_mutex_unlock(&c->lock);
    rc = pthread_join(c->thread, NULL);
    assert(rc == 0);
    drain(c);
    pthread_cond_destroy(&c->end);
    pthread_mutex_destroy(&c->lock);
}

static void take_answer(const struct reader *c, struct faced *out)
{
    const struct wf_request *r = c->r;
    struct wf_str rest = wf_buf_str(&r->head), name, value;
    assert(r->has_head);
    assert(r->ended);
    out->status = r->status;
    out->whole = !r->broken;
    while (rest.len > 0 && wf_str_split(&rest, 0, &name) && wf_str_split(&rest, 0, &value))
        wf_buf_appendf(&out->head, "%.*s %.*s\n", WF_STR_ARG(name), WF_STR_ARG(value));
    if (r->length < 0)
        unchunk(wf_buf_str(&c->bytes), r->broken, &out->body);
    else
        wf_buf_append_str(&out->body, wf_buf_str(&c->bytes));
    if (wf_buf_status(&out->body) != 0 || wf_buf_status(&out->head) != 0)
        out->status = 0; /* a test of scarce memory has hit this copy */
}

void faced_fail_at(uint64_t n)
{
    fail_at = n;
}

bool faced_failed(void)
{
    return has_failed;
}

void faced_run(struct wf_op_context *ctx, enum wf_http_method method, const char *path,
               struct wf_str body, struct faced *out)
{
    struct wf_request *r;
    bool allowed;
    *out = (struct faced){.status = 0};
    wf_buf_init(&out->head, BYTES_MAX);
    wf_buf_init(&out->body, BYTES_MAX);
    http.o.ops = ctx;
    if (ctx->engines != NULL && http.generators == NULL &&
        wf_team_new("generate", 1, 8, &http.generators, NULL) != 0)
        return;
    if (!http.responses)
        http.responses = wf_response_store_new(4, (size_t)1 << 20);
    r = http.responses ? wf_request_new(&http) : NULL;
    if (!r)
        return;
    r->method = method;
    wf_buf_init(&r->body, BYTES_MAX);
    wf_buf_append_cstr(&r->path, path);
    wf_buf_append_str(&r->body, body);
    r->face = wf_face_of(wf_buf_str(&r->path), false);
    if (wf_buf_status(&r->path) == 0 && wf_buf_status(&r->body) == 0)
        r->route = wf_route_find(r, &allowed);
    if (r->route) {
        struct reader c = {.r = r};
        run_route(&c);
        take_answer(&c, out);
        wf_buf_deinit(&c.bytes);
    }
    wf_request_unref(r);
}

void faced_forget(void)
{
    wf_response_store_free(http.responses);
    http.responses = NULL;
}

void faced_free(struct faced *f)
{
    wf_buf_deinit(&f->head);
    wf_buf_deinit(&f->body);
}

json_t *faced_json(const struct faced *f)
{
    return json_loadb(f->body.ptr, f->body.len, JSON_REJECT_DUPLICATES, NULL);
}

json_t *faced_event(const struct faced *f, size_t n)
{
    struct wf_str rest = wf_buf_str(&f->body), line;
    while (wf_str_line(&rest, &line)) {
        if (wf_str_starts(line, WF_STR("data: ")))
            line = wf_str_sub(line, 6, line.len);
        else if (!wf_str_starts(line, WF_STR("{")))
            continue;
        if (n-- > 0)
            continue;
        if (wf_str_eq(line, WF_STR("[DONE]")))
            return json_string("[DONE]");
        return json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES, NULL);
    }
    return NULL;
}

json_t *faced_at(json_t *v, const char *path)
{
    struct wf_str rest = wf_str_from(path), key;
    int64_t i;
    while (v && rest.len > 0 && wf_str_split(&rest, '.', &key)) {
        if (json_is_array(v) && wf_str_to_i64(key, &i))
            v = json_array_get(v, (size_t)i);
        else
            v = json_object_getn(v, key.ptr, key.len);
    }
    return v;
}

bool faced_is(json_t *v, const char *path, const char *want)
{
    json_t *have = faced_at(v, path), *expected = json_loads(want, JSON_DECODE_ANY, NULL);
    bool same = have && expected && json_equal(have, expected);
    char *text = same || !have ? NULL : json_dumps(have, JSON_ENCODE_ANY | JSON_COMPACT);
    assert(expected != NULL);
    if (!same)
        fprintf(stderr, "%s: %s, not %s\n", path, text ? text : "nothing", want);
    free(text);
    json_decref(expected);
    return same;
}

const char *faced_header(const struct faced *f, const char *name)
{
    static char text[1024];
    struct wf_str rest = wf_buf_str(&f->head), line, key;
    while (wf_str_line(&rest, &line)) {
        if (!wf_str_split(&line, ' ', &key) ||
            !wf_str_eq(wf_str_sub(key, 0, key.len - 1), wf_str_from(name)))
            continue;
        snprintf(text, sizeof(text), "%.*s", WF_STR_ARG(line));
        return text;
    }
    return NULL;
}
