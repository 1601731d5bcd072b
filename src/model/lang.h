/* Languages: sets of strings of code points, as deterministic automata that can be joined, cut and
 * turned round. Patterns, formats and lengths of JSON Schema become such, and numbers as they are
 * written. They live in an arena and never change. Code points are scalar values: no surrogates.
 * Threads: the arena's owner. */
#ifndef WF_MODEL_LANG_H
#define WF_MODEL_LANG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "model/grammar_internal.h"

/* Code points [lo, hi]. */
struct wf_span {
    uint32_t lo, hi;
};

/* Sorted, without overlap. */
struct wf_spans {
    struct wf_span *ptr;
    size_t n;
};

struct wf_lang_edge {
    uint32_t lo, hi; /* code points */
    uint32_t to;
};

struct wf_lang_state {
    uint32_t edges, n_edges; /* sorted, without overlap */
    bool is_final;
};

/* From each state the end is reached; state 0 is the start. Without states: no string. */
struct wf_lang {
    struct wf_lang_state *states;
    struct wf_lang_edge *edges;
    size_t n_states, n_edges;
};

enum wf_lang_op {
    WF_LANG_AND,
    WF_LANG_OR,
    WF_LANG_MINUS,
};

/* All functions that make a language: *out is of the arena. Errors: NOMEM, LIMIT, without a
 * sentence (wf_lang_regex has one). */

/* All strings; those of [min, max] code points (SIZE_MAX: no bound). */
int wf_lang_length(struct wf_arena *a, size_t min, size_t max, struct wf_lang **out) WF_MUST_USE;
/* Exactly these strings (UTF-8). */
int wf_lang_texts(struct wf_arena *a, const struct wf_str *texts, size_t n,
                  struct wf_lang **out) WF_MUST_USE;
int wf_lang_combine(struct wf_arena *a, const struct wf_lang *x, const struct wf_lang *y,
                    enum wf_lang_op op, struct wf_lang **out) WF_MUST_USE;
/* Strings in which the pattern (ECMA-262 with the flag u) is found. Errors with a sentence: INVAL
 * (no pattern), UNSUPPORTED (what no automaton can do, or what this one does not), LIMIT, NOMEM. */
int wf_lang_regex(struct wf_arena *a, struct wf_str pattern, struct wf_lang **out,
                  struct wf_err *err) WF_MUST_USE;

/* Whether a text (UTF-8) is in it; whether nothing is. */
bool wf_lang_has(const struct wf_lang *l, struct wf_str text);
static inline bool wf_lang_is_empty(const struct wf_lang *l)
{
    return l->n_states == 0;
}
/* Code points of the shortest string; of the longest one, or SIZE_MAX. The language is not empty.
 * The second: NOMEM. */
size_t wf_lang_shortest(const struct wf_lang *l);
int wf_lang_longest(const struct wf_lang *l, size_t *out) WF_MUST_USE;

/* A path of the language's strings as they are, between two states of an automaton. */
void wf_lang_put_raw(const struct wf_lang *l, struct wf_nfa *n, uint32_t from, uint32_t to);
/* As JSON strings in quotes; `all_escapes`: every code point also as \u.... States that count are
 * marked: from `from` to the first code point is one, each code point one more. */
void wf_lang_put_json(const struct wf_lang *l, bool all_escapes, struct wf_nfa *n, uint32_t from,
                      uint32_t to);

/* ---- making one: edges in any order, overlapping, with places that only begin or end ---- */

enum wf_lang_kind {
    WF_LANG_POINTS,
    WF_LANG_NOTHING,
    WF_LANG_BEGIN, /* takes nothing, only at the beginning */
    WF_LANG_END,   /* takes nothing, only at the end */
};

struct wf_lang_raw_edge {
    uint32_t from, to, lo, hi;
    enum wf_lang_kind kind;
};

struct wf_lang_maker {
    struct wf_lang_raw_edge *edges;
    size_t n_edges, cap_edges;
    uint32_t n_states;
    int status; /* 0, NOMEM or LIMIT */
};

/* One state, 0; more; edges between them. Failures stick in status. */
void wf_lang_maker_init(struct wf_lang_maker *m);
void wf_lang_maker_deinit(struct wf_lang_maker *m);
uint32_t wf_lang_maker_state(struct wf_lang_maker *m);
void wf_lang_maker_edge(struct wf_lang_maker *m, struct wf_lang_raw_edge edge);
/* From state 0 to `final`. */
int wf_lang_make(struct wf_lang_maker *m, uint32_t final, struct wf_arena *a,
                 struct wf_lang **out) WF_MUST_USE;

/* ---- sets of code points ---- */

/* Sorts and joins spans in any order, and takes surrogates out. */
void wf_spans_tidy(struct wf_spans *s);
/* All others. NOMEM. */
int wf_spans_negate(struct wf_arena *a, const struct wf_spans *s, struct wf_spans *out) WF_MUST_USE;
/* Those of a property as \p{...} names it: a general category or a script of those known. False:
 * not known. *out_rc: NOMEM. */
bool wf_spans_property(struct wf_arena *a, struct wf_str name, struct wf_spans *out, int *out_rc);

#endif
