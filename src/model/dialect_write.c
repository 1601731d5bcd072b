/* SPDX-License-Identifier: Apache-2.0 */
/* Dialects: writing. Calls as text, and tools explained, for models whose template does neither.
 *
 * Only dialects of JSON objects and of Python's calls come here: the others' templates do it. One
 * that is neither gets JSON objects between <tool_call> tags, which its reader does not read back
 * but the model still understands as its own past. */
#include <string.h>

#include "model/dialect_internal.h"

static const struct wf_dialect_section plain = {
    .begin = "<tool_call>",
    .end = "</tool_call>",
    .forms = WF_CALL_JSON,
};

/* The section whose form we can write. */
static const struct wf_dialect_section *writable(const struct wf_dialect *d)
{
    for (size_t i = 0; i < WF_DIALECT_SECTIONS && d->sections[i].begin != NULL; i++)
        if ((d->sections[i].forms & (WF_CALL_JSON | WF_CALL_PYTHON)) != 0)
            return &d->sections[i];
    return &plain;
}

static int append_json(const json_t *v, struct wf_buf *out)
{
    size_t n = json_dumpb(v, NULL, 0, JSON_ENCODE_ANY);

    if (n == 0 || wf_buf_reserve(out, n) != 0)
        return wf_buf_status(out) != 0 ? wf_buf_status(out) : WF_E_NOMEM;
    (void)json_dumpb(v, out->ptr + out->len, n, JSON_ENCODE_ANY);
    wf_buf_commit(out, n);
    return 0;
}

/* JSON as a Python literal. Its depth is bounded: jansson parses to 2048 at most. */
static int append_python(const json_t *v, struct wf_buf *out)
{
    const char *key;
    json_t *one;
    size_t i;
    int rc = 0;

    switch (json_typeof(v)) {
    case JSON_TRUE:
        return wf_buf_append_cstr(out, "True");
    case JSON_FALSE:
        return wf_buf_append_cstr(out, "False");
    case JSON_NULL:
        return wf_buf_append_cstr(out, "None");
    case JSON_ARRAY:
        (void)wf_buf_append_cstr(out, "[");
        json_array_foreach(v, i, one)
        {
            (void)wf_buf_append_cstr(out, i > 0 ? ", " : "");
            rc = rc == 0 ? append_python(one, out) : rc;
        }
        (void)wf_buf_append_cstr(out, "]");
        break;
    case JSON_OBJECT:
        (void)wf_buf_append_cstr(out, "{");
        i = 0;
        json_object_foreach((json_t *)(uintptr_t)v, key, one)
        {
            (void)wf_buf_append_cstr(out, i++ > 0 ? ", \"" : "\"");
            (void)wf_json_escape(out, wf_str_from(key));
            (void)wf_buf_append_cstr(out, "\": ");
            rc = rc == 0 ? append_python(one, out) : rc;
        }
        (void)wf_buf_append_cstr(out, "}");
        break;
    default:
        return append_json(v, out);
    }
    return rc != 0 ? rc : wf_buf_status(out);
}

/* The arguments of a call as an object: a new reference; an empty one where they are none. */
static json_t *arguments_of(const json_t *function)
{
    const json_t *a = json_object_get(function, "arguments");
    json_t *v = NULL;

    if (json_is_string(a))
        v = json_loadb(json_string_value(a), json_string_length(a), 0, NULL);
    else if (json_is_object(a))
        v = json_incref((json_t *)(uintptr_t)a);
    if (json_is_object(v))
        return v;
    json_decref(v);
    return json_object();
}

static int write_python(const char *name, const json_t *arguments, struct wf_buf *out)
{
    const char *key;
    json_t *one;
    size_t i = 0;
    int rc = 0;

    (void)wf_buf_appendf(out, "%s(", name);
    json_object_foreach((json_t *)(uintptr_t)arguments, key, one)
    {
        (void)wf_buf_appendf(out, "%s%s=", i++ > 0 ? ", " : "", key);
        rc = rc == 0 ? append_python(one, out) : rc;
    }
    (void)wf_buf_append_cstr(out, ")");
    return rc != 0 ? rc : wf_buf_status(out);
}

