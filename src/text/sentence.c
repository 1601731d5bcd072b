/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences by rule.
 *
 * The idea: run over the bytes through a table until one could end a sentence (about one in a
 * hundred), and only there look around. A mark of a script without capitals (。 । ។) ends a
 * sentence by itself; ! and ? do where space follows and the text does not go on in lower case; a
 * point moreover asks point.c, a line break line.c. Thai has no marks: it is cut at a space once a
 * phrase is long enough.
 *
 * Invariants: (1) every byte that is no white space lies in exactly one sentence; (2) none is much
 * longer than LENGTH_MAX, so that text without any mark (transcripts) falls into pieces as well;
 * (3) the work is linear: what is looked at around one place is bounded. Deliberately not here:
 * languages, and state between calls. */
#include "text/sentence.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <utf8proc.h>

#include "base/config.h"
#include "text/sentence_internal.h"
#include "text/utf8.h"

#define LENGTH_MAX 1200 /* bytes: 200 words of English, 400 characters of Chinese */
#define PHRASE_MIN 200  /* bytes: Thai is cut at the next space behind some 70 letters */

/* What a byte may begin. */
enum {
    PLAIN,
    MARK,
    LINE,
    SEMICOLON,
    SPECIAL
};

static const uint8_t byte_class[256] = {
    ['.'] = MARK,     ['!'] = MARK,     ['?'] = MARK,     ['\n'] = LINE,    [';'] = SEMICOLON,
    [0xD6] = SPECIAL, [0xD8] = SPECIAL, [0xDB] = SPECIAL, [0xE0] = SPECIAL, [0xE1] = SPECIAL,
    [0xE2] = SPECIAL, [0xE3] = SPECIAL, [0xEF] = SPECIAL,
};

/* What a mark asks for to end a sentence. */
enum mark {
    MARK_NONE,
    MARK_POINT,    /* see point.c */
    MARK_ELLIPSIS, /* space behind, no lower case */
    MARK_STRONG,   /* space or a letter without case behind, no lower case */
    MARK_FULL,     /* nothing */
    MARK_BREAK,    /* nothing, and is white space itself */
};

static enum mark mark_of(uint32_t cp)
{
    switch (cp) {
    case '.':
    case 0xFF0E: /* full width */
        return MARK_POINT;
    case 0x2026:
        return MARK_ELLIPSIS;
    case '!':
    case '?':
    case 0x061F: /* Arabic ? */
    case 0x203C: /* doubled ! and ? */
    case 0x2047:
    case 0x2048:
    case 0x2049:
        return MARK_STRONG;
    case 0x0589: /* Armenian */
    case 0x06D4: /* Urdu */
    case 0x0964: /* danda, double danda */
    case 0x0965:
    case 0x104A: /* Myanmar */
    case 0x104B:
    case 0x1362: /* Ethiopic */
    case 0x1367:
    case 0x17D4: /* Khmer */
    case 0x17D5:
    case 0x3002: /* Chinese and Japanese, full and half width */
    case 0xFF01:
    case 0xFF1F:
    case 0xFF61:
        return MARK_FULL;
    case 0x2028:
    case 0x2029:
        return MARK_BREAK;
    default:
        return MARK_NONE;
    }
}

/* Quotes and brackets; some close in one language and open in another. */
enum {
    OPENS = 1,
    CLOSES = 2
};

static unsigned quote_of(uint32_t cp)
{
    switch (cp) {
    case '"':
    case '\'':
    case '*': /* Markdown's emphasis */
    case '_':
    case 0x00AB:
    case 0x00BB:
    case 0x2018:
    case 0x2019:
    case 0x201C:
    case 0x201D:
    case 0x2039:
    case 0x203A:
        return OPENS | CLOSES;
    case ')':
    case ']':
    case '}':
    case 0x3009:
    case 0x300B:
    case 0x300D:
    case 0x300F:
    case 0x3011:
    case 0x3015:
    case 0xFF09:
    case 0xFF3D:
    case 0xFF5D:
        return CLOSES;
    case '(':
    case '[':
    case '{':
    case '-':
    case 0x00A1:
    case 0x00BF:
    case 0x2013:
    case 0x2014:
    case 0x201A:
    case 0x201E:
        return OPENS;
    default:
        return 0;
    }
}

uint32_t wf_text__peek(struct wf_str s, size_t i)
{
    return i < s.len ? wf_utf8_next(s, &i) : 0;
}

