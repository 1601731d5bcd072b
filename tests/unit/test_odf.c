/* SPDX-License-Identifier: Apache-2.0 */
/* OpenDocument files: texts, spreadsheets, presentations, packed and flat, and locked ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/parsed.h"
#include "support/zipped.h"

/* clang-format drifts to the right without end on literals between macros. */
/* clang-format off */
#define URN(name) "urn:oasis:names:tc:opendocument:xmlns:" name ":1.0"
#define NS(prefix, name) " xmlns:" prefix "='" URN(name) "'"
#define NAMESPACES                                                                                 \
    NS("office", "office")                                                                         \
    NS("text", "text")                                                                             \
    NS("table", "table")                                                                           \
    NS("draw", "drawing")                                                                          \
    NS("style", "style")                                                                           \
    NS("fo", "xsl-fo-compatible")                                                                  \
    NS("presentation", "presentation")                                                             \
    NS("meta", "meta") " xmlns:dc='http://purl.org/dc/elements/1.1/'"
#define TYPE "application/vnd.oasis.opendocument."
#define P(text) "<text:p>" text "</text:p>"

static const char meta[] =
    "<office:document-meta" NAMESPACES "><office:meta><dc:title>The Title</dc:title>"
    "<meta:initial-creator>Ann</meta:initial-creator><dc:creator>Bob</dc:creator>"
    "<dc:date>2020-02-03T04:05:06</dc:date><meta:keyword>one</meta:keyword>"
    "<meta:keyword>two</meta:keyword></office:meta></office:document-meta>";
static const char styles[] =
    "<office:document-styles" NAMESPACES "><office:styles><text:outline-style>"
    "<text:outline-level-style text:level='1' style:num-format='1' style:num-suffix='.'/>"
    "<text:outline-level-style text:level='2' style:num-format='a' text:display-levels='2'/>"
    "</text:outline-style></office:styles><office:master-styles><style:master-page>"
    "<style:header>" P("Our report") "</style:header><style:footer>" P(
        "Page <text:page-number>1</text:page-number>") "</style:footer><style:header-left "
                                                       "style:display='false'>" P(
            "off") "</style:header-left></style:master-page></office:master-styles>"
            "</office:document-styles>";

static void make(struct zipped *z, const char *kind, const char *automatic, const char *body)
{
    char content[16384];
    char type[100];
    (void)snprintf(type, sizeof(type), TYPE "%s", kind);
    (void)snprintf(content, sizeof(content),
                   "<office:document-content" NAMESPACES "><office:automatic-styles>%s"
                   "</office:automatic-styles><office:body><office:%s>%s</office:%s></office:body>"
                   "</office:document-content>",
                   automatic, kind, body, kind);
    zipped_begin(z, true, NULL);
    zipped_add(z, "mimetype", type);
    zipped_add(z, "meta.xml", meta);
    zipped_add(z, "styles.xml", styles);
    zipped_add(z, "content.xml", content);
    zipped_end(z);
}

static void check(const char *kind, const char *automatic, const char *body, const char *marked)
{
    struct zipped z;
    struct parsed p;
    /* The archive's writer puts an extra field before the media type: the name decides. */
    const char *name = strcmp(kind, "text") == 0 ? "a.odt" : kind[0] == 's' ? "a.ods" : "a.odp";
    make(&z, kind, automatic, body);
    parsed_run(&p, name, z.bytes.ptr, z.bytes.len);
    assert_int_equal(p.rc, 0);
    assert_string_equal(p.marked.ptr, marked);
    assert_string_equal(
        p.meta.ptr, "title=The Title\nauthor=Ann\ndate=2020-02-03T04:05:06\nkeywords=one, two\n");
    parsed_deinit(&p);
    zipped_free(&z);
}

static void check_text(const char *automatic, const char *body, const char *marked)
{
    char all[8192];
    (void)snprintf(all, sizeof(all), "%s\n\n{B}Our report", marked);
    check("text", automatic, body, all);
}

static void test_odt__headings_paragraphs_and_spaces(void **state)
{
    (void)state;
    check_text("<style:style style:name='P1' style:parent-style-name='Title'/>",
               "<text:p text:style-name='P1'>Book</text:p><text:h "
               "text:outline-level='1'>One</text:h>" P(
                   "a<text:s "
                   "text:c='3'/>b<text:tab/>c<text:line-break/"
                   ">d <text:span>e</text:span>") "<text:h "
                                                  "text:"
                                                  "outline-"
                                                  "level='2'>"
                                                  "Two</"
                                                  "text:h>" P("") P("end"),
               "{H1}Book{H0}\n\n{B}{H1}1. One{H0}\n\n{B}a b\tc\nd e\n\n{B}{H2}1.a "
               "Two{H0}\n\n{B}end");
}

