/* SPDX-License-Identifier: Apache-2.0 */
/* Tiny models as rows of a table: family, extra metadata as text, and which tensors its layers
 * have. */
#include "support/tiny_model.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FF 256
#define HEADS 4
#define KV_HEADS 2
#define HEAD_DIM 32
#define TENSORS_MAX 256

enum {
    TIED = 1 << 0,
    QK_NORM = 1 << 1,
    POST_NORMS = 1 << 2,
    FUSED = 1 << 3, /* attn_qkv, and ffn_up of twice the width */
    BIAS = 1 << 4,
    EXPERTS = 1 << 5,
    SHARED = 1 << 6,
    ENCODER = 1 << 7,
    ROPE_FREQS = 1 << 8,
    LONG_SHORT = 1 << 9,
    CONV = 1 << 10, /* even layers */
    RANK = 1 << 11,
    OSS = 1 << 12, /* sinks, biases everywhere, post_attention_norm for ffn_norm */
};

struct tiny {
    const char *name, *family;
    uint32_t n_layers;
    unsigned with;
    const char
        *extra; /* "key=value ..."; a point in the value makes it a float, letters a string */
};

static const struct tiny models[] = {
    {"llama", "llama", 2, 0, ""},
    {"llama-rope-freqs", "llama", 2, TIED | ROPE_FREQS, "rope.freq_base=500000.0"},
    {"llama-linear", "llama", 2, 0, "rope.scaling.type=linear rope.scaling.factor=4.0"},
    {"llama-yarn", "llama", 2, BIAS,
     "rope.scaling.type=yarn rope.scaling.factor=4.0 rope.scaling.original_context_length=64"},
    {"mixtral", "llama", 2, EXPERTS, "expert_count=8 expert_used_count=2"},
    {"mistral3", "mistral3", 2, 0,
     "rope.scaling.type=yarn rope.scaling.factor=16.0 rope.scaling.original_context_length=16 "
     "attention.temperature_scale=0.1 rope.scaling.yarn_log_multiplier=1.0"},
    {"qwen2", "qwen2", 2, BIAS, ""},
    {"qwen3", "qwen3", 2, QK_NORM, ""},
    {"qwen3moe", "qwen3moe", 2, QK_NORM | EXPERTS,
     "expert_count=8 expert_used_count=2 expert_feed_forward_length=128"},
    {"gemma2", "gemma2", 4, TIED | POST_NORMS, "attention.sliding_window=16"},
    {"gemma3", "gemma3", 7, TIED | POST_NORMS | QK_NORM,
     "attention.sliding_window=16 rope.scaling.type=linear rope.scaling.factor=8.0"},
    {"phi3", "phi3", 2, FUSED, ""},
    {"phi3-long", "phi3", 2, FUSED | LONG_SHORT,
     "rope.scaling.original_context_length=40 rope.dimension_count=24 "
     "rope.scaling.attn_factor=1.19"},
    {"smollm3", "smollm3", 5, TIED, ""},
    {"granite", "granite", 2, TIED,
     "embedding_scale=12.0 residual_scale=0.22 logit_scale=8.0 attention.scale=0.015625"},
    {"granitemoe", "granitemoe", 2, TIED | EXPERTS | SHARED,
     "embedding_scale=12.0 residual_scale=0.22 logit_scale=6.0 attention.scale=0.0156 "
     "expert_count=8 expert_used_count=2 expert_shared_feed_forward_length=96"},
    {"lfm2", "lfm2", 4, TIED | QK_NORM | CONV, "shortconv.l_cache=3"},
    {"gpt-oss", "gpt-oss", 4, OSS | EXPERTS | BIAS,
     "attention.sliding_window=16 expert_count=8 expert_used_count=2 "
     "expert_feed_forward_length=128"},
    {"bert", "bert", 3, ENCODER | BIAS, "pooling_type=1"},
    {"bert-cls", "bert", 3, ENCODER | BIAS, "pooling_type=2"},
    {"bert-rank", "bert", 3, ENCODER | BIAS | RANK, "pooling_type=4"},
    {"nomic-bert", "nomic-bert", 3, ENCODER | FUSED, "pooling_type=1 rope.freq_base=1000.0"},
    {"lens", "lens", 2, TIED, ""},
};

struct tensor {
    char name[48];
    uint32_t n_dims;
    uint64_t dims[3];
    float centre, spread;
};

struct builder {
    const struct tiny *model;
    struct wf_buf *out;
    struct tensor tensors[TENSORS_MAX];
    size_t n_tensors;
};

