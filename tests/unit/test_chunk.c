/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ingest/chunk.h: the partition, where it cuts, headings, pages, bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/rng.h"
#include "ingest/chunk.h"
#include "text/utf8.h"

#define N_MAX 4096

/* What came out. */
struct got {
    struct wf_buf text; /* all of it */
    size_t n;
    size_t bytes[N_MAX];
    size_t at[N_MAX]; /* offset in text */
    uint32_t page[N_MAX];
    char heading[N_MAX][WF_CHUNK_HEADING_BYTES + 1];
    uint64_t n_cp;
    size_t fail_at; /* chunk whose callback fails, from 1; 0 = none */
};

static struct got got;

static int take(void *ud, const struct wf_chunk *c, struct wf_err *err)
{
    struct got *g = ud;
    if (g->fail_at != 0 && g->n + 1 == g->fail_at)
        return wf_err_set(err, WF_E_FULL, "as asked");
    assert_true(g->n < N_MAX);
    assert_true(c->text.len > 0 && c->text.len <= WF_LIMIT_CHUNK_BYTES);
    assert_int_equal(wf_utf8_valid_prefix(c->text), c->text.len);
    assert_int_equal(wf_utf8_valid_prefix(c->heading), c->heading.len);
    assert_int_equal(c->start_cp, g->n_cp);
    assert_int_equal(c->n_cp, wf_utf8_count(c->text));
    assert_true(c->heading.len <= WF_CHUNK_HEADING_BYTES);
    g->at[g->n] = g->text.len;
    g->bytes[g->n] = c->text.len;
    g->page[g->n] = c->page;
    memcpy(g->heading[g->n], c->heading.len ? c->heading.ptr : "", c->heading.len);
    g->heading[g->n][c->heading.len] = '\0';
    assert_int_equal(wf_buf_append_str(&g->text, c->text), 0);
    g->n_cp += c->n_cp;
    g->n++;
    return 0;
}

static struct wf_chunker *begin(void)
{
    wf_buf_deinit(&got.text);
    memset(&got, 0, sizeof(got));
    wf_buf_init(&got.text, 64u << 20);
    struct wf_chunker *c = wf_chunker_new(take, &got);
    assert_non_null(c);
    return c;
}

static void feed(struct wf_chunker *c, enum wf_stream_type type, const char *text, uint32_t number)
{
    const struct wf_stream_frame f = {.type = type, .text = wf_str_from(text), .number = number};
    assert_int_equal(wf_chunker_feed(c, &f, NULL), 0);
}

static void end(struct wf_chunker *c)
{
    assert_int_equal(wf_chunker_end(c, NULL), 0);
    wf_chunker_free(c);
}

static struct wf_str chunk(size_t i)
{
    assert_true(i < got.n);
    return wf_str_n(got.text.ptr + got.at[i], got.bytes[i]);
}

static void assert_begins(size_t i, const char *with)
{
    if (!wf_str_starts(chunk(i), wf_str_from(with)))
        fail_msg("chunk %zu is \"%.*s\"", i, WF_STR_ARG(wf_str_sub(chunk(i), 0, 60)));
}

/* n sentences of about 60 letters, with the paragraph's number. */
static void paragraph(struct wf_chunker *c, unsigned number, unsigned n)
{
    char text[256];
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text),
                 "Paragraph %u says in sentence %u that the river carries salt. ", number, i);
        feed(c, WF_STREAM_TEXT, text, 0);
    }
    feed(c, WF_STREAM_TEXT, "\n\n", 0);
    feed(c, WF_STREAM_BORDER, "", 0);
}

static void test_chunk__small_text_is_one_chunk(void **state)
{
    (void)state;
    struct wf_chunker *c = begin();
    feed(c, WF_STREAM_TEXT, "One line.\n", 0);
    end(c);
    assert_int_equal(got.n, 1);
    assert_string_equal(got.text.ptr, "One line.\n");
    assert_string_equal(got.heading[0], "");
    assert_int_equal(got.page[0], 0);
}

static void test_chunk__no_text_gives_none(void **state)
{
    (void)state;
    struct wf_chunker *c = begin();
    feed(c, WF_STREAM_BORDER, "", 0);
    feed(c, WF_STREAM_PAGE, "", 1);
    feed(c, WF_STREAM_HEADING, "", 1);
    feed(c, WF_STREAM_HEADING, "", 0);
    feed(c, WF_STREAM_META, "x", 0);
    end(c);
    assert_int_equal(got.n, 0);
}

