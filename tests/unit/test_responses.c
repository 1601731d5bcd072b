/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI's responses on a scripted engine: items, events, and conversations that go on by id. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "http/response_store.h"
#include "support/faced.h"
#include "support/scripted.h"

#define TOOL                                                                                       \
    "{\"type\":\"function\",\"name\":\"weather\",\"strict\":true,\"parameters\":{\"type\":"        \
    "\"object\"}}"

static struct scripted engine;
static struct wf_op_context ctx;
static struct faced f;
static json_t *v;

static int begin(void **state)
{
    (void)state;
    scripted_init(&engine);
    ctx = (struct wf_op_context){.engine = &engine.base};
    f = (struct faced){.status = 0};
    v = NULL;
    return 0;
}

static int end(void **state)
{
    (void)state;
    faced_free(&f);
    faced_forget();
    json_decref(v);
    scripted_deinit(&engine);
    return 0;
}

static void call(enum wf_http_method method, const char *path, const char *body)
{
    faced_free(&f);
    json_decref(v);
    faced_run(&ctx, method, path, wf_str_from(body), &f);
    v = faced_json(&f);
}

static void post(const char *body)
{
    call(WF_HTTP_POST, "/v1/responses", body);
}

#define ASSERT_IS(path, want) assert_true(faced_is(v, path, want))
#define ASSERT_ASKED(path, want) assert_true(faced_is(engine.asked, path, want))

static void assert_event(size_t n, const char *path, const char *want)
{
    json_t *e = faced_event(&f, n);
    assert_non_null(e);
    assert_true(faced_is(e, path, want));
    assert_int_equal(json_integer_value(json_object_get(e, "sequence_number")), n);
    json_decref(e);
}

static void assert_refused(const char *body, const char *param, const char *word)
{
    const char *message, *p;
    post(body);
    message = json_string_value(faced_at(v, "error.message"));
    p = json_string_value(faced_at(v, "error.param"));
    if (f.status != 400 || !message || !strstr(message, word) || !p || strcmp(p, param) != 0)
        fail_msg("%s: %d %s", body, f.status, f.body.ptr);
}

static void test_responses__a_text_is_answered(void **state)
{
    (void)state;
    post("{\"input\":\"hi\",\"instructions\":\"be kind\",\"temperature\":0.8,\"top_p\":0.5,"
         "\"max_output_tokens\":5,\"metadata\":{\"a\":\"b\"},\"seed\":1,\"store\":false,"
         "\"truncation\":\"auto\",\"reasoning\":{\"effort\":\"low\",\"summary\":\"auto\"},"
         "\"include\":[\"message.output_text.logprobs\",\"reasoning.encrypted_content\"]}");
    assert_int_equal(f.status, 200);
    ASSERT_ASKED("messages", "[{\"role\":\"system\",\"content\":\"be kind\"},{\"role\":\"user\","
                             "\"content\":\"hi\"}]");
    ASSERT_ASKED("n_max", "5.0");
    ASSERT_ASKED("overflow", "\"truncate\"");
    ASSERT_ASKED("logprobs", "true");
    ASSERT_ASKED("template_vars.reasoning_effort", "\"low\"");
    ASSERT_IS("object", "\"response\"");
    ASSERT_IS("status", "\"completed\"");
    ASSERT_IS("model", "\"tiny:latest\"");
    ASSERT_IS("output.0.type", "\"reasoning\"");
    ASSERT_IS("output.0.content", "[{\"type\":\"reasoning_text\",\"text\":\"hm\"}]");
    ASSERT_IS("output.1.role", "\"assistant\"");
    ASSERT_IS("output.1.status", "\"completed\"");
    ASSERT_IS("output.1.content.0.text", "\"Hi there\"");
    ASSERT_IS("output.1.content.0.annotations", "[]");
    ASSERT_IS("output.1.content.0.logprobs.0.token", "\"Hi\"");
    ASSERT_IS("usage", "{\"input_tokens\":7,\"input_tokens_details\":{\"cached_tokens\":4,"
                       "\"truncated_tokens\":0},\"output_tokens\":5,\"output_tokens_details\":{"
                       "\"reasoning_tokens\":2},\"total_tokens\":12}");
    ASSERT_IS("temperature", "0.8");
    ASSERT_IS("text", "{\"format\":{\"type\":\"text\"}}");
    ASSERT_IS("metadata", "{\"a\":\"b\"}");
    ASSERT_IS("store", "false");
    ASSERT_IS("error", "null");
    ASSERT_IS("incomplete_details", "null");
    assert_string_equal(faced_header(&f, "x-weft-ignored"),
                        "reasoning.summary, include[reasoning.encrypted_content]");
    assert_string_equal(faced_header(&f, "x-weft-route"), "local; tiny:latest");
}

