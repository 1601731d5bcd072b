/* SPDX-License-Identifier: Apache-2.0 */
/* Tensor by tensor, a piece of each at a time: the gang's members unpack rows to float32 and pack
 * them in their new type, the owner writes. Metadata is copied, but for what says how the file is
 * cut and typed. */
#include "model/quantize.h"

#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "model/gguf_write.h"
#include "model/vocab_pieces.h"
#include "os/gang.h"
#include "os/thread.h"

#define PIECE_VALUES ((size_t)1 << 22) /* that are worked on between two writes */
#define LANE_VALUES ((size_t)4096)     /* that a member unpacks at once; whole blocks */

struct quantize {
    const struct wf_gguf *g;
    const struct wf_mix *mix;
    const struct wf_dtype *embeddings; /* NULL: as the mix says */
    const struct wf_progress *progress;
    struct wf_mix_model model;
    struct wf_gguf_writer *w;
    struct wf_gang *gang;
    const struct wf_dtype **types; /* [n_tensors] to come */
    uint8_t *piece;                /* packed, to be written */
    float *lanes;                  /* [members][LANE_VALUES] */
    struct wf_quantized done;
    struct wf_err *err;
};

struct piece {
    struct quantize *q;
    const struct wf_dtype *from, *to;
    const uint8_t *src;
    size_t n;
};

static void convert_part(void *ud, size_t i, size_t n)
{
    const struct piece *p = ud;
    float *lane = p->q->lanes + i * LANE_VALUES;
    size_t from, to;

    wf_gang_part(p->n, LANE_VALUES, i, n, &from, &to);
    for (; from < to; from += LANE_VALUES) {
        size_t m = to - from < LANE_VALUES ? to - from : LANE_VALUES;
        p->from->unpack(p->src + wf_dtype_bytes(p->from, from), lane, m);
        p->to->pack(lane, p->q->piece + wf_dtype_bytes(p->to, from), m);
    }
}

static int tell(struct quantize *q, uint64_t bytes)
{
    const struct wf_progress *p = q->progress;

    q->done.bytes_in += bytes;
    if (p == NULL || p->tell(p->ud, q->done.bytes_in, wf_gguf_bytes(q->g)))
        return 0;
    return wf_err_set(q->err, WF_E_CANCELED, "Quantising was given up.");
}

static int copy_tensor(struct quantize *q, const struct wf_gguf_tensor *t)
{
    int rc = 0;

    for (uint64_t at = 0; at < t->bytes && rc == 0; at += PIECE_VALUES) {
        size_t n = t->bytes - at < PIECE_VALUES ? (size_t)(t->bytes - at) : PIECE_VALUES;
        rc = wf_gguf_writer_write(q->w, (const uint8_t *)t->data + at, n, q->err);
        if (rc == 0)
            rc = tell(q, n);
    }
    return rc;
}

static int convert_tensor(struct quantize *q, const struct wf_gguf_tensor *t,
                          const struct wf_dtype *to)
{
    const struct wf_dtype *from = wf_dtype_by_id(t->type);
    uint64_t n = t->dims[0] * t->dims[1] * t->dims[2] * t->dims[3];
    int rc = 0;

    if (from == to)
        return copy_tensor(q, t);
    q->done.n_changed++;
    q->done.n_again += from->block > 1;
    for (uint64_t at = 0; at < n && rc == 0; at += PIECE_VALUES) {
        struct piece p = {.q = q,
                          .from = from,
                          .to = to,
                          .src = (const uint8_t *)t->data + wf_dtype_bytes(from, (size_t)at),
                          .n = n - at < PIECE_VALUES ? (size_t)(n - at) : PIECE_VALUES};
        wf_gang_run(q->gang, convert_part, &p);
        rc = wf_gguf_writer_write(q->w, q->piece, wf_dtype_bytes(to, p.n), q->err);
        if (rc == 0)
            rc = tell(q, wf_dtype_bytes(from, p.n));
    }
    return rc;
}

static uint32_t number(const struct wf_gguf *g, struct wf_str family, const char *name)
{
    uint64_t v = 0;
    struct wf_buf key;

    wf_buf_init(&key, 256);
    (void)wf_buf_appendf(&key, "%.*s.%s", WF_STR_ARG(family), name); /* else not found */
    const struct wf_gguf_value *list = wf_gguf_value(g, key.ptr);
    int64_t item = 0;
    if (list != NULL && list->kind == WF_GGUF_ARRAY) { /* a number a layer: the largest */
        for (size_t i = 0; wf_gguf_item_i64(list, i, &item); i++)
            v = item > 0 && (uint64_t)item > v ? (uint64_t)item : v;
    } else {
        (void)wf_gguf_u64(g, key.ptr, &v);
    }
    wf_buf_deinit(&key);
    return v < UINT32_MAX ? (uint32_t)v : 0;
}

static bool is_values(struct wf_str name)
{
    return wf_str_ends(name, WF_STR("attn_v.weight")) ||
           wf_str_ends(name, WF_STR("attn_qkv.weight"));
}

static uint64_t layer_of(struct wf_str name)
{
    uint64_t n = 0;

    (void)wf_str_to_u64(wf_str_sub(name, 4, wf_str_find_byte(name, '.', 4)), &n);
    return n;
}

