/* Tiny lenses: lens files with random encoders whose heads look at one value of the hidden state
 * each, so that a test that hands in hidden states says itself what the heads see. */
#ifndef WF_TESTS_TINY_LENS_H
#define WF_TESTS_TINY_LENS_H

#include "base/buf.h"

#define TINY_LENS_DIM 64
#define TINY_LENS_CONTEXT 64

/* Which value of the hidden state (from here on) each head's first label is. */
enum tiny_lens_at {
    TINY_LENS_ENTITY = 0, /* O B-person I-person B-place I-place; of BILOU also L- and U- of both */
    TINY_LENS_SENSITIVITY = 10, /* health money law */
    TINY_LENS_INTENT = 14,      /* add remove oos */
    TINY_LENS_SLOT = 18,        /* O B-date I-date */
    TINY_LENS_SALIENCE = 22,
    TINY_LENS_SPAN = 24, /* start, end */
    TINY_LENS_SENTENCE = 27,
    TINY_LENS_NONE = 28,
};

/* What is different in a file; 0: all heads but that of "no answer", tags BIO. */
#define TINY_LENS_BILOU (1u << 0)
#define TINY_LENS_WITH_NONE (1u << 1)
#define TINY_LENS_NO_HEADS (1u << 2)
#define TINY_LENS_MARKS (1u << 3)        /* embeddings with marks */
#define TINY_LENS_FEW_LABELS (1u << 4)   /* wrong: fewer labels than rows */
#define TINY_LENS_BAD_TAG (1u << 5)      /* wrong: a tag that is none */
#define TINY_LENS_BAD_SHAPE (1u << 6)    /* wrong: a head of another width */
#define TINY_LENS_NO_CONTROL (1u << 7)   /* wrong: no token <q> */
#define TINY_LENS_BAD_WINDOW (1u << 8)   /* wrong: a window above the context */
#define TINY_LENS_NO_BYTE (1u << 9)      /* wrong: the byte 'z' is no token */
#define TINY_LENS_BAD_LABEL (1u << 10)   /* wrong: a label that is no UTF-8 */
#define TINY_LENS_TRANSITIONS (1u << 11) /* moves from O to B-person are dear */
#define TINY_LENS_MATCH (1u << 12)       /* marks of shared words; sentences are reordered */
#define TINY_LENS_BAD_EDITION (1u << 13) /* wrong: with MATCH, marks that nobody knows */
#define TINY_LENS_LINEAR (1u << 14)      /* every gram of "an milk" speaks for "remove", by 1 */
#define TINY_LENS_BAD_LINEAR (1u << 15)  /* wrong: with LINEAR, fewer entries than it says */
#define TINY_LENS_SEARCH (1u << 16)      /* weights for searching */
#define TINY_LENS_ANSWER (1u << 17)     /* weights of shared words (1 of COVER), of names lacking */
#define TINY_LENS_BAD_ANSWER (1u << 18) /* wrong: with ANSWER, weights of another edition */
#define TINY_LENS_HALF_ANSWER (1u << 19) /* wrong: with ANSWER, none for "no answer" */
#define TINY_LENS_MEANS (1u << 20)       /* sensitivity is of the mean of all tokens */

/* What the linear judge's sum is multiplied by. */
#define TINY_LENS_LINEAR_SCALE 0.25f

/* Appends the file to `out`. */
void tiny_lens_build(unsigned with, struct wf_buf *out);

#endif
