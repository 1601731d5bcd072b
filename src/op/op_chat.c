/* SPDX-License-Identifier: Apache-2.0 */
/* chat: messages go to a model, its answer comes back as it is written, and whole at the end.
 *
 * Messages and tools have OpenAI's form. Nothing is kept: who talks sends the whole conversation
 * each time, and the engine's cache makes that cheap. An answer that is given up gives what there
 * is of it, so that the conversation can go on behind it. */
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "op/declared.h"
#include "op/op_chat.h"
#include "op/op_internal.h"
#include "op/remote.h"
#include "op/router.h"
#include "op/told.h"

#define ANSWER_BYTES_MAX (WF_LIMIT_FRAME_BYTES / 4) /* each of its parts */
#define CALLS_MAX 256

/* ---- what is asked ---- */

static int bad_message(struct wf_err *err, size_t i, const char *what)
{
    return wf_err_set(err, WF_E_INVAL, "Message %zu %s.", i + 1, what);
}

static bool are_calls(const json_t *calls)
{
    const json_t *call, *f;
    size_t i;

    json_array_foreach(calls, i, call)
    {
        f = json_object_get(call, "function");
        if (!wf_json_text(f, "name")[0] || !json_is_string(json_object_get(f, "arguments")))
            return false;
    }
    return json_array_size(calls) > 0;
}

static int check_message(const json_t *m, size_t i, struct wf_err *err)
{
    static const char *const fields[] = {
        "role", "content", "reasoning_content", "tool_calls", "name", "tool_call_id", NULL};
    static const char *const roles[] = {"system", "developer", "user", "assistant", "tool"};
    const char *role = wf_json_text(m, "role");
    const json_t *calls = json_object_get(m, "tool_calls");
    size_t k = 0;
    int rc;

    if (!json_is_object(m))
        return bad_message(err, i, "must be an object");
    rc = wf_param_known(m, fields, err);
    if (rc != 0)
        return rc;
    while (k < WF_ARRAY_LEN(roles) && strcmp(roles[k], role) != 0)
        k++;
    if (k == WF_ARRAY_LEN(roles))
        return bad_message(err, i, "has no role of system, developer, user, assistant, tool");
    if (calls && (strcmp(role, "assistant") != 0 || !are_calls(calls)))
        return bad_message(err, i, "has tool calls that are none");
    if (!json_is_string(json_object_get(m, "content")) && !calls)
        return bad_message(err, i, "has no content");
    return 0;
}

static int read_messages(struct wf_op_chat *c, const json_t *params, struct wf_err *err)
{
    const json_t *messages = json_object_get(params, "messages"), *m;
    size_t i;

    if (!json_is_array(messages) || json_array_size(messages) == 0)
        return wf_err_set(err, WF_E_INVAL, "\"messages\" must be a list that is not empty.");
    json_array_foreach(messages, i, m)
    {
        int rc = check_message(m, i, err);
        if (rc != 0)
            return rc;
    }
    c->q.messages = messages;
    return wf_op_declared_chat(messages, &c->arena, &c->q.origins, &c->q.n_origins, err);
}

/* The engine looks into the tools themselves. */
static int read_tools(struct wf_op_chat *c, const json_t *params, struct wf_err *err)
{
    static const char *const words[] = {
        [WF_TOOL_AUTO] = "auto", [WF_TOOL_NONE] = "none", [WF_TOOL_REQUIRED] = "required"};
    const json_t *tools = json_object_get(params, "tools");
    struct wf_str choice;
    int rc = wf_param_str(params, "tool_choice", false, &choice, err);

    if (rc != 0)
        return rc;
    if (tools && !json_is_null(tools) && !json_is_array(tools))
        return wf_err_set(err, WF_E_INVAL, "\"tools\" must be a list.");
    c->q.tools = (struct wf_tool_rules){.tools = tools, .parallel = true};
    if (json_array_size(tools) == 0)
        c->q.tools.tools = NULL;
    if (choice.len == 0)
        return 0;
    if (!c->q.tools.tools)
        return wf_err_set(err, WF_E_INVAL, "\"tool_choice\" needs \"tools\".");
    c->q.tools.choice = WF_TOOL_NAMED;
    c->q.tools.name = choice.ptr;
    for (size_t i = 0; i < WF_ARRAY_LEN(words); i++) {
        if (strcmp(words[i], choice.ptr) == 0)
            c->q.tools.choice = (enum wf_tool_choice)i;
    }
    return 0;
}

static int read_schema(struct wf_op_chat *c, const json_t *params, struct wf_err *err)
{
    const json_t *schema = json_object_get(params, "schema");

    if (!schema || json_is_null(schema))
        return 0;
    if (!json_is_object(schema))
        return wf_err_set(err, WF_E_INVAL, "\"schema\" must be a JSON Schema: an object.");
    c->q.schema = schema;
    return 0;
}

