/* SPDX-License-Identifier: Apache-2.0 */
/* Packed weights: the same bytes in another place, rows out of them exactly; and their products by
 * every table that packs, with any number of tokens. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "kern/kern.h"
#include "kern/packed.h"

#define BLOCKS_MAX 3
#define VALUES_MAX (BLOCKS_MAX * 256)
#define GROUPS 2
#define ROWS_THERE (GROUPS * WF_PACKED_ROWS - 9) /* the last group lacks some */
#define BYTES_MAX (GROUPS * WF_PACKED_ROWS * VALUES_MAX * 2)

static uint8_t rows[BYTES_MAX], packed[BYTES_MAX];

/* Rows of bytes that are all different enough, as no numbers that are none. */
static void make_rows(const struct wf_dtype *t, size_t n_in)
{
    static float x[VALUES_MAX];
    uint32_t seed = 7;

    for (size_t r = 0; r < GROUPS * WF_PACKED_ROWS; r++) {
        for (size_t i = 0; i < n_in; i++) {
            seed = seed * 1664525u + 1013904223u;
            x[i] = (float)(int32_t)seed * 0x1p-31f;
        }
        t->pack(x, rows + r * wf_dtype_bytes(t, n_in), n_in);
    }
}

static void test_packed__rows_come_back_exactly(void **state)
{
    static float want[VALUES_MAX], got[VALUES_MAX];

    (void)state;
    for (size_t d = 0; wf_dtype_at(d) != NULL; d++) {
        const struct wf_dtype *t = wf_dtype_at(d), *p = wf_packed_of(t);
        for (size_t n = 1; n <= BLOCKS_MAX && p != NULL; n++) {
            size_t n_in = n * p->block, row_bytes = wf_dtype_bytes(t, n_in);
            make_rows(t, n_in);
            for (size_t g = 0; g < GROUPS; g++)
                wf_packed_group(p, rows + g * WF_PACKED_ROWS * row_bytes,
                                WF_MIN(ROWS_THERE - g * WF_PACKED_ROWS, WF_PACKED_ROWS), n_in,
                                packed + g * WF_PACKED_ROWS * row_bytes);
            for (size_t r = 0; r < GROUPS * WF_PACKED_ROWS; r++) {
                t->unpack(rows + WF_MIN(r, ROWS_THERE - 1) * row_bytes, want, n_in);
                wf_packed_unpack(p, packed, n_in, r, 0, n_in, got);
                assert_memory_equal(got, want, n_in * sizeof(*want));
                wf_packed_unpack(p, packed, n_in, r, n_in - p->block, p->block, got);
                assert_memory_equal(got, want + n_in - p->block, p->block * sizeof(*want));
            }
        }
    }
}

/* Where packed.h says that things lie. */
static void test_packed__lies_as_told(void **state)
{
    const struct wf_dtype *t = wf_dtype_by_id(WF_DTYPE_Q6_K), *p = wf_packed_of(t);

    (void)state;
    make_rows(t, 512);
    wf_packed_group(p, rows, WF_PACKED_ROWS, 512, packed);
    for (size_t r = 0; r < WF_PACKED_ROWS; r++) {
        const uint8_t *b = rows + r * 420 + 210; /* the row's second block */
        const uint8_t *to = packed + WF_PACKED_ROWS * 210;
        assert_memory_equal(to + 2 * r, b + 208, 2);
        for (size_t k = 0; k < 52; k++)
            assert_memory_equal(to + 64 + r / 16 * 3328 + 64 * k + r % 16 * 4, b + 4 * k, 4);
    }
}

static void test_packed__types_are_told_apart(void **state)
{
    size_t n = 0;

    (void)state;
    for (size_t d = 0; wf_dtype_at(d) != NULL; d++) {
        const struct wf_dtype *t = wf_dtype_at(d), *p = wf_packed_of(t);
        assert_false(wf_dtype_is_packed(t));
        assert_ptr_equal(wf_packed_from(t), t);
        if (p == NULL)
            continue;
        n++;
        assert_true(wf_dtype_is_packed(p));
        assert_ptr_equal(wf_packed_from(p), t);
        assert_string_equal(p->name, t->name);
        assert_int_equal(wf_dtype_bytes(p, 256), wf_dtype_bytes(t, 256));
        assert_null(wf_dtype_by_id(p->id)); /* no file has it */
    }
    assert_int_equal(n, 8);
}

