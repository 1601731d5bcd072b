/* SPDX-License-Identifier: Apache-2.0 */
/* LoRA files as llama.cpp's converter writes them, with seeded numbers. */
#include "support/tiny_adapter.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "kern/dtype.h"

#define TENSORS_MAX 256

struct item {
    char name[96];
    uint32_t n_dims;
    uint64_t dims[3];
};

static void put_string(struct wf_buf *out, struct wf_str s)
{
    wf_buf_append_u64le(out, s.len);
    wf_buf_append_str(out, s);
}

static void put_text(struct wf_buf *out, const char *key, struct wf_str v)
{
    put_string(out, wf_str_from(key));
    wf_buf_append_u32le(out, 8);
    put_string(out, v);
}

static bool is_adapted(const struct tiny_adapter *a, const struct wf_gguf_tensor *t)
{
    return t->n_dims >= 2 && wf_str_ends(t->name, WF_STR(".weight")) &&
           wf_str_find(t->name, WF_STR(".conv."), 0) == SIZE_MAX &&
           wf_str_find(t->name, wf_str_from(a->only), 0) != SIZE_MAX;
}

static void add_item(const struct tiny_adapter *a, struct item *items, size_t *io_n,
                     struct wf_str name, const char *suffix, const uint64_t dims[3],
                     uint32_t n_dims)
{
    struct item *it = &items[*io_n];

    assert(*io_n < TENSORS_MAX);
    (void)snprintf(it->name, sizeof(it->name), "%.*s%s", WF_STR_ARG(name), suffix);
    memcpy(it->dims, dims, sizeof(it->dims));
    it->n_dims = n_dims;
    if (a->dropped == NULL || strcmp(a->dropped, it->name) != 0)
        (*io_n)++;
}

static size_t list_items(const struct tiny_adapter *a, const struct wf_gguf *model,
                         struct item *items)
{
    size_t n = 0;

    for (size_t i = 0; i < wf_gguf_n_tensors(model); i++) {
        const struct wf_gguf_tensor *t = wf_gguf_tensor_at(model, i);
        bool is_embedding = wf_str_eq(t->name, WF_STR("token_embd.weight"));
        uint64_t in = t->dims[0] + a->widened, r = a->rank;
        if (!is_adapted(a, t))
            continue;
        add_item(a, items, &n, t->name, ".lora_a",
                 is_embedding ? (uint64_t[]){r, t->dims[1], 1} : (uint64_t[]){in, r, t->dims[2]},
                 t->n_dims);
        add_item(a, items, &n, t->name, ".lora_b",
                 is_embedding ? (uint64_t[]){r, in, 1} : (uint64_t[]){r, t->dims[1], t->dims[2]},
                 t->n_dims);
    }
    if (a->extra != NULL)
        add_item(a, items, &n, wf_str_from(a->extra), "", (uint64_t[]){4, 1, 1}, 1);
    return n;
}

static float next_number(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (float)((int32_t)(*state >> 40) - (1 << 23)) * 0x1p-23f;
}

static void put_values(const struct tiny_adapter *a, const struct item *it, uint64_t *state,
                       struct wf_buf *out)
{
    const struct wf_dtype *f = wf_dtype_by_id(a->type);
    size_t n = (size_t)(it->dims[0] * it->dims[1] * it->dims[2]);
    float *x = wf_alloc_array(n, sizeof(*x));

    assert(x != NULL);
    for (size_t i = 0; i < n; i++)
        x[i] = 0.25f * next_number(state);
    wf_buf_reserve(out, wf_dtype_bytes(f, n));
    f->pack(x, out->ptr + out->len, n);
    wf_buf_commit(out, wf_dtype_bytes(f, n));
    wf_free(x);
}

static void put_metadata(const struct tiny_adapter *a, const struct wf_gguf *model,
                         struct wf_buf *out)
{
    struct wf_str family = {0};
    uint32_t bits;

    if (a->family != NULL)
        family = wf_str_from(a->family);
    else
        (void)wf_gguf_string(model, "general.architecture", &family);
    put_text(out, "general.type", WF_STR("adapter"));
    put_text(out, "general.architecture", family);
    put_text(out, "adapter.type", wf_str_from(a->kind != NULL ? a->kind : "lora"));
    if (a->alpha != 0.0f) {
        memcpy(&bits, &a->alpha, sizeof(bits));
        put_string(out, WF_STR("adapter.lora.alpha"));
        wf_buf_append_u32le(out, 6);
        wf_buf_append_u32le(out, bits);
    }
}

