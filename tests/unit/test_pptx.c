/* SPDX-License-Identifier: Apache-2.0 */
/* PowerPoint presentations: slides in order, titles, notes, tables, comments, margins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/parsed.h"
#include "support/zipped.h"

#define REL "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#define P_A_R                                                                                      \
    " xmlns:p='http://schemas.openxmlformats.org/presentationml/2006/main'"                        \
    " xmlns:a='http://schemas.openxmlformats.org/drawingml/2006/main' xmlns:r='" REL "'"
#define RELATIONS(items)                                                                           \
    "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>" items   \
    "</Relationships>"
#define RELATION(id, kind, target)                                                                 \
    "<Relationship Id='" id "' Type='" REL "/" kind "' Target='" target "'/>"
#define PAR(text) "<a:p><a:r><a:t>" text "</a:t></a:r></a:p>"
#define SHAPE(placeholder, paragraphs)                                                             \
    "<p:sp><p:nvSpPr><p:cNvPr id='1' name='x'/><p:nvPr>" placeholder                               \
    "</p:nvPr></p:nvSpPr><p:txBody>" paragraphs "</p:txBody></p:sp>"
#define SLIDE(shapes) "<p:sld" P_A_R "><p:cSld><p:spTree>" shapes "</p:spTree></p:cSld></p:sld>"

static void make(struct zipped *z, const char *slide)
{
    zipped_begin(z, false, NULL);
    zipped_add(z, "ppt/presentation.xml",
               "<p:presentation" P_A_R "><p:sldIdLst><p:sldId id='1' r:id='r2'/>"
               "<p:sldId id='2' r:id='r1'/></p:sldIdLst></p:presentation>");
    zipped_add(z, "ppt/_rels/presentation.xml.rels",
               RELATIONS(RELATION("r1", "slide", "slides/slide1.xml")
                             RELATION("r2", "slide", "slides/slide2.xml")
                                 RELATION("r3", "commentAuthors", "authors.xml")));
    zipped_add(z, "ppt/authors.xml",
               "<p:cmAuthorLst" P_A_R "><p:cmAuthor id='0' name='Ann'/></p:cmAuthorLst>");
    zipped_add(z, "ppt/slides/slide1.xml", slide);
    zipped_add(z, "ppt/slides/slide2.xml", SLIDE(SHAPE("", PAR("first slide"))));
    zipped_add(z, "ppt/slides/_rels/slide1.xml.rels",
               RELATIONS(RELATION("n", "notesSlide", "../notes/n.xml") RELATION(
                   "c", "comments", "../c.xml") RELATION("l", "slideLayout", "../layout.xml")));
    zipped_add(z, "ppt/slides/_rels/slide2.xml.rels",
               RELATIONS(RELATION("l", "slideLayout", "../layout.xml")));
    zipped_add(z, "ppt/notes/n.xml",
               "<p:notes" P_A_R "><p:cSld><p:spTree>" SHAPE("<p:ph type='sldImg'/>", PAR("no"))
                   SHAPE("<p:ph type='body'/>", PAR("Say hello."))
                       SHAPE("<p:ph type='sldNum'/>", PAR("2")) "</p:spTree></p:cSld></p:notes>");
    zipped_add(z, "ppt/c.xml",
               "<p:cmLst" P_A_R "><p:cm authorId='0'><p:text>Nice</p:text></p:cm></p:cmLst>");
    zipped_add(z, "ppt/layout.xml",
               "<p:sldLayout" P_A_R
               "><p:cSld><p:spTree>" SHAPE("<p:ph type='title'/>", PAR("Click to edit"))
                   SHAPE("", PAR("ACME Corp")) "</p:spTree></p:cSld></p:sldLayout>");
    zipped_end(z);
}

static void check(const char *slide, const char *marked)
{
    struct zipped z;
    struct parsed p;
    make(&z, slide);
    parsed_run(&p, "a.pptx", z.bytes.ptr, z.bytes.len);
    assert_string_equal(p.format, "pptx");
    assert_int_equal(p.rc, 0);
    assert_string_equal(p.marked.ptr, marked);
    parsed_deinit(&p);
    zipped_free(&z);
}

#define BEFORE "{P1}first slide\n\n{B}{P2}"
#define AFTER "\n\n{B}Say hello.\n\n{B}Ann: Nice\n\n{B}ACME Corp"

static void test_pptx__slides_come_in_the_order_of_the_show(void **state)
{
    (void)state;
    check(SLIDE(SHAPE("", PAR("body") PAR("more"))
                    SHAPE("<p:ph type='ctrTitle'/>", PAR("The") PAR("Title"))
                        SHAPE("<p:ph type='sldNum'/>", PAR("7"))),
          BEFORE "{H1}The Title{H0}\n\n{B}body\n{B}more" AFTER);
}

static void test_pptx__tables_are_rows(void **state)
{
    (void)state;
    check(SLIDE("<p:graphicFrame><a:tbl><a:tr><a:tc><a:txBody>" PAR(
              "a") "</a:txBody></a:tc>"
                   "<a:tc><a:txBody>" PAR(
                       "b") "</a:txBody></a:tc></a:tr><a:tr><a:tc><a:txBody/></a:tc>"
                            "<a:tc><a:txBody>" PAR(
                                "c") "</a:txBody></a:tc></a:tr></a:tbl></p:graphicFrame>"),
          BEFORE "a\tb\n{B}\tc" AFTER);
}

static void test_pptx__hidden_shapes_and_second_copies_are_left_out(void **state)
{
    (void)state;
    check(
        SLIDE(
            "<mc:AlternateContent xmlns:mc='http://schemas.openxmlformats.org/"
            "markup-compatibility/2006'><mc:Choice>" SHAPE(
                "",
                PAR("new")) "</mc:Choice><mc:Fallback>" SHAPE("",
                                                              PAR("old")) "</mc:Fallback>"
                                                                          "</"
                                                                          "mc:AlternateContent><p:"
                                                                          "sp><p:nvSpPr><p:cNvPr "
                                                                          "id='2' "
                                                                          "hidden='1'/></p:nvSpPr>"
                                                                          "<p:txBody>" PAR(
                                                                              "hidden") "</"
                                                                                        "p:txBody><"
                                                                                        "/p:sp>"),
        BEFORE "new" AFTER);
}

static void test_pptx__a_lost_slide_costs_itself_only(void **state)
{
    (void)state;
    struct zipped z;
    struct parsed p;
    zipped_begin(&z, true, NULL);
    zipped_add(&z, "ppt/presentation.xml",
               "<p:presentation" P_A_R "><p:sldIdLst><p:sldId r:id='gone'/><p:sldId r:id='r1'/>"
               "</p:sldIdLst></p:presentation>");
    zipped_add(&z, "ppt/_rels/presentation.xml.rels",
               RELATIONS(RELATION("r1", "slide", "slides/slide1.xml")));
    zipped_add(&z, "ppt/slides/slide1.xml", SLIDE(SHAPE("", PAR("here"))));
    zipped_end(&z);
    parsed_run(&p, "a.pptx", z.bytes.ptr, z.bytes.len);
    assert_int_equal(p.rc, 0);
    assert_string_equal(p.text.ptr, "here");
    assert_non_null(strstr(p.warnings.ptr, "damaged"));
    parsed_deinit(&p);
    zipped_free(&z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pptx__slides_come_in_the_order_of_the_show),
        cmocka_unit_test(test_pptx__tables_are_rows),
        cmocka_unit_test(test_pptx__hidden_shapes_and_second_copies_are_left_out),
        cmocka_unit_test(test_pptx__a_lost_slide_costs_itself_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
