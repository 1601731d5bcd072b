/* What the tokenizers share: tables from bytes to tokens and from pairs of tokens to merges.
 * Threads: any, once filled. */
#ifndef WF_MODEL_VOCAB_INTERNAL_H
#define WF_MODEL_VOCAB_INTERNAL_H

#include "base/arena.h"
#include "model/pretokenizer.h"
#include "model/vocab.h"

/* Strings to tokens, open addressing. Which string of a token is meant is fixed for the table. */
struct wf_piece_table {
    int32_t *slots; /* token, or WF_TOKEN_NONE */
    size_t n_slots; /* a power of two; 0: empty */
    bool by_name;
};

/* What a pair of neighbours becomes. */
struct wf_merge {
    int32_t left, right; /* left WF_TOKEN_NONE: the slot is free */
    int32_t merged;
    uint32_t rank; /* lower goes first */
};

enum wf_vocab_model {
    WF_VOCAB_SPM,
    WF_VOCAB_BPE,
    WF_VOCAB_WORDPIECE,
    WF_VOCAB_UNIGRAM,
};

struct wf_token {
    struct wf_str name;  /* as in the file; of the arena or the file */
    struct wf_str bytes; /* what it stands for; of the arena or the file */
    struct wf_str word;  /* of BPE: the bytes of a word that become it; empty: none do */
    float score;
    enum wf_token_kind kind;
    bool is_end;
    bool strips_left, strips_right; /* white space beside it is dropped */
};

/* The normalisation that a Unigram model brings along: a trie of prefixes (XOR-compressed double
 * array) and what replaces them. Borrowed from the file. */
struct wf_charsmap {
    const uint8_t *units; /* little-endian uint32, unaligned */
    size_t n_units;
    struct wf_str replacements; /* each ends with NUL */
};

struct wf_vocab {
    enum wf_vocab_model model;
    const struct wf_pretokenizer *pre;
    struct wf_token *tokens;
    size_t n;
    struct wf_piece_table by_name;   /* all tokens; of equal names the last */
    struct wf_piece_table by_bytes;  /* of BPE that takes whole words: those */
    struct wf_merge *merges;         /* open addressing */
    size_t n_merge_slots;            /* a power of two */
    int32_t byte_tokens[256];        /* of single bytes; NONE where there is none */
    const struct wf_token **special; /* control, unknown, user's tokens, longest name first */
    size_t n_special;
    const struct wf_token **sorted; /* of Unigram: what texts are made of, by name */
    size_t n_sorted;
    size_t name_max; /* bytes of the longest name */
    float score_low; /* of normal tokens */
    int32_t bos, eos, unknown, separator;
    bool add_bos, add_eos, add_separator;
    bool add_space_prefix, merge_spaces, lowercase, strip_accents;
    bool whole_words; /* BPE: a word that is a token is taken as it is */
    struct wf_charsmap charsmap;
    struct wf_arena arena;
};

/* Reads what a GGUF says into an empty *v. Errors as wf_vocab_open. */
int wf_vocab__read(const struct wf_gguf *g, struct wf_vocab *v, struct wf_err *err) WF_MUST_USE;

/* Sets FORMAT, "The model's vocabulary is damaged: WHAT." */
int wf_vocab__damaged(struct wf_err *err, const char *what);

/* Fills what a token stands for, bytes and word, by its name and kind. NOMEM. */
int wf_vocab__token_bytes(struct wf_vocab *v, struct wf_token *t) WF_MUST_USE;

/* Whether a vocabulary is kept in pieces (vocab_pieces.h). */
bool wf_vocab__has_pieces(const struct wf_gguf *g);
/* Reads them: the tokens of *v, the table of their names, the merges. Errors as wf_vocab_open. */
int wf_vocab__read_pieces(const struct wf_gguf *g, struct wf_vocab *v,
                          struct wf_err *err) WF_MUST_USE;

/* Makes room for n strings. NOMEM. */
int wf_vocab__table_init(struct wf_vocab *v, struct wf_piece_table *t, size_t n,
                         bool by_name) WF_MUST_USE;
/* Adds a token; of equal strings the last stays. */
void wf_vocab__table_add(const struct wf_vocab *v, struct wf_piece_table *t, int32_t id);
/* Adds a token; false, and nothing is changed, where there is one of that string. */
bool wf_vocab__table_add_new(const struct wf_vocab *v, struct wf_piece_table *t, int32_t id);
/* The token of that string, or WF_TOKEN_NONE. */
int32_t wf_vocab__table_find(const struct wf_vocab *v, const struct wf_piece_table *t,
                             struct wf_str s);

/* Makes room for n merges. NOMEM. */
int wf_vocab__merges_init(struct wf_vocab *v, size_t n) WF_MUST_USE;
/* The merge of two tokens, or NULL. Bytes without a token of their own count as tokens n + byte. */
const struct wf_merge *wf_vocab__merge(const struct wf_vocab *v, int32_t left, int32_t right);
/* Where the merge of two tokens is or goes. */
size_t wf_vocab__merge_slot(const struct wf_vocab *v, int32_t left, int32_t right);

/* Append the tokens of one fragment without control tokens. `with_space`: it begins a text or
 * stands behind a control token; `firsts`, unless NULL: see wf_vocab_encode_words. NOMEM. */
int wf_vocab__encode_bpe(const struct wf_vocab *v, struct wf_str text, struct wf_ids *out,
                         struct wf_ids *firsts) WF_MUST_USE;
int wf_vocab__encode_spm(const struct wf_vocab *v, struct wf_str text, bool with_space,
                         struct wf_ids *out) WF_MUST_USE;
int wf_vocab__encode_wordpiece(const struct wf_vocab *v, struct wf_str text,
                               struct wf_ids *out) WF_MUST_USE;
int wf_vocab__encode_unigram(const struct wf_vocab *v, struct wf_str text,
                             struct wf_ids *out) WF_MUST_USE;

/* U+2581 stands for the space in names of SentencePiece's kind. */
#define WF_VOCAB_SPACE "\xe2\x96\x81"

/* The next code point of a text that need not be UTF-8: a byte that does not belong is one of its
 * own, with *out_is_valid false. Moves *io_i behind it. */
uint32_t wf_vocab__next_point(struct wf_str text, size_t *io_i, bool *out_is_valid);

#endif
