/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that are text in another way than as UTF-8 (UTF-16, packed by deflate), and digits of bases
 * that are no powers of two (58, 85); Braille. */
#define ZLIB_CONST
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "privacy/hidden_internal.h"
#include "text/utf8.h"

/* ---- bytes ---- */

/* Text: no control characters but white space, UTF-8, and more letters and digits than others. */
static bool is_text(struct wf_str s)
{
    size_t letters = 0;

    for (size_t i = 0; i < s.len; i++) {
        const uint8_t b = (uint8_t)s.ptr[i];
        if (b == 0x7f || (b < 0x20 && b != '\n' && b != '\r' && b != '\t'))
            return false;
        letters += b >= 0x80 || ((b | 0x20) >= 'a' && (b | 0x20) <= 'z') || (b >= '0' && b <= '9');
    }
    return s.len >= WF_HIDDEN_LEAST && letters * 2 >= s.len && wf_utf8_valid_prefix(s) == s.len;
}

static bool is_packed(const uint8_t *b, size_t n)
{
    return n > 2 &&
           ((b[0] == 0x1f && b[1] == 0x8b) ||
            (b[0] == 0x78 && (b[1] == 0x01 || b[1] == 0x5e || b[1] == 0x9c || b[1] == 0xda)));
}

/* How many units of UTF-16 are of ASCII, as spaces and digits are in every script, the high byte of
 * each at `high`; 0: some are none that a text has. */
static size_t n_ascii(const uint8_t *b, size_t n, size_t high)
{
    size_t count = 0;

    for (size_t i = 0; i + 1 < n; i += 2) {
        const uint8_t top = b[i + high], low = b[i + 1 - high];
        const bool is_control =
            top == 0 && (low == 0x7f || (low < ' ' && low != '\n' && low != '\r' && low != '\t'));
        const bool is_half = (top & 0xfc) == 0xd8; /* of a character; the other follows */
        if (is_control || (top >= 0xe0 && top < 0xf9) || (top & 0xfc) == 0xdc ||
            (is_half && i + 3 < n && (b[i + 2 + high] & 0xfc) != 0xdc))
            return 0;
        if (is_half)
            i += 2;
        count += top == 0 && low < 0x7f;
    }
    return count;
}

bool wf_hidden__is_other(const uint8_t *begin, size_t n)
{
    return is_packed(begin, n) ||
           WF_MAX(n_ascii(begin, n, 0), n_ascii(begin, n, 1)) >= WF_MAX(n / 14, (size_t)3);
}

static void *memory_new(void *ud, unsigned n, unsigned size)
{
    (void)ud;
    return wf_alloc_array(n, size);
}

static void memory_free(void *ud, void *p)
{
    (void)ud;
    wf_free(p);
}

/* Appends what is packed, so much of it as is looked at. */
static int unpack(struct wf_str packed, struct wf_buf *out)
{
    z_stream z = {.zalloc = memory_new, .zfree = memory_free};
    unsigned char part[4096];
    size_t n = 0;
    int status = inflateInit2(&z, 32 + 15); /* gzip or zlib, by its first bytes */

    if (status != Z_OK)
        return WF_E_NOMEM;
    z.next_in = (const unsigned char *)packed.ptr;
    z.avail_in = (unsigned)packed.len;
    while (status == Z_OK && n < WF_LIMIT_UNPACKED) {
        z.next_out = part;
        z.avail_out = sizeof(part);
        status = inflate(&z, Z_SYNC_FLUSH);
        const size_t made = sizeof(part) - z.avail_out;
        (void)wf_buf_append(out, (const char *)part, made); /* asked by who calls */
        n += made;
        if (made == 0)
            break;
    }
    (void)inflateEnd(&z);
    return status == Z_MEM_ERROR ? WF_E_NOMEM : wf_buf_status(out);
}

/* Units of two bytes, the high one first or last, as UTF-8; nothing where they are none. */
static int put_utf16(struct wf_str s, bool high_first, struct wf_buf *out)
{
    char bytes[4];

    for (size_t i = 0; i + 1 < s.len; i += 2) {
        const uint8_t a = (uint8_t)s.ptr[i], b = (uint8_t)s.ptr[i + 1];
        uint32_t cp = high_first ? (uint32_t)a << 8 | b : (uint32_t)b << 8 | a;
        if (cp == 0xfeff)
            continue;
        if (cp >= 0xd800 && cp < 0xe000)
            cp = 0xfffd; /* halves of a character hide nothing that has a form */
        (void)wf_buf_append(out, bytes, wf_utf8_put(bytes, cp)); /* asked by who calls */
    }
    return wf_buf_status(out);
}

