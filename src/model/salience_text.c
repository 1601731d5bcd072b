/* SPDX-License-Identifier: Apache-2.0 */
/* Words of sentences. How near a sentence is to a question: the question's words in it, rare ones
 * more, and in the sentences around it, fading; of words in the speaker's label half, for all that
 * the speaker says. */
#include "model/salience_text.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "text/sentence.h"
#include "text/word.h"

#define FADE 0.7788f /* per sentence: exp(-1/4) */
#define LABEL_SHARE 0.5f
#define QUESTION_WORDS_MAX 24u

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to look at a text.");
}

static uint32_t hash_of(const struct wf_word *w)
{
    uint64_t h = wf_str_hash(wf_str_n(w->text, w->len), 7);

    return (uint32_t)(h ^ h >> 32);
}

void wf_salience_each_word(struct wf_str s, void (*fn)(void *ud, uint32_t hash), void *ud)
{
    struct wf_words walk;
    struct wf_word word;

    wf_words_init(&walk, s);
    while (wf_words_next(&walk, &word))
        fn(ud, hash_of(&word));
}

/* ---- words ---- */

static uint32_t *slot(const struct wf_salience_text *t, uint32_t hash)
{
    size_t i = (size_t)(hash * 0x9e3779b1u) & t->_mask;

    while (t->_index[i] != 0 && t->words[t->_index[i] - 1].hash != hash)
        i = (i + 1) & t->_mask;
    return &t->_index[i];
}

/* The index is at most half full. */
static int grow_words(struct wf_salience_text *t)
{
    size_t cap = t->_words_cap > 0 ? 2 * t->_words_cap : 512;
    struct wf_salience_word *words = wf_realloc_array(t->words, cap, sizeof(*words));
    uint32_t *index;

    if (words == NULL)
        return WF_E_NOMEM;
    t->words = words;
    index = wf_alloc_array(2 * cap, sizeof(*index));
    if (index == NULL)
        return WF_E_NOMEM;
    wf_free(t->_index);
    t->_index = index;
    t->_mask = 2 * cap - 1;
    t->_words_cap = cap;
    for (size_t i = 0; i < t->n_words; i++)
        *slot(t, t->words[i].hash) = (uint32_t)i + 1;
    return 0;
}

/* Counts a word of sentence i. */
static int add_word(struct wf_salience_text *t, uint32_t hash, size_t i)
{
    uint32_t *at = t->_mask > 0 ? slot(t, hash) : NULL;
    struct wf_salience_word *w;

    if (at == NULL || (*at == 0 && t->n_words == t->_words_cap)) {
        if (grow_words(t) != 0)
            return WF_E_NOMEM;
        at = slot(t, hash);
    }
    if (*at == 0) {
        t->words[t->n_words++] = (struct wf_salience_word){.hash = hash};
        *at = (uint32_t)t->n_words;
    }
    w = &t->words[*at - 1];
    w->n++;
    w->n_sentences += w->last != i + 1;
    w->last = (uint32_t)i + 1;
    if (t->starts[i + 1] == t->_ids_cap) {
        size_t cap = t->_ids_cap > 0 ? 2 * t->_ids_cap : 4096;
        uint32_t *ids = wf_realloc_array(t->ids, cap, sizeof(*ids));
        if (ids == NULL)
            return WF_E_NOMEM;
        t->ids = ids;
        t->_ids_cap = cap;
    }
    assert(t->ids != NULL); /* its room is above 0 */
    t->ids[t->starts[i + 1]++] = *at - 1;
    return 0;
}

/* ---- the question ---- */

struct question {
    uint64_t stems[QUESTION_WORDS_MAX];
    float rarity[QUESTION_WORDS_MAX];
    size_t n;
    uint32_t *hits, *labels; /* [sentences] bits of stems */
};

static void read_question(struct wf_salience_text *t, struct wf_str text, struct question *q)
{
    struct wf_words walk;
    struct wf_word word;

    wf_words_init(&walk, text);
    while (wf_words_next(&walk, &word)) {
        struct wf_str folded = wf_str_n(word.text, word.len);
        uint64_t stem = wf_word_stem(&word);
        const uint32_t *at = slot(t, hash_of(&word));
        size_t i = 0;
        if (*at != 0)
            t->words[*at - 1].is_asked = true;
        while (i < q->n && q->stems[i] != stem)
            i++;
        if (i == q->n && i < QUESTION_WORDS_MAX && !wf_word_is_stop(folded) &&
            !wf_word_is_asking(folded))
            q->stems[q->n++] = stem;
    }
}

static void find_hits(const struct question *q, struct wf_str s, uint32_t *out, uint32_t *out_label)
{
    size_t label = wf_sentence_label(s);
    struct wf_words walk;
    struct wf_word word;

    wf_words_init(&walk, s);
    while (wf_words_next(&walk, &word)) {
        uint64_t stem = wf_word_stem(&word);
        for (size_t k = 0; k < q->n; k++) {
            if (q->stems[k] != stem)
                continue;
            *out |= 1u << k;
            if (word.start < label)
                *out_label |= 1u << k;
        }
    }
}

