/* SPDX-License-Identifier: Apache-2.0 */
/* Asking another node for an answer: a generation that sends the request and hands out what comes
 * back (remote_call.c). */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "mesh/remote_internal.h"
#include "mesh/remote_request.h"

struct asking {
    struct wf_gen base;
    struct wf_nodes_call call;
    size_t n_choices;
    struct wf_nodes_piece *at; /* EVENTS that are being handed out */
    size_t at_byte;
    struct wf_arena arena; /* of the last event */
    struct wf_arena names;
    bool is_over;
    struct wf_gen_usage usage;
    char model[WF_DEVICES_NAME_BYTES + WF_MODEL_NAME_MAX + 2];
};

/* The full name of the model there, and the counts. */
static int take_usage(struct asking *a, struct wf_str bytes, struct wf_err *err)
{
    const char *model = NULL;
    int rc = wf_remote_usage_read(bytes, &a->names, &a->usage, &model, err);

    if (rc == 0 && model[0] != '\0' && strlen(model) < WF_MODEL_NAME_MAX)
        (void)snprintf(a->model, sizeof(a->model), "%s/%s", a->call.node_name, model);
    a->usage.model = a->model;
    return rc;
}

/* 1: an event is there to be handed out; 0: it is over. */
static int take_piece(struct asking *a, struct wf_nodes_piece *p, struct wf_err *err)
{
    int rc = 1;

    if (p->kind == WF_REMOTE_EVENTS) {
        wf_free(a->at);
        a->at = p;
        a->at_byte = 0;
        return 1;
    }
    if (p->kind == WF_REMOTE_ERROR)
        rc = wf_nodes__call_error(&a->call, p, err);
    else
        rc = take_usage(a, wf_str_n(p->bytes, p->n), err);
    if (rc == 0)
        rc = p->kind == WF_REMOTE_DONE ? 0 : 1;
    wf_free(p);
    return rc;
}

static int next(struct asking *a, const struct wf_gen_wake *w, struct wf_gen_event *out,
                struct wf_err *err)
{
    struct wf_nodes_piece *p = NULL;
    int rc = 1;

    if (a->is_over)
        return 0;
    while (rc == 1) {
        if (a->at != NULL) {
            wf_arena_reset(&a->arena);
            rc = wf_remote_event_next(wf_str_n(a->at->bytes, a->at->n), &a->at_byte, &a->arena, out,
                                      err);
            if (rc == 1 && out->i_choice >= a->n_choices)
                return wf_err_set(err, WF_E_FORMAT, "%s sent an answer too many.",
                                  a->call.node_name);
            if (rc != 0)
                return rc;
        }
        rc = wf_nodes__call_next(&a->call, w, &p, err);
        if (rc == 0)
            rc = take_piece(a, p, err);
    }
    if (rc == 0)
        a->is_over = true;
    return rc;
}

/* ---- the table ---- */

static int gen_next(struct wf_gen *g, struct wf_gen_event *out, struct wf_err *err)
{
    return next(WF_CONTAINER(g, struct asking, base), NULL, out, err);
}

static int gen_try(struct wf_gen *g, const struct wf_gen_wake *w, struct wf_gen_event *out,
                   struct wf_err *err)
{
    return next(WF_CONTAINER(g, struct asking, base), w, out, err);
}

static const struct wf_gen_usage *gen_usage(const struct wf_gen *g)
{
    return &WF_CONTAINER((struct wf_gen *)(uintptr_t)g, struct asking, base)->usage;
}

static void gen_free(struct wf_gen *g)
{
    struct asking *a = WF_CONTAINER(g, struct asking, base);

    wf_nodes__call_deinit(&a->call);
    wf_free(a->at);
    wf_arena_deinit(&a->arena);
    wf_arena_deinit(&a->names);
    wf_free(a);
}

static const struct wf_engine_ops ops = {
    .next = gen_next,
    .try = gen_try,
    .usage = gen_usage,
    .gen_free = gen_free,
};

/* ---- beginning ---- */

static struct asking *asking_new(struct wf_nodes *n, const struct wf_nodes_place *at,
                                 const struct wf_gen_request *q)
{
    struct asking *a = wf_alloc_array(1, sizeof(*a));

    if (a == NULL)
        return NULL;
    a->base.ops = &ops;
    a->n_choices = WF_MAX(q->n_choices, (size_t)1);
    a->usage.model = a->model;
    (void)snprintf(a->model, sizeof(a->model), "%s/%s", at->node, at->model);
    wf_arena_init(&a->arena, 4096, SIZE_MAX);
    wf_arena_init(&a->names, 1024, SIZE_MAX);
    wf_nodes__call_init(n, at, &a->call);
    a->call.canceled = q->canceled;
    a->call.canceled_ud = q->canceled_ud;
    return a;
}

int wf_nodes_generate(struct wf_nodes *n, const struct wf_nodes_place *at,
                      const struct wf_gen_request *q, enum wf_label label, struct wf_gen **out,
                      struct wf_err *err)
{
    struct asking *a = NULL;
    struct wf_buf request;
    int rc = wf_nodes__may_see(n, at, label, err);

    if (rc != 0)
        return rc;
    wf_buf_init(&request, 2 * (size_t)WF_REMOTE_REQUEST_BYTES);
    rc = wf_remote_request_write(q, at->model, label, &request, err);
    if (rc == 0 && (a = asking_new(n, at, q)) == NULL)
        rc = wf_err_set(err, WF_E_NOMEM, "Out of memory (a request for another node).");
    if (rc == 0)
        rc = wf_nodes__call_send(&a->call, wf_buf_str(&request), err);
    wf_buf_deinit(&request);
    if (rc == 0)
        *out = &a->base;
    else if (a != NULL)
        gen_free(&a->base);
    return rc;
}
