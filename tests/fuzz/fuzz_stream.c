/* SPDX-License-Identifier: Apache-2.0 */
/* The stream reader: whatever a worker sends, in whatever pieces, only checked frames come out. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ingest/stream.h"
#include "text/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check(void *ud, const struct wf_stream_frame *f, struct wf_err *err)
{
    uint64_t *n_text = ud;
    (void)err;
    assert(wf_utf8_valid_prefix(f->text) == f->text.len);
    assert(f->text.len == 0 || memchr(f->text.ptr, 0, f->text.len) == NULL);
    assert(f->type != WF_STREAM_HEADING || f->number <= 6);
    *n_text += f->type == WF_STREAM_TEXT ? f->text.len : 0;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_stream_reader r;
    uint64_t n_text = 0;
    size_t step = size > 0 ? 1u + data[0] : 1;
    wf_stream_reader_init(&r);
    for (size_t i = 1; i < size; i += step) {
        size_t n = size - i < step ? size - i : step;
        if (wf_stream_feed(&r, data + i, n, check, &n_text, NULL) != 0) {
            break;
        }
    }
    assert(n_text <= r.text_bytes);
    wf_stream_reader_deinit(&r);
    return 0;
}
