/* SPDX-License-Identifier: Apache-2.0 */
/* Messages about requests to models (forms in remote_message.h). The other side has the same owner
 * and proved it, and is held for hostile all the same: a node may have been taken over. */
#include "mesh/remote_message.h"

#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "crdt/lib0.h"
#include "text/utf8.h"

#define HAS_LOGPROBS 1u

static int no_message(struct wf_err *err)
{
    return wf_err_set(err, WF_E_FORMAT, "Another node sent what is no message about models.");
}

/* ---- messages ---- */

static uint32_t get_u32(const char *p)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < 4; i++)
        v |= (uint32_t)(unsigned char)p[i] << (8 * i);
    return v;
}

static bool is_error(int32_t code)
{
    return code < 0 && strcmp(wf_err_name(code), "WF_E_?") != 0;
}

/* Whether a kind is of a request. */
static bool has_id(enum wf_remote_kind kind)
{
    return kind >= WF_REMOTE_REQUEST;
}

static int read_number(struct wf_remote_message *m, struct wf_err *err)
{
    if (m->bytes.len < 4)
        return no_message(err);
    m->number = get_u32(m->bytes.ptr);
    m->bytes = wf_str_sub(m->bytes, 4, m->bytes.len);
    return 0;
}

int wf_remote_message_read(struct wf_str bytes, struct wf_remote_message *out, struct wf_err *err)
{
    struct wf_remote_message m = {.number = 0};
    int rc = 0;

    if (bytes.len < WF_REMOTE_HEAD_BYTES || (unsigned char)bytes.ptr[0] < WF_REMOTE_CATALOG ||
        (unsigned char)bytes.ptr[0] > WF_REMOTE_NUMBERS)
        return no_message(err);
    m.kind = (enum wf_remote_kind)bytes.ptr[0];
    m.id = get_u32(bytes.ptr + 1);
    m.bytes = wf_str_sub(bytes, WF_REMOTE_HEAD_BYTES, bytes.len);
    if (has_id(m.kind) != (m.id != 0))
        return no_message(err);
    if (m.kind == WF_REMOTE_REQUEST || m.kind == WF_REMOTE_CREDIT || m.kind == WF_REMOTE_ERROR)
        rc = read_number(&m, err);
    if (rc == 0 && m.kind == WF_REMOTE_ERROR) {
        m.code = (int)(int32_t)m.number;
        m.number = 0;
        rc = is_error(m.code) ? 0 : no_message(err);
    }
    if (rc == 0 &&
        (((m.kind == WF_REMOTE_PING || m.kind == WF_REMOTE_PONG) && m.bytes.len != 8) ||
         ((m.kind == WF_REMOTE_CREDIT || m.kind == WF_REMOTE_CANCEL) && m.bytes.len != 0) ||
         (m.kind == WF_REMOTE_NUMBERS && (m.bytes.len == 0 || m.bytes.len % sizeof(float) != 0))))
        rc = no_message(err);
    if (rc == 0)
        *out = m;
    return rc;
}

int wf_remote_message_write(const struct wf_remote_message *m, struct wf_buf *out)
{
    wf_buf_append_byte(out, (char)m->kind); /* the status is returned */
    wf_buf_append_u32le(out, m->id);
    if (m->kind == WF_REMOTE_ERROR)
        wf_buf_append_u32le(out, (uint32_t)(int32_t)m->code);
    else if (m->kind == WF_REMOTE_REQUEST || m->kind == WF_REMOTE_CREDIT)
        wf_buf_append_u32le(out, m->number);
    return wf_buf_append_str(out, m->bytes);
}

/* ---- events ---- */

static void put_f32(struct wf_buf *out, float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof(bits));
    wf_buf_append_u32le(out, bits);
}

static void put_logprob(struct wf_buf *out, const struct wf_gen_logprob *l)
{
    wf_lib0_append_bytes(out, l->token);
    wf_lib0_append_uint(out, (uint32_t)l->id);
    put_f32(out, l->logprob);
}

