/* SPDX-License-Identifier: Apache-2.0 */
/* Reading parameters. Keys are "FAMILY.name"; per-layer numbers may be one number or an array with
 * one for each layer. Every number has a range: what lies outside is refused by its key's name. */
#include "model/params.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/vocab.h"

#define KEY_BYTES 128

struct reader {
    const struct wf_gguf *g;
    const char *family;
    char key[KEY_BYTES]; /* the last one asked for */
    struct wf_err *err;
};

static const char *key_of(struct reader *r, const char *name)
{
    if (name[0] == '!') /* a key of its own, not the family's */
        (void)snprintf(r->key, sizeof(r->key), "%s", name + 1);
    else
        (void)snprintf(r->key, sizeof(r->key), "%s.%s", r->family, name);
    return r->key;
}

static int refuse(struct reader *r, const char *what)
{
    return wf_err_set(r->err, WF_E_FORMAT, "The model file cannot be used: %s %s.", r->key, what);
}

/* *io keeps its value when the key is absent. */
static int optional_u32(struct reader *r, const char *name, uint32_t max, uint32_t *io)
{
    uint64_t v;

    if (wf_gguf_value(r->g, key_of(r, name)) == NULL)
        return 0;
    if (!wf_gguf_u64(r->g, r->key, &v))
        return refuse(r, "is not a whole number");
    if (v > max)
        return refuse(r, "is impossibly large");
    *io = (uint32_t)v;
    return 0;
}

static int required_u32(struct reader *r, const char *name, uint32_t max, uint32_t *out)
{
    uint32_t v = 0;
    int rc = optional_u32(r, name, max, &v);

    if (rc == 0 && v == 0)
        rc = refuse(r, "is missing or 0");
    if (rc == 0)
        *out = v;
    return rc;
}

static int optional_f32(struct reader *r, const char *name, float *io)
{
    double v;

    if (wf_gguf_value(r->g, key_of(r, name)) == NULL)
        return 0;
    if (!wf_gguf_f64(r->g, r->key, &v) || fabs(v) > 1e30)
        return refuse(r, "is not a proper number");
    *io = (float)v;
    return 0;
}

/* As optional_f32, above 0. */
static int positive_f32(struct reader *r, const char *name, float *io)
{
    int rc = optional_f32(r, name, io);

    return rc == 0 && !(*io > 0.0f) ? refuse(r, "must be above 0") : rc;
}

/* One number, or one for each layer. *out_n numbers at `out` [n_layers]; 0 when absent. */
static int per_layer_u32(struct reader *r, const char *name, uint32_t n_layers, uint32_t max,
                         uint32_t *out, bool *out_found)
{
    const struct wf_gguf_value *v = wf_gguf_value(r->g, key_of(r, name));
    int64_t n;

    *out_found = v != NULL;
    if (v == NULL)
        return 0;
    if (v->kind == WF_GGUF_ARRAY && v->n_items < n_layers)
        return refuse(r, "has fewer items than the model has layers");
    for (uint32_t i = 0; i < n_layers; i++) {
        size_t at = v->kind == WF_GGUF_ARRAY ? i : 0;
        if (v->item_kind == WF_GGUF_BOOL)
            n = v->_data[at] != 0;
        else if (!wf_gguf_item_i64(v, at, &n))
            return refuse(r, "is not a whole number");
        if (n < 0 || n > max)
            return refuse(r, "is impossible");
        out[i] = (uint32_t)n;
    }
    return 0;
}

