/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends: what route writes for a protocol is read by weft's own server of it, and what that
 * server answers is read by route; nothing may be lost on either way, however the answer is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/json.h"
#include "http/response_store.h"
#include "support/faced.h"
#include "support/provided.h"
#include "support/scripted.h"

#define SCHEMA                                                                                     \
    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},\"required\":[\"a\"],"     \
    "\"additionalProperties\":false}"

static const struct {
    enum wf_protocol protocol;
    const char *path;
} faces[] = {{WF_PROTOCOL_OPENAI, "/v1/chat/completions"},
             {WF_PROTOCOL_RESPONSES, "/v1/responses"},
             {WF_PROTOCOL_ANTHROPIC, "/v1/messages"},
             {WF_PROTOCOL_OLLAMA, "/api/chat"}};

static struct scripted engine;
static struct wf_op_context ctx;
static struct faced f;
static json_t *messages, *tools, *schema, *vars;

static json_t *js(const char *text)
{
    json_t *v = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_json_parse(wf_str_from(text), &v, &err) != 0)
        fail_msg("%s: %s", text, err.msg);
    return v;
}

static int begin(void **state)
{
    (void)state;
    scripted_init(&engine);
    ctx = (struct wf_op_context){.engine = &engine.base};
    f = (struct faced){.status = 0};
    messages = js("[{\"role\":\"system\",\"content\":\"Be brief.\"},"
                  "{\"role\":\"user\",\"content\":\"Weather in \\\"K\\u00f6ln\\\"?\\n\\u0001\"},"
                  "{\"role\":\"assistant\",\"content\":\"I look.\",\"tool_calls\":[{\"id\":\"c1\","
                  "\"type\":\"function\",\"function\":{\"name\":\"weather\",\"arguments\":"
                  "\"{\\\"place\\\":\\\"K\\u00f6ln\\\"}\"}}]},"
                  "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"rain\"},"
                  "{\"role\":\"user\",\"content\":\"And tomorrow?\"}]");
    tools = js("[{\"type\":\"function\",\"function\":{\"name\":\"weather\",\"description\":\"says "
               "it\",\"parameters\":{\"type\":\"object\",\"properties\":{\"place\":{\"type\":"
               "\"string\"}}}}}]");
    schema = js(SCHEMA);
    vars = js("{\"enable_thinking\":true,\"thinking\":true,\"reasoning_effort\":\"high\"}");
    return 0;
}

static int end(void **state)
{
    (void)state;
    faced_free(&f);
    faced_forget();
    json_decref(messages);
    json_decref(tools);
    json_decref(schema);
    json_decref(vars);
    scripted_deinit(&engine);
    return 0;
}

static struct wf_gen_request request(void)
{
    return (struct wf_gen_request){.messages = messages,
                                   .tools = {.tools = tools, .parallel = true},
                                   .template_vars = vars,
                                   .sampling = wf_sampling_default(),
                                   .n_max = 100};
}

/* Asks weft's own server; what it answered is in f. */
static void ask(size_t i_face, const struct wf_gen_request *q, bool streamed)
{
    struct wf_engine_entry e = provided_entry(faces[i_face].protocol);
    struct wf_buf body, left_out;
    struct wf_err err = WF_ERR_INIT;

    wf_buf_init(&body, 1u << 20);
    wf_buf_init(&left_out, 1u << 20);
    if (wf_provider_write(&e, q, "claude-9", streamed, &body, &left_out, &err) != 0)
        fail_msg("%s", err.msg);
    faced_free(&f);
    json_decref(engine.asked);
    engine.asked = NULL;
    faced_run(&ctx, WF_HTTP_POST, faces[i_face].path, wf_buf_str(&body), &f);
    if (f.status != 200)
        fail_msg("%s: %s -> %s", faces[i_face].path, body.ptr, f.body.ptr);
    wf_buf_deinit(&body);
    wf_buf_deinit(&left_out);
}

