/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated household: engines with a hidden truth, requests, faults. */
#include "support/route_sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "route/experience.h"
#include "route/route.h"

#define ENGINES_MAX 10u

/* What is true of an engine. */
struct truth {
    char engine[24], model[24];
    double begin_ms, read_ms, write_ms, energy_factor, works;
    double odds[WF_KIND_COUNT]; /* beyond what its size says */
    int64_t down_until_ms, slow_until_ms;
    double slow;
};

struct world {
    struct wf_rng_seeded dice, explore; /* of the world; of the router */
    struct truth truths[ENGINES_MAX];
    struct wf_candidate candidates[ENGINES_MAX];
    size_t n;
    int64_t now_ms;
    bool is_offline;
    double charge; /* of this device's battery */
    struct wf_experience *experience;
};

static double uniform(struct world *w)
{
    return (double)(wf_rng_u64(&w->dice.rng) >> 11) * 0x1p-53;
}

static double between(struct world *w, double a, double b)
{
    return a + (b - a) * uniform(w);
}

static bool chance(struct world *w, double p)
{
    return uniform(w) < p;
}

static double normal(struct world *w)
{
    return sqrt(-2.0 * log(1.0 - uniform(w))) * cos(6.283185307179586 * uniform(w));
}

static unsigned below(struct world *w, unsigned n)
{
    return (unsigned)wf_rng_below(&w->dice.rng, n);
}

/* ---- the world ---- */

static void make_engine(struct world *w, size_t i)
{
    static const double sizes[] = {0.5, 1.5, 4, 8, 30, 70, 300, 1000};
    struct truth *t = &w->truths[i];
    struct wf_candidate *c = &w->candidates[i];
    bool is_far;
    double size;

    (void)snprintf(t->engine, sizeof(t->engine), "e%zu", i / 2);
    (void)snprintf(t->model, sizeof(t->model), "m%zu", i);
    *c = (struct wf_candidate){.engine = wf_str_from(t->engine), .model = wf_str_from(t->model)};
    c->tier = i == 0 ? WF_TIER_HERE : (enum wf_tier)below(w, WF_TIER_COUNT);
    is_far = c->tier >= WF_TIER_CLOUD;
    size = is_far ? sizes[4 + below(w, 4)] : sizes[below(w, 5)];
    c->clearance = i == 0 ? WF_LABEL_SECRET : (enum wf_label)below(w, 3);
    c->n_params = chance(w, 0.8) ? (uint64_t)(size * 1e9) : 0;
    c->abilities = below(w, 64);
    c->n_context = chance(w, 0.2) ? 0 : 1024u << below(w, 8);
    c->price_in = c->tier == WF_TIER_PROVIDER ? between(w, 0.1, 5) : 0;
    c->price_out = 4 * c->price_in;
    c->money_left = c->price_in > 0 && chance(w, 0.5) ? between(w, 0, 1) : -1;
    c->energy_left_j = -1;
    c->round_trip_ms = c->tier == WF_TIER_HERE ? 0 : between(w, 1, 150);
    c->n_slots = 1 + below(w, 4);
    c->power_w = is_far ? 0 : between(w, 5, 200);
    c->battery = c->tier <= WF_TIER_DEVICE && chance(w, 0.5) ? 1.0F : -1.0F;
    c->carbon_g_kwh = between(w, 20, 600);
    c->needs_network = c->tier != WF_TIER_HERE;
    c->needs_consent = chance(w, 0.1);
    t->begin_ms = is_far ? between(w, 80, 900) : between(w, 10, 80);
    t->read_ms = is_far ? between(w, 0.03, 1) : size * between(w, 2, 20);
    t->write_ms = is_far ? between(w, 5, 50) : 2 + size * between(w, 8, 50);
    t->energy_factor = exp(0.5 * normal(w));
    t->works = between(w, 0.9, 1);
    for (size_t k = 0; k < WF_KIND_COUNT; k++)
        t->odds[k] = 0.5 * normal(w);
    if (chance(w, 0.5)) { /* somebody measured it, not quite right */
        c->write_ms = t->write_ms * exp(0.2 * normal(w));
        c->read_ms = t->read_ms * exp(0.2 * normal(w));
    }
}

