/* SPDX-License-Identifier: Apache-2.0 */
/* When: words become tokens, each with the rows of the table that begin with it; from every token
 * on it is tried to read parts of a time (a day, a time of day, a length of time), as many as stand
 * together. The first place where that gives anything is the time; if it is a day without a time of
 * day, or the other way round, the rest is searched for what is missing.
 *
 * What was read (struct draft) is only then brought to a day and minute (when_resolve.c). */
#include "text/when.h"

#include <string.h>

#include "text/fold.h"
#include "text/utf8.h"
#include "text/when_draft.h"
#include "text/when_internal.h"

#define KEY_BYTES 24
#define ROWS_OF_WORD 12

struct token {
    size_t from, to;
    char key[KEY_BYTES]; /* folded; empty: a mark */
    int number;          /* of digits; -1: none */
    int n_digits;
    char mark;  /* '-', '.', ':', ',' or another */
    bool glued; /* nothing stands before it but the token before */
    const struct wf_when_row *rows[ROWS_OF_WORD];
    size_t n_rows;
};

struct scan {
    struct wf_str text;
    struct token tokens[WF_WHEN_WORDS_MAX];
    size_t n;
};

/* ---- tokens ---- */

static bool is_apostrophe(uint32_t cp)
{
    return cp == '\'' || cp == 0x2019 || cp == 0x2bc;
}

static bool is_digit(uint32_t cp)
{
    return cp - '0' < 10;
}

/* Letters from *io_i on; apostrophes between them vanish. */
static void take_word(struct wf_str text, size_t *io_i, struct token *t)
{
    size_t n = 0;

    while (*io_i < text.len) {
        size_t next = *io_i;
        uint32_t cp = wf_utf8_next(text, &next);
        struct wf_fold f = wf_text__fold(cp);
        bool within = f.class != WF_FOLD_SEPARATOR && !is_digit(cp);
        if (!within && !is_apostrophe(cp))
            break;
        for (size_t k = 0; k < f.len && !is_apostrophe(cp); k++) {
            if (n + 1 < sizeof(t->key))
                t->key[n++] = f.text[k];
        }
        *io_i = next;
    }
    t->key[n] = 0;
}

static void take_digits(struct wf_str text, size_t *io_i, struct token *t)
{
    t->number = 0;
    while (*io_i < text.len && is_digit((unsigned char)text.ptr[*io_i])) {
        if (t->n_digits++ < 5)
            t->number = t->number * 10 + (text.ptr[*io_i] - '0');
        (*io_i)++;
    }
    if (t->n_digits > 4)
        t->number = -1;
}

static void find_rows(struct token *t)
{
    size_t n, len = strlen(t->key);
    const struct wf_when_row *rows = wf_when__rows(&n);

    for (size_t i = 0; i < n && len > 0; i++) {
        if (strncmp(rows[i].words, t->key, len) == 0 &&
            (rows[i].words[len] == 0 || rows[i].words[len] == ' ') && t->n_rows < ROWS_OF_WORD)
            t->rows[t->n_rows++] = &rows[i];
    }
}

static void tokenize(struct scan *s)
{
    size_t i = 0, end = SIZE_MAX;

    while (i < s->text.len && s->n < WF_WHEN_WORDS_MAX) {
        struct token *t = &s->tokens[s->n];
        size_t next = i;
        uint32_t cp = wf_utf8_next(s->text, &next);
        *t = (struct token){.from = i, .number = -1, .glued = i == end};
        if (is_digit(cp)) {
            take_digits(s->text, &i, t);
        } else if (wf_text__fold(cp).class != WF_FOLD_SEPARATOR) {
            take_word(s->text, &i, t);
        } else {
            i = next;
            if (cp == ' ' || cp == 0xa0 || cp == 0x202f || cp == '\n' || cp == '\t')
                continue;
            t->mark = cp < 0x80 ? (char)cp : '?';
        }
        t->to = end = i;
        find_rows(t);
        s->n++;
    }
}

/* ---- looking at tokens ---- */

static bool is_mark(const struct scan *s, size_t i, char mark)
{
    return i < s->n && s->tokens[i].mark == mark;
}

/* Whether the words of a row stand from token i on (the first one does); hyphens and points are
 * blanks. */
