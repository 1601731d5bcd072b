/* Impersonal: whether a text is a question about the world rather than about somebody: an exam's
 * with its choices, or one that begins with a question word, ends with its mark, and has no word
 * for who asks. What such a text is about says nothing of a person. Thread rule: any. */
#ifndef WF_PRIVACY_IMPERSONAL_H
#define WF_PRIVACY_IMPERSONAL_H

#include <stdbool.h>

#include "base/str.h"

/* A question with choices, each on a line of its own ("A. ...", "B) ..."). */
bool wf_is_quiz(struct wf_str text);
/* A short text that ends with a question mark, of any script, without a word for who asks. */
bool wf_is_question(struct wf_str text);
/* A quiz, or a question that begins with a question word, of English, German, French, Spanish,
 * Italian, Portuguese, Dutch, Romanian, Polish, Russian, Swedish, Danish or Norwegian; of other
 * languages it is never said. */
bool wf_is_impersonal(struct wf_str text);

#endif