/* "release": {"id", "reason"}, a person's release of this very request; {"as_is"} for looking. */
static int read_release(struct wf_op_chat *c, const json_t *params, struct wf_err *err)
{
    static const char *const fields[] = {"id", "reason", "as_is", NULL};
    const json_t *release = json_object_get(params, "release");

    if (!release || json_is_null(release))
        return 0;
    c->q.release_id = json_string_value(json_object_get(release, "id"));
    c->q.release_reason = json_string_value(json_object_get(release, "reason"));
    c->q.release_as_is = json_is_true(json_object_get(release, "as_is"));
    if (!json_is_object(release) || !c->q.release_id != !c->q.release_reason)
        return wf_err_set(err, WF_E_INVAL, "\"release\" must be an object with id and reason.");
    return wf_param_known(release, fields, err);
}

static int read_chat(struct wf_op_chat *c, const struct wf_op_call *call, struct wf_err *err)
{
    struct wf_str model;
    int rc = wf_param_str(call->params, "model", false, &model, err);

    if (rc != 0)
        return rc;
    c->q.model = model.len ? model.ptr : NULL;
    c->q.sampling = wf_sampling_default();
    c->q.sampling.seed = wf_rng_u64(NULL) >> 11; /* whole in a double, so that all can repeat it */
    c->q.canceled = call->sink->canceled;
    c->q.canceled_ud = call->sink->ud;
    rc = read_messages(c, call->params, err);
    if (rc == 0)
        rc = read_tools(c, call->params, err);
    if (rc == 0)
        rc = read_schema(c, call->params, err);
    if (rc == 0)
        rc = read_release(c, call->params, err);
    if (rc == 0)
        rc = wf_op__chat_options(c, json_object_get(call->params, "options"), err);
    return rc;
}

/* ---- what is answered ---- */

struct tool_call {
    json_t *id, *name;
    struct wf_buf arguments;
};

struct answer {
    struct wf_buf text, reasoning;
    struct tool_call *calls;
    size_t n_calls;
    const char *finish;
};

static int keep(struct wf_buf *to, struct wf_str text, struct wf_err *err)
{
    return wf_buf_append_str(to, text) == 0
               ? 0
               : wf_err_set(err, wf_buf_status(to), "The answer is too long to be held.");
}

static int add_call(struct answer *a, const struct wf_gen_event *e, struct wf_err *err)
{
    struct tool_call *calls;

    if (e->i_call != a->n_calls || a->n_calls >= CALLS_MAX)
        return wf_err_set(err, WF_E_LIMIT, "The answer has more than %d tool calls.", CALLS_MAX);
    calls = wf_realloc_array(a->calls, a->n_calls + 1, sizeof(*calls));
    if (!calls)
        return wf_op__no_memory(err);
    a->calls = calls;
    calls[a->n_calls].id = wf_json_repaired(e->call_id);
    calls[a->n_calls].name = wf_json_repaired(e->call_name);
    wf_buf_init(&calls[a->n_calls].arguments, ANSWER_BYTES_MAX);
    a->n_calls++;
    return 0;
}

static int tell(const struct wf_op_sink *sink, const struct wf_gen_event *e, struct wf_err *err)
{
    const char *name = "";
    json_t *data = wf_op__told(e, &name);

    if (data == NULL)
        return wf_op__no_memory(err);
    if (sink->event)
        sink->event(sink->ud, name, data);
    json_decref(data);
    return 0;
}

/* Tells the sink, and keeps it for the whole. */
static int take(struct answer *a, const struct wf_op_sink *sink, const struct wf_gen_event *e,
                struct wf_err *err)
{
    int rc = 0;

    switch (e->kind) {
    case WF_GEN_TEXT:
        rc = keep(&a->text, e->text, err);
        break;
    case WF_GEN_REASONING:
        rc = keep(&a->reasoning, e->text, err);
        break;
    case WF_GEN_CALL:
        rc = add_call(a, e, err);
        break;
    case WF_GEN_ARGUMENTS:
        rc = e->i_call < a->n_calls ? keep(&a->calls[e->i_call].arguments, e->text, err)
                                    : wf_err_set(err, WF_E_RANGE, "There is no such tool call.");
        break;
    case WF_GEN_END:
        a->finish = wf_gen_finish_name(e->finish);
        return 0;
    }
    return rc == 0 ? tell(sink, e, err) : rc;
}

