/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences: each rule by an example, in the languages that need it, and what holds of any text. */
#include "text/sentence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "text/utf8.h"

/* The sentences of `text` joined by '|', line breaks within as '~'. */
static void expect(const char *text, const char *expected)
{
    char got[4096];
    size_t n = 0, i = 0;
    struct wf_sentence s;
    while (wf_sentence_next(wf_str_from(text), &i, &s)) {
        if (n > 0)
            got[n++] = '|';
        for (size_t k = s.start; k < s.end; k++)
            got[n++] = text[k] == '\n' ? '~' : text[k];
        assert_true(n < sizeof got - 2);
    }
    got[n] = 0;
    assert_string_equal(got, expected);
}

static void test_sentence__ends_at_marks(void **state)
{
    (void)state;
    expect("", "");
    expect(" \n\t ", "");
    expect("One", "One");
    expect("One. Two! Three? Four", "One.|Two!|Three?|Four");
    expect("It is 3.5 km. See example.com now.", "It is 3.5 km.|See example.com now.");
    expect("Wait... what? No... Yes.", "Wait... what?|No...|Yes.");
    expect("Really?! Yes.", "Really?!|Yes.");
}

static void test_sentence__keeps_abbreviations_together(void **state)
{
    (void)state;
    expect("Dr. Smith met Mrs. Jones. They left.", "Dr. Smith met Mrs. Jones.|They left.");
    expect("See Fig. 3 and p. 5, e.g. Tables. No. It is not.",
           "See Fig. 3 and p. 5, e.g. Tables.|No.|It is not.");
    expect("Am 3. Oktober war z. B. Berlin bzw. Bonn da. Er ging.",
           "Am 3. Oktober war z. B. Berlin bzw. Bonn da.|Er ging.");
    expect("Das war 1990. Er ging.", "Das war 1990.|Er ging.");
    expect("La Sra. Garc\u00EDa vive en la avda. Mayor. Es as\u00ED.",
           "La Sra. Garc\u00EDa vive en la avda. Mayor.|Es as\u00ED.");
    expect("M. Dupont et Mme. Roux, cf. Lyon, etc. Ils sont l\u00E0.",
           "M. Dupont et Mme. Roux, cf. Lyon, etc.|Ils sont l\u00E0.");
}

static void test_sentence__knows_initials_and_acronyms(void **state)
{
    (void)state;
    expect("J. R. Tolkien and George W. Bush met.", "J. R. Tolkien and George W. Bush met.");
    expect("The U.S. Army came to the U.S. The army left.",
           "The U.S. Army came to the U.S.|The army left.");
    expect("Come at 5 p.m. The door is open.", "Come at 5 p.m.|The door is open.");
}

static void test_sentence__minds_quotes_and_brackets(void **state)
{
    (void)state;
    expect("\"Hi!\" he said. \"Go.\" She went.", "\"Hi!\" he said.|\"Go.\"|She went.");
    expect("It is so. (See there.) Then.[12] End.", "It is so.|(See there.)|Then.[12]|End.");
    expect("\u00AB Quoi ! \u00BB dit-il. \u00AB Bon. \u00BB Il part.",
           "\u00AB Quoi ! \u00BB dit-il.|\u00AB Bon. \u00BB|Il part.");
    expect("\u201EHallo.\u201C Er ging. \u00BBJa.\u00AB Sie auch.",
           "\u201EHallo.\u201C|Er ging.|\u00BBJa.\u00AB|Sie auch.");
    expect("\u00BFQu\u00E9? \u00A1S\u00ED! \u00C9l.", "\u00BFQu\u00E9?|\u00A1S\u00ED!|\u00C9l.");
}

static void test_sentence__reads_other_scripts(void **state)
{
    (void)state;
    expect("\u4F60\u597D\u5417\uFF1F\u5F88\u597D\u3002",
           "\u4F60\u597D\u5417\uFF1F|\u5F88\u597D\u3002");
    expect("\u300C\u306F\u3044\u3002\u300D\u3068\u8A00\u3063\u305F\u3002\u6B21\u3002",
           "\u300C\u306F\u3044\u3002\u300D\u3068\u8A00\u3063\u305F\u3002|\u6B21\u3002");
    expect("\u0915 \u0916\u0964 \u0917", "\u0915 \u0916\u0964|\u0917");
    expect("\u0645\u0627\u061F \u0646\u0639\u0645. \u0644\u0627",
           "\u0645\u0627\u061F|\u0646\u0639\u0645.|\u0644\u0627");
    expect("\u03A4\u03B9; \u039D\u03B1\u03B9.", "\u03A4\u03B9;|\u039D\u03B1\u03B9.");
    expect("\u041E\u043D \u0432 1999 \u0433. \u0443\u0448\u0435\u043B. \u0414\u0430.",
           "\u041E\u043D \u0432 1999 \u0433. \u0443\u0448\u0435\u043B.|\u0414\u0430.");
}

