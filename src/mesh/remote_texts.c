/* SPDX-License-Identifier: Apache-2.0 */
/* Asking another node for vectors and scores of texts: what comes is numbers, as many as the texts
 * and the model say, then the counts. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "mesh/remote_internal.h"
#include "mesh/remote_request.h"

/* What is waited for. */
struct numbers {
    struct wf_nodes_call call;
    size_t n_texts, most_each; /* numbers of a text, at most */
    float *all;                /* [n] */
    size_t n, cap;
    struct wf_gen_usage usage;
    char model[WF_MODEL_NAME_MAX]; /* its full name there */
};

static int take_numbers(struct numbers *x, const struct wf_nodes_piece *p, struct wf_err *err)
{
    const size_t n = p->n / sizeof(float);

    if (n > x->n_texts * x->most_each - x->n)
        return wf_err_set(err, WF_E_FORMAT, "%s sent more numbers than there are.",
                          x->call.node_name);
    if (wf_reserve(&x->all, &x->cap, x->n + n, sizeof(*x->all)) != 0)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for what %s answers.",
                          x->call.node_name);
    _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the message's order of bytes");
    memcpy(x->all + x->n, p->bytes, n * sizeof(float));
    x->n += n;
    return 0;
}

static int take_usage(struct numbers *x, const struct wf_nodes_piece *p, struct wf_err *err)
{
    const char *model = NULL;
    struct wf_arena arena;
    int rc;

    wf_arena_init(&arena, 0, SIZE_MAX);
    rc = wf_remote_usage_read(wf_str_n(p->bytes, p->n), &arena, &x->usage, &model, err);
    if (rc == 0 && model[0] != '\0' && strlen(model) < sizeof(x->model))
        (void)snprintf(x->model, sizeof(x->model), "%s", model);
    wf_arena_deinit(&arena);
    return rc;
}

/* 1: more is to come. */
static int take(struct numbers *x, const struct wf_nodes_piece *p, struct wf_err *err)
{
    int rc;

    if (p->kind == WF_REMOTE_ERROR)
        return wf_nodes__call_error(&x->call, p, err);
    rc = p->kind == WF_REMOTE_NUMBERS ? take_numbers(x, p, err) : take_usage(x, p, err);
    return rc != 0 ? rc : p->kind != WF_REMOTE_DONE;
}

static int ask(struct numbers *x, struct wf_str request, struct wf_err *err)
{
    struct wf_nodes_piece *p = NULL;
    int rc = wf_nodes__call_send(&x->call, request, err);

    if (rc != 0)
        return rc;
    do {
        rc = wf_nodes__call_next(&x->call, NULL, &p, err);
        if (rc != 0)
            return rc;
        rc = take(x, p, err);
        wf_free(p);
    } while (rc == 1);
    if (rc == 0 && (x->n == 0 || x->n % x->n_texts != 0))
        rc = wf_err_set(err, WF_E_FORMAT, "%s did not answer for each text.", x->call.node_name);
    return rc;
}

static void begin(struct numbers *x, struct wf_nodes *n, const struct wf_nodes_place *at,
                  size_t n_texts, size_t most_each)
{
    *x = (struct numbers){.n_texts = n_texts, .most_each = most_each};
    (void)snprintf(x->model, sizeof(x->model), "%s", at->model);
    wf_nodes__call_init(n, at, &x->call);
}

/* The model as this device calls it; a very long name loses its end. */
static void name(const struct numbers *x, char out[WF_MODEL_NAME_MAX])
{
    (void)snprintf(out, WF_MODEL_NAME_MAX, "%s/%.*s", x->call.node_name,
                   (int)(WF_MODEL_NAME_MAX - sizeof(x->call.node_name) - 2), x->model);
}

int wf_nodes_embed(struct wf_nodes *n, const struct wf_nodes_place *at,
                   const struct wf_embed_request *q, const char *id, enum wf_label label,
                   struct wf_embeddings *out, struct wf_err *err)
{
    struct numbers x;
    struct wf_buf request;
    int rc = wf_nodes__may_see(n, at, label, err);

    if (rc == 0 && q->ids != NULL)
        rc = wf_err_set(err, WF_E_UNSUPPORTED, "Other nodes are asked with texts.");
    if (rc != 0)
        return rc;
    begin(&x, n, at, q->n_texts, q->n_dims > 0 ? q->n_dims : WF_LIMIT_MODEL_DIM);
    x.call.canceled = q->canceled;
    x.call.canceled_ud = q->canceled_ud;
    wf_buf_init(&request, 2 * (size_t)WF_REMOTE_REQUEST_BYTES);
    rc = wf_remote_embed_write(q, at->model, id, label, &request, err);
    if (rc == 0)
        rc = ask(&x, wf_buf_str(&request), err);
    wf_buf_deinit(&request);
    if (rc == 0) {
        *out = (struct wf_embeddings){.vectors = x.all,
                                      .n_dims = x.n / q->n_texts,
                                      .n_tokens = x.usage.n_prompt,
                                      .n_truncated = x.usage.n_truncated,
                                      .load_ns = x.usage.load_ns,
                                      .run_ns = x.usage.prompt_ns};
        name(&x, out->model);
        x.all = NULL;
    }
    wf_free(x.all);
    wf_nodes__call_deinit(&x.call);
    return rc;
}

int wf_nodes_rerank(struct wf_nodes *n, const struct wf_nodes_place *at,
                    const struct wf_rerank_request *q, const char *id, enum wf_label label,
                    float *out_scores, struct wf_rerank_usage *out_usage, struct wf_err *err)
{
    struct numbers x;
    struct wf_buf request;
    int rc = wf_nodes__may_see(n, at, label, err);

    if (rc != 0)
        return rc;
    begin(&x, n, at, q->n_texts, 1);
    x.call.canceled = q->canceled;
    x.call.canceled_ud = q->canceled_ud;
    wf_buf_init(&request, 2 * (size_t)WF_REMOTE_REQUEST_BYTES);
    rc = wf_remote_rank_write(q, at->model, id, label, &request, err);
    if (rc == 0)
        rc = ask(&x, wf_buf_str(&request), err);
    wf_buf_deinit(&request);
    if (rc == 0) {
        memcpy(out_scores, x.all, x.n * sizeof(*x.all));
        *out_usage = (struct wf_rerank_usage){.n_tokens = x.usage.n_prompt,
                                              .n_truncated = x.usage.n_truncated};
        name(&x, out_usage->model);
    }
    wf_free(x.all);
    wf_nodes__call_deinit(&x.call);
    return rc;
}
