/* SPDX-License-Identifier: Apache-2.0 */
/* Ollama's form: messages, durations, contexts read; answers written whole and as lines. */
#include "http/ollama.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/duration.h"
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

/* ---- small forms ---- */

static void test_ollama__durations_are_as_go_writes_them(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {
        {"0", 0},
        {"5m", 300000000000},
        {"1h30m", 5400000000000},
        {"-1s", -1000000000},
        {"-1", -1000000000},
        {"1.5s", 1500000000},
        {"300ms", 300000000},
        {"7us", 7000},
        {"7\xc2\xb5s", 7000},
        {"9ns", 9},
        {"+2s", 2000000000},
        {"24h", 86400000000000},
        {"60", 60000000000},
    };
    static const char *const bad[] = {"",      "m",   "5x",   "5m3", "--5m",
                                      "1h-3m", "5 m", "1e3m", "nan", "999999999h"};
    int64_t ns = 0;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(good); i++) {
        if (!wf_duration_read(wf_str_from(good[i].text), &ns) || ns != good[i].ns)
            fail_msg("%s: %lld", good[i].text, (long long)ns);
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++) {
        if (wf_duration_read(wf_str_from(bad[i]), &ns))
            fail_msg("%s was taken", bad[i]);
    }
}

static void test_ollama__keep_alive_is_seconds_or_a_duration(void **state)
{
    static const struct {
        const char *json;
        int64_t s;
    } good[] = {
        {"null", 0},
        {"''", 0},
        {"0", WF_KEEP_ALIVE_NONE},
        {"'0'", WF_KEEP_ALIVE_NONE},
        {"-1", -1},
        {"-0.5", -1},
        {"'-1m'", -1},
        {"300", 300},
        {"'5m'", 300},
        {"1.5", 2},
        {"'300ms'", 1},
        {"1e30", 3200000000},
        {"'0s'", WF_KEEP_ALIVE_NONE},
    };
    static const char *const bad[] = {"true", "'soon'", "[]", "{}"};
    int64_t s = 7;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(good); i++) {
        json_t *v = js(good[i].json);
        assert_int_equal(wf_ollama_keep_alive(v, &s, NULL), 0);
        if (s != good[i].s)
            fail_msg("%s: %lld", good[i].json, (long long)s);
        json_decref(v);
    }
    assert_int_equal(wf_ollama_keep_alive(NULL, &s, NULL), 0);
    assert_int_equal(s, 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++) {
        json_t *v = js(bad[i]);
        assert_int_equal(wf_ollama_keep_alive(v, &s, NULL), WF_E_INVAL);
        json_decref(v);
    }
}

static void test_ollama__thinks_as_asked(void **state)
{
    static const struct {
        const char *json, *vars;
        bool shows;
    } good[] = {
        {"null", "{}", true},
        {"true", "{'enable_thinking':true,'thinking':true}", true},
        {"false", "{'enable_thinking':false,'thinking':false}", false},
        {"'low'", "{'enable_thinking':true,'thinking':true,'reasoning_effort':'low'}", true},
    };
    static const char *const bad[] = {"1", "'much'", "[]"};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(good); i++) {
        json_t *v = js(good[i].json), *vars = json_object();
        bool shows = !good[i].shows;
        assert_int_equal(wf_ollama_think(v, &shows, vars, NULL), 0);
        assert_json(vars, good[i].vars);
        assert_int_equal(shows, good[i].shows);
        json_decref(v);
        json_decref(vars);
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++) {
        json_t *v = js(bad[i]), *vars = json_object();
        bool shows;
        assert_int_equal(wf_ollama_think(v, &shows, vars, NULL), WF_E_INVAL);
        json_decref(v);
        json_decref(vars);
    }
}

static void test_ollama__a_format_is_a_schema(void **state)
{
    json_t *v = js("['json', '', {'type':'array'}, 'xml', 3]"), *schema = NULL;

    (void)state;
    assert_int_equal(wf_ollama_format(json_array_get(v, 0), &schema, NULL), 0);
    assert_json(schema, "{'type':'object'}");
    json_decref(schema);
    assert_int_equal(wf_ollama_format(json_array_get(v, 1), &schema, NULL), 0);
    assert_null(schema);
    assert_int_equal(wf_ollama_format(json_array_get(v, 2), &schema, NULL), 0);
    assert_json(schema, "{'type':'array'}");
    json_decref(schema);
    for (size_t i = 3; i < 5; i++)
        assert_int_equal(wf_ollama_format(json_array_get(v, i), &schema, NULL), WF_E_INVAL);
    json_decref(v);
}

/* ---- messages ---- */

