/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/chat/completions: a body becomes a request, and what the engine writes a completion, at
 * once or as chunks. POST /weft/v1/release: the same body, and what of it would leave. */
#include <string.h>

#include "base/limits.h"
#include "http/openai.h"
#include "op/remote.h"
#include "op/router.h"

/* ---- from the body ---- */

struct chat {
    struct wf_gen_request q;
    struct wf_face_call *c;
    const json_t *tool_choice;
    bool stream, include_usage;
    bool adds_prompt; /* add_generation_prompt of vLLM */
    size_t n_max_old; /* max_tokens, which max_completion_tokens replaced */
};

static int read_messages(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                         struct wf_err *err)
{
    struct chat *chat = into;

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
    READ("max_completion_tokens", wf_openai_read_max),
    READ("max_tokens", read_old_max),
    BOOL("parallel_tool_calls", q.tools.parallel),
    BOOL("stream", stream),
    BOOL("logprobs", q.wants_logprobs),
    BOOL("continue_final_message", q.continue_last),
    BOOL("add_generation_prompt", adds_prompt),
    {"top_logprobs", WF_FACE_SIZE, FIELD(q.n_top_logprobs), 0, 20, NULL, NULL},
    {"n", WF_FACE_SIZE, FIELD(q.n_choices), 1, WF_LIMIT_CHOICES, NULL, NULL},
    {"chat_template", WF_FACE_TEXT, FIELD(q.chat_template), 0, 0, NULL, NULL},
    IGNORED("user"),
    IGNORED("store"),
    IGNORED("metadata"),
    IGNORED("service_tier"),
    IGNORED("safety_identifier"),
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

    *chat = (struct chat){.c = c, .adds_prompt = true};
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
                     "name", call->name, "arguments", wf_face_text(wf_buf_str(&call->arguments)));
}

static json_t *choice_json(const struct wf_face_choice *ch, size_t i, bool wants_logprobs)
{
    bool is_empty = ch->text.len == 0 && ch->n_calls > 0;
    json_t *message =
        json_pack("{s:s, s:o, s:n}", "role", "assistant", "content",
                  is_empty ? json_null() : wf_face_text(wf_buf_str(&ch->text)), "refusal");
    json_t *logprobs = json_null(), *calls;

    if (ch->reasoning.len > 0)
        json_object_set_new(message, "reasoning_content", wf_face_text(wf_buf_str(&ch->reasoning)));
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
                     "logprobs", logprobs, "finish_reason", wf_openai_finish(ch->finish),
                     "stop_reason", ch->stop ? wf_face_text(wf_str_from(ch->stop)) : json_null());
}

static void answer_whole(struct wf_face_call *c, struct chat *chat, struct wf_gen *g)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_face_written w;
    const struct wf_gen_usage *u;
    json_t *choices = NULL;
    int rc = wf_face_gather(g, chat->q.n_choices, &w, &err);

    if (rc == 0) {
        u = wf_gen_usage(g);
        choices = json_array();
        for (size_t i = 0; i < w.n_choices; i++)
            json_array_append_new(choices, choice_json(&w.choices[i], i, chat->q.wants_logprobs));
        wf_face_about(c, u->route, u->model, u->n_truncated);
        wf_face_answer(c, 200,
                       json_pack("{s:s, s:s, s:I, s:s, s:o, s:o, s:s}", "id",
                                 wf_face_id(c, "chatcmpl-"), "object", "chat.completion", "created",
                                 wf_face_now_s(c), "model", u->model, "choices", choices, "usage",
                                 wf_openai_usage(u), "system_fingerprint", "weft-" WF_VERSION));
    } else {
        wf_face_fail(c, &err);
    }
    wf_face_written_free(&w);
}

/* ---- the answer in chunks ---- */

struct chunks {
    struct chat *chat;
    const struct wf_gen_usage *usage;
    const char *id;
    json_int_t created;
    bool *has_role; /* [n_choices] */
};

/* `choices` is taken over. */
static int send_chunk(struct chunks *s, json_t *choices, json_t *usage, struct wf_err *err)
{
    json_t *v = json_pack("{s:s, s:s, s:I, s:s, s:s, s:o}", "id", s->id, "object",
                          "chat.completion.chunk", "created", s->created, "model", s->usage->model,
                          "system_fingerprint", "weft-" WF_VERSION, "choices", choices);

    if (v && usage)
        json_object_set_new(v, "usage", usage);
    else
        json_decref(usage);
    return wf_face_send(s->chat->c, NULL, v, err);
}

