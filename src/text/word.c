/* SPDX-License-Identifier: Apache-2.0 */
/* Words: the one tokenizer of weft.
 *
 * The idea: ASCII runs are folded through a table of bytes; what is not ASCII goes through the
 * table of code points in fold.c. The choices, made for finding things again:
 * - Hyphens, dashes, slashes and underscores separate. Soft hyphens and joiners vanish.
 * - Apostrophes separate (l'homme: l, homme), but a final 's is dropped (John's: john) and n't
 *   stays (don't: dont).
 * - Thousands separators vanish (1,000 and 1.000: 1000), one decimal point stays (3.5: 3.5), with
 *   both the last one is the point (1.234,56: 1234.56). All other digits with points or commas,
 *   dates and versions above all, fall apart (12.05.2020: 12, 05, 2020), so that a year is found.
 * - Han and kana give overlapping pairs of letters; Thai, Lao, Khmer and Myanmar overlapping pairs
 *   of letters with their marks. Hangul is written with spaces and its jamo are composed.
 *
 * Invariants: (1) text is valid UTF-8, 1..WF_WORD_BYTES_MAX bytes; (2) start < end, starts never
 * go back; (3) the work is linear in the text. Deliberately not here: stemming, stop words
 * (stop_words.c), languages. */
#include "text/word.h"

#include <assert.h>
#include <string.h>

#include "text/fold.h"
#include "text/utf8.h"

#define NO_PAIR SIZE_MAX

