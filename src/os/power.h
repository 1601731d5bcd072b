/* Power: what the device runs on, how warm it is, and how much energy it has drawn. From sysfs
 * (Documentation/ABI/testing/sysfs-class-power, sysfs-class-thermal; Documentation/power/powercap):
 * batteries, thermal zones with a trip point, Intel's and AMD's RAPL packages.
 *
 * Files are opened once, before a sandbox forbids it, and read from their beginning again: a
 * battery or a sensor that comes later is not seen. Thread rule: any number of threads may read. */
#ifndef WF_OS_POWER_H
#define WF_OS_POWER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define WF_POWER_PACKAGES_MAX 8

struct wf_power;

struct wf_power_state {
    float battery; /* share that is left, 0..1, while the device lives on it; else -1 */
    float heat;    /* of the zone that is nearest to its trip point: 0 cool (40 °C) .. 1 there;
                      -1: not known */
    double draw_w; /* what the batteries give at this moment; -1: not known */
    /* [n_packages] counters of RAPL in microjoules; they begin anew behind their range. */
    uint64_t package_uj[WF_POWER_PACKAGES_MAX], package_range_uj[WF_POWER_PACKAGES_MAX];
    size_t n_packages;
    int64_t time_ns; /* monotonic, of the reading */
};

/* Opens what is below `root` ("/sys"). A machine that has none of it is no error: everything then
 * reads as not known. *out is owned by the caller. Errors: NOMEM. */
int wf_power_open(const char *root, struct wf_power **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_power_close(struct wf_power *p);

/* Reads all of it, some microseconds a file. NULL: nothing is known. */
void wf_power_read(const struct wf_power *p, struct wf_power_state *out);

/* Joules that the machine drew from `before` to `after`: by the packages' counters, else by the
 * batteries' draw at both ends; -1: neither is known, or a counter went away between. All of
 * the machine's: what else ran meanwhile is in it. */
double wf_power_joules(const struct wf_power_state *before, const struct wf_power_state *after);

#endif
