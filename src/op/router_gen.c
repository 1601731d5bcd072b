/* SPDX-License-Identifier: Apache-2.0 */
/* One generation that the router places: looked at, decided, asked for along the decision's order
 * (route/failover.h); what it was like is learned and kept. Where the answer comes from is known
 * with its first event: until then another place may be asked. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/list.h"
#include "op/router_internal.h"

struct routing {
    struct wf_gen base;
    struct wf_router *r;
    struct wf_gen_request q; /* the caller's, with id, reason and what is in it */
    struct wf_router_case of;
    struct wf_route_seen seen;
    struct wf_gen *gen; /* NULL: none began */
    bool is_passed;     /* no chat: not decided, not kept */
    /* Of each place: */
    char names[WF_FAILOVER_PLACES_MAX][WF_ROUTER_PLACE_BYTES];
    uint8_t candidates[WF_FAILOVER_PLACES_MAX]; /* its index among them */
    bool is_over;
    bool is_cascade; /* a small one first, and its answer checked */
    /* How it went at the last place that ended: */
    struct wf_outcome outcome;
    size_t ran; /* a candidate; WF_ROUTE_NONE: none ended yet */
    double cost;
    struct wf_power_state power; /* when it began */
    bool is_alone;               /* nothing else ran on this device then */
    char id[24], reason[64], route[WF_ROUTE_HEADER_BYTES + 200];
    size_t route_of; /* the candidate that `route` is of, without flags; WF_ROUTE_NONE: of none */
    struct wf_gen_usage usage;
};

/* ---- what it was like ---- */

static struct wf_route_record record_of(struct routing *x)
{
    return (struct wf_route_record){
        .id = wf_str_from(x->id),
        .at_ms = x->of.plan.now_ms,
        .request = &x->of.c->q,
        .candidates = x->of.c->candidates,
        .decision = &x->of.c->decision,
        .outcome = x->ran != WF_ROUTE_NONE ? &x->outcome : NULL,
        .ran = x->ran,
        .cost = x->cost,
    };
}

/* Keeps the decision, and frees. Thread: the router's own, once nobody else has x. */
static void put_away(void *ud)
{
    struct routing *x = ud;
    const struct wf_route_record record = record_of(x);

    wf_router__keep(x->r, &record);
    if (x->ran != WF_ROUTE_NONE && !x->outcome.failed)
        wf_router__remember(x->r, x->of.c, x->ran);
    wf_router__case_close(&x->of);
    wf_free(x);
}

/* The joules of this device since it began, where nothing else ran. */
static double energy_since(struct routing *x)
{
    struct wf_power_state now;
    double joules = -1;

    wf_power_read(x->r->o.power, &now);
    if (x->is_alone)
        joules = wf_power_joules(&x->power, &now);
    return joules > 0 ? joules : 0;
}

/* A place has ended. What is no fault of the engine's teaches nothing: the policy, a second look
 * that refused, a breaker that is open, a budget. */
static void tell(void *ud, size_t i_place, const struct wf_outcome *o, const struct wf_err *err)
{
    struct routing *x = ud;
    const size_t i = x->candidates[i_place];
    const struct wf_candidate *c = &x->of.c->candidates[i];

    x->ran = i;
    x->outcome = *o;
    x->cost = ((double)o->n_prompt * c->price_in + (double)o->n_out * c->price_out) / 1e6;
    if (err == NULL && c->tier == WF_TIER_HERE)
        x->outcome.energy_j = energy_since(x);
    if (err != NULL && (err->code == WF_E_DENIED || err->code == WF_E_UNSUPPORTED ||
                        err->code == WF_E_BUSY || err->code == WF_E_LIMIT))
        return;
    wf_router__learn(x->r, x->of.c, i, &x->outcome);
}

/* ---- where it runs ---- */

