/* SPDX-License-Identifier: Apache-2.0 */
/* Where each text of a chat comes from: the parts that the policy is asked about.
 *
 * A message without origins is one part, by its role. One with origins (engine/engine.h) is as many
 * as its pieces come from different places: each piece has the data that are found in it, and where
 * it has several origins it is a part for each of them, so that the strictest counts; what a client
 * declares comes on top. What
 * detectors find plays no role here: with none of them a source has its label all the same. */
#include <string.h>

#include "base/alloc.h"
#include "op/json.h"
#include "op/picture.h"
#include "op/remote_internal.h"

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
}

/* Whether a message holds more than texts and pictures. */
static bool is_unreadable(const json_t *message)
{
    const json_t *content = json_object_get(message, "content"), *part;
    size_t i;

    json_array_foreach(content, i, part)
    {
        const char *type = json_string_value(json_object_get(part, "type"));
        if (json_is_object(part) && (type == NULL || strcmp(type, "text") != 0) &&
            !wf_op_is_picture(part))
            return true;
    }
    return false;
}

/* The name of the tool whose result message i is: its own, or that of the call it answers. */
static struct wf_str tool_name(const json_t *messages, size_t i)
{
    const json_t *m = json_array_get(messages, i), *call;
    const char *name = wf_json_text(m, "name"), *id = wf_json_text(m, "tool_call_id");
    size_t k;

    while (name[0] == '\0' && id[0] != '\0' && i-- > 0)
        json_array_foreach(json_object_get(json_array_get(messages, i), "tool_calls"), k,
                           call) if (strcmp(wf_json_text(call, "id"), id) == 0) name =
            wf_json_text(json_object_get(call, "function"), "name");
    return wf_str_from(name);
}

static struct wf_context_part part_of_role(const json_t *messages, size_t i)
{
    const json_t *m = json_array_get(messages, i);
    const char *role = wf_json_text(m, "role");
    struct wf_context_part p = {.source = WF_SOURCE_PROMPT, .is_unscanned = is_unreadable(m)};

    if (strcmp(role, "assistant") == 0) {
        p.source = WF_SOURCE_ANSWER;
    } else if (strcmp(role, "tool") == 0 || strcmp(role, "function") == 0) {
        p.source = WF_SOURCE_TOOL;
        p.name = tool_name(messages, i);
    }
    return p;
}

static void set_origin(struct wf_context_part *p, const struct wf_origin *o)
{
    static const enum wf_source sources[] = {
        [WF_ORIGIN_FILE] = WF_SOURCE_FILE,     [WF_ORIGIN_MAIL] = WF_SOURCE_MAIL,
        [WF_ORIGIN_WEB] = WF_SOURCE_WEB,       [WF_ORIGIN_TOOL] = WF_SOURCE_TOOL,
        [WF_ORIGIN_MEMORY] = WF_SOURCE_MEMORY, [WF_ORIGIN_PROMPT] = WF_SOURCE_PROMPT,
    };

    p->source = (unsigned)o->kind < WF_ARRAY_LEN(sources) ? sources[o->kind] : WF_SOURCE_UNKNOWN;
    p->name = o->name;
    p->space = o->space;
    p->least = o->label <= WF_LABEL_SECRET ? (enum wf_label)o->label : WF_LABEL_SECRET;
}

static struct wf_context_part *add(struct wf_remote_parts *p, const struct wf_context_part *like)
{
    if (wf_reserve(&p->parts, &p->cap, p->n + 1, sizeof(*p->parts)) != 0)
        return NULL;
    p->parts[p->n] = *like;
    return &p->parts[p->n++];
}

