/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger as JSON: pages from the newest back, and the week's sums by engine and label. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "op/json.h"
#include "op/ledger.h"
#include "op/op.h"
#include "op/why.h"
#include "support/ledgered.h"

#define DAY_MS INT64_C(86400000)
#define NOW (100 * DAY_MS)

static struct ledgered at;
static struct wf_ledger *ledger;
static _Atomic int64_t now_ms; /* the ledger has a thread */

static int64_t wall(void *ud)
{
    (void)ud;
    return now_ms;
}

static const struct wf_clock wall_clock = {.wall_ms = wall};

static int set_up(void **state)
{
    (void)state;
    now_ms = NOW;
    return ledgered_make(&at);
}

static int tear_down(void **state)
{
    (void)state;
    wf_ledger_close(ledger);
    ledger = NULL;
    ledgered_remove(&at);
    return 0;
}

static void open_ledger(void)
{
    const struct wf_ledger_options o = {
        .dir = at.ledger, .key_path = at.key, .clock = &wall_clock, .sign_ms = 1};
    assert_int_equal(wf_ledger_open(&o, &ledger, NULL), 0);
}

static void append(struct wf_ledger_entry e, int64_t days_ago)
{
    now_ms = NOW - days_ago * DAY_MS;
    assert_int_equal(wf_ledger_append(ledger, &e, NULL, NULL), 0);
    now_ms = NOW;
}

static json_t *page(size_t limit, uint64_t before)
{
    const struct wf_op_ledger_page o = {.limit = limit, .before = before, .now_ms = NOW};
    struct wf_err err = WF_ERR_INIT;
    json_t *v = NULL;

    if (wf_op_ledger_json(at.ledger, &o, &v, &err) != 0)
        fail_msg("%s", err.msg);
    return v;
}

static json_int_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void test_op_ledger__is_empty_before_anything_left(void **state)
{
    (void)state;
    json_t *v = page(10, 0);
    assert_int_equal(json_array_size(json_object_get(v, "entries")), 0);
    assert_int_equal(json_array_size(json_object_get(v, "week")), 0);
    assert_true(json_is_null(json_object_get(v, "next")));
    assert_true(json_is_null(json_object_get(v, "signed")));
    json_decref(v);
}

static void test_op_ledger__sums_the_week_by_engine_and_label(void **state)
{
    (void)state;
    const struct wf_ledger_count counts[] = {{WF_STR("PERSON"), 2}, {WF_STR("JWT"), 1}};
    struct wf_ledger_entry sent = {.kind = WF_LEDGER_REQUEST,
                                   .engine = WF_STR("a"),
                                   .label = WF_LABEL_INTERNAL,
                                   .counts = counts,
                                   .n_counts = 2,
                                   .bytes = 100};
    struct wf_ledger_entry back = {.kind = WF_LEDGER_COMPLETION,
                                   .engine = WF_STR("a"),
                                   .label = WF_LABEL_INTERNAL,
                                   .request_seq = 2,
                                   .bytes = 7,
                                   .tokens_in = 5,
                                   .tokens_out = 3,
                                   .cost_micro = 11};
    struct wf_ledger_entry kept = {
        .kind = WF_LEDGER_REFUSAL, .engine = WF_STR("a"), .label = WF_LABEL_SECRET, .bytes = 1000};

    open_ledger();
    append(sent, 8); /* before the week */
    append(sent, 6);
    append(back, 6);
    append(kept, 1);
    append((struct wf_ledger_entry){.kind = WF_LEDGER_GIVEN, /* no engine's */
                                    .engine = WF_STR("plans"),
                                    .to = WF_STR("Ben / phone"),
                                    .bytes = 5},
           1);
    append(sent, 0);
    json_t *v = page(10, 0);
    const json_t *week = json_object_get(v, "week"), *row = json_array_get(week, 0);
    assert_int_equal(json_array_size(week), 2);
    assert_string_equal(wf_json_text(row, "label"), "internal");
    assert_int_equal(number(row, "requests"), 2);
    assert_int_equal(number(row, "bytes_sent"), 200);
    assert_int_equal(number(row, "bytes_received"), 7);
    assert_int_equal(number(row, "tokens_in"), 5);
    assert_int_equal(number(row, "cost_micro"), 11);
    assert_int_equal(number(json_object_get(row, "redactions"), "PERSON"), 4);
    row = json_array_get(week, 1);
    assert_string_equal(wf_json_text(row, "label"), "secret");
    assert_int_equal(number(row, "refusals"), 1);
    assert_int_equal(number(row, "bytes_sent"), 0);
    assert_true(json_is_true(json_object_get(v, "complete")));
    assert_int_equal(json_array_size(json_object_get(v, "entries")), 6);
    json_decref(v);
}

