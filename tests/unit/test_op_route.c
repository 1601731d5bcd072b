/* SPDX-License-Identifier: Apache-2.0 */
/* Where a chat request would run: its label closes engines, all its texts count, what cannot be
 * looked into is secret, and what is no request is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "op/op.h"
#include "op/route.h"
#include "op/sites.h"

static struct wf_detector *detector;
static struct wf_policy *policy;
static struct wf_labeler *labeler;
static struct wf_hardness *hardness;
static struct wf_route_site sites[2];

static int open_all(void **state)
{
    const struct wf_detect_options detect = {.plain_only = false};
    struct wf_labeler_options o = {.lens = NULL};
    int rc = wf_detector_open(&detect, &detector, NULL);

    (void)state;
    rc |= wf_policy_built_in(&policy, NULL);
    rc |= wf_hardness_built_in(&hardness, NULL);
    o.detector = detector;
    o.policy = policy;
    rc |= wf_labeler_new(&o, &labeler, NULL);
    for (size_t i = 0; i < 2; i++) {
        struct wf_route_site *s = &sites[i];
        s->c = (struct wf_candidate){.engine = i == 0 ? WF_STR("here") : WF_STR("gpt"),
                                     .model = WF_STR("m"),
                                     .tier = i == 0 ? WF_TIER_HERE : WF_TIER_PROVIDER,
                                     .abilities = i == 0 ? WF_ABILITY_TOOLS : ~0u,
                                     .money_left = -1,
                                     .energy_left_j = -1,
                                     .battery = -1,
                                     .needs_network = i == 1};
        (void)snprintf(s->name, sizeof(s->name), "%s", i == 0 ? "here" : "gpt");
        s->target = (struct wf_target){.tier = s->c.tier,
                                       .name = s->c.engine,
                                       .provider = i == 0 ? WF_STR("") : WF_STR("openai"),
                                       .clearance = i == 0 ? WF_LABEL_SECRET : WF_LABEL_INTERNAL};
    }
    return rc;
}

static int close_all(void **state)
{
    (void)state;
    wf_labeler_free(labeler);
    wf_hardness_close(hardness);
    wf_policy_free(policy);
    wf_detector_free(detector);
    return 0;
}

static struct wf_route_plan a_plan(void)
{
    return (struct wf_route_plan){.labeler = labeler,
                                  .policy = policy,
                                  .hardness = hardness,
                                  .sites = sites,
                                  .n = 2,
                                  .has_consent = true};
}

static json_t *explain(const char *text)
{
    const struct wf_route_plan p = a_plan();
    json_t *chat = json_loads(text, 0, NULL), *v = NULL;

    assert_non_null(chat);
    assert_int_equal(wf_route_explain(&p, chat, &v, NULL), 0);
    json_decref(chat);
    return v;
}

static bool allows(const json_t *v, size_t i)
{
    return json_is_true(
        json_object_get(json_array_get(json_object_get(v, "candidates"), i), "allowed"));
}

static void test_op_route__plain_questions_may_go_with_consent(void **state)
{
    json_t *v =
        explain("{\"messages\":[{\"role\":\"user\",\"content\":\"Why is the sky blue?\"}]}");

    (void)state;
    assert_true(allows(v, 0));
    assert_true(allows(v, 1));
    assert_true(json_is_string(json_object_get(v, "chosen")));
    assert_int_equal(json_array_size(json_object_get(v, "order")), 2);
    json_decref(v);
}

static void test_op_route__a_secret_in_any_text_stays_here(void **state)
{
#define KEY "AKIAIOSFODNN7EXAMPLE secret wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    static const char *const requests[] = {
        "{\"messages\":[{\"role\":\"user\",\"content\":\"aws " KEY "\"}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"" KEY
        "\"}]}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":"
        "null,\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"k\\\":\\\"" KEY
        "\\\"}\"}}]}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"tool\",\"tool_call_id\":"
        "\"1\",\"content\":\"" KEY "\"}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{\"function\":{\"name\":"
        "\"f\",\"description\":\"" KEY "\"}}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{"
        "\"url\":\"data:image/png;base64,AA==\"}}]}]}",
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(requests); i++) {
        json_t *v = explain(requests[i]);
        if (allows(v, 1))
            fail_msg("%s", requests[i]);
        assert_string_equal(json_string_value(json_object_get(v, "label")), "secret");
        json_decref(v);
    }
}

static void test_op_route__what_it_needs_is_seen(void **state)
{
    json_t *v = explain("{\"messages\":[{\"role\":\"user\",\"content\":\"Translate to German: good "
                        "morning\"}],\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
                        "{}},\"max_tokens\":5}");

    (void)state;
    assert_string_equal(json_string_value(json_object_get(v, "kind")), "translate");
    assert_false(allows(v, 0)); /* no schemas there */
    assert_string_equal(json_string_value(json_object_get(v, "chosen")), "gpt");
    json_decref(v);
}

static void test_op_route__what_is_no_request_is_refused(void **state)
{
    static const char *const bad[] = {"{}",
                                      "[]",
                                      "{\"messages\":[]}",
                                      "{\"messages\":[1]}",
                                      "{\"messages\":[{\"content\":\"x\"}]}",
                                      "{\"messages\":{\"role\":\"user\"}}"};
    const struct wf_route_plan p = a_plan();
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++) {
        json_t *chat = json_loads(bad[i], 0, NULL), *v = NULL;
        assert_int_equal(wf_route_explain(&p, chat, &v, &err), WF_E_INVAL);
        assert_null(v);
        json_decref(chat);
    }
}

