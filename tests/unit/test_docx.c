/* SPDX-License-Identifier: Apache-2.0 */
/* Word documents: the text of each construct, with borders {B}, headings {H1}..{H0}, pages {P1}. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "support/parsed.h"
#include "support/zipped.h"

#define W "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
#define REL "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#define NAMESPACES                                                                                 \
    " xmlns:w='" W "' xmlns:r='" REL "'"                                                           \
    " xmlns:mc='http://schemas.openxmlformats.org/markup-compatibility/2006'"                      \
    " xmlns:m='http://schemas.openxmlformats.org/officeDocument/2006/math'"

#define P(text) "<w:p><w:r><w:t xml:space='preserve'>" text "</w:t></w:r></w:p>"
#define R(text) "<w:r><w:t xml:space='preserve'>" text "</w:t></w:r>"
#define STYLED(style, text) "<w:p><w:pPr><w:pStyle w:val='" style "'/></w:pPr>" R(text) "</w:p>"
#define FIELD(kind) "<w:r><w:fldChar w:fldCharType='" kind "'/></w:r>"

static const char relations[] =
    "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>"
    "<Relationship Id='s' Type='" REL "/styles' Target='styles.xml'/>"
    "<Relationship Id='n' Type='" REL "/numbering' Target='numbering.xml'/>"
    "<Relationship Id='f' Type='" REL "/footnotes' Target='footnotes.xml'/>"
    "<Relationship Id='c' Type='" REL "/comments' Target='/word/comments.xml'/>"
    "<Relationship Id='h1' Type='" REL "/header' Target='header1.xml'/>"
    "<Relationship Id='h2' Type='" REL "/header' Target='header2.xml'/>"
    "<Relationship Id='f1' Type='" REL "/footer' Target='footer1.xml'/>"
    "<Relationship Id='ch' Type='" REL "/chart' Target='chart1.xml'/>"
    "<Relationship Id='x' Type='" REL "/image' Target='http://example.com/' "
    "TargetMode='External'/></Relationships>";

static const char styles[] =
    "<w:styles" NAMESPACES ">"
    "<w:style w:type='paragraph' w:default='1' w:styleId='Normal'><w:name "
    "w:val='Normal'/></w:style>"
    "<w:style w:type='paragraph' w:styleId='berschrift1'><w:name w:val='heading 1'/></w:style>"
    "<w:style w:type='paragraph' w:styleId='Mine'><w:name w:val='Mine'/>"
    "<w:basedOn w:val='berschrift1'/></w:style>"
    "<w:style w:type='paragraph' w:styleId='Loop'><w:basedOn w:val='Loop'/></w:style>"
    "<w:style w:type='paragraph' w:styleId='Deep'><w:name w:val='x'/><w:pPr>"
    "<w:outlineLvl w:val='7'/></w:pPr></w:style>"
    "<w:style w:type='character' w:styleId='Bold'><w:name w:val='heading 2'/></w:style>"
    "</w:styles>";

static const char numbering[] =
    "<w:numbering" NAMESPACES ">"
    "<w:abstractNum w:abstractNumId='0'>"
    "<w:lvl w:ilvl='0'><w:start w:val='1'/><w:numFmt w:val='decimal'/><w:lvlText "
    "w:val='%1.'/></w:lvl>"
    "<w:lvl w:ilvl='1'><w:start w:val='1'/><w:numFmt w:val='lowerRoman'/>"
    "<w:lvlText w:val='%1.%2'/></w:lvl></w:abstractNum>"
    "<w:abstractNum w:abstractNumId='1'><w:lvl w:ilvl='0'><w:numFmt w:val='bullet'/>"
    "<w:lvlText w:val='x'/></w:lvl></w:abstractNum>"
    "<w:num w:numId='5'><w:abstractNumId w:val='0'/></w:num>"
    "<w:num w:numId='6'><w:abstractNumId w:val='1'/></w:num>"
    "<w:num w:numId='7'><w:abstractNumId w:val='0'/><w:lvlOverride w:ilvl='0'>"
    "<w:startOverride w:val='9'/></w:lvlOverride></w:num></w:numbering>";

static const char footnotes[] =
    "<w:footnotes" NAMESPACES "><w:footnote w:type='separator' w:id='-1'>" P(
        "---") "</w:footnote>"
               "<w:footnote w:id='2'>" P("The note.") "</w:footnote></w:footnotes>";
static const char comments[] =
    "<w:comments" NAMESPACES "><w:comment w:id='0' w:author='Ann'>" P("A remark.")
        P("Its second part.") "</w:comment></w:comments>";
static const char header[] = "<w:hdr" NAMESPACES ">" P("ACME report") "</w:hdr>";
static const char footer[] = "<w:ftr" NAMESPACES "><w:p>" R("Page ")
    FIELD("begin") "<w:r><w:instrText> PAGE </w:instrText></w:r>" FIELD("separate") R("3")
        FIELD("end") "</w:p></w:ftr>";
static const char chart[] =
    "<c:chartSpace xmlns:c='http://schemas.openxmlformats.org/drawingml/2006/chart'"
    " xmlns:a='http://schemas.openxmlformats.org/drawingml/2006/main'><c:chart>"
    "<c:title><c:tx><c:rich><a:p><a:r><a:t>Sales</a:t></a:r></a:p></c:rich></c:tx></c:title>"
    "<c:ser><c:tx><c:strRef><c:f>S!A1</c:f><c:strCache><c:pt><c:v>Tea</c:v></c:pt></c:strCache>"
    "</c:strRef></c:tx><c:cat><c:strCache><c:pt><c:v>May</c:v></c:pt><c:pt><c:v>June</c:v></c:pt>"
    "</c:strCache></c:cat><c:val><c:numCache><c:pt><c:v>3</c:v></c:pt><c:pt><c:v>4</c:v></c:pt>"
    "</c:numCache></c:val></c:ser></c:chart></c:chartSpace>";
static const char core[] =
    "<cp:coreProperties xmlns:cp='http://schemas.openxmlformats.org/package/2006/metadata/"
    "core-properties' xmlns:dc='http://purl.org/dc/elements/1.1/'"
    " xmlns:dcterms='http://purl.org/dc/terms/'><dc:title>A &amp; B</dc:title>"
    "<dc:creator>Ann</dc:creator><dcterms:created>2020-01-01T00:00:00Z</dcterms:created>"
    "<dcterms:modified>2021-02-03T04:05:06Z</dcterms:modified></cp:coreProperties>";

static void make(struct zipped *z, const char *body)
{
    char document[16384];
    (void)snprintf(document, sizeof(document),
                   "<w:document" NAMESPACES "><w:body>%s</w:body>"
                   "</w:document>",
                   body);
    zipped_begin(z, false, NULL);
    zipped_add(z, "[Content_Types].xml", "<Types/>");
    zipped_add(z, "docProps/core.xml", core);
    zipped_add(z, "word/document.xml", document);
    zipped_add(z, "word/_rels/document.xml.rels", relations);
    zipped_add(z, "word/styles.xml", styles);
    zipped_add(z, "word/numbering.xml", numbering);
    zipped_add(z, "word/footnotes.xml", footnotes);
    zipped_add(z, "word/comments.xml", comments);
    zipped_add(z, "word/chart1.xml", chart);
    zipped_end(z);
}

static void check(const char *body, const char *marked)
{
    struct zipped z;
    struct parsed p;
    make(&z, body);
    parsed_run(&p, "a.docx", z.bytes.ptr, z.bytes.len);
    assert_string_equal(p.format, "docx");
    if (p.rc != 0) {
        print_error("%s\n", p.err.msg);
    }
    assert_int_equal(p.rc, 0);
    assert_string_equal(p.marked.ptr, marked);
    assert_string_equal(p.meta.ptr, "title=A & B\nauthor=Ann\ndate=2021-02-03T04:05:06Z\n");
    assert_string_equal(p.warnings.ptr, "");
    parsed_deinit(&p);
    zipped_free(&z);
}

static void test_docx__paragraphs_and_headings(void **state)
{
    (void)state;
    check(STYLED("berschrift1", "One") P("Text  in\ttwo") "<w:p/>" STYLED("Mine", "Two")
              STYLED("Deep", "Six") STYLED("Bold", "not a heading") STYLED("Loop", "nor this"),
          "{H1}One{H0}\n\n{B}Text in two\n\n{B}{H1}Two{H0}\n\n{B}{H6}Six{H0}\n\n{B}not a heading"
          "\n\n{B}nor this");
    check("<w:p><w:pPr><w:outlineLvl w:val='1'/></w:pPr>" R("Direct") "</w:p>" P("x"),
          "{H2}Direct{H0}\n\n{B}x");
}

static void test_docx__runs_tabs_and_breaks(void **state)
{
    (void)state;
    check("<w:p><w:r><w:tab/></w:r>" R("a")
              R("b ") "<w:r><w:t>c</w:t><w:tab/><w:t>d</w:t><w:br/>"
                      "<w:t>e</w:t><w:noBreakHyphen/><w:t>f</w:t></w:r></w:p>",
          "ab c\td\ne-f");
    check("<w:p>" R("x ") "<w:r><w:sym w:font='Symbol' w:char='F061'/>"
                          "<w:sym w:font='Wingdings' w:char='F0FC'/><w:sym w:font='Odd' "
                          "w:char='F041'/></w:r></w:p>",
          "x \xce\xb1\xe2\x9c\x93");
}

static void test_docx__tables_are_rows(void **state)
{
    (void)state;
#define CELL(inside) "<w:tc>" inside "</w:tc>"
    check(P("before") "<w:tbl><w:tblGrid><w:gridCol/><w:gridCol/></w:tblGrid><w:tr>" CELL(P("a"))
              CELL(P("b1") P("b2")) "</w:tr><w:tr>" CELL("<w:p/>")
                  CELL(P("c")) "</w:tr></w:tbl>" P("after"),
          "before\n\n{B}a\tb1\nb2\n{B}\tc\n\n{B}after");
    /* One column only frames what is in it. */
    check("<w:tbl><w:tblGrid><w:gridCol/></w:tblGrid><w:tr>" CELL(STYLED("berschrift1", "H")
                                                                      P("x")) "</w:tr></w:tbl>",
          "{H1}H{H0}\n\n{B}x");
}