/* What the header says of it now. */
static void write_route(struct routing *x)
{
    struct wf_route_record record = record_of(x);
    const struct wf_gen_usage *u = x->gen != NULL ? wf_gen_usage(x->gen) : NULL;
    struct wf_outcome none = {.failed = false};
    struct wf_buf text;
    size_t at;

    if (!x->is_over && x->gen != NULL) { /* where it is, and not where it was to be */
        record.outcome = &none;
        record.ran = x->candidates[x->is_cascade ? wf_cascade_at(x->gen) : wf_failover_at(x->gen)];
    }
    if (record.ran != WF_ROUTE_NONE && record.ran == x->route_of && (u == NULL || u->flags == NULL))
        return; /* as it was */
    x->route_of = u == NULL || u->flags == NULL ? record.ran : WF_ROUTE_NONE;
    wf_buf_init(&text, sizeof(x->route) - 1);
    if (wf_route_header(&record, &text) == 0) {
        at = (size_t)snprintf(x->route, sizeof(x->route), "%s", text.ptr);
        if (record.ran != WF_ROUTE_NONE && x->of.c->gates[record.ran].n_redacted > 0)
            at += (size_t)snprintf(x->route + at, sizeof(x->route) - at, "; redacted=%zu",
                                   x->of.c->gates[record.ran].n_redacted);
        if (u != NULL && u->flags != NULL && at < sizeof(x->route))
            (void)snprintf(x->route + at, sizeof(x->route) - at, "; flagged=%.150s", u->flags);
    }
    wf_buf_deinit(&text);
}

/* One more place; of a name that is too long there is none. */
static void add_place(struct routing *x, size_t i, struct wf_failover_place *places, size_t *io_n)
{
    const struct wf_candidate *c = &x->of.c->candidates[i];
    char *name = x->names[*io_n];

    if (!wf_router__name(c, name))
        return;
    x->candidates[*io_n] = (uint8_t)i;
    places[(*io_n)++] =
        (struct wf_failover_place){.engine = x->r->o.inner,
                                   .model = name,
                                   .can_continue = (c->abilities & WF_ABILITY_CONTINUE) != 0};
}

/* The places in the decision's order; where it is a cascade, those of it first. */
static size_t list_places(struct routing *x, struct wf_failover_place *out)
{
    const struct wf_decision *d = &x->of.c->decision;
    size_t n = 0;

    if (x->is_cascade) {
        add_place(x, d->cascade, out, &n);
        add_place(x, d->cascade_then, out, &n);
    }
    for (size_t k = 0; k < d->n_allowed && n < WF_FAILOVER_PLACES_MAX; k++) {
        if (!x->is_cascade || (d->order[k] != d->cascade && d->order[k] != d->cascade_then))
            add_place(x, d->order[k], out, &n);
    }
    return n;
}

/* The place that the decision advises to ask, too, where the first is late. */
static void add_hedge(struct routing *x, struct wf_failover_options *io)
{
    const struct wf_decision *d = &x->of.c->decision;

    for (size_t i = 1; i < io->n; i++) {
        if (x->candidates[i] == d->hedge) {
            io->i_hedge = i;
            io->hedge_after_ms = d->hedge_after_ms;
        }
    }
}

/* What is in the request: the engine that is asked need not look at it once more. */
static void tell_seen(struct routing *x)
{
    x->seen = (struct wf_route_seen){
        .detector = x->r->o.detector,
        .lens = x->r->o.lens,
        .values = {x->q.messages, x->q.tools.tools, x->q.schema},
    };
    for (size_t i = 0; i < WF_ROUTE_VALUES; i++)
        x->seen.texts[i] = x->of.c->texts[i];
    x->q.seen = &x->seen;
}

static int begin(struct routing *x, struct wf_err *err)
{
    const struct wf_decision *d = &x->of.c->decision;
    struct wf_failover_place places[WF_FAILOVER_PLACES_MAX];
    struct wf_cascade_options o = {
        .places = {.places = places, .clock = x->r->o.clock, .tell = tell, .ud = x},
        .kind = x->of.c->q.kind};
    int rc;

    /* It saves; who wants the best answer, or the soonest, asks for that at once. */
    x->is_cascade = x->of.plan.balance == WF_BALANCE_FRUGAL && d->cascade != WF_ROUTE_NONE &&
                    wf_cascade_fits(&x->q);
    o.places.n = list_places(x, places);
    if (o.places.n == 0) {
        rc = wf_router__say_none(&x->of, err);
        if (rc == WF_E_DENIED && x->q.is_kept != NULL)
            *x->q.is_kept = true;
        return rc;
    }
    x->is_cascade = x->is_cascade && o.places.n >= 2;
    (void)snprintf(x->reason, sizeof(x->reason), "chosen: %s%s%s",
                   wf_balance_name(x->of.plan.balance), d->explores ? ", trying another" : "",
                   x->is_cascade ? ", a small one first" : "");
    x->q.request_id = x->id;
    x->q.reason = x->reason;
    tell_seen(x);
    if (!x->is_cascade && !x->r->o.never_hedges)
        add_hedge(x, &o.places);
    return x->is_cascade ? wf_cascade_generate(&o, &x->q, &x->gen, err)
                         : wf_failover_generate(&o.places, &x->q, &x->gen, err);
}

