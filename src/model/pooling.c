/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves the last layer, of encoders for many texts at once; embeddings and scores: one vector
 * of a text. An encoder sees the text in one pass; a decoder may take it in several, so sums are
 * kept between them. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
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

/* Adds the batch's rows to their texts' vectors (or sets those to the ones that count). */
static void pool_rows(struct wf_runner *r, const float *rows, const uint32_t *starts, float *io_out)
{
    size_t dim = r->p->dim;

    for (size_t t = 0; t < r->n_tok; t++) {
        size_t i = r->places[t].i_part, n = (size_t)starts[i + 1] - starts[i];
        float *out = io_out + i * dim;
        if (!is_pooled(r, r->places[t].position, n))
            continue;
        if (pooling_of(r) == WF_POOLING_MEAN)
            r->kern->axpy(1.0f / (float)n, rows + t * dim, out, dim);
        else
            memcpy(out, rows + t * dim, dim * sizeof(float));
    }
}

static int run_reading(struct wf_runner *r, const int32_t *ids, struct wf_err *err)
{
    size_t n_tok = r->n_tok;
    int rc;

    r->n_written = 0;
    wf_transformer__begin_pass(r, n_tok);
    rc = wf_transformer__run(r, ids, NULL, err);
    wf_transformer__end_pass(r, n_tok, rc == 0);
    r->n_written = SIZE_MAX;
    return rc;
}

/* Checks the texts of a batch and writes the places of their tokens, of which all that leave the
 * last layer are wanted, or those that are pooled. */
static int place_texts(struct wf_runner *r, const int32_t *ids, const uint32_t *starts,
                       size_t n_texts, bool pooled, struct wf_err *err)
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
            r->places[t] =
                (struct wf_place){.position = t - starts[i],
                                  .i_first = starts[i],
                                  .n_part = (uint32_t)n_text,
                                  .i_part = (uint32_t)i,
                                  .i_key = starts[i],
                                  .n_keys = (uint32_t)n_text,
                                  .is_wanted = !pooled || is_pooled(r, t - starts[i], n_text)};
    }
    r->n_tok = n;
    return wf_transformer__check_ids(r, ids, n, err);
}

static int encode(struct wf_runner *r, const int32_t *ids, const uint32_t *starts, size_t n_texts,
                  bool pooled, const struct wf_encode_marks *marks, const float **out_hidden,
                  struct wf_err *err)
{
    const struct wf_weights *w = &r->model->weights;
    int rc;

    if (r->kv != NULL)
        return wf_err_set(err, WF_E_UNSUPPORTED, "The model writes text: it is no encoder.");
    rc = place_texts(r, ids, starts, n_texts, pooled, err);
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

int wf_runner_encode_marked(struct wf_runner *r, const int32_t *ids, const uint32_t *starts,
                            size_t n_texts, const struct wf_encode_marks *marks,
                            const float **out_hidden, struct wf_err *err)
{
    return encode(r, ids, starts, n_texts, false, marks, out_hidden, err);
}

int wf_runner_encode(struct wf_runner *r, const int32_t *ids, const uint32_t *starts,
                     size_t n_texts, const float **out_hidden, struct wf_err *err)
{
    return wf_runner_encode_marked(r, ids, starts, n_texts, NULL, out_hidden, err);
}

static int embed_encoder(struct wf_runner *r, const int32_t *ids, const uint32_t *starts,
                         size_t n_texts, float *out, struct wf_err *err)
{
    const float *hidden;
    int rc;

    for (size_t i = 0; i < n_texts; i++) {
        if (starts[i + 1] - starts[i] > WF_MIN(r->n_batch, r->n_context))
            return wf_err_set(err, WF_E_RANGE,
                              "The text has %zu tokens; the model takes %zu at once. Cut it.",
                              (size_t)starts[i + 1] - starts[i], WF_MIN(r->n_batch, r->n_context));
    }
    rc = encode(r, ids, starts, n_texts, true, NULL, &hidden, err);
    if (rc == 0)
        pool_rows(r, hidden, starts, out);
    return rc;
}

/* A decoder's pass over tokens [from, to) of all texts, of which each has a cache in seqs. */
static int place_pass(struct wf_runner *r, const uint32_t *starts, size_t n_texts, size_t from,
                      size_t to, struct wf_seq *seqs, struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < n_texts && rc == 0; i++) {
        size_t begin = WF_MAX(from, starts[i]), end = WF_MIN(to, starts[i + 1]);
        if (begin < end)
            rc = wf_seq_reserve(&seqs[i], end - begin, err);
        for (size_t t = begin; t < end && rc == 0; t++)
            r->places[t - from] = (struct wf_place){
                .seq = &seqs[i],
                .position = (uint32_t)(t - starts[i]),
                .i_first = (uint32_t)(begin - from),
                .n_part = (uint32_t)(end - begin),
                .i_part = (uint32_t)i,
                .is_wanted = is_pooled(r, t - starts[i], (size_t)starts[i + 1] - starts[i])};
    }
    r->n_tok = to - from;
    return rc;
}

