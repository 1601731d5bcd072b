/* SPDX-License-Identifier: Apache-2.0 */
/* Fuse: a weighted sum.
 *
 * Values of words (score.c) are sums of shares of the question's weight, up to about 50, so that
 * what words say is comparable between questions as it stands; similarity is added to it with a
 * weight, since differences of similarity say how much nearer a chunk is, which ranks do not. The
 * weight grows with what words leave open: a question in another language shares a name or a number
 * with its answer at best.
 *
 * The weights were found by bench/bench_hybrid -f on half of the questions. */
#include "find/fuse.h"

#include <math.h>

#define NEAR_VALUE 40.0
#define NEAR_OPEN_VALUE 40.0 /* more where words cover nothing */
#define FIRST_VALUE 2.0      /* of being nearest of all, half for the next, a third ... */
/* Without a word in common, a chunk must come so near to be shown, and not so far behind the best.
 */
#define ALONE_LEAST 0.25
#define ALONE_BEHIND 0.5

double wf_fuse_value(double similarity, double best, size_t rank, double coverage)
{
    double open = 1 - fmin(fmax(coverage, 0), 1);
    (void)best;
    return (NEAR_VALUE + NEAR_OPEN_VALUE * open) * similarity + FIRST_VALUE / (double)(rank + 1);
}

double wf_fuse_least(double best)
{
    return fmax(ALONE_LEAST, ALONE_BEHIND * best);
}
