/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences in the order in which a summary would take them. */
#include <math.h>

#include "base/alloc.h"
#include "model/lens_internal.h"

#define SHARE_MIN 1e-6f

static float logit(float share)
{
    float x = fmaxf(SHARE_MIN, fminf(1.0f - SHARE_MIN, share));

    return logf(x / (1.0f - x));
}

/* Worths, the first of which is 1. */
static void score(struct wf_lens_marks *io, const struct wf_salience_pick *picks)
{
    for (size_t i = 0; i < io->n; i++) {
        float x = picks[i].worth / picks[0].worth;
        io->items[picks[i].i].score = isfinite(x) ? x : 0.0f;
    }
}

int wf_lens__judge_sentences(const struct wf_lens_job *j, struct wf_lens_marks *io,
                             struct wf_err *err)
{
    const struct wf_salience *judge = j->lens->judge;
    bool is_encoded = j->lens->salience.weight != NULL;
    struct wf_salience_text text = {.n = 0};
    struct wf_salience_pick *picks = wf_alloc_array(io->n + 1, sizeof(*picks));
    struct wf_str *sentences = wf_alloc_array(io->n + 1, sizeof(*sentences));
    float *logits = wf_alloc_array(io->n + 1, sizeof(*logits));
    int rc = picks == NULL || sentences == NULL || logits == NULL
                 ? wf_err_set(err, WF_E_NOMEM, "Not enough memory to look at a text.")
                 : 0;

    for (size_t i = 0; i < io->n && rc == 0; i++) {
        sentences[i] = wf_str_sub(j->text, io->items[i].from, io->items[i].to);
        logits[i] = is_encoded ? logit(io->items[i].score) : 0.0f;
    }
    if (rc == 0)
        rc = wf_salience_text_init(&text, sentences, io->n, j->ask.question, err);
    if (rc == 0 && io->n > 0 && (!is_encoded || wf_salience_knows(judge, &text))) {
        const struct wf_salience_ask ask = {.logits = logits};
        rc = wf_salience_choose(judge, &text, &ask, io->n, picks, err);
        if (rc == 0)
            score(io, picks);
    }
    wf_salience_text_deinit(&text);
    wf_free(picks);
    wf_free(sentences);
    wf_free(logits);
    return rc;
}
