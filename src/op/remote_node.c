/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for the owner's other nodes, looked at and cleared as any that leave this device, with
 * the node in the place of an engine; what was replaced is put back on the way back. A node that
 * fails again and again is left alone for a while. */
#include "op/remote_node.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/list.h"
#include "base/rng.h"
#include "op/remote_internal.h"

#define ID_BYTES 24u

struct remote_node {
    struct wf_engine base;
    struct wf_remote_node_options o;
};

struct generation {
    struct wf_gen base;
    struct wf_node_breakers *breakers;
    bool is_entered;    /* the node's breaker is to be told how it went */
    struct wf_gen *gen; /* the node's answer */
    struct wf_nodes_place at;
    struct wf_remote_cleared cleared;
    struct wf_gen_request q; /* what is sent */
    struct wf_remote_back back;
    char own_id[ID_BYTES];
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
static int clear(const struct remote_node *r, const struct wf_nodes_place *at,
                 const struct wf_gen_request *q, struct wf_remote_cleared *out, struct wf_err *err)
{
    const struct wf_remote_options o = {
        .detector = r->o.detector, .policy = r->o.policy, .lens = r->o.lens};
    const struct wf_engine_entry as_engine = {.name = (char *)(uintptr_t)at->node,
                                              .url = "",
                                              .provider = "",
                                              .tier = tier_of(at->tier),
                                              .clearance = at->clearance};

    if (q->release_id != NULL)
        return wf_err_set(err, WF_E_DENIED,
                          "Nothing was sent to %.40s: what the policy keeps from your own nodes "
                          "cannot be released.",
                          at->node);
    return wf_remote__clear(&o, &as_engine, q, out, err);
}

/* Texts that are no chat: their label is that of a chat that says them; they go as they are or not
 * at all. `messages` is taken over; NULL: one of them is no text. */
static int clear_texts(const struct remote_node *r, const struct wf_nodes_place *at,
                       const struct wf_gen_request *q, json_t *messages,
                       struct wf_remote_cleared *out, struct wf_err *err)
{
    struct wf_gen_request chat = *q;
    int rc;

    chat.messages = messages;
    chat.origins = NULL;
    chat.n_origins = 0;
    rc = messages == NULL ? wf_err_set(err, WF_E_INVAL, "What is asked about is no text.")
                          : clear(r, at, &chat, out, err);
    json_decref(messages);
    if (rc == 0 && out->n_redacted > 0)
        rc =
            wf_err_set(err, WF_E_DENIED,
                       "Nothing was sent to %.40s: a part of this would have to be replaced, which "
                       "is done in chats only.",
                       at->node);
    return rc;
}

static int no_tokens(const struct wf_nodes_place *at, struct wf_err *err)
{
    return wf_err_set(err, WF_E_UNSUPPORTED,
                      "%.40s is asked with texts: nobody can tell what tokens say.", at->node);
}

/* A text to go on with. */
static int clear_text(const struct remote_node *r, struct generation *g,
                      const struct wf_gen_request *q, struct wf_err *err)
{
    int rc;

    if (q->prompt_ids != NULL)
        return no_tokens(&g->at, err);
    rc = clear_texts(r, &g->at, q,
                     json_pack("[{s:s, s:o}, {s:s, s:o}]", "role", "user", "content",
                               wf_json_str(q->prompt), "role", "user", "content",
                               wf_json_str(q->suffix)), /* NULL where one is no text */
                     &g->cleared, err);
    g->q = *q;
    return rc;
}

/* ---- whether the node works ---- */

static void leave(struct generation *g, int code)
{
    if (g->is_entered)
        wf_node_breakers_left(g->breakers, g->at.node, code);
    g->is_entered = false;
}

static int send(struct remote_node *r, struct generation *g, struct wf_err *err)
{
    int rc = wf_node_breakers_enter(r->o.breakers, g->at.node, err);

    if (rc != 0)
        return rc;
    g->is_entered = true;
    rc = wf_nodes_generate(r->o.nodes, &g->at, &g->q, g->cleared.label, &g->gen, err);
    if (rc != 0)
        leave(g, rc);
    return rc;
}

static void make_id(char out[ID_BYTES])
{
    memcpy(out, "r-", 3);
    wf_rng_hex(NULL, out + 2, 8);
}

/* Where something runs and why, for a header. */
static void write_route(char *out, size_t out_bytes, const struct wf_nodes_place *at,
                        const struct wf_remote_cleared *cleared, const char *id)
{
    (void)snprintf(out, out_bytes, "%s; %s/%s; label=%s; redacted=%zu; id=%s", at->node, at->node,
                   at->model, wf_label_name(cleared->label), cleared->n_redacted, id);
}

static int begin(struct remote_node *r, struct generation *g, const struct wf_gen_request *q,
                 struct wf_err *err)
{
    int rc = q->messages != NULL ? clear(r, &g->at, q, &g->cleared, err) : clear_text(r, g, q, err);

