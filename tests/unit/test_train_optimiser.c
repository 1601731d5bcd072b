/* SPDX-License-Identifier: Apache-2.0 */
/* The optimiser against its formulas in double precision, the schedule, the order of texts. */
#include "train/optimiser.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "train/muon.h"
#include "train/reduce.h"
#include "train/schedule.h"
#include "train/shuffle.h"

#define ROWS 300u
#define COLS 170u
#define N (ROWS * COLS + COLS + 64)

static const struct wf_net_tensor tensors[] = {
    {"token_embd.weight", 0, ROWS, COLS, true},
    {"output_norm.weight", ROWS *COLS, 1, COLS, false},
    {"blk.0.attn_q.weight", ROWS *COLS + COLS, 8, 8, true},
};
static float values[N], grads[N];

static void fill(uint64_t seed)
{
    for (size_t i = 0; i < N; i++) {
        values[i] = (float)(wf_draw_real(&seed) - 0.5);
        grads[i] = (float)(wf_draw_real(&seed) - 0.5);
    }
}

static struct wf_gang *gang_of(size_t n)
{
    struct wf_gang *g = NULL;

    assert_int_equal(wf_gang_new(n, &g, NULL), 0);
    return g;
}

static struct wf_optimiser *optimiser(const struct wf_optimiser_options *o)
{
    struct wf_optimiser *a = NULL;

    assert_int_equal(wf_optimiser_new(o, tensors, 3, N, &a, NULL), 0);
    return a;
}

static void test_train_optimiser__adamw_is_its_formula(void **state)
{
    const struct wf_optimiser_options o = {
        .beta1 = 0.9, .beta2 = 0.98, .eps = 1e-8, .decay = 0.1, .clip = 1};
    struct wf_optimiser *a = optimiser(&o);
    struct wf_optimiser_means means = {.gang = gang_of(1)};
    static double w[N], m[N], v[N];
    double norm;

    (void)state;
    fill(1);
    for (size_t i = 0; i < N; i++)
        w[i] = (double)values[i];
    for (int step = 1; step <= 5; step++) {
        double sum = 0, scale;
        for (size_t i = 0; i < N; i++) {
            grads[i] *= 0.9f;
            sum += (double)grads[i] * (double)grads[i];
        }
        scale = sqrt(sum) > 1 ? 1 / sqrt(sum) : 1;
        for (size_t i = 0; i < N; i++) {
            bool decays = i < tensors[1].offset || i >= tensors[2].offset;
            double g = (double)grads[i] * scale;
            m[i] = 0.9 * m[i] + 0.1 * g;
            v[i] = 0.98 * v[i] + 0.02 * g * g;
            w[i] -=
                0.01 * (m[i] / (1 - pow(0.9, step)) / (sqrt(v[i] / (1 - pow(0.98, step))) + 1e-8) +
                        (decays ? 0.1 * w[i] : 0));
        }
        assert_true(wf_optimiser_step(a, &means, 0.01, grads, values, &norm));
        assert_true(fabs(norm - sqrt(sum)) < 1e-6 * norm);
    }
    for (size_t i = 0; i < N; i++)
        assert_true(fabs(w[i] - (double)values[i]) < 1e-5);
    assert_int_equal(*wf_optimiser_count(a), 5);
    wf_optimiser_free(a);
    wf_gang_free(means.gang);
}

static void test_train_optimiser__threads_change_no_bit(void **state)
{
    const struct wf_optimiser_options o = {
        .beta1 = 0.9, .beta2 = 0.98, .eps = 1e-8, .decay = 0.1, .clip = 1};
    static float first[N];

    (void)state;
    for (size_t n = 1; n <= 3; n++) {
        struct wf_optimiser_means means = {.gang = gang_of(n)};
        struct wf_optimiser *a = optimiser(&o);
        double norm;
        fill(2);
        for (int step = 0; step < 3; step++)
            assert_true(wf_optimiser_step(a, &means, 0.01, grads, values, &norm));
        if (n == 1)
            memcpy(first, values, sizeof(first));
        else
            assert_memory_equal(first, values, sizeof(first));
        wf_optimiser_free(a);
        wf_gang_free(means.gang);
    }
}

static void test_train_optimiser__what_is_not_finite_changes_nothing(void **state)
{
    const struct wf_optimiser_options o = {.beta1 = 0.9, .beta2 = 0.98, .eps = 1e-8};
    const float bad[] = {NAN, INFINITY, -INFINITY, 1e30f};
    struct wf_optimiser_means means = {.gang = gang_of(2)};
    struct wf_optimiser *a = optimiser(&o);
    static float before[N];
    double norm;

    (void)state;
    fill(3);
    memcpy(before, values, sizeof(before));
    for (size_t i = 0; i < 3; i++) {
        grads[12345] = bad[i];
        assert_false(wf_optimiser_step(a, &means, 0.01, grads, values, &norm));
        assert_memory_equal(before, values, sizeof(before));
        assert_int_equal(*wf_optimiser_count(a), 0);
        assert_true(wf_optimiser_first(a)[5] == 0.0f);
    }
    grads[12345] = bad[3]; /* large, but a number */
    assert_true(wf_optimiser_step(a, &means, 0.01, grads, values, &norm));
    wf_optimiser_free(a);
    wf_gang_free(means.gang);
}

