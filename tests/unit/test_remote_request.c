/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for another node and what comes back, as bytes: all of a request arrives; what is not in
 * its form, out of its bounds, or of a later version is refused. */
#include "mesh/remote_request.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/json.h"
#include "mesh/remote_message.h"

static json_t *parse(const char *text)
{
    json_t *v = NULL;

    assert_int_equal(wf_json_parse(wf_str_from(text), &v, NULL), 0);
    return v;
}

/* Written and read again. */
static void pass(const struct wf_gen_request *q, struct wf_remote_request *out)
{
    struct wf_buf b;

    wf_buf_init(&b, SIZE_MAX);
    assert_int_equal(wf_remote_request_write(q, "tiny", WF_LABEL_INTERNAL, &b, NULL), 0);
    assert_int_equal(wf_remote_request_read(wf_buf_str(&b), out, NULL), 0);
    wf_buf_deinit(&b);
}

static void test_remote_request__all_of_a_chat_arrives(void **state)
{
    const struct wf_str stops[] = {WF_STR("END"), WF_STR("\n\n")};
    const struct wf_logit_bias biases[] = {{7, -INFINITY}, {9, 2.5F}};
    const char *const breakers[] = {"\n", ":"};
    json_t *messages = parse("[{\"role\":\"user\",\"content\":\"gr\\u00fc\\u00df dich\"}]");
    json_t *tools = parse("[{\"type\":\"function\",\"function\":{\"name\":\"clock\"}}]");
    json_t *vars = parse("{\"enable_thinking\":true}"), *schema = parse("{\"type\":\"object\"}");
    struct wf_gen_request q = {.messages = messages,
                               .tools = {tools, WF_TOOL_NAMED, "clock", true},
                               .template_vars = vars,
                               .continue_last = true,
                               .chat_template = "{{ x }}",
                               .sampling = wf_sampling_default(),
                               .n_max = 77,
                               .n_choices = 3,
                               .n_top_logprobs = 5,
                               .wants_logprobs = true,
                               .stops = stops,
                               .n_stops = 2,
                               .ignore_eos = true,
                               .schema = schema,
                               .grammar_if_able = true,
                               .overflow = WF_OVERFLOW_TRUNCATE,
                               .request_id = "r-12"};
    struct wf_remote_request r;
    (void)state;

    q.sampling.temperature = 0.1F;
    q.sampling.seed = UINT64_MAX - 3;
    q.sampling.biases = biases;
    q.sampling.n_biases = 2;
    q.sampling.breakers = breakers;
    q.sampling.n_breakers = 2;
    pass(&q, &r);
    assert_int_equal(r.label, WF_LABEL_INTERNAL);
    assert_string_equal(r.q.model, "tiny");
    assert_string_equal(r.id, "r-12");
    assert_true(json_equal(r.q.messages, messages) && json_equal(r.q.tools.tools, tools));
    assert_true(json_equal(r.q.schema, schema) && json_equal(r.q.template_vars, vars));
    assert_int_equal(r.q.tools.choice, WF_TOOL_NAMED);
    assert_string_equal(r.q.tools.name, "clock");
    assert_true(r.q.tools.parallel && r.q.continue_last && r.q.wants_logprobs && r.q.ignore_eos);
    assert_true(r.q.grammar_if_able);
    assert_int_equal(r.q.overflow, WF_OVERFLOW_TRUNCATE);
    assert_int_equal(r.q.n_max, 77);
    assert_int_equal(r.q.n_choices, 3);
    assert_int_equal(r.q.n_top_logprobs, 5);
    assert_int_equal(r.q.n_stops, 2);
    assert_true(wf_str_eq(r.q.stops[1], stops[1]));
    assert_string_equal(r.q.chat_template, "{{ x }}");
    assert_true(r.q.sampling.seed == q.sampling.seed);
    assert_memory_equal(&r.q.sampling.temperature, &q.sampling.temperature, sizeof(float));
    assert_true(isinf(r.q.sampling.biases[0].bias) && r.q.sampling.biases[0].bias < 0);
    assert_int_equal(r.q.sampling.biases[1].id, 9);
    assert_string_equal(r.q.sampling.breakers[1], ":");
    wf_remote_request_deinit(&r);
    json_decref(messages);
    json_decref(tools);
    json_decref(vars);
    json_decref(schema);
}

