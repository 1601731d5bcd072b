/* SPDX-License-Identifier: Apache-2.0 */
/* Shards: what is written comes back; every kind of damage is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "os/file.h"
#include "support/byte_vocab.h"
#include "train/shard.h"

static char path[64];

static void write_three(uint32_t n_vocab)
{
    const int32_t a[] = {1, 2, 3}, c[] = {(int32_t)n_vocab - 1, 0};
    struct wf_shard_head head = {.n_vocab = n_vocab, .vocab_hash = 11, .source_hash = 22}, out;
    struct wf_shard_writer *w = NULL;

    (void)snprintf(path, sizeof(path), "/tmp/weft-test-shard-%ld", (long)getpid());
    assert_int_equal(wf_shard_writer_new(path, &head, &w, NULL), 0);
    assert_int_equal(wf_shard_writer_add(w, a, 3, 9, NULL), 0);
    assert_int_equal(wf_shard_writer_add(w, NULL, 0, 0, NULL), 0);
    assert_int_equal(wf_shard_writer_add(w, c, 2, 4, NULL), 0);
    assert_int_equal(wf_shard_writer_finish(w, &out, NULL), 0);
    wf_shard_writer_free(w);
    assert_int_equal(out.n_tokens, 5);
    assert_int_equal(out.n_texts, 3);
    assert_int_equal(out.n_bytes, 13);
}

static void check_three(const struct wf_shard *s, uint32_t n_vocab)
{
    int32_t ids[3];

    assert_int_equal(wf_shard_head(s)->n_vocab, n_vocab);
    assert_int_equal(wf_shard_head(s)->vocab_hash, 11);
    assert_int_equal(wf_shard_head(s)->source_hash, 22);
    assert_int_equal(wf_shard_head(s)->n_texts, 3);
    assert_int_equal(wf_shard_text_len(s, 0), 3);
    assert_int_equal(wf_shard_text_len(s, 1), 0);
    assert_int_equal(wf_shard_text_len(s, 2), 2);
    wf_shard_read(s, 0, 0, 3, ids);
    assert_int_equal(ids[0], 1);
    assert_int_equal(ids[2], 3);
    wf_shard_read(s, 0, 1, 1, ids);
    assert_int_equal(ids[0], 2);
    wf_shard_read(s, 2, 0, 2, ids);
    assert_int_equal(ids[0], n_vocab - 1);
    assert_int_equal(ids[1], 0);
}

static void test_shard__comes_back(void **state)
{
    static const uint32_t sizes[] = {4, 65536, 65537, 1u << 20}; /* two bytes an id, then four */

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(sizes); i++) {
        struct wf_shard *s = NULL;
        struct wf_err err = WF_ERR_INIT;
        write_three(sizes[i]);
        if (wf_shard_open(path, &s, &err) != 0)
            fail_msg("%s", err.msg);
        check_three(s, sizes[i]);
        wf_shard_close(s);
    }
    assert_int_equal(wf_file_remove(path, NULL), 0);
}

static void expect_damaged(const struct wf_buf *b)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_shard *s = NULL;

    assert_int_equal(wf_shard_open_bytes(wf_buf_str(b), &s, &err), WF_E_FORMAT);
    assert_true(err.msg[0] != 0);
}

/* One byte is another, then it is as before. */
static void expect_damaged_at(struct wf_buf *b, size_t at, uint8_t to)
{
    char was = b->ptr[at];

    assert_true((uint8_t)was != to);
    b->ptr[at] = (char)to;
    expect_damaged(b);
    b->ptr[at] = was;
}

