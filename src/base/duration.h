/* Duration: a length of time in words. Thread rule: any. */
#ifndef WF_BASE_DURATION_H
#define WF_BASE_DURATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* A duration as Go writes it ("5m", "1h30m", "-1s", "300ms", "0"), or a bare number of seconds.
 * False on anything else, also when it is longer than 64 bits of nanoseconds take. */
bool wf_duration_read(struct wf_str text, int64_t *out_ns);

#endif
