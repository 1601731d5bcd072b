/* SPDX-License-Identifier: Apache-2.0 */
/* Undoes what hides: characters that look like others, encoded runs, escapes. */
#include <string.h>
#include <utf8proc.h>

#include "base/limits.h"
#include "privacy/hidden_internal.h"
#include "text/utf8.h"

/* ---- characters ---- */

/* Letters of Cyrillic, Greek and Armenian that look like a Latin one, in order. */
static const struct {
    uint16_t cp;
    char like;
} look_alikes[] = {
    {0x391, 'A'}, {0x392, 'B'}, {0x395, 'E'}, {0x396, 'Z'}, {0x397, 'H'}, {0x399, 'I'},
    {0x39a, 'K'}, {0x39c, 'M'}, {0x39d, 'N'}, {0x39f, 'O'}, {0x3a1, 'P'}, {0x3a4, 'T'},
    {0x3a5, 'Y'}, {0x3a7, 'X'}, {0x3b1, 'a'}, {0x3b5, 'e'}, {0x3b9, 'i'}, {0x3ba, 'k'},
    {0x3bd, 'v'}, {0x3bf, 'o'}, {0x3c1, 'p'}, {0x3c5, 'u'}, {0x3c7, 'x'}, {0x3f2, 'c'},
    {0x3f3, 'j'}, {0x405, 'S'}, {0x406, 'I'}, {0x408, 'J'}, {0x410, 'A'}, {0x412, 'B'},
    {0x415, 'E'}, {0x417, '3'}, {0x41a, 'K'}, {0x41c, 'M'}, {0x41d, 'H'}, {0x41e, 'O'},
    {0x420, 'P'}, {0x421, 'C'}, {0x422, 'T'}, {0x423, 'Y'}, {0x425, 'X'}, {0x430, 'a'},
    {0x432, 'b'}, {0x435, 'e'}, {0x437, '3'}, {0x43a, 'k'}, {0x43c, 'm'}, {0x43e, 'o'},
    {0x440, 'p'}, {0x441, 'c'}, {0x442, 't'}, {0x443, 'y'}, {0x445, 'x'}, {0x455, 's'},
    {0x456, 'i'}, {0x458, 'j'}, {0x475, 'v'}, {0x4bb, 'h'}, {0x501, 'd'}, {0x51b, 'q'},
    {0x51d, 'w'}, {0x555, 'O'}, {0x570, 'h'}, {0x578, 'n'}, {0x57d, 'u'}, {0x585, 'o'},
};

/* The zeros of scripts' digits; nine more follow each. */
static const uint32_t zeros[] = {
    0x660,  0x6f0,  0x7c0,  0x966,  0x9e6,  0xa66,  0xae6,  0xb66,  0xbe6,  0xc66,  0xce6,  0xd66,
    0xde6,  0xe50,  0xed0,  0xf20,  0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90,
    0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
};

/* The digit 0..9; -1: it is none. */
static int digit_of(uint32_t cp)
{
    if (cp < 0x660 || cp > 0xff19)
        return -1;
    for (size_t i = 0; i < WF_ARRAY_LEN(zeros); i++)
        if (cp >= zeros[i] && cp <= zeros[i] + 9)
            return (int)(cp - zeros[i]);
    return -1;
}

static char letter_like(uint32_t cp)
{
    size_t low = 0, high = WF_ARRAY_LEN(look_alikes);

    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (look_alikes[middle].cp < cp)
            low = middle + 1;
        else
            high = middle;
    }
    return low < WF_ARRAY_LEN(look_alikes) && look_alikes[low].cp == cp ? look_alikes[low].like
                                                                        : '\0';
}

static bool is_unseen(uint32_t cp)
{
    return cp == 0xad || cp == 0x34f || cp == 0x61c || cp == 0x115f || cp == 0x1160 ||
           (cp >= 0x17b4 && cp <= 0x17b5) || (cp >= 0x180b && cp <= 0x180f) ||
           (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x202a && cp <= 0x202e) ||
           (cp >= 0x2060 && cp <= 0x206f) || cp == 0x3164 || (cp >= 0xfe00 && cp <= 0xfe0f) ||
           cp == 0xfeff || cp == 0xffa0 || (cp >= 0xfff9 && cp <= 0xfffb) ||
           (cp >= 0x1d173 && cp <= 0x1d17a) || (cp >= 0xe0100 && cp <= 0xe01ef);
}

