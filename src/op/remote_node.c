/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for the owner's other nodes, looked at and cleared as any that leave this device, with
 * the node in the place of an engine; what was replaced is put back on the way back. */
#include "op/remote_node.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/list.h"
#include "base/rng.h"
#include "op/remote_internal.h"

struct remote_node {
    struct wf_engine base;
    struct wf_remote_node_options o;
};

struct generation {
    struct wf_gen base;
    struct wf_gen *gen; /* the node's answer */
    struct wf_nodes_place at;
    struct wf_remote_cleared cleared;
    struct wf_gen_request q; /* what is sent */
    struct wf_remote_back back;
    char own_id[24];
    const char *consent;
    struct wf_gen_usage usage;
    char route[WF_ENGINE_NAME_BYTES_MAX + WF_MODEL_NAME_MAX + 200];
};

bool wf_remote_node_is(struct wf_nodes *nodes, struct wf_model_store *models, const char *model)
{
    struct wf_model_entry local;

    if (nodes == NULL || model == NULL || model[0] == '\0')
        return false;
    if (models != NULL && wf_model_store_find(models, model, &local, NULL) == 0)
        return false;
    return wf_nodes_is_node(nodes, model);
}

/* ---- before it goes ---- */

static enum wf_tier tier_of(enum wf_node_tier t)
{
    switch (t) {
    case WF_NODE_TIER_DEVICE:
        return WF_TIER_DEVICE;
    case WF_NODE_TIER_EDGE:
        return WF_TIER_EDGE;
    case WF_NODE_TIER_CLOUD:
    case WF_NODE_TIER_COUNT:
        break;
    }
    return WF_TIER_CLOUD;
}

/* Labels and redacts a chat; `q` has messages. */
static int clear(const struct remote_node *r, struct generation *g, const struct wf_gen_request *q,
                 struct wf_err *err)
{
    const struct wf_remote_options o = {
        .detector = r->o.detector, .policy = r->o.policy, .lens = r->o.lens};
    const struct wf_engine_entry as_engine = {.name = g->at.node,
                                              .url = "",
                                              .provider = "",
                                              .tier = tier_of(g->at.tier),
                                              .clearance = g->at.clearance};

    if (q->release_id != NULL)
        return wf_err_set(err, WF_E_DENIED,
                          "Nothing was sent to %.40s: what the policy keeps from your own nodes "
                          "cannot be released.",
                          g->at.node);
    return wf_remote__clear(&o, &as_engine, q, &g->cleared, err);
}

/* A text to go on with: its label is that of a chat that says it; it goes as it is or not at all.
 */
static int clear_text(const struct remote_node *r, struct generation *g,
                      const struct wf_gen_request *q, struct wf_err *err)
{
    struct wf_gen_request chat = *q;
    json_t *messages;
    int rc;

    if (q->prompt_ids != NULL)
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "%.40s is asked with texts: nobody can tell what tokens say.",
                          g->at.node);
    messages = json_pack("[{s:s, s:o}, {s:s, s:o}]", "role", "user", "content",
                         wf_json_str(q->prompt), "role", "user", "content",
                         wf_json_str(q->suffix)); /* NULL where one is no text */
    chat.messages = messages;
    chat.origins = NULL;
    chat.n_origins = 0;
    rc = messages == NULL ? wf_err_set(err, WF_E_INVAL, "The prompt is no text.")
                          : clear(r, g, &chat, err);
    json_decref(messages);
    if (rc == 0 && g->cleared.n_redacted > 0)
        rc =
            wf_err_set(err, WF_E_DENIED,
                       "Nothing was sent to %.40s: a part of this would have to be replaced, which "
                       "is done in chats only.",
                       g->at.node);
    g->q = *q;
    return rc;
}

static int begin(struct remote_node *r, struct generation *g, const struct wf_gen_request *q,
                 struct wf_err *err)
{
    int rc = q->messages != NULL ? clear(r, g, q, err) : clear_text(r, g, q, err);

    if (q->messages != NULL)
        g->q = g->cleared.q;
    g->q.request_id = q->request_id != NULL ? q->request_id : g->own_id;
    (void)snprintf(g->route, sizeof(g->route), "%s; %s/%s; label=%s; redacted=%zu; id=%s",
                   g->at.node, g->at.node, g->at.model, wf_label_name(g->cleared.label),
                   g->cleared.n_redacted, g->q.request_id);
    if (rc == 0)
        rc = wf_nodes_generate(r->o.nodes, &g->at, &g->q, g->cleared.label, &g->gen, err);
    if (rc == WF_E_DENIED && q->is_kept != NULL)
        *q->is_kept = true;
    return rc;
}

/* ---- the way back ---- */

static int try(struct wf_gen *base, const struct wf_gen_wake *w, struct wf_gen_event *out,
               struct wf_err *err)
{
    struct generation *g = WF_CONTAINER(base, struct generation, base);
    int rc;

