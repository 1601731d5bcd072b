/* JSON out: a value written straight into a buffer, member by member. What goes wrong (memory, the
 * buffer's maximum) sticks and is asked for once, at the end. Commas come by
 * themselves. `key` NULL: an element of an array, or the whole value. Thread rule: owner. */
#ifndef WF_ROUTE_JSON_OUT_H
#define WF_ROUTE_JSON_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct wf_json_out {
    struct wf_buf *b;
    bool _comma;     /* something stands before in the same object or array */
    bool _no_memory; /* for a value */
};

/* 0, LIMIT (the buffer is full) or NOMEM: whether all that was written is there. */
int wf_out_status(const struct wf_json_out *o);

/* '{' or '['; '}' or ']'. */
void wf_out_open(struct wf_json_out *o, const char *key, char bracket);
void wf_out_close(struct wf_json_out *o, char bracket);

/* Valid UTF-8. */
void wf_out_text(struct wf_json_out *o, const char *key, struct wf_str text);
void wf_out_cstr(struct wf_json_out *o, const char *key, const char *text);
void wf_out_int(struct wf_json_out *o, const char *key, int64_t n);
/* At most six significant digits: 0.7, not 0.699999988079071. */
void wf_out_real(struct wf_json_out *o, const char *key, double x);
void wf_out_bool(struct wf_json_out *o, const char *key, bool v);
void wf_out_null(struct wf_json_out *o, const char *key);
/* Any value that is there already; borrowed. */
void wf_out_value(struct wf_json_out *o, const char *key, const json_t *v);
/* Bytes that are JSON already. */
void wf_out_raw(struct wf_json_out *o, const char *key, struct wf_str json);

/* A text in parts: begin, parts, end. */
void wf_out_text_begin(struct wf_json_out *o, const char *key);
void wf_out_text_part(struct wf_json_out *o, struct wf_str part);
void wf_out_text_end(struct wf_json_out *o);

#endif
