/* SPDX-License-Identifier: Apache-2.0 */
/* What hides in a text is found, at its place in the text as it was given; what only looks as if
 * it hid is left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "privacy/detect.h"
#include "privacy/view.h"
#include "support/hide_more.h"

static struct wf_detector *detector;
static struct wf_detect_run *run;

static int open_all(void **state)
{
    const struct wf_detect_options o = {.score_least = 0};

    (void)state;
    return wf_detector_open(&o, &detector, NULL) != 0 ||
           wf_detect_run_new(detector, &run, NULL) != 0;
}

static int close_all(void **state)
{
    (void)state;
    wf_detect_run_free(run);
    wf_detector_free(detector);
    return 0;
}

/* The only thing in the text is that one, of that type, hidden so. */
static void check(const char *text, const char *type, const char *part, const char *hidden)
{
    struct wf_pii_list list;
    const char *at = strstr(text, part);

    assert_non_null(at);
    assert_int_equal(
        wf_detect_scan(run, wf_str_from(text), (struct wf_pii_list){.n = 0}, &list, NULL), 0);
    if (list.n != 1)
        print_message("%zu in: %s\n", list.n, text);
    assert_int_equal(list.n, 1);
    assert_string_equal(list.items[0].type, type);
    assert_int_equal(list.items[0].start, at - text);
    assert_int_equal(list.items[0].end, (size_t)(at - text) + strlen(part));
    assert_non_null(list.items[0].hidden);
    assert_string_equal(list.items[0].hidden, hidden);
}

static size_t count(const char *text)
{
    struct wf_pii_list list;

    assert_int_equal(
        wf_detect_scan(run, wf_str_from(text), (struct wf_pii_list){.n = 0}, &list, NULL), 0);
    return list.n;
}

#define ZWSP "\u200b"

static void test_hidden__characters(void **state)
{
    (void)state;
    check("card 4111" ZWSP "1111" ZWSP "1111" ZWSP "1111.", "CREDIT_CARD",
          "4111" ZWSP "1111" ZWSP "1111" ZWSP "1111", "invisible characters");
    check("ann\u00adlee@exam\u2060ple.org", "EMAIL_ADDRESS", "ann\u00adlee@exam\u2060ple.org",
          "invisible characters");
    check("４１１１ １１１１ １１１１ １１１１", "CREDIT_CARD",
          "４１１１ １１１１ １１１１ １１１１", "look-alike characters");
    check("٤١١١ ١١١١ ١١١١ ١١١١", "CREDIT_CARD", "٤١١١ ١١١١ ١١١١ ١١١١", "look-alike characters");
    check("𝟒𝟏𝟏𝟏 𝟏𝟏𝟏𝟏 𝟏𝟏𝟏𝟏 𝟏𝟏𝟏𝟏", "CREDIT_CARD", "𝟒𝟏𝟏𝟏 𝟏𝟏𝟏𝟏 𝟏𝟏𝟏𝟏 𝟏𝟏𝟏𝟏", "look-alike characters");
    check("4111\u20131111\u20131111\u20131111", "CREDIT_CARD", "4111\u20131111\u20131111\u20131111",
          "look-alike characters");
    check("nоah@exаmple.org", "EMAIL_ADDRESS", "nоah@exаmple.org", "look-alike characters");
    check("ann.lee (at) example [dot] org", "EMAIL_ADDRESS", "ann.lee (at) example [dot] org",
          "look-alike characters");
    check("ssn (5 3 6 2 2 8 7 4 1)", "US_SSN", "5 3 6 2 2 8 7 4 1", "spaced characters");
    check("ssn, dal a 5 3 6 2 2 8 7 4 1 u banky", "US_SSN", "5 3 6 2 2 8 7 4 1",
          "spaced characters");
    check("A K I A I O S F O D N N 7 E X A M P L E", "AWS_ACCESS_KEY",
          "A K I A I O S F O D N N 7 E X A M P L E", "spaced characters");
}

