/* SPDX-License-Identifier: Apache-2.0 */
/* The sources of the embedding's task: "PATHS KIND WEIGHT SHARE" each. Files of one source are
 * parted by ','; behind the first a bare name is of the same folder. What is kept aside (split.h)
 * is left out, but where it is measured on. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/map.h"
#include "train/data_rows.h"
#include "train/shuffle.h"
#include "train/split.h"
#include "train/task_embed_internal.h"

#define FIELDS 4u
/* Answers shorter than this (bytes) are a word or a number: anything could be asked for them. */
#define ANSWER_MIN 20u
#define ALIKE_MIN 4.0 /* of a score up to 5: these two say the same */

/* ---- tokens ---- */

int wf_embed__encode(struct wf_embed__reader *r, struct wf_str text)
{
    r->ids.n = 0;
    return wf_vocab_encode(r->e->place.vocab, text, 0, &r->ids, r->err);
}

int wf_embed__encode_text(struct wf_embed__reader *r, struct wf_str text, bool whole, uint32_t *out)
{
    int rc = wf_embed__encode(r, wf_str_trim(text));

    *out = WF_EMBED__NONE;
    return rc == 0 && r->ids.n > 0
               ? wf_embed__add_text(r->e, r->ids.ptr, r->ids.n, whole, out, r->err)
               : rc;
}

/* ---- rows and pairs ---- */

static int add_cell(struct wf_embed__reader *r, uint32_t unit, size_t slot, struct wf_str text)
{
    return wf_embed__encode_text(r, text, false, &wf_embed__cell(r->s, unit, slot)->b);
}

/* Translations; the English side decides. */
static int take_row(struct wf_embed__reader *r, const struct wf_data_row *row, size_t first)
{
    struct wf_str english = row->columns[first];
    struct wf_embed__unit u = {.group = (uint32_t)wf_split_hash(english),
                               .against = WF_EMBED__NONE,
                               .is_dev = wf_split_is_dev(english)};
    uint32_t unit;
    int rc = wf_embed__add_unit(r->s, u, &unit, r->err);

    for (size_t i = 0; i < r->s->n_slots && rc == 0; i++)
        rc = add_cell(r, unit, i, row->columns[first + i]);
    return rc;
}

static int take_sentences(void *ud, const struct wf_data_row *row, struct wf_err *err)
{
    struct wf_embed__reader *r = ud;
    uint64_t draw = wf_split_hash(row->columns[0]);

    r->err = err;
    if (r->share < 1 && wf_draw_real(&draw) >= r->share)
        return 0;
    return take_row(r, row, 0);
}

static int take_news(void *ud, const struct wf_data_row *row, struct wf_err *err)
{
    struct wf_embed__reader *r = ud;

    r->err = err;
    return take_row(r, row, 1);
}

/* "CODE sentence": the n-th sentences of all codes are one. */
struct languages {
    struct wf_embed__reader *r;
    uint32_t counts[WF_EMBED__SLOTS_MAX];
    size_t n;
};

static int take_language(void *ud, const struct wf_data_row *row, struct wf_err *err)
{
    struct languages *l = ud;
    struct wf_embed__source *s = l->r->s;
    struct wf_str code = row->columns[0], text = row->columns[1];
    bool is_english = wf_str_eq(code, WF_STR("eng"));
    uint32_t unit, new_unit;
    size_t i = 0;
    int rc = 0;

    l->r->err = err;
    while (i < l->n && !wf_str_eq(code, wf_str_from(s->slots[i])))
        i++;
    if (i == WF_EMBED__SLOTS_MAX || code.len >= sizeof(s->slots[0]))
        return wf_err_set(err, WF_E_LIMIT, "There are too many languages, or a code is too long.");
    if (i == l->n)
        (void)snprintf(s->slots[l->n++], sizeof(s->slots[0]), "%.*s", WF_STR_ARG(code));
    s->n_used = l->n;
    if (is_english)
        s->pivot = i;
    unit = l->counts[i]++;
    if (unit == s->n_units)
        rc = wf_embed__add_unit(
            s, (struct wf_embed__unit){.group = unit, .against = WF_EMBED__NONE}, &new_unit, err);
    if (rc != 0)
        return rc;
    if (is_english)
        s->units[unit].is_dev = wf_split_is_dev(text);
    return wf_split_is_dev(text) ? 0 : add_cell(l->r, unit, i, text);
}

struct pairs {
    struct wf_embed__reader *r;
    struct wf_map units; /* a: unit */
    bool contradicts;    /* the second time: what means something else */
};

