/* Log: a handle with a level, one line per event: time, level, component, message, key=value.
 *
 * Only daemon/ and cli/ create one; everything else is handed it (NULL is allowed and silent).
 * Repeats of one format string are limited to WF_LOG_REPEAT_PER_S a second, the rest counted.
 * No user content above debug, no token at any level. Thread rule: any. */
#ifndef WF_BASE_LOG_H
#define WF_BASE_LOG_H

#include "base/config.h"

/* Lines of one format string that are written in a second; a loop that fails shall not fill a
 * disk. */
#define WF_LOG_REPEAT_PER_S 10

/* The longest line, with its newline; longer ones are cut. */
#define WF_LOG_LINE_BYTES 2048

enum wf_log_level {
    WF_LOG_ERROR,
    WF_LOG_WARN,
    WF_LOG_INFO,
    WF_LOG_DEBUG,
};

struct wf_log;

/* A logger that writes to descriptor `fd` (not closed by it). NULL when memory is exhausted. */
struct wf_log *wf_log_new(int fd, enum wf_log_level level) WF_MUST_USE;

/* Frees it; NULL is a no-op. Thread: the last that uses it. */
void wf_log_free(struct wf_log *log);

/* Changes from now on which lines are wanted. */
void wf_log_set_level(struct wf_log *log, enum wf_log_level level);

/* Writes one line when `level` is wanted. `component` is a static short name ("http"). Line breaks
 * in the message become spaces. Never fails: what cannot be written is dropped. */
void wf_log_line(struct wf_log *log, enum wf_log_level level, const char *component,
                 const char *fmt, ...) WF_PRINTF(4, 5);

#endif
