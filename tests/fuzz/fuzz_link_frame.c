/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a message between core and link: what is read is written again to the very same
 * bytes, so nothing is passed over or read twice; also with its length in front, as in a stream. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mesh/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_str in = wf_str_n((const char *)data, size);
    struct wf_link_frame f;
    struct wf_buf b;
    size_t n;

    wf_buf_init(&b, WF_LINK_FRAME_BYTES + 16);
    if (wf_link_frame_read(in, &f, NULL) == 0) {
        assert(wf_link_frame_write(&f, &b) == 0);
        assert(b.len == size && memcmp(b.ptr, data, size) == 0);
        wf_buf_reset(&b);
        assert(wf_link_frame_put(&f, &b) == 0);
        assert(wf_link_frame_next(wf_buf_str(&b), &f, &n, NULL) == 0 && n == size + 4);
    }
    if (wf_link_frame_next(in, &f, &n, NULL) == 0)
        assert(n <= size);
    wf_buf_deinit(&b);
    return 0;
}