static int take_pair(void *ud, const struct wf_data_pair *p, struct wf_err *err)
{
    struct pairs *q = ud;
    struct wf_embed__reader *r = q->r;
    bool is_alike = p->relation == WF_DATA_ENTAILED || p->relation == WF_DATA_PARAPHRASED ||
                    (p->relation == WF_DATA_SCORED && p->score >= ALIKE_MIN);
    union wf_map_value *v;
    uint32_t unit = 0, text;
    bool is_new;
    int rc;

    r->err = err;
    if (wf_split_is_dev(p->a) || wf_split_is_dev(p->b))
        return 0;
    if (q->contradicts) {
        v = p->relation == WF_DATA_CONTRADICTED ? wf_map_get(&q->units, p->a) : NULL;
        return v == NULL ? 0 : wf_embed__encode_text(r, p->b, false, &r->s->units[v->u64].against);
    }
    if (!is_alike)
        return 0;
    rc = wf_embed__encode_text(r, p->a, false, &text);
    if (rc != 0 || text == WF_EMBED__NONE)
        return rc;
    rc = wf_embed__add_unit(
        r->s, (struct wf_embed__unit){(uint32_t)wf_split_hash(p->a), .against = WF_EMBED__NONE},
        &unit, err);
    if (rc == 0)
        rc = add_cell(r, unit, 0, p->b);
    if (rc == 0)
        rc = wf_embed__add_link(r->e, wf_embed__cell(r->s, unit, 0), text, err);
    v = rc == 0 ? wf_map_put(&q->units, p->a, &is_new) : NULL;
    if (rc == 0 && v == NULL)
        return wf_embed__no_memory(err);
    if (rc == 0)
        v->u64 = unit;
    return rc;
}

static int read_pairs(struct wf_embed__reader *r, const char *path)
{
    struct pairs q = {.r = r};
    int rc;

    wf_map_init(&q.units, WF_EMBED__KEYS_MAX);
    rc = wf_data_pairs_read(path, take_pair, &q, r->err);
    q.contradicts = true;
    if (rc == 0)
        rc = wf_data_pairs_read(path, take_pair, &q, r->err);
    wf_map_deinit(&q.units);
    return rc;
}

/* ---- textbooks' terms and questions ---- */

static int add_pair(struct wf_embed__reader *r, const struct wf_str *a, size_t n, struct wf_str b,
                    uint64_t group)
{
    uint32_t unit = 0, text = WF_EMBED__NONE;
    int rc = wf_embed__add_unit(
        r->s, (struct wf_embed__unit){.group = (uint32_t)group, .against = WF_EMBED__NONE}, &unit,
        r->err);

    if (rc == 0)
        rc = add_cell(r, unit, 0, b);
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = wf_embed__encode_text(r, a[i], false, &text);
        if (rc == 0 && text != WF_EMBED__NONE)
            rc = wf_embed__add_link(r->e, wf_embed__cell(r->s, unit, 0), text, r->err);
    }
    return rc;
}

static int take_term(void *ud, const json_t *v)
{
    struct wf_str term = wf_data__string(v, "term"), definition = wf_data__string(v, "definition");
    struct wf_embed__reader *r = ud;
    struct wf_str a[2] = {term};
    struct wf_buf question;
    int rc;

    if (term.len == 0 || definition.len == 0 || wf_split_is_dev(term))
        return 0;
    wf_buf_init(&question, WF_LIMIT_CORPUS_LINE_BYTES);
    (void)wf_buf_appendf(&question, "What is %.*s?", WF_STR_ARG(term));
    a[1] = wf_buf_str(&question);
    rc = wf_buf_status(&question) != 0 ? wf_embed__no_memory(r->err)
                                       : add_pair(r, a, 2, definition, wf_split_hash(term));
    wf_buf_deinit(&question);
    return rc;
}

static int take_review(void *ud, const json_t *v)
{
    struct wf_str question = wf_data__string(v, "question"), answer = wf_data__string(v, "answer");

    if (question.len == 0 || answer.len < ANSWER_MIN || wf_split_is_dev(question))
        return 0;
    return add_pair(ud, &question, 1, answer, wf_split_hash(answer));
}

static int read_json(struct wf_embed__reader *r, const char *path, wf_data__json_fn fn)
{
    struct wf_lines *l = NULL;
    int rc = wf_lines_open(path, &l, r->err);

    if (rc == 0)
        rc = wf_data__json(l, fn, r, r->err);
    wf_lines_close(l);
    return rc;
}

/* ---- sources ---- */

