/* Route: where a request runs. Candidates and the request come in as data; hard constraints remove
 * candidates, each with its reason; of those that are left the one with the best expected utility
 * under the person's balance is chosen, and the others in their order are what follows when it
 * fails. Nothing that a constraint removed is ever chosen, advised or explored.
 *
 * It knows no sockets, no store, no clock: what it learned of engines is in struct wf_experience
 * (route/experience.h), chance comes from the caller. A decision allocates nothing. Threads: any,
 * as far as the experience is not changed meanwhile. */
#ifndef WF_ROUTE_ROUTE_H
#define WF_ROUTE_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/str.h"
#include "privacy/label.h"
#include "privacy/policy.h"
#include "route/breaker.h"
#include "route/engines.h"

/* Engines times their models; an organisation picks from its own list. */
#define WF_ROUTE_CANDIDATES_MAX 64u
#define WF_ROUTE_NONE SIZE_MAX

/* What kind of request: answers' quality and length are learned for each. The names are stored. */
enum wf_kind {
    WF_KIND_CHAT,
    WF_KIND_CODE,
    WF_KIND_MATH,
    WF_KIND_CHOICE, /* one of given answers */
    WF_KIND_WRITE,
    WF_KIND_TRANSLATE,
    WF_KIND_SUMMARIZE,
    WF_KIND_TOOLS,
    WF_KIND_COUNT
};

/* "chat", ...; static storage. And back; false: none has that name. */
const char *wf_kind_name(enum wf_kind kind);
bool wf_kind_parse(struct wf_str name, enum wf_kind *out) WF_MUST_USE;

/* What kind a request's text (valid UTF-8) seems to be. And how many tokens a text has, about, for
 * engines whose vocabulary is not here. */
enum wf_kind wf_kind_of(struct wf_str text, bool has_tools);
uint32_t wf_tokens_about(struct wf_str text);

/* What a person wants most. */
enum wf_balance {
    WF_BALANCE_GOOD, /* the likeliest right answer */
    WF_BALANCE_FAST,
    WF_BALANCE_FRUGAL,  /* energy and money */
    WF_BALANCE_PRIVATE, /* as near to oneself as it can be done */
    WF_BALANCE_COUNT
};
const char *wf_balance_name(enum wf_balance balance);
bool wf_balance_parse(struct wf_str name, enum wf_balance *out) WF_MUST_USE;

/* An engine with one of its models. Zeros mean "not known", and are then estimated. */
struct wf_candidate {
    struct wf_str engine, model; /* borrowed; no white space in them */
    enum wf_tier tier;
    enum wf_label clearance; /* the highest label it may see */
    bool is_refused;     /* the policy's gate is closed (wf_policy_gate), whatever its clearance */
    bool needs_consent;  /* the person must be asked, and has not been */
    enum wf_label label; /* of what would go there, after redaction; never below public */
    unsigned abilities;  /* enum wf_ability */
    uint64_t n_params;   /* weights; 0: not known */
    uint32_t n_context;  /* tokens; 0: not known, taken as enough */
    double price_in, price_out; /* money a million tokens */
    double money_left;          /* of the budget that ends first; below 0: no budget */
    double energy_left_j;       /* likewise */
    double tokens_left;         /* likewise; 0: no budget, below 0: it is spent */
    double read_ms, write_ms;   /* measured, a token of the prompt and of the answer */
    double round_trip_ms;
    double load_ms;    /* until its model is in memory; 0: it is */
    uint32_t n_queued; /* requests before this one */
    uint32_t n_slots;  /* it answers at once; 0: one */
    double power_w;    /* draws more than at rest while it works; 0: modelled by its size */
    enum wf_breaker_state breaker;
    /* The device it runs on: */
    float battery;       /* share that is left, 0..1; below 0: it has none, or is charged */
    float heat;          /* 0 cool .. 1 throttled */
    double carbon_g_kwh; /* of its current; 0: not configured */
    bool needs_network;  /* is not reached while offline */
};

