/* SPDX-License-Identifier: Apache-2.0 */
/* What words show: each piece is described once, in a ring that holds its neighbours, and its
 * features are put together of descriptions. Whether a text is written in capitals, in small
 * letters or as people write headings is told of its stretches: a line, or so many words. */
#include <assert.h>
#include <utf8proc.h>

#include "model/lens_words.h"
#include "text/utf8.h"

#define AFFIX 4
#define RUN_BYTES 48u /* looked at on each side of a word */
#define SHAPE_MAX 64u /* code points of a shape */
#define STRETCH_WORDS 64u
#define RING 8u /* a power of two above two neighbours on each side */
#define PRIME UINT64_C(1099511628211)

/* How a stretch is written. */
enum casing {
    SMALL = 1,
    USUAL,
    HEADING,
    CAPITALS,
    SHORT,
};

struct shown {
    uint64_t same, lower, shape, brief;
    uint64_t begins[AFFIX], ends[AFFIX];      /* 0: it is not so long */
    uint64_t run_lower, run_shape, run_brief; /* of all between white space */
    uint64_t before;                          /* the word in front of that */
    uint64_t joined;                          /* to the word before; first of its stretch */
    uint32_t class, capital;
    enum casing casing;
};

struct looker {
    const struct wf_lens_pieces *p;
    const struct wf_lens_classes *classes;
    struct shown ring[RING];
    size_t stretch_end;
    enum casing casing;
};

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t h = a + UINT64_C(0x9e3779b97f4a7c15) * (b + 1);

    h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
    return h ^ (h >> 31);
}

static uint64_t add(uint64_t h, uint32_t c)
{
    return (h ^ c) * PRIME;
}

static bool is_upper(uint32_t cp)
{
    if (cp < 0x80)
        return cp >= 'A' && cp <= 'Z';
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
    return c == UTF8PROC_CATEGORY_LU || c == UTF8PROC_CATEGORY_LT;
}

static bool is_lower(uint32_t cp)
{
    if (cp < 0x80)
        return cp >= 'a' && cp <= 'z';
    return utf8proc_category((utf8proc_int32_t)cp) == UTF8PROC_CATEGORY_LL;
}

int wf_lens_words_case(uint32_t cp)
{
    return is_upper(cp) ? 1 : is_lower(cp) ? -1 : 0;
}

static uint32_t small(uint32_t cp)
{
    if (cp < 0x80)
        return cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
}

static uint32_t shape_of(uint32_t cp)
{
    if (cp < 0x80)
        return cp >= 'A' && cp <= 'Z'   ? 'X'
               : cp >= 'a' && cp <= 'z' ? 'x'
               : cp >= '0' && cp <= '9' ? '0'
                                        : cp;
    switch (utf8proc_category((utf8proc_int32_t)cp)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LT:
        return 'X';
    case UTF8PROC_CATEGORY_LL:
        return 'x';
    case UTF8PROC_CATEGORY_ND:
        return '0';
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_LM:
        return 'o';
    default:
        return '?';
    }
}

