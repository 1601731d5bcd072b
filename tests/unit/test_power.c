/* SPDX-License-Identifier: Apache-2.0 */
/* Batteries, heat and energy out of a tree that looks like sysfs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/config.h"
#include "base/str.h"
#include "os/file.h"
#include "os/power.h"

static char root[] = "/tmp/weft-test-XXXXXX";

static void put(const char *dir, const char *file, const char *text)
{
    char path[512];

    for (const char *p = dir;; p++) {
        if (*p != '/' && *p != 0)
            continue;
        (void)snprintf(path, sizeof(path), "%s/class/%.*s", root, (int)(p - dir), dir);
        (void)mkdir(path, 0700);
        if (*p == 0)
            break;
    }
    (void)snprintf(path, sizeof(path), "%s/class/%s/%s", root, dir, file);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static struct wf_power_state seen(const struct wf_power *p)
{
    struct wf_power_state s;

    wf_power_read(p, &s);
    return s;
}

static struct wf_power *opened(void)
{
    struct wf_power *p = NULL;

    assert_int_equal(wf_power_open(root, &p, NULL), 0);
    return p;
}

static void test_power__nothing_is_known_where_nothing_is(void **state)
{
    (void)state;
    struct wf_power *p = opened();
    struct wf_power_state a = seen(p), b = seen(NULL);

    assert_true(a.battery < 0 && a.heat < 0 && a.draw_w < 0 && a.n_packages == 0);
    assert_true(b.battery < 0 && b.heat < 0 && b.draw_w < 0 && b.n_packages == 0);
    assert_true(wf_power_joules(&a, &b) < 0);
    wf_power_close(p);
    wf_power_close(NULL);
}

static void test_power__batteries_count_while_they_drain(void **state)
{
    (void)state;
    put("power_supply/AC", "type", "Mains\n");
    put("power_supply/mouse", "type", "Battery\n");
    put("power_supply/mouse", "scope", "Device\n");
    put("power_supply/mouse", "capacity", "3\n");
    put("power_supply/mouse", "status", "Discharging\n");
    put("power_supply/BAT0", "type", "Battery\n");
    put("power_supply/BAT0", "capacity", "80\n");
    put("power_supply/BAT0", "status", "Charging\n");
    put("power_supply/BAT0", "energy_full", "30000000\n");
    put("power_supply/BAT0", "power_now", "12500000\n");
    put("power_supply/BAT1", "type", "Battery\n");
    put("power_supply/BAT1", "capacity", "20\n");
    put("power_supply/BAT1", "status", "Not charging\n");
    put("power_supply/BAT1", "energy_full", "10000000\n");
    put("power_supply/BAT1", "current_now", "-2000000\n");
    put("power_supply/BAT1", "voltage_now", "11000000\n");
    struct wf_power *p = opened();
    assert_true(seen(p).battery < 0);
    assert_true(seen(p).draw_w < 0);

    put("power_supply/BAT0", "status", "Discharging\n");
    assert_true(seen(p).battery > 0.649F && seen(p).battery < 0.651F); /* (24 + 2) / 40 */
    assert_true(seen(p).draw_w > 12.49 && seen(p).draw_w < 12.51);
    put("power_supply/BAT1", "status", "Discharging\n");
    assert_true(seen(p).draw_w > 34.49 && seen(p).draw_w < 34.51);

    struct wf_power_state a = seen(p), b = a;
    b.time_ns += 2000000000;
    assert_true(wf_power_joules(&a, &b) > 68.9 && wf_power_joules(&a, &b) < 69.1);
    put("power_supply/BAT1", "capacity", "a word");
    assert_true(seen(p).battery > 0.799F && seen(p).battery < 0.801F);
    wf_power_close(p);
}

static void test_power__heat_is_that_of_the_zone_nearest_to_its_trip(void **state)
{
    (void)state;
    put("thermal/cooling_device0", "type", "Processor\n");
    put("thermal/thermal_zone0", "temp", "55000\n");
    put("thermal/thermal_zone0", "trip_point_0_type", "critical\n");
    put("thermal/thermal_zone0", "trip_point_0_temp", "110000\n");
    put("thermal/thermal_zone1", "temp", "70000\n");
    put("thermal/thermal_zone1", "trip_point_0_type", "active\n");
    put("thermal/thermal_zone1", "trip_point_0_temp", "50000\n");
    put("thermal/thermal_zone1", "trip_point_1_type", "passive\n");
    put("thermal/thermal_zone1", "trip_point_1_temp", "-274000\n");
    put("thermal/thermal_zone1", "trip_point_2_type", "passive\n");
    put("thermal/thermal_zone1", "trip_point_2_temp", "80000\n");
    put("thermal/thermal_zone2", "temp", "99000\n"); /* nothing says what is too hot there */
    struct wf_power *p = opened();
    assert_true(seen(p).heat > 0.749F && seen(p).heat < 0.751F);
    put("thermal/thermal_zone0", "temp", "94000\n");
    assert_true(seen(p).heat > 0.899F && seen(p).heat < 0.901F);
    put("thermal/thermal_zone1", "temp", "85000\n");
    assert_true(seen(p).heat > 0.999F && seen(p).heat <= 1);
    put("thermal/thermal_zone0", "temp", "20000\n");
    put("thermal/thermal_zone1", "temp", "21000\n");
    assert_true(seen(p).heat >= 0 && seen(p).heat < 0.001F);
    wf_power_close(p);
}

static void test_power__energy_is_counted_over_the_end_of_a_counter(void **state)
{
    (void)state;
    put("powercap/intel-rapl", "enabled", "1\n");
    put("powercap/intel-rapl:0", "max_energy_range_uj", "262143328850\n");
    put("powercap/intel-rapl:0", "energy_uj", "1000000\n");
    put("powercap/intel-rapl:0:0", "max_energy_range_uj", "262143328850\n");
    put("powercap/intel-rapl:0:0", "energy_uj", "999\n");
    put("powercap/intel-rapl:1", "max_energy_range_uj", "262143328850\n");
    put("powercap/intel-rapl:1", "energy_uj", "262143328000\n");
    struct wf_power *p = opened();
    struct wf_power_state a = seen(p), b;
    assert_int_equal(a.n_packages, 2);
    put("powercap/intel-rapl:0", "energy_uj", "4000000\n");
    put("powercap/intel-rapl:1", "energy_uj", "1999150\n");
    b = seen(p);
    assert_true(wf_power_joules(&a, &b) > 4.9999 && wf_power_joules(&a, &b) < 5.0001);
    put("powercap/intel-rapl:1", "energy_uj", "");
    b = seen(p);
    assert_true(wf_power_joules(&a, &b) < 0);
    wf_power_close(p);
}

static int set_up(void **state)
{
    char path[512];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/class", mkdtemp(root));
    return mkdir(path, 0700);
}

static int tear_down(void **state)
{
    char command[600];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", root);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power__nothing_is_known_where_nothing_is),
        cmocka_unit_test(test_power__batteries_count_while_they_drain),
        cmocka_unit_test(test_power__heat_is_that_of_the_zone_nearest_to_its_trip),
        cmocka_unit_test(test_power__energy_is_counted_over_the_end_of_a_counter),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
