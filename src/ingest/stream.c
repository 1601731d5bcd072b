/* SPDX-License-Identifier: Apache-2.0 */
/* Extract stream: the frames between a worker and the core, both ends.
 *
 * The writer gathers frames in one buffer and writes it in large pieces. Texts that follow each
 * other share one TEXT frame, whose length is filled in when another frame or a write closes it,
 * so that a parser may hand over single words at little cost.
 *
 * The reader trusts nothing: every length, number and byte of text is checked before the callback
 * sees it. Whole frames are passed on where they lie, without copying; only a frame that is cut by
 * the end of the bytes fed is kept.
 *
 * Invariants of the writer: (1) _text_at is SIZE_MAX or the offset of the last frame in _buf, which
 * is then a TEXT frame with at least one byte. (2) A frame never exceeds WF_LIMIT_STREAM_FRAME.
 * (3) After E or Z nothing is written. */
#include "ingest/stream.h"

#include <assert.h>
#include <errno.h>
#include <libintl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "text/utf8.h"

#define HEADER_BYTES 5u
/* A write of this size keeps the pipe busy and costs few system calls. */
#define FLUSH_BYTES (64u << 10)
/* Longest text that is appended in one piece, so that invariant 2 holds with room to spare. */
#define PIECE_BYTES (256u << 10)

static void put_u32le(char *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++) {
        p[i] = (char)(unsigned char)(v >> (8 * i));
    }
}

static uint32_t get_u32le(const char *p)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < 4; i++) {
        v |= (uint32_t)(unsigned char)p[i] << (8 * i);
    }
    return v;
}

static uint64_t get_u64le(const char *p)
{
    return get_u32le(p) | (uint64_t)get_u32le(p + 4) << 32;
}

/* ---- writer ---- */

void wf_stream_writer_init(struct wf_stream_writer *w, int fd)
{
    memset(w, 0, sizeof(*w));
    w->_fd = fd;
    w->_text_at = SIZE_MAX;
    wf_buf_init(&w->_buf, 2u * WF_LIMIT_STREAM_FRAME);
}

void wf_stream_writer_init_buf(struct wf_stream_writer *w, struct wf_buf *sink)
{
    assert(sink != NULL);
    wf_stream_writer_init(w, -1);
    w->_sink = sink;
}

void wf_stream_writer_deinit(struct wf_stream_writer *w)
{
    wf_buf_deinit(&w->_buf);
}

int wf_stream_status(const struct wf_stream_writer *w)
{
    return w->_status;
}

char wf_stream_last(const struct wf_stream_writer *w)
{
    return w->_last;
}

static int stick(struct wf_stream_writer *w, int code)
{
    if (w->_status == 0) {
        w->_status = code;
    }
    return w->_status;
}

static void close_text(struct wf_stream_writer *w)
{
    if (w->_text_at == SIZE_MAX) {
        return;
    }
    size_t n = w->_buf.len - w->_text_at - HEADER_BYTES;
    assert(n > 0 && n <= WF_LIMIT_STREAM_FRAME);
    put_u32le(w->_buf.ptr + w->_text_at + 1, (uint32_t)n);
    w->_text_at = SIZE_MAX;
}

int wf_stream_flush(struct wf_stream_writer *w)
{
    close_text(w);
    if (w->_status != 0) {
        return w->_status;
    }
    if (w->_sink != NULL) {
        int rc = wf_buf_append(w->_sink, w->_buf.ptr, w->_buf.len);
        wf_buf_reset(&w->_buf);
        return rc == 0 ? 0 : stick(w, rc);
    }
    for (size_t i = 0; i < w->_buf.len;) {
        ssize_t n = write(w->_fd, w->_buf.ptr + i, w->_buf.len - i);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return stick(w, WF_E_IO);
        }
        i += (size_t)n;
    }
    wf_buf_reset(&w->_buf);
    return 0;
}

/* Begins a frame with n bytes of payload, which the caller appends right away. */
static int begin_frame(struct wf_stream_writer *w, enum wf_stream_type type, size_t n)
{
    assert(!w->_ended);
    assert(n <= WF_LIMIT_STREAM_FRAME);
    if (w->_status != 0) {
        return w->_status;
    }
    close_text(w);
    if (w->_buf.len >= FLUSH_BYTES) {
        (void)wf_stream_flush(w); /* its failure sticks */
    }
    if (wf_buf_reserve(&w->_buf, HEADER_BYTES + n) != 0) {
        return stick(w, wf_buf_status(&w->_buf));
    }
    (void)wf_buf_append_byte(&w->_buf, (char)type); /* cannot fail: reserved */
    (void)wf_buf_append_u32le(&w->_buf, (uint32_t)n);
    return w->_status;
}