static void test_remote_request__texts_bytes_and_tokens_to_go_on_with_arrive(void **state)
{
    const int32_t ids[] = {0, 5, 1000000};
    struct wf_gen_request q = {.prompt = WF_STR("once upon"),
                               .suffix = WF_STR("the end"),
                               .grammar = "root ::= \"a\"",
                               .sampling = wf_sampling_default()};
    struct wf_remote_request r;
    (void)state;

    pass(&q, &r);
    assert_true(wf_str_eq(r.q.prompt, q.prompt) && wf_str_eq(r.q.suffix, q.suffix));
    assert_string_equal(r.q.grammar, q.grammar);
    assert_null(r.q.messages);
    wf_remote_request_deinit(&r);
    q.prompt = wf_str_n("\xff\x00\xfe", 3);
    pass(&q, &r);
    assert_true(wf_str_eq(r.q.prompt, q.prompt));
    wf_remote_request_deinit(&r);
    q.prompt = WF_STR("");
    q.prompt_ids = ids;
    q.n_prompt_ids = 3;
    pass(&q, &r);
    assert_int_equal(r.q.n_prompt_ids, 3);
    assert_memory_equal(r.q.prompt_ids, ids, sizeof(ids));
    wf_remote_request_deinit(&r);
}

static void assert_read(const char *text, int rc, const char *words)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_remote_request r;

    assert_int_equal(wf_remote_request_read(wf_str_from(text), &r, &err), rc);
    if (words != NULL)
        assert_non_null(strstr(err.msg, words));
    wf_remote_request_deinit(&r);
}

#define HEAD "\"v\":1,\"label\":\"public\""

static void test_remote_request__what_is_not_in_its_form_is_refused(void **state)
{
    (void)state;
    assert_read("{" HEAD ",\"prompt\":\"a\"}", 0, NULL);
    assert_read("", WF_E_FORMAT, NULL);
    assert_read("[]", WF_E_FORMAT, NULL);
    assert_read("{\"label\":\"public\",\"prompt\":\"a\"}", WF_E_FORMAT, "\"v\"");
    assert_read("{\"v\":2,\"label\":\"public\",\"prompt\":\"a\"}", WF_E_UNSUPPORTED, "newer");
    assert_read("{\"v\":1,\"prompt\":\"a\"}", WF_E_FORMAT, "label");
    assert_read("{\"v\":1,\"label\":\"open\",\"prompt\":\"a\"}", WF_E_FORMAT, "label");
    assert_read("{" HEAD "}", WF_E_FORMAT, "either");
    assert_read("{" HEAD ",\"prompt\":\"a\",\"messages\":[]}", WF_E_FORMAT, "either");
    assert_read("{" HEAD ",\"messages\":{}}", WF_E_FORMAT, "messages");
    assert_read("{" HEAD ",\"prompt64\":\"?\"}", WF_E_FORMAT, "prompt64");
    assert_read("{" HEAD ",\"prompt_ids\":[-1]}", WF_E_FORMAT, "prompt_ids");
    assert_read("{" HEAD ",\"prompt_ids\":[1.5]}", WF_E_FORMAT, "prompt_ids");
    assert_read("{" HEAD ",\"prompt_ids\":[16777216]}", WF_E_FORMAT, "prompt_ids");
    assert_read("{" HEAD ",\"prompt\":\"a\",\"max\":-1}", WF_E_RANGE, "max");
    assert_read("{" HEAD ",\"prompt\":\"a\",\"max\":\"5\"}", WF_E_FORMAT, "max");
    assert_read("{" HEAD ",\"prompt\":\"a\",\"choices\":129}", WF_E_RANGE, "choices");
    assert_read("{" HEAD ",\"prompt\":\"a\",\"top_logprobs\":21}", WF_E_RANGE, "top_logprobs");
    assert_read("{" HEAD ",\"prompt\":\"a\",\"sampling\":7}", WF_E_FORMAT, "sampling");
    assert_read("{" HEAD ",\"prompt\":\"a\",\"sampling\":{\"top_p\":1.01}}", WF_E_RANGE, "top_p");
    assert_read("{" HEAD ",\"prompt\":\"a\",\"sampling\":{\"seed\":1.5}}", WF_E_FORMAT, "seed");
    assert_read("{" HEAD ",\"prompt\":\"a\",\"sampling\":{\"biases\":[[1]]}}", WF_E_FORMAT,
                "biases");
    assert_read("{" HEAD ",\"prompt\":\"a\",\"sampling\":{\"biases\":[[1,101]]}}", WF_E_FORMAT,
                "biases");
    assert_read("{" HEAD ",\"prompt\":\"a\",\"stops\":[\"\"]}", WF_E_FORMAT, "stops");
    assert_read("{" HEAD ",\"prompt\":\"a\",\"tools\":{\"list\":[],\"choice\":3}}", WF_E_FORMAT,
                "tools");
    assert_read("{" HEAD ",\"prompt\":\"a\",\"tools\":{\"list\":[],\"choice\":4}}", WF_E_FORMAT,
                "tools");
    assert_read("{" HEAD ",\"prompt\":\"a\",\"schema\":5}", WF_E_FORMAT, "schema");
    assert_read("{" HEAD ",\"prompt\":\"a\",\"grammar\":\"a\\u0000b\"}", WF_E_FORMAT, NULL);
}

