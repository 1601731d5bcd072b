/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: a text's tokens, the windows that the encoder sees of it, and what each head takes of a
 * window.
 *
 * A text that is longer than a window is seen in several that overlap by a quarter; each token is
 * judged in the window where it is farther from the edge. What is kept of a window is its own: so
 * windows may come back in any order, at once, and the answer is the same. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/lens_internal.h"
#include "model/lens_match.h"
#include "text/utf8.h"

/* Names are told by what stands near them: measured on sentences in a row, windows of 64 find them
 * as well as those of 128 and 256, and cost less attention. */
#define NEAR_WINDOW ((size_t)64)

/* Tokens of a window's text that the next one sees again: one in so many, but some at least. */
#define OVERLAP_SHARE 8
#define OVERLAP_MIN 8
#define ALONE (WF_LENS_EMBED | WF_LENS_SPANS)
#define WITH_PIECES (WF_LENS_ENTITIES | WF_LENS_INTENT)

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to look at a text.");
}

static int check(const struct wf_lens *l, const struct wf_lens_ask *ask, struct wf_err *err)
{
    unsigned all = (1u << WF_LENS_N_TASKS) - 1;

    if (ask->tasks == 0 || (ask->tasks & ~all) != 0 ||
        ((ask->tasks & ALONE) != 0 && (ask->tasks & (ask->tasks - 1)) != 0))
        return wf_err_set(err, WF_E_INVAL, "These tasks of lens cannot be asked for together.");
    if (ask->text.len > WF_LIMIT_LENS_BYTES || ask->question.len > WF_LIMIT_LENS_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "A text of more than %u KiB is not taken at once.",
                          WF_LIMIT_LENS_BYTES >> 10);
    if (wf_utf8_valid_prefix(ask->text) != ask->text.len ||
        wf_utf8_valid_prefix(ask->question) != ask->question.len)
        return wf_err_set(err, WF_E_INVAL, "The text is not UTF-8.");
    return wf_lens_can(l, ask, err);
}

/* ---- tokens and windows ---- */

/* Where the tokens begin in the text: their bytes are the text's. */
static int find_offsets(struct wf_lens_job *j, struct wf_err *err)
{
    size_t at = 0;

    j->offsets = wf_alloc_array(j->ids.n + 1, sizeof(*j->offsets));
    if (j->offsets == NULL)
        return no_memory(err);
    for (size_t i = 0; i < j->ids.n; i++) {
        j->offsets[i] = (uint32_t)at;
        at += wf_vocab_bytes(j->lens->vocab, j->ids.ptr[i]).len;
    }
    j->offsets[j->ids.n] = (uint32_t)at;
    if (at != j->text.len)
        return wf_err_set(err, WF_E_FORMAT,
                          "The lens file cannot be used: its vocabulary lacks some bytes.");
    return 0;
}

/* What the question and the text share. */
static int mark_question(struct wf_lens_job *j, const struct wf_ids *question, struct wf_err *err)
{
    size_t n = WF_MAX(question->n, j->prefix.n);
    uint16_t *marks = wf_alloc_array(j->prefix.n + j->ids.n + 1, sizeof(*marks));
    uint16_t *of_question = wf_alloc_array(n, sizeof(*of_question));
    int rc = marks == NULL || of_question == NULL ? no_memory(err) : 0;

    if (rc == 0)
        rc = wf_lens_match(
            j->lens->vocab,
            &(struct wf_lens_match_text){
                .text = j->ask.question, .ids = question->ptr, .n = question->n},
            &(struct wf_lens_match_text){.text = j->text, .ids = j->ids.ptr, .n = j->ids.n},
            of_question, marks + j->prefix.n, err);
    if (rc == 0) /* behind <s> <q>, before </s> <p> */
        memcpy(marks + 2, of_question, (j->prefix.n - 4) * sizeof(*marks));
    wf_free(of_question);
    j->marks = marks;
    return rc;
}

