/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a message between core and airlock: what is read is written again to the very same
 * bytes, so nothing is passed over or read twice. And any bytes as the JSON that airlock looks
 * through. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "daemon/airlock_internal.h"
#include "route/airlock_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_airlock_frame f;
    struct wf_buf b;

    wf_buf_init(&b, WF_LIMIT_FRAME_BYTES);
    if (wf_airlock_frame_read(wf_str_n((const char *)data, size), &f, NULL) == 0) {
        assert(wf_airlock_frame_write(&f, &b) == 0);
        assert(b.len == size && memcmp(b.ptr, data, size) == 0);
    }
    wf_buf_reset(&b);
    assert(wf_airlock__unescape(wf_str_n((const char *)data, size), &b) == 0);
    assert(b.len <= size);
    wf_buf_deinit(&b);
    return 0;
}
