/* SPDX-License-Identifier: Apache-2.0 */
/* An engine's events as Anthropic's: numbered blocks, one open at a time.
 *
 * A block begins where the kind of what is written changes and ends where it changes again. As a
 * stream it is told piece by piece; gathered it becomes one entry of the message's content. The
 * signature of thoughts, which Anthropic's servers check, is a word that says whose they are: here
 * nothing has to be checked, and clients send it back unread. */
#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "http/anthropic.h"
#include "op/json.h"

#define SIGNATURE "weft"

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
}

int wf_anthropic_writer_init(struct wf_anthropic_writer *w, struct wf_err *err)
{
    w->_block = WF_BLOCK_NONE;
    w->_i_block = 0;
    w->_open = NULL;
    w->_finish = WF_FINISH_STOP;
    wf_buf_init(&w->_text, WF_LIMIT_FRAME_BYTES);
    wf_buf_init(&w->_stop, WF_LIMIT_FRAME_BYTES);
    w->_content = json_array();
    return w->_content ? 0 : no_memory(err);
}

void wf_anthropic_writer_deinit(struct wf_anthropic_writer *w)
{
    json_decref(w->_content);
    json_decref(w->_open);
    w->_content = w->_open = NULL;
    wf_buf_deinit(&w->_text);
    wf_buf_deinit(&w->_stop);
}

static json_t *usage_json(const struct wf_gen_usage *u)
{
    size_t n_cached = WF_MIN(u->n_cached, u->n_prompt);

    return json_pack("{s:I, s:I, s:I, s:I, s:{s:I}}", "input_tokens",
                     (json_int_t)(u->n_prompt - n_cached), "cache_creation_input_tokens",
                     (json_int_t)0, "cache_read_input_tokens", (json_int_t)n_cached,
                     "output_tokens", (json_int_t)u->n_written, "output_tokens_details",
                     "thinking_tokens", (json_int_t)u->n_reasoning);
}

/* The message without its end; `content` is borrowed. */
static json_t *message_json(const struct wf_anthropic_writer *w, json_t *content,
                            const struct wf_gen_usage *u)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:O, s:n, s:n, s:o}", "id", w->id, "type", "message",
                     "role", "assistant", "model", w->model, "content", content, "stop_reason",
                     "stop_sequence", "usage", usage_json(u));
}

int wf_anthropic_begin(struct wf_anthropic_writer *w, const struct wf_gen_usage *usage,
                       struct wf_err *err)
{
    json_t *message;
    int rc;

    if (!w->emit)
        return 0;
    message = message_json(w, w->_content, usage);
    rc = w->emit(w->ud, "message_start",
                 json_pack("{s:s, s:o}", "type", "message_start", "message", message), err);
    return rc == 0 ? w->emit(w->ud, "ping", json_pack("{s:s}", "type", "ping"), err) : rc;
}

/* ---- blocks ---- */

static int delta(struct wf_anthropic_writer *w, const char *type, const char *key,
                 struct wf_str text, struct wf_err *err)
{
    return w->emit(w->ud, "content_block_delta",
                   json_pack("{s:s, s:I, s:{s:s, s:s%}}", "type", "content_block_delta", "index",
                             (json_int_t)w->_i_block, "delta", "type", type, key,
                             text.len ? text.ptr : "", text.len),
                   err);
}

/* What was gathered becomes the open block's. */
static int fill(struct wf_anthropic_writer *w, struct wf_err *err)
{
    struct wf_str text = wf_buf_str(&w->_text);
    const char *key = w->_block == WF_BLOCK_TEXT       ? "text"
                      : w->_block == WF_BLOCK_THINKING ? "thinking"
                                                       : "input";
    json_t *value = NULL;

    if (w->_block == WF_BLOCK_TOOL && text.len == 0)
        value = json_object();
    else if (w->_block == WF_BLOCK_TOOL && wf_json_parse(text, &value, NULL) == WF_E_NOMEM)
        value = NULL;
    else if (!value)
        value = wf_json_str(text); /* arguments that were cut short stay a text */
    if (!value || json_object_set_new(w->_open, key, value) != 0 ||
        json_array_append(w->_content, w->_open) != 0)
        return no_memory(err);
    json_decref(w->_open);
    w->_open = NULL;
    return 0;
}

static int close_block(struct wf_anthropic_writer *w, struct wf_err *err)
{
    int rc = 0;

    if (w->_block == WF_BLOCK_NONE)
        return 0;
    if (!w->emit) {
        rc = fill(w, err);
    } else {
        if (w->_block == WF_BLOCK_THINKING)
            rc = delta(w, "signature_delta", "signature", WF_STR(SIGNATURE), err);
        if (rc == 0)
            rc = w->emit(w->ud, "content_block_stop",
                         json_pack("{s:s, s:I}", "type", "content_block_stop", "index",
                                   (json_int_t)w->_i_block),
                         err);
    }
    wf_buf_reset(&w->_text);
    w->_block = WF_BLOCK_NONE;
    w->_i_block++;
    return rc;
}

