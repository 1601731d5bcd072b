/* Shuffle: numbers in an order that looks random, without keeping the order: the i-th of n under a
 * seed is computed, so that shuffled data needs no memory and can be taken up anywhere. And seeds
 * out of seeds. Threads: any. */
#ifndef WF_TRAIN_SHUFFLE_H
#define WF_TRAIN_SHUFFLE_H

#include <stdint.h>

/* A number that depends on all bits of both: the seed of a part of something. */
uint64_t wf_seed_mix(uint64_t seed, uint64_t part);

/* The i-th (i < n) of a permutation of 0 .. n - 1 that the seed chooses. */
uint64_t wf_shuffle_at(uint64_t seed, uint64_t n, uint64_t i);

/* The next number of a series (splitmix64); uniform below n (n > 0); uniform in [0, 1). */
uint64_t wf_draw_u64(uint64_t *io_state);
uint64_t wf_draw_below(uint64_t *io_state, uint64_t n);
double wf_draw_real(uint64_t *io_state);

#endif
