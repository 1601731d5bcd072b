/* Tiny vocabularies: GGUF files of metadata alone, built in memory. */
#ifndef WF_TESTS_TINY_VOCAB_H
#define WF_TESTS_TINY_VOCAB_H

#include <stdint.h>

#include "base/buf.h"

/* A token: its name, kind (wf_token_kind) and score. */
struct tiny_token {
    const char *name;
    int32_t kind;
    float score;
};

/* Writes a file of one kind of tokenizer ("llama", "gpt2", "bert", "t5"), its pre-tokenizer (NULL:
 * none), tokens and merges (NULL ends both). */
void tiny_vocab_build(const char *model, const char *pre, const struct tiny_token *tokens,
                      const char *const *merges, struct wf_buf *out);

/* Writes a file of byte-level BPE that is kept in pieces (model/vocab_pieces.h): these bytes. */
void tiny_vocab_build_pieces(const char *pre, struct wf_str pieces, struct wf_buf *out);

#endif