/* Between two requests: load, faults, network, battery, heat. */
static void pass_time(struct world *w)
{
    w->now_ms += (int64_t)between(w, 100, 120000);
    if (chance(w, 0.02))
        w->is_offline = !w->is_offline && chance(w, 0.3);
    w->charge = fmin(fmax(w->charge + between(w, -0.06, 0.06), 0), 1);
    for (size_t i = 0; i < w->n; i++) {
        struct truth *t = &w->truths[i];
        struct wf_candidate *c = &w->candidates[i];
        if (chance(w, 0.003))
            t->down_until_ms = w->now_ms + (int64_t)between(w, 1e4, 6e6);
        if (chance(w, 0.002)) {
            t->slow_until_ms = w->now_ms + (int64_t)between(w, 1e6, 2e7);
            t->slow = between(w, 1.5, 5);
        }
        c->n_queued = chance(w, 0.3) ? below(w, 6) : 0;
        c->load_ms = c->tier != WF_TIER_PROVIDER && chance(w, 0.1) ? between(w, 300, 9000) : 0;
        c->breaker = w->now_ms < t->down_until_ms && chance(w, 0.9) ? WF_BREAKER_OPEN
                     : chance(w, 0.02)                              ? WF_BREAKER_HALF_OPEN
                                                                    : WF_BREAKER_CLOSED;
        c->battery = c->battery >= 0 ? (float)w->charge : -1.0F;
        c->heat = chance(w, 0.05) ? (float)uniform(w) : 0.2F;
        c->is_refused = chance(w, 0.03);
        if (c->money_left >= 0 && chance(w, 0.05))
            c->money_left = between(w, 0, 1);
    }
}

static void make_request(struct world *w, struct wf_route_request *q)
{
    enum wf_label label = (enum wf_label)(chance(w, 0.1) ? WF_LABEL_SECRET : below(w, 3));

    *q = (struct wf_route_request){
        .kind = (enum wf_kind)below(w, WF_KIND_COUNT),
        .balance = (enum wf_balance)below(w, WF_BALANCE_COUNT),
        .needs = chance(w, 0.2) ? 1u << below(w, 6) : 0,
        .n_prompt = (uint32_t)exp(between(w, 2, 9.5)),
        .n_max = chance(w, 0.4) ? 16u << below(w, 7) : 0,
        .hard_small = (float)(0.5 + 1.2 * normal(w)),
        .deadline_ms = chance(w, 0.1) ? between(w, 500, 60000) : 0,
        .has_consent = chance(w, 0.5),
        .is_offline = w->is_offline,
        .here_only = chance(w, 0.03),
    };
    q->hard_large = q->hard_small + (float)between(w, 0, 2);
    for (size_t i = 0; i < w->n; i++) /* redaction may lower it for some */
        w->candidates[i].label =
            label > WF_LABEL_PUBLIC && label < WF_LABEL_SECRET && chance(w, 0.2)
                ? (enum wf_label)(label - 1)
                : label;
}

/* ---- the truth ---- */

static double true_n_out(const struct wf_route_request *q)
{
    static const double tokens[WF_KIND_COUNT] = {200, 600, 250, 20, 800, 150, 220, 60};

    return q->n_max > 0 ? fmin(tokens[q->kind], q->n_max) : tokens[q->kind];
}

/* The expectation of one that knows everything but the dice. */
static void true_estimate(const struct world *w, const struct wf_route_request *q, size_t i,
                          struct wf_estimate *out)
{
    const struct truth *t = &w->truths[i];
    const struct wf_candidate *c = &w->candidates[i];
    double slow = w->now_ms < t->slow_until_ms ? t->slow : 1, n = true_n_out(q), odds;
    struct wf_route_request plain = *q;
    struct wf_estimate size;