static void test_chunk__paragraphs_gather_and_stay_whole(void **state)
{
    (void)state;
    struct wf_chunker *c = begin();
    for (unsigned i = 0; i < 20; i++)
        paragraph(c, i, 8); /* about 500 letters each */
    end(c);
    assert_true(got.n >= 8 && got.n <= 11);
    for (size_t i = 0; i < got.n; i++) {
        assert_begins(i, "Paragraph ");
        assert_true(wf_str_ends(chunk(i), WF_STR("salt. \n\n")));
        assert_non_null(memmem(chunk(i).ptr, chunk(i).len, "sentence 0 ", 11));
    }
}

static void test_chunk__a_paragraph_of_250_words_is_not_cut(void **state)
{
    (void)state;
    struct wf_chunker *c = begin();
    paragraph(c, 1, 4);
    paragraph(c, 2, 29); /* 29 * 62 = 1,800 letters, 300 words */
    paragraph(c, 3, 4);
    end(c);
    bool whole = false;
    for (size_t i = 0; i < got.n; i++)
        whole = whole || (memmem(chunk(i).ptr, chunk(i).len, "2 says in sentence 0 ", 21) &&
                          memmem(chunk(i).ptr, chunk(i).len, "2 says in sentence 28 ", 22));
    assert_true(whole);
}

static void test_chunk__long_paragraphs_are_cut_at_sentences(void **state)
{
    (void)state;
    struct wf_chunker *c = begin();
    paragraph(c, 1, 100);
    end(c);
    assert_true(got.n >= 5 && got.n <= 8);
    for (size_t i = 0; i < got.n; i++)
        assert_begins(i, "Paragraph 1 says");
}

static void test_chunk__abbreviations_do_not_end_sentences(void **state)
{
    (void)state;
    struct wf_chunker *c = begin();
    for (unsigned i = 0; i < 60; i++)
        feed(c, WF_STREAM_TEXT, "We met Dr. Smith of St. Paul at No. 7 with J. R. Jones there. ",
             0);
    end(c);
    assert_true(got.n > 1);
    for (size_t i = 0; i < got.n; i++)
        assert_begins(i, "We met ");
}

static void test_chunk__cuts_in_scripts_without_spaces(void **state)
{
    (void)state;
    struct wf_chunker *c = begin();
    for (unsigned i = 0; i < 200; i++)
        feed(c, WF_STREAM_TEXT, "「東京は日本の首都である。」", 0);
    end(c);
    assert_true(got.n > 2);
    for (size_t i = 0; i < got.n; i++) {
        assert_begins(i, "「東京");
        assert_true(got.bytes[i] < 1800); /* a Han character counts more than a letter */
    }
}

static void test_chunk__endless_words_are_cut_at_letters(void **state)
{
    (void)state;
    struct wf_chunker *c = begin();
    for (unsigned i = 0; i < 3000; i++)
        feed(c, WF_STREAM_TEXT, "e\u0301", 0); /* e and a combining acute */
    end(c);
    assert_true(got.n > 2);
    for (size_t i = 0; i < got.n; i++)
        assert_begins(i, "e");
}

static void test_chunk__marks_without_end_are_cut_all_the_same(void **state)
{
    (void)state;
    struct wf_chunker *c = begin();
    for (unsigned i = 0; i < 20000; i++)
        feed(c, WF_STREAM_TEXT, "\u0301", 0);
    end(c);
    assert_true(got.n >= 10);
    assert_int_equal(got.text.len, 40000);
}

static void heading(struct wf_chunker *c, unsigned level, const char *text)
{
    feed(c, WF_STREAM_HEADING, "", level);
    feed(c, WF_STREAM_TEXT, text, 0);
    feed(c, WF_STREAM_HEADING, "", 0);
    feed(c, WF_STREAM_TEXT, "\n\n", 0);
    feed(c, WF_STREAM_BORDER, "", 0);
}

