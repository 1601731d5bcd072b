/* SPDX-License-Identifier: Apache-2.0 */
/* Passes: written and read alike, refused in any other form, holders found, the newest counts. */
#include "mesh/pass.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/alloc.h"
#include "base/rng.h"

static struct wf_signer signer;
static struct wf_signer_key key;
static const uint8_t stream[WF_STREAM_ID_BYTES] = "stream number 1";

static struct wf_pass_holder holder(unsigned n, uint8_t flags)
{
    struct wf_pass_holder h = {.flags = flags};

    memset(h.transport, (int)n, sizeof(h.transport));
    memset(h.device, (int)n + 1, sizeof(h.device));
    h.transport[0] = (uint8_t)(n >> 8);
    h.transport[1] = (uint8_t)n;
    return h;
}

static void make(uint64_t version, size_t n, struct wf_buf *out)
{
    struct wf_pass_holder *holders = wf_alloc_array(n + 1, sizeof(*holders));

    assert_non_null(holders);
    for (size_t i = 0; i < n; i++) /* from the last to the first */
        holders[i] = holder((unsigned)(n - i), (n - i) % 2 == 0 ? WF_PASS_WRITES : 0);
    wf_buf_init(out, SIZE_MAX);
    assert_int_equal(wf_pass_write(stream, version, holders, n, &signer, out, NULL), 0);
    wf_free(holders);
}

static void test_pass__is_read_as_it_was_written(void **state)
{
    (void)state;
    for (size_t n = 0; n < 5; n++) {
        struct wf_pass_holder found, h;
        struct wf_pass p;
        struct wf_buf b;
        make(7, n, &b);
        assert_int_equal(wf_pass_read(wf_buf_str(&b), &p, NULL), 0);
        assert_int_equal(p.version, 7);
        assert_int_equal(p.n_holders, n);
        assert_memory_equal(p.stream, stream, sizeof(stream));
        assert_memory_equal(p.device, signer.id, sizeof(signer.id));
        assert_true(wf_pass_is_signed(&p));
        for (unsigned i = 1; i <= n; i++) {
            h = holder(i, i % 2 == 0 ? WF_PASS_WRITES : 0);
            assert_true(wf_pass_by_transport(&p, h.transport, &found));
            assert_memory_equal(&found, &h, sizeof(h));
            assert_true(wf_pass_by_device(&p, h.device, &found));
            assert_memory_equal(&found, &h, sizeof(h));
            wf_pass_holder(&p, i - 1, &found);
            assert_memory_equal(&found, &h, sizeof(h));
        }
        h = holder((unsigned)n + 1, 0);
        assert_false(wf_pass_by_transport(&p, h.transport, NULL));
        assert_false(wf_pass_by_device(&p, h.device, NULL));
        wf_buf_deinit(&b);
    }
}

static void test_pass__one_device_is_in_once(void **state)
{
    struct wf_pass_holder holders[] = {holder(2, 0), holder(1, 1), holder(2, 0), holder(1, 1)};
    struct wf_pass p;
    struct wf_buf b;

    (void)state;
    wf_buf_init(&b, SIZE_MAX);
    assert_int_equal(wf_pass_write(stream, 1, holders, 4, &signer, &b, NULL), 0);
    assert_int_equal(wf_pass_read(wf_buf_str(&b), &p, NULL), 0);
    assert_int_equal(p.n_holders, 2);
    wf_buf_deinit(&b);
}

static void test_pass__other_forms_are_refused(void **state)
{
    struct wf_pass p;
    struct wf_buf b;
    char *at;

    (void)state;
    make(1, 3, &b);
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(wf_pass_read(wf_str_sub(wf_buf_str(&b), 0, n), &p, NULL), WF_E_FORMAT);
    at = b.ptr + 66 + 2 * WF_PASS_HOLDER_BYTES;
    at[64] = 2; /* a flag that there is not */
    assert_int_equal(wf_pass_read(wf_buf_str(&b), &p, NULL), WF_E_FORMAT);
    at[64] = 0;
    assert_int_equal(wf_pass_read(wf_buf_str(&b), &p, NULL), 0);
    memcpy(at, at - WF_PASS_HOLDER_BYTES, 32); /* twice the same */
    assert_int_equal(wf_pass_read(wf_buf_str(&b), &p, NULL), WF_E_FORMAT);
    memset(at, 0, 32); /* out of order */
    assert_int_equal(wf_pass_read(wf_buf_str(&b), &p, NULL), WF_E_FORMAT);
    wf_buf_deinit(&b);
}

