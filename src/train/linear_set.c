/* SPDX-License-Identifier: Apache-2.0 */
/* The requests of a set, and what is fitted to them. Grams that only one text has say nothing about
 * others and have no weight. */
#include "train/linear_set.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/lens_grams.h"
#include "train/linear_internal.h"

#define ARENA_BYTES_MAX ((size_t)256 << 20)
#define N_GRAMS ((size_t)1 << WF_LENS_GRAMS_BITS)
#define TEXTS_MIN 2u /* that have a gram, for it to have weights */
#define TABLE_BYTES_MAX ((size_t)64 << 20)
#define SEED 5

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to fit a linear judge.");
}

/* ---- reading ---- */

static int label_of(struct wf_linear_set *s, struct wf_str name, int32_t *out, struct wf_err *err)
{
    for (size_t i = 0; i < s->n_labels; i++) {
        if (wf_str_eq(name, wf_str_from(s->labels[i]))) {
            *out = (int32_t)i;
            return 0;
        }
    }
    if (s->n_labels == WF_LENS_LINEAR_LABELS_MAX || name.len > WF_LIMIT_LENS_LABEL_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "More than %u labels, or one that is too long.",
                          WF_LENS_LINEAR_LABELS_MAX);
    s->labels[s->n_labels] = wf_arena_cstr(&s->arena, name);
    if (s->labels[s->n_labels] == NULL)
        return no_memory(err);
    *out = (int32_t)s->n_labels++;
    return 0;
}

int wf_linear__add(struct wf_linear_set *s, const struct wf_linear_text *t, struct wf_err *err)
{
    struct wf_str text;

    if (s->n_texts == s->cap_texts) {
        size_t cap = s->cap_texts > 0 ? 2 * s->cap_texts : 4096;
        struct wf_linear_text *p = wf_realloc_array(s->texts, cap, sizeof(*p));
        if (p == NULL)
            return no_memory(err);
        s->texts = p;
        s->cap_texts = cap;
    }
    text = wf_arena_dup(&s->arena, t->text);
    if (text.ptr == NULL)
        return no_memory(err);
    s->texts[s->n_texts] = *t;
    s->texts[s->n_texts++].text = text;
    return 0;
}

static int take(void *ud, const struct wf_intent_item *item, struct wf_err *err)
{
    struct wf_linear_set *s = ud;
    struct wf_linear_text t = {.text = item->request->text,
                               .weight = (float)item->weight,
                               .is_dev = item->is_dev,
                               .half = item->half};
    int rc;

    if (item->label.ptr == NULL)
        return 0;
    rc = label_of(s, item->label, &t.label, err);
    return rc == 0 ? wf_linear__add(s, &t, err) : rc;
}

/* Numbers the grams that some texts to train on have, and how rare they are. */
int wf_linear__number_grams(struct wf_linear_set *s, struct wf_err *err)
{
    struct wf_lens_grams g;
    uint32_t n_train = 0, n = 0;

    s->feature_of = wf_alloc_array(N_GRAMS, sizeof(*s->feature_of));
    if (s->feature_of == NULL)
        return no_memory(err);
    for (size_t i = 0; i < s->n_texts; i++) {
        if (s->texts[i].is_dev)
            continue;
        n_train++;
        wf_lens_grams(s->texts[i].text, &g);
        for (size_t k = 0; k < g.n; k++)
            n += ++s->feature_of[g.items[k]] == TEXTS_MIN;
    }
    s->gram_of = wf_alloc_array((size_t)n + 1, sizeof(*s->gram_of));
    s->rarity = wf_alloc_array((size_t)n + 1, sizeof(*s->rarity));
    s->seen = wf_alloc_array((size_t)n + 1, sizeof(*s->seen));
    if (s->gram_of == NULL || s->rarity == NULL || s->seen == NULL)
        return no_memory(err);
    for (uint32_t gram = 0; gram < N_GRAMS; gram++) {
        uint32_t n_texts = s->feature_of[gram];
        s->feature_of[gram] = WF_LINEAR__NONE;
        if (n_texts < TEXTS_MIN)
            continue;
        s->feature_of[gram] = (uint32_t)s->n_features;
        s->gram_of[s->n_features] = gram;
        s->seen[s->n_features] = (float)n_texts;
        s->rarity[s->n_features++] =
            (float)(1.0 + log((1.0 + (double)n_train) / (1.0 + (double)n_texts)));
    }
    return s->n_features > 0
               ? 0
               : wf_err_set(err, WF_E_FORMAT, "The sources of intents hold no text to train on.");
}

