/* SPDX-License-Identifier: Apache-2.0 */
/* Two convex fits over few numbers: which sentence (softmax over a text's sentences, the good ones
 * together), and whether there is none (logistic). Features are brought to one spread first; a
 * small pull to zero keeps what says little small. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "train/answers_internal.h"
#include "train/span_measure.h"

#define STEPS 400
#define RATE 0.05
#define PULL 2e-3
#define N_MAX 16
#define SENTENCES_MAX 64
#define EXAMPLES_LEAST 20
/* What the best span says of a sentence beside its head: as model/lens_span.c without weights. */
#define SPAN_SHARE 0.5f

_Static_assert(WF_LENS_ANSWER_S_COUNT <= N_MAX && WF_LENS_ANSWER_N_COUNT <= N_MAX, "room");

struct adam {
    double w[N_MAX], g[N_MAX], m[N_MAX], v[N_MAX], mean[N_MAX], scale[N_MAX];
    size_t n;
};

static void step(struct adam *a, size_t i)
{
    for (size_t k = 0; k < a->n; k++) {
        double g = a->g[k] + PULL * a->w[k];
        a->m[k] = 0.9 * a->m[k] + 0.1 * g;
        a->v[k] = 0.99 * a->v[k] + 0.01 * g * g;
        a->w[k] -= RATE * (a->m[k] / (1 - pow(0.9, (double)i))) /
                   (sqrt(a->v[k] / (1 - pow(0.99, (double)i))) + 1e-8);
        a->g[k] = 0;
    }
}

/* Which examples a fit sees: a half (2: both). */
static double weight_in(const struct wf_answers *a, const struct wf_answers_example *x,
                        uint8_t half)
{
    if (x->is_seen)
        return a->options.seen_weight;
    return half == 2 || x->half == half ? 1.0 : 0.0;
}

/* ---- sentences ---- */

static double dot(const struct adam *a, const float *f)
{
    double sum = 0;

    for (size_t k = 0; k < a->n; k++)
        sum += a->w[k] * (double)f[k] / a->scale[k];
    return sum;
}

static size_t n_sentences(const struct wf_answers_example *x)
{
    return WF_MIN(wf_lens_evidence_n(x->evidence), (size_t)SENTENCES_MAX);
}

/* Not those that were trained on: head and clues know them better than any other, in unlike
 * measure. */
static bool teaches_sentences(const struct wf_answers_example *x)
{
    return !x->is_seen && x->kind == WF_ANSWERS_ANSWERED && x->good != 0 && n_sentences(x) > 1;
}

/* The spread of features within texts. */
static void find_spread(const struct wf_answers *a, struct adam *io)
{
    double squares[N_MAX] = {0}, n = 0;

    for (size_t i = 0; i < a->n; i++) {
        const struct wf_answers_example *x = &a->examples[i];
        double mean[N_MAX] = {0};
        if (!teaches_sentences(x))
            continue;
        for (size_t s = 0; s < n_sentences(x); s++) {
            for (size_t k = 0; k < io->n; k++)
                mean[k] += (double)wf_lens_evidence_at(x->evidence, s)->features[k] /
                           (double)n_sentences(x);
        }
        n += (double)n_sentences(x);
        for (size_t s = 0; s < n_sentences(x); s++) {
            for (size_t k = 0; k < io->n; k++) {
                double d = (double)wf_lens_evidence_at(x->evidence, s)->features[k] - mean[k];
                squares[k] += d * d;
            }
        }
    }
    for (size_t k = 0; k < io->n; k++)
        io->scale[k] = fmax(sqrt(squares[k] / fmax(n, 1)), 1e-3);
}

