/* SPDX-License-Identifier: Apache-2.0 */
/* CRC32C by the instruction that Armv8-A has with its CRC extension; crc32c.c asks the processor
 * first. */
#ifdef __aarch64__
#include <arm_acle.h>
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
    for (; n >= 8; n -= 8, p += 8)
        state = __crc32cd(state, word(p));
    for (; n > 0; n--, p++)
        state = __crc32cb(state, *p);
    return state;
}

void wf_crc32c__lanes(const uint8_t *p, size_t n_words, uint32_t io_states[3])
{
    const uint8_t *q = p + n_words * 8, *r = q + n_words * 8;
    uint32_t a = io_states[0], b = io_states[1], c = io_states[2];

    for (size_t i = 0; i < n_words; i++) {
        a = __crc32cd(a, word(p + i * 8));
        b = __crc32cd(b, word(q + i * 8));
        c = __crc32cd(c, word(r + i * 8));
    }
    io_states[0] = a;
    io_states[1] = b;
    io_states[2] = c;
}
#endif
