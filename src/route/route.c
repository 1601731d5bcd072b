/* SPDX-License-Identifier: Apache-2.0 */
/* The decision: barriers, utility, order, advice.
 *
 * Utility is additive and each part lies in 0..1: how likely the answer is right, how soon it is
 * felt to be there, how little it takes of energy and money, how near it stays; times the
 * probability that it comes at all. Invariant: what `order`, `hedge` and `cascade` name has no
 * barrier. */
#include "route/route.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/config.h"
#include "route/experience.h"

/* Where a part of the utility is a half: a felt time, an energy, a price. */
#define HALF_MS 4000.0
#define HALF_J 300.0
#define HALF_COST 0.01
#define FELT_REST 0.3 /* of the time after the first token: one reads while it is written */

/* What a check of an answer is worth: wrong answers that it finds, right ones that it doubts. Of
 * what an answer says, measured on reckoned ones (bench_route_check); this device's models also
 * tell how likely their words were, and what that adds is assumed. */
#define CHECK_FINDS 0.05
#define CHECK_DOUBTS 0.01
#define CHECK_FINDS_HERE 0.4
#define CHECK_DOUBTS_HERE 0.1
#define CASCADE_GAIN 0.01 /* below it the way round is not worth its trouble */

#define BATTERY_LEAST 0.2F
#define HEAT_MOST 0.9F

/* ---- names ---- */

static const char *const kind_names[WF_KIND_COUNT] = {
    "chat", "code", "math", "choice", "write", "translate", "summarize", "tools",
};
static const char *const balance_names[WF_BALANCE_COUNT] = {"good", "fast", "frugal", "private"};

static bool find_name(const char *const *names, size_t n, struct wf_str name, unsigned *out)
{
    for (unsigned i = 0; i < n; i++) {
        if (wf_str_eq(name, wf_str_from(names[i]))) {
            *out = i;
            return true;
        }
    }
    return false;
}

const char *wf_kind_name(enum wf_kind kind)
{
    return (unsigned)kind < WF_KIND_COUNT ? kind_names[kind] : "?";
}

bool wf_kind_parse(struct wf_str name, enum wf_kind *out)
{
    unsigned i;

    if (!find_name(kind_names, WF_KIND_COUNT, name, &i))
        return false;
    *out = (enum wf_kind)i;
    return true;
}

const char *wf_balance_name(enum wf_balance balance)
{
    return (unsigned)balance < WF_BALANCE_COUNT ? balance_names[balance] : "?";
}

bool wf_balance_parse(struct wf_str name, enum wf_balance *out)
{
    unsigned i;

    if (!find_name(balance_names, WF_BALANCE_COUNT, name, &i))
        return false;
    *out = (enum wf_balance)i;
    return true;
}

static const struct {
    const char *name, *text;
} barriers[WF_BARRIER_COUNT] = {
#define BARRIER_ROW(name, word, text) {word, text},
    WF_BARRIER_MAP(BARRIER_ROW)
#undef BARRIER_ROW
};

const char *wf_barrier_name(enum wf_barrier b)
{
    return (unsigned)b < WF_BARRIER_COUNT ? barriers[b].name : "?";
}

const char *wf_barrier_text(enum wf_barrier b)
{
    return (unsigned)b < WF_BARRIER_COUNT ? barriers[b].text : "?";
}

/* ---- hard constraints ---- */

/* What no estimate can change. A label that is none counts as secret, a clearance as public. */
static enum wf_barrier barrier_of_rights(const struct wf_route_request *q,
                                         const struct wf_candidate *c)
{
    enum wf_label label = wf_label_max(c->label, WF_LABEL_PUBLIC);
    bool is_here = c->tier == WF_TIER_HERE;

    if (label == WF_LABEL_SECRET && !is_here)
        return WF_BARRIER_SECRET;
    if ((unsigned)c->clearance >= WF_LABEL_COUNT || c->clearance < label)
        return WF_BARRIER_CLEARANCE;
    if (c->is_refused)
        return WF_BARRIER_POLICY;
    if (q->here_only && !is_here)
        return WF_BARRIER_HERE;
    if (c->needs_consent && !q->has_consent)
        return WF_BARRIER_CONSENT;
    if (q->is_offline && c->needs_network)
        return WF_BARRIER_OFFLINE;
    if (c->breaker == WF_BREAKER_OPEN)
        return WF_BARRIER_BREAKER;
    if ((q->needs & ~c->abilities) != 0)
        return WF_BARRIER_ABILITY;
    return WF_BARRIER_NONE;
}

