/* SPDX-License-Identifier: Apache-2.0 */
/* XLSX numbers: what a format code makes of them.
 *
 * A cell holds a bare number; that 44270 is a day in March 2021 only its format tells. Of a code
 * ("#,##0.00;[Red]-#,##0.00") the first section is read, for what kind of value it shows, how
 * many decimals, and which letters stand around it. Dates become ISO 8601 whatever the code's
 * order; grouping of thousands is left out, so that a number is one word and the same in every
 * language. Codes for fractions and exponents give the plain number. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ingest/xlsx_internal.h"
#include "text/utf8.h"

/* ---- codes ---- */

struct code_reader {
    struct wf_xlsx_format *f;
    bool digits;   /* a place for a digit was seen */
    bool point;    /* the decimal point */
    bool plain;    /* fractions, exponents, text: no format of ours */
    bool minutes;  /* an m that may mean minutes */
    bool duration; /* [h] */
    size_t n_before, n_after;
};

static void add_literal(struct code_reader *r, struct wf_str s)
{
    char *to = r->digits ? r->f->after : r->f->before;
    size_t *n = r->digits ? &r->n_after : &r->n_before;
    if (*n + s.len < sizeof(r->f->after)) { /* longer ones are left out whole */
        memcpy(to + *n, s.ptr, s.len);
        *n += s.len;
    }
}

static bool is_duration(struct wf_str s)
{
    size_t i = 0;
    while (i < s.len && memchr("hHmMsS", s.ptr[i], 6) != NULL) {
        i++;
    }
    return s.len > 0 && i == s.len;
}

/* Bytes of the character at s[i]; 0 at the end. */
static size_t char_bytes(struct wf_str s, size_t i)
{
    size_t end = i;
    if (end < s.len) {
        (void)wf_utf8_next(s, &end);
    }
    return end - i;
}

/* "[$€-407]" is a currency, "[h]" hours without end; colours and conditions say nothing. */
static void read_bracket(struct code_reader *r, struct wf_str s)
{
    if (wf_str_starts(s, WF_STR("$"))) {
        add_literal(r, wf_str_sub(s, 1, wf_str_find_byte(s, '-', 1)));
    } else if (is_duration(s)) {
        r->duration = true;
    }
}

/* Quoted text, escapes, brackets and signs of currencies; returns their bytes, 0 when there is none
 * at s[i]. */
static size_t read_literal(struct code_reader *r, struct wf_str s, size_t i)
{
    char c = s.ptr[i];
    if (c == '"') {
        size_t end = WF_MIN(wf_str_find_byte(s, '"', i + 1), s.len);
        add_literal(r, wf_str_sub(s, i + 1, end));
        return end + 1 - i;
    }
    if (c == '[') {
        size_t end = WF_MIN(wf_str_find_byte(s, ']', i + 1), s.len);
        read_bracket(r, wf_str_sub(s, i + 1, end));
        return end + 1 - i;
    }
    size_t n_next = char_bytes(s, i + 1);
    if (c == '\\') {
        add_literal(r, wf_str_sub(s, i + 1, i + 1 + n_next));
        return 1 + n_next;
    }
    if (c == '_' || c == '*') { /* a gap as wide as the next character; fill with it */
        return 1 + n_next;
    }
    if ((unsigned char)c >= 0x80 || c == '$') {
        size_t n = char_bytes(s, i);
        add_literal(r, wf_str_sub(s, i, i + n));
        return n;
    }
    return 0;
}

static void read_digit(struct code_reader *r, char c)
{
    r->plain = r->plain || r->n_after > 0; /* "(000) 000-0000" */
    r->digits = true;
    if (!r->point && c == '0' && r->f->n_pad < 15) {
        r->f->n_pad++;
    }
    if (r->point && r->f->n_decimals < 15) {
        r->f->n_decimals++;
        r->f->n_zeros = c == '0' ? r->f->n_decimals : r->f->n_zeros;
    }
}

/* One character that stands for itself in the code. */
static void read_sign(struct code_reader *r, struct wf_str s, size_t i)
{
    struct wf_xlsx_format *f = r->f;
    char c = s.ptr[i];
    switch (c | 0x20) {
    case 'y':
        f->has_year = true;
        return;
    case 'd':
        f->has_day = true;
        return;
    case 'h':
        f->has_time = true;
        return;
    case 's':
        f->has_time = true;
        f->has_seconds = true;
        return;
    case 'm':
        r->minutes = true;
        return;
    default:
        break;
    }
    if (c == '0' || c == '#' || c == '?') {
        read_digit(r, c);
    } else if (c == '.') {
        r->point = true;
    } else if (c == '%') {
        f->kind = WF_XLSX_PERCENT;
    } else if (c == '@' || c == '/' || c == 'E' || c == 'e') {
        r->plain = true;
    } else if (c == ',' && r->digits && (i + 1 == s.len || !strchr("0#?", s.ptr[i + 1]))) {
        r->plain = true; /* shows thousands or millions */
    }
}

