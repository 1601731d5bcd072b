/* SPDX-License-Identifier: Apache-2.0 */
/* Undo and redo, positions that move, versions that come back; each also where memory runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "crdt/awareness.h"
#include "crdt/position.h"
#include "crdt/snapshot.h"
#include "crdt/types.h"
#include "crdt/undo.h"

static int64_t now_ns;

static int64_t mono(void *ud)
{
    (void)ud;
    return now_ns;
}

struct desk {
    struct wf_crdt *d;
    struct wf_crdt_undo *undo;
    uint64_t text, map;
};

static int desk_open(struct desk *k, uint32_t capture_ms, bool keep)
{
    static const struct wf_clock clock = {.mono_ns = mono};
    struct wf_crdt_options o = {.client = 1, .keep_deleted = keep};
    struct wf_crdt_undo_options u = {.capture_ms = capture_ms, .clock = &clock, .n_types = 1};
    int rc;

    *k = (struct desk){0};
    now_ns = 1000000;
    rc = wf_crdt_new(&o, &k->d);
    if (rc == 0)
        rc = wf_crdt_root(k->d, WF_STR("t"), WF_CRDT_TEXT, &k->text);
    if (rc == 0)
        rc = wf_crdt_root(k->d, WF_STR("m"), WF_CRDT_MAP, &k->map);
    u.types = &k->text;
    if (rc == 0)
        rc = wf_crdt_undo_new(k->d, &u, &k->undo);
    return rc;
}

static void desk_close(struct desk *k)
{
    wf_crdt_undo_free(k->undo);
    wf_crdt_free(k->d);
}

static void assert_text(const struct desk *k, const char *wanted)
{
    struct wf_buf out;

    wf_buf_init(&out, SIZE_MAX);
    assert_int_equal(wf_crdt_text_get(k->d, k->text, &out), 0);
    assert_string_equal(out.ptr, wanted);
    wf_buf_deinit(&out);
}

static void insert(struct desk *k, uint32_t at, const char *text)
{
    assert_int_equal(wf_crdt_text_insert(k->d, k->text, at, wf_str_from(text), NULL), 0);
}

static void test_undo__steps_go_back_and_forth(void **state)
{
    struct desk k;
    bool did;

    (void)state;
    assert_int_equal(desk_open(&k, 0, false), 0);
    insert(&k, 0, "one two");
    assert_int_equal(wf_crdt_text_delete(k.d, k.text, 3, 4), 0);
    insert(&k, 3, "!");
    assert_int_equal(wf_crdt_undo(k.undo, &did), 0);
    assert_text(&k, "one");
    assert_int_equal(wf_crdt_undo(k.undo, &did), 0);
    assert_text(&k, "one two");
    assert_int_equal(wf_crdt_redo(k.undo, &did), 0);
    assert_text(&k, "one");
    assert_true(did);
    insert(&k, 3, "?"); /* what was undone is no more */
    assert_int_equal(wf_crdt_redo_depth(k.undo), 0);
    assert_int_equal(wf_crdt_redo(k.undo, &did), 0);
    assert_false(did);
    assert_text(&k, "one?");
    desk_close(&k);
}

static void test_undo__what_follows_soon_is_one_step(void **state)
{
    struct desk k;

    (void)state;
    assert_int_equal(desk_open(&k, 500, false), 0);
    insert(&k, 0, "a");
    now_ns += 499 * INT64_C(1000000);
    insert(&k, 1, "b");
    now_ns += 500 * INT64_C(1000000);
    insert(&k, 2, "c");
    assert_int_equal(wf_crdt_undo_depth(k.undo), 2);
    wf_crdt_undo_stop(k.undo);
    insert(&k, 3, "d");
    wf_crdt_undo_stop(k.undo);
    wf_crdt_undo_pause(k.undo, true);
    insert(&k, 4, "e");
    wf_crdt_undo_pause(k.undo, false);
    assert_int_equal(wf_crdt_undo_depth(k.undo), 3);
    assert_int_equal(wf_crdt_undo(k.undo, NULL), 0);
    assert_text(&k, "abce");
    assert_int_equal(wf_crdt_undo(k.undo, NULL), 0);
    assert_int_equal(wf_crdt_undo(k.undo, NULL), 0);
    assert_text(&k, "e");
    assert_int_equal(wf_crdt_undo_clear(k.undo), 0);
    assert_int_equal(wf_crdt_redo_depth(k.undo), 0);
    desk_close(&k);
}