static void test_hidden__encodings(void **state)
{
    (void)state;
    check("see aGVsbG8sIG15IGNhcmQgaXMgNDExMSAxMTExIDExMTEgMTExMQ== there", "CREDIT_CARD",
          "aGVsbG8sIG15IGNhcmQgaXMgNDExMSAxMTExIDExMTEgMTExMQ==", "base64");
    check("twice WTJGeVpDQTBNVEV4TVRFeE1URXhNVEV4TVRFeA==", "CREDIT_CARD",
          "WTJGeVpDQTBNVEV4TVRFeE1URXhNVEV4TVRFeA==", "base64");
    check("x 343131312031313131203131313120313131310a y", "CREDIT_CARD",
          "343131312031313131203131313120313131310a", "hexadecimal");
    check("c%3D4111%201111%201111%201111", "CREDIT_CARD", "4111%201111%201111%201111",
          "URL encoding");
    check("\\u0034\\u0031\\u0031\\x31111111111111", "CREDIT_CARD",
          "\\u0034\\u0031\\u0031\\x31111111111111", "JSON escapes");
    check("{\\\"password\\\":\\\"hunter2x\\\"}", "PASSWORD", "hunter2x", "JSON escapes");
    check("&#52;&#x31;&#49;&#49;111111111111", "CREDIT_CARD", "&#52;&#x31;&#49;&#49;111111111111",
          "HTML entities");
    check("4111 1111 11=\r\n11 1111", "CREDIT_CARD", "4111 1111 11=\r\n11 1111",
          "quoted-printable");
    check("ann.lee=40example.org", "EMAIL_ADDRESS", "ann.lee=40example.org", "quoted-printable");
    /* Base64 in URL encoding: its sign of the end is not needed. */
    check("NDExMSAxMTExIDExMTEgMTExMQ%3D%3D", "CREDIT_CARD", "NDExMSAxMTExIDExMTEgMTExMQ",
          "base64");
    /* Each digit escaped, and that in base64: the last way is told. */
    check("JTM0JTMxJTMxJTMxMTExMTExMTExMTEx", "CREDIT_CARD", "JTM0JTMxJTMxJTMxMTExMTExMTExMTEx",
          "URL encoding");
}

static void test_hidden__separators(void **state)
{
    (void)state;
    check("ssn 5.3.6.2.2.8.7.4.1 ok", "US_SSN", "5.3.6.2.2.8.7.4.1", "spaced characters");
    check("ssn 5-3-6-2-2-8-7-4-1 ok", "US_SSN", "5-3-6-2-2-8-7-4-1", "spaced characters");
    check("ssn 5, 3, 6, 2, 2, 8, 7, 4, 1 ok", "US_SSN", "5, 3, 6, 2, 2, 8, 7, 4, 1",
          "spaced characters");
    check("ssn 5•3•6•2•2•8•7•4•1 ok", "US_SSN", "5•3•6•2•2•8•7•4•1", "spaced characters");
    check("ssn 5 🙂 3 🙂 6 🙂 2 🙂 2 🙂 8 🙂 7 🙂 4 🙂 1", "US_SSN",
          "5 🙂 3 🙂 6 🙂 2 🙂 2 🙂 8 🙂 7 🙂 4 🙂 1", "spaced characters");
    check("ssn 5.3 6, 2 2.8 7;4 1 ok", "US_SSN", "5.3 6, 2 2.8 7;4 1", "parts put together");
    check("ssn_5_3_6_2_2_8_7_4_1.pdf", "US_SSN", "5_3_6_2_2_8_7_4_1", "spaced characters");
    check("card 4 1 1 1   1 1 1 1   1 1 1 1   1 1 1 1", "CREDIT_CARD",
          "4 1 1 1   1 1 1 1   1 1 1 1   1 1 1 1", "spaced characters");
    check("| card | 4111 | 1111 | 1111 | 1111 |", "CREDIT_CARD", "4111 | 1111 | 1111 | 1111",
          "parts put together");
    check("card 4111\n1111\n1111\n1111", "CREDIT_CARD", "4111\n1111\n1111\n1111",
          "parts put together");
    check("k = \"AKIAIOSFOD\" + \"NN7EXAMPLE\";", "AWS_ACCESS_KEY", "AKIAIOSFOD\" + \"NN7EXAMPLE",
          "parts put together");
    check("AKIAIOSF<wbr>ODNN7<!-- x -->EXAMPLE", "AWS_ACCESS_KEY",
          "AKIAIOSF<wbr>ODNN7<!-- x -->EXAMPLE", "parts put together");
    check("see passport_number_C01X00T47.pdf", "DE_PASSPORT", "C01X00T47", "look-alike characters");
}

