/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes of a network. Only what lens and plain decoders have: full attention, one width for all
 * layers, no stretched context. */
#include "train/shape.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"

#define FIELD(f) offsetof(struct wf_shape, f)
#define TEXT(f) sizeof(((struct wf_shape *)0)->f)

static const struct wf_conf_option options[] = {
    {.name = "family",
     .kind = WF_CONF_TEXT,
     .offset = FIELD(family),
     .text_bytes = TEXT(family),
     .fallback = "lens",
     .help = "architecture of the model file"},
    {.name = "name",
     .kind = WF_CONF_TEXT,
     .offset = FIELD(name),
     .text_bytes = TEXT(name),
     .fallback = "lens",
     .help = "the model's name"},
    {.name = "layers",
     .kind = WF_CONF_NUMBER,
     .offset = FIELD(layers),
     .min = 1,
     .max = WF_LIMIT_MODEL_LAYERS,
     .help = "layers"},
    {.name = "width",
     .kind = WF_CONF_NUMBER,
     .offset = FIELD(width),
     .min = 8,
     .max = WF_LIMIT_MODEL_DIM,
     .help = "width of a token's row"},
    {.name = "heads",
     .kind = WF_CONF_NUMBER,
     .offset = FIELD(heads),
     .min = 1,
     .max = WF_LIMIT_MODEL_HEADS,
     .help = "heads of attention"},
    {.name = "kv_heads",
     .kind = WF_CONF_NUMBER,
     .offset = FIELD(kv_heads),
     .fallback = "0",
     .min = 0,
     .max = WF_LIMIT_MODEL_HEADS,
     .help = "heads of keys and values; 0: as many as heads"},
    {.name = "ff",
     .kind = WF_CONF_NUMBER,
     .offset = FIELD(ff),
     .min = 8,
     .max = WF_LIMIT_MODEL_FF,
     .help = "width of the feed-forward part"},
    {.name = "context",
     .kind = WF_CONF_NUMBER,
     .offset = FIELD(context),
     .fallback = "512",
     .min = 8,
     .max = 1 << 20,
     .help = "tokens of the longest text"},
    {.name = "rope_base",
     .kind = WF_CONF_REAL,
     .offset = FIELD(rope_base),
     .fallback = "10000",
     .min = 1,
     .max = 1e9,
     .help = "base of the positions' turning"},
    {.name = "norm_eps",
     .kind = WF_CONF_REAL,
     .offset = FIELD(norm_eps),
     .fallback = "1e-5",
     .min = 1e-8,
     .max = 1e-2,
     .help = "what is added to a norm"},
    {.name = "causal",
     .kind = WF_CONF_FLAG,
     .offset = FIELD(is_causal),
     .fallback = "no",
     .help = "whether a token sees only those before it"},
    {.name = NULL},
};

const struct wf_conf_option *wf_shape_options(void)
{
    return options;
}

static uint32_t kv_heads(const struct wf_shape *s)
{
    return (uint32_t)(s->kv_heads > 0 ? s->kv_heads : s->heads);
}

static int check(const struct wf_shape *s, size_t n_vocab, struct wf_err *err)
{
    if (s->width % s->heads != 0 || s->width / s->heads % 2 != 0)
        return wf_err_set(err, WF_E_RANGE,
                          "[model]: width must be heads times an even number, and %d is not so "
                          "many times %d.",
                          (int)s->width, (int)s->heads);
    if (s->heads % kv_heads(s) != 0)
        return wf_err_set(err, WF_E_RANGE, "[model]: kv_heads does not divide heads.");
    if (s->width / s->heads > WF_LIMIT_MODEL_HEAD_DIM)
        return wf_err_set(err, WF_E_RANGE, "[model]: a head is too wide.");
    if (n_vocab == 0 || n_vocab > WF_LIMIT_MODEL_VOCAB)
        return wf_err_set(err, WF_E_RANGE, "The vocabulary has an impossible size.");
    return 0;
}

int wf_shape_params(const struct wf_shape *s, size_t n_vocab, struct wf_params *out,
                    struct wf_err *err)
{
    struct wf_params p = {.n_layers = (uint32_t)s->layers,
                          .n_vocab = (uint32_t)n_vocab,
                          .dim = (uint32_t)s->width,
                          .n_context = (uint32_t)s->context,
                          .rope_context = (uint32_t)s->context,
                          .norm_eps = (float)s->norm_eps,
                          .embed_scale = 1.0f,
                          .residual_scale = 1.0f,
                          .logit_scale = 1.0f,
                          .expert_scale = 1.0f,
                          .is_causal = s->is_causal,
                          .rope_scaling = WF_ROPE_SCALING_LINEAR,
                          .rope_base = (float)s->rope_base,
                          .rope_base_window = (float)s->rope_base,
                          .rope_factor = 1.0f,
                          .rope_factor_window = 1.0f,
                          .rope_attn_factor = 1.0f,
                          .yarn_beta_fast = 32.0f,
                          .yarn_beta_slow = 1.0f};
    int rc = check(s, n_vocab, err);

    p.family = wf_family_by_name(wf_str_from(s->family));
    if (rc == 0 && p.family == NULL)
        rc = wf_family_refuse(wf_str_from(s->family), err);
    if (rc != 0)
        return rc;
    assert(p.family != NULL);
    p.head_dim = p.value_dim = p.n_rot = p.dim / (uint32_t)s->heads;
    p.n_ff_expert = (uint32_t)s->ff;
    p.attention_scale = 1.0f / sqrtf((float)p.head_dim);
    p.layers = wf_alloc_array(p.n_layers, sizeof(*p.layers));
    if (p.layers == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the model's parameters.");
    for (uint32_t i = 0; i < p.n_layers; i++)
        p.layers[i] = (struct wf_layer_params){.n_heads = (uint32_t)s->heads,
                                               .n_kv_heads = kv_heads(s),
                                               .n_ff = (uint32_t)s->ff,
                                               .is_turned = p.family->rope != WF_ROPE_NONE};
    *out = p;
    return 0;
}

void wf_shape_put(const struct wf_shape *s, struct wf_gguf_writer *w)
{
    const struct {
        const char *name;
        uint32_t v;
    } numbers[] = {
        {"block_count", (uint32_t)s->layers},
        {"context_length", (uint32_t)s->context},
        {"embedding_length", (uint32_t)s->width},
        {"feed_forward_length", (uint32_t)s->ff},
        {"attention.head_count", (uint32_t)s->heads},
        {"attention.head_count_kv", kv_heads(s)},
        {"rope.dimension_count", (uint32_t)(s->width / s->heads)},
    };
    char key[96];

    wf_gguf_put_string(w, "general.architecture", wf_str_from(s->family));
    wf_gguf_put_string(w, "general.type", WF_STR("model"));
    wf_gguf_put_string(w, "general.name", wf_str_from(s->name));
    wf_gguf_put_u32(w, "general.file_type", 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(numbers); i++) {
        (void)snprintf(key, sizeof(key), "%s.%s", s->family, numbers[i].name);
        wf_gguf_put_u32(w, key, numbers[i].v);
    }
    (void)snprintf(key, sizeof(key), "%s.attention.layer_norm_rms_epsilon", s->family);
    wf_gguf_put_f32(w, key, (float)s->norm_eps);
    (void)snprintf(key, sizeof(key), "%s.rope.freq_base", s->family);
    wf_gguf_put_f32(w, key, (float)s->rope_base);
    if (!s->is_causal) {
        (void)snprintf(key, sizeof(key), "%s.attention.causal", s->family);
        wf_gguf_put_bool(w, key, false);
    }
}
