/* SPDX-License-Identifier: Apache-2.0 */
/* Any frames: the chunks partition the text, are valid, bounded, and count what they hold. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "ingest/chunk.h"
#include "text/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct check {
    const struct wf_buf *want;
    size_t at;
    uint64_t n_cp;
};

static int take(void *ud, const struct wf_chunk *c, struct wf_err *err)
{
    struct check *k = ud;
    (void)err;
    assert(c->text.len > 0 && c->text.len <= WF_LIMIT_CHUNK_BYTES);
    assert(c->text.len <= k->want->len - k->at);
    assert(memcmp(c->text.ptr, k->want->ptr + k->at, c->text.len) == 0);
    assert(c->start_cp == k->n_cp && c->n_cp == wf_utf8_count(c->text));
    assert(wf_utf8_valid_prefix(c->text) == c->text.len);
    assert(c->heading.len <= WF_CHUNK_HEADING_BYTES);
    assert(wf_utf8_valid_prefix(c->heading) == c->heading.len);
    k->at += c->text.len;
    k->n_cp += c->n_cp;
    return 0;
}

/* Bytes 1, 2, 3 of the input stand for a border, a page, a heading's begin or end; the rest is
 * text, each run between them repeated up to 64 times. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_buf want;
    struct wf_buf text;
    wf_buf_init(&want, 64u << 20);
    wf_buf_init(&text, 4 * size + 16);
    struct check check = {.want = &want};
    struct wf_chunker *c = wf_chunker_new(take, &check);
    assert(c != NULL);
    uint32_t level = 0;
    for (size_t i = 0; i < size;) {
        size_t from = i;
        while (i < size && data[i] > 3)
            i++;
        wf_buf_reset(&text);
        int r = wf_utf8_append_repaired(&text, wf_str_n((const char *)data + from, i - from));
        assert(r == 0);
        for (unsigned k = i < size ? 1 + data[i == from ? i : from] % 64 : 1; k > 0; k--) {
            struct wf_stream_frame f = {.type = WF_STREAM_TEXT, .text = wf_buf_str(&text)};
            (void)wf_buf_append_str(&want, f.text);
            if (f.text.len > 0 && wf_chunker_feed(c, &f, NULL) != 0)
                __builtin_trap();
        }
        if (i < size) {
            struct wf_stream_frame f = {.type = WF_STREAM_BORDER, .number = (uint32_t)i + 1};
            if (data[i] == 2)
                f.type = WF_STREAM_PAGE;
            if (data[i] == 3) {
                f.type = WF_STREAM_HEADING;
                f.number = level = level ? 0 : 1 + (uint32_t)(i % 6);
            }
            if (wf_chunker_feed(c, &f, NULL) != 0)
                __builtin_trap();
            i++;
        }
    }
    if (wf_chunker_end(c, NULL) != 0)
        __builtin_trap();
    assert(check.at == want.len);
    wf_chunker_free(c);
    wf_buf_deinit(&want);
    wf_buf_deinit(&text);
    return 0;
}