int wf_remote_event_write(const struct wf_gen_event *e, struct wf_buf *out)
{
    wf_buf_append_byte(out, (char)e->kind);
    wf_buf_append_byte(out, e->n_logprobs > 0 ? HAS_LOGPROBS : 0);
    wf_lib0_append_uint(out, e->i_choice);
    wf_lib0_append_uint(out, e->i_call);
    wf_lib0_append_bytes(out, e->text);
    if (e->kind == WF_GEN_CALL) {
        wf_lib0_append_bytes(out, e->call_id);
        wf_lib0_append_bytes(out, e->call_name);
    } else if (e->kind == WF_GEN_END) {
        wf_buf_append_byte(out, (char)e->finish);
        wf_lib0_append_bytes(out, e->stop);
    }
    if (e->n_logprobs > 0)
        wf_lib0_append_uint(out, e->n_logprobs);
    for (size_t i = 0; i < e->n_logprobs; i++) {
        const struct wf_gen_logprob *l = &e->logprobs[i];
        put_logprob(out, l);
        wf_lib0_append_uint(out, l->n_top);
        for (size_t k = 0; k < l->n_top; k++)
            put_logprob(out, &l->top[k]);
    }
    return wf_buf_status(out);
}

static float get_f32(struct wf_lib0_in *in)
{
    uint32_t bits;
    float x = 0;

    if (in->end - in->p < 4) {
        (void)wf_lib0_fail(in);
        return 0;
    }
    bits = get_u32((const char *)in->p);
    memcpy(&x, &bits, sizeof(x));
    in->p += 4;
    return x;
}

static void get_logprob(struct wf_lib0_in *in, struct wf_gen_logprob *out)
{
    uint64_t id;

    out->token = wf_lib0_bytes(in);
    id = wf_lib0_uint(in);
    out->id = id < WF_LIMIT_MODEL_VOCAB ? (int32_t)id : (int32_t)wf_lib0_fail(in);
    out->logprob = get_f32(in);
    if (!(out->logprob <= 0)) /* nor is it NaN */
        (void)wf_lib0_fail(in);
}

/* A number of things of which each takes so many bytes at least. */
static size_t get_count(struct wf_lib0_in *in, size_t max, size_t each)
{
    const uint64_t n = wf_lib0_uint(in);

    return n <= max && n <= (uint64_t)(in->end - in->p) / each ? (size_t)n
                                                               : (size_t)wf_lib0_fail(in);
}

static int get_logprobs(struct wf_lib0_in *in, struct wf_arena *arena, struct wf_gen_event *out)
{
    const size_t n = get_count(in, WF_REMOTE_LOGPROBS, 7);
    struct wf_gen_logprob *list = wf_arena_array(arena, n + 1, sizeof(*list));

    if (list == NULL)
        return WF_E_NOMEM;
    for (size_t i = 0; i < n && !in->bad; i++) {
        struct wf_gen_logprob *top;
        get_logprob(in, &list[i]);
        list[i].n_top = get_count(in, WF_LIMIT_LOGPROBS, 6);
        top = wf_arena_array(arena, list[i].n_top + 1, sizeof(*top));
        if (top == NULL)
            return WF_E_NOMEM;
        for (size_t k = 0; k < list[i].n_top && !in->bad; k++)
            get_logprob(in, &top[k]);
        list[i].top = top;
    }
    out->logprobs = list;
    out->n_logprobs = n;
    return 0;
}

/* A text that is one. */
static struct wf_str get_text(struct wf_lib0_in *in)
{
    const struct wf_str s = wf_lib0_bytes(in);

    if (wf_utf8_valid_prefix(s) != s.len)
        (void)wf_lib0_fail(in);
    return s;
}

