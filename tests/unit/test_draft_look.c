/* SPDX-License-Identifier: Apache-2.0 */
/* What of a draft is for others: it is looked at as its log says at one place, and nothing that is
 * deleted there goes with the whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crdt/types.h"
#include "crdt/update.h"
#include "space/draft.h"
#include "support/home.h"

static struct home home;
static struct wf_drafts *all;

static int set_up(void **state)
{
    (void)state;
    home.options = (struct wf_store_options){.clock = NULL};
    home_make(&home);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    home_remove(&home);
    return 0;
}

static int get_text(void *ud, struct wf_crdt *doc, struct wf_err *err)
{
    uint64_t root = 0;

    (void)err;
    assert_int_equal(wf_crdt_root(doc, WF_DRAFT_ROOT, WF_CRDT_TEXT, &root), 0);
    return wf_crdt_text_get(doc, root, ud);
}

static void check_now(struct wf_draft *d, const char *want)
{
    struct wf_buf text;

    wf_buf_init(&text, 1000);
    assert_int_equal(wf_draft_read(d, get_text, &text, NULL), 0);
    assert_true(wf_str_eq(wf_buf_str(&text), wf_str_from(want)));
    wf_buf_deinit(&text);
}

static void look_at(struct wf_reader *r, int64_t draft, uint64_t upto, const char *want)
{
    const struct wf_draft_moment at = {.r = r, .draft = draft, .upto = upto};
    struct wf_buf text;

    wf_buf_init(&text, 1000);
    assert_int_equal(wf_draft_look(all, &at, get_text, &text, NULL), 0);
    assert_true(wf_str_eq(wf_buf_str(&text), wf_str_from(want)));
    wf_buf_deinit(&text);
}

static void keep_update(void *ud, struct wf_str update, bool remote)
{
    (void)remote;
    assert_int_equal(wf_buf_append_str(ud, update), 0);
}

/* What an editor writes, and then what it deletes: two updates. */
static void type_and_delete(struct wf_str text, struct wf_buf *typed, struct wf_buf *deleted)
{
    struct wf_crdt_options o = {.client = 5, .on_update = keep_update, .ud = typed};
    struct wf_crdt *doc = NULL;
    struct wf_buf state;
    uint64_t root = 0;

    wf_buf_init(typed, 1000);
    wf_buf_init(deleted, 1000);
    wf_buf_init(&state, 1000);
    assert_int_equal(wf_crdt_new(&o, &doc), 0);
    assert_int_equal(wf_crdt_root(doc, WF_DRAFT_ROOT, WF_CRDT_TEXT, &root), 0);
    assert_int_equal(wf_crdt_text_insert(doc, root, 0, text, NULL), 0);
    assert_int_equal(wf_crdt_state_vector(doc, &state), 0);
    assert_int_equal(wf_crdt_text_delete(doc, root, 0, (uint32_t)text.len), 0);
    assert_int_equal(wf_crdt_encode(doc, wf_buf_str(&state), WF_CRDT_V1, deleted), 0);
    typed->len -= deleted->len; /* it was kept, too */
    wf_crdt_free(doc);
    wf_buf_deinit(&state);
}

/* Neither what waits for the disk nor what came later is in a draft as it was at a place of its
 * log. */
static void test_draft_look__is_as_its_log_says(void **state)
{
    struct wf_drafts_options o = {.store = home.store, .is_stepped = true};
    struct wf_draft_moment far = {.upto = 4};
    struct wf_buf typed, deleted, text;
    struct wf_reader *old = NULL, *r = NULL;
    struct wf_draft *d = NULL;
    int64_t id;

    (void)state;
    assert_int_equal(wf_drafts_new(&o, &all, NULL), 0);
    assert_int_equal(wf_draft_open_named(all, WF_STR("me"), WF_STR("notes"), true, &d, NULL), 0);
    id = wf_draft_id(d);
    type_and_delete(WF_STR("typed"), &typed, &deleted);
    wf_buf_init(&text, 1000);
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(wf_draft_apply(d, wf_buf_str(&typed), NULL, NULL), 0);
    check_now(d, "typed");
    look_at(r, id, 0, ""); /* it waits */
    wf_store_reader_put(home.store, r);
    wf_drafts_commit(all);
    assert_int_equal(wf_store_reader_get(home.store, &old, NULL), 0);
    look_at(old, id, 0, "typed");
    assert_int_equal(wf_draft_apply(d, wf_buf_str(&deleted), NULL, NULL), 0);
    check_now(d, "");
    look_at(old, id, 1, "typed"); /* that it is deleted waits */
    wf_drafts_commit(all);
    assert_int_equal(wf_draft_set_text(d, WF_STR("more"), NULL, NULL), 0);
    look_at(old, id, 0, "typed");
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    look_at(r, id, 1, "typed");
    look_at(r, id, 2, "");
    look_at(r, id, 3, "more");
    look_at(r, id, 0, "more");
    far.r = r;
    far.draft = id;
    assert_int_equal(wf_draft_look(all, &far, get_text, &text, NULL), WF_E_NOENT);
    assert_int_equal(text.len, 0);
    wf_draft_close(d);
    wf_drafts_free(all);
    wf_store_reader_put(home.store, r);
    wf_store_reader_put(home.store, old);
    wf_buf_deinit(&typed);
    wf_buf_deinit(&deleted);
    wf_buf_deinit(&text);
}

/* Also when all its log is one update, which has what it deletes. */
static void test_draft_look__nothing_deleted_is_in_the_whole(void **state)
{
    struct wf_draft_new new_draft = {.space = 1, .name = WF_STR("notes"), .dseq = 1};
    uint8_t uid[WF_DRAFT_UID_BYTES] = {1}, device[WF_DRAFT_DEVICE_BYTES] = {2};
    struct wf_buf typed, deleted, both, whole;
    struct wf_draft_origin last;
    struct wf_reader *r = NULL;
    struct wf_str updates[2];
    int64_t id = 0;

    (void)state;
    type_and_delete(WF_STR("typed"), &typed, &deleted);
    wf_buf_init(&both, 1000);
    wf_buf_init(&whole, 1000);
    updates[0] = wf_buf_str(&typed);
    updates[1] = wf_buf_str(&deleted);
    assert_int_equal(wf_crdt_merge(updates, 2, WF_CRDT_V1, &both), 0);
    assert_true(wf_str_find(wf_buf_str(&both), WF_STR("typed"), 0) != SIZE_MAX);
    new_draft.uid = uid;
    new_draft.device = device;
    new_draft.update = wf_buf_str(&both);
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_draft_put_new(home.store, &new_draft, &id, NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(wf_draft_whole(r, id, &whole, &last, NULL), 0);
    assert_true(whole.len > 0);
    assert_true(wf_str_find(wf_buf_str(&whole), WF_STR("typed"), 0) == SIZE_MAX);
    wf_store_reader_put(home.store, r);
    wf_buf_deinit(&typed);
    wf_buf_deinit(&deleted);
    wf_buf_deinit(&both);
    wf_buf_deinit(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_draft_look__is_as_its_log_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_draft_look__nothing_deleted_is_in_the_whole, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
