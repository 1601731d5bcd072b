/* SPDX-License-Identifier: Apache-2.0 */
/* The writer holds two growing pieces, entries and tensor infos, and the sizes of the tensors; what
 * is given as their data is counted against those sizes, so that a wrong file cannot come out. */
#include "model/gguf_write.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/rng.h"
#include "os/file.h"

#define ALIGNMENT 32u
#define DIRECTORY_MAX ((size_t)1 << 30)
#define CHUNK ((size_t)1 << 20) /* bytes that are gathered before they are written */

struct wf_gguf_writer {
    char *path;
    struct wf_buf temporary; /* its path; empty: no file */
    struct wf_buf entries;
    struct wf_buf infos;
    struct wf_buf pending;
    uint64_t *sizes; /* [n_tensors] without padding */
    size_t n_tensors, n_sizes_cap;
    uint64_t n_entries;
    uint64_t offset; /* behind the last declared tensor, padded */
    size_t i_tensor; /* that is being written */
    uint64_t done;   /* bytes of it */
    int status;      /* a failure that sticks */
    int fd;
};

int wf_gguf_writer_new(const char *path, struct wf_gguf_writer **out, struct wf_err *err)
{
    struct wf_gguf_writer *w = wf_alloc_array(1, sizeof(*w));

    if (w != NULL) {
        w->fd = -1;
        wf_buf_init(&w->temporary, WF_LIMIT_PATH_BYTES);
        wf_buf_init(&w->entries, DIRECTORY_MAX);
        wf_buf_init(&w->infos, DIRECTORY_MAX);
        wf_buf_init(&w->pending, 2 * CHUNK);
        w->path = wf_strdup(path);
    }
    if (w == NULL || w->path == NULL) {
        wf_gguf_writer_free(w);
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to write a model file.");
    }
    *out = w;
    return 0;
}

void wf_gguf_writer_free(struct wf_gguf_writer *w)
{
    if (w == NULL)
        return;
    wf_file_close(&w->fd);
    if (w->temporary.len > 0 && wf_file_remove(w->temporary.ptr, NULL) != 0)
        wf_buf_reset(&w->temporary); /* it stays, named as what a crash leaves */
    wf_buf_deinit(&w->temporary);
    wf_buf_deinit(&w->entries);
    wf_buf_deinit(&w->infos);
    wf_buf_deinit(&w->pending);
    wf_free(w->sizes);
    wf_free(w->path);
    wf_free(w);
}

static void append_string(struct wf_buf *b, struct wf_str s)
{
    wf_buf_append_u64le(b, s.len);
    wf_buf_append_str(b, s);
}

static void begin_entry(struct wf_gguf_writer *w, struct wf_str key, enum wf_gguf_kind kind)
{
    append_string(&w->entries, key);
    wf_buf_append_u32le(&w->entries, kind);
    w->n_entries++;
}

void wf_gguf_put_u32(struct wf_gguf_writer *w, const char *key, uint32_t v)
{
    begin_entry(w, wf_str_from(key), WF_GGUF_U32);
    wf_buf_append_u32le(&w->entries, v);
}

void wf_gguf_put_f32(struct wf_gguf_writer *w, const char *key, float v)
{
    uint32_t bits;

    memcpy(&bits, &v, sizeof(bits));
    begin_entry(w, wf_str_from(key), WF_GGUF_F32);
    wf_buf_append_u32le(&w->entries, bits);
}

void wf_gguf_put_bool(struct wf_gguf_writer *w, const char *key, bool v)
{
    begin_entry(w, wf_str_from(key), WF_GGUF_BOOL);
    wf_buf_append_byte(&w->entries, v ? 1 : 0);
}

void wf_gguf_put_string(struct wf_gguf_writer *w, const char *key, struct wf_str v)
{
    begin_entry(w, wf_str_from(key), WF_GGUF_STRING);
    append_string(&w->entries, v);
}

static void begin_array(struct wf_gguf_writer *w, struct wf_str key, enum wf_gguf_kind kind,
                        uint64_t n)
{
    begin_entry(w, key, WF_GGUF_ARRAY);
    wf_buf_append_u32le(&w->entries, kind);
    wf_buf_append_u64le(&w->entries, n);
}

