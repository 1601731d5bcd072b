/* SPDX-License-Identifier: Apache-2.0 */
/* Anthropic's face: POST /v1/messages and /v1/messages/count_tokens. */
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "http/anthropic.h"
#include "http/face.h"
#include "http/http_internal.h"
#include "op/json.h"

struct messages {
    struct wf_gen_request q; /* first: `read` functions of face.h fill it */
    bool streams;
    struct wf_anthropic_thinking thinking;
};

/* An answer under way. */
struct talk {
    struct wf_face_pump pump;
    struct messages m;
    struct wf_anthropic_writer w;
    bool has_writer;
};

/* ---- parameters ---- */

/* What the converters read from the body as a whole. */
static int read_elsewhere(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                          struct wf_err *err)
{
    (void)c;
    (void)into;
    (void)name;
    (void)v;
    (void)err;
    return 0;
}

static int read_thinking(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                         struct wf_err *err)
{
    static const struct wf_face_param rows[] = {
        {"type", WF_FACE_READ, 0, 0, 0, read_elsewhere, NULL},
        {"display", WF_FACE_READ, 0, 0, 0, read_elsewhere, NULL},
        {"budget_tokens", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL}, /* no model here keeps to one */
    };
    struct wf_face_table table = {rows, WF_ARRAY_LEN(rows), into};

    if (!json_is_object(v))
        return wf_face_bad(c, name, NULL, err, "\"%s\" must be an object.", name);
    return wf_face_read(c, v, "thinking.", &table, 1, err);
}

static int read_format(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                       struct wf_err *err)
{
    if (strcmp(wf_json_text(v, "type"), "json_schema") != 0)
        return wf_face_bad(c, name, NULL, err, "\"%s.type\" must be \"json_schema\".", name);
    return wf_face_read_schema(c, into, name, json_object_get(v, "schema"), err);
}

static int read_output_config(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                              struct wf_err *err)
{
    static const struct wf_face_param rows[] = {
        {"effort", WF_FACE_READ, 0, 0, 0, read_elsewhere, NULL},
        {"format", WF_FACE_READ, 0, 0, 0, read_format, NULL},
    };
    struct wf_face_table table = {rows, WF_ARRAY_LEN(rows), into};

    if (!json_is_object(v))
        return wf_face_bad(c, name, NULL, err, "\"%s\" must be an object.", name);
    return wf_face_read(c, v, "output_config.", &table, 1, err);
}

