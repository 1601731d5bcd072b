/* SPDX-License-Identifier: Apache-2.0 */
/* Embeddings and scores of texts: as many as a pass holds go through the model together, one behind
 * the other, on the scheduler's thread; where texts are being written one by one, so that those get
 * their turns in between. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "engine/local_internal.h"

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for embeddings.");
}

/* The tokens of a text, cut or refused when there are too many. */
static int fit(const struct wf_loaded *l, bool truncate, size_t i, struct wf_ids *io,
               size_t *io_truncated, struct wf_err *err)
{
    if (io->n <= l->n_context)
        return 0;
    if (!truncate)
        return wf_err_set(err, WF_E_LIMIT,
                          "Text %zu has %zu tokens; the model takes %zu. Cut it, or ask for it to "
                          "be cut.",
                          i + 1, io->n, l->n_context);
    *io_truncated += io->n - l->n_context;
    io->n = l->n_context;
    return 0;
}

/* Texts of a pass, which need not be more for a pass that is bounded by its tokens. */
#define TEXTS_MAX 256

/* What is done with a text's vector or scores. */
typedef void (*take_fn)(void *ud, size_t i_text, float *result);

/* Texts that go through the model together. */
struct pass {
    struct wf_loaded *loaded;
    bool is_scores;
    size_t width; /* numbers of a result */
    bool (*canceled)(void *ud);
    void *canceled_ud;
    take_fn take;
    void *take_ud;

    struct wf_ids ids;
    uint32_t starts[TEXTS_MAX + 1];
    size_t n, i_first; /* texts; the first one's number */
    float *out;        /* [TEXTS_MAX, width] */
};

static int begin_passes(struct pass *p, struct wf_err *err)
{
    p->out = wf_alloc_array(TEXTS_MAX, p->width * sizeof(*p->out));
    return p->out == NULL ? no_memory(err) : 0;
}

static void deinit(struct pass *p)
{
    wf_free(p->ids.ptr);
    wf_free(p->out);
}

static int run(struct wf_runner *r, void *ud, struct wf_err *err)
{
    const struct pass *p = ud;

    return p->is_scores ? wf_runner_score(r, p->ids.ptr, p->starts, p->n, p->out, err)
                        : wf_runner_embed(r, p->ids.ptr, p->starts, p->n, p->out, err);
}

/* Runs the texts that wait, and hands their results out. */
static int flush(struct pass *p, struct wf_err *err)
{
    int rc = 0;

    if (p->n > 0 && p->canceled != NULL && p->canceled(p->canceled_ud))
        rc = wf_err_set(err, WF_E_CANCELED, "The request was given up.");
    if (rc == 0 && p->n > 0)
        rc = wf_sched_run(p->loaded->sched, run, p, err);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < p->n; i++)
        p->take(p->take_ud, p->i_first + i, p->out + i * p->width);
    p->i_first += p->n;
    p->n = p->ids.n = 0;
    return 0;
}

/* The next text; runs those before it when it has no room beside them. */
static int add(struct pass *p, const struct wf_ids *text, struct wf_err *err)
{
    const struct wf_sched *sched = p->loaded->sched;
    int rc = 0;

    if (p->n == TEXTS_MAX || p->ids.n + text->n > wf_sched_n_batch(sched) ||
        wf_sched_n_active(p->loaded->sched) > 0)
        rc = flush(p, err);
    for (size_t i = 0; i < text->n && rc == 0; i++)
        rc = wf_ids_push(&p->ids, text->ptr[i]) == 0 ? 0 : no_memory(err);
    if (rc == 0)
        p->starts[++p->n] = (uint32_t)p->ids.n;
    return rc;
}

static void normalise(float *x, size_t n)
{
    double square = 0;

    for (size_t i = 0; i < n; i++)
        square += (double)x[i] * (double)x[i];
    for (size_t i = 0; i < n && square > 0; i++)
        x[i] = (float)((double)x[i] / sqrt(square));
}

static int ids_of(const struct wf_loaded *l, const struct wf_embed_request *q, size_t i,
                  struct wf_ids *out, struct wf_err *err)
{
    int rc = 0;

    out->n = 0;
    if (q->ids == NULL)
        return wf_vocab_encode(l->vocab, q->texts[i], WF_ENCODE_ENDS, out, err);
    for (size_t k = 0; k < q->n_ids[i] && rc == 0; k++)
        rc = wf_ids_push(out, q->ids[i][k]);
    return rc == 0 ? 0 : no_memory(err);
}

struct embed {
    const struct wf_embed_request *q;
    struct wf_embeddings *io;
};

static void take_vector(void *ud, size_t i_text, float *whole)
{
    const struct embed *e = ud;

    if (!e->q->is_raw)
        normalise(whole, e->io->n_dims);
    memcpy(e->io->vectors + i_text * e->io->n_dims, whole, e->io->n_dims * sizeof(*whole));
}

static int embed_all(struct wf_loaded *l, const struct wf_embed_request *q,
                     struct wf_embeddings *io, struct wf_err *err)
{
    struct embed e = {q, io};
    struct pass p = {.loaded = l,
                     .width = wf_model_params(l->model)->dim,
                     .canceled = q->canceled,
                     .canceled_ud = q->canceled_ud,
                     .take = take_vector,
                     .take_ud = &e};
    struct wf_ids ids = {0};
    int rc = begin_passes(&p, err);

