/* SPDX-License-Identifier: Apache-2.0 */
/* Presidio's analyzer: what weft's detectors find, under its names. Every language is looked for at
 * once, so `language` is taken and changes nothing. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "op/json.h"
#include "op/presidio_internal.h"
#include "privacy/pattern.h"
#include "text/utf8.h"

struct wanted {
    const json_t *entities;    /* array, or NULL: all */
    const json_t *allow_list;  /* texts that are no finding */
    const json_t *recognizers; /* the request's own */
    double threshold;
    bool explains;
};

static bool holds(const json_t *array, struct wf_str text)
{
    const json_t *one;
    size_t i;

    json_array_foreach(array, i, one)
    {
        if (json_is_string(one) &&
            wf_str_eq(wf_str_n(json_string_value(one), json_string_length(one)), text))
            return true;
    }
    return false;
}

static int read_wanted(const json_t *body, struct wanted *w, struct wf_err *err)
{
    static const char *const known[] = {
        "text",           "language",
        "entities",       "score_threshold",
        "correlation_id", "return_decision_process",
        "trace",          "context",
        "allow_list",     "allow_list_match",
        "regex_flags",    "ad_hoc_recognizers",
    };
    const json_t *threshold = json_object_get(body, "score_threshold");
    json_t *v, *object = (json_t *)(uintptr_t)body; /* jansson walks no const objects */
    const char *name;

    json_object_foreach(object, name, v)
    {
        size_t i = 0;
        while (i < WF_ARRAY_LEN(known) && strcmp(name, known[i]) != 0)
            i++;
        if (i == WF_ARRAY_LEN(known))
            return wf_err_set(err, WF_E_INVAL, "weft knows no parameter \"%.60s\" of analyze.",
                              name);
    }
    *w =
        (struct wanted){.entities = json_object_get(body, "entities"),
                        .allow_list = json_object_get(body, "allow_list"),
                        .recognizers = json_object_get(body, "ad_hoc_recognizers"),
                        .threshold = json_number_value(threshold),
                        .explains = json_is_true(json_object_get(body, "return_decision_process"))};
    if (json_is_null(w->entities) || json_array_size(w->entities) == 0)
        w->entities = NULL;
    v = json_object_get(body, "allow_list_match");
    if (json_is_string(v) && strcmp(json_string_value(v), "exact") != 0 && w->allow_list != NULL)
        return wf_err_set(err, WF_E_INVAL, "weft compares allow_list exactly only.");
    return 0;
}

static json_t *explanation(const struct wf_presidio_finding *f)
{
    bool is_own = !wf_str_eq(f->by, WF_STR("weft"));

    return json_pack("{s:s%, s:o, s:n, s:f, s:f, s:s%, s:i, s:s%, s:n}", "recognizer", f->by.ptr,
                     f->by.len, "pattern_name", is_own ? wf_json_str(f->why) : json_null(),
                     "pattern", "original_score", f->score, "score", f->score,
                     "textual_explanation", f->why.len > 0 ? f->why.ptr : "", f->why.len,
                     "score_context_improvement", 0, "supportive_context_word",
                     f->word.len > 0 ? f->word.ptr : "", f->word.len, "validation_result");
}

/* What the detectors find. */
static int gather(struct wf_labeler *l, struct wf_str text, struct wf_presidio_findings *out,
                  struct wf_err *err)
{
    struct wf_labeled found;
    int rc = wf_labeler_find(l, text, &found, err);

    for (size_t i = 0; rc == 0 && i < found.n; i++) {
        const struct wf_pii *p = &found.all[i];
        const struct wf_presidio_finding one = {.start = p->start,
                                                .end = p->end,
                                                .type = wf_str_from(p->type),
                                                .score = round((double)p->score * 1000) / 1000,
                                                .by = WF_STR("weft"),
                                                .why = wf_str_from(p->reason),
                                                .word = p->word};
        rc = wf_presidio__add(out, &one, err);
    }
    return rc;
}

/* By place, the longer and surer first. */
static int by_place(const void *a, const void *b)
{
    const struct wf_presidio_finding *x = a, *y = b;

    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    if (x->end != y->end)
        return x->end > y->end ? -1 : 1;
    return (x->score < y->score) - (x->score > y->score);
}

/* Whether the finding is asked for, and no earlier one of its type says as much. The earlier ones
 * that can reach it are looked at alone: those that end behind its start. */
