/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts without Yjs beside them: bytes that are known, gaps, hostile updates, memory that fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "crdt/lib0.h"
#include "crdt/types.h"
#include "crdt/update.h"

struct side {
    struct wf_crdt *d;
    uint64_t text;
    struct wf_buf last; /* the update told last */
};

static void told(void *ud, struct wf_str update, bool remote)
{
    struct side *s = ud;

    (void)remote;
    wf_buf_reset(&s->last);
    (void)wf_buf_append_str(&s->last, update);
}

static void open_side(struct side *s, uint64_t client)
{
    struct wf_crdt_options o = {.client = client, .on_update = told, .ud = s};

    wf_buf_init(&s->last, SIZE_MAX);
    assert_int_equal(wf_crdt_new(&o, &s->d), 0);
    assert_int_equal(wf_crdt_root(s->d, WF_STR("t"), WF_CRDT_TEXT, &s->text), 0);
}

static void close_side(struct side *s)
{
    wf_crdt_free(s->d);
    wf_buf_deinit(&s->last);
}

static void assert_text(const struct side *s, const char *wanted)
{
    struct wf_buf out;

    wf_buf_init(&out, SIZE_MAX);
    assert_int_equal(wf_crdt_text_get(s->d, s->text, &out), 0);
    assert_string_equal(out.ptr, wanted);
    wf_buf_deinit(&out);
}

static void insert(struct side *s, uint32_t at, const char *text)
{
    assert_int_equal(wf_crdt_text_insert(s->d, s->text, at, wf_str_from(text), NULL), 0);
}

/* The example of the study: "ab" in bold. */
static void test_crdt__bold_text_has_known_bytes(void **state)
{
    static const unsigned char wanted[] = {
        1, 3, 1, 0,   6,   1,    1, 't', 4, 'b', 'o', 'l', 'd', 4, 't', 'r', 'u', 'e', 0x84,
        1, 0, 2, 'a', 'b', 0x86, 1, 2,   4, 'b', 'o', 'l', 'd', 4, 'n', 'u', 'l', 'l', 0};
    struct wf_str bold = wf_str_n("\x76\x01\x04"
                                  "bold\x78",
                                  8);
    struct side s;

    (void)state;
    open_side(&s, 1);
    assert_int_equal(wf_crdt_text_insert(s.d, s.text, 0, WF_STR("ab"), &bold), 0);
    assert_int_equal(s.last.len, sizeof(wanted));
    assert_memory_equal(s.last.ptr, wanted, sizeof(wanted));
    close_side(&s);
}

static void test_crdt__a_pair_is_never_cut(void **state)
{
    struct side s;

    (void)state;
    open_side(&s, 1);
    insert(&s, 0,
           "a\xf0\x9f\x98\x80"
           "b");
    assert_int_equal(wf_crdt_length(s.d, s.text), 4);
    assert_int_equal(wf_crdt_text_insert(s.d, s.text, 2, WF_STR("x"), NULL), WF_E_INVAL);
    assert_int_equal(wf_crdt_text_delete(s.d, s.text, 0, 2), WF_E_INVAL);
    assert_int_equal(wf_crdt_text_delete(s.d, s.text, 2, 1), WF_E_INVAL);
    assert_int_equal(wf_crdt_text_insert(s.d, s.text, 5, WF_STR("x"), NULL), WF_E_RANGE);
    assert_int_equal(wf_crdt_text_insert(s.d, s.text, 0, WF_STR("\xff"), NULL), WF_E_INVAL);
    assert_int_equal(wf_crdt_text_delete(s.d, s.text, 1, 2), 0);
    assert_text(&s, "ab");
    close_side(&s);
}

