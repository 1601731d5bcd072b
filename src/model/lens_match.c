/* SPDX-License-Identifier: Apache-2.0 */
/* Words of the text are held against the question's few, one by one. A word counts for a sentence
 * by how rare it is: in the vocabulary, whose merges go from common to rare, and in the text (in
 * how few of its sentences it is). */
#include "model/lens_match.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "text/sentence.h"
#include "text/word.h"

#define WORDS_MAX WF_LENS_SHARED_WORDS
/* A stem: this much of both words is the same, and no more than that differs. */
#define STEM_BYTES 4
/* What a word of little meaning counts, and one that is there in another form. */
#define STOP_WEIGHT 0.2
#define STEM_SHARE 0.7
#define RARITY_MAX 8.0

struct word {
    struct wf_word w;
    bool is_stop;
    double rarity;
    uint32_t n_sentences; /* of the text that have it */
    uint32_t seen;        /* number of the last of them, from 1 */
    bool was_exact;       /* there */
};

/* A question's word in the text. */
struct hit {
    uint32_t from, to; /* bytes of the text */
    uint32_t sentence;
    uint8_t word;
    bool is_exact;
};

struct sentence {
    uint32_t start, end;
    double score;
};

struct match {
    struct word words[WORDS_MAX];
    size_t n_words;
    struct hit *hits;
    size_t n_hits, cap_hits;
    struct sentence *sentences;
    size_t n_sentences, cap_sentences;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to look at a text.");
}

/* ---- the question ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* How rare the tokens of bytes [from, to) are; *io_t and *io_at are where the walk is. */
static double rarity(const struct wf_vocab *v, const struct wf_lens_match_text *q, size_t from,
                     size_t to, size_t *io_t, size_t *io_at)
{
    double sum = 0;
    size_t t = *io_t, at = *io_at;

    for (; t < q->n && at < to; t++) {
        size_t end = at + wf_vocab_bytes(v, q->ids[t]).len;
        if (end <= from) {
            *io_t = t + 1;
            *io_at = end;
        } else {
            sum += log2(1.0 + (double)q->ids[t] / 256.0);
        }
        at = end;
    }
    return fmin(sum, RARITY_MAX);
}

static void take_question(const struct wf_vocab *v, const struct wf_lens_match_text *q,
                          struct match *m)
{
    struct wf_words walk;
    size_t t = 0, at = 0;

    wf_words_init(&walk, q->text);
    while (m->n_words < WORDS_MAX && wf_words_next(&walk, &m->words[m->n_words].w)) {
        struct word *w = &m->words[m->n_words++];
        w->is_stop = wf_word_is_stop(wf_str_n(w->w.text, w->w.len));
        w->rarity = rarity(v, q, w->w.start, w->w.end, &t, &at);
        w->n_sentences = w->seen = 0;
        w->was_exact = false;
    }
}

/* ---- the text ---- */

/* Whether one word is another form of the other. */
static bool has_stem(const struct wf_word *a, const struct wf_word *b)
{
    size_t n = 0, most = WF_MAX(a->len, b->len), least = WF_MIN(a->len, b->len);

    while (n < least && a->text[n] == b->text[n])
        n++;
    return n >= STEM_BYTES && most - n <= STEM_BYTES && !a->is_pair && !b->is_pair &&
           !is_digit(a->text[0]);
}

/* The question's word that w is, or WORDS_MAX. */
static size_t find_word(const struct match *m, const struct wf_word *w, bool *out_exact)
{
    *out_exact = true;
    for (size_t i = 0; i < m->n_words; i++) {
        const struct wf_word *q = &m->words[i].w;
        if (q->len == w->len && memcmp(q->text, w->text, w->len) == 0)
            return i;
    }
    *out_exact = false;
    for (size_t i = 0; i < m->n_words; i++) {
        if (!m->words[i].is_stop && has_stem(&m->words[i].w, w))
            return i;
    }
    return WORDS_MAX;
}

static int take_sentences(struct wf_str text, struct match *m)
{
    struct wf_sentence s;
    size_t at = 0;

    while (wf_sentence_next(text, &at, &s)) {
        if (wf_reserve(&m->sentences, &m->cap_sentences, m->n_sentences + 1,
                       sizeof(*m->sentences)) != 0)
            return WF_E_NOMEM;
        m->sentences[m->n_sentences++] =
            (struct sentence){.start = (uint32_t)s.start, .end = (uint32_t)s.end};
    }
    return 0;
}

