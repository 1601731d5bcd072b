/* SPDX-License-Identifier: Apache-2.0 */
/* Text in: reads, finds the encoding, cuts at line ends, converts.
 *
 * The encoding is decided late: as long as all bytes are ASCII there is nothing to decide, since
 * every encoding but UTF-16 reads those alike (and UTF-16 shows its zeros at once). So a large
 * plain file is read once, and its blocks are views into the read buffer.
 *
 * Invariant: _raw holds the bytes of the file before _offset that are not yet given out, preceded
 * by _n_used that are. */
#include "ingest/textin.h"

#include <assert.h>
#include <string.h>

#include "ingest/encoding.h"
#include "text/utf8.h"

#define BLOCK_BYTES (128u << 10)
/* A line longer than this is cut: bounded memory matters more. */
#define LINE_BYTES_MAX (1u << 20)
/* What the encoding is guessed from. */
#define SAMPLE_BYTES (256u << 10)

void wf_text_in_init(struct wf_text_in *t, const struct wf_parse_input *in)
{
    memset(t, 0, sizeof(*t));
    t->_in = in;
    wf_buf_init(&t->_raw, LINE_BYTES_MAX + SAMPLE_BYTES + 2 * BLOCK_BYTES);
    wf_buf_init(&t->_text, 4u * (LINE_BYTES_MAX + BLOCK_BYTES));
}

void wf_text_in_deinit(struct wf_text_in *t)
{
    wf_buf_deinit(&t->_raw);
    wf_buf_deinit(&t->_text);
}

static bool is_utf16(const struct wf_text_in *t)
{
    return t->_encoding != NULL && strncmp(t->_encoding, "UTF-16", 6) == 0;
}

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "no memory to read the text");
}

/* Reads n more bytes (fewer at the end of the file). */
static int read_more(struct wf_text_in *t, size_t n, struct wf_err *err)
{
    if (t->_eof) {
        return 0;
    }
    size_t n_left = (size_t)WF_MIN((uint64_t)n, t->_in->n_bytes - t->_offset);
    if (wf_buf_reserve(&t->_raw, n_left + 1) != 0) {
        return no_memory(err);
    }
    size_t n_got = 0;
    int rc = wf_parse_read_at(t->_in, t->_offset, t->_raw.ptr + t->_raw.len, n_left, &n_got, err);
    if (rc == 0) {
        wf_buf_commit(&t->_raw, n_got);
        t->_offset += n_got;
        t->_eof = n_got < n_left || t->_offset >= t->_in->n_bytes;
    }
    return rc;
}

/* ASCII without the bytes that other encodings announce themselves with. A loop without an early
 * exit, so that the compiler makes vector code of it. */
static bool is_plain_ascii(struct wf_str s)
{
    unsigned odd = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        odd |= (c & 0x80u) | (unsigned)(c == 0) | (unsigned)(c == 0x1b);
    }
    return odd == 0;
}

/* Where the sample begins: a little before the first byte that is no plain ASCII, at an even
 * distance from the beginning. */
static size_t sample_start(struct wf_str s)
{
    size_t i = 0;
    while (i < s.len && is_plain_ascii(wf_str_sub(s, i, i + 4096))) {
        i += 4096;
    }
    return i > SAMPLE_BYTES / 4 ? i - SAMPLE_BYTES / 4 : 0;
}

/* Decides the encoding when the bytes to be given out demand it. */
static int decide(struct wf_text_in *t, struct wf_err *err)
{
    struct wf_str ready = wf_str_sub(wf_buf_str(&t->_raw), t->_n_used, SIZE_MAX);
    if (t->_encoding != NULL || is_plain_ascii(ready)) {
        t->_began = t->_began || ready.len > 0;
        return 0;
    }
    size_t from = sample_start(ready);
    size_t n_have = ready.len - from;
    int rc = n_have < SAMPLE_BYTES ? read_more(t, SAMPLE_BYTES - n_have, err) : 0;
    if (rc != 0) {
        return rc;
    }
    size_t n_bom = 0;
    ready = wf_str_sub(wf_buf_str(&t->_raw), t->_n_used + from, SIZE_MAX);
    t->_encoding = wf_encoding_guess(ready, t->_in->charset, &n_bom);
    if (!t->_began && from == 0) {
        t->_n_used += n_bom;
    }
    t->_began = true;
    if (t->_in->tainted != NULL && strncmp(t->_encoding, "UTF-", 4) != 0) {
        *t->_in->tainted = true;
    }
    return 0;
}

/* Bytes of s up to the last line end that is surely whole; 0 when there is none. */
static size_t whole_lines(struct wf_str s, const char *encoding)
{
    bool wide = encoding != NULL && strncmp(encoding, "UTF-16", 6) == 0;
    if (!wide) {
        const char *p = s.len ? memrchr(s.ptr, '\n', s.len) : NULL;
        return p == NULL ? 0 : (size_t)(p - s.ptr) + 1;
    }
    size_t i_low = encoding[6] == 'L' ? 0 : 1;
    for (size_t i = s.len & ~(size_t)1; i >= 2; i -= 2) {
        if (s.ptr[i - 2 + i_low] == '\n' && s.ptr[i - 1 - i_low] == 0) {
            return i;
        }
    }
    return 0;
}