static void learn_model(struct quantize *q)
{
    struct wf_str family = {0};
    uint32_t n_kv;

    (void)wf_gguf_string(q->g, "general.architecture", &family);
    q->model.n_layers = number(q->g, family, "block_count");
    q->model.n_experts = number(q->g, family, "expert_count");
    q->model.n_grouped = number(q->g, family, "attention.head_count");
    n_kv = number(q->g, family, "attention.head_count_kv");
    q->model.n_grouped = n_kv > 0 ? q->model.n_grouped / n_kv : 1;
    q->model.is_tied = wf_gguf_tensor(q->g, "output.weight") == NULL;
    for (size_t i = 0; i < wf_gguf_n_tensors(q->g); i++)
        q->model.n_values += is_values(wf_gguf_tensor_at(q->g, i)->name);
}

/* How many layers below have values of their own. */
static uint32_t values_below(const struct wf_gguf *g, const struct wf_gguf_tensor *t)
{
    uint32_t n = 0;

    for (size_t i = 0; i < wf_gguf_n_tensors(g) && is_values(t->name); i++) {
        struct wf_str other = wf_gguf_tensor_at(g, i)->name;
        n += is_values(other) && layer_of(other) < layer_of(t->name);
    }
    return n;
}

/* A lens' vocabulary goes in pieces; other programs must be able to read that of other models. */
static int put_metadata(struct quantize *q)
{
    struct wf_str family = {0};
    bool is_lens =
        wf_gguf_string(q->g, "general.architecture", &family) && wf_str_eq(family, WF_STR("lens"));

    for (size_t i = 0; i < wf_gguf_n_values(q->g); i++) {
        const struct wf_gguf_value *v = wf_gguf_value_at(q->g, i);
        if (!wf_str_starts(v->key, WF_STR("split.")) &&
            !(is_lens && wf_str_starts(v->key, WF_STR("tokenizer."))) &&
            !wf_str_eq(v->key, WF_STR("general.file_type")) &&
            !wf_str_eq(v->key, WF_STR("general.alignment")) &&
            !wf_str_eq(v->key, WF_STR("general.quantization_version")))
            wf_gguf_put_copy(q->w, v);
    }
    wf_gguf_put_u32(q->w, "general.file_type", q->mix->file_type);
    wf_gguf_put_u32(q->w, "general.quantization_version", 2);
    return is_lens ? wf_vocab_put(q->w, q->g, true, q->err) : 0;
}

static void declare(struct quantize *q)
{
    for (size_t i = 0; i < wf_gguf_n_tensors(q->g); i++) {
        const struct wf_gguf_tensor *t = wf_gguf_tensor_at(q->g, i);
        struct wf_mix_tensor like = {.name = t->name,
                                     .type = wf_dtype_by_id(t->type),
                                     .n_dims = t->n_dims,
                                     .row = t->dims[0],
                                     .i_value = values_below(q->g, t)};
        q->types[i] = wf_mix_type(q->mix, &q->model, &like);
        if (q->embeddings != NULL && wf_str_eq(t->name, WF_STR("token_embd.weight")) &&
            t->dims[0] % q->embeddings->block == 0)
            q->types[i] = q->embeddings;
        wf_gguf_put_tensor(q->w, t->name, q->types[i], t->n_dims, t->dims);
    }
}

static int prepare(struct quantize *q)
{
    size_t n = wf_cpu_count();
    int rc = wf_gang_new(n < WF_GANG_MEMBERS_MAX ? n : WF_GANG_MEMBERS_MAX, &q->gang, q->err);

    if (rc != 0)
        return rc;
    q->types = wf_alloc_array(wf_gguf_n_tensors(q->g) + 1, sizeof(*q->types));
    q->piece = wf_alloc(PIECE_VALUES * sizeof(float));
    q->lanes = wf_alloc_array(wf_gang_size(q->gang) * LANE_VALUES, sizeof(float));
    if (q->types == NULL || q->piece == NULL || q->lanes == NULL)
        return wf_err_set(q->err, WF_E_NOMEM, "Not enough memory to quantise a model.");
    return 0;
}

int wf_quantize(const struct wf_gguf *g, const struct wf_mix *mix,
                const struct wf_dtype *embeddings, const char *path, const struct wf_progress *p,
                struct wf_quantized *out, struct wf_err *err)
{
    struct quantize q = {.g = g, .mix = mix, .embeddings = embeddings, .progress = p, .err = err};
    int rc = wf_gguf_writer_new(path, &q.w, err);

    if (rc == 0)
        rc = prepare(&q);
    if (rc == 0) {
        learn_model(&q);
        rc = put_metadata(&q);
    }
    if (rc == 0) {
        declare(&q);
        q.done.bytes_out = wf_gguf_writer_tensor_bytes(q.w);
        rc = wf_gguf_writer_begin(q.w, err);
    }
    for (size_t i = 0; i < wf_gguf_n_tensors(g) && rc == 0; i++)
        rc = convert_tensor(&q, wf_gguf_tensor_at(g, i), q.types[i]);
    if (rc == 0)
        rc = wf_gguf_writer_finish(q.w, err);
    if (rc == 0 && out != NULL)
        *out = q.done;
    wf_gguf_writer_free(q.w);
    wf_gang_free(q.gang);
    wf_free(q.types);
    wf_free(q.piece);
    wf_free(q.lanes);
    return rc;
}
