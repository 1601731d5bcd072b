/* SPDX-License-Identifier: Apache-2.0 */
/* Finds what hides in a text, in one pass.
 *
 * Most bytes are letters of ASCII and only lengthen a run; a run is looked at when it ends and is
 * long enough to be base64 or hexadecimal. A few signs begin escapes. Characters beyond ASCII are
 * asked for by their range: letters of languages are what they are, but not a Cyrillic "а" within
 * a Latin word, a digit of another script, or what has no width. */
#include <string.h>
#include <utf8proc.h>

#include "privacy/hidden_internal.h"
#include "privacy/view.h"
#include "text/utf8.h"

/* The shortest encoded run: twelve bytes of base64, eight of hexadecimal. */
#define RUN_LEAST 16
/* Single characters with spaces between that are no prose. */
#define SINGLES_LEAST 6
/* How far a word of another script is looked at. */
#define WORD_MOST 64

enum {
    BREAK, /* all that is not named below */
    RUN,
    SPACE,
    ESCAPE,
    BEYOND
};

static const uint8_t kinds[256] = {
    ['a' ... 'z'] = RUN, ['A' ... 'Z'] = RUN, ['0' ... '9'] = RUN, ['+'] = RUN,
    ['/'] = RUN,         ['-'] = RUN,         ['_'] = RUN,         [' '] = SPACE,
    ['%'] = ESCAPE,      ['\\'] = ESCAPE,     ['&'] = ESCAPE,      ['='] = ESCAPE,
    ['('] = ESCAPE,      ['['] = ESCAPE,      ['{'] = ESCAPE,      [0x80 ... 0xff] = BEYOND,
};

static bool is_alnum_at(struct wf_str t, size_t i)
{
    return i < t.len && kinds[(uint8_t)t.ptr[i]] == RUN && t.ptr[i] != '+' && t.ptr[i] != '/' &&
           t.ptr[i] != '-' && t.ptr[i] != '_';
}

/* ---- characters beyond ASCII ---- */

static bool has_latin(struct wf_str t, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (is_alnum_at(t, i) || t.ptr[i] == '@')
            return true;
    return false;
}

/* Whether a letter of Greek, Cyrillic or the like stands in a word with Latin ones. */
static bool is_mixed(struct wf_hidden_finder *f, size_t at)
{
    const struct wf_str t = f->text;
    size_t from = at, to = at;

    if (at < f->word_end)
        return f->word_is_mixed;
    while (from > 0 && at - from < WORD_MOST &&
           strchr(" \t\n\"'<>()[]{},;:", t.ptr[from - 1]) == NULL)
        from--;
    while (to < t.len && to - at < WORD_MOST && strchr(" \t\n\"'<>()[]{},;:", t.ptr[to]) == NULL)
        to++;
    f->word_end = to;
    f->word_is_mixed = has_latin(t, from, to);
    return f->word_is_mixed;
}