static int read_sizes(struct reader *r, struct wf_params *p)
{
    const struct wf_gguf_tensor *embed = wf_gguf_tensor(r->g, "token_embd.weight");
    int rc = required_u32(r, "block_count", WF_LIMIT_MODEL_LAYERS, &p->n_layers);

    if (rc == 0)
        rc = required_u32(r, "embedding_length", WF_LIMIT_MODEL_DIM, &p->dim);
    if (rc == 0)
        rc = required_u32(r, "context_length", WF_LIMIT_MODEL_CONTEXT, &p->n_context);
    if (rc != 0)
        return rc;
    if (embed == NULL)
        return wf_err_set(r->err, WF_E_FORMAT, "%s",
                          wf_vocab_count(r->g) > 0 ? "The file holds a vocabulary only, no weights."
                                                   : "The model file has no token embeddings.");
    if (embed->n_dims > 2 || embed->dims[0] != p->dim || embed->dims[1] > WF_LIMIT_MODEL_VOCAB)
        return wf_err_set(
            r->err, WF_E_FORMAT,
            "The model file cannot be used: its token embeddings have a wrong shape.");
    p->n_vocab = (uint32_t)embed->dims[1];
    return 0;
}

static int read_heads(struct reader *r, struct wf_params *p)
{
    uint32_t *n = wf_alloc_array(p->n_layers, sizeof(*n));
    uint32_t heads_max = 0;
    bool found;
    int rc;

    if (n == NULL)
        return wf_err_set(r->err, WF_E_NOMEM, "Not enough memory for the model's parameters.");
    rc = per_layer_u32(r, "attention.head_count", p->n_layers, WF_LIMIT_MODEL_HEADS, n, &found);
    if (rc == 0 && !found)
        rc = refuse(r, "is missing");
    for (uint32_t i = 0; i < p->n_layers && rc == 0; i++) {
        p->layers[i].n_heads = p->layers[i].n_kv_heads = n[i];
        heads_max = n[i] > heads_max ? n[i] : heads_max;
    }
    if (rc == 0)
        rc = per_layer_u32(r, "attention.head_count_kv", p->n_layers, WF_LIMIT_MODEL_HEADS, n,
                           &found);
    for (uint32_t i = 0; i < p->n_layers && rc == 0 && found; i++)
        p->layers[i].n_kv_heads = n[i];
    for (uint32_t i = 0; i < p->n_layers && rc == 0; i++) {
        struct wf_layer_params *l = &p->layers[i];
        bool is_conv = l->n_kv_heads == 0 && (p->family->flags & WF_FAMILY_CONV) != 0;
        if (!is_conv && (l->n_kv_heads == 0 || l->n_heads % l->n_kv_heads != 0))
            rc = refuse(r, "does not divide the number of heads");
    }
    if (rc == 0 && heads_max == 0)
        rc = refuse(r, "is 0");
    p->head_dim = rc == 0 ? p->dim / heads_max : 0;
    wf_free(n);
    if (rc == 0)
        rc = optional_u32(r, "attention.key_length", WF_LIMIT_MODEL_HEAD_DIM, &p->head_dim);
    p->value_dim = p->head_dim;
    if (rc == 0)
        rc = optional_u32(r, "attention.value_length", WF_LIMIT_MODEL_HEAD_DIM, &p->value_dim);
    if (rc == 0 && (p->head_dim == 0 || p->value_dim == 0 || p->head_dim > WF_LIMIT_MODEL_HEAD_DIM))
        rc = refuse(r, "or the width leaves heads of an impossible size");
    return rc;
}

static int read_ffn(struct reader *r, struct wf_params *p)
{
    uint32_t *n = wf_alloc_array(p->n_layers, sizeof(*n));
    bool found;
    int rc;

    if (n == NULL)
        return wf_err_set(r->err, WF_E_NOMEM, "Not enough memory for the model's parameters.");
    rc = per_layer_u32(r, "feed_forward_length", p->n_layers, WF_LIMIT_MODEL_FF, n, &found);
    for (uint32_t i = 0; i < p->n_layers && rc == 0 && found; i++)
        p->layers[i].n_ff = n[i];
    if (rc == 0)
        rc = optional_u32(r, "expert_count", WF_LIMIT_MODEL_EXPERTS, &p->n_experts);
    if (rc == 0)
        rc = optional_u32(r, "expert_used_count", WF_LIMIT_MODEL_EXPERTS, &p->n_experts_used);
    if (rc == 0 && p->n_experts > 0 && (p->n_experts_used == 0 || p->n_experts_used > p->n_experts))
        rc = refuse(r, "must be between 1 and the number of experts");
    p->n_ff_expert = p->layers[0].n_ff;
    if (rc == 0)
        rc = optional_u32(r, "expert_feed_forward_length", WF_LIMIT_MODEL_FF, &p->n_ff_expert);
    if (rc == 0)
        rc = optional_u32(r, "expert_shared_feed_forward_length", WF_LIMIT_MODEL_FF,
                          &p->n_ff_shared);
    if (rc == 0)
        rc = optional_f32(r, "expert_weights_scale", &p->expert_scale);
    if (rc == 0 && p->expert_scale == 0.0f)
        p->expert_scale = 1.0f; /* how files say "none" */
    wf_free(n);
    return rc;
}