static void test_odt__lists_are_numbered(void **state)
{
    (void)state;
#define ITEM(inside) "<text:list-item>" inside "</text:list-item>"
    check_text("<text:list-style style:name='L'><text:list-level-style-number text:level='1' "
               "style:num-format='1' style:num-suffix=')'/><text:list-level-style-bullet "
               "text:level='2'/></text:list-style>",
               "<text:list text:style-name='L'>" ITEM(
                   P("a") P("more") "<text:list>" ITEM(P("x")) "</text:list>")
                   ITEM(P("b")) "</text:list>" P("text") "<text:list text:style-name='L' "
                                                         "text:continue-numbering='true'>" ITEM(
            P("c")) "</text:list><text:list text:style-name='L'>"
            "" ITEM(
                                                                         P("d")) "</text:list>",
               "1) a\n{B}more\n{B}- x\n{B}2) b\n\n{B}text\n\n{B}3) c\n{B}1) d");
}

static void test_odt__what_is_not_read_is_left_out(void **state)
{
    (void)state;
    check_text(
        "<style:style style:name='H'><style:text-properties text:display='none'/>"
        "</style:style>",
        "<text:tracked-changes>" P("deleted") "</text:tracked-changes>" P(
            "kept <text:span "
            "text:style-name='H'>"
            "hidden</text:span>on") "<text:section text:display='none'>"
            "" P("section") "</text:section><text:table-of-content>"
            "<text:table-of-content-source>" P(
            "template") "</text:table-of-content-source><text:index-body>"
            "" P("toc") "</text:index-body></text:table-of-content>"
            "",
        "kept on\n\n{B}toc");
}

static void test_odt__notes_comments_and_frames_stand_behind(void **state)
{
    (void)state;
    check_text(
        "",
        P("a<text:note><text:note-citation>1</text:note-citation><text:note-body>" P(
            "note") "</text:note-body></text:note>b<office:annotation><dc:creator>Ann</dc:creator>"
                    "<dc:date>2020</dc:date>" P(
                        "remark") "</office:annotation><draw:frame>"
                                  "<draw:text-box>" P("box") "</draw:text-box></draw:frame>c")
            P("next"),
        "abc\n\n{B}note\n\n{B}Ann: remark\n\n{B}box\n\n{B}next");
}

static void test_odt__tables_and_ruby(void **state)
{
    (void)state;
#define CELL(inside) "<table:table-cell>" inside "</table:table-cell>"
#define ROW(inside) "<table:table-row>" inside "</table:table-row>"
    check_text(
        "",
        "<table:table><table:table-column table:number-columns-repeated='2'/>" ROW(CELL(P("a"))
                                                                                       CELL(P("b")))
            ROW(CELL("") CELL(P("c"))) "</table:table>" P(
                "<text:ruby><text:ruby-base>x</text:ruby-base><text:ruby-text>y</text:ruby-text>"
                "</text:ruby>"),
        "a\tb\n{B}\tc\n\n{B}x(y)");
}

static void test_odt__pages_begin_at_breaks(void **state)
{
    (void)state;
    check("text",
          "<style:style style:name='B'><style:paragraph-properties "
          "fo:break-before='page'/></style:style>",
          "<text:p text:style-name='B'>one</text:p>" P(
              "still <text:soft-page-break/>two") "<text:p text:style-name='B'>three</text:p>",
          "{P1}one\n\n{B}still{P2} two\n\n{B}{P3}three\n\n{B}Our report");
}

static void test_ods__rows_and_repeats_are_bounded(void **state)
{
    (void)state;
    check(
        "spreadsheet", "",
        "<table:table table:name='S 1'>"
        "<table:table-row table:number-rows-repeated='3'><table:table-cell "
        "table:number-columns-repeated='16384'/></table:table-row>" ROW(
            "<table:table-cell office:value-type='date' office:date-value='2020-02-03T00:00:00'>" P(
                "03.02.20") "</table:table-cell><table:table-cell "
                            "table:number-columns-repeated='2'>" P(
                                "x") "</table:table-cell>"
                                     "<table:table-cell "
                                     "table:number-columns-repeated='16000'/>" CELL(P(
                                         "far"))) "<table:table-row "
                                                  "table:number-rows-repeated='2'>" CELL(P("1") P(
            "2")) "</table:table-row><table:table-row table:number-rows-repeated='1048570'>"
            "" CELL("") "</table:table-row></table:table><table:table "
            "table:name='None'/>",
        "{P1}{H1}S 1{H0}\n\n{B}2020-02-03\tx\tx\tfar\n{B}1 2\n{B}1 2\n\n{B}Our report");
}

