/* SPDX-License-Identifier: Apache-2.0 */
/* Ollama's face: POST /api/chat and /api/generate.
 *
 * Both load a model when they have nothing to say to it, and let it go when they also ask to keep
 * it for no time. A prompt that does not fit is refused with both lengths unless the request says
 * "truncate": true, and then the answer says how much was left out. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "engine/model_store.h"
#include "http/face.h"
#include "http/http_internal.h"
#include "http/ollama.h"
#include "op/json.h"

struct ollama {
    struct wf_gen_request q; /* first: `read` functions of face.h fill it */
    bool streams, raw, shows_thoughts;
    const char *prompt, *suffix, *system, *template;
    const json_t *context, *tools, *messages;
    const json_t *images;   /* of generate */
    const char *own_system; /* of the model, by its registry; or empty */
    int64_t start_ns;
};

/* An answer under way. */
struct talk {
    struct wf_face_pump pump;
    struct ollama o;
    struct wf_ollama_writer w;
    bool has_writer;
};

/* ---- parameters ---- */

static int read_num_predict(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                            struct wf_err *err)
{
    struct ollama *o = into;
    json_int_t n = json_integer_value(v);

    if (!json_is_integer(v) || n > WF_LIMIT_MODEL_CONTEXT)
        return wf_face_bad(c, name, NULL, err, "\"%s\" must be a whole number.", name);
    o->q.n_max = n > 0 ? (size_t)n : 0; /* -1 and -2: as many as fit */
    return 0;
}

