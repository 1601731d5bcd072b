/* SPDX-License-Identifier: Apache-2.0 */
/* Products of every instruction set that this processor has, held against sums in float64: all
 * storage orders, sizes around those of tiles and blocks, rows that lie apart. With bfloat16 the
 * reference multiplies the rounded values. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "kern/gemm.h"
#include "kern/half.h"

#define PAD 3
#define SIDE_MAX 4200

static uint64_t seed;

static float number(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (float)((int32_t)(seed >> 40) - (1 << 23)) * 0x1p-23f;
}

/* A matrix of [rows, cols] as it is stored, in a block of exactly its size, for the sanitizer. */
static float *matrix(size_t rows, size_t cols, size_t ld)
{
    size_t n = rows == 0 ? 0 : (rows - 1) * ld + cols;
    float *x = wf_alloc(n * sizeof(float));

    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = number();
    return x;
}

struct product {
    struct wf_gemm g;
    float *a, *b, *c, *before;
    size_t c_bytes;
};

/* Sizes, and which of the storage orders (bits: a turned, b turned, adds, rows apart). */
static void product_init(struct product *p, size_t m, size_t n, size_t k, unsigned how)
{
    struct wf_gemm *g = &p->g;
    size_t pad = (how & 8) != 0 ? PAD : 0;

    *g = (struct wf_gemm){
        .m = m, .n = n, .k = k, .a_turned = how & 1, .b_turned = how & 2, .adds = how & 4};
    g->lda = (g->a_turned ? m : k) + pad;
    g->ldb = (g->b_turned ? k : n) + pad;
    g->ldc = n + pad;
    g->a = p->a = g->a_turned ? matrix(k, m, g->lda) : matrix(m, k, g->lda);
    g->b = p->b = g->b_turned ? matrix(n, k, g->ldb) : matrix(k, n, g->ldb);
    g->c = p->c = matrix(m, n, g->ldc);
    p->c_bytes = (m == 0 ? 0 : (m - 1) * g->ldc + n) * sizeof(float);
    p->before = wf_alloc(p->c_bytes);
    assert_non_null(p->before);
    memcpy(p->before, p->c, p->c_bytes);
}

static void product_deinit(struct product *p)
{
    wf_free(p->a);
    wf_free(p->b);
    wf_free(p->c);
    wf_free(p->before);
}

static double rounded(float x, enum wf_gemm_kind kind)
{
    return (double)(kind == WF_GEMM_BF16 ? wf_bf16_to_float(wf_float_to_bf16(x)) : x);
}

/* Value [i, j] in float64, and the sum of the magnitudes that it was added up from. */
static double exact(const struct product *p, enum wf_gemm_kind kind, size_t i, size_t j,
                    double *out_magnitude)
{
    const struct wf_gemm *g = &p->g;
    double sum = g->adds ? (double)p->before[i * g->ldc + j] : 0.0;

    *out_magnitude = fabs(sum);
    for (size_t k = 0; k < g->k; k++) {
        float x = g->a_turned ? g->a[k * g->lda + i] : g->a[i * g->lda + k];
        float y = g->b_turned ? g->b[j * g->ldb + k] : g->b[k * g->ldb + j];
        double term = rounded(x, kind) * rounded(y, kind);
        sum += term;
        *out_magnitude += fabs(term);
    }
    return sum;
}

/* Values are looked at in steps that are no multiple of a tile's side, ends always. */
static void assert_product(const struct product *p, enum wf_gemm_kind kind, const char *name,
                           unsigned how)
{
    const struct wf_gemm *g = &p->g;
    size_t step_m = g->m > 60 ? 5 : 1, step_n = g->n > 100 ? 11 : 1;

    for (size_t i = 0; i < g->m; i = i + 1 < g->m && i + step_m >= g->m ? g->m - 1 : i + step_m) {
        for (size_t j = 0; j < g->n;
             j = j + 1 < g->n && j + step_n >= g->n ? g->n - 1 : j + step_n) {
            double magnitude, want = exact(p, kind, i, j, &magnitude);
            double got = (double)g->c[i * g->ldc + j];
            if (!(fabs(got - want) <= 1e-6 * magnitude))
                fail_msg("%s kind %d how %u, %zu x %zu x %zu: %g instead of %g at %zu, %zu", name,
                         (int)kind, how, g->m, g->n, g->k, got, want, i, j);
        }
        for (size_t j = g->n; j < g->ldc && i + 1 < g->m; j++)
            assert_true(g->c[i * g->ldc + j] == p->before[i * g->ldc + j]);
    }
}

