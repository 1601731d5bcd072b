/* SPDX-License-Identifier: Apache-2.0 */
/* The sources of intents, a reader for each form. */
#include "train/intent_source.h"

#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "text/sentence.h"
#include "train/data_questions.h"
#include "train/lines.h"
#include "train/shuffle.h"
#include "train/split.h"
#include "train/templates.h"

#include <jansson.h>

#define SOURCE_FIELDS 4u
#define DEV_COPIES 4     /* fillings of a template that is kept aside: some are enough */
#define PROSE_ONE_IN 40u /* sentences of prose that are taken */
#define PROSE_BYTES_MAX 200u

enum use {
    USE_TRAIN,
    USE_TUNE,
    USE_OUTSIDE,
    USE_EXTRA,
    USE_SLOTS,
    USE_COUNT,
};

struct source {
    const struct wf_intent_sources *s;
    wf_intent_item_fn fn;
    void *ud;
    enum use use;
    struct wf_str label; /* instead of the source's; ptr NULL: that */
    double weight;
    struct wf_err *err;
};

/* `key` is what belongs together. */
static int give(const struct source *r, const struct wf_data_request *q, struct wf_str key)
{
    struct wf_intent_item x = {.request = q,
                               .weight = r->weight,
                               .is_dev = r->use == USE_TUNE || wf_split_is_dev(key),
                               .half = wf_split_hash(key) >> 8 & 1};

    if (x.is_dev ? r->use == USE_EXTRA : r->weight <= 0)
        return 0;
    if (r->use == USE_OUTSIDE || r->use == USE_EXTRA)
        x.label = wf_str_from(r->s->outside);
    else if (r->use != USE_SLOTS && (r->label.ptr != NULL || q->n_intents > 0))
        x.label = r->label.ptr != NULL ? r->label : q->intents[0];
    x.knows_slots = r->use != USE_OUTSIDE && r->use != USE_EXTRA;
    return r->fn(r->ud, &x, r->err);
}

static int take_request(void *ud, const struct wf_data_request *q, struct wf_err *err)
{
    (void)err;
    return give(ud, q, q->text);
}

static int take_question(void *ud, const struct wf_data_question *q, struct wf_err *err)
{
    struct wf_data_request x = {.text = wf_str_trim(q->question)};

    (void)err;
    return x.text.len > 0 ? give(ud, &x, q->key) : 0;
}

/* Some sentences of documents, short as requests are. */
static int read_prose(const struct source *r, const char *path)
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
        while (rc == 0 && wf_sentence_next(text, &at, &s)) {
            struct wf_data_request q = {.text = wf_str_sub(text, s.start, s.end)};
            if (q.text.len <= PROSE_BYTES_MAX && wf_split_hash(q.text) % PROSE_ONE_IN == 0)
                rc = give(r, &q, text);
        }
        json_decref(v);
    }
    wf_lines_close(l);
    return rc;
}

static int read_templates(const struct source *r, const char *path)
{
    struct wf_templates *t = NULL;
    int rc = wf_templates_load(path, &t, r->err);

    for (size_t i = 0; rc == 0 && i < wf_templates_n(t); i++) {
        struct wf_str key = wf_templates_source(t, i);
        int64_t n = wf_split_is_dev(key) ? DEV_COPIES : r->s->copies;
        for (int64_t k = 0; rc == 0 && k < n; k++) {
            struct wf_data_request q;
            rc = wf_templates_make(t, i, wf_seed_mix(77, (uint64_t)k), &q, r->err);
            if (rc == 0)
                rc = give(r, &q, key);
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

static int read_source(struct source *r, struct wf_str line)
{
    static const char *const forms[] = {"requests", "templates", "questions", "prose"};
    static const char *const uses[] = {"train", "tune", "outside", "extra", "slots"};
    struct wf_str words[SOURCE_FIELDS] = {{NULL, 0}}, rest = line;
    size_t form = 0, use = USE_TRAIN, n = 0;
    uint64_t hundredths = 0;
    struct wf_buf path;
    int rc;

    while (n < SOURCE_FIELDS && wf_str_split(&rest, ' ', &words[n]))
        n += words[n].len > 0;
    r->label = (struct wf_str){NULL, 0};
    if (n == SOURCE_FIELDS && words[3].len > 1 && words[3].ptr[0] == '=') {
        r->label = wf_str_sub(words[3], 1, words[3].len);
        words[3] = WF_STR("train");
    }
    if (n != SOURCE_FIELDS || !find_word(forms, WF_ARRAY_LEN(forms), words[1], &form) ||
        !wf_str_to_u64(words[2], &hundredths) || hundredths > 10000 ||
        !find_word(uses, USE_COUNT, words[3], &use))
        return wf_err_set(r->err, WF_E_FORMAT, "'%.*s' is no source: PATH FORM WEIGHT USE.",
                          WF_STR_ARG(wf_str_sub(line, 0, 80)));
    r->use = (enum use)use;
    r->weight = (double)hundredths / 100;
    wf_buf_init(&path, WF_LIMIT_PATH_BYTES);
    if (!wf_str_starts(words[0], WF_STR("./"))) /* those are of the working folder */
        (void)wf_buf_appendf(&path, "%s/", r->s->data_dir);
    (void)wf_buf_append(&path, words[0].ptr, words[0].len);
    (void)wf_buf_append_byte(&path, '\0');
    rc = wf_buf_status(&path);
    rc = rc != 0 ? wf_err_set(r->err, rc, "The path of a source is too long.")
                 : read_file(r, form, path.ptr);
    wf_buf_deinit(&path);
    return rc;
}

int wf_intent_sources_read(const struct wf_intent_sources *s, wf_intent_item_fn fn, void *ud,
                           struct wf_err *err)
{
    struct source r = {.s = s, .fn = fn, .ud = ud, .err = err};
    struct wf_str rest = wf_str_from(s->list), part;
    int rc = 0;

    while (rc == 0 && wf_str_split(&rest, ';', &part)) {
        part = wf_str_trim(part);
        if (part.len > 0)
            rc = read_source(&r, part);
    }
    return rc;
}
