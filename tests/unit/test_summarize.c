/* SPDX-License-Identifier: Apache-2.0 */
/* Summaries: exact slices in text order, what is never chosen, options and their limits, odd texts,
 * and memory that does not grow with the text. */
#include "skill/summarize.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/rng.h"
#include "text/utf8.h"

static const char story[] =
    "The river rose for three days before anyone in the town spoke of leaving. "
    "Old Anna, the keeper of the mill, watched the river from her window. "
    "\"Do you see it?\" she asked. "
    "The mill stood lower than every other house of the town. "
    "On the fourth day the river carried away the bridge below the mill. "
    "Yes. "
    "Anna and the people of the town carried the grain from the mill to the church on the hill. "
    "I like cake. "
    "When the river fell, the mill was gone, but the grain of the town was saved.";

/* Summarizes `text`, fed in pieces of `piece` bytes (whole code points). */
static void summarize(const struct wf_summary_options *o, struct wf_str text, size_t piece,
                      struct wf_arena *arena, struct wf_summary *out)
{
    struct wf_summarizer *s = NULL;
    struct wf_err err = WF_ERR_INIT;
    wf_arena_init(arena, 0, 64 << 20);
    assert_int_equal(wf_summarizer_new(o, &s, &err), 0);
    for (size_t i = 0; i < text.len;) {
        size_t end = i + piece < text.len ? i + piece : text.len;
        while (end < text.len && ((unsigned char)text.ptr[end] & 0xC0) == 0x80)
            end++;
        assert_int_equal(wf_summarizer_feed(s, wf_str_sub(text, i, end), 0, &err), 0);
        i = end;
    }
    assert_int_equal(wf_summarizer_finish(s, arena, out, &err), 0);
    wf_summarizer_free(s);
}

static void check_slices(struct wf_str text, const struct wf_summary *summary)
{
    uint64_t at = 0;
    for (size_t i = 0; i < summary->n_sentences; i++) {
        const struct wf_summary_sentence *s = &summary->sentences[i];
        assert_true(s->start_cp >= at && s->start_cp < s->end_cp);
        struct wf_str slice =
            wf_str_sub(text, wf_utf8_offset(text, s->start_cp), wf_utf8_offset(text, s->end_cp));
        assert_true(wf_str_eq(slice, s->text));
        assert_true(s->score >= 0 && s->score <= 1);
        at = s->end_cp;
    }
}

static bool has(const struct wf_summary *summary, const char *part)
{
    for (size_t i = 0; i < summary->n_sentences; i++)
        if (wf_str_find(summary->sentences[i].text, wf_str_from(part), 0) != SIZE_MAX)
            return true;
    return false;
}

static void test_summarize__chooses_what_carries_the_text(void **state)
{
    (void)state;
    struct wf_arena arena;
    struct wf_summary summary;
    struct wf_summary_options o = {.n_sentences = 3};
    summarize(&o, wf_str_from(story), 1000, &arena, &summary);
    assert_int_equal(summary.n_sentences, 3);
    check_slices(wf_str_from(story), &summary);
    assert_true(has(&summary, "carried the grain"));
    assert_false(has(&summary, "I like cake"));
    assert_false(has(&summary, "Yes."));
    wf_arena_deinit(&arena);
}

static void test_summarize__turns_to_what_it_is_about(void **state)
{
    (void)state;
    struct wf_arena arena;
    struct wf_summary summary;
    struct wf_summary_options o = {.n_sentences = 1,
                                   .about = WF_STR("What happened to the bridge?")};
    summarize(&o, wf_str_from(story), 1000, &arena, &summary);
    assert_true(has(&summary, "carried away the bridge"));
    wf_arena_deinit(&arena);
    /* asking for the plot, or for what the text does not have, is asking for a summary */
    struct wf_summary general;
    struct wf_arena arena2;
    summarize(&(struct wf_summary_options){.n_sentences = 2}, wf_str_from(story), 1000, &arena,
              &general);
    o = (struct wf_summary_options){.n_sentences = 2, .about = WF_STR("Summarize the story.")};
    summarize(&o, wf_str_from(story), 1000, &arena2, &summary);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(summary.sentences[i].start_cp, general.sentences[i].start_cp);
    wf_arena_deinit(&arena2);
    o.about = WF_STR("zeppelin");
    summarize(&o, wf_str_from(story), 1000, &arena2, &summary);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(summary.sentences[i].start_cp, general.sentences[i].start_cp);
    wf_arena_deinit(&arena2);
    wf_arena_deinit(&arena);
}

