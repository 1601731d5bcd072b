/* SPDX-License-Identifier: Apache-2.0 */
/* The table of shapes, and their weights. A matrix is made of units (some blocks of its type) that
 * are picked at random from a pool which was packed once for it: packing every value would take
 * minutes for a model of a gigabyte, and nothing that is measured could tell the difference. */
#include "model/synth_internal.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

#define POOL_VALUES ((size_t)1 << 15)
#define UNIT_MIN 32u /* values of a unit, where blocks are shorter */
#define OUT_BYTES ((size_t)1 << 18)
#define TENSORS_MAX 1024

static const struct wf_synth_shape shapes[] = {
    {"tiny", "llama", 4, 256, 768, 8, 4, 2048, 4096, 10000.0f, false, false},
    {"smollm2-135m", "llama", 30, 576, 1536, 9, 3, 50000, 8192, 100000.0f, true, false},
    {"qwen2.5-0.5b", "qwen2", 24, 896, 4864, 14, 2, 50000, 32768, 1000000.0f, true, true},
    {"tinyllama-1.1b", "llama", 22, 2048, 5632, 32, 4, 32000, 2048, 10000.0f, false, false},
    {"lens-shape", "lens", 8, 256, 640, 4, 4, 16384, 512, 10000.0f, true, false},
    {"bert-base", "bert", 12, 768, 3072, 12, 12, 30522, 512, 0.0f, true, true},
    {"llama-3.2-1b", "llama", 16, 2048, 8192, 32, 8, 128256, 131072, 500000.0f, true, false},
};

#define N_SHAPES (sizeof(shapes) / sizeof(shapes[0]))

const struct wf_synth_shape *wf_synth_shape_at(size_t i)
{
    return i < N_SHAPES ? &shapes[i] : NULL;
}

const struct wf_synth_shape *wf_synth_shape_by_name(const char *name)
{
    for (size_t i = 0; i < N_SHAPES; i++) {
        if (strcasecmp(shapes[i].name, name) == 0)
            return &shapes[i];
    }
    return NULL;
}

