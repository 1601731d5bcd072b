/* SPDX-License-Identifier: Apache-2.0 */
/* Reading GGUF directories: what is well-formed is read, what is damaged is refused with a reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "model/gguf.h"
#include "os/file.h"
#include "support/tiny_model.h"

static void put_string(struct wf_buf *b, const char *s)
{
    wf_buf_append_u64le(b, strlen(s));
    wf_buf_append_cstr(b, s);
}

static void put_head(struct wf_buf *b, uint32_t version, uint64_t n_tensors, uint64_t n_values)
{
    wf_buf_append_cstr(b, "GGUF");
    wf_buf_append_u32le(b, version);
    wf_buf_append_u64le(b, n_tensors);
    wf_buf_append_u64le(b, n_values);
}

static void put_u32(struct wf_buf *b, const char *key, uint32_t v)
{
    put_string(b, key);
    wf_buf_append_u32le(b, WF_GGUF_U32);
    wf_buf_append_u32le(b, v);
}

static void put_tensor(struct wf_buf *b, const char *name, uint64_t n, uint32_t type,
                       uint64_t offset)
{
    put_string(b, name);
    wf_buf_append_u32le(b, 1);
    wf_buf_append_u64le(b, n);
    wf_buf_append_u32le(b, type);
    wf_buf_append_u64le(b, offset);
}

static void pad(struct wf_buf *b)
{
    wf_buf_append_fill(b, 0, (32 - b->len % 32) % 32);
}

/* One value of every kind, an array of numbers and one of strings, and two tensors. */
static void build(struct wf_buf *b, uint32_t version)
{
    double f64 = 0.5;
    float f32 = 1.5f;

    put_head(b, version, 2, 7);
    put_u32(b, "u32", 7);
    put_string(b, "text");
    wf_buf_append_u32le(b, WF_GGUF_STRING);
    put_string(b, "value");
    put_string(b, "f32");
    wf_buf_append_u32le(b, WF_GGUF_F32);
    wf_buf_append(b, &f32, 4);
    put_string(b, "f64");
    wf_buf_append_u32le(b, WF_GGUF_F64);
    wf_buf_append(b, &f64, 8);
    put_string(b, "yes");
    wf_buf_append_u32le(b, WF_GGUF_BOOL);
    wf_buf_append_byte(b, 1);
    put_string(b, "bytes");
    wf_buf_append_u32le(b, WF_GGUF_ARRAY);
    wf_buf_append_u32le(b, WF_GGUF_I8);
    wf_buf_append_u64le(b, 3);
    wf_buf_append(b, "\x01\xff\x7f", 3);
    put_string(b, "words");
    wf_buf_append_u32le(b, WF_GGUF_ARRAY);
    wf_buf_append_u32le(b, WF_GGUF_STRING);
    wf_buf_append_u64le(b, 2);
    put_string(b, "one");
    put_string(b, "");
    put_tensor(b, "a", 8, 0, 0);
    put_tensor(b, "b", 32, 8, 32);
    pad(b);
    wf_buf_append_fill(b, 1, 32 + 34);
}

