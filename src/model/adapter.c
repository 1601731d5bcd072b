/* SPDX-License-Identifier: Apache-2.0 */
/* Reading an adapter: pairs of tensors NAME.lora_a [n_in, rank] and NAME.lora_b [rank, n_out], NAME
 * being a tensor of the model's file.
 *
 * The model may have cut a fused tensor (attn_qkv) into views of its rows: each view gets the same
 * A and its rows of B. Embeddings have A and B swapped in such files: a token's row of A is looked
 * up. What changes more than matrices (norms, a vocabulary of its own, adapters that start at an
 * invocation) is refused rather than left out. */
#include "model/adapter.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/adapter_internal.h"
#include "model/transformer_internal.h"

#define NAME_BYTES 160

struct reader {
    const struct wf_model *m;
    const struct wf_gguf *g;
    struct wf_adapter *a;
    struct wf_err *err;
};

static struct wf_str shown(struct wf_str name)
{
    return wf_str_sub(name, 0, 60);
}

static int check_kind(struct reader *r)
{
    struct wf_str type = {0}, kind = {0}, family = {0};
    const char *of_model = wf_model_params(r->m)->family->name;
    double alpha = 0.0;

    (void)wf_gguf_string(r->g, "general.type", &type);
    (void)wf_gguf_string(r->g, "adapter.type", &kind);
    (void)wf_gguf_string(r->g, "general.architecture", &family);
    if (!wf_str_eq(type, WF_STR("adapter")))
        return wf_err_set(r->err, WF_E_FORMAT, "The file is not an adapter.");
    if (!wf_str_eq(kind, WF_STR("lora")))
        return wf_err_set(r->err, WF_E_UNSUPPORTED,
                          "It is an adapter of the kind '%.*s', not LoRA.",
                          WF_STR_ARG(shown(kind)));
    if (!wf_str_eq(family, wf_str_from(of_model)))
        return wf_err_set(r->err, WF_E_UNSUPPORTED,
                          "The adapter is for models of the family '%.*s'; this one is '%s'.",
                          WF_STR_ARG(shown(family)), of_model);
    if (wf_gguf_value(r->g, "adapter.alora.invocation_tokens") != NULL)
        return wf_err_set(r->err, WF_E_UNSUPPORTED,
                          "The adapter is one that starts at an invocation, which weft does not "
                          "apply.");
    if (wf_gguf_value(r->g, "adapter.lora.alpha") != NULL &&
        !wf_gguf_f64(r->g, "adapter.lora.alpha", &alpha))
        return wf_err_set(r->err, WF_E_FORMAT, "The adapter's alpha is not a proper number.");
    r->a->alpha = (float)alpha;
    return 0;
}

/* NAME + suffix in the adapter's file; NULL when absent. */
static const struct wf_gguf_tensor *partner(struct reader *r, struct wf_str name,
                                            const char *suffix)
{
    char full[NAME_BYTES];

    if (name.len + strlen(suffix) >= sizeof(full))
        return NULL;
    memcpy(full, name.ptr, name.len);
    memcpy(full + name.len, suffix, strlen(suffix) + 1);
    return wf_gguf_tensor(r->g, full);
}

static int wrong_shape(struct reader *r, struct wf_str name, const struct wf_gguf_tensor *a,
                       const struct wf_gguf_tensor *b)
{
    return wf_err_set(r->err, WF_E_FORMAT,
                      "The adapter does not fit the model: its matrices for %.*s are [%" PRIu64
                      ", %" PRIu64 "] and [%" PRIu64 ", %" PRIu64 "].",
                      WF_STR_ARG(shown(name)), a->dims[0], a->dims[1], b->dims[0], b->dims[1]);
}