/* `n` times `what`, between the two. */
static void fill(struct wf_buf *b, const char *before, const char *what, size_t n,
                 const char *after)
{
    wf_buf_reset(b);
    wf_buf_append_cstr(b, before);
    for (size_t i = 0; i < n; i++)
        wf_buf_append_cstr(b, what);
    assert_int_equal(wf_buf_append_cstr(b, after), 0);
}

static void test_remote_request__limits_hold_at_and_above(void **state)
{
    struct wf_remote_request r;
    struct wf_buf b;
    (void)state;

    wf_buf_init(&b, SIZE_MAX);
    fill(&b, "{" HEAD ",\"prompt\":\"a\",\"stops\":[", "\"x\",", WF_LIMIT_STOPS - 1, "\"x\"]}");
    assert_int_equal(wf_remote_request_read(wf_buf_str(&b), &r, NULL), 0);
    wf_remote_request_deinit(&r);
    fill(&b, "{" HEAD ",\"prompt\":\"a\",\"stops\":[", "\"x\",", WF_LIMIT_STOPS, "\"x\"]}");
    assert_int_equal(wf_remote_request_read(wf_buf_str(&b), &r, NULL), WF_E_FORMAT);
    wf_remote_request_deinit(&r);
    fill(&b, "{" HEAD ",\"messages\":[", "0,", WF_REMOTE_REQUEST_VALUES, "0]}");
    assert_int_equal(wf_remote_request_read(wf_buf_str(&b), &r, NULL), WF_E_LIMIT);
    wf_remote_request_deinit(&r);
    fill(&b, "{" HEAD ",\"prompt\":\"", "0123456789abcdef", WF_REMOTE_REQUEST_BYTES / 16, "\"}");
    assert_int_equal(wf_remote_request_read(wf_buf_str(&b), &r, NULL), WF_E_LIMIT);
    wf_remote_request_deinit(&r);
    wf_buf_deinit(&b);
}

static void test_remote_request__adapters_stay_here(void **state)
{
    const struct wf_adapter_choice a = {"mine", 1};
    const struct wf_gen_request q = {.prompt = WF_STR("a"), .adapters = &a, .n_adapters = 1};
    struct wf_buf b;
    (void)state;

    wf_buf_init(&b, SIZE_MAX);
    assert_int_equal(wf_remote_request_write(&q, "m", WF_LABEL_PUBLIC, &b, NULL), WF_E_UNSUPPORTED);
    assert_int_equal(b.len, 0);
    wf_buf_deinit(&b);
}