static void test_chunk__headings_begin_chunks_and_make_paths(void **state)
{
    (void)state;
    struct wf_chunker *c = begin();
    feed(c, WF_STREAM_TEXT, "Before.\n\n", 0);
    heading(c, 1, "Part one");
    heading(c, 2, "Rivers \n and seas");
    paragraph(c, 1, 2);
    heading(c, 2, "Lakes");
    paragraph(c, 2, 2);
    heading(c, 1, "Part two");
    paragraph(c, 3, 2);
    assert_string_equal(wf_chunker_first_heading(c).ptr, "Part one");
    end(c);
    assert_int_equal(got.n, 4);
    assert_begins(0, "Before.");
    assert_string_equal(got.heading[0], "");
    assert_begins(1, "Part one\n\nRivers"); /* a heading alone is no chunk */
    assert_string_equal(got.heading[1], "Part one > Rivers and seas");
    assert_begins(2, "Lakes");
    assert_string_equal(got.heading[2], "Part one > Lakes");
    assert_begins(3, "Part two");
    assert_string_equal(got.heading[3], "Part two");
}

static void test_chunk__long_sections_keep_their_path(void **state)
{
    (void)state;
    struct wf_chunker *c = begin();
    heading(c, 3, "Deep");
    paragraph(c, 1, 100);
    end(c);
    assert_true(got.n > 4);
    for (size_t i = 0; i < got.n; i++)
        assert_string_equal(got.heading[i], "Deep");
}

static void test_chunk__a_heading_of_a_megabyte_is_cut_like_text(void **state)
{
    (void)state;
    struct wf_chunker *c = begin();
    feed(c, WF_STREAM_HEADING, "", 1);
    for (unsigned i = 0; i < 20000; i++)
        feed(c, WF_STREAM_TEXT, "A heading without any end that goes on and on ", 0);
    feed(c, WF_STREAM_HEADING, "", 0);
    feed(c, WF_STREAM_TEXT, "Body.\n", 0);
    end(c);
    assert_int_equal(got.text.len, 20000 * 46 + 6);
    assert_true(strlen(got.heading[got.n - 1]) <= 200);
}

static void test_chunk__pages_end_chunks(void **state)
{
    (void)state;
    struct wf_chunker *c = begin();
    feed(c, WF_STREAM_PAGE, "", 1);
    feed(c, WF_STREAM_TEXT, "First page.\n", 0);
    feed(c, WF_STREAM_BORDER, "", 0);
    feed(c, WF_STREAM_PAGE, "", 2);
    feed(c, WF_STREAM_PAGE, "", 3); /* 2 was empty */
    paragraph(c, 1, 60);
    end(c);
    assert_begins(0, "First page.");
    assert_int_equal(got.page[0], 1);
    assert_true(got.n > 2);
    for (size_t i = 1; i < got.n; i++)
        assert_int_equal(got.page[i], 3);
}

/* The same frames with the texts cut elsewhere give the same chunks. */
static void test_chunk__does_not_depend_on_how_texts_are_split(void **state)
{
    (void)state;
    struct wf_buf all;
    wf_buf_init(&all, 1u << 20);
    for (unsigned i = 0; i < 400; i++)
        (void)wf_buf_appendf(&all, "Zeile %u über Flüsse und das Meer. ", i);
    size_t bytes[2][64];
    size_t n[2];
    for (unsigned run = 0; run < 2; run++) {
        struct wf_chunker *c = begin();
        struct wf_stream_frame f = {.type = WF_STREAM_TEXT};
        for (size_t i = 0; i < all.len;) {
            size_t from = i;
            i = run == 0 ? all.len : from;
            if (run == 1)
                (void)wf_utf8_next(wf_buf_str(&all), &i);
            f.text = wf_str_n(all.ptr + from, i - from);
            assert_int_equal(wf_chunker_feed(c, &f, NULL), 0);
        }
        end(c);
        n[run] = got.n;
        memcpy(bytes[run], got.bytes, sizeof(bytes[run]));
    }
    assert_int_equal(n[1], n[0]);
    assert_memory_equal(bytes[0], bytes[1], n[0] * sizeof(bytes[0][0]));
    wf_buf_deinit(&all);
}

