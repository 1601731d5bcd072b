/* SPDX-License-Identifier: Apache-2.0 */
/* The router's table: which requests are for it; all others go on as they came. */
#include "op/router.h"

#include <string.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/rng.h"
#include "op/declared.h"
#include "op/remote.h"
#include "op/router_internal.h"

/* Decisions that wait to be written down. */
#define LATER_MAX 256

static struct wf_router *of(const struct wf_engine *base)
{
    return WF_CONTAINER((struct wf_engine *)(uintptr_t)base, struct wf_router, base);
}

struct wf_router *wf_router__of(struct wf_engine *router)
{
    return of(router);
}

/* ---- names ---- */

bool wf_router_is_auto(const char *model, enum wf_balance *out_balance)
{
    const size_t n = strlen(WF_ROUTER_AUTO);
    enum wf_balance balance;

    if (model == NULL || strncmp(model, WF_ROUTER_AUTO, n) != 0)
        return false;
    if (model[n] == '\0' || strcmp(model + n, ":latest") == 0)
        return true;
    if (model[n] != ':' || !wf_balance_parse(wf_str_from(model + n + 1), &balance))
        return false;
    if (out_balance != NULL)
        *out_balance = balance;
    return true;
}

static bool has_model(const struct wf_router *r, const char *name)
{
    const struct wf_model_list *l = NULL;
    bool has;

    if (r->o.models == NULL || wf_model_store_list(r->o.models, &l, NULL) != 0)
        return false;
    has = wf_model_list_find(l, name) != NULL;
    wf_model_list_unref(l);
    return has;
}

/* Whether there is a choice at all. */
static bool has_elsewhere(const struct wf_router *r)
{
    return (r->o.engines != NULL && r->o.engines->n > 0) ||
           (r->o.nodes != NULL && wf_nodes_has_places(r->o.nodes));
}

/* Whether a request is the router's. A model of this device that somebody called "auto" is that.
 * *out_models, where it is: those of this device as they are now, owned by the caller; NULL: none
 * can be read. */
static bool is_own(const struct wf_router *r, const struct wf_gen_request *q,
                   struct wf_router_wish *out_wish, const struct wf_model_list **out_models)
{
    const bool names_none = q->model == NULL || q->model[0] == '\0';
    const struct wf_model_list *l = NULL;

    *out_wish = wf_router_wish(&r->base);
    if (names_none && (q->messages == NULL || !has_elsewhere(r)))
        return false;
    if (!names_none && !wf_router_is_auto(q->model, &out_wish->balance))
        return false;
    if (r->o.models != NULL && wf_model_store_list(r->o.models, &l, NULL) == 0 &&
        wf_model_list_find(l, q->model) != NULL) {
        wf_model_list_unref(l);
        return false;
    }
    *out_models = l;
    return true;
}

struct wf_router_wish wf_router_wish(const struct wf_engine *router)
{
    const struct wf_router *r = of(router);

    return (struct wf_router_wish){.balance = r->o.balance, .has_consent = r->o.has_consent};
}

bool wf_router_is_offered(const struct wf_engine *router)
{
    const struct wf_router *r = router != NULL ? of(router) : NULL;

    return r != NULL && has_elsewhere(r) && !has_model(r, WF_ROUTER_AUTO);
}

/* ---- the table ---- */

static int generate(struct wf_engine *base, const struct wf_gen_request *q, struct wf_gen **out,
                    struct wf_err *err)
{
    const struct wf_model_list *models = NULL;
    char released[WF_ROUTER_PLACE_BYTES];
    struct wf_router *r = of(base);
    struct wf_router_wish wish;
    int rc;

    if (!is_own(r, q, &wish, &models))
        return wf_engine_generate(r->o.inner, q, out, err);
    if (q->messages != NULL && q->release_id == NULL)
        return wf_router__generate(r, &wish, q, models, out, err);
    wf_model_list_unref(models);
    if (q->messages == NULL)
        return wf_router__pass(r, q, NULL, out, err);
    rc = wf_remote_released_model(r->o.inner, q->release_id, released, sizeof(released), err);
    return rc == 0 ? wf_router__pass(r, q, released, out, err) : rc;
}

static int count(struct wf_engine *base, const struct wf_gen_request *q, size_t *out_n,
                 struct wf_err *err)
{
    const struct wf_router *r = of(base);
    const struct wf_model_list *models = NULL;
    struct wf_gen_request own = *q;
    struct wf_router_wish wish;

