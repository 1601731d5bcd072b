/* SPDX-License-Identifier: Apache-2.0 */
/* Attention over pages: what is written is read again, every table of kernels agrees with the
 * readable one, and what a row gets depends neither on other rows nor on what lies behind. */
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

#define ROWS_MAX 19
#define DIM_MAX 160
#define PAGES 3

static uint64_t seed = 1;

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

/* Some queries and some pages, of which rows see more and more. */
struct scene {
    enum wf_kv_kind kind;
    bool in_words;
    size_t n_rows, key_dim, value_dim;
    float cap;
    float q[ROWS_MAX * DIM_MAX];
    int8_t q8[ROWS_MAX * DIM_MAX];
    float q_scales[ROWS_MAX * DIM_MAX / 32];
    int32_t q_sums[ROWS_MAX * DIM_MAX / 32];
    uint32_t seen[PAGES][ROWS_MAX];
    void *keys[PAGES], *values[PAGES];
    size_t n_last; /* slots of the last page that are filled */
};

struct result {
    float most[ROWS_MAX], weight[ROWS_MAX], sums[ROWS_MAX * DIM_MAX];
};

static void fill_pages(struct scene *s, uint8_t behind)
{
    float x[DIM_MAX];

    for (size_t i = 0; i < PAGES; i++) {
        size_t n = i + 1 < PAGES ? WF_PAGE_TOKENS : s->n_last;
        memset(s->keys[i], behind, wf_page_bytes(s->kind, s->key_dim));
        memset(s->values[i], behind, wf_page_bytes(s->kind, s->value_dim));
        for (size_t j = 0; j < n; j++) {
            fill(x, s->key_dim, 2.0f);
            wf_page_put_key(&wf_kern_ref, s->kind, x, s->key_dim, j, s->keys[i]);
            fill(x, s->value_dim, i == 1 ? 3.0f : 1.0f);
            wf_page_put_value(&wf_kern_ref, s->kind, x, s->value_dim, j, s->values[i]);
        }
    }
}

/* Kinds of pages, and behind them F16 in words. */
#define KINDS (WF_KV_Q8_0 + 2)

static void make_scene(struct scene *s, int kind_number, size_t n_rows, size_t key_dim,
                       size_t value_dim)
{
    bool in_words = kind_number > WF_KV_Q8_0;
    enum wf_kv_kind kind = in_words ? WF_KV_F16 : (enum wf_kv_kind)kind_number;

    *s = (struct scene){.kind = kind,
                        .in_words = in_words,
                        .n_rows = n_rows,
                        .key_dim = key_dim,
                        .value_dim = value_dim,
                        .cap = n_rows % 4 == 3 ? 20.0f : 0.0f,
                        .n_last = 21};
    for (size_t i = 0; i < PAGES; i++) { /* exact, for the sanitizer */
        s->keys[i] = wf_alloc_lines_raw(1, wf_page_bytes(kind, key_dim));
        s->values[i] = wf_alloc_lines_raw(1, wf_page_bytes(kind, value_dim));
        assert_non_null(s->keys[i]);
        assert_non_null(s->values[i]);
    }
    fill_pages(s, 0);
    fill(s->q, n_rows * key_dim, 1.5f);
    if (kind == WF_KV_Q8_0)
        wf_kern_ref.to_i8(s->q, n_rows * key_dim, s->q_scales, s->q_sums, s->q8);
    for (size_t r = 0; r < n_rows; r++) {
        s->seen[0][r] = r % 5 == 4 ? 0xffffff00u : UINT32_MAX;
        s->seen[1][r] = r % 7 == 6 ? 0 : UINT32_MAX;
        s->seen[2][r] = (1u << (r % 21 + 1)) - 1;
    }
}

static void free_scene(struct scene *s)
{
    for (size_t i = 0; i < PAGES; i++) {
        wf_free(s->keys[i]);
        wf_free(s->values[i]);
    }
}

