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
/* Bytes of letters that may belong to a number beside them. */
#define LETTERS_BYTES 6
/* Characters of a part of a name that is joined by '_'. */
#define JOINT_PART_MOST 24

enum {
    BREAK, /* all that is not named below */
    RUN,
    SPACE,
    JOINT, /* also of a run */
    ESCAPE,
    BEYOND
};

static const uint8_t kinds[256] = {
    ['a' ... 'z'] = RUN, ['A' ... 'Z'] = RUN, ['0' ... '9'] = RUN, ['+'] = RUN,
    ['/'] = RUN,         ['-'] = RUN,         ['_'] = JOINT,       [' '] = SPACE,
    ['%'] = ESCAPE,      ['\\'] = ESCAPE,     ['&'] = ESCAPE,      ['='] = ESCAPE,
    ['('] = ESCAPE,      ['['] = ESCAPE,      ['{'] = ESCAPE,      [0x80 ... 0xff] = BEYOND,
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
    f->word_is_mixed =
        has_latin(t, from, to) || (to - from <= LETTERS_BYTES && is_beside(t, from, to));
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
    case WF_CLASS_SIGN:
        return WF_HIDING_LIKENESS;
    case WF_CLASS_BETWEEN: /* a dash, a space, a sign: only within a number */
        if (cp >= 0xff00 && (is_far_before(t, at) || is_far_at(t, end)))
            return WF_HIDING_LIKENESS; /* all of it in full width */
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
    const size_t from = f->run;
    size_t at = from, end = f->i;

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
        while (end < t.len && is_run(t.ptr[end]))
            end++;
    }
    while (end < t.len && t.ptr[end] == '=')
        end++;
    out->how = WF_HIDING_BASE64;
    /* The whole, or what is behind the last sign that stands in paths and names, too. */
    for (;;) {
        if (at > from && wf_hidden__decodes(wf_str_sub(t, at, f->i), WF_HIDING_HEX)) {
            *out = (struct wf_hidden){.at = at, .len = f->i - at, .how = WF_HIDING_HEX};
            return true;
        }
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

/* Whether a single character may stand there; letters of other scripts are looked at. */
static inline bool is_alone(struct wf_str t, size_t i)
{
    return i + 1 < t.len && (t.ptr[i + 1] == ' ' || (uint8_t)t.ptr[i] >= 0x80);
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
        if (is_alnum_at(t, end) ||
            (small && n_small == 0 && n > 2 && !(is_alnum_at(t, end + 1) && is_alone(t, end + 1))))
            break;
        n_small += small;
        n++;
        *out_end = i + 1;
        i = end;
    }
    return n;
}

/* Whether the letter before i ends a word with letters of Latin, Greek and others beyond ASCII;
 * words of scripts without spaces may stand before a number. */
static bool ends_far_word(struct wf_str t, size_t i)
{
    return i > 2 && is_alnum_at(t, i - 1) && !is_digit(t.ptr[i - 1]) &&
           (uint8_t)t.ptr[i - 2] >= 0x80 && (uint8_t)t.ptr[i - 3] >= 0xc0 &&
           (uint8_t)t.ptr[i - 3] < 0xe0;
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
        ends_far_word(t, i))
        return false;
    const size_t n = singles(t, i, &end);
    /* "a 3 4 5 ...": the first is a word, but not of "j 3 q f ...". */
    const bool is_word = is_small(t.ptr[i - 1]) && i + 3 < t.len && !is_small(t.ptr[i + 1]) &&
                         (is_digit(t.ptr[i + 3]) || !is_alnum_at(t, i + 3));
    if (n < SINGLES_LEAST || is_word)
        return false;
    f->spaced_end = end;
    return true;
}

/* ---- names of files ---- */

/* The part of a name on one side of a '_': digits, capitals, or a word; false: it is like a name in
 * a program ("uint64"). *out_n: its bytes, as far as they were looked at. */
static bool joint_part(struct wf_str t, size_t i, bool is_before, bool *io_digits, size_t *out_n)
{
    bool digits = false, small = false;
    size_t n = 0;

    for (; n <= JOINT_PART_MOST && (is_before ? n < i : i + 1 + n < t.len); n++) {
        const size_t at = is_before ? i - 1 - n : i + 1 + n;
        if (!is_alnum_at(t, at) && (uint8_t)t.ptr[at] < 0x80 && strchr("-+(", t.ptr[at]) == NULL)
            break;
        digits = digits || is_digit(t.ptr[at]);
        small = small || is_small(t.ptr[at]);
    }
    *io_digits = *io_digits || digits;
    *out_n = n;
    return !digits || (n <= JOINT_PART_MOST && !small);
}

/* A '_' that stands for a space beside a number, or between single characters:
 * "passport_C01X00T47.pdf". */
static bool joint(const struct wf_hidden_finder *f, struct wf_hidden *out)
{
    bool digits = false;
    size_t before, behind;

    *out = (struct wf_hidden){.at = f->i, .len = 1, .how = WF_HIDING_LIKENESS};
    return joint_part(f->text, f->i, true, &digits, &before) &&
           joint_part(f->text, f->i, false, &digits, &behind) &&
           (digits || (before == 1 && behind == 1));
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
    if (kind == JOINT) {
        const bool is_one = joint(f, out);
        f->i++;
        if (is_one)
            f->run = f->i;
        return is_one;
    }
    if (kind == ESCAPE && wf_hidden__escape(f->text, f->i, out)) {
        f->i = f->run = out->at + out->len;
        return true;
    }
    f->run = ++f->i;
    return false;
}

bool wf_hidden_next(struct wf_hidden_finder *f, struct wf_hidden *out)
{
    const struct wf_str t = f->text;

    for (;;) {
        size_t i = f->i, run = f->run;
        uint8_t kind = RUN; /* at the end of the text */
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
        if (i - run >= RUN_LEAST && kind != JOINT && run_ends(f, out))
            return true;
        if (f->i >= t.len)
            return false;
        if (look_at(f, kinds[(uint8_t)t.ptr[f->i]], out))
            return true;
    }
}