/* Texts [from, to) of message i, all of one piece of it (or, without origins, all of it). */
static int add_piece(struct wf_remote_parts *p, const struct wf_gen_request *q, size_t i,
                     const struct wf_texts *texts, size_t from, size_t to)
{
    const size_t i_part = wf_texts_at(texts, from).part;
    const struct wf_pii_list found = wf_texts_between(texts, from, to);
    struct wf_context_part base = part_of_role(q->messages, i);
    const size_t first = p->n;
    bool is_replaced = false; /* what the role says */

    base.found = found.items;
    base.n_found = found.n;
    for (size_t k = 0; k < q->n_origins; k++) {
        const struct wf_origin *o = &q->origins[k];
        struct wf_context_part *made;
        if (o->i_message != i || (o->i_part != WF_ORIGIN_ALL && o->i_part != i_part))
            continue;
        made = add(p, &base);
        if (made == NULL)
            return WF_E_NOMEM;
        set_origin(made, o);
        is_replaced = is_replaced || !o->is_declared;
    }
    if (!is_replaced && add(p, &base) == NULL)
        return WF_E_NOMEM;
    for (size_t k = from; k < to; k++)
        p->of[k] = (struct wf_remote_text){.first = first, .n = p->n - first};
    return 0;
}

/* A picture is a part of its own, with the labels of where its piece comes from. */
static int add_pictures(struct wf_remote_parts *p, const struct wf_gen_request *q, size_t i)
{
    const json_t *content = json_object_get(json_array_get(q->messages, i), "content"), *part;
    size_t i_part;

    json_array_foreach(content, i_part, part)
    {
        struct wf_context_part made = {.source = WF_SOURCE_PICTURE};
        if (!wf_op_is_picture(part))
            continue;
        if (add(p, &made) == NULL)
            return WF_E_NOMEM;
        for (size_t k = 0; k < q->n_origins; k++) {
            const struct wf_origin *o = &q->origins[k];
            if (o->i_message != i || (o->i_part != WF_ORIGIN_ALL && o->i_part != i_part))
                continue;
            set_origin(&made, o);
            if (add(p, &made) == NULL)
                return WF_E_NOMEM;
        }
    }
    return 0;
}

int wf_remote__parts(const struct wf_gen_request *q, const struct wf_texts *texts,
                     struct wf_remote_parts *out, struct wf_err *err)
{
    const size_t n = wf_texts_n(texts);
    int rc = 0;

    *out = (struct wf_remote_parts){.of = wf_alloc_array(n + 1, sizeof(*out->of))};
    if (out->of == NULL)
        return no_memory(err);
    for (size_t from = 0, to; rc == 0 && from < n; from = to) {
        const struct wf_text a = wf_texts_at(texts, from);
        for (to = from + 1; to < n; to++) {
            const struct wf_text b = wf_texts_at(texts, to);
            if (b.top != a.top || (q->n_origins > 0 && b.part != a.part))
                break;
        }
        rc = add_piece(out, q, a.top, texts, from, to);
    }
    for (size_t i = 0; rc == 0 && i < json_array_size(q->messages); i++)
        rc = add_pictures(out, q, i);
    return rc == 0 ? 0 : no_memory(err);
}

int wf_remote__parts_add(struct wf_remote_parts *io, const struct wf_context_part *part,
                         struct wf_err *err)
{
    return add(io, part) != NULL ? 0 : no_memory(err);
}

void wf_remote__parts_deinit(struct wf_remote_parts *p)
{
    wf_free(p->parts);
    wf_free(p->of);
    *p = (struct wf_remote_parts){.n = 0};
}

const char *wf_remote__advice(const struct wf_context_part *part)
{
    switch (part->source) {
    case WF_SOURCE_FILE:
        return part->name.len > 0
                   ? " Allow it by a sentence in weft.policy, or take a model on this device."
                   : " Add it from its folder, so that the policy can tell, or take a model on "
                     "this device.";
    case WF_SOURCE_MAIL:
    case WF_SOURCE_TOOL:
    case WF_SOURCE_MEMORY:
    case WF_SOURCE_WEB:
        return " Allow it by a sentence in weft.policy, or take a model on this device.";
    case WF_SOURCE_PICTURE:
        return " Allow it by a sentence in weft.policy (everything from pictures is internal), or "
               "release this one.";
    default:
        return "";
    }
}
