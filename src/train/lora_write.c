/* SPDX-License-Identifier: Apache-2.0 */
/* An adapter's GGUF. Its tensors are named after those of the model's file. Where that has fused
 * matrices (attn_qkv, an ffn_up of twice the width), the parts' matrices are joined: A one below
 * the other, B as blocks along the diagonal, which is the same map with a rank of their sum; since
 * readers divide alpha by the rank, B is multiplied by what that grew. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "model/gguf_write.h"
#include "train/lora_internal.h"

#define NAME_BYTES 64

/* Parts that may lie in one tensor of the file. */
struct family_of_parts {
    const char *names[3];
    const char *fused; /* NULL: never */
};

static const struct family_of_parts groups[] = {
    {{"attn_q", "attn_k", "attn_v"}, "attn_qkv"},
    {{"attn_output"}, NULL},
    {{"ffn_gate", "ffn_up"}, "ffn_up"},
    {{"ffn_down"}, NULL},
};

/* One tensor of the file with the adapters of its parts; a part without has NULL. */
struct target {
    char name[NAME_BYTES];
    const struct wf_net_tensor *a[3], *b[3];
    size_t n_out[3]; /* rows of each part */
    size_t n;        /* parts */
};

struct writer {
    const struct wf_lora *l;
    struct wf_gguf_writer *w;
    float *room; /* a row */
};

static const struct wf_net_tensor *find(const struct wf_lora *l, uint32_t layer, const char *name,
                                        const char *suffix)
{
    char full[NAME_BYTES];

    (void)snprintf(full, sizeof(full), "blk.%u.%s.weight%s", layer, name, suffix);
    return wf_net_find(l->net, full);
}

static bool is_in_file(const struct wf_lora *l, uint32_t layer, const char *name)
{
    char full[NAME_BYTES];

    (void)snprintf(full, sizeof(full), "blk.%u.%s.weight", layer, name);
    return wf_gguf_tensor(l->gguf, full) != NULL;
}

/* Rows of a part, which the model may have without an adapter. */
static size_t rows_of(const struct wf_lora *l, uint32_t layer, const char *name)
{
    const struct wf_layer_weights *w = &l->weights.layers[layer];
    const struct wf_matrix *m = strcmp(name, "attn_q") == 0     ? &w->q
                                : strcmp(name, "attn_k") == 0   ? &w->k
                                : strcmp(name, "attn_v") == 0   ? &w->v
                                : strcmp(name, "ffn_gate") == 0 ? &w->gate
                                : strcmp(name, "ffn_up") == 0   ? &w->up
                                : strcmp(name, "ffn_down") == 0 ? &w->down
                                                                : &w->o;

    return m->n_out;
}

/* Fills a target with parts [from, from + n) of a group; false: none of them has an adapter. */
static bool fill(const struct wf_lora *l, uint32_t layer, const struct family_of_parts *g,
                 size_t from, size_t n, const char *file_name, struct target *out)
{
    bool has = false;

    *out = (struct target){.n = n};
    (void)snprintf(out->name, sizeof(out->name), "blk.%u.%s.weight", layer, file_name);
    for (size_t i = 0; i < n; i++) {
        const char *name = g->names[from + i];
        out->a[i] = find(l, layer, name, ".lora_a");
        out->b[i] = find(l, layer, name, ".lora_b");
        out->n_out[i] = rows_of(l, layer, name);
        has = has || out->a[i] != NULL;
    }
    return has;
}

static size_t rank_of(const struct target *t)
{
    size_t rank = 0;

    for (size_t i = 0; i < t->n; i++)
        rank += t->a[i] != NULL ? t->a[i]->rows : 0;
    return rank;
}

static size_t outputs_of(const struct target *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->n; i++)
        n += t->n_out[i];
    return n;
}