static void test_remote_request__memory_that_runs_out_is_an_error(void **state)
{
    const char *text = "{" HEAD ",\"prompt_ids\":[1,2],\"stops\":[\"a\"],\"sampling\":{\"biases\":"
                       "[[1,2]],\"breakers\":[\"x\"]}}";
    bool failed = true;
    (void)state;

    for (uint64_t n = 1; failed; n++) {
        struct wf_remote_request r;
        int rc;
        wf_alloc_fail_at(n);
        rc = wf_remote_request_read(wf_str_from(text), &r, NULL);
        failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_int_equal(rc, failed ? WF_E_NOMEM : 0);
        wf_remote_request_deinit(&r);
    }
}

/* ---- messages and events ---- */

static void test_remote_request__texts_to_read_arrive(void **state)
{
    const struct wf_str texts[] = {WF_STR("one"), WF_STR("two \"quoted\""), WF_STR("")};
    const struct wf_embed_request e = {
        .texts = texts, .n_texts = 3, .n_dims = 64, .is_raw = true, .truncate = true};
    const struct wf_rerank_request k = {.query = WF_STR("which?"), .texts = texts, .n_texts = 2};
    struct wf_remote_request r;
    struct wf_buf b;
    (void)state;

    wf_buf_init(&b, SIZE_MAX);
    assert_int_equal(wf_remote_embed_write(&e, "bert", "r-1", WF_LABEL_PRIVATE, &b, NULL), 0);
    assert_int_equal(wf_remote_request_read(wf_buf_str(&b), &r, NULL), 0);
    assert_true(r.what == WF_REMOTE_EMBED && r.label == WF_LABEL_PRIVATE);
    assert_string_equal(r.embed.model, "bert");
    assert_string_equal(r.id, "r-1");
    assert_true(r.embed.n_texts == 3 && r.embed.n_dims == 64 && r.embed.is_raw &&
                r.embed.truncate && r.embed.ids == NULL);
    for (size_t i = 0; i < 3; i++)
        assert_true(wf_str_eq(r.embed.texts[i], texts[i]));
    wf_remote_request_deinit(&r);
    wf_buf_reset(&b);
    assert_int_equal(wf_remote_rank_write(&k, "bge", NULL, WF_LABEL_PUBLIC, &b, NULL), 0);
    assert_int_equal(wf_remote_request_read(wf_buf_str(&b), &r, NULL), 0);
    assert_true(r.what == WF_REMOTE_RANK && r.label == WF_LABEL_PUBLIC && !r.rank.truncate);
    assert_string_equal(r.rank.model, "bge");
    assert_true(wf_str_eq(r.rank.query, k.query) && r.rank.n_texts == 2);
    wf_remote_request_deinit(&r);
    wf_buf_deinit(&b);
}

static void test_remote_request__texts_that_are_none_are_refused(void **state)
{
    static const char *const bad[] = {
        "\"embed\": []",
        "\"embed\": {\"texts\": []}",
        "\"embed\": {\"texts\": [1]}",
        "\"embed\": {\"texts\": [\"a\"], \"dims\": -1}",
        "\"embed\": {\"texts\": [\"a\"], \"dims\": 1000000}",
        "\"embed\": {\"texts\": [\"a\"], \"dims\": \"a\"}",
        "\"rank\": {\"texts\": [\"a\"]}",
        "\"rank\": {\"query\": 1, \"texts\": [\"a\"]}",
        "\"rank\": {\"query\": \"a\"}",
        "\"rank\": {\"query\": \"a\", \"texts\": [\"a\"]}, \"embed\": {\"texts\": [\"a\"]}",
    };
    char text[300];
    (void)state;

    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++) {
        struct wf_remote_request r;
        (void)snprintf(text, sizeof(text), "{\"v\": 1, \"label\": \"public\", %s}", bad[i]);
        assert_int_equal(wf_remote_request_read(wf_str_from(text), &r, NULL), WF_E_FORMAT);
        wf_remote_request_deinit(&r);
    }
}