static bool stands(const struct scan *s, size_t i, const char *words, size_t *out_next)
{
    for (;;) {
        size_t len = strlen(s->tokens[i].key);
        words += len;
        i++;
        if (*words == 0)
            break;
        words++;
        i += is_mark(s, i, '-') || is_mark(s, i, '.');
        if (i >= s->n)
            return false;
        len = strlen(s->tokens[i].key);
        if (len == 0 || strncmp(words, s->tokens[i].key, len) != 0 ||
            (words[len] != 0 && words[len] != ' '))
            return false;
    }
    *out_next = i;
    return true;
}

/* The longest row of a kind that stands at i. */
static bool is(const struct scan *s, size_t i, enum wf_when_kind kind, int *out_value,
               size_t *io_next)
{
    size_t next = 0, best = 0;

    if (i >= s->n)
        return false;
    for (size_t k = 0; k < s->tokens[i].n_rows; k++) {
        const struct wf_when_row *row = s->tokens[i].rows[k];
        if (row->kind == kind && stands(s, i, row->words, &next) && next > best) {
            best = next;
            if (out_value != NULL)
                *out_value = row->value;
        }
    }
    if (best > 0)
        *io_next = best;
    return best > 0;
}

/* Moves *io behind a row of the kind, when one stands there. */
static bool skip(const struct scan *s, size_t *io, enum wf_when_kind kind)
{
    return is(s, *io, kind, NULL, io);
}

/* A number in digits or words ("twenty-five", "veinte y cinco"). */
static bool number(const struct scan *s, size_t i, int *out, size_t *out_next)
{
    int ones = 0;
    size_t k;

    if (i < s->n && s->tokens[i].number >= 0) {
        *out = s->tokens[i].number;
        *out_next = i + 1;
        return true;
    }
    if (!is(s, i, WF_WHEN_NUMBER, out, out_next))
        return false;
    k = *out_next + is_mark(s, *out_next, '-');
    if (*out >= 20 && *out % 10 == 0 && is(s, k, WF_WHEN_NUMBER, &ones, &k) && ones > 0 &&
        ones < 10) {
        *out += ones;
        *out_next = k;
    }
    return true;
}

/* A day of a month as an ordinal in words ("twenty second"), or with what ordinals' digits have. */
static bool ordinal(const struct scan *s, size_t i, int *out, size_t *out_next)
{
    int tens = 0, ones = 0;
    size_t k = i;

    if (is(s, i, WF_WHEN_ORDINAL, out, out_next))
        return true;
    if (!number(s, i, &tens, &k))
        return false;
    if (s->tokens[i].number < 0 && (tens == 20 || tens == 30)) {
        k += is_mark(s, k, '-');
        if (!is(s, k, WF_WHEN_ORDINAL, &ones, &k) || ones > 9)
            return false;
    } else if (s->tokens[i].number < 0 || !is(s, k, WF_WHEN_TH, NULL, &k) ||
               !s->tokens[i + 1].glued) {
        return false;
    }
    *out = tens + ones;
    *out_next = k;
    return true;
}

/* ---- a length of time: "in two hours", "dans une demi-heure", "in 1 1/2" is none ---- */

static const int minutes_of_unit[] = {1, 60, 1440, 10080, 0, 0};

static bool set_length(struct wf_when_draft *d, int n, int unit, bool half)
{
    if (n > 10000)
        return false;
    if (unit == WF_WHEN_MONTHS || unit == WF_WHEN_YEARS) {
        d->months =
            n * (unit == WF_WHEN_YEARS ? 12 : 1) + (half ? unit == WF_WHEN_YEARS ? 6 : 0 : 0);
    } else {
        d->minutes = n * minutes_of_unit[unit] + (half ? minutes_of_unit[unit] / 2 : 0);
    }
    d->is_coarse = unit >= WF_WHEN_DAYS;
    d->has_length = true;
    return true;
}

static bool length(const struct scan *s, size_t i, struct wf_when_draft *d, size_t *out_next)
{
    int n = 0, unit = 0;
    bool half = false, has_in = skip(s, &i, WF_WHEN_IN);
    size_t k;

    if (is(s, i, WF_WHEN_HALF, NULL, &i)) {
        half = true;
        i += is_mark(s, i, '-');
    } else if (!is(s, i, WF_WHEN_ONE, &n, &k) || !is(s, k, WF_WHEN_UNIT, &unit, &k)) {
        if (!number(s, i, &n, &i))
            return false;
    } else {
        i++;
    }
    if (!is(s, i, WF_WHEN_UNIT, &unit, &i))
        return false;
    half = skip(s, &i, WF_WHEN_AND_HALF) || half;
    if (!skip(s, &i, WF_WHEN_FROM_NOW) && !has_in)
        return false;
    *out_next = i;
    return set_length(d, n, unit, half);
}