static int write_frame(struct wf_stream_writer *w, enum wf_stream_type type, const void *p,
                       size_t n)
{
    int rc = begin_frame(w, type, n);
    if (rc == 0) {
        rc = wf_buf_append(&w->_buf, p, n);
    }
    return rc == 0 ? 0 : stick(w, rc);
}

/* Appends clean text to the open TEXT frame, or opens one. */
static int append_text(struct wf_stream_writer *w, const char *p, size_t n)
{
    if (n == 0) {
        return 0;
    }
    if (w->_buf.len >= FLUSH_BYTES && wf_stream_flush(w) != 0) {
        return w->_status;
    }
    if (wf_buf_reserve(&w->_buf, HEADER_BYTES + n) != 0) {
        return stick(w, wf_buf_status(&w->_buf));
    }
    if (w->_text_at == SIZE_MAX) {
        w->_text_at = w->_buf.len;
        (void)wf_buf_append_byte(&w->_buf, (char)WF_STREAM_TEXT); /* cannot fail: reserved */
        (void)wf_buf_append_u32le(&w->_buf, 0);                   /* likewise */
    }
    (void)wf_buf_append(&w->_buf, p, n); /* likewise */
    w->text_bytes += n;
    w->_last = p[n - 1];
    w->_bordered = false;
    return 0;
}

static bool is_dropped(unsigned char c)
{
    return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f;
}

/* A loop without an early exit, so that the compiler makes vector code of it. */
static bool has_dropped(const char *p, size_t n)
{
    unsigned found = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        found |= (unsigned)((c < 0x20) & (c != '\t') & (c != '\n')) | (unsigned)(c == 0x7f);
    }
    return found != 0;
}

/* Valid UTF-8, which may hold characters to drop. */
static int put_valid(struct wf_stream_writer *w, const char *p, size_t n)
{
    if (!has_dropped(p, n)) {
        return append_text(w, p, n);
    }
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        if (is_dropped((unsigned char)p[i])) {
            (void)append_text(w, p + from, i - from); /* its failure sticks */
            from = i + 1;
        }
    }
    (void)append_text(w, p + from, n - from); /* likewise */
    return w->_status;
}

static int put_repaired(struct wf_stream_writer *w, struct wf_str s)
{
    struct wf_buf b;
    wf_buf_init(&b, 4 * (size_t)PIECE_BYTES);
    int rc = wf_utf8_append_repaired(&b, s);
    if (rc == 0) {
        rc = put_valid(w, b.ptr, b.len);
    }
    wf_buf_deinit(&b);
    return rc == 0 ? 0 : stick(w, rc);
}

/* The longest beginning of s that is at most PIECE_BYTES and ends at a code point border. */
static size_t piece_len(struct wf_str s)
{
    if (s.len <= PIECE_BYTES) {
        return s.len;
    }
    size_t n = PIECE_BYTES;
    while (n > PIECE_BYTES - 4 && ((unsigned char)s.ptr[n] & 0xc0) == 0x80) {
        n--;
    }
    return n;
}

int wf_stream_text(struct wf_stream_writer *w, struct wf_str s)
{
    assert(!w->_ended);
    while (s.len > 0 && w->_status == 0) {
        if (w->text_bytes + s.len > WF_LIMIT_TEXT_BYTES) {
            return stick(w, WF_E_LIMIT);
        }
        struct wf_str piece = wf_str_sub(s, 0, piece_len(s));
        if (wf_utf8_valid_prefix(piece) == piece.len) {
            (void)put_valid(w, piece.ptr, piece.len); /* its failure sticks */
        } else {
            (void)put_repaired(w, piece); /* likewise */
        }
        s = wf_str_sub(s, piece.len, s.len);
    }
    return w->_status;
}

bool wf_stream_ignore_pages(struct wf_stream_writer *w, bool ignore)
{
    bool was = w->_no_pages;
    w->_no_pages = ignore;
    return was;
}

int wf_stream_page(struct wf_stream_writer *w, uint32_t page)
{
    if (page <= w->_page || w->_no_pages) {
        return w->_status;
    }
    char p[4];
    put_u32le(p, page);
    w->_page = page;
    return write_frame(w, WF_STREAM_PAGE, p, sizeof(p));
}

int wf_stream_heading(struct wf_stream_writer *w, unsigned level)
{
    char p = (char)WF_MIN(level, 6u);
    if (level != 0 && w->_heading) {
        (void)wf_stream_heading(w, 0); /* its failure sticks */
    }
    if (level == 0 && !w->_heading) {
        return w->_status;
    }
    w->_heading = level != 0;
    w->_bordered = false;
    return write_frame(w, WF_STREAM_HEADING, &p, 1);
}

