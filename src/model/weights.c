/* SPDX-License-Identifier: Apache-2.0 */
/* Finding weights by the names that GGUF files give them.
 *
 * A family's peculiarities show in which tensors are there: a fused matrix (attn_qkv, an ffn_up of
 * twice the width) becomes views of its rows, an absent bias or norm a NULL, an absent output
 * matrix the embeddings. What a layer cannot do without is missing loudly, by its name. */
#include "model/weights.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "kern/packed.h"

#define NAME_BYTES 96

struct loader {
    const struct wf_gguf *g;
    const struct wf_params *p;
    struct wf_weights *w;
    struct wf_err *err;
    int layer; /* -1: outside of layers */
};

static const struct wf_gguf_tensor *find(struct loader *l, const char *name, const char *kind,
                                         char out_full[NAME_BYTES])
{
    if (l->layer >= 0)
        (void)snprintf(out_full, NAME_BYTES, "blk.%d.%s.%s", l->layer, name, kind);
    else
        (void)snprintf(out_full, NAME_BYTES, "%s.%s", name, kind);
    return wf_gguf_tensor(l->g, out_full);
}

static int missing(struct loader *l, const char *name)
{
    return wf_err_set(l->err, WF_E_FORMAT, "The model file lacks the tensor %s.", name);
}

static int wrong_shape(struct loader *l, const char *name, const struct wf_gguf_tensor *t,
                       uint64_t n0, uint64_t n1, uint64_t n2)
{
    return wf_err_set(l->err, WF_E_FORMAT,
                      "The tensor %s is [%llu, %llu, %llu], not [%llu, %llu, %llu] as the model's "
                      "parameters say.",
                      name, (unsigned long long)t->dims[0], (unsigned long long)t->dims[1],
                      (unsigned long long)t->dims[2], (unsigned long long)n0,
                      (unsigned long long)n1, (unsigned long long)n2);
}

/* n float32 values out of a tensor: in place when they lie so, else unpacked into the arena. */
static int as_floats(struct loader *l, const struct wf_gguf_tensor *t, size_t n, const float **out)
{
    const struct wf_dtype *f = wf_dtype_by_id(t->type);
    float *copy;

    l->w->bytes += t->bytes;
    if (t->type == WF_DTYPE_F32 && (uintptr_t)t->data % sizeof(float) == 0) {
        *out = t->data;
        return 0;
    }
    copy = wf_arena_array(&l->w->arena, n, sizeof(*copy));
    if (copy == NULL)
        return wf_err_set(l->err, WF_E_NOMEM, "Not enough memory for the model's vectors.");
    f->unpack(t->data, copy, n);
    *out = copy;
    return 0;
}

/* A vector of n values (or n1 of them, one behind the other); NULL when absent. */
static int vector(struct loader *l, const char *name, const char *kind, uint64_t n, uint64_t n1,
                  bool is_required, const float **out)
{
    char full[NAME_BYTES];
    const struct wf_gguf_tensor *t = find(l, name, kind, full);

    if (t == NULL)
        return is_required ? missing(l, full) : 0;
    if (t->dims[0] != n || t->dims[1] != n1 || t->dims[2] != 1 || t->dims[3] != 1)
        return wrong_shape(l, full, t, n, n1, 1);
    return as_floats(l, t, (size_t)(n * n1), out);
}

/* "name.weight" and, where there is one, "name.bias"; absent when no dims are required of it. */
static int norm(struct loader *l, const char *name, bool is_required, const float **out,
                const float **out_bias)
{
    int rc = vector(l, name, "weight", l->p->dim, 1, is_required, out);

    if (rc == 0)
        rc = vector(l, name, "bias", l->p->dim, 1, false, out_bias);
    return rc;
}

/* [n_experts][n_out, n_in]; n_experts 0: a plain matrix. */
static int matrix(struct loader *l, const char *name, uint64_t n_in, uint64_t n_out,
                  uint32_t n_experts, bool is_required, struct wf_matrix *out)
{
    char full[NAME_BYTES];
    const struct wf_gguf_tensor *t = find(l, name, "weight", full);
    uint64_t n2 = n_experts > 0 ? n_experts : 1;

    if (t == NULL)
        return is_required ? missing(l, full) : 0;
    if (t->dims[0] != n_in || t->dims[1] != n_out || t->dims[2] != n2 || t->dims[3] != 1)
        return wrong_shape(l, full, t, n_in, n_out, n2);
    *out = (struct wf_matrix){.format = wf_dtype_by_id(t->type),
                              .data = t->data,
                              .n_in = (uint32_t)n_in,
                              .n_out = (uint32_t)n_out};
    out->row_bytes = wf_dtype_bytes(out->format, (size_t)n_in);
    out->expert_bytes = n_experts > 0 ? out->row_bytes * (size_t)n_out : 0;
    out->n_experts = n_experts;
    l->w->bytes += t->bytes;
    return vector(l, name, "bias", n_out, n2, false, &out->bias);
}

