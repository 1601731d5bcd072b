/* SPDX-License-Identifier: Apache-2.0 */
/* The arrays are cut into blocks within tensors; a block is summed by one thread in double
 * precision, and the blocks' sums are added in order, so that the norm has the same bits whoever
 * did what. AdamW's update is value by value; Muon's matrix by matrix. */
#include "train/optimiser.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "train/muon.h"

#define BLOCK ((size_t)1 << 15)

struct block {
    size_t from, to; /* of the flat arrays */
    size_t i_tensor;
};

struct wf_optimiser {
    struct wf_optimiser_options o;
    const struct wf_net_tensor *tensors;
    size_t n_tensors, n_values;
    float *factors; /* [n_tensors] */
    float *first, *second;
    struct block *blocks;
    double *sums;         /* [n_blocks] */
    struct wf_muon *muon; /* NULL: all by AdamW */
    size_t n_blocks;
    uint64_t count;
};

/* One step, for the gang. */
struct update {
    struct wf_optimiser *a;
    const float *grads;
    float *values;
    double rate;
    float scale; /* of gradients, by clipping */
    float first_scale, second_scale;
};

static size_t tensor_size(const struct wf_net_tensor *t)
{
    return (size_t)t->rows * t->cols;
}

/* Matrices of the layers; embeddings, norms and heads stay with AdamW. */
static bool is_muons(const struct wf_optimiser *a, const struct wf_net_tensor *t)
{
    return a->o.uses_muon && strncmp(t->name, "blk.", 4) == 0 && t->rows > 1 && t->cols > 1;
}

static int make_muon(struct wf_optimiser *a, struct wf_err *err)
{
    size_t n_max = 0, side_max = 0;

    for (size_t i = 0; i < a->n_tensors; i++) {
        const struct wf_net_tensor *t = &a->tensors[i];
        size_t side = WF_MIN(t->rows, t->cols);
        if (!is_muons(a, t))
            continue;
        n_max = WF_MAX(n_max, tensor_size(t));
        side_max = WF_MAX(side_max, side);
    }
    return n_max > 0 ? wf_muon_new(n_max, side_max, &a->muon, err) : 0;
}

static void cut(struct wf_optimiser *a)
{
    size_t n = 0;

    for (size_t i = 0; i < a->n_tensors; i++) {
        size_t end = a->tensors[i].offset + tensor_size(&a->tensors[i]);
        assert(end <= a->n_values);
        for (size_t at = a->tensors[i].offset; at < end; at += BLOCK)
            a->blocks[n++] = (struct block){at, at + BLOCK < end ? at + BLOCK : end, i};
    }
    assert(n == a->n_blocks);
}

int wf_optimiser_new(const struct wf_optimiser_options *o, const struct wf_net_tensor *tensors,
                     size_t n_tensors, size_t n_values, struct wf_optimiser **out,
                     struct wf_err *err)
{
    struct wf_optimiser *a = wf_alloc_array(1, sizeof(*a));

