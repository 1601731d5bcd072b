/* SPDX-License-Identifier: Apache-2.0 */
/* models.*: the models of this machine: the list, everything about one, its removal, a second name,
 * and the import of files that a command has put into the store's incoming folder. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "engine/engine.h"
#include "engine/model_store.h"
#include "kern/dtype.h"
#include "mesh/remote_nodes.h"
#include "model/dialect.h"
#include "model/gguf.h"
#include "model/vocab.h"
#include "op/op_internal.h"
#include "op/router.h"
#include "route/engines.h"

#define PROGRESS_EVERY_NS 200000000
/* Of the metadata of a file: longer texts are templates and licences, which have their own place.
 */
#define METADATA_TEXT_MAX 4096

/* ---- the list ---- */

json_t *wf_op_model_json(const struct wf_model_entry *m)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s}", "name", m->name,
                     "digest", m->digest, "kind", wf_model_kind_name(m->kind), "family", m->family,
                     "quantization", m->quantization, "bytes", (json_int_t)m->bytes, "params",
                     (json_int_t)m->n_params, "context", (json_int_t)m->n_context, "added",
                     (json_int_t)m->added_ms, "source", m->source);
}

static int list_one(void *ud, const struct wf_model_entry *m)
{
    return json_array_append_new(ud, wf_op_model_json(m)) == 0 ? 0 : WF_E_NOMEM;
}

int wf_op__models_list(struct wf_op_context *ctx, const struct wf_op_call *call,
                       json_t **out_result, struct wf_err *err)
{
    json_t *models = json_array(), *loaded;
    int rc = wf_model_store_each(ctx->models, list_one, models, err);

    (void)call; /* it has no parameters */
    if (rc == WF_E_NOMEM)
        rc = wf_op__no_memory(err);
    if (rc != 0) {
        json_decref(models);
        return rc;
    }
    loaded = ctx->engine ? wf_engine_loaded(ctx->engine) : json_array();
    return wf_op__give(json_pack("{s:o, s:o}", "models", models, "loaded", loaded), out_result,
                       err);
}

/* ---- one model ---- */

/* What a text parameter says, NULL where it is absent; jansson's texts end with a NUL. */
static int optional_text(const struct wf_op_call *call, const char *key, const char **out,
                         struct wf_err *err)
{
    struct wf_str s;
    int rc = wf_param_str(call->params, key, false, &s, err);

    if (rc == 0 && s.len > 0 && strlen(s.ptr) != s.len)
        rc = wf_err_set(err, WF_E_INVAL, "\"%s\" holds a NUL.", key);
    if (rc == 0)
        *out = s.len > 0 ? s.ptr : NULL;
    return rc;
}

static int text_param(const struct wf_op_call *call, const char *key, const char **out,
                      struct wf_err *err)
{
    const char *s = NULL;
    int rc = optional_text(call, key, &s, err);

    if (rc == 0 && !s)
        rc = wf_err_set(err, WF_E_INVAL, "\"%s\" is missing or empty.", key);
    if (rc == 0)
        *out = s;
    return rc;
}

/* How many tensors and bytes are of each type, in the order of the table. */
static json_t *types_json(const struct wf_gguf *g)
{
    json_t *types = json_array();

    for (size_t i = 0; wf_dtype_at(i) != NULL; i++) {
        const struct wf_dtype *d = wf_dtype_at(i);
        uint64_t bytes = 0, n = 0;
        for (size_t k = 0; k < wf_gguf_n_tensors(g); k++) {
            const struct wf_gguf_tensor *t = wf_gguf_tensor_at(g, k);
            n += t->type == d->id;
            bytes += t->type == d->id ? t->bytes : 0;
        }
        if (n > 0)
            json_array_append_new(types, json_pack("{s:s, s:I, s:I}", "type", d->name, "tensors",
                                                   (json_int_t)n, "bytes", (json_int_t)bytes));
    }
    return types;
}

static json_t *string_json(const struct wf_gguf *g, const char *key)
{
    struct wf_str s;

    return wf_gguf_string(g, key, &s) ? json_stringn(s.ptr, s.len) : json_null();
}

static json_t *tokenizer_json(const struct wf_gguf *g)
{
    return json_pack("{s:o, s:o, s:I}", "model", string_json(g, "tokenizer.ggml.model"), "pre",
                     string_json(g, "tokenizer.ggml.pre"), "tokens", (json_int_t)wf_vocab_count(g));
}

