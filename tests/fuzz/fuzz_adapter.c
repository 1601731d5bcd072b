/* SPDX-License-Identifier: Apache-2.0 */
/* Adapter files: any bytes are refused with a reason, or make an adapter that a model runs with. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "model/adapter.h"
#include "model/transformer.h"
#include "support/tiny_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct wf_buf bytes;
static struct wf_model *model;
static struct wf_runner *runner;

static void load(void)
{
    struct wf_runner_options o = {.n_threads = 1, .n_context = 8, .n_batch = 8};
    struct wf_gguf *g = NULL;

    wf_buf_init(&bytes, 64u << 20);
    tiny_model_build("qwen3moe", &bytes);
    if (wf_gguf_open_memory(bytes.ptr, bytes.len, &g, NULL) != 0 ||
        wf_model_open_gguf(g, &model, NULL) != 0 || wf_runner_new(model, &o, &runner, NULL) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static float out[TINY_VOCAB];
    struct wf_err err = WF_ERR_INIT;
    struct wf_adapter *a = NULL;
    struct wf_gguf *g = NULL;
    struct wf_seq seq;
    int32_t ids[] = {3, 500};

    if (model == NULL)
        load();
    if (wf_gguf_open_memory(data, size, &g, &err) != 0)
        return 0;
    if (wf_adapter_open_gguf(model, g, &a, &err) != 0) {
        assert(err.msg[0] != 0);
        wf_gguf_close(g);
        return 0;
    }
    struct wf_adapter_use use = {a, 0.5f};
    if (wf_seq_init(&seq, wf_runner_kv(runner), NULL) == 0) {
        struct wf_batch_part part = {
            .seq = &seq, .ids = ids, .n = 2, .n_logits = 1, .adapters = &use, .n_adapters = 1};
        (void)wf_runner_eval(runner, &part, 1, NULL, out, NULL);
        wf_seq_deinit(&seq);
    }
    wf_adapter_close(a);
    return 0;
}
