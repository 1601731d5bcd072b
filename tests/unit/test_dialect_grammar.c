/* SPDX-License-Identifier: Apache-2.0 */
/* Grammars of tool choices: what families write is allowed, what breaks the rules is not; and what
 * a model of random weights writes under each of them is read as the calls that were asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "model/dialect.h"
#include "support/tiny_vocab.h"

static const char tools_json[] =
    "[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"parameters\":{\"type\":"
    "\"object\",\"properties\":{\"city\":{\"type\":\"string\"},\"unit\":{\"enum\":[\"C\",\"F\"]},"
    "\"days\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9}},\"required\":[\"city\"],"
    "\"additionalProperties\":false}}},{\"type\":\"function\",\"function\":{\"name\":\"now\"}}]";

/* A vocabulary of bytes and a few words. */
struct model {
    char names[256][8];
    struct tiny_token tokens[300];
    struct wf_buf bytes;
    struct wf_gguf *g;
    struct wf_vocab *v;
    struct wf_token_trie *trie;
    json_t *tools;
};

static int set_up(void **state)
{
    static const char *const words[] = {"<think>",     "</think>",  "name", "city",
                                        "get_weather", "tool_call", "ar",   "\"",
                                        "{",           "}",         "Paris"};
    static struct model m;
    size_t n = 0;

    m.tokens[n++] = (struct tiny_token){"<unk>", 2, 0};
    m.tokens[n++] = (struct tiny_token){"<s>", 3, 0};
    m.tokens[n++] = (struct tiny_token){"</s>", 3, 0};
    for (int i = 0; i < 256; i++) {
        (void)snprintf(m.names[i], sizeof(m.names[i]), "<0x%02X>", i);
        m.tokens[n++] = (struct tiny_token){m.names[i], 6, 0};
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(words); i++)
        m.tokens[n++] = (struct tiny_token){words[i], 1, -1};
    m.tokens[n] = (struct tiny_token){NULL, 0, 0};
    wf_buf_init(&m.bytes, 1u << 20);
    tiny_vocab_build("llama", NULL, m.tokens, NULL, &m.bytes);
    if (wf_gguf_open_memory(m.bytes.ptr, m.bytes.len, &m.g, NULL) != 0 ||
        wf_vocab_open(m.g, &m.v, NULL) != 0 || wf_token_trie_new(m.v, &m.trie, NULL) != 0)
        return -1;
    m.tools = json_loads(tools_json, 0, NULL);
    *state = &m;
    return m.tools == NULL;
}

