/* SPDX-License-Identifier: Apache-2.0 */
/* Finds what hides in a text, in one pass.
 *
 * Most bytes are letters of ASCII and only lengthen a run; a run is looked at when it ends and is
 * long enough to be base64 or hexadecimal. A few signs begin escapes. Characters beyond ASCII are
 * asked for by their range: letters of languages are what they are, but not a Cyrillic "а" within
 * a Latin word, a digit of another script, or what has no width. */
#include <string.h>
#include <utf8proc.h>

#include "base/limits.h"
#include "privacy/hidden_internal.h"
#include "privacy/view.h"
#include "text/utf8.h"

/* The shortest encoded run: six bytes of base64; one shorter than the second is only looked at
 * where it is no word. */
#define RUN_LEAST 8
#define RUN_SURE 16
/* Places of a run from which it is tried; runs that begin as packed ones, in a text. */
#define TRIES_MOST 64
#define PACKED_MOST (4 * WF_LIMIT_UNPACKED_RUNS)
/* Groups of a run that are no chance; letters and digits of one. */
#define GROUPS_LEAST 3
#define GROUP_MOST 80
/* Groups of one row that may be the first: words of that length stand before. */
#define GROUPED_TRIES 3
/* How far a word of another script is looked at. */
#define WORD_MOST 64
/* Marks over one letter; bytes that a mark turns. */
#define MARKS_MOST 16
#define TURNED_MOST 400
/* Bytes between two small digits of a number. */
#define RAISED_BYTES 30
/* Signs between two single characters. */
#define SIGNS_MOST 4
/* Letters and digits of a key beside a small digit. */
#define KEY_LEAST 8
/* Bytes of letters that may belong to a number beside them. */
#define LETTERS_BYTES 6

enum {
    BREAK, /* all that is not named below */
    RUN,
    SPACE,
    JOINT, /* also of a run */
    ESCAPE,
    QUOTE,
    DOT, /* may begin Morse's signs */
    BEYOND
};

static const uint8_t kinds[256] = {
    ['a' ... 'z'] = RUN, ['A' ... 'Z'] = RUN, ['0' ... '9'] = RUN,
    ['+'] = RUN,         ['/'] = RUN,         ['-'] = RUN,
    ['_'] = JOINT,       [' '] = SPACE,       ['%'] = ESCAPE,
    ['\\'] = ESCAPE,     ['&'] = ESCAPE,      ['='] = ESCAPE,
    ['('] = ESCAPE,      ['['] = ESCAPE,      ['{'] = ESCAPE,
    ['"'] = QUOTE,       ['\''] = QUOTE,      ['`'] = QUOTE,
    ['.'] = DOT,         ['<'] = QUOTE,       [0x80 ... 0xff] = BEYOND,
};

static bool is_alnum_at(struct wf_str t, size_t i)
{
    return i < t.len && kinds[(uint8_t)t.ptr[i]] == RUN && t.ptr[i] != '+' && t.ptr[i] != '/' &&
           t.ptr[i] != '-';
}

static bool is_run(char c)
{
    return kinds[(uint8_t)c] == RUN || kinds[(uint8_t)c] == JOINT;
}

/* Whether what may hide something is told; that there was such is noted. */
bool wf_hidden__may_be(struct wf_hidden_finder *f, enum wf_loose kind)
{
    f->has_loose |= kind;
    if (f->blocks != NULL)
        f->blocks[f->i / WF_VIEW_BLOCK] |= (uint8_t)kind;
    return (f->loose & kind) != 0;
}

/* ---- characters beyond ASCII ---- */