/* The rows [from, from + n) of a matrix as one of its own. */
static struct wf_matrix rows_of(const struct wf_matrix *m, uint32_t from, uint32_t n)
{
    struct wf_matrix part = *m;

    part.data += m->row_bytes * from;
    part.n_out = n;
    part.bias = m->bias != NULL ? m->bias + from : NULL;
    return part;
}

static bool has(struct loader *l, const char *name)
{
    char full[NAME_BYTES];

    return find(l, name, "weight", full) != NULL;
}

static int load_attention(struct loader *l, struct wf_layer_weights *w)
{
    const struct wf_params *p = l->p;
    const struct wf_layer_params *lp = &p->layers[l->layer];
    uint32_t nq = lp->n_heads * p->head_dim, nk = lp->n_kv_heads * p->head_dim;
    uint32_t nv = lp->n_kv_heads * p->value_dim;
    struct wf_matrix fused = {0};
    int rc;

    if (has(l, "attn_qkv")) {
        rc = matrix(l, "attn_qkv", p->dim, (uint64_t)nq + nk + nv, 0, true, &fused);
        w->q = rows_of(&fused, 0, nq);
        w->k = rows_of(&fused, nq, nk);
        w->v = rows_of(&fused, nq + nk, nv);
    } else {
        rc = matrix(l, "attn_q", p->dim, nq, 0, true, &w->q);
        if (rc == 0)
            rc = matrix(l, "attn_k", p->dim, nk, 0, true, &w->k);
        if (rc == 0)
            rc = matrix(l, "attn_v", p->dim, nv, 0, true, &w->v);
    }
    if (rc == 0)
        rc = matrix(l, "attn_output", (uint64_t)lp->n_heads * p->value_dim, p->dim, 0, true, &w->o);
    if (rc == 0)
        rc = vector(l, "attn_q_norm", "weight", p->head_dim, 1, false, &w->q_norm);
    if (rc == 0)
        rc = vector(l, "attn_k_norm", "weight", p->head_dim, 1, false, &w->k_norm);
    if (rc == 0)
        rc = vector(l, "attn_sinks", "weight", lp->n_heads, 1, false, &w->sinks);
    return rc;
}

static int load_convolution(struct loader *l, struct wf_layer_weights *w)
{
    const struct wf_params *p = l->p;
    int rc = matrix(l, "shortconv.in_proj", p->dim, (uint64_t)3 * p->dim, 0, true, &w->conv_in);

    if (rc == 0)
        rc = matrix(l, "shortconv.out_proj", p->dim, p->dim, 0, true, &w->conv_out);
    if (rc == 0)
        rc = vector(l, "shortconv.conv", "weight", p->conv_len, p->dim, true, &w->conv);
    return rc;
}

static int load_dense(struct loader *l, struct wf_layer_weights *w)
{
    const struct wf_params *p = l->p;
    uint32_t n_ff = p->layers[l->layer].n_ff;
    char full[NAME_BYTES];
    const struct wf_gguf_tensor *up = find(l, "ffn_up", "weight", full);
    bool is_gated = p->family->ffn != WF_FFN_GELU || (p->family->flags & WF_FAMILY_ENCODER) == 0;
    struct wf_matrix fused = {0};
    int rc;

    if (n_ff == 0)
        return wf_err_set(l->err, WF_E_FORMAT,
                          "The model file does not say how wide its feed-forward layers are.");
    if (is_gated && !has(l, "ffn_gate") && up != NULL && up->dims[1] == (uint64_t)2 * n_ff) {
        rc = matrix(l, "ffn_up", p->dim, (uint64_t)2 * n_ff, 0, true, &fused);
        w->gate = rows_of(&fused, 0, n_ff);
        w->up = rows_of(&fused, n_ff, n_ff);
    } else {
        rc = matrix(l, "ffn_up", p->dim, n_ff, 0, true, &w->up);
        if (rc == 0)
            rc = matrix(l, "ffn_gate", p->dim, n_ff, 0, is_gated, &w->gate);
    }
    if (rc == 0)
        rc = matrix(l, "ffn_down", n_ff, p->dim, 0, true, &w->down);
    return rc;
}

