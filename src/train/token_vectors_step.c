/* SPDX-License-Identifier: Apache-2.0 */
/* One step: vectors of a batch's texts (sums of rows, at length 1), their cosines over the
 * temperature, and InfoNCE in both directions. Cosines are at most 1, so exponentials are taken of
 * (cosine - 1) / T, once, and serve rows and columns: with E these, r their sums over a row and c
 * over a column of b, dS = (E / r + E / c) / 2 - 1 on the diagonal. Then du = dS times the other
 * side, ds = (du - u (u du)) / |s|, which every row of the text's tokens gets. Some tokens are left
 * out at random, so that texts are not known by a single one. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "kern/kern.h"
#include "train/shuffle.h"
#include "train/task_list.h"
#include "train/token_vectors_internal.h"

#define LEFT_OUT 0.1
#define SIDE_MAX 8192 /* of a product: pairs, and what is held against them */

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to fit vectors.");
}

int wf_token_vectors__steps_init(struct wf_token_vectors__steps *out, struct wf_embed *e,
                                 struct wf_token_vectors__table *t, uint64_t seed,
                                 struct wf_err *err)
{
    struct wf_token_vectors__steps s = {.e = e, .t = t, .draw = seed};
    int rc = wf_gemm_room_new(1, SIDE_MAX, &s.room, err);

    s.is_kept = wf_alloc_array(e->place.n_tokens_max + 1, sizeof(*s.is_kept));
    *out = s;
    if (rc == 0 && s.is_kept == NULL)
        rc = no_memory(err);
    if (rc != 0)
        wf_token_vectors__steps_deinit(out);
    return rc;
}

static void free_room(struct wf_token_vectors__steps *s)
{
    wf_free(s->u);
    wf_free(s->du);
    wf_free(s->lengths);
    wf_free(s->sums);
    wf_free(s->columns);
    wf_free(s->scores);
    s->u = s->du = s->lengths = s->sums = s->columns = s->scores = NULL;
    s->cap_rows = s->cap_scores = 0;
}

void wf_token_vectors__steps_deinit(struct wf_token_vectors__steps *s)
{
    free_room(s);
    wf_free(s->is_kept);
    wf_gemm_room_free(s->room);
    *s = (struct wf_token_vectors__steps){0};
}

static int reserve(struct wf_token_vectors__steps *s, size_t n_rows, size_t n_scores,
                   struct wf_err *err)
{
    size_t rows = WF_MAX(2 * n_rows, s->cap_rows), scores = WF_MAX(2 * n_scores, s->cap_scores);

    if (n_rows <= s->cap_rows && n_scores <= s->cap_scores)
        return 0;
    free_room(s);
    s->u = wf_alloc_array(rows, s->t->width * sizeof(*s->u));
    s->du = wf_alloc_array(rows, s->t->width * sizeof(*s->du));
    s->lengths = wf_alloc_array(rows, sizeof(*s->lengths));
    s->sums = wf_alloc_array(rows, sizeof(*s->sums));
    s->columns = wf_alloc_array(rows, sizeof(*s->columns));
    s->scores = wf_alloc_array(scores, sizeof(*s->scores));
    if (s->u == NULL || s->du == NULL || s->lengths == NULL || s->sums == NULL ||
        s->columns == NULL || s->scores == NULL)
        return no_memory(err);
    s->cap_rows = rows;
    s->cap_scores = scores;
    return 0;
}

static void product(const struct wf_token_vectors__steps *s, struct wf_gemm g)
{
    g.lda = g.a_turned ? g.m : g.k;
    g.ldb = g.b_turned ? g.k : g.n;
    g.ldc = g.n;
    wf_gemm_run(s->room, NULL, WF_GEMM_F32, &g);
}

/* ---- forward ---- */

static bool is_mark(const struct wf_embed *e, int32_t id)
{
    return id == e->begin || id == e->question || id == e->passage;
}

/* The k-th text of kind r (a, b, against) to row `at`. */
static void sum_text(struct wf_token_vectors__steps *s, unsigned r, size_t k, size_t at)
{
    const struct wf_embed__batch *b = &s->e->b;
    size_t width = s->t->width;
    float *u = s->u + at * width;
    double square = 1e-20;

    memset(u, 0, width * sizeof(*u));
    for (uint32_t i = b->from[r][k]; i < b->to[r][k]; i++) {
        s->is_kept[i] = !is_mark(s->e, b->ids[i]) && wf_draw_real(&s->draw) >= LEFT_OUT;
        if (s->is_kept[i] != 0)
            wf_kern()->axpy(1.0f, wf_token_vectors__row(s->t, b->ids[i]), u, width);
    }
    for (size_t i = 0; i < width; i++)
        square += (double)u[i] * (double)u[i];
    s->lengths[at] = (float)sqrt(square);
    for (size_t i = 0; i < width; i++)
        u[i] /= s->lengths[at];
}

