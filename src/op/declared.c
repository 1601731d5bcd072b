/* SPDX-License-Identifier: Apache-2.0 */
/* Where a client says that something comes from. */
#include "op/declared.h"

#include "op/json.h"
#include "privacy/label.h"

static const char *const members[] = {"weft_origin", "weft_label"};

static int bad(struct wf_err *err, const char *what)
{
    return wf_err_set(err, WF_E_INVAL,
                      "\"weft_origin\" is file:/PATH, mail:ADDRESS, web:HOST, tool:NAME or memory "
                      "(or several in an array), \"weft_label\" public, internal, private or "
                      "secret%s.",
                      what);
}

/* A member of the holder, or of its metadata; NULL: absent. */
static const json_t *member(const json_t *holder, const char *name)
{
    const json_t *v = json_object_get(holder, name);

    return v != NULL ? v : json_object_get(json_object_get(holder, "metadata"), name);
}

bool wf_op_declares(const json_t *holder)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(members); i++)
        if (member(holder, members[i]) != NULL)
            return true;
    return false;
}

static bool read_kind(struct wf_str word, enum wf_origin_kind *out)
{
    static const struct {
        const char *word;
        enum wf_origin_kind kind;
    } kinds[] = {{"file", WF_ORIGIN_FILE},
                 {"mail", WF_ORIGIN_MAIL},
                 {"web", WF_ORIGIN_WEB},
                 {"tool", WF_ORIGIN_TOOL},
                 {"memory", WF_ORIGIN_MEMORY}};

    for (size_t i = 0; i < WF_ARRAY_LEN(kinds); i++)
        if (wf_str_eq(word, wf_str_from(kinds[i].word))) {
            *out = kinds[i].kind;
            return true;
        }
    return false;
}

static int add_origin(const json_t *v, const struct wf_origin *like, struct wf_arena *arena,
                      struct wf_origins *io, struct wf_err *err)
{
    struct wf_str text = wf_str_n(json_string_value(v), json_string_length(v)), word;
    struct wf_origin o = *like;

    if (!json_is_string(v) || !wf_str_split(&text, ':', &word) || !read_kind(word, &o.kind))
        return bad(err, "");
    o.name = text;
    return wf_origins_add(&o, arena, io, err);
}

int wf_op_declared(const json_t *holder, size_t i_message, size_t i_part, struct wf_arena *arena,
                   struct wf_origins *io, struct wf_err *err)
{
    const json_t *origins = member(holder, members[0]), *label = member(holder, members[1]), *v;
    struct wf_origin o = {
        .i_message = i_message, .i_part = i_part, .kind = WF_ORIGIN_PROMPT, .is_declared = true};
    enum wf_label least = WF_LABEL_PUBLIC;
    size_t i;
    int rc = 0;

    if (label != NULL &&
        (!json_is_string(label) || !wf_label_parse(wf_str_from(json_string_value(label)), &least)))
        return bad(err, "");
    if (json_array_size(origins) > WF_DECLARED_MAX)
        return bad(err, "; not so many");
    o.label = (uint8_t)least;
    if (label != NULL)
        rc = wf_origins_add(&o, arena, io, err);
    json_array_foreach(origins, i, v)
    {
        if (rc == 0)
            rc = add_origin(v, &o, arena, io, err);
    }
    if (rc == 0 && origins != NULL && !json_is_array(origins))
        rc = add_origin(origins, &o, arena, io, err);
    return rc;
}

int wf_op_declared_message(const json_t *message, size_t i_message, bool parts_stay,
                           struct wf_arena *arena, struct wf_origins *io, struct wf_err *err)
{
    const json_t *part;
    size_t i;
    int rc = wf_op_declared(message, i_message, WF_ORIGIN_ALL, arena, io, err);

    json_array_foreach(json_object_get(message, "content"), i, part)
    {
        if (rc == 0)
            rc = wf_op_declared(part, i_message, parts_stay ? i : WF_ORIGIN_ALL, arena, io, err);
    }
    return rc;
}

int wf_op_declared_chat(const json_t *messages, struct wf_arena *arena,
                        const struct wf_origin **out, size_t *out_n, struct wf_err *err)
{
    struct wf_origins origins = {.n = 0};
    const json_t *message;
    size_t i;
    int rc = 0;

    json_array_foreach(messages, i, message)
    {
        if (rc == 0)
            rc = wf_op_declared_message(message, i, true, arena, &origins, err);
    }
    *out = origins.items;
    *out_n = origins.n;
    return rc;
}
