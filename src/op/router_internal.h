/* What the files of the router share. Only op/router*.c include this. */
#ifndef WF_OP_ROUTER_INTERNAL_H
#define WF_OP_ROUTER_INTERNAL_H

#include <pthread.h>

#include "op/router.h"
#include "op/sites.h"
#include "os/thread.h"
#include "route/cascade.h"
#include "route/failover.h"
#include "route/record.h"

/* Answers that may still be asked for again. */
#define WF_ROUTER_ANSWERS 64u

/* An answer that was given, as far as learning from it needs that. */
struct wf_router_answer {
    int64_t at_ms;   /* when it was over */
    bool is_doubted; /* it was asked for again already, or the one before was */
    enum wf_kind kind;
    float hard_small, hard_large;
    enum wf_tier tier;
    uint64_t n_params;
    char engine[WF_EXPERIENCE_ENGINE_BYTES + 1], model[WF_EXPERIENCE_MODEL_BYTES + 1];
};

struct wf_router {
    struct wf_engine base;
    struct wf_router_options o;
    struct wf_hardness *hardness;
    char *experience_path, *routes_path; /* owned; NULL: not kept */
    pthread_mutex_t lock;                /* guards what follows, and the log's file */
    struct wf_experience *experience;
    int64_t saved_ms; /* when it was saved last */
    bool is_saving, is_changed;
    uint64_t hashes[WF_ROUTER_ANSWERS]; /* of the answers' conversations; 0: none */
    struct wf_router_answer answers[WF_ROUTER_ANSWERS];
    size_t next_answer; /* the oldest is overwritten */
    uint64_t seed;      /* of conversations' hashes: nobody can tell from them what was said */
    size_t n_running;   /* generations */
    uint64_t n_put_off, n_done; /* what is done later, in order */
    pthread_cond_t done;
    struct wf_team *team; /* one thread for that; NULL: it is done at once */
};

/* The router that an engine is. */
struct wf_router *wf_router__of(struct wf_engine *router);

/* ---- what it knows (router_memory.c) ---- */

/* Reads what was learned; what cannot be read is told in the log, and nothing is known. Errors:
 * NOMEM. */
int wf_router__memory_open(struct wf_router *r, struct wf_err *err) WF_MUST_USE;
/* Saves and frees. */
void wf_router__memory_close(struct wf_router *r);
/* Decides, by what is known. */
void wf_router__choose(struct wf_router *r, struct wf_route_plan *p, bool may_explore,
                       struct wf_route_case *c);
/* Learns of a candidate; saves now and then. */
void wf_router__learn(struct wf_router *r, const struct wf_route_case *c, size_t i_candidate,
                      const struct wf_outcome *o);
/* Saves soon, where there is something new and where now is the time for it, or it `must`. */
void wf_router__save_soon(struct wf_router *r, bool must);
/* Does something soon, when whoever was answered does not wait for it: on a thread of the router's,
 * in order; at once where that cannot be. */
void wf_router__later(struct wf_router *r, void (*fn)(void *ud), void *ud);
/* Keeps a decision. */
void wf_router__keep(struct wf_router *r, const struct wf_route_record *record);

/* ---- how good answers are (router_learn.c) ---- */

/* A request comes: where it is one that was just answered, the answer was perhaps not good. */
void wf_router__look_back(struct wf_router *r, const struct wf_route_case *c);
/* The request of a case was answered by that candidate. */
void wf_router__remember(struct wf_router *r, const struct wf_route_case *c, size_t i_candidate);

#define WF_ROUTER_PLACE_BYTES 400u /* ENGINE/MODEL */

/* ---- a request (router_case.c) ---- */

/* Places and the request, looked at; to be freed after errors, too. */
struct wf_router_case {
    struct wf_sites sites;
    struct wf_route_plan plan; /* without the labeler */
    struct wf_route_case *c;   /* borrows from the sites */
};

/* `models` of this device are taken over, also after an error. Errors: those of wf_route_look,
 * UNSUPPORTED (no detectors). */
int wf_router__case_open(struct wf_router *r, const struct wf_router_wish *wish,
                         const struct wf_gen_request *q, const struct wf_model_list *models,
                         struct wf_router_case *out, struct wf_err *err) WF_MUST_USE;
void wf_router__case_close(struct wf_router_case *c);
/* What a request calls a place: MODEL of this device, ENGINE/MODEL. False: that is too long. */
bool wf_router__name(const struct wf_candidate *c, char out[WF_ROUTER_PLACE_BYTES]);
/* Says why no candidate may be asked; returns the error's code. */
int wf_router__say_none(const struct wf_router_case *c, struct wf_err *err);

/* ---- a generation (router_gen.c) ---- */

/* `models` as in wf_router__case_open. */
int wf_router__generate(struct wf_router *r, const struct wf_router_wish *wish,
                        const struct wf_gen_request *q, const struct wf_model_list *models,
                        struct wf_gen **out, struct wf_err *err) WF_MUST_USE;
/* The same of what is no chat, with the default model (NULL), or of what was released for one. */
int wf_router__pass(struct wf_router *r, const struct wf_gen_request *q, const char *model,
                    struct wf_gen **out, struct wf_err *err) WF_MUST_USE;
/* Those of the engine's table. */
int wf_router__next(struct wf_gen *base, struct wf_gen_event *out, struct wf_err *err) WF_MUST_USE;
/* w NULL: as wf_router__next. */
int wf_router__try(struct wf_gen *base, const struct wf_gen_wake *w, struct wf_gen_event *out,
                   struct wf_err *err) WF_MUST_USE;
const struct wf_gen_usage *wf_router__usage(const struct wf_gen *base);
void wf_router__gen_free(struct wf_gen *base);

#endif
