/* SPDX-License-Identifier: Apache-2.0 */
/* Flags of what a model read in documents and of what it wrote from that. Of documents only words
 * to a model and what nobody sees count: their links, pictures and numbers are what they are. */
#include "op/looked.h"

#include "base/limits.h"
#include "op/json.h"
#include "op/label.h"
#include "privacy/inbound.h"
#include "text/utf8.h"

#define SHOWN_MAX 5u
#define SHOWN_BYTES 200u
/* What counts in documents. */
#define IN_DOCUMENTS (1u << WF_INBOUND_INSTRUCTION | 1u << WF_INBOUND_UNSEEN)

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
}

/* {"link": 2}; NULL out of memory. `kinds`: bits of those that count. */
static json_t *counts_json(const struct wf_inbound_flag *flags, size_t n, unsigned kinds)
{
    uint32_t counts[WF_INBOUND_COUNT] = {0};
    json_t *v = json_object();

    for (size_t i = 0; i < n; i++)
        counts[flags[i].kind] += (kinds >> flags[i].kind) & 1u;
    for (int i = 0; i < WF_INBOUND_COUNT; i++)
        if (counts[i] > 0)
            (void)json_object_set_new(v, wf_inbound_name((enum wf_inbound_kind)i),
                                      json_integer(counts[i])); /* asked by the caller's pack */
    return v;
}

/* The flagged words themselves, so that a person sees who tried what. */
static json_t *words_json(struct wf_str text, const struct wf_inbound_flag *flags, size_t n)
{
    json_t *v = json_array();

    for (size_t i = 0; i < n && json_array_size(v) < SHOWN_MAX; i++) {
        struct wf_str s = wf_str_sub(text, flags[i].start, flags[i].end);
        if (flags[i].kind != WF_INBOUND_INSTRUCTION)
            continue;
        s = wf_str_sub(s, 0, SHOWN_BYTES);
        (void)json_array_append_new(v, wf_json_str(wf_str_sub(s, 0, wf_utf8_valid_prefix(s))));
    }
    return v;
}

struct looking {
    const struct wf_looked *l;
    struct wf_inbound_run *run;
    struct wf_labeler *labeler;
    struct wf_buf read; /* the sentences, a line each */
    struct wf_buf sent; /* and the question */
};

static int look_at_documents(struct looking *k, json_t *out, struct wf_err *err)
{
    const struct wf_inbound_ask ask = {.answer = wf_buf_str(&k->read),
                                       .sent = wf_buf_str(&k->read)};
    const struct wf_inbound_flag *flags = NULL;
    json_t *counts, *words;
    size_t n = 0;
    int rc = wf_inbound_scan(k->run, &ask, &flags, &n, err);

    if (rc != 0)
        return rc;
    counts = counts_json(flags, n, IN_DOCUMENTS);
    words = words_json(ask.answer, flags, n);
    if (counts == NULL || words == NULL)
        rc = no_memory(err);
    if (rc == 0 && json_object_size(counts) > 0)
        rc = json_object_set(out, "documents", counts);
    if (rc == 0 && json_array_size(words) > 0)
        rc = json_object_set(out, "instructions", words);
    json_decref(counts);
    json_decref(words);
    return rc == 0 ? 0 : no_memory(err);
}

static int look_at_answer(struct looking *k, json_t *out, struct wf_err *err)
{
    struct wf_inbound_ask ask = {.answer = k->l->answer, .sent = wf_buf_str(&k->sent)};
    const struct wf_inbound_flag *flags = NULL;
    json_t *counts;
    size_t n = 0;
    int rc = 0;

    if (k->l->answer.len == 0)
        return 0;
    if (k->labeler != NULL)
        rc = wf_labeler_scan(k->labeler, ask.answer, &ask.found, err);
    if (rc == 0)
        rc = wf_inbound_scan(k->run, &ask, &flags, &n, err);
    if (rc != 0)
        return rc;
    counts = counts_json(flags, n, ~0u);
    if (counts == NULL || (json_object_size(counts) > 0 && json_object_set(out, "answer", counts)))
        rc = no_memory(err);
    json_decref(counts);
    return rc;
}

static int look(struct looking *k, const struct wf_op_context *ctx, json_t *out, struct wf_err *err)
{
    const struct wf_labeler_options lo = {.detector = ctx->detector, .policy = ctx->policy};
    int rc = wf_inbound_run_new(ctx->inbound, &k->run, err);

    for (size_t i = 0; i < k->l->n_read; i++) {
        (void)wf_buf_append_str(&k->read, k->l->read[i]);
        (void)wf_buf_append_byte(&k->read, '\n');
    }
    (void)wf_buf_append_str(&k->sent, k->l->question);
    (void)wf_buf_append_byte(&k->sent, '\n');
    if (wf_buf_append_str(&k->sent, wf_buf_str(&k->read)) != 0)
        rc = no_memory(err);
    if (rc == 0 && ctx->detector != NULL)
        rc = wf_labeler_new(&lo, &k->labeler, err);
    if (rc == 0)
        rc = look_at_documents(k, out, err);
    if (rc == 0)
        rc = look_at_answer(k, out, err);
    wf_labeler_free(k->labeler);
    wf_inbound_run_free(k->run);
    return rc;
}

int wf_op_look(const struct wf_op_context *ctx, const struct wf_looked *l, json_t *object,
               struct wf_err *err)
{
    struct looking k = {.l = l};
    json_t *out = json_object();
    int rc = out == NULL ? no_memory(err) : 0;

    wf_buf_init(&k.read, WF_LIMIT_DETECT_BYTES);
    wf_buf_init(&k.sent, WF_LIMIT_DETECT_BYTES);
    if (rc == 0 && ctx->inbound != NULL)
        rc = look(&k, ctx, out, err);
    if (rc != 0 && rc != WF_E_NOMEM) { /* too strange to be looked at: it has been told, say so */
        (void)json_object_clear(out);
        rc = json_object_set_new(out, "unscanned", json_true()) == 0 ? 0 : no_memory(err);
    }
    if (rc == 0 && json_object_size(out) > 0 && json_object_set(object, "flagged", out) != 0)
        rc = no_memory(err);
    json_decref(out);
    wf_buf_deinit(&k.read);
    wf_buf_deinit(&k.sent);
    return rc;
}

int wf_op_look_at_text(const struct wf_op_context *ctx, struct wf_str text, size_t *out_n,
                       struct wf_err *err)
{
    const struct wf_inbound_ask ask = {.answer = text, .sent = text};
    const struct wf_inbound_flag *flags = NULL;
    struct wf_inbound_run *run = NULL;
    size_t n = 0;
    int rc;

    *out_n = 0;
    if (ctx->inbound == NULL)
        return 0;
    rc = wf_inbound_run_new(ctx->inbound, &run, err);
    if (rc == 0)
        rc = wf_inbound_scan(run, &ask, &flags, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        *out_n += (IN_DOCUMENTS >> flags[i].kind) & 1u;
    wf_inbound_run_free(run);
    if (rc == 0 || rc == WF_E_NOMEM)
        return rc;
    *out_n = SIZE_MAX;
    return 0;
}
