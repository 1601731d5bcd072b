/* SPDX-License-Identifier: Apache-2.0 */
/* Chunker: gathers paragraphs until they are as long as a chunk aims to be, then hands them on.
 *
 * Length is measured in letters (weigh), not bytes, so that a paragraph in Thai is not cut three
 * times as often as one in English. A paragraph ends at a BORDER. When it would make the chunk too
 * long, the chunk ends before it; one that is too long by itself is cut where a sentence surely
 * ends, else at a line's end, else at a space, else between two letters (place_to_cut).
 *
 * A heading begins a chunk, but a heading without text of its own stays with the next one: "Part
 * one" followed by "Chapter one" is no chunk. The heading path of a chunk is that of its first
 * text which is no heading.
 *
 * Invariants: (1) held text is valid UTF-8 but for a code point whose rest is in the next slice;
 * cuts are made at whole ones. (2) weight and par_weight are those of buf[0..n) and
 * buf[0..par_at). (3) par_at <= n <= HOLD_BYTES. (4) what was handed on plus what is held is what
 * was fed. */
#include "ingest/chunk.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <utf8proc.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "text/utf8.h"

#define SLICE_BYTES 2048
/* At most 3 bytes a letter, one slice, and a code point's rest. */
#define HOLD_BYTES (3 * (WF_CHUNK_KEEP + WF_CHUNK_LEAST) + SLICE_BYTES + 4)
_Static_assert(HOLD_BYTES <= WF_LIMIT_CHUNK_BYTES, "all that is held may become one chunk");

#define LEVELS 6
#define HEADING_BYTES 200 /* of one heading; longer ones are paragraphs in disguise */

struct wf_chunker {
    wf_chunk_fn fn;
    void *ud;
    char buf[HOLD_BYTES];
    size_t n;
    size_t weight;
    size_t par_at; /* where the current paragraph begins */
    size_t par_weight;
    bool has_body;     /* held: text that is neither heading nor white space */
    uint64_t start_cp; /* of buf */
    uint32_t page;
    uint32_t chunk_page; /* page on which buf begins */
    unsigned level;      /* of the heading that is open; 0 = none */
    char headings[LEVELS][HEADING_BYTES];
    size_t heading_n[LEVELS];
    char first[HEADING_BYTES];
    size_t first_n;
    char path[WF_CHUNK_HEADING_BYTES]; /* of the first body text held */
    size_t path_n;
};

struct wf_chunker *wf_chunker_new(wf_chunk_fn fn, void *ud)
{
    struct wf_chunker *c = wf_alloc_array(1, sizeof *c);
    if (c != NULL) {
        c->fn = fn;
        c->ud = ud;
    }
    return c;
}

void wf_chunker_free(struct wf_chunker *c)
{
    wf_free(c);
}

void wf_chunker_reset(struct wf_chunker *c, void *ud)
{
    c->ud = ud;
    c->n = c->weight = c->par_at = c->par_weight = 0;
    c->has_body = false;
    c->start_cp = 0;
    c->page = c->chunk_page = 0;
    c->level = 0;
    memset(c->heading_n, 0, sizeof c->heading_n);
    c->first_n = c->path_n = 0;
}

struct wf_str wf_chunker_first_heading(const struct wf_chunker *c)
{
    return wf_str_n(c->first, c->first_n);
}

/* ---- length ---- */

/* Letters that the code point with this first byte counts for. */
static unsigned weight_of(unsigned char b)
{
    if (b < 0x80) {
        return 1;
    }
    if (b < 0xC0) {
        return 0; /* a continuation */
    }
    if (b < 0xE3) {
        return 1; /* alphabets, also Indic, Thai, Georgian */
    }
    if (b == 0xE3 || (b >= 0xEA && b <= 0xED) || b >= 0xF0) {
        return 2; /* kana, hangul, pictures */
    }
    return b <= 0xE9 ? 3 : 1; /* Han */
}

