/* SPDX-License-Identifier: Apache-2.0 */
/* Dialects: texts as the families write them, read whole and in pieces; what the public templates
 * render of tool calls, read back; hostile texts, of which nothing may be lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/rng.h"
#include "model/dialect.h"
#include "model/json_scan.h"
#include "model/template.h"
#include "os/file.h"

#define DATA "../shared/data/templates/"

static const char tools_json[] =
    "[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"description\":\"Current "
    "weather of a city.\",\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"type\":"
    "\"string\",\"description\":\"City name\"},\"unit\":{\"type\":\"string\",\"enum\":[\"C\","
    "\"F\"]},\"days\":{\"type\":\"integer\"},\"wanted\":{\"type\":\"array\",\"items\":{\"type\":"
    "\"string\"}},\"detail\":{\"type\":\"object\"},\"night\":{\"type\":\"boolean\"}},\"required\":"
    "[\"city\"]}}},{\"type\":\"function\",\"function\":{\"name\":\"now\",\"description\":\"The "
    "time.\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}}]";

/* What was read, written down: T(text) R(thoughts) C(name arguments). */
struct notes {
    struct wf_buf out;
    char kind; /* of the part that is open */
    size_t n_calls;
    char last_id[40];
};

static void close_part(struct notes *n)
{
    if (n->kind != 0)
        (void)wf_buf_append_byte(&n->out, ')');
    n->kind = 0;
}

static int on_part(void *ud, const struct wf_part *p)
{
    struct notes *n = ud;
    char kind = "TRCC"[p->kind];

    if (p->kind == WF_PART_CALL) {
        assert_int_equal(p->i_call, n->n_calls++);
        assert_true(p->id[0] != 0 && strcmp(p->id, n->last_id) != 0);
        memcpy(n->last_id, p->id, sizeof(p->id));
    }
    if (p->kind == WF_PART_ARGUMENTS)
        assert_true(n->kind == 'C' && p->i_call == n->n_calls - 1);
    else
        assert_true(p->kind == WF_PART_CALL || p->text.len > 0);
    if (kind != n->kind || p->kind == WF_PART_CALL) {
        close_part(n);
        n->kind = kind;
        (void)wf_buf_appendf(&n->out, "%c(", kind);
        if (p->kind == WF_PART_CALL)
            (void)wf_buf_appendf(&n->out, "%.*s ", WF_STR_ARG(p->name));
    }
    return wf_buf_append_str(&n->out, p->text);
}

static const struct wf_dialect *by_name(const char *name)
{
    const struct wf_dialect *d;
    for (size_t i = 0; (d = wf_dialect_at(i)) != NULL; i++)
        if (strcmp(wf_dialect_name(d), name) == 0)
            return d;
    fail_msg("no dialect %s", name);
    return NULL;
}

/* Reads a text in pieces of at most `most` bytes (0: whole). */
static int read_cut(const struct wf_dialect *d, const json_t *tools, bool thinks,
                    struct wf_str text, size_t most, const struct wf_rng *rng, struct notes *out)
{
    struct wf_dialect_reader *r = NULL;
    size_t i = 0;
    int rc = wf_dialect_reader_new(d, tools, thinks, &r, NULL);

    *out = (struct notes){0};
    wf_buf_init(&out->out, 1u << 24);
    while (rc == 0) {
        size_t n = most == 0 ? text.len : 1 + wf_rng_below(rng, most);
        bool end = text.len - i <= n;
        rc = wf_dialect_read(r, wf_str_sub(text, i, end ? text.len : i + n), end, on_part, out);
        i += n;
        if (end)
            break;
    }
    close_part(out);
    wf_dialect_reader_free(r);
    return rc;
}

static void expect(const char *dialect, const json_t *tools, bool thinks, const char *text,
                   const char *want)
{
    static const size_t cuts[] = {0, 1, 3, 3, 3, 9, 9, 9, 30};
    struct wf_rng_seeded rng;

    wf_rng_seeded_init(&rng, 1);
    for (size_t i = 0; i < WF_ARRAY_LEN(cuts); i++) {
        struct notes n;
        assert_int_equal(
            read_cut(by_name(dialect), tools, thinks, wf_str_from(text), cuts[i], &rng.rng, &n), 0);
        if (strcmp(n.out.ptr, want) != 0)
            fail_msg("%s, cut at %zu: %s\n  gives  %s\n  not    %s", dialect, cuts[i], text,
                     n.out.ptr, want);
        wf_buf_deinit(&n.out);
    }
}

