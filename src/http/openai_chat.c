/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/chat/completions: a body becomes a request, and what the engine writes a completion, at
 * once or as chunks. POST /weft/v1/release: the same body, and what of it would leave. */
#include <string.h>

#include "base/limits.h"
#include "http/openai.h"
#include "op/json.h"
#include "op/moving.h"
#include "op/remote.h"
#include "op/router.h"

/* ---- from the body ---- */

/* How far a stream is. */
struct chunks {
    const struct wf_gen_usage *usage;
    const char *id;
    json_int_t created;
    bool *has_role; /* [n_choices] */
};

struct chat {
    struct wf_face_pump pump;
    struct wf_gen_request q;
    struct wf_face_written written; /* of an answer that is not streamed */
    struct chunks chunks;
    const json_t *tool_choice;
    bool stream, include_usage;
    bool adds_prompt; /* add_generation_prompt of vLLM */
    size_t n_max_old; /* max_tokens, which max_completion_tokens replaced */
};

static int read_messages(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                         struct wf_err *err)
{
    struct chat *chat = into;

    c->may_attach = true;
    return wf_openai_read_messages(c, &chat->q, name, v, err);
}

static int read_tools(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                      struct wf_err *err)
{
    struct chat *chat = into;

    (void)name;
    return wf_openai_read_tools(c, &chat->q, v, err);
}

static int read_tool_choice(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                            struct wf_err *err)
{
    struct chat *chat = into;

    (void)c;
    (void)name;
    (void)err;
    chat->tool_choice = v;
    return 0;
}

static int read_format(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                       struct wf_err *err)
{
    struct chat *chat = into;

    return wf_openai_read_format(c, &chat->q, name, v, true, err);
}

static int read_effort(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                       struct wf_err *err)
{
    struct chat *chat = into;

    return wf_openai_read_effort(c, &chat->q, name, v, err);
}

static int read_max(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                    struct wf_err *err)
{
    struct chat *chat = into;

    return wf_openai_read_max(c, &chat->q, name, v, err);
}

static int read_old_max(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                        struct wf_err *err)
{
    struct chat *chat = into;
    struct wf_gen_request own = {.n_max = 0};
    int rc = wf_openai_read_max(c, &own, name, v, err);

    chat->n_max_old = own.n_max;
    return rc;
}

static int read_modalities(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                           struct wf_err *err)
{
    const char *first = json_string_value(json_array_get(v, 0));

    (void)into;
    if (json_array_size(v) != 1 || !first || strcmp(first, "text") != 0)
        return wf_face_bad(c, name, "invalid_value", err,
                           "\"%s\" must be [\"text\"]: the models here write text only.", name);
    return 0;
}

