/* SPDX-License-Identifier: Apache-2.0 */
/* What the encoder, the table and both are worth on what is kept aside, by the exam of the task
 * embed. The encoder reads every text once; what it said is kept. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "kern/dtype.h"
#include "kern/kern.h"
#include "train/token_vectors_internal.h"

#define BATCH_TOKENS 8192u
#define DIMS WF_EMBED__DIMS

struct wf_token_vectors__exam {
    struct wf_embed *e;
    struct wf_runner *runner;
    size_t dim;
    float *weight, *bias; /* [DIMS, dim], [DIMS] of the embedding's head */
    uint32_t *known;      /* [n_texts] 1 + where in vectors; 0: not yet */
    float *vectors;       /* [cap, DIMS] */
    size_t n, cap;
    const struct wf_lens_static *table;
    enum wf_token_vectors__who who;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to measure vectors.");
}

void wf_token_vectors__exam_free(struct wf_token_vectors__exam *x)
{
    if (x == NULL)
        return;
    wf_runner_free(x->runner);
    wf_free(x->weight);
    wf_free(x->bias);
    wf_free(x->known);
    wf_free(x->vectors);
    wf_free(x);
}

static int read_head(struct wf_token_vectors__exam *x, const struct wf_gguf *g, struct wf_err *err)
{
    const struct wf_gguf_tensor *w = wf_gguf_tensor(g, "lens.embedding.weight");
    const struct wf_gguf_tensor *b = wf_gguf_tensor(g, "lens.embedding.bias");

    if (w == NULL) /* shapes were checked when the lens was opened */
        return wf_err_set(err, WF_E_FORMAT, "The lens has no embeddings.");
    x->weight = wf_alloc_array(DIMS * x->dim, sizeof(*x->weight));
    x->bias = wf_alloc_array(DIMS, sizeof(*x->bias));
    if (x->weight == NULL || x->bias == NULL)
        return no_memory(err);
    wf_dtype_by_id(w->type)->unpack(w->data, x->weight, DIMS * x->dim);
    if (b != NULL)
        wf_dtype_by_id(b->type)->unpack(b->data, x->bias, DIMS);
    return 0;
}

int wf_token_vectors__exam_new(struct wf_embed *e, const struct wf_lens *lens,
                               const struct wf_gguf *file, struct wf_token_vectors__exam **out,
                               struct wf_err *err)
{
    const struct wf_runner_options o = {.n_context = e->place.n_text_max, .n_batch = BATCH_TOKENS};
    struct wf_token_vectors__exam *x = wf_alloc_array(1, sizeof(*x));
    int rc;

    if (x == NULL)
        return no_memory(err);
    x->e = e;
    x->dim = wf_model_params(wf_lens_model(lens))->dim;
    rc = read_head(x, file, err);
    x->known = rc == 0 ? wf_alloc_array(e->n_texts + 1, sizeof(*x->known)) : NULL;
    if (rc == 0 && x->known == NULL)
        rc = no_memory(err);
    if (rc == 0)
        rc = wf_runner_new(wf_lens_model(lens), &o, &x->runner, err);
    if (rc == 0)
        *out = x;
    else
        wf_token_vectors__exam_free(x);
    return rc;
}

/* ---- the encoder ---- */

/* x to length 1; what is no number becomes zeros. */
static void shorten(float *x, size_t n)
{
    double square = 0;

    for (size_t i = 0; i < n; i++)
        square += (double)x[i] * (double)x[i];
    for (size_t i = 0; i < n; i++)
        x[i] = square > 0 && isfinite(square) ? (float)((double)x[i] / sqrt(square)) : 0.0f;
}

/* Of the k-th text of the batch: the head of the mean of its hidden states. */
static void take(const struct wf_token_vectors__exam *x, const float *hidden, size_t k, float *mean,
                 float *out)
{
    const struct wf_embed__batch *b = &x->e->b;
    uint32_t from = b->from[0][k], to = b->to[0][k];

    memset(mean, 0, x->dim * sizeof(*mean));
    for (uint32_t t = from; t < to; t++)
        wf_kern()->axpy(1.0f / (float)(to - from), hidden + t * x->dim, mean, x->dim);
    wf_kern()->matmul(wf_dtype_by_id(WF_DTYPE_F32), WF_ACT_F32, x->weight, DIMS, x->dim, mean, 1,
                      out, DIMS);
    wf_kern()->axpy(1.0f, x->bias, out, DIMS);
    shorten(out, DIMS);
}