static void finish_code(struct code_reader *r)
{
    struct wf_xlsx_format *f = r->f;
    bool other = f->has_year || f->has_day;
    f->has_month = r->minutes && (other || !f->has_time);
    bool is_date = other || f->has_month || f->has_time;
    if (r->duration) {
        f->kind = WF_XLSX_DURATION;
    } else if (is_date) {
        f->kind = WF_XLSX_DATE;
    } else if (f->kind != WF_XLSX_PERCENT) {
        f->kind = r->digits && !r->plain ? WF_XLSX_FIXED : WF_XLSX_GENERAL;
    }
    if (f->kind != WF_XLSX_FIXED) {
        f->before[0] = '\0';
        f->after[0] = '\0';
    }
}

void wf_xlsx__parse_code(struct wf_str code, struct wf_xlsx_format *out)
{
    memset(out, 0, sizeof(*out));
    struct code_reader r = {.f = out};
    if (wf_str_eq_nocase(wf_str_sub(code, 0, 7), WF_STR("general"))) {
        return;
    }
    for (size_t i = 0; i < code.len && code.ptr[i] != ';';) {
        size_t n = read_literal(&r, code, i);
        struct wf_str rest = wf_str_sub(code, i, code.len);
        if (n == 0 && wf_str_eq_nocase(wf_str_sub(rest, 0, 5), WF_STR("am/pm"))) {
            n = 5;
        }
        if (n == 0) {
            read_sign(&r, code, i);
            n = 1;
        }
        i += n;
    }
    finish_code(&r);
}

void wf_xlsx__builtin(long id, struct wf_xlsx_format *out)
{
    static const struct {
        long first, last;
        const char *code;
    } rows[] = {
        {1, 1, "0"},
        {2, 2, "0.00"},
        {3, 3, "#,##0"},
        {4, 4, "#,##0.00"},
        {5, 6, "0"},
        {7, 8, "0.00"},
        {9, 9, "0%"},
        {10, 10, "0.00%"},
        {14, 16, "yyyy-mm-dd"},
        {17, 17, "yyyy-mm"},
        {18, 18, "hh:mm"},
        {19, 19, "hh:mm:ss"},
        {20, 20, "hh:mm"},
        {21, 21, "hh:mm:ss"},
        {22, 22, "yyyy-mm-dd hh:mm"},
        {27, 31, "yyyy-mm-dd"}, /* dates of East Asia */
        {32, 35, "hh:mm"},
        {36, 36, "yyyy-mm-dd"},
        {37, 38, "0"},
        {39, 40, "0.00"},
        {41, 42, "0"},
        {43, 44, "0.00"},
        {45, 45, "mm:ss"},
        {46, 46, "[h]:mm:ss"},
        {47, 47, "mm:ss.0"},
        {50, 58, "yyyy-mm-dd"}, /* dates of East Asia */
    };
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        if (id >= rows[i].first && id <= rows[i].last) {
            wf_xlsx__parse_code(wf_str_from(rows[i].code), out);
        }
    }
}

/* ---- numbers ---- */

/* printf's, with a point whatever the locale. */
static int print_fixed(char *text, size_t room, int n_decimals, double v)
{
    int n = snprintf(text, room, "%.*f", n_decimals, v);
    assert(n > 0 && (size_t)n < room);
    char *comma = strchr(text, ',');
    if (comma != NULL) {
        *comma = '.';
    }
    return n;
}

/* As short as it can be without an exponent: 15 digits are what Excel itself keeps. */
static int show_general(struct wf_buf *out, double v)
{
    char text[64];
    double size = fabs(v);
    if (v == 0) {
        return wf_buf_append_byte(out, '0');
    }
    if (size < 1e-9 || size >= 1e21) {
        return wf_buf_appendf(out, "%.15g", v);
    }
    int n_whole = size < 1 ? 0 : (int)floor(log10(size)) + 1;
    int n_decimals = WF_MIN(WF_MAX(15 - n_whole, 0), 20);
    int n = print_fixed(text, sizeof(text), n_decimals, v);
    while (n_decimals > 0 && n > 1 && text[n - 1] == '0') {
        n--;
    }
    n -= n_decimals > 0 && text[n - 1] == '.';
    return wf_buf_append(out, text, (size_t)n);
}