static void test_gguf__reads_every_kind_of_value(void **state)
{
    (void)state;
    for (uint32_t version = 2; version <= 3; version++) {
        struct wf_buf b;
        struct wf_gguf *g;
        struct wf_str s;
        uint64_t u;
        int64_t i;
        double d;
        bool yes = false;
        wf_buf_init(&b, 1 << 20);
        build(&b, version);
        assert_int_equal(wf_gguf_open_memory(b.ptr, b.len, &g, NULL), 0);
        assert_int_equal(wf_gguf_version(g), version);
        assert_true(wf_gguf_u64(g, "u32", &u) && u == 7);
        assert_true(wf_gguf_f64(g, "u32", &d) && d == 7.0);
        assert_true(wf_gguf_f64(g, "f32", &d) && d == 1.5);
        assert_true(wf_gguf_f64(g, "f64", &d) && d == 0.5);
        assert_true(wf_gguf_bool(g, "yes", &yes) && yes);
        assert_true(wf_gguf_string(g, "text", &s) && wf_str_eq(s, WF_STR("value")));
        assert_false(wf_gguf_u64(g, "text", &u) || wf_gguf_u64(g, "f32", &u) ||
                     wf_gguf_u64(g, "absent", &u) || wf_gguf_u64(g, "bytes", &u) ||
                     wf_gguf_bool(g, "u32", &yes) || wf_gguf_string(g, "words", &s));
        const struct wf_gguf_value *v = wf_gguf_value(g, "bytes");
        assert_int_equal(v->n_items, 3);
        assert_true(wf_gguf_item_i64(v, 1, &i) && i == -1);
        assert_false(wf_gguf_item_i64(v, 3, &i));
        v = wf_gguf_value(g, "words");
        assert_true(wf_gguf_item_string(v, 0, &s) && wf_str_eq(s, WF_STR("one")));
        assert_true(wf_gguf_item_string(v, 1, &s) && s.len == 0);
        assert_false(wf_gguf_item_string(v, 2, &s));
        const struct wf_gguf_tensor *t = wf_gguf_tensor(g, "b");
        assert_int_equal(t->bytes, 34);
        assert_ptr_equal(t->data, b.ptr + b.len - 34);
        assert_null(wf_gguf_tensor(g, "c"));
        wf_gguf_close(g);
        wf_buf_deinit(&b);
    }
}

/* Cut anywhere, it is refused; no byte changed makes it fall. */
static void test_gguf__refuses_what_is_cut(void **state)
{
    struct wf_buf b;
    struct wf_gguf *g;

    (void)state;
    wf_buf_init(&b, 1 << 20);
    build(&b, 3);
    for (size_t n = 0; n < b.len; n++) {
        struct wf_err err = WF_ERR_INIT;
        char *copy = wf_memdup0(b.ptr, n); /* of its own, so that a sanitizer sees its end */
        assert_int_equal(wf_gguf_open_memory(copy, n, &g, &err), WF_E_FORMAT);
        assert_true(strlen(err.msg) > 20);
        wf_free(copy);
    }
    for (size_t i = 0; i < b.len - 66; i++) {
        for (int v = 0; v < 256; v += 51) {
            char was = b.ptr[i];
            b.ptr[i] = (char)v;
            if (wf_gguf_open_memory(b.ptr, b.len, &g, NULL) == 0)
                wf_gguf_close(g);
            b.ptr[i] = was;
        }
    }
    wf_buf_deinit(&b);
}

static void refused(const struct wf_buf *b, int code, const char *word)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_gguf *g;

    assert_int_equal(wf_gguf_open_memory(b->ptr, b->len, &g, &err), code);
    if (strstr(err.msg, word) == NULL)
        fail_msg("'%s' does not say '%s'", err.msg, word);
}

static void test_gguf__refuses_with_a_reason(void **state)
{
    static const struct {
        uint64_t n, offset;
        uint32_t type;
        int code;
        const char *word;
    } tensors[] = {
        {8, 0, 0, 0, ""},
        {8, 4, 0, WF_E_FORMAT, "outside"},
        {8, 64, 0, WF_E_FORMAT, "outside"},
        {8, UINT64_MAX - 31, 0, WF_E_FORMAT, "outside"},
        {1 << 20, 0, 0, WF_E_FORMAT, "outside"},
        {0, 0, 0, WF_E_FORMAT, "shape"},
        {UINT64_MAX, 0, 0, WF_E_FORMAT, "shape"},
        {33, 0, 8, WF_E_FORMAT, "whole blocks"},
        {32, 0, 99, WF_E_UNSUPPORTED, "99"},
    };
    struct wf_buf b;

    (void)state;
    wf_buf_init(&b, 1 << 20);
    for (size_t i = 1; i < sizeof(tensors) / sizeof(tensors[0]); i++) {
        wf_buf_reset(&b);
        put_head(&b, 3, 1, 0);
        put_tensor(&b, "t", tensors[i].n, tensors[i].type, tensors[i].offset);
        pad(&b);
        wf_buf_append_fill(&b, 0, 64);
        refused(&b, tensors[i].code, tensors[i].word);
    }
    wf_buf_reset(&b);
    put_head(&b, 1, 0, 0);
    refused(&b, WF_E_UNSUPPORTED, "version 1");
    wf_buf_reset(&b);
    put_head(&b, 3u << 24, 0, 0);
    refused(&b, WF_E_UNSUPPORTED, "big-endian");
    wf_buf_reset(&b);
    put_head(&b, 3, UINT64_MAX, UINT64_MAX);
    refused(&b, WF_E_FORMAT, "ends");
    wf_buf_reset(&b);
    put_head(&b, 3, 0, 2);
    put_u32(&b, "twice", 1);
    put_u32(&b, "twice", 2);
    refused(&b, WF_E_FORMAT, "twice");
    wf_buf_reset(&b);
    put_head(&b, 3, 0, 1);
    put_u32(&b, "general.alignment", 24);
    refused(&b, WF_E_FORMAT, "alignment");
    wf_buf_reset(&b);
    wf_buf_append_fill(&b, 'x', 100);
    refused(&b, WF_E_FORMAT, "not a GGUF");
    wf_buf_deinit(&b);
}

