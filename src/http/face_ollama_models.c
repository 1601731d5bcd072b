/* SPDX-License-Identifier: Apache-2.0 */
/* Ollama's face: the models of this machine. What they are comes from the operations models.*,
 * which every face shares; here it gets Ollama's names.
 *
 * "version" is of the API that is spoken: clients ask for it to know what they may send. Models are
 * made by weft's own commands, so create, push and blobs are refused with a word on what to do. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "http/face.h"
#include "http/http_internal.h"
#include "http/ollama.h"
#include "op/json.h"
#include "op/op.h"
#include "op/router.h"

#define API_VERSION "0.12.6" /* Ollama's, whose fields and routes are answered here */

/* ---- operations ---- */

static bool gone(void *ud)
{
    return wf_request_closed(ud);
}

/* Runs an operation; `params` is taken over (NULL: out of memory). */
static int operation(struct wf_face_call *c, const char *name, json_t *params, json_t **out,
                     struct wf_err *err)
{
    const struct wf_op_sink sink = {.canceled = gone, .ud = c->r};
    int rc;

    if (!params)
        return wf_face_no_memory(err);
    rc = wf_op_run(c->r->http->o.ops, name,
                   &(struct wf_op_call){.params = params, .sink = &sink, .fd = -1}, out, err);
    json_decref(params);
    return rc;
}

/* Says it as Ollama does, which clients look for. */
static int not_found(int rc, const char *model, struct wf_err *err)
{
    if (rc == WF_E_NOENT)
        wf_err_prefix(err, "model '%s' not found", model);
    return rc;
}

/* The model that a body names: "model", or "name" in older clients. */
struct named {
    const char *model, *name;
    bool verbose, streams, insecure;
};

static const struct wf_face_param named_rows[] = {
    {"model", WF_FACE_TEXT, offsetof(struct named, model), 0, 0, NULL, NULL},
    {"name", WF_FACE_TEXT, offsetof(struct named, name), 0, 0, NULL, NULL},
    {"verbose", WF_FACE_BOOL, offsetof(struct named, verbose), 0, 0, NULL, NULL},
    {"stream", WF_FACE_BOOL, offsetof(struct named, streams), 0, 0, NULL, NULL},
    {"insecure", WF_FACE_BOOL, offsetof(struct named, insecure), 0, 0, NULL, NULL},
    {"system", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"template", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"options", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
};

static int read_named(struct wf_face_call *c, struct named *n, struct wf_err *err)
{
    const struct wf_face_table table = {named_rows, WF_ARRAY_LEN(named_rows), n};
    int rc;

    *n = (struct named){.streams = true};
    rc = wf_face_read(c, c->body, "", &table, 1, err);
    if (rc == 0 && (!n->model || !n->model[0]))
        n->model = n->name;
    if (rc == 0 && (!n->model || !n->model[0]))
        rc = wf_face_bad(c, "model", NULL, err, "model is required");
    return rc;
}

/* ---- what a model is ---- */

/* "494.03M", "8B", "1.2B", as Ollama writes numbers. */
static void short_number(json_int_t n, char out[24])
{
    double x = (double)n;

    if (x >= 1e9)
        snprintf(out, 24, fmod(x, 1e9) == 0 ? "%.0fB" : "%.1fB", x / 1e9);
    else if (x >= 1e6)
        snprintf(out, 24, fmod(x, 1e6) == 0 ? "%.0fM" : "%.2fM", x / 1e6);
    else if (x >= 1e3)
        snprintf(out, 24, "%.0fK", x / 1e3);
    else
        snprintf(out, 24, "%" JSON_INTEGER_FORMAT, n);
}

static json_t *details(const json_t *m)
{
    const char *family = wf_json_text(m, "family");
    char size[24];

    short_number(json_integer_value(json_object_get(m, "params")), size);
    return json_pack("{s:s, s:s, s:s, s:[s], s:s, s:s}", "parent_model", "", "format", "gguf",
                     "family", family, "families", family, "parameter_size", size,
                     "quantization_level", wf_json_text(m, "quantization"));
}

/* One row of /api/tags and /api/ps. */
static json_t *model_row(const json_t *m)
{
    const char *digest = wf_json_text(m, "digest");
    char time[WF_FACE_TIME_BYTES];

    wf_face_time(json_integer_value(json_object_get(m, "added")), time);
    if (strncmp(digest, "sha256:", 7) == 0)
        digest += 7;
    return json_pack("{s:s, s:s, s:s, s:O, s:s, s:o}", "name", wf_json_text(m, "name"), "model",
                     wf_json_text(m, "name"), "modified_at", time, "size",
                     json_object_get(m, "bytes"), "digest", digest, "details", details(m));
}

/* The choice among all engines, as if it were a model: of no file, and of no size. */
static json_t *auto_row(void)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:s, s:{s:s, s:s, s:s, s:[s], s:s, s:s}}", "name",
                     WF_ROUTER_AUTO ":latest", "model", WF_ROUTER_AUTO ":latest", "modified_at",
                     "1970-01-01T00:00:00Z", "size", 0, "digest", "", "details", "parent_model", "",
                     "format", "", "family", "weft", "families", "weft", "parameter_size", "",
                     "quantization_level", "");
}

