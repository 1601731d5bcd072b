/* SPDX-License-Identifier: Apache-2.0 */
/* The hybrid clock: the later of the wall's millisecond and one behind the last time. */
#include "crdt/hlc.h"

#include "base/config.h"

#define COUNTER_BITS 16
#define MS_MAX ((INT64_C(1) << 47) - 1) /* the year 6429 */

static int64_t wall_ms(const struct wf_hlc *h)
{
    int64_t ms = wf_clock_wall_ms(h->clock);

    return ms < 0 ? 0 : WF_MIN(ms, MS_MAX - WF_HLC_AHEAD_MS_MAX - 1);
}

void wf_hlc_init(struct wf_hlc *h, const struct wf_clock *clock, uint64_t last)
{
    h->clock = clock;
    h->last = last;
}

uint64_t wf_hlc_now(struct wf_hlc *h)
{
    uint64_t wall = (uint64_t)wall_ms(h) << COUNTER_BITS;

    h->last = wall > h->last ? wall : h->last + 1;
    return h->last;
}

int64_t wf_hlc_ms(uint64_t t)
{
    return (int64_t)(t >> COUNTER_BITS);
}

int wf_hlc_see(struct wf_hlc *h, uint64_t t, struct wf_err *err)
{
    int64_t ahead_ms = wf_hlc_ms(t) - wall_ms(h);

    if (t == 0 || t > INT64_MAX)
        return wf_err_set(err, WF_E_RANGE, "A change has a time that no clock says.");
    if (ahead_ms > WF_HLC_AHEAD_MS_MAX)
        return wf_err_set(err, WF_E_RANGE,
                          "A change says that it was made %lld minutes from now: the clock of the "
                          "device that made it is ahead, or this one's is behind. Set it, then it "
                          "is taken.",
                          (long long)(ahead_ms / 60000));
    h->last = WF_MAX(h->last, t);
    return 0;
}

int64_t wf_hlc_ahead_ms(const struct wf_hlc *h)
{
    return WF_MAX(wf_hlc_ms(h->last) - wall_ms(h), 0);
}
