/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from a label and its slots: a command, something that is lacking, or nothing yet;
 * the table against the labels of train/weft-intents.txt; the operation over a tiny lens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "engine/lens.h"
#include "op/json.h"
#include "op/op.h"
#include "os/file.h"
#include "skill/wish.h"
#include "support/tiny_lens.h"

static const struct wf_civil now = {2026, 11, 30, 10, 20};

#define SLOTS_MAX 4

/* A sentence, the label that the lens gives it and its slots ("file=report.pdf;..."). */
struct said {
    const char *text, *intent, *slots;
    struct wf_lens_mark marks[SLOTS_MAX];
    struct wf_lens_answer a;
};

static void say(struct said *s)
{
    struct wf_str rest = wf_str_from(s->slots), slot, type;

    s->a = (struct wf_lens_answer){
        .intent = wf_str_from(s->intent), .intent_score = 0.9f, .in_scope = true};
    s->a.slots.items = s->marks;
    while (rest.len > 0 && wf_str_split(&rest, ';', &slot)) {
        size_t from;
        assert_true(wf_str_split(&slot, '=', &type));
        from = wf_str_find(wf_str_from(s->text), slot, 0);
        assert_int_not_equal(from, SIZE_MAX);
        s->marks[s->a.slots.n++] =
            (struct wf_lens_mark){.from = from, .to = from + slot.len, .type = type, .score = 0.8f};
    }
}

/* The command with a '|' between its words. */
static const char *command_of(const char *text, const char *intent, const char *slots,
                              struct wf_wish *w)
{
    static char command[256];
    struct said s = {.text = text, .intent = intent, .slots = slots};
    size_t n = 0;

    say(&s);
    wf_wish_make(wf_str_from(text), &s.a, &now, w);
    command[0] = 0;
    for (size_t i = 0; i < w->n_args; i++)
        n += (size_t)snprintf(command + n, sizeof(command) - n, "%s%.*s", i > 0 ? "|" : "",
                              WF_STR_ARG(w->args[i]));
    return command;
}

static void test_wish__gives_commands_with_their_arguments(void **state)
{
    (void)state;
    static const struct {
        const char *text, *intent, *slots, *command;
        enum wf_wish_names names;
        bool changes;
    } rows[] = {
        {"summarize report.pdf", "summarize", "file=report.pdf", "summarize|report.pdf",
         WF_WISH_FILE, false},
        /* the tagger saw a part of it, or nothing */
        {"fasse bericht.pdf zusammen", "summarize", "file=bericht", "summarize|bericht.pdf",
         WF_WISH_FILE, false},
        {"sum up (notes.md), please", "summarize", "", "summarize|notes.md", WF_WISH_FILE, false},
        {"sum up the contract", "summarize", "file=the contract", "summarize|the contract",
         WF_WISH_FILE, false},
        {"summary of everything on the lease", "summarize", "topic=the lease",
         "ask|summary of everything on the lease", WF_WISH_WORDS, false},
        {"find what Ana wrote about the lease", "search", "person=Ana;topic=the lease",
         "search|Ana wrote about the lease", WF_WISH_WORDS, false},
        {"such die Heizung", "search", "topic=die Heizung", "search|die Heizung", WF_WISH_WORDS,
         false},
        {"search it", "search", "", "search|search it", WF_WISH_WORDS, false},
        {"when does the lease expire", "ask", "topic=the lease", "ask|when does the lease expire",
         WF_WISH_WORDS, false},
        {"take in the folder Downloads", "add", "file=the folder Downloads",
         "add|the folder Downloads", WF_WISH_FILE, true},
        {"delete invoice-0312.pdf", "remove", "file=invoice-0312.pdf", "remove|invoice-0312.pdf",
         WF_WISH_DOCUMENT, true},
        {"remind me to call Ana on Friday", "remind", "task=call Ana;when=on Friday",
         "reminders|add|--at|2026-12-04T09:00|call Ana", WF_WISH_WORDS, false},
        {"remind Tom to pay the rent tomorrow at nine", "remind", "person=Tom;task=pay the rent",
         "reminders|add|--at|2026-12-01T09:00|Tom to pay the rent", WF_WISH_WORDS, false},
        {"Erinnerung am Freitag: Heizung", "remind", "",
         "reminders|add|--at|2026-12-04T09:00|Erinnerung am Freitag: Heizung", WF_WISH_WORDS,
         false},
        {"which models do I have", "models", "", "models|list", WF_WISH_WORDS, false},
        {"is everything all right", "status", "", "doctor", WF_WISH_WORDS, false},
        {"what can you do", "help", "", "help", WF_WISH_WORDS, false},
    };
    struct wf_wish w;

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        assert_string_equal(command_of(rows[i].text, rows[i].intent, rows[i].slots, &w),
                            rows[i].command);
        assert_int_equal(w.state, WF_WISH_RUN);
        assert_int_equal(w.names, rows[i].names);
        assert_int_equal(w.changes, rows[i].changes);
        assert_true(wf_wish_can(wf_str_from(rows[i].intent)));
    }
}