/* What depends on how long the answer is and how long it takes. */
static enum wf_barrier barrier_of_means(const struct wf_route_request *q,
                                        const struct wf_candidate *c, const struct wf_estimate *e)
{
    double n_most = q->n_max > 0 ? (double)q->n_max : 4.0 * e->n_out;
    double most = ((double)q->n_prompt * c->price_in + n_most * c->price_out) / 1e6;
    double most_j = e->energy_j * n_most / e->n_out;
    float battery = q->battery_least > 0 ? q->battery_least : BATTERY_LEAST;
    float heat = q->heat_most > 0 ? q->heat_most : HEAT_MOST;

    if (c->n_context > 0 &&
        (double)q->n_prompt + (q->n_max > 0 ? n_most : e->n_out) > (double)c->n_context)
        return WF_BARRIER_CONTEXT;
    if ((c->money_left >= 0 && most > c->money_left) ||
        (c->energy_left_j >= 0 && most_j > c->energy_left_j) || c->tokens_left < 0 ||
        (c->tokens_left > 0 && (double)q->n_prompt + n_most > c->tokens_left))
        return WF_BARRIER_BUDGET;
    if (c->battery >= 0 && c->battery < battery)
        return WF_BARRIER_BATTERY;
    if (c->heat > heat)
        return WF_BARRIER_HEAT;
    if (q->deadline_ms > 0 && e->total_ms * exp(e->total_sd) > q->deadline_ms)
        return WF_BARRIER_DEADLINE;
    return WF_BARRIER_NONE;
}

/* ---- utility ---- */

struct weights {
    double right, soon, little, near;
};

static const struct weights weights[WF_BALANCE_COUNT] = {
    [WF_BALANCE_GOOD] = {0.80, 0.08, 0.07, 0.05},
    [WF_BALANCE_FAST] = {0.45, 0.45, 0.05, 0.05},
    [WF_BALANCE_FRUGAL] = {0.45, 0.05, 0.45, 0.05},
    [WF_BALANCE_PRIVATE] = {0.40, 0.05, 0.05, 0.50},
};

static const double nearness[WF_TIER_COUNT] = {
    [WF_TIER_HERE] = 1.0,  [WF_TIER_DEVICE] = 0.9,   [WF_TIER_EDGE] = 0.8,
    [WF_TIER_CLOUD] = 0.5, [WF_TIER_PROVIDER] = 0.0,
};

/* What a way of answering takes and gives: of one candidate, or of a small one, then a large. */
struct way {
    double right, works, felt_ms, energy_j, cost, near;
    double finds, doubts; /* of a check of its answer */
};

static struct way way_of(const struct wf_candidate *c, const struct wf_estimate *e)
{
    return (struct way){
        .right = e->quality,
        .works = e->works,
        .felt_ms = e->ttft_ms + FELT_REST * (e->total_ms - e->ttft_ms),
        .energy_j = e->energy_j,
        .cost = e->cost,
        .near = nearness[c->tier],
        .finds = c->tier == WF_TIER_HERE ? CHECK_FINDS_HERE : CHECK_FINDS,
        .doubts = c->tier == WF_TIER_HERE ? CHECK_DOUBTS_HERE : CHECK_DOUBTS,
    };
}

static double utility(const struct weights *w, const struct way *v)
{
    double soon = HALF_MS / (HALF_MS + v->felt_ms);
    double little = 0.5 * HALF_J / (HALF_J + v->energy_j) + 0.5 * HALF_COST / (HALF_COST + v->cost);

    return v->works *
           (w->right * v->right + w->soon * soon + w->little * little + w->near * v->near);
}

double wf_route_utility(const struct wf_route_request *q, const struct wf_candidate *c,
                        const struct wf_estimate *e)
{
    struct way way = way_of(c, e);

    return utility(&weights[q->balance], &way);
}

/* ---- order ---- */

static void put_in_order(struct wf_decision *d, size_t i)
{
    size_t at = d->n_allowed++;

    for (; at > 0 && d->of[d->order[at - 1]].drawn < d->of[i].drawn; at--)
        d->order[at] = d->order[at - 1];
    d->order[at] = (uint8_t)i;
}

static void judge(const struct wf_route_request *q, const struct wf_candidate *c,
                  const struct wf_route_options *o, struct wf_verdict_of *v)
{
    wf_experience_estimate(o->experience, q, c, o->now_ms, NULL, &v->estimate);
    v->barrier = barrier_of_rights(q, c);
    if (v->barrier == WF_BARRIER_NONE)
        v->barrier = barrier_of_means(q, c, &v->estimate);
    v->utility = v->drawn = wf_route_utility(q, c, &v->estimate);
    if (v->barrier == WF_BARRIER_NONE && o->explore != NULL) {
        struct wf_estimate drawn;
        wf_experience_estimate(o->experience, q, c, o->now_ms, o->explore, &drawn);
        v->drawn = wf_route_utility(q, c, &drawn);
    }
}

