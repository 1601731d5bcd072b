/* Remote: engines elsewhere, as engine/engine.h has engines.
 *
 * A request for one of them is labelled, part by part; what the policy says is to be redacted for
 * that engine is; and only where the policy's gate is open then it goes to airlock, with its label.
 * What comes back is read by the protocol's reader, and what was redacted is put back. Everything
 * that cannot be done is an error and nothing leaves: no policy, no detectors, no airlock, a budget
 * that is spent. An engine that fails is asked again (route/breaker.h) as long as nothing was told,
 * and left alone once it fails again and again. What
 * the policy keeps a person may release for one request, having looked at what would go. Models
 * are called ENGINE/MODEL; all others are the local engine's. Threads: any. */
#ifndef WF_OP_REMOTE_H
#define WF_OP_REMOTE_H

#include <jansson.h>

#include "base/clock.h"
#include "engine/engine.h"
#include "engine/model_store.h"
#include "privacy/detect.h"
#include "privacy/inbound.h"
#include "privacy/policy.h"
#include "route/airlock_link.h"
#include "route/breaker.h"
#include "route/budget.h"
#include "route/engines.h"

struct wf_lens_pool;
struct wf_remote_tickets;

struct wf_remote_options {
    struct wf_engine *local; /* taken over, also on failure */
    const struct wf_engines *engines;
    struct wf_airlock_link *link;
    struct wf_model_store *models; /* whose names come before a provider's */
    const struct wf_detector *detector;
    const struct wf_policy *policy;    /* NULL: nothing leaves */
    struct wf_lens_pool *lens;         /* NULL: patterns alone */
    const struct wf_inbound *inbound;  /* what comes back is looked at; NULL: it is not */
    struct wf_budget *budget;          /* NULL: nothing goes to engines that have a budget */
    struct wf_str who;                 /* the person here, for releases; empty: "owner" */
    struct wf_remote_tickets *tickets; /* the engine's own, which makes them: leave it NULL */
};

/* An engine that is the local one and all of `engines`; what the options point to is borrowed. *out
 * is owned by the caller, until wf_engine_free, which frees the local one, too. Errors: NOMEM, BUSY
 * (no thread). */
int wf_remote_engine_new(const struct wf_remote_options *o, struct wf_engine **out,
                         struct wf_err *err) WF_MUST_USE;

/* What would go to the engine elsewhere that q->model means, exactly, and whether a person may
 * release it. *out is a new reference: {"needed": whether the policy keeps it, "possible", "why"
 * (not), "engine", "to_whom", "model", "from": its label, "clearance", "reason": why it has that
 * label, "above": {type: how many} of data above the clearance, "as_is": whether they would go
 * unreplaced (q->release_as_is), "redactions": of those that
 * would be replaced, "messages": as they would go, "body": the very bytes, "digest": of them, hex,
 * "bytes"}, and where it is possible "to": the label after, "id": for release_id of the same
 * request, "expires": until when, milliseconds since 1970. Nothing is sent. Errors: UNSUPPORTED (it
 * would run on this device), those of generating. */
int wf_remote_look(struct wf_engine *engine, const struct wf_gen_request *q, json_t **out,
                   struct wf_err *err) WF_MUST_USE;

/* The model, ENGINE/MODEL, that a look's "id" is for. Errors: DENIED (there is none, or it is of
 * another engine than `engine`'s), LIMIT. */
int wf_remote_released_model(struct wf_engine *engine, const char *id, char *out, size_t out_bytes,
                             struct wf_err *err) WF_MUST_USE;

/* The engine elsewhere that a model's name means, and in *out_model its name there; NULL: it is one
 * of this device's (whose names come first), or none at all. Any argument may be NULL or empty. */
const struct wf_engine_entry *wf_remote_find(const struct wf_engines *engines,
                                             struct wf_model_store *models, const char *model,
                                             const char **out_model);

/* What an engine elsewhere is like at this moment. */
struct wf_remote_outlook {
    enum wf_breaker_state breaker;    /* OPEN: nothing is sent to it now, whatever the reason */
    double money_left, energy_left_j; /* of the budget that ends first; below 0: no budget */
    double tokens_left;               /* 0: no budget, below 0: it is spent */
};
/* `remote` is one of wf_remote_engine_new, e of its registry. */
void wf_remote_look_out(struct wf_engine *remote, const struct wf_engine_entry *e,
                        struct wf_remote_outlook *out);

/* Calls fn with the name of each model there, ENGINE/MODEL, until it returns anything but 0. */
int wf_remote_models(const struct wf_engines *engines,
                     int (*fn)(void *ud, const char *name, const struct wf_engine_entry *e),
                     void *ud);

#endif
