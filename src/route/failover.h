/* Failover: one generation over several places, in the order that the decision gave them. Where one
 * fails, the next goes on: from the beginning while nothing was told yet, else behind the last
 * character that was told, so that the answer is whole and nothing in it stands twice. When all
 * have failed and something was told, they are gone through once more.
 *
 * What cannot be taken up in its middle ends with the first place's error once something of it was
 * told: tool calls, several choices at once, prompts as tokens, answers under a grammar or schema.
 * Thoughts that were told are not told again. Threads: one generation has one owner. */
#ifndef WF_ROUTE_FAILOVER_H
#define WF_ROUTE_FAILOVER_H

#include "base/clock.h"
#include "engine/engine.h"
#include "route/experience.h"

#define WF_FAILOVER_PLACES_MAX 8u

struct wf_failover_place {
    struct wf_engine *engine; /* borrowed until the generation is freed */
    const char *model;        /* likewise; NULL: the request's */
    bool can_continue;        /* it goes on with an answer that was begun (WF_ABILITY_CONTINUE) */
};

struct wf_failover_options {
    const struct wf_failover_place *places; /* [n] copied; best first */
    size_t n;                               /* 1..WF_FAILOVER_PLACES_MAX */
    const struct wf_clock *clock;           /* NULL: the system's */
    size_t i_hedge;        /* asked, too, where the first place is late (route/hedge.h); 0: none */
    double hedge_after_ms; /* after so long */
    /* How it was at a place, once it has ended there: for wf_experience_learn and the breakers.
     * err NULL: it went well. May be NULL. */
    void (*tell)(void *ud, size_t i_place, const struct wf_outcome *o, const struct wf_err *err);
    void *ud;
};

/* Begins at the first place that takes the request, which is borrowed until wf_gen_free. *out is
 * used and freed like any generation; its usage counts all places. Errors: those of the last place
 * that was asked; what is the request's own fault, or the caller's (INVAL, RANGE, NOMEM, CANCELED),
 * is asked of no second one. */
int wf_failover_generate(const struct wf_failover_options *o, const struct wf_gen_request *q,
                         struct wf_gen **out, struct wf_err *err) WF_MUST_USE;
/* The place that answers now, or answered last. */
size_t wf_failover_at(const struct wf_gen *g);

#endif