static int tear_down(void **state)
{
    struct model *m = *state;
    json_decref(m->tools);
    wf_token_trie_free(m->trie);
    wf_vocab_close(m->v);
    wf_gguf_close(m->g);
    wf_buf_deinit(&m->bytes);
    return 0;
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

static struct wf_tool_grammar make(const struct model *m, const struct wf_dialect *d,
                                   enum wf_tool_choice choice, bool parallel, bool thinks)
{
    const struct wf_tool_rules rules = {
        .tools = m->tools, .choice = choice, .name = "get_weather", .parallel = parallel};
    struct wf_tool_grammar g;
    struct wf_err err = WF_ERR_INIT;
    if (wf_dialect_grammar(d, &rules, thinks, &g, &err) != 0)
        fail_msg("%s: %s", wf_dialect_name(d), err.msg);
    return g;
}

/* Whether a whole text keeps to a grammar. */
static bool fits(const struct model *m, const struct wf_tool_grammar *g, const char *text)
{
    struct wf_constraint *c = NULL;
    bool ok;

    assert_int_equal(wf_constraint_new(g->grammar, m->trie, &c, NULL), 0);
    ok = wf_constraint_accept_bytes(c, wf_str_from(text), NULL) == 0 && wf_constraint_may_end(c);
    wf_constraint_free(c);
    return ok;
}

#define ARGS "{\"city\": \"Paris\"}"

static const struct {
    const char *dialect, *text;
} calls[] = {
    {"hermes", "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": " ARGS "}\n</tool_call>"},
    {"hermes",
     "<think>\nHm.\n</think>\n\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": " ARGS
     "}\n</tool_call>"},
    {"granite", "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": " ARGS "}\n</tool_call>"},
    {"granite-3", "<|tool_call|>[{\"name\": \"get_weather\", \"arguments\": " ARGS "}]"},
    {"phi", "<|tool_call|>[{\"name\": \"get_weather\", \"arguments\": " ARGS "}]<|/tool_call|>"},
    {"llama3", "{\"name\": \"get_weather\", \"parameters\": " ARGS "}"},
    {"mistral", "[TOOL_CALLS][{\"name\": \"get_weather\", \"arguments\": " ARGS "}]"},
    {"mistral-args", "[TOOL_CALLS]get_weather[ARGS]" ARGS},
    {"lfm2", "<|tool_call_start|>[get_weather(city=\"Paris\", days=2)]<|tool_call_end|>"},
    {"lfm2", "<|tool_call_start|>[get_weather(city=\"Paris\", unit=\"C\")]<|tool_call_end|>"},
    {"qwen3-coder", "<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n"
                    "<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>"},
    {"glm", "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n"
            "</tool_call>"},
    {"deepseek", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n"
                 "```json\n" ARGS "\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>"},
    {"deepseek-v3.1", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>" ARGS
                      "<｜tool▁call▁end｜><｜tool▁calls▁end｜>"},
    {"kimi", "<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0"
             "<|tool_call_argument_begin|>" ARGS "<|tool_call_end|><|tool_calls_section_end|>"},
    {"harmony", "<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>" ARGS},
    {"harmony", " to=functions.get_weather<|channel|>commentary<|message|>" ARGS},
    {"harmony", "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary "
                "to=functions.get_weather <|constrain|>json<|message|>" ARGS},
    {"json", "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": " ARGS "}\n</tool_call>"},
};

static void test_dialect_grammar__allows_what_families_write(void **state)
{
    const struct model *m = *state;

    for (size_t i = 0; i < WF_ARRAY_LEN(calls); i++)
        for (int choice = WF_TOOL_REQUIRED; choice <= WF_TOOL_NAMED; choice++) {
            struct wf_tool_grammar g =
                make(m, by_name(calls[i].dialect), (enum wf_tool_choice)choice, true, false);
            assert_int_equal(g.n_triggers, 0);
            if (!fits(m, &g, calls[i].text))
                fail_msg("%s refuses %s", calls[i].dialect, calls[i].text);
            wf_grammar_unref(g.grammar);
        }
}

static void test_dialect_grammar__refuses_what_breaks_the_rules(void **state)
{
    static const char *const bad[] = {
        "",
        "Hello",
        "<think>Hm.</think>",
        "<tool_call>\n{\"name\": \"other\", \"arguments\": {}}\n</tool_call>",
        "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {}}\n</tool_call>",
        "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": 3}}\n</tool_call>",
        "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"a\", \"x\": 1}}\n"
        "</tool_call>",
    };
    static const char now[] = "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>";
    static const char two[] = "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>\n"
                              "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>";
    const struct model *m = *state;
    struct wf_tool_grammar g = make(m, by_name("hermes"), WF_TOOL_REQUIRED, false, false);

    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++)
        if (fits(m, &g, bad[i]))
            fail_msg("allowed: %s", bad[i]);
    assert_true(fits(m, &g, now));
    assert_false(fits(m, &g, two));
    wf_grammar_unref(g.grammar);
    g = make(m, by_name("hermes"), WF_TOOL_REQUIRED, true, false);
    assert_true(fits(m, &g, two));
    wf_grammar_unref(g.grammar);
    g = make(m, by_name("hermes"), WF_TOOL_NAMED, true, false);
    assert_false(fits(m, &g, now));
    wf_grammar_unref(g.grammar);
    /* A thought that the prompt began must end. */
    g = make(m, by_name("hermes"), WF_TOOL_REQUIRED, false, true);
    assert_false(fits(m, &g, now));
    assert_true(fits(m, &g,
                     "hm</think>\n\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n"
                     "</tool_call>"));
    wf_grammar_unref(g.grammar);
}

static void test_dialect_grammar__holds_from_a_mark_on_when_calls_are_free(void **state)
{
    const struct model *m = *state;
    const struct wf_dialect *d;

    for (size_t i = 0; (d = wf_dialect_at(i)) != NULL; i++) {
        struct wf_tool_grammar g = make(m, d, WF_TOOL_AUTO, true, false);
        assert_true((g.grammar != NULL) == (g.n_triggers > 0));
        for (size_t k = 0; k < g.n_triggers; k++) {
            struct wf_constraint *c = NULL;
            assert_int_equal(wf_constraint_new(g.grammar, m->trie, &c, NULL), 0);
            assert_int_equal(wf_constraint_accept_bytes(c, wf_str_from(g.triggers[k]), NULL), 0);
            wf_constraint_free(c);
        }
        wf_grammar_unref(g.grammar);
    }
    struct wf_tool_grammar g = make(m, by_name("hermes"), WF_TOOL_NONE, true, false);
    assert_null(g.grammar);
}