/* 0-9 a-z as they are, A-Z in lower case, 0 for every other byte (also those from 0x80 on). */
static const char ascii_fold[256] = {
    ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5', ['6'] = '6',
    ['7'] = '7', ['8'] = '8', ['9'] = '9', ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd',
    ['E'] = 'e', ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j', ['K'] = 'k',
    ['L'] = 'l', ['M'] = 'm', ['N'] = 'n', ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r',
    ['S'] = 's', ['T'] = 't', ['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y',
    ['Z'] = 'z', ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f',
    ['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l', ['m'] = 'm',
    ['n'] = 'n', ['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't',
    ['u'] = 'u', ['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y', ['z'] = 'z',
};

void wf_words_init(struct wf_words *w, struct wf_str text)
{
    w->_text = text;
    w->_i = 0;
    w->_pair_next = NO_PAIR;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Appends bytes of one code point; what does not fit is left out, and all that follows. */
static void append(struct wf_word *out, const char *p, size_t n)
{
    if (out->len + n > WF_WORD_BYTES_MAX)
        return;
    memcpy(out->text + out->len, p, n);
    out->len += (uint32_t)n;
}

/* Appends the ASCII letters and digits at i; returns where they end. */
static size_t append_ascii(struct wf_str s, size_t i, struct wf_word *out)
{
    uint32_t len = out->len;
    char c;
    while (i < s.len && (c = ascii_fold[(unsigned char)s.ptr[i]]) != 0) {
        if (len < WF_WORD_BYTES_MAX)
            out->text[len++] = c;
        i++;
    }
    out->len = len;
    return i;
}

/* True when the code point at i (or the end of text) goes on no word. */
static bool is_word_end(struct wf_str s, size_t i)
{
    if (i >= s.len)
        return true;
    if ((unsigned char)s.ptr[i] < 0x80)
        return ascii_fold[(unsigned char)s.ptr[i]] == 0;
    uint8_t class = wf_text__fold(wf_utf8_next(s, &i)).class;
    return class != WF_FOLD_WORD && class != WF_FOLD_MARK && class != WF_FOLD_IGNORED;
}

/* The word stands before an apostrophe whose next byte is at i: deals with 's and n't.
 * Returns where the walk goes on. */
static size_t apostrophe(struct wf_str s, size_t i, struct wf_word *out)
{
    assert(out->len > 0);
    if (i >= s.len)
        return i;
    bool is_s = s.ptr[i] == 's' || s.ptr[i] == 'S';
    bool is_t = s.ptr[i] == 't' || s.ptr[i] == 'T';
    is_t = is_t && out->text[out->len - 1] == 'n';
    if ((!is_s && !is_t) || !is_word_end(s, i + 1))
        return i;
    if (is_t) {
        append(out, "t", 1);
        out->end = i + 1;
    }
    return i + 1;
}

/* Shape of the digits with points and commas that begin at a word's start. */
struct number {
    size_t end;         /* where the last group ends */
    size_t last_sep;    /* the last separator */
    size_t n_sep;       /* separators */
    size_t n_thousands; /* how many of them, from the first, are followed by exactly three digits
                           and are the same character */
    bool too_long;
};

static void number_scan(struct wf_str s, size_t i, struct number *out)
{
    enum {
        SEP_MAX = 8
    }; /* more separators are no number; also bounds the look ahead */
    char first = s.ptr[i];
    *out = (struct number){.end = i};
    while (i + 1 < s.len && (s.ptr[i] == '.' || s.ptr[i] == ',') && is_digit(s.ptr[i + 1])) {
        size_t end = i + 1;
        while (end < s.len && is_digit(s.ptr[end]) && end - i <= WF_WORD_BYTES_MAX)
            end++;
        if (out->n_sep == SEP_MAX || end - i > WF_WORD_BYTES_MAX) {
            out->too_long = true;
            return;
        }
        bool thousands = s.ptr[i] == first && end - i == 4 && out->n_thousands == out->n_sep;
        out->n_thousands += thousands;
        out->n_sep++;
        out->last_sep = i;
        out->end = i = end;
    }
}

/* The word so far is digits only and a point or comma with a digit behind it is at i: joins what
 * is one number. Returns where the walk goes on. */
static size_t number(struct wf_str s, size_t i, struct wf_word *out)
{
    struct number n;
    size_t start = out->start;
    /* the rest of what fell apart falls apart as well */
    if (start >= 2 && (s.ptr[start - 1] == '.' || s.ptr[start - 1] == ',') &&
        is_digit(s.ptr[start - 2]))
        return i;
    number_scan(s, i, &n);
    if (n.too_long)
        return i;
    bool has_thousands = n.n_thousands > 0 && i - start <= 3 && s.ptr[start] != '0';
    bool all = has_thousands && n.n_thousands == n.n_sep;
    bool all_but_last =
        has_thousands && n.n_thousands == n.n_sep - 1 && s.ptr[n.last_sep] != s.ptr[i];
    bool decimal = n.n_sep == 1 && s.ptr[i] == '.';
    if (!all && !all_but_last && !decimal)
        return i;
    for (; i < n.end; i++) {
        if (is_digit(s.ptr[i]))
            append(out, s.ptr + i, 1);
        else if (i == n.last_sep && !all)
            append(out, ".", 1);
    }
    out->end = n.end;
    return n.end;
}

/* Hangul in conjoining jamo: composes `cp` onto the syllable that ends the word. */
static bool compose_jamo(uint32_t cp, struct wf_word *out)
{
    enum {
        L = 0x1100,
        V = 0x1161,
        T = 0x11A7,
        S = 0xAC00,
        N_L = 19,
        N_V = 21,
        N_T = 28
    };
    if (cp < V || cp >= T + N_T || out->len < 3)
        return false;
    size_t i = out->len - 3;
    uint32_t last = wf_utf8_next((struct wf_str){out->text, out->len}, &i);
    uint32_t composed;
    if (cp < V + N_V && last >= L && last < L + N_L)
        composed = S + ((last - L) * N_V + (cp - V)) * N_T;
    else if (cp > T && last >= S && last < S + N_L * N_V * N_T && (last - S) % N_T == 0)
        composed = last + (cp - T);
    else
        return false;
    (void)wf_utf8_put(out->text + out->len - 3, composed); /* three bytes, like both parts */
    return true;
}

/* The walk over a word from its start on, any script; `i` is behind what `out` already holds.
 * Returns where the word ends. */
static size_t word_rest(struct wf_str s, size_t i, struct wf_word *out)
{
    for (;;) {
        size_t from = i;
        i = append_ascii(s, i, out);
        if (i > from)
            out->end = i;
        if (i >= s.len)
            return i;
        size_t next = i;
        char c = s.ptr[i];
        if (c == '\'')
            return apostrophe(s, i + 1, out);
        if ((unsigned char)c < 0x80)
            return i;
        uint32_t cp = wf_utf8_next(s, &next);
        struct wf_fold f = wf_text__fold(cp);
        if (f.class == WF_FOLD_APOSTROPHE)
            return apostrophe(s, next, out);
        if (f.class != WF_FOLD_WORD && f.class != WF_FOLD_MARK && f.class != WF_FOLD_IGNORED)
            return i;
        i = next;
        if (f.class == WF_FOLD_IGNORED)
            continue;
        if (!compose_jamo(cp, out))
            append(out, f.text, f.len);
        out->end = i;
    }
}

/* A word that begins with an ASCII letter or digit at w->_i. */
static void ascii_word(struct wf_words *w, struct wf_word *out)
{
    struct wf_str s = w->_text;
    size_t i = append_ascii(s, w->_i, out);
    out->end = i;
    if (i < s.len) {
        char c = s.ptr[i];
        if ((unsigned char)c >= 0x80 || c == '\'') {
            i = word_rest(s, i, out);
        } else if ((c == '.' || c == ',') && i + 1 < s.len && is_digit(s.ptr[i + 1])) {
            size_t k = w->_i;
            while (k < i && is_digit(s.ptr[k]))
                k++;
            size_t end = k == i ? number(s, i, out) : i;
            i = end > i ? word_rest(s, end, out) : i;
        }
    }
    w->_i = i;
}

/* A kana voicing mark joined to the letter before it, as composition would; 0 when it is none. */
static uint32_t voiced(uint32_t base, uint32_t mark)
{
    bool is_half = mark == 0x309A || mark == 0xFF9F;
    if (!is_half && mark != 0x3099 && mark != 0xFF9E)
        return 0;
    if (base == 0x30A6 || base == 0x3046)
        return is_half ? 0 : base + 0x4E; /* u to vu */
    uint32_t k = base >= 0x30A0 ? base - 0x60 : base;
    bool is_h = k >= 0x306F && k <= 0x307D && k % 3 == 0;
    bool is_kst =
        (k >= 0x304B && k <= 0x3061 && k % 2 == 1) || k == 0x3064 || k == 0x3066 || k == 0x3068;
    if (is_h)
        return base + (is_half ? 2 : 1);
    return is_kst && !is_half ? base + 1 : 0;
}

/* One letter of a script without spaces at *io_i, with its marks, appended to `out`; moves *io_i
 * behind it. Returns its class, or WF_FOLD_SEPARATOR (nothing moved) when there is none. */
static enum wf_fold_class unit(struct wf_str s, size_t *io_i, struct wf_word *out)
{
    size_t i = *io_i;
    struct wf_fold f;
    uint32_t cp;
    do { /* ignored ones before a letter vanish */
        if (i >= s.len || (unsigned char)s.ptr[i] < 0x80)
            return WF_FOLD_SEPARATOR;
        cp = wf_utf8_next(s, &i);
        f = wf_text__fold(cp);
    } while (f.class == WF_FOLD_IGNORED);
    if (f.class != WF_FOLD_IDEOGRAM && f.class != WF_FOLD_SYLLABLE)
        return WF_FOLD_SEPARATOR;
    enum wf_fold_class class = (enum wf_fold_class)f.class;
    append(out, f.text, f.len);
    uint32_t folded = 0;
    if (f.len == 3) {
        size_t k = 0;
        folded = wf_utf8_next((struct wf_str){f.text, f.len}, &k);
    }
    *io_i = out->end = i;
    while (i < s.len && (unsigned char)s.ptr[i] >= 0x80) {
        cp = wf_utf8_next(s, &i);
        f = wf_text__fold(cp);
        uint32_t v = class == WF_FOLD_IDEOGRAM ? voiced(folded, cp) : 0;
        if (v != 0 && out->len >= 3)
            (void)wf_utf8_put(out->text + out->len - 3, v);
        else if (f.class == WF_FOLD_MARK)
            append(out, f.text, f.len);
        else if (f.class != WF_FOLD_IGNORED)
            break;
        folded = 0;
        *io_i = out->end = i;
    }
    return class;
}

/* The pair that begins with the letter at w->_pair_next; the letter alone when it is the only one
 * of its run (`is_first`). False when the run is over. */
static bool pair(struct wf_words *w, bool is_first, struct wf_word *out)
{
    size_t i = w->_pair_next;
    out->len = 0;
    out->start = i;
    enum wf_fold_class a = unit(w->_text, &i, out);
    assert(a != WF_FOLD_SEPARATOR);
    size_t second = i;
    struct wf_word alone = *out;
    enum wf_fold_class b = unit(w->_text, &i, out);
    w->_i = second;
    if (a == b) {
        w->_pair_next = second;
        out->is_pair = true;
        return true;
    }
    w->_pair_next = NO_PAIR;
    *out = alone;
    return is_first;
}

bool wf_words_next(struct wf_words *w, struct wf_word *out)
{
    struct wf_str s = w->_text;
    out->is_pair = false;
    if (w->_pair_next != NO_PAIR && pair(w, false, out))
        return true;
    size_t i = w->_i;
    for (;;) {
        while (i < s.len && (unsigned char)s.ptr[i] < 0x80 && !ascii_fold[(unsigned char)s.ptr[i]])
            i++;
        if (i >= s.len) {
            w->_i = s.len;
            return false;
        }
        out->len = 0;
        out->start = i;
        if ((unsigned char)s.ptr[i] < 0x80) {
            w->_i = i;
            ascii_word(w, out);
            return true;
        }
        size_t next = i;
        struct wf_fold f = wf_text__fold(wf_utf8_next(s, &next));
        if (f.class == WF_FOLD_IDEOGRAM || f.class == WF_FOLD_SYLLABLE) {
            w->_pair_next = i;
            return pair(w, true, out);
        }
        if (f.class == WF_FOLD_WORD) {
            w->_i = word_rest(s, i, out);
            assert(out->len > 0);
            return true;
        }
        i = next;
    }
}

bool wf_word_is_one_of(const struct wf_word *w, const char *words)
{
    struct wf_str rest = wf_str_from(words), one;

    while (wf_str_split(&rest, ' ', &one)) {
        if (wf_str_eq(one, wf_str_n(w->text, w->len)))
            return true;
    }
    return false;
}
