/* SPDX-License-Identifier: Apache-2.0 */
/* The sources of intents, a reader for each form. */
#include "train/intent_source.h"

#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "os/file.h"
#include "text/sentence.h"
#include "train/data_questions.h"
#include "train/lines.h"
#include "train/shuffle.h"
#include "train/split.h"
#include "train/templates.h"

#include <jansson.h>

#define SOURCE_FIELDS 4u
#define TEXT_BYTES_MAX (64u << 10) /* of a map of labels, and of a filled template */
#define DEV_COPIES 4               /* fillings of a template that is kept aside: some are enough */
#define PROSE_ONE_IN 40u           /* sentences of prose that are taken */
#define PROSE_BYTES_MAX 200u

enum use {
    USE_TRAIN,
    USE_TUNE,
    USE_OUTSIDE,
    USE_EXTRA,
    USE_SLOTS,
    USE_COUNT,
    USE_LABEL = USE_COUNT, /* those beyond are no words alone */
    USE_MAP,
};

struct source {
    const struct wf_intent_sources *s;
    wf_intent_item_fn fn;
    void *ud;
    enum use use;
    struct wf_str label; /* of USE_LABEL */
    struct wf_buf map;   /* of USE_MAP */
    double weight;
    struct wf_err *err;
};

/* The label that the map gives one; empty: its texts are left out. */
static struct wf_str mapped(const struct source *r, struct wf_str label)
{
    struct wf_str rest = wf_buf_str(&r->map), line, name;

    while (wf_str_split(&rest, '\n', &line)) {
        line = wf_str_trim(line);
        if (line.len == 0 || line.ptr[0] == '#' || !wf_str_split(&line, ' ', &name) ||
            !wf_str_eq(name, label))
            continue;
        line = wf_str_trim(line);
        return wf_str_eq(line, WF_STR("-")) ? WF_STR("") : line;
    }
    return wf_str_from(r->s->outside);
}

static struct wf_str label_of(const struct source *r, const struct wf_data_request *q)
{
    struct wf_str none = {NULL, 0}, own = q->n_intents > 0 ? q->intents[0] : none;

    switch (r->use) {
    case USE_TRAIN:
    case USE_TUNE:
        return own;
    case USE_OUTSIDE:
    case USE_EXTRA:
        return wf_str_from(r->s->outside);
    case USE_LABEL:
        return r->label;
    case USE_MAP:
        return own.ptr != NULL ? mapped(r, own) : WF_STR("");
    case USE_SLOTS:
        break;
    }
    return none;
}

