/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's calls, by the table of the engine that is meant. What every engine would have to
 * check is checked here. */
#include "engine/engine.h"

#include <assert.h>
#include <string.h>

int wf_engine_generate(struct wf_engine *e, const struct wf_gen_request *q, struct wf_gen **out,
                       struct wf_err *err)
{
    assert(q->messages != NULL || q->prompt_ids == NULL || q->prompt.len == 0);
    return e->ops->generate(e, q, out, err);
}

int wf_gen_next(struct wf_gen *g, struct wf_gen_event *out, struct wf_err *err)
{
    return g->ops->next(g, out, err);
}

int wf_gen_try(struct wf_gen *g, const struct wf_gen_wake *w, struct wf_gen_event *out,
               struct wf_err *err)
{
    return g->ops->try != NULL ? g->ops->try(g, w, out, err) : g->ops->next(g, out, err);
}

const struct wf_gen_usage *wf_gen_usage(const struct wf_gen *g)
{
    return g->ops->usage(g);
}

void wf_gen_free(struct wf_gen *g)
{
    if (g)
        g->ops->gen_free(g);
}

const char *wf_gen_consent(const struct wf_gen_request *q)
{
    const json_t *m;
    size_t i;

    if (json_array_size(q->tools.tools) == 0 || q->tools.choice == WF_TOOL_NONE)
        return NULL;
    for (i = 0; i < q->n_origins; i++)
        if (q->origins[i].kind == WF_ORIGIN_FILE || q->origins[i].kind == WF_ORIGIN_MAIL ||
            q->origins[i].kind == WF_ORIGIN_WEB)
            return "document";
    json_array_foreach(q->messages, i, m)
    {
        const char *role = json_string_value(json_object_get(m, "role"));
        if (role != NULL && (strcmp(role, "tool") == 0 || strcmp(role, "function") == 0))
            return "tool";
    }
    for (i = 0; i < q->n_origins; i++)
        if (q->origins[i].kind != WF_ORIGIN_PROMPT)
            return "tool";
    return NULL;
}

int wf_engine_count(struct wf_engine *e, const struct wf_gen_request *q, size_t *out_n,
                    struct wf_err *err)
{
    return e->ops->count(e, q, out_n, err);
}

int wf_engine_embed(struct wf_engine *e, const struct wf_embed_request *q,
                    struct wf_embeddings *out, struct wf_err *err)
{
    assert(q->n_texts > 0);
    return e->ops->embed(e, q, out, err);
}

int wf_engine_rerank(struct wf_engine *e, const struct wf_rerank_request *q, float *out_scores,
                     struct wf_rerank_usage *out_usage, struct wf_err *err)
{
    assert(q->n_texts > 0);
    return e->ops->rerank(e, q, out_scores, out_usage, err);
}

json_t *wf_engine_loaded(struct wf_engine *e)
{
    return e->ops->loaded(e);
}

int wf_engine_load(struct wf_engine *e, const char *model, const struct wf_load *load,
                   struct wf_err *err)
{
    return e->ops->load(e, model, load, err);
}

int wf_engine_unload(struct wf_engine *e, const char *model, struct wf_err *err)
{
    return e->ops->unload(e, model, err);
}

void wf_engine_free(struct wf_engine *e)
{
    if (e)
        e->ops->free(e);
}

const char *wf_gen_finish_name(enum wf_gen_finish f)
{
    switch (f) {
    case WF_FINISH_STOP:
    case WF_FINISH_STOP_TEXT:
        return "stop";
    case WF_FINISH_LENGTH:
        return "length";
    case WF_FINISH_TOOL_CALLS:
        return "tool_calls";
    case WF_FINISH_MOVED:
        return "moved";
    }
    return "stop";
}