static size_t weigh(const char *p, size_t n)
{
    size_t w = 0;
    size_t i = 0;
    while (i < n) {
        uint64_t eight = 0;
        if (n - i >= sizeof eight) {
            memcpy(&eight, p + i, sizeof eight);
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                w += sizeof eight;
                i += sizeof eight;
                continue;
            }
        }
        w += weight_of((unsigned char)p[i++]);
    }
    return w;
}

/* The offset at which `weight` letters are reached (a code point border), at most n. */
static size_t offset_of_weight(const char *p, size_t n, size_t weight)
{
    size_t w = 0;
    for (size_t i = 0; i < n; i++) {
        w += weight_of((unsigned char)p[i]);
        if (w > weight) {
            return i;
        }
    }
    return n;
}

/* ---- where to cut ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t';
}

static bool is_blank(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!is_space(p[i])) {
            return false;
        }
    }
    return true;
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_letter(char c)
{
    return is_lower(c) || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static bool ends_with(const char *p, size_t n, const char *what, size_t n_what)
{
    return n >= n_what && memcmp(p + n - n_what, what, n_what) == 0;
}

#define ENDS(p, n, literal) ends_with(p, n, literal, sizeof(literal) - 1)

/* Without closing quotes and brackets at its end. */
static size_t without_closers(const char *p, size_t n)
{
    for (;;) {
        if (n > 0 && (p[n - 1] == '"' || p[n - 1] == '\'' || p[n - 1] == ')' || p[n - 1] == ']')) {
            n--;
        } else if (ENDS(p, n, "\u00bb")) {
            n -= 2;
        } else if (ENDS(p, n, "\u201d") || ENDS(p, n, "\u2019") || ENDS(p, n, "\u201c") ||
                   ENDS(p, n, "\u300d") || ENDS(p, n, "\u300f") || ENDS(p, n, "\uff09")) {
            n -= 3;
        } else {
            return n;
        }
    }
}

/* A full stop after "Dr", "p" or "No" ends no sentence for sure; after "house" it does. */
static bool stop_is_sure(const char *p, size_t n)
{
    size_t i = n;
    while (i > 0 && is_letter(p[i - 1])) {
        i--;
    }
    return n - i >= 4 || (n - i >= 2 && is_lower(p[i]));
}

/* The end of a sentence in scripts that set no space behind it, closing brackets included. */
static bool wide_sentence_ends(const char *p, size_t n, size_t n_all)
{
    size_t end = without_closers(p, n);
    if (!ENDS(p, end, "\u3002") && !ENDS(p, end, "\uff01") && !ENDS(p, end, "\uff1f")) {
        return false;
    }
    return n_all - n < 3 || without_closers(p + n, 3) == 3; /* no closer is left behind */
}

/* Does a sentence surely end at p + n, the next one beginning there? */
static bool sentence_ends(const char *p, size_t n, size_t n_all)
{
    assert(n > 0 && n < n_all);
    char next = p[n];
    if (wide_sentence_ends(p, n, n_all)) {
        return true;
    }
    if (!is_space(p[n - 1]) || is_lower(next) || is_space(next)) {
        return false;
    }
    while (n > 0 && is_space(p[n - 1])) {
        n--;
    }
    size_t end = without_closers(p, n);
    if (end == 0) {
        return false;
    }
    if (p[end - 1] == '.') {
        return stop_is_sure(p, end - 1);
    }
    return p[end - 1] == '!' || p[end - 1] == '?' || ENDS(p, end, "\u2026") ||
           ENDS(p, end, "\u0964") || ENDS(p, end, "\u061f") || ENDS(p, end, "\u06d4");
}

/* Back from `at` to where a letter with its marks begins; `at` itself if that is too far. */
static size_t letter_border(const char *p, size_t n, size_t at)
{
    size_t best = at;
    for (unsigned tries = 0; tries < 16 && at > 0; tries++) {
        while (at > 0 && ((unsigned char)p[at] & 0xC0) == 0x80) {
            at--;
        }
        size_t i = at;
        uint32_t cp = wf_utf8_next(wf_str_n(p, n), &i);
        utf8proc_category_t cat = utf8proc_category((utf8proc_int32_t)cp);
        bool joins = cat == UTF8PROC_CATEGORY_MN || cat == UTF8PROC_CATEGORY_MC ||
                     cat == UTF8PROC_CATEGORY_ME || cp == 0x200D;
        if (!joins) {
            return at;
        }
        at--;
    }
    while (((unsigned char)p[best] & 0xC0) == 0x80) {
        best--;
    }
    return best;
}