int wf_hidden__as_text(struct wf_buf *io, size_t from)
{
    struct wf_str s = wf_str_sub(wf_buf_str(io), from, io->len);
    struct wf_buf made;
    int rc = 0;

    const uint8_t *bytes = (const uint8_t *)s.ptr;
    const size_t n_begin = WF_MIN(s.len, (size_t)WF_HIDDEN_BEGIN);

    if (is_text(s) || !wf_hidden__is_other(bytes, n_begin))
        return wf_buf_status(io);
    wf_buf_init(&made, (size_t)4 * WF_LIMIT_UNPACKED + 2 * s.len);
    if (is_packed(bytes, s.len))
        rc = unpack(s, &made);
    else
        rc = put_utf16(s, n_ascii(bytes, n_begin, 0) > n_ascii(bytes, n_begin, 1), &made);
    if (rc == 0) {
        wf_buf_truncate(io, from);
        s = wf_buf_str(&made);
        s.len = wf_utf8_valid_prefix(s); /* what is cut is cut at a character */
        rc = is_text(s) ? wf_buf_append_str(io, s) : 0;
    }
    wf_buf_deinit(&made);
    return rc;
}

/* ---- base 58 ---- */

/* Digits of it that are looked at: a sentence. */
#define DIGITS58_MOST 512
#define LIMBS 96 /* of 32 bits: as many as that is */