const char *tiny_model_name(size_t i)
{
    return i < sizeof(models) / sizeof(models[0]) ? models[i].name : NULL;
}

void tiny_model_ids(int32_t ids[TINY_IDS])
{
    for (int32_t i = 0; i < TINY_IDS; i++)
        ids[i] = (i * 37 + 11) % 500;
}

static void put_string(struct wf_buf *out, const char *s)
{
    wf_buf_append_u64le(out, strlen(s));
    wf_buf_append_cstr(out, s);
}

static void put_u32(struct builder *b, const char *key, uint32_t v)
{
    put_string(b->out, key);
    wf_buf_append_u32le(b->out, 4);
    wf_buf_append_u32le(b->out, v);
}

static void put_value(struct builder *b, const char *key, const char *v)
{
    float f = strtof(v, NULL);
    uint32_t bits;

    if (strspn(v, "0123456789") == strlen(v)) {
        put_u32(b, key, (uint32_t)strtoul(v, NULL, 10));
        return;
    }
    put_string(b->out, key);
    if (strspn(v, "0123456789.e-") == strlen(v)) {
        memcpy(&bits, &f, sizeof(bits));
        wf_buf_append_u32le(b->out, 6);
        wf_buf_append_u32le(b->out, bits);
    } else {
        wf_buf_append_u32le(b->out, 8);
        put_string(b->out, v);
    }
}

static void add(struct builder *b, int layer, const char *name, uint64_t n0, uint64_t n1,
                uint64_t n2, float centre, float spread)
{
    struct tensor *t = &b->tensors[b->n_tensors++];

    assert(b->n_tensors <= TENSORS_MAX);
    if (layer >= 0)
        (void)snprintf(t->name, sizeof(t->name), "blk.%d.%s", layer, name);
    else
        (void)snprintf(t->name, sizeof(t->name), "%s", name);
    t->dims[0] = n0;
    t->dims[1] = n1;
    t->dims[2] = n2;
    t->n_dims = n2 > 0 ? 3 : n1 > 0 ? 2 : 1;
    t->centre = centre;
    t->spread = spread;
}

/* A matrix [n1, n0], with a bias when the model has them. */
static void add_matrix(struct builder *b, int layer, const char *name, uint64_t n0, uint64_t n1,
                       uint64_t n2, bool bias)
{
    char full[48];

    (void)snprintf(full, sizeof(full), "%s.weight", name);
    add(b, layer, full, n0, n1, n2, 0.0f, 0.125f);
    (void)snprintf(full, sizeof(full), "%s.bias", name);
    if (bias)
        add(b, layer, full, n1, n2, 0, 0.0f, 0.125f);
}

static void add_norm(struct builder *b, int layer, const char *name, uint64_t n)
{
    char full[48];

    (void)snprintf(full, sizeof(full), "%s.weight", name);
    add(b, layer, full, n, 0, 0, 1.0f, 0.25f);
    (void)snprintf(full, sizeof(full), "%s.bias", name);
    if ((b->model->with & ENCODER) != 0)
        add(b, layer, full, n, 0, 0, 0.0f, 0.25f);
}

static void add_attention(struct builder *b, int layer)
{
    unsigned with = b->model->with;
    bool bias = (with & BIAS) != 0;
    uint64_t kv = (with & ENCODER) != 0 ? TINY_DIM : KV_HEADS * HEAD_DIM;

    if ((with & FUSED) != 0) {
        add_matrix(b, layer, "attn_qkv", TINY_DIM, TINY_DIM + 2 * kv, 0, false);
    } else {
        add_matrix(b, layer, "attn_q", TINY_DIM, TINY_DIM, 0, bias);
        add_matrix(b, layer, "attn_k", TINY_DIM, kv, 0, bias);
        add_matrix(b, layer, "attn_v", TINY_DIM, kv, 0, bias);
    }
    add_matrix(b, layer, "attn_output", TINY_DIM, TINY_DIM, 0,
               bias && (with & (ENCODER | OSS)) != 0);
    if ((with & QK_NORM) != 0) {
        add_norm(b, layer, "attn_q_norm", HEAD_DIM);
        add_norm(b, layer, "attn_k_norm", HEAD_DIM);
    }
    if ((with & OSS) != 0)
        add(b, layer, "attn_sinks.weight", HEADS, 0, 0, 0.0f, 1.0f);
}

