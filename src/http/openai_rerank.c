/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/rerank, in the shape that Jina and Cohere gave it. The scores are the model's own: their
 * order counts, and they need not lie between 0 and 1. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "http/http_internal.h"
#include "http/openai.h"
#include "op/json.h"

struct rerank {
    struct wf_rerank_request q;
    enum wf_overflow overflow;
    const json_t *documents;
    size_t n_top;
    bool gives_documents;
};

static int read_query(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                      struct wf_err *err)
{
    struct rerank *k = into;

    if (!json_is_string(v) || json_string_length(v) == 0)
        return wf_face_bad(c, name, "invalid_type", err, "\"%s\" must be a text that is not empty.",
                           name);
    k->q.query = wf_str_n(json_string_value(v), json_string_length(v));
    return 0;
}

static int read_documents(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                          struct wf_err *err)
{
    struct rerank *k = into;
    size_t n = json_array_size(v), i;
    struct wf_str *texts = wf_arena_array(&c->arena, WF_MAX(n, (size_t)1), sizeof(*texts));
    json_t *item;

    if (!texts)
        return wf_face_no_memory(err);
    if (n == 0 || n > WF_LIMIT_TEXTS)
        return wf_face_bad(c, name, "invalid_value", err,
                           "\"%s\" must be an array of 1 to %d documents.", name, WF_LIMIT_TEXTS);
    json_array_foreach(v, i, item)
    {
        const json_t *text = json_is_object(item) ? json_object_get(item, "text") : item;
        if (!json_is_string(text))
            return wf_face_bad(c, name, "invalid_type", err,
                               "\"%s\" must hold texts, or objects {\"text\"}.", name);
        texts[i] = wf_str_n(json_string_value(text), json_string_length(text));
    }
    k->documents = v;
    k->q.texts = texts;
    k->q.n_texts = n;
    return 0;
}

static int read_overflow(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                         struct wf_err *err)
{
    struct rerank *k = into;

    return wf_face_overflow(c, name, v, &k->overflow, err);
}

static const struct wf_face_param rows[] = {
    {"overflow", WF_FACE_READ, 0, 0, 0, read_overflow, NULL},
    {"query", WF_FACE_READ, 0, 0, 0, read_query, NULL},
    {"documents", WF_FACE_READ, 0, 0, 0, read_documents, NULL},
    {"model", WF_FACE_TEXT, offsetof(struct rerank, q.model), 0, 0, NULL, NULL},
    {"top_n", WF_FACE_SIZE, offsetof(struct rerank, n_top), 1, 1e9, NULL, NULL},
    {"return_documents", WF_FACE_BOOL, offsetof(struct rerank, gives_documents), 0, 0, NULL, NULL},
    {"max_chunks_per_doc", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"max_tokens_per_doc", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"priority", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"user", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"rank_fields", WF_FACE_REFUSED, 0, 0, 0, NULL, "send documents as texts."},
};

static int read_rerank(struct wf_face_call *c, struct rerank *k, struct wf_err *err)
{
    const struct wf_face_table table = {rows, WF_ARRAY_LEN(rows), k};
    int rc;

    *k = (struct rerank){.q = {.canceled = wf_face_gone, .canceled_ud = c->r}};
    rc = wf_face_read(c, c->body, "", &table, 1, err);
    if (rc == 0 && k->q.query.len == 0)
        rc = wf_face_bad(c, "query", "missing_required_parameter", err, "\"query\" is missing.");
    if (rc == 0 && !k->documents)
        rc = wf_face_bad(c, "documents", "missing_required_parameter", err,
                         "\"documents\" is missing.");
    k->q.truncate = k->overflow == WF_OVERFLOW_TRUNCATE;
    return rc;
}

struct ranked {
    float score;
    size_t i;
};

/* Best first; equal ones as they came. */
static int by_score(const void *x, const void *y)
{
    const struct ranked *a = x, *b = y;

    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->i < b->i ? -1 : a->i > b->i;
}

static json_t *results_json(const struct rerank *k, const struct ranked *order)
{
    size_t n = k->n_top > 0 ? WF_MIN(k->n_top, k->q.n_texts) : k->q.n_texts;
    json_t *results = json_array();

    for (size_t i = 0; i < n; i++) {
        json_t *one = json_pack("{s:I, s:f}", "index", (json_int_t)order[i].i, "relevance_score",
                                (double)order[i].score);
        if (k->gives_documents)
            json_object_set_new(one, "document",
                                json_pack("{s:o}", "text", wf_json_str(k->q.texts[order[i].i])));
        json_array_append_new(results, one);
    }
    return results;
}

/* The documents in their order, in the arena; NULL with err set. */
static struct ranked *rank(struct wf_face_call *c, const struct rerank *k,
                           struct wf_rerank_usage *out_usage, struct wf_err *err)
{
    float *scores = wf_arena_array(&c->arena, k->q.n_texts, sizeof(*scores));
    struct ranked *order = wf_arena_array(&c->arena, k->q.n_texts, sizeof(*order));

    if (!scores || !order) {
        (void)wf_face_no_memory(err);
        return NULL;
    }
    if (wf_engine_rerank(c->engine, &k->q, scores, out_usage, err) != 0)
        return NULL;
    for (size_t i = 0; i < k->q.n_texts; i++)
        order[i] = (struct ranked){.score = isnan(scores[i]) ? -INFINITY : scores[i], .i = i};
    qsort(order, k->q.n_texts, sizeof(*order), by_score);
    for (size_t i = 0; i < k->q.n_texts; i++) /* JSON knows no infinity */
        order[i].score = fmaxf(-1e30F, fminf(1e30F, order[i].score));
    return order;
}

void wf_handle_openai_rerank(struct wf_request *r)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_face_call c;
    struct rerank k = {.documents = NULL};
    struct ranked *order = NULL;
    struct wf_rerank_usage u = {.n_tokens = 0};

    if (wf_face_open(&c, r)) {
        if (read_rerank(&c, &k, &err) == 0)
            order = rank(&c, &k, &u, &err);
        if (order) {
            wf_face_about(&c, u.route[0] ? u.route : NULL, u.model, u.n_truncated);
            wf_face_answer(&c, 200,
                           json_pack("{s:s, s:s, s:s, s:o, s:{s:I, s:I}, s:{s:{s:I}}}", "id",
                                     wf_face_id(&c, "rerank-"), "object", "list", "model", u.model,
                                     "results", results_json(&k, order), "usage", "prompt_tokens",
                                     (json_int_t)u.n_tokens, "total_tokens", (json_int_t)u.n_tokens,
                                     "meta", "tokens", "input_tokens", (json_int_t)u.n_tokens));
        } else {
            wf_face_fail(&c, &err);
        }
    }
    wf_face_close(&c);
}
