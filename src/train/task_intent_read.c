/* SPDX-License-Identifier: Apache-2.0 */
/* The requests of the task `intent` (train/intent_source.h) as tokens, labels and tags. */
#include <string.h>

#include "base/alloc.h"
#include "train/intent_source.h"
#include "train/task_intent_internal.h"

struct source {
    struct wf_intent *t;
    struct wf_ids ids, firsts;
    struct wf_err *err;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the requests to train on.");
}

/* The number of a name, which is added when it is new. */
static int name_of(struct wf_intent *t, struct wf_intent__names *names, struct wf_str name,
                   size_t most, int32_t *out, struct wf_err *err)
{
    for (size_t i = 0; i < names->n; i++) {
        if (wf_str_eq(name, wf_str_from(names->items[i]))) {
            *out = (int32_t)i;
            return 0;
        }
    }
    if (names->n == most || name.len > WF_LIMIT_LENS_LABEL_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "More than %zu labels, or one that is too long.", most);
    names->items[names->n] = wf_arena_cstr(&t->arena, name);
    if (names->items[names->n] == NULL)
        return no_memory(err);
    *out = (int32_t)names->n++;
    return 0;
}

static int reserve(struct wf_intent__side *s, size_t n, struct wf_err *err)
{
    size_t cap = s->cap > 0 ? s->cap : 4096;

    while (cap < s->n + n)
        cap *= 2;
    if (cap != s->cap) {
        uint32_t *tokens = wf_realloc_array(s->tokens, cap, sizeof(*tokens));
        s->tokens = tokens != NULL ? tokens : s->tokens;
        int32_t *tags = wf_realloc_array(s->tags, cap, sizeof(*tags));
        s->tags = tags != NULL ? tags : s->tags;
        if (tokens == NULL || tags == NULL)
            return no_memory(err);
        s->cap = cap;
    }
    if (s->n_texts == s->cap_texts) {
        cap = s->cap_texts > 0 ? 2 * s->cap_texts : 1024;
        struct wf_intent__text *texts = wf_realloc_array(s->texts, cap, sizeof(*texts));
        if (texts == NULL)
            return no_memory(err);
        s->texts = texts;
        s->cap_texts = cap;
    }
    return 0;
}

/* The tag of bytes [from, to) of a text. *io_last is the slot of the word before. */
static int tag_of(struct source *r, const struct wf_data_request *q, size_t from, size_t to,
                  size_t *io_last, int32_t *out)
{
    size_t last = *io_last;
    int32_t name;
    int rc;

    *out = 0;
    *io_last = SIZE_MAX;
    for (size_t i = 0; i < q->n_slots; i++) {
        if (q->slots[i].from >= to || q->slots[i].to <= from)
            continue;
        rc = name_of(r->t, &r->t->slots, q->slots[i].name, WF_INTENT__NAMES_MAX / 2 - 1, &name,
                     r->err);
        *out = 1 + 2 * name + (last == i);
        *io_last = i;
        return rc;
    }
    return 0;
}

/* The words of a text that fit: their first tokens and tags. */
static int add_words(struct source *r, const struct wf_data_request *q, struct wf_intent__side *s,
                     size_t n_ids)
{
    size_t at = 0, last = SIZE_MAX, token = 0;
    int rc = 0;

    for (size_t i = 0; i < r->firsts.n && rc == 0; i++) {
        size_t end = i + 1 < r->firsts.n ? (size_t)r->firsts.ptr[i + 1] : r->ids.n, from = at;
        size_t first = (size_t)r->firsts.ptr[i];
        if (first >= n_ids)
            break;
        for (; token < end; token++)
            at += wf_vocab_bytes(r->t->place.vocab, r->ids.ptr[token]).len;
        while (from + 1 < at && from < q->text.len && (unsigned char)q->text.ptr[from] <= ' ')
            from++;
        s->tokens[s->n] = (uint32_t)first + 1;
        rc = tag_of(r, q, from, at, &last, &s->tags[s->n]);
        s->n++;
    }
    return rc;
}

static int add(void *ud, const struct wf_intent_item *item, struct wf_err *err)
{
    struct source *r = ud;
    struct wf_intent *t = r->t;
    const struct wf_data_request *q = item->request;
    struct wf_intent__side *s = &t->sides[item->is_dev];
    struct wf_intent__text x = {.target = -1, .half = item->half};
    int32_t *ids = t->tags; /* free as long as there is no batch */
    size_t n;
    int rc = 0;

    if (item->label.ptr != NULL)
        rc = name_of(t, &t->labels, item->label, WF_INTENT__NAMES_MAX, &x.target, err);
    r->ids.n = r->firsts.n = 0;
    if (rc == 0)
        rc = wf_vocab_encode_words(t->place.vocab, q->text, &r->ids, &r->firsts, err);
    n = WF_MIN(r->ids.n, t->place.n_text_max - 1);
    ids[0] = t->begin;
    if (n > 0)
        memcpy(ids + 1, r->ids.ptr, n * sizeof(*ids));
    if (rc == 0)
        rc = reserve(s, r->firsts.n, err);
    x.first = (uint32_t)s->n;
    if (rc == 0 && t->s.slots && item->knows_slots)
        rc = add_words(r, q, s, n);
    x.n = (uint32_t)(s->n - x.first);
    if (rc == 0)
        rc = wf_items_add(t->items, item->is_dev, item->weight, &(struct wf_item_text){ids, n + 1},
                          1, err);
    if (rc == 0)
        s->texts[s->n_texts++] = x;
    return rc;
}

int wf_intent__read(struct wf_intent *t, struct wf_err *err)
{
    const struct wf_intent_sources sources = {.list = t->s.sources,
                                              .data_dir = t->place.data_dir,
                                              .outside = t->s.outside,
                                              .copies = t->s.copies};
    struct source r = {.t = t, .err = err};
    int rc = wf_intent_sources_read(&sources, add, &r, err);

    if (rc == 0 && (wf_items_n(t->items, false) == 0 || t->labels.n == 0))
        rc = wf_err_set(err, WF_E_FORMAT, "The sources of intents hold no text to train on.");
    t->outside = -1;
    for (size_t i = 0; i < t->labels.n; i++) {
        if (wf_str_eq(wf_str_from(t->labels.items[i]), wf_str_from(t->s.outside)))
            t->outside = (int32_t)i;
    }
    wf_free(r.ids.ptr);
    wf_free(r.firsts.ptr);
    return rc;
}
