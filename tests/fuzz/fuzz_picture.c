/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures that leave: what is made of any bytes is clean, and stays as it is when it is cleaned
 * again; as JSON the bytes lose at most what they hold of pictures. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "privacy/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct wf_str bytes = wf_str_n((const char *)data, size);
    struct wf_picture info, again;
    struct wf_buf out, twice;
    size_t n;

    wf_buf_init(&out, (size_t)1 << 24);
    wf_buf_init(&twice, (size_t)1 << 24);
    if (wf_picture_read(bytes, &out, &info, NULL) == 0) {
        assert(out.len <= bytes.len);
        assert(info.is_clean == wf_str_eq(wf_buf_str(&out), bytes));
        assert(wf_picture_read(wf_buf_str(&out), &twice, &again, NULL) == 0);
        assert(again.is_clean && again.width == info.width && again.height == info.height);
        assert(wf_str_eq(wf_buf_str(&out), wf_buf_str(&twice)));
    }
    wf_buf_reset(&out);
    if (wf_picture_cut_out(bytes, &out, &n, NULL) == 0)
        assert(out.len + 32 * n <= size && (n > 0 || out.len == size));
    (void)wf_picture_url_is_clean(bytes);
    wf_buf_deinit(&out);
    wf_buf_deinit(&twice);
    return 0;
}
