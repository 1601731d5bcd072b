/* SPDX-License-Identifier: Apache-2.0 */
/* Tiny vocabularies, see the header. */
#include "support/tiny_vocab.h"

#include <string.h>

enum {
    KIND_U8 = 0,
    KIND_U32 = 4,
    KIND_I32 = 5,
    KIND_F32 = 6,
    KIND_STRING = 8,
    KIND_ARRAY = 9
};

static void put_string(struct wf_buf *b, const char *s)
{
    (void)wf_buf_append_u64le(b, strlen(s));
    (void)wf_buf_append_cstr(b, s);
}

static void put_text(struct wf_buf *b, const char *key, const char *value)
{
    put_string(b, key);
    (void)wf_buf_append_u32le(b, KIND_STRING);
    put_string(b, value);
}

static void put_array(struct wf_buf *b, const char *key, uint32_t kind, size_t n)
{
    put_string(b, key);
    (void)wf_buf_append_u32le(b, KIND_ARRAY);
    (void)wf_buf_append_u32le(b, kind);
    (void)wf_buf_append_u64le(b, n);
}

void tiny_vocab_build(const char *model, const char *pre, const struct tiny_token *tokens,
                      const char *const *merges, struct wf_buf *out)
{
    size_t n = 0, n_merges = 0;

    while (tokens[n].name != NULL)
        n++;
    while (merges != NULL && merges[n_merges] != NULL)
        n_merges++;
    (void)wf_buf_append_cstr(out, "GGUF");
    (void)wf_buf_append_u32le(out, 3);
    (void)wf_buf_append_u64le(out, 0);
    (void)wf_buf_append_u64le(out, 4u + (pre != NULL ? 1u : 0u) + (merges != NULL ? 1u : 0u));
    put_text(out, "tokenizer.ggml.model", model);
    if (pre != NULL)
        put_text(out, "tokenizer.ggml.pre", pre);
    put_array(out, "tokenizer.ggml.tokens", KIND_STRING, n);
    for (size_t i = 0; i < n; i++)
        put_string(out, tokens[i].name);
    put_array(out, "tokenizer.ggml.token_type", KIND_I32, n);
    for (size_t i = 0; i < n; i++)
        (void)wf_buf_append_u32le(out, (uint32_t)tokens[i].kind);
    put_array(out, "tokenizer.ggml.scores", KIND_F32, n);
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &tokens[i].score, sizeof(bits));
        (void)wf_buf_append_u32le(out, bits);
    }
    if (merges == NULL)
        return;
    put_array(out, "tokenizer.ggml.merges", KIND_STRING, n_merges);
    for (size_t i = 0; i < n_merges; i++)
        put_string(out, merges[i]);
}

void tiny_vocab_build_pieces(const char *pre, struct wf_str pieces, struct wf_buf *out)
{
    (void)wf_buf_append_cstr(out, "GGUF");
    (void)wf_buf_append_u32le(out, 3);
    (void)wf_buf_append_u64le(out, 0);
    (void)wf_buf_append_u64le(out, 3);
    put_text(out, "tokenizer.ggml.model", "gpt2");
    put_text(out, "tokenizer.ggml.pre", pre);
    put_array(out, "tokenizer.weft.pieces", KIND_U8, pieces.len);
    (void)wf_buf_append_str(out, pieces);
}