static void check(struct wf_gemm_room *r, struct wf_gang *gang, const char *name, size_t m,
                  size_t n, size_t k, unsigned how)
{
    for (int kind = WF_GEMM_F32; kind <= WF_GEMM_BF16; kind++) {
        struct product p;
        product_init(&p, m, n, k, how);
        wf_gemm_run(r, gang, (enum wf_gemm_kind)kind, &p.g);
        assert_product(&p, (enum wf_gemm_kind)kind, name, how);
        product_deinit(&p);
    }
}

struct fixture {
    struct wf_gang *gang;
    struct wf_gemm_room *room;
};

static void fixture_init(struct fixture *f, size_t n_threads)
{
    seed = 1;
    assert_int_equal(wf_gang_new(n_threads, &f->gang, NULL), 0);
    assert_int_equal(wf_gemm_room_new(n_threads, SIDE_MAX, &f->room, NULL), 0);
}

static void fixture_deinit(struct fixture *f)
{
    wf_gemm_room_free(f->room);
    wf_gang_free(f->gang);
}

static void test_gemm__every_storage_order(void **state)
{
    static const size_t sizes[][3] = {{1, 1, 1},   {2, 3, 1},    {14, 32, 16}, {15, 33, 17},
                                      {13, 31, 2}, {29, 65, 33}, {8, 9, 100},  {5, 100, 31},
                                      {70, 1, 48}, {1, 70, 50}};
    struct fixture f;

    (void)state;
    fixture_init(&f, 1);
    for (size_t i = 0;; i++) {
        const char *name = wf_gemm_room_use(f.room, i);
        if (name == NULL)
            break;
        for (size_t s = 0; s < WF_ARRAY_LEN(sizes); s++)
            for (unsigned how = 0; how < 16; how++)
                check(f.room, f.gang, name, sizes[s][0], sizes[s][1], sizes[s][2], how);
    }
    fixture_deinit(&f);
}

/* Every number of rows, columns and values that a last tile, or a last panel, can have. */
static void test_gemm__every_rest(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, 1);
    for (size_t i = 0;; i++) {
        const char *name = wf_gemm_room_use(f.room, i);
        if (name == NULL)
            break;
        for (size_t rest = 1; rest <= 48; rest++)
            for (unsigned how = 0; how < 4; how++)
                check(f.room, f.gang, name, rest % 30 + 1, rest, 49 - rest,
                      how + (unsigned)rest % 4 * 4);
    }
    fixture_deinit(&f);
}

/* More than a block of each side. */
static void test_gemm__many_blocks(void **state)
{
    static const size_t sizes[][3] = {
        {601, 65, 40}, {33, 4100, 19}, {20, 67, 4200}, {300, 130, 777}, {31, 2100, 530}};
    struct fixture f;

    (void)state;
    fixture_init(&f, 1);
    for (size_t i = 0;; i++) {
        const char *name = wf_gemm_room_use(f.room, i);
        if (name == NULL)
            break;
        for (size_t s = 0; s < WF_ARRAY_LEN(sizes); s++)
            for (unsigned how = 0; how < 4; how++)
                check(f.room, f.gang, name, sizes[s][0], sizes[s][1], sizes[s][2],
                      how + (unsigned)s % 4 * 4);
    }
    fixture_deinit(&f);
}

/* The gang's results for one product, as bytes. */
static void run_with(size_t n_threads, size_t i_isa, enum wf_gemm_kind kind, struct product *p)
{
    struct fixture f;
    uint64_t kept = seed;

    fixture_init(&f, n_threads);
    seed = kept;
    assert_non_null(wf_gemm_room_use(f.room, i_isa));
    memcpy(p->c, p->before, p->c_bytes);
    wf_gemm_run(f.room, f.gang, kind, &p->g);
    fixture_deinit(&f);
}