static void test_train_optimiser__a_factor_of_0_keeps_a_tensor(void **state)
{
    const struct wf_optimiser_options o = {.beta1 = 0.9, .beta2 = 0.98, .eps = 1e-8, .decay = 0.1};
    struct wf_optimiser_means means = {.gang = gang_of(1)};
    struct wf_optimiser *a = optimiser(&o);
    static float before[N];
    double norm, sum = 0;

    (void)state;
    fill(4);
    memcpy(before, values, sizeof(before));
    wf_optimiser_set_factor(a, 0, 0.0f);
    for (size_t i = tensors[1].offset; i < N; i++)
        sum += (double)grads[i] * (double)grads[i];
    assert_true(wf_optimiser_step(a, &means, 0.01, grads, values, &norm));
    assert_memory_equal(before, values, tensors[1].offset * sizeof(float));
    assert_true(before[tensors[1].offset] != values[tensors[1].offset]);
    assert_true(fabs(norm - sqrt(sum)) < 1e-6 * norm);
    wf_optimiser_free(a);
    wf_gang_free(means.gang);
}

/* Muon steps the layers' matrices as wf_muon_apply does, and nothing else. */
static void test_train_optimiser__muon_takes_the_layers_matrices(void **state)
{
    struct wf_optimiser_options o = {.beta1 = 0.9, .beta2 = 0.98, .eps = 1e-8, .decay = 0.1};
    struct wf_optimiser_means means = {.gang = gang_of(1), .kind = WF_GEMM_F32};
    struct wf_optimiser *plain, *muon;
    static float by_adamw[N], expected[64], momentum[64];
    struct wf_muon *m = NULL;
    double norm;

    (void)state;
    assert_int_equal(wf_gemm_room_new(1, 64, &means.room, NULL), 0);
    fill(5);
    memcpy(expected, values + tensors[2].offset, sizeof(expected));
    assert_int_equal(wf_muon_new(64, 8, &m, NULL), 0);
    struct wf_muon_step s = {.value = expected,
                             .grad = grads + tensors[2].offset,
                             .momentum = momentum,
                             .rows = 8,
                             .cols = 8,
                             .grad_scale = 1.0f,
                             .rate = 0.01f,
                             .decay = 0.1f,
                             .beta = 0.95f};
    wf_muon_apply(m, means.room, means.gang, WF_GEMM_F32, &s);
    plain = optimiser(&o);
    assert_true(wf_optimiser_step(plain, &means, 0.01, grads, values, &norm));
    memcpy(by_adamw, values, sizeof(by_adamw));
    fill(5);
    o.uses_muon = true;
    o.momentum = 0.95;
    muon = optimiser(&o);
    assert_true(wf_optimiser_step(muon, &means, 0.01, grads, values, &norm));
    assert_memory_equal(by_adamw, values, tensors[2].offset * sizeof(float));
    assert_memory_equal(expected, values + tensors[2].offset, sizeof(expected));
    assert_memory_equal(momentum, wf_optimiser_first(muon) + tensors[2].offset, sizeof(momentum));
    wf_optimiser_free(plain);
    wf_optimiser_free(muon);
    wf_muon_free(m);
    wf_gemm_room_free(means.room);
    wf_gang_free(means.gang);
}

