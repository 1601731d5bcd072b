/* SPDX-License-Identifier: Apache-2.0 */
/* Data types of weights: unpacking equals a reference engine's, packing loses no more than stated.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "kern/dtype.h"
#include "kern/half.h"
#include "model/gguf.h"
#include "os/file.h"

#define DATA "../shared/data/engine/"
#define N_MAX 4096

/* Where the halves of a block lie, -1: none. */
static const struct {
    const char *name;
    int half[2];
} halves[] = {
    {"Q4_0", {0, -1}},   {"Q4_1", {0, 2}},    {"Q5_0", {0, -1}},   {"Q5_1", {0, 2}},
    {"Q8_0", {0, -1}},   {"Q2_K", {80, 82}},  {"Q3_K", {108, -1}}, {"Q4_K", {0, 2}},
    {"Q5_K", {0, 2}},    {"Q6_K", {208, -1}}, {"IQ4_NL", {0, -1}}, {"IQ4_XS", {0, -1}},
    {"MXFP4", {-1, -1}}, {"F16", {0, -1}},    {"BF16", {-1, -1}},
};

/* Seeded blocks with scales of ordinary size. Returns how many values they hold. */
static size_t seeded_blocks(const struct wf_dtype *t, uint8_t *out)
{
    size_t n_blocks = t->block == 1 ? 256 : 4, row = 0;
    uint64_t s = t->id;

    for (size_t i = 0; i < n_blocks * t->block_bytes; i++) {
        s = s * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(s >> 56);
    }
    while (strcmp(halves[row].name, t->name) != 0)
        row++;
    for (size_t i = 0; i < n_blocks; i++) {
        uint8_t *b = out + i * t->block_bytes;
        for (int k = 0; k < 2; k++) {
            int at = halves[row].half[k];
            if (at < 0)
                continue;
            uint16_t h = (uint16_t)(0x2c00 + (b[at] | (b[at + 1] & 3) << 8));
            memcpy(b + at, &h, sizeof(h));
        }
        if (t->id == WF_DTYPE_MXFP4)
            b[0] = (uint8_t)(120 + b[0] % 16);
        if (t->id == WF_DTYPE_BF16)
            b[1] = 0x3f;
    }
    return n_blocks * t->block;
}

static void assert_near(const char *name, double got, double want)
{
    if (fabs(got - want) > 1e-6 * fabs(want) + 1e-7)
        fail_msg("%s: %.9g instead of %.9g", name, got, want);
}

static void test_dtype__unpacks_as_the_reference(void **state)
{
    FILE *f = fopen("tests/vectors/dtypes.txt", "re");
    static uint8_t blocks[N_MAX];
    static float x[N_MAX];
    char line[1024], *rest, *name;
    size_t n_types = 0;

    (void)state;
    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        if (line[0] == '#')
            continue;
        rest = line;
        name = strsep(&rest, " ");
        const struct wf_dtype *t = wf_dtype_by_name(name);
        assert_non_null(t);
        size_t n = seeded_blocks(t, blocks);
        t->unpack(blocks, x, n);
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += (double)x[i] * (double)(i % 7 + 1);
        assert_near(name, sum, strtod(strsep(&rest, " "), NULL));
        for (uint32_t i = 0; i < 12; i++)
            assert_near(name, (double)x[i * 2654435761u % n], strtod(strsep(&rest, " "), NULL));
        n_types++;
    }
    (void)fclose(f);
    assert_int_equal(n_types, 15);
}

/* Normal numbers by the sum of twelve, some of them large. */
static void seeded_row(float *x, size_t n)
{
    uint64_t s = 7;

    for (size_t i = 0; i < n; i++) {
        float sum = -6.0f;
        for (int k = 0; k < 12; k++) {
            s = s * 6364136223846793005u + 1442695040888963407u;
            sum += (float)(s >> 40) * 0x1p-24f;
        }
        x[i] = i % 97 == 0 ? 4.0f * sum : sum;
    }
}

static double error_of(const struct wf_dtype *t, const float *x, size_t n)
{
    static uint8_t packed[N_MAX * 4];
    static float y[N_MAX];
    double d = 0, s = 0;

    t->pack(x, packed, n);
    t->unpack(packed, y, n);
    for (size_t i = 0; i < n; i++) {
        d += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
        s += (double)x[i] * (double)x[i];
    }
    return sqrt(d / s);
}

