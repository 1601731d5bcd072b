/* SPDX-License-Identifier: Apache-2.0 */
/* A breaker's states:
 *
 *   closed --failures in a row--> open --time--> half open --well--> closed
 *                                  ^                 |
 *                                  +----- badly -----+   (twice as long)
 *
 * Only failures that another try could mend count: a wrong request says nothing of the engine. */
#include "route/breaker.h"

#include <assert.h>
#include <stddef.h>

#define NS_PER_MS INT64_C(1000000)
/* What is asked to come back when somebody else's probe is under way. */
#define PROBE_WAIT_MS 100

static struct wf_breaker_options with_defaults(const struct wf_breaker_options *o)
{
    struct wf_breaker_options d = {.n_failures = 5,
                                   .open_ms = 2000,
                                   .open_ms_max = 120000,
                                   .n_tries = 3,
                                   .wait_ms = 250,
                                   .wait_ms_max = 8000,
                                   .after_ms_max = 30000};

    if (!o)
        return d;
    if (o->n_failures > 0)
        d.n_failures = o->n_failures;
    if (o->open_ms > 0)
        d.open_ms = o->open_ms;
    if (o->open_ms_max > 0)
        d.open_ms_max = o->open_ms_max;
    if (o->n_tries > 0)
        d.n_tries = o->n_tries;
    if (o->wait_ms > 0)
        d.wait_ms = o->wait_ms;
    if (o->wait_ms_max > 0)
        d.wait_ms_max = o->wait_ms_max;
    if (o->after_ms_max > 0)
        d.after_ms_max = o->after_ms_max;
    return d;
}

void wf_breaker_init(struct wf_breaker *b, const struct wf_breaker_options *o,
                     const struct wf_clock *clock, const struct wf_rng *rng)
{
    *b = (struct wf_breaker){
        ._o = with_defaults(o), ._clock = clock, ._rng = rng, ._n_requests = -1, ._n_tokens = -1};
}

static int64_t doubled(int64_t ms, uint32_t times, int64_t most)
{
    while (times > 0 && ms < most) {
        ms = ms > most / 2 ? most : ms * 2;
        times--;
    }
    return WF_MIN(ms, most);
}

enum wf_breaker_state wf_breaker_state(const struct wf_breaker *b)
{
    if (b->_state == WF_BREAKER_OPEN && wf_clock_mono_ns(b->_clock) >= b->_until_ns)
        return WF_BREAKER_HALF_OPEN;
    return b->_state;
}

static bool wait(int64_t until_ns, int64_t now_ns, int64_t *out_wait_ms)
{
    if (until_ns <= now_ns)
        return false;
    if (out_wait_ms)
        *out_wait_ms = (until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
    return true;
}

/* What the headers said is left does not cover it, and is not full again yet. */
static bool is_short(int64_t left, int64_t need, int64_t reset_ns, int64_t now_ns,
                     int64_t *out_wait_ms)
{
    return left >= 0 && left < need && wait(reset_ns, now_ns, out_wait_ms);
}

bool wf_breaker_would(const struct wf_breaker *b, int64_t n_tokens, int64_t *out_wait_ms)
{
    int64_t now = wf_clock_mono_ns(b->_clock);
    enum wf_breaker_state state = wf_breaker_state(b);

    if (state == WF_BREAKER_OPEN && wait(b->_until_ns, now, out_wait_ms))
        return false;
    if (state == WF_BREAKER_HALF_OPEN && b->_is_probing) {
        if (out_wait_ms)
            *out_wait_ms = PROBE_WAIT_MS;
        return false;
    }
    return !wait(b->_quiet_ns, now, out_wait_ms) &&
           !is_short(b->_n_requests, 1, b->_requests_reset_ns, now, out_wait_ms) &&
           !is_short(b->_n_tokens, n_tokens, b->_tokens_reset_ns, now, out_wait_ms);
}

/* Counts down what is left; what is full again by now is not known any more. */
static void spend(int64_t *left, int64_t n, int64_t reset_ns, int64_t now_ns)
{
    if (*left < 0)
        return;
    *left = reset_ns <= now_ns ? -1 : WF_MAX(*left - n, 0);
}

bool wf_breaker_enter(struct wf_breaker *b, int64_t n_tokens, int64_t *out_wait_ms)
{
    int64_t now = wf_clock_mono_ns(b->_clock);

    assert(n_tokens >= 0);
    if (!wf_breaker_would(b, n_tokens, out_wait_ms))
        return false;
    if (wf_breaker_state(b) == WF_BREAKER_HALF_OPEN) {
        b->_state = WF_BREAKER_HALF_OPEN;
        b->_is_probing = true;
    }
    spend(&b->_n_requests, 1, b->_requests_reset_ns, now);
    spend(&b->_n_tokens, n_tokens, b->_tokens_reset_ns, now);
    return true;
}

static void open(struct wf_breaker *b, int64_t now_ns)
{
    b->_until_ns = now_ns + doubled(b->_o.open_ms, b->_n_opened, b->_o.open_ms_max) * NS_PER_MS;
    b->_state = WF_BREAKER_OPEN;
    b->_is_probing = false;
    b->_n_failures = 0;
    if (b->_n_opened < UINT32_MAX)
        b->_n_opened++;
}

static void take_rates(struct wf_breaker *b, const struct wf_provider_rates *r, int64_t now_ns)
{
    if (r->n_requests >= 0) {
        b->_n_requests = r->n_requests;
        b->_requests_reset_ns = now_ns + WF_MAX(r->requests_reset_ms, 0) * NS_PER_MS;
    }
    if (r->n_tokens >= 0) {
        b->_n_tokens = r->n_tokens;
        b->_tokens_reset_ns = now_ns + WF_MAX(r->tokens_reset_ms, 0) * NS_PER_MS;
    }
}

void wf_breaker_done(struct wf_breaker *b, const struct wf_provider_problem *problem,
                     const struct wf_provider_rates *rates)
{
    int64_t now = wf_clock_mono_ns(b->_clock);

    if (rates)
        take_rates(b, rates, now);
    if (problem && problem->retry_after_ms > 0)
        b->_quiet_ns = WF_MAX(b->_quiet_ns, now + problem->retry_after_ms * NS_PER_MS);
    if (problem && problem->may_retry) {
        b->_n_failures += problem->retry_after_ms <= 0; /* who asks for a pause is not broken */
        if (b->_state == WF_BREAKER_HALF_OPEN ||
            (b->_state == WF_BREAKER_CLOSED && b->_n_failures >= b->_o.n_failures))
            open(b, now);
        return;
    }
    if (b->_state == WF_BREAKER_OPEN)
        return; /* one that was under way when it opened */
    b->_state = WF_BREAKER_CLOSED;
    b->_is_probing = false;
    b->_n_failures = 0;
    b->_n_opened = 0;
}

int64_t wf_breaker_wait_ms(const struct wf_breaker *b, uint32_t i_try,
                           const struct wf_provider_problem *problem)
{
    int64_t after = problem->retry_after_ms, ms;

    if (!problem->may_retry || problem->is_midway || i_try >= b->_o.n_tries || i_try == 0 ||
        after > b->_o.after_ms_max)
        return -1;
    ms = doubled(b->_o.wait_ms, i_try - 1, b->_o.wait_ms_max);
    ms = ms / 2 + (int64_t)wf_rng_below(b->_rng, (uint64_t)(ms / 2) + 1);
    return WF_MAX(after, 0) + ms; /* all that were sent away would come back at once */
}
