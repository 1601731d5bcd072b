/* SPDX-License-Identifier: Apache-2.0 */
/* Find: order, few words, forms, scripts, filters, diversity, exact ranges, hostile questions,
 * failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "find/find.h"
#include "support/library.h"
#include "text/utf8.h"

static const struct library_document documents[] = {
    {.path = "/d/harbour.txt",
     .title = "Harbour",
     .text = "The lighthouse of Kelvik was built in 1874 by the engineer Ada Norrland. It burns no "
             "oil today.\n\nFerries to the islands leave every two hours in summer."},
    {.path = "/d/kitchen.md",
     .title = "Kitchen",
     .type = "text/markdown",
     .modified_ms = 2000,
     .text = "# Bread\nKnead the dough for ten minutes. Let it rest overnight in a cold place.\n\n"
             "# Soup\nCut the carrots and cook them in the broth until they are soft."},
    {.path = "/d/notes/garden.txt",
     .title = "Garden",
     .space = "family",
     .modified_ms = 5000,
     .text = "Tomatoes need water every morning. The compost heap stands behind the shed, and the "
             "hedgehogs sleep in it."},
    {.path = "/d/de.txt",
     .title = "Vereinssatzung",
     .text = "Der Verein führt eine Kasse. Über die Höhe der Mitgliedsbeiträge entscheidet die "
             "Mitgliederversammlung jedes Jahr im März."},
    {.path = "/d/zh.txt",
     .title = "长城",
     .text = "长城是中国古代的防御工程。它的总长度超过两万公里。"},
    {.path = "/d/th.txt",
     .title = "กรุงเทพ",
     .text = "กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย แม่น้ำเจ้าพระยาไหลผ่านเมือง"},
    {.path = "/d/ru.txt",
     .title = "Город",
     .text = "Библиотека открыта ежедневно. Читателям выдают книги на три недели."},
    {.path = "/d/pages.pdf",
     .title = "Report",
     .type = "application/pdf",
     .text = "\fThe first page speaks of rainfall.\n\fThe second page speaks of drought and of "
             "wells.\n"},
};

static struct library lib;
static struct wf_arena arena;
static struct wf_hits hits;

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

static size_t find_with(struct wf_find_query q)
{
    struct wf_err err = WF_ERR_INIT;
    wf_arena_reset(&arena);
    int status = wf_find(lib.store, &q, &arena, &hits, &err);
    if (status != 0)
        fail_msg("wf_find: %s", err.msg);
    return hits.n_items;
}

static size_t find(const char *text)
{
    return find_with((struct wf_find_query){.text = wf_str_from(text)});
}

static void assert_first(const char *text, const char *path)
{
    if (find(text) == 0)
        fail_msg("nothing found for: %s", text);
    assert_int_equal(hits.items[0].path.len, strlen(path));
    assert_memory_equal(hits.items[0].path.ptr, path, strlen(path));
}

/* The text of every hit is what stands in the document at its range. */
static void assert_ranges(void)
{
    for (size_t i = 0; i < hits.n_items; i++) {
        const struct wf_hit *h = &hits.items[i];
        char *text = library_text(&lib, h->document, h->start_cp, h->end_cp);
        assert_int_equal(strlen(text), h->text.len);
        assert_memory_equal(text, h->text.ptr, h->text.len);
        assert_int_equal(wf_utf8_count(h->text), h->end_cp - h->start_cp);
        wf_free(text);
    }
}

static void test_find__whole_questions(void **state)
{
    (void)state;
    assert_first("When was the lighthouse of Kelvik built?", "/d/harbour.txt");
    assert_ranges();
    assert_true(hits.items[0].coverage > 0.9);
    assert_first("how long does the dough have to rest", "/d/kitchen.md");
    assert_first("where do the hedgehogs sleep?", "/d/notes/garden.txt");
}

