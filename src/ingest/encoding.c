/* SPDX-License-Identifier: Apache-2.0 */
/* Encodings: the guess, and the conversion by iconv.
 *
 * The guess goes from what is certain to what is likely. Bytes that are valid UTF-8 with at least
 * one longer sequence are UTF-8 whatever was declared: by chance that does not happen. A declared
 * charset is believed next, read the way browsers read it ("iso-8859-1" means windows-1252).
 *
 * Converters are kept open for the life of the process: in the spawner they are opened once, so
 * that workers find glibc's modules loaded although they cannot open files. */
#include "ingest/encoding.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <string.h>
#include <uchardet.h>

#include "text/utf8.h"

/* What a statistical guess may look at. */
#define GUESS_BYTES (256u << 10)

/* All encodings that documents come in; each is loaded by wf_encoding_warm. */
static const char *const names[] = {
    "UTF-8",
    "WINDOWS-1252",
    "WINDOWS-1250",
    "WINDOWS-1251",
    "WINDOWS-1253",
    "WINDOWS-1254",
    "WINDOWS-1255",
    "WINDOWS-1256",
    "WINDOWS-1257",
    "WINDOWS-1258",
    "ISO-8859-2",
    "ISO-8859-3",
    "ISO-8859-4",
    "ISO-8859-5",
    "ISO-8859-6",
    "ISO-8859-7",
    "ISO-8859-8",
    "ISO-8859-10",
    "ISO-8859-13",
    "ISO-8859-14",
    "ISO-8859-15",
    "ISO-8859-16",
    "KOI8-R",
    "KOI8-U",
    "IBM866",
    "IBM850",
    "IBM852",
    "IBM437",
    "IBM855",
    "IBM500",
    "CP932",
    "EUC-JP",
    "ISO-2022-JP",
    "GB18030",
    "BIG5-HKSCS",
    "EUC-TW",
    "CP949",
    "ISO-2022-KR",
    "JOHAB",
    "WINDOWS-874",
    "MACINTOSH",
    "MAC-CYRILLIC",
    "MAC-CENTRALEUROPE",
    "TCVN",
    "VISCII",
    "UTF-16LE",
    "UTF-16BE",
    "UTF-32LE",
    "UTF-32BE",
    "UTF-7",
};

static iconv_t open_converters[WF_ARRAY_LEN(names)]; /* 0 = not opened yet */

/* Names in the wild, lower case without '-', '_' and ' ', and what they mean in practice. */
static const struct {
    const char *alias;
    const char *name;
} aliases[] = {
    {"utf8", "UTF-8"},
    {"unicode11utf8", "UTF-8"},
    {"ascii", "WINDOWS-1252"},
    {"usascii", "WINDOWS-1252"},
    {"ansix341968", "WINDOWS-1252"},
    {"iso88591", "WINDOWS-1252"},
    {"latin1", "WINDOWS-1252"},
    {"l1", "WINDOWS-1252"},
    {"ibm819", "WINDOWS-1252"},
    {"ansi", "WINDOWS-1252"},
    {"latin2", "ISO-8859-2"},
    {"iso88599", "WINDOWS-1254"},
    {"latin5", "WINDOWS-1254"},
    {"iso885911", "WINDOWS-874"},
    {"tis620", "WINDOWS-874"},
    {"cp874", "WINDOWS-874"},
    {"iso88598i", "ISO-8859-8"},
    {"latin9", "ISO-8859-15"},
    {"koi8", "KOI8-R"},
    {"koi", "KOI8-R"},
    {"cp866", "IBM866"},
    {"cp850", "IBM850"},
    {"cp852", "IBM852"},
    {"cp437", "IBM437"},
    {"cp855", "IBM855"},
    {"cp500", "IBM500"},
    {"ebcdiccpbe", "IBM500"},
    {"shiftjis", "CP932"},
    {"sjis", "CP932"},
    {"xsjis", "CP932"},
    {"windows31j", "CP932"},
    {"mskanji", "CP932"},
    {"gb2312", "GB18030"},
    {"gbk", "GB18030"},
    {"xgbk", "GB18030"},
    {"cp936", "GB18030"},
    {"euccn", "GB18030"},
    {"big5", "BIG5-HKSCS"},
    {"cp950", "BIG5-HKSCS"},
    {"euckr", "CP949"},
    {"ksc56011987", "CP949"},
    {"ksc5601", "CP949"},
    {"uhc", "CP949"},
    {"xeucjp", "EUC-JP"},
    {"ujis", "EUC-JP"},
    {"xmacroman", "MACINTOSH"},
    {"macroman", "MACINTOSH"},
    {"mac", "MACINTOSH"},
    {"xmaccyrillic", "MAC-CYRILLIC"},
    {"maccyrillic", "MAC-CYRILLIC"},
    {"maccentraleurope", "MAC-CENTRALEUROPE"},
    {"utf16", "UTF-16LE"},
    {"unicode", "UTF-16LE"},
    {"ucs2", "UTF-16LE"},
    {"utf32", "UTF-32LE"},
};

