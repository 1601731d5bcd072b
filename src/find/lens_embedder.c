/* SPDX-License-Identifier: Apache-2.0 */
/* Lens embedder: texts become questions to the pool, many at once, so that it can pack them. */
#include "find/lens_embedder.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/lens.h"

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

struct wf_embedder wf_lens_embedder(struct wf_lens_pool *pool)
{
    return (struct wf_embedder){.identify = identify, .embed = embed, .ud = pool};
}
