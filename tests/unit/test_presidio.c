/* SPDX-License-Identifier: Apache-2.0 */
/* Presidio's REST: requests as its clients send them, answers as they read them. */
#include "op/presidio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "support/faced.h"

static struct wf_detector *detector;
static struct wf_policy *policy;
static struct wf_op_context ops;

static int begin(void **state)
{
    const struct wf_detect_options o = {.plain_only = false};

    (void)state;
    if (wf_detector_open(&o, &detector, NULL) != 0 || wf_policy_built_in(&policy, NULL) != 0)
        return -1;
    ops.detector = detector;
    ops.policy = policy;
    return 0;
}

static int end(void **state)
{
    (void)state;
    wf_detector_free(detector);
    wf_policy_free(policy);
    return 0;
}

/* Posts a body; the answer, whose status must be this one. */
static json_t *post(const char *path, const char *body, int status)
{
    struct faced f;
    json_t *v;

    faced_run(&ops, WF_HTTP_POST, path, wf_str_from(body), &f);
    if (f.status != status)
        fail_msg("%s gives %d: %s", path, f.status, f.body.ptr);
    v = faced_json(&f);
    assert_non_null(v);
    faced_free(&f);
    return v;
}

static void assert_error(const char *path, const char *body, int status, const char *sentence)
{
    json_t *v = post(path, body, status);

    assert_string_equal(json_string_value(json_object_get(v, "error")), sentence);
    json_decref(v);
}

static void test_presidio__analyzes(void **state)
{
    json_t *v = post("/analyze",
                     "{\"text\":\"J\\u00f6rg: card 4111 1111 1111 1111, j@example.org\","
                     "\"language\":\"de\",\"correlation_id\":\"x\"}",
                     200);

    (void)state;
    assert_true(faced_is(v, "0.entity_type", "\"CREDIT_CARD\""));
    assert_true(faced_is(v, "0.start", "11")); /* code points */
    assert_true(faced_is(v, "0.end", "30"));
    assert_true(faced_is(v, "0.analysis_explanation", "null"));
    assert_true(faced_is(v, "1.entity_type", "\"EMAIL_ADDRESS\""));
    assert_int_equal(json_array_size(v), 2);
    json_decref(v);
    v = post("/analyze",
             "{\"text\":\"card 4111 1111 1111 1111, j@example.org\",\"language\":\"en\","
             "\"entities\":[\"EMAIL_ADDRESS\"],\"score_threshold\":0.4,"
             "\"return_decision_process\":true}",
             200);
    assert_int_equal(json_array_size(v), 1);
    assert_true(faced_is(v, "0.analysis_explanation.recognizer", "\"weft\""));
    json_decref(v);
    v = post("/analyze",
             "{\"text\":[\"a@example.org\",\"b\"],\"language\":\"en\",\"allow_list\":[\"x\"]}",
             200);
    assert_true(faced_is(v, "0.0.start", "0"));
    assert_true(faced_is(v, "1", "[]"));
    json_decref(v);
    v = post("/analyze", "{\"text\":\"a@example.org\",\"allow_list\":[\"a@example.org\"]}", 200);
    assert_true(faced_is(v, "", "[]"));
    json_decref(v);
    assert_error("/analyze", "{\"language\":\"en\"}", 422, "No text provided");
    assert_error("/analyze", "{\"text\":\"x\",\"ad_hoc\":[]}", 422,
                 "weft knows no parameter \"ad_hoc\" of analyze.");
}

/* A request with recognizers of its own. */
static void test_presidio__takes_recognizers_with_the_request(void **state)
{
    json_t *v =
        post("/analyze",
             "{\"text\":\"Zeus lives at 12345, Apollo-7 at 12345-6789; see Zeusx\","
             "\"language\":\"en\",\"return_decision_process\":true,"
             "\"entities\":[\"ZIP\",\"PROJECT\"],\"ad_hoc_recognizers\":["
             "{\"name\":\"Zip\",\"supported_language\":\"en\",\"patterns\":[{\"name\":\"zip\","
             "\"regex\":\"(\\\\b\\\\d{5}(?:\\\\-\\\\d{4})?\\\\b)\",\"score\":0.01}],"
             "\"context\":[\"zip\"],\"supported_entity\":\"ZIP\"},"
             "{\"name\":\"P\",\"deny_list\":[\"zeus\",\"Apollo-7\"],\"supported_entity\":"
             "\"PROJECT\"}]}",
             200);

    (void)state;
    assert_int_equal(json_array_size(v), 4);
    assert_true(faced_is(v, "0.entity_type", "\"PROJECT\""));
    assert_true(faced_is(v, "0.end", "4"));
    assert_true(faced_is(v, "1.entity_type", "\"ZIP\""));
    assert_true(faced_is(v, "1.analysis_explanation.pattern_name", "\"zip\""));
    assert_true(faced_is(v, "2.start", "21"));
    assert_true(faced_is(v, "3.end", "43"));
    json_decref(v);
    assert_error("/analyze", "{\"text\":\"x\",\"ad_hoc_recognizers\":[{\"patterns\":[]}]}", 422,
                 "ad_hoc_recognizers: a recognizer has a \"supported_entity\".");
    assert_error("/analyze",
                 "{\"text\":\"x\",\"ad_hoc_recognizers\":[{\"supported_entity\":\"A\",\"patterns\":"
                 "[{\"regex\":\"(\",\"score\":1}]}]}",
                 422, "ad_hoc_recognizers: the expression is wrong: missing closing parenthesis");
    assert_error("/analyze",
                 "{\"text\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\","
                 "\"ad_hoc_recognizers\":[{\"supported_entity\":\"A\",\"patterns\":[{\"regex\":"
                 "\"(a|aa)+$\",\"score\":1}]}]}",
                 422, "ad_hoc_recognizers: an expression takes too many steps.");
}

