/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the heads of a lens file: their tensors, checked against the encoder's width and their
 * lists of labels, unpacked to float32 once (together they are under a megabyte). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "model/lens_answer.h"
#include "model/lens_internal.h"
#include "model/lens_match.h"
#include "text/utf8.h"

#define NAME_BYTES 96
#define SET_NAME_MAX 32
#define ANSWER_WEIGHT_MAX 1e6f

struct reader {
    struct wf_lens *l;
    struct wf_err *err;
};

static int refuse(const struct reader *r, const char *name, const char *what)
{
    return wf_err_set(r->err, WF_E_FORMAT, "The lens file cannot be used: %.80s %s.", name, what);
}

static int no_memory(const struct reader *r)
{
    return wf_err_set(r->err, WF_E_NOMEM, "Not enough memory for the heads of lens.");
}

/* A tensor of n_rows rows of n values as float32; *out stays NULL when it is absent. */
static int read_floats(const struct reader *r, const char *name, uint64_t n, uint64_t n_rows,
                       const float **out)
{
    const struct wf_gguf_tensor *t = wf_gguf_tensor(r->l->gguf, name);
    float *copy;

    if (t == NULL)
        return 0;
    if (t->dims[0] != n || t->dims[1] != n_rows || t->dims[2] != 1 || t->dims[3] != 1)
        return refuse(r, name, "has a wrong shape");
    if (t->type == WF_DTYPE_F32 && (uintptr_t)t->data % sizeof(float) == 0) {
        *out = t->data;
        return 0;
    }
    copy = wf_arena_array(&r->l->arena, (size_t)(n * n_rows), sizeof(*copy));
    if (copy == NULL)
        return no_memory(r);
    wf_dtype_by_id(t->type)->unpack(t->data, copy, (size_t)(n * n_rows));
    *out = copy;
    return 0;
}

static bool is_name(struct wf_str s)
{
    return s.len > 0 && s.len <= WF_LIMIT_LENS_LABEL_BYTES && wf_utf8_valid_prefix(s) == s.len &&
           memchr(s.ptr, 0, s.len) == NULL;
}

static int read_labels(const struct reader *r, const char *key, struct wf_lens_head *h)
{
    const struct wf_gguf_value *v = wf_gguf_value(r->l->gguf, key);

    if (v == NULL || v->kind != WF_GGUF_ARRAY || v->item_kind != WF_GGUF_STRING ||
        v->n_items != h->n)
        return refuse(r, key, "is no list of as many names as the head has rows");
    h->labels = wf_arena_array(&r->l->arena, h->n, sizeof(*h->labels));
    if (h->labels == NULL)
        return no_memory(r);
    for (size_t i = 0; i < h->n; i++) {
        if (!wf_gguf_item_string(v, i, &h->labels[i]) || !is_name(h->labels[i]))
            return refuse(r, key, "has a name that is empty, too long or no text");
    }
    return 0;
}

/* n_rows 0: as many as there are, with labels. */
static int read_head(const struct reader *r, const char *name, size_t n_rows, bool pools_mean,
                     struct wf_lens_head *out)
{
    char full[NAME_BYTES];
    struct wf_lens_head h = {.n = n_rows, .pools_mean = pools_mean};
    const struct wf_gguf_tensor *t;
    struct wf_str pool;
    float *zeros;
    int rc;

    (void)snprintf(full, sizeof(full), "lens.%s.weight", name);
    t = wf_gguf_tensor(r->l->gguf, full);
    if (t == NULL)
        return 0;
    if (n_rows == 0 && (t->dims[1] == 0 || t->dims[1] > WF_LIMIT_MODEL_CLASSES))
        return refuse(r, full, "has too many rows");
    h.n = n_rows > 0 ? n_rows : (size_t)t->dims[1];
    rc = read_floats(r, full, r->l->dim, h.n, &h.weight);
    (void)snprintf(full, sizeof(full), "lens.%s.bias", name);
    if (rc == 0)
        rc = read_floats(r, full, h.n, 1, &h.bias);
    if (rc == 0 && h.bias == NULL) {
        h.bias = zeros = wf_arena_array(&r->l->arena, h.n, sizeof(*zeros));
        rc = zeros == NULL ? no_memory(r) : 0;
    }
    (void)snprintf(full, sizeof(full), "lens.%s.labels", name);
    if (rc == 0 && n_rows == 0)
        rc = read_labels(r, full, &h);
    (void)snprintf(full, sizeof(full), "lens.%s.pool", name);
    if (rc == 0 && wf_gguf_string(r->l->gguf, full, &pool)) {
        h.pools_mean = wf_str_eq(pool, WF_STR("mean"));
        if (!h.pools_mean && !wf_str_eq(pool, WF_STR("first")))
            rc = refuse(r, full, "is neither mean nor first");
    }
    if (rc == 0)
        *out = h;
    return rc;
}

