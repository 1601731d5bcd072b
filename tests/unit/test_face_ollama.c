/* SPDX-License-Identifier: Apache-2.0 */
/* Ollama's face: what a body asks of the engine and of the model store, and what goes back. */
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
#include "support/models.h"
#include "support/played_here.h"
#include "support/scripted.h"

static struct scripted engine;
static struct models models;
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

static int begin_store(void **state)
{
    char path[128];
    models_make(&models);
    models_write(&models, "llama", 0, "a.gguf", path);
    if (wf_model_store_import(models.s, path, "tiny", NULL, NULL, NULL, NULL) != 0)
        return -1;
    begin(state);
    ctx = *played_begin(); /* operations want a home */
    ctx.engine = &engine.base;
    ctx.models = models.s;
    return 0;
}

static int end_store(void **state)
{
    models_remove(&models);
    played_end();
    return end(state);
}

/* Quotes are single ones. */
static char *quoted(const char *text)
{
    char *own = strdup(text);
    for (char *p = own; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    return own;
}

static void ask(enum wf_http_method method, const char *path, const char *body)
{
    char *own = quoted(body);
    faced_free(&answer);
    faced_run(&ctx, method, path, wf_str_from(own), &answer);
    free(own);
}

static void post(const char *path, const char *body)
{
    ask(WF_HTTP_POST, path, body);
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

static json_t *without_time(json_t *o)
{
    static const char *const keys[] = {
        "created_at",    "total_duration", "load_duration", "prompt_eval_duration",
        "eval_duration", "modified_at",    "expires_at"};
    for (size_t i = 0; i < WF_ARRAY_LEN(keys); i++)
        json_object_del(o, keys[i]);
    return o;
}

#define CHAT "'model':'m','messages':[{'role':'user','content':'Hi'}]"

/* ---- chat ---- */

static void test_face_ollama__chats_in_lines(void **state)
{
    static const char *const lines[] = {
        "{'model':'m','done':false,'message':{'role':'assistant','content':'','thinking':'hm'}}",
        "{'model':'m','done':false,'message':{'role':'assistant','content':'Hi'}}",
        "{'model':'m','done':false,'message':{'role':'assistant','content':' there'}}",
        "{'model':'m','done':true,'done_reason':'stop','message':{'role':'assistant',"
        "'content':''},'prompt_eval_count':7,'eval_count':5}",
    };
    (void)state;
    post("/api/chat", "{" CHAT "}");
    assert_int_equal(answer.status, 200);
    assert_true(answer.whole);
    assert_string_equal(faced_header(&answer, "content-type"), "application/x-ndjson");
    for (size_t i = 0; i < WF_ARRAY_LEN(lines); i++)
        assert_same(without_time(faced_event(&answer, i)), lines[i]);
    assert_null(faced_event(&answer, WF_ARRAY_LEN(lines)));
}

static void test_face_ollama__chats_whole(void **state)
{
    (void)state;
    post("/api/chat", "{" CHAT ",'stream':false,'think':false}");
    assert_int_equal(answer.status, 200);
    assert_same(without_time(faced_json(&answer)),
                "{'model':'m','done':true,'done_reason':'stop','message':{'role':'assistant',"
                "'content':'Hi there'},'prompt_eval_count':7,'eval_count':5}");
    assert_same(asked(), "{'model':'m','messages':[{'role':'user','content':'Hi'}],"
                         "'n_choices':0.0,'tool_choice':'auto','parallel':true,"
                         "'template_vars':{'enable_thinking':false,'thinking':false}}");
}

static void test_face_ollama__asks_for_what_the_body_says(void **state)
{
    (void)state;
    post("/api/chat",
         "{" CHAT ",'stream':false,'keep_alive':'5m','format':'json','truncate':true,"
         "'logprobs':true,'top_logprobs':2,'tools':[{'type':'function','function':{'name':'f',"
         "'parameters':{'type':'object'}}}],'options':{'num_ctx':512,'num_predict':8,'seed':3,"
         "'temperature':0.5,'top_k':5,'top_p':0.5,'min_p':0.25,'typical_p':0.5,"
         "'repeat_last_n':32,'repeat_penalty':1.5,'presence_penalty':1,'frequency_penalty':0.5,"
         "'mirostat':2,'mirostat_tau':4,'mirostat_eta':0.5,'stop':['x'],'num_keep':4,"
         "'num_thread':2}}");
    assert_int_equal(answer.status, 200);
    assert_int_equal(json_integer_value(json_object_get(engine.asked, "seed")), 3);
    assert_same(
        asked(),
        "{'model':'m','messages':[{'role':'user','content':'Hi'}],'n_choices':0.0,"
        "'tool_choice':'auto','parallel':true,'tools':[{'type':'function','function':"
        "{'name':'f','parameters':{'type':'object'}}}],'keep_alive_s':300,'n_context':512.0,"
        "'n_max':8.0,'temperature':0.5,'top_k':5.0,'top_p':0.5,'min_p':0.25,'typical_p':0.5,"
        "'repeat_last_n':32.0,'repeat_penalty':1.5,'presence_penalty':1.0,"
        "'frequency_penalty':0.5,'mirostat':2.0,'mirostat_tau':4.0,'mirostat_eta':0.5,"
        "'stops':['x'],'schema':{'type':'object'},'overflow':'truncate','logprobs':true,"
        "'n_top_logprobs':2.0}");
    assert_string_equal(faced_header(&answer, "x-weft-ignored"),
                        "options.num_keep, options.num_thread");
}

static void test_face_ollama__a_begun_answer_goes_on(void **state)
{
    (void)state;
    post("/api/chat", "{'model':'m','messages':[{'role':'user','content':'Hi'},"
                      "{'role':'assistant','content':'Well'}]}");
    assert_true(json_is_true(json_object_get(engine.asked, "continue_last")));
}

static void test_face_ollama__calls_have_objects_as_arguments(void **state)
{
    static const struct wf_gen_event events[] = {
        {.kind = WF_GEN_CALL, .call_id = {"c1", 2}, .call_name = {"f", 1}},
        {.kind = WF_GEN_ARGUMENTS, .text = {"{\"a\":", 5}},
        {.kind = WF_GEN_ARGUMENTS, .text = {"[1]}", 4}},
        {.kind = WF_GEN_END, .finish = WF_FINISH_TOOL_CALLS},
    };
    (void)state;
    engine.events = events;
    engine.n_events = WF_ARRAY_LEN(events);
    post("/api/chat", "{" CHAT "}");
    assert_same(without_time(faced_event(&answer, 0)),
                "{'model':'m','done':false,'message':{'role':'assistant','content':'',"
                "'tool_calls':[{'id':'c1','function':{'index':0,'name':'f',"
                "'arguments':{'a':[1]}}}]}}");
}

/* ---- generate ---- */

static void test_face_ollama__generates_and_goes_on(void **state)
{
    json_t *o, *next;
    char *body;
    (void)state;
    post("/api/generate", "{'model':'m','prompt':'One','system':'S','stream':false}");
    assert_int_equal(answer.status, 200);
    o = faced_json(&answer);
    assert_string_equal(wf_json_text(o, "response"), "Hi there");
    assert_string_equal(wf_json_text(o, "thinking"), "hm");
    next = json_pack("{s:s, s:s, s:s, s:O}", "model", "m", "prompt", "Two", "system", "T",
                     "context", json_object_get(o, "context"));
    body = json_dumps(next, 0);
    post("/api/generate", body);
    wf_free(body);
    json_decref(next);
    json_decref(o);
    assert_int_equal(answer.status, 200);
    assert_same(json_incref(json_object_get(engine.asked, "messages")),
                "[{'role':'system','content':'T'},{'role':'user','content':'One'},"
                "{'role':'assistant','content':'Hi there'},{'role':'user','content':'Two'}]");
}

static void test_face_ollama__raw_prompts_are_texts(void **state)
{
    (void)state;
    post("/api/generate", "{'model':'m','prompt':'def','raw':true,'stream':false}");
    assert_string_equal(wf_json_text(engine.asked, "prompt"), "def");
    assert_null(json_object_get(engine.asked, "messages"));
    assert_null(strstr(answer.body.ptr, "context"));
    post("/api/generate", "{'model':'m','prompt':'def','suffix':'return','stream':false}");
    assert_string_equal(wf_json_text(engine.asked, "prompt"), "def");
    assert_string_equal(wf_json_text(engine.asked, "suffix"), "return");
    post("/api/generate", "{'model':'m','prompt':'x','template':'{{ messages[0].content }}'}");
    assert_string_equal(wf_json_text(engine.asked, "chat_template"), "{{ messages[0].content }}");
}

static void test_face_ollama__loads_and_unloads(void **state)
{
    static const struct {
        const char *path, *body, *asked, *reason;
    } cases[] = {
        {"/api/generate", "{'model':'m','stream':false}", "{'load':'m','keep_alive_s':0}", "load"},
        {"/api/generate", "{'model':'m','prompt':'','keep_alive':-1,'stream':false}",
         "{'load':'m','keep_alive_s':-1}", "load"},
        {"/api/generate", "{'model':'m','keep_alive':0,'stream':false}", "{'unload':'m'}",
         "unload"},
        {"/api/chat", "{'model':'m','messages':[],'stream':false}", "{'load':'m','keep_alive_s':0}",
         "load"},
        {"/api/chat", "{'model':'m','messages':[],'keep_alive':'0','stream':false}",
         "{'unload':'m'}", "unload"},
    };
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        json_t *o;
        post(cases[i].path, cases[i].body);
        assert_int_equal(answer.status, 200);
        assert_same(json_incref(engine.asked), cases[i].asked);
        o = faced_json(&answer);
        assert_string_equal(wf_json_text(o, "done_reason"), cases[i].reason);
        assert_true(json_is_true(json_object_get(o, "done")));
        json_decref(o);
    }
    post("/api/chat", "{'model':'m','messages':[]}"); /* as a line */
    assert_string_equal(faced_header(&answer, "content-type"), "application/x-ndjson");
}

/* ---- errors ---- */

static void assert_error(int status, const char *says)
{
    json_t *e = faced_json(&answer);
    assert_int_equal(answer.status, status);
    assert_int_equal(json_object_size(e), 1);
    if (!strstr(wf_json_text(e, "error"), says))
        fail_msg("%s", wf_json_text(e, "error"));
    json_decref(e);
}

static void test_face_ollama__refuses_in_its_own_form(void **state)
{
    static const struct {
        const char *path, *body, *says;
    } cases[] = {
        {"/api/chat", "{", "JSON"},
        {"/api/chat", "{}", "model is required"},
        {"/api/chat", "{" CHAT ",'steam':true}", "Did you mean \"stream\""},
        {"/api/chat", "{" CHAT ",'options':{'temprature':1}}", "options.temprature"},
        {"/api/chat", "{" CHAT ",'options':7}", "options"},
        {"/api/chat", "{" CHAT ",'options':{'num_ctx':'many'}}", "num_ctx"},
        {"/api/chat", "{" CHAT ",'options':{'num_predict':0.5}}", "num_predict"},
        {"/api/chat", "{" CHAT ",'keep_alive':'soon'}", "keep_alive"},
        {"/api/chat", "{" CHAT ",'format':'xml'}", "format"},
        {"/api/chat", "{" CHAT ",'think':'much'}", "think"},
        {"/api/chat", "{" CHAT ",'truncate':1}", "truncate"},
        {"/api/chat", "{'model':'m','messages':[{'role':'user','content':'x','images':['aGk=']}]}",
         "A picture is"},
        {"/api/generate", "{'model':'m','prompt':'x','images':['aGk=']}", "A picture is"},
        {"/api/generate", "{'model':'m','prompt':'x','width':8}", "width"},
        {"/api/generate", "{'model':'m','prompt':'x','raw':true,'system':'S'}", "raw"},
        {"/api/generate", "{'model':'m','prompt':'x','template':'{{- .Prompt }}'}", "Jinja"},
        {"/api/generate", "{'model':'m','prompt':'x','template':'{{ if .System }}'}", "Jinja"},
        {"/api/generate", "{'model':'m','prompt':'x','context':[1,2]}", "context"},
        {"/api/embed", "{'input':'x'}", "model is required"},
        {"/api/embed", "{'model':'m','input':[1]}", "input"},
        {"/api/embed", "{'model':'m','input':'x','options':3}", "options"},
        {"/api/embeddings", "{'model':'m'}", "prompt"},
        {"/api/show", "{}", "model is required"},
        {"/api/copy", "{'source':'a'}", "destination"},
        {"/api/create", "{'model':'m','from':'n'}", "weft models import"},
    };
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        post(cases[i].path, cases[i].body);
        assert_error(400, cases[i].says);
        assert_int_equal(engine.n_made, 0);
    }
}