static int read_stream_options(struct wf_face_call *c, void *into, const char *name,
                               const json_t *v, struct wf_err *err)
{
    static const struct wf_face_param rows[] = {
        {"include_usage", WF_FACE_BOOL, offsetof(struct chat, include_usage), 0, 0, NULL, NULL},
        {"include_obfuscation", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    };
    struct wf_face_table table = {rows, WF_ARRAY_LEN(rows), into};

    if (!json_is_object(v))
        return wf_face_bad(c, name, "invalid_type", err, "\"%s\" must be an object.", name);
    return wf_face_read(c, v, "stream_options.", &table, 1, err);
}

#define FIELD(f) offsetof(struct chat, f)
#define READ(name, fn)                                                                             \
    {                                                                                              \
        name, WF_FACE_READ, 0, 0, 0, fn, NULL                                                      \
    }
#define BOOL(name, field)                                                                          \
    {                                                                                              \
        name, WF_FACE_BOOL, FIELD(field), 0, 0, NULL, NULL                                         \
    }
#define IGNORED(name)                                                                              \
    {                                                                                              \
        name, WF_FACE_IGNORED, 0, 0, 0, NULL, NULL                                                 \
    }
#define REFUSED(name, why)                                                                         \
    {                                                                                              \
        name, WF_FACE_REFUSED, 0, 0, 0, NULL, why                                                  \
    }

static const struct wf_face_param rows[] = {
    READ("messages", read_messages),
    READ("tools", read_tools),
    READ("tool_choice", read_tool_choice),
    READ("response_format", read_format),
    READ("reasoning_effort", read_effort),
    READ("stream_options", read_stream_options),
    READ("modalities", read_modalities),
    READ("max_completion_tokens", read_max),
    READ("max_tokens", read_old_max),
    BOOL("parallel_tool_calls", q.tools.parallel),
    BOOL("stream", stream),
    BOOL("logprobs", q.wants_logprobs),
    BOOL("continue_final_message", q.continue_last),
    BOOL("add_generation_prompt", adds_prompt),
    {"top_logprobs", WF_FACE_SIZE, FIELD(q.n_top_logprobs), 0, 20, NULL, NULL},
    {"n", WF_FACE_SIZE, FIELD(q.n_choices), 1, WF_LIMIT_CHOICES, NULL, NULL},
    {"chat_template", WF_FACE_TEXT, FIELD(q.chat_template), 0, 0, NULL, NULL},
    IGNORED("store"),
    IGNORED("metadata"),
    IGNORED("prompt_cache_key"),
    IGNORED("prompt_cache_retention"),
    IGNORED("prediction"),
    IGNORED("verbosity"),
    IGNORED("cache_prompt"),
    REFUSED("audio", "the models here write text only."),
    REFUSED("web_search_options", "nothing here searches the web."),
    REFUSED("functions", "send \"tools\" instead."),
    REFUSED("function_call", "send \"tool_choice\" instead."),
};

static int read_chat(struct wf_face_call *c, struct chat *chat, struct wf_err *err)
{
    const struct wf_face_table tables[] = {
        {rows, WF_ARRAY_LEN(rows), chat},
        {wf_face_sampling_rows, wf_face_sampling_n_rows, &chat->q},
    };
    int rc;

    chat->adds_prompt = true;
    wf_face_request(c, &chat->q);
    chat->q.n_choices = 1;
    rc = wf_face_read(c, c->body, "", tables, WF_ARRAY_LEN(tables), err);
    if (rc == 0 && !chat->q.messages)
        rc = wf_face_bad(c, "messages", "missing_required_parameter", err,
                         "\"messages\" is missing.");
    if (rc == 0)
        rc = wf_openai_read_tool_choice(c, &chat->q, chat->tool_choice, true, err);
    if (rc == 0 && chat->adds_prompt == chat->q.continue_last &&
        json_object_get(c->body, "add_generation_prompt"))
        rc = wf_face_bad(c, "add_generation_prompt", "invalid_value", err,
                         "\"add_generation_prompt\" must be the contrary of "
                         "\"continue_final_message\".");
    if (rc == 0)
        rc = wf_openai_check(c, &chat->q, err);
    if (rc == 0 && !json_object_get(c->body, "max_completion_tokens"))
        chat->q.n_max = chat->n_max_old;
    return rc;
}

/* ---- the whole answer ---- */

static json_t *call_json(const struct wf_face_tool_call *call)
{
    return json_pack("{s:s, s:s, s:{s:s, s:o}}", "id", call->id, "type", "function", "function",
                     "name", call->name, "arguments",
                     wf_json_repaired(wf_buf_str(&call->arguments)));
}

static json_t *choice_json(const struct wf_face_choice *ch, size_t i, bool wants_logprobs)
{
    bool is_empty = ch->text.len == 0 && ch->n_calls > 0;
    json_t *message =
        json_pack("{s:s, s:o, s:n}", "role", "assistant", "content",
                  is_empty ? json_null() : wf_json_repaired(wf_buf_str(&ch->text)), "refusal");
    json_t *logprobs = json_null(), *calls;

    if (ch->reasoning.len > 0)
        json_object_set_new(message, "reasoning_content",
                            wf_json_repaired(wf_buf_str(&ch->reasoning)));
    if (ch->n_calls > 0) {
        calls = json_array();
        for (size_t k = 0; k < ch->n_calls; k++)
            json_array_append_new(calls, call_json(&ch->calls[k]));
        json_object_set_new(message, "tool_calls", calls);
    }
    if (wants_logprobs)
        logprobs = json_pack("{s:o, s:n}", "content",
                             ch->logprobs ? json_incref(ch->logprobs) : json_array(), "refusal");
    return json_pack("{s:I, s:o, s:o, s:s, s:o}", "index", (json_int_t)i, "message", message,
                     "logprobs", logprobs, "finish_reason", wf_gen_finish_name(ch->finish),
                     "stop_reason",
                     ch->stop ? wf_json_repaired(wf_str_from(ch->stop)) : json_null());
}

static int add_event(struct wf_face_pump *p, const struct wf_gen_event *e, struct wf_err *err)
{
    return wf_face_written_add(&WF_CONTAINER(p, struct chat, pump)->written, e, err);
}

static void end_whole(struct wf_face_pump *p, int rc, struct wf_err *err)
{
    const struct chat *chat = WF_CONTAINER(p, struct chat, pump);
    const struct wf_face_written *w = &chat->written;
    const struct wf_gen_usage *u = wf_gen_usage(p->g);
    json_t *choices;

    if (rc != 0) {
        wf_face_fail(&p->c, err);
        return;
    }
    choices = json_array();
    for (size_t i = 0; i < w->n_choices; i++)
        json_array_append_new(choices, choice_json(&w->choices[i], i, chat->q.wants_logprobs));
    wf_face_about_gen(&p->c, u);
    wf_face_answer(&p->c, 200,
                   json_pack("{s:s, s:s, s:I, s:s, s:o, s:o, s:s}", "id",
                             wf_face_id(&p->c, "chatcmpl-"), "object", "chat.completion", "created",
                             wf_face_now_s(&p->c), "model", u->model, "choices", choices, "usage",
                             wf_openai_usage(u), "system_fingerprint", "weft-" WF_VERSION));
}

static int begin_whole(struct chat *chat, struct wf_err *err)
{
    chat->pump.event = add_event;
    chat->pump.end = end_whole;
    return wf_face_written_init(&chat->written, chat->q.n_choices, err);
}

/* ---- the answer in chunks ---- */

/* `choices` is taken over. */
static int send_chunk(struct chat *chat, json_t *choices, json_t *usage, struct wf_err *err)
{
    const struct chunks *s = &chat->chunks;
    json_t *v = json_pack("{s:s, s:s, s:I, s:s, s:s, s:o}", "id", s->id, "object",
                          "chat.completion.chunk", "created", s->created, "model", s->usage->model,
                          "system_fingerprint", "weft-" WF_VERSION, "choices", choices);

    if (v && usage)
        json_object_set_new(v, "usage", usage);
    else
        json_decref(usage);
    return wf_face_send(&chat->pump.c, NULL, v, err);
}

/* `delta` is taken over; finish NULL: more comes. */
static int send_delta(struct chat *chat, const struct wf_gen_event *e, json_t *delta,
                      const char *finish, struct wf_err *err)
{
    const struct chunks *s = &chat->chunks;
    json_t *logprobs = json_null(), *choice;

    if (!s->has_role[e->i_choice]) {
        s->has_role[e->i_choice] = true;
        json_object_set_new(delta, "role", json_string("assistant"));
        if (!json_object_get(delta, "content"))
            json_object_set_new(delta, "content",
                                e->kind == WF_GEN_CALL ? json_null() : json_string(""));
    }
    if (chat->q.wants_logprobs && e->n_logprobs > 0)
        logprobs = json_pack("{s:o, s:n}", "content", wf_face_logprobs(e->logprobs, e->n_logprobs),
                             "refusal");
    choice = json_pack("{s:I, s:o, s:o, s:o}", "index", (json_int_t)e->i_choice, "delta", delta,
                       "logprobs", logprobs, "finish_reason",
                       finish ? json_string(finish) : json_null());
    if (choice && e->kind == WF_GEN_END && e->finish == WF_FINISH_STOP_TEXT)
        json_object_set_new(choice, "stop_reason", wf_json_repaired(e->stop));
    return send_chunk(chat, json_pack("[o]", choice), chat->include_usage ? json_null() : NULL,
                      err);
}

static int send_event(struct wf_face_pump *p, const struct wf_gen_event *e, struct wf_err *err)
{
    struct chat *chat = WF_CONTAINER(p, struct chat, pump);
    json_t *delta = NULL;
    const char *finish = NULL;

    if (e->i_choice >= chat->q.n_choices)
        return wf_err_set(err, WF_E_RANGE, "There is no such choice.");
    switch (e->kind) {
    case WF_GEN_TEXT:
        delta = json_pack("{s:o}", "content", wf_json_repaired(e->text));
        break;
    case WF_GEN_REASONING:
        delta = json_pack("{s:o}", "reasoning_content", wf_json_repaired(e->text));
        break;
    case WF_GEN_CALL:
        delta =
            json_pack("{s:[{s:I, s:o, s:s, s:{s:o, s:s}}]}", "tool_calls", "index",
                      (json_int_t)e->i_call, "id", wf_json_repaired(e->call_id), "type", "function",
                      "function", "name", wf_json_repaired(e->call_name), "arguments", "");
        break;
    case WF_GEN_ARGUMENTS:
        delta = json_pack("{s:[{s:I, s:{s:o}}]}", "tool_calls", "index", (json_int_t)e->i_call,
                          "function", "arguments", wf_json_repaired(e->text));
        break;
    case WF_GEN_END:
        delta = json_object();
        finish = wf_gen_finish_name(e->finish);
        break;
    }
    return delta ? send_delta(chat, e, delta, finish, err) : wf_face_no_memory(err);
}

static void end_chunks(struct wf_face_pump *p, int rc, struct wf_err *err)
{
    struct chat *chat = WF_CONTAINER(p, struct chat, pump);

    if (rc == 0 && chat->include_usage)
        rc = send_chunk(chat, json_array(), wf_openai_usage(wf_gen_usage(p->g)), err);
    if (rc == 0)
        rc = wf_face_send_text(&p->c, "[DONE]", err);
    if (rc == 0)
        wf_face_stream_end(&p->c);
    else
        wf_face_fail(&p->c, err);
}

static int start_chunks(struct wf_face_pump *p, struct wf_err *err)
{
    struct chat *chat = WF_CONTAINER(p, struct chat, pump);
    struct wf_face_call *c = &chat->pump.c;
    struct chunks *s = &chat->chunks;

    *s = (struct chunks){.usage = wf_gen_usage(chat->pump.g),
                         .id = wf_face_id(c, "chatcmpl-"),
                         .created = wf_face_now_s(c),
                         .has_role = wf_arena_array(&c->arena, chat->q.n_choices, sizeof(bool))};
    if (!s->id || !s->has_role)
        return wf_face_no_memory(err);
    wf_face_about_gen(c, s->usage);
    wf_face_stream(c, false);
    return 0;
}

static int begin_chunks(struct chat *chat)
{
    chat->pump.begin = start_chunks;
    chat->pump.event = send_event;
    chat->pump.end = end_chunks;
    return 0;
}

static void release(struct wf_face_pump *p)
{
    wf_face_written_free(&WF_CONTAINER(p, struct chat, pump)->written);
}

void wf_handle_openai_chat(struct wf_request *r)
{
    struct chat *chat = wf_face_pump_new(r, sizeof(*chat));
    struct wf_err err = WF_ERR_INIT;
    int rc;

    if (chat == NULL)
        return;
    chat->pump.release = release;
    rc = read_chat(&chat->pump.c, chat, &err);
    if (rc == 0)
        rc = wf_moving_generate(chat->pump.c.moving, chat->pump.c.engine, &chat->q, &chat->pump.g,
                                &err);
    if (rc == 0)
        rc = chat->stream ? begin_chunks(chat) : begin_whole(chat, &err);
    if (rc == 0) {
        wf_face_pump_run(&chat->pump);
        return;
    }
    wf_face_fail(&chat->pump.c, &err);
    wf_face_pump_free(&chat->pump);
}

void wf_handle_release(struct wf_request *r)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_face_call c;
    struct chat chat = {.stream = false};
    json_t *v = NULL;

    if (wf_face_open(&c, r)) {
        int rc = read_chat(&c, &chat, &err);
        if (rc == 0)
            rc = wf_router_look(c.engine, &chat.q, &v, &err);
        if (rc == 0 && c.fence.mark[0] != '\0' &&
            json_object_set_new(v, "fence", json_string(c.fence.mark)) != 0) {
            json_decref(v);
            rc = wf_face_no_memory(&err);
        }
        if (rc != 0)
            wf_face_fail(&c, &err);
        else
            wf_face_answer(&c, 200, v);
    }
    wf_face_close(&c);
}