static void test_provider_faces__a_request_arrives_as_it_was(void **state)
{
    static const struct wf_str stops[] = {{"###", 3}, {"end", 3}};
    struct wf_gen_request q = request();

    (void)state;
    q.sampling.temperature = 0.25F;
    q.sampling.top_p = 0.5F;
    q.stops = stops;
    q.n_stops = 2;
    for (size_t i = 0; i < WF_ARRAY_LEN(faces); i++) {
        enum wf_protocol p = faces[i].protocol;
        q.template_vars = p == WF_PROTOCOL_ANTHROPIC ? NULL : vars;
        ask(i, &q, false);
        (void)json_object_del(json_array_get(json_object_get(engine.asked, "messages"), 3), "name");
        char *want = json_dumps(messages, JSON_SORT_KEYS);
        char *have = json_dumps(json_object_get(engine.asked, "messages"), JSON_SORT_KEYS);
        assert_string_equal(have, want);
        wf_free(want);
        wf_free(have);
        assert_true(faced_is(engine.asked, "model", "\"claude-9\""));
        assert_true(faced_is(engine.asked, "tools.0.function.name", "\"weather\""));
        assert_true(faced_is(engine.asked, "tools.0.function.description", "\"says it\""));
        assert_true(faced_is(engine.asked, "tools.0.function.parameters.properties.place.type",
                             "\"string\""));
        assert_true(faced_is(engine.asked, "tool_choice", "\"auto\""));
        assert_true(faced_is(engine.asked, "temperature", "0.25"));
        if (p != WF_PROTOCOL_ANTHROPIC) { /* which takes one of the two */
            assert_true(faced_is(engine.asked, "top_p", "0.5"));
            assert_true(faced_is(engine.asked, "template_vars.reasoning_effort", "\"high\""));
        }
        if (p != WF_PROTOCOL_RESPONSES) /* which knows none */
            assert_true(faced_is(engine.asked, "stops", "[\"###\",\"end\"]"));
        assert_true(faced_is(engine.asked, "n_max", "100.0"));
    }
}

static void test_provider_faces__choices_and_schemas_arrive(void **state)
{
    struct wf_gen_request q = request();

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(faces); i++) {
        q.template_vars = NULL;
        q.schema = faces[i].protocol == WF_PROTOCOL_ANTHROPIC ? NULL : schema;
        q.tools.choice = WF_TOOL_AUTO;
        ask(i, &q, false);
        if (q.schema)
            assert_true(faced_is(engine.asked, "schema", SCHEMA));
        if (faces[i].protocol == WF_PROTOCOL_OLLAMA)
            continue;
        q.schema = NULL;
        q.tools.choice = WF_TOOL_REQUIRED;
        q.tools.parallel = false;
        ask(i, &q, false);
        assert_true(faced_is(engine.asked, "tool_choice", "\"required\""));
        assert_null(json_object_get(engine.asked, "parallel"));
        q.tools.choice = WF_TOOL_NAMED;
        q.tools.name = "weather";
        ask(i, &q, false);
        assert_true(faced_is(engine.asked, "tool_choice", "\"named\""));
        assert_true(faced_is(engine.asked, "tool_name", "\"weather\""));
        q.tools.parallel = true;
    }
}

#define TEXT(k, s)                                                                                 \
    {                                                                                              \
        .kind = (k), .text = { s, sizeof(s) - 1 }                                                  \
    }

static const struct wf_gen_event written[] = {
    TEXT(WF_GEN_REASONING, "hm \xc3\xbc"),
    TEXT(WF_GEN_REASONING, "ber"),
    TEXT(WF_GEN_TEXT, "Hi"),
    TEXT(WF_GEN_TEXT, " \"there\"\n\r\n data: [DONE]\n\n\xf0\x9f\x98\x80 {"),
    {.kind = WF_GEN_CALL, .call_id = {"call_1", 6}, .call_name = {"weather", 7}},
    TEXT(WF_GEN_ARGUMENTS, "{\"place\":"),
    TEXT(WF_GEN_ARGUMENTS, "\"K\xc3\xb6ln\"}"),
    {.kind = WF_GEN_CALL, .i_call = 1, .call_id = {"call_2", 6}, .call_name = {"weather", 7}},
    {.kind = WF_GEN_ARGUMENTS, .i_call = 1, .text = {"{}", 2}},
    {.kind = WF_GEN_END, .finish = WF_FINISH_TOOL_CALLS},
};

