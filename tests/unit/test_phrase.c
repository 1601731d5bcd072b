/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery phrases: the list holds what it promises, all secrets come back, also out of words that
 * are cut short or have a slip; what cannot be clear is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/rng.h"
#include "mesh/phrase.h"
#include "mesh/phrase_words.h"

static void test_phrase__the_list_is_sorted_and_told_apart_by_four_letters(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WF_PHRASE_WORDS; i++) {
        const char *w = wf_phrase__words[i];
        size_t n = strlen(w);
        assert_true(n >= 4 && n <= 8);
        assert_int_equal(strspn(w, "abcdefghijklmnopqrstuvwxyz"), n);
        if (i > 0)
            assert_true(strncmp(wf_phrase__words[i - 1], w, 4) < 0);
    }
}

static void test_phrase__every_secret_comes_back(void **state)
{
    struct wf_rng_seeded rng;
    uint8_t secret[WF_PHRASE_SECRET_BYTES], back[WF_PHRASE_SECRET_BYTES];
    char text[WF_PHRASE_TEXT_BYTES];
    (void)state;

    wf_rng_seeded_init(&rng, 1);
    for (int i = 0; i < 60; i++) {
        if (i < 2)
            memset(secret, i ? 0xff : 0, sizeof(secret));
        else
            rng.rng.fill(rng.rng.ud, secret, sizeof(secret));
        wf_phrase_write(secret, text);
        assert_int_equal(wf_phrase_read(wf_str_from(text), back, NULL), 0);
        assert_memory_equal(secret, back, sizeof(secret));
    }
}

/* Writes the words of a secret as a person might: cut to four letters, large, numbered, a line
 * each. */
static void retype(const char *text, char *out, size_t max)
{
    struct wf_str rest = wf_str_from(text), word;
    size_t n = 0;

    for (int i = 1; wf_str_split(&rest, ' ', &word); i++)
        n += (size_t)snprintf(out + n, max - n, "%d.\t%c%.*s,\n", i, word.ptr[0] - 'a' + 'A', 3,
                              word.ptr + 1);
}

static void test_phrase__words_may_be_short_large_and_numbered(void **state)
{
    uint8_t secret[WF_PHRASE_SECRET_BYTES] = "weft's own test", back[WF_PHRASE_SECRET_BYTES];
    char text[WF_PHRASE_TEXT_BYTES], typed[400];
    (void)state;

    wf_phrase_write(secret, text);
    retype(text, typed, sizeof(typed));
    assert_int_equal(wf_phrase_read(wf_str_from(typed), back, NULL), 0);
    assert_memory_equal(secret, back, sizeof(secret));
}

static void test_phrase__a_slip_is_mended_where_it_is_clear(void **state)
{
    struct wf_rng_seeded rng;
    uint8_t secret[WF_PHRASE_SECRET_BYTES], back[WF_PHRASE_SECRET_BYTES];
    char text[WF_PHRASE_TEXT_BYTES];
    int n_mended = 0;
    (void)state;

    wf_rng_seeded_init(&rng, 2);
    for (int i = 0; i < 200; i++) {
        size_t at;
        rng.rng.fill(rng.rng.ud, secret, sizeof(secret));
        wf_phrase_write(secret, text);
        do
            at = wf_rng_below(&rng.rng, strlen(text));
        while (text[at] == ' ');
        text[at] = (char)('a' + wf_rng_below(&rng.rng, 26));
        if (wf_phrase_read(wf_str_from(text), back, NULL) != 0)
            continue; /* it lies between two */
        assert_memory_equal(secret, back, sizeof(secret));
        n_mended++;
    }
    assert_true(n_mended > 180);
}

static void refuse(const char *typed, const char *why)
{
    uint8_t out[WF_PHRASE_SECRET_BYTES] = {7};
    struct wf_err err = WF_ERR_INIT;

    assert_int_equal(wf_phrase_read(wf_str_from(typed), out, &err), WF_E_FORMAT);
    assert_non_null(strstr(err.msg, why));
    assert_int_equal(out[0], 7);
}

static void test_phrase__what_is_wrong_is_named(void **state)
{
    static char long_one[WF_PHRASE_TYPED_BYTES + 1];
    uint8_t secret[WF_PHRASE_SECRET_BYTES] = {0}, out[WF_PHRASE_SECRET_BYTES];
    char text[WF_PHRASE_TEXT_BYTES], more[200];
    int n_caught = 0;
    (void)state;

    refuse("", "these are 0");
    refuse("able able", "these are 2");
    refuse("able qwertyuiop able", "Word 2, \"qwertyuiop\"");
    refuse("able \xff\xfe able", "Word 2");
    wf_phrase_write(secret, text);
    snprintf(more, sizeof(more), "%s zero", text);
    refuse(more, "these are 13");
    memset(long_one, ' ', sizeof(long_one));
    assert_int_equal(wf_phrase_read(wf_str_n(long_one, sizeof(long_one)), out, NULL), WF_E_LIMIT);
    /* Another word in the place of one: the checksum has four bits. */
    for (unsigned i = 0; i < 256; i++) {
        snprintf(more, sizeof(more), "%s%s", wf_phrase_word(i * 8 + 3), strchr(text, ' '));
        n_caught += wf_phrase_read(wf_str_from(more), out, NULL) == WF_E_FORMAT;
    }
    assert_true(n_caught > 220); /* 240 on average */
}

static void test_phrase__three_words_are_for_33_bits(void **state)
{
    const uint8_t zero[WF_PHRASE_COMPARED_BYTES] = {0}, one[] = {0, 0, 0, 0, 0x80};
    char a[WF_PHRASE_COMPARED_TEXT_BYTES], b[WF_PHRASE_COMPARED_TEXT_BYTES];
    (void)state;

    wf_phrase_compared(zero, a);
    wf_phrase_compared(one, b);
    assert_string_equal(strrchr(b, ' ') + 1, wf_phrase_word(1));
    assert_true(strncmp(a, b, (size_t)(strrchr(a, ' ') - a)) == 0);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_phrase__the_list_is_sorted_and_told_apart_by_four_letters),
        cmocka_unit_test(test_phrase__every_secret_comes_back),
        cmocka_unit_test(test_phrase__words_may_be_short_large_and_numbered),
        cmocka_unit_test(test_phrase__a_slip_is_mended_where_it_is_clear),
        cmocka_unit_test(test_phrase__what_is_wrong_is_named),
        cmocka_unit_test(test_phrase__three_words_are_for_33_bits),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