static void test_summarize__does_not_depend_on_the_pieces(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 7, 64, 100000};
    static char text[300000];
    size_t n = 0;
    for (int i = 0; i < 250; i++) { /* distinct sentences, some beyond ASCII */
        n += (size_t)snprintf(text + n, sizeof text - n,
                              "Die M\u00FChle %d lag am Flu\u00DF %d und mahlte Korn. ", i, i * 7);
        n += (size_t)snprintf(text + n, sizeof text - n, "\u4E2D\u6587%d\u53E5\u5B50\u3002", i);
        n += (size_t)snprintf(text + n, sizeof text - n, "%s\n\n", i % 9 ? "" : story);
    }
    struct wf_summary_options o = {.n_sentences = 12};
    struct wf_summary first;
    struct wf_arena arena, arena2;
    summarize(&o, wf_str_n(text, n), 1 << 20, &arena, &first);
    assert_int_equal(first.n_sentences, 12);
    check_slices(wf_str_n(text, n), &first);
    for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
        struct wf_summary summary;
        summarize(&o, wf_str_n(text, n), pieces[p], &arena2, &summary);
        assert_int_equal(summary.n_sentences, 12);
        for (size_t i = 0; i < 12; i++)
            assert_int_equal(summary.sentences[i].start_cp, first.sentences[i].start_cp);
        wf_arena_deinit(&arena2);
    }
    wf_arena_deinit(&arena);
}

static void test_summarize__gives_pages_and_minds_borders_and_headings(void **state)
{
    (void)state;
    struct wf_summarizer *s = NULL;
    struct wf_summary summary;
    struct wf_arena arena;
    struct wf_summary_options o = {.n_sentences = 10};
    wf_arena_init(&arena, 0, 1 << 20);
    assert_int_equal(wf_summarizer_new(&o, &s, NULL), 0);
    wf_summarizer_heading(s, 1);
    assert_int_equal(wf_summarizer_feed(s, WF_STR("The great flood\n"), 1, NULL), 0);
    wf_summarizer_heading(s, 0);
    assert_int_equal(wf_summarizer_feed(s, WF_STR("The river rose over the old "), 1, NULL), 0);
    assert_int_equal(wf_summarizer_feed(s, WF_STR("town bridge"), 2, NULL), 0);
    assert_int_equal(wf_summarizer_border(s, NULL), 0);
    assert_int_equal(wf_summarizer_feed(s, WF_STR("\nthe mill was lost to the flood"), 2, NULL), 0);
    assert_int_equal(wf_summarizer_finish(s, &arena, &summary, NULL), 0);
    assert_int_equal(summary.n_sentences, 2);
    assert_true(
        wf_str_eq(summary.sentences[0].text, WF_STR("The river rose over the old town bridge")));
    assert_int_equal(summary.sentences[0].page, 1);
    assert_int_equal(summary.sentences[0].start_cp, 16);
    assert_int_equal(summary.sentences[1].page, 2);
    assert_int_equal(summary.sentences[1].start_cp, 16 + 39 + 1);
    wf_summarizer_free(s);
    wf_arena_deinit(&arena);
}

static void test_summarize__bears_odd_texts(void **state)
{
    (void)state;
    static const char *const empty[] = {"", " \n\t\n", "... !!! ---", "<tag>\n\n<tag a=\"b\">"};
    struct wf_arena arena;
    struct wf_summary summary;
    struct wf_summary_options o = {.n_sentences = 3};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        summarize(&o, wf_str_from(empty[i]), 100, &arena, &summary);
        assert_int_equal(summary.n_sentences, 0);
        wf_arena_deinit(&arena);
    }
    summarize(&o, WF_STR("Only one sentence here"), 100, &arena, &summary);
    assert_int_equal(summary.n_sentences, 1);
    wf_arena_deinit(&arena);
    /* a line that is repeated (a page's header) is there once at most */
    static char text[20000];
    size_t n = 0;
    for (int i = 0; i < 60; i++)
        n +=
            (size_t)snprintf(text + n, sizeof text - n,
                             "Annual Report of the River Company Page %d\n\nIn year %d the company "
                             "built %d mills by the river number %d.\n\n",
                             i, 1900 + i, i * 3, i);
    o.n_sentences = 20;
    summarize(&o, wf_str_n(text, n), 1000, &arena, &summary);
    size_t n_headers = 0;
    for (size_t i = 0; i < summary.n_sentences; i++)
        n_headers += wf_str_starts(summary.sentences[i].text, WF_STR("Annual"));
    assert_true(n_headers <= 1);
    check_slices(wf_str_n(text, n), &summary);
    wf_arena_deinit(&arena);
}

