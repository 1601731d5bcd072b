/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of numbers, sums of rows, and a product of few dimensions: small enough beside the network
 * to be written plainly. */
#include "train/wide.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "kern/kern.h"
#include "model/lens_ngram.h"
#include "train/shuffle.h"

struct side {
    uint32_t *grams; /* [n_grams] text after text */
    size_t *starts;  /* [n_texts + 1] */
    size_t n_grams, cap_grams, n_texts, cap_texts;
};

struct wf_wide {
    uint32_t n_buckets;
    struct side sides[2];
    uint32_t *used; /* n-grams of the last forward, text after text */
    size_t *firsts; /* [n + 1] where each text's begin */
    float *sums;    /* [n, n_dims] and one row for gradients */
    size_t cap_used, cap_firsts, cap_sums, n;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the n-grams of texts.");
}

int wf_wide_new(uint32_t n_buckets, struct wf_wide **out, struct wf_err *err)
{
    *out = wf_alloc_array(1, sizeof(**out));
    if (*out == NULL)
        return no_memory(err);
    (*out)->n_buckets = n_buckets;
    return 0;
}

void wf_wide_free(struct wf_wide *w)
{
    if (w == NULL)
        return;
    for (size_t i = 0; i < WF_ARRAY_LEN(w->sides); i++) {
        wf_free(w->sides[i].grams);
        wf_free(w->sides[i].starts);
    }
    wf_free(w->used);
    wf_free(w->firsts);
    wf_free(w->sums);
    wf_free(w);
}

/* Room for n of *io_p's items; WF_E_NOMEM leaves all as it was. */
static int reserve(void *io_p, size_t *io_cap, size_t n, size_t item_bytes)
{
    size_t cap = *io_cap > 0 ? *io_cap : 256;
    void *p;

    if (n <= *io_cap)
        return 0;
    while (cap < n)
        cap *= 2;
    memcpy(&p, io_p, sizeof(p));
    p = wf_realloc_array(p, cap, item_bytes);
    if (p == NULL)
        return WF_E_NOMEM;
    memcpy(io_p, &p, sizeof(p));
    *io_cap = cap;
    return 0;
}

int wf_wide_add(struct wf_wide *w, bool is_dev, struct wf_str text, struct wf_err *err)
{
    struct side *s = &w->sides[is_dev];
    uint32_t grams[WF_LENS_NGRAMS_MAX];
    size_t n = wf_lens_ngrams(text, w->n_buckets, grams);

    if (reserve(&s->grams, &s->cap_grams, s->n_grams + n, sizeof(*s->grams)) != 0 ||
        reserve(&s->starts, &s->cap_texts, s->n_texts + 2, sizeof(*s->starts)) != 0)
        return no_memory(err);
    s->starts[0] = 0;
    memcpy(s->grams + s->n_grams, grams, n * sizeof(*grams));
    s->n_grams += n;
    s->starts[++s->n_texts] = s->n_grams;
    return 0;
}

/* The n-grams that count this time, into w->used. */
static int choose(struct wf_wide *w, const struct side *s, const uint32_t *which, size_t n,
                  double dropout, uint64_t seed)
{
    size_t n_used = 0, k = 0;

    for (size_t i = 0; i < n; i++)
        n_used += s->starts[which[i] + 1] - s->starts[which[i]];
    if (reserve(&w->used, &w->cap_used, n_used + 1, sizeof(*w->used)) != 0 ||
        reserve(&w->firsts, &w->cap_firsts, n + 1, sizeof(*w->firsts)) != 0)
        return WF_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        w->firsts[i] = k;
        for (size_t j = s->starts[which[i]]; j < s->starts[which[i] + 1]; j++) {
            if (dropout <= 0 || wf_draw_real(&seed) >= dropout)
                w->used[k++] = s->grams[j];
        }
    }
    w->firsts[n] = k;
    w->n = n;
    return 0;
}

/* What a text's rows are multiplied by: long texts do not count for more. */
static float share(const struct wf_wide *w, size_t i)
{
    size_t n = w->firsts[i + 1] - w->firsts[i];

    return n > 0 ? 1.0f / sqrtf((float)n) : 0.0f;
}

int wf_wide_forward(struct wf_wide *w, struct wf_net *net, const struct wf_wide_head *h,
                    bool is_dev, const uint32_t *which, size_t n, double dropout, uint64_t seed,
                    float *out, struct wf_err *err)
{
    const struct wf_kern *kern = wf_kern();
    size_t dims = h->embed->cols, labels = h->weight->rows;
    const float *embed = wf_net_values(net) + h->embed->offset;
    const float *weight = wf_net_values(net) + h->weight->offset;

    assert(h->embed->rows == w->n_buckets);
    if (choose(w, &w->sides[is_dev], which, n, dropout, seed) != 0 ||
        reserve(&w->sums, &w->cap_sums, (n + 1) * dims, sizeof(*w->sums)) != 0)
        return no_memory(err);
    memset(w->sums, 0, (n + 1) * dims * sizeof(*w->sums));
    for (size_t i = 0; i < n; i++) {
        float *sum = w->sums + i * dims;
        for (size_t k = w->firsts[i]; k < w->firsts[i + 1]; k++)
            kern->axpy(share(w, i), embed + w->used[k] * dims, sum, dims);
        for (size_t j = 0; j < labels; j++) {
            float dot = 0.0f;
            for (size_t d = 0; d < dims; d++)
                dot += weight[j * dims + d] * sum[d];
            out[i * labels + j] = dot;
        }
    }
    return 0;
}

void wf_wide_backward(struct wf_wide *w, struct wf_net *net, const struct wf_wide_head *h,
                      const float *d_scores)
{
    const struct wf_kern *kern = wf_kern();
    size_t dims = h->embed->cols, labels = h->weight->rows;
    const float *weight = wf_net_values(net) + h->weight->offset;
    float *d_embed = wf_net_grads(net) + h->embed->offset;
    float *d_weight = wf_net_grads(net) + h->weight->offset;
    float *d_sum = w->sums + w->n * dims;

    for (size_t i = 0; i < w->n; i++) {
        memset(d_sum, 0, dims * sizeof(*d_sum));
        for (size_t j = 0; j < labels; j++) {
            float d = d_scores[i * labels + j];
            if (d == 0.0f)
                continue;
            kern->axpy(d, weight + j * dims, d_sum, dims);
            kern->axpy(d, w->sums + i * dims, d_weight + j * dims, dims);
        }
        for (size_t k = w->firsts[i]; k < w->firsts[i + 1]; k++)
            kern->axpy(share(w, i), d_sum, d_embed + w->used[k] * dims, dims);
    }
}