/* Whether a letter or digit of ASCII, or what is like one, stands at a place; before it. */
static bool is_numeral_at(struct wf_str t, size_t i)
{
    if (i >= t.len)
        return false;
    if ((uint8_t)t.ptr[i] < 0x80)
        return is_alnum_at(t, i);
    return wf_hidden__class(wf_utf8_next(t, &i)) == WF_CLASS_LIKE;
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

static enum wf_hiding hiding_of(struct wf_hidden_finder *f, size_t at, size_t end, uint32_t cp)
{
    const struct wf_str t = f->text;

    switch (wf_hidden__class(cp)) {
    case WF_CLASS_UNSEEN:
        return WF_HIDING_INVISIBLE;
    case WF_CLASS_LIKE:
        return WF_HIDING_LIKENESS;
    case WF_CLASS_LETTER:
        return is_mixed(f, at) ? WF_HIDING_LIKENESS : WF_HIDING_NONE;
    case WF_CLASS_BETWEEN: /* a dash, a space, a sign: only within a number */
        return is_numeral_before(t, at) && is_numeral_at(t, end) ? WF_HIDING_LIKENESS
                                                                 : WF_HIDING_NONE;
    case WF_CLASS_MARK:
        return at > 0 && is_alnum_at(t, at - 1) ? WF_HIDING_INVISIBLE : WF_HIDING_NONE;
    case WF_CLASS_PLAIN:
        break;
    }
    return WF_HIDING_NONE;
}

static bool beyond(struct wf_hidden_finder *f, struct wf_hidden *out)
{
    const uint8_t first = (uint8_t)f->text.ptr[f->i];
    size_t end = f->i;
    enum wf_hiding how;

    if (first >= 0xc4 && first <= 0xca) { /* Latin letters */
        f->i += 2;
        f->run = f->i;
        return false;
    }
    const uint32_t cp = wf_utf8_next(f->text, &end);
    how = hiding_of(f, f->i, end, cp);
    *out = (struct wf_hidden){.at = f->i, .len = end - f->i, .how = how};
    f->i = end;
    f->run = end;
    return how != WF_HIDING_NONE;
}

/* ---- runs ---- */

/* A run that ends before f->i and is encoded. */
static bool run_ends(struct wf_hidden_finder *f, struct wf_hidden *out)
{
    const struct wf_str t = f->text;
    size_t at = f->run, end = f->i;

    f->run = f->i;
    if (end - at < RUN_LEAST)
        return false;
    *out = (struct wf_hidden){.at = at, .len = end - at, .how = WF_HIDING_HEX};
    if (wf_hidden__decodes(wf_str_sub(t, at, end), WF_HIDING_HEX))
        return true;
    /* Lines of mail: the run goes on behind a line's end. */
    while (end + 2 < t.len && end - at >= 60 && (t.ptr[end] == '\n' || t.ptr[end] == '\r') &&
           (is_alnum_at(t, end + 1) || t.ptr[end + 1] == '\n')) {
        end++;
        while (end < t.len && kinds[(uint8_t)t.ptr[end]] == RUN)
            end++;
    }
    while (end < t.len && t.ptr[end] == '=')
        end++;
    out->how = WF_HIDING_BASE64;
    /* The whole, or what is behind the last sign that stands in paths and names, too. */
    for (;;) {
        out->at = at;
        out->len = end - at;
        if (wf_hidden__decodes(wf_str_sub(t, at, end), WF_HIDING_BASE64)) {
            f->i = f->run = end;
            return true;
        }
        while (at < f->i && is_alnum_at(t, at))
            at++;
        while (at < f->i && !is_alnum_at(t, at))
            at++;
        if (at + RUN_LEAST > f->i)
            return false;
    }
}

/* ---- single characters ---- */

static bool is_small(char c)
{
    return c >= 'a' && c <= 'z';
}

/* Where the character at i ends. */
static size_t char_end(struct wf_str t, size_t i)
{
    i++;
    while (i < t.len && ((uint8_t)t.ptr[i] & 0xc0) == 0x80)
        i++;
    return i;
}

/* How many single characters with spaces between there are, of which i is the first space;
 * *out_end: behind the last space. A small letter at the end of others is a word ("8 1 3 a ...").
 */
static size_t singles(struct wf_str t, size_t i, size_t *out_end)
{
    size_t n = 1, n_small = is_small(t.ptr[i - 1]);

    *out_end = i;
    while (i + 1 < t.len && t.ptr[i] == ' ' && (uint8_t)t.ptr[i + 1] > ' ') {
        const size_t end = char_end(t, i + 1);
        const bool small = is_small(t.ptr[i + 1]);
        if (is_alnum_at(t, end) || (small && n_small == 0 && n > 2))
            break;
        n_small += small;
        n++;
        *out_end = i + 1;
        i = end;
    }
    return n;
}

/* Each space between single characters is a hidden nothing. */
static bool spaced(struct wf_hidden_finder *f, struct wf_hidden *out)
{
    const struct wf_str t = f->text;
    const size_t i = f->i;
    size_t end;

    *out = (struct wf_hidden){.at = i, .len = 1, .how = WF_HIDING_SPACED};
    if (i < f->spaced_end)
        return true;
    if (i == 0 || (uint8_t)t.ptr[i - 1] <= ' ' || (i > 1 && is_alnum_at(t, i - 2)) ||
        (is_small(t.ptr[i - 1]) && i + 1 < t.len && !is_small(t.ptr[i + 1])))
        return false;
    if (singles(t, i, &end) < SINGLES_LEAST)
        return false;
    f->spaced_end = end;
    return true;
}

/* ---- the pass ---- */

/* What the byte at f->i is the beginning of; moves behind it. */
static bool look_at(struct wf_hidden_finder *f, uint8_t kind, struct wf_hidden *out)
{
    if (kind == BEYOND)
        return beyond(f, out);
    if (kind == SPACE && spaced(f, out)) {
        f->run = ++f->i;
        return true;
    }
    if (kind == ESCAPE && wf_hidden__escape(f->text, f->i, out)) {
        f->i = f->run = out->at + out->len;
        return true;
    }
    f->run = ++f->i;
    return false;
}

/* Whether a single character may stand there; letters of other scripts are looked at. */
static inline bool is_alone(struct wf_str t, size_t i)
{
    return i + 1 < t.len && (t.ptr[i + 1] == ' ' || (uint8_t)t.ptr[i] >= 0x80);
}

bool wf_hidden_next(struct wf_hidden_finder *f, struct wf_hidden *out)
{
    const struct wf_str t = f->text;

    for (;;) {
        size_t i = f->i, run = f->run;
        uint8_t kind = RUN;
        /* Prose stays in here. */
        for (; i < t.len; i++) {
            kind = kinds[(uint8_t)t.ptr[i]];
            if (kind == RUN)
                continue;
            if (kind > SPACE || i - run >= RUN_LEAST ||
                (kind == SPACE && (i < f->spaced_end || is_alone(t, i + 1))))
                break;
            run = i + 1;
        }
        f->i = i;
        f->run = run;
        if (i - run >= RUN_LEAST && run_ends(f, out))
            return true;
        if (f->i >= t.len)
            return false;
        if (look_at(f, kinds[(uint8_t)t.ptr[f->i]], out))
            return true;
    }
}