#define PARIS "{\"city\": \"Paris\"}"
#define CALLED "C(get_weather " PARIS ")"

static const struct {
    const char *dialect, *text, *want;
} vectors[] = {
    /* plain answers, thoughts */
    {"hermes", "Hello there.\n\n- a\n", "T(Hello there.\n\n- a\n)"},
    {"hermes", "  indented", "T(  indented)"},
    {"hermes", "<think>\nWell...\n\nYes.\n</think>\n\nHello", "R(Well...\n\nYes.)T(Hello)"},
    {"hermes", "<think></think>Hello", "T(Hello)"},
    {"hermes", "a <think>b</think>", "T(a <think>b</think>)"},
    {"hermes", "<think>never ends", "R(never ends)"},
    {"hermes", "1 < 2 and <b>bold</b>", "T(1 < 2 and <b>bold</b>)"},
    {"mistral", "[THINK]hm[/THINK]yes", "R(hm)T(yes)"},
    /* one JSON object a tag */
    {"hermes", "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": " PARIS "}\n</tool_call>",
     CALLED},
    {"hermes",
     "Let me see.\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": " PARIS
     "}\n</tool_call>\n<tool_call>{\"name\":\"now\",\"arguments\":{}}</tool_call>",
     "T(Let me see.)" CALLED "C(now {})"},
    {"hermes", "<tool_call>{\"arguments\": " PARIS ", \"name\": \"get_weather\"}</tool_call>",
     CALLED},
    {"hermes", "<tool_call>{\"name\": \"now\"}</tool_call>done", "C(now {})T(done)"},
    {"hermes", "<tool_call>{\"name\": \"now\", \"arguments\": null}</tool_call>", "C(now {})"},
    {"hermes",
     "<tool_call>{\"name\": \"get_weather\", \"arguments\": \"{\\\"city\\\": \\\"Paris\\\"}\"}"
     "</tool_call>",
     CALLED},
    {"hermes",
     "<tool_call>{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"arguments\":" PARIS
     "}}</tool_call>",
     CALLED},
    {"hermes", "<tool_call>{\"name\": \"get_weather\", \"arguments\": " PARIS "}", CALLED},
    {"hermes",
     "<tool_call>{\"name\":\"get_weather\",\"arguments\":{\"city\":\"a\nb\"}}</tool_call>",
     "C(get_weather {\"city\":\"a\\nb\"})"},
    {"hermes", "<think>x</think>\n<tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>",
     "R(x)C(now {})"},
    /* not calls: text, all of it */
    {"hermes", "<tool_call>{\"name\": \"other\", \"arguments\": {}}</tool_call>",
     "T(<tool_call>{\"name\": \"other\", \"arguments\": {}}</tool_call>)"},
    {"hermes", "<tool_call>oops</tool_call>", "T(<tool_call>oops</tool_call>)"},
    {"hermes", "a <tool_call>{\"name\": \"get_wea", "T(a <tool_call>{\"name\": \"get_wea)"},
    {"hermes", "<tool_call>{\"name\": \"now\", \"arguments\": 3}</tool_call>",
     "T(<tool_call>{\"name\": \"now\", \"arguments\": 3}</tool_call>)"},
    {"hermes", "<tool_call></tool_call>", "T(<tool_call></tool_call>)"},
    {"hermes", "<tool_call>{x <tool_call>{\"name\":\"now\"}</tool_call>",
     "T(<tool_call>{x)C(now {})"},
    /* a call that was certain, and breaks off */
    {"hermes", "<tool_call>{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Par",
     "C(get_weather {\"city\": \"Par)"},
    {"hermes", "<tool_call>{\"name\": \"get_weather\", \"arguments\": {\"city\": oops}",
     "C(get_weather {\"city\": )T(oops})"},
    /* lists */
    {"mistral",
     "[TOOL_CALLS][{\"name\": \"get_weather\", \"arguments\": " PARIS
     ", \"id\": \"abcdefghi\"}, {\"name\": \"now\", \"arguments\": {}, \"id\": \"abcdefghj\"}]",
     CALLED "C(now {})"},
    {"mistral", "[TOOL_CALLS]get_weather[ARGS]" PARIS "[TOOL_CALLS]now[ARGS]{}",
     CALLED "C(now {})"},
    {"mistral-args", "[TOOL_CALLS]get_weather[CALL_ID]abcdefghi[ARGS]" PARIS, CALLED},
    {"mistral-args", "[TOOL_CALLS]get_weather" PARIS, CALLED},
    {"mistral-args", "See [TOOL_CALLS] there", "T(See [TOOL_CALLS] there)"},
    {"phi", "<|tool_call|>[{\"name\": \"get_weather\", \"arguments\": " PARIS "}]<|/tool_call|>",
     CALLED},
    {"granite-3", "<|tool_call|>[{\"name\": \"get_weather\", \"arguments\": " PARIS "}]", CALLED},
    {"granite", "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": " PARIS "}\n</tool_call>",
     CALLED},
    {"nemotron", "<TOOLCALL>[{\"name\": \"get_weather\", \"arguments\": " PARIS "}]</TOOLCALL>",
     CALLED},
    /* bare */
    {"llama3", "{\"name\": \"get_weather\", \"parameters\": " PARIS "}", CALLED},
    {"llama3", "\n\n{\"type\": \"function\", \"name\": \"get_weather\", \"parameters\": " PARIS "}",
     CALLED},
    {"llama3", "<|python_tag|>{\"name\": \"get_weather\", \"parameters\": " PARIS "}", CALLED},
    {"llama3",
     "{\"name\": \"get_weather\", \"parameters\": " PARIS "}; {\"name\": \"now\", \"parameters\": "
     "{}}",
     CALLED "C(now {})"},
    {"llama3", "<function=get_weather>" PARIS "</function>", CALLED},
    {"llama3", "[get_weather(city=\"Paris\")]", CALLED},
    {"llama3", "{\"answer\": 42}", "T({\"answer\": 42})"},
    {"llama3", "{\"name\": \"Bob\"}", "T({\"name\": \"Bob\"})"},
    {"llama3", "So: {\"name\": \"now\", \"parameters\": {}}",
     "T(So: {\"name\": \"now\", \"parameters\": {}})"},
    {"json", "```json\n{\"name\": \"get_weather\", \"arguments\": " PARIS "}\n```", CALLED},
    {"json", "```json\n{\"a\": 1}\n```\n", "T(```json\n{\"a\": 1}\n```\n)"},
    /* Python */
    {"lfm2", "<|tool_call_start|>[get_weather(city=\"Paris\")]<|tool_call_end|>Looking.",
     CALLED "T(Looking.)"},
    {"lfm2",
     "<|tool_call_start|>[get_weather(city='It\\'s \"x\"\\n', days=-3, night=True, "
     "detail={'a': [1.5, None,], \"b\": (2,)}), now()]<|tool_call_end|>",
     "C(get_weather {\"city\": \"It's \\\"x\\\"\\n\", \"days\": -3, \"night\": true, \"detail\": "
     "{\"a\": [1.5, null], \"b\": [2]}})C(now {})"},
    {"lfm2", "<|tool_call_start|>[get_weather(city=Paris)]<|tool_call_end|>",
     "C(get_weather {\"city\": )T(Paris)]<|tool_call_end|>)"},
    {"lfm2",
     "<|tool_call_start|>[{\"name\": \"get_weather\", \"arguments\": " PARIS "}]<|tool_call_end|>",
     CALLED},
    {"gemma", "```tool_code\nget_weather(city=\"Paris\")\n```", CALLED},
    {"llama4", "[get_weather(city=\"Paris\"), now()]", CALLED "C(now {})"},
    /* marks */
    {"qwen3-coder",
     "I look.\n<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\nTexas\n</parameter>\n"
     "<parameter=days>\n3\n</parameter>\n<parameter=wanted>\n[\"rain\"]\n</parameter>\n"
     "</function>\n</tool_call>",
     "T(I look.)C(get_weather {\"city\": \"Paris\\nTexas\", \"days\": 3, \"wanted\": [\"rain\"]})"},
    {"qwen3-coder",
     "<function=get_weather>\n<parameter=city>\n18\n</parameter>\n</function>\n"
     "</tool_call>",
     "C(get_weather {\"city\": \"18\"})"},
    {"qwen3-coder", "<tool_call>\n<function=now>\n</function>\n</tool_call>", "C(now {})"},
    {"qwen3-coder", "<function=other>\n</function>", "T(<function=other>\n</function>)"},
    {"seed",
     "<seed:think>a</seed:think><seed:tool_call>\n<function=get_weather>\n<parameter=city>Paris"
     "</parameter>\n<parameter=night>True</parameter>\n</function>\n</seed:tool_call>",
     "R(a)C(get_weather {\"city\": \"Paris\", \"night\": true})"},
    {"glm",
     "<think>a</think>\n<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Paris"
     "</arg_value>\n<arg_key>detail</arg_key>\n<arg_value>{\"a\": 1}</arg_value>\n</tool_call>",
     "R(a)C(get_weather {\"city\": \"Paris\", \"detail\": {\"a\": 1}})"},
    {"glm", "<tool_call>now\n</tool_call>", "C(now {})"},
    {"glm", "<tool_call>now\n<arg_key>a</arg_key>\n<x>\n<arg_value>b</arg_value>\n</tool_call>",
     "C(now {\"a\": )T(\n<x>\n<arg_value>b</arg_value>\n</tool_call>)"},
    {"glm", "<tool_call>now\n<arg_key>a</arg_key>\n<arg_ve>\n</tool_call>",
     "C(now {\"a\": )T(\n<arg_ve>\n</tool_call>)"},
    {"minicpm",
     "<function name=\"get_weather\"><param name=\"city\"><![CDATA[a<b\n&]]></param></function>",
     "C(get_weather {\"city\": \"a<b\\n&\"})"},
    {"minimax",
     "<minimax:tool_call>\n<invoke name=\"get_weather\">\n<parameter name=\"city\">Paris"
     "</parameter>\n</invoke>\n</minimax:tool_call>",
     CALLED},
    {"dsml",
     "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"get_weather\">\n<｜DSML｜parameter "
     "name=\"city\" string=\"true\">Paris</｜DSML｜parameter>\n<｜DSML｜parameter name=\"days\" "
     "string=\"false\">2</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>",
     "C(get_weather {\"city\": \"Paris\", \"days\": 2})"},
    /* a name, then JSON */
    {"deepseek",
     "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n" PARIS
     "\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>now\n```json\n{}\n```"
     "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
     CALLED "C(now {})"},
    {"deepseek-v3.1",
     "<think>a</think><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>" PARIS
     "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
     "R(a)" CALLED},
    {"kimi",
     "<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0"
     "<|tool_call_argument_begin|>" PARIS "<|tool_call_end|><|tool_calls_section_end|>",
     CALLED},
    /* channels */
    {"harmony", "<|channel|>final<|message|>Hi", "T(Hi)"},
    {"harmony",
     "<|channel|>analysis<|message|>User says hi.<|end|><|start|>assistant<|channel|>final"
     "<|message|>Hi <there>.<|return|>",
     "R(User says hi.)T(Hi <there>.)"},
    {"harmony",
     "<|channel|>analysis<|message|>Ask.<|end|><|start|>assistant<|channel|>commentary "
     "to=functions.get_weather <|constrain|>json<|message|>" PARIS "<|call|>",
     "R(Ask.)" CALLED},
    {"harmony",
     "<|channel|>commentary<|message|>I look.<|end|><|start|>assistant to=functions.now<|channel|>"
     "commentary json<|message|>{}<|call|>",
     "T(I look.)C(now {})"},
    {"harmony", " to=functions.now<|channel|>commentary<|message|><|call|>", "C(now {})"},
    {"harmony", "No channel at all", "T(No channel at all)"},
    {"harmony", "<|channel|>commentary to=functions.other<|message|>{}<|call|>",
     "T(<|channel|>commentary to=functions.other<|message|>{})"},
    {"harmony", "<|channel|>fin", "T(<|channel|>fin)"},
};

