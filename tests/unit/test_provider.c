/* SPDX-License-Identifier: Apache-2.0 */
/* Codecs of providers against what their documentation shows: bodies, streams, errors, headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/json.h"
#include "support/provided.h"

static json_t *js(const char *text)
{
    char own[8192];
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

/* ---- requests ---- */

#define MESSAGES                                                                                   \
    "[{'role':'system','content':'Be brief.'},"                                                    \
    "{'role':'user','content':[{'type':'text','text':'What?'},{'type':'image_url','image_url':"    \
    "{'url':'data:image/png;base64,iVBO'}}]},"                                                     \
    "{'role':'assistant','content':null,'reasoning_content':'hm','tool_calls':[{'id':'c1',"        \
    "'type':'function','function':{'name':'w','arguments':'{\\\"p\\\":1}'}}]},"                    \
    "{'role':'tool','tool_call_id':'c1','content':'rain'}]"
#define TOOLS "[{'type':'function','function':{'name':'w','parameters':{'type':'object'}}}]"

struct asking {
    struct wf_gen_request q;
    struct wf_engine_entry e;
    json_t *messages, *tools, *schema, *vars;
    struct wf_buf body, left_out;
    const char *model;
};

static void asking_init(struct asking *a, enum wf_protocol p, const char *messages)
{
    memset(a, 0, sizeof(*a));
    a->e = provided_entry(p);
    a->messages = js(messages);
    a->q = (struct wf_gen_request){
        .messages = a->messages, .sampling = wf_sampling_default(), .tools = {.parallel = true}};
    a->model = "m";
    wf_buf_init(&a->body, 1u << 20);
    wf_buf_init(&a->left_out, 4096);
}

static void asking_deinit(struct asking *a)
{
    json_decref(a->messages);
    json_decref(a->tools);
    json_decref(a->schema);
    json_decref(a->vars);
    wf_buf_deinit(&a->body);
    wf_buf_deinit(&a->left_out);
}

static int write_it(struct asking *a, struct wf_err *err)
{
    wf_buf_reset(&a->body);
    wf_buf_reset(&a->left_out);
    return wf_provider_write(&a->e, &a->q, a->model, true, &a->body, &a->left_out, err);
}

/* The body must be this JSON. */
static void writes(struct asking *a, const char *want)
{
    struct wf_err err = WF_ERR_INIT;
    json_t *have = NULL, *w = js(want);

    if (write_it(a, &err) != 0)
        fail_msg("%s", err.msg);
    if (wf_json_parse(wf_buf_str(&a->body), &have, &err) != 0)
        fail_msg("%s: %s", err.msg, a->body.ptr);
    if (!json_equal(have, w))
        fail_msg("%s\nnot %s", a->body.ptr, want);
    json_decref(have);
    json_decref(w);
}

