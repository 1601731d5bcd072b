/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI's faces on a scripted engine: what of a body reaches the engine, and what becomes of the
 * engine's events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "support/faced.h"
#include "support/pictures.h"
#include "support/scripted.h"

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
    json_decref(v);
    scripted_deinit(&engine);
    return 0;
}

static void post(const char *path, const char *body)
{
    faced_free(&f);
    json_decref(v);
    faced_run(&ctx, WF_HTTP_POST, path, wf_str_from(body), &f);
    v = faced_json(&f);
}

#define CHAT "/v1/chat/completions"
#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define WEATHER                                                                                    \
    "{\"type\":\"function\",\"function\":{\"name\":\"weather\",\"parameters\":{\"type\":"          \
    "\"object\"}}}"
#define TIME "{\"type\":\"function\",\"function\":{\"name\":\"time\"}}"

#define ASSERT_IS(path, want) assert_true(faced_is(v, path, want))
#define ASSERT_ASKED(path, want) assert_true(faced_is(engine.asked, path, want))

/* The n-th event of the stream is (at the path) as wanted. */
static void assert_event(size_t n, const char *path, const char *want)
{
    json_t *e = faced_event(&f, n);
    assert_non_null(e);
    assert_true(faced_is(e, path, want));
    json_decref(e);
}

static void assert_refused(const char *body, const char *param, const char *word)
{
    const char *message;
    size_t n_made = engine.n_made;
    post(CHAT, body);
    message = json_string_value(faced_at(v, "error.message"));
    if (f.status != 400 || !message || !strstr(message, word))
        fail_msg("%s: %d %s", body, f.status, f.body.ptr);
    assert_string_equal(json_string_value(faced_at(v, "error.type")), "invalid_request_error");
    if (param)
        assert_string_equal(json_string_value(faced_at(v, "error.param")), param);
    assert_int_equal(engine.n_made, n_made);
}

/* ---- chat: the request ---- */

static void test_openai__chat_reads_every_parameter(void **state)
{
    (void)state;
    post(CHAT,
         "{" HI ",\"model\":\"tiny\",\"temperature\":0.5,\"top_p\":0.25,\"n\":2,\"stop\":[\"a\","
         "\"b\"],\"max_completion_tokens\":9,\"max_tokens\":3,\"presence_penalty\":1,"
         "\"frequency_penalty\":-0.5,\"logit_bias\":{\"5\":-100,\"7\":1.5},\"logprobs\":true,"
         "\"top_logprobs\":2,\"seed\":11,\"top_k\":4,\"min_p\":0.125,\"typical_p\":0.75,"
         "\"repeat_penalty\":1.5,\"repeat_last_n\":-1,\"mirostat\":2,\"mirostat_tau\":3,"
         "\"mirostat_eta\":0.5,\"dry_multiplier\":0.75,\"dry_base\":2,\"dry_allowed_length\":3,"
         "\"dry_penalty_last_n\":8,\"dry_sequence_breakers\":[\"\\n\"],\"xtc_probability\":0.5,"
         "\"xtc_threshold\":0.25,\"ignore_eos\":true,\"overflow\":\"truncate\","
         "\"lora\":[{\"name\":\"pirate\",\"scale\":0.5},{\"name\":\"calm\"}],"
         "\"chat_template\":\"x\",\"chat_template_kwargs\":{\"a\":[1]},"
         "\"reasoning_effort\":\"low\",\"parallel_tool_calls\":false}");
    assert_int_equal(f.status, 200);
    ASSERT_ASKED("", "{\"model\":\"tiny\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
                     "\"tool_choice\":\"auto\",\"temperature\":0.5,\"top_k\":4.0,\"top_p\":0.25,"
                     "\"min_p\":0.125,\"typical_p\":0.75,\"repeat_penalty\":1.5,"
                     "\"frequency_penalty\":-0.5,\"presence_penalty\":1.0,\"repeat_last_n\":-1.0,"
                     "\"mirostat\":2.0,\"mirostat_tau\":3.0,\"mirostat_eta\":0.5,"
                     "\"dry_multiplier\":0.75,\"dry_base\":2.0,\"dry_allowed_length\":3.0,"
                     "\"dry_last_n\":8.0,\"xtc_probability\":0.5,\"xtc_threshold\":0.25,"
                     "\"logit_bias\":{\"5\":\"-inf\",\"7\":1.5},\"breakers\":[\"\\n\"],\"seed\":11,"
                     "\"n_max\":9.0,\"n_choices\":2.0,\"n_top_logprobs\":2.0,\"logprobs\":true,"
                     "\"ignore_eos\":true,\"stops\":[\"a\",\"b\"],\"overflow\":\"truncate\","
                     "\"adapters\":{\"pirate\":0.5,\"calm\":1.0},\"chat_template\":\"x\","
                     "\"template_vars\":{\"a\":[1],\"enable_thinking\":true,\"thinking\":true,"
                     "\"reasoning_effort\":\"low\"}}");
}

