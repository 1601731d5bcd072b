/* SPDX-License-Identifier: Apache-2.0 */
/* Every table of kernels that this processor runs, held against the readable one on random and
 * awkward shapes. Bounds are relative to the sum of the products' magnitudes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "kern/half.h"
#include "kern/kern.h"

#define N_MAX 4608
#define ROWS 5
#define ROWS_MAX 70
#define TOKENS 100
#define TOKENS_MAX 513

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

/* How large errors may be, beside the sum of the products' magnitudes. */
static double bound_of(const struct wf_kern *k, const struct wf_dtype *t, enum wf_act act,
                       size_t n_tok)
{
    bool is_rounded = t->id == WF_DTYPE_BF16 && act == WF_ACT_Q8 && k->n_wide > 0;

    return is_rounded && n_tok >= k->n_wide ? 0x1p-9 : 1e-5; /* see kern.h */
}

/* Weights packed, both products, and how large an error may be. */
static void compare_filled(const struct wf_kern *k, const struct wf_dtype *t, enum wf_act act,
                           size_t n_rows, size_t n_in, size_t n_tok, const float *w, const float *x)
{
    static float want[(ROWS_MAX + 1) * TOKENS_MAX], got[(ROWS_MAX + 1) * TOKENS_MAX];
    static uint8_t packed[ROWS_MAX * N_MAX * 4];
    const struct wf_kern *both[] = {&wf_kern_ref, k};
    size_t ld = n_rows + 1;

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
            if (!(error <= bound_of(k, t, act, n_tok) * magnitude + 1e-6))
                fail_msg("%s %s act %d rows %zu in %zu tokens %zu: %g instead of %g", k->name,
                         t->name, (int)act, n_rows, n_in, n_tok, (double)got[i * ld + r],
                         (double)want[i * ld + r]);
        }
    }
}

static void compare_matmul(const struct wf_kern *k, const struct wf_dtype *t, enum wf_act act,
                           size_t n_rows, size_t n_in, size_t n_tok)
{
    static float w[ROWS_MAX * N_MAX], x[TOKENS_MAX * N_MAX];

    fill(w, n_rows * n_in, 1.0f);
    fill(x, n_tok * n_in, 3.0f);
    compare_filled(k, t, act, n_rows, n_in, n_tok, w, x);
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
                    compare_matmul(wf_kern_at(i), t, WF_ACT_Q8, 1 + (b + k) % ROWS, n_in,
                                   tokens[k]);
                    compare_matmul(wf_kern_at(i), t, WF_ACT_F32, 1 + (b + k) % ROWS, n_in,
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
            compare_matmul(wf_kern_at(i), wf_dtype_at(d), WF_ACT_Q8, 2, 4352, TOKENS);
        }
    }
}

/* Weights and activations as large as their types have them, all products of one sign: whatever
 * kernels sum in few bits fits. */
static void test_kern__largest_products_agree(void **state)
{
    enum {
        N = 768
    };
    static const size_t tokens[] = {1, 4, 8, 13};
    static float w[3 * N], x[13 * N];

    (void)state;
    for (size_t i = 0; i < 3 * N; i++) /* the first of each group is the least, or largest, of it */
        w[i] = i >= (size_t)2 * N         ? (number() < 0 ? -1.0f : 1.0f)
               : (i % 16 == 0) == (i < N) ? -1.0f
                                          : 1.0f;
    for (size_t i = 0; i < 13 * N; i++)
        x[i] = i / N % 3 == 2 ? w[2 * N + i % N] : i / N % 3 == 1 ? -1.0f : 1.0f;
    for (size_t i = 1; wf_kern_at(i) != NULL; i++) {
        for (size_t d = 0; wf_dtype_at(d) != NULL; d++) {
            for (size_t j = 0; j < sizeof(tokens) / sizeof(tokens[0]); j++)
                compare_filled(wf_kern_at(i), wf_dtype_at(d), WF_ACT_Q8, 3, N, tokens[j], w, x);
        }
    }
}

/* More rows than are unpacked at once, and not a multiple of them; rows that no block of 256 fills;
 * more tokens than stay in the cache. */