static int tags(struct wf_face_call *c, json_t **out, struct wf_err *err)
{
    json_t *list = NULL, *models = json_array(), *m;
    int rc = operation(c, "models.list", json_object(), &list, err);
    size_t i;

    json_array_foreach(json_object_get(list, "models"), i, m)
    {
        if (rc == 0 && strcmp(wf_json_text(m, "kind"), "adapter") != 0 &&
            json_array_append_new(models, model_row(m)) != 0)
            rc = wf_face_no_memory(err);
    }
    json_decref(list);
    if (rc == 0 && wf_router_is_offered(c->r->http->o.ops->router) &&
        json_array_append_new(models, auto_row()) != 0)
        rc = wf_face_no_memory(err);
    *out = rc == 0 ? json_pack("{s:O}", "models", models) : NULL;
    json_decref(models);
    return rc;
}

/* ---- loaded models ---- */

static const json_t *by_name(const json_t *list, const char *name)
{
    const json_t *m;
    size_t i;

    json_array_foreach(json_object_get(list, "models"), i, m)
    {
        if (strcmp(wf_json_text(m, "name"), name) == 0)
            return m;
    }
    return NULL;
}

static json_t *loaded_row(const json_t *loaded, const json_t *list)
{
    const json_t *m = by_name(list, wf_json_text(loaded, "model"));
    json_int_t until = json_integer_value(json_object_get(loaded, "expires_ms"));
    json_t *row = m ? model_row(m)
                    : json_pack("{s:s, s:s, s:s, s:{}}", "name", wf_json_text(loaded, "model"),
                                "model", wf_json_text(loaded, "model"), "digest", "", "details");
    char time[WF_FACE_TIME_BYTES];

    wf_face_time(until > 0 ? until : INT64_C(253402300799000), time); /* never: the year 9999 */
    if (!row)
        return NULL;
    (void)json_object_del(row, "modified_at"); /* is there or not */
    if (json_object_set(row, "size", json_object_get(loaded, "bytes")) == 0 &&
        json_object_set_new(row, "size_vram", json_integer(0)) == 0 &&
        json_object_set(row, "context_length", json_object_get(loaded, "n_context")) == 0 &&
        json_object_set_new(row, "expires_at", json_string(time)) == 0)
        return row;
    json_decref(row);
    return NULL;
}