/* Shapes of a pair against the tensor's of the model. */
static int check_shapes(struct reader *r, const struct wf_gguf_tensor *t, bool is_embedding,
                        const struct wf_gguf_tensor *a, const struct wf_gguf_tensor *b)
{
    uint64_t rank = b->dims[0];
    bool fits = b->dims[1] == (is_embedding ? t->dims[0] : t->dims[1]);

    fits = fits && a->dims[0] == (is_embedding ? rank : t->dims[0]);
    fits = fits && a->dims[1] == (is_embedding ? t->dims[1] : rank);
    fits = fits && a->dims[2] == t->dims[2] && b->dims[2] == t->dims[2];
    if (!fits || a->dims[3] != 1 || b->dims[3] != 1 || rank == 0)
        return wrong_shape(r, t->name, a, b);
    if (rank > WF_LIMIT_ADAPTER_RANK)
        return wf_err_set(r->err, WF_E_LIMIT,
                          "The adapter has a rank of %" PRIu64 "; weft takes up to %d.", rank,
                          WF_LIMIT_ADAPTER_RANK);
    return 0;
}

static int add_pair(struct reader *r, const struct wf_matrix *target, size_t first_row,
                    const struct wf_gguf_tensor *a, const struct wf_gguf_tensor *b)
{
    struct wf_adapter *out = r->a;
    struct wf_adapter_pair p = {.target = target,
                                .a_format = wf_dtype_by_id(a->type),
                                .b_format = wf_dtype_by_id(b->type),
                                .rank = (uint32_t)b->dims[0]};

    if (out->n_pairs == out->n_pairs_cap) {
        size_t cap = out->n_pairs_cap > 0 ? 2 * out->n_pairs_cap : 64;
        struct wf_adapter_pair *grown = wf_realloc_array(out->pairs, cap, sizeof(*grown));
        if (grown == NULL)
            return wf_err_set(r->err, WF_E_NOMEM, "Not enough memory for the adapter.");
        out->pairs = grown;
        out->n_pairs_cap = cap;
    }
    p.a_row_bytes = wf_dtype_bytes(p.a_format, (size_t)a->dims[0]);
    p.b_row_bytes = wf_dtype_bytes(p.b_format, (size_t)b->dims[0]);
    p.a_expert_bytes = target->expert_bytes > 0 ? p.a_row_bytes * (size_t)a->dims[1] : 0;
    p.b_expert_bytes = target->expert_bytes > 0 ? p.b_row_bytes * (size_t)b->dims[1] : 0;
    p.a = a->data;
    p.b = (const uint8_t *)b->data + first_row * p.b_row_bytes;
    out->pairs[out->n_pairs++] = p;
    return 0;
}

/* Adds a pair when the matrix lies in the tensor. */
static int match(struct reader *r, const struct wf_matrix *target, const struct wf_gguf_tensor *t,
                 const struct wf_gguf_tensor *a, const struct wf_gguf_tensor *b, bool *io_found)
{
    uintptr_t at = (uintptr_t)target->data, start = (uintptr_t)t->data;

    if (target->format == NULL || at < start || at >= start + t->bytes)
        return 0;
    *io_found = true;
    return add_pair(r, target, (at - start) / target->row_bytes, a, b);
}

/* All matrices of the model that are views of tensor t. */
static int match_all(struct reader *r, const struct wf_gguf_tensor *t, bool is_embedding,
                     const struct wf_gguf_tensor *a, const struct wf_gguf_tensor *b)
{
    const struct wf_weights *w = &r->m->weights;
    bool found = false;
    int rc = 0;

    if (is_embedding) /* of a tied output it changes nothing, as in training */
        return match(r, &w->embed, t, a, b, &found);
    rc = match(r, &w->output, t, a, b, &found);
    for (uint32_t i = 0; i < wf_model_params(r->m)->n_layers && rc == 0; i++) {
        const struct wf_layer_weights *l = &w->layers[i];
        const struct wf_matrix *const all[] = {
            &l->q,
            &l->k,
            &l->v,
            &l->o,
            &l->conv_in,
            &l->conv_out,
            &l->gate,
            &l->up,
            &l->down,
            &l->router,
            &l->gate_experts,
            &l->up_experts,
            &l->down_experts,
            &l->gate_shared,
            &l->up_shared,
            &l->down_shared,
        };
        for (size_t j = 0; j < sizeof(all) / sizeof(all[0]) && rc == 0; j++)
            rc = match(r, all[j], t, a, b, &found);
    }
    if (rc == 0 && !found)
        rc = wf_err_set(r->err, WF_E_UNSUPPORTED,
                        "The adapter changes %.*s, which weft applies no adapters to.",
                        WF_STR_ARG(shown(t->name)));
    return rc;
}

