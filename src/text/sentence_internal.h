/* What sentence.c, point.c and line.c share. Internal to text/. Thread rule: any. */
#ifndef WF_TEXT_SENTENCE_INTERNAL_H
#define WF_TEXT_SENTENCE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* How far the rules look around, bytes: bounds the work at every place. */
#define WF_SENTENCE_LOOK_MAX 64

/* What a letter is to the rules. */
enum wf_next {
    WF_NEXT_END, /* of the text */
    WF_NEXT_LOWER,
    WF_NEXT_UPPER,
    WF_NEXT_CASELESS, /* a letter of a script without capitals */
    WF_NEXT_DIGIT,
    WF_NEXT_COMMA, /* what goes on a sentence: , ; : ) and marks */
    WF_NEXT_OTHER,
};

/* The kind of `cp`, 0 being the end of the text. */
enum wf_next wf_text__next_of(uint32_t cp);

/* The code point at i; 0 at the end of the text. */
uint32_t wf_text__peek(struct wf_str s, size_t i);

struct wf_gap {
    size_t end;
    size_t n_lines;
};

/* White space from i on: where it ends, and the line breaks in it. */
struct wf_gap wf_text__gap(struct wf_str s, size_t i);

/* Where the white space before `end` begins, not before `start`. */
size_t wf_text__trim_end(struct wf_str s, size_t start, size_t end);

/* Behind a mark: where the sentence would end, and what comes then. */
struct wf_ahead {
    size_t marks_end; /* behind the mark and those that follow at once */
    size_t end;       /* behind closing quotes and brackets */
    size_t word;      /* the next letter, digit or sign, behind white space and opening quotes */
    bool has_space;   /* white space or the end of the text stands at `end` */
    bool is_single;   /* the mark stands alone */
    enum wf_next next;
};

/* Does the sentence that begins at `start` end with the point at i? Space stands behind it, and no
 * lower case letter or comma. */
bool wf_text__is_end_at_point(struct wf_str s, size_t start, size_t i, const struct wf_ahead *a);

/* Does it end with the single line break at i? The next line's text begins at `next`. */
bool wf_text__is_end_at_line(struct wf_str s, size_t start, size_t i, size_t next);

#endif