#define TWO                                                                                        \
    "\"text\":\"hello world, my name is Jane Doe. My number is: 034453334\","                      \
    "\"analyzer_results\":["                                                                       \
    "{\"start\":24,\"end\":32,\"score\":0.8,\"entity_type\":\"NAME\"},"                            \
    "{\"start\":24,\"end\":28,\"score\":0.8,\"entity_type\":\"FIRST_NAME\"},"                      \
    "{\"start\":29,\"end\":32,\"score\":0.6,\"entity_type\":\"LAST_NAME\"},"                       \
    "{\"start\":48,\"end\":57,\"score\":0.95,\"entity_type\":\"PHONE_NUMBER\"}]"

static void test_presidio__anonymizes(void **state)
{
    json_t *v =
        post("/anonymize",
             "{" TWO ",\"anonymizers\":{\"DEFAULT\":{\"type\":\"replace\",\"new_value\":\"ANON\"},"
             "\"PHONE_NUMBER\":{\"type\":\"mask\",\"masking_char\":\"*\",\"chars_to_mask\":4,"
             "\"from_end\":true}}}",
             200);

    (void)state;
    assert_true(faced_is(v, "text", "\"hello world, my name is ANON. My number is: 03445****\""));
    assert_int_equal(json_array_size(faced_at(v, "items")), 2);
    assert_true(faced_is(v, "items.0",
                         "{\"operator\":\"mask\",\"entity_type\":\"PHONE_NUMBER\",\"start\":44,"
                         "\"end\":53,\"text\":\"03445****\"}"));
    assert_true(faced_is(v, "items.1.start", "24"));
    assert_true(faced_is(v, "items.1.end", "28"));
    json_decref(v);
    v = post("/anonymize", "{" TWO "}", 200); /* what nothing is said of is replaced by its type */
    assert_true(
        faced_is(v, "text", "\"hello world, my name is <NAME>. My number is: <PHONE_NUMBER>\""));
    json_decref(v);
    v = post("/anonymize",
             "{" TWO ",\"anonymizers\":{\"DEFAULT\":{\"type\":\"redact\"},\"NAME\":"
             "{\"type\":\"hash\"}}}",
             200);
    assert_true(faced_is(v, "items.1.text", /* SHA-256 of "Jane Doe" */
                         "\"01332c876518a793b7c1b8dfaf6d4b404ff5db09b21c6627ca59710cc24f696a\""));
    json_decref(v);
}

/* Neighbours of one type are one; what overlaps is cut; positions are code points. */
static void test_presidio__settles_overlaps(void **state)
{
    json_t *v = post("/anonymize",
                     "{\"text\":\"\\u00e4 Anna  Maria Doe-Roe!\",\"analyzer_results\":["
                     "{\"start\":2,\"end\":6,\"score\":1,\"entity_type\":\"P\"},"
                     "{\"start\":8,\"end\":13,\"score\":1,\"entity_type\":\"P\"},"
                     "{\"start\":14,\"end\":19,\"score\":1,\"entity_type\":\"A\"},"
                     "{\"start\":17,\"end\":21,\"score\":1,\"entity_type\":\"B\"}]}",
                     200);

    (void)state;
    assert_true(faced_is(v, "text", "\"\\u00e4 <P> <A><B>!\""));
    assert_int_equal(json_array_size(faced_at(v, "items")), 3);
    json_decref(v);
}

static void test_presidio__encrypts_and_back(void **state)
{
    static const char *const keys[] = {"1111111111111111", "111111111111111111111111",
                                       "11111111111111111111111111111111"};
    char body[600], *text;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(keys); i++) {
        (void)snprintf(body, sizeof(body),
                       "{\"text\":\"to J\\u00f6rg!\",\"anonymizers\":{\"DEFAULT\":{\"type\":"
                       "\"encrypt\",\"key\":\"%s\"}},\"analyzer_results\":[{\"start\":3,\"end\":7,"
                       "\"score\":1,\"entity_type\":\"PERSON\"}]}",
                       keys[i]);
        json_t *v = post("/anonymize", body, 200);
        text = json_dumps(json_object_get(v, "text"), JSON_ENCODE_ANY);
        assert_null(strstr(text, "rg"));
        (void)snprintf(body, sizeof(body),
                       "{\"text\":%s,\"deanonymizers\":{\"PERSON\":{\"type\":\"decrypt\",\"key\":"
                       "\"%s\"}},\"anonymizer_results\":[{\"start\":3,\"end\":%d,\"entity_type\":"
                       "\"PERSON\"}]}",
                       text, keys[i], (int)json_integer_value(faced_at(v, "items.0.end")));
        free(text);
        json_decref(v);
        v = post("/deanonymize", body, 200);
        assert_true(faced_is(v, "text", "\"to J\\u00f6rg!\""));
        assert_true(faced_is(v, "items.0.operator", "\"decrypt\""));
        json_decref(v);
    }
    /* A text that Presidio itself wrote, from its documentation's example of decrypting. */
    struct wf_buf b;
    wf_buf_init(&b, 1000);
    assert_int_equal(wf_presidio_decrypt(WF_STR("WmZq4t7w!z%C&F)J"),
                                         WF_STR("S184CMt9Drj7QaKQ21JTrpYzghnboTF9pn/neN8JME0="), &b,
                                         NULL),
                     0);
    assert_string_equal(b.ptr, "Chlo\xc3\xab");
    wf_buf_deinit(&b);
}

