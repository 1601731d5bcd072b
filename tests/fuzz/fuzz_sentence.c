/* SPDX-License-Identifier: Apache-2.0 */
/* Any text: sentences lie in order, begin and end at code points, and none is empty or endless. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/sentence.h"
#include "text/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_buf text;
    wf_buf_init(&text, 4 * size + 16);
    int r = wf_utf8_append_repaired(&text, (struct wf_str){(const char *)data, size});
    assert(r == 0);
    char *exact = malloc(text.len + 1);
    assert(exact);
    memcpy(exact, text.ptr, text.len);
    struct wf_str s = {exact, text.len};
    struct wf_sentence sentence;
    size_t i = 0, end = 0;
    while (wf_sentence_next(s, &i, &sentence)) {
        assert(sentence.start >= end && sentence.start < sentence.end && sentence.end <= s.len);
        assert(sentence.end - sentence.start < 1500);
        struct wf_str part = wf_str_sub(s, sentence.start, sentence.end);
        assert(wf_utf8_valid_prefix(part) == part.len);
        end = sentence.end;
    }
    free(exact);
    wf_buf_deinit(&text);
    return 0;
}