static void test_openai__null_is_as_if_absent_and_names_have_synonyms(void **state)
{
    (void)state;
    post(CHAT, "{" HI ",\"temperature\":null,\"stop\":null,\"max_tokens\":4,\"seed\":1,"
               "\"repetition_penalty\":1.25,\"stream\":null,\"tools\":null}");
    assert_int_equal(f.status, 200);
    ASSERT_ASKED("", "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"parallel\":true,"
                     "\"tool_choice\":\"auto\",\"repeat_penalty\":1.25,\"seed\":1,\"n_max\":4.0}");
    post(CHAT, "{" HI ",\"max_tokens\":-1,\"seed\":-1,\"reasoning_effort\":\"none\","
               "\"logit_bias\":[[3,false]],\"top_k\":-1,\"stop\":\"x\"}");
    assert_int_equal(f.status, 200);
    ASSERT_ASKED("template_vars", "{\"enable_thinking\":false,\"thinking\":false}");
    ASSERT_ASKED("logit_bias", "{\"3\":\"-inf\"}");
    ASSERT_ASKED("top_k", "0.0");
    ASSERT_ASKED("stops", "[\"x\"]");
    assert_null(faced_at(engine.asked, "n_max"));
    assert_int_not_equal(json_integer_value(faced_at(engine.asked, "seed")), -1);
}

static void test_openai__seeds_differ_where_none_is_given(void **state)
{
    (void)state;
    json_t *first;
    post(CHAT, "{" HI "}");
    first = json_incref(faced_at(engine.asked, "seed"));
    post(CHAT, "{" HI "}");
    assert_false(json_equal(first, faced_at(engine.asked, "seed")));
    json_decref(first);
}

static void test_openai__messages_become_texts(void **state)
{
    (void)state;
    post(CHAT, "{\"messages\":[{\"role\":\"developer\",\"content\":\"be kind\"},"
               "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":"
               "\"text\",\"text\":\"b\"}],\"name\":\"Ann\"},"
               "{\"role\":\"assistant\",\"content\":null,\"refusal\":null,\"annotations\":[],"
               "\"reasoning_content\":\"r\",\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\","
               "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
               "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"4\"}]}");
    assert_int_equal(f.status, 200);
    ASSERT_ASKED("messages",
                 "[{\"role\":\"system\",\"content\":\"be kind\"},"
                 "{\"role\":\"user\",\"content\":\"a\\nb\",\"name\":\"Ann\"},"
                 "{\"role\":\"assistant\",\"reasoning_content\":\"r\",\"tool_calls\":[{\"id\":"
                 "\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}"
                 ",{\"role\":\"tool\",\"content\":\"4\",\"tool_call_id\":\"c\"}]");
    assert_string_equal(faced_header(&f, "x-weft-ignored"), "messages[2].annotations");
}

/* A fuzzer found that the field behind `reasoning` was looked for with a wrong key. */
static void test_openai__reasoning_may_stand_anywhere(void **state)
{
    (void)state;
    post(CHAT, "{\"messages\":[{\"role\":\"assistant\",\"reasoning\":\"r\",\"content\":\"a\","
               "\"name\":\"n\"},{\"reasoning\":\"s\",\"role\":\"assistant\",\"content\":\"b\"}]}");
    assert_int_equal(f.status, 200);
    ASSERT_ASKED("messages",
                 "[{\"role\":\"assistant\",\"reasoning_content\":\"r\",\"content\":\"a\",\"name\":"
                 "\"n\"},{\"role\":\"assistant\",\"reasoning_content\":\"s\",\"content\":\"b\"}]");
}

/* What is more than seen of a picture stays here; its address elsewhere goes nowhere. */
static void test_openai__pictures_become_parts_without_what_they_tell(void **state)
{
    (void)state;
    post(CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":["
               "{\"type\":\"text\",\"text\":\"What is this?\"},{\"type\":\"image_url\","
               "\"image_url\":{\"url\":\"data:image/png;base64," PICTURE_TELLING
               "\",\"detail\":\"low\"}}]}]}");
    assert_int_equal(f.status, 200);
    ASSERT_ASKED("messages.0.content",
                 "[{\"type\":\"text\",\"text\":\"What is this?\"},"
                 "{\"type\":\"image_url\",\"image_url\":{\"url\":"
                 "\"data:image/png;base64," PICTURE_CLEAN "\",\"detail\":\"low\"}}]");
    assert_refused("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
                   "\"image_url\":{\"url\":\"https://a.example/b.png\"}}]}]}",
                   "messages[0].content[0]", "neither fetched nor passed on");
    assert_refused("{\"messages\":[{\"role\":\"system\",\"content\":[{\"type\":\"image_url\","
                   "\"image_url\":{\"url\":\"data:image/png;base64," PICTURE_CLEAN "\"}}]}]}",
                   "messages[0].content", "only the user's");
}

