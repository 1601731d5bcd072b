/* SPDX-License-Identifier: Apache-2.0 */
/* docs/openapi.json beside the table of routes: what either has, the other has, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "http/http_internal.h"

static json_t *described;

static int begin(void **state)
{
    (void)state;
    described = json_load_file("docs/openapi.json", JSON_REJECT_DUPLICATES, NULL);
    return described ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    json_decref(described);
    return 0;
}

static const char *name_of(enum wf_http_method method)
{
    switch (method) {
    case WF_HTTP_GET:
        return "get";
    case WF_HTTP_POST:
        return "post";
    case WF_HTTP_PUT:
        return "put";
    case WF_HTTP_PATCH:
        return "patch";
    case WF_HTTP_DELETE:
        return "delete";
    case WF_HTTP_HEAD:
    case WF_HTTP_OPTIONS:
    case WF_HTTP_OTHER:
        break;
    }
    return "none";
}

static json_t *described_path(const struct wf_route *r)
{
    char path[128];
    snprintf(path, sizeof(path), "/%s", r->pattern);
    return json_object_get(json_object_get(described, "paths"), path);
}

static void test_openapi__describes_every_route(void **state)
{
    (void)state;
    const struct wf_route *r;
    for (size_t i = 0; (r = wf_route_at(i)) != NULL; i++) {
        const json_t *of_path = described_path(r);
        if (!json_object_get(of_path, name_of(r->method)))
            fail_msg("%s /%s is not described", name_of(r->method), r->pattern);
    }
}

static size_t n_routes(const char *path, const char *method)
{
    const struct wf_route *r;
    size_t n = 0;
    for (size_t i = 0; (r = wf_route_at(i)) != NULL; i++)
        n += strcmp(r->pattern, path + 1) == 0 && strcmp(name_of(r->method), method) == 0;
    return n;
}

static void test_openapi__describes_nothing_else(void **state)
{
    (void)state;
    const char *path, *method;
    json_t *of_path, *operation;
    size_t n = 0;
    json_object_foreach(json_object_get(described, "paths"), path, of_path)
    {
        json_object_foreach(of_path, method, operation)
        {
            if (strcmp(method, "parameters") == 0)
                continue;
            if (n_routes(path, method) != 1)
                fail_msg("%s %s is described, and no route", method, path);
            assert_true(json_object_size(json_object_get(operation, "responses")) > 0);
            n++;
        }
    }
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openapi__describes_every_route),
        cmocka_unit_test(test_openapi__describes_nothing_else),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