/* ---- tags ---- */

static int place_of(struct wf_str label)
{
    static const char letters[] = "BILUES"; /* E and S: other names of L and U */
    static const uint8_t places[] = {WF_LENS_B, WF_LENS_I, WF_LENS_L,
                                     WF_LENS_U, WF_LENS_L, WF_LENS_U};
    const char *at;

    if (wf_str_eq(label, WF_STR("O")))
        return WF_LENS_O;
    at = label.len > 2 && label.ptr[1] == '-' && label.ptr[0] != 0 ? strchr(letters, label.ptr[0])
                                                                   : NULL;
    return at != NULL ? places[at - letters] : -1;
}

static size_t type_of(struct wf_lens_tags *t, struct wf_str label)
{
    struct wf_str type = wf_str_sub(label, 2, label.len);
    size_t i = 0;

    while (i < t->n_types && !wf_str_eq(t->types[i], type))
        i++;
    if (i == t->n_types)
        t->types[t->n_types++] = type;
    return i;
}

static bool is_open(uint8_t place)
{
    return place == WF_LENS_B || place == WF_LENS_I;
}

/* Whether tag b may stand behind tag a. */
static bool may_follow(const struct wf_lens_tags *t, size_t a, size_t b)
{
    bool goes_on = t->place[b] == WF_LENS_I || t->place[b] == WF_LENS_L;

    if (goes_on)
        return is_open(t->place[a]) && t->type[a] == t->type[b];
    return !(t->has_last && is_open(t->place[a]));
}

/* The moves of both judges, each times its share. */
static int make_moves(const struct reader *r, const char *name, struct wf_lens_tags *t)
{
    size_t n = t->head.n;
    char full[NAME_BYTES];
    float share = t->words == NULL         ? 0.0f
                  : t->head.weight == NULL ? 1.0f
                                           : wf_lens_words_share(t->words);
    const float *words = t->words != NULL ? wf_lens_words_transitions(t->words) : NULL;
    float *moves = wf_arena_array(&r->l->arena, n * n, sizeof(*moves));
    int rc;

    if (moves == NULL)
        return no_memory(r);
    (void)snprintf(full, sizeof(full), "lens.%s.transitions", name);
    rc = read_floats(r, full, n, n, &t->learned);
    for (size_t i = 0; i < n * n && rc == 0; i++) {
        moves[i] = !may_follow(t, i / n, i % n) ? -INFINITY : 0.0f;
        if (t->learned != NULL && isfinite(t->learned[i]))
            moves[i] += (1.0f - share) * t->learned[i];
        if (words != NULL)
            moves[i] += share * words[i];
    }
    t->moves = moves;
    return rc;
}

/* The table of words beside the encoder's tags of the same labels, or alone. */
static int read_words(const struct reader *r, struct wf_lens_tags *t)
{
    static const char *const key = "lens.entity.words.labels";
    struct wf_lens_head labels = {.n = t->head.n};
    const struct wf_gguf_value *v = wf_gguf_value(r->l->gguf, key);
    int rc;

    if (v == NULL || v->n_items == 0 || v->n_items > WF_LENS_WORDS_TAGS_MAX)
        return refuse(r, key, "are none, or too many");
    if (t->head.weight == NULL)
        labels.n = v->n_items;
    rc = read_labels(r, key, &labels);
    for (size_t i = 0; i < labels.n && rc == 0 && t->head.weight != NULL; i++) {
        if (!wf_str_eq(labels.labels[i], t->head.labels[i]))
            rc = refuse(r, key, "are not those of the encoder");
    }
    if (rc == 0)
        rc = wf_lens_words_open(r->l->gguf, labels.n, &r->l->words, r->err);
    if (rc != 0)
        return rc;
    t->head.n = labels.n;
    t->head.labels = labels.labels;
    t->words = r->l->words;
    return 0;
}

