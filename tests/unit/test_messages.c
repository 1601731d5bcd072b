/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: small templates that lack something each; public templates, whose renderings must be
 * those of the reference where they can show all, and read back where they cannot. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/messages.h"

#define DATA "../shared/data/templates/"
#define TOOLS                                                                                      \
    "[{\"type\":\"function\",\"function\":{\"name\":\"now\",\"parameters\":{\"type\":\"object\","  \
    "\"properties\":{\"zone\":{\"type\":\"string\"}}}}}]"
#define CALLING                                                                                    \
    "[{\"role\":\"user\",\"content\":\"When?\"},{\"role\":\"assistant\",\"content\":null,"         \
    "\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"now\","     \
    "\"arguments\":\"{\\\"zone\\\":\\\"UTC\\\"}\"}}]},{\"role\":\"tool\",\"tool_call_id\":"        \
    "\"call_1\",\"content\":\"12:00\"}]"

static json_t *parse(const char *text)
{
    json_t *v = text != NULL ? json_loads(text, 0, NULL) : NULL;
    assert_true(v != NULL || text == NULL);
    return v;
}

static int try_render(const char *source, const char *messages, const char *tools, bool goes_on,
                      struct wf_buf *out, struct wf_err *err)
{
    struct wf_template *t = NULL;
    struct wf_chat_style style;
    json_t *m = parse(messages), *o = parse(tools);
    struct wf_chat chat = {
        .messages = m,
        .tools = o,
        .bos = WF_STR("<s>"),
        .eos = WF_STR("</s>"),
        .continue_last = goes_on,
    };
    int rc = wf_template_compile(wf_str_from(source), &t, err);

    if (rc == 0)
        rc = wf_chat_style_of(t, wf_str_from(source), &style, err);
    if (rc == 0)
        rc = wf_messages_render(t, &style, wf_dialect_of(wf_str_from(source)), &chat, 0, out, err);
    wf_template_free(t);
    json_decref(m);
    json_decref(o);
    return rc;
}

static void expect(const char *source, const char *messages, const char *tools, bool goes_on,
                   const char *want)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf out;

    wf_buf_init(&out, 1u << 20);
    if (try_render(source, messages, tools, goes_on, &out, &err) != 0)
        fail_msg("%s: %s", source, err.msg);
    assert_string_equal(out.ptr, want);
    wf_buf_deinit(&out);
}

#define CHAT "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
#define CHAT_WITH_CALLS                                                                            \
    "{% if tools %}{{ tools|tojson }}{% endif %}{% for m in messages %}[{{ m.role }}]"             \
    "{{ m.content }}{% for c in m.tool_calls or [] %}<{{ c.id }} {{ c.function.name }} "

static void test_messages__content_becomes_one_text(void **state)
{
    (void)state;
    expect(CHAT,
           "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\","
           "\"text\":\"b\"}]},{\"role\":\"assistant\",\"content\":null}]",
           NULL, false, "[user]a\nb[assistant]");
    expect("{% for m in messages %}{{ m.content[0].text ~ '!' }}{% endfor %}",
           "[{\"role\":\"user\",\"content\":\"abc\"}]", NULL, false, "abc!");
}

static void test_messages__a_system_message_finds_a_place(void **state)
{
    static const char system_user[] = "[{\"role\":\"system\",\"content\":\"Be kind.\"},"
                                      "{\"role\":\"user\",\"content\":\"Hi\"}]";
    (void)state;
    expect(CHAT, system_user, NULL, false, "[system]Be kind.[user]Hi");
    expect("{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}" CHAT,
           system_user, NULL, false, "[user]Be kind.\n\nHi");
    expect("{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}" CHAT,
           "[{\"role\":\"system\",\"content\":\"Be kind.\"}]", NULL, false, "[user]Be kind.\n\n");
    expect(CHAT, "[{\"role\":\"developer\",\"content\":\"x\"}]", NULL, false, "[system]x");
    expect(CHAT "{# developer #}", "[{\"role\":\"developer\",\"content\":\"x\"}]", NULL, false,
           "[developer]x");
}

