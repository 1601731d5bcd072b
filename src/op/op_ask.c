/* SPDX-License-Identifier: Apache-2.0 */
/* ask: a question, in a thread or beginning one. What is found is told as it is known (citations,
 * then the answer, sentence by sentence), the whole comes last and is kept as a turn of the thread.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "op/looked.h"
#include "op/op_internal.h"
#include "skill/ask.h"
#include "store/thread.h"
#include "text/sentence.h"

#define EARLIER_MAX 8 /* turns that a follow-up looks back on */

static json_t *citation_json(const struct wf_citation *c)
{
    json_t *v = wf_op__hit_json(&c->hit);

    if (v)
        json_object_set_new(v, "highlight",
                            json_pack("{s:I, s:I}", "start", (json_int_t)c->highlight_start_cp,
                                      "end", (json_int_t)c->highlight_end_cp));
    return v;
}

/* Where the answer was made, and how. */
static json_t *route_json(const struct wf_answer *a)
{
    /* The route's first word says who; "local" is this device. */
    const bool is_sent = a->model_route != NULL && strncmp(a->model_route, "local;", 6) != 0;
    const char *reason = "built-in, extractive", *sent = is_sent ? a->model_route : NULL;
    const char *place = sent != NULL && a->is_written ? sent : "this device";

    if (a->is_written)
        reason = sent != NULL ? "engine elsewhere; every statement cites what it stands on"
                              : "built-in model; every statement cites what it stands on";
    else if (a->model != NULL)
        reason = "quoted: nothing that the model wrote stood on the documents";
    return json_pack("{s:s%, s:s, s:s*, s:s*}", "place", place, strcspn(place, ";"), "reason",
                     reason, "model", a->model, "sent", sent);
}

/* Where in the answer's text the piece stands that answers; NULL: not known. */
static json_t *span_json(const struct wf_answer *a)
{
    if (a->is_written || a->span_end_cp == 0)
        return NULL;
    return json_pack("{s:I, s:I, s:f}", "start", (json_int_t)a->span_start_cp, "end",
                     (json_int_t)a->span_end_cp, "score", a->span_score);
}

static json_t *answer_json(const struct wf_answer *a, const char *thread)
{
    json_t *citations = json_array();

    for (size_t i = 0; i < a->n_citations; i++)
        json_array_append_new(citations, citation_json(&a->citations[i]));
    return json_pack("{s:o, s:o*, s:b, s:f, s:o, s:s, s:s, s:I, s:o}", "answer",
                     a->found ? wf_json_str(a->text) : json_null(), "span", span_json(a), "found",
                     (int)a->found, "confidence", a->confidence, "citations", citations, "thread",
                     thread, "mode", a->is_written ? "generative" : "extractive", "left_out",
                     (json_int_t)a->n_left_out, "route", route_json(a));
}

static void tell(const struct wf_op_sink *sink, const char *event, json_t *data)
{
    if (data && sink->event)
        sink->event(sink->ud, event, data);
    json_decref(data);
}

static void tell_answer(const struct wf_op_sink *sink, const struct wf_answer *a)
{
    struct wf_sentence s;
    size_t i = 0, from = 0;

    if (!sink->event || !a->found || a->is_written)
        return; /* what is written was told while it was */
    for (size_t k = 0; k < a->n_citations; k++)
        tell(sink, "citation", citation_json(&a->citations[k]));
    while (wf_sentence_next(a->text, &i, &s)) {
        tell(sink, "text",
             json_pack("{s:o}", "text", wf_json_str(wf_str_sub(a->text, from, s.end))));
        from = s.end;
    }
    if (from < a->text.len)
        tell(sink, "text",
             json_pack("{s:o}", "text", wf_json_str(wf_str_sub(a->text, from, a->text.len))));
}

static void tell_citation(void *ud, const struct wf_citation *c)
{
    tell(ud, "citation", citation_json(c));
}

static void tell_text(void *ud, struct wf_str text)
{
    tell(ud, "text", json_pack("{s:o}", "text", wf_json_str(text)));
}

static bool canceled(void *ud)
{
    const struct wf_op_sink *sink = ud;

    return sink->canceled != NULL && sink->canceled(sink->ud);
}

/* In a model's words or in the documents' own, as is asked for. */
static int answer(struct wf_op_context *ctx, const struct wf_op_call *call,
                  const struct wf_ask_query *q, struct wf_arena *arena, struct wf_answer *out,
                  struct wf_err *err)
{
    struct wf_op_sink own = *call->sink;
    const struct wf_ask_sink sink = {
        .citation = tell_citation, .text = tell_text, .canceled = canceled, .ud = &own};
    const char *model = NULL;
    bool writes = false;
    int rc = wf_op__writer(ctx, call->params, arena, &writes, &model, err);

    if (rc != 0)
        return rc;
    return writes ? wf_ask_written(ctx->store, ctx->engine, model, q, &sink, arena, out, err)
                  : wf_ask(ctx->store, q, arena, out, err);
}

/* ---- what came before in the thread ---- */