static void test_op_ledger__tells_why_of_one_request(void **state)
{
    struct wf_ledger_entry e = {.kind = WF_LEDGER_REQUEST,
                                .request_id = WF_STR("r-1"),
                                .engine = WF_STR("a"),
                                .reason = WF_STR("asked for by name")};
    struct wf_err err = WF_ERR_INIT;
    char routes[4200];
    json_t *v = NULL;
    (void)state;

    snprintf(routes, sizeof(routes), "%s/routes", at.ledger);
    assert_int_equal(wf_op_why_json(at.ledger, routes, WF_STR("r-1"), &v, &err), WF_E_NOENT);
    open_ledger();
    append(e, 0);
    e.kind = WF_LEDGER_COMPLETION;
    e.request_seq = 1;
    e.tokens_out = 7;
    append(e, 0);
    e.request_id = WF_STR("r-12");
    append(e, 0);
    assert_int_equal(wf_op_why_json(at.ledger, routes, WF_STR("r-1"), &v, &err), 0);
    const json_t *entries = json_object_get(v, "entries");
    assert_int_equal(json_array_size(entries), 2);
    assert_string_equal(wf_json_text(json_array_get(entries, 0), "kind"), "request");
    assert_int_equal(number(json_array_get(entries, 1), "tokens_out"), 7);
    assert_true(json_is_null(json_object_get(v, "decision")));
    json_decref(v);
    assert_int_equal(wf_op_why_json(at.ledger, routes, WF_STR("r-2"), &v, &err), WF_E_NOENT);
    assert_int_equal(wf_op_why_json(at.ledger, routes, WF_STR("r 1"), &v, &err), WF_E_INVAL);
}

static void test_op_ledger__pages_from_the_newest_back(void **state)
{
    (void)state;
    uint64_t before = 0, want = 25;

    open_ledger();
    for (unsigned i = 0; i < 25; i++)
        append((struct wf_ledger_entry){.kind = WF_LEDGER_REQUEST, .engine = WF_STR("a")}, 0);
    do {
        json_t *v = page(10, before);
        const json_t *entries = json_object_get(v, "entries");
        for (size_t i = 0; i < json_array_size(entries); i++)
            assert_int_equal(number(json_array_get(entries, i), "seq"), want--);
        assert_int_equal(number(json_array_get(json_object_get(v, "week"), 0), "requests"), 25);
        before = (uint64_t)number(v, "next");
        json_decref(v);
    } while (before != 0);
    assert_int_equal(want, 0);
}

static void test_op_ledger__checks_its_parameters(void **state)
{
    (void)state;
    struct wf_op_context ctx = {.ledger = at.ledger};
    const struct wf_op_sink sink = {.ud = NULL};
    struct wf_op_call call = {.sink = &sink, .fd = -1};
    json_t *params = json_pack("{s:i}", "limit", 1001), *v = NULL;

    call.params = params;
    assert_int_equal(wf_op_run(&ctx, "ledger", &call, &v, NULL), WF_E_INVAL);
    json_object_set_new(params, "limit", json_integer(1000));
    assert_int_equal(wf_op_run(&ctx, "ledger", &call, &v, NULL), 0);
    json_decref(v);
    json_decref(params);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_op_ledger__is_empty_before_anything_left),
        TEST(test_op_ledger__sums_the_week_by_engine_and_label),
        TEST(test_op_ledger__tells_why_of_one_request),
        TEST(test_op_ledger__pages_from_the_newest_back),
        TEST(test_op_ledger__checks_its_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
