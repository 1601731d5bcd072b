/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers that a branch of a goal allows, as the language of their texts.
 *
 * A number has one text here: no exponent, no zeros that could be left out, at most 15 digits.
 * Those are exact in a double's sense: different texts are different doubles in the same order, so
 * that a validator which computes with doubles comes to the result that is computed with digits
 * here. Numbers that nothing is asked of may be longer. Bounds compare digit by digit; multiples
 * are found by their remainder; multiples of what is no sum of powers of two (0.01) are listed and
 * tried out, since validators divide doubles. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/schema_internal.h"

#define DIGITS 15
#define DIGITS_FREE 18      /* of an integer that nothing is asked of */
#define REMAINDERS_MAX 1000 /* of an automaton */
#define LISTED_MAX 3000     /* multiples that are listed, on each side of where they begin */
#define NEAREST_DIGITS 8    /* behind the point, of bounds that are tiny */

/* A number as its digits say it: sign, whole part, fraction, as they are written. */
struct decimal {
    bool is_negative;
    char whole[48], fraction[48];
};

static struct decimal decimal_of(const json_t *v)
{
    struct decimal d = {0};
    char text[64];
    const char *p = text, *point;

    wf_schema_write_number(text, v);
    if (*p == '-') {
        d.is_negative = true;
        p++;
    }
    point = strchr(p, '.');
    (void)snprintf(d.whole, sizeof(d.whole), "%.*s",
                   point != NULL ? (int)(point - p) : (int)strlen(p), p);
    if (point != NULL)
        (void)snprintf(d.fraction, sizeof(d.fraction), "%s", point + 1);
    return d;
}

/* ---- pieces of automata ---- */

static void put_range(struct wf_lang_maker *m, uint32_t from, char lo, char hi, uint32_t to)
{
    if (lo <= hi)
        wf_lang_maker_edge(m, (struct wf_lang_raw_edge){.from = from,
                                                        .to = to,
                                                        .lo = (uint32_t)(uint8_t)lo,
                                                        .hi = (uint32_t)(uint8_t)hi});
}

static void put_nothing(struct wf_lang_maker *m, uint32_t from, uint32_t to)
{
    wf_lang_maker_edge(m,
                       (struct wf_lang_raw_edge){.from = from, .to = to, .kind = WF_LANG_NOTHING});
}

/* n digits; more than that. Returns where they end. */
static uint32_t put_digits(struct wf_lang_maker *m, uint32_t from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t next = wf_lang_maker_state(m);
        put_range(m, from, '0', '9', next);
        from = next;
    }
    return from;
}

static uint32_t put_text(struct wf_lang_maker *m, uint32_t from, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t next = wf_lang_maker_state(m);
        put_range(m, from, s[i], s[i], next);
        from = next;
    }
    return from;
}

/* Any digits, also none, then `to`. */
static void put_more_digits(struct wf_lang_maker *m, uint32_t from, uint32_t to)
{
    uint32_t loop = wf_lang_maker_state(m);

    put_nothing(m, from, loop);
    put_range(m, loop, '0', '9', loop);
    put_nothing(m, loop, to);
}

/* A point with digits, or nothing. */
static void put_any_fraction(struct wf_lang_maker *m, uint32_t from, uint32_t to)
{
    put_nothing(m, from, to);
    put_more_digits(m, put_digits(m, put_text(m, from, ".", 1), 1), to);
}

/* Digits whose part before the point is less, or greater, than that of d. */
static void put_other_whole(struct wf_lang_maker *m, uint32_t from, const struct decimal *d,
                            bool greater, uint32_t to)
{
    size_t n = strlen(d->whole);
    uint32_t after = wf_lang_maker_state(m), next;

    for (size_t k = 0; k < n; k++) {
        char lowest = k == 0 && n > 1 ? '1' : '0';
        uint32_t at = put_text(m, from, d->whole, k);
        next = wf_lang_maker_state(m);
        if (greater)
            put_range(m, at, (char)(d->whole[k] + 1), '9', next);
        else
            put_range(m, at, lowest, (char)(d->whole[k] - 1), next);
        put_nothing(m, put_digits(m, next, n - k - 1), after);
    }
    for (size_t k = 1; k < n && !greater; k++) {
        next = wf_lang_maker_state(m);
        put_range(m, from, k == 1 ? '0' : '1', '9', next);
        put_nothing(m, put_digits(m, next, k - 1), after);
    }
    if (greater) {
        next = wf_lang_maker_state(m);
        put_range(m, from, '1', '9', next);
        put_more_digits(m, put_digits(m, next, n), after);
    }
    put_any_fraction(m, after, to);
}

