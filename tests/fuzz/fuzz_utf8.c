/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: what the validity check says, the decoder and the repair must agree with. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "text/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_str s = {(const char *)data, size};
    size_t valid = wf_utf8_valid_prefix(s), n = 0, n_valid = 0;
    assert(valid <= size);
    for (size_t i = 0; i < size;) {
        size_t before = i;
        uint32_t cp = wf_utf8_next(s, &i);
        assert(i > before && i <= size);
        assert(cp <= 0x10FFFF);
        n++;
        n_valid += before < valid;
    }
    struct wf_str prefix = wf_str_sub(s, 0, valid);
    assert(wf_utf8_count(prefix) == n_valid);
    assert(wf_utf8_offset(prefix, n_valid / 2) <= valid);
    struct wf_buf out;
    wf_buf_init(&out, 4 * size + 16);
    int r = wf_utf8_append_repaired(&out, s);
    assert(r == 0);
    struct wf_str repaired = wf_buf_str(&out);
    assert(wf_utf8_valid_prefix(repaired) == repaired.len);
    assert(wf_utf8_count(repaired) <= n);
    wf_buf_deinit(&out);
    return 0;
}
