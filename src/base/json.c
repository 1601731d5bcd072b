/* SPDX-License-Identifier: Apache-2.0 */
/* JSON out of text, and strings of views. */
#include "base/json.h"

int wf_json_parse(struct wf_str text, json_t **out, struct wf_err *err)
{
    json_error_t je;
    json_t *v;

    v = wf_json_load(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);
    if (!v) {
        /* It says nothing at all where memory for a value ran out. */
        if (je.text[0] == 0 || json_error_code(&je) == json_error_out_of_memory)
            return wf_err_set(err, WF_E_NOMEM, "Out of memory while reading JSON.");
        return wf_err_set(err, WF_E_FORMAT, "This is not valid JSON (line %d, column %d): %s.",
                          je.line, je.column, je.text);
    }
    *out = v;
    return 0;
}

json_t *wf_json_str(struct wf_str s)
{
    return json_stringn(s.len ? s.ptr : "", s.len);
}

json_t *wf_json_str_or_null(struct wf_str s)
{
    return s.len ? wf_json_str(s) : json_null();
}

const char *wf_json_text(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));

    return s ? s : "";
}
