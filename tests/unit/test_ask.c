/* SPDX-License-Identifier: Apache-2.0 */
/* Ask: answers with exact citations, honest refusals, follow-ups, hostile questions, failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "skill/ask.h"
#include "skill/ask_internal.h"
#include "support/library.h"
#include "text/utf8.h"

static const struct library_document documents[] = {
    {.path = "/d/harbour.txt",
     .title = "Harbour",
     .text = "Kelvik lies on the western coast. The lighthouse of Kelvik was built in 1874 by the "
             "engineer Ada Norrland. It burns no oil today.\n\nFerries to the islands leave every "
             "two hours in summer. A return ticket costs 14 crowns."},
    {.path = "/d/bridge.txt",
     .title = "Bridge",
     .text = "The stone bridge of Tarnby was built in 1911. It has nine arches. Tarnby has a "
             "market on Saturdays."},
    {.path = "/d/insurance.txt",
     .title = "Policy",
     .space = "family",
     .text = "The household policy covers water damage up to 20,000 crowns. Damage by ground "
             "water is excluded. Claims must be reported within seven days."},
    {.path = "/d/de.txt",
     .title = "Satzung",
     .text = "Der Verein hat seinen Sitz in Lund. Über die Höhe der Mitgliedsbeiträge entscheidet "
             "die Mitgliederversammlung. Der Vorstand besteht aus fünf Personen."},
    {.path = "/d/fr.txt",
     .title = "Recette",
     .text = "La tarte doit cuire quarante minutes. Le four est chauffé à 180 degrés avant la "
             "cuisson."},
    {.path = "/d/zh.txt",
     .title = "长城",
     .text = "长城是中国古代的防御工程。它的总长度超过两万公里。嘉峪关建于1372年。"},
    {.path = "/d/ja.txt",
     .title = "富士山",
     .text = "富士山は日本で一番高い山である。標高は3776メートルである。"},
    {.path = "/d/ru.txt",
     .title = "Библиотека",
     .text = "Библиотека открыта ежедневно. Читателям выдают книги на три недели. Штраф за "
             "просрочку составляет десять рублей."},
};

static struct library lib;
static struct wf_arena arena;
static struct wf_answer answer;

static int setup(void **state)
{
    (void)state;
    library_open_filled(&lib, documents, WF_ARRAY_LEN(documents));
    wf_arena_init(&arena, 0, 64 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    wf_arena_deinit(&arena);
    library_close(&lib);
    return 0;
}

static void ask_with(const struct wf_ask_query *q)
{
    struct wf_err err = WF_ERR_INIT;
    wf_arena_reset(&arena);
    if (wf_ask(lib.store, q, &arena, &answer, &err) != 0)
        fail_msg("wf_ask: %s", err.msg);
}

static bool holds(struct wf_str s, const char *part)
{
    return wf_str_find(s, wf_str_from(part), 0) != SIZE_MAX;
}

/* Every citation's ranges give back its texts, and the highlight lies within the passage. */
static void assert_exact(void)
{
    for (size_t i = 0; i < answer.n_citations; i++) {
        const struct wf_citation *c = &answer.citations[i];
        char *text = library_text(&lib, c->hit.document, c->hit.start_cp, c->hit.end_cp);
        char *highlight =
            library_text(&lib, c->hit.document, c->highlight_start_cp, c->highlight_end_cp);
        assert_true(wf_str_eq(c->hit.text, wf_str_from(text)));
        assert_true(wf_str_eq(c->highlight, wf_str_from(highlight)));
        assert_true(c->hit.start_cp <= c->highlight_start_cp);
        assert_true(c->highlight_end_cp <= c->hit.end_cp);
        wf_free(text);
        wf_free(highlight);
    }
}

static void assert_answer(const char *question, const char *part)
{
    struct wf_ask_query q = {.question = wf_str_from(question)};
    ask_with(&q);
    if (!answer.found)
        fail_msg("not found (%.2f): %s", answer.confidence, question);
    if (!holds(answer.text, part))
        fail_msg("%s: %.*s", question, WF_STR_ARG(answer.text));
    assert_true(answer.n_citations > 0);
    assert_true(holds(answer.citations[0].highlight, part));
    assert_exact();
}

static void assert_refused(const char *question)
{
    struct wf_ask_query q = {.question = wf_str_from(question)};
    ask_with(&q);
    if (answer.found)
        fail_msg("answered (%.2f) %s: %.*s", answer.confidence, question, WF_STR_ARG(answer.text));
    assert_int_equal(answer.n_citations, 0);
    assert_int_equal(answer.text.len, 0);
}

