/* Expressions: what GBNF and builders say, as trees that become rules. A name's expression is put
 * in where the name stands, unless it refers to itself or is large: then it becomes a rule that is
 * called. Strings in a grammar then are one automaton, which makes masks of them cheap.
 * Threads: owner. */
#ifndef WF_MODEL_GRAMMAR_EXPR_H
#define WF_MODEL_GRAMMAR_EXPR_H

#include "base/arena.h"
#include "model/grammar_internal.h"
#include "model/lang.h"

enum wf_expr_kind {
    WF_EXPR_TEXT,
    WF_EXPR_SPANS, /* one code point */
    WF_EXPR_LANG,  /* a string of a language, as it is */
    WF_EXPR_RULE,  /* a rule of the grammar, built elsewhere */
    WF_EXPR_NAME,  /* a name's expression */
    WF_EXPR_SEQUENCE,
    WF_EXPR_CHOICE,
    WF_EXPR_REPEAT,
};

struct wf_expr {
    enum wf_expr_kind kind;
    struct wf_str text;
    struct wf_spans spans;
    const struct wf_lang *lang;
    uint32_t i;                   /* rule or name */
    const struct wf_expr **items; /* of sequences and choices; [0] of a repeat */
    size_t n_items;
    size_t min, max; /* of a repeat; max SIZE_MAX: no bound */
};

struct wf_expr_name {
    struct wf_str name;
    const struct wf_expr *expr; /* NULL: not defined (yet) */
    uint32_t rule;              /* WF_G_NONE: it is not called */
    size_t size;                /* states, about; with all names put in */
    uint8_t seen;               /* of a search: 0, 1 on its path, 2 done */
    bool is_recursive;
};

struct wf_expr_names {
    struct wf_expr_name *ptr; /* wf_free */
    size_t n, cap;
};

/* Builds the rule of name `root` and all that it calls. Every name is defined. Errors: LIMIT,
 * NOMEM. */
int wf_expr_build(struct wf_grammar *g, struct wf_expr_names *names, uint32_t root,
                  uint32_t *out_rule, struct wf_err *err) WF_MUST_USE;

#endif
