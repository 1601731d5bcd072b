/* Grammar: which texts a model may write, compiled from GBNF or a JSON Schema, as a mask of tokens.
 *
 * A grammar is immutable and shared. A constraint is one text's place in a grammar: it says which
 * tokens may come next, and moves on with the one that came. A text that keeps to the masks until
 * an end token is one that the grammar (and so the schema) accepts, whatever the model.
 *
 * Sources: GBNF as the llama.cpp project documents it (grammars/README.md); JSON Schema draft
 * 2020-12. Threads: grammars and token tries by any; a constraint by its owner. */
#ifndef WF_MODEL_GRAMMAR_H
#define WF_MODEL_GRAMMAR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/err.h"
#include "base/str.h"
#include "model/vocab.h"

struct wf_grammar;

/* Compiles a grammar in GBNF; the rule `root` is the text. *out holds one reference. Errors: FORMAT
 * (with the line), UNSUPPORTED (left recursion), LIMIT, NOMEM. */
int wf_grammar_from_gbnf(struct wf_str text, struct wf_grammar **out,
                         struct wf_err *err) WF_MUST_USE;

/* Compiles a JSON Schema (object or boolean, borrowed): the text is one JSON value that validates
 * against it. *out holds one reference. Errors: UNSUPPORTED (what cannot be enforced; the sentence
 * names keyword and place), INVAL (not a schema; nothing can ever match), LIMIT, NOMEM. */
int wf_grammar_from_schema(const json_t *schema, struct wf_grammar **out,
                           struct wf_err *err) WF_MUST_USE;

/* ---- grammars built from parts ---- */

/* A builder makes parts, and parts of parts; a part is a number of its builder and may be used any
 * number of times. The first mistake sticks (later parts are then without effect) and is told by
 * wf_grammar_builder_finish. Texts hold no control tokens: wf_grammar_control makes those.
 * Threads: owner. */
struct wf_grammar_builder;

/* *out is owned by the caller, until wf_grammar_builder_free. Errors: NOMEM. */
int wf_grammar_builder_new(struct wf_grammar_builder **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_grammar_builder_free(struct wf_grammar_builder *b);

/* Exactly this text (bytes of UTF-8; empty: nothing at all). */
uint32_t wf_grammar_text(struct wf_grammar_builder *b, struct wf_str text);
/* The control token of that name; the same name written as text does, too (vocabularies differ in
 * what is a control token). */
uint32_t wf_grammar_control(struct wf_grammar_builder *b, struct wf_str name);
/* A JSON value that validates against a schema (borrowed for the call), on one line. */
uint32_t wf_grammar_schema(struct wf_grammar_builder *b, const json_t *schema);
/* A text of a grammar in GBNF: its rule `root`. */
uint32_t wf_grammar_gbnf(struct wf_grammar_builder *b, struct wf_str text);
/* Any text, also none, that does not hold `stop` (no `stop`: any text at all), and no control
 * token. It ends where the model or what follows wants. */
uint32_t wf_grammar_any_text(struct wf_grammar_builder *b, struct wf_str stop);
/* One behind the other; one of them; one as often as from min to max times (SIZE_MAX: no bound). */
uint32_t wf_grammar_sequence(struct wf_grammar_builder *b, const uint32_t *parts, size_t n);
uint32_t wf_grammar_choice(struct wf_grammar_builder *b, const uint32_t *parts, size_t n);
uint32_t wf_grammar_repeat(struct wf_grammar_builder *b, uint32_t part, size_t min, size_t max);

/* Makes a grammar of which `root` is the text; the builder can then only be freed. *out holds one
 * reference. Errors: those of wf_grammar_from_gbnf and wf_grammar_from_schema. */
int wf_grammar_builder_finish(struct wf_grammar_builder *b, uint32_t root, struct wf_grammar **out,
                              struct wf_err *err) WF_MUST_USE;

/* One more reference; one less, and frees with the last. NULL is a no-op. Thread: any. */
struct wf_grammar *wf_grammar_ref(struct wf_grammar *g);
void wf_grammar_unref(struct wf_grammar *g);

/* The bytes of all tokens as a trie, made once for a model; control tokens are found by name only
 * (wf_grammar_control). */
struct wf_token_trie;

/* `vocab` is borrowed for the trie's life. *out is owned by the caller. Errors: NOMEM. */
int wf_token_trie_new(const struct wf_vocab *vocab, struct wf_token_trie **out,
                      struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_token_trie_free(struct wf_token_trie *t);

struct wf_constraint;

/* Begins a text. Takes a reference of g; `trie` is borrowed until wf_constraint_free. Errors:
 * UNSUPPORTED (the vocabulary cannot write any text of g), LIMIT, NOMEM. */
int wf_constraint_new(struct wf_grammar *g, const struct wf_token_trie *trie,
                      struct wf_constraint **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_constraint_free(struct wf_constraint *c);

/* Writes which tokens may come next: out_bits [(n_vocab + 31) / 32], bit id % 32 of word id / 32.
 * End tokens are allowed where the text may end. n_left is how many tokens may still be written,
 * the end token included: near it only tokens on a shortest completion stay, so that the text is
 * whole when the budget is (SIZE_MAX: no bound). At least one bit is set. Errors: LIMIT (the budget
 * is too small for any text; or the text has too many readings), NOMEM. */
int wf_constraint_mask(struct wf_constraint *c, size_t n_left, uint32_t *out_bits,
                       struct wf_err *err) WF_MUST_USE;

/* Moves on by a token that the mask allows. Errors: INVAL (it does not fit; nothing changes),
 * LIMIT (it has too many readings), NOMEM. */
int wf_constraint_accept(struct wf_constraint *c, int32_t id, struct wf_err *err) WF_MUST_USE;

/* Moves on by bytes, as if tokens of them had come. Errors: as wf_constraint_accept. */
int wf_constraint_accept_bytes(struct wf_constraint *c, struct wf_str bytes,
                               struct wf_err *err) WF_MUST_USE;

/* Whether the text may end here; whether nothing but the end may follow. */
bool wf_constraint_may_end(const struct wf_constraint *c);
bool wf_constraint_must_end(const struct wf_constraint *c);

#endif