static void test_undo__others_changes_stay(void **state)
{
    struct wf_crdt_put value = {.kind = WF_CRDT_PUT_VALUES, .bytes = WF_STR("\x78"), .n = 1};
    struct desk k, other;
    struct wf_buf state_of;

    (void)state;
    assert_int_equal(desk_open(&k, 0, false), 0);
    assert_int_equal(desk_open(&other, 0, false), 0);
    assert_int_equal(wf_crdt_set_client(other.d, 2), 0);
    insert(&k, 0, "mine");
    insert(&other, 0, "theirs ");
    wf_buf_init(&state_of, SIZE_MAX);
    assert_int_equal(wf_crdt_encode(other.d, WF_STR(""), WF_CRDT_V1, &state_of), 0);
    assert_int_equal(wf_crdt_apply(k.d, wf_buf_str(&state_of), WF_CRDT_V1, NULL), 0);
    assert_int_equal(wf_crdt_map_set(k.d, k.map, WF_STR("k"), &value, NULL), 0); /* not watched */
    assert_int_equal(wf_crdt_undo_depth(k.undo), 1);
    assert_int_equal(wf_crdt_undo(k.undo, NULL), 0);
    assert_text(&k, "theirs ");
    wf_buf_deinit(&state_of);
    desk_close(&k);
    desk_close(&other);
}

static void test_undo__positions_move_with_the_text(void **state)
{
    struct desk k;
    struct wf_buf at;
    uint64_t type;
    uint32_t index;

    (void)state;
    assert_int_equal(desk_open(&k, 0, false), 0);
    insert(&k, 0, "hello world");
    wf_buf_init(&at, SIZE_MAX);
    assert_int_equal(wf_crdt_position_make(k.d, k.text, 6, false, &at), 0);
    insert(&k, 0, "oh, ");
    assert_int_equal(wf_crdt_position_find(k.d, wf_buf_str(&at), &type, &index), 0);
    assert_int_equal(index, 10);
    assert_int_equal(type, k.text);
    assert_int_equal(wf_crdt_text_delete(k.d, k.text, 8, 5), 0);
    assert_int_equal(wf_crdt_position_find(k.d, wf_buf_str(&at), &type, &index), 0);
    assert_int_equal(index, 8);
    assert_int_equal(wf_crdt_position_find(k.d, WF_STR("\x07"), &type, &index), WF_E_FORMAT);
    assert_int_equal(wf_crdt_position_find(k.d, WF_STR("\0\x09\x01\0"), &type, &index), WF_E_NOENT);
    assert_int_equal(wf_crdt_position_make(k.d, k.text, 99, false, &at), WF_E_RANGE);
    wf_buf_deinit(&at);
    desk_close(&k);
}