/* ---- products ---- */

#define N_MAX 4608
#define ROWS_MAX (2 * WF_PACKED_ROWS)
#define TOKENS_MAX 513

static float w[ROWS_MAX * N_MAX], x[TOKENS_MAX * N_MAX];
static float want[ROWS_MAX * TOKENS_MAX], got[ROWS_MAX * TOKENS_MAX + 1];
static uint8_t plain[ROWS_MAX * N_MAX * 2], groups[ROWS_MAX * N_MAX * 2];
static uint64_t seed;

static void fill(float *to, size_t n, float scale)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        to[i] = scale * (float)((int32_t)(seed >> 40) - (1 << 23)) * 0x1p-23f;
    }
}

/* Weights and tokens that are new, the weights also packed; their packed type. */
static const struct wf_dtype *make_product(const struct wf_dtype *t, size_t n_rows, size_t n_in,
                                           size_t n_tok)
{
    const struct wf_dtype *p = wf_packed_of(t);
    size_t row_bytes = wf_dtype_bytes(t, n_in);

    fill(w, n_rows * n_in, 1.0f);
    fill(x, n_tok * n_in, 3.0f);
    t->pack(w, plain, n_rows * n_in);
    for (size_t r = 0; r < n_rows; r += WF_PACKED_ROWS)
        wf_packed_group(p, plain + r * row_bytes, WF_MIN(n_rows - r, WF_PACKED_ROWS), n_in,
                        groups + r * row_bytes);
    return p;
}

static void multiply(const struct wf_kern *k, const struct wf_dtype *t, enum wf_act act,
                     const uint8_t *weights, size_t n_rows, size_t n_in, const float *tokens,
                     size_t n_tok, float *out)
{
    void *prepared = wf_alloc(k->act_bytes(t, act, n_in, n_tok)); /* exact, for the sanitizer */

    assert_non_null(prepared);
    for (size_t i = n_tok; i-- > 0;)
        k->act_prepare(t, act, tokens + i * n_in, n_in, n_tok, i, prepared);
    k->matmul(t, act, weights, n_rows, n_in, prepared, n_tok, out, n_rows);
    wf_free(prepared);
}

static void compare(const struct wf_kern *k, const struct wf_dtype *t, enum wf_act act,
                    size_t n_rows, size_t n_in, size_t n_tok)
{
    const struct wf_dtype *p = make_product(t, n_rows, n_in, n_tok);
    bool is_rounded = t->id == WF_DTYPE_BF16 && act == WF_ACT_Q8; /* see kern.h */

    multiply(&wf_kern_ref, t, act, plain, n_rows, n_in, x, n_tok, want);
    got[n_tok * n_rows] = 7.0f; /* is not written to */
    multiply(k, p, act, groups, n_rows, n_in, x, n_tok, got);
    assert_true(got[n_tok * n_rows] == 7.0f);
    for (size_t i = 0; i < n_tok * n_rows; i++) {
        double magnitude = 0;
        for (size_t c = 0; c < n_in; c++)
            magnitude += fabs((double)w[i % n_rows * n_in + c] * (double)x[i / n_rows * n_in + c]);
        if (!(fabs((double)got[i] - (double)want[i]) <= (is_rounded ? 0x1p-9 : 1e-5) * magnitude))
            fail_msg("%s %s act %d, %zu rows in %zu, token %zu of %zu: %g instead of %g", k->name,
                     t->name, (int)act, n_rows, n_in, i / n_rows, n_tok, (double)got[i],
                     (double)want[i]);
    }
}

/* Calls fn for every table that packs and every type that it packs. */
static void each_packed(void (*fn)(const struct wf_kern *k, const struct wf_dtype *t))
{
    seed = 1;
    for (size_t i = 0; wf_kern_at(i) != NULL; i++) {
        const struct wf_kern *k = wf_kern_at(i);
        for (size_t d = 0; wf_dtype_at(d) != NULL && k->packed != NULL; d++) {
            if (k->packed(wf_dtype_at(d)) != NULL)
                fn(k, wf_dtype_at(d));
        }
    }
}