static json_t *load_tools(void)
{
    json_t *tools = json_loads(tools_json, 0, NULL);
    assert_non_null(tools);
    return tools;
}

static void test_dialect__reads_what_families_write(void **state)
{
    json_t *tools = load_tools();

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(vectors); i++)
        expect(vectors[i].dialect, tools, false, vectors[i].text, vectors[i].want);
    json_decref(tools);
}

static void test_dialect__without_tools_calls_are_text(void **state)
{
    static const char call[] = "<tool_call>{\"name\": \"now\"}</tool_call>";
    json_t *none = json_array();

    (void)state;
    expect("hermes", NULL, false, call, "T(<tool_call>{\"name\": \"now\"}</tool_call>)");
    expect("json", none, false, "{\"name\": \"now\"}", "T({\"name\": \"now\"})");
    expect("hermes", NULL, false, "<think>a</think>b", "R(a)T(b)");
    json_decref(none);
}

static void test_dialect__goes_on_within_a_thought(void **state)
{
    (void)state;
    expect("hermes", NULL, true, "\nso\n</think>\n\nyes", "R(so)T(yes)");
    expect("harmony", NULL, true, "so<|end|><|start|>assistant<|channel|>final<|message|>yes",
           "R(so)T(yes)");
    assert_true(wf_dialect_thinks(by_name("hermes"), WF_STR("<|im_start|>assistant\n<think>\n")));
    assert_false(wf_dialect_thinks(by_name("hermes"), WF_STR("<think>\n\n</think>\n\n")));
    assert_false(wf_dialect_thinks(by_name("llama4"), WF_STR("<think>")));
    assert_true(wf_dialect_thinks(by_name("harmony"),
                                  WF_STR("<|start|>assistant<|channel|>analysis<|message|>")));
}

