/* SPDX-License-Identifier: Apache-2.0 */
/* What clients say of where the pieces of a chat come from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "op/declared.h"
#include "privacy/label.h"

static json_t *js(const char *text)
{
    json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);

    assert_non_null(v);
    return v;
}

static void expect(const struct wf_origin *o, size_t i_part, enum wf_origin_kind kind,
                   const char *name, enum wf_label label)
{
    assert_true(o->is_declared);
    assert_int_equal(o->i_message, 3);
    assert_true(o->i_part == i_part);
    assert_int_equal(o->kind, kind);
    assert_true(wf_str_eq(o->name, wf_str_from(name)));
    assert_int_equal(o->label, label);
}

static void test_declared__messages_and_their_parts(void **state)
{
    json_t *m =
        js("{\"role\":\"user\",\"weft_label\":\"private\",\"weft_origin\":[\"mail:a@b.c\","
           "\"tool:x:y\"],\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\","
           "\"text\":\"b\",\"metadata\":{\"weft_origin\":\"file:/a b/c\"}}]}");

    (void)state;
    for (int stay = 0; stay < 2; stay++) {
        struct wf_origins o = {.n = 0};
        struct wf_arena arena;
        wf_arena_init(&arena, 0, WF_DECLARED_BYTES_MAX);
        assert_int_equal(wf_op_declared_message(m, 3, stay != 0, &arena, &o, NULL), 0);
        assert_int_equal(o.n, 4);
        expect(&o.items[0], WF_ORIGIN_ALL, WF_ORIGIN_PROMPT, "", WF_LABEL_PRIVATE);
        expect(&o.items[1], WF_ORIGIN_ALL, WF_ORIGIN_MAIL, "a@b.c", WF_LABEL_PRIVATE);
        expect(&o.items[2], WF_ORIGIN_ALL, WF_ORIGIN_TOOL, "x:y", WF_LABEL_PRIVATE);
        expect(&o.items[3], stay != 0 ? 1 : WF_ORIGIN_ALL, WF_ORIGIN_FILE, "/a b/c",
               WF_LABEL_PUBLIC);
        wf_arena_deinit(&arena);
    }
    assert_true(wf_op_declares(m));
    json_decref(m);
}

static void test_declared__words_that_are_not_known_are_refused(void **state)
{
    static const char *const wrong[] = {
        "{\"weft_origin\":\"\"}",         "{\"weft_origin\":\"File:/a\"}",
        "{\"weft_origin\":{}}",           "{\"weft_origin\":[\"mail\",null]}",
        "{\"weft_origin\":[[\"mail\"]]}", "{\"weft_label\":\"low\"}",
        "{\"weft_label\":[\"secret\"]}",  "{\"metadata\":{\"weft_label\":null}}",
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(wrong); i++) {
        json_t *m = js(wrong[i]);
        struct wf_origins o = {.n = 0};
        struct wf_arena arena;
        wf_arena_init(&arena, 0, WF_DECLARED_BYTES_MAX);
        assert_int_equal(wf_op_declared_message(m, 0, true, &arena, &o, NULL), WF_E_INVAL);
        wf_arena_deinit(&arena);
        json_decref(m);
    }
}

static json_t *many(size_t n)
{
    json_t *all = json_array();

    for (size_t i = 0; i < n; i++)
        assert_int_equal(json_array_append_new(all, json_string("web:a.example")), 0);
    return json_pack("{s:o}", "weft_origin", all);
}

static void test_declared__so_many_and_no_more(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        json_t *m = many(WF_DECLARED_MAX + more);
        struct wf_origins o = {.n = 0};
        struct wf_arena arena;
        wf_arena_init(&arena, 0, WF_DECLARED_BYTES_MAX);
        assert_int_equal(wf_op_declared(m, 0, 0, &arena, &o, NULL), more == 0 ? 0 : WF_E_INVAL);
        assert_int_equal(o.n, more == 0 ? WF_DECLARED_MAX : 0);
        wf_arena_deinit(&arena);
        json_decref(m);
    }
}

static void test_declared__survives_failing_allocations(void **state)
{
    json_t *chat = json_pack("[o]", many(WF_DECLARED_MAX));
    int rc = -1;

    (void)state;
    for (uint64_t k = 1; rc != 0; k++) {
        const struct wf_origin *o = NULL;
        struct wf_arena arena;
        size_t n = 0;
        wf_arena_init(&arena, 0, WF_DECLARED_BYTES_MAX);
        wf_alloc_fail_at(k);
        rc = wf_op_declared_chat(chat, &arena, &o, &n, NULL);
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || rc == WF_E_NOMEM);
        assert_true(rc != 0 || n == WF_DECLARED_MAX);
        wf_arena_deinit(&arena);
    }
    json_decref(chat);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_declared__messages_and_their_parts),
        cmocka_unit_test(test_declared__words_that_are_not_known_are_refused),
        cmocka_unit_test(test_declared__so_many_and_no_more),
        cmocka_unit_test(test_declared__survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