/* `delta` is taken over; finish NULL: more comes. */
static int send_delta(struct chunks *s, const struct wf_gen_event *e, json_t *delta,
                      const char *finish, struct wf_err *err)
{
    json_t *logprobs = json_null(), *choice;

    if (!s->has_role[e->i_choice]) {
        s->has_role[e->i_choice] = true;
        json_object_set_new(delta, "role", json_string("assistant"));
        if (!json_object_get(delta, "content"))
            json_object_set_new(delta, "content",
                                e->kind == WF_GEN_CALL ? json_null() : json_string(""));
    }
    if (s->chat->q.wants_logprobs && e->n_logprobs > 0)
        logprobs = json_pack("{s:o, s:n}", "content", wf_face_logprobs(e->logprobs, e->n_logprobs),
                             "refusal");
    choice = json_pack("{s:I, s:o, s:o, s:o}", "index", (json_int_t)e->i_choice, "delta", delta,
                       "logprobs", logprobs, "finish_reason",
                       finish ? json_string(finish) : json_null());
    if (choice && e->kind == WF_GEN_END && e->finish == WF_FINISH_STOP_TEXT)
        json_object_set_new(choice, "stop_reason", wf_face_text(e->stop));
    return send_chunk(s, json_pack("[o]", choice), s->chat->include_usage ? json_null() : NULL,
                      err);
}

static int send_gen_event(struct chunks *s, const struct wf_gen_event *e, struct wf_err *err)
{
    json_t *delta = NULL;
    const char *finish = NULL;

    switch (e->kind) {
    case WF_GEN_TEXT:
        delta = json_pack("{s:o}", "content", wf_face_text(e->text));
        break;
    case WF_GEN_REASONING:
        delta = json_pack("{s:o}", "reasoning_content", wf_face_text(e->text));
        break;
    case WF_GEN_CALL:
        delta = json_pack("{s:[{s:I, s:o, s:s, s:{s:o, s:s}}]}", "tool_calls", "index",
                          (json_int_t)e->i_call, "id", wf_face_text(e->call_id), "type", "function",
                          "function", "name", wf_face_text(e->call_name), "arguments", "");
        break;
    case WF_GEN_ARGUMENTS:
        delta = json_pack("{s:[{s:I, s:{s:o}}]}", "tool_calls", "index", (json_int_t)e->i_call,
                          "function", "arguments", wf_face_text(e->text));
        break;
    case WF_GEN_END:
        delta = json_object();
        finish = wf_openai_finish(e->finish);
        break;
    }
    return delta ? send_delta(s, e, delta, finish, err) : wf_face_no_memory(err);
}

static void answer_chunks(struct wf_face_call *c, struct chat *chat, struct wf_gen *g)
{
    struct wf_err err = WF_ERR_INIT;
    struct chunks s = {.chat = chat,
                       .usage = wf_gen_usage(g),
                       .id = wf_face_id(c, "chatcmpl-"),
                       .created = wf_face_now_s(c),
                       .has_role = wf_arena_array(&c->arena, chat->q.n_choices, sizeof(bool))};
    struct wf_gen_event e;
    int rc = 0;

    if (!s.id || !s.has_role) {
        (void)wf_face_no_memory(&err);
        wf_face_fail(c, &err);
        return;
    }
    wf_face_about(c, s.usage->route, s.usage->model, s.usage->n_truncated);
    wf_face_stream(c, false);
    while (rc == 0 && (rc = wf_gen_next(g, &e, &err)) > 0)
        rc = e.i_choice < chat->q.n_choices
                 ? send_gen_event(&s, &e, &err)
                 : wf_err_set(&err, WF_E_RANGE, "There is no such choice.");
    if (rc == 0 && chat->include_usage)
        rc = send_chunk(&s, json_array(), wf_openai_usage(s.usage), &err);
    if (rc == 0)
        rc = wf_face_send_text(c, "[DONE]", &err);
    if (rc == 0)
        wf_face_stream_end(c);
    else
        wf_face_fail(c, &err);
}

void wf_handle_openai_chat(struct wf_request *r)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_face_call c;
    struct wf_gen *g = NULL;
    struct chat chat;

    if (wf_face_open(&c, r)) {
        int rc = read_chat(&c, &chat, &err);
        if (rc == 0)
            rc = wf_engine_generate(c.engine, &chat.q, &g, &err);
        if (rc != 0)
            wf_face_fail(&c, &err);
        else if (chat.stream)
            answer_chunks(&c, &chat, g);
        else
            answer_whole(&c, &chat, g);
        wf_gen_free(g);
    }
    wf_face_close(&c);
}

void wf_handle_release(struct wf_request *r)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_face_call c;
    struct chat chat;
    json_t *v = NULL;

    if (wf_face_open(&c, r)) {
        int rc = read_chat(&c, &chat, &err);
        if (rc == 0)
            rc = wf_remote_look(wf_router_inner(c.engine), &chat.q, &v, &err);
        if (rc != 0)
            wf_face_fail(&c, &err);
        else
            wf_face_answer(&c, 200, v);
    }
    wf_face_close(&c);
}