static json_t *block_json(const struct wf_anthropic_writer *w, enum wf_anthropic_block kind,
                          const struct wf_gen_event *e)
{
    if (kind == WF_BLOCK_TEXT)
        return json_pack("{s:s, s:s}", "type", "text", "text", "");
    if (kind == WF_BLOCK_THINKING)
        return json_pack("{s:s, s:s, s:s}", "type", "thinking", "thinking", "", "signature",
                         w->emit ? "" : SIGNATURE);
    return json_pack("{s:s, s:s%, s:s%, s:{}}", "type", "tool_use", "id",
                     e->call_id.len ? e->call_id.ptr : "", e->call_id.len, "name",
                     e->call_name.len ? e->call_name.ptr : "", e->call_name.len, "input");
}

/* Opens a block of this kind, unless one is open (calls: always a new one). */
static int open_block(struct wf_anthropic_writer *w, enum wf_anthropic_block kind,
                      const struct wf_gen_event *e, struct wf_err *err)
{
    json_t *block;
    int rc;

    if (w->_block == kind && kind != WF_BLOCK_TOOL)
        return 0;
    rc = close_block(w, err);
    if (rc != 0)
        return rc;
    block = block_json(w, kind, e);
    if (!block)
        return no_memory(err);
    w->_block = kind;
    if (!w->emit) {
        w->_open = block;
        return 0;
    }
    return w->emit(w->ud, "content_block_start",
                   json_pack("{s:s, s:I, s:o}", "type", "content_block_start", "index",
                             (json_int_t)w->_i_block, "content_block", block),
                   err);
}

static int add(struct wf_anthropic_writer *w, struct wf_str text, struct wf_err *err)
{
    if (text.len == 0)
        return 0;
    if (!w->emit) {
        if (wf_buf_append_str(&w->_text, text) == 0)
            return 0;
        return wf_err_set(err, wf_buf_status(&w->_text), "The answer is longer than weft sends.");
    }
    if (w->_block == WF_BLOCK_TEXT)
        return delta(w, "text_delta", "text", text, err);
    if (w->_block == WF_BLOCK_THINKING)
        return delta(w, "thinking_delta", "thinking", text, err);
    return delta(w, "input_json_delta", "partial_json", text, err);
}

int wf_anthropic_write(struct wf_anthropic_writer *w, const struct wf_gen_event *e,
                       struct wf_err *err)
{
    int rc = 0;

    switch (e->kind) {
    case WF_GEN_TEXT:
        rc = e->text.len == 0 ? 0 : open_block(w, WF_BLOCK_TEXT, e, err);
        return rc == 0 ? add(w, e->text, err) : rc;
    case WF_GEN_REASONING:
        if (!w->thinking.enabled || e->text.len == 0)
            return 0;
        rc = open_block(w, WF_BLOCK_THINKING, e, err);
        return rc == 0 && !w->thinking.omitted ? add(w, e->text, err) : rc;
    case WF_GEN_CALL:
        return open_block(w, WF_BLOCK_TOOL, e, err);
    case WF_GEN_ARGUMENTS:
        assert(w->_block == WF_BLOCK_TOOL);
        return add(w, e->text, err);
    case WF_GEN_END:
        w->_finish = e->finish;
        if (e->finish == WF_FINISH_STOP_TEXT && wf_buf_append_str(&w->_stop, e->stop) != 0)
            return no_memory(err);
        return close_block(w, err);
    }
    return rc;
}

/* ---- the end ---- */

static const char *stop_reason(const struct wf_anthropic_writer *w, const struct wf_gen_usage *u)
{
    switch (w->_finish) {
    case WF_FINISH_STOP_TEXT:
        return "stop_sequence";
    case WF_FINISH_LENGTH:
        return u->n_written < w->n_max ? "model_context_window_exceeded" : "max_tokens";
    case WF_FINISH_TOOL_CALLS:
        return "tool_use";
    case WF_FINISH_STOP:
    case WF_FINISH_MOVED:
        break;
    }
    return "end_turn";
}

int wf_anthropic_end(struct wf_anthropic_writer *w, const struct wf_gen_usage *usage, json_t **out,
                     struct wf_err *err)
{
    json_t *reason = json_string(stop_reason(w, usage));
    json_t *stop =
        w->_finish == WF_FINISH_STOP_TEXT ? wf_json_str(wf_buf_str(&w->_stop)) : json_null();
    int rc = close_block(w, err);

    *out = NULL;
    if (rc == 0 && w->emit) {
        rc = w->emit(w->ud, "message_delta",
                     json_pack("{s:s, s:{s:O, s:O}, s:o}", "type", "message_delta", "delta",
                               "stop_reason", reason, "stop_sequence", stop, "usage",
                               usage_json(usage)),
                     err);
        if (rc == 0)
            rc = w->emit(w->ud, "message_stop", json_pack("{s:s}", "type", "message_stop"), err);
    } else if (rc == 0) {
        *out = message_json(w, w->_content, usage);
        if (!*out || json_object_set(*out, "stop_reason", reason) != 0 ||
            json_object_set(*out, "stop_sequence", stop) != 0) {
            json_decref(*out);
            *out = NULL;
            rc = no_memory(err);
        }
    }
    json_decref(reason);
    json_decref(stop);
    return rc;
}
