/* SPDX-License-Identifier: Apache-2.0 */
/* The dual of one label's problem has a number alpha for each text, at least 0; the weights are the
 * sum of alpha times the text's row, with the sign of its side. Passes go over the texts in another
 * order each time and set a text's alpha to its optimum while the others stand. Texts whose alpha
 * is 0 and that are far on their right side are left out for some passes (shrinking), which is most
 * of them: with 150 labels nearly every text is one of the others.
 *
 * Which weights count: what a weight adds to the scores of all rows, squared: w^2 times the sum of
 * the squares of its feature's values (as in LeCun et al. 1990, with the diagonal only). */
#include "train/linear.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "train/shuffle.h"

#define PASSES_MAX 40
#define TOLERANCE 0.1f /* of the greatest step of a pass, where it ends */
#define BIAS 1.0f      /* value of the feature that every text has */

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to fit a linear machine.");
}

int wf_linear_init(struct wf_linear_machine *out, size_t n_features, size_t n_labels,
                   struct wf_err *err)
{
    *out = (struct wf_linear_machine){.n_features = n_features, .n_labels = n_labels};
    out->weights = wf_alloc_array(n_labels, (n_features + 1) * sizeof(*out->weights));
    out->biases = wf_alloc_array(n_labels, sizeof(*out->biases));
    if (out->weights != NULL && out->biases != NULL)
        return 0;
    wf_linear_deinit(out);
    return no_memory(err);
}

void wf_linear_deinit(struct wf_linear_machine *m)
{
    wf_free(m->weights);
    wf_free(m->biases);
    wf_free(m->keep);
    *m = (struct wf_linear_machine){0};
}

/* ---- fitting ---- */

/* One label's problem. */
struct problem {
    const struct wf_linear_rows *x;
    const uint8_t *keep; /* [n_features] or NULL */
    float *w, *bias;
    float *alphas, *squares; /* [n] */
    uint32_t *active;        /* [n] texts that are looked at */
    size_t n_active;
    int32_t label;
};

static float dot(const struct problem *p, size_t i)
{
    const struct wf_linear_rows *x = p->x;
    float sum = *p->bias * BIAS;

    for (size_t k = x->starts[i]; k < x->starts[i + 1]; k++)
        sum += p->w[x->features[k]] * x->values[k];
    return sum;
}

static void move(struct problem *p, size_t i, float step)
{
    const struct wf_linear_rows *x = p->x;

    *p->bias += step * BIAS;
    if (p->keep == NULL) {
        for (size_t k = x->starts[i]; k < x->starts[i + 1]; k++)
            p->w[x->features[k]] += step * x->values[k];
        return;
    }
    for (size_t k = x->starts[i]; k < x->starts[i + 1]; k++) {
        if (p->keep[x->features[k]] != 0)
            p->w[x->features[k]] += step * x->values[k];
    }
}

static void begin(struct problem *p)
{
    const struct wf_linear_rows *x = p->x;

    memset(p->w, 0, x->n_features * sizeof(*p->w));
    *p->bias = 0;
    for (size_t i = 0; i < x->n; i++) {
        float sum = BIAS * BIAS;
        for (size_t k = x->starts[i]; k < x->starts[i + 1]; k++) {
            if (p->keep == NULL || p->keep[x->features[k]] != 0)
                sum += x->values[k] * x->values[k];
        }
        p->alphas[i] = 0;
        p->squares[i] = sum;
        p->active[i] = (uint32_t)i;
    }
    p->n_active = x->n;
}

/* One pass over what is active; returns how far apart the steps were that were still wanted. Texts
 * with a gradient above `far` are shrunk away. */
static float pass(struct problem *p, float far, uint64_t *io_draw, float *out_far)
{
    float most = -INFINITY, least = INFINITY;

    for (size_t i = p->n_active; i > 1; i--) {
        size_t k = (size_t)wf_draw_below(io_draw, i);
        uint32_t other = p->active[k];
        p->active[k] = p->active[i - 1];
        p->active[i - 1] = other;
    }
    for (size_t s = 0; s < p->n_active; s++) {
        uint32_t i = p->active[s];
        float side = p->x->labels[i] == p->label ? 1.0f : -1.0f;
        float soft = 0.5f / p->x->costs[i]; /* the square of a hinge: alpha is soft, not bounded */
        float g = side * dot(p, i) - 1.0f + soft * p->alphas[i], wanted = g, alpha = p->alphas[i];
        if (alpha == 0.0f) {
            if (g > far) {
                p->active[s--] = p->active[--p->n_active];
                p->active[p->n_active] = i;
                continue;
            }
            wanted = fminf(g, 0.0f);
        }
        most = fmaxf(most, wanted);
        least = fminf(least, wanted);
        if (fabsf(wanted) < 1e-6f)
            continue;
        p->alphas[i] = fmaxf(alpha - g / (p->squares[i] + soft), 0.0f);
        move(p, i, (p->alphas[i] - alpha) * side);
    }
    *out_far = most > 0.0f ? most : INFINITY;
    return most - least;
}

