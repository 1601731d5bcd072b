/* JSON helpers over jansson: text into wf_buf and back, strings of views. Thread rule: any. */
#ifndef WF_BASE_JSON_H
#define WF_BASE_JSON_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Appends `v` as compact JSON. Returns wf_buf_status. */
int wf_json_append(struct wf_buf *out, const json_t *v);

/* As jansson's json_loadb with these flags (JSON_REJECT_DUPLICATES, JSON_DECODE_ANY,
 * JSON_ALLOW_NUL, no others), several times faster. out_err may be NULL; its text is empty where
 * memory ran out. */
json_t *wf_json_load(struct wf_str text, size_t flags, json_error_t *out_err) WF_MUST_USE;

/* Parses one JSON value (duplicate keys refused, depth limited by jansson); the caller owns *out.
 * Errors: WF_E_FORMAT with the position, WF_E_NOMEM. */
int wf_json_parse(struct wf_str text, json_t **out, struct wf_err *err) WF_MUST_USE;

/* A JSON string of a view (valid UTF-8; NULL view ptr with len 0 is ""), or NULL out of memory.
 * The second gives null for the empty view. */
json_t *wf_json_str(struct wf_str s) WF_MUST_USE;
json_t *wf_json_str_or_null(struct wf_str s) WF_MUST_USE;

/* The text of `key` in an object, or "". Borrowed from it. */
const char *wf_json_text(const json_t *object, const char *key);

#endif
