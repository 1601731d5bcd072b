/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: the events of a fabric's life for an open page, and an answer as it is found. */
#include <string.h>

#include "http/http_internal.h"

static void on_hub(void *ud, const char *event, const char *json)
{
    int rc = wf_answer_event_text(ud, event, json);

    (void)rc; /* the stream is lossy: a client that has gone is let go of when it closes */
}

void wf_handle_events(struct wf_request *r)
{
    wf_answer_header(r, "cache-control:", "no-store");
    r->lossy = true;
    wf_answer_begin(r, 200, "text/event-stream", -1);
    if (r->method == WF_HTTP_HEAD || !wf_hub_subscribe(r->http->o.ops->hub, on_hub, r)) {
        wf_answer_end(r);
        return;
    }
    on_hub(r, "hello", "{}");
}

/* Called when the connection closes, whatever the request was. */
void wf_handle_events_closed(struct wf_request *r)
{
    wf_hub_unsubscribe(r->http->o.ops->hub, on_hub, r);
}

static void on_answer(void *ud, const char *name, json_t *data)
{
    struct wf_request *r = ud;
    int rc = 0;

    if (!r->has_head) {
        wf_answer_header(r, "cache-control:", "no-store");
        wf_answer_begin(r, 200, "text/event-stream", -1);
    }
    rc = wf_answer_event(r, name, data);
    (void)rc; /* the operation asks whether the client has gone by itself */
}

/* Runs an operation whose events are the answer's, where the client wants them. */
static void stream(struct wf_request *r, const char *op)
{
    struct wf_err err = WF_ERR_INIT;
    json_t *result = NULL;
    int rc = wf_route_op(r, op, r->wants_events ? on_answer : NULL, &result, &err);

    if (rc != 0 && !r->has_head) {
        wf_answer_error(r, &err);
    } else if (rc != 0) {
        json_t *problem = json_pack("{s:s, s:s}", "detail", err.msg, "code", wf_err_name(err.code));
        if (problem)
            on_answer(r, "error", problem);
        json_decref(problem);
        wf_answer_end(r);
    } else if (r->wants_events) {
        on_answer(r, "done", result);
        json_decref(result);
        wf_answer_end(r);
    } else {
        wf_answer_json(r, 200, result);
    }
}

void wf_handle_ask(struct wf_request *r)
{
    stream(r, "ask");
}

void wf_handle_generation(struct wf_request *r)
{
    stream(r, "generations.follow");
}
