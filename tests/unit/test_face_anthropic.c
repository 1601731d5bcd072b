/* SPDX-License-Identifier: Apache-2.0 */
/* Anthropic's face: what a body asks of the engine, and what goes back, errors among it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "op/json.h"
#include "support/faced.h"
#include "support/scripted.h"

static struct scripted engine;
static struct wf_op_context ctx;
static struct faced answer;

static int begin(void **state)
{
    (void)state;
    scripted_init(&engine);
    ctx = (struct wf_op_context){.engine = &engine.base};
    answer = (struct faced){.status = 0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    faced_free(&answer);
    scripted_deinit(&engine);
    return 0;
}

/* Quotes are single ones. */
static char *quoted(const char *text)
{
    char *own = strdup(text);
    for (char *p = own; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    return own;
}

static void post(const char *path, const char *body)
{
    char *own = quoted(body);
    faced_free(&answer);
    faced_run(&ctx, WF_HTTP_POST, path, wf_str_from(own), &answer);
    free(own);
}

static void assert_same(json_t *have, const char *want)
{
    char *own = quoted(want), *text = json_dumps(have, JSON_COMPACT);
    json_t *w = json_loads(own, 0, NULL);
    assert_non_null(w);
    if (!json_equal(have, w))
        fail_msg("have %s\nwant %s", text ? text : "nothing", want);
    json_decref(have);
    json_decref(w);
    free(own);
    wf_free(text);
}

/* What the engine was asked, without the seed. */
static json_t *asked(void)
{
    json_t *o = json_deep_copy(engine.asked);
    json_object_del(o, "seed");
    return o;
}

#define HI "'model':'m','max_tokens':9,'messages':[{'role':'user','content':'Hi'}]"

static void test_face_anthropic__answers_a_message(void **state)
{
    json_t *m;
    (void)state;
    post("/v1/messages", "{" HI "}");
    assert_int_equal(answer.status, 200);
    m = faced_json(&answer);
    assert_true(wf_str_starts(wf_str_from(wf_json_text(m, "id")), WF_STR("msg_")));
    json_object_del(m, "id");
    assert_same(m, "{'type':'message','role':'assistant','model':'tiny:latest','content':"
                   "[{'type':'text','text':'Hi there'}],'stop_reason':'end_turn',"
                   "'stop_sequence':null,'usage':{'input_tokens':3,"
                   "'cache_creation_input_tokens':0,'cache_read_input_tokens':4,"
                   "'output_tokens':5,'output_tokens_details':{'thinking_tokens':2}}}");
    assert_string_equal(faced_header(&answer, "content-type"), "application/json");
    assert_non_null(strstr(faced_header(&answer, "x-weft-route"), "tiny:latest"));
    assert_same(asked(), "{'model':'m','messages':[{'role':'user','content':'Hi'}],'n_max':9.0,"
                         "'n_choices':0.0,'tool_choice':'auto','parallel':true,"
                         "'template_vars':{'enable_thinking':false,'thinking':false}}");
}

static void test_face_anthropic__asks_for_what_the_body_says(void **state)
{
    (void)state;
    post("/v1/messages",
         "{" HI ",'system':'S','temperature':0.5,'top_p':0.25,'top_k':7,'min_p':0.125,"
         "'stop_sequences':['a','b'],'thinking':{'type':'enabled','budget_tokens':1024},"
         "'output_config':{'effort':'low','format':{'type':'json_schema','schema':"
         "{'type':'object'}}},'tools':[{'name':'f','input_schema':{'type':'object'}}],"
         "'tool_choice':{'type':'none'},'metadata':{'user_id':'u'},'overflow':'truncate'}");
    assert_int_equal(answer.status, 200);
    assert_same(asked(),
                "{'model':'m','messages':[{'role':'system','content':'S'},"
                "{'role':'user','content':'Hi'}],'n_max':9.0,'n_choices':0.0,'temperature':0.5,"
                "'top_p':0.25,'top_k':7.0,'min_p':0.125,'stops':['a','b'],'tool_choice':'none',"
                "'parallel':true,'tools':[{'type':'function','function':{'name':'f',"
                "'parameters':{'type':'object'}}}],'schema':{'type':'object'},"
                "'overflow':'truncate','template_vars':{'enable_thinking':true,"
                "'thinking':true,'reasoning_effort':'low'}}");
    assert_non_null(strstr(faced_header(&answer, "x-weft-ignored"), "thinking.budget_tokens"));
    assert_non_null(strstr(faced_header(&answer, "x-weft-ignored"), "metadata"));
}

static void test_face_anthropic__calls_tools(void **state)
{
    json_t *m;
    (void)state;
    post("/v1/messages", "{" HI ",'tools':[{'name':'f','input_schema':{'type':'object'}}],"
                         "'tool_choice':{'type':'tool','name':'f'}}");
    m = faced_json(&answer);
    assert_string_equal(wf_json_text(m, "stop_reason"), "tool_use");
    assert_same(json_incref(json_array_get(json_object_get(m, "content"), 1)),
                "{'type':'tool_use','id':'call_1','name':'f','input':{'a':1}}");
    json_decref(m);
}

static void test_face_anthropic__streams(void **state)
{
    static const char *const types[] = {
        "message_start",       "ping",
        "content_block_start", "content_block_delta",
        "content_block_stop",  "content_block_start",
        "content_block_delta", "content_block_stop",
        "message_delta",       "message_stop",
    };
    static const struct wf_gen_event events[] = {
        {.kind = WF_GEN_REASONING, .text = {"hm", 2}},
        {.kind = WF_GEN_TEXT, .text = {"Hi", 2}},
        {.kind = WF_GEN_END, .finish = WF_FINISH_STOP},
    };
    size_t at = 0;
    json_t *e;
    (void)state;
    engine.events = events;
    engine.n_events = WF_ARRAY_LEN(events);
    post("/v1/messages", "{" HI ",'stream':true,'thinking':{'type':'adaptive'}}");
    assert_int_equal(answer.status, 200);
    assert_true(answer.whole);
    assert_string_equal(faced_header(&answer, "content-type"), "text/event-stream");
    assert_true(wf_str_starts(wf_buf_str(&answer.body), WF_STR("event: message_start\ndata: {")));
    for (size_t i = 0; (e = faced_event(&answer, i)) != NULL; i++) {
        const char *type = wf_json_text(e, "type");
        const char *kind = wf_json_text(json_object_get(e, "delta"), "type");
        if (strcmp(kind, "signature_delta") != 0) {
            assert_true(at < WF_ARRAY_LEN(types));
            assert_string_equal(type, types[at++]);
        }
        json_decref(e);
    }
    assert_int_equal(at, WF_ARRAY_LEN(types));
}

static void test_face_anthropic__an_error_within_a_stream_is_its_last_event(void **state)
{
    json_t *e;
    size_t n = 0;
    (void)state;
    engine.fail_next = WF_E_NOMEM;
    post("/v1/messages", "{" HI ",'stream':true}");
    assert_int_equal(answer.status, 200);
    while ((e = faced_event(&answer, n)) != NULL) {
        n++;
        json_decref(e);
    }
    e = faced_event(&answer, n - 1);
    assert_string_equal(wf_json_text(e, "type"), "error");
    assert_string_equal(wf_json_text(json_object_get(e, "error"), "type"), "api_error");
    json_decref(e);
}

static void assert_error(int status, const char *type, const char *says)
{
    json_t *e = faced_json(&answer);
    const char *message = wf_json_text(json_object_get(e, "error"), "message");
    assert_int_equal(answer.status, status);
    assert_string_equal(wf_json_text(e, "type"), "error");
    assert_string_equal(wf_json_text(json_object_get(e, "error"), "type"), type);
    if (!strstr(message, says))
        fail_msg("%s", message);
    json_decref(e);
}

static void test_face_anthropic__refuses_in_its_own_form(void **state)
{
    static const struct {
        const char *body, *says;
    } cases[] = {
        {"{", "JSON"},
        {"[]", "object"},
        {"{}", "at least one message"},
        {"{'model':'m','messages':[{'role':'user','content':'Hi'}]}", "max_tokens"},
        {"{'model':'m','max_tokens':0,'messages':[{'role':'user','content':'Hi'}]}", "max_tokens"},
        {"{" HI ",'temprature':1}", "Did you mean \"temperature\""},
        {"{" HI ",'temperature':'hot'}", "temperature"},
        {"{" HI ",'thinking':{'type':'enabled','budget':3}}", "thinking.budget"},
        {"{" HI ",'thinking':7}", "thinking"},
        {"{" HI ",'output_config':{'format':{'type':'xml'}}}", "json_schema"},
        {"{" HI ",'output_config':{'format':{'type':'json_schema'}}}", "Schema"},
        {"{" HI ",'container':'c'}", "container"},
        {"{" HI ",'stop_sequences':[1]}", "stop_sequences"},
        {"{" HI ",'tools':[{'name':'f'}]}", "tools.0"},
    };
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        post("/v1/messages", cases[i].body);
        assert_error(400, "invalid_request_error", cases[i].says);
        assert_int_equal(engine.n_made, 0);
    }
}