void tiny_adapter_build(const struct tiny_adapter *a, const struct wf_gguf *model,
                        struct wf_buf *out)
{
    static struct item items[TENSORS_MAX + 1];
    const struct wf_dtype *f = wf_dtype_by_id(a->type);
    size_t start = out->len, n = list_items(a, model, items);
    uint64_t offset = 0, state = a->seed;

    wf_buf_append(out, "GGUF\3\0\0\0", 8);
    wf_buf_append_u64le(out, n);
    wf_buf_append_u64le(out, a->alpha != 0.0f ? 4 : 3);
    put_metadata(a, model, out);
    for (size_t i = 0; i < n; i++) {
        const struct item *it = &items[i];
        put_string(out, wf_str_from(it->name));
        wf_buf_append_u32le(out, it->n_dims);
        for (uint32_t d = 0; d < it->n_dims; d++)
            wf_buf_append_u64le(out, it->dims[d]);
        wf_buf_append_u32le(out, a->type);
        wf_buf_append_u64le(out, offset);
        offset +=
            (wf_dtype_bytes(f, (size_t)(it->dims[0] * it->dims[1] * it->dims[2])) + 31) / 32 * 32;
    }
    for (size_t i = 0; i < n; i++) {
        wf_buf_append_fill(out, 0, (32 - (out->len - start) % 32) % 32);
        put_values(a, &items[i], &state, out);
    }
    wf_buf_append_fill(out, 0, (32 - (out->len - start) % 32) % 32);
    assert(wf_buf_status(out) == 0);
}

static float *unpacked(const struct wf_gguf_tensor *t)
{
    size_t n = (size_t)(t->dims[0] * t->dims[1] * t->dims[2]);
    float *x = wf_alloc_array(n, sizeof(*x));

    assert(x != NULL);
    wf_dtype_by_id(t->type)->unpack(t->data, x, n);
    return x;
}

static void melt(const struct wf_gguf_tensor *w, const struct wf_gguf_tensor *ta,
                 const struct wf_gguf_tensor *tb, bool is_embedding, float scale)
{
    float *x = (float *)(uintptr_t)w->data, *a = unpacked(ta), *b = unpacked(tb);
    size_t n0 = (size_t)w->dims[0], n1 = (size_t)w->dims[1], rank = (size_t)tb->dims[0];

    for (size_t i = 0; i < n0 * n1 * (size_t)w->dims[2]; i++) {
        size_t in = i % n0, out = i / n0 % n1, expert = i / n0 / n1;
        double sum = 0;
        for (size_t k = 0; k < rank; k++) {
            double at_a =
                (double)(is_embedding ? a[out * rank + k] : a[(expert * rank + k) * n0 + in]);
            double at_b =
                (double)(is_embedding ? b[in * rank + k] : b[(expert * n1 + out) * rank + k]);
            sum += at_a * at_b;
        }
        x[i] += scale * (float)sum;
    }
    wf_free(a);
    wf_free(b);
}

void tiny_adapter_melt(const struct wf_gguf *model, const struct wf_gguf *adapter, float scale)
{
    double alpha = 0.0;
    char name[128];

    (void)wf_gguf_f64(adapter, "adapter.lora.alpha", &alpha);
    for (size_t i = 0; i < wf_gguf_n_tensors(adapter); i++) {
        const struct wf_gguf_tensor *a = wf_gguf_tensor_at(adapter, i), *b, *w;
        struct wf_str base = wf_str_sub(a->name, 0, a->name.len - 7);
        float s = scale;
        if (!wf_str_ends(a->name, WF_STR(".lora_a")))
            continue;
        (void)snprintf(name, sizeof(name), "%.*s.lora_b", WF_STR_ARG(base));
        b = wf_gguf_tensor(adapter, name);
        (void)snprintf(name, sizeof(name), "%.*s", WF_STR_ARG(base));
        w = wf_gguf_tensor(model, name);
        if (alpha != 0.0)
            s *= (float)alpha / (float)b->dims[0];
        melt(w, a, b, strcmp(name, "token_embd.weight") == 0, s);
    }
}