static void test_shard__damage_is_told(void **state)
{
    struct wf_shard *s = NULL;
    struct wf_buf b;

    (void)state;
    write_three(100);
    wf_buf_init(&b, 1u << 16);
    assert_int_equal(wf_file_read(path, &b, NULL), 0);
    assert_int_equal(b.len, 64 + 16 + 24);
    expect_damaged_at(&b, 0, 'X');
    expect_damaged_at(&b, 8, 3);     /* bytes of an id */
    expect_damaged_at(&b, 8, 4);     /* the size does not fit then */
    expect_damaged_at(&b, 12, 99);   /* id 99 is not in it */
    expect_damaged_at(&b, 32, 2);    /* texts */
    expect_damaged_at(&b, 39, 0x20); /* as many as overflow when multiplied */
    expect_damaged_at(&b, 40, 4);    /* tokens: the last text ends behind them */
    expect_damaged_at(&b, 40, 9);
    expect_damaged_at(&b, 47, 0x80);
    expect_damaged_at(&b, 64 + 7, 1); /* a token */
    expect_damaged_at(&b, 80, 6);     /* ends */
    expect_damaged_at(&b, 80 + 8, 2);
    expect_damaged_at(&b, 80 + 16, 4);
    expect_damaged_at(&b, 80 + 23, 1);
    for (size_t n = b.len; n-- > 0;) {
        wf_buf_truncate(&b, n);
        expect_damaged(&b);
    }
    assert_int_equal(wf_file_read(path, &b, NULL), 0);
    (void)wf_buf_append_byte(&b, 0);
    expect_damaged(&b);
    wf_buf_truncate(&b, b.len - 1);
    assert_int_equal(wf_shard_open_bytes(wf_buf_str(&b), &s, NULL), 0);
    wf_shard_close(s);
    wf_buf_deinit(&b);
    assert_int_equal(wf_file_remove(path, NULL), 0);
}

static void test_shard__is_not_there_until_it_is_whole(void **state)
{
    struct wf_shard_head head = {.n_vocab = 10};
    const int32_t a[] = {1};
    struct wf_shard_writer *w = NULL;
    struct wf_shard *s = NULL;

    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/weft-test-shard-%ld", (long)getpid());
    assert_int_equal(wf_shard_writer_new(path, &head, &w, NULL), 0);
    assert_int_equal(wf_shard_writer_add(w, a, 1, 1, NULL), 0);
    assert_int_equal(wf_shard_open(path, &s, NULL), WF_E_NOENT);
    wf_shard_writer_free(w);
    assert_int_equal(wf_shard_open(path, &s, NULL), WF_E_NOENT);
}

/* Every write, sync and rename fails once, and every allocation. */
static void test_shard__survives_failures(void **state)
{
    struct wf_shard_head head = {.n_vocab = 10};
    const int32_t a[] = {1, 2, 3};
    bool failed = true;

    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/weft-test-shard-%ld", (long)getpid());
    for (uint64_t n = 1; failed; n++) {
        for (int of_files = 0; of_files < 2; of_files++) {
            struct wf_shard_writer *w = NULL;
            int rc;
            wf_alloc_fail_at(of_files ? 0 : n);
            wf_file_fail_at(of_files ? n : 0);
            rc = wf_shard_writer_new(path, &head, &w, NULL);
            if (rc == 0)
                rc = wf_shard_writer_add(w, a, 3, 3, NULL);
            if (rc == 0)
                rc = wf_shard_writer_finish(w, NULL, NULL);
            if (!of_files) {
                failed = wf_alloc_failed();
                assert_int_equal(rc, failed ? WF_E_NOMEM : 0);
            } else {
                assert_true(rc == 0 || rc == WF_E_FULL);
                assert_true(n > 1 || rc == WF_E_FULL);
            }
            wf_alloc_fail_at(0);
            wf_file_fail_at(0);
            wf_shard_writer_free(w);
            assert_int_equal(wf_file_remove(path, NULL), 0);
        }
    }
}

static void test_shard__hash_tells_vocabularies_apart(void **state)
{
    static const char *const a[] = {"ab", "cd", NULL}, *const b[] = {"cd", "ab", NULL},
                             *const c[] = {"abc", "d", NULL};
    const char *const *const all[] = {a, b, c, a};
    uint64_t hashes[4];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct byte_vocab v;
        byte_vocab_init(&v, all[i]);
        hashes[i] = wf_shard_vocab_hash(v.vocab);
        byte_vocab_deinit(&v);
    }
    assert_true(hashes[0] == hashes[3]);
    assert_true(hashes[0] != hashes[1] && hashes[0] != hashes[2] && hashes[1] != hashes[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shard__comes_back),
        cmocka_unit_test(test_shard__damage_is_told),
        cmocka_unit_test(test_shard__is_not_there_until_it_is_whole),
        cmocka_unit_test(test_shard__survives_failures),
        cmocka_unit_test(test_shard__hash_tells_vocabularies_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