static void test_kern__odd_shapes_agree(void **state)
{
    static const size_t widths[] = {32, 96, 256, 288, 576, 896, 1280};
    static const size_t tokens[] = {9, 12, 13, 25};

    (void)state;
    seed = 1;
    for (size_t i = 1; wf_kern_at(i) != NULL; i++) {
        const struct wf_kern *k = wf_kern_at(i);
        for (size_t d = 0; wf_dtype_at(d) != NULL; d++) {
            const struct wf_dtype *t = wf_dtype_at(d);
            for (size_t j = 0; j < sizeof(widths) / sizeof(widths[0]); j++) {
                if (widths[j] % t->block == 0)
                    compare_matmul(k, t, WF_ACT_Q8, j % 2 == 0 ? 33 : ROWS_MAX, widths[j],
                                   tokens[j % 4]);
            }
            if (k->n_wide > 0)
                compare_matmul(k, t, WF_ACT_Q8, 2, 256, TOKENS_MAX);
        }
    }
}

/* Every token's products, one by one in batches of n_few and together in one of n_tok: the very
 * same bits, since what somebody gets must not depend on who else is served in the same batch. */
static void compare_batches(const struct wf_kern *k, const struct wf_dtype *t, enum wf_act act,
                            size_t n_in, size_t n_few, size_t n_tok)
{
    static float w[ROWS * N_MAX], x[TOKENS * N_MAX], few[ROWS * TOKENS], all[ROWS * TOKENS];
    static uint8_t packed[ROWS * N_MAX * 4];
    uint8_t *prepared = wf_alloc(k->act_bytes(t, act, n_in, n_tok));

    assert_non_null(prepared);
    fill(w, ROWS * n_in, 1.0f);
    fill(x, n_tok * n_in, 3.0f);
    t->pack(w, packed, ROWS * n_in);
    for (size_t i = 0; i < n_tok; i++)
        k->act_prepare(t, act, x + i * n_in, n_in, n_tok, i, prepared);
    k->matmul(t, act, packed, ROWS, n_in, prepared, n_tok, all, ROWS);
    for (size_t i = 0; i < n_tok; i++) {
        for (size_t j = 0; j < n_few; j++)
            k->act_prepare(t, act, x + i * n_in, n_in, n_few, j, prepared);
        k->matmul(t, act, packed, ROWS, n_in, prepared, n_few, few, ROWS);
        if (memcmp(few, all + i * ROWS, ROWS * sizeof(float)) != 0)
            fail_msg("%s %s act %d in %zu: token %zu of %zu: %.9g, of %zu: %.9g", k->name, t->name,
                     (int)act, n_in, i, n_tok, (double)all[i * ROWS], n_few, (double)few[0]);
    }
    wf_free(prepared);
}

static void test_kern__neighbours_change_no_bit(void **state)
{
    static const size_t tokens[] = {2, 3, 5, 8, 17, 35};

    (void)state;
    seed = 1;
    for (size_t i = 0; wf_kern_at(i) != NULL; i++) {
        const struct wf_kern *k = wf_kern_at(i);
        for (size_t d = 0; wf_dtype_at(d) != NULL; d++) {
            const struct wf_dtype *t = wf_dtype_at(d);
            for (size_t j = 0; j < sizeof(tokens) / sizeof(tokens[0]); j++) {
                size_t few = k->n_wide > 0 && tokens[j] >= k->n_wide ? k->n_wide : 1;
                compare_batches(k, t, WF_ACT_Q8, 768, few, tokens[j]);
                compare_batches(k, t, WF_ACT_F32, 768, 1, tokens[j]);
                if (t->block == 1)
                    compare_batches(k, t, WF_ACT_Q8, 1000 + j, few, tokens[j]);
            }
        }
    }
}

/* A token that holds what is no number, or infinity, gives no number or infinity in every product
 * that meets it, and changes no bit of the others'. */