/* ---- as early as certain ---- */

static void test_dialect__gives_out_early(void **state)
{
    static const struct {
        const char *piece, *so_far;
    } steps[] = {
        {"Wait", "T(Wait"},
        {".\n<tool", "T(Wait."},
        {"_call>\n{\"name\": \"get_weather\",", "T(Wait."},
        {" \"arguments\": {", "T(Wait.)C(get_weather {"},
        {"\"city\"", "T(Wait.)C(get_weather {\"city\""},
        {": \"Pa", "T(Wait.)C(get_weather {\"city\": \"Pa"},
    };
    json_t *tools = load_tools();
    struct wf_dialect_reader *r = NULL;
    struct notes n = {0};

    (void)state;
    wf_buf_init(&n.out, 1000);
    assert_int_equal(wf_dialect_reader_new(by_name("hermes"), tools, false, &r, NULL), 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(steps); i++) {
        assert_int_equal(wf_dialect_read(r, wf_str_from(steps[i].piece), false, on_part, &n), 0);
        assert_string_equal(n.out.ptr, steps[i].so_far);
    }
    wf_dialect_reader_free(r);
    wf_buf_deinit(&n.out);
    json_decref(tools);
}

static int keep_id(void *ud, const struct wf_part *p)
{
    if (p->kind == WF_PART_CALL)
        memcpy(ud, p->id, sizeof(p->id));
    return 0;
}