static void test_face_anthropic__the_engines_errors_have_their_status(void **state)
{
    static const struct {
        int code, status;
        const char *type, *says;
    } cases[] = {
        {WF_E_NOENT, 404, "not_found_error", ""},
        {WF_E_LIMIT, 400, "invalid_request_error", "prompt is too long"},
        {WF_E_UNSUPPORTED, 400, "invalid_request_error", ""},
        {WF_E_BUSY, 529, "overloaded_error", ""},
        {WF_E_NOMEM, 500, "api_error", ""},
    };
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        engine.fail = cases[i].code;
        post("/v1/messages", "{" HI "}");
        assert_error(cases[i].status, cases[i].type, cases[i].says);
        post("/v1/messages/count_tokens", "{" HI "}");
        assert_error(cases[i].status, cases[i].type, cases[i].says);
    }
}

static void test_face_anthropic__counts_tokens(void **state)
{
    (void)state;
    post("/v1/messages/count_tokens",
         "{'model':'m','messages':[{'role':'user','content':'Hi'}],'system':'S'}");
    assert_int_equal(answer.status, 200);
    assert_same(faced_json(&answer), "{'input_tokens':7}");
    assert_int_equal(json_array_size(json_object_get(engine.asked, "messages")), 2);
}

/* How many allocations there are until a body is parsed: jansson 2.14 asserts that it has memory
 * while it reads a text. */
