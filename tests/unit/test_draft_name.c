/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts that want one name: the same names come out in whichever order they are heard of, are
 * renamed and go. */
#include "store/draft_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "store/draft_log.h"
#include "store/sql.h"
#include "support/home.h"

#define N 4u

static struct home home;

static int set_up(void **state)
{
    (void)state;
    home_make(&home);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
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

/* Draft k, whose uid is k again and again, as another device tells of it. */
static int64_t hear_of(unsigned k, const char *name)
{
    static const uint8_t device[WF_DRAFT_DEVICE_BYTES] = {2};
    uint8_t uid[WF_DRAFT_UID_BYTES];
    const struct wf_draft_new d = {.space = 1,
                                   .uid = uid,
                                   .name = wf_str_from(name),
                                   .label = WF_STR("internal"),
                                   .device = device,
                                   .dseq = 1,
                                   .at_ms = 7};
    int64_t id = 0;

    memset(uid, (int)k, sizeof(uid));
    begin();
    assert_int_equal(wf_draft_put_new(home.store, &d, &id, NULL), 0);
    commit();
    return id;
}

static void want(int64_t id, const char *name)
{
    begin();
    assert_int_equal(wf_draft_name_want(home.store, id, wf_str_from(name), NULL), 0);
    commit();
}

static void assert_named(int64_t id, const char *shown)
{
    struct wf_reader *r = NULL;
    struct wf_draft_row row;
    struct wf_arena arena;

    wf_arena_init(&arena, 0, 1u << 16);
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(wf_draft_row_get(r, id, &arena, &row, NULL), 0);
    wf_store_reader_put(home.store, r);
    assert_int_equal(row.name.len, strlen(shown));
    assert_memory_equal(row.name.ptr, shown, row.name.len);
    wf_arena_deinit(&arena);
}

static void test_draft_name__the_least_uid_has_it(void **state)
{
    int64_t three = hear_of(3, "plan"), one, two;

    (void)state;
    assert_named(three, "plan");
    one = hear_of(1, "plan");
    assert_named(one, "plan");
    assert_named(three, "plan (2)");
    two = hear_of(2, "plan");
    assert_named(two, "plan (2)");
    assert_named(three, "plan (3)");
    assert_int_equal(home_count(&home, "draft_wanted"), 2);
    assert_int_equal(wf_draft_row_remove(home.store, one, NULL), 0);
    assert_named(two, "plan");
    assert_named(three, "plan (2)");
    assert_int_equal(wf_draft_row_rename(home.store, two, WF_STR("list"), NULL), 0);
    assert_named(three, "plan");
    assert_int_equal(home_count(&home, "draft_wanted"), 0);
    assert_int_equal(wf_draft_row_rename(home.store, two, WF_STR("plan"), NULL), WF_E_EXIST);
}

static void test_draft_name__who_wants_a_number_has_it(void **state)
{
    int64_t one = hear_of(1, "plan"), two = hear_of(2, "plan"), four;

    (void)state;
    assert_named(two, "plan (2)");
    four = hear_of(4, "plan (2)");
    assert_named(one, "plan");
    assert_named(two, "plan (3)");
    assert_named(four, "plan (2)");
    want(four, "else");
    assert_named(two, "plan (2)");
    /* What is shown becomes what is wanted where somebody says so. */
    assert_int_equal(wf_draft_row_rename(home.store, two, WF_STR("plan (2)"), NULL), 0);
    assert_int_equal(home_count(&home, "draft_wanted"), 0);
    want(one, "more");
    assert_named(two, "plan (2)");
}

static void test_draft_name__what_is_secret_comes_last(void **state)
{
    int64_t one = hear_of(1, "plan"), two = hear_of(2, "plan");

    (void)state;
    assert_named(one, "plan");
    assert_int_equal(wf_draft_row_label(home.store, one, WF_STR("secret"), NULL), 0);
    assert_named(one, "plan (2)");
    assert_named(two, "plan");
}

/* Whatever happened, the names are those of who hears of the end alone, in another order. */
static void test_draft_name__the_way_does_not_matter(void **state)
{
    static const char *const names[] = {"a", "a (2)", "a (3)", "b", "a (2) (2)"};
    static struct wf_rng_seeded rng;
    const char *last[N + 1] = {NULL};
    char shown[N + 1][80];
    int64_t ids[N + 1];

    (void)state;
    wf_rng_seeded_init(&rng, 5);
    for (unsigned round = 0; round < 12; round++) {
        struct wf_reader *r = NULL;
        struct wf_draft_row row;
        struct wf_arena arena;
        for (unsigned k = 1; k <= N; k++)
            ids[k] = hear_of(k, last[k] = names[wf_rng_below(&rng.rng, 5)]);
        for (unsigned i = 0; i < 10; i++) {
            unsigned k = 1 + (unsigned)wf_rng_below(&rng.rng, N);
            want(ids[k], last[k] = names[wf_rng_below(&rng.rng, 5)]);
        }
        wf_arena_init(&arena, 0, 1u << 20);
        assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
        for (unsigned k = 1; k <= N; k++) {
            assert_int_equal(wf_draft_row_get(r, ids[k], &arena, &row, NULL), 0);
            (void)snprintf(shown[k], sizeof(shown[k]), "%.*s", WF_STR_ARG(row.name));
        }
        wf_store_reader_put(home.store, r);
        wf_arena_deinit(&arena);
        for (unsigned k = 1; k <= N; k++)
            assert_int_equal(wf_draft_row_remove(home.store, ids[k], NULL), 0);
        for (unsigned k = N; k >= 1; k--)
            ids[k] = hear_of(k, last[k]);
        for (unsigned k = 1; k <= N; k++)
            assert_named(ids[k], shown[k]);
        for (unsigned k = 1; k <= N; k++)
            assert_int_equal(wf_draft_row_remove(home.store, ids[k], NULL), 0);
    }
    assert_int_equal(home_count(&home, "draft_wanted"), 0);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_draft_name__the_least_uid_has_it),
        T(test_draft_name__who_wants_a_number_has_it),
        T(test_draft_name__what_is_secret_comes_last),
        T(test_draft_name__the_way_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
