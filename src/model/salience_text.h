/* Salience text: a text's sentences as words with what is known of each word in it: how often it
 * stands there, in how many sentences, how near to a question; and those as the features by which
 * model/salience.h tells what a summary would say. Threads: owner. */
#ifndef WF_MODEL_SALIENCE_TEXT_H
#define WF_MODEL_SALIENCE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* Of a word in a text; the first is 1. */
#define WF_SALIENCE_FEATURES 8

struct wf_salience_word {
    uint32_t hash;
    uint32_t n, n_sentences; /* where it occurs */
    uint32_t last;           /* the sentence in which it was counted last, + 1 */
    bool is_asked;           /* the question has it */
    float near; /* n, by how near the sentences are to the question, on the scale of n */
};

struct wf_salience_text {
    uint32_t *ids;    /* words of all sentences, one after the other */
    uint32_t *starts; /* [n + 1] of sentences */
    size_t n;
    struct wf_salience_word *words; /* [n_words] distinct ones */
    size_t n_words;
    bool is_about; /* the question says something that is in the text */
    size_t _ids_cap, _words_cap, _mask;
    uint32_t *_index; /* open addressing: word + 1; 0 is free */
};

/* Reads sentences [n] (valid UTF-8, borrowed for the call). question may be empty. *out is owned by
 * the caller, until wf_salience_text_deinit. Errors: NOMEM. */
int wf_salience_text_init(struct wf_salience_text *out, const struct wf_str *sentences, size_t n,
                          struct wf_str question, struct wf_err *err) WF_MUST_USE;
/* Safe on a zeroed one, and twice. */
void wf_salience_text_deinit(struct wf_salience_text *t);

/* The word with that hash; n_words: the text does not have it. */
size_t wf_salience_text_find(const struct wf_salience_text *t, uint32_t hash);

/* Features of a word: out [WF_SALIENCE_FEATURES]. */
void wf_salience_features(const struct wf_salience_text *t, size_t i_word, float *out);

/* Calls fn for every word of s: its hash, as struct wf_salience_word has it. */
void wf_salience_each_word(struct wf_str s, void (*fn)(void *ud, uint32_t hash), void *ud);

#endif