/* A request, as the decision sees it. */
struct wf_route_request {
    enum wf_kind kind;
    enum wf_balance balance;
    unsigned needs;     /* enum wf_ability */
    uint32_t n_prompt;  /* tokens */
    uint32_t n_max;     /* tokens it asks for at most; 0: open */
    float hard_small;   /* log odds that a small and a large model answer it right */
    float hard_large;   /* (model/hardness.h) */
    double deadline_ms; /* until the whole answer; 0: none */
    bool has_consent;   /* the person agreed to candidates that need it */
    bool is_offline;
    bool here_only;      /* nothing but this device ("prefer local" as a must) */
    float battery_least; /* below it a device on battery does not work; 0: 0.2 */
    float heat_most;     /* above it likewise; 0: 0.9 */
};

/* Why a candidate was removed: name, sentence. In the order in which they are looked at. */
#define WF_BARRIER_MAP(X)                                                                          \
    X(NONE, "allowed", "it may be asked")                                                          \
    X(CLEARANCE, "clearance", "it may not see what has this label")                                \
    X(SECRET, "secret", "what is secret stays on this device")                                     \
    X(POLICY, "policy", "a sentence of the policy forbids it")                                     \
    X(HERE, "here", "only this device is wanted")                                                  \
    X(CONSENT, "consent", "you have not agreed to it yet")                                         \
    X(OFFLINE, "offline", "there is no network")                                                   \
    X(BREAKER, "breaker", "it failed a moment ago")                                                \
    X(ABILITY, "ability", "it cannot do what the request needs")                                   \
    X(CONTEXT, "context", "the request is longer than its context")                                \
    X(BUDGET, "budget", "the budget would be overdrawn")                                           \
    X(BATTERY, "battery", "its battery is low")                                                    \
    X(HEAT, "heat", "its device is too hot")                                                       \
    X(DEADLINE, "deadline", "it would not be finished in time")

enum wf_barrier {
#define WF_BARRIER_ENUM(name, word, text) WF_BARRIER_##name,
    WF_BARRIER_MAP(WF_BARRIER_ENUM)
#undef WF_BARRIER_ENUM
    WF_BARRIER_COUNT
};

/* "clearance" and its sentence; static storage. */
const char *wf_barrier_name(enum wf_barrier b);
const char *wf_barrier_text(enum wf_barrier b);

/* What a request would be like at a candidate. Medians, and where they are known how far off they
 * may be: a factor of exp(sd). */
struct wf_estimate {
    double ttft_ms, total_ms; /* to the first token; to the last */
    double ttft_sd, total_sd; /* of their logarithms */
    double n_out;             /* tokens of the answer */
    double quality;           /* probability that the answer is right, or good enough */
    double quality_sd;
    double works;    /* probability that it does not fail */
    double energy_j; /* all of it, wherever it is drawn */
    double cost;     /* money */
    double carbon_g;
};

struct wf_verdict_of {
    enum wf_barrier barrier;
    struct wf_estimate estimate;
    double utility; /* expected, 0..1; what they were ordered by is in `drawn` */
    double drawn;
};

struct wf_decision {
    size_t n; /* candidates */
    struct wf_verdict_of of[WF_ROUTE_CANDIDATES_MAX];
    uint8_t order[WF_ROUTE_CANDIDATES_MAX]; /* [n_allowed] best first: the first is chosen */
    size_t n_allowed;
    bool explores; /* the first is not the one with the best expectation */
    /* Advice; WF_ROUTE_NONE: none. */
    size_t hedge;          /* ask this one, too, when the first has not begun ... */
    double hedge_after_ms; /* ... by then */
    size_t cascade;        /* ask this one first and check its answer; where that is wrong ... */
    size_t cascade_then;   /* ... ask this one */
    double cascade_utility;
};

struct wf_experience;

struct wf_route_options {
    const struct wf_experience *experience; /* NULL: nothing was learned */
    const struct wf_rng *explore;           /* Thompson sampling with this; NULL: no exploration */
    int64_t now_ms;                         /* since 1970: what was learned fades */
};

/* Decides. n at most WF_ROUTE_CANDIDATES_MAX (more are cut off). *out is written whole; no
 * candidate allowed is no error: n_allowed is 0 and each says why. */
void wf_route_decide(const struct wf_route_request *q, const struct wf_candidate *candidates,
                     size_t n, const struct wf_route_options *o, struct wf_decision *out);

/* What an answer of that estimate at that candidate is worth to the request, 0..1. */
double wf_route_utility(const struct wf_route_request *q, const struct wf_candidate *c,
                        const struct wf_estimate *e);

/* The chosen one, or WF_ROUTE_NONE. */
size_t wf_decision_chosen(const struct wf_decision *d);

#endif