static void test_messages__arguments_are_as_the_template_wants_them(void **state)
{
    (void)state;
    expect(CHAT_WITH_CALLS "{{ c.function.arguments|tojson }}>{% endfor %}{% endfor %}", CALLING,
           NULL, false, "[user]When?[assistant]<call_1 now {\"zone\": \"UTC\"}>[tool]12:00");
    expect(CHAT_WITH_CALLS "{{ c.function.arguments + '' }}>{% endfor %}{% endfor %}", CALLING,
           NULL, false, "[user]When?[assistant]<call_1 now {\"zone\":\"UTC\"}>[tool]12:00");
    expect("{% for m in messages %}{% if m.content is none %}{{ m.tool_calls|tojson }}{% else %}"
           "{{ m.content }}{% endif %}{% endfor %}",
           CALLING, NULL, false,
           "When?[{\"id\": \"call_1\", \"type\": \"function\", \"function\": {\"name\": \"now\", "
           "\"arguments\": {\"zone\": \"UTC\"}}}]12:00");
}

static void test_messages__results_know_their_tool(void **state)
{
    (void)state;
    expect("{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] %}"
           "{{ c.function|tojson }}{% endfor %}{% if m.role == 'tool' %}({{ m.name }}){% endif %}"
           "{% endfor %}",
           CALLING, NULL, false,
           "When?{\"name\": \"now\", \"arguments\": {\"zone\": \"UTC\"}}12:00(now)");
}

static void test_messages__what_a_template_cannot_show_is_text(void **state)
{
    (void)state;
    expect(CHAT, CALLING, NULL, false,
           "[user]When?[assistant]<tool_call>\n{\"name\": \"now\", \"arguments\": {\"zone\": "
           "\"UTC\"}}\n</tool_call>[user]<tool_response>\n12:00\n</tool_response>");
    expect(CHAT "{# List of tools: [ <|im_start|> #}", CALLING, NULL, false,
           "[user]When?[assistant]<|tool_call_start|>[now(zone=\"UTC\")]<|tool_call_end|>[user]"
           "<tool_response>\n12:00\n</tool_response>");
}

static void test_messages__tools_are_explained(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf out;

    (void)state;
    wf_buf_init(&out, 1u << 20);
    assert_int_equal(try_render(CHAT,
                                "[{\"role\":\"system\",\"content\":\"Be kind.\"},{\"role\":"
                                "\"user\",\"content\":\"When?\"}]",
                                TOOLS, false, &out, &err),
                     0);
    assert_true(wf_str_starts(wf_buf_str(&out), WF_STR("[system]Be kind.\n\nYou can call")));
    assert_non_null(strstr(out.ptr, "\"name\": \"now\""));
    assert_non_null(strstr(out.ptr, "<tool_call>\n{\"name\": "));
    assert_true(wf_str_ends(wf_buf_str(&out), WF_STR("[user]When?")));
    wf_buf_deinit(&out);
}

static void test_messages__ids_are_short_where_they_must_be(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf out;

    (void)state;
    wf_buf_init(&out, 1u << 20);
    assert_int_equal(
        try_render("{# [TOOL_CALLS] #}{% for m in messages %}{{ m.content }}"
                   "{% for c in m.tool_calls or [] %}{% if c.id|length != 9 %}"
                   "{{ raise_exception('id') }}{% endif %}{{ c|tojson }}{% endfor %}"
                   "{% if m.role == 'tool' %}{{ m.tool_call_id }}{% endif %}{% endfor %}",
                   CALLING, NULL, false, &out, &err),
        0);
    /* The call's id and the result's are still the same. */
    assert_memory_equal(strstr(out.ptr, "\"id\": \"") + 7, out.ptr + out.len - 9, 9);
    wf_buf_deinit(&out);
}

