/* SPDX-License-Identifier: Apache-2.0 */
/* chat: what becomes of its parameters, what is told while the answer is written, and the whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "op/json.h"
#include "op/op.h"
#include "support/scripted.h"

#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define TOOL                                                                                       \
    "{\"type\":\"function\",\"function\":{\"name\":\"clock\",\"parameters\":{\"type\":\"object\"}" \
    "}}"

static struct scripted engine;
static struct wf_op_context ctx;
static json_t *events, *result;
static size_t n_until_canceled;
static struct wf_err err;

static int begin(void **state)
{
    (void)state;
    scripted_init(&engine);
    ctx = (struct wf_op_context){.engine = &engine.base};
    n_until_canceled = SIZE_MAX;
    return 0;
}

static int end(void **state)
{
    (void)state;
    json_decref(events);
    json_decref(result);
    events = result = NULL;
    scripted_deinit(&engine);
    return 0;
}

static void hear(void *ud, const char *name, json_t *data)
{
    (void)ud;
    json_array_append_new(events, json_pack("[s, O]", name, data));
}

static bool is_enough(void *ud)
{
    (void)ud;
    return json_array_size(events) >= n_until_canceled;
}

static int run(const char *params_text)
{
    const struct wf_op_sink sink = {.event = hear, .canceled = is_enough};
    json_t *params = json_loads(params_text, 0, NULL);
    int rc;
    assert_non_null(params);
    json_decref(events);
    json_decref(result);
    events = json_array();
    result = NULL;
    err = (struct wf_err)WF_ERR_INIT;
    rc = wf_op_run(&ctx, "chat", &(struct wf_op_call){.params = params, .sink = &sink, .fd = -1},
                   &result, &err);
    json_decref(params);
    assert_true((rc == 0) == (result != NULL));
    return rc;
}

static void assert_json(const json_t *v, const char *want_text)
{
    json_t *want = json_loads(want_text, JSON_DECODE_ANY, NULL);
    assert_non_null(want);
    if (!v || !json_equal(v, want)) {
        char *have = v ? json_dumps(v, JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL;
        fail_msg("%s is not %s", have ? have : "nothing", want_text);
    }
    json_decref(want);
}

static void assert_refused(const char *params, const char *word)
{
    size_t n_made = engine.n_made;
    assert_int_equal(run(params), WF_E_INVAL);
    if (!strstr(err.msg, word))
        fail_msg("%s: %s", params, err.msg);
    assert_int_equal(engine.n_made, n_made);
}

static void test_op_chat__answer_comes_in_pieces_and_whole(void **state)
{
    (void)state;
    assert_int_equal(run("{" HI "}"), 0);
    assert_json(events, "[[\"reasoning\",{\"text\":\"hm\"}],[\"text\",{\"text\":\"Hi\"}],"
                        "[\"text\",{\"text\":\" there\"}]]");
    assert_json(json_object_get(result, "message"),
                "{\"role\":\"assistant\",\"content\":\"Hi there\",\"reasoning_content\":\"hm\"}");
    assert_string_equal(wf_json_text(result, "finish"), "stop");
    assert_string_equal(wf_json_text(result, "model"), "tiny:latest");
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(result, "usage"), "prompt")), 7);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(result, "usage"), "cached")), 4);
    assert_string_equal(wf_json_text(json_object_get(result, "route"), "place"), "this device");
}

static void test_op_chat__tool_calls_are_part_of_the_message(void **state)
{
    (void)state;
    assert_int_equal(run("{" HI ",\"tools\":[" TOOL "],\"tool_choice\":\"clock\"}"), 0);
    assert_json(json_array_get(events, 3),
                "[\"call\",{\"index\":0,\"id\":\"call_1\",\"name\":\"clock\"}]");
    assert_json(json_array_get(events, 4),
                "[\"arguments\",{\"index\":0,\"text\":\"{\\\"a\\\":1}\"}]");
    assert_json(json_object_get(json_object_get(result, "message"), "tool_calls"),
                "[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"clock\","
                "\"arguments\":\"{\\\"a\\\":1}\"}}]");
    assert_string_equal(wf_json_text(result, "finish"), "tool_calls");
    assert_string_equal(wf_json_text(engine.asked, "tool_choice"), "named");
    assert_string_equal(wf_json_text(engine.asked, "tool_name"), "clock");
}

static void test_op_chat__options_reach_the_engine(void **state)
{
    (void)state;
    assert_int_equal(
        run("{" HI ",\"model\":\"tiny\",\"schema\":{\"type\":\"string\"},\"options\":{"
            "\"temperature\":0.5,\"top_k\":4,\"top_p\":0.25,\"min_p\":0.125,\"typical_p\":0.75,"
            "\"repeat_penalty\":1.5,\"frequency_penalty\":-0.5,\"presence_penalty\":1,"
            "\"repeat_last_n\":-1,\"mirostat\":2,\"mirostat_tau\":3,\"mirostat_eta\":0.5,"
            "\"dry_multiplier\":0.75,\"dry_base\":2,\"dry_allowed_length\":3,\"dry_last_n\":8,"
            "\"xtc_probability\":0.5,\"xtc_threshold\":0.25,\"seed\":11,\"max_tokens\":9,"
            "\"context\":512,\"keep_alive\":0,\"stop\":[\"a\",\"b\"],\"overflow\":\"truncate\","
            "\"think\":false}}"),
        0);
    assert_true(json_integer_value(json_object_get(engine.asked, "keep_alive_s")) ==
                WF_KEEP_ALIVE_NONE);
    json_object_del(engine.asked, "keep_alive_s");
    assert_json(
        engine.asked,
        "{\"model\":\"tiny\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
        "\"schema\":{\"type\":\"string\"},\"temperature\":0.5,\"top_k\":4.0,\"top_p\":0.25,"
        "\"min_p\":0.125,\"typical_p\":0.75,\"repeat_penalty\":1.5,\"frequency_penalty\":-0.5,"
        "\"presence_penalty\":1.0,\"repeat_last_n\":-1.0,\"mirostat\":2.0,\"mirostat_tau\":3.0,"
        "\"mirostat_eta\":0.5,\"dry_multiplier\":0.75,\"dry_base\":2.0,\"dry_allowed_length\":3.0,"
        "\"dry_last_n\":8.0,\"xtc_probability\":0.5,\"xtc_threshold\":0.25,\"seed\":11,"
        "\"n_max\":9.0,\"n_choices\":0.0,\"n_context\":512.0,\"stops\":[\"a\",\"b\"],"
        "\"overflow\":\"truncate\",\"tool_choice\":\"auto\",\"parallel\":true,"
        "\"template_vars\":{\"enable_thinking\":false,\"thinking\":false}}");
    assert_int_equal(json_integer_value(json_object_get(result, "seed")), 11);
}

static void test_op_chat__what_is_wrong_is_named(void **state)
{
    (void)state;
    assert_refused("{}", "messages");
    assert_refused("{\"messages\":[]}", "messages");
    assert_refused("{\"messages\":[3]}", "Message 1 must be an object");
    assert_refused("{\"messages\":[{\"role\":\"user\"}]}", "no content");
    assert_refused("{\"messages\":[{\"role\":\"king\",\"content\":\"\"}]}", "no role");
    assert_refused("{\"messages\":[{\"role\":\"user\",\"content\":\"\",\"mood\":1}]}", "mood");
    assert_refused("{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{}]}]}", "tool calls");
    assert_refused("{" HI ",\"colour\":1}", "colour");
    assert_refused("{" HI ",\"tools\":{}}", "tools");
    assert_refused("{" HI ",\"tool_choice\":\"auto\"}", "tool_choice");
    assert_refused("{" HI ",\"schema\":3}", "schema");
    assert_refused("{" HI ",\"options\":3}", "options");
    assert_refused("{" HI ",\"options\":{\"temprature\":1}}", "temprature");
    assert_refused("{" HI ",\"options\":{\"temperature\":2.5}}", "temperature");
    assert_refused("{" HI ",\"options\":{\"top_k\":1.5}}", "top_k");
    assert_refused("{" HI ",\"options\":{\"seed\":-1}}", "seed");
    assert_refused("{" HI ",\"options\":{\"keep_alive\":-2}}", "keep_alive");
    assert_refused("{" HI ",\"options\":{\"stop\":[\"\"]}}", "stop");
    assert_refused("{" HI ",\"options\":{\"overflow\":\"no\"}}", "overflow");
    assert_refused("{" HI ",\"options\":{\"think\":1}}", "think");
}

static void test_op_chat__stops_are_limited(void **state)
{
    char params[512] = "{" HI ",\"options\":{\"stop\":[";
    (void)state;
    for (int i = 0; i < WF_LIMIT_STOPS; i++)
        strcat(params, i > 0 ? ",\"x\"" : "\"x\"");
    strcat(params, "]}}");
    assert_int_equal(run(params), 0);
    params[strlen(params) - 3] = 0;
    strcat(params, ",\"x\"]}}");
    assert_refused(params, "stop");
}

static void test_op_chat__given_up_it_gives_what_there_is(void **state)
{
    (void)state;
    n_until_canceled = 2;
    assert_int_equal(run("{" HI "}"), 0);
    assert_string_equal(wf_json_text(result, "finish"), "canceled");
    assert_string_equal(wf_json_text(json_object_get(result, "message"), "content"), "Hi");
}

static void test_op_chat__a_call_that_was_given_up_is_none(void **state)
{
    (void)state;
    n_until_canceled = 4;
    assert_int_equal(run("{" HI ",\"tools\":[" TOOL "],\"tool_choice\":\"required\"}"), 0);
    assert_string_equal(wf_json_text(result, "finish"), "canceled");
    assert_null(json_object_get(json_object_get(result, "message"), "tool_calls"));
}

static void test_op_chat__errors_of_the_engine_are_its_own(void **state)
{
    (void)state;
    engine.fail = WF_E_NOENT;
    assert_int_equal(run("{" HI "}"), WF_E_NOENT);
    engine.fail = 0;
    engine.fail_next = WF_E_LIMIT;
    assert_int_equal(run("{" HI "}"), WF_E_LIMIT);
    ctx.engine = NULL;
    assert_int_equal(run("{" HI "}"), WF_E_UNSUPPORTED);
}

static void test_op_chat__bytes_that_are_no_text_are_replaced(void **state)
{
    static const struct wf_gen_event broken[] = {
        {.kind = WF_GEN_TEXT, .text = {"a\xff", 2}},
        {.kind = WF_GEN_END, .finish = WF_FINISH_LENGTH},
    };
    (void)state;
    engine.events = broken;
    engine.n_events = 2;
    assert_int_equal(run("{" HI "}"), 0);
    assert_string_equal(wf_json_text(json_object_get(result, "message"), "content"),
                        "a\xef\xbf\xbd");
    assert_string_equal(wf_json_text(result, "finish"), "length");
}

static void test_op_chat__memory_may_run_out_anywhere(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        int rc;
        wf_alloc_fail_at(n);
        rc = run("{" HI ",\"tools\":[" TOOL "],\"tool_choice\":\"required\"}");
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_int_equal(engine.n_live, 0);
        assert_int_equal(rc, failed ? WF_E_NOMEM : 0);
        if (!failed)
            break;
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(test_op_chat__answer_comes_in_pieces_and_whole),
        T(test_op_chat__tool_calls_are_part_of_the_message),
        T(test_op_chat__options_reach_the_engine),
        T(test_op_chat__what_is_wrong_is_named),
        T(test_op_chat__stops_are_limited),
        T(test_op_chat__given_up_it_gives_what_there_is),
        T(test_op_chat__a_call_that_was_given_up_is_none),
        T(test_op_chat__errors_of_the_engine_are_its_own),
        T(test_op_chat__bytes_that_are_no_text_are_replaced),
        T(test_op_chat__memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
