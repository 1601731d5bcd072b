/* SPDX-License-Identifier: Apache-2.0 */
/* Redaction: what goes out, what entities are the same, and above all the way back: any text, any
 * spans, any cuts of the stream, and the ways in which models change placeholders. */
#include "privacy/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "privacy/checks.h"
#include "text/utf8.h"

static const uint8_t key[WF_REDACT_KEY_BYTES] = "a key of thirty-two bytes, fixed";

static struct wf_redaction *fresh(void)
{
    struct wf_redaction *r = NULL;

    assert_int_equal(wf_redaction_new(key, &r, NULL), 0);
    return r;
}

/* Redacts `data` ("PERSON:Anna Schmidt|...") wherever they stand in the text. */
static const char *redact(struct wf_redaction *r, const char *text, const char *data,
                          enum wf_operator op)
{
    static struct wf_buf out;
    struct wf_redact_span spans[64];
    static char types[64][40];
    struct wf_str s = wf_str_from(text);
    size_t n = 0;
    struct wf_err err = WF_ERR_INIT;

    for (size_t i = 0; i < s.len;) {
        struct wf_str rest = wf_str_from(data), one;
        size_t most = 0;
        while (wf_str_split(&rest, '|', &one)) {
            size_t colon = wf_str_find_byte(one, ':', 0);
            struct wf_str datum = wf_str_sub(one, colon + 1, one.len);
            if (!wf_str_starts(wf_str_sub(s, i, s.len), datum) || datum.len <= most)
                continue;
            most = datum.len;
            (void)snprintf(types[n], sizeof(types[0]), "%.*s", (int)colon, one.ptr);
        }
        if (most > 0) {
            spans[n] = (struct wf_redact_span){i, i + most, types[n], op};
            n++;
        }
        i += most > 0 ? most : 1;
    }
    wf_buf_deinit(&out);
    wf_buf_init(&out, SIZE_MAX);
    if (wf_redact(r, s, spans, n, &out, &err) != 0)
        fail_msg("%s", err.msg);
    return out.ptr;
}

static const char *restore(const struct wf_redaction *r, const char *text)
{
    static struct wf_buf out;

    wf_buf_deinit(&out);
    wf_buf_init(&out, SIZE_MAX);
    assert_int_equal(wf_restore_text(r, wf_str_from(text), &out, NULL), 0);
    return out.ptr;
}

static void test_redact__same_entity_same_placeholder(void **state)
{
    struct wf_redaction *r = fresh();

    (void)state;
    assert_string_equal(
        redact(r, "Anna Schmidt met Bob. Frau Schmidt and Anna Schmidt left; Anna paid.",
               "PERSON:Anna Schmidt|PERSON:Bob|PERSON:Frau Schmidt|PERSON:Anna",
               WF_OPERATOR_REPLACE),
        "<PERSON_1> met <PERSON_2>. <PERSON_1b> and <PERSON_1> left; <PERSON_1c> paid.");
    assert_string_equal(restore(r, "<PERSON_1b>, <PERSON_1>, <PERSON_1c>, <PERSON_2>"),
                        "Frau Schmidt, Anna Schmidt, Anna, Bob");
    /* A second Schmidt: from now on the name alone is nobody's in particular. */
    assert_string_equal(redact(r, "Peter Schmidt, Dr. Schmidt",
                               "PERSON:Peter Schmidt|PERSON:Dr. Schmidt", WF_OPERATOR_REPLACE),
                        "<PERSON_3>, <PERSON_1d>");
    assert_string_equal(
        redact(r, "4111 1111 1111 1111 4111111111111111 5500 0000 0000 0004",
               "CREDIT_CARD:4111 1111 1111 1111|CREDIT_CARD:4111111111111111|CREDIT_CARD:5500 0000 "
               "0000 0004",
               WF_OPERATOR_REPLACE),
        "<CARD_1> <CARD_1b> <CARD_2>");
    assert_string_equal(restore(r, "CARD_1b"), "4111111111111111");
    wf_redaction_free(r);
}