static void expect_id(const char *dialect, const char *text, const char *want, size_t len)
{
    json_t *tools = load_tools();
    struct wf_dialect_reader *r = NULL;
    char id[40] = "";

    assert_int_equal(wf_dialect_reader_new(by_name(dialect), tools, false, &r, NULL), 0);
    assert_int_equal(wf_dialect_read(r, wf_str_from(text), true, keep_id, id), 0);
    assert_int_equal(strlen(id), len);
    if (want != NULL)
        assert_string_equal(id, want);
    wf_dialect_reader_free(r);
    json_decref(tools);
}

static void test_dialect__gives_calls_ids(void **state)
{
    (void)state;
    expect_id("hermes", "<tool_call>{\"name\": \"now\"}</tool_call>", NULL, 29);
    expect_id("mistral", "[TOOL_CALLS][{\"name\": \"now\", \"arguments\": {}}]", NULL, 9);
    expect_id("mistral", "[TOOL_CALLS][{\"id\": \"aaaaabbbb\", \"name\": \"now\"}]", "aaaaabbbb",
              9);
    expect_id("mistral", "[TOOL_CALLS]now[CALL_ID]aaaaabbbb[ARGS]{}", "aaaaabbbb", 9);
    expect_id("kimi",
              "<|tool_calls_section_begin|><|tool_call_begin|>functions.now:7"
              "<|tool_call_argument_begin|>{}<|tool_call_end|>",
              "functions.now:7", 15);
}