static void random_frames(struct wf_chunker *c, const struct wf_rng *rng, struct wf_buf *want)
{
    static const char *const words[] = {"a",    "wort",    " ",       ". ", "\n", "\n\n", "。",
                                        "漢字", "ภาษาไทย", "e\u0301", "! ", "\t", "🙂", "( "};
    unsigned level = 0;
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t kind = wf_rng_below(rng, 40);
        if (kind == 0) {
            feed(c, WF_STREAM_BORDER, "", 0);
        } else if (kind == 1) {
            feed(c, WF_STREAM_PAGE, "", i + 1);
        } else if (kind == 2) {
            level = level ? 0 : 1 + (unsigned)wf_rng_below(rng, 6);
            feed(c, WF_STREAM_HEADING, "", level);
        } else {
            char text[2048] = "";
            size_t n = 0;
            for (uint64_t k = 1 + wf_rng_below(rng, 60); k > 0; k--)
                n += (size_t)snprintf(text + n, sizeof(text) - n, "%s",
                                      words[wf_rng_below(rng, WF_ARRAY_LEN(words))]);
            feed(c, WF_STREAM_TEXT, text, 0);
            assert_int_equal(wf_buf_append_cstr(want, text), 0);
        }
    }
}

static void test_chunk__partitions_random_documents(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct wf_rng_seeded rng;
        wf_rng_seeded_init(&rng, seed);
        struct wf_buf want;
        wf_buf_init(&want, 64u << 20);
        struct wf_chunker *c = begin();
        random_frames(c, &rng.rng, &want);
        end(c);
        assert_int_equal(got.text.len, want.len);
        assert_memory_equal(got.text.ptr, want.ptr, want.len);
        wf_buf_deinit(&want);
    }
}

static void test_chunk__a_failing_callback_is_returned(void **state)
{
    (void)state;
    struct wf_chunker *c = begin();
    got.fail_at = 1;
    struct wf_err err = WF_ERR_INIT;
    struct wf_stream_frame f = {.type = WF_STREAM_TEXT, .text = WF_STR("Text.\n")};
    assert_int_equal(wf_chunker_feed(c, &f, &err), 0);
    assert_int_equal(wf_chunker_end(c, &err), WF_E_FULL);
    wf_chunker_free(c);
}

static void test_chunk__reset_begins_anew(void **state)
{
    (void)state;
    struct wf_chunker *c = begin();
    heading(c, 1, "Old");
    feed(c, WF_STREAM_PAGE, "", 7);
    feed(c, WF_STREAM_TEXT, "Left over", 0);
    wf_chunker_reset(c, &got);
    got.n = 0;
    got.n_cp = 0;
    wf_buf_reset(&got.text);
    feed(c, WF_STREAM_TEXT, "New.", 0);
    assert_int_equal(wf_chunker_first_heading(c).len, 0);
    end(c);
    assert_int_equal(got.n, 1);
    assert_string_equal(got.text.ptr, "New.");
    assert_string_equal(got.heading[0], "");
    assert_int_equal(got.page[0], 0);
}

static void test_chunk__no_memory(void **state)
{
    (void)state;
    wf_alloc_fail_at(1);
    assert_null(wf_chunker_new(take, &got));
    wf_alloc_fail_at(0);
    wf_chunker_free(NULL);
}

static int tear_down(void **state)
{
    (void)state;
    wf_buf_deinit(&got.text);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunk__small_text_is_one_chunk),
        cmocka_unit_test(test_chunk__no_text_gives_none),
        cmocka_unit_test(test_chunk__paragraphs_gather_and_stay_whole),
        cmocka_unit_test(test_chunk__a_paragraph_of_250_words_is_not_cut),
        cmocka_unit_test(test_chunk__long_paragraphs_are_cut_at_sentences),
        cmocka_unit_test(test_chunk__abbreviations_do_not_end_sentences),
        cmocka_unit_test(test_chunk__cuts_in_scripts_without_spaces),
        cmocka_unit_test(test_chunk__endless_words_are_cut_at_letters),
        cmocka_unit_test(test_chunk__marks_without_end_are_cut_all_the_same),
        cmocka_unit_test(test_chunk__headings_begin_chunks_and_make_paths),
        cmocka_unit_test(test_chunk__long_sections_keep_their_path),
        cmocka_unit_test(test_chunk__a_heading_of_a_megabyte_is_cut_like_text),
        cmocka_unit_test(test_chunk__pages_end_chunks),
        cmocka_unit_test(test_chunk__does_not_depend_on_how_texts_are_split),
        cmocka_unit_test(test_chunk__partitions_random_documents),
        cmocka_unit_test(test_chunk__a_failing_callback_is_returned),
        cmocka_unit_test(test_chunk__reset_begins_anew),
        cmocka_unit_test(test_chunk__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
