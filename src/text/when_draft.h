/* What was read of a time, before it is brought to a day and a minute. Only when*.c include this.
 * Thread rule: any. */
#ifndef WF_TEXT_WHEN_DRAFT_H
#define WF_TEXT_WHEN_DRAFT_H

#include <stdbool.h>

#include "base/civil.h"

enum wf_when_half {
    WF_WHEN_HALF_NONE,
    WF_WHEN_HALF_AM,
    WF_WHEN_HALF_PM,
};

struct wf_when_draft {
    /* a length of time from now on */
    int minutes, months;
    bool has_length;
    bool is_coarse; /* of days and more: the time of day is open */
    /* a day, in one of these ways */
    int days; /* from today */
    bool has_days;
    int weekday; /* the next one; 0 is Monday */
    bool has_weekday;
    int next_unit; /* enum wf_when_unit: "next week" */
    bool has_next;
    struct wf_civil date; /* year 0: the next one; day 0: none */
    bool repeats;
    /* a time of day */
    int hour, minute; /* minute may be below 0 */
    bool has_hour, has_minute;
    bool is_named; /* "17 Uhr", noon: as it stands there, no half of a day to be guessed */
    bool has_zero; /* "09:00": likewise */
    enum wf_when_half half;
    int part; /* enum wf_when_part_of_day */
    bool has_part;
};

/* Whether a day was said. */
bool wf_when__has_day(const struct wf_when_draft *d);

/* The day and minute that it means, seen from `now`; false where there is no such day. */
bool wf_when__resolve(const struct wf_when_draft *d, const struct wf_civil *now,
                      struct wf_civil *out);

#endif