/* Rows [from, from + n) of the scene and its pages, so many at once. */
static void attend(const struct wf_kern *k, const struct scene *s, size_t from, size_t n,
                   size_t at_once, struct result *out)
{
    static uint32_t seen[PAGES * ROWS_MAX];
    float *room = wf_alloc_array(wf_attend_room(n, s->key_dim, s->value_dim), sizeof(*room));

    assert_non_null(room);
    memset(out, 0, sizeof(*out));
    for (size_t r = 0; r < n; r++)
        out->most[r] = -INFINITY;
    for (size_t i = 0; i < PAGES; i += at_once) {
        struct wf_attend a = {.kind = s->kind,
                              .n_rows = n,
                              .key_dim = s->key_dim,
                              .value_dim = s->value_dim,
                              .in_words = s->in_words,
                              .n_pages = at_once < PAGES - i ? at_once : PAGES - i,
                              .keys = (const void *const *)s->keys + i,
                              .values = (const void *const *)s->values + i,
                              .n_slots = i + at_once < PAGES ? WF_PAGE_TOKENS : s->n_last,
                              .scale = 0.125f,
                              .cap = s->cap,
                              .q = s->q + from * s->key_dim,
                              .q8 = s->q8 + from * s->key_dim,
                              .q_scales = s->q_scales + from * s->key_dim / 32,
                              .q_sums = s->q_sums + from * s->key_dim / 32,
                              .seen = seen,
                              .most = out->most,
                              .weight = out->weight,
                              .sums = out->sums,
                              .room = room};
        for (size_t p = 0; p < a.n_pages; p++)
            memcpy(seen + p * n, s->seen[i + p] + from, n * sizeof(seen[0]));
        k->attend(&a);
    }
    wf_free(room);
}

static void compare(const struct wf_kern *k, const struct scene *s, double bound)
{
    static struct result want, got;

    attend(&wf_kern_ref, s, 0, s->n_rows, 1, &want);
    attend(k, s, 0, s->n_rows, PAGES, &got);
    for (size_t i = 0; i < s->n_rows * s->value_dim; i++) {
        size_t r = i / s->value_dim;
        double a = (double)want.sums[i] / (double)want.weight[r];
        double b = (double)got.sums[i] / (double)got.weight[r];
        if (!(fabs(a - b) <= bound))
            fail_msg("%s kind %d dims %zu %zu row %zu of %zu: %g instead of %g", k->name,
                     (int)s->kind, s->key_dim, s->value_dim, r, s->n_rows, b, a);
        double exact = s->in_words ? 1.5e-3 : 1e-4;
        assert_true(fabs((double)(got.most[r] - want.most[r])) <= exact);
        assert_true(fabs((double)(got.weight[r] / want.weight[r] - 1)) <= exact);
    }
}

static const size_t dims[][2] = {{64, 64}, {32, 96}, {160, 128}, {8, 20}, {81, 33}, {100, 7}};

/* Dims that a kind takes. */
static bool takes(int kind, const size_t d[2])
{
    return kind < WF_KV_Q8_0 || (d[0] % 32 == 0 && d[1] % 32 == 0);
}

static void test_attend__tables_agree(void **state)
{
    static const double bounds[KINDS] = {1e-5, 1e-5, 2e-4, 6e-4}; /* halves round to 3e-4 */
    static struct scene s;

    (void)state;
    seed = 1;
    for (size_t i = 1; wf_kern_at(i) != NULL; i++) {
        for (size_t d = 0; d < sizeof(dims) / sizeof(dims[0]); d++) {
            for (int kind = 0; kind < KINDS; kind++) {
                if (!takes(kind, dims[d]))
                    continue;
                for (size_t n = 1; n <= ROWS_MAX; n += n < 9 ? 1 : 5) {
                    make_scene(&s, kind, n, dims[d][0], dims[d][1]);
                    compare(wf_kern_at(i), &s, bounds[kind]);
                    free_scene(&s);
                }
            }
        }
    }
}

/* The very same bits, alone or beside others, however many pages at once, whatever lies in slots
 * that are not filled. */
static void test_attend__rows_are_alone(void **state)
{
    static struct scene s;
    static struct result all, one, behind;

    (void)state;
    for (size_t i = 0; wf_kern_at(i) != NULL; i++) {
        const struct wf_kern *k = wf_kern_at(i);
        for (int kind = 0; kind < KINDS; kind++) {
            size_t d = 64;
            make_scene(&s, kind, ROWS_MAX, d, d);
            seed = 7;
            fill_pages(&s, 0);
            attend(k, &s, 0, ROWS_MAX, PAGES, &all);
            for (size_t r = 0; r < ROWS_MAX; r++) {
                attend(k, &s, r, 1, 1 + r % PAGES, &one);
                bool is_same = memcmp(&one.most[0], &all.most[r], sizeof(float)) == 0 &&
                               memcmp(&one.weight[0], &all.weight[r], sizeof(float)) == 0 &&
                               memcmp(one.sums, all.sums + r * d, d * sizeof(float)) == 0;
                if (!is_same)
                    fail_msg("%s kind %d row %zu", k->name, kind, r);
            }
            seed = 7;
            fill_pages(&s, 0xff); /* no numbers */
            attend(k, &s, 0, ROWS_MAX, PAGES, &behind);
            if (memcmp(&all, &behind, sizeof(all)) != 0)
                fail_msg("%s kind %d: what lies behind", k->name, kind);
            free_scene(&s);
        }
    }
}

