/* SPDX-License-Identifier: Apache-2.0 */
/* ROUGE over hashes of words. N-grams are matched by sorting; the longest common subsequence by the
 * bit-parallel algorithm of Hyyro (2004), 64 words of the candidate at a step. */
#include "support/rouge.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

static char fold(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c | 32);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : 0;
}

void rouge_append(struct rouge_text *t, struct wf_str s)
{
    char word[256];
    size_t n = 0;
    for (size_t i = 0; i <= s.len; i++) {
        char c = i < s.len ? fold(s.ptr[i]) : 0;
        if (c != 0) {
            if (n < sizeof(word))
                word[n++] = c;
        } else if (n > 0) {
            if ((t->n & (t->n - 1)) == 0)
                t->words = must(wf_realloc_array(t->words, t->n ? t->n * 2 : 1, sizeof(uint64_t)));
            t->words[t->n++] = wf_str_hash(wf_str_n(word, n), 0);
            n = 0;
        }
    }
}

void rouge_free(struct rouge_text *t)
{
    wf_free(t->words);
    *t = (struct rouge_text){0};
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static uint64_t *grams(const struct rouge_text *t, size_t n, size_t *out_n)
{
    *out_n = t->n >= n ? t->n - n + 1 : 0;
    uint64_t *g = must(wf_alloc_array(*out_n + 1, sizeof *g));
    for (size_t i = 0; i < *out_n; i++)
        g[i] = n == 1 ? t->words[i] : t->words[i] * UINT64_C(0x9E3779B97F4A7C15) + t->words[i + 1];
    qsort(g, *out_n, sizeof *g, by_value);
    return g;
}

static double f1(size_t n_common, size_t n_candidate, size_t n_reference)
{
    return n_common ? 2.0 * (double)n_common / (double)(n_candidate + n_reference) : 0;
}

static double rouge_n(const struct rouge_text *c, const struct rouge_text *r, size_t n)
{
    size_t n_c, n_r, common = 0;
    uint64_t *gc = grams(c, n, &n_c), *gr = grams(r, n, &n_r);
    for (size_t i = 0, k = 0; i < n_c && k < n_r;) {
        if (gc[i] == gr[k]) {
            common++;
            i++;
            k++;
        } else if (gc[i] < gr[k]) {
            i++;
        } else {
            k++;
        }
    }
    wf_free(gc);
    wf_free(gr);
    return f1(common, n_c, n_r);
}

/* v = (v + (v & m)) | (v & ~m) over many words, with carry. */
static void lcs_step(uint64_t *v, const uint64_t *m, size_t n_words)
{
    uint64_t carry = 0;
    for (size_t w = 0; w < n_words; w++) {
        uint64_t u = v[w] & m[w];
        uint64_t sum = v[w] + u;
        uint64_t over = sum < u;
        sum += carry;
        over |= sum < carry;
        v[w] = sum | (v[w] & ~m[w]);
        carry = over;
    }
}

static double rouge_l(const struct rouge_text *c, const struct rouge_text *r)
{
    if (c->n == 0 || r->n == 0)
        return 0;
    size_t n_words = (c->n + 63) / 64, n_sorted;
    uint64_t *sorted = grams(c, 1, &n_sorted);
    uint64_t *where = must(wf_alloc_array(c->n * n_words, sizeof *where));
    uint64_t *v = must(wf_alloc_array(n_words, sizeof *v));
    for (size_t i = 0; i < c->n; i++) {
        /* bsearch may find any of equal entries: take the first */
        const uint64_t *at = bsearch(&c->words[i], sorted, n_sorted, sizeof *sorted, by_value);
        while (at > sorted && at[-1] == *at)
            at--;
        where[(size_t)(at - sorted) * n_words + i / 64] |= UINT64_C(1) << (i % 64);
    }
    memset(v, 0xFF, n_words * sizeof *v);
    for (size_t k = 0; k < r->n; k++) {
        const uint64_t *at = bsearch(&r->words[k], sorted, n_sorted, sizeof *sorted, by_value);
        if (!at)
            continue;
        while (at > sorted && at[-1] == *at)
            at--;
        lcs_step(v, where + (size_t)(at - sorted) * n_words, n_words);
    }
    size_t length = 0;
    for (size_t i = 0; i < c->n; i++)
        length += (v[i / 64] >> (i % 64) & 1) == 0;
    wf_free(sorted);
    wf_free(where);
    wf_free(v);
    return f1(length, c->n, r->n);
}

struct rouge rouge_score(const struct rouge_text *candidate, const struct rouge_text *reference)
{
    return (struct rouge){{rouge_n(candidate, reference, 1), rouge_n(candidate, reference, 2),
                           rouge_l(candidate, reference)}};
}