/* One scalar; NULL for what is left out (arrays, long texts, texts that are not UTF-8). */
static json_t *value_json(const struct wf_gguf_value *v)
{
    int64_t i;
    double x;
    struct wf_str s;

    if (v->kind == WF_GGUF_ARRAY)
        return NULL;
    if (v->kind == WF_GGUF_STRING)
        return wf_gguf_item_string(v, 0, &s) && s.len <= METADATA_TEXT_MAX
                   ? json_stringn(s.len ? s.ptr : "", s.len)
                   : NULL;
    if (v->kind == WF_GGUF_BOOL)
        return wf_gguf_item_i64(v, 0, &i) ? json_boolean(i != 0) : NULL;
    if (v->kind != WF_GGUF_F32 && v->kind != WF_GGUF_F64 && wf_gguf_item_i64(v, 0, &i))
        return json_integer((json_int_t)i);
    return wf_gguf_item_f64(v, 0, &x) ? json_real(x) : NULL; /* NULL also where it is not finite */
}

/* How the chat template writes tool calls and thoughts, by name; null without a template. */
static json_t *dialect_json(const struct wf_gguf *g)
{
    struct wf_str s;

    return wf_gguf_string(g, "tokenizer.chat_template", &s)
               ? json_string(wf_dialect_name(wf_dialect_of(s)))
               : json_null();
}

static json_t *metadata_json(const struct wf_gguf *g)
{
    json_t *o = json_object();

    for (size_t i = 0; o && i < wf_gguf_n_values(g); i++) {
        const struct wf_gguf_value *v = wf_gguf_value_at(g, i);
        json_t *j = value_json(v);
        if (j) /* a key that is not UTF-8 is left out */
            (void)json_object_setn_new(o, v->key.ptr, v->key.len, j);
    }
    return o;
}

static int describe(struct wf_op_context *ctx, const struct wf_model_entry *m, json_t *out,
                    struct wf_err *err)
{
    struct wf_gguf *g = NULL;
    json_t *extra;
    int rc = wf_gguf_open(m->path, &g, err);

    if (rc != 0)
        return rc;
    extra = wf_model_store_extra(ctx->models, m->name);
    if (json_object_set_new(out, "path", json_string(m->path)) != 0 ||
        json_object_set_new(out, "version", json_integer(wf_gguf_version(g))) != 0 ||
        json_object_set_new(out, "tensors", json_integer((json_int_t)wf_gguf_n_tensors(g))) != 0 ||
        json_object_set_new(out, "types", types_json(g)) != 0 ||
        json_object_set_new(out, "tokenizer", tokenizer_json(g)) != 0 ||
        json_object_set_new(out, "template", string_json(g, "tokenizer.chat_template")) != 0 ||
        json_object_set_new(out, "dialect", dialect_json(g)) != 0 ||
        json_object_set_new(out, "metadata", metadata_json(g)) != 0 ||
        json_object_set_new(out, "registry", extra ? json_incref(extra) : json_object()) != 0)
        rc = wf_op__no_memory(err);
    json_decref(extra);
    wf_gguf_close(g);
    return rc;
}

/* One of an engine elsewhere, or that weft is to choose; NULL: there is none of that name. */
static json_t *elsewhere(const struct wf_op_context *ctx, const char *name)
{
    const char *model = NULL;
    const struct wf_engine_entry *e =
        ctx->engines != NULL ? wf_engines_resolve(ctx->engines, wf_str_from(name), &model) : NULL;
    char full[WF_ENGINE_NAME_BYTES_MAX + WF_ENGINE_TEXT_BYTES_MAX + 2];
    struct wf_nodes_place at;

    if (e == NULL && ctx->nodes != NULL && wf_nodes_find_any(ctx->nodes, name, &at, NULL) == 0)
        return json_pack("{s:o, s:s, s:s, s:s}", "name", json_sprintf("%s/%s", at.node, at.model),
                         "kind", wf_model_kind_name(at.kind), "engine", at.node, "provider",
                         "your own node");
    if (e == NULL && wf_router_is_auto(name, NULL) && wf_router_is_offered(ctx->router))
        return json_pack("{s:s, s:s, s:s, s:s}", "name", name, "kind", "chat", "engine",
                         WF_ROUTER_AUTO, "provider", "the place that weft chooses");
    if (e == NULL)
        return NULL;
    snprintf(full, sizeof(full), "%s/%s", e->name, model);
    return json_pack("{s:s, s:s, s:s, s:s}", "name", full, "kind", "chat", "engine", e->name,
                     "provider", e->provider);
}