/* Where a line that is too long is cut: before a character that may not be whole, and not between
 * the two bytes of a line end. */
static size_t cut_long(struct wf_str s, bool wide)
{
    size_t n = s.len;
    if (wide) {
        return (n & ~(size_t)1) - 2;
    }
    n--;
    while (n > s.len - 4 && ((unsigned char)s.ptr[n] & 0xc0) == 0x80) {
        n--;
    }
    return s.ptr[n - 1] == '\r' ? n - 1 : n;
}

/* Turns "\r\n" and lone "\r" into "\n" in place. */
static void fix_line_ends(struct wf_buf *b)
{
    char *from = memchr(b->ptr, '\r', b->len);
    if (from == NULL) {
        return;
    }
    size_t n = (size_t)(from - b->ptr);
    for (size_t i = n; i < b->len; i++) {
        char c = b->ptr[i];
        if (c == '\r') {
            if (i + 1 < b->len && b->ptr[i + 1] == '\n') {
                continue;
            }
            c = '\n';
        }
        b->ptr[n++] = c;
    }
    wf_buf_truncate(b, n);
}

/* The block as UTF-8 with one kind of line end: the view itself where it is that already. */
static int clean_block(struct wf_text_in *t, struct wf_str raw, struct wf_str *out,
                       struct wf_err *err)
{
    bool convert = t->_encoding != NULL && strcmp(t->_encoding, "UTF-8") != 0;
    if (!convert && memchr(raw.ptr, '\r', raw.len) == NULL) {
        *out = raw;
        return 0;
    }
    wf_buf_reset(&t->_text);
    int rc = convert ? wf_encoding_convert(t->_encoding, raw, &t->_text)
                     : wf_buf_append_str(&t->_text, raw);
    if (rc != 0) {
        return no_memory(err);
    }
    fix_line_ends(&t->_text);
    *out = wf_buf_str(&t->_text);
    return 0;
}

/* Fills _raw until it holds whole lines, a line that is too long, or the end; their length. */
static int fill(struct wf_text_in *t, size_t *out_n, struct wf_err *err)
{
    for (;;) {
        int rc = read_more(t, BLOCK_BYTES, err);
        if (rc == 0) {
            rc = decide(t, err);
        }
        if (rc != 0) {
            return rc;
        }
        struct wf_str ready = wf_str_sub(wf_buf_str(&t->_raw), t->_n_used, SIZE_MAX);
        size_t n = t->_eof ? ready.len : whole_lines(ready, t->_encoding);
        if (n == 0 && ready.len >= LINE_BYTES_MAX) {
            n = cut_long(ready, is_utf16(t));
        }
        if (n > 0 || t->_eof) {
            *out_n = n;
            return 0;
        }
    }
}

int wf_text_in_next(struct wf_text_in *t, struct wf_str *out, struct wf_err *err)
{
    size_t n = 0;
    *out = wf_str_n("", 0);
    do {
        wf_buf_consume(&t->_raw, t->_n_used);
        t->_n_used = 0;
        int rc = fill(t, &n, err);
        if (rc == 0 && n > 0) {
            struct wf_str raw = wf_str_n(t->_raw.ptr + t->_n_used, n);
            t->_n_used += n;
            rc = clean_block(t, raw, out, err);
        }
        if (rc != 0) {
            return rc;
        }
    } while (n > 0 && out->len == 0);
    assert(out->len > 0 || t->_eof);
    return 0;
}

int wf_text_in_all(struct wf_text_in *t, struct wf_buf *out, struct wf_err *err)
{
    struct wf_str block;
    for (;;) {
        int rc = wf_text_in_next(t, &block, err);
        if (rc != 0 || block.len == 0) {
            return rc;
        }
        rc = wf_buf_append_str(out, block);
        if (rc != 0) {
            return wf_err_set(err, rc, "the text is too large to be read at once (%llu MB)",
                              (unsigned long long)(t->_in->n_bytes >> 20));
        }
    }
}

void wf_line_in_init(struct wf_line_in *l, const struct wf_parse_input *in)
{
    wf_text_in_init(&l->text, in);
    l->_rest = wf_str_n(NULL, 0);
}

void wf_line_in_deinit(struct wf_line_in *l)
{
    wf_text_in_deinit(&l->text);
}

int wf_line_in_next(struct wf_line_in *l, struct wf_str *out, bool *out_more, struct wf_err *err)
{
    *out_more = wf_str_line(&l->_rest, out);
    if (*out_more) {
        return 0;
    }
    int rc = wf_text_in_next(&l->text, &l->_rest, err);
    if (rc == 0 && l->_rest.len > 0) {
        *out_more = wf_str_line(&l->_rest, out);
    }
    return rc;
}