int wf_stream_border(struct wf_stream_writer *w)
{
    if (w->_bordered) {
        return w->_status;
    }
    w->_bordered = true;
    return write_frame(w, WF_STREAM_BORDER, "", 0);
}

/* Cuts to at most max bytes at a code point border. */
static struct wf_str cut(struct wf_str s, size_t max)
{
    if (s.len <= max) {
        return s;
    }
    size_t n = max;
    while (n > 0 && ((unsigned char)s.ptr[n] & 0xc0) == 0x80) {
        n--;
    }
    return wf_str_sub(s, 0, n);
}

static bool is_key_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static bool is_key(struct wf_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_key_byte(s.ptr[i])) {
            return false;
        }
    }
    return s.len > 0 && s.len <= WF_STREAM_KEY_MAX;
}

/* Valid UTF-8 on one line, cut to WF_STREAM_VALUE_MAX, into b. */
static int tidy_value(struct wf_buf *b, struct wf_str s)
{
    int rc = wf_utf8_append_repaired(b, cut(wf_str_trim(s), WF_STREAM_VALUE_MAX));
    for (size_t i = 0; i < b->len; i++) {
        if ((unsigned char)b->ptr[i] < 0x20 || b->ptr[i] == 0x7f) {
            b->ptr[i] = ' ';
        }
    }
    wf_buf_truncate(b, cut(wf_buf_str(b), WF_STREAM_VALUE_MAX).len);
    return rc;
}

int wf_stream_meta(struct wf_stream_writer *w, const char *key, struct wf_str value)
{
    struct wf_str k = wf_str_from(key);
    struct wf_buf b;
    assert(is_key(k));
    wf_buf_init(&b, 4u * WF_STREAM_VALUE_MAX);
    int rc = tidy_value(&b, value);
    if (rc == 0 && b.len > 0) {
        rc = begin_frame(w, WF_STREAM_META, k.len + 1 + b.len);
        if (rc == 0) {
            (void)wf_buf_append(&w->_buf, k.ptr, k.len); /* cannot fail: begin_frame reserved */
            (void)wf_buf_append_byte(&w->_buf, '\0');
            (void)wf_buf_append(&w->_buf, b.ptr, b.len);
        }
    }
    wf_buf_deinit(&b);
    return rc == 0 ? w->_status : stick(w, rc);
}

int wf_stream_progress(struct wf_stream_writer *w, uint32_t n_done, uint32_t n_all)
{
    char p[8];
    put_u32le(p, n_done);
    put_u32le(p + 4, n_all);
    (void)write_frame(w, WF_STREAM_PROGRESS, p, sizeof(p)); /* its failure sticks */
    return wf_stream_flush(w);
}

