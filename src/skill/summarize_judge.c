/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing by what lens has learned of summaries (model/salience.h). */
#include <assert.h>

#include "base/alloc.h"
#include "model/salience.h"
#include "skill/summarize_internal.h"

struct judging {
    const struct wf_salience *judge;
    struct wf_str *sentences; /* [n_cands] */
    float *logits;            /* likewise; NULL: none */
    struct wf_salience_pick *picks;
    struct wf_salience_text text;
};

static int choose(const struct wf_summarizer *s, struct judging *j, size_t n,
                  struct wf_sum_pick *out, struct wf_err *err)
{
    const struct wf_salience_ask ask = {.logits = j->logits, .n_wanted = n};
    int r = 0;

    if (j->logits != NULL && s->options.logits != NULL)
        r = s->options.logits(s->options.logits_ud, j->sentences, s->n_cands, j->logits, err);
    if (r == 0)
        r = wf_salience_choose(j->judge, &j->text, &ask, n, j->picks, err);
    for (size_t i = 0; i < n && r == 0; i++)
        out[i] = (struct wf_sum_pick){j->picks[i].i, j->picks[i].worth};
    return r;
}

int wf_summarize__judge(const struct wf_summarizer *s, size_t n, struct wf_sum_pick *out,
                        bool *out_knows, struct wf_err *err)
{
    struct judging j = {.judge = s->options.judge};
    size_t n_all = s->n_cands;
    int r = 0;

    assert(n <= n_all);
    *out_knows = false;
    if (j.judge == NULL || n == 0)
        return 0;
    j.sentences = wf_alloc_array(n_all, sizeof(*j.sentences));
    j.picks = wf_alloc_array(n, sizeof(*j.picks));
    if (j.sentences == NULL || j.picks == NULL)
        r = wf_err_set(err, WF_E_NOMEM, "out of memory while summarizing");
    for (size_t i = 0; i < n_all && r == 0; i++)
        j.sentences[i] = wf_str_n(s->cands[i]->text, s->cands[i]->text_len);
    if (r == 0)
        r = wf_salience_text_init(&j.text, j.sentences, n_all, s->options.about, err);
    if (r == 0)
        *out_knows = wf_salience_knows(j.judge, &j.text);
    if (r == 0 && *out_knows && s->options.logits != NULL &&
        j.judge->fit[j.text.is_about].encoder > 0) {
        j.logits = wf_alloc_array(n_all, sizeof(*j.logits));
        r = j.logits == NULL ? wf_err_set(err, WF_E_NOMEM, "out of memory while summarizing") : 0;
    }
    if (r == 0 && *out_knows)
        r = choose(s, &j, n, out, err);
    wf_salience_text_deinit(&j.text);
    wf_free(j.sentences);
    wf_free(j.picks);
    wf_free(j.logits);
    return r;
}