static bool is_word(uint32_t cp)
{
    if (cp < 0x80)
        return (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z') || (cp >= '0' && cp <= '9');
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
    return c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_NO;
}

/* The bytes of a piece without the white space in front; one byte at least. */
static size_t begin_of(const struct wf_lens_pieces *p, size_t i)
{
    size_t from = p->bounds[i];

    while (from + 1 < p->bounds[i + 1] && (unsigned char)p->text.ptr[from] <= ' ')
        from++;
    return from;
}

/* ---- one word ---- */

/* A sign before letters is cut with them ("(London", "@ana"): it shows in the shape only. */
static size_t core_of(struct wf_str s)
{
    size_t i = 0, core;

    if (s.len == 0 || is_word(wf_utf8_next(s, &i)) || i == s.len)
        return 0;
    core = i;
    return is_word(wf_utf8_next(s, &i)) ? core : 0;
}

struct seen {
    uint64_t lower, shape, brief, begins[AFFIX];
    uint32_t last[AFFIX]; /* the last code points, in small letters, the newest first */
    size_t n;
};

static void see_letter(uint32_t low, struct seen *out)
{
    out->lower = add(out->lower, low);
    if (out->n < AFFIX)
        out->begins[out->n] = mix(out->lower, 5);
    for (size_t k = AFFIX - 1; k > 0; k--)
        out->last[k] = out->last[k - 1];
    out->last[0] = low;
    out->n++;
}

static void see(struct wf_str s, struct seen *out)
{
    uint32_t before = 0;
    size_t core = core_of(s), n_shape = 0;

    *out = (struct seen){.lower = 4, .shape = 1, .brief = 2};
    for (size_t i = 0; i < s.len;) {
        bool is_core = i >= core;
        uint32_t cp = wf_utf8_next(s, &i);
        if (is_core)
            see_letter(small(cp), out);
        if (n_shape++ >= SHAPE_MAX)
            continue;
        uint32_t c = shape_of(cp);
        out->shape = add(out->shape, c);
        if (c != before)
            out->brief = add(out->brief, c);
        before = c;
    }
}

uint32_t wf_lens_word_number(struct wf_str word)
{
    struct seen s;

    see(word, &s);
    uint32_t number = (uint32_t)(mix(s.lower, 9) >> (64 - WF_LENS_WORD_BITS));
    return number > 0 ? number : 1;
}

static uint32_t class_of(const struct wf_lens_classes *c, uint64_t lower)
{
    uint32_t number = (uint32_t)(mix(lower, 9) >> (64 - WF_LENS_WORD_BITS));
    size_t low = 0, high = c != NULL ? c->n : 0;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (c->words[mid] < number)
            low = mid + 1;
        else
            high = mid;
    }
    return c != NULL && low < c->n && c->words[low] == number ? c->of[low] : 0;
}

static void describe(const struct looker *l, size_t i, bool is_first, struct shown *w)
{
    struct wf_str text = l->p->text;
    size_t begin = begin_of(l->p, i), end = l->p->bounds[i + 1], from = begin, to = end;
    uint64_t same = 3, last = 6;
    struct seen s;
    uint32_t class;

    see(wf_str_sub(text, begin, end), &s);
    for (size_t k = begin; k < end; k++)
        same = add(same, (unsigned char)text.ptr[k]);
    *w = (struct shown){.same = mix(same, 3),
                        .lower = mix(s.lower, 4),
                        .shape = mix(s.shape, 1),
                        .brief = mix(s.brief, 2),
                        .casing = l->casing};
    for (size_t k = 0; k < AFFIX && k < s.n; k++) {
        last = add(last, s.last[k]);
        w->begins[k] = s.begins[k];
        w->ends[k] = mix(last, 6);
    }
    while (from > 0 && begin - from < RUN_BYTES && (unsigned char)text.ptr[from - 1] > ' ')
        from--;
    while (to < text.len && to - end < RUN_BYTES && (unsigned char)text.ptr[to] > ' ')
        to++;
    class = class_of(l->classes, s.lower);
    w->class = class >> 2;
    w->capital = class > 0 ? 1 + (class & 3) : 0;
    w->joined = 1u + (from < begin) + 2u * (to > end) + 4u * is_first;
    if (from < begin || to > end)
        see(wf_str_sub(text, from, to), &s);
    w->run_lower = mix(s.lower, 7);
    w->run_shape = mix(s.shape, 10);
    w->run_brief = mix(s.brief, 8);
    if (i > 0)
        w->before = from < begin ? l->ring[(i - 1) % RING].before : l->ring[(i - 1) % RING].lower;
}

/* ---- stretches ---- */

static bool begins_line(const struct wf_lens_pieces *p, size_t i)
{
    for (size_t k = p->bounds[i], end = begin_of(p, i); k < end; k++) {
        if (p->text.ptr[k] == '\n')
            return true;
    }
    return false;
}

