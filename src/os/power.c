/* SPDX-License-Identifier: Apache-2.0 */
/* Small files of sysfs, held open: each is a number or a word, made anew at each read from its
 * beginning. */
#include "os/power.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/str.h"
#include "os/file.h"

#define BATTERIES_MAX 4
#define ZONES_MAX 32
#define TRIPS_MAX 12
#define COOL_C 40.0F
/* Processors slow down about so far below the point where the machine switches itself off. */
#define BELOW_CRITICAL_C 10.0F

struct battery {
    int capacity, status, power, current, voltage; /* files; -1: there is none */
    double full;                                   /* its weight among several */
};

struct zone {
    int temp;
    float trip_c;
};

struct wf_power {
    struct battery batteries[BATTERIES_MAX];
    struct zone zones[ZONES_MAX];
    int packages[WF_POWER_PACKAGES_MAX];
    uint64_t ranges_uj[WF_POWER_PACKAGES_MAX];
    size_t n_batteries, n_zones, n_packages;
};

/* ---- one file ---- */

static int open_at(int dir, const char *name)
{
    return openat(dir, name, O_RDONLY | O_CLOEXEC);
}

static struct wf_str read_word(int fd, char *buf, size_t cap)
{
    ssize_t n = fd >= 0 ? pread(fd, buf, cap, 0) : -1;

    return wf_str_trim(wf_str_n(buf, n > 0 ? (size_t)n : 0));
}

static bool read_number(int fd, int64_t *out)
{
    char buf[32];

    return wf_str_to_i64(read_word(fd, buf, sizeof(buf)), out);
}

static bool number_at(int dir, const char *name, int64_t *out)
{
    int fd = open_at(dir, name);
    bool has = read_number(fd, out);

    wf_file_close(&fd);
    return has;
}

/* Whether a file says one of the words. */
static bool says(int dir, const char *name, const char *word)
{
    char buf[32];
    int fd = open_at(dir, name);
    bool does = wf_str_eq(read_word(fd, buf, sizeof(buf)), wf_str_from(word));

    wf_file_close(&fd);
    return does;
}

/* ---- what there is ---- */

/* Not the battery of a mouse. */
static void add_battery(struct wf_power *p, int dir, const char *name)
{
    struct battery *b = &p->batteries[p->n_batteries];
    int64_t full = 0;

    (void)name;
    if (p->n_batteries == BATTERIES_MAX || !says(dir, "type", "Battery") ||
        says(dir, "scope", "Device"))
        return;
    *b = (struct battery){open_at(dir, "capacity"),    open_at(dir, "status"),
                          open_at(dir, "power_now"),   open_at(dir, "current_now"),
                          open_at(dir, "voltage_now"), 1};
    if ((number_at(dir, "energy_full", &full) || number_at(dir, "charge_full", &full)) && full > 0)
        b->full = (double)full;
    p->n_batteries++;
}

/* The lowest temperature at which the system slows down; 0: none is said. */
static float trip_of(int dir)
{
    float least = 0;

    for (unsigned i = 0; i < TRIPS_MAX; i++) {
        char type[32], temp[32];
        int64_t milli = 0;
        (void)snprintf(type, sizeof(type), "trip_point_%u_type", i);
        (void)snprintf(temp, sizeof(temp), "trip_point_%u_temp", i);
        if (!number_at(dir, temp, &milli) || milli <= 0)
            continue; /* a point that is not set */
        float at = (float)milli / 1000;
        if (says(dir, type, "critical") || says(dir, type, "hot"))
            at -= BELOW_CRITICAL_C;
        else if (!says(dir, type, "passive"))
            continue;
        least = least == 0 || at < least ? at : least;
    }
    return least;
}

static void add_zone(struct wf_power *p, int dir, const char *name)
{
    float trip = strncmp(name, "thermal_zone", 12) == 0 ? trip_of(dir) : 0;
    int temp = p->n_zones < ZONES_MAX && trip > COOL_C ? open_at(dir, "temp") : -1;

    if (temp >= 0)
        p->zones[p->n_zones++] = (struct zone){temp, trip};
}

/* Packages are intel-rapl:N, also AMD's; what has another colon is a part of one. */
static void add_package(struct wf_power *p, int dir, const char *name)
{
    const char *colon = strchr(name, ':');
    int64_t range = 0;
    int fd;

    if (colon == NULL || strchr(colon + 1, ':') != NULL || strncmp(name, "intel-rapl:", 11) != 0 ||
        p->n_packages == WF_POWER_PACKAGES_MAX || !number_at(dir, "max_energy_range_uj", &range) ||
        range <= 0)
        return;
    fd = open_at(dir, "energy_uj"); /* most systems keep it for root */
    if (fd >= 0) {
        p->ranges_uj[p->n_packages] = (uint64_t)range;
        p->packages[p->n_packages++] = fd;
    }
}