static json_t *message_json(const struct answer *a)
{
    json_t *m = json_pack("{s:s, s:o}", "role", "assistant", "content",
                          wf_json_repaired(wf_buf_str(&a->text)));
    json_t *calls;

    if (m && a->reasoning.len > 0)
        json_object_set_new(m, "reasoning_content", wf_json_repaired(wf_buf_str(&a->reasoning)));
    /* A call that was given up half-way is none. */
    if (!m || a->n_calls == 0 || strcmp(a->finish, "canceled") == 0)
        return m;
    calls = json_array();
    for (size_t i = 0; i < a->n_calls; i++)
        json_array_append_new(
            calls, json_pack("{s:O, s:s, s:{s:O, s:o}}", "id", a->calls[i].id, "type", "function",
                             "function", "name", a->calls[i].name, "arguments",
                             wf_json_repaired(wf_buf_str(&a->calls[i].arguments))));
    json_object_set_new(m, "tool_calls", calls);
    return m;
}

static double ms(int64_t ns)
{
    return (double)ns / 1e6;
}

static json_t *usage_json(const struct wf_gen_usage *u)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f}", "context",
                     (json_int_t)u->n_context, "prompt", (json_int_t)u->n_prompt, "cached",
                     (json_int_t)u->n_cached, "truncated", (json_int_t)u->n_truncated, "written",
                     (json_int_t)u->n_written, "reasoning", (json_int_t)u->n_reasoning, "load_ms",
                     ms(u->load_ns), "queue_ms", ms(u->queue_ns), "prompt_ms", ms(u->prompt_ns),
                     "write_ms", ms(u->write_ns));
}

/* What is flagged in the answer, and who but the person may have provoked its calls. */
static json_t *result_json(const struct answer *a, const struct wf_gen_usage *u, uint64_t seed)
{
    /* The route's first word says who; "local" is this device. */
    bool is_here = u->route == NULL || strncmp(u->route, "local;", 6) == 0;
    size_t n = u->route != NULL ? strcspn(u->route, ";") : 0;

    return json_pack(
        "{s:o, s:s, s:s, s:I, s:o, s:{s:s%, s:s}, s:s*, s:s*}", "message", message_json(a),
        "finish", a->finish, "model", u->model, "seed", (json_int_t)seed, "usage", usage_json(u),
        "route", "place", is_here ? "this device" : u->route, is_here ? strlen("this device") : n,
        "reason", u->route != NULL ? u->route : "built-in engine, model on this device", "flagged",
        u->flags, "consent", a->n_calls > 0 ? u->consent : NULL);
}

static void free_answer(struct answer *a)
{
    wf_buf_deinit(&a->text);
    wf_buf_deinit(&a->reasoning);
    for (size_t i = 0; i < a->n_calls; i++) {
        json_decref(a->calls[i].id);
        json_decref(a->calls[i].name);
        wf_buf_deinit(&a->calls[i].arguments);
    }
    wf_free(a->calls);
}

/* Pulls all of it; given up, it is finished all the same. */
static int pull(struct wf_gen *g, const struct wf_op_sink *sink, struct answer *a,
                struct wf_err *err)
{
    struct wf_gen_event e;
    int rc;

    while ((rc = wf_gen_next(g, &e, err)) > 0) {
        rc = take(a, sink, &e, err);
        if (rc != 0)
            return rc;
    }
    if (rc == WF_E_CANCELED) {
        a->finish = "canceled";
        return 0;
    }
    return rc;
}

int wf_op__chat(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                struct wf_err *err)
{
    struct wf_op_chat c = {.template_vars = NULL};
    struct answer a = {.finish = "stop"};
    struct wf_gen *g = NULL;
    int rc;

    if (!ctx->engine)
        return wf_err_set(err, WF_E_UNSUPPORTED, "This weft runs no models.");
    wf_arena_init(&c.arena, 0, WF_DECLARED_BYTES_MAX);
    wf_buf_init(&a.text, ANSWER_BYTES_MAX);
    wf_buf_init(&a.reasoning, ANSWER_BYTES_MAX);
    rc = read_chat(&c, call, err);
    if (rc == 0)
        rc = wf_engine_generate(ctx->engine, &c.q, &g, err);
    if (rc == 0)
        rc = pull(g, call->sink, &a, err);
    if (rc == 0)
        rc = wf_op__give(result_json(&a, wf_gen_usage(g), c.q.sampling.seed), out_result, err);
    wf_gen_free(g);
    free_answer(&a);
    json_decref(c.template_vars);
    wf_arena_deinit(&c.arena);
    return rc;
}

int wf_op__release(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                   struct wf_err *err)
{
    struct wf_op_chat c = {.template_vars = NULL};
    int rc;

    if (!ctx->engine)
        return wf_err_set(err, WF_E_UNSUPPORTED, "This weft runs no models.");
    wf_arena_init(&c.arena, 0, WF_DECLARED_BYTES_MAX);
    rc = read_chat(&c, call, err);
    if (rc == 0)
        rc = wf_router_look(ctx->engine, &c.q, out_result, err);
    json_decref(c.template_vars);
    wf_arena_deinit(&c.arena);
    return rc;
}