/* Behind the whole part of d, a fraction that is less, or greater. */
static void put_other_fraction(struct wf_lang_maker *m, uint32_t from, const struct decimal *d,
                               bool greater, uint32_t to)
{
    size_t n = strlen(d->fraction);
    uint32_t at;

    if (!greater && n > 0)
        put_nothing(m, from, to);
    at = put_text(m, from, ".", 1);
    for (size_t k = 0; k < n; k++) {
        uint32_t here = put_text(m, at, d->fraction, k), next = wf_lang_maker_state(m);
        if (greater)
            put_range(m, here, (char)(d->fraction[k] + 1), '9', next);
        else
            put_range(m, here, '0', (char)(d->fraction[k] - 1), next);
        put_more_digits(m, next, to);
        if (!greater && k > 0)
            put_nothing(m, here, to);
    }
    if (greater)
        put_more_digits(m, put_digits(m, put_text(m, at, d->fraction, n), 1), to);
}

/* Numbers without sign that are less than d, equal to it, greater. */
static void put_compared(struct wf_lang_maker *m, uint32_t from, const struct decimal *d, bool less,
                         bool equal, bool greater, uint32_t to)
{
    uint32_t at = put_text(m, from, d->whole, strlen(d->whole));

    if (less) {
        put_other_whole(m, from, d, false, to);
        put_other_fraction(m, at, d, false, to);
    }
    if (greater) {
        put_other_whole(m, from, d, true, to);
        put_other_fraction(m, at, d, true, to);
    }
    if (equal) {
        if (d->fraction[0] != 0)
            at = put_text(m, at, ".", 1);
        put_nothing(m, put_text(m, at, d->fraction, strlen(d->fraction)), to);
    }
}

/* ---- all numbers that are written ---- */

/* At most n digits; without a fraction when `whole`. */
static int all_numbers(struct wf_arena *a, size_t n, bool whole, struct wf_lang **out)
{
    struct wf_lang_maker m;
    uint32_t final, sign, zero, minus_zero, at, zeros[DIGITS + 1], ends[DIGITS + 1];
    int rc;

    wf_lang_maker_init(&m);
    final = wf_lang_maker_state(&m);
    sign = wf_lang_maker_state(&m);
    zero = wf_lang_maker_state(&m);
    minus_zero = wf_lang_maker_state(&m);
    for (size_t k = 0; k <= DIGITS; k++) { /* k more digits may follow behind the point */
        zeros[k] = wf_lang_maker_state(&m);
        ends[k] = wf_lang_maker_state(&m);
    }
    for (size_t k = 1; k <= DIGITS; k++) {
        put_range(&m, zeros[k], '0', '0', zeros[k - 1]);
        put_range(&m, zeros[k], '1', '9', ends[k - 1]);
        put_range(&m, ends[k], '0', '0', zeros[k - 1]);
        put_range(&m, ends[k], '1', '9', ends[k - 1]);
    }
    for (size_t k = 0; k <= DIGITS; k++)
        put_nothing(&m, ends[k], final);
    put_range(&m, 0, '-', '-', sign);
    put_range(&m, 0, '0', '0', zero);
    put_range(&m, sign, '0', '0', minus_zero);
    put_nothing(&m, zero, final);
    if (!whole) {
        put_range(&m, zero, '.', '.', zeros[n - 1]);
        put_range(&m, minus_zero, '.', '.', zeros[n - 1]);
    }
    for (size_t k = 1; k <= n; k++) {
        uint32_t next = wf_lang_maker_state(&m);
        if (k == 1) {
            put_range(&m, 0, '1', '9', next);
            put_range(&m, sign, '1', '9', next);
        } else {
            put_range(&m, at, '0', '9', next);
        }
        at = next;
        put_nothing(&m, at, final);
        if (!whole && k < n)
            put_range(&m, at, '.', '.', zeros[n - k]);
    }
    rc = wf_lang_make(&m, final, a, out);
    wf_lang_maker_deinit(&m);
    return rc;
}

/* ---- bounds ---- */

struct bound {
    double value;
    struct decimal decimal;
    bool is_minimum, is_strict;
};

