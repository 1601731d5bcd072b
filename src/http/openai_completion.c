/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/completions: texts or tokens that are gone on with. Several prompts are written one
 * after the other; choice i of prompt k has the index k * n + i. */
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "http/openai.h"
#include "op/json.h"
#include "text/utf8.h"

#define PROMPTS_MAX 256
#define LOGPROBS_MAX 20

struct prompt {
    struct wf_str text;
    const int32_t *ids; /* NULL: text */
    size_t n_ids;
};

struct completion {
    struct wf_gen_request q;
    struct prompt *prompts;
    size_t n_prompts;
    size_t best_of;
    bool stream, include_usage, echo;
};

/* ---- from the body ---- */

static int read_ids(struct wf_face_call *c, const char *name, const json_t *v, struct prompt *out,
                    struct wf_err *err)
{
    size_t n = json_array_size(v), i;
    int32_t *ids = wf_arena_array(&c->arena, WF_MAX(n, (size_t)1), sizeof(*ids));
    json_t *item;

    if (!ids)
        return wf_face_no_memory(err);
    json_array_foreach(v, i, item)
    {
        json_int_t id = json_integer_value(item);
        if (!json_is_integer(item) || id < 0 || id >= WF_LIMIT_MODEL_VOCAB)
            return wf_face_bad(c, name, "invalid_type", err,
                               "\"%s\" must hold texts or tokens' ids, not both.", name);
        ids[i] = (int32_t)id;
    }
    *out = (struct prompt){.ids = ids, .n_ids = n};
    return 0;
}

static int read_one(struct wf_face_call *c, const char *name, const json_t *v, struct prompt *out,
                    struct wf_err *err)
{
    if (json_is_array(v) && json_array_size(v) > 0)
        return read_ids(c, name, v, out, err);
    if (!json_is_string(v))
        return wf_face_bad(c, name, "invalid_type", err,
                           "\"%s\" must be a text, tokens' ids, or an array of those.", name);
    *out = (struct prompt){.text = wf_str_n(json_string_value(v), json_string_length(v))};
    return 0;
}

static int read_prompt(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                       struct wf_err *err)
{
    struct completion *q = into;
    bool is_list = json_is_array(v) && !json_is_integer(json_array_get(v, 0));
    size_t n = is_list ? json_array_size(v) : 1;
    int rc = 0;

    if (n == 0 || n > PROMPTS_MAX)
        return wf_face_bad(c, name, "invalid_value", err, "\"%s\" must hold 1 to %d prompts.", name,
                           PROMPTS_MAX);
    q->prompts = wf_arena_array(&c->arena, n, sizeof(*q->prompts));
    if (!q->prompts)
        return wf_face_no_memory(err);
    q->n_prompts = n;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = read_one(c, name, is_list ? json_array_get(v, i) : v, &q->prompts[i], err);
    return rc;
}

static int read_suffix(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                       struct wf_err *err)
{
    struct completion *q = into;

    if (!json_is_string(v))
        return wf_face_bad(c, name, "invalid_type", err, "\"%s\" must be a text.", name);
    q->q.suffix = wf_str_n(json_string_value(v), json_string_length(v));
    return 0;
}

static int read_logprobs(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                         struct wf_err *err)
{
    struct completion *q = into;
    json_int_t n = json_integer_value(v);

    if (!json_is_integer(v) || n < 0 || n > LOGPROBS_MAX)
        return wf_face_bad(c, name, "invalid_value", err,
                           "\"%s\" must be a whole number from 0 to %d.", name, LOGPROBS_MAX);
    q->q.wants_logprobs = true;
    q->q.n_top_logprobs = (size_t)n;
    return 0;
}