static void learn_sentence(struct adam *a, const struct wf_answers_example *x, double weight)
{
    double p[SENTENCES_MAX] = {0}, most = -INFINITY, sum = 0, good = 0;
    size_t n = n_sentences(x);

    for (size_t s = 0; s < n; s++)
        most = fmax(most, p[s] = dot(a, wf_lens_evidence_at(x->evidence, s)->features));
    for (size_t s = 0; s < n; s++) {
        p[s] = exp(p[s] - most);
        sum += p[s];
        good += (x->good >> s & 1) != 0 ? p[s] : 0;
    }
    for (size_t s = 0; s < n; s++) {
        const float *f = wf_lens_evidence_at(x->evidence, s)->features;
        double d = p[s] / sum - ((x->good >> s & 1) != 0 ? p[s] / fmax(good, 1e-30) : 0);
        for (size_t k = 0; k < a->n; k++)
            a->g[k] += weight * d * (double)f[k] / a->scale[k];
    }
}

static void fit_sentences(const struct wf_answers *a, uint8_t half, float *out)
{
    struct adam f = {.n = WF_LENS_ANSWER_S_COUNT};
    double total = 0;

    find_spread(a, &f);
    for (size_t i = 0; i < a->n; i++)
        total += teaches_sentences(&a->examples[i]) ? weight_in(a, &a->examples[i], half) : 0;
    for (size_t t = 1; t <= STEPS; t++) {
        for (size_t i = 0; i < a->n; i++) {
            const struct wf_answers_example *x = &a->examples[i];
            double w = teaches_sentences(x) ? weight_in(a, x, half) : 0;
            if (w > 0)
                learn_sentence(&f, x, w / fmax(total, 1));
        }
        step(&f, t);
    }
    for (size_t k = 0; k < f.n; k++)
        out[k] = (float)(f.w[k] / f.scale[k]);
}

/* ---- "no answer" ---- */

/* Fills what speaks for "no answer", with sentences chosen by weights. */
static void look_for_none(struct wf_answers *a, uint8_t half, const float *sentence_weights)
{
    for (size_t i = 0; i < a->n; i++) {
        struct wf_answers_example *x = &a->examples[i];
        size_t chosen;
        if (half != 2 && x->half != half)
            continue;
        memset(x->none, 0, sizeof(x->none));
        chosen = wf_lens_evidence_choose(x->evidence, sentence_weights);
        if (chosen != SIZE_MAX)
            wf_lens_evidence_none(x->job, x->evidence, chosen, x->none);
    }
}

/* Answerable ones count as much as the others together, of which the two kinds count alike. */
static void kind_weights(const struct wf_answers *a, uint8_t half, double out[WF_ANSWERS_COUNT])
{
    static const double shares[WF_ANSWERS_COUNT] = {0.5, 0.3, 0.2};
    double n[WF_ANSWERS_COUNT] = {0};

    for (size_t i = 0; i < a->n; i++)
        n[a->examples[i].kind] += weight_in(a, &a->examples[i], half);
    for (size_t k = 0; k < WF_ANSWERS_COUNT; k++)
        out[k] = shares[k] / fmax(n[k], 1);
}

static void find_means(const struct wf_answers *a, struct adam *io)
{
    double squares[N_MAX] = {0};

    for (size_t i = 0; i < a->n; i++) {
        for (size_t k = 0; k < io->n; k++) {
            double f = (double)a->examples[i].none[k];
            io->mean[k] += f / (double)a->n;
            squares[k] += f * f / (double)a->n;
        }
    }
    for (size_t k = 0; k < io->n; k++)
        io->scale[k] = fmax(sqrt(fmax(squares[k] - io->mean[k] * io->mean[k], 0)), 1e-3);
    io->mean[WF_LENS_ANSWER_N_ONE] = 0;
    io->scale[WF_LENS_ANSWER_N_ONE] = 1;
}

