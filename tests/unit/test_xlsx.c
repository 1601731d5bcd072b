/* SPDX-License-Identifier: Apache-2.0 */
/* Excel workbooks: cells as the person sees them, tables that name their columns, odd sheets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/xlsx_internal.h"
#include "support/parsed.h"
#include "support/zipped.h"

#define REL "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#define S " xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main' xmlns:r='" REL "'"
#define RELATIONS(items)                                                                           \
    "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>" items   \
    "</Relationships>"

static const char workbook[] =
    "<workbook" S "><sheets><sheet name='A &amp; B' r:id='r1'/>"
    "<sheet name='Empty' r:id='r2'/>"
    "<sheet name='Hidden' state='hidden' r:id='r3'/></sheets></workbook>";
static const char workbook_rels[] =
    RELATIONS("<Relationship Id='r1' Type='" REL "/worksheet' Target='worksheets/sheet1.xml'/>"
              "<Relationship Id='r2' Type='" REL "/worksheet' Target='/xl/worksheets/sheet2.xml'/>"
              "<Relationship Id='r3' Type='" REL "/worksheet' Target='worksheets/sheet3.xml'/>"
              "<Relationship Id='r4' Type='" REL "/styles' Target='styles.xml'/>"
              "<Relationship Id='r5' Type='" REL "/sharedStrings' Target='sharedStrings.xml'/>");
static const char styles[] =
    "<styleSheet" S "><numFmts><numFmt numFmtId='164' formatCode='0.00\" kg\"'/></numFmts>"
    "<cellStyleXfs><xf numFmtId='14'/></cellStyleXfs>"
    "<cellXfs><xf numFmtId='0'/><xf numFmtId='14'/><xf numFmtId='9'/><xf numFmtId='164'/>"
    "<xf numFmtId='22'/></cellXfs></styleSheet>";
static const char strings[] =
    "<sst" S "><si><t>Tea_x000D_time</t></si><si><r><t>rich </t></r><r><t>text</t></r>"
    "<rPh><t>kana</t></rPh></si></sst>";

static void make(struct zipped *z, const char *rows, const char *rest)
{
    char sheet[8192];
    (void)snprintf(sheet, sizeof(sheet),
                   "<worksheet" S
                   "><dimension ref='A1:D9'/><sheetData>%s</sheetData>%s</worksheet>",
                   rows, rest);
    zipped_begin(z, false, NULL);
    zipped_add(z, "xl/workbook.xml", workbook);
    zipped_add(z, "xl/_rels/workbook.xml.rels", workbook_rels);
    zipped_add(z, "xl/styles.xml", styles);
    zipped_add(z, "xl/sharedStrings.xml", strings);
    zipped_add(z, "xl/worksheets/sheet1.xml", sheet);
    zipped_add(z, "xl/worksheets/sheet2.xml", "<worksheet" S "><sheetData/></worksheet>");
    zipped_add(z, "xl/worksheets/sheet3.xml",
               "<worksheet" S "><sheetData><row><c><v>7</v></c></row></sheetData></worksheet>");
    zipped_end(z);
}

static void check_rest(const char *rows, const char *rest, const char *marked)
{
    struct zipped z;
    struct parsed p;
    make(&z, rows, rest);
    parsed_run(&p, "a.xlsx", z.bytes.ptr, z.bytes.len);
    assert_string_equal(p.format, "xlsx");
    assert_int_equal(p.rc, 0);
    assert_string_equal(p.marked.ptr, marked);
    parsed_deinit(&p);
    zipped_free(&z);
}

static void check(const char *rows, const char *marked)
{
    check_rest(rows, "", marked);
}

#define FIRST "{P1}{H1}A & B{H0}\n\n{B}"
#define LAST "\n\n{B}{P3}{H1}Hidden{H0}\n\n{B}7"

static void test_xlsx__cells_show_what_excel_shows(void **state)
{
    (void)state;
    check("<row r='1'><c r='A1' t='s'><v>0</v></c><c r='B1' t='s'><v>1</v></c>"
          "<c r='C1' t='inlineStr'><is><t>in</t></is></c><c r='D1' t='s'><v>99</v></c></row>"
          "<row r='2'><c r='A2' s='1'><v>44270</v></c><c r='B2' s='2'><v>0.255</v></c>"
          "<c r='C2' s='3'><v>2.5</v></c><c r='D2' s='4'><v>44270.75</v></c></row>"
          "<row r='3'><c r='A3' t='b'><v>1</v></c><c r='B3' t='e'><v>#REF!</v></c>"
          "<c r='C3' t='str'><f>A1</f><v>calc</v></c><c r='D3'><f>1+1</f><v>2</v></c></row>",
          FIRST "Tea time\trich text\tin\n{B}Tea time: 2021-03-15; rich text: 26%; in: 2.50 kg; "
                "2021-03-15 18:00\n{B}Tea time: TRUE; rich text: #REF!; in: calc; 2" LAST);
}

static void test_xlsx__places_of_empty_cells_are_kept(void **state)
{
    (void)state;
    check("<row r='2'><c r='B2'><v>1</v></c><c r='D2'><v>2</v></c></row>"
          "<row r='3'><c r='A3'><v>3</v></c><c r='XFD3'><v>4</v></c></row>"
          "<row r='900000'><c><v>5</v></c></row><row><c r='?'><v>6</v></c></row>",
          FIRST "\t1\t\t2\n{B}3\t4\n\n{B}5\n{B}6" LAST);
}

static void test_xlsx__heads_name_columns(void **state)
{
    (void)state;
#define T(ref, text) "<c r='" ref "' t='inlineStr'><is><t>" text "</t></is></c>"
#define N(ref, number) "<c r='" ref "'><v>" number "</v></c>"
    check("<row r='1'>" T("A1", "Prices 2024") "</row><row r='2'>" T("A2", "Name")
              T("B2", "Price") "</row><row r='3'>" T("A3", "Tea") N(
                  "B3", "3") "</row><row r='4'>" T("A4", "Milk") "</row><row r='6'>" T("A6", "Rum")
                  N("B6", "20") "</row>",
          FIRST "Prices 2024\n{B}Name\tPrice\n{B}Name: Tea; Price: 3\n{B}Milk\n\n{B}"
                "Name: Rum; Price: 20" LAST);
    /* Names over names are a form. */
    check("<row r='1'>" T("A1", "Name") T("B1", "Ann") "</row><row r='2'>" T("A2", "City")
              T("B2", "Rome") "</row>",
          FIRST "Name\tAnn\n{B}City\tRome" LAST);
}