/* The body of the same request in each protocol. */
static const char *const bodies[WF_PROTOCOL_COUNT] = {
    [WF_PROTOCOL_OPENAI] =
        "{'model':'m','messages':[{'role':'system','content':'Be brief.'},{'role':'user',"
        "'content':[{'type':'text','text':'What?'},{'type':'image_url','image_url':{'url':"
        "'data:image/png;base64,iVBO'}}]},{'role':'assistant','content':null,'tool_calls':"
        "[{'id':'c1','type':'function','function':{'name':'w','arguments':"
        "'{\\\"p\\\":1}'}}]},{'role':'tool','tool_call_id':'c1','content':'rain'}],'tools':"
        "[{'type':'function','function':{'name':'w','parameters':{'type':'object'}}}],"
        "'temperature':0.3,'stop':['#'],'max_completion_tokens':50,'store':false,"
        "'stream':true,'stream_options':{'include_usage':true}}",
    [WF_PROTOCOL_RESPONSES] =
        "{'model':'m','input':[{'role':'system','content':'Be brief.'},{'role':'user',"
        "'content':[{'type':'input_text','text':'What?'},{'type':'input_image','image_url':"
        "'data:image/png;base64,iVBO'}]},{'type':'function_call','call_id':'c1','name':'w',"
        "'arguments':'{\\\"p\\\":1}'},{'type':'function_call_output','call_id':'c1','output':"
        "'rain'}],'tools':[{'type':'function','name':'w','parameters':{'type':'object'},"
        "'strict':false}],'temperature':0.3,'max_output_tokens':50,'store':false,"
        "'stream':true}",
    [WF_PROTOCOL_ANTHROPIC] =
        "{'model':'m','max_tokens':50,'system':[{'type':'text','text':'Be brief.'}],"
        "'messages':[{'role':'user','content':[{'type':'text','text':'What?'},{'type':'image',"
        "'source':{'type':'base64','media_type':'image/png','data':'iVBO'}}]},{'role':"
        "'assistant','content':[{'type':'tool_use','id':'c1','name':'w','input':{'p':1}}]},"
        "{'role':'user','content':[{'type':'tool_result','tool_use_id':'c1','content':"
        "[{'type':'text','text':'rain'}]}]}],'tools':[{'name':'w','input_schema':{'type':"
        "'object'}}],'tool_choice':{'type':'auto'},'temperature':0.3,'stop_sequences':['#'],"
        "'stream':true}",
    [WF_PROTOCOL_GEMINI] =
        "{'systemInstruction':{'parts':[{'text':'Be brief.'}]},'contents':[{'role':'user',"
        "'parts':[{'text':'What?'},{'inlineData':{'mimeType':'image/png','data':'iVBO'}}]},"
        "{'role':'model','parts':[{'functionCall':{'name':'w','args':{'p':1}}}]},{'role':"
        "'user','parts':[{'functionResponse':{'name':'w','response':{'result':'rain'}}}]}],"
        "'tools':[{'functionDeclarations':[{'name':'w','description':'',"
        "'parametersJsonSchema':{'type':'object'}}]}],'toolConfig':{'functionCallingConfig':"
        "{'mode':'AUTO'}},'generationConfig':{'temperature':0.3,'maxOutputTokens':50,"
        "'stopSequences':['#']}}",
    [WF_PROTOCOL_OLLAMA] =
        "{'model':'m','messages':[{'role':'system','content':'Be brief.'},{'role':'user',"
        "'content':'What?','images':['iVBO']},{'role':'assistant','content':'','thinking':"
        "'hm','tool_calls':[{'id':'c1','function':{'name':'w','arguments':{'p':1}}}]},"
        "{'role':'tool','content':'rain','tool_name':'w','tool_call_id':'c1'}],'tools':"
        "[{'type':'function','function':{'name':'w','parameters':{'type':'object'}}}],"
        "'options':{'temperature':0.3,'num_predict':50,'stop':['#']},'stream':true}",
    [WF_PROTOCOL_AZURE] =
        "{'model':'m','messages':[{'role':'system','content':'Be brief.'},{'role':'user',"
        "'content':[{'type':'text','text':'What?'},{'type':'image_url','image_url':{'url':"
        "'data:image/png;base64,iVBO'}}]},{'role':'assistant','content':null,'tool_calls':"
        "[{'id':'c1','type':'function','function':{'name':'w','arguments':"
        "'{\\\"p\\\":1}'}}]},{'role':'tool','tool_call_id':'c1','content':'rain'}],'tools':"
        "[{'type':'function','function':{'name':'w','parameters':{'type':'object'}}}],"
        "'temperature':0.3,'stop':['#'],'max_completion_tokens':50,"
        "'stream':true,'stream_options':{'include_usage':true}}",
};

static void test_provider__a_whole_request_of_each_protocol(void **state)
{
    static const struct wf_str stops[] = {{"#", 1}};

    (void)state;
    for (size_t p = 0; p < WF_PROTOCOL_COUNT; p++) {
        struct asking a;
        asking_init(&a, (enum wf_protocol)p, MESSAGES);
        a.tools = js(TOOLS);
        a.q.tools.tools = a.tools;
        a.q.sampling.temperature = 0.3F;
        a.q.sampling.seed = 77;
        a.q.n_max = 50;
        a.q.stops = stops;
        a.q.n_stops = 1;
        writes(&a, bodies[p]);
        asking_deinit(&a);
    }
}

static void test_provider__what_a_protocol_does_not_know_is_named(void **state)
{
    static const char *const want[WF_PROTOCOL_COUNT] = {
        "logprobs,top_k,min_p,dry_multiplier",
        "logprobs,top_k,frequency_penalty,min_p,dry_multiplier",
        "logprobs,frequency_penalty,min_p,dry_multiplier",
        "logprobs,min_p,dry_multiplier",
        "logprobs,dry_multiplier",
        "logprobs,top_k,min_p,dry_multiplier"};

    (void)state;
    for (size_t p = 0; p < WF_PROTOCOL_COUNT; p++) {
        struct asking a;
        asking_init(&a, (enum wf_protocol)p, "[{'role':'user','content':'a'}]");
        a.q.sampling.top_k = 3;
        a.q.sampling.min_p = 0.5F;
        a.q.sampling.frequency_penalty = 1;
        a.q.sampling.dry_multiplier = 1;
        a.q.wants_logprobs = true;
        assert_int_equal(write_it(&a, NULL), 0);
        assert_string_equal(a.left_out.ptr, want[p]);
        asking_deinit(&a);
    }
}

static void refuses(struct asking *a, int code)
{
    struct wf_err err = WF_ERR_INIT;

    assert_int_equal(write_it(a, &err), code);
    assert_true(err.msg[0] != 0);
    asking_deinit(a);
}

