/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/embeddings. The answer can be large, so that it is written as it is made. */
#include <math.h>
#include <sodium.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "http/openai.h"
#include "op/json.h"

/* ---- from the body ---- */

struct embed {
    struct wf_embed_request q;
    enum wf_overflow overflow;
    const char *encoding;
    const json_t *input;
};

static int bad_input(struct wf_face_call *c, const char *name, struct wf_err *err)
{
    return wf_face_bad(c, name, "invalid_type", err,
                       "\"%s\" must be a text, tokens' ids, or an array of 1 to %d of those; none "
                       "may be empty.",
                       name, WF_LIMIT_TEXTS);
}

static int read_ids(struct wf_face_call *c, const char *name, const json_t *v, const int32_t **out,
                    size_t *out_n, struct wf_err *err)
{
    size_t n = json_array_size(v), i;
    int32_t *ids = wf_arena_array(&c->arena, WF_MAX(n, (size_t)1), sizeof(*ids));
    json_t *item;

    if (!ids)
        return wf_face_no_memory(err);
    json_array_foreach((json_t *)(uintptr_t)v, i, item)
    {
        json_int_t id = json_integer_value(item);
        if (!json_is_integer(item) || id < 0 || id >= WF_LIMIT_MODEL_VOCAB)
            return bad_input(c, name, err);
        ids[i] = (int32_t)id;
    }
    *out = ids;
    *out_n = n;
    return n > 0 ? 0 : bad_input(c, name, err);
}

static int read_all_ids(struct wf_face_call *c, struct embed *e, const char *name, const json_t *v,
                        struct wf_err *err)
{
    size_t n = e->q.n_texts;
    const int32_t **ids = wf_arena_array(&c->arena, n, sizeof(*ids));
    size_t *n_ids = wf_arena_array(&c->arena, n, sizeof(*n_ids));
    int rc = 0;

    if (!ids || !n_ids)
        return wf_face_no_memory(err);
    if (!json_is_array(json_array_get(v, 0)))
        rc = read_ids(c, name, v, &ids[0], &n_ids[0], err);
    else
        for (size_t i = 0; rc == 0 && i < n; i++)
            rc = read_ids(c, name, json_array_get(v, i), &ids[i], &n_ids[i], err);
    e->q.ids = ids;
    e->q.n_ids = n_ids;
    return rc;
}

static int read_texts(struct wf_face_call *c, struct embed *e, const char *name, const json_t *v,
                      struct wf_err *err)
{
    struct wf_str *texts = wf_arena_array(&c->arena, e->q.n_texts, sizeof(*texts));

    if (!texts)
        return wf_face_no_memory(err);
    for (size_t i = 0; i < e->q.n_texts; i++) {
        const json_t *item = json_is_array(v) ? json_array_get(v, i) : v;
        if (!json_is_string(item) || json_string_length(item) == 0)
            return bad_input(c, name, err);
        texts[i] = wf_str_n(json_string_value(item), json_string_length(item));
    }
    e->q.texts = texts;
    return 0;
}

static int read_input(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                      struct wf_err *err)
{
    struct embed *e = into;
    const json_t *first = json_array_get(v, 0);

    e->input = v;
    e->q.n_texts = json_is_array(v) && !json_is_integer(first) ? json_array_size(v) : 1;
    if (e->q.n_texts == 0 || e->q.n_texts > WF_LIMIT_TEXTS)
        return bad_input(c, name, err);
    if (json_is_integer(first) || json_is_array(first))
        return read_all_ids(c, e, name, v, err);
    return read_texts(c, e, name, v, err);
}

static int read_overflow(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                         struct wf_err *err)
{
    struct embed *e = into;

    return wf_face_overflow(c, name, v, &e->overflow, err);
}

static const struct wf_face_param rows[] = {
    {"overflow", WF_FACE_READ, 0, 0, 0, read_overflow, NULL},
    {"input", WF_FACE_READ, 0, 0, 0, read_input, NULL},
    {"model", WF_FACE_TEXT, offsetof(struct embed, q.model), 0, 0, NULL, NULL},
    {"encoding_format", WF_FACE_TEXT, offsetof(struct embed, encoding), 0, 0, NULL, NULL},
    {"dimensions", WF_FACE_SIZE, offsetof(struct embed, q.n_dims), 1, WF_LIMIT_MODEL_DIM, NULL,
     NULL},
    {"user", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL},
};

