/* SPDX-License-Identifier: Apache-2.0 */
/* Every table of kernels that this processor runs, held against the readable one on random and
 * awkward shapes. Bounds are relative to the sum of the products' magnitudes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "kern/half.h"
#include "kern/kern.h"

#define N_MAX 4608
#define ROWS_MAX 5
#define TOKENS_MAX 100

static uint64_t seed = 1;

static float number(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (float)((int32_t)(seed >> 40) - (1 << 23)) * 0x1p-23f;
}

static void fill(float *x, size_t n, float scale)
{
    for (size_t i = 0; i < n; i++)
        x[i] = scale * number() * number();
}

/* Packed weights, both products, and how large an error may be. */
static void compare_matmul(const struct wf_kern *k, const struct wf_dtype *t, enum wf_act act,
                           size_t n_rows, size_t n_in, size_t n_tok)
{
    static float w[ROWS_MAX * N_MAX], x[TOKENS_MAX * N_MAX], want[(ROWS_MAX + 1) * TOKENS_MAX],
        got[(ROWS_MAX + 1) * TOKENS_MAX];
    static uint8_t packed[ROWS_MAX * N_MAX * 4];
    const struct wf_kern *both[] = {&wf_kern_ref, k};
    size_t ld = n_rows + 1;

    fill(w, n_rows * n_in, 1.0f);
    fill(x, n_tok * n_in, 3.0f);
    t->pack(w, packed, n_rows * n_in);
    for (int j = 0; j < 2; j++) {
        /* exact, for the sanitizer */
        uint8_t *prepared = wf_alloc(both[j]->act_bytes(t, act, n_in, n_tok));
        assert_non_null(prepared);
        for (size_t i = n_tok; i-- > 0;)
            both[j]->act_prepare(t, act, x + i * n_in, n_in, n_tok, i, prepared);
        both[j]->matmul(t, act, packed, n_rows, n_in, prepared, n_tok, j == 0 ? want : got, ld);
        wf_free(prepared);
    }
    for (size_t i = 0; i < n_tok; i++) {
        for (size_t r = 0; r < n_rows; r++) {
            double magnitude = 0;
            for (size_t c = 0; c < n_in; c++)
                magnitude += fabs((double)w[r * n_in + c] * (double)x[i * n_in + c]);
            double error = fabs((double)got[i * ld + r] - (double)want[i * ld + r]);
            if (!(error <= 1e-5 * magnitude + 1e-6))
                fail_msg("%s %s act %d rows %zu in %zu tokens %zu: %g instead of %g", k->name,
                         t->name, (int)act, n_rows, n_in, n_tok, (double)got[i * ld + r],
                         (double)want[i * ld + r]);
        }
    }
}

static void test_kern__products_agree(void **state)
{
    /* Kernels take tokens by fours, sixteens, and in blocks that stay in the cache. */
    static const size_t tokens[] = {1, 2, 3, 4, 5, 8, 9, 16, 17, 33};

    (void)state;
    for (size_t i = 0; wf_kern_at(i) != NULL; i++) {
        for (size_t d = 0; wf_dtype_at(d) != NULL; d++) {
            const struct wf_dtype *t = wf_dtype_at(d);
            for (size_t b = 1; b <= 8; b += 3) {
                size_t n_in = t->block == 1 ? 256 * b - 31 + d : t->block * b;
                for (size_t k = 0; k < sizeof(tokens) / sizeof(tokens[0]); k++) {
                    compare_matmul(wf_kern_at(i), t, WF_ACT_Q8, 1 + (b + k) % ROWS_MAX, n_in,
                                   tokens[k]);
                    compare_matmul(wf_kern_at(i), t, WF_ACT_F32, 1 + (b + k) % ROWS_MAX, n_in,
                                   tokens[k]);
                }
            }
        }
    }
}

/* Rows longer than what kernels hold unpacked, and more tokens than they take at once. */
static void test_kern__long_products_agree(void **state)
{
    (void)state;
    for (size_t i = 1; wf_kern_at(i) != NULL; i++) {
        for (size_t d = 0; wf_dtype_at(d) != NULL; d++) {
            compare_matmul(wf_kern_at(i), wf_dtype_at(d), WF_ACT_Q8, 5, N_MAX, 3);
            compare_matmul(wf_kern_at(i), wf_dtype_at(d), WF_ACT_Q8, 3, N_MAX, 35);
            compare_matmul(wf_kern_at(i), wf_dtype_at(d), WF_ACT_Q8, 2, 4352, TOKENS_MAX);
        }
    }
}

/* One token's products, alone and among n_tok others: the very same bits, since what somebody gets
 * must not depend on who else is served in the same batch. */
static void compare_alone(const struct wf_kern *k, const struct wf_dtype *t, enum wf_act act,
                          size_t n_in, size_t n_tok)
{
    static float w[ROWS_MAX * N_MAX], x[TOKENS_MAX * N_MAX], alone[ROWS_MAX],
        among[ROWS_MAX * TOKENS_MAX];
    static uint8_t packed[ROWS_MAX * N_MAX * 4];
    uint8_t *prepared = wf_alloc(k->act_bytes(t, act, n_in, n_tok));

    assert_non_null(prepared);
    fill(w, ROWS_MAX * n_in, 1.0f);
    fill(x, n_tok * n_in, 3.0f);
    t->pack(w, packed, ROWS_MAX * n_in);
    for (size_t i = 0; i < n_tok; i++)
        k->act_prepare(t, act, x + i * n_in, n_in, n_tok, i, prepared);
    k->matmul(t, act, packed, ROWS_MAX, n_in, prepared, n_tok, among, ROWS_MAX);
    for (size_t i = 0; i < n_tok; i++) {
        k->act_prepare(t, act, x + i * n_in, n_in, 1, 0, prepared);
        k->matmul(t, act, packed, ROWS_MAX, n_in, prepared, 1, alone, ROWS_MAX);
        if (memcmp(alone, among + i * ROWS_MAX, sizeof(alone)) != 0)
            fail_msg("%s %s act %d in %zu: token %zu of %zu: %.9g, alone %.9g", k->name, t->name,
                     (int)act, n_in, i, n_tok, (double)among[i * ROWS_MAX], (double)alone[0]);
    }
    wf_free(prepared);
}