/* Places and types of tags, by their labels. */
static int name_tags(const struct reader *r, const char *name, struct wf_lens_tags *t)
{
    bool has_outside = false;

    if (t->head.n > WF_LENS_TAGS_MAX)
        return refuse(r, name, "has too many tags");
    for (size_t i = 0; i < t->head.n; i++) {
        int place = place_of(t->head.labels[i]);
        if (place < 0)
            return refuse(r, name, "has tags that are neither BIO nor BILOU");
        t->place[i] = (uint8_t)place;
        t->has_last = t->has_last || place == WF_LENS_L || place == WF_LENS_U;
        has_outside = has_outside || place == WF_LENS_O;
        if (place != WF_LENS_O)
            t->type[i] = (uint8_t)type_of(t, t->head.labels[i]);
    }
    return has_outside ? 0 : refuse(r, name, "has no tag O");
}

static int read_tags(const struct reader *r, const char *name, bool has_words,
                     struct wf_lens_tags **out)
{
    struct wf_lens_tags *t = wf_arena_array(&r->l->arena, 1, sizeof(*t));
    int rc;

    if (t == NULL)
        return no_memory(r);
    rc = read_head(r, name, 0, false, &t->head);
    if (rc == 0 && has_words)
        rc = read_words(r, t);
    if (rc != 0 || (t->head.weight == NULL && t->words == NULL))
        return rc;
    rc = name_tags(r, name, t);
    if (rc == 0)
        rc = make_moves(r, name, t);
    if (rc == 0)
        *out = t;
    return rc;
}

/* ---- intents ---- */

/* What only a linear judge knows ("intent.SET") has its labels all the same. */
static int read_labels_alone(const struct reader *r, const char *of, struct wf_lens_head *out)
{
    char full[NAME_BYTES];
    const struct wf_gguf_value *v;

    (void)snprintf(full, sizeof(full), "lens.%.48s.labels", of);
    v = wf_gguf_value(r->l->gguf, full);
    if (v == NULL || v->n_items == 0 || v->n_items > WF_LIMIT_MODEL_CLASSES)
        return refuse(r, full, "are no labels, or too many");
    out->n = v->n_items;
    return read_labels(r, full, out);
}

static double number_of(const struct reader *r, const char *set, const char *what, double fallback)
{
    char full[NAME_BYTES];

    (void)snprintf(full, sizeof(full), "lens.intent.%s.%s", set, what);
    (void)wf_gguf_f64(r->l->gguf, full, &fallback);
    return fallback;
}

static int read_judges(const struct reader *r, struct wf_lens_set *s)
{
    char full[NAME_BYTES];
    int rc;

    (void)snprintf(full, sizeof(full), "intent.%s", s->name);
    rc = read_head(r, full, 0, false, &s->intent);
    if (rc == 0 && s->intent.weight == NULL)
        rc = read_labels_alone(r, full, &s->intent);
    if (rc == 0)
        rc = wf_lens_linear_open(r->l->gguf, full, s->intent.n, &s->linear, r->err);
    if (rc != 0)
        return rc;
    s->linear_scale = (float)number_of(r, s->name, "linear.scale", 1);
    s->encoder_scale = (float)number_of(r, s->name, "encoder.scale", 1);
    if (!(fabsf(s->linear_scale) < 1e6f && fabsf(s->encoder_scale) < 1e6f))
        return refuse(r, s->name, "has a scale out of range");
    return 0;
}