/* Where the stretch that begins at piece i ends, and how it is written. */
static void measure(struct looker *l, size_t i)
{
    const struct wf_lens_pieces *p = l->p;
    size_t end = i, n_capital = 0, n_small = 0, n_whole = 0, n;

    for (; end < p->n && end - i < STRETCH_WORDS && (end == i || !begins_line(p, end)); end++) {
        size_t at = begin_of(p, end), to = p->bounds[end + 1];
        struct wf_str word = wf_str_sub(p->text, 0, to);
        uint32_t first = at < to ? wf_utf8_next(word, &at) : 0;
        uint32_t second = at < to ? wf_utf8_next(word, &at) : 0;
        n_small += is_lower(first);
        n_capital += is_upper(first);
        n_whole += is_upper(first) && is_upper(second);
    }
    n = n_small + n_capital;
    l->stretch_end = end;
    l->casing = n < 4                   ? SHORT
                : n_capital == 0        ? SMALL
                : 2 * n_whole > n       ? CAPITALS
                : 3 * n_capital > 2 * n ? HEADING
                                        : USUAL;
}

/* ---- features ---- */

static uint64_t both(uint64_t a, uint64_t b)
{
    return a != 0 && b != 0 ? mix(a, b) : 0;
}

static void list(const struct looker *l, size_t i, uint32_t out[WF_LENS_WORD_FEATURES])
{
    static const struct shown edge = {.lower = 3, .shape = 5, .brief = 7};
    const struct shown *w = &l->ring[i % RING];
    const struct shown *b = i > 0 ? &l->ring[(i - 1) % RING] : &edge;
    const struct shown *bb = i > 1 ? &l->ring[(i - 2) % RING] : &edge;
    const struct shown *a = i + 1 < l->p->n ? &l->ring[(i + 1) % RING] : &edge;
    const struct shown *aa = i + 2 < l->p->n ? &l->ring[(i + 2) % RING] : &edge;
    const uint64_t all[WF_LENS_WORD_FEATURES] = {
        1,
        w->same,
        w->lower,
        w->shape,
        w->brief,
        w->begins[0],
        w->begins[1],
        w->begins[2],
        w->begins[3],
        w->ends[0],
        w->ends[1],
        w->ends[2],
        w->ends[3],
        b->lower,
        bb->lower,
        a->lower,
        aa->lower,
        b->shape,
        bb->shape,
        a->shape,
        aa->shape,
        mix(b->lower, w->lower),
        mix(w->lower, a->lower),
        mix(mix(b->brief, w->brief), a->brief),
        w->run_lower,
        w->run_brief,
        mix(w->brief, w->joined),
        mix(w->brief, w->casing),
        mix(mix(w->brief, w->casing), w->joined),
        b->ends[2],
        a->ends[2],
        mix(b->lower, w->brief),
        mix(w->brief, a->lower),
        mix(b->lower, a->lower),
        w->class,
        b->class,
        a->class,
        both(b->class, w->class),
        both(w->class, a->class),
        both(w->class, w->brief),
        both(w->capital, mix(w->brief, w->casing)),
        both(both(b->capital, w->capital), w->brief),
        both(both(w->capital, a->capital), w->brief),
        bb->class,
        w->run_shape,
        both(w->before, w->brief),
        both(w->before, w->run_brief),
        aa->class,
        both(b->lower, w->class),
        both(w->class, a->lower),
        both(both(b->class, w->class), a->class),
    };

    for (size_t k = 0; k < WF_LENS_WORD_FEATURES; k++) {
        uint32_t number = (uint32_t)(mix(all[k], k) >> (64 - WF_LENS_WORD_BITS));
        out[k] = all[k] == 0 ? 0 : number > 0 ? number : 1;
    }
}

void wf_lens_words_look(const struct wf_lens_pieces *p, const struct wf_lens_classes *classes,
                        wf_lens_word_fn fn, void *ud)
{
    struct looker l = {.p = p, .classes = classes};
    uint32_t features[WF_LENS_WORD_FEATURES];

    for (size_t i = 0, described = 0; i < p->n; i++) {
        for (; described < p->n && described <= i + 2; described++) {
            bool is_first = described == l.stretch_end;
            if (is_first)
                measure(&l, described);
            describe(&l, described, is_first, &l.ring[described % RING]);
        }
        list(&l, i, features);
        fn(ud, i, features);
    }
}
