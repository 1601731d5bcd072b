/* SPDX-License-Identifier: Apache-2.0 */
/* CRC32C. With the processor's instruction, what is long is cut into three parts of one length that
 * are gone through at once; a part's checksum then moves over those behind it by a multiplication
 * of polynomials. Bits are reflected: the highest one of a word is x^0. */
#include "base/crc32c.h"

#include <stdbool.h>
#include <string.h>
#ifdef __aarch64__
#include <sys/auxv.h>
#endif

#include "base/crc32c_internal.h"

#define POLYNOMIAL UINT32_C(0x82f63b78)
#define ONE (UINT32_C(1) << 31) /* x^0 */
/* Below it the multiplications cost more than they save. */
#define LANES_MIN 4096

uint32_t wf_crc32c_plain(uint32_t crc, const void *p, size_t n)
{
    uint32_t table[16]; /* for half a byte: small enough to be made for each call */
    const uint8_t *at = p;

    for (uint32_t i = 0; i < 16; i++) {
        uint32_t v = i;
        for (int k = 0; k < 4; k++)
            v = (v & 1) != 0 ? v >> 1 ^ POLYNOMIAL : v >> 1;
        table[i] = v;
    }
    crc = ~crc;
    for (; n > 0; n--, at++) {
        crc ^= *at;
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

#if defined(__x86_64__) || defined(__aarch64__)
/* a * b modulo the polynomial. */
static uint32_t times(uint32_t a, uint32_t b)
{
    uint32_t product = 0;

    for (; a != 0; a <<= 1) {
        if ((a & ONE) != 0)
            product ^= b;
        b = (b & 1) != 0 ? b >> 1 ^ POLYNOMIAL : b >> 1;
    }
    return product;
}

/* x^(8 n): what a state is multiplied with when n bytes of zeros follow. */
static uint32_t over(size_t n)
{
    uint32_t square = ONE >> 8, all = ONE; /* x^8 */

    for (; n > 0; n >>= 1) {
        if ((n & 1) != 0)
            all = times(square, all);
        square = times(square, square);
    }
    return all;
}

static uint32_t with_lanes(uint32_t state, const uint8_t *p, size_t n)
{
    size_t n_words = n / 24;
    uint32_t states[3] = {state, 0, 0}, move;

    wf_crc32c__lanes(p, n_words, states);
    move = over(n_words * 8);
    state = times(move, times(move, states[0]) ^ states[1]) ^ states[2];
    return wf_crc32c__bytes(state, p + n_words * 24, n - n_words * 24);
}

static bool has_instruction(void)
{
#ifdef __x86_64__
    return __builtin_cpu_supports("sse4.2") != 0;
#else
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
#endif
}

uint32_t wf_crc32c(uint32_t crc, const void *p, size_t n)
{
    if (!has_instruction())
        return wf_crc32c_plain(crc, p, n);
    return n < LANES_MIN ? ~wf_crc32c__bytes(~crc, p, n) : ~with_lanes(~crc, p, n);
}
#else
uint32_t wf_crc32c(uint32_t crc, const void *p, size_t n)
{
    return wf_crc32c_plain(crc, p, n);
}
#endif