    wf_experience_estimate(NULL, &plain, c, w->now_ms, NULL, &size); /* what its size says */
    odds = log(size.quality / (1 - size.quality)) * sqrt(1.0 + 0.39 * 0.7);
    *out = size;
    out->n_out = n;
    out->ttft_ms = c->load_ms + c->round_trip_ms +
                   (double)c->n_queued / c->n_slots * 200.0 * t->write_ms * slow +
                   (t->begin_ms + q->n_prompt * t->read_ms) * slow;
    out->total_ms = out->ttft_ms + n * t->write_ms * slow;
    out->quality = 1 / (1 + exp(-(odds + t->odds[q->kind])));
    out->works = w->now_ms < t->down_until_ms ? 0.05 : t->works;
    out->energy_j = c->power_w > 0
                        ? c->power_w / c->n_slots * (q->n_prompt * t->read_ms + n * t->write_ms) /
                              1000 * t->energy_factor
                        : size.energy_j * n / size.n_out * t->energy_factor;
    out->cost = (q->n_prompt * c->price_in + n * c->price_out) / 1e6;
}

/* ---- the constraints, once more ---- */

static const char *broken_by(const struct world *w, const struct wf_route_request *q,
                             const struct wf_decision *d, size_t i)
{
    const struct wf_candidate *c = &w->candidates[i];
    const struct wf_estimate *e = &d->of[i].estimate;
    double most_out = q->n_max ? q->n_max : e->n_out;
    double most_cost =
        (q->n_prompt * c->price_in + (q->n_max ? q->n_max : 4 * e->n_out) * c->price_out) / 1e6;

    if ((int)c->label > (int)c->clearance)
        return "clearance";
    if (c->label == WF_LABEL_SECRET && c->tier != WF_TIER_HERE)
        return "secret";
    if (c->is_refused)
        return "policy";
    if (c->needs_consent && !q->has_consent)
        return "consent";
    if (q->here_only && c->tier != WF_TIER_HERE)
        return "here";
    if (w->is_offline && c->tier != WF_TIER_HERE)
        return "offline";
    if (c->breaker == WF_BREAKER_OPEN)
        return "breaker";
    if ((q->needs | c->abilities) != c->abilities)
        return "ability";
    if (c->n_context && q->n_prompt + most_out > c->n_context)
        return "context";
    if (c->money_left >= 0 && most_cost > c->money_left)
        return "budget";
    if (c->battery >= 0 && c->battery < 0.2F)
        return "battery";
    if (c->heat > 0.9F)
        return "heat";
    if (q->deadline_ms > 0 && e->total_ms > q->deadline_ms)
        return "deadline";
    return NULL;
}

static void check_one(const struct world *w, const struct wf_route_request *q,
                      const struct wf_decision *d, size_t i, const char *what, uint64_t seed,
                      struct route_sim_result *out)
{
    const char *broken = i < w->n ? broken_by(w, q, d, i) : "no candidate";

    if (i == WF_ROUTE_NONE || broken == NULL)
        return;
    if (out->n_broken++ == 0)
        (void)snprintf(out->broken, sizeof(out->broken), "seed %llu, decision %llu: %s breaks %s",
                       (unsigned long long)seed, (unsigned long long)out->n_decisions, what,
                       broken);
}

static void check(const struct world *w, const struct wf_route_request *q,
                  const struct wf_decision *d, uint64_t seed, struct route_sim_result *out)
{
    for (size_t i = 0; i < d->n_allowed; i++)
        check_one(w, q, d, d->order[i], "order", seed, out);
    check_one(w, q, d, d->hedge, "hedge", seed, out);
    check_one(w, q, d, d->cascade, "cascade", seed, out);
    check_one(w, q, d, d->cascade_then, "cascade's end", seed, out);
}

/* ---- a step ---- */