static int read_windows(struct reader *r, struct wf_params *p)
{
    uint32_t *pattern = wf_alloc_array(p->n_layers, sizeof(*pattern));
    uint32_t period = p->family->window_period;
    bool found = false;
    int rc = 0;

    if (pattern == NULL)
        return wf_err_set(r->err, WF_E_NOMEM, "Not enough memory for the model's parameters.");
    p->window = p->family->window_default;
    if ((p->family->flags & WF_FAMILY_NO_WINDOW) == 0 && period != 0)
        rc = optional_u32(r, "attention.sliding_window", UINT32_MAX, &p->window);
    if (rc == 0)
        rc = per_layer_u32(r, "attention.sliding_window_pattern", p->n_layers, UINT32_MAX, pattern,
                           &found);
    const struct wf_gguf_value *v = wf_gguf_value(r->g, r->key);
    if (found && v->kind != WF_GGUF_ARRAY)
        period = pattern[0];
    for (uint32_t i = 0; i < p->n_layers && rc == 0; i++) {
        struct wf_layer_params *l = &p->layers[i];
        if (found && v->kind == WF_GGUF_ARRAY)
            l->is_windowed = pattern[i] != 0;
        else
            l->is_windowed = period == 0 || i % period < period - 1;
        l->is_windowed = l->is_windowed && p->window != 0 && l->n_kv_heads != 0;
        l->is_turned = p->family->rope != WF_ROPE_NONE &&
                       (p->family->no_rope_period == 0 || (i + 1) % p->family->no_rope_period != 0);
    }
    wf_free(pattern);
    return rc;
}

static int read_rope_scaling(struct reader *r, struct wf_params *p)
{
    static const char *const names[] = {"none", "linear", "yarn", "longrope"};
    struct wf_str name;
    float factor = 0.0f;
    int rc = optional_f32(r, "rope.scaling.factor", &factor);

    if (rc == 0 && factor == 0.0f)
        rc = optional_f32(r, "rope.scale_linear", &factor);
    if (rc == 0 && factor < 0.0f)
        rc = refuse(r, "must be above 0");
    p->rope_scaling = WF_ROPE_SCALING_LINEAR;
    if (rc == 0 && wf_gguf_string(r->g, key_of(r, "rope.scaling.type"), &name)) {
        size_t i = 0;
        while (i < 4 && !wf_str_eq(name, wf_str_from(names[i])))
            i++;
        if (i == 4)
            return wf_err_set(
                r->err, WF_E_UNSUPPORTED,
                "The model stretches its context by '%.*s', which weft does not know.",
                WF_STR_ARG(wf_str_sub(name, 0, 40)));
        p->rope_scaling = (enum wf_rope_scaling)i;
    }
    if (factor != 0.0f && p->rope_scaling != WF_ROPE_SCALING_NONE)
        p->rope_factor = factor;
    p->yarn_ext = p->rope_scaling == WF_ROPE_SCALING_YARN ? 1.0f : 0.0f;
    if (rc == 0)
        rc = optional_f32(r, "rope.scaling.yarn_ext_factor", &p->yarn_ext);
    if (rc == 0)
        rc = positive_f32(r, "rope.scaling.yarn_beta_fast", &p->yarn_beta_fast);
    if (rc == 0)
        rc = positive_f32(r, "rope.scaling.yarn_beta_slow", &p->yarn_beta_slow);
    if (rc == 0)
        rc = optional_f32(r, "rope.scaling.yarn_log_multiplier", &p->yarn_log_mul);
    if (rc == 0)
        rc = optional_f32(r, "rope.scaling.attn_factor", &p->rope_attn_factor);
    return rc;
}

