/* SPDX-License-Identifier: Apache-2.0 */
/* A Feistel network over the smallest even number of bits that holds n, walked until the number is
 * below n (at most four times as many are outside, so it ends soon). Four rounds mix well enough
 * for the order of texts. */
#include "train/shuffle.h"

#include <assert.h>

#define ROUNDS 4

static uint64_t mixed(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t wf_seed_mix(uint64_t seed, uint64_t part)
{
    return mixed(mixed(seed + UINT64_C(0x9e3779b97f4a7c15)) ^
                 (part + UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xd1342543de82ef95));
}

uint64_t wf_draw_u64(uint64_t *io_state)
{
    *io_state += UINT64_C(0x9e3779b97f4a7c15);
    return mixed(*io_state);
}

uint64_t wf_draw_below(uint64_t *io_state, uint64_t n)
{
    assert(n > 0);
    return (uint64_t)((unsigned __int128)wf_draw_u64(io_state) * n >> 64);
}

double wf_draw_real(uint64_t *io_state)
{
    return (double)(wf_draw_u64(io_state) >> 11) * 0x1p-53;
}

uint64_t wf_shuffle_at(uint64_t seed, uint64_t n, uint64_t i)
{
    unsigned half = 1;
    uint64_t mask;

    assert(i < n);
    while (half < 32 && (UINT64_C(1) << 2 * half) < n)
        half++;
    mask = (UINT64_C(1) << half) - 1;
    do {
        uint64_t left = i >> half, right = i & mask;
        for (uint64_t r = 0; r < ROUNDS; r++) {
            uint64_t next = left ^ (wf_seed_mix(seed + r, right) & mask);
            left = right;
            right = next;
        }
        i = left << half | right;
    } while (i >= n);
    return i;
}