static int load_experts(struct loader *l, struct wf_layer_weights *w)
{
    const struct wf_params *p = l->p;
    uint32_t n = p->n_experts, n_ff = p->n_ff_expert;
    int rc = matrix(l, "ffn_gate_inp", p->dim, n, 0, true, &w->router);

    if (rc == 0)
        rc = matrix(l, "ffn_gate_exps", p->dim, n_ff, n, true, &w->gate_experts);
    if (rc == 0)
        rc = matrix(l, "ffn_up_exps", p->dim, n_ff, n, true, &w->up_experts);
    if (rc == 0)
        rc = matrix(l, "ffn_down_exps", n_ff, p->dim, n, true, &w->down_experts);
    if (rc != 0 || p->n_ff_shared == 0)
        return rc;
    rc = matrix(l, "ffn_gate_shexp", p->dim, p->n_ff_shared, 0, true, &w->gate_shared);
    if (rc == 0)
        rc = matrix(l, "ffn_up_shexp", p->dim, p->n_ff_shared, 0, true, &w->up_shared);
    if (rc == 0)
        rc = matrix(l, "ffn_down_shexp", p->n_ff_shared, p->dim, 0, true, &w->down_shared);
    return rc;
}

static int load_norms(struct loader *l, struct wf_layer_weights *w)
{
    unsigned flags = l->p->family->flags;
    bool is_encoder = (flags & WF_FAMILY_ENCODER) != 0;
    bool is_ffn_post = (flags & WF_FAMILY_FFN_POST) != 0;
    int rc;

    if (is_encoder) { /* norms stand behind the sums */
        rc = norm(l, "attn_output_norm", true, &w->attn_post_norm, &w->attn_post_norm_bias);
        if (rc == 0)
            rc = norm(l, "layer_output_norm", true, &w->ffn_post_norm, &w->ffn_post_norm_bias);
        return rc;
    }
    rc = norm(l, "attn_norm", true, &w->attn_norm, &w->attn_norm_bias);
    if (rc == 0)
        rc = norm(l, is_ffn_post ? "post_attention_norm" : "ffn_norm", true, &w->ffn_norm,
                  &w->ffn_norm_bias);
    if (rc == 0 && !is_ffn_post)
        rc = norm(l, "post_attention_norm", false, &w->attn_post_norm, &w->attn_post_norm_bias);
    if (rc == 0)
        rc = norm(l, "post_ffw_norm", false, &w->ffn_post_norm, &w->ffn_post_norm_bias);
    return rc;
}

static int load_layer(struct loader *l, struct wf_layer_weights *w)
{
    bool is_conv = l->p->layers[l->layer].n_kv_heads == 0;
    int rc = load_norms(l, w);

    if (rc == 0)
        rc = is_conv ? load_convolution(l, w) : load_attention(l, w);
    if (rc == 0)
        rc = l->p->n_experts > 0 && has(l, "ffn_gate_inp") ? load_experts(l, w) : load_dense(l, w);
    return rc;
}

static int load_ends(struct loader *l)
{
    const struct wf_params *p = l->p;
    struct wf_weights *w = l->w;
    bool is_encoder = (p->family->flags & WF_FAMILY_ENCODER) != 0;
    bool is_lfm2 = (p->family->flags & WF_FAMILY_CONV) != 0;
    int rc = matrix(l, "token_embd", p->dim, p->n_vocab, 0, true, &w->embed);

    if (rc == 0 && is_encoder) {
        rc = norm(l, "token_embd_norm", true, &w->embed_norm, &w->embed_norm_bias);
        if (rc == 0 && p->family->rope == WF_ROPE_NONE)
            rc = matrix(l, "position_embd", p->dim, p->n_context, 0, true, &w->positions);
        char full[NAME_BYTES];
        const struct wf_gguf_tensor *types = find(l, "token_types", "weight", full);
        if (rc == 0 && types != NULL)
            rc = matrix(l, "token_types", p->dim, types->dims[1], 0, true, &w->types);
    } else if (rc == 0) { /* lfm2 files name their last norm like an encoder's first */
        bool is_misnamed = is_lfm2 && !has(l, "output_norm");
        rc = norm(l, is_misnamed ? "token_embd_norm" : "output_norm", true, &w->output_norm,
                  &w->output_norm_bias);
        if (rc == 0)
            rc = matrix(l, "output", p->dim, p->n_vocab, 0, false, &w->output);
        if (rc == 0 && w->output.format == NULL)
            w->output = w->embed;
    }
    return rc;
}