static void test_openai__what_no_model_here_takes_is_refused(void **state)
{
    (void)state;
    assert_refused("{}", "messages", "missing");
    assert_refused("{\"messages\":[]}", "messages", "at least one");
    assert_refused("{\"messages\":\"hi\"}", "messages", "array");
    assert_refused("{\"messages\":[{\"role\":\"robot\",\"content\":\"x\"}]}", "messages[0]",
                   "role");
    assert_refused("{\"messages\":[1]}", "messages[0]", "role");
    assert_refused("{\"messages\":[{\"role\":\"user\"}]}", "messages[0].content", "missing");
    assert_refused("{\"messages\":[{\"role\":\"tool\",\"content\":\"x\"}]}", "messages[0]",
                   "tool_call_id");
    assert_refused("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
                   "\"image_url\":{\"url\":\"data:\"}}]}]}",
                   "messages[0].content[0]", "picture");
    assert_refused("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\"}]}]}",
                   "messages[0].content[0]", "sound");
    assert_refused("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]}",
                   "messages[0].content[0]", "lacks its text");
    assert_refused("{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":"
                   "\"f\",\"arguments\":{}}}]}]}",
                   "messages[0].tool_calls", "arguments");
    assert_refused("[]", NULL, "object");
    assert_refused("{", NULL, "not valid JSON");
    assert_refused("{\"messages\":[],\"messages\":[]}", NULL, "not valid JSON");
    assert_refused("{" HI ",\"audio\":{}}", "audio", "not supported");
    assert_refused("{" HI ",\"functions\":[]}", "functions", "tools");
    assert_refused("{" HI ",\"modalities\":[\"text\",\"audio\"]}", "modalities", "text");
}

static void test_openai__unknown_parameters_are_named(void **state)
{
    (void)state;
    assert_refused("{" HI ",\"temprature\":1}", "temprature", "Did you mean \"temperature\"?");
    assert_string_equal(json_string_value(faced_at(v, "error.code")), "unknown_parameter");
    assert_refused("{" HI ",\"max_output_words\":1}", "max_output_words", "not a known parameter");
    assert_refused("{" HI ",\"stream_options\":{\"include\":true}}", "stream_options.include",
                   "not a known");
    assert_refused("{" HI ",\"lora\":[{\"name\":\"x\",\"scal\":1}]}", "lora[0].scal", "scale");
    post(CHAT,
         "{" HI ",\"user\":\"ann\",\"store\":true,\"metadata\":{},\"service_tier\":\"auto\"}");
    assert_int_equal(f.status, 200);
    assert_string_equal(faced_header(&f, "x-weft-ignored"), "store, metadata");
    post(CHAT, "{" HI "}");
    assert_null(faced_header(&f, "x-weft-ignored"));
    assert_refused("{" HI ",\"user\":1}", "user", "must be a text");
    assert_refused("{" HI ",\"service_tier\":\"first\"}", "service_tier", "flex");
}

static void test_openai__values_out_of_bounds_are_refused(void **state)
{
    static const struct {
        const char *pair, *param, *word;
    } cases[] = {
        {"\"temperature\":2.5", "temperature", "from 0 to 2"},
        {"\"temperature\":\"hot\"", "temperature", "number"},
        {"\"top_p\":-0.1", "top_p", "from 0 to 1"},
        {"\"n\":0", "n", "from 1 to 128"},
        {"\"n\":1.5", "n", "whole number"},
        {"\"n\":129", "n", "from 1 to 128"},
        {"\"top_logprobs\":21", "top_logprobs", "from 0 to 20"},
        {"\"top_logprobs\":2", "top_logprobs", "logprobs"},
        {"\"max_tokens\":0", "max_tokens", "at least 1"},
        {"\"max_completion_tokens\":\"9\"", "max_completion_tokens", "whole number"},
        {"\"stream\":1", "stream", "true or false"},
        {"\"stop\":[\"\"]", "stop", "not empty"},
        {"\"stop\":4", "stop", "text"},
        {"\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\","
         "\"13\",\"14\",\"15\",\"16\",\"17\"]",
         "stop", "at most 16"},
        {"\"logit_bias\":{\"a\":1}", "logit_bias", "ids"},
        {"\"logit_bias\":{\"1\":101}", "logit_bias", "100"},
        {"\"logit_bias\":[[1]]", "logit_bias", "ids"},
        {"\"seed\":1.5", "seed", "whole number"},
        {"\"model\":5", "model", "text"},
        {"\"top_k\":1.5", "top_k", "whole"},
        {"\"overflow\":\"panic\"", "overflow", "truncate"},
        {"\"lora\":[{\"scale\":1}]", "lora", "name"},
        {"\"lora\":{}", "lora", "array"},
        {"\"dry_sequence_breakers\":\"x\"", "dry_sequence_breakers", "array"},
        {"\"reasoning_effort\":\"some\"", "reasoning_effort", "none, minimal"},
        {"\"chat_template_kwargs\":[]", "chat_template_kwargs", "object"},
        {"\"response_format\":{\"type\":\"xml\"}", "response_format", "json_schema"},
        {"\"response_format\":{\"type\":\"json_schema\"}", "response_format", "schema"},
        {"\"guided_json\":{},\"grammar\":\"root ::= [a]\"", "grammar", "keep to one"},
        {"\"guided_json\":5", "guided_json", "JSON Schema"},
        {"\"guided_json\":\"{\"", "guided_json", "JSON Schema"},
        {"\"tool_choice\":\"required\"", "tool_choice", "no \"tools\""},
        {"\"tool_choice\":\"sometimes\"", "tool_choice", "auto"},
        {"\"tools\":[" WEATHER "],\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":"
         "\"x\"}}",
         "tool_choice", "one of the tools"},
        {"\"tools\":[{\"type\":\"web_search\"}]", "tools[0]", "web_search"},
        {"\"tools\":[{\"type\":\"function\",\"function\":{}}]", "tools[0]", "name"},
        {"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":3}}]",
         "tools[0]", "JSON Schema"},
        {"\"add_generation_prompt\":false", "add_generation_prompt", "contrary"},
    };
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        char body[512];
        snprintf(body, sizeof(body), "{" HI ",%s}", cases[i].pair);
        assert_refused(body, cases[i].param, cases[i].word);
    }
}