/* What `keyword` of an atom asks, or forbids. False: nothing. */
static bool read_bound(const struct wf_atom *a, struct bound *out)
{
    const json_t *v = a->value, *exclusive;

    out->is_minimum = strstr(a->keyword, "inimum") != NULL;
    out->is_strict = a->keyword[0] == 'e';
    if (!json_is_number(v))
        return false;
    if (!out->is_strict) {
        exclusive =
            json_object_get(a->schema, out->is_minimum ? "exclusiveMinimum" : "exclusiveMaximum");
        out->is_strict = json_is_true(exclusive);
    }
    if (a->is_negated) {
        out->is_minimum = !out->is_minimum;
        out->is_strict = !out->is_strict;
    }
    out->value = json_number_value(v);
    out->decimal = decimal_of(v);
    return true;
}

/* A bound that has an exponent as text is so small that zero does, or has none in reach. */
static void round_tiny(struct bound *b)
{
    if (fabs(b->value) >= 1e-19 || b->value == 0)
        return;
    b->is_strict = b->is_minimum == (b->value > 0);
    b->decimal = (struct decimal){.whole = "0"};
    b->value = 0;
}

static int bound_lang(struct wf_arena *a, const struct bound *b, struct wf_lang **out)
{
    const struct decimal *d = &b->decimal;
    bool minus = d->is_negative && b->value != 0;
    struct wf_lang_maker m;
    uint32_t final, sign;
    int rc;

    wf_lang_maker_init(&m);
    final = wf_lang_maker_state(&m);
    sign = put_text(&m, 0, "-", 1);
    if (b->is_minimum && minus) { /* all without a sign, and those nearer to zero */
        put_any_fraction(&m, put_digits(&m, 0, 1), final);
        put_other_whole(&m, 0, &(struct decimal){.whole = "9"}, true, final);
        put_compared(&m, sign, d, true, !b->is_strict, false, final);
    } else if (b->is_minimum) {
        put_compared(&m, 0, d, false, !b->is_strict, true, final);
    } else if (minus) {
        put_compared(&m, sign, d, false, !b->is_strict, true, final);
    } else {
        put_compared(&m, 0, d, true, !b->is_strict, false, final);
        put_any_fraction(&m, put_digits(&m, sign, 1), final);
        put_other_whole(&m, sign, &(struct decimal){.whole = "9"}, true, final);
    }
    rc = wf_lang_make(&m, final, a, out);
    wf_lang_maker_deinit(&m);
    return rc;
}

static int apply_bound(struct wf_schema_builder *b, const struct wf_atom *a,
                       const struct wf_lang **io)
{
    struct wf_lang *l = NULL;
    struct bound bound;
    int rc;

    if (!read_bound(a, &bound))
        return 0;
    if (fabs(bound.value) >= 1e15) {
        bool all = bound.is_minimum == (bound.value < 0);
        return all ? 0
                   : wf_schema_refuse(&b->doc, a->schema, a->keyword,
                                      "only numbers of up to 15 digits are written");
    }
    round_tiny(&bound);
    rc = bound_lang(&b->doc.arena, &bound, &l);
    if (rc == 0)
        rc = wf_lang_combine(&b->doc.arena, *io, l, WF_LANG_AND, &l);
    *io = l;
    return rc == 0 ? 0 : wf_schema_no_memory(&b->doc);
}

/* ---- multiples ---- */

/* A step: digits * 10^-places; digits are not a multiple of ten. */
struct step {
    uint64_t digits;
    int places;
};

static bool read_step(const json_t *v, struct step *out)
{
    struct decimal d = decimal_of(v);
    char text[100];

    (void)snprintf(text, sizeof(text), "%s%s", d.whole, d.fraction);
    out->places = (int)strlen(d.fraction);
    if (strchr(text, 'e') != NULL || !wf_str_to_u64(wf_str_from(text), &out->digits) ||
        out->digits == 0)
        return false;
    while (out->digits % 10 == 0) {
        out->digits /= 10;
        out->places--;
    }
    return true;
}

/* Whole numbers times 10^zeros that are multiples of `modulus` before that; with up to `places`
 * digits behind a point, which count as whole ones. */
static int remainder_lang(struct wf_arena *a, uint64_t modulus, int places, int zeros,
                          struct wf_lang **out)
{
    struct wf_lang_maker m;
    uint32_t final, tail, sign, first, n = (uint32_t)modulus;
    int rc;

