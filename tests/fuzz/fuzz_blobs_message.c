/* SPDX-License-Identifier: Apache-2.0 */
/* What another node says about blobs: what can be read is written as it was, and its pieces lie
 * within the blob. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh/blobs_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_blobs_message m;
    struct wf_piece p;
    struct wf_buf b;
    uint64_t at;

    if (wf_blobs_message_read(wf_str_n((const char *)data, size), &m, NULL) != 0)
        return 0;
    wf_buf_init(&b, SIZE_MAX);
    assert(wf_blobs_message_write(&m, &b) == 0);
    assert(wf_str_eq(wf_buf_str(&b), wf_str_n((const char *)data, size)));
    at = m.from;
    for (size_t i = 0; m.kind == WF_BLOBS_PIECES && i < wf_blobs_pieces_n(&m); i++) {
        wf_blobs_piece_at(&m, i, &p);
        assert(p.bytes > 0 && p.bytes <= WF_PIECE_BYTES_MAX);
        at += p.bytes;
        assert(at <= m.n_bytes);
    }
    wf_buf_deinit(&b);
    return 0;
}