static int read_rope(struct reader *r, struct wf_params *p)
{
    bool is_turned = true;
    int rc;

    p->n_rot = p->head_dim;
    p->rope_context = p->n_context;
    rc = optional_u32(r, "rope.dimension_count", WF_LIMIT_MODEL_HEAD_DIM, &p->n_rot);
    if (rc == 0 && (p->n_rot > p->head_dim || p->n_rot % 2 != 0))
        rc = refuse(r, "is odd or wider than a head");
    if (rc == 0)
        rc = positive_f32(r, "rope.freq_base", &p->rope_base);
    if (rc == 0)
        rc = optional_u32(r, "rope.scaling.original_context_length", WF_LIMIT_MODEL_CONTEXT,
                          &p->rope_context);
    if (rc == 0)
        rc = read_rope_scaling(r, p);
    /* gemma3's windowed layers turn by a base of their own and are not stretched. */
    bool is_own = strcmp(p->family->name, "gemma3") == 0;
    p->rope_base_window = is_own ? 10000.0f : p->rope_base;
    p->rope_factor_window = is_own ? 1.0f : p->rope_factor;
    if (rc == 0)
        rc = positive_f32(r, "rope.freq_base_swa", &p->rope_base_window);
    (void)wf_gguf_bool(r->g, key_of(r, "rope.scaling.finetuned"), &is_turned); /* absent: true */
    for (uint32_t i = 0; i < p->n_layers && (p->family->flags & WF_FAMILY_SCALES) != 0; i++)
        p->layers[i].is_turned = p->layers[i].is_turned && is_turned;
    return rc;
}

static int read_scales(struct reader *r, struct wf_params *p)
{
    const struct wf_family *f = p->family;
    uint32_t heads = p->layers[0].n_heads > 0 ? p->layers[0].n_heads : 1;
    float logit_scale = 0.0f, attention_scale = 0.0f;
    int rc = 0;
    uint32_t scaled_dim = f->layers_27b == p->n_layers ? p->dim / heads : p->head_dim;

    p->attention_scale = 1.0f / sqrtf((float)scaled_dim);
    if ((f->flags & WF_FAMILY_EMBED_SQRT) != 0) {
        p->embed_scale = sqrtf((float)p->dim);
        if ((f->flags & WF_FAMILY_SOFT_CAPS) != 0) {
            p->score_cap = 50.0f;
            p->logit_cap = 30.0f;
            rc = optional_f32(r, "attn_logit_softcapping", &p->score_cap);
        }
        if (rc == 0)
            rc = optional_f32(r, "final_logit_softcapping", &p->logit_cap);
    }
    if (rc == 0 && strcmp(f->name, "mistral3") == 0)
        rc = optional_f32(r, "attention.temperature_scale", &p->temperature_scale);
    if (rc == 0 && (f->flags & WF_FAMILY_SCALES) != 0) {
        rc = optional_f32(r, "embedding_scale", &p->embed_scale);
        if (rc == 0)
            rc = optional_f32(r, "residual_scale", &p->residual_scale);
        if (rc == 0)
            rc = optional_f32(r, "logit_scale", &logit_scale);
        if (rc == 0)
            rc = optional_f32(r, "attention.scale", &attention_scale);
    }
    /* 0 is how files say "none". */
    p->embed_scale = p->embed_scale == 0.0f ? 1.0f : p->embed_scale;
    p->residual_scale = p->residual_scale == 0.0f ? 1.0f : p->residual_scale;
    p->logit_scale = logit_scale == 0.0f ? 1.0f : 1.0f / logit_scale;
    if (attention_scale != 0.0f)
        p->attention_scale = attention_scale;
    return rc;
}