    for (size_t i = 0; i < q->n_texts && rc == 0; i++) {
        rc = ids_of(l, q, i, &ids, err);
        if (rc == 0)
            rc = fit(l, q->truncate, i, &ids, &io->n_truncated, err);
        if (rc == 0 && ids.n == 0)
            rc = wf_err_set(err, WF_E_INVAL, "Text %zu is empty.", i + 1);
        if (rc == 0)
            rc = add(&p, &ids, err);
        io->n_tokens += ids.n;
    }
    if (rc == 0)
        rc = flush(&p, err);
    wf_free(ids.ptr);
    deinit(&p);
    return rc;
}

int wf_local__embed(struct wf_engine *engine, const struct wf_embed_request *q,
                    struct wf_embeddings *out, struct wf_err *err)
{
    struct wf_local *e = WF_CONTAINER(engine, struct wf_local, base);
    struct wf_embeddings v = {.vectors = NULL};
    struct wf_local_use use;
    struct wf_loaded *l;
    int64_t begun;
    size_t dim;
    int rc = wf_local__acquire(e, q->model, &q->load, &use, err);

    if (rc != 0)
        return rc;
    l = use.loaded;
    v.load_ns = use.load_ns;
    begun = wf_clock_mono_ns(NULL);
    dim = wf_model_params(l->model)->dim;
    v.n_dims = q->n_dims > 0 ? q->n_dims : dim;
    if (l->vocab == NULL && q->ids == NULL)
        rc = wf_err_set(err, WF_E_UNSUPPORTED, "The model file has no tokenizer.");
    else if (v.n_dims > dim)
        rc = wf_err_set(err, WF_E_RANGE, "The model's embeddings have %zu dimensions, not %zu.",
                        dim, v.n_dims);
    else if ((v.vectors = wf_alloc_array(q->n_texts + 1, v.n_dims * sizeof(float))) == NULL)
        rc = no_memory(err);
    else
        rc = embed_all(l, q, &v, err);
    v.run_ns = wf_clock_mono_ns(NULL) - begun;
    memcpy(v.model, use.name, sizeof(v.model));
    wf_local__release(e, l);
    if (rc != 0)
        wf_free(v.vectors);
    else
        *out = v;
    return rc;
}

/* ---- scores ---- */

/* Query and text as the model was trained to read pairs: ends of texts between them. */
static int pair_of(const struct wf_loaded *l, const struct wf_rerank_request *q, size_t i,
                   struct wf_ids *out, size_t *io_truncated, struct wf_err *err)
{
    int32_t eos = wf_vocab_eos(l->vocab);
    size_t n_query;
    int rc;

    out->n = 0;
    rc = wf_vocab_encode(l->vocab, q->query, WF_ENCODE_ENDS, out, err);
    if (rc == 0 && out->n > 0 && out->ptr[out->n - 1] != eos && eos != WF_TOKEN_NONE)
        rc = wf_ids_push(out, eos);
    n_query = out->n;
    if (rc == 0)
        rc = wf_vocab_encode(l->vocab, q->texts[i], WF_ENCODE_ENDS, out, err);
    /* The text's own beginning token makes no sense in the middle. */
    if (rc == 0 && out->n > n_query && wf_vocab_adds_bos(l->vocab) &&
        out->ptr[n_query] == wf_vocab_bos(l->vocab)) {
        memmove(out->ptr + n_query, out->ptr + n_query + 1,
                (out->n - n_query - 1) * sizeof(*out->ptr));
        out->n--;
    }
    return rc == 0 ? fit(l, q->truncate, i, out, io_truncated, err) : rc;
}

static void take_score(void *ud, size_t i_text, float *scores)
{
    float *out = ud;

    out[i_text] = scores[0];
}

static int score_all(struct wf_loaded *l, const struct wf_rerank_request *q, float *out_scores,
                     struct wf_rerank_usage *io_usage, struct wf_err *err)
{
    struct pass p = {.loaded = l,
                     .is_scores = true,
                     .width = wf_model_n_scores(l->model),
                     .canceled = q->canceled,
                     .canceled_ud = q->canceled_ud,
                     .take = take_score,
                     .take_ud = out_scores};
    struct wf_ids ids = {0};
    int rc = begin_passes(&p, err);

    for (size_t i = 0; i < q->n_texts && rc == 0; i++) {
        rc = pair_of(l, q, i, &ids, &io_usage->n_truncated, err);
        if (rc == 0)
            rc = add(&p, &ids, err);
        io_usage->n_tokens += ids.n;
    }
    if (rc == 0)
        rc = flush(&p, err);
    wf_free(ids.ptr);
    deinit(&p);
    return rc;
}

int wf_local__rerank(struct wf_engine *engine, const struct wf_rerank_request *q, float *out_scores,
                     struct wf_rerank_usage *out_usage, struct wf_err *err)
{
    struct wf_local *e = WF_CONTAINER(engine, struct wf_local, base);
    struct wf_local_use use;
    struct wf_loaded *l;
    int rc = wf_local__acquire(e, q->model, &q->load, &use, err);

    if (rc != 0)
        return rc;
    l = use.loaded;
    *out_usage = (struct wf_rerank_usage){.n_tokens = 0};
    snprintf(out_usage->model, sizeof(out_usage->model), "%s", use.name);
    if (l->vocab == NULL || wf_model_n_scores(l->model) == 0)
        rc = wf_err_set(err, WF_E_UNSUPPORTED,
                        "%s cannot rank texts: it has no classification head. Choose a reranker.",
                        use.name);
    else
        rc = score_all(l, q, out_scores, out_usage, err);
    wf_local__release(e, l);
    return rc;
}