/* How near each sentence is: out [n]; false: nothing in the text is. */
static bool find_near(const struct wf_salience_text *t, const struct question *q, float *out)
{
    float fade = 0, most = 0;

    for (size_t i = 0; i < t->n; i++) { /* what is before it, and its own twice */
        float own = LABEL_SHARE * (float)__builtin_popcount(q->labels[i]), hit = 0;
        for (size_t k = 0; k < q->n; k++)
            hit += (q->hits[i] >> k & 1) != 0 ? q->rarity[k] : 0;
        fade = fade * FADE + own + hit;
        out[i] = fade + hit;
    }
    fade = 0;
    for (size_t i = t->n; i-- > 0;) { /* and what is behind it */
        float hit = LABEL_SHARE * (float)__builtin_popcount(q->labels[i]);
        out[i] += fade;
        for (size_t k = 0; k < q->n; k++)
            hit += (q->hits[i] >> k & 1) != 0 ? q->rarity[k] : 0;
        fade = (fade + hit) * FADE;
        most = fmaxf(most, out[i]);
    }
    for (size_t i = 0; i < t->n && most > 0; i++)
        out[i] = out[i] / most * (out[i] / most);
    return most > 0;
}

static void count_near(struct wf_salience_text *t, const float *near)
{
    double all = 0;

    for (size_t i = 0; i < t->n; i++) {
        for (uint32_t k = t->starts[i]; k < t->starts[i + 1]; k++)
            t->words[t->ids[k]].near += near[i];
        all += (double)near[i] * (t->starts[i + 1] - t->starts[i]);
    }
    for (size_t i = 0; i < t->n_words && all > 0; i++)
        t->words[i].near *= (float)((double)t->starts[t->n] / all);
}

static int read_about(struct wf_salience_text *t, const struct wf_str *sentences,
                      struct wf_str question, struct wf_err *err)
{
    struct question q = {.n = 0};
    float *near = wf_alloc_array(t->n + 1, sizeof(*near));

    q.hits = wf_alloc_array(t->n + 1, sizeof(*q.hits));
    q.labels = wf_alloc_array(t->n + 1, sizeof(*q.labels));
    if (near != NULL && q.hits != NULL && q.labels != NULL && t->n_words > 0) {
        uint32_t speaker = 0;
        read_question(t, question, &q);
        for (size_t i = 0; i < t->n; i++) {
            uint32_t label = 0;
            find_hits(&q, sentences[i], &q.hits[i], &label);
            speaker = wf_sentence_label(sentences[i]) > 0 ? label : speaker;
            q.labels[i] = speaker;
        }
        for (size_t k = 0; k < q.n; k++) {
            float n = 0.5f;
            for (size_t i = 0; i < t->n; i++)
                n += (float)(q.hits[i] >> k & 1);
            q.rarity[k] = logf(1.0f + (float)t->n / n);
        }
        t->is_about = find_near(t, &q, near);
        if (t->is_about)
            count_near(t, near);
    }
    wf_free(q.hits);
    wf_free(q.labels);
    if (near == NULL || q.hits == NULL || q.labels == NULL) {
        wf_free(near);
        return no_memory(err);
    }
    wf_free(near);
    return 0;
}

/* ---- all of it ---- */

struct adding {
    struct wf_salience_text *t;
    size_t i;
    int rc;
};

static void add(void *ud, uint32_t hash)
{
    struct adding *a = ud;

    if (a->rc == 0)
        a->rc = add_word(a->t, hash, a->i);
}

int wf_salience_text_init(struct wf_salience_text *out, const struct wf_str *sentences, size_t n,
                          struct wf_str question, struct wf_err *err)
{
    struct wf_salience_text t = {.n = n};
    int rc = 0;

    t.starts = wf_alloc_array(n + 1, sizeof(*t.starts));
    if (t.starts == NULL)
        return no_memory(err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct adding a = {&t, i, 0};
        t.starts[i + 1] = t.starts[i];
        wf_salience_each_word(sentences[i], add, &a);
        rc = a.rc == 0 ? 0 : no_memory(err);
    }
    if (rc == 0 && question.len > 0)
        rc = read_about(&t, sentences, question, err);
    if (rc == 0)
        *out = t;
    else
        wf_salience_text_deinit(&t);
    return rc;
}

void wf_salience_text_deinit(struct wf_salience_text *t)
{
    wf_free(t->ids);
    wf_free(t->starts);
    wf_free(t->words);
    wf_free(t->_index);
    *t = (struct wf_salience_text){.n = 0};
}

size_t wf_salience_text_find(const struct wf_salience_text *t, uint32_t hash)
{
    uint32_t at = t->n_words > 0 ? *slot(t, hash) : 0;

    return at > 0 ? at - 1 : t->n_words;
}

void wf_salience_features(const struct wf_salience_text *t, size_t i_word, float *out)
{
    const struct wf_salience_word *w = &t->words[i_word];
    float n = t->is_about ? w->near + 0.02f : (float)w->n;
    float rate = logf(n / (float)t->starts[t->n] * 1000.0f + 0.02f);

    out[0] = 1.0f;
    out[1] = rate;
    out[2] = rate * rate / 10.0f;
    out[3] = logf((float)w->n / (float)w->n_sentences);
    out[4] = w->n == 1 ? 1.0f : 0.0f;
    out[5] = w->is_asked ? 1.0f : 0.0f;
    out[6] = t->is_about ? logf((w->near + 0.05f) / ((float)w->n + 0.05f)) : 0.0f;
    out[7] = logf((float)t->n / (float)w->n_sentences + 1.0f) / 5.0f;
}