enum wf_next wf_text__next_of(uint32_t cp)
{
    if (cp == 0)
        return WF_NEXT_END;
    if (cp == ',' || cp == ';' || cp == ':' || cp == ')' || cp == ']' || mark_of(cp) != MARK_NONE)
        return WF_NEXT_COMMA;
    switch (utf8proc_category((utf8proc_int32_t)cp)) {
    case UTF8PROC_CATEGORY_LL:
        return WF_NEXT_LOWER;
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LT:
        return WF_NEXT_UPPER;
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_LM:
        return WF_NEXT_CASELESS;
    case UTF8PROC_CATEGORY_ND:
        return WF_NEXT_DIGIT;
    default:
        return WF_NEXT_OTHER;
    }
}

static bool is_space(uint32_t cp)
{
    return cp == ' ' || (cp >= '\t' && cp <= '\r') || cp == 0x85 || cp == 0xA0 ||
           (cp >= 0x2000 && cp <= 0x200B) || cp == 0x2028 || cp == 0x2029 || cp == 0x202F ||
           cp == 0x3000 || cp == 0xFEFF;
}

struct wf_gap wf_text__gap(struct wf_str s, size_t i)
{
    struct wf_gap gap = {i, 0};
    while (i < s.len) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c > ' ' && c < 0x80)
            break;
        uint32_t cp = wf_utf8_next(s, &i);
        if (!is_space(cp))
            break;
        gap.n_lines += cp == '\n' || cp == 0x2028 || cp == 0x2029;
        gap.end = i;
    }
    return gap;
}

size_t wf_text__trim_end(struct wf_str s, size_t start, size_t end)
{
    while (end > start) {
        size_t prev = end - 1;
        while (prev > start && ((unsigned char)s.ptr[prev] & 0xC0) == 0x80)
            prev--;
        if (!is_space(wf_text__peek(s, prev)))
            break;
        end = prev;
    }
    return end;
}

/* Behind marks that follow one another: "?!", "...". `i` is behind the first. */
static size_t skip_marks(struct wf_str s, size_t i)
{
    size_t from = i;
    while (i < s.len && i - from < WF_SENTENCE_LOOK_MAX) {
        size_t next = i;
        enum mark m = mark_of(wf_utf8_next(s, &next));
        if (m == MARK_NONE || m == MARK_BREAK)
            break;
        i = next;
    }
    return i;
}

/* Behind a note's number in brackets ("end.[12]"); i itself when there is none. */
static size_t skip_note(struct wf_str s, size_t i)
{
    size_t end = i + 1;
    while (end < s.len && end - i < 8 && s.ptr[end] >= '0' && s.ptr[end] <= '9')
        end++;
    return end > i + 1 && end < s.len && s.ptr[end] == ']' ? end + 1 : i;
}

static size_t skip_closers(struct wf_str s, size_t i)
{
    size_t from = i;
    while (i < s.len && i - from < WF_SENTENCE_LOOK_MAX) {
        size_t next = i;
        uint32_t cp = wf_utf8_next(s, &next);
        if (cp == '[')
            next = skip_note(s, i);
        else if ((quote_of(cp) & CLOSES) == 0)
            break;
        if (next == i)
            break;
        i = next;
    }
    return i;
}

/* Behind opening quotes and the space in between. */
static size_t skip_openers(struct wf_str s, size_t i)
{
    size_t from = i;
    while (i < s.len && i - from < WF_SENTENCE_LOOK_MAX) {
        size_t next = i;
        uint32_t cp = wf_utf8_next(s, &next);
        if ((quote_of(cp) & OPENS) == 0 && !is_space(cp))
            break;
        i = next;
    }
    return i;
}

static struct wf_ahead look_ahead(struct wf_str s, size_t i)
{
    struct wf_ahead a = {.marks_end = skip_marks(s, i)};
    a.is_single = a.marks_end == i;
    a.end = skip_closers(s, a.marks_end);
    struct wf_gap gap = wf_text__gap(s, a.end);
    a.has_space = gap.end > a.end || a.end >= s.len;
    /* French closes a quotation with a space before the guillemet and one behind it */
    if (a.has_space && gap.n_lines == 0 && wf_text__peek(s, gap.end) == 0x00BB) {
        struct wf_gap behind = wf_text__gap(s, gap.end + 2);
        if (behind.end > gap.end + 2 || behind.end >= s.len) {
            a.end = gap.end + 2;
            gap = behind;
        }
    }
    a.word = skip_openers(s, gap.end);
    a.next = wf_text__next_of(wf_text__peek(s, a.word));
    return a;
}

static enum wf_next class_before(struct wf_str s, size_t start, size_t i)
{
    if (i == start)
        return WF_NEXT_END;
    size_t prev = i - 1;
    while (prev > start && ((unsigned char)s.ptr[prev] & 0xC0) == 0x80)
        prev--;
    return wf_text__next_of(wf_text__peek(s, prev));
}

