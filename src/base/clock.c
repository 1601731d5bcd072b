/* SPDX-License-Identifier: Apache-2.0 */
/* Clock: the system's time behind the table of clock.h.
 *
 * clock_gettime() with these two clocks cannot fail on a kernel that weft runs on, so a failure is
 * a bug of ours and asserted. CLOCK_MONOTONIC stands still while the machine sleeps, which is what
 * timeouts want. */
#include "base/clock.h"

#include <assert.h>
#include <stddef.h>
#include <time.h>

static struct timespec now(clockid_t id)
{
    struct timespec ts;
    int r = clock_gettime(id, &ts);
    assert(r == 0);
    (void)r; /* only asserted */
    return ts;
}

static int64_t system_wall_ms(void *ud)
{
    (void)ud; /* the system has one clock */
    struct timespec ts = now(CLOCK_REALTIME);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t system_mono_ns(void *ud)
{
    (void)ud; /* the system has one clock */
    struct timespec ts = now(CLOCK_MONOTONIC);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

const struct wf_clock *wf_clock_system(void)
{
    static const struct wf_clock system_clock = {system_wall_ms, system_mono_ns, NULL};
    return &system_clock;
}

int64_t wf_clock_wall_ms(const struct wf_clock *c)
{
    if (!c)
        c = wf_clock_system();
    return c->wall_ms(c->ud);
}

int64_t wf_clock_mono_ns(const struct wf_clock *c)
{
    if (!c)
        c = wf_clock_system();
    return c->mono_ns(c->ud);
}
