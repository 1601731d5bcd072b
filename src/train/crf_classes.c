/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of words: texts become one stream of words' numbers; a word's description is how much
 * oftener than by chance each of the most frequent words stands beside it (positive pointwise
 * mutual information, Bullinaria and Levy 2007). */
#include "train/crf_classes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "model/pretokenizer.h"
#include "text/utf8.h"
#include "train/corpus.h"

#define CONTEXTS 500u /* words on one side that describe */
#define SIDES (2 * CONTEXTS)
#define CLASSES 127u
#define ROUNDS 8
#define SEEN_MIN 6u
#define KINDS_MAX ((size_t)1 << 22) /* of words */
#define NONE UINT32_MAX
/* Of a word in the stream, above its number; 0 is the end of a text. */
#define IS_CAPITAL (1u << WF_LENS_WORD_BITS)
#define IS_INSIDE (2u << WF_LENS_WORD_BITS) /* behind a word in small letters */
#define NUMBER(w) ((w) & (IS_CAPITAL - 1))

struct kind {
    uint32_t number, n, n_inside, n_capital;
    uint32_t id; /* by how often it is there; NONE: too rare */
};

struct wf_crf_classes {
    uint32_t *words;
    uint16_t *of;
    size_t n;
};

struct maker {
    uint32_t *stream;
    size_t n, cap, most;
    bool was_small;     /* the word before, of the same text */
    struct kind *kinds; /* open addressing; number 0 is free; [mask + 1] */
    size_t mask, n_kinds;
    struct kind *best; /* [n_best] the most frequent first */
    size_t n_best;
    uint16_t *counts; /* [n_best, SIDES] */
    float *norms;     /* [n_best] */
    float *centres;   /* [SIDES, CLASSES + 1] */
    uint8_t *class;   /* [n_best] */
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for classes of words.");
}

/* ---- the stream ---- */

static int push(struct maker *m, uint32_t word)
{
    if (m->n == m->cap) {
        size_t cap = m->cap > 0 ? 2 * m->cap : 1u << 16;
        uint32_t *p = wf_realloc_array(m->stream, cap, sizeof(*p));
        if (p == NULL)
            return WF_E_NOMEM;
        m->stream = p;
        m->cap = cap;
    }
    m->stream[m->n++] = word;
    return 0;
}

static bool is_white(char c)
{
    return (unsigned char)c <= ' ';
}

static int take_piece(void *ud, struct wf_str piece)
{
    struct maker *m = ud;
    uint32_t word, cp;
    size_t i = 0;

    while (i + 1 < piece.len && is_white(piece.ptr[i]))
        i++;
    piece = wf_str_sub(piece, i, piece.len);
    i = 0;
    word = wf_lens_word_number(piece);
    do /* signs before letters are cut with them */
        cp = i < piece.len ? wf_utf8_next(piece, &i) : 0;
    while (i < piece.len && cp < 0x80 && wf_lens_words_case(cp) == 0);
    word |= wf_lens_words_case(cp) > 0 ? IS_CAPITAL : 0;
    word |= m->was_small ? IS_INSIDE : 0;
    m->was_small = wf_lens_words_case(cp) < 0;
    return push(m, word);
}

static int take_text(void *ud, const struct wf_corpus_text *x, struct wf_err *err)
{
    struct maker *m = ud;
    int rc = 0;

    if (x->is_dev || m->n >= m->most)
        return 0;
    m->was_small = false;
    rc = wf_pretokenizer_cut(wf_pretokenizer_by_name(WF_STR("qwen2")), x->text, take_piece, m);
    if (rc == 0)
        rc = push(m, 0);
    return rc == 0 ? 0 : no_memory(err);
}

static int read_list(struct maker *m, const char *list, struct wf_err *err)
{
    struct wf_corpus *c = NULL;
    int rc = wf_corpus_open(list, &c, err);

    for (size_t i = 0; rc == 0 && i < wf_corpus_n_sources(c); i++)
        rc = wf_corpus_read(wf_corpus_source(c, i), take_text, m, err);
    wf_corpus_free(c);
    return rc;
}

/* ---- kinds of words ---- */

static struct kind *slot_of(const struct maker *m, uint32_t number)
{
    size_t i = (size_t)(number * 2654435761u) & m->mask;

    while (m->kinds[i].number != 0 && m->kinds[i].number != number)
        i = (i + 1) & m->mask;
    return &m->kinds[i];
}