static int ps(struct wf_face_call *c, json_t **out, struct wf_err *err)
{
    json_t *loaded = c->engine ? wf_engine_loaded(c->engine) : json_array();
    json_t *list = NULL, *rows = json_array(), *l;
    int rc = loaded && rows ? operation(c, "models.list", json_object(), &list, err)
                            : wf_face_no_memory(err);
    size_t i;

    json_array_foreach(loaded, i, l)
    {
        if (rc == 0 && json_array_append_new(rows, loaded_row(l, list)) != 0)
            rc = wf_face_no_memory(err);
    }
    *out = rc == 0 ? json_pack("{s:O}", "models", rows) : NULL;
    json_decref(list);
    json_decref(loaded);
    json_decref(rows);
    return rc;
}

/* ---- show ---- */

static json_t *capabilities(const json_t *m)
{
    const char *kind = wf_json_text(m, "kind"), *template = wf_json_text(m, "template");
    const json_t *metadata = json_object_get(m, "metadata");
    const struct {
        const char *name;
        bool has;
    } all[] = {
        {"completion", strcmp(kind, "chat") == 0 || strcmp(kind, "text") == 0},
        {"embedding", strcmp(kind, "embed") == 0},
        {"tools", strstr(template, "tools") != NULL},
        {"thinking", strstr(template, "<think>") || strstr(template, "enable_thinking") ||
                         strstr(template, "reasoning_effort")},
        {"insert", json_object_get(metadata, "tokenizer.ggml.fim_pre_token_id") ||
                       json_object_get(metadata, "tokenizer.ggml.prefix_token_id")},
    };
    json_t *names = json_array();

    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++) {
        if (all[i].has && json_array_append_new(names, json_string(all[i].name)) != 0) {
            json_decref(names);
            return NULL;
        }
    }
    return names;
}

static void add_parameter(struct wf_buf *b, const char *name, const json_t *v)
{
    const json_t *item;
    size_t i;

    if (json_is_array(v)) {
        json_array_foreach(v, i, item)
        {
            if (!json_is_array(item)) /* no list holds lists */
                add_parameter(b, name, item);
        }
        return;
    }
    wf_buf_appendf(b, "%s%-30s ", b->len > 0 ? "\n" : "", name);
    (void)wf_json_append(b, v); /* its failure sticks */
}

/* "stop   "<|end|>"", a line each. */
static json_t *parameters(const json_t *params)
{
    const char *name;
    json_t *v, *text = NULL;
    struct wf_buf b;

    wf_buf_init(&b, WF_LIMIT_FRAME_BYTES);
    json_object_foreach((json_t *)(uintptr_t)params, name, v)
    {
        add_parameter(&b, name, v);
    }
    if (wf_buf_status(&b) == 0)
        text = wf_json_str(wf_buf_str(&b));
    wf_buf_deinit(&b);
    return text;
}

static json_t *model_info(const json_t *m)
{
    json_t *info = json_copy(json_object_get(m, "metadata"));

    if (info && json_object_set(info, "general.parameter_count", json_object_get(m, "params")) == 0)
        return info;
    json_decref(info);
    return NULL;
}

static json_t *text_of(const json_t *registry, const char *key)
{
    json_t *v = json_object_get(registry, key);

    return json_is_string(v) ? json_incref(v) : json_string("");
}

static int show(struct wf_face_call *c, json_t **out, struct wf_err *err)
{
    struct named n;
    json_t *m = NULL, *registry;
    char time[WF_FACE_TIME_BYTES];
    int rc = read_named(c, &n, err);

    if (rc == 0)
        rc = not_found(operation(c, "models.show", json_pack("{s:s}", "name", n.model), &m, err),
                       n.model, err);
    if (rc != 0)
        return rc;
    registry = json_object_get(m, "registry");
    wf_face_time(json_integer_value(json_object_get(m, "added")), time);
    *out = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "license",
                     text_of(registry, "license"), "modelfile",
                     json_sprintf("# Modelfile of weft\nFROM %s\n", wf_json_text(m, "name")),
                     "parameters", parameters(json_object_get(registry, "params")), "template",
                     json_string(wf_json_text(m, "template")), "system",
                     text_of(registry, "system"), "details", details(m), "model_info",
                     model_info(m), "capabilities", capabilities(m), "modified_at", time);
    json_decref(m);
    return 0;
}

