/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: from OpenAI's form to a template's variables. See the header for what is made up for.
 *
 * Each message is copied with its content as one text; what a template cannot show moves into
 * texts: tools into the system message, calls behind the assistant's content, results into a
 * user's message, the system message in front of the first user's. */
#include "model/messages.h"

#include <string.h>

#include "base/limits.h"
#include "model/dialect_internal.h"

/* U+10FFFE, a noncharacter: marks the end of a message that is to be continued. */
#define END_MARK "\xf4\x8f\xbf\xbe"

struct preparing {
    const struct wf_chat_style *style;
    const struct wf_dialect *d;
    const struct wf_chat *chat;
    json_t *out;          /* messages */
    struct wf_buf text;   /* of the message at hand */
    struct wf_buf system; /* waits for the first user's message */
    bool is_system_due;
    struct wf_err *err;
};

static int no_memory(struct preparing *p)
{
    return wf_err_set(p->err, WF_E_NOMEM, "not enough memory for the conversation");
}

/* ---- content ---- */

static int append_part(struct preparing *p, const json_t *part, size_t i_message)
{
    const char *type = json_string_value(json_object_get(part, "type"));
    const json_t *text = json_object_get(part, "text");

    if (text == NULL)
        text = json_object_get(part, "refusal");
    if (json_is_string(part))
        text = part;
    if (type != NULL && strcmp(type, "image_url") == 0)
        return wf_err_set(p->err, WF_E_UNSUPPORTED,
                          "Message %zu holds a picture, and the models on this device read text "
                          "only: take one elsewhere that sees, or leave the picture out.",
                          i_message);
    if (!json_is_string(text))
        return wf_err_set(p->err, WF_E_UNSUPPORTED,
                          "message %zu has a part of type \"%s\"; this model reads text only",
                          i_message, type != NULL ? type : "?");
    if (p->text.len > 0)
        (void)wf_buf_append_byte(&p->text, '\n');
    return wf_buf_append(&p->text, json_string_value(text), json_string_length(text));
}

/* The content of a message into p->text. */
static int read_content(struct preparing *p, const json_t *message, size_t i_message)
{
    const json_t *content = json_object_get(message, "content"), *part;
    size_t i;
    int rc = 0;

    wf_buf_reset(&p->text);
    if (content == NULL || json_is_null(content))
        return 0;
    if (json_is_string(content)) {
        rc = wf_buf_append(&p->text, json_string_value(content), json_string_length(content));
    } else if (json_is_array(content)) {
        json_array_foreach(content, i, part)
        {
            rc = append_part(p, part, i_message);
            if (rc != 0)
                break;
        }
    } else {
        return wf_err_set(p->err, WF_E_INVAL,
                          "the content of message %zu is neither a text nor an array", i_message);
    }
    return rc == WF_E_NOMEM   ? no_memory(p)
           : rc == WF_E_LIMIT ? wf_err_set(p->err, rc, "message %zu is longer than %u bytes",
                                           i_message, WF_LIMIT_ENCODE_BYTES)
                              : rc;
}

/* p->text as a value for "content"; NULL out of memory. */
static json_t *content_value(const struct preparing *p)
{
    json_t *text = json_stringn_nocheck(p->text.ptr, p->text.len);

    if (text == NULL || !p->style->wants_parts)
        return text;
    return json_pack("[{s:s,s:o}]", "type", "text", "text", text);
}

/* ---- tool calls ---- */

/* An id of nine letters and digits that stands for any other; the same for the same. */
static json_t *short_id(const char *id)
{
    static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t n = strlen(id);
    uint64_t h;
    char out[9];

    if (n == 9 && strspn(id, letters) == 9)
        return json_string(id);
    h = wf_str_hash(wf_str_from(id), 1);
    for (size_t i = 0; i < sizeof(out); i++) {
        out[i] = letters[h % (sizeof(letters) - 1)];
        h /= sizeof(letters) - 1;
    }
    return json_stringn(out, sizeof(out));
}

static json_t *id_value(const struct preparing *p, const char *id)
{
    return p->d->has_short_ids ? short_id(id) : json_string(id);
}

/* Arguments as the template wants them; NULL out of memory. What is no JSON stays visible. */
static json_t *arguments_value(const struct preparing *p, const json_t *arguments)
{
    json_t *v = NULL;
    struct wf_buf text;

    if (json_is_string(arguments) && !p->style->wants_text) {
        struct wf_str s =
            wf_str_trim(wf_str_n(json_string_value(arguments), json_string_length(arguments)));
        v = s.len == 0 ? json_object() : json_loadb(s.ptr, s.len, 0, NULL);
        if (json_is_object(v))
            return v;
        json_decref(v);
        return json_pack("{s:O}", "arguments", arguments);
    }
    if (arguments == NULL || json_is_null(arguments))
        return p->style->wants_text ? json_string("{}") : json_object();
    if (json_is_string(arguments) || !p->style->wants_text)
        return json_deep_copy(arguments);
    wf_buf_init(&text, WF_LIMIT_ENCODE_BYTES);
    size_t n = json_dumpb(arguments, NULL, 0, JSON_ENCODE_ANY);
    if (n > 0 && wf_buf_reserve(&text, n) == 0) {
        (void)json_dumpb(arguments, text.ptr + text.len, n, JSON_ENCODE_ANY);
        wf_buf_commit(&text, n);
        v = json_stringn(text.ptr, text.len);
    }
    wf_buf_deinit(&text);
    return v;
}