/* Lower case, without what spellings differ in; cut to the room. */
static struct wf_str squeeze(struct wf_str s, char *out, size_t out_bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len && n < out_bytes; i++) {
        if (isalnum((unsigned char)s.ptr[i])) {
            out[n++] = (char)tolower((unsigned char)s.ptr[i]);
        }
    }
    return wf_str_n(out, n);
}

/* The name of `names` that a name from outside means, or NULL. */
const char *wf_encoding_known(struct wf_str declared)
{
    char room[32];
    char room2[32];
    struct wf_str key = squeeze(declared, room, sizeof(room));
    for (size_t i = 0; i < WF_ARRAY_LEN(aliases); i++) {
        if (wf_str_eq(key, wf_str_from(aliases[i].alias))) {
            return aliases[i].name;
        }
    }
    if (wf_str_starts(key, WF_STR("cp125")) || wf_str_starts(key, WF_STR("xcp125"))) {
        size_t skip = key.ptr[0] == 'x' ? 3 : 2;
        char longer[40] = "windows";
        size_t n = WF_MIN(key.len - skip, sizeof(longer) - 8);
        memcpy(longer + 7, key.ptr + skip, n);
        key = squeeze(wf_str_n(longer, 7 + n), room2, sizeof(room2));
        memcpy(room, key.ptr, key.len);
        key = wf_str_n(room, key.len);
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        if (wf_str_eq(key, squeeze(wf_str_from(names[i]), room2, sizeof(room2)))) {
            return names[i];
        }
    }
    return NULL;
}

static iconv_t converter(const char *name)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        if (strcmp(names[i], name) != 0) {
            continue;
        }
        if (open_converters[i] == NULL) {
            open_converters[i] = iconv_open("UTF-8", name);
        }
        if (open_converters[i] != (iconv_t)-1) {
            (void)iconv(open_converters[i], NULL, NULL, NULL, NULL); /* back to its first state */
        }
        return open_converters[i];
    }
    return (iconv_t)-1;
}

void wf_encoding_warm(void)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        (void)converter(names[i]);
    }
}

/* ---- the guess ---- */

struct utf8_shape {
    size_t n_long; /* valid sequences of two bytes and more */
    size_t n_bad;  /* places where validity breaks */
};

/* A sequence cut by the sample's end is not bad, if others before it were whole. */
static struct utf8_shape utf8_shape(struct wf_str s)
{
    struct utf8_shape shape = {0, 0};
    while (s.len > 0) {
        size_t n = wf_utf8_valid_prefix(s);
        for (size_t i = 0; i < n; i++) {
            shape.n_long += ((unsigned char)s.ptr[i] & 0xc0) == 0xc0;
        }
        bool cut = n < s.len && s.len - n < 4 && shape.n_long > 0 &&
                   ((unsigned char)s.ptr[n] & 0xc0) == 0xc0;
        if (n < s.len && !cut) {
            shape.n_bad++;
        }
        s = wf_str_sub(s, n + 1, s.len);
    }
    return shape;
}

static const char *by_bom(struct wf_str s, size_t *out_bom_bytes)
{
    static const struct {
        struct wf_str mark;
        const char *name;
    } marks[] = {
        {{"\xef\xbb\xbf", 3}, "UTF-8"},    {{"\xff\xfe\0\0", 4}, "UTF-32LE"},
        {{"\0\0\xfe\xff", 4}, "UTF-32BE"}, {{"\xff\xfe", 2}, "UTF-16LE"},
        {{"\xfe\xff", 2}, "UTF-16BE"},
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(marks); i++) {
        if (wf_str_starts(s, marks[i].mark)) {
            *out_bom_bytes = marks[i].mark.len;
            return marks[i].name;
        }
    }
    return NULL;
}

/* UTF-16 without a mark: Latin letters, digits and spaces leave zeros in one half. */
static const char *by_zeros(struct wf_str s)
{
    size_t n_pairs = WF_MIN(s.len, (size_t)4096) / 2;
    size_t n_zero[2] = {0, 0};
    for (size_t i = 0; i < 2 * n_pairs; i++) {
        n_zero[i & 1] += s.ptr[i] == 0;
    }
    if (n_zero[1] > 0 && n_zero[0] * 20 <= n_zero[1] && n_zero[1] * 10 >= n_pairs) {
        return "UTF-16LE";
    }
    if (n_zero[0] > 0 && n_zero[1] * 20 <= n_zero[0] && n_zero[0] * 10 >= n_pairs) {
        return "UTF-16BE";
    }
    return NULL;
}

/* Mainframe text: its space is '@', its letters have the high bit, and ASCII's space is rare. */
static bool is_ebcdic(struct wf_str s)
{
    size_t n_space = 0;
    size_t n_ascii_space = 0;
    size_t n_letter = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        n_space += c == 0x40;
        n_ascii_space += c == ' ' || c == '\n';
        n_letter += (c >= 0x81 && c <= 0xa9 && (c & 0x0f) >= 1 && (c & 0x0f) <= 9) ||
                    (c >= 0xc1 && c <= 0xe9 && (c & 0x0f) >= 1 && (c & 0x0f) <= 9);
    }
    return s.len >= 16 && n_space * 20 >= s.len && n_space > 10 * n_ascii_space &&
           n_letter * 2 >= s.len - n_space;
}