static void test_responses__items_become_turns(void **state)
{
    (void)state;
    post("{\"input\":[{\"role\":\"developer\",\"content\":\"d\"},{\"type\":\"message\",\"role\":"
         "\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"u\"}]},"
         "{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[],\"content\":[{\"type\":"
         "\"reasoning_text\",\"text\":\"r\"}]},"
         "{\"type\":\"message\",\"id\":\"msg_1\",\"role\":\"assistant\",\"status\":\"completed\","
         "\"content\":[{\"type\":\"output_text\",\"text\":\"a\",\"annotations\":[]}]},"
         "{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"f\",\"arguments\":\"{}\"},"
         "{\"type\":\"function_call\",\"call_id\":\"c2\",\"name\":\"g\",\"arguments\":\"{}\"},"
         "{\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":\"1\"},"
         "{\"type\":\"function_call_output\",\"call_id\":\"c2\",\"output\":[{\"type\":"
         "\"input_text\",\"text\":\"2\"}]},{\"role\":\"assistant\",\"content\":\"x\"},"
         "{\"role\":\"assistant\",\"content\":\"y\"}]}");
    assert_int_equal(f.status, 200);
    ASSERT_ASKED("messages",
                 "[{\"role\":\"system\",\"content\":\"d\"},{\"role\":\"user\",\"content\":\"u\"},"
                 "{\"role\":\"assistant\",\"reasoning_content\":\"r\",\"content\":\"a\","
                 "\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":"
                 "\"f\",\"arguments\":\"{}\"}},{\"id\":\"c2\",\"type\":\"function\",\"function\":{"
                 "\"name\":\"g\",\"arguments\":\"{}\"}}]},"
                 "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"1\"},"
                 "{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":\"2\"},"
                 "{\"role\":\"assistant\",\"content\":\"x\"},"
                 "{\"role\":\"assistant\",\"content\":\"y\"}]");
}

static void test_responses__tools_are_flat_here(void **state)
{
    (void)state;
    post("{\"input\":\"hi\",\"tools\":[" TOOL "],\"tool_choice\":{\"type\":\"function\",\"name\":"
         "\"weather\"},\"parallel_tool_calls\":false}");
    assert_int_equal(f.status, 200);
    ASSERT_ASKED("tools", "[{\"type\":\"function\",\"function\":{\"name\":\"weather\","
                          "\"parameters\":{\"type\":\"object\"}}}]");
    ASSERT_ASKED("tool_name", "\"weather\"");
    assert_null(faced_at(engine.asked, "parallel"));
    ASSERT_IS("output.2.type", "\"function_call\"");
    ASSERT_IS("output.2.call_id", "\"call_1\"");
    ASSERT_IS("output.2.name", "\"weather\"");
    ASSERT_IS("output.2.arguments", "\"{\\\"a\\\":1}\"");
    ASSERT_IS("tools", "[" TOOL "]");
    post("{\"input\":\"hi\",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\","
         "\"strict\":true,\"schema\":{\"type\":\"null\"}},\"verbosity\":\"low\"}}");
    ASSERT_ASKED("schema", "{\"type\":\"null\"}");
    ASSERT_IS("text.format.name", "\"n\"");
}