/* Japanese goes on behind a quotation: 「...。」と言った */
static bool is_quoted_speech(struct wf_str s, const struct wf_ahead *a)
{
    uint32_t cp = wf_text__peek(s, a->end);
    return a->end >= 3 && a->end > a->marks_end &&
           (memcmp(s.ptr + a->end - 3, "\u300D", 3) == 0 ||
            memcmp(s.ptr + a->end - 3, "\u300F", 3) == 0) &&
           cp >= 0x3041 && cp <= 0x309F;
}

/* Does the sentence that began at `start` end with the mark at i, behind which is *a? */
static bool is_end(struct wf_str s, size_t start, size_t i, enum mark mark,
                   const struct wf_ahead *a)
{
    if (a->next == WF_NEXT_END)
        return true;
    if (mark == MARK_FULL)
        return !is_quoted_speech(s, a);
    if (!a->has_space)
        return mark != MARK_ELLIPSIS && a->next == WF_NEXT_CASELESS &&
               class_before(s, start, i) == WF_NEXT_CASELESS;
    if (a->next == WF_NEXT_LOWER || a->next == WF_NEXT_COMMA)
        return false;
    if (mark == MARK_POINT && a->is_single)
        return wf_text__is_end_at_point(s, start, i, a);
    return true;
}

static bool is_thai_or_lao(uint32_t cp)
{
    return cp >= 0x0E00 && cp <= 0x0EFF;
}

/* A Thai letter at i behind a space: true where a phrase that is long enough ended. */
static bool is_phrase_start(struct wf_str s, size_t start, size_t i, uint32_t cp)
{
    if (i - start < PHRASE_MIN || s.ptr[i - 1] != ' ' || !is_thai_or_lao(cp) || cp == 0x0E46)
        return false;
    size_t prev = wf_text__trim_end(s, start, i);
    return prev >= start + 3 && is_thai_or_lao(wf_text__peek(s, prev - 3));
}

/* Greek asks with a semicolon. */
static bool is_greek_question(struct wf_str s, size_t start, size_t i)
{
    unsigned char lead = i >= start + 2 ? (unsigned char)s.ptr[i - 2] : 0;
    return (lead == 0xCE || lead == 0xCF) && wf_text__gap(s, i + 1).end > i + 1;
}

/* Where to cut what is too long, in (start, limit]: behind a comma or the like, else at a space,
 * else at a code point, as far back as the middle. */
static size_t cut(struct wf_str s, size_t start, size_t limit)
{
    size_t space = 0, from = start + LENGTH_MAX / 2;
    for (size_t i = limit; i > from; i--) {
        if (s.ptr[i - 1] != ' ' && s.ptr[i - 1] != '\n')
            continue;
        if (strchr(",;:", s.ptr[i - 2]) && s.ptr[i - 2] != 0)
            return i;
        if (space == 0)
            space = i;
    }
    while (space == 0 && ((unsigned char)s.ptr[limit] & 0xC0) == 0x80)
        limit--;
    return space ? space : limit;
}

/* The end of the sentence that begins at `start`; may have white space before it. */
static size_t find_end(struct wf_str s, size_t start)
{
    size_t limit = s.len - start > LENGTH_MAX ? start + LENGTH_MAX : s.len;
    for (size_t i = start; i < limit;) {
        unsigned class = byte_class[(unsigned char)s.ptr[i]];
        if (class == PLAIN) {
            i++;
            continue;
        }
        if (class == LINE) {
            struct wf_gap gap = wf_text__gap(s, i);
            if (gap.n_lines > 1 || (i > start && wf_text__is_end_at_line(s, start, i, gap.end)))
                return i;
            i = gap.end;
            continue;
        }
        if (class == SEMICOLON && is_greek_question(s, start, i))
            return i + 1;
        size_t next = i;
        uint32_t cp = wf_utf8_next(s, &next);
        enum mark mark = mark_of(cp);
        if (mark == MARK_BREAK || is_phrase_start(s, start, i, cp))
            return i;
        if (mark != MARK_NONE) {
            struct wf_ahead a = look_ahead(s, next);
            if (is_end(s, start, i, mark, &a))
                return a.end;
            next = a.marks_end;
        }
        i = next;
    }
    return limit < s.len ? cut(s, start, limit) : s.len;
}

bool wf_sentence_next(struct wf_str text, size_t *io_i, struct wf_sentence *out)
{
    assert(*io_i <= text.len);
    size_t start = wf_text__gap(text, *io_i).end;
    if (start >= text.len) {
        *io_i = text.len;
        return false;
    }
    size_t end = find_end(text, start);
    assert(end > start && end <= text.len);
    *io_i = end;
    out->start = start;
    out->end = wf_text__trim_end(text, start, end);
    assert(out->end > out->start);
    return true;
}
