/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of snapshots and words of devices, as somebody who has the key may have written them: what
 * can be read is written as it was. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_str bytes = wf_str_n((const char *)data, size);
    struct wf_snapshot_head head, again;
    struct wf_snapshot_word word, word_again;
    struct wf_arena arena;
    struct wf_buf b;

    wf_arena_init(&arena, 4096, (size_t)1 << 26);
    wf_buf_init(&b, SIZE_MAX);
    if (wf_snapshot_head_read(bytes, &arena, &head, NULL) == 0) {
        assert(wf_snapshot_head_write(&head, &b) == 0);
        assert(wf_snapshot_head_read(wf_buf_str(&b), &arena, &again, NULL) == 0);
        assert(again.n_covers == head.n_covers && again.n_reach == head.n_reach);
        for (size_t i = 0; i < head.n_covers; i++)
            assert(wf_snapshot_cover_of(&again, head.covers[i].device)->number ==
                   head.covers[i].number);
    }
    wf_buf_reset(&b);
    if (wf_snapshot_word_read(bytes, &arena, &word, NULL) == 0) {
        assert(wf_snapshot_word_write(&word, &b) == 0);
        assert(wf_snapshot_word_read(wf_buf_str(&b), &arena, &word_again, NULL) == 0);
        assert(word_again.hlc == word.hlc && word_again.dseq == word.dseq &&
               word_again.top == word.top && word_again.n_seen == word.n_seen);
    }
    wf_buf_deinit(&b);
    wf_arena_deinit(&arena);
    return 0;
}
