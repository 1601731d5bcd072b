/* Cascade: a small model answers first; its answer is held back and checked (route/check.h), given
 * out where nothing much speaks against it, else thrown away, and the larger ones are asked
 * (route/failover.h). Fewer go to the large one; who waits for the first word waits longer.
 *
 * Only for plain chats: no tools, schema, grammar, several choices, answers that were begun, or
 * logarithms of probability. Threads: one generation has one owner. */
#ifndef WF_ROUTE_CASCADE_H
#define WF_ROUTE_CASCADE_H

#include "route/failover.h"

struct wf_cascade_options {
    /* The first place is the small one, at least one follows. `tell` hears of the small one with
     * its quality rated by the check. */
    struct wf_failover_options places;
    enum wf_kind kind;
};

/* Whether a request can be answered so. */
bool wf_cascade_fits(const struct wf_gen_request *q);

/* Asks the small one; when its answer is whole it is checked, and where it is doubted or fails the
 * rest is begun: until then there is no event. q is borrowed until wf_gen_free. Errors: as
 * wf_failover_generate. */
int wf_cascade_generate(const struct wf_cascade_options *o, const struct wf_gen_request *q,
                        struct wf_gen **out, struct wf_err *err) WF_MUST_USE;
/* As wf_failover_at: 0 where the small one's answer stands. */
size_t wf_cascade_at(const struct wf_gen *g);

#endif
