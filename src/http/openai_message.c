/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI's messages, made the engine's. Parts of text become one text, since most chat templates
 * know no parts, unless a picture or a document is among them; sounds are refused. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "http/http_internal.h"
#include "http/openai.h"
#include "op/attach.h"
#include "op/declared.h"
#include "op/json.h"
#include "op/picture.h"

#define PLACE_BYTES 96

static int bad(struct wf_face_call *c, const char *place, struct wf_err *err, const char *what)
{
    return wf_face_bad(c, place, "invalid_value", err, "%s %s.", place, what);
}

/* The text of one part, or NULL with err set. */
static const json_t *part_text(struct wf_face_call *c, const char *place, const json_t *part,
                               struct wf_err *err)
{
    static const struct {
        const char *type, *key;
    } kinds[] = {
        {"text", "text"},
        {"input_text", "text"},
        {"output_text", "text"},
        {"refusal", "refusal"},
    };
    const char *type = wf_json_text(part, "type");

    for (size_t i = 0; i < WF_ARRAY_LEN(kinds); i++) {
        const json_t *text = json_object_get(part, kinds[i].key);
        if (strcmp(type, kinds[i].type) != 0)
            continue;
        if (!json_is_string(text))
            (void)bad(c, place, err, "lacks its text");
        return json_is_string(text) ? text : NULL;
    }
    if (strstr(type, "audio"))
        (void)bad(c, place, err, "is a sound; the models here read text only");
    else if (strstr(type, "file"))
        (void)bad(c, place, err,
                  c->may_attach ? "is a file without the \"file_id\" of a document of weft's"
                                : "is a file; chat completions can have documents of weft's");
    else
        (void)bad(c, place, err, "must be {\"type\": \"text\", \"text\": ...}");
    return NULL;
}

/* The id of the document that a part attaches; empty: it attaches none. */
static struct wf_str attached(const json_t *part)
{
    const char *type = wf_json_text(part, "type");

    if (strcmp(type, "file") == 0)
        return wf_str_from(wf_json_text(json_object_get(part, "file"), "file_id"));
    return wf_str_from(strcmp(type, "input_file") == 0 ? wf_json_text(part, "file_id") : "");
}

static bool has_attached(const json_t *content)
{
    const json_t *part;
    size_t i;

    json_array_foreach(content, i, part) if (attached(part).len > 0) return true;
    return false;
}

/* "image_url" of a chat, and "input_image" of a response. */
static bool is_picture(const json_t *part)
{
    const char *type = wf_json_text(part, "type");

    return strcmp(type, "image_url") == 0 || strcmp(type, "input_image") == 0;
}

static bool has_picture(const json_t *content)
{
    const json_t *part;
    size_t i;

    json_array_foreach(content, i, part) if (is_picture(part)) return true;
    return false;
}

static int add_picture(struct wf_face_call *c, const char *place, const json_t *part,
                       json_t *content, struct wf_err *err)
{
    const json_t *image = json_object_get(part, "image_url"), *url = image, *detail;
    struct wf_err why = WF_ERR_INIT;
    json_t *made = NULL;
    int rc;

    if (json_is_object(image))
        url = json_object_get(image, "url");
    detail = json_object_get(json_is_object(image) ? image : part, "detail");
    if (!json_is_string(url))
        return bad(c, place, err, "is a picture without its \"image_url\"");
    rc = wf_op_picture_of_url(wf_str_n(json_string_value(url), json_string_length(url)), &made,
                              &why);
    if (rc == WF_E_INVAL || rc == WF_E_LIMIT)
        return wf_face_bad(c, place, "invalid_value", err, "%s: %s", place, why.msg);
    if (rc != 0)
        return wf_face_no_memory(err);
    if (rc == 0 && json_is_string(detail) &&
        json_object_set(json_object_get(made, "image_url"), "detail", (json_t *)(uintptr_t)detail))
        rc = wf_face_no_memory(err);
    if (rc == 0 && json_array_append(content, made) != 0)
        rc = wf_face_no_memory(err);
    json_decref(made);
    return rc;
}

/* Appends a piece of text to a content, and empties b. */
static int add_piece(json_t *content, struct wf_buf *b, struct wf_err *err)
{
    json_t *text = wf_buf_status(b) == 0 ? wf_json_str(wf_buf_str(b)) : NULL;

    wf_buf_reset(b);
    return text != NULL && json_array_append_new(
                               content, json_pack("{s:s, s:o}", "type", "text", "text", text)) == 0
               ? 0
               : wf_face_no_memory(err);
}

/* The marks that a released request was shown with; else new ones. */
static void make_fence(const struct wf_face_call *c, struct wf_fence *out)
{
    const json_t *release = json_object_get(c->body, "weft_release");
    const char *mark = json_string_value(json_object_get(release, "fence"));

    if (!json_is_string(json_object_get(release, "id")) || mark == NULL ||
        !wf_fence_again(wf_str_from(mark), out))
        wf_fence_make(out);
}

