/* SPDX-License-Identifier: Apache-2.0 */
/* Batches from others: the envelope, and as somebody who has the key may have filled it, the
 * content: entries that can be read are written as they were. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_str bytes = wf_str_n((const char *)data, size);
    struct wf_batch_entry e, again;
    struct wf_batch b;
    struct wf_buf written;
    size_t at = 0, back = 0;

    if (wf_batch_read(bytes, &b, NULL) == 0) {
        assert(b.number > 0 && b.bytes.len == size);
        (void)!wf_batch_verify(&b, NULL); /* one of the kept inputs is signed */
    }
    wf_buf_init(&written, SIZE_MAX);
    while (wf_batch_entry_next(bytes, &at, &e) == 1) {
        assert(at <= size);
        wf_buf_reset(&written);
        back = 0;
        assert(wf_batch_entry_write(&e, &written) == 0);
        assert(wf_batch_entry_next(wf_buf_str(&written), &back, &again) == 1);
        assert(back == written.len && again.kind == e.kind && again.dseq == e.dseq &&
               again.at_ms == e.at_ms && wf_str_eq(again.bytes, e.bytes));
    }
    wf_buf_deinit(&written);
    return 0;
}
