/* SPDX-License-Identifier: Apache-2.0 */
/* Anthropic's form: messages, tools and thinking read; answers written whole and as events. */
#include "http/anthropic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "op/json.h"
#include "support/pictures.h"

/* JSON whose quotes are single ones. */
static json_t *js(const char *text)
{
    char own[4096];
    json_t *v = NULL;
    struct wf_err err = WF_ERR_INIT;
    size_t n = strlen(text);

    assert_true(n < sizeof(own));
    memcpy(own, text, n + 1);
    for (size_t i = 0; i < n; i++)
        own[i] = own[i] == '\'' ? '"' : own[i];
    if (wf_json_parse(wf_str_n(own, n), &v, &err) != 0)
        fail_msg("%s: %s", text, err.msg);
    return v;
}

static void assert_json(const json_t *have, const char *want)
{
    json_t *w = js(want);
    char *text = json_dumps(have, JSON_COMPACT | JSON_ENCODE_ANY);

    if (!json_equal(have, w))
        fail_msg("have %s\nwant %s", text ? text : "nothing", want);
    free(text);
    json_decref(w);
}

/* ---- messages ---- */

static void test_anthropic__reads_messages(void **state)
{
    static const struct {
        const char *body, *want;
        bool goes_on;
    } cases[] = {
        {"{'messages':[{'role':'user','content':'Hi'}]}", "[{'role':'user','content':'Hi'}]",
         false},
        {"{'system':'Be brief.','messages':[{'role':'user','content':'Hi'}]}",
         "[{'role':'system','content':'Be brief.'},{'role':'user','content':'Hi'}]", false},
        {"{'system':[{'type':'text','text':'A','cache_control':{'type':'ephemeral'}},"
         "{'type':'text','text':'B'}],'messages':[{'role':'user','content':"
         "[{'type':'text','text':'C'},{'type':'text','text':'D'}]}]}",
         "[{'role':'system','content':'A\\nB'},{'role':'user','content':'C\\nD'}]", false},
        /* two turns of one role are one */
        {"{'messages':[{'role':'user','content':'A'},{'role':'user','content':'B'},"
         "{'role':'assistant','content':'C'},{'role':'assistant','content':'D'},"
         "{'role':'user','content':'E'}]}",
         "[{'role':'user','content':'A\\n\\nB'},{'role':'assistant','content':'C\\n\\nD'},"
         "{'role':'user','content':'E'}]",
         false},
        /* the last one begins the answer */
        {"{'messages':[{'role':'user','content':'A'},{'role':'assistant','content':'{'}]}",
         "[{'role':'user','content':'A'},{'role':'assistant','content':'{'}]", true},
        /* a system message on the way */
        {"{'messages':[{'role':'user','content':'A'},{'role':'system','content':"
         "[{'type':'text','text':'S'}]}]}",
         "[{'role':'user','content':'A'},{'role':'system','content':'S'}]", false},
        /* calls and results, and text behind them */
        {"{'messages':[{'role':'user','content':'W?'},{'role':'assistant','content':["
         "{'type':'thinking','thinking':'hm','signature':'x'},{'type':'redacted_thinking',"
         "'data':'zz'},{'type':'text','text':'Look.'},"
         "{'type':'tool_use','id':'t1','name':'f','input':{'a':1}},"
         "{'type':'tool_use','id':'t2','name':'g','input':{}}]},"
         "{'role':'user','content':[{'type':'tool_result','tool_use_id':'t1','content':'one'},"
         "{'type':'tool_result','tool_use_id':'t2','is_error':true,'content':"
         "[{'type':'text','text':'bad'}]},{'type':'text','text':'So?'}]}]}",
         "[{'role':'user','content':'W?'},{'role':'assistant','content':'Look.',"
         "'reasoning_content':'hm','tool_calls':[{'id':'t1','type':'function','function':"
         "{'name':'f','arguments':'{\\\"a\\\":1}'}},{'id':'t2','type':'function','function':"
         "{'name':'g','arguments':'{}'}}]},"
         "{'role':'tool','tool_call_id':'t1','name':'f','content':'one'},"
         "{'role':'tool','tool_call_id':'t2','name':'g','content':'Error:\\nbad'},"
         "{'role':'user','content':'So?'}]",
         false},
        {"{'messages':[{'role':'user','content':[{'type':'document','title':'T','source':"
         "{'type':'text','media_type':'text/plain','data':'D'}},{'type':'text','text':'Q'}]}]}",
         "[{'role':'user','content':'T\\nD\\nQ'}]", false},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        json_t *body = js(cases[i].body), *out = NULL;
        struct wf_err err = WF_ERR_INIT;
        bool goes_on = !cases[i].goes_on;
        if (wf_anthropic_messages(body, &out, &goes_on, &err) != 0)
            fail_msg("%s: %s", cases[i].body, err.msg);
        assert_json(out, cases[i].want);
        assert_int_equal(goes_on, cases[i].goes_on);
        json_decref(out);
        json_decref(body);
    }
}

