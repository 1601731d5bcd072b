/* SPDX-License-Identifier: Apache-2.0 */
/* Fuse: a weighted sum.
 *
 * Values of words (score.c) were fitted as logarithms of odds, by listwise regression. A lens is
 * trained with similarity over a temperature as the logarithm of odds among a batch's texts (1/20
 * is usual): so the two can be added, and similarity's natural weight is some 10 to 20. It is less
 * where words cover the question, since the two are not independent, and more where they leave it
 * open: a question in another language shares a name or a number with its answer at best.
 *
 * bench/bench_hybrid prints what that gives, and -f the weights that would have been best. */
#include "find/fuse.h"

#include <math.h>

#define NEAR_VALUE 10.0
#define NEAR_OPEN_VALUE 15.0 /* more where words cover nothing */
#define FIRST_VALUE 1.0      /* of being nearest of all, half for the next, a third ... */
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