static void test_crdt__what_runs_ahead_waits(void **state)
{
    struct side a, b;
    struct wf_buf first, second, vector;

    (void)state;
    open_side(&a, 1);
    open_side(&b, 2);
    insert(&a, 0, "one");
    wf_buf_init(&first, SIZE_MAX);
    wf_buf_init(&second, SIZE_MAX);
    wf_buf_init(&vector, SIZE_MAX);
    (void)wf_buf_append_str(&first, wf_buf_str(&a.last));
    insert(&a, 3, " two");
    (void)wf_buf_append_str(&second, wf_buf_str(&a.last));
    assert_int_equal(wf_crdt_apply(b.d, wf_buf_str(&second), WF_CRDT_V1, NULL), 0);
    assert_true(wf_crdt_pending(b.d));
    assert_text(&b, "");
    assert_int_equal(wf_crdt_state_vector(b.d, &vector), 0);
    assert_int_equal(vector.len, 1); /* nothing is reported */
    assert_int_equal(wf_crdt_apply(b.d, wf_buf_str(&first), WF_CRDT_V1, NULL), 0);
    assert_false(wf_crdt_pending(b.d));
    assert_text(&b, "one two");
    wf_buf_deinit(&first);
    wf_buf_deinit(&second);
    wf_buf_deinit(&vector);
    close_side(&a);
    close_side(&b);
}

static void state_of(struct side *s, enum wf_crdt_format format, struct wf_buf *out)
{
    wf_buf_init(out, SIZE_MAX);
    assert_int_equal(wf_crdt_encode(s->d, WF_STR(""), format, out), 0);
}

/* Many random edits, so that trees, chunks and the content's memory come into play. */
static void scribble(struct side *s, const struct wf_rng *rng, int n)
{
    for (int i = 0; i < n; i++) {
        uint32_t len = wf_crdt_length(s->d, s->text);
        uint32_t at = (uint32_t)wf_rng_below(rng, len + 1u);
        uint32_t k = (uint32_t)wf_rng_below(rng, 8);
        if (wf_rng_below(rng, 10) < 7)
            insert(s, at, &"abcdefg"[k > 6 ? 6 : k]);
        else
            assert_int_equal(wf_crdt_text_delete(s->d, s->text, at, k > len - at ? len - at : k),
                             0);
    }
}

static void test_crdt__two_sides_come_to_the_same(void **state)
{
    struct wf_rng_seeded rng;
    struct side a, b;
    struct wf_buf x, y;

    (void)state;
    wf_rng_seeded_init(&rng, 7);
    open_side(&a, 1);
    open_side(&b, 2);
    for (int round = 0; round < 4; round++) {
        scribble(&a, &rng.rng, 2000);
        scribble(&b, &rng.rng, 2000);
        state_of(&a, WF_CRDT_V2, &x);
        state_of(&b, WF_CRDT_V1, &y);
        assert_int_equal(wf_crdt_apply(b.d, wf_buf_str(&x), WF_CRDT_V2, NULL), 0);
        assert_int_equal(wf_crdt_apply(a.d, wf_buf_str(&y), WF_CRDT_V1, NULL), 0);
        wf_buf_deinit(&x);
        wf_buf_deinit(&y);
        state_of(&a, WF_CRDT_V1, &x);
        state_of(&b, WF_CRDT_V1, &y);
        assert_int_equal(x.len, y.len);
        assert_memory_equal(x.ptr, y.ptr, x.len);
        wf_buf_deinit(&x);
        wf_buf_deinit(&y);
    }
    close_side(&a);
    close_side(&b);
}

static void test_crdt__a_cut_update_is_refused_whole(void **state)
{
    struct side a, b;
    struct wf_buf whole, now;

    (void)state;
    open_side(&a, 1);
    open_side(&b, 2);
    insert(&a, 0, "some text");
    assert_int_equal(wf_crdt_text_delete(a.d, a.text, 2, 3), 0);
    for (int f = WF_CRDT_V1; f <= WF_CRDT_V2; f++) {
        state_of(&a, (enum wf_crdt_format)f, &whole);
        for (size_t n = 0; n < whole.len; n++) {
            struct wf_err err = WF_ERR_INIT;
            if (wf_crdt_apply(b.d, wf_str_n(whole.ptr, n), (enum wf_crdt_format)f, &err) == 0)
                fail_msg("%zu of %zu bytes were taken", n, whole.len);
            assert_int_not_equal(err.msg[0], 0);
        }
        wf_buf_deinit(&whole);
    }
    state_of(&b, WF_CRDT_V1, &now);
    assert_int_equal(now.len, 2);
    wf_buf_deinit(&now);
    close_side(&a);
    close_side(&b);
}

