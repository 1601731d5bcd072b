/* Hedge: two places asked for the same answer, the second only where the first is late with its
 * first event; whichever begins first is kept, the other is cancelled. Of an error of the first
 * nothing is made here: whoever asked goes on to the next place.
 *
 * Each place runs on a thread of its own until its first event. Threads: owner. */
#ifndef WF_ROUTE_HEDGE_H
#define WF_ROUTE_HEDGE_H

#include "base/clock.h"
#include "engine/engine.h"

struct wf_hedge;

struct wf_hedge_place {
    struct wf_engine *engine; /* borrowed until wf_hedge_free */
    const char *model;        /* likewise; NULL: the request's */
};

struct wf_hedge_options {
    struct wf_hedge_place first, second;
    double after_ms;              /* of waiting for the first */
    const struct wf_clock *clock; /* NULL: the system's */
};

struct wf_hedge_won {
    bool is_second;   /* who began */
    bool asked_both;  /* the second was asked at all */
    struct wf_gen *g; /* owned by the caller, who frees it before the hedge */
    bool has_event;   /* the first event; false: the answer is empty */
    struct wf_gen_event event;
    int64_t began_ns, first_ns; /* of who began: asked, and its first event */
};

/* Starts. q is borrowed until wf_hedge_free. *out is to be freed in any case, also after an error.
 * Errors: NOMEM, BUSY (no threads). */
int wf_hedge_start(const struct wf_hedge_options *o, const struct wf_gen_request *q,
                   struct wf_hedge **out, struct wf_err *err) WF_MUST_USE;
/* Waits until one of them begins; with w not NULL WF_GEN_LATER where none has yet, and w->fn is
 * then called as wf_gen_try has it. After anything else it is not to be called again. Errors: of
 * the first where the second was not asked or failed, too. */
int wf_hedge_poll(struct wf_hedge *h, const struct wf_gen_wake *w, struct wf_hedge_won *out_won,
                  struct wf_err *err) WF_MUST_USE;

/* Waits until who lost has ended. NULL is a no-op. */
void wf_hedge_free(struct wf_hedge *h);

#endif
