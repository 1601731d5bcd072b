/* Router: the engine that chooses an engine.
 *
 * A chat for the model "auto" is labelled as a whole; the models of this device and the engines
 * elsewhere become candidates, each with what it is like at this moment (breaker, budget, load,
 * battery); what is forbidden or impossible is removed, and of the rest the best under the person's
 * balance is asked, the others in their order where it fails, also in the middle of its answer.
 * What that was like teaches the estimates, and the decision is kept for `weft why`. Nothing goes
 * anywhere that it could not go to when it is named: each engine labels, redacts and asks the
 * policy for itself.
 *
 * "auto:good", "auto:fast", "auto:frugal" and "auto:private" say the balance. A chat that names no
 * model is for "auto" where this device has no chat model; everything else goes on to the engine
 * behind as it came. Threads: any. */
#ifndef WF_OP_ROUTER_H
#define WF_OP_ROUTER_H

#include <jansson.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/engine.h"
#include "engine/model_store.h"
#include "op/node_breakers.h"
#include "op/route.h"
#include "os/power.h"
#include "privacy/detect.h"
#include "privacy/policy.h"
#include "route/engines.h"

struct wf_lens_pool;

#define WF_ROUTER_AUTO "auto"

struct wf_router_options {
    struct wf_engine *inner;          /* taken over, also on failure */
    const struct wf_engines *engines; /* those elsewhere, which `inner` then is a
                                         wf_remote_engine_new of; NULL: none */
    struct wf_nodes *nodes; /* the owner's other ones, which `inner` knows (op/remote_node.h);
                               NULL: none */
    struct wf_node_breakers *breakers; /* theirs; NULL: none */
    struct wf_model_store *models;     /* of this device; NULL: none */
    const struct wf_detector *detector;
    const struct wf_policy *policy; /* NULL: everything stays here */
    struct wf_lens_pool *lens;      /* NULL: patterns alone */
    const struct wf_power *power;   /* NULL: not known */
    int64_t carbon_g_kwh;           /* 0: not said */
    uint32_t n_slots;               /* texts that a model of this device writes at once; 0: one */
    enum wf_balance balance;
    bool has_consent;             /* the person agreed to engines that the policy wants asked for */
    bool never_explores;          /* always the best expectation */
    bool never_hedges;            /* nobody else is asked where an engine is late */
    const char *experience;       /* file of what was learned; NULL: it is not kept. Copied */
    const char *routes;           /* the decisions' log; NULL: none is kept. Copied */
    const struct wf_clock *clock; /* NULL: the system's */
    struct wf_log *log;           /* may be NULL */
};

/* What the options point to is borrowed. *out is owned by the caller, until wf_engine_free, which
 * frees the inner one, too. Errors: NOMEM. */
int wf_router_new(const struct wf_router_options *o, struct wf_engine **out,
                  struct wf_err *err) WF_MUST_USE;

/* Waits until every decision whose answer is over stands in the log. `router` is one of
 * wf_router_new; NULL is a no-op. */
void wf_router_settle(struct wf_engine *router);

/* As wf_remote_look, of any engine. For the model "auto" it looks at the engine that would be asked
 * if the person released the request for it, the best of those; "offers" in *out has the names of
 * all (ENGINE/MODEL), and "needed" says whether the policy keeps it from that one. The request then
 * goes there with the release's id, whether it is for "auto" again or names the engine. */
int wf_router_look(struct wf_engine *engine, const struct wf_gen_request *q, json_t **out,
                   struct wf_err *err) WF_MUST_USE;

/* A person's word about an answer, by its request's id: what it says of the engine that gave it is
 * learned, once: the same again changes nothing, another word takes the first one back. *out is a
 * new reference: {"id", "engine": ENGINE/MODEL, "kind", "good", "is_new", "quality": the estimate
 * for such requests now, "quality_sd"}. Errors: INVAL (no id), NOENT (no decision of that id is
 * kept, or nobody answered), FORMAT, NOMEM, IO, DENIED, FULL. */
int wf_router_rate(struct wf_engine *router, struct wf_str id, bool is_good, json_t **out,
                   struct wf_err *err) WF_MUST_USE;

/* A question whose answer is known. */
struct wf_router_trial {
    const char *engine;           /* who is asked: a place's name, as wf_router_explain has them */
    struct wf_str question;       /* valid UTF-8 */
    const struct wf_str *answers; /* [n_answers] each is right (route/judge.h) */
    size_t n_answers;
    size_t n_max;               /* tokens of the answer at most; 0: open */
    bool (*canceled)(void *ud); /* may be NULL */
    void *ud;
};

/* Asks it as any request is asked (label, policy, redaction, budget, breaker) and learns from what
 * comes. *out is a new reference: {"engine", "kind", "asked": false, "why"} where it may not be
 * asked or gave no answer, else {..., "asked": true, "right", "answer", "ms", "tokens_in",
 * "tokens_out", "cost", "route", "quality": the estimate for such requests now, "quality_sd"}.
 * Errors: NOENT (no such place), INVAL, CANCELED, NOMEM. */
int wf_router_try(struct wf_engine *router, const struct wf_router_trial *t, json_t **out,
                  struct wf_err *err) WF_MUST_USE;

/* Whether a name means the router: "auto", with a balance or without. *out_balance (may be NULL) is
 * changed where it says one. */
bool wf_router_is_auto(const char *model, enum wf_balance *out_balance);

/* The engine behind a router; any other engine itself. Borrowed. */
struct wf_engine *wf_router_inner(struct wf_engine *e);

/* Whether "auto" is to be listed among the models: there are engines or nodes to choose from, and
 * no model of this device has its name. `router` is one of wf_router_new, or NULL. */
bool wf_router_is_offered(const struct wf_engine *router);

/* What a person may say for one decision. */
struct wf_router_wish {
    enum wf_balance balance;
    bool has_consent, is_offline, here_only;
    double deadline_ms;
};
/* By the settings. `router` is one of wf_router_new. */
struct wf_router_wish wf_router_wish(const struct wf_engine *router);

/* Where a chat in OpenAI's form would run now, as wf_route_explain has it; nothing is sent.
 * Errors: as there; UNSUPPORTED (no detectors). */
int wf_router_explain(struct wf_engine *router, const struct wf_router_wish *wish,
                      const json_t *chat, json_t **out, struct wf_err *err) WF_MUST_USE;

#endif