/* ---- days ---- */

/* "12 March 2027", "12. März", "the first of May", "le 1er mai", "March 12th". */
static bool day_of_month(const struct scan *s, size_t i, struct wf_when_draft *d, size_t *out_next)
{
    int day = 0, month = 0, year = 0;
    size_t k = i, before;

    if (is(s, k, WF_WHEN_MONTH, &month, &k)) {
        k += is_mark(s, k, '.');
        skip(s, &k, WF_WHEN_FILL);
        if (!ordinal(s, k, &day, &k) && !number(s, k, &day, &k))
            return false;
    } else {
        if (!ordinal(s, k, &day, &k) && !number(s, k, &day, &k))
            return false;
        k += is_mark(s, k, '.');
        skip(s, &k, WF_WHEN_FILL);
        if (!is(s, k, WF_WHEN_MONTH, &month, &k))
            return false;
    }
    before = k;
    k += is_mark(s, k, '.');
    k += is_mark(s, k, ',');
    if (!skip(s, &k, WF_WHEN_FILL))
        skip(s, &k, WF_WHEN_IN);
    if (k < s->n && s->tokens[k].n_digits == 4 && s->tokens[k].number >= 1970)
        year = s->tokens[k++].number;
    else
        k = before;
    if (day < 1 || day > 31)
        return false;
    d->date = (struct wf_civil){.year = year, .month = month, .day = day};
    *out_next = k;
    return true;
}

/* "the 21st": of this month or the next one that has it. */
static bool day_alone(const struct scan *s, size_t i, struct wf_when_draft *d, size_t *out_next)
{
    int value = 0;

    if (!ordinal(s, i, &value, out_next) || (s->tokens[i].number < 0 && !d->has_weekday))
        return false;
    d->date = (struct wf_civil){.day = value};
    return true;
}

static int digits_at(const struct scan *s, size_t i, int n_min, int n_max)
{
    if (i >= s->n || s->tokens[i].n_digits < n_min || s->tokens[i].n_digits > n_max)
        return -1;
    return s->tokens[i].number;
}

/* "2027-03-12", "12.3.2027", "12.03." */
static bool date_in_digits(const struct scan *s, size_t i, struct wf_when_draft *d,
                           size_t *out_next)
{
    int a = digits_at(s, i, 1, 4), b = digits_at(s, i + 2, 1, 2), c = digits_at(s, i + 4, 1, 4);

    if (a < 0 || b < 1 || b > 12)
        return false;
    if (s->tokens[i].n_digits == 4 && is_mark(s, i + 1, '-') && is_mark(s, i + 3, '-') && c > 0) {
        d->date = (struct wf_civil){.year = a, .month = b, .day = c};
        *out_next = i + 5;
        /* "2027-03-12T09:00" */
        if (*out_next < s->n && strcmp(s->tokens[*out_next].key, "t") == 0)
            (*out_next)++;
        return true;
    }
    if (!is_mark(s, i + 1, '.') || !is_mark(s, i + 3, '.') || !s->tokens[i + 2].glued || a > 31)
        return false;
    d->date = (struct wf_civil){.month = b, .day = a};
    *out_next = i + 4;
    if (digits_at(s, i + 4, 4, 4) > 0 && s->tokens[i + 4].glued) {
        d->date.year = c;
        *out_next = i + 5;
    }
    return true;
}

/* "next Monday", "lundi prochain", "am Freitag", "this weekend", "next week". */
static bool day_of_week(const struct scan *s, size_t i, struct wf_when_draft *d, size_t *out_next)
{
    int value = 0, unit = 0;
    size_t unit_end;
    bool every = skip(s, &i, WF_WHEN_EVERY), before = skip(s, &i, WF_WHEN_BEFORE);
    bool next = skip(s, &i, WF_WHEN_NEXT);

    if (!next)
        skip(s, &i, WF_WHEN_THIS);
    if (is(s, i, WF_WHEN_WEEKDAY, &value, &i)) {
        d->weekday = value;
        d->has_weekday = true;
    } else if (is(s, i, WF_WHEN_WEEKEND, NULL, &i)) {
        d->weekday = before ? 4 : 5;
        d->has_weekday = true;
    } else if (is(s, i, WF_WHEN_UNIT, &unit, &i) && unit >= WF_WHEN_DAYS) {
        next = skip(s, &i, WF_WHEN_NEXT) || next;
        if (!every && !next)
            return false;
        d->next_unit = unit;
        d->has_next = true;
    } else {
        return false;
    }
    skip(s, &i, WF_WHEN_NEXT);
    if (is(s, i, WF_WHEN_LAST, NULL, &unit_end)) {
        d->has_weekday = d->has_next = false;
        return false;
    }
    d->repeats = every;
    *out_next = i;
    return true;
}

