/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a lens, and what it can do. The encoder and the vocabulary are opened as those of any
 * model; lens_heads.c reads the rest. */
#include "model/lens.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/lens_internal.h"

/* Tokens of a window where the file does not say: most texts are shorter, and attention costs grow
 * with the square. */
#define WINDOW_DEFAULT 256u
/* The least a window can be: a question, its marks, and some text. */
#define WINDOW_MIN 16u
/* A weight beyond is a mistake. */
#define WEIGHT_MAX 100.0
#define SET_DEFAULT "weft"
#define ARENA_BYTES_MAX ((size_t)64 << 20)

static const char *const task_names[WF_LENS_N_TASKS] = {
    "embed", "spans", "entities", "salience", "intent", "language", "sensitivity",
};

const char *wf_lens_task_name(unsigned task)
{
    for (unsigned i = 0; i < WF_LENS_N_TASKS; i++) {
        if (task == 1u << i)
            return task_names[i];
    }
    return NULL;
}

unsigned wf_lens_task_by_name(struct wf_str name)
{
    for (unsigned i = 0; i < WF_LENS_N_TASKS; i++) {
        if (wf_str_eq(name, wf_str_from(task_names[i])))
            return 1u << i;
    }
    return 0;
}

static int find_control(struct wf_lens *l, const char *name, int32_t *out, struct wf_err *err)
{
    *out = wf_vocab_find(l->vocab, wf_str_from(name));
    if (*out == WF_TOKEN_NONE || wf_vocab_kind(l->vocab, *out) != WF_TOKEN_CONTROL ||
        (uint32_t)*out >= wf_model_params(l->model)->n_vocab)
        return wf_err_set(err, WF_E_FORMAT, "The lens file cannot be used: it has no token %s.",
                          name);
    return 0;
}

static int read_rest(struct wf_lens *l, struct wf_err *err)
{
    const struct wf_params *p = wf_model_params(l->model);
    uint64_t window = p->n_context < WINDOW_DEFAULT ? p->n_context : WINDOW_DEFAULT;
    int rc = 0;

    l->dim = p->dim;
    (void)wf_gguf_u64(l->gguf, "lens.window", &window); /* absent: as it is */
    if (window < WINDOW_MIN || window > p->n_context || window > WF_LIMIT_LENS_WINDOW)
        return wf_err_set(err, WF_E_FORMAT,
                          "The lens file cannot be used: a window of %llu tokens is impossible.",
                          (unsigned long long)window);
    l->window = (size_t)window;
    if (wf_vocab_size(l->vocab) > p->n_vocab)
        return wf_err_set(err, WF_E_FORMAT,
                          "The lens file cannot be used: its vocabulary is larger than its table "
                          "of embeddings.");
    rc = find_control(l, "<s>", &l->begin, err);
    if (rc == 0)
        rc = find_control(l, "</s>", &l->end, err);
    if (rc == 0)
        rc = find_control(l, "<q>", &l->question, err);
    if (rc == 0)
        rc = find_control(l, "<p>", &l->passage, err);
    if (rc == 0 && wf_lens_language_is_in(l->gguf))
        rc = wf_lens_language_open(l->gguf, &l->language, err);
    if (rc == 0 && wf_salience_is_in(l->gguf))
        rc = wf_salience_open(l->gguf, &l->judge, err);
    if (rc == 0)
        rc = wf_lens_static_open(l->gguf, wf_vocab_size(l->vocab), &l->static_vectors, err);
    if (rc == 0)
        rc = wf_lens__read_heads(l, err);
    if (rc == 0)
        wf_gguf_rest(l->gguf); /* tables have been unpacked */
    return rc;
}