static const struct wf_face_param rows[] = {
    {"max_tokens", WF_FACE_SIZE, offsetof(struct messages, q.n_max), 1, INFINITY, NULL, NULL},
    {"stream", WF_FACE_BOOL, offsetof(struct messages, streams), 0, 0, NULL, NULL},
    {"stop_sequences", WF_FACE_READ, 0, 0, 0, wf_face_read_stop, NULL},
    {"messages", WF_FACE_READ, 0, 0, 0, read_elsewhere, NULL},
    {"system", WF_FACE_READ, 0, 0, 0, read_elsewhere, NULL},
    {"tools", WF_FACE_READ, 0, 0, 0, read_elsewhere, NULL},
    {"tool_choice", WF_FACE_READ, 0, 0, 0, read_elsewhere, NULL},
    {"thinking", WF_FACE_READ, 0, 0, 0, read_thinking, NULL},
    {"output_config", WF_FACE_READ, 0, 0, 0, read_output_config, NULL},
    {"output_format", WF_FACE_READ, 0, 0, 0, read_format, NULL}, /* its older place */
    {"metadata", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"service_tier", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"speed", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"inference_geo", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"cache_control", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL}, /* prefixes are cached anyway */
    {"context_management", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"diagnostics", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"user_profile_id", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"workspace_id", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    {"container", WF_FACE_REFUSED, 0, 0, 0, NULL, "weft runs no containers."},
    {"mcp_servers", WF_FACE_REFUSED, 0, 0, 0, NULL, "weft calls no servers for a request."},
};

static int add_vars(struct wf_face_call *c, struct messages *m, struct wf_err *err)
{
    json_t *vars = NULL, *v;
    const char *name;
    int rc = wf_anthropic_thinking(c->body, &m->thinking, &vars, err);

    json_object_foreach(vars, name, v)
    {
        rc = rc == 0 ? wf_face_template_var(c, &m->q, name, json_incref(v), err) : rc;
    }
    json_decref(vars);
    return rc;
}

static int read_request(struct wf_face_call *c, struct messages *m, struct wf_err *err)
{
    const struct wf_face_table tables[] = {
        {rows, WF_ARRAY_LEN(rows), m},
        {wf_face_sampling_rows, wf_face_sampling_n_rows, &m->q},
    };
    json_t *messages = NULL, *tools = NULL;
    int rc;

    *m = (struct messages){.streams = false};
    wf_face_request(c, &m->q);
    rc = add_vars(c, m, err); /* first: chat_template_kwargs says it more exactly */
    if (rc == 0)
        rc = wf_face_read(c, c->body, "", tables, WF_ARRAY_LEN(tables), err);
    if (rc == 0)
        rc = wf_anthropic_messages(c->body, &messages, &m->q.continue_last, err);
    if (rc == 0) {
        m->q.messages = wf_face_keep(c, messages);
        rc = m->q.messages ? wf_anthropic_tools(c->body, &tools, &m->q.tools, err)
                           : wf_face_no_memory(err);
    }
    if (rc == 0 && tools && !wf_face_keep(c, tools))
        rc = wf_face_no_memory(err);
    return rc;
}

/* Clients know a prompt that does not fit by these words, and shorten it. */
static int too_long(int rc, struct wf_err *err)
{
    if (rc == WF_E_LIMIT)
        wf_err_prefix(err, "prompt is too long");
    return rc;
}

/* ---- answers ---- */

static int send_event(void *ud, const char *event, json_t *data, struct wf_err *err)
{
    return wf_face_send(ud, event, data, err);
}

static int take_event(struct wf_face_pump *p, const struct wf_gen_event *e, struct wf_err *err)
{
    return wf_anthropic_write(&WF_CONTAINER(p, struct talk, pump)->w, e, err);
}

static void end(struct wf_face_pump *p, int rc, struct wf_err *err)
{
    struct talk *t = WF_CONTAINER(p, struct talk, pump);
    json_t *message = NULL;

    if (rc == 0)
        rc = wf_anthropic_end(&t->w, wf_gen_usage(p->g), &message, err);
    if (rc != 0)
        wf_face_fail(&p->c, err);
    else if (t->m.streams)
        wf_face_stream_end(&p->c);
    else
        wf_face_answer(&p->c, 200, message);
}

static void release(struct wf_face_pump *p)
{
    struct talk *t = WF_CONTAINER(p, struct talk, pump);

    if (t->has_writer)
        wf_anthropic_writer_deinit(&t->w);
}

static int begin(struct wf_face_pump *p, struct wf_err *err)
{
    struct talk *t = WF_CONTAINER(p, struct talk, pump);
    struct wf_face_call *c = &t->pump.c;
    const struct wf_gen_usage *usage = wf_gen_usage(t->pump.g);
    int rc;

    t->w = (struct wf_anthropic_writer){.emit = t->m.streams ? send_event : NULL,
                                        .ud = c,
                                        .thinking = t->m.thinking,
                                        .id = wf_face_id(c, "msg_"),
                                        .model = usage->model,
                                        .n_max = t->m.q.n_max};
    rc = t->w.id ? wf_anthropic_writer_init(&t->w, err) : wf_face_no_memory(err);
    t->has_writer = t->w.id != NULL;
    if (rc != 0)
        return rc;
    wf_face_about_gen(c, usage);
    if (t->m.streams)
        wf_face_stream(c, false);
    return wf_anthropic_begin(&t->w, usage, err);
}

void wf_handle_anthropic_messages(struct wf_request *r)
{
    struct talk *t = wf_face_pump_new(r, sizeof(*t));
    struct wf_err err = WF_ERR_INIT;
    int rc;

    if (t == NULL)
        return;
    t->pump.release = release;
    rc = read_request(&t->pump.c, &t->m, &err);
    if (rc == 0 && t->m.q.n_max == 0)
        rc = wf_face_bad(&t->pump.c, "max_tokens", NULL, &err, "max_tokens: Field required");
    if (rc == 0)
        rc = too_long(wf_engine_generate(t->pump.c.engine, &t->m.q, &t->pump.g, &err), &err);
    if (rc == 0) {
        t->pump.begin = begin;
        t->pump.event = take_event;
        t->pump.end = end;
        wf_face_pump_run(&t->pump);
        return;
    }
    wf_face_fail(&t->pump.c, &err);
    wf_face_pump_free(&t->pump);
}

void wf_handle_anthropic_count(struct wf_request *r)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_face_call c;
    struct messages m;
    size_t n = 0;
    int rc;

    if (wf_face_open(&c, r)) {
        rc = read_request(&c, &m, &err);
        if (rc == 0)
            rc = too_long(wf_engine_count(c.engine, &m.q, &n, &err), &err);
        if (rc == 0)
            wf_face_answer(&c, 200, json_pack("{s:I}", "input_tokens", (json_int_t)n));
        else
            wf_face_fail(&c, &err);
    }
    wf_face_close(&c);
}