    wf_lang_maker_init(&m);
    final = wf_lang_maker_state(&m);
    sign = wf_lang_maker_state(&m);
    tail = wf_lang_maker_state(&m);
    first = m.n_states; /* state of remainder r with p places behind the point: first + p * n + r */
    for (uint32_t i = 0; i < n * (uint32_t)(places + 1); i++)
        (void)wf_lang_maker_state(&m);
    put_nothing(&m, 0, sign);
    put_range(&m, 0, '-', '-', sign);
    put_nothing(&m, sign, first);
    for (uint32_t p = 0; p <= (uint32_t)places; p++) {
        for (uint32_t r = 0; r < n && m.status == 0; r++) {
            uint64_t rest = r;
            for (uint32_t k = p; k < (uint32_t)places; k++)
                rest = rest * 10 % modulus;
            if (rest == 0)
                put_nothing(&m, first + p * n + r, tail);
            for (uint32_t digit = 0; digit < 10; digit++) {
                uint32_t to = (r * 10 + digit) % n;
                char c = (char)('0' + digit);
                if (p == 0)
                    put_range(&m, first + r, c, c, first + to);
                else if (p < (uint32_t)places)
                    put_range(&m, first + p * n + r, c, c, first + (p + 1) * n + to);
            }
        }
    }
    /* The first digit behind the point. */
    for (uint32_t r = 0; r < n && places > 0 && m.status == 0; r++) {
        uint32_t point = put_text(&m, first + r, ".", 1);
        for (uint32_t digit = 0; digit < 10; digit++) {
            char c = (char)('0' + digit);
            put_range(&m, point, c, c, first + n + (r * 10 + digit) % n);
        }
    }
    for (int z = 0; z < zeros; z++)
        tail = put_text(&m, tail, "0", 1);
    if (zeros > 0)
        put_nothing(&m, put_text(&m, 0, "0", 1), tail);
    put_nothing(&m, tail, final);
    rc = wf_lang_make(&m, final, a, out);
    wf_lang_maker_deinit(&m);
    return rc;
}

/* k steps as text; false: more than 15 digits. */
static bool write_multiple(int64_t k, const struct step *s, char out[32])
{
    uint64_t n = (uint64_t)(k < 0 ? -k : k), v;
    char digits[32];
    size_t len, point;

    if (__builtin_mul_overflow(n, s->digits, &v))
        return false;
    for (int i = s->places; i < 0; i++) {
        if (__builtin_mul_overflow(v, 10, &v))
            return false;
    }
    (void)snprintf(digits, sizeof(digits), "%0*" PRIu64, WF_MAX(s->places, 0) + 1, v);
    len = strlen(digits);
    if (len > DIGITS)
        return false;
    point = len - (size_t)WF_MAX(s->places, 0);
    while (len > point && digits[len - 1] == '0')
        len--;
    (void)snprintf(out, 32, "%s%.*s%s%.*s", k < 0 ? "-" : "", (int)point, digits,
                   len > point ? "." : "", (int)(len - point), digits + point);
    return true;
}

/* Multiples near zero, or near the bound that is nearest to it, each tried with doubles. */
static int listed_lang(struct wf_schema_builder *b, const struct wf_branch *br,
                       const struct step *s, double m, struct wf_lang **out)
{
    struct wf_str *texts =
        wf_arena_array(&b->doc.arena, 2 * (size_t)LISTED_MAX + 1, sizeof(*texts));
    double lo = -(double)LISTED_MAX, hi = (double)LISTED_MAX;
    size_t n = 0;

    for (size_t i = 0; i < br->n_atoms; i++) {
        struct bound bound;
        if (br->atoms[i]->kind != WF_ATOM_BOUND || !read_bound(br->atoms[i], &bound))
            continue;
        if (bound.is_minimum && bound.value / m > lo) {
            lo = floor(bound.value / m);
            hi = lo + 2.0 * LISTED_MAX;
        } else if (!bound.is_minimum && bound.value / m < hi) {
            hi = ceil(bound.value / m);
            lo = WF_MAX(lo, hi - 2.0 * LISTED_MAX);
        }
    }
    if (texts == NULL || fabs(lo) > 9e15 || fabs(hi) > 9e15)
        return texts == NULL ? WF_E_NOMEM : WF_E_LIMIT;
    for (int64_t k = (int64_t)lo; k <= (int64_t)hi && n <= 2 * LISTED_MAX; k++) {
        char text[32];
        double x;
        if (!write_multiple(k, s, text) || !wf_str_to_f64(wf_str_from(text), &x) ||
            !wf_schema_is_multiple(x, m))
            continue;
        texts[n] = wf_arena_dup(&b->doc.arena, wf_str_from(text));
        if (texts[n++].ptr == NULL)
            return WF_E_NOMEM;
    }
    return wf_lang_texts(&b->doc.arena, texts, n, out);
}