int wf_op__models_show(struct wf_op_context *ctx, const struct wf_op_call *call,
                       json_t **out_result, struct wf_err *err)
{
    struct wf_model_entry m;
    const char *name = NULL; /* the default model */
    json_t *v = NULL;
    int rc = optional_text(call, "name", &name, err);

    if (rc == 0)
        rc = wf_model_store_find(ctx->models, name, &m, err);
    if (rc == WF_E_NOENT && name && (v = elsewhere(ctx, name)) != NULL) {
        *out_result = v;
        return 0;
    }
    if (rc == 0 && !(v = wf_op_model_json(&m)))
        rc = wf_op__no_memory(err);
    if (rc == 0)
        rc = describe(ctx, &m, v, err);
    if (rc == 0)
        *out_result = v;
    else
        json_decref(v);
    return rc;
}

/* ---- names ---- */

int wf_op__models_remove(struct wf_op_context *ctx, const struct wf_op_call *call,
                         json_t **out_result, struct wf_err *err)
{
    const char *name = NULL;
    int rc = text_param(call, "name", &name, err);

    if (rc == 0)
        rc = wf_model_store_remove(ctx->models, name, err);
    return rc == 0 ? wf_op__give(json_object(), out_result, err) : rc;
}

int wf_op__models_copy(struct wf_op_context *ctx, const struct wf_op_call *call,
                       json_t **out_result, struct wf_err *err)
{
    const char *from = NULL, *to = NULL;
    int rc = text_param(call, "from", &from, err);

    if (rc == 0)
        rc = text_param(call, "to", &to, err);
    if (rc == 0)
        rc = wf_model_store_copy(ctx->models, from, to, err);
    return rc == 0 ? wf_op__give(json_object(), out_result, err) : rc;
}

/* ---- files ---- */

int wf_op__checking(void *ud, uint64_t n_done, uint64_t n_all)
{
    struct wf_op_checking *p = ud;
    int64_t now_ns = wf_clock_mono_ns(NULL);
    json_t *data;

    if (now_ns - p->told_ns < PROGRESS_EVERY_NS)
        return 0;
    p->told_ns = now_ns;
    if (p->sink->canceled && p->sink->canceled(p->sink->ud))
        return 1;
    data = json_pack("{s:s, s:I, s:I}", "phase", "check", "done", (json_int_t)n_done, "all",
                     (json_int_t)n_all);
    if (data && p->sink->event)
        p->sink->event(p->sink->ud, "progress", data);
    json_decref(data);
    return 0;
}

static int import_parts(struct wf_op_context *ctx, const struct wf_op_call *call,
                        struct wf_model_part *parts, size_t n, struct wf_model_entry *out,
                        struct wf_err *err)
{
    struct wf_op_checking p = {.sink = call->sink};
    struct wf_model_commit c = {
        .parts = parts, .n_parts = n, .progress = wf_op__checking, .ud = &p};
    struct wf_str source;
    int rc = text_param(call, "name", &c.name, err);

    if (rc == 0)
        rc = wf_param_str(call->params, "source", false, &source, err);
    if (rc != 0)
        return rc;
    c.source = source.len ? source.ptr : NULL;
    return wf_model_store_commit(ctx->models, &c, out, err);
}

int wf_op__models_import(struct wf_op_context *ctx, const struct wf_op_call *call,
                         json_t **out_result, struct wf_err *err)
{
    const json_t *files = json_object_get(call->params, "files"), *file;
    size_t n = json_array_size(files), i;
    struct wf_model_part *parts;
    struct wf_model_entry m;
    int rc = 0;

    if (n == 0 || n > WF_LIMIT_GGUF_PARTS)
        return wf_err_set(err, WF_E_INVAL, "\"files\" lists the files to import.");
    parts = wf_alloc_array(n, sizeof(*parts));
    if (!parts)
        return wf_op__no_memory(err);
    json_array_foreach(files, i, file)
    {
        parts[i].file = json_string_value(file);
        if (!parts[i].file)
            rc = wf_err_set(err, WF_E_INVAL, "\"files\" lists names of files.");
    }
    if (rc == 0)
        rc = import_parts(ctx, call, parts, n, &m, err);
    wf_free(parts);
    return rc == 0 ? wf_op__give(wf_op_model_json(&m), out_result, err) : rc;
}

int wf_op__models_verify(struct wf_op_context *ctx, const struct wf_op_call *call,
                         json_t **out_result, struct wf_err *err)
{
    struct wf_op_checking p = {.sink = call->sink};
    const char *name = NULL;
    int rc = text_param(call, "name", &name, err);

    if (rc == 0)
        rc = wf_model_store_verify(ctx->models, name, wf_op__checking, &p, err);
    return rc == 0 ? wf_op__give(json_object(), out_result, err) : rc;
}
