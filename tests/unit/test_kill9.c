/* SPDX-License-Identifier: Apache-2.0 */
/* Kill -9 while documents are taken in, replaced and removed: nothing acknowledged is lost, nothing
 * is half there. WEFT_KILL9_ROUNDS says how often (bench_kill9.sh: 200 times). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/kill9.h"

#define ROUNDS 25

static void test_kill9__loses_nothing(void **state)
{
    (void)state;
    struct kill9_result r;
    const char *rounds = getenv("WEFT_KILL9_ROUNDS");
    const char *seed = getenv("WEFT_KILL9_SEED");
    unsigned n = rounds ? (unsigned)strtoul(rounds, NULL, 10) : ROUNDS;
    assert_int_equal(kill9_run(n, seed ? strtoull(seed, NULL, 10) : 1, &r), 0);
    print_message("%u rounds: %u acknowledged, %u removed, %u under way, %u swept\n", r.n_rounds,
                  r.n_acked, r.n_removed, r.n_pending, r.n_swept);
    assert_int_equal(r.n_mistakes, 0);
    assert_int_equal(r.n_rounds, n);
    assert_true(r.n_acked > n && r.n_pending > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kill9__loses_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
