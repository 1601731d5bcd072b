/* Clock seam: time comes from a table, so that simulations and tests decide what time it is.
 *
 * Thread rule: any. */
#ifndef WF_BASE_CLOCK_H
#define WF_BASE_CLOCK_H

#include <stdint.h>

struct wf_clock {
    int64_t (*wall_ms)(void *ud); /* milliseconds since 1970-01-01 UTC; may jump */
    int64_t (*mono_ns)(void *ud); /* nanoseconds since some start; never goes back */
    void *ud;
};

/* The system's clock. Static storage. */
const struct wf_clock *wf_clock_system(void);

/* Shorthands over a clock (NULL = the system's). */
int64_t wf_clock_wall_ms(const struct wf_clock *c);
int64_t wf_clock_mono_ns(const struct wf_clock *c);

#endif
