/* SPDX-License-Identifier: Apache-2.0 */
/* What another node says about batches: what can be read is written as it was. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mesh/sync_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_sync_message m, again;
    struct wf_sync_head head;
    struct wf_str batch;
    struct wf_buf b;
    size_t at = 0;

    if (wf_sync_message_read(wf_str_n((const char *)data, size), &m, NULL) != 0)
        return 0;
    wf_buf_init(&b, SIZE_MAX);
    assert(wf_sync_message_write(&m, &b) == 0);
    assert(wf_sync_message_read(wf_buf_str(&b), &again, NULL) == 0);
    assert(again.kind == m.kind && again.version == m.version && again.flags == m.flags &&
           memcmp(again.device, m.device, sizeof(m.device)) == 0 &&
           memcmp(again.tag, m.tag, sizeof(m.tag)) == 0 &&
           memcmp(again.hash, m.hash, sizeof(m.hash)) == 0 && again.from == m.from &&
           again.total == m.total && again.at == m.at && wf_str_eq(again.bytes, m.bytes));
    while (m.kind == WF_SYNC_HEADS && wf_sync_heads_next(&m, &at, &head))
        assert(head.last > 0 && at <= m.bytes.len);
    while (m.kind == WF_SYNC_BATCHES && wf_sync_batches_next(&m, &at, &batch))
        assert(batch.len > 0 && at <= m.bytes.len);
    wf_buf_deinit(&b);
    return 0;
}
