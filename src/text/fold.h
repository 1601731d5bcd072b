/* Fold: what one code point means to search: its class, and what stands for it in a folded word.
 *
 * Internal to text/. Tables are built page by page when first asked for. Thread rule: any. */
#ifndef WF_TEXT_FOLD_H
#define WF_TEXT_FOLD_H

#include <stdint.h>

enum wf_fold_class {
    WF_FOLD_SEPARATOR,  /* ends a word */
    WF_FOLD_WORD,       /* letter or digit of a script written with spaces */
    WF_FOLD_MARK,       /* stays within a word, begins none (vowel signs) */
    WF_FOLD_IGNORED,    /* vanishes within a word (joiners, accents, points) */
    WF_FOLD_APOSTROPHE, /* separates, but for 's and n't */
    WF_FOLD_IDEOGRAM,   /* Han, Hiragana, Katakana: pairs */
    WF_FOLD_SYLLABLE,   /* Thai, Lao, Khmer, Myanmar letters: pairs of letters with their marks */
    WF_FOLD_COUNT
};

#define WF_FOLD_BYTES_MAX 6

struct wf_fold {
    uint8_t class; /* enum wf_fold_class */
    uint8_t len;   /* bytes of text; 0 for separators, ignored ones and apostrophes */
    char text[WF_FOLD_BYTES_MAX];
};

/* The fold of `cp` (any value). */
struct wf_fold wf_text__fold(uint32_t cp);

#endif