static void test_docx__lists_are_numbered(void **state)
{
    (void)state;
#define ITEM(id, level, text)                                                                      \
    "<w:p><w:pPr><w:numPr><w:ilvl w:val='" level "'/><w:numId w:val='" id                          \
    "'/></w:numPr></w:pPr>" R(text) "</w:p>"
    check(ITEM("5", "0", "a") ITEM("5", "1", "b") ITEM("5", "1", "c") ITEM("5", "0", "d")
              ITEM("6", "0", "e") ITEM("7", "0", "f") ITEM("99", "0", "g"),
          "1. a\n{B}1.i b\n{B}1.ii c\n{B}2. d\n{B}- e\n{B}9. f\n\n{B}g");
}

static void test_docx__notes_and_comments_stand_behind(void **state)
{
    (void)state;
    check("<w:p>" R("Text") "<w:r><w:footnoteReference w:id='2'/></w:r>" R(
              " goes on.") "<w:r><w:commentReference w:id='0'/></w:r></w:p>" P("Next."),
          "Text goes on.\n\n{B}The note.\n\n{B}Ann: A remark.\n\n{B}Its second part.\n\n{B}Next.");
}

static void test_docx__text_boxes_come_once(void **state)
{
    (void)state;
    check("<w:p>" R("before ") "<w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing>"
                               "<w:txbxContent>" P(
                                   "boxed") "</w:txbxContent></w:drawing></mc:Choice><mc:Fallback>"
                                            "<w:pict><w:txbxContent>" P(
                                                "boxed") "</w:txbxContent></w:pict></mc:Fallback>"
                                                         "</mc:AlternateContent></w:r>" R(
                                                             "after") "</w:p>",
          "before after\n\n{B}boxed");
    check("<w:p><w:r><mc:AlternateContent><mc:Choice/><mc:Fallback><w:t>old</w:t></mc:Fallback>"
          "</mc:AlternateContent></w:r></w:p>",
          "old");
}