static int open_parts(struct wf_lens *l, struct wf_gguf *g, struct wf_err *err)
{
    struct wf_str family = {NULL, 0};
    int rc;

    if (!wf_gguf_string(g, "general.architecture", &family) || !wf_str_eq(family, WF_STR("lens"))) {
        rc =
            wf_err_set(err, WF_E_UNSUPPORTED, "The file holds a model of another family, no lens.");
        wf_gguf_close(g);
        return rc;
    }
    rc = wf_model_open_gguf(g, &l->model, err);
    if (rc != 0) {
        wf_gguf_close(g);
        return rc;
    }
    l->gguf = g;
    rc = wf_vocab_open(g, &l->vocab, err);
    return rc == 0 ? read_rest(l, err) : rc;
}

int wf_lens_open_gguf(struct wf_gguf *g, struct wf_lens **out, struct wf_err *err)
{
    struct wf_lens *l = wf_alloc_array(1, sizeof(*l));
    int rc;

    if (l == NULL) {
        wf_gguf_close(g);
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for lens.");
    }
    wf_arena_init(&l->arena, 0, ARENA_BYTES_MAX);
    rc = open_parts(l, g, err);
    if (rc != 0) {
        wf_lens_close(l);
        return rc;
    }
    *out = l;
    return 0;
}

int wf_lens_open(const char *path, struct wf_lens **out, struct wf_err *err)
{
    struct wf_gguf *g = NULL;
    int rc = wf_gguf_open(path, &g, err);

    return rc == 0 ? wf_lens_open_gguf(g, out, err) : rc;
}

void wf_lens_close(struct wf_lens *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->n_sets; i++)
        wf_lens_linear_close(l->sets[i].linear);
    wf_lens_language_close(l->language);
    wf_lens_words_close(l->words);
    wf_lens_static_close(l->static_vectors);
    wf_salience_close(l->judge);
    wf_lens_linear_close(l->sensitivity_linear);
    wf_arena_deinit(&l->arena);
    wf_vocab_close(l->vocab);
    wf_model_close(l->model);
    wf_free(l);
}

const struct wf_model *wf_lens_model(const struct wf_lens *l)
{
    return l->model;
}

const struct wf_vocab *wf_lens_vocab(const struct wf_lens *l)
{
    return l->vocab;
}

size_t wf_lens_window(const struct wf_lens *l)
{
    return l->window;
}

/* A weight of the file; 0 where it is absent or none. */
static float weight_of(const struct wf_lens *l, const char *key)
{
    double weight = 0;

    if (l->span.weight == NULL || l->sentence.weight == NULL || !wf_gguf_f64(l->gguf, key, &weight))
        return 0.0f;
    return weight > 0 && weight < WEIGHT_MAX ? (float)weight : 0.0f;
}

float wf_lens_rerank(const struct wf_lens *l)
{
    return weight_of(l, "lens.span.rerank");
}

float wf_lens_refuse(const struct wf_lens *l)
{
    return weight_of(l, "lens.span.refuse");
}

const struct wf_salience *wf_lens_judge(const struct wf_lens *l)
{
    return l->judge;
}

bool wf_lens_has_sensitivity_head(const struct wf_lens *l)
{
    return l->sensitivity.weight != NULL;
}

bool wf_lens_scores_sentences(const struct wf_lens *l)
{
    return l->salience.weight != NULL;
}

const float *wf_lens_marks_rows(const struct wf_lens *l)
{
    return l->match;
}

/* What entries of the file, beside tensors, embeddings depend on. */
static uint64_t mix_entries(const struct wf_lens *l, uint64_t sum)
{
    const struct wf_gguf_value *codes = wf_gguf_value(l->gguf, "lens.embedding.static.codes");
    struct {
        uint64_t width;
        double share;
    } of = {0}; /* both were read before */

    if (codes == NULL)
        return sum;
    (void)wf_gguf_u64(l->gguf, "lens.embedding.static.width", &of.width);
    (void)wf_gguf_f64(l->gguf, "lens.embedding.static.share", &of.share);
    sum = wf_str_hash(wf_str_n((const char *)&of, sizeof(of)), sum);
    return wf_str_hash(wf_gguf_item_bytes(codes), sum);
}

