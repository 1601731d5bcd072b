/* SPDX-License-Identifier: Apache-2.0 */
/* A generation's events put together, for answers that are not streamed. */
#include <math.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "http/face.h"
#include "op/json.h"

#define CALLS_MAX 256            /* tool calls of one answer */
#define LOGPROB_LOWEST (-9999.0) /* OpenAI's word for "never" */

static json_t *one_logprob(const struct wf_gen_logprob *p, bool with_top)
{
    json_t *bytes = json_array(), *v;
    double logprob = isfinite(p->logprob) ? (double)p->logprob : LOGPROB_LOWEST;

    for (size_t i = 0; i < p->token.len; i++)
        json_array_append_new(bytes, json_integer((unsigned char)p->token.ptr[i]));
    v = json_pack("{s:o, s:f, s:o}", "token", wf_json_repaired(p->token), "logprob", logprob,
                  "bytes", bytes);
    if (v && with_top)
        json_object_set_new(v, "top_logprobs", json_array());
    for (size_t i = 0; with_top && i < p->n_top; i++)
        json_array_append_new(json_object_get(v, "top_logprobs"), one_logprob(&p->top[i], false));
    return v;
}

json_t *wf_face_logprobs(const struct wf_gen_logprob *p, size_t n)
{
    json_t *v = json_array();

    for (size_t i = 0; v && i < n; i++) {
        if (json_array_append_new(v, one_logprob(&p[i], true)) != 0) {
            json_decref(v);
            return NULL;
        }
    }
    return v;
}

static int add_call(struct wf_face_choice *ch, const struct wf_gen_event *e, struct wf_err *err)
{
    struct wf_face_tool_call *calls, *call;

    if (e->i_call != ch->n_calls || ch->n_calls >= CALLS_MAX)
        return wf_err_set(err, WF_E_LIMIT, "The answer has too many tool calls.");
    calls = wf_realloc_array(ch->calls, ch->n_calls + 1, sizeof(*calls));
    if (!calls)
        return wf_face_no_memory(err);
    ch->calls = calls;
    call = &calls[ch->n_calls++];
    *call = (struct wf_face_tool_call){.id = wf_memdup0(e->call_id.ptr, e->call_id.len),
                                       .name = wf_memdup0(e->call_name.ptr, e->call_name.len)};
    wf_buf_init(&call->arguments, WF_LIMIT_FRAME_BYTES);
    return call->id && call->name ? 0 : wf_face_no_memory(err);
}

static int add_logprobs(struct wf_face_choice *ch, const struct wf_gen_event *e, struct wf_err *err)
{
    json_t *more;
    int rc;

    if (e->n_logprobs == 0)
        return 0;
    if (!ch->logprobs)
        ch->logprobs = json_array();
    more = wf_face_logprobs(e->logprobs, e->n_logprobs);
    rc = ch->logprobs && more ? json_array_extend(ch->logprobs, more) : -1;
    json_decref(more);
    return rc == 0 ? 0 : wf_face_no_memory(err);
}

static int add(struct wf_face_choice *ch, const struct wf_gen_event *e, struct wf_err *err)
{
    int rc = 0;

    switch (e->kind) {
    case WF_GEN_TEXT:
        rc = wf_buf_append_str(&ch->text, e->text);
        break;
    case WF_GEN_REASONING:
        rc = wf_buf_append_str(&ch->reasoning, e->text);
        break;
    case WF_GEN_CALL:
        return add_call(ch, e, err);
    case WF_GEN_ARGUMENTS:
        if (e->i_call >= ch->n_calls)
            return wf_err_set(err, WF_E_FORMAT, "Arguments came before their tool call.");
        rc = wf_buf_append_str(&ch->calls[e->i_call].arguments, e->text);
        break;
    case WF_GEN_END:
        ch->finish = e->finish;
        if (e->finish == WF_FINISH_STOP_TEXT && !(ch->stop = wf_memdup0(e->stop.ptr, e->stop.len)))
            return wf_face_no_memory(err);
        break;
    }
    return rc == 0 ? add_logprobs(ch, e, err) : wf_face_no_memory(err);
}

int wf_face_written_init(struct wf_face_written *w, size_t n_choices, struct wf_err *err)
{
    *w = (struct wf_face_written){.choices = wf_alloc_array(n_choices, sizeof(*w->choices))};
    if (!w->choices)
        return wf_face_no_memory(err);
    w->n_choices = n_choices;
    for (size_t i = 0; i < n_choices; i++) {
        wf_buf_init(&w->choices[i].text, WF_LIMIT_FRAME_BYTES);
        wf_buf_init(&w->choices[i].reasoning, WF_LIMIT_FRAME_BYTES);
    }
    return 0;
}

int wf_face_written_add(struct wf_face_written *w, const struct wf_gen_event *e, struct wf_err *err)
{
    return e->i_choice < w->n_choices ? add(&w->choices[e->i_choice], e, err)
                                      : wf_err_set(err, WF_E_RANGE, "There is no such choice.");
}

int wf_face_gather(struct wf_gen *g, size_t n_choices, struct wf_face_written *out,
                   struct wf_err *err)
{
    struct wf_gen_event e;
    int rc = wf_face_written_init(out, n_choices, err);

    while (rc == 0 && (rc = wf_gen_next(g, &e, err)) > 0)
        rc = wf_face_written_add(out, &e, err);
    return rc;
}

void wf_face_written_free(struct wf_face_written *w)
{
    for (size_t i = 0; i < w->n_choices; i++) {
        struct wf_face_choice *ch = &w->choices[i];
        for (size_t k = 0; k < ch->n_calls; k++) {
            wf_free(ch->calls[k].id);
            wf_free(ch->calls[k].name);
            wf_buf_deinit(&ch->calls[k].arguments);
        }
        wf_free(ch->calls);
        wf_free(ch->stop);
        json_decref(ch->logprobs);
        wf_buf_deinit(&ch->text);
        wf_buf_deinit(&ch->reasoning);
    }
    wf_free(w->choices);
    *w = (struct wf_face_written){.n_choices = 0};
}