static void test_redact__two_of_a_name_are_not_one(void **state)
{
    struct wf_redaction *r = fresh();

    (void)state;
    assert_string_equal(redact(r, "Anna Schmidt, Peter Schmidt, Schmidt",
                               "PERSON:Anna Schmidt|PERSON:Peter Schmidt|PERSON:Schmidt",
                               WF_OPERATOR_REPLACE),
                        "<PERSON_1>, <PERSON_2>, <PERSON_3>");
    wf_redaction_free(r);
    r = fresh(); /* the name alone first: whoever comes with it then is meant */
    assert_string_equal(redact(r, "Schmidt. Anna Schmidt. Bert Schmidt.",
                               "PERSON:Schmidt|PERSON:Anna Schmidt|PERSON:Bert Schmidt",
                               WF_OPERATOR_REPLACE),
                        "<PERSON_1>. <PERSON_1b>. <PERSON_2>.");
    wf_redaction_free(r);
}

/* What models make of placeholders. */
static void test_redact__changed_placeholders_come_back(void **state)
{
    static const char *const pairs[][2] = {
        {"<PERSON_1>", "Anna Schmidt"},
        {"<PERSON_1>'s", "Anna Schmidt's"},
        {"<PERSON_1's>", "Anna Schmidt's"},
        {"PERSON_1s", "Anna Schmidts"},
        {"PERSON_1", "Anna Schmidt"},
        {"person_1", "Anna Schmidt"},
        {"<Person_1>", "Anna Schmidt"},
        {"PERSON 1", "Anna Schmidt"},
        {"[PERSON 1]", "Anna Schmidt"},
        {"[person-1]", "Anna Schmidt"},
        {"{PERSON_1}", "Anna Schmidt"},
        {"(PERSON_1)", "(Anna Schmidt)"},
        {"PERSON\\_1", "Anna Schmidt"},
        {"\\<PERSON\\_1\\>", "Anna Schmidt"},
        {"&lt;PERSON_1&gt;", "Anna Schmidt"},
        {"\\u003cPERSON_1\\u003e", "Anna Schmidt"},
        {"%3CPERSON_1%3E", "Anna Schmidt"},
        {"\xef\xbc\x9cPERSON_1\xef\xbc\x9e", "Anna Schmidt"},
        {"\xe3\x80\x90PERSON_1\xe3\x80\x91", "Anna Schmidt"},
        {"\xef\xbc\xb0\xef\xbc\xa5\xef\xbc\xb2\xef\xbc\xb3\xef\xbc\xaf\xef\xbc\xae\xef\xbc\xbf"
         "\xef\xbc\x91",
         "Anna Schmidt"},
        {"\xc2\xab\xc2\xa0PERSON_1\xc2\xa0\xc2\xbb", "Anna Schmidt"},
        {"<PERSON_\xd9\xa1>", "Anna Schmidt"},
        {"**PERSON_1**, <PERSON_2>!", "**Anna Schmidt**, Bob!"},
        {"\xe8\xaf\xb7\xe8\x81\x94\xe7\xb3\xbbPERSON_1\xe3\x80\x82",
         "\xe8\xaf\xb7\xe8\x81\x94\xe7\xb3\xbb"
         "Anna Schmidt\xe3\x80\x82"},
        {"<PERSON_1><PERSON_2>", "Anna SchmidtBob"},
        /* and what is none */
        {"<PERSON_3>", "<PERSON_3>"},
        {"PERSON_12", "PERSON_12"},
        {"person 1", "person 1"},
        {"IMPERSON_1", "IMPERSON_1"},
        {"<PERSONAL_1>", "<PERSONAL_1>"},
        {"PERSON_", "PERSON_"},
        {"<PERSON_1", "<Anna Schmidt"},
        {"\\<PERSON_1>", "\\Anna Schmidt"},
        {"PERSON_0000001", "PERSON_0000001"},
    };
    struct wf_redaction *r = fresh();

    (void)state;
    (void)redact(r, "Anna Schmidt, Bob", "PERSON:Anna Schmidt|PERSON:Bob", WF_OPERATOR_REPLACE);
    for (size_t i = 0; i < WF_ARRAY_LEN(pairs); i++) {
        if (strcmp(restore(r, pairs[i][0]), pairs[i][1]) != 0)
            fail_msg("%s gives %s, not %s", pairs[i][0], restore(r, pairs[i][0]), pairs[i][1]);
    }
    wf_redaction_free(r);
}