static int take_text(struct wf_str text, struct match *m)
{
    struct wf_words walk;
    struct wf_word w;
    uint32_t s = 0;

    wf_words_init(&walk, text);
    while (wf_words_next(&walk, &w)) {
        bool is_exact;
        size_t i = find_word(m, &w, &is_exact);
        while (s + 1 < m->n_sentences && m->sentences[s].end <= w.start)
            s++;
        if (i == WORDS_MAX)
            continue;
        if (wf_reserve(&m->hits, &m->cap_hits, m->n_hits + 1, sizeof(*m->hits)) != 0)
            return WF_E_NOMEM;
        m->hits[m->n_hits++] =
            (struct hit){(uint32_t)w.start, (uint32_t)w.end, s, (uint8_t)i, is_exact};
        m->words[i].n_sentences += m->words[i].seen != s + 1;
        m->words[i].seen = s + 1;
        m->words[i].was_exact = m->words[i].was_exact || is_exact;
    }
    return 0;
}

/* ---- sentences ---- */

static double weight_of(const struct match *m, const struct word *w)
{
    double rare = log1p((double)m->n_sentences / (double)WF_MAX(w->n_sentences, 1u));

    return w->is_stop ? STOP_WEIGHT : w->rarity * rare;
}

/* Each word counts once for a sentence, in its best form there. Hits are in the text's order. */
static void score_sentences(struct match *m)
{
    double best[WORDS_MAX];

    for (size_t i = 0; i < m->n_hits;) {
        uint32_t s = m->hits[i].sentence;
        memset(best, 0, sizeof(best));
        for (; i < m->n_hits && m->hits[i].sentence == s; i++) {
            const struct hit *h = &m->hits[i];
            double weight = weight_of(m, &m->words[h->word]) * (h->is_exact ? 1.0 : STEM_SHARE);
            best[h->word] = fmax(best[h->word], weight);
        }
        for (size_t k = 0; k < m->n_words; k++)
            m->sentences[s].score += best[k];
    }
}

/* The bits of bytes [from, to) for the tokens that hold some of them. */
static void mark(const uint32_t *offsets, size_t n, uint32_t from, uint32_t to, unsigned bits,
                 uint16_t *out)
{
    size_t low = 0, high = n;

    while (low < high) { /* the first token that ends behind `from` */
        size_t mid = low + (high - low) / 2;
        if (offsets[mid + 1] <= from)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < n && offsets[low] < to; low++)
        out[low] = (uint16_t)(out[low] | bits);
}

static void mark_sentences(const struct match *m, const uint32_t *offsets, size_t n, uint16_t *out)
{
    size_t best = SIZE_MAX, second = SIZE_MAX;

    for (size_t i = 0; i < m->n_sentences; i++) {
        double score = m->sentences[i].score;
        if (score <= 0)
            continue;
        if (best == SIZE_MAX || score > m->sentences[best].score) {
            second = best;
            best = i;
        } else if (second == SIZE_MAX || score > m->sentences[second].score) {
            second = i;
        }
    }
    for (size_t i = 0; i < m->n_sentences; i++) {
        unsigned bits = (unsigned)(i == best) << WF_LENS_MATCH_BEST |
                        (unsigned)(i == second) << WF_LENS_MATCH_SECOND |
                        (unsigned)(best != SIZE_MAX && i == best + 1) << WF_LENS_MATCH_AFTER;
        if (bits != 0)
            mark(offsets, n, m->sentences[i].start, m->sentences[i].end, bits, out);
    }
}

static void mark_words(const struct match *m, const uint32_t *offsets, size_t n, uint16_t *out)
{
    for (size_t i = 0; i < m->n_hits; i++) {
        const struct hit *h = &m->hits[i];
        const struct word *w = &m->words[h->word];
        unsigned bits = 1u << (h->is_exact ? WF_LENS_MATCH_EXACT : WF_LENS_MATCH_STEM);
        if (w->n_sentences == 1)
            bits |= 1u << WF_LENS_MATCH_RARE;
        if (w->is_stop)
            bits = 1u << WF_LENS_MATCH_STOP;
        mark(offsets, n, h->from, h->to, bits, out);
    }
}

static void mark_question(const struct match *m, const uint32_t *offsets, size_t n, uint16_t *out)
{
    for (size_t i = 0; i < m->n_words; i++) {
        const struct word *w = &m->words[i];
        unsigned bit = w->n_sentences > 0 ? WF_LENS_MATCH_PRESENT : WF_LENS_MATCH_ABSENT;
        if (!w->is_stop)
            mark(offsets, n, (uint32_t)w->w.start, (uint32_t)w->w.end, 1u << bit, out);
    }
}

