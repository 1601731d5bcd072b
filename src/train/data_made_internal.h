/* What the makers of questions share. Thread rule: owner. */
#ifndef WF_TRAIN_DATA_MADE_INTERNAL_H
#define WF_TRAIN_DATA_MADE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* A word as it is written. */
struct wf_data__word {
    size_t from, to; /* bytes of the text, without punctuation at both ends */
    bool is_name;    /* begins with a capital, and is not the first word */
    bool is_number;
    bool ends; /* punctuation follows */
};

/* The words of bytes [from, to) of a text, at most n_max; returns how many. */
size_t wf_data__cut_words(struct wf_str text, size_t from, size_t to, struct wf_data__word *out,
                          size_t n_max);
/* How many words from i on make a name or a number that can be asked for; 0: none. */
size_t wf_data__run_at(const struct wf_data__word *w, size_t n, size_t i);

/* The next paragraph of a text, and the rest behind the empty line; false at the end. */
bool wf_data__paragraph(struct wf_str *io_rest, struct wf_str *out);

#endif
