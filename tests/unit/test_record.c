/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a decision: the header holds nothing a header must not, the record goes through
 * its log and back, the log is bounded and survives torn lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "route/record.h"

static struct wf_candidate candidates[2];
static struct wf_route_request request;
static struct wf_decision decision;
static char folder[64], path[96], old[100];

static struct wf_route_record a_record(const char *id)
{
    const struct wf_route_options o = {.now_ms = 1};

    candidates[0] = (struct wf_candidate){.engine = WF_STR("here"),
                                          .model = WF_STR("small:latest"),
                                          .clearance = WF_LABEL_SECRET,
                                          .label = WF_LABEL_PRIVATE,
                                          .money_left = -1,
                                          .energy_left_j = -1,
                                          .battery = -1};
    candidates[1] = candidates[0];
    candidates[1].engine = WF_STR("gpt");
    candidates[1].tier = WF_TIER_PROVIDER;
    candidates[1].clearance = WF_LABEL_INTERNAL;
    request = (struct wf_route_request){.n_prompt = 12};
    wf_route_decide(&request, candidates, 2, &o, &decision);
    return (struct wf_route_record){.id = wf_str_from(id),
                                    .at_ms = 1700000000000,
                                    .request = &request,
                                    .candidates = candidates,
                                    .decision = &decision,
                                    .ran = WF_ROUTE_NONE};
}

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/wf-record-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/log", folder);
    (void)snprintf(old, sizeof(old), "%s.1", path);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)unlink(old);
    return rmdir(folder);
}

static void test_record__the_header_says_where_and_why(void **state)
{
    struct wf_route_record r = a_record("a");
    struct wf_buf b;

    (void)state;
    wf_buf_init(&b, 4096);
    assert_int_equal(wf_route_header(&r, &b), 0);
    assert_memory_equal(b.ptr,
                        "local; small:latest; label=private; tier=here; why=good; ttft=", 62);
    assert_non_null(strstr(b.ptr, "allowed=1/2"));
    wf_buf_reset(&b);
    candidates[0].model = WF_STR("a\r\nset-cookie: x;y,\xc3\xa4");
    assert_int_equal(wf_route_header(&r, &b), 0);
    for (size_t i = 0; i < b.len; i++)
        assert_true(b.ptr[i] >= ' ' && b.ptr[i] < 0x7f);
    assert_null(strstr(b.ptr, "x;y"));
    wf_buf_reset(&b);
    decision.n_allowed = 0;
    assert_int_equal(wf_route_header(&r, &b), 0);
    assert_memory_equal(b.ptr, "none; allowed=0/2", 17);
    wf_buf_deinit(&b);
}

static void test_record__predicted_stands_beside_actual(void **state)
{
    const struct wf_outcome o = {.ttft_ms = 50, .total_ms = 700, .n_out = 20};
    struct wf_route_record r = a_record("req-1");
    json_t *v = NULL, *c;

    (void)state;
    assert_int_equal(wf_route_log_append(path, &r, NULL), 0);
    r.outcome = &o;
    r.ran = 0;
    r.cost = 0.25;
    assert_int_equal(wf_route_log_append(path, &r, NULL), 0);
    r.id = WF_STR("req-2");
    r.outcome = NULL;
    assert_int_equal(wf_route_log_append(path, &r, NULL), 0);
    assert_int_equal(wf_route_log_find(path, WF_STR("req-1"), &v, NULL), 0);
    assert_string_equal(json_string_value(json_object_get(v, "chosen")), "here/small:latest");
    assert_string_equal(json_string_value(json_object_get(v, "label")), "private");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(v, "actual"), "tokens")),
                     20);
    c = json_array_get(json_object_get(v, "candidates"), 1);
    assert_true(json_is_false(json_object_get(c, "allowed")));
    assert_string_equal(json_string_value(json_object_get(c, "why")),
                        wf_barrier_text(WF_BARRIER_CLEARANCE));
    json_decref(v);
    assert_int_equal(wf_route_log_find(path, WF_STR(""), &v, NULL), 0);
    assert_string_equal(json_string_value(json_object_get(v, "id")), "req-2");
    json_decref(v);
    assert_int_equal(wf_route_log_find(path, WF_STR("req"), &v, NULL), WF_E_NOENT);
    assert_int_equal(wf_route_log_find(path, WF_STR("../x"), &v, NULL), WF_E_INVAL);
    r.id = WF_STR("a\"b");
    assert_int_equal(wf_route_log_append(path, &r, NULL), WF_E_INVAL);
}

