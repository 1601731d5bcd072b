/* Parameters in JSON, with checked types, and text of any bytes; and with them what base/json.h
 * has.
 */
#ifndef WF_OP_JSON_H
#define WF_OP_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

/* A JSON string of any bytes: what is no UTF-8 becomes U+FFFD. NULL out of memory. */
json_t *wf_json_repaired(struct wf_str bytes) WF_MUST_USE;

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
