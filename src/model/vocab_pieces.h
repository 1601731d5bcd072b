/* A vocabulary in pieces: byte-level BPE kept in a tenth of the bytes that the usual keys take.
 *
 * A token that comes out of a merge is two tokens before it, one behind the other, so its name and
 * its merge both follow from their two numbers. This says the same as tokenizer.ggml.tokens,
 * token_type and merges, in their place: the same ids, names, kinds, merges and their order.
 *
 * tokenizer.weft.pieces, an array of u8, little-endian:
 *   offset  bytes
 *        0      1  edition: 1
 *        1      4  n_tokens
 *        5         groups, in the order of ids, until they hold n_tokens tokens
 * A group:
 *        0      1  what its tokens are: 0 bytes, 1 to 6 named ones of that kind (wf_token_kind), 7
 *                  pairs
 *        1      4  n, how many
 *        5         bytes: n x 1, each a token that stands for this byte
 *                  named: n x { u8 length, name as tokenizer.ggml.tokens has it }
 *                  pairs: u8 width (8 to 24), then bits, filled with 0 up to a whole byte
 * Tokens of bytes and pairs are pieces, and are numbered from 0 in the order of their ids. A pair
 * is the numbers of its two halves, of lower number than its own; pairs merge in the order in which
 * they stand. A number, from the lowest bit on: 3 bits c; where c is 0, width - 7 bits; else
 * k = width - 8 + c bits b, for 2^k + b.
 *
 * Threads: any. */
#ifndef WF_MODEL_VOCAB_PIECES_H
#define WF_MODEL_VOCAB_PIECES_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/gguf_write.h"
#include "model/vocab.h"

#define WF_VOCAB_PIECES_KEY "tokenizer.weft.pieces"

/* Appends a vocabulary in pieces. *out_fits false, and nothing is appended, where they cannot say
 * the same: it is no byte-level BPE, names stand twice, merges are not in the order of the tokens
 * that they make. Errors: NOMEM. */
int wf_vocab_pieces(const struct wf_vocab *v, struct wf_buf *out, bool *out_fits) WF_MUST_USE;

/* Puts what g says of its vocabulary (all keys that begin with "tokenizer."): in pieces where that
 * is wanted and fits; else, and where the vocabulary cannot be read, as it stands. Pieces are for
 * lens, which weft alone reads. Errors: NOMEM. */
int wf_vocab_put(struct wf_gguf_writer *w, const struct wf_gguf *g, bool in_pieces,
                 struct wf_err *err) WF_MUST_USE;

#endif