static void test_anthropic__reads_pictures_without_what_they_tell(void **state)
{
    json_t *body = js("{'messages':[{'role':'user','content':[{'type':'text','text':'Before'},"
                      "{'type':'image','source':{'type':'base64','media_type':'image/"
                      "png','data':'" PICTURE_TELLING "'}},{'type':'text','text':'after'},"
                      "{'type':'text','text':'it'}]},{'role':'assistant','content':'A cat.'}]}");
    json_t *out = NULL;
    bool goes_on = false;

    (void)state;
    assert_int_equal(wf_anthropic_messages(body, &out, &goes_on, NULL), 0);
    assert_json(out, "[{'role':'user','content':[{'type':'text','text':'Before'},"
                     "{'type':'image_url','image_url':{'url':'data:image/png;base64," PICTURE_CLEAN
                     "'}},{'type':'text','text':'after\\nit'}]},"
                     "{'role':'assistant','content':'A cat.'}]");
    json_decref(out);
    json_decref(body);
}

static void test_anthropic__refuses_messages_with_their_place(void **state)
{
    static const struct {
        const char *body;
        int code;
        const char *says;
    } cases[] = {
        {"{}", WF_E_INVAL, "at least one"},
        {"{'messages':[]}", WF_E_INVAL, "at least one"},
        {"{'messages':'Hi'}", WF_E_INVAL, "at least one"},
        {"{'messages':[{'role':'user','content':''}]}", WF_E_INVAL, "empty"},
        {"{'messages':[{'role':'user','content':'a'},{'role':'tool','content':'b'}]}", WF_E_INVAL,
         "messages.1: role"},
        {"{'messages':[{'role':'user'}]}", WF_E_INVAL, "messages.0: content"},
        {"{'messages':[7]}", WF_E_INVAL, "messages.0: role"},
        {"{'messages':[{'role':'user','content':[{'type':'image','source':{}}]}]}", WF_E_INVAL,
         "messages.0: an image needs"},
        {"{'messages':[{'role':'user','content':[{'type':'image','source':"
         "{'type':'base64','media_type':'image/png','data':'aGk='}}]}]}",
         WF_E_INVAL, "messages.0: A picture is a JPEG"},
        {"{'messages':[{'role':'user','content':[{'type':'image','source':"
         "{'type':'url','url':'https://a.example/b.png'}}]}]}",
         WF_E_INVAL, "neither fetched nor passed on"},
        {"{'messages':[{'role':'assistant','content':[{'type':'image','source':{}}]}]}",
         WF_E_UNSUPPORTED, "image"},
        {"{'messages':[{'role':'user','content':[{'type':'tool_result','tool_use_id':'x',"
         "'content':[{'type':'image'}]}]}]}",
         WF_E_UNSUPPORTED, "image"},
        {"{'messages':[{'role':'user','content':[{'type':'document','source':"
         "{'type':'base64','data':'x'}}]}]}",
         WF_E_UNSUPPORTED, "document"},
        {"{'messages':[{'role':'user','content':[{'type':'tool_use'}]}]}", WF_E_UNSUPPORTED,
         "tool_use"},
        {"{'messages':[{'role':'user','content':[3]}]}", WF_E_UNSUPPORTED, "(none)"},
        {"{'messages':[{'role':'user','content':[{'type':'text'}]}]}", WF_E_INVAL, "\"text\""},
        {"{'messages':[{'role':'user','content':[{'type':'tool_result'}]}]}", WF_E_INVAL,
         "tool_use_id"},
        {"{'messages':[{'role':'assistant','content':[{'type':'tool_use','id':'a','name':'f',"
         "'input':'{}'}]}]}",
         WF_E_INVAL, "input"},
        {"{'messages':[{'role':'assistant','content':[{'type':'tool_use','id':'a','name':'f',"
         "'input':{}}]}]}",
         WF_E_INVAL, "tool_result"},
        {"{'system':3,'messages':[{'role':'user','content':'a'}]}", WF_E_INVAL, "system:"},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        json_t *body = js(cases[i].body), *out = NULL;
        struct wf_err err = WF_ERR_INIT;
        bool goes_on = false;
        assert_int_equal(wf_anthropic_messages(body, &out, &goes_on, &err), cases[i].code);
        if (!strstr(err.msg, cases[i].says))
            fail_msg("%s: %s", cases[i].body, err.msg);
        json_decref(body);
    }
}

