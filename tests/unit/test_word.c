/* SPDX-License-Identifier: Apache-2.0 */
/* Words: what each script gives, and that the words of a text and of a question are the same. */
#include "text/word.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "text/utf8.h"

/* The words of `text` in a row, separated by '|'. */
static void expect_words(const char *text, const char *expected)
{
    char got[4096];
    size_t n = 0;
    struct wf_words w;
    struct wf_word word;
    size_t last_start = 0;
    wf_words_init(&w, wf_str_from(text));
    while (wf_words_next(&w, &word)) {
        assert_true(word.len > 0 && word.len <= WF_WORD_BYTES_MAX);
        assert_true(word.start < word.end && word.end <= strlen(text));
        assert_true(word.start >= last_start);
        last_start = word.start;
        assert_true(n + word.len + 2 < sizeof got);
        if (n > 0)
            got[n++] = '|';
        memcpy(got + n, word.text, word.len);
        n += word.len;
    }
    got[n] = 0;
    if (strcmp(got, expected) != 0)
        print_message("\"%s\"\n", text);
    assert_string_equal(got, expected);
}

static void test_word__splits_and_folds_ascii(void **state)
{
    (void)state;
    expect_words("", "");
    expect_words(" \t\n.,;", "");
    expect_words("The quick-brown FOX!", "the|quick|brown|fox");
    expect_words("snake_case/path.ext a1b2", "snake|case|path|ext|a1b2");
    expect_words("x", "x");
}

static void test_word__treats_apostrophes_for_finding(void **state)
{
    (void)state;
    expect_words("John's book, the boys' books", "john|book|the|boys|books");
    expect_words("John\u2019s CAT'S", "john|cat");
    expect_words("don't can\u2019t won't", "dont|cant|wont");
    expect_words("l'homme d\u2019abord", "l|homme|d|abord");
    expect_words("we'll they're 'quoted' o's'x", "we|ll|they|re|quoted|o|x");
    expect_words("Ankara'da it'sy x'", "ankara|da|it|sy|x");
}

static void test_word__reads_numbers(void **state)
{
    (void)state;
    expect_words("1,000 1.000 1,234,567 1.234.567", "1000|1000|1234567|1234567");
    expect_words("3.5 0.125 3,5 1,234.56 1.234,56", "3.5|0.125|3|5|1234.56|1234.56");
    expect_words("12.05.2020 1.2.3 192.168.0.1 2,3,5", "12|05|2020|1|2|3|192|168|0|1|2|3|5");
    expect_words("1990's 3.5. v2.0 1.5GHz 2019,120", "1990|3.5|v2|0|1.5ghz|2019|120");
    expect_words("1.1.1.1.1.1.1.1.1.1.1.1", "1|1|1|1|1|1|1|1|1|1|1|1");
    expect_words("\u0663\u0664 \uFF11\uFF12 H\u2082O km\u00B2 word\u00B9", "34|12|h2o|km|word");
}

static void test_word__folds_latin_greek_cyrillic(void **state)
{
    (void)state;
    expect_words("Stra\u00DFe \u00DCber CAF\u00C9 cafe\u0301", "strasse|uber|cafe|cafe");
    expect_words("\u0141\u00F3d\u017A S\u00F8ren \u00C6sir \u0130stanbul \u0131l\u0131k",
                 "lodz|soren|aesir|istanbul|ilik");
    expect_words("\u0391\u03B8\u03AE\u03BD\u03B1 \u039F\u0394\u03A5\u03A3\u03A3\u0395\u0386\u03A3",
                 "\u03B1\u03B8\u03B7\u03BD\u03B1|\u03BF\u03B4\u03C5\u03C3\u03C3\u03B5\u03B1\u03C3");
    expect_words("\u041C\u043E\u0441\u043A\u0432\u0430 \u0401\u043B\u043A\u0430 \u0439",
                 "\u043C\u043E\u0441\u043A\u0432\u0430|\u0435\u043B\u043A\u0430|\u0438");
    expect_words("Vi\u1EC7t ti\u1EBFng", "viet|tieng");
    expect_words("\uFF21\uFF22\uFF23 \uFB01ne co\u00ADoperate a\u200Bb", "abc|fine|cooperate|ab");
}

static void test_word__folds_arabic_and_hebrew(void **state)
{
    (void)state;
    expect_words("\u0643\u0650\u062A\u0640\u0627\u0628", "\u0643\u062A\u0627\u0628");
    expect_words("\u0623\u062D\u0645\u062F \u0625\u0644\u0649 \u0622\u0628",
                 "\u0627\u062D\u0645\u062F|\u0627\u0644\u064A|\u0627\u0628");
    expect_words("\u05E9\u05B8\u05C1\u05DC\u05D5\u05B9\u05DD\u061F", "\u05E9\u05DC\u05D5\u05DD");
}

static void test_word__keeps_indic_vowel_signs(void **state)
{
    (void)state;
    expect_words("\u0939\u093F\u0928\u094D\u0926\u0940 \u092D\u093E\u0937\u093E\u0964",
                 "\u0939\u093F\u0928\u094D\u0926\u0940|\u092D\u093E\u0937\u093E");
    expect_words("\u095B\u0930\u093E \u091C\u093C\u0930\u093E \u091C\u0930\u093E",
                 "\u091C\u0930\u093E|\u091C\u0930\u093E|\u091C\u0930\u093E");
}