static void test_provider__what_must_not_be_left_out_is_refused(void **state)
{
    struct asking a;

    (void)state;
    asking_init(&a, WF_PROTOCOL_OPENAI, MESSAGES);
    a.e.lacks = WF_ABILITY_IMAGES;
    assert_int_equal(wf_provider_needs(&a.q), WF_ABILITY_IMAGES);
    refuses(&a, WF_E_UNSUPPORTED);
    asking_init(&a, WF_PROTOCOL_ANTHROPIC, MESSAGES);
    a.q.n_choices = 2;
    refuses(&a, WF_E_UNSUPPORTED);
    asking_init(&a, WF_PROTOCOL_OPENAI, MESSAGES);
    a.q.grammar = "root ::= \"a\"";
    refuses(&a, WF_E_UNSUPPORTED);
    asking_init(&a, WF_PROTOCOL_OPENAI, MESSAGES);
    a.q.continue_last = true;
    refuses(&a, WF_E_UNSUPPORTED);
    asking_init(&a, WF_PROTOCOL_OPENAI, MESSAGES);
    a.q.messages = NULL;
    refuses(&a, WF_E_UNSUPPORTED);
    asking_init(&a, WF_PROTOCOL_GEMINI,
                "[{'role':'user','content':[{'type':'image_url','image_url':'https://a/b'}]}]");
    refuses(&a, WF_E_UNSUPPORTED);
    asking_init(&a, WF_PROTOCOL_OPENAI,
                "[{'role':'user','content':[{'type':'image_url','image_url':'file:///etc'}]}]");
    refuses(&a, WF_E_UNSUPPORTED);
    asking_init(&a, WF_PROTOCOL_OPENAI, "[{'role':'user','content':[{'type':'input_audio'}]}]");
    refuses(&a, WF_E_UNSUPPORTED);
    asking_init(&a, WF_PROTOCOL_GEMINI, "[{'role':'tool','tool_call_id':'x','content':'a'}]");
    refuses(&a, WF_E_INVAL);
    asking_init(&a, WF_PROTOCOL_ANTHROPIC, "[{'role':'system','content':'a'}]");
    refuses(&a, WF_E_INVAL);
}

static void test_provider__schemas_are_strict_where_they_can_be(void **state)
{
    struct asking a;

    (void)state;
    asking_init(&a, WF_PROTOCOL_OPENAI, "[{'role':'user','content':'a'}]");
    a.schema = js("{'type':'object','properties':{'a':{'type':'array','items':{'type':'object',"
                  "'properties':{},'required':[],'additionalProperties':false}}},'required':['a'],"
                  "'additionalProperties':false}");
    a.q.schema = a.schema;
    assert_int_equal(write_it(&a, NULL), 0);
    assert_non_null(strstr(a.body.ptr, "\"strict\":true"));
    json_object_set_new(a.schema, "required", json_array());
    assert_int_equal(write_it(&a, NULL), 0);
    assert_null(strstr(a.body.ptr, "strict"));
    json_object_clear(a.schema);
    json_object_set_new(a.schema, "type", json_string("object"));
    assert_int_equal(write_it(&a, NULL), 0);
    assert_non_null(strstr(a.body.ptr, "\"response_format\":{\"type\":\"json_object\"}"));
    asking_deinit(&a);
    asking_init(&a, WF_PROTOCOL_ANTHROPIC, "[{'role':'user','content':'a'}]");
    a.schema = js("{'type':'string'}");
    a.q.schema = a.schema;
    writes(&a, "{'model':'m','max_tokens':8192,'messages':[{'role':'user','content':[{'type':"
               "'text','text':'a'}]}],'output_config':{'format':{'type':'json_schema','schema':"
               "{'type':'string'}}},'stream':true}");
    asking_deinit(&a);
}

static void thinks(enum wf_protocol p, const char *model, const char *want)
{
    struct asking a;

    asking_init(&a, p, "[{'role':'user','content':'a'}]");
    a.vars = js("{'enable_thinking':true,'reasoning_effort':'high'}");
    a.q.template_vars = a.vars;
    a.model = model;
    assert_int_equal(write_it(&a, NULL), 0);
    if (!strstr(a.body.ptr, want))
        fail_msg("%s lacks %s", a.body.ptr, want);
    assert_string_equal(a.left_out.ptr, "");
    asking_deinit(&a);
}

static void test_provider__effort_is_said_in_each_ones_words(void **state)
{
    (void)state;
    thinks(WF_PROTOCOL_OPENAI, "m", "\"reasoning_effort\":\"high\"");
    thinks(WF_PROTOCOL_RESPONSES, "m", "\"reasoning\":{\"effort\":\"high\",\"summary\":\"auto\"}");
    thinks(WF_PROTOCOL_ANTHROPIC, "claude-opus-4-6", "\"thinking\":{\"type\":\"adaptive\"}");
    thinks(WF_PROTOCOL_ANTHROPIC, "claude-opus-4-6", "\"output_config\":{\"effort\":\"high\"}");
    thinks(WF_PROTOCOL_ANTHROPIC, "claude-sonnet-4-5",
           "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":4096}");
    thinks(WF_PROTOCOL_GEMINI, "gemini-3-pro",
           "\"thinkingConfig\":{\"includeThoughts\":true,\"thinkingLevel\":\"high\"}");
    thinks(WF_PROTOCOL_GEMINI, "gemini-2.5-pro",
           "\"thinkingConfig\":{\"includeThoughts\":true,\"thinkingBudget\":24576}");
    thinks(WF_PROTOCOL_OLLAMA, "m", "\"think\":\"high\"");
}