static void test_face_ollama__an_unknown_model_is_not_found(void **state)
{
    (void)state;
    engine.fail = WF_E_NOENT;
    post("/api/chat", "{" CHAT "}");
    assert_error(404, "model 'm' not found");
    post("/api/generate", "{'model':'m'}");
    assert_error(404, "model 'm' not found");
    post("/api/embed", "{'model':'m','input':'x'}");
    assert_error(404, "model 'm' not found");
}

static void test_face_ollama__an_error_within_a_stream_is_its_last_line(void **state)
{
    json_t *e;
    (void)state;
    engine.fail_next = WF_E_NOMEM;
    post("/api/chat", "{" CHAT "}");
    assert_int_equal(answer.status, 200);
    e = faced_event(&answer, 3);
    assert_string_equal(wf_json_text(e, "error"), "The script says so.");
    json_decref(e);
    assert_null(faced_event(&answer, 4));
}

/* ---- embeddings ---- */

static void test_face_ollama__embeds(void **state)
{
    (void)state;
    post("/api/embed", "{'model':'m','input':['one','three']}");
    assert_int_equal(answer.status, 200);
    assert_same(without_time(faced_json(&answer)),
                "{'model':'m','embeddings':[[3.0,0.5],[5.0,1.5]],'prompt_eval_count':6}");
    assert_same(asked(), "{'model':'m','texts':['one','three'],'truncate':true,'raw':false}");
    post("/api/embed", "{'model':'m','input':'four','dimensions':1,'truncate':false,"
                       "'keep_alive':'1m','options':{'num_ctx':99,'num_gpu':1}}");
    assert_same(json_incref(json_object_get(faced_json(&answer), "embeddings")), "[[4.0]]");
    assert_string_equal(faced_header(&answer, "x-weft-ignored"), "options.num_gpu");
    post("/api/embed", "{'model':'m','input':[]}");
    assert_same(without_time(faced_json(&answer)),
                "{'model':'m','embeddings':[],'prompt_eval_count':0}");
    post("/api/embeddings", "{'model':'m','prompt':'four'}");
    assert_same(faced_json(&answer), "{'embedding':[4.0,0.5]}");
    assert_same(asked(), "{'model':'m','texts':['four'],'truncate':true,'raw':true}");
}