/* `key` is what belongs together. */
static int give(const struct source *r, const struct wf_data_request *q, struct wf_str key)
{
    struct wf_intent_item x = {.request = q,
                               .label = label_of(r, q),
                               .weight = r->weight,
                               .is_dev = r->use == USE_TUNE || wf_split_is_dev(key),
                               .half = wf_split_hash(key) >> 8 & 1};

    if (x.is_dev ? r->use == USE_EXTRA : r->weight <= 0)
        return 0;
    if (x.label.ptr != NULL && x.label.len == 0)
        return 0;
    x.knows_slots = r->use == USE_TRAIN || r->use == USE_TUNE || r->use == USE_SLOTS;
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

/* Every other filling begins with a capital letter: people write both. */
static int give_filled(const struct source *r, struct wf_data_request *q, struct wf_str key,
                       bool is_capital, struct wf_buf *copy)
{
    int rc;

    if (!is_capital || q->text.len == 0 || q->text.ptr[0] < 'a' || q->text.ptr[0] > 'z')
        return give(r, q, key);
    wf_buf_reset(copy);
    rc = wf_buf_append_str(copy, q->text);
    if (rc != 0)
        return wf_err_set(r->err, rc, "A filled template is too long.");
    copy->ptr[0] = (char)(copy->ptr[0] - 32);
    q->text = wf_buf_str(copy);
    return give(r, q, key);
}

static int read_templates(const struct source *r, const char *path)
{
    struct wf_templates *t = NULL;
    struct wf_buf copy;
    int rc = wf_templates_load(path, &t, r->err);

    wf_buf_init(&copy, TEXT_BYTES_MAX);

    for (size_t i = 0; rc == 0 && i < wf_templates_n(t); i++) {
        struct wf_str key = wf_templates_source(t, i);
        int64_t n = wf_split_is_dev(key) ? DEV_COPIES : r->s->copies;
        for (int64_t k = 0; rc == 0 && k < n; k++) {
            struct wf_data_request q;
            rc = wf_templates_make(t, i, wf_seed_mix(77, (uint64_t)k), &q, r->err);
            if (rc == 0)
                rc = give_filled(r, &q, key, k % 2 == 1, &copy);
        }
    }
    wf_buf_deinit(&copy);
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

/* "./x" is of the working folder, "x" of the data's. To out, with a NUL. */
static int path_of(const struct source *r, struct wf_str name, struct wf_buf *out)
{
    int rc;

    wf_buf_init(out, WF_LIMIT_PATH_BYTES);
    if (!wf_str_starts(name, WF_STR("./")))
        (void)wf_buf_appendf(out, "%s/", r->s->data_dir);
    (void)wf_buf_append(out, name.ptr, name.len);
    (void)wf_buf_append_byte(out, '\0');
    rc = wf_buf_status(out);
    return rc == 0 ? 0 : wf_err_set(r->err, rc, "The path of a source is too long.");
}

static int read_map(struct source *r, struct wf_str name)
{
    struct wf_buf path;
    int rc = path_of(r, name, &path);

    wf_buf_reset(&r->map);
    if (rc == 0)
        rc = wf_file_read(path.ptr, &r->map, r->err);
    wf_buf_deinit(&path);
    return rc;
}

/* What a source is used for; false: there is no such use. */
static bool read_use(struct source *r, struct wf_str word, int *out_rc)
{
    static const char *const uses[] = {"train", "tune", "outside", "extra", "slots"};
    size_t use;

    *out_rc = 0;
    if (word.len > 1 && word.ptr[0] == '=') {
        r->label = wf_str_sub(word, 1, word.len);
        r->use = USE_LABEL;
        return true;
    }
    if (wf_str_starts(word, WF_STR("map="))) {
        *out_rc = read_map(r, wf_str_sub(word, 4, word.len));
        r->use = USE_MAP;
        return true;
    }
    if (!find_word(uses, USE_COUNT, word, &use))
        return false;
    r->use = (enum use)use;
    return true;
}

static int read_source(struct source *r, struct wf_str line)
{
    static const char *const forms[] = {"requests", "templates", "questions", "prose"};
    struct wf_str words[SOURCE_FIELDS] = {{NULL, 0}}, rest = line;
    size_t form = 0, n = 0;
    uint64_t hundredths = 0;
    struct wf_buf path;
    int rc = 0;

    while (n < SOURCE_FIELDS && wf_str_split(&rest, ' ', &words[n]))
        n += words[n].len > 0;
    if (n != SOURCE_FIELDS || !find_word(forms, WF_ARRAY_LEN(forms), words[1], &form) ||
        !wf_str_to_u64(words[2], &hundredths) || hundredths > 10000 || !read_use(r, words[3], &rc))
        return wf_err_set(r->err, WF_E_FORMAT, "'%.*s' is no source: PATH FORM WEIGHT USE.",
                          WF_STR_ARG(wf_str_sub(line, 0, 80)));
    r->weight = (double)hundredths / 100;
    if (rc != 0)
        return rc;
    rc = path_of(r, words[0], &path);
    if (rc == 0)
        rc = read_file(r, form, path.ptr);
    wf_buf_deinit(&path);
    return rc;
}

int wf_intent_sources_read(const struct wf_intent_sources *s, wf_intent_item_fn fn, void *ud,
                           struct wf_err *err)
{
    struct source r = {.s = s, .fn = fn, .ud = ud, .err = err};
    struct wf_str rest = wf_str_from(s->list), part;
    int rc = 0;

    wf_buf_init(&r.map, TEXT_BYTES_MAX);
    while (rc == 0 && wf_str_split(&rest, ';', &part)) {
        part = wf_str_trim(part);
        if (part.len > 0)
            rc = read_source(&r, part);
    }
    wf_buf_deinit(&r.map);
    return rc;
}