/* The calls of a message, a new array; NULL: err is set. */
static json_t *calls_value(struct preparing *p, const json_t *calls, size_t i_message)
{
    json_t *all = json_array();
    const json_t *call;
    size_t i;

    json_array_foreach(calls, i, call)
    {
        const json_t *f = json_object_get(call, "function");
        const char *name = json_string_value(json_object_get(f, "name"));
        const char *id = json_string_value(json_object_get(call, "id"));
        char made[32];
        json_t *one;
        if (name == NULL) {
            (void)wf_err_set(p->err, WF_E_INVAL, "tool call %zu of message %zu names no function",
                             i, i_message);
            json_decref(all);
            return NULL;
        }
        (void)snprintf(made, sizeof(made), "call%zu", i);
        one = json_pack("{s:o,s:s,s:{s:s,s:o}}", "id", id_value(p, id != NULL ? id : made), "type",
                        "function", "function", "name", name, "arguments",
                        arguments_value(p, json_object_get(f, "arguments")));
        if (json_array_append_new(all, one) != 0) {
            json_decref(all);
            (void)no_memory(p);
            return NULL;
        }
    }
    if (all == NULL)
        (void)no_memory(p);
    return all;
}

/* The name of the tool that a result's id belongs to, in the messages before; or NULL. */
static const char *name_of_call(const struct preparing *p, const char *id, size_t i_message)
{
    for (size_t i = i_message; id != NULL && i-- > 0;) {
        const json_t *calls = json_object_get(json_array_get(p->chat->messages, i), "tool_calls"),
                     *call;
        size_t k;
        json_array_foreach(calls, k, call)
        {
            const char *other = json_string_value(json_object_get(call, "id"));
            if (other != NULL && strcmp(other, id) == 0)
                return json_string_value(
                    json_object_get(json_object_get(call, "function"), "name"));
        }
    }
    return NULL;
}

/* ---- one message each ---- */

/* Adds {role, content of p->text}, with what stands in `more` (taken) besides. */
static int add(struct preparing *p, const char *role, json_t *more)
{
    json_t *m = json_pack("{s:s,s:o}", "role", role, "content", content_value(p));

    if (m == NULL || (more != NULL && json_object_update(m, more) != 0)) {
        json_decref(m);
        m = NULL;
    }
    json_decref(more);
    return json_array_append_new(p->out, m) == 0 ? 0 : no_memory(p);
}

/* Puts the system's text, where it waits, before p->text. */
static int take_system(struct preparing *p)
{
    struct wf_buf both;
    int rc;

    if (!p->is_system_due)
        return 0;
    wf_buf_init(&both, WF_LIMIT_ENCODE_BYTES);
    (void)wf_buf_append_str(&both, wf_buf_str(&p->system));
    (void)wf_buf_append_cstr(&both, "\n\n");
    rc = wf_buf_append_str(&both, wf_buf_str(&p->text));
    wf_buf_deinit(&p->text);
    p->text = both;
    p->is_system_due = false;
    return rc;
}

static int add_system(struct preparing *p, const char *role)
{
    if (p->style->has_system)
        return add(p, p->style->has_developer ? role : "system", NULL);
    if (p->is_system_due)
        (void)wf_buf_append_cstr(&p->system, "\n\n");
    p->is_system_due = true;
    return wf_buf_append_str(&p->system, wf_buf_str(&p->text));
}

static int add_user(struct preparing *p)
{
    int rc = take_system(p);
    return rc != 0 ? rc : add(p, "user", NULL);
}

