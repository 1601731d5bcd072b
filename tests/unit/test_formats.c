/* SPDX-License-Identifier: Apache-2.0 */
/* Formats that are text at heart: recognised by content and name, and what text each gives, with
 * borders {B}, headings {H1}..{H0} and pages {P1} shown where they stand. */
#include "ingest/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "ingest/encoding.h"
#include "support/parsed.h"

struct sample {
    const char *name; /* of the file */
    const char *input;
    const char *format; /* the row that is to be chosen */
    const char *marked;
    const char *meta; /* NULL: not looked at */
};

static void check_bytes(const struct sample *s, const char *bytes, size_t n)
{
    struct parsed p;
    parsed_run(&p, s->name, bytes, n);
    assert_string_equal(p.format, s->format);
    if (p.rc != 0) {
        print_error("%s: %s\n", s->name, p.err.msg);
    }
    assert_int_equal(p.rc, 0);
    assert_string_equal(p.marked.ptr, s->marked);
    if (s->meta != NULL) {
        assert_string_equal(p.meta.ptr, s->meta);
    }
    parsed_deinit(&p);
}

static void check_all(const struct sample *samples, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        check_bytes(&samples[i], samples[i].input, strlen(samples[i].input));
    }
}

/* The file is refused with this code and a sentence that holds `words`. */
static void check_refused(const char *name, const char *bytes, size_t n, int code,
                          const char *words)
{
    struct parsed p;
    parsed_run(&p, name, bytes, n);
    assert_int_equal(p.rc, code);
    if (strstr(p.err.msg, words) == NULL) {
        fail_msg("%s: \"%s\" does not hold \"%s\"", name, p.err.msg, words);
    }
    parsed_deinit(&p);
}

static void test_formats__plain_text_is_kept_as_it_is(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"a.txt", "One.\nTwo.\n\nThree.\n", "txt", "One.\nTwo.\n\n{B}Three.\n", NULL},
        {"a.txt", "One\r\nTwo\rThree", "txt", "One\nTwo\nThree", NULL},
        {"a.txt", "One\n \t\n\n\nTwo", "txt", "One\n \t\n\n\n{B}Two", NULL},
        {"a.txt", "One\fTwo\n\fThree", "txt", "{P1}One{B}{P2}Two\n{B}{P3}Three", NULL},
        {"LICENSE", "free", "txt", "free", NULL},
        {"a.unknown", "text", "txt", "text", NULL},
        {"a.pdf", "a text with a wrong name", "txt", "a text with a wrong name", NULL},
        {"a.c", "int a;\n\nint f(void)\n{\n\n    x();\n\n}\n\nint b;\n", "code",
         "int a;\n\n{B}int f(void)\n{\n\n    x();\n\n}\n\n{B}int b;\n", NULL},
    };
    check_all(samples, WF_ARRAY_LEN(samples));
}

static void test_formats__encodings_are_detected(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *text;
#define BYTES(lit) lit, sizeof(lit) - 1
    } cases[] = {
        {BYTES("\xef\xbb\xbf\xc3\xa4"), "\u00e4"},
        {BYTES("\xff\xfeH\0i\0\r\0\n\0\xac\x20"), "Hi\n\u20ac"},
        {BYTES("\xfe\xff\0H\0i"), "Hi"},
        {BYTES("H\0e\0l\0l\0o\0 \0W\0o\0r\0l\0d\0"), "Hello World"},
        {BYTES("\0H\0e\0l\0l\0o\0 \0W\0o\0r\0l\0d"), "Hello World"},
        {BYTES("\x93smart\x94 caf\xe9, na\xefve r\xe9sum\xe9"),
         "\u201csmart\u201d caf\u00e9, na\u00efve r\u00e9sum\u00e9"},
        {BYTES("A caf\xe9"), "A caf\u00e9"},
        {BYTES("mostly \xc3\xa4 \xc3\xb6 \xc3\xbc \xc3\x9f \xc3\xa4 fine \xff bad"),
         "mostly \u00e4 \u00f6 \u00fc \u00df \u00e4 fine \ufffd bad"},
        {BYTES("\x1b$B%F%9%H\x1b(B"), "\u30c6\u30b9\u30c8"},
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct parsed p;
        parsed_run(&p, "a.txt", cases[i].bytes, cases[i].n);
        if (p.rc != 0) {
            fail_msg("case %zu: %s", i, p.err.msg);
        }
        assert_string_equal(p.text.ptr, cases[i].text);
        parsed_deinit(&p);
    }
    assert_string_equal(wf_encoding_guess(WF_STR("\xe4"), WF_STR("Latin1"), NULL), "WINDOWS-1252");
    assert_string_equal(wf_encoding_guess(WF_STR("\xc3\xa4"), WF_STR("latin1"), NULL), "UTF-8");
    assert_string_equal(wf_encoding_guess(WF_STR("\xe4"), WF_STR("cp1251"), NULL), "WINDOWS-1251");
    assert_null(wf_encoding_known(WF_STR("klingon")));
}