static void test_ollama__reads_messages(void **state)
{
    static const struct {
        const char *messages, *want;
    } cases[] = {
        {"[]", "[]"},
        {"[{'role':'user','content':'Hi','images':[]}]", "[{'role':'user','content':'Hi'}]"},
        {"[{'role':'user','content':'What?','images':['" PICTURE_TELLING "','" PICTURE_CLEAN "']}]",
         "[{'role':'user','content':[{'type':'text','text':'What?'},{'type':'image_url','image_url'"
         ":"
         "{'url':'data:image/png;base64," PICTURE_CLEAN "'}},{'type':'image_url','image_url':"
         "{'url':'data:image/png;base64," PICTURE_CLEAN "'}}]}]"},
        {"[{'role':'user','content':'W?'},{'role':'assistant','content':'','thinking':'hm',"
         "'tool_calls':[{'function':{'name':'f','arguments':{'a':1}}},"
         "{'function':{'name':'g','arguments':{}}},{'id':'own','function':{'name':'f'}}]},"
         "{'role':'tool','content':'G','tool_name':'g'},{'role':'tool','content':'F'},"
         "{'role':'tool','content':'O','tool_call_id':'own'},"
         "{'role':'tool','content':'?','tool_name':'h'}]",
         "[{'role':'user','content':'W?'},{'role':'assistant','content':'',"
         "'reasoning_content':'hm','tool_calls':["
         "{'id':'call00000','type':'function','function':{'name':'f',"
         "'arguments':'{\\\"a\\\":1}'}},"
         "{'id':'call00001','type':'function','function':{'name':'g','arguments':'{}'}},"
         "{'id':'own','type':'function','function':{'name':'f','arguments':'{}'}}]},"
         "{'role':'tool','content':'G','tool_call_id':'call00001','name':'g'},"
         "{'role':'tool','content':'F','tool_call_id':'call00000','name':'f'},"
         "{'role':'tool','content':'O','tool_call_id':'own','name':'f'},"
         "{'role':'tool','content':'?','name':'h'}]"},
    };
    static const struct {
        const char *messages;
        int code;
    } bad[] = {
        {"{}", WF_E_INVAL},
        {"[3]", WF_E_INVAL},
        {"[{'content':'x'}]", WF_E_INVAL},
        {"[{'role':'user','content':[]}]", WF_E_INVAL},
        {"[{'role':'user','content':'x','images':['aGk=']}]", WF_E_INVAL},
        {"[{'role':'user','content':'x','images':'aGk='}]", WF_E_INVAL},
        {"[{'role':'user','content':'x','images':[7]}]", WF_E_INVAL},
        {"[{'role':'assistant','content':'x','images':['aGk=']}]", WF_E_INVAL},
        {"[{'role':'assistant','tool_calls':{}}]", WF_E_INVAL},
        {"[{'role':'assistant','tool_calls':[{'function':{'arguments':{}}}]}]", WF_E_INVAL},
        {"[{'role':'assistant','tool_calls':[{'function':{'name':'f','arguments':7}}]}]",
         WF_E_INVAL},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        json_t *v = js(cases[i].messages), *out = NULL;
        assert_int_equal(wf_ollama_messages(v, &out, NULL), 0);
        assert_json(out, cases[i].want);
        json_decref(out);
        json_decref(v);
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++) {
        json_t *v = js(bad[i].messages), *out = NULL;
        assert_int_equal(wf_ollama_messages(v, &out, NULL), bad[i].code);
        json_decref(v);
    }
}

static void test_ollama__a_context_comes_back_whole(void **state)
{
    static const char *const conversations[] = {
        "[]", "[{'role':'user','content':''}]", "[{'role':'user','content':'x'}]",
        "[{'role':'system','content':'S'},{'role':'user','content':'\xc3\xa9t\xc3\xa9 \xf0\x9f"
        "\x98\x80'},{'role':'assistant','content':'ok'}]"};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(conversations); i++) {
        json_t *messages = js(conversations[i]), *context, *back = NULL;
        context = wf_ollama_context_write(messages);
        assert_non_null(context);
        assert_int_equal(wf_ollama_context_read(context, &back, NULL), 0);
        assert_true(json_equal(messages, back));
        json_decref(back);
        json_decref(context);
        json_decref(messages);
    }
}

