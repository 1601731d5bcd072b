/* SPDX-License-Identifier: Apache-2.0 */
/* Whole texts and JSON values, redacted by what the detectors find and the policy says. */
#include "op/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/limits.h"

static struct wf_detector *detector;
static struct wf_policy *policy;
static struct wf_labeler *labeler;
static struct wf_redaction *redaction;

static int begin(void **state)
{
    const struct wf_detect_options o = {.plain_only = false};
    const struct wf_policy_options po = {.name = "p"};
    struct wf_labeler_options lo = {.lens = NULL};

    (void)state;
    if (wf_detector_open(&o, &detector, NULL) != 0 ||
        wf_policy_parse(WF_STR("weft policy 1\nphone numbers may go to Gemini when masked\n"
                               "web addresses may go to Gemini when replaced\n"
                               "e-mails may go to Mistral as they are\n"),
                        &po, &policy, NULL) != 0)
        return -1;
    lo.detector = detector;
    lo.policy = policy;
    return wf_labeler_new(&lo, &labeler, NULL);
}

static int end(void **state)
{
    (void)state;
    wf_labeler_free(labeler);
    wf_policy_free(policy);
    wf_detector_free(detector);
    return 0;
}

static int fresh(void **state)
{
    (void)state;
    return wf_redaction_new(NULL, &redaction, NULL);
}

static int gone(void **state)
{
    (void)state;
    wf_redaction_free(redaction);
    redaction = NULL;
    return 0;
}

static void assert_redacted(const char *text, const char *provider, enum wf_operator op, bool all,
                            const char *want)
{
    const struct wf_redact_wish wish = {
        .policy = policy, .provider = provider, .op = op, .all = all};
    struct wf_buf b;

    wf_buf_init(&b, SIZE_MAX);
    assert_int_equal(wf_redact_found(labeler, redaction, wf_str_from(text), &wish, &b, NULL), 0);
    assert_string_equal(b.ptr, want);
    wf_buf_deinit(&b);
}

#define TEXT "card 4111 1111 1111 1111, see https://example.org/a, write to a@example.org"

static void test_redact_found__goes_by_the_policy(void **state)
{
    (void)state;
    /* Nothing is said of cards: above the clearance of providers they are replaced all the same. */
    assert_redacted(TEXT, NULL, WF_OPERATOR_NONE, false,
                    "card <CARD_1>, see https://example.org/a, write to <EMAIL_1>");
    assert_redacted(TEXT, "Mistral", WF_OPERATOR_NONE, false,
                    "card <CARD_1>, see https://example.org/a, write to a@example.org");
    assert_redacted(TEXT, "gemini", WF_OPERATOR_NONE, false,
                    "card <CARD_1>, see <WEBADDRESS_1>, write to <EMAIL_1>");
    assert_redacted(TEXT, "Mistral", WF_OPERATOR_NONE, true,
                    "card <CARD_1>, see <WEBADDRESS_1>, write to <EMAIL_1>");
    assert_redacted("card 4111 1111 1111 1111", NULL, WF_OPERATOR_MASK, false,
                    "card **** **** **** 1111");
}

static void test_redact_found__without_a_policy_all_goes(void **state)
{
    const struct wf_redact_wish wish = {.policy = NULL};
    struct wf_buf b;

    (void)state;
    wf_buf_init(&b, SIZE_MAX);
    assert_int_equal(
        wf_redact_found(labeler, redaction, WF_STR("see https://example.org/a"), &wish, &b, NULL),
        0);
    assert_null(strstr(b.ptr, "example"));
    wf_buf_deinit(&b);
}

/* Redacts a JSON text; the same as JSON text. */
static void assert_value(const char *json, enum wf_operator op, const char *want)
{
    const struct wf_redact_wish wish = {.policy = policy, .op = op};
    json_t *v = json_loads(json, JSON_DECODE_ANY, NULL), *out = NULL;
    char *text;

    assert_int_equal(wf_redact_value(labeler, redaction, v, &wish, &out, NULL), 0);
    text = json_dumps(out, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_string_equal(text, want);
    free(text);
    json_decref(v);
    json_decref(out);
}

static void test_redact_found__walks_json(void **state)
{
    (void)state;
    assert_value("{\"role\":\"user\",\"n\":[1,true,null],\"content\":[{\"text\":\"to "
                 "a\\u0040example.org\"}],"
                 "\"a@example.org\":1.5}",
                 WF_OPERATOR_NONE,
                 "{\"role\":\"user\",\"n\":[1,true,null],\"content\":[{\"text\":\"to <EMAIL_1>\"}],"
                 "\"<EMAIL_1>\":1.5}");
    /* Arguments of a tool are JSON within a text: what stands in their escapes is seen. */
    assert_value("{\"arguments\":\"{\\\"to\\\":\\\"\\\\u0061@example.org\\\"}\"}", WF_OPERATOR_NONE,
                 "{\"arguments\":\"{\\\"to\\\":\\\"<EMAIL_1>\\\"}\"}");
    assert_value("\"[not JSON a@example.org\"", WF_OPERATOR_NONE, "\"[not JSON <EMAIL_1>\"");
    /* Names that are masked to the same stay two members. */
    assert_value("{\"a@example.org\":1,\"b@example.org\":2}", WF_OPERATOR_MASK,
                 "{\"*@*******.***\":1,\"*@*******.***_\":2}");
}

static void test_redact_found__json_has_a_depth(void **state)
{
    const struct wf_redact_wish wish = {.policy = policy};
    json_t *v = json_integer(1), *out = NULL;

    (void)state;
    for (int i = 1; i < WF_LIMIT_NESTING; i++)
        v = json_pack("[o]", v);
    assert_int_equal(wf_redact_value(labeler, redaction, v, &wish, &out, NULL), 0);
    json_decref(out);
    out = NULL;
    v = json_pack("[o]", v);
    assert_int_equal(wf_redact_value(labeler, redaction, v, &wish, &out, NULL), WF_E_LIMIT);
    assert_null(out);
    json_decref(v);
}

static void test_redact_found__memory_may_fail_anywhere(void **state)
{
    const struct wf_redact_wish wish = {.policy = policy};
    json_t *v = json_pack("{s:s, s:[s]}", "a@example.org", "{\"k\":\"+49 30 1234567\"}", "b",
                          "card 4111111111111111");
    bool failed = true;
    uint64_t live = wf_alloc_stats().n_live;

    (void)state;
    for (uint64_t n = 1; failed; n++) {
        struct wf_redaction *r = NULL;
        json_t *out = NULL;
        assert_true(n < 500);
        wf_alloc_fail_at(n);
        int rc = wf_redaction_new(NULL, &r, NULL);
        if (rc == 0)
            rc = wf_redact_value(labeler, r, v, &wish, &out, NULL);
        failed = wf_alloc_failed();
        assert_true(rc == 0 || (failed && rc < 0));
        json_decref(out);
        wf_redaction_free(r);
    }
    wf_alloc_fail_at(0);
    assert_true(wf_alloc_stats().n_live <= live + 8); /* what the labeler keeps for the next text */
    json_decref(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_redact_found__goes_by_the_policy, fresh, gone),
        cmocka_unit_test_setup_teardown(test_redact_found__without_a_policy_all_goes, fresh, gone),
        cmocka_unit_test_setup_teardown(test_redact_found__walks_json, fresh, gone),
        cmocka_unit_test_setup_teardown(test_redact_found__json_has_a_depth, fresh, gone),
        cmocka_unit_test_setup_teardown(test_redact_found__memory_may_fail_anywhere, fresh, gone),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
