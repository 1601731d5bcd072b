/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of sync connections, with their length each, behind a first byte: in both protocols.
 * What can be read lies within the message; what is written can be read and says the same. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/lib0.h"
#include "space/sync_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct wf_str space = {"me", 2}, name = {"notes", 5};

static void check_inside(struct wf_str part, struct wf_str whole)
{
    assert(part.len == 0 ||
           (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len));
}

static void check_written(enum wf_sync_dialect dialect, const struct wf_sync_frame *frame)
{
    struct wf_sync_frame again;
    struct wf_buf out;
    int rc;

    if (frame->kind > WF_SYNC_AWARENESS)
        return;
    wf_buf_init(&out, SIZE_MAX / 2);
    wf_sync_write(dialect, frame->name, frame->kind, frame->bytes, &out);
    rc = wf_sync_read(dialect, wf_buf_str(&out), &again);
    assert(rc == 0);
    assert(again.kind == frame->kind);
    assert(wf_str_eq(again.bytes, frame->bytes) && wf_str_eq(again.name, frame->name));
    wf_buf_deinit(&out);
}

static void check_presence(struct wf_str message)
{
    struct wf_sync_presence p[4];
    struct wf_buf out;
    size_t n = 0;

    while (n < 4 && wf_sync_presence_at(message, n, &p[n]))
        n++;
    wf_buf_init(&out, SIZE_MAX / 2);
    wf_sync_presence_gone(p, n, &out);
    for (size_t i = 0; i < n; i++) {
        struct wf_sync_presence q;
        bool ok = wf_sync_presence_at(wf_buf_str(&out), i, &q);
        assert(ok && q.is_gone && q.client == p[i].client && q.clock == p[i].clock);
    }
    wf_buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_lib0_in in = wf_lib0_in(data, size);
    enum wf_sync_dialect dialect = WF_SYNC_UNKNOWN;

    while (in.p < in.end) {
        struct wf_str message = wf_lib0_bytes(&in);
        struct wf_sync_frame frame;
        if (in.bad)
            break;
        if (dialect == WF_SYNC_UNKNOWN)
            dialect = wf_sync_dialect_of(message, space, name);
        check_presence(message);
        if (wf_sync_read(dialect, message, &frame) != 0)
            continue;
        check_inside(frame.bytes, message);
        check_inside(frame.name, message);
        check_written(dialect, &frame);
    }
    return 0;
}