static void get_event(struct wf_lib0_in *in, struct wf_gen_event *e, bool *out_has_logprobs)
{
    const uint8_t kind = wf_lib0_byte(in), flags = wf_lib0_byte(in);

    if (kind > WF_GEN_END || flags > HAS_LOGPROBS)
        (void)wf_lib0_fail(in);
    *out_has_logprobs = flags == HAS_LOGPROBS;
    e->kind = (enum wf_gen_event_kind)(in->bad ? WF_GEN_TEXT : kind);
    e->i_choice = wf_lib0_uint(in);
    e->i_call = wf_lib0_uint(in);
    e->text = get_text(in);
    if (e->i_choice >= WF_LIMIT_CHOICES || e->i_call > UINT32_MAX)
        (void)wf_lib0_fail(in);
    if (e->kind == WF_GEN_CALL) {
        e->call_id = get_text(in);
        e->call_name = get_text(in);
    } else if (e->kind == WF_GEN_END) {
        const uint8_t finish = wf_lib0_byte(in);
        e->finish =
            (enum wf_gen_finish)(finish <= WF_FINISH_TOOL_CALLS ? finish : wf_lib0_fail(in));
        e->stop = get_text(in);
    }
}

int wf_remote_event_next(struct wf_str bytes, size_t *io_at, struct wf_arena *arena,
                         struct wf_gen_event *out, struct wf_err *err)
{
    struct wf_lib0_in in = wf_lib0_in(bytes.ptr + *io_at, bytes.len - *io_at);
    struct wf_gen_event e = {.kind = WF_GEN_TEXT};
    bool has_logprobs = false;
    int rc = 0;

    if (*io_at >= bytes.len)
        return 0;
    get_event(&in, &e, &has_logprobs);
    if (has_logprobs && !in.bad)
        rc = get_logprobs(&in, arena, &e);
    if (rc != 0)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (an answer of another node).");
    if (in.bad)
        return no_message(err);
    *io_at = bytes.len - (size_t)(in.end - in.p);
    *out = e;
    return 1;
}

/* ---- counts ---- */

struct count {
    const char *name;
    size_t offset;
    bool is_time; /* int64_t, else size_t */
};

#define COUNT(name, field)                                                                         \
    {                                                                                              \
        name, offsetof(struct wf_gen_usage, field), false                                          \
    }
#define TIME(name, field)                                                                          \
    {                                                                                              \
        name, offsetof(struct wf_gen_usage, field), true                                           \
    }

static const struct count counts[] = {
    COUNT("context", n_context),     COUNT("prompt", n_prompt),   COUNT("cached", n_cached),
    COUNT("truncated", n_truncated), COUNT("written", n_written), COUNT("reasoning", n_reasoning),
    TIME("load_ns", load_ns),        TIME("queue_ns", queue_ns),  TIME("prompt_ns", prompt_ns),
    TIME("write_ns", write_ns),
};

int wf_remote_usage_write(const struct wf_gen_usage *u, struct wf_buf *out)
{
    json_t *v = json_pack("{s:s}", "model", u->model != NULL ? u->model : "");
    int rc = v == NULL ? -1 : 0;

    for (size_t i = 0; i < WF_ARRAY_LEN(counts) && rc == 0; i++) {
        const void *at = (const char *)u + counts[i].offset;
        rc = json_object_set_new(v, counts[i].name,
                                 json_integer(counts[i].is_time
                                                  ? (json_int_t) * (const int64_t *)at
                                                  : (json_int_t) * (const size_t *)at));
    }
    if (rc == 0)
        rc = wf_json_append(out, v);
    json_decref(v);
    return rc == 0 ? 0 : WF_E_NOMEM;
}

int wf_remote_usage_read(struct wf_str bytes, struct wf_arena *arena, struct wf_gen_usage *out,
                         const char **out_model, struct wf_err *err)
{
    json_t *v = NULL;
    int rc = wf_json_parse(bytes, &v, NULL);

    if (rc == WF_E_NOMEM)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (an answer of another node).");
    if (rc != 0 || !json_is_object(v)) {
        json_decref(v);
        return no_message(err);
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(counts); i++) {
        const json_int_t n = json_integer_value(json_object_get(v, counts[i].name));
        void *at = (char *)out + counts[i].offset;
        if (n < 0)
            continue;
        if (counts[i].is_time)
            *(int64_t *)at = n;
        else
            *(size_t *)at = (size_t)n;
    }
    if (out_model != NULL)
        *out_model = wf_arena_cstr(arena, wf_str_from(wf_json_text(v, "model")));
    json_decref(v);
    return out_model != NULL && *out_model == NULL
               ? wf_err_set(err, WF_E_NOMEM, "Out of memory (an answer of another node).")
               : 0;
}