/* ---- tools, thinking ---- */

static void test_anthropic__reads_tools(void **state)
{
    static const char tools[] = "'tools':[{'name':'f','description':'F.','input_schema':"
                                "{'type':'object'},'cache_control':{'type':'ephemeral'}},"
                                "{'type':'custom','name':'g','input_schema':{'type':'object'}}]";
    static const struct {
        const char *choice;
        enum wf_tool_choice want;
        const char *name;
        bool parallel;
    } cases[] = {
        {"null", WF_TOOL_AUTO, NULL, true},
        {"{'type':'auto'}", WF_TOOL_AUTO, NULL, true},
        {"{'type':'any','disable_parallel_tool_use':true}", WF_TOOL_REQUIRED, NULL, false},
        {"{'type':'tool','name':'g'}", WF_TOOL_NAMED, "g", true},
        {"{'type':'none'}", WF_TOOL_NONE, NULL, true},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        char text[600];
        struct wf_tool_rules rules;
        json_t *body, *out = NULL;
        snprintf(text, sizeof(text), "{%s,'tool_choice':%s}", tools, cases[i].choice);
        body = js(text);
        assert_int_equal(wf_anthropic_tools(body, &out, &rules, NULL), 0);
        assert_json(out, "[{'type':'function','function':{'name':'f','description':'F.',"
                         "'parameters':{'type':'object'}}},{'type':'function','function':"
                         "{'name':'g','parameters':{'type':'object'}}}]");
        assert_ptr_equal(rules.tools, out);
        assert_int_equal(rules.choice, cases[i].want);
        assert_int_equal(rules.parallel, cases[i].parallel);
        if (cases[i].name)
            assert_string_equal(rules.name, cases[i].name);
        json_decref(out);
        json_decref(body);
    }
}

static void test_anthropic__refuses_tools(void **state)
{
    static const struct {
        const char *body;
        int code;
    } cases[] = {
        {"{'tools':{}}", WF_E_INVAL},
        {"{'tools':[{'name':'f'}]}", WF_E_INVAL},
        {"{'tools':[{'input_schema':{}}]}", WF_E_INVAL},
        {"{'tools':[{'type':'web_search_20250305','name':'web_search'}]}", WF_E_UNSUPPORTED},
        {"{'tool_choice':{'type':'any'}}", WF_E_INVAL},
        {"{'tool_choice':{'type':'must'}}", WF_E_INVAL},
        {"{'tools':[{'name':'f','input_schema':{}}],'tool_choice':{'type':'tool','name':'g'}}",
         WF_E_INVAL},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        json_t *body = js(cases[i].body), *out = NULL;
        struct wf_tool_rules rules;
        assert_int_equal(wf_anthropic_tools(body, &out, &rules, NULL), cases[i].code);
        assert_null(out);
        json_decref(body);
    }
}