static void test_redact__texts_with_placeholders_of_their_own(void **state)
{
    struct wf_redaction *r = fresh();

    (void)state;
    assert_string_equal(
        redact(r, "PERSON_1 is what [PERSON 2] calls Anna", "PERSON:Anna", WF_OPERATOR_REPLACE),
        "PERSON_1 is what [PERSON 2] calls <PERSON_3>");
    assert_string_equal(restore(r, "PERSON_1, <PERSON_3>"), "PERSON_1, Anna");
    /* Now the number is taken: the form itself goes as a placeholder. */
    assert_string_equal(redact(r, "who is PERSON_3?", "PERSON:Bob", WF_OPERATOR_REPLACE),
                        "who is <TEXT_1>?");
    assert_string_equal(restore(r, "<TEXT_1> is Anna: <PERSON_3>"), "PERSON_3 is Anna: Anna");
    wf_redaction_free(r);
}

/* However far from the next digit, a form that looks like a placeholder keeps its number. */
static void test_redact__forms_are_found_behind_long_words(void **state)
{
    static const char *const forms[] = {"<PERSON_1>", "PERSON_1", "\\u003c PERSON\\\\_1 \\u003e",
                                        "\xef\xbc\x9cPERSON_\xef\xbc\x91\xef\xbc\x9e",
                                        "&lt;PERSON 1&gt;"};
    static const char words[] =
        "and so on, with words and no number in them at all, for a long while, "
        "until it comes to an end and goes on again with words and words ";

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(forms); i++) {
        for (size_t n = 0; n < sizeof(words); n++) {
            struct wf_redaction *r = fresh();
            char text[400];
            snprintf(text, sizeof(text), "%.*s %s %.*s Anna", (int)n, words, forms[i], (int)n,
                     words);
            const char *out = redact(r, text, "PERSON:Anna", WF_OPERATOR_REPLACE);
            if (strstr(out, forms[i]) == NULL || strstr(out, "<PERSON_2>") == NULL)
                fail_msg("%s", out);
            assert_string_equal(restore(r, out), text);
            wf_redaction_free(r);
        }
    }
}

static void test_redact__operators(void **state)
{
    struct wf_redaction *r = fresh(), *other = NULL;
    char hash[64], text[200];
    const char *out;

    (void)state;
    assert_string_equal(redact(r, "card 4111 1111 1111 1111, Bob",
                               "CREDIT_CARD:4111 1111 1111 1111|PERSON:Bob", WF_OPERATOR_MASK),
                        "card **** **** **** 1111, ***");
    assert_string_equal(redact(r, "pw hunter2", "PASSWORD:hunter2", WF_OPERATOR_MASK),
                        "pw ********");
    (void)snprintf(hash, sizeof(hash), "%s", redact(r, "Bob", "PERSON:Bob", WF_OPERATOR_HASH));
    assert_int_equal(strlen(hash), strlen("<PERSON:0123456789abcdef>"));
    assert_string_equal(redact(r, "Mr. Bob", "PERSON:Mr. Bob", WF_OPERATOR_HASH), hash);
    assert_string_equal(restore(r, hash), hash); /* there is no way back */
    assert_int_equal(wf_redaction_new(NULL, &other, NULL), 0);
    assert_string_not_equal(redact(other, "Bob", "PERSON:Bob", WF_OPERATOR_HASH), hash);
    (void)snprintf(text, sizeof(text), "%s",
                   redact(r, "to Bob!", "PERSON:Bob", WF_OPERATOR_ENCRYPT));
    assert_null(strstr(text, "Bob"));
    assert_non_null(strstr(text, "<PERSON~"));
    assert_string_equal(restore(r, text), "to Bob!");
    assert_string_equal(restore(other, text), text); /* another key */
    out = redact(r, "Bob", "PERSON:Bob", WF_OPERATOR_KEEP);
    assert_string_equal(out, "Bob");
    wf_redaction_free(r);
    wf_redaction_free(other);
}

