/* SPDX-License-Identifier: Apache-2.0 */
/* CRC32C: the vectors of RFC 3720 and of the polynomial's catalogue, and the instruction beside the
 * plain form on lengths and places of all kinds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "base/rng.h"

static void check(uint32_t want, const void *p, size_t n)
{
    assert_int_equal(wf_crc32c(0, p, n), want);
    assert_int_equal(wf_crc32c_plain(0, p, n), want);
}

static void test_crc32c__vectors(void **state)
{
    (void)state;
    uint8_t b[32];

    check(0, "", 0);
    check(0xe3069283, "123456789", 9);
    check(0xc1d04330, "a", 1);
    check(0x22620404, "The quick brown fox jumps over the lazy dog", 43);
    memset(b, 0, sizeof(b));
    check(0x8a9136aa, b, 32);
    memset(b, 0xff, sizeof(b));
    check(0x62a8ab43, b, 32);
    for (uint8_t i = 0; i < 32; i++)
        b[i] = i;
    check(0x46dd794e, b, 32);
    for (uint8_t i = 0; i < 32; i++)
        b[i] = (uint8_t)(31 - i);
    check(0x113fdb5c, b, 32);
}

/* Lengths on both sides of every limit, at every alignment; in one piece and in two. */
static void test_crc32c__both_ways_agree(void **state)
{
    (void)state;
    static const size_t lengths[] = {1,    7,    8,    9,    31,   4094, 4095,  4096,
                                     4097, 4119, 4120, 4121, 8192, 9999, 19999, 20000};
    static uint8_t bytes[20016];
    struct wf_rng_seeded rng;

    wf_rng_seeded_init(&rng, 4);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)wf_rng_below(&rng.rng, 256);
    for (size_t k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
        for (size_t at = 0; at < 16; at++) {
            size_t n = lengths[k], cut = (size_t)wf_rng_below(&rng.rng, n + 1);
            uint32_t want = wf_crc32c_plain(0, bytes + at, n);
            assert_int_equal(wf_crc32c(0, bytes + at, n), want);
            assert_int_equal(wf_crc32c(wf_crc32c(0, bytes + at, cut), bytes + at + cut, n - cut),
                             want);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc32c__vectors),
        cmocka_unit_test(test_crc32c__both_ways_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