/* The encoding shows only far behind the beginning, and lines are longer than a block. */
static void test_formats__late_bytes_decide_too(void **state)
{
    (void)state;
    size_t n = 3u << 20;
    char *bytes = wf_alloc(n);
    struct parsed p;
    assert_non_null(bytes);
    memset(bytes, 'a', n);
    memcpy(bytes + n - 6, "\n Stra\xdf", 6);
    bytes[n - 1] = '\xdf';
    parsed_run(&p, "a.txt", bytes, n);
    assert_int_equal(p.rc, 0);
    assert_int_equal(p.text.len, n + 1);
    assert_string_equal(p.text.ptr + p.text.len - 2, "\u00df");
    parsed_deinit(&p);
    for (size_t i = 0; i + 3 <= n; i += 3) {
        memcpy(bytes + i, "\u20ac", 3);
    }
    parsed_run(&p, "a.txt", bytes, n);
    assert_int_equal(p.rc, 0);
    assert_memory_equal(p.text.ptr, bytes, n);
    parsed_deinit(&p);
    wf_free(bytes);
}

static void test_formats__html_is_read_as_a_person_reads_it(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"a.html",
         "<html lang='de'><head><title> My\n page </title><meta name=author content=Ada>"
         "<style>x</style></head><body><nav>Menu</nav><h1>One &amp; <i>two</i></h1><p>A\n  b<br>c"
         "<p>d<script>no()</script></body></html>",
         "html", "{H1}One & two{H0}\n\n{B}A b\nc\n\n{B}d",
         "language=de\ntitle=My page\nauthor=Ada\n"},
        {"a.htm", "<ul><li>one<li>two<ol><li>x</ol></ul>end", "html",
         "- one\n{B}- two\n{B}1. x\n\n{B}end", NULL},
        {"a.html", "<table><tr><th>Name<th>Age<tr><td><p>Ann</p><td>3<tr><td><td>4</table>", "html",
         "Name\tAge\n{B}Ann\t3\n{B}\t4", NULL},
        {"a.html", "<pre>a\n  b\n</pre><div style='display: none'>x</div><p hidden>y</p>z", "html",
         "a\n  b\n\n{B}z", NULL},
        {"", "<!DOCTYPE html><p>a<br><br>b&nbsp;&nbsp;c&shy;d", "html", "a\n\n{B}b cd", NULL},
        {"a.html", "<title>Only this</title>", "html", "{H1}Only this{H0}", NULL},
        {"a.html", "<meta charset=iso-8859-1><p>\xe4", "html", "\u00e4", NULL},
        {"a.html", "<meta charset=iso-8859-1><p>\xc3\xa4", "html", "\u00e4", NULL},
        {"a.html", "<p>out<iframe srcdoc='&lt;b&gt;in&lt;/b&gt;'></iframe>", "html", "out\n\n{B}in",
         NULL},
    };
    check_all(samples, WF_ARRAY_LEN(samples));
}