static void test_train_optimiser__survives_failing_memory(void **state)
{
    const struct wf_optimiser_options o = {.uses_muon = true};
    int rc = WF_E_NOMEM;

    (void)state;
    for (uint64_t n = 1; rc == WF_E_NOMEM; n++) {
        struct wf_optimiser *a = NULL;
        wf_alloc_fail_at(n);
        rc = wf_optimiser_new(&o, tensors, 3, N, &a, NULL);
        wf_alloc_fail_at(0);
        wf_optimiser_free(a);
    }
    assert_int_equal(rc, 0);
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

static void test_train_schedule__rises_and_falls(void **state)
{
    struct wf_schedule s = {.n_steps = 110, .n_warmup = 10, .peak = 2, .floor = 0.1};

    (void)state;
    for (int kind = WF_SCHEDULE_CONSTANT; kind <= WF_SCHEDULE_TRAPEZOID; kind++) {
        s.kind = (enum wf_schedule_kind)kind;
        s.n_down = 20;
        assert_true(near(wf_schedule_rate(&s, 0), 0.2));
        assert_true(near(wf_schedule_rate(&s, 4), 1));
        assert_true(near(wf_schedule_rate(&s, 9), 2));
        assert_true(near(wf_schedule_rate(&s, 10), 2));
        assert_true(near(wf_schedule_rate(&s, 110), kind == WF_SCHEDULE_CONSTANT ? 2 : 0.2));
        assert_true(near(wf_schedule_rate(&s, 1000), kind == WF_SCHEDULE_CONSTANT ? 2 : 0.2));
    }
    s.kind = WF_SCHEDULE_LINEAR;
    assert_true(near(wf_schedule_rate(&s, 60), 2 * (0.1 + 0.9 * 0.5)));
    s.kind = WF_SCHEDULE_COSINE;
    assert_true(near(wf_schedule_rate(&s, 60), 2 * (0.1 + 0.9 * 0.5)));
    assert_true(near(wf_schedule_rate(&s, 35), 2 * (0.1 + 0.9 * (0.5 + 0.5 * sqrt(0.5)))));
    s.kind = WF_SCHEDULE_TRAPEZOID;
    assert_true(near(wf_schedule_rate(&s, 90), 2));
    assert_true(near(wf_schedule_rate(&s, 100), 2 * (0.1 + 0.9 * 0.5)));
    s.n_warmup = 0;
    assert_true(near(wf_schedule_rate(&s, 0), 2));
}

static void test_train_shuffle__is_a_permutation(void **state)
{
    const uint64_t sizes[] = {1, 2, 3, 5, 64, 65, 1000, 4096, 4097};
    static unsigned char seen[5000];

    (void)state;
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        size_t moved = 0;
        memset(seen, 0, sizeof(seen));
        for (uint64_t i = 0; i < sizes[k]; i++) {
            uint64_t at = wf_shuffle_at(7, sizes[k], i);
            assert_true(at < sizes[k]);
            assert_int_equal(seen[at], 0);
            seen[at] = 1;
            moved += at != i;
        }
        assert_true(sizes[k] < 64 || moved > sizes[k] * 9 / 10);
    }
    for (uint64_t i = 0, same = 0; i < 1000; i++) {
        same += wf_shuffle_at(7, 1000, i) == wf_shuffle_at(8, 1000, i);
        assert_true(same < 20);
    }
    assert_true(wf_shuffle_at(7, UINT64_C(1) << 40, 12345) < UINT64_C(1) << 40);
}

/* Means of what is drawn, within five standard deviations. */
static void test_train_shuffle__draws_are_even(void **state)
{
    uint64_t draw = 9;
    double sum = 0;
    unsigned counts[7] = {0};

    (void)state;
    for (int i = 0; i < 70000; i++) {
        double x = wf_draw_real(&draw);
        assert_true(x >= 0 && x < 1);
        sum += x;
        counts[wf_draw_below(&draw, 7)]++;
    }
    assert_true(fabs(sum / 70000 - 0.5) < 5 * 0.2887 / sqrt(70000));
    for (int i = 0; i < 7; i++)
        assert_true(fabs(counts[i] - 10000.0) < 5 * 93);
    assert_true(wf_seed_mix(1, 2) != wf_seed_mix(2, 1));
    assert_true(wf_seed_mix(0, 0) != 0);
}

static void test_train_reduce__one_rank_is_its_own_sum(void **state)
{
    struct wf_train_ranks r;
    float g[] = {1, 2};
    double s[] = {3};

    (void)state;
    assert_int_equal(wf_train_ranks_join(&r, NULL), 0);
    assert_int_equal(r.n_ranks, 1);
    assert_int_equal(wf_train_reduce(&r, g, 2, s, 1, NULL), 0);
    assert_true(g[1] == 2.0f);
    assert_true(s[0] == 3.0);
    assert_int_equal(wf_train_share(&r, 9), 9);
    r = (struct wf_train_ranks){.rank = 1, .n_ranks = 4};
    assert_int_equal(wf_train_share(&r, 2), 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_optimiser__adamw_is_its_formula),
        cmocka_unit_test(test_train_optimiser__threads_change_no_bit),
        cmocka_unit_test(test_train_optimiser__what_is_not_finite_changes_nothing),
        cmocka_unit_test(test_train_optimiser__a_factor_of_0_keeps_a_tensor),
        cmocka_unit_test(test_train_optimiser__muon_takes_the_layers_matrices),
        cmocka_unit_test(test_train_optimiser__survives_failing_memory),
        cmocka_unit_test(test_train_schedule__rises_and_falls),
        cmocka_unit_test(test_train_shuffle__is_a_permutation),
        cmocka_unit_test(test_train_shuffle__draws_are_even),
        cmocka_unit_test(test_train_reduce__one_rank_is_its_own_sum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