static void test_openai__tools_and_formats_reach_the_engine(void **state)
{
    (void)state;
    post(CHAT, "{" HI ",\"tools\":[" WEATHER "," TIME "],\"tool_choice\":{\"type\":\"function\","
               "\"function\":{\"name\":\"time\"}}}");
    ASSERT_ASKED("tool_choice", "\"named\"");
    ASSERT_ASKED("tool_name", "\"time\"");
    ASSERT_ASKED("tools", "[" WEATHER "," TIME "]");
    post(CHAT, "{" HI ",\"tools\":[" WEATHER "," TIME "],\"tool_choice\":{\"type\":"
               "\"allowed_tools\",\"allowed_tools\":{\"mode\":\"required\",\"tools\":[{\"type\":"
               "\"function\",\"function\":{\"name\":\"time\"}}]}}}");
    ASSERT_ASKED("tool_choice", "\"required\"");
    ASSERT_ASKED("tools", "[" TIME "]");
    post(CHAT, "{" HI ",\"tools\":[],\"tool_choice\":\"none\"}");
    ASSERT_ASKED("tool_choice", "\"none\"");
    assert_null(faced_at(engine.asked, "tools"));
    post(CHAT, "{" HI ",\"response_format\":{\"type\":\"json_object\"}}");
    ASSERT_ASKED("schema", "{\"type\":\"object\"}");
    post(CHAT, "{" HI ",\"response_format\":{\"type\":\"text\"}}");
    assert_null(faced_at(engine.asked, "schema"));
    post(CHAT, "{" HI ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":"
               "\"n\",\"strict\":true,\"schema\":{\"type\":\"integer\"}}}}");
    ASSERT_ASKED("schema", "{\"type\":\"integer\"}");
    post(CHAT, "{" HI ",\"guided_json\":\"{\\\"type\\\":\\\"null\\\"}\"}");
    ASSERT_ASKED("schema", "{\"type\":\"null\"}");
    post(CHAT, "{" HI ",\"grammar\":\"root ::= [a]\"}");
    ASSERT_ASKED("grammar", "\"root ::= [a]\"");
    post(CHAT, "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\","
               "\"content\":\"b\"}],\"continue_final_message\":true,"
               "\"add_generation_prompt\":false}");
    assert_int_equal(f.status, 200);
    ASSERT_ASKED("continue_last", "true");
}

/* Who reads a tool's result may be told by it to call another. */
static void test_openai__calls_behind_a_tools_result_need_consent(void **state)
{
    static const char result[] =
        "\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\","
        "\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\","
        "\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"b\"}]";
    char body[1000];
    (void)state;
    post(CHAT, "{" HI ",\"tools\":[" WEATHER "]}");
    assert_null(faced_header(&f, "x-weft-consent"));
    assert_null(faced_at(v, "usage.weft_consent"));
    snprintf(body, sizeof(body), "{%s,\"tools\":[" WEATHER "]}", result);
    post(CHAT, body);
    assert_string_equal(faced_header(&f, "x-weft-consent"), "tool");
    ASSERT_IS("usage.weft_consent", "\"tool\"");
    snprintf(body, sizeof(body), "{%s,\"stream\":true,\"tools\":[" WEATHER "]}", result);
    post(CHAT, body);
    assert_string_equal(faced_header(&f, "x-weft-consent"), "tool");
    snprintf(body, sizeof(body), "{%s}", result); /* nothing can be called */
    post(CHAT, body);
    assert_null(faced_header(&f, "x-weft-consent"));
}

/* ---- chat: the answer ---- */

static void test_openai__a_chat_is_answered_whole(void **state)
{
    (void)state;
    post(CHAT, "{" HI ",\"model\":\"tiny\",\"logprobs\":true,\"top_logprobs\":2}");
    assert_int_equal(f.status, 200);
    assert_true(f.whole);
    assert_string_equal(faced_header(&f, "content-type"), "application/json");
    assert_string_equal(faced_header(&f, "x-weft-route"), "local; tiny:latest");
    assert_null(faced_header(&f, "x-weft-truncated"));
    ASSERT_IS("object", "\"chat.completion\"");
    ASSERT_IS("model", "\"tiny:latest\"");
    assert_int_equal(strncmp(json_string_value(faced_at(v, "id")), "chatcmpl-", 9), 0);
    assert_true(json_integer_value(faced_at(v, "created")) > 1700000000);
    ASSERT_IS("choices",
              "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hi there\","
              "\"refusal\":null,\"reasoning_content\":\"hm\"},\"logprobs\":{\"content\":[{\"token\""
              ":\"Hi\",\"logprob\":-0.5,\"bytes\":[72,105],\"top_logprobs\":[{\"token\":\"Hi\","
              "\"logprob\":-0.5,\"bytes\":[72,105]},{\"token\":\"\\ufffd\",\"logprob\":-9999.0,"
              "\"bytes\":[255]}]}],\"refusal\":null},\"finish_reason\":\"stop\","
              "\"stop_reason\":null}]");
    ASSERT_IS("usage", "{\"prompt_tokens\":7,\"completion_tokens\":5,\"total_tokens\":12,"
                       "\"prompt_tokens_details\":{\"cached_tokens\":4,\"audio_tokens\":0,"
                       "\"truncated_tokens\":0},\"completion_tokens_details\":{"
                       "\"reasoning_tokens\":2,\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
                       "\"rejected_prediction_tokens\":0}}");
}

