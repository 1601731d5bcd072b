/* SPDX-License-Identifier: Apache-2.0 */
/* Civil dates by counting days. A year is taken to begin in March, so that the day that leap years
 * add is its last one; four hundred years have always as many days. */
#include "base/civil.h"

#include <stdio.h>
#include <string.h>

#define YEAR_MIN 1
#define YEAR_MAX 9999
#define DAYS_MIN (-719162) /* 0001-01-01 */
#define DAYS_MAX 2932896   /* 9999-12-31 */
#define DAYS_OF_400 146097
#define DAYS_TO_1970 719468 /* since 0000-03-01 */

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int wf_civil_month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (month < 1 || month > 12)
        return 0;
    return days[month - 1] + (month == 2 && is_leap(year));
}

bool wf_civil_is_valid(const struct wf_civil *c)
{
    return c->year >= YEAR_MIN && c->year <= YEAR_MAX && c->day >= 1 &&
           c->day <= wf_civil_month_days(c->year, c->month) && c->hour >= 0 && c->hour < 24 &&
           c->minute >= 0 && c->minute < 60;
}

int64_t wf_civil_days(const struct wf_civil *c)
{
    int64_t year = (int64_t)c->year - (c->month <= 2), era = year / 400, of_era = year - era * 400;
    int64_t month = (c->month + 9) % 12; /* March is 0 */
    int64_t of_year = (153 * month + 2) / 5 + c->day - 1;

    return era * DAYS_OF_400 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_TO_1970;
}

void wf_civil_set_days(struct wf_civil *c, int64_t days)
{
    int64_t era, of_era, year, of_year, month;

    days = days < DAYS_MIN ? DAYS_MIN : days > DAYS_MAX ? DAYS_MAX : days;
    days += DAYS_TO_1970;
    era = days / DAYS_OF_400;
    of_era = days - era * DAYS_OF_400;
    year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    of_year = of_era - (365 * year + year / 4 - year / 100);
    month = (5 * of_year + 2) / 153;
    c->day = (int)(of_year - (153 * month + 2) / 5 + 1);
    c->month = (int)(month < 10 ? month + 3 : month - 9);
    c->year = (int)(year + era * 400 + (c->month <= 2));
}

int wf_civil_weekday(const struct wf_civil *c)
{
    return (int)(((wf_civil_days(c) + 3) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
}

void wf_civil_add_minutes(struct wf_civil *c, int64_t minutes)
{
    int64_t of_day = c->hour * 60 + c->minute + minutes % 1440, days = minutes / 1440;

    if (of_day < 0) {
        of_day += 1440;
        days--;
    } else if (of_day >= 1440) {
        of_day -= 1440;
        days++;
    }
    c->hour = (int)(of_day / 60);
    c->minute = (int)(of_day % 60);
    wf_civil_set_days(c, wf_civil_days(c) + days);
}

void wf_civil_add_months(struct wf_civil *c, int months)
{
    int64_t n = (int64_t)c->year * 12 + c->month - 1 + months;
    int last;

    n = n < 12 * YEAR_MIN ? 12 * YEAR_MIN : n > 12 * YEAR_MAX + 11 ? 12 * YEAR_MAX + 11 : n;
    c->year = (int)(n / 12);
    c->month = (int)(n % 12) + 1;
    last = wf_civil_month_days(c->year, c->month);
    c->day = c->day > last ? last : c->day;
}

int wf_civil_cmp(const struct wf_civil *a, const struct wf_civil *b)
{
    int64_t days = wf_civil_days(a) - wf_civil_days(b);

    if (days != 0)
        return days < 0 ? -1 : 1;
    return (a->hour - b->hour) * 60 + a->minute - b->minute;
}

char *wf_civil_print(const struct wf_civil *c, char out[WF_CIVIL_BYTES])
{
    (void)snprintf(out, WF_CIVIL_BYTES, "%04u-%02u-%02uT%02u:%02u", (unsigned)c->year % 10000u,
                   (unsigned)c->month % 100u, (unsigned)c->day % 100u, (unsigned)c->hour % 100u,
                   (unsigned)c->minute % 100u);
    return out;
}

static bool digits(const char *s, size_t n, int *out)
{
    int v = 0;

    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        v = v * 10 + (s[i] - '0');
    }
    *out = v;
    return true;
}

bool wf_civil_read(const char *text, struct wf_civil *out)
{
    struct wf_civil c = {.hour = 0};
    size_t n = strlen(text);

    if (n != 10 && n != 16)
        return false;
    if (!digits(text, 4, &c.year) || text[4] != '-' || !digits(text + 5, 2, &c.month) ||
        text[7] != '-' || !digits(text + 8, 2, &c.day))
        return false;
    if (n == 16 && ((text[10] != 'T' && text[10] != ' ') || !digits(text + 11, 2, &c.hour) ||
                    text[13] != ':' || !digits(text + 14, 2, &c.minute)))
        return false;
    if (!wf_civil_is_valid(&c))
        return false;
    *out = c;
    return true;
}
