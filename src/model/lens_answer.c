/* SPDX-License-Identifier: Apache-2.0 */
/* Features of sentences and of "no answer": of the heads' logits, of shared words, and of what kind
 * of thing is asked for (in English; elsewhere that says nothing). */
#include "model/lens_answer.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "model/lens_internal.h"
#include "model/lens_match.h"
#include "text/word.h"

#define LOGIT_MAX 30.0
#define LOG_LEAST (-12.0)

struct wf_lens_evidence {
    struct wf_lens_shared shared;
    struct wf_lens_answer_sentence_of *sentences; /* [shared.n_sentences] */
    double all;                                   /* weight of the question's words of meaning */
    size_t n_words;                               /* of meaning */
    uint64_t meaning, anywhere;                   /* bits: words; those that the text has */
    enum wf_lens_asked asked;
    bool denies;
};

/* ---- what is asked for ---- */

static bool denies(struct wf_str s)
{
    struct wf_words walk;
    struct wf_word w;

    wf_words_init(&walk, s);
    while (wf_words_next(&walk, &w)) {
        if (wf_word_is_one_of(
                &w, "not never no without neither nor none except didnt isnt wasnt arent "
                    "werent doesnt dont cant couldnt wont wouldnt hasnt havent hadnt cannot"))
            return true;
    }
    return false;
}

/* What kind of thing an answer is. */
enum thing {
    THING_ANY,
    THING_NUMBER,
    THING_TIME,
    THING_NAME, /* a person or a place */
};

static enum thing thing_of(enum wf_lens_asked asked)
{
    switch (asked) {
    case WF_LENS_ASKED_WHEN:
    case WF_LENS_ASKED_WHAT_TIME:
        return THING_TIME;
    case WF_LENS_ASKED_WHO:
    case WF_LENS_ASKED_WHERE:
    case WF_LENS_ASKED_WHAT_NAME:
        return THING_NAME;
    case WF_LENS_ASKED_HOW_MANY:
    case WF_LENS_ASKED_HOW_MUCH:
    case WF_LENS_ASKED_HOW_LONG:
    case WF_LENS_ASKED_HOW_LARGE:
    case WF_LENS_ASKED_WHAT_NUMBER:
        return THING_NUMBER;
    default:
        return THING_ANY;
    }
}

static bool is_numeral(const struct wf_word *w)
{
    return (w->text[0] >= '0' && w->text[0] <= '9') ||
           wf_word_is_one_of(
               w, "one two three four five six seven eight nine ten eleven twelve twenty "
                  "thirty forty fifty sixty hundred thousand million billion half twice once "
                  "third quarter dozen");
}

static bool is_of_time(const struct wf_word *w)
{
    return (w->text[0] >= '0' && w->text[0] <= '9') ||
           wf_word_is_one_of(
               w, "january february march april may june july august september october "
                  "november december century years year day days spring summer autumn winter "
                  "monday tuesday wednesday thursday friday saturday sunday");
}

/* -1 to 1: does the piece have such a thing, not counting the question's own words? */
static float fits(enum thing thing, struct wf_str piece, const struct wf_word *own, size_t n_own)
{
    struct wf_words walk;
    struct wf_word w;

    if (thing == THING_ANY)
        return 0.0f;
    wf_words_init(&walk, piece);
    while (wf_words_next(&walk, &w)) {
        char c = piece.ptr[w.start];
        bool is_own = false;
        for (size_t i = 0; i < n_own && !is_own; i++)
            is_own = own[i].len == w.len && memcmp(own[i].text, w.text, w.len) == 0;
        if (is_own)
            continue;
        if ((thing == THING_NUMBER && is_numeral(&w)) || (thing == THING_TIME && is_of_time(&w)) ||
            (thing == THING_NAME && c >= 'A' && c <= 'Z'))
            return 1.0f;
    }
    return -1.0f;
}

/* ---- sentences ---- */

