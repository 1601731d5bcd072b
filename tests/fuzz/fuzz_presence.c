/* SPDX-License-Identifier: Apache-2.0 */
/* What another device says is open there: whatever it says is taken or refused, and what was taken
 * can be shown, handed on and told to a third. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mesh/presence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t now_ms;

static int64_t mono(void *ud)
{
    (void)ud;
    return now_ms * 1000000;
}

static int sent(void *ud, uint64_t peer, struct wf_str bytes, struct wf_err *err)
{
    (void)ud;
    (void)peer;
    (void)err;
    assert(bytes.len > 1 && (unsigned char)bytes.ptr[0] < WF_PRESENCE_OTHER);
    return 0;
}

static void nothing(void *ud)
{
    (void)ud;
}

static void moved(void *ud, const json_t *state)
{
    json_t *copy = NULL;
    (void)ud;
    assert(wf_presence_screen_read(state, &copy, NULL) == 0 && json_equal(copy, state));
    json_decref(copy);
}

static void taken(void *ud, uint64_t call, unsigned n)
{
    (void)ud;
    (void)call;
    assert(n <= WF_PRESENCE_ITEMS_MAX);
}

static void other(void *ud, uint64_t peer, unsigned kind, struct wf_str body)
{
    (void)ud;
    (void)peer;
    (void)body;
    assert(kind >= WF_PRESENCE_OTHER);
}

/* Messages, each with two bytes of length in front. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct wf_clock clock = {.mono_ns = mono};
    const struct wf_presence_options o = {.clock = &clock,
                                          .send = sent,
                                          .changed = nothing,
                                          .handed = nothing,
                                          .taken = taken,
                                          .screen = nothing,
                                          .moved = moved,
                                          .other = other};
    struct wf_devices_entry e = {.clearance = WF_LABEL_PRIVATE, .name = "box"};
    struct wf_presence *p = NULL;
    json_t *screen = json_pack("{s:s, s:s, s:i, s:i, s:i}", "kind", "draft", "id", "talk", "at", 0,
                               "n", 3, "since", 0);
    json_t *v;

    now_ms = 1000000000;
    if (wf_presence_new(&o, &p, NULL) != 0 || wf_presence_up(p, 1, &e, NULL) != 0)
        return 0;
    wf_presence_show(p, WF_LABEL_PRIVATE, screen);
    json_decref(screen);
    while (size >= 2) {
        size_t n = (size_t)data[0] | (size_t)data[1] << 8;
        n = n < size - 2 ? n : size - 2;
        (void)!wf_presence_bytes(p, 1, wf_str_n((const char *)data + 2, n), NULL);
        data += 2 + n;
        size -= 2 + n;
        now_ms += 40;
        (void)wf_presence_tick(p);
    }
    v = wf_presence_json(p);
    assert(v != NULL);
    json_decref(v);
    v = wf_presence_screens(p);
    assert(json_is_array(v));
    json_decref(v);
    json_decref(wf_presence_take(p));
    wf_presence_free(p);
    return 0;
}
