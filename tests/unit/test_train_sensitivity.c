/* SPDX-License-Identifier: Apache-2.0 */
/* Sensitivity as a task: a network learns several labels at once from templates, thresholds come of
 * it, and rules with keywords are measured beside. The texts are made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/file.h"
#include "train/bpe.h"
#include "train/shuffle.h"
#include "train/task_list.h"
#include "train/trainer.h"

static char folder[64];

static const char *const controls[] = {"<s>", "</s>", "<mask>", "<q>", "<p>"};

static const char templates[] = "@keywords_red: fire | blood\n"
                                "@keywords_cold: ice\n"
                                "@thing: a lamp | the boat | two eggs | bread\n"
                                "@red: fire | blood | a rose | wine\n"
                                "@cold: ice | snow | frost\n"
                                "[red]\n{thing} and {red}\n"
                                "{red} near {thing}\n"
                                "we saw {red} by {thing}\n"
                                "{red} again\n"
                                "more {red}\n"
                                "{red}, {thing}\n"
                                "she sang of {red}\n"
                                "no {red} here\n"
                                "{thing} has {red}\n"
                                "old {red}\n"
                                "{red} on Monday\n"
                                "a song of {red}\n"
                                "{thing} or {red}\n"
                                "is it {red}\n"
                                "{red} was there\n"
                                "they like {red}\n"
                                "[cold]\n{thing} and {cold}\n"
                                "{cold} near {thing}\n"
                                "we saw {cold} by {thing}\n"
                                "{cold} again\n"
                                "more {cold}\n"
                                "{cold}, {thing}\n"
                                "she sang of {cold}\n"
                                "no {cold} here\n"
                                "{thing} has {cold}\n"
                                "old {cold}\n"
                                "{cold} on Monday\n"
                                "a song of {cold}\n"
                                "{thing} or {cold}\n"
                                "is it {cold}\n"
                                "{cold} was there\n"
                                "they like {cold}\n"
                                "[red, cold]\n{thing} and {red} with {cold}\n"
                                "{red} with {cold} near {thing}\n"
                                "we saw {red} with {cold} by {thing}\n"
                                "{red} with {cold} again\n"
                                "more {red} with {cold}\n"
                                "{red} with {cold}, {thing}\n"
                                "she sang of {red} with {cold}\n"
                                "no {red} with {cold} here\n"
                                "{thing} has {red} with {cold}\n"
                                "old {red} with {cold}\n"
                                "{red} with {cold} on Monday\n"
                                "a song of {red} with {cold}\n"
                                "{thing} or {red} with {cold}\n"
                                "is it {red} with {cold}\n"
                                "{red} with {cold} was there\n"
                                "they like {red} with {cold}\n"
                                "[none]\n{thing} and {thing}\n"
                                "{thing} near {thing}\n"
                                "we saw {thing} by {thing}\n"
                                "{thing} again\n"
                                "more {thing}\n"
                                "{thing}, {thing}\n"
                                "she sang of {thing}\n"
                                "no {thing} here\n"
                                "{thing} has {thing}\n"
                                "old {thing}\n"
                                "{thing} on Monday\n"
                                "a song of {thing}\n"
                                "{thing} or {thing}\n"
                                "is it {thing}\n"
                                "{thing} was there\n"
                                "they like {thing}\n";

static void path_of(const char *name, char out[160])
{
    (void)snprintf(out, 160, "%s/%s", folder, name);
}

static int make_folder(void **state)
{
    const struct wf_bpe_options o = {
        .n_tokens = 400, .pre = "qwen2", .controls = controls, .n_controls = 5};
    struct wf_bpe *bpe = NULL;
    char path[160];

    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/weft-sense-XXXXXX");
    assert_non_null(mkdtemp(folder));
    path_of("set.txt", path);
    assert_int_equal(wf_file_replace(path, templates, strlen(templates), 0600, NULL), 0);
    assert_int_equal(wf_bpe_new(&o, &bpe, NULL), 0);
    assert_int_equal(wf_bpe_add(bpe, WF_STR("fire and ice by the boat, snow again"), 100, NULL), 0);
    assert_int_equal(wf_bpe_train(bpe, NULL, NULL, NULL), 0);
    path_of("vocab.gguf", path);
    assert_int_equal(wf_bpe_write(bpe, "test", path, NULL), 0);
    wf_bpe_free(bpe);
    return 0;
}

static void remove_out(void)
{
    static const char *const names[] = {"out/checkpoint",  "out/checkpoint.previous",
                                        "out/lock",        "out/figures.csv",
                                        "out/report.html", "out/experiment.conf"};
    char path[160];

    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        path_of(names[i], path);
        (void)unlink(path);
    }
    path_of("out", path);
    (void)rmdir(path);
}

static int remove_folder(void **state)
{
    char path[160];

    (void)state;
    remove_out();
    path_of("set.txt", path);
    (void)unlink(path);
    path_of("vocab.gguf", path);
    (void)unlink(path);
    return rmdir(folder);
}

static int open_trainer(const char *keys, struct wf_conf **out_conf, struct wf_trainer **out,
                        struct wf_err *err)
{
    struct wf_trainer_options o = {.n_threads = 1, .data_dir = folder};
    char text[1024];

    remove_out();
    (void)snprintf(text, sizeof(text),
                   "[model]\nfamily = lens\nlayers = 1\nwidth = 32\nheads = 2\nff = 64\n"
                   "[train]\nwork = %s\nvocab = vocab.gguf\nout = %s/out\nbatch_tokens = 512\n"
                   "micro_tokens = 512\ntext_tokens = 64\nsteps = 120\nrate = 1e-2\n"
                   "warmup_steps = 10\nevaluate_steps = 120\n"
                   "[task sensitivity]\n%s\n",
                   folder, folder, keys);
    assert_int_equal(wf_conf_parse(wf_str_from(text), "x.conf", out_conf, NULL), 0);
    return wf_trainer_open(*out_conf, &o, out, err);
}

static double last[8];

static void on_measured(void *ud, uint64_t step, const char *task, const struct wf_task_figure *f,
                        const double *values)
{
    (void)ud;
    (void)step;
    assert_string_equal(task, "sensitivity");
    assert_string_equal(f[4].name, "keyword_f1");
    memcpy(last, values, 6 * sizeof(*last));
}

static void test_train_sensitivity__a_network_learns_several_labels(void **state)
{
    struct wf_trainer_events e = {.measured = on_measured};
    struct wf_conf *c = NULL;
    struct wf_trainer *t = NULL;
    struct wf_err err = WF_ERR_INIT;
    const struct wf_net_tensor *thresholds;
    bool is_done = false;
    char keys[400];

    (void)state;
    (void)snprintf(keys, sizeof(keys),
                   "labels = red, cold\nrecall = 0.85\npositive = 1\nkeywords = %s/set.txt\n"
                   "sources = set.txt templates none 100 1",
                   folder);
    if (open_trainer(keys, &c, &t, &err) != 0)
        fail_msg("%s", err.msg);
    assert_int_equal(wf_trainer_run(t, &e, &is_done, &err), 0);
    assert_true(is_done);
    assert_true(last[0] > 74); /* saying both labels of everything: 67 */
    assert_true(last[1] > 80);
    assert_true(last[4] > 0 && last[4] < 80); /* the words miss most of it */
    thresholds = wf_net_find(wf_trainer_net(t), "lens.sensitivity.thresholds");
    assert_non_null(thresholds);
    for (size_t i = 0; i < 2; i++) {
        float x = wf_net_values(wf_trainer_net(t))[thresholds->offset + i];
        assert_true(x >= 0.02f && x < 1.0f);
    }
    wf_trainer_close(t);
    wf_conf_free(c);
}

static void test_train_sensitivity__sources_that_are_none_are_refused(void **state)
{
    static const struct {
        const char *keys, *says;
    } rows[] = {
        {"labels = red, cold\nsources = set.txt templates none 100", "is no source"},
        {"labels = red, cold\nsources = set.txt words none 100 1", "is no form"},
        {"labels = red, cold\nsources = set.txt templates blue 100 1", "none of the labels"},
        {"labels = red\nsources = set.txt templates none 100 1", "none of the labels"},
        {"labels = red,,cold\nsources = set.txt templates none 100 1", "1 to"},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_conf *c = NULL;
        struct wf_trainer *t = NULL;
        assert_int_equal(open_trainer(rows[i].keys, &c, &t, &err), WF_E_FORMAT);
        assert_non_null(strstr(err.msg, rows[i].says));
        wf_conf_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_sensitivity__a_network_learns_several_labels),
        cmocka_unit_test(test_train_sensitivity__sources_that_are_none_are_refused),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
