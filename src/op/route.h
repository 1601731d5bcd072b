/* Where a chat request would run, as JSON: what `weft route --dry-run` prints.
 *
 * The label of everything that is in the request, the policy's gate for each engine, then
 * route/route.h. The engines are given: nothing here asks them. Threads: owner. */
#ifndef WF_OP_ROUTE_H
#define WF_OP_ROUTE_H

#include <jansson.h>

#include "engine/engine.h"
#include "model/hardness.h"
#include "op/label.h"
#include "op/texts.h"
#include "route/experience.h"
#include "route/route.h"

/* Messages of a request; a longer conversation is refused here. */
#define WF_ROUTE_MESSAGES_MAX 4096u

/* A place where requests may run. */
struct wf_route_site {
    char name[320];        /* "gpt", "gpt/gpt-5", "here" */
    struct wf_candidate c; /* rights, label and consent are filled in */
    struct wf_target target;
    bool is_node; /* one of the owner's other nodes: nothing is released for it */
};

struct wf_route_plan {
    struct wf_labeler *labeler;
    const struct wf_policy *policy; /* NULL: everything is secret */
    const struct wf_hardness *hardness;
    const struct wf_experience *experience; /* NULL: nothing was learned */
    struct wf_route_site *sites;            /* [n] */
    size_t n;
    enum wf_balance balance;
    bool has_consent, is_offline, here_only;
    double deadline_ms;
    int64_t now_ms;
    uint64_t seed; /* of the conversations' hashes */
};

/* What of a request is looked through, each of it together. */
enum wf_route_value {
    WF_ROUTE_MESSAGES,
    WF_ROUTE_TOOLS,
    WF_ROUTE_SCHEMA,
    WF_ROUTE_VALUES
};

/* What detectors found in a request's values, for who is to look at the same ones again. It counts
 * for those very values, unchanged, and for the same detectors; whoever made it owns all of it. */
struct wf_route_seen {
    const struct wf_detector *detector;
    const struct wf_lens_pool *lens; /* NULL: patterns alone */
    const json_t *values[WF_ROUTE_VALUES];
    const struct wf_texts *texts[WF_ROUTE_VALUES]; /* NULL: it was not read */
};

/* A request that was looked at. Candidates borrow from the plan's sites. */
struct wf_route_case {
    struct wf_route_request q;
    struct wf_candidate *candidates; /* [the plan's n] with label, clearance and consent */
    struct wf_gate *gates;           /* likewise */
    struct wf_decision decision;     /* once it is chosen */
    struct wf_context_part *parts;   /* [n_parts] the messages, then the rest */
    size_t n_parts;
    uint64_t hash; /* of the whole conversation */
    struct wf_texts *texts[WF_ROUTE_VALUES];
};

/* Looks at a chat: what is in it, what it needs, how hard it is, which gates are open. *out is
 * owned by the caller, and borrows from the request and the plan's sites. Errors: INVAL (no chat),
 * LIMIT, NOMEM, those of wf_labeler_find. */
int wf_route_look(const struct wf_route_plan *p, const struct wf_gen_request *q,
                  struct wf_route_case **out, struct wf_err *err) WF_MUST_USE;
/* Whether a person may release the request for a candidate that the policy keeps it from, and it
 * could run there then. While the case has its parts. */
bool wf_route_may_release(const struct wf_route_plan *p, const struct wf_route_case *c, size_t i);
/* Of those the one with the best utility; WF_ROUTE_NONE: there is none. */
size_t wf_route_best_released(const struct wf_route_plan *p, const struct wf_route_case *c);

/* Lets go of what borrows from the request: the texts and parts. */
void wf_route_case_forget(struct wf_route_case *c);
/* NULL is a no-op. */
void wf_route_case_free(struct wf_route_case *c);
/* Decides, by what the plan's experience knows; explore: NULL, or chance for trying others. */
void wf_route_choose(const struct wf_route_plan *p, const struct wf_rng *explore,
                     struct wf_route_case *c);

/* A chat in OpenAI's form as a request, as far as a decision needs it. Borrows from the chat. */
struct wf_gen_request wf_route_request_of(const json_t *chat);
/* A case that was decided, as JSON. *out is a new reference. Errors: NOMEM. */
int wf_route_tell(const struct wf_route_plan *p, const struct wf_route_case *c, json_t **out,
                  struct wf_err *err) WF_MUST_USE;

/* {"label", "reasons": [sentences], "kind", "balance", "prompt_tokens", "candidates": [{"engine",
 * "model", "tier", "allowed", "why", "barrier", "label", "redacted", "ttft_ms", "total_ms",
 * "quality", "energy_j", "cost", "carbon_g", "works", "utility"}], "chosen": engine or null,
 * "order": [engines], "advice": {"hedge": {"engine", "after_ms"}, "cascade": {"first", "then"}},
 * each where there is one} for a chat request in OpenAI's form. *out is a new reference. Errors:
 * INVAL (not such a request), LIMIT, NOMEM, those of wf_labeler_find. */
int wf_route_explain(const struct wf_route_plan *p, const json_t *chat, json_t **out,
                     struct wf_err *err) WF_MUST_USE;

#endif