    do {
        if (g->back.has_stash) {
            *out = g->back.stash;
            rc = 1;
        } else {
            rc = w != NULL ? wf_gen_try(g->gen, w, out, err) : wf_gen_next(g->gen, out, err);
        }
        g->back.has_stash = false;
        if (rc != 1 || g->cleared.n_redacted == 0)
            return rc;
        rc = wf_remote__restore(&g->back, g->cleared.redaction, out, err);
    } while (rc == 0);
    return rc;
}

static int next(struct wf_gen *base, struct wf_gen_event *out, struct wf_err *err)
{
    return try(base, NULL, out, err);
}

static const struct wf_gen_usage *usage(const struct wf_gen *base)
{
    struct wf_gen *own = (struct wf_gen *)(uintptr_t)base; /* a copy that it keeps changes */
    struct generation *g = WF_CONTAINER(own, struct generation, base);

    g->usage = *wf_gen_usage(g->gen);
    g->usage.route = g->route;
    g->usage.consent = g->consent;
    return &g->usage;
}

static void gen_free(struct wf_gen *base)
{
    struct generation *g = WF_CONTAINER(base, struct generation, base);

    wf_gen_free(g->gen);
    wf_remote__cleared_free(&g->cleared);
    wf_remote__back_deinit(&g->back);
    wf_free(g);
}

/* ---- the engine's table ---- */

static struct remote_node *of(struct wf_engine *base)
{
    return WF_CONTAINER(base, struct remote_node, base);
}

static bool is_node(const struct remote_node *r, const char *model)
{
    return wf_remote_node_is(r->o.nodes, r->o.models, model);
}

static int generate(struct wf_engine *base, const struct wf_gen_request *q, struct wf_gen **out,
                    struct wf_err *err)
{
    struct remote_node *r = of(base);
    struct generation *g;
    int rc;

    if (!is_node(r, q->model))
        return wf_engine_generate(r->o.local, q, out, err);
    g = wf_alloc_array(1, sizeof(*g));
    if (g == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    g->base.ops = base->ops;
    g->cleared.label = WF_LABEL_SECRET;
    g->consent = wf_gen_consent(q);
    memcpy(g->own_id, "r-", 3);
    wf_rng_hex(NULL, g->own_id + 2, 8);
    rc = wf_remote__back_init(&g->back, WF_MAX(q->n_choices, (size_t)1), err);
    if (rc == 0)
        rc = wf_nodes_find(r->o.nodes, q->model, &g->at, err);
    if (rc == 0)
        rc = begin(r, g, q, err);
    if (rc == 0)
        *out = &g->base;
    else
        gen_free(&g->base);
    return rc;
}

static int count(struct wf_engine *base, const struct wf_gen_request *q, size_t *out_n,
                 struct wf_err *err)
{
    if (is_node(of(base), q->model))
        return wf_err_set(err, WF_E_UNSUPPORTED, "Tokens of other nodes' models are not counted.");
    return wf_engine_count(of(base)->o.local, q, out_n, err);
}

static int embed(struct wf_engine *base, const struct wf_embed_request *q,
                 struct wf_embeddings *out, struct wf_err *err)
{
    return wf_engine_embed(of(base)->o.local, q, out, err);
}

static int rerank(struct wf_engine *base, const struct wf_rerank_request *q, float *out_scores,
                  struct wf_rerank_usage *out_usage, struct wf_err *err)
{
    return wf_engine_rerank(of(base)->o.local, q, out_scores, out_usage, err);
}

static json_t *loaded(struct wf_engine *base)
{
    return wf_engine_loaded(of(base)->o.local);
}

/* What is loaded at another node is its own affair. */
static int load(struct wf_engine *base, const char *model, const struct wf_load *how,
                struct wf_err *err)
{
    return is_node(of(base), model) ? 0 : wf_engine_load(of(base)->o.local, model, how, err);
}

static int unload(struct wf_engine *base, const char *model, struct wf_err *err)
{
    return is_node(of(base), model) ? 0 : wf_engine_unload(of(base)->o.local, model, err);
}

static void free_engine(struct wf_engine *base)
{
    wf_engine_free(of(base)->o.local);
    wf_free(of(base));
}

static const struct wf_engine_ops ops = {
    .generate = generate,
    .next = next,
    .try = try,
    .usage = usage,
    .gen_free = gen_free,
    .count = count,
    .embed = embed,
    .rerank = rerank,
    .loaded = loaded,
    .load = load,
    .unload = unload,
    .free = free_engine,
};

int wf_remote_node_engine_new(const struct wf_remote_node_options *o, struct wf_engine **out,
                              struct wf_err *err)
{
    struct remote_node *r = wf_alloc_array(1, sizeof(*r));

    if (r == NULL) {
        wf_engine_free(o->local);
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    r->base.ops = &ops;
    r->o = *o;
    *out = &r->base;
    return 0;
}
