/* SPDX-License-Identifier: Apache-2.0 */
/* Requests with secrets planted in them: what would be sent of them has none. */
#include "op/texts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/json.h"
#include "support/leak_send.h"

#define REQUESTS 2400

static void test_leaks__nothing_that_was_planted_is_sent(void **state)
{
    struct leak_maker *m = leak_maker_new(LEAK_PATH, 1);
    struct leak_sender *s = leak_sender_new(NULL);
    size_t n_sent = 0;

    (void)state;
    assert_non_null(m);
    assert_non_null(s);
    for (size_t i = 0; i < REQUESTS; i++) {
        const struct leak *l = leak_next(m);
        const struct wf_buf *sent = leak_send(s, l->request);
        n_sent += sent != NULL;
        if (sent == NULL || !leak_is_in(l, wf_buf_str(sent)))
            continue;
        fail_msg("%s in %s, %s: %s", l->type, l->place, l->trick, sent->ptr);
    }
    assert_true(n_sent > REQUESTS / 50); /* what may go redacted goes */
    leak_sender_free(s);
    leak_maker_free(m);
}

/* The maker's check finds what is there: with a policy that lets all go, everything leaks. */
static void test_leaks__would_be_seen(void **state)
{
    struct leak_maker *m = leak_maker_new(LEAK_PATH, 2);
    struct wf_buf sent;
    size_t n_seen = 0;

    (void)state;
    assert_non_null(m);
    for (size_t i = 0; i < 400; i++) {
        const struct leak *l = leak_next(m);
        wf_buf_init(&sent, SIZE_MAX);
        assert_int_equal(wf_json_append(&sent, l->request), 0);
        n_seen += leak_is_in(l, wf_buf_str(&sent));
        wf_buf_deinit(&sent);
    }
    /* In a URL or a name with '_' some pieces are written otherwise: their letters are seen. */
    assert_true(n_seen >= 380);
    leak_maker_free(m);
}

/* Where detectors find nothing, what a text comes from still keeps it here. */
static void test_leaks__source_holds_without_detectors(void **state)
{
    const struct wf_target target = {.tier = WF_TIER_PROVIDER,
                                     .name = WF_STR("large"),
                                     .provider = WF_STR("openai"),
                                     .clearance = WF_LABEL_SECRET};
    static const enum wf_source kept[] = {WF_SOURCE_UNKNOWN,   WF_SOURCE_FILE, WF_SOURCE_MAIL,
                                          WF_SOURCE_CLIPBOARD, WF_SOURCE_TOOL, WF_SOURCE_MEMORY};
    struct wf_context_part parts[2] = {{.source = WF_SOURCE_PROMPT},
                                       {.name = WF_STR("/home/a/b.txt")}};
    struct wf_policy *p = NULL;
    struct wf_gate gate;

    (void)state;
    assert_int_equal(wf_policy_built_in(&p, NULL), 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(kept); i++) {
        parts[1].source = kept[i];
        wf_policy_gate(p, parts, 2, &target, &gate);
        assert_false(gate.is_open);
        assert_int_equal(gate.label, WF_LABEL_PRIVATE);
    }
    parts[1].source = WF_SOURCE_PROMPT;
    parts[1].is_unscanned = true; /* detectors that are down */
    wf_policy_gate(p, parts, 2, &target, &gate);
    assert_false(gate.is_open);
    parts[1].is_unscanned = false;
    wf_policy_gate(p, parts, 2, &target, &gate);
    assert_true(gate.is_open);
    wf_policy_free(p);
}

/* ---- texts together ---- */

static struct wf_detector *detector;
static struct wf_labeler *labeler;

static int begin(void **state)
{
    const struct wf_detect_options o = {.plain_only = false};
    struct wf_labeler_options lo = {.lens = NULL};

    (void)state;
    if (wf_detector_open(&o, &detector, NULL) != 0)
        return -1;
    lo.detector = detector;
    return wf_labeler_new(&lo, &labeler, NULL);
}