static void test_hidden__codes(void **state)
{
    (void)state;
    check("x 65 110 110 64 97 46 111 114 103", "EMAIL_ADDRESS", "65 110 110 64 97 46 111 114 103",
          "codes of characters");
    check("x 0x41, 0x6e, 0x6e, 0x40, 0x61, 0x2e, 0x6f, 0x72, 0x67", "EMAIL_ADDRESS",
          "0x41, 0x6e, 0x6e, 0x40, 0x61, 0x2e, 0x6f, 0x72, 0x67", "codes of characters");
    check("x \\101\\156\\156\\100a.org", "EMAIL_ADDRESS", "\\101\\156\\156\\100a.org",
          "JSON escapes");
    check("in base32 IFXG4QDBNZXGCLTPOJTQ", "EMAIL_ADDRESS", "IFXG4QDBNZXGCLTPOJTQ", "base32");
    check("short IFXG4QDBFZXXEZY", "EMAIL_ADDRESS", "IFXG4QDBFZXXEZY", "base32");
    check("ssn ..... ...-- -.... ..--- ..--- ---.. --... ....- .---- ok", "US_SSN",
          "..... ...-- -.... ..--- ..--- ---.. --... ....- .----", "Morse code");
    check("ssn \u202e147822635\u202c", "US_SSN", "\u202e147822635", "turned text");
}

static void test_hidden__other_bases(void **state)
{
    (void)state;
    check("card AZBanmxLE82zrEJJrVaLjn4BJg ok", "CREDIT_CARD", "AZBanmxLE82zrEJJrVaLjn4BJg",
          "base58");
    check("<~D0[76@<,m$1bg^>+>GT*0d&2*0eje*0ekB~>", "CREDIT_CARD",
          "D0[76@<,m$1bg^>+>GT*0d&2*0eje*0ekB", "base85");
    check("card 0x34313131203131313120313131312031313131", "CREDIT_CARD",
          "0x34313131203131313120313131312031313131", "hexadecimal");
    check("Y2Fy ZCA0 MTEx IDEx MTEg MTEx MSAx MTEx", "CREDIT_CARD",
          "Y2Fy ZCA0 MTEx IDEx MTEg MTEx MSAx MTEx", "base64");
    check("x ==QMxETMgETMxEDIxETMxASMxEDNgoDZyF2YgkXb", "CREDIT_CARD",
          "==QMxETMgETMxEDIxETMxASMxEDNgoDZyF2YgkXb", "base64");
    check("card +ADQAMQAxADEAMQAxADEAMQAxADEAMQAxADEAMQAxADE- x", "CREDIT_CARD",
          "+ADQAMQAxADEAMQAxADEAMQAxADEAMQAxADEAMQAxADE-", "base64");
    check("card %u0034%u0031%u0031%u0031111111111111", "CREDIT_CARD",
          "%u0034%u0031%u0031%u0031111111111111", "URL encoding");
    check("card \\u{34}\\u{31}\\U00000031\\31\\31\\0000311111111111", "CREDIT_CARD",
          "\\u{34}\\u{31}\\U00000031\\31\\31\\0000311111111111", "JSON escapes");
    check("card &#52&#49&#49&#49 1111 1111 1111", "CREDIT_CARD", "&#52&#49&#49&#49 1111 1111 1111",
          "HTML entities");
    check("PIN: [52, 49, 49, 49, 55, 49] x", "PIN", "[52, 49, 49, 49, 55, 49]",
          "codes of characters");
    check("ssn ⠼⠑⠉⠋⠤⠼⠃⠃⠤⠼⠓⠛⠙⠁ ok", "US_SSN", "⠼⠑⠉⠋⠤⠼⠃⠃⠤⠼⠓⠛⠙⠁", "Braille");
    check("password: <b>h</b><b>u</b><b>n</b><b>t</b><b>7</b><b>x</b>", "PASSWORD",
          "h</b><b>u</b><b>n</b><b>t</b><b>7</b><b>x", "parts put together");
}

/* What is packed is unpacked as far as a limit, however much it would be. */
static void test_hidden__packed(void **state)
{
    struct wf_buf text, sent;

    (void)state;
    wf_buf_init(&text, 8u << 20);
    wf_buf_init(&sent, 8u << 20);
    wf_buf_append_cstr(&text, "my card is 4111 1111 1111 1111 ");
    hide_gzip(wf_buf_str(&text), &sent);
    assert_int_equal(count(sent.ptr), 1);
    /* Cut in the middle: nothing, or what is there. */
    for (size_t n = 16; n < sent.len; n += 7) {
        struct wf_pii_list list;
        assert_int_equal(wf_detect_scan(run, wf_str_sub(wf_buf_str(&sent), 0, n),
                                        (struct wf_pii_list){.n = 0}, &list, NULL),
                         0);
        assert_true(list.n <= 1);
    }
    for (size_t i = 0; i < 100000; i++)
        wf_buf_append_cstr(&text, "and so on ");
    wf_buf_reset(&sent);
    hide_gzip(wf_buf_str(&text), &sent);
    assert_true(sent.len < 8000);
    assert_int_equal(count(sent.ptr), 1);
    wf_buf_deinit(&sent);
    wf_buf_deinit(&text);
}