/* Where tokens begin, and the last ends. NULL: no memory. */
static uint32_t *offsets_of(const struct wf_vocab *v, const struct wf_lens_match_text *t)
{
    uint32_t *out = wf_alloc_array(t->n + 1, sizeof(*out));
    size_t at = 0;

    for (size_t i = 0; out != NULL && i < t->n; i++) {
        out[i] = (uint32_t)at;
        at += wf_vocab_bytes(v, t->ids[i]).len;
    }
    if (out != NULL)
        out[t->n] = (uint32_t)at;
    return out;
}

static int look_at(const struct wf_vocab *v, const struct wf_lens_match_text *question,
                   struct wf_str text, struct match *m)
{
    int rc;

    take_question(v, question, m);
    rc = take_sentences(text, m);
    if (rc == 0)
        rc = take_text(text, m);
    if (rc == 0)
        score_sentences(m);
    return rc;
}

int wf_lens_match(const struct wf_vocab *v, const struct wf_lens_match_text *question,
                  const struct wf_lens_match_text *text, uint16_t *out_question, uint16_t *out_text,
                  struct wf_err *err)
{
    struct match *m = wf_alloc_array(1, sizeof(*m));
    uint32_t *of_question = offsets_of(v, question), *of_text = offsets_of(v, text);
    int rc = m == NULL || of_question == NULL || of_text == NULL ? WF_E_NOMEM : 0;

    memset(out_question, 0, question->n * sizeof(*out_question));
    memset(out_text, 0, text->n * sizeof(*out_text));
    if (rc == 0)
        rc = look_at(v, question, text->text, m);
    if (rc == 0) {
        mark_sentences(m, of_text, text->n, out_text);
        mark_words(m, of_text, text->n, out_text);
        mark_question(m, of_question, question->n, out_question);
    }
    if (m != NULL) {
        wf_free(m->hits);
        wf_free(m->sentences);
    }
    wf_free(m);
    wf_free(of_question);
    wf_free(of_text);
    return rc == 0 ? 0 : no_memory(err);
}

/* A name or a number, by how it is written; the first word asks. */
static bool is_named(struct wf_str question, const struct word *w, bool is_first)
{
    char c = question.ptr[w->w.start];

    return is_digit(c) || (!is_first && !w->is_stop && c >= 'A' && c <= 'Z');
}

static int give_shared(struct wf_str question, const struct match *m, struct wf_lens_shared *out)
{
    out->sentences = wf_alloc_array(m->n_sentences + 1, sizeof(*out->sentences));
    if (out->sentences == NULL)
        return WF_E_NOMEM;
    out->n_words = m->n_words;
    for (size_t i = 0; i < m->n_words; i++)
        out->words[i] =
            (struct wf_lens_shared_word){.weight = weight_of(m, &m->words[i]),
                                         .is_stop = m->words[i].is_stop,
                                         .is_named = is_named(question, &m->words[i], i == 0)};
    out->n_sentences = m->n_sentences;
    for (size_t i = 0; i < m->n_sentences; i++)
        out->sentences[i] = (struct wf_lens_shared_sentence){.start = m->sentences[i].start,
                                                             .end = m->sentences[i].end,
                                                             .score = m->sentences[i].score};
    for (size_t i = 0; i < m->n_hits; i++) {
        const struct hit *h = &m->hits[i];
        struct wf_lens_shared_sentence *s = &out->sentences[h->sentence];
        s->has |= (uint64_t)1 << h->word;
    }
    return 0;
}

int wf_lens_share_words(const struct wf_vocab *v, const struct wf_lens_match_text *question,
                        struct wf_str text, struct wf_lens_shared *out, struct wf_err *err)
{
    struct match *m = wf_alloc_array(1, sizeof(*m));
    int rc = m == NULL ? WF_E_NOMEM : look_at(v, question, text, m);

    *out = (struct wf_lens_shared){.n_words = 0};
    if (rc == 0)
        rc = give_shared(question->text, m, out);
    if (m != NULL) {
        wf_free(m->hits);
        wf_free(m->sentences);
    }
    wf_free(m);
    return rc == 0 ? 0 : no_memory(err);
}

void wf_lens_shared_deinit(struct wf_lens_shared *s)
{
    wf_free(s->sentences);
    *s = (struct wf_lens_shared){.n_words = 0};
}