/* splitmix64 */
static uint64_t next(struct wf_synth_maker *s)
{
    uint64_t z = s->state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* The sum of four uniform numbers, scaled to a standard deviation of 1: near enough to normal. */
static float normal(struct wf_synth_maker *s)
{
    uint64_t r = next(s);
    float sum = 0.0f;

    for (int i = 0; i < 4; i++, r >>= 16)
        sum += (float)(r & 0xffff) * 0x1p-16f - 0.5f;
    return sum * 1.7320508f;
}

void wf_synth__add(struct wf_synth_maker *s, int layer, const char *name, uint64_t n0, uint64_t n1,
                   float centre, float spread)
{
    struct wf_synth_tensor *t = &s->tensors[s->n_tensors++];

    if (layer >= 0)
        (void)snprintf(t->name, sizeof(t->name), "blk.%d.%s", layer, name);
    else
        (void)snprintf(t->name, sizeof(t->name), "%s", name);
    t->dims[0] = n0;
    t->dims[1] = n1;
    t->centre = centre;
    t->spread = spread;
    struct wf_mix_tensor like = {.name = wf_str_from(t->name),
                                 .type = wf_dtype_by_id(WF_DTYPE_F32),
                                 .n_dims = n1 > 0 ? 2 : 1,
                                 .row = n0,
                                 .i_value = layer >= 0 ? (uint32_t)layer : 0};
    t->type = wf_mix_type(s->mix, &s->model, &like);
    wf_gguf_put_tensor(s->w, like.name, t->type, like.n_dims, t->dims);
}

void wf_synth__add_matrix(struct wf_synth_maker *s, int layer, const char *name, uint64_t n0,
                          uint64_t n1)
{
    wf_synth__add(s, layer, name, n0, n1, 0.0f, 1.0f / sqrtf((float)n0));
}

static void add_layer(struct wf_synth_maker *s, int i)
{
    const struct wf_synth_shape *m = s->shape;
    uint64_t kv = (uint64_t)m->dim / m->n_heads * m->n_kv_heads;

    wf_synth__add(s, i, "attn_norm.weight", m->dim, 0, 1.0f, 0.1f);
    wf_synth__add_matrix(s, i, "attn_q.weight", m->dim, m->dim);
    wf_synth__add_matrix(s, i, "attn_k.weight", m->dim, kv);
    wf_synth__add_matrix(s, i, "attn_v.weight", m->dim, kv);
    if (m->has_bias) {
        wf_synth__add(s, i, "attn_q.bias", m->dim, 0, 0.0f, 0.1f);
        wf_synth__add(s, i, "attn_k.bias", kv, 0, 0.0f, 0.1f);
        wf_synth__add(s, i, "attn_v.bias", kv, 0, 0.0f, 0.1f);
    }
    wf_synth__add_matrix(s, i, "attn_output.weight", m->dim, m->dim);
    wf_synth__add(s, i, "ffn_norm.weight", m->dim, 0, 1.0f, 0.1f);
    wf_synth__add_matrix(s, i, "ffn_gate.weight", m->dim, m->n_ff);
    wf_synth__add_matrix(s, i, "ffn_up.weight", m->dim, m->n_ff);
    wf_synth__add_matrix(s, i, "ffn_down.weight", m->n_ff, m->dim);
}

static bool is_lens(const struct wf_synth_shape *m)
{
    return strcmp(m->family, "lens") == 0;
}

static bool is_bert(const struct wf_synth_shape *m)
{
    return strcmp(m->family, "bert") == 0;
}

static void add_all(struct wf_synth_maker *s)
{
    const struct wf_synth_shape *m = s->shape;
    char head[WF_SYNTH_NAME_BYTES];
    uint32_t n_rows;

    if (is_bert(m)) {
        wf_synth__bert_tensors(s);
        return;
    }
    wf_synth__add_matrix(s, -1, "token_embd.weight", m->dim, m->n_vocab);
    for (uint32_t i = 0; i < m->n_layers; i++)
        add_layer(s, (int)i);
    wf_synth__add(s, -1, "output_norm.weight", m->dim, 0, 1.0f, 0.1f);
    if (!m->is_tied)
        wf_synth__add_matrix(s, -1, "output.weight", m->dim, m->n_vocab);
    for (size_t i = 0; is_lens(m) && wf_synth__lens_head(i, head, &n_rows); i++)
        wf_synth__add_matrix(s, -1, head, m->dim, n_rows);
}

static void put_of_family(struct wf_synth_maker *s, const char *name, uint32_t v)
{
    char key[96];

    (void)snprintf(key, sizeof(key), "%s.%s", s->shape->family, name);
    wf_gguf_put_u32(s->w, key, v);
}

static void put_metadata(struct wf_synth_maker *s)
{
    const struct wf_synth_shape *m = s->shape;
    char key[96];

    wf_gguf_put_string(s->w, "general.architecture", wf_str_from(m->family));
    wf_gguf_put_string(s->w, "general.type", WF_STR("model"));
    (void)snprintf(key, sizeof(key), "Random weights, shape of %s", m->name);
    wf_gguf_put_string(s->w, "general.name", wf_str_from(key));
    wf_gguf_put_u32(s->w, "general.file_type", s->mix->file_type);
    wf_gguf_put_u32(s->w, "general.quantization_version", 2);
    put_of_family(s, "block_count", m->n_layers);
    put_of_family(s, "context_length", m->n_context);
    put_of_family(s, "embedding_length", m->dim);
    put_of_family(s, "feed_forward_length", m->n_ff);
    put_of_family(s, "attention.head_count", m->n_heads);
    put_of_family(s, "attention.head_count_kv", m->n_kv_heads);
    if (is_bert(m)) {
        wf_synth__bert_metadata(s->w);
        return;
    }
    put_of_family(s, "rope.dimension_count", m->dim / m->n_heads);
    put_of_family(s, "vocab_size", m->n_vocab);
    (void)snprintf(key, sizeof(key), "%s.attention.layer_norm_rms_epsilon", m->family);
    wf_gguf_put_f32(s->w, key, 1e-5f);
    (void)snprintf(key, sizeof(key), "%s.rope.freq_base", m->family);
    wf_gguf_put_f32(s->w, key, m->rope_base);
}

static int tell(struct wf_synth_maker *s, size_t bytes)
{
    const struct wf_progress *p = s->progress;

    s->done += bytes;
    if (p == NULL || p->tell(p->ud, s->done, wf_gguf_writer_tensor_bytes(s->w)))
        return 0;
    return wf_err_set(s->err, WF_E_CANCELED, "Making the model was given up.");
}

static int write_tensor(struct wf_synth_maker *s, const struct wf_synth_tensor *t)
{
    size_t unit = t->type->block > UNIT_MIN ? t->type->block : UNIT_MIN;
    uint64_t n = t->dims[0] * (t->dims[1] > 0 ? t->dims[1] : 1), n_units = n / unit;
    size_t n_pool = POOL_VALUES / unit, bytes = wf_dtype_bytes(t->type, unit), at = 0;
    int rc = 0;

    n_pool = n_units < n_pool ? (size_t)n_units : n_pool;
    for (size_t i = 0; i < n_pool * unit; i++)
        s->values[i] = t->centre + t->spread * normal(s);
    t->type->pack(s->values, s->pool, n_pool * unit);
    for (uint64_t i = 0; i < n_units && rc == 0; i++) {
        /* 32 bits of the number times the pool: no division. */
        size_t pick = (size_t)((next(s) >> 32) * n_pool >> 32);
        memcpy(s->out + at, s->pool + pick * bytes, bytes);
        at += bytes;
        if (at + bytes <= OUT_BYTES && i + 1 < n_units)
            continue;
        rc = wf_gguf_writer_write(s->w, s->out, at, s->err);
        if (rc == 0)
            rc = tell(s, at);
        at = 0;
    }
    return rc;
}

static int prepare(struct wf_synth_maker *s)
{
    s->tensors = wf_alloc_array(TENSORS_MAX, sizeof(*s->tensors));
    s->values = wf_alloc_array(POOL_VALUES, sizeof(*s->values));
    s->pool = wf_alloc(POOL_VALUES * sizeof(float));
    s->out = wf_alloc(OUT_BYTES);
    if (s->tensors == NULL || s->values == NULL || s->pool == NULL || s->out == NULL)
        return wf_err_set(s->err, WF_E_NOMEM, "Not enough memory to make a model.");
    s->model = (struct wf_mix_model){.n_layers = s->shape->n_layers,
                                     .n_grouped = s->shape->n_heads / s->shape->n_kv_heads,
                                     .is_tied = s->shape->is_tied,
                                     .n_values = s->shape->n_layers};
    return 0;
}

int wf_synth(const struct wf_synth_shape *shape, const struct wf_mix *mix, uint64_t seed,
             const char *path, const struct wf_progress *p, struct wf_err *err)
{
    struct wf_synth_maker s = {
        .shape = shape, .mix = mix, .progress = p, .state = seed, .err = err};
    int rc = wf_gguf_writer_new(path, &s.w, err);

    if (rc == 0)
        rc = prepare(&s);
    if (rc == 0) {
        put_metadata(&s);
        if (is_lens(shape))
            wf_synth__lens_labels(s.w);
        rc = is_bert(shape) ? wf_synth__bert_vocab(s.w, shape->n_vocab, err)
                            : wf_synth__vocab(s.w, shape->n_vocab, is_lens(shape), err);
    }
    if (rc == 0) {
        add_all(&s);
        rc = wf_gguf_writer_begin(s.w, err);
    }
    for (size_t i = 0; i < s.n_tensors && rc == 0; i++)
        rc = write_tensor(&s, &s.tensors[i]);
    if (rc == 0)
        rc = wf_gguf_writer_finish(s.w, err);
    wf_gguf_writer_free(s.w);
    wf_free(s.tensors);
    wf_free(s.values);
    wf_free(s.pool);
    wf_free(s.out);
    return rc;
}