    if (is_own(r, q, &wish, &models))
        own.model = NULL; /* about as many, wherever it runs */
    wf_model_list_unref(models);
    return wf_engine_count(r->o.inner, &own, out_n, err);
}

static int embed(struct wf_engine *base, const struct wf_embed_request *q,
                 struct wf_embeddings *out, struct wf_err *err)
{
    return wf_engine_embed(of(base)->o.inner, q, out, err);
}

static int rerank(struct wf_engine *base, const struct wf_rerank_request *q, float *out_scores,
                  struct wf_rerank_usage *out_usage, struct wf_err *err)
{
    return wf_engine_rerank(of(base)->o.inner, q, out_scores, out_usage, err);
}

static json_t *loaded(struct wf_engine *base)
{
    return wf_engine_loaded(of(base)->o.inner);
}

/* Whether a name is the router's, of which nothing is loaded. */
static bool is_none(const struct wf_router *r, const char *model)
{
    return wf_router_is_auto(model, NULL) && !has_model(r, model);
}

static int load(struct wf_engine *base, const char *model, const struct wf_load *how,
                struct wf_err *err)
{
    const struct wf_router *r = of(base);

    return is_none(r, model) ? 0 : wf_engine_load(r->o.inner, model, how, err);
}

static int unload(struct wf_engine *base, const char *model, struct wf_err *err)
{
    const struct wf_router *r = of(base);

    return is_none(r, model) ? 0 : wf_engine_unload(r->o.inner, model, err);
}

static void free_engine(struct wf_engine *base)
{
    struct wf_router *r = of(base);

    wf_engine_free(r->o.inner); /* nothing is learned any more */
    wf_team_free(r->team);
    wf_router__memory_close(r);
    wf_hardness_close(r->hardness);
    pthread_cond_destroy(&r->done);
    pthread_mutex_destroy(&r->lock);
    wf_free(r->experience_path);
    wf_free(r->routes_path);
    wf_free(r);
}

static const struct wf_engine_ops ops = {
    .generate = generate,
    .next = wf_router__next,
    .try = wf_router__try,
    .usage = wf_router__usage,
    .gen_free = wf_router__gen_free,
    .count = count,
    .embed = embed,
    .rerank = rerank,
    .loaded = loaded,
    .load = load,
    .unload = unload,
    .free = free_engine,
};