static void compare_spoilt(const struct wf_kern *k, const struct wf_dtype *t, size_t n_tok,
                           float spoilt)
{
    enum {
        N = 512,
        AT = 300,
        BAD = 1
    };
    static float w[ROWS * N], x[TOKENS * N], clean[ROWS * TOKENS], got[ROWS * TOKENS];
    static uint8_t packed[ROWS * N * 4];
    uint8_t *prepared = wf_alloc(k->act_bytes(t, WF_ACT_Q8, N, n_tok));

    assert_non_null(prepared);
    fill(w, ROWS * N, 1.0f);
    fill(x, n_tok * N, 3.0f);
    t->pack(w, packed, ROWS * N);
    for (int j = 0; j < 2; j++) {
        if (j == 1)
            x[BAD * N + AT] = spoilt;
        for (size_t i = 0; i < n_tok; i++)
            k->act_prepare(t, WF_ACT_Q8, x + i * N, N, n_tok, i, prepared);
        k->matmul(t, WF_ACT_Q8, packed, ROWS, N, prepared, n_tok, j == 0 ? clean : got, ROWS);
    }
    wf_free(prepared);
    for (size_t i = 0; i < n_tok * ROWS; i++) {
        if (i / ROWS == BAD ? isfinite(got[i]) : memcmp(&got[i], &clean[i], sizeof(got[i])) != 0)
            fail_msg("%s %s, %g in token %d of %zu: token %zu has %g", k->name, t->name,
                     (double)spoilt, BAD, n_tok, i / ROWS, (double)got[i]);
    }
}

static void test_kern__what_is_no_number_shows(void **state)
{
    static const float spoilt[] = {NAN, INFINITY, -INFINITY};
    static const size_t tokens[] = {2, 8, 9, 25};

    (void)state;
    seed = 1;
    for (size_t i = 0; wf_kern_at(i) != NULL; i++) {
        for (size_t d = 0; wf_dtype_at(d) != NULL; d++) {
            for (size_t j = 0; j < 12; j++)
                compare_spoilt(wf_kern_at(i), wf_dtype_at(d), tokens[j % 4], spoilt[j / 4]);
        }
    }
}

/* `floor` is of the size of what was added up: it may have canceled out. */
static void assert_near(const struct wf_kern *k, const char *what, const float *got,
                        const float *want, size_t n, double bound, double floor)
{
    for (size_t i = 0; i < n; i++) {
        if (!(fabs((double)got[i] - (double)want[i]) <= bound * (fabs((double)want[i]) + floor)))
            fail_msg("%s %s of %zu: %g instead of %g at %zu", k->name, what, n, (double)got[i],
                     (double)want[i], i);
    }
}

static void assert_rows(const struct wf_kern *k, const char *what, const float *got,
                        const float *want, size_t n, double bound)
{
    assert_near(k, what, got, want, n, bound, 1e-3);
}

static void test_kern__rows_agree(void **state)
{
    static float x[300], w[300], a[300], b[300];
    static uint16_t h[300], h2[300];

    (void)state;
    seed = 1;
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
            memcpy(a, w, sizeof(a));
            memcpy(b, w, sizeof(b));
            wf_kern_ref.axpy(0.7f, x, a, n);
            k->axpy(0.7f, x, b, n);
            assert_near(k, "axpy", b, a, n, 1e-6, 1.0);
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
            memcpy(a, x, sizeof(a));
            memcpy(b, x, sizeof(b));
            float sums[2] = {wf_kern_ref.exp_sum(a, 9.0f, n), k->exp_sum(b, 9.0f, n)};
            assert_rows(k, "exp_sum", b, a, n, 1e-5);
            assert_rows(k, "exp_sum's sum", &sums[1], &sums[0], 1, 1e-5);
        }
    }
}

/* All halves, and what is no half between them: at most one unit of half off, and rarely. Where
 * gelu is nearly 0, 1 + tanh has few bits left in the readable kernel. */
