/* SPDX-License-Identifier: Apache-2.0 */
/* Ollama's face: POST /api/embed, and the older /api/embeddings for one text, whose vector is as
 * the model gives it. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "http/face.h"
#include "http/http_internal.h"
#include "http/ollama.h"
#include "op/json.h"

struct embed {
    struct wf_embed_request q;
};

static int bad_input(struct wf_face_call *c, const char *name, struct wf_err *err)
{
    return wf_face_bad(c, name, NULL, err, "\"%s\" must be a text or an array of at most %d texts.",
                       name, WF_LIMIT_TEXTS);
}

static int read_input(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                      struct wf_err *err)
{
    struct embed *e = into;
    size_t n = json_is_array(v) ? json_array_size(v) : 1;
    struct wf_str *texts;

    if (n > WF_LIMIT_TEXTS)
        return bad_input(c, name, err);
    texts = wf_arena_array(&c->arena, WF_MAX(n, (size_t)1), sizeof(*texts));
    if (!texts)
        return wf_face_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_is_array(v) ? json_array_get(v, i) : v;
        if (!json_is_string(item))
            return bad_input(c, name, err);
        texts[i] = wf_str_n(json_string_value(item), json_string_length(item));
    }
    e->q.texts = texts;
    e->q.n_texts = n;
    return 0;
}

static int read_truncate(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                         struct wf_err *err)
{
    struct embed *e = into;

    if (!json_is_boolean(v))
        return wf_face_bad(c, name, NULL, err, "\"truncate\" must be true or false.");
    e->q.truncate = json_is_true(v);
    return 0;
}

static int read_keep_alive(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                           struct wf_err *err)
{
    struct embed *e = into;

    (void)c;
    (void)name;
    return wf_ollama_keep_alive(v, &e->q.load.keep_alive_s, err);
}

/* Of the options only the context matters: nothing is written here. */
static int read_options(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                        struct wf_err *err)
{
    struct embed *e = into;
    const json_t *n = json_object_get(v, "num_ctx");
    const char *key;
    json_t *item;

    if (!json_is_object(v) || (n && !json_is_integer(n)) || json_integer_value(n) < 0 ||
        json_integer_value(n) > WF_LIMIT_MODEL_CONTEXT)
        return wf_face_bad(c, name, NULL, err,
                           "\"options\" must be an object; num_ctx in it a whole number.");
    e->q.load.n_context = (size_t)json_integer_value(n);
    json_object_foreach((json_t *)(uintptr_t)v, key, item)
    {
        char full[64];
        snprintf(full, sizeof(full), "options.%.50s", key);
        if (strcmp(key, "num_ctx") != 0)
            wf_face_ignore(c, full);
    }
    return 0;
}

#define FIELD(f) offsetof(struct embed, f)

static const struct wf_face_param rows[] = {
    {"model", WF_FACE_TEXT, FIELD(q.model), 0, 0, NULL, NULL},
    {"input", WF_FACE_READ, 0, 0, 0, read_input, NULL},
    {"prompt", WF_FACE_READ, 0, 0, 0, read_input, NULL},
    {"truncate", WF_FACE_READ, 0, 0, 0, read_truncate, NULL},
    {"dimensions", WF_FACE_SIZE, FIELD(q.n_dims), 0, WF_LIMIT_MODEL_DIM, NULL, NULL},
    {"keep_alive", WF_FACE_READ, 0, 0, 0, read_keep_alive, NULL},
    {"options", WF_FACE_READ, 0, 0, 0, read_options, NULL},
};

static bool gone(void *ud)
{
    return wf_request_closed(ud);
}

static json_t *vector_json(const float *x, size_t n)
{
    json_t *a = json_array();

    for (size_t i = 0; a && i < n; i++) {
        if (json_array_append_new(a, json_real((double)x[i])) != 0) {
            json_decref(a);
            return NULL;
        }
    }
    return a;
}

static json_t *result(const struct embed *e, const struct wf_embeddings *x, bool is_old,
                      int64_t start_ns)
{
    json_t *all;

    if (is_old)
        return json_pack("{s:o}", "embedding", vector_json(x->vectors, x->n_dims));
    all = json_array();
    for (size_t i = 0; all && i < e->q.n_texts; i++) {
        if (json_array_append_new(all, vector_json(x->vectors + i * x->n_dims, x->n_dims)) != 0) {
            json_decref(all);
            return NULL;
        }
    }
    return json_pack("{s:s, s:o, s:I, s:I, s:I}", "model", e->q.model, "embeddings", all,
                     "total_duration", (json_int_t)(wf_clock_mono_ns(NULL) - start_ns),
                     "load_duration", (json_int_t)x->load_ns, "prompt_eval_count",
                     (json_int_t)x->n_tokens);
}

static int run(struct wf_face_call *c, bool is_old, struct wf_err *err)
{
    struct embed e = {
        .q = {.truncate = true, .is_raw = is_old, .canceled = gone, .canceled_ud = c->r}};
    const struct wf_face_table table = {rows, WF_ARRAY_LEN(rows), &e};
    struct wf_embeddings x = {.vectors = NULL};
    int rc = wf_face_read(c, c->body, "", &table, 1, err);

    if (rc == 0 && (!e.q.model || !e.q.model[0]))
        rc = wf_face_bad(c, "model", NULL, err, "model is required");
    if (rc == 0 && is_old && e.q.n_texts != 1)
        rc = wf_face_bad(c, "prompt", NULL, err, "\"prompt\" must be a text.");
    if (rc != 0)
        return rc;
    if (e.q.n_texts > 0) {
        rc = wf_engine_embed(c->engine, &e.q, &x, err);
        if (rc == WF_E_NOENT)
            wf_err_prefix(err, "model '%s' not found", e.q.model);
        if (rc != 0)
            return rc;
        wf_face_about(c, x.route[0] ? x.route : NULL, x.model, x.n_truncated);
    }
    wf_face_answer(c, 200, result(&e, &x, is_old, c->r->start_ns));
    wf_free(x.vectors);
    return 0;
}

static void handle(struct wf_request *r, bool is_old)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_face_call c;

    if (wf_face_open(&c, r) && run(&c, is_old, &err) != 0)
        wf_face_fail(&c, &err);
    wf_face_close(&c);
}

void wf_handle_ollama_embed(struct wf_request *r)
{
    handle(r, false);
}

void wf_handle_ollama_embeddings(struct wf_request *r)
{
    handle(r, true);
}
