/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of snapshots and words of devices: what is written is read, in order; nothing that was cut,
 * lengthened or put into another order is; the shelf's part: a log that begins later. */
#include "mesh/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/batch_log.h"
#include "support/home.h"

static struct wf_arena arena;

static int set_up(void **state)
{
    (void)state;
    wf_arena_init(&arena, 4096, SIZE_MAX);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wf_arena_deinit(&arena);
    return 0;
}

static struct wf_str write_head(struct wf_buf *b)
{
    static struct wf_snapshot_cover covers[2];
    static struct wf_snapshot_reach reach[2];
    struct wf_snapshot_head h = {covers, 2, reach, 2};

    memset(covers, 0, sizeof(covers));
    memset(reach, 0, sizeof(reach));
    covers[0].device[0] = 9; /* written in order */
    covers[0].number = 700;
    covers[0].hash[31] = 5;
    covers[1].device[0] = 2;
    covers[1].number = 1;
    reach[0].device[0] = 9;
    reach[0].dseq = 12345678901;
    reach[0].hlc = INT64_MAX;
    reach[1].device[0] = 3;
    reach[1].hlc = 4097;
    wf_buf_init(b, SIZE_MAX);
    assert_int_equal(wf_snapshot_head_write(&h, b), 0);
    return wf_buf_str(b);
}

static void test_snapshot__reads_what_it_wrote(void **state)
{
    uint8_t device[WF_SIGNER_ID_BYTES] = {9};
    struct wf_snapshot_head h;
    struct wf_str bytes;
    struct wf_buf b;

    (void)state;
    bytes = write_head(&b);
    assert_int_equal(wf_snapshot_head_read(bytes, &arena, &h, NULL), 0);
    assert_int_equal(h.n_covers, 2);
    assert_int_equal(h.covers[0].device[0], 2);
    assert_int_equal(wf_snapshot_cover_of(&h, device)->number, 700);
    assert_int_equal(wf_snapshot_cover_of(&h, device)->hash[31], 5);
    device[0] = 4;
    assert_null(wf_snapshot_cover_of(&h, device));
    assert_int_equal(h.n_reach, 2);
    assert_int_equal(h.reach[0].hlc, 4097);
    assert_true(h.reach[1].hlc == INT64_MAX && h.reach[1].dseq == 12345678901);
    for (size_t n = 0; n < bytes.len; n++) /* cut anywhere it is none */
        assert_int_not_equal(wf_snapshot_head_read(wf_str_sub(bytes, 0, n), &arena, &h, NULL), 0);
    assert_int_equal(wf_buf_append_byte(&b, 0), 0);
    assert_int_equal(wf_snapshot_head_read(wf_buf_str(&b), &arena, &h, NULL), WF_E_FORMAT);
    b.ptr[0] = 2;
    assert_int_equal(wf_snapshot_head_read(wf_buf_str(&b), &arena, &h, NULL), WF_E_UNSUPPORTED);
    wf_buf_deinit(&b);
}

static void test_snapshot__refuses_what_claims_too_much(void **state)
{
    static const char many[] = "\1\xff\xff\xff\xff\x0f";
    struct wf_snapshot_head h;
    struct wf_str bytes;
    struct wf_buf b;

    (void)state;
    assert_int_equal(wf_snapshot_head_read(wf_str_n(many, sizeof(many) - 1), &arena, &h, NULL),
                     WF_E_FORMAT);
    bytes = write_head(&b);
    b.ptr[2] = 9; /* the first device is that of the second */
    assert_int_equal(wf_snapshot_head_read(bytes, &arena, &h, NULL), WF_E_FORMAT);
    wf_buf_deinit(&b);
}

static void test_snapshot__says_how_far_a_device_is(void **state)
{
    struct wf_snapshot_reach seen = {.device = {7}, .dseq = 3, .hlc = 99};
    struct wf_snapshot_word w = {.top = 2, .dseq = 8, .hlc = 1 << 20, .seen = &seen, .n_seen = 1};
    struct wf_snapshot_word again;
    struct wf_buf b;

    (void)state;
    wf_buf_init(&b, SIZE_MAX);
    assert_int_equal(wf_snapshot_word_write(&w, &b), 0);
    assert_int_equal(wf_snapshot_word_read(wf_buf_str(&b), &arena, &again, NULL), 0);
    assert_int_equal(again.hlc, 1 << 20);
    assert_int_equal(again.n_seen, 1);
    assert_int_equal(again.seen[0].hlc, 99);
    b.ptr[1] = WF_LABEL_SECRET; /* of what goes nowhere nothing is said */
    assert_int_equal(wf_snapshot_word_read(wf_buf_str(&b), &arena, &again, NULL), WF_E_FORMAT);
    wf_buf_deinit(&b);
}