/* A question in front of the text, of half a window at most. */
static int push_question(struct wf_lens_job *j, const struct wf_ids *q, struct wf_err *err)
{
    const struct wf_lens *l = j->lens;
    size_t n = q->n < l->window / 2 - 4 ? q->n : l->window / 2 - 4;
    int rc = wf_ids_push(&j->prefix, l->question);

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = wf_ids_push(&j->prefix, q->ptr[i]);
    if (rc == 0)
        rc = wf_ids_push(&j->prefix, l->end);
    if (rc == 0)
        rc = wf_ids_push(&j->prefix, l->passage);
    return rc == 0 ? 0 : no_memory(err);
}

static int make_tokens(struct wf_lens_job *j, struct wf_err *err)
{
    const struct wf_lens *l = j->lens;
    bool embeds_question =
        j->ask.tasks == WF_LENS_EMBED && j->ask.text.len == 0 && j->ask.question.len > 0;
    bool has_question = j->ask.tasks == WF_LENS_SPANS;
    struct wf_ids q = {0};
    int rc;

    j->text = embeds_question ? j->ask.question : j->ask.text;
    if (wf_ids_push(&j->prefix, l->begin) != 0)
        return no_memory(err);
    if (j->ask.tasks == WF_LENS_EMBED && l->marks_embedding &&
        wf_ids_push(&j->prefix, embeds_question ? l->question : l->passage) != 0)
        return no_memory(err);
    rc = has_question ? wf_vocab_encode(l->vocab, j->ask.question, 0, &q, err) : 0;
    if (rc == 0 && has_question)
        rc = push_question(j, &q, err);
    if (rc == 0)
        rc = wf_vocab_encode_words(l->vocab, j->text, &j->ids, &j->firsts, err);
    if (rc == 0)
        rc = find_offsets(j, err);
    if (rc == 0 && has_question && l->match != NULL)
        rc = mark_question(j, &q, err);
    wf_free(q.ptr);
    return rc;
}

/* As many windows as are needed, all of one length. */
static int make_windows(struct wf_lens_job *j, struct wf_err *err)
{
    bool is_near =
        (j->ask.tasks & ~(WF_LENS_ENTITIES | WF_LENS_LANGUAGE | WF_LENS_SENSITIVITY)) == 0;
    uint64_t window = is_near ? WF_MIN(j->lens->window, NEAR_WINDOW) : j->lens->window;
    uint64_t room = window - j->prefix.n, n = j->ids.n, each, k;
    uint64_t overlap = WF_MAX(room / OVERLAP_SHARE, WF_MIN(OVERLAP_MIN, room / 2));

    assert(room > 0);
    k = n <= room ? 1 : 1 + (n - room + room - overlap - 1) / (room - overlap);
    k += is_near && k > 1 ? k % 2 : 0; /* two threads are done at once */
    each = (n + (k - 1) * overlap + k - 1) / k;
    j->windows = wf_alloc_array((size_t)k, sizeof(*j->windows));
    if (j->windows == NULL)
        return no_memory(err);
    j->n_windows = (size_t)k;
    for (uint64_t i = 0; i < k; i++) {
        struct wf_lens_window *w = &j->windows[i], *last = w - 1;
        w->from = k > 1 ? (uint32_t)(i * (n - each) / (k - 1)) : 0;
        w->to = w->from + (uint32_t)each;
        w->own_to = w->to;
        if (i > 0)
            last->own_to = w->own_from = w->from + (last->to - w->from) / 2;
    }
    return 0;
}