static void test_provider__a_server_of_ones_own_gets_more(void **state)
{
    struct asking a;

    (void)state;
    asking_init(&a, WF_PROTOCOL_OPENAI,
                "[{'role':'user','content':'a'},{'role':'assistant','content':'b',"
                "'reasoning_content':'c'},{'role':'user','content':'d'}]");
    a.e.url = "http://127.0.0.1:8080/v1";
    a.q.sampling.top_k = 3;
    a.q.n_max = 9;
    a.q.grammar = "root ::= \"a\"";
    writes(&a, "{'model':'m','messages':[{'role':'user','content':'a'},{'role':'assistant',"
               "'content':'b','reasoning_content':'c'},{'role':'user','content':'d'}],'top_k':3,"
               "'grammar':'root ::= \\\"a\\\"','max_tokens':9,'stream':true,'stream_options':"
               "{'include_usage':true}}");
    assert_string_equal(a.left_out.ptr, "");
    asking_deinit(&a);
}

static void test_provider__calls_of_this_turn_are_marked_for_newer_gemini(void **state)
{
    struct asking a;

    (void)state;
    asking_init(&a, WF_PROTOCOL_GEMINI, MESSAGES);
    a.model = "gemini-3-flash";
    assert_int_equal(write_it(&a, NULL), 0);
    assert_non_null(strstr(a.body.ptr, "skip_thought_signature_validator"));
    json_array_append_new(a.messages, js("{'role':'user','content':'next'}"));
    assert_int_equal(write_it(&a, NULL), 0);
    assert_null(strstr(a.body.ptr, "skip_thought_signature_validator"));
    asking_deinit(&a);
}

static void goes_to(enum wf_protocol p, const char *url, const char *model, const char *want)
{
    struct wf_engine_entry e = provided_entry(p);
    struct wf_provider_target t;

    if (url)
        e.url = url;
    assert_int_equal(wf_provider_target(&e, model, true, &t, NULL), 0);
    assert_string_equal(t.url, want);
}

static void test_provider__goes_to_the_right_place(void **state)
{
    struct wf_engine_entry e = provided_entry(WF_PROTOCOL_AZURE);
    struct wf_provider_target t;

    (void)state;
    goes_to(WF_PROTOCOL_OPENAI, NULL, "m", "https://api.openai.com/v1/chat/completions");
    goes_to(WF_PROTOCOL_OPENAI, "http://[::1]:8080", "m", "http://[::1]:8080/v1/chat/completions");
    goes_to(WF_PROTOCOL_RESPONSES, NULL, "m", "https://api.openai.com/v1/responses");
    goes_to(WF_PROTOCOL_ANTHROPIC, NULL, "m", "https://api.anthropic.com/v1/messages");
    goes_to(WF_PROTOCOL_ANTHROPIC, "https://a/b", "m", "https://a/b/v1/messages");
    goes_to(WF_PROTOCOL_OLLAMA, NULL, "m", "http://127.0.0.1:11434/api/chat");
    goes_to(WF_PROTOCOL_GEMINI, NULL, "gemini-3-pro",
            "https://generativelanguage.googleapis.com/v1beta/models/"
            "gemini-3-pro:streamGenerateContent?alt=sse");
    goes_to(WF_PROTOCOL_AZURE, NULL, "m", "https://me.openai.azure.com/openai/v1/chat/completions");
    e.api_version = "2024-10-21";
    assert_int_equal(wf_provider_target(&e, "gpt", true, &t, NULL), 0);
    assert_string_equal(t.url, "https://me.openai.azure.com/openai/deployments/gpt/chat/"
                               "completions?api-version=2024-10-21");
    assert_string_equal(t.key_header, "api-key");
    assert_int_equal(wf_provider_target(&e, "../gpt", true, &t, NULL), WF_E_INVAL);
    assert_int_equal(wf_provider_target(&e, "a?b", true, &t, NULL), WF_E_INVAL);
    assert_int_equal(wf_provider_target(&e, "a/../../b", true, &t, NULL), WF_E_INVAL);
}

/* ---- responses ---- */

struct stream {
    enum wf_protocol protocol;
    const char *body, *want;
};