static int embed_passes(struct wf_runner *r, const int32_t *ids, const uint32_t *starts,
                        size_t n_texts, struct wf_seq *seqs, float *out, struct wf_err *err)
{
    const struct wf_weights *w = &r->model->weights;
    size_t n = starts[n_texts], to;
    int rc = 0;

    for (size_t from = 0; from < n && rc == 0; from = to) {
        to = WF_MIN(n, from + r->n_batch);
        rc = place_pass(r, starts, n_texts, from, to, seqs, err);
        if (rc == 0)
            rc = run_reading(r, ids + from, err);
        if (rc != 0)
            break;
        for (size_t i = 0; i < n_texts; i++) {
            size_t begin = WF_MAX(from, starts[i]), end = WF_MIN(to, starts[i + 1]);
            seqs[i].n_tokens += begin < end ? end - begin : 0;
        }
        if (r->n_tok == 0)
            continue;
        wf_transformer__norm(r, r->x, w->output_norm, w->output_norm_bias, r->n_tok, r->h);
        pool_rows(r, r->h, starts, out);
    }
    return rc;
}

static int embed_decoder(struct wf_runner *r, const int32_t *ids, const uint32_t *starts,
                         size_t n_texts, float *out, struct wf_err *err)
{
    struct wf_seq *seqs;
    size_t n_seqs = 0;
    int rc = 0;

    for (size_t i = 0; i < n_texts; i++) {
        if (starts[i + 1] - starts[i] > r->n_context)
            return wf_err_set(err, WF_E_RANGE, "The text has %zu tokens; the context has %zu.",
                              (size_t)starts[i + 1] - starts[i], r->n_context);
    }
    seqs = wf_alloc_array(n_texts, sizeof(*seqs));
    if (seqs == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for embeddings.");
    while (n_seqs < n_texts && rc == 0) {
        seqs[n_seqs] = (struct wf_seq){0};
        rc = wf_seq_init(&seqs[n_seqs], r->kv, err);
        n_seqs++;
    }
    if (rc == 0)
        rc = embed_passes(r, ids, starts, n_texts, seqs, out, err);
    for (size_t i = 0; i < n_seqs; i++)
        wf_seq_deinit(&seqs[i]);
    wf_free(seqs);
    return rc;
}

int wf_runner_embed(struct wf_runner *r, const int32_t *ids, const uint32_t *starts, size_t n_texts,
                    float *out, struct wf_err *err)
{
    int rc = n_texts > 0 ? wf_transformer__check_ids(r, ids, starts[n_texts], err) : 0;

    for (size_t i = 0; i < n_texts && rc == 0; i++) {
        if (starts[i + 1] <= starts[i])
            rc = wf_err_set(err, WF_E_INVAL, "There is no text to embed.");
    }
    if (rc != 0 || n_texts == 0)
        return rc;
    memset(out, 0, n_texts * r->p->dim * sizeof(float));
    return r->kv == NULL ? embed_encoder(r, ids, starts, n_texts, out, err)
                         : embed_decoder(r, ids, starts, n_texts, out, err);
}

/* The head over vectors of n texts, in place, to io_x or, where there are classes, to scores. All
 * go the way of many: a text's scores do not depend on how many there are. */
static void run_head(struct wf_runner *r, size_t n, float *io_x, float *scores)
{
    const struct wf_weights *w = &r->model->weights;
    struct wf_product dense = {.matrix = &w->classes_dense, .out = r->y, .ld = r->p->dim};
    struct wf_product classes = {.matrix = &w->classes, .out = scores, .ld = w->classes.n_out};

    r->n_written = 0;
    if (dense.matrix->format != NULL) {
        wf_transformer__multiply(r, io_x, n, &dense, 1);
        for (size_t i = 0; i < n * r->p->dim; i++)
            io_x[i] = tanhf(r->y[i]);
    }
    if (classes.matrix->format != NULL)
        wf_transformer__multiply(r, io_x, n, &classes, 1);
    r->n_written = SIZE_MAX;
    for (size_t i = 0; i < n && r->kv != NULL && classes.matrix->format != NULL;
         i++) /* qwen3's rerankers: the share of "yes" */
        r->kern->softmax(scores + i * classes.ld, classes.ld);
}

int wf_runner_score(struct wf_runner *r, const int32_t *ids, const uint32_t *starts, size_t n_texts,
                    float *out, struct wf_err *err)
{
    size_t n_scores = wf_model_n_scores(r->model), dim = r->p->dim;
    size_t n_rows = WF_MAX(n_texts, r->kern->n_wide); /* products may fill so many */
    bool has_classes = r->model->weights.classes.format != NULL;
    float *x, *scores;
    int rc;

    if (n_scores == 0)
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "The model has no classification head: it cannot score texts.");
    if (n_texts > r->n_batch)
        return wf_err_set(err, WF_E_RANGE, "A batch takes %zu texts, not %zu.", r->n_batch,
                          n_texts);
    x = wf_alloc_array(n_rows, dim * sizeof(*x));
    scores = wf_alloc_array(n_rows, n_scores * sizeof(*scores));
    rc = x == NULL || scores == NULL
             ? wf_err_set(err, WF_E_NOMEM, "Not enough memory for embeddings.")
             : wf_runner_embed(r, ids, starts, n_texts, x, err);
    if (rc == 0) {
        run_head(r, n_texts, x, scores);
        memcpy(out, has_classes ? scores : x, n_texts * n_scores * sizeof(*out));
    }
    wf_free(scores);
    wf_free(x);
    return rc;
}