/* Room for what the heads take. */
static int make_accounts(struct wf_lens_job *j, struct wf_err *err)
{
    const struct wf_lens *l = j->lens;
    unsigned t = j->ask.tasks;
    const struct {
        bool wanted;
        size_t n, width;
        float **out;
    } rows[] = {
        {(t & WF_LENS_EMBED) != 0, j->n_windows, l->dim, &j->sums},
        {(t & WF_LENS_ENTITIES) != 0 && l->entities->head.weight != NULL, j->firsts.n + 1,
         l->entities != NULL ? l->entities->head.n : 0, &j->tags},
        {j->set != NULL, 1, j->set != NULL ? j->set->intent.n : 0, &j->intents},
        {j->set != NULL && j->set->slots != NULL, j->firsts.n + 1,
         j->set != NULL && j->set->slots != NULL ? j->set->slots->head.n : 0, &j->slots},
        {(t & WF_LENS_SENSITIVITY) != 0, 2 * j->n_windows + 1, l->sensitivity.n, &j->labels},
        {(t & (WF_LENS_INTENT | WF_LENS_SENSITIVITY)) != 0, j->n_windows, l->dim, &j->means},
        {(t & (WF_LENS_SALIENCE | WF_LENS_SPANS)) != 0, j->ids.n + 1, 1, &j->tokens},
        {(t & WF_LENS_SPANS) != 0, j->ids.n + 1, 2, &j->edges},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        if (!rows[i].wanted)
            continue;
        *rows[i].out = rows[i].width == 0 || rows[i].n <= SIZE_MAX / rows[i].width
                           ? wf_alloc_array(rows[i].n * rows[i].width, sizeof(float))
                           : NULL;
        if (*rows[i].out == NULL)
            return no_memory(err);
    }
    if (t == WF_LENS_SPANS) {
        j->spans = wf_alloc_array(j->n_windows, sizeof(*j->spans));
        if (j->spans == NULL)
            return no_memory(err);
    }
    return 0;
}

/* Sets that only a linear judge knows do without the encoder. */
static bool is_encoded(const struct wf_lens_set *s)
{
    return s != NULL && (s->intent.weight != NULL || s->slots != NULL);
}

static bool needs_tokens(const struct wf_lens_job *j)
{
    return (j->ask.tasks & ~(WF_LENS_LANGUAGE | WF_LENS_INTENT)) != 0 || is_encoded(j->set);
}

/* Entities may be known, and sentences judged, by words alone. */
static bool needs_encoder(const struct wf_lens_job *j)
{
    const unsigned others = WF_LENS_ENTITIES | WF_LENS_LANGUAGE | WF_LENS_INTENT |
                            WF_LENS_SALIENCE | WF_LENS_SENSITIVITY;

    return (j->ask.tasks & ~others) != 0 || is_encoded(j->set) ||
           ((j->ask.tasks & WF_LENS_SENSITIVITY) != 0 && j->lens->sensitivity.weight != NULL) ||
           ((j->ask.tasks & WF_LENS_ENTITIES) != 0 && j->lens->entities->head.weight != NULL) ||
           ((j->ask.tasks & WF_LENS_SALIENCE) != 0 && j->lens->salience.weight != NULL);
}

int wf_lens_job_new(const struct wf_lens *l, const struct wf_lens_ask *ask,
                    struct wf_lens_job **out, struct wf_err *err)
{
    int rc = check(l, ask, err);
    struct wf_lens_job *j;

    if (rc != 0)
        return rc;
    j = wf_alloc_array(1, sizeof(*j));
    if (j == NULL)
        return no_memory(err);
    j->lens = l;
    j->ask = *ask;
    j->text = ask->text;
    if ((ask->tasks & WF_LENS_INTENT) != 0)
        j->set = wf_lens__set(l, ask->set);
    if (needs_tokens(j)) {
        rc = make_tokens(j, err);
        if (rc == 0 && needs_encoder(j))
            rc = make_windows(j, err);
    }
    if (rc == 0)
        rc = make_accounts(j, err);
    if (rc != 0) {
        wf_lens_job_free(j);
        return rc;
    }
    *out = j;
    return 0;
}

void wf_lens_job_free(struct wf_lens_job *j)
{
    if (j == NULL)
        return;
    void *all[] = {j->ids.ptr, j->firsts.ptr, j->prefix.ptr, j->offsets, j->windows, j->sums,
                   j->tags,    j->slots,      j->intents,    j->labels,  j->tokens,  j->spans,
                   j->marks,   j->edges,      j->word_tags,  j->means,   j->linear};
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++)
        wf_free(all[i]);
    wf_free(j);
}

size_t wf_lens_job_n_windows(const struct wf_lens_job *j)
{
    return j->n_windows;
}