static void test_formats__markdown_loses_its_marks(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"a.md", "# A *b*\nText [link](u) `c`\nwrapped &copy;.\n\n* x\n* y\n\n3. z\n", "md",
         "{H1}A b{H0}\n\n{B}Text link c wrapped \u00a9.\n\n{B}- x\n{B}- y\n\n{B}3. z", NULL},
        {"a.md", "|a|b|\n|---|---|\n|1|2|\n\n```\nx  y\n```\n\n- [x] done\n", "md",
         "a\tb\n{B}1\t2\n\n{B}x  y\n\n{B}- [x] done", NULL},
        {"a.md", "---\ntitle: 'T'\ntags: a, b\n---\nText\n", "md",
         "title: 'T'\ntags: a, b\n\n{B}Text", "title=T\nkeywords=a, b\n"},
        {"a.md", "---\nno settings\n", "md", "no settings", NULL},
        {"a.md", "<p>raw <b>html</b></p>\n\nx<br>y &#x41;", "md", "raw html\n\n{B}x\ny A", NULL},
    };
    check_all(samples, WF_ARRAY_LEN(samples));
}

static void test_formats__csv_rows_explain_themselves(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"a.csv", "Name,Price\nTea,3\n\"a \"\"b\"\",\nc\",\n", "csv",
         "Name: Tea; Price: 3\n\n{B}Name: a \"b\", c", NULL},
        {"a.csv", "Name;Price\nTea;3,5\n", "csv", "Name: Tea; Price: 3,5", NULL},
        {"a.tsv", "Name\tPrice\nTea\t3\n", "csv", "Name: Tea; Price: 3", NULL},
        {"a.csv", "1,2\n3,4\n", "csv", "1\t2\n{B}3\t4", NULL},
        {"a.csv", "sep=|\nName|Age\nAnn|7\n", "csv", "Name: Ann; Age: 7", NULL},
        {"a.csv", "just a line\nand another\n", "csv", "just a line\nand another\n", NULL},
        {"a.csv", "Name,Age\n", "csv", "Name\tAge", NULL},
    };
    check_all(samples, WF_ARRAY_LEN(samples));
}

static void test_formats__an_open_quote_does_not_swallow_a_csv(void **state)
{
    (void)state;
    struct wf_buf b;
    struct parsed p;
    wf_buf_init(&b, 8u << 20);
    wf_buf_append_cstr(&b, "Name,Note\nx,\"open\n");
    for (int i = 0; i < 100000; i++) {
        wf_buf_append_cstr(&b, "row,of the table\n");
    }
    wf_buf_append_cstr(&b, "last,one\n");
    parsed_run(&p, "a.csv", b.ptr, b.len);
    assert_int_equal(p.rc, 0);
    assert_string_equal(p.warnings.ptr, "a quote in row 2 is not closed\n");
    assert_non_null(strstr(p.text.ptr, "Name: last; Note: one"));
    parsed_deinit(&p);
    wf_buf_deinit(&b);
}

static void test_formats__json_values_have_paths(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"a.json",
         "{\"a\":{\"b\":\"x \\u00e4\\ud83d\\ude00\",\"c\":[1,\"y\"],\"d\":null,\"e\":\"\"}}",
         "json", "a.b: x \u00e4\U0001f600\na.c: 1, y", NULL},
        {"a.json", "[{\"a\":1},{\"a\":true,\"b\":[{\"c\":2}]}]", "json",
         "a: 1\n\n{B}a: true\n\n{B}b[0].c: 2", NULL},
        {"a.jsonl", "{\"a\":1}\n{\"a\":2}\n", "json", "a: 1\n\n{B}a: 2", NULL},
        {"", "{\"a\": \"no name\"}", "json", "a: no name", NULL},
    };
    struct parsed p;
    check_all(samples, WF_ARRAY_LEN(samples));
    parsed_run(&p, "a.json", "{\"a\":1,\"b\":tru, rest", 20);
    assert_string_equal(p.text.ptr, "a: 1\n\ntru, rest");
    assert_string_equal(p.warnings.ptr, "no valid JSON from line 1 on: taken in as plain text\n");
    parsed_deinit(&p);
}

