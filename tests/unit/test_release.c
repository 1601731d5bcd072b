/* SPDX-License-Identifier: Apache-2.0 */
/* Releases: a person lowers one label once; what never sentences forbid stays forbidden. And cases
 * of policies, as `weft policy test` runs them. */
#include "privacy/release.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "op/json.h"
#include "privacy/policy_cases.h"

#define HEAD "weft policy 1\n"
#define NOW INT64_C(1800000000000)

static struct wf_policy *parse(const char *text)
{
    const struct wf_policy_options o = {.name = "my.policy", .user_home = "/home/anna"};
    struct wf_policy *p = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_policy_parse(wf_str_from(text), &o, &p, &err) != 0)
        fail_msg("%s", err.msg);
    return p;
}

/* A private file that somebody wants to give to a provider as internal. */
struct wanted {
    struct wf_policy *p;
    struct wf_pii found[2];
    struct wf_context_part part;
    struct wf_target target;
    struct wf_release release;
    uint8_t what[WF_RELEASE_DIGEST_BYTES];
    struct wf_gate gate;
};

static void want(struct wanted *w, const char *policy, const char *type)
{
    struct wf_str text = WF_STR("the text that would go");

    memset(w, 0, sizeof(*w));
    w->p = parse(policy);
    w->found[0] = (struct wf_pii){.type = type, .score = 0.9F};
    w->part = (struct wf_context_part){.source = WF_SOURCE_FILE,
                                       .name = WF_STR("/home/anna/P/x"),
                                       .found = w->found,
                                       .n_found = type != NULL};
    w->target = (struct wf_target){.tier = WF_TIER_PROVIDER,
                                   .name = WF_STR("gpt"),
                                   .provider = WF_STR("openai"),
                                   .clearance = WF_LABEL_SECRET};
    wf_release_digest(&text, 1, w->what);
    wf_policy_gate(w->p, &w->part, 1, &w->target, &w->gate);
    w->release = (struct wf_release){.who = WF_STR("anna"),
                                     .when_ms = NOW - 1000,
                                     .engine = WF_STR("gpt"),
                                     .from = w->gate.label,
                                     .to = WF_LABEL_INTERNAL,
                                     .reason = WF_STR("the doctor asked me to")};
    memcpy(w->release.what, w->what, sizeof(w->what));
}

static int apply(struct wanted *w, struct wf_err *err)
{
    return wf_release_apply(w->p, &w->part, 1, &w->target, &w->release, w->what, NOW, &w->gate,
                            err);
}