static void test_responses__a_conversation_goes_on_by_id(void **state)
{
    char body[512], id[64], path[128];
    (void)state;
    post("{\"input\":\"one\",\"instructions\":\"first\",\"tools\":[" TOOL
         "],\"tool_choice\":\"required\"}");
    snprintf(id, sizeof(id), "%s", json_string_value(faced_at(v, "id")));
    ASSERT_IS("store", "true");
    snprintf(body, sizeof(body),
             "{\"previous_response_id\":\"%s\",\"input\":[{\"type\":\"function_call_output\","
             "\"call_id\":\"call_1\",\"output\":\"sun\"}],\"instructions\":\"second\"}",
             id);
    post(body);
    assert_int_equal(f.status, 200);
    ASSERT_ASKED("messages",
                 "[{\"role\":\"system\",\"content\":\"second\"},{\"role\":\"user\",\"content\":"
                 "\"one\"},{\"role\":\"assistant\",\"reasoning_content\":\"hm\",\"content\":\"Hi "
                 "there\",\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{"
                 "\"name\":\"weather\",\"arguments\":\"{\\\"a\\\":1}\"}}]},{\"role\":\"tool\","
                 "\"tool_call_id\":\"call_1\",\"content\":\"sun\"}]");
    assert_string_equal(json_string_value(faced_at(v, "previous_response_id")), id);
    snprintf(path, sizeof(path), "/v1/responses/%s", id);
    call(WF_HTTP_GET, path, "");
    assert_int_equal(f.status, 200);
    assert_string_equal(json_string_value(faced_at(v, "id")), id);
    ASSERT_IS("output.1.content.0.text", "\"Hi there\"");
    call(WF_HTTP_DELETE, path, "");
    assert_int_equal(f.status, 200);
    ASSERT_IS("deleted", "true");
    call(WF_HTTP_GET, path, "");
    assert_int_equal(f.status, 404);
    ASSERT_IS("error.param", "\"id\"");
    call(WF_HTTP_DELETE, path, "");
    assert_int_equal(f.status, 404);
    post(body);
    assert_int_equal(f.status, 400);
    ASSERT_IS("error.code", "\"previous_response_not_found\"");
}

static void test_responses__what_is_not_stored_cannot_be_gone_on_with(void **state)
{
    char path[128];
    (void)state;
    post("{\"input\":\"one\",\"store\":false}");
    snprintf(path, sizeof(path), "/v1/responses/%s", json_string_value(faced_at(v, "id")));
    call(WF_HTTP_GET, path, "");
    assert_int_equal(f.status, 404);
}

static void test_responses__events_come_in_their_order(void **state)
{
    (void)state;
    post("{\"input\":\"hi\",\"stream\":true,\"tools\":[" TOOL "],\"tool_choice\":\"required\"}");
    assert_int_equal(f.status, 200);
    assert_string_equal(faced_header(&f, "content-type"), "text/event-stream");
    assert_int_equal(strncmp(f.body.ptr, "event: response.created\ndata: {", 31), 0);
    assert_event(0, "type", "\"response.created\"");
    assert_event(0, "response.status", "\"in_progress\"");
    assert_event(0, "response.output", "[]");
    assert_event(1, "type", "\"response.in_progress\"");
    assert_event(2, "type", "\"response.output_item.added\"");
    assert_event(2, "item.type", "\"reasoning\"");
    assert_event(3, "type", "\"response.content_part.added\"");
    assert_event(3, "part", "{\"type\":\"reasoning_text\",\"text\":\"\"}");
    assert_event(4, "type", "\"response.reasoning_text.delta\"");
    assert_event(4, "delta", "\"hm\"");
    assert_event(5, "type", "\"response.reasoning_text.done\"");
    assert_event(5, "text", "\"hm\"");
    assert_event(6, "type", "\"response.content_part.done\"");
    assert_event(7, "type", "\"response.output_item.done\"");
    assert_event(7, "item.status", "\"completed\"");
    assert_event(8, "type", "\"response.output_item.added\"");
    assert_event(8, "output_index", "1");
    assert_event(8, "item.content", "[]");
    assert_event(9, "part",
                 "{\"type\":\"output_text\",\"text\":\"\",\"annotations\":[],"
                 "\"logprobs\":[]}");
    assert_event(10, "type", "\"response.output_text.delta\"");
    assert_event(10, "delta", "\"Hi\"");
    assert_event(10, "content_index", "0");
    assert_event(11, "delta", "\" there\"");
    assert_event(12, "type", "\"response.output_text.done\"");
    assert_event(12, "text", "\"Hi there\"");
    assert_event(13, "part.text", "\"Hi there\"");
    assert_event(14, "item.content.0.text", "\"Hi there\"");
    assert_event(15, "item.type", "\"function_call\"");
    assert_event(15, "item.arguments", "\"\"");
    assert_event(16, "type", "\"response.function_call_arguments.delta\"");
    assert_event(16, "output_index", "2");
    assert_event(17, "type", "\"response.function_call_arguments.done\"");
    assert_event(17, "arguments", "\"{\\\"a\\\":1}\"");
    assert_event(18, "item.call_id", "\"call_1\"");
    assert_event(19, "type", "\"response.completed\"");
    assert_event(19, "response.status", "\"completed\"");
    assert_event(19, "response.output.1.content.0.text", "\"Hi there\"");
    assert_event(19, "response.usage.total_tokens", "12");
    assert_null(faced_event(&f, 20));
}