/* A format whose value is undefined can be said in format 2 only, and by nobody's editor: found by
 * the fuzzer, which could not read what was written in format 1. */
static void test_crdt__an_undefined_format_is_refused(void **state)
{
    static const unsigned char update[] = {
        0x00, 0x02, 0x00, 0x02, 0x02, 0x42, 0x01, 0x01, 0x00, 0x01,
        0x00, 0x03, 0x46, 0x00, 0x86, 0x05, 0x02, 0x62, 0x62, 0x41,
        0x00, 0x00, 0x00, 0x00, 0x01, 0x02, 0x01, 0x7f, 0x7e, 0x00}; /* as Yjs writes it */
    struct wf_str bytes = wf_str_n((const char *)update, sizeof(update));
    struct wf_str undefined = wf_str_n("\x76\x01\x01"
                                       "b\x7f",
                                       5);
    struct side a;
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf v1;

    (void)state;
    open_side(&a, 1);
    insert(&a, 0, "text");
    assert_int_equal(wf_crdt_text_format(a.d, a.text, 0, 2, undefined), WF_E_INVAL);
    wf_buf_init(&v1, SIZE_MAX);
    assert_int_equal(wf_crdt_convert(bytes, WF_CRDT_V2, WF_CRDT_V1, &v1), WF_E_FORMAT);
    assert_int_equal(wf_crdt_apply(a.d, bytes, WF_CRDT_V2, &err), WF_E_FORMAT);
    assert_text(&a, "text");
    wf_buf_deinit(&v1);
    close_side(&a);
}

/* One run of everything, in which the n-th allocation fails. 0 when none did. */
static int everything(const struct wf_str *updates, size_t n)
{
    struct wf_crdt_put value = {.kind = WF_CRDT_PUT_VALUES, .bytes = WF_STR("\x78"), .n = 1};
    struct wf_crdt_put inner = {.kind = WF_CRDT_PUT_TYPE, .type = WF_CRDT_TEXT};
    struct wf_str bold = wf_str_n("\x76\x01\x01"
                                  "b\x78",
                                  5);
    struct wf_buf out;
    struct wf_crdt *d = NULL;
    uint64_t text, map, type;
    int rc;

    wf_buf_init(&out, SIZE_MAX);
    rc = wf_crdt_new(NULL, &d);
    if (rc == 0)
        rc = wf_crdt_root(d, WF_STR("t"), WF_CRDT_TEXT, &text);
    if (rc == 0)
        rc = wf_crdt_root(d, WF_STR("m"), WF_CRDT_MAP, &map);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = wf_crdt_apply(d, updates[i], WF_CRDT_V1, NULL);
    if (rc == 0)
        rc = wf_crdt_text_insert(d, text, 1, WF_STR("xyz"), &bold);
    if (rc == 0)
        rc = wf_crdt_text_format(d, text, 0, 4, bold);
    if (rc == 0)
        rc = wf_crdt_text_delete(d, text, 1, 2);
    if (rc == 0)
        rc = wf_crdt_map_set(d, map, WF_STR("k"), &value, NULL);
    if (rc == 0)
        rc = wf_crdt_map_set(d, map, WF_STR("k"), &inner, &type);
    if (rc == 0)
        rc = wf_crdt_text_insert(d, type, 0, WF_STR("in"), NULL);
    if (rc == 0)
        rc = wf_crdt_map_delete(d, map, WF_STR("k"));
    if (rc == 0)
        rc = wf_crdt_encode(d, WF_STR(""), WF_CRDT_V2, &out);
    if (rc == 0)
        rc = wf_crdt_json(d, map, &out);
    if (rc == 0)
        rc = wf_crdt_text_delta(d, text, &out);
    wf_buf_deinit(&out);
    wf_crdt_free(d);
    return rc;
}