static void test_ollama__refuses_another_ones_context(void **state)
{
    static const char *const bad[] = {
        "[]",
        "[1,2,3]",
        "[2003134068,3,7]",
        "[2003134068,2]",
        "[2003134068,2,'x']",
        "[2003134068,2,-1]",
        "[2003134068,2,16777216]",
        "[2003134068,9223372036854775807,1]",
        "[2003134068,1,0]",
        "[2003134068,3,5994333]", /* [wx */
        "[2003134068,2,8092928]", /* {} */
        "[2003134068,3,5976413]", /* [1] */
        "{}",
        "'x'",
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++) {
        json_t *v = js(bad[i]), *out = NULL;
        if (wf_ollama_context_read(v, &out, NULL) != WF_E_INVAL)
            fail_msg("%s was taken", bad[i]);
        json_decref(v);
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

static const struct wf_gen_usage usage = {.model = "m:latest",
                                          .n_prompt = 30,
                                          .n_written = 7,
                                          .load_ns = 5,
                                          .prompt_ns = 6,
                                          .write_ns = 8};

static const struct wf_gen_event long_answer[] = {
    THOUGHT("Hm."),         TEXT("Fine"),        TEXT("."),          CALL(0, "c1", "f"),
    ARGUMENTS(0, "{\"a\""), ARGUMENTS(0, ":1}"), CALL(1, "c2", "g"), END(WF_FINISH_TOOL_CALLS),
};

struct told {
    json_t *lines;
    size_t n_left;
};

/* Time is not the same twice. */
static void without_time(json_t *line)
{
    assert_true(json_string_length(json_object_get(line, "created_at")) >= 20);
    json_object_del(line, "created_at");
    if (json_object_get(line, "total_duration"))
        assert_true(json_integer_value(json_object_get(line, "total_duration")) >= 0);
    json_object_del(line, "total_duration");
}

static int tell(void *ud, json_t *line, struct wf_err *err)
{
    struct told *t = ud;

    assert_non_null(line);
    without_time(line);
    json_array_append_new(t->lines, line);
    if (t->n_left-- == 0)
        return wf_err_set(err, WF_E_CANCELED, "The client has gone.");
    return 0;
}

static json_t *written(struct wf_ollama_writer w, const struct wf_gen_event *events, size_t n,
                       struct told *told, int *out_rc)
{
    json_t *out = NULL;
    int rc;

    w.model = "m";
    w.emit = told ? tell : NULL;
    w.ud = told;
    rc = wf_ollama_writer_init(&w, NULL);
    if (told)
        told->lines = json_array();
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = wf_ollama_write(&w, &events[i], NULL);
    if (rc == 0)
        rc = wf_ollama_end(&w, &usage, &out, NULL);
    wf_ollama_writer_deinit(&w);
    if (out)
        without_time(out);
    *out_rc = rc;
    return out;
}

#define FIGURES(reason)                                                                            \
    "'done':true,'done_reason':'" reason "','load_duration':5,'prompt_eval_count':30,"             \
    "'prompt_eval_duration':6,'eval_count':7,'eval_duration':8"
#define CALL_F "{'id':'c1','function':{'index':0,'name':'f','arguments':{'a':1}}}"
#define CALL_G "{'id':'c2','function':{'index':1,'name':'g','arguments':{}}}"

static void test_ollama__gathers_a_message(void **state)
{
    int rc = -1;
    json_t *o = written((struct wf_ollama_writer){.is_chat = true, .shows_thoughts = true},
                        long_answer, WF_ARRAY_LEN(long_answer), NULL, &rc);

    (void)state;
    assert_int_equal(rc, 0);
    assert_json(o, "{'model':'m','message':{'role':'assistant','content':'Fine.','thinking':'Hm.',"
                   "'tool_calls':[" CALL_F "," CALL_G "]}," FIGURES("stop") "}");
    json_decref(o);
    o = written((struct wf_ollama_writer){.is_chat = true}, long_answer, 3, NULL, &rc);
    assert_json(
        o, "{'model':'m','message':{'role':'assistant','content':'Fine.'}," FIGURES("stop") "}");
    json_decref(o);
}

static void test_ollama__streams_lines(void **state)
{
    struct told told = {.n_left = SIZE_MAX};
    int rc = -1;
    json_t *o = written((struct wf_ollama_writer){.is_chat = true, .shows_thoughts = true},
                        long_answer, WF_ARRAY_LEN(long_answer), &told, &rc);

    (void)state;
    assert_int_equal(rc, 0);
    assert_json(
        told.lines,
        "[{'model':'m','done':false,'message':{'role':'assistant','content':'','thinking':'Hm.'}},"
        "{'model':'m','done':false,'message':{'role':'assistant','content':'Fine'}},"
        "{'model':'m','done':false,'message':{'role':'assistant','content':'.'}},"
        "{'model':'m','done':false,'message':{'role':'assistant','content':'',"
        "'tool_calls':[" CALL_F "]}},"
        "{'model':'m','done':false,'message':{'role':'assistant','content':'',"
        "'tool_calls':[" CALL_G "]}}]");
    assert_json(o, "{'model':'m','message':{'role':'assistant','content':''}," FIGURES("stop") "}");
    json_decref(o);
    json_decref(told.lines);
}

static void test_ollama__generates_with_a_context(void **state)
{
    static const struct wf_gen_event events[] = {TEXT("Fi"), TEXT("ne."), END(WF_FINISH_LENGTH)};
    json_t *base = js("[{'role':'user','content':'How?'}]");

    (void)state;
    for (int streams = 0; streams < 2; streams++) {
        struct told told = {.n_left = SIZE_MAX};
        json_t *back = NULL, *context;
        int rc = -1;
        json_t *o = written((struct wf_ollama_writer){.context_base = base}, events,
                            WF_ARRAY_LEN(events), streams ? &told : NULL, &rc);
        assert_int_equal(rc, 0);
        context = json_incref(json_object_get(o, "context"));
        json_object_del(o, "context");
        assert_int_equal(wf_ollama_context_read(context, &back, NULL), 0);
        assert_json(back, "[{'role':'user','content':'How?'},{'role':'assistant',"
                          "'content':'Fine.'}]");
        assert_json(o, streams ? "{'model':'m','response':''," FIGURES("length") "}"
                               : "{'model':'m','response':'Fine.'," FIGURES("length") "}");
        if (streams)
            assert_json(told.lines, "[{'model':'m','done':false,'response':'Fi'},"
                                    "{'model':'m','done':false,'response':'ne.'}]");
        json_decref(context);
        json_decref(back);
        json_decref(o);
        if (streams)
            json_decref(told.lines);
    }
    json_decref(base);
}

static void test_ollama__tells_logprobs(void **state)
{
    const struct wf_gen_logprob top = {.token = {"b", 1}, .id = 4, .logprob = -2};
    const struct wf_gen_logprob own = {
        .token = {"a", 1}, .id = 3, .logprob = -0.5f, .top = &top, .n_top = 1};
    const struct wf_gen_event events[] = {
        {.kind = WF_GEN_TEXT, .text = {"a", 1}, .logprobs = &own, .n_logprobs = 1},
        END(WF_FINISH_STOP)};
    int rc = -1;
    json_t *o = written((struct wf_ollama_writer){.wants_logprobs = true}, events, 2, NULL, &rc);

    (void)state;
    assert_json(json_object_get(o, "logprobs"),
                "[{'token':'a','logprob':-0.5,'bytes':[97],'top_logprobs':"
                "[{'token':'b','logprob':-2.0,'bytes':[98]}]}]");
    json_decref(o);
}

static void test_ollama__stops_when_the_client_goes(void **state)
{
    (void)state;
    for (size_t n = 0; n < 5; n++) {
        struct told told = {.n_left = n};
        int rc = 0;
        json_t *o = written((struct wf_ollama_writer){.is_chat = true, .shows_thoughts = true},
                            long_answer, WF_ARRAY_LEN(long_answer), &told, &rc);
        assert_int_equal(rc, WF_E_CANCELED);
        assert_null(o);
        json_decref(told.lines);
    }
}

static void test_ollama__says_what_was_left_out(void **state)
{
    const struct wf_gen_usage cut = {.model = "m", .n_prompt = 9, .n_truncated = 40};
    struct wf_ollama_writer w = {.model = "m"};
    json_t *o = NULL;

    (void)state;
    assert_int_equal(wf_ollama_writer_init(&w, NULL), 0);
    assert_int_equal(wf_ollama_end(&w, &cut, &o, NULL), 0);
    assert_int_equal(json_integer_value(json_object_get(o, "prompt_truncated")), 40);
    wf_ollama_writer_deinit(&w);
    json_decref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ollama__durations_are_as_go_writes_them),
        cmocka_unit_test(test_ollama__keep_alive_is_seconds_or_a_duration),
        cmocka_unit_test(test_ollama__thinks_as_asked),
        cmocka_unit_test(test_ollama__a_format_is_a_schema),
        cmocka_unit_test(test_ollama__reads_messages),
        cmocka_unit_test(test_ollama__a_context_comes_back_whole),
        cmocka_unit_test(test_ollama__refuses_another_ones_context),
        cmocka_unit_test(test_ollama__gathers_a_message),
        cmocka_unit_test(test_ollama__streams_lines),
        cmocka_unit_test(test_ollama__generates_with_a_context),
        cmocka_unit_test(test_ollama__tells_logprobs),
        cmocka_unit_test(test_ollama__stops_when_the_client_goes),
        cmocka_unit_test(test_ollama__says_what_was_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
