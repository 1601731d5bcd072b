/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of a model file as bytes. */
#include "train/meta.h"

#include <string.h>

#define KEY_MAX 96u

void wf_meta_init(struct wf_meta *m)
{
    wf_buf_init(&m->bytes, WF_META_BYTES_MAX);
}

void wf_meta_deinit(struct wf_meta *m)
{
    wf_buf_deinit(&m->bytes);
}

static void put_head(struct wf_meta *m, enum wf_meta_kind kind, uint32_t n, const char *key)
{
    wf_buf_append_u32le(&m->bytes, (uint32_t)kind);
    wf_buf_append_u32le(&m->bytes, n);
    wf_buf_append_u32le(&m->bytes, (uint32_t)strlen(key));
    wf_buf_append_cstr(&m->bytes, key);
}

static void put_text(struct wf_meta *m, struct wf_str v)
{
    wf_buf_append_u32le(&m->bytes, (uint32_t)v.len);
    wf_buf_append_str(&m->bytes, v);
}

void wf_meta_put_u32(struct wf_meta *m, const char *key, uint32_t v)
{
    put_head(m, WF_META_U32, 1, key);
    wf_buf_append_u32le(&m->bytes, v);
}

void wf_meta_put_f32(struct wf_meta *m, const char *key, float v)
{
    uint32_t bits;

    memcpy(&bits, &v, sizeof(bits));
    put_head(m, WF_META_F32, 1, key);
    wf_buf_append_u32le(&m->bytes, bits);
}

void wf_meta_put_bool(struct wf_meta *m, const char *key, bool v)
{
    put_head(m, WF_META_BOOL, 1, key);
    wf_buf_append_u32le(&m->bytes, v ? 1 : 0);
}

void wf_meta_put_string(struct wf_meta *m, const char *key, struct wf_str v)
{
    put_head(m, WF_META_STRING, 1, key);
    put_text(m, v);
}

void wf_meta_put_strings(struct wf_meta *m, const char *key, const char *const *v, uint32_t n)
{
    put_head(m, WF_META_STRINGS, n, key);
    for (uint32_t i = 0; i < n; i++)
        put_text(m, wf_str_from(v[i]));
}

static bool take_u32(struct wf_str *io, uint32_t *out)
{
    const unsigned char *p = (const unsigned char *)io->ptr;

    if (io->len < 4)
        return false;
    *out = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    *io = wf_str_sub(*io, 4, io->len);
    return true;
}

static bool take_bytes(struct wf_str *io, uint32_t n, struct wf_str *out)
{
    if (io->len < n)
        return false;
    *out = wf_str_sub(*io, 0, n);
    *io = wf_str_sub(*io, n, io->len);
    return true;
}

static bool export_number(struct wf_str *io, const char *key, uint32_t kind,
                          struct wf_gguf_writer *w)
{
    uint32_t bits;
    float x;

    if (!take_u32(io, &bits) || (kind == WF_META_BOOL && bits > 1))
        return false;
    memcpy(&x, &bits, sizeof(x));
    if (w == NULL)
        return true;
    if (kind == WF_META_F32)
        wf_gguf_put_f32(w, key, x);
    else if (kind == WF_META_BOOL)
        wf_gguf_put_bool(w, key, bits == 1);
    else
        wf_gguf_put_u32(w, key, bits);
    return true;
}

static bool export_texts(struct wf_str *io, const char *key, bool is_list, uint32_t n,
                         struct wf_gguf_writer *w)
{
    struct wf_str text;
    uint32_t len;

    if (n > io->len / 4) /* each has a length at least */
        return false;
    if (w != NULL && is_list)
        wf_gguf_put_strings(w, key, n);
    for (uint32_t i = 0; i < n; i++) {
        if (!take_u32(io, &len) || !take_bytes(io, len, &text))
            return false;
        if (w != NULL && is_list)
            wf_gguf_item_put_string(w, text);
        else if (w != NULL)
            wf_gguf_put_string(w, key, text);
    }
    return true;
}

static bool export_one(struct wf_str *io, struct wf_gguf_writer *w)
{
    char key[KEY_MAX + 1];
    uint32_t kind, n, key_bytes;
    struct wf_str name;

    if (!take_u32(io, &kind) || !take_u32(io, &n) || !take_u32(io, &key_bytes))
        return false;
    if (kind >= WF_META_COUNT || (n != 1 && kind != WF_META_STRINGS))
        return false;
    if (key_bytes == 0 || key_bytes > KEY_MAX || !take_bytes(io, key_bytes, &name) ||
        wf_str_find_byte(name, 0, 0) != SIZE_MAX)
        return false;
    memcpy(key, name.ptr, key_bytes);
    key[key_bytes] = 0;
    if (kind == WF_META_U32 || kind == WF_META_F32 || kind == WF_META_BOOL)
        return export_number(io, key, kind, w);
    return export_texts(io, key, kind == WF_META_STRINGS, n, w);
}

int wf_meta_export(struct wf_str bytes, struct wf_gguf_writer *w, struct wf_err *err)
{
    while (bytes.len > 0) {
        if (!export_one(&bytes, w))
            return wf_err_set(err, WF_E_FORMAT,
                              "The checkpoint's entries for the model file are damaged.");
    }
    return 0;
}