static const struct stream streams[] = {
    {WF_PROTOCOL_GEMINI,
     "data: {'candidates':[{'content':{'role':'model','parts':[{'text':'hm','thought':true}]},"
     "'index':0}],'usageMetadata':{'promptTokenCount':9,'thoughtsTokenCount':3},'modelVersion':"
     "'gemini-3-pro'}\r\n\r\n"
     "data: {'candidates':[{'content':{'parts':[{'text':'Hi '},{'text':'you'}]}}]}\r\n\r\n"
     "data: {'candidates':[{'content':{'parts':[{'functionCall':{'id':'x','name':'w','args':"
     "{'p':[1,2]}},'thoughtSignature':'AAAA'}]},'finishReason':'STOP'}],'usageMetadata':"
     "{'promptTokenCount':9,'candidatesTokenCount':5,'thoughtsTokenCount':3,"
     "'cachedContentTokenCount':4}}\r\n\r\n",
     "R0:hm|T0:Hi you|C0.0 x w|A0.0:{\"p\":[1,2]}|E0 tool_calls"},
    {WF_PROTOCOL_ANTHROPIC,
     "event: message_start\ndata: {'type':'message_start','message':{'model':'claude','usage':"
     "{'input_tokens':5,'cache_read_input_tokens':4,'output_tokens':1}}}\n\n"
     ": comment\n\nevent: ping\ndata: {'type':'ping'}\n\n"
     "data: {'type':'content_block_start','index':0,'content_block':{'type':'thinking',"
     "'thinking':''}}\n\n"
     "data: {'type':'content_block_delta','index':0,'delta':{'type':'thinking_delta','thinking':"
     "'hm'}}\n\n"
     "data: {'type':'content_block_delta','index':0,'delta':{'type':'signature_delta',"
     "'signature':'AA'}}\n\n"
     "data: {'type':'content_block_start','index':1,'content_block':{'type':'text','text':''}}\n\n"
     "data: {'type':'content_block_delta','index':1,'delta':{'type':'text_delta','text':'Hi'}}\n\n"
     "data: {'type':'content_block_start','index':2,'content_block':{'type':'tool_use','id':'t1',"
     "'name':'w','input':{}}}\n\n"
     "data: {'type':'content_block_delta','index':2,'delta':{'type':'input_json_delta',"
     "'partial_json':''}}\n\n"
     "data: {'type':'content_block_start','index':3,'content_block':{'type':'tool_use','id':'t2',"
     "'name':'w','input':{}}}\n\n"
     "data: {'type':'content_block_delta','index':3,'delta':{'type':'input_json_delta',"
     "'partial_json':'{}'}}\n\n"
     "data: {'type':'message_delta','delta':{'stop_reason':'tool_use'},'usage':{'output_tokens':"
     "8}}\n\ndata: {'type':'message_stop'}\n\n",
     "R0:hm|T0:Hi|C0.0 t1 w|A0.0:{}|C0.1 t2 w|A0.1:{}|E0 tool_calls"},
    {WF_PROTOCOL_OPENAI,
     "data:{'choices':[{'delta':{'role':'assistant','content':null}}]}\n\n"
     "data: {'choices':[{'index':1,'delta':{'content':'b'}},{'index':0,'delta':{'content':'a'}}]}"
     "\n\ndata: {'choices':[{'index':0,'delta':{'tool_calls':[{'index':0,'id':'c','type':"
     "'function','function':{'name':'w','arguments':''}}]}}]}\n\n"
     "data: {'choices':[{'index':0,'delta':{'tool_calls':[{'index':0,'function':{'arguments':"
     "'{}'}}]}}]}\n\n"
     "data: {'choices':[{'index':0,'delta':{},'finish_reason':'tool_calls'}]}\n\n"
     "data: {'choices':[{'index':1,'delta':{},'finish_reason':'stop'}]}\n\n"
     "data: {'choices':[],'usage':{'prompt_tokens':9,'completion_tokens':8,"
     "'prompt_tokens_details':{'cached_tokens':4},'completion_tokens_details':"
     "{'reasoning_tokens':3}}}\n\ndata: [DONE]\n\n",
     "T1:b|T0:a|C0.0 c w|A0.0:{}|E0 tool_calls|E1 stop"},
    {WF_PROTOCOL_RESPONSES,
     "event: response.created\ndata: {'type':'response.created','response':{'model':'gpt'}}\n\n"
     "data: {'type':'response.output_item.added','output_index':0,'item':{'type':'reasoning'}}\n\n"
     "data: {'type':'response.reasoning_summary_text.delta','output_index':0,'delta':'hm'}\n\n"
     "data: {'type':'response.output_text.delta','output_index':1,'delta':'Hi'}\n\n"
     "data: {'type':'response.output_item.added','output_index':2,'item':{'type':'function_call',"
     "'id':'fc','call_id':'c','name':'w','arguments':''}}\n\n"
     "data: {'type':'response.output_item.done','output_index':2,'item':{'type':'function_call',"
     "'id':'fc','call_id':'c','name':'w','arguments':'{\\\"a\\\":1}'}}\n\n"
     "data: {'type':'response.completed','response':{'status':'completed','usage':{"
     "'input_tokens':9,'output_tokens':8,'input_tokens_details':{'cached_tokens':4},"
     "'output_tokens_details':{'reasoning_tokens':3}}}}\n\n",
     "R0:hm|T0:Hi|C0.0 c w|A0.0:{\"a\":1}|E0 tool_calls"},
    {WF_PROTOCOL_OLLAMA,
     "{'model':'q','message':{'role':'assistant','content':'','thinking':'hm'},'done':false}\n"
     "\n{'message':{'content':'Hi'},'done':false}\n"
     "{'message':{'content':'','tool_calls':[{'id':'c','function':{'name':'w','arguments':{}}}]},"
     "'done':false}\n"
     "{'message':{'content':''},'done':true,'done_reason':'stop','prompt_eval_count':9,"
     "'eval_count':8}",
     "R0:hm|T0:Hi|C0.0 c w|A0.0:{}|E0 tool_calls"},
};

