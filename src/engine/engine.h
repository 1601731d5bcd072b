/* Engine: what runs models, as its callers see it.
 *
 * An engine takes requests in one form, whatever face they came through, and answers each as a
 * stream of events that the caller pulls. The built-in engine (engine/local.h) implements this with
 * the models of this machine; engines elsewhere implement the same table further up.
 *
 * A request is borrowed until its generation is freed. Messages and tools are JSON in OpenAI's
 * form: {role, content (text, or an array of parts), reasoning_content, tool_calls, tool_call_id,
 * name}. Threads: any, but one generation has one owner. */
#ifndef WF_ENGINE_ENGINE_H
#define WF_ENGINE_ENGINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "model/dialect.h"
#include "model/sampler.h"

struct wf_route_seen;

/* What becomes of a prompt that is longer than the context. */
enum wf_overflow {
    WF_OVERFLOW_REFUSE,   /* an error that says both lengths */
    WF_OVERFLOW_TRUNCATE, /* oldest messages (texts: the beginning) go; the usage says how much */
};

/* How a model is loaded; a request that asks for other values than it was loaded with loads it anew
 * once nobody uses it. Zeros: the settings of this machine. */
struct wf_load {
    size_t n_context;     /* tokens; 0: the setting, else as large as fits */
    int64_t keep_alive_s; /* stays loaded so long after its last use; 0: the setting; -1: always;
                             WF_KEEP_ALIVE_NONE: goes at once */
};
#define WF_KEEP_ALIVE_NONE INT64_MIN

struct wf_adapter_choice {
    const char *name; /* of an adapter in the model store */
    float scale;
};

/* Where a piece of a chat comes from, when it is not what its message's role says. */
enum wf_origin_kind {
    WF_ORIGIN_FILE,   /* a document; name: its absolute path, empty: none is known */
    WF_ORIGIN_MAIL,   /* name: the sender's address */
    WF_ORIGIN_WEB,    /* name: the host */
    WF_ORIGIN_TOOL,   /* name: the tool's */
    WF_ORIGIN_MEMORY, /* what weft knows of the person */
    WF_ORIGIN_PROMPT, /* the person's own words, after all */
};

#define WF_ORIGIN_ALL SIZE_MAX /* as i_part: all of the message */

/* A piece may have several origins (one file at two paths): each counts. */
struct wf_origin {
    size_t i_message, i_part; /* of the messages; of its content, where that is an array */
    enum wf_origin_kind kind;
    struct wf_str name;  /* by kind */
    struct wf_str space; /* "": none */
    struct wf_str title; /* as people call it; may be empty */
    uint8_t label;       /* what it bears already: enum wf_label (privacy/label.h) */
    bool is_declared;    /* a client says so: beside what its message's role says, not instead */
};

/* Where a text stands, between two tokens: with it an engine with the same model goes on as the
 * first would have (to the token, where their arithmetic is the same). */
struct wf_gen_point {
    const char *model;  /* its full name */
    const char *digest; /* "sha256:HEX" of its file */
    const int32_t *ids; /* [n_ids]: the prompt and what was written */
    size_t n_ids, n_written;
    bool has_sampler; /* false: nothing was drawn yet */
    struct wf_sampler_state sampler;
};

/* Who wants to know where a text stands. `at` is called by the owner's thread, within wf_gen_next,
 * when all that was written up to the point has been handed out; not for several choices, nor by
 * engines elsewhere. Must not wait. */
struct wf_gen_tap {
    void (*at)(void *ud, const struct wf_gen_point *point);
    void *ud;
};

struct wf_gen_request {
    const char *model; /* as people call it; NULL or empty: the default */

    /* A chat, when `messages` is not NULL ... */
    const json_t *messages;          /* array */
    struct wf_tool_rules tools;      /* all zero: no tools */
    const json_t *template_vars;     /* object of further variables of the chat template, or NULL */
    bool continue_last;              /* the last message is the beginning of the answer */
    const struct wf_origin *origins; /* [n_origins], by message, then part: its policy decides */
    size_t n_origins;
    const char *chat_template; /* instead of the model's own; or NULL */
    /* ... else a text to go on with: bytes, or tokens. */
    struct wf_str prompt;
    const int32_t *prompt_ids;
    size_t n_prompt_ids;
    struct wf_str suffix; /* what shall follow the text that is written (fill in the middle) */

