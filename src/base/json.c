/* SPDX-License-Identifier: Apache-2.0 */
/* JSON goes straight into the growable buffer, so that its limit holds for what is written, too. */
#include "base/json.h"

#include <assert.h>

static int append_piece(const char *p, size_t n, void *ud)
{
    struct wf_buf *out = ud;

    return wf_buf_append(out, p, n) == 0 ? 0 : -1;
}

int wf_json_append(struct wf_buf *out, const json_t *v)
{
    assert(v != NULL);
    if (json_dump_callback(v, append_piece, out, JSON_COMPACT | JSON_ENCODE_ANY) != 0 &&
        wf_buf_status(out) == 0)
        return WF_E_NOMEM;
    return wf_buf_status(out);
}

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
