/* SPDX-License-Identifier: Apache-2.0 */
/* Available memory from /proc/meminfo and, in a container, from the control group (version 2). */
#include "os/memory.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/str.h"

#define LARGE_BYTES ((size_t)2 << 20)
#define MEMINFO "/proc/meminfo"
#define GROUP_MAX "/sys/fs/cgroup/memory.max"
#define GROUP_NOW "/sys/fs/cgroup/memory.current"

static const char *const files[] = {MEMINFO, GROUP_MAX, GROUP_NOW, NULL};

const char *const *wf_memory_files(void)
{
    return files;
}

/* The beginning of a small file of the kernel's. */
static struct wf_str read_start(const char *path, char *buf, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return wf_str_n(NULL, 0);
    n = read(fd, buf, cap);
    close(fd);
    return wf_str_n(buf, n > 0 ? (size_t)n : 0);
}

static uint64_t meminfo_available(void)
{
    char buf[2048];
    struct wf_str rest = read_start(MEMINFO, buf, sizeof(buf)), line;
    const struct wf_str name = WF_STR("MemAvailable:"), unit = WF_STR("kB");
    uint64_t kib = 0;

    while (wf_str_line(&rest, &line)) {
        if (!wf_str_starts(line, name) || !wf_str_ends(line, unit))
            continue;
        line = wf_str_trim(wf_str_sub(line, name.len, line.len - unit.len));
        return wf_str_to_u64(line, &kib) ? kib * 1024 : 0;
    }
    return 0;
}

static uint64_t number_in(const char *path)
{
    char buf[64];
    uint64_t n = 0;

    return wf_str_to_u64(wf_str_trim(read_start(path, buf, sizeof(buf))), &n) ? n : 0;
}

uint64_t wf_memory_available(void)
{
    uint64_t here = meminfo_available();
    uint64_t most = number_in(GROUP_MAX), now = number_in(GROUP_NOW); /* "max": no bound */
    uint64_t group = most > now ? most - now : 0;

    return most > 0 && group < here ? group : here;
}

void wf_memory_large(void *p, size_t bytes)
{
    size_t skip = -(uintptr_t)p & (LARGE_BYTES - 1);

    if (bytes >= skip + LARGE_BYTES)
        (void)madvise((char *)p + skip, (bytes - skip) & ~(LARGE_BYTES - 1), MADV_HUGEPAGE);
}