static char *quoted(const char *text)
{
    char *own = wf_strdup(text);

    for (char *c = own; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    return own;
}

static void test_provider__streams_read_the_same_however_they_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(streams); i++) {
        struct wf_engine_entry e = provided_entry(streams[i].protocol);
        struct wf_gen_request q = {.n_choices = streams[i].protocol == WF_PROTOCOL_OPENAI ? 2 : 1};
        char *body = quoted(streams[i].body);
        for (size_t at = 0; at <= strlen(body); at++) {
            struct provided p;
            int rc = provided_read(&e, &q, true, 200, NULL, wf_str_from(body), at,
                                   at == 0 ? 1 : SIZE_MAX, &p);
            if (rc != 0 || strcmp(p.line.ptr, streams[i].want) != 0)
                fail_msg("%s at %zu: %s (%s)", wf_protocol_name(e.protocol), at, p.line.ptr,
                         p.err.msg);
            assert_int_equal(p.usage.n_prompt, 9);
            assert_int_equal(p.usage.n_written, 8);
            if (e.protocol != WF_PROTOCOL_OLLAMA)
                assert_int_equal(p.usage.n_cached, 4);
            provided_free(&p);
        }
        wf_free(body);
    }
}

/* jansson's own, without failures: where its scanner has no memory for a byte, it goes on without
 * that byte. */
static json_malloc_t usual_alloc;
static json_free_t usual_free;

static void test_provider__each_failing_allocation_is_an_error(void **state)
{
    (void)state;
    json_set_alloc_funcs(usual_alloc, usual_free);
    for (size_t i = 0; i < WF_ARRAY_LEN(streams); i++) {
        struct wf_engine_entry e = provided_entry(streams[i].protocol);
        struct wf_gen_request q = {.n_choices = streams[i].protocol == WF_PROTOCOL_OPENAI ? 2 : 1};
        char *body = quoted(streams[i].body);
        uint64_t n_live = wf_alloc_stats().n_live;
        for (uint64_t n = 1;; n++) {
            struct provided p;
            wf_alloc_fail_at(n);
            int rc = provided_read(&e, &q, true, 200, NULL, wf_str_from(body), 0, 100, &p);
            bool failed = wf_alloc_failed();
            wf_alloc_fail_at(0);
            /* The line that this test itself writes may be what failed. */
            if (rc != WF_E_NOMEM && wf_buf_status(&p.line) == 0) {
                assert_false(failed);
                assert_string_equal(p.line.ptr, streams[i].want);
            }
            provided_free(&p);
            assert_int_equal(wf_alloc_stats().n_live, n_live);
            if (!failed)
                break;
        }
        wf_free(body);
    }
    for (size_t i = 0; i < WF_PROTOCOL_COUNT; i++) {
        struct asking a;
        asking_init(&a, (enum wf_protocol)i, MESSAGES);
        a.tools = js(TOOLS);
        a.q.tools.tools = a.tools;
        for (uint64_t n = 1;; n++) {
            wf_buf_deinit(&a.body);
            wf_alloc_fail_at(n);
            int rc = wf_provider_write(&a.e, &a.q, "m", true, &a.body, NULL, NULL);
            bool failed = wf_alloc_failed();
            wf_alloc_fail_at(0);
            assert_int_equal(rc, failed ? WF_E_NOMEM : 0);
            if (!failed)
                break;
        }
        asking_deinit(&a);
    }
    json_set_alloc_funcs(wf_alloc, wf_free);
}

static void test_provider__stop_texts_are_found_where_the_protocol_has_none(void **state)
{
    static const struct wf_str stops[] = {{"END", 3}};
    const char *want[] = {"T0:a E|E0 stop", "T0:a |E0 stop_text END"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct wf_engine_entry e = provided_entry(WF_PROTOCOL_RESPONSES);
        struct wf_gen_request q = {.stops = stops, .n_stops = 1};
        struct provided p;
        char *body = quoted(
            i == 0 ? "data: {'type':'response.output_text.delta','delta':'a E'}\n\n"
                     "data: {'type':'response.completed','response':{'status':'completed'}}\n\n"
                   : "data: {'type':'response.output_text.delta','delta':'a E'}\n\n"
                     "data: {'type':'response.output_text.delta','delta':'ND b'}\n\n"
                     "data: {'type':'response.output_text.delta','delta':'c'}\n\n");
        assert_int_equal(provided_read(&e, &q, true, 200, NULL, wf_str_from(body), 0, 1, &p), 0);
        assert_string_equal(p.line.ptr, want[i]);
        provided_free(&p);
        wf_free(body);
    }
}

static void test_provider__a_json_in_place_of_a_stream_is_read(void **state)
{
    struct wf_engine_entry e = provided_entry(WF_PROTOCOL_OPENAI);
    struct wf_gen_request q = {.n_choices = 1};
    char *body = quoted("{'model':'x','choices':[{'message':{'role':'assistant','content':'Hi',"
                        "'tool_calls':[{'id':'c','function':{'name':'w','arguments':'{}'}}]},"
                        "'finish_reason':'stop'}],'usage':{'prompt_tokens':1}}");
    struct provided p;

    (void)state;
    assert_int_equal(provided_read(&e, &q, true, 200, "Content-Type: application/json",
                                   wf_str_from(body), 0, 3, &p),
                     0);
    assert_string_equal(p.line.ptr, "T0:Hi|C0.0 c w|A0.0:{}|E0 tool_calls");
    assert_string_equal(p.model, "x");
    provided_free(&p);
    wf_free(body);
}

