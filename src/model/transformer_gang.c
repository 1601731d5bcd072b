/* SPDX-License-Identifier: Apache-2.0 */
/* How many members of a runner's gang a pass has: those that its throttle says, which hears of
 * every pass what it took and what members lost to other programs. Passes of few tokens, which
 * memory bounds, and of many, which arithmetic does, have a throttle each. */
#include "base/clock.h"
#include "base/config.h"
#include "model/transformer_internal.h"

/* More tokens are many. */
#define FEW 24
/* A pass does so much beside what it does for each token: weights that are read. */
#define WORK_OF_PASS 10
/* What the device lives on is looked at so often; drivers may ask slow hardware. */
#define POWER_NS 5000000000

static bool is_steered(const struct wf_runner *r)
{
    return !r->is_fixed && wf_gang_size(r->gang) > 1;
}

void wf_transformer__begin_pass(struct wf_runner *r, size_t n_tok)
{
    if (!is_steered(r))
        return;
    r->begun_ns = wf_clock_mono_ns(NULL);
    wf_gang_limit(r->gang, wf_throttle_n(&r->throttles[n_tok > FEW], r->begun_ns));
    wf_gang_times(r->gang, r->times);
}

size_t wf_runner_n_working(const struct wf_runner *r, size_t n_tok)
{
    return r->throttles[n_tok > FEW].n;
}

static bool is_on_battery(struct wf_runner *r, int64_t now_ns)
{
    struct wf_power_state state;

    if (r->power != NULL && (r->power_ns == 0 || now_ns - r->power_ns > POWER_NS)) {
        wf_power_read(r->power, &state);
        r->is_on_battery = state.battery >= 0;
        r->power_ns = now_ns;
    }
    return r->is_on_battery;
}

void wf_transformer__end_pass(struct wf_runner *r, size_t n_tok, bool done)
{
    struct wf_throttle *t = &r->throttles[n_tok > FEW];
    int64_t now_ns, had_least, *behind = r->times + wf_gang_size(r->gang);
    size_t n;

    if (!is_steered(r) || !done)
        return;
    now_ns = wf_clock_mono_ns(NULL);
    had_least = now_ns - r->begun_ns;
    n = wf_throttle_n(t, r->begun_ns);
    wf_gang_times(r->gang, behind);
    for (size_t i = 0; i < n; i++)
        had_least = WF_MIN(had_least, behind[i] - r->times[i]);
    wf_throttle_ran(t, &(struct wf_throttle_pass){
                           .begun_ns = r->begun_ns,
                           .ended_ns = now_ns,
                           .work = (double)(WORK_OF_PASS + n_tok),
                           .lost_ns = now_ns - r->begun_ns - had_least,
                           .spares = n_tok <= FEW && is_on_battery(r, now_ns),
                       });
}
