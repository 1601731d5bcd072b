/* SPDX-License-Identifier: Apache-2.0 */
/* Anthropic's messages as OpenAI's.
 *
 * Blocks of one message are read in order. Texts are joined (most chat templates take a text, not
 * parts), thoughts become reasoning_content, tool_use blocks the message's calls; a tool_result
 * ends the text before it, since it becomes a message of its own. Neighbours of one role are one
 * turn in this API, and many templates refuse two turns of one role. */
#include <string.h>

#include "base/limits.h"
#include "http/anthropic.h"
#include "op/declared.h"
#include "op/json.h"
#include "op/picture.h"

struct reader {
    json_t *out;
    json_t *names;         /* id of a tool_use -> its tool's name */
    const char *role;      /* of the message that is gathered; or NULL */
    const char *between;   /* what comes before its next text */
    struct wf_buf text;    /* of the message that is gathered */
    struct wf_buf thought; /* likewise */
    json_t *parts;         /* likewise, where pictures are among them: what stands before text */
    json_t *calls;         /* likewise */
    size_t i_message;
    struct wf_err *err;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
}

static int invalid(const struct reader *r, const char *what)
{
    return wf_err_set(r->err, WF_E_INVAL, "messages.%zu: %s", r->i_message, what);
}

static int join(struct wf_buf *to, const json_t *text, const char *between, struct wf_err *err)
{
    if (to->len > 0)
        wf_buf_append_cstr(to, between);
    if (wf_buf_append(to, json_string_value(text), json_string_length(text)) == 0)
        return 0;
    return wf_err_set(err, wf_buf_status(to), "The messages are longer than weft takes.");
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* Moves the text that was gathered to the parts. */
static int text_part(struct reader *r)
{
    json_t *part = r->text.len > 0
                       ? json_pack("{s:s, s:s%}", "type", "text", "text", r->text.ptr, r->text.len)
                       : NULL;

    if (r->text.len > 0 && json_array_append_new(r->parts, part) != 0)
        return no_memory(r->err);
    wf_buf_reset(&r->text);
    return 0;
}

/* Adds what was gathered as a message; nothing when nothing was. */
static int flush(struct reader *r)
{
    json_t *m;
    bool ok = true;

    r->between = "\n";
    if (r->text.len == 0 && r->thought.len == 0 && !r->calls && !r->parts)
        return 0;
    m = json_pack("{s:s, s:s%}", "role", r->role, "content", r->text.ptr, r->text.len);
    if (r->parts)
        ok = text_part(r) == 0 && m && json_object_set(m, "content", r->parts) == 0;
    ok = ok && m &&
         (r->thought.len == 0 ||
          json_object_set_new(m, "reasoning_content", wf_json_str(wf_buf_str(&r->thought))) == 0);
    ok = ok && (!r->calls || json_object_set(m, "tool_calls", r->calls) == 0);
    ok = ok && json_array_append(r->out, m) == 0;
    json_decref(m);
    json_decref(r->calls);
    json_decref(r->parts);
    r->calls = r->parts = NULL;
    wf_buf_reset(&r->text);
    wf_buf_reset(&r->thought);
    return ok ? 0 : no_memory(r->err);
}

/* A message of this role follows: with the one before it, where both are of one role. */
static int turn(struct reader *r, const char *role)
{
    int rc = 0;

    if (!r->role || strcmp(r->role, role) != 0 || r->calls || r->thought.len > 0)
        rc = flush(r);
    else
        r->between = "\n\n";
    r->role = role;
    return rc;
}

/* More text of the message that is gathered. */
static int add_text(struct reader *r, const json_t *text)
{
    const char *between = r->between;

    r->between = "\n";
    return join(&r->text, text, between, r->err);
}

static int unsupported(const struct reader *r, const char *type)
{
    return wf_err_set(r->err, WF_E_UNSUPPORTED,
                      "messages.%zu: blocks of type \"%.40s\" cannot be read here.", r->i_message,
                      type);
}

/* A document whose source is text; its title stands in front. */
static int read_document(struct reader *r, const json_t *block, struct wf_buf *to)
{
    const json_t *source = json_object_get(block, "source");
    const json_t *data = json_object_get(source, "data");
    const json_t *title = json_object_get(block, "title");
    int rc = 0;

    if (strcmp(wf_json_text(source, "type"), "text") != 0 || !json_is_string(data))
        return unsupported(r, "document (other than plain text)");
    if (json_is_string(title))
        rc = join(to, title, "\n", r->err);
    return rc == 0 ? join(to, data, "\n", r->err) : rc;
}

/* A text, or an array of blocks of text, joined into *to. */
static int read_text(struct reader *r, const json_t *content, struct wf_buf *to)
{
    const json_t *block;
    size_t i;
    int rc = 0;

    if (json_is_string(content))
        return join(to, content, "\n", r->err);
    if (!json_is_array(content))
        return invalid(r, "content must be a text or an array of blocks.");
    json_array_foreach(content, i, block)
    {
        const char *type = wf_json_text(block, "type");
        if (strcmp(type, "document") == 0)
            rc = read_document(r, block, to);
        else if (strcmp(type, "text") != 0)
            rc = unsupported(r, type);
        else if (!json_is_string(json_object_get(block, "text")))
            rc = invalid(r, "a text block needs \"text\".");
        else
            rc = join(to, json_object_get(block, "text"), "\n", r->err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int read_tool_result(struct reader *r, const json_t *block)
{
    const char *id = text_of(block, "tool_use_id");
    const json_t *content = json_object_get(block, "content");
    bool failed = json_is_true(json_object_get(block, "is_error"));
    json_t *m = NULL, *name;
    struct wf_buf text;
    int rc;

    if (!id)
        return invalid(r, "a tool_result needs \"tool_use_id\".");
    rc = flush(r);
    if (rc != 0)
        return rc;
    wf_buf_init(&text, WF_LIMIT_ENCODE_BYTES);
    if (failed)
        wf_buf_append_cstr(&text, "Error:");
    if (content && !json_is_null(content))
        rc = read_text(r, content, &text);
    if (rc == 0) {
        m = json_pack("{s:s, s:s, s:s%}", "role", "tool", "tool_call_id", id, "content", text.ptr,
                      text.len);
        name = json_object_get(r->names, id);
        if (!m || (name && json_object_set(m, "name", name) != 0) ||
            json_array_append(r->out, m) != 0)
            rc = no_memory(r->err);
    }
    json_decref(m);
    wf_buf_deinit(&text);
    return rc;
}

static int read_tool_use(struct reader *r, const json_t *block)
{
    const char *id = text_of(block, "id"), *name = text_of(block, "name");
    const json_t *input = json_object_get(block, "input");
    json_t *call = NULL;
    struct wf_buf arguments;
    int rc = 0;

    if (!id || !name || !json_is_object(input))
        return invalid(r, "a tool_use needs \"id\", \"name\" and an object as \"input\".");
    if (!r->calls)
        r->calls = json_array();
    wf_buf_init(&arguments, WF_LIMIT_ENCODE_BYTES);
    if (wf_json_append(&arguments, input) == 0)
        call = json_pack("{s:s, s:s, s:{s:s, s:s%}}", "id", id, "type", "function", "function",
                         "name", name, "arguments", arguments.ptr, arguments.len);
    if (!call || !r->calls || json_array_append(r->calls, call) != 0 ||
        json_object_set_new(r->names, id, json_string(name)) != 0)
        rc = no_memory(r->err);
    json_decref(call);
    wf_buf_deinit(&arguments);
    return rc;
}

static int read_image(struct reader *r, const json_t *block)
{
    const json_t *source = json_object_get(block, "source"), *data;
    const char *type = wf_json_text(source, "type");
    json_t *part = NULL;
    int rc;

    data = json_object_get(source, strcmp(type, "url") == 0 ? "url" : "data");
    if (!json_is_string(data) || (strcmp(type, "base64") != 0 && strcmp(type, "url") != 0))
        return invalid(r, "an image needs a \"source\" of type base64, with its \"data\".");
    if (!r->parts)
        r->parts = json_array();
    rc = r->parts ? text_part(r) : no_memory(r->err);
    if (rc == 0) {
        struct wf_str s = wf_str_n(json_string_value(data), json_string_length(data));
        rc = strcmp(type, "url") == 0 ? wf_op_picture_of_url(s, &part, r->err)
                                      : wf_op_picture(s, &part, r->err);
        if (rc == WF_E_INVAL)
            wf_err_prefix(r->err, "messages.%zu", r->i_message);
    }
    if (rc == 0 && json_array_append(r->parts, part) != 0)
        rc = no_memory(r->err);
    json_decref(part);
    return rc;
}

static int read_block(struct reader *r, bool is_user, const json_t *block)
{
    const char *type = wf_json_text(block, "type");
    const json_t *text = json_object_get(block, "text");
    const json_t *thought = json_object_get(block, "thinking");

    if (strcmp(type, "text") == 0)
        return json_is_string(text) ? add_text(r, text)
                                    : invalid(r, "a text block needs \"text\".");
    if (is_user && strcmp(type, "tool_result") == 0)
        return read_tool_result(r, block);
    if (is_user && strcmp(type, "document") == 0)
        return read_document(r, block, &r->text);
    if (is_user && strcmp(type, "image") == 0)
        return read_image(r, block);
    if (!is_user && strcmp(type, "tool_use") == 0)
        return read_tool_use(r, block);
    if (!is_user && strcmp(type, "thinking") == 0)
        return json_is_string(thought) ? join(&r->thought, thought, "\n", r->err)
                                       : invalid(r, "a thinking block needs \"thinking\".");
    if (!is_user && strcmp(type, "redacted_thinking") == 0)
        return 0; /* only who made it can read it */
    return unsupported(r, type[0] ? type : "(none)");
}

static int read_message(struct reader *r, const json_t *message)
{
    const char *role = wf_json_text(message, "role");
    const json_t *content = json_object_get(message, "content"), *block;
    bool is_user = strcmp(role, "user") == 0;
    size_t i;
    int rc;

    if (!is_user && strcmp(role, "assistant") != 0 && strcmp(role, "system") != 0)
        return invalid(r, "role must be \"user\", \"assistant\" or \"system\".");
    if (wf_op_declares(message))
        return invalid(r, "weft_origin and weft_label are read in OpenAI's chats alone.");
    rc = turn(r, role);
    if (rc == 0 && json_is_string(content))
        return add_text(r, content);
    if (rc == 0 && (!json_is_array(content) || strcmp(role, "system") == 0))
        return read_text(r, content, &r->text);
    json_array_foreach(content, i, block)
    {
        rc = rc == 0 ? read_block(r, is_user, block) : rc;
    }
    return rc;
}

static int read_all(struct reader *r, const json_t *body)
{
    const json_t *system = json_object_get(body, "system"), *message;
    const json_t *messages = json_object_get(body, "messages");
    size_t i;
    int rc = 0;

    if (!json_is_array(messages) || json_array_size(messages) == 0)
        return wf_err_set(r->err, WF_E_INVAL, "messages: at least one message is required.");
    if (system && !json_is_null(system)) {
        r->role = "system";
        rc = read_text(r, system, &r->text);
        if (rc == WF_E_INVAL)
            return wf_err_set(r->err, WF_E_INVAL, "system: must be a text or blocks of text.");
    }
    json_array_foreach(messages, i, message)
    {
        r->i_message = i;
        rc = rc == 0 ? read_message(r, message) : rc;
    }
    return rc == 0 ? flush(r) : rc;
}

int wf_anthropic_messages(const json_t *body, json_t **out, bool *out_continue, struct wf_err *err)
{
    struct reader r = {.out = json_array(), .names = json_object(), .between = "\n", .err = err};
    const json_t *last;
    int rc;

    wf_buf_init(&r.text, WF_LIMIT_ENCODE_BYTES);
    wf_buf_init(&r.thought, WF_LIMIT_ENCODE_BYTES);
    rc = r.out && r.names ? read_all(&r, body) : no_memory(err);
    last = json_array_get(r.out, json_array_size(r.out) - 1);
    if (rc == 0 && !last)
        rc = wf_err_set(err, WF_E_INVAL, "messages: all of them are empty.");
    if (rc == 0) {
        *out_continue = strcmp(wf_json_text(last, "role"), "assistant") == 0;
        if (*out_continue && json_object_get(last, "tool_calls"))
            rc = wf_err_set(err, WF_E_INVAL,
                            "messages: a tool_use at the end lacks its tool_result.");
    }
    wf_buf_deinit(&r.text);
    wf_buf_deinit(&r.thought);
    json_decref(r.calls);
    json_decref(r.parts);
    json_decref(r.names);
    if (rc == 0)
        *out = r.out;
    else
        json_decref(r.out);
    return rc;
}
