/* SPDX-License-Identifier: Apache-2.0 */
/* Grams of a request (Cavnar and Trenkle 1994; hashed as in Weinberger et al. 2009). The folded
 * words stand in one line with a blank between them and at both ends, and groups of letters are cut
 * out of that line by code points. */
#include "model/lens_grams.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "text/utf8.h"
#include "text/word.h"

#define SEEN_MAX 4096u /* slots; twice the grams, so that probing stays short */
#define PAIR 0x50u     /* kinds of grams begin with different numbers */
#define WORD 0x57u
#define LETTERS 0x4cu

_Static_assert(WF_LENS_GRAMS_MAX * 2 <= SEEN_MAX, "what a text has is found");

struct list {
    struct wf_lens_grams *out;
    uint32_t seen[SEEN_MAX]; /* a gram and 1; 0: free */
};

static uint32_t mix(uint32_t h, uint32_t v)
{
    h = (h ^ v) * 0x9e3779b1u;
    return h ^ h >> 15;
}

static void put(struct list *l, uint32_t hash)
{
    uint32_t gram = mix(hash, 1) >> (32 - WF_LENS_GRAMS_BITS), at = gram & (SEEN_MAX - 1);

    for (; l->seen[at] != 0; at = (at + 1) & (SEEN_MAX - 1)) {
        if (l->seen[at] == gram + 1)
            return;
    }
    if (l->out->n == WF_LENS_GRAMS_MAX)
        return;
    l->seen[at] = gram + 1;
    l->out->items[l->out->n++] = gram;
}

static uint32_t hash_word(const struct wf_word *w)
{
    uint32_t h = WORD;

    for (uint32_t i = 0; i < w->len; i++)
        h = mix(h, (unsigned char)w->text[i]);
    return h;
}

/* Words and pairs, with a border at both ends; the line of folded words. Returns its length. */
static size_t put_words(struct list *l, struct wf_str text, char line[WF_LENS_GRAMS_BYTES])
{
    struct wf_words walk;
    struct wf_word w;
    uint32_t before = PAIR;
    size_t n = 0;

    line[n++] = ' ';
    wf_words_init(&walk, text);
    while (wf_words_next(&walk, &w) && n + w.len + 1 <= WF_LENS_GRAMS_BYTES) {
        uint32_t h = hash_word(&w);
        put(l, h);
        put(l, mix(before, h));
        before = mix(PAIR, h);
        memcpy(line + n, w.text, w.len);
        n += w.len;
        line[n++] = ' ';
    }
    if (before != PAIR)
        put(l, mix(before, PAIR));
    return n;
}

void wf_lens_grams(struct wf_str text, struct wf_lens_grams *out)
{
    uint32_t points[WF_LENS_GRAMS_BYTES];
    char line[WF_LENS_GRAMS_BYTES];
    struct list l = {.out = out};
    size_t n_points = 0, n;

    out->n = 0;
    n = put_words(&l, text, line);
    out->n_words = out->n;
    if (n <= 1)
        return;
    for (size_t i = 0; i < n;)
        points[n_points++] = wf_utf8_next(wf_str_n(line, n), &i);
    for (size_t i = 0; i < n_points; i++) {
        uint32_t h = LETTERS;
        for (size_t k = i; k < n_points && k < i + WF_LENS_LETTERS_MAX; k++) {
            h = mix(h, points[k]);
            if (k + 1 >= i + WF_LENS_LETTERS_MIN)
                put(&l, h);
        }
    }
}