    struct wf_sampling sampling;
    size_t n_max;     /* tokens to write at most; 0: as many as the context takes */
    size_t n_choices; /* answers to the same prompt; 0: one */
    size_t n_top_logprobs;
    bool wants_logprobs;
    const struct wf_str *stops; /* texts that end the answer, and are not part of it */
    size_t n_stops;
    bool ignore_eos;      /* end tokens do not end it (for measuring) */
    const json_t *schema; /* the answer validates against this JSON Schema; or NULL */
    const char *grammar;  /* the answer keeps to this GBNF; or NULL */
    bool grammar_if_able; /* an engine that cannot keep to a grammar answers without it */
    enum wf_overflow overflow;
    const struct wf_adapter_choice *adapters;
    size_t n_adapters;
    struct wf_load load;
    uint64_t client;     /* whose it is: clients get equal shares of a model (engine/scheduler.h) */
    unsigned priority;   /* lower ones come first */
    int64_t deadline_ns; /* monotonic; 0: none */
    /* A person's release of this one request for an engine elsewhere: the id that looking at what
     * would go had given (op/remote.h), and the person's reason; NULL: none. For looking: whether
     * what is above the engine's clearance would go as it is, instead of replaced. */
    const char *release_id, *release_reason;
    bool release_as_is;
    const struct wf_route_seen *seen; /* what was found in it by who chose the engine (op/route.h);
                                         NULL: nobody looked */
    bool *is_kept; /* set where the policy keeps it from an engine elsewhere (the error is DENIED);
                      may be NULL */

    const char *name;                  /* by which it may be followed and taken over (op/moving.h);
                                          NULL: nobody does */
    const struct wf_gen_tap *tap;      /* NULL: nobody wants to know */
    const struct wf_gen_point *resume; /* goes on there: the prompt is what it says; what was
                                          written is told again, first. Or NULL */

    const char *request_id; /* as the ledger and x-weft-route have it; NULL: made where needed */
    const char *reason;     /* why it runs where it does, for the ledger; NULL: asked for by name */
    bool is_once;           /* where it fails it is not tried again: another engine is asked */

    /* True once nobody waits any more; asked several times a second. May be NULL. */
    bool (*canceled)(void *ud);
    void *canceled_ud;
};

enum wf_gen_event_kind {
    WF_GEN_TEXT,      /* more of the answer */
    WF_GEN_REASONING, /* more of the thoughts before it */
    WF_GEN_CALL,      /* a tool call begins: i_call, call_id, call_name */
    WF_GEN_ARGUMENTS, /* more of a call's arguments (JSON text) */
    WF_GEN_END,       /* the choice is finished: finish, stop */
};

enum wf_gen_finish {
    WF_FINISH_STOP,       /* the model ended it */
    WF_FINISH_STOP_TEXT,  /* one of `stops` was written */
    WF_FINISH_LENGTH,     /* n_max, or the context's end */
    WF_FINISH_TOOL_CALLS, /* it ended with tool calls */
    WF_FINISH_MOVED,      /* it goes on on another device (op/moving.h) */
};
/* "stop", "length", "tool_calls", "moved": OpenAI's words, and one more. Static storage. */
const char *wf_gen_finish_name(enum wf_gen_finish f);

/* One token's logarithms of probability; `top` best first. */
struct wf_gen_logprob {
    struct wf_str token; /* its bytes, perhaps no whole character */
    int32_t id;
    float logprob;
    const struct wf_gen_logprob *top; /* [n_top]; NULL within `top` */
    size_t n_top;
};

/* Borrowed until the next call for the same generation. Texts are whole characters. */
struct wf_gen_event {
    enum wf_gen_event_kind kind;
    size_t i_choice;
    struct wf_str text;
    size_t i_call;
    struct wf_str call_id, call_name;
    const struct wf_gen_logprob *logprobs; /* [n_logprobs] of the tokens behind `text` */
    size_t n_logprobs;
    enum wf_gen_finish finish;
    struct wf_str stop; /* of WF_FINISH_STOP_TEXT: which */
};

