/* SPDX-License-Identifier: Apache-2.0 */
/* Frames between core and link: what is written is read, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "mesh/frame.h"

#define KEY_A "0123456789abcdef0123456789abcdef"
#define KEY_B "fedcba9876543210fedcba9876543210"

static const struct wf_link_frame all[] = {
    {.kind = WF_LINK_FRAME_ALLOW, .text = WF_STR(KEY_A KEY_B)},
    {.kind = WF_LINK_FRAME_ALLOW, .text = WF_STR("")},
    {.kind = WF_LINK_FRAME_PAIRING, .is_on = true},
    {.kind = WF_LINK_FRAME_DIAL, .peer = 7, .has_key = true, .key = KEY_A, .text = WF_STR("h:1")},
    {.kind = WF_LINK_FRAME_DIAL, .peer = 8, .text = WF_STR("[::1]:7771")},
    {.kind = WF_LINK_FRAME_CLOSE, .peer = 0x1122334455667788},
    {.kind = WF_LINK_FRAME_SEND, .peer = 9, .channel = WF_LINK_SYNC, .text = WF_STR("\0batch")},
    {.kind = WF_LINK_FRAME_LOOK},
    {.kind = WF_LINK_FRAME_HELLO, .key = KEY_B, .number = 65535, .text = WF_STR("taken")},
    {.kind = WF_LINK_FRAME_ADDRESSES, .text = WF_STR("10.0.0.1:7771\n[fe80::1]:7771\n")},
    {.kind = WF_LINK_FRAME_UP,
     .peer = 1,
     .key = KEY_A,
     .is_paired = true,
     .is_dialled = true,
     .skew_ms = -5000,
     .version = WF_STR("0.1.0"),
     .text = WF_STR("127.0.0.1:9")},
    {.kind = WF_LINK_FRAME_BYTES_CAME, .peer = 1, .channel = WF_LINK_PAIRING, .text = WF_STR("x")},
    {.kind = WF_LINK_FRAME_CREDIT, .peer = 1, .channel = WF_LINK_PRESENCE, .number = 4000000000u},
    {.kind = WF_LINK_FRAME_DOWN, .peer = 1, .reason = WF_LINK_NO_NAME, .text = WF_STR("what")},
    {.kind = WF_LINK_FRAME_KNOCK, .key = KEY_A, .reason = WF_LINK_NOT_PAIRED, .text = WF_STR("a")},
    {.kind = WF_LINK_FRAME_FOUND, .key = KEY_B, .text = WF_STR("10.0.0.9:7771")},
    {.kind = WF_LINK_FRAME_CHANGED, .is_on = true},
};

static void assert_same(const struct wf_link_frame *a, const struct wf_link_frame *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_true(a->peer == b->peer && a->channel == b->channel && a->number == b->number);
    assert_true(a->is_on == b->is_on && a->has_key == b->has_key);
    assert_true(a->is_paired == b->is_paired && a->is_dialled == b->is_dialled);
    assert_true(a->reason == b->reason && a->skew_ms == b->skew_ms);
    assert_memory_equal(a->key, b->key, WF_LINK_KEY_BYTES);
    assert_true(wf_str_eq(a->version, b->version) && wf_str_eq(a->text, b->text));
}

static void test_link_frame__all_kinds_come_through(void **state)
{
    (void)state;
    struct wf_link_frame got;
    struct wf_buf b;

    wf_buf_init(&b, WF_LINK_FRAME_BYTES);
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++) {
        wf_buf_reset(&b);
        assert_int_equal(wf_link_frame_write(&all[i], &b), 0);
        assert_int_equal(wf_link_frame_read(wf_buf_str(&b), &got, NULL), 0);
        assert_same(&all[i], &got);
    }
    wf_buf_deinit(&b);
}

/* A frame that is cut anywhere, or has one byte more, is refused, or is another whole one: then it
 * is written as it was read. */
static void test_link_frame__what_is_cut_or_longer_is_no_frame(void **state)
{
    (void)state;
    struct wf_link_frame got;
    struct wf_buf b, again;

    wf_buf_init(&b, WF_LINK_FRAME_BYTES + 8);
    wf_buf_init(&again, WF_LINK_FRAME_BYTES + 8);
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++) {
        wf_buf_reset(&b);
        assert_int_equal(wf_link_frame_write(&all[i], &b), 0);
        assert_int_equal(wf_buf_append_byte(&b, 'z'), 0);
        for (size_t n = 0; n <= b.len; n++) {
            if (wf_link_frame_read(wf_str_n(b.ptr, n), &got, NULL) != 0)
                continue;
            wf_buf_reset(&again);
            assert_int_equal(wf_link_frame_write(&got, &again), 0);
            assert_int_equal(again.len, n);
            assert_memory_equal(again.ptr, b.ptr, n);
        }
        assert_int_equal(wf_link_frame_read(wf_str_n(b.ptr, 8), &got, NULL), WF_E_FORMAT);
    }
    wf_buf_deinit(&again);
    wf_buf_deinit(&b);
}