/* All that one tile takes, several tiles, more than are unpacked for; rows longer than a piece, and
 * pieces that are not full. */
static void products_of(const struct wf_kern *k, const struct wf_dtype *t)
{
    static const size_t tokens[] = {1, 2, 3, 4, 5, 6, 7, 13, 23, 35, 130};
    static const size_t widths[] = {256, 512, 768, 2048, 2560, 4352};
    static const size_t n_rows[] = {WF_PACKED_ROWS, ROWS_MAX, 1, 17, WF_PACKED_ROWS + 9, 63};

    for (size_t j = 0; j < WF_ARRAY_LEN(tokens); j++) {
        size_t n_in = widths[j % 6] + (wf_packed_of(t)->block == 32 ? 32 * (j % 5) : 0);
        compare(k, t, WF_ACT_Q8, n_rows[j % 6], n_in, tokens[j]);
        compare(k, t, WF_ACT_F32, WF_PACKED_ROWS, n_in, tokens[j]);
    }
    compare(k, t, WF_ACT_Q8, WF_PACKED_ROWS, N_MAX / 2, TOKENS_MAX);
}

static void test_packed__products_agree(void **state)
{
    (void)state;
    each_packed(products_of);
}

/* Every token's products alone and among n_tok: the very same bits. */
static void bits_of(const struct wf_kern *k, const struct wf_dtype *t)
{
    static const size_t tokens[] = {2, 3, 5, 7, 12, 13, 35, 130};
    static const size_t widths[] = {256, 768, 2304, N_MAX};

    for (size_t j = 0; j < WF_ARRAY_LEN(tokens); j++) {
        size_t n_in = widths[j % 4];
        const struct wf_dtype *p = make_product(t, WF_PACKED_ROWS, n_in, tokens[j]);
        multiply(k, p, WF_ACT_Q8, groups, WF_PACKED_ROWS, n_in, x, tokens[j], got);
        for (size_t i = 0; i < tokens[j]; i++) {
            multiply(k, p, WF_ACT_Q8, groups, WF_PACKED_ROWS, n_in, x + i * n_in, 1, want);
            if (memcmp(want, got + i * WF_PACKED_ROWS, WF_PACKED_ROWS * sizeof(*want)) != 0)
                fail_msg("%s %s in %zu: token %zu of %zu", k->name, t->name, n_in, i, tokens[j]);
        }
    }
}

static void test_packed__neighbours_change_no_bit(void **state)
{
    (void)state;
    each_packed(bits_of);
}

/* What is no number shows in its token's products, and in no others. */
static void spoilt_of(const struct wf_kern *k, const struct wf_dtype *t)
{
    static const float spoilt[] = {NAN, INFINITY, -INFINITY};
    static const size_t tokens[] = {2, 8, 9, 25};

    for (size_t j = 0; j < 12; j++) {
        size_t n_tok = tokens[j % 4];
        const struct wf_dtype *p = make_product(t, WF_PACKED_ROWS, 512, n_tok);
        multiply(k, p, WF_ACT_Q8, groups, WF_PACKED_ROWS, 512, x, n_tok, want);
        x[512 + 300] = spoilt[j / 4];
        multiply(k, p, WF_ACT_Q8, groups, WF_PACKED_ROWS, 512, x, n_tok, got);
        for (size_t i = 0; i < n_tok * WF_PACKED_ROWS; i++) {
            if (i / WF_PACKED_ROWS == 1 ? isfinite(got[i])
                                        : memcmp(&got[i], &want[i], sizeof(*got)) != 0)
                fail_msg("%s %s, %g: token %zu of %zu has %g", k->name, t->name,
                         (double)spoilt[j / 4], i / WF_PACKED_ROWS, n_tok, (double)got[i]);
        }
    }
}

static void test_packed__what_is_no_number_shows(void **state)
{
    (void)state;
    each_packed(spoilt_of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packed__rows_come_back_exactly),
        cmocka_unit_test(test_packed__lies_as_told),
        cmocka_unit_test(test_packed__types_are_told_apart),
        cmocka_unit_test(test_packed__products_agree),
        cmocka_unit_test(test_packed__neighbours_change_no_bit),
        cmocka_unit_test(test_packed__what_is_no_number_shows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