static void test_openai__every_choice_and_every_call_is_in_the_answer(void **state)
{
    (void)state;
    engine.usage.n_truncated = 3;
    post(CHAT, "{" HI ",\"n\":2,\"tools\":[" WEATHER "],\"tool_choice\":\"required\"}");
    assert_int_equal(json_array_size(faced_at(v, "choices")), 2);
    ASSERT_IS("choices.1.index", "1");
    ASSERT_IS("choices.1.finish_reason", "\"tool_calls\"");
    ASSERT_IS("choices.1.message.tool_calls",
              "[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"weather\","
              "\"arguments\":\"{\\\"a\\\":1}\"}}]");
    assert_string_equal(faced_header(&f, "x-weft-truncated"), "3");
    ASSERT_IS("usage.prompt_tokens_details.truncated_tokens", "3");
}

static void test_openai__ends_have_their_reasons(void **state)
{
    const struct wf_gen_event stop[] = {
        {.kind = WF_GEN_CALL, .call_id = WF_STR("c"), .call_name = WF_STR("f")},
        {.kind = WF_GEN_END, .finish = WF_FINISH_STOP_TEXT, .stop = WF_STR("##")}};
    const struct wf_gen_event length[] = {{.kind = WF_GEN_END, .finish = WF_FINISH_LENGTH}};
    (void)state;
    engine.events = stop;
    engine.n_events = 2;
    post(CHAT, "{" HI "}");
    ASSERT_IS("choices.0.finish_reason", "\"stop\"");
    ASSERT_IS("choices.0.stop_reason", "\"##\"");
    ASSERT_IS("choices.0.message.content", "null");
    engine.events = length;
    engine.n_events = 1;
    post(CHAT, "{" HI "}");
    ASSERT_IS("choices.0.finish_reason", "\"length\"");
    ASSERT_IS("choices.0.message.content", "\"\"");
}

static void test_openai__a_chat_is_streamed_in_chunks(void **state)
{
    (void)state;
    post(CHAT,
         "{" HI ",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"tools\":[" WEATHER
         "],\"tool_choice\":\"required\",\"logprobs\":true}");
    assert_int_equal(f.status, 200);
    assert_true(f.whole);
    assert_string_equal(faced_header(&f, "content-type"), "text/event-stream");
    assert_string_equal(faced_header(&f, "x-weft-route"), "local; tiny:latest");
    assert_event(0, "object", "\"chat.completion.chunk\"");
    assert_event(0, "usage", "null");
    assert_event(0, "choices.0.delta",
                 "{\"role\":\"assistant\",\"content\":\"\",\"reasoning_content\":\"hm\"}");
    assert_event(0, "choices.0.finish_reason", "null");
    assert_event(1, "choices.0.delta", "{\"content\":\"Hi\"}");
    assert_event(1, "choices.0.logprobs.content.0.token", "\"Hi\"");
    assert_event(2, "choices.0.delta", "{\"content\":\" there\"}");
    assert_event(2, "choices.0.logprobs", "null");
    assert_event(3, "choices.0.delta.tool_calls",
                 "[{\"index\":0,\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":"
                 "\"weather\",\"arguments\":\"\"}}]");
    assert_event(4, "choices.0.delta.tool_calls",
                 "[{\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\":1}\"}}]");
    assert_event(5, "choices.0",
                 "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"tool_calls\"}");
    assert_event(6, "choices", "[]");
    assert_event(6, "usage.total_tokens", "12");
    assert_event(7, "", "\"[DONE]\"");
    assert_null(faced_event(&f, 8));
}

static void test_openai__every_choice_of_a_stream_has_its_role_once(void **state)
{
    (void)state;
    post(CHAT, "{" HI ",\"stream\":true,\"n\":2}");
    assert_event(0, "choices.0.delta.role", "\"assistant\"");
    assert_event(4, "choices.0.delta.role", "\"assistant\"");
    assert_event(4, "choices.0.index", "1");
    assert_event(8, "", "\"[DONE]\"");
    for (size_t i = 0; i < 8; i++) {
        json_t *e = faced_event(&f, i);
        assert_null(json_object_get(e, "usage"));
        assert_int_equal(faced_at(e, "choices.0.delta.role") != NULL, i % 4 == 0);
        json_decref(e);
    }
}