static int by_count(const void *a, const void *b)
{
    const struct kind *x = a, *y = b;

    if (x->n != y->n)
        return x->n < y->n ? 1 : -1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Counts kinds; the most frequent get ids in their order. */
static int count_kinds(struct maker *m, size_t n_words, struct wf_err *err)
{
    size_t n = 0;

    m->mask = 2 * KINDS_MAX - 1;
    m->kinds = wf_alloc_array(m->mask + 1, sizeof(*m->kinds));
    if (m->kinds == NULL)
        return no_memory(err);
    for (size_t i = 0; i < m->n; i++) {
        uint32_t w = m->stream[i];
        struct kind *k = w != 0 ? slot_of(m, NUMBER(w)) : NULL;
        if (k == NULL || (k->number == 0 && m->n_kinds == KINDS_MAX))
            continue; /* so many kinds are rare ones */
        m->n_kinds += k->number == 0;
        k->number = NUMBER(w);
        k->n++;
        k->n_inside += (w & IS_INSIDE) != 0;
        k->n_capital += (w & IS_INSIDE) != 0 && (w & IS_CAPITAL) != 0;
    }
    m->best = wf_alloc_array(m->n_kinds + 1, sizeof(*m->best));
    if (m->best == NULL)
        return no_memory(err);
    for (size_t i = 0; i <= m->mask; i++) {
        if (m->kinds[i].number != 0 && m->kinds[i].n >= SEEN_MIN)
            m->best[n++] = m->kinds[i];
        m->kinds[i].id = NONE;
    }
    qsort(m->best, n, sizeof(*m->best), by_count);
    m->n_best = WF_MIN(n, n_words);
    for (size_t i = 0; i < m->n_best; i++)
        slot_of(m, m->best[i].number)->id = (uint32_t)i;
    return 0;
}

/* ---- descriptions ---- */

static void add_context(struct maker *m, uint32_t id, uint32_t other, size_t side)
{
    uint16_t *c;

    if (id == NONE || other >= CONTEXTS)
        return;
    c = &m->counts[(size_t)id * SIDES + side * CONTEXTS + other];
    *c = *c < UINT16_MAX ? (uint16_t)(*c + 1) : UINT16_MAX;
}

static int count_contexts(struct maker *m, struct wf_err *err)
{
    uint32_t last = NONE;

    m->counts = wf_alloc_array(m->n_best + 1, SIDES * sizeof(*m->counts));
    if (m->counts == NULL)
        return no_memory(err);
    for (size_t i = 0; i < m->n; i++) {
        uint32_t w = m->stream[i], id = w != 0 ? slot_of(m, NUMBER(w))->id : NONE;
        add_context(m, id, last, 0);
        add_context(m, last, id, 1);
        last = id;
    }
    return 0;
}

/* How much word i says of context k: 0 where they meet no oftener than by chance. */
static float weight_of(const struct maker *m, size_t i, size_t k, double total)
{
    double n = m->counts[i * SIDES + k], chance;

    if (n == 0)
        return 0.0f;
    chance = (double)m->best[i].n * (double)m->best[k % CONTEXTS].n / total;
    return n > chance ? (float)log(n / chance) * sqrtf((float)(n / (n + 1))) : 0.0f;
}

/* ---- classes ---- */

#define CENTRES (CLASSES + 1) /* whole registers */

static void add_to_centre(const struct maker *m, float *centres, size_t i, size_t class,
                          double total)
{
    for (size_t k = 0; k < SIDES; k++) {
        float w = m->counts[i * SIDES + k] > 0 ? weight_of(m, i, k, total) : 0.0f;
        if (w > 0)
            centres[k * CENTRES + class] += w / m->norms[i];
    }
}

static void bring_to_length(float *centres)
{
    for (size_t c = 0; c < CENTRES; c++) {
        float square = 0.0f;
        for (size_t k = 0; k < SIDES; k++)
            square += centres[k * CENTRES + c] * centres[k * CENTRES + c];
        for (size_t k = 0; k < SIDES && square > 0; k++)
            centres[k * CENTRES + c] /= sqrtf(square);
    }
}

static size_t nearest(const struct maker *m, size_t i, double total)
{
    float dots[CENTRES] = {0};
    size_t best = 0;

    for (size_t k = 0; k < SIDES; k++) {
        const float *row = m->centres + k * CENTRES;
        float w = m->counts[i * SIDES + k] > 0 ? weight_of(m, i, k, total) : 0.0f;
        if (w <= 0)
            continue;
        for (size_t c = 0; c < CENTRES; c++)
            dots[c] += w * row[c];
    }
    for (size_t c = 1; c < CLASSES; c++)
        best = dots[c] > dots[best] ? c : best;
    return best;
}

static int cluster(struct maker *m, struct wf_err *err)
{
    double total = (double)WF_MAX(m->n, 1);
    size_t begin = WF_MIN(CONTEXTS, m->n_best / 4);
    size_t step = WF_MAX(1, WF_MIN(12, (m->n_best - begin) / CLASSES));
    float *next = wf_alloc_array((size_t)SIDES * CENTRES, sizeof(*next));

    m->centres = wf_alloc_array((size_t)SIDES * CENTRES, sizeof(*m->centres));
    m->norms = wf_alloc_array(m->n_best + 1, sizeof(*m->norms));
    m->class = wf_alloc_array(m->n_best + 1, 1);
    if (next == NULL || m->centres == NULL || m->norms == NULL || m->class == NULL) {
        wf_free(next);
        return no_memory(err);
    }
    for (size_t i = 0; i < m->n_best; i++) {
        float square = 0.0f;
        for (size_t k = 0; k < SIDES; k++)
            square += weight_of(m, i, k, total) * weight_of(m, i, k, total);
        m->norms[i] = sqrtf(square + 1e-6f);
    }
    /* Frequent words, but not those that are like no other, begin the classes. */
    for (size_t k = 0; k < CLASSES && begin + k * step < m->n_best; k++)
        add_to_centre(m, m->centres, begin + k * step, k, total);
    bring_to_length(m->centres);
    for (int round = 0; round < ROUNDS; round++) {
        memset(next, 0, (size_t)SIDES * CENTRES * sizeof(*next));
        for (size_t i = 0; i < m->n_best; i++) {
            m->class[i] = (uint8_t)nearest(m, i, total);
            add_to_centre(m, next, i, m->class[i], total);
        }
        bring_to_length(next);
        memcpy(m->centres, next, (size_t)SIDES * CENTRES * sizeof(*next));
    }
    wf_free(next);
    return 0;
}

/* ---- what comes out ---- */

/* How often a word has a capital where nothing else asks for one. */
static unsigned capital_of(const struct kind *k)
{
    double share = k->n_inside > 0 ? (double)k->n_capital / (double)k->n_inside : 0.5;

    return share < 0.05 ? 0 : share < 0.5 ? 1 : share < 0.9 ? 2 : 3;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = ((const struct kind *)a)->number, y = ((const struct kind *)b)->number;

    return (x > y) - (x < y);
}

static int hand_out(struct maker *m, struct wf_crf_classes **out, struct wf_err *err)
{
    struct wf_crf_classes *c = wf_alloc_array(1, sizeof(*c));

    if (c != NULL) {
        c->words = wf_alloc_array(m->n_best + 1, sizeof(*c->words));
        c->of = wf_alloc_array(m->n_best + 1, sizeof(*c->of));
    }
    if (c == NULL || c->words == NULL || c->of == NULL) {
        wf_crf_classes_free(c);
        return no_memory(err);
    }
    for (size_t i = 0; i < m->n_best; i++)
        m->best[i].id = m->class[i] + 1u;
    qsort(m->best, m->n_best, sizeof(*m->best), by_number);
    for (size_t i = 0; i < m->n_best; i++) {
        c->words[i] = m->best[i].number;
        c->of[i] = (uint16_t)(m->best[i].id << 2 | capital_of(&m->best[i]));
    }
    c->n = m->n_best;
    *out = c;
    return 0;
}

int wf_crf_classes_make(const char *list, size_t n_words, size_t n_text_words,
                        struct wf_crf_classes **out, struct wf_err *err)
{
    struct maker m = {.most = n_text_words};
    int rc = read_list(&m, list, err);

    if (rc == 0)
        rc = count_kinds(&m, n_words, err);
    if (rc == 0)
        rc = count_contexts(&m, err);
    if (rc == 0)
        rc = cluster(&m, err);
    if (rc == 0)
        rc = hand_out(&m, out, err);
    void *all[] = {m.stream, m.kinds, m.best, m.counts, m.norms, m.centres, m.class};
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++)
        wf_free(all[i]);
    return rc;
}

void wf_crf_classes_free(struct wf_crf_classes *c)
{
    if (c == NULL)
        return;
    wf_free(c->words);
    wf_free(c->of);
    wf_free(c);
}

struct wf_lens_classes wf_crf_classes_view(const struct wf_crf_classes *c)
{
    return c != NULL ? (struct wf_lens_classes){c->words, c->of, c->n}
                     : (struct wf_lens_classes){NULL, NULL, 0};
}
