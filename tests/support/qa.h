/* Questions and passages of the shared data, for benches of finding and answering.
 *
 * What fails ends the process with a sentence. Thread rule: owner. */
#ifndef WF_TESTS_SUPPORT_QA_H
#define WF_TESTS_SUPPORT_QA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QA_ANSWERS_MAX 6

struct qa_passage {
    char *text;
    unsigned article; /* passages of one article share it; 0 = one of the others */
    bool is_dev;      /* XQuAD: its article is kept aside from training (train/split.h) */
};

struct qa_question {
    char *text;
    char *answers[QA_ANSWERS_MAX]; /* NULL behind the last */
    size_t passage;
    bool impossible; /* the passage is about it, but does not answer */
    bool is_dev;     /* kept aside from training (train/split.h) */
};

struct qa_set {
    struct qa_passage *passages;
    size_t n_passages, n_own; /* the set's own come first */
    struct qa_question *questions;
    size_t n_questions;
};

/* DIR/qa-retrieval/xquad/LANG.*; false when it is not there. */
bool qa_load_xquad(struct qa_set *s, const char *dir, const char *lang);
/* A file of one question a line (squad-dev, cmrc2018, jsquad, arcd, covid-qa). */
bool qa_load_lines(struct qa_set *s, const char *path);
/* DIR/qa-retrieval/clapnq: questions with a passage that answers, and without. */
bool qa_load_clapnq(struct qa_set *s, const char *dir);
void qa_free(struct qa_set *s);
/* Moves all of `from` behind what is in `s`, articles numbered on. */
void qa_join(struct qa_set *s, struct qa_set *from);

/* Passages of 60 to 150 words of DIR/text, by language. */
struct qa_pool {
    char **texts[16];
    size_t n[16];
};
bool qa_pool_load(struct qa_pool *p, const char *dir);
void qa_pool_free(struct qa_pool *p);
/* How many there are of a language. */
size_t qa_pool_count(const struct qa_pool *p, const char *lang);

/* Appends n_max passages of `lang` to the set, English ones when these are too few, then any. */
void qa_add_others(struct qa_set *s, const struct qa_pool *p, const char *lang, size_t n_max);

/* 64-bit hash of a string, for splitting by halves. */
uint64_t qa_hash(const char *s);

#endif