static bool day(const struct scan *s, size_t i, struct wf_when_draft *d, size_t *out_next)
{
    int value = 0;

    if (is(s, i, WF_WHEN_DAY, &value, out_next)) {
        /* "de la mañana", "am Morgen" are parts of a day, and what is before says so */
        d->days = value;
        d->has_days = true;
        return true;
    }
    return day_of_week(s, i, d, out_next) || date_in_digits(s, i, d, out_next) ||
           day_of_month(s, i, d, out_next) || day_alone(s, i, d, out_next);
}

/* ---- times of day ---- */

/* ":30", "h30", ".30" behind an hour; what follows an hour's name: "Uhr 30". */
static void minutes_behind(const struct scan *s, size_t *io, struct wf_when_draft *d,
                           bool *io_is_time)
{
    size_t k = *io;
    int m;

    if ((is_mark(s, k, ':') || is_mark(s, k, '.')) && (m = digits_at(s, k + 1, 2, 2)) >= 0 &&
        m < 60 && s->tokens[k].glued && s->tokens[k + 1].glued) {
        *io_is_time = *io_is_time || s->tokens[k].mark == ':';
        d->minute = m;
        d->has_minute = true;
        *io = k + 2;
        if (is_mark(s, k + 2, ':') && digits_at(s, k + 3, 2, 2) >= 0) /* seconds */
            *io = k + 4;
    }
}

/* "at five-thirty", "tomorrow at seven twenty-seven". */
static void minutes_in_words(const struct scan *s, size_t *io, struct wf_when_draft *d,
                             bool is_time)
{
    size_t k = *io + is_mark(s, *io, '-');
    int m = 0;

    if (!is_time || d->has_minute || k >= s->n || s->tokens[k].number >= 0 ||
        !number(s, k, &m, &k) || m < 10 || m > 59 || is(s, k, WF_WHEN_MONTH, NULL, &k))
        return;
    d->minute = m;
    d->has_minute = true;
    *io = k;
}

static void hour_name(const struct scan *s, size_t *io, struct wf_when_draft *d, bool *io_is_time)
{
    size_t k = *io;
    int m = 0;

    if (!is(s, k, WF_WHEN_CLOCK, NULL, &k) && !is(s, k, WF_WHEN_HOUR, NULL, &k))
        return;
    *io_is_time = true;
    d->is_named = true;
    *io = k;
    if (d->has_minute)
        return;
    if (is(s, k, WF_WHEN_MORE_MINUTES, NULL, &k))
        return; /* read by the caller */
    if (number(s, k, &m, &k) && m > 0 && m < 60 && !is(s, k, WF_WHEN_UNIT, NULL, &k)) {
        d->minute = m;
        d->has_minute = true;
        *io = k;
    }
}

/* The hour, with what stands before it: "half past nine", "Viertel vor zehn", "ten past nine". */
static bool hour(const struct scan *s, size_t *io, struct wf_when_draft *d, bool *io_is_time)
{
    size_t k = *io;
    int h = 0, m = 0;

    if (is(s, k, WF_WHEN_HALF_TO, NULL, &k)) {
        d->minute = -30;
    } else if (is(s, k, WF_WHEN_PAST_NUMBER, &m, &k)) {
        d->minute = m;
    } else if (is(s, k, WF_WHEN_NUMBER_TO, &m, &k)) {
        d->minute = -m;
    } else if (number(s, k, &m, &k) && m % 5 == 0 && m > 0 && m < 30) {
        bool past = is(s, k, WF_WHEN_PAST, NULL, &k);
        if (past || is(s, k, WF_WHEN_TO, NULL, &k))
            d->minute = past ? m : -m;
        else
            k = *io;
    } else {
        k = *io;
    }
    *io_is_time = *io_is_time || k > *io;
    d->has_minute = k > *io;
    if (!number(s, k, &h, &k) || h > 24)
        return false;
    d->hour = h;
    d->has_zero = s->tokens[k - 1].n_digits == 2 && h < 10;
    *io = k;
    return true;
}