static void test_ask__answers_with_the_sentence(void **state)
{
    (void)state;
    assert_answer("When was the lighthouse of Kelvik built?", "1874");
    assert_answer("Who built the lighthouse of Kelvik?", "Ada Norrland");
    assert_answer("How much does a return ticket for the ferries cost?", "14 crowns");
    assert_answer("Up to which sum is water damage covered by the household policy?", "20,000");
}

static void test_ask__answers_in_other_languages(void **state)
{
    (void)state;
    assert_answer("Wer entscheidet über die Mitgliedsbeiträge?", "Mitgliederversammlung");
    assert_answer("Combien de minutes la tarte doit-elle cuire ?", "quarante");
    assert_answer("长城的总长度是多少？", "两万公里");
    assert_answer("富士山の標高は何メートルですか", "3776");
    assert_answer("На сколько недель выдают книги читателям?", "три недели");
}

static void test_ask__refuses_what_is_not_there(void **state)
{
    (void)state;
    assert_refused("Who won the chess championship in Reykjavik?");
    assert_refused("What is the boiling point of mercury?");
    assert_refused("Wie heißt die Hauptstadt von Australien?");
    assert_refused("谁发明了电话？");
    assert_refused("Какая самая длинная река в Африке?");
}

static void test_ask__refuses_what_is_no_question(void **state)
{
    (void)state;
    assert_refused("");
    assert_refused("?!?");
    assert_refused("\xF0\x9F\x99\x82");
    assert_refused("what is the of and where");
}

static void test_ask__follow_up_takes_words_from_before(void **state)
{
    (void)state;
    struct wf_str earlier[] = {wf_str_from("Who built the lighthouse of Kelvik?")};
    struct wf_ask_query q = {
        .question = wf_str_from("And when was it built?"), .earlier = earlier, .n_earlier = 1};
    ask_with(&q);
    assert_true(answer.found);
    assert_true(holds(answer.citations[0].highlight, "1874"));
    earlier[0] = wf_str_from("Who built the stone bridge of Tarnby?");
    ask_with(&q);
    assert_true(answer.found);
    assert_true(holds(answer.citations[0].highlight, "1911"));
}

static void test_ask__follow_up_about_something_else(void **state)
{
    (void)state;
    struct wf_str earlier[] = {wf_str_from("Who built the lighthouse of Kelvik?"),
                               wf_str_from("When was the lighthouse of Kelvik built?")};
    struct wf_ask_query q = {.question = wf_str_from("What about the bridge of Tarnby?"),
                             .earlier = earlier,
                             .n_earlier = 2};
    ask_with(&q);
    assert_true(answer.found);
    assert_true(holds(answer.citations[0].highlight, "1911"));
}

static void test_ask__a_new_topic_stands_alone(void **state)
{
    (void)state;
    struct wf_str earlier[] = {wf_str_from("Who built the lighthouse of Kelvik?")};
    struct wf_ask_query q = {.question =
                                 wf_str_from("Within how many days must claims be reported?"),
                             .earlier = earlier,
                             .n_earlier = 1};
    ask_with(&q);
    assert_true(answer.found);
    assert_true(holds(answer.citations[0].highlight, "seven days"));
}

static void test_ask__documents_cited_before_come_first(void **state)
{
    (void)state;
    struct wf_ask_query q = {.question = wf_str_from("In which year was the bridge built?")};
    ask_with(&q);
    assert_true(answer.found);
    double before = answer.citations[0].hit.score;
    char uid[WF_UID_BYTES + 1];
    memcpy(uid, answer.citations[0].hit.document.ptr, sizeof uid);
    struct wf_str document = wf_str_from(uid);
    q.earlier_documents = &document;
    q.n_earlier_documents = 1;
    ask_with(&q);
    assert_true(answer.found);
    assert_true(answer.citations[0].hit.score > before);
}

static void test_ask__keeps_to_the_filter(void **state)
{
    (void)state;
    struct wf_ask_query q = {.question = wf_str_from("When was the lighthouse of Kelvik built?"),
                             .filter = {.space = wf_str_from("family")}};
    ask_with(&q);
    assert_false(answer.found);
    q.filter.space = wf_str_from("me");
    ask_with(&q);
    assert_true(answer.found);
}

static void test_ask__number_of_citations(void **state)
{
    (void)state;
    struct wf_ask_query q = {.question = wf_str_from("When was the lighthouse of Kelvik built?"),
                             .n_citations_max = 1};
    ask_with(&q);
    assert_int_equal(answer.n_citations, 1);
}