static void test_presidio__tells_mistakes_as_presidio_does(void **state)
{
    (void)state;
    assert_error("/anonymize", "{\"text\":\"\",\"analyzer_results\":[]}", 422,
                 "Invalid input, text can not be empty");
    assert_error("/anonymize", "{\"text\":\"x\"}", 422,
                 "Invalid input, analyzer_results can not be empty");
    assert_error("/anonymize",
                 "{\"text\":\"x\",\"analyzer_results\":[{\"start\":0,\"end\":9,\"score\":1,"
                 "\"entity_type\":\"A\"}]}",
                 422, "Invalid analyzer result, start: 0 and end: 9, while text length is only 1.");
    assert_error("/anonymize",
                 "{\"text\":\"x\",\"analyzer_results\":[{\"start\":1,\"end\":1,\"score\":1,"
                 "\"entity_type\":\"A\"}]}",
                 422, "Invalid input, start index '1' must be smaller than end index '1'");
    assert_error("/anonymize", "{" TWO ",\"anonymizers\":{\"DEFAULT\":{\"type\":\"love\"}}}", 422,
                 "Invalid operator class 'love'.");
    assert_error("/anonymize",
                 "{" TWO ",\"anonymizers\":{\"DEFAULT\":{\"type\":\"encrypt\",\"key\":\"x\"}}}",
                 422, "Invalid input, key must be of length 128, 192 or 256 bits");
    assert_error("/anonymize", "{" TWO ",\"anonymizers\":{\"DEFAULT\":{\"type\":\"decrypt\"}}}",
                 422, "Invalid operator class 'decrypt'.");
    assert_error("/deanonymize",
                 "{\"text\":\"AAAA\",\"deanonymizers\":{\"DEFAULT\":{\"type\":\"decrypt\",\"key\":"
                 "\"1111111111111111\"}},\"anonymizer_results\":[{\"start\":0,\"end\":4,"
                 "\"entity_type\":\"A\"}]}",
                 422, "Invalid input, text is not encrypted with this key");
}

static void test_presidio__lists_what_it_has(void **state)
{
    struct faced f;
    json_t *v;

    (void)state;
    faced_run(&ops, WF_HTTP_GET, "/anonymizers", WF_STR(""), &f);
    v = faced_json(&f);
    assert_true(faced_is(
        v, "", "[\"hash\",\"mask\",\"redact\",\"replace\",\"keep\",\"encrypt\",\"fake\"]"));
    json_decref(v);
    faced_free(&f);
    faced_run(&ops, WF_HTTP_GET, "/supportedentities", WF_STR(""), &f);
    v = faced_json(&f);
    assert_true(json_array_size(v) > 100);
    json_decref(v);
    faced_free(&f);
    faced_run(&ops, WF_HTTP_GET, "/health", WF_STR(""), &f);
    assert_int_equal(f.status, 200);
    faced_free(&f);
}

static void test_presidio__memory_may_fail_anywhere(void **state)
{
    static const char body[] =
        "{" TWO ",\"anonymizers\":{\"DEFAULT\":{\"type\":\"fake\"},\"NAME\":{\"type\":\"encrypt\","
        "\"key\":\"1111111111111111\"}}}";
    bool failed = true;

    (void)state;
    for (uint64_t n = 1; failed; n++) {
        struct faced f;
        assert_true(n < 500);
        faced_fail_at(n);
        faced_run(&ops, WF_HTTP_POST, "/anonymize", wf_str_from(body), &f);
        failed = faced_failed();
        assert_true(f.status == 200 || failed);
        faced_free(&f);
    }
    faced_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_presidio__analyzes),
        cmocka_unit_test(test_presidio__takes_recognizers_with_the_request),
        cmocka_unit_test(test_presidio__anonymizes),
        cmocka_unit_test(test_presidio__settles_overlaps),
        cmocka_unit_test(test_presidio__encrypts_and_back),
        cmocka_unit_test(test_presidio__tells_mistakes_as_presidio_does),
        cmocka_unit_test(test_presidio__lists_what_it_has),
        cmocka_unit_test(test_presidio__memory_may_fail_anywhere),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
