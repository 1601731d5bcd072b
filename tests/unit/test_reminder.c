/* SPDX-License-Identifier: Apache-2.0 */
/* Reminders: kept, listed, removed, told once and late where nobody was there; the thread that
 * tells them; the operations. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/reminding.h"
#include "op/json.h"
#include "op/op.h"
#include "store/reminder.h"
#include "support/home.h"

static struct home home;
static struct wf_arena arena;
static struct wf_op_context ctx;
static int64_t clock_ms;
static json_t *told; /* what listeners heard: [event, data] */
static pthread_mutex_t told_lock = PTHREAD_MUTEX_INITIALIZER;

static int64_t wall_ms(void *ud)
{
    (void)ud;
    return clock_ms;
}

static int64_t mono_ns(void *ud)
{
    (void)ud;
    return clock_ms * 1000000;
}

static const struct wf_clock test_clock = {.wall_ms = wall_ms, .mono_ns = mono_ns};

static void hear(void *ud, const char *event, const char *json)
{
    json_t *data = json_loads(json, 0, NULL);

    (void)ud;
    pthread_mutex_lock(&told_lock);
    json_array_append_new(told, json_pack("[s, o]", event, data));
    pthread_mutex_unlock(&told_lock);
}

static int set_up(void **state)
{
    (void)state;
    clock_ms = 1000000;
    home_make(&home);
    wf_arena_init(&arena, 0, 1u << 20);
    told = json_array();
    ctx = (struct wf_op_context){.store = home.store, .clock = &test_clock, .hub = wf_hub_new()};
    assert_true(wf_hub_subscribe(ctx.hub, hear, NULL));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wf_hub_unsubscribe(ctx.hub, hear, NULL);
    wf_hub_free(ctx.hub);
    json_decref(told);
    wf_arena_deinit(&arena);
    home_remove(&home);
    return 0;
}

static size_t list(struct wf_reminder **out)
{
    struct wf_reader *r = NULL;
    size_t n = 0;

    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(wf_reminder_list(r, &arena, out, &n, NULL), 0);
    wf_store_reader_put(home.store, r);
    return n;
}

static int64_t next_due(void)
{
    struct wf_reader *r = NULL;
    int64_t due = 0;

    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(wf_reminder_next(r, &due, NULL), 0);
    wf_store_reader_put(home.store, r);
    return due;
}

static void test_reminder__is_kept_and_removed(void **state)
{
    (void)state;
    char first[WF_REMINDER_ID_BYTES + 1], second[WF_REMINDER_ID_BYTES + 1];
    struct wf_reminder *items = NULL;
    struct wf_err err = WF_ERR_INIT;

    assert_int_equal(next_due(), INT64_MAX);
    assert_int_equal(wf_reminder_add(home.store, WF_STR("later"), 9000, first, NULL), 0);
    assert_int_equal(wf_reminder_add(home.store, WF_STR("call Ana"), 5000, second, NULL), 0);
    assert_int_equal(next_due(), 5000);
    home_close(&home);
    home_open(&home);
    assert_int_equal(list(&items), 2);
    assert_true(wf_str_eq(items[0].text, WF_STR("call Ana")));
    assert_true(wf_str_eq(items[1].id, wf_str_from(first)));
    assert_int_equal(items[1].fired_ms, 0);
    assert_int_equal(wf_reminder_remove(home.store, wf_str_from(second), NULL), 0);
    assert_int_equal(wf_reminder_remove(home.store, wf_str_from(second), &err), WF_E_NOENT);
    assert_int_equal(list(&items), 1);
    assert_int_equal(next_due(), 9000);
}

static void test_reminder__is_told_once(void **state)
{
    (void)state;
    char id[WF_REMINDER_ID_BYTES + 1];
    struct wf_reminder *items = NULL;
    size_t n = 7;

    assert_int_equal(wf_reminder_add(home.store, WF_STR("a"), 5000, id, NULL), 0);
    assert_int_equal(wf_reminder_add(home.store, WF_STR("b"), 5001, id, NULL), 0);
    assert_int_equal(wf_reminder_fire(home.store, 4999, &arena, &items, &n, NULL), 0);
    assert_int_equal(n, 0);
    assert_int_equal(wf_reminder_fire(home.store, 5000, &arena, &items, &n, NULL), 0);
    assert_int_equal(n, 1);
    assert_true(wf_str_eq(items[0].text, WF_STR("a")));
    home_close(&home);
    home_open(&home);
    assert_int_equal(wf_reminder_fire(home.store, 9000, &arena, &items, &n, NULL), 0);
    assert_int_equal(n, 1);
    assert_true(wf_str_eq(items[0].text, WF_STR("b")));
    assert_int_equal(wf_reminder_fire(home.store, 9000, &arena, &items, &n, NULL), 0);
    assert_int_equal(n, 0);
    assert_int_equal(list(&items), 2); /* told ones stay until they are removed */
    assert_int_equal(items[0].fired_ms, 5000);
}

static void test_reminder__has_limits(void **state)
{
    (void)state;
    static char text[WF_REMINDER_BYTES_MAX + 1];
    char id[WF_REMINDER_ID_BYTES + 1];
    struct wf_err err = WF_ERR_INIT;

    memset(text, 'a', sizeof(text));
    assert_int_equal(
        wf_reminder_add(home.store, wf_str_n(text, WF_REMINDER_BYTES_MAX), 1, id, NULL), 0);
    assert_int_equal(wf_reminder_add(home.store, wf_str_n(text, sizeof(text)), 1, id, &err),
                     WF_E_LIMIT);
    for (int i = 1; i < WF_REMINDERS_MAX; i++)
        assert_int_equal(wf_reminder_add(home.store, WF_STR("x"), i, id, NULL), 0);
    assert_int_equal(wf_reminder_add(home.store, WF_STR("x"), 1, id, &err), WF_E_LIMIT);
}