static void check_answer(size_t i_face, const struct wf_gen_request *q, bool streamed,
                         const char *want, size_t first, size_t piece)
{
    struct wf_engine_entry e = provided_entry(faces[i_face].protocol);
    struct provided p;
    int rc = provided_read(&e, q, streamed, 200, NULL, wf_buf_str(&f.body), first, piece, &p);

    if (rc != 0 || strcmp(p.line.ptr, want) != 0)
        fail_msg("%s, %zu/%zu: %s\nnot %s\n(%s)\n%s", faces[i_face].path, first, piece, p.line.ptr,
                 want, p.err.msg, f.body.ptr);
    assert_int_equal(p.usage.n_prompt, 7);
    assert_int_equal(p.usage.n_written, 5);
    if (faces[i_face].protocol != WF_PROTOCOL_OLLAMA) {
        assert_int_equal(p.usage.n_cached, 4);
        assert_int_equal(p.usage.n_reasoning, 2);
    }
    provided_free(&p);
}

static void test_provider_faces__an_answer_arrives_as_it_was_written(void **state)
{
    struct wf_gen_request q = request();
    struct wf_buf want;

    (void)state;
    wf_buf_init(&want, 1u << 20);
    for (size_t i = 0; i < WF_ARRAY_LEN(written); i++)
        provided_note(&want, &written[i]);
    for (size_t i = 0; i < want.len; i++)
        want.ptr[i] = want.ptr[i] == '\x1f' ? '|' : want.ptr[i];
    engine.events = written;
    engine.n_events = WF_ARRAY_LEN(written);
    for (size_t i = 0; i < WF_ARRAY_LEN(faces); i++) {
        ask(i, &q, false);
        check_answer(i, &q, false, want.ptr, 0, SIZE_MAX);
        check_answer(i, &q, false, want.ptr, 0, 1);
        ask(i, &q, true);
        for (size_t at = 1; at <= f.body.len; at += 11)
            check_answer(i, &q, true, want.ptr, at, SIZE_MAX);
        check_answer(i, &q, true, want.ptr, 0, 1);
        check_answer(i, &q, true, want.ptr, 0, 7);
    }
    wf_buf_deinit(&want);
}

static void test_provider_faces__every_end_arrives(void **state)
{
    static const struct {
        struct wf_gen_event end;
        const char *want;
    } ends[] = {
        {{.kind = WF_GEN_END, .finish = WF_FINISH_STOP}, "T0:ab|E0 stop"},
        {{.kind = WF_GEN_END, .finish = WF_FINISH_LENGTH}, "T0:ab|E0 length"},
        {{.kind = WF_GEN_END, .finish = WF_FINISH_STOP_TEXT, .stop = {"##", 2}},
         "T0:ab|E0 stop_text ##"},
    };
    struct wf_gen_event events[2] = {TEXT(WF_GEN_TEXT, "ab")};
    struct wf_gen_request q = request();

    (void)state;
    engine.events = events;
    engine.n_events = 2;
    for (size_t k = 0; k < WF_ARRAY_LEN(ends); k++) {
        events[1] = ends[k].end;
        for (size_t i = 0; i < WF_ARRAY_LEN(faces); i++) {
            bool knows = k < 2 || faces[i].protocol == WF_PROTOCOL_OPENAI ||
                         faces[i].protocol == WF_PROTOCOL_ANTHROPIC;
            ask(i, &q, true);
            check_answer(i, &q, true, knows ? ends[k].want : ends[0].want, 0, SIZE_MAX);
        }
    }
}