static void solve(struct problem *p, uint64_t seed)
{
    uint64_t draw = seed;
    float far = INFINITY;

    begin(p);
    for (int i = 0; i < PASSES_MAX; i++) {
        bool is_whole = p->n_active == p->x->n;
        float apart = pass(p, far, &draw, &far);
        if (apart > TOLERANCE)
            continue;
        if (is_whole)
            return;
        p->n_active = p->x->n; /* those that were left out are still in the array */
        far = INFINITY;
    }
}

int wf_linear_fit(struct wf_linear_machine *m, const struct wf_linear_rows *x, uint64_t seed,
                  struct wf_err *err)
{
    struct problem p = {.x = x};
    int rc = 0;

    assert(m->n_features == x->n_features);
    assert(m->n_labels == x->n_labels);
    p.alphas = wf_alloc_array(x->n + 1, sizeof(*p.alphas));
    p.squares = wf_alloc_array(x->n + 1, sizeof(*p.squares));
    p.active = wf_alloc_array(x->n + 1, sizeof(*p.active));
    if (p.alphas == NULL || p.squares == NULL || p.active == NULL)
        rc = no_memory(err);
    for (size_t k = 0; k < m->n_labels && rc == 0; k++) {
        p.label = (int32_t)k;
        p.w = m->weights + k * m->n_features;
        p.bias = &m->biases[k];
        p.keep = m->keep != NULL ? m->keep + k * m->n_features : NULL;
        solve(&p, wf_seed_mix(seed, k));
    }
    wf_free(p.alphas);
    wf_free(p.squares);
    wf_free(p.active);
    return rc;
}

/* ---- pruning ---- */

#define BINS 4096
#define BINS_A_DOUBLING 64.0f

/* Weights by how much they count, a doubling in 64 bins. */
static size_t bin_of(float count)
{
    float at = BINS / 2.0f + BINS_A_DOUBLING * log2f(count);

    return count > 0 ? (size_t)fminf(fmaxf(at, 0.0f), BINS - 1.0f) : 0;
}

int wf_linear_prune(struct wf_linear_machine *m, const struct wf_linear_rows *x, size_t n_max,
                    struct wf_err *err)
{
    size_t n_all = m->n_features * m->n_labels, bins[BINS] = {0}, at = BINS, n = 0;
    float *squares = wf_alloc_array(m->n_features + 1, sizeof(*squares));
    uint8_t *keep = wf_alloc_array(n_all + 1, 1);

    if (squares == NULL || keep == NULL) {
        wf_free(squares);
        wf_free(keep);
        return no_memory(err);
    }
    for (size_t i = 0; i < x->starts[x->n]; i++)
        squares[x->features[i]] += x->values[i] * x->values[i];
    for (size_t i = 0; i < n_all; i++)
        bins[bin_of(m->weights[i] * m->weights[i] * squares[i % m->n_features])]++;
    while (at > 1 && n + bins[at - 1] <= n_max)
        n += bins[--at];
    for (size_t i = 0; i < n_all; i++)
        keep[i] = bin_of(m->weights[i] * m->weights[i] * squares[i % m->n_features]) >= at;
    wf_free(squares);
    wf_free(m->keep);
    m->keep = keep;
    return 0;
}

void wf_linear_score(const struct wf_linear_machine *m, const uint32_t *features,
                     const float *values, size_t n, float *out)
{
    for (size_t k = 0; k < m->n_labels; k++) {
        const float *w = m->weights + k * m->n_features;
        float sum = m->biases[k] * BIAS;
        for (size_t i = 0; i < n; i++)
            sum += w[features[i]] * values[i];
        out[k] = sum;
    }
}
