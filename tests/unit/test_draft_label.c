/* SPDX-License-Identifier: Apache-2.0 */
/* The label of a draft: by what stood in it at the moment that is asked for, though it is deleted
 * by now, and by what waits for other changes and stands in no text yet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crdt/types.h"
#include "op/op.h"
#include "privacy/detect.h"
#include "privacy/policy.h"
#include "space/draft.h"
#include "support/home.h"

#define SECRET                                                                                     \
    "AKIA"                                                                                         \
    "IOSFODNN7EXAMPLE"

static struct home home;
static struct wf_drafts *all;
static struct wf_detector *detector;
static struct wf_policy *policy;
static struct wf_op_context ctx;
static struct wf_draft *d;
static struct wf_reader *r;

static int set_up(void **state)
{
    const struct wf_detect_options detect = {.plain_only = false};
    struct wf_drafts_options o = {.is_stepped = true};

    (void)state;
    home.options = (struct wf_store_options){.clock = NULL};
    home_make(&home);
    o.store = home.store;
    assert_int_equal(wf_drafts_new(&o, &all, NULL), 0);
    assert_int_equal(wf_detector_open(&detect, &detector, NULL), 0);
    assert_int_equal(wf_policy_built_in(&policy, NULL), 0);
    ctx = (struct wf_op_context){
        .store = home.store, .drafts = all, .detector = detector, .policy = policy};
    assert_int_equal(wf_draft_open_named(all, WF_STR("me"), WF_STR("notes"), true, &d, NULL), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wf_draft_close(d);
    wf_drafts_free(all);
    wf_policy_free(policy);
    wf_detector_free(detector);
    home_remove(&home);
    return 0;
}

static enum wf_label label_at(uint64_t upto)
{
    const struct wf_draft_moment at = {.r = r, .draft = wf_draft_id(d), .upto = upto};
    enum wf_label label = WF_LABEL_SECRET;

    assert_int_equal(wf_op_draft_label(&ctx, &at, &label, NULL), 0);
    return label;
}

static void test_draft_label__is_of_the_moment_that_is_asked_for(void **state)
{
    (void)state;
    assert_int_equal(wf_draft_set_text(d, WF_STR("the key is " SECRET), NULL, NULL), 0);
    assert_int_equal(wf_draft_set_text(d, WF_STR("the key is gone"), NULL, NULL), 0);
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(label_at(2), WF_LABEL_PRIVATE);
    assert_int_equal(label_at(0), WF_LABEL_PRIVATE);
    assert_int_equal(label_at(1), WF_LABEL_SECRET);
    assert_int_equal(label_at(2), WF_LABEL_SECRET); /* the row is that now */
    wf_store_reader_put(home.store, r);
}

static void keep_update(void *ud, struct wf_str update, bool remote)
{
    (void)remote;
    assert_int_equal(wf_buf_append_str(ud, update), 0);
}

/* An update that builds on another which has not come. */
static void make_waiting(struct wf_buf *out)
{
    const struct wf_crdt_options o = {.client = 5, .on_update = keep_update, .ud = out};
    struct wf_crdt *doc = NULL;
    uint64_t root = 0;

    assert_int_equal(wf_crdt_new(&o, &doc), 0);
    assert_int_equal(wf_crdt_root(doc, WF_DRAFT_ROOT, WF_CRDT_TEXT, &root), 0);
    assert_int_equal(wf_crdt_text_insert(doc, root, 0, WF_STR("the key "), NULL), 0);
    wf_buf_reset(out);
    assert_int_equal(wf_crdt_text_insert(doc, root, 8, WF_STR("is " SECRET ", \xc3\xa4"), NULL), 0);
    wf_crdt_free(doc);
}

static void test_draft_label__sees_what_waits(void **state)
{
    struct wf_buf update;

    (void)state;
    wf_buf_init(&update, 1000);
    make_waiting(&update);
    assert_int_equal(wf_draft_set_text(d, WF_STR("plain"), NULL, NULL), 0);
    assert_int_equal(wf_draft_apply(d, wf_buf_str(&update), NULL, NULL), 0);
    wf_drafts_commit(all);
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(label_at(1), WF_LABEL_PRIVATE);
    assert_int_equal(label_at(2), WF_LABEL_SECRET);
    wf_store_reader_put(home.store, r);
    wf_buf_deinit(&update);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_draft_label__is_of_the_moment_that_is_asked_for,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_draft_label__sees_what_waits, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
