/* SPDX-License-Identifier: Apache-2.0 */
/* From messages to tokens: template, guards, truncation.
 *
 * A guard is a character that no text holds (GUARD): it is put behind the first character of every
 * name of a control token in what users and tools say, before the template sees it. The rendered
 * text is cut there, and each piece encoded alone, so that no name is whole any more.
 *
 * Truncation leaves out whole messages, the oldest first; system messages and the last one stay. */
#include "engine/prompt.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"
#include "model/messages.h"

/* U+10FFFF, a noncharacter: not for interchange, so nobody has it in a text. */
#define GUARD "\xf4\x8f\xbf\xbf"

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the prompt.");
}

/* ---- guards ---- */

/* The first name of a control token with this first byte; the names are sorted by it. */
static size_t first_with(const struct wf_loaded *l, unsigned char byte)
{
    size_t from = 0, to = l->n_control;

    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if ((unsigned char)l->control[mid].ptr[0] < byte)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static bool is_control_at(const struct wf_loaded *l, struct wf_str text, size_t at)
{
    struct wf_str rest = wf_str_sub(text, at, text.len);

    for (size_t i = first_with(l, (unsigned char)text.ptr[at]);
         i < l->n_control && l->control[i].ptr[0] == text.ptr[at]; i++) {
        if (wf_str_starts(rest, l->control[i]))
            return true;
    }
    return false;
}

/* Appends a text with its guards; what looks like a guard already is left out. Bytes behind the
 * first of a name are whole characters, since names begin with ASCII or are whole themselves. */
static int append_guarded(const struct wf_loaded *l, struct wf_str text, struct wf_buf *out)
{
    const struct wf_str guard = WF_STR(GUARD);
    size_t i = 0;

    while (i < text.len) {
        size_t n = 1;
        if (wf_str_starts(wf_str_sub(text, i, text.len), guard)) {
            i += guard.len;
            continue;
        }
        while (i + n < text.len && ((unsigned char)text.ptr[i + n] & 0xc0) == 0x80)
            n++;
        (void)wf_buf_append(out, text.ptr + i, n); /* looked at below */
        if (is_control_at(l, text, i))
            (void)wf_buf_append_str(out, guard);
        i += n;
    }
    return wf_buf_status(out);
}

static json_t *guarded_string(const struct wf_loaded *l, const json_t *s)
{
    struct wf_str text = wf_str_n(json_string_value(s), json_string_length(s));
    struct wf_buf b;
    json_t *v = NULL;

    wf_buf_init(&b, WF_LIMIT_ENCODE_BYTES * 2);
    if (append_guarded(l, text, &b) == 0)
        v = json_stringn_nocheck(b.ptr, b.len);
    wf_buf_deinit(&b);
    return v;
}

/* The content of a message (a text, or parts with texts) with guards; a new reference. */
static json_t *guarded_content(const struct wf_loaded *l, const json_t *content)
{
    json_t *copy, *part, *text;
    size_t i;

    if (json_is_string(content))
        return guarded_string(l, content);
    copy = json_deep_copy(content);
    json_array_foreach(copy, i, part)
    {
        text = json_object_get(part, "text");
        if (json_is_string(text) &&
            json_object_set_new(part, "text", guarded_string(l, text)) != 0) {
            json_decref(copy);
            return NULL;
        }
    }
    return copy;
}

/* Messages [from, ...) of the request (and all system ones before) with guards; a new array. */
static json_t *guarded_messages(const struct wf_loaded *l, const json_t *messages, size_t from)
{
    json_t *all = json_array(), *message, *copy, *content;
    const char *role;
    size_t i;

    json_array_foreach(messages, i, message)
    {
        role = json_string_value(json_object_get(message, "role"));
        if (role == NULL ||
            (i < from && strcmp(role, "system") != 0 && strcmp(role, "developer") != 0))
            continue;
        copy = json_copy(message);
        content = json_object_get(message, "content");
        if (copy != NULL && content != NULL && !json_is_null(content) &&
            (strcmp(role, "user") == 0 || strcmp(role, "tool") == 0) &&
            json_object_set_new(copy, "content", guarded_content(l, content)) != 0) {
            json_decref(copy);
            copy = NULL;
        }
        if (json_array_append_new(all, copy) != 0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

/* ---- tokens ---- */

/* Appends the tokens of a text whose control tokens count, cut at the guards. */
static int encode_guarded(const struct wf_loaded *l, struct wf_str text, struct wf_ids *out,
                          struct wf_err *err)
{
    const struct wf_str guard = WF_STR(GUARD);
    size_t at;
    int rc = 0;

    while (rc == 0 && text.len > 0) {
        at = wf_str_find(text, guard, 0);
        rc = wf_vocab_encode(l->vocab, wf_str_sub(text, 0, at), WF_ENCODE_CONTROL, out, err);
        text = at == SIZE_MAX ? wf_str_n(NULL, 0) : wf_str_sub(text, at + guard.len, text.len);
    }
    return rc;
}

/* The token that begins texts, unless the text brings it along. */
static int begin_text(const struct wf_loaded *l, struct wf_str text, struct wf_ids *out,
                      struct wf_err *err)
{
    int32_t bos = wf_vocab_bos(l->vocab);

    if (!wf_vocab_adds_bos(l->vocab) || bos == WF_TOKEN_NONE ||
        wf_str_starts(text, wf_vocab_name(l->vocab, bos)))
        return 0;
    return wf_ids_push(out, bos) == 0 ? 0 : no_memory(err);
}

static struct wf_str name_of(const struct wf_loaded *l, int32_t id)
{
    return id == WF_TOKEN_NONE ? wf_str_n(NULL, 0) : wf_vocab_name(l->vocab, id);
}

/* By the request's own template, or the model's. */
static int render_with(struct wf_loaded *l, const struct wf_gen_request *q,
                       const struct wf_chat *chat, struct wf_buf *out, struct wf_err *err)
{
    struct wf_str source = wf_str_from(q->chat_template);
    struct wf_template *own = NULL;
    struct wf_chat_style style;
    int rc;

    if (q->chat_template == NULL)
        return wf_messages_render(l->template, &l->style, l->dialect, chat, time(NULL), out, err);
    rc = wf_template_compile(source, &own, err);
    if (rc == 0)
        rc = wf_chat_style_of(own, source, &style, err);
    if (rc == 0)
        rc = wf_messages_render(own, &style, l->dialect, chat, time(NULL), out, err);
    wf_template_free(own);
    return rc;
}

static int render(struct wf_loaded *l, const struct wf_gen_request *q, size_t from,
                  struct wf_buf *out, struct wf_err *err)
{
    json_t *messages = guarded_messages(l, q->messages, from);
    const struct wf_chat chat = {.messages = messages,
                                 .tools = q->tools.choice != WF_TOOL_NONE ? q->tools.tools : NULL,
                                 .vars = q->template_vars,
                                 .bos = name_of(l, wf_vocab_bos(l->vocab)),
                                 .eos = name_of(l, wf_vocab_eos(l->vocab)),
                                 .continue_last = q->continue_last};
    struct wf_err why = WF_ERR_INIT;
    int rc = messages == NULL ? no_memory(err) : render_with(l, q, &chat, out, &why);

    json_decref(messages);
    if (messages == NULL || rc == 0)
        return rc;
    if (rc == WF_E_FORMAT) /* the template is well, what it was given is not */
        return wf_err_set(err, WF_E_INVAL, "The messages do not suit the model: %s", why.msg);
    /* A template's limits are not the prompt's length. */
    return wf_err_set(err, rc == WF_E_LIMIT ? WF_E_RANGE : rc, "%s", why.msg);
}

/* The tokens of the chat from message `from` on. */
static int make_chat(struct wf_loaded *l, const struct wf_gen_request *q, size_t from,
                     struct wf_prompt *out, struct wf_err *err)
{
    struct wf_buf text;
    int rc;

    out->ids.n = 0;
    wf_buf_init(&text, WF_LIMIT_ENCODE_BYTES * 2);
    rc = render(l, q, from, &text, err);
    if (rc == 0)
        rc = begin_text(l, wf_buf_str(&text), &out->ids, err);
    if (rc == 0)
        rc = encode_guarded(l, wf_buf_str(&text), &out->ids, err);
    if (rc == 0)
        out->thinks = wf_dialect_thinks(l->dialect, wf_buf_str(&text));
    wf_buf_deinit(&text);
    return rc;
}

/* Tokens that a prompt may have, so that an answer has room, too. */
static size_t room_for_prompt(const struct wf_loaded *l, const struct wf_gen_request *q)
{
    size_t answer = q->n_max > 0 && q->n_max < l->n_context / 2 ? q->n_max : l->n_context / 4;

    return l->n_context - (answer > 0 ? answer : 1);
}

static int refuse_long(const struct wf_loaded *l, size_t n, struct wf_err *err)
{
    return wf_err_set(err, WF_E_LIMIT,
                      "The prompt has %zu tokens; the context has %zu, and some are needed for the "
                      "answer. Shorten it, or load the model with a larger context.",
                      n, l->n_context);
}

/* Leaves the oldest messages out until the rest fits. */
static int truncate_chat(struct wf_loaded *l, const struct wf_gen_request *q, struct wf_prompt *io,
                         struct wf_err *err)
{
    size_t n_messages = json_array_size(q->messages), whole = io->ids.n;
    size_t most = room_for_prompt(l, q), from = 0;
    int rc = 0;

    while (rc == 0 && io->ids.n > most && from + 1 < n_messages) {
        const char *role;
        from++;
        /* A conversation begins with what a user says. */
        role = json_string_value(json_object_get(json_array_get(q->messages, from), "role"));
        if (from + 1 < n_messages && (role == NULL || strcmp(role, "user") != 0))
            continue;
        rc = make_chat(l, q, from, io, err);
    }
    if (rc == 0 && io->ids.n > most)
        rc = refuse_long(l, io->ids.n, err);
    io->n_truncated = rc == 0 ? whole - io->ids.n : 0;
    return rc;
}

/* ---- texts to go on with ---- */

static int32_t fill_token(const struct wf_loaded *l, const char *key, const char *old_key,
                          const char *const *names)
{
    const struct wf_gguf *g = wf_model_gguf(l->model);
    uint64_t id = 0;

    if ((wf_gguf_u64(g, key, &id) || wf_gguf_u64(g, old_key, &id)) && id < wf_vocab_size(l->vocab))
        return (int32_t)id;
    for (; *names != NULL; names++) {
        int32_t found = wf_vocab_find(l->vocab, wf_str_from(*names));
        if (found != WF_TOKEN_NONE)
            return found;
    }
    return WF_TOKEN_NONE;
}

/* prefix token, prefix, suffix token, suffix, middle token: the model writes what stands between
 * (Bavarian et al. 2022). */
static int make_filling(struct wf_loaded *l, const struct wf_gen_request *q, struct wf_ids *out,
                        struct wf_err *err)
{
    static const char *const pre_names[] = {"<|fim_prefix|>", "<fim_prefix>",  "<fim-prefix>",
                                            "<PRE>",          "<|fim▁begin|>", NULL};
    static const char *const suf_names[] = {"<|fim_suffix|>", "<fim_suffix>", "<fim-suffix>",
                                            "<SUF>",          "<|fim▁hole|>", NULL};
    static const char *const mid_names[] = {"<|fim_middle|>", "<fim_middle>", "<fim-middle>",
                                            "<MID>",          "<|fim▁end|>",  NULL};
    int32_t pre = fill_token(l, "tokenizer.ggml.fim_pre_token_id", "tokenizer.ggml.prefix_token_id",
                             pre_names);
    int32_t suf = fill_token(l, "tokenizer.ggml.fim_suf_token_id", "tokenizer.ggml.suffix_token_id",
                             suf_names);
    int32_t mid = fill_token(l, "tokenizer.ggml.fim_mid_token_id", "tokenizer.ggml.middle_token_id",
                             mid_names);
    int rc;

    if (pre == WF_TOKEN_NONE || suf == WF_TOKEN_NONE || mid == WF_TOKEN_NONE)
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "The model was not made to fill in the middle of a text (\"suffix\").");
    rc = begin_text(l, wf_str_n(NULL, 0), out, err);
    if (rc == 0)
        rc = wf_ids_push(out, pre);
    if (rc == 0)
        rc = wf_vocab_encode(l->vocab, q->prompt, 0, out, err);
    if (rc == 0)
        rc = wf_ids_push(out, suf);
    if (rc == 0)
        rc = wf_vocab_encode(l->vocab, q->suffix, 0, out, err);
    if (rc == 0)
        rc = wf_ids_push(out, mid);
    return rc;
}

static int make_text(struct wf_loaded *l, const struct wf_gen_request *q, struct wf_prompt *out,
                     struct wf_err *err)
{
    struct wf_ids *ids = &out->ids;
    size_t most, cut;
    int rc = 0;

    if (q->prompt_ids != NULL) {
        for (size_t i = 0; i < q->n_prompt_ids && rc == 0; i++)
            rc = wf_ids_push(ids, q->prompt_ids[i]);
        rc = rc == 0 ? 0 : no_memory(err);
    } else if (q->suffix.len > 0) {
        rc = make_filling(l, q, ids, err);
    } else {
        rc = begin_text(l, q->prompt, ids, err);
        if (rc == 0)
            rc = wf_vocab_encode(l->vocab, q->prompt, WF_ENCODE_CONTROL, ids, err);
        if (rc == 0 && ids->n == 0 && wf_vocab_bos(l->vocab) != WF_TOKEN_NONE)
            rc = wf_ids_push(ids, wf_vocab_bos(l->vocab)) == 0 ? 0 : no_memory(err);
    }
    most = room_for_prompt(l, q);
    if (rc == 0 && ids->n > most && q->overflow == WF_OVERFLOW_TRUNCATE && q->suffix.len == 0) {
        cut = ids->n - most;
        memmove(ids->ptr, ids->ptr + cut, most * sizeof(*ids->ptr));
        ids->n = most;
        out->n_truncated = cut;
    }
    return rc;
}

int wf_prompt_make(struct wf_loaded *l, const struct wf_gen_request *q, struct wf_prompt *out,
                   struct wf_err *err)
{
    struct wf_prompt p = {.n_truncated = 0};
    int rc;

    if (l->vocab == NULL)
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "The model file has no tokenizer: it cannot be asked anything.");
    if (l->is_encoder)
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "%s makes embeddings; it does not write text. Choose a chat model.",
                          l->entry.name);
    rc = q->messages != NULL ? make_chat(l, q, 0, &p, err) : make_text(l, q, &p, err);
    if (rc == 0 && q->messages != NULL && q->overflow == WF_OVERFLOW_TRUNCATE &&
        p.ids.n > room_for_prompt(l, q))
        rc = truncate_chat(l, q, &p, err);
    if (rc == 0 && p.ids.n >= l->n_context)
        rc = refuse_long(l, p.ids.n, err);
    if (rc == 0 && p.ids.n == 0)
        rc = wf_err_set(err, WF_E_INVAL, "There is no text to go on with.");
    if (rc != 0)
        wf_free(p.ids.ptr);
    else
        *out = p;
    return rc;
}
