/* The stop words of the languages weft knows best: a pure table.
 *
 * Internal to text/. */
#ifndef WF_TEXT_STOP_WORDS_H
#define WF_TEXT_STOP_WORDS_H

/* One string a language, words in their common spelling separated by spaces; NULL at the end. */
extern const char *const wf_text__stop_words[];

#endif
