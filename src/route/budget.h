/* Budget: what each engine has spent today and this month (UTC), and the hard stop.
 *
 * A request reserves what it may cost at most before it goes, and settles what it did cost; what is
 * reserved counts as spent, so that many requests at once cannot go over together. What was spent
 * is kept in one file, replaced whole (at most once a second, and when it is closed): a crash
 * forgets at most the last second, and what was reserved then. A file that cannot be read is an
 * error, and nothing may be spent. Thread rule: any. */
#ifndef WF_ROUTE_BUDGET_H
#define WF_ROUTE_BUDGET_H

#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "route/engines.h"

struct wf_budget;

/* The amounts of one request, or of a day. */
struct wf_spending {
    int64_t money_micro, n_tokens, energy_j;
};

/* Reads what was spent (a missing file: nothing). path is copied; clock NULL: the system's. *out is
 * owned by the caller. Errors: FORMAT, LIMIT, IO, DENIED, NOMEM. */
int wf_budget_open(const char *path, const struct wf_clock *clock, struct wf_budget **out,
                   struct wf_err *err) WF_MUST_USE;
/* Saves, and frees. NULL is a no-op. Errors: those of saving; it is freed all the same. */
int wf_budget_close(struct wf_budget *b, struct wf_err *err);

/* Reserves. Errors: LIMIT (a budget would be exceeded; the sentence says which, what is left and
 * when it is full again), INVAL (negative amounts), NOMEM. Nothing is reserved on an error. */
int wf_budget_reserve(struct wf_budget *b, const struct wf_engine_entry *e,
                      const struct wf_spending *most, struct wf_err *err) WF_MUST_USE;
/* Gives back what was reserved for the entry and books what was spent instead (all zero: nothing),
 * on today's account. Saves now and then. Errors: IO, FULL (booked in memory all the same). */
int wf_budget_settle(struct wf_budget *b, const struct wf_engine_entry *e,
                     const struct wf_spending *most, const struct wf_spending *spent,
                     struct wf_err *err) WF_MUST_USE;

/* Spent today and this month by that engine, without what is reserved. */
void wf_budget_spent(struct wf_budget *b, const char *engine, struct wf_spending *out_day,
                     struct wf_spending *out_month);

/* Writes it now. Errors: IO, FULL. */
int wf_budget_save(struct wf_budget *b, struct wf_err *err) WF_MUST_USE;

#endif
