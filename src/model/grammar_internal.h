/* What a grammar is made of, for the files that build one and the files that walk one.
 *
 * A grammar is a set of rules; a rule is an automaton whose edges are ranges of bytes or calls of
 * rules. Together they are a pushdown automaton over bytes, nondeterministic where it must be.
 * Texts are UTF-8; the bytes 0xff and 0xfe, which UTF-8 never has, stand around the name of a
 * control token. Threads: a grammar never changes once it is finished; a builder's owner. */
#ifndef WF_MODEL_GRAMMAR_INTERNAL_H
#define WF_MODEL_GRAMMAR_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "model/grammar.h"

/* Stand around a control token's name. */
#define WF_G_CONTROL_BEGIN 0xff
#define WF_G_CONTROL_END 0xfe
/* No node, no rule; a distance that no path has. */
#define WF_G_NONE UINT32_MAX

struct wf_g_edge {
    uint32_t to;    /* node */
    uint8_t lo, hi; /* bytes it takes */
};

struct wf_g_call {
    uint32_t rule;
    uint32_t to; /* node behind it */
};

struct wf_g_node {
    uint32_t edges, n_edges; /* in wf_grammar.edges */
    uint32_t calls, n_calls; /* in wf_grammar.calls */
    uint32_t rule;
    bool is_final;
    bool counts; /* coming here costs one of the rule's count */
};

struct wf_g_rule {
    uint32_t start;          /* WF_G_NONE: not built (yet) */
    uint32_t nodes, n_nodes; /* its nodes lie together */
    uint32_t max;    /* how often a node that counts may be come to; 0: nothing is counted */
    bool is_lexical; /* calls nothing and is deterministic */
};

struct wf_grammar {
    atomic_uint refs;
    struct wf_g_node *nodes;
    struct wf_g_edge *edges;
    struct wf_g_call *calls;
    struct wf_g_rule *rules;
    size_t n_nodes, n_edges, n_calls, n_rules;
    size_t cap_nodes, cap_edges, cap_calls, cap_rules;
    uint32_t root;         /* rule */
    pthread_mutex_t mutex; /* guards plans */
    struct wf_g_plan *plans;
};

/* An empty grammar with one reference. NOMEM. */
int wf_grammar__new(struct wf_grammar **out, struct wf_err *err) WF_MUST_USE;
/* One more rule, not built. NOMEM, LIMIT. */
int wf_grammar__rule(struct wf_grammar *g, uint32_t *out, struct wf_err *err) WF_MUST_USE;
/* Checks the whole with `root` as its text: left recursion is UNSUPPORTED, a grammar without texts
 * INVAL. */
int wf_grammar__finish(struct wf_grammar *g, uint32_t root, struct wf_err *err) WF_MUST_USE;

/* p with room for n items; *cap is what it has. NULL: no memory, p is as before. */
void *wf_g__grow(void *p, size_t *cap, size_t n, size_t item_bytes) WF_MUST_USE;

/* ---- an automaton in the making ---- */

struct wf_nfa_edge {
    uint32_t from, to;
    uint32_t rule;  /* a call; WF_G_NONE: bytes or nothing */
    uint8_t lo, hi; /* lo > hi: takes nothing */
};

/* Failures stick in `status`; wf_nfa_finish tells. */
struct wf_nfa {
    struct wf_nfa_edge *edges;
    size_t n_edges, cap_edges;
    uint32_t n_states;
    uint32_t *counting; /* states that count */
    size_t n_counting, cap_counting;
    int status; /* 0, NOMEM or LIMIT */
};