uint64_t wf_lens_fingerprint(const struct wf_lens *l)
{
    uint64_t sum = mix_entries(l, l->window);

    for (size_t i = 0; i < wf_gguf_n_tensors(l->gguf); i++) {
        const struct wf_gguf_tensor *t = wf_gguf_tensor_at(l->gguf, i);

        if (wf_str_starts(t->name, WF_STR("lens.")) &&
            !wf_str_starts(t->name, WF_STR("lens.embedding.")))
            continue; /* another task's */
        sum = wf_str_hash(t->name, sum);
        sum = wf_str_hash(wf_str_n((const char *)t->data, (size_t)t->bytes), sum);
    }
    return sum;
}

const struct wf_lens_set *wf_lens__set(const struct wf_lens *l, const char *name)
{
    for (size_t i = 0; i < l->n_sets; i++) {
        if (strcmp(l->sets[i].name, name != NULL ? name : SET_DEFAULT) == 0)
            return &l->sets[i];
    }
    return NULL;
}

const char *wf_lens_set_at(const struct wf_lens *l, size_t i)
{
    return i < l->n_sets ? l->sets[i].name : NULL;
}

bool wf_lens_has_intent_head(const struct wf_lens *l, const char *set)
{
    const struct wf_lens_set *s = wf_lens__set(l, set);

    return s != NULL && s->intent.weight != NULL;
}

/* The head that has a task's labels; NULL: absent, or there are none. */
static const struct wf_lens_head *labelled(const struct wf_lens *l, unsigned task, const char *set)
{
    const struct wf_lens_set *s = wf_lens__set(l, set);

    if (task == WF_LENS_SENSITIVITY && l->sensitivity.n > 0)
        return &l->sensitivity;
    return task == WF_LENS_INTENT && s != NULL ? &s->intent : NULL;
}

size_t wf_lens_n_labels(const struct wf_lens *l, unsigned task, const char *set)
{
    const struct wf_lens_head *h = labelled(l, task, set);

    if (task == WF_LENS_ENTITIES)
        return l->entities != NULL ? l->entities->n_types : 0;
    if (task == WF_LENS_LANGUAGE)
        return l->language != NULL ? wf_lens_language_n(l->language) : 0;
    return h != NULL ? h->n : 0;
}

struct wf_str wf_lens_label(const struct wf_lens *l, unsigned task, const char *set, size_t i)
{
    if (i >= wf_lens_n_labels(l, task, set))
        return WF_STR("");
    if (task == WF_LENS_LANGUAGE)
        return wf_lens_language_label(l->language, i);
    return task == WF_LENS_ENTITIES ? l->entities->types[i] : labelled(l, task, set)->labels[i];
}

static bool has_task(const struct wf_lens *l, unsigned task, const char *set)
{
    switch (task) {
    case WF_LENS_EMBED:
        return l->embedding.weight != NULL;
    case WF_LENS_SPANS:
        return l->span.weight != NULL;
    case WF_LENS_ENTITIES:
        return l->entities != NULL;
    case WF_LENS_SALIENCE:
        return l->salience.weight != NULL || l->judge != NULL;
    case WF_LENS_INTENT:
        return wf_lens__set(l, set) != NULL;
    case WF_LENS_LANGUAGE:
        return l->language != NULL;
    case WF_LENS_SENSITIVITY:
        return l->sensitivity.n > 0;
    default:
        return false;
    }
}

int wf_lens_can(const struct wf_lens *l, const struct wf_lens_ask *ask, struct wf_err *err)
{
    const char *set = ask->set != NULL ? ask->set : SET_DEFAULT;

    for (unsigned i = 0; i < WF_LENS_N_TASKS; i++) {
        if ((ask->tasks >> i & 1) == 0 || has_task(l, 1u << i, set))
            continue;
        if (1u << i == WF_LENS_INTENT)
            return wf_err_set(err, WF_E_UNSUPPORTED, "This lens has no intents of the set '%.40s'.",
                              set);
        return wf_err_set(err, WF_E_UNSUPPORTED, "This lens has no head for %s.", task_names[i]);
    }
    return 0;
}
