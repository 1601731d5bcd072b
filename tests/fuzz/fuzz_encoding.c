/* SPDX-License-Identifier: Apache-2.0 */
/* Encodings: the first line is what somebody declared, the rest the bytes; out comes UTF-8. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "ingest/encoding.h"
#include "text/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_str rest = wf_str_n((const char *)data, size);
    struct wf_str declared = wf_str_n("", 0);
    struct wf_buf out;
    size_t n_bom = 0;
    (void)wf_str_split(&rest, '\n', &declared);
    if (rest.ptr == NULL) {
        rest = wf_str_n("", 0);
    }
    const char *name = wf_encoding_guess(rest, declared, &n_bom);
    assert(name != NULL && n_bom <= 4);
    wf_buf_init(&out, (size_t)16 << 20);
    int rc = wf_encoding_to_utf8(rest, declared, &out);
    assert(rc == 0);
    assert(wf_utf8_valid_prefix(wf_buf_str(&out)) == out.len);
    wf_buf_deinit(&out);
    return 0;
}
