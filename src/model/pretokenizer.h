/* Pre-tokenizers: a text cut into words before BPE, as models' regular expressions do it; and
 * GPT-2's alphabet, in which such vocabularies write bytes.
 *
 * Used by those that encode (tokenizer_bpe.c) and those that make vocabularies (train/bpe.h).
 * Threads: any. */
#ifndef WF_MODEL_PRETOKENIZER_H
#define WF_MODEL_PRETOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* A row of the table, see pretokenizer.c. Static storage. */
struct wf_pretokenizer;

/* The pre-tokenizer of that name ("qwen2", as tokenizer.ggml.pre has it), or NULL; whether its
 * files begin texts with a token; whether a word that is a token is taken as it is. */
const struct wf_pretokenizer *wf_pretokenizer_by_name(struct wf_str name);
bool wf_pretokenizer_adds_bos(const struct wf_pretokenizer *p);
bool wf_pretokenizer_takes_whole_words(const struct wf_pretokenizer *p);

/* Cuts a text into words; calls fn for each, in order, until it returns another than 0, which is
 * then returned. Together the words are the text. Errors: NOMEM. */
typedef int (*wf_word_fn)(void *ud, struct wf_str word);
int wf_pretokenizer_cut(const struct wf_pretokenizer *p, struct wf_str text, wf_word_fn fn,
                        void *ud) WF_MUST_USE;

/* GPT-2's alphabet: each byte is a printable code point; those that are none follow from U+0100 on.
 * The code point of a byte, below 512; appends the bytes as such code points (wf_buf_status); the
 * byte of a code point, or -1. */
uint32_t wf_alphabet_point(uint8_t byte);
int wf_alphabet_append(struct wf_buf *out, struct wf_str bytes);
int wf_alphabet_byte(uint32_t point);

#endif
