/* SPDX-License-Identifier: Apache-2.0 */
/* Finds what stands between the characters of a datum: the same separator again and again
 * ("4.1.1.1"), quotes of strings that are put together ("sk-" + "abc"), lines' ends, cells and tags
 * between groups of digits, and '_' in the names of files. */
#include <string.h>

#include "privacy/hidden_internal.h"
#include "text/utf8.h"

/* Single characters with something between that are no prose, and how many are letters or digits.
 */
#define SINGLES_LEAST 6
#define SINGLES_ALNUM 5
#define DIGITS_LEAST 4
#define SEPARATOR_MOST 4
/* Single digits with any signs between that are no chance. */
#define CHAIN_LEAST 8
/* Bytes between two groups of digits, between two strings, of a tag. */
#define GAP_MOST 40
#define TAG_MOST 30
/* How far a token is looked at that has a '_'. */
#define TOKEN_MOST 256

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_small(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_alnum(char c)
{
    return is_digit(c) || is_small(c) || (c >= 'A' && c <= 'Z');
}

/* The first byte of a letter of Latin beyond ASCII: "è" and "à" are words. */
static bool is_accented(char c)
{
    return (uint8_t)c >= 0xc3 && (uint8_t)c < 0xca;
}

static bool is_alnum_at(struct wf_str t, size_t i)
{
    return i < t.len && is_alnum(t.ptr[i]);
}

/* Where the character at i ends. */
static size_t char_end(struct wf_str t, size_t i)
{
    i++;
    while (i < t.len && ((uint8_t)t.ptr[i] & 0xc0) == 0x80)
        i++;
    return i;
}

/* ---- single characters ---- */

static bool is_same(struct wf_str t, size_t i, struct wf_str s)
{
    return i + s.len <= t.len && memcmp(t.ptr + i, s.ptr, s.len) == 0;
}

/* The bytes between two single characters, from i on: the separator, with a space of the datum
 * itself between two of it; or, *out_is_kept, a space where the separator is another. 0: none. */
static size_t gap(struct wf_str t, size_t i, struct wf_str separator, bool *out_is_kept)
{
    const size_t n = separator.len;

    *out_is_kept = false;
    if (is_same(t, i, separator))
        return i + n < t.len && (t.ptr[i + n] == ' ' || t.ptr[i + n] == '\n') &&
                       is_same(t, i + n + 1, separator) && i + 2 * n + 1 < t.len &&
                       t.ptr[i + 2 * n + 1] != ' '
                   ? 2 * n + 1
                   : n;
    *out_is_kept = i < t.len && (t.ptr[i] == ' ' || t.ptr[i] == '\n') && separator.ptr[0] != ' ';
    return *out_is_kept ? 1 : 0;
}

/* How many single characters there are, of which i is the end of the first; *out_end: the start of
 * the last. A small letter at the end of others is a word ("8 1 3 a ..."). */
static size_t singles(struct wf_str t, size_t i, struct wf_str separator, size_t *out_end)
{
    size_t n = 1, n_small = is_small(t.ptr[i - 1]), n_alnum = is_alnum(t.ptr[i - 1]);
    bool is_kept;

    *out_end = 0;
    for (;;) {
        const size_t len = gap(t, i, separator, &is_kept), at = i + len;
        if (len == 0 || at >= t.len || (uint8_t)t.ptr[at] <= ' ')
            break;
        const size_t end = char_end(t, at);
        const bool small = is_small(t.ptr[at]);
        const bool goes_on = is_same(t, end, separator) && !is_alnum_at(t, end + separator.len + 1);
        if (is_alnum_at(t, end) || is_accented(t.ptr[at]) ||
            (end < t.len && is_accented(t.ptr[end])) ||
            (small && n_small == 0 && n > 2 && !goes_on) ||
            (is_kept && !is_same(t, end, separator)))
            break;
        n_small += small;
        n_alnum += is_alnum(t.ptr[at]) || (uint8_t)t.ptr[at] >= 0x80;
        n++;
        *out_end = at;
        i = end;
    }
    return n_alnum >= SINGLES_ALNUM || (n_alnum == n && n_small == 0) ? n : 0;
}

/* The separator behind the first character: what stands behind the second, too. */
static struct wf_str separator_at(struct wf_str t, size_t i)
{
    size_t most = 0, n_same = 0;

    if ((uint8_t)t.ptr[i] >= 0x80) { /* one sign beyond ASCII */
        const struct wf_str sign = wf_str_sub(t, i, char_end(t, i));
        return i + sign.len < t.len && is_same(t, char_end(t, i + sign.len), sign)
                   ? sign
                   : (struct wf_str){.len = 0};
    }
    while (most < SEPARATOR_MOST + 2 && i + most < t.len && (uint8_t)t.ptr[i + most] < 0x80 &&
           (uint8_t)t.ptr[i + most] >= '\t' && !is_alnum(t.ptr[i + most]))
        most++;
    /* A space of the datum, or the sign itself, between two separators. */
    while (n_same < most && t.ptr[i + n_same] == t.ptr[i])
        n_same++;
    if ((n_same == 3 || (n_same == 5 && t.ptr[i] == ' ')) && n_same == most)
        return wf_str_sub(t, i, i + n_same / 2);
    for (size_t n = 1; n <= WF_MIN(most, SEPARATOR_MOST); n++) {
        const size_t end = i + n < t.len ? char_end(t, i + n) : t.len;
        if (end + n <= t.len && memcmp(t.ptr + i, t.ptr + end, n) == 0 &&
            (uint8_t)t.ptr[i + n] >= ' ' && t.ptr[i + n] != t.ptr[i])
            return wf_str_sub(t, i, i + n);
    }
    return (struct wf_str){.len = 0};
}

/* Whether the letter before i ends a word with letters of Latin, Greek and others beyond ASCII;
 * words of scripts without spaces may stand before a number. */
static bool ends_far_word(struct wf_str t, size_t i)
{
    size_t at = i - 1;

    if (i < 3 || !is_alnum_at(t, i - 1) || is_digit(t.ptr[i - 1]) || (uint8_t)t.ptr[i - 2] < 0x80)
        return false;
    while (at > 0 && ((uint8_t)t.ptr[at - 1] & 0xc0) == 0x80)
        at--;
    at -= at > 0;
    const uint32_t cp = wf_utf8_next(t, &at);
    return cp >= 0xc0 && cp < 0x2000 && !(cp >= 0xe00 && cp < 0xf00);
}

/* Whether one character that a datum may begin with stands alone before i. */
static bool is_single_before(struct wf_str t, size_t i)
{
    size_t at = i - 1;

    if ((uint8_t)t.ptr[at] < 0x80)
        return (is_alnum(t.ptr[at]) || strchr("-+@_", t.ptr[at]) != NULL) &&
               !(at > 0 && is_alnum_at(t, at - 1));
    while (at > 0 && ((uint8_t)t.ptr[at] & 0xc0) == 0x80)
        at--;
    if (is_accented(t.ptr[at]))
        return false;
    return at == 0 || ((uint8_t)t.ptr[at - 1] < 0x80 && !is_alnum(t.ptr[at - 1]));
}

bool wf_hidden__apart(struct wf_hidden_finder *f, size_t i)
{
    const struct wf_str t = f->text;
    const struct wf_str separator = separator_at(t, i);
    size_t end;

    if (separator.len == 0 || i == 0 || !is_single_before(t, i) || ends_far_word(t, i))
        return false;
    const size_t n = singles(t, i, separator, &end), third = i + 2 * separator.len + 1;
    /* "a 3 4 5 ...": the first is a word, but not of "j 3 q f ...". */
    const bool is_word = is_small(t.ptr[i - 1]) && i > 2 && t.ptr[i - 2] == ' ' &&
                         is_alnum(t.ptr[i - 3]) && separator.ptr[0] == ' ' && third < t.len &&
                         !is_small(t.ptr[i + separator.len]) &&
                         (is_digit(t.ptr[third]) || !is_alnum_at(t, third));
    /* "A.K 5 0 7 ..." */
    const bool is_short_form = i > 2 && !is_digit(t.ptr[i - 1]) && t.ptr[i - 2] == '.' &&
                               is_alnum(t.ptr[i - 3]) && strchr(" _", separator.ptr[0]) != NULL;
    if ((n < SINGLES_LEAST &&
         !(n >= DIGITS_LEAST && is_digit(t.ptr[i - 1]) && wf_hidden__may_be(f, WF_LOOSE_PARTS))) ||
        is_word || is_short_form)
        return false;
    f->apart_at = i;
    f->apart_end = end;
    f->apart_by = separator;
    return true;
}

bool wf_hidden__next_apart(struct wf_hidden_finder *f, struct wf_hidden *out)
{
    bool is_kept = true;

    while (is_kept && f->apart_at < f->apart_end) {
        const size_t at = f->apart_at, n = gap(f->text, at, f->apart_by, &is_kept);
        *out = (struct wf_hidden){.at = at, .len = n, .how = WF_HIDING_SPACED};
        f->i = f->run = at + n;
        f->apart_at = char_end(f->text, at + n);
    }
    return !is_kept;
}

/* ---- groups of digits ---- */

/* Behind a tag of HTML at i; i: there is none. */
static size_t tag_end(struct wf_str t, size_t i)
{
    for (size_t k = i + 1; k < t.len && k - i < TAG_MOST && t.ptr[k] != '<'; k++)
        if (t.ptr[k] == '>')
            return k + 1;
    return i;
}

/* Where a number goes on behind signs that are no part of one; 0: nowhere. */
static size_t junk_end(struct wf_str t, size_t i, bool *out_strong)
{
    const size_t from = i;

    *out_strong = false;
    while (i < t.len && i - from < GAP_MOST && !is_alnum(t.ptr[i])) {
        const size_t behind = t.ptr[i] == '<' ? tag_end(t, i) : i;
        if (behind == i && strchr(" \n\r\t|*_~`\"'+.,;:/\\-()[]{}>&=", t.ptr[i]) == NULL)
            return 0;
        *out_strong = *out_strong || behind > i || strchr("\n|*~`\"'+;[]{}", t.ptr[i]) != NULL;
        i = behind > i ? behind : i + 1;
    }
    return i > from && i < t.len && is_digit(t.ptr[i]) ? i : 0;
}

static bool is_sign(char c)
{
    return c >= ' ' && c < 0x7f && !is_alnum(c);
}

/* Whether the gap at i is one of many between single digits, whatever the signs: "4-1.1 1_1-1". */
static bool is_of_chain(struct wf_str t, size_t i)
{
    size_t n = 1, at = i, next;

    for (;; at = next + 1, n++) { /* behind */
        for (next = at; next < t.len && next - at <= SEPARATOR_MOST && is_sign(t.ptr[next]);)
            next++;
        if (n == CHAIN_LEAST || next == at || next >= t.len || !is_digit(t.ptr[next]) ||
            is_alnum_at(t, next + 1))
            break;
    }
    for (at = i - 1; n < CHAIN_LEAST && is_digit(t.ptr[at]); at = next, n++) { /* before */
        for (next = at; next > 0 && at - next <= SEPARATOR_MOST && is_sign(t.ptr[next - 1]);)
            next--;
        if (next == at || next == 0 || (next > 1 && is_alnum_at(t, next - 2)))
            break;
        next--;
    }
    return n >= CHAIN_LEAST;
}

bool wf_hidden__parted(struct wf_str t, size_t i, struct wf_hidden *out)
{
    bool strong, next_strong;
    const size_t end = junk_end(t, i, &strong);
    size_t next = end;

    if (end == 0)
        return false;
    *out = (struct wf_hidden){.at = i, .len = end - i, .how = WF_HIDING_PARTED};
    if (strong || is_of_chain(t, i))
        return true;
    /* "4111, 1111, 1111": a list; "1,000,000" is none. */
    while (is_alnum_at(t, next))
        next++;
    if (t.ptr[i] != ',' || next - end == 3 || next - end > 6)
        return false;
    next = junk_end(t, next, &next_strong);
    return next != 0 && t.ptr[next - 1] == t.ptr[end - 1];
}

/* ---- strings ---- */

static bool is_inner(char c)
{
    return is_alnum(c) || strchr("_-.:/@=+", c) != NULL;
}

/* Whether a short string without spaces ends at i, with its quote before. */
static bool is_short_before(struct wf_str t, size_t i)
{
    const char quote = t.ptr[i];

    for (size_t k = i; k > 0 && i - k <= GAP_MOST && (uint8_t)t.ptr[k - 1] > ' '; k--)
        if (t.ptr[k - 1] == quote)
            return true;
    return false;
}

static bool is_short_behind(struct wf_str t, size_t i, char quote)
{
    for (size_t k = i; k < t.len && k - i <= GAP_MOST && (uint8_t)t.ptr[k] > ' '; k++)
        if (t.ptr[k] == quote)
            return k + 1 >= t.len || (t.ptr[k + 1] != ':' && t.ptr[k + 1] != '=');
    return false;
}

/* Whether a tag stands within words. */
static bool is_inline(struct wf_str t, size_t i)
{
    static const char *const names[] = {"b",      "i",    "u",     "s",   "em",  "a",
                                        "strong", "span", "font",  "sup", "sub", "mark",
                                        "code",   "wbr",  "small", "!--"};
    size_t n = 0;

    i += i + 1 < t.len && t.ptr[i + 1] == '/' ? 2 : 1;
    while (i + n < t.len && (is_alnum(t.ptr[i + n]) || t.ptr[i + n] == '!' || t.ptr[i + n] == '-'))
        n++;
    for (size_t k = 0; k < WF_ARRAY_LEN(names); k++)
        if (wf_str_eq_nocase(wf_str_sub(t, i, i + n), wf_str_from(names[k])))
            return true;
    return n > 3 && memcmp(t.ptr + i, "!--", 3) == 0;
}

/* Whether one character stands between tags: "<b>4</b>". */
static bool is_lone_behind(struct wf_str t, size_t i)
{
    const size_t end = i < t.len ? char_end(t, i) : t.len;

    return end + 1 < t.len && t.ptr[i] != '<' && t.ptr[end] == '<' && t.ptr[end + 1] == '/';
}

static bool is_lone_before(struct wf_str t, size_t i)
{
    size_t at = i;

    if (at < 2 || t.ptr[i + 1] != '/')
        return false;
    at--;
    while (at > 0 && ((uint8_t)t.ptr[at] & 0xc0) == 0x80)
        at--;
    return at > 0 && t.ptr[at] != '>' && t.ptr[at - 1] == '>';
}

/* Tags within a word; comments and breaks that are not seen also beside a space. */
static bool tags_within(struct wf_str t, size_t i, struct wf_hidden *out)
{
    const bool is_unseen =
        i + 4 < t.len && (memcmp(t.ptr + i, "<!--", 4) == 0 || memcmp(t.ptr + i, "<wbr", 4) == 0);
    size_t end = i;

    while (end < t.len && t.ptr[end] == '<' && tag_end(t, end) > end && is_inline(t, end))
        end = tag_end(t, end);
    *out = (struct wf_hidden){.at = i, .len = end - i, .how = WF_HIDING_JOINED};
    if (end > i && (is_lone_behind(t, end) || is_lone_before(t, i)))
        return true;
    return end > i && i > 0 && end < t.len &&
           (is_unseen || ((uint8_t)t.ptr[i - 1] > ' ' && (uint8_t)t.ptr[end] > ' ' &&
                          t.ptr[i - 1] != '>' && t.ptr[end] != '<'));
}

bool wf_hidden__joined(struct wf_str t, size_t i, struct wf_hidden *out)
{
    const char quote = t.ptr[i];
    bool is_list = false;
    size_t k = i + 1;

    if (quote == '<')
        return tags_within(t, i, out);
    if (i == 0 || !is_inner(t.ptr[i - 1]))
        return false;
    for (; k < t.len && k - i < GAP_MOST && strchr(" \t\r\n+.,&~|\\_", t.ptr[k]) != NULL; k++)
        is_list = is_list || t.ptr[k] == ',';
    if (k + 1 >= t.len || t.ptr[k] != quote || !is_inner(t.ptr[k + 1]) ||
        (is_list && !(is_short_before(t, i) && is_short_behind(t, k + 1, quote))))
        return false;
    *out = (struct wf_hidden){.at = i, .len = k + 1 - i, .how = WF_HIDING_JOINED};
    return true;
}

/* ---- names of files ---- */

/* Whether a '_' stands for a space: in a token that has more than the letters of a name in a
 * program. */
bool wf_hidden__joint(struct wf_hidden_finder *f, struct wf_hidden *out)
{
    const struct wf_str t = f->text;
    size_t from = f->i, to = from;

    *out = (struct wf_hidden){.at = f->i, .len = 1, .how = WF_HIDING_LIKENESS};
    if (f->i < f->joint_end)
        return f->joint_is_space;
    while (from > 0 && f->i - from < TOKEN_MOST && strchr(" \t\n\"'<>`", t.ptr[from - 1]) == NULL)
        from--;
    while (to < t.len && to - f->i < TOKEN_MOST && strchr(" \t\n\"'<>`", t.ptr[to]) == NULL)
        to++;
    f->joint_end = to;
    f->joint_is_space = false;
    for (size_t i = from; i < to && !f->joint_is_space; i++)
        f->joint_is_space =
            is_digit(t.ptr[i]) || (uint8_t)t.ptr[i] >= 0x80 || strchr(":%&\\=@", t.ptr[i]) != NULL;
    return f->joint_is_space;
}