static void declare(struct writer *w, const struct target *t)
{
    const struct wf_dtype *f32 = wf_dtype_by_id(WF_DTYPE_F32);
    char full[NAME_BYTES + 8];
    size_t n_in = 0;

    for (size_t i = 0; i < t->n; i++)
        n_in = t->a[i] != NULL ? t->a[i]->cols : n_in;
    uint64_t a[] = {n_in, rank_of(t)}, b[] = {rank_of(t), outputs_of(t)};
    (void)snprintf(full, sizeof(full), "%s.lora_a", t->name);
    wf_gguf_put_tensor(w->w, wf_str_from(full), f32, 2, a);
    (void)snprintf(full, sizeof(full), "%s.lora_b", t->name);
    wf_gguf_put_tensor(w->w, wf_str_from(full), f32, 2, b);
}

/* B of one part: its rows within rows of the joined rank. */
static int write_b(struct writer *w, const struct target *t, size_t i_part, size_t column,
                   struct wf_err *err)
{
    size_t rank = rank_of(t);
    const struct wf_net_tensor *b = t->b[i_part];
    int rc = 0;

    for (size_t r = 0; r < t->n_out[i_part] && rc == 0; r++) {
        memset(w->room, 0, rank * sizeof(float));
        if (b != NULL) {
            const float *row = wf_net_values(w->l->net) + b->offset + r * b->cols;
            for (size_t k = 0; k < b->cols; k++)
                w->room[column + k] = row[k] * (float)rank / (float)b->cols;
        }
        rc = wf_gguf_writer_write(w->w, w->room, rank * sizeof(float), err);
    }
    return rc;
}

static int write(struct writer *w, const struct target *t, struct wf_err *err)
{
    const float *values = wf_net_values(w->l->net);
    size_t column = 0;
    int rc = 0;

    for (size_t i = 0; i < t->n && rc == 0; i++) {
        const struct wf_net_tensor *a = t->a[i];
        if (a != NULL)
            rc = wf_gguf_writer_write(w->w, values + a->offset,
                                      (size_t)a->rows * a->cols * sizeof(float), err);
    }
    for (size_t i = 0; i < t->n && rc == 0; i++) {
        rc = write_b(w, t, i, column, err);
        column += t->b[i] != NULL ? t->b[i]->cols : 0;
    }
    return rc;
}

/* Declares all tensors, or writes them, in the same order. */
static int each_target(struct writer *w, bool declares, struct wf_err *err)
{
    const struct wf_lora *l = w->l;
    struct target t;
    int rc = 0;

    for (uint32_t layer = 0; layer < l->params.n_layers; layer++) {
        for (size_t g = 0; g < WF_ARRAY_LEN(groups) && rc == 0; g++) {
            const struct family_of_parts *parts = &groups[g];
            size_t n = parts->names[1] == NULL ? 1 : parts->names[2] == NULL ? 2 : 3;
            bool is_fused = !is_in_file(l, layer, parts->names[0]);
            for (size_t i = 0; i < (is_fused ? 1 : n) && rc == 0; i++) {
                const char *name = is_fused ? parts->fused : parts->names[i];
                if (!fill(l, layer, parts, i, is_fused ? n : 1, name, &t))
                    continue;
                if (declares)
                    declare(w, &t);
                else
                    rc = write(w, &t, err);
            }
        }
    }
    return rc;
}

int wf_lora_write(const struct wf_lora *l, const char *path, struct wf_err *err)
{
    struct writer w = {.l = l};
    int rc;

    if (l->net == NULL)
        return wf_err_set(err, WF_E_INVAL, "The adapter is not trained yet.");
    w.room = wf_alloc_array((size_t)3 * l->o.rank, sizeof(float));
    if (w.room == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to write the adapter.");
    rc = wf_gguf_writer_new(path, &w.w, err);
    if (rc == 0) {
        wf_gguf_put_string(w.w, "general.type", WF_STR("adapter"));
        wf_gguf_put_string(w.w, "general.architecture", wf_str_from(l->params.family->name));
        wf_gguf_put_string(w.w, "adapter.type", WF_STR("lora"));
        wf_gguf_put_f32(w.w, "adapter.lora.alpha", l->o.alpha);
        (void)each_target(&w, true, NULL); /* failures stick in the writer */
        rc = wf_gguf_writer_begin(w.w, err);
    }
    if (rc == 0)
        rc = each_target(&w, false, err);
    if (rc == 0)
        rc = wf_gguf_writer_finish(w.w, err);
    wf_gguf_writer_free(w.w);
    wf_free(w.room);
    return rc;
}
