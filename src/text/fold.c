/* SPDX-License-Identifier: Apache-2.0 */
/* Folding of single code points for words.
 *
 * The idea: utf8proc knows Unicode, but asking it for every letter of an intake is too slow, so
 * each page of 256 code points of the basic plane is computed once, when a text first uses it, and
 * read from then on (8 bytes a code point, only pages in use take memory). The other planes (rare
 * letters, emoji) are computed every time.
 *
 * What a fold is: compatibility decomposition, full case folding, marks dropped that searchers do
 * not type (accents of Latin, Greek and Cyrillic, Arabic and Hebrew points, Indic nukta), the rest
 * composed again; then letters without a decomposition that people write as ASCII (ø, ł, ı, æ),
 * spelling variants of Arabic, Persian and Hindi, and decimal digits of any script as ASCII.
 *
 * Invariants: (1) a page is written once, before its flag is set; (2) text is valid UTF-8 of word
 * code points only. Deliberately not here: anything that looks at more than one code point. */
#include "text/fold.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <utf8proc.h>

#include "base/config.h"
#include "text/utf8.h"

_Static_assert(sizeof(struct wf_fold) == 8, "the table's size is the reason for the layout");

#define PAGE 256u
#define N_PAGES 256u

static struct wf_fold table[N_PAGES * PAGE];
/* page_ready[i] is set with release after page i was written and read with acquire before it is
 * read, so a reader that sees the flag sees the page. */
static _Atomic unsigned char page_ready[N_PAGES];
static pthread_mutex_t build_lock =
    PTHREAD_MUTEX_INITIALIZER; /* guards writing table, page_ready */

struct range {
    uint32_t first, last;
};

static bool in_ranges(uint32_t cp, const struct range *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (cp >= r[i].first && cp <= r[i].last)
            return true;
    return false;
}

/* Marks and format characters that vanish within a word. */
static bool is_ignored(uint32_t cp)
{
    static const struct range ignored[] = {
        {0x00AD, 0x00AD}, /* soft hyphen */
        {0x0300, 0x036F}, /* combining accents */
        {0x0483, 0x0489}, /* Cyrillic marks */
        {0x0591, 0x05BD}, {0x05BF, 0x05BF},   {0x05C1, 0x05C2},
        {0x05C4, 0x05C5}, {0x05C7, 0x05C7}, /* Hebrew points */
        {0x0610, 0x061A}, {0x0640, 0x0640}, /* Arabic signs, tatweel */
        {0x061C, 0x061C},                   /* Arabic letter mark */
        {0x064B, 0x065F}, {0x0670, 0x0670}, /* harakat, superscript alef */
        {0x06D6, 0x06DC}, {0x06DF, 0x06E4},   {0x06E7, 0x06E8},
        {0x06EA, 0x06ED}, /* Quranic signs */
        {0x093C, 0x093C}, {0x09BC, 0x09BC},   {0x0A3C, 0x0A3C},
        {0x0ABC, 0x0ABC}, {0x0B3C, 0x0B3C},   {0x0CBC, 0x0CBC}, /* nukta */
        {0x180B, 0x180F},                                       /* Mongolian selectors */
        {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},                     /* combining accents */
        {0x200B, 0x200F}, {0x202A, 0x202E},   {0x2060, 0x206F}, /* zero width, direction */
        {0x20D0, 0x20FF}, {0xFE00, 0xFE0F},   {0xFE20, 0xFE2F}, /* symbols' marks, selectors */
        {0xFEFF, 0xFEFF}, {0xE0100, 0xE01EF},
    };
    return in_ranges(cp, ignored, WF_ARRAY_LEN(ignored));
}

static bool is_ideogram(uint32_t cp)
{
    static const struct range ideograms[] = {
        {0x3005, 0x3007}, /* iteration and closing marks, zero */
        {0x3031, 0x3035},   {0x303B, 0x303C},   {0x3041, 0x309F},
        {0x30A1, 0x30FA},   {0x30FC, 0x30FF}, /* kana, without the middle dot */
        {0x31F0, 0x31FF},   {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},
        {0xF900, 0xFAFF},   {0xFF66, 0xFF9F}, /* compatibility, half width */
        {0x1AFF0, 0x1B16F}, {0x20000, 0x323AF},
    };
    return in_ranges(cp, ideograms, WF_ARRAY_LEN(ideograms));
}

static bool is_southeast_asian(uint32_t cp)
{
    static const struct range blocks[] = {
        {0x0E00, 0x0EFF},                   /* Thai, Lao */
        {0x1000, 0x109F},                   /* Myanmar */
        {0x1780, 0x17FF},                   /* Khmer */
        {0xA9E0, 0xA9FF}, {0xAA60, 0xAA7F}, /* Myanmar extended */
    };
    return in_ranges(cp, blocks, WF_ARRAY_LEN(blocks));
}

/* Numbers written as signs: footnote marks and bullets, which belong to no word. */
static bool is_number_sign(uint32_t cp)
{
    static const struct range signs[] = {
        {0x00B2, 0x00B3}, {0x00B9, 0x00B9}, {0x2070, 0x2079}, /* superscripts */
        {0x2460, 0x249B}, {0x24EA, 0x24FF}, {0x2776, 0x2793}, /* circled, in brackets */
        {0x3220, 0x3229}, {0x3248, 0x325F}, {0x3280, 0x32BF},
    };
    return in_ranges(cp, signs, WF_ARRAY_LEN(signs));
}

