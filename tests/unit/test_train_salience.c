/* SPDX-License-Identifier: Apache-2.0 */
/* Salience as a task: a network learns which sentences summaries are made of, and the figures
 * beside it are those of the first sentences and of the best ones. The texts are made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "os/file.h"
#include "train/bpe.h"
#include "train/shuffle.h"
#include "train/task_list.h"
#include "train/trainer.h"

static char folder[64];

static const char *const controls[] = {"<s>", "</s>", "<mask>", "<q>", "<p>"};

#define N_DOCS 80

static const char *const names[] = {"Ana", "Otto", "Mia", "Paul", "Sofia", "Ben", "Lea", "Tom"};
static const char *const things[] = {"boat", "lamp", "bread", "house", "garden", "train", "song"};
static const char *const verbs[] = {"sold", "kept", "moved", "painted", "lent", "closed"};

/* A talk in which what was decided is what is written down; it never comes first. */
static void make_doc(uint64_t i, struct wf_buf *out)
{
    uint64_t draw = wf_seed_mix(9, i);
    char what[2][80];

    for (size_t k = 0; k < 2; k++)
        (void)snprintf(what[k], sizeof(what[k]), "We decided: the %s of %s is %s.",
                       things[wf_draw_below(&draw, 7)], names[wf_draw_below(&draw, 8)],
                       verbs[wf_draw_below(&draw, 6)]);
    wf_buf_append_cstr(out, "{\"dialogue\": \"");
    for (size_t k = 0; k < 12; k++) {
        if (k == 4 || k == 9)
            wf_buf_appendf(out, "%s ", what[k == 9]);
        wf_buf_appendf(out, "Well, %s talked on and on of weather %u. ",
                       names[wf_draw_below(&draw, 8)], (unsigned)wf_draw_below(&draw, 1000));
    }
    wf_buf_appendf(out, "\", \"summary\": \"%s %s\"}\n", what[0], what[1]);
}

static void path_of(const char *name, char out[160])
{
    (void)snprintf(out, 160, "%s/%s", folder, name);
}

static int make_folder(void **state)
{
    const struct wf_bpe_options o = {
        .n_tokens = 400, .pre = "qwen2", .controls = controls, .n_controls = 5};
    struct wf_bpe *bpe = NULL;
    struct wf_buf text;
    char path[160];

    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/weft-salience-XXXXXX");
    assert_non_null(mkdtemp(folder));
    wf_buf_init(&text, 1u << 20);
    for (uint64_t i = 0; i < N_DOCS; i++)
        make_doc(i, &text);
    path_of("set.jsonl", path);
    assert_int_equal(wf_file_replace(path, text.ptr, text.len, 0600, NULL), 0);
    wf_buf_deinit(&text);
    assert_int_equal(wf_bpe_new(&o, &bpe, NULL), 0);
    assert_int_equal(wf_bpe_add(bpe,
                                WF_STR("We decided: the boat of Ana is sold. Well, Otto talked"),
                                100, NULL),
                     0);
    assert_int_equal(wf_bpe_train(bpe, NULL, NULL, NULL), 0);
    path_of("vocab.gguf", path);
    assert_int_equal(wf_bpe_write(bpe, "test", path, NULL), 0);
    wf_bpe_free(bpe);
    return 0;
}

static void remove_out(void)
{
    static const char *const files[] = {"out/checkpoint",  "out/checkpoint.previous",
                                        "out/lock",        "out/figures.csv",
                                        "out/report.html", "out/experiment.conf"};
    char path[160];

    for (size_t i = 0; i < WF_ARRAY_LEN(files); i++) {
        path_of(files[i], path);
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
    path_of("set.jsonl", path);
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
                   "micro_tokens = 512\ntext_tokens = 128\nsteps = 120\nrate = 1e-2\n"
                   "warmup_steps = 10\nevaluate_steps = 120\n"
                   "[task salience]\n%s\n",
                   folder, folder, keys);
    assert_int_equal(wf_conf_parse(wf_str_from(text), "x.conf", out_conf, NULL), 0);
    return wf_trainer_open(*out_conf, &o, out, err);
}

static double last[3];

static void on_measured(void *ud, uint64_t step, const char *task, const struct wf_task_figure *f,
                        const double *values)
{
    (void)ud;
    (void)step;
    assert_string_equal(task, "salience");
    assert_string_equal(f[2].name, "best_rouge1");
    memcpy(last, values, sizeof(last));
}

static void test_train_salience__a_network_learns_what_is_written_down(void **state)
{
    struct wf_trainer_events e = {.measured = on_measured};
    struct wf_conf *c = NULL;
    struct wf_trainer *t = NULL;
    struct wf_err err = WF_ERR_INIT;
    bool is_done = false;

    (void)state;
    if (open_trainer("window = 96\nsources = set.jsonl 100", &c, &t, &err) != 0)
        fail_msg("%s", err.msg);
    assert_int_equal(wf_trainer_run(t, &e, &is_done, &err), 0);
    assert_true(is_done);
    assert_true(last[2] > 99); /* the summary is made of whole sentences */
    assert_true(last[1] < 40); /* and not of the first ones */
    assert_true(last[0] > 85);
    wf_trainer_close(t);
    wf_conf_free(c);
}

static void test_train_salience__sources_that_are_none_are_refused(void **state)
{
    static const struct {
        const char *keys, *says;
    } rows[] = {
        {"sources = set.jsonl", "is no source"},
        {"sources = set.jsonl x", "is no source"},
        {"sources = vocab.gguf 100", "vocab.gguf"},
        {"sources = ;", "no text to train on"},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_conf *c = NULL;
        struct wf_trainer *t = NULL;
        assert_int_not_equal(open_trainer(rows[i].keys, &c, &t, &err), 0);
        assert_non_null(strstr(err.msg, rows[i].says));
        wf_conf_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_salience__a_network_learns_what_is_written_down),
        cmocka_unit_test(test_train_salience__sources_that_are_none_are_refused),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
