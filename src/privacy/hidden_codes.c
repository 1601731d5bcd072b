/* SPDX-License-Identifier: Apache-2.0 */
/* Characters told by their numbers ("52 49 49", "0x34, 0x31", "00110100", "chr(52)+chr(49)"), or
 * by the signs of Morse. */
#include <string.h>

#include "privacy/hidden_internal.h"
#include "text/utf8.h"

/* Codes that are no chance; bytes between two of them. */
#define CODES_LEAST 5
#define CODES_GAP 14
#define CODE_DIGITS 8
#define NAME_MOST 24 /* of what is called with one */
/* Signs of one letter; letters that are no chance; how far back the first may stand. */
#define MORSE_SIGNS 6
#define MORSE_LEAST 5
#define MORSE_BACK 64

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool is_alnum(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* ---- numbers ---- */

/* The digits of the code at i, behind "0x" or "U+"; *out_at: where they begin; 0: there is none. */
static size_t code_at(struct wf_str t, size_t i, size_t *out_at)
{
    size_t n = 0;

    if (i + 2 < t.len && ((t.ptr[i] == '0' && (t.ptr[i + 1] | 0x20) == 'x') ||
                          ((t.ptr[i] | 0x20) == 'u' && t.ptr[i + 1] == '+')))
        i += 2;
    *out_at = i;
    while (n <= CODE_DIGITS && i + n < t.len && is_hex(t.ptr[i + n]))
        n++;
    return n <= CODE_DIGITS && !(i + n < t.len && is_alnum(t.ptr[i + n])) ? n : 0;
}

/* The character that digits of a base stand for; -1: none that is seen. */
static int char_of(struct wf_str digits, unsigned base)
{
    unsigned v = 0;

    for (size_t i = 0; i < digits.len; i++) {
        const char c = digits.ptr[i];
        const unsigned d = is_digit(c) ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
        if (d >= base)
            return -1;
        v = v * base + d;
    }
    if ((base == 16 && digits.len % 2 != 0) || (base == 2 && digits.len < 7) ||
        (base == 8 && digits.len != 3))
        return -1;
    return (v >= ' ' && v < 0x7f) || v == '\n' || v == '\t' || (v >= 0x80 && v < 0xf5) ? (int)v
                                                                                       : -1;
}

/* What stands between the first code, which ends at i, and the second. */
static struct wf_str gap_at(struct wf_str t, size_t i)
{
    size_t n = 1;

    if (i + 2 < t.len && !is_alnum(t.ptr[i]) && is_hex(t.ptr[i + 1]) && is_hex(t.ptr[i + 2]))
        return wf_str_sub(t, i, i + 1);
    while (n < CODES_GAP && i + n < t.len && !is_digit(t.ptr[i + n]))
        n++;
    if (n > 2 && i + n < t.len && (t.ptr[i + n - 1] | 0x20) != 'x' && t.ptr[i + n - 1] == '+' &&
        (t.ptr[i + n - 2] | 0x20) == 'u')
        n -= 2;
    return i + n < t.len && is_digit(t.ptr[i + n]) ? wf_str_sub(t, i, i + n)
                                                   : (struct wf_str){.len = 0};
}

/* Reads codes of a base from `from` on, the first of which ends at `end`. *out_n: how many;
 * *out_digits: how many of them are digits. Returns where they end. */
static size_t read_codes(struct wf_str t, size_t from, size_t end, unsigned base, size_t *out_n,
                         size_t *out_digits, struct wf_buf *out)
{
    const struct wf_str gap = gap_at(t, end);
    size_t at, done = from, i = from;
    int more = 0;

    *out_n = *out_digits = 0;
    for (;;) {
        const size_t n = code_at(t, i, &at);
        const int c = n >= 2 ? char_of(wf_str_sub(t, at, at + n), base) : -1;
        /* The bytes of a character, one behind the other. */
        if (c < 0 || (more > 0) != ((c & 0xc0) == 0x80))
            break;
        more = more > 0 ? more - 1 : c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
        if (out != NULL)
            (void)wf_buf_append_byte(out, (char)c); /* asked at the end */
        (*out_n)++;
        *out_digits += is_digit((char)c) || c == ' ';
        if (more == 0)
            done = at + n;
        i = at + n;
        if (gap.len == 0 || i + gap.len > t.len || memcmp(t.ptr + i, gap.ptr, gap.len) != 0)
            break;
        i += gap.len;
    }
    return done;
}

/* The base in which the codes are a text, of several the one with more digits; 0: none. */
static unsigned base_of(struct wf_str t, size_t from, size_t end, size_t *out_end)
{
    static const unsigned bases[] = {2, 10, 16, 8};
    size_t n, digits, most = 0;
    unsigned best = 0;

    for (size_t i = 0; i < WF_ARRAY_LEN(bases); i++) {
        const size_t e = read_codes(t, from, end, bases[i], &n, &digits, NULL);
        if (n < CODES_LEAST || n * 4 + digits <= most)
            continue;
        most = n * 4 + digits;
        best = bases[i];
        *out_end = e;
    }
    return best;
}

/* The bracket that closes what one opens; '\0'. */
static char closing(char c)
{
    return c == '[' ? ']' : c == '{' ? '}' : c == '(' ? ')' : '\0';
}

bool wf_hidden__codes(struct wf_str t, size_t from, size_t end, size_t floor, struct wf_hidden *out)
{
    size_t last = 0;

    if (end - from < 2 || end - from > CODE_DIGITS)
        return false;
    if (gap_at(t, end).len == 0 || base_of(t, from, end, &last) == 0)
        return false;
    /* "[52, 49, 49]" as a whole: what stands in brackets is a placeholder. */
    if (from > floor && last < t.len && closing(t.ptr[from - 1]) == t.ptr[last] &&
        t.ptr[last] != '\0') {
        from--;
        last++;
        /* "chr(52)+chr(49)" */
        for (size_t n = 0;
             from > floor && n < NAME_MOST && (is_alnum(t.ptr[from - 1]) || t.ptr[from - 1] == '.');
             n++)
            from--;
    }
    *out = (struct wf_hidden){.at = from, .len = last - from, .how = WF_HIDING_CODES};
    return true;
}

int wf_hidden__undo_codes(struct wf_str part, struct wf_buf *out)
{
    size_t at, last, n, digits, first = 0;

    while (code_at(part, 0, &at) == 0 && first < part.len && closing(part.ptr[first++]) == '\0')
        continue;
    const size_t from = out->len, end = code_at(part, first, &at);
    const unsigned base = base_of(part, first, at + end, &last);

    if (base != 0)
        (void)read_codes(part, first, at + end, base, &n, &digits, out); /* asked at the end */
    wf_buf_truncate(out, from + wf_utf8_valid_prefix(wf_str_sub(wf_buf_str(out), from, out->len)));
    return wf_buf_status(out);
}

/* ---- Morse ---- */

static char letter_of(struct wf_str signs)
{
    static const struct {
        char letter;
        char signs[MORSE_SIGNS + 1];
    } all[] = {
        {'A', ".-"},     {'B', "-..."},   {'C', "-.-."},   {'D', "-.."},    {'E', "."},
        {'F', "..-."},   {'G', "--."},    {'H', "...."},   {'I', ".."},     {'J', ".---"},
        {'K', "-.-"},    {'L', ".-.."},   {'M', "--"},     {'N', "-."},     {'O', "---"},
        {'P', ".--."},   {'Q', "--.-"},   {'R', ".-."},    {'S', "..."},    {'T', "-"},
        {'U', "..-"},    {'V', "...-"},   {'W', ".--"},    {'X', "-..-"},   {'Y', "-.--"},
        {'Z', "--.."},   {'0', "-----"},  {'1', ".----"},  {'2', "..---"},  {'3', "...--"},
        {'4', "....-"},  {'5', "....."},  {'6', "-...."},  {'7', "--..."},  {'8', "---.."},
        {'9', "----."},  {'.', ".-.-.-"}, {',', "--..--"}, {'@', ".--.-."}, {'-', "-....-"},
        {'/', "-..-."},  {':', "---..."}, {'_', "..--.-"}, {'=', "-...-"},  {'+', ".-.-."},
        {'!', "-.-.--"},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++)
        if (wf_str_eq(signs, wf_str_from(all[i].signs)))
            return all[i].letter;
    return '\0';
}

/* Letters from i on, one or two spaces between, " / " between words. Returns where they end. */
static size_t read_morse(struct wf_str t, size_t i, size_t *out_n, struct wf_buf *out)
{
    size_t done = i;

    *out_n = 0;
    while (i < t.len) {
        size_t n = 0;
        while (n <= MORSE_SIGNS && i + n < t.len && (t.ptr[i + n] == '.' || t.ptr[i + n] == '-'))
            n++;
        const char letter = letter_of(wf_str_sub(t, i, i + n));
        if (letter == '\0' || (i + n < t.len && is_alnum(t.ptr[i + n])))
            break;
        if (out != NULL)
            (void)wf_buf_append_byte(out, letter); /* asked at the end */
        (*out_n)++;
        done = i = i + n;
        size_t gap = 0;
        bool is_word = false;
        for (; i + gap < t.len && gap < 4 && strchr(" /|\n", t.ptr[i + gap]) != NULL; gap++)
            is_word = is_word || t.ptr[i + gap] == '/' || t.ptr[i + gap] == '|';
        if (gap == 0)
            break;
        i += gap;
        if (out != NULL && (is_word || gap > 2))
            (void)wf_buf_append_byte(out, ' ');
    }
    return done;
}

bool wf_hidden__morse(struct wf_str t, size_t i, size_t floor, struct wf_hidden *out)
{
    size_t from = i, n, end;

    if (i + 4 >= t.len || strchr(".- /", t.ptr[i + 1]) == NULL ||
        (i > 0 && is_alnum(t.ptr[i - 1])) || (t.ptr[i + 1] == ' ' && is_alnum(t.ptr[i + 2])))
        return false;
    while (from > floor && i - from < MORSE_BACK && strchr(".- /", t.ptr[from - 1]) != NULL)
        from--;
    while (from < i && (t.ptr[from] == ' ' || t.ptr[from] == '/'))
        from++;
    end = read_morse(t, from, &n, NULL);
    if (n < MORSE_LEAST || end <= i)
        return false;
    *out = (struct wf_hidden){.at = from, .len = end - from, .how = WF_HIDING_MORSE};
    return true;
}

int wf_hidden__undo_morse(struct wf_str part, struct wf_buf *out)
{
    size_t n;

    (void)read_morse(part, 0, &n, out); /* asked at the end */
    return wf_buf_status(out);
}