/* ---- operations, and telling ---- */

static int run(const char *op, json_t *params, json_t **out)
{
    const struct wf_op_sink sink = {.event = NULL};
    const struct wf_op_call call = {.params = params, .sink = &sink, .fd = -1};
    struct wf_err err = WF_ERR_INIT;
    json_t *result = NULL;
    int rc = wf_op_run(&ctx, op, &call, &result, &err);

    json_decref(params);
    if (out != NULL)
        *out = result;
    else
        json_decref(result);
    return rc;
}

static void test_reminder__has_operations(void **state)
{
    (void)state;
    json_t *v = NULL, *m;
    char id[32];

    assert_int_equal(run("reminders.add", json_pack("{s:s}", "text", "x"), NULL), WF_E_INVAL);
    assert_int_equal(run("reminders.add", json_pack("{s:I}", "at", (json_int_t)2000000), NULL),
                     WF_E_INVAL);
    assert_int_equal(run("reminders.add",
                         json_pack("{s:s, s:I}", "text", "x", "at", (json_int_t)clock_ms), NULL),
                     WF_E_RANGE);
    assert_int_equal(run("reminders.add",
                         json_pack("{s:s, s:I}", "text", "call Ana", "at", (json_int_t)2000000),
                         &v),
                     0);
    assert_false(json_is_true(json_object_get(v, "is_told"))); /* no daemon is here */
    (void)snprintf(id, sizeof(id), "%s", wf_json_text(v, "id"));
    json_decref(v);
    assert_int_equal(run("reminders.list", json_object(), &v), 0);
    m = json_array_get(json_object_get(v, "reminders"), 0);
    assert_string_equal(wf_json_text(m, "text"), "call Ana");
    assert_true(json_is_null(json_object_get(m, "told")));
    json_decref(v);
    assert_int_equal(run("reminders.remove", json_pack("{s:s}", "id", id), NULL), 0);
    assert_int_equal(run("reminders.remove", json_pack("{s:s}", "id", id), NULL), WF_E_NOENT);
    assert_int_equal(json_array_size(told), 2); /* "reminders", twice */
}

static void test_reminder__tells_also_what_was_missed(void **state)
{
    (void)state;
    char id[WF_REMINDER_ID_BYTES + 1];
    const json_t *data;
    int64_t wait_ms = 0;

    assert_int_equal(wf_reminder_add(home.store, WF_STR("a"), clock_ms + 5000, id, NULL), 0);
    assert_int_equal(wf_op_remind(&ctx, &wait_ms, NULL), 0);
    assert_int_equal(wait_ms, 5000);
    assert_int_equal(json_array_size(told), 0);
    clock_ms += 5000;
    assert_int_equal(wf_op_remind(&ctx, &wait_ms, NULL), 0);
    assert_int_equal(wait_ms, 0);
    assert_int_equal(json_array_size(told), 1);
    data = json_array_get(json_array_get(told, 0), 1);
    assert_string_equal(wf_json_text(data, "text"), "a");
    assert_false(json_is_true(json_object_get(data, "late")));
    assert_int_equal(wf_op_remind(&ctx, &wait_ms, NULL), 0);
    assert_int_equal(json_array_size(told), 1);
    assert_in_range(wait_ms, 1000, 60000);

    assert_int_equal(wf_reminder_add(home.store, WF_STR("b"), clock_ms + 1, id, NULL), 0);
    clock_ms += 3600000; /* weft did not run meanwhile */
    assert_int_equal(wf_op_remind(&ctx, &wait_ms, NULL), 0);
    assert_int_equal(json_array_size(told), 2);
    assert_true(json_is_true(json_object_get(json_array_get(json_array_get(told, 1), 1), "late")));
}

static size_t n_told(void)
{
    size_t n = 0, i;
    json_t *v;

    pthread_mutex_lock(&told_lock);
    json_array_foreach(told, i, v) n +=
        strcmp(json_string_value(json_array_get(v, 0)), "reminder") == 0;
    pthread_mutex_unlock(&told_lock);
    return n;
}

/* By the system's clock: one that was missed, then one that is added while the thread sleeps. */
static void test_reminder__is_told_by_a_thread(void **state)
{
    (void)state;
    char id[WF_REMINDER_ID_BYTES + 1];
    struct wf_reminding *r = NULL;

    ctx.clock = NULL;
    assert_int_equal(wf_reminder_add(home.store, WF_STR("missed"), 1, id, NULL), 0);
    assert_int_equal(wf_reminding_start(&ctx, &r, NULL), 0);
    while (n_told() < 1)
        usleep(1000);
    assert_int_equal(
        run("reminders.add",
            json_pack("{s:s, s:I}", "text", "soon", "at", (json_int_t)wf_clock_wall_ms(NULL) + 50),
            NULL),
        0);
    while (n_told() < 2)
        usleep(1000);
    wf_reminding_stop(r);
    wf_reminding_stop(NULL);
    assert_null(ctx.reminders_changed);
    assert_int_equal(n_told(), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reminder__is_kept_and_removed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reminder__is_told_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reminder__has_limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reminder__has_operations, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reminder__tells_also_what_was_missed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_reminder__is_told_by_a_thread, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