/* Counts so far; final once wf_gen_next has returned 0. */
struct wf_gen_usage {
    const char *model; /* its full name */
    const char *route; /* where it runs and why, for a header; NULL: here */
    const char
        *flags; /* "leak:1 link:2": what is flagged in the answer, at its end; NULL: nothing */
    const char *consent; /* "document" or "tool": may have provoked the answer's tool calls, so a
                            person is to be asked before one is made; NULL: none may. Static. */
    size_t n_context;    /* tokens of the context it runs with */
    size_t n_prompt;     /* tokens of the prompt */
    size_t n_cached;     /* of them, already in the cache */
    size_t n_truncated;  /* tokens that were left out of the prompt */
    size_t n_written;    /* tokens written, all choices */
    size_t n_reasoning;  /* of them, thoughts */
    int64_t load_ns;     /* loading the model, 0 when it was */
    int64_t queue_ns;    /* waiting for a turn */
    int64_t prompt_ns;   /* reading the prompt */
    int64_t write_ns;    /* from the first token to the last */
};

struct wf_engine;
struct wf_gen; /* one generation */

/* Begins a generation: loads the model where needed, makes the prompt, queues it. *out is owned by
 * the caller, until wf_gen_free. Errors: NOENT (no such model; the sentence says what there is),
 * INVAL and RANGE (the request), UNSUPPORTED (the model cannot do that, or a schema cannot be
 * enforced), LIMIT (the prompt does not fit, and nothing else; both lengths in the sentence), BUSY
 * (too many wait), FORMAT (the model file or its template), NOMEM, CANCELED; NOENT, too, where it
 * is to go on with a model that is not here. */
int wf_engine_generate(struct wf_engine *e, const struct wf_gen_request *q, struct wf_gen **out,
                       struct wf_err *err) WF_MUST_USE;

/* Waits for the next event: 1 with *out filled, 0 when all choices are finished, or an error
 * (CANCELED, NOMEM, those of the engine); the generation is then over. */
int wf_gen_next(struct wf_gen *g, struct wf_gen_event *out, struct wf_err *err) WF_MUST_USE;
/* Whom to tell that it is worth asking again. */
struct wf_gen_wake {
    void (*fn)(void *ud); /* any thread; must not ask the generation, nor wait */
    void *ud;
};
/* What wf_gen_try returns when there is nothing yet. */
#define WF_GEN_LATER 2
/* As wf_gen_next without waiting for an engine elsewhere: WF_GEN_LATER when nothing has come; w->fn
 * is then called once, perhaps before this returns, and not after a further call for g has begun.
 * A cancellation is seen when this is called. Engines that cannot do it wait. */
int wf_gen_try(struct wf_gen *g, const struct wf_gen_wake *w, struct wf_gen_event *out,
               struct wf_err *err) WF_MUST_USE;
/* Borrowed until wf_gen_free; `route` and `flags` until the next event is asked for. */
const struct wf_gen_usage *wf_gen_usage(const struct wf_gen *g);
/* Gives it up where it is not finished, and frees. NULL is a no-op. */
void wf_gen_free(struct wf_gen *g);

/* Who besides the person may provoke tool calls in the answer: "document" (origins), "tool" (its
 * results), or NULL: nobody, or there are no tools to call. Static storage. */
const char *wf_gen_consent(const struct wf_gen_request *q);

/* The tokens of a request's prompt, as wf_engine_generate would count them. Errors: as there. */
int wf_engine_count(struct wf_engine *e, const struct wf_gen_request *q, size_t *out_n,
                    struct wf_err *err) WF_MUST_USE;

struct wf_embed_request {
    const char *model;
    const struct wf_str *texts; /* [n_texts]; or, where `ids` is not NULL, tokens */
    const int32_t *const *ids;  /* [n_texts] */
    const size_t *n_ids;        /* [n_texts] */
    size_t n_texts;
    size_t n_dims; /* keep only so many, then normalise; 0: all */
    bool is_raw;   /* not normalised to length 1 */
    bool truncate; /* texts that are too long are cut; else refused */
    struct wf_load load;
    bool (*canceled)(void *ud);
    void *canceled_ud;
};

