/* SPDX-License-Identifier: Apache-2.0 */
/* Any text in any pieces, with headings, borders and pages between: sentences are exact slices of
 * what was fed, in its order. The first two bytes decide the pieces. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "skill/summarize.h"
#include "text/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct wf_summary *summary, struct wf_str text)
{
    uint64_t at = 0;
    for (size_t i = 0; i < summary->n_sentences; i++) {
        const struct wf_summary_sentence *s = &summary->sentences[i];
        assert(s->start_cp >= at && s->start_cp < s->end_cp);
        struct wf_str slice =
            wf_str_sub(text, wf_utf8_offset(text, s->start_cp), wf_utf8_offset(text, s->end_cp));
        assert(wf_str_eq(slice, s->text));
        at = s->end_cp;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t piece = 1 + data[0];
    unsigned events = data[1];
    struct wf_buf text;
    struct wf_arena arena;
    struct wf_summary summary;
    struct wf_summarizer *s = NULL;
    wf_buf_init(&text, 4 * size + 16);
    wf_arena_init(&arena, 0, 16 << 20);
    int r = wf_utf8_append_repaired(&text, (struct wf_str){(const char *)data + 2, size - 2});
    assert(r == 0);
    struct wf_str all = wf_buf_str(&text);
    struct wf_summary_options o = {.n_sentences = events % 7, .ratio = events & 8 ? 0.5 : 0};
    if (events & 16) /* the first word of the text, cut at a code point */
        o.about = wf_str_sub(all, 0, wf_utf8_offset(all, 8));
    r = wf_summarizer_new(&o, &s, NULL);
    assert(r == 0);
    uint32_t page = 1;
    for (size_t i = 0; i < all.len; page++) {
        size_t end = i + wf_utf8_offset(wf_str_sub(all, i, all.len), piece);
        wf_summarizer_heading(s, (events & 32) && page % 3 == 0);
        r = wf_summarizer_feed(s, wf_str_sub(all, i, end), page, NULL);
        assert(r == 0);
        if ((events & 64) && page % 5 == 0)
            r = wf_summarizer_border(s, NULL);
        assert(r == 0);
        i = end;
    }
    r = wf_summarizer_finish(s, &arena, &summary, NULL);
    assert(r == 0);
    check(&summary, all);
    wf_summarizer_free(s);
    wf_arena_deinit(&arena);
    wf_buf_deinit(&text);
    return 0;
}
