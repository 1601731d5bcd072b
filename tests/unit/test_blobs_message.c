/* SPDX-License-Identifier: Apache-2.0 */
/* Messages about blobs: what is written is read as it was; what was cut short, has bytes left over
 * or says what cannot be is refused. */
#include "mesh/blobs_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct wf_buf bytes;

static int set_up(void **state)
{
    (void)state;
    wf_buf_init(&bytes, SIZE_MAX);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wf_buf_deinit(&bytes);
    return 0;
}

static int read_back(struct wf_blobs_message *out)
{
    return wf_blobs_message_read(wf_buf_str(&bytes), out, NULL);
}

static void put_pieces(struct wf_buf *body, const uint32_t *lengths, size_t n)
{
    wf_buf_init(body, SIZE_MAX);
    for (size_t i = 0; i < n; i++) {
        struct wf_piece p = {.bytes = lengths[i]};
        memset(p.hash, (int)i + 1, sizeof(p.hash));
        assert_int_equal(wf_blobs_piece_put(&p, body), 0);
    }
}

static void test_message__every_kind_is_read_as_it_was(void **state)
{
    static const uint32_t lengths[] = {70000, 1u << 20, 5};
    struct wf_buf body;
    struct wf_blobs_message again;

    (void)state;
    put_pieces(&body, lengths, 3);
    const struct wf_blobs_message all[] = {
        {.kind = WF_BLOBS_ASK_HAS, .id = 1, .what = WF_BLOBS_MODEL_FILE, .hash = {9}},
        {.kind = WF_BLOBS_ASK_PIECES,
         .id = 2,
         .hash = {8},
         .space = {7},
         .from = 1u << 30,
         .n_bytes = 1},
        {.kind = WF_BLOBS_WANT, .id = 3, .from = 77, .n_bytes = WF_BLOBS_WANT_BYTES},
        {.kind = WF_BLOBS_STOP, .id = 4},
        {.kind = WF_BLOBS_ASK_MODEL, .id = 5, .body = WF_STR("smollm2:135m")},
        {.kind = WF_BLOBS_HAS, .id = 6, .flags = WF_BLOBS_FLAGS_ALL, .n_bytes = 123456789},
        {.kind = WF_BLOBS_PIECES,
         .id = 7,
         .from = 100,
         .n_bytes = 100 + 70000 + (1u << 20) + 5,
         .body = wf_buf_str(&body)},
        {.kind = WF_BLOBS_DATA, .id = 8, .from = 9, .body = WF_STR("bytes")},
        {.kind = WF_BLOBS_NONE, .id = 9},
        {.kind = WF_BLOBS_MODEL, .id = UINT32_MAX, .body = WF_STR("{}")},
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++) {
        wf_buf_reset(&bytes);
        assert_int_equal(wf_blobs_message_write(&all[i], &bytes), 0);
        assert_int_equal(read_back(&again), 0);
        assert_int_equal(again.kind, all[i].kind);
        assert_int_equal(again.id, all[i].id);
        assert_int_equal(again.what, all[i].what);
        assert_memory_equal(again.hash, all[i].hash, sizeof(again.hash));
        assert_int_equal(again.from, all[i].from);
        assert_int_equal(again.n_bytes, all[i].n_bytes);
        assert_int_equal(again.flags, all[i].flags);
        assert_true(wf_str_eq(again.body, all[i].body));
        for (size_t n = 0; n < bytes.len && all[i].body.len == 0; n++)
            assert_int_equal(wf_blobs_message_read(wf_str_n(bytes.ptr, n), &again, NULL),
                             WF_E_FORMAT);
        if (all[i].body.len == 0) {
            wf_buf_append_byte(&bytes, 0);
            assert_int_equal(read_back(&again), WF_E_FORMAT);
        }
    }
    wf_buf_deinit(&body);
}

static int refused(const struct wf_blobs_message *m)
{
    struct wf_blobs_message again;

    wf_buf_reset(&bytes);
    assert_int_equal(wf_blobs_message_write(m, &bytes), 0);
    return read_back(&again);
}

static void test_message__what_cannot_be_is_refused(void **state)
{
    static char much[WF_BLOBS_DATA_BYTES + 1];
    struct wf_blobs_message m = {.kind = WF_BLOBS_WANT, .n_bytes = 0};

    (void)state;
    assert_int_equal(refused(&m), WF_E_FORMAT);
    m.n_bytes = WF_BLOBS_WANT_BYTES + 1;
    assert_int_equal(refused(&m), WF_E_FORMAT);
    m = (struct wf_blobs_message){
        .kind = WF_BLOBS_WANT, .n_bytes = 1, .from = WF_BLOBS_BYTES_MAX + 1};
    assert_int_equal(refused(&m), WF_E_FORMAT);
    m = (struct wf_blobs_message){.kind = WF_BLOBS_DATA, .body = WF_STR("")};
    assert_int_equal(refused(&m), WF_E_FORMAT);
    m.body = wf_str_n(much, sizeof(much));
    assert_int_equal(refused(&m), WF_E_FORMAT);
    m.body.len--;
    assert_int_equal(refused(&m), 0);
    m = (struct wf_blobs_message){.kind = WF_BLOBS_HAS, .flags = 4};
    assert_int_equal(refused(&m), WF_E_FORMAT);
    m = (struct wf_blobs_message){.kind = WF_BLOBS_ASK_MODEL, .body = WF_STR("a\xff")};
    assert_int_equal(refused(&m), WF_E_FORMAT);
    m = (struct wf_blobs_message){.kind = (enum wf_blobs_kind)77};
    assert_int_equal(refused(&m), WF_E_FORMAT);
}

static int refused_pieces(const uint32_t *lengths, size_t n, uint64_t from, uint64_t n_bytes)
{
    struct wf_blobs_message m = {.kind = WF_BLOBS_PIECES, .from = from, .n_bytes = n_bytes};
    struct wf_buf body;
    int rc;

    put_pieces(&body, lengths, n);
    m.body = wf_buf_str(&body);
    rc = refused(&m);
    wf_buf_deinit(&body);
    return rc;
}

static void test_message__pieces_lie_within_their_blob(void **state)
{
    static const uint32_t good[] = {70000, 70000}, zero[] = {70000, 0},
                          long_one[] = {(1u << 20) + 1}, short_one[] = {10, 70000};

    (void)state;
    assert_int_equal(refused_pieces(good, 2, 0, 140000), 0);
    assert_int_equal(refused_pieces(good, 2, 0, 150000), 0); /* more follow */
    assert_int_equal(refused_pieces(good, 2, 0, 139999), WF_E_FORMAT);
    assert_int_equal(refused_pieces(good, 2, 1, 140000), WF_E_FORMAT);
    assert_int_equal(refused_pieces(good, 2, 150000, 140000), WF_E_FORMAT);
    assert_int_equal(refused_pieces(zero, 2, 0, 70000), WF_E_FORMAT);
    assert_int_equal(refused_pieces(long_one, 1, 0, 2u << 20), WF_E_FORMAT);
    assert_int_equal(refused_pieces(short_one, 2, 0, 70010), WF_E_FORMAT);
    assert_int_equal(refused_pieces(good, 2, 0, UINT64_MAX), WF_E_FORMAT);
    assert_int_equal(refused_pieces(good, 0, 0, 140000), WF_E_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_message__every_kind_is_read_as_it_was, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_message__what_cannot_be_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_message__pieces_lie_within_their_blob, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