static void test_op_route__without_a_policy_nothing_leaves(void **state)
{
    json_t *chat = json_loads("{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", 0, NULL);
    struct wf_route_plan p = a_plan();
    json_t *v = NULL;
    int rc;

    (void)state;
    p.policy = NULL;
    assert_int_equal(wf_route_explain(&p, chat, &v, NULL), 0);
    assert_true(allows(v, 0));
    assert_false(allows(v, 1));
    json_decref(v);
    p = a_plan();
    for (uint64_t n = 1;; n++) {
        v = NULL;
        wf_alloc_fail_at(n);
        rc = wf_route_explain(&p, chat, &v, NULL);
        if (!wf_alloc_failed())
            break;
        if (rc != 0)
            assert_int_equal(rc, WF_E_NOMEM);
        json_decref(v);
    }
    wf_alloc_fail_at(0);
    assert_int_equal(rc, 0);
    json_decref(v);
    json_decref(chat);
}

/* ---- as operations, with what a core has open ---- */

static int run(const char *name, const char *params, json_t **out, struct wf_err *err)
{
    const struct wf_op_sink sink = {.event = NULL};
    struct wf_op_context ctx = {.detector = detector, .policy = policy};
    struct wf_op_call call = {.params = json_loads(params, 0, NULL), .sink = &sink, .fd = -1};
    int rc;

    assert_non_null(call.params);
    ctx.state = wf_op_state_new();
    assert_non_null(ctx.state);
    *out = NULL;
    rc = wf_op_run(&ctx, name, &call, out, err);
    wf_op_state_free(ctx.state);
    json_decref((json_t *)(uintptr_t)call.params);
    return rc;
}

static void test_op_route__the_operation_says_why(void **state)
{
    json_t *v;

    (void)state;
    assert_int_equal(run("route",
                         "{\"request\":{\"messages\":[{\"role\":\"user\",\"content\":"
                         "\"key AKIAIOSFODNN7EXAMPLE\"}]},\"balance\":\"private\"}",
                         &v, NULL),
                     0);
    assert_string_equal(json_string_value(json_object_get(v, "label")), "secret");
    assert_string_equal(json_string_value(json_object_get(v, "balance")), "private");
    assert_non_null(
        strstr(json_string_value(json_array_get(json_object_get(v, "reasons"), 0)), "credentials"));
    assert_true(json_is_null(json_object_get(v, "chosen"))); /* there is no engine */
    json_decref(v);
}

static void test_op_route__the_operation_checks_its_parameters(void **state)
{
    static const char *const bad[] = {
        "{}",
        "{\"request\":[]}",
        "{\"request\":{\"messages\":[]}}",
        "{\"request\":{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]},\"balance\":\"best\"}",
        "{\"request\":{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]},\"consent\":1}",
        "{\"request\":{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]},\"deadline_ms\":-1}",
        "{\"request\":{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]},\"else\":1}",
    };
    struct wf_err err = WF_ERR_INIT;
    json_t *v;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++)
        if (run("route", bad[i], &v, &err) != WF_E_INVAL || v != NULL)
            fail_msg("%s", bad[i]);
}

/* Every sentence of the built-in text once, in its order. */
static void test_op_route__the_policy_is_shown_in_its_sentences(void **state)
{
    const json_t *list, *one;
    uint32_t line = 0;
    json_t *v;
    size_t i;

    (void)state;
    assert_int_equal(run("policy", "{}", &v, NULL), 0);
    assert_true(json_is_true(json_object_get(v, "readable")));
    list = json_object_get(v, "sentences");
    assert_true(json_array_size(list) > 10);
    json_array_foreach(list, i, one)
    {
        json_int_t at = json_integer_value(json_object_get(one, "line"));
        assert_true(at > line);
        line = (uint32_t)at;
        assert_true(json_is_true(json_object_get(one, "built_in")));
        assert_true(json_string_length(json_object_get(one, "text")) > 0);
    }
    json_decref(v);
}

static void test_op_route__a_low_battery_removes_this_device_alone(void **state)
{
    (void)state;
    struct wf_route_site items[2] = {{.c = {.tier = WF_TIER_HERE, .battery = -1}},
                                     {.c = {.tier = WF_TIER_EDGE, .battery = -1}}};
    struct wf_sites all = {.items = items, .n = 2};
    const struct wf_power_state now = {.battery = 0.1F, .heat = -1, .draw_w = -1};

    wf_sites_power(&all, &now, 380);
    assert_true(items[0].c.battery > 0.09F && items[0].c.battery < 0.11F);
    assert_true(items[0].c.heat >= 0 && items[0].c.heat <= 0);
    assert_true(items[0].c.carbon_g_kwh > 379);
    assert_true(items[1].c.battery < 0 && items[1].c.carbon_g_kwh <= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_op_route__plain_questions_may_go_with_consent),
        cmocka_unit_test(test_op_route__a_secret_in_any_text_stays_here),
        cmocka_unit_test(test_op_route__what_it_needs_is_seen),
        cmocka_unit_test(test_op_route__what_is_no_request_is_refused),
        cmocka_unit_test(test_op_route__without_a_policy_nothing_leaves),
        cmocka_unit_test(test_op_route__the_operation_says_why),
        cmocka_unit_test(test_op_route__the_operation_checks_its_parameters),
        cmocka_unit_test(test_op_route__the_policy_is_shown_in_its_sentences),
        cmocka_unit_test(test_op_route__a_low_battery_removes_this_device_alone),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