/* ---- the model store ---- */

static void test_face_ollama__lists_and_shows_models(void **state)
{
    json_t *o, *row;
    (void)state;
    ask(WF_HTTP_GET, "/api/tags", "");
    assert_int_equal(answer.status, 200);
    o = faced_json(&answer);
    row = json_array_get(json_object_get(o, "models"), 0);
    assert_int_equal(json_array_size(json_object_get(o, "models")), 1);
    assert_string_equal(wf_json_text(row, "name"), "tiny:latest");
    assert_string_equal(wf_json_text(row, "model"), "tiny:latest");
    assert_int_equal(strlen(wf_json_text(row, "digest")), 64);
    assert_true(json_integer_value(json_object_get(row, "size")) > 0);
    assert_int_equal(strlen(wf_json_text(row, "modified_at")), 24);
    assert_string_equal(wf_json_text(json_object_get(row, "details"), "family"), "llama");
    assert_string_equal(wf_json_text(json_object_get(row, "details"), "format"), "gguf");
    json_decref(o);
    post("/api/show", "{'model':'tiny'}");
    assert_int_equal(answer.status, 200);
    o = faced_json(&answer);
    assert_string_equal(wf_json_text(json_object_get(o, "model_info"), "general.architecture"),
                        "llama");
    assert_string_equal(json_string_value(json_array_get(json_object_get(o, "capabilities"), 0)),
                        "completion");
    json_decref(o);
    post("/api/show", "{'name':'other'}");
    assert_error(404, "model 'other' not found");
}