static double weight_of(const struct wf_lens_evidence *e, uint64_t words)
{
    double sum = 0;

    for (size_t i = 0; i < e->shared.n_words; i++) {
        if ((words >> i & 1) != 0)
            sum += e->shared.words[i].weight;
    }
    return e->all > 0 ? sum / e->all : 0;
}

static size_t count(uint64_t words)
{
    size_t n = 0;

    for (; words != 0; words &= words - 1)
        n++;
    return n;
}

static void take_words(struct wf_lens_evidence *e)
{
    double sum = 0;

    for (size_t i = 0; i < e->shared.n_words; i++) {
        const struct wf_lens_shared_word *w = &e->shared.words[i];
        e->meaning |= (uint64_t)!w->is_stop << i;
        sum += w->is_stop ? 0 : w->weight;
    }
    for (size_t i = 0; i < e->shared.n_sentences; i++)
        e->anywhere |= e->shared.sentences[i].has;
    e->all = sum;
    e->n_words = count(e->meaning);
}

/* Tokens [*out_from, *out_to) that hold something of bytes [from, to); tokens are looked for from
 * *out_from on. */
static void find_tokens(const struct wf_lens_job *j, size_t from, size_t to, size_t *out_from,
                        size_t *out_to)
{
    size_t t = *out_from;

    while (t < j->ids.n && j->offsets[t + 1] <= from)
        t++;
    *out_from = t;
    while (t < j->ids.n && j->offsets[t] < to)
        t++;
    *out_to = t;
}

static double best_span(const struct wf_lens_job *j, size_t from, size_t to,
                        struct wf_lens_answer_sentence_of *io)
{
    double best = -LOGIT_MAX;

    io->first = 1;
    io->last = 0;
    for (size_t s = from; s < to; s++) {
        for (size_t k = s; k < to && k < s + WF_LENS_SPAN_TOKENS; k++) {
            double logit = (double)j->edges[2 * s] + (double)j->edges[2 * k + 1];
            if (logit <= best)
                continue;
            best = logit;
            io->first = s;
            io->last = k;
        }
    }
    return fmin(best, LOGIT_MAX);
}

struct own {
    struct wf_word words[WF_LENS_SHARED_WORDS];
    size_t n;
};

static void take_own(struct wf_str question, struct own *out)
{
    struct wf_words walk;

    wf_words_init(&walk, question);
    out->n = 0;
    while (out->n < WF_LENS_SHARED_WORDS && wf_words_next(&walk, &out->words[out->n]))
        out->n++;
}

/* The bytes of the best span; empty: there is none. */
static struct wf_str span_of(const struct wf_lens_job *j,
                             const struct wf_lens_answer_sentence_of *s)
{
    size_t from, to;

    if (s->last < s->first)
        return wf_str_n(j->text.ptr, 0);
    from = j->offsets[s->first];
    to = j->offsets[s->last + 1];
    while (from > 0 && ((uint8_t)j->text.ptr[from] & 0xc0) == 0x80)
        from--;
    while (to < j->text.len && ((uint8_t)j->text.ptr[to] & 0xc0) == 0x80)
        to++;
    return wf_str_sub(j->text, from, to);
}

static void sentence_features(const struct wf_lens_job *j, const struct wf_lens_evidence *e,
                              const struct own *own, size_t i, size_t *io_token)
{
    const struct wf_lens_shared_sentence *x = &e->shared.sentences[i];
    struct wf_lens_answer_sentence_of *s = &e->sentences[i];
    size_t from = *io_token, to;
    double sum = 0;

    s->from = x->start;
    s->to = x->end;
    find_tokens(j, x->start, x->end, &from, &to);
    *io_token = from;
    for (size_t t = from; t < to; t++)
        sum += (double)j->tokens[t];
    sum /= fmax((double)(to - from), 1);
    s->span = (float)best_span(j, from, to, s);
    s->type = fits(thing_of(e->asked), span_of(j, s), own->words, own->n);
    s->features[WF_LENS_ANSWER_S_HEAD] = (float)fmax(-LOGIT_MAX, fmin(sum, LOGIT_MAX));
}