static void each(struct wf_power *p, const char *root, const char *class,
                 void (*add)(struct wf_power *p, int dir, const char *name))
{
    char path[1024];
    DIR *d = snprintf(path, sizeof(path), "%s/class/%s", root, class) < (int)sizeof(path)
                 ? opendir(path)
                 : NULL;
    struct dirent *e;

    while (d != NULL && (e = readdir(d)) != NULL) {
        int dir = e->d_name[0] == '.'
                      ? -1
                      : openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir >= 0)
            add(p, dir, e->d_name);
        wf_file_close(&dir);
    }
    if (d != NULL)
        (void)closedir(d); /* it was only read */
}

int wf_power_open(const char *root, struct wf_power **out, struct wf_err *err)
{
    struct wf_power *p = wf_alloc_array(1, sizeof(*p));

    if (p == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to watch the device's power.");
    each(p, root, "power_supply", add_battery);
    each(p, root, "thermal", add_zone);
    each(p, root, "powercap", add_package);
    *out = p;
    return 0;
}

void wf_power_close(struct wf_power *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->n_batteries; i++) {
        struct battery *b = &p->batteries[i];
        wf_file_close(&b->capacity);
        wf_file_close(&b->status);
        wf_file_close(&b->power);
        wf_file_close(&b->current);
        wf_file_close(&b->voltage);
    }
    for (size_t i = 0; i < p->n_zones; i++)
        wf_file_close(&p->zones[i].temp);
    for (size_t i = 0; i < p->n_packages; i++)
        wf_file_close(&p->packages[i]);
    wf_free(p);
}

/* ---- reading ---- */

/* Micro-units, or their product; -1: not said. Some drivers say what is drawn as less than 0. */
static double watts(const struct battery *b)
{
    int64_t power = 0, current = 0, voltage = 0;
    double w = -1;

    if (read_number(b->power, &power) && power != 0)
        w = (double)power / 1e6;
    else if (read_number(b->current, &current) && read_number(b->voltage, &voltage))
        w = (double)current * (double)voltage / 1e12;
    else
        return -1;
    return w < 0 ? -w : w;
}

static void read_batteries(const struct wf_power *p, struct wf_power_state *out)
{
    double left = 0, full = 0;
    bool drains = false;

    for (size_t i = 0; i < p->n_batteries; i++) {
        const struct battery *b = &p->batteries[i];
        char word[32];
        int64_t percent = 0;
        if (read_number(b->capacity, &percent)) {
            left += b->full * (double)(percent < 0 ? 0 : percent > 100 ? 100 : percent) / 100;
            full += b->full;
        }
        if (!wf_str_eq(read_word(b->status, word, sizeof(word)), WF_STR("Discharging")))
            continue;
        drains = true;
        const double w = watts(b);
        if (w >= 0)
            out->draw_w = (out->draw_w < 0 ? 0 : out->draw_w) + w;
    }
    if (drains && full > 0)
        out->battery = (float)(left / full);
}

static void read_zones(const struct wf_power *p, struct wf_power_state *out)
{
    for (size_t i = 0; i < p->n_zones; i++) {
        int64_t milli = 0;
        if (!read_number(p->zones[i].temp, &milli))
            continue;
        float heat = ((float)milli / 1000 - COOL_C) / (p->zones[i].trip_c - COOL_C);
        heat = heat < 0 ? 0 : heat > 1 ? 1 : heat;
        out->heat = heat > out->heat ? heat : out->heat;
    }
}

void wf_power_read(const struct wf_power *p, struct wf_power_state *out)
{
    *out = (struct wf_power_state){
        .battery = -1, .heat = -1, .draw_w = -1, .time_ns = wf_clock_mono_ns(NULL)};
    if (p == NULL)
        return;
    read_batteries(p, out);
    read_zones(p, out);
    for (size_t i = 0; i < p->n_packages; i++) {
        int64_t uj = 0;
        if (!read_number(p->packages[i], &uj) || uj < 0)
            continue; /* then the numbers of packages differ, and nothing is told */
        out->package_uj[out->n_packages] = (uint64_t)uj;
        out->package_range_uj[out->n_packages++] = p->ranges_uj[i];
    }
}

double wf_power_joules(const struct wf_power_state *before, const struct wf_power_state *after)
{
    double uj = 0;

    if (after->n_packages == 0 && before->n_packages == 0) {
        const double s = (double)(after->time_ns - before->time_ns) / 1e9;
        return before->draw_w >= 0 && after->draw_w >= 0 ? (before->draw_w + after->draw_w) / 2 * s
                                                         : -1;
    }
    if (after->n_packages != before->n_packages)
        return -1;
    for (size_t i = 0; i < after->n_packages; i++) {
        const uint64_t a = before->package_uj[i], b = after->package_uj[i];
        uj += (double)(b >= a ? b - a : b + (after->package_range_uj[i] - a));
    }
    return uj / 1e6;
}
