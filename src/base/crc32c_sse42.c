/* SPDX-License-Identifier: Apache-2.0 */
/* CRC32C by SSE 4.2's instruction; crc32c.c asks the processor first. */
#ifdef __x86_64__
#include <nmmintrin.h>
#include <string.h>

#include "base/crc32c_internal.h"

static uint64_t word(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

uint32_t wf_crc32c__bytes(uint32_t state, const uint8_t *p, size_t n)
{
    uint64_t s = state;

    for (; n >= 8; n -= 8, p += 8)
        s = _mm_crc32_u64(s, word(p));
    state = (uint32_t)s;
    for (; n > 0; n--, p++)
        state = _mm_crc32_u8(state, *p);
    return state;
}

void wf_crc32c__lanes(const uint8_t *p, size_t n_words, uint32_t io_states[3])
{
    const uint8_t *q = p + n_words * 8, *r = q + n_words * 8;
    uint64_t a = io_states[0], b = io_states[1], c = io_states[2];

    for (size_t i = 0; i < n_words; i++) {
        a = _mm_crc32_u64(a, word(p + i * 8));
        b = _mm_crc32_u64(b, word(q + i * 8));
        c = _mm_crc32_u64(c, word(r + i * 8));
    }
    io_states[0] = (uint32_t)a;
    io_states[1] = (uint32_t)b;
    io_states[2] = (uint32_t)c;
}
#endif
