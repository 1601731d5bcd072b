/* SPDX-License-Identifier: Apache-2.0 */
/* Ollama's messages as OpenAI's, and back: the context of /api/generate.
 *
 * Ollama's calls have no ids (newer ones may), and its tool messages name a tool or nothing at all;
 * chat templates want both sides to have the same id. So calls without one get one of nine letters
 * and digits (the form that Mistral's templates insist on), and a result without one belongs to the
 * oldest call that has no result yet (of the same name, where it says one). */
#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "http/ollama.h"
#include "op/declared.h"
#include "op/json.h"
#include "op/picture.h"

#define CONTEXT_MARK 0x77656674 /* "weft" */

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
}

int wf_ollama_add_images(json_t *io_message, const json_t *images, struct wf_err *err)
{
    json_t *content, *part = NULL, *text = json_object_get(io_message, "content");
    const json_t *image;
    size_t i;
    int rc = 0;

    if (images == NULL || json_is_null(images) ||
        (json_is_array(images) && json_array_size(images) == 0))
        return 0;
    if (!json_is_array(images) || strcmp(wf_json_text(io_message, "role"), "user") != 0)
        return wf_err_set(err, WF_E_INVAL,
                          "images are an array of pictures in base64, of a user's message.");
    content = json_array();
    if (json_string_length(text) > 0 &&
        json_array_append_new(content, json_pack("{s:s, s:O}", "type", "text", "text", text)) != 0)
        rc = no_memory(err);
    json_array_foreach(images, i, image)
    {
        if (rc == 0)
            rc = wf_op_picture(wf_str_n(json_string_value(image), json_string_length(image)), &part,
                               err);
        if (rc == 0 && json_array_append_new(content, part) != 0)
            rc = no_memory(err);
    }
    if (rc == 0 && json_object_set(io_message, "content", content) != 0)
        rc = no_memory(err);
    json_decref(content);
    return rc;
}

/* ---- messages ---- */

struct reader {
    json_t *out;
    json_t *waiting; /* calls without a result: [{id, name}] */
    size_t n_calls;
    size_t i_message;
    struct wf_err *err;
};

static int invalid(const struct reader *r, const char *what)
{
    return wf_err_set(r->err, WF_E_INVAL, "messages[%zu]: %s", r->i_message, what);
}

/* Arguments as text: objects are written, texts taken as they are. */
static json_t *arguments_text(const json_t *arguments)
{
    struct wf_buf b;
    json_t *v = NULL;

    if (json_is_string(arguments))
        return json_copy((json_t *)(uintptr_t)arguments);
    wf_buf_init(&b, WF_LIMIT_ENCODE_BYTES);
    if (wf_json_append(&b, arguments) == 0)
        v = wf_json_str(wf_buf_str(&b));
    wf_buf_deinit(&b);
    return v;
}

static int read_call(struct reader *r, const json_t *call, json_t *calls)
{
    const json_t *f = json_object_get(call, "function");
    const json_t *arguments = json_object_get(f, "arguments");
    const char *name = wf_json_text(f, "name"), *id = wf_json_text(call, "id");
    json_t *text, *made_id;
    bool ok;

    if (!name[0] || (arguments && !json_is_object(arguments) && !json_is_string(arguments)))
        return invalid(r, "a tool call needs a function with a name and an object as arguments.");
    made_id = id[0] ? json_string(id) : json_sprintf("call%05zu", r->n_calls % 100000);
    r->n_calls++;
    text = arguments ? arguments_text(arguments) : json_string("{}");
    ok = made_id && text &&
         json_array_append_new(calls, json_pack("{s:O, s:s, s:{s:s, s:O}}", "id", made_id, "type",
                                                "function", "function", "name", name, "arguments",
                                                text)) == 0 &&
         json_array_append_new(r->waiting, json_pack("{s:O, s:s}", "id", made_id, "name", name)) ==
             0;
    json_decref(made_id);
    json_decref(text);
    return ok ? 0 : no_memory(r->err);
}