static void fit_none(const struct wf_answers *a, uint8_t half, float *out)
{
    struct adam f = {.n = WF_LENS_ANSWER_N_COUNT};
    double of_kind[WF_ANSWERS_COUNT], one = 0;

    kind_weights(a, half, of_kind);
    find_means(a, &f);
    for (size_t t = 1; t <= STEPS; t++) {
        for (size_t i = 0; i < a->n; i++) {
            const struct wf_answers_example *x = &a->examples[i];
            double w = weight_in(a, x, half) * of_kind[x->kind], sum = 0, d;
            if (w <= 0)
                continue;
            for (size_t k = 0; k < f.n; k++)
                sum += f.w[k] * ((double)x->none[k] - f.mean[k]) / f.scale[k];
            d = 1 / (1 + exp(-sum)) - (x->kind != WF_ANSWERS_ANSWERED);
            for (size_t k = 0; k < f.n; k++)
                f.g[k] += w * d * ((double)x->none[k] - f.mean[k]) / f.scale[k];
        }
        step(&f, t);
    }
    for (size_t k = 0; k < f.n; k++) {
        out[k] = (float)(f.w[k] / f.scale[k]);
        one -= k != WF_LENS_ANSWER_N_ONE ? f.w[k] * f.mean[k] / f.scale[k] : 0;
    }
    out[WF_LENS_ANSWER_N_ONE] += (float)one;
}

/* ---- figures ---- */

struct sums {
    double n, sentence, n_f1, f1;
};

static double f1_of(const struct wf_answers_example *x, size_t chosen)
{
    struct wf_str found = wf_lens_evidence_span(x->job, x->evidence, chosen);
    double best = 0;

    for (size_t i = 0; i < x->n_answers; i++)
        best = fmax(best, wf_span_f1(wf_str_sub(x->text, x->answers[i].from, x->answers[i].to),
                                     wf_str_trim(found)));
    return best;
}

/* The sentence whose best span is the best of all. */
static size_t of_best_span(const struct wf_answers_example *x)
{
    size_t best = 0;

    for (size_t i = 1; i < wf_lens_evidence_n(x->evidence); i++) {
        if (wf_lens_evidence_at(x->evidence, i)->span >
            wf_lens_evidence_at(x->evidence, best)->span)
            best = i;
    }
    return best;
}

/* As without weights. */
static size_t choose_by_heads(const struct wf_answers_example *x)
{
    size_t best = SIZE_MAX;
    float most = -INFINITY;

    for (size_t i = 0; i < wf_lens_evidence_n(x->evidence); i++) {
        const struct wf_lens_answer_sentence_of *s = wf_lens_evidence_at(x->evidence, i);
        float score = s->features[WF_LENS_ANSWER_S_HEAD] + SPAN_SHARE * s->span;
        if (score <= most)
            continue;
        most = score;
        best = i;
    }
    return best;
}

/* Adds an answerable one, its sentence chosen by weights; NULL: by the heads. */
static void count_answered(const struct wf_answers_example *x, const float *weights,
                           struct sums *io)
{
    size_t chosen;

    if (x->kind != WF_ANSWERS_ANSWERED || x->good == 0)
        return;
    chosen = weights != NULL ? wf_lens_evidence_choose(x->evidence, weights) : choose_by_heads(x);
    io->n += 1;
    io->sentence += chosen < 64 && (x->good >> chosen & 1) != 0;
    if (x->is_sentences)
        return;
    io->n_f1 += 1;
    io->f1 += f1_of(x, weights != NULL ? chosen : of_best_span(x));
}

static double auroc(const struct wf_answers *a, bool is_seen, unsigned kinds,
                    struct wf_span_refusal *room)
{
    size_t n = 0;

    for (size_t i = 0; i < a->n; i++) {
        const struct wf_answers_example *x = &a->examples[i];
        if (x->is_seen != is_seen ||
            (x->kind != WF_ANSWERS_ANSWERED && (kinds >> x->kind & 1) == 0))
            continue;
        room[n++] = (struct wf_span_refusal){.score = (float)x->score,
                                             .is_none = x->kind != WF_ANSWERS_ANSWERED};
    }
    return 100 * wf_span_auroc(room, n);
}

static void give(const struct wf_answers *a, bool is_seen, const struct sums *s,
                 struct wf_span_refusal *room, struct wf_answers_figures *out)
{
    out->sentence = 100 * s->sentence / fmax(s->n, 1);
    out->f1 = 100 * s->f1 / fmax(s->n_f1, 1);
    out->impossible = auroc(a, is_seen, 1u << WF_ANSWERS_IMPOSSIBLE, room);
    out->elsewhere = auroc(a, is_seen, 1u << WF_ANSWERS_ELSEWHERE, room);
    out->both = auroc(a, is_seen, 1u << WF_ANSWERS_IMPOSSIBLE | 1u << WF_ANSWERS_ELSEWHERE, room);
}