static void test_word__pairs_han_and_kana(void **state)
{
    (void)state;
    expect_words("\u6771\u4EAC\u90FD\u306B", "\u6771\u4EAC|\u4EAC\u90FD|\u90FD\u306B");
    expect_words("\u6C34", "\u6C34");
    expect_words("\u6C34 \u706B\uFF0C\u571F", "\u6C34|\u706B|\u571F");
    expect_words("GPU\u8BA1\u7B97x", "gpu|\u8BA1\u7B97|x");
    expect_words("\uFF76\uFF9E\uFF7D \u304B\u3099\u3059", "\u30AC\u30B9|\u304C\u3059");
    expect_words("\uFF8A\uFF9F\uFF9D \u30A6\u3099\u30A1", "\u30D1\u30F3|\u30F4\u30A1");
}

static void test_word__pairs_thai_letters_with_marks(void **state)
{
    (void)state;
    expect_words("\u0E17\u0E35\u0E48\u0E19\u0E35\u0E48 1",
                 "\u0E17\u0E35\u0E48\u0E19\u0E35\u0E48|1");
    expect_words("\u0E01\u0E02\u0E04", "\u0E01\u0E02|\u0E02\u0E04");
    expect_words("\u0E01\u6C34", "\u0E01|\u6C34");
}

static void test_word__composes_hangul(void **state)
{
    (void)state;
    expect_words("\uD55C\uAD6D\uC5B4 \u1112\u1161\u11AB\u1100\u116E\u11A8",
                 "\uD55C\uAD6D\uC5B4|\uD55C\uAD6D");
}

static void test_word__cuts_long_words_at_a_code_point(void **state)
{
    (void)state;
    char text[400];
    struct wf_words w;
    struct wf_word word;
    memset(text, 'a', 200);
    wf_words_init(&w, (struct wf_str){text, 200});
    assert_true(wf_words_next(&w, &word));
    assert_int_equal(word.len, WF_WORD_BYTES_MAX);
    assert_int_equal(word.end, 200);
    assert_false(wf_words_next(&w, &word));
    for (size_t i = 0; i < 100; i++)
        memcpy(text + 1 + 3 * i, "\uAC00", 3);
    wf_words_init(&w, (struct wf_str){text, 301});
    assert_true(wf_words_next(&w, &word));
    assert_int_equal(word.len, 64); /* a and 21 syllables */
    assert_int_equal(wf_utf8_valid_prefix((struct wf_str){word.text, word.len}), word.len);
    assert_int_equal(word.end, 301);
}

static void test_word__survives_any_text(void **state)
{
    (void)state;
    struct wf_rng_seeded seeded;
    wf_rng_seeded_init(&seeded, 7);
    for (int round = 0; round < 2000; round++) {
        static const uint32_t tops[] = {0x80, 0x500, 0x1200, 0x3100, 0xFFFF, 0x10FFFF};
        char text[400];
        size_t n = 0;
        uint32_t top = tops[wf_rng_below(&seeded.rng, 6)];
        while (n < 390) {
            uint32_t cp = (uint32_t)wf_rng_below(&seeded.rng, top);
            if (cp < 0xD800 || cp > 0xDFFF)
                n += wf_utf8_put(text + n, cp);
        }
        struct wf_words w;
        struct wf_word word;
        size_t start = 0;
        wf_words_init(&w, (struct wf_str){text, n});
        while (wf_words_next(&w, &word)) {
            struct wf_str folded = {word.text, word.len};
            assert_true(word.len > 0 && word.len <= WF_WORD_BYTES_MAX);
            assert_true(word.start >= start && word.start < word.end && word.end <= n);
            assert_int_equal(wf_utf8_valid_prefix(folded), word.len);
            start = word.start;
        }
    }
}

static void test_word__knows_stop_words(void **state)
{
    (void)state;
    static const char *const stops[] = {"the", "what", "und",  "que", "les",    "di",
                                        "het", "och",  "dont", "jak", "\u0438", "ve",
                                        "si",  "nao",  "with", "wer"};
    static const char *const words[] = {"", "house", "haus", "maison", "zzz", "a0", "\u6C34"};
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
        assert_true(wf_word_is_stop(wf_str_from(stops[i])));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_false(wf_word_is_stop(wf_str_from(words[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_word__splits_and_folds_ascii),
        cmocka_unit_test(test_word__treats_apostrophes_for_finding),
        cmocka_unit_test(test_word__reads_numbers),
        cmocka_unit_test(test_word__folds_latin_greek_cyrillic),
        cmocka_unit_test(test_word__folds_arabic_and_hebrew),
        cmocka_unit_test(test_word__keeps_indic_vowel_signs),
        cmocka_unit_test(test_word__pairs_han_and_kana),
        cmocka_unit_test(test_word__pairs_thai_letters_with_marks),
        cmocka_unit_test(test_word__composes_hangul),
        cmocka_unit_test(test_word__cuts_long_words_at_a_code_point),
        cmocka_unit_test(test_word__survives_any_text),
        cmocka_unit_test(test_word__knows_stop_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
