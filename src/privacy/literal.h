/* Literals: finds any of many words in one pass over a text (Aho and Corasick's automaton).
 *
 * A table of states by classes of bytes, one step a byte, whatever the number of words. ASCII
 * letters are matched in both cases; words with other letters are also added in capitals and
 * without their accents (wf_literals_add_folded). Built once, then constant.
 * Threads: owner until built, then any. */
#ifndef WF_PRIVACY_LITERAL_H
#define WF_PRIVACY_LITERAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct wf_literals {
    uint8_t classes[256]; /* of each byte; 0: in no word */
    uint32_t *_next;  /* [state][class]: the next state's row; WF_LITERAL_HIT: words end there */
    uint32_t *_begin; /* [state + 1]: where its words begin in _words */
    struct wf_literal *_words;
    uint32_t n_classes; /* a power of two, so that a row's number is its offset */
    uint32_t n_states;
    struct wf_literal_node *_nodes; /* only while words are added */
    size_t _n_nodes, _cap_nodes;
};

struct wf_literal {
    uint16_t id;    /* the caller's */
    uint16_t bytes; /* its length */
};

#define WF_LITERAL_HIT UINT32_C(0x80000000)

/* Nothing is allocated. */
void wf_literals_init(struct wf_literals *l);
void wf_literals_deinit(struct wf_literals *l);

/* Adds a word of 1 to 255 bytes. Errors: NOMEM; LIMIT (too many words). */
int wf_literals_add(struct wf_literals *l, struct wf_str word, uint16_t id) WF_MUST_USE;
/* The same, and where it has letters beyond ASCII also with a capital, in capitals, and each of
 * those without accents. Errors: NOMEM, LIMIT. */
int wf_literals_add_folded(struct wf_literals *l, struct wf_str word, uint16_t id) WF_MUST_USE;
/* Makes the table; no word can be added any more. Errors: NOMEM. */
int wf_literals_build(struct wf_literals *l) WF_MUST_USE;

/* The state after one more byte; 0 is the beginning. Words end there where it has
 * WF_LITERAL_HIT. */
static inline uint32_t wf_literals_step(const struct wf_literals *l, uint32_t state, char byte)
{
    return l->_next[(state & ~WF_LITERAL_HIT) + l->classes[(uint8_t)byte]];
}

/* The words that end at a state: out [n], valid as long as l. */
size_t wf_literals_at(const struct wf_literals *l, uint32_t state, const struct wf_literal **out);

#endif