static void part_of_day(const struct scan *s, size_t *io, struct wf_when_draft *d)
{
    int value = 0;

    if (is(s, *io, WF_WHEN_AM, NULL, io)) {
        d->half = WF_WHEN_HALF_AM;
    } else if (is(s, *io, WF_WHEN_PM, NULL, io)) {
        d->half = WF_WHEN_HALF_PM;
    } else if (is(s, *io, WF_WHEN_PART, &value, io)) {
        d->part = value;
        d->has_part = true;
    }
}

static bool is_am_or_pm(const struct scan *s, size_t i)
{
    size_t k = i;
    bool is_half = is(s, k, WF_WHEN_AM, NULL, &k) || is(s, k, WF_WHEN_PM, NULL, &k);

    /* "am" stands before a German day as well: "um 9 am Freitag" */
    return is_half && !(k == i + 1 && strcmp(s->tokens[i].key, "am") == 0 &&
                        (is(s, k, WF_WHEN_WEEKDAY, NULL, &k) || is(s, k, WF_WHEN_PART, NULL, &k) ||
                         (k < s->n && s->tokens[k].number >= 0)));
}

static bool clock_time(const struct scan *s, size_t i, struct wf_when_draft *d, size_t *out_next)
{
    struct wf_when_draft try = *d;
    bool is_time = skip(s, &i, WF_WHEN_AT);
    int m = 0;

    if (!is_time)
        skip(s, &i, WF_WHEN_AT_HOUR);
    if (is(s, i, WF_WHEN_POINT, &m, &i)) {
        try.hour = m;
        try.has_hour = try.is_named = true;
        *out_next = i;
        *d = try;
        return true;
    }
    if (!hour(s, &i, &try, &is_time))
        return false;
    minutes_behind(s, &i, &try, &is_time);
    hour_name(s, &i, &try, &is_time);
    if (!try.has_minute && is(s, i, WF_WHEN_MORE_MINUTES, &m, &i)) {
        try.minute = m;
        try.has_minute = true;
    }
    minutes_in_words(s, &i, &try, is_time);
    if (is_am_or_pm(s, i)) {
        is_time = true;
        part_of_day(s, &i, &try);
    }
    if (!is_time)
        return false;
    try.has_hour = true;
    *out_next = i;
    *d = try;
    return true;
}

static bool time_of_day(const struct scan *s, size_t i, struct wf_when_draft *d, size_t *out_next)
{
    int value = 0;
    size_t k = i;
    bool this = skip(s, &k, WF_WHEN_THIS);

    if (!d->has_part && is(s, k, WF_WHEN_PART, &value, &k)) {
        d->part = value;
        d->has_part = true;
        if (this && !wf_when__has_day(d))
            d->has_days = true; /* "this evening" */
        *out_next = k;
        return true;
    }
    return !d->has_hour && clock_time(s, i, d, out_next);
}

/* ---- parts that stand together ---- */

/* What says more of a day that has only its weekday, or its week: "Tuesday 9 May", "Friday the
 * 21st", "Tuesday of next week", "next week Wednesday". */
static bool exact_day(const struct scan *s, size_t i, struct wf_when_draft *d, size_t *out_next)
{
    struct wf_when_draft own = {.has_weekday = true};

    if (d->has_weekday && !d->has_next && d->date.day == 0) {
        if (date_in_digits(s, i, d, out_next) || day_of_month(s, i, d, out_next) ||
            day_alone(s, i, d, out_next)) {
            d->has_weekday = false;
            return true;
        }
        own.has_weekday = false;
        if (!day_of_week(s, i, &own, out_next) || own.has_weekday || own.next_unit != WF_WHEN_WEEKS)
            return false;
        d->has_next = true;
        d->next_unit = WF_WHEN_WEEKS;
        return true;
    }
    if (!d->has_next || d->has_weekday || d->next_unit != WF_WHEN_WEEKS ||
        !is(s, i, WF_WHEN_WEEKDAY, &d->weekday, out_next))
        return false;
    d->has_weekday = true;
    return true;
}

/* One part from i on, of those that the draft does not have yet. */
static bool part(const struct scan *s, size_t i, struct wf_when_draft *d, size_t *out_next)
{
    bool has_day = wf_when__has_day(d);
    int value = 0;
    size_t k = i;

    if (!has_day && length(s, i, d, out_next))
        return true;
    /* "tonight" is a day and a part of it; "mañana" behind a day, the morning */
    if (!has_day && is(s, i, WF_WHEN_DAY, &value, &k)) {
        d->days = value;
        d->has_days = true;
        *out_next = k;
        if (is(s, i, WF_WHEN_PART, &value, &k) && value == WF_WHEN_NIGHT) {
            d->part = value;
            d->has_part = true;
        }
        return true;
    }
    if (!has_day && day(s, i, d, out_next))
        return true;
    if (exact_day(s, i, d, out_next))
        return true;
    return time_of_day(s, i, d, out_next);
}

