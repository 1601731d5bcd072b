/* What the files about JSON Schema share: the document with its places, references and languages;
 * goals and the branches they fall into; what is built of them. Threads: owner. */
#ifndef WF_MODEL_SCHEMA_INTERNAL_H
#define WF_MODEL_SCHEMA_INTERNAL_H

#include <jansson.h>

#include "base/arena.h"
#include "base/map.h"
#include "model/grammar_internal.h"
#include "model/lang.h"

/* ---- the document ---- */

struct wf_schema_doc {
    const json_t *root;
    struct wf_arena arena; /* of all that is made while a schema is read */
    struct wf_map nodes;   /* address of a schema: struct wf_schema_node */
    struct wf_map uris;    /* absolute URI, with an anchor maybe: the schema */
    struct wf_map dynamic; /* name of a $dynamicAnchor: how many have it */
    struct wf_map langs;   /* "p" and a pattern, "f" or "F" and a format: its language */
    struct wf_err *err;
};

struct wf_schema_node {
    const char *place; /* JSON pointer, as a fragment: "#/properties/x" */
    const char *base;  /* URI without fragment */
};

/* Reads places, identities and anchors, and checks that keywords have values of the types they must
 * have. Errors: INVAL, UNSUPPORTED, LIMIT, NOMEM. */
int wf_schema_doc_init(struct wf_schema_doc *d, const json_t *root, struct wf_err *err) WF_MUST_USE;
void wf_schema_doc_deinit(struct wf_schema_doc *d);

/* The place of a schema for messages. */
const char *wf_schema_place(const struct wf_schema_doc *d, const json_t *schema);
/* Errors with keyword and place. */
int wf_schema_refuse(struct wf_schema_doc *d, const json_t *schema, const char *keyword,
                     const char *why);
int wf_schema_invalid(struct wf_schema_doc *d, const json_t *schema, const char *keyword,
                      const char *why);
int wf_schema_no_memory(struct wf_schema_doc *d);

/* The schema that `keyword` ($ref, $dynamicRef) of a schema refers to. */
int wf_schema_resolve(struct wf_schema_doc *d, const json_t *schema, const char *keyword,
                      const json_t **out) WF_MUST_USE;

/* The language of a pattern; of a format: `wide` one that has all its strings, else one that has
 * only such. *out NULL: the format is not known, and means nothing. */
int wf_schema_pattern(struct wf_schema_doc *d, const json_t *schema, struct wf_str pattern,
                      const struct wf_lang **out) WF_MUST_USE;
int wf_schema_format(struct wf_schema_doc *d, const json_t *schema, const char *name, bool wide,
                     const struct wf_lang **out) WF_MUST_USE;

/* Resolves a reference against a base, both URIs; the fragment goes to *out_fragment (NULL: none).
 * Both are of the arena; NULL: no memory. */
const char *wf_uri_resolve(struct wf_arena *a, const char *base, const char *reference,
                           const char **out_fragment);

/* ---- values ---- */

/* Equal as JSON Schema has it: 1 and 1.0 are. */
bool wf_schema_equal(const json_t *a, const json_t *b);
/* Whether a number is whole. */
bool wf_schema_is_integer(const json_t *v);
/* Whether x is a multiple of m by the arithmetic of doubles, as validators do it. */
bool wf_schema_is_multiple(double x, double m);
/* Whether a name may be a property that no keyword beside it names: not in properties, no match of
 * patternProperties. */
int wf_schema_is_other(struct wf_schema_doc *d, const json_t *schema, struct wf_str name,
                       bool *out) WF_MUST_USE;
int wf_schema__valid(struct wf_schema_doc *d, const json_t *schema, const json_t *value,
                     bool *out) WF_MUST_USE;
/* Appends a value as JSON: compact, numbers as short as they can be. */
int wf_schema_write(struct wf_buf *out, const json_t *v);
void wf_schema_write_string(struct wf_buf *out, struct wf_str s);
/* A number as text without an exponent, where that takes at most 40 bytes; else with. */
void wf_schema_write_number(char out[64], const json_t *v);

/* ---- goals ---- */

enum wf_type {
    WF_TYPE_NULL,
    WF_TYPE_FALSE,
    WF_TYPE_TRUE,
    WF_TYPE_NUMBER,
    WF_TYPE_STRING,
    WF_TYPE_ARRAY,
    WF_TYPE_OBJECT,
    WF_TYPE_COUNT,
};

enum wf_type wf_schema_type_of(const json_t *v);

/* One thing a value shall do, or not: validate against a schema, or be equal to a value. */
struct wf_literal {
    const json_t *of;
    bool is_value;
    bool is_negated;
};