static void test_gguf__joins_split_files(void **state)
{
    char dir[] = "/tmp/weft-gguf-XXXXXX", path[2][128];
    struct wf_err err = WF_ERR_INIT;
    struct wf_gguf *g;
    struct wf_buf b;

    (void)state;
    assert_non_null(mkdtemp(dir));
    wf_buf_init(&b, 1 << 20);
    for (uint32_t i = 0; i < 2; i++) {
        (void)snprintf(path[i], sizeof(path[i]), "%s/m-%05u-of-00002.gguf", dir, i + 1);
        wf_buf_reset(&b);
        put_head(&b, 3, 1, 2);
        put_u32(&b, "split.count", 2);
        put_u32(&b, "split.no", i);
        put_tensor(&b, i == 0 ? "a" : "b", 8, 0, 0);
        pad(&b);
        wf_buf_append_fill(&b, (char)i, 32);
        assert_int_equal(wf_file_replace(path[i], b.ptr, b.len, 0600, NULL), 0);
    }
    assert_int_equal(wf_gguf_open(path[0], &g, NULL), 0);
    assert_int_equal(wf_gguf_n_tensors(g), 2);
    assert_int_equal(((const uint8_t *)wf_gguf_tensor(g, "b")->data)[0], 1);
    wf_gguf_close(g);
    assert_int_equal(wf_gguf_open(path[1], &g, &err), WF_E_INVAL);
    assert_non_null(strstr(err.msg, "first"));
    assert_int_equal(unlink(path[1]), 0);
    assert_int_equal(wf_gguf_open(path[0], &g, &err), WF_E_NOENT);
    assert_non_null(strstr(err.msg, "00002-of-00002"));
    assert_int_equal(unlink(path[0]), 0);
    assert_int_equal(rmdir(dir), 0);
    wf_buf_deinit(&b);
}

static void test_gguf__survives_failing_allocations(void **state)
{
    uint64_t live;
    struct wf_buf b;
    int rc = -1;

    (void)state;
    wf_buf_init(&b, 64u << 20);
    tiny_model_build("llama", &b);
    live = wf_alloc_stats().n_live;
    for (uint64_t n = 1; rc != 0; n++) {
        struct wf_gguf *g = NULL;
        wf_alloc_fail_at(n);
        rc = wf_gguf_open_memory(b.ptr, b.len, &g, NULL);
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || rc == WF_E_NOMEM);
        wf_gguf_close(g);
        assert_int_equal(wf_alloc_stats().n_live, live);
    }
    wf_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gguf__reads_every_kind_of_value),
        cmocka_unit_test(test_gguf__refuses_what_is_cut),
        cmocka_unit_test(test_gguf__refuses_with_a_reason),
        cmocka_unit_test(test_gguf__joins_split_files),
        cmocka_unit_test(test_gguf__survives_failing_allocations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
