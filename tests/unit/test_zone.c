/* SPDX-License-Identifier: Apache-2.0 */
/* Dates by counting days, and moments by the clocks of a zone that puts them forward and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/config.h"
#include "os/zone.h"

static void test_zone__counts_days_as_the_calendar_does(void **state)
{
    (void)state;
    struct wf_civil c = {1, 1, 1, 7, 8}, back;
    int64_t days = wf_civil_days(&c);

    for (; c.year < 2500; days++) {
        assert_int_equal(wf_civil_days(&c), days);
        back = c;
        wf_civil_set_days(&back, days);
        assert_int_equal(wf_civil_cmp(&c, &back), 0);
        if (c.day == wf_civil_month_days(c.year, c.month)) {
            c.day = 1;
            c.month = c.month % 12 + 1;
            c.year += c.month == 1;
        } else {
            c.day++;
        }
    }
    assert_int_equal(wf_civil_weekday(&(struct wf_civil){2026, 11, 30, 0, 0}), 0);
    assert_int_equal(wf_civil_weekday(&(struct wf_civil){1, 1, 7, 0, 0}), 6);
    assert_int_equal(wf_civil_days(&(struct wf_civil){1970, 1, 1, 0, 0}), 0);
}

static void test_zone__adds_to_dates(void **state)
{
    (void)state;
    struct wf_civil c = {2027, 1, 31, 23, 30};
    char text[WF_CIVIL_BYTES];

    wf_civil_add_months(&c, 1);
    assert_string_equal(wf_civil_print(&c, text), "2027-02-28T23:30");
    wf_civil_add_minutes(&c, 31);
    assert_string_equal(wf_civil_print(&c, text), "2027-03-01T00:01");
    wf_civil_add_minutes(&c, -2);
    assert_string_equal(wf_civil_print(&c, text), "2027-02-28T23:59");
    wf_civil_add_months(&c, -14);
    assert_string_equal(wf_civil_print(&c, text), "2025-12-28T23:59");
    wf_civil_add_minutes(&c, INT64_MAX / 2); /* the calendar's end, and no further */
    assert_int_equal(c.year, 9999);
    wf_civil_add_months(&c, 100000);
    assert_int_equal(c.year, 9999);
}

static void test_zone__reads_dates(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",           "2027-02-29",       "2027-13-01",
                                        "2027-3-12",  "2027-03-12T24:00", "2027-03-12x09:00",
                                        "0000-01-01", "2027-03-12T9:00"};
    struct wf_civil c;

    assert_true(wf_civil_read("2028-02-29 07:05", &c));
    assert_int_equal(c.day, 29);
    assert_int_equal(c.hour * 60 + c.minute, 425);
    assert_true(wf_civil_read("2027-03-12", &c));
    assert_int_equal(c.hour, 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(wrong); i++)
        assert_false(wf_civil_read(wrong[i], &c));
}

/* Berlin in rules of POSIX, so that no file of zones is needed. */
static void test_zone__goes_with_the_clocks(void **state)
{
    (void)state;
    static const struct {
        struct wf_civil c;
        int64_t s; /* of UTC */
    } rows[] = {
        {{2027, 1, 15, 12, 0}, 1800010800}, {{2027, 7, 15, 12, 0}, 1815645600},
        {{2027, 3, 28, 1, 59}, 1806195540}, {{2027, 3, 28, 3, 0}, 1806195600},
        {{2027, 10, 31, 4, 0}, 1824951600},
    };
    struct wf_civil c;

    assert_int_equal(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1), 0);
    wf_zone_init();
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        assert_int_equal(wf_zone_ms(&rows[i].c) / 1000, rows[i].s);
        wf_zone_civil(rows[i].s * 1000, &c);
        assert_int_equal(wf_civil_cmp(&c, &rows[i].c), 0);
    }
    /* it is never half past two: half past three */
    assert_int_equal(wf_zone_ms(&(struct wf_civil){2027, 3, 28, 2, 30}) / 1000, 1806197400);
    /* half past two twice: the first */
    assert_int_equal(wf_zone_ms(&(struct wf_civil){2027, 10, 31, 2, 30}) / 1000, 1824942600);
    wf_zone_civil(-1, &c);
    assert_int_equal(c.year, 1970);
    assert_int_equal(c.hour, 0);
    assert_int_equal(c.minute, 59);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zone__counts_days_as_the_calendar_does),
        cmocka_unit_test(test_zone__adds_to_dates),
        cmocka_unit_test(test_zone__reads_dates),
        cmocka_unit_test(test_zone__goes_with_the_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