static void test_provider_faces__an_answer_that_is_cut_short_is_an_error(void **state)
{
    struct wf_gen_request q = request();

    (void)state;
    engine.events = written;
    engine.n_events = WF_ARRAY_LEN(written);
    for (size_t i = 0; i < WF_ARRAY_LEN(faces); i++) {
        struct wf_engine_entry e = provided_entry(faces[i].protocol);
        ask(i, &q, true);
        for (size_t n = 0; n < f.body.len; n += 7) {
            struct provided p;
            int rc =
                provided_read(&e, &q, true, 200, NULL, wf_str_n(f.body.ptr, n), 0, SIZE_MAX, &p);
            /* Whole only where the end was told; broken otherwise, and it says so. */
            bool has_end = strstr(p.line.ptr, "|E0 ") != NULL;
            if (has_end != (rc == 0))
                fail_msg("%s cut at %zu: %d %s", faces[i].path, n, rc, p.line.ptr);
            if (rc != 0) {
                assert_true(rc == WF_E_IO || rc == WF_E_FORMAT);
                assert_int_equal(p.problem.is_midway, p.line.len > 4);
            }
            provided_free(&p);
        }
    }
}

static void test_provider_faces__errors_arrive_in_words(void **state)
{
    static const struct {
        int code, want;
        bool may_retry;
    } codes[] = {{WF_E_NOENT, WF_E_NOENT, false},
                 {WF_E_BUSY, WF_E_BUSY, true},
                 {WF_E_TIMEOUT, WF_E_TIMEOUT, true},
                 {WF_E_INVAL, WF_E_INVAL, false},
                 {WF_E_CORRUPT, WF_E_IO, true}};
    struct wf_gen_request q = request();

    (void)state;
    for (size_t k = 0; k < WF_ARRAY_LEN(codes); k++) {
        for (size_t i = 0; i < WF_ARRAY_LEN(faces); i++) {
            struct wf_engine_entry e = provided_entry(faces[i].protocol);
            struct wf_buf body;
            struct provided p;
            wf_buf_init(&body, 1u << 20);
            assert_int_equal(wf_provider_write(&e, &q, "m", true, &body, NULL, NULL), 0);
            engine.fail = codes[k].code;
            faced_free(&f);
            faced_run(&ctx, WF_HTTP_POST, faces[i].path, wf_buf_str(&body), &f);
            engine.fail = 0;
            int rc = provided_read(&e, &q, true, f.status, "content-type: application/json",
                                   wf_buf_str(&f.body), 0, 3, &p);
            if (rc != codes[k].want)
                fail_msg("%s %d: %d %s from %s", faces[i].path, codes[k].code, rc, p.err.msg,
                         f.body.ptr);
            assert_int_equal(p.problem.may_retry, codes[k].may_retry);
            provided_free(&p);
            wf_buf_deinit(&body);
        }
    }
}

static void test_provider_faces__an_error_within_a_stream_arrives(void **state)
{
    struct wf_gen_request q = request();

    (void)state;
    engine.events = written;
    engine.n_events = 4;
    engine.fail_next = WF_E_BUSY;
    for (size_t i = 0; i < WF_ARRAY_LEN(faces); i++) {
        struct wf_engine_entry e = provided_entry(faces[i].protocol);
        struct provided p;
        ask(i, &q, true);
        int rc = provided_read(&e, &q, true, 200, NULL, wf_buf_str(&f.body), 0, 5, &p);
        if (rc >= 0 || rc == WF_E_FORMAT)
            fail_msg("%s: %d %s", faces[i].path, rc, f.body.ptr);
        assert_true(p.problem.is_midway);
        assert_non_null(strstr(p.line.ptr, "T0:Hi \"there\""));
        provided_free(&p);
    }
}

int main(void)
{
    json_set_alloc_funcs(wf_alloc, wf_free);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_provider_faces__a_request_arrives_as_it_was, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_provider_faces__choices_and_schemas_arrive, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_provider_faces__an_answer_arrives_as_it_was_written,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_provider_faces__every_end_arrives, begin, end),
        cmocka_unit_test_setup_teardown(
            test_provider_faces__an_answer_that_is_cut_short_is_an_error, begin, end),
        cmocka_unit_test_setup_teardown(test_provider_faces__errors_arrive_in_words, begin, end),
        cmocka_unit_test_setup_teardown(test_provider_faces__an_error_within_a_stream_arrives,
                                        begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