void wf_nfa_init(struct wf_nfa *n);
void wf_nfa_deinit(struct wf_nfa *n);
uint32_t wf_nfa_state(struct wf_nfa *n);
void wf_nfa_counts(struct wf_nfa *n, uint32_t state);
void wf_nfa_nothing(struct wf_nfa *n, uint32_t from, uint32_t to);
void wf_nfa_bytes(struct wf_nfa *n, uint32_t from, uint8_t lo, uint8_t hi, uint32_t to);
void wf_nfa_call(struct wf_nfa *n, uint32_t from, uint32_t rule, uint32_t to);
/* A path of these bytes; between two states, or to a new one, which it returns. */
void wf_nfa_path(struct wf_nfa *n, uint32_t from, struct wf_str bytes, uint32_t to);
uint32_t wf_nfa_text(struct wf_nfa *n, uint32_t from, struct wf_str bytes);
/* Code points [lo, hi] without surrogates, as UTF-8. */
void wf_nfa_points(struct wf_nfa *n, uint32_t from, uint32_t lo, uint32_t hi, uint32_t to);

/* Makes `rule` out of it: from state 0 to state `final`, deterministic where that does not make it
 * much larger. max: see wf_g_rule. Errors: NOMEM, LIMIT. */
int wf_nfa_finish(struct wf_nfa *n, uint32_t final, struct wf_grammar *g, uint32_t rule,
                  uint32_t max, struct wf_err *err) WF_MUST_USE;

/* ---- distances ---- */

/* The fewest bytes of `allowed` (NULL: all) from each node to its rule's end; WF_G_NONE: no way.
 * out_need: of rules that count, how many counts that takes (the fewest; distances are then along
 * such ways). Both [n_nodes]. Errors: NOMEM. */
int wf_grammar__distances(const struct wf_grammar *g, const bool allowed[256], uint32_t *out_dist,
                          uint32_t *out_need) WF_MUST_USE;

/* ---- tokens ---- */

/* Trie nodes in the order of a walk from the root: a node's subtree is [i, end[i]). */
struct wf_token_trie {
    const struct wf_vocab *vocab;
    uint64_t id; /* differs from every other's */
    uint8_t *bytes;
    uint16_t *depth;
    uint32_t *end;
    uint32_t *tokens; /* [n + 1]: those of node i are ids[tokens[i] .. tokens[i + 1]) */
    int32_t *ids;
    int32_t *ends;      /* tokens that end a text */
    uint32_t *of_token; /* [n_vocab]: its node; 0: none */
    size_t n, n_ids, n_ends, n_vocab;
    size_t depth_max;
    bool writable[256]; /* bytes that are a token, or part of a character that is one */
};

/* ---- walking ---- */

/* A place to come back to. Frame 0 is the bottom. */
struct wf_g_frame {
    uint32_t node, parent;
    uint32_t dist; /* from there to the text's end */
    uint32_t depth;
};

/* One of the places where a text may be. */
struct wf_g_config {
    uint32_t node, count, frame;
};

/* All the places where a text may be. State 0 is nowhere. */
struct wf_g_state {
    uint32_t configs, n_configs;
    uint32_t dist; /* the least of its configs; WF_G_NONE: there are none */
    uint32_t depth;
    bool ends;      /* the text may end here */
    uint32_t *next; /* [256] or NULL; WF_G_NONE: not known */
};

struct wf_walker {
    const struct wf_grammar *g;
    const uint32_t *dist, *need; /* of the plan */
    struct wf_g_frame *frames;
    struct wf_g_state *states;
    struct wf_g_config *configs;
    size_t n_frames, cap_frames, n_states, cap_states, n_configs, cap_configs;
    uint32_t *frame_slots, *state_slots; /* open addressing */
    size_t n_frame_slots, n_state_slots;
    struct wf_g_config *seen; /* of the state in the making */
    uint32_t *seen_slots;
    size_t n_seen, cap_seen, n_seen_slots;
    bool ends;
    size_t bytes; /* of next tables */
};

void wf_walker_init(struct wf_walker *w, const struct wf_grammar *g, const uint32_t *dist,
                    const uint32_t *need);