static int read_set(const struct reader *r, struct wf_str name)
{
    struct wf_lens_set *s = &r->l->sets[r->l->n_sets];
    struct wf_str outside = WF_STR("oos");
    char full[NAME_BYTES];
    int rc;

    s->name = wf_arena_cstr(&r->l->arena, name);
    if (s->name == NULL)
        return no_memory(r);
    r->l->n_sets++; /* from now on it is closed with the lens */
    rc = read_judges(r, s);
    (void)snprintf(full, sizeof(full), "slot.%s", s->name);
    if (rc == 0)
        rc = read_tags(r, full, false, &s->slots);
    if (rc != 0)
        return rc;
    s->threshold = (float)number_of(r, s->name, "threshold", 0); /* 0: everything is in scope */
    (void)snprintf(full, sizeof(full), "lens.intent.%s.outside", s->name);
    (void)wf_gguf_string(r->l->gguf, full, &outside); /* absent: as it is */
    s->outside = SIZE_MAX;
    for (size_t i = 0; i < s->intent.n; i++) {
        if (wf_str_eq(s->intent.labels[i], outside))
            s->outside = i;
    }
    return 0;
}

static int add_set(const struct reader *r, struct wf_str name)
{
    if (name.len > 0 && memchr(name.ptr, '.', name.len) != NULL)
        return 0; /* something else that belongs to a set */
    if (name.len > SET_NAME_MAX || !is_name(name))
        return refuse(r, "the name of a set of intents", "is too long, or no text");
    for (size_t i = 0; i < r->l->n_sets; i++) {
        if (wf_str_eq(name, wf_str_from(r->l->sets[i].name)))
            return 0;
    }
    if (r->l->n_sets == WF_LENS_SETS_MAX)
        return wf_err_set(r->err, WF_E_LIMIT, "The lens file has more than %d sets of intents.",
                          WF_LENS_SETS_MAX);
    return read_set(r, name);
}

/* Every tensor lens.intent.SET.weight, or .linear.biases, is a set. */
static int read_sets(const struct reader *r)
{
    const struct wf_str begin = WF_STR("lens.intent.");
    const struct wf_str ends[] = {WF_STR(".weight"), WF_STR(".linear.biases")};
    int rc = 0;

    for (size_t i = 0; i < wf_gguf_n_tensors(r->l->gguf) * WF_ARRAY_LEN(ends) && rc == 0; i++) {
        struct wf_str name = wf_gguf_tensor_at(r->l->gguf, i / WF_ARRAY_LEN(ends))->name;
        struct wf_str end = ends[i % WF_ARRAY_LEN(ends)];
        if (wf_str_starts(name, begin) && wf_str_ends(name, end) && name.len > begin.len + end.len)
            rc = add_set(r, wf_str_sub(name, begin.len, name.len - end.len));
    }
    return rc;
}

static int read_thresholds(const struct reader *r)
{
    struct wf_lens *l = r->l;
    float *halves;
    int rc = read_floats(r, "lens.sensitivity.thresholds", l->sensitivity.n, 1, &l->thresholds);

    if (rc != 0 || l->thresholds != NULL)
        return rc;
    l->thresholds = halves = wf_arena_array(&l->arena, l->sensitivity.n, sizeof(*halves));
    if (halves == NULL)
        return no_memory(r);
    for (size_t i = 0; i < l->sensitivity.n; i++)
        halves[i] = 0.5f;
    return 0;
}

/* What encoder and linear judge count, and each label by itself. */
static int read_mix(const struct reader *r)
{
    static const char *const name = "lens.sensitivity.mix";
    struct wf_lens *l = r->l;
    int rc = read_floats(r, name, l->sensitivity.n + 2, 1, &l->sensitivity_mix);

    if (rc == 0 && l->sensitivity_mix == NULL)
        return refuse(r, name, "is missing");
    for (size_t i = 0; i < l->sensitivity.n + 2 && rc == 0; i++) {
        if (!(fabsf(l->sensitivity_mix[i]) < 1e6f))
            rc = refuse(r, name, "is out of range");
    }
    return rc;
}

static int read_sensitivity(const struct reader *r)
{
    struct wf_lens *l = r->l;
    int rc = 0;

    if (l->sensitivity.weight == NULL) {
        if (wf_gguf_tensor(l->gguf, "lens.sensitivity.linear.biases") == NULL)
            return 0;
        rc = read_labels_alone(r, "sensitivity", &l->sensitivity);
    }
    if (rc == 0)
        rc = read_thresholds(r);
    if (rc == 0)
        rc = wf_lens_linear_open(l->gguf, "sensitivity", l->sensitivity.n, &l->sensitivity_linear,
                                 r->err);
    return rc == 0 && l->sensitivity_linear != NULL ? read_mix(r) : rc;
}

