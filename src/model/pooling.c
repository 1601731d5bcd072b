/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves the last layer, of encoders for many texts at once; embeddings and scores: one vector
 * of a text. An encoder sees the text in one pass; a decoder may take it in several, so sums are
 * kept between them. */
#include <math.h>
#include <string.h>

#include "model/transformer_internal.h"

size_t wf_model_n_scores(const struct wf_model *m)
{
    const struct wf_weights *w = &m->weights;

    if (w->classes.format != NULL)
        return w->classes.n_out;
    return w->classes_dense.format != NULL ? w->classes_dense.n_out : 0;
}

static enum wf_pooling pooling_of(const struct wf_runner *r)
{
    bool is_causal = r->p->is_causal;

    switch (r->p->pooling) {
    case WF_POOLING_NONE:
        break;
    case WF_POOLING_RANK: /* a decoder's last token has seen the whole text, as a CLS token has */
        return is_causal ? WF_POOLING_LAST : WF_POOLING_CLS;
    case WF_POOLING_MEAN:
    case WF_POOLING_CLS:
    case WF_POOLING_LAST:
        return r->p->pooling;
    }
    return WF_POOLING_MEAN;
}

/* Whether a text of n tokens is pooled from what is at a position. */
static bool is_pooled(const struct wf_runner *r, size_t position, size_t n)
{
    switch (pooling_of(r)) {
    case WF_POOLING_CLS:
        return position == 0;
    case WF_POOLING_LAST:
        return position == n - 1;
    case WF_POOLING_NONE:
    case WF_POOLING_RANK:
    case WF_POOLING_MEAN:
        break;
    }
    return true;
}

/* Adds the batch's rows, of a text of n tokens, to the pooled vector (or sets it to the one that
 * counts, then it may be a row itself). */
static void pool_rows(struct wf_runner *r, const float *rows, size_t n, float *io_out)
{
    size_t dim = r->p->dim;

    for (size_t t = 0; t < r->n_tok; t++) {
        if (!is_pooled(r, r->places[t].position, n))
            continue;
        if (pooling_of(r) == WF_POOLING_MEAN)
            r->kern->axpy(1.0f / (float)n, rows + t * dim, io_out, dim);
        else
            memmove(io_out, rows + t * dim, dim * sizeof(float));
    }
}

static int run_reading(struct wf_runner *r, const int32_t *ids, struct wf_err *err)
{
    int rc;

    r->n_written = 0;
    rc = wf_transformer__run(r, ids, NULL, err);
    r->n_written = SIZE_MAX;
    return rc;
}

/* Checks the texts of a batch and writes the places of their tokens. */
static int place_texts(struct wf_runner *r, const int32_t *ids, const uint32_t *starts,
                       size_t n_texts, struct wf_err *err)
{
    size_t n = n_texts > 0 ? starts[n_texts] : 0;

    if (n > r->n_batch)
        return wf_err_set(err, WF_E_RANGE, "A batch takes %zu tokens, not %zu.", r->n_batch, n);
    for (size_t i = 0; i < n_texts; i++) {
        size_t n_text = (size_t)starts[i + 1] - starts[i];
        if (starts[i + 1] <= starts[i] || starts[i + 1] > n || n_text > r->n_context)
            return wf_err_set(err, WF_E_RANGE,
                              "Text %zu of a batch is empty, or longer than the context of %zu "
                              "tokens.",
                              i + 1, r->n_context);
        for (uint32_t t = starts[i]; t < starts[i + 1]; t++)
            r->places[t] = (struct wf_place){.position = t - starts[i],
                                             .i_first = starts[i],
                                             .n_part = (uint32_t)n_text,
                                             .i_part = (uint32_t)i,
                                             .is_wanted = true};
    }
    r->n_tok = n;
    return wf_transformer__check_ids(r, ids, n, err);
}

int wf_runner_encode(struct wf_runner *r, const int32_t *ids, const uint32_t *starts,
                     size_t n_texts, const float **out_hidden, struct wf_err *err)
{
    return wf_runner_encode_marked(r, ids, starts, n_texts, NULL, out_hidden, err);
}

