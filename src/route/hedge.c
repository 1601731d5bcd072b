/* SPDX-License-Identifier: Apache-2.0 */
/* Two generations until the first event of one of them. Invariant: a runner's generation belongs to
 * its thread until it is done; then to the race, and, once it has lost, to whoever sees both. */
#include "route/hedge.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "os/thread.h"

struct runner {
    struct wf_hedge *h;
    struct wf_gen_request q;
    struct wf_engine *engine;
    /* Guarded by the race's lock: */
    bool is_asked, is_done, is_lost;
    struct wf_gen *gen;
    struct wf_gen_event event;
    int rc; /* 1: an event, 0: an empty answer, else an error */
    struct wf_err err;
    int64_t began_ns, first_ns;
};

struct wf_hedge {
    struct wf_team *team;
    const struct wf_clock *clock;
    const struct wf_gen_request *asked;
    pthread_mutex_t lock;
    pthread_cond_t done; /* a runner is */
    struct runner runners[2];
};

/* ---- a runner ---- */

static bool is_canceled(void *ud)
{
    struct runner *r = ud;
    const struct wf_gen_request *q = r->h->asked;
    bool is_lost;

    pthread_mutex_lock(&r->h->lock);
    is_lost = r->is_lost;
    pthread_mutex_unlock(&r->h->lock);
    return is_lost || (q->canceled != NULL && q->canceled(q->canceled_ud));
}

static void run(void *ud)
{
    struct runner *r = ud;
    struct wf_err err = WF_ERR_INIT;
    struct wf_gen_event event = {.kind = WF_GEN_END};
    struct wf_gen *gen = NULL;
    int rc = wf_engine_generate(r->engine, &r->q, &gen, &err);

    if (rc == 0)
        rc = wf_gen_next(gen, &event, &err);
    if (rc < 0) {
        wf_gen_free(gen);
        gen = NULL;
    }
    pthread_mutex_lock(&r->h->lock);
    r->first_ns = wf_clock_mono_ns(r->h->clock);
    r->gen = gen;
    r->event = event;
    r->rc = rc;
    r->err = err;
    r->is_done = true;
    pthread_cond_broadcast(&r->h->done);
    pthread_mutex_unlock(&r->h->lock);
}

static int start(struct wf_hedge *h, size_t i)
{
    struct runner *r = &h->runners[i];

    r->is_asked = true;
    r->began_ns = wf_clock_mono_ns(h->clock);
    return wf_team_post(h->team, run, r);
}

/* ---- the race ---- */

static bool has_begun(const struct runner *r)
{
    return r->is_done && r->rc >= 0;
}

static bool has_failed(const struct runner *r)
{
    return r->is_done && r->rc < 0;
}

/* Waits for the first, at most so long. The lock is held. */
static void wait_for_first(struct wf_hedge *h, double after_ms)
{
    struct timespec until;
    int64_t ns = (int64_t)(after_ms * 1e6);

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    ns += until.tv_nsec;
    until.tv_sec += (time_t)(ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    while (!h->runners[0].is_done &&
           pthread_cond_timedwait(&h->done, &h->lock, &until) != ETIMEDOUT)
        ;
}

/* Until one has begun, or nobody is left who could. The lock is held. */
static struct runner *wait_for_one(struct wf_hedge *h)
{
    struct runner *a = &h->runners[0], *b = &h->runners[1];

    for (;;) {
        if (has_begun(a))
            return a;
        if (has_begun(b))
            return b;
        if (has_failed(a) && (!b->is_asked || has_failed(b)))
            return NULL;
        (void)pthread_cond_wait(&h->done, &h->lock);
    }
}

static struct wf_hedge *hedge_new(const struct wf_hedge_options *o, const struct wf_gen_request *q)
{
    const struct wf_hedge_place *places[] = {&o->first, &o->second};
    struct wf_hedge *h = wf_alloc_array(1, sizeof(*h));

    if (h == NULL)
        return NULL;
    h->clock = o->clock;
    h->asked = q;
    pthread_mutex_init(&h->lock, NULL);
    wf_cond_init(&h->done);
    for (size_t i = 0; i < 2; i++) {
        struct runner *r = &h->runners[i];
        *r = (struct runner){.h = h, .q = *q, .engine = places[i]->engine};
        if (places[i]->model != NULL)
            r->q.model = places[i]->model;
        r->q.is_once = true;
        r->q.canceled = is_canceled;
        r->q.canceled_ud = r;
    }
    return h;
}

int wf_hedge_race(const struct wf_hedge_options *o, const struct wf_gen_request *q,
                  struct wf_hedge **out, struct wf_hedge_won *out_won, struct wf_err *err)
{
    struct wf_hedge *h = hedge_new(o, q);
    struct runner *won;
    int rc;

    *out = h;
    if (h == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to ask two engines.");
    rc = wf_team_new("hedge", 2, 2, &h->team, err);
    if (rc != 0)
        return rc;
    pthread_mutex_lock(&h->lock);
    rc = start(h, 0);
    if (rc == 0)
        wait_for_first(h, o->after_ms);
    if (rc == 0 && !h->runners[0].is_done)
        (void)!start(h, 1); /* the queue has room for both */
    won = rc == 0 ? wait_for_one(h) : NULL;
    if (won != NULL) {
        *out_won = (struct wf_hedge_won){.is_second = won == &h->runners[1],
                                         .asked_both = h->runners[1].is_asked,
                                         .g = won->gen,
                                         .has_event = won->rc == 1,
                                         .event = won->event,
                                         .began_ns = won->began_ns,
                                         .first_ns = won->first_ns};
        won->gen = NULL; /* it is the caller's */
        h->runners[won == &h->runners[0] ? 1 : 0].is_lost = true;
    } else if (rc == 0) {
        rc = wf_err_set(err, h->runners[0].rc, "%s", h->runners[0].err.msg);
    }
    pthread_mutex_unlock(&h->lock);
    return rc;
}

void wf_hedge_free(struct wf_hedge *h)
{
    if (h == NULL)
        return;
    wf_team_free(h->team);
    for (size_t i = 0; i < 2; i++)
        wf_gen_free(h->runners[i].gen);
    pthread_cond_destroy(&h->done);
    pthread_mutex_destroy(&h->lock);
    wf_free(h);
}
