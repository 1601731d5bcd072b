/* SPDX-License-Identifier: Apache-2.0 */
/* The remote engine's table: which requests are for engines elsewhere; all others are the local
 * one's. */
#include "op/remote.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/list.h"
#include "op/remote_internal.h"
#include "op/router.h"

/* ---- the engine's table ---- */

/* The engine that a request means, or NULL: the local one. */
const struct wf_engine_entry *wf_remote_find(const struct wf_engines *engines,
                                             struct wf_model_store *models, const char *model,
                                             const char **out_model)
{
    struct wf_model_entry local;
    const struct wf_engine_entry *e;

    if (engines == NULL || model == NULL || model[0] == '\0')
        return NULL;
    e = wf_engines_resolve(engines, wf_str_from(model), out_model);
    if (e != NULL && strncmp(model, e->name, strlen(e->name)) != 0 && models != NULL &&
        wf_model_store_find(models, model, &local, NULL) == 0)
        return NULL;
    return e;
}

static const struct wf_engine_entry *resolve(const struct wf_remote *r, const char *model,
                                             const char **out_model)
{
    return wf_remote_find(r->o.engines, r->o.models, model, out_model);
}

static int generate(struct wf_engine *base, const struct wf_gen_request *q, struct wf_gen **out,
                    struct wf_err *err)
{
    struct wf_remote *r = WF_CONTAINER(base, struct wf_remote, base);
    const char *model = NULL;
    const struct wf_engine_entry *e = resolve(r, q->model, &model);

    if (e == NULL)
        return wf_engine_generate(r->o.local, q, out, err);
    return wf_remote__generate(r, e, model, q, out, err);
}

/* ---- what only the local engine does ---- */

static struct wf_engine *local_of(struct wf_engine *base)
{
    return WF_CONTAINER(base, struct wf_remote, base)->o.local;
}

static int count(struct wf_engine *base, const struct wf_gen_request *q, size_t *out_n,
                 struct wf_err *err)
{
    const char *model;

    if (resolve(WF_CONTAINER(base, struct wf_remote, base), q->model, &model) != NULL)
        return wf_err_set(err, WF_E_UNSUPPORTED, "Tokens of providers' models are not counted.");
    return wf_engine_count(local_of(base), q, out_n, err);
}

static int embed(struct wf_engine *base, const struct wf_embed_request *q,
                 struct wf_embeddings *out, struct wf_err *err)
{
    return wf_engine_embed(local_of(base), q, out, err);
}

static int rerank(struct wf_engine *base, const struct wf_rerank_request *q, float *out_scores,
                  struct wf_rerank_usage *out_usage, struct wf_err *err)
{
    return wf_engine_rerank(local_of(base), q, out_scores, out_usage, err);
}

static json_t *loaded(struct wf_engine *base)
{
    return wf_engine_loaded(local_of(base));
}

static int load(struct wf_engine *base, const char *model, const struct wf_load *how,
                struct wf_err *err)
{
    return wf_engine_load(local_of(base), model, how, err);
}

static int unload(struct wf_engine *base, const char *model, struct wf_err *err)
{
    return wf_engine_unload(local_of(base), model, err);
}

static void free_engine(struct wf_engine *base)
{
    struct wf_remote *r = WF_CONTAINER(base, struct wf_remote, base);

    wf_engine_free(r->o.local);
    wf_alarms_free(r->alarms);
    wf_remote__pace_free(r->pace);
    wf_remote__tickets_free(r->o.tickets);
    wf_free(r);
}

static const struct wf_engine_ops ops = {
    .generate = generate,
    .next = wf_remote__next,
    .try = wf_remote__try,
    .usage = wf_remote__usage,
    .gen_free = wf_remote__gen_free,
    .count = count,
    .embed = embed,
    .rerank = rerank,
    .loaded = loaded,
    .load = load,
    .unload = unload,
    .free = free_engine,
};

int wf_remote_engine_new(const struct wf_remote_options *o, struct wf_engine **out,
                         struct wf_err *err)
{
    struct wf_remote *r = wf_alloc_array(1, sizeof(*r));
    int rc;

    if (r == NULL) {
        wf_engine_free(o->local);
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    r->base.ops = &ops;
    r->o = *o;
    r->o.tickets = NULL;
    *out = &r->base;
    rc = wf_remote__pace_new(o, &r->pace, err);
    if (rc == 0)
        rc = wf_remote__tickets_new(&r->o.tickets, err);
    if (rc == 0)
        rc = wf_alarms_new(&r->alarms, err);
    if (rc != 0)
        free_engine(&r->base);
    return rc;
}

int wf_remote_look(struct wf_engine *engine, const struct wf_gen_request *q, json_t **out,
                   struct wf_err *err)
{
    const struct wf_engine_entry *e = NULL;
    const char *model = NULL;
    struct wf_remote *r;

    engine = wf_router_inner(engine);
    if (engine->ops == &ops) {
        r = WF_CONTAINER(engine, struct wf_remote, base);
        e = resolve(r, q->model, &model);
        if (e != NULL && q->messages != NULL)
            return wf_remote__look(&r->o, e, model, q, out, err);
    }
    return wf_err_set(err, WF_E_UNSUPPORTED,
                      "This would run on this device: there is nothing to release. Engines "
                      "elsewhere are called ENGINE/MODEL.");
}

int wf_remote_released_model(struct wf_engine *engine, const char *id, char *out, size_t out_bytes,
                             struct wf_err *err)
{
    if (engine->ops != &ops)
        return wf_err_set(err, WF_E_DENIED, "There are no engines elsewhere to release it for.");
    return wf_remote__ticket_model(WF_CONTAINER(engine, struct wf_remote, base)->o.tickets, id, out,
                                   out_bytes, err);
}

void wf_remote_look_out(struct wf_engine *remote, const struct wf_engine_entry *e,
                        struct wf_remote_outlook *out)
{
    wf_remote__look_out(WF_CONTAINER(remote, struct wf_remote, base)->pace, e, out);
}

int wf_remote_models(const struct wf_engines *engines,
                     int (*fn)(void *ud, const char *name, const struct wf_engine_entry *e),
                     void *ud)
{
    char name[WF_ENGINE_NAME_BYTES_MAX + WF_ENGINE_TEXT_BYTES_MAX + 2];
    int rc = 0;

    for (size_t i = 0; engines != NULL && rc == 0 && i < engines->n; i++) {
        const struct wf_engine_entry *e = &engines->items[i];
        for (size_t k = 0; rc == 0 && k < e->n_models; k++) {
            snprintf(name, sizeof(name), "%s/%s", e->name, e->models[k]);
            rc = fn(ud, name, e);
        }
    }
    return rc;
}