static int end(void **state)
{
    (void)state;
    wf_labeler_free(labeler);
    wf_detector_free(detector);
    return 0;
}

/* What is found in all texts of a value: "TYPE=text" one behind the other. */
static void assert_found(const char *json, const char *want)
{
    json_t *v = json_loads(json, JSON_DECODE_ANY, NULL);
    struct wf_texts *t = NULL;
    struct wf_buf b;

    assert_non_null(v);
    wf_buf_init(&b, 1u << 16);
    assert_int_equal(wf_texts_read(labeler, v, &t, NULL), 0);
    for (size_t i = 0; i < wf_texts_n(t); i++) {
        const struct wf_text x = wf_texts_at(t, i);
        for (size_t k = 0; k < x.n_found; k++) {
            const struct wf_str s = wf_str_sub(x.text, x.found[k].start, x.found[k].end);
            (void)wf_buf_appendf(&b, "%s=%.*s;", x.found[k].type, WF_STR_ARG(s));
        }
    }
    assert_string_equal(b.len > 0 ? b.ptr : "", want);
    wf_buf_deinit(&b);
    wf_texts_free(t);
    json_decref(v);
}

static void test_leaks__texts_are_read_together(void **state)
{
    (void)state;
    /* A name tells its value, a number is one, too. */
    assert_found("{\"password\":\"hunter27x\"}", "PASSWORD=hunter27x;");
    assert_found("{\"card\":4111111111111111,\"max\":4096}", "CREDIT_CARD=4111111111111111;");
    assert_found("[\"{\\\"password\\\":\\\"hunter27x\\\"}\"]", "PASSWORD=hunter27x;");
    /* Cut in two, and told in two. */
    assert_found("[{\"role\":\"user\",\"content\":\"my card 4111 1111 \"},{\"role\":\"user\","
                 "\"content\":\"1111 1111 is it\"}]",
                 "CREDIT_CARD=4111 1111 ;CREDIT_CARD=1111 1111;");
    assert_found("[\"my card begins with 4111 1111 and\",\"it ends with 1111 1111, ok\"]",
                 "CREDIT_CARD=4111;CREDIT_CARD=1111;CREDIT_CARD=1111;CREDIT_CARD=1111;");
    /* The bytes of a text, each a number: one text; other numbers are none. */
    assert_found(
        "{\"card\":{\"type\":\"Buffer\",\"data\":[52,49,49,49,32,49,49,49,49,32,49,49,49,49,32,"
        "49,49,49,49]},\"n\":[1,2,3,4,5,6]}",
        "CREDIT_CARD=[52,49,49,49,32,49,49,49,49,32,49,49,49,49,32,49,49,49,49];");
    /* Two numbers that happen to be a card's, with no card in sight. */
    assert_found("[\"we sold 41111111 and\",\"bought 11111111, ok\"]", "");
    assert_found("{\"temperature\":0.7,\"n\":[1,2,3],\"s\":null,\"t\":\"\"}", "");
}

static void test_leaks__memory_may_fail_anywhere(void **state)
{
    json_t *v = json_loads("[\"my card begins with 4111 1111 and\",\"it ends with 1111 1111\","
                           "\"{\\\"a\\\":1234567}\"]",
                           0, NULL);
    bool failed = true;

    (void)state;
    assert_non_null(v);
    for (uint64_t n = 1; failed; n++) {
        struct wf_texts *t = NULL;
        assert_true(n < 500);
        wf_alloc_fail_at(n);
        const int rc = wf_texts_read(labeler, v, &t, NULL);
        failed = wf_alloc_failed();
        assert_true(rc == 0 || (failed && rc < 0));
        wf_texts_free(t);
    }
    wf_alloc_fail_at(0);
    json_decref(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaks__nothing_that_was_planted_is_sent),
        cmocka_unit_test(test_leaks__would_be_seen),
        cmocka_unit_test(test_leaks__source_holds_without_detectors),
        cmocka_unit_test(test_leaks__texts_are_read_together),
        cmocka_unit_test(test_leaks__memory_may_fail_anywhere),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
