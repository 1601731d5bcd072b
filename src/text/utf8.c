/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 at the border of weft: bytes from outside are checked here once.
 *
 * The idea: most text is ASCII or runs of one script, so ASCII goes eight bytes a word (four words
 * a round) without looking at single bytes, and everything else through one table of lead bytes.
 * Counting is arithmetic on words: a byte that is no continuation begins a code point.
 *
 * Invariants: (1) no function reads at or behind s.ptr + s.len; (2) wf_utf8_next always moves.
 * Deliberately not here: normalisation, case and categories (text/word.c), other encodings
 * (ingest/). */
#include "text/utf8.h"

#include <assert.h>
#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)
#define LOW_BITS UINT64_C(0x0101010101010101)
#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */
#define NUL_PICTURE "\xE2\x90\x80" /* U+2400 */

static uint64_t load64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Where the run of ASCII bytes that begins at i ends. */
static size_t ascii_end(const char *p, size_t i, size_t n)
{
    while (n - i >= 32) {
        uint64_t any = load64(p + i) | load64(p + i + 8) | load64(p + i + 16) | load64(p + i + 24);
        if ((any & HIGH_BITS) != 0)
            break;
        i += 32;
    }
    while (n - i >= 8 && (load64(p + i) & HIGH_BITS) == 0)
        i += 8;
    while (i < n && (unsigned char)p[i] < 0x80)
        i++;
    return i;
}

static bool is_continuation(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

/* Length of the well-formed sequence at p[0..n), n > 0; 0 when it is malformed. *out_bad then is
 * the length of the maximal part that a replacement character stands for (Unicode 15, table 3-7:
 * the bytes that could still have begun a sequence). */
static size_t sequence_len(const unsigned char *p, size_t n, size_t *out_bad)
{
    unsigned char lead = p[0];
    *out_bad = 1;
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    size_t len = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    unsigned char low = 0x80, high = 0xBF; /* what the second byte may be */
    if (lead == 0xE0)
        low = 0xA0; /* overlong below */
    else if (lead == 0xED)
        high = 0x9F; /* surrogates above */
    else if (lead == 0xF0)
        low = 0x90; /* overlong below */
    else if (lead == 0xF4)
        high = 0x8F; /* beyond U+10FFFF above */
    if (n < 2 || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++) {
        *out_bad = i;
        if (i >= n || !is_continuation(p[i]))
            return 0;
    }
    return len;
}

size_t wf_utf8_valid_prefix(struct wf_str s)
{
    size_t i = 0;
    while (i < s.len) {
        if ((unsigned char)s.ptr[i] < 0x80) {
            i = ascii_end(s.ptr, i, s.len);
            continue;
        }
        size_t bad;
        size_t len = sequence_len((const unsigned char *)s.ptr + i, s.len - i, &bad);
        if (len == 0)
            return i;
        i += len;
    }
    assert(i == s.len);
    return i;
}

uint32_t wf_utf8_next(struct wf_str s, size_t *io_i)
{
    size_t i = *io_i;
    assert(i < s.len);
    const unsigned char *p = (const unsigned char *)s.ptr + i;
    if (p[0] < 0x80) {
        *io_i = i + 1;
        return p[0];
    }
    size_t bad;
    size_t len = sequence_len(p, s.len - i, &bad);
    switch (len) {
    case 2:
        *io_i = i + 2;
        return (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu);
    case 3:
        *io_i = i + 3;
        return (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
    case 4:
        *io_i = i + 4;
        return (p[0] & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
    default:
        *io_i = i + 1;
        return 0xFFFD;
    }
}

/* One bit per byte of `w` that begins a code point: all but 10xxxxxx. */
static uint64_t lead_bits(uint64_t w)
{
    return ((~w >> 7) | (w >> 6)) & LOW_BITS;
}

/* Sum of the eight bytes of `w`; exact while it is below 256. */
static size_t byte_sum(uint64_t w)
{
    return (size_t)((w * LOW_BITS) >> 56);
}

size_t wf_utf8_count(struct wf_str s)
{
    size_t n = 0, i = 0;
    while (s.len - i >= 64) {
        /* eight words a round: a byte's sum stays at most 8, the whole at most 64 */
        uint64_t sum = 0;
        for (size_t k = 0; k < 64; k += 8)
            sum += lead_bits(load64(s.ptr + i + k));
        n += byte_sum(sum);
        i += 64;
    }
    for (; i < s.len; i++)
        n += !is_continuation((unsigned char)s.ptr[i]);
    return n;
}

size_t wf_utf8_offset(struct wf_str s, size_t cp)
{
    size_t i = 0;
    while (s.len - i >= 8) {
        size_t n = byte_sum(lead_bits(load64(s.ptr + i)));
        if (n > cp)
            break;
        cp -= n;
        i += 8;
    }
    for (; i < s.len; i++) {
        if (is_continuation((unsigned char)s.ptr[i]))
            continue;
        if (cp == 0)
            return i;
        cp--;
    }
    return s.len;
}

size_t wf_utf8_put(char out[4], uint32_t cp)
{
    assert(cp <= 0x10FFFF);
    assert(cp < 0xD800 || cp > 0xDFFF);
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xC0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xE0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        out[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    out[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

/* Appends valid UTF-8, NUL bytes as their picture. The status sticks in `out`. */
static void append_without_nul(struct wf_buf *out, struct wf_str s)
{
    while (s.len > 0) {
        const char *nul = memchr(s.ptr, 0, s.len);
        size_t n = nul ? (size_t)(nul - s.ptr) : s.len;
        (void)wf_buf_append(out, s.ptr, n);
        if (!nul)
            return;
        (void)wf_buf_append_cstr(out, NUL_PICTURE);
        s.ptr += n + 1;
        s.len -= n + 1;
    }
}

int wf_utf8_append_repaired(struct wf_buf *out, struct wf_str s)
{
    while (s.len > 0 && wf_buf_status(out) == 0) {
        size_t n = wf_utf8_valid_prefix(s);
        append_without_nul(out, (struct wf_str){s.ptr, n});
        if (n == s.len)
            break;
        size_t bad;
        size_t len = sequence_len((const unsigned char *)s.ptr + n, s.len - n, &bad);
        assert(len == 0);
        assert(bad >= 1 && bad <= s.len - n);
        (void)wf_buf_append_cstr(out, REPLACEMENT);
        s.ptr += n + bad;
        s.len -= n + bad;
    }
    return wf_buf_status(out);
}