struct earlier {
    struct wf_str questions[EARLIER_MAX];
    size_t n_questions;
    struct wf_str documents[EARLIER_MAX];
    size_t n_documents;
};

/* The documents that the last answer cited. */
static void last_documents(const struct wf_turn *turn, struct wf_arena *arena, struct earlier *e)
{
    json_t *answer = NULL, *c;
    size_t i;

    if (wf_json_parse(turn->answer, &answer, NULL) != 0)
        return;
    json_array_foreach(json_object_get(answer, "citations"), i, c)
    {
        const char *id = json_string_value(json_object_get(c, "document"));
        struct wf_str copy = id ? wf_arena_dup(arena, wf_str_from(id)) : wf_str_n(NULL, 0);
        if (copy.len > 0 && e->n_documents < EARLIER_MAX)
            e->documents[e->n_documents++] = copy;
    }
    json_decref(answer);
}

static int look_back(struct wf_op_context *ctx, struct wf_str thread, struct wf_arena *arena,
                     struct earlier *e, struct wf_err *err)
{
    struct wf_turn *turns = NULL;
    struct wf_reader *r = NULL;
    struct wf_thread t;
    size_t n = 0;
    int rc = wf_store_reader_get(ctx->store, &r, err);

    if (rc != 0)
        return rc;
    rc = wf_thread_get(r, thread, arena, &t, err);
    if (rc == 0)
        rc = wf_thread_turns(r, thread, EARLIER_MAX, arena, &turns, &n, err);
    wf_store_reader_put(ctx->store, r);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        e->questions[e->n_questions++] = turns[i].question;
    if (n > 0)
        last_documents(&turns[n - 1], arena, e);
    return 0;
}

static int keep(struct wf_op_context *ctx, const char *thread, struct wf_str question,
                const json_t *answer, struct wf_err *err)
{
    struct wf_turn turn = {.question = question, .at_ms = wf_clock_wall_ms(ctx->clock)};
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_LIMIT_FRAME_BYTES);
    rc = wf_json_append(&b, answer);
    if (rc != 0)
        rc = wf_op__no_memory(err);
    turn.answer = wf_buf_str(&b);
    if (rc == 0)
        rc = wf_thread_append(ctx->store, wf_str_from(thread), &turn, err);
    wf_buf_deinit(&b);
    if (rc == 0)
        wf_op__threads_changed(ctx);
    return rc;
}

/* What is flagged in the sentences that a model read and in its answer. */
static int flag(struct wf_op_context *ctx, const struct wf_ask_query *q, const struct wf_answer *a,
                json_t *v, struct wf_err *err)
{
    const struct wf_looked l = {
        .question = q->question, .read = a->read, .n_read = a->n_read, .answer = a->text};

    return a->n_read > 0 ? wf_op_look(ctx, &l, v, err) : 0;
}

int wf_op__ask(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
               struct wf_err *err)
{
    char id[WF_THREAD_ID_BYTES + 1];
    struct earlier earlier = {.n_questions = 0};
    struct wf_ask_query q = {.n_citations_max = 0};
    struct wf_answer a;
    struct wf_arena arena;
    struct wf_str thread = {0};
    struct wf_op_release release;
    bool is_released = false;
    json_t *v = NULL;
    int rc = wf_op__read_release(ctx, call->params, &release, &is_released, err);

    wf_arena_init(&arena, 0, WF_OP_ARENA_BYTES_MAX);
    if (rc == 0)
        rc = wf_param_str(call->params, "question", true, &q.question, err);
    if (rc == 0)
        rc = wf_param_str(call->params, "thread", false, &thread, err);
    if (rc == 0)
        rc = wf_op__filter(call, &q.filter, err);
    if (rc == 0 && thread.len > 0)
        rc = look_back(ctx, thread, &arena, &earlier, err);
    if (rc == 0) {
        q.earlier = earlier.questions;
        q.n_earlier = earlier.n_questions;
        q.lens = ctx->lens;
        q.earlier_documents = earlier.documents;
        q.n_earlier_documents = earlier.n_documents;
        q.release = is_released ? &release.r : NULL;
        rc = answer(ctx, call, &q, &arena, &a, err);
    }
    if (rc == 0 && is_released && release.r.id == NULL) { /* no more than looked at */
        rc = wf_op__give_looked(&release, out_result, err);
        wf_arena_deinit(&arena);
        return rc;
    }
    if (rc == 0) {
        if (thread.len > 0)
            snprintf(id, sizeof(id), "%.*s", WF_STR_ARG(thread));
        else
            wf_thread_new_id(ctx->store, id);
        tell_answer(call->sink, &a);
        v = answer_json(&a, id);
        rc = v ? flag(ctx, &q, &a, v, err) : wf_op__no_memory(err);
    }
    if (rc == 0) {
        rc = keep(ctx, id, q.question, v, err);
    }
    if (rc == 0)
        *out_result = v;
    else
        json_decref(v);
    json_decref(release.looked);
    wf_arena_deinit(&arena);
    return rc;
}
