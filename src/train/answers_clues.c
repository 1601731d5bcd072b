/* SPDX-License-Identifier: Apache-2.0 */
/* What words say about which sentence answers: softmax over a text's sentences, the good ones
 * together, by Adagrad, one question after the other in an order that only the number of questions
 * decides. */
#include <math.h>

#include "base/alloc.h"
#include "train/answers_internal.h"
#include "train/shuffle.h"

#define PASSES 6
#define RATE 0.1f
#define SQUARES_FIRST 0.1f
/* Pulls to zero: by a share of the weight, by a step. */
#define PULL 2e-5f
#define STEP_TO_ZERO 2e-4f
#define SENTENCES_MAX 64
#define LITTLE 1e-3

struct state {
    float w[WF_LENS_CLUE_COUNT], squares[WF_LENS_CLUE_COUNT];
};

static void move(struct state *s, size_t k, float gradient)
{
    float rate, x;

    s->squares[k] += gradient * gradient;
    rate = RATE / sqrtf(s->squares[k]);
    x = s->w[k] - rate * (gradient + PULL * s->w[k]);
    s->w[k] = copysignf(fmaxf(fabsf(x) - rate * STEP_TO_ZERO, 0.0f), x);
}

static void move_by(struct state *s, const struct wf_answers_lesson *x, size_t i, float d)
{
    const struct wf_lens_clues *c = &x->clues[i];
    size_t first = WF_LENS_CLUE_CROSSES + (size_t)(x->asked - 1) * WF_LENS_SHAPE_COUNT;

    for (size_t k = 0; k < WF_LENS_CLUE_CROSSES; k++)
        move(s, k, d * c->numbers[k]);
    for (size_t k = 0; k < WF_LENS_SHAPE_COUNT && x->asked != WF_LENS_ASKED_ANY; k++) {
        if ((c->shapes >> k & 1) != 0)
            move(s, first + k, d);
    }
}

static void learn(struct state *s, const struct wf_answers_lesson *x)
{
    double p[SENTENCES_MAX] = {0}, most = -INFINITY, sum = 0, good = 0;

    for (size_t i = 0; i < x->n; i++) {
        p[i] = (double)wf_lens_clues_score(&x->clues[i], x->asked, s->w);
        most = fmax(most, p[i]);
    }
    for (size_t i = 0; i < x->n; i++) {
        p[i] = exp(p[i] - most);
        sum += p[i];
        good += (x->good >> i & 1) != 0 ? p[i] : 0;
    }
    for (size_t i = 0; i < x->n; i++) {
        double d = p[i] / sum - ((x->good >> i & 1) != 0 ? p[i] / fmax(good, 1e-30) : 0);
        if (fabs(d) >= LITTLE)
            move_by(s, x, i, (float)d);
    }
}

int wf_answers__learn_clues(struct wf_answers *a, struct wf_err *err)
{
    struct state *s = wf_alloc_array(1, sizeof(*s));

    if (s == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the questions to fit by.");
    for (size_t k = 0; k < WF_LENS_CLUE_COUNT; k++)
        s->squares[k] = SQUARES_FIRST;
    for (uint64_t pass = 0; pass < PASSES; pass++) {
        for (uint64_t i = 0; i < a->n_lessons; i++)
            learn(s, &a->lessons[wf_shuffle_at(pass, a->n_lessons, i)]);
    }
    for (size_t k = 0; k < WF_LENS_CLUE_COUNT; k++)
        a->clue_weights[k] = s->w[k];
    for (size_t i = 0; i < a->n; i++)
        wf_lens_evidence_weigh(a->examples[i].evidence, a->clue_weights);
    wf_free(s);
    return 0;
}