static void assert_denied(struct wanted *w, int code, const char *sentence)
{
    struct wf_gate before = w->gate;
    struct wf_err err = WF_ERR_INIT;

    assert_int_equal(apply(w, &err), code);
    if (strstr(err.msg, sentence) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", sentence, err.msg);
    assert_memory_equal(&w->gate, &before, sizeof(before));
}

static void test_release__opens_a_gate_once_meant(void **state)
{
    struct wanted w;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    want(&w, HEAD, NULL);
    assert_false(w.gate.is_open);
    assert_int_equal(w.gate.label, WF_LABEL_PRIVATE);
    assert_int_equal(apply(&w, &err), 0);
    assert_true(w.gate.is_open);
    assert_int_equal(w.gate.label, WF_LABEL_INTERNAL);
    assert_true(w.gate.needs_consent); /* a release answers no other question */
    wf_policy_free(w.p);
    /* Not what is secret, even where only a sentence about its place makes it so. */
    want(&w, HEAD "everything from folder ~/P is secret\n", NULL);
    assert_int_equal(w.gate.why, WF_GATE_SECRET);
    assert_denied(&w, WF_E_DENIED, "What is secret stays, no release opens it");
    wf_policy_free(w.p);
}

static void test_release__never_is_stronger(void **state)
{
    struct wanted w;

    (void)state;
    want(&w, HEAD "everything from folder ~/P never goes to providers\n", NULL);
    assert_denied(&w, WF_E_DENIED, "No release opens what may never go: the file /home/anna/P/x");
    wf_policy_free(w.p);
    want(&w, HEAD "everything from folder ~/P is never below private\n", NULL);
    assert_denied(&w, WF_E_DENIED, "The policy lets the label go no lower");
    wf_policy_free(w.p);
    want(&w, HEAD, "JWT");
    assert_denied(&w, WF_E_DENIED, "tokens (JWT)");
    wf_policy_free(w.p);
    want(&w, HEAD "person anna may not release health data\n", "DISEASE");
    assert_denied(&w, WF_E_DENIED, "does not leave this release to you");
    wf_policy_free(w.p);
    want(&w, HEAD "providers may see public\n", NULL);
    assert_denied(&w, WF_E_DENIED, "gpt may not even see what is internal");
    wf_policy_free(w.p);
    /* What is redacted does not leave, so its floor does not hold the rest. */
    want(&w, HEAD "credentials may go to providers when replaced\n", "JWT");
    assert_int_equal(apply(&w, NULL), 0);
    wf_policy_free(w.p);
    want(&w, HEAD, NULL);
    wf_policy_free(w.p);
    w.p = NULL;
    assert_denied(&w, WF_E_DENIED, "Without a readable policy");
}

static void test_release__fits_one_request_alone(void **state)
{
    struct wanted w;

    (void)state;
    want(&w, HEAD, NULL);
    w.what[3] ^= 1;
    assert_denied(&w, WF_E_DENIED, "another text");
    w.what[3] ^= 1;
    w.release.engine = WF_STR("other");
    assert_denied(&w, WF_E_DENIED, "for the engine other, not for gpt");
    w.release.engine = WF_STR("gpt");
    w.release.when_ms = NOW - WF_RELEASE_MS_MAX - 1;
    assert_denied(&w, WF_E_DENIED, "has run out");
    w.release.when_ms = NOW + 1;
    assert_denied(&w, WF_E_DENIED, "has run out");
    w.release.when_ms = NOW - WF_RELEASE_MS_MAX;
    w.release.from = WF_LABEL_SECRET;
    assert_denied(&w, WF_E_DENIED, "and this is private");
    w.release.from = WF_LABEL_PRIVATE;
    w.release.to = WF_LABEL_PRIVATE;
    assert_denied(&w, WF_E_INVAL, "lowers a label");
    w.release.to = WF_LABEL_PUBLIC;
    w.release.reason = WF_STR(" ");
    assert_denied(&w, WF_E_INVAL, "says who gives it, and why");
    w.release.reason = WF_STR("because");
    assert_int_equal(apply(&w, NULL), 0);
    wf_policy_free(w.p);
}

static void test_release__digest_tells_texts_apart(void **state)
{
    struct wf_str ab_c[2] = {WF_STR("ab"), WF_STR("c")}, a_bc[2] = {WF_STR("a"), WF_STR("bc")};
    uint8_t one[WF_RELEASE_DIGEST_BYTES], two[WF_RELEASE_DIGEST_BYTES];

    (void)state;
    wf_release_digest(ab_c, 2, one);
    wf_release_digest(a_bc, 2, two);
    assert_memory_not_equal(one, two, sizeof(one));
    wf_release_digest(ab_c, 1, two);
    assert_memory_not_equal(one, two, sizeof(one));
    wf_release_digest(ab_c, 2, two);
    assert_memory_equal(one, two, sizeof(one));
}

static void test_release__is_written_for_the_ledger(void **state)
{
    struct wanted w;
    json_t *v, *other;

    (void)state;
    want(&w, HEAD, NULL);
    v = wf_release_json(&w.release);
    assert_string_equal(wf_json_text(v, "who"), "anna");
    assert_string_equal(wf_json_text(v, "from"), "private");
    assert_string_equal(wf_json_text(v, "to"), "internal");
    assert_int_equal(strlen(wf_json_text(v, "id")), 64);
    w.release.when_ms++;
    other = wf_release_json(&w.release);
    assert_string_not_equal(wf_json_text(v, "id"), wf_json_text(other, "id"));
    json_decref(v);
    json_decref(other);
    wf_policy_free(w.p);
}

/* ---- cases ---- */

struct told {
    char got[40][200];
    bool passed[40];
    size_t n;
};

static void tell(void *ud, const struct wf_policy_case *one)
{
    struct told *t = ud;

    assert_true(t->n < 40);
    (void)snprintf(t->got[t->n], sizeof(t->got[0]), "%s", one->got);
    t->passed[t->n++] = one->passed;
}

static int scan(void *ud, struct wf_str text, const struct wf_pii **out, size_t *out_n,
                struct wf_err *err)
{
    static const struct wf_pii key = {.type = "AWS_ACCESS_KEY", .score = 0.9F};

    (void)ud;
    (void)err;
    *out = &key;
    *out_n = wf_str_find(text, WF_STR("AKIA"), 0) != SIZE_MAX;
    return 0;
}

static void test_policy_cases__pass_and_fail_with_what_is_said(void **state)
{
    struct wf_policy *p = parse(HEAD "everything from folder ~/Patients is secret\n"
                                     "at least 10 names are secret\n"
                                     "\"travel data\" means passports and places\n"
                                     "everything from tool bash by person tim is public\n");
    struct told t = {.n = 0};
    const struct wf_policy_cases_options o = {
        .name = "my.cases", .scan = scan, .tell = tell, .ud = &t};
    size_t n = 0, failed = 0;

    (void)state;
    assert_int_equal(
        wf_policy_cases(p,
                        WF_STR("weft cases 1\n# what I want\n"
                               "a prompt is internal\n"
                               "a prompt with names is private\n"
                               "a prompt with 10 names is secret\n"
                               "a file ~/Patients/x.pdf is secret\n"
                               "a prompt plus a file /x with ages is private\n"
                               "a prompt with names may go to OpenAI when replaced after asking\n"
                               "a prompt with names may go to OpenAI as it is\n"
                               "a prompt with \"travel data\" may not go to providers\n"
                               "a mail from x@y.example in space z may go to edge nodes\n"
                               "a tool bash by person tim is public\n"
                               "a prompt saying \"key AKIA\" is secret\n"
                               "a web page labelled secret is public\n"
                               "the clipboard with US_SSN, ages, and credentials is secret\n"),
                        &o, &n, &failed, NULL),
        0);
    assert_int_equal(n, 13);
    assert_int_equal(failed, 2);
    assert_string_equal(t.got[6], "may go, 1 data redacted, after asking");
    assert_string_equal(t.got[11], "a web page: secret, as it was labelled before");
    for (size_t i = 0; i < t.n; i++)
        assert_int_equal(t.passed[i], i != 6 && i != 11);
    wf_policy_free(p);
}

static void test_policy_cases__mistakes_are_told(void **state)
{
    static const struct {
        const char *text, *sentence;
    } wrong[] = {
        {"", "empty; the first sentence is: weft cases 1"},
        {"a prompt is internal\n", "line 1, column 1: the first sentence is: weft cases 1"},
        {"weft cases 1\na promt is internal\n", "did you mean \"prompt\""},
        {"weft cases 1\na folder ~/x is secret\n", "not a folder"},
        {"weft cases 1\na prompt saying \"x\" is secret\n", "cannot be looked through here"},
        {"weft cases 1\na prompt may go to paired nodes\n", "asks about one tier"},
        {"weft cases 1\na prompt with 600 names is secret\n", "1 to 512"},
        {"weft cases 1\na prompt with 500 names and 500 ages is secret\n", "more than 512 data"},
        {"weft cases 1\na prompt\n", "the sentence ends where"},
    };
    struct wf_policy *p = parse(HEAD);

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(wrong); i++) {
        const struct wf_policy_cases_options o = {.name = "my.cases"};
        struct wf_err err = WF_ERR_INIT;
        size_t n, failed;
        assert_true(wf_policy_cases(p, wf_str_from(wrong[i].text), &o, &n, &failed, &err) < 0);
        if (strstr(err.msg, wrong[i].sentence) == NULL)
            fail_msg("\"%s\" is not in \"%s\"", wrong[i].sentence, err.msg);
    }
    wf_policy_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_release__opens_a_gate_once_meant),
        cmocka_unit_test(test_release__never_is_stronger),
        cmocka_unit_test(test_release__fits_one_request_alone),
        cmocka_unit_test(test_release__digest_tells_texts_apart),
        cmocka_unit_test(test_release__is_written_for_the_ledger),
        cmocka_unit_test(test_policy_cases__pass_and_fail_with_what_is_said),
        cmocka_unit_test(test_policy_cases__mistakes_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
