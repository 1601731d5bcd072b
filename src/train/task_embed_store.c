/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and units of the embedding's task, in arrays that grow while sources are read. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "train/task_embed_internal.h"

#define TEXTS_MAX (UINT32_MAX - 1)

int wf_embed__no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the texts to train on.");
}

static int room(void *io_p, size_t *io_cap, size_t n, size_t item_bytes, struct wf_err *err)
{
    return wf_reserve(io_p, io_cap, n, item_bytes) == 0 ? 0 : wf_embed__no_memory(err);
}

int wf_embed__add_text(struct wf_embed *e, const int32_t *ids, size_t n, bool whole, uint32_t *out,
                       struct wf_err *err)
{
    size_t most = (size_t)e->s.tokens;
    int rc;

    assert(n > 0);
    n = !whole && n > most ? most : n;
    if (e->n_texts >= TEXTS_MAX)
        return wf_err_set(err, WF_E_LIMIT, "There are too many texts to train on.");
    rc = room(&e->ids, &e->cap_ids, e->n_ids + n, sizeof(*e->ids), err);
    if (rc == 0)
        rc = room(&e->starts, &e->cap_starts, e->n_texts + 2, sizeof(*e->starts), err);
    if (rc != 0)
        return rc;
    memcpy(e->ids + e->n_ids, ids, n * sizeof(*ids));
    e->starts[e->n_texts] = e->n_ids;
    e->n_ids += n;
    e->starts[e->n_texts + 1] = e->n_ids;
    *out = (uint32_t)e->n_texts++;
    return 0;
}

size_t wf_embed__text_len(const struct wf_embed *e, uint32_t text)
{
    assert(text < e->n_texts);
    return (size_t)(e->starts[text + 1] - e->starts[text]);
}

int wf_embed__add_unit(struct wf_embed__source *s, struct wf_embed__unit unit, uint32_t *out,
                       struct wf_err *err)
{
    int rc = room(&s->units, &s->cap_units, s->n_units + 1, sizeof(*s->units), err);

    if (rc == 0)
        rc = room(&s->cells, &s->cap_cells, (s->n_units + 1) * s->n_slots, sizeof(*s->cells), err);
    if (rc != 0)
        return rc;
    s->units[s->n_units] = unit;
    *out = (uint32_t)s->n_units++;
    for (size_t i = 0; i < s->n_slots; i++)
        *wf_embed__cell(s, *out, i) = (struct wf_embed__cell){
            .b = WF_EMBED__NONE, .title = WF_EMBED__NONE, .links = WF_EMBED__NONE};
    return 0;
}

struct wf_embed__cell *wf_embed__cell(const struct wf_embed__source *s, uint32_t unit, size_t slot)
{
    assert(unit < s->n_units);
    assert(slot < s->n_slots);
    return &s->cells[unit * s->n_slots + slot];
}

int wf_embed__add_link(struct wf_embed *e, struct wf_embed__cell *c, uint32_t text,
                       struct wf_err *err)
{
    int rc = room(&e->links, &e->cap_links, e->n_links + 1, sizeof(*e->links), err);

    if (rc != 0)
        return rc;
    e->links[e->n_links] = (struct wf_embed__link){text, c->links};
    c->links = (uint32_t)e->n_links++;
    c->n_links++;
    return 0;
}

/* Tokens of all that a unit has; 0: it has nothing that belongs together. */
static uint64_t unit_tokens(const struct wf_embed *e, const struct wf_embed__source *s,
                            uint32_t unit)
{
    uint64_t n = 0, n_a = 0, n_b = 0;

    for (size_t i = 0; i < s->n_slots; i++) {
        const struct wf_embed__cell *c = wf_embed__cell(s, unit, i);
        if (c->b == WF_EMBED__NONE)
            continue;
        n_b++;
        n += wf_embed__text_len(e, c->b);
        for (uint32_t k = c->links; k != WF_EMBED__NONE; k = e->links[k].next, n_a++)
            n += wf_embed__text_len(e, e->links[k].text);
    }
    if (s->is_alike)
        return n_b >= 2 ? n : 0;
    return n_a > 0 ? n : 0;
}

int wf_embed__close_source(struct wf_embed *e, struct wf_embed__source *s, struct wf_err *err)
{
    for (uint32_t i = 0; i < s->n_units; i++) {
        uint64_t n = s->units[i].is_dev ? 0 : unit_tokens(e, s, i);
        int rc = n > 0 ? room(&s->train, &s->cap_train, s->n_train + 1, sizeof(*s->train), err) : 0;
        if (rc != 0)
            return rc;
        if (n > 0)
            s->train[s->n_train++] = i;
        e->train_tokens += n;
    }
    return 0;
}

void wf_embed__free_source(struct wf_embed__source *s)
{
    wf_free(s->units);
    wf_free(s->cells);
    wf_free(s->train);
}