size_t wf_lens_job_window(const struct wf_lens_job *j, size_t i, int32_t *out_ids)
{
    const struct wf_lens_window *w = &j->windows[i];
    size_t n = w->to - w->from;

    memcpy(out_ids, j->prefix.ptr, j->prefix.n * sizeof(*out_ids));
    if (n > 0)
        memcpy(out_ids + j->prefix.n, j->ids.ptr + w->from, n * sizeof(*out_ids));
    return j->prefix.n + n;
}

void wf_lens_job_marks(const struct wf_lens_job *j, size_t i, uint16_t *out_bits)
{
    const struct wf_lens_window *w = &j->windows[i];
    size_t n = w->to - w->from;

    if (j->marks == NULL) {
        memset(out_bits, 0, (j->prefix.n + n) * sizeof(*out_bits));
        return;
    }
    memcpy(out_bits, j->marks, j->prefix.n * sizeof(*out_bits));
    if (n > 0)
        memcpy(out_bits + j->prefix.n, j->marks + j->prefix.n + w->from, n * sizeof(*out_bits));
}

size_t wf_lens_job_window_tokens(const struct wf_lens_job *j, size_t i)
{
    return j->prefix.n + j->windows[i].to - j->windows[i].from;
}

/* ---- what the heads take ---- */

/* Scores of tags at the first tokens of the pieces that begin in the window's own part. */
static void take_tags(struct wf_lens_job *j, const struct wf_lens_window *w,
                      const struct wf_lens_head *head, const float *text, float *out)
{
    size_t low = 0, high = j->firsts.n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if ((uint32_t)j->firsts.ptr[mid] < w->own_from)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < j->firsts.n && (uint32_t)j->firsts.ptr[low] < w->own_to; low++) {
        size_t t = (uint32_t)j->firsts.ptr[low] - w->from;
        wf_lens__apply(j->lens, head, text + t * j->lens->dim, out + low * head->n);
    }
}

/* A head of the whole window i: out [head->n]. */
static void take_whole(struct wf_lens_job *j, size_t i, const struct wf_lens_head *head,
                       const float *hidden, size_t n_tok, float *out)
{
    size_t dim = j->lens->dim;
    float *mean = j->means + i * dim;

    if (head->pools_mean) {
        memset(mean, 0, dim * sizeof(*mean));
        for (size_t t = 0; t < n_tok; t++)
            wf_kern()->axpy(1.0f / (float)n_tok, hidden + t * dim, mean, dim);
    }
    wf_lens__apply(j->lens, head, head->pools_mean ? mean : hidden, out);
}

static void take_sum(struct wf_lens_job *j, size_t i, const float *hidden)
{
    const struct wf_lens_window *w = &j->windows[i];
    size_t dim = j->lens->dim, own = w->own_to - w->own_from;
    const float *text = hidden + (j->prefix.n + w->own_from - w->from) * dim;
    float *sum = j->sums + i * dim;

    if (!j->lens->embedding.pools_mean) {
        memcpy(sum, hidden, dim * sizeof(*sum));
        return;
    }
    for (size_t t = 0; t < j->prefix.n; t++)
        wf_kern()->axpy(1.0f, hidden + t * dim, sum, dim);
    for (size_t t = 0; t < own; t++)
        wf_kern()->axpy(1.0f, text + t * dim, sum, dim);
}

static void take_tokens(struct wf_lens_job *j, const struct wf_lens_window *w,
                        const struct wf_lens_head *head, const float *text)
{
    for (uint32_t t = w->own_from; t < w->own_to; t++)
        wf_lens__apply(j->lens, head, text + (size_t)(t - w->from) * j->lens->dim, &j->tokens[t]);
}