static void add_ffn(struct builder *b, int layer)
{
    unsigned with = b->model->with;
    bool bias = (with & BIAS) != 0, is_encoder = (with & ENCODER) != 0;
    uint64_t ff = (with & EXPERTS) != 0 ? FF / 2 : FF;

    if ((with & EXPERTS) != 0) {
        bias = (with & OSS) != 0;
        add_matrix(b, layer, "ffn_gate_inp", TINY_DIM, 8, 0, bias);
        add_matrix(b, layer, "ffn_gate_exps", TINY_DIM, ff, 8, bias);
        add_matrix(b, layer, "ffn_up_exps", TINY_DIM, ff, 8, bias);
        add_matrix(b, layer, "ffn_down_exps", ff, TINY_DIM, 8, bias);
        if ((with & SHARED) != 0) {
            add_matrix(b, layer, "ffn_gate_shexp", TINY_DIM, 96, 0, false);
            add_matrix(b, layer, "ffn_up_shexp", TINY_DIM, 96, 0, false);
            add_matrix(b, layer, "ffn_down_shexp", 96, TINY_DIM, 0, false);
        }
        return;
    }
    if ((with & FUSED) != 0 && !is_encoder) {
        add_matrix(b, layer, "ffn_up", TINY_DIM, 2 * ff, 0, false);
    } else {
        add_matrix(b, layer, "ffn_up", TINY_DIM, ff, 0, bias && is_encoder);
        if (!is_encoder || (with & FUSED) != 0)
            add_matrix(b, layer, "ffn_gate", TINY_DIM, ff, 0, false);
    }
    add_matrix(b, layer, "ffn_down", ff, TINY_DIM, 0, bias && is_encoder);
}

static void add_layer(struct builder *b, int layer)
{
    unsigned with = b->model->with;

    if ((with & ENCODER) != 0) {
        add_norm(b, layer, "attn_output_norm", TINY_DIM);
        add_norm(b, layer, "layer_output_norm", TINY_DIM);
    } else {
        add_norm(b, layer, "attn_norm", TINY_DIM);
        add_norm(b, layer, (with & OSS) != 0 ? "post_attention_norm" : "ffn_norm", TINY_DIM);
    }
    if ((with & POST_NORMS) != 0) {
        add_norm(b, layer, "post_attention_norm", TINY_DIM);
        add_norm(b, layer, "post_ffw_norm", TINY_DIM);
    }
    if ((with & CONV) != 0 && layer % 2 == 0) {
        add_matrix(b, layer, "shortconv.in_proj", TINY_DIM, 3 * TINY_DIM, 0, false);
        add_matrix(b, layer, "shortconv.out_proj", TINY_DIM, TINY_DIM, 0, false);
        add(b, layer, "shortconv.conv.weight", 3, TINY_DIM, 0, 0.0f, 1.0f);
    } else {
        add_attention(b, layer);
    }
    add_ffn(b, layer);
}

static void add_all(struct builder *b)
{
    unsigned with = b->model->with;

    add(b, -1, "token_embd.weight", TINY_DIM, TINY_VOCAB, 0, 0.0f, 1.0f);
    if ((with & ENCODER) != 0) {
        add_norm(b, -1, "token_embd_norm", TINY_DIM);
        add(b, -1, "token_types.weight", TINY_DIM, 2, 0, 0.0f, 0.25f);
        if ((with & FUSED) == 0)
            add(b, -1, "position_embd.weight", TINY_DIM, 256, 0, 0.0f, 0.25f);
    } else {
        add_norm(b, -1, (with & CONV) != 0 ? "token_embd_norm" : "output_norm", TINY_DIM);
        if ((with & TIED) == 0)
            add_matrix(b, -1, "output", TINY_DIM, TINY_VOCAB, 0, false);
    }
    if ((with & ROPE_FREQS) != 0)
        add(b, -1, "rope_freqs.weight", HEAD_DIM / 2, 0, 0, 4.0f, 2.0f);
    if ((with & LONG_SHORT) != 0) {
        add(b, -1, "rope_factors_long.weight", 12, 0, 0, 4.0f, 2.0f);
        add(b, -1, "rope_factors_short.weight", 12, 0, 0, 2.0f, 1.0f);
    }
    if ((with & RANK) != 0) {
        add_matrix(b, -1, "cls", TINY_DIM, TINY_DIM, 0, true);
        add_matrix(b, -1, "cls.output", TINY_DIM, 1, 0, true);
    }
    for (uint32_t i = 0; i < b->model->n_layers; i++)
        add_layer(b, (int)i);
}

