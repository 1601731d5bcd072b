/* SPDX-License-Identifier: Apache-2.0 */
/* On battery a runner comes to use fewer threads, whatever it tries on the way gives the same bits,
 * and with a fixed number nothing is tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "model/synth.h"
#include "model/transformer.h"
#include "os/power.h"

#define N_THREADS 4
#define VOCAB 512
#define LENGTH 32
#define S 1000000000

static char root[] = "/tmp/weft-test-XXXXXX";
static struct wf_model *model;

static void path_of(char path[256], const char *name)
{
    (void)snprintf(path, 256, "%s/%s", root, name);
}

static void put(const char *name, const char *text)
{
    char path[256];
    FILE *f;

    path_of(path, name);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int make_tree(void **state)
{
    static const char *const dirs[] = {"class", "class/power_supply", "class/power_supply/BAT0"};
    const struct wf_synth_shape shape = {"small", "llama", 2,          256,      768,  8,
                                         4,       VOCAB,   LENGTH * 2, 10000.0f, true, false};
    char path[256];

    (void)state;
    assert_non_null(mkdtemp(root));
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        path_of(path, dirs[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    put("class/power_supply/BAT0/type", "Battery\n");
    put("class/power_supply/BAT0/capacity", "80\n");
    put("class/power_supply/BAT0/status", "Discharging\n");
    path_of(path, "model.gguf");
    assert_int_equal(wf_synth(&shape, wf_mix_by_name("Q4_K_M"), 7, path, NULL, NULL), 0);
    assert_int_equal(wf_model_open(path, &model, NULL), 0);
    return 0;
}

static int remove_tree(void **state)
{
    static const char *const names[] = {"model.gguf",
                                        "class/power_supply/BAT0/type",
                                        "class/power_supply/BAT0/capacity",
                                        "class/power_supply/BAT0/status",
                                        "class/power_supply/BAT0",
                                        "class/power_supply",
                                        "class"};
    char path[256];

    (void)state;
    wf_model_close(model);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        path_of(path, names[i]);
        (void)remove(path);
    }
    return rmdir(root);
}

static struct wf_runner *runner(const struct wf_power *power, bool is_fixed)
{
    const struct wf_runner_options o = {.n_threads = N_THREADS,
                                        .n_batch = LENGTH,
                                        .kv = WF_KV_F16,
                                        .act = WF_ACT_Q8,
                                        .power = power,
                                        .is_fixed = is_fixed};
    struct wf_runner *r = NULL;

    assert_int_equal(wf_runner_new(model, &o, &r, NULL), 0);
    return r;
}

/* The logits behind each token of a text that is written, out [LENGTH, VOCAB]. */
static void write_text(struct wf_runner *r, float *out)
{
    struct wf_seq seq;

    assert_int_equal(wf_seq_init(&seq, wf_runner_kv(r), NULL), 0);
    for (size_t i = 0; i < LENGTH; i++) {
        int32_t id = (int32_t)(i * 37 % VOCAB);
        struct wf_batch_part part = {.seq = &seq, .ids = &id, .n = 1, .n_logits = 1};
        assert_int_equal(wf_runner_eval(r, &part, 1, NULL, out + i * VOCAB, NULL), 0);
    }
    wf_seq_deinit(&seq);
}

static void test_transformer_gang__on_battery_fewer_threads_write_the_same(void **state)
{
    size_t n = (size_t)LENGTH * VOCAB;
    float *expected = wf_alloc_array(n, sizeof(float)), *got = wf_alloc_array(n, sizeof(float));
    struct wf_runner *fixed, *on_battery;
    struct wf_power *power = NULL;
    int64_t until;

    (void)state;
    assert_non_null(expected);
    assert_non_null(got);
    assert_int_equal(wf_power_open(root, &power, NULL), 0);
    fixed = runner(power, true);
    on_battery = runner(power, false);
    write_text(fixed, expected);
    assert_int_equal(wf_runner_n_working(on_battery, 1), N_THREADS);
    until = wf_clock_mono_ns(NULL) + (int64_t)60 * S; /* less than one, where nothing disturbs */
    while (wf_runner_n_working(on_battery, 1) == N_THREADS && wf_clock_mono_ns(NULL) < until) {
        write_text(on_battery, got);
        assert_memory_equal(got, expected, n * sizeof(float));
    }
    assert_true(wf_runner_n_working(on_battery, 1) < N_THREADS);
    assert_int_equal(wf_runner_n_working(on_battery, LENGTH), N_THREADS); /* no prompt was read */
    write_text(on_battery, got);
    assert_memory_equal(got, expected, n * sizeof(float));
    wf_runner_free(fixed);
    wf_runner_free(on_battery);
    wf_power_close(power);
    wf_free(expected);
    wf_free(got);
}

static void test_transformer_gang__a_fixed_number_stays(void **state)
{
    float *got = wf_alloc_array((size_t)LENGTH * VOCAB, sizeof(float));
    struct wf_power *power = NULL;
    struct wf_runner *r;
    int64_t until = wf_clock_mono_ns(NULL) + S;

    (void)state;
    assert_non_null(got);
    assert_int_equal(wf_power_open(root, &power, NULL), 0);
    r = runner(power, true);
    while (wf_clock_mono_ns(NULL) < until) {
        write_text(r, got);
        assert_int_equal(wf_runner_n_working(r, 1), N_THREADS);
    }
    wf_runner_free(r);
    wf_power_close(power);
    wf_free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transformer_gang__on_battery_fewer_threads_write_the_same),
        cmocka_unit_test(test_transformer_gang__a_fixed_number_stays),
    };

    return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
