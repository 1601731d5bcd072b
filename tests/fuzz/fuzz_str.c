/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: parts and lines give the text back, numbers agree with the C library, and what was
 * made printable is valid, of the same length, and stays as it is when done again. */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "text/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_parts(struct wf_str s)
{
    struct wf_buf joined;
    struct wf_str part;
    struct wf_str rest = s;
    wf_buf_init(&joined, s.len + 1);
    while (wf_str_split(&rest, ',', &part)) {
        assert(wf_str_find_byte(part, ',', 0) == SIZE_MAX);
        (void)wf_buf_append_str(&joined, part); /* checked at the end */
        (void)wf_buf_append_byte(&joined, ',');
    }
    assert(wf_buf_status(&joined) == 0);
    assert(joined.len == s.len + 1 && memcmp(joined.ptr, s.ptr, s.len) == 0);
    wf_buf_deinit(&joined);
    size_t n_bytes = 0;
    for (rest = s; wf_str_line(&rest, &part);) {
        assert(wf_str_find_byte(part, '\n', 0) == SIZE_MAX);
        n_bytes += part.len;
    }
    assert(n_bytes <= s.len);
}

static void check_numbers(struct wf_str s)
{
    char text[64];
    if (s.len >= sizeof(text))
        return;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    double d = 0;
    int64_t i = 0;
    uint64_t u = 0;
    if (wf_str_to_f64(s, &d)) {
        assert(isfinite(d));
        assert(d <= strtod(text, NULL) && d >= strtod(text, NULL));
    }
    if (wf_str_to_i64(s, &i))
        assert(i == strtoll(text, NULL, 10));
    if (wf_str_to_u64(s, &u))
        assert(u == strtoull(text, NULL, 10));
}

static void check_printable(struct wf_str s)
{
    char *copy = malloc(s.len + 1);
    char *again = malloc(s.len + 1);
    assert(copy && again);
    memcpy(copy, s.ptr, s.len);
    bool was_valid = wf_utf8_valid_prefix(s) == s.len;
    wf_str_make_printable(copy, s.len);
    struct wf_str c = wf_str_n(copy, s.len);
    assert(wf_utf8_valid_prefix(c) == c.len);
    assert(wf_str_find_byte(c, '\n', 0) == SIZE_MAX && wf_str_find_byte(c, '\x1B', 0) == SIZE_MAX);
    assert(wf_str_find_byte(s, '?', 0) != SIZE_MAX || !was_valid ||
           wf_str_find_byte(c, '?', 0) == SIZE_MAX);
    memcpy(again, copy, s.len);
    wf_str_make_printable(again, s.len);
    assert(memcmp(again, copy, s.len) == 0);
    free(copy);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size ? size : 1); /* so that a read behind the end is seen */
    assert(exact);
    memcpy(exact, data, size);
    struct wf_str s = wf_str_n(exact, size);
    check_parts(s);
    check_numbers(s);
    check_printable(s);
    assert(wf_str_trim(s).len <= s.len);
    assert(wf_str_hash(s, 1) == wf_str_hash(wf_str_n((const char *)data, size), 1));
    free(exact);
    return 0;
}