static void test_kern__gelu_agrees(void **state)
{
    static float x[1 << 16], ones[1 << 16], want[1 << 16], got[1 << 16];
    static uint16_t h[1 << 16], w[1 << 16];

    (void)state;
    for (uint32_t i = 0; i < 1 << 16; i++) {
        h[i] = (uint16_t)i;
        ones[i] = 1.0f;
    }
    wf_kern_ref.from_f16(h, x, 1 << 16);
    for (uint32_t i = 0; i < 1 << 16; i += 2)
        x[i] *= 1.0001f;
    wf_kern_ref.gelu_mul(x, NULL, want, 1 << 16);
    wf_kern_ref.to_f16(want, w, 1 << 16);
    for (size_t i = 1; wf_kern_at(i) != NULL; i++) {
        const struct wf_kern *k = wf_kern_at(i);
        size_t n_off = 0;
        for (int with = 0; with < 2; with++) {
            k->gelu_mul(x, with ? ones : NULL, got, 1 << 16);
            k->to_f16(got, h, 1 << 16);
            for (uint32_t j = 0; j < 1 << 16; j++) {
                if (isnan(x[j])) {
                    assert_true(isnan(got[j]));
                } else if (h[j] != w[j] && !(fabsf(got[j] - want[j]) <= 1e-6f)) {
                    assert_true(abs((int)h[j] - (int)w[j]) <= 1);
                    n_off++;
                }
            }
        }
        assert_true(n_off < 100);
        float some[7] = {-INFINITY, INFINITY, -1e30f, 12.34567f, NAN, -0.0f, 1.0f};
        memcpy(got, some, sizeof(some));
        k->gelu_mul(got, ones, got, 7);
        assert_true(got[0] == 0.0f && got[1] == INFINITY && got[2] == 0.0f && got[3] == 12.34567f);
        assert_true(isnan(got[4]) && got[5] == 0.0f && fabsf(got[6] - 0.8412f) < 5e-4f);
    }
}

static void test_kern__mixtures_agree(void **state)
{
    static const size_t widths[] = {1, 31, 32, 64, 80, 128, 200};
    static float p[7 * 40], v[32 * 200], want[7 * 200], got[7 * 200];

    (void)state;
    seed = 1;
    for (size_t i = 1; wf_kern_at(i) != NULL; i++) {
        for (size_t j = 0; j < sizeof(widths) / sizeof(widths[0]); j++) {
            size_t n = widths[j], n_p = 1 + j * 5;
            fill(p, 7 * 40, 1.0f);
            fill(v, 32 * n, 1.0f);
            fill(want, 7 * n, 1.0f);
            memcpy(got, want, sizeof(got));
            wf_kern_ref.mix(p, 40, v, 7, n_p, n, want);
            wf_kern_at(i)->mix(p, 40, v, 7, n_p, n, got);
            for (size_t k = 0; k < 7 * n; k++)
                assert_true(fabsf(got[k] - want[k]) <= 1e-5f);
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

static void test_kern__products_of_bytes_are_exact(void **state)
{
    static int8_t q[300], rows[7 * 300];
    int32_t want[7], got[7];

    (void)state;
    seed = 1;
    for (size_t i = 0; i < sizeof(rows); i++) {
        rows[i] = (int8_t)(127.0f * number());
        q[i % 300] = (int8_t)(127.0f * number());
    }
    for (size_t i = 0; i < 64; i++) /* the largest sums */
        q[i] = rows[i] = -127;
    for (size_t i = 0; wf_kern_at(i) != NULL; i++) {
        for (size_t n = 1; n <= 300; n++) {
            wf_kern_ref.dot_i8(q, rows, 7, n, want);
            wf_kern_at(i)->dot_i8(q, rows, 7, n, got);
            assert_memory_equal(want, got, sizeof(want));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kern__products_agree),
        cmocka_unit_test(test_kern__long_products_agree),
        cmocka_unit_test(test_kern__largest_products_agree),
        cmocka_unit_test(test_kern__odd_shapes_agree),
        cmocka_unit_test(test_kern__neighbours_change_no_bit),
        cmocka_unit_test(test_kern__what_is_no_number_shows),
        cmocka_unit_test(test_kern__rows_agree),
        cmocka_unit_test(test_kern__gelu_agrees),
        cmocka_unit_test(test_kern__mixtures_agree),
        cmocka_unit_test(test_kern__products_of_bytes_are_exact),
        cmocka_unit_test(test_kern__softmax_takes_extremes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