static int read_calls(struct reader *r, const json_t *message, json_t *m)
{
    const json_t *calls = json_object_get(message, "tool_calls"), *call;
    json_t *made;
    size_t i;
    int rc = 0;

    if (!calls || json_is_null(calls) || (json_is_array(calls) && json_array_size(calls) == 0))
        return 0;
    if (!json_is_array(calls))
        return invalid(r, "tool_calls must be an array.");
    made = json_array();
    if (!made)
        return no_memory(r->err);
    json_array_foreach(calls, i, call)
    {
        rc = rc == 0 ? read_call(r, call, made) : rc;
    }
    if (rc == 0 && json_object_set(m, "tool_calls", made) != 0)
        rc = no_memory(r->err);
    json_decref(made);
    return rc;
}

/* The call that a result belongs to is taken off the waiting ones. */
static int read_result(struct reader *r, const json_t *message, json_t *m)
{
    const char *id = wf_json_text(message, "tool_call_id");
    const char *name = wf_json_text(message, "tool_name");
    const json_t *call;
    size_t i;

    if (!name[0])
        name = wf_json_text(message, "name");
    json_array_foreach(r->waiting, i, call)
    {
        if ((id[0] && strcmp(id, wf_json_text(call, "id")) != 0) ||
            (!id[0] && name[0] && strcmp(name, wf_json_text(call, "name")) != 0))
            continue;
        if (json_object_set(m, "tool_call_id", json_object_get(call, "id")) != 0 ||
            json_object_set(m, "name", json_object_get(call, "name")) != 0)
            return no_memory(r->err);
        (void)json_array_remove(r->waiting, i); /* it is there */
        return 0;
    }
    if ((id[0] && json_object_set_new(m, "tool_call_id", json_string(id)) != 0) ||
        (name[0] && json_object_set_new(m, "name", json_string(name)) != 0))
        return no_memory(r->err);
    return 0;
}

static int read_message(struct reader *r, const json_t *message)
{
    const char *role = wf_json_text(message, "role");
    json_t *content = json_object_get(message, "content");
    json_t *thinking = json_object_get(message, "thinking"), *m;
    int rc = 0;

    if (!role[0])
        return invalid(r, "role is missing.");
    if (wf_op_declares(message))
        return invalid(r, "weft_origin and weft_label are read in OpenAI's chats alone.");
    if (content && !json_is_string(content) && !json_is_null(content))
        return invalid(r, "content must be a text.");
    m = json_pack("{s:s, s:s}", "role", role, "content", wf_json_text(message, "content"));
    if (!m || (json_is_string(thinking) && json_object_set(m, "reasoning_content", thinking) != 0))
        rc = no_memory(r->err);
    if (rc == 0)
        rc = wf_ollama_add_images(m, json_object_get(message, "images"), r->err);
    if (rc == 0)
        rc = read_calls(r, message, m);
    if (rc == 0 && strcmp(role, "tool") == 0)
        rc = read_result(r, message, m);
    if (rc == 0 && json_array_append(r->out, m) != 0)
        rc = no_memory(r->err);
    json_decref(m);
    return rc;
}

int wf_ollama_messages(const json_t *messages, json_t **out, struct wf_err *err)
{
    struct reader r = {.out = json_array(), .waiting = json_array(), .err = err};
    const json_t *message;
    size_t i;
    int rc = r.out && r.waiting ? 0 : no_memory(err);

    if (rc == 0 && !json_is_array(messages))
        rc = wf_err_set(err, WF_E_INVAL, "messages must be an array.");
    json_array_foreach(messages, i, message)
    {
        r.i_message = i;
        rc = rc == 0 ? read_message(&r, message) : rc;
    }
    json_decref(r.waiting);
    if (rc == 0)
        *out = r.out;
    else
        json_decref(r.out);
    return rc;
}

/* ---- context ---- */

