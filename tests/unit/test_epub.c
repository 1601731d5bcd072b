/* SPDX-License-Identifier: Apache-2.0 */
/* Books: chapters in order, titles from the table of contents, damage and locks. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/parsed.h"
#include "support/zipped.h"

#define CHAPTER(body)                                                                              \
    "<?xml version='1.0' encoding='utf-8'?><html xmlns='http://www.w3.org/1999/xhtml'><head>"      \
    "<title>not the book's</title></head><body>" body "</body></html>"
#define PACKAGE(manifest, spine)                                                                   \
    "<package xmlns='http://www.idpf.org/2007/opf'><metadata "                                     \
    "xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:title>The Book</dc:title>"                    \
    "<dc:title>Subtitle</dc:title><dc:creator>Ann</dc:creator><dc:creator>Bob</dc:creator>"        \
    "<dc:date>Wed Jun 13</dc:date><dc:language>en</dc:language></metadata><manifest>" manifest     \
    "</manifest><spine toc='ncx'>" spine "</spine></package>"
#define ITEM(id, href) "<item id='" id "' href='" href "' media-type='application/xhtml+xml'/>"

static const char container[] =
    "<container xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><rootfiles>"
    "<rootfile full-path='OPS/book.opf'/></rootfiles></container>";
static const char package[] = PACKAGE(
    ITEM("one", "text/one.xhtml") ITEM("two", "text/two%20b.xhtml")
        ITEM("three",
             "three.xhtml") "<item id='ncx' href='toc.ncx' "
                            "media-type='application/x-dtbncx+xml'/><item id='css' href='a.css' "
                            "media-type='text/css'/>",
    "<itemref idref='two'/><itemref idref='one'/><itemref idref='three'/>");
static const char ncx[] =
    "<ncx xmlns='http://www.daisy.org/z3986/2005/ncx/'><navMap><navPoint><navLabel><text>Part One"
    "</text></navLabel><content src='text/one.xhtml'/><navPoint><navLabel><text>Inner</text>"
    "</navLabel><content src='three.xhtml#x'/></navPoint></navPoint><navPoint><navLabel>"
    "<text>Has its own</text></navLabel><content "
    "src='text/two%20b.xhtml'/></navPoint></navMap></ncx>";

static void make(struct zipped *z, const char *opf, const char *encryption)
{
    zipped_begin(z, true, NULL);
    zipped_add(z, "mimetype", "application/epub+zip");
    zipped_add(z, "META-INF/container.xml", container);
    zipped_add(z, "META-INF/encryption.xml", encryption);
    zipped_add(z, "OPS/book.opf", opf);
    zipped_add(z, "OPS/toc.ncx", ncx);
    zipped_add(z, "OPS/text/one.xhtml", CHAPTER("<p>First <b>text</b>.</p>"));
    zipped_add(z, "OPS/text/two b.xhtml", CHAPTER("<h1>Two</h1><p>Second.</p>"));
    zipped_add(z, "OPS/three.xhtml", CHAPTER("<p>Third.</p>"));
    zipped_end(z);
}

static void test_epub__chapters_come_in_the_order_of_the_spine(void **state)
{
    (void)state;
    struct zipped z;
    struct parsed p;
    make(&z, package, "<encryption/>");
    parsed_run(&p, "a.epub", z.bytes.ptr, z.bytes.len);
    assert_string_equal(p.format, "epub");
    assert_int_equal(p.rc, 0);
    assert_string_equal(p.marked.ptr,
                        "{H1}Two{H0}\n\n{B}Second.\n\n{B}{H1}Part One{H0}\n\n{B}First text.\n\n{B}"
                        "{H2}Inner{H0}\n\n{B}Third.");
    assert_string_equal(p.meta.ptr, "title=The Book\nauthor=Ann, Bob\nlanguage=en\n");
    assert_string_equal(p.warnings.ptr, "");
    parsed_deinit(&p);
    zipped_free(&z);
}

static void test_epub__a_book_without_its_package_is_read_as_it_lies(void **state)
{
    (void)state;
    struct zipped z;
    struct parsed p;
    make(&z, "<package/>", "<encryption/>");
    parsed_run(&p, "a.epub", z.bytes.ptr, z.bytes.len);
    assert_int_equal(p.rc, 0);
    assert_string_equal(p.text.ptr, "First text.\n\nTwo\n\nSecond.\n\nThird.");
    assert_non_null(strstr(p.warnings.ptr, "damaged"));
    parsed_deinit(&p);
    zipped_free(&z);
}

#define ENCRYPTED(method, uri)                                                                     \
    "<encryption xmlns:e='http://www.w3.org/2001/04/xmlenc#'><e:EncryptedData>"                    \
    "<e:EncryptionMethod Algorithm='" method "'/><e:CipherData><e:CipherReference URI='" uri       \
    "'/></e:CipherData></e:EncryptedData></encryption>"

static void test_epub__copy_protection_is_told_scrambled_fonts_are_not(void **state)
{
    (void)state;
    struct zipped z;
    struct parsed p;
    make(&z, package,
         ENCRYPTED("http://www.w3.org/2001/04/xmlenc#aes128-cbc", "OPS/text/one.xhtml"));
    parsed_run(&p, "a.epub", z.bytes.ptr, z.bytes.len);
    assert_int_equal(p.rc, WF_E_ENCRYPTED);
    assert_non_null(strstr(p.err.msg, "DRM"));
    parsed_deinit(&p);
    zipped_free(&z);
    make(&z, package, ENCRYPTED("http://www.idpf.org/2008/embedding", "OPS/text/one.xhtml"));
    parsed_run(&p, "a.epub", z.bytes.ptr, z.bytes.len);
    assert_int_equal(p.rc, 0);
    parsed_deinit(&p);
    zipped_free(&z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epub__chapters_come_in_the_order_of_the_spine),
        cmocka_unit_test(test_epub__a_book_without_its_package_is_read_as_it_lies),
        cmocka_unit_test(test_epub__copy_protection_is_told_scrambled_fonts_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