static void measure_before(struct wf_answers *a, struct wf_span_refusal *room,
                           struct wf_answers_report *out)
{
    const float heads[WF_LENS_ANSWER_S_COUNT] = {[WF_LENS_ANSWER_S_HEAD] = 1};
    const float cover[WF_LENS_CLUE_COUNT] = {[WF_LENS_CLUE_COVER] = 1};
    const float clues[WF_LENS_ANSWER_S_COUNT] = {[WF_LENS_ANSWER_S_CLUES] = 1};
    struct sums by_words = {0}, by_clues = {0}, s[2] = {{0}};

    look_for_none(a, 2, heads);
    for (size_t i = 0; i < a->n; i++) {
        struct wf_answers_example *x = &a->examples[i];
        x->score = (double)x->none[WF_LENS_ANSWER_N_HEAD];
        count_answered(x, NULL, &s[x->is_seen]);
        if (x->is_seen)
            continue;
        count_answered(x, clues, &by_clues);
        wf_lens_evidence_weigh(x->evidence, cover);
        count_answered(x, clues, &by_words);
        wf_lens_evidence_weigh(x->evidence, a->clue_weights);
    }
    out->words = 100 * by_words.sentence / fmax(by_words.n, 1);
    out->clues = 100 * by_clues.sentence / fmax(by_clues.n, 1);
    give(a, false, &s[0], room, &out->before);
    give(a, true, &s[1], room, &out->seen_before);
}

static void measure_after(struct wf_answers *a, struct wf_span_refusal *room,
                          struct wf_answers_report *out)
{
    struct sums s[2] = {{0}};

    for (uint8_t half = 0; half < 2; half++) {
        float of_sentence[WF_LENS_ANSWER_S_COUNT], of_none[WF_LENS_ANSWER_N_COUNT];
        fit_sentences(a, !half, of_sentence);
        look_for_none(a, 2, of_sentence);
        fit_none(a, !half, of_none);
        for (size_t i = 0; i < a->n; i++) {
            struct wf_answers_example *x = &a->examples[i];
            if (x->half != half)
                continue;
            count_answered(x, of_sentence, &s[x->is_seen]);
            x->score = 0;
            for (size_t k = 0; k < WF_LENS_ANSWER_N_COUNT; k++)
                x->score += (double)of_none[k] * (double)x->none[k];
        }
    }
    give(a, false, &s[0], room, &out->after);
    give(a, true, &s[1], room, &out->seen_after);
}

int wf_answers_fit(struct wf_answers *a, struct wf_answers_report *out, struct wf_err *err)
{
    struct wf_span_refusal *room = wf_alloc_array(a->n + 1, sizeof(*room));
    int rc = room == NULL
                 ? wf_err_set(err, WF_E_NOMEM, "Not enough memory for the questions to fit by.")
                 : wf_answers__look(a, err);

    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < a->n; i++) {
        const struct wf_answers_example *x = &a->examples[i];
        out->n_seen += x->is_seen;
        out->n_answered += !x->is_seen && x->kind == WF_ANSWERS_ANSWERED;
        out->n_impossible += !x->is_seen && x->kind == WF_ANSWERS_IMPOSSIBLE;
        out->n_elsewhere += !x->is_seen && x->kind == WF_ANSWERS_ELSEWHERE;
    }
    if (rc == 0 &&
        (out->n_answered < EXAMPLES_LEAST || out->n_impossible + out->n_elsewhere < EXAMPLES_LEAST))
        rc = wf_err_set(err, WF_E_INVAL, "There are too few questions to fit by.");
    if (rc == 0)
        rc = wf_answers__learn_clues(a, err);
    if (rc == 0) {
        measure_before(a, room, out);
        measure_after(a, room, out);
        fit_sentences(a, 2, a->sentence_weights);
        look_for_none(a, 2, a->sentence_weights);
        fit_none(a, 2, a->none_weights);
    }
    wf_free(room);
    return rc;
}
