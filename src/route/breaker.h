/* Breaker: when to try an engine again, and when to leave it alone.
 *
 * One for each engine. It counts failures in a row: after some the engine is left alone for a
 * while that doubles each time (open); then one request is let through to see (half open); where
 * that goes well all may go. It also remembers what the provider's headers said is left of its own
 * limits, so that no request is sent that would be refused. Pure: clock and randomness are seams.
 * Thread rule: owner. */
#ifndef WF_ROUTE_BREAKER_H
#define WF_ROUTE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/rng.h"
#include "route/provider.h"

/* All zero: the defaults in brackets. */
struct wf_breaker_options {
    uint32_t n_failures;  /* in a row that open it [5] */
    int64_t open_ms;      /* left alone, the first time [2000] */
    int64_t open_ms_max;  /* ... and at most [120000] */
    uint32_t n_tries;     /* of one request, the first included [3] */
    int64_t wait_ms;      /* before the second try, doubled for each further one [250] */
    int64_t wait_ms_max;  /* ... and at most [8000] */
    int64_t after_ms_max; /* a provider's "retry after" that is longer is not waited for [30000] */
};

enum wf_breaker_state {
    WF_BREAKER_CLOSED,
    WF_BREAKER_OPEN,
    WF_BREAKER_HALF_OPEN,
};

struct wf_breaker {
    struct wf_breaker_options _o;
    const struct wf_clock *_clock;
    const struct wf_rng *_rng;
    enum wf_breaker_state _state;
    bool _is_probing;               /* half open: the one request is under way */
    uint32_t _n_failures;           /* in a row */
    uint32_t _n_opened;             /* in a row, without a success between */
    int64_t _until_ns;              /* open: until then */
    int64_t _quiet_ns;              /* the provider asked not to be called until then */
    int64_t _n_requests, _n_tokens; /* left by its headers; -1: not known */
    int64_t _requests_reset_ns, _tokens_reset_ns;
};

/* Closed, with nothing known. o NULL: the defaults; clock, rng NULL: the system's. */
void wf_breaker_init(struct wf_breaker *b, const struct wf_breaker_options *o,
                     const struct wf_clock *clock, const struct wf_rng *rng);

/* Whether a request of so many tokens may go now; counts it against what is left. If not,
 * *out_wait_ms (may be NULL) says when to ask again. After true, wf_breaker_done must follow. */
bool wf_breaker_enter(struct wf_breaker *b, int64_t n_tokens, int64_t *out_wait_ms);
/* As enter would answer, without anything changing. */
bool wf_breaker_would(const struct wf_breaker *b, int64_t n_tokens, int64_t *out_wait_ms);

/* How a request went: problem NULL: well. Where the provider asked for a pause it has that, and
 * this is no failure that opens it. What is no fault of the engine's (the request itself, the
 * caller gone) counts as well. rates may be NULL. */
void wf_breaker_done(struct wf_breaker *b, const struct wf_provider_problem *problem,
                     const struct wf_provider_rates *rates);

/* What the state is now. */
enum wf_breaker_state wf_breaker_state(const struct wf_breaker *b);

/* How long to wait before try number i_try (1 is the second) of a request that failed so; -1: no
 * more tries. Between half and the whole of what doubles with each try (jitter), behind what the
 * provider asked for. */
int64_t wf_breaker_wait_ms(const struct wf_breaker *b, uint32_t i_try,
                           const struct wf_provider_problem *problem);

#endif