/* ---- errors ---- */

static const struct {
    enum wf_protocol protocol;
    int status;
    const char *headers, *body;
    int code;
    bool may_retry, elsewhere;
    int64_t after_ms;
    const char *says;
} errors[] = {
    {WF_PROTOCOL_OPENAI, 429, "Retry-After: 3",
     "{'error':{'message':'Slow down.','type':'requests','code':'rate_limit_exceeded'}}", WF_E_BUSY,
     true, false, 3000, "e has had too many requests; again in 3 s: Slow down."},
    {WF_PROTOCOL_OPENAI, 429, NULL, "{'error':{'message':'No money.','type':'insufficient_quota'}}",
     WF_E_DENIED, false, true, -1, "no money or quota left: No money."},
    {WF_PROTOCOL_OPENAI, 401, NULL, "{'error':{'message':'x','code':'invalid_api_key'}}",
     WF_E_DENIED, false, true, -1, "does not take the key"},
    {WF_PROTOCOL_OPENAI, 400, NULL,
     "{'error':{'message':'too big','code':'context_length_exceeded'}}", WF_E_LIMIT, false, true,
     -1, "of this length"},
    {WF_PROTOCOL_ANTHROPIC, 400, NULL,
     "{'type':'error','error':{'type':'invalid_request_error','message':'prompt is too long: "
     "9 tokens'}}",
     WF_E_LIMIT, false, true, -1, "of this length"},
    {WF_PROTOCOL_ANTHROPIC, 529, "retry-after-ms: 250",
     "{'type':'error','error':{'type':'overloaded_error','message':'Overloaded'}}", WF_E_BUSY, true,
     false, 250, "is overloaded; again in 1 s: Overloaded"},
    {WF_PROTOCOL_ANTHROPIC, 200, NULL,
     "data: {'type':'error','error':{'type':'overloaded_error','message':'Overloaded'}}\n\n",
     WF_E_BUSY, true, false, -1, "is overloaded"},
    {WF_PROTOCOL_ANTHROPIC, 400, NULL,
     "{'type':'error','error':{'type':'invalid_request_error','message':'bad'}}", WF_E_INVAL, false,
     false, -1, "does not accept the request: bad"},
    {WF_PROTOCOL_GEMINI, 503, NULL,
     "[{'error':{'code':503,'message':'busy','status':'UNAVAILABLE'}}]", WF_E_BUSY, true, false, -1,
     "is overloaded: busy"},
    {WF_PROTOCOL_GEMINI, 200, NULL, "data: {'promptFeedback':{'blockReason':'SAFETY'}}\n\n",
     WF_E_DENIED, false, true, -1, "by its filter: SAFETY"},
    {WF_PROTOCOL_OLLAMA, 404, NULL, "{'error':'model q not found'}", WF_E_NOENT, false, true, -1,
     "does not have this model (or URL): model q not found"},
    {WF_PROTOCOL_OLLAMA, 200, NULL, "{'error':'it broke'}\n", WF_E_IO, true, false, -1,
     "an error of its own: it broke"},
    {WF_PROTOCOL_OPENAI, 502, NULL, "<html><body>Bad gateway", WF_E_IO, true, false, -1,
     "an error of its own."},
    {WF_PROTOCOL_OPENAI, 504, NULL, "", WF_E_TIMEOUT, true, false, -1, "took too long."},
    {WF_PROTOCOL_OPENAI, 422, NULL, "{'detail':[{'msg':'no such field'}]}", WF_E_INVAL, false,
     false, -1, "no such field"},
    {WF_PROTOCOL_OPENAI, 200, NULL, "data: nonsense\n\n", WF_E_FORMAT, false, true, -1, "not JSON"},
    {WF_PROTOCOL_OPENAI, 200, NULL, "", WF_E_IO, true, false, -1, "sent no answer"},
    {WF_PROTOCOL_OPENAI, 200, NULL,
     "data: {'choices':[{'delta':{},'finish_reason':'content_filter'}]}\n\n", WF_E_DENIED, false,
     true, -1, "by its filter"},
    {WF_PROTOCOL_RESPONSES, 200, NULL,
     "data: {'type':'response.failed','response':{'status':'failed','error':{'code':"
     "'server_error','message':'oh'}}}\n\n",
     WF_E_IO, true, false, -1, "an error of its own: oh"},
    {WF_PROTOCOL_OPENAI, 429, "retry-after: Fri, 02 Jan 2026 03:04:15 GMT", "{}", WF_E_BUSY, true,
     false, 10000, "again in 10 s"},
};