int wf_runner_encode_marked(struct wf_runner *r, const int32_t *ids, const uint32_t *starts,
                            size_t n_texts, const struct wf_encode_marks *marks,
                            const float **out_hidden, struct wf_err *err)
{
    const struct wf_weights *w = &r->model->weights;
    int rc;

    if (r->kv != NULL)
        return wf_err_set(err, WF_E_UNSUPPORTED, "The model writes text: it is no encoder.");
    rc = place_texts(r, ids, starts, n_texts, err);
    r->marks = marks;
    if (rc == 0 && r->n_tok > 0)
        rc = run_reading(r, ids, err);
    r->marks = NULL;
    if (rc != 0)
        return rc;
    *out_hidden = r->x;
    if (w->output_norm != NULL) {
        wf_transformer__norm(r, r->x, w->output_norm, w->output_norm_bias, r->n_tok, r->h);
        *out_hidden = r->h;
    }
    return 0;
}

static int embed_encoder(struct wf_runner *r, const int32_t *ids, size_t n, float *out,
                         struct wf_err *err)
{
    uint32_t starts[2] = {0, (uint32_t)n};
    const float *hidden;
    int rc;

    if (n > r->n_batch || n > r->n_context)
        return wf_err_set(err, WF_E_RANGE,
                          "The text has %zu tokens; the model takes %zu at once. Cut it.", n,
                          WF_MIN(r->n_batch, r->n_context));
    rc = wf_runner_encode(r, ids, starts, 1, &hidden, err);
    if (rc == 0)
        pool_rows(r, hidden, n, out);
    return rc;
}

static int embed_decoder(struct wf_runner *r, const int32_t *ids, size_t n, float *out,
                         struct wf_err *err)
{
    const struct wf_weights *w = &r->model->weights;
    struct wf_seq seq = {0};
    size_t m;
    int rc;

    if (n > r->n_context)
        return wf_err_set(err, WF_E_RANGE, "The text has %zu tokens; the context has %zu.", n,
                          r->n_context);
    rc = wf_seq_init(&seq, r->kv, err);
    for (size_t done = 0; done < n && rc == 0; done += m) {
        m = n - done < r->n_batch ? n - done : r->n_batch;
        rc = wf_seq_reserve(&seq, m, err);
        for (size_t t = 0; t < m && rc == 0; t++)
            r->places[t] = (struct wf_place){.seq = &seq,
                                             .position = (uint32_t)(done + t),
                                             .n_part = (uint32_t)m,
                                             .is_wanted = is_pooled(r, done + t, n)};
        r->n_tok = m;
        if (rc == 0)
            rc = run_reading(r, ids + done, err);
        if (rc != 0)
            break;
        seq.n_tokens += m;
        if (r->n_tok == 0)
            continue;
        wf_transformer__norm(r, r->x, w->output_norm, w->output_norm_bias, r->n_tok, r->h);
        pool_rows(r, r->h, n, out);
    }
    wf_seq_deinit(&seq);
    return rc;
}

int wf_runner_embed(struct wf_runner *r, const int32_t *ids, size_t n, float *out,
                    struct wf_err *err)
{
    int rc = wf_transformer__check_ids(r, ids, n, err);

    if (rc == 0 && n == 0)
        rc = wf_err_set(err, WF_E_INVAL, "There is no text to embed.");
    if (rc != 0)
        return rc;
    memset(out, 0, r->p->dim * sizeof(float));
    return r->kv == NULL ? embed_encoder(r, ids, n, out, err) : embed_decoder(r, ids, n, out, err);
}

int wf_runner_score(struct wf_runner *r, const int32_t *ids, size_t n, float *out,
                    struct wf_err *err)
{
    const struct wf_weights *w = &r->model->weights;
    struct wf_product dense = {.matrix = &w->classes_dense, .out = r->y, .ld = r->p->dim};
    struct wf_product classes = {.matrix = &w->classes, .out = out, .ld = w->classes.n_out};
    int rc;

    if (wf_model_n_scores(r->model) == 0)
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "The model has no classification head: it cannot score texts.");
    rc = wf_runner_embed(r, ids, n, r->h, err);
    if (rc != 0)
        return rc;
    if (dense.matrix->format != NULL) {
        wf_transformer__multiply(r, r->h, 1, &dense, 1);
        for (size_t i = 0; i < r->p->dim; i++)
            r->h[i] = tanhf(r->y[i]);
    }
    if (classes.matrix->format == NULL) {
        memcpy(out, r->h, r->p->dim * sizeof(float));
        return 0;
    }
    wf_transformer__multiply(r, r->h, 1, &classes, 1);
    if (r->kv != NULL) /* qwen3's rerankers: the share of "yes" */
        r->kern->softmax(out, classes.matrix->n_out);
    return 0;
}
