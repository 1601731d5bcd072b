/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that wait for their next event without a thread: while nothing has come, an answer is
 * parked and costs its memory only; whoever brings something (airlock's link, the event thread that
 * has room again or sees the client go) posts it to the generators.
 *
 * RUNNING: a worker has it. PARKED: nobody does; who makes it WOKEN posts it. WOKEN while a worker
 * has it: that one looks again before it parks. An answer is posted at most once at a time, and
 * there is room for as many as there are connections. */
#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "http/face.h"
#include "http/http_internal.h"

enum {
    RUNNING,
    PARKED,
    WOKEN
};

static void go_on(void *ud);

/* Thread: any. */
static void wake(void *ud)
{
    struct wf_face_pump *p = ud;
    struct wf_team *team = p->c.r->http->generators;

    if (atomic_exchange(&p->state, WOKEN) == PARKED) {
        int rc = wf_team_post(team, go_on, p);
        assert(rc == 0); /* there is room; and what is parked is woken before the team stops */
        (void)rc;        /* only asserted */
    }
}

/* The next event, or WF_GEN_LATER when the client has to take some of the last ones first. */
static int next(struct wf_face_pump *p, struct wf_gen_event *out)
{
    const struct wf_gen_wake w = {.fn = wake, .ud = p};

    return wf_request_has_room(p->c.r) ? wf_gen_try(p->g, &w, out, &p->err) : WF_GEN_LATER;
}

/* Whatever comes first begins the answer. */
static int begin(struct wf_face_pump *p)
{
    if (p->has_begun)
        return 0;
    p->has_begun = true;
    return p->begin != NULL ? p->begin(p, &p->err) : 0;
}

static void go_on(void *ud)
{
    struct wf_face_pump *p = ud;
    struct wf_gen_event e;
    int rc = 0;

    while (rc == 0) {
        int running = RUNNING;
        atomic_store(&p->state, RUNNING);
        rc = next(p, &e);
        if (rc == WF_GEN_LATER) {
            if (atomic_compare_exchange_strong(&p->state, &running, PARKED))
                return; /* another worker may have it already */
            rc = 0;
        } else if (rc > 0) {
            rc = begin(p);
            if (rc == 0)
                rc = p->event(p, &e, &p->err);
        } else {
            break;
        }
    }
    if (rc == 0)
        rc = begin(p);
    wf_request_on_change(p->c.r, NULL, NULL);
    p->end(p, rc, &p->err);
    wf_face_pump_free(p);
}

void *wf_face_pump_new(struct wf_request *r, size_t bytes)
{
    struct wf_face_pump *p = wf_alloc(bytes);

    assert(bytes >= sizeof(*p));
    if (p == NULL) {
        wf_answer_problem(r, 500, "NOMEM", "Out of memory.", NULL);
        return NULL;
    }
    memset(p, 0, bytes);
    wf_request_ref(r);
    if (wf_face_open(&p->c, r))
        return p;
    wf_face_pump_free(p);
    return NULL;
}

void wf_face_pump_run(struct wf_face_pump *p)
{
    wf_request_on_change(p->c.r, wake, p);
    go_on(p);
}

void wf_face_pump_free(struct wf_face_pump *p)
{
    struct wf_request *r = p->c.r;

    if (p->release != NULL)
        p->release(p);
    wf_gen_free(p->g);
    wf_face_close(&p->c);
    wf_request_unref(r);
    wf_free(p);
}