static void test_wish__says_what_is_lacking(void **state)
{
    (void)state;
    struct wf_wish w;

    (void)command_of("summarize this", "summarize", "", &w);
    assert_int_equal(w.state, WF_WISH_LACKING);
    (void)command_of("delete it all", "remove", "", &w);
    assert_int_equal(w.state, WF_WISH_LACKING);
    (void)command_of("import 17.30", "add", "", &w); /* a time is no file */
    assert_int_equal(w.state, WF_WISH_LACKING);
    (void)command_of("remind me to call Ana", "remind", "task=call Ana", &w); /* when? */
    assert_int_equal(w.state, WF_WISH_LACKING);
}

static void test_wish__knows_what_weft_cannot_do_yet(void **state)
{
    (void)state;
    struct wf_wish w;

    (void)command_of("translate the letter to German", "translate", "file=the letter", &w);
    assert_int_equal(w.state, WF_WISH_NOT_YET);
    assert_int_equal(w.n_args, 0);
    assert_false(w.has_when);
    assert_false(wf_wish_can(WF_STR("translate")));
    (void)command_of("remind me every Tuesday to call Ana", "remind", "task=call Ana", &w);
    assert_int_equal(w.state, WF_WISH_NOT_YET);
    assert_true(w.when.repeats);
    (void)command_of("put lunch with Ana in my calendar tomorrow at one", "agenda", "person=Ana",
                     &w);
    assert_int_equal(w.state, WF_WISH_NOT_YET);
    assert_true(w.has_when);
    assert_int_equal(w.when.at.day, 1);
    assert_int_equal(w.when.at.hour, 13);
}

static void test_wish__does_nothing_that_it_is_not_sure_of(void **state)
{
    (void)state;
    struct said s = {.text = "delete it", .intent = "remove", .slots = "file=it"};
    struct wf_wish w;

    say(&s);
    s.a.in_scope = false;
    wf_wish_make(wf_str_from(s.text), &s.a, &now, &w);
    assert_int_equal(w.state, WF_WISH_UNKNOWN);
    assert_int_equal(w.n_args, 0);
    (void)command_of("order a pizza", "oos", "", &w);
    assert_int_equal(w.state, WF_WISH_UNKNOWN);
    s.a.in_scope = true;
    s.marks[0].score = 0.1f; /* a slot that is hardly one */
    wf_wish_make(wf_str_from(s.text), &s.a, &now, &w);
    assert_int_equal(w.state, WF_WISH_LACKING);
}

/* A label that the lens learns and the table lacks could never be fulfilled, nor be said. */
static void test_wish__has_a_row_for_every_label(void **state)
{
    (void)state;
    struct wf_str rest, line, label;
    size_t n_labels = 0, n_rows = 0;
    struct wf_buf b;

    wf_buf_init(&b, 1u << 20);
    assert_int_equal(wf_file_read("train/weft-intents.txt", &b, NULL), 0);
    rest = wf_buf_str(&b);
    while (wf_str_line(&rest, &line)) {
        bool found = false;
        if (line.len < 3 || line.ptr[0] != '[')
            continue;
        label = wf_str_sub(line, 1, line.len - 1);
        for (size_t i = 0; wf_wish_intent(i).len > 0; i++)
            found = found || wf_str_eq(wf_wish_intent(i), label);
        if (!found)
            fail_msg("no row for '%.*s'", WF_STR_ARG(label));
        n_labels++;
    }
    while (wf_wish_intent(n_rows).len > 0)
        n_rows++;
    assert_int_equal(n_rows, n_labels);
    wf_buf_deinit(&b);
}

