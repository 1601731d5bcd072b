/* SPDX-License-Identifier: Apache-2.0 */
/* PDF: what pdftotext says becomes paragraphs, columns and rows. The programs themselves are run by
 * the tests of the extract workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/pdf_internal.h"
#include "support/parsed.h"

static int end_page(void *ud, const struct wf_pdf_page *page, struct wf_err *err)
{
    (void)page;
    (void)err;
    return wf_layout_write(ud);
}

static void check(const char *said, const char *expected)
{
    struct wf_buf sink;
    struct wf_stream_writer w;
    struct wf_stream_reader r;
    struct wf_compose c;
    struct wf_layout l;
    struct parsed p;
    wf_buf_init(&sink, 1u << 20);
    wf_stream_writer_init_buf(&w, &sink);
    wf_compose_init(&c, &w);
    assert_int_equal(wf_layout_init(&l, &c, true), 0);
    struct wf_pdf_text t = {.layout = &l, .w = &w, .end_page = end_page, .ud = &l};
    wf_pdf__text_init(&t);
    for (size_t i = 0; i < strlen(said); i += 7) {
        struct wf_str piece = wf_str_sub(wf_str_from(said), i, i + 7);
        assert_int_equal(wf_pdf__text_feed(&t, piece, NULL), 0);
    }
    wf_layout_finish(&l);
    assert_int_equal(wf_stream_end(&w), 0);
    parsed_init(&p);
    wf_stream_reader_init(&r);
    assert_int_equal(wf_stream_feed(&r, sink.ptr, sink.len, parsed_frame, &p, NULL), 0);
    assert_string_equal(p.text.ptr, expected);
    wf_stream_reader_deinit(&r);
    parsed_deinit(&p);
    wf_pdf__text_deinit(&t);
    wf_layout_deinit(&l);
    wf_stream_writer_deinit(&w);
    wf_buf_deinit(&sink);
}

#define PAGE "<page width=\"600.0\" height=\"800.0\">\n"
#define LINE "<line xMin=\"0\">\n"
#define WORD(x0, y0, x1, y1, text)                                                                 \
    "  <word xMin=\"" x0 "\" yMin=\"" y0 "\" xMax=\"" x1 "\" yMax=\"" y1 "\">" text "</word>\n"

static void test_pdf__lines_are_joined_and_words_made_whole(void **state)
{
    (void)state;
    check(PAGE LINE WORD("10", "10", "60", "20", "Tea") WORD("63", "10", "110", "20", "&amp;")
              WORD("113", "10", "200", "20", "infor-") LINE WORD("10", "22", "100", "32", "mation,")
                  WORD("103", "22", "200", "32",
                       "o\xef\xac\x83"
                       "ce") LINE WORD("10", "34", "40", "44", "end.") "</page>\n",
          "Tea & information, office end.");
}

static void test_pdf__figures_stand_beside_their_words(void **state)
{
    (void)state;
    check(PAGE LINE WORD("10", "10", "60", "20", "Rent") LINE WORD("300", "10", "330", "20", "500")
              LINE WORD("10", "30", "60", "40", "Food") LINE WORD("300", "30", "330", "40", "200")
                  LINE WORD("10", "50", "60", "60", "Sum")
                      LINE WORD("300", "50", "330", "60", "700") "</page>\n",
          "Rent\t500\nFood\t200\nSum\t700");
}

static void test_pdf__odd_lines_are_passed_over(void **state)
{
    (void)state;
    check("</page>\n<word\n<word xMin=\"x\">\n" PAGE "<word xMin=\"1\">no end\n" LINE WORD(
              "1", "1", "9", "9", "a&#x62;c&bad;") "</page>\n<page",
          "abc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pdf__lines_are_joined_and_words_made_whole),
        cmocka_unit_test(test_pdf__figures_stand_beside_their_words),
        cmocka_unit_test(test_pdf__odd_lines_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