/* One tensor of the adapter's file. */
static int read_tensor(struct reader *r, const struct wf_gguf_tensor *a)
{
    bool is_a = wf_str_ends(a->name, WF_STR(".lora_a"));
    struct wf_str name = wf_str_sub(a->name, 0, a->name.len - strlen(".lora_a"));
    const struct wf_gguf_tensor *b, *t;
    char full[NAME_BYTES];
    bool is_embedding;
    int rc;

    if (!is_a && !wf_str_ends(a->name, WF_STR(".lora_b")))
        return wf_err_set(r->err, WF_E_UNSUPPORTED,
                          "The adapter holds the tensor %.*s, which is no part of a LoRA that weft "
                          "applies.",
                          WF_STR_ARG(shown(a->name)));
    b = partner(r, name, is_a ? ".lora_b" : ".lora_a");
    if (b == NULL)
        return wf_err_set(r->err, WF_E_FORMAT, "The adapter's tensor %.*s has no partner.",
                          WF_STR_ARG(shown(a->name)));
    if (!is_a)
        return 0;                     /* done with its partner */
    memcpy(full, name.ptr, name.len); /* partner() found that it is short enough */
    full[name.len] = 0;
    t = wf_gguf_tensor(r->m->gguf, full);
    if (t == NULL)
        return wf_err_set(r->err, WF_E_FORMAT,
                          "The adapter does not fit the model, which has no tensor %.*s.",
                          WF_STR_ARG(shown(name)));
    is_embedding = wf_str_eq(name, WF_STR("token_embd.weight"));
    rc = check_shapes(r, t, is_embedding, a, b);
    return rc == 0 ? match_all(r, t, is_embedding, a, b) : rc;
}

static int by_target(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)((const struct wf_adapter_pair *)a)->target;
    uintptr_t y = (uintptr_t)((const struct wf_adapter_pair *)b)->target;

    return (x > y) - (x < y);
}

int wf_adapter_open_gguf(const struct wf_model *m, struct wf_gguf *g, struct wf_adapter **out,
                         struct wf_err *err)
{
    struct wf_adapter *a = wf_alloc_array(1, sizeof(*a));
    struct reader r = {m, g, a, err};
    int rc;

    if (a == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the adapter.");
    a->model = m;
    rc = check_kind(&r);
    if (rc == 0 && wf_gguf_n_tensors(g) == 0)
        rc = wf_err_set(err, WF_E_FORMAT, "The adapter is empty.");
    for (size_t i = 0; i < wf_gguf_n_tensors(g) && rc == 0; i++)
        rc = read_tensor(&r, wf_gguf_tensor_at(g, i));
    if (rc != 0) {
        wf_adapter_close(a); /* the file stays the caller's */
        return rc;
    }
    qsort(a->pairs, a->n_pairs, sizeof(*a->pairs), by_target);
    a->gguf = g;
    *out = a;
    return 0;
}

int wf_adapter_open(const struct wf_model *m, const char *path, struct wf_adapter **out,
                    struct wf_err *err)
{
    struct wf_gguf *g = NULL;
    int rc = wf_gguf_open(path, &g, err);

    if (rc == 0) {
        rc = wf_adapter_open_gguf(m, g, out, err);
        if (rc != 0)
            wf_gguf_close(g);
    }
    return rc;
}

void wf_adapter_close(struct wf_adapter *a)
{
    if (a == NULL)
        return;
    wf_gguf_close(a->gguf);
    wf_free(a->pairs);
    wf_free(a);
}

const struct wf_adapter_pair *wf_adapter__find(const struct wf_adapter *a,
                                               const struct wf_matrix *target)
{
    struct wf_adapter_pair key = {.target = target};

    return bsearch(&key, a->pairs, a->n_pairs, sizeof(key), by_target);
}

float wf_adapter__scale(const struct wf_adapter_use *use, const struct wf_adapter_pair *p)
{
    float alpha = use->adapter->alpha;

    return alpha != 0.0f ? use->scale * alpha / (float)p->rank : use->scale;
}
