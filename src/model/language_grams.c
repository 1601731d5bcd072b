/* SPDX-License-Identifier: Apache-2.0 */
/* Language grams: a window of four code points that slides over the text, hashed from its newest
 * end backwards, so that one product a length gives all lengths.
 *
 * A text of another script often has names in Latin letters, which say nothing about its language
 * (hardly any language that is written in Latin letters has so much of another script): where they
 * are the smaller part, they are blanks. */
#include "model/language_grams.h"

#include <string.h>
#include <utf8proc.h>

#include "text/utf8.h"

/* An odd number with its bits well spread (of the golden ratio): multiplying by it mixes upwards,
 * the shift brings the high half down again. */
#define MULTIPLIER 0x9e3779b1u

static uint32_t mix(uint32_t h, uint32_t v)
{
    h = (h ^ v) * MULTIPLIER;
    return h ^ (h >> 15);
}

static uint32_t finish(uint32_t h, uint32_t order)
{
    return mix(h, order) >> (32 - WF_GRAMS_BITS);
}

static bool is_latin(uint32_t cp)
{
    if (cp < 0x80)
        return (cp | 32) - 'a' < 26;
    return (cp >= 0xc0 && cp < 0x250 && cp != 0xd7 && cp != 0xf7) || (cp >= 0x1e00 && cp < 0x1f00);
}

/* A letter's weight; one of Chinese, Japanese or Korean says as much as three others. */
static size_t weight_of(uint32_t cp)
{
    utf8proc_category_t c;

    if (cp < 0xaa)
        return 0;
    c = utf8proc_category((utf8proc_int32_t)cp);
    if (c < UTF8PROC_CATEGORY_LU || c > UTF8PROC_CATEGORY_LO)
        return 0;
    return cp >= 0x2e80 && cp < 0xfb00 ? 3 : 1;
}

static bool is_latin_the_smaller_part(struct wf_str text)
{
    size_t n_latin = 0, n_others = 0, i = 0;

    for (size_t n = 0; i < text.len && n < WF_GRAMS_TEXT_MAX; n++) {
        uint32_t cp = wf_utf8_next(text, &i);
        if (is_latin(cp))
            n_latin++;
        else
            n_others += weight_of(cp);
    }
    return n_latin > 0 && n_latin <= n_others;
}

void wf_grams_init(struct wf_grams *g, struct wf_str text)
{
    memset(g, 0, sizeof(*g));
    g->_text = text;
    g->_last[0] = ' ';
    g->_n_last = 1;
    g->_skips_latin = is_latin_the_smaller_part(text);
}

/* Letters, their marks and digits of any script. */
static bool is_letter(uint32_t cp)
{
    if (cp < 0x80)
        return (cp | 32) - 'a' < 26 || cp - '0' < 10;
    return utf8proc_category((utf8proc_int32_t)cp) <= UTF8PROC_CATEGORY_NO &&
           utf8proc_category((utf8proc_int32_t)cp) >= UTF8PROC_CATEGORY_LU;
}

static uint32_t as_gram(uint32_t cp)
{
    if (cp < 0x80) {
        if (cp - 'A' < 26)
            return cp | 32;
        if (cp - '0' < 10)
            return '0';
        return cp <= ' ' || cp == 0x7f ? ' ' : cp;
    }
    if (cp == 0x85 || utf8proc_category((utf8proc_int32_t)cp) == UTF8PROC_CATEGORY_ZS)
        return cp == 0xa0 || cp == 0x202f ? 0xa0 : ' ';
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
}

/* The next code point as grams see it; ' ' once behind the end; false then. */
static bool next_code_point(struct wf_grams *g, uint32_t *out)
{
    while (!g->_ended) {
        bool more = g->_i < g->_text.len && g->_n_seen < WF_GRAMS_TEXT_MAX;
        uint32_t cp = more ? as_gram(wf_utf8_next(g->_text, &g->_i)) : ' ';

        if (g->_skips_latin && is_latin(cp))
            cp = ' ';
        g->_ended = !more;
        g->_n_seen++;
        if (cp == ' ' && g->_last[0] == ' ')
            continue;
        *out = cp;
        return true;
    }
    return false;
}

bool wf_grams_next(struct wf_grams *g, struct wf_gram out[WF_GRAMS_STEP_MAX], size_t *out_n)
{
    uint32_t cp, h = 0;
    size_t n = 0;

    if (!next_code_point(g, &cp))
        return false;
    if (is_letter(cp)) {
        g->_word = mix(g->_word, cp);
        g->_n_letters++;
    } else {
        if (g->_n_letters > 0 && g->_n_letters <= WF_GRAMS_LETTERS_MAX)
            out[n++] = (struct wf_gram){finish(g->_word, WF_GRAMS_WORD), WF_GRAMS_WORD};
        g->_word = 0;
        g->_n_letters = 0;
    }
    memmove(g->_last + 1, g->_last, sizeof(g->_last) - sizeof(g->_last[0]));
    g->_last[0] = cp;
    g->_n_last += g->_n_last < WF_GRAMS_CODE_POINTS_MAX;
    for (uint32_t order = 1; order <= g->_n_last; order++) {
        h = mix(h, g->_last[order - 1]);
        if (order == 1 && cp == ' ')
            continue; /* every text has blanks */
        out[n++] = (struct wf_gram){finish(h, order), order};
    }
    *out_n = n;
    return true;
}
