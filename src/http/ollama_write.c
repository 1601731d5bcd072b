/* SPDX-License-Identifier: Apache-2.0 */
/* An engine's events as Ollama's objects: many, a line each, or one.
 *
 * Text and thoughts go out as they come. A tool call goes out whole, since its arguments are an
 * object here; it is finished when something else follows. Durations are nanoseconds. */
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "http/face.h"
#include "http/ollama.h"
#include "op/json.h"

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
}

int wf_ollama_writer_init(struct wf_ollama_writer *w, struct wf_err *err)
{
    wf_buf_init(&w->_text, WF_LIMIT_FRAME_BYTES);
    wf_buf_init(&w->_thought, WF_LIMIT_FRAME_BYTES);
    wf_buf_init(&w->_call_name, WF_LIMIT_FRAME_BYTES);
    wf_buf_init(&w->_call_id, WF_LIMIT_FRAME_BYTES);
    wf_buf_init(&w->_arguments, WF_LIMIT_FRAME_BYTES);
    w->_in_call = false;
    w->_n_calls = 0;
    w->_finish = WF_FINISH_STOP;
    w->_calls = json_array();
    w->_logprobs = json_array();
    return w->_calls && w->_logprobs ? 0 : no_memory(err);
}

void wf_ollama_writer_deinit(struct wf_ollama_writer *w)
{
    wf_buf_deinit(&w->_text);
    wf_buf_deinit(&w->_thought);
    wf_buf_deinit(&w->_call_name);
    wf_buf_deinit(&w->_call_id);
    wf_buf_deinit(&w->_arguments);
    json_decref(w->_calls);
    json_decref(w->_logprobs);
    w->_calls = w->_logprobs = NULL;
}

/* What one object says: any part may be empty. */
struct part {
    struct wf_str text, thought;
    const json_t *calls, *logprobs; /* borrowed; NULL: none */
    bool done;
};

static json_t *object(const struct wf_ollama_writer *w, const struct part *p)
{
    char now[WF_FACE_TIME_BYTES];
    json_t *o, *holder;
    bool ok;

    wf_face_time(wf_clock_wall_ms(NULL), now);
    o = json_pack("{s:s, s:s, s:b}", "model", w->model, "created_at", now, "done", p->done);
    holder = w->is_chat ? json_pack("{s:s}", "role", "assistant") : json_incref(o);
    ok =
        o && holder &&
        json_object_set_new(holder, w->is_chat ? "content" : "response", wf_json_str(p->text)) == 0;
    ok = ok && (p->thought.len == 0 ||
                json_object_set_new(holder, "thinking", wf_json_str(p->thought)) == 0);
    ok = ok &&
         (json_array_size(p->calls) == 0 ||
          json_object_set_new(holder, "tool_calls", json_copy((json_t *)(uintptr_t)p->calls)) == 0);
    ok = ok && (!w->is_chat || json_object_set(o, "message", holder) == 0);
    ok = ok &&
         (json_array_size(p->logprobs) == 0 ||
          json_object_set_new(o, "logprobs", json_copy((json_t *)(uintptr_t)p->logprobs)) == 0);
    json_decref(holder);
    if (ok)
        return o;
    json_decref(o);
    return NULL;
}

static int tell(struct wf_ollama_writer *w, const struct part *p, struct wf_err *err)
{
    return w->emit(w->ud, object(w, p), err);
}

static int gather(struct wf_buf *b, struct wf_str text, struct wf_err *err)
{
    if (wf_buf_append_str(b, text) == 0)
        return 0;
    return wf_err_set(err, wf_buf_status(b), "The answer is longer than weft sends.");
}

static int add_logprobs(struct wf_ollama_writer *w, const struct wf_gen_event *e,
                        struct wf_err *err)
{
    json_t *more;
    int rc;

    if (!w->wants_logprobs || e->n_logprobs == 0)
        return 0;
    more = wf_face_logprobs(e->logprobs, e->n_logprobs); /* Ollama took OpenAI's form */
    rc = more && json_array_extend(w->_logprobs, more) == 0 ? 0 : no_memory(err);
    json_decref(more);
    return rc;
}

/* ---- events ---- */

static json_t *call_json(struct wf_ollama_writer *w)
{
    struct wf_str text = wf_buf_str(&w->_arguments);
    json_t *arguments = NULL;
    int rc = text.len == 0 ? 0 : wf_json_parse(text, &arguments, NULL);

    if (rc == WF_E_NOMEM)
        return NULL;
    if (!arguments) /* those that were cut short stay a text */
        arguments = text.len == 0 ? json_object() : wf_json_str(text);
    return json_pack("{s:s%, s:{s:I, s:s%, s:o}}", "id", w->_call_id.ptr, w->_call_id.len,
                     "function", "index", (json_int_t)w->_n_calls, "name", w->_call_name.ptr,
                     w->_call_name.len, "arguments", arguments);
}