/* All of them at once. */
struct wf_goal {
    struct wf_literal *literals;
    size_t n, cap;
};

/* A set of an object's keys. */
enum wf_keys_kind {
    WF_KEYS_PATTERN,  /* in which a pattern is found */
    WF_KEYS_OTHERS,   /* that none of some schemas evaluates: see schemas */
    WF_KEYS_NOT_IN,   /* that are no member of a value */
    WF_KEYS_VIOLATES, /* that as strings do not validate against a schema */
};

struct wf_keys {
    enum wf_keys_kind kind;
    const json_t *of; /* the pattern's schema, the value, the schema */
    struct wf_str pattern;
    const json_t **schemas; /* of OTHERS: their properties and patternProperties are excluded */
    size_t n_schemas;
};

enum wf_atom_kind {
    WF_ATOM_VALUE, /* is one of `value`, an array, or (not) equal to `value` */
    WF_ATOM_INTEGER,
    WF_ATOM_BOUND, /* minimum and the like: schema, keyword */
    WF_ATOM_MULTIPLE,
    WF_ATOM_PATTERN,
    WF_ATOM_FORMAT,
    WF_ATOM_LENGTH,  /* of [min, max] code points, items or properties, by the type */
    WF_ATOM_PRESENT, /* has the property `name` */
    WF_ATOM_ABSENT,
    WF_ATOM_PROPERTY, /* `name`, when it is there, reaches the literal */
    WF_ATOM_KEYS,     /* so do all of these keys */
    WF_ATOM_NAMES,    /* all keys reach the literal, as strings */
    WF_ATOM_SOME_KEY, /* one of these keys is there and reaches the literal */
    WF_ATOM_ITEM,     /* item min, when it is there */
    WF_ATOM_ITEMS,    /* all items from min on */
    WF_ATOM_CONTAINS, /* from `from` on [min, max] items reach the literal */
    WF_ATOM_UNIQUE,
    WF_ATOM_OTHER_PROPERTIES, /* unevaluatedProperties of `schema` */
    WF_ATOM_OTHER_ITEMS,      /* unevaluatedItems */
};

struct wf_atom {
    enum wf_atom_kind kind;
    bool is_negated;
    const json_t *schema, *value;
    const char *keyword;
    struct wf_str name;
    struct wf_literal literal;
    struct wf_keys keys;
    size_t min, max, from;
};

/* One way to reach a goal: all atoms hold. */
struct wf_branch {
    const struct wf_atom **atoms;
    size_t n_atoms;
    const json_t **positive; /* schemas that the value validates against on this way */
    size_t n_positive;
};

struct wf_branches {
    struct wf_branch *ptr;
    size_t n, cap; /* ptr: wf_free */
};

/* A goal that became a rule, or shall. */
struct wf_pending {
    struct wf_goal goal;
    uint32_t rule;
};

struct wf_schema_builder {
    struct wf_schema_doc doc;
    struct wf_grammar *g;
    struct wf_map goals;    /* literals, sorted: rule */
    struct wf_map lexemes;  /* a language and how it is written: rule */
    struct wf_map disjoint; /* two schemas and a type: 1 they are, 2 they are not */
    struct wf_pending *pending;
    size_t n_pending, cap_pending;
    json_t *kept;       /* array of values made on the way */
    unsigned depth;     /* of questions about emptiness */
    unsigned way_depth; /* of a way's tasks */
    size_t n_steps;
};

/* Adds to a goal; doubles are left out. */
int wf_goal_add(struct wf_schema_builder *b, struct wf_goal *g, struct wf_literal l) WF_MUST_USE;
int wf_goal_copy(struct wf_schema_builder *b, const struct wf_goal *from,
                 struct wf_goal *out) WF_MUST_USE;
/* Whether a goal asks for nothing, or for a schema that is false. */
bool wf_goal_is_impossible(const struct wf_goal *g);

/* The ways to reach a goal with a value of one type. `wide`: ways that are none may be among them,
 * but none lacks; else each is one and some may lack. out->ptr is the caller's. */
int wf_goal_branches(struct wf_schema_builder *b, const struct wf_goal *g, enum wf_type type,
                     bool wide, struct wf_branches *out) WF_MUST_USE;
/* Whether surely no value of a type (COUNT: of any) reaches a goal. */
int wf_goal_is_empty(struct wf_schema_builder *b, const struct wf_goal *g, enum wf_type type,
                     bool *out) WF_MUST_USE;
/* The values that can reach a goal when they are few and known; *out NULL when they are not. A new
 * array, json_decref. */
