/* What the parts of the salience trainer share. Only salience*.c include this. */
#ifndef WF_TRAIN_SALIENCE_INTERNAL_H
#define WF_TRAIN_SALIENCE_INTERNAL_H

#include <stdbool.h>

#include "base/map.h"
#include "train/data_summaries.h"
#include "train/salience.h"

/* A reference summary as numbers of words. */
struct wf_salience_reference {
    uint32_t *words; /* [n] into the text's; UINT32_MAX: a word that the text does not have */
    uint32_t n, n_sentences;
};

/* A text (with a question or without) and its summaries. */
struct wf_salience_example {
    struct wf_salience_text text;
    struct wf_salience_reference refs[WF_DATA_REFERENCES_MAX];
    size_t n_refs;
    uint32_t *table; /* [text.n_words] the trainer's words; UINT32_MAX: none */
    float *logits;   /* [text.n]; NULL: none */
    double weight;
    bool is_dev, half;
};

/* A word of all texts. */
struct wf_salience_entry {
    uint32_t hash;
    uint32_t n_texts; /* that teach and have it */
    float weight[2];
    double there, expected; /* while fitting: in summaries */
};

struct wf_salience_trainer {
    struct wf_salience_example *examples;
    size_t n, cap;
    struct wf_salience_entry *entries;
    size_t n_entries, entries_cap;
    struct wf_map index; /* hash: entry */
    struct wf_salience_fit fit[2];
    struct wf_salience table; /* of the entries that stay, ascending */
    wf_salience_logits_fn logits;
    void *logits_ud;
    double weight;     /* of the file that is read */
    uint64_t last_key; /* of the text whose logits are at hand */
    float *last_logits;
    size_t last_n;
};

/* The least texts of a word with a weight of its own. */
#define WF_SALIENCE_TEXTS_MIN 8u

/* Fits t->fit[about].beta and the entries' weights. Errors: NOMEM. */
int wf_salience__fit(struct wf_salience_trainer *t, bool about, struct wf_err *err) WF_MUST_USE;

/* ROUGE-1 in % on what is kept aside, with weight `encoder`; half 2: of both. */
int wf_salience__measure(struct wf_salience_trainer *t, bool about, float encoder, unsigned half,
                         double *out, struct wf_err *err) WF_MUST_USE;

#endif
