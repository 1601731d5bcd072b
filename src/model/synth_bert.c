/* SPDX-License-Identifier: Apache-2.0 */
/* What synthetic encoders of BERT's shape are made of: tensors with biases and norms behind each
 * half, and a WordPiece vocabulary of letters and made-up words. */
#include <string.h>

#include "base/buf.h"
#include "model/synth_internal.h"
#include "model/vocab.h"

/* The first tokens, by id. */
static const char *const controls[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
enum {
    PAD,
    UNKNOWN,
    CLS,
    SEPARATOR,
    MASK
};

/* What GGUF puts in front of tokens that begin a word. */
#define WORD "\xe2\x96\x81"

static void add_norm(struct wf_synth_maker *s, int layer, const char *name)
{
    const struct wf_synth_shape *m = s->shape;
    char full[WF_SYNTH_NAME_BYTES];

    (void)snprintf(full, sizeof(full), "%s.weight", name);
    wf_synth__add(s, layer, full, m->dim, 0, 1.0f, 0.1f);
    (void)snprintf(full, sizeof(full), "%s.bias", name);
    wf_synth__add(s, layer, full, m->dim, 0, 0.0f, 0.1f);
}

static void add_dense(struct wf_synth_maker *s, int layer, const char *name, uint64_t n0,
                      uint64_t n1)
{
    char full[WF_SYNTH_NAME_BYTES];

    (void)snprintf(full, sizeof(full), "%s.weight", name);
    wf_synth__add_matrix(s, layer, full, n0, n1);
    (void)snprintf(full, sizeof(full), "%s.bias", name);
    wf_synth__add(s, layer, full, n1, 0, 0.0f, 0.1f);
}

void wf_synth__bert_tensors(struct wf_synth_maker *s)
{
    const struct wf_synth_shape *m = s->shape;

    wf_synth__add_matrix(s, -1, "token_embd.weight", m->dim, m->n_vocab);
    wf_synth__add_matrix(s, -1, "position_embd.weight", m->dim, m->n_context);
    wf_synth__add_matrix(s, -1, "token_types.weight", m->dim, 2);
    add_norm(s, -1, "token_embd_norm");
    for (int i = 0; i < (int)m->n_layers; i++) {
        add_dense(s, i, "attn_q", m->dim, m->dim);
        add_dense(s, i, "attn_k", m->dim, m->dim);
        add_dense(s, i, "attn_v", m->dim, m->dim);
        add_dense(s, i, "attn_output", m->dim, m->dim);
        add_norm(s, i, "attn_output_norm");
        add_dense(s, i, "ffn_up", m->dim, m->n_ff);
        add_dense(s, i, "ffn_down", m->n_ff, m->dim);
        add_norm(s, i, "layer_output_norm");
    }
}

void wf_synth__bert_metadata(struct wf_gguf_writer *w)
{
    wf_gguf_put_u32(w, "bert.pooling_type", 1); /* the mean */
    wf_gguf_put_bool(w, "bert.attention.causal", false);
    wf_gguf_put_f32(w, "bert.attention.layer_norm_epsilon", 1e-12f);
}

/* The i-th piece: letters, then all pairs, triples ... of them. */
static void append_piece(struct wf_buf *out, uint32_t i)
{
    char letters[8];
    size_t n = 0;

    for (; n == 0 || i > 0; i = i / 26) { /* bijective: no two are alike */
        i -= n > 0;
        letters[n++] = (char)('a' + i % 26);
    }
    while (n > 0)
        wf_buf_append_byte(out, letters[--n]);
}

int wf_synth__bert_vocab(struct wf_gguf_writer *w, uint32_t n_vocab, struct wf_err *err)
{
    uint32_t n_controls = (uint32_t)WF_ARRAY_LEN(controls);
    struct wf_buf name;
    int rc;

    wf_buf_init(&name, 64);
    wf_gguf_put_string(w, "tokenizer.ggml.model", WF_STR("bert"));
    wf_gguf_put_string(w, "tokenizer.ggml.pre", WF_STR("jina-v2-en"));
    wf_gguf_put_u32(w, "tokenizer.ggml.token_type_count", 2);
    wf_gguf_put_strings(w, "tokenizer.ggml.tokens", n_vocab);
    for (uint32_t i = 0; i < n_vocab; i++) {
        wf_buf_reset(&name);
        if (i < n_controls) {
            wf_buf_append(&name, controls[i], strlen(controls[i]));
        } else {
            uint32_t k = i - n_controls;
            if (k % 2 == 0)
                wf_buf_append(&name, WORD, sizeof(WORD) - 1);
            append_piece(&name, k / 2);
        }
        wf_gguf_item_put_string(w, wf_buf_str(&name));
    }
    wf_gguf_put_i32s(w, "tokenizer.ggml.token_type", n_vocab);
    for (uint32_t i = 0; i < n_vocab; i++)
        wf_gguf_item_put_i32(w, i < n_controls ? WF_TOKEN_CONTROL : WF_TOKEN_NORMAL);
    wf_gguf_put_u32(w, "tokenizer.ggml.padding_token_id", PAD);
    wf_gguf_put_u32(w, "tokenizer.ggml.unknown_token_id", UNKNOWN);
    wf_gguf_put_u32(w, "tokenizer.ggml.cls_token_id", CLS);
    wf_gguf_put_u32(w, "tokenizer.ggml.bos_token_id", CLS);
    wf_gguf_put_u32(w, "tokenizer.ggml.seperator_token_id", SEPARATOR); /* as the format has it */
    wf_gguf_put_u32(w, "tokenizer.ggml.eos_token_id", SEPARATOR);
    wf_gguf_put_u32(w, "tokenizer.ggml.mask_token_id", MASK);
    rc = wf_buf_status(&name);
    wf_buf_deinit(&name);
    return rc == 0 ? 0 : wf_err_set(err, rc, "Not enough memory for a vocabulary.");
}