static void test_openai__errors_of_the_engine_have_their_status(void **state)
{
    static const struct {
        int code, status;
        const char *type, *reason;
    } cases[] = {
        {WF_E_NOENT, 404, "\"invalid_request_error\"", "\"model_not_found\""},
        {WF_E_INVAL, 400, "\"invalid_request_error\"", "null"},
        {WF_E_UNSUPPORTED, 400, "\"invalid_request_error\"", "null"},
        {WF_E_LIMIT, 400, "\"invalid_request_error\"", "\"context_length_exceeded\""},
        {WF_E_BUSY, 503, "\"server_error\"", "\"overloaded\""},
        {WF_E_FORMAT, 500, "\"server_error\"", "null"},
        {WF_E_NOMEM, 500, "\"server_error\"", "null"},
    };
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        engine.fail = cases[i].code;
        post(CHAT, "{" HI ",\"stream\":true,\"store\":false}");
        assert_int_equal(f.status, cases[i].status);
        ASSERT_IS("error.message", "\"The script says so.\"");
        ASSERT_IS("error.type", cases[i].type);
        ASSERT_IS("error.code", cases[i].reason);
        ASSERT_IS("error.param", "null");
        assert_string_equal(faced_header(&f, "x-weft-ignored"), "store");
    }
    assert_null(faced_header(&f, "retry-after"));
}

static void test_openai__an_error_within_a_stream_ends_it(void **state)
{
    (void)state;
    engine.fail_next = WF_E_NOMEM;
    post(CHAT, "{" HI ",\"stream\":true}");
    assert_int_equal(f.status, 200);
    assert_event(4, "error.type", "\"server_error\"");
    assert_event(4, "error.message", "\"The script says so.\"");
    assert_null(faced_event(&f, 5));
    post(CHAT, "{" HI "}");
    assert_int_equal(f.status, 500);
}

static void test_openai__without_an_engine_there_is_a_sentence(void **state)
{
    (void)state;
    ctx.engine = NULL;
    post(CHAT, "{" HI "}");
    assert_int_equal(f.status, 503);
    ASSERT_IS("error.message", "\"This weft runs no models.\"");
}

static void test_openai__a_body_of_too_many_values_is_refused(void **state)
{
    (void)state;
    struct wf_buf b;
    wf_buf_init(&b, (size_t)64 << 20);
    wf_buf_append_cstr(&b, "{" HI ",\"stop\":[");
    for (size_t i = 0; i < WF_LIMIT_HTTP_MODEL_JSON_VALUES; i++)
        wf_buf_append_cstr(&b, "1,");
    wf_buf_append_cstr(&b, "1]}");
    post(CHAT, b.ptr);
    assert_int_equal(f.status, 400);
    assert_non_null(strstr(f.body.ptr, "more than"));
    wf_buf_reset(&b);
    wf_buf_append_cstr(&b, "{\"messages\":[{\"role\":\"user\",\"content\":\"");
    for (size_t i = 0; i < WF_LIMIT_HTTP_MODEL_JSON_VALUES; i++)
        wf_buf_append_cstr(&b, "[,\\\"");
    wf_buf_append_cstr(&b, "\"}]}");
    post(CHAT, b.ptr);
    assert_int_equal(f.status, 200);
    wf_buf_deinit(&b);
}

/* ---- completions ---- */

static void test_openai__a_completion_goes_on_with_a_text(void **state)
{
    (void)state;
    post("/v1/completions", "{\"prompt\":\"Once\",\"suffix\":\"end\",\"logprobs\":2,\"seed\":1}");
    assert_int_equal(f.status, 200);
    ASSERT_ASKED("", "{\"prompt\":\"Once\",\"suffix\":\"end\",\"tool_choice\":\"auto\",\"parallel\""
                     ":true,\"seed\":1,\"n_max\":16.0,\"logprobs\":true,\"n_top_logprobs\":2.0}");
    ASSERT_IS("object", "\"text_completion\"");
    ASSERT_IS("choices",
              "[{\"index\":0,\"text\":\"Hi there\",\"logprobs\":{\"tokens\":[\"Hi\"],"
              "\"token_logprobs\":[-0.5],\"top_logprobs\":[{\"Hi\":-0.5,\"\\ufffd\":-9999.0}],"
              "\"text_offset\":[0]},\"finish_reason\":\"stop\"}]");
    ASSERT_IS("usage.total_tokens", "12");
    post("/v1/completions", "{\"prompt\":\"Once\",\"echo\":true,\"max_tokens\":4,\"best_of\":1}");
    ASSERT_IS("choices.0.text", "\"OnceHi there\"");
    ASSERT_IS("choices.0.logprobs", "null");
    ASSERT_ASKED("n_max", "4.0");
}

static void test_openai__completions_take_several_prompts(void **state)
{
    (void)state;
    post("/v1/completions", "{\"prompt\":[\"a\",\"b\"],\"n\":2}");
    assert_int_equal(json_array_size(faced_at(v, "choices")), 4);
    ASSERT_IS("choices.3.index", "3");
    ASSERT_IS("usage.prompt_tokens", "14");
    ASSERT_ASKED("prompt", "\"b\"");
    post("/v1/completions", "{\"prompt\":[1,2]}");
    ASSERT_ASKED("prompt_ids", "[1,2]");
    post("/v1/completions", "{\"prompt\":[[1,2],[3]]}");
    ASSERT_ASKED("prompt_ids", "[3]");
    assert_int_equal(json_array_size(faced_at(v, "choices")), 2);
    post("/v1/completions", "{\"prompt\":\"\"}");
    assert_int_equal(f.status, 200);
    ASSERT_ASKED("prompt", "\"\"");
}