void wf_lens_job_take(struct wf_lens_job *j, size_t i, const float *hidden)
{
    const struct wf_lens *l = j->lens;
    const struct wf_lens_window *w = &j->windows[i];
    const float *text = hidden + j->prefix.n * l->dim;
    size_t n_tok = j->prefix.n + w->to - w->from;

    if (j->sums != NULL)
        take_sum(j, i, hidden);
    if (j->tags != NULL)
        take_tags(j, w, &l->entities->head, text, j->tags);
    if (j->slots != NULL)
        take_tags(j, w, &j->set->slots->head, text, j->slots);
    if (j->intents != NULL && i == 0 && j->set->intent.weight != NULL)
        take_whole(j, i, &j->set->intent, hidden, n_tok, j->intents); /* it stands at the begin */
    if (j->labels != NULL)
        wf_lens__take_labels(j, i, hidden, n_tok);
    if (j->spans != NULL)
        wf_lens__take_span(j, i, hidden);
    if ((j->ask.tasks & WF_LENS_SALIENCE) && l->salience.weight != NULL)
        take_tokens(j, w, &l->salience, text);
    else if (j->spans != NULL && l->sentence.weight != NULL)
        take_tokens(j, w, &l->sentence, text);
}

/* ---- answers ---- */

static void finish_vector(const struct wf_lens_job *j, float *mean, float out[WF_LENS_DIMS])
{
    const struct wf_lens *l = j->lens;
    size_t n = j->prefix.n * j->n_windows + j->ids.n;
    double square = 0;

    memset(mean, 0, l->dim * sizeof(*mean));
    for (size_t i = 0; i < j->n_windows; i++)
        wf_kern()->axpy(1.0f / (float)(l->embedding.pools_mean ? n : j->n_windows),
                        j->sums + i * l->dim, mean, l->dim);
    wf_lens__apply(l, &l->embedding, mean, out);
    for (size_t i = 0; i < WF_LENS_DIMS; i++)
        square += (double)out[i] * (double)out[i];
    for (size_t i = 0; i < WF_LENS_DIMS; i++)
        out[i] = square > 0 && isfinite(square) ? (float)((double)out[i] / sqrt(square)) : 0.0f;
    if (l->static_vectors != NULL)
        wf_lens_static_join(l->static_vectors, j->ids.ptr, j->ids.n, out);
}

const float *wf_lens_job_intents(const struct wf_lens_job *j)
{
    return j->intents;
}

const float *wf_lens_job_labels(const struct wf_lens_job *j)
{
    return j->labels;
}

/* What encoder and linear judge say, each times its scale, together. */
static int finish_intent(const struct wf_lens_job *j, struct wf_lens_answer *out)
{
    const struct wf_lens_set *s = j->set;
    size_t best = 0, n = s->intent.n;
    float *sum = wf_alloc_array(n, sizeof(*sum));

    if (sum == NULL)
        return WF_E_NOMEM;
    if (s->linear != NULL)
        wf_lens_linear_score(s->linear, j->text, sum);
    for (size_t i = 0; i < n; i++)
        sum[i] = s->linear_scale * sum[i] + s->encoder_scale * j->intents[i];
    wf_kern()->softmax(sum, n);
    for (size_t i = 1; i < n; i++)
        best = sum[i] > sum[best] ? i : best;
    out->intent = s->intent.labels[best];
    out->intent_score = isfinite(sum[best]) ? sum[best] : 0.0f;
    out->in_scope = best != s->outside && out->intent_score >= s->threshold;
    wf_free(sum);
    return 0;
}

static void finish_language(const struct wf_lens_job *j, struct wf_lens_answer *out)
{
    const struct wf_lens_language *l = j->lens->language;
    struct wf_lens_language_guess guess;
    float logits[WF_LENS_LANGUAGES_MAX];

    out->language = WF_STR("und"); /* ISO 639-3's "undetermined" */
    if (wf_lens_language_score(l, j->text, logits) == 0 ||
        wf_lens_language_best(logits, wf_lens_language_n(l), &guess, 1) == 0)
        return;
    out->language = wf_lens_language_label(l, guess.label);
    out->language_score = guess.probability;
}