/* Scores to exponentials, their sums; the loss. */
static double exponentials(struct wf_token_vectors__steps *s, size_t n, size_t n_keys)
{
    const struct wf_embed__batch *b = &s->e->b;
    float sharp = (float)(1 / s->e->s.temperature);
    double loss = 0;

    memset(s->columns, 0, n * sizeof(*s->columns));
    for (size_t i = 0; i < n; i++) {
        float *x = s->scores + i * n_keys;
        for (size_t j = 0; j < n_keys; j++)
            x[j] *= sharp;
        loss += (double)(sharp - x[i]);
        for (size_t j = 0; j < n; j++) {
            if (j != i && b->groups[j] == b->groups[i])
                x[j] = -INFINITY;
        }
        s->sums[i] = wf_kern()->exp_sum(x, sharp, n_keys);
        wf_kern()->axpy(1.0f, x, s->columns, n);
        loss += 0.5 * log((double)s->sums[i]);
    }
    for (size_t j = 0; j < n; j++)
        loss += 0.5 * log((double)s->columns[j]);
    return loss / (double)n;
}

/* ---- back ---- */

static void score_grads(struct wf_token_vectors__steps *s, size_t n, size_t n_keys)
{
    for (size_t j = 0; j < n; j++)
        s->columns[j] = 0.5f / s->columns[j];
    for (size_t i = 0; i < n; i++) {
        float *x = s->scores + i * n_keys, share = 0.5f / s->sums[i];
        for (size_t j = 0; j < n; j++)
            x[j] *= share + s->columns[j];
        for (size_t j = n; j < n_keys; j++)
            x[j] *= share;
        x[i] -= 1.0f;
    }
}

static void give_back(struct wf_token_vectors__steps *s, unsigned r, size_t k, size_t at,
                      float scale)
{
    const struct wf_embed__batch *b = &s->e->b;
    size_t width = s->t->width;
    float *u = s->u + at * width, *du = s->du + at * width, along = 0.0f;

    for (size_t i = 0; i < width; i++)
        along += u[i] * du[i];
    for (size_t i = 0; i < width; i++)
        du[i] = scale * (du[i] - u[i] * along) / s->lengths[at];
    for (uint32_t i = b->from[r][k]; i < b->to[r][k]; i++) {
        if (s->is_kept[i] != 0)
            wf_token_vectors__touch(s->t, b->ids[i], du);
    }
}

int wf_token_vectors__step(struct wf_token_vectors__steps *s, float rate, double *out_loss,
                           size_t *out_n, struct wf_err *err)
{
    const struct wf_embed__batch *b = &s->e->b;
    size_t width = s->t->width, n, n_keys, at = 0;
    struct wf_net_batch unused;
    int rc = wf_task_embed.next(s->e, 0, &unused, err);

    if (rc != 0)
        return rc;
    n = b->n[0];
    n_keys = n + b->n[2];
    assert(n_keys <= SIDE_MAX);
    rc = reserve(s, n + n_keys, n * n_keys, err);
    if (rc != 0)
        return rc;
    for (unsigned r = 0; r < WF_ARRAY_LEN(b->n); r++) {
        for (size_t k = 0; k < b->n[r]; k++)
            sum_text(s, r, k, at++);
    }
    float *keys = s->u + n * width, *d_keys = s->du + n * width;
    product(s, (struct wf_gemm){.m = n,
                                .n = n_keys,
                                .k = width,
                                .a = s->u,
                                .b = keys,
                                .b_turned = true,
                                .c = s->scores});
    *out_loss = exponentials(s, n, n_keys);
    *out_n = n;
    score_grads(s, n, n_keys);
    product(s, (struct wf_gemm){
                   .m = n, .n = width, .k = n_keys, .a = s->scores, .b = keys, .c = s->du});
    product(s, (struct wf_gemm){.m = n_keys,
                                .n = width,
                                .k = n,
                                .a = s->scores,
                                .a_turned = true,
                                .b = s->u,
                                .c = d_keys});
    at = 0;
    for (unsigned r = 0; r < WF_ARRAY_LEN(b->n); r++) {
        for (size_t k = 0; k < b->n[r]; k++)
            give_back(s, r, k, at++, (float)(1 / (s->e->s.temperature * (double)n)));
    }
    wf_token_vectors__move(s->t, rate);
    return 0;
}