/* Undo, redo, a snapshot and its return; where the n-th allocation fails. */
static int everything(void)
{
    struct desk k;
    struct wf_buf snapshot, old;
    struct wf_awareness *a = NULL;
    int rc = desk_open(&k, 0, true);

    wf_buf_init(&snapshot, SIZE_MAX);
    wf_buf_init(&old, SIZE_MAX);
    if (rc == 0)
        rc = wf_crdt_text_insert(k.d, k.text, 0, WF_STR("some text"), NULL);
    if (rc == 0)
        rc = wf_crdt_snapshot(k.d, WF_CRDT_V1, &snapshot);
    if (rc == 0)
        rc = wf_crdt_text_delete(k.d, k.text, 2, 3);
    if (rc == 0)
        rc = wf_crdt_undo(k.undo, NULL);
    if (rc == 0)
        rc = wf_crdt_redo(k.undo, NULL);
    if (rc == 0)
        rc = wf_crdt_snapshot_restore(k.d, wf_buf_str(&snapshot), WF_CRDT_V1, &old);
    if (rc == 0)
        rc = wf_crdt_undo_clear(k.undo);
    if (rc == 0)
        rc = wf_awareness_new(3, &a);
    if (rc == 0)
        rc = wf_awareness_set(a, WF_STR("{\"x\":[1]}"), 0);
    wf_buf_reset(&old);
    if (rc == 0)
        rc = wf_awareness_encode(a, NULL, 0, &old);
    if (rc == 0)
        rc = wf_awareness_apply(a, wf_buf_str(&old), 1, NULL);
    wf_awareness_free(a);
    wf_buf_deinit(&snapshot);
    wf_buf_deinit(&old);
    desk_close(&k);
    return rc;
}

static void test_undo__memory_may_run_out_anywhere(void **state)
{
    uint64_t live = wf_alloc_stats().n_live;

    (void)state;
    for (uint64_t n = 1;; n++) {
        wf_alloc_fail_at(n);
        int rc = everything();
        bool hit = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_int_equal(wf_alloc_stats().n_live, live);
        assert_int_equal(rc, hit ? WF_E_NOMEM : 0);
        if (!hit)
            break;
    }
}

static void test_undo__who_is_silent_is_gone(void **state)
{
    struct wf_awareness *a = NULL, *b = NULL;
    struct wf_awareness_peer peer;
    struct wf_buf message;
    size_t gone, changed = 0;
    bool renewed;

    (void)state;
    wf_buf_init(&message, SIZE_MAX);
    assert_int_equal(wf_awareness_new(1, &a), 0);
    assert_int_equal(wf_awareness_new(2, &b), 0);
    assert_int_equal(wf_awareness_set(a, WF_STR("{}"), 0), 0);
    assert_int_equal(wf_awareness_set(a, WF_STR("{\"a\":1}"), 0), 0);
    assert_int_equal(wf_awareness_set(a, WF_STR("{a}"), 0), WF_E_FORMAT);
    assert_int_equal(wf_awareness_encode(a, NULL, 0, &message), 0);
    assert_int_equal(wf_awareness_apply(b, wf_buf_str(&message), 5, &changed), 0);
    assert_int_equal(changed, 1);
    for (size_t n = 0; n < message.len; n++)
        assert_int_equal(wf_awareness_apply(b, wf_str_n(message.ptr, n), 5, NULL), WF_E_FORMAT);
    wf_awareness_tick(b, WF_AWARENESS_GONE_MS + 4, &gone, &renewed);
    assert_int_equal(gone, 0);
    wf_awareness_tick(b, WF_AWARENESS_GONE_MS + 5, &gone, &renewed);
    assert_int_equal(gone, 1);
    assert_true(wf_awareness_at(b, 1, &peer));
    assert_int_equal(peer.client, 1);
    assert_int_equal(peer.state.len, 0);
    wf_awareness_tick(a, WF_AWARENESS_RENEW_MS, &gone, &renewed);
    assert_true(renewed);
    wf_buf_deinit(&message);
    wf_awareness_free(a);
    wf_awareness_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_undo__steps_go_back_and_forth),
        cmocka_unit_test(test_undo__what_follows_soon_is_one_step),
        cmocka_unit_test(test_undo__others_changes_stay),
        cmocka_unit_test(test_undo__positions_move_with_the_text),
        cmocka_unit_test(test_undo__memory_may_run_out_anywhere),
        cmocka_unit_test(test_undo__who_is_silent_is_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