static void answer(struct world *w, const struct wf_route_request *q, size_t i,
                   const struct wf_estimate *truth)
{
    struct wf_candidate *c = &w->candidates[i];
    struct wf_outcome o = {.failed = !chance(w, truth->works)};

    if (!o.failed) {
        double lucky = exp(0.25 * normal(w));
        o.ttft_ms = truth->ttft_ms * lucky;
        o.total_ms = o.ttft_ms + (truth->total_ms - truth->ttft_ms) * exp(0.15 * normal(w));
        o.n_prompt = q->n_prompt;
        o.n_out = (uint32_t)fmax(1, truth->n_out * exp(0.3 * normal(w)));
        if (q->n_max > 0 && o.n_out > q->n_max)
            o.n_out = q->n_max;
        o.total_ms = o.ttft_ms + (o.total_ms - o.ttft_ms) * o.n_out / truth->n_out;
        o.energy_j = c->power_w > 0 ? truth->energy_j * o.n_out / truth->n_out : 0;
        o.is_rated = chance(w, 0.4);
        o.quality = chance(w, truth->quality) ? 1 : 0;
        if (c->money_left >= 0)
            c->money_left = fmax(c->money_left - truth->cost, 0);
    }
    wf_experience_learn(w->experience, q, c, &o, w->now_ms);
}

static void step(struct world *w, uint64_t seed, struct route_sim_result *out)
{
    struct wf_route_request q;
    struct wf_decision d, blind;
    struct wf_estimate truth[ENGINES_MAX];
    struct wf_route_options o = {
        .experience = w->experience, .explore = &w->explore.rng, .now_ms = w->now_ms};
    double best = 0, sum = 0;
    size_t i;

    pass_time(w);
    make_request(w, &q);
    o.now_ms = w->now_ms;
    wf_route_decide(&q, w->candidates, w->n, &o, &d);
    out->n_decisions++;
    check(w, &q, &d, seed, out);
    i = wf_decision_chosen(&d);
    out->digest = out->digest * 1099511628211u ^ (i + 31 * d.hedge + 977 * d.cascade);
    if (i == WF_ROUTE_NONE) {
        out->n_empty++;
        return;
    }
    for (size_t k = 0; k < d.n_allowed; k++) {
        struct wf_estimate *t = &truth[d.order[k]];
        double u;
        true_estimate(w, &q, d.order[k], t);
        u = wf_route_utility(&q, &w->candidates[d.order[k]], t);
        best = fmax(best, u);
        sum += u;
    }
    out->oracle += best;
    out->random += sum / (double)d.n_allowed;
    out->ours += wf_route_utility(&q, &w->candidates[i], &truth[i]);
    wf_route_decide(&q, w->candidates, w->n, &(struct wf_route_options){.now_ms = w->now_ms},
                    &blind);
    if (wf_decision_chosen(&blind) != WF_ROUTE_NONE) {
        size_t b = wf_decision_chosen(&blind);
        true_estimate(w, &q, b, &truth[b]);
        out->blind += wf_route_utility(&q, &w->candidates[b], &truth[b]);
    }
    answer(w, &q, i, &truth[i]);
}

void route_sim_run(uint64_t seed, uint64_t n, struct route_sim_result *out)
{
    struct world *w = calloc(1, sizeof(*w));

    if (w == NULL || wf_experience_new(&w->experience, NULL) != 0)
        abort();
    wf_rng_seeded_init(&w->dice, seed);
    wf_rng_seeded_init(&w->explore, ~seed);
    w->n = 2 + below(w, ENGINES_MAX - 1);
    w->now_ms = INT64_C(1700000000000);
    w->charge = 1;
    for (size_t i = 0; i < w->n; i++)
        make_engine(w, i);
    for (uint64_t i = 0; i < n; i++)
        step(w, seed, out);
    wf_experience_free(w->experience);
    free(w);
}

double route_sim_regret(const struct route_sim_result *r)
{
    return r->oracle > 0 ? (r->oracle - r->ours) / r->oracle : 0;
}