static void test_ask__the_same_sentence_twice_is_said_once(void **state)
{
    (void)state;
    struct library own;
    struct wf_err err = WF_ERR_INIT;
    struct wf_ask_query q = {.question = wf_str_from("What colour is the roof of the mill?")};
    static const char text[] = "The roof of the mill is painted in a dark green colour.";
    library_open(&own);
    library_add(&own, &(struct library_document){.path = "/1", .text = text}, NULL);
    library_add(&own, &(struct library_document){.path = "/2", .text = text}, NULL);
    for (size_t i = 0; i < WF_ARRAY_LEN(documents); i++)
        library_add(&own, &documents[i], NULL);
    library_commit(&own);
    wf_arena_reset(&arena);
    assert_int_equal(wf_ask(own.store, &q, &arena, &answer, &err), 0);
    assert_true(answer.found);
    assert_int_equal(answer.n_citations, 1);
    assert_true(wf_str_eq(answer.text, wf_str_from(text)));
    library_close(&own);
}

/* Asks a library of just these documents. */
static void ask_few(const struct library_document *few, size_t n, const char *question)
{
    struct library own;
    struct wf_err err = WF_ERR_INIT;
    struct wf_ask_query q = {.question = wf_str_from(question)};
    library_open(&own);
    for (size_t i = 0; i < n; i++)
        library_add(&own, &few[i], NULL);
    library_commit(&own);
    wf_arena_reset(&arena);
    assert_int_equal(wf_ask(own.store, &q, &arena, &answer, &err), 0);
    library_close(&own);
}

static void test_ask__few_documents_are_enough(void **state)
{
    (void)state;
    static const struct library_document few[] = {
        {.path = "/lease.txt",
         .text = "The lease begins on 1 April 2024 and ends on 31 March 2027. The monthly rent is "
                 "940 euros, heating not included."},
        {.path = "/boiler.txt",
         .text = "Boiler service. The boiler was serviced on 4 May 2026 by Jonas Petersen. The "
                 "pressure was 1.4 bar."},
        {.path = "/kyoto.txt", .text = "京都の寺は美しい。東京タワーは1958年に完成した。"},
    };
    static const struct {
        const char *question, *part;
    } cases[] = {
        {"When does the lease end?", "31 March 2027"},
        {"What is the monthly rent?", "940 euros"},
        {"When was the boiler serviced?", "4 May 2026"},
        {"What is the boiler's pressure?", "1.4 bar"},
        {"東京タワーはいつ完成しましたか", "1958"},
    };
    for (size_t n = 1; n <= WF_ARRAY_LEN(few); n += 2) {
        for (size_t i = 0; i < (n == 1 ? 2 : WF_ARRAY_LEN(cases)); i++) {
            ask_few(few, n, cases[i].question);
            if (!answer.found || !holds(answer.citations[0].highlight, cases[i].part))
                fail_msg("%zu documents, %s: %.2f %.*s", n, cases[i].question, answer.confidence,
                         WF_STR_ARG(answer.text));
        }
        ask_few(few, n, "Who won the football world cup in 1974?");
        assert_false(answer.found);
        ask_few(few, n, "Which xylophone quartet toured Patagonia?");
        assert_false(answer.found);
    }
}

static void test_ask__a_heading_is_no_answer_but_lends_its_words(void **state)
{
    (void)state;
    static const struct library_document few[] = {
        {.path = "/invoice-4711.txt",
         .text = "Invoice 4711\n\nDate: 12 March 2026\n\nDelivery of 20 drill bits\n\nTotal: "
                 "312.50 euros\n\nPayment is due within 14 days."},
        {.path = "/invoice-4712.txt",
         .text = "Invoice 4712\n\nDate: 2 April 2026\n\nRepair of a bicycle\n\nTotal: 89.00 "
                 "euros\n\nPayment is due within 14 days."},
        {.path = "/manual.md",
         .text = "# Watching a folder\n\nTo watch a folder, type `weft watch FOLDER`.\n\n# Whole "
                 "folders\n\nTo add a folder, type `weft add FOLDER` in a terminal."},
    };
    ask_few(few, WF_ARRAY_LEN(few), "How much is invoice 4711?");
    assert_true(answer.found);
    assert_true(holds(answer.text, "312.50 euros"));
    ask_few(few, WF_ARRAY_LEN(few), "how do I add a folder?");
    assert_true(answer.found);
    assert_true(holds(answer.citations[0].highlight, "weft add FOLDER"));
    ask_few(few, WF_ARRAY_LEN(few), "How much is invoice 9999?");
    assert_false(answer.found);
}

static void test_ask__the_first_citation_begins_the_answer(void **state)
{
    (void)state;
    static const char *const questions[] = {"When was the lighthouse of Kelvik built?",
                                            "How many arches has the bridge of Tarnby?"};
    for (size_t i = 0; i < WF_ARRAY_LEN(questions); i++) {
        struct wf_ask_query q = {.question = wf_str_from(questions[i])};
        ask_with(&q);
        assert_true(answer.found);
        assert_true(wf_str_starts(answer.text, answer.citations[0].highlight));
    }
}

