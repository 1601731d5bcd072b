/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies for the model faces: the first line is a path, the rest a body. Whatever it is, the route
 * answers, with JSON or with events of JSON, and the engine is given back all that it made. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "http/face.h"
#include "http/http_internal.h"
#include "support/faced.h"
#include "support/scripted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool generates(const char *path)
{
    const struct wf_route *r;
    for (size_t i = 0; (r = wf_route_at(i)) != NULL; i++) {
        if (r->generates && r->method == WF_HTTP_POST && path[0] == '/' &&
            strcmp(r->pattern, path + 1) == 0)
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scripted engine;
    struct wf_op_context ctx = {.engine = &engine.base};
    struct wf_str body = wf_str_n((const char *)data, size), line = {0};
    struct faced f;
    json_t *v;
    char path[64];
    (void)wf_str_line(&body, &line);
    snprintf(path, sizeof(path), "%.*s", (int)WF_MIN(line.len, sizeof(path) - 1), line.ptr);
    if (!generates(path))
        return 0;
    scripted_init(&engine);
    faced_run(&ctx, WF_HTTP_POST, path, body, &f);
    assert(f.status >= 200 && f.status < 600);
    assert(f.whole);
    if (f.status != 204) {
        v = faced_header(&f, "content-type") &&
                    strcmp(faced_header(&f, "content-type"), "application/json") == 0
                ? faced_json(&f)
                : faced_event(&f, 0);
        assert(v != NULL);
        json_decref(v);
    }
    faced_free(&f);
    scripted_deinit(&engine);
    return 0;
}
