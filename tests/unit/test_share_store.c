/* SPDX-License-Identifier: Apache-2.0 */
/* What of drafts others were told: each is named until it is told, and only then; rows of drafts
 * that come from elsewhere. */
#include "mesh/share_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store/draft_log.h"
#include "support/home.h"

#define N_DRAFTS 20u
#define N_AT_ONCE 6u

static struct home home;
static struct wf_arena arena;
static int64_t space;

static int set_up(void **state)
{
    struct wf_share_space *spaces = NULL;
    struct wf_reader *r = NULL;
    size_t n = 0;

    (void)state;
    home_make(&home);
    wf_arena_init(&arena, 4096, SIZE_MAX);
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(wf_share_spaces(r, &arena, &spaces, &n, NULL), 0);
    wf_store_reader_put(home.store, r);
    assert_true(n > 0);
    space = spaces[0].id;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wf_arena_deinit(&arena);
    home_remove(&home);
    return 0;
}

static void begin(void)
{
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
}

static void commit(void)
{
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
}

static void make_drafts(void)
{
    static const uint8_t device[WF_DRAFT_DEVICE_BYTES] = {1};

    for (unsigned i = 0; i < N_DRAFTS; i++) {
        struct wf_draft_update u = {
            .seq = 1, .dseq = i + 1, .device = device, .at_ms = 5, .bytes = WF_STR("x")};
        char name[32];
        (void)snprintf(name, sizeof(name), "draft %u", i);
        assert_int_equal(wf_draft_row_add(home.store, space, wf_str_from(name), &u.draft, NULL), 0);
        begin();
        assert_int_equal(wf_draft_log_append(home.store, &u, NULL), 0);
        commit();
    }
}

static size_t list(struct wf_share_draft **out)
{
    static const uint8_t device[WF_DRAFT_DEVICE_BYTES] = {1};
    const struct wf_share_dirty which = {.space = space, .device = device, .n_max = N_AT_ONCE};
    struct wf_reader *r = NULL;
    size_t n = 0;

    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(wf_share_drafts(r, &which, &arena, out, &n, NULL), 0);
    wf_store_reader_put(home.store, r);
    return n;
}

/* Some at once, each time others, though all of them have changed lately. */
static void test_share_store__comes_to_the_end_of_drafts(void **state)
{
    struct wf_share_draft *drafts = NULL;
    unsigned n_told = 0;
    size_t n;

    (void)state;
    make_drafts();
    while (n_told <= N_DRAFTS && (n = list(&drafts)) > 0) {
        begin();
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(drafts[i].seq, 1);
            assert_int_equal(drafts[i].own_bytes, 1);
            assert_int_equal(drafts[i].told_seq, 0);
            assert_int_equal(wf_share_draft_told(home.store, space, &drafts[i], NULL), 0);
        }
        commit();
        n_told += (unsigned)n;
    }
    assert_int_equal(n_told, N_DRAFTS);
}

/* What a record says of a draft is not told back; what is in its log is looked at. */
static void test_share_store__tells_as_it_is(void **state)
{
    static const uint8_t uid[16] = {7};
    struct wf_share_draft *drafts = NULL;
    struct wf_share_told told;
    int64_t id = 0, again = 0, other = 0;

    (void)state;
    assert_int_equal(wf_draft_row_add(home.store, space, WF_STR("taken"), &other, NULL), 0);
    begin();
    assert_int_equal(wf_draft_row_ensure_in_turn(home.store, space, WF_STR("new"), uid, &id, NULL),
                     0);
    assert_int_equal(
        wf_draft_row_ensure_in_turn(home.store, space, WF_STR("taken"), uid, &again, NULL), 0);
    assert_int_equal(id, again);
    assert_int_equal(wf_draft_row_rename_in_turn(home.store, id, WF_STR("taken"), NULL),
                     WF_E_EXIST);
    assert_int_equal(wf_draft_row_rename_in_turn(home.store, id, WF_STR("plan"), NULL), 0);
    assert_int_equal(wf_draft_row_label_in_turn(home.store, id, WF_STR("private"), NULL), 0);
    assert_int_equal(wf_draft_row_rename_in_turn(home.store, 99, WF_STR("none"), NULL), WF_E_NOENT);
    told = (struct wf_share_told){.space = space, .draft = id, .uid = uid};
    assert_int_equal(wf_share_draft_told_as_is(home.store, &told, NULL), 0);
    commit();
    assert_int_equal(list(&drafts), 1);
    assert_int_equal(drafts[0].id, other);
    assert_int_equal(wf_draft_row_rename(home.store, id, WF_STR("plan b"), NULL), 0);
    assert_int_equal(list(&drafts), 2);
    if (drafts[1].id != id)
        drafts[1] = drafts[0];
    assert_true(wf_str_eq(drafts[1].told_name, WF_STR("plan")));
    assert_true(wf_str_eq(drafts[1].told_label, WF_STR("private")));
}

