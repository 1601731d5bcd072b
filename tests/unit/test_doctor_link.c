/* SPDX-License-Identifier: Apache-2.0 */
/* What weft doctor says of other nodes: each cause has a sentence of its own and something to do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/doctor.h"
#include "mesh/link.h"

/* The lines for a status, as JSON. */
static json_t *lines_of(const char *status, bool *out_bad)
{
    struct wf_cli cli = {.json = true};
    struct wf_doctor r = {.cli = &cli, .lines = json_array()};
    json_t *v = json_loads(status, 0, NULL);

    assert_non_null(v);
    wf_doctor_link_say(&r, v);
    json_decref(v);
    *out_bad = r.bad;
    return r.lines;
}

static const char *of(const json_t *lines, size_t i, const char *name)
{
    const char *s = json_string_value(json_object_get(json_array_get(lines, i), name));
    return s != NULL ? s : "";
}

/* The line that begins with a word, for a peer in that state. */
static json_t *line_of(const char *status, const char *what, bool *out_bad)
{
    json_t *lines = lines_of(status, out_bad), *found = NULL, *v;
    size_t i;

    json_array_foreach(lines, i, v)
    {
        if (found == NULL && strncmp(of(lines, i, "what"), what, strlen(what)) == 0)
            found = json_incref(v);
    }
    json_decref(lines);
    assert_non_null(found);
    return found;
}

#define STATUS(peers, knocks)                                                                      \
    "{\"state\":\"on\",\"port\":7771,\"listening\":\"\",\"addresses\":[\"10.0.0.1:7771\"],"        \
    "\"peers\":[" peers "],\"knocks\":[" knocks "]}"
#define PEER(more) "{\"key\":\"0123456789abcdef\",\"tried\":[\"10.0.0.2:7771\"]," more "}"

static void test_doctor_link__each_reason_has_its_own_sentence(void **state)
{
    (void)state;
    const enum wf_link_reason reasons[] = {
        WF_LINK_PORT_CLOSED, WF_LINK_NO_ANSWER, WF_LINK_NO_ROUTE,   WF_LINK_NO_NAME,
        WF_LINK_NOT_WEFT,    WF_LINK_OTHER_KEY, WF_LINK_NOT_PAIRED, WF_LINK_VERSION,
        WF_LINK_TOO_SLOW,    WF_LINK_SILENT,    WF_LINK_LOST,       WF_LINK_CLOSED,
        WF_LINK_TOO_MUCH};
    char status[512], seen[WF_ARRAY_LEN(reasons)][200];
    bool bad;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(reasons); i++) {
        snprintf(status, sizeof(status),
                 STATUS(PEER("\"state\":\"waiting\",\"address\":\"10.0.0.2:7771\","
                             "\"reason\":\"%s\""),
                        ""),
                 wf_link_reason_name(reasons[i]));
        json_t *line = line_of(status, "Device 01234567", &bad);
        const char *detail = json_string_value(json_object_get(line, "detail"));
        assert_false(bad); /* a device may be off: that is no fault */
        assert_true(strncmp(detail, "10.0.0.2:7771: ", 15) == 0 && strlen(detail) > 20);
        assert_true(strlen(json_string_value(json_object_get(line, "advice"))) > 10);
        snprintf(seen[i], sizeof(seen[i]), "%s", detail);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(seen[k], seen[i]);
        json_decref(line);
    }
}

static void test_doctor_link__clocks_that_differ_are_a_problem(void **state)
{
    (void)state;
    bool bad;
    json_t *line = line_of(STATUS(PEER("\"state\":\"up\",\"address\":\"h:1\",\"version\":\"0.1.0\","
                                       "\"skew_ms\":-600000"),
                                  ""),
                           "Device", &bad);
    assert_true(bad);
    assert_non_null(strstr(json_string_value(json_object_get(line, "detail")), "10 minutes"));
    json_decref(line);
    line = line_of(STATUS(PEER("\"state\":\"up\",\"address\":\"h:1\",\"version\":\"0.1.0\","
                               "\"skew_ms\":3000"),
                          ""),
                   "Device", &bad);
    assert_false(bad);
    assert_string_equal(json_string_value(json_object_get(line, "state")), "ok");
    json_decref(line);
}

static void test_doctor_link__no_listener_and_no_address_are_told(void **state)
{
    (void)state;
    bool bad;
    json_t *line =
        line_of("{\"state\":\"on\",\"port\":0,\"listening\":\"port 7771 is taken\",\"peers\":[]}",
                "Other devices", &bad);
    assert_non_null(strstr(json_string_value(json_object_get(line, "detail")), "7771 is taken"));
    json_decref(line);
    line = line_of("{\"state\":\"on\",\"port\":7771,\"addresses\":[],\"peers\":[]}",
                   "Other devices", &bad);
    assert_true(bad);
    json_decref(line);
    line = line_of(STATUS("{\"key\":\"0123456789abcdef\",\"state\":\"waiting\",\"tried\":[]}", ""),
                   "Device", &bad);
    assert_non_null(strstr(json_string_value(json_object_get(line, "detail")), "no address"));
    json_decref(line);
    line = line_of("{\"state\":\"off\"}", "Other devices", &bad);
    assert_false(bad);
    json_decref(line);
    line = line_of("{\"state\":\"starting\"}", "Other devices", &bad);
    assert_true(bad);
    json_decref(line);
}

static void test_doctor_link__who_was_turned_away_is_told_for_a_while(void **state)
{
    (void)state;
    bool bad;
    json_t *line = line_of(STATUS("", "{\"key\":\"0123456789abcdef\",\"address\":\"10.0.0.9:1\","
                                      "\"reason\":\"not_paired\",\"ago_s\":5}"),
                           "Turned away", &bad);
    assert_non_null(strstr(json_string_value(json_object_get(line, "detail")), "10.0.0.9:1"));
    assert_non_null(strstr(json_string_value(json_object_get(line, "advice")), "weft pair"));
    json_decref(line);
    json_t *lines = lines_of(STATUS("", "{\"key\":\"0123456789abcdef\",\"address\":\"10.0.0.9:1\","
                                        "\"reason\":\"not_paired\",\"ago_s\":5000}"),
                             &bad);
    for (size_t i = 0; i < json_array_size(lines); i++)
        assert_string_not_equal(of(lines, i, "what"), "Turned away");
    json_decref(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doctor_link__each_reason_has_its_own_sentence),
        cmocka_unit_test(test_doctor_link__clocks_that_differ_are_a_problem),
        cmocka_unit_test(test_doctor_link__no_listener_and_no_address_are_told),
        cmocka_unit_test(test_doctor_link__who_was_turned_away_is_told_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