/* The best place to cut p[0..n) between offsets low and high (0 < low < high < n). */
static size_t place_to_cut(const char *p, size_t n, size_t low, size_t high)
{
    assert(low > 0 && low < high && high < n);
    size_t line = 0;
    size_t space = 0;
    for (size_t i = high; i >= low; i--) {
        if (((unsigned char)p[i] & 0xC0) == 0x80) {
            continue;
        }
        if (sentence_ends(p, i, n)) {
            return i;
        }
        if (line == 0 && p[i - 1] == '\n') {
            line = i;
        }
        if (space == 0 && is_space(p[i - 1]) && !is_space(p[i])) {
            space = i;
        }
    }
    if (line != 0 || space != 0) {
        return line != 0 ? line : space;
    }
    size_t at = letter_border(p, n, high);
    return at > 0 ? at : high;
}

/* ---- headings ---- */

/* The path of the headings that are in force, "A > B". */
static void latch_path(struct wf_chunker *c)
{
    static const char separator[] = " > ";
    c->path_n = 0;
    for (size_t i = 0; i < LEVELS; i++) {
        size_t gap = c->path_n > 0 ? sizeof separator - 1 : 0;
        if (c->heading_n[i] == 0 || c->path_n + gap + c->heading_n[i] > sizeof c->path) {
            continue;
        }
        memcpy(c->path + c->path_n, separator, gap);
        memcpy(c->path + c->path_n + gap, c->headings[i], c->heading_n[i]);
        c->path_n += gap + c->heading_n[i];
    }
}

/* Adds to the heading that is open: white space becomes one space, the rest is cut. */
static void heading_text(struct wf_chunker *c, struct wf_str s)
{
    char *out = c->headings[c->level - 1];
    size_t n = c->heading_n[c->level - 1];
    for (size_t i = 0; i < s.len;) {
        size_t from = i;
        (void)wf_utf8_next(s, &i);
        bool space = is_space(s.ptr[from]);
        if (space && (n == 0 || out[n - 1] == ' ')) {
            continue;
        }
        if (n + (i - from) > HEADING_BYTES) {
            break;
        }
        memcpy(out + n, space ? " " : s.ptr + from, i - from);
        n += i - from;
    }
    c->heading_n[c->level - 1] = n;
}

static void heading_end(struct wf_chunker *c)
{
    size_t *n = &c->heading_n[c->level - 1];
    char *text = c->headings[c->level - 1];
    while (*n > 0 && text[*n - 1] == ' ') {
        (*n)--;
    }
    if (c->first_n == 0) {
        memcpy(c->first, text, *n);
        c->first_n = *n;
    }
    c->level = 0;
}

/* ---- handing on ---- */

/* Hands on buf[0..at) and keeps the rest. */
static int hand_on(struct wf_chunker *c, size_t at, struct wf_err *err)
{
    assert(at > 0 && at <= c->n);
    if (!c->has_body) {
        latch_path(c); /* headings only: the path that they have built so far */
    }
    struct wf_str text = wf_str_n(c->buf, at);
    struct wf_chunk chunk = {
        .text = text,
        .heading = wf_str_n(c->path, c->path_n),
        .start_cp = c->start_cp,
        .n_cp = (uint32_t)wf_utf8_count(text),
        .page = c->chunk_page,
    };
    int status = c->fn(c->ud, &chunk, err);
    if (status != 0) {
        return status;
    }
    c->start_cp += chunk.n_cp;
    c->weight -= at == c->n ? c->weight : weigh(c->buf, at);
    c->n -= at;
    memmove(c->buf, c->buf + at, c->n);
    c->par_at = c->par_at > at ? c->par_at - at : 0;
    c->par_weight = weigh(c->buf, c->par_at);
    c->chunk_page = c->page;
    c->has_body = c->level == 0 && !is_blank(c->buf, c->n);
    if (c->has_body) {
        latch_path(c);
    }
    return 0;
}