static int read_rest(struct reader *r, struct wf_params *p)
{
    bool sees_all = wf_family_sees_all(p->family);
    bool has_layer_norm = (p->family->flags & WF_FAMILY_ENCODER) != 0;
    uint32_t pooling = 0;
    int rc = optional_u32(r, "pooling_type", WF_POOLING_RANK, &pooling);

    p->pooling = (enum wf_pooling)pooling;
    if (rc == 0)
        rc = positive_f32(
            r, has_layer_norm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon",
            &p->norm_eps);
    p->is_causal = !sees_all;
    (void)wf_gguf_bool(r->g, key_of(r, "attention.causal"), &p->is_causal); /* absent: as it is */
    if (rc == 0 && !sees_all && !p->is_causal)
        rc = refuse(r, "is false, which weft runs for encoders only");
    if (rc == 0 && (p->family->flags & WF_FAMILY_BOTH_WAYS) != 0 && p->is_causal)
        rc = refuse(r, "is true, which the family is not");
    if (rc == 0 && (p->family->flags & WF_FAMILY_CONV) != 0)
        rc = required_u32(r, "shortconv.l_cache", 64, &p->conv_len);
    if (rc == 0 && wf_gguf_value(r->g, key_of(r, "classifier.output_labels")) != NULL)
        p->n_classes = (uint32_t)wf_gguf_value(r->g, r->key)->n_items;
    return rc;
}

int wf_params_read(const struct wf_gguf *g, struct wf_params *out, struct wf_err *err)
{
    static int (*const steps[])(struct reader *, struct wf_params *) = {
        read_heads, read_ffn, read_windows, read_rope, read_scales, read_rest,
    };
    struct wf_params p = {.norm_eps = 1e-5f,
                          .embed_scale = 1.0f,
                          .residual_scale = 1.0f,
                          .expert_scale = 1.0f,
                          .rope_base = 10000.0f,
                          .rope_factor = 1.0f,
                          .rope_attn_factor = 1.0f,
                          .yarn_beta_fast = 32.0f,
                          .yarn_beta_slow = 1.0f};
    struct reader r = {.g = g, .err = err};
    struct wf_str name;
    int rc;

    if (!wf_gguf_string(g, "general.architecture", &name))
        return wf_err_set(err, WF_E_FORMAT, "The model file does not say what family it is of.");
    p.family = wf_family_by_name(name);
    if (p.family == NULL)
        return wf_family_refuse(name, err);
    r.family = p.family->name;
    rc = read_sizes(&r, &p);
    if (rc != 0)
        return rc;
    p.layers = wf_alloc_array(p.n_layers, sizeof(*p.layers));
    if (p.layers == NULL)
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory for the model's parameters.");
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && rc == 0; i++)
        rc = steps[i](&r, &p);
    if (rc != 0) {
        wf_params_deinit(&p);
        return rc;
    }
    *out = p;
    return 0;
}

void wf_params_deinit(struct wf_params *p)
{
    wf_free(p->layers);
    p->layers = NULL;
    p->n_layers = 0;
}

uint32_t wf_params_kv_dim_max(const struct wf_params *p)
{
    uint32_t n = 0, wide = p->head_dim > p->value_dim ? p->head_dim : p->value_dim;

    for (uint32_t i = 0; i < p->n_layers; i++)
        n = p->layers[i].n_kv_heads > n ? p->layers[i].n_kv_heads : n;
    return n * wide;
}

uint32_t wf_params_q_dim_max(const struct wf_params *p)
{
    uint32_t n = 0, wide = p->head_dim > p->value_dim ? p->head_dim : p->value_dim;

    for (uint32_t i = 0; i < p->n_layers; i++)
        n = p->layers[i].n_heads > n ? p->layers[i].n_heads : n;
    return n * wide;
}

uint32_t wf_params_ff_max(const struct wf_params *p)
{
    uint32_t n = p->n_experts > 0 ? p->n_ff_expert : 0;

    for (uint32_t i = 0; i < p->n_layers; i++)
        n = p->layers[i].n_ff > n ? p->layers[i].n_ff : n;
    return p->n_ff_shared > n ? p->n_ff_shared : n;
}