static int read_stream_options(struct wf_face_call *c, void *into, const char *name,
                               const json_t *v, struct wf_err *err)
{
    static const struct wf_face_param rows[] = {
        {"include_usage", WF_FACE_BOOL, offsetof(struct completion, include_usage), 0, 0, NULL,
         NULL},
        {"include_obfuscation", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
    };
    struct wf_face_table table = {rows, WF_ARRAY_LEN(rows), into};

    if (!json_is_object(v))
        return wf_face_bad(c, name, "invalid_type", err, "\"%s\" must be an object.", name);
    return wf_face_read(c, v, "stream_options.", &table, 1, err);
}

#define FIELD(f) offsetof(struct completion, f)

static const struct wf_face_param rows[] = {
    {"prompt", WF_FACE_READ, 0, 0, 0, read_prompt, NULL},
    {"suffix", WF_FACE_READ, 0, 0, 0, read_suffix, NULL},
    {"logprobs", WF_FACE_READ, 0, 0, 0, read_logprobs, NULL},
    {"stream_options", WF_FACE_READ, 0, 0, 0, read_stream_options, NULL},
    {"max_tokens", WF_FACE_READ, 0, 0, 0, wf_openai_read_max, NULL},
    {"echo", WF_FACE_BOOL, FIELD(echo), 0, 0, NULL, NULL},
    {"stream", WF_FACE_BOOL, FIELD(stream), 0, 0, NULL, NULL},
    {"n", WF_FACE_SIZE, FIELD(q.n_choices), 1, WF_LIMIT_CHOICES, NULL, NULL},
    {"best_of", WF_FACE_SIZE, FIELD(best_of), 1, WF_LIMIT_CHOICES, NULL, NULL},
    {"cache_prompt", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
};

static int check(struct wf_face_call *c, const struct completion *q, struct wf_err *err)
{
    if (!q->prompts)
        return wf_face_bad(c, "prompt", "missing_required_parameter", err,
                           "\"prompt\" is missing.");
    if (q->best_of > 0 && q->best_of != q->q.n_choices)
        return wf_face_bad(c, "best_of", "unsupported_parameter", err,
                           "\"best_of\" other than \"n\" is not supported.");
    if (q->echo && q->q.wants_logprobs)
        return wf_face_bad(c, "echo", "unsupported_parameter", err,
                           "\"echo\" together with \"logprobs\" is not supported.");
    for (size_t i = 0; q->echo && i < q->n_prompts; i++) {
        if (q->prompts[i].ids)
            return wf_face_bad(c, "echo", "unsupported_parameter", err,
                               "\"echo\" of tokens' ids is not supported; send texts.");
    }
    return wf_openai_check(c, &q->q, err);
}

static int read_completion(struct wf_face_call *c, struct completion *q, struct wf_err *err)
{
    const struct wf_face_table tables[] = {
        {rows, WF_ARRAY_LEN(rows), q},
        {wf_face_sampling_rows, wf_face_sampling_n_rows, &q->q},
    };
    int rc;

    *q = (struct completion){.n_prompts = 0};
    wf_face_request(c, &q->q);
    q->q.n_choices = 1;
    q->q.n_max = 16; /* as OpenAI has it */
    rc = wf_face_read(c, c->body, "", tables, WF_ARRAY_LEN(tables), err);
    return rc == 0 ? check(c, q, err) : rc;
}

static int generate(struct wf_face_call *c, struct completion *q, size_t i, struct wf_gen **out,
                    struct wf_err *err)
{
    q->q.prompt = q->prompts[i].text;
    q->q.prompt_ids = q->prompts[i].ids;
    q->q.n_prompt_ids = q->prompts[i].n_ids;
    return wf_engine_generate(c->engine, &q->q, out, err);
}

/* ---- the answer ---- */

/* The old form, from that of chats; *io_offset: characters of the text so far. */
static json_t *logprobs_json(const json_t *content, size_t *io_offset)
{
    json_t *tokens = json_array(), *values = json_array(), *tops = json_array(),
           *offsets = json_array(), *one, *other;
    size_t i, k;

    json_array_foreach((json_t *)(uintptr_t)content, i, one)
    {
        json_t *top = json_object();
        const json_t *token = json_object_get(one, "token");
        json_array_append(tokens, (json_t *)(uintptr_t)token);
        json_array_append(values, json_object_get(one, "logprob"));
        json_array_append_new(offsets, json_integer((json_int_t)*io_offset));
        json_array_foreach(json_object_get(one, "top_logprobs"), k, other)
            json_object_set(top, wf_json_text(other, "token"), json_object_get(other, "logprob"));
        json_array_append_new(tops, top);
        *io_offset += wf_utf8_count(wf_str_n(json_string_value(token), json_string_length(token)));
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "tokens", tokens, "token_logprobs", values,
                     "top_logprobs", tops, "text_offset", offsets);
}

/* text and logprobs are taken over; finish NULL: more comes. */
static json_t *choice_json(size_t index, json_t *text, json_t *logprobs, const char *finish)
{
    return json_pack("{s:I, s:o, s:o, s:o}", "index", (json_int_t)index, "text", text, "logprobs",
                     logprobs, "finish_reason", finish ? json_string(finish) : json_null());
}

struct answer {
    struct wf_face_call *c;
    struct completion *q;
    const char *id;
    json_int_t created;
    char model[256];
    struct wf_gen_usage total; /* of all prompts */
    size_t *offsets;           /* [n_choices] characters written, for logprobs */
    json_t *choices;
};

static void add_usage(struct answer *a, const struct wf_gen_usage *u)
{
    a->total.n_prompt += u->n_prompt;
    a->total.n_cached += u->n_cached;
    a->total.n_truncated += u->n_truncated;
    a->total.n_written += u->n_written;
    a->total.n_reasoning += u->n_reasoning;
}

static void note_model(struct answer *a, const struct wf_gen_usage *u)
{
    struct wf_str name = wf_str_from(u->model);

    name = wf_str_sub(name, 0, sizeof(a->model) - 1);
    memcpy(a->model, name.len > 0 ? name.ptr : "", name.len);
    a->model[name.len] = 0;
}

/* `choices` and usage are taken over. */
static json_t *object(struct answer *a, json_t *choices, json_t *usage)
{
    json_t *v = json_pack("{s:s, s:s, s:I, s:s, s:o, s:s}", "id", a->id, "object",
                          "text_completion", "created", a->created, "model", a->model, "choices",
                          choices, "system_fingerprint", "weft-" WF_VERSION);

    if (v && usage)
        json_object_set_new(v, "usage", usage);
    else
        json_decref(usage);
    return v;
}

static int add_whole(struct answer *a, struct wf_gen *g, size_t i_prompt, struct wf_err *err)
{
    struct wf_face_written w;
    int rc = wf_face_gather(g, a->q->q.n_choices, &w, err);

    for (size_t i = 0; rc == 0 && i < w.n_choices; i++) {
        const struct wf_face_choice *ch = &w.choices[i];
        struct wf_buf text;
        size_t offset = 0;
        wf_buf_init(&text, WF_LIMIT_HTTP_MODEL_ANSWER_BYTES);
        if (a->q->echo)
            wf_buf_append_str(&text, a->q->prompts[i_prompt].text);
        wf_buf_append_str(&text, wf_buf_str(&ch->text));
        rc = json_array_append_new(
            a->choices,
            choice_json(i_prompt * w.n_choices + i,
                        wf_buf_status(&text) == 0 ? wf_json_repaired(wf_buf_str(&text)) : NULL,
                        a->q->q.wants_logprobs ? logprobs_json(ch->logprobs, &offset) : json_null(),
                        wf_gen_finish_name(ch->finish)));
        wf_buf_deinit(&text);
        if (rc != 0)
            rc = wf_face_no_memory(err);
    }
    wf_face_written_free(&w);
    return rc;
}

static int send_event(struct answer *a, const struct wf_gen_event *e, size_t i_prompt,
                      struct wf_err *err)
{
    size_t n = a->q->q.n_choices;
    json_t *logprobs = json_null(), *choice, *all;
    const char *finish = NULL;

    if (e->kind == WF_GEN_END)
        finish = wf_gen_finish_name(e->finish);
    else if (e->kind != WF_GEN_TEXT)
        return 0;
    if (e->i_choice >= n)
        return wf_err_set(err, WF_E_RANGE, "There is no such choice.");
    if (e->n_logprobs > 0 && a->q->q.wants_logprobs) {
        all = wf_face_logprobs(e->logprobs, e->n_logprobs);
        logprobs = logprobs_json(all, &a->offsets[e->i_choice]);
        json_decref(all);
    }
    choice = choice_json(i_prompt * n + e->i_choice,
                         finish ? json_string("") : wf_json_repaired(e->text), logprobs, finish);
    return wf_face_send(
        a->c, NULL, object(a, json_pack("[o]", choice), a->q->include_usage ? json_null() : NULL),
        err);
}

static int send_echo(struct answer *a, size_t i_prompt, struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; a->q->echo && rc == 0 && i < a->q->q.n_choices; i++) {
        json_t *choice =
            choice_json(i_prompt * a->q->q.n_choices + i,
                        wf_json_repaired(a->q->prompts[i_prompt].text), json_null(), NULL);
        rc = wf_face_send(a->c, NULL, object(a, json_pack("[o]", choice), NULL), err);
    }
    return rc;
}

static int stream_one(struct answer *a, struct wf_gen *g, size_t i_prompt, struct wf_err *err)
{
    struct wf_gen_event e;
    int rc;

    memset(a->offsets, 0, a->q->q.n_choices * sizeof(*a->offsets));
    if (i_prompt == 0) {
        wf_face_about(a->c, wf_gen_usage(g)->route, a->model, wf_gen_usage(g)->n_truncated);
        wf_face_stream(a->c, false);
    }
    rc = send_echo(a, i_prompt, err);
    while (rc == 0 && (rc = wf_gen_next(g, &e, err)) > 0)
        rc = send_event(a, &e, i_prompt, err);
    return rc;
}

static int write_all(struct answer *a, struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < a->q->n_prompts; i++) {
        struct wf_gen *g = NULL;
        rc = generate(a->c, a->q, i, &g, err);
        if (rc == 0) {
            note_model(a, wf_gen_usage(g));
            rc = a->q->stream ? stream_one(a, g, i, err) : add_whole(a, g, i, err);
            add_usage(a, wf_gen_usage(g));
        }
        wf_gen_free(g);
    }
    return rc;
}

