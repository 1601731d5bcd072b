/* SPDX-License-Identifier: Apache-2.0 */
/* A tiny model to be served, see the header. */
#include "support/served.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/tiny_model.h"
#include "support/tiny_vocab.h"

#define N_BYTES 256

static void fail(const char *what, const struct wf_err *err)
{
    fprintf(stderr, "%s: %s\n", what, err->msg);
    abort();
}

/* unknown, begin, end, 256 bytes, and words "▁w259" ... */
static void open_vocab(struct served *s)
{
    static char names[TINY_VOCAB][16];
    struct tiny_token tokens[TINY_VOCAB + 1] = {{NULL, 0, 0}};
    struct wf_err err = WF_ERR_INIT;

    for (int i = 0; i < TINY_VOCAB; i++) {
        if (i < 3)
            snprintf(names[i], sizeof(names[i]), "%s", i == 0 ? "<unk>" : i == 1 ? "<s>" : "</s>");
        else if (i < 3 + N_BYTES)
            snprintf(names[i], sizeof(names[i]), "<0x%02X>", (unsigned)(i - 3));
        else
            snprintf(names[i], sizeof(names[i]), "\xe2\x96\x81w%d", i);
        tokens[i] = (struct tiny_token){names[i],
                                        i == 0            ? 2
                                        : i < 3           ? 3
                                        : i < 3 + N_BYTES ? 6
                                                          : 1,
                                        (float)-i};
    }
    wf_buf_init(&s->vocab_bytes, 1u << 20);
    tiny_vocab_build("llama", NULL, tokens, NULL, &s->vocab_bytes);
    if (wf_gguf_open_memory(s->vocab_bytes.ptr, s->vocab_bytes.len, &s->vocab_file, &err) != 0 ||
        wf_vocab_open(s->vocab_file, &s->vocab, &err) != 0)
        fail("vocabulary", &err);
}

void served_open(struct served *s, const char *name)
{
    struct wf_gguf *g = NULL;
    struct wf_err err = WF_ERR_INIT;

    memset(s, 0, sizeof(*s));
    open_vocab(s);
    wf_buf_init(&s->bytes, 64u << 20);
    tiny_model_build(name, &s->bytes);
    if (wf_gguf_open_memory(s->bytes.ptr, s->bytes.len, &g, &err) != 0 ||
        wf_model_open_gguf(g, &s->model, &err) != 0)
        fail(name, &err);
}

void served_close(struct served *s)
{
    wf_model_close(s->model);
    wf_vocab_close(s->vocab);
    wf_gguf_close(s->vocab_file);
    wf_buf_deinit(&s->bytes);
    wf_buf_deinit(&s->vocab_bytes);
}

void served_prompt(int32_t *ids, size_t n, size_t common, int32_t seed)
{
    for (size_t i = 0; i < n; i++)
        ids[i] = 3 + (int32_t)(i * 37 + (i < common ? 0 : (size_t)seed * 101)) % 500;
}

size_t served_alone(const struct served *s, const int32_t *prompt, size_t n_prompt, size_t n_max,
                    int32_t *out)
{
    struct wf_runner_options o = {.n_threads = 1, .n_context = 256};
    size_t n_vocab = wf_model_params(s->model)->n_vocab, n = 0;
    float *logits = malloc(n_vocab * sizeof(*logits));
    struct wf_batch_part part = {.ids = prompt, .n = n_prompt, .n_logits = 1};
    struct wf_runner *r = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct wf_seq seq = {0};

    if (logits == NULL || wf_runner_new(s->model, &o, &r, &err) != 0 ||
        wf_seq_init(&seq, wf_runner_kv(r), &err) != 0)
        fail("runner", &err);
    part.seq = &seq;
    while (n < n_max) {
        int32_t best = 0;
        if (wf_runner_eval(r, &part, 1, NULL, logits, &err) != 0)
            fail("eval", &err);
        for (size_t i = 1; i < n_vocab; i++)
            best = logits[i] > logits[best] ? (int32_t)i : best;
        if (best == SERVED_EOS)
            break;
        out[n++] = best;
        part.ids = &out[n - 1];
        part.n = 1;
    }
    wf_seq_deinit(&seq);
    wf_runner_free(r);
    free(logits);
    return n;
}