/* Keys get the family's name in front, unless they begin with "tokenizer.". */
static void put(struct builder *b, uint64_t *n, const char *key, const char *v)
{
    char full[96];

    if (strncmp(key, "tokenizer.", 10) == 0 || strncmp(key, "general.", 8) == 0)
        (void)snprintf(full, sizeof(full), "%s", key);
    else
        (void)snprintf(full, sizeof(full), "%s.%s", b->model->family, key);
    put_value(b, full, v);
    (*n)++;
}

static void put_metadata(struct builder *b, uint64_t *n)
{
    static const char *const common[][2] = {
        {"tokenizer.ggml.model", "no_vocab"},
        {"context_length", "256"},
        {"embedding_length", "128"},
        {"vocab_size", "512"},
        {"attention.head_count", "4"},
        {"attention.layer_norm_rms_epsilon", "1e-6"},
        {"attention.layer_norm_epsilon", "1e-12"},
        {"tokenizer.ggml.token_type_count", "2"},
    };
    char text[512], layers[8], *rest = text, *pair;
    bool is_encoder = (b->model->with & ENCODER) != 0, has_conv = (b->model->with & CONV) != 0;

    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
        put(b, n, common[i][0], common[i][1]);
    (void)snprintf(layers, sizeof(layers), "%u", b->model->n_layers);
    put(b, n, "general.architecture", b->model->family);
    put(b, n, "block_count", layers);
    put(b, n, "feed_forward_length", (b->model->with & EXPERTS) != 0 ? "128" : "256");
    if (!has_conv)
        put(b, n, "attention.head_count_kv", is_encoder ? "4" : "2");
    (void)snprintf(text, sizeof(text), "%s", b->model->extra);
    while ((pair = strsep(&rest, " ")) != NULL) {
        char *v = strchr(pair, '=');
        if (v == NULL)
            continue;
        *v = 0;
        put(b, n, pair, v + 1);
    }
    if (has_conv) {
        put_string(b->out, "lfm2.attention.head_count_kv");
        wf_buf_append_u32le(b->out, 9);
        wf_buf_append_u32le(b->out, 4);
        wf_buf_append_u64le(b->out, b->model->n_layers);
        for (uint32_t i = 0; i < b->model->n_layers; i++)
            wf_buf_append_u32le(b->out, i % 2 == 0 ? 0 : KV_HEADS);
        (*n)++;
    }
}

/* The next of the seeded numbers, in [-1, 1), a multiple of 2^-23. */
static float next_number(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (float)((int32_t)(*state >> 40) - (1 << 23)) * 0x1p-23f;
}

static void put_tensors(struct builder *b, size_t start)
{
    uint64_t state = 1, offset = 0;

    for (size_t i = 0; i < b->n_tensors; i++) {
        struct tensor *t = &b->tensors[i];
        uint64_t n = t->dims[0];
        put_string(b->out, t->name);
        wf_buf_append_u32le(b->out, t->n_dims);
        for (uint32_t d = 0; d < t->n_dims; d++)
            wf_buf_append_u64le(b->out, t->dims[d]);
        for (uint32_t d = 1; d < t->n_dims; d++)
            n *= t->dims[d];
        wf_buf_append_u32le(b->out, 0);
        wf_buf_append_u64le(b->out, offset);
        offset += (n * sizeof(float) + 31) / 32 * 32;
    }
    for (size_t i = 0; i < b->n_tensors; i++) {
        struct tensor *t = &b->tensors[i];
        uint64_t n = t->dims[0];
        for (uint32_t d = 1; d < t->n_dims; d++)
            n *= t->dims[d];
        wf_buf_append_fill(b->out, 0, (32 - (b->out->len - start) % 32) % 32);
        for (uint64_t j = 0; j < n; j++) {
            float x = t->centre + t->spread * next_number(&state);
            wf_buf_append(b->out, &x, sizeof(x));
        }
    }
}

void tiny_model_build(const char *name, struct wf_buf *out)
{
    struct builder b = {.out = out};
    size_t start = out->len, i = 0;
    uint64_t n = 0;

    while (strcmp(models[i].name, name) != 0)
        i++;
    b.model = &models[i];
    add_all(&b);
    wf_buf_append(out, "GGUF\3\0\0\0", 8);
    wf_buf_append_u64le(out, b.n_tensors);
    wf_buf_append_u64le(out, 0); /* written below */
    put_metadata(&b, &n);
    memcpy(out->ptr + start + 16, &n, sizeof(n));
    put_tensors(&b, start);
    assert(wf_buf_status(out) == 0);
}
