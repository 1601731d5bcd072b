/* Language: makes lens's table of languages (model/lens_language.h) out of sentences whose language
 * is known.
 *
 * A multinomial naive Bayes over runs of code points and words, in which a language that never had
 * a gram is not punished for it: what a gram adds to a language is the logarithm of one plus how
 * much oftener than in the average language it occurs there. So only what was seen is kept, and the
 * table is small. Grams too rare to be trusted are left out. The same sentences in the same order
 * give the same bytes. Threads: owner. */
#ifndef WF_TRAIN_LANGUAGE_H
#define WF_TRAIN_LANGUAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "model/gguf.h"

struct wf_language_trainer;

/* *out is owned by the caller. Errors: NOMEM. */
int wf_language_trainer_new(struct wf_language_trainer **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_language_trainer_free(struct wf_language_trainer *t);

/* Learns from a sentence (copied). Errors: FORMAT (not UTF-8, no label), LIMIT (more than
 * WF_LENS_LANGUAGES_MAX labels, a label too long, too much text), NOMEM. */
int wf_language_trainer_add(struct wf_language_trainer *t, struct wf_str label, struct wf_str text,
                            struct wf_err *err) WF_MUST_USE;
/* The same with every line "LABEL TAB SENTENCE" of a file, packed (xz, gzip, ...) or not. Errors:
 * those of wf_language_trainer_add and of train/lines.h. */
int wf_language_trainer_add_file(struct wf_language_trainer *t, const char *path,
                                 struct wf_err *err) WF_MUST_USE;

/* Learns from more of a language's text, of other sources: it makes what is known of the language
 * surer, but it does not make it likelier than those that have none. The label must be there
 * already. Errors: FORMAT (not UTF-8, no such label), LIMIT, NOMEM. */
int wf_language_trainer_add_more(struct wf_language_trainer *t, struct wf_str label,
                                 struct wf_str text, struct wf_err *err) WF_MUST_USE;
/* The same with all texts of a list of sources (train/corpus.h) that are not kept aside; `lang` is
 * the label. Errors: those of wf_language_trainer_add_more and of train/corpus.h. */
int wf_language_trainer_add_corpus(struct wf_language_trainer *t, const char *list,
                                   struct wf_err *err) WF_MUST_USE;

struct wf_language_table {
    size_t n_sentences, n_labels, n_grams, n_entries;
    size_t bytes; /* that the table takes in the file */
};

/* Writes the table to a GGUF file of its own, or, with `into`, to a copy of that file, in place of
 * the table that it has. *out (may be NULL) says what was made. Errors: INVAL (nothing was learnt),
 * NOMEM, LIMIT, and those of model/gguf_write.h. */
int wf_language_trainer_write(struct wf_language_trainer *t, const struct wf_gguf *into,
                              const char *path, struct wf_language_table *out,
                              struct wf_err *err) WF_MUST_USE;

#endif
