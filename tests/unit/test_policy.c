/* SPDX-License-Identifier: Apache-2.0 */
/* Policies: what sentences mean, how they weigh against each other, that every mistake is told by
 * its place with the nearest word, and that nothing unreadable ever allows anything. */
#include "privacy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "privacy/pattern.h"

#define HEAD "weft policy 1\n"
#define BARE "weft policy 1\nwithout the built-in policy\n"

static const struct wf_policy_options options = {.name = "my.policy", .user_home = "/home/anna"};

static struct wf_policy *parse(const char *text)
{
    struct wf_policy *p = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_policy_parse(wf_str_from(text), &options, &p, &err) != 0)
        fail_msg("%s", err.msg);
    return p;
}

/* Part of a source with data of the types between '|' ("PERSON|AGE"), each sure by 0.9. */
static struct wf_context_part part(enum wf_source source, const char *name, const char *types)
{
    static struct wf_pii found[64];
    static char words[64][40];
    static size_t n;
    struct wf_str rest = wf_str_from(types), one;
    struct wf_context_part p = {.source = source, .name = wf_str_from(name)};

    if (n > 40)
        n = 0;
    p.found = &found[n];
    while (types[0] != 0 && wf_str_split(&rest, '|', &one)) {
        assert_true(n < 64);
        (void)snprintf(words[n], sizeof(words[n]), "%.*s", WF_STR_ARG(one));
        found[n] = (struct wf_pii){.type = words[n], .score = 0.9F, .reason = "test"};
        n++;
        p.n_found++;
    }
    return p;
}

static enum wf_label label_of(const struct wf_policy *p, struct wf_context_part one)
{
    struct wf_verdict v;

    wf_policy_label(p, &one, 1, &v);
    assert_true(v.n_reasons > 0);
    assert_int_equal(v.reasons[0].label, v.label); /* the reason that decides stands first */
    return v.label;
}