static int write_json(const struct wf_dialect *d, const char *name, const json_t *arguments,
                      struct wf_buf *out)
{
    int rc;

    (void)wf_buf_append_cstr(out, "{\"name\": \"");
    (void)wf_json_escape(out, wf_str_from(name));
    (void)wf_buf_appendf(out, "\", \"%s\": ", d->arguments != NULL ? d->arguments : "arguments");
    rc = append_json(arguments, out);
    (void)wf_buf_append_cstr(out, "}");
    return rc != 0 ? rc : wf_buf_status(out);
}

int wf_dialect_write_calls(const struct wf_dialect *d, const json_t *calls, struct wf_buf *out)
{
    const struct wf_dialect_section *s = writable(d);
    bool is_python = (s->forms & WF_CALL_PYTHON) != 0 && s->begin[0] != 0;
    size_t i;
    const json_t *call;
    int rc = 0;

    if (is_python)
        (void)wf_buf_appendf(out, "%s[", s->begin);
    json_array_foreach(calls, i, call)
    {
        const json_t *f = json_object_get(call, "function");
        const char *name = json_string_value(json_object_get(f, "name"));
        json_t *arguments = arguments_of(f);
        if (arguments == NULL)
            return WF_E_NOMEM;
        name = name == NULL ? "" : name;
        if (is_python) {
            (void)wf_buf_append_cstr(out, i > 0 ? ", " : "");
            rc = write_python(name, arguments, out);
        } else {
            bool has_marks = s->begin[0] != 0;
            (void)wf_buf_append_cstr(out, i == 0 ? "" : has_marks ? "\n" : "; ");
            (void)wf_buf_appendf(out, "%s%s", s->begin, has_marks ? "\n" : "");
            rc = write_json(d, name, arguments, out);
            (void)wf_buf_appendf(out, "%s%s", has_marks ? "\n" : "", s->end != NULL ? s->end : "");
        }
        json_decref(arguments);
        if (rc != 0)
            return rc;
    }
    if (is_python)
        (void)wf_buf_appendf(out, "]%s", s->end != NULL ? s->end : "");
    return wf_buf_status(out);
}

int wf_dialect_tools_prompt(const struct wf_dialect *d, const json_t *tools, struct wf_buf *out)
{
    static const char intro[] =
        "You can call functions. These are available, each described by a JSON object:\n";
    const struct wf_dialect_section *s = writable(d);
    size_t i;
    const json_t *tool;

    (void)wf_buf_append_cstr(out, intro);
    json_array_foreach(tools, i, tool)
    {
        const json_t *f = json_object_get(tool, "function");
        int rc = append_json(f != NULL ? f : tool, out);
        if (rc != 0)
            return rc;
        (void)wf_buf_append_byte(out, '\n');
    }
    (void)wf_buf_append_cstr(out,
                             "\nTo call a function, write exactly this and nothing after it:\n");
    if ((s->forms & WF_CALL_PYTHON) != 0 && s->begin[0] != 0)
        (void)wf_buf_appendf(out, "%s[function_name(argument=\"value\")]%s\n", s->begin,
                             s->end != NULL ? s->end : "");
    else
        (void)wf_buf_appendf(out,
                             "%s%s{\"name\": \"function_name\", \"%s\": {\"argument\": "
                             "\"value\"}}%s%s\n",
                             s->begin, s->begin[0] != 0 ? "\n" : "",
                             d->arguments != NULL ? d->arguments : "arguments",
                             s->begin[0] != 0 ? "\n" : "", s->end != NULL ? s->end : "");
    (void)wf_buf_append_cstr(out,
                             "The result is then given to you. If no function is needed, answer "
                             "without calling one.");
    return wf_buf_status(out);
}