void wf_gguf_put_copy(struct wf_gguf_writer *w, const struct wf_gguf_value *v)
{
    if (v->kind == WF_GGUF_ARRAY)
        begin_array(w, v->key, v->item_kind, v->n_items);
    else
        begin_entry(w, v->key, v->kind);
    wf_buf_append(&w->entries, v->_data, v->_bytes);
}

void wf_gguf_put_strings(struct wf_gguf_writer *w, const char *key, uint64_t n)
{
    begin_array(w, wf_str_from(key), WF_GGUF_STRING, n);
}

void wf_gguf_put_i32s(struct wf_gguf_writer *w, const char *key, uint64_t n)
{
    begin_array(w, wf_str_from(key), WF_GGUF_I32, n);
}

void wf_gguf_put_u8s(struct wf_gguf_writer *w, const char *key, struct wf_str bytes)
{
    begin_array(w, wf_str_from(key), WF_GGUF_U8, bytes.len);
    wf_buf_append_str(&w->entries, bytes);
}

void wf_gguf_item_put_string(struct wf_gguf_writer *w, struct wf_str v)
{
    append_string(&w->entries, v);
}

void wf_gguf_item_put_i32(struct wf_gguf_writer *w, int32_t v)
{
    wf_buf_append_u32le(&w->entries, (uint32_t)v);
}

static uint64_t padded(uint64_t n)
{
    return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void wf_gguf_put_tensor(struct wf_gguf_writer *w, struct wf_str name, const struct wf_dtype *type,
                        uint32_t n_dims, const uint64_t *dims)
{
    uint64_t n = 1;

    assert(n_dims >= 1 && n_dims <= WF_GGUF_DIMS_MAX);
    assert(dims[0] % type->block == 0);
    if (w->n_tensors == w->n_sizes_cap) {
        size_t cap = w->n_sizes_cap > 0 ? 2 * w->n_sizes_cap : 256;
        uint64_t *grown = wf_realloc_array(w->sizes, cap, sizeof(*grown));
        if (grown == NULL) {
            w->status = WF_E_NOMEM;
            return;
        }
        w->sizes = grown;
        w->n_sizes_cap = cap;
    }
    append_string(&w->infos, name);
    wf_buf_append_u32le(&w->infos, n_dims);
    for (uint32_t i = 0; i < n_dims; i++) {
        wf_buf_append_u64le(&w->infos, dims[i]);
        n *= dims[i];
    }
    wf_buf_append_u32le(&w->infos, type->id);
    wf_buf_append_u64le(&w->infos, w->offset);
    w->sizes[w->n_tensors] = wf_dtype_bytes(type, (size_t)n);
    w->offset += padded(w->sizes[w->n_tensors]);
    w->n_tensors++;
}

static bool is_left_out(struct wf_str name, const char *const *without)
{
    for (size_t i = 0; without[i] != NULL; i++)
        if (wf_str_starts(name, wf_str_from(without[i])))
            return true;
    return false;
}

void wf_gguf_put_others(struct wf_gguf_writer *w, const struct wf_gguf *from,
                        const char *const *without)
{
    for (size_t i = 0; i < wf_gguf_n_values(from); i++) {
        const struct wf_gguf_value *v = wf_gguf_value_at(from, i);
        if (!is_left_out(v->key, without) && !wf_str_eq(v->key, WF_STR("general.alignment")))
            wf_gguf_put_copy(w, v);
    }
    for (size_t i = 0; i < wf_gguf_n_tensors(from); i++) {
        const struct wf_gguf_tensor *x = wf_gguf_tensor_at(from, i);
        if (!is_left_out(x->name, without))
            wf_gguf_put_tensor(w, x->name, wf_dtype_by_id(x->type), x->n_dims, x->dims);
    }
}

int wf_gguf_write_others(struct wf_gguf_writer *w, const struct wf_gguf *from,
                         const char *const *without, struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < wf_gguf_n_tensors(from) && rc == 0; i++) {
        const struct wf_gguf_tensor *x = wf_gguf_tensor_at(from, i);
        if (!is_left_out(x->name, without))
            rc = wf_gguf_writer_write(w, x->data, (size_t)x->bytes, err);
    }
    return rc;
}

uint64_t wf_gguf_writer_tensor_bytes(const struct wf_gguf_writer *w)
{
    return w->offset;
}

