/* SPDX-License-Identifier: Apache-2.0 */
/* A fitted machine as a table (model/lens_linear.h). Sixteen levels are chosen by Lloyd's algorithm
 * (1957) among the weights, each counting by how often its gram is seen, so that what is lost is
 * lost where it is noticed least. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "train/linear_internal.h"

#define N_LEVELS WF_LENS_LINEAR_LEVELS
#define ROUNDS 40

struct value {
    float v, weight;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the table of a linear judge.");
}

static int by_value(const void *a, const void *b)
{
    float x = ((const struct value *)a)->v, y = ((const struct value *)b)->v;

    return (x > y) - (x < y);
}

static unsigned nearest(const float levels[N_LEVELS], float v)
{
    unsigned best = 0;

    for (unsigned i = 1; i < N_LEVELS; i++)
        best = fabsf(levels[i] - v) < fabsf(levels[best] - v) ? i : best;
    return best;
}

/* Values are sorted: a level's are a run of them. */
static void choose_levels(const struct value *values, size_t n, float levels[N_LEVELS])
{
    for (size_t i = 0; i < N_LEVELS; i++)
        levels[i] = n > 0 ? values[(2 * i + 1) * n / (2 * N_LEVELS)].v : 0.0f;
    for (int round = 0; round < ROUNDS; round++) {
        size_t at = 0;
        for (size_t i = 0; i < N_LEVELS; i++) {
            double sum = 0, weight = 0;
            float end = i + 1 < N_LEVELS ? (levels[i] + levels[i + 1]) / 2 : INFINITY;
            for (; at < n && values[at].v <= end; at++) {
                sum += (double)values[at].weight * (double)values[at].v;
                weight += (double)values[at].weight;
            }
            if (weight > 0)
                levels[i] = (float)(sum / weight);
        }
    }
}

/* The weight that the table is to say: what a gram's value is multiplied by is in it. */
static float weight_at(const struct wf_linear_set *s, size_t label, size_t f)
{
    const struct wf_linear_machine *m = &s->machine;

    if (m->keep != NULL && m->keep[label * m->n_features + f] == 0)
        return 0.0f;
    return m->weights[label * m->n_features + f] * s->rarity[f];
}

static int make_levels(struct wf_linear_set *s, struct wf_err *err)
{
    size_t n = 0;
    struct value *values;

    for (size_t i = 0; i < s->n_labels * s->n_features; i++)
        n += weight_at(s, i / s->n_features, i % s->n_features) != 0.0f;
    if (n > WF_LIMIT_LENS_GRAM_ENTRIES)
        return wf_err_set(err, WF_E_LIMIT, "The table of a linear judge would be too large.");
    s->parts.n_entries = (uint32_t)n;
    values = wf_alloc_array(n + 1, sizeof(*values));
    if (values == NULL)
        return no_memory(err);
    n = 0;
    for (size_t i = 0; i < s->n_labels * s->n_features; i++) {
        size_t f = i % s->n_features;
        float v = weight_at(s, i / s->n_features, f);
        if (v != 0.0f)
            values[n++] = (struct value){v, s->seen[f]};
    }
    if (n > 0)
        qsort(values, n, sizeof(*values), by_value);
    choose_levels(values, n, s->levels);
    wf_free(values);
    return 0;
}

static void put_number(struct wf_buf *b, uint32_t v)
{
    for (; v >= 0x80; v >>= 7)
        (void)wf_buf_append_byte(b, (char)(v | 0x80));
    (void)wf_buf_append_byte(b, (char)v);
}

struct packing {
    uint32_t last_gram, n_entries;
    unsigned half; /* the level that waits for a second one */
};

/* A gram with the labels that it has weights for, where there are any. */
static void put_gram(struct wf_linear_set *s, size_t f, struct packing *p)
{
    size_t labels[WF_LENS_LINEAR_LABELS_MAX], n = 0;

    for (size_t k = 0; k < s->n_labels; k++) {
        if (weight_at(s, k, f) != 0.0f)
            labels[n++] = k;
    }
    if (n == 0)
        return;
    put_number(&s->grams, s->gram_of[f] - p->last_gram);
    p->last_gram = s->gram_of[f];
    s->parts.n_grams++;
    for (size_t i = 0; i < n; i++) {
        size_t more = i == 0 ? labels[0] : labels[i] - labels[i - 1] - 1;
        unsigned level = nearest(s->levels, weight_at(s, labels[i], f));
        put_number(&s->grams, (uint32_t)(more << 1) | (i + 1 == n));
        if (p->n_entries++ % 2 == 0)
            p->half = level;
        else
            (void)wf_buf_append_byte(&s->weights, (char)(p->half | level << 4));
    }
}

int wf_linear_set_pack(struct wf_linear_set *s, struct wf_err *err)
{
    struct packing p = {0};
    int rc = make_levels(s, err);

    if (rc != 0)
        return rc;
    wf_buf_reset(&s->grams);
    wf_buf_reset(&s->weights);
    s->parts.n_grams = 0;
    for (size_t f = 0; f < s->n_features; f++)
        put_gram(s, f, &p);
    if (p.n_entries % 2 != 0)
        (void)wf_buf_append_byte(&s->weights, (char)p.half);
    /* whole 32-bit numbers */
    (void)wf_buf_append_fill(&s->grams, 0, (4 - s->grams.len % 4) % 4);
    (void)wf_buf_append_fill(&s->weights, 0, (4 - s->weights.len % 4) % 4);
    if (wf_buf_status(&s->grams) != 0 || wf_buf_status(&s->weights) != 0)
        return no_memory(err);
    s->parts.grams = wf_buf_str(&s->grams);
    s->parts.weights = wf_buf_str(&s->weights);
    s->parts.levels = s->levels;
    s->parts.biases = s->machine.biases;
    s->parts.n_labels = s->n_labels;
    return wf_lens_linear_read(&s->parts, &s->table, err);
}
