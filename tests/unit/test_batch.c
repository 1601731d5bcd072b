/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: what goes in comes out with the right key; nothing else opens, nothing changed is taken;
 * lengths say little. */
#include "mesh/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/alloc.h"
#include "base/limits.h"

static struct wf_signer_key secret;
static struct wf_signer device;
static struct wf_space_key key;
static struct wf_rng_seeded rng;

static int set_up(void **state)
{
    const uint8_t seed[32] = {7};

    (void)state;
    assert_true(sodium_init() >= 0);
    wf_signer_from_seed(seed, &secret, &device);
    wf_rng_seeded_init(&rng, 11);
    wf_space_key_new(&rng.rng, &key);
    return 0;
}

static void make(struct wf_buf *out, uint64_t number, struct wf_str content, uint8_t io_hash[32])
{
    struct wf_batch_place at = {.number = number};
    const uint8_t uid[WF_SPACE_UID_BYTES] = {1, 2, 3};

    wf_stream_id(uid, WF_LABEL_PRIVATE, at.stream);
    memcpy(at.prev, io_hash, sizeof(at.prev));
    assert_int_equal(wf_batch_write(&at, &key, &device, &rng.rng, content, out, io_hash, NULL), 0);
}

static void test_batch__gives_back_what_was_sealed(void **state)
{
    (void)state;
    const struct wf_batch_entry entries[] = {
        {.kind = WF_BATCH_UPDATE,
         .draft = {9},
         .dseq = 300,
         .at_ms = 1234567,
         .bytes = WF_STR("u")},
        {.kind = WF_BATCH_CHANGE, .bytes = WF_STR("a change")},
    };
    struct wf_batch_entry e;
    struct wf_buf content, bytes, opened;
    struct wf_batch b;
    uint8_t hash[WF_BATCH_HASH_BYTES] = {0}, first[WF_BATCH_HASH_BYTES];
    size_t at = 0;

    wf_buf_init(&content, SIZE_MAX);
    wf_buf_init(&bytes, SIZE_MAX);
    wf_buf_init(&opened, SIZE_MAX);
    for (size_t i = 0; i < WF_ARRAY_LEN(entries); i++)
        assert_int_equal(wf_batch_entry_write(&entries[i], &content), 0);
    make(&bytes, 1, wf_buf_str(&content), hash);
    memcpy(first, hash, sizeof(first));
    assert_int_equal(wf_batch_read(wf_buf_str(&bytes), &b, NULL), 0);
    assert_int_equal(bytes.len, wf_batch_bytes(content.len));
    assert_memory_equal(b.hash, hash, sizeof(hash));
    assert_memory_equal(b.device, device.id, sizeof(b.device));
    assert_int_equal(wf_batch_verify(&b, NULL), 0);
    assert_int_equal(wf_batch_open(&b, &key, &opened, NULL), 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(entries); i++) {
        assert_int_equal(wf_batch_entry_next(wf_buf_str(&opened), &at, &e), 1);
        assert_int_equal(e.kind, entries[i].kind);
        assert_memory_equal(e.draft, entries[i].draft, sizeof(e.draft));
        assert_int_equal(e.dseq, entries[i].dseq);
        assert_int_equal(e.at_ms, entries[i].at_ms);
        assert_true(wf_str_eq(e.bytes, entries[i].bytes));
    }
    assert_int_equal(wf_batch_entry_next(wf_buf_str(&opened), &at, &e), 0);
    opened.ptr[opened.len - 1] = 1; /* padding is zeros */
    assert_int_equal(wf_batch_entry_next(wf_buf_str(&opened), &at, &e), WF_E_FORMAT);
    wf_buf_reset(&bytes);
    make(&bytes, 2, WF_STR("next"), hash);
    assert_int_equal(wf_batch_read(wf_buf_str(&bytes), &b, NULL), 0);
    assert_int_equal(b.number, 2);
    assert_memory_equal(b.prev, first, sizeof(first));
    wf_buf_deinit(&content);
    wf_buf_deinit(&bytes);
    wf_buf_deinit(&opened);
}

