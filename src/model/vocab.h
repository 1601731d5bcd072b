/* Vocabulary: a model's tokens, and texts as tokens and back.
 *
 * Read out of a GGUF's metadata (tokenizer.ggml.*, or vocab_pieces.h): SentencePiece with byte
 * fallback ("llama"), byte-level BPE ("gpt2") with the pre-tokenizers in use, WordPiece ("bert"),
 * Unigram ("t5"). Any bytes can be encoded; what is not UTF-8 goes byte by byte. Costs grow with n
 * log n at most. What comes out equals what the models were trained with, as llama.cpp encodes it:
 * the same words, merges, defaults. Threads: any, once opened. */
#ifndef WF_MODEL_VOCAB_H
#define WF_MODEL_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "model/gguf.h"

/* As GGUF numbers them. */
enum wf_token_kind {
    WF_TOKEN_NORMAL = 1,
    WF_TOKEN_UNKNOWN = 2,
    WF_TOKEN_CONTROL = 3,
    WF_TOKEN_USER = 4, /* found in any text before all others */
    WF_TOKEN_UNUSED = 5,
    WF_TOKEN_BYTE = 6,
};

/* No such token. */
#define WF_TOKEN_NONE (-1)

struct wf_vocab;

/* Reads the vocabulary of g, which must outlive it. *out is owned by the caller, until
 * wf_vocab_close. Errors: UNSUPPORTED (kind or pre-tokenizer; the message lists what is known),
 * NOENT (the file has none), FORMAT (damaged), NOMEM. */
int wf_vocab_open(const struct wf_gguf *g, struct wf_vocab **out, struct wf_err *err) WF_MUST_USE;
/* How many tokens the vocabulary of a file says it has, without opening it; 0: there is none. */
size_t wf_vocab_count(const struct wf_gguf *g);
/* NULL is a no-op. */
void wf_vocab_close(struct wf_vocab *v);

/* Tokens in it. */
size_t wf_vocab_size(const struct wf_vocab *v);
/* What a token is, and the exact bytes it stands for (a control token: its name; a WordPiece
 * token that begins a word has a space in front). id must be below the size. */
enum wf_token_kind wf_vocab_kind(const struct wf_vocab *v, int32_t id);
struct wf_str wf_vocab_bytes(const struct wf_vocab *v, int32_t id);
/* A token's name as the file has it. */
struct wf_str wf_vocab_name(const struct wf_vocab *v, int32_t id);
/* The token of that name, or WF_TOKEN_NONE. */
int32_t wf_vocab_find(const struct wf_vocab *v, struct wf_str name);

/* The tokens that begin and end a text; WF_TOKEN_NONE where there is none. */
int32_t wf_vocab_bos(const struct wf_vocab *v);
int32_t wf_vocab_eos(const struct wf_vocab *v);
/* Whether encoding with WF_ENCODE_ENDS begins texts with bos. */
bool wf_vocab_adds_bos(const struct wf_vocab *v);
/* Whether a generation ends with this token: the end of a text, of a turn, of a message. */
bool wf_vocab_is_end(const struct wf_vocab *v, int32_t id);

/* A growing list of tokens. */
struct wf_ids {
    int32_t *ptr; /* owned by the list; wf_free */
    size_t n;
    size_t cap;
};

/* Appends one token. Errors: NOMEM. */
int wf_ids_push(struct wf_ids *ids, int32_t id) WF_MUST_USE;

/* With which extra tokens a text is encoded. */
#define WF_ENCODE_ENDS (1u << 0)    /* those that begin and end texts, as the model asks */
#define WF_ENCODE_CONTROL (1u << 1) /* names of control tokens in the text mean these tokens */

/* Appends the tokens of a text. Errors: LIMIT (WF_LIMIT_ENCODE_BYTES), NOMEM; io_out is then as
 * before. */
int wf_vocab_encode(const struct wf_vocab *v, struct wf_str text, unsigned flags,
                    struct wf_ids *io_out, struct wf_err *err) WF_MUST_USE;

/* Appends the tokens of a text, none of them control or user's tokens, and to io_firsts for each
 * word of the pre-tokenizer the index of its first token (0 is the text's first). Byte-level BPE
 * only: where the vocabulary has all bytes, the bytes of the tokens are those of the text. Errors:
 * UNSUPPORTED, LIMIT (WF_LIMIT_ENCODE_BYTES), NOMEM; both lists are then as before. */
int wf_vocab_encode_words(const struct wf_vocab *v, struct wf_str text, struct wf_ids *io_out,
                          struct wf_ids *io_firsts, struct wf_err *err) WF_MUST_USE;

/* Appends the text of tokens; control tokens add nothing unless `with_control`. The first space of
 * a text is dropped where encoding added one. Errors: RANGE (no such token), NOMEM. */
int wf_vocab_decode(const struct wf_vocab *v, const int32_t *ids, size_t n, bool with_control,
                    struct wf_buf *out, struct wf_err *err) WF_MUST_USE;

#endif