/* Is more held than one chunk may have? What is too little to be cut off before the current
 * paragraph does not count. */
static bool is_too_long(const struct wf_chunker *c)
{
    size_t spare = c->par_weight < WF_CHUNK_LEAST ? c->par_weight : 0;
    return c->weight > WF_CHUNK_KEEP + spare;
}

/* Hands on a part of what is too long. */
static int split(struct wf_chunker *c, struct wf_err *err)
{
    if (c->par_weight >= WF_CHUNK_LEAST) {
        return hand_on(c, c->par_at, err);
    }
    size_t low = offset_of_weight(c->buf, c->n, WF_CHUNK_AIM / 2);
    size_t high = offset_of_weight(c->buf, c->n, WF_CHUNK_AIM);
    return hand_on(c, place_to_cut(c->buf, c->n, low, high), err);
}

static int take_text(struct wf_chunker *c, struct wf_str s, struct wf_err *err)
{
    if (c->level != 0) {
        heading_text(c, s);
    } else if (!c->has_body && !is_blank(s.ptr, s.len)) {
        c->has_body = true;
        latch_path(c);
    }
    for (size_t i = 0; i < s.len;) {
        size_t n = WF_MIN(s.len - i, (size_t)SLICE_BYTES);
        assert(c->n + n <= HOLD_BYTES);
        memcpy(c->buf + c->n, s.ptr + i, n);
        c->n += n;
        c->weight += weigh(s.ptr + i, n);
        i += n;
        while (is_too_long(c)) {
            int status = split(c, err);
            if (status != 0) {
                return status;
            }
        }
    }
    return 0;
}

/* A paragraph ends: does the chunk end before it, behind it, or go on? */
static int take_border(struct wf_chunker *c, struct wf_err *err)
{
    if (c->level != 0 || !c->has_body) {
        return 0; /* a heading stays with what follows it */
    }
    int status = 0;
    if (c->weight > WF_CHUNK_AIM && c->par_weight >= WF_CHUNK_LEAST) {
        status = hand_on(c, c->par_at, err);
    }
    if (status == 0 && c->weight > WF_CHUNK_AIM) {
        status = hand_on(c, c->n, err);
    }
    c->par_at = c->n;
    c->par_weight = c->weight;
    return status;
}

static int take_page(struct wf_chunker *c, uint32_t page, struct wf_err *err)
{
    int status = c->n > 0 ? hand_on(c, c->n, err) : 0;
    c->page = c->chunk_page = page;
    return status;
}

static int take_heading(struct wf_chunker *c, unsigned level, struct wf_err *err)
{
    if (c->level != 0) {
        heading_end(c);
    }
    if (level == 0) {
        return 0;
    }
    assert(level <= LEVELS); /* the reader has checked it */
    int status = c->has_body ? hand_on(c, c->n, err) : 0;
    for (size_t i = level - 1; i < LEVELS; i++) {
        c->heading_n[i] = 0;
    }
    c->level = level;
    return status;
}

int wf_chunker_feed(struct wf_chunker *c, const struct wf_stream_frame *f, struct wf_err *err)
{
    switch (f->type) {
    case WF_STREAM_TEXT:
        return take_text(c, f->text, err);
    case WF_STREAM_PAGE:
        return take_page(c, f->number, err);
    case WF_STREAM_HEADING:
        return take_heading(c, f->number, err);
    case WF_STREAM_BORDER:
        return take_border(c, err);
    case WF_STREAM_META:
    case WF_STREAM_PROGRESS:
    case WF_STREAM_WARNING:
    case WF_STREAM_ERROR:
    case WF_STREAM_END:
        break;
    }
    return 0;
}

int wf_chunker_end(struct wf_chunker *c, struct wf_err *err)
{
    if (c->level != 0) {
        heading_end(c);
    }
    return c->n > 0 ? hand_on(c, c->n, err) : 0;
}
