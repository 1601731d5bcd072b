/* SPDX-License-Identifier: Apache-2.0 */
/* Lens files of strangers: what opens answers a text of its own, with every head it has, and what
 * comes out is within the text. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "model/lens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a changed header may ask for beyond this is slow, not wrong. */
#define DIM_MAX 512
#define LAYERS_MAX 4
#define TOKENS_MAX 256

static const char text[] =
    "Ana lives at 12 Hill Road, B\xc3\xa4rn. She is ill.\n\nPay 7 \xe2\x82\xac now.";

static void check_marks(const struct wf_lens_marks *m)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct wf_lens_mark *k = &m->items[i];
        assert(k->from <= k->to && k->to <= sizeof(text) - 1 && k->start <= k->end);
        assert(k->score >= 0.0f && k->score <= 1.0f);
    }
}

static void run(const struct wf_lens *l, struct wf_runner *r, unsigned tasks, const char *set)
{
    const struct wf_lens_ask ask = {.tasks = tasks,
                                    .text = {text, sizeof(text) - 1},
                                    .question = WF_STR("Where does Ana live?"),
                                    .set = set};
    struct wf_lens_job *j = NULL;
    struct wf_lens_answer a;
    int32_t ids[TOKENS_MAX];
    uint16_t bits[TOKENS_MAX];
    int rc = wf_lens_job_new(l, &ask, &j, NULL);

    if (rc != 0)
        return;
    for (size_t i = 0; i < wf_lens_job_n_windows(j) && rc == 0; i++) {
        uint32_t starts[2] = {0, (uint32_t)wf_lens_job_window(j, i, ids)};
        const float *hidden;
        const struct wf_encode_marks marks = {bits, wf_lens_marks_rows(l)};
        wf_lens_job_marks(j, i, bits);
        rc = wf_runner_encode_marked(r, ids, starts, 1, marks.rows != NULL ? &marks : NULL, &hidden,
                                     NULL);
        if (rc == 0)
            wf_lens_job_take(j, i, hidden);
    }
    if (rc == 0 && wf_lens_job_finish(j, &a, NULL) == 0) {
        check_marks(&a.entities);
        check_marks(&a.sentences);
        check_marks(&a.slots);
        check_marks(&a.sensitivity);
        assert(a.span.to <= sizeof(text) - 1);
        for (size_t i = 0; i < WF_LENS_DIMS; i++)
            assert(a.vector[i] >= -1.001f && a.vector[i] <= 1.001f);
        wf_lens_answer_deinit(&a);
    }
    wf_lens_job_free(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_gguf *g = NULL;
    struct wf_lens *l = NULL;
    struct wf_runner *r = NULL;
    const struct wf_params *p;

    if (wf_gguf_open_memory(data, size, &g, NULL) != 0 || wf_lens_open_gguf(g, &l, NULL) != 0)
        return 0;
    p = wf_model_params(wf_lens_model(l));
    if (p->dim <= DIM_MAX && p->n_layers <= LAYERS_MAX && wf_params_ff_max(p) <= DIM_MAX &&
        wf_params_q_dim_max(p) <= DIM_MAX && wf_lens_window(l) <= TOKENS_MAX) {
        const struct wf_runner_options o = {.n_threads = 1,
                                            .n_context = wf_lens_window(l),
                                            .n_batch = wf_lens_window(l),
                                            .kern = &wf_kern_ref};
        if (wf_runner_new(wf_lens_model(l), &o, &r, NULL) == 0) {
            for (unsigned i = 0; i < WF_LENS_N_TASKS; i++)
                run(l, r, 1u << i, wf_lens_set_at(l, 0));
        }
    }
    wf_runner_free(r);
    wf_lens_close(l);
    return 0;
}
