/* SPDX-License-Identifier: Apache-2.0 */
/* Updates without a draft: merged, cut, converted, measured. The first byte chooses the format;
 * then come parts with their length. What can be read can be written in the other format and read
 * there. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "crdt/lib0.h"
#include "crdt/update.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_lib0_in in = wf_lib0_in(data, size);
    bool v2 = (wf_lib0_byte(&in) & 1) != 0;
    enum wf_crdt_format format = v2 ? WF_CRDT_V2 : WF_CRDT_V1;
    enum wf_crdt_format other = v2 ? WF_CRDT_V1 : WF_CRDT_V2;
    struct wf_str parts[8];
    struct wf_buf out, back;
    size_t n = 0;

    while (n < 8 && in.p < in.end)
        parts[n++] = wf_lib0_bytes(&in);
    if (in.bad && n > 0)
        parts[n - 1] = wf_str_n((const char *)data + 1, size - 1);
    wf_buf_init(&out, SIZE_MAX);
    wf_buf_init(&back, SIZE_MAX);
    if (n > 1 && wf_crdt_merge(parts, n, format, &out) == 0) {
        int rc = wf_crdt_update_vector(wf_buf_str(&out), format, &back);
        assert(rc == 0);
    }
    for (size_t i = 0; i < n; i++) {
        wf_buf_reset(&out);
        wf_buf_reset(&back);
        if (wf_crdt_convert(parts[i], format, other, &out) == 0) {
            int rc = wf_crdt_convert(wf_buf_str(&out), other, format, &back);
            assert(rc == 0);
        }
        wf_buf_reset(&out);
        (void)wf_crdt_diff(parts[0], parts[i], format, &out);
    }
    wf_buf_deinit(&out);
    wf_buf_deinit(&back);
    return 0;
}