static bool is_gone(const uint8_t uid[16])
{
    bool is = false;

    begin();
    assert_int_equal(wf_share_draft_was_told(home.store, uid, &is, NULL), 0);
    commit();
    return is;
}

/* A draft of another device, put whole, is not looked at; a change of it is; its end is told once.
 */
static void test_share_store__hears_of_what_changes(void **state)
{
    static const uint8_t uid[16] = {9}, device[WF_DRAFT_DEVICE_BYTES] = {2};
    const struct wf_draft_new d = {.space = space,
                                   .uid = uid,
                                   .name = WF_STR("theirs"),
                                   .label = WF_STR("internal"),
                                   .device = device,
                                   .dseq = 3,
                                   .at_ms = 7,
                                   .update = WF_STR("xy")};
    struct wf_share_draft *drafts = NULL;
    struct wf_share_told told;
    struct wf_draft_update u = {.seq = 2, .dseq = 4, .device = device, .bytes = WF_STR("z")};

    (void)state;
    begin();
    assert_int_equal(wf_draft_put_new(home.store, &d, &u.draft, NULL), 0);
    assert_int_equal(wf_draft_put_new(home.store, &d, &u.draft, NULL), WF_E_EXIST);
    told = (struct wf_share_told){.space = space, .draft = u.draft, .uid = uid, .seq = 1};
    assert_int_equal(wf_share_draft_told_as_is(home.store, &told, NULL), 0);
    commit();
    assert_int_equal(list(&drafts), 0);
    /* Somebody names it anew, and before that is told another says something else of it. */
    assert_int_equal(wf_draft_row_rename(home.store, u.draft, WF_STR("ours"), NULL), 0);
    told.name = WF_STR("theirs");
    bool is_told = false;
    begin();
    assert_int_equal(wf_share_draft_is_told(home.store, uid, WF_STR("theirs"), &is_told, NULL), 0);
    assert_true(is_told);
    assert_int_equal(wf_share_draft_is_told(home.store, uid, WF_STR("ours"), &is_told, NULL), 0);
    assert_false(is_told);
    assert_int_equal(wf_share_draft_told_as_is(home.store, &told, NULL), 0);
    commit();
    assert_int_equal(list(&drafts), 1);
    assert_memory_equal(drafts[0].name.ptr, "ours", 4);
    assert_memory_equal(drafts[0].told_name.ptr, "theirs", 6);
    begin();
    assert_int_equal(wf_share_draft_told(home.store, space, &drafts[0], NULL), 0);
    assert_int_equal(wf_draft_log_append(home.store, &u, NULL), 0);
    commit();
    assert_int_equal(list(&drafts), 1);
    assert_int_equal(drafts[0].seq, 2);
    assert_int_equal(drafts[0].own_bytes, 0);
    begin();
    assert_int_equal(wf_share_draft_told(home.store, space, &drafts[0], NULL), 0);
    commit();
    assert_int_equal(list(&drafts), 0);
    assert_false(is_gone((const uint8_t *)"nothing is of it"));
    assert_int_equal(wf_draft_row_remove(home.store, u.draft, NULL), 0);
    assert_true(is_gone(uid));
    assert_int_equal(list(&drafts), 1);
    assert_int_equal(drafts[0].id, 0);
    begin();
    assert_int_equal(wf_share_draft_told(home.store, space, &drafts[0], NULL), 0);
    commit();
    assert_int_equal(list(&drafts), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_share_store__comes_to_the_end_of_drafts),
        TEST(test_share_store__tells_as_it_is),
        TEST(test_share_store__hears_of_what_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
