/* SPDX-License-Identifier: Apache-2.0 */
/* The sources of intents: requests of a set, filled templates, and what is none of the set's
 * business: questions and prose. */
#include <string.h>

#include "base/alloc.h"
#include "model/lens_ngram.h"
#include "text/sentence.h"
#include "train/data_questions.h"
#include "train/data_requests.h"
#include "train/data_rows.h"
#include "train/lines.h"
#include "train/shuffle.h"
#include "train/split.h"
#include "train/task_intent_internal.h"
#include "train/templates.h"

#include <jansson.h>

#define SOURCE_FIELDS 4u
#define DEV_COPIES 4     /* fillings of a template that is kept aside: some are enough */
#define PROSE_ONE_IN 40u /* sentences of prose that are taken */
#define PROSE_BYTES_MAX 200u

enum use {
    USE_TRAIN,   /* as it is labelled; a part is kept aside */
    USE_TUNE,    /* all of it is kept aside */
    USE_OUTSIDE, /* out of scope, a part kept aside */
    USE_EXTRA,   /* out of scope, only to train on */
    USE_SLOTS,   /* only for its slots */
    USE_COUNT,
};

struct source {
    struct wf_intent *t;
    enum use use;
    const char *label; /* instead of the source's; NULL: that */
    double weight;
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

static int add(struct source *r, const struct wf_data_request *q, int32_t target, bool is_dev)
{
    struct wf_intent *t = r->t;
    struct wf_intent__side *s = &t->sides[is_dev];
    struct wf_intent__text x = {.target = target, .half = wf_split_hash(q->text) >> 8 & 1};
    int32_t *ids = t->tags; /* free as long as there is no batch */
    bool has_slots = t->s.slots && r->use != USE_EXTRA && r->use != USE_OUTSIDE;
    size_t n;
    int rc;

    r->ids.n = r->firsts.n = 0;
    rc = wf_vocab_encode_words(t->place.vocab, q->text, &r->ids, &r->firsts, r->err);
    n = WF_MIN(r->ids.n, t->place.n_text_max - 1);
    ids[0] = t->begin;
    if (n > 0)
        memcpy(ids + 1, r->ids.ptr, n * sizeof(*ids));
    if (rc == 0)
        rc = reserve(s, r->firsts.n, r->err);
    x.first = (uint32_t)s->n;
    if (rc == 0 && has_slots)
        rc = add_words(r, q, s, n);
    x.n = (uint32_t)(s->n - x.first);
    if (rc == 0)
        rc = wf_items_add(t->items, is_dev, r->weight, &(struct wf_item_text){ids, n + 1}, 1,
                          r->err);
    if (rc == 0 && t->wide != NULL)
        rc = wf_wide_add(t->wide, is_dev, q->text, r->err);
    if (rc == 0)
        s->texts[s->n_texts++] = x;
    return rc;
}

static int give(struct source *r, const struct wf_data_request *q, bool is_kept)
{
    struct wf_intent *t = r->t;
    bool is_dev = r->use == USE_TUNE || is_kept;
    int32_t target = -1;
    int rc = 0;

    if (is_dev ? r->use == USE_EXTRA : r->weight <= 0)
        return 0;
    if (r->use == USE_OUTSIDE || r->use == USE_EXTRA)
        rc = name_of(t, &t->labels, wf_str_from(t->s.outside), WF_INTENT__NAMES_MAX, &target,
                     r->err);
    else if (r->use != USE_SLOTS && (r->label != NULL || q->n_intents > 0))
        rc = name_of(t, &t->labels, r->label != NULL ? wf_str_from(r->label) : q->intents[0],
                     WF_INTENT__NAMES_MAX, &target, r->err);
    return rc == 0 ? add(r, q, target, is_dev) : rc;
}

static int take_request(void *ud, const struct wf_data_request *q, struct wf_err *err)
{
    (void)err;
    return give(ud, q, wf_split_is_dev(q->text));
}

static int take_question(void *ud, const struct wf_data_question *q, struct wf_err *err)
{
    struct wf_data_request x = {.text = wf_str_trim(q->question)};

    (void)err;
    return x.text.len > 0 ? give(ud, &x, wf_split_is_dev(q->key)) : 0;
}

/* Some sentences of documents, short as requests are. */
static int read_prose(struct source *r, const char *path)
{
    struct wf_lines *l = NULL;
    struct wf_str line;
    bool is_end = false;
    int rc = wf_lines_open(path, &l, r->err);

    while (rc == 0) {
        struct wf_sentence s;
        size_t at = 0;
        rc = wf_lines_next(l, &line, &is_end, r->err);
        if (rc != 0 || is_end)
            break;
        json_t *v = json_loadb(line.ptr, line.len, 0, NULL);
        const json_t *item = json_object_get(v, "text");
        struct wf_str text = wf_str_n(json_string_value(item), json_string_length(item));
        bool is_dev = wf_split_is_dev(text);
        while (rc == 0 && wf_sentence_next(text, &at, &s)) {
            struct wf_data_request q = {.text = wf_str_sub(text, s.start, s.end)};
            if (q.text.len <= PROSE_BYTES_MAX && wf_split_hash(q.text) % PROSE_ONE_IN == 0)
                rc = give(r, &q, is_dev);
        }
        json_decref(v);
    }
    wf_lines_close(l);
    return rc;
}

static int read_templates(struct source *r, const char *path)
{
    struct wf_templates *t = NULL;
    int rc = wf_templates_load(path, &t, r->err);

    for (size_t i = 0; rc == 0 && i < wf_templates_n(t); i++) {
        bool is_dev = wf_split_is_dev(wf_templates_source(t, i));
        int64_t n = is_dev ? DEV_COPIES : r->t->s.copies;
        for (int64_t k = 0; rc == 0 && k < n; k++) {
            struct wf_data_request q;
            rc = wf_templates_make(t, i, wf_seed_mix(77, (uint64_t)k), &q, r->err);
            if (rc == 0)
                rc = give(r, &q, is_dev);
        }
    }
    wf_templates_free(t);
    return rc;
}

static int read_file(struct source *r, size_t form, const char *path)
{
    switch (form) {
    case 0:
        return wf_data_requests_read(path, take_request, r, r->err);
    case 1:
        return read_templates(r, path);
    case 2:
        return wf_data_questions_read(path, take_question, r, r->err);
    }
    return read_prose(r, path);
}

static bool find_word(const char *const *names, size_t n, struct wf_str word, size_t *out)
{
    for (*out = 0; *out < n; (*out)++) {
        if (wf_str_eq(word, wf_str_from(names[*out])))
            return true;
    }
    return false;
}

/* "PATH FORM WEIGHT USE"; a USE of =LABEL trains for that label. */
static int read_source(struct wf_intent *t, struct wf_str line, struct wf_err *err)
{
    static const char *const forms[] = {"requests", "templates", "questions", "prose"};
    static const char *const uses[] = {"train", "tune", "outside", "extra", "slots"};
    struct source r = {.t = t, .err = err};
    struct wf_str words[SOURCE_FIELDS] = {{NULL, 0}}, rest = line;
    size_t form = 0, use = USE_TRAIN, n = 0;
    uint64_t hundredths = 0;
    struct wf_buf path;
    int rc;

    while (n < SOURCE_FIELDS && wf_str_split(&rest, ' ', &words[n]))
        n += words[n].len > 0;
    if (n == SOURCE_FIELDS && words[3].len > 1 && words[3].ptr[0] == '=') {
        r.label = wf_arena_cstr(&t->arena, wf_str_sub(words[3], 1, words[3].len));
        words[3] = WF_STR("train");
    }
    if (n != SOURCE_FIELDS || !find_word(forms, WF_ARRAY_LEN(forms), words[1], &form) ||
        !wf_str_to_u64(words[2], &hundredths) || hundredths > 10000 ||
        !find_word(uses, USE_COUNT, words[3], &use))
        return wf_err_set(err, WF_E_FORMAT, "'%.*s' is no source: PATH FORM WEIGHT USE.",
                          WF_STR_ARG(wf_str_sub(line, 0, 80)));
    r.use = (enum use)use;
    r.weight = (double)hundredths / 100;
    wf_buf_init(&path, WF_LIMIT_PATH_BYTES);
    if (!wf_str_starts(words[0], WF_STR("./"))) /* those are of the working folder */
        (void)wf_buf_appendf(&path, "%s/", t->place.data_dir);
    (void)wf_buf_append(&path, words[0].ptr, words[0].len);
    (void)wf_buf_append_byte(&path, '\0');
    rc = wf_buf_status(&path) != 0 ? no_memory(err) : read_file(&r, form, path.ptr);
    wf_buf_deinit(&path);
    wf_free(r.ids.ptr);
    wf_free(r.firsts.ptr);
    return rc;
}

int wf_intent__read(struct wf_intent *t, struct wf_err *err)
{
    struct wf_str rest = wf_str_from(t->s.sources), part;
    int rc = 0;

    while (rc == 0 && wf_str_split(&rest, ';', &part)) {
        part = wf_str_trim(part);
        if (part.len > 0)
            rc = read_source(t, part, err);
    }
    if (rc == 0 && (wf_items_n(t->items, false) == 0 || t->labels.n == 0))
        rc = wf_err_set(err, WF_E_FORMAT, "The sources of intents hold no text to train on.");
    t->outside = -1;
    for (size_t i = 0; i < t->labels.n; i++) {
        if (wf_str_eq(wf_str_from(t->labels.items[i]), wf_str_from(t->s.outside)))
            t->outside = (int32_t)i;
    }
    return rc;
}