static void test_redact__fakes_are_valid_and_come_back(void **state)
{
    struct wf_redaction *r = fresh();
    const char *text = "Anna Schmidt, a@b.example, 4111 1111 1111 1111, DE89370400440532013000, "
                       "born 12.03.1984, 10.1.2.3";
    const char *data =
        "PERSON:Anna Schmidt|EMAIL_ADDRESS:a@b.example|CREDIT_CARD:4111 1111 1111 1111|"
        "IBAN_CODE:DE89370400440532013000|DATE_OF_BIRTH:12.03.1984|IP_ADDRESS:10.1.2.3";
    char out[400], changed[400];
    struct wf_str rest, one;
    struct wf_code code;
    size_t i = 0;

    (void)state;
    (void)snprintf(out, sizeof(out), "%s", redact(r, text, data, WF_OPERATOR_FAKE));
    rest = wf_str_from(data);
    while (wf_str_split(&rest, '|', &one)) {
        struct wf_str datum = wf_str_sub(one, wf_str_find_byte(one, ':', 0) + 1, one.len);
        assert_true(wf_str_find(wf_str_from(out), datum, 0) == SIZE_MAX);
    }
    rest = wf_str_from(out);
    while (wf_str_split(&rest, ',', &one)) {
        one = wf_str_trim(one);
        if (i == 2 || i == 3)
            assert_true(wf_code_read(one, &code));
        if (i == 2)
            assert_true(wf_check_luhn(code.v, code.n));
        if (i == 3)
            assert_true(wf_str_starts(one, WF_STR("DE")));
        i++;
    }
    assert_string_equal(restore(r, out), text);
    assert_string_equal(redact(r, text, data, WF_OPERATOR_FAKE), out); /* stable */
    (void)snprintf(changed, sizeof(changed), "%s", out);
    for (char *c = changed; *c != 0 && *c != '@'; c++)
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c; /* the model shouts */
    assert_true(wf_str_starts(wf_str_from(restore(r, changed)), WF_STR("Anna Schmidt, ")));
    wf_redaction_free(r);
}

static void test_redact__one_person_has_one_made_up_name(void **state)
{
    struct wf_redaction *r = fresh();
    char out[200], last[40];
    const char *word;

    (void)state;
    (void)snprintf(out, sizeof(out), "%s",
                   redact(r, "Anna Schmidt came. Frau Schmidt left.",
                          "PERSON:Anna Schmidt|PERSON:Frau Schmidt", WF_OPERATOR_FAKE));
    word = strchr(out, ' ') + 1; /* "Mara Brandt came. Frau Brandt left." */
    (void)snprintf(last, sizeof(last), "%.*s", (int)(strchr(word, ' ') - word), word);
    assert_non_null(strstr(strstr(out, "Frau "), last));
    assert_string_equal(restore(r, last), "Schmidt");
    assert_string_equal(restore(r, out), "Anna Schmidt came. Frau Schmidt left.");
    wf_redaction_free(r);
}