int wf_lens_job_look(struct wf_lens_job *j, struct wf_err *err)
{
    const struct wf_lens *l = j->lens;
    int rc = 0;

    if ((j->ask.tasks & WF_LENS_ENTITIES) != 0 && l->entities->words != NULL &&
        j->word_tags == NULL)
        rc = wf_lens__score_words(j, err);
    if (rc == 0 && (j->ask.tasks & WF_LENS_SENSITIVITY) != 0 && l->sensitivity_linear != NULL &&
        j->linear == NULL)
        rc = wf_lens__ask_linear(j, err);
    return rc;
}

int wf_lens_job_finish(struct wf_lens_job *j, struct wf_lens_answer *out, struct wf_err *err)
{
    const struct wf_lens *l = j->lens;
    struct wf_lens_answer a = {.none = 0};
    const struct wf_lens_head *sentences =
        (j->ask.tasks & WF_LENS_SALIENCE) != 0 ? &l->salience : &l->sentence;
    bool by_weights;
    int rc = wf_lens_job_look(j, err);

    if (rc != 0)
        return rc;
    if (j->sums != NULL) {
        float *mean = wf_alloc_array(l->dim, sizeof(*mean));
        if (mean == NULL)
            return no_memory(err);
        finish_vector(j, mean, a.vector);
        wf_free(mean);
    }
    if ((j->ask.tasks & WF_LENS_ENTITIES) != 0) {
        wf_lens__join_tags(j);
        rc = wf_lens__marks_of_tags(j, l->entities, j->tags, &a.entities, err);
    }
    if (rc == 0 && j->slots != NULL)
        rc = wf_lens__marks_of_tags(j, j->set->slots, j->slots, &a.slots, err);
    if (rc == 0 && j->intents != NULL && finish_intent(j, &a) != 0)
        rc = no_memory(err);
    if (rc == 0 && (j->ask.tasks & WF_LENS_LANGUAGE) != 0)
        finish_language(j, &a);
    if (rc == 0 && j->labels != NULL)
        rc = wf_lens__finish_sensitivity(j, &a.sensitivity, err);
    by_weights = j->spans != NULL && l->answer_sentence != NULL && sentences->weight != NULL;
    if (rc == 0 && by_weights)
        rc = wf_lens__finish_answer(j, &a, err);
    else if (rc == 0 && j->spans != NULL)
        wf_lens__finish_span(j, &a);
    if (rc == 0 && !by_weights && j->tokens != NULL &&
        (sentences->weight != NULL || (j->ask.tasks & WF_LENS_SALIENCE) != 0))
        rc = wf_lens__finish_sentences(j, &a.sentences, err);
    if (rc == 0 && (j->ask.tasks & WF_LENS_SALIENCE) != 0 && l->judge != NULL &&
        !j->ask.encoder_only)
        rc = wf_lens__judge_sentences(j, &a.sentences, err);
    if (rc != 0)
        wf_lens_answer_deinit(&a);
    else
        *out = a;
    return rc;
}

void wf_lens_answer_deinit(struct wf_lens_answer *a)
{
    struct wf_lens_marks *all[] = {&a->entities, &a->sentences, &a->slots, &a->sensitivity};

    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++) {
        wf_free(all[i]->items);
        *all[i] = (struct wf_lens_marks){NULL, 0};
    }
}

int wf_lens__push(struct wf_lens_marks *io, struct wf_lens_mark m)
{
    /* Full at 0 and at every power of two: no count of the room is kept. */
    if ((io->n & (io->n - 1)) == 0) {
        struct wf_lens_mark *p =
            wf_realloc_array(io->items, io->n > 0 ? 2 * io->n : 1, sizeof(*io->items));
        if (p == NULL)
            return WF_E_NOMEM;
        io->items = p;
    }
    io->items[io->n++] = m;
    return 0;
}

void wf_lens__count_points(struct wf_str text, struct wf_lens_mark *marks, size_t n)
{
    size_t at = 0, points = 0;

    for (size_t i = 0; i < n; i++) {
        points += wf_utf8_count(wf_str_sub(text, at, marks[i].from));
        marks[i].start = points;
        points += wf_utf8_count(wf_str_sub(text, marks[i].from, marks[i].to));
        marks[i].end = points;
        at = marks[i].to;
    }
}