/* A head of one or two matrices that makes classes, or one score, of a pooled embedding. */
static int load_classes(struct loader *l)
{
    char full[NAME_BYTES];
    const struct wf_gguf_tensor *t = find(l, "cls.output", "weight", full);
    int rc = matrix(l, "cls", l->p->dim, l->p->dim, 0, false, &l->w->classes_dense);

    if (rc == 0 && t != NULL)
        rc = matrix(l, "cls.output", l->p->dim, t->dims[1], 0, true, &l->w->classes);
    if (rc == 0 && t != NULL && t->dims[1] > WF_LIMIT_MODEL_CLASSES)
        rc = wf_err_set(l->err, WF_E_LIMIT, "The model sorts into more classes than weft takes.");
    return rc;
}

static int load_rope(struct loader *l)
{
    uint64_t n = l->p->n_rot / 2;
    int rc = vector(l, "rope_freqs", "weight", n, 1, false, &l->w->rope_factors);

    if (rc == 0)
        rc = vector(l, "rope_factors_long", "weight", n, 1, false, &l->w->rope_long);
    if (rc == 0)
        rc = vector(l, "rope_factors_short", "weight", n, 1, false, &l->w->rope_short);
    return rc;
}

/* The order in which a pass meets matrices, by the first of those that are met together. */
static void chain(struct wf_weights *w, size_t n_layers)
{
    for (size_t i = 0; i < n_layers; i++) {
        struct wf_layer_weights *l = &w->layers[i], *after = i + 1 < n_layers ? l + 1 : NULL;
        bool is_dense = l->up.format != NULL;
        l->conv_in.next = &l->conv_out;
        l->conv_out.next = l->o.next = is_dense ? &l->up : &l->router;
        l->q.next = &l->o;
        if (is_dense) {
            l->up.next = &l->down;
            l->down.next = after == NULL             ? &w->output
                           : after->q.format != NULL ? &after->q
                                                     : &after->conv_in;
        }
    }
    w->output.next = &w->layers[0].q;
}

int wf_weights_load(const struct wf_gguf *g, const struct wf_params *p, struct wf_weights *out,
                    struct wf_err *err)
{
    struct loader l = {.g = g, .p = p, .w = out, .err = err, .layer = -1};
    int rc;

    memset(out, 0, sizeof(*out));
    wf_arena_init(&out->arena, 0, SIZE_MAX);
    out->layers = wf_arena_array(&out->arena, p->n_layers, sizeof(*out->layers));
    if (out->layers == NULL) {
        wf_weights_deinit(out);
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the model's layers.");
    }
    rc = load_ends(&l);
    if (rc == 0)
        rc = load_classes(&l);
    if (rc == 0)
        rc = load_rope(&l);
    for (uint32_t i = 0; i < p->n_layers && rc == 0; i++) {
        l.layer = (int)i;
        rc = load_layer(&l, &out->layers[i]);
    }
    if (rc == 0)
        chain(out, p->n_layers);
    else
        wf_weights_deinit(out);
    return rc;
}

void wf_weights_each(struct wf_weights *w, size_t n_layers, wf_matrix_fn fn, void *ud)
{
    struct wf_matrix *ends[] = {&w->output, &w->classes_dense, &w->classes};

    for (size_t i = 0; i < n_layers; i++) {
        struct wf_layer_weights *l = &w->layers[i];
        struct wf_matrix *all[] = {
            &l->q,
            &l->k,
            &l->v,
            &l->conv_in,
            &l->o,
            &l->conv_out,
            &l->up,
            &l->gate,
            &l->down,
            &l->router,
            &l->up_shared,
            &l->gate_shared,
            &l->down_shared,
            &l->up_experts,
            &l->gate_experts,
            &l->down_experts,
        };
        for (size_t k = 0; k < WF_ARRAY_LEN(all); k++) {
            if (all[k]->format != NULL)
                fn(ud, all[k]);
        }
    }
    for (size_t k = 0; k < WF_ARRAY_LEN(ends); k++) {
        if (ends[k]->format != NULL)
            fn(ud, ends[k]);
    }
}

void wf_matrix_row(const struct wf_matrix *m, size_t r, float *out)
{
    if (wf_dtype_is_packed(m->format))
        wf_packed_unpack(m->format, m->data, m->n_in, r, 0, m->n_in, out);
    else
        m->format->unpack(m->data + r * m->row_bytes, out, m->n_in);
}

void wf_weights_deinit(struct wf_weights *w)
{
    wf_free(w->packed);
    w->packed = NULL;
    wf_arena_deinit(&w->arena);
    w->layers = NULL;
}
