/* Meant: an embedder that needs no model. A text's vector is the sum of its words' random vectors;
 * words that mean the same (a list of a test's own) have the same one. Enough to tell whether the
 * right texts are embedded, found and mixed. Thread rule: any. */
#ifndef WF_TESTS_SUPPORT_MEANT_H
#define WF_TESTS_SUPPORT_MEANT_H

#include <stdatomic.h>

#include "find/embedder.h"

#define MEANT_DIM 64

struct meant {
    const char *version;          /* "lens 1"; NULL: there is no lens */
    const char *const (*same)[2]; /* {word, the word that it stands for}, ended by NULLs; or NULL */
    atomic_uint n_texts;          /* embedded so far */
    atomic_uint n_questions;      /* calls for questions */
    atomic_int fails_at;          /* texts until a call fails; 0: never */
    unsigned slow_ms;             /* that a call takes at least */
    const char *fails_on;         /* a text with this fails always; or NULL */
    const char *answer;           /* a text with this answers every question, no other does; NULL:
                                     it does not read texts with questions */
    atomic_uint n_judged;         /* texts read with a question */
};

struct wf_embedder meant_embedder(struct meant *m);

#endif