static void test_messages__an_answer_is_continued(void **state)
{
    static const char chat[] = "[{\"role\":\"user\",\"content\":\"Hi\"},{\"role\":\"assistant\","
                               "\"content\":\" Hello \"}]";
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf out;

    (void)state;
    expect("{% for m in messages %}<{{ m.role }}>{{ m.content|trim }}<end>{% endfor %}"
           "{% if add_generation_prompt %}<assistant>{% endif %}",
           chat, NULL, true, "<user>Hi<end><assistant>Hello ");
    wf_buf_init(&out, 1u << 20);
    assert_int_equal(
        try_render(CHAT, "[{\"role\":\"user\",\"content\":\"Hi\"}]", NULL, true, &out, &err),
        WF_E_INVAL);
    wf_buf_deinit(&out);
}

static void test_messages__says_what_is_wrong(void **state)
{
    static const struct {
        const char *messages;
        int rc;
    } bad[] = {
        {"[{\"content\":\"x\"}]", WF_E_INVAL},
        {"[{\"role\":\"user\",\"content\":3}]", WF_E_INVAL},
        {"[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{}}]}]",
         WF_E_UNSUPPORTED},
        {"[3]", WF_E_INVAL},
    };
    struct wf_err err;
    struct wf_buf out;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++) {
        err = (struct wf_err){0};
        wf_buf_init(&out, 1u << 20);
        assert_int_equal(try_render(CHAT, bad[i].messages, NULL, false, &out, &err), bad[i].rc);
        assert_true(err.msg[0] != 0);
        wf_buf_deinit(&out);
    }
}

static void test_messages__fails_cleanly_without_memory(void **state)
{
    uint64_t live = wf_alloc_stats().n_live;

    (void)state;
    for (uint64_t n = 1;; n++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_buf out;
        bool failed;
        int rc;
        wf_buf_init(&out, 1u << 20);
        wf_alloc_fail_at(n);
        rc = try_render(CHAT, CALLING, TOOLS, false, &out, &err);
        failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        /* A template cannot tell lack of memory from its limit. */
        assert_true(failed ? rc == WF_E_NOMEM || rc == WF_E_LIMIT : rc == 0);
        wf_buf_deinit(&out);
        assert_int_equal(wf_alloc_stats().n_live, live);
        if (!failed)
            break;
    }
}

/* ---- public templates ---- */

static int gather(void *ud, const struct wf_part *p)
{
    struct wf_buf *b = ud;
    if (p->kind == WF_PART_CALL)
        return wf_buf_appendf(b, "%.*s", WF_STR_ARG(p->name));
    return p->kind == WF_PART_ARGUMENTS ? wf_buf_append_str(b, p->text) : 0;
}

/* What was rendered of the past call can be read back. */
static void expect_readable(const char *file, const struct wf_dialect *d, const json_t *tools,
                            const char *text, size_t from)
{
    struct wf_dialect_reader *r = NULL;
    struct wf_buf got;

    wf_buf_init(&got, 1u << 16);
    assert_int_equal(wf_dialect_reader_new(d, tools, false, &r, NULL), 0);
    assert_int_equal(wf_dialect_read(r, wf_str_from(text + from), true, gather, &got), 0);
    if (strcmp(got.ptr, "get_weather{\"city\": \"Paris\", \"unit\": \"C\"}") != 0)
        fail_msg("%s: %s\n  read as %s", file, text + from, got.ptr);
    wf_dialect_reader_free(r);
    wf_buf_deinit(&got);
}

/* Templates of which our readers know no dialect, or that the reference refuses. */
static const char *const unreadable[] = {
    "GigaChat3-10B-A1.8B.json",
    "Kimi-K3.json",
    "MiniMax-M3.json",
    "google-gemma-4-31B-it-interleaved.json",
    "meetkai-functionary-medium-v3.2.json",
    "tencent-Hy3.json",
    "Kimi-K2-Instruct.json",
    "Kimi-K2-Thinking.json",
    "CohereForAI-c4ai-command-r-plus-tool_use.json",
};

