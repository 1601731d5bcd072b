/* SPDX-License-Identifier: Apache-2.0 */
/* What is found in texts, what is not, where it stands, and that nothing breaks it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "privacy/detect.h"

static struct wf_detector *detector;
static struct wf_detect_run *run;

static int open_all(void **state)
{
    const struct wf_detect_options o = {.score_least = 0};
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    if (wf_detector_open(&o, &detector, &err) != 0) {
        print_message("%s\n", err.msg);
        return -1;
    }
    return wf_detect_run_new(detector, &run, &err);
}

static int close_all(void **state)
{
    (void)state;
    wf_detect_run_free(run);
    wf_detector_free(detector);
    return 0;
}

/* "TYPE:text|TYPE:text" of what is found. */
static const char *found_in(const char *text)
{
    static struct wf_buf b;
    struct wf_pii_list list;

    wf_buf_deinit(&b);
    wf_buf_init(&b, 1u << 20);
    assert_int_equal(
        wf_detect_scan(run, wf_str_from(text), (struct wf_pii_list){.n = 0}, &list, NULL), 0);
    for (size_t i = 0; i < list.n; i++) {
        const struct wf_pii *p = &list.items[i];
        assert_true(p->start < p->end && p->end <= strlen(text));
        (void)wf_buf_appendf(&b, "%s%s:%.*s", i > 0 ? "|" : "", p->type, (int)(p->end - p->start),
                             text + p->start);
    }
    return b.ptr;
}

static void check(const char *const cases[][2], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *got = found_in(cases[i][0]);
        if (strcmp(got, cases[i][1]) != 0)
            print_message("in: %s\n", cases[i][0]);
        assert_string_equal(got, cases[i][1]);
    }
}

static void test_detect__payment(void **state)
{
    static const char *const cases[][2] = {
        {"My card is 4111 1111 1111 1111, ok", "CREDIT_CARD:4111 1111 1111 1111"},
        {"pay 5500-0000-0000-0004!", "CREDIT_CARD:5500-0000-0000-0004"},
        {"3782 822463 10005", "CREDIT_CARD:3782 822463 10005"},
        {"4111 1111 1111 1112", ""},
        {"order 7111 1111 1111 1117", ""},
        {"x4111111111111111", ""},
        {"IBAN DE89 3704 0044 0532 0130 00 please", "IBAN_CODE:DE89 3704 0044 0532 0130 00"},
        {"gb82west12345698765432.", "IBAN_CODE:gb82west12345698765432"},
        {"DE88370400440532013000", ""},
        {"BIC: DEUTDEFF500", "SWIFT_CODE:DEUTDEFF500"},
    };

    (void)state;
    check(cases, WF_ARRAY_LEN(cases));
}

