/* Made questions: out of prose, where nobody has asked any.
 *
 * Cloze: a name or a number of a sentence is asked for by the words around it, some of which are
 * left out (Lewis et al. 2019; Dhingra et al. 2018), mostly with what is asked for in front, as
 * people ask (Fabbri et al. 2020); the passage is the sentence's paragraph, and
 * once more without that sentence, which then does not answer. Definitions: "What is TERM?" for the
 * terms of a textbook's glossary, answered by the sentence of its text that has the term and most
 * of the glossary's words. Reviews: the questions at a section's end, answered by the sentence of
 * it that has the printed answer, or most of its words. Everything random comes from the texts. See
 * data.h for what all readers share. */
#ifndef WF_TRAIN_DATA_MADE_H
#define WF_TRAIN_DATA_MADE_H

#include "train/data_questions.h"

/* Reads JSON lines {"title", "text"}; a question's key is the document's text. At most n_each
 * questions of a document. Errors: as data.h says. */
int wf_data_cloze_read(const char *path, size_t n_each, wf_data_question_fn fn, void *ud,
                       struct wf_err *err) WF_MUST_USE;
int wf_data_cloze_read_lines(struct wf_lines *l, size_t n_each, wf_data_question_fn fn, void *ud,
                             struct wf_err *err) WF_MUST_USE;

/* The same with terms, JSON lines {"book", "term", "definition"}; documents of a book have titles
 * that begin with its name and ": ". */
int wf_data_definitions_read(const char *path, const char *terms_path, wf_data_question_fn fn,
                             void *ud, struct wf_err *err) WF_MUST_USE;
int wf_data_definitions_read_lines(struct wf_lines *l, struct wf_lines *terms,
                                   wf_data_question_fn fn, void *ud,
                                   struct wf_err *err) WF_MUST_USE;

/* The same with review questions, JSON lines {"book", "section", "question", "answer"}, of the
 * documents whose title is "book: section". */
int wf_data_reviews_read(const char *path, const char *questions_path, wf_data_question_fn fn,
                         void *ud, struct wf_err *err) WF_MUST_USE;
int wf_data_reviews_read_lines(struct wf_lines *l, struct wf_lines *questions,
                               wf_data_question_fn fn, void *ud, struct wf_err *err) WF_MUST_USE;

#endif
