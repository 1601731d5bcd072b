/* SPDX-License-Identifier: Apache-2.0 */
/* Reading sources of sensitivity. */
#include "train/sensitivity_source.h"

#include <stdio.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/limits.h"
#include "train/conf.h"
#include "train/data_requests.h"
#include "train/data_tagged.h"
#include "train/lines.h"
#include "train/shuffle.h"
#include "train/split.h"

#define SOURCE_FIELDS 5u
#define ARENA_BYTES_MAX (1u << 20)
#define DEV_COPIES 4       /* fillings of a template that is kept aside */
#define TEMPLATES_ONE_IN 5 /* templates kept aside: more than of texts, as labels have few */

/* The source that is read. */
struct source {
    const struct wf_sensitivity_sources *all;
    wf_sensitivity_fn fn;
    void *ud;
    uint32_t has, unknown;
    double weight;
    uint64_t every;
    struct wf_str field, word; /* of JSON; a word of title or source that must be there */
    bool wants_not;            /* must not */
    struct wf_err *err;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the texts to train on.");
}

/* ---- labels ---- */

int wf_sensitivity_labels_init(struct wf_sensitivity_labels *out, const char *names,
                               const char *keywords, struct wf_err *err)
{
    struct wf_str rest = wf_str_from(names), one;
    int rc = 0;

    *out = (struct wf_sensitivity_labels){.n = 0};
    wf_arena_init(&out->_arena, 0, ARENA_BYTES_MAX);
    if (keywords[0] != 0)
        rc = wf_templates_load(keywords, &out->_rules, err);
    while (rc == 0 && wf_str_split(&rest, ',', &one)) {
        char list[WF_CONF_NAME_BYTES + 16];
        one = wf_str_trim(one);
        if (out->n == WF_SENSITIVITY_LABELS_MAX || one.len == 0 || one.len >= WF_CONF_NAME_BYTES)
            return wf_err_set(err, WF_E_FORMAT, "The labels of sensitivity are 1 to %u names.",
                              WF_SENSITIVITY_LABELS_MAX);
        out->names[out->n] = wf_arena_cstr(&out->_arena, one);
        if (out->names[out->n] == NULL)
            return no_memory(err);
        (void)snprintf(list, sizeof(list), "keywords_%.*s", WF_STR_ARG(one));
        if (out->_rules != NULL)
            out->words[out->n] = wf_templates_list(out->_rules, wf_str_from(list), WF_STR(""));
        out->n++;
    }
    return rc;
}

void wf_sensitivity_labels_deinit(struct wf_sensitivity_labels *l)
{
    wf_templates_free(l->_rules);
    wf_arena_deinit(&l->_arena);
    *l = (struct wf_sensitivity_labels){.n = 0};
}

static int32_t label_of(const struct wf_sensitivity_labels *l, struct wf_str name)
{
    for (size_t i = 0; i < l->n; i++) {
        if (wf_str_eq(name, wf_str_from(l->names[i])))
            return (int32_t)i;
    }
    return -1;
}