enum kind {
    KIND_QUESTIONS,
    KIND_ACROSS,
    KIND_PASSAGES,
    KIND_ASKED,
    KIND_SENTENCES,
    KIND_NEWS,
    KIND_LANGUAGES,
    KIND_PAIRS,
    KIND_TERMS,
    KIND_REVIEWS,
    KIND_CLOZE,
    KIND_NEXT,
    KIND_HEADINGS,
    KIND_COUNT,
};

/* How a kind is read and what its cells are; slots 0: as many as files. */
static const struct {
    const char *name;
    size_t slots;
    bool is_alike, runs, asks; /* asks: a is a question */
    enum wf_embed__exam exam;
} kinds[KIND_COUNT] = {
    [KIND_QUESTIONS] = {"questions", 1, false, true, true, WF_EMBED__NO_EXAM},
    [KIND_ACROSS] = {"across", 0, false, true, true, WF_EMBED__FINDS},
    [KIND_PASSAGES] = {"passages", 0, true, true, false, WF_EMBED__NO_EXAM},
    [KIND_ASKED] = {"asked", 0, true, true, false, WF_EMBED__NO_EXAM},
    [KIND_SENTENCES] = {"sentences", 2, true, false, false, WF_EMBED__TRANSLATES},
    [KIND_NEWS] = {"news", 4, true, false, false, WF_EMBED__TRANSLATES},
    [KIND_LANGUAGES] = {"languages", WF_EMBED__SLOTS_MAX, true, false, false, WF_EMBED__NO_EXAM},
    [KIND_PAIRS] = {"pairs", 1, false, false, false, WF_EMBED__NO_EXAM},
    [KIND_TERMS] = {"terms", 1, false, true, true, WF_EMBED__NO_EXAM},
    [KIND_REVIEWS] = {"reviews", 1, false, true, true, WF_EMBED__NO_EXAM},
    [KIND_CLOZE] = {"cloze", 1, false, true, true, WF_EMBED__NO_EXAM},
    [KIND_NEXT] = {"next", 1, false, false, false, WF_EMBED__NO_EXAM},
    [KIND_HEADINGS] = {"headings", 1, false, true, true, WF_EMBED__NO_EXAM},
};

static int read_file(struct wf_embed__reader *r, struct wf_embed__across *a, const char *path,
                     enum kind kind)
{
    struct languages l = {.r = r};

    switch (kind) {
    case KIND_QUESTIONS:
        return wf_embed__read_questions(r, path);
    case KIND_ACROSS:
    case KIND_PASSAGES:
    case KIND_ASKED:
        a->what = kind == KIND_ACROSS     ? WF_EMBED__QUESTIONS
                  : kind == KIND_PASSAGES ? WF_EMBED__PASSAGES
                                          : WF_EMBED__ASKED;
        return wf_embed__read_across(a, path);
    case KIND_SENTENCES:
        return wf_data_rows_read(path, false, 2, take_sentences, r, r->err);
    case KIND_NEWS:
        return wf_data_rows_read(path, true, 5, take_news, r, r->err);
    case KIND_LANGUAGES:
        return wf_data_rows_read(path, false, 2, take_language, &l, r->err);
    case KIND_PAIRS:
        return read_pairs(r, path);
    case KIND_TERMS:
        return read_json(r, path, take_term);
    case KIND_REVIEWS:
        return read_json(r, path, take_review);
    case KIND_CLOZE:
        return wf_embed__mine(r, path, WF_EMBED__CLOZE);
    case KIND_NEXT:
        return wf_embed__mine(r, path, WF_EMBED__NEXT);
    case KIND_HEADINGS:
        return wf_embed__mine(r, path, WF_EMBED__HEADINGS);
    case KIND_COUNT:
        break;
    }
    return wf_err_set(r->err, WF_E_INVAL, "There is no such kind of source.");
}

/* The folder of the first path, with its '/'. */
static struct wf_str folder_of(struct wf_str path)
{
    size_t n = path.len;

    while (n > 0 && path.ptr[n - 1] != '/')
        n--;
    return wf_str_sub(path, 0, n);
}

/* A file's language is what stands before the first '.' of its name. */
static void name_slot(struct wf_embed__source *s, size_t slot, struct wf_str path)
{
    struct wf_str folder = folder_of(path), name = wf_str_sub(path, folder.len, path.len);

    (void)snprintf(s->slots[slot], sizeof(s->slots[slot]), "%.*s",
                   WF_STR_ARG(wf_str_sub(name, 0, wf_str_find_byte(name, '.', 0))));
}