static void test_formats__json_nests_only_so_deep(void **state)
{
    (void)state;
    char bytes[4 * WF_LIMIT_NESTING];
    for (size_t depth = WF_LIMIT_NESTING; depth <= WF_LIMIT_NESTING + 1; depth++) {
        struct parsed p;
        memset(bytes, '[', depth);
        bytes[depth] = '1';
        memset(bytes + depth + 1, ']', depth);
        parsed_run(&p, "a.json", bytes, 2 * depth + 1);
        assert_int_equal(p.rc, 0);
        assert_int_equal(p.warnings.len > 0, depth > WF_LIMIT_NESTING);
        parsed_deinit(&p);
    }
}

static void test_formats__subtitles_become_paragraphs(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"a.vtt",
         "WEBVTT\n\nNOTE no\n\n1\n00:01.000 --> 00:02.000 align:left\n<v Ann>Hello "
         "&amp;\n<i>you</i>\n"
         "\n00:03.000 --> 00:04.000\n<v Bob>Hi.\n\n01:00:09.000 --> 01:00:10.000\nBye.\n",
         "vtt", "[00:00:01] Ann: Hello & you\n\n{B}[00:00:03] Bob: Hi.\n\n{B}[01:00:09] Bob: Bye.",
         NULL},
        {"a.srt",
         "1\n00:00:01,000 --> 00:00:02,000\n{\\an8}One\n\n2\n00:00:02,500 --> 00:00:04,000\n"
         "One\ntwo\n",
         "srt", "[00:00:01] One two", NULL},
    };
    check_all(samples, WF_ARRAY_LEN(samples));
}

#define MAIL                                                                                       \
    "From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\nTo: a@example.org\nSubject: Gr=?iso-8859-1?q?" \
    "=FC=DFe?=\nDate: Tue, 5 Mar 2024 10:00:00 +0100\nMIME-Version: 1.0\n"
#define MAIL_HEAD                                                                                  \
    "From: J\u00fcrgen <j@example.org>\nTo: a@example.org\nDate: Tuesday, 5 March 2024, 10:00 "    \
    "(UTC+01:00)\n\n{B}"

static void test_formats__mail_shows_who_when_and_what(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"a.eml",
         MAIL "Content-Type: text/plain; charset=utf-8; format=flowed\n"
              "Content-Transfer-Encoding: quoted-printable\n\nHello =C3=A4 \nthere.\n\nBye\n",
         "eml", "{H1}Gr\u00fc\u00dfe{H0}\n\n{B}" MAIL_HEAD "Hello \u00e4 there.\n\n{B}Bye",
         "date=2024-03-05T10:00:00+01:00\ntitle=Gr\u00fc\u00dfe\n"
         "author=J\u00fcrgen <j@example.org>\n"},
        {"a.eml",
         "From: a@example.org\nSubject: s\nMessage-ID: <1@example.org>\nContent-Type: "
         "multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/alternative; boundary=y\n\n"
         "--y\nContent-Type: text/plain\n\nplain words\n--y\nContent-Type: text/html\n\n<p>rich\n"
         "--y--\n--x\nContent-Type: text/csv\nContent-Disposition: attachment; filename=t.csv\n\n"
         "Name,Age\nAnn,3\n--x\nContent-Type: application/pdf; name=p.pdf\n\nJV\n--x\n"
         "Content-Type: message/rfc822\n\nFrom: c@example.org\nSubject: Inner\n\nInner text\n"
         "--x--\n",
         "eml",
         "{H1}s{H0}\n\n{B}From: a@example.org\n\n{B}plain words\n\n{B}Attachment: t.csv\n\n"
         "{B}Name: Ann; Age: 3\n\n{B}Attachment: p.pdf\n\n{B}{H2}Inner{H0}\n\n"
         "{B}From: c@example.org\n\n{B}Inner text",
         NULL},
        {"a.mbox",
         "From a@example.org Sat Jan  3 01:05:34 1996\nFrom: a@example.org\nSubject: One\n\nText\n"
         ">From here\nFrom the heart\n\nFrom b@example.org Sat Jan  3 01:05:34 1996\nSubject: Two\n"
         "\nMore\n",
         "mbox",
         "{H1}One{H0}\n\n{B}From: a@example.org\n\n{B}Text\nFrom here\nFrom the heart\n\n"
         "{B}{H1}Two{H0}\n\n{B}More",
         NULL},
    };
    check_all(samples, WF_ARRAY_LEN(samples));
}