int wf_stream_warning(struct wf_stream_writer *w, const char *fmt, ...)
{
    if (w->_n_warnings >= WF_LIMIT_STREAM_WARNINGS) {
        return w->_status;
    }
    w->_n_warnings++;
    char msg[WF_ERR_MSG_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(msg, sizeof(msg), gettext(fmt), ap); /* cut is fine */
    va_end(ap);
    struct wf_buf b;
    wf_buf_init(&b, 4u * WF_STREAM_VALUE_MAX);
    int rc = tidy_value(&b, wf_str_from(msg));
    if (rc == 0) {
        rc = write_frame(w, WF_STREAM_WARNING, b.ptr, b.len);
    }
    wf_buf_deinit(&b);
    return rc == 0 ? w->_status : stick(w, rc);
}

/* A failure may itself come from a full text or little memory, so this clears what sticks, unless
 * nobody listens any more, and needs no memory but the buffer's own. */
int wf_stream_fail(struct wf_stream_writer *w, int code, const char *fmt, ...)
{
    assert(code < 0);
    char msg[WF_ERR_MSG_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(msg, sizeof(msg), gettext(fmt), ap); /* cut is fine */
    va_end(ap);
    struct wf_str s = wf_str_from(msg);
    s = wf_str_sub(s, 0, wf_utf8_valid_prefix(s));
    if (w->_status != WF_E_IO) {
        w->_status = 0;
    }
    int rc = begin_frame(w, WF_STREAM_ERROR, 4 + s.len);
    if (rc == 0) {
        (void)wf_buf_append_u32le(&w->_buf, (uint32_t)code); /* cannot fail: begin_frame reserved */
        (void)wf_buf_append_str(&w->_buf, s);
        rc = wf_stream_flush(w);
    }
    w->_ended = true;
    return rc;
}

int wf_stream_end(struct wf_stream_writer *w)
{
    (void)wf_stream_heading(w, 0); /* its failure sticks */
    int rc = begin_frame(w, WF_STREAM_END, 8);
    if (rc == 0) {
        (void)wf_buf_append_u64le(&w->_buf, w->text_bytes); /* cannot fail: begin_frame reserved */
        rc = wf_stream_flush(w);
    }
    w->_ended = true;
    return rc;
}

/* ---- reader ---- */

void wf_stream_reader_init(struct wf_stream_reader *r)
{
    memset(r, 0, sizeof(*r));
    wf_buf_init(&r->_buf, WF_LIMIT_STREAM_FRAME + HEADER_BYTES);
}

void wf_stream_reader_deinit(struct wf_stream_reader *r)
{
    wf_buf_deinit(&r->_buf);
}

static int malformed(struct wf_err *err, const char *what)
{
    return wf_err_set(err, WF_E_FORMAT, "the parser's output is malformed (%s)", what);
}

static bool is_clean(struct wf_str s)
{
    return memchr(s.len ? s.ptr : "", 0, s.len) == NULL && wf_utf8_valid_prefix(s) == s.len;
}

static int check_text(struct wf_stream_reader *r, struct wf_str p, struct wf_stream_frame *f,
                      struct wf_err *err)
{
    if (p.len == 0 || !is_clean(p)) {
        return malformed(err, "text");
    }
    if (r->text_bytes + p.len > WF_LIMIT_TEXT_BYTES) {
        return wf_err_set(err, WF_E_LIMIT, "the document holds more than %u MB of text",
                          (unsigned)(WF_LIMIT_TEXT_BYTES >> 20));
    }
    r->text_bytes += p.len;
    f->text = p;
    return 0;
}

static int check_meta(struct wf_str p, struct wf_stream_frame *f, struct wf_err *err)
{
    size_t nul = wf_str_find_byte(p, '\0', 0);
    if (nul == SIZE_MAX) {
        return malformed(err, "metadata");
    }
    f->key = wf_str_sub(p, 0, nul);
    f->text = wf_str_sub(p, nul + 1, p.len);
    if (!is_key(f->key) || f->text.len == 0 || f->text.len > WF_STREAM_VALUE_MAX ||
        !is_clean(f->text)) {
        return malformed(err, "metadata");
    }
    return 0;
}

static int check_sentence(struct wf_str p, struct wf_stream_frame *f, struct wf_err *err)
{
    if (p.len > WF_STREAM_VALUE_MAX || !is_clean(p)) {
        return malformed(err, "message");
    }
    f->text = p;
    return 0;
}

static int check_warning(struct wf_stream_reader *r, struct wf_str p, struct wf_stream_frame *f,
                         struct wf_err *err)
{
    if (r->_n_warnings >= WF_LIMIT_STREAM_WARNINGS) {
        return malformed(err, "too many warnings");
    }
    r->_n_warnings++;
    return check_sentence(p, f, err);
}

static int check_page(struct wf_stream_reader *r, struct wf_str p, struct wf_stream_frame *f,
                      struct wf_err *err)
{
    if (p.len != 4 || get_u32le(p.ptr) <= r->_page) {
        return malformed(err, "page");
    }
    f->number = get_u32le(p.ptr);
    r->_page = f->number;
    return 0;
}

static int check_heading(struct wf_stream_reader *r, struct wf_str p, struct wf_stream_frame *f,
                         struct wf_err *err)
{
    if (p.len != 1 || (unsigned char)p.ptr[0] > 6 || (p.ptr[0] != 0) == r->_heading) {
        return malformed(err, "heading");
    }
    f->number = (unsigned char)p.ptr[0];
    r->_heading = f->number != 0;
    return 0;
}

static int check_progress(struct wf_str p, struct wf_stream_frame *f, struct wf_err *err)
{
    if (p.len != 8) {
        return malformed(err, "progress");
    }
    f->number = get_u32le(p.ptr);
    f->number_all = get_u32le(p.ptr + 4);
    return 0;
}

static bool is_code(int code)
{
    switch (code) {
#define CODE_CASE(name, value, text) case (value):
        WF_ERR_MAP(CODE_CASE)
#undef CODE_CASE
        return true;
    default:
        return false;
    }
}

static int check_error(struct wf_stream_reader *r, struct wf_str p, struct wf_stream_frame *f,
                       struct wf_err *err)
{
    if (p.len < 4 || !is_code((int)(int32_t)get_u32le(p.ptr))) {
        return malformed(err, "error code");
    }
    f->code = (int)(int32_t)get_u32le(p.ptr);
    r->ended = true;
    return check_sentence(wf_str_sub(p, 4, p.len), f, err);
}

static int check_end(struct wf_stream_reader *r, struct wf_str p, struct wf_err *err)
{
    if (p.len != 8 || get_u64le(p.ptr) != r->text_bytes || r->_heading) {
        return malformed(err, "end");
    }
    r->ended = true;
    return 0;
}

static int check_frame(struct wf_stream_reader *r, char type, struct wf_str p,
                       struct wf_stream_frame *f, struct wf_err *err)
{
    f->type = (enum wf_stream_type)(unsigned char)type;
    switch (type) {
    case WF_STREAM_TEXT:
        return check_text(r, p, f, err);
    case WF_STREAM_PAGE:
        return check_page(r, p, f, err);
    case WF_STREAM_HEADING:
        return check_heading(r, p, f, err);
    case WF_STREAM_BORDER:
        return p.len == 0 ? 0 : malformed(err, "border");
    case WF_STREAM_META:
        return check_meta(p, f, err);
    case WF_STREAM_PROGRESS:
        return check_progress(p, f, err);
    case WF_STREAM_WARNING:
        return check_warning(r, p, f, err);
    case WF_STREAM_ERROR:
        return check_error(r, p, f, err);
    case WF_STREAM_END:
        return check_end(r, p, err);
    default:
        return malformed(err, "frame type");
    }
}

/* Takes one whole frame off the front of *rest. 1: taken; 0: not whole yet; negative: failure. */
static int take_frame(struct wf_stream_reader *r, struct wf_str *rest, wf_stream_fn fn, void *ud,
                      struct wf_err *err)
{
    if (rest->len > 0 && r->ended) {
        return malformed(err, "bytes behind the end");
    }
    if (rest->len < HEADER_BYTES) {
        return 0;
    }
    uint32_t n = get_u32le(rest->ptr + 1);
    if (n > WF_LIMIT_STREAM_FRAME) {
        return malformed(err, "frame length");
    }
    if (rest->len - HEADER_BYTES < n) {
        return 0;
    }
    struct wf_stream_frame f = {0};
    struct wf_str payload = wf_str_n(rest->ptr + HEADER_BYTES, n);
    int rc = check_frame(r, rest->ptr[0], payload, &f, err);
    if (rc == 0) {
        rc = fn(ud, &f, err);
    }
    *rest = wf_str_sub(*rest, HEADER_BYTES + n, rest->len);
    return rc == 0 ? 1 : rc;
}

/* How many bytes of the new ones the kept frame still wants: its header first, then the rest. */
static size_t wanted(const struct wf_stream_reader *r)
{
    if (r->_buf.len < HEADER_BYTES) {
        return HEADER_BYTES - r->_buf.len;
    }
    size_t whole = HEADER_BYTES + (size_t)get_u32le(r->_buf.ptr + 1);
    assert(whole > r->_buf.len);
    return whole - r->_buf.len;
}

/* Completes the kept frame from the front of *rest, as far as it reaches. */
static int feed_kept(struct wf_stream_reader *r, struct wf_str *rest, wf_stream_fn fn, void *ud,
                     struct wf_err *err)
{
    while (r->_buf.len > 0 && rest->len > 0) {
        size_t n = WF_MIN(wanted(r), rest->len);
        if (wf_buf_append(&r->_buf, rest->ptr, n) != 0) {
            return wf_err_set(err, wf_buf_status(&r->_buf), "no memory for the parser's output");
        }
        *rest = wf_str_sub(*rest, n, rest->len);
        struct wf_str kept = wf_buf_str(&r->_buf);
        int rc = take_frame(r, &kept, fn, ud, err);
        if (rc < 0) {
            return rc;
        }
        if (rc == 1) {
            wf_buf_reset(&r->_buf);
        }
    }
    return 0;
}

int wf_stream_feed(struct wf_stream_reader *r, const void *p, size_t n, wf_stream_fn fn, void *ud,
                   struct wf_err *err)
{
    assert(fn != NULL);
    struct wf_str rest = wf_str_n(p, n);
    int rc = feed_kept(r, &rest, fn, ud, err);
    if (rc == 0 && rest.len > 0) {
        do {
            rc = take_frame(r, &rest, fn, ud, err);
        } while (rc == 1);
        if (rc == 0 && wf_buf_append(&r->_buf, rest.ptr, rest.len) != 0) {
            rc = wf_err_set(err, wf_buf_status(&r->_buf), "no memory for the parser's output");
        }
    }
    if (rc < 0) {
        r->ended = true;
    }
    return rc;
}