/* ---- templates ---- */

static void test_dialect__is_recognised_by_its_template(void **state)
{
    (void)state;
    assert_string_equal(wf_dialect_name(wf_dialect_of(WF_STR(""))), "json");
    assert_string_equal(wf_dialect_name(wf_dialect_of(WF_STR("a <tool_call> b"))), "hermes");
    assert_string_equal(
        wf_dialect_name(wf_dialect_of(WF_STR("<|start_header_id|> x <|eot_id|> <|python_tag|>"))),
        "llama3");
    assert_string_equal(wf_dialect_name(wf_dialect_of(WF_STR("[TOOL_CALLS] [ARGS]"))),
                        "mistral-args");
    assert_string_equal(wf_dialect_name(wf_dialect_of(WF_STR("<|start|><|channel|>x<|message|>"))),
                        "harmony");
}

struct public_template {
    const char *file, *dialect;
    bool takes_text; /* wants arguments as a text of JSON, content as null */
};

static const struct public_template public_templates[] = {
    {"Bielik-11B-v3.0-Instruct", "hermes", false},
    {"ByteDance-Seed-OSS", "seed", false},
    {"GLM-4.6", "glm", false},
    {"MiniMax-M1", "minimax-m1", false},
    {"NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "qwen3-coder", false},
    {"NVIDIA-Nemotron-Nano-v2", "nemotron", false},
    {"Qwen-Qwen2.5-7B-Instruct", "hermes", false},
    {"Qwen-Qwen3-0.6B", "hermes", false},
    {"Qwen3-Coder", "qwen3-coder", false},
    {"Reka-Edge", "hermes", false},
    {"StepFun3.5-Flash", "qwen3-coder", false},
    {"deepseek-ai-DeepSeek-R1-Distill-Llama-8B", "deepseek", true},
    {"deepseek-ai-DeepSeek-V3.1", "deepseek-v3.1", false},
    {"deepseek-ai-DeepSeek-V3.2", "dsml", false},
    {"deepseek-ai-DeepSeek-V4", "dsml", false},
    {"ibm-granite-granite-4.0", "granite", false},
    {"ibm-granite-granite-4.1", "granite", false},
    {"moonshotai-Kimi-K2", "kimi", false},
    {"openbmb-MiniCPM5-1B", "minicpm", false},
};

/* Arguments that were read, one call after the other, as an array. */
static int gather(void *ud, const struct wf_part *p)
{
    struct wf_buf *b = ud;
    if (p->kind == WF_PART_CALL)
        return wf_buf_append_cstr(b, b->len > 1 ? "," : "");
    return p->kind == WF_PART_ARGUMENTS ? wf_buf_append_str(b, p->text) : 0;
}

static void render(const json_t *source, json_t *messages, const json_t *tools, struct wf_buf *out)
{
    struct wf_template *t = NULL;
    struct wf_err err = WF_ERR_INIT;
    json_t *vars = json_pack("{s:O,s:O,s:s,s:s,s:b}", "messages", messages, "tools", tools,
                             "bos_token", "<s>", "eos_token", "</s>", "add_generation_prompt", 0);

    wf_buf_init(out, WF_LIMIT_TEMPLATE_BYTES);
    if (wf_template_compile(wf_str_n(json_string_value(source), json_string_length(source)), &t,
                            &err) != 0 ||
        wf_template_render(t, vars, 0, out, &err) != 0)
        fail_msg("%s", err.msg);
    wf_template_free(t);
    json_decref(vars);
}

/* A message that calls get_weather with each of the arguments. */
static json_t *calling_message(const json_t *arguments, bool takes_text)
{
    json_t *calls = json_array(), *m;
    for (size_t i = 0; i < json_array_size(arguments); i++) {
        const json_t *a = json_array_get(arguments, i);
        char *text = json_dumps(a, 0);
        json_t *value = takes_text ? json_string(text) : json_deep_copy(a);
        (void)json_array_append_new(
            calls, json_pack("{s:s,s:s,s:{s:s,s:o}}", "id",
                             i == 0 ? "functions.get_weather:0" : "functions.get_weather:1", "type",
                             "function", "function", "name", "get_weather", "arguments", value));
        free(text);
    }
    m = json_pack("{s:s,s:o,s:o}", "role", "assistant", "content",
                  takes_text ? json_null() : json_string(""), "tool_calls", calls);
    return m;
}

static void check_template(const struct public_template *t, const json_t *source,
                           const json_t *tools, const json_t *arguments)
{
    const struct wf_dialect *d =
        wf_dialect_of(wf_str_n(json_string_value(source), json_string_length(source)));
    json_t *messages = json_pack("[{s:s,s:s}]", "role", "user", "content", "Weather?"), *got;
    struct wf_dialect_reader *r = NULL;
    struct wf_buf before, after, calls;
    size_t n = 0;

    assert_string_equal(wf_dialect_name(d), t->dialect);
    render(source, messages, tools, &before);
    (void)json_array_append_new(messages, calling_message(arguments, t->takes_text));
    render(source, messages, tools, &after);
    while (n < before.len && n < after.len && before.ptr[n] == after.ptr[n])
        n++;
    wf_buf_init(&calls, 1u << 20);
    (void)wf_buf_append_byte(&calls, '[');
    assert_int_equal(wf_dialect_reader_new(d, tools, false, &r, NULL), 0);
    assert_int_equal(
        wf_dialect_read(r, wf_str_sub(wf_buf_str(&after), n, after.len), true, gather, &calls), 0);
    (void)wf_buf_append_byte(&calls, ']');
    got = json_loads(calls.ptr, 0, NULL);
    if (!json_equal(got, arguments))
        fail_msg("%s: %s\n  read as %s", t->file, after.ptr + n, calls.ptr);
    json_decref(got);
    json_decref(messages);
    wf_dialect_reader_free(r);
    wf_buf_deinit(&before);
    wf_buf_deinit(&after);
    wf_buf_deinit(&calls);
}

static void test_dialect__reads_what_public_templates_render(void **state)
{
    static const char *const arguments[] = {
        "[{\"city\": \"Paris\"}]",
        "[{\"city\": \"K\xc3\xb6ln \\\"am\\\" Rhein, {x}: 'a' \\\\\", \"days\": 3, "
        "\"night\": true, \"wanted\": [\"rain\", \"wind\"], \"detail\": {\"a\": {\"b\": "
        "[1.5, null]}}}]",
        "[{\"city\": \"18\"}, {\"city\": \"two\\nlines\", \"unit\": \"C\"}]",
    };
    json_t *tools = load_tools();

    (void)state;
    if (access(DATA, R_OK) != 0)
        skip();
    for (size_t i = 0; i < WF_ARRAY_LEN(public_templates); i++) {
        const struct public_template *t = &public_templates[i];
        char path[300];
        json_t *file;
        (void)snprintf(path, sizeof(path), DATA "%s.json", t->file);
        file = json_load_file(path, 0, NULL);
        assert_non_null(file);
        for (size_t k = 0; k < WF_ARRAY_LEN(arguments); k++) {
            json_t *a = json_loads(arguments[k], 0, NULL);
            assert_non_null(a);
            check_template(t, json_object_get(file, "template"), tools, a);
            json_decref(a);
        }
        json_decref(file);
    }
    json_decref(tools);
}

/* ---- hostile texts ---- */

static void test_dialect__any_text_is_read_the_same_however_it_is_cut(void **state)
{
    json_t *tools = load_tools();
    struct wf_rng_seeded rng;

    (void)state;
    wf_rng_seeded_init(&rng, 77);
    for (int round = 0; round < 6000; round++) {
        /* Two vectors, cut and joined at any place, so that broken calls come. */
        const char *a = vectors[wf_rng_below(&rng.rng, WF_ARRAY_LEN(vectors))].text;
        size_t i = wf_rng_below(&rng.rng, WF_ARRAY_LEN(vectors));
        const char *b = vectors[i].text;
        const struct wf_dialect *d = by_name(vectors[i].dialect);
        struct wf_buf text;
        struct notes whole, cut;
        wf_buf_init(&text, 10000);
        (void)wf_buf_append(&text, a, wf_rng_below(&rng.rng, strlen(a) + 1));
        (void)wf_buf_append_cstr(&text, b + wf_rng_below(&rng.rng, strlen(b) + 1));
        assert_int_equal(read_cut(d, tools, round & 1, wf_buf_str(&text), 0, &rng.rng, &whole), 0);
        assert_int_equal(
            read_cut(d, tools, round & 1, wf_buf_str(&text), 1 + (size_t)round % 7, &rng.rng, &cut),
            0);
        if (strcmp(whole.out.ptr, cut.out.ptr) != 0)
            fail_msg("%s: %s\n  whole  %s\n  cut    %s", wf_dialect_name(d), text.ptr,
                     whole.out.ptr, cut.out.ptr);
        wf_buf_deinit(&whole.out);
        wf_buf_deinit(&cut.out);
        wf_buf_deinit(&text);
    }
    json_decref(tools);
}

static void test_dialect__fails_cleanly_without_memory(void **state)
{
    json_t *tools = load_tools();

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(vectors); i++)
        for (uint64_t n = 1;; n++) {
            struct notes got;
            bool failed;
            int rc;
            wf_alloc_fail_at(n);
            rc = read_cut(by_name(vectors[i].dialect), tools, false, wf_str_from(vectors[i].text),
                          0, NULL, &got);
            failed = wf_alloc_failed();
            wf_alloc_fail_at(0);
            wf_buf_deinit(&got.out);
            if (!failed)
                assert_int_equal(rc, 0);
            if (!failed)
                break;
        }
    json_decref(tools);
}

