/* SPDX-License-Identifier: Apache-2.0 */
/* Processors as sysfs tells of them: a folder each, with the processors that share its core, and
 * how fast it is, as a capacity (arm64) or a highest frequency. */
#include "os/cores.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/config.h"
#include "base/str.h"
#include "os/file.h"
#include "os/thread.h"

#define CPUS_MAX 1024
#define FAST_SHARE 0.75

/* 0: nobody has looked. */
static atomic_size_t n_fast;

/* What a file of processor i says; empty where there is none. */
static struct wf_str read_word(const char *root, size_t i, const char *name, struct wf_buf *room)
{
    char path[512];

    wf_buf_reset(room);
    (void)snprintf(path, sizeof(path), "%s/devices/system/cpu/cpu%zu/%s", root, i, name);
    if (wf_file_read(path, room, NULL) != 0)
        return wf_str_n(NULL, 0);
    return wf_str_trim(wf_buf_str(room));
}

/* How fast it is, in whichever unit; 0: not known. */
static int64_t speed_of(const char *root, size_t i, struct wf_buf *room)
{
    int64_t speed = 0;

    if (!wf_str_to_i64(read_word(root, i, "cpu_capacity", room), &speed))
        (void)wf_str_to_i64(read_word(root, i, "cpufreq/cpuinfo_max_freq", room), &speed);
    return speed > 0 ? speed : 0;
}

/* Whether i is the first of the processors that share a core ("0,4", "0-1"). */
static bool is_first(const char *root, size_t i, struct wf_buf *room)
{
    struct wf_str list = read_word(root, i, "topology/core_cpus_list", room);
    int64_t first = 0;
    size_t n = 0;

    if (list.len == 0)
        list = read_word(root, i, "topology/thread_siblings_list", room);
    while (n < list.len && list.ptr[n] >= '0' && list.ptr[n] <= '9')
        n++;
    return !wf_str_to_i64(wf_str_sub(list, 0, n), &first) || first == (int64_t)i;
}

void wf_cores_look(const char *root)
{
    union {
        cpu_set_t set;
        unsigned char bytes[CPUS_MAX / 8];
    } mask = {.bytes = {0}};
    int64_t speeds[CPUS_MAX] = {0}, best = 0;
    size_t n = 0;
    struct wf_buf room;

    if (sched_getaffinity(0, sizeof(mask.bytes), &mask.set) != 0)
        return;
    wf_buf_init(&room, 4096);
    for (size_t i = 0; i < CPUS_MAX; i++) {
        if (!CPU_ISSET_S(i, sizeof(mask.bytes), &mask.set) || !is_first(root, i, &room))
            continue;
        speeds[i] = speed_of(root, i, &room);
        best = WF_MAX(best, speeds[i]);
        n += speeds[i] == 0; /* whoever says nothing counts */
    }
    for (size_t i = 0; i < CPUS_MAX; i++)
        n += speeds[i] > 0 && (double)speeds[i] >= FAST_SHARE * (double)best;
    wf_buf_deinit(&room);
    atomic_store(&n_fast, n);
}

size_t wf_cores_fast(void)
{
    size_t n = atomic_load(&n_fast);

    return n > 0 ? n : wf_cpu_count();
}
