/* SPDX-License-Identifier: Apache-2.0 */
/* The table of mixes and their exceptions. Source of the rules: llama.cpp's quantiser, as its
 * documentation and its files show them. */
#include "model/mix.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    Q2_K = 10,
    Q3_K_S = 11,
    Q3_K_M = 12,
    Q3_K_L = 13,
    Q4_K_S = 14,
    Q4_K_M = 15,
    Q5_K_M = 17,
    IQ4_NL = 25,
    IQ4_XS = 30,
    MXFP4 = 38,
};

static const struct wf_mix mixes[] = {
    {"F32", WF_DTYPE_F32, 0},
    {"F16", WF_DTYPE_F16, 1},
    {"BF16", WF_DTYPE_BF16, 32},
    {"Q4_0", WF_DTYPE_Q4_0, 2},
    {"Q4_1", WF_DTYPE_Q4_1, 3},
    {"Q5_0", WF_DTYPE_Q5_0, 8},
    {"Q5_1", WF_DTYPE_Q5_1, 9},
    {"Q8_0", WF_DTYPE_Q8_0, 7},
    {"Q2_K", WF_DTYPE_Q2_K, Q2_K},
    {"Q3_K_S", WF_DTYPE_Q3_K, Q3_K_S},
    {"Q3_K_M", WF_DTYPE_Q3_K, Q3_K_M},
    {"Q3_K_L", WF_DTYPE_Q3_K, Q3_K_L},
    {"Q4_K_S", WF_DTYPE_Q4_K, Q4_K_S},
    {"Q4_K_M", WF_DTYPE_Q4_K, Q4_K_M},
    {"Q5_K_S", WF_DTYPE_Q5_K, 16},
    {"Q5_K_M", WF_DTYPE_Q5_K, Q5_K_M},
    {"Q6_K", WF_DTYPE_Q6_K, 18},
    {"IQ4_NL", WF_DTYPE_IQ4_NL, IQ4_NL},
    {"IQ4_XS", WF_DTYPE_IQ4_XS, IQ4_XS},
    {"MXFP4", WF_DTYPE_MXFP4, MXFP4},
};

#define N_MIXES (sizeof(mixes) / sizeof(mixes[0]))

const struct wf_mix *wf_mix_at(size_t i)
{
    return i < N_MIXES ? &mixes[i] : NULL;
}

const struct wf_mix *wf_mix_by_name(const char *name)
{
    for (size_t i = 0; i < N_MIXES; i++) {
        if (strcasecmp(mixes[i].name, name) == 0)
            return &mixes[i];
    }
    return NULL;
}

static bool has(struct wf_str name, const char *part)
{
    return wf_str_find(name, wf_str_from(part), 0) != SIZE_MAX;
}

/* Only matrices, and of those none that is small or touchy. */
static bool is_left_alone(const struct wf_mix_tensor *t)
{
    static const char *const touchy[] = {"_norm.weight",  "ffn_gate_inp.weight", "shortconv.conv",
                                         "position_embd", "token_types",         "rope_"};

    for (size_t i = 0; i < sizeof(touchy) / sizeof(touchy[0]); i++) {
        if (has(t->name, touchy[i]))
            return true;
    }
    return t->n_dims < 2 ||
           (!wf_str_ends(t->name, WF_STR("weight")) && !wf_str_ends(t->name, WF_STR(".embed")));
}

/* The layers that matter more: the first and last eighth, and every third between. */
static bool is_delicate(uint32_t i, uint32_t n)
{
    return i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2;
}

static uint32_t of_values(const struct wf_mix *mix, const struct wf_mix_model *m,
                          const struct wf_mix_tensor *t)
{
    uint32_t i = t->i_value, type = mix->base;

    switch (mix->file_type) {
    case Q2_K:
        type = m->n_grouped >= 4 ? WF_DTYPE_Q4_K : WF_DTYPE_Q3_K;
        break;
    case Q3_K_M:
        type = i < 2 ? WF_DTYPE_Q5_K : WF_DTYPE_Q4_K;
        break;
    case Q3_K_L:
        type = WF_DTYPE_Q5_K;
        break;
    case Q4_K_S:
        type = i < 4 ? WF_DTYPE_Q5_K : type;
        break;
    case Q4_K_M:
    case Q5_K_M:
        type = is_delicate(i, m->n_values) ? WF_DTYPE_Q6_K : type;
        break;
    case IQ4_NL:
    case IQ4_XS:
        type = m->n_grouped >= 4 ? WF_DTYPE_Q5_K : type;
        break;
    default:
        break;
    }
    /* 80 layers with 8 heads to one are the 70 B models, whose values are few for their weight. */
    if (m->n_layers == 80 && m->n_grouped == 8 && (type == WF_DTYPE_Q3_K || type == WF_DTYPE_Q4_K))
        type = WF_DTYPE_Q5_K;
    return m->n_experts == 8 ? WF_DTYPE_Q8_0 : type;
}