/* The features of a text that have a number, and their values. Returns how many. */
static size_t row_of(const struct wf_linear_set *s, struct wf_str text,
                     uint32_t features[WF_LENS_GRAMS_MAX], float values[WF_LENS_GRAMS_MAX])
{
    struct wf_lens_grams g;
    size_t n = 0;

    wf_lens_grams(text, &g);
    for (size_t i = 0; i < g.n; i++) {
        uint32_t f = s->feature_of[g.items[i]];
        size_t n_kind = i < g.n_words ? g.n_words : g.n - g.n_words;
        if (f == WF_LINEAR__NONE)
            continue;
        features[n] = f;
        values[n++] = s->rarity[f] / sqrtf((float)n_kind);
    }
    return n;
}

int wf_linear__make_rows(struct wf_linear_set *s, struct wf_err *err)
{
    uint32_t features[WF_LENS_GRAMS_MAX];
    float values[WF_LENS_GRAMS_MAX];
    size_t n_train = 0, n = 0, row = 0;

    for (size_t i = 0; i < s->n_texts; i++) {
        n_train += !s->texts[i].is_dev;
        n += s->texts[i].is_dev ? 0 : row_of(s, s->texts[i].text, features, values);
    }
    s->features = wf_alloc_array(n + 1, sizeof(*s->features));
    s->values = wf_alloc_array(n + 1, sizeof(*s->values));
    s->costs = wf_alloc_array(n_train + 1, sizeof(*s->costs));
    s->targets = wf_alloc_array(n_train + 1, sizeof(*s->targets));
    s->starts = wf_alloc_array(n_train + 1, sizeof(*s->starts));
    if (s->features == NULL || s->values == NULL || s->costs == NULL || s->targets == NULL ||
        s->starts == NULL)
        return no_memory(err);
    for (size_t i = 0; i < s->n_texts; i++) {
        const struct wf_linear_text *t = &s->texts[i];
        if (t->is_dev)
            continue;
        size_t at = s->starts[row], more = row_of(s, t->text, features, values);
        memcpy(s->features + at, features, more * sizeof(*features));
        memcpy(s->values + at, values, more * sizeof(*values));
        s->targets[row] = t->label;
        s->costs[row++] = t->weight;
        s->starts[row] = at + more;
    }
    s->rows = (struct wf_linear_rows){.features = s->features,
                                      .values = s->values,
                                      .starts = s->starts,
                                      .labels = s->targets,
                                      .costs = s->costs,
                                      .n = n_train,
                                      .n_features = s->n_features,
                                      .n_labels = s->n_labels};
    return 0;
}

/* Rows are brought to a mean square of 1, so that a cost means the same for every set. */
void wf_linear__scale_rows(struct wf_linear_set *s)
{
    size_t n = s->starts[s->rows.n];
    double sum = 0;
    float scale;

    for (size_t i = 0; i < n; i++)
        sum += (double)s->values[i] * (double)s->values[i];
    scale = sum > 0 ? (float)sqrt((double)s->rows.n / sum) : 1.0f;
    for (size_t i = 0; i < n; i++)
        s->values[i] *= scale;
    for (size_t i = 0; i < s->n_features; i++)
        s->rarity[i] *= scale;
}

int wf_linear__new(struct wf_linear_set **out, struct wf_err *err)
{
    struct wf_linear_set *s = wf_alloc_array(1, sizeof(*s));

    if (s == NULL)
        return no_memory(err);
    wf_arena_init(&s->arena, 0, ARENA_BYTES_MAX);
    wf_buf_init(&s->grams, TABLE_BYTES_MAX);
    wf_buf_init(&s->weights, TABLE_BYTES_MAX);
    *out = s;
    return 0;
}

int wf_linear_set_read(const struct wf_intent_sources *sources, struct wf_linear_set **out,
                       struct wf_err *err)
{
    struct wf_linear_set *s = NULL;
    int rc = wf_linear__new(&s, err);

    if (rc != 0)
        return rc;
    s->outside_name = wf_arena_cstr(&s->arena, wf_str_from(sources->outside));
    rc = s->outside_name == NULL ? no_memory(err) : wf_intent_sources_read(sources, take, s, err);
    if (rc == 0)
        rc = wf_linear__number_grams(s, err);
    if (rc == 0)
        rc = wf_linear__make_rows(s, err);
    if (rc == 0) {
        wf_linear__scale_rows(s);
        *out = s;
    } else {
        wf_linear_set_free(s);
    }
    return rc;
}

