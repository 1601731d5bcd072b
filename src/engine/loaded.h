/* Loaded: a model of the store in memory, with all that is needed to answer with it.
 *
 * The file is mapped; vocabulary, chat template and dialect are read once; a scheduler runs it. The
 * trie of its tokens and its adapters come when first needed. Threads: any, once opened. */
#ifndef WF_ENGINE_LOADED_H
#define WF_ENGINE_LOADED_H

#include <jansson.h>
#include <pthread.h>

#include "base/arena.h"
#include "base/list.h"
#include "engine/model_store.h"
#include "engine/scheduler.h"
#include "engine/settings.h"
#include "model/dialect.h"
#include "model/messages.h"
#include "model/template.h"
#include "model/vocab.h"

struct wf_loaded {
    struct wf_model_entry entry;
    struct wf_model *model;
    struct wf_vocab *vocab;        /* NULL: the file has none */
    struct wf_template *template;  /* chat template; the plainest where the file has none */
    struct wf_str template_source; /* borrowed from the file, or static */
    struct wf_chat_style style;    /* what the template does */
    const struct wf_dialect *dialect;
    struct wf_model *draft; /* guesses for it (engine/drafter.h); NULL: none does */
    struct wf_err no_draft; /* why the one that was named does not */
    struct wf_sched *sched;
    size_t n_context;
    bool is_encoder;
    struct wf_str *control; /* [n_control] names of control tokens, by first byte then length */
    size_t n_control;
    struct wf_arena arena;

    pthread_mutex_t lock; /* guards what follows */
    struct wf_token_trie *trie;
    struct wf_list adapters; /* struct adapter of loaded.c */

    /* ---- of the engine that keeps it, under the engine's lock ---- */
    struct wf_list node;
    size_t n_users;
    size_t n_context_wanted; /* 0: none was asked for */
    int64_t keep_alive_s;
    int64_t expires_ns; /* monotonic, when n_users is 0; INT64_MAX: never */
    bool is_loading;
};

/* Opens a model. n_context 0: as large as settings and memory allow, and what is asked for
 * otherwise. draft (or NULL) guesses for it, where it can be opened and has the same vocabulary.
 * *out is owned by the caller. Errors: as wf_model_open, wf_vocab_open, wf_sched_new; LIMIT (memory
 * does not suffice for the context that is asked for). */
int wf_loaded_open(const struct wf_model_entry *entry, const struct wf_model_entry *draft,
                   const struct wf_model_settings *settings, const struct wf_power *power,
                   size_t n_context, struct wf_loaded **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. Nobody may use it. */
void wf_loaded_close(struct wf_loaded *l);

/* The trie of its tokens. Errors: NOMEM, UNSUPPORTED (no vocabulary). */
int wf_loaded_trie(struct wf_loaded *l, const struct wf_token_trie **out,
                   struct wf_err *err) WF_MUST_USE;
/* An adapter, opened once. Errors: as wf_adapter_open. */
int wf_loaded_adapter(struct wf_loaded *l, const struct wf_model_entry *entry,
                      const struct wf_adapter **out, struct wf_err *err) WF_MUST_USE;

/* Bytes: weights, cache and buffers. */
uint64_t wf_loaded_bytes(struct wf_loaded *l);

#endif
