/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of placeholders, as models give them back.
 *
 * Written is "<PERSON_1>": angle brackets, because models copy them as they copy tags; capitals and
 * a number, because nothing of it can be translated or inflected; words that nobody writes in
 * capitals with a number for another reason. Read is, by code points:
 *
 *   mark    = open space? core ending? space? close | core
 *   core    = word join digits letter?
 *   join    = "_" | "\_" | "-" | space | nothing; full-width forms, too
 *   open    = < [ { and their escapes and full-width, corner, guillemet forms; close: its partner
 *
 * Without brackets it begins at the border of a word, and a join that is no "_" asks for capitals:
 * "phone 1" in a sentence is none. Upper and lower case do not matter otherwise. Round brackets are
 * a sentence's own and stay. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "privacy/redact_internal.h"
#include "text/utf8.h"

static const char *const words[WF_MARK_KINDS] = {
    [WF_DATUM_UNKNOWN] = "DATUM",
    [WF_DATUM_PERSON] = "PERSON",
    [WF_DATUM_ORGANIZATION] = "COMPANY",
    [WF_DATUM_USERNAME] = "USER",
    [WF_DATUM_EMAIL] = "EMAIL",
    [WF_DATUM_PHONE] = "PHONE",
    [WF_DATUM_ADDRESS] = "ADDRESS",
    [WF_DATUM_PLACE] = "PLACE",
    [WF_DATUM_POSITION] = "POSITION",
    [WF_DATUM_DATE] = "DATE",
    [WF_DATUM_BIRTH] = "BIRTHDATE",
    [WF_DATUM_AGE] = "AGE",
    [WF_DATUM_ORIGIN] = "ORIGIN",
    [WF_DATUM_TITLE] = "TITLE",
    [WF_DATUM_CARD] = "CARD",
    [WF_DATUM_BANK] = "ACCOUNT",
    [WF_DATUM_WALLET] = "WALLET",
    [WF_DATUM_AMOUNT] = "AMOUNT",
    [WF_DATUM_NATIONAL] = "IDNUMBER",
    [WF_DATUM_TAX] = "TAXNUMBER",
    [WF_DATUM_PASSPORT] = "PASSPORT",
    [WF_DATUM_LICENCE] = "LICENCE",
    [WF_DATUM_VEHICLE] = "VEHICLE",
    [WF_DATUM_MEDICAL] = "MEDICAL",
    [WF_DATUM_INSURANCE] = "INSURANCE",
    [WF_DATUM_COMPANY_ID] = "COMPANYNUMBER",
    [WF_DATUM_ILLNESS] = "ILLNESS",
    [WF_DATUM_IP] = "IPADDRESS",
    [WF_DATUM_MAC] = "MACADDRESS",
    [WF_DATUM_DEVICE] = "DEVICE",
    [WF_DATUM_URL] = "WEBADDRESS",
    [WF_DATUM_PASSWORD] = "PASSWORD",
    [WF_DATUM_PRIVATE_KEY] = "PRIVATEKEY",
    [WF_DATUM_API_KEY] = "APIKEY",
    [WF_DATUM_TOKEN] = "TOKEN",
    [WF_DATUM_CONNECTION] = "CONNECTION",
    [WF_DATUM_ENTROPY] = "SECRET",
    [WF_MARK_TEXT] = "TEXT",
};

/* An opening bracket and what closes it; letters in upper or lower case. */
static const struct {
    const char *open, *close;
} brackets[] = {
    {"<", ">"},
    {"\\<", "\\>"},
    {"\\\\<", "\\\\>"},
    {"&lt;", "&gt;"},
    {"\\u003c", "\\u003e"},
    {"%3c", "%3e"},
    {"[", "]"},
    {"\\[", "\\]"},
    {"{", "}"},
    {"\xef\xbc\x9c", "\xef\xbc\x9e"}, /* full-width < > */
    {"\xef\xbc\xbb", "\xef\xbc\xbd"}, /* full-width [ ] */
    {"\xe3\x80\x88", "\xe3\x80\x89"},
    {"\xe3\x80\x8a", "\xe3\x80\x8b"}, /* CJK angles */
    {"\xe3\x80\x8c", "\xe3\x80\x8d"},
    {"\xe3\x80\x90", "\xe3\x80\x91"}, /* corners */
    {"\xe2\x9f\xa8", "\xe2\x9f\xa9"}, /* mathematical angles */
    {"\xe2\x80\xb9", "\xe2\x80\xba"},
    {"\xc2\xab", "\xc2\xbb"}, /* guillemets */
};

const char *wf_mark__word(unsigned kind)
{
    return kind < WF_MARK_KINDS ? words[kind] : NULL;
}

size_t wf_mark__print(struct wf_mark m, char out[WF_MARK_BYTES_MAX])
{
    char letter[2] = {m.letter, 0};
    int n =
        snprintf(out, WF_MARK_BYTES_MAX, "<%s_%u%s>", words[m.kind], (unsigned)m.number, letter);

    return n > 0 ? (size_t)n : 0;
}

/* For each first letter of the words the letters that are second, a bit each. */
static uint32_t seconds[26];
static pthread_once_t seconds_once = PTHREAD_ONCE_INIT;

static void fill_seconds(void)
{
    for (unsigned kind = 0; kind < WF_MARK_KINDS; kind++) {
        if (words[kind] != NULL)
            seconds[words[kind][0] - 'A'] |= 1u << (words[kind][1] - 'A');
    }
}

static bool is_ascii_letter(unsigned char b)
{
    return (b | 0x20) >= 'a' && (b | 0x20) <= 'z';
}

/* Whether a word can begin here, by its first two bytes. */
static bool may_be_word(struct wf_str s)
{
    unsigned char a, b;

    if (s.len < 2)
        return true;
    a = (unsigned char)s.ptr[0];
    b = (unsigned char)s.ptr[1];
    if (a >= 0x80 || b >= 0x80)
        return a >= 0x80 || is_ascii_letter(a);
    return is_ascii_letter(a) && is_ascii_letter(b) &&
           (seconds[(a | 0x20) - 'a'] >> ((b | 0x20) - 'a') & 1);
}

bool wf_mark__begins(struct wf_str s, bool at_border)
{
    unsigned char a = (unsigned char)s.ptr[0], b = s.len > 1 ? (unsigned char)s.ptr[1] : 0;

    (void)pthread_once(&seconds_once, fill_seconds);
    switch (a) {
    case '<':
    case '[':
    case '{':
        return b == ' ' || may_be_word(wf_str_sub(s, 1, s.len));
    case '\\':
        return s.len < 2 || b == '<' || b == '[' || b == '\\' || b == 'u' || b == 'U';
    case '&':
        return s.len < 2 || b == 'l' || b == 'L';
    case '%':
        return s.len < 2 || b == '3';
    case 0xc2: /* the lead bytes of brackets and full-width letters, with what can follow */
        return s.len < 2 || b == 0xab;
    case 0xe2:
        return s.len < 2 || b == 0x80 || b == 0x9f;
    case 0xe3:
        return s.len < 2 || b == 0x80;
    case 0xef:
        return s.len < 2 || b == 0xbc || b == 0xbd;
    default:
        return at_border && a < 0x80 && is_ascii_letter(a) && may_be_word(s);
    }
}

/* ---- reading ---- */

struct scan {
    struct wf_str s;
    size_t i;
    bool at_end;
    bool more; /* the text ended where it could have gone on */
};

/* The code point at i folded to ASCII where it has a full-width form or is a digit; 0: none is
 * there (yet). *out_n is its length. */
static uint32_t peek(struct scan *c, size_t *out_n)
{
    static const uint32_t zeros[] = {0x0660, 0x06f0, 0x0966, 0x09e6, 0x0e50};
    size_t i = c->i;
    unsigned char b;
    uint32_t cp;

    *out_n = 0;
    if (i >= c->s.len) {
        c->more |= !c->at_end;
        return 0;
    }
    b = (unsigned char)c->s.ptr[i];
    if (b < 0x80) {
        *out_n = 1;
        return b;
    }
    size_t need = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2;
    if (c->s.len - i < need) {
        c->more |= !c->at_end;
        return 0;
    }
    cp = wf_utf8_next(c->s, &i);
    *out_n = i - c->i;
    if (cp >= 0xff01 && cp <= 0xff5e)
        return cp - 0xfee0;
    if (cp == 0x3000 || cp == 0xa0 || cp == 0x202f || cp == 0x2009)
        return ' ';
    if (cp == 0x2011 || cp == 0x2010)
        return '-';
    for (size_t k = 0; k < WF_ARRAY_LEN(zeros); k++) {
        if (cp >= zeros[k] && cp <= zeros[k] + 9)
            return '0' + cp - zeros[k];
    }
    return cp;
}

static uint32_t upper(uint32_t cp)
{
    return cp >= 'a' && cp <= 'z' ? cp - 32 : cp;
}

static bool is_letter(uint32_t cp)
{
    return upper(cp) >= 'A' && upper(cp) <= 'Z';
}

static bool is_digit(uint32_t cp)
{
    return cp >= '0' && cp <= '9';
}

/* Whether these bytes are next, letters in either case; then they are taken. */
static bool take(struct scan *c, const char *bytes)
{
    size_t n = strlen(bytes);

    for (size_t k = 0; k < n; k++) {
        if (c->i + k >= c->s.len) {
            c->more |= !c->at_end;
            return false;
        }
        if (upper((unsigned char)c->s.ptr[c->i + k]) != upper((unsigned char)bytes[k]))
            return false;
    }
    c->i += n;
    return true;
}

static bool take_word(struct scan *c, const char *word, bool *io_upper)
{
    size_t start = c->i, n;

    for (; *word != 0; word++) {
        uint32_t cp = peek(c, &n);
        if (upper(cp) != (uint32_t)*word) {
            c->i = start;
            return false;
        }
        *io_upper &= cp == upper(cp);
        c->i += n;
    }
    return true;
}

/* What joins word and number. Returns 2 for an underscore, 1 for a weaker one or none. */
static int take_join(struct scan *c)
{
    size_t n;
    uint32_t cp = peek(c, &n);

    for (int k = 0; k < 2 && cp == '\\'; k++) { /* Markdown's escape, escaped again in JSON */
        c->i += n;
        cp = peek(c, &n);
    }
    if (cp == '_') {
        c->i += n;
        return 2;
    }
    if (cp == ' ' || cp == '-')
        c->i += n;
    return 1;
}

static bool take_number(struct scan *c, uint32_t *out)
{
    uint32_t value = 0;
    size_t n, n_digits = 0;

    for (;;) {
        uint32_t cp = peek(c, &n);
        if (!is_digit(cp))
            break;
        if (++n_digits > 6)
            return false;
        value = value * 10 + (cp - '0');
        c->i += n;
    }
    *out = value;
    return n_digits > 0 && value > 0;
}

/* A base64 text behind '~', up to a byte that is none of it. */
static bool take_cipher(struct scan *c, struct wf_str *out)
{
    size_t start = c->i;

    while (c->i < c->s.len && c->i - start <= WF_RESTORE_HELD_MAX) {
        unsigned char b = (unsigned char)c->s.ptr[c->i];
        if (!is_letter(b) && !is_digit(b) && b != '-' && b != '_')
            break;
        c->i++;
    }
    if (c->i == c->s.len && !c->at_end && c->i - start < WF_RESTORE_HELD_MAX - WF_MARK_BYTES_MAX)
        c->more = true;
    *out = wf_str_sub(c->s, start, c->i);
    return out->len > 0;
}

/* word join digits, or word "~" cipher. is_bare: not within brackets. */
static bool take_core(struct scan *c, bool is_bare, struct wf_mark_found *out)
{
    size_t start = c->i, n;
    uint32_t first = upper(peek(c, &n));

    for (unsigned kind = 0; kind < WF_MARK_KINDS; kind++) {
        bool is_upper = true;
        c->i = start;
        if (words[kind] == NULL || first != (uint32_t)words[kind][0] ||
            !take_word(c, words[kind], &is_upper))
            continue;
        out->mark = (struct wf_mark){.kind = (uint8_t)kind};
        out->cipher = wf_str_n("", 0);
        if (!is_bare && peek(c, &n) == '~') {
            c->i += n;
            return take_cipher(c, &out->cipher);
        }
        int join = take_join(c);
        if ((is_bare && join == 1 && !is_upper) || !take_number(c, &out->mark.number))
            continue;
        return true;
    }
    return false;
}

/* An ending within brackets: letters and apostrophes, as "<PERSON_1's>" has it. */
static struct wf_str take_ending(struct scan *c)
{
    size_t start = c->i, n;

    for (;;) {
        uint32_t cp = peek(c, &n);
        if (!is_letter(cp) && cp != '\'' && cp != 0x2019)
            break;
        if (c->i + n - start > 12)
            break;
        c->i += n;
    }
    return wf_str_sub(c->s, start, c->i);
}

static char lettered(struct wf_str ending, struct wf_mark m,
                     bool (*has)(const void *ud, struct wf_mark m), const void *ud)
{
    char letter = ending.len == 1 ? (char)(ending.ptr[0] | 0x20) : 0;

    m.letter = letter;
    return letter != 0 && has != NULL && strchr(WF_MARK_LETTERS, letter) != NULL && has(ud, m)
               ? letter
               : 0;
}

/* After an opening bracket: all up to its partner. */
static bool bracketed(struct scan *c, const char *close,
                      bool (*has)(const void *ud, struct wf_mark m), const void *ud,
                      struct wf_mark_found *out)
{
    size_t n;

    if (peek(c, &n) == ' ')
        c->i += n;
    if (!take_core(c, false, out))
        return false;
    out->suffix = take_ending(c);
    out->mark.letter = lettered(out->suffix, out->mark, has, ud);
    if (out->mark.letter != 0)
        out->suffix.len = 0;
    if (peek(c, &n) == ' ')
        c->i += n;
    return take(c, close);
}

/* Without brackets; a letter belongs to it where no further one follows. */
static bool bare(struct scan *c, bool (*has)(const void *ud, struct wf_mark m), const void *ud,
                 struct wf_mark_found *out)
{
    size_t n, start;
    uint32_t cp;

    if (!take_core(c, true, out))
        return false;
    out->suffix = wf_str_n("", 0);
    start = c->i;
    cp = peek(c, &n);
    if (!is_letter(cp) || n != 1)
        return true;
    out->mark.letter = lettered(wf_str_sub(c->s, start, start + 1), out->mark, has, ud);
    if (out->mark.letter == 0)
        return true;
    c->i += n;
    cp = peek(c, &n);
    if (!is_letter(cp) && !is_digit(cp) && cp != '_')
        return true;
    out->mark.letter = 0;
    c->i = start;
    return true;
}

enum wf_mark_is wf_mark__match(struct wf_str s, bool at_border, bool at_end,
                               bool (*has)(const void *ud, struct wf_mark m), const void *ud,
                               struct wf_mark_found *out)
{
    struct scan c = {.s = s, .at_end = at_end};

    for (size_t k = 0; k < WF_ARRAY_LEN(brackets); k++) {
        c.i = 0;
        if (s.len > 0 && s.ptr[0] == brackets[k].open[0] && take(&c, brackets[k].open) &&
            bracketed(&c, brackets[k].close, has, ud, out)) {
            out->bytes = c.i;
            return WF_MARK_FOUND;
        }
    }
    c.i = 0;
    /* What could still become a bracketed one is not taken for a bare one. */
    if (c.more)
        return WF_MARK_MORE;
    if (!at_border || !bare(&c, has, ud, out))
        return c.more && at_border ? WF_MARK_MORE : WF_MARK_NONE;
    out->bytes = c.i;
    return c.more ? WF_MARK_MORE : WF_MARK_FOUND;
}