enum wf_class wf_hidden__class(uint32_t cp)
{
    if (cp < 0x300)
        return cp == 0xad                               ? WF_CLASS_UNSEEN
               : cp == 0xa0 || cp == 0xb7               ? WF_CLASS_BETWEEN
               : cp == 0xb2 || cp == 0xb3 || cp == 0xb9 ? WF_CLASS_RAISED
                                                        : WF_CLASS_PLAIN;
    if (cp < 0x370 || (cp >= 0x20d0 && cp < 0x2100))
        return cp == 0x34f ? WF_CLASS_UNSEEN : WF_CLASS_MARK;
    if (cp < 0x590)
        return letter_like(cp) != '\0' ? WF_CLASS_LETTER : WF_CLASS_PLAIN;
    if (is_unseen(cp))
        return WF_CLASS_UNSEEN;
    if (digit_of(cp) >= 0)
        return WF_CLASS_LIKE;
    if (cp == 0xff0b || cp == 0xff0d || cp == 0xff0f)
        return WF_CLASS_SIGN;
    if ((cp >= 0x2000 && cp <= 0x2015) || cp == 0x202f || cp == 0x205f || cp == 0x2212 ||
        cp == 0x3000 || cp == 0xfe58 || cp == 0xfe63 || cp == 0x2024 || cp == 0xff0e ||
        cp == 0x2044 || cp == 0xff1a || cp == 0xff08 || cp == 0xff09 || cp == 0xff3f)
        return WF_CLASS_BETWEEN;
    if ((cp >= 0x2070 && cp <= 0x2094) || (cp >= 0x2460 && cp <= 0x24ff) ||
        (cp >= 0x2776 && cp <= 0x2793) || cp == 0xff20 || cp == 0xfe6b ||
        (cp >= 0xff21 && cp <= 0xff3a) || (cp >= 0xff41 && cp <= 0xff5a) ||
        (cp >= 0x1d400 && cp <= 0x1d7ff) || (cp >= 0x1f100 && cp <= 0x1f189) ||
        (cp >= 0x1f1e6 && cp <= 0x1f1ff) || (cp >= 0x1fbf0 && cp <= 0x1fbf9) ||
        (cp >= 0xe0020 && cp <= 0xe007e))
        return WF_CLASS_LIKE;
    return WF_CLASS_PLAIN;
}

static int put(struct wf_buf *out, uint32_t cp)
{
    char bytes[4];

    return wf_buf_append(out, bytes, wf_utf8_put(bytes, cp));
}

/* What a character is like. */
static int undo_likeness(uint32_t cp, struct wf_buf *out)
{
    utf8proc_int32_t parts[24];
    const char like = letter_like(cp);
    const int digit = digit_of(cp);
    int boundary = 0;

    if (like != '\0')
        return wf_buf_append_byte(out, like);
    if (cp == 0xff08 || cp == 0xff09)
        return wf_buf_append_byte(out, cp == 0xff08 ? '(' : ')');
    if (digit >= 0)
        return wf_buf_append_byte(out, (char)('0' + digit));
    if (cp >= 0x1f1e6 && cp <= 0x1f1ff) /* letters of flags */
        return wf_buf_append_byte(out, (char)('A' + (cp - 0x1f1e6)));
    if (cp >= 0x1f150 && cp <= 0x1f189 && cp != 0x1f16a)
        return wf_buf_append_byte(out, (char)('A' + (cp - 0x1f150) % 0x20 % 26));
    if (cp >= 0xe0020 && cp <= 0xe007e) /* tags: ASCII that nobody sees */
        return wf_buf_append_byte(out, (char)(cp - 0xe0000));
    if (cp >= 0x2776 && cp <= 0x2793)
        return wf_buf_append_byte(out, (char)('0' + (cp - 0x2775) % 10));
    if ((cp >= 0x2010 && cp <= 0x2015) || cp == 0x2212)
        return wf_buf_append_byte(out, '-');
    const utf8proc_ssize_t n = utf8proc_decompose_char(
        (utf8proc_int32_t)cp, parts, 24, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, &boundary);
    for (utf8proc_ssize_t i = 0; i < n && i < 24; i++)
        if (parts[i] != '(' && parts[i] != ')') /* "⑴" is a 1 */
            (void)put(out, (uint32_t)parts[i]); /* asked at the end */
    return wf_buf_status(out);
}

/* ---- runs ---- */

