/* SPDX-License-Identifier: Apache-2.0 */
/* N-grams, hashed (Weinberger et al. 2009; pairs of words and parts of words as in Joulin et al.
 * 2017). Words are runs of letters, digits and everything beyond ASCII; what stands between them
 * does not count. Bytes, not code points: a part of a word of four bytes is two Cyrillic letters,
 * which serves as well. */
#include "model/lens_ngram.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define WORD_BYTES_MAX 64u /* of a word that is looked at; the rest of a longer one is not */
#define PART_MIN 3u
#define PART_MAX 5u
#define BORDER '<' /* of words; never within one */

struct list {
    uint32_t mask;
    uint32_t *out;
    size_t n;
};

/* FNV-1a of 32 bits, seeded by the kind; well mixed, as low bits are taken. */
static uint32_t hash(uint32_t seed, const char *p, size_t n)
{
    uint32_t h = 2166136261u ^ seed * 0x9e3779b1u;

    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)p[i]) * 16777619u;
    h = (h ^ h >> 16) * 0x7feb352du;
    h = (h ^ h >> 15) * 0x846ca68bu;
    return h ^ h >> 16;
}

static void put(struct list *l, uint32_t h)
{
    if (l->n < WF_LENS_NGRAMS_MAX)
        l->out[l->n++] = h & l->mask;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80;
}

/* The next word in small letters between two borders; 0: none. */
static size_t next_word(struct wf_str text, size_t *io_at, char out[WORD_BYTES_MAX + 2])
{
    size_t n = 0;

    while (*io_at < text.len && !is_word(text.ptr[*io_at]))
        (*io_at)++;
    out[n++] = BORDER;
    for (; *io_at < text.len && is_word(text.ptr[*io_at]); (*io_at)++) {
        char c = text.ptr[*io_at];
        if (n <= WORD_BYTES_MAX)
            out[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    if (n == 1)
        return 0;
    out[n++] = BORDER;
    return n;
}

static void put_parts(struct list *l, const char *word, size_t n)
{
    for (size_t size = PART_MIN; size <= PART_MAX; size++) {
        for (size_t i = 0; i + size <= n; i++)
            put(l, hash(3, word + i, size));
    }
}

size_t wf_lens_ngrams(struct wf_str text, uint32_t n_buckets, uint32_t *out)
{
    struct list l = {.mask = n_buckets - 1, .out = out};
    char word[WORD_BYTES_MAX + 2];
    uint32_t before = 0;
    size_t at = 0, n;

    assert(n_buckets > 0);
    assert((n_buckets & (n_buckets - 1)) == 0);
    while ((n = next_word(text, &at, word)) > 0) {
        uint32_t h = hash(1, word, n);
        put(&l, h);
        put(&l, hash(before, word, n)); /* with the word before, or the begin */
        put_parts(&l, word, n);
        before = h | 4u; /* never one of the seeds of other kinds */
    }
    if (before != 0)
        put(&l, hash(before, "", 0));
    return l.n;
}
