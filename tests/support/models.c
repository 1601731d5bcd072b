/* SPDX-License-Identifier: Apache-2.0 */
/* Implements models.h. A split file's first part is a whole tiny model with one more entry and a
 * filler that keeps its tensors aligned; the second part holds one tensor more. */
#include "support/models.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ftw.h>

#include <cmocka.h>

#include "model/gguf.h"
#include "os/file.h"
#include "support/tiny_model.h"

static size_t n_found;

static int count_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)path;
    (void)st;
    (void)ftw;
    n_found += kind == FTW_F;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void models_make(struct models *m)
{
    struct wf_err err = WF_ERR_INIT;

    snprintf(m->dir, sizeof(m->dir), "/tmp/weft-models-XXXXXX");
    assert_non_null(mkdtemp(m->dir));
    snprintf(m->store, sizeof(m->store), "%s/models", m->dir);
    if (wf_model_store_open(m->store, &m->s, &err) != 0)
        fail_msg("%s", err.msg);
}

void models_remove(struct models *m)
{
    wf_model_store_close(m->s);
    m->s = NULL;
    assert_int_equal(nftw(m->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

size_t models_n_files(const struct models *m, const char *folder)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", m->store, folder);
    n_found = 0;
    assert_int_equal(nftw(path, count_one, 8, FTW_PHYS), 0);
    return n_found;
}

static void write_bytes(const struct models *m, const char *file, const struct wf_buf *b,
                        char out_path[128])
{
    snprintf(out_path, 128, "%s/%s", m->dir, file);
    assert_int_equal(wf_buf_status(b), 0);
    assert_int_equal(wf_file_replace(out_path, b->ptr, b->len, 0600, NULL), 0);
}

void models_write(const struct models *m, const char *kind, size_t pad, const char *file,
                  char out_path[128])
{
    struct wf_buf b;

    wf_buf_init(&b, 64u << 20);
    tiny_model_build(kind, &b);
    wf_buf_append_fill(&b, 'x', pad);
    write_bytes(m, file, &b, out_path);
    wf_buf_deinit(&b);
}

static void put_text(struct wf_buf *b, const char *s)
{
    wf_buf_append_u64le(b, strlen(s));
    wf_buf_append_cstr(b, s);
}

static void put_u32(struct wf_buf *b, const char *key, uint32_t v)
{
    put_text(b, key);
    wf_buf_append_u32le(b, WF_GGUF_U32);
    wf_buf_append_u32le(b, v);
}

static void put_head(struct wf_buf *b, uint64_t n_tensors, uint64_t n_values)
{
    wf_buf_append_cstr(b, "GGUF");
    wf_buf_append_u32le(b, 3);
    wf_buf_append_u64le(b, n_tensors);
    wf_buf_append_u64le(b, n_values);
}

static uint64_t u64_at(const char *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

void models_write_split(const struct models *m, char out_path[128])
{
    char second[128];
    struct wf_buf whole, b;

    wf_buf_init(&whole, 64u << 20);
    wf_buf_init(&b, 64u << 20);
    tiny_model_build("llama", &whole);
    put_head(&b, u64_at(whole.ptr + 8), u64_at(whole.ptr + 16) + 2);
    put_u32(&b, "split.count", 2); /* 27 bytes, and with the filler 64 */
    put_text(&b, "pad");
    wf_buf_append_u32le(&b, WF_GGUF_STRING);
    put_text(&b, "fourteen bytes");
    wf_buf_append(&b, whole.ptr + 24, whole.len - 24);
    write_bytes(m, "llama-00001-of-00002.gguf", &b, out_path);
    wf_buf_reset(&b);
    put_head(&b, 1, 2);
    put_u32(&b, "split.count", 2);
    put_u32(&b, "split.no", 1);
    put_text(&b, "more");
    wf_buf_append_u32le(&b, 1);
    wf_buf_append_u64le(&b, 8);
    wf_buf_append_u32le(&b, 0);
    wf_buf_append_u64le(&b, 0);
    wf_buf_append_fill(&b, 0, (32 - b.len % 32) % 32 + 32);
    write_bytes(m, "llama-00002-of-00002.gguf", &b, second);
    wf_buf_deinit(&b);
    wf_buf_deinit(&whole);
}