static int digit64(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

static int digit32(char c)
{
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
        return (c | 0x20) - 'a';
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

static int digit16(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct decoder {
    struct wf_str run;
    size_t i;
    unsigned held, bits;
    unsigned step; /* bits of a digit: 4, 5 or 6 */
    bool is_backwards;
};

static unsigned step_of(enum wf_hiding how)
{
    return how == WF_HIDING_HEX ? 4 : how == WF_HIDING_BASE32 ? 5 : 6;
}

/* The next byte; -1 at the end, -2: it is not such a run. */
static int next_byte(struct decoder *d)
{
    while (d->i < d->run.len) {
        const char c = d->run.ptr[d->is_backwards ? d->run.len - 1 - d->i : d->i];
        d->i++;
        const int v = d->step == 4 ? digit16(c) : d->step == 5 ? digit32(c) : digit64(c);
        if (c == ' ' || (d->step != 4 && (c == '=' || c == '\n' || c == '\r')))
            continue; /* between groups, and at the end */
        if (v < 0)
            return -2;
        d->held = (d->held << d->step | (unsigned)v) & 0xffff;
        d->bits += d->step;
        if (d->bits >= 8) {
            d->bits -= 8;
            return (int)(d->held >> d->bits & 0xff);
        }
    }
    return d->step == 4 && d->bits != 0 ? -2 : -1;
}

/* The bytes of a run, from a decoder's place on. */
static int put_bytes(struct decoder d, struct wf_buf *out)
{
    int b;

    while ((b = next_byte(&d)) >= 0)
        (void)wf_buf_append_byte(out, (char)(uint8_t)b); /* asked at the end */
    return wf_buf_status(out);
}

/* Whether the bytes of a run are text in another way than as UTF-8. */
static bool decodes_otherwise(struct decoder d)
{
    struct wf_buf b;
    bool is_one;

    wf_buf_init(&b, WF_LIMIT_DETECT_BYTES);
    int rc = put_bytes(d, &b);
    if (rc == 0)
        rc = wf_hidden__as_text(&b, 0);
    is_one = b.len > 0 || rc != 0; /* without memory undoing it fails, too */
    wf_buf_deinit(&b);
    return is_one;
}

/* Whether a run begins with bytes of such a text. */
static bool begins_otherwise(struct decoder d)
{
    uint8_t begin[WF_HIDDEN_BEGIN];
    size_t n = 0;
    int b = 0;

    while (n < sizeof(begin) && (b = next_byte(&d)) >= 0)
        begin[n++] = (uint8_t)b;
    return b != -2 && wf_hidden__is_other(begin, n);
}

/* Text: no control characters but white space, and UTF-8. Nearly every other run ends at one of its
 * first bytes. */
static bool is_utf8(struct decoder d)
{
    unsigned more = 0; /* bytes of the character that are to come */
    size_t letters = 0, n = 0;
    int b;

    while ((b = next_byte(&d)) >= 0) {
        if (more > 0) {
            if ((b & 0xc0) != 0x80)
                return false;
            more--;
        } else if (b >= 0x80) {
            if (b < 0xc2 || b > 0xf4)
                return false;
            more = b < 0xe0 ? 1 : b < 0xf0 ? 2 : 3;
        } else if (b == 0x7f || (b < 0x20 && b != '\n' && b != '\r' && b != '\t')) {
            return false;
        }
        letters += b >= 0x80 || ((b | 0x20) >= 'a' && (b | 0x20) <= 'z') || (b >= '0' && b <= '9');
        n++;
    }
    return b == -1 && more == 0 && n >= WF_HIDDEN_LEAST && letters * 2 >= n;
}

static bool decodes(struct decoder d)
{
    return is_utf8(d) || (begins_otherwise(d) && decodes_otherwise(d));
}

/* The digits of a run: what is behind "0x", or, of base64, between the signs of UTF-7. */
static struct wf_str digits_of(struct wf_str run, enum wf_hiding how)
{
    if (how == WF_HIDING_HEX && run.len > 2 && run.ptr[0] == '0' && (run.ptr[1] | 0x20) == 'x')
        return wf_str_sub(run, 2, run.len);
    if (how == WF_HIDING_BASE64 && run.len > 3 && run.ptr[0] == '+' && run.ptr[1] == 'A')
        return wf_str_sub(run, 1, run.len - (run.ptr[run.len - 1] == '-'));
    return run;
}

static struct decoder decoder_of(struct wf_str run, enum wf_hiding how)
{
    return (struct decoder){.run = run, .step = step_of(how)};
}

static bool has_both_cases(struct wf_str s)
{
    bool small = false, capital = false;

    for (size_t i = 0; i < s.len && !(small && capital); i++) {
        small = small || (s.ptr[i] >= 'a' && s.ptr[i] <= 'z');
        capital = capital || (s.ptr[i] >= 'A' && s.ptr[i] <= 'Z');
    }
    return small && capital;
}

bool wf_hidden__decodes(struct wf_str run, enum wf_hiding how)
{
    const struct wf_str inner = digits_of(run, how);
    size_t digits = 0;

    if (how == WF_HIDING_BASE58)
        return wf_hidden__decodes58(run);
    while (digits < run.len && (run.ptr[digits] >= '0' && run.ptr[digits] <= '9'))
        digits++;
    if ((digits == run.len && how != WF_HIDING_HEX) ||
        (how == WF_HIDING_BASE32 && has_both_cases(run)))
        return false; /* a number, a word */
    return (inner.len < run.len && decodes(decoder_of(inner, how))) ||
           decodes(decoder_of(run, how));
}

bool wf_hidden__decodes_backwards(struct wf_str run)
{
    return decodes((struct decoder){.run = run, .step = 6, .is_backwards = true});
}

static int undo_run(struct wf_str run, enum wf_hiding how, struct wf_buf *out)
{
    struct decoder d = decoder_of(digits_of(run, how), how);
    const size_t from = out->len;
    int rc;

    if (!decodes(d)) {
        d.run = run;
        d.is_backwards = how == WF_HIDING_BASE64 && !decodes(d);
    }
    rc = put_bytes(d, out);
    if (rc == 0)
        rc = wf_hidden__as_text(out, from);
    /* Overlong forms and surrogates are still possible: such a run is nothing. */
    if (rc == 0 &&
        wf_utf8_valid_prefix(wf_str_sub(wf_buf_str(out), from, out->len)) != out->len - from)
        wf_buf_truncate(out, from);
    return rc;
}

/* ---- escapes ---- */

/* n hexadecimal digits at i; -1: there are not as many. */
static int32_t hex_at(struct wf_str t, size_t i, size_t n)
{
    int32_t v = 0;

    if (i + n > t.len)
        return -1;
    for (size_t k = 0; k < n; k++) {
        const int d = digit16(t.ptr[i + k]);
        if (d < 0)
            return -1;
        v = v << 4 | d;
    }
    return v;
}

/* As many bytes as one character of UTF-8 has, written as escapes of `step` bytes ("%C3%BC"), each
 * with its digits at its end; 0: it is none. */
static size_t escaped_bytes(struct wf_str t, size_t i, size_t step, char sign, char out[4])
{
    int32_t v = hex_at(t, i + step - 2, 2);
    size_t n = 1;

    if (v < 0 || v == 0 || (v >= 0x80 && v < 0xc2) || v > 0xf4)
        return 0;
    n = v < 0x80 ? 1 : v < 0xe0 ? 2 : v < 0xf0 ? 3 : 4;
    for (size_t k = 0; k < n; k++) {
        v = i + k * step < t.len && t.ptr[i + k * step] == sign
                ? hex_at(t, i + (k + 1) * step - 2, 2)
                : -1;
        if (v < 0)
            return 0;
        out[k] = (char)(uint8_t)v;
    }
    return wf_utf8_valid_prefix(wf_str_n(out, n)) == n ? n : 0;
}

/* Quoted-printable: an escape of a letter beyond ASCII, of what mail must escape, beside another
 * one, or the end of a line that goes on. "a=4111" is none. */
static size_t mail_at(struct wf_str t, size_t i)
{
    char bytes[4];
    const size_t n = escaped_bytes(t, i, 3, '=', bytes);
    const bool beside = (i + 3 < t.len && t.ptr[i + 3] == '=' && hex_at(t, i + 4, 2) >= 0) ||
                        (i >= 3 && t.ptr[i - 3] == '=' && hex_at(t, i - 2, 2) >= 0);

    if (i + 1 < t.len && (t.ptr[i + 1] == '\n' || t.ptr[i + 1] == '\r'))
        return t.ptr[i + 1] == '\r' && i + 2 < t.len && t.ptr[i + 2] == '\n' ? 3 : 2;
    if (n > 1)
        return n * 3;
    return n == 1 && (beside || bytes[0] == '=' || bytes[0] == ' ' || bytes[0] == '@') ? 3 : 0;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_plain(char c)
{
    return is_letter(c) || c == '_' || c == '-' || c == '.' || c == '[' || c == ']';
}

/* Bytes of a word in a value of a URL: where most words are longer it is encoded in other ways. */
#define QUERY_WORD_MOST 16

/* Whether a word of such a value is one: it is short, or has escapes that base64 has not. */
static bool is_query_word(struct wf_str w)
{
    for (size_t i = 0; i + 2 < w.len; i++)
        if (w.ptr[i] == '%' && !wf_str_eq_nocase(wf_str_sub(w, i, i + 3), WF_STR("%3d")) &&
            !wf_str_eq_nocase(wf_str_sub(w, i, i + 3), WF_STR("%2b")) &&
            !wf_str_eq_nocase(wf_str_sub(w, i, i + 3), WF_STR("%2f")))
            return true;
    return w.len <= QUERY_WORD_MOST;
}

/* Whether a "=" at i is behind the name of a parameter of a URL. */
static bool is_param(struct wf_str t, size_t i)
{
    size_t name = i;

    while (name > 0 && i - name < 40 && is_plain(t.ptr[name - 1]))
        name--;
    return name < i && name > 0 && strchr("?&;", t.ptr[name - 1]) != NULL;
}

/* The value of a parameter of a URL in which '+' stands for spaces; *out_at where it begins. */
static size_t query_at(struct wf_str t, size_t i, size_t *out_at)
{
    size_t end = i + 1, n_words = 0, n_short = 0, last = i + 1;

    if (!is_param(t, i))
        return 0;
    for (;; end++) {
        const bool is_end = end == t.len || strchr(" \t\n\r\"'<>&#)", t.ptr[end]) != NULL;
        if (!is_end && (t.ptr[end] == '=' || t.ptr[end] == '/')) /* base64 */
            return 0;
        if (is_end || t.ptr[end] == '+') {
            n_words++;
            n_short += is_query_word(wf_str_sub(t, last, end));
            last = end + 1;
        }
        if (is_end)
            break;
    }
    *out_at = i + 1;
    return n_words > 1 && n_short * 2 >= n_words &&
                   !wf_hidden__decodes(wf_str_sub(t, i + 1, end), WF_HIDING_BASE64)
               ? end - i - 1
               : 0;
}

/* "\\064": the byte, or 0. */
static uint8_t octal_byte(struct wf_str t, size_t i)
{
    unsigned v = 0;

    if (i + 3 >= t.len || t.ptr[i] != '\\')
        return 0;
    for (size_t k = 1; k <= 3; k++) {
        if (t.ptr[i + k] < '0' || t.ptr[i + k] > '7')
            return 0;
        v = v * 8 + (unsigned)(t.ptr[i + k] - '0');
    }
    return v < 0x100 ? (uint8_t)v : 0;
}

/* The bytes of the character at i that are told so, one or more; 0: it is none. */
static size_t octal_at(struct wf_str t, size_t i, char out[4])
{
    const uint8_t first = octal_byte(t, i);
    const size_t n = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    if (n == 1 && (first < ' ' || first == 0x7f) && first != '\n' && first != '\t')
        return 0;
    for (size_t k = 0; k < n; k++)
        out[k] = (char)octal_byte(t, i + 4 * k);
    return wf_utf8_valid_prefix(wf_str_n(out, n)) == n ? n : 0;
}

/* "\\u{34}": what it takes; 0: it is none. */
static size_t braced_at(struct wf_str t, size_t i, int32_t *out)
{
    size_t n = 0;

    while (n < 6 && i + 3 + n < t.len && digit16(t.ptr[i + 3 + n]) >= 0)
        n++;
    *out = n == 0 ? -1 : hex_at(t, i + 3, n);
    return *out > 0 && *out < 0x110000 && i + 3 + n < t.len && t.ptr[i + 3 + n] == '}' ? n + 4 : 0;
}

/* "\\34 ", as style sheets have it: what it takes with the space behind; 0: it is none. */
static size_t css_at(struct wf_str t, size_t i)
{
    size_t n = 0;

    while (n < 6 && i + 1 + n < t.len && digit16(t.ptr[i + 1 + n]) >= 0)
        n++;
    if (n < 2 || n == 3 || n == 5 || t.ptr[i + 1] < '0' || t.ptr[i + 1] > '7')
        return 0;
    const int32_t v = hex_at(t, i + 1, n);
    const bool is_closed =
        i + 1 + n >= t.len || t.ptr[i + 1 + n] == ' ' || t.ptr[i + 1 + n] == '\\';
    if (v < ' ' || v == 0x7f || v >= 0x110000 || (n == 2 && (!is_closed || v > 0x7f)) ||
        (v >= 0xd800 && v < 0xe000))
        return 0;
    return 1 + n + (i + 2 + n < t.len && t.ptr[i + 1 + n] == ' ' && t.ptr[i + 2 + n] == '\\');
}

static size_t json_at(struct wf_str t, size_t i)
{
    const char c = i + 1 < t.len ? t.ptr[i + 1] : '\0';
    char bytes[4];
    int32_t v;

    if (c == 'u' && i + 2 < t.len && t.ptr[i + 2] == '{')
        return braced_at(t, i, &v);
    if (c == 'u') {
        v = hex_at(t, i + 2, 4);
        if (v >= 0xd800 && v < 0xdc00)
            return i + 7 < t.len && t.ptr[i + 6] == '\\' && t.ptr[i + 7] == 'u' &&
                           (hex_at(t, i + 8, 4) & 0xfc00) == 0xdc00
                       ? 12
                       : 0;
        return v > 0 && (v < 0xdc00 || v >= 0xe000) ? 6 : 0;
    }
    if (c == 'x')
        return escaped_bytes(t, i, 4, '\\', bytes) * 4;
    if (c == 'U' && hex_at(t, i + 2, 8) > 0)
        return 10;
    if (octal_at(t, i, bytes) != 0)
        return 4 * octal_at(t, i, bytes);
    if (css_at(t, i) > 0)
        return css_at(t, i);
    return c == 'n' || c == 't' || c == 'r' || c == '"' || c == '/' ? 2 : 0;
}

static const struct {
    const char *name;
    uint16_t cp;
} entities[] = {
    {"amp", '&'},     {"lt", '<'},     {"gt", '>'},       {"quot", '"'},    {"apos", '\''},
    {"nbsp", ' '},    {"commat", '@'}, {"period", '.'},   {"colon", ':'},   {"sol", '/'},
    {"lowbar", '_'},  {"hyphen", '-'}, {"dash", '-'},     {"plus", '+'},    {"equals", '='},
    {"num", '#'},     {"Tab", '\t'},   {"NewLine", '\n'}, {"zwnj", 0x200c}, {"zwj", 0x200d},
    {"shy", 0xad},    {"uuml", 0xfc},  {"ouml", 0xf6},    {"auml", 0xe4},   {"szlig", 0xdf},
    {"eacute", 0xe9},
};

/* The end of the digits of "&#52" and "&#x34", which browsers read without the ';', too; 0. */
static size_t bare_end(struct wf_str t, size_t i)
{
    const bool is_hex = i + 2 < t.len && t.ptr[i + 1] == '#' && (t.ptr[i + 2] | 0x20) == 'x';
    size_t end = i + (is_hex ? 3 : 2);

    if (i + 2 >= t.len || t.ptr[i + 1] != '#')
        return 0;
    while (end < t.len && end < i + 10 &&
           (is_hex ? digit16(t.ptr[end]) >= 0 : (t.ptr[end] >= '0' && t.ptr[end] <= '9')))
        end++;
    return end > i + 3 ? end : 0;
}

/* The character of an entity at i; *out_len what it takes; 0: there is none. */
static uint32_t entity_at(struct wf_str t, size_t i, size_t *out_len)
{
    size_t end = wf_str_find_byte(wf_str_sub(t, 0, WF_MIN(i + 12, t.len)), ';', i);
    struct wf_str name;
    uint64_t v = 0;
    const size_t bare = bare_end(t, i);

    if (end == SIZE_MAX || (bare > 0 && bare < end))
        end = bare > 0 ? bare : SIZE_MAX;
    if (end == SIZE_MAX || end < i + 3)
        return 0;
    name = wf_str_sub(t, i + 1, end);
    *out_len = end + (end < t.len && t.ptr[end] == ';') - i;
    if (name.ptr[0] == '#' && (name.ptr[1] | 0x20) == 'x') {
        for (size_t k = 2; k < name.len && v < 0x110000; k++) {
            const int d = digit16(name.ptr[k]);
            if (d < 0)
                return 0;
            v = v << 4 | (unsigned)d;
        }
    } else if (name.ptr[0] == '#') {
        if (!wf_str_to_u64(wf_str_sub(name, 1, name.len), &v))
            return 0;
    } else {
        for (size_t k = 0; k < WF_ARRAY_LEN(entities); k++)
            if (wf_str_eq(name, wf_str_from(entities[k].name)))
                v = entities[k].cp;
    }
    return v < 0x110000 && !(v >= 0xd800 && v < 0xe000) ? (uint32_t)v : 0;
}

/* "(at)", "[dot]": how people write addresses. */
static size_t said_at(struct wf_str t, size_t i)
{
    static const char *const said[] = {"(at)",  "[at]",  "{at}",    "(dot)",
                                       "[dot]", "{dot}", "(Punkt)", "(arroba)"};

    for (size_t k = 0; k < WF_ARRAY_LEN(said); k++) {
        const struct wf_str s = wf_str_from(said[k]);
        if (wf_str_eq_nocase(wf_str_sub(t, i, i + s.len), s))
            return s.len;
    }
    return 0;
}

bool wf_hidden__escape(struct wf_str t, size_t i, struct wf_hidden *out)
{
    char bytes[4];
    size_t n = 0;

    *out = (struct wf_hidden){.at = i, .how = WF_HIDING_LIKENESS};
    switch (t.ptr[i]) {
    case '%':
        n = i + 1 < t.len && (t.ptr[i + 1] | 0x20) == 'u' ? (hex_at(t, i + 2, 4) > 0 ? 6 : 0)
                                                          : escaped_bytes(t, i, 3, '%', bytes) * 3;
        out->how = WF_HIDING_URL;
        break;
    case '\\':
        n = json_at(t, i);
        out->how = WF_HIDING_JSON;
        break;
    case '&':
        if (entity_at(t, i, &n) == 0)
            n = 0;
        out->how = WF_HIDING_HTML;
        break;
    case '=':
        n = is_param(t, i) && !(i + 3 < t.len && t.ptr[i + 3] == '=') ? 0 : mail_at(t, i);
        out->how = WF_HIDING_MAIL;
        if (n == 0) {
            n = query_at(t, i, &out->at);
            out->how = WF_HIDING_URL;
        }
        break;
    default:
        n = said_at(t, i);
        if (n > 0) { /* with the spaces around */
            while (out->at > 0 && i - out->at < 2 && t.ptr[out->at - 1] == ' ')
                out->at--;
            n += i - out->at;
            while (out->at + n < t.len && t.ptr[out->at + n] == ' ')
                n++;
        }
        break;
    }
    out->len = n;
    return n > 0;
}

/* The bytes of a character; of half a one those that stand for it. */
static size_t put_code(int32_t cp, char out[4])
{
    return wf_utf8_put(out, cp >= 0xd800 && cp < 0xe000 ? 0xfffd : (uint32_t)cp);
}

static int undo_json(struct wf_str s, struct wf_buf *out)
{
    char bytes[4];
    int32_t v = 0;

    if (octal_at(s, 0, bytes) != 0)
        return wf_buf_append(out, bytes, octal_at(s, 0, bytes));
    if (css_at(s, 0) > 0)
        return put(out, (uint32_t)hex_at(s, 1, s.len - 1 - (s.ptr[s.len - 1] == ' ')));
    switch (s.ptr[1]) {
    case 'U':
        return put(out, (uint32_t)WF_MIN(hex_at(s, 2, 8), 0xfffd));
    case 'u':
        if (s.ptr[2] == '{') {
            (void)braced_at(s, 0, &v);
            return wf_buf_append(out, bytes, put_code(v, bytes));
        }
        if (s.len == 12)
            return put(out, 0x10000 + (((uint32_t)hex_at(s, 2, 4) & 0x3ff) << 10 |
                                       ((uint32_t)hex_at(s, 8, 4) & 0x3ff)));
        return put(out, (uint32_t)hex_at(s, 2, 4));
    case 'x':
        return wf_buf_append(out, bytes, escaped_bytes(s, 0, 4, '\\', bytes));
    case 'n':
    case 'r':
        return wf_buf_append_byte(out, '\n');
    case 't':
        return wf_buf_append_byte(out, '\t');
    default:
        return wf_buf_append_byte(out, s.ptr[1]);
    }
}

/* One escape, or the value of a parameter. */
static int undo_url(struct wf_str s, struct wf_buf *out)
{
    char bytes[4];

    for (size_t i = 0, n; i < s.len; i += n) {
        const bool is_long = i + 1 < s.len && s.ptr[i] == '%' && (s.ptr[i + 1] | 0x20) == 'u' &&
                             hex_at(s, i + 2, 4) > 0;
        const size_t k = is_long           ? put_code(hex_at(s, i + 2, 4), bytes)
                         : s.ptr[i] == '%' ? escaped_bytes(s, i, 3, '%', bytes)
                                           : 0;
        n = is_long ? 6 : k > 0 ? 3 * k : 1;
        if (k > 0)
            (void)wf_buf_append(out, bytes, k); /* asked at the end */
        else
            (void)wf_buf_append_byte(out, s.ptr[i] == '+' ? ' ' : s.ptr[i]);
    }
    return wf_buf_status(out);
}

/* The bytes that several selectors are; one of them, or another unseen character, is nothing.
 * is_behind_word: they are behind a word, from which they are parted. */
static int undo_selectors(struct wf_str s, bool is_behind_word, struct wf_buf *out)
{
    const size_t from = out->len;
    size_t i = 0, n = 0;

    if (is_behind_word)
        (void)wf_buf_append_byte(out, ' ');
    while (i < s.len) {
        const uint32_t cp = wf_utf8_next(s, &i);
        const uint32_t byte = cp >= 0xe0100 ? cp - 0xe0100 + 16 : cp - 0xfe00;
        n++;
        if (byte < 0x100)
            (void)wf_buf_append_byte(out, (char)(uint8_t)byte); /* asked at the end */
    }
    if (n < 2 ||
        wf_utf8_valid_prefix(wf_str_sub(wf_buf_str(out), from, out->len)) != out->len - from)
        wf_buf_truncate(out, from);
    return wf_buf_status(out);
}

/* A mark that turns the direction, and what it turns. */
static int undo_turned(struct wf_str s, struct wf_buf *out)
{
    size_t i = s.len, from = 0;

    (void)wf_utf8_next(s, &from); /* the mark */
    while (i > from) {
        size_t at = i - 1;
        while (at > from && ((uint8_t)s.ptr[at] & 0xc0) == 0x80)
            at--;
        (void)wf_buf_append_str(out, wf_str_sub(s, at, i)); /* asked at the end */
        i = at;
    }
    return wf_buf_status(out);
}

int wf_hidden_undo(struct wf_str text, const struct wf_hidden *h, struct wf_buf *out)
{
    const struct wf_str s = wf_str_sub(text, h->at, h->at + h->len);
    size_t at = 0;
    char bytes[4];

    switch (h->how) {
    case WF_HIDING_LIKENESS:
        if (s.ptr[0] == ' ' || strchr("([{", s.ptr[0]) != NULL)
            return wf_buf_append_byte(out, wf_str_find_byte(s, 'a', 0) != SIZE_MAX ||
                                                   wf_str_find_byte(s, 'A', 0) != SIZE_MAX
                                               ? '@'
                                               : '.');
        if (s.ptr[0] == '_')
            return wf_buf_append_byte(out, ' ');
        return undo_likeness(wf_utf8_next(s, &at), out);
    case WF_HIDING_BASE64:
    case WF_HIDING_HEX:
    case WF_HIDING_BASE32:
        return undo_run(s, h->how, out);
    case WF_HIDING_BASE58:
        return wf_hidden__undo58(s, out);
    case WF_HIDING_BASE85:
        return wf_hidden__undo85(s, out);
    case WF_HIDING_BRAILLE:
        return wf_hidden__undo_braille(s, out);
    case WF_HIDING_CODES:
        return wf_hidden__undo_codes(s, out);
    case WF_HIDING_MORSE:
        return wf_hidden__undo_morse(s, out);
    case WF_HIDING_TURNED:
        return undo_turned(s, out);
    case WF_HIDING_SPACED: /* a space of the datum itself, between two separators */
        return s.len > 2 && s.len % 2 == 1 && (uint8_t)s.ptr[s.len / 2] <= ' '
                   ? wf_buf_append_byte(out, s.ptr[s.len / 2])
                   : 0;
    case WF_HIDING_URL:
        return undo_url(s, out);
    case WF_HIDING_JSON:
        return undo_json(s, out);
    case WF_HIDING_HTML:
        return put(out, entity_at(s, 0, &at));
    case WF_HIDING_MAIL:
        if (s.ptr[1] == '\n' || s.ptr[1] == '\r')
            return 0;
        return wf_buf_append(out, bytes, escaped_bytes(s, 0, 3, '=', bytes));
    case WF_HIDING_INVISIBLE:
        return undo_selectors(s, h->at > 0 && is_letter(text.ptr[h->at - 1]), out);
    case WF_HIDING_JOINED:
    case WF_HIDING_PARTED:
    case WF_HIDING_SPELLED:
    case WF_HIDING_REVERSED:
    case WF_HIDING_ROTATED:
    case WF_HIDING_LETTERS:
    case WF_HIDING_NONE:
    case WF_HIDING_COUNT:
        break;
    }
    return 0;
}