static void test_responses__ends_that_are_none_are_told(void **state)
{
    const struct wf_gen_event cut[] = {{.kind = WF_GEN_TEXT, .text = WF_STR("Hi")},
                                       {.kind = WF_GEN_END, .finish = WF_FINISH_LENGTH}};
    (void)state;
    engine.events = cut;
    engine.n_events = 2;
    post("{\"input\":\"hi\"}");
    ASSERT_IS("status", "\"incomplete\"");
    ASSERT_IS("incomplete_details.reason", "\"max_output_tokens\"");
    ASSERT_IS("output.0.status", "\"incomplete\"");
    post("{\"input\":\"hi\",\"stream\":true}");
    assert_event(8, "type", "\"response.incomplete\"");
    engine.fail_next = WF_E_NOMEM;
    post("{\"input\":\"hi\",\"stream\":true}");
    assert_event(8, "type", "\"response.failed\"");
    assert_event(8, "response.error.message", "\"The script says so.\"");
    post("{\"input\":\"hi\"}");
    assert_int_equal(f.status, 500);
    engine.fail = WF_E_NOENT;
    post("{\"input\":\"hi\",\"stream\":true}");
    assert_int_equal(f.status, 404);
    ASSERT_IS("error.code", "\"model_not_found\"");
}

static void test_responses__what_cannot_be_is_refused(void **state)
{
    (void)state;
    assert_refused("{}", "input", "missing");
    assert_refused("{\"input\":[]}", "input", "at least one");
    assert_refused("{\"input\":5}", "input", "text or an array");
    assert_refused("{\"input\":[{\"type\":\"web_search_call\"}]}", "input[0]", "web_search_call");
    assert_refused("{\"input\":[{\"role\":\"user\",\"content\":\"x\"},{\"type\":\"function_call\"}]"
                   "}",
                   "input[1]", "call_id");
    assert_refused("{\"input\":[{\"type\":\"function_call_output\",\"call_id\":\"c\"}]}",
                   "input[0]", "output");
    assert_refused("{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\"}]}]}",
                   "input[0].content[0]", "picture");
    assert_refused("{\"input\":[7]}", "input[0]", "role");
    assert_refused("{\"input\":\"x\",\"background\":true}", "background", "not supported");
    assert_refused("{\"input\":\"x\",\"conversation\":\"c\"}", "conversation", "previous_response");
    assert_refused("{\"input\":\"x\",\"max_tokens\":4}", "max_tokens", "not a known");
    assert_refused("{\"input\":\"x\",\"text\":{\"form\":1}}", "text.form", "not a known");
    assert_refused("{\"input\":\"x\",\"truncation\":\"some\"}", "truncation", "auto");
    assert_refused("{\"input\":\"x\",\"tools\":[{\"type\":\"web_search\"}]}", "tools[0]",
                   "web_search");
    assert_refused("{\"input\":\"x\",\"previous_response_id\":\"resp_x\"}", "previous_response_id",
                   "no response");
    assert_refused("{\"input\":\"x\",\"include\":\"y\"}", "include", "array");
}

/* ---- the store ---- */

