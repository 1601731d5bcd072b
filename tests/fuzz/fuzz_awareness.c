/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of awareness, with their length each: taken whole or refused, and written again. What is
 * written can be read, and says nothing new. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "crdt/awareness.h"
#include "crdt/lib0.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_lib0_in in = wf_lib0_in(data, size);
    struct wf_awareness *a = NULL;
    struct wf_buf out;
    size_t changed = 0, gone;
    bool renewed;
    int rc = wf_awareness_new(5, &a);

    assert(rc == 0);
    wf_buf_init(&out, SIZE_MAX);
    rc = wf_awareness_set(a, WF_STR("{\"name\":\"me\"}"), 0);
    assert(rc == 0);
    for (int64_t t = 0; t < 8 && in.p < in.end; t++) {
        (void)wf_awareness_apply(a, wf_lib0_bytes(&in), t * 9000, NULL);
        wf_awareness_tick(a, t * 9000, &gone, &renewed);
    }
    rc = wf_awareness_encode(a, NULL, 0, &out);
    assert(rc == 0);
    rc = wf_awareness_apply(a, wf_buf_str(&out), 80000, &changed);
    assert(rc == 0);
    assert(changed == 0);
    wf_buf_deinit(&out);
    wf_awareness_free(a);
    return 0;
}
