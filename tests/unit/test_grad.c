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

/* ---- tables ---- */

#define N_ARRAYS 5

/* Arrays of a table and of the readable one, alike to begin with; each is followed by a float that
 * nobody may touch. */
struct both {
    float got[N_ARRAYS][N_MAX + 1], want[N_ARRAYS][N_MAX + 1];
    size_t n;
    const struct wf_grad *k;
};

static void both_fill(struct both *b, size_t n, float size)
{
    b->n = n;
    for (size_t j = 0; j < N_ARRAYS; j++) {
        fill(b->want[j], n + 1, j == 0 ? size : 2.0f);
        memcpy(b->got[j], b->want[j], sizeof(b->got[j]));
    }
}

/* `floor` is of the size of what was added up. */
static void both_agree(const struct both *b, const char *what, double bound, double floor)
{
    for (size_t j = 0; j < N_ARRAYS; j++) {
        for (size_t i = 0; i <= b->n; i++) {
            double got = (double)b->got[j][i], want = (double)b->want[j][i];
            if (!(fabs(got - want) <= (i == b->n ? 0.0 : bound * (fabs(want) + floor))))
                fail_msg("%s %s of %zu: %.9g instead of %.9g in %zu at %zu", b->k->name, what, b->n,
                         got, want, j, i);
        }
    }
}

static void compare_norms(struct both *b, size_t n)
{
    for (int how = 0; how < 8; how++) {
        bool has_w = how & 1, adds = how & 2, in_place = !adds && (how & 4) != 0;
        both_fill(b, n, 2.0f);
        b->k->rms_norm_back(b->got[0], has_w ? b->got[1] : NULL, 1e-5f, b->got[2], adds,
                            b->got[in_place ? 2 : 3], how & 4 ? NULL : b->got[4], n);
        wf_grad_ref.rms_norm_back(b->want[0], has_w ? b->want[1] : NULL, 1e-5f, b->want[2], adds,
                                  b->want[in_place ? 2 : 3], how & 4 ? NULL : b->want[4], n);
        both_agree(b, "rms_norm_back", 2e-6, 10.0);
    }
}

static void compare_gates(struct both *b, size_t n, float size)
{
    both_fill(b, n, size);
    b->k->silu_mul_back(b->got[0], b->got[1], b->got[2], n);
    wf_grad_ref.silu_mul_back(b->want[0], b->want[1], b->want[2], n);
    both_agree(b, "silu_mul_back", 2e-6, 1.0);
    for (int has_u = 0; has_u < 2; has_u++) {
        both_fill(b, n, size);
        b->k->gelu_mul_back(b->got[0], has_u ? b->got[1] : NULL, b->got[2], n);
        wf_grad_ref.gelu_mul_back(b->want[0], has_u ? b->want[1] : NULL, b->want[2], n);
        both_agree(b, "gelu_mul_back", 1e-5, 1.0);
        both_fill(b, n, size);
        b->k->gelu_mul(b->got[0], has_u ? b->got[1] : NULL, b->got[has_u ? 0 : 3], n);
        wf_grad_ref.gelu_mul(b->want[0], has_u ? b->want[1] : NULL, b->want[has_u ? 0 : 3], n);
        both_agree(b, "gelu_mul", 1e-5, 1.0);
    }
}

static void compare_softmax(struct both *b, size_t n, float size)
{
    both_fill(b, n, size);
    wf_kern_ref.softmax(b->want[0], n);
    memcpy(b->got[0], b->want[0], sizeof(b->got[0]));
    b->k->softmax_back(b->got[0], 0.3f, b->got[1], n);
    wf_grad_ref.softmax_back(b->want[0], 0.3f, b->want[1], n);
    both_agree(b, "softmax_back", 1e-5, 0.1);
    both_fill(b, n, size);
    size_t target = n * 2 / 3;
    double got = (double)b->k->cross_entropy(b->got[0], n, target, 1.5f);
    double want = (double)wf_grad_ref.cross_entropy(b->want[0], n, target, 1.5f);
    assert_true(fabs(got - want) <= 1e-5 * (1.0 + want));
    both_agree(b, "cross_entropy", 1e-5, 1.0);
}