static void test_docx__deletions_are_left_out(void **state)
{
    (void)state;
    check("<w:p>" R("a") "<w:del><w:r><w:delText>b</w:delText></w:r></w:del><w:ins>" R(
              "c") "</w:ins><w:moveFrom>" R("d") "</w:moveFrom><w:r><w:rPr><w:vanish/></"
                                                 "w:rPr><w:t>e</w:t>"
                                                 "</w:r><w:r><w:rPr><w:vanish "
                                                 "w:val='0'/></w:rPr><w:t>f</w:t></w:r></w:p>",
          "acf");
    check("<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr>" R("one ") "</w:p>" P("line"), "one line");
}

static void test_docx__fields_give_their_results(void **state)
{
    (void)state;
    check("<w:p>" R("See ") FIELD("begin") "<w:r><w:instrText>REF x</w:instrText></w:r>" R("code")
              FIELD("separate") R("page ")
                  FIELD("begin") "<w:r><w:instrText>Y</w:instrText></w:r>" FIELD("separate") R("4")
                      FIELD("end") FIELD("end") R(".") "</w:p>",
          "See page 4.");
    /* One that never ends must not swallow the rest. */
    check("<w:p>" R("a") FIELD("begin") R("b") "</w:p>" P("c"), "a\n\n{B}c");
}