/* Whether doubles represent every multiple exactly. */
static bool is_exact(const struct step *s)
{
    uint64_t digits = s->digits;

    for (int i = 0; i < s->places; i++) {
        if (digits % 5 != 0)
            return false;
        digits /= 5;
    }
    return s->places <= 20;
}

static int apply_multiple(struct wf_schema_builder *b, const struct wf_branch *br,
                          const struct wf_atom *a, const struct wf_lang **io)
{
    struct wf_lang *l = NULL;
    struct step s;
    bool fits = read_step(a->value, &s);
    int rc;

    if (!fits || s.places > DIGITS || s.places < -DIGITS)
        return wf_schema_refuse(&b->doc, a->schema, "multipleOf", "its step is out of reach");
    if (s.digits <= REMAINDERS_MAX && (is_exact(&s) || a->is_negated))
        rc = remainder_lang(&b->doc.arena, s.digits, WF_MAX(s.places, 0), WF_MAX(-s.places, 0), &l);
    else if (!a->is_negated)
        rc = listed_lang(b, br, &s, json_number_value(a->value), &l);
    else
        return wf_schema_refuse(&b->doc, a->schema, "multipleOf",
                                "so large a step cannot be negated");
    if (rc == 0)
        rc =
            wf_lang_combine(&b->doc.arena, *io, l, a->is_negated ? WF_LANG_MINUS : WF_LANG_AND, &l);
    *io = l;
    if (rc == WF_E_LIMIT)
        return wf_schema_refuse(&b->doc, a->schema, "multipleOf", "its automaton is too large");
    return rc == 0 ? 0 : wf_schema_no_memory(&b->doc);
}

/* ---- all together ---- */

static int apply(struct wf_schema_builder *b, const struct wf_branch *br, const struct wf_atom *a,
                 const struct wf_lang **io)
{
    struct wf_lang *l = NULL;
    struct wf_str text;
    char number[64];
    int rc = 0;

    if (a->kind == WF_ATOM_BOUND)
        return apply_bound(b, a, io);
    if (a->kind == WF_ATOM_MULTIPLE)
        return apply_multiple(b, br, a, io);
    if (a->kind == WF_ATOM_INTEGER) {
        rc = all_numbers(&b->doc.arena, DIGITS_FREE, true, &l);
    } else if (a->kind == WF_ATOM_VALUE && a->is_negated) {
        wf_schema_write_number(number, a->value);
        text = wf_str_from(number);
        rc = wf_lang_texts(&b->doc.arena, &text, 1, &l);
    } else {
        return 0;
    }
    if (rc == 0)
        rc =
            wf_lang_combine(&b->doc.arena, *io, l, a->is_negated ? WF_LANG_MINUS : WF_LANG_AND, &l);
    *io = l;
    return rc == 0 ? 0 : wf_schema_no_memory(&b->doc);
}

/* The most digits: fewer where a validator's division of doubles would round. */
static size_t digits_of(const struct wf_branch *br, bool *out_whole)
{
    bool is_free = true;
    size_t n = DIGITS;

    *out_whole = false;
    for (size_t i = 0; i < br->n_atoms; i++) {
        const struct wf_atom *a = br->atoms[i];
        if (a->kind == WF_ATOM_INTEGER && !a->is_negated) {
            *out_whole = true;
            continue;
        }
        is_free = false;
        if (a->kind == WF_ATOM_MULTIPLE && a->is_negated)
            n = NEAREST_DIGITS;
    }
    return is_free && *out_whole ? DIGITS_FREE : n;
}

int wf_branch_numbers(struct wf_schema_builder *b, const struct wf_branch *br, bool wide,
                      const struct wf_lang **out)
{
    struct wf_lang *l = NULL;
    bool whole = false;
    size_t n = digits_of(br, &whole);
    int rc = all_numbers(&b->doc.arena, n, whole, &l);

    (void)wide;
    if (rc != 0)
        return wf_schema_no_memory(&b->doc);
    *out = l;
    for (size_t i = 0; i < br->n_atoms && rc == 0; i++)
        rc = apply(b, br, br->atoms[i], out);
    return rc;
}
