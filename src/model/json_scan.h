/* JSON scan: recognises one JSON value byte by byte, while it is written.
 *
 * Strict (RFC 8259) but for one thing that models do: control characters within strings are taken;
 * who writes the value on escapes them. Threads: owner. */
#ifndef WF_MODEL_JSON_SCAN_H
#define WF_MODEL_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

enum wf_json_step {
    WF_JSON_MORE,   /* the byte belongs to the value, which goes on */
    WF_JSON_LAST,   /* the byte is the last of the value */
    WF_JSON_BEFORE, /* the value (a number) ended before this byte, which was not taken */
    WF_JSON_BAD,    /* no JSON, or nested too deep (WF_LIMIT_NESTING) */
};

struct wf_json_scan {
    uint8_t _state;
    uint8_t _digits;   /* of a \u escape */
    const char *_word; /* rest of true, false, null */
    size_t _depth;
    uint8_t _is_object[(WF_LIMIT_NESTING + 7) / 8];
};

/* Before the first byte, which must begin the value (no white space). */
void wf_json_scan_init(struct wf_json_scan *s);
/* The next byte. After LAST, BEFORE and BAD only wf_json_scan_init may follow. */
enum wf_json_step wf_json_scan_step(struct wf_json_scan *s, char byte);
/* Whether the last byte stands within a string (so that a control character is to be escaped). */
bool wf_json_scan_in_string(const struct wf_json_scan *s);

#endif
