/* SPDX-License-Identifier: Apache-2.0 */
/* Packed models: they say what the same file says as it is, whatever is in a batch together; on
 * processors that pack nothing they are the file. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "model/synth.h"
#include "model/transformer.h"

#define VOCAB 611 /* no whole groups of rows */
#define TOKENS 40

struct loaded {
    struct wf_model *model;
    struct wf_runner *runner;
};

static void load(const char *path, bool is_packed, enum wf_act act, struct loaded *out)
{
    struct wf_runner_options o = {.n_threads = 2, .n_cache_tokens = 512, .act = act};
    struct wf_err err = WF_ERR_INIT;

    if (wf_model_open(path, &out->model, &err) != 0 ||
        (is_packed && wf_model_pack(out->model, 2, &err) != 0) ||
        wf_runner_new(out->model, &o, &out->runner, &err) != 0)
        fail_msg("%s: %s", path, err.msg);
}

static void unload(struct loaded *l)
{
    wf_runner_free(l->runner);
    wf_model_close(l->model);
}

/* Logits of a text that is written, n_step tokens at a time: out [TOKENS, VOCAB]. */
static void eval(struct loaded *l, size_t n_step, float *out)
{
    struct wf_seq seq = {0};
    int32_t ids[TOKENS];

    for (size_t i = 0; i < TOKENS; i++)
        ids[i] = (int32_t)(i * 37 % VOCAB);
    assert_int_equal(wf_seq_init(&seq, wf_runner_kv(l->runner), NULL), 0);
    for (size_t i = 0; i < TOKENS; i += n_step) {
        struct wf_batch_part part = {.seq = &seq, .ids = ids + i, .n = n_step, .n_logits = n_step};
        assert_int_equal(wf_runner_eval(l->runner, &part, 1, NULL, out + i * VOCAB, NULL), 0);
    }
    wf_seq_deinit(&seq);
}

static double relative_error(const float *a, const float *b, size_t n)
{
    double d = 0, s = 0;

    for (size_t i = 0; i < n; i++) {
        d += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        s += (double)b[i] * (double)b[i];
    }
    return sqrt(d / s);
}

static const char *const mixes[] = {"Q4_0", "Q8_0",   "Q4_K_M", "Q5_K_M",
                                    "Q6_K", "IQ4_XS", "F16",    "BF16"};

#define N_MIXES (sizeof(mixes) / sizeof(mixes[0]))

/* A small model's file; every second one has its embeddings for an output matrix. */
static void make_wide(size_t i, uint32_t n_ff, const char *path)
{
    struct wf_synth_shape shape = {"small", "llama", 2,          256,      n_ff,       8,
                                   4,       VOCAB,   TOKENS * 2, 10000.0f, i % 2 == 0, false};

    assert_int_equal(wf_synth(&shape, wf_mix_by_name(mixes[i]), 7, path, NULL, NULL), 0);
}

static void make(size_t i, const char *path)
{
    make_wide(i, 768, path);
}

/* With float activations nothing is rounded but sums; with those of 8 bits (which have the same
 * scales as where a file's few tokens are written) another sum may round the next layer's
 * differently. */
static void test_pack__says_what_the_file_says(void **state)
{
    static float want[TOKENS * VOCAB], got[TOKENS * VOCAB];
    const char *dir = *state;
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/m.gguf", dir);
    for (size_t i = 0; i < N_MIXES; i++) {
        make(i, path);
        for (enum wf_act act = WF_ACT_F32; act <= WF_ACT_Q8; act++) {
            struct loaded plain, packed;
            load(path, false, act, &plain);
            load(path, true, act, &packed);
            eval(&plain, 1, want);
            eval(&packed, TOKENS, got);
            double error = relative_error(got, want, sizeof(got) / sizeof(got[0]));
            if (!(error < (act == WF_ACT_F32 ? 1e-5 : 2e-2)))
                fail_msg("%s, activations %d: %g", mixes[i], (int)act, error);
            unload(&plain);
            unload(&packed);
        }
    }
}

/* The very same bits for a token that is written and for a piece that is read, alone, and together
 * with others. */
