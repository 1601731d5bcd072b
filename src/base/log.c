/* SPDX-License-Identifier: Apache-2.0 */
/* Log: one write(2) a line, repeats limited.
 *
 *   2026-01-31T12:00:00.000Z warn  http     slow client cut off peer=3 repeats=17
 *
 * A line is built on the stack and written whole, so lines of several threads and processes never
 * mix and logging works when memory is exhausted. Repeats are counted per format string, known by
 * its address, in a small direct-mapped table: two strings that share a place take turns, which
 * may let more through, never loses a first one. The count of what was held back goes with the
 * next line of that string. What cannot be written is dropped: a log must not stop the program. */
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/str.h"

#define N_REPEAT_PLACES 64

struct repeat {
    const char *fmt;
    int64_t window_s; /* the second that n_written counts */
    uint32_t n_written;
    uint32_t n_held; /* held back since the last one written */
};

struct wf_log {
    int fd;
    atomic_int level;
    pthread_mutex_t lock; /* guards repeats; a leaf: nothing else is taken under it */
    struct repeat repeats[N_REPEAT_PLACES];
};

struct wf_log *wf_log_new(int fd, enum wf_log_level level)
{
    struct wf_log *log = wf_alloc_array(1, sizeof(*log));
    if (!log)
        return NULL;
    log->fd = fd;
    atomic_init(&log->level, (int)level);
    int r = pthread_mutex_init(&log->lock, NULL);
    assert(r == 0); /* a plain mutex of glibc needs no memory */
    (void)r;        /* only asserted */
    return log;
}

void wf_log_free(struct wf_log *log)
{
    if (!log)
        return;
    pthread_mutex_destroy(&log->lock);
    wf_free(log);
}

void wf_log_set_level(struct wf_log *log, enum wf_log_level level)
{
    /* Relaxed: a line more or less around the change does not matter. */
    if (log)
        atomic_store_explicit(&log->level, (int)level, memory_order_relaxed);
}

/* True when a line of `fmt` may be written now; *out_held is how many before it were not. */
static bool may_write(struct wf_log *log, const char *fmt, uint32_t *out_held)
{
    int64_t now_s = wf_clock_mono_ns(NULL) / 1000000000;
    uint64_t hash = (uint64_t)(uintptr_t)fmt * UINT64_C(0x9E3779B97F4A7C15);
    struct repeat *r = &log->repeats[hash >> 58];
    _Static_assert(N_REPEAT_PLACES == 64, "six bits of the hash choose the place");
    pthread_mutex_lock(&log->lock);
    if (r->fmt != fmt)
        *r = (struct repeat){.fmt = fmt, .window_s = now_s};
    if (r->window_s != now_s) {
        r->window_s = now_s;
        r->n_written = 0;
    }
    bool ok = r->n_written < WF_LOG_REPEAT_PER_S;
    if (ok) {
        r->n_written++;
        *out_held = r->n_held;
        r->n_held = 0;
    } else {
        r->n_held++;
    }
    pthread_mutex_unlock(&log->lock);
    return ok;
}

static size_t format_head(char *out, size_t size, enum wf_log_level level, const char *component)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    int64_t ms = wf_clock_wall_ms(NULL);
    time_t s = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&s, &tm);
    char stamp[32];
    size_t n = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
    assert(n > 0);
    (void)n; /* only asserted */
    int len = snprintf(out, size, "%s.%03dZ %-5s %-8s ", stamp, (int)(ms % 1000), names[level],
                       component);
    return len < 0 ? 0 : WF_MIN((size_t)len, size - 1);
}

static void write_line(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return; /* dropped, see the top */
        p += done;
        n -= (size_t)done;
    }
}

void wf_log_line(struct wf_log *log, enum wf_log_level level, const char *component,
                 const char *fmt, ...)
{
    /* Relaxed: see wf_log_set_level. */
    if (!log || (int)level > atomic_load_explicit(&log->level, memory_order_relaxed))
        return;
    uint32_t n_held = 0;
    if (!may_write(log, fmt, &n_held))
        return;
    int saved_errno = errno;
    char line[WF_LOG_LINE_BYTES];
    char tail[32] = "";
    if (n_held > 0)
        snprintf(tail, sizeof(tail), " repeats=%u", n_held);
    size_t tail_len = strlen(tail);
    size_t room = sizeof(line) - tail_len - 1; /* for the text; the 1 is for the newline */
    size_t len = format_head(line, room, level, component);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line + len, room - len, fmt, ap);
    va_end(ap);
    if (n > 0)
        len = WF_MIN(len + (size_t)n, room - 1);
    wf_str_make_printable(line, len);
    memcpy(line + len, tail, tail_len);
    line[len + tail_len] = '\n';
    write_line(log->fd, line, len + tail_len + 1);
    errno = saved_errno;
}