/* One document as a piece, behind the rules about the marks where it is the first. */
static int attach(struct wf_face_call *c, struct wf_str uid, json_t *content, struct wf_buf *b,
                  struct wf_err *err)
{
    size_t n_flags = 0;
    int rc = 0;

    if (c->fence.mark[0] == '\0') {
        make_fence(c, &c->fence);
        (void)wf_fence_rules(&c->fence, "documents", b); /* asked by add_piece */
        rc = add_piece(content, b, err);
    }
    if (rc == 0)
        rc = wf_op_attach(c->r->http->o.ops, uid, &c->fence, json_array_size(content), &c->arena, b,
                          &c->origins, &n_flags, err);
    c->n_flagged = n_flags < SIZE_MAX - c->n_flagged ? c->n_flagged + n_flags : SIZE_MAX;
    return rc == 0 ? add_piece(content, b, err) : rc;
}

/* Parts with pictures or documents of the library among them: each is a piece of its own. A new
 * reference in *out. */
static int read_pieces(struct wf_face_call *c, const char *place, const json_t *v, json_t **out,
                       struct wf_err *err)
{
    json_t *content = json_array();
    const json_t *part, *text;
    struct wf_buf b;
    size_t i;
    int rc = content != NULL ? 0 : wf_face_no_memory(err);

    wf_buf_init(&b, WF_LIMIT_HTTP_MODEL_JSON_BYTES);
    json_array_foreach(v, i, part)
    {
        char where[PLACE_BYTES + 32];
        const struct wf_str uid = c->may_attach ? attached(part) : WF_STR("");
        if (rc != 0)
            break;
        snprintf(where, sizeof(where), "%s[%zu]", place, i);
        if (uid.len > 0 || is_picture(part)) {
            rc = uid.len > 0 ? attach(c, uid, content, &b, err)
                             : add_picture(c, where, part, content, err);
            continue;
        }
        text = part_text(c, where, part, err);
        rc = text == NULL ? err->code : 0;
        if (rc == 0) {
            (void)wf_buf_append(&b, json_string_value(text), json_string_length(text));
            rc = add_piece(content, &b, err);
        }
    }
    wf_buf_deinit(&b);
    if (rc == 0)
        *out = content;
    else
        json_decref(content);
    return rc;
}

/* A text, or parts of text with line breaks between them. A new reference in *out. */
static int read_content(struct wf_face_call *c, const char *place, const json_t *v, json_t **out,
                        struct wf_err *err)
{
    struct wf_buf b;
    json_t *part;
    size_t i;
    int rc = 0;

    if (json_is_string(v)) {
        *out = json_incref((json_t *)(uintptr_t)v);
        return 0;
    }
    if (!json_is_array(v))
        return bad(c, place, err, "must be a text or an array of parts");
    if ((c->may_attach && has_attached(v)) || has_picture(v))
        return read_pieces(c, place, v, out, err);
    wf_buf_init(&b, WF_LIMIT_HTTP_MODEL_JSON_BYTES);
    json_array_foreach(v, i, part)
    {
        char where[PLACE_BYTES + 32];
        const json_t *text;
        snprintf(where, sizeof(where), "%s[%zu]", place, i);
        text = part_text(c, where, part, err);
        if (!text) {
            rc = err->code;
            break;
        }
        if (i > 0)
            wf_buf_append_byte(&b, '\n');
        wf_buf_append(&b, json_string_value(text), json_string_length(text));
    }
    if (rc == 0) {
        *out = wf_buf_status(&b) == 0 ? wf_json_str(wf_buf_str(&b)) : NULL;
        rc = *out ? 0 : wf_face_no_memory(err);
    }
    wf_buf_deinit(&b);
    return rc;
}

static int check_calls(struct wf_face_call *c, const char *place, const json_t *calls,
                       struct wf_err *err)
{
    json_t *call;
    size_t i;

    if (!json_is_array(calls))
        return bad(c, place, err, "must be an array");
    json_array_foreach(calls, i, call)
    {
        const json_t *f = json_object_get(call, "function");
        const char *type = wf_json_text(call, "type");
        if ((type[0] && strcmp(type, "function") != 0) || !wf_json_text(f, "name")[0] ||
            !json_is_string(json_object_get(f, "arguments")))
            return bad(c, place, err,
                       "must hold {\"id\", \"type\": \"function\", \"function\": {\"name\", "
                       "\"arguments\": a text}}");
    }
    return 0;
}

