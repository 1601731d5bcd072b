/* SPDX-License-Identifier: Apache-2.0 */
/* Grounded writing: only what stands on sentences that are there comes through, whatever the model
 * writes and however it comes in pieces; an engine with a script plays the model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "skill/ask.h"
#include "skill/grounded.h"
#include "support/library.h"
#include "support/scripted.h"

static const struct wf_str sentences[] = {
    WF_STR("The lighthouse of Kelvik was built in 1874 by the engineer Ada Norrland."),
    WF_STR("A return ticket costs 14 crowns."),
    WF_STR("The tower is 31.5 metres high."),
};
static const size_t groups[] = {0, 1, 1};

struct told {
    char text[1024];
    size_t n;
};

static void on_statement(void *ud, struct wf_str text, const size_t *cited, size_t n_cited)
{
    struct told *t = ud;

    assert_true(n_cited > 0);
    for (size_t i = 0; i < n_cited; i++)
        assert_true(cited[i] < 3);
    assert_true(strlen(t->text) + text.len + 2 < sizeof(t->text));
    strncat(t->text, text.ptr, text.len);
    strcat(t->text, "|");
    t->n++;
}

/* Has the script write `text` in pieces of n bytes; everything in *arena. */
static struct wf_grounded write_with(const char *text, size_t n, struct told *told,
                                     struct wf_arena *arena)
{
    static struct wf_gen_event events[512];
    const struct wf_grounded_request q = {.task = WF_GROUNDED_ANSWER,
                                          .question = WF_STR("When was it built, and what of 7?"),
                                          .sentences = sentences,
                                          .groups = groups,
                                          .n_sentences = 3,
                                          .statement = on_statement,
                                          .ud = told};
    struct wf_grounded_request request = q;
    struct wf_grounded out = {.n_statements = 0};
    struct wf_err err = WF_ERR_INIT;
    struct scripted s;
    size_t len = strlen(text), k = 0;

    scripted_init(&s);
    for (size_t i = 0; i < len; i += n)
        events[k++] = (struct wf_gen_event){.kind = WF_GEN_TEXT,
                                            .text = wf_str_n(text + i, i + n < len ? n : len - i)};
    events[k++] = (struct wf_gen_event){.kind = WF_GEN_END, .finish = WF_FINISH_STOP};
    s.events = events;
    s.n_events = k;
    request.engine = &s.base;
    memset(told, 0, sizeof(*told));
    if (wf_grounded_write(&request, arena, &out, &err) != 0)
        fail_msg("%s", err.msg);
    assert_non_null(json_object_get(s.asked, "grammar"));
    scripted_deinit(&s);
    return out;
}

static void test_grounded__what_stands_on_a_sentence_comes_through(void **state)
{
    struct wf_grounded g;
    struct wf_arena arena;
    struct told told;

    (void)state;
    wf_arena_init(&arena, 0, 1u << 20);
    for (size_t n = 1; n < 40; n++) {
        g = write_with("The lighthouse was built in 1874 [1]. A ticket costs 14 crowns [2][3] and "
                       "the tower has 31.5 metres [3]",
                       n, &told, &arena);
        assert_int_equal(g.n_statements, 3);
        assert_int_equal(g.n_left_out, 0);
        assert_false(g.is_none);
        assert_string_equal(told.text,
                            "The lighthouse was built in 1874.|A ticket costs 14 crowns.|"
                            "and the tower has 31.5 metres.|");
        assert_int_equal(g.statements[1].n_cited, 2);
        assert_int_equal(g.statements[1].cited[0], 1);
        assert_string_equal(g.model, "tiny:latest");
    }
    wf_arena_deinit(&arena);
}

static void test_grounded__what_stands_on_nothing_is_left_out(void **state)
{
    struct wf_grounded g;
    struct wf_arena arena;
    struct told told;

    (void)state;
    wf_arena_init(&arena, 0, 1u << 20);
    for (size_t n = 1; n < 40; n++) {
        /* a number from nowhere, other words, no citation, a sentence that is not there */
        g = write_with("It was built in 1875 [1]. Bananas grow on trees [2]. The tower is 31.5 "
                       "metres high [3]. The lighthouse is old. Kelvik has a lighthouse [9].",
                       n, &told, &arena);
        assert_int_equal(g.n_statements, 1);
        assert_string_equal(told.text, "The tower is 31.5 metres high.|");
        assert_true(g.n_left_out >= 3);
    }
    wf_arena_deinit(&arena);
}

static void test_grounded__nothing_is_an_answer(void **state)
{
    struct wf_grounded g;
    struct wf_arena arena;
    struct told told;

    (void)state;
    wf_arena_init(&arena, 0, 1u << 20);
    for (size_t n = 1; n < 6; n++) {
        g = write_with("NONE", n, &told, &arena);
        assert_true(g.is_none);
        assert_int_equal(g.n_statements, 0);
        assert_int_equal(told.n, 0);
    }
    g = write_with("", 1, &told, &arena);
    assert_false(g.is_none);
    assert_int_equal(g.n_statements, 0);
    wf_arena_deinit(&arena);
}

static void test_grounded__holds_by_words_and_numbers(void **state)
{
    const struct wf_str q = WF_STR("what about 7?");
    const struct wf_str *s = sentences;

    (void)state;
    assert_true(wf_grounded_holds(WF_STR("Ada Norrland built it in 1874"), &s[0], 1, q));
    assert_true(wf_grounded_holds(WF_STR("The 7 lighthouses"), &s[0], 1, q));
    assert_false(wf_grounded_holds(WF_STR("The 8 lighthouses"), &s[0], 1, q));
    assert_false(wf_grounded_holds(WF_STR("It is the"), &s[0], 1, q));
    assert_false(wf_grounded_holds(WF_STR("Ada Norrland"), &s[1], 1, q));
    assert_true(wf_grounded_holds(WF_STR("Ada Norrland"), &s[0], 2, q));
    assert_false(wf_grounded_holds(WF_STR(""), &s[0], 1, q));
}