static int digit58(char c)
{
    static const char all[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    const char *at = c == '\0' ? NULL : strchr(all, c);

    return at == NULL ? -1 : (int)(at - all);
}

/* The bytes of a number in base 58, the highest first. Returns how many; 0: it is none, or what it
 * is does not begin like text. */
static size_t read58(struct wf_str run, char out[LIMBS * 4])
{
    uint32_t limbs[LIMBS] = {0};
    size_t n = 1;

    if (run.len < WF_HIDDEN_LEAST || run.len > DIGITS58_MOST)
        return 0;
    for (size_t i = 0; i < run.len;) {
        uint64_t times = 1, carry = 0;
        for (size_t k = 0; k < 5 && i < run.len; k++, i++) {
            const int v = digit58(run.ptr[i]);
            if (v < 0)
                return 0;
            times *= 58;
            carry = carry * 58 + (uint64_t)v;
        }
        for (size_t k = 0; k < n; k++) {
            carry += times * limbs[k];
            limbs[k] = (uint32_t)carry;
            carry >>= 32;
        }
        if (carry != 0 && n < LIMBS)
            limbs[n++] = (uint32_t)carry;
    }
    size_t n_bytes = 0;
    for (size_t k = n; k-- > 0;)
        for (int shift = 24; shift >= 0; shift -= 8) {
            const char b = (char)(uint8_t)(limbs[k] >> shift);
            if (n_bytes > 0 || b != 0)
                out[n_bytes++] = b;
        }
    return n_bytes;
}

bool wf_hidden__decodes58(struct wf_str run)
{
    char bytes[LIMBS * 4];
    const size_t n = read58(run, bytes);

    return n >= WF_HIDDEN_LEAST && is_text(wf_str_n(bytes, n));
}

int wf_hidden__undo58(struct wf_str run, struct wf_buf *out)
{
    char bytes[LIMBS * 4];
    const size_t n = read58(run, bytes);

    return wf_buf_append(out, bytes, n);
}

/* ---- base 85 ---- */

/* Bytes that a token must be to be looked at, and what it must decode to. */
#define TOKEN_LEAST 15
#define BYTES85_LEAST 11

/* Bytes of the last group and of a character, which may be cut or wrong. */
#define TAIL85 8
/* Places of a token from which it is tried. */
#define STARTS_MOST 12

/* What each character counts as, and one: in RFC 1924 (which Python and Git have), in ZeroMQ's. */
static const uint8_t values85[][128] = {
    {0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
     0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  63, 0,  64, 65, 66, 67, 0,  68, 69, 70, 71,
     0,  72, 0,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 0,  73, 74, 75, 76, 77, 78, 11,
     12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33,
     34, 35, 36, 0,  0,  0,  79, 80, 81, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49,
     50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 82, 83, 84, 85, 0},
    {0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
     0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  69, 0,  85, 84, 83, 73, 0,  76, 77, 71, 66,
     0,  64, 63, 70, 1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 65, 0,  74, 67, 75, 72, 82, 37,
     38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59,
     60, 61, 62, 78, 0,  79, 68, 0,  0,  11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
     24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 80, 0,  81, 0,  0},
};

static int digit85(char c, unsigned kind)
{
    if (kind == WF_ARRAY_LEN(values85)) /* Adobe's */
        return c >= '!' && c <= 'u' ? c - '!' : -1;
    return (unsigned char)c < 128 ? values85[kind][(unsigned char)c] - 1 : -1;
}

/* Reads groups of five digits from `i` on, as far as they are text. Returns where they end;
 * *out_n: their bytes. */
static size_t read85(struct wf_str t, size_t i, unsigned kind, size_t *out_n, struct wf_buf *out)
{
    size_t done = i;

    *out_n = 0;
    for (;;) {
        uint64_t v = 0;
        size_t n = 0;
        char bytes[4];
        while (n < 5 && i + n < t.len && digit85(t.ptr[i + n], kind) >= 0) {
            v = v * 85 + (uint64_t)digit85(t.ptr[i + n], kind);
            n++;
        }
        for (size_t k = n; k < 5; k++)
            v = v * 85 + 84;
        if (n < 2 || v > UINT32_MAX)
            break;
        for (size_t k = 0; k < 4; k++)
            bytes[k] = (char)(uint8_t)(v >> (24 - 8 * k));
        for (size_t k = 0; k < n - 1; k++) {
            const uint8_t b = (uint8_t)bytes[k];
            if (b == 0x7f || (b < 0x20 && b != '\n' && b != '\r' && b != '\t'))
                return done;
        }
        if (out != NULL)
            (void)wf_buf_append(out, bytes, n - 1); /* asked by who calls */
        *out_n += n - 1;
        i += n;
        done = i;
        if (n < 5)
            break;
    }
    return done;
}

/* In which way [i, ...) is text; *out_end: where it ends. WF_ARRAY_LEN(values85) + 1: in none. */
static unsigned kind85(struct wf_str t, size_t i, size_t *out_end)
{
    struct wf_buf b;
    unsigned kind = 0;

    wf_buf_init(&b, WF_LIMIT_UNPACKED);
    for (; kind <= WF_ARRAY_LEN(values85); kind++) {
        size_t n;
        const size_t end = read85(t, i, kind, &n, NULL);
        if (n < BYTES85_LEAST)
            continue;
        wf_buf_reset(&b);
        (void)read85(t, i, kind, &n, &b);
        struct wf_str s = wf_buf_str(&b);
        s.len = wf_utf8_valid_prefix(s);
        *out_end = end;
        if (wf_buf_status(&b) != 0 || (s.len + TAIL85 > b.len && is_text(s)))
            break; /* without memory undoing it fails, too */
    }
    wf_buf_deinit(&b);
    return kind;
}

/* Where what begins at i ends, when it stands in quotes, brackets, stars or a tag: their signs are
 * digits, too. */
static size_t closed_end(struct wf_str t, size_t i)
{
    static const char opening[] = "\"'`*(>", closing[] = "\"'`*)<";
    const char *at = i > 0 ? strchr(opening, t.ptr[i - 1]) : NULL;
    size_t end = t.len;

    if (at == NULL || *at == '\0')
        return end;
    const char close = closing[at - opening];
    if (close == '<') { /* no digit of most is '/' */
        const size_t tag = wf_str_find(t, WF_STR("</"), i);
        return tag == SIZE_MAX ? end : tag;
    }
    while (end > i && t.ptr[end - 1] != close)
        end--;
    if (end == i)
        return t.len;
    end--;
    return close == '*' && end > i && t.ptr[end - 1] == '*' ? end - 1 : end;
}

bool wf_hidden__coded85(struct wf_str token, struct wf_hidden *io)
{
    size_t n_signs = 0, end;

    for (size_t i = 0; i < token.len && n_signs < 3; i++)
        n_signs += !((token.ptr[i] | 0x20) >= 'a' && (token.ptr[i] | 0x20) <= 'z') &&
                   !(token.ptr[i] >= '0' && token.ptr[i] <= '9');
    if (n_signs < 2)
        return false;
    /* The whole, or what is behind a quote or "=", "<~". */
    for (size_t i = 0, tries = 0; i + TOKEN_LEAST <= token.len && tries < STARTS_MOST; i++) {
        if (i > 0 && strchr("\"'`=:(~/*>", token.ptr[i - 1]) == NULL)
            continue;
        tries++;
        const struct wf_str inner = wf_str_sub(token, 0, closed_end(token, i));
        if (kind85(inner, i, &end) > WF_ARRAY_LEN(values85) &&
            kind85(token, i, &end) > WF_ARRAY_LEN(values85))
            continue;
        *io = (struct wf_hidden){.at = io->at + i, .len = end - i, .how = WF_HIDING_BASE85};
        return true;
    }
    return false;
}

int wf_hidden__undo85(struct wf_str part, struct wf_buf *out)
{
    const size_t from = out->len;
    size_t n, end;
    const unsigned kind = kind85(part, 0, &end);

    if (kind <= WF_ARRAY_LEN(values85))
        (void)read85(part, 0, kind, &n, out); /* asked below */
    wf_buf_truncate(out, from + wf_utf8_valid_prefix(wf_str_sub(wf_buf_str(out), from, out->len)));
    return wf_buf_status(out);
}

static bool is_of_token(char c)
{
    return (uint8_t)c > ' ' && (uint8_t)c < 0x7f;
}

bool wf_hidden__next_token(struct wf_str t, size_t *io_i, struct wf_hidden *out)
{
    size_t i = *io_i;

    while (i + TOKEN_LEAST <= t.len) {
        size_t k = i + TOKEN_LEAST;
        while (k > i && is_of_token(t.ptr[k - 1]))
            k--;
        if (k > i) {
            i = k; /* words of prose are short: most bytes are never looked at */
            continue;
        }
        size_t end = i + TOKEN_LEAST;
        while (end < t.len && is_of_token(t.ptr[end]))
            end++;
        out->at = i;
        i = end;
        if (wf_hidden__coded85(wf_str_sub(t, out->at, end), out)) {
            *io_i = out->at + out->len;
            return true;
        }
    }
    *io_i = t.len;
    return false;
}

/* ---- Braille ---- */

/* Dots of a to j, and of the rest of the letters. */
static const uint8_t dots_of_letters[] = {0x01, 0x03, 0x09, 0x19, 0x11, 0x0b, 0x1b, 0x13, 0x0a,
                                          0x1a, 0x05, 0x07, 0x0d, 0x1d, 0x15, 0x0f, 0x1f, 0x17,
                                          0x0e, 0x1e, 0x25, 0x27, 0x3a, 0x2d, 0x3d, 0x35};
/* 0 to 9 a line lower, as computers and mathematicians write them. */
static const uint8_t dots_of_digits[] = {0x34, 0x02, 0x06, 0x12, 0x32,
                                         0x22, 0x16, 0x36, 0x26, 0x14};
#define NUMBER_SIGN 0x3c
#define CAPITAL_SIGN 0x20

static int place_of(uint8_t dots, const uint8_t *all, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (all[i] == dots)
            return (int)i;
    return -1;
}

/* Signs: where no letter and no digit is meant. */
static char sign_of(uint8_t dots)
{
    static const struct {
        uint8_t dots;
        char sign;
    } all[] = {{0x00, ' '}, {0x24, '-'}, {0x0c, '/'}, {0x32, '.'}, {0x02, ','},
               {0x12, ':'}, {0x08, '@'}, {0x38, '_'}, {0x2c, '+'}, {0x28, '.'}};

    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++)
        if (all[i].dots == dots)
            return all[i].sign;
    return '?';
}

