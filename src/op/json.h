/* JSON helpers over jansson: parameters with checked types, text into wf_buf. */
#ifndef WF_OP_JSON_H
#define WF_OP_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Appends `v` as compact JSON. Returns wf_buf_status. Thread: any. */
int wf_json_append(struct wf_buf *out, const json_t *v);

/* Parses one JSON value (duplicate keys refused, depth limited by jansson); the caller owns *out.
 * Errors: WF_E_FORMAT with the position, WF_E_NOMEM. Thread: any. */
int wf_json_parse(struct wf_str text, json_t **out, struct wf_err *err) WF_MUST_USE;

/* A JSON string of a view (valid UTF-8; NULL view ptr with len 0 is ""), or NULL out of memory.
 * The second gives null for the empty view. */
json_t *wf_json_str(struct wf_str s) WF_MUST_USE;
json_t *wf_json_str_or_null(struct wf_str s) WF_MUST_USE;

/* The text of `key` in an object, or "". Borrowed from it. */
const char *wf_json_text(const json_t *object, const char *key);

/* ---- parameters of an operation: absent and null mean the default ---- */

/* The string `key` (a view into `params`), or the empty view when absent.
 * WF_E_INVAL when it is of another type, or `required` and absent or empty. */
int wf_param_str(const json_t *params, const char *key, bool required, struct wf_str *out,
                 struct wf_err *err) WF_MUST_USE;

/* The whole number `key` (or a string of digits, as a query gives it) within [min, max], or
 * `fallback` when absent. */
struct wf_param_range {
    int64_t min, max, fallback;
};
int wf_param_int(const json_t *params, const char *key, struct wf_param_range range, int64_t *out,
                 struct wf_err *err) WF_MUST_USE;

/* The number `key` within [0, 1], or 0 when absent. */
int wf_param_ratio(const json_t *params, const char *key, double *out,
                   struct wf_err *err) WF_MUST_USE;

/* WF_E_INVAL, naming it, when `params` has a key that is not in the NULL-terminated list. */
int wf_param_known(const json_t *params, const char *const *keys, struct wf_err *err) WF_MUST_USE;

#endif