static const struct wf_face_param option_rows[] = {
    {"num_ctx", WF_FACE_SIZE, offsetof(struct ollama, q.load.n_context), 0, WF_LIMIT_MODEL_CONTEXT,
     NULL, NULL},
    {"num_predict", WF_FACE_READ, 0, 0, 0, read_num_predict, NULL},
    /* How the model is run, which weft decides for the machine. */
    {"num_keep", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"num_batch", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"num_gpu", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"main_gpu", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"num_thread", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"numa", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"low_vram", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"f16_kv", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"logits_all", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"vocab_only", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"use_mmap", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"use_mlock", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"embedding_only", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"penalize_newline", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"tfs_z", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"draft_num_predict", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
};

static int read_options(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                        struct wf_err *err)
{
    const struct wf_face_table tables[] = {
        {option_rows, WF_ARRAY_LEN(option_rows), into},
        {wf_face_sampling_rows, wf_face_sampling_n_rows, into}, /* q is first */
    };

    if (!json_is_object(v))
        return wf_face_bad(c, name, NULL, err, "\"options\" must be an object.");
    return wf_face_read(c, v, "options.", tables, WF_ARRAY_LEN(tables), err);
}

static int read_keep_alive(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                           struct wf_err *err)
{
    struct ollama *o = into;

    (void)c;
    (void)name;
    return wf_ollama_keep_alive(v, &o->q.load.keep_alive_s, err);
}

static int read_think(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                      struct wf_err *err)
{
    struct ollama *o = into;
    json_t *vars = json_object(), *var;
    const char *key;
    int rc = vars ? wf_ollama_think(v, &o->shows_thoughts, vars, err) : wf_face_no_memory(err);

    (void)name;
    json_object_foreach(vars, key, var)
    {
        rc = rc == 0 ? wf_face_template_var(c, &o->q, key, json_incref(var), err) : rc;
    }
    json_decref(vars);
    return rc;
}

static int read_format(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                       struct wf_err *err)
{
    struct ollama *o = into;
    json_t *schema = NULL;
    int rc = wf_ollama_format(v, &schema, err);

    (void)name;
    if (rc == 0 && schema) {
        o->q.schema = wf_face_keep(c, schema);
        rc = o->q.schema ? 0 : wf_face_no_memory(err);
    }
    return rc;
}

static int read_truncate(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                         struct wf_err *err)
{
    struct ollama *o = into;

    if (!json_is_boolean(v))
        return wf_face_bad(c, name, NULL, err, "\"truncate\" must be true or false.");
    o->q.overflow = json_is_true(v) ? WF_OVERFLOW_TRUNCATE : WF_OVERFLOW_REFUSE;
    return 0;
}

static int read_images(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                       struct wf_err *err)
{
    struct ollama *o = into;

    (void)c;
    (void)name;
    (void)err;
    o->images = v;
    return 0;
}

#define FIELD(f) offsetof(struct ollama, f)

static const struct wf_face_param common_rows[] = {
    {"model", WF_FACE_TEXT, FIELD(q.model), 0, 0, NULL, NULL},
    {"stream", WF_FACE_BOOL, FIELD(streams), 0, 0, NULL, NULL},
    {"options", WF_FACE_READ, 0, 0, 0, read_options, NULL},
    {"keep_alive", WF_FACE_READ, 0, 0, 0, read_keep_alive, NULL},
    {"think", WF_FACE_READ, 0, 0, 0, read_think, NULL},
    {"format", WF_FACE_READ, 0, 0, 0, read_format, NULL},
    {"truncate", WF_FACE_READ, 0, 0, 0, read_truncate, NULL},
    {"logprobs", WF_FACE_BOOL, FIELD(q.wants_logprobs), 0, 0, NULL, NULL},
    {"top_logprobs", WF_FACE_SIZE, FIELD(q.n_top_logprobs), 0, 20, NULL, NULL},
    {"shift", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
};
static const struct wf_face_param chat_rows[] = {
    {"messages", WF_FACE_ARRAY, FIELD(messages), 0, 0, NULL, NULL},
    {"tools", WF_FACE_ARRAY, FIELD(tools), 0, 0, NULL, NULL},
};
static const struct wf_face_param generate_rows[] = {
    {"prompt", WF_FACE_TEXT, FIELD(prompt), 0, 0, NULL, NULL},
    {"suffix", WF_FACE_TEXT, FIELD(suffix), 0, 0, NULL, NULL},
    {"system", WF_FACE_TEXT, FIELD(system), 0, 0, NULL, NULL},
    {"template", WF_FACE_TEXT, FIELD(template), 0, 0, NULL, NULL},
    {"context", WF_FACE_ARRAY, FIELD(context), 0, 0, NULL, NULL},
    {"raw", WF_FACE_BOOL, FIELD(raw), 0, 0, NULL, NULL},
    {"images", WF_FACE_READ, 0, 0, 0, read_images, NULL},
    {"width", WF_FACE_REFUSED, 0, 0, 0, NULL, "weft's models make no pictures."},
    {"height", WF_FACE_REFUSED, 0, 0, 0, NULL, "weft's models make no pictures."},
    {"steps", WF_FACE_REFUSED, 0, 0, 0, NULL, "weft's models make no pictures."},
};

/* What a model's registry says of it holds where the request says nothing else. A value that cannot
 * be read is passed over: the request is not to blame for it. */
static int read_defaults(struct wf_face_call *c, struct ollama *o, struct wf_err *err)
{
    struct wf_model_store *models = c->r->http->o.ops->models;
    const char *model = wf_json_text(c->body, "model"), *name;
    json_t *extra = models && model[0] ? wf_model_store_extra(models, model) : NULL, *v;

    o->own_system = "";
    if (!extra)
        return 0;
    if (!wf_face_keep(c, extra))
        return wf_face_no_memory(err);
    o->own_system = wf_json_text(extra, "system");
    json_object_foreach(json_object_get(extra, "params"), name, v)
    {
        struct wf_err why = WF_ERR_INIT;
        json_t *one = json_pack("{s:O}", name, v);
        if (!one)
            return wf_face_no_memory(err);
        if (read_options(c, o, "options", one, &why) != 0) {
            c->param[0] = 0;
            c->reason = NULL;
        }
        json_decref(one);
    }
    c->ignored[0] = 0;
    return 0;
}

static int read_request(struct wf_face_call *c, struct ollama *o, bool is_chat, struct wf_err *err)
{
    const struct wf_face_table tables[] = {
        {common_rows, WF_ARRAY_LEN(common_rows), o},
        {is_chat ? chat_rows : generate_rows,
         is_chat ? WF_ARRAY_LEN(chat_rows) : WF_ARRAY_LEN(generate_rows), o},
    };
    int rc;

    *o = (struct ollama){.streams = true, .shows_thoughts = true, .start_ns = c->r->start_ns};
    wf_face_request(c, &o->q);
    rc = read_defaults(c, o, err);
    if (rc == 0)
        rc = wf_face_read(c, c->body, "", tables, WF_ARRAY_LEN(tables), err);
    if (rc == 0 && (!o->q.model || !o->q.model[0]))
        rc = wf_face_bad(c, "model", NULL, err, "model is required");
    return rc;
}

/* ---- prompts ---- */

static bool begins_with_system(const json_t *messages)
{
    return strcmp(wf_json_text(json_array_get(messages, 0), "role"), "system") == 0;
}

/* Puts a system message in front, instead of the one there is. */
static int set_system(json_t *messages, const char *text)
{
    json_t *m = json_pack("{s:s, s:s}", "role", "system", "content", text);

    return begins_with_system(messages) ? json_array_set_new(messages, 0, m)
                                        : json_array_insert_new(messages, 0, m);
}

static int chat_prompt(struct wf_face_call *c, struct ollama *o, struct wf_err *err)
{
    json_t *messages = NULL;
    int rc = wf_ollama_messages(o->messages, &messages, err);

    if (rc == 0 && o->own_system[0] && !begins_with_system(messages) &&
        set_system(messages, o->own_system) != 0) {
        json_decref(messages);
        return wf_face_no_memory(err);
    }
    if (rc == 0) {
        o->q.messages = wf_face_keep(c, messages);
        rc = o->q.messages ? 0 : wf_face_no_memory(err);
    }
    o->q.tools.tools = o->tools;
    o->q.continue_last =
        strcmp(wf_json_text(json_array_get(messages, json_array_size(messages) - 1), "role"),
               "assistant") == 0;
    return rc;
}

/* Go's templates, which Ollama has, begin their names with a dot; Jinja's never do. */
static bool is_go_template(const char *template)
{
    struct wf_str text = wf_str_from(template), inside;

    for (size_t i = 0; (i = wf_str_find(text, WF_STR("{{"), i)) != SIZE_MAX; i += 2) {
        inside = wf_str_sub(text, i + 2, text.len);
        if (wf_str_starts(inside, WF_STR("-")))
            inside = wf_str_sub(inside, 1, inside.len);
        inside = wf_str_trim(inside);
        if (wf_str_starts(inside, WF_STR(".")) || wf_str_starts(inside, WF_STR("if ")) ||
            wf_str_starts(inside, WF_STR("range ")))
            return true;
    }
    return false;
}

/* The question as a conversation: what was before, the system's text, the prompt. */
static int conversation(struct wf_face_call *c, struct ollama *o, struct wf_err *err)
{
    json_t *messages = NULL, *asked;
    const char *system = o->system && o->system[0] ? o->system : o->own_system;
    int rc = 0;

    if (json_array_size(o->context) > 0)
        rc = wf_ollama_context_read(o->context, &messages, err);
    else
        messages = json_array();
    if (rc != 0)
        return rc;
    if (system[0] && (system == o->system || !begins_with_system(messages)))
        rc = set_system(messages, system);
    asked = json_pack("{s:s, s:s}", "role", "user", "content", o->prompt);
    if (rc != 0 || json_array_append(messages, asked) != 0)
        rc = wf_face_no_memory(err);
    if (rc == 0)
        rc = wf_ollama_add_images(asked, o->images, err);
    json_decref(asked);
    if (rc != 0) {
        json_decref(messages);
        return rc;
    }
    o->q.messages = wf_face_keep(c, messages);
    return o->q.messages ? 0 : wf_face_no_memory(err);
}

static int generate_prompt(struct wf_face_call *c, struct ollama *o, struct wf_err *err)
{
    bool has_template = o->template && o->template[0];
    bool has_more = has_template || (o->system && o->system[0]) || json_array_size(o->context) > 0;

    if (o->raw && has_more)
        return wf_err_set(err, WF_E_INVAL,
                          "raw mode does not support template, system, or context");
    if ((o->raw || (o->suffix && o->suffix[0])) && json_array_size(o->images) > 0)
        return wf_err_set(err, WF_E_UNSUPPORTED, "images need a prompt without raw and suffix.");
    if (o->raw || (o->suffix && o->suffix[0])) {
        o->q.prompt = wf_str_from(o->prompt ? o->prompt : "");
        o->q.suffix = wf_str_from(o->suffix);
        return 0;
    }
    if (has_template && is_go_template(o->template))
        return wf_face_bad(c, "template", NULL, err,
                           "\"template\" is one of Go's; weft runs Jinja, as the model files hold "
                           "it. Leave it out to use the model's own, or send \"raw\": true.");
    o->q.chat_template = has_template ? o->template : NULL;
    return conversation(c, o, err);
}

/* ---- answers ---- */

static int send_line(void *ud, json_t *line, struct wf_err *err)
{
    return wf_face_send(ud, NULL, line, err);
}

static void answer_whole(struct wf_face_call *c, bool streams, json_t *v)
{
    struct wf_err err = WF_ERR_INIT;

    if (!streams) {
        wf_face_answer(c, 200, v);
        return;
    }
    if (!c->streams)
        wf_face_stream(c, true);
    if (wf_face_send(c, NULL, v, &err) == 0)
        wf_face_stream_end(c);
    else
        wf_answer_break(c->r);
}

static int take_event(struct wf_face_pump *p, const struct wf_gen_event *e, struct wf_err *err)
{
    return wf_ollama_write(&WF_CONTAINER(p, struct talk, pump)->w, e, err);
}

static void end(struct wf_face_pump *p, int rc, struct wf_err *err)
{
    struct talk *t = WF_CONTAINER(p, struct talk, pump);
    json_t *last = NULL;

    if (rc == 0)
        rc = wf_ollama_end(&t->w, wf_gen_usage(p->g), &last, err);
    if (rc == 0)
        answer_whole(&p->c, t->o.streams, last);
    else
        wf_face_fail(&p->c, err);
}

static void release(struct wf_face_pump *p)
{
    struct talk *t = WF_CONTAINER(p, struct talk, pump);

    if (t->has_writer)
        wf_ollama_writer_deinit(&t->w);
}

static int begin(struct wf_face_pump *p, struct wf_err *err)
{
    const struct talk *t = WF_CONTAINER(p, struct talk, pump);

    (void)err; /* nothing can go wrong */
    wf_face_about_gen(&p->c, wf_gen_usage(p->g));
    if (t->o.streams)
        wf_face_stream(&p->c, true);
    return 0;
}

/* The generation has begun: the pump does the rest. */
static int answer(struct talk *t, struct wf_err *err)
{
    int rc = wf_engine_generate(t->pump.c.engine, &t->o.q, &t->pump.g, err);

    if (rc != 0)
        return rc;
    t->pump.begin = begin;
    t->pump.event = take_event;
    t->pump.end = end;
    return 0;
}

/* Nothing was asked: only the model's stay is meant. */
static int load(struct wf_face_call *c, const struct ollama *o, const struct wf_ollama_writer *w,
                struct wf_err *err)
{
    bool goes = o->q.load.keep_alive_s == WF_KEEP_ALIVE_NONE;
    int rc = goes ? wf_engine_unload(c->engine, o->q.model, err)
                  : wf_engine_load(c->engine, o->q.model, &o->q.load, err);

    if (rc == 0)
        answer_whole(c, o->streams, wf_ollama_loaded(w, goes ? "unload" : "load"));
    return rc;
}

/* *out_runs: there is something to pump. */
static int run(struct talk *t, bool is_chat, bool *out_runs, struct wf_err *err)
{
    struct wf_face_call *c = &t->pump.c;
    struct ollama *o = &t->o;
    bool is_empty;
    int rc = read_request(c, o, is_chat, err);

    if (rc != 0)
        return rc;
    is_empty = is_chat ? json_array_size(o->messages) == 0
                       : !(o->prompt && o->prompt[0]) && !(o->suffix && o->suffix[0]);
    if (!is_empty)
        rc = is_chat ? chat_prompt(c, o, err) : generate_prompt(c, o, err);
    if (rc != 0)
        return rc;
    t->w = (struct wf_ollama_writer){.emit = o->streams ? send_line : NULL,
                                     .ud = c,
                                     .is_chat = is_chat,
                                     .shows_thoughts = o->shows_thoughts,
                                     .wants_logprobs = o->q.wants_logprobs,
                                     .model = o->q.model,
                                     .start_ns = o->start_ns,
                                     .context_base = is_chat ? NULL : o->q.messages};
    rc = wf_ollama_writer_init(&t->w, err);
    t->has_writer = true;
    if (rc == 0)
        rc = is_empty ? load(c, o, &t->w, err) : answer(t, err);
    if (rc == WF_E_NOENT)
        wf_err_prefix(err, "model '%s' not found", o->q.model);
    *out_runs = rc == 0 && !is_empty;
    return rc;
}

static void handle(struct wf_request *r, bool is_chat)
{
    struct talk *t = wf_face_pump_new(r, sizeof(*t));
    struct wf_err err = WF_ERR_INIT;
    bool runs = false;

    if (t == NULL)
        return;
    t->pump.release = release;
    if (run(t, is_chat, &runs, &err) != 0)
        wf_face_fail(&t->pump.c, &err);
    if (runs)
        wf_face_pump_run(&t->pump);
    else
        wf_face_pump_free(&t->pump);
}

void wf_handle_ollama_chat(struct wf_request *r)
{
    handle(r, true);
}

void wf_handle_ollama_generate(struct wf_request *r)
{
    handle(r, false);
}