int wf_goal_values(struct wf_schema_builder *b, const struct wf_goal *g, json_t **out) WF_MUST_USE;
/* Whether a value reaches a goal. */
int wf_goal_holds(struct wf_schema_builder *b, const struct wf_goal *g, const json_t *v,
                  bool *out) WF_MUST_USE;

/* ---- branches of one type ---- */

/* The strings of a branch, and the most code points they may have. */
int wf_branch_strings(struct wf_schema_builder *b, const struct wf_branch *br, bool wide,
                      const struct wf_lang **out, size_t *out_max) WF_MUST_USE;
/* The numbers of a branch, as they are written. */
int wf_branch_numbers(struct wf_schema_builder *b, const struct wf_branch *br, bool wide,
                      const struct wf_lang **out) WF_MUST_USE;
/* All strings that reach a goal. */
int wf_goal_strings(struct wf_schema_builder *b, const struct wf_goal *g, bool wide,
                    const struct wf_lang **out) WF_MUST_USE;

/* An object's keys as a branch has them. */
struct wf_property {
    struct wf_str name;
    bool is_present, is_absent;
    struct wf_goal goal;
};

struct wf_key_class {
    const struct wf_lang *names;
    struct wf_goal goal;
    bool is_named; /* a keyword speaks of these keys */
};

struct wf_object {
    struct wf_property *properties;
    size_t n_properties;
    struct wf_key_class *classes; /* of all other keys; without overlap */
    size_t n_classes;
    size_t min, max;
    struct wf_key_class *witnesses; /* one key of one of these must be there besides */
    size_t n_witnesses;
    bool needs_witness;
};

/* Reads a branch's atoms about objects; `wide`: but not those that some key must be there.
 * *out_possible false: they contradict each other. */
int wf_branch_object(struct wf_schema_builder *b, const struct wf_branch *br, bool wide,
                     struct wf_object *out, bool *out_possible) WF_MUST_USE;
/* Whether a name is among keys; all that are. */
int wf_keys_have(struct wf_schema_builder *b, const struct wf_keys *keys, struct wf_str name,
                 bool *out) WF_MUST_USE;
int wf_keys_language(struct wf_schema_builder *b, const struct wf_keys *keys,
                     const struct wf_lang **out) WF_MUST_USE;

/* What the schemas that hold on a way evaluate of the same value, as unevaluated... asks: the
 * schemas whose properties are meant (*out_all: all properties are); how many first items
 * (SIZE_MAX: all). */
int wf_evaluated_properties(struct wf_schema_builder *b, const struct wf_branch *br,
                            const json_t *schema, struct wf_keys *out, bool *out_all) WF_MUST_USE;
int wf_evaluated_items(struct wf_schema_builder *b, const struct wf_branch *br,
                       const json_t *schema, size_t *out_n) WF_MUST_USE;

/* Items as a branch has them. */
struct wf_array {
    struct wf_goal *items; /* [n_items] the first ones' goals */
    size_t n_items;
    struct wf_goal rest;
    size_t min, max;
    const struct wf_atom **contains;
    size_t n_contains;
    const struct wf_atom *unique; /* NULL: need not be */
};

int wf_branch_array(struct wf_schema_builder *b, const struct wf_branch *br, struct wf_array *out,
                    bool *out_possible) WF_MUST_USE;

/* The rule that a goal becomes (built later); that writes a language's strings in quotes, of at
 * most max code points, or as they are. */
int wf_goal_rule(struct wf_schema_builder *b, const struct wf_goal *g, uint32_t *out) WF_MUST_USE;
int wf_lexeme_rule(struct wf_schema_builder *b, const struct wf_lang *l, size_t max, bool is_json,
                   uint32_t *out) WF_MUST_USE;
/* Parts of an automaton: a value that reaches a goal; an object; an array. */
int wf_goal_put(struct wf_schema_builder *b, const struct wf_goal *g, struct wf_nfa *n,
                uint32_t from, uint32_t to) WF_MUST_USE;
int wf_object_put(struct wf_schema_builder *b, const struct wf_object *o, struct wf_nfa *n,
                  uint32_t from, uint32_t to) WF_MUST_USE;
int wf_array_put(struct wf_schema_builder *b, const struct wf_array *a, struct wf_nfa *n,
                 uint32_t from, uint32_t to) WF_MUST_USE;
/* A value's text; a comma or colon with, maybe, a space behind it. */
int wf_schema_put_value(struct wf_schema_builder *b, const json_t *v, struct wf_nfa *n,
                        uint32_t from, uint32_t to) WF_MUST_USE;
void wf_schema_put_mark(struct wf_nfa *n, uint32_t from, char mark, uint32_t to);

#endif
