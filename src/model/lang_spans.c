/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of code points: tidied, negated, and those of a Unicode property by asking utf8proc for
 * every code point once. */
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "base/alloc.h"
#include "model/lang.h"

#define POINT_MAX 0x10ffffu

static int compare(const void *a, const void *b)
{
    const struct wf_span *x = a, *y = b;

    return x->lo < y->lo ? -1 : x->lo > y->lo;
}

static void push(struct wf_spans *s, uint32_t lo, uint32_t hi)
{
    if (lo > hi)
        return;
    if (s->n > 0 && lo <= s->ptr[s->n - 1].hi + 1)
        s->ptr[s->n - 1].hi = WF_MAX(s->ptr[s->n - 1].hi, hi);
    else
        s->ptr[s->n++] = (struct wf_span){lo, hi};
}

/* Room for one more is needed when a span holds all surrogates: callers leave it (see spans). */
void wf_spans_tidy(struct wf_spans *s)
{
    struct wf_spans in = *s;

    if (in.n > 1)
        qsort(in.ptr, in.n, sizeof(*in.ptr), compare);
    s->n = 0;
    for (size_t i = 0; i < in.n; i++) {
        struct wf_span x = in.ptr[i];
        push(s, x.lo, WF_MIN(x.hi, POINT_MAX));
    }
    for (size_t i = 0; i < s->n; i++) {
        struct wf_span *x = &s->ptr[i];
        if (x->lo > 0xdfff || x->hi < 0xd800)
            continue;
        if (x->lo < 0xd800 && x->hi > 0xdfff) {
            memmove(x + 1, x, (s->n - i) * sizeof(*x));
            s->n++;
            x[0].hi = 0xd7ff;
            x[1].lo = 0xe000;
            break;
        }
        if (x->lo < 0xd800)
            x->hi = 0xd7ff;
        else if (x->hi > 0xdfff)
            x->lo = 0xe000;
        else {
            memmove(x, x + 1, (s->n - i - 1) * sizeof(*x));
            s->n--;
            i--;
        }
    }
}

int wf_spans_negate(struct wf_arena *a, const struct wf_spans *s, struct wf_spans *out)
{
    struct wf_spans in = *s; /* out may be s */
    uint32_t at = 0;

    out->n = 0;
    out->ptr = wf_arena_array(a, in.n + 4, sizeof(*out->ptr));
    if (out->ptr == NULL)
        return WF_E_NOMEM;
    for (size_t i = 0; i < in.n; i++) {
        if (in.ptr[i].lo > at)
            out->ptr[out->n++] = (struct wf_span){at, in.ptr[i].lo - 1};
        at = in.ptr[i].hi + 1;
    }
    if (at <= POINT_MAX)
        out->ptr[out->n++] = (struct wf_span){at, POINT_MAX};
    wf_spans_tidy(out);
    return 0;
}

/* ---- properties ---- */

/* Names of general categories, and the one or two letters that utf8proc gives. */
static const struct {
    const char *name, *letters;
} categories[] = {
    {"Letter", "L"},
    {"Uppercase_Letter", "Lu"},
    {"Lowercase_Letter", "Ll"},
    {"Titlecase_Letter", "Lt"},
    {"Modifier_Letter", "Lm"},
    {"Other_Letter", "Lo"},
    {"Mark", "M"},
    {"Nonspacing_Mark", "Mn"},
    {"Spacing_Mark", "Mc"},
    {"Enclosing_Mark", "Me"},
    {"Number", "N"},
    {"Decimal_Number", "Nd"},
    {"digit", "Nd"},
    {"Letter_Number", "Nl"},
    {"Other_Number", "No"},
    {"Punctuation", "P"},
    {"punct", "P"},
    {"Symbol", "S"},
    {"Math_Symbol", "Sm"},
    {"Currency_Symbol", "Sc"},
    {"Modifier_Symbol", "Sk"},
    {"Other_Symbol", "So"},
    {"Separator", "Z"},
    {"Space_Separator", "Zs"},
    {"Line_Separator", "Zl"},
    {"Paragraph_Separator", "Zp"},
    {"Other", "C"},
    {"Control", "Cc"},
    {"Format", "Cf"},
    {"Private_Use", "Co"},
    {"Unassigned", "Cn"},
};

/* The letters of a category by either name, or "" when it is none. */
static struct wf_str letters_of(struct wf_str name)
{
    static const struct wf_str keys[] = {
        {"General_Category=", 17}, {"gc=", 3}, {"General_Category:", 17}};

    for (size_t i = 0; i < WF_ARRAY_LEN(keys); i++) {
        if (wf_str_starts(name, keys[i]))
            name = wf_str_sub(name, keys[i].len, name.len);
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(categories); i++) {
        if (wf_str_eq(name, wf_str_from(categories[i].name)) ||
            wf_str_eq(name, wf_str_from(categories[i].letters)))
            return wf_str_from(categories[i].letters);
    }
    return wf_str_n(NULL, 0);
}

static bool has_property(uint32_t cp, struct wf_str letters)
{
    const char *category = utf8proc_category_string((utf8proc_int32_t)cp);

    return category[0] == letters.ptr[0] && (letters.len == 1 || category[1] == letters.ptr[1]);
}

/* All code points of a category, in memory of wf_g__grow. NULL: no memory. */
static struct wf_span *collect(struct wf_str letters, size_t *out_n)
{
    struct wf_span *spans = NULL, *grown;
    size_t n = 0, cap = 0;
    bool inside = false;

    for (uint32_t cp = 0; cp <= POINT_MAX; cp++) {
        bool has = has_property(cp, letters);
        if (has && !inside) {
            grown = wf_g__grow(spans, &cap, n + 1, sizeof(*spans));
            if (grown == NULL) {
                wf_free(spans);
                return NULL;
            }
            spans = grown;
            spans[n++].lo = cp;
        }
        if (has)
            spans[n - 1].hi = cp;
        inside = has;
    }
    *out_n = n;
    return spans;
}

static int category(struct wf_arena *a, struct wf_str letters, struct wf_spans *out)
{
    size_t n = 0;
    struct wf_span *spans = collect(letters, &n);

    out->ptr = spans != NULL ? wf_arena_array(a, n + 4, sizeof(*out->ptr)) : NULL;
    out->n = n;
    if (out->ptr != NULL)
        memcpy(out->ptr, spans, n * sizeof(*spans));
    wf_free(spans);
    return out->ptr != NULL ? 0 : WF_E_NOMEM;
}

bool wf_spans_property(struct wf_arena *a, struct wf_str name, struct wf_spans *out, int *out_rc)
{
    struct wf_str letters = letters_of(name);

    *out_rc = 0;
    if (wf_str_eq(name, WF_STR("Any")) || wf_str_eq(name, WF_STR("ASCII"))) {
        out->ptr = wf_arena_array(a, 4, sizeof(*out->ptr));
        out->n = 1;
        *out_rc = out->ptr != NULL ? 0 : WF_E_NOMEM;
        if (out->ptr != NULL)
            out->ptr[0] = (struct wf_span){0, wf_str_eq(name, WF_STR("Any")) ? POINT_MAX : 0x7f};
    } else if (letters.len > 0) {
        *out_rc = category(a, letters, out);
    } else {
        return false;
    }
    if (*out_rc == 0)
        wf_spans_tidy(out);
    return true;
}