static void test_record__who_answered_is_read_back(void **state)
{
    const struct wf_outcome o = {.total_ms = 700}, failed = {.failed = true};
    struct wf_route_record r = a_record("req-1");
    struct wf_route_request q;
    struct wf_candidate c;
    bool is_good = false;
    json_t *v = NULL;

    (void)state;
    candidates[1].n_params = 7000000000;
    candidates[1].model = WF_STR("a/b");
    request.kind = WF_KIND_MATH;
    request.hard_small = -0.5F;
    request.hard_large = 1.25F;
    v = wf_route_record_json(&r);
    assert_int_equal(wf_route_record_answered(v, &q, &c, NULL), WF_E_NOENT);
    json_decref(v);
    r.ran = 1;
    r.outcome = &failed;
    v = wf_route_record_json(&r);
    assert_int_equal(wf_route_record_answered(v, &q, &c, NULL), WF_E_NOENT);
    json_decref(v);
    r.outcome = &o;
    v = wf_route_record_json(&r);
    assert_int_equal(wf_route_record_answered(v, &q, &c, NULL), 0);
    assert_true(wf_str_eq(c.engine, WF_STR("gpt")) && wf_str_eq(c.model, WF_STR("a/b")));
    assert_true(c.tier == WF_TIER_PROVIDER && c.n_params == 7000000000);
    assert_true(q.kind == WF_KIND_MATH && q.n_prompt == 12);
    assert_true(q.hard_small == -0.5F && q.hard_large == 1.25F);
    /* A log that somebody has written. */
    static const char *const spoilt[] = {"kind", "hard", "candidates"};
    for (size_t i = 0; i < WF_ARRAY_LEN(spoilt); i++) {
        json_t *other = json_copy(v);
        assert_int_equal(json_object_set_new(other, spoilt[i], json_string("x")), 0);
        assert_int_equal(wf_route_record_answered(other, &q, &c, NULL), WF_E_FORMAT);
        json_decref(other);
    }
    json_decref(v);
    /* What somebody said of it. */
    assert_int_equal(wf_route_log_append(path, &r, NULL), 0);
    assert_int_equal(wf_route_log_rated(path, r.id, &is_good, NULL), WF_E_NOENT);
    assert_int_equal(wf_route_log_rate(path, r.id, true, 5, NULL), 0);
    assert_int_equal(wf_route_log_rated(path, r.id, &is_good, NULL), 0);
    assert_true(is_good);
    assert_int_equal(wf_route_log_rate(path, r.id, false, 6, NULL), 0);
    assert_int_equal(wf_route_log_rated(path, r.id, &is_good, NULL), 0);
    assert_false(is_good);
    assert_int_equal(wf_route_log_find(path, WF_STR(""), &v, NULL), 0); /* that is no decision */
    assert_string_equal(json_string_value(json_object_get(v, "id")), "req-1");
    json_decref(v);
    assert_int_equal(wf_route_log_rate(path, WF_STR("a b"), true, 5, NULL), WF_E_INVAL);
    assert_int_equal(wf_route_log_rated(path, WF_STR(""), &is_good, NULL), WF_E_INVAL);
}

static void test_record__the_log_is_bounded_and_torn_lines_are_passed_over(void **state)
{
    struct wf_route_record r = a_record("req-3");
    json_t *v = NULL;
    struct stat st;
    FILE *f;

    (void)state;
    f = fopen(path, "w");
    assert_non_null(f);
    (void)fputs("{\"id\":\"req-0\"}\n{\"id\":\"req-9\",\"x", f);
    (void)fclose(f);
    assert_int_equal(wf_route_log_find(path, WF_STR("req-0"), &v, NULL), 0);
    json_decref(v);
    assert_int_equal(wf_route_log_find(path, WF_STR("req-9"), &v, NULL), WF_E_NOENT);
    for (unsigned i = 0; i < 4000; i++)
        assert_int_equal(wf_route_log_append(path, &r, NULL), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size <= (off_t)WF_ROUTE_LOG_BYTES);
    assert_int_equal(stat(old, &st), 0);
    assert_true(st.st_size <= (off_t)WF_ROUTE_LOG_BYTES);
    r.id = WF_STR("req-4");
    for (uint64_t n = 1;; n++) {
        wf_alloc_fail_at(n);
        int rc = wf_route_log_append(path, &r, NULL);
        if (rc == 0)
            rc = wf_route_log_find(path, WF_STR("req-4"), &v, NULL);
        if (!wf_alloc_failed())
            break;
        assert_int_equal(rc, WF_E_NOMEM);
    }
    wf_alloc_fail_at(0);
    json_decref(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record__the_header_says_where_and_why),
        cmocka_unit_test_setup_teardown(test_record__predicted_stands_beside_actual, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_record__who_answered_is_read_back, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(
            test_record__the_log_is_bounded_and_torn_lines_are_passed_over, make_folder,
            remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