static void test_batch__takes_nothing_that_was_changed(void **state)
{
    (void)state;
    struct wf_buf bytes, opened;
    struct wf_batch b;
    uint8_t hash[WF_BATCH_HASH_BYTES] = {0};

    wf_buf_init(&bytes, SIZE_MAX);
    wf_buf_init(&opened, SIZE_MAX);
    make(&bytes, 1, WF_STR("words"), hash);
    for (size_t i = 0; i < bytes.len; i++) {
        bytes.ptr[i] ^= 4;
        if (wf_batch_read(wf_buf_str(&bytes), &b, NULL) == 0)
            assert_int_equal(wf_batch_verify(&b, NULL), WF_E_DENIED);
        bytes.ptr[i] ^= 4;
    }
    for (size_t n = 0; n < bytes.len; n++)
        assert_int_not_equal(wf_batch_read(wf_str_n(bytes.ptr, n), &b, NULL), 0);
    /* A device that signs what it did not seal, or under a wrong head, opens nothing. */
    for (size_t i = 8; i < 136; i += 9) {
        if (i >= 96 && i < 112)
            continue; /* another key: not opened in the first place */
        bytes.ptr[i] ^= 1;
        b.bytes = wf_buf_str(&bytes);
        memcpy(b.key, key.id, sizeof(b.key));
        wf_buf_reset(&opened);
        assert_int_equal(wf_batch_open(&b, &key, &opened, NULL), WF_E_DENIED);
        assert_int_equal(opened.len, 0);
        bytes.ptr[i] ^= 1;
    }
    bytes.ptr[7] = '2';
    assert_int_equal(wf_batch_read(wf_buf_str(&bytes), &b, NULL), WF_E_UNSUPPORTED);
    wf_buf_deinit(&bytes);
    wf_buf_deinit(&opened);
}

static void test_batch__opens_with_its_key_alone(void **state)
{
    (void)state;
    struct wf_space_key other;
    struct wf_buf bytes, opened;
    struct wf_batch b;
    uint8_t hash[WF_BATCH_HASH_BYTES] = {0};

    wf_buf_init(&bytes, SIZE_MAX);
    wf_buf_init(&opened, SIZE_MAX);
    make(&bytes, 1, WF_STR("words"), hash);
    wf_space_key_new(&rng.rng, &other);
    assert_int_equal(wf_batch_read(wf_buf_str(&bytes), &b, NULL), 0);
    assert_int_equal(wf_batch_open(&b, &other, &opened, NULL), WF_E_NOENT);
    memcpy(other.id, key.id, sizeof(other.id));
    assert_int_equal(wf_batch_open(&b, &other, &opened, NULL), WF_E_DENIED);
    wf_buf_deinit(&bytes);
    wf_buf_deinit(&opened);
}

static void test_batch__lengths_say_little(void **state)
{
    (void)state;
    size_t n_lengths = 0, last = 0;

    for (size_t n = 0; n < 1000000; n++) {
        size_t all = wf_batch_bytes(n);
        assert_true(all >= n);
        assert_true(n < 256 || all - wf_batch_bytes(0) + 256 <= n + n / 8);
        assert_true(all >= last);
        n_lengths += all != last;
        last = all;
    }
    assert_true(n_lengths < 400);
}

static void test_batch__streams_differ_by_space_and_level(void **state)
{
    (void)state;
    const uint8_t one[WF_SPACE_UID_BYTES] = {1}, two[WF_SPACE_UID_BYTES] = {2};
    uint8_t a[WF_STREAM_ID_BYTES], b[WF_STREAM_ID_BYTES];

    wf_stream_id(one, WF_LABEL_PRIVATE, a);
    wf_stream_id(one, WF_LABEL_PRIVATE, b);
    assert_memory_equal(a, b, sizeof(a));
    wf_stream_id(one, WF_LABEL_INTERNAL, b);
    assert_memory_not_equal(a, b, sizeof(a));
    wf_stream_id(two, WF_LABEL_PRIVATE, b);
    assert_memory_not_equal(a, b, sizeof(a));
}

static void test_batch__memory_may_run_out_anywhere(void **state)
{
    (void)state;
    const struct wf_batch_place at = {.number = 1};
    unsigned n_failed = 0;

    for (uint64_t n = 1; n < 10; n++) {
        struct wf_buf bytes, opened;
        struct wf_batch b;
        uint8_t hash[WF_BATCH_HASH_BYTES];
        wf_buf_init(&bytes, SIZE_MAX);
        wf_buf_init(&opened, SIZE_MAX);
        wf_alloc_fail_at(n);
        int rc = wf_batch_write(&at, &key, &device, &rng.rng, WF_STR("w"), &bytes, hash, NULL);
        if (rc == 0)
            rc = wf_batch_read(wf_buf_str(&bytes), &b, NULL);
        if (rc == 0)
            rc = wf_batch_open(&b, &key, &opened, NULL);
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || rc == WF_E_NOMEM);
        n_failed += rc != 0;
        wf_buf_deinit(&bytes);
        wf_buf_deinit(&opened);
    }
    assert_int_equal(n_failed, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_batch__gives_back_what_was_sealed, set_up),
        cmocka_unit_test_setup(test_batch__takes_nothing_that_was_changed, set_up),
        cmocka_unit_test_setup(test_batch__opens_with_its_key_alone, set_up),
        cmocka_unit_test_setup(test_batch__lengths_say_little, set_up),
        cmocka_unit_test_setup(test_batch__streams_differ_by_space_and_level, set_up),
        cmocka_unit_test_setup(test_batch__memory_may_run_out_anywhere, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
