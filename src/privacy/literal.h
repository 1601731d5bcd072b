/* Literals: finds any of many words in one pass over a text (Aho and Corasick's automaton).
 *
 * The states that texts are mostly in have a row by classes of bytes, one step a byte; the others,
 * deep within words, only know their next bytes and where to fall back to. ASCII
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
    uint32_t n_classes, n_states;
    uint32_t n_rows;                /* the first states have rows */
    uint32_t longest;               /* bytes of the longest word */
    uint32_t *_rows;                /* [n_rows][n_classes]: the next state */
    uint32_t *_children;            /* [n_states + 1]: where its children begin in _child_* */
    uint8_t *_child_classes;        /* [n_states] */
    uint32_t *_child_states;        /* [n_states] */
    uint32_t *_fallbacks;           /* [n_states] */
    uint32_t *_begin;               /* [n_states + 1]: where its words begin in _words */
    struct wf_literal *_words;      /* what ends at states, the longest first */
    struct wf_literal_node *_nodes; /* only while words are added */
    size_t _n_nodes, _cap_nodes;
};

struct wf_literal {
    uint16_t id;    /* the caller's */
    uint16_t bytes; /* its length */
};

/* In a state: words end there. */
#define WF_LITERAL_HIT UINT32_C(0x80000000)

/* Nothing is allocated. */
void wf_literals_init(struct wf_literals *l);
void wf_literals_deinit(struct wf_literals *l);

/* Adds a word of 1 to 255 bytes. Errors: NOMEM; LIMIT (too many words). */
int wf_literals_add(struct wf_literals *l, struct wf_str word, uint16_t id) WF_MUST_USE;
/* The same, and where it has letters beyond ASCII also with a capital, in capitals, and each of
 * those without accents. Errors: NOMEM, LIMIT. */
int wf_literals_add_folded(struct wf_literals *l, struct wf_str word, uint16_t id) WF_MUST_USE;
/* Makes the states, rows for as many as `bytes` hold (at least one); at least one word was
 * added, and none can be any more.
 * Errors: NOMEM. */
int wf_literals_build(struct wf_literals *l, size_t bytes) WF_MUST_USE;

/* The state after a byte of that class, from one without a row. */
uint32_t wf_literals__fall(const struct wf_literals *l, uint32_t state, uint8_t class);

/* The state after one more byte; 0 is the beginning. Words end there where it has
 * WF_LITERAL_HIT. */
static inline uint32_t wf_literals_step(const struct wf_literals *l, uint32_t state, char byte)
{
    const uint8_t class = l->classes[(uint8_t)byte];

    state &= ~WF_LITERAL_HIT;
    return __builtin_expect(state < l->n_rows, 1) ? l->_rows[(size_t)state * l->n_classes + class]
                                                  : wf_literals__fall(l, state, class);
}

/* The words that end at a state: out [n], valid as long as l. */
size_t wf_literals_at(const struct wf_literals *l, uint32_t state, const struct wf_literal **out);

#endif