int wf_hidden__undo_braille(struct wf_str s, struct wf_buf *out)
{
    bool is_number = false, is_capital = false;
    size_t i = 0, n = 0, n_low = 0;

    for (size_t at = 0; at < s.len; n++) {
        const uint8_t dots = (uint8_t)(wf_utf8_next(s, &at) & 0x3f);
        n_low += place_of(dots, dots_of_digits, 10) >= 0;
    }
    while (i < s.len) {
        const uint8_t dots = (uint8_t)(wf_utf8_next(s, &i) & 0x3f);
        const int letter = place_of(dots, dots_of_letters, sizeof(dots_of_letters));
        const int digit = place_of(dots, dots_of_digits, sizeof(dots_of_digits));
        char c = '\0';
        if (dots == NUMBER_SIGN)
            is_number = true;
        else if (dots == CAPITAL_SIGN)
            is_capital = true;
        else if (is_number && letter >= 0 && letter < 10)
            c = (char)('0' + (letter + 1) % 10);
        else if (digit >= 0 && (is_number || n_low * 3 >= n * 2))
            c = (char)('0' + digit);
        else if (letter >= 0)
            c = (char)((is_capital ? 'A' : 'a') + letter);
        else
            c = sign_of(dots);
        if (c == '\0')
            continue;
        is_number = is_number && ((c >= '0' && c <= '9') || c == '-' || c == '.' || c == '/');
        is_capital = false;
        (void)wf_buf_append_byte(out, c); /* asked at the end */
    }
    return wf_buf_status(out);
}
