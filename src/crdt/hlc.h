/* Hybrid logical clock (Kulkarni et al. 2014): times of changes that are close to what the clock on
 * the wall says, and never contradict what was seen before: a device that has seen a change writes
 * later ones, whatever its own clock shows.
 *
 * A time is a number: milliseconds since 1970 in the high 48 bits (below 2^47), a counter in the
 * low 16. Who has many changes in one millisecond counts; what overflows borrows from the next
 * millisecond. 0 is no time. The last time given has to outlive a restart: it is stored with the
 * change that bears it. Thread rule: owner. */
#ifndef WF_CRDT_HLC_H
#define WF_CRDT_HLC_H

#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

/* How far ahead of this device's clock another's may be: more than clocks differ that nobody sets
 * (phones and computers get the time from networks), and little enough that a wrong one does not
 * win for long over changes that were made later. */
#define WF_HLC_AHEAD_MS_MAX (10 * 60000)

struct wf_hlc {
    const struct wf_clock *clock; /* NULL: the system's */
    uint64_t last;                /* the latest time given or seen */
};

/* A clock that goes on behind `last` (0: a new one). */
void wf_hlc_init(struct wf_hlc *h, const struct wf_clock *clock, uint64_t last);

/* The time of a new change: later than all before. */
uint64_t wf_hlc_now(struct wf_hlc *h);

/* Takes note of another device's time. RANGE: it is more than WF_HLC_AHEAD_MS_MAX ahead of this
 * device's clock, or none; nothing is noted then, and the sentence says by how much. */
int wf_hlc_see(struct wf_hlc *h, uint64_t t, struct wf_err *err) WF_MUST_USE;

/* Milliseconds since 1970 of a time. */
int64_t wf_hlc_ms(uint64_t t);

/* How far the clock's last time is ahead of the wall's, in ms (0: it is not): after that clock was
 * set back. What is written then is refused elsewhere when it is above WF_HLC_AHEAD_MS_MAX. */
int64_t wf_hlc_ahead_ms(const struct wf_hlc *h);

#endif
