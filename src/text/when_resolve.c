/* SPDX-License-Identifier: Apache-2.0 */
/* The day and minute that a time means: what was left open is filled in here, in one place. */
#include <assert.h>

#include "text/when_draft.h"
#include "text/when_internal.h"

#define DEFAULT_HOUR 9

/* What the parts of a day are when no hour is said. */
static const int hour_of_part[] = {9, 10, 15, 18, 20};

bool wf_when__has_day(const struct wf_when_draft *d)
{
    return d->has_length || d->has_days || d->has_weekday || d->has_next || d->date.day > 0;
}

static bool is_after_noon(const struct wf_when_draft *d)
{
    return d->half == WF_WHEN_HALF_PM || (d->has_part && d->part >= WF_WHEN_AFTERNOON);
}

static bool is_before_noon(const struct wf_when_draft *d)
{
    return d->half == WF_WHEN_HALF_AM || (d->has_part && d->part < WF_WHEN_AFTERNOON);
}

/* Whether the hour stands for one of two. */
static bool is_open(const struct wf_when_draft *d)
{
    return d->has_hour && !d->is_named && !d->has_zero && d->hour > 0 && d->hour < 12 &&
           !is_after_noon(d) && !is_before_noon(d);
}

/* The minute of the day; of a day alone it is nine o'clock. */
static int minute_of_day(const struct wf_when_draft *d)
{
    int hour = d->hour;

    if (!d->has_hour)
        return 60 * (d->has_part ? hour_of_part[d->part] : DEFAULT_HOUR);
    if (hour == 12 && d->has_part && d->part == WF_WHEN_NIGHT)
        hour = 24;
    else if (is_after_noon(d) && hour < 12 &&
             !(d->part == WF_WHEN_NIGHT && d->has_part && hour < 5))
        hour += 12;
    else if (is_before_noon(d) && hour == 12)
        hour = 0;
    else if (is_open(d) && hour < 7)
        hour += 12;
    return hour * 60 + d->minute;
}

static void set_minute_of_day(struct wf_civil *c, int minute)
{
    c->hour = c->minute = 0;
    wf_civil_add_minutes(c, minute);
}

/* The date without a year is the next one. */
static bool set_date(struct wf_civil *c, struct wf_civil date)
{
    bool has_year = date.year > 0;

    for (int i = 0; date.month == 0 && i < 3; i++) { /* a day alone: February may lack it */
        struct wf_civil day = {.year = c->year, .month = c->month, .day = 1};
        wf_civil_add_months(&day, i);
        day.day = date.day;
        if (wf_civil_is_valid(&day) && wf_civil_days(&day) >= wf_civil_days(c)) {
            *c = day;
            return true;
        }
    }
    for (int i = 0; i < 9; i++) { /* 29 February comes every fourth year, or eighth */
        struct wf_civil day = {
            .year = has_year ? date.year : c->year + i, .month = date.month, .day = date.day};
        if (wf_civil_is_valid(&day) && (has_year || wf_civil_days(&day) >= wf_civil_days(c))) {
            *c = day;
            return true;
        }
        if (has_year)
            return false;
    }
    return false;
}

static void set_next(struct wf_civil *c, int unit)
{
    switch (unit) {
    case WF_WHEN_DAYS:
        wf_civil_set_days(c, wf_civil_days(c) + 1);
        break;
    case WF_WHEN_WEEKS: /* its Monday */
        wf_civil_set_days(c, wf_civil_days(c) + 7 - wf_civil_weekday(c));
        break;
    case WF_WHEN_MONTHS:
        c->day = 1;
        wf_civil_add_months(c, 1);
        break;
    default:
        c->day = c->month = 1;
        wf_civil_add_months(c, 12);
        break;
    }
}

/* Days until a weekday; 0: today. */
static int days_until(const struct wf_civil *now, int weekday)
{
    return (weekday - wf_civil_weekday(now) + 7) % 7;
}

static bool resolve_length(const struct wf_when_draft *d, const struct wf_civil *now,
                           struct wf_civil *out)
{
    struct wf_civil c = *now;

    wf_civil_add_months(&c, d->months);
    wf_civil_add_minutes(&c, d->minutes);
    if (d->is_coarse && (d->minutes % 1440 == 0 || d->has_hour || d->has_part))
        set_minute_of_day(&c, minute_of_day(d));
    *out = c;
    return true;
}

/* A time of day alone, or with today: the next such time. */
static void resolve_today(const struct wf_when_draft *d, const struct wf_civil *now,
                          struct wf_civil *out)
{
    struct wf_civil c = *now;

    if (!d->has_hour && !d->has_part) { /* today, without more: in an hour */
        wf_civil_add_minutes(&c, 60);
        *out = c;
        return;
    }
    set_minute_of_day(&c, minute_of_day(d));
    if (wf_civil_cmp(&c, now) <= 0 && is_open(d) && d->hour >= 7)
        wf_civil_add_minutes(&c, 720);
    if (wf_civil_cmp(&c, now) <= 0 && !d->has_days)
        wf_civil_add_minutes(&c, 1440);
    *out = c;
}

bool wf_when__resolve(const struct wf_when_draft *d, const struct wf_civil *now,
                      struct wf_civil *out)
{
    struct wf_civil c = *now;

    assert(wf_civil_is_valid(now));
    if (d->has_length)
        return resolve_length(d, now, out);
    if (!wf_when__has_day(d) || (d->has_days && d->days == 0)) {
        resolve_today(d, now, out);
        return true;
    }
    if (d->has_days)
        wf_civil_set_days(&c, wf_civil_days(&c) + d->days);
    else if (d->has_next && d->has_weekday)
        wf_civil_set_days(&c, wf_civil_days(&c) + 7 - wf_civil_weekday(&c) + d->weekday);
    else if (d->has_weekday)
        wf_civil_set_days(&c, wf_civil_days(&c) + days_until(now, d->weekday));
    else if (d->has_next)
        set_next(&c, d->next_unit);
    else if (!set_date(&c, d->date))
        return false;
    set_minute_of_day(&c, minute_of_day(d));
    /* today's weekday, its time gone by: in a week */
    if (d->has_weekday && wf_civil_cmp(&c, now) <= 0)
        wf_civil_set_days(&c, wf_civil_days(&c) + 7);
    if (d->date.day > 0 && d->date.year == 0 && wf_civil_cmp(&c, now) <= 0) {
        c = *now;
        wf_civil_set_days(&c, wf_civil_days(&c) + 1);
        if (!set_date(&c, d->date))
            return false;
        set_minute_of_day(&c, minute_of_day(d));
    }
    *out = c;
    return true;
}
