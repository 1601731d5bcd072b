/* Salience trainer: from texts and the summaries that people wrote of them to what model/salience.h
 * needs: how often words are to be expected in a summary.
 *
 * A Poisson regression of a word's number in the summary on the word's features in the text, and by
 * turns one weight for each frequent word, pulled towards none. Texts that train/split.h keeps
 * aside do not teach; on them the weight of an encoder's scores is chosen. Threads: owner. */
#ifndef WF_TRAIN_SALIENCE_H
#define WF_TRAIN_SALIENCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/gguf.h"
#include "model/salience.h"

struct wf_salience_trainer;

/* One without texts. *out is owned by the caller. Errors: NOMEM. */
int wf_salience_trainer_new(struct wf_salience_trainer **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_salience_trainer_free(struct wf_salience_trainer *t);

/* The encoder's scores of a text's sentences [n]: out_logits [n]. Errors stop the reading. */
typedef int (*wf_salience_logits_fn)(void *ud, const struct wf_str *sentences, size_t n,
                                     float *out_logits, struct wf_err *err);

/* Texts that are kept aside get their encoder's scores from fn, from now on; NULL: none. */
void wf_salience_trainer_encoder(struct wf_salience_trainer *t, wf_salience_logits_fn fn, void *ud);

/* Reads what a list names (its form: train/salience-words.conf). Errors: those of data_summaries.h,
 * FORMAT, NOMEM. */
int wf_salience_trainer_add_list(struct wf_salience_trainer *t, const char *list,
                                 struct wf_err *err) WF_MUST_USE;

struct wf_salience_table {
    size_t n_texts, n_kept, n_words;
    double rouge1[2];       /* in %, on what is kept aside, of summaries of all and about something:
                               as many sentences as the reference has */
    double with_encoder[2]; /* the same with the encoder's weight that was chosen on the other half
                               of what is kept aside; as rouge1 without an encoder */
    float encoder[2];       /* the weight that was chosen on all of it */
};

/* Learns, and writes to `path` all that `into` has (NULL: nothing) with the table added. out may be
 * NULL. Errors: INVAL (no texts), those of gguf_write.h, NOMEM. */
int wf_salience_trainer_write(struct wf_salience_trainer *t, const struct wf_gguf *into,
                              const char *path, struct wf_salience_table *out,
                              struct wf_err *err) WF_MUST_USE;

#endif