static void test_hidden__told_in_other_words(void **state)
{
    (void)state;
    check("my ssn is five three six two two eight seven four one.", "US_SSN",
          "five three six two two eight seven four one", "words for digits");
    check("ssn: fünf drei sechs zwei zwei acht sieben vier eins", "US_SSN",
          "fünf drei sechs zwei zwei acht sieben vier eins", "words for digits");
    check("my ssn: five three six double two eight seven four one.", "US_SSN",
          "five three six double two eight seven four one", "words for digits");
    check("ssn 五三六二二八七四一", "US_SSN", "五三六二二八七四一", "words for digits");
    check("card 4lll 1111 11l1 l111", "CREDIT_CARD", "4lll 1111 11l1 l111", "letters for digits");
    check("card, backwards: 1111 1111 1111 1114", "CREDIT_CARD", "1111 1111 1111 1114",
          "written backwards");
    check("zl cnffjbeq vf uhagre27k", "PASSWORD", "uhagre27k", "rotated letters");
}

/* What leaked once, by its cause. */
static void test_hidden__causes(void **state)
{
    (void)state;
    /* What is near a number may be rotated, or backwards, whatever else the text is. */
    check("Напиши письмо, XRAGRXRACYNNG KQ-159-O, вежливо.", "NL_PLATE", "KQ-159-O",
          "rotated letters");
    check("1798-555 )514( 1+ no UTROPZSAP ,nootsariv", "PHONE_NUMBER", "1798-555 )514( 1+",
          "written backwards");
    check("phic: 0-044427245-02", "PH_PHILHEALTH", "0-044427245-02", "written backwards");
    check("UCMRTOLJJUZMYEGXAIKA rä ämanap ttim", "AWS_ACCESS_KEY", "UCMRTOLJJUZMYEGXAIKA",
          "written backwards");
    /* Groups of letters for digits at the ends of a number. */
    check("ssn is S36-22-874l", "US_SSN", "S36-22-874l", "letters for digits");
    check("medicare card: 3lOl 939O6 O", "AU_MEDICARE", "3lOl 939O6 O", "letters for digits");
    /* A number whose separators were lost on the way. */
    check("účTU neun eins fünf sechs neun fünf null neun", "CZ_BANK_ACCOUNT",
          "neun eins fünf sechs neun fünf null neun", "words for digits");
    /* The separator is of the datum, too; single characters behind one of another script. */
    check("-----------B-E-G-I-N- -P-R-I-V-A-T-E- -K-E-Y-----------\n-8-1-d-T-4-W", "PRIVATE_KEY",
          "-----B-E-G-I-N- -P-R-I-V-A-T-E- -K-E-Y----------", "spaced characters");
    check("車牌 \"沪-D-A-8-1-1-8\"", "CN_PLATE", "沪-D-A-8-1-1-8", "spaced characters");
    check("номер авто: А  3  6  5  А  В  1  7  8", "RU_PLATE", "А  3  6  5  А  В  1  7  8",
          "spaced characters");
    /* Signs without width between letters of Cyrillic; marks over them. */
    check("id-картка М\u200dЕ\u200d \u200d2\u200d7\u200d2\u200d4\u200d0\u200d1", "UA_PASSPORT",
          "М\u200dЕ\u200d \u200d2\u200d7\u200d2\u200d4\u200d0\u200d1", "invisible characters");
    check("번호판: 3\u0323\u03321\u0323\u0332나\u0323\u03320\u0323\u03325\u0323\u03324\u03232",
          "KR_PLATE", "3\u0323\u03321\u0323\u0332나\u0323\u03320\u0323\u03325\u0323\u03324\u03232",
          "invisible characters");
    /* Bytes of a character as octal numbers. */
    check("αδτ \\316\\236\\040\\063\\067\\067\\062\\066\\067", "GR_ID_CARD",
          "\\316\\236\\040\\063\\067\\067\\062\\066\\067", "JSON escapes");
    /* A long run is not cut where the view begins. */
    check(
        "https://forms.test/new?lang=en&note=2KfZg9iq2Kgg2LHYs9in2YTYqSDYpdmE2Ykg2KfZhNiv2KfYptix2"
        "KnYjCBTYW1vcmRuaW5nc251bW1lciBwb3N0Z3JlczovL2FwcDp1STZsREpwY1J4SzF1dUBkYjIzLmV4YW1wbGUub"
        "3JnOjU0MzIvc2hvcCDYjCDYqNij2K%2FYqC4%3D&page=2 x",
        "CONNECTION_STRING",
        "2KfZg9iq2Kgg2LHYs9in2YTYqSDYpdmE2Ykg2KfZhNiv2KfYptix2"
        "KnYjCBTYW1vcmRuaW5nc251bW1lciBwb3N0Z3JlczovL2FwcDp1STZsREpwY1J4SzF1dUBkYjIzLmV4YW1wbGUub"
        "3JnOjU0MzIvc2hvcCDYjCDYqNij2K%2FYqC4%3D",
        "base64");
    /* A company's number is for all to see, what hides in it is not. */
    check("passport 434137303538373536", "UK_PASSPORT", "434137303538373536", "hexadecimal");
}