static void compare_threads(size_t i_isa, enum wf_gemm_kind kind, struct product *p)
{
    float *one = wf_alloc(p->c_bytes);

    assert_non_null(one);
    run_with(1, i_isa, kind, p);
    memcpy(one, p->c, p->c_bytes);
    for (size_t n_threads = 2; n_threads <= 6; n_threads++) {
        run_with(n_threads, i_isa, kind, p);
        assert_memory_equal(one, p->c, p->c_bytes);
    }
    wf_free(one);
}

static void test_gemm__threads_change_no_bit(void **state)
{
    static const size_t sizes[][3] = {{1, 1, 9},      {333, 40, 300}, {40, 333, 1000},
                                      {100, 100, 31}, {3, 2200, 64},  {97, 161, 515}};
    struct fixture f;

    (void)state;
    fixture_init(&f, 1);
    for (size_t i = 0; wf_gemm_room_use(f.room, i) != NULL; i++) {
        for (size_t s = 0; s < WF_ARRAY_LEN(sizes); s++) {
            struct product p;
            product_init(&p, sizes[s][0], sizes[s][1], sizes[s][2], 4 + (unsigned)s % 4);
            compare_threads(i, WF_GEMM_F32, &p);
            compare_threads(i, WF_GEMM_BF16, &p);
            product_deinit(&p);
        }
    }
    fixture_deinit(&f);
}

static void test_gemm__nothing_to_do(void **state)
{
    static const size_t sizes[][3] = {{0, 5, 5}, {5, 0, 5}, {5, 5, 0}, {0, 0, 0}};
    struct fixture f;

    (void)state;
    fixture_init(&f, 2);
    for (size_t s = 0; s < WF_ARRAY_LEN(sizes); s++)
        for (unsigned how = 0; how < 16; how++)
            check(f.room, f.gang, "best", sizes[s][0], sizes[s][1], sizes[s][2], how);
    fixture_deinit(&f);
}

/* What is no number, or infinite, stays so in its row and column and reaches no other. */
static void test_gemm__no_numbers_stay_where_they_are(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, 1);
    for (size_t i = 0; wf_gemm_room_use(f.room, i) != NULL; i++) {
        for (int kind = WF_GEMM_F32; kind <= WF_GEMM_BF16; kind++) {
            struct product p;
            product_init(&p, 17, 35, 20, 0);
            p.a[16 * 20 + 3] = NAN;
            p.b[5 * 35 + 34] = INFINITY;
            wf_gemm_run(f.room, f.gang, (enum wf_gemm_kind)kind, &p.g);
            for (size_t r = 0; r < 17; r++)
                for (size_t c = 0; c < 35; c++)
                    assert_int_equal(isfinite(p.c[r * 35 + c]) != 0, r != 16 && c != 34);
            assert_true(isnan(p.c[16 * 35]));
            assert_true(isinf(p.c[34]));
            product_deinit(&p);
        }
    }
    fixture_deinit(&f);
}

static void test_gemm__no_memory(void **state)
{
    struct wf_gemm_room *room = NULL;

    (void)state;
    for (uint64_t at = 1;; at++) {
        struct wf_err err = {0};
        wf_alloc_fail_at(at);
        int rc = wf_gemm_room_new(2, 100, &room, &err);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        if (!failed) {
            assert_int_equal(rc, 0);
            assert_true(at > 2);
            break;
        }
        assert_int_equal(rc, WF_E_NOMEM);
        assert_int_equal(err.code, WF_E_NOMEM);
        assert_null(room);
    }
    wf_gemm_room_free(room);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gemm__every_storage_order),
        cmocka_unit_test(test_gemm__every_rest),
        cmocka_unit_test(test_gemm__many_blocks),
        cmocka_unit_test(test_gemm__threads_change_no_bit),
        cmocka_unit_test(test_gemm__nothing_to_do),
        cmocka_unit_test(test_gemm__no_numbers_stay_where_they_are),
        cmocka_unit_test(test_gemm__no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
