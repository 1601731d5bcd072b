/* Engines: the remote engines of a home, as the person wrote them down.
 *
 * One file of the home (weft.engines) that people read and change: sections `[name]`, in each of
 * them lines `setting = value`; `#` begins a comment. An unknown setting, a value out of its
 * bounds, a URL that is not https is an error that names file and line: where somebody's words may
 * go must not depend on a typing error. Adding and removing leaves all other lines as they are.
 * Keys are not here (route/keys.h).
 *
 *   [gpt]
 *   protocol  = openai
 *   url       = https://api.openai.com/v1
 *   clearance = internal
 *   model     = gpt-5-mini          (a line each; the first is the default)
 *   price_in  = 0.25                (per million tokens, in the person's currency)
 *   day_money = 2
 *
 * A registry never changes once it is read. Thread rule: any. */
#ifndef WF_ROUTE_ENGINES_H
#define WF_ROUTE_ENGINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "privacy/label.h"
#include "privacy/policy.h"

/* A person has a handful of accounts; an organisation some dozen. */
#define WF_ENGINES_MAX 64u
#define WF_ENGINE_MODELS_MAX 64u
#define WF_ENGINE_NAME_BYTES_MAX 40u
#define WF_ENGINE_TEXT_BYTES_MAX 1000u /* any other text: URLs, names of models */
#define WF_ENGINES_BYTES_MAX (256u << 10)

/* How an engine is spoken to. */
enum wf_protocol {
    WF_PROTOCOL_OPENAI,    /* chat completions: OpenAI's, vLLM, llama.cpp, LocalAI, weft, ... */
    WF_PROTOCOL_RESPONSES, /* OpenAI's responses */
    WF_PROTOCOL_ANTHROPIC, /* messages */
    WF_PROTOCOL_GEMINI,    /* generateContent */
    WF_PROTOCOL_OLLAMA,    /* /api/chat */
    WF_PROTOCOL_AZURE,     /* OpenAI's chat completions at Azure: a deployment is a model */
    WF_PROTOCOL_COUNT
};

/* "openai", ...; and back, false where there is none of that name. */
const char *wf_protocol_name(enum wf_protocol p);
bool wf_protocol_parse(struct wf_str name, enum wf_protocol *out) WF_MUST_USE;

/* What an engine can do with a request, a bit each (route/provider.h has what its protocol can). */
enum wf_ability {
    WF_ABILITY_TOOLS = 1u << 0,     /* calls tools */
    WF_ABILITY_IMAGES = 1u << 1,    /* sees pictures */
    WF_ABILITY_SCHEMA = 1u << 2,    /* keeps to a JSON Schema */
    WF_ABILITY_REASONING = 1u << 3, /* is told how much to think, shows thoughts */
    WF_ABILITY_CONTINUE = 1u << 4,  /* goes on with an answer that was begun */
    WF_ABILITY_CHOICES = 1u << 5,   /* several answers to one prompt */
};

/* What may be spent in a day or a month (UTC); 0: no bound. */
struct wf_budget_limits {
    int64_t money_micro; /* millionths of the person's currency */
    int64_t n_tokens;    /* in and out */
    int64_t energy_j;
};

/* All texts are borrowed from the registry (or from whoever made the entry). */
struct wf_engine_entry {
    const char *name; /* a-z, 0-9, '.', '_', '-'; begins with a letter or digit */
    enum wf_protocol protocol;
    const char *url;           /* base, no slash at its end */
    const char *provider;      /* as policies call it; not said: the URL's host */
    enum wf_tier tier;         /* PROVIDER, CLOUD or EDGE */
    enum wf_label clearance;   /* below secret */
    bool insecure_lan;         /* http to another machine, said consciously */
    bool has_key;              /* a key must be there */
    const char *const *models; /* [n_models], at least one; the first is the default */
    size_t n_models;
    unsigned lacks;             /* enum wf_ability that its models do not have */
    int64_t n_context;          /* tokens; 0: not known */
    int64_t n_output_max;       /* tokens; 0: not known */
    int64_t price_in_micro;     /* per million tokens */
    int64_t price_out_micro;    /* per million tokens */
    int64_t price_cached_micro; /* per million tokens of the prompt that were cached */
    struct wf_budget_limits day, month;
    const char *api_version; /* Azure's; not said: "v1", without versions */
};

struct wf_engines {
    struct wf_engine_entry *items; /* [n] in the order of the file */
    size_t n;
    struct wf_arena _arena;
};

/* Reads a file's text; `name` is what complaints call it. *out is owned by the caller. Errors:
 * FORMAT, RANGE, DENIED (an insecure URL): each names line and setting; LIMIT, NOMEM. */
int wf_engines_parse(struct wf_str text, const char *name, struct wf_engines **out,
                     struct wf_err *err) WF_MUST_USE;
/* The same of a file; where there is none, a registry without engines. Errors: as
 * wf_engines_parse, IO, DENIED. */
int wf_engines_load(const char *path, struct wf_engines **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_engines_free(struct wf_engines *e);

/* The engine of that name, or NULL. Borrowed from the registry. */
const struct wf_engine_entry *wf_engines_find(const struct wf_engines *e, struct wf_str name);

/* The engine that a request's model means: "NAME" (its default model), "NAME/MODEL", or a MODEL
 * that an engine offers (the first one that does). NULL: none. *out_model is borrowed from the
 * registry. */
const struct wf_engine_entry *wf_engines_resolve(const struct wf_engines *e, struct wf_str model,
                                                 const char **out_model);

/* Whether an entry could stand in the file. Errors: INVAL, RANGE, DENIED. */
int wf_engine_check(const struct wf_engine_entry *e, struct wf_err *err) WF_MUST_USE;
/* Appends an entry as the file has it, its section's head first. Errors: the buffer's. */
int wf_engine_print(const struct wf_engine_entry *e, struct wf_buf *out);

/* Writes an entry into the file (made where missing, 0600): whole or not at all, and one writer
 * after the other (a lock at "PATH.lock"). `replaces`: one of that name is replaced, where it
 * stands. Errors: EXIST, those of wf_engine_check and wf_engines_load, LIMIT, BUSY, IO, FULL. */
int wf_engines_put(const char *path, const struct wf_engine_entry *e, bool replaces,
                   struct wf_err *err) WF_MUST_USE;
/* Takes an entry out. Errors: NOENT, those of wf_engines_load, BUSY, IO, FULL. */
int wf_engines_remove(const char *path, struct wf_str name, struct wf_err *err) WF_MUST_USE;

/* "provider", "cloud", ... as the file has it. Static storage. */
const char *wf_engine_tier_name(enum wf_tier t);

/* What the policy is asked about (wf_policy_gate). Borrowed from the entry. */
struct wf_target wf_engine_target(const struct wf_engine_entry *e);

/* What tokens cost, in millionths of the person's currency, rounded up. `n_cached` of `n_in` were
 * cached. INT64_MAX where it is more than that. */
int64_t wf_engine_cost_micro(const struct wf_engine_entry *e, uint64_t n_in, uint64_t n_cached,
                             uint64_t n_out);

#endif
