/* SPDX-License-Identifier: Apache-2.0 */
/* Model files: any bytes are refused with a reason, or make a model that runs without reading or
 * writing anywhere but where it may. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "model/transformer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Two tokens through a model that is small enough for that. */
static void run(const struct wf_model *m)
{
    struct wf_runner_options o = {.n_threads = 1, .n_context = 4, .n_batch = 4};
    const struct wf_params *p = wf_model_params(m);
    static float out[1 << 16];
    int32_t ids[] = {0, (int32_t)p->n_vocab - 1};
    struct wf_runner *r = NULL;
    struct wf_seq seq = {0};

    if (p->n_vocab > 1 << 15 || p->dim > 4096 || wf_params_ff_max(p) > 4096 || p->n_layers > 8 ||
        p->n_experts > 64 || wf_params_q_dim_max(p) > 4096 || p->conv_len > 8)
        return;
    if (wf_runner_new(m, &o, &r, NULL) != 0)
        return;
    if (wf_runner_kv(r) == NULL) {
        (void)wf_runner_embed(r, ids, (uint32_t[]){0, 2}, 1, out, NULL); /* refusing is as good */
    } else if (wf_seq_init(&seq, wf_runner_kv(r), NULL) == 0) {
        struct wf_batch_part part = {.seq = &seq, .ids = ids, .n = 2, .n_logits = 2};
        (void)wf_runner_eval(r, &part, 1, NULL, out, NULL);
    }
    wf_seq_deinit(&seq);
    wf_runner_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_gguf *g = NULL;
    struct wf_model *m = NULL;

    if (wf_gguf_open_memory(data, size, &g, &err) != 0) {
        assert(err.msg[0] != 0);
        return 0;
    }
    if (wf_model_open_gguf(g, &m, &err) == 0) {
        run(m);
        wf_model_close(m);
    } else {
        assert(err.msg[0] != 0);
        wf_gguf_close(g);
    }
    return 0;
}