#define WF_ENGINE_ROUTE_BYTES 640

struct wf_embeddings {
    float *vectors; /* [n_texts, n_dims], wf_free */
    size_t n_dims;
    size_t n_tokens;                   /* of all texts */
    size_t n_truncated;                /* tokens that were cut */
    char model[256];                   /* its full name */
    char route[WF_ENGINE_ROUTE_BYTES]; /* where it ran and why, for a header; "": here */
    int64_t load_ns, run_ns;
};

/* Embeddings of texts. *out is owned by the caller. Errors: as wf_engine_generate. */
int wf_engine_embed(struct wf_engine *e, const struct wf_embed_request *q,
                    struct wf_embeddings *out, struct wf_err *err) WF_MUST_USE;

struct wf_rerank_request {
    const char *model;
    struct wf_str query;
    const struct wf_str *texts; /* [n_texts] */
    size_t n_texts;
    bool truncate;
    struct wf_load load;
    bool (*canceled)(void *ud);
    void *canceled_ud;
};

struct wf_rerank_usage {
    size_t n_tokens;    /* of all pairs of query and text */
    size_t n_truncated; /* tokens that were cut */
    char model[256];    /* its full name */
    char route[WF_ENGINE_ROUTE_BYTES];
};

/* How well each text answers the query: out_scores [n_texts], higher is better (logits of the
 * model's head; for models that give two classes the share of "yes"). Errors: as
 * wf_engine_generate, UNSUPPORTED (the model has no such head). */
int wf_engine_rerank(struct wf_engine *e, const struct wf_rerank_request *q, float *out_scores,
                     struct wf_rerank_usage *out_usage, struct wf_err *err) WF_MUST_USE;

/* The models that are loaded now: an array of {model, bytes (memory: weights, cache, buffers),
 * n_context, expires_ms (since 1970, or null: never), n_active, draft (the model that guesses for
 * it, or null), no_draft (why the one that was named does not, or null)}. A new reference; NULL out
 * of memory. */
json_t *wf_engine_loaded(struct wf_engine *e);

/* Loads a model (or prolongs its stay) without writing; lets it go as soon as nobody uses it.
 * Errors: as wf_engine_generate. */
int wf_engine_load(struct wf_engine *e, const char *model, const struct wf_load *load,
                   struct wf_err *err) WF_MUST_USE;
int wf_engine_unload(struct wf_engine *e, const char *model, struct wf_err *err) WF_MUST_USE;

/* Ends it; all generations must be freed. NULL is a no-op. */
void wf_engine_free(struct wf_engine *e);

/* What an engine is: the table that the functions above call. */
struct wf_engine_ops {
    int (*generate)(struct wf_engine *e, const struct wf_gen_request *q, struct wf_gen **out,
                    struct wf_err *err);
    int (*next)(struct wf_gen *g, struct wf_gen_event *out, struct wf_err *err);
    int (*try)(struct wf_gen *g, const struct wf_gen_wake *w, struct wf_gen_event *out,
               struct wf_err *err); /* NULL: it waits */
    const struct wf_gen_usage *(*usage)(const struct wf_gen *g);
    void (*gen_free)(struct wf_gen *g);
    int (*count)(struct wf_engine *e, const struct wf_gen_request *q, size_t *out_n,
                 struct wf_err *err);
    int (*embed)(struct wf_engine *e, const struct wf_embed_request *q, struct wf_embeddings *out,
                 struct wf_err *err);
    int (*rerank)(struct wf_engine *e, const struct wf_rerank_request *q, float *out_scores,
                  struct wf_rerank_usage *out_usage, struct wf_err *err);
    json_t *(*loaded)(struct wf_engine *e);
    int (*load)(struct wf_engine *e, const char *model, const struct wf_load *load,
                struct wf_err *err);
    int (*unload)(struct wf_engine *e, const char *model, struct wf_err *err);
    void (*free)(struct wf_engine *e);
};

/* The first members of every engine and every generation. */
struct wf_engine {
    const struct wf_engine_ops *ops;
};
struct wf_gen {
    const struct wf_engine_ops *ops;
};

#endif
