/* SPDX-License-Identifier: Apache-2.0 */
/* The tricks by which a datum hides, as someone would do them who wants it to pass unseen. */
#include "support/hide.h"

#include <string.h>

#include "support/hide_more.h"
#include "text/utf8.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void plain(struct wf_str s, struct wf_buf *out)
{
    (void)wf_buf_append_str(out, s);
}

static void between(struct wf_str s, const char *what, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        const bool begins = ((uint8_t)s.ptr[i] & 0xc0) != 0x80;
        if (i > 0 && begins)
            (void)wf_buf_append_cstr(out, what);
        (void)wf_buf_append_byte(out, s.ptr[i]);
    }
}

static void zero_width(struct wf_str s, struct wf_buf *out)
{
    between(s, "\u200b", out);
}

static void spaced(struct wf_str s, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        const bool begins = ((uint8_t)s.ptr[i] & 0xc0) != 0x80;
        if (s.ptr[i] == ' ')
            continue;
        if (i > 0 && begins)
            (void)wf_buf_append_byte(out, ' ');
        (void)wf_buf_append_byte(out, s.ptr[i]);
    }
}

static void shifted(struct wf_str s, uint32_t zero, bool letters, struct wf_buf *out)
{
    char bytes[4];

    for (size_t i = 0; i < s.len; i++) {
        if (is_digit(s.ptr[i]))
            (void)wf_buf_append(out, bytes, wf_utf8_put(bytes, zero + (uint32_t)(s.ptr[i] - '0')));
        else if (letters && (uint8_t)s.ptr[i] > ' ' && (uint8_t)s.ptr[i] < 0x7f)
            (void)wf_buf_append(out, bytes, wf_utf8_put(bytes, 0xfee0u + (uint8_t)s.ptr[i]));
        else
            (void)wf_buf_append_byte(out, s.ptr[i]);
    }
}

static void full_width(struct wf_str s, struct wf_buf *out)
{
    shifted(s, 0xff10, true, out);
}

static void arabic(struct wf_str s, struct wf_buf *out)
{
    shifted(s, 0x660, false, out);
}

static void bold(struct wf_str s, struct wf_buf *out)
{
    shifted(s, 0x1d7ce, false, out);
}

/* Cyrillic letters for Latin ones; what has none stays as it is. */
static void cyrillic(struct wf_str s, struct wf_buf *out)
{
    static const char from[] = "ABCEHKMOPTXaceopxy";
    static const char *const to[] = {"А", "В", "С", "Е", "Н", "К", "М", "О", "Р",
                                     "Т", "Х", "а", "с", "е", "о", "р", "х", "у"};

    for (size_t i = 0; i < s.len; i++) {
        const char *at = strchr(from, s.ptr[i]);
        if (at != NULL && *at != '\0')
            (void)wf_buf_append_cstr(out, to[at - from]);
        else
            (void)wf_buf_append_byte(out, s.ptr[i]);
    }
}

/* Each byte as `sign` and two hexadecimal digits. */
static void each(struct wf_str s, const char *sign, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len; i++)
        (void)wf_buf_appendf(out, "%s%02X", sign, (unsigned)(uint8_t)s.ptr[i]);
}

static void url(struct wf_str s, struct wf_buf *out)
{
    each(s, "%", out);
}

static void hex(struct wf_str s, struct wf_buf *out)
{
    each(s, "", out);
}

static void mail(struct wf_str s, struct wf_buf *out)
{
    each(s, "=", out);
}

static void json(struct wf_str s, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len;)
        (void)wf_buf_appendf(out, "\\u%04x", wf_utf8_next(s, &i) & 0xffff);
}

static void html(struct wf_str s, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len;)
        (void)wf_buf_appendf(out, "&#%u;", wf_utf8_next(s, &i));
}