static int read_embed(struct wf_face_call *c, struct embed *e, struct wf_err *err)
{
    const struct wf_face_table table = {rows, WF_ARRAY_LEN(rows), e};
    int rc;

    *e = (struct embed){.encoding = "float", .q = {.canceled = wf_face_gone, .canceled_ud = c->r}};
    rc = wf_face_read(c, c->body, "", &table, 1, err);
    if (rc == 0 && !e->input)
        rc = wf_face_bad(c, "input", "missing_required_parameter", err, "\"input\" is missing.");
    if (rc == 0 && strcmp(e->encoding, "float") != 0 && strcmp(e->encoding, "base64") != 0)
        rc = wf_face_bad(c, "encoding_format", "invalid_value", err,
                         "\"encoding_format\" must be float or base64.");
    e->q.truncate = e->overflow == WF_OVERFLOW_TRUNCATE;
    return rc;
}

/* ---- the answer ---- */

static void append_base64(struct wf_buf *b, const float *v, size_t n)
{
    size_t room = sodium_base64_ENCODED_LEN(n * sizeof(float), sodium_base64_VARIANT_ORIGINAL);

    _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the API's order of bytes");
    wf_buf_append_byte(b, '"');
    if (wf_buf_reserve(b, room) == 0) {
        sodium_bin2base64(b->ptr + b->len, room, (const unsigned char *)v, n * sizeof(float),
                          sodium_base64_VARIANT_ORIGINAL);
        wf_buf_commit(b, room - 1); /* without the NUL */
    }
    wf_buf_append_byte(b, '"');
}

static void append_numbers(struct wf_buf *b, const float *v, size_t n)
{
    wf_buf_append_byte(b, '[');
    for (size_t i = 0; i < n; i++)
        wf_buf_appendf(b, "%s%.9g", i > 0 ? "," : "", isfinite(v[i]) ? (double)v[i] : 0.0);
    wf_buf_append_byte(b, ']');
}

static int append_end(struct wf_buf *b, const struct wf_embeddings *out)
{
    json_t *model = json_string(out->model);
    int rc = model ? 0 : WF_E_NOMEM;

    wf_buf_append_cstr(b, "],\"model\":");
    if (model)
        rc = wf_json_append(b, model);
    wf_buf_appendf(b, ",\"usage\":{\"prompt_tokens\":%zu,\"total_tokens\":%zu}}", out->n_tokens,
                   out->n_tokens);
    json_decref(model);
    return rc == 0 ? wf_buf_status(b) : rc;
}

/* Vector by vector; what cannot be sent breaks the connection. */
static void write_vectors(struct wf_face_call *c, const struct embed *e,
                          const struct wf_embeddings *out)
{
    struct wf_buf b;
    int rc = 0;

    wf_buf_init(&b, WF_LIMIT_HTTP_MODEL_ANSWER_BYTES);
    wf_buf_append_cstr(&b, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; rc == 0 && i < e->q.n_texts; i++) {
        const float *v = out->vectors + i * out->n_dims;
        wf_buf_appendf(
            &b, "%s{\"object\":\"embedding\",\"index\":%zu,\"embedding\":", i > 0 ? "," : "", i);
        if (strcmp(e->encoding, "base64") == 0)
            append_base64(&b, v, out->n_dims);
        else
            append_numbers(&b, v, out->n_dims);
        wf_buf_append_byte(&b, '}');
        rc = wf_buf_status(&b);
        if (rc == 0)
            rc = wf_answer_write(c->r, b.ptr, b.len);
        wf_buf_reset(&b);
    }
    if (rc == 0)
        rc = append_end(&b, out);
    if (rc == 0)
        rc = wf_answer_write(c->r, b.ptr, b.len);
    if (rc == 0)
        wf_answer_end(c->r);
    else
        wf_answer_break(c->r);
    wf_buf_deinit(&b);
}

void wf_handle_openai_embeddings(struct wf_request *r)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_face_call c;
    struct embed e = {.input = NULL};
    struct wf_embeddings out = {.vectors = NULL};

    if (wf_face_open(&c, r)) {
        int rc = read_embed(&c, &e, &err);
        if (rc == 0)
            rc = wf_engine_embed(c.engine, &e.q, &out, &err);
        if (rc == 0) {
            wf_face_about(&c, out.route[0] ? out.route : NULL, out.model, out.n_truncated);
            wf_face_begin(&c, 200, "application/json");
            write_vectors(&c, &e, &out);
        } else {
            wf_face_fail(&c, &err);
        }
        wf_free(out.vectors);
    }
    wf_face_close(&c);
}