static uint32_t of_down(const struct wf_mix *mix, const struct wf_mix_model *m, uint32_t i)
{
    uint32_t n = m->n_layers;

    switch (mix->file_type) {
    case Q2_K:
        return WF_DTYPE_Q3_K;
    case Q3_K_M:
        return i < n / 16 ? WF_DTYPE_Q5_K : WF_DTYPE_Q4_K;
    case Q3_K_L:
        return WF_DTYPE_Q5_K;
    case Q4_K_M:
    case Q5_K_M:
        return is_delicate(i, n) ? WF_DTYPE_Q6_K : mix->base;
    case Q4_K_S:
    case IQ4_NL:
    case IQ4_XS:
        return i < n / 8 ? WF_DTYPE_Q5_K : mix->base;
    default:
        return mix->base;
    }
}

static uint32_t of_attention_output(const struct wf_mix *mix, const struct wf_mix_model *m)
{
    switch (mix->file_type) {
    case Q2_K:
        return m->n_experts == 8 ? WF_DTYPE_Q5_K : WF_DTYPE_Q3_K;
    case Q3_K_M:
        return m->n_experts == 8 ? WF_DTYPE_Q5_K : WF_DTYPE_Q4_K;
    case Q3_K_L:
        return m->n_experts == 8 ? mix->base : WF_DTYPE_Q5_K;
    case Q3_K_S:
    case Q4_K_S:
    case Q4_K_M:
    case IQ4_NL:
    case IQ4_XS:
        return m->n_experts == 8 ? WF_DTYPE_Q5_K : mix->base;
    default:
        return mix->base;
    }
}

/* "blk.12.x" -> 12. */
static uint32_t layer_of(struct wf_str name)
{
    struct wf_str digits = wf_str_sub(name, 4, wf_str_find_byte(name, '.', 4));
    uint64_t n;

    return wf_str_starts(name, WF_STR("blk.")) && wf_str_to_u64(digits, &n) && n < 65536
               ? (uint32_t)n
               : 0;
}

static bool is_output(const struct wf_mix_model *m, struct wf_str name)
{
    return wf_str_eq(name, WF_STR("output.weight")) ||
           (m->is_tied && wf_str_eq(name, WF_STR("token_embd.weight")));
}

static uint32_t wanted(const struct wf_mix *mix, const struct wf_mix_model *m,
                       const struct wf_mix_tensor *t)
{
    const struct wf_dtype *base = wf_dtype_by_id(mix->base);

    if (base->block == 1)
        return base->id;
    if (mix->file_type == MXFP4) /* experts, in files of that name */
        return has(t->name, "_exps.") ? WF_DTYPE_MXFP4 : WF_DTYPE_Q8_0;
    if (is_output(m, t->name))
        return t->row % base->block != 0 || base->id == WF_DTYPE_Q8_0 ? WF_DTYPE_Q8_0
                                                                      : WF_DTYPE_Q6_K;
    if (has(t->name, "attn_v.weight") || has(t->name, "attn_qkv.weight"))
        return of_values(mix, m, t);
    if (has(t->name, "attn_k.weight"))
        return m->n_experts == 8 ? WF_DTYPE_Q8_0 : base->id;
    if (has(t->name, "ffn_down"))
        return of_down(mix, m, layer_of(t->name));
    return has(t->name, "attn_output.weight") ? of_attention_output(mix, m) : base->id;
}

/* What stands in for a type whose blocks are longer than the rows allow. */
static uint32_t with_shorter_blocks(uint32_t id)
{
    switch (id) {
    case WF_DTYPE_Q4_K:
        return WF_DTYPE_Q5_0;
    case WF_DTYPE_Q5_K:
        return WF_DTYPE_Q5_1;
    case WF_DTYPE_Q6_K:
        return WF_DTYPE_Q8_0;
    case WF_DTYPE_IQ4_XS:
        return WF_DTYPE_IQ4_NL;
    default:
        return WF_DTYPE_Q4_0;
    }
}

const struct wf_dtype *wf_mix_type(const struct wf_mix *mix, const struct wf_mix_model *m,
                                   const struct wf_mix_tensor *t)
{
    const struct wf_dtype *type;

    if (is_left_alone(t))
        return t->type;
    type = wf_dtype_by_id(wanted(mix, m, t));
    if (t->row % type->block != 0 && type->block == 256)
        type = wf_dtype_by_id(with_shorter_blocks(type->id));
    if (t->row % type->block != 0)
        type = wf_dtype_by_id(WF_DTYPE_F16);
    return type;
}