void hide_base64(struct wf_str s, struct wf_buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < s.len; i += 3) {
        uint32_t v = 0;
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (i + k < s.len ? (uint8_t)s.ptr[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            (void)wf_buf_append_byte(out, i + k > s.len ? '=' : digits[v >> (18 - 6 * k) & 63]);
    }
}

static void twice(struct wf_str s, struct wf_buf *out)
{
    struct wf_buf once;

    wf_buf_init(&once, 1u << 16);
    hide_base64(s, &once);
    url(wf_buf_str(&once), out);
    wf_buf_deinit(&once);
}

static void nested(struct wf_str s, struct wf_buf *out)
{
    struct wf_buf once;

    wf_buf_init(&once, 1u << 16);
    hide_base64(s, &once);
    hide_base64(wf_buf_str(&once), out);
    wf_buf_deinit(&once);
}

static void data_uri(struct wf_str s, struct wf_buf *out)
{
    (void)wf_buf_append_cstr(out, "data:text/plain;base64,");
    hide_base64(s, out);
}

/* ---- separators ---- */

#define BETWEEN(name, what)                                                                        \
    static void name(struct wf_str s, struct wf_buf *out)                                          \
    {                                                                                              \
        between(s, what, out);                                                                     \
    }
BETWEEN(spaced_all, " ")
BETWEEN(spaced_twice, "  ")
BETWEEN(dotted, ".")
BETWEEN(dashed, "-")
BETWEEN(underscored, "_")
BETWEEN(in_cells, " | ")
BETWEEN(in_lines, "\n")
BETWEEN(by_commas, ", ")
BETWEEN(in_list, "\", \"")
BETWEEN(soft_hyphens, "\u00ad")
BETWEEN(joiners, "\u200d")
BETWEEN(isolates, "\u2069\u2066")
BETWEEN(struck, "\u0336")
BETWEEN(zalgo, "\u0301\u0323\u0332")
BETWEEN(zwnj_entities, "&zwnj;")
BETWEEN(word_breaks, "<wbr>")
BETWEEN(bullets, "•")
BETWEEN(pictures, "🙂")

/* ---- digits and letters of others ---- */

#define SHIFTED(name, zero)                                                                        \
    static void name(struct wf_str s, struct wf_buf *out)                                          \
    {                                                                                              \
        shifted(s, zero, false, out);                                                              \
    }
SHIFTED(persian, 0x6f0)
SHIFTED(devanagari, 0x966)
SHIFTED(bengali, 0x9e6)
SHIFTED(thai, 0xe50)
SHIFTED(khmer, 0x17e0)
SHIFTED(doubled, 0x1d7d8)

static void mapped(struct wf_str s, const char *from, const char *const *to, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        const char *at = strchr(from, s.ptr[i]);
        if (at != NULL && *at != '\0')
            (void)wf_buf_append_cstr(out, to[at - from]);
        else
            (void)wf_buf_append_byte(out, s.ptr[i]);
    }
}

static void raised(struct wf_str s, struct wf_buf *out)
{
    static const char *const to[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};

    mapped(s, "0123456789", to, out);
}

static void circled(struct wf_str s, struct wf_buf *out)
{
    static const char *const to[] = {"⓪", "①", "②", "③", "④", "⑤", "⑥", "⑦", "⑧", "⑨"};

    mapped(s, "0123456789", to, out);
}

static void keycaps(struct wf_str s, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        (void)wf_buf_append_byte(out, s.ptr[i]);
        if (is_digit(s.ptr[i]))
            (void)wf_buf_append_cstr(out, "\ufe0f\u20e3");
    }
}

static void greek(struct wf_str s, struct wf_buf *out)
{
    static const char *const to[] = {"Α", "Β", "Ε", "Ζ", "Η", "Ι", "Κ", "Μ",
                                     "Ν", "Ο", "Ρ", "Τ", "Υ", "Χ", "ο", "ν"};

    mapped(s, "ABEZHIKMNOPTYXov", to, out);
}

static void mathematical(struct wf_str s, struct wf_buf *out)
{
    char bytes[4];

    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        const uint32_t cp = c >= 'A' && c <= 'Z'   ? 0x1d5d4u + (uint32_t)(c - 'A')
                            : c >= 'a' && c <= 'z' ? 0x1d5eeu + (uint32_t)(c - 'a')
                            : is_digit(c)          ? 0x1d7ecu + (uint32_t)(c - '0')
                                                   : 0;
        if (cp == 0)
            (void)wf_buf_append_byte(out, c);
        else
            (void)wf_buf_append(out, bytes, wf_utf8_put(bytes, cp));
    }
}

