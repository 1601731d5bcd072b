/* SPDX-License-Identifier: Apache-2.0 */
/* Fitting: Newton's steps for the features' coefficients, and between them each word's weight in
 * closed form: the log of how often it is in summaries over how often it was expected. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "train/salience_internal.h"

#define N WF_SALIENCE_FEATURES
#define ROUNDS 10
#define WORDS 100.0 /* of a summary, while fitting: only the rate is learned */
#define PULL 4.0    /* words with which each weight is pulled towards none */
#define RIDGE 1.0
#define STEP_MAX 2.0 /* of a coefficient */

struct normal {
    double a[N][N], b[N];
};

/* Solves in place, by Gauss and Jordan: the matrix is positive definite. */
static void solve(struct normal *s)
{
    for (size_t i = 0; i < N; i++) {
        double pivot = s->a[i][i] + 1e-6;
        for (size_t j = 0; j < N; j++)
            s->a[i][j] /= pivot;
        s->b[i] /= pivot;
        for (size_t k = 0; k < N; k++) {
            double f = s->a[k][i];
            if (k == i)
                continue;
            for (size_t j = 0; j < N; j++)
                s->a[k][j] -= f * s->a[i][j];
            s->b[k] -= f * s->b[i];
        }
    }
}

/* How often words are in an example's summaries, as a share of all their words: out [n_words]. */
static void rates_of(const struct wf_salience_example *x, float *out)
{
    memset(out, 0, x->text.n_words * sizeof(*out));
    for (size_t r = 0; r < x->n_refs; r++) {
        const struct wf_salience_reference *ref = &x->refs[r];
        for (uint32_t i = 0; i < ref->n; i++) {
            if (ref->words[i] != UINT32_MAX)
                out[ref->words[i]] += 1.0f / (float)(ref->n * x->n_refs);
        }
    }
}

static void add_example(struct wf_salience_trainer *t, const struct wf_salience_example *x,
                        const float *rates, struct normal *io)
{
    bool about = x->text.is_about;
    double words = WORDS * x->weight;

    for (size_t i = 0; i < x->text.n_words; i++) {
        struct wf_salience_entry *e = &t->entries[x->table[i]];
        double log_rate = (double)e->weight[about], expected, there = words * (double)rates[i];
        float f[N];
        wf_salience_features(&x->text, i, f);
        for (size_t k = 0; k < N; k++)
            log_rate += (double)(t->fit[about].beta[k] * f[k]);
        expected = words * exp(fmin(log_rate, 0));
        e->there += there;
        e->expected += expected;
        for (size_t k = 0; k < N; k++) {
            io->b[k] += (there - expected) * (double)f[k];
            for (size_t j = 0; j < N; j++)
                io->a[k][j] += expected * (double)f[k] * (double)f[j];
        }
    }
}

int wf_salience__fit(struct wf_salience_trainer *t, bool about, struct wf_err *err)
{
    float *beta = t->fit[about].beta;
    size_t most = 1;
    float *rates;

    for (size_t i = 0; i < t->n; i++)
        most = t->examples[i].text.n_words > most ? t->examples[i].text.n_words : most;
    rates = wf_alloc_array(most, sizeof(*rates));
    if (rates == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to learn salience.");
    beta[0] = -7.5f; /* where steps begin: about a word of ten thousand */
    beta[1] = 0.3f;
    for (int round = 0; round < ROUNDS; round++) {
        struct normal s = {.b = {0}};
        for (size_t k = 0; k < t->n_entries; k++)
            t->entries[k].there = t->entries[k].expected = 0;
        for (size_t i = 0; i < t->n; i++) {
            const struct wf_salience_example *x = &t->examples[i];
            if (x->is_dev || x->text.is_about != about)
                continue;
            rates_of(x, rates);
            add_example(t, x, rates, &s);
        }
        if (round < 4 || round % 3 == 0) {
            for (size_t k = 0; k < N; k++)
                s.a[k][k] += RIDGE;
            solve(&s);
            for (size_t k = 0; k < N; k++)
                beta[k] += (float)fmax(-STEP_MAX, fmin(STEP_MAX, s.b[k]));
            continue;
        }
        for (size_t k = 0; k < t->n_entries; k++) {
            struct wf_salience_entry *e = &t->entries[k];
            if (e->n_texts >= WF_SALIENCE_TEXTS_MIN)
                e->weight[about] += (float)log((e->there + PULL) / (e->expected + PULL));
        }
    }
    wf_free(rates);
    return 0;
}

/* ---- measuring ---- */

/* The words that the first n chosen sentences share with a reference, as F1. left [n_words] is all
 * 0, and is again. */
static double f1_of(const struct wf_salience_example *x, const struct wf_salience_reference *ref,
                    const struct wf_salience_pick *picks, size_t n, int32_t *left)
{
    double shared = 0, n_words = 0;

    for (uint32_t i = 0; i < ref->n; i++) {
        if (ref->words[i] != UINT32_MAX)
            left[ref->words[i]]++;
    }
    for (size_t k = 0; k < n; k++) {
        for (uint32_t i = x->text.starts[picks[k].i]; i < x->text.starts[picks[k].i + 1]; i++)
            shared += left[x->text.ids[i]]-- > 0;
        n_words += x->text.starts[picks[k].i + 1] - x->text.starts[picks[k].i];
    }
    memset(left, 0, x->text.n_words * sizeof(*left));
    return n_words + ref->n > 0 ? 2 * shared / (n_words + ref->n) : 0;
}

/* The best of an example's references, each with as many sentences as it has. */
static int measure_one(struct wf_salience_trainer *t, const struct wf_salience_example *x,
                       double *out, struct wf_err *err)
{
    size_t n = 0;
    struct wf_salience_pick *picks;
    int32_t *left = wf_alloc_array(x->text.n_words + 1, sizeof(*left));
    int rc = 0;

    *out = 0;
    for (size_t r = 0; r < x->n_refs; r++)
        n = x->refs[r].n_sentences > n ? x->refs[r].n_sentences : n;
    n = n < x->text.n ? n : x->text.n;
    picks = wf_alloc_array(n + 1, sizeof(*picks));
    if (picks == NULL || left == NULL)
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory to measure salience.");
    for (size_t r = 0; r < x->n_refs && rc == 0; r++) {
        size_t m = x->refs[r].n_sentences < n ? x->refs[r].n_sentences : n;
        rc = wf_salience_choose(&t->table, &x->text, &(struct wf_salience_ask){x->logits, m}, m,
                                picks, err);
        if (rc == 0)
            *out = fmax(*out, f1_of(x, &x->refs[r], picks, m, left));
    }
    wf_free(picks);
    wf_free(left);
    return rc;
}

int wf_salience__measure(struct wf_salience_trainer *t, bool about, float encoder, unsigned half,
                         double *out, struct wf_err *err)
{
    double sum = 0, n = 0;
    int rc = 0;

    t->table.fit[about].encoder = encoder;
    for (size_t i = 0; i < t->n && rc == 0; i++) {
        const struct wf_salience_example *x = &t->examples[i];
        double one = 0;
        if (!x->is_dev || x->text.is_about != about || (half != 2 && x->half != (half == 1)))
            continue;
        rc = measure_one(t, x, &one, err);
        sum += x->weight * one;
        n += x->weight;
    }
    *out = n > 0 ? 100 * sum / n : 0;
    return rc;
}