static void test_find__other_forms_of_a_word(void **state)
{
    (void)state;
    assert_first("lighthouses", "/d/harbour.txt");
    assert_first("kneading", "/d/kitchen.md");
    assert_first("Mitgliedsbeitrag", "/d/de.txt");
    assert_first("библиотеки", "/d/ru.txt");
    assert_true(hits.items[0].coverage < 1);
}

static void test_find__slips_of_the_pen(void **state)
{
    (void)state;
    assert_first("ferries to the ilsands", "/d/harbour.txt");
    double slip = hits.items[0].coverage;
    assert_first("ferries to the zzzands", "/d/harbour.txt");
    assert_true(slip > hits.items[0].coverage);
    assert_first("hedgehog compst", "/d/notes/garden.txt");
}

static void test_find__case_and_accents(void **state)
{
    (void)state;
    assert_first("KELVIK", "/d/harbour.txt");
    assert_first("hohe der mitgliedsbeitrage", "/d/de.txt");
}

static void test_find__typed_accents_are_meant(void **state)
{
    (void)state;
    static const struct library_document accents[] = {
        {.path = "/low", .text = "Con ma, qua dem."},
        {.path = "/rising", .text = "Con m\u00E1, qua dem."},
        {.path = "/apart", .text = "Con ma\u0300, qua dem."}, /* a letter and its mark */
        {.path = "/plain", .text = "Rau duong lanh."},
        {.path = "/stroke", .text = "Rau \u0111uong lanh."},
    };
    static const struct {
        const char *question, *path;
        bool is_alone; /* the others are not as good */
    } asked[] = {
        {"M\u00C1 con", "/rising", true},       {"m\u00E0 con", "/apart", true},
        {"\u0111uong lanh", "/stroke", true},   {"ma dem con", "/low", false},
        {"m\u00E1 m\u00E0 dem", "/low", false},
    };
    struct library l;
    struct wf_err err = WF_ERR_INIT;
    library_open(&l);
    for (size_t i = 0; i < WF_ARRAY_LEN(accents); i++)
        library_add(&l, &accents[i], NULL);
    library_commit(&l);
    for (size_t i = 0; i < WF_ARRAY_LEN(asked); i++) {
        struct wf_find_query q = {.text = wf_str_from(asked[i].question)};
        wf_arena_reset(&arena);
        assert_int_equal(wf_find(l.store, &q, &arena, &hits, &err), 0);
        assert_true(hits.n_items > 1);
        if (!wf_str_eq(hits.items[0].path, wf_str_from(asked[i].path)))
            fail_msg("%s: first is %.*s", asked[i].question, WF_STR_ARG(hits.items[0].path));
        assert_true((hits.items[0].score > hits.items[1].score) == asked[i].is_alone);
    }
    library_close(&l);
}

static void test_find__scripts_without_spaces(void **state)
{
    (void)state;
    assert_first("长城有多长？", "/d/zh.txt");
    assert_first("长城", "/d/zh.txt");
    assert_ranges();
    assert_first("เมืองหลวงของประเทศไทยคืออะไร", "/d/th.txt");
    assert_first("Сколько недель можно держать книги?", "/d/ru.txt");
}

static void test_find__title_and_heading_count(void **state)
{
    (void)state;
    assert_first("garden water", "/d/notes/garden.txt");
    assert_first("soup carrots", "/d/kitchen.md");
    assert_int_equal(hits.items[0].heading.len, 4);
    assert_memory_equal(hits.items[0].heading.ptr, "Soup", 4);
    assert_first("Vereinssatzung", "/d/de.txt");
}

static void test_find__pages(void **state)
{
    (void)state;
    assert_first("drought", "/d/pages.pdf");
    assert_int_equal(hits.items[0].page, 2);
    assert_first("rainfall", "/d/pages.pdf");
    assert_int_equal(hits.items[0].page, 1);
    assert_first("ferries", "/d/harbour.txt");
    assert_int_equal(hits.items[0].page, 0);
}

