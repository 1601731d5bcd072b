/* Civil: dates of the Gregorian calendar and times of day, without any zone: what stands on a
 * calendar and a clock on the wall. os/zone.h brings them to moments and back. Thread rule: any. */
#ifndef WF_BASE_CIVIL_H
#define WF_BASE_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

struct wf_civil {
    int year;   /* 1..9999 */
    int month;  /* 1..12 */
    int day;    /* 1..31 */
    int hour;   /* 0..23 */
    int minute; /* 0..59 */
};

/* Days of a month; 0 where there is no such month. */
int wf_civil_month_days(int year, int month);

/* Whether there is such a day and time. */
bool wf_civil_is_valid(const struct wf_civil *c);

/* Days since 1970-01-01 of a date (its time counts for nothing), and back: sets year, month and
 * day, leaves the time. Days outside of the years 1..9999 are brought to their nearest. */
int64_t wf_civil_days(const struct wf_civil *c);
void wf_civil_set_days(struct wf_civil *c, int64_t days);

/* 0 is Monday, 6 Sunday. */
int wf_civil_weekday(const struct wf_civil *c);

/* Adds so many minutes, also fewer than none; months (a day that the month does not have becomes
 * its last). Both within the years 1..9999. */
void wf_civil_add_minutes(struct wf_civil *c, int64_t minutes);
void wf_civil_add_months(struct wf_civil *c, int months);

/* Below 0, 0 or above 0 as a is before, at or after b. */
int wf_civil_cmp(const struct wf_civil *a, const struct wf_civil *b);

/* "2027-03-12T09:00" into out; and from it ("2027-03-12 09:00" and "2027-03-12", then at hour and
 * minute 0, too). False on anything else. */
#define WF_CIVIL_BYTES 17
char *wf_civil_print(const struct wf_civil *c, char out[WF_CIVIL_BYTES]);
bool wf_civil_read(const char *text, struct wf_civil *out);

#endif
