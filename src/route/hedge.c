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
    double after_ms;
    pthread_mutex_t lock;
    pthread_cond_t done;     /* a runner is, or has lost */
    struct wf_gen_wake wake; /* who waits without a thread; fn NULL: nobody */
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
    struct wf_gen_wake wake;
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
    wake = r->h->wake;
    r->h->wake.fn = NULL;
    pthread_cond_broadcast(&r->h->done);
    pthread_mutex_unlock(&r->h->lock);
    if (wake.fn != NULL)
        wake.fn(wake.ud);
}

/* Waits so long for the first, and asks the second where that has not come. */
static void run_late(void *ud)
{
    struct runner *r = ud, *first = &r->h->runners[0];
    struct timespec until;
    int64_t ns = (int64_t)(r->h->after_ms * 1e6);

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    ns += until.tv_nsec;
    until.tv_sec += (time_t)(ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_mutex_lock(&r->h->lock);
    while (!first->is_done && !r->is_lost &&
           pthread_cond_timedwait(&r->h->done, &r->h->lock, &until) != ETIMEDOUT)
        ;
    r->is_asked = !first->is_done && !r->is_lost;
    r->began_ns = wf_clock_mono_ns(r->h->clock);
    pthread_mutex_unlock(&r->h->lock);
    if (r->is_asked) /* nobody else changes it */
        run(r);
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

/* Who has begun; *out_nobody: nobody is left who could. The lock is held. */
static struct runner *winner(struct wf_hedge *h, bool *out_nobody)
{
    struct runner *a = &h->runners[0], *b = &h->runners[1];

    *out_nobody = has_failed(a) && (!b->is_asked || has_failed(b));
    if (has_begun(a))
        return a;
    return has_begun(b) ? b : NULL;
}

static struct wf_hedge *hedge_new(const struct wf_hedge_options *o, const struct wf_gen_request *q)
{
    const struct wf_hedge_place *places[] = {&o->first, &o->second};
    struct wf_hedge *h = wf_alloc_array(1, sizeof(*h));

    if (h == NULL)
        return NULL;
    h->clock = o->clock;
    h->asked = q;
    h->after_ms = o->after_ms;
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

int wf_hedge_start(const struct wf_hedge_options *o, const struct wf_gen_request *q,
                   struct wf_hedge **out, struct wf_err *err)
{
    struct wf_hedge *h = hedge_new(o, q);
    int rc;

    *out = h;
    if (h == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to ask two engines.");
    h->runners[0].is_asked = true;
    h->runners[0].began_ns = wf_clock_mono_ns(h->clock);
    rc = wf_team_new("hedge", 2, 2, &h->team, err);
    if (rc == 0)
        rc = wf_team_post(h->team, run, &h->runners[0]);
    if (rc == 0)
        (void)!wf_team_post(h->team, run_late, &h->runners[1]); /* the queue has room for both */
    return rc;
}

int wf_hedge_poll(struct wf_hedge *h, const struct wf_gen_wake *w, struct wf_hedge_won *out_won,
                  struct wf_err *err)
{
    struct runner *won;
    bool nobody;
    int rc = 0;

    pthread_mutex_lock(&h->lock);
    h->wake.fn = NULL;
    while ((won = winner(h, &nobody)) == NULL && !nobody && w == NULL)
        (void)pthread_cond_wait(&h->done, &h->lock);
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
        pthread_cond_broadcast(&h->done);
    } else if (nobody) {
        rc = wf_err_set(err, h->runners[0].rc, "%s", h->runners[0].err.msg);
    } else {
        h->wake = *w;
        rc = WF_GEN_LATER;
    }
    pthread_mutex_unlock(&h->lock);
    return rc;
}

void wf_hedge_free(struct wf_hedge *h)
{
    if (h == NULL)
        return;
    pthread_mutex_lock(&h->lock);
    h->wake.fn = NULL;
    h->runners[0].is_lost = h->runners[1].is_lost = true;
    pthread_cond_broadcast(&h->done);
    pthread_mutex_unlock(&h->lock);
    wf_team_free(h->team);
    for (size_t i = 0; i < 2; i++)
        wf_gen_free(h->runners[i].gen);
    pthread_cond_destroy(&h->done);
    pthread_mutex_destroy(&h->lock);
    wf_free(h);
}
