/* BPE trainer: a byte-level vocabulary out of texts.
 *
 * Texts are cut into words by one of the pre-tokenizers of model/; unique words are counted, each
 * text with its weight; then the two neighbouring tokens that stand together most often become one,
 * again and again, until the vocabulary is full (Sennrich et al. 2016; over bytes as in GPT-2). Of
 * pairs that are equally frequent the one with the lower ids goes first, so that the same texts in
 * any order give the same vocabulary. The result is a GGUF that holds nothing but a vocabulary, as
 * model/vocab.h reads it. Threads: owner. */
#ifndef WF_TRAIN_BPE_H
#define WF_TRAIN_BPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* The bounds of what can be asked for. */
#define WF_BPE_TOKENS_MAX (1u << 20)
#define WF_BPE_CONTROLS_MAX 256
#define WF_BPE_TOKEN_BYTES_MAX 256

struct wf_bpe_options {
    uint32_t n_tokens;           /* of the vocabulary: control tokens, 256 bytes, merges */
    uint32_t token_bytes_max;    /* longest token; 0: WF_BPE_TOKEN_BYTES_MAX */
    uint64_t count_min;          /* pairs less frequent than this are not merged, in hundredths as
                                    weights are; 0: 200 (twice) */
    const char *pre;             /* pre-tokenizer, e.g. "qwen2" */
    const char *const *controls; /* [n_controls] names of the first tokens, borrowed until free */
    size_t n_controls;
};

struct wf_bpe;

/* An empty trainer. Errors: INVAL (a size, an unknown pre-tokenizer), NOMEM. */
int wf_bpe_new(const struct wf_bpe_options *o, struct wf_bpe **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_bpe_free(struct wf_bpe *b);

/* Counts the words of a text `hundredths`/100 times. Errors: NOMEM, LIMIT (2^31 bytes of unique
 * words). */
int wf_bpe_add(struct wf_bpe *b, struct wf_str text, uint32_t hundredths,
               struct wf_err *err) WF_MUST_USE;

/* Unique words so far. */
size_t wf_bpe_n_words(const struct wf_bpe *b);

/* Makes the merges; once, after the last wf_bpe_add. tell (may be NULL) is called now and then with
 * the tokens that are there; false from it ends the work. Errors: CANCELED, NOMEM. */
typedef bool (*wf_bpe_tell_fn)(void *ud, uint32_t n_tokens);
int wf_bpe_train(struct wf_bpe *b, wf_bpe_tell_fn tell, void *ud, struct wf_err *err) WF_MUST_USE;

/* Tokens of the vocabulary: fewer than asked for when the texts had no more frequent pairs. */
uint32_t wf_bpe_n_tokens(const struct wf_bpe *b);
/* The bytes of a token that is no control token. */
struct wf_str wf_bpe_bytes(const struct wf_bpe *b, uint32_t id);

/* Writes the vocabulary: the first control token begins texts, the second ends them. `name` is
 * general.name. Errors: as wf_gguf_writer_finish. */
int wf_bpe_write(const struct wf_bpe *b, const char *name, const char *path,
                 struct wf_err *err) WF_MUST_USE;

#endif