static void test_find__nothing_fits(void **state)
{
    (void)state;
    assert_int_equal(find("xylophone quartet"), 0);
    assert_int_equal(find(""), 0);
    assert_int_equal(find("  \t\n"), 0);
    assert_int_equal(find("?!... --- ***"), 0);
    assert_int_equal(find("\xF0\x9F\x99\x82\xF0\x9F\x99\x82"), 0);
}

static void test_find__only_words_of_grammar(void **state)
{
    (void)state;
    assert_true(find("what is the of and") > 0);
    assert_ranges();
}

static void filtered(struct wf_find_filter f, const char *text, size_t n)
{
    struct wf_find_query q = {.text = wf_str_from(text), .filter = f};
    size_t found = find_with(q);
    if (found != n)
        fail_msg("%s: %zu hits instead of %zu", text, found, n);
}

static void test_find__filters(void **state)
{
    (void)state;
    const char *words = "water dough lighthouse drought";
    filtered((struct wf_find_filter){.space = wf_str_from("family")}, words, 1);
    filtered((struct wf_find_filter){.space = wf_str_from("nobody")}, words, 0);
    filtered((struct wf_find_filter){.type = wf_str_from("application")}, words, 1);
    filtered((struct wf_find_filter){.type = wf_str_from("text")}, words, 3);
    filtered((struct wf_find_filter){.type = wf_str_from("text/markdown")}, words, 1);
    filtered((struct wf_find_filter){.type = wf_str_from("tex")}, words, 0);
    filtered((struct wf_find_filter){.path_prefix = wf_str_from("/d/notes/")}, words, 1);
    filtered((struct wf_find_filter){.path_prefix = wf_str_from("/d/")}, words, 4);
    filtered((struct wf_find_filter){.path_prefix = wf_str_from("/d/%")}, words, 0);
    filtered((struct wf_find_filter){.since_ms = 2000}, words, 2);
    filtered((struct wf_find_filter){.since_ms = 2000, .until_ms = 5000}, words, 1);
    filtered((struct wf_find_filter){.since_ms = 5001}, words, 0);
    filtered((struct wf_find_filter){.document = wf_str_from("no such")}, words, 0);
    assert_first("ferries", "/d/harbour.txt");
    char uid[WF_UID_BYTES + 1];
    memcpy(uid, hits.items[0].document.ptr, sizeof uid);
    filtered((struct wf_find_filter){.document = wf_str_from(uid)}, words, 1);
    filtered((struct wf_find_filter){.document = wf_str_from(uid), .since_ms = 1}, words, 0);
}

static void test_find__number_of_hits(void **state)
{
    (void)state;
    struct wf_find_query q = {.text = wf_str_from("water dough lighthouse drought"),
                              .n_hits_max = 2};
    struct wf_err err = WF_ERR_INIT;
    assert_int_equal(find_with(q), 2);
    assert_true(hits.items[0].score >= hits.items[1].score);
    q.n_hits_max = WF_LIMIT_HITS;
    assert_int_equal(find_with(q), 4);
    q.n_hits_max = WF_LIMIT_HITS + 1;
    assert_int_equal(wf_find(lib.store, &q, &arena, &hits, &err), WF_E_INVAL);
    assert_int_equal(hits.n_items, 0);
}

static void test_find__favoured_documents_come_first(void **state)
{
    (void)state;
    struct wf_find_query q = {.text = wf_str_from("page speaks place")};
    find_with(q);
    assert_true(hits.n_items >= 2);
    char uid[WF_UID_BYTES + 1];
    memcpy(uid, hits.items[1].document.ptr, sizeof uid);
    struct wf_str favoured = wf_str_from(uid);
    double before = hits.items[1].score;
    q.favoured = &favoured;
    q.n_favoured = 1;
    find_with(q);
    double after = 0;
    for (size_t i = 0; i < hits.n_items; i++) {
        if (wf_str_eq(hits.items[i].document, favoured) && after == 0)
            after = hits.items[i].score;
    }
    assert_true(after > before);
}