static void test_formats__an_encrypted_mail_says_so(void **state)
{
    (void)state;
    static const char mail[] =
        "From: a@example.org\nSubject: s\nMessage-ID: <1@x>\nContent-Type: multipart/encrypted; "
        "boundary=b; protocol=\"application/pgp-encrypted\"\n\n--b\nContent-Type: "
        "application/pgp-encrypted\n\nVersion: 1\n--b\nContent-Type: "
        "application/octet-stream\n\nx\n"
        "--b--\n";
    struct parsed p;
    parsed_run(&p, "a.eml", mail, sizeof(mail) - 1);
    assert_int_equal(p.rc, 0);
    assert_string_equal(p.warnings.ptr, "the message, or a part of it, is encrypted\n");
    parsed_deinit(&p);
}

static void test_formats__calendars_read_like_a_diary(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"a.ics",
         "BEGIN:VCALENDAR\r\nX-WR-CALNAME:Work\r\nBEGIN:VEVENT\r\nSUMMARY:Weekly\\, review\r\n"
         "DTSTART;TZID=Europe/Berlin:20240304T100000\r\nDURATION:PT1H\r\n"
         "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,-1FR;COUNT=10\r\n"
         "EXDATE;TZID=Europe/Berlin:20240318T100000\r\nATTENDEE;CN=Ada;PARTSTAT=ACCEPTED:mailto:"
         "ada@example.org\r\nLOCATION:Room 2\r\nDESCRIPTION:First\\nsec\r\n ond\r\nBEGIN:VALARM\r\n"
         "DESCRIPTION:no\r\nEND:VALARM\r\nEND:VEVENT\r\nBEGIN:VTODO\r\nSUMMARY:Buy\r\n"
         "DUE;VALUE=DATE:20240401\r\nEND:VTODO\r\nEND:VCALENDAR\r\n",
         "ics",
         "{H1}Work{H0}\n\n{B}{H2}Weekly, review{H0}\n\n{B}When: Monday, 4 March 2024, 10:00 to "
         "11:00 "
         "(Europe/Berlin)\nRepeats: every 2 weeks on Monday, the last Friday, 10 times\nNot on: "
         "Monday, 18 March 2024, 10:00\nLocation: Room 2\nAttendees: Ada <ada@example.org> "
         "(accepted)\n\n{B}First\nsecond\n\n{B}{H2}Buy{H0}\n\n{B}Due: Monday, 1 April 2024",
         "title=Work\n"},
        {"",
         "BEGIN:VEVENT\nDTSTART;VALUE=DATE:20240304\nDTEND;VALUE=DATE:20240306\nSUMMARY:Trip\n"
         "RRULE:FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=4;UNTIL=20300101\nEND:VEVENT\n",
         "ics",
         "{H2}Trip{H0}\n\n{B}When: Monday, 4 March 2024 to Tuesday, 5 March 2024 (all day)\n"
         "Repeats: every year on day 4 in March, until Tuesday, 1 January 2030",
         "title=Trip\n"},
    };
    struct parsed p;
    check_all(samples, WF_ARRAY_LEN(samples));
    static const char cut[] =
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Cut\nNONSENSE\nDTSTART:20240304T100000Z\n";
    parsed_run(&p, "a.ics", cut, sizeof(cut) - 1);
    assert_int_equal(p.rc, 0);
    assert_string_equal(p.text.ptr, "Cut\n\nWhen: Monday, 4 March 2024, 10:00 (UTC)");
    assert_non_null(strstr(p.warnings.ptr, "cut off at its end"));
    assert_non_null(strstr(p.warnings.ptr, "NONSENSE"));
    parsed_deinit(&p);
    static const char empty[] = "BEGIN:VCALENDAR\nEND:VCALENDAR\n";
    check_refused("a.ics", empty, sizeof(empty) - 1, WF_E_FORMAT, "no entries");
}