static void test_anthropic__thinks_when_asked_to(void **state)
{
    static const struct {
        const char *body, *vars;
        bool enabled, omitted;
    } cases[] = {
        {"{}", "{'enable_thinking':false,'thinking':false}", false, false},
        {"{'thinking':{'type':'disabled'}}", "{'enable_thinking':false,'thinking':false}", false,
         false},
        {"{'thinking':{'type':'enabled','budget_tokens':2000}}",
         "{'enable_thinking':true,'thinking':true}", true, false},
        {"{'thinking':{'type':'adaptive','display':'omitted'},'output_config':{'effort':'max'}}",
         "{'enable_thinking':true,'thinking':true,'reasoning_effort':'high'}", true, true},
    };
    static const char *const bad[] = {"{'thinking':{'type':'much'}}", "{'thinking':true}",
                                      "{'output_config':{'effort':'all'}}"};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        json_t *body = js(cases[i].body), *vars = NULL;
        struct wf_anthropic_thinking t;
        assert_int_equal(wf_anthropic_thinking(body, &t, &vars, NULL), 0);
        assert_json(vars, cases[i].vars);
        assert_int_equal(t.enabled, cases[i].enabled);
        assert_int_equal(t.omitted, cases[i].omitted);
        json_decref(vars);
        json_decref(body);
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++) {
        json_t *body = js(bad[i]), *vars = NULL;
        struct wf_anthropic_thinking t;
        assert_int_equal(wf_anthropic_thinking(body, &t, &vars, NULL), WF_E_INVAL);
        json_decref(body);
    }
}

/* ---- answers ---- */

#define TEXT(s)                                                                                    \
    {                                                                                              \
        .kind = WF_GEN_TEXT, .text = { s, sizeof(s) - 1 }                                          \
    }
#define THOUGHT(s)                                                                                 \
    {                                                                                              \
        .kind = WF_GEN_REASONING, .text = { s, sizeof(s) - 1 }                                     \
    }
#define CALL(i, the_id, the_name)                                                                  \
    {                                                                                              \
        .kind = WF_GEN_CALL, .i_call = (i), .call_id = {the_id, sizeof(the_id) - 1},               \
        .call_name = {                                                                             \
            the_name,                                                                              \
            sizeof(the_name) - 1                                                                   \
        }                                                                                          \
    }
#define ARGUMENTS(i, s)                                                                            \
    {                                                                                              \
        .kind = WF_GEN_ARGUMENTS, .i_call = (i), .text = { s, sizeof(s) - 1 }                      \
    }
#define END(how)                                                                                   \
    {                                                                                              \
        .kind = WF_GEN_END, .finish = (how)                                                        \
    }

static const struct wf_gen_usage usage = {
    .model = "m:latest", .n_prompt = 30, .n_cached = 20, .n_written = 7, .n_reasoning = 2};

struct told {
    json_t *events; /* [[name, data]] */
    size_t n_left;  /* before the client goes */
};

static int tell(void *ud, const char *event, json_t *data, struct wf_err *err)
{
    struct told *t = ud;

    assert_non_null(data);
    assert_string_equal(json_string_value(json_object_get(data, "type")), event);
    json_array_append_new(t->events, data);
    if (t->n_left-- == 0)
        return wf_err_set(err, WF_E_CANCELED, "The client has gone.");
    return 0;
}

static json_t *written(const struct wf_gen_event *events, size_t n, bool thinks, struct told *told,
                       int *out_rc)
{
    struct wf_anthropic_writer w = {.emit = told ? tell : NULL,
                                    .ud = told,
                                    .thinking = {.enabled = thinks},
                                    .id = "msg_1",
                                    .model = "m:latest",
                                    .n_max = 7};
    json_t *out = NULL;
    int rc = wf_anthropic_writer_init(&w, NULL);

    if (told)
        told->events = json_array();
    if (rc == 0)
        rc = wf_anthropic_begin(&w, &usage, NULL);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = wf_anthropic_write(&w, &events[i], NULL);
    if (rc == 0)
        rc = wf_anthropic_end(&w, &usage, &out, NULL);
    wf_anthropic_writer_deinit(&w);
    *out_rc = rc;
    return out;
}

