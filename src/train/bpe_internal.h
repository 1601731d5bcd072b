/* What the parts of the BPE trainer share: words and their counts, pairs and where they stand.
 * Threads: owner. */
#ifndef WF_TRAIN_BPE_INTERNAL_H
#define WF_TRAIN_BPE_INTERNAL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/map.h"
#include "model/pretokenizer.h"
#include "train/bpe.h"

/* A unique word: its symbols are symbols[from, from + n), fewer after each merge. */
struct wf_bpe_word {
    uint32_t from, n;
    uint64_t count; /* hundredths */
};

/* Two neighbours, how often they stand together, and the words in which they (once) did. */
struct wf_bpe_pair {
    uint32_t left, right;
    bool is_used;
    bool is_touched; /* waits to go on the heap again */
    int64_t count;
    uint32_t *words; /* ascending but for later additions; may name a word twice */
    uint32_t n_words, cap_words;
};

struct wf_bpe_merge {
    uint32_t left, right, merged;
};

/* A token that is no control token: its bytes are those of two others, one behind the other. */
struct wf_bpe_token {
    uint32_t from, n; /* within the bytes */
};

/* A pair on the heap, with the count that it had then; or a pair and what its count changes by. */
struct wf_bpe_best {
    int64_t count;
    uint32_t left, right;
};

struct wf_bpe {
    struct wf_bpe_options o;
    const struct wf_pretokenizer *pre;
    struct wf_map counts; /* words to hundredths, until training */
    struct wf_bpe_word *words;
    size_t n_words;
    uint32_t *symbols;         /* ids */
    struct wf_bpe_pair *pairs; /* open addressing */
    size_t n_pair_slots, n_pairs;
    struct wf_bpe_best *heap;
    size_t n_heap, cap_heap;
    struct wf_bpe_best *touched; /* pairs whose count rose in this step */
    size_t n_touched, cap_touched;
    struct wf_bpe_token *tokens; /* [n_tokens_max], by id; of control tokens empty */
    uint32_t n_tokens;
    struct wf_buf bytes;    /* of the tokens */
    struct wf_map by_bytes; /* bytes to id */
    struct wf_bpe_merge *merges;
    size_t n_merges, cap_merges;
};

/* The pair's place in the table, made when `makes`; NULL: there is none, or no memory. */
struct wf_bpe_pair *wf_bpe__pair(struct wf_bpe *b, uint32_t left, uint32_t right, bool makes);
/* Adds to the count of a pair. `is_new`: the pair was not in that word before; the word is added to
 * its list, and the pair is touched. NOMEM. */
int wf_bpe__count(struct wf_bpe *b, struct wf_bpe_best pair, uint32_t word,
                  bool is_new) WF_MUST_USE;
/* Puts the pairs that were touched on the heap; and takes the most frequent off it: false when none
 * is left that is frequent enough. NOMEM. */
int wf_bpe__push_touched(struct wf_bpe *b) WF_MUST_USE;
bool wf_bpe__pop(struct wf_bpe *b, struct wf_bpe_best *out);

#endif