static void test_formats__rtf_gives_its_text(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"a.rtf",
         "{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0\\fcharset0 A;}{\\f1\\fcharset204 "
         "C;}}{\\info{\\title T}{\\author Me}}{\\*\\generator "
         "x;}\\pard\\outlinelevel0 Head\\par\\pard "
         "Gr\\'fc\\'dfe \\u8364? \\u-10179?\\u-8704?.{\\f1 \\'e4\\'e0}\\par super{\\footnote "
         "note}cali\\tab x\\line y\\par{\\pict\\bin4 {{{{ff}\\v hid\\v0 end}",
         "rtf",
         "{H1}Head{H0}\n\n{B}Gr\u00fc\u00dfe \u20ac \U0001f600.\u0434\u0430\n\n{B}supercali "
         "x\ny\n\n"
         "{B}end\n\n{B}Note: note",
         "title=T\nauthor=Me\n"},
        {"", "{\\rtf1 \\trowd\\intbl a\\cell b\\cell\\row\\intbl c\\cell\\row", "rtf", "a\tb\n{B}c",
         NULL},
    };
    check_all(samples, WF_ARRAY_LEN(samples));
}

static void test_formats__xml_text_is_found_whatever_the_elements(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"a.xml",
         "<?xml version='1.0'?><feed><title>F</title><e><n>First</n><p>Some <b>bold</b> "
         "&amp;</p></e><e>x</e></feed>",
         "xml", "F\n{B}First\n{B}Some bold &\n\n{B}x", "title=F\n"},
    };
    check_all(samples, WF_ARRAY_LEN(samples));
}

/* A bomb of entities and a file of the machine: neither is expanded. */
static void test_formats__xml_entities_stay_shut(void **state)
{
    (void)state;
    static const char bomb[] =
        "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;'><!ENTITY f SYSTEM "
        "'file:///etc/passwd'>]><x><p>one &b;</p><p>&f;</p><p>two</p></x>";
    struct parsed p;
    parsed_run(&p, "a.xml", bomb, sizeof(bomb) - 1);
    assert_int_equal(p.rc, 0);
    assert_null(strstr(p.text.ptr, "root"));
    assert_null(strstr(p.text.ptr, "aaaaaaaaaa"));
    assert_non_null(strstr(p.text.ptr, "two"));
    parsed_deinit(&p);
}

static void test_formats__refusals_name_the_reason(void **state)
{
    (void)state;
#define OLE2 "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    static const struct {
        const char *name, *bytes;
        size_t n;
        int code;
        const char *words;
    } cases[] = {
        {"a.txt", "", 0, WF_E_FORMAT, "empty"},
        {"a.txt", " \n\n ", 4, WF_E_FORMAT, "holds no text"},
        {"a.md", "***\n", 4, WF_E_FORMAT, "holds no text"},
        {"a.doc", OLE2 "....W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t\0\0\0", 38, WF_E_UNSUPPORTED,
         "DOCX"},
        {"a.doc", OLE2 "....w\0o\0r\0d\0d\0o\0c\0u\0m\0e\0n\0t\0\0\0", 38, WF_E_UNSUPPORTED,
         "DOCX"},
        {"a.xls", OLE2 "....W\0o\0r\0k\0b\0o\0o\0k\0\0\0", 30, WF_E_UNSUPPORTED, "XLSX"},
        {"a.docx", OLE2 "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0\0\0", 42, WF_E_ENCRYPTED,
         "encrypted"},
        {"a.exe", "MZ\0\0\0\0", 6, WF_E_UNSUPPORTED, "Windows program"},
        {"a",
         "\x7f"
         "ELF\1\1\1\0",
         8, WF_E_UNSUPPORTED, "program"},
        {"a.mp4",
         "\0\0\0\x18"
         "ftypmp42",
         12, WF_E_UNSUPPORTED, "video"},
        {"a.mp3", "ID3\3\0\0\0", 7, WF_E_UNSUPPORTED, "audio"},
        {"a.gz", "\x1f\x8b\x08\0", 4, WF_E_UNSUPPORTED, "gzip"},
        {"a.bin", "\0\1\2\3\4\5\6\7", 8, WF_E_UNSUPPORTED, "binary data"},
        {"a.txt", "\0\1\2\3\4\5\6\7", 8, WF_E_UNSUPPORTED, "binary data"},
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        check_refused(cases[i].name, cases[i].bytes, cases[i].n, cases[i].code, cases[i].words);
    }
}

