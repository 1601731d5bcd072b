/* SPDX-License-Identifier: Apache-2.0 */
/* Questions and the passages that answer them, for the embedding's task. Passages of one language
 * are cut in pieces, and a question belongs to the piece that holds its answer: some passages are
 * whole papers. The same passages in several languages stay whole, so that they stay the same. */
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"
#include "text/sentence.h"
#include "train/data_questions.h"
#include "train/split.h"
#include "train/task_embed_internal.h"

/* ---- sentences ---- */

static int cut_reserve(struct wf_embed__cut *c, size_t n, struct wf_err *err)
{
    size_t cap = c->cap > 0 ? c->cap : 64, *p;

    if (n <= c->cap)
        return 0;
    while (cap < n)
        cap *= 2;
    p = wf_realloc_array(c->ids, cap, sizeof(*p));
    if (p == NULL)
        return wf_embed__no_memory(err);
    c->ids = p;
    p = wf_realloc_array(c->bytes, cap, sizeof(*p));
    if (p == NULL)
        return wf_embed__no_memory(err);
    c->bytes = p;
    c->cap = cap;
    return 0;
}

void wf_embed__cut_reset(struct wf_embed__reader *r, struct wf_embed__cut *c)
{
    r->ids.n = 0;
    c->n = 0;
}

void wf_embed__cut_free(struct wf_embed__cut *c)
{
    wf_free(c->ids);
    wf_free(c->bytes);
    *c = (struct wf_embed__cut){0};
}

int wf_embed__cut_append(struct wf_embed__reader *r, struct wf_str text, struct wf_embed__cut *io)
{
    size_t i = 0, from = 0;
    struct wf_sentence s;
    int rc = 0;

    while (rc == 0 && wf_sentence_next(text, &i, &s)) {
        rc = cut_reserve(io, io->n + 2, r->err);
        if (rc != 0)
            break;
        io->ids[io->n] = r->ids.n;
        io->bytes[io->n] = from;
        /* with the white space in front, as it would be in the whole text */
        rc = wf_vocab_encode(r->e->place.vocab, wf_str_sub(text, from, s.end), 0, &r->ids, r->err);
        io->n++;
        io->ids[io->n] = r->ids.n;
        io->bytes[io->n] = from = s.end;
    }
    return rc;
}

size_t wf_embed__cut_piece(const struct wf_embed *e, const struct wf_embed__cut *c, size_t i,
                           size_t n)
{
    size_t to = i + 1, most = (size_t)e->s.tokens;

    while (to < n && c->ids[to + 1] - c->ids[i] <= most)
        to++;
    return to;
}

/* ---- questions and their passages ---- */

struct questions {
    struct wf_embed__reader *r;
    struct wf_map seen; /* passages (hash) or questions (id): unit */
    struct wf_embed__cut cut;
    uint64_t passage; /* the last one's hash */
    uint32_t first;   /* its first unit */
};

static union wf_map_value *find_passage(struct questions *q, uint64_t hash, bool *out_is_new)
{
    return wf_map_put(&q->seen, wf_str_n((const char *)&hash, sizeof(hash)), out_is_new);
}

/* One unit for each piece of the passage. */
static int add_pieces(struct questions *q, const struct wf_data_question *d)
{
    struct wf_embed__reader *r = q->r;
    uint32_t title = WF_EMBED__NONE, unit = 0;
    struct wf_ids kept = r->ids;
    int rc = 0;

    if (d->title.len > 0) {
        r->ids = (struct wf_ids){0};
        rc = wf_embed__encode_text(r, d->title, false, &title);
        wf_free(r->ids.ptr);
        r->ids = kept;
    }
    q->first = (uint32_t)r->s->n_units;
    for (size_t i = 0, to; i < q->cut.n && rc == 0; i = to) {
        to = wf_embed__cut_piece(r->e, &q->cut, i, q->cut.n);
        uint32_t group = (uint32_t)(q->passage + i);
        const int32_t *ids = r->ids.ptr + q->cut.ids[i];
        size_t n = q->cut.ids[to] - q->cut.ids[i];
        rc = wf_embed__add_unit(r->s,
                                (struct wf_embed__unit){.group = group, .against = WF_EMBED__NONE},
                                &unit, r->err);
        if (rc == 0 && n > 0)
            rc = wf_embed__add_text(r->e, ids, n, false, &wf_embed__cell(r->s, unit, 0)->b, r->err);
        if (rc == 0)
            wf_embed__cell(r->s, unit, 0)->title = title;
    }
    return rc;
}