static void test_face_ollama__says_what_is_loaded(void **state)
{
    json_t *o, *row;
    (void)state;
    ask(WF_HTTP_GET, "/api/ps", "");
    assert_int_equal(answer.status, 200);
    o = faced_json(&answer);
    row = json_array_get(json_object_get(o, "models"), 0);
    assert_string_equal(wf_json_text(row, "name"), "tiny:latest");
    assert_int_equal(json_integer_value(json_object_get(row, "context_length")), 64);
    assert_int_equal(json_integer_value(json_object_get(row, "size")), 1000);
    assert_string_equal(wf_json_text(json_object_get(row, "details"), "family"), "llama");
    assert_string_equal(wf_json_text(row, "expires_at"), "9999-12-31T23:59:59.000Z");
    json_decref(o);
}

static void test_face_ollama__copies_and_deletes(void **state)
{
    (void)state;
    post("/api/copy", "{'source':'tiny','destination':'second'}");
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.body.len, 0);
    ask(WF_HTTP_DELETE, "/api/delete", "{'model':'tiny'}");
    assert_int_equal(answer.status, 200);
    assert_same(json_incref(engine.asked), "{'unload':'tiny'}");
    ask(WF_HTTP_DELETE, "/api/delete", "{'model':'tiny'}");
    assert_error(404, "model 'tiny' not found");
    post("/api/show", "{'model':'second'}");
    assert_int_equal(answer.status, 200);
    post("/api/copy", "{'source':'tiny','destination':'third'}");
    assert_error(404, "model 'tiny' not found");
}