static bool has_latin(struct wf_str t, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (is_alnum_at(t, i) || t.ptr[i] == '@')
            return true;
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Whether a few capitals of another script stand beside a number ("АВ 1234"): the first byte says
 * that they are capitals. */
static bool is_beside(struct wf_str t, size_t from, size_t to)
{
    while (from + 2 < to && (uint8_t)t.ptr[from] < 0x80)
        from++;
    const uint8_t first = (uint8_t)t.ptr[from], second = (uint8_t)t.ptr[from + 1];
    const bool is_capital = (first == 0xd0 && second >= 0x80 && second <= 0xaf) ||
                            (first == 0xce && second >= 0x91 && second <= 0xa9);

    return is_capital && ((to + 1 < t.len && t.ptr[to] == ' ' && is_digit(t.ptr[to + 1])) ||
                          (from > 1 && t.ptr[from - 1] == ' ' && is_digit(t.ptr[from - 2])));
}

/* Whether all letters of a word look like Latin ones: "рас", not "года". */
static bool is_all_like(struct wf_str t, size_t from, size_t to)
{
    while (from < to) {
        const uint32_t cp = wf_utf8_next(t, &from);
        if (cp >= 0x80 && wf_hidden__class(cp) != WF_CLASS_LETTER)
            return false;
    }
    return true;
}

/* Whether a letter of Greek, Cyrillic or the like stands in a word with Latin ones, or in one that
 * is beside some and could be Latin ("id-МЕ"). Numbers and their words are also written so. */
static bool is_mixed(struct wf_hidden_finder *f, size_t at)
{
    static const char ends[] = " \t\n\"'<>()[]{},;";
    const struct wf_str t = f->text;
    size_t from = at, to = at;

    if (at < f->word_end)
        return f->word_is_mixed;
    while (from > 0 && at - from < WORD_MOST &&
           ((uint8_t)t.ptr[from - 1] >= 0x80 || is_alnum_at(t, from - 1)))
        from--;
    while (to < t.len && to - at < WORD_MOST && ((uint8_t)t.ptr[to] >= 0x80 || is_alnum_at(t, to)))
        to++;
    f->word_end = to;
    f->word_is_mixed =
        has_latin(t, from, to) || (to - from <= LETTERS_BYTES && is_beside(t, from, to));
    const size_t start = from;
    const bool all_like = is_all_like(t, from, to);
    if (!f->word_is_mixed && all_like) {
        while (from > 0 && at - from < WORD_MOST && strchr(ends, t.ptr[from - 1]) == NULL)
            from--;
        while (to < t.len && to - at < WORD_MOST && strchr(ends, t.ptr[to]) == NULL)
            to++;
        f->word_is_mixed = has_latin(t, from, to);
    }
    /* "Z290336(А)" */
    if (!f->word_is_mixed && all_like && start > 1 && t.ptr[start - 1] == '(')
        f->word_is_mixed = is_alnum_at(t, start - 2);
    /* "ΡRΙVΑΤΕ ΚΕΥ": beside one that is. */
    if (!f->word_is_mixed && start > 0 && start <= f->mixed_end + 1 && all_like)
        f->word_is_mixed = true;
    if (f->word_is_mixed)
        f->mixed_end = f->word_end;
    f->word_is_mixed = f->word_is_mixed && wf_hidden__may_be(f, WF_LOOSE_LIKE);
    return f->word_is_mixed;
}

/* Whether a letter or digit of ASCII, or what is like one, stands at a place; before it. */
static bool is_numeral_at(struct wf_str t, size_t i)
{
    if (i >= t.len)
        return false;
    if ((uint8_t)t.ptr[i] < 0x80)
        return is_alnum_at(t, i);
    const enum wf_class class = wf_hidden__class(wf_utf8_next(t, &i));
    return class == WF_CLASS_LIKE || class == WF_CLASS_SIGN;
}

static bool is_numeral_before(struct wf_str t, size_t i)
{
    if (i == 0)
        return false;
    i--;
    while (i > 0 && ((uint8_t)t.ptr[i] & 0xc0) == 0x80)
        i--;
    return is_numeral_at(t, i);
}

/* The same of characters beyond ASCII alone. */
static bool is_far_at(struct wf_str t, size_t i)
{
    return i < t.len && (uint8_t)t.ptr[i] >= 0x80 && is_numeral_at(t, i);
}

static bool is_far_before(struct wf_str t, size_t i)
{
    return i > 0 && (uint8_t)t.ptr[i - 1] >= 0x80 && is_numeral_before(t, i);
}

/* Whether a character stands within a long row of letters and digits, or at its end. */
static bool is_of_key(struct wf_str t, size_t at, size_t end)
{
    size_t before = 0, behind = 0;

    while (before < KEY_LEAST && before < at && is_alnum_at(t, at - 1 - before))
        before++;
    while (behind < KEY_LEAST && is_alnum_at(t, end + behind))
        behind++;
    return before + behind >= KEY_LEAST || (before > 1 && behind > 0);
}

/* Whether another small digit stands near one, as in a number. */
static bool is_raised(struct wf_str t, size_t at, size_t end)
{
    size_t i = at > RAISED_BYTES ? at - RAISED_BYTES : 0;
    const size_t to = WF_MIN(end + RAISED_BYTES, t.len);

    while (i < to && ((uint8_t)t.ptr[i] & 0xc0) == 0x80)
        i++;
    while (i < to) {
        const size_t from = i;
        const uint32_t cp = wf_utf8_next(t, &i);
        if (from != at &&
            (cp == 0xb2 || cp == 0xb3 || cp == 0xb9 || (cp >= 0x2070 && cp <= 0x2079)))
            return true;
    }
    return false;
}

static uint32_t char_before(struct wf_str t, size_t i)
{
    while (i > 0 && ((uint8_t)t.ptr[--i] & 0xc0) == 0x80)
        continue;
    return wf_utf8_next(t, &i);
}

/* Whether the character before is one that what has no width may belong to: of Arabic or Indic
 * scripts, a picture. */
static bool is_drawn_before(struct wf_str t, size_t i)
{
    if (i == 0 || (uint8_t)t.ptr[i - 1] < 0x80)
        return false;
    const uint32_t cp = char_before(t, i);
    return (cp >= 0x600 && cp < 0x1100) || (cp >= 0x1700 && cp < 0x1c80) ||
           (cp >= 0x2000 && cp < 0x3000) || (cp >= 0xfe00 && cp < 0xfe10) || cp >= 0x10000;
}

/* Letters that no language puts marks of Latin ones over. */
static bool is_never_marked(uint32_t cp)
{
    return (cp >= 0x1100 && cp < 0x1200) || (cp >= 0x3040 && cp < 0xd800);
}

/* Marks that letters of Greek and Cyrillic have, when they are written apart. */
static bool is_of_letters(uint32_t cp)
{
    return cp <= 0x304 || cp == 0x306 || cp == 0x308 || cp == 0x30b || cp == 0x30f || cp == 0x311 ||
           cp == 0x313 || cp == 0x314 || cp == 0x342 || cp == 0x345;
}

/* Whether the marks from i on are some that no letter of Greek or Cyrillic has. */
static bool has_odd_mark(struct wf_str t, size_t i)
{
    for (size_t n = 0; i < t.len && n < MARKS_MOST && (uint8_t)t.ptr[i] >= 0xcc; n++) {
        const uint32_t cp = wf_utf8_next(t, &i);
        if (wf_hidden__class(cp) != WF_CLASS_MARK)
            return false;
        if (!is_of_letters(cp))
            return true;
    }
    return false;
}

/* Whether a mark stands on a letter or digit of ASCII, or another that has none, over others or
 * not. */
static bool is_marked(struct wf_str t, size_t at)
{
    for (size_t n = 0; at >= 2 && n < MARKS_MOST && (uint8_t)t.ptr[at - 1] >= 0x80; n++) {
        size_t i = at - 1, end;
        while (i > 0 && ((uint8_t)t.ptr[i] & 0xc0) == 0x80)
            i--;
        end = i;
        const uint32_t cp = wf_utf8_next(t, &end);
        const enum wf_class class = wf_hidden__class(cp);
        if (class != WF_CLASS_MARK && class != WF_CLASS_UNSEEN)
            return is_never_marked(cp) || (cp >= 0x370 && cp < 0x590 && has_odd_mark(t, end));
        at = i;
    }
    return at > 0 && (uint8_t)t.ptr[at - 1] < 0x80 && t.ptr[at - 1] != '\n';
}

static enum wf_hiding hiding_of(struct wf_hidden_finder *f, size_t at, size_t end, uint32_t cp)
{
    const struct wf_str t = f->text;

    switch (wf_hidden__class(cp)) {
    case WF_CLASS_UNSEEN: /* how an emoji or letters are to be drawn hides nothing */
        return (cp == 0xfe0f || cp == 0x200c || cp == 0x200d) && is_drawn_before(t, at) &&
                       !is_numeral_before(t, at) && !is_numeral_at(t, end)
                   ? WF_HIDING_NONE
                   : WF_HIDING_INVISIBLE;
    case WF_CLASS_LIKE:
        return WF_HIDING_LIKENESS;
    case WF_CLASS_LETTER:
        return is_mixed(f, at) ? WF_HIDING_LIKENESS : WF_HIDING_NONE;
    case WF_CLASS_SIGN:
        return WF_HIDING_LIKENESS;
    case WF_CLASS_BETWEEN: /* a dash, a space, a sign: only within a number */
        if (cp >= 0xff00 && (is_far_before(t, at) || is_far_at(t, end)))
            return WF_HIDING_LIKENESS; /* all of it in full width */
        return is_numeral_before(t, at) && is_numeral_at(t, end) ? WF_HIDING_LIKENESS
                                                                 : WF_HIDING_NONE;
    case WF_CLASS_RAISED: /* near others, or within a key */
        return is_raised(t, at, end) || is_of_key(t, at, end) ? WF_HIDING_LIKENESS : WF_HIDING_NONE;
    case WF_CLASS_MARK:
        return is_marked(t, at) ? WF_HIDING_INVISIBLE : WF_HIDING_NONE;
    case WF_CLASS_PLAIN:
        break;
    }
    return WF_HIDING_NONE;
}

/* The mark that turns a text from right to left, and where that ends: at the mark for it, or with
 * the line. */
#define TURN 0x202e

static size_t turned_end(struct wf_str t, size_t i)
{
    const size_t from = i;

    while (i < t.len && i - from < TURNED_MOST && t.ptr[i] != '\n') {
        size_t end = i;
        const uint32_t cp = wf_utf8_next(t, &end);
        if (cp == 0x202c || cp == 0x202d || cp == 0x2069)
            break;
        i = end;
    }
    return i;
}

/* Selectors of variants, one behind the other: bytes that nobody sees. */
static bool is_selector(uint32_t cp)
{
    return (cp >= 0xfe00 && cp <= 0xfe0f) || (cp >= 0xe0100 && cp <= 0xe01ef);
}

static size_t selectors_end(struct wf_str t, size_t i)
{
    while (i < t.len) {
        size_t end = i;
        if (!is_selector(wf_utf8_next(t, &end)))
            break;
        i = end;
    }
    return i;
}

static size_t braille_end(struct wf_str t, size_t i)
{
    while (i + 2 < t.len && (uint8_t)t.ptr[i] == 0xe2 && (uint8_t)t.ptr[i + 1] == 0xa0)
        i += 3;
    return i;
}

/* Whether the run before i ends with a single character: "4", or "4" in "is+4". */
static inline bool is_single(struct wf_str t, size_t run, size_t i)
{
    return i - run == 1 || (i - run > 1 && !is_alnum_at(t, i - 2));
}

/* Signs and pictures that no word has: what may stand between single characters. */
static bool is_symbol(uint32_t cp)
{
    return cp == 0xb7 || (cp >= 0x2016 && cp < 0x2060) || (cp >= 0x2190 && cp < 0x2460) ||
           (cp >= 0x2500 && cp < 0x2776) || (cp >= 0x2794 && cp < 0x2c00) ||
           (cp >= 0x3000 && cp < 0x3004) || cp == 0x30fb || (cp >= 0x1f300 && cp < 0x1fb00);
}

static bool beyond(struct wf_hidden_finder *f, struct wf_hidden *out)
{
    const uint8_t first = (uint8_t)f->text.ptr[f->i];
    const size_t run = f->run;
    size_t end = f->i;
    enum wf_hiding how;

    if (first >= 0xc4 && first <= 0xca) { /* Latin letters */
        f->i += 2;
        f->run = f->i;
        return false;
    }
    const uint32_t cp = wf_utf8_next(f->text, &end);
    if (cp >= 0x2800 && cp < 0x2840) {
        end = braille_end(f->text, end);
        how = WF_HIDING_BRAILLE;
    } else if (cp == TURN) {
        end = turned_end(f->text, end);
        how = WF_HIDING_TURNED;
    } else if (is_selector(cp) && selectors_end(f->text, end) > end) {
        end = selectors_end(f->text, end);
        how = WF_HIDING_INVISIBLE;
    } else {
        how = hiding_of(f, f->i, end, cp);
    }
    *out = (struct wf_hidden){.at = f->i, .len = end - f->i, .how = how};
    /* What carries the selectors is none of them. */
    if (is_selector(cp) && end - f->i > 4 && f->i > f->floor && is_alnum_at(f->text, f->i - 1) &&
        (f->i < 2 || !is_alnum_at(f->text, f->i - 2))) {
        out->at--;
        out->len++;
    }
    if (how == WF_HIDING_NONE && is_symbol(cp) && f->i > 0 &&
        (is_single(f->text, run, f->i) || (uint8_t)f->text.ptr[f->i - 1] >= 0x80) &&
        wf_hidden__apart(f, f->i))
        return wf_hidden__next_apart(f, out);
    f->i = end;
    f->run = end;
    return how != WF_HIDING_NONE;
}

/* ---- runs ---- */

/* Whether a look-alike of a letter or digit, or what is to pass unseen, stands there, or before. */
static bool is_like_at(struct wf_str t, size_t i)
{
    if (i >= t.len || (uint8_t)t.ptr[i] < 0x80)
        return false;
    const enum wf_class class = wf_hidden__class(wf_utf8_next(t, &i));
    return class == WF_CLASS_LIKE || class == WF_CLASS_LETTER || class == WF_CLASS_UNSEEN ||
           class == WF_CLASS_MARK;
}

static bool is_like_before(struct wf_str t, size_t i)
{
    i--;
    while (i > 0 && ((uint8_t)t.ptr[i] & 0xc0) == 0x80)
        i--;
    return is_like_at(t, i);
}

/* Whether a sign of base64 stands there as URLs have it: "%2B", "%2F". */
static bool is_escaped_at(struct wf_str t, size_t i)
{
    return i + 2 < t.len && t.ptr[i] == '%' && t.ptr[i + 1] == '2' &&
           strchr("BbFf", t.ptr[i + 2]) != NULL;
}

/* Whether a short run may be encoded: words have no digits, and no capitals behind small letters;
 * capitals alone are one, unless signs of its end follow, or may be left out. */
static bool is_no_word(struct wf_str t, size_t from, size_t to)
{
    size_t n_capitals = 0;

    for (size_t i = from; i < to; i++)
        n_capitals += t.ptr[i] >= 'A' && t.ptr[i] <= 'Z';
    if (n_capitals > 2 && n_capitals < to - from)
        return true;
    if (n_capitals == to - from)
        return (to - from) % 4 == 0 || (to < t.len && t.ptr[to] == '=');
    for (size_t i = from; i < to; i++)
        if (is_digit(t.ptr[i]) || (i > from && t.ptr[i] >= 'A' && t.ptr[i] <= 'Z' &&
                                   t.ptr[i - 1] >= 'a' && t.ptr[i - 1] <= 'z'))
            return true;
    return false;
}

/* Whether a run decodes; of packed ones only so many are looked at in a text. */
static bool run_decodes(struct wf_hidden_finder *f, size_t from, size_t to, enum wf_hiding how)
{
    static const char *const packed[] = {"H4sI", "eJ", "eN", "eA", "eF", "1f8b", "78"};
    const struct wf_str run = wf_str_sub(f->text, from, to);

    for (size_t i = 0; i < WF_ARRAY_LEN(packed); i++) {
        const struct wf_str begin = wf_str_from(packed[i]);
        if (run.len >= RUN_SURE && wf_str_eq_nocase(wf_str_sub(run, 0, begin.len), begin) &&
            ++f->n_packed > PACKED_MOST)
            return false;
    }
    return wf_hidden__decodes(run, how);
}

/* Ends a hidden run; returns true. */
static bool is_run_of(struct wf_hidden_finder *f, size_t from, size_t to, enum wf_hiding how,
                      struct wf_hidden *out)
{
    *out = (struct wf_hidden){.at = from, .len = to - from, .how = how};
    f->i = f->run = to;
    return true;
}

/* Whether what a run decodes to is ASCII. */
static bool makes_ascii(struct wf_str t, size_t from, size_t to, enum wf_hiding how)
{
    const struct wf_hidden h = {.at = from, .len = to - from, .how = how};
    struct wf_buf b;
    bool all;

    wf_buf_init(&b, SIZE_MAX);
    all = wf_hidden_undo(t, &h, &b) == 0;
    for (size_t i = 0; all && i < b.len; i++)
        all = (uint8_t)b.ptr[i] < 0x80;
    wf_buf_deinit(&b);
    return all;
}

/* A short run that decodes may also be what it is. */
static bool short_run_ends(struct wf_hidden_finder *f, size_t from, struct wf_hidden *out)
{
    static const enum wf_hiding ways[] = {WF_HIDING_HEX, WF_HIDING_BASE64, WF_HIDING_BASE32,
                                          WF_HIDING_BASE58};
    const struct wf_str t = f->text;
    size_t end = f->i;

    if (!is_no_word(t, from, end) || (from > 0 && from == f->floor))
        return false;
    /* Of several ways the one that makes ASCII. */
    for (size_t k = 0; k < 2 * WF_ARRAY_LEN(ways); k++) {
        const enum wf_hiding how = ways[k % WF_ARRAY_LEN(ways)];
        end = f->i;
        while (how != WF_HIDING_HEX && how != WF_HIDING_BASE58 && end < t.len && t.ptr[end] == '=')
            end++;
        if (wf_hidden__decodes(wf_str_sub(t, from, end), how) &&
            (k >= WF_ARRAY_LEN(ways) || makes_ascii(t, from, end, how)))
            return wf_hidden__may_be(f, WF_LOOSE_NAMES) && is_run_of(f, from, end, how, out);
    }
    return false;
}

static const enum wf_hiding long_ways[] = {WF_HIDING_HEX, WF_HIDING_BASE32, WF_HIDING_BASE58,
                                           WF_HIDING_BASE64};

/* A run whose bytes may be written in several ways, the same at its places behind signs that stand
 * in paths and names, too. `end`: behind the signs at its end. */
static bool long_run_ends(struct wf_hidden_finder *f, size_t from, size_t end,
                          struct wf_hidden *out)
{
    const struct wf_str t = f->text;
    const size_t run_end = f->i;
    struct wf_hidden other = {.how = WF_HIDING_NONE}; /* the first that makes no ASCII */
    size_t at = from;

    for (size_t tries = 0; tries < TRIES_MOST; tries++) {
        for (size_t k = 0; k < WF_ARRAY_LEN(long_ways); k++) {
            const size_t to = long_ways[k] == WF_HIDING_BASE64 ? end : run_end;
            if (!run_decodes(f, at, to, long_ways[k]))
                continue;
            if (makes_ascii(t, at, to, long_ways[k]))
                return is_run_of(f, at, to, long_ways[k], out);
            if (other.len == 0 || (other.at == at && long_ways[k] == WF_HIDING_BASE64))
                other = (struct wf_hidden){.at = at, .len = to - at, .how = long_ways[k]};
        }
        /* From behind: the signs of its end stand before it. */
        size_t first = at;
        while (first > f->floor && at - first < 2 && t.ptr[first - 1] == '=')
            first--;
        if (other.len == 0 && wf_hidden__decodes_backwards(wf_str_sub(t, first, run_end)))
            return is_run_of(f, first, run_end, WF_HIDING_BASE64, out);
        while (at < run_end && is_alnum_at(t, at))
            at++;
        while (at < run_end && !is_alnum_at(t, at))
            at++;
        if (at + RUN_LEAST > run_end || (other.len > 0 && (run_end - at) * 2 < other.len))
            break;
    }
    return other.len > 0 && is_run_of(f, other.at, other.at + other.len, other.how, out);
}

/* A run that ends before f->i and is encoded. */
static bool run_ends(struct wf_hidden_finder *f, struct wf_hidden *out)
{
    const struct wf_str t = f->text;
    const size_t at = f->run;
    size_t end = f->i;

    if (end - at > 12 && t.ptr[at + 2] == '-' && t.ptr[at + 5] == '-' &&
        wf_hidden__codes(t, WF_MAX(at, f->floor), at + 2, f->floor, out)) {
        f->i = f->run = out->at + out->len;
        return true;
    }
    if (is_escaped_at(t, end) || (at == f->floor && at > 3 && is_escaped_at(t, at - 3)) ||
        is_like_at(t, end) || (at > 1 && is_like_before(t, at)))
        return false; /* a part of what hides in another way */
    if (end - at < RUN_SURE)
        return short_run_ends(f, at, out);
    if (f->loose != 0)
        return false; /* what is put together is decoded after that */
    /* Lines of mail: the run goes on behind a line's end. */
    while (end + 2 < t.len && end - at >= 60 && (t.ptr[end] == '\n' || t.ptr[end] == '\r') &&
           (is_alnum_at(t, end + 1) || t.ptr[end + 1] == '\n')) {
        end++;
        while (end < t.len && is_run(t.ptr[end]))
            end++;
    }
    while (end < t.len && t.ptr[end] == '=')
        end++;
    return long_run_ends(f, at, end, out);
}

/* Whether groups of digits are a number, and no digits told by theirs ("3431 3131"). */
static bool is_number(struct wf_str t, size_t from, size_t to)
{
    bool is_told = true;

    for (size_t i = from, n = 0; i < to; i++) {
        if (!is_digit(t.ptr[i]) && is_alnum_at(t, i))
            return false;
        is_told =
            is_told && !(is_digit(t.ptr[i]) && n++ % 2 == 0 && t.ptr[i] != '3' && t.ptr[i] != '2');
    }
    return !is_told;
}

/* Groups of the same length with one space or line's end between them that are a run, from the one
 * that ends at f->i on. */
static bool is_grouped(struct wf_hidden_finder *f, struct wf_hidden *out)
{
    static const enum wf_hiding ways[] = {WF_HIDING_HEX, WF_HIDING_BASE64, WF_HIDING_BASE32};
    const struct wf_str t = f->text;
    const size_t len = f->i - f->run;
    const char by = t.ptr[f->i];
    size_t end = f->run, n = 0;

    if (f->run < f->grouped_end && ++f->n_grouped > GROUPED_TRIES)
        return false;
    for (size_t k = 0; end < t.len; n++) {
        const size_t at = n == 0 ? end : end + 1;
        for (k = 0; at + k < t.len && k <= len && is_run(t.ptr[at + k]); k++)
            continue;
        if (k == 0 || k > len)
            break;
        end = at + k;
        while (k < len && end < t.len && t.ptr[end] == '=')
            end++;
        if (k < len || end >= t.len || t.ptr[end] != by) {
            n++;
            break;
        }
    }
    f->n_grouped = f->run < f->grouped_end ? f->n_grouped : 0;
    f->grouped_end = end;
    if (is_number(t, f->run, end))
        return false;
    for (size_t k = 0; n >= GROUPS_LEAST && k < WF_ARRAY_LEN(ways); k++)
        if (wf_hidden__decodes(wf_str_sub(t, f->run, end), ways[k]))
            return is_run_of(f, f->run, end, ways[k], out);
    return false;
}

/* Whether groups may begin with what ends before i. */
static inline bool may_be_grouped(struct wf_str t, size_t run, size_t i)
{
    const size_t len = i - run, second = i + 1 + len, third = second + 1 + len;

    return len >= 4 && third < t.len && t.ptr[second] == t.ptr[i] && t.ptr[third] == t.ptr[i] &&
           is_no_word(t, run, third);
}

/* ---- the pass ---- */

/* Whether a run begins like "4-1-1": with a sign of runs behind its first character. */
static inline bool is_apart_by(struct wf_str t, size_t run)
{
    const char c = t.ptr[run + 1];

    return (c == '-' || c == '/' || c == '+') && run + 3 < t.len && t.ptr[run + 3] == c;
}

/* Where the first character stands of a run that begins with the sign between ("---4-1-1-1"), or
 * has it behind a character beyond ASCII ("沪-D-A-8"); the run's beginning where it is none. */
static size_t first_apart(struct wf_str t, size_t run, size_t end)
{
    size_t i = run;

    if (i + 3 < end && i > 0 && (uint8_t)t.ptr[i - 1] >= 0x80 && t.ptr[i] == t.ptr[i + 2])
        return i - 1;
    while (i + 3 < end && !is_alnum_at(t, i) && t.ptr[i] == t.ptr[run])
        i++;
    return i + 3 < end && is_apart_by(t, i) ? i : run;
}

/* Whether the sign at i, or what begins with it, also stands behind the next character. */
static inline bool is_same_behind_next(struct wf_str t, size_t i)
{
    size_t k = i + 1;

    while (k < t.len && k < i + SIGNS_MOST && (uint8_t)t.ptr[k] < 0x80 && !is_alnum_at(t, k))
        k++;
    k++;
    while (k < t.len && ((uint8_t)t.ptr[k] & 0xc0) == 0x80)
        k++;
    return (k < t.len && t.ptr[k] == t.ptr[i]) || (i + 2 < t.len && t.ptr[i + 2] == t.ptr[i]);
}

/* Whether single characters or groups of digits may go on behind a sign at i. */
static inline bool may_go_on(struct wf_str t, size_t run, size_t i)
{
    if (i - run >= 2 && is_apart_by(t, run))
        return true;
    if (i == run)
        return i > 0 && (uint8_t)t.ptr[i - 1] >= 0x80 && is_same_behind_next(t, i);
    return (is_single(t, run, i) && i + 2 < t.len &&
            (kinds[(uint8_t)t.ptr[i + 1]] != RUN || kinds[(uint8_t)t.ptr[i + 2]] != RUN)) ||
           is_digit(t.ptr[i - 1]);
}

/* Whether [run, end) is single characters with a sign of runs between them. */
static bool begins_apart(struct wf_hidden_finder *f, size_t run, size_t end)
{
    const struct wf_str t = f->text;

    if (end - run >= 2 && is_apart_by(t, run) && wf_hidden__apart(f, run + 1))
        return true;
    const size_t first = is_alnum_at(t, run) ? run : first_apart(t, run, end);
    return first != run && (first < run || is_apart_by(t, first)) && wf_hidden__apart(f, first + 1);
}

/* The same of a sign between two characters beyond ASCII: "С-Н-7". */
static bool far_begins_apart(struct wf_hidden_finder *f, size_t i)
{
    const struct wf_str t = f->text;

    return i > 0 && (uint8_t)t.ptr[i - 1] >= 0x80 && !is_alnum_at(t, i) &&
           is_same_behind_next(t, i) && wf_hidden__apart(f, i);
}

/* The same of what stands between f->i and the last '_' before it. */
static bool joint_begins_apart(struct wf_hidden_finder *f)
{
    const size_t least = WF_MAX(f->run, f->floor);
    size_t from = f->i;

    while (from > least && f->text.ptr[from - 1] != '_')
        from--;
    return f->i - from >= 2 && begins_apart(f, from, f->i);
}

/* A '_' between single characters, or for a space in a name. */
static bool joint(struct wf_hidden_finder *f, struct wf_hidden *out)
{
    if (wf_hidden__apart(f, f->i) || joint_begins_apart(f))
        return wf_hidden__next_apart(f, out);
    if (wf_hidden__joint(f, out) && wf_hidden__may_be(f, WF_LOOSE_NAMES)) {
        f->run = ++f->i;
        return true;
    }
    f->i++;
    return false;
}

/* What may be a part of it: between strings, between groups of digits. */
static bool between_loosely(struct wf_hidden_finder *f, uint8_t kind, struct wf_hidden *out)
{
    const struct wf_str t = f->text;

    if (kind == QUOTE && wf_hidden__joined(t, f->i, out) && wf_hidden__may_be(f, WF_LOOSE_JOINED))
        return true;
    return f->i > 0 && is_digit(t.ptr[f->i - 1]) && wf_hidden__parted(t, f->i, out) &&
           wf_hidden__may_be(f, WF_LOOSE_PARTS);
}

/* What stands between characters, groups of digits, or strings. */
static bool between(struct wf_hidden_finder *f, uint8_t kind, struct wf_hidden *out)
{
    const struct wf_str t = f->text;
    const size_t i = f->i;

    if ((is_single(t, f->run, i) || (i == f->run && i > 0 && (uint8_t)t.ptr[i - 1] >= 0x80)) &&
        wf_hidden__apart(f, i))
        return wf_hidden__next_apart(f, out);
    if (!(kind == DOT && wf_hidden__morse(t, i, f->floor, out)) &&
        !(i > 0 && is_digit(t.ptr[i - 1]) &&
          wf_hidden__codes(t, WF_MAX(f->run, f->floor), i, f->floor, out)) &&
        !between_loosely(f, kind, out))
        return false;
    f->i = f->run = out->at + out->len;
    return true;
}

/* What the byte at f->i is the beginning of; moves behind it. */
static bool look_at(struct wf_hidden_finder *f, uint8_t kind, struct wf_hidden *out)
{
    if (kind == BEYOND)
        return beyond(f, out);
    if (kind == JOINT)
        return joint(f, out);
    if (kind != ESCAPE && between(f, kind, out))
        return true;
    if (kind == ESCAPE && wf_hidden__escape(f->text, f->i, out)) {
        f->i = f->run = out->at + out->len;
        return true;
    }
    f->run = ++f->i;
    return false;
}

static bool next(struct wf_hidden_finder *f, struct wf_hidden *out)
{
    const struct wf_str t = f->text;

    if (f->apart_at < f->apart_end && wf_hidden__next_apart(f, out))
        return true;
    for (;;) {
        size_t i = f->i, run = f->run;
        uint8_t kind = RUN; /* at the end of the text */
        /* Prose stays in here. */
        for (; i < t.len; i++) {
            kind = kinds[(uint8_t)t.ptr[i]];
            if (kind == RUN)
                continue;
            if (kind > SPACE || i - run >= RUN_LEAST || may_go_on(t, run, i) ||
                may_be_grouped(t, run, i))
                break;
            run = i + 1;
        }
        f->i = i;
        f->run = run;
        if (i - run >= 2 && kind != JOINT && begins_apart(f, run, i))
            return wf_hidden__next_apart(f, out);
        if (i - run == 1 && kind == BEYOND && far_begins_apart(f, run))
            return wf_hidden__next_apart(f, out);
        if (i < t.len && (kind == SPACE || kind == BREAK) && i - run <= GROUP_MOST &&
            may_be_grouped(t, run, i) && is_grouped(f, out))
            return true;
        if (i - run >= RUN_LEAST && kind != JOINT && run_ends(f, out))
            return true;
        if (f->i >= t.len)
            return false;
        if (look_at(f, kinds[(uint8_t)t.ptr[f->i]], out))
            return true;
    }
}

bool wf_hidden_next(struct wf_hidden_finder *f, struct wf_hidden *out)
{
    const bool is_one = next(f, out);

    if (is_one)
        f->floor = out->at + out->len;
    return is_one;
}
