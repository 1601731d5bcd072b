/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of another node about models: what can be read is written as it was; events and counts
 * within them, and what it says that it offers. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "mesh/remote_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_events(struct wf_str bytes)
{
    struct wf_arena arena;
    struct wf_gen_event e;
    struct wf_buf b;
    size_t at = 0, before = 0;

    wf_arena_init(&arena, 4096, SIZE_MAX);
    wf_buf_init(&b, SIZE_MAX);
    while (wf_remote_event_next(bytes, &at, &arena, &e, NULL) == 1) {
        assert(at > before && at <= bytes.len);
        before = at;
        assert(wf_remote_event_write(&e, &b) == 0);
        wf_arena_reset(&arena);
    }
    at = 0;
    while (wf_remote_event_next(wf_buf_str(&b), &at, &arena, &e, NULL) == 1)
        ;
    assert(at == b.len); /* all that was written can be read */
    wf_arena_deinit(&arena);
    wf_buf_deinit(&b);
}

static void read_more(struct wf_str bytes)
{
    struct wf_gen_usage u = {.n_prompt = 0};
    struct wf_nodes_peer p = {.id = 1, .entry = {.name = "a node"}};
    const char *model = NULL;
    struct wf_arena arena;

    wf_arena_init(&arena, 0, SIZE_MAX);
    if (wf_remote_usage_read(bytes, &arena, &u, &model, NULL) == 0)
        assert(model != NULL && u.load_ns >= 0);
    if (wf_nodes__read_catalog(&p, bytes, NULL) == 0)
        assert(p.has_catalog && p.n_places <= WF_NODES_MODELS_MAX);
    wf_free(p.places);
    wf_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_str bytes = wf_str_n((const char *)data, size);
    struct wf_remote_message m;
    struct wf_buf b;

    if (wf_remote_message_read(bytes, &m, NULL) != 0)
        return 0;
    wf_buf_init(&b, SIZE_MAX);
    assert(wf_remote_message_write(&m, &b) == 0);
    assert(wf_str_eq(wf_buf_str(&b), bytes));
    wf_buf_deinit(&b);
    if (m.kind == WF_REMOTE_EVENTS)
        read_events(m.bytes);
    else
        read_more(m.bytes);
    return 0;
}