/* The messages with texts alone: pictures would make a context of millions of numbers. */
static json_t *texts_only(const json_t *messages)
{
    json_t *all = json_copy((json_t *)(uintptr_t)messages), *m, *copy;
    const json_t *part;
    size_t i, k;

    json_array_foreach(messages, i, m)
    {
        const json_t *content = json_object_get(m, "content"), *text = NULL;
        if (!json_is_array(content))
            continue;
        json_array_foreach(content, k, part) if (json_object_get(part, "text") != NULL) text =
            json_object_get(part, "text");
        copy = json_copy(m);
        if (json_object_set_new(copy, "content",
                                text != NULL ? json_incref((json_t *)(uintptr_t)text)
                                             : json_string("")) != 0 ||
            json_array_set_new(all, i, copy) != 0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

json_t *wf_ollama_context_write(const json_t *messages)
{
    json_t *out = json_array(), *texts = texts_only(messages);
    struct wf_buf b;
    bool ok;

    wf_buf_init(&b, WF_LIMIT_ENCODE_BYTES);
    ok = out && texts && wf_json_append(&b, texts) == 0;
    json_decref(texts);
    ok = ok && json_array_append_new(out, json_integer(CONTEXT_MARK)) == 0;
    ok = ok && json_array_append_new(out, json_integer((json_int_t)b.len)) == 0;
    for (size_t i = 0; ok && i < b.len; i += 3) {
        json_int_t n = 0;
        for (size_t k = 0; k < 3; k++)
            n = n << 8 | (i + k < b.len ? (unsigned char)b.ptr[i + k] : 0);
        ok = json_array_append_new(out, json_integer(n)) == 0;
    }
    wf_buf_deinit(&b);
    if (ok)
        return out;
    json_decref(out);
    return NULL;
}

static int not_ours(struct wf_err *err)
{
    return wf_err_set(err, WF_E_INVAL,
                      "context is not one that weft gave: leave it out, or use /api/chat.");
}

static int context_bytes(const json_t *context, struct wf_buf *out, struct wf_err *err)
{
    size_t n = json_array_size(context);
    json_int_t n_bytes = json_integer_value(json_array_get(context, 1));

    if (json_integer_value(json_array_get(context, 0)) != CONTEXT_MARK || n_bytes < 2 ||
        n_bytes > (json_int_t)WF_LIMIT_ENCODE_BYTES || n != 2 + ((size_t)n_bytes + 2) / 3)
        return not_ours(err);
    for (size_t i = 2; i < n; i++) {
        const json_t *v = json_array_get(context, i);
        json_int_t x = json_integer_value(v);
        if (!json_is_integer(v) || x < 0 || x > 0xffffff)
            return not_ours(err);
        wf_buf_append_byte(out, (char)(x >> 16));
        wf_buf_append_byte(out, (char)(x >> 8 & 0xff));
        wf_buf_append_byte(out, (char)(x & 0xff));
    }
    if (wf_buf_status(out) != 0)
        return no_memory(err);
    wf_buf_truncate(out, (size_t)n_bytes);
    return 0;
}

/* What was written here is an array of messages with a role and a text each. */
static bool is_messages(const json_t *v)
{
    const json_t *m;
    size_t i;

    json_array_foreach(v, i, m)
    {
        if (!json_is_string(json_object_get(m, "role")) ||
            !json_is_string(json_object_get(m, "content")))
            return false;
    }
    return json_is_array(v);
}

int wf_ollama_context_read(const json_t *context, json_t **out, struct wf_err *err)
{
    json_t *v = NULL;
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_LIMIT_ENCODE_BYTES + 3);
    rc = context_bytes(context, &b, err);
    if (rc == 0)
        rc = wf_json_parse(wf_buf_str(&b), &v, err);
    wf_buf_deinit(&b);
    if (rc == 0 && is_messages(v)) {
        *out = v;
        return 0;
    }
    json_decref(v);
    return rc == WF_E_NOMEM ? rc : not_ours(err);
}