static const struct wf_gen_event long_answer[] = {
    THOUGHT("Let "),
    THOUGHT("me."),
    TEXT("Fine"),
    TEXT(""),
    TEXT(". "),
    CALL(0, "c1", "f"),
    ARGUMENTS(0, "{\"a\""),
    ARGUMENTS(0, ":1}"),
    CALL(1, "c2", "g"),
    END(WF_FINISH_TOOL_CALLS),
};

#define USAGE                                                                                      \
    "{'input_tokens':10,'cache_creation_input_tokens':0,'cache_read_input_tokens':20,"             \
    "'output_tokens':7,'output_tokens_details':{'thinking_tokens':2}}"

static void test_anthropic__gathers_a_message(void **state)
{
    int rc = -1;
    json_t *m = written(long_answer, WF_ARRAY_LEN(long_answer), true, NULL, &rc);

    (void)state;
    assert_int_equal(rc, 0);
    assert_json(m, "{'id':'msg_1','type':'message','role':'assistant','model':'m:latest',"
                   "'content':[{'type':'thinking','thinking':'Let me.','signature':'weft'},"
                   "{'type':'text','text':'Fine. '},"
                   "{'type':'tool_use','id':'c1','name':'f','input':{'a':1}},"
                   "{'type':'tool_use','id':'c2','name':'g','input':{}}],"
                   "'stop_reason':'tool_use','stop_sequence':null,'usage':" USAGE "}");
    json_decref(m);
    m = written(long_answer, WF_ARRAY_LEN(long_answer), false, NULL, &rc); /* nobody asked */
    assert_int_equal(json_array_size(json_object_get(m, "content")), 3);
    json_decref(m);
}

static void test_anthropic__says_why_it_ended(void **state)
{
    static const struct {
        struct wf_gen_event end;
        const char *reason;
    } cases[] = {
        {END(WF_FINISH_STOP), "end_turn"},
        {END(WF_FINISH_LENGTH), "max_tokens"},
        {{.kind = WF_GEN_END, .finish = WF_FINISH_STOP_TEXT, .stop = {"###", 3}}, "stop_sequence"},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        int rc = -1;
        json_t *m = written(&cases[i].end, 1, false, NULL, &rc);
        assert_int_equal(rc, 0);
        assert_string_equal(wf_json_text(m, "stop_reason"), cases[i].reason);
        assert_string_equal(wf_json_text(m, "stop_sequence"), i == 2 ? "###" : "");
        json_decref(m);
    }
}

static void test_anthropic__arguments_that_were_cut_stay_a_text(void **state)
{
    static const struct wf_gen_event events[] = {CALL(0, "c1", "f"), ARGUMENTS(0, "{\"a\":"),
                                                 END(WF_FINISH_LENGTH)};
    int rc = -1;
    json_t *m = written(events, WF_ARRAY_LEN(events), false, NULL, &rc);

    (void)state;
    assert_json(json_object_get(m, "content"),
                "[{'type':'tool_use','id':'c1','name':'f','input':'{\\\"a\\\":'}]");
    json_decref(m);
}

#define DELTA(i, d) "{'type':'content_block_delta','index':" i ",'delta':" d "},"
#define START(i, b) "{'type':'content_block_start','index':" i ",'content_block':" b "},"
#define STOP(i) "{'type':'content_block_stop','index':" i "},"