void wf_router_settle(struct wf_engine *router)
{
    struct wf_router *r = router != NULL ? of(router) : NULL;
    uint64_t n;

    if (r == NULL)
        return;
    pthread_mutex_lock(&r->lock);
    n = r->n_put_off;
    while (r->n_done < n)
        (void)pthread_cond_wait(&r->done, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

struct wf_engine *wf_router_inner(struct wf_engine *e)
{
    return e->ops == &ops ? of(e)->o.inner : e;
}

static int copy(const char *text, char **out, struct wf_err *err)
{
    if (text == NULL)
        return 0;
    *out = wf_memdup0(text, strlen(text));
    return *out != NULL ? 0 : wf_err_set(err, WF_E_NOMEM, "Out of memory.");
}

int wf_router_new(const struct wf_router_options *o, struct wf_engine **out, struct wf_err *err)
{
    struct wf_router *r = wf_alloc_array(1, sizeof(*r));
    int rc;

    if (r == NULL) {
        wf_engine_free(o->inner);
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    r->base.ops = &ops;
    r->o = *o;
    r->seed = wf_rng_u64(NULL);
    r->o.n_slots = o->n_slots > 0 ? o->n_slots : 1;
    pthread_mutex_init(&r->lock, NULL);
    wf_cond_init(&r->done);
    rc = copy(o->experience, &r->experience_path, err);
    if (rc == 0)
        rc = copy(o->routes, &r->routes_path, err);
    if (rc == 0)
        rc = wf_hardness_built_in(&r->hardness, err);
    if (rc == 0)
        rc = wf_router__memory_open(r, err);
    if (rc == 0 && wf_team_new("route", 1, LATER_MAX, &r->team, NULL) != 0)
        r->team = NULL; /* then whoever asks waits for it */
    if (rc == 0)
        *out = &r->base;
    else
        free_engine(&r->base);
    return rc;
}

/* ---- looking ahead ---- */

int wf_router_explain(struct wf_engine *router, const struct wf_router_wish *wish,
                      const json_t *chat, json_t **out, struct wf_err *err)
{
    struct wf_gen_request q = wf_route_request_of(chat);
    const struct wf_model_list *models = NULL;
    struct wf_router *r = of(router);
    struct wf_router_case c = {.c = NULL};
    struct wf_arena arena;
    int rc;

    wf_arena_init(&arena, 0, WF_DECLARED_BYTES_MAX);
    rc = wf_op_declared_chat(q.messages, &arena, &q.origins, &q.n_origins, err);
    if (rc == 0 && r->o.models != NULL)
        rc = wf_model_store_list(r->o.models, &models, err);
    if (rc == 0)
        rc = wf_router__case_open(r, wish, &q, models, &c, err);
    if (rc == 0) {
        wf_router__choose(r, &c.plan, false, c.c);
        rc = wf_route_tell(&c.plan, c.c, out, err);
    }
    wf_router__case_close(&c);
    wf_arena_deinit(&arena);
    return rc;
}

/* ---- looking at what a person may release ---- */

/* Whether a person releases requests for it: an engine elsewhere. */
static bool is_released_to(const struct wf_route_site *s)
{
    return s->c.tier != WF_TIER_HERE && !s->is_node;
}

/* The candidate to look at: the best that may be released, else one elsewhere that may be asked,
 * else one that the policy keeps it from, which says why. */
static size_t looked_at(const struct wf_router_case *c)
{
    const struct wf_decision *d = &c->c->decision;
    size_t i = wf_route_best_released(&c->plan, c->c);

    for (size_t k = 0; i == WF_ROUTE_NONE && k < d->n_allowed; k++)
        if (is_released_to(&c->sites.items[d->order[k]]))
            i = d->order[k];
    for (size_t k = 0; i == WF_ROUTE_NONE && k < d->n; k++)
        if (is_released_to(&c->sites.items[k]) && !c->c->gates[k].is_open)
            i = k;
    return i;
}

static int add_offers(const struct wf_router_case *c, json_t *v, struct wf_err *err)
{
    char name[WF_ROUTER_PLACE_BYTES];
    json_t *offers = json_array();
    int rc = offers == NULL ? -1 : 0;

    for (size_t i = 0; rc == 0 && i < c->c->decision.n; i++)
        if (wf_route_may_release(&c->plan, c->c, i) && wf_router__name(&c->c->candidates[i], name))
            rc = json_array_append_new(offers, json_string(name));
    if (rc == 0)
        rc = json_object_set(v, "offers", offers);
    json_decref(offers);
    return rc == 0 ? 0 : wf_err_set(err, WF_E_NOMEM, "Out of memory.");
}

/* What of the request would go to that candidate. */
static int look_at(struct wf_router *r, const struct wf_router_case *c, size_t i,
                   const struct wf_gen_request *q, json_t **out, struct wf_err *err)
{
    char name[WF_ROUTER_PLACE_BYTES];
    struct wf_gen_request named = *q;
    json_t *v = NULL;
    int rc;

    if (i == WF_ROUTE_NONE || !wf_router__name(&c->c->candidates[i], name))
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "The policy keeps this from no engine elsewhere: there is nothing to "
                          "release.");
    named.model = name;
    rc = wf_remote_look(r->o.inner, &named, &v, err);
    if (rc == 0)
        rc = add_offers(c, v, err);
    if (rc == 0)
        *out = v;
    else
        json_decref(v);
    return rc;
}

int wf_router_look(struct wf_engine *engine, const struct wf_gen_request *q, json_t **out,
                   struct wf_err *err)
{
    const struct wf_model_list *models = NULL;
    struct wf_router *r = of(engine);
    struct wf_router_case c = {.c = NULL};
    struct wf_router_wish wish;
    int rc;

    if (engine->ops != &ops || !is_own(r, q, &wish, &models) || q->messages == NULL) {
        wf_model_list_unref(models);
        return wf_remote_look(wf_router_inner(engine), q, out, err);
    }
    wish.has_consent = true; /* who releases it agrees */
    rc = wf_router__case_open(r, &wish, q, models, &c, err);
    if (rc == 0) {
        wf_router__choose(r, &c.plan, false, c.c);
        rc = look_at(r, &c, looked_at(&c), q, out, err);
    }
    wf_router__case_close(&c);
    return rc;
}