/* ---- advice ---- */

/* Another engine that would begin before the slowest of twenty first tokens came here. */
static void advise_hedge(const struct wf_route_request *q, const struct wf_candidate *candidates,
                         struct wf_decision *d)
{
    size_t first = d->order[0];
    const struct wf_estimate *e = &d->of[first].estimate;
    double after = e->ttft_ms * exp(1.64 * e->ttft_sd), worst = e->ttft_ms * exp(2.6 * e->ttft_sd);

    if (q->balance == WF_BALANCE_FRUGAL || q->balance == WF_BALANCE_PRIVATE)
        return; /* asking two takes more, and tells more */
    for (size_t i = 1; i < d->n_allowed && d->hedge == WF_ROUTE_NONE; i++) {
        const struct wf_candidate *c = &candidates[d->order[i]];
        if (c->breaker == WF_BREAKER_CLOSED && !wf_str_eq(c->engine, candidates[first].engine) &&
            after + d->of[d->order[i]].estimate.ttft_ms < worst) {
            d->hedge = d->order[i];
            d->hedge_after_ms = after;
        }
    }
}

/* First a, then, where a check doubts it, b. */
static double cascaded(const struct weights *w, const struct way *a, const struct way *b)
{
    double on = (1.0 - a->right) * a->finds + a->right * a->doubts;
    double right_when_on =
        b->right * on; /* b is asked about the hard ones, too: no more is known */
    struct way v = {
        .right = a->right * (1.0 - a->doubts) + right_when_on,
        .works = a->works + (1.0 - a->works) * b->works,
        .felt_ms = a->felt_ms + on * b->felt_ms,
        .energy_j = a->energy_j + on * b->energy_j,
        .cost = a->cost + on * b->cost,
        .near = (1.0 - on) * a->near + on * b->near,
    };

    return utility(w, &v);
}

static void try_cascade(const struct wf_route_request *q, const struct wf_candidate *candidates,
                        struct wf_decision *d, size_t small, size_t large)
{
    struct way a = way_of(&candidates[small], &d->of[small].estimate);
    struct way b = way_of(&candidates[large], &d->of[large].estimate);
    double u;

    if (a.right >= b.right)
        return;
    u = cascaded(&weights[q->balance], &a, &b);
    if (u > d->cascade_utility) {
        d->cascade_utility = u;
        d->cascade = small;
        d->cascade_then = large;
    }
}

static void advise_cascade(const struct wf_route_request *q, const struct wf_candidate *candidates,
                           struct wf_decision *d)
{
    size_t first = d->order[0];

    d->cascade_utility = d->of[first].utility + CASCADE_GAIN;
    for (size_t i = 1; i < d->n_allowed; i++) {
        try_cascade(q, candidates, d, d->order[i], first);
        try_cascade(q, candidates, d, first, d->order[i]);
    }
}

void wf_route_decide(const struct wf_route_request *q, const struct wf_candidate *candidates,
                     size_t n, const struct wf_route_options *o, struct wf_decision *out)
{
    double best = -1;

    assert((unsigned)q->kind < WF_KIND_COUNT);
    assert((unsigned)q->balance < WF_BALANCE_COUNT);
    out->n = n < WF_ROUTE_CANDIDATES_MAX ? n : WF_ROUTE_CANDIDATES_MAX;
    out->n_allowed = 0;
    out->explores = false;
    out->hedge = out->cascade = out->cascade_then = WF_ROUTE_NONE;
    out->hedge_after_ms = out->cascade_utility = 0;
    for (size_t i = 0; i < out->n; i++) {
        assert((unsigned)candidates[i].tier < WF_TIER_COUNT);
        judge(q, &candidates[i], o, &out->of[i]);
        if (out->of[i].barrier != WF_BARRIER_NONE)
            continue;
        put_in_order(out, i);
        best = fmax(best, out->of[i].utility);
    }
    if (out->n_allowed == 0)
        return;
    out->explores = out->of[out->order[0]].utility < best;
    advise_hedge(q, candidates, out);
    advise_cascade(q, candidates, out);
}

size_t wf_decision_chosen(const struct wf_decision *d)
{
    return d->n_allowed > 0 ? d->order[0] : WF_ROUTE_NONE;
}
