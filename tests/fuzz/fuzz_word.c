/* SPDX-License-Identifier: Apache-2.0 */
/* Any text: words lie in order within it, are valid and short, and fold to themselves. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/utf8.h"
#include "text/word.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_buf text;
    wf_buf_init(&text, 4 * size + 16);
    int r = wf_utf8_append_repaired(&text, (struct wf_str){(const char *)data, size});
    assert(r == 0);
    /* a copy of the exact size, so that reading behind the end is seen */
    char *exact = malloc(text.len + 1);
    assert(exact);
    memcpy(exact, text.ptr, text.len);
    struct wf_words w;
    struct wf_word word;
    size_t start = 0;
    wf_words_init(&w, (struct wf_str){exact, text.len});
    while (wf_words_next(&w, &word)) {
        struct wf_str folded = {word.text, word.len};
        assert(word.len > 0 && word.len <= WF_WORD_BYTES_MAX);
        assert(word.start >= start && word.start < word.end && word.end <= text.len);
        assert(wf_utf8_valid_prefix(folded) == word.len);
        (void)wf_word_is_stop(folded);
        start = word.start;
    }
    free(exact);
    wf_buf_deinit(&text);
    return 0;
}