static void test_crdt__memory_may_run_out_anywhere(void **state)
{
    struct side a;
    struct wf_buf first;
    struct wf_str updates[3];
    uint64_t live;

    (void)state;
    open_side(&a, 5);
    insert(&a, 0, "hello");
    wf_buf_init(&first, SIZE_MAX);
    (void)wf_buf_append_str(&first, wf_buf_str(&a.last));
    insert(&a, 5, " you");
    updates[0] = wf_buf_str(&a.last); /* comes too early */
    updates[1] = wf_buf_str(&first);
    updates[2] = wf_buf_str(&a.last);
    live = wf_alloc_stats().n_live;
    for (uint64_t n = 1;; n++) {
        wf_alloc_fail_at(n);
        int rc = everything(updates, 3);
        if (!wf_alloc_failed()) {
            wf_alloc_fail_at(0);
            assert_int_equal(rc, 0);
            break;
        }
        assert_int_equal(rc, WF_E_NOMEM);
        assert_int_equal(wf_alloc_stats().n_live, live);
    }
    wf_buf_deinit(&first);
    close_side(&a);
}

/* So many clients insert one letter each at the beginning of a text, each with another right
 * neighbour: to find the place of one, all that is before that neighbour must be passed. */
static void many_at_one_place(struct wf_buf *out, uint64_t n)
{
    wf_lib0_append_uint(out, n + 1);
    wf_lib0_append_uint(out, 1);
    wf_lib0_append_uint(out, n + 1); /* client */
    wf_lib0_append_uint(out, 0);
    (void)wf_buf_append_byte(out, 4); /* text, in a root: */
    wf_lib0_append_uint(out, 1);
    wf_lib0_append_bytes(out, WF_STR("t"));
    wf_lib0_append_uint(out, n);
    for (uint64_t k = 0; k < n; k++)
        (void)wf_buf_append_byte(out, 'a');
    for (uint64_t client = n; client > 0; client--) {
        wf_lib0_append_uint(out, 1);
        wf_lib0_append_uint(out, client);
        wf_lib0_append_uint(out, 0);
        (void)wf_buf_append_byte(out, 0x44); /* text, with a right neighbour: */
        wf_lib0_append_uint(out, n + 1);
        wf_lib0_append_uint(out, client - 1);
        wf_lib0_append_bytes(out, WF_STR("x"));
    }
    (void)wf_buf_append_byte(out, 0);
    assert_int_equal(wf_buf_status(out), 0);
}

static void test_crdt__an_update_made_to_be_slow_is_refused(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    struct side a;
    struct wf_buf b;

    (void)state;
    wf_buf_init(&b, SIZE_MAX);
    open_side(&a, UINT64_C(1) << 40);
    many_at_one_place(&b, 500);
    if (wf_crdt_apply(a.d, wf_buf_str(&b), WF_CRDT_V1, &err) != 0)
        fail_msg("%s", err.msg);
    assert_int_equal(wf_crdt_length(a.d, a.text), 1000);
    wf_buf_reset(&b);
    close_side(&a);
    open_side(&a, UINT64_C(1) << 40);
    many_at_one_place(&b, 25000);
    assert_int_equal(wf_crdt_apply(a.d, wf_buf_str(&b), WF_CRDT_V1, &err), WF_E_LIMIT);
    assert_int_equal(wf_crdt_begin(a.d), WF_E_NOMEM); /* to be loaded again */
    close_side(&a);
    wf_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crdt__bold_text_has_known_bytes),
        cmocka_unit_test(test_crdt__a_pair_is_never_cut),
        cmocka_unit_test(test_crdt__what_runs_ahead_waits),
        cmocka_unit_test(test_crdt__two_sides_come_to_the_same),
        cmocka_unit_test(test_crdt__a_cut_update_is_refused_whole),
        cmocka_unit_test(test_crdt__an_undefined_format_is_refused),
        cmocka_unit_test(test_crdt__an_update_made_to_be_slow_is_refused),
        cmocka_unit_test(test_crdt__memory_may_run_out_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