/* The call that was being written is whole. */
static int end_call(struct wf_ollama_writer *w, struct wf_err *err)
{
    int rc = 0;

    if (!w->_in_call)
        return 0;
    w->_in_call = false;
    if (json_array_append_new(w->_calls, call_json(w)) != 0)
        return no_memory(err);
    w->_n_calls++;
    if (w->emit) {
        rc = tell(w, &(struct part){.calls = w->_calls}, err);
        json_array_clear(w->_calls);
    }
    wf_buf_reset(&w->_call_name);
    wf_buf_reset(&w->_call_id);
    wf_buf_reset(&w->_arguments);
    return rc;
}

static int write_text(struct wf_ollama_writer *w, const struct wf_gen_event *e, struct wf_err *err)
{
    bool is_thought = e->kind == WF_GEN_REASONING;
    int rc = add_logprobs(w, e, err);

    if (rc != 0 || (is_thought && !w->shows_thoughts))
        return rc;
    /* The context needs the answer's text also when it has gone out already. */
    if (!w->emit || (w->context_base && !is_thought))
        rc = gather(is_thought ? &w->_thought : &w->_text, e->text, err);
    if (rc != 0 || !w->emit || (e->text.len == 0 && json_array_size(w->_logprobs) == 0))
        return rc;
    rc = tell(w,
              &(struct part){.text = is_thought ? wf_str_n(NULL, 0) : e->text,
                             .thought = is_thought ? e->text : wf_str_n(NULL, 0),
                             .logprobs = w->_logprobs},
              err);
    json_array_clear(w->_logprobs);
    return rc;
}

int wf_ollama_write(struct wf_ollama_writer *w, const struct wf_gen_event *e, struct wf_err *err)
{
    int rc = 0;

    if (e->kind == WF_GEN_ARGUMENTS)
        return gather(&w->_arguments, e->text, err);
    rc = end_call(w, err);
    if (rc != 0)
        return rc;
    switch (e->kind) {
    case WF_GEN_TEXT:
    case WF_GEN_REASONING:
        return write_text(w, e, err);
    case WF_GEN_CALL:
        w->_in_call = true;
        rc = gather(&w->_call_name, e->call_name, err);
        return rc == 0 ? gather(&w->_call_id, e->call_id, err) : rc;
    case WF_GEN_END:
        w->_finish = e->finish;
        break;
    case WF_GEN_ARGUMENTS:
        break;
    }
    return 0;
}

/* ---- the end ---- */

static int add_context(struct wf_ollama_writer *w, json_t *o, struct wf_err *err)
{
    json_t *messages = json_copy((json_t *)(uintptr_t)w->context_base), *context = NULL;

    if (messages &&
        json_array_append_new(messages, json_pack("{s:s, s:s%}", "role", "assistant", "content",
                                                  w->_text.ptr, w->_text.len)) == 0)
        context = wf_ollama_context_write(messages);
    json_decref(messages);
    return context && json_object_set_new(o, "context", context) == 0 ? 0 : no_memory(err);
}

static int add_figures(const struct wf_ollama_writer *w, json_t *o, const struct wf_gen_usage *u,
                       struct wf_err *err)
{
    json_t *f = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "done_reason",
                          w->_finish == WF_FINISH_LENGTH ? "length" : "stop", "total_duration",
                          (json_int_t)(wf_clock_mono_ns(NULL) - w->start_ns), "load_duration",
                          (json_int_t)u->load_ns, "prompt_eval_count", (json_int_t)u->n_prompt,
                          "prompt_eval_duration", (json_int_t)u->prompt_ns, "eval_count",
                          (json_int_t)u->n_written, "eval_duration", (json_int_t)u->write_ns);
    bool ok = f && json_object_update(o, f) == 0;

    /* Ollama leaves parts of a long prompt out without a word. */
    if (ok && u->n_truncated > 0)
        ok = json_object_set_new(o, "prompt_truncated", json_integer((json_int_t)u->n_truncated)) ==
             0;
    json_decref(f);
    return ok ? 0 : no_memory(err);
}

int wf_ollama_end(struct wf_ollama_writer *w, const struct wf_gen_usage *usage, json_t **out,
                  struct wf_err *err)
{
    struct part p = {.done = true, .logprobs = w->_logprobs};
    int rc = end_call(w, err);
    json_t *o;

    if (rc != 0)
        return rc;
    if (!w->emit) {
        p.text = wf_buf_str(&w->_text);
        p.thought = wf_buf_str(&w->_thought);
        p.calls = w->_calls;
    }
    o = object(w, &p);
    rc = o ? add_figures(w, o, usage, err) : no_memory(err);
    if (rc == 0 && w->context_base)
        rc = add_context(w, o, err);
    if (rc == 0)
        *out = o;
    else
        json_decref(o);
    return rc;
}

json_t *wf_ollama_loaded(const struct wf_ollama_writer *w, const char *reason)
{
    json_t *o = object(w, &(struct part){.done = true});

    if (o && json_object_set_new(o, "done_reason", json_string(reason)) == 0)
        return o;
    json_decref(o);
    return NULL;
}
