/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs of texts that belong together. All rows (a, then b, then others) go through the head as one
 * product, z. For each number of dims D, u is the beginning of z at length 1, and S = u_a u_k^T / T
 * with k over b and others. Rows of S are held against the diagonal, and so are the columns of b,
 * as rows of its turned copy; half of each is the loss. Back: dS (the two halves summed), du = dS
 * times the other side, dz = (du - u (u du)) / |z|. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "train/loss_internal.h"

struct work {
    struct wf_loss_room *r;
    const struct wf_loss_pairs *p;
    size_t n, n_keys, n_all; /* pairs; b and others; a, b and others */
    size_t width;            /* of z */
    float *x, *dx;           /* [n_all, dim] */
    float *z, *dz;           /* [n_all, width] */
    float *u, *du;           /* [n_all, width], rows of D values side by side */
    float *length;           /* [n_all] of z's beginnings */
    float *s, *turned;       /* [n, n_keys], [n, n] */
};

static int make_room(struct work *w, struct wf_err *err)
{
    size_t dim = w->r->net->p->dim, all = w->n_all;
    float *at = wf_loss__room(
        w->r, all * (2 * dim + 4 * w->width + 1) + w->n * (w->n_keys + w->n) + 1, err);

    if (at == NULL)
        return WF_E_NOMEM;
    w->x = at;
    w->dx = w->x + all * dim;
    w->z = w->dx + all * dim;
    w->dz = w->z + all * w->width;
    w->u = w->dz + all * w->width;
    w->du = w->u + all * w->width;
    w->length = w->du + all * w->width;
    w->s = w->length + all;
    w->turned = w->s + w->n * w->n_keys;
    return 0;
}

static void gather_all(struct work *w, const float *hidden)
{
    struct wf_net *n = w->r->net;
    size_t dim = n->p->dim;

    wf_loss__gather(n, hidden, &w->p->a, 0, w->n, w->x);
    wf_loss__gather(n, hidden, &w->p->b, 0, w->n, w->x + w->n * dim);
    wf_loss__gather(n, hidden, &w->p->others, 0, w->p->others.n, w->x + 2 * w->n * dim);
    if (w->p->head.weight != NULL)
        wf_loss__apply(n, &w->p->head, w->x, w->n_all, w->z);
    else
        memcpy(w->z, w->x, w->n_all * w->width * sizeof(float));
}

/* The first d values of a row of z to length 1; their length. */
static float shorten(const float *z, size_t d, float *u)
{
    double square = 0;
    float length;

    for (size_t i = 0; i < d; i++)
        square += (double)z[i] * (double)z[i];
    length = (float)fmax(sqrt(square), 1e-12);
    for (size_t i = 0; i < d; i++)
        u[i] = z[i] / length;
    return length;
}

static void product(const struct work *w, size_t m, size_t n, size_t k, const float *a,
                    bool a_turned, const float *b, bool b_turned, float *c)
{
    struct wf_gemm g = {.m = m,
                        .n = n,
                        .k = k,
                        .a = a,
                        .b = b,
                        .c = c,
                        .lda = a_turned ? m : k,
                        .ldb = b_turned ? k : n,
                        .ldc = n,
                        .a_turned = a_turned,
                        .b_turned = b_turned};

    /* Cosines over a small temperature want more digits than BF16 has. */
    wf_gemm_run(w->r->net->room, w->r->net->gang, WF_GEMM_F32, &g);
}

static bool excludes(const struct work *w, size_t i, size_t j)
{
    return i != j && i < w->n && j < w->n && w->p->groups != NULL &&
           w->p->groups[i] == w->p->groups[j];
}

/* Row i of scores over the temperature to its gradient times step; the loss. */
static double row_loss(const struct work *w, float *x, size_t n, size_t i, float step,
                       bool *out_right)
{
    double most = -INFINITY, sum, at, t = (double)w->p->temperature;

    for (size_t j = 0; j < n; j++) {
        if (excludes(w, i, j))
            x[j] = -INFINITY;
        most = fmax(most, (double)x[j]);
    }
    at = (double)x[i];
    *out_right = at >= most;
    sum = exp(((double)x[0] - most) / t);
    for (size_t j = 1; j < n; j++)
        sum += exp(((double)x[j] - most) / t);
    for (size_t j = 0; j < n; j++)
        x[j] = step * (float)(exp(((double)x[j] - most) / t) / sum);
    x[i] -= step;
    return log(sum) + (most - at) / t;
}

