/* Phrase: a secret that a person can keep on paper. Sixteen random bytes are twelve words, the last
 * of which holds four bits of a checksum; the owner's key is made out of them (mesh/identity.h).
 * Typed back, a word may be cut short where it stays clear, or have one slip. Also words for what
 * two people compare. Thread rule: any. */
#ifndef WF_MESH_PHRASE_H
#define WF_MESH_PHRASE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define WF_PHRASE_SECRET_BYTES 16
#define WF_PHRASE_N_WORDS 12
/* Twelve words of at most eight letters, with spaces between and a NUL. */
#define WF_PHRASE_TEXT_BYTES (WF_PHRASE_N_WORDS * 9)
/* What a person may type: the words with numbers, commas, a line each. */
#define WF_PHRASE_TYPED_BYTES 4096

/* How much is compared: three words of 11 bits. */
#define WF_PHRASE_COMPARED_BYTES 5
#define WF_PHRASE_COMPARED_TEXT_BYTES (3 * 9)

/* The words of a secret, parted by one space. */
void wf_phrase_write(const uint8_t secret[WF_PHRASE_SECRET_BYTES], char out[WF_PHRASE_TEXT_BYTES]);

/* The secret of what was typed: words in any case, parted by anything that is no letter. Errors:
 * FORMAT (a word that is none, too few or too many, or the checksum is not right: the sentence
 * says which word), LIMIT (longer than WF_PHRASE_TYPED_BYTES). */
int wf_phrase_read(struct wf_str typed, uint8_t out[WF_PHRASE_SECRET_BYTES],
                   struct wf_err *err) WF_MUST_USE;

/* Three words for the first 33 bits, for two people to compare. */
void wf_phrase_compared(const uint8_t bytes[WF_PHRASE_COMPARED_BYTES],
                        char out[WF_PHRASE_COMPARED_TEXT_BYTES]);

/* The word with that number (modulo 2,048). Static storage. */
const char *wf_phrase_word(unsigned i);

#endif
