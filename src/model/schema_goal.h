/* The search that takes goals apart (schema_goal.c), for the files that know keywords.
 *
 * A way is what is known and what is still to be taken apart; ways are values, so that a fork is a
 * copy. Every function that takes a way goes on with it to its end, and returns 0 also where the
 * way contradicts itself: then it has just no branch. Threads: owner. */
#ifndef WF_MODEL_SCHEMA_GOAL_H
#define WF_MODEL_SCHEMA_GOAL_H

#include "model/schema_internal.h"

/* What is still to be taken apart: a literal; a keyword of a schema; or (key) one dependency: what
 * is asked when a property is there. */
struct wf_task {
    const struct wf_task *next;
    struct wf_literal literal;
    const json_t *schema;
    const char *keyword; /* NULL: the literal */
    bool is_negated;     /* of the keyword */
    const char *key;
    const json_t *what;
};

struct wf_known {
    const struct wf_known *next;
    const struct wf_atom *atom; /* NULL: a schema that was taken apart */
    const json_t *schema;
    bool is_negated;
};

struct wf_way {
    const struct wf_task *sure, *choices; /* the second may fork, and wait */
    const struct wf_known *known;
};

struct wf_search {
    struct wf_schema_builder *b;
    enum wf_type type;
    bool wide;
    struct wf_branches *out;
};

/* Goes on with a way; with one more atom; with one more literal; with both. */
int wf_way_go(struct wf_search *s, struct wf_way w) WF_MUST_USE;
int wf_way_with_atom(struct wf_search *s, struct wf_way w, struct wf_atom a) WF_MUST_USE;
int wf_way_with_literal(struct wf_search *s, struct wf_way w, struct wf_literal l) WF_MUST_USE;

/* Adds without going on. *out_dead: the atom contradicts what is known. */
int wf_way_add_atom(struct wf_search *s, struct wf_way *w, struct wf_atom a,
                    bool *out_dead) WF_MUST_USE;
int wf_way_add_literal(struct wf_search *s, struct wf_way *w, struct wf_literal l) WF_MUST_USE;
int wf_way_add_choice(struct wf_search *s, struct wf_way *w, struct wf_task t) WF_MUST_USE;

/* That the value validates against a schema, or is a value; or not. */
struct wf_literal wf_literal_schema(const json_t *schema, bool is_negated);
struct wf_literal wf_literal_value(const json_t *v, bool is_negated);
/* A count of a schema, at most a thousand million. */
size_t wf_schema_count(const json_t *v);

/* Takes a keyword that chooses between ways apart; false in *out_known: it is none. */
int wf_way_choose(struct wf_search *s, struct wf_way w, const struct wf_task *t,
                  bool *out_known) WF_MUST_USE;
/* Takes any other keyword apart: it says nothing about the type, or becomes atoms. */
int wf_way_take(struct wf_search *s, struct wf_way w, const struct wf_task *t) WF_MUST_USE;
/* Whether a keyword says something about values of a type, and whether it chooses. */
bool wf_keyword_concerns(const char *keyword, const json_t *schema, enum wf_type type,
                         bool *out_chooses);
/* The i-th keyword that says anything; NULL behind the last. */
const char *wf_keyword_at(size_t i);
/* That a value is, or is not, this one. */
int wf_way_take_value(struct wf_search *s, struct wf_way w, struct wf_literal l) WF_MUST_USE;

#endif
