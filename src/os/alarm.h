/* Alarms: calls that are made at a time, all by one thread, for whoever waits without one of its
 * own. An alarm is a member of what waits; nothing is allocated when one is set.
 *
 * Threads: any; an alarm has one owner. */
#ifndef WF_OS_ALARM_H
#define WF_OS_ALARM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"

struct wf_alarms;

/* All zero: not set. */
struct wf_alarm {
    struct wf_list _node;
    int64_t _at_ns;
    void (*_fn)(void *ud);
    void *_ud;
    bool _is_set;
};

/* Starts the thread. *out is owned by the caller. Errors: NOMEM, BUSY (no thread). */
int wf_alarms_new(struct wf_alarms **out, struct wf_err *err) WF_MUST_USE;
/* Ends it; no alarm may be set any more. NULL is a no-op. */
void wf_alarms_free(struct wf_alarms *a);

/* Calls fn(ud) once, at that time (of the monotonic system clock) or soon after, perhaps before
 * this returns. fn must not wait, nor set or clear an alarm. An alarm that is set is set anew. */
void wf_alarm_set(struct wf_alarms *a, struct wf_alarm *alarm, int64_t at_ns, void (*fn)(void *ud),
                  void *ud);
/* When this returns fn is neither running nor to be called. One that is not set is a no-op. */
void wf_alarm_clear(struct wf_alarms *a, struct wf_alarm *alarm);

#endif
