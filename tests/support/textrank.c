/* SPDX-License-Identifier: Apache-2.0 */
/* Plain TextRank: words as the search has them without stop words, each counted once a sentence. */
#include "support/textrank.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "text/word.h"

#define ROUNDS 40
#define DAMPING 0.85

struct node {
    uint64_t *words; /* distinct, sorted */
    size_t n_words;
    double rank, next, sum;
    size_t index;
};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void fill(struct node *node, struct wf_str sentence)
{
    struct wf_words walk;
    struct wf_word word;
    size_t cap = 0, n = 0;
    wf_words_init(&walk, sentence);
    while (wf_words_next(&walk, &word)) {
        if (wf_word_is_stop(wf_str_n(word.text, word.len)))
            continue;
        if (node->n_words == cap)
            node->words = must(wf_realloc_array(node->words, cap = cap * 2 + 8, sizeof(uint64_t)));
        node->words[node->n_words++] = wf_str_hash(wf_str_n(word.text, word.len), 0);
    }
    if (node->n_words > 0)
        qsort(node->words, node->n_words, sizeof(uint64_t), by_value);
    for (size_t i = 0; i < node->n_words; i++)
        if (i == 0 || node->words[i] != node->words[i - 1])
            node->words[n++] = node->words[i];
    node->n_words = n;
}

static double similarity(const struct node *a, const struct node *b)
{
    size_t common = 0;
    for (size_t i = 0, k = 0; i < a->n_words && k < b->n_words;) {
        if (a->words[i] == b->words[k]) {
            common++;
            i++;
            k++;
        } else if (a->words[i] < b->words[k]) {
            i++;
        } else {
            k++;
        }
    }
    double length = log((double)a->n_words) + log((double)b->n_words);
    return common > 0 && length > 0.1 ? (double)common / length : 0;
}

static int by_rank(const void *a, const void *b)
{
    const struct node *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank > y->rank ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

void textrank(const struct wf_str *sentences, size_t n, size_t *out)
{
    struct node *nodes = must(wf_alloc_array(n + 1, sizeof *nodes));
    float *edges = must(wf_alloc_array(n * n + 1, sizeof *edges));
    for (size_t i = 0; i < n; i++) {
        fill(&nodes[i], sentences[i]);
        nodes[i].index = i;
        nodes[i].rank = 1.0 / (double)n;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++) {
            double s = similarity(&nodes[i], &nodes[k]);
            edges[i * n + k] = edges[k * n + i] = (float)s;
            nodes[i].sum += s;
            nodes[k].sum += s;
        }
    for (int round = 0; round < ROUNDS; round++) {
        double lost = 0;
        for (size_t i = 0; i < n; i++) {
            nodes[i].next = 0;
            lost += nodes[i].sum > 0 ? 0 : nodes[i].rank;
        }
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < n && nodes[i].sum > 0; k++)
                nodes[k].next += nodes[i].rank * (double)edges[i * n + k] / nodes[i].sum;
        for (size_t i = 0; i < n; i++)
            nodes[i].rank =
                (1 - DAMPING) / (double)n + DAMPING * (nodes[i].next + lost / (double)n);
    }
    qsort(nodes, n, sizeof *nodes, by_rank);
    for (size_t i = 0; i < n; i++) {
        out[i] = nodes[i].index;
        wf_free(nodes[i].words);
    }
    wf_free(nodes);
    wf_free(edges);
}