static void test_responses__the_oldest_give_way(void **state)
{
    (void)state;
    struct wf_response_store *s = wf_response_store_new(2, 1000);
    struct wf_buf b;
    char big[1001];
    assert_non_null(s);
    wf_buf_init(&b, 5000);
    memset(big, 'x', sizeof(big));
    assert_int_equal(wf_response_store_put(s, "a", WF_STR("1"), WF_STR("m")), 0);
    assert_int_equal(wf_response_store_put(s, "b", WF_STR("2"), WF_STR("n")), 0);
    assert_int_equal(wf_response_store_put(s, "c", WF_STR("3"), WF_STR("o")), 0);
    assert_false(wf_response_store_get(s, WF_STR("a"), &b, &b));
    assert_true(wf_response_store_get(s, WF_STR("b"), &b, &b));
    assert_string_equal(b.ptr, "2n");
    assert_int_equal(wf_response_store_put(s, "d", wf_str_n(big, sizeof(big)), WF_STR("")),
                     WF_E_LIMIT);
    assert_true(wf_response_store_get(s, WF_STR("b"), NULL, NULL));
    assert_int_equal(wf_response_store_put(s, "e", wf_str_n(big, 600), WF_STR("")), 0);
    assert_false(wf_response_store_get(s, WF_STR("b"), NULL, NULL));
    assert_true(wf_response_store_remove(s, WF_STR("e")));
    assert_false(wf_response_store_remove(s, WF_STR("e")));
    wf_buf_deinit(&b);
    wf_response_store_free(s);
}

/* ---- memory ---- */

static const char *const scarce_paths[] = {"/v1/responses",
                                           "/v1/responses",
                                           "/v1/chat/completions",
                                           "/v1/chat/completions",
                                           "/v1/completions",
                                           "/v1/embeddings",
                                           "/v1/rerank"};
static const char *const scarce_bodies[] = {
    "{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"u\"}]}],"
    "\"tools\":[" TOOL "],\"tool_choice\":\"required\",\"stream\":true}",
    "{\"input\":\"hi\",\"instructions\":\"i\",\"reasoning\":{\"effort\":\"low\"}}",
    "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"logprobs\":true,\"n\":2,\"stop\":["
    "\"a\"],\"logit_bias\":{\"1\":2},\"stream\":true,\"stream_options\":{\"include_usage\":true}}",
    "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"logprobs\":true,\"lora\":[{\"name\":"
    "\"x\"}],\"chat_template_kwargs\":{\"a\":1}}",
    "{\"prompt\":[\"a\",\"b\"],\"logprobs\":1}",
    "{\"input\":[[1,2],[3]]}",
    "{\"query\":\"q\",\"documents\":[\"a\",\"b\"],\"return_documents\":true}",
};

/* Whichever of weft's allocations fails: an answer comes, and nothing is lost. (jansson 2.14 does
 * not survive all failures of its own while it parses.) */
static void test_responses__every_lack_of_memory_is_an_answer(void **state)
{
    (void)state;
    size_t n_failures = 0;
    for (size_t i = 0; i < WF_ARRAY_LEN(scarce_paths); i++) {
        bool failed = true;
        for (uint64_t n = 1; failed; n++) {
            scripted_deinit(&engine);
            faced_forget();
            uint64_t n_before = wf_alloc_stats().n_live;
            scripted_init(&engine);
            faced_fail_at(n);
            faced_run(&ctx, WF_HTTP_POST, scarce_paths[i], wf_str_from(scarce_bodies[i]), &f);
            faced_fail_at(0);
            failed = faced_failed();
            if (!failed)
                assert_int_equal(f.status, 200);
            n_failures += failed;
            faced_free(&f);
            scripted_deinit(&engine);
            faced_forget();
            assert_int_equal(wf_alloc_stats().n_live, n_before);
            scripted_init(&engine);
        }
    }
    assert_true(n_failures > 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_responses__a_text_is_answered),
        TEST(test_responses__items_become_turns),
        TEST(test_responses__tools_are_flat_here),
        TEST(test_responses__a_conversation_goes_on_by_id),
        TEST(test_responses__what_is_not_stored_cannot_be_gone_on_with),
        TEST(test_responses__events_come_in_their_order),
        TEST(test_responses__ends_that_are_none_are_told),
        TEST(test_responses__what_cannot_be_is_refused),
        TEST(test_responses__the_oldest_give_way),
        TEST(test_responses__every_lack_of_memory_is_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