static void test_grounded__failing_allocations_are_errors(void **state)
{
    static const struct wf_gen_event events[] = {
        {.kind = WF_GEN_TEXT, .text = WF_STR("The tower is 31.5 metres high [3].")},
        {.kind = WF_GEN_END, .finish = WF_FINISH_STOP}};
    struct wf_grounded_request q = {
        .task = WF_GROUNDED_SUMMARIZE, .sentences = sentences, .groups = groups, .n_sentences = 3};
    bool is_over = false;

    (void)state;
    for (uint64_t at = 1; !is_over; at++) {
        struct wf_grounded g = {.n_statements = 0};
        struct wf_arena arena;
        struct scripted s;
        int rc;
        assert_true(at < 1000);
        scripted_init(&s);
        s.events = events;
        s.n_events = 2;
        q.engine = &s.base;
        wf_arena_init(&arena, 0, 1u << 20);
        wf_alloc_fail_at(at);
        rc = wf_grounded_write(&q, &arena, &g, NULL);
        is_over = !wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_true(rc == WF_E_NOMEM || (rc == 0 && (g.n_statements == 1 || !is_over)));
        wf_arena_deinit(&arena);
        scripted_deinit(&s);
    }
}

static const struct library_document documents[] = {
    {.path = "/d/harbour.txt",
     .title = "Harbour",
     .text = "Kelvik lies on the western coast. The lighthouse of Kelvik was built in 1874 by the "
             "engineer Ada Norrland. It burns no oil today."},
};

struct asked {
    size_t n_citations, n_texts;
};

static void on_citation(void *ud, const struct wf_citation *c)
{
    struct asked *a = ud;

    a->n_citations++;
    assert_true(c->highlight.len > 0);
    assert_true(c->highlight_start_cp >= c->hit.start_cp);
}

static void on_text(void *ud, struct wf_str text)
{
    struct asked *a = ud;

    a->n_texts++;
    assert_true(text.len > 0);
}

static struct wf_answer ask_with(const char *written, struct asked *asked, struct wf_arena *arena)
{
    struct wf_gen_event events[] = {{.kind = WF_GEN_TEXT, .text = wf_str_from(written)},
                                    {.kind = WF_GEN_END, .finish = WF_FINISH_STOP}};
    const struct wf_ask_query q = {.question = WF_STR("When was the lighthouse of Kelvik built?")};
    const struct wf_ask_sink sink = {.citation = on_citation, .text = on_text, .ud = asked};
    struct wf_answer answer;
    struct wf_err err = WF_ERR_INIT;
    struct library lib;
    struct scripted s;

    library_open_filled(&lib, documents, 1);
    scripted_init(&s);
    s.events = events;
    s.n_events = 2;
    memset(asked, 0, sizeof(*asked));
    if (wf_ask_written(lib.store, &s.base, NULL, &q, &sink, arena, &answer, &err) != 0)
        fail_msg("%s", err.msg);
    scripted_deinit(&s);
    library_close(&lib);
    return answer;
}

static void test_grounded__an_answer_cites_by_number(void **state)
{
    struct wf_answer a;
    struct wf_arena arena;
    struct asked asked;

    (void)state;
    wf_arena_init(&arena, 0, 1u << 20);
    a = ask_with("It was built in 1874 by Ada Norrland [2]. Kelvik lies on the coast [1][2].",
                 &asked, &arena);
    assert_true(a.found);
    assert_true(a.is_written);
    assert_string_equal(
        a.text.ptr, "It was built in 1874 by Ada Norrland. [1] Kelvik lies on the coast. [2][1]");
    assert_int_equal(a.n_citations, 2);
    assert_int_equal(asked.n_citations, 2);
    assert_int_equal(asked.n_texts, 2);
    assert_true(wf_str_starts(a.citations[0].highlight, WF_STR("The lighthouse of Kelvik")));
    assert_true(wf_str_starts(a.citations[1].highlight, WF_STR("Kelvik lies")));
    wf_arena_deinit(&arena);
}

static void test_grounded__where_nothing_holds_the_document_is_quoted(void **state)
{
    struct wf_answer a;
    struct wf_arena arena;
    struct asked asked;

    (void)state;
    wf_arena_init(&arena, 0, 1u << 20);
    a = ask_with("It was built in 1999 [2].", &asked, &arena);
    assert_true(a.found);
    assert_false(a.is_written);
    assert_int_equal(a.n_left_out, 1);
    assert_true(wf_str_starts(a.text, WF_STR("The lighthouse of Kelvik was built in 1874")));
    assert_int_equal(asked.n_texts, 0);
    a = ask_with("NONE", &asked, &arena);
    assert_false(a.found);
    assert_true(a.is_written);
    wf_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grounded__what_stands_on_a_sentence_comes_through),
        cmocka_unit_test(test_grounded__what_stands_on_nothing_is_left_out),
        cmocka_unit_test(test_grounded__nothing_is_an_answer),
        cmocka_unit_test(test_grounded__holds_by_words_and_numbers),
        cmocka_unit_test(test_grounded__failing_allocations_are_errors),
        cmocka_unit_test(test_grounded__an_answer_cites_by_number),
        cmocka_unit_test(test_grounded__where_nothing_holds_the_document_is_quoted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