static int take_clues(const struct wf_lens_job *j, struct wf_lens_evidence *e)
{
    size_t n = e->shared.n_sentences;
    struct wf_lens_clues *clues = wf_alloc_array(n + 1, sizeof(*clues));
    int rc = clues == NULL ? WF_E_NOMEM
                           : wf_lens_clues(j->ask.question, j->text, e->shared.sentences, n, clues);

    for (size_t i = 0; i < n && rc == 0; i++)
        e->sentences[i].clues = clues[i];
    wf_free(clues);
    return rc;
}

int wf_lens_evidence_new(const struct wf_lens_job *j, struct wf_lens_evidence **out,
                         struct wf_err *err)
{
    struct wf_lens_evidence *e = wf_alloc_array(1, sizeof(*e));
    struct wf_ids q = {0};
    struct own *own = wf_alloc_array(1, sizeof(*own));
    size_t token = 0;
    int rc = e == NULL || own == NULL ? WF_E_NOMEM : 0;

    if (rc == 0)
        rc = wf_vocab_encode(j->lens->vocab, j->ask.question, 0, &q, err);
    if (rc == 0)
        rc = wf_lens_share_words(
            j->lens->vocab,
            &(struct wf_lens_match_text){.text = j->ask.question, .ids = q.ptr, .n = q.n}, j->text,
            &e->shared, err);
    if (rc == 0) {
        e->sentences = wf_alloc_array(e->shared.n_sentences + 1, sizeof(*e->sentences));
        rc = e->sentences == NULL ? WF_E_NOMEM : 0;
    }
    if (rc == 0) {
        take_words(e);
        take_own(j->ask.question, own);
        e->asked = wf_lens_asked(j->ask.question);
        e->denies = denies(j->ask.question);
        for (size_t i = 0; i < e->shared.n_sentences; i++)
            sentence_features(j, e, own, i, &token);
        rc = take_clues(j, e);
    }
    if (rc == 0) {
        *out = e;
    } else {
        wf_lens_evidence_free(e);
        rc = wf_err_set(err, rc, "Not enough memory to look at a text.");
    }
    wf_free(own);
    wf_free(q.ptr);
    return rc;
}

void wf_lens_evidence_free(struct wf_lens_evidence *e)
{
    if (e == NULL)
        return;
    wf_lens_shared_deinit(&e->shared);
    wf_free(e->sentences);
    wf_free(e);
}

size_t wf_lens_evidence_n(const struct wf_lens_evidence *e)
{
    return e->shared.n_sentences;
}

const struct wf_lens_answer_sentence_of *wf_lens_evidence_at(const struct wf_lens_evidence *e,
                                                             size_t i)
{
    return &e->sentences[i];
}

/* ---- by weights ---- */

void wf_lens_evidence_weigh(struct wf_lens_evidence *e, const float *weights)
{
    for (size_t i = 0; i < e->shared.n_sentences; i++)
        e->sentences[i].features[WF_LENS_ANSWER_S_CLUES] =
            wf_lens_clues_score(&e->sentences[i].clues, e->asked, weights);
}

size_t wf_lens_evidence_choose(struct wf_lens_evidence *e, const float *weights)
{
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < e->shared.n_sentences; i++) {
        struct wf_lens_answer_sentence_of *s = &e->sentences[i];
        double sum = 0;
        for (size_t k = 0; k < WF_LENS_ANSWER_S_COUNT; k++)
            sum += (double)weights[k] * (double)s->features[k];
        s->score = (float)sum;
        if (best == SIZE_MAX || s->score > e->sentences[best].score)
            best = i;
    }
    return best;
}

static double log_share(const struct wf_lens_evidence *e, size_t chosen)
{
    double sum = 1; /* its own */

    for (size_t i = 0; i < e->shared.n_sentences; i++)
        sum += i == chosen
                   ? 0
                   : exp((double)e->sentences[i].score - (double)e->sentences[chosen].score);
    return -log(sum);
}