static int add_assistant(struct preparing *p, const json_t *message, size_t i_message)
{
    const json_t *calls = json_object_get(message, "tool_calls");
    const json_t *thoughts = json_object_get(message, "reasoning_content");
    json_t *more = json_object(), *value;
    int rc = more == NULL ? no_memory(p) : 0;

    if (thoughts == NULL)
        thoughts = json_object_get(message, "reasoning");
    if (rc == 0 && json_is_string(thoughts)) {
        bool is_thinking =
            p->style->has_thinking && (p->text.len == 0 || json_array_size(calls) == 0);
        (void)json_object_set(more, "reasoning_content", (json_t *)(uintptr_t)thoughts);
        if (is_thinking)
            (void)json_object_set(more, "thinking", (json_t *)(uintptr_t)thoughts);
    }
    if (rc == 0 && json_array_size(calls) > 0 && p->style->has_calls) {
        value = calls_value(p, calls, i_message);
        rc = value == NULL ? (p->err != NULL && p->err->code != 0 ? p->err->code : WF_E_INVAL) : 0;
        (void)json_object_set_new(more, "tool_calls", value);
        if (rc == 0 && p->text.len == 0 && p->style->wants_null)
            (void)json_object_set_new(more, "content", json_null());
    } else if (rc == 0 && json_array_size(calls) > 0) {
        if (p->text.len > 0)
            (void)wf_buf_append_byte(&p->text, '\n');
        rc = wf_dialect_write_calls(p->d, calls, &p->text);
    }
    if (rc == 0 && p->chat->continue_last && i_message + 1 == json_array_size(p->chat->messages))
        rc = wf_buf_append_cstr(&p->text, END_MARK);
    if (rc != 0) {
        json_decref(more);
        return rc;
    }
    return add(p, "assistant", more);
}

static int add_result(struct preparing *p, const json_t *message, size_t i_message)
{
    const char *id = json_string_value(json_object_get(message, "tool_call_id"));
    const char *name = json_string_value(json_object_get(message, "name"));
    json_t *more, *last;
    struct wf_buf text;
    int rc;

    if (name == NULL)
        name = name_of_call(p, id, i_message);
    if (p->style->has_results) {
        more = json_pack("{s:o*,s:s*}", "tool_call_id", id != NULL ? id_value(p, id) : NULL, "name",
                         name);
        return more == NULL ? no_memory(p) : add(p, "tool", more);
    }
    wf_buf_init(&text, WF_LIMIT_ENCODE_BYTES);
    /* Results that follow each other are one message: some templates want roles to alternate. */
    last = json_array_get(p->out, json_array_size(p->out) - 1);
    if (i_message > 0 && json_object_get(last, "wf_results") != NULL) {
        const json_t *before = json_object_get(last, "content");
        (void)wf_buf_append(&text, json_string_value(before), json_string_length(before));
        (void)wf_buf_append_byte(&text, '\n');
        (void)json_array_remove(p->out, json_array_size(p->out) - 1);
    }
    (void)wf_buf_append_cstr(&text, "<tool_response>\n");
    (void)wf_buf_append_str(&text, wf_buf_str(&p->text));
    rc = wf_buf_append_cstr(&text, "\n</tool_response>");
    wf_buf_deinit(&p->text);
    p->text = text;
    if (rc != 0)
        return rc;
    more = json_pack("{s:b}", "wf_results", 1);
    return more == NULL ? no_memory(p) : add(p, "user", more);
}

static int add_message(struct preparing *p, const json_t *message, size_t i)
{
    const char *role = json_string_value(json_object_get(message, "role"));
    int rc;

    if (role == NULL)
        return wf_err_set(p->err, WF_E_INVAL, "message %zu has no role", i);
    rc = read_content(p, message, i);
    if (rc != 0)
        return rc;
    if (strcmp(role, "system") == 0 || strcmp(role, "developer") == 0)
        return add_system(p, role);
    if (strcmp(role, "user") == 0)
        return add_user(p);
    if (strcmp(role, "assistant") == 0)
        return add_assistant(p, message, i);
    if (strcmp(role, "tool") == 0 || strcmp(role, "function") == 0)
        return add_result(p, message, i);
    return add(p, role, NULL); /* the template's own roles */
}

/* ---- all of it ---- */

/* Tools that the template does not explain: a system message in front, or before the first. */
static int explain_tools(struct preparing *p, size_t *io_first)
{
    const json_t *first = json_array_get(p->chat->messages, 0);
    const char *role = json_string_value(json_object_get(first, "role"));
    struct wf_buf text;
    int rc = 0;

    wf_buf_init(&text, WF_LIMIT_ENCODE_BYTES);
    wf_buf_reset(&p->text);
    if (role != NULL && (strcmp(role, "system") == 0 || strcmp(role, "developer") == 0)) {
        rc = read_content(p, first, 0);
        *io_first = 1;
    }
    if (rc == 0 && p->text.len > 0) {
        (void)wf_buf_append_str(&text, wf_buf_str(&p->text));
        (void)wf_buf_append_cstr(&text, "\n\n");
    }
    if (rc == 0)
        rc = wf_dialect_tools_prompt(p->d, p->chat->tools, &text);
    wf_buf_deinit(&p->text);
    p->text = text;
    return rc != 0 ? rc : add_system(p, "system");
}

