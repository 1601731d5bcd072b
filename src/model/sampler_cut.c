/* SPDX-License-Identifier: Apache-2.0 */
/* Sampler: sets of candidates and what cuts them.
 *
 * Nothing is sorted to be cut. Where a cut falls is found by digits: floats, seen as whole numbers
 * that keep their order, are counted (or weighed) by their first eight bits, then within the digit
 * where the cut falls by the next eight, and so on: linear, whatever the values. Order among
 * candidates stays that of their ids, so that a draw does not depend on how they were cut. */
#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "model/sampler_internal.h"

#define DIGITS 256

/* A whole number that is larger where the float is (no NaN). */
static uint32_t ordered(float x)
{
    uint32_t u;
    x += 0.0f; /* -0 becomes 0 */
    memcpy(&u, &x, sizeof(u));
    return u & 0x80000000u ? ~u : u | 0x80000000u;
}

static double amount(const struct wf_cand *c, bool by_count)
{
    return by_count ? 1 : (double)c->w;
}

/* The key (as `ordered` has it) at which the candidates of larger keys and some of this one first
 * come to `want`; *out_above: what the larger ones come to. */
static uint32_t find_cut(const struct wf_cands *c, bool by_count, double want, double *out_above)
{
    uint32_t prefix = 0, mask = 0;
    double above = 0;

    for (int shift = 24; shift >= 0; shift -= 8) {
        double sum[DIGITS] = {0};
        int lowest = DIGITS, digit = DIGITS - 1;
        for (size_t i = 0; i < c->n; i++) {
            uint32_t u = ordered(c->ptr[i].key);
            if ((u & mask) != prefix)
                continue;
            int d = (int)(u >> shift & (DIGITS - 1));
            sum[d] += amount(&c->ptr[i], by_count);
            lowest = d < lowest ? d : lowest;
        }
        /* Rounding may leave the whole just below what is wanted: then the lowest. */
        while (digit > lowest && (above + sum[digit] < want || !(sum[digit] > 0)))
            above += sum[digit--];
        prefix |= (uint32_t)digit << shift;
        mask |= (uint32_t)(DIGITS - 1) << shift;
    }
    *out_above = above;
    return prefix;
}

static void keep(struct wf_cands *c, bool by_count, double want)
{
    bool any_at_cut = false; /* of those at the cut at least one stays */
    size_t n = 0;
    double have;
    uint32_t cut;

    if (c->n <= 1)
        return;
    cut = find_cut(c, by_count, want, &have);
    for (size_t i = 0; i < c->n; i++) {
        struct wf_cand one = c->ptr[i];
        uint32_t u = ordered(one.key);
        if (u < cut || (u == cut && any_at_cut && have >= want))
            continue;
        if (u == cut) {
            have += amount(&one, by_count);
            any_at_cut = true;
        }
        c->ptr[n++] = one;
    }
    c->n = n;
}

void wf_cands_keep_mass(struct wf_cands *c, double mass)
{
    keep(c, false, mass);
    c->mass = 0;
    for (size_t i = 0; i < c->n; i++)
        c->mass += (double)c->ptr[i].w;
}

void wf_cands_keep_n(struct wf_cands *c, size_t n)
{
    assert(n > 0);
    if (n < c->n)
        keep(c, true, (double)n);
}

static void add(struct wf_cands *c, float x, size_t id)
{
    c->ptr[c->n++] = (struct wf_cand){.x = x, .key = x, .id = (int32_t)id};
}

void wf_cands_gather(struct wf_cands *c, const float *logits, size_t n, float floor)
{
    c->n = 0;
    for (size_t i = 0; (i = wf_sampler_find(logits, n, i, floor)) < n; i++)
        add(c, logits[i], i);
}

void wf_cands_gather_top(struct wf_cands *c, const float *logits, size_t n, size_t k)
{
    /* Values below the k-th of what was seen so far fall away at once; the others gather in a
     * buffer somewhat larger than k, which is cut to k when it is full. */
    size_t room = WF_MIN(n, WF_MAX(2 * k, k + 256));
    float floor = -FLT_MAX;

    c->n = 0;
    for (size_t i = 0; (i = wf_sampler_find(logits, n, i, floor)) < n; i++) {
        add(c, logits[i], i);
        if (c->n < room || room <= k)
            continue;
        wf_cands_keep_n(c, k);
        floor = INFINITY;
        for (size_t j = 0; j < c->n; j++)
            floor = fminf(floor, c->ptr[j].x);
        floor = nextafterf(floor, INFINITY); /* of equal ones the first stay */
    }
    wf_cands_keep_n(c, k);
}

static bool comes_before(const struct wf_cand *a, const struct wf_cand *b)
{
    return a->x > b->x || (a->x == b->x && a->id < b->id);
}

/* Heap whose root comes last. */
static void sift(struct wf_cand *h, size_t n, size_t i)
{
    struct wf_cand one = h[i];
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && comes_before(&h[child], &h[child + 1]))
            child++;
        if (!comes_before(&one, &h[child]))
            break;
        h[i] = h[child];
    }
    h[i] = one;
}

void wf_cands_sort(struct wf_cands *c)
{
    for (size_t i = c->n / 2; i-- > 0;)
        sift(c->ptr, c->n, i);
    for (size_t n = c->n; n-- > 1;) {
        struct wf_cand last = c->ptr[n];
        c->ptr[n] = c->ptr[0];
        c->ptr[0] = last;
        sift(c->ptr, n, 0);
    }
}