static void test_find__hostile_questions(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\"lighthouse",
        "lighthouse*",
        "lighthouse\" OR \"x",
        "NEAR(lighthouse kelvik, 3)",
        "title:lighthouse",
        "-lighthouse",
        "lighthouse AND NOT",
        "(lighthouse",
        "^lighthouse",
        "'; DROP TABLE chunk; -- lighthouse",
        "{title body}: lighthouse",
        "lighthouse + + \\",
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++)
        assert_first(texts[i], "/d/harbour.txt");
    struct wf_find_query q = {.text = wf_str_n("light\0lighthouse", 16)};
    assert_int_equal(find_with(q), 1);
}

static void test_find__question_of_the_greatest_length(void **state)
{
    (void)state;
    static char text[WF_LIMIT_QUERY_BYTES + 1];
    struct wf_err err = WF_ERR_INIT;
    size_t n = 0;
    for (unsigned i = 0; n + 40 < WF_LIMIT_QUERY_BYTES; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "w%u ", i * 7919u % 10007u);
    n += (size_t)snprintf(text + n, sizeof text - n, "lighthousekeeping lighthouse ");
    while (n < WF_LIMIT_QUERY_BYTES)
        text[n++] = ' ';
    struct wf_find_query q = {.text = wf_str_n(text, n)};
    assert_int_equal(find_with(q), 1);
    memset(text, 'a', sizeof text);
    assert_int_equal(find_with(q), 0);
    q.text.len++;
    assert_int_equal(wf_find(lib.store, &q, &arena, &hits, &err), WF_E_LIMIT);
}

static void test_find__refuses_what_is_no_utf8(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    struct wf_find_query q = {.text = wf_str_from("light\xFFhouse")};
    assert_int_equal(wf_find(lib.store, &q, &arena, &hits, &err), WF_E_FORMAT);
}

static void test_find__survives_failing_memory(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    struct wf_find_query q = {
        .text = wf_str_from("When was the lighthouse built?"),
        .filter = {.space = wf_str_from("me"), .since_ms = 0},
    };
    size_t n_good = find_with(q);
    for (uint64_t at = 1; at < 400; at++) {
        wf_arena_reset(&arena);
        wf_alloc_fail_at(at);
        int status = wf_find(lib.store, &q, &arena, &hits, &err);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        if (!failed) {
            assert_int_equal(status, 0);
            assert_int_equal(hits.n_items, n_good);
            return;
        }
        assert_int_equal(status, WF_E_NOMEM);
        assert_int_equal(hits.n_items, 0);
    }
    fail_msg("it never stopped allocating");
}

/* ---- libraries of their own ---- */

static void test_find__a_document_takes_three_places_first(void **state)
{
    (void)state;
    static char text[64 << 10];
    size_t n = 0;
    struct library l;
    struct wf_err err = WF_ERR_INIT;
    struct wf_find_query q = {.text = wf_str_from("quartz mining")};
    for (int i = 0; i < 12; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "# Part %d\nQuartz mining quartz. ", i);
        for (int k = 0; k < 60; k++)
            n += (size_t)snprintf(text + n, sizeof text - n, "Stones lie in row %d of %d. ", k, i);
        n += (size_t)snprintf(text + n, sizeof text - n, "\n\n");
    }
    library_open(&l);
    library_add(&l, &(struct library_document){.path = "/big", .text = text}, NULL);
    library_add(&l, &(struct library_document){.path = "/small", .text = "They spoke of quartz."},
                NULL);
    library_commit(&l);
    wf_arena_reset(&arena);
    assert_int_equal(wf_find(l.store, &q, &arena, &hits, &err), 0);
    assert_int_equal(hits.n_items, 10);
    for (size_t i = 0; i < WF_FIND_HITS_PER_DOCUMENT; i++)
        assert_memory_equal(hits.items[i].path.ptr, "/big", 5);
    assert_memory_equal(hits.items[WF_FIND_HITS_PER_DOCUMENT].path.ptr, "/small", 7);
    assert_memory_equal(hits.items[9].path.ptr, "/big", 5);
    library_close(&l);
}