static void test_openai__completions_are_streamed(void **state)
{
    (void)state;
    post("/v1/completions", "{\"prompt\":[\"a\",\"b\"],\"stream\":true,\"echo\":true,"
                            "\"stream_options\":{\"include_usage\":true}}");
    assert_string_equal(faced_header(&f, "content-type"), "text/event-stream");
    assert_event(0, "choices.0.text", "\"a\"");
    assert_event(1, "choices.0",
                 "{\"index\":0,\"text\":\"Hi\",\"logprobs\":null,\"finish_reason\":null}");
    assert_event(3, "choices.0.finish_reason", "\"stop\"");
    assert_event(4, "choices.0.index", "1");
    assert_event(8, "usage.completion_tokens", "10");
    assert_event(9, "", "\"[DONE]\"");
}

static void test_openai__completions_refuse_what_they_cannot(void **state)
{
    static const char *const bodies[][2] = {
        {"{}", "prompt"},
        {"{\"prompt\":[]}", "prompt"},
        {"{\"prompt\":[\"a\",1]}", "prompt"},
        {"{\"prompt\":[1,\"a\"]}", "prompt"},
        {"{\"prompt\":[1,-1]}", "prompt"},
        {"{\"prompt\":{}}", "prompt"},
        {"{\"prompt\":\"a\",\"best_of\":2}", "best_of"},
        {"{\"prompt\":\"a\",\"echo\":true,\"logprobs\":1}", "echo"},
        {"{\"prompt\":[1],\"echo\":true}", "echo"},
        {"{\"prompt\":\"a\",\"logprobs\":true}", "logprobs"},
        {"{\"prompt\":\"a\",\"suffix\":1}", "suffix"},
        {"{\"prompt\":\"a\",\"messages\":[]}", "messages"},
    };
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(bodies); i++) {
        post("/v1/completions", bodies[i][0]);
        assert_int_equal(f.status, 400);
        assert_string_equal(json_string_value(faced_at(v, "error.param")), bodies[i][1]);
    }
}

/* ---- embeddings, rerank ---- */

static void test_openai__a_busy_model_says_when_to_come_again(void **state)
{
    (void)state;
    engine.fail = WF_E_BUSY;
    engine.retry_ms = 6500;
    post(CHAT, "{" HI "}");
    assert_int_equal(f.status, 503);
    assert_string_equal(faced_header(&f, "retry-after"), "7");
    engine.retry_ms = 0;
    post(CHAT, "{" HI "}");
    assert_string_equal(faced_header(&f, "retry-after"), "1");
    engine.fail = 0;
}

static void test_openai__embeddings_are_numbers_or_base64(void **state)
{
    (void)state;
    post("/v1/embeddings", "{\"model\":\"m\",\"input\":[\"abc\",\"de\"],\"user\":\"x\"}");
    assert_int_equal(f.status, 200);
    ASSERT_ASKED("",
                 "{\"model\":\"m\",\"texts\":[\"abc\",\"de\"],\"truncate\":false,\"raw\":false}");
    ASSERT_IS("", "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,"
                  "\"embedding\":[3,0.5]},{\"object\":\"embedding\",\"index\":1,\"embedding\":[2,"
                  "1.5]}],\"model\":\"tiny:latest\",\"usage\":{\"prompt_tokens\":6,"
                  "\"total_tokens\":6}}");
    assert_string_equal(faced_header(&f, "x-weft-ignored"), "user");
    assert_string_equal(faced_header(&f, "x-weft-route"), "local; tiny:latest");
    post("/v1/embeddings", "{\"input\":\"abc\",\"encoding_format\":\"base64\",\"dimensions\":1,"
                           "\"overflow\":\"truncate\"}");
    ASSERT_IS("data.0.embedding", "\"AABAQA==\"");
    ASSERT_ASKED("truncate", "true");
    post("/v1/embeddings", "{\"input\":[1,2,3]}");
    ASSERT_IS("data.0.embedding", "[3,0.5]");
    post("/v1/embeddings", "{\"input\":[[1,2],[3]]}");
    ASSERT_IS("data.1.embedding", "[1,1.5]");
}

static void test_openai__embeddings_refuse_what_is_no_input(void **state)
{
    static const char *const bodies[][2] = {
        {"{}", "input"},
        {"{\"input\":[]}", "input"},
        {"{\"input\":\"\"}", "input"},
        {"{\"input\":[\"a\",\"\"]}", "input"},
        {"{\"input\":[\"a\",1]}", "input"},
        {"{\"input\":[[]]}", "input"},
        {"{\"input\":[[1],\"a\"]}", "input"},
        {"{\"input\":[1,\"a\"]}", "input"},
        {"{\"input\":[-1]}", "input"},
        {"{\"input\":5}", "input"},
        {"{\"input\":\"a\",\"encoding_format\":\"hex\"}", "encoding_format"},
        {"{\"input\":\"a\",\"dimensions\":0}", "dimensions"},
        {"{\"input\":\"a\",\"temperature\":1}", "temperature"},
    };
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(bodies); i++) {
        post("/v1/embeddings", bodies[i][0]);
        assert_int_equal(f.status, 400);
        assert_string_equal(json_string_value(faced_at(v, "error.param")), bodies[i][1]);
    }
}

