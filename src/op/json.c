/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters come from two faces: JSON bodies keep their types, query strings arrive as text. Both
 * end here, so a number may be spelled either way, and every complaint names the parameter. */
#include "op/json.h"

#include <inttypes.h>
#include <string.h>

#include "text/utf8.h"

static const json_t *param(const json_t *params, const char *key)
{
    const json_t *v = json_object_get(params, key);

    return json_is_null(v) ? NULL : v;
}

int wf_param_str(const json_t *params, const char *key, bool required, struct wf_str *out,
                 struct wf_err *err)
{
    const json_t *v = param(params, key);

    if (v && !json_is_string(v))
        return wf_err_set(err, WF_E_INVAL, "\"%s\" must be a text.", key);
    if (required && (!v || json_string_length(v) == 0))
        return wf_err_set(err, WF_E_INVAL, "\"%s\" is missing or empty.", key);
    *out = v ? wf_str_n(json_string_value(v), json_string_length(v)) : wf_str_n(NULL, 0);
    return 0;
}

int wf_param_int(const json_t *params, const char *key, struct wf_param_range range, int64_t *out,
                 struct wf_err *err)
{
    const json_t *v = param(params, key);
    int64_t n = range.fallback;
    bool ok = true;

    if (json_is_string(v))
        ok = wf_str_to_i64(wf_str_from(json_string_value(v)), &n);
    else if (json_is_integer(v))
        n = json_integer_value(v);
    else if (v)
        ok = false;
    if (!ok || (v && (n < range.min || n > range.max)))
        return wf_err_set(err, WF_E_INVAL,
                          "\"%s\" must be a whole number from %" PRId64 " to %" PRId64 ".", key,
                          range.min, range.max);
    *out = n;
    return 0;
}

int wf_param_ratio(const json_t *params, const char *key, double *out, struct wf_err *err)
{
    const json_t *v = param(params, key);
    double x = 0;
    bool ok = true;

    if (json_is_string(v))
        ok = wf_str_to_f64(wf_str_from(json_string_value(v)), &x);
    else if (json_is_number(v))
        x = json_number_value(v);
    else if (v)
        ok = false;
    if (!ok || !(x >= 0 && x <= 1))
        return wf_err_set(err, WF_E_INVAL, "\"%s\" must be a number from 0 to 1.", key);
    *out = x;
    return 0;
}

int wf_param_known(const json_t *params, const char *const *keys, struct wf_err *err)
{
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)(uintptr_t)params, key, v)
    {
        size_t i = 0;
        while (keys[i] && strcmp(keys[i], key) != 0)
            i++;
        if (!keys[i])
            return wf_err_set(err, WF_E_INVAL, "\"%s\" is not a known parameter here.", key);
    }
    return 0;
}

json_t *wf_json_repaired(struct wf_str bytes)
{
    struct wf_buf b;
    json_t *v = NULL;

    if (wf_utf8_valid_prefix(bytes) == bytes.len)
        return wf_json_str(bytes);
    wf_buf_init(&b, SIZE_MAX);
    if (wf_utf8_append_repaired(&b, bytes) == 0)
        v = wf_json_str(wf_buf_str(&b));
    wf_buf_deinit(&b);
    return v;
}
