/* Fuse: how words and vectors together order what was read.
 *
 * Thread rule: any. */
#ifndef WF_FIND_FUSE_H
#define WF_FIND_FUSE_H

#include <stddef.h>

/* Chunks that join the candidates for their vector. */
#define WF_FUSE_NEAR 48

/* What similarity adds to the value that words give. `best` is the highest of the question's
 * similarities, `rank` the chunk's place among them (from 0); `coverage` is the best that words
 * reach: what they leave open, vectors decide. */
double wf_fuse_value(double similarity, double best, size_t rank, double coverage);

/* The least similarity with which a chunk that has no word of the question is worth showing. */
double wf_fuse_least(double best);

#endif