/* ---- beginning and end ---- */

static struct routing *routing_new(struct wf_router *r, const struct wf_gen_request *q)
{
    struct routing *x = wf_alloc_array(1, sizeof(*x));

    if (x == NULL)
        return NULL;
    x->base.ops = r->base.ops;
    x->r = r;
    x->q = *q;
    x->ran = x->route_of = WF_ROUTE_NONE;
    memcpy(x->id, "r-", 3);
    wf_rng_hex(NULL, x->id + 2, 8);
    pthread_mutex_lock(&r->lock);
    x->is_alone = r->n_running++ == 0;
    pthread_mutex_unlock(&r->lock);
    wf_power_read(r->o.power, &x->power);
    return x;
}

int wf_router__generate(struct wf_router *r, const struct wf_router_wish *wish,
                        const struct wf_gen_request *q, const struct wf_model_list *models,
                        struct wf_gen **out, struct wf_err *err)
{
    struct routing *x = routing_new(r, q);
    int rc;

    if (x == NULL) {
        wf_model_list_unref(models);
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    rc = wf_router__case_open(r, wish, q, models, &x->of, err);
    if (rc == 0) {
        wf_router__look_back(r, x->of.c);
        wf_router__choose(r, &x->of.plan, !r->o.never_explores, x->of.c);
        rc = begin(x, err);
    }
    if (rc == 0)
        *out = &x->base;
    else
        wf_router__gen_free(&x->base);
    return rc;
}

int wf_router__pass(struct wf_router *r, const struct wf_gen_request *q, const char *model,
                    struct wf_gen **out, struct wf_err *err)
{
    struct routing *x = routing_new(r, q);
    int rc;

    if (x == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    x->is_passed = true;
    x->q.model = NULL;
    if (model != NULL) {
        (void)snprintf(x->names[0], sizeof(x->names[0]), "%s", model);
        x->q.model = x->names[0];
    }
    rc = wf_engine_generate(r->o.inner, &x->q, &x->gen, err);
    if (rc == 0)
        *out = &x->base;
    else
        wf_router__gen_free(&x->base);
    return rc;
}

int wf_router__next(struct wf_gen *base, struct wf_gen_event *out, struct wf_err *err)
{
    return wf_router__try(base, NULL, out, err);
}

int wf_router__try(struct wf_gen *base, const struct wf_gen_wake *w, struct wf_gen_event *out,
                   struct wf_err *err)
{
    struct routing *x = WF_CONTAINER(base, struct routing, base);
    int rc;

    if (x->is_over)
        rc = 0;
    else
        rc = w != NULL ? wf_gen_try(x->gen, w, out, err) : wf_gen_next(x->gen, out, err);
    if (rc <= 0) {
        x->is_over = true;
        (void)wf_router__usage(base); /* whoever holds it sees the final counts */
    }
    return rc;
}

const struct wf_gen_usage *wf_router__usage(const struct wf_gen *base)
{
    struct wf_gen *own = (struct wf_gen *)(uintptr_t)base; /* a copy that it keeps changes */
    struct routing *x = WF_CONTAINER(own, struct routing, base);

    x->usage = *wf_gen_usage(x->gen);
    if (!x->is_passed) {
        write_route(x);
        x->usage.route = x->route;
    }
    return &x->usage;
}

void wf_router__gen_free(struct wf_gen *base)
{
    struct routing *x = WF_CONTAINER(base, struct routing, base);

    pthread_mutex_lock(&x->r->lock);
    x->r->n_running--;
    pthread_mutex_unlock(&x->r->lock);
    wf_gen_free(x->gen);
    x->gen = NULL;
    if (x->of.c != NULL) { /* also one that was given up, or that nothing was found for */
        wf_route_case_forget(x->of.c);
        wf_router__later(x->r, put_away, x);
        return;
    }
    wf_router__case_close(&x->of);
    wf_free(x);
}