void wf_linear_set_free(struct wf_linear_set *s)
{
    if (s == NULL)
        return;
    void *all[] = {s->texts,    s->feature_of, s->gram_of, s->rarity,  s->seen,
                   s->features, s->values,     s->costs,   s->targets, s->starts};
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++)
        wf_free(all[i]);
    wf_lens_linear_close(s->table);
    wf_linear_deinit(&s->machine);
    wf_buf_deinit(&s->grams);
    wf_buf_deinit(&s->weights);
    wf_arena_deinit(&s->arena);
    wf_free(s);
}

/* ---- what it holds ---- */

size_t wf_linear_set_n_texts(const struct wf_linear_set *s)
{
    return s->n_texts;
}

const struct wf_linear_text *wf_linear_set_text(const struct wf_linear_set *s, size_t i)
{
    assert(i < s->n_texts);
    return &s->texts[i];
}

size_t wf_linear_set_n_labels(const struct wf_linear_set *s)
{
    return s->n_labels;
}

const char *wf_linear_set_label(const struct wf_linear_set *s, size_t i)
{
    assert(i < s->n_labels);
    return s->labels[i];
}

int32_t wf_linear_set_outside(const struct wf_linear_set *s)
{
    for (size_t i = 0; i < s->n_labels; i++) {
        if (strcmp(s->labels[i], s->outside_name) == 0)
            return (int32_t)i;
    }
    return -1;
}

int wf_linear_set_order(struct wf_linear_set *s, const struct wf_str *names, size_t n,
                        struct wf_err *err)
{
    int32_t to[WF_LENS_LINEAR_LABELS_MAX] = {0};
    const char *labels[WF_LENS_LINEAR_LABELS_MAX] = {NULL};

    assert(s->machine.weights == NULL);
    for (size_t i = 0; i < s->n_labels; i++) {
        size_t k = 0;
        while (k < n && !wf_str_eq(names[k], wf_str_from(s->labels[i])))
            k++;
        if (n != s->n_labels || k == n)
            return wf_err_set(err, WF_E_FORMAT, "The labels of the sources are not the head's: %s.",
                              s->labels[i]);
        to[i] = (int32_t)k;
        labels[k] = s->labels[i];
    }
    for (size_t i = 0; i < s->n_texts; i++)
        s->texts[i].label = to[s->texts[i].label];
    for (size_t i = 0; i < s->rows.n; i++)
        s->targets[i] = to[s->targets[i]];
    memcpy(s->labels, labels, n * sizeof(*labels));
    return 0;
}

/* ---- fitting ---- */

int wf_linear_set_fit(struct wf_linear_set *s, double cost, struct wf_err *err)
{
    size_t row = 0;
    int rc = wf_linear_init(&s->machine, s->n_features, s->n_labels, err);

    for (size_t i = 0; i < s->n_texts; i++) {
        if (!s->texts[i].is_dev)
            s->costs[row++] = (float)cost * s->texts[i].weight;
    }
    return rc == 0 ? wf_linear_fit(&s->machine, &s->rows, SEED, err) : rc;
}

int wf_linear_set_prune(struct wf_linear_set *s, size_t n_max, struct wf_err *err)
{
    int rc = wf_linear_prune(&s->machine, &s->rows, n_max, err);

    return rc == 0 ? wf_linear_fit(&s->machine, &s->rows, SEED, err) : rc;
}

void wf_linear_set_shift(struct wf_linear_set *s, size_t label, float by)
{
    assert(label < s->n_labels);
    s->machine.biases[label] -= by; /* which the table's parts borrow */
}

void wf_linear_set_score(const struct wf_linear_set *s, struct wf_str text, float *out)
{
    uint32_t features[WF_LENS_GRAMS_MAX];
    float values[WF_LENS_GRAMS_MAX];

    if (s->table != NULL)
        wf_lens_linear_score(s->table, text, out);
    else
        wf_linear_score(&s->machine, features, values, row_of(s, text, features, values), out);
}

const struct wf_lens_linear_parts *wf_linear_set_parts(const struct wf_linear_set *s)
{
    assert(s->table != NULL);
    return &s->parts;
}