/* ".weft-HEX.tmp" in the file's folder, as wf_file_replace names such files. */
static int name_temporary(struct wf_gguf_writer *w, struct wf_err *err)
{
    const char *slash = strrchr(w->path, '/');
    char hex[17];

    wf_rng_hex(NULL, hex, 8);
    (void)wf_buf_append(&w->temporary, w->path, slash != NULL ? (size_t)(slash + 1 - w->path) : 0);
    if (wf_buf_appendf(&w->temporary, ".weft-%s.tmp", hex) == 0)
        return 0;
    int rc = wf_buf_status(&w->temporary);
    wf_buf_reset(&w->temporary);
    return wf_err_set(err, rc, "The path of the model file is too long.");
}

static int flush(struct wf_gguf_writer *w, struct wf_err *err)
{
    int rc = wf_file_write_all(w->fd, w->pending.ptr, w->pending.len, err);

    wf_buf_reset(&w->pending);
    return rc;
}

int wf_gguf_writer_begin(struct wf_gguf_writer *w, struct wf_err *err)
{
    struct wf_buf head;
    int rc = name_temporary(w, err);

    if (rc != 0)
        return rc;
    wf_buf_init(&head, 64);
    wf_buf_append(&head, "GGUF\3\0\0\0", 8);
    wf_buf_append_u64le(&head, w->n_tensors);
    wf_buf_append_u64le(&head, w->n_entries);
    size_t n = head.len + w->entries.len + w->infos.len;
    wf_buf_append_fill(&w->infos, 0, (size_t)(padded(n) - n));
    if (w->status != 0 || wf_buf_status(&head) != 0 || wf_buf_status(&w->entries) != 0 ||
        wf_buf_status(&w->infos) != 0) {
        wf_buf_reset(&w->temporary);
        wf_buf_deinit(&head);
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the model's directory.");
    }
    rc = wf_file_create(w->temporary.ptr, &w->fd, err);
    if (rc != 0)
        wf_buf_reset(&w->temporary);
    if (rc == 0)
        rc = wf_file_write_all(w->fd, head.ptr, head.len, err);
    if (rc == 0)
        rc = wf_file_write_all(w->fd, w->entries.ptr, w->entries.len, err);
    if (rc == 0)
        rc = wf_file_write_all(w->fd, w->infos.ptr, w->infos.len, err);
    wf_buf_deinit(&head);
    return rc;
}

int wf_gguf_writer_write(struct wf_gguf_writer *w, const void *p, size_t n, struct wf_err *err)
{
    const char *from = p;
    int rc = 0;

    assert(w->i_tensor < w->n_tensors && n <= w->sizes[w->i_tensor] - w->done);
    w->done += n;
    while (n > 0 && rc == 0) {
        size_t part = n < CHUNK ? n : CHUNK;
        if (wf_buf_append(&w->pending, from, part) != 0)
            return wf_err_set(err, WF_E_NOMEM, "Not enough memory to write a model file.");
        if (w->pending.len >= CHUNK)
            rc = flush(w, err);
        from += part;
        n -= part;
    }
    if (rc == 0 && w->done == w->sizes[w->i_tensor]) {
        if (wf_buf_append_fill(&w->pending, 0, (size_t)(padded(w->done) - w->done)) != 0)
            return wf_err_set(err, WF_E_NOMEM, "Not enough memory to write a model file.");
        w->done = 0;
        w->i_tensor++;
    }
    return rc;
}

int wf_gguf_writer_finish(struct wf_gguf_writer *w, struct wf_err *err)
{
    const char *slash = strrchr(w->path, '/');
    char folder[WF_LIMIT_PATH_BYTES] = ".";
    int rc;

    assert(w->i_tensor == w->n_tensors);
    rc = flush(w, err);
    if (rc == 0)
        rc = wf_file_sync(w->temporary.ptr, err);
    if (rc == 0)
        wf_file_let_go(w->temporary.ptr);
    if (rc == 0)
        rc = wf_file_rename(w->temporary.ptr, w->path, err);
    if (rc != 0)
        return rc;
    wf_buf_reset(&w->temporary);
    if (slash != NULL) { /* the temporary path, which is longer, fits in WF_LIMIT_PATH_BYTES */
        memcpy(folder, w->path, (size_t)(slash - w->path) + 1);
        folder[slash - w->path + 1] = 0;
    }
    return wf_file_sync_dir(folder, err);
}