/* Fields besides role and content: they are taken as they are, or listed. */
static int copy_fields(struct wf_face_call *c, const char *place, const json_t *m, json_t *to,
                       struct wf_err *err)
{
    static const char *const texts[] = {"name", "tool_call_id", "reasoning_content"};
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)(uintptr_t)m, key, v)
    {
        bool is_text = false;
        const char *as = key; /* key itself steers the loop */
        char where[PLACE_BYTES + 48];
        int rc = 0;
        snprintf(where, sizeof(where), "%s.%.40s", place, key);
        if (strcmp(key, "role") == 0 || strcmp(key, "content") == 0 || json_is_null(v) ||
            strcmp(key, "weft_origin") == 0 || strcmp(key, "weft_label") == 0 ||
            (strcmp(key, "metadata") == 0 && wf_op_declares(m)))
            continue; /* the last three: wf_op_declared */
        for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++)
            is_text = is_text || strcmp(key, texts[i]) == 0;
        if (strcmp(key, "tool_calls") == 0)
            rc = check_calls(c, where, v, err);
        else if (strcmp(key, "reasoning") == 0 && json_is_string(v))
            as = "reasoning_content"; /* vLLM's word */
        else if (is_text && !json_is_string(v))
            rc = bad(c, where, err, "must be a text");
        else if (!is_text) {
            wf_face_ignore(c, where);
            continue;
        }
        if (rc == 0 && strcmp(key, "tool_calls") == 0 && json_array_size(v) == 0)
            continue;
        if (rc == 0 && json_object_set(to, as, v) != 0)
            rc = wf_face_no_memory(err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static const char *role_of(const json_t *m)
{
    static const char *const roles[] = {"system", "user", "assistant", "tool"};
    const char *role = wf_json_text(m, "role");

    if (strcmp(role, "developer") == 0)
        return "system"; /* which it is called in the templates */
    for (size_t i = 0; i < WF_ARRAY_LEN(roles); i++) {
        if (strcmp(role, roles[i]) == 0)
            return roles[i];
    }
    return NULL;
}

/* A new message of the engine's, or NULL with err set. */
static json_t *read_message(struct wf_face_call *c, const char *place, const json_t *m,
                            struct wf_err *err)
{
    const char *role = role_of(m);
    const json_t *content = json_object_get(m, "content");
    bool may_lack = role && strcmp(role, "assistant") == 0;
    char where[PLACE_BYTES];
    json_t *out, *text = NULL;
    int rc = 0;

    if (!role) {
        (void)bad(c, place, err, "needs a \"role\": system, developer, user, assistant or tool");
        return NULL;
    }
    out = json_pack("{s:s}", "role", role);
    snprintf(where, sizeof(where), "%.60s.content", place);
    if (!out)
        rc = wf_face_no_memory(err);
    else if (strcmp(role, "user") != 0 && has_picture(content))
        rc = bad(c, where, err, "holds a picture; only the user's messages can");
    else if (content && !json_is_null(content))
        rc = read_content(c, where, content, &text, err);
    else if (!may_lack)
        rc = bad(c, where, err, "is missing");
    if (rc == 0 && text)
        rc = json_object_set_new(out, "content", text) == 0 ? 0 : wf_face_no_memory(err);
    if (rc == 0 && strcmp(role, "tool") == 0 && !wf_json_text(m, "tool_call_id")[0])
        rc = bad(c, place, err, "needs the \"tool_call_id\" that it answers");
    if (rc == 0)
        rc = copy_fields(c, place, m, out, err);
    if (rc == 0)
        return out;
    json_decref(out);
    return NULL;
}

/* What the client says of a message's origins: of each part where the engine's has the same. */
static int declared(struct wf_face_call *c, const char *place, const json_t *m, const json_t *made,
                    size_t i_message, struct wf_err *err)
{
    const size_t n = json_array_size(json_object_get(m, "content"));
    const bool parts_stay = n > 0 && json_array_size(json_object_get(made, "content")) == n;
    struct wf_err why = WF_ERR_INIT;
    int rc = wf_op_declared_message(m, i_message, parts_stay, &c->arena, &c->origins, &why);

    if (rc == WF_E_INVAL)
        return wf_face_bad(c, place, "invalid_value", err, "%s: %s", place, why.msg);
    return rc == 0 ? 0 : wf_face_no_memory(err);
}

int wf_openai_read_messages(struct wf_face_call *c, struct wf_gen_request *q, const char *name,
                            const json_t *messages, struct wf_err *err)
{
    json_t *all, *m;
    size_t i;

    if (!json_is_array(messages) || json_array_size(messages) == 0)
        return wf_face_bad(c, name, "invalid_type", err,
                           "\"%s\" must be an array of at least one message.", name);
    all = wf_face_keep(c, json_array());
    if (!all)
        return wf_face_no_memory(err);
    json_array_foreach(messages, i, m)
    {
        char place[48];
        const size_t n_origins = c->origins.n;
        json_t *one;
        snprintf(place, sizeof(place), "%.24s[%zu]", name, i);
        one = read_message(c, place, m, err);
        if (!one)
            return err->code;
        if (json_array_append_new(all, one) != 0)
            return wf_face_no_memory(err);
        for (size_t k = n_origins; k < c->origins.n; k++)
            c->origins.items[k].i_message = i;
        if (declared(c, place, m, one, i, err) != 0)
            return err->code;
    }
    q->messages = all;
    q->origins = c->origins.items;
    q->n_origins = c->origins.n;
    return 0;
}