static int reserve(struct wf_token_vectors__exam *x, size_t n, struct wf_err *err)
{
    size_t cap = WF_MAX(2 * n, (size_t)256);
    float *p;

    if (n <= x->cap)
        return 0;
    p = wf_realloc_array(x->vectors, cap, DIMS * sizeof(*p));
    if (p == NULL)
        return no_memory(err);
    x->vectors = p;
    x->cap = cap;
    return 0;
}

/* Reads texts, the first of n, as many as a batch holds; returns how many in *out_n. */
static int read_texts(struct wf_token_vectors__exam *x, const uint32_t *texts, size_t n,
                      bool is_question, size_t *out_n, struct wf_err *err)
{
    const struct wf_embed__batch *b = &x->e->b;
    size_t n_most = x->e->place.n_tokens_max, n_read;
    const float *hidden = NULL;
    float *mean = wf_alloc_array(x->dim, sizeof(*mean));
    int rc = mean == NULL ? no_memory(err) : 0;

    x->e->place.n_tokens_max = BATCH_TOKENS;
    n_read = wf_embed__fill(x->e, texts, NULL, n, is_question);
    x->e->place.n_tokens_max = n_most;
    if (rc == 0 && n_read == 0)
        rc = wf_err_set(err, WF_E_LIMIT, "A text is longer than %u tokens.", BATCH_TOKENS);
    if (rc == 0)
        rc = reserve(x, x->n + n_read, err);
    if (rc == 0)
        rc = wf_runner_encode(x->runner, b->ids, b->starts, b->n_windows, &hidden, err);
    for (size_t k = 0; k < n_read && rc == 0; k++) {
        take(x, hidden, k, mean, x->vectors + x->n * DIMS);
        x->known[texts[k]] = (uint32_t)++x->n;
    }
    wf_free(mean);
    *out_n = n_read;
    return rc;
}

/* ---- both ---- */

/* Of one text that the encoder has read, if it is asked. */
static void embed_one(const struct wf_token_vectors__exam *x, uint32_t text, float *out)
{
    const int32_t *ids = x->e->ids + x->e->starts[text];
    size_t n = WF_MIN(wf_embed__text_len(x->e, text), 2 * (size_t)x->e->s.tokens);

    if (x->who == WF_TOKEN_VECTORS__TABLE) {
        wf_lens_static_embed(x->table, ids, n, out);
        return;
    }
    memcpy(out, x->vectors + (x->known[text] - (size_t)1) * DIMS, DIMS * sizeof(*out));
    if (x->who == WF_TOKEN_VECTORS__BOTH)
        wf_lens_static_join(x->table, ids, n, out);
}

/* Titles are left out: search has none. */
static int embed(void *ud, const uint32_t *texts, const uint32_t *titles, size_t n,
                 bool is_question, float *out, struct wf_err *err)
{
    struct wf_token_vectors__exam *x = ud;
    int rc = 0;

    (void)titles;
    memset(out, 0, n * DIMS * sizeof(*out));
    for (size_t i = 0; i < n && rc == 0; i++) {
        size_t n_new = 0, n_read;
        if (texts[i] == WF_EMBED__NONE)
            continue;
        while (i + n_new < n && texts[i + n_new] != WF_EMBED__NONE &&
               x->known[texts[i + n_new]] == 0)
            n_new++;
        if (x->who != WF_TOKEN_VECTORS__TABLE && n_new > 0)
            rc = read_texts(x, texts + i, n_new, is_question, &n_read, err);
        if (rc == 0)
            embed_one(x, texts[i], out + i * DIMS);
    }
    return rc;
}

int wf_token_vectors__examine(struct wf_token_vectors__exam *x,
                              const struct wf_lens_static_parts *p, enum wf_token_vectors__who who,
                              double *out, struct wf_err *err)
{
    const struct wf_embed__encoder by = {embed, x};
    struct wf_lens_static *table = NULL;
    int rc = who == WF_TOKEN_VECTORS__ENCODER ? 0 : wf_lens_static_read(p, &table, err);

    x->table = table;
    x->who = who;
    if (rc == 0)
        rc = wf_embed__examine(x->e, &by, out, err);
    for (size_t i = 0; wf_embed__figures[i].name != NULL && rc == 0; i++) {
        if (strcmp(wf_embed__figures[i].name, "titled_1") == 0)
            out[i] = (double)NAN;
    }
    wf_lens_static_close(table);
    x->table = NULL;
    return rc;
}