/* As many parts as stand together from token i on; *out_next is behind the last. */
static bool read(const struct scan *s, size_t i, struct wf_when_draft *d, size_t *out_next)
{
    bool any = false;

    for (size_t at = i; at < s->n;) {
        size_t next = at;
        if (part(s, at, d, &next)) {
            any = true;
            *out_next = at = next;
        } else if (is_mark(s, at, ',') && any) {
            at++;
        } else if (!skip(s, &at, WF_WHEN_FILL)) {
            break;
        }
    }
    return any;
}

static void put_part(const struct scan *s, size_t from, size_t next, struct wf_when *out)
{
    out->parts[out->n_parts++] =
        (struct wf_when_part){s->tokens[from].from, s->tokens[next - 1].to};
}

/* Whether what begins at i is seen from another time ("three weeks from tomorrow"), or is gone by
 * ("last Friday"): then it is better not to be understood. */
static bool is_elsewhere(const struct scan *s, size_t i)
{
    size_t k;

    if ((is(s, i, WF_WHEN_LAST, NULL, &k) && !is(s, i, WF_WHEN_DAY, NULL, &k)) ||
        (i > 0 && is(s, i - 1, WF_WHEN_LAST, NULL, &k)))
        return true;
    if (is(s, i, WF_WHEN_FROM, NULL, &k))
        return i > 0 && is(s, i - 1, WF_WHEN_UNIT, NULL, &k);
    return i > 1 && is(s, i - 1, WF_WHEN_FROM, NULL, &k) && is(s, i - 2, WF_WHEN_UNIT, NULL, &k);
}

/* The first time from *io_from on; fillers right before it belong to it. */
static bool find(const struct scan *s, size_t *io_from, struct wf_when_draft *d, size_t *out_next)
{
    for (size_t i = *io_from; i < s->n; i++) {
        struct wf_when_draft own = {.has_hour = false};
        if (s->tokens[i].n_rows == 0 && s->tokens[i].number < 0)
            continue;
        if (read(s, i, &own, out_next)) {
            if (is_elsewhere(s, i))
                return false;
            *io_from = i;
            *d = own;
            return true;
        }
    }
    return false;
}

/* What one of the two is lacking and the other has. */
static bool merge(struct wf_when_draft *d, const struct wf_when_draft *other)
{
    bool day = wf_when__has_day(d), time = d->has_hour || d->has_part;
    bool other_day = wf_when__has_day(other), other_time = other->has_hour || other->has_part;

    if (d->has_length || other->has_length)
        return false;
    if (day && !time && !other_day && other->has_hour) {
        d->hour = other->hour;
        d->minute = other->minute;
        d->has_hour = other->has_hour;
        d->is_named = other->is_named;
        d->has_zero = other->has_zero;
        d->half = other->half;
        d->part = other->part;
        d->has_part = other->has_part;
        return true;
    }
    if (!day && time && other_day && !other_time) {
        d->days = other->days;
        d->has_days = other->has_days;
        d->weekday = other->weekday;
        d->has_weekday = other->has_weekday;
        d->next_unit = other->next_unit;
        d->has_next = other->has_next;
        d->date = other->date;
        d->repeats = other->repeats;
        return true;
    }
    return false;
}

bool wf_when_find(struct wf_str text, const struct wf_civil *now, struct wf_when *out)
{
    struct scan s = {.text = text};
    struct wf_when_draft d, other;
    size_t from = 0, next = 0, from_other, next_other = 0;
    struct wf_when w = {.has_time = false};

    tokenize(&s);
    if (!find(&s, &from, &d, &next))
        return false;
    put_part(&s, from, next, &w);
    from_other = next;
    if (find(&s, &from_other, &other, &next_other) && merge(&d, &other))
        put_part(&s, from_other, next_other, &w);
    w.repeats = d.repeats;
    w.has_time = d.has_hour || d.has_part || (d.has_length && !d.is_coarse);
    if (!wf_when__resolve(&d, now, &w.at))
        return false;
    *out = w;
    return true;
}