static void test_provider__errors_in_plain_words_with_advice(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(errors); i++) {
        struct wf_engine_entry e = provided_entry(errors[i].protocol);
        struct wf_gen_request q = {.n_choices = 1};
        char *body = quoted(errors[i].body);
        struct provided p;
        int rc = provided_read(&e, &q, true, errors[i].status, errors[i].headers, wf_str_from(body),
                               0, 11, &p);
        if (rc != errors[i].code || !strstr(p.err.msg, errors[i].says))
            fail_msg("%zu: %d, %s", i, rc, p.err.msg);
        assert_int_equal(p.problem.may_retry, errors[i].may_retry);
        assert_int_equal(p.problem.is_elsewhere_only, errors[i].elsewhere);
        assert_int_equal(p.problem.retry_after_ms, errors[i].after_ms);
        assert_false(p.problem.is_midway);
        provided_free(&p);
        wf_free(body);
    }
}

static void test_provider__headers_say_what_is_left(void **state)
{
    static const struct {
        const char *headers;
        struct wf_provider_rates want;
    } heads[] = {
        {"x-ratelimit-remaining-requests: 59\nX-RateLimit-Remaining-Tokens: 149984\n"
         "x-ratelimit-reset-requests: 1s\nx-ratelimit-reset-tokens: 6m0s",
         {59, 149984, 1000, 360000}},
        {"anthropic-ratelimit-requests-remaining: 3\n"
         "anthropic-ratelimit-requests-reset: 2026-01-02T03:05:05Z\n"
         "anthropic-ratelimit-tokens-reset: 2020-01-01T00:00:00Z",
         {3, -1, 60000, 0}},
        {"x-ratelimit-remaining-tokens: -1\nx-ratelimit-reset-tokens: 12ms\nx-other: 5",
         {-1, -1, -1, 12}},
        {"x-ratelimit-reset-tokens: 999999h\nx-ratelimit-remaining-requests: 1e3",
         {-1, -1, -1, 86400000}},
        {"retry-after: soon\nanthropic-ratelimit-requests-reset: 2026-13-02T03:05:05Z",
         {-1, -1, -1, -1}},
    };
    struct wf_engine_entry e = provided_entry(WF_PROTOCOL_OPENAI);
    struct wf_gen_request q = {.n_choices = 1};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(heads); i++) {
        struct provided p;
        (void)provided_read(&e, &q, true, 200, heads[i].headers, WF_STR(""), 0, 1, &p);
        assert_int_equal(p.rates.n_requests, heads[i].want.n_requests);
        assert_int_equal(p.rates.n_tokens, heads[i].want.n_tokens);
        assert_int_equal(p.rates.requests_reset_ms, heads[i].want.requests_reset_ms);
        assert_int_equal(p.rates.tokens_reset_ms, heads[i].want.tokens_reset_ms);
        provided_free(&p);
    }
}

static void test_provider__what_does_not_end_is_cut_off(void **state)
{
    struct wf_engine_entry e = provided_entry(WF_PROTOCOL_OPENAI);
    struct wf_gen_request q = {.n_choices = 1};
    size_t n = WF_PROVIDER_EVENT_BYTES_MAX + 1;
    char *body = wf_alloc(n);
    struct provided p;

    (void)state;
    memset(body, 'a', n);
    memcpy(body, "data: ", 6);
    assert_int_equal(provided_read(&e, &q, true, 200, NULL, wf_str_n(body, n), 0, 65536, &p),
                     WF_E_LIMIT);
    provided_free(&p);
    /* An error page of any length is an error like a short one. */
    assert_int_equal(provided_read(&e, &q, true, 500, NULL, wf_str_n(body, n), 0, 65536, &p),
                     WF_E_IO);
    provided_free(&p);
    wf_free(body);
}

int main(void)
{
    json_get_alloc_funcs(&usual_alloc, &usual_free);
    json_set_alloc_funcs(wf_alloc, wf_free); /* so that those fail, too */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_provider__a_whole_request_of_each_protocol),
        cmocka_unit_test(test_provider__what_a_protocol_does_not_know_is_named),
        cmocka_unit_test(test_provider__what_must_not_be_left_out_is_refused),
        cmocka_unit_test(test_provider__schemas_are_strict_where_they_can_be),
        cmocka_unit_test(test_provider__effort_is_said_in_each_ones_words),
        cmocka_unit_test(test_provider__a_server_of_ones_own_gets_more),
        cmocka_unit_test(test_provider__calls_of_this_turn_are_marked_for_newer_gemini),
        cmocka_unit_test(test_provider__goes_to_the_right_place),
        cmocka_unit_test(test_provider__streams_read_the_same_however_they_are_cut),
        cmocka_unit_test(test_provider__each_failing_allocation_is_an_error),
        cmocka_unit_test(test_provider__stop_texts_are_found_where_the_protocol_has_none),
        cmocka_unit_test(test_provider__a_json_in_place_of_a_stream_is_read),
        cmocka_unit_test(test_provider__errors_in_plain_words_with_advice),
        cmocka_unit_test(test_provider__headers_say_what_is_left),
        cmocka_unit_test(test_provider__what_does_not_end_is_cut_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
