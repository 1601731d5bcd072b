/* SPDX-License-Identifier: Apache-2.0 */
/* Find with vectors (find/fuse.h): what has no word in common is found, filters hold, words go on
 * alone when anything about vectors fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "find/find.h"
#include "find/meaning.h"
#include "support/library.h"
#include "support/meant.h"

#define WAIT_MS 120000

static const struct library_document documents[] = {
    {.path = "/d/harbour.txt",
     .title = "Harbour",
     .text = "The lighthouse burns no oil today. Ferries leave every two hours in summer."},
    {.path = "/d/kitchen.md",
     .title = "Kitchen",
     .type = "text/markdown",
     .modified_ms = 2000,
     .text = "Knead the dough for ten minutes. Let it rest overnight in a cold place."},
    {.path = "/d/notes/garden.txt",
     .title = "Garden",
     .space = "family",
     .modified_ms = 5000,
     .text = "Tomatoes need water every morning. The hedgehogs sleep behind the shed."},
    {.path = "/d/notes/other.txt",
     .title = "Other",
     .text = "Nothing of interest stands here, except the number nineteen."},
    {.path = "/d/kiln.txt",
     .title = "Kiln",
     .type = "text/markdown",
     .text = "The kiln needs a night to cool down before it is opened."},
};

/* German, for those who made no model. */
static const char *const same[][2] = {
    {"igel", "hedgehogs"}, {"schlafen", "sleep"}, {"schuppen", "shed"}, {"teig", "dough"},
    {"ruhen", "rest"},     {"kneten", "knead"},   {"nacht", "night"},   {NULL, NULL}};

static struct library lib;
static struct wf_arena arena;
static struct wf_hits hits;
static struct meant meant;
static struct wf_meaning *meaning;

/* Vectors of words need less than a lens' to be shown. */
static const struct wf_fuse_weights weights = {.parts = {[WF_FUSE_SIMILARITY] = 10,
                                                         [WF_FUSE_SIMILARITY_OPEN] = 15,
                                                         [WF_FUSE_FIRST] = 1,
                                                         [WF_FUSE_ANSWERS] = 4},
                                               .alone = -0.25,
                                               .alone_similarity = 1,
                                               .alone_answers = 0.05,
                                               .alone_least = 0.25};

static void begin_with(size_t n_judged)
{
    const struct wf_meaning_options o = {.store = lib.store,
                                         .embedder = meant_embedder(&meant),
                                         .weights = &weights,
                                         .n_judged = n_judged};
    assert_int_equal(wf_meaning_new(&o, &meaning, NULL), 0);
    assert_int_equal(wf_meaning_start(meaning, NULL), 0);
    assert_true(wf_meaning_wait(meaning, WAIT_MS));
}

static void begin(void)
{
    begin_with(0);
}

static int setup(void **state)
{
    (void)state;
    library_open_filled(&lib, documents, WF_ARRAY_LEN(documents));
    wf_arena_init(&arena, 0, 64 << 20);
    meant = (struct meant){.version = "lens 1", .same = same};
    begin();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    wf_meaning_free(meaning);
    wf_arena_deinit(&arena);
    library_close(&lib);
    return 0;
}

static size_t find_with(struct wf_find_query q)
{
    struct wf_err err = WF_ERR_INIT;
    wf_arena_reset(&arena);
    if (wf_find(lib.store, &q, &arena, &hits, &err) != 0)
        fail_msg("wf_find: %s", err.msg);
    return hits.n_items;
}

static size_t find(const char *text)
{
    return find_with((struct wf_find_query){.text = wf_str_from(text), .meaning = meaning});
}

static void assert_path(size_t i, const char *path)
{
    assert_true(i < hits.n_items);
    assert_int_equal(hits.items[i].path.len, strlen(path));
    assert_memory_equal(hits.items[i].path.ptr, path, strlen(path));
}

static void test_hybrid__finds_what_has_no_word_in_common(void **state)
{
    (void)state;
    static const char question[] = "wo schlafen igel";
    assert_int_equal(find_with((struct wf_find_query){.text = wf_str_from(question)}), 0);
    assert_true(find(question) > 0);
    assert_path(0, "/d/notes/garden.txt");
    assert_true(hits.items[0].similarity > 0.25f);
    assert_true(hits.items[0].coverage <= 0); /* by words it has nothing */
    assert_true(hits.items[0].words <= 0 && hits.items[0].score > 0);
    assert_true(find("teig kneten") > 0);
    assert_path(0, "/d/kitchen.md");
}