static void test_docx__ruby_math_and_placeholders(void **state)
{
    (void)state;
    check("<w:p><w:r><w:ruby><w:rt><w:r><w:t>kana</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>base"
          "</w:t></w:r></w:rubyBase></w:ruby></w:r>" R(
              " ") "<m:oMath><m:f><m:num><m:r><m:t>a</m:t>"
                   "</m:r></m:num><m:den><m:r><m:t>b</m:t></m:r></m:den></m:f></m:oMath></w:p>"
                   "<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>" P(
                       "Click here") "</w:sdtContent></w:sdt><w:sdt><w:sdtPr/>"
                                     "<w:sdtContent>" P("filled in") "</w:sdtContent></w:sdt>",
          "base(kana) a/b\n\n{B}filled in");
    check("<w:p><w:ruby><w:rt>" R("a") "<w:ruby/></w:rt><w:rubyBase>" R(
              "base") "</w:rubyBase></w:ruby></w:p>",
          "base(a)");
}

static void test_docx__pages_are_counted_once(void **state)
{
    (void)state;
    check(P("one") "<w:p><w:r><w:br w:type='page'/></w:r></w:p><w:p><w:r>"
                   "<w:lastRenderedPageBreak/><w:t>two</w:t></w:r></w:p><w:p>" R(
                       "still two ") "<w:r><w:lastRenderedPageBreak/><w:t>three</w:t></w:r></w:p>",
          "{P1}one\n\n{B}{P2}two\n\n{B}still two{P3} three");
}

static void test_docx__charts_stand_where_they_are(void **state)
{
    (void)state;
    check("<w:p>" R("Figure") "<w:r><c:chart xmlns:c='http://schemas.openxmlformats.org/"
                              "drawingml/2006/chart' r:id='ch'/></w:r></w:p>" P("after"),
          "Figure\n\n{B}Sales\n\n{B}\tMay\tJune\n{B}Tea\t3\t4\n\n{B}after");
}

static void test_docx__headers_come_once_at_the_end(void **state)
{
    (void)state;
    struct zipped z;
    struct parsed p;
    zipped_begin(&z, true, NULL);
    zipped_add(&z, "word/document.xml",
               "<w:document" NAMESPACES "><w:body>" P("Body") "</w:body></w:document>");
    zipped_add(&z, "word/_rels/document.xml.rels", relations);
    zipped_add(&z, "word/header1.xml", header);
    zipped_add(&z, "word/header2.xml", header);
    zipped_add(&z, "word/footer1.xml", footer);
    zipped_end(&z);
    parsed_run(&p, "a.docx", z.bytes.ptr, z.bytes.len);
    assert_int_equal(p.rc, 0);
    assert_string_equal(p.marked.ptr, "Body\n\n{B}ACME report");
    parsed_deinit(&p);
    zipped_free(&z);
}