static void answer(struct wf_face_call *c, struct completion *q)
{
    struct wf_err err = WF_ERR_INIT;
    struct answer a = {.c = c,
                       .q = q,
                       .id = wf_face_id(c, "cmpl-"),
                       .created = wf_face_now_s(c),
                       .offsets = wf_arena_array(&c->arena, q->q.n_choices, sizeof(size_t)),
                       .choices = json_array()};
    int rc = a.id && a.offsets && a.choices ? write_all(&a, &err) : wf_face_no_memory(&err);

    if (rc == 0 && q->stream) {
        if (q->include_usage)
            rc = wf_face_send(c, NULL, object(&a, json_array(), wf_openai_usage(&a.total)), &err);
        if (rc == 0)
            rc = wf_face_send_text(c, "[DONE]", &err);
        if (rc == 0)
            wf_face_stream_end(c);
    } else if (rc == 0) {
        wf_face_about(c, NULL, a.model, a.total.n_truncated);
        wf_face_answer(c, 200, object(&a, json_incref(a.choices), wf_openai_usage(&a.total)));
    }
    if (rc != 0)
        wf_face_fail(c, &err);
    json_decref(a.choices);
}

void wf_handle_openai_completions(struct wf_request *r)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_face_call c;
    struct completion q;

    if (wf_face_open(&c, r)) {
        if (read_completion(&c, &q, &err) == 0)
            answer(&c, &q);
        else
            wf_face_fail(&c, &err);
    }
    wf_face_close(&c);
}