    if (a == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the optimiser.");
    a->o = *o;
    a->tensors = tensors;
    a->n_tensors = n_tensors;
    a->n_values = n_values;
    for (size_t i = 0; i < n_tensors; i++)
        a->n_blocks += (tensor_size(&tensors[i]) + BLOCK - 1) / BLOCK;
    a->factors = wf_alloc_array(n_tensors, sizeof(*a->factors));
    a->first = wf_alloc_array(n_values, sizeof(*a->first));
    a->second = wf_alloc_array(n_values, sizeof(*a->second));
    a->blocks = wf_alloc_array(a->n_blocks, sizeof(*a->blocks));
    a->sums = wf_alloc_array(a->n_blocks, sizeof(*a->sums));
    if (a->factors == NULL || a->first == NULL || a->second == NULL || a->blocks == NULL ||
        a->sums == NULL) {
        wf_optimiser_free(a);
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the optimiser.");
    }
    for (size_t i = 0; i < n_tensors; i++)
        a->factors[i] = 1.0f;
    cut(a);
    if (make_muon(a, err) != 0) {
        wf_optimiser_free(a);
        return WF_E_NOMEM;
    }
    *out = a;
    return 0;
}

void wf_optimiser_free(struct wf_optimiser *a)
{
    if (a == NULL)
        return;
    wf_free(a->factors);
    wf_free(a->first);
    wf_free(a->second);
    wf_free(a->blocks);
    wf_free(a->sums);
    wf_muon_free(a->muon);
    wf_free(a);
}

float *wf_optimiser_first(struct wf_optimiser *a)
{
    return a->first;
}

float *wf_optimiser_second(struct wf_optimiser *a)
{
    return a->second;
}

uint64_t *wf_optimiser_count(struct wf_optimiser *a)
{
    return &a->count;
}

void wf_optimiser_set_factor(struct wf_optimiser *a, size_t i_tensor, float factor)
{
    assert(i_tensor < a->n_tensors);
    a->factors[i_tensor] = factor;
}

static void sum_blocks(void *ud, size_t i, size_t n)
{
    struct update *u = ud;
    struct wf_optimiser *a = u->a;
    size_t from, to;

    wf_gang_part(a->n_blocks, 1, i, n, &from, &to);
    for (size_t k = from; k < to; k++) {
        const struct block *b = &a->blocks[k];
        double lanes[4] = {0};
        a->sums[k] = 0;
        if (a->factors[b->i_tensor] == 0.0f)
            continue;
        for (size_t at = b->from; at < b->to; at++)
            lanes[at % 4] += (double)u->grads[at] * (double)u->grads[at];
        a->sums[k] = lanes[0] + lanes[1] + (lanes[2] + lanes[3]);
    }
}

/* Pointers that do not overlap and numbers in registers: the compiler makes vectors of it. */
static void update_block(size_t n, const float *restrict g, float *restrict w, float *restrict m,
                         float *restrict v, const float c[8])
{
    const float scale = c[0], b1 = c[1], b2 = c[2], s1 = c[3], s2 = c[4], eps = c[5], rate = c[6],
                keep = c[7];

    for (size_t i = 0; i < n; i++) {
        float x = g[i] * scale;
        float first = b1 * m[i] + (1.0f - b1) * x;
        float second = b2 * v[i] + (1.0f - b2) * x * x;
        m[i] = first;
        v[i] = second;
        w[i] = keep * w[i] - rate * (first * s1 / (sqrtf(second * s2) + eps));
    }
}

static void update_blocks(void *ud, size_t i, size_t n)
{
    struct update *u = ud;
    struct wf_optimiser *a = u->a;
    size_t from, to;

    wf_gang_part(a->n_blocks, 1, i, n, &from, &to);
    for (size_t k = from; k < to; k++) {
        const struct block *b = &a->blocks[k];
        float factor = a->factors[b->i_tensor];
        double rate = u->rate * (double)factor;
        double decay = a->tensors[b->i_tensor].decays ? a->o.decay : 0;
        float c[8] = {u->scale,       (float)a->o.beta1,        (float)a->o.beta2,
                      u->first_scale, u->second_scale,          (float)a->o.eps,
                      (float)rate,    (float)(1 - rate * decay)};
        if (factor != 0.0f && !is_muons(a, &a->tensors[b->i_tensor]))
            update_block(b->to - b->from, u->grads + b->from, u->values + b->from,
                         a->first + b->from, a->second + b->from, c);
    }
}

static void update_matrices(struct wf_optimiser *a, const struct wf_optimiser_means *means,
                            const struct update *u)
{
    for (size_t i = 0; i < a->n_tensors; i++) {
        const struct wf_net_tensor *t = &a->tensors[i];
        struct wf_muon_step s = {.value = u->values + t->offset,
                                 .grad = u->grads + t->offset,
                                 .momentum = a->first + t->offset,
                                 .rows = t->rows,
                                 .cols = t->cols,
                                 .grad_scale = u->scale,
                                 .rate = (float)(u->rate * (double)a->factors[i]),
                                 .decay = t->decays ? (float)a->o.decay : 0.0f,
                                 .beta = (float)a->o.momentum};
        if (is_muons(a, t) && a->factors[i] != 0.0f)
            wf_muon_apply(a->muon, means->room, means->gang, means->kind, &s);
    }
}

bool wf_optimiser_step(struct wf_optimiser *a, const struct wf_optimiser_means *means, double rate,
                       const float *grads, float *values, double *out_norm)
{
    struct update u = {.a = a, .grads = grads, .values = values, .rate = rate, .scale = 1.0f};
    double sum = 0;

    wf_gang_run(means->gang, sum_blocks, &u);
    for (size_t i = 0; i < a->n_blocks; i++)
        sum += a->sums[i];
    *out_norm = sqrt(sum);
    if (!isfinite(sum))
        return false;
    if (a->o.clip > 0 && *out_norm > a->o.clip)
        u.scale = (float)(a->o.clip / *out_norm);
    a->count++;
    u.first_scale = (float)(1 / (1 - pow(a->o.beta1, (double)a->count)));
    u.second_scale = (float)(1 / (1 - pow(a->o.beta2, (double)a->count)));
    wf_gang_run(means->gang, update_blocks, &u);
    update_matrices(a, means, &u);
    return true;
}