/* No byte of it may be another than it was signed. */
static void test_pass__is_signed(void **state)
{
    struct wf_pass p;
    struct wf_buf b;

    (void)state;
    make(1, 2, &b);
    for (size_t i = 0; i < b.len; i++) {
        b.ptr[i] ^= 1;
        if (wf_pass_read(wf_buf_str(&b), &p, NULL) == 0)
            assert_false(wf_pass_is_signed(&p));
        b.ptr[i] ^= 1;
    }
    wf_buf_deinit(&b);
}

static void test_pass__the_newest_counts(void **state)
{
    struct wf_pass p[3];
    struct wf_buf b[3];

    (void)state;
    make(8, 1, &b[0]);
    make(9, 0, &b[1]);
    make(8, 2, &b[2]);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(wf_pass_read(wf_buf_str(&b[i]), &p[i], NULL), 0);
    assert_true(wf_pass_prefers_second(&p[0], &p[1]));
    assert_false(wf_pass_prefers_second(&p[1], &p[0]));
    assert_false(wf_pass_prefers_second(&p[0], &p[0]));
    assert_true(wf_pass_prefers_second(&p[0], &p[2]) != wf_pass_prefers_second(&p[2], &p[0]));
    for (size_t i = 0; i < 3; i++)
        wf_buf_deinit(&b[i]);
}

static void test_pass__has_at_most_so_many(void **state)
{
    struct wf_pass_holder *holders = wf_alloc_array(WF_PASS_HOLDERS_MAX + 1, sizeof(*holders));
    struct wf_pass p;
    struct wf_buf b;

    (void)state;
    assert_non_null(holders);
    for (unsigned i = 0; i <= WF_PASS_HOLDERS_MAX; i++)
        holders[i] = holder(i, 0);
    wf_buf_init(&b, WF_PASS_BYTES_MAX);
    assert_int_equal(wf_pass_write(stream, 1, holders, WF_PASS_HOLDERS_MAX + 1, &signer, &b, NULL),
                     WF_E_LIMIT);
    assert_int_equal(b.len, 0);
    assert_int_equal(wf_pass_write(stream, 1, holders, WF_PASS_HOLDERS_MAX, &signer, &b, NULL), 0);
    assert_int_equal(b.len, WF_PASS_BYTES_MAX);
    assert_int_equal(wf_pass_read(wf_buf_str(&b), &p, NULL), 0);
    wf_buf_deinit(&b);
    wf_free(holders);
}

static void test_pass__without_memory_it_says_so(void **state)
{
    struct wf_pass_holder holders[2] = {holder(1, 0), holder(2, 1)};
    bool is_done = false;

    (void)state;
    for (int n = 1; !is_done; n++) {
        struct wf_buf b;
        wf_buf_init(&b, SIZE_MAX);
        wf_alloc_fail_at((uint64_t)n);
        int rc = wf_pass_write(stream, 1, holders, 2, &signer, &b, NULL);
        is_done = !wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_true(is_done ? rc == 0 : rc == WF_E_NOMEM);
        wf_buf_deinit(&b);
    }
}

int main(void)
{
    const uint8_t seed[32] = {1};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pass__is_read_as_it_was_written),
        cmocka_unit_test(test_pass__one_device_is_in_once),
        cmocka_unit_test(test_pass__other_forms_are_refused),
        cmocka_unit_test(test_pass__is_signed),
        cmocka_unit_test(test_pass__the_newest_counts),
        cmocka_unit_test(test_pass__has_at_most_so_many),
        cmocka_unit_test(test_pass__without_memory_it_says_so),
    };

    if (sodium_init() < 0)
        return 1;
    wf_signer_from_seed(seed, &key, &signer);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