static void test_remote_message__numbers_are_whole(void **state)
{
    struct wf_remote_message m;
    (void)state;

    assert_int_equal(wf_remote_message_read(WF_STR("\x0b\1\0\0\0abcd"), &m, NULL), 0);
    assert_true(m.kind == WF_REMOTE_NUMBERS && m.id == 1 && m.bytes.len == 4);
    assert_int_equal(wf_remote_message_read(WF_STR("\x0b\1\0\0\0abc"), &m, NULL), WF_E_FORMAT);
    assert_int_equal(wf_remote_message_read(WF_STR("\x0b\1\0\0\0"), &m, NULL), WF_E_FORMAT);
    assert_int_equal(wf_remote_message_read(WF_STR("\x0b\0\0\0\0abcd"), &m, NULL), WF_E_FORMAT);
    assert_int_equal(wf_remote_message_read(WF_STR("\x0c\1\0\0\0abcd"), &m, NULL), WF_E_FORMAT);
}

static void test_remote_message__messages_are_read_as_written(void **state)
{
    static const struct wf_remote_message all[] = {
        {.kind = WF_REMOTE_CATALOG, .bytes = {"{}", 2}},
        {.kind = WF_REMOTE_PING, .bytes = {"12345678", 8}},
        {.kind = WF_REMOTE_REQUEST, .id = 7, .number = 100, .bytes = {"{", 1}},
        {.kind = WF_REMOTE_ERROR, .id = 7, .code = WF_E_BUSY, .bytes = {"no", 2}},
        {.kind = WF_REMOTE_CREDIT, .id = 7, .number = 9, .bytes = {"", 0}},
        {.kind = WF_REMOTE_CANCEL, .id = UINT32_MAX, .bytes = {"", 0}},
    };
    struct wf_remote_message m;
    struct wf_buf b;
    (void)state;

    wf_buf_init(&b, SIZE_MAX);
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++) {
        wf_buf_reset(&b);
        assert_int_equal(wf_remote_message_write(&all[i], &b), 0);
        assert_int_equal(wf_remote_message_read(wf_buf_str(&b), &m, NULL), 0);
        assert_true(m.kind == all[i].kind && m.id == all[i].id && m.number == all[i].number &&
                    m.code == all[i].code && wf_str_eq(m.bytes, all[i].bytes));
        for (size_t n = 0; n < WF_REMOTE_HEAD_BYTES; n++)
            assert_int_equal(wf_remote_message_read(wf_str_n(b.ptr, n), &m, NULL), WF_E_FORMAT);
        b.ptr[1] ^= (char)all[i].id == 7 ? 7 : 0; /* a request of no number */
        if (all[i].id == 7)
            assert_int_equal(wf_remote_message_read(wf_buf_str(&b), &m, NULL), WF_E_FORMAT);
    }
    assert_int_equal(wf_remote_message_read(WF_STR("\x0b\x01\0\0\0"), &m, NULL), WF_E_FORMAT);
    assert_int_equal(wf_remote_message_read(WF_STR("\x08\x01\0\0\0\x01\0\0\0"), &m, NULL),
                     WF_E_FORMAT); /* an error that is none */
    wf_buf_deinit(&b);
}