/* What may be so by chance does not count without a word near. */
static void test_hidden__guesses_need_a_word(void **state)
{
    static const char *const texts[] = {
        "five three six two two eight seven four one",
        "we had 1111 1111 1111 1114 of them",
        "3111 | 1111 | 1111 | 1111",
        "one two three four five, once I caught a fish alive",
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++)
        if (count(texts[i]) != 0)
            fail_msg("found in: %s", texts[i]);
}

static void test_hidden__nothing(void **state)
{
    static const char *const texts[] = {
        "Donaudampfschifffahrtsgesellschaftskapitän, пример слова, ein – Strich, 10\u202f000 m²",
        "a=41111111&b=22223333&c=44445555, 100% sicher, C:\\new\\table, R&D; x = y",
        "0123456789abcdef0123456789abcdef01234567 internationalization/accessibility",
        "I a b c d, and 1 2 3",
    };
    struct wf_view v;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++)
        assert_int_equal(count(texts[i]), 0);
    wf_view_init(&v);
    assert_int_equal(wf_view_make(&v, wf_str_from(texts[2]), NULL), 0);
    assert_int_equal(v.text.len, 0);
    wf_view_deinit(&v);
}

/* Far apart, each with what is around it; in between nothing is copied. */
static void test_hidden__far_apart(void **state)
{
    struct wf_buf b;
    struct wf_view v;
    struct wf_pii_list list;

    (void)state;
    wf_buf_init(&b, 1u << 20);
    wf_buf_append_cstr(&b, "card 4111" ZWSP "1111" ZWSP "11111111 ");
    for (size_t i = 0; i < 2000; i++)
        wf_buf_append_cstr(&b, "and so on ");
    wf_buf_append_cstr(&b, "card 5500%200000%200000%200004");
    assert_int_equal(wf_buf_status(&b), 0);
    assert_int_equal(wf_detect_scan(run, wf_buf_str(&b), (struct wf_pii_list){.n = 0}, &list, NULL),
                     0);
    assert_int_equal(list.n, 2);
    assert_int_equal(list.items[0].start, 5);
    assert_int_equal(list.items[1].end, b.len);
    assert_int_equal(list.items[1].start, b.len - strlen("5500%200000%200000%200004"));
    wf_view_init(&v);
    assert_int_equal(wf_view_make(&v, wf_buf_str(&b), NULL), 0);
    assert_true(v.text.len > 60 && v.text.len < 500);
    wf_view_deinit(&v);
    wf_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hidden__characters),
        cmocka_unit_test(test_hidden__encodings),
        cmocka_unit_test(test_hidden__separators),
        cmocka_unit_test(test_hidden__codes),
        cmocka_unit_test(test_hidden__other_bases),
        cmocka_unit_test(test_hidden__packed),
        cmocka_unit_test(test_hidden__told_in_other_words),
        cmocka_unit_test(test_hidden__causes),
        cmocka_unit_test(test_hidden__guesses_need_a_word),
        cmocka_unit_test(test_hidden__nothing),
        cmocka_unit_test(test_hidden__far_apart),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
