/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary as a GGUF without weights: what model/vocab_read.c and others read. */
#include "base/buf.h"
#include "model/gguf_write.h"
#include "model/vocab.h"
#include "train/bpe_internal.h"

/* A reset forgets a failure, so each name is asked for before the next. */
static int put_tokens(const struct wf_bpe *b, struct wf_gguf_writer *w, struct wf_buf *name)
{
    wf_gguf_put_strings(w, "tokenizer.ggml.tokens", b->n_tokens);
    for (uint32_t id = 0; id < b->n_tokens; id++) {
        wf_buf_reset(name);
        if (id < b->o.n_controls)
            (void)wf_buf_append_cstr(name, b->o.controls[id]);
        else
            (void)wf_alphabet_append(name, wf_bpe_bytes(b, id));
        if (wf_buf_status(name) != 0)
            return wf_buf_status(name);
        wf_gguf_item_put_string(w, wf_buf_str(name));
    }
    wf_gguf_put_i32s(w, "tokenizer.ggml.token_type", b->n_tokens);
    for (uint32_t id = 0; id < b->n_tokens; id++)
        wf_gguf_item_put_i32(w, id < b->o.n_controls ? WF_TOKEN_CONTROL : WF_TOKEN_NORMAL);
    return 0;
}

static int put_merges(const struct wf_bpe *b, struct wf_gguf_writer *w, struct wf_buf *name)
{
    wf_gguf_put_strings(w, "tokenizer.ggml.merges", b->n_merges);
    for (size_t i = 0; i < b->n_merges; i++) {
        wf_buf_reset(name);
        (void)wf_alphabet_append(name, wf_bpe_bytes(b, b->merges[i].left));
        (void)wf_buf_append_byte(name, ' ');
        if (wf_alphabet_append(name, wf_bpe_bytes(b, b->merges[i].right)) != 0)
            return wf_buf_status(name);
        wf_gguf_item_put_string(w, wf_buf_str(name));
    }
    return 0;
}

int wf_bpe_write(const struct wf_bpe *b, const char *name, const char *path, struct wf_err *err)
{
    struct wf_gguf_writer *w = NULL;
    struct wf_buf text;
    int rc = wf_gguf_writer_new(path, &w, err);

    wf_buf_init(&text, (size_t)4 * WF_BPE_TOKEN_BYTES_MAX + 4096);
    if (rc != 0)
        goto out;
    wf_gguf_put_string(w, "general.architecture", WF_STR("lens"));
    wf_gguf_put_string(w, "general.type", WF_STR("vocab"));
    wf_gguf_put_string(w, "general.name", wf_str_from(name));
    wf_gguf_put_string(w, "tokenizer.ggml.model", WF_STR("gpt2"));
    wf_gguf_put_string(w, "tokenizer.ggml.pre", wf_str_from(b->o.pre));
    rc = put_tokens(b, w, &text);
    if (rc == 0)
        rc = put_merges(b, w, &text);
    if (b->o.n_controls > 0)
        wf_gguf_put_u32(w, "tokenizer.ggml.bos_token_id", 0);
    if (b->o.n_controls > 1)
        wf_gguf_put_u32(w, "tokenizer.ggml.eos_token_id", 1);
    wf_gguf_put_bool(w, "tokenizer.ggml.add_bos_token", b->o.n_controls > 0);
    wf_gguf_put_bool(w, "tokenizer.ggml.add_eos_token", false);
    if (rc != 0)
        (void)wf_err_set(err, rc, "Not enough memory to write a vocabulary.");
    if (rc == 0)
        rc = wf_gguf_writer_begin(w, err);
    if (rc == 0)
        rc = wf_gguf_writer_finish(w, err);
out:
    wf_gguf_writer_free(w);
    wf_buf_deinit(&text);
    return rc;
}