static void test_hybrid__words_and_meaning_together(void **state)
{
    (void)state;
    assert_true(find("how long does the dough have to rest") > 0);
    assert_path(0, "/d/kitchen.md");
    assert_true(hits.items[0].words > 0 && hits.items[0].score > hits.items[0].words);
    assert_true(hits.items[0].coverage > 0.3);
    assert_true(find("nineteen") > 0); /* a word that only one has wins */
    assert_path(0, "/d/notes/other.txt");
}

static void test_hybrid__far_off_is_not_shown(void **state)
{
    (void)state;
    assert_int_equal(find("xyzzy plugh quux"), 0);
}

static void test_hybrid__one_question_is_embedded_once(void **state)
{
    (void)state;
    unsigned n = atomic_load(&meant.n_questions);
    (void)find_with((struct wf_find_query){
        .text = WF_STR("schlafen igel"), .filter = {.type = WF_STR("text")}, .meaning = meaning});
    assert_int_equal(atomic_load(&meant.n_questions), n + 1);
    (void)find(""); /* no words, no question */
    assert_int_equal(atomic_load(&meant.n_questions), n + 1);
}

static void test_hybrid__filters_hold(void **state)
{
    (void)state;
    struct wf_find_query q = {.text = WF_STR("schlafen igel nacht"), .meaning = meaning};
    q.filter = (struct wf_find_filter){.space = WF_STR("family")};
    assert_int_equal(find_with(q), 1);
    assert_path(0, "/d/notes/garden.txt");
    q.filter = (struct wf_find_filter){.space = WF_STR("me")};
    (void)find_with(q);
    assert_path(0, "/d/kiln.txt");
    for (size_t i = 0; i < hits.n_items; i++)
        assert_false(wf_str_eq(hits.items[i].path, WF_STR("/d/notes/garden.txt")));
    q.filter = (struct wf_find_filter){.space = WF_STR("nobody")};
    assert_int_equal(find_with(q), 0);
    q.filter = (struct wf_find_filter){.path_prefix = WF_STR("/d/notes/")};
    assert_int_equal(find_with(q), 1);
    q.filter = (struct wf_find_filter){.until_ms = 4000};
    (void)find_with(q);
    for (size_t i = 0; i < hits.n_items; i++)
        assert_false(wf_str_eq(hits.items[i].path, WF_STR("/d/notes/garden.txt")));
    q.filter = (struct wf_find_filter){.document = hits.items[0].document};
    char uid[64] = "";
    memcpy(uid, hits.items[0].document.ptr, hits.items[0].document.len);
    q.filter.document = wf_str_from(uid);
    assert_int_equal(find_with(q), 1);
}

/* Results with nothing from vectors, to the last digit. */
static void assert_words_alone(const char *question, struct wf_meaning *m)
{
    struct wf_arena own;
    struct wf_hits alone;
    struct wf_find_query q = {.text = wf_str_from(question)};
    wf_arena_init(&own, 0, 64 << 20);
    assert_int_equal(wf_find(lib.store, &q, &own, &alone, NULL), 0);
    q.meaning = m;
    (void)find_with(q);
    assert_int_equal(hits.n_items, alone.n_items);
    for (size_t i = 0; i < alone.n_items; i++) {
        assert_true(wf_str_eq(hits.items[i].document, alone.items[i].document));
        assert_true(hits.items[i].score <= alone.items[i].score);
        assert_true(hits.items[i].score >= alone.items[i].score);
        assert_true(hits.items[i].similarity >= 0 && hits.items[i].similarity <= 0);
    }
    wf_arena_deinit(&own);
}

static void test_hybrid__words_go_on_alone(void **state)
{
    (void)state;
    static const char question[] = "when does the kiln cool down at night";
    meant.fails_on = "kiln"; /* the question's embedding fails */
    assert_words_alone(question, meaning);
    meant.fails_on = NULL;
    wf_meaning_free(meaning);
    meant.version = NULL; /* no lens */
    begin();
    assert_words_alone(question, meaning);
    wf_meaning_free(meaning);
    meant.version = "lens 2"; /* a lens, and no vectors of it yet */
    const struct wf_meaning_options o = {.store = lib.store, .embedder = meant_embedder(&meant)};
    assert_int_equal(wf_meaning_new(&o, &meaning, NULL), 0);
    assert_words_alone(question, meaning);
}