    if (q->messages != NULL)
        g->q = g->cleared.q;
    g->q.request_id = q->request_id != NULL ? q->request_id : g->own_id;
    write_route(g->route, sizeof(g->route), &g->at, &g->cleared, g->q.request_id);
    if (rc == 0)
        rc = send(r, g, err);
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
        if (rc <= 0)
            leave(g, rc);
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

    leave(g, 0); /* it was given up: that says nothing */
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
    g->breakers = r->o.breakers;
    make_id(g->own_id);
    rc = wf_remote__back_init(&g->back, WF_MAX(q->n_choices, (size_t)1), err);
    if (rc == 0)
        rc = wf_nodes_find(r->o.nodes, q->model, WF_MODEL_CHAT, &g->at, err);
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

/* Texts for a node, looked at. */
struct reading {
    struct wf_nodes_place at;
    struct wf_remote_cleared cleared;
    char id[ID_BYTES];
};

/* All texts as messages; NULL: one is no text. */
static json_t *as_messages(const struct wf_str *first, const struct wf_str *texts, size_t n)
{
    json_t *all = json_array();

    for (size_t i = first != NULL ? 0 : 1; i <= n && all != NULL; i++) {
        json_t *m = json_pack("{s:s, s:o}", "role", "user", "content",
                              wf_json_str(i == 0 ? *first : texts[i - 1]));
        if (json_array_append_new(all, m) != 0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

/* Finds the place, clears the texts for it, and asks its breaker; after 0 it is to be told. `first`
 * may be NULL. */
static int begin_reading(struct remote_node *r, const char *model, enum wf_model_kind kind,
                         const struct wf_str *first, const struct wf_str *texts, size_t n,
                         struct reading *out, struct wf_err *err)
{
    const struct wf_gen_request q = {.model = model};
    int rc = wf_nodes_find(r->o.nodes, model, kind, &out->at, err);

    make_id(out->id);
    if (rc == 0 && texts == NULL)
        rc = no_tokens(&out->at, err);
    if (rc == 0)
        rc = clear_texts(r, &out->at, &q, as_messages(first, texts, n), &out->cleared, err);
    return rc == 0 ? wf_node_breakers_enter(r->o.breakers, out->at.node, err) : rc;
}

static int embed(struct wf_engine *base, const struct wf_embed_request *q,
                 struct wf_embeddings *out, struct wf_err *err)
{
    struct remote_node *r = of(base);
    struct reading g = {.cleared = {.label = WF_LABEL_SECRET}};
    int rc;

    if (!is_node(r, q->model))
        return wf_engine_embed(r->o.local, q, out, err);
    rc = begin_reading(r, q->model, WF_MODEL_EMBED, NULL, q->ids == NULL ? q->texts : NULL,
                       q->n_texts, &g, err);
    if (rc == 0) {
        rc = wf_nodes_embed(r->o.nodes, &g.at, q, g.id, g.cleared.label, out, err);
        wf_node_breakers_left(r->o.breakers, g.at.node, rc);
    }
    if (rc == 0)
        write_route(out->route, sizeof(out->route), &g.at, &g.cleared, g.id);
    wf_remote__cleared_free(&g.cleared);
    return rc;
}

static int rerank(struct wf_engine *base, const struct wf_rerank_request *q, float *out_scores,
                  struct wf_rerank_usage *out_usage, struct wf_err *err)
{
    struct remote_node *r = of(base);
    struct reading g = {.cleared = {.label = WF_LABEL_SECRET}};
    int rc;

    if (!is_node(r, q->model))
        return wf_engine_rerank(r->o.local, q, out_scores, out_usage, err);
    rc = begin_reading(r, q->model, WF_MODEL_RERANK, &q->query, q->texts, q->n_texts, &g, err);
    if (rc == 0) {
        rc = wf_nodes_rerank(r->o.nodes, &g.at, q, g.id, g.cleared.label, out_scores, out_usage,
                             err);
        wf_node_breakers_left(r->o.breakers, g.at.node, rc);
    }
    if (rc == 0)
        write_route(out_usage->route, sizeof(out_usage->route), &g.at, &g.cleared, g.id);
    wf_remote__cleared_free(&g.cleared);
    return rc;
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