static void test_anthropic__streams_blocks(void **state)
{
    struct told told = {.n_left = SIZE_MAX};
    int rc = -1;
    json_t *m = written(long_answer, WF_ARRAY_LEN(long_answer), true, &told, &rc);

    (void)state;
    assert_int_equal(rc, 0);
    assert_null(m);
    assert_json(
        told.events,
        "[{'type':'message_start','message':{'id':'msg_1','type':'message','role':'assistant',"
        "'model':'m:latest','content':[],'stop_reason':null,'stop_sequence':null,'usage':" USAGE
        "}},{'type':'ping'}," START("0", "{'type':'thinking','thinking':'','signature':''}")
            DELTA("0", "{'type':'thinking_delta','thinking':'Let '}") DELTA(
                "0", "{'type':'thinking_delta','thinking':'me.'}")
                DELTA("0", "{'type':'signature_delta','signature':'weft'}") STOP("0") START(
                    "1", "{'type':'text','text':''}") DELTA("1",
                                                            "{'type':'text_delta','text':'Fine'}")
                    DELTA("1", "{'type':'text_delta','text':'. '}") STOP("1")
                        START("2", "{'type':'tool_use','id':'c1','name':'f','input':{}}")
                            DELTA("2", "{'type':'input_json_delta','partial_json':"
                                       "'{\\\"a\\\"'}")
                                DELTA("2", "{'type':'input_json_delta','partial_json':':1}'}")
                                    STOP("2") START("3", "{'type':'tool_use','id':'c2',"
                                                         "'name':'g','input':{}}")
                                        STOP("3") "{'type':'message_delta','delta':{'stop_reason':'"
                                                  "tool_use','stop_sequence':null},"
                                                  "'usage':" USAGE "},{'type':'message_stop'}]");
    json_decref(told.events);
}

static void test_anthropic__stops_when_the_client_goes(void **state)
{
    (void)state;
    for (size_t n = 0; n < 18; n++) {
        struct told told = {.n_left = n};
        int rc = 0;
        json_t *m = written(long_answer, WF_ARRAY_LEN(long_answer), true, &told, &rc);
        assert_int_equal(rc, WF_E_CANCELED);
        assert_null(m);
        assert_int_equal(json_array_size(told.events), n + 1);
        json_decref(told.events);
    }
}

static void test_anthropic__models_come_in_pages(void **state)
{
    static const struct {
        size_t limit;
        const char *after, *before, *want;
    } cases[] = {
        {9, NULL, NULL,
         "{'data':[{'id':'a'},{'id':'b'},{'id':'c'}],'has_more':false,"
         "'first_id':'a','last_id':'c'}"},
        {2, NULL, NULL,
         "{'data':[{'id':'a'},{'id':'b'}],'has_more':true,'first_id':'a',"
         "'last_id':'b'}"},
        {2, "b", NULL, "{'data':[{'id':'c'}],'has_more':false,'first_id':'c','last_id':'c'}"},
        {1, NULL, "c", "{'data':[{'id':'b'}],'has_more':true,'first_id':'b','last_id':'b'}"},
        {5, NULL, "b", "{'data':[{'id':'a'}],'has_more':false,'first_id':'a','last_id':'a'}"},
        {5, "c", NULL, "{'data':[],'has_more':false,'first_id':null,'last_id':null}"},
        {5, "x", NULL, "{'data':[],'has_more':false,'first_id':null,'last_id':null}"},
    };
    json_t *all = js("[{'id':'a'},{'id':'b'},{'id':'c'}]");

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        json_t *page = wf_anthropic_page(all, cases[i].limit, cases[i].after, cases[i].before);
        assert_json(page, cases[i].want);
        json_decref(page);
    }
    json_decref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_anthropic__reads_messages),
        cmocka_unit_test(test_anthropic__reads_pictures_without_what_they_tell),
        cmocka_unit_test(test_anthropic__refuses_messages_with_their_place),
        cmocka_unit_test(test_anthropic__reads_tools),
        cmocka_unit_test(test_anthropic__refuses_tools),
        cmocka_unit_test(test_anthropic__thinks_when_asked_to),
        cmocka_unit_test(test_anthropic__gathers_a_message),
        cmocka_unit_test(test_anthropic__says_why_it_ended),
        cmocka_unit_test(test_anthropic__arguments_that_were_cut_stay_a_text),
        cmocka_unit_test(test_anthropic__streams_blocks),
        cmocka_unit_test(test_anthropic__stops_when_the_client_goes),
        cmocka_unit_test(test_anthropic__models_come_in_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
