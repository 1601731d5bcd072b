/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies for the model faces: the first line is a path, the rest a body. Whatever it is, the route
 * answers, with JSON or with events of JSON, and the engine is given back all that it made.
 *
 * Behind the path may stand a space and what the engine does: "calls", "cut" (within a call's
 * arguments), "stopped" (by a text), "fails" (at once) or "breaks" (in the end). */
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

static const struct wf_gen_event calls[] = {
    {.kind = WF_GEN_REASONING, .text = {"hm", 2}},
    {.kind = WF_GEN_TEXT, .text = {"Look: ", 6}},
    {.kind = WF_GEN_CALL, .call_id = {"c1", 2}, .call_name = {"f", 1}},
    {.kind = WF_GEN_ARGUMENTS, .text = {"{\"a\":", 5}},
    {.kind = WF_GEN_ARGUMENTS, .text = {"1}", 2}},
    {.kind = WF_GEN_CALL, .i_call = 1, .call_id = {"c2", 2}, .call_name = {"g", 1}},
    {.kind = WF_GEN_END, .finish = WF_FINISH_TOOL_CALLS},
};
static const struct wf_gen_event cut[] = {
    {.kind = WF_GEN_CALL, .call_id = {"c1", 2}, .call_name = {"f", 1}},
    {.kind = WF_GEN_ARGUMENTS, .text = {"{\"a\":", 5}},
    {.kind = WF_GEN_END, .finish = WF_FINISH_LENGTH},
};
static const struct wf_gen_event stopped[] = {
    {.kind = WF_GEN_TEXT, .text = {"a", 1}},
    {.kind = WF_GEN_END, .finish = WF_FINISH_STOP_TEXT, .stop = {"b", 1}},
};

static void play(struct scripted *s, struct wf_str what)
{
    static const struct {
        const char *name;
        const struct wf_gen_event *events;
        size_t n;
        int fail, fail_next;
    } plays[] = {
        {"calls", calls, WF_ARRAY_LEN(calls), 0, 0},
        {"cut", cut, WF_ARRAY_LEN(cut), 0, 0},
        {"stopped", stopped, WF_ARRAY_LEN(stopped), 0, 0},
        {"fails", NULL, 0, WF_E_NOENT, 0},
        {"breaks", NULL, 0, 0, WF_E_NOMEM},
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(plays); i++) {
        if (!wf_str_eq(what, wf_str_from(plays[i].name)))
            continue;
        s->events = plays[i].events;
        s->n_events = plays[i].n;
        s->fail = plays[i].fail;
        s->fail_next = plays[i].fail_next;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scripted engine;
    struct wf_op_context ctx = {.engine = &engine.base};
    struct wf_str body = wf_str_n((const char *)data, size), line = {0}, where = {0};
    struct faced f;
    json_t *v;
    char path[64];
    (void)wf_str_line(&body, &line);
    (void)wf_str_split(&line, ' ', &where);
    snprintf(path, sizeof(path), "%.*s", (int)WF_MIN(where.len, sizeof(path) - 1),
             where.len > 0 ? where.ptr : "");
    if (!generates(path))
        return 0;
    scripted_init(&engine);
    play(&engine, line);
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