#define assert_label(p, source, name, types, label)                                                \
    assert_string_equal(wf_label_name(label_of(p, part(WF_SOURCE_##source, name, types))), label)

static struct wf_gate gate_of(const struct wf_policy *p, struct wf_context_part one,
                              enum wf_tier tier, const char *name)
{
    struct wf_target t = {.tier = tier,
                          .name = wf_str_from(name),
                          .provider = wf_str_from(tier == WF_TIER_PROVIDER ? name : ""),
                          .clearance = WF_LABEL_SECRET};
    struct wf_gate g;

    wf_policy_gate(p, &one, 1, &t, &g);
    return g;
}

static void assert_refused(const char *text, const char *sentence)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_policy *p = NULL;
    int rc = wf_policy_parse(wf_str_from(text), &options, &p, &err);

    assert_null(p);
    assert_true(rc == WF_E_FORMAT || rc == WF_E_LIMIT);
    if (strstr(err.msg, sentence) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", sentence, err.msg);
}

static void test_policy__built_in_is_safe_and_of_use(void **state)
{
    struct wf_policy *p = NULL;

    (void)state;
    assert_int_equal(wf_policy_built_in(&p, NULL), 0);
    assert_label(p, PROMPT, "", "", "internal");
    assert_label(p, PROMPT, "", "DATE_TIME|LOCATION|URL", "internal");
    assert_label(p, PROMPT, "", "PERSON", "private");
    assert_label(p, PROMPT, "", "AWS_SECRET_ACCESS_KEY", "secret");
    assert_label(p, PROMPT, "", "BR_CPF", "private");
    assert_label(p, PROMPT, "", "TOPIC_MONEY|TOPIC_HR", "internal");
    assert_label(p, PROMPT, "", "TOPIC_HEALTH", "private");
    assert_label(p, PROMPT, "", "SOMETHING_NEW", "secret");
    assert_label(p, FILE, "/home/anna/a.txt", "", "private");
    assert_label(p, MAIL, "x@y.example", "", "private");
    assert_label(p, UNKNOWN, "", "", "private");
    assert_label(p, WEB, "example.org", "", "public");
    assert_true(gate_of(p, part(WF_SOURCE_PROMPT, "", ""), WF_TIER_PROVIDER, "openai").is_open);
    assert_true(
        gate_of(p, part(WF_SOURCE_PROMPT, "", ""), WF_TIER_PROVIDER, "openai").needs_consent);
    assert_false(gate_of(p, part(WF_SOURCE_FILE, "/a", ""), WF_TIER_PROVIDER, "openai").is_open);
    assert_true(gate_of(p, part(WF_SOURCE_FILE, "/a", ""), WF_TIER_EDGE, "nas").is_open);
    assert_false(gate_of(p, part(WF_SOURCE_FILE, "/a", ""), WF_TIER_CLOUD, "vm").is_open);
    assert_false(gate_of(p, part(WF_SOURCE_PROMPT, "", "PASSWORD"), WF_TIER_DEVICE, "x").is_open);
    assert_true(gate_of(p, part(WF_SOURCE_PROMPT, "", "PASSWORD"), WF_TIER_HERE, "").is_open);
    wf_policy_free(p);
}

/* No detector looks into a picture: where it comes from says it all. */
static void test_policy__pictures_are_a_source(void **state)
{
    struct wf_policy *p = NULL, *own = parse("weft policy 1\n"
                                             "everything from pictures is internal\n"
                                             "everything from pictures never goes to OpenAI\n");
    struct wf_buf b;

    (void)state;
    assert_int_equal(wf_policy_built_in(&p, NULL), 0);
    assert_label(p, PICTURE, "", "", "private");
    assert_label(own, PICTURE, "", "", "internal");
    assert_false(gate_of(p, part(WF_SOURCE_PICTURE, "", ""), WF_TIER_PROVIDER, "groq").is_open);
    assert_true(gate_of(p, part(WF_SOURCE_PICTURE, "", ""), WF_TIER_EDGE, "nas").is_open);
    assert_true(gate_of(own, part(WF_SOURCE_PICTURE, "", ""), WF_TIER_PROVIDER, "groq").is_open);
    assert_false(gate_of(own, part(WF_SOURCE_PICTURE, "", ""), WF_TIER_PROVIDER, "openai").is_open);
    assert_true(gate_of(own, part(WF_SOURCE_PROMPT, "", ""), WF_TIER_PROVIDER, "openai").is_open);
    wf_buf_init(&b, (size_t)1 << 20);
    assert_int_equal(wf_policy_explain(own, false, &b, NULL), 0);
    assert_non_null(strstr(b.ptr, "pictures"));
    wf_buf_deinit(&b);
    wf_policy_free(p);
    wf_policy_free(own);
}

/* What detectors report has a kind: else the built-in policy holds it for secret. */
static void test_policy__every_type_of_the_detectors_has_a_kind(void **state)
{
    (void)state;
    for (size_t t = 0; t < wf_pattern_tables_n; t++) {
        for (size_t i = 0; i < wf_pattern_tables[t]->n; i++) {
            const char *type = wf_pattern_tables[t]->rows[i].type;
            if (wf_datum_of(wf_str_from(type)) == WF_DATUM_UNKNOWN)
                fail_msg("%s is of no kind that privacy/datum.h knows", type);
        }
    }
    assert_int_equal(wf_datum_of(WF_STR("IN_PASSPORT")), WF_DATUM_PASSPORT);
    assert_int_equal(wf_datum_of(WF_STR("DE_TAX_ID")), WF_DATUM_TAX);
    assert_int_equal(wf_datum_of(WF_STR("AWS_SECRET_KEY")), WF_DATUM_API_KEY);
    assert_int_equal(wf_datum_of(WF_STR("CN_RESIDENT_ID")), WF_DATUM_NATIONAL);
    assert_int_equal(wf_datum_of(WF_STR("")), WF_DATUM_UNKNOWN);
}

static void test_policy__without_a_policy_all_is_secret(void **state)
{
    struct wf_verdict v;
    struct wf_gate g;
    uint8_t op;
    struct wf_reason r;
    struct wf_context_part one = part(WF_SOURCE_PROMPT, "", "PERSON");
    struct wf_target t = {.tier = WF_TIER_PROVIDER, .clearance = WF_LABEL_SECRET};
    struct wf_policy *p = parse(BARE);

    (void)state;
    wf_policy_label(NULL, &one, 1, &v);
    assert_int_equal(v.label, WF_LABEL_SECRET);
    assert_int_equal(v.reasons[0].kind, WF_REASON_NO_POLICY);
    wf_policy_gate(NULL, &one, 1, &t, &g);
    assert_false(g.is_open);
    wf_policy_operators(NULL, &one, 1, 0, &t, &op, NULL);
    assert_int_equal(op, WF_OPERATOR_MASK);
    assert_int_equal(wf_policy_floor(NULL, &one, 1, &t, &r), WF_LABEL_SECRET);
    assert_false(wf_policy_may_release(NULL, &one, 1, WF_STR("anna"), &r));
    /* A policy that says nothing is no better. */
    assert_label(p, PROMPT, "", "", "secret");
    assert_false(gate_of(p, one, WF_TIER_DEVICE, "x").is_open);
    assert_int_equal(gate_of(p, one, WF_TIER_DEVICE, "x").clearance, -1);
    wf_policy_free(p);
}

static void test_policy__more_precise_overrides_same_is_the_later(void **state)
{
    struct wf_policy *p = parse(HEAD "everything from folder ~/Patients is secret\n"
                                     "everything from folder ~ is internal\n"
                                     "everything from files /home/anna/**/*.pdf is public\n"
                                     "names are internal\nNames are public.\n"
                                     "names from mail are private\n"
                                     "phone numbers and names in space family are secret\n"
                                     "US_SSN is secret # that one alone\n");

    (void)state;
    assert_label(p, FILE, "/home/anna/Patients/x.txt", "", "secret");
    assert_label(p, FILE, "/home/anna/Patients", "", "secret");
    assert_label(p, FILE, "/home/anna/Patients2", "", "internal");
    assert_label(p, FILE, "/home/anna/a/x.txt", "", "internal");
    assert_label(p, FILE, "/home/anna/a/x.pdf", "", "public");
    /* these two merely overlap: the stricter counts */
    assert_label(p, FILE, "/home/anna/Patients/x.pdf", "", "secret");
    assert_label(p, FILE, "/home/anna/../root", "", "secret");
    assert_label(p, FILE, "x.txt", "", "secret");
    assert_label(p, WEB, "", "PERSON", "public");
    assert_label(p, PROMPT, "", "US_SSN", "secret");
    assert_label(p, PROMPT, "", "US_PASSPORT", "private");
    struct wf_context_part in_family = part(WF_SOURCE_WEB, "", "PERSON");
    in_family.space = WF_STR("Family");
    assert_int_equal(label_of(p, in_family), WF_LABEL_SECRET);
    in_family.source = WF_SOURCE_MAIL; /* private by mail, secret by space */
    assert_int_equal(label_of(p, in_family), WF_LABEL_SECRET);
    wf_policy_free(p);
}

static void test_policy__counts_company_and_sureness(void **state)
{
    struct wf_policy *p = parse(BARE "everything is public\nall data are public\n"
                                     "at least 3 names are private\n"
                                     "names together with health data or AGE are secret\n"
                                     "phone numbers surer than 95 % are secret\n"
                                     "e-mails by person tim are secret\n");
    struct wf_verdict v;

    (void)state;
    assert_label(p, PROMPT, "", "PERSON|PERSON", "public");
    assert_label(p, PROMPT, "", "PERSON|PERSON|PERSON", "private");
    assert_label(p, PROMPT, "", "PHONE_NUMBER", "public");
    struct wf_context_part two[2] = {part(WF_SOURCE_PROMPT, "", "PERSON"),
                                     part(WF_SOURCE_FILE, "/a", "DISEASE")};
    wf_policy_label(p, two, 2, &v);
    assert_int_equal(v.label, WF_LABEL_SECRET); /* told together, over parts */
    wf_policy_label(p, &two[0], 1, &v);
    assert_int_equal(v.label, WF_LABEL_PUBLIC);
    assert_label(p, PROMPT, "", "PERSON|AGE", "secret");
    struct wf_pii sure = {.type = "PHONE_NUMBER", .score = 0.96F};
    struct wf_context_part one = {.source = WF_SOURCE_PROMPT, .found = &sure, .n_found = 1};
    assert_int_equal(label_of(p, one), WF_LABEL_SECRET);
    struct wf_context_part tims = part(WF_SOURCE_PROMPT, "", "EMAIL_ADDRESS");
    assert_int_equal(label_of(p, tims), WF_LABEL_PUBLIC);
    tims.person = WF_STR("Tim");
    assert_int_equal(label_of(p, tims), WF_LABEL_SECRET);
    wf_policy_free(p);
}

static void test_policy__label_is_the_highest_of_all_parts_with_reasons(void **state)
{
    struct wf_policy *p = parse(HEAD);
    struct wf_context_part parts[3] = {
        part(WF_SOURCE_PROMPT, "", "PERSON|PERSON|PERSON"),
        part(WF_SOURCE_WEB, "example.org", ""),
        part(WF_SOURCE_MAIL, "x@y.example", "JWT"),
    };
    struct wf_verdict v;
    struct wf_buf b;

    (void)state;
    wf_buf_init(&b, SIZE_MAX);
    wf_policy_label(p, parts, 3, &v);
    assert_int_equal(v.label, WF_LABEL_SECRET);
    assert_int_equal(v.reasons[0].part, 2);
    assert_int_equal(v.reasons[0].datum, 0);
    assert_int_equal(wf_policy_say_reason(p, parts, &v.reasons[0], &b), 0);
    assert_non_null(strstr(b.ptr, "tokens (JWT) in mail of x@y.example: secret, by the built-in "));
    assert_non_null(strstr(b.ptr, "credentials are"));
    for (size_t i = 0; i < v.n_reasons; i++) {
        if (v.reasons[i].part == 0 && v.reasons[i].datum != WF_REASON_PART)
            assert_int_equal(v.reasons[i].count, 3);
    }
    parts[1].least = WF_LABEL_SECRET;
    wf_policy_label(p, &parts[1], 1, &v);
    assert_int_equal(v.label, WF_LABEL_SECRET);
    assert_int_equal(v.reasons[0].kind, WF_REASON_LEAST);
    parts[1].least = WF_LABEL_PUBLIC;
    parts[1].is_unscanned = true;
    wf_policy_label(p, &parts[1], 1, &v);
    assert_int_equal(v.label, WF_LABEL_SECRET);
    wf_buf_deinit(&b);
    wf_policy_free(p);
}

static void test_policy__gates_redact_for_whom_it_says(void **state)
{
    struct wf_policy *p =
        parse(BARE "everything is internal\nall data are private\nthis device may see secret\n"
                   "providers may see internal\nOpenAI may see nothing\nengine big may see public\n"
                   "names may go to Anthropic and Gemini when replaced\n"
                   "names from mail may go to Gemini when masked\n"
                   "ages may go to providers as they are\n"
                   "ages are never below internal\n"
                   "card numbers may go to Gemini when faked\n"
                   "card numbers never go to Gemini, not even replaced\n"
                   "e-mails may go to Gemini when hashed\ne-mails never go to Gemini\n"
                   "health data may go to Gemini when replaced\n");
    struct wf_target gemini = {
        .tier = WF_TIER_PROVIDER, .name = WF_STR("gemini"), .clearance = WF_LABEL_SECRET};
    struct wf_context_part one = part(WF_SOURCE_MAIL, "", "PERSON|AGE|CREDIT_CARD");
    struct wf_gate g;
    uint8_t ops[3];

    (void)state;
    g = gate_of(p, part(WF_SOURCE_PROMPT, "", "PERSON"), WF_TIER_PROVIDER, "anthropic");
    assert_true(g.is_open);
    assert_int_equal(g.n_redacted, 1);
    assert_int_equal(g.label, WF_LABEL_INTERNAL);
    g = gate_of(p, part(WF_SOURCE_PROMPT, "", "PERSON"), WF_TIER_PROVIDER, "mistral");
    assert_false(g.is_open);
    assert_int_equal(g.why, WF_GATE_CLEARANCE);
    assert_int_equal(g.reason.datum, 0);
    g = gate_of(p, part(WF_SOURCE_PROMPT, "", ""), WF_TIER_PROVIDER, "OpenAI");
    assert_int_equal(g.clearance, -1);
    assert_false(g.is_open);
    assert_int_equal(gate_of(p, part(WF_SOURCE_WEB, "", ""), WF_TIER_PROVIDER, "big").clearance,
                     WF_LABEL_PUBLIC);
    assert_true(gate_of(p, part(WF_SOURCE_WEB, "", "AGE"), WF_TIER_PROVIDER, "x").is_open);
    assert_false(gate_of(p, part(WF_SOURCE_WEB, "", "AGE"), WF_TIER_PROVIDER, "big").is_open);
    g = gate_of(p, part(WF_SOURCE_PROMPT, "", "CREDIT_CARD"), WF_TIER_PROVIDER, "gemini");
    assert_int_equal(g.why, WF_GATE_NEVER);
    assert_true(gate_of(p, part(WF_SOURCE_PROMPT, "", "EMAIL_ADDRESS"), WF_TIER_PROVIDER, "gemini")
                    .is_open);
    wf_policy_operators(p, &one, 1, 0, &gemini, ops, NULL);
    assert_int_equal(ops[0], WF_OPERATOR_MASK);
    assert_int_equal(ops[1], WF_OPERATOR_KEEP);
    assert_int_equal(ops[2], WF_OPERATOR_FAKE);
    /* What is said of a whole text cannot be cut out of it. */
    assert_false(
        gate_of(p, part(WF_SOURCE_WEB, "", "TOPIC_HEALTH"), WF_TIER_PROVIDER, "gemini").is_open);
    assert_true(gate_of(p, part(WF_SOURCE_WEB, "", "DISEASE"), WF_TIER_PROVIDER, "gemini").is_open);
    gemini.clearance = WF_LABEL_PUBLIC; /* the engine's own entry allows less */
    one = part(WF_SOURCE_PROMPT, "", "");
    wf_policy_gate(p, &one, 1, &gemini, &g);
    assert_false(g.is_open);
    wf_policy_free(p);
}

static void test_policy__secret_stays_and_never_is_never(void **state)
{
    struct wf_policy *p = parse(HEAD "everything from folder ~/P never leaves this device\n"
                                     "everything from folder ~/P is public\n"
                                     "everything from folder ~/Q is secret\n"
                                     "engine box may see secret\n"
                                     "ask before names go to edge nodes\n"
                                     "do not ask before anything goes to OpenAI\n"
                                     "credentials are public\n");
    struct wf_gate g = gate_of(p, part(WF_SOURCE_FILE, "/home/anna/P/x", ""), WF_TIER_DEVICE, "b");

    (void)state;
    assert_int_equal(g.why, WF_GATE_NEVER);
    assert_true(gate_of(p, part(WF_SOURCE_FILE, "/home/anna/P/x", ""), WF_TIER_HERE, "").is_open);
    g = gate_of(p, part(WF_SOURCE_FILE, "/home/anna/Q/x", ""), WF_TIER_EDGE, "box");
    assert_int_equal(g.why, WF_GATE_SECRET);
    assert_label(p, WEB, "", "JWT", "secret"); /* never below, though a later sentence says so */
    g = gate_of(p, part(WF_SOURCE_PROMPT, "", "PERSON"), WF_TIER_EDGE, "box");
    assert_true(g.is_open && g.needs_consent);
    assert_false(gate_of(p, part(WF_SOURCE_PROMPT, "", "AGE"), WF_TIER_EDGE, "box").needs_consent);
    assert_false(
        gate_of(p, part(WF_SOURCE_PROMPT, "", ""), WF_TIER_PROVIDER, "openai").needs_consent);
    wf_policy_free(p);
}

static void test_policy__mistakes_are_told_by_place_and_nearest_word(void **state)
{
    (void)state;
    assert_refused("", "my.policy is empty; the first sentence is: weft policy 1");
    assert_refused("names are private\n", "line 1, column 1: the first sentence is: weft policy 1");
    assert_refused("weft policy 2\n", "edition 1 only");
    assert_refused(HEAD "\npasport numbers are secret\n",
                   "my.policy, line 3, column 1: \"pasport\" stands where a kind of data should "
                   "be; did you mean \"passport numbers\"?");
    assert_refused(HEAD "names are privat\n",
                   "line 2, column 11: \"privat\" stands where a label (public, internal, private, "
                   "secret) should be; did you mean \"private\"?");
    assert_refused(HEAD "names may go to OpenIA when replaced\n", "did you mean \"OpenAI\"?");
    assert_refused(HEAD "names may go to OpenAI when replased\n", "did you mean");
    assert_refused(HEAD "names may go to OpenAI\n", "the sentence ends where \"when replaced\"");
    assert_refused(HEAD "names are private today\n", "\"today\" stands where the end");
    assert_refused(HEAD "everything from foldr ~/a is secret\n", "did you mean \"folder\"?");
    assert_refused(HEAD "everything from folder a is secret\n", "begins with / or ~/");
    assert_refused(HEAD "everything from folder /a/../b is secret\n", "has no \".\"");
    assert_refused(HEAD "everything may go to OpenAI when replaced\n", "only data can be replaced");
    assert_refused(HEAD "talk about health may go to OpenAI when masked\n", "no place in it");
    assert_refused(HEAD "providers may see secret\n", "stays on this device");
    assert_refused(HEAD "names are \"private\n", "the closing quote is missing");
    assert_refused(HEAD "names and are private\n", "a kind of data should be");
    assert_refused(HEAD "at least 0 names are private\n", "is a number from 1 to");
    assert_refused(HEAD "names surer than 100 % are private\n", "is a number from 1 to 99");
    assert_refused(HEAD "names from mail from files are public\n", "a sender is an address");
    assert_refused(HEAD "names from files from mail are public\n", "\"from\" is said once");
    assert_refused(HEAD "\"a\" means names\n\"a\" means ages\n", "has a meaning already");
    assert_refused(HEAD "names are public\nwithout the built-in policy\n", "in front of all");
    assert_refused(HEAD "names \x01re public\n", "control character");
    assert_refused(HEAD "names \xff are public\n", "not UTF-8");
    assert_refused(HEAD "caf\xc3\xa9 names are public\n", "line 2, column 1: \"caf\xc3\xa9\"");
}

static void count(void *ud, const char *sentence)
{
    assert_non_null(strstr(sentence, ", line "));
    ++*(int *)ud;
}

static void test_policy__all_mistakes_can_be_had_and_none_is_let_pass(void **state)
{
    struct wf_policy_options o = options;
    struct wf_policy *p = NULL;
    int n = 0;

    (void)state;
    o.complain = count;
    o.ud = &n;
    assert_int_equal(
        wf_policy_parse(WF_STR(HEAD "nams are public\nnames are public\nx\n"), &o, &p, NULL),
        WF_E_FORMAT);
    assert_int_equal(n, 2);
    assert_null(p);
}

static void test_policy__limits_hold(void **state)
{
    struct wf_policy *p = NULL;
    struct wf_buf b;

    (void)state;
    wf_buf_init(&b, SIZE_MAX);
    (void)wf_buf_append_cstr(&b, BARE);
    for (unsigned i = 0; i < WF_POLICY_RULES_MAX; i++)
        (void)wf_buf_appendf(&b, "names are %s\n", i % 2 ? "public" : "private");
    assert_int_equal(wf_policy_parse(wf_buf_str(&b), &options, &p, NULL), 0);
    assert_int_equal(wf_policy_n_rules(p), WF_POLICY_RULES_MAX);
    assert_label(p, WEB, "", "PERSON", "secret"); /* nothing is said of the part itself */
    wf_policy_free(p);
    p = NULL;
    (void)wf_buf_append_cstr(&b, "ages are public\n");
    assert_int_equal(wf_policy_parse(wf_buf_str(&b), &options, &p, NULL), WF_E_LIMIT);
    wf_buf_reset(&b);
    (void)wf_buf_append_cstr(&b, HEAD "# ");
    (void)wf_buf_append_fill(&b, 'x', WF_POLICY_LINE_BYTES_MAX - 1);
    assert_int_equal(wf_policy_parse(wf_buf_str(&b), &options, &p, NULL), WF_E_LIMIT);
    wf_buf_reset(&b);
    (void)wf_buf_append_cstr(&b, HEAD);
    (void)wf_buf_append_fill(&b, '\n', WF_POLICY_BYTES_MAX);
    assert_int_equal(wf_policy_parse(wf_buf_str(&b), &options, &p, NULL), WF_E_LIMIT);
    wf_buf_deinit(&b);
}

static void test_policy__more_reasons_than_fit_keep_the_highest(void **state)
{
    struct wf_policy *p = parse(HEAD);
    struct wf_context_part parts[WF_REASONS_MAX + 5];
    struct wf_verdict v;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(parts); i++)
        parts[i] = part(WF_SOURCE_WEB, "", "");
    parts[WF_ARRAY_LEN(parts) - 1] = part(WF_SOURCE_PROMPT, "", "PASSWORD");
    wf_policy_label(p, parts, WF_ARRAY_LEN(parts), &v);
    assert_int_equal(v.label, WF_LABEL_SECRET);
    assert_int_equal(v.n_reasons, WF_REASONS_MAX);
    assert_true(v.is_more);
    assert_int_equal(v.reasons[0].part, WF_ARRAY_LEN(parts) - 1);
    wf_policy_free(p);
}

static void test_policy__explains_what_overrides_what(void **state)
{
    struct wf_policy *p = parse(HEAD "\"travel data\" means names, passports and places\n"
                                     "\"travel data\" may go to engine \"my gpt\" when replaced\n"
                                     "names are public\nnames are secret\n"
                                     "person tim may not release anything from mail\n");
    struct wf_buf b;

    (void)state;
    wf_buf_init(&b, SIZE_MAX);
    assert_int_equal(wf_policy_explain(p, false, &b, NULL), 0);
    assert_non_null(strstr(b.ptr, "means: to the engine my gpt, names, places and passport "));
    assert_non_null(strstr(b.ptr, "NEVER COUNTS: all of it is overridden by line 5 (names are s"));
    assert_non_null(strstr(b.ptr, "overrides built-in line "));
    assert_non_null(strstr(b.ptr, "in mail: tim may not lower the label for a release"));
    wf_buf_reset(&b);
    assert_int_equal(wf_policy_explain(p, true, &b, NULL), 0);
    assert_non_null(strstr(b.ptr, "built-in line "));
    wf_buf_deinit(&b);
    wf_policy_free(p);
}

static void test_policy__releases_are_left_to_whom_it_says(void **state)
{
    struct wf_policy *p = parse(HEAD "nobody may release health data\n"
                                     "person anna may release health data\n"
                                     "person tim may not release anything\n");
    struct wf_context_part ill = part(WF_SOURCE_PROMPT, "", "DISEASE|JWT");
    struct wf_target provider = {.tier = WF_TIER_PROVIDER, .clearance = WF_LABEL_SECRET};
    struct wf_reason r;

    (void)state;
    assert_true(wf_policy_may_release(p, &ill, 1, WF_STR("Anna"), &r));
    assert_false(wf_policy_may_release(p, &ill, 1, WF_STR("bob"), &r));
    assert_int_equal(r.datum, 0);
    struct wf_context_part plain = part(WF_SOURCE_PROMPT, "", "");
    assert_true(wf_policy_may_release(p, &plain, 1, WF_STR("bob"), &r));
    assert_false(wf_policy_may_release(p, &plain, 1, WF_STR("tim"), &r));
    assert_int_equal(wf_policy_floor(p, &ill, 1, &provider, &r), WF_LABEL_SECRET);
    assert_int_equal(r.datum, 1);
    wf_policy_free(p);
}

static void test_policy__memory_may_fail_anywhere(void **state)
{
    struct wf_str text = WF_STR(HEAD "everything from folder ~/a is secret\n\"g\" means ages\n"
                                     "names in space x may go to OpenAI when replaced\n");
    struct wf_policy *p = NULL;
    uint64_t live;
    int rc = WF_E_NOMEM;

    (void)state;
    live = wf_alloc_stats().n_live;
    for (uint64_t n = 1; rc != 0; n++) {
        assert_true(n < 1000);
        wf_alloc_fail_at(n);
        rc = wf_policy_parse(text, &options, &p, NULL);
        if (!wf_alloc_failed())
            assert_int_equal(rc, 0);
        else if (rc != 0) {
            assert_int_equal(rc, WF_E_NOMEM);
            assert_null(p);
            assert_int_equal(wf_alloc_stats().n_live, live);
        } else {
            rc = WF_E_NOMEM; /* it did without */
            wf_policy_free(p);
            p = NULL;
        }
    }
    wf_alloc_fail_at(0);
    wf_policy_free(p);
    assert_int_equal(wf_alloc_stats().n_live, live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy__built_in_is_safe_and_of_use),
        cmocka_unit_test(test_policy__pictures_are_a_source),
        cmocka_unit_test(test_policy__every_type_of_the_detectors_has_a_kind),
        cmocka_unit_test(test_policy__without_a_policy_all_is_secret),
        cmocka_unit_test(test_policy__more_precise_overrides_same_is_the_later),
        cmocka_unit_test(test_policy__counts_company_and_sureness),
        cmocka_unit_test(test_policy__label_is_the_highest_of_all_parts_with_reasons),
        cmocka_unit_test(test_policy__gates_redact_for_whom_it_says),
        cmocka_unit_test(test_policy__secret_stays_and_never_is_never),
        cmocka_unit_test(test_policy__mistakes_are_told_by_place_and_nearest_word),
        cmocka_unit_test(test_policy__all_mistakes_can_be_had_and_none_is_let_pass),
        cmocka_unit_test(test_policy__limits_hold),
        cmocka_unit_test(test_policy__more_reasons_than_fit_keep_the_highest),
        cmocka_unit_test(test_policy__explains_what_overrides_what),
        cmocka_unit_test(test_policy__releases_are_left_to_whom_it_says),
        cmocka_unit_test(test_policy__memory_may_fail_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
