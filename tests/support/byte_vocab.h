/* Byte vocabularies: models' vocabularies of all single bytes, some longer tokens, and an end
 * token, built in memory, for grammars. */
#ifndef WF_TESTS_BYTE_VOCAB_H
#define WF_TESTS_BYTE_VOCAB_H

#include "base/buf.h"
#include "model/grammar.h"
#include "model/vocab.h"

struct byte_vocab {
    struct wf_buf file;
    struct wf_gguf *gguf;
    struct wf_vocab *vocab;
    struct wf_token_trie *trie;
    int32_t end;     /* the token that ends texts */
    int32_t control; /* <|tool|>, a control token */
};

/* Bytes are tokens 0 to 255, `words` (NULL ends; names as GPT-2 writes bytes) follow, then
 * <|tool|> and <|end|>. */
void byte_vocab_init(struct byte_vocab *v, const char *const *words);
void byte_vocab_deinit(struct byte_vocab *v);

#endif