/* Adds n documents that say frequent words, more than a list may be long. */
static void add_crowd(struct library *l, int n)
{
    char path[32], text[96];
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "/crowd/%d", i);
        snprintf(text, sizeof text, "The committee met on day %d%s.", i,
                 i % 2 == 0 ? " about the budget" : " in the town hall");
        library_add(l, &(struct library_document){.path = path, .text = text}, NULL);
    }
}

static void test_find__frequent_words_are_joined(void **state)
{
    (void)state;
    struct library l;
    struct wf_err err = WF_ERR_INIT;
    library_open(&l);
    add_crowd(&l, 30000);
    library_add(&l,
                &(struct library_document){
                    .path = "/both", .text = "The budget of the town was settled by a committee."},
                NULL);
    library_add(&l,
                &(struct library_document){
                    .path = "/late", .space = "family", .text = "A committee of aunts."},
                NULL);
    library_commit(&l);
    wf_arena_reset(&arena);
    struct wf_find_query q = {.text = wf_str_from("committee town budget")};
    assert_int_equal(wf_find(l.store, &q, &arena, &hits, &err), 0);
    assert_int_equal(hits.n_items, 10);
    assert_memory_equal(hits.items[0].path.ptr, "/both", 6);
    /* the only match that the filter allows is far behind where the list was cut */
    q = (struct wf_find_query){.text = wf_str_from("committee"),
                               .filter = {.space = wf_str_from("family")}};
    assert_int_equal(wf_find(l.store, &q, &arena, &hits, &err), 0);
    assert_int_equal(hits.n_items, 1);
    assert_memory_equal(hits.items[0].path.ptr, "/late", 6);
    library_close(&l);
}

/* n documents that mention quartz once; in their midst, `about`. */
static void open_mentions(struct library *l, int n, const struct library_document *about)
{
    char path[32], text[512];
    library_open(l);
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "/mention/%d", i);
        snprintf(text, sizeof text,
                 "On day %d they walked over %s of quartz and lime. The weather was dry and the "
                 "mules were slow, so that they came late to the inn, where the supper was cold.",
                 i, i % 3 == 0 ? "hills" : "gravel");
        library_add(l, &(struct library_document){.path = path, .text = text}, NULL);
        if (i % 2 == 0) /* what an index of many things has between them */
            library_add(l, &(struct library_document){.path = path, .text = "Nothing else."}, NULL);
        if (i == n / 2)
            library_add(l, about, NULL);
    }
    library_commit(l);
}

static void assert_about_first(int n_mentions, const struct library_document *about)
{
    static const char *const questions[] = {"quartz", "What is quartz?", "lime quartz"};
    struct library l;
    struct wf_err err = WF_ERR_INIT;
    open_mentions(&l, n_mentions, about);
    for (size_t i = 0; i < WF_ARRAY_LEN(questions); i++) {
        struct wf_find_query q = {.text = wf_str_from(questions[i])};
        wf_arena_reset(&arena);
        assert_int_equal(wf_find(l.store, &q, &arena, &hits, &err), 0);
        assert_int_equal(hits.n_items, 10);
        if (!wf_str_eq(hits.items[0].path, wf_str_from("/about")))
            fail_msg("%s: first is %.*s", questions[i], WF_STR_ARG(hits.items[0].path));
    }
    library_close(&l);
}

static void test_find__few_words_prefer_what_repeats_them(void **state)
{
    (void)state;
    assert_about_first(200, &(struct library_document){
                                .path = "/about",
                                .text = "Quartz is a mineral. Pure quartz is clear, and lime is "
                                        "not; smoky quartz is brown."});
}