static void test_sentence__cuts_thai_at_spaces_only_when_long(void **state)
{
    (void)state;
    char text[1000] = "";
    for (int i = 0; i < 10; i++)
        strcat(text, "\u0E01\u0E02\u0E04\u0E07\u0E08\u0E09\u0E0A\u0E0B\u0E0C\u0E0D ");
    size_t i = 0, n = 0;
    struct wf_sentence s;
    while (wf_sentence_next(wf_str_from(text), &i, &s))
        n++;
    assert_int_equal(n, 2); /* 310 bytes; the first ends at the first space behind 200 */
}

static void test_sentence__judges_line_breaks(void **state)
{
    (void)state;
    expect("One two\n\nthree", "One two|three");
    expect("a wrapped line of text goes on\nhere in lower case",
           "a wrapped line of text goes on~here in lower case");
    expect("Introduction\nThis is the first line of a text that is wrapped at\nsome width.",
           "Introduction|This is the first line of a text that is wrapped at~some width.");
    expect("It was the idea of the then famous President\nLincoln of the United States, who had "
           "it\nfirst.",
           "It was the idea of the then famous President~Lincoln of the United States, who had "
           "it~first.");
    expect("We need:\n- milk\n- bread\n2) more\n(a) this",
           "We need:|- milk|- bread|2) more|(a) this");
    expect("1. First thing. More\n2. Second", "1. First thing.|More|2. Second");
    expect("Project Manager: so we go on with it then\nMarketing: yes and the next one is you I "
           "think\nGrad A: ok",
           "Project Manager: so we go on with it then|Marketing: yes and the next one is you I "
           "think|Grad A: ok");
    expect("# Title of a section that is rather long indeed\nthe text",
           "# Title of a section that is rather long indeed|the text");
    expect("<speaker name=\"Ann\">\nWe go on with this.\n<p>\nAnd then",
           "<speaker name=\"Ann\">|We go on with this.|<p>|And then");
    expect("as it is shown with much detail in the books\n[12] and then in the long issue",
           "as it is shown with much detail in the books~[12] and then in the long issue");
    expect("name\tage of them all in this table\nAlice\t7",
           "name\tage of them all in this table|Alice\t7");
}

static void test_sentence__bounds_length(void **state)
{
    (void)state;
    static char text[100000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 6 == 5 ? ' ' : 'x';
    size_t i = 0, at = 0;
    struct wf_sentence s;
    while (wf_sentence_next((struct wf_str){text, sizeof text}, &i, &s)) {
        assert_true(s.end - s.start <= 1200);
        assert_true(s.start - at <= 1);
        at = s.end;
    }
    assert_true(sizeof text - at <= 1);
}

static bool is_white(const char *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint32_t cp = wf_utf8_next((struct wf_str){p, n}, &i);
        bool white = cp <= ' ' || cp == 0x85 || cp == 0xA0 || (cp >= 0x2000 && cp <= 0x200B) ||
                     cp == 0x2028 || cp == 0x2029 || cp == 0x202F || cp == 0x3000 || cp == 0xFEFF;
        if (!white)
            return false;
    }
    return true;
}

static void test_sentence__covers_any_text(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "a",       "Bc",      " ",      "\n", ". ", ".",      "!",      "?\" ",   "1",
        "1.",      "- ",      ": ",     "\t", ";",  "\u3002", "\u2026", "\u4E2D", "\u0E01",
        "\u0E01 ", "\u00BB ", "\u2028", "(",  ")",  "Dr",     "\u0391", "\u0964"};
    struct wf_rng_seeded seeded;
    wf_rng_seeded_init(&seeded, 3);
    for (int round = 0; round < 3000; round++) {
        char text[2000] = "";
        for (uint64_t k = wf_rng_below(&seeded.rng, 300); k > 0; k--)
            strcat(text, parts[wf_rng_below(&seeded.rng, sizeof parts / sizeof *parts)]);
        struct wf_str all = wf_str_from(text);
        size_t i = 0, at = 0;
        struct wf_sentence s;
        while (wf_sentence_next(all, &i, &s)) {
            assert_true(s.start >= at && s.start < s.end && s.end <= i);
            assert_true(is_white(text + at, s.start - at));
            assert_int_equal(wf_utf8_valid_prefix(wf_str_sub(all, s.start, s.end)),
                             s.end - s.start);
            at = s.end;
        }
        assert_true(is_white(text + at, all.len - at));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sentence__ends_at_marks),
        cmocka_unit_test(test_sentence__keeps_abbreviations_together),
        cmocka_unit_test(test_sentence__knows_initials_and_acronyms),
        cmocka_unit_test(test_sentence__minds_quotes_and_brackets),
        cmocka_unit_test(test_sentence__reads_other_scripts),
        cmocka_unit_test(test_sentence__cuts_thai_at_spaces_only_when_long),
        cmocka_unit_test(test_sentence__judges_line_breaks),
        cmocka_unit_test(test_sentence__bounds_length),
        cmocka_unit_test(test_sentence__covers_any_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
