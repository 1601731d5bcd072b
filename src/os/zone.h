/* Zone: this machine's time zone: what clocks on the wall here show at a moment, and back.
 *
 * The rules of the zone are read by wf_zone_init; after it nothing of the system is opened any
 * more, so that locked processes can ask, too. Thread rule: wf_zone_init init, the rest any. */
#ifndef WF_OS_ZONE_H
#define WF_OS_ZONE_H

#include <stdint.h>

#include "base/civil.h"

/* Reads the zone (TZ, /etc/localtime). Without it, the others read it when first asked. */
void wf_zone_init(void);

/* What clocks show at a moment, in milliseconds since 1970 UTC. */
void wf_zone_civil(int64_t ms, struct wf_civil *out);

/* The moment at which clocks show that; where they never do (they are put forward) what they would
 * show without that, where they do twice the first one. */
int64_t wf_zone_ms(const struct wf_civil *c);

#endif
