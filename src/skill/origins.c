/* SPDX-License-Identifier: Apache-2.0 */
/* Where a document lies. The label that the store has counts where it says more than the one that
 * every space begins with: `private` is what the built-in policy says of everything anyhow, and a
 * person's sentence about a folder must be able to say otherwise. */
#include "skill/origins.h"

#include <string.h>

#include "privacy/label.h"

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
}

int wf_origins_add(const struct wf_origin *o, struct wf_arena *arena, struct wf_origins *io,
                   struct wf_err *err)
{
    if (io->n == io->cap) {
        const size_t cap = io->cap * 2 + 8;
        struct wf_origin *grown = wf_arena_array(arena, cap, sizeof(*grown));
        if (grown == NULL)
            return no_memory(err);
        if (io->n > 0)
            memcpy(grown, io->items, io->n * sizeof(*grown));
        io->items = grown;
        io->cap = cap;
    }
    io->items[io->n++] = *o;
    return 0;
}

static uint8_t label_of(struct wf_str name)
{
    enum wf_label label = WF_LABEL_SECRET;

    if (name.len == 0)
        return WF_LABEL_PUBLIC;
    if (wf_label_parse(name, &label) && label < WF_LABEL_SECRET)
        return WF_LABEL_PUBLIC;
    return WF_LABEL_SECRET; /* also one that nobody knows */
}

/* "Ana <ana@example.org>": the address. */
static struct wf_str address_of(struct wf_str author)
{
    size_t open = wf_str_find_byte(author, '<', 0), close;

    if (open == SIZE_MAX)
        return wf_str_trim(author);
    close = wf_str_find_byte(author, '>', open);
    return wf_str_sub(author, open + 1, close);
}

int wf_origins_document(struct wf_reader *r, struct wf_str uid, size_t i_part,
                        struct wf_arena *arena, struct wf_origins *io, struct wf_err *err)
{
    struct wf_document d = {.id = 0};
    struct wf_origin o = {.i_part = i_part, .kind = WF_ORIGIN_FILE};
    struct wf_str *paths = NULL;
    size_t n = 0;
    int rc = wf_document_get(r, uid, arena, &d, err);

    if (rc == WF_E_NOENT) /* it has just been taken away: nobody knows where it lay */
        return wf_origins_add(&o, arena, io, err);
    if (rc == 0)
        rc = wf_document_paths(r, d.id, arena, &paths, &n, err);
    if (rc != 0)
        return rc;
    o.space = d.space;
    o.title = d.title;
    o.label = label_of(d.label);
    if (wf_str_eq(d.type, WF_STR("message/rfc822"))) {
        o.kind = WF_ORIGIN_MAIL;
        o.name = address_of(d.author);
        rc = wf_origins_add(&o, arena, io, err);
    }
    o.kind = WF_ORIGIN_FILE;
    o.name = WF_STR("");
    if (rc == 0 && (n == 0 || n > WF_ORIGINS_PATHS_MAX))
        return wf_origins_add(&o, arena, io, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        o.name = paths[i];
        rc = wf_origins_add(&o, arena, io, err);
    }
    return rc;
}
