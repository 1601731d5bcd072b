/* What the parts of the built-in engine share. Only engine/local*.c include this. */
#ifndef WF_ENGINE_LOCAL_INTERNAL_H
#define WF_ENGINE_LOCAL_INTERNAL_H

#include <pthread.h>

#include "engine/loaded.h"
#include "engine/local.h"

/* Compiled grammars are kept: the same schema comes with every request of a program. */
#define WF_LOCAL_GRAMMARS 32

struct wf_local_grammar {
    char *key; /* the schema or grammar as text; NULL: the place is free */
    struct wf_grammar *grammar;
    uint64_t used; /* number of its last use */
};

struct wf_local {
    struct wf_engine base;
    struct wf_model_store *store;
    struct wf_model_settings settings;
    const struct wf_power *power; /* NULL: not known */

    pthread_mutex_t lock; /* guards the list, what it says in struct wf_loaded, and the grammars */
    pthread_cond_t changed;
    struct wf_list loaded;
    bool is_stopping;
    pthread_t reaper;
    struct wf_local_grammar grammars[WF_LOCAL_GRAMMARS];
    uint64_t n_uses;
};

/* One use of a model. */
struct wf_local_use {
    struct wf_loaded *loaded;
    int64_t load_ns;              /* how long loading it took; 0: it was */
    char name[WF_MODEL_NAME_MAX]; /* full, of what was asked for: one file may have several */
};

/* A model for one use, loaded when it is not. Errors: as wf_engine_generate. */
int wf_local__acquire(struct wf_local *e, const char *name, const struct wf_load *load,
                      struct wf_local_use *out, struct wf_err *err) WF_MUST_USE;
/* Ends that use. */
void wf_local__release(struct wf_local *e, struct wf_loaded *l);

/* The compiled grammar of a schema or (when `gbnf` is not NULL) of GBNF; a new reference. */
int wf_local__grammar(struct wf_local *e, const json_t *schema, const char *gbnf,
                      struct wf_grammar **out, struct wf_err *err) WF_MUST_USE;

/* ---- local_gen.c, local_embed.c: rows of the engine's table ---- */
int wf_local__generate(struct wf_engine *e, const struct wf_gen_request *q, struct wf_gen **out,
                       struct wf_err *err) WF_MUST_USE;
int wf_local__next(struct wf_gen *base, struct wf_gen_event *out, struct wf_err *err) WF_MUST_USE;
const struct wf_gen_usage *wf_local__usage(const struct wf_gen *base);
void wf_local__gen_free(struct wf_gen *base);
int wf_local__count(struct wf_engine *e, const struct wf_gen_request *q, size_t *out_n,
                    struct wf_err *err) WF_MUST_USE;
int wf_local__embed(struct wf_engine *e, const struct wf_embed_request *q,
                    struct wf_embeddings *out, struct wf_err *err) WF_MUST_USE;
int wf_local__rerank(struct wf_engine *e, const struct wf_rerank_request *q, float *out_scores,
                     struct wf_rerank_usage *out_usage, struct wf_err *err) WF_MUST_USE;

#endif