/* "health,money?" or "none"; a label with '?' is unknown. */
static int read_labels(const struct wf_sensitivity_labels *l, struct wf_str list, uint32_t *out_has,
                       uint32_t *out_unknown, struct wf_err *err)
{
    struct wf_str one;

    *out_has = *out_unknown = 0;
    while (wf_str_split(&list, ',', &one)) {
        bool is_unknown;
        int32_t label;
        one = wf_str_trim(one);
        is_unknown = wf_str_ends(one, WF_STR("?"));
        label = label_of(l, wf_str_sub(one, 0, one.len - is_unknown));
        if (wf_str_eq(one, WF_STR("none")))
            continue;
        if (label < 0)
            return wf_err_set(err, WF_E_FORMAT, "'%.*s' is none of the labels of sensitivity.",
                              WF_STR_ARG(wf_str_sub(one, 0, 80)));
        *(is_unknown ? out_unknown : out_has) |= 1u << label;
    }
    return 0;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

/* Whether a word (or several) stands in the text, in any case, as a whole. */
static bool has_word(struct wf_str text, struct wf_str word)
{
    for (size_t i = 0; word.len > 0 && i + word.len <= text.len; i++) {
        if (i > 0 && is_letter(text.ptr[i - 1]))
            continue;
        if (i + word.len < text.len && is_letter(text.ptr[i + word.len]))
            continue;
        if (wf_str_eq_nocase(wf_str_sub(text, i, i + word.len), word))
            return true;
    }
    return false;
}

uint32_t wf_sensitivity_by_words(const struct wf_sensitivity_labels *l, struct wf_str text)
{
    uint32_t bits = 0;

    for (size_t i = 0; i < l->n; i++) {
        struct wf_str rest = l->words[i], word;
        while (!(bits >> i & 1) && wf_str_split(&rest, '|', &word)) {
            if (has_word(text, wf_str_trim(word)))
                bits |= 1u << i;
        }
    }
    return bits;
}

/* ---- reading ---- */

bool wf_sensitivity_takes(const struct wf_sensitivity_text *t, size_t i)
{
    return t->every < 2 || wf_seed_mix(t->hash, i) % t->every == 0;
}

/* key: what the text belongs to, all of which is in one half. */
static int give(struct source *r, struct wf_str key, struct wf_str text, uint32_t has,
                uint32_t unknown, bool is_dev)
{

    return r->fn(r->ud,
                 &(struct wf_sensitivity_text){.text = text,
                                               .hash = wf_split_hash(text),
                                               .has = has,
                                               .unknown = unknown & ~has,
                                               .weight = r->weight,
                                               .every = r->every,
                                               .is_dev = is_dev,
                                               .half = wf_split_hash(key) >> 8 & 1},
                 r->err);
}

static int take_request(void *ud, const struct wf_data_request *q, struct wf_err *err)
{
    struct source *r = ud;

    (void)err;
    return give(r, q->text, q->text, r->has, r->unknown, wf_split_is_dev(q->text));
}

static int take_tagged(void *ud, const struct wf_data_tagged *t, struct wf_err *err)
{
    struct source *r = ud;

    (void)err;
    return give(r, t->key, t->text, r->has, r->unknown, wf_split_is_dev(t->key));
}

static struct wf_str string_of(const json_t *v, struct wf_str key)
{
    const json_t *item = json_object_getn(v, key.ptr, key.len);

    return wf_str_n(json_string_value(item), json_string_length(item));
}

static int give_object(struct source *r, const json_t *v)
{
    struct wf_str text = wf_str_trim(string_of(v, r->field));
    struct wf_str key = string_of(v, WF_STR("encounter_id"));
    bool has = wf_str_find(string_of(v, WF_STR("title")), r->word, 0) != SIZE_MAX ||
               wf_str_find(string_of(v, WF_STR("source")), r->word, 0) != SIZE_MAX;

    if (r->word.len > 0 && has == r->wants_not)
        return 0;
    key = key.len > 0 ? key : text;
    return give(r, key, text, r->has, r->unknown, wf_split_is_dev(key));
}

static int read_json(struct source *r, const char *path)
{
    struct wf_lines *l = NULL;
    struct wf_str line;
    bool is_end = false;
    int rc = wf_lines_open(path, &l, r->err);

    while (rc == 0) {
        rc = wf_lines_next(l, &line, &is_end, r->err);
        if (rc != 0 || is_end)
            break;
        json_t *v = json_loadb(line.ptr, line.len, 0, NULL);
        if (v != NULL)
            rc = give_object(r, v);
        else
            rc = wf_lines_fail(l, WF_E_FORMAT, r->err, "no JSON");
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
        bool is_dev = wf_split_is_dev_of(wf_templates_source(t, i), TEMPLATES_ONE_IN);
        uint32_t has = 0, unknown = 0;
        rc = read_labels(r->all->labels, wf_templates_labels(t, i), &has, &unknown, r->err);
        for (int64_t k = 0; rc == 0 && k < (is_dev ? DEV_COPIES : r->all->copies); k++) {
            struct wf_data_request q;
            rc = wf_templates_make(t, i, wf_seed_mix(78, (uint64_t)k), &q, r->err);
            if (rc == 0)
                rc = give(r, wf_templates_source(t, i), wf_str_trim(q.text), has, unknown, is_dev);
        }
    }
    wf_templates_free(t);
    return rc;
}

static int read_file(struct source *r, struct wf_str form, const char *path)
{
    struct wf_data_tagged_options tagged = {.form = WF_DATA_CONLL};

    if (wf_str_eq(form, WF_STR("templates")))
        return read_templates(r, path);
    if (wf_str_eq(form, WF_STR("requests")))
        return wf_data_requests_read(path, take_request, r, r->err);
    if (wf_str_eq(form, WF_STR("conll")))
        return wf_data_tagged_read(path, &tagged, take_tagged, r, r->err);
    if (wf_str_eq(form, WF_STR("presidio"))) {
        tagged.form = WF_DATA_PRESIDIO;
        return wf_data_tagged_read(path, &tagged, take_tagged, r, r->err);
    }
    if (!wf_str_starts(form, WF_STR("json:")))
        return wf_err_set(r->err, WF_E_FORMAT, "'%.*s' is no form of a source.",
                          WF_STR_ARG(wf_str_sub(form, 0, 40)));
    form = wf_str_sub(form, 5, form.len);
    if (wf_str_split(&form, '@', &r->field) && form.ptr != NULL) {
        r->wants_not = wf_str_starts(form, WF_STR("!"));
        r->word = wf_str_sub(form, r->wants_not, form.len);
    }
    return read_json(r, path);
}

/* "PATH FORM LABELS WEIGHT ONE_IN". */
static int read_source(struct source r, struct wf_str line, struct wf_err *err)
{
    struct wf_str words[SOURCE_FIELDS] = {{NULL, 0}}, rest = line;
    uint64_t hundredths = 0;
    struct wf_buf path;
    size_t n = 0;
    int rc;

    while (n < SOURCE_FIELDS && wf_str_split(&rest, ' ', &words[n]))
        n += words[n].len > 0;
    if (n != SOURCE_FIELDS || !wf_str_to_u64(words[3], &hundredths) || hundredths > 10000 ||
        !wf_str_to_u64(words[4], &r.every))
        return wf_err_set(err, WF_E_FORMAT, "'%.*s' is no source: PATH FORM LABELS WEIGHT ONE_IN.",
                          WF_STR_ARG(wf_str_sub(line, 0, 80)));
    r.weight = (double)hundredths / 100;
    wf_buf_init(&path, WF_LIMIT_PATH_BYTES);
    if (!wf_str_starts(words[0], WF_STR("./"))) /* those are of the working folder */
        (void)wf_buf_appendf(&path, "%s/", r.all->data_dir);
    (void)wf_buf_append(&path, words[0].ptr, words[0].len);
    (void)wf_buf_append_byte(&path, '\0');
    rc = wf_buf_status(&path) != 0 ? no_memory(err)
                                   : read_labels(r.all->labels, words[2], &r.has, &r.unknown, err);
    if (rc == 0)
        rc = read_file(&r, words[1], path.ptr);
    wf_buf_deinit(&path);
    return rc;
}

int wf_sensitivity_read(const struct wf_sensitivity_sources *s, wf_sensitivity_fn fn, void *ud,
                        struct wf_err *err)
{
    struct wf_str rest = wf_str_from(s->list), part;
    int rc = 0;

    while (rc == 0 && wf_str_split(&rest, ';', &part)) {
        part = wf_str_trim(part);
        if (part.len > 0)
            rc = read_source((struct source){.all = s, .fn = fn, .ud = ud, .err = err}, part, err);
    }
    return rc;
}