static void test_detect__networks(void **state)
{
    static const char *const cases[][2] = {
        {"mail john.doe+x@mail.example.co.uk.", "EMAIL_ADDRESS:john.doe+x@mail.example.co.uk"},
        {"Bob@abc.c is none", ""},
        {"see https://example.org/a?b=c.", "URL:https://example.org/a?b=c"},
        {"server 192.168.1.20 is up", "IP_ADDRESS:192.168.1.20"},
        {"256.1.1.1", ""},
        {"fe80::1ff:fe23:4567:890a", "IP_ADDRESS:fe80::1ff:fe23:4567:890a"},
        {"12::44:f:45::1", ""},
        {"00:1B:44:11:3A:B7", "MAC_ADDRESS:00:1B:44:11:3A:B7"},
        {"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "CRYPTO:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"},
        {"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", ""},
        {"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
         "CRYPTO:bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"},
        {"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", ""},
        {"VIN 1HGCM82633A004352", "VIN:1HGCM82633A004352"},
        {"the IMEI is 490154203237518", "IMEI:490154203237518"},
        {"at 48.8566, 2.3522 now", "GEO_POSITION:48.8566, 2.3522"},
    };

    (void)state;
    check(cases, WF_ARRAY_LEN(cases));
}

static void test_detect__persons(void **state)
{
    static const char *const cases[][2] = {
        {"call +49 (0)30 1234567 today", "PHONE_NUMBER:+49 (0)30 1234567"},
        {"Tel.: 0341 8387176", "PHONE_NUMBER:0341 8387176"},
        {"我的电话是13812345678谢谢", "PHONE_NUMBER:13812345678"},
        {"in 1977 it had 12345678 rows", ""},
        {"born on 12.03.1980", "DATE_OF_BIRTH:12.03.1980"},
        {"NÉ LE 3 mars 1999 à Paris", "DATE_OF_BIRTH:3 mars 1999"},
        {"31.02.1980 was born", ""},
        {"a 79 year old man", "AGE:79"},
        {"ZIP: 90210", "ZIP_CODE:90210"},
        {"12 High Street", "STREET_ADDRESS:12 High Street"},
        {"in der Hauptstraße 12a", "STREET_ADDRESS:Hauptstraße 12a"},
        {"12 rue de la Paix", "STREET_ADDRESS:12 rue de la Paix"},
        {"at 730 N. Franklin, Ste. 510, Chicago, IL 60654.",
         "STREET_ADDRESS:730 N. Franklin, Ste. 510, Chicago, IL 60654"},
        {"12 men went down the road", ""},
    };

    (void)state;
    check(cases, WF_ARRAY_LEN(cases));
}

/* Names that say what they are, without lens. */
static void test_detect__names(void **state)
{
    static const char *const cases[][2] = {
        {"My name is Ann O'Neil. Who are you?", "PERSON:Ann O'Neil"},
        {"write to Dr. Peter van der Berg Suite 3", "TITLE:Dr.|PERSON:Peter van der Berg|"
                                                    "STREET_ADDRESS:Suite 3"},
        {"Dear Maria Lopez,", "PERSON:Maria Lopez"},
        {"Dear Sir,", ""},
        {"Kind regards,\n  Eva Braun-Meier\n", "PERSON:Eva Braun-Meier"},
        {"меня зовут Иван Петров", "PERSON:Иван Петров"},
        {"made by Rockwood Tools GmbH, in a bank", "ORGANIZATION:Rockwood Tools GmbH"},
        {"os.name: Linux, the file name is Makefile", ""},
    };

    (void)state;
    check(cases, WF_ARRAY_LEN(cases));
}

static void test_detect__secrets(void **state)
{
    static const char *const cases[][2] = {
        {"password: hunter2", "PASSWORD:hunter2"},
        {"password: required", ""},
        {"Mein Passwort lautet Geheim123", "PASSWORD:Geheim123"},
        {"the password is incorrect", ""},
        {"DB_PASS=xyz987", "PASSWORD:xyz987"},
        {"curl -u bob:hunter2 x", "CREDENTIALS:bob:hunter2"},
        {"{\"userPassword\": \"correct horse\"}", "PASSWORD:correct horse"},
        {"my PIN is 4711, cvv: 123", "PIN:4711|CVV:123"},
        {"the pin holds 4711 tons", ""},
        {"密码是abc12345。", "PASSWORD:abc12345"},
        {"ghp_0123456789abcdefghijABCDEFGHIJ012345",
         "API_KEY:ghp_0123456789abcdefghijABCDEFGHIJ012345"},
        {"postgres://user:pw@host/db", "CONNECTION_STRING:postgres://user:pw@host/db"},
        {"http://u:p@h.com/x", "CREDENTIALS:http://u:p@h.com/x"},
        {"API_TOKEN=q8Zr2LmX0vBn7TyK4sDf", "SECRET:q8Zr2LmX0vBn7TyK4sDf"},
        {"token max_tokens_per_minute_limit", ""},
        {"-----BEGIN EC PRIVATE KEY-----\nAB\n-----END EC PRIVATE KEY-----",
         "PRIVATE_KEY:-----BEGIN EC PRIVATE KEY-----\nAB\n-----END EC PRIVATE KEY-----"},
        {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
         "JWT:eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"},
        {"eyJhYmMiOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", ""},
    };

    (void)state;
    check(cases, WF_ARRAY_LEN(cases));
}

/* The nearer word decides between two meanings; bytes that are no text move nothing. */
static void test_detect__context_and_bytes(void **state)
{
    struct wf_pii_list list;
    const struct wf_str odd = WF_STR("\xff\xfe a@b.org \x80");

    (void)state;
    assert_int_equal(wf_detect_scan(run, odd, (struct wf_pii_list){.n = 0}, &list, NULL), 0);
    assert_int_equal(list.n, 1);
    assert_int_equal(list.items[0].start, 3);
    assert_int_equal(list.items[0].end, 10);
    assert_int_equal(wf_detect_scan(run, WF_STR("card 4111111111111111"),
                                    (struct wf_pii_list){.n = 0}, &list, NULL),
                     0);
    assert_int_equal(list.n, 1);
    assert_true(wf_str_eq(list.items[0].word, WF_STR("card")));
    assert_true(list.items[0].score > 0.99F);
}

/* What others found takes part: the higher score stays. */
static void test_detect__more(void **state)
{
    const struct wf_str text = WF_STR("Ann Lee, ann.lee@example.org");
    const struct wf_pii names[] = {
        {.start = 0, .end = 7, .type = "PERSON", .score = 0.9F, .reason = "lens"},
        {.start = 9, .end = 16, .type = "PERSON", .score = 0.7F, .reason = "lens"},
        {.start = 0, .end = 3, .type = "ORGANIZATION", .score = 0.2F, .reason = "lens"},
    };
    struct wf_pii_list list;

    (void)state;
    assert_int_equal(
        wf_detect_scan(run, text, (struct wf_pii_list){.items = names, .n = 3}, &list, NULL), 0);
    assert_int_equal(list.n, 2);
    assert_string_equal(list.items[0].type, "PERSON");
    assert_string_equal(list.items[1].type, "EMAIL_ADDRESS");
}

/* The lines of an address are one, and two opinions of where it ends are the wider. */
/* Wherever it stands in a text of any length: the automaton goes through long ones in lanes. */
static void test_detect__place_and_length_do_not_matter(void **state)
{
    static const char sample[] = " mail anna.schmidt@example.org, pay with card 4111 1111 1111 "
                                 "1111, key AKIAIOSFODNN7EXAMPLE ";
    static const char words[] = "the garden needs water in the morning and shade at noon ";
    static char text[12000];
    char expected[400];

    (void)state;
    snprintf(expected, sizeof(expected), "%s", found_in(sample));
    assert_non_null(strstr(expected, ":anna.schmidt@example.org|CREDIT_CARD:4111 1111 1111 1111|"));
    assert_non_null(strstr(expected, ":AKIAIOSFODNN7EXAMPLE"));
    for (size_t len = 300; len < sizeof(text) - 1; len += 97 + len / 8) {
        for (size_t at = len % 13; at + sizeof(sample) < len; at += 1 + len / 61) {
            for (size_t i = 0; i < len; i++)
                text[i] = words[i % (sizeof(words) - 1)];
            memcpy(text + at, sample, sizeof(sample) - 1);
            text[len] = 0;
            if (strcmp(found_in(text), expected) != 0)
                fail_msg("%zu of %zu: %s", at, len, found_in(text));
        }
    }
}

static void test_detect__addresses_join(void **state)
{
    const struct wf_str text = WF_STR("to 12 High Street\n Apt. 5\n Bristol, then home");
    const struct wf_pii places[] = {
        {.start = 27, .end = 34, .type = "LOCATION", .score = 0.9F, .reason = "lens"},
        {.start = 5, .end = 24, .type = "STREET_ADDRESS", .score = 0.6F, .reason = "lens"},
    };
    struct wf_pii_list list;

    (void)state;
    assert_int_equal(
        wf_detect_scan(run, text, (struct wf_pii_list){.items = places, .n = 2}, &list, NULL), 0);
    assert_int_equal(list.n, 1);
    assert_string_equal(list.items[0].type, "STREET_ADDRESS");
    assert_int_equal(list.items[0].start, 3);
    assert_int_equal(list.items[0].end, 34);
}

/* Every allocation fails once: an error, no crash, and the next scan is right. */
static void test_detect__allocations_fail(void **state)
{
    const struct wf_detect_options o = {.score_least = 0};
    const struct wf_str text = WF_STR("\xff call 4111111111111111 or YW5uLmxlZUBleGFtcGxlLm9yZw==");
    struct wf_pii_list list;
    size_t n_opened = 0, n_scanned = 0;
    bool failed = true;

    (void)state;
    for (uint64_t n = 1; failed; n += n < 40 ? 1 : 397) { /* opening has some thousand */
        struct wf_detector *d = NULL;
        wf_alloc_fail_at(n);
        const int rc = wf_detector_open(&o, &d, NULL);
        failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || failed);
        n_opened += rc != 0;
        if (rc == 0)
            wf_detector_free(d);
    }
    failed = true;
    for (uint64_t n = 1; failed; n++) {
        struct wf_detect_run *r = NULL;
        wf_alloc_fail_at(n);
        int rc = wf_detect_run_new(detector, &r, NULL);
        if (rc == 0)
            rc = wf_detect_scan(r, text, (struct wf_pii_list){.n = 0}, &list, NULL);
        failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || failed);
        n_scanned += rc != 0;
        if (r != NULL)
            assert_int_equal(wf_detect_scan(r, text, (struct wf_pii_list){.n = 0}, &list, NULL), 0);
        wf_detect_run_free(r);
    }
    assert_true(n_opened > 20 && n_scanned > 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detect__payment),
        cmocka_unit_test(test_detect__networks),
        cmocka_unit_test(test_detect__persons),
        cmocka_unit_test(test_detect__names),
        cmocka_unit_test(test_detect__secrets),
        cmocka_unit_test(test_detect__context_and_bytes),
        cmocka_unit_test(test_detect__more),
        cmocka_unit_test(test_detect__place_and_length_do_not_matter),
        cmocka_unit_test(test_detect__addresses_join),
        cmocka_unit_test(test_detect__allocations_fail),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