/* Scores of beginnings of d values, their loss, and (with step) their gradients in their place. */
static double score(struct work *w, size_t d, float step, size_t *out_right)
{
    double loss = 0;
    bool right;

    for (size_t i = 0; i < w->n_all; i++)
        w->length[i] = shorten(w->z + i * w->width, d, w->u + i * d);
    product(w, w->n, w->n_keys, d, w->u, false, w->u + w->n * d, true, w->s);
    for (size_t i = 0; i < w->n; i++) {
        for (size_t j = 0; j < w->n; j++)
            w->turned[i * w->n + j] = w->s[j * w->n_keys + i];
    }
    *out_right = 0;
    for (size_t i = 0; i < w->n; i++) {
        loss += 0.5 * row_loss(w, w->s + i * w->n_keys, w->n_keys, i, 0.5f * step, &right);
        *out_right += right;
        loss += 0.5 * row_loss(w, w->turned + i * w->n, w->n, i, 0.5f * step, &right);
    }
    for (size_t i = 0; i < w->n; i++) {
        for (size_t j = 0; j < w->n; j++)
            w->s[j * w->n_keys + i] += w->turned[i * w->n + j];
    }
    return loss / (double)w->n;
}

/* Adds what the scores' gradients ask of z. */
static void score_back(struct work *w, size_t d)
{
    product(w, w->n, d, w->n_keys, w->s, false, w->u + w->n * d, false, w->du);
    product(w, w->n_keys, d, w->n, w->s, true, w->u, false, w->du + w->n * d);
    for (size_t i = 0; i < w->n_all; i++) {
        const float *u = w->u + i * d, *du = w->du + i * d;
        float *dz = w->dz + i * w->width;
        double along = 0;
        for (size_t j = 0; j < d; j++)
            along += (double)u[j] * (double)du[j];
        for (size_t j = 0; j < d; j++)
            dz[j] += (du[j] - u[j] * (float)along) / w->length[i];
    }
}

static void give_back(struct work *w, float *d_hidden)
{
    struct wf_net *n = w->r->net;
    size_t dim = n->p->dim;
    float *dx = w->p->head.weight != NULL ? w->dx : w->dz;

    if (w->p->head.weight != NULL)
        wf_loss__apply_back(n, &w->p->head, w->x, w->dz, w->n_all, dx);
    wf_loss__scatter(n, &w->p->a, 0, w->n, dx, d_hidden);
    wf_loss__scatter(n, &w->p->b, 0, w->n, dx + w->n * dim, d_hidden);
    wf_loss__scatter(n, &w->p->others, 0, w->p->others.n, dx + 2 * w->n * dim, d_hidden);
}

int wf_loss_pairs(struct wf_loss_room *r, const struct wf_loss_of *of,
                  const struct wf_loss_pairs *p, struct wf_loss_result *out, struct wf_err *err)
{
    struct work w = {.r = r, .p = p, .n = p->a.n, .n_keys = p->b.n + p->others.n};
    size_t n_dims = p->n_dims > 0 ? p->n_dims : 1, n_right = 0;
    struct wf_loss_result result = {.weight = (double)p->a.n};
    float step;
    int rc;

    assert(p->a.n == p->b.n);
    assert(p->temperature > 0.0f);
    w.n_all = w.n + w.n_keys;
    w.width = p->head.weight != NULL ? p->head.weight->rows : r->net->p->dim;
    rc = make_room(&w, err);
    if (rc != 0 || w.n == 0) {
        *out = rc == 0 ? result : *out;
        return rc;
    }
    step = of->scale / ((float)w.n * (float)n_dims * p->temperature);
    gather_all(&w, of->hidden);
    memset(w.dz, 0, w.n_all * w.width * sizeof(float));
    for (size_t i = 0; i < n_dims; i++) {
        size_t d = p->n_dims > 0 ? p->dims[i] : w.width;
        assert(d >= 1 && d <= w.width);
        result.loss += score(&w, d, step, &n_right) / (double)n_dims;
        if (i == 0)
            result.n_right = n_right;
        if (of->d_hidden != NULL)
            score_back(&w, d);
    }
    if (of->d_hidden != NULL)
        give_back(&w, of->d_hidden);
    *out = result;
    return 0;
}

int wf_loss_embed(struct wf_loss_room *r, const float *hidden, const struct wf_loss_rows *rows,
                  const struct wf_loss_head *head, float *out, struct wf_err *err)
{
    size_t dim = r->net->p->dim, width = head->weight != NULL ? head->weight->rows : dim;
    float *x = wf_loss__room(r, rows->n * dim + 1, err);

    if (x == NULL)
        return WF_E_NOMEM;
    wf_loss__gather(r->net, hidden, rows, 0, rows->n, x);
    if (head->weight != NULL)
        wf_loss__apply(r->net, head, x, rows->n, out);
    else
        memcpy(out, x, rows->n * dim * sizeof(float));
    for (size_t i = 0; i < rows->n; i++)
        (void)shorten(out + i * width, width, out + i * width);
    return 0;
}