static void test_dialect_grammar__says_what_is_wrong(void **state)
{
    static const struct {
        const char *tools;
        enum wf_tool_choice choice;
        int rc;
    } bad[] = {
        {"[]", WF_TOOL_REQUIRED, WF_E_INVAL},
        {"[{\"type\":\"function\",\"function\":{}}]", WF_TOOL_AUTO, WF_E_INVAL},
        {"[{\"function\":{\"name\":\"a b\"}}]", WF_TOOL_AUTO, WF_E_INVAL},
        {"[{\"function\":{\"name\":\"a\",\"parameters\":3}}]", WF_TOOL_AUTO, WF_E_INVAL},
        {"[{\"function\":{\"name\":\"a\"}}]", WF_TOOL_NAMED, WF_E_INVAL},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++) {
        json_t *tools = json_loads(bad[i].tools, 0, NULL);
        struct wf_tool_rules rules = {.tools = tools, .choice = bad[i].choice, .name = "b"};
        struct wf_tool_grammar g;
        struct wf_err err = WF_ERR_INIT;
        assert_int_equal(wf_dialect_grammar(by_name("hermes"), &rules, false, &g, &err), bad[i].rc);
        assert_true(err.msg[0] != 0 && g.grammar == NULL);
        json_decref(tools);
    }
}

static void test_dialect_grammar__only_strict_tools_refuse_a_schema(void **state)
{
    static const char form[] =
        "[{\"type\":\"function\",\"function\":{\"name\":\"a\",\"strict\":%s,\"parameters\":{"
        "\"type\":"
        "\"object\",\"properties\":{\"x\":{\"$ref\":\"http://example.org/none\"}}}}}]";

    (void)state;
    for (int strict = 0; strict < 2; strict++) {
        char text[400];
        struct wf_tool_grammar g;
        struct wf_err err = WF_ERR_INIT;
        json_t *tools;
        (void)snprintf(text, sizeof(text), form, strict ? "true" : "false");
        tools = json_loads(text, 0, NULL);
        struct wf_tool_rules rules = {.tools = tools, .choice = WF_TOOL_REQUIRED};
        int rc = wf_dialect_grammar(by_name("hermes"), &rules, false, &g, &err);
        if (strict) {
            assert_true(rc == WF_E_UNSUPPORTED || rc == WF_E_INVAL);
            assert_true(strncmp(err.msg, "tool a: ", 8) == 0);
        } else {
            assert_int_equal(rc, 0);
            wf_grammar_unref(g.grammar);
        }
        json_decref(tools);
    }
}

/* ---- a model of random weights ---- */

struct seen {
    size_t n_calls, n_text;
    struct wf_buf arguments;
};

static int on_part(void *ud, const struct wf_part *p)
{
    struct seen *s = ud;
    if (p->kind == WF_PART_CALL) {
        s->n_calls++;
        return wf_buf_append_cstr(&s->arguments, s->arguments.len > 1 ? "," : "");
    }
    s->n_text += p->kind == WF_PART_TEXT;
    return p->kind == WF_PART_ARGUMENTS ? wf_buf_append_str(&s->arguments, p->text) : 0;
}

static void write_random(const struct model *m, const struct wf_tool_grammar *g,
                         const struct wf_rng *rng, struct wf_buf *out)
{
    size_t n_vocab = wf_vocab_size(m->v), left = 300;
    uint32_t bits[16];
    struct wf_constraint *c = NULL;

    assert_true(n_vocab <= 32 * WF_ARRAY_LEN(bits));
    assert_int_equal(wf_constraint_new(g->grammar, m->trie, &c, NULL), 0);
    for (; left > 0; left--) {
        struct wf_err err = WF_ERR_INIT;
        size_t id = wf_rng_below(rng, n_vocab);
        if (wf_constraint_mask(c, left, bits, &err) != 0)
            fail_msg("%s (%s)", err.msg, out->ptr);
        while (!(bits[id / 32] >> id % 32 & 1))
            id = (id + 1) % n_vocab;
        if (wf_vocab_is_end(m->v, (int32_t)id))
            break;
        assert_int_equal(wf_constraint_accept(c, (int32_t)id, NULL), 0);
        (void)wf_buf_append_str(out, wf_vocab_bytes(m->v, (int32_t)id));
    }
    assert_true(left > 0);
    wf_constraint_free(c);
}

