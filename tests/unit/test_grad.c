/* SPDX-License-Identifier: Apache-2.0 */
/* The readable gradients against finite differences of what they are gradients of; every other
 * table that this processor runs against the readable one, on lengths around those of registers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kern/grad.h"
#include "kern/kern.h"

#define N_MAX 700

static uint64_t seed;

static float number(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (float)((int32_t)(seed >> 40) - (1 << 23)) * 0x1p-23f;
}

static void fill(float *x, size_t n, float scale)
{
    for (size_t i = 0; i < n; i++)
        x[i] = scale * number();
}

/* ---- finite differences ---- */

/* A loss of x [n], in double; ud holds what else it depends on. */
typedef double (*loss_fn)(const float *x, size_t n, const float *const *ud);

static double slope(loss_fn loss, const float *x, size_t n, size_t i, const float *const *ud)
{
    float moved[N_MAX], step = 2e-3f;
    double up, down, width;

    memcpy(moved, x, n * sizeof(*x));
    moved[i] = x[i] + step;
    width = (double)moved[i];
    up = loss(moved, n, ud);
    moved[i] = x[i] - step;
    width -= (double)moved[i];
    down = loss(moved, n, ud);
    return (up - down) / width;
}

static void assert_gradient(const char *what, const float *got, loss_fn loss, const float *x,
                            size_t n, const float *const *ud)
{
    for (size_t i = 0; i < n; i++) {
        double want = slope(loss, x, n, i, ud);
        if (!(fabs((double)got[i] - want) <= 2e-4 * (1.0 + fabs(want))))
            fail_msg("%s of %zu: %g instead of %g at %zu", what, n, (double)got[i], want, i);
    }
}

/* sum(dy rms_norm(x, w)): ud = w, dy. */
static double norm_loss(const float *x, size_t n, const float *const *ud)
{
    double square = 0, sum = 0;

    for (size_t i = 0; i < n; i++)
        square += (double)x[i] * (double)x[i];
    for (size_t i = 0; i < n; i++)
        sum += (double)ud[1][i] * (double)x[i] * (double)ud[0][i];
    return sum / sqrt(square / (double)n + 1e-5);
}

static double norm_loss_w(const float *w, size_t n, const float *const *ud)
{
    const float *other[] = {w, ud[1]};

    return norm_loss(ud[0], n, other);
}

static void test_grad__norm_is_the_slope(void **state)
{
    float x[40], w[40], dy[40], dx[40], dw[40], more[40];
    const float *ud[] = {w, dy}, *ud_w[] = {x, dy};

    (void)state;
    seed = 1;
    fill(x, 40, 2.0f);
    fill(w, 40, 1.5f);
    fill(dy, 40, 1.0f);
    memset(dw, 0, sizeof(dw));
    wf_grad_ref.rms_norm_back(x, w, 1e-5f, dy, false, dx, dw, 40);
    assert_gradient("norm's x", dx, norm_loss, x, 40, ud);
    assert_gradient("norm's w", dw, norm_loss_w, w, 40, ud_w);
    memcpy(more, w, sizeof(more));
    wf_grad_ref.rms_norm_back(x, w, 1e-5f, dy, true, more, NULL, 40);
    for (size_t i = 0; i < 40; i++)
        assert_true(fabsf(more[i] - w[i] - dx[i]) < 1e-5f);
}

/* sum(d act(g) u): ud = u, d. */
static double silu_loss(const float *g, size_t n, const float *const *ud)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)ud[1][i] * (double)ud[0][i] * (double)g[i] / (1.0 + exp(-(double)g[i]));
    return sum;
}

static double gelu_loss(const float *g, size_t n, const float *const *ud)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        double v = (double)g[i], t = tanh(sqrt(2.0 / M_PI) * (v + 0.044715 * v * v * v));
        sum += (double)ud[1][i] * (double)ud[0][i] * 0.5 * v * (1.0 + t);
    }
    return sum;
}

typedef void (*gate_back_fn)(float *io_g, float *io_u, float *io_d, size_t n);

static void check_gate(const char *what, loss_fn loss, gate_back_fn back)
{
    float g[50], u[50], d[50], dg[50], du[50], y[50];
    const float *ud[] = {u, d};

    fill(g, 50, 5.0f);
    fill(u, 50, 2.0f);
    fill(d, 50, 1.0f);
    memcpy(dg, g, sizeof(g));
    memcpy(du, u, sizeof(u));
    memcpy(y, d, sizeof(d));
    back(dg, du, y, 50);
    assert_gradient(what, dg, loss, g, 50, ud);
    for (size_t i = 0; i < 50; i++) {
        /* Linear in u; and y is what the loss weighs with d. */
        const float one = 1.0f, *ones[] = {&one, &d[i]}, *unweighted[] = {&u[i], &one};
        assert_true(fabs((double)du[i] - loss(&g[i], 1, ones)) < 1e-5);
        assert_true(fabs((double)y[i] - loss(&g[i], 1, unweighted)) < 1e-5);
    }
}

