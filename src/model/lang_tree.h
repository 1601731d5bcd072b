/* Patterns as trees (made by lang_regex.c), and the languages of the strings in which they are
 * found (lang_tree.c). Trees are of an arena. Threads: the arena's owner. */
#ifndef WF_MODEL_LANG_TREE_H
#define WF_MODEL_LANG_TREE_H

#include "model/lang.h"

enum wf_tree_kind {
    WF_TREE_EMPTY,
    WF_TREE_SET,    /* one code point of spans */
    WF_TREE_BEGIN,  /* ^ */
    WF_TREE_END,    /* $ */
    WF_TREE_LOOK,   /* (?=a) or, negated, (?!a) */
    WF_TREE_CONCAT, /* a, then b */
    WF_TREE_EITHER, /* a or b */
    WF_TREE_REPEAT, /* a from min to max times */
};

struct wf_tree {
    enum wf_tree_kind kind;
    struct wf_spans spans;
    const struct wf_tree *a, *b;
    uint32_t min, max; /* max UINT32_MAX: no bound */
    bool is_negated;
    bool looks; /* a LOOK is in it */
    size_t n_begins;
};

/* Strings in which the tree is found. Errors: UNSUPPORTED (looking ahead within what is repeated
 * without bound, or beside a ^ that is not first), LIMIT, NOMEM; without a sentence. */
int wf_tree_language(struct wf_arena *a, const struct wf_tree *t, struct wf_lang **out) WF_MUST_USE;

#endif