static void test_kern__neighbours_change_no_bit(void **state)
{
    static const size_t tokens[] = {2, 3, 5, 8, 17, 35};

    (void)state;
    for (size_t i = 0; wf_kern_at(i) != NULL; i++) {
        for (size_t d = 0; wf_dtype_at(d) != NULL; d++) {
            const struct wf_dtype *t = wf_dtype_at(d);
            for (size_t j = 0; j < sizeof(tokens) / sizeof(tokens[0]); j++) {
                compare_alone(wf_kern_at(i), t, WF_ACT_Q8, 768, tokens[j]);
                compare_alone(wf_kern_at(i), t, WF_ACT_F32, 768, tokens[j]);
            }
        }
    }
}

static void assert_rows(const struct wf_kern *k, const char *what, const float *got,
                        const float *want, size_t n, double bound)
{
    for (size_t i = 0; i < n; i++) {
        if (!(fabs((double)got[i] - (double)want[i]) <= bound * (fabs((double)want[i]) + 1e-3)))
            fail_msg("%s %s of %zu: %g instead of %g at %zu", k->name, what, n, (double)got[i],
                     (double)want[i], i);
    }
}

static void test_kern__rows_agree(void **state)
{
    static float x[300], w[300], a[300], b[300];
    static uint16_t h[300], h2[300];

    (void)state;
    for (size_t i = 0; wf_kern_at(i) != NULL; i++) {
        const struct wf_kern *k = wf_kern_at(i);
        for (size_t n = 1; n < 290; n += n < 40 ? 1 : 31) {
            fill(x, n, 20.0f);
            fill(w, n, 2.0f);
            wf_kern_ref.to_f16(x, h, n);
            k->to_f16(x, h2, n);
            assert_memory_equal(h, h2, n * sizeof(h[0]));
            wf_kern_ref.from_f16(h, a, n);
            k->from_f16(h, b, n);
            assert_memory_equal(a, b, n * sizeof(a[0]));
            assert_true(fabsf(k->dot(x, w, n) - wf_kern_ref.dot(x, w, n)) < 1e-3f);
            assert_true(fabsf(k->dot_f16(w, h, n) - wf_kern_ref.dot_f16(w, h, n)) < 1e-3f);
            memcpy(a, w, sizeof(a));
            memcpy(b, w, sizeof(b));
            wf_kern_ref.axpy(0.7f, x, a, n);
            k->axpy(0.7f, x, b, n);
            assert_rows(k, "axpy", b, a, n, 1e-5);
            wf_kern_ref.axpy_f16(0.7f, h, a, n);
            k->axpy_f16(0.7f, h, b, n);
            assert_rows(k, "axpy_f16", b, a, n, 1e-5);
            for (int with = 0; with < 2; with++) {
                wf_kern_ref.rms_norm(x, with ? w : NULL, 1e-6f, a, n);
                k->rms_norm(x, with ? w : NULL, 1e-6f, b, n);
                assert_rows(k, "rms_norm", b, a, n, 1e-5);
            }
            wf_kern_ref.silu_mul(x, w, a, n);
            k->silu_mul(x, w, b, n);
            assert_rows(k, "silu_mul", b, a, n, 1e-5);
            memcpy(a, x, sizeof(a));
            memcpy(b, x, sizeof(b));
            wf_kern_ref.softmax(a, n);
            k->softmax(b, n);
            assert_rows(k, "softmax", b, a, n, 1e-5);
        }
    }
}

static void test_kern__softmax_takes_extremes(void **state)
{
    (void)state;
    for (size_t i = 0; wf_kern_at(i) != NULL; i++) {
        const struct wf_kern *k = wf_kern_at(i);
        float none[11], some[11], large[11] = {1e30f, -1e30f, 1e30f};
        for (size_t j = 0; j < 11; j++)
            none[j] = some[j] = -INFINITY;
        some[3] = -100.0f;
        some[9] = -100.0f;
        k->softmax(none, 11);
        k->softmax(some, 11);
        k->softmax(large, 11);
        for (size_t j = 0; j < 11; j++) {
            assert_true(none[j] == 0.0f);
            assert_true(some[j] == (j == 3 || j == 9 ? 0.5f : 0.0f));
            assert_true(large[j] == (j == 0 || j == 2 ? 0.5f : 0.0f));
        }
        float g[8] = {-1e30f, 1e30f, -200.0f, 200.0f, -88.5f, 88.5f, 0.0f, -0.0f}, u[8], y[8];
        for (size_t j = 0; j < 8; j++)
            u[j] = 1.0f;
        k->silu_mul(g, u, y, 8);
        for (size_t j = 0; j < 8; j++)
            assert_true(fabsf(y[j] - (g[j] > 0 ? g[j] : 0.0f)) <= 1e-30f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kern__products_agree),
        cmocka_unit_test(test_kern__long_products_agree),
        cmocka_unit_test(test_kern__neighbours_change_no_bit),
        cmocka_unit_test(test_kern__rows_agree),
        cmocka_unit_test(test_kern__softmax_takes_extremes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