static void test_hybrid__what_has_no_vector_yet_is_not_put_behind(void **state)
{
    (void)state;
    static const struct library_document late = {
        .path = "/d/late.txt", .title = "Late", .text = "The kiln of the neighbour is electric."};
    library_add(&lib, &late, NULL);
    library_commit(&lib);
    assert_true(find("is the kiln of the neighbour electric") > 0);
    assert_path(0, "/d/late.txt");
    assert_true(hits.items[0].similarity >= 0 && hits.items[0].similarity <= 0);
}

static void test_hybrid__what_answers_comes_first(void **state)
{
    (void)state;
    static const char question[] = "how long does the dough have to rest at night";
    assert_true(find(question) > 1);
    assert_path(0, "/d/kitchen.md");
    assert_false(hits.items[0].is_judged);
    wf_meaning_free(meaning);
    meant.answer = "kiln";
    begin_with(8);
    assert_true(find(question) > 1);
    assert_path(0, "/d/kiln.txt");
    assert_true(hits.items[0].is_judged && hits.items[0].evidence.answers > 5);
    assert_true(hits.items[1].score < hits.items[0].score);
    assert_true(atomic_load(&meant.n_judged) >= hits.n_items);
}

static void test_hybrid__only_the_first_are_read(void **state)
{
    (void)state;
    static const char question[] = "how long does the dough have to rest at night";
    wf_meaning_free(meaning);
    meant.answer = "kiln";
    begin_with(1);
    assert_true(find(question) > 1); /* the kiln is not read, and not above what is */
    assert_path(0, "/d/kitchen.md");
    assert_int_equal(atomic_load(&meant.n_judged), 1);
    for (size_t i = 1; i < hits.n_items; i++)
        assert_true(!hits.items[i].is_judged && hits.items[i].score <= hits.items[0].score);
}

static void test_hybrid__reading_may_fail(void **state)
{
    (void)state;
    static const char question[] = "how long does the dough have to rest at night";
    wf_meaning_free(meaning);
    begin_with(8); /* cannot read at all */
    assert_true(find(question) > 1);
    assert_path(0, "/d/kitchen.md");
    wf_meaning_free(meaning);
    meant.answer = "kiln";
    begin_with(8);
    meant.fails_on = "overnight"; /* the first of them */
    assert_true(find(question) > 1);
    assert_path(0, "/d/kitchen.md");
    assert_false(hits.items[0].is_judged);
}

static void test_hybrid__what_does_not_answer_is_not_shown_without_a_word(void **state)
{
    (void)state;
    static const char question[] = "wo schlafen igel";
    wf_meaning_free(meaning);
    meant.answer = "hedgehogs";
    begin_with(8);
    assert_true(find(question) > 0);
    assert_path(0, "/d/notes/garden.txt");
    wf_meaning_free(meaning);
    meant.answer = "nothing of it"; /* similarity alone does not do then */
    begin_with(8);
    assert_int_equal(find(question), 0);
}

static void test_hybrid__without_memory(void **state)
{
    (void)state;
    struct wf_find_query q = {.text = WF_STR("wo schlafen igel in der nacht"),
                              .filter = {.type = WF_STR("text")},
                              .meaning = meaning};
    for (uint64_t n = 1;; n++) {
        struct wf_err err = WF_ERR_INIT;
        wf_arena_deinit(&arena);
        wf_arena_init(&arena, 0, 64 << 20);
        wf_alloc_fail_at(n);
        int status = wf_find(lib.store, &q, &arena, &hits, &err);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        if (status != 0) {
            assert_int_equal(status, WF_E_NOMEM);
            assert_true(err.msg[0] != 0 && hits.n_items == 0);
        }
        if (!failed)
            break;
    }
    assert_true(find("wo schlafen igel") > 0);
    assert_path(0, "/d/notes/garden.txt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hybrid__finds_what_has_no_word_in_common, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_hybrid__words_and_meaning_together, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hybrid__far_off_is_not_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hybrid__one_question_is_embedded_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_hybrid__filters_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hybrid__words_go_on_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hybrid__what_has_no_vector_yet_is_not_put_behind,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_hybrid__what_answers_comes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hybrid__only_the_first_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hybrid__reading_may_fail, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_hybrid__what_does_not_answer_is_not_shown_without_a_word, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hybrid__without_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