static void test_xlsx__margins_are_read_without_codes(void **state)
{
    (void)state;
    check_rest("<row r='1'>" N("A1", "1") "</row>",
               "<headerFooter><oddHeader>&amp;L&amp;\"Arial,Bold\"&amp;12Draft &amp;&amp; "
               "Co&amp;RPage &amp;P</oddHeader></headerFooter>",
               FIRST "1\n\n{B}Draft & Co Page" LAST);
}

static void test_xlsx__a_binary_workbook_is_refused(void **state)
{
    (void)state;
    struct zipped z;
    struct parsed p;
    zipped_begin(&z, true, NULL);
    zipped_add(
        &z, "_rels/.rels",
        RELATIONS("<Relationship Id='r' Type='" REL "/officeDocument' Target='xl/workbook.bin'/>"));
    zipped_add(&z, "xl/workbook.bin", "binary");
    zipped_end(&z);
    parsed_run(&p, "a.xlsb", z.bytes.ptr, z.bytes.len);
    assert_int_equal(p.rc, WF_E_UNSUPPORTED);
    assert_non_null(strstr(p.err.msg, "XLSB"));
    parsed_deinit(&p);
    zipped_free(&z);
}

static void assert_shown(double value, const char *code, const char *expected)
{
    struct wf_xlsx_format f;
    struct wf_buf out;
    wf_buf_init(&out, 1000);
    wf_xlsx__parse_code(wf_str_from(code), &f);
    assert_int_equal(wf_xlsx__show(&out, value, &f, false), 0);
    assert_string_equal(out.ptr, expected);
    wf_buf_deinit(&out);
}

static void test_xlsx__numbers_have_their_format(void **state)
{
    (void)state;
    assert_shown(1000, "General", "1000");
    assert_shown(0.1 + 0.2, "General", "0.3");
    assert_shown(1e20, "General", "100000000000000000000");
    assert_shown(-2.5e-7, "General", "-0.00000025");
    assert_shown(1234.5, "#,##0.00", "1234.50");
    assert_shown(1234.5, "0.0#", "1234.5");
    assert_shown(-0.001, "0.00", "0.00");
    assert_shown(-3, "0;[Red]-0", "-3");
    assert_shown(7, "00000", "00007");
    assert_shown(9.99, "[$\xe2\x82\xac-407] #,##0.00",
                 "\xe2\x82\xac"
                 "9.99");
    assert_shown(5551234567.0, "(000) 000-0000", "5551234567");
    assert_shown(0.1234, "0.0%", "12.3%");
    assert_shown(12345, "0.0,", "12345");
    assert_shown(12345, "0.00E+00", "12345");
    assert_shown(0.5, "# ?/?", "0.5");
    assert_shown(44270, "d. mmmm yyyy", "2021-03-15");
    assert_shown(44270, "mmm-yy", "2021-03");
    assert_shown(44270.5, "hh:mm AM/PM", "12:00");
    assert_shown(44270.123, "yyyy-mm-dd hh:mm:ss", "2021-03-15 02:57:07");
    assert_shown(1.5, "[h]:mm", "36:00:00");
    assert_shown(59, "yyyy-mm-dd", "1900-02-28");
    assert_shown(61, "yyyy-mm-dd", "1900-03-01");
    assert_shown(-1, "yyyy-mm-dd", "-1");
    assert_shown(1e300, "yyyy", "1e+300");
    assert_shown(5, "0_\xe2\x82\xac", "5"); /* a gap as wide as the sign */
    assert_shown(5, "0\\\xe2\x82\xac", "5\xe2\x82\xac");
    assert_shown(5,
                 "\"12345678\"\xe2\x82\xac"
                 "0",
                 "12345678\xe2\x82\xac"
                 "5");
    assert_shown(5,
                 "\"123456789\"\xe2\x82\xac"
                 "0",
                 "1234567895"); /* no half of it */
}

static void test_xlsx__years_may_begin_in_1904(void **state)
{
    (void)state;
    struct wf_xlsx_format f;
    struct wf_buf out;
    wf_buf_init(&out, 100);
    wf_xlsx__builtin(14, &f);
    assert_int_equal(wf_xlsx__show(&out, 0, &f, true), 0);
    assert_string_equal(out.ptr, "1904-01-01");
    wf_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_xlsx__cells_show_what_excel_shows),
        cmocka_unit_test(test_xlsx__places_of_empty_cells_are_kept),
        cmocka_unit_test(test_xlsx__heads_name_columns),
        cmocka_unit_test(test_xlsx__margins_are_read_without_codes),
        cmocka_unit_test(test_xlsx__a_binary_workbook_is_refused),
        cmocka_unit_test(test_xlsx__numbers_have_their_format),
        cmocka_unit_test(test_xlsx__years_may_begin_in_1904),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