/* So many decimals at most and at least, and so many digits in front of the point at least. */
static int show_fixed(struct wf_buf *out, double v, const struct wf_xlsx_format *f)
{
    char text[400];
    unsigned n_decimals = f->n_decimals;
    int n = print_fixed(text, sizeof(text), (int)n_decimals, v);
    size_t n_sign = text[0] == '-';
    size_t n_whole = strcspn(text, ".") - n_sign;
    for (; n_decimals > f->n_zeros && n > 1 && text[n - 1] == '0'; n_decimals--) {
        n--;
    }
    n -= n > 1 && text[n - 1] == '.';
    bool is_zero = strspn(text + n_sign, "0.") >= (size_t)n - n_sign;
    if (n_sign > 0 && !is_zero) {
        (void)wf_buf_append_byte(out, '-'); /* its failure sticks */
    }
    if (f->n_pad > n_whole) {
        (void)wf_buf_append_fill(out, '0', f->n_pad - n_whole); /* likewise */
    }
    return wf_buf_append(out, text + n_sign, (size_t)n - n_sign);
}

/* ---- dates ---- */

/* The last day that Excel knows: 31 December 9999. */
#define SERIAL_MAX 2958465.999988426

/* Days since 1970-01-01 to a date (Howard Hinnant's algorithm, public domain). */
static void civil(int64_t days, int *out_year, int *out_month, int *out_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *out_day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *out_month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *out_year = (int)(yoe + era * 400 + (*out_month <= 2));
}

static int show_date(struct wf_buf *out, int64_t seconds, const struct wf_xlsx_format *f,
                     bool date1904)
{
    int64_t day = seconds / 86400;
    /* Excel counts 29 February 1900, which never was: days before it are one later. */
    int64_t epoch = date1904 ? -24107 : day < 60 ? -25568 : -25569;
    int y = 0;
    int m = 0;
    int d = 0;
    civil(day + epoch, &y, &m, &d);
    bool has_date = f->has_year || f->has_month || f->has_day;
    if (has_date && !f->has_day && f->has_month && f->has_year) {
        (void)wf_buf_appendf(out, "%04d-%02d", y, m); /* its failure sticks */
    } else if (has_date && !f->has_day && !f->has_month) {
        (void)wf_buf_appendf(out, "%04d", y); /* likewise */
    } else if (has_date) {
        (void)wf_buf_appendf(out, "%04d-%02d-%02d", y, m, d); /* likewise */
    }
    if (f->has_time) {
        int s = (int)(seconds % 86400);
        (void)wf_buf_appendf(out, "%s%02d:%02d", has_date ? " " : "", s / 3600, s / 60 % 60);
        if (f->has_seconds) {
            (void)wf_buf_appendf(out, ":%02d", s % 60); /* likewise */
        }
    }
    return wf_buf_status(out);
}

int wf_xlsx__show(struct wf_buf *out, double value, const struct wf_xlsx_format *f, bool date1904)
{
    if (!isfinite(value)) {
        return wf_buf_status(out);
    }
    bool is_time = f->kind == WF_XLSX_DATE || f->kind == WF_XLSX_DURATION;
    if (is_time && (value < 0 || value > SERIAL_MAX)) {
        return show_general(out, value);
    }
    switch (f->kind) {
    case WF_XLSX_DATE:
        return show_date(out, llround(value * 86400), f, date1904);
    case WF_XLSX_DURATION: {
        long long s = llround(value * 86400);
        return wf_buf_appendf(out, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    }
    case WF_XLSX_PERCENT:
        (void)show_fixed(out, value * 100, f); /* its failure sticks */
        return wf_buf_append_byte(out, '%');
    case WF_XLSX_FIXED:
        (void)wf_buf_append_cstr(out, f->before); /* likewise */
        (void)show_fixed(out, value, f);
        return wf_buf_append_cstr(out, f->after);
    case WF_XLSX_GENERAL:
        break;
    }
    return show_general(out, value);
}

/* ---- escapes ---- */

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The code unit of "_x000D_" at s[i], or -1. */
static int escape_at(struct wf_str s, size_t i)
{
    if (s.len - i < 7 || s.ptr[i] != '_' || s.ptr[i + 1] != 'x' || s.ptr[i + 6] != '_') {
        return -1;
    }
    int v = 0;
    for (size_t k = i + 2; k < i + 6; k++) {
        int h = hex(s.ptr[k]);
        if (h < 0) {
            return -1;
        }
        v = v * 16 + h;
    }
    return v;
}

int wf_xlsx__unescape(struct wf_buf *out, struct wf_str s)
{
    size_t from = 0;
    for (size_t i = 0; i < s.len;) {
        int v = escape_at(s, i);
        if (v < 0) {
            i++;
            continue;
        }
        (void)wf_buf_append(out, s.ptr + from, i - from); /* its failure sticks */
        /* Only ASCII is ever written so: other characters stand for themselves. */
        if (v < 0x80) {
            (void)wf_buf_append_byte(out, v < 0x20 ? ' ' : (char)v); /* likewise */
        }
        i += 7;
        from = i;
    }
    return wf_buf_append(out, s.len > 0 ? s.ptr + from : "", s.len - from);
}