/* Every card, IBAN and national number with a check gets a fake that passes it. */
static void test_redact__fakes_pass_their_checks_for_many_seeds(void **state)
{
    struct wf_buf b;
    struct wf_code code;

    (void)state;
    wf_buf_init(&b, 1000);
    for (uint64_t seed = 0; seed < 200; seed++) {
        wf_buf_reset(&b);
        assert_int_equal(wf_redact_fake(WF_STR("4111-1111-1111-1111"), "CREDIT_CARD", seed, &b), 0);
        assert_int_equal(b.len, 19);
        assert_true(wf_code_read(wf_buf_str(&b), &code) && wf_check_luhn(code.v, code.n));
        assert_string_not_equal(b.ptr, "4111-1111-1111-1111");
    }
    wf_buf_deinit(&b);
}

static void test_redact__map_goes_out_and_in(void **state)
{
    struct wf_redaction *r = fresh(), *again = NULL;
    json_t *map, *wrong;

    (void)state;
    (void)redact(r, "Anna Schmidt, Frau Schmidt", "PERSON:Anna Schmidt|PERSON:Frau Schmidt",
                 WF_OPERATOR_REPLACE);
    (void)redact(r, "PERSON_1 x", "PERSON:y", WF_OPERATOR_REPLACE);
    map = wf_redaction_json(r);
    assert_string_equal(json_string_value(json_object_get(map, "<PERSON_1>")), "Anna Schmidt");
    assert_string_equal(json_string_value(json_object_get(map, "<PERSON_1b>")), "Frau Schmidt");
    assert_string_equal(json_string_value(json_object_get(map, "<TEXT_1>")), "PERSON_1");
    assert_int_equal(wf_redaction_from_json(map, key, &again, NULL), 0);
    assert_string_equal(restore(again, "PERSON_1b [PERSON_1] <TEXT_1>"),
                        "Frau Schmidt Anna Schmidt PERSON_1");
    /* It goes on where it was. */
    assert_string_equal(redact(again, "Schmidt, Anna Schmidt, Bob",
                               "PERSON:Schmidt|PERSON:Anna Schmidt|PERSON:Bob",
                               WF_OPERATOR_REPLACE),
                        "<PERSON_1c>, <PERSON_1>, <PERSON_2>");
    wf_redaction_free(again);
    wf_redaction_free(r);
    json_decref(map);
    wrong = json_pack("{s:i}", "<PERSON_1>", 1);
    assert_int_equal(wf_redaction_from_json(wrong, key, &again, NULL), WF_E_FORMAT);
    json_decref(wrong);
    assert_int_equal(wf_redaction_from_json(NULL, key, &again, NULL), WF_E_FORMAT);
}

static void test_redact__spans_must_be_in_order(void **state)
{
    struct wf_redaction *r = fresh();
    struct wf_redact_span spans[2] = {{2, 4, "PERSON", WF_OPERATOR_REPLACE},
                                      {3, 5, "PERSON", WF_OPERATOR_REPLACE}};
    struct wf_buf b;

    (void)state;
    wf_buf_init(&b, 100);
    assert_int_equal(wf_redact(r, WF_STR("abcdefg"), spans, 2, &b, NULL), WF_E_INVAL);
    spans[1] = (struct wf_redact_span){4, 8, "PERSON", WF_OPERATOR_REPLACE};
    assert_int_equal(wf_redact(r, WF_STR("abcdefg"), spans, 2, &b, NULL), WF_E_INVAL);
    assert_int_equal(b.len, 0);
    wf_buf_deinit(&b);
    wf_redaction_free(r);
}