static int write_of(const struct wf_link_frame *f)
{
    struct wf_buf b;
    wf_buf_init(&b, 2 * WF_LINK_FRAME_BYTES);
    int rc = wf_link_frame_write(f, &b);
    wf_buf_deinit(&b);
    return rc;
}

static void test_link_frame__limits_are_kept_at_the_limit_and_above(void **state)
{
    (void)state;
    char *big = wf_alloc_array(WF_LINK_MESSAGE_BYTES + 1, 1);
    const struct {
        enum wf_link_kind kind;
        size_t most;
    } limits[] = {
        {WF_LINK_FRAME_SEND, WF_LINK_MESSAGE_BYTES},
        {WF_LINK_FRAME_BYTES_CAME, WF_LINK_MESSAGE_BYTES},
        {WF_LINK_FRAME_ALLOW, WF_LINK_PINS_MAX * WF_LINK_KEY_BYTES},
        {WF_LINK_FRAME_DIAL, WF_LINK_ADDRESS_BYTES},
        {WF_LINK_FRAME_ADDRESSES, WF_LINK_ADDRESSES_BYTES},
        {WF_LINK_FRAME_DOWN, WF_LINK_WORDS_BYTES},
    };

    assert_non_null(big);
    for (size_t i = 0; i < WF_ARRAY_LEN(limits); i++) {
        struct wf_link_frame f = {
            .kind = limits[i].kind, .channel = WF_LINK_SYNC, .text = wf_str_n(big, limits[i].most)};
        assert_int_equal(write_of(&f), 0);
        f.text.len++;
        assert_int_equal(write_of(&f), WF_E_LIMIT);
    }
    wf_free(big);
}

static void test_link_frame__what_there_is_not_is_refused(void **state)
{
    (void)state;
    struct wf_link_frame got, f = {.kind = WF_LINK_FRAME_SEND, .text = WF_STR("x")};

    f.channel = WF_LINK_CONTROL; /* link's own: not for core */
    assert_int_equal(write_of(&f), WF_E_LIMIT);
    f.channel = WF_LINK_CHANNEL_COUNT;
    assert_int_equal(write_of(&f), WF_E_LIMIT);
    f = (struct wf_link_frame){.kind = WF_LINK_FRAME_SEND, .channel = 2, .text = WF_STR("")};
    assert_int_equal(write_of(&f), WF_E_LIMIT);
    f = (struct wf_link_frame){.kind = (enum wf_link_kind)99};
    assert_int_equal(write_of(&f), WF_E_LIMIT);
    assert_int_equal(wf_link_frame_read(WF_STR(""), &got, NULL), WF_E_FORMAT);
    /* A reason that there is not. */
    assert_int_equal(wf_link_frame_read(WF_STR("\x15\1\0\0\0\0\0\0\0\x7f"), &got, NULL),
                     WF_E_FORMAT);
    /* Neither on nor off. */
    assert_int_equal(wf_link_frame_read(WF_STR("\x02\0\0\0\0\0\0\0\0\x02"), &got, NULL),
                     WF_E_FORMAT);
}

static void test_link_frame__a_stream_is_cut_into_its_frames(void **state)
{
    (void)state;
    struct wf_link_frame got;
    struct wf_buf b;
    size_t n = 0, at = 0;

    wf_buf_init(&b, WF_LINK_FRAME_BYTES);
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++)
        assert_int_equal(wf_link_frame_put(&all[i], &b), 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++) {
        struct wf_str in = wf_str_sub(wf_buf_str(&b), at, b.len);
        assert_int_equal(wf_link_frame_next(in, &got, &n, NULL), 0);
        assert_true(n > 4);
        assert_same(&all[i], &got);
        assert_int_equal(wf_link_frame_next(wf_str_sub(in, 0, n - 1), &got, &n, NULL), 0);
        assert_int_equal(n, 0); /* not whole */
        assert_int_equal(wf_link_frame_next(in, &got, &n, NULL), 0);
        at += n;
    }
    assert_int_equal(at, b.len);
    assert_int_equal(wf_link_frame_next(WF_STR("\xff\xff\xff\x7f"), &got, &n, NULL), WF_E_LIMIT);
    wf_buf_deinit(&b);
}

/* The n-th allocation fails: nothing is half written. */
static void test_link_frame__no_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    struct wf_buf b;

    wf_buf_init(&b, WF_LINK_FRAME_BYTES);
    wf_alloc_fail_at(1);
    assert_int_equal(wf_link_frame_put(&all[0], &b), WF_E_NOMEM);
    wf_alloc_fail_at(0);
    assert_int_equal(b.len, 0);
    wf_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link_frame__all_kinds_come_through),
        cmocka_unit_test(test_link_frame__what_is_cut_or_longer_is_no_frame),
        cmocka_unit_test(test_link_frame__limits_are_kept_at_the_limit_and_above),
        cmocka_unit_test(test_link_frame__what_there_is_not_is_refused),
        cmocka_unit_test(test_link_frame__a_stream_is_cut_into_its_frames),
        cmocka_unit_test(test_link_frame__no_memory_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
