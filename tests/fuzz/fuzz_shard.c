/* SPDX-License-Identifier: Apache-2.0 */
/* Files of tokens: any bytes are refused with a reason, or every text in them can be read and every
 * id is in the vocabulary. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "train/shard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_shard *s = NULL;
    char *copy = wf_memdup0(data, size);
    int32_t *ids;
    uint64_t n = 0;

    assert(copy != NULL);
    if (wf_shard_open_bytes(wf_str_n(copy, size), &s, &err) != 0) {
        assert(err.msg[0] != 0);
        wf_free(copy);
        return 0;
    }
    ids = wf_alloc_array(size + 1, sizeof(*ids));
    assert(ids != NULL);
    for (uint64_t i = 0; i < wf_shard_head(s)->n_texts; i++) {
        size_t len = wf_shard_text_len(s, i);
        wf_shard_read(s, i, 0, len, ids);
        for (size_t k = 0; k < len; k++)
            assert((uint32_t)ids[k] < wf_shard_head(s)->n_vocab);
        n += len;
    }
    assert(n == wf_shard_head(s)->n_tokens);
    wf_free(ids);
    wf_shard_close(s);
    wf_free(copy);
    return 0;
}
