/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a thing that is open, checked: by a page of this device as by another one. What
 * is not known is left out, so that a newer version may say more. */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "mesh/presence_internal.h"
#include "text/utf8.h"

#define AT_MAX 8
#define AT_TEXT_BYTES 300
#define AGE_MAX_MS ((json_int_t)7 * 24 * 3600 * 1000)

int wf_presence__no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (what is open).");
}

static int bad(struct wf_err *err, const char *key)
{
    return wf_err_set(err, WF_E_INVAL, "\"%s\" is not what it should be, or too long.", key);
}

/* Copies the text `key`, when there is one. */
static int copy_text(const json_t *from, const char *key, size_t max, json_t *to,
                     struct wf_err *err)
{
    const json_t *v = json_object_get(from, key);

    if (v == NULL || json_is_null(v))
        return 0;
    if (!json_is_string(v) || json_string_length(v) > max)
        return bad(err, key);
    return json_object_set_new(to, key, json_copy((json_t *)(uintptr_t)v)) == 0
               ? 0
               : wf_presence__no_memory(err);
}

static bool is_word(const char *s)
{
    size_t n = strlen(s);

    return n > 0 && n <= 16 && strspn(s, "abcdefghijklmnopqrstuvwxyz") == n;
}

/* A place: some numbers and short texts, which whoever shows the thing knows the meaning of. */
static int copy_place(const json_t *from, json_t *to, struct wf_err *err)
{
    json_t *at = json_object_get(from, "at"), *v, *copy;
    const char *key;

    if (at == NULL || json_is_null(at))
        return 0;
    if (!json_is_object(at) || json_object_size(at) > AT_MAX)
        return bad(err, "at");
    json_object_foreach(at, key, v)
    {
        bool is_good =
            is_word(key) && ((json_is_number(v) && isfinite(json_number_value(v))) ||
                             (json_is_string(v) && json_string_length(v) <= AT_TEXT_BYTES));
        if (!is_good)
            return bad(err, "at");
    }
    copy = json_deep_copy(at);
    return json_object_set_new(to, "at", copy) == 0 ? 0 : wf_presence__no_memory(err);
}

static int copy_generation(const json_t *from, json_t *to, struct wf_err *err)
{
    const json_t *g = json_object_get(from, "generation"), *written;
    json_t *copy;
    int rc;

    if (g == NULL || json_is_null(g))
        return 0;
    written = json_object_get(g, "written");
    if (!json_is_string(json_object_get(g, "id")) ||
        (written != NULL && (!json_is_integer(written) || json_integer_value(written) < 0)))
        return bad(err, "generation");
    copy = json_object();
    rc = copy == NULL ? wf_presence__no_memory(err) : copy_text(g, "id", 40, copy, err);
    if (rc == 0)
        rc = copy_text(g, "model", 256, copy, err);
    if (rc == 0)
        rc = copy_text(g, "hash", 80, copy, err);
    if (rc == 0 && written != NULL &&
        json_object_set_new(copy, "written", json_integer(json_integer_value(written))) != 0)
        rc = wf_presence__no_memory(err);
    if (rc == 0 && json_object_set(to, "generation", copy) != 0)
        rc = wf_presence__no_memory(err);
    json_decref(copy);
    return rc;
}

int wf_presence_what_read(const json_t *what, json_t **out, struct wf_err *err)
{
    json_t *copy;
    int rc;

    if (!json_is_object(what) || !is_word(wf_json_text(what, "view")))
        return bad(err, "view");
    copy = json_object();
    rc = copy == NULL ? wf_presence__no_memory(err) : copy_text(what, "view", 16, copy, err);
    if (rc == 0)
        rc = copy_text(what, "ref", 80, copy, err);
    if (rc == 0)
        rc = copy_text(what, "title", 300, copy, err);
    if (rc == 0)
        rc = copy_text(what, "text", WF_PRESENCE_TEXT_BYTES, copy, err);
    if (rc == 0)
        rc = copy_place(what, copy, err);
    if (rc == 0)
        rc = copy_generation(what, copy, err);
    if (rc != 0)
        json_decref(copy);
    else
        *out = copy;
    return rc;
}

/* ---- items ---- */

json_t *wf_presence__item_json(const struct wf_presence_item *it, int64_t now_ms, bool with_what)
{
    json_int_t age = (json_int_t)WF_MAX(now_ms - it->active_ms, 0);

    if (!with_what)
        return json_pack("{s:s, s:I}", "id", it->id, "age", age);
    return json_pack("{s:s, s:I, s:s, s:O}", "id", it->id, "age", age, "label",
                     wf_label_name(it->label), "what", it->what);
}

int wf_presence__read_item(const json_t *v, int64_t now_ms, struct wf_presence_item *out,
                           struct wf_err *err)
{
    const char *id = wf_json_text(v, "id");
    const json_t *age = json_object_get(v, "age"), *what = json_object_get(v, "what");
    size_t n = strlen(id);

    *out = (struct wf_presence_item){.what = NULL};
    if (n == 0 || n > WF_PRESENCE_ID_BYTES || !json_is_integer(age) ||
        json_integer_value(age) < 0 || json_integer_value(age) > AGE_MAX_MS)
        return wf_err_set(err, WF_E_FORMAT, "Something that is open there has no id or no age.");
    memcpy(out->id, id, n + 1);
    out->active_ms = now_ms - json_integer_value(age);
    if (what == NULL)
        return 0;
    if (!wf_label_parse(wf_str_from(wf_json_text(v, "label")), &out->label) ||
        out->label >= WF_LABEL_SECRET)
        return wf_err_set(err, WF_E_FORMAT, "Something that is open there has no label.");
    return wf_presence_what_read(what, &out->what, err);
}

int wf_presence__write(unsigned kind, json_t *body, struct wf_buf *out, struct wf_err *err)
{
    int rc = body == NULL ? WF_E_NOMEM : wf_buf_append_byte(out, (char)kind);

    if (rc == 0)
        rc = wf_json_append(out, body);
    json_decref(body);
    return rc == 0 ? 0
                   : wf_err_set(err, rc,
                                rc == WF_E_LIMIT ? "That is too long to be told."
                                                 : "Out of memory (what is open).");
}
