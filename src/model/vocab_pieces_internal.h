/* What reads a vocabulary in pieces and what writes it agree on; the form is described in
 * vocab_pieces.h. */
#ifndef WF_MODEL_VOCAB_PIECES_INTERNAL_H
#define WF_MODEL_VOCAB_PIECES_INTERNAL_H

#define WF_PIECES_EDITION 1
#define WF_PIECES_HEAD_BYTES 5u /* of the whole and of each group: a byte and a number */

/* What a group holds, besides the kinds of wf_token_kind. */
#define WF_PIECES_BYTES 0u
#define WF_PIECES_PAIRS 7u

#define WF_PIECES_CLASS_BITS 3u
#define WF_PIECES_WIDTH_MIN 8u
#define WF_PIECES_WIDTH_MAX 24u

#define WF_VOCAB_TOKENS_KEY "tokenizer.ggml.tokens"

#endif