static void count_names(const struct wf_lens_evidence *e, uint64_t has, float *out)
{
    for (size_t i = 0; i < e->shared.n_words; i++) {
        if (!e->shared.words[i].is_named)
            continue;
        out[WF_LENS_ANSWER_N_NAMES] += (e->anywhere >> i & 1) != 0 ? 0.0f : 1.0f;
        out[WF_LENS_ANSWER_N_NAMES_AWAY] += (e->anywhere & ~has) >> i & 1 ? 1.0f : 0.0f;
    }
}

static double repeats(struct wf_str span, struct wf_str question)
{
    struct wf_words walk;
    struct wf_word w;
    struct own *own = wf_alloc_array(1, sizeof(*own));
    double n = 0, there = 0;

    if (own == NULL)
        return 0;
    take_own(question, own);
    wf_words_init(&walk, span);
    while (wf_words_next(&walk, &w)) {
        bool is_there = false;
        for (size_t i = 0; i < own->n && !is_there; i++)
            is_there = own->words[i].len == w.len && memcmp(own->words[i].text, w.text, w.len) == 0;
        n += 1;
        there += is_there;
    }
    wf_free(own);
    return n > 0 ? there / n : 0;
}

/* The window that judges a token. */
static const struct wf_lens_span *window_of(const struct wf_lens_job *j, size_t token)
{
    size_t i = 0;

    while (i + 1 < j->n_windows && token >= j->windows[i].own_to)
        i++;
    return &j->spans[i];
}

void wf_lens_evidence_none(const struct wf_lens_job *j, const struct wf_lens_evidence *e,
                           size_t chosen, float *out)
{
    const struct wf_lens_answer_sentence_of *s = &e->sentences[chosen];
    const struct wf_lens_shared_sentence *x = &e->shared.sentences[chosen];
    const struct wf_lens_span *w = window_of(j, s->last < s->first ? 0 : s->first);
    uint64_t has = x->has;
    double most = -LOGIT_MAX;

    memset(out, 0, WF_LENS_ANSWER_N_COUNT * sizeof(*out));
    has |= chosen > 0 ? x[-1].has : 0;
    has |= chosen + 1 < e->shared.n_sentences ? x[1].has : 0;
    for (size_t i = 0; i < e->shared.n_sentences; i++)
        most = fmax(most, (double)e->sentences[i].span);
    out[WF_LENS_ANSWER_N_ONE] = 1.0f;
    out[WF_LENS_ANSWER_N_HEAD] = fmaxf(-30.0f, fminf(w->none - w->logit, 30.0f));
    out[WF_LENS_ANSWER_N_MARGIN] = s->span;
    out[WF_LENS_ANSWER_N_AGREE] = s->span - (float)most;
    out[WF_LENS_ANSWER_N_SHARE] = (float)fmax(LOG_LEAST, log(fmax((double)w->share, 1e-30)));
    out[WF_LENS_ANSWER_N_SENTENCE] = (float)fmax(LOG_LEAST, log_share(e, chosen));
    out[WF_LENS_ANSWER_N_OWN] = s->features[WF_LENS_ANSWER_S_HEAD];
    out[WF_LENS_ANSWER_N_ABSENT] = (float)weight_of(e, e->meaning & ~e->anywhere);
    out[WF_LENS_ANSWER_N_LACK] = (float)weight_of(e, e->meaning & ~has);
    count_names(e, has, out);
    out[WF_LENS_ANSWER_N_TYPE] = s->type;
    out[WF_LENS_ANSWER_N_NOT] =
        e->denies && !denies(wf_str_sub(j->text, x->start, x->end)) ? 1.0f : 0.0f;
    out[WF_LENS_ANSWER_N_REPEATS] = (float)repeats(span_of(j, s), j->ask.question);
    out[WF_LENS_ANSWER_N_WORDS] = (float)log1p((double)e->n_words);
}

struct wf_str wf_lens_evidence_span(const struct wf_lens_job *j, const struct wf_lens_evidence *e,
                                    size_t i)
{
    return span_of(j, &e->sentences[i]);
}