static int read_files(struct wf_embed__reader *r, struct wf_str paths, enum kind kind)
{
    struct wf_str rest = paths, one, folder = wf_str_n(NULL, 0);
    struct wf_embed__across a = {.r = r};
    struct wf_buf path;
    size_t i = 0;
    int rc = 0;

    wf_map_init(&a.units, WF_EMBED__KEYS_MAX);
    wf_buf_init(&path, WF_LIMIT_PATH_BYTES);
    for (; rc == 0 && wf_str_split(&rest, ',', &one); i++) {
        bool is_bare = i > 0 && wf_str_find_byte(one, '/', 0) >= one.len;
        folder = i == 0 ? folder_of(one) : folder;
        if (kinds[kind].slots == 0) {
            r->slot = i;
            name_slot(r->s, i, one);
        }
        wf_buf_reset(&path);
        (void)wf_buf_appendf(&path, "%s/%.*s%.*s", r->e->place.data_dir,
                             WF_STR_ARG(is_bare ? folder : wf_str_n(NULL, 0)), WF_STR_ARG(one));
        rc = wf_buf_status(&path) != 0 ? wf_embed__no_memory(r->err)
                                       : read_file(r, &a, path.ptr, kind);
    }
    wf_buf_deinit(&path);
    wf_map_deinit(&a.units);
    return rc;
}

static size_t count_files(struct wf_str paths)
{
    struct wf_str rest = paths, one;
    size_t n = 0;

    while (wf_str_split(&rest, ',', &one))
        n++;
    return n;
}

/* "PATHS KIND WEIGHT SHARE" */
static int read_source(struct wf_embed *e, struct wf_str line, struct wf_err *err)
{
    struct wf_embed__source *s = &e->sources[e->n_sources];
    struct wf_embed__reader r = {.e = e, .s = s, .err = err};
    struct wf_str words[FIELDS], rest = line;
    size_t n = 0, kind = 0, n_files;
    int rc;

    while (n < FIELDS && wf_str_split(&rest, ' ', &words[n]))
        n += words[n].len > 0;
    while (n == FIELDS && kind < KIND_COUNT && !wf_str_eq(words[1], wf_str_from(kinds[kind].name)))
        kind++;
    if (n != FIELDS || kind == KIND_COUNT || !wf_str_to_f64(words[2], &s->weight) ||
        !wf_str_to_f64(words[3], &r.share) || !(s->weight > 0 && s->weight <= 1e6) ||
        !(r.share > 0 && r.share <= 1))
        return wf_err_set(err, WF_E_FORMAT, "'%.*s' is no source: PATHS KIND WEIGHT SHARE.",
                          WF_STR_ARG(wf_str_sub(line, 0, 80)));
    n_files = count_files(words[0]);
    s->n_slots = kinds[kind].slots > 0 ? kinds[kind].slots : n_files;
    if (s->n_slots > WF_EMBED__SLOTS_MAX)
        return wf_err_set(err, WF_E_LIMIT, "A source has more than %u files.", WF_EMBED__SLOTS_MAX);
    s->n_used = s->n_slots;
    s->is_alike = kinds[kind].is_alike;
    s->runs = kinds[kind].runs;
    s->asks = kinds[kind].asks;
    s->exam = kinds[kind].exam;
    e->n_sources++;
    rc = read_files(&r, words[0], (enum kind)kind);
    wf_free(r.ids.ptr);
    if (rc == 0)
        rc = wf_embed__close_source(e, s, err);
    if (rc == 0 && s->n_train == 0)
        rc = wf_err_set(err, WF_E_FORMAT, "'%.*s' gives no pairs to train on.",
                        WF_STR_ARG(wf_str_sub(line, 0, 80)));
    e->weight_sum += s->weight;
    return rc;
}

int wf_embed__read_sources(struct wf_embed *e, struct wf_err *err)
{
    struct wf_str rest = wf_str_from(e->s.sources), part;
    int rc = 0;

    e->sources = wf_alloc_array(WF_EMBED__SOURCES_MAX, sizeof(*e->sources));
    if (e->sources == NULL)
        return wf_embed__no_memory(err);
    while (rc == 0 && wf_str_split(&rest, ';', &part)) {
        part = wf_str_trim(part);
        if (part.len == 0)
            continue;
        rc = e->n_sources == WF_EMBED__SOURCES_MAX
                 ? wf_err_set(err, WF_E_LIMIT, "There are more than %u sources.",
                              WF_EMBED__SOURCES_MAX)
                 : read_source(e, part, err);
    }
    if (rc == 0 && e->n_sources == 0)
        rc = wf_err_set(err, WF_E_FORMAT, "The embedding has no sources to train on.");
    return rc;
}