static void test_openai__as_many_texts_as_the_limit_are_embedded(void **state)
{
    (void)state;
    for (size_t n = WF_LIMIT_TEXTS; n <= WF_LIMIT_TEXTS + 1; n++) {
        struct wf_buf b;
        wf_buf_init(&b, (size_t)1 << 20);
        wf_buf_append_cstr(&b, "{\"input\":[\"a\"");
        for (size_t i = 1; i < n; i++)
            wf_buf_append_cstr(&b, ",\"a\"");
        wf_buf_append_cstr(&b, "]}");
        post("/v1/embeddings", b.ptr);
        assert_int_equal(f.status, n <= WF_LIMIT_TEXTS ? 200 : 400);
        wf_buf_deinit(&b);
    }
}

static void test_openai__documents_are_ranked(void **state)
{
    static const char *const paths[] = {"/v1/rerank", "/v2/rerank", "/rerank"};
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(paths); i++) {
        post(paths[i], "{\"model\":\"r\",\"query\":\"q\",\"documents\":[\"a\",{\"text\":\"ccc\"},"
                       "\"bb\",\"d\"],\"top_n\":3,\"return_documents\":true}");
        assert_int_equal(f.status, 200);
        ASSERT_ASKED("", "{\"model\":\"r\",\"query\":\"q\",\"texts\":[\"a\",\"ccc\",\"bb\",\"d\"],"
                         "\"truncate\":false}");
        ASSERT_IS("results", "[{\"index\":1,\"relevance_score\":3.0,\"document\":{\"text\":\"ccc\"}"
                             "},{\"index\":2,\"relevance_score\":2.0,\"document\":{\"text\":\"bb\"}"
                             "},{\"index\":0,\"relevance_score\":1.0,\"document\":{\"text\":\"a\"}}"
                             "]");
        ASSERT_IS("model", "\"rank:latest\"");
        ASSERT_IS("usage.total_tokens", "9");
    }
    post("/v1/rerank", "{\"query\":\"q\",\"documents\":[\"a\"],\"overflow\":\"truncate\"}");
    assert_string_equal(faced_header(&f, "x-weft-truncated"), "2");
    ASSERT_IS("results", "[{\"index\":0,\"relevance_score\":1.0}]");
}

static void test_openai__rerank_refuses_what_is_no_list(void **state)
{
    static const char *const bodies[][2] = {
        {"{\"documents\":[\"a\"]}", "query"},
        {"{\"query\":\"\",\"documents\":[\"a\"]}", "query"},
        {"{\"query\":\"q\"}", "documents"},
        {"{\"query\":\"q\",\"documents\":[]}", "documents"},
        {"{\"query\":\"q\",\"documents\":[1]}", "documents"},
        {"{\"query\":\"q\",\"documents\":\"a\"}", "documents"},
        {"{\"query\":\"q\",\"documents\":[\"a\"],\"top_n\":0}", "top_n"},
        {"{\"query\":\"q\",\"documents\":[\"a\"],\"topn\":1}", "topn"},
    };
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(bodies); i++) {
        post("/v1/rerank", bodies[i][0]);
        assert_int_equal(f.status, 400);
        assert_string_equal(json_string_value(faced_at(v, "error.param")), bodies[i][1]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_openai__chat_reads_every_parameter),
        TEST(test_openai__null_is_as_if_absent_and_names_have_synonyms),
        TEST(test_openai__seeds_differ_where_none_is_given),
        TEST(test_openai__messages_become_texts),
        TEST(test_openai__reasoning_may_stand_anywhere),
        TEST(test_openai__pictures_become_parts_without_what_they_tell),
        TEST(test_openai__what_no_model_here_takes_is_refused),
        TEST(test_openai__unknown_parameters_are_named),
        TEST(test_openai__values_out_of_bounds_are_refused),
        TEST(test_openai__tools_and_formats_reach_the_engine),
        TEST(test_openai__calls_behind_a_tools_result_need_consent),
        TEST(test_openai__a_chat_is_answered_whole),
        TEST(test_openai__every_choice_and_every_call_is_in_the_answer),
        TEST(test_openai__ends_have_their_reasons),
        TEST(test_openai__a_chat_is_streamed_in_chunks),
        TEST(test_openai__every_choice_of_a_stream_has_its_role_once),
        TEST(test_openai__errors_of_the_engine_have_their_status),
        TEST(test_openai__an_error_within_a_stream_ends_it),
        TEST(test_openai__without_an_engine_there_is_a_sentence),
        TEST(test_openai__a_body_of_too_many_values_is_refused),
        TEST(test_openai__a_completion_goes_on_with_a_text),
        TEST(test_openai__completions_take_several_prompts),
        TEST(test_openai__completions_are_streamed),
        TEST(test_openai__completions_refuse_what_they_cannot),
        TEST(test_openai__a_busy_model_says_when_to_come_again),
        TEST(test_openai__embeddings_are_numbers_or_base64),
        TEST(test_openai__embeddings_refuse_what_is_no_input),
        TEST(test_openai__as_many_texts_as_the_limit_are_embedded),
        TEST(test_openai__documents_are_ranked),
        TEST(test_openai__rerank_refuses_what_is_no_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