static void test_docx__damage_is_a_warning_if_text_was_read(void **state)
{
    (void)state;
    struct zipped z;
    struct parsed p;
    zipped_begin(&z, true, NULL);
    zipped_add(&z, "word/document.xml",
               "<w:document" NAMESPACES "><w:body>" P("Body") "<w:p><w:r><w:t>cut");
    zipped_end(&z);
    parsed_run(&p, "a.docx", z.bytes.ptr, z.bytes.len);
    assert_int_equal(p.rc, 0);
    assert_string_equal(p.text.ptr, "Body\n\ncut");
    assert_string_equal(p.warnings.ptr, "the file is damaged: some of its text may be missing\n");
    parsed_deinit(&p);
    zipped_free(&z);
}

static void check_refused(const char *name, const char *content, int code, const char *words)
{
    struct zipped z;
    struct parsed p;
    zipped_begin(&z, true, NULL);
    zipped_add(&z, name, content);
    zipped_end(&z);
    parsed_run(&p, "a.docx", z.bytes.ptr, z.bytes.len);
    assert_string_equal(p.format, "docx");
    assert_int_equal(p.rc, code);
    if (strstr(p.err.msg, words) == NULL) {
        fail_msg("\"%s\" does not hold \"%s\"", p.err.msg, words);
    }
    parsed_deinit(&p);
    zipped_free(&z);
}

static void test_docx__what_holds_no_text_is_refused(void **state)
{
    (void)state;
    check_refused("word/document.xml", "<w:document" NAMESPACES "><w:body/></w:document>",
                  WF_E_FORMAT, "holds no text");
    check_refused("word/document.xml", "", WF_E_FORMAT, "damaged");
    check_refused("word/other.xml", "<a/>", WF_E_FORMAT, "missing");
}

static void test_docx__no_memory_is_an_error(void **state)
{
    (void)state;
    struct zipped z;
    uint64_t n = 1;
    make(&z, ITEM("5", "0", "a") "<w:p>" R("b") "<w:r><w:footnoteReference w:id='2'/></w:r></w:p>");
    for (bool failed = true; failed; n++) {
        struct parsed p;
        wf_alloc_fail_at(n);
        parsed_run_as(&p, "docx", "a.docx", z.bytes.ptr, z.bytes.len);
        failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        if (p.rc != 0 && p.rc != WF_E_NOMEM && p.rc != WF_E_LIMIT) {
            print_error("allocation %u: %d %s\n", (unsigned)n, p.rc, p.err.msg);
        }
        assert_true(p.rc == 0 || p.rc == WF_E_NOMEM || p.rc == WF_E_LIMIT);
        parsed_deinit(&p);
    }
    assert_true(n > 20);
    zipped_free(&z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_docx__paragraphs_and_headings),
        cmocka_unit_test(test_docx__runs_tabs_and_breaks),
        cmocka_unit_test(test_docx__tables_are_rows),
        cmocka_unit_test(test_docx__lists_are_numbered),
        cmocka_unit_test(test_docx__notes_and_comments_stand_behind),
        cmocka_unit_test(test_docx__text_boxes_come_once),
        cmocka_unit_test(test_docx__deletions_are_left_out),
        cmocka_unit_test(test_docx__fields_give_their_results),
        cmocka_unit_test(test_docx__ruby_math_and_placeholders),
        cmocka_unit_test(test_docx__pages_are_counted_once),
        cmocka_unit_test(test_docx__charts_stand_where_they_are),
        cmocka_unit_test(test_docx__headers_come_once_at_the_end),
        cmocka_unit_test(test_docx__damage_is_a_warning_if_text_was_read),
        cmocka_unit_test(test_docx__what_holds_no_text_is_refused),
        cmocka_unit_test(test_docx__no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