static void tags(struct wf_str s, struct wf_buf *out)
{
    char bytes[4];

    for (size_t i = 0; i < s.len; i++)
        if ((uint8_t)s.ptr[i] < 0x80 && s.ptr[i] >= ' ')
            (void)wf_buf_append(out, bytes, wf_utf8_put(bytes, 0xe0000u + (uint8_t)s.ptr[i]));
        else
            (void)wf_buf_append_byte(out, s.ptr[i]);
}

static void selectors(struct wf_str s, struct wf_buf *out)
{
    char bytes[4];

    (void)wf_buf_append_byte(out, 'x');
    for (size_t i = 0; i < s.len; i++) {
        const uint8_t b = (uint8_t)s.ptr[i];
        (void)wf_buf_append(out, bytes,
                            wf_utf8_put(bytes, b < 16 ? 0xfe00u + b : 0xe0100u + b - 16u));
    }
}

static void backwards(struct wf_str s, struct wf_buf *out)
{
    for (size_t i = s.len; i > 0;) {
        size_t at = i - 1;
        while (at > 0 && ((uint8_t)s.ptr[at] & 0xc0) == 0x80)
            at--;
        (void)wf_buf_append_str(out, wf_str_sub(s, at, i));
        i = at;
    }
}

static void turned(struct wf_str s, struct wf_buf *out)
{
    (void)wf_buf_append_cstr(out, "\u202e");
    backwards(s, out);
    (void)wf_buf_append_cstr(out, "\u202c");
}

/* ---- codes ---- */

static void codes(struct wf_str s, const char *form, const char *by, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        if (i > 0)
            (void)wf_buf_append_cstr(out, by);
        if (form[0] == 'b') {
            for (int bit = 7; bit >= 0; bit--)
                (void)wf_buf_append_byte(out, (uint8_t)s.ptr[i] >> bit & 1 ? '1' : '0');
        } else if (form[0] == 'd') {
            (void)wf_buf_appendf(out, "%u", (unsigned)(uint8_t)s.ptr[i]);
        } else if (form[0] == 'o') {
            (void)wf_buf_appendf(out, "\\%03o", (unsigned)(uint8_t)s.ptr[i]);
        } else {
            (void)wf_buf_appendf(out, "%s%02x", form + 1, (unsigned)(uint8_t)s.ptr[i]);
        }
    }
}

#define CODES(name, form, by)                                                                      \
    static void name(struct wf_str s, struct wf_buf *out)                                          \
    {                                                                                              \
        codes(s, form, by, out);                                                                   \
    }
CODES(hex_spaced, "x", " ")
CODES(hex_colons, "x", ":")
CODES(hex_listed, "x0x", ", ")
CODES(hex_escapes, "x\\x", "")
CODES(octal, "o", "")
CODES(decimal, "d", " ")
CODES(decimal_list, "d", ", ")
CODES(binary, "b", " ")

static void base32(struct wf_str s, struct wf_buf *out)
{
    static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint32_t held = 0;
    unsigned bits = 0;

    for (size_t i = 0; i < s.len; i++) {
        held = held << 8 | (uint8_t)s.ptr[i];
        for (bits += 8; bits >= 5; bits -= 5)
            (void)wf_buf_append_byte(out, all[held >> (bits - 5) & 31]);
        held &= (1u << bits) - 1;
    }
    if (bits > 0)
        (void)wf_buf_append_byte(out, all[held << (5 - bits) & 31]);
}

/* Without the signs of the end, and with those of URLs. */
static void base64_url(struct wf_str s, struct wf_buf *out)
{
    const size_t from = out->len;

    hide_base64(s, out);
    while (out->len > from && out->ptr[out->len - 1] == '=')
        wf_buf_truncate(out, out->len - 1);
    for (size_t i = from; i < out->len; i++)
        out->ptr[i] = out->ptr[i] == '+' ? '-' : out->ptr[i] == '/' ? '_' : out->ptr[i];
}

static void url_twice(struct wf_str s, struct wf_buf *out)
{
    each(s, "%25", out);
}

