/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for vectors and scores of texts, as JSON and back. */
#include "base/json.h"
#include "base/limits.h"
#include "mesh/remote_request_internal.h"

/* ---- writing ---- */

/* Puts a part, which is taken over, into a request with that head. */
static json_t *with(json_t *head, const char *name, json_t *part, const struct wf_str *texts,
                    size_t n)
{
    int rc = head == NULL || part == NULL ? -1 : 0;

    if (rc == 0)
        rc = wf_remote_request__set_texts(part, "texts", texts, n);
    if (rc == 0)
        rc = json_object_set(head, name, part);
    json_decref(part);
    if (rc == 0)
        return head;
    json_decref(head);
    return NULL;
}

int wf_remote_embed_write(const struct wf_embed_request *q, const char *model, const char *id,
                          enum wf_label label, struct wf_buf *out, struct wf_err *err)
{
    json_t *part = json_pack("{s:I, s:b}", "dims", (json_int_t)q->n_dims, "raw", q->is_raw);

    return wf_remote_request__append(with(wf_remote_request__head(id, model, label, q->truncate),
                                          "embed", part, q->texts, q->n_texts),
                                     out, err);
}

int wf_remote_rank_write(const struct wf_rerank_request *q, const char *model, const char *id,
                         enum wf_label label, struct wf_buf *out, struct wf_err *err)
{
    json_t *part = json_pack("{s:o}", "query", wf_json_str(q->query));

    return wf_remote_request__append(with(wf_remote_request__head(id, model, label, q->truncate),
                                          "rank", part, q->texts, q->n_texts),
                                     out, err);
}

/* ---- reading ---- */

static int read_list(struct wf_remote_request *r, const json_t *part, const struct wf_str **out,
                     size_t *out_n, struct wf_err *err)
{
    const json_t *v = json_object_get(part, "texts");
    const size_t n = json_array_size(v);
    struct wf_str *texts;

    if (n == 0 || n > WF_LIMIT_TEXTS)
        return wf_remote_request__bad(err, "texts");
    texts = wf_arena_array(&r->_arena, n, sizeof(*texts));
    if (texts == NULL)
        return wf_remote_request__no_memory(err);
    for (size_t i = 0; i < n; i++) {
        const json_t *s = json_array_get(v, i);
        if (!json_is_string(s))
            return wf_remote_request__bad(err, "texts");
        texts[i] = wf_str_n(json_string_value(s), json_string_length(s));
    }
    *out = texts;
    *out_n = n;
    return 0;
}

static int read_embed(struct wf_remote_request *r, const json_t *part, bool truncate,
                      struct wf_err *err)
{
    const json_t *dims = json_object_get(part, "dims");
    const json_int_t n = json_integer_value(dims);

    r->what = WF_REMOTE_EMBED;
    if (!json_is_object(part) || (dims != NULL && !json_is_integer(dims)) || n < 0 ||
        n > (json_int_t)WF_LIMIT_MODEL_DIM)
        return wf_remote_request__bad(err, "embed");
    r->embed = (struct wf_embed_request){.model = r->q.model,
                                         .n_dims = (size_t)n,
                                         .is_raw = json_is_true(json_object_get(part, "raw")),
                                         .truncate = truncate};
    return read_list(r, part, &r->embed.texts, &r->embed.n_texts, err);
}

static int read_rank(struct wf_remote_request *r, const json_t *part, bool truncate,
                     struct wf_err *err)
{
    const json_t *query = json_object_get(part, "query");

    r->what = WF_REMOTE_RANK;
    if (!json_is_string(query))
        return wf_remote_request__bad(err, "rank");
    r->rank = (struct wf_rerank_request){
        .model = r->q.model,
        .query = wf_str_n(json_string_value(query), json_string_length(query)),
        .truncate = truncate};
    return read_list(r, part, &r->rank.texts, &r->rank.n_texts, err);
}

int wf_remote_request__read_texts(struct wf_remote_request *r, struct wf_err *err)
{
    const json_t *embed = json_object_get(r->_json, "embed");
    const json_t *rank = json_object_get(r->_json, "rank");
    const bool truncate = json_is_true(json_object_get(r->_json, "truncate"));

    if (embed != NULL && rank != NULL)
        return wf_remote_request__bad(err, "rank");
    if (embed != NULL)
        return read_embed(r, embed, truncate, err);
    return rank != NULL ? read_rank(r, rank, truncate, err) : 0;
}
