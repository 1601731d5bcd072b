/* SPDX-License-Identifier: Apache-2.0 */
/* Lens embedder: texts become questions to the pool, many at once, so that it can pack them. */
#include "find/lens_embedder.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/lens.h"

/* A weight beyond this is a mistake. */
#define WEIGHT_MOST 1e4

static int identify(void *ud, char out_lens[WF_VECTOR_LENS_BYTES_MAX + 1], size_t *out_dim,
                    struct wf_err *err)
{
    const struct wf_lens *lens = NULL;
    const struct wf_lens_ask ask = {.tasks = WF_LENS_EMBED, .text = WF_STR("?")};
    int rc = wf_lens_pool_lens(ud, &lens, err);

    if (rc == 0)
        rc = wf_lens_can(lens, &ask, err);
    if (rc != 0)
        return rc;
    snprintf(out_lens, WF_VECTOR_LENS_BYTES_MAX + 1, "lens %016" PRIx64, wf_lens_fingerprint(lens));
    *out_dim = WF_LENS_DIMS;
    return 0;
}

static int embed(void *ud, const struct wf_str *texts, size_t n, bool are_questions, float *out,
                 struct wf_err *err)
{
    struct wf_lens_ask *asks = wf_alloc_array(n, sizeof(*asks));
    struct wf_lens_answer *answers = wf_alloc_array(n, sizeof(*answers));
    int rc = asks != NULL && answers != NULL ? 0 : WF_E_NOMEM;

    if (rc != 0)
        (void)wf_err_set(err, rc, "Out of memory (vectors).");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        asks[i].tasks = WF_LENS_EMBED;
        asks[i].can_wait = !are_questions;
        *(are_questions ? &asks[i].question : &asks[i].text) = texts[i];
    }
    if (rc == 0)
        rc = wf_lens_pool_run(ud, asks, n, answers, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        memcpy(out + i * WF_LENS_DIMS, answers[i].vector, sizeof(answers[i].vector));
        wf_lens_answer_deinit(&answers[i]);
    }
    wf_free(answers);
    wf_free(asks);
    return rc;
}

/* ---- reading with a question ---- */

/* The logarithm of a share's odds. */
static float log_odds(float share)
{
    float x = logf(fmaxf(share, 1e-6f)) - logf(fmaxf(1 - share, 1e-6f));
    return fmaxf(-WF_FUSE_EVIDENCE_MOST, fminf(x, WF_FUSE_EVIDENCE_MOST));
}

static struct wf_evidence evidence_of(const struct wf_lens_answer *a)
{
    float best = 0;
    for (size_t i = 0; i < a->sentences.n; i++)
        best = fmaxf(best, a->sentences.items[i].score);
    return (struct wf_evidence){
        .answers = -log_odds(a->none), .sentence = log_odds(best), .span = log_odds(a->span.score)};
}

static int judge(void *ud, struct wf_str question, const struct wf_str *texts, size_t n,
                 struct wf_evidence *out, struct wf_err *err)
{
    struct wf_lens_ask *asks = wf_alloc_array(n, sizeof(*asks));
    struct wf_lens_answer *answers = wf_alloc_array(n, sizeof(*answers));
    int rc = asks != NULL && answers != NULL ? 0 : WF_E_NOMEM;

    if (rc != 0)
        (void)wf_err_set(err, rc, "Out of memory (reading what was found).");
    for (size_t i = 0; rc == 0 && i < n; i++)
        asks[i] =
            (struct wf_lens_ask){.tasks = WF_LENS_SPANS, .text = texts[i], .question = question};
    if (rc == 0)
        rc = wf_lens_pool_run(ud, asks, n, answers, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        out[i] = evidence_of(&answers[i]);
        wf_lens_answer_deinit(&answers[i]);
    }
    wf_free(answers);
    wf_free(asks);
    return rc;
}

/* A number of the lens' weights for searching. */
static bool find_weight(const struct wf_lens *lens, size_t i, double *out)
{
    char key[64];

    snprintf(key, sizeof key, "lens.search.%s", wf_fuse_weight_name(i));
    return wf_gguf_f64(wf_model_gguf(wf_lens_model(lens)), key, out) && fabs(*out) < WEIGHT_MOST;
}

static int identify_fitted(void *ud, char out_lens[WF_VECTOR_LENS_BYTES_MAX + 1], size_t *out_dim,
                           struct wf_err *err)
{
    const struct wf_lens *lens = NULL;
    double x = 0;
    int rc = wf_lens_pool_lens(ud, &lens, err);

    if (rc == 0 && !find_weight(lens, 0, &x))
        rc = wf_err_set(err, WF_E_UNSUPPORTED,
                        "This lens was not fitted for searching by meaning; search_vectors = on "
                        "takes it all the same.");
    return rc == 0 ? identify(ud, out_lens, out_dim, err) : rc;
}

static void weights(void *ud, struct wf_fuse_weights *out)
{
    const struct wf_lens *lens = NULL;

    if (wf_lens_pool_lens(ud, &lens, NULL) != 0)
        return;
    for (size_t i = 0; wf_fuse_weight_name(i) != NULL; i++) {
        double x = 0;
        if (find_weight(lens, i, &x))
            *wf_fuse_weight_at(out, i) = x;
    }
}

struct wf_embedder wf_lens_embedder(struct wf_lens_pool *pool)
{
    return (struct wf_embedder){
        .identify = identify, .embed = embed, .judge = judge, .weights = weights, .ud = pool};
}

struct wf_embedder wf_lens_embedder_fitted(struct wf_lens_pool *pool)
{
    struct wf_embedder e = wf_lens_embedder(pool);

    e.identify = identify_fitted;
    return e;
}