static void compare_flat(struct both *b, size_t n)
{
    struct wf_grad_adamw o = {.rate = 1e-2f,
                              .beta1 = 0.9f,
                              .beta2 = 0.98f,
                              .eps = 1e-6f,
                              .decay = 0.1f,
                              .correction1 = 5.3f,
                              .correction2 = 25.5f,
                              .grad_scale = 0.7f};

    both_fill(b, n, 1.0f);
    for (size_t i = 0; i < n; i++)
        b->want[3][i] = b->got[3][i] = fabsf(b->want[3][i]);
    b->k->adamw(&o, b->got[0], b->got[1], b->got[2], b->got[3], n);
    wf_grad_ref.adamw(&o, b->want[0], b->want[1], b->want[2], b->want[3], n);
    both_agree(b, "adamw", 2e-6, 1.0);
    both_fill(b, n, 3.0f);
    double want = wf_grad_ref.sum_squares(b->want[0], n);
    assert_true(fabs(b->k->sum_squares(b->got[0], n) - want) <= 1e-12 * want);
    assert_true(b->k->largest(b->got[0], n) == wf_grad_ref.largest(b->want[0], n));
    b->k->scale(0.3f, b->got[0], n);
    wf_grad_ref.scale(0.3f, b->want[0], n);
    b->k->drop(0xfffffff0u, 1u << 30, 1.25f, b->got[1], n);
    wf_grad_ref.drop(0xfffffff0u, 1u << 30, 1.25f, b->want[1], n);
    both_agree(b, "scale, drop", 0.0, 0.0);
}

static void test_grad__tables_agree(void **state)
{
    static struct both b;

    (void)state;
    seed = 5;
    for (size_t i = 0; wf_grad_at(i) != NULL; i++) {
        b.k = wf_grad_at(i);
        for (size_t n = 1; n <= N_MAX; n += n < 70 ? 1 : 63) {
            compare_norms(&b, n);
            compare_gates(&b, n, 6.0f);
            compare_gates(&b, n, 200.0f);
            compare_softmax(&b, n, 8.0f);
            compare_flat(&b, n);
        }
    }
}

static void test_grad__no_numbers_are_seen(void **state)
{
    (void)state;
    for (size_t i = 0; wf_grad_at(i) != NULL; i++) {
        const struct wf_grad *k = wf_grad_at(i);
        float g[40] = {0}, u[40] = {0}, d[40] = {0};
        g[7] = NAN;
        k->silu_mul_back(g, u, d, 40);
        assert_true(isnan(g[7]) && isnan(d[7]) && d[8] == 0.0f);
        memset(g, 0, sizeof(g));
        g[35] = NAN;
        assert_true(isnan(k->cross_entropy(g, 40, 3, 1.0f)));
        memset(g, 0, sizeof(g));
        g[35] = INFINITY;
        assert_true(isinf(k->sum_squares(g, 40)));
        assert_true(isinf(k->largest(g, 40)));
        assert_true(k->largest(g, 0) == -INFINITY);
        g[35] = -INFINITY; /* a logit that is ruled out */
        assert_true(fabs((double)k->cross_entropy(g, 40, 3, 1.0f) - log(39.0)) < 1e-5);
        assert_true(g[35] == 0.0f);
    }
}

/* As many as asked for, and other ones behind another number. */
static void test_grad__drop_drops_its_share(void **state)
{
    static float a[N_MAX], b[N_MAX];
    size_t n_dropped = 0, n_alike = 0;

    (void)state;
    for (size_t i = 0; i < N_MAX; i++)
        a[i] = b[i] = 1.0f;
    wf_grad_ref.drop(12345, 1u << 30, 2.0f, a, N_MAX);
    wf_grad_ref.drop(54321, 1u << 30, 2.0f, b, N_MAX);
    for (size_t i = 0; i < N_MAX; i++) {
        assert_true(a[i] == 0.0f || a[i] == 2.0f);
        n_dropped += a[i] == 0.0f;
        n_alike += a[i] == 0.0f && b[i] == 0.0f;
    }
    assert_true(n_dropped > N_MAX / 5 && n_dropped < N_MAX * 3 / 10);
    assert_true(n_alike < N_MAX / 8);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grad__norm_is_the_slope),
        cmocka_unit_test(test_grad__gates_are_the_slope),
        cmocka_unit_test(test_grad__softmax_is_the_slope),
        cmocka_unit_test(test_grad__cross_entropy_is_the_slope),
        cmocka_unit_test(test_grad__adamw_steps),
        cmocka_unit_test(test_grad__tables_agree),
        cmocka_unit_test(test_grad__no_numbers_are_seen),
        cmocka_unit_test(test_grad__drop_drops_its_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