/* Letters that Unicode does not decompose, as those write them who lack the key. */
static const char *respelled(uint32_t cp)
{
    switch (cp) {
    case 0x00E6:
        return "ae";
    case 0x00F8:
        return "o";
    case 0x00F0:
    case 0x0111:
        return "d";
    case 0x00FE:
        return "th";
    case 0x0127:
        return "h";
    case 0x0131:
        return "i";
    case 0x0142:
        return "l";
    case 0x0153:
        return "oe";
    case 0x0167:
        return "t";
    case 0x0629: /* teh marbuta as heh */
        return "\u0647";
    case 0x0649: /* alef maksura, Farsi yeh as yeh */
    case 0x06CC:
        return "\u064A";
    case 0x06A9: /* keheh as kaf */
        return "\u0643";
    case 0x0671: /* alef wasla as alef */
        return "\u0627";
    case 0x0901: /* candrabindu as anusvara */
        return "\u0902";
    default:
        return NULL;
    }
}

static bool is_mark(utf8proc_category_t c)
{
    return c == UTF8PROC_CATEGORY_MN || c == UTF8PROC_CATEGORY_MC || c == UTF8PROC_CATEGORY_ME;
}

static bool is_letter_or_number(utf8proc_category_t c)
{
    switch (c) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return true;
    default:
        return false;
    }
}

/* The value of a decimal digit: digits of a script stand in runs of ten (or in several such runs,
 * for the mathematical alphabets). */
static uint32_t digit_value(uint32_t cp)
{
    uint32_t n = 0;
    while (n < cp && n < 50 &&
           utf8proc_category((utf8proc_int32_t)(cp - n - 1)) == UTF8PROC_CATEGORY_ND)
        n++;
    return n % 10;
}

/* Appends cp to the fold's text; false when it does not fit. */
static bool put(struct wf_fold *f, uint32_t cp)
{
    char bytes[4];
    const char *p = respelled(cp);
    size_t n = p ? strlen(p) : wf_utf8_put(bytes, cp);
    if (f->len + n > WF_FOLD_BYTES_MAX)
        return false;
    memcpy(f->text + f->len, p ? p : bytes, n);
    f->len = (uint8_t)(f->len + n);
    return true;
}

/* Decomposed, case folded, without ignored marks, composed again, into *f. False when the result
 * is too long or holds what belongs to no word (fractions, signs with slashes). */
static bool fold_text(uint32_t cp, struct wf_fold *f)
{
    enum {
        N_MAX = 24
    }; /* the longest compatibility decomposition has 18 */
    utf8proc_int32_t cps[N_MAX];
    utf8proc_ssize_t n = utf8proc_decompose_char(
        (utf8proc_int32_t)cp, cps, N_MAX,
        UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_STABLE, NULL);
    if (n <= 0 || n > N_MAX)
        return false;
    utf8proc_ssize_t n_kept = 0;
    for (utf8proc_ssize_t i = 0; i < n; i++)
        if (!is_ignored((uint32_t)cps[i]))
            cps[n_kept++] = cps[i];
    n = utf8proc_normalize_utf32(cps, n_kept, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    for (utf8proc_ssize_t i = 0; i < n; i++) {
        utf8proc_category_t c = utf8proc_category(cps[i]);
        if (!is_letter_or_number(c) && !is_mark(c))
            return false;
        if (!put(f, (uint32_t)cps[i]))
            return false;
    }
    return f->len > 0;
}

static enum wf_fold_class classify(uint32_t cp, utf8proc_category_t category)
{
    if (cp == '\'' || cp == 0x2019 || cp == 0x02BC || cp == 0xFF07)
        return WF_FOLD_APOSTROPHE;
    if (is_ignored(cp))
        return WF_FOLD_IGNORED;
    if (is_mark(category))
        return WF_FOLD_MARK;
    if (!is_letter_or_number(category) || is_number_sign(cp))
        return WF_FOLD_SEPARATOR;
    if (is_ideogram(cp))
        return WF_FOLD_IDEOGRAM;
    if (is_southeast_asian(cp) && category != UTF8PROC_CATEGORY_ND)
        return WF_FOLD_SYLLABLE;
    return WF_FOLD_WORD;
}

static struct wf_fold compute(uint32_t cp)
{
    struct wf_fold f = {.class = WF_FOLD_SEPARATOR};
    if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
        return f;
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)cp);
    f.class = (uint8_t)classify(cp, category);
    if (f.class == WF_FOLD_SEPARATOR || f.class == WF_FOLD_IGNORED || f.class == WF_FOLD_APOSTROPHE)
        return f;
    if (category == UTF8PROC_CATEGORY_ND) {
        f.text[f.len++] = (char)('0' + digit_value(cp));
        return f;
    }
    if (!fold_text(cp, &f)) {
        f.len = 0;
        bool fits = put(&f, cp);
        assert(fits);
    }
    return f;
}

/* Computes the page of `cp` unless another thread did meanwhile. */
static void build_page(uint32_t page)
{
    pthread_mutex_lock(&build_lock);
    if (atomic_load_explicit(&page_ready[page], memory_order_relaxed) == 0) {
        for (uint32_t i = 0; i < PAGE; i++)
            table[page * PAGE + i] = compute(page * PAGE + i);
        atomic_store_explicit(&page_ready[page], 1, memory_order_release);
    }
    pthread_mutex_unlock(&build_lock);
}

struct wf_fold wf_text__fold(uint32_t cp)
{
    if (cp >= N_PAGES * PAGE)
        return compute(cp);
    uint32_t page = cp / PAGE;
    if (atomic_load_explicit(&page_ready[page], memory_order_acquire) == 0)
        build_page(page);
    return table[cp];
}