static void test_redact__tool_arguments_stay_json(void **state)
{
    const struct wf_restore_options o = {.in_json = true};
    struct wf_redaction *r = fresh();
    struct wf_restore *s = NULL;
    struct wf_buf b;

    (void)state;
    (void)redact(r, "Bob \"B\"\n", "PERSON:Bob \"B\"\n", WF_OPERATOR_REPLACE);
    wf_buf_init(&b, 100);
    assert_int_equal(wf_restore_new(r, &o, &s, NULL), 0);
    assert_int_equal(wf_restore_feed(s, WF_STR("{\"to\":\"\\u003cPER"), &b), 0);
    assert_int_equal(wf_restore_feed(s, WF_STR("SON_1\\u003e\"}"), &b), 0);
    assert_int_equal(wf_restore_end(s, &b), 0);
    assert_string_equal(b.ptr, "{\"to\":\"Bob \\\"B\\\"\\u000a\"}");
    wf_restore_free(s);
    wf_buf_deinit(&b);
    wf_redaction_free(r);
}

/* A stream of beginnings that never end must not wait for ever. */
static void test_redact__holds_back_a_bounded_piece(void **state)
{
    struct wf_redaction *r = fresh();
    struct wf_restore *s = NULL;
    size_t n_in = 0;
    struct wf_buf b;

    (void)state;
    (void)redact(r, "Bob", "PERSON:Bob", WF_OPERATOR_FAKE);
    wf_buf_init(&b, SIZE_MAX);
    assert_int_equal(wf_restore_new(r, NULL, &s, NULL), 0);
    assert_int_equal(wf_restore_feed(s, WF_STR("<PERSON~"), &b), 0);
    n_in += 8;
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(wf_restore_feed(s, WF_STR("AAAA"), &b), 0);
        n_in += 4;
        assert_true(n_in - b.len <= WF_RESTORE_HELD_MAX);
    }
    assert_int_equal(wf_restore_end(s, &b), 0);
    assert_int_equal(b.len, n_in);
    wf_restore_free(s);
    wf_buf_deinit(&b);
    wf_redaction_free(r);
}

/* ---- any text, any spans, any cuts ---- */

#define N_CASES 10000

static void add_fragment(const struct wf_rng *rng, struct wf_buf *b)
{
    static const char *const fragments[] = {"Anna",
                                            "Schmidt",
                                            "Anna Schmidt",
                                            "Frau Schmidt",
                                            " ",
                                            ", ",
                                            "<",
                                            ">",
                                            "[",
                                            "]",
                                            "\\",
                                            "\\_",
                                            "_",
                                            "1",
                                            "2",
                                            "PERSON",
                                            "PERSON_1",
                                            "<PERSON_1>",
                                            "[PERSON 2]",
                                            "<PERSON_1b>",
                                            "CARD_1",
                                            "TEXT_1",
                                            "<TEXT_1>",
                                            "&lt;",
                                            "&gt;",
                                            "%3C",
                                            "\\u003c",
                                            "PERSON_",
                                            "person_1",
                                            "DATE 1",
                                            "4111 1111 1111 1111",
                                            "4111111111111111",
                                            "b",
                                            "s",
                                            "'s",
                                            "\n",
                                            "\xef\xbc\x9c",
                                            "\xef\xbc\x91",
                                            "\xc3\xa9",
                                            "\xe5\xbc\xa0",
                                            "Neumann",
                                            "Clara Neumann",
                                            "~",
                                            ":",
                                            "\xff"};
    uint64_t k = wf_rng_below(rng, WF_ARRAY_LEN(fragments) + 3);

    if (k < WF_ARRAY_LEN(fragments))
        (void)wf_buf_append_cstr(b, fragments[k]);
    else
        (void)wf_buf_append_byte(b, (char)(wf_rng_u64(rng) & 0xff));
}