static void test_pack__others_change_no_bit(void **state)
{
    static const size_t n_ids[] = {1, 1, 9, 20};
    static float alone[4][VOCAB], together[4 * VOCAB];
    const char *dir = *state;
    int32_t ids[TOKENS];
    char path[512];

    for (size_t i = 0; i < TOKENS; i++)
        ids[i] = (int32_t)(i * 37 % VOCAB);
    (void)snprintf(path, sizeof(path), "%s/m.gguf", dir);
    for (size_t i = 0; i < N_MIXES; i++) {
        struct loaded l;
        make(i, path);
        load(path, true, WF_ACT_Q8, &l);
        for (int round = 0; round < 2; round++) {
            struct wf_batch_part parts[4];
            struct wf_seq seqs[4] = {0};
            for (size_t s = 0; s < 4; s++) {
                assert_int_equal(wf_seq_init(&seqs[s], wf_runner_kv(l.runner), NULL), 0);
                parts[s] = (struct wf_batch_part){
                    .seq = &seqs[s], .ids = ids + s, .n = n_ids[s], .n_logits = 1, .reads = s > 1};
            }
            for (size_t s = 0; s < 4 && round == 0; s++)
                assert_int_equal(wf_runner_eval(l.runner, &parts[s], 1, NULL, alone[s], NULL), 0);
            if (round == 1)
                assert_int_equal(wf_runner_eval(l.runner, parts, 4, NULL, together, NULL), 0);
            for (size_t s = 0; s < 4; s++)
                wf_seq_deinit(&seqs[s]);
        }
        assert_memory_equal(together, alone, sizeof(alone));
        unload(&l);
    }
}

/* Where every matrix is packed, all that is written goes together, however much. */
static void test_pack__all_tokens_are_alike(void **state)
{
    const char *dir = *state;
    struct loaded l;
    char path[512];

    if (wf_kern()->packed == NULL)
        skip();
    (void)snprintf(path, sizeof(path), "%s/m.gguf", dir);
    make(2, path);
    load(path, true, WF_ACT_Q8, &l);
    assert_int_equal(wf_runner_n_few(l.runner), SIZE_MAX);
    unload(&l);
    load(path, false, WF_ACT_Q8, &l);
    assert_true(wf_runner_n_few(l.runner) < SIZE_MAX);
    unload(&l);
}

/* Rows of floats that are no whole blocks of the packed type stay in the file. */
static void test_pack__odd_rows_stay_as_they_are(void **state)
{
    static float want[TOKENS * VOCAB], got[TOKENS * VOCAB];
    const char *dir = *state;
    struct loaded plain, packed;
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/m.gguf", dir);
    make_wide(N_MIXES - 2, 712, path);
    load(path, false, WF_ACT_Q8, &plain);
    load(path, true, WF_ACT_Q8, &packed);
    assert_int_equal(wf_runner_n_few(packed.runner), wf_runner_n_few(plain.runner));
    eval(&plain, 1, want);
    eval(&packed, 1, got);
    assert_true(relative_error(got, want, sizeof(got) / sizeof(got[0])) < 1e-5);
    unload(&plain);
    unload(&packed);
}

/* Without the memory for it a model is what the file is; without threads it is not packed. */
static void test_pack__survives_failing_allocations(void **state)
{
    static float want[TOKENS * VOCAB], got[TOKENS * VOCAB];
    const char *dir = *state;
    struct loaded l;
    char path[512];
    bool is_packed = false;
    size_t n_fine = 0; /* that were not packed, which was no error */

    if (wf_kern()->packed == NULL)
        skip();
    (void)snprintf(path, sizeof(path), "%s/m.gguf", dir);
    make(2, path);
    load(path, false, WF_ACT_Q8, &l);
    eval(&l, TOKENS, want);
    unload(&l);
    for (uint64_t n = 1; !is_packed; n++) {
        struct wf_runner_options o = {.n_threads = 2, .n_cache_tokens = 512, .act = WF_ACT_Q8};
        l = (struct loaded){0};
        assert_int_equal(wf_model_open(path, &l.model, NULL), 0);
        wf_alloc_fail_at(n);
        int rc = wf_model_pack(l.model, 2, NULL);
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || rc == WF_E_NOMEM);
        assert_int_equal(wf_runner_new(l.model, &o, &l.runner, NULL), 0);
        is_packed = wf_runner_n_few(l.runner) == SIZE_MAX;
        assert_true(rc == 0 || !is_packed);
        if (!is_packed) {
            n_fine += rc == 0;
            eval(&l, TOKENS, got);
            assert_memory_equal(got, want, sizeof(got));
        }
        unload(&l);
    }
    assert_int_equal(n_fine, 1);
}

static int set_up(void **state)
{
    static char dir[] = "/tmp/weft-pack-XXXXXX";

    *state = dir;
    return mkdtemp(dir) == NULL;
}

static int tear_down(void **state)
{
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/m.gguf", (const char *)*state);
    (void)unlink(path);
    return rmdir(*state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pack__says_what_the_file_says),
        cmocka_unit_test(test_pack__others_change_no_bit),
        cmocka_unit_test(test_pack__all_tokens_are_alike),
        cmocka_unit_test(test_pack__odd_rows_stay_as_they_are),
        cmocka_unit_test(test_pack__survives_failing_allocations),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