static void test_dtype__packing_loses_no_more_than_stated(void **state)
{
    static const struct {
        const char *name;
        double bound;
    } bounds[] = {
        /* For quantised types: what a common engine loses of the same row (Q4_K, IQ4_NL: 1% more).
         */
        {"F32", 0.0},     {"F16", 3e-4},      {"BF16", 3e-3},     {"Q4_0", 0.0970},
        {"Q4_1", 0.0828}, {"Q5_0", 0.0493},   {"Q5_1", 0.0400},   {"Q8_0", 0.0061},
        {"Q2_K", 0.3148}, {"Q3_K", 0.1654},   {"Q4_K", 0.0766},   {"Q5_K", 0.0387},
        {"Q6_K", 0.0199}, {"IQ4_NL", 0.0836}, {"IQ4_XS", 0.0844}, {"MXFP4", 0.1193},
    };
    static float x[N_MAX];
    size_t n = sizeof(bounds) / sizeof(bounds[0]);

    (void)state;
    seeded_row(x, N_MAX);
    for (size_t i = 0; i < n; i++) {
        double error = error_of(wf_dtype_by_name(bounds[i].name), x, N_MAX);
        print_message("%-7s %.4f\n", bounds[i].name, error);
        if (!(error <= bounds[i].bound))
            fail_msg("%s loses %g, more than %g", bounds[i].name, error, bounds[i].bound);
    }
    assert_null(wf_dtype_at(n));
}

static void test_dtype__packs_what_is_no_number(void **state)
{
    static float x[N_MAX], y[N_MAX];
    static uint8_t packed[N_MAX * 4];

    (void)state;
    for (size_t kind = 0; kind < 3; kind++) {
        seeded_row(x, 512);
        for (size_t i = 0; i < 512; i += 5)
            x[i] = kind == 0 ? NAN : kind == 1 ? INFINITY : 0.0f;
        for (size_t i = 0; i < 256 && kind == 2; i++)
            x[i] = 0.0f;
        for (size_t i = 0; wf_dtype_at(i) != NULL; i++) {
            wf_dtype_at(i)->pack(x, packed, 512);
            wf_dtype_at(i)->unpack(packed, y, 512);
            for (size_t j = 0; j < 512; j++)
                assert_true(isfinite(y[j]));
            for (size_t j = 0; j < 256 && kind == 2; j++)
                assert_true(y[j] == 0.0f);
        }
    }
}

static void test_dtype__halves_round_as_ieee_says(void **state)
{
    static const struct {
        float x;
        uint16_t h;
    } cases[] = {
        {0.0f, 0},
        {-0.0f, 0x8000},
        {1.0f, 0x3c00},
        {65504.0f, 0x7bff},
        {65519.0f, 0x7bff},
        {65520.0f, 0x7c00},
        {0x1p-24f, 1},
        {0x1p-25f, 0},
        {0x1.8p-25f, 1},
        {0x1p-14f, 0x400},
        {0x1.ff8p-15f, 0x3ff},
        {1.00048828125f, 0x3c00},
        {1.00146484375f, 0x3c02},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(wf_float_to_half(cases[i].x), cases[i].h);
    for (uint32_t h = 0; h < 0x7c00; h++)
        assert_int_equal(wf_float_to_half(wf_half_to_float((uint16_t)h)), h);
    assert_true(isnan(wf_half_to_float(wf_float_to_half(NAN))));
    assert_true(isinf(wf_half_to_float(0xfc00)));
}

static void test_dtype__unpacks_files_of_the_reference(void **state)
{
    static const char *const names[] = {"llama-Q4_0", "llama-Q4_K_M", "llama-Q5_0",
                                        "llama-Q6_K", "llama-Q8_0",   "gptoss-MXFP4"};
    static float x[16384];
    char path[256];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct wf_gguf *g;
        struct wf_buf want;
        (void)snprintf(path, sizeof(path), DATA "tiny-%s.deq.f32", names[i]);
        wf_buf_init(&want, 1u << 20);
        if (wf_file_read(path, &want, NULL) != 0)
            skip();
        (void)snprintf(path, sizeof(path), DATA "tiny-%s.gguf", names[i]);
        assert_int_equal(wf_gguf_open(path, &g, NULL), 0);
        const struct wf_gguf_tensor *t =
            wf_gguf_tensor(g, i < 5 ? "blk.0.attn_q.weight" : "blk.0.ffn_gate_exps.weight");
        wf_dtype_by_id(t->type)->unpack(t->data, x, want.len / sizeof(float));
        for (size_t j = 0; j < want.len / sizeof(float); j++) {
            float w;
            memcpy(&w, want.ptr + j * sizeof(w), sizeof(w));
            assert_near(names[i], (double)x[j], (double)w);
        }
        wf_gguf_close(g);
        wf_buf_deinit(&want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dtype__unpacks_as_the_reference),
        cmocka_unit_test(test_dtype__packing_loses_no_more_than_stated),
        cmocka_unit_test(test_dtype__packs_what_is_no_number),
        cmocka_unit_test(test_dtype__halves_round_as_ieee_says),
        cmocka_unit_test(test_dtype__unpacks_files_of_the_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