/* ---- JSON, byte by byte ---- */

static void expect_scan(const char *text, bool good)
{
    struct wf_json_scan s;
    enum wf_json_step step = WF_JSON_MORE;
    size_t n = strlen(text);
    json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);

    wf_json_scan_init(&s);
    for (size_t i = 0; i < n && step == WF_JSON_MORE; i++)
        step = wf_json_scan_step(&s, text[i]);
    if (step == WF_JSON_MORE && wf_json_scan_step(&s, ' ') == WF_JSON_BEFORE)
        step = WF_JSON_LAST;
    if ((step == WF_JSON_LAST) != good)
        fail_msg("%s: %d", text, step);
    assert_true((v != NULL) == good);
    json_decref(v);
}

static void test_dialect__json_is_recognised_byte_by_byte(void **state)
{
    static const char *const good[] = {
        "{}",
        "[]",
        "0",
        "-0",
        "12.5e-3",
        "1E+2",
        "\"\"",
        "\"a\\u00e4\\n\\\"\"",
        "true",
        "false",
        "null",
        "[1,2, [3] , {\"a\":1,\"b\":[]}]",
        "{\"a\" : {\"b\":-1.0} }",
        "[0]",
        "[-1,0.5]",
    };
    static const char *const bad[] = {
        "{",       "[",        "01",          "-",     "1.",    ".5",   "1e",
        "\"",      "\"\\x\"",  "\"\\u12g4\"", "tru",   "nulL",  "[1,]", "[,1]",
        "{\"a\"}", "{\"a\":}", "{\"a\":1,}",  "{a:1}", "{1:1}", "[1}",  "{\"a\":1]",
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(good); i++)
        expect_scan(good[i], true);
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++)
        expect_scan(bad[i], false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dialect__reads_what_families_write),
        cmocka_unit_test(test_dialect__without_tools_calls_are_text),
        cmocka_unit_test(test_dialect__goes_on_within_a_thought),
        cmocka_unit_test(test_dialect__gives_out_early),
        cmocka_unit_test(test_dialect__gives_calls_ids),
        cmocka_unit_test(test_dialect__is_recognised_by_its_template),
        cmocka_unit_test(test_dialect__reads_what_public_templates_render),
        cmocka_unit_test(test_dialect__any_text_is_read_the_same_however_it_is_cut),
        cmocka_unit_test(test_dialect__fails_cleanly_without_memory),
        cmocka_unit_test(test_dialect__json_is_recognised_byte_by_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