static size_t check_case(const char *file, const struct wf_template *t,
                         const struct wf_chat_style *style, const struct wf_dialect *d,
                         const json_t *one)
{
    const json_t *context = json_object_get(one, "context");
    const char *name = json_string_value(json_object_get(one, "name"));
    const char *want = json_string_value(json_object_get(one, "expect"));
    struct wf_chat chat = {
        .messages = json_object_get(context, "messages"),
        .tools = json_object_get(context, "tools"),
        .bos = wf_str_from(json_string_value(json_object_get(context, "bos_token"))),
        .eos = wf_str_from(json_string_value(json_object_get(context, "eos_token"))),
    };
    bool has_call = strcmp(name, "tool-result") == 0, is_same;
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf out;
    size_t n = 0;

    if (strcmp(name, "no-prompt") == 0)
        return 0;
    wf_buf_init(&out, WF_LIMIT_TEMPLATE_BYTES);
    if (wf_messages_render(t, style, d, &chat, 1767225600, &out, &err) != 0) {
        if (want != NULL)
            fail_msg("%s, %s: %s", file, name, err.msg);
        wf_buf_deinit(&out);
        return 0;
    }
    is_same = (chat.tools == NULL || style->has_tools) && style->has_system && !style->wants_null &&
              (!has_call || (style->has_calls && style->has_results && !style->wants_text));
    if (want != NULL && is_same && strstr(want, "202") == NULL) {
        if (strcmp(out.ptr, want) != 0)
            fail_msg("%s, %s:\n%s\n--- not\n%s", file, name, out.ptr, want);
        n = 1;
    }
    for (size_t i = 0; has_call && i < WF_ARRAY_LEN(unreadable); i++)
        has_call = strcmp(unreadable[i], file) != 0;
    if (has_call) {
        const char *question = strstr(out.ptr, "Weather in Paris?");
        assert_non_null(question);
        expect_readable(file, d, chat.tools, question, 0);
    }
    wf_buf_deinit(&out);
    return n;
}

static void test_messages__public_templates_render_as_the_reference(void **state)
{
    DIR *dir = opendir(DATA);
    struct dirent *e;
    size_t n = 0;

    (void)state;
    if (dir == NULL)
        skip();
    while ((e = readdir(dir)) != NULL) {
        char path[600];
        json_t *file, *one;
        struct wf_template *t = NULL;
        struct wf_chat_style style;
        struct wf_str source;
        size_t i;
        (void)snprintf(path, sizeof(path), DATA "%s", e->d_name);
        file = strstr(e->d_name, ".json") != NULL ? json_load_file(path, 0, NULL) : NULL;
        source = wf_str_from(json_string_value(json_object_get(file, "template")));
        if (file != NULL && wf_template_compile(source, &t, NULL) == 0) {
            assert_int_equal(wf_chat_style_of(t, source, &style, NULL), 0);
            json_array_foreach(json_object_get(file, "cases"), i, one) n +=
                check_case(e->d_name, t, &style, wf_dialect_of(source), one);
            wf_template_free(t);
        }
        json_decref(file);
    }
    closedir(dir);
    assert_true(n > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages__content_becomes_one_text),
        cmocka_unit_test(test_messages__a_system_message_finds_a_place),
        cmocka_unit_test(test_messages__arguments_are_as_the_template_wants_them),
        cmocka_unit_test(test_messages__results_know_their_tool),
        cmocka_unit_test(test_messages__what_a_template_cannot_show_is_text),
        cmocka_unit_test(test_messages__tools_are_explained),
        cmocka_unit_test(test_messages__ids_are_short_where_they_must_be),
        cmocka_unit_test(test_messages__an_answer_is_continued),
        cmocka_unit_test(test_messages__says_what_is_wrong),
        cmocka_unit_test(test_messages__fails_cleanly_without_memory),
        cmocka_unit_test(test_messages__public_templates_render_as_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