/* ---- names ---- */

static int removal(struct wf_face_call *c, json_t **out, struct wf_err *err)
{
    struct wf_err why = WF_ERR_INIT;
    struct named n;
    int rc = read_named(c, &n, err);

    if (rc == 0 && c->engine && wf_engine_unload(c->engine, n.model, &why) != 0)
        wf_log_line(c->r->http->o.log, WF_LOG_DEBUG, "http", "not unloaded: %s", why.msg);
    if (rc == 0)
        rc = operation(c, "models.remove", json_pack("{s:s}", "name", n.model), out, err);
    return not_found(rc, n.model, err);
}

struct copying {
    const char *source, *destination;
};

static int copy(struct wf_face_call *c, json_t **out, struct wf_err *err)
{
    static const struct wf_face_param rows[] = {
        {"source", WF_FACE_TEXT, offsetof(struct copying, source), 0, 0, NULL, NULL},
        {"destination", WF_FACE_TEXT, offsetof(struct copying, destination), 0, 0, NULL, NULL},
    };
    struct copying names = {NULL, NULL};
    const struct wf_face_table table = {rows, WF_ARRAY_LEN(rows), &names};
    int rc = wf_face_read(c, c->body, "", &table, 1, err);

    if (rc == 0 && (!names.source || !names.destination))
        rc = wf_face_bad(c, "source", NULL, err, "source and destination are required");
    if (rc != 0)
        return rc;
    rc =
        operation(c, "models.copy",
                  json_pack("{s:s, s:s}", "from", names.source, "to", names.destination), out, err);
    return not_found(rc, names.source, err);
}

/* ---- the routes ---- */

static int version(struct wf_face_call *c, json_t **out, struct wf_err *err)
{
    (void)c;
    (void)err;
    *out = json_pack("{s:s, s:s}", "version", API_VERSION, "weft", WF_VERSION);
    return 0;
}

static int no_making(struct wf_face_call *c, json_t **out, struct wf_err *err)
{
    (void)c;
    (void)out;
    return wf_err_set(err, WF_E_UNSUPPORTED,
                      "weft makes no models over this API. \"weft models import FILE\" takes a "
                      "GGUF in, \"weft models quantize\" makes it smaller.");
}

static int no_blob(struct wf_face_call *c, json_t **out, struct wf_err *err)
{
    (void)c;
    (void)out;
    return wf_err_set(err, WF_E_NOENT,
                      "There are no blobs to ask for here: models come by /api/pull or \"weft "
                      "models import FILE\".");
}

static void answer(struct wf_request *r,
                   int (*fn)(struct wf_face_call *c, json_t **out, struct wf_err *err),
                   bool is_empty)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_face_call c;
    json_t *v = NULL;

    if (wf_face_open(&c, r)) {
        if (fn(&c, &v, &err) != 0)
            wf_face_fail(&c, &err);
        else if (is_empty)
            wf_answer_empty(r, 200);
        else
            wf_face_answer(&c, 200, json_incref(v));
        json_decref(v);
    }
    wf_face_close(&c);
}

void wf_handle_ollama_tags(struct wf_request *r)
{
    answer(r, tags, false);
}

void wf_handle_ollama_ps(struct wf_request *r)
{
    answer(r, ps, false);
}

void wf_handle_ollama_show(struct wf_request *r)
{
    answer(r, show, false);
}

void wf_handle_ollama_delete(struct wf_request *r)
{
    answer(r, removal, true);
}

void wf_handle_ollama_copy(struct wf_request *r)
{
    answer(r, copy, true);
}

void wf_handle_ollama_version(struct wf_request *r)
{
    answer(r, version, false);
}

void wf_handle_ollama_create(struct wf_request *r)
{
    answer(r, no_making, false);
}

void wf_handle_ollama_blob(struct wf_request *r)
{
    answer(r, no_blob, false);
}