/* Encodings that texts in Latin letters really come in. */
static bool is_latin(const char *name)
{
    static const char *const latin[] = {
        "UTF-8",        "WINDOWS-1252", "WINDOWS-1250", "WINDOWS-1254",
        "WINDOWS-1257", "WINDOWS-1258", "ISO-8859-2",   "ISO-8859-3",
        "ISO-8859-4",   "ISO-8859-10",  "ISO-8859-13",  "ISO-8859-14",
        "ISO-8859-15",  "ISO-8859-16",  "ISO-2022-JP",  "ISO-2022-KR"};
    for (size_t i = 0; i < WF_ARRAY_LEN(latin); i++) {
        if (strcmp(name, latin[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Latin text with a few accents makes a poor sample: a guess of another script is then chance. */
static bool is_sparse(struct wf_str s)
{
    size_t n_high = 0;
    for (size_t i = 0; i < s.len; i++) {
        n_high += (unsigned char)s.ptr[i] >= 0x80;
    }
    return n_high < 3 || (n_high * 4 < s.len && n_high < 64);
}

static const char *by_statistics(struct wf_str s)
{
    const char *name = NULL;
    uchardet_t u = uchardet_new();
    if (u != NULL) {
        if (uchardet_handle_data(u, s.ptr, s.len) == 0) {
            uchardet_data_end(u);
            name = wf_encoding_known(wf_str_from(uchardet_get_charset(u)));
        }
        uchardet_delete(u);
    }
    return name != NULL && !is_latin(name) && is_sparse(s) ? "WINDOWS-1252" : name;
}

static bool is_multibyte_unit(const char *name)
{
    return strncmp(name, "UTF-16", 6) == 0 || strncmp(name, "UTF-32", 6) == 0;
}

const char *wf_encoding_guess(struct wf_str sample, struct wf_str declared, size_t *out_bom_bytes)
{
    size_t no_bytes = 0;
    size_t *bom_bytes = out_bom_bytes ? out_bom_bytes : &no_bytes;
    *bom_bytes = 0;
    sample = wf_str_sub(sample, 0, GUESS_BYTES);
    const char *name = by_bom(sample, bom_bytes);
    if (name == NULL) {
        name = by_zeros(sample);
    }
    if (name != NULL) {
        return name;
    }
    struct utf8_shape shape = utf8_shape(sample);
    const char *said = wf_encoding_known(declared);
    if (said != NULL && is_multibyte_unit(said)) {
        said = NULL; /* the zeros say otherwise */
    }
    if (shape.n_bad == 0 && shape.n_long > 0) {
        return "UTF-8";
    }
    if (said != NULL && strcmp(said, "UTF-8") != 0) {
        return said;
    }
    if (shape.n_bad == 0 && memchr(sample.len ? sample.ptr : "", 0x1b, sample.len) == NULL) {
        return "UTF-8"; /* ASCII */
    }
    if (shape.n_long > 4 * shape.n_bad) {
        return "UTF-8"; /* with some damage */
    }
    if (is_ebcdic(sample)) {
        return "IBM500";
    }
    name = by_statistics(sample);
    return name != NULL ? name : shape.n_bad == 0 ? "UTF-8" : "WINDOWS-1252";
}

/* ---- conversion ---- */

/* One pass of iconv from *in into `out`; skips what cannot be converted. */
static int convert(iconv_t cd, struct wf_str in, struct wf_buf *out)
{
    char *src = (char *)(uintptr_t)in.ptr; /* iconv's type; it does not write there */
    size_t n_src = in.len;
    char room[16384];
    while (n_src > 0) {
        char *dst = room;
        size_t n_dst = sizeof(room);
        size_t rc = iconv(cd, &src, &n_src, &dst, &n_dst);
        int e = errno;
        (void)wf_buf_append(out, room, (size_t)(dst - room)); /* checked below: it sticks */
        if (rc == (size_t)-1 && e != E2BIG) {
            (void)wf_buf_append_cstr(out, "\xef\xbf\xbd"); /* likewise */
            src++;
            n_src--;
        }
        if (wf_buf_status(out) != 0) {
            break;
        }
    }
    return wf_buf_status(out);
}

int wf_encoding_convert(const char *name, struct wf_str bytes, struct wf_buf *out)
{
    iconv_t cd = strcmp(name, "UTF-8") == 0 ? (iconv_t)-1 : converter(name);
    if (cd == (iconv_t)-1 || cd == NULL) {
        return wf_utf8_append_repaired(out, bytes);
    }
    return convert(cd, bytes, out);
}

int wf_encoding_to_utf8(struct wf_str bytes, struct wf_str declared, struct wf_buf *out)
{
    size_t n_bom = 0;
    const char *name = wf_encoding_guess(bytes, declared, &n_bom);
    return wf_encoding_convert(name, wf_str_sub(bytes, n_bom, bytes.len), out);
}