static void test_ods__heads_and_comments(void **state)
{
    (void)state;
    check("spreadsheet", "",
          "<table:table table:name='S'>" ROW(CELL(P("Name")) CELL(P("Price")))
              ROW(CELL("<office:annotation>" P("check!") "</office:annotation>" P("Tea"))
                      CELL(P("3"))) "</table:table>",
          "{P1}{H1}S{H0}\n\n{B}Name\tPrice\n{B}Name: Tea; Price: 3\n\n{B}check!\n\n{B}Our report");
}

static void test_odp__slides_titles_and_notes(void **state)
{
    (void)state;
#define FRAME(class, inside)                                                                       \
    "<draw:frame presentation:class='" class "'><draw:text-box>" inside                            \
                                             "</draw:text-box></draw:frame>"
    check("presentation", "",
          "<draw:page>" FRAME("subtitle", P("body")) FRAME("title", P("Hello") P("World"))
              FRAME("page-number", P("1")) "<presentation:notes>" FRAME(
                  "notes", P("say hi")) "</presentation:notes></"
                                        "draw:page><draw:page><draw:custom-"
            "shape>" P("shape") "</draw:custom-shape><draw:frame "
            "presentation:class='title' presentation:placeholder='true'>"
            "<draw:text-box>" P("Click") "</draw:text-box></draw:frame>"
            "</draw:page>",
          "{P1}{H1}Hello World{H0}\n\n{B}body\n\n{B}say hi\n\n{B}{P2}shape\n\n{B}Our report");
}

static void test_odf__a_flat_file_is_read_alike(void **state)
{
    (void)state;
    static const char flat[] =
        "<?xml version='1.0'?><office:document office:mimetype='" TYPE "text'" NAMESPACES ">"
        "<office:meta><dc:title>Flat</dc:title></office:meta><office:body><office:text>" P(
            "text") "</office:text></office:body></office:document>";
    struct parsed p;
    parsed_run(&p, "a.fodt", flat, sizeof(flat) - 1);
    assert_string_equal(p.format, "odt");
    assert_int_equal(p.rc, 0);
    assert_string_equal(p.text.ptr, "text");
    assert_string_equal(p.meta.ptr, "title=Flat\n");
    parsed_deinit(&p);
}

static void test_odf__a_password_is_asked_for(void **state)
{
    (void)state;
    struct zipped z;
    struct parsed p;
    zipped_begin(&z, true, NULL);
    zipped_add(&z, "mimetype", TYPE "text");
    zipped_add(&z, "content.xml", "\x80\x81noise");
    zipped_add(
        &z, "META-INF/manifest.xml",
        "<m:manifest xmlns:m='" URN("manifest") "'><m:file-entry m:full-path='content.xml'>"
                                                "<m:encryption-data/></m:file-entry></m:manifest>");
    zipped_end(&z);
    parsed_run(&p, "a.odt", z.bytes.ptr, z.bytes.len);
    assert_int_equal(p.rc, WF_E_ENCRYPTED);
    assert_non_null(strstr(p.err.msg, "password"));
    parsed_deinit(&p);
    zipped_free(&z);
}

/* A table began in one kind of body and ended in another. */
static void test_odf__bodies_in_bodies_are_passed_over(void **state)
{
    (void)state;
    check_text("",
               P("a") "<table:table><table:table-row><table:table-cell><office:spreadsheet>" P("x")
               "</office:spreadsheet>" P("b") "</table:table-cell></table:table-row></table:table>"
               "<style:master-page><style:header>" P("y") "</style:header></style:master-page>"
               P("c"),
               "a\n\n{B}b\n\n{B}c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_odt__headings_paragraphs_and_spaces),
        cmocka_unit_test(test_odt__lists_are_numbered),
        cmocka_unit_test(test_odt__what_is_not_read_is_left_out),
        cmocka_unit_test(test_odt__notes_comments_and_frames_stand_behind),
        cmocka_unit_test(test_odt__tables_and_ruby),
        cmocka_unit_test(test_odt__pages_begin_at_breaks),
        cmocka_unit_test(test_ods__rows_and_repeats_are_bounded),
        cmocka_unit_test(test_ods__heads_and_comments),
        cmocka_unit_test(test_odp__slides_titles_and_notes),
        cmocka_unit_test(test_odf__a_flat_file_is_read_alike),
        cmocka_unit_test(test_odf__a_password_is_asked_for),
        cmocka_unit_test(test_odf__bodies_in_bodies_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