static void test_summarize__obeys_its_options(void **state)
{
    (void)state;
    struct wf_arena arena;
    struct wf_summary summary;
    struct wf_err err = WF_ERR_INIT;
    struct wf_summarizer *s = NULL;
    struct wf_summary_options o = {.ratio = 0.5};
    summarize(&o, wf_str_from(story), 1000, &arena, &summary);
    assert_int_equal(summary.n_sentences, 5); /* of 9 */
    wf_arena_deinit(&arena);
    o = (struct wf_summary_options){.ratio = 0};
    summarize(&o, wf_str_from(story), 1000, &arena, &summary);
    assert_int_equal(summary.n_sentences, 3);
    wf_arena_deinit(&arena);
    o.n_sentences = WF_LIMIT_SUMMARY_SENTENCES;
    summarize(&o, wf_str_from(story), 1000, &arena, &summary);
    assert_int_equal(summary.n_sentences, 9);
    wf_arena_deinit(&arena);
    o.n_sentences = WF_LIMIT_SUMMARY_SENTENCES + 1;
    assert_int_equal(wf_summarizer_new(&o, &s, &err), WF_E_RANGE);
    o = (struct wf_summary_options){.ratio = 1.5};
    assert_int_equal(wf_summarizer_new(&o, &s, &err), WF_E_RANGE);
    o.ratio = (double)NAN;
    assert_int_equal(wf_summarizer_new(&o, &s, &err), WF_E_RANGE);
    o = (struct wf_summary_options){.about = WF_STR("\xFF")};
    assert_int_equal(wf_summarizer_new(&o, &s, &err), WF_E_FORMAT);
    static char longer[WF_LIMIT_QUERY_BYTES + 1];
    memset(longer, 'a', sizeof longer);
    o.about = wf_str_n(longer, sizeof longer);
    assert_int_equal(wf_summarizer_new(&o, &s, &err), WF_E_LIMIT);
    o.about.len--;
    assert_int_equal(wf_summarizer_new(&o, &s, &err), 0);
    wf_summarizer_free(s);
    wf_summarizer_free(NULL);
}

/* A book of about `bytes` bytes of made-up sentences; returns the most memory in use meanwhile. */
static uint64_t book_peak(size_t bytes, const char *about)
{
    struct wf_summary_options o = {.n_sentences = 30, .about = wf_str_from(about)};
    struct wf_summarizer *s = NULL;
    struct wf_rng_seeded seeded;
    struct wf_arena arena;
    struct wf_summary summary;
    uint64_t before = wf_alloc_stats().bytes_live, peak = 0;
    wf_rng_seeded_init(&seeded, 5);
    wf_arena_init(&arena, 0, 1 << 20);
    assert_int_equal(wf_summarizer_new(&o, &s, NULL), 0);
    for (size_t fed = 0, page = 1; fed < bytes; page++) {
        char text[4096];
        size_t n = 0;
        for (int sentence = 0; sentence < 20; sentence++) {
            uint64_t n_words = 6 + wf_rng_below(&seeded.rng, 16);
            for (uint64_t w = 0; w < n_words; w++) { /* few words often, many rarely */
                uint64_t word = wf_rng_below(&seeded.rng, 1 + wf_rng_below(&seeded.rng, 600000));
                n += (size_t)snprintf(text + n, sizeof text - n, "%sw%llxq", w ? " " : "W",
                                      (unsigned long long)word);
            }
            n += (size_t)snprintf(text + n, sizeof text - n, ". ");
        }
        assert_int_equal(wf_summarizer_feed(s, wf_str_n(text, n), (uint32_t)page, NULL), 0);
        fed += n;
        uint64_t live = wf_alloc_stats().bytes_live - before;
        peak = live > peak ? live : peak;
    }
    assert_int_equal(wf_summarizer_finish(s, &arena, &summary, NULL), 0);
    assert_int_equal(summary.n_sentences, 30);
    wf_summarizer_free(s);
    wf_arena_deinit(&arena);
    assert_int_equal(wf_alloc_stats().bytes_live, before);
    return peak;
}

static void test_summarize__holds_no_more_for_a_longer_book(void **state)
{
    (void)state;
    uint64_t small = book_peak(3u << 20, ""), large = book_peak(30u << 20, "");
    assert_true(small < 16u << 20);
    assert_true(large < 16u << 20);
    assert_true(large < small * 2);
    assert_true(book_peak(3u << 20, "w12q w99q other words") < 16u << 20);
}

static void test_summarize__reports_failing_memory(void **state)
{
    (void)state;
    struct wf_summary_options o = {.n_sentences = 2, .about = WF_STR("river")};
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        struct wf_summarizer *s = NULL;
        struct wf_summary summary;
        struct wf_arena arena;
        uint64_t before = wf_alloc_stats().n_live;
        wf_arena_init(&arena, 0, 1 << 20);
        wf_alloc_fail_at(n);
        int r = wf_summarizer_new(&o, &s, NULL);
        if (r == 0)
            r = wf_summarizer_feed(s, wf_str_from(story), 1, NULL);
        if (r == 0)
            r = wf_summarizer_finish(s, &arena, &summary, NULL);
        failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_int_equal(r, failed ? WF_E_NOMEM : 0);
        wf_summarizer_free(s);
        wf_arena_deinit(&arena);
        assert_int_equal(wf_alloc_stats().n_live, before);
        assert_true(n < 200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_summarize__chooses_what_carries_the_text),
        cmocka_unit_test(test_summarize__turns_to_what_it_is_about),
        cmocka_unit_test(test_summarize__does_not_depend_on_the_pieces),
        cmocka_unit_test(test_summarize__gives_pages_and_minds_borders_and_headings),
        cmocka_unit_test(test_summarize__bears_odd_texts),
        cmocka_unit_test(test_summarize__obeys_its_options),
        cmocka_unit_test(test_summarize__holds_no_more_for_a_longer_book),
        cmocka_unit_test(test_summarize__reports_failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