static size_t random_spans(const struct wf_rng *rng, size_t len, struct wf_redact_span *spans,
                           size_t most)
{
    static const char *const types[] = {"PERSON",       "CREDIT_CARD", "DATE_TIME",
                                        "TOPIC_HEALTH", "PASSWORD",    "BR_CPF"};
    static const uint8_t ops[] = {WF_OPERATOR_REPLACE, WF_OPERATOR_REPLACE, WF_OPERATOR_FAKE,
                                  WF_OPERATOR_ENCRYPT, WF_OPERATOR_KEEP,    WF_OPERATOR_NONE};
    size_t n = 0, at = 0;

    while (n < most && at < len) {
        size_t start = at + wf_rng_below(rng, 12), end = start + wf_rng_below(rng, 20);
        if (end > len)
            break;
        spans[n++] =
            (struct wf_redact_span){start, end, types[wf_rng_below(rng, WF_ARRAY_LEN(types))],
                                    ops[wf_rng_below(rng, WF_ARRAY_LEN(ops))]};
        at = end;
    }
    return n;
}

static void restore_in_pieces(const struct wf_rng *rng, const struct wf_redaction *r,
                              struct wf_str text, struct wf_buf *out)
{
    struct wf_restore *s = NULL;
    size_t at = 0;

    assert_int_equal(wf_restore_new(r, NULL, &s, NULL), 0);
    while (at < text.len) {
        size_t n = 1 + wf_rng_below(rng, 9);
        assert_int_equal(wf_restore_feed(s, wf_str_sub(text, at, at + n), out), 0);
        at += n;
    }
    assert_int_equal(wf_restore_end(s, out), 0);
    wf_restore_free(s);
}

static void test_redact__any_text_comes_back(void **state)
{
    struct wf_rng_seeded seeded;
    const struct wf_rng *rng = &seeded.rng;
    struct wf_redaction *r = NULL;
    struct wf_buf text, out, back;

    (void)state;
    wf_rng_seeded_init(&seeded, 20261128);
    wf_buf_init(&text, SIZE_MAX);
    wf_buf_init(&out, SIZE_MAX);
    wf_buf_init(&back, SIZE_MAX);
    for (int i = 0; i < N_CASES; i++) {
        struct wf_redact_span spans[8];
        size_t n;
        if (i % 8 == 0) { /* some texts of one conversation, one after the other */
            wf_redaction_free(r);
            r = fresh();
        }
        wf_buf_reset(&text);
        wf_buf_reset(&out);
        wf_buf_reset(&back);
        for (uint64_t k = wf_rng_below(rng, 14); k > 0; k--)
            add_fragment(rng, &text);
        n = random_spans(rng, text.len, spans, WF_ARRAY_LEN(spans));
        assert_int_equal(wf_redact(r, wf_buf_str(&text), spans, n, &out, NULL), 0);
        restore_in_pieces(rng, r, wf_buf_str(&out), &back);
        if (!wf_str_eq(wf_buf_str(&text), wf_buf_str(&back)))
            fail_msg("case %d: \"%s\" went as \"%s\" and came back as \"%s\"", i, text.ptr, out.ptr,
                     back.ptr);
    }
    wf_redaction_free(r);
    wf_buf_deinit(&text);
    wf_buf_deinit(&out);
    wf_buf_deinit(&back);
}

/* What a model makes of it, in pieces, is what it is in one piece. */
static void test_redact__cuts_do_not_matter(void **state)
{
    struct wf_rng_seeded seeded;
    struct wf_redaction *r = fresh();
    struct wf_buf text, whole, cut;

    (void)state;
    wf_rng_seeded_init(&seeded, 7);
    wf_buf_init(&text, SIZE_MAX);
    wf_buf_init(&whole, SIZE_MAX);
    wf_buf_init(&cut, SIZE_MAX);
    (void)redact(r, "Anna Schmidt, Schmidt, Bob", "PERSON:Anna Schmidt|PERSON:Schmidt|PERSON:Bob",
                 WF_OPERATOR_REPLACE);
    (void)redact(r, "Zed Zulu", "PERSON:Zed Zulu", WF_OPERATOR_FAKE);
    for (int i = 0; i < 5000; i++) {
        wf_buf_reset(&text);
        wf_buf_reset(&whole);
        wf_buf_reset(&cut);
        for (uint64_t k = wf_rng_below(&seeded.rng, 12); k > 0; k--)
            add_fragment(&seeded.rng, &text);
        assert_int_equal(wf_restore_text(r, wf_buf_str(&text), &whole, NULL), 0);
        restore_in_pieces(&seeded.rng, r, wf_buf_str(&text), &cut);
        if (!wf_str_eq(wf_buf_str(&whole), wf_buf_str(&cut)))
            fail_msg("case %d: \"%s\" gives \"%s\", in pieces \"%s\"", i, text.ptr, whole.ptr,
                     cut.ptr);
    }
    wf_redaction_free(r);
    wf_buf_deinit(&text);
    wf_buf_deinit(&whole);
    wf_buf_deinit(&cut);
}