static void test_face_ollama__the_registrys_defaults_hold(void **state)
{
    json_t *extra = json_pack("{s:s, s:{s:f, s:[s], s:s}}", "system", "Own.", "params",
                              "temperature", 0.25, "stop", "<e>", "num_ctx", "bogus");
    char file[WF_MODEL_FILE_MAX], path[128];
    struct wf_model_part part = {.file = file};
    (void)state;
    models_write(&models, "llama", 8, "b.gguf", path);
    assert_int_equal(wf_model_store_place(models.s, path, NULL, NULL, file, NULL), 0);
    assert_int_equal(
        wf_model_store_commit(
            models.s,
            &(struct wf_model_commit){.name = "m", .parts = &part, .n_parts = 1, .extra = extra},
            NULL, NULL),
        0);
    json_decref(extra);
    post("/api/chat", "{" CHAT "}");
    assert_same(asked(), "{'model':'m','messages':[{'role':'system','content':'Own.'},"
                         "{'role':'user','content':'Hi'}],'temperature':0.25,'stops':['<e>'],"
                         "'n_choices':0.0,'tool_choice':'auto','parallel':true}");
    assert_null(faced_header(&answer, "x-weft-ignored"));
    post("/api/generate", "{'model':'m','prompt':'p','system':'Other.','options':"
                          "{'temperature':0.5,'stop':[]}}");
    assert_same(asked(), "{'model':'m','messages':[{'role':'system','content':'Other.'},"
                         "{'role':'user','content':'p'}],'temperature':0.5,"
                         "'n_choices':0.0,'tool_choice':'auto','parallel':true}");
    post("/api/show", "{'model':'m'}");
    assert_non_null(strstr(answer.body.ptr, "temperature                    0.25"));
}

static void test_face_ollama__says_its_version(void **state)
{
    json_t *o;
    (void)state;
    ask(WF_HTTP_GET, "/api/version", "");
    o = faced_json(&answer);
    assert_true(strchr(wf_json_text(o, "version"), '.') != NULL);
    assert_string_equal(wf_json_text(o, "weft"), WF_VERSION);
    json_decref(o);
    ask(WF_HTTP_GET, "/api/blobs/sha256:00", "");
    assert_error(404, "blobs");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
#define TEST_STORE(fn) cmocka_unit_test_setup_teardown(fn, begin_store, end_store)

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

static void test_face_ollama__lives_through_each_failing_allocation(void **state)
{
    static const struct {
        const char *path, *body;
    } cases[] = {
        {"/api/chat", "{" CHAT "}"},
        {"/api/chat", "{" CHAT ",'stream':false,'think':'low','format':'json','logprobs':true,"
                      "'options':{'stop':['x'],'seed':1}}"},
        {"/api/chat",
         "{'model':'m','stream':false,'messages':[{'role':'user','content':'A'},"
         "{'role':'assistant','content':'','thinking':'t','tool_calls':[{'function':"
         "{'name':'f','arguments':{'a':[1]}}}]},{'role':'tool','content':'R'}],'tools':"
         "[{'type':'function','function':{'name':'f','parameters':{}}}]}"},
        {"/api/generate", "{'model':'m','prompt':'A','system':'S','stream':false}"},
        {"/api/generate", "{'model':'m','prompt':'A','raw':true}"},
        {"/api/embed", "{'model':'m','input':['a','b']}"},
        {"/api/embeddings", "{'model':'m','prompt':'a'}"},
        {"/api/generate", "{'model':'m'}"},
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
        TEST(test_face_ollama__chats_in_lines),
        TEST(test_face_ollama__chats_whole),
        TEST(test_face_ollama__asks_for_what_the_body_says),
        TEST(test_face_ollama__a_begun_answer_goes_on),
        TEST(test_face_ollama__calls_have_objects_as_arguments),
        TEST(test_face_ollama__generates_and_goes_on),
        TEST(test_face_ollama__raw_prompts_are_texts),
        TEST(test_face_ollama__loads_and_unloads),
        TEST(test_face_ollama__refuses_in_its_own_form),
        TEST(test_face_ollama__an_unknown_model_is_not_found),
        TEST(test_face_ollama__an_error_within_a_stream_is_its_last_line),
        TEST(test_face_ollama__embeds),
        TEST_STORE(test_face_ollama__lists_and_shows_models),
        TEST_STORE(test_face_ollama__says_what_is_loaded),
        TEST_STORE(test_face_ollama__copies_and_deletes),
        TEST_STORE(test_face_ollama__the_registrys_defaults_hold),
        TEST(test_face_ollama__says_its_version),
        TEST(test_face_ollama__lives_through_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