static void check_random(const struct model *m, const struct wf_dialect *d, bool parallel,
                         bool thinks, const struct wf_rng *rng)
{
    struct wf_tool_grammar g = make(m, d, WF_TOOL_NAMED, parallel, thinks);
    struct seen s = {.n_calls = 0};
    struct wf_dialect_reader *r = NULL;
    struct wf_buf text;
    json_t *all, *one;
    size_t i;

    wf_buf_init(&text, 1u << 20);
    wf_buf_init(&s.arguments, 1u << 20);
    write_random(m, &g, rng, &text);
    (void)wf_buf_append_byte(&s.arguments, '[');
    assert_int_equal(wf_dialect_reader_new(d, m->tools, thinks, &r, NULL), 0);
    assert_int_equal(wf_dialect_read(r, wf_buf_str(&text), true, on_part, &s), 0);
    (void)wf_buf_append_byte(&s.arguments, ']');
    all = json_loads(s.arguments.ptr, JSON_ALLOW_NUL, NULL);
    if (s.n_calls == 0 || s.n_text > 0 || json_array_size(all) != s.n_calls ||
        (!parallel && s.n_calls > 1))
        fail_msg("%s wrote %s\n  read as %zu calls, %zu texts, %s", wf_dialect_name(d), text.ptr,
                 s.n_calls, s.n_text, s.arguments.ptr);
    json_array_foreach(all, i, one)
    {
        const json_t *days = json_object_get(one, "days");
        if (!json_is_string(json_object_get(one, "city")) ||
            (days != NULL && !(json_number_value(days) >= 1 && json_number_value(days) <= 9)))
            fail_msg("%s wrote %s", wf_dialect_name(d), text.ptr);
    }
    json_decref(all);
    wf_dialect_reader_free(r);
    wf_grammar_unref(g.grammar);
    wf_buf_deinit(&text);
    wf_buf_deinit(&s.arguments);
}

static void test_dialect_grammar__what_it_allows_is_read_as_calls(void **state)
{
    const struct model *m = *state;
    const struct wf_dialect *d;
    struct wf_rng_seeded rng;

    wf_rng_seeded_init(&rng, 4);
    for (size_t i = 0; (d = wf_dialect_at(i)) != NULL; i++)
        for (int round = 0; round < 12; round++)
            check_random(m, d, round & 1, round & 2, &rng.rng);
}

static void test_dialect_grammar__fails_cleanly_without_memory(void **state)
{
    const struct model *m = *state;
    const char *const names[] = {"hermes", "lfm2", "qwen3-coder", "harmony"};
    uint64_t live = wf_alloc_stats().n_live;

    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++)
        for (uint64_t n = 1;; n += 1 + n / 50) {
            struct wf_tool_rules rules = {.tools = m->tools, .choice = WF_TOOL_REQUIRED};
            struct wf_tool_grammar g;
            bool failed;
            int rc;
            wf_alloc_fail_at(n);
            rc = wf_dialect_grammar(by_name(names[i]), &rules, false, &g, NULL);
            failed = wf_alloc_failed();
            wf_alloc_fail_at(0);
            /* A compiled grammar goes without what only makes it faster. */
            assert_true(rc == 0 || (failed && rc == WF_E_NOMEM));
            wf_grammar_unref(g.grammar);
            assert_int_equal(wf_alloc_stats().n_live, live);
            if (!failed)
                break;
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dialect_grammar__allows_what_families_write),
        cmocka_unit_test(test_dialect_grammar__refuses_what_breaks_the_rules),
        cmocka_unit_test(test_dialect_grammar__holds_from_a_mark_on_when_calls_are_free),
        cmocka_unit_test(test_dialect_grammar__says_what_is_wrong),
        cmocka_unit_test(test_dialect_grammar__only_strict_tools_refuse_a_schema),
        cmocka_unit_test(test_dialect_grammar__what_it_allows_is_read_as_calls),
        cmocka_unit_test(test_dialect_grammar__fails_cleanly_without_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