static void test_remote_message__events_are_read_as_written_and_cut_ones_refused(void **state)
{
    const struct wf_gen_logprob top[] = {{WF_STR("b"), 3, -1.5F, NULL, 0},
                                         {WF_STR("c"), 4, -2.5F, NULL, 0}};
    const struct wf_gen_logprob l = {WF_STR("a"), 2, -0.25F, top, 2};
    const struct wf_gen_event all[] = {
        {.kind = WF_GEN_TEXT, .i_choice = 1, .text = WF_STR("a"), .logprobs = &l, .n_logprobs = 1},
        {.kind = WF_GEN_CALL, .i_call = 2, .call_id = WF_STR("id"), .call_name = WF_STR("f")},
        {.kind = WF_GEN_END, .finish = WF_FINISH_STOP_TEXT, .stop = WF_STR("END")},
    };
    struct wf_gen_event e;
    struct wf_arena arena;
    struct wf_buf b;
    size_t at = 0;
    (void)state;

    wf_arena_init(&arena, 0, SIZE_MAX);
    wf_buf_init(&b, SIZE_MAX);
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++)
        assert_int_equal(wf_remote_event_write(&all[i], &b), 0);
    assert_int_equal(wf_remote_event_next(wf_buf_str(&b), &at, &arena, &e, NULL), 1);
    assert_true(e.i_choice == 1 && wf_str_eq(e.text, WF_STR("a")) && e.n_logprobs == 1);
    assert_true(e.logprobs[0].n_top == 2 && e.logprobs[0].top[1].id == 4);
    assert_memory_equal(&e.logprobs[0].top[1].logprob, &top[1].logprob, sizeof(float));
    assert_int_equal(wf_remote_event_next(wf_buf_str(&b), &at, &arena, &e, NULL), 1);
    assert_true(wf_str_eq(e.call_id, WF_STR("id")) && wf_str_eq(e.call_name, WF_STR("f")));
    assert_int_equal(wf_remote_event_next(wf_buf_str(&b), &at, &arena, &e, NULL), 1);
    assert_true(e.finish == WF_FINISH_STOP_TEXT && wf_str_eq(e.stop, WF_STR("END")));
    assert_int_equal(wf_remote_event_next(wf_buf_str(&b), &at, &arena, &e, NULL), 0);
    for (size_t n = 1; n < b.len; n++) {
        int rc = 1;
        at = 0;
        while (rc == 1)
            rc = wf_remote_event_next(wf_str_n(b.ptr, n), &at, &arena, &e, NULL);
        assert_true(rc == WF_E_FORMAT || at == n); /* in the middle of one, or between two */
    }
    at = 0;
    assert_int_equal(
        wf_remote_event_next(WF_STR("\x00\x00\x00\x00\x01\xff"), &at, &arena, &e, NULL),
        WF_E_FORMAT); /* no text */
    wf_arena_deinit(&arena);
    wf_buf_deinit(&b);
}

static void test_remote_message__counts_are_read_as_written(void **state)
{
    const struct wf_gen_usage u = {.model = "tiny:latest",
                                   .n_context = 4096,
                                   .n_prompt = 10,
                                   .n_cached = 4,
                                   .n_written = 3,
                                   .write_ns = 12345678901};
    struct wf_gen_usage r = {.n_prompt = 0};
    const char *model = NULL;
    struct wf_arena arena;
    struct wf_buf b;
    (void)state;

    wf_arena_init(&arena, 0, SIZE_MAX);
    wf_buf_init(&b, SIZE_MAX);
    assert_int_equal(wf_remote_usage_write(&u, &b), 0);
    assert_int_equal(wf_remote_usage_read(wf_buf_str(&b), &arena, &r, &model, NULL), 0);
    assert_string_equal(model, u.model);
    assert_true(r.n_context == 4096 && r.n_prompt == 10 && r.n_cached == 4 && r.n_written == 3 &&
                r.write_ns == u.write_ns);
    assert_int_equal(wf_remote_usage_read(WF_STR("[]"), &arena, &r, &model, NULL), WF_E_FORMAT);
    wf_arena_deinit(&arena);
    wf_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remote_request__all_of_a_chat_arrives),
        cmocka_unit_test(test_remote_request__texts_bytes_and_tokens_to_go_on_with_arrive),
        cmocka_unit_test(test_remote_request__what_is_not_in_its_form_is_refused),
        cmocka_unit_test(test_remote_request__limits_hold_at_and_above),
        cmocka_unit_test(test_remote_request__adapters_stay_here),
        cmocka_unit_test(test_remote_request__memory_that_runs_out_is_an_error),
        cmocka_unit_test(test_remote_request__texts_to_read_arrive),
        cmocka_unit_test(test_remote_request__texts_that_are_none_are_refused),
        cmocka_unit_test(test_remote_message__numbers_are_whole),
        cmocka_unit_test(test_remote_message__messages_are_read_as_written),
        cmocka_unit_test(test_remote_message__events_are_read_as_written_and_cut_ones_refused),
        cmocka_unit_test(test_remote_message__counts_are_read_as_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