/* ---- the operation ---- */

static json_t *understand(struct wf_op_context *ctx, json_t *params, struct wf_err *err)
{
    const struct wf_op_sink sink = {.event = NULL};
    const struct wf_op_call call = {.params = params, .sink = &sink, .fd = -1};
    json_t *result = NULL;
    int rc = wf_op_run(ctx, "understand", &call, &result, err);

    assert_true(rc == 0 || result == NULL);
    json_decref(params);
    return result;
}

static void test_wish__is_an_operation(void **state)
{
    (void)state;
    char dir[] = "/tmp/weft-wish-XXXXXX", path[64];
    struct wf_lens_pool_options o = {.path = path, .n_threads = 1};
    struct wf_op_context ctx = {.lens = NULL};
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf bytes;
    json_t *v;

    assert_null(understand(&ctx, json_pack("{s:s}", "text", "hello"), &err));
    assert_int_equal(err.code, WF_E_UNSUPPORTED);
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/lens.gguf", dir);
    wf_buf_init(&bytes, 8u << 20);
    tiny_lens_build(0, &bytes);
    assert_int_equal(wf_file_replace(path, bytes.ptr, bytes.len, 0600, NULL), 0);
    wf_buf_deinit(&bytes);
    assert_int_equal(wf_lens_pool_new(&o, &ctx.lens, NULL), 0);

    v = understand(&ctx, json_pack("{s:s}", "text", "  add notes.md tomorrow "), &err);
    assert_non_null(v);
    assert_true(json_is_string(json_object_get(v, "intent")));
    assert_true(json_is_boolean(json_object_get(v, "in_scope")));
    assert_true(json_is_array(json_object_get(v, "slots")));
    if (strcmp(wf_json_text(v, "state"), "run") == 0)
        assert_string_equal(json_string_value(json_array_get(json_object_get(v, "command"), 1)),
                            "notes.md");
    else
        assert_true(json_is_null(json_object_get(v, "command")));
    assert_true(json_integer_value(json_object_get(json_object_get(v, "when"), "at")) > 0);
    json_decref(v);

    assert_null(understand(&ctx, json_pack("{s:s}", "text", ""), &err));
    assert_int_equal(err.code, WF_E_INVAL);
    wf_buf_init(&bytes, WF_WISH_BYTES_MAX + 1);
    assert_int_equal(wf_buf_append_fill(&bytes, 'a', WF_WISH_BYTES_MAX), 0);
    v = understand(&ctx, json_pack("{s:s%}", "text", bytes.ptr, bytes.len), &err);
    assert_non_null(v);
    json_decref(v);
    assert_int_equal(wf_buf_append_fill(&bytes, 'a', 1), 0);
    assert_null(understand(&ctx, json_pack("{s:s%}", "text", bytes.ptr, bytes.len), &err));
    assert_int_equal(err.code, WF_E_LIMIT);
    wf_buf_deinit(&bytes);
    ctx.is_plain_off = true;
    assert_null(understand(&ctx, json_pack("{s:s}", "text", "hello"), &err));
    assert_int_equal(err.code, WF_E_UNSUPPORTED);
    wf_lens_pool_free(ctx.lens);
    (void)unlink(path);
    (void)rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wish__gives_commands_with_their_arguments),
        cmocka_unit_test(test_wish__says_what_is_lacking),
        cmocka_unit_test(test_wish__knows_what_weft_cannot_do_yet),
        cmocka_unit_test(test_wish__does_nothing_that_it_is_not_sure_of),
        cmocka_unit_test(test_wish__has_a_row_for_every_label),
        cmocka_unit_test(test_wish__is_an_operation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