static void test_attend__pages_give_back_what_was_put(void **state)
{
    static struct scene s;
    float x[64], y[64];

    (void)state;
    for (size_t i = 0; wf_kern_at(i) != NULL; i++) {
        for (int kind = 0; kind < KINDS; kind++) {
            make_scene(&s, kind, 1, 64, 64);
            double bound = kind == WF_KV_F32 ? 0 : kind == WF_KV_F16 ? 0x1p-11 : 0.6 / 127;
            fill(x, 64, 1.0f);
            fill(y, 64, 1.0f);
            wf_page_put_key(wf_kern_at(i), s.kind, x, 64, 13, s.keys[0]);
            wf_page_put_value(wf_kern_at(i), s.kind, y, 64, 13, s.values[0]);
            for (size_t j = 0; j < 64; j++) {
                float key = wf_page_key(s.kind, s.keys[0], 64, 13, j);
                float value = wf_page_value(s.kind, s.values[0], 64, 13, j);
                assert_true(fabs((double)(key - x[j])) <= bound);
                assert_true(fabs((double)(value - y[j])) <= bound);
            }
            free_scene(&s);
        }
    }
}

static void test_attend__bytes_agree(void **state)
{
    float x[96], scales[2][3];
    int32_t sums[2][3];
    int8_t q[2][96];

    (void)state;
    seed = 1;
    for (size_t i = 0; wf_kern_at(i) != NULL; i++) {
        const struct wf_kern *k = wf_kern_at(i);
        for (size_t round = 0; round < 50; round++) {
            fill(x, 96, powf(10.0f, (float)(round % 9) - 6.0f));
            if (round % 10 == 9)
                memset(x + 32, 0, 32 * sizeof(*x));
            wf_kern_ref.to_i8(x, 96, scales[0], sums[0], q[0]);
            k->to_i8(x, 96, scales[1], sums[1], q[1]);
            assert_memory_equal(scales[0], scales[1], sizeof(scales[0]));
            assert_memory_equal(sums[0], sums[1], sizeof(sums[0]));
            assert_memory_equal(q[0], q[1], sizeof(q[0]));
        }
        for (size_t at = 0; at < 32; at++) {
            static const float odd[] = {NAN, INFINITY, -INFINITY};
            fill(x, 96, 1.0f);
            x[32 + at] = odd[at % 3];
            k->to_i8(x, 96, scales[1], sums[1], q[1]);
            assert_true(isnan(scales[1][1]) && !isnan(scales[1][0]) && !isnan(scales[1][2]));
        }
    }
}

/* What is no number stays none, in its row; and only there. */
static void test_attend__no_numbers_stay_none(void **state)
{
    static struct scene s;
    static struct result got;

    (void)state;
    seed = 1;
    for (size_t i = 0; wf_kern_at(i) != NULL; i++) {
        const struct wf_kern *k = wf_kern_at(i);
        for (int kind = 0; kind < KINDS; kind++) {
            make_scene(&s, kind, 3, 32, 32);
            s.q[32 + 5] = NAN;
            if (kind == WF_KV_Q8_0)
                wf_kern_ref.to_i8(s.q, 3 * 32, s.q_scales, s.q_sums, s.q8);
            attend(k, &s, 0, 3, PAGES, &got);
            for (size_t j = 0; j < 3 * 32; j++)
                assert_true(isnan(got.sums[j] / got.weight[j / 32]) == (j / 32 == 1));
            float x[32];
            fill(x, 32, 1.0f);
            x[3] = NAN; /* a key of the last page that row 0 does not see */
            wf_page_put_key(&wf_kern_ref, s.kind, x, 32, 1, s.keys[2]);
            attend(k, &s, 0, 3, PAGES, &got);
            for (size_t j = 0; j < 3 * 32; j++)
                assert_true(isnan(got.sums[j] / got.weight[j / 32]) == (j / 32 >= 1));
            fill(x, 32, 1.0f);
            wf_page_put_key(&wf_kern_ref, s.kind, x, 32, 1, s.keys[2]);
            x[3] = i % 2 == 0 ? NAN : INFINITY; /* and its value */
            wf_page_put_value(&wf_kern_ref, s.kind, x, 32, 1, s.values[2]);
            attend(k, &s, 0, 3, PAGES, &got);
            for (size_t j = 0; j < 32; j++)
                assert_true(isfinite(got.sums[j]));
            assert_true(!isfinite(got.sums[32 + 3]));
            assert_true(!isfinite(got.sums[64 + 3]));
            free_scene(&s);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attend__tables_agree),
        cmocka_unit_test(test_attend__rows_are_alone),
        cmocka_unit_test(test_attend__pages_give_back_what_was_put),
        cmocka_unit_test(test_attend__bytes_agree),
        cmocka_unit_test(test_attend__no_numbers_stay_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
