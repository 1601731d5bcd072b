/* SPDX-License-Identifier: Apache-2.0 */
/* The zone by localtime_r alone: mktime would look at the zone's file again, which a locked process
 * may not. */
#include "os/zone.h"

#include <time.h>

#define MINUTE_MS 60000

void wf_zone_init(void)
{
    tzset();
}

void wf_zone_civil(int64_t ms, struct wf_civil *out)
{
    int64_t s = ms / 1000 - (ms % 1000 < 0);
    time_t t = (time_t)s;
    struct tm tm;

    if (localtime_r(&t, &tm) == NULL) { /* the year does not fit: nothing that anybody means */
        *out = (struct wf_civil){.year = 9999, .month = 12, .day = 31};
        return;
    }
    *out = (struct wf_civil){.year = tm.tm_year + 1900,
                             .month = tm.tm_mon + 1,
                             .day = tm.tm_mday,
                             .hour = tm.tm_hour,
                             .minute = tm.tm_min};
}

static int64_t minutes_of(const struct wf_civil *c)
{
    return wf_civil_days(c) * 1440 + c->hour * 60 + c->minute;
}

/* What clocks are ahead of UTC at a moment, in minutes. */
static int64_t ahead(int64_t minutes)
{
    struct wf_civil c;

    wf_zone_civil(minutes * MINUTE_MS, &c);
    return minutes_of(&c) - minutes;
}

int64_t wf_zone_ms(const struct wf_civil *c)
{
    int64_t wall = minutes_of(c);
    int64_t before = ahead(wall - 1440), after = ahead(wall + 1440);

    /* The zone's hours a day before and a day after: one of the two holds at that time. */
    if (ahead(wall - before) == before)
        return (wall - before) * MINUTE_MS;
    if (ahead(wall - after) == after)
        return (wall - after) * MINUTE_MS;
    return (wall - before) * MINUTE_MS; /* clocks are put forward over it */
}