static void test_snapshot__tells_of_no_memory(void **state)
{
    struct wf_snapshot_head h;
    struct wf_str bytes;
    struct wf_arena small;
    struct wf_buf b;

    (void)state;
    bytes = write_head(&b);
    for (size_t n = 0; n < 200; n += 8) {
        int rc;
        wf_arena_init(&small, 8, n);
        rc = wf_snapshot_head_read(bytes, &small, &h, NULL);
        assert_true(rc == 0 || rc == WF_E_NOMEM);
        wf_arena_deinit(&small);
    }
    wf_buf_deinit(&b);
}

/* ---- a log that begins later ---- */

static const struct wf_batch_log_name name = {.stream = {1}, .device = {2}};

static int append(struct wf_store *s, uint64_t number, uint8_t prev, uint8_t hash, bool begins)
{
    uint8_t p[32] = {prev}, h[32] = {hash};
    char bytes[200] = {0};
    const struct wf_batch_log_row row = {.number = number,
                                         .prev = p,
                                         .hash = h,
                                         .bytes = wf_str_n(bytes, sizeof(bytes)),
                                         .begins = begins};
    int rc;

    memcpy(bytes + 64, p, sizeof(p));
    assert_int_equal(wf_store_write_begin(s, NULL), 0);
    rc = wf_batch_log_append(s, &name, &row, NULL);
    assert_int_equal(wf_store_write_commit(s, NULL), 0);
    return rc;
}

static int begin(struct wf_store *s, uint64_t number, uint8_t hash)
{
    uint8_t h[32] = {hash};
    int rc;

    assert_int_equal(wf_store_write_begin(s, NULL), 0);
    rc = wf_batch_log_begin(s, &name, number, h, NULL);
    assert_int_equal(wf_store_write_commit(s, NULL), 0);
    return rc;
}

static struct wf_batch_log_head head_of(struct wf_store *s, uint64_t *out_n)
{
    struct wf_batch_log_amount amount;
    struct wf_batch_log_head h;
    struct wf_reader *r = NULL;

    assert_int_equal(wf_store_reader_get(s, &r, NULL), 0);
    assert_int_equal(wf_batch_log_head(r, &name, &h, NULL), 0);
    assert_int_equal(wf_batch_log_behind(r, &name, 0, &amount, NULL), 0);
    *out_n = amount.n;
    wf_store_reader_put(s, r);
    return h;
}

static void test_snapshot__a_log_begins_later(void **state)
{
    struct wf_batch_log_head h;
    struct home home;
    uint64_t n = 0;

    (void)state;
    home_make(&home);
    assert_int_equal(append(home.store, 500, 49, 50, false), WF_E_RANGE);
    assert_int_equal(append(home.store, 500, 49, 50, true), 0);
    assert_int_equal(append(home.store, 501, 50, 51, false), 0);
    assert_int_equal(append(home.store, 300, 1, 1, false), WF_E_EXIST); /* nobody can tell */
    h = head_of(home.store, &n);
    assert_int_equal(h.first, 500);
    assert_int_equal(h.last, 501);
    assert_int_equal(begin(home.store, 499, 48), WF_E_CORRUPT); /* its first names another */
    assert_int_equal(begin(home.store, 499, 49), 0);
    assert_int_equal(begin(home.store, 500, 49), WF_E_CORRUPT);
    assert_int_equal(begin(home.store, 501, 51), 0);
    h = head_of(home.store, &n);
    assert_int_equal(n, 2); /* nothing that is here goes */
    assert_int_equal(h.fork[0], 48);
    assert_int_equal(begin(home.store, 900, 90), 0);
    h = head_of(home.store, &n);
    assert_int_equal(h.first, 901);
    assert_int_equal(h.last, 900);
    assert_int_equal(h.hash[0], 90);
    assert_int_equal(n, 0);
    assert_int_equal(append(home.store, 901, 91, 1, false), WF_E_CORRUPT);
    assert_int_equal(append(home.store, 901, 90, 1, false), 0);
    home_remove(&home);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_snapshot__reads_what_it_wrote),
        TEST(test_snapshot__refuses_what_claims_too_much),
        TEST(test_snapshot__says_how_far_a_device_is),
        TEST(test_snapshot__tells_of_no_memory),
        TEST(test_snapshot__a_log_begins_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