void wf_walker_deinit(struct wf_walker *w);
/* What an error of those below means, as a sentence; returns it. */
int wf_walker_error(int rc, struct wf_err *err);
/* Forgets all but `*io_state` (0: all), which gets another number. NOMEM: all is as before. */
int wf_walker_forget(struct wf_walker *w, uint32_t *io_state) WF_MUST_USE;
/* Whether so much is remembered that it should forget. */
bool wf_walker_is_full(const struct wf_walker *w);
/* The state at the start of a rule; at a node that takes a byte next, by itself and with nothing
 * below it; behind a frame. NOMEM, LIMIT (of places). */
int wf_walker_start(struct wf_walker *w, uint32_t rule, uint32_t *out) WF_MUST_USE;
int wf_walker_at_edges(struct wf_walker *w, uint32_t node, uint32_t *out) WF_MUST_USE;
int wf_walker_behind(struct wf_walker *w, uint32_t frame, uint32_t *out) WF_MUST_USE;
/* The state after one byte; 0: it does not fit. NOMEM, LIMIT. */
int wf_walker_step(struct wf_walker *w, uint32_t state, uint8_t byte, uint32_t *out) WF_MUST_USE;

/* ---- plans: what is known of a grammar and one vocabulary ---- */

/* Tokens that stay within a node's rule and leave the same behind them: n of the reach's ids, from
 * `first` on. */
struct wf_g_inner {
    uint32_t need; /* counts they take, and what comes after them at least */
    uint32_t dist; /* bytes from behind them to the rule's end */
    uint32_t first, n;
};

/* A trie node at which the rule may be left. */
struct wf_g_exit {
    uint32_t at;
    uint32_t need;
};

/* What tokens do from one node on, whatever lies below it. */
struct wf_g_reach {
    int32_t *ids;
    struct wf_g_inner *inner;
    struct wf_g_exit *exits;
    uint32_t *bits; /* of all inner tokens; NULL: they are few */
    size_t n_ids, n_inner, n_exits, cap_inner, cap_exits;
    uint32_t need_max, dist_max; /* of inner */
    bool is_ambiguous;           /* tokens were left out that have too many readings */
};

struct wf_g_plan {
    struct wf_g_plan *next;
    atomic_uint refs;
    const struct wf_token_trie *trie;
    uint64_t trie_id;
    size_t n_nodes;
    uint32_t *dist, *need;               /* [n_nodes] */
    _Atomic(struct wf_g_reach *) *reach; /* [n_nodes]; made when asked for, never changed */
    pthread_mutex_t mutex;               /* guards what follows, and the making of reach */
    struct wf_walker walker;
    size_t bytes; /* of reach */
};

/* The plan of a grammar for a trie, made when there is none; one more reference. NOMEM. */
int wf_grammar__plan(struct wf_grammar *g, const struct wf_token_trie *trie, struct wf_g_plan **out,
                     struct wf_err *err) WF_MUST_USE;
void wf_plan_unref(struct wf_g_plan *p);
/* What tokens do from a node on. *out_own: the caller frees it (there is too much to keep). NOMEM,
 * LIMIT. */
int wf_plan_reach(const struct wf_grammar *g, struct wf_g_plan *p, uint32_t node,
                  const struct wf_g_reach **out, bool *out_own) WF_MUST_USE;
void wf_reach_free(struct wf_g_reach *r);

/* ---- GBNF ---- */

/* Builds the rules of a grammar in GBNF; *out_root is `root`. Errors: as wf_grammar_from_gbnf. */
int wf_gbnf_build(struct wf_grammar *g, struct wf_str text, uint32_t *out_root,
                  struct wf_err *err) WF_MUST_USE;

/* ---- JSON Schema ---- */

/* Builds the rules of a schema; *out_root is a JSON value. Errors: as wf_grammar_from_schema. */
int wf_schema_build(struct wf_grammar *g, const json_t *schema, uint32_t *out_root,
                    struct wf_err *err) WF_MUST_USE;

#endif