static void rot13(struct wf_str s, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i], low = (char)(c | 0x20);
        if ((uint8_t)c < 0x80 && low >= 'a' && low <= 'z')
            (void)wf_buf_append_byte(out,
                                     (char)((c & 0x20) | (((low - 'a' + 13) % 26 + 'A') & 0x5f)));
        else
            (void)wf_buf_append_byte(out, c);
    }
}

/* ---- words, strings, look-alikes in ASCII ---- */

static bool is_number(struct wf_str s)
{
    size_t digits = 0;

    for (size_t i = 0; i < s.len; i++)
        if (is_digit(s.ptr[i]))
            digits++;
        else if (strchr(" -./", s.ptr[i]) == NULL)
            return false;
    return digits >= 6;
}

static void spelled(struct wf_str s, struct wf_buf *out)
{
    static const char *const words[][10] = {
        {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"},
        {"null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"},
        {"zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"},
        {"cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"},
        {"ноль", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять"},
        {"零", "一", "二", "三", "四", "五", "六", "七", "八", "九"},
        {"صفر", "واحد", "اثنان", "ثلاثة", "أربعة", "خمسة", "ستة", "سبعة", "ثمانية", "تسعة"},
        {"sıfır", "bir", "iki", "üç", "dört", "beş", "altı", "yedi", "sekiz", "dokuz"},
        {"शून्य", "एक", "दो", "तीन", "चार", "पाँच", "छह", "सात", "आठ", "नौ"},
        {"nul", "een", "twee", "drie", "vier", "vijf", "zes", "zeven", "acht", "negen"},
        {"zero", "jeden", "dwa", "trzy", "cztery", "pięć", "sześć", "siedem", "osiem", "dziewięć"},
        {"noll", "ett", "två", "tre", "fyra", "fem", "sex", "sju", "åtta", "nio"},
    };
    const size_t lang = s.len == 0 ? 0 : ((uint8_t)s.ptr[s.len - 1] + s.len) % WF_ARRAY_LEN(words);

    for (size_t i = 0, n = 0; i < s.len; i++) {
        if (!is_number(s))
            (void)wf_buf_append_byte(out, s.ptr[i]);
        else if (is_digit(s.ptr[i]))
            (void)wf_buf_appendf(out, "%s%s", n++ > 0 ? " " : "", words[lang][s.ptr[i] - '0']);
    }
}

static void number_backwards(struct wf_str s, struct wf_buf *out)
{
    if (is_number(s))
        backwards(s, out);
    else
        (void)wf_buf_append_str(out, s);
}

static void letters_for_digits(struct wf_str s, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len; i++)
        (void)wf_buf_append_byte(out, !is_number(s)     ? s.ptr[i]
                                      : s.ptr[i] == '0' ? 'O'
                                      : s.ptr[i] == '1' ? 'l'
                                      : s.ptr[i] == '5' ? 'S'
                                                        : s.ptr[i]);
}

static void morse(struct wf_str s, struct wf_buf *out)
{
    static const char *const signs[] = {"-----", ".----", "..---", "...--", "....-",
                                        ".....", "-....", "--...", "---..", "----."};

    for (size_t i = 0; i < s.len; i++) {
        if (!is_number(s))
            (void)wf_buf_append_byte(out, s.ptr[i]);
        else if (is_digit(s.ptr[i]))
            (void)wf_buf_appendf(out, "%s ", signs[s.ptr[i] - '0']);
    }
}

/* Two strings that a program puts together. */
static void two_strings(struct wf_str s, struct wf_buf *out)
{
    const size_t at = s.len / 2;

    for (size_t i = 0; i < s.len; i++) {
        if (i == at && ((uint8_t)s.ptr[i] & 0xc0) != 0x80 && i > 0 && s.ptr[i - 1] != ' ' &&
            s.ptr[i] != ' ')
            (void)wf_buf_append_cstr(out, "\" + \"");
        (void)wf_buf_append_byte(out, s.ptr[i]);
    }
}

static void comment_within(struct wf_str s, struct wf_buf *out)
{
    const size_t at = s.len / 2;

    for (size_t i = 0; i < s.len; i++) {
        if (i == at && ((uint8_t)s.ptr[i] & 0xc0) != 0x80)
            (void)wf_buf_append_cstr(out, "<!-- and -->");
        (void)wf_buf_append_byte(out, s.ptr[i]);
    }
}

const struct hide hides[] = {
    {"plain", plain, false},
    {"zero-width spaces", zero_width, false},
    {"full-width", full_width, false},
    {"Arabic digits", arabic, false},
    {"mathematical digits", bold, false},
    {"Cyrillic look-alikes", cyrillic, false},
    {"spaced", spaced, false},
    {"URL encoding", url, false},
    {"JSON escapes", json, false},
    {"HTML entities", html, false},
    {"quoted-printable", mail, true},
    {"hexadecimal", hex, true},
    {"base64", hide_base64, true},
    {"base64, URL encoded", twice, true},
    {"base64 in base64", nested, true},
    {"data: URI", data_uri, true},
    {"spaced, spaces too", spaced_all, false},
    {"spaced twice", spaced_twice, false},
    {"dots between", dotted, false},
    {"dashes between", dashed, false},
    {"'_' between", underscored, false},
    {"cells of a table", in_cells, false},
    {"a character a line", in_lines, false},
    {"commas between", by_commas, false},
    {"a list of strings", in_list, false},
    {"soft hyphens", soft_hyphens, false},
    {"zero-width joiners", joiners, false},
    {"isolates", isolates, false},
    {"struck through", struck, false},
    {"marks above and below", zalgo, false},
    {"entities without width", zwnj_entities, false},
    {"word breaks of HTML", word_breaks, false},
    {"Persian digits", persian, false},
    {"Devanagari digits", devanagari, false},
    {"Bengali digits", bengali, false},
    {"Thai digits", thai, false},
    {"Khmer digits", khmer, false},
    {"double-struck digits", doubled, false},
    {"raised digits", raised, false},
    {"circled digits", circled, false},
    {"keycaps", keycaps, false},
    {"Greek look-alikes", greek, false},
    {"mathematical letters", mathematical, false},
    {"tag characters", tags, false},
    {"variation selectors", selectors, false},
    {"turned", turned, false},
    {"hexadecimal, spaced", hex_spaced, true},
    {"hexadecimal, colons", hex_colons, true},
    {"hexadecimal, listed", hex_listed, true},
    {"hexadecimal escapes", hex_escapes, false},
    {"octal escapes", octal, false},
    {"decimal codes", decimal, false},
    {"decimal codes, listed", decimal_list, false},
    {"binary codes", binary, false},
    {"base32", base32, true},
    {"base64 of URLs", base64_url, true},
    {"base64 of the datum", hide_base64, false},
    {"hexadecimal of the datum", hex, false},
    {"URL encoded twice", url_twice, false},
    {"ROT13", rot13, true},
    {"a sentence backwards", backwards, true},
    {"a number backwards", number_backwards, false},
    {"words for digits", spelled, false},
    {"letters for digits", letters_for_digits, false},
    {"Morse code", morse, false},
    {"two strings", two_strings, false},
    {"a comment within", comment_within, false},
    {"base58", hide_base58, false},
    {"ascii85", hide_ascii85, true},
    {"base85", hide_base85, true},
    {"packed, base64", hide_gzip, true},
    {"packed, hexadecimal", hide_gzip_hex, true},
    {"packed (zlib), base64", hide_zlib, true},
    {"base64 of UTF-16", hide_utf16, true},
    {"UTF-7, base64", hide_utf7, false},
    {"hexadecimal behind 0x", hide_0x, false},
    {"base64 in groups", hide_base64_groups, true},
    {"hexadecimal in groups", hide_hex_groups, true},
    {"base64 backwards", hide_base64_backwards, true},
    {"%u escapes", hide_escape, false},
    {"\\u{} escapes", hide_braced, false},
    {"\\U escapes", hide_long, false},
    {"entities without ';'", hide_bare_entities, false},
    {"escapes of style sheets", hide_css, false},
    {"an array of bytes", hide_array, false},
    {"calls of chr()", hide_calls, false},
    {"a tag around each", hide_tags, false},
    {"Braille", hide_braille, false},
    {"bullets between", bullets, false},
    {"pictures between", pictures, false},
};
const size_t hides_n = WF_ARRAY_LEN(hides);