/* What marks of questions and texts add to tokens: learned with the marks of one edition. */
static int read_match(const struct reader *r)
{
    static const char *const name = "lens.span.match";
    uint64_t edition = 0;
    int rc = read_floats(r, name, r->l->dim, WF_LENS_MATCH_BITS, &r->l->match);

    if (rc != 0 || r->l->match == NULL)
        return rc;
    if (!wf_gguf_u64(r->l->gguf, "lens.span.match.edition", &edition) ||
        edition != WF_LENS_MATCH_EDITION)
        return refuse(r, name, "is of another edition");
    return 0;
}

/* Numbers that sums of features stay finite with. */
static bool are_sane(const float *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!(fabsf(w[i]) <= ANSWER_WEIGHT_MAX))
            return false;
    }
    return true;
}

/* Weights of evidence; of another edition they say nothing, and the heads choose alone. */
static int read_answer(const struct reader *r)
{
    static const char *const name = "lens.answer.sentence";
    struct wf_lens *l = r->l;
    uint64_t edition = 0;
    int rc;

    if (!wf_gguf_u64(l->gguf, "lens.answer.edition", &edition) || edition != WF_LENS_ANSWER_EDITION)
        return 0;
    rc = read_floats(r, name, WF_LENS_ANSWER_S_COUNT, 1, &l->answer_sentence);
    if (rc != 0)
        return rc;
    rc = read_floats(r, "lens.answer.none", WF_LENS_ANSWER_N_COUNT, 1, &l->answer_none);
    if (rc == 0)
        rc = read_floats(r, "lens.answer.clues", WF_LENS_CLUE_COUNT, 1, &l->answer_clues);
    if (rc == 0 &&
        (l->answer_sentence == NULL || l->answer_none == NULL || l->answer_clues == NULL))
        rc = refuse(r, name, "or another of its weights is absent");
    if (rc == 0 && !(are_sane(l->answer_clues, WF_LENS_CLUE_COUNT) &&
                     are_sane(l->answer_sentence, WF_LENS_ANSWER_S_COUNT) &&
                     are_sane(l->answer_none, WF_LENS_ANSWER_N_COUNT)))
        rc = refuse(r, name, "has a weight that is none");
    return rc;
}

int wf_lens__read_heads(struct wf_lens *l, struct wf_err *err)
{
    const struct {
        const char *name;
        size_t n_rows;
        bool pools_mean;
        struct wf_lens_head *out;
    } rows[] = {
        {"embedding", WF_LENS_DIMS, true, &l->embedding},
        {"sensitivity", 0, false, &l->sensitivity},
        {"salience", 1, false, &l->salience},
        {"span", 2, false, &l->span},
        {"sentence", 1, false, &l->sentence},
        {"none", 1, false, &l->none},
    };
    const struct reader r = {l, err};
    int rc = 0;

    for (size_t i = 0; i < WF_ARRAY_LEN(rows) && rc == 0; i++)
        rc = read_head(&r, rows[i].name, rows[i].n_rows, rows[i].pools_mean, rows[i].out);
    if (rc == 0)
        rc = read_match(&r);
    if (rc == 0)
        rc = read_answer(&r);
    if (rc == 0)
        rc = read_sensitivity(&r);
    if (rc == 0)
        rc = read_tags(&r, "entity", wf_lens_words_is_in(l->gguf), &l->entities);
    if (rc == 0)
        rc = read_sets(&r);
    (void)wf_gguf_bool(l->gguf, "lens.embedding.marks", &l->marks_embedding); /* absent: false */
    return rc;
}

void wf_lens__apply(const struct wf_lens *l, const struct wf_lens_head *head, const float *hidden,
                    float *out)
{
    wf_kern()->matmul(wf_dtype_by_id(WF_DTYPE_F32), WF_ACT_F32, head->weight, head->n, l->dim,
                      hidden, 1, out, head->n);
    for (size_t i = 0; i < head->n; i++)
        out[i] += head->bias[i];
}

float wf_lens__share(float x)
{
    return x == x ? 1.0f / (1.0f + expf(-x)) : 0.0f;
}