static int new_passage(struct questions *q, const struct wf_data_question *d, uint64_t hash)
{
    bool is_new = false;
    union wf_map_value *v = find_passage(q, hash, &is_new);
    int rc;

    if (v == NULL)
        return wf_embed__no_memory(q->r->err);
    q->passage = hash;
    wf_embed__cut_reset(q->r, &q->cut);
    rc = wf_embed__cut_append(q->r, d->passage, &q->cut);
    if (rc != 0)
        return rc;
    if (!is_new) {
        q->first = (uint32_t)v->u64;
        return 0;
    }
    rc = add_pieces(q, d);
    v->u64 = q->first;
    return rc;
}

static int take_question(void *ud, const struct wf_data_question *d, struct wf_err *err)
{
    struct questions *q = ud;
    uint64_t hash = wf_split_hash(d->passage);
    uint32_t unit, text;
    int rc = 0;

    q->r->err = err;
    if (wf_split_is_dev(d->key) || d->n_answers == 0)
        return 0;
    if (hash != q->passage)
        rc = new_passage(q, d, hash);
    unit = q->first;
    for (size_t i = 0, to; i < q->cut.n && rc == 0; i = to, unit++) {
        to = wf_embed__cut_piece(q->r->e, &q->cut, i, q->cut.n);
        if (d->answers[0].from < q->cut.bytes[to])
            break;
    }
    if (rc != 0 || unit >= q->r->s->n_units)
        return rc;
    struct wf_ids kept = q->r->ids; /* the passage's */
    q->r->ids = (struct wf_ids){0};
    rc = wf_embed__encode_text(q->r, d->question, false, &text);
    wf_free(q->r->ids.ptr);
    q->r->ids = kept;
    if (rc != 0 || text == WF_EMBED__NONE)
        return rc;
    return wf_embed__add_link(q->r->e, wf_embed__cell(q->r->s, unit, 0), text, err);
}

int wf_embed__read_questions(struct wf_embed__reader *r, const char *path)
{
    struct questions q = {.r = r};
    int rc;

    wf_map_init(&q.seen, WF_EMBED__KEYS_MAX);
    rc = wf_data_questions_read(path, take_question, &q, r->err);
    wf_map_deinit(&q.seen);
    wf_embed__cut_free(&q.cut);
    return rc;
}

/* ---- the same questions in several languages, a file each ---- */

/* The unit of a question; NONE: the first file does not have it. */
static int find_unit(struct wf_embed__across *a, const struct wf_data_question *d, uint32_t *out)
{
    struct wf_embed__reader *r = a->r;
    uint64_t hash = wf_split_hash(d->passage);
    union wf_map_value *v = wf_map_get(&a->units, d->id);
    bool is_dev = wf_split_is_dev(d->key), is_new = false;
    int rc = 0;

    *out = v != NULL ? (uint32_t)v->u64 : WF_EMBED__NONE;
    if (v != NULL || r->slot > 0)
        return 0;
    if (a->what == WF_EMBED__ASKED || hash != a->passage || r->s->n_units == 0) {
        rc = wf_embed__add_unit(
            r->s,
            (struct wf_embed__unit){
                .group = (uint32_t)(a->what == WF_EMBED__ASKED ? wf_split_hash(d->id) : hash),
                .against = WF_EMBED__NONE,
                .is_dev = is_dev},
            &a->unit, r->err);
        a->passage = hash;
    }
    v = rc == 0 ? wf_map_put(&a->units, d->id, &is_new) : NULL;
    if (rc == 0 && v == NULL)
        return wf_embed__no_memory(r->err);
    if (rc == 0)
        *out = (uint32_t)(v->u64 = a->unit);
    return rc;
}

static int take_across(void *ud, const struct wf_data_question *d, struct wf_err *err)
{
    struct wf_embed__across *a = ud;
    struct wf_embed__reader *r = a->r;
    struct wf_embed__cell *c;
    uint32_t unit, text;
    int rc;

    r->err = err;
    rc = find_unit(a, d, &unit);
    if (rc != 0 || unit == WF_EMBED__NONE)
        return rc;
    if (a->what != WF_EMBED__QUESTIONS && r->s->units[unit].is_dev)
        return 0; /* not measured on */
    c = wf_embed__cell(r->s, unit, r->slot);
    if (c->b == WF_EMBED__NONE)
        rc = wf_embed__encode_text(r, a->what == WF_EMBED__ASKED ? d->question : d->passage,
                                   a->what == WF_EMBED__QUESTIONS, &c->b);
    if (rc == 0 && a->what == WF_EMBED__QUESTIONS && c->title == WF_EMBED__NONE && r->slot == 0)
        rc = wf_embed__encode_text(r, d->title, false, &c->title);
    if (rc != 0 || a->what != WF_EMBED__QUESTIONS)
        return rc;
    rc = wf_embed__encode_text(r, d->question, false, &text);
    if (rc != 0 || text == WF_EMBED__NONE)
        return rc;
    return wf_embed__add_link(r->e, c, text, err);
}

int wf_embed__read_across(struct wf_embed__across *a, const char *path)
{
    return wf_data_questions_read(path, take_across, a, a->r->err);
}