static void test_find__few_words_prefer_what_they_name(void **state)
{
    (void)state;
    assert_about_first(200, &(struct library_document){
                                .path = "/about",
                                .title = "Quartz",
                                .text = "On day 0 they walked over ridges of quartz and lime. The "
                                        "weather was wet and the mules were slow, but they came "
                                        "early to an inn, where the supper was good and "
                                        "the wine was better."});
}

static void test_find__few_words_find_the_document_about_them(void **state)
{
    (void)state;
    static char text[32 << 10];
    size_t n = 0;
    for (int i = 0; i < 8; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "# Part %d\nQuartz, no lime. ", i);
        for (int k = 0; k < 12; k++)
            n += (size_t)snprintf(text + n, sizeof text - n, "It lies in row %d of %d. ", k, i);
        n += (size_t)snprintf(text + n, sizeof text - n, "Such is quartz.\n\n");
    }
    assert_about_first(4000, &(struct library_document){.path = "/about", .text = text});
}

static void test_find__removed_documents_are_gone(void **state)
{
    (void)state;
    struct library l;
    struct wf_err err = WF_ERR_INIT;
    struct wf_find_query q = {.text = wf_str_from("zeppelin")};
    library_open(&l);
    library_add(&l, &(struct library_document){.path = "/z", .text = "A zeppelin flew by."}, NULL);
    library_commit(&l);
    wf_arena_reset(&arena);
    assert_int_equal(wf_find(l.store, &q, &arena, &hits, &err), 0);
    assert_int_equal(hits.n_items, 1);
    assert_int_equal(wf_store_write_begin(l.store, &err), 0);
    assert_int_equal(wf_source_remove(l.store, wf_str_from("/z"), &err), 0);
    assert_int_equal(wf_store_write_commit(l.store, &err), 0);
    assert_int_equal(wf_find(l.store, &q, &arena, &hits, &err), 0);
    assert_int_equal(hits.n_items, 0);
    library_close(&l);
}

static void test_find__empty_library(void **state)
{
    (void)state;
    struct library l;
    struct wf_err err = WF_ERR_INIT;
    struct wf_find_query q = {.text = wf_str_from("anything at all")};
    library_open(&l);
    assert_int_equal(wf_find(l.store, &q, &arena, &hits, &err), 0);
    assert_int_equal(hits.n_items, 0);
    library_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find__whole_questions),
        cmocka_unit_test(test_find__other_forms_of_a_word),
        cmocka_unit_test(test_find__slips_of_the_pen),
        cmocka_unit_test(test_find__case_and_accents),
        cmocka_unit_test(test_find__typed_accents_are_meant),
        cmocka_unit_test(test_find__scripts_without_spaces),
        cmocka_unit_test(test_find__title_and_heading_count),
        cmocka_unit_test(test_find__pages),
        cmocka_unit_test(test_find__nothing_fits),
        cmocka_unit_test(test_find__only_words_of_grammar),
        cmocka_unit_test(test_find__filters),
        cmocka_unit_test(test_find__number_of_hits),
        cmocka_unit_test(test_find__favoured_documents_come_first),
        cmocka_unit_test(test_find__hostile_questions),
        cmocka_unit_test(test_find__question_of_the_greatest_length),
        cmocka_unit_test(test_find__refuses_what_is_no_utf8),
        cmocka_unit_test(test_find__survives_failing_memory),
        cmocka_unit_test(test_find__a_document_takes_three_places_first),
        cmocka_unit_test(test_find__frequent_words_are_joined),
        cmocka_unit_test(test_find__few_words_prefer_what_repeats_them),
        cmocka_unit_test(test_find__few_words_prefer_what_they_name),
        cmocka_unit_test(test_find__few_words_find_the_document_about_them),
        cmocka_unit_test(test_find__removed_documents_are_gone),
        cmocka_unit_test(test_find__empty_library),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