/* One conversation, all of it: 0 or NOMEM. */
static int talk(void)
{
    static const struct wf_redact_span spans[] = {{0, 12, "PERSON", WF_OPERATOR_REPLACE},
                                                  {14, 17, "PERSON", WF_OPERATOR_FAKE},
                                                  {19, 23, "PERSON", WF_OPERATOR_ENCRYPT}};
    struct wf_str text = WF_STR("Anna Schmidt, Bob, Anna PERSON_1");
    struct wf_redaction *r = NULL, *again = NULL;
    json_t *map = NULL;
    struct wf_buf out, back;
    int rc = wf_redaction_new(key, &r, NULL);

    wf_buf_init(&out, SIZE_MAX);
    wf_buf_init(&back, SIZE_MAX);
    if (rc == 0)
        rc = wf_redact(r, text, spans, 3, &out, NULL);
    if (rc == 0)
        rc = wf_restore_text(r, wf_buf_str(&out), &back, NULL);
    if (rc == 0)
        assert_true(wf_str_eq(wf_buf_str(&back), text));
    if (rc == 0 && (map = wf_redaction_json(r)) == NULL)
        rc = WF_E_NOMEM;
    if (rc == 0)
        rc = wf_redaction_from_json(map, key, &again, NULL);
    json_decref(map);
    wf_buf_deinit(&out);
    wf_buf_deinit(&back);
    wf_redaction_free(r);
    wf_redaction_free(again);
    return rc;
}

static void test_redact__memory_may_fail_anywhere(void **state)
{
    uint64_t live = wf_alloc_stats().n_live;
    bool failed = true;

    (void)state;
    for (uint64_t n = 1; failed; n++) {
        assert_true(n < 1000);
        wf_alloc_fail_at(n);
        int rc = talk();
        failed = wf_alloc_failed();
        assert_true(rc == 0 || (failed && rc == WF_E_NOMEM));
        assert_int_equal(wf_alloc_stats().n_live, live);
    }
    wf_alloc_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_redact__same_entity_same_placeholder),
        cmocka_unit_test(test_redact__two_of_a_name_are_not_one),
        cmocka_unit_test(test_redact__changed_placeholders_come_back),
        cmocka_unit_test(test_redact__texts_with_placeholders_of_their_own),
        cmocka_unit_test(test_redact__forms_are_found_behind_long_words),
        cmocka_unit_test(test_redact__operators),
        cmocka_unit_test(test_redact__fakes_are_valid_and_come_back),
        cmocka_unit_test(test_redact__one_person_has_one_made_up_name),
        cmocka_unit_test(test_redact__fakes_pass_their_checks_for_many_seeds),
        cmocka_unit_test(test_redact__map_goes_out_and_in),
        cmocka_unit_test(test_redact__spans_must_be_in_order),
        cmocka_unit_test(test_redact__tool_arguments_stay_json),
        cmocka_unit_test(test_redact__holds_back_a_bounded_piece),
        cmocka_unit_test(test_redact__any_text_comes_back),
        cmocka_unit_test(test_redact__cuts_do_not_matter),
        cmocka_unit_test(test_redact__memory_may_fail_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
