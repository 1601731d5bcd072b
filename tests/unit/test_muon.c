/* SPDX-License-Identifier: Apache-2.0 */
/* Muon: a step is the gradient made orthogonal, as long as AdamW's would be; tall and wide alike.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "train/muon.h"

#define SIDE 24
#define LONG 60

static struct wf_gang *gang;
static struct wf_gemm_room *room;
static struct wf_muon *muon;
static uint64_t seed = 7;

static float number(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (float)((int32_t)(seed >> 40) - (1 << 23)) * 0x1p-23f;
}

static int setup(void **state)
{
    struct wf_err err;

    (void)state;
    return wf_gang_new(2, &gang, &err) || wf_gemm_room_new(2, LONG, &room, &err) ||
           wf_muon_new((size_t)SIDE * LONG, SIDE, &muon, &err);
}

static int teardown(void **state)
{
    (void)state;
    wf_muon_free(muon);
    wf_gemm_room_free(room);
    wf_gang_free(gang);
    return 0;
}

/* The step of a random gradient; every singular value must be near 1, measured as how far x x^T of
 * its shorter side is from the identity, and it must not point away from the gradient. */
static void check_orthogonal(size_t rows, size_t cols)
{
    static float value[SIDE * LONG], grad[SIDE * LONG], momentum[SIDE * LONG];
    size_t n = rows * cols, side = rows < cols ? rows : cols, longer = rows < cols ? cols : rows;
    struct wf_muon_step s = {.value = value,
                             .grad = grad,
                             .momentum = momentum,
                             .rows = rows,
                             .cols = cols,
                             .grad_scale = 1,
                             .rate = 1,
                             .beta = 0.95f};
    double along = 0, scale = -1 / (0.2 * sqrt((double)longer));

    for (size_t i = 0; i < n; i++) {
        grad[i] = number();
        value[i] = momentum[i] = 0;
    }
    wf_muon_apply(muon, room, gang, WF_GEMM_F32, &s);
    for (size_t i = 0; i < side; i++) {
        double length = 0;

        for (size_t j = 0; j < longer; j++) {
            double x = scale * (double)(rows < cols ? value[i * cols + j] : value[j * cols + i]);

            length += x * x;
        }
        assert_true(length > 0.4 && length < 1.6);
    }
    for (size_t i = 0; i < n; i++)
        along -= (double)grad[i] * (double)value[i];
    assert_true(along > 0);
}

static void test_muon__wide_and_tall_steps_are_orthogonal(void **state)
{
    (void)state;
    check_orthogonal(SIDE, LONG);
    check_orthogonal(LONG, SIDE);
    check_orthogonal(SIDE, SIDE);
}

static void test_muon__no_gradient_only_decays(void **state)
{
    float value[4] = {1, -2, 3, 4}, grad[4] = {0}, momentum[4] = {0};
    struct wf_muon_step s = {.value = value,
                             .grad = grad,
                             .momentum = momentum,
                             .rows = 2,
                             .cols = 2,
                             .grad_scale = 1,
                             .rate = 0.5f,
                             .decay = 0.1f};

    (void)state;
    wf_muon_apply(muon, room, gang, WF_GEMM_F32, &s);
    assert_float_equal(value[0], 0.95, 1e-6);
    assert_float_equal(value[1], -1.9, 1e-6);
}

/* The length of a gradient does not matter, its direction does. */
static void test_muon__the_gradients_length_does_not_matter(void **state)
{
    float grad[6] = {1, 2, -1, 0.5f, 3, -2}, a[6] = {0}, b[6] = {0}, m[6] = {0};
    struct wf_muon_step s = {.value = a,
                             .grad = grad,
                             .momentum = m,
                             .rows = 2,
                             .cols = 3,
                             .grad_scale = 1,
                             .rate = 1,
                             .beta = 0.9f};

    (void)state;
    wf_muon_apply(muon, room, gang, WF_GEMM_F32, &s);
    memset(m, 0, sizeof(m));
    s.value = b;
    s.grad_scale = 100;
    wf_muon_apply(muon, room, gang, WF_GEMM_F32, &s);
    for (int i = 0; i < 6; i++)
        assert_float_equal(a[i], b[i], 1e-5);
}

static void test_muon__memory_that_fails_is_said(void **state)
{
    struct wf_muon *m;
    struct wf_err err;

    (void)state;
    for (uint64_t n = 1; n <= 5; n++) {
        wf_alloc_fail_at(n);
        assert_int_equal(wf_muon_new(64, 8, &m, &err), WF_E_NOMEM);
        assert_null(m);
    }
    wf_alloc_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_muon__wide_and_tall_steps_are_orthogonal),
        cmocka_unit_test(test_muon__no_gradient_only_decays),
        cmocka_unit_test(test_muon__the_gradients_length_does_not_matter),
        cmocka_unit_test(test_muon__memory_that_fails_is_said),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
