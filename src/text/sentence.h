/* Sentences: borders in any language, by rule (after Unicode UAX #29, with abbreviations, initials,
 * numbers, list marks, quotes and headings handled).
 *
 * Every byte that is no white space lies in exactly one sentence. None is much longer than 1,200
 * bytes: text without marks is cut at commas or spaces. Thread rule: any. */
#ifndef WF_TEXT_SENTENCE_H
#define WF_TEXT_SENTENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct wf_sentence {
    size_t start, end; /* bytes, half-open, without white space at either end */
};

/* The next sentence at or after *io_i (bytes) of `text` (valid UTF-8); *io_i moves behind it.
 * A blank line always ends a sentence; one line break does at list items, headings, rows of tables
 * and speakers' turns, and where the line was broken on purpose. False at the end. */
bool wf_sentence_next(struct wf_str text, size_t *io_i, struct wf_sentence *out);

/* Bytes of "Speaker Name: " or "[speaker] " at the begin of a sentence; 0 when there is none. */
size_t wf_sentence_label(struct wf_str sentence);

#endif