static void test_formats__every_row_is_complete(void **state)
{
    (void)state;
    const struct wf_format *f;
    for (size_t i = 0; (f = wf_format_at(i)) != NULL; i++) {
        assert_non_null(f->id);
        assert_non_null(f->title);
        assert_non_null(f->media_type);
        assert_non_null(f->extensions);
        assert_non_null(f->parse);
        assert_int_equal(wf_format_index(f), i);
        assert_ptr_equal(wf_format_by_id(wf_str_from(f->id)), f);
        assert_true(i < 256); /* it travels as a byte */
    }
}

/* Memory fails at every allocation in turn: an error or less text, never a crash. */
static void test_formats__failing_memory_is_survived(void **state)
{
    (void)state;
    static const struct {
        const char *name, *bytes;
    } inputs[] = {
        {"a.txt", "One\r\n\nTwo \xe4\n"},    {"a.csv", "Name,Age\nAnn,3\n"},
        {"a.json", "{\"a\":{\"b\":\"x\"}}"}, {"a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nHi\n"},
        {"a.rtf", "{\\rtf1 a \\'e4 b}"},     {"a.md", "# a\n\nb &amp; c\n\n<p>d</p>\n"},
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(inputs); i++) {
        for (uint64_t k = 1; k < 200; k++) {
            struct parsed p;
            wf_alloc_fail_at(k);
            parsed_run(&p, inputs[i].name, inputs[i].bytes, strlen(inputs[i].bytes));
            bool failed = wf_alloc_failed();
            wf_alloc_fail_at(0);
            parsed_deinit(&p);
            if (!failed) {
                break;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats__plain_text_is_kept_as_it_is),
        cmocka_unit_test(test_formats__encodings_are_detected),
        cmocka_unit_test(test_formats__late_bytes_decide_too),
        cmocka_unit_test(test_formats__html_is_read_as_a_person_reads_it),
        cmocka_unit_test(test_formats__markdown_loses_its_marks),
        cmocka_unit_test(test_formats__csv_rows_explain_themselves),
        cmocka_unit_test(test_formats__an_open_quote_does_not_swallow_a_csv),
        cmocka_unit_test(test_formats__json_values_have_paths),
        cmocka_unit_test(test_formats__json_nests_only_so_deep),
        cmocka_unit_test(test_formats__subtitles_become_paragraphs),
        cmocka_unit_test(test_formats__mail_shows_who_when_and_what),
        cmocka_unit_test(test_formats__an_encrypted_mail_says_so),
        cmocka_unit_test(test_formats__calendars_read_like_a_diary),
        cmocka_unit_test(test_formats__rtf_gives_its_text),
        cmocka_unit_test(test_formats__xml_text_is_found_whatever_the_elements),
        cmocka_unit_test(test_formats__xml_entities_stay_shut),
        cmocka_unit_test(test_formats__refusals_name_the_reason),
        cmocka_unit_test(test_formats__every_row_is_complete),
        cmocka_unit_test(test_formats__failing_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