static void test_ask__limits(void **state)
{
    (void)state;
    static char text[WF_LIMIT_QUERY_BYTES + 1];
    struct wf_err err = WF_ERR_INIT;
    memset(text, 'x', sizeof text);
    struct wf_ask_query q = {.question = wf_str_n(text, WF_LIMIT_QUERY_BYTES)};
    ask_with(&q);
    assert_false(answer.found);
    q.question.len++;
    assert_int_equal(wf_ask(lib.store, &q, &arena, &answer, &err), WF_E_LIMIT);
    q.question = wf_str_from("wh\xC3t");
    assert_int_equal(wf_ask(lib.store, &q, &arena, &answer, &err), WF_E_FORMAT);
}

static void test_ask__survives_failing_memory(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    struct wf_ask_query q = {.question = wf_str_from("When was the lighthouse of Kelvik built?")};
    for (uint64_t at = 1; at < 500; at++) {
        wf_arena_deinit(&arena);
        wf_alloc_fail_at(at);
        int status = wf_ask(lib.store, &q, &arena, &answer, &err);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        if (!failed) {
            assert_int_equal(status, 0);
            assert_true(answer.found);
            return;
        }
        assert_int_equal(status, WF_E_NOMEM);
        assert_int_equal(answer.n_citations, 0);
    }
    fail_msg("it never stopped allocating");
}

static void test_ask__types_of_questions(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum wf_ask_type type;
    } cases[] = {
        {"When did it end?", WF_ASK_TIME},
        {"In what year was it built?", WF_ASK_TIME},
        {"How many years did it take?", WF_ASK_NUMBER},
        {"How much is it?", WF_ASK_AMOUNT},
        {"Wie viel kostet das?", WF_ASK_AMOUNT},
        {"Who was the engineer?", WF_ASK_PERSON},
        {"Where does the ferry leave?", WF_ASK_PLACE},
        {"Why is it closed?", WF_ASK_REASON},
        {"What is a lighthouse?", WF_ASK_ANY},
        {"What may happen?", WF_ASK_ANY},
        {"Wann wurde es gebaut?", WF_ASK_TIME},
        {"Wie viele Einwohner hat Lund?", WF_ASK_NUMBER},
        {"¿Cuántos habitantes tiene?", WF_ASK_NUMBER},
        {"¿Dónde está?", WF_ASK_PLACE},
        {"Où est la gare ?", WF_ASK_PLACE},
        {"Кто построил мост?", WF_ASK_PERSON},
        {"Πόσοι κάτοικοι;", WF_ASK_NUMBER},
        {"متى بني الجسر؟", WF_ASK_TIME},
        {"यह कब बना?", WF_ASK_TIME},
        {"谁建造了它？", WF_ASK_PERSON},
        {"いつ建てられましたか", WF_ASK_TIME},
        {"สร้างเมื่อใด", WF_ASK_TIME},
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        enum wf_ask_type type = wf_ask__type(wf_str_from(cases[i].text));
        if (type != cases[i].type)
            fail_msg("%s: type %d instead of %d", cases[i].text, (int)type, (int)cases[i].type);
    }
}

static void test_ask__leaning_questions(void **state)
{
    (void)state;
    assert_true(wf_ask__leans(wf_str_from("And when was it built?")));
    assert_true(wf_ask__leans(wf_str_from("What about Spain?")));
    assert_true(wf_ask__leans(wf_str_from("Und wann wurde er gebaut?")));
    assert_false(wf_ask__leans(wf_str_from("When was the lighthouse of Kelvik built?")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ask__answers_with_the_sentence),
        cmocka_unit_test(test_ask__answers_in_other_languages),
        cmocka_unit_test(test_ask__refuses_what_is_not_there),
        cmocka_unit_test(test_ask__refuses_what_is_no_question),
        cmocka_unit_test(test_ask__follow_up_takes_words_from_before),
        cmocka_unit_test(test_ask__follow_up_about_something_else),
        cmocka_unit_test(test_ask__a_new_topic_stands_alone),
        cmocka_unit_test(test_ask__documents_cited_before_come_first),
        cmocka_unit_test(test_ask__keeps_to_the_filter),
        cmocka_unit_test(test_ask__number_of_citations),
        cmocka_unit_test(test_ask__the_same_sentence_twice_is_said_once),
        cmocka_unit_test(test_ask__few_documents_are_enough),
        cmocka_unit_test(test_ask__a_heading_is_no_answer_but_lends_its_words),
        cmocka_unit_test(test_ask__the_first_citation_begins_the_answer),
        cmocka_unit_test(test_ask__limits),
        cmocka_unit_test(test_ask__survives_failing_memory),
        cmocka_unit_test(test_ask__types_of_questions),
        cmocka_unit_test(test_ask__leaning_questions),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