/* Tools in OpenAI's form, also where they came without their envelope; NULL out of memory. */
static json_t *tools_value(const json_t *tools)
{
    json_t *all = json_array();
    const json_t *tool;
    size_t i;

    json_array_foreach(tools, i, tool)
    {
        bool is_whole = json_object_get(tool, "function") != NULL;
        json_t *one =
            is_whole ? json_deep_copy(tool)
                     : json_pack("{s:s,s:o}", "type", "function", "function", json_deep_copy(tool));
        if (!is_whole)
            (void)json_object_del(json_object_get(one, "function"), "type");
        if (json_array_append_new(all, one) != 0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

static int make_variables(struct preparing *p, json_t **out)
{
    const struct wf_chat *chat = p->chat;
    json_t *vars = json_pack("{s:O,s:s%,s:s%,s:b}", "messages", p->out, "bos_token",
                             chat->bos.len > 0 ? chat->bos.ptr : "", chat->bos.len, "eos_token",
                             chat->eos.len > 0 ? chat->eos.ptr : "", chat->eos.len,
                             "add_generation_prompt", !chat->continue_last);
    json_t *one;
    size_t i;
    int rc = vars == NULL ? no_memory(p) : 0;

    json_array_foreach(p->out, i, one)(void) json_object_del(one, "wf_results");
    if (rc == 0 && json_array_size(chat->tools) > 0 && p->style->has_tools &&
        json_object_set_new(vars, "tools", tools_value(chat->tools)) != 0)
        rc = no_memory(p);
    if (rc == 0 && chat->vars != NULL &&
        json_object_update(vars, (json_t *)(uintptr_t)chat->vars) != 0)
        rc = no_memory(p);
    if (rc != 0)
        json_decref(vars);
    else
        *out = vars;
    return rc;
}

int wf_messages_prepare(const struct wf_chat_style *style, const struct wf_dialect *d,
                        const struct wf_chat *chat, json_t **out, struct wf_err *err)
{
    struct wf_err own = WF_ERR_INIT;
    struct preparing p = {
        .style = style, .d = d, .chat = chat, .out = json_array(), .err = err != NULL ? err : &own};
    size_t first = 0, n = json_array_size(chat->messages);
    int rc = p.out == NULL ? no_memory(&p) : 0;

    wf_buf_init(&p.text, WF_LIMIT_ENCODE_BYTES);
    wf_buf_init(&p.system, WF_LIMIT_ENCODE_BYTES);
    if (rc == 0 && json_array_size(chat->tools) > 0 && !style->has_tools)
        rc = explain_tools(&p, &first);
    for (size_t i = first; rc == 0 && i < n; i++)
        rc = add_message(&p, json_array_get(chat->messages, i), i);
    if (rc == 0 && p.is_system_due) { /* nobody else spoke */
        wf_buf_reset(&p.text);
        rc = add_user(&p);
    }
    if (rc == 0)
        rc = make_variables(&p, out);
    if (rc == WF_E_NOMEM)
        rc = no_memory(&p);
    if (rc == WF_E_LIMIT && p.err->code != WF_E_LIMIT)
        rc = wf_err_set(p.err, rc, "the conversation is longer than %u bytes",
                        WF_LIMIT_ENCODE_BYTES);
    json_decref(p.out);
    wf_buf_deinit(&p.text);
    wf_buf_deinit(&p.system);
    return rc;
}

/* Where the answer that is to be continued ends; SIZE_MAX when the template hides it. */
static size_t find_end(struct wf_str text)
{
    size_t at = SIZE_MAX, next = wf_str_find(text, WF_STR(END_MARK), 0);

    while (next != SIZE_MAX) {
        at = next;
        next = wf_str_find(text, WF_STR(END_MARK), at + 1);
    }
    return at;
}

int wf_messages_render(const struct wf_template *t, const struct wf_chat_style *style,
                       const struct wf_dialect *d, const struct wf_chat *chat, time_t now,
                       struct wf_buf *out, struct wf_err *err)
{
    const json_t *last = json_array_get(chat->messages, json_array_size(chat->messages) - 1);
    const char *role = json_string_value(json_object_get(last, "role"));
    size_t before = out->len, end;
    json_t *vars = NULL;
    int rc;

    if (chat->continue_last && (role == NULL || strcmp(role, "assistant") != 0))
        return wf_err_set(err, WF_E_INVAL,
                          "only an assistant's message can be continued, and the last is none");
    rc = wf_messages_prepare(style, d, chat, &vars, err);
    if (rc == 0)
        rc = wf_template_render(t, vars, now, out, err);
    json_decref(vars);
    if (rc != 0 || !chat->continue_last)
        return rc;
    end = find_end(wf_str_sub(wf_buf_str(out), before, out->len));
    if (end == SIZE_MAX)
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "this model's chat template does not let an answer be continued");
    wf_buf_truncate(out, before + end);
    return 0;
}