static void test_grad__gates_are_the_slope(void **state)
{
    float g[50], y[50];
    const float one = 1.0f, *ones[] = {&one, &one};

    (void)state;
    seed = 2;
    check_gate("silu", silu_loss, wf_grad_ref.silu_mul_back);
    check_gate("gelu", gelu_loss, wf_grad_ref.gelu_mul_back);
    fill(g, 50, 5.0f);
    wf_grad_ref.gelu_mul(g, NULL, y, 50);
    for (size_t i = 0; i < 50; i++)
        assert_true(fabs((double)y[i] - gelu_loss(&g[i], 1, ones)) < 1e-5);
}

/* sum(d softmax(0.7 s)): ud = d. */
static double softmax_loss(const float *s, size_t n, const float *const *ud)
{
    double all = 0, sum = 0;

    for (size_t i = 0; i < n; i++) {
        all += exp(0.7 * (double)s[i]);
        sum += (double)ud[0][i] * exp(0.7 * (double)s[i]);
    }
    return sum / all;
}

static void test_grad__softmax_is_the_slope(void **state)
{
    float s[30], d[30], p[30], io[30];
    const float *ud[] = {d};

    (void)state;
    seed = 3;
    fill(s, 30, 3.0f);
    fill(d, 30, 1.0f);
    for (size_t i = 0; i < 30; i++)
        p[i] = 0.7f * s[i];
    wf_kern_ref.softmax(p, 30);
    memcpy(io, d, sizeof(d));
    wf_grad_ref.softmax_back(p, 0.7f, io, 30);
    assert_gradient("softmax", io, softmax_loss, s, 30, ud);
}

/* 0.5 times the loss at target 7. */
static double entropy_loss(const float *x, size_t n, const float *const *ud)
{
    double all = 0;

    (void)ud;
    for (size_t i = 0; i < n; i++)
        all += exp((double)x[i]);
    return 0.5 * (log(all) - (double)x[7]);
}

static void test_grad__cross_entropy_is_the_slope(void **state)
{
    float x[30], io[30];

    (void)state;
    seed = 4;
    fill(x, 30, 4.0f);
    memcpy(io, x, sizeof(x));
    double loss = (double)wf_grad_ref.cross_entropy(io, 30, 7, 0.5f);
    assert_true(fabs(0.5 * loss - entropy_loss(x, 30, NULL)) < 1e-5);
    assert_gradient("cross entropy", io, entropy_loss, x, 30, NULL);
}

/* Two steps by hand. */
static void test_grad__adamw_steps(void **state)
{
    (void)state;
    for (size_t i = 0; wf_grad_at(i) != NULL; i++) {
        struct wf_grad_adamw o = {.rate = 0.1f,
                                  .beta1 = 0.5f,
                                  .beta2 = 0.75f,
                                  .eps = 0.0f,
                                  .decay = 0.5f,
                                  .correction1 = 2.0f,
                                  .correction2 = 4.0f,
                                  .grad_scale = 0.5f};
        float g = 4.0f, w = 1.0f, m = 0.0f, v = 0.0f;
        wf_grad_at(i)->adamw(&o, &g, &w, &m, &v, 1);
        assert_true(m == 1.0f); /* half of 2 */
        assert_true(v == 1.0f); /* a quarter of 4 */
        /* The corrected ratio is 2 / 2, the decay half of 1. */
        assert_true(fabsf(w - (1.0f - 0.1f * 1.5f)) < 1e-6f);
        g = -4.0f;
        o.correction1 = 4.0f / 3.0f;
        o.correction2 = 16.0f / 7.0f;
        wf_grad_at(i)->adamw(&o, &g, &w, &m, &v, 1);
        assert_true(m == -0.5f);
        assert_true(v == 1.75f);
        float ratio = -0.5f * 4.0f / 3.0f / 2.0f;
        assert_true(fabsf(w - (0.85f - 0.1f * (ratio + 0.5f * 0.85f))) < 1e-6f);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grad__norm_is_the_slope),
        cmocka_unit_test(test_grad__gates_are_the_slope),
        cmocka_unit_test(test_grad__softmax_is_the_slope),
        cmocka_unit_test(test_grad__cross_entropy_is_the_slope),
        cmocka_unit_test(test_grad__adamw_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
