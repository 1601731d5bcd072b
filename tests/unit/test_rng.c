/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of base/rng.h and base/clock.h: published vectors, no bias, seams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/rng.h"

static void test_rng__seeding_is_splitmix64(void **state)
{
    (void)state;
    /* The first outputs of splitmix64 from 1234567, as published with the algorithm. */
    const uint64_t want[] = {UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
                             UINT64_C(9817491932198370423), UINT64_C(4593380528125082431)};
    struct wf_rng_seeded s;
    wf_rng_seeded_init(&s, 1234567);
    for (size_t i = 0; i < 4; i++)
        assert_true(s._state[i] == want[i]);
}

static void test_rng__is_xoshiro256starstar(void **state)
{
    (void)state;
    const uint64_t want[] = {11520, 0, 1509978240, UINT64_C(1215971899390074240)};
    struct wf_rng_seeded s;
    wf_rng_seeded_init(&s, 0);
    for (size_t i = 0; i < 4; i++)
        s._state[i] = i + 1;
    for (size_t i = 0; i < 4; i++)
        assert_true(wf_rng_u64(&s.rng) == want[i]);
}

static void test_rng__a_seed_replays(void **state)
{
    (void)state;
    struct wf_rng_seeded a;
    struct wf_rng_seeded b;
    wf_rng_seeded_init(&a, 9);
    wf_rng_seeded_init(&b, 9);
    unsigned char x[37];
    unsigned char y[37];
    a.rng.fill(a.rng.ud, x, sizeof(x));
    b.rng.fill(b.rng.ud, y, sizeof(y));
    assert_memory_equal(x, y, sizeof(x));
    assert_true(wf_rng_u64(&a.rng) == wf_rng_u64(&b.rng));
    wf_rng_seeded_init(&b, 10);
    b.rng.fill(b.rng.ud, y, sizeof(y));
    assert_memory_not_equal(x, y, sizeof(x));
}

static void test_rng__the_systems_differs(void **state)
{
    (void)state;
    unsigned char x[1000] = {0};
    wf_rng_system()->fill(NULL, x, sizeof(x));
    unsigned n_zero = 0;
    for (size_t i = 0; i < sizeof(x); i++)
        n_zero += x[i] == 0;
    assert_true(n_zero < 30); /* 4 expected */
    assert_true(wf_rng_u64(NULL) != wf_rng_u64(NULL));
    wf_rng_system()->fill(NULL, NULL, 0);
}

static void fill_script(void *ud, void *out, size_t n)
{
    uint64_t **script = ud;
    assert_int_equal(n, 8);
    memcpy(out, (*script)++, 8);
}

static void test_rng__below_has_no_bias(void **state)
{
    (void)state;
    assert_int_equal(wf_rng_below(NULL, 1), 0);
    struct wf_rng_seeded s;
    wf_rng_seeded_init(&s, 77);
    unsigned counts[7] = {0};
    for (int i = 0; i < 70000; i++)
        counts[wf_rng_below(&s.rng, 7)]++;
    double chi2 = 0;
    for (size_t i = 0; i < 7; i++)
        chi2 += (counts[i] - 10000.0) * (counts[i] - 10000.0) / 10000.0;
    assert_true(chi2 < 22.5); /* one in a thousand; the seed is fixed */
    /* 2^64 mod 3 is 1: the topmost value is drawn again, the one before is not. */
    uint64_t script[] = {UINT64_MAX, UINT64_MAX - 1, 5};
    uint64_t *at = script;
    struct wf_rng scripted = {fill_script, &at};
    assert_int_equal(wf_rng_below(&scripted, 3), (UINT64_MAX - 1) % 3);
    assert_int_equal(at - script, 2);
    /* A power of two divides all: nothing is drawn again. */
    at = script;
    assert_true(wf_rng_below(&scripted, UINT64_C(1) << 63) == UINT64_MAX >> 1);
    assert_int_equal(at - script, 1);
}

static void test_rng__hex(void **state)
{
    (void)state;
    char out[66];
    memset(out, 'x', sizeof(out));
    wf_rng_hex(NULL, out, 32);
    assert_int_equal(strlen(out), 64);
    assert_int_equal(strspn(out, "0123456789abcdef"), 64);
    assert_int_equal(out[65], 'x');
    wf_rng_hex(NULL, out, 0);
    assert_string_equal(out, "");
    uint64_t script[] = {UINT64_C(0xEFCDAB8967452301)};
    uint64_t *at = script;
    struct wf_rng scripted = {fill_script, &at};
    wf_rng_hex(&scripted, out, 8);
    assert_string_equal(out, "0123456789abcdef");
}

static int64_t scripted_time(void *ud)
{
    return ++*(int64_t *)ud;
}

static void test_clock__the_table_decides(void **state)
{
    (void)state;
    int64_t t = 41;
    const struct wf_clock c = {scripted_time, scripted_time, &t};
    assert_int_equal(wf_clock_wall_ms(&c), 42);
    assert_int_equal(wf_clock_mono_ns(&c), 43);
}

static void test_clock__the_systems_is_sane(void **state)
{
    (void)state;
    assert_true(wf_clock_wall_ms(NULL) > INT64_C(1600000000000));  /* after 2020 */
    assert_true(wf_clock_wall_ms(NULL) < INT64_C(10000000000000)); /* milliseconds, not less */
    int64_t a = wf_clock_mono_ns(NULL);
    int64_t b = wf_clock_mono_ns(wf_clock_system());
    assert_true(a > 0 && b >= a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rng__seeding_is_splitmix64),
        cmocka_unit_test(test_rng__is_xoshiro256starstar),
        cmocka_unit_test(test_rng__a_seed_replays),
        cmocka_unit_test(test_rng__the_systems_differs),
        cmocka_unit_test(test_rng__below_has_no_bias),
        cmocka_unit_test(test_rng__hex),
        cmocka_unit_test(test_clock__the_table_decides),
        cmocka_unit_test(test_clock__the_systems_is_sane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