static uint64_t behind_parsing(const char *body)
{
    char *own = quoted(body);
    uint64_t before = wf_alloc_stats().n_total;
    json_t *v = json_loads(own, 0, NULL);
    uint64_t n = wf_alloc_stats().n_total - before + 8;
    json_decref(v);
    free(own);
    return n;
}

static void test_face_anthropic__lives_through_each_failing_allocation(void **state)
{
    static const struct {
        const char *path, *body;
    } cases[] = {
        {"/v1/messages", "{" HI "}"},
        {"/v1/messages", "{" HI ",'stream':true,'thinking':{'type':'adaptive'}}"},
        {"/v1/messages",
         "{" HI ",'system':'S','stop_sequences':['a'],'output_config':{'effort':'low'},"
         "'tools':[{'name':'f','description':'d','input_schema':{'type':'object'}}],"
         "'tool_choice':{'type':'auto'}}"},
        {"/v1/messages",
         "{'model':'m','max_tokens':9,'messages':[{'role':'user','content':'A'},"
         "{'role':'assistant','content':[{'type':'thinking','thinking':'t'},{'type':'tool_use',"
         "'id':'i','name':'f','input':{'a':[1]}}]},{'role':'user','content':["
         "{'type':'tool_result','tool_use_id':'i','content':'R'},{'type':'text','text':'B'}]}]}"},
        {"/v1/messages/count_tokens", "{" HI "}"},
    };
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        uint64_t n_live = 0, first = behind_parsing(cases[i].body), n = first;
        do {
            faced_fail_at(n++);
            post(cases[i].path, cases[i].body);
            faced_fail_at(0);
            if (!faced_failed())
                assert_int_equal(answer.status, 200);
            else if (answer.status != 200 && answer.status != 500)
                fail_msg("%d: %s", answer.status, answer.body.ptr);
            json_decref(engine.asked);
            engine.asked = NULL;
            faced_free(&answer);
            if (n == first + 2) /* the first run makes what stays */
                n_live = wf_alloc_stats().n_live;
            if (n > first + 2)
                assert_int_equal(wf_alloc_stats().n_live, n_live);
        } while (faced_failed());
        assert_true(n > first + 5);
    }
}

int main(void)
{
    json_set_alloc_funcs(wf_alloc, wf_free); /* so that those fail, too */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_face_anthropic__answers_a_message, begin, end),
        cmocka_unit_test_setup_teardown(test_face_anthropic__asks_for_what_the_body_says, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_face_anthropic__calls_tools, begin, end),
        cmocka_unit_test_setup_teardown(test_face_anthropic__streams, begin, end),
        cmocka_unit_test_setup_teardown(
            test_face_anthropic__an_error_within_a_stream_is_its_last_event, begin, end),
        cmocka_unit_test_setup_teardown(test_face_anthropic__refuses_in_its_own_form, begin, end),
        cmocka_unit_test_setup_teardown(test_face_anthropic__the_engines_errors_have_their_status,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_face_anthropic__counts_tokens, begin, end),
        cmocka_unit_test_setup_teardown(test_face_anthropic__lives_through_each_failing_allocation,
                                        begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