static bool counts(const struct wanted *w, struct wf_str text,
                   const struct wf_presidio_finding *all, size_t i)
{
    const struct wf_presidio_finding *f = &all[i];

    if (f->score < w->threshold || holds(w->allow_list, wf_str_sub(text, f->start, f->end)) ||
        (w->entities != NULL && !holds(w->entities, f->type)))
        return false;
    for (size_t k = i; k > 0 && i - k < 64; k--) {
        const struct wf_presidio_finding *e = &all[k - 1];
        if (e->end >= f->end && e->score >= f->score && wf_str_eq(e->type, f->type))
            return false;
    }
    return true;
}

static json_t *results_json(const struct wanted *w, struct wf_str text,
                            const struct wf_presidio_findings *f)
{
    json_t *results = json_array();
    size_t at = 0, cp = 0;

    for (size_t i = 0; i < f->n && results != NULL; i++) {
        const struct wf_presidio_finding *one = &f->items[i];
        cp += wf_utf8_count(wf_str_sub(text, at, one->start));
        at = one->start;
        if (!counts(w, text, f->items, i))
            continue;
        json_t *v = json_pack(
            "{s:s%, s:I, s:I, s:f, s:o?}", "entity_type", one->type.ptr, one->type.len, "start",
            (json_int_t)cp, "end",
            (json_int_t)(cp + wf_utf8_count(wf_str_sub(text, one->start, one->end))), "score",
            one->score, "analysis_explanation", w->explains ? explanation(one) : json_null());
        if (v == NULL || json_array_append_new(results, v) != 0) {
            json_decref(results);
            results = NULL;
        }
    }
    return results;
}

/* One text's findings. */
static int analyze(struct wf_labeler *l, const struct wanted *w, struct wf_str text, json_t **out,
                   struct wf_err *err)
{
    struct wf_presidio_findings found = {.n = 0};
    int rc = gather(l, text, &found, err);

    if (rc == 0)
        rc = wf_presidio__own(w->recognizers, text, &found, err);
    if (rc == 0) {
        if (found.n > 0)
            qsort(found.items, found.n, sizeof(found.items[0]), by_place);
        *out = results_json(w, text, &found);
        if (*out == NULL)
            rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory to analyze.");
    }
    wf_free(found.items);
    return rc;
}

int wf_presidio_analyze(struct wf_labeler *l, const json_t *body, json_t **out, struct wf_err *err)
{
    const json_t *text = json_object_get(body, "text"), *one;
    json_t *all = NULL, *results;
    struct wanted w;
    size_t i;
    int rc = read_wanted(body, &w, err);

    if (rc != 0)
        return rc;
    if (json_is_string(text) && json_string_length(text) > 0)
        return analyze(l, &w, wf_str_n(json_string_value(text), json_string_length(text)), out,
                       err);
    if (json_array_size(text) == 0)
        return wf_err_set(err, WF_E_INVAL, "No text provided");
    all = json_array();
    json_array_foreach(text, i, one)
    {
        rc = json_is_string(one)
                 ? analyze(l, &w, wf_str_n(json_string_value(one), json_string_length(one)),
                           &results, err)
                 : wf_err_set(err, WF_E_INVAL, "text is a text, or an array of texts");
        if (rc == 0 && json_array_append_new(all, results) != 0)
            rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory to analyze.");
        if (rc != 0)
            break;
    }
    if (rc == 0)
        *out = all;
    else
        json_decref(all);
    return rc;
}

json_t *wf_presidio_entities(void)
{
    static const char *const by_lens[] = {"PERSON", "LOCATION", "ORGANIZATION", "NRP", "DATE_TIME"};
    json_t *seen = json_object(), *names = json_array(), *v;
    const char *name;

    for (size_t i = 0; i < WF_ARRAY_LEN(by_lens); i++)
        json_object_set_new(seen, by_lens[i], json_true());
    for (size_t t = 0; t < wf_pattern_tables_n; t++) {
        for (size_t i = 0; i < wf_pattern_tables[t]->n; i++)
            json_object_set_new(seen, wf_pattern_tables[t]->rows[i].type, json_true());
    }
    json_object_foreach(seen, name, v) json_array_append_new(names, json_string(name));
    json_decref(seen);
    return names;
}
