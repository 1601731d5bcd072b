/* SPDX-License-Identifier: Apache-2.0 */
/* Intents as a task: a network learns labels, slots and what is out of scope; sources that are
 * none; templates. The texts are made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "os/file.h"
#include "train/bpe.h"
#include "train/shuffle.h"
#include "train/task_list.h"
#include "train/templates.h"
#include "train/trainer.h"

static char folder[64];

static const char *const controls[] = {"<s>", "</s>", "<mask>", "<q>", "<p>"};

static const char templates[] =
    "# made up\n"
    "@what: milk | two eggs | bread and butter | a lamp\n"
    "@when: today | on Friday | next week\n"
    "@when/de: heute | am Freitag\n"
    "@filler: now | please | soon\n"
    "[buy]\n"
    "buy {what} {_filler} {when}\nget {what} {_filler}\nwe (need|lack) {what}\n"
    "order {what} {when}\nfetch {what} {_filler} {when}\nbring {what}\n"
    "/de\n"
    "kaufe {what} {when}\nhole {what} {when}\nbestelle {what}\n"
    "[call]\n"
    "call Ana {when}\nring her {when} {_filler}\nphone Otto {_filler}\n"
    "call {_filler} Mia {when}\nring him {_filler}\nphone her {when}\n"
    "/de\n"
    "rufe Ana an {when}\n"
    "[oos]\n"
    "the sea is {_filler} blue\nold songs are {_filler} long\nwhy is snow white {when}\n"
    "who won {_filler}\nbirds sing {_filler}\nthe moon is {_filler} full\n";

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
    (void)snprintf(folder, sizeof(folder), "/tmp/weft-intent-XXXXXX");
    assert_non_null(mkdtemp(folder));
    path_of("set.txt", path);
    assert_int_equal(wf_file_replace(path, templates, strlen(templates), 0600, NULL), 0);
    assert_int_equal(wf_bpe_new(&o, &bpe, NULL), 0);
    assert_int_equal(wf_bpe_add(bpe, WF_STR("buy milk call Ana on Friday two eggs"), 100, NULL), 0);
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
                   "micro_tokens = 512\ntext_tokens = 64\nsteps = 80\nrate = 1e-2\n"
                   "warmup_steps = 10\nevaluate_steps = 80\n"
                   "[task intent test]\n%s\n",
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
    assert_string_equal(task, "test");
    assert_string_equal(f[0].name, "accuracy");
    memcpy(last, values, 5 * sizeof(*last));
}

static void run(const char *keys)
{
    struct wf_trainer_events e = {.measured = on_measured};
    struct wf_conf *c = NULL;
    struct wf_trainer *t = NULL;
    struct wf_err err = WF_ERR_INIT;
    bool is_done = false;

    memset(last, 0, sizeof(last));
    if (open_trainer(keys, &c, &t, &err) != 0)
        fail_msg("%s", err.msg);
    assert_int_equal(wf_trainer_run(t, &e, &is_done, &err), 0);
    assert_true(is_done);
    wf_trainer_close(t);
    wf_conf_free(c);
}

/* With the same sentences aside as to train on: that it learns is what is asked here. */
static void test_train_intent__a_network_learns_labels_and_slots(void **state)
{
    (void)state;
    run("slots = yes\nrecall = 0.8\n"
        "sources = set.txt templates 100 train; set.txt templates 0 tune");
    assert_true(last[0] > 80); /* of three labels */
    assert_true(last[1] > 70);
    assert_true(last[2] >= last[0]);
    assert_true(last[3] > 80);
}

static void test_train_intent__sources_that_are_none_are_refused(void **state)
{
    static const char *const wrong[] = {"set.txt templates 100", "set.txt words 100 train",
                                        "set.txt templates x train", "set.txt templates 1 test"};
    struct wf_conf *c = NULL;
    struct wf_trainer *t = NULL;
    char keys[160];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(wrong); i++) {
        struct wf_err err = WF_ERR_INIT;
        (void)snprintf(keys, sizeof(keys), "sources = %s", wrong[i]);
        assert_int_equal(open_trainer(keys, &c, &t, &err), WF_E_FORMAT);
        assert_non_null(strstr(err.msg, "is no source"));
        wf_conf_free(c);
    }
    struct wf_err err = WF_ERR_INIT;
    assert_int_equal(open_trainer("sources = set.txt templates 0 tune", &c, &t, &err), WF_E_FORMAT);
    wf_conf_free(c);
}

/* ---- templates ---- */

static struct wf_templates *parse(const char *text)
{
    struct wf_templates *t = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_templates_parse(wf_str_from(text), "x", &t, &err) != 0)
        fail_msg("%s", err.msg);
    return t;
}

static void test_templates__are_filled(void **state)
{
    struct wf_templates *t = parse("@who: Ana\n@who/de: Otto | Otto\n@kind: new\n[a, b]\n"
                                   "(|) call {who} or {x:who} {_kind}!\n/de\nrufe (den {who}|) an");
    struct wf_data_request q;
    bool seen[2] = {false, false};

    (void)state;
    assert_int_equal(wf_templates_n(t), 2);
    assert_true(wf_str_eq(wf_templates_language(t, 1), WF_STR("de")));
    assert_true(wf_str_eq(wf_templates_labels(t, 1), WF_STR("a, b")));
    assert_int_equal(wf_templates_make(t, 0, 1, &q, NULL), 0);
    assert_true(wf_str_eq(q.text, WF_STR(" call Ana or Ana new!")));
    assert_int_equal(q.n_intents, 2);
    assert_true(wf_str_eq(q.intents[1], WF_STR("b")));
    assert_int_equal(q.n_slots, 2);
    assert_true(wf_str_eq(q.slots[1].name, WF_STR("x")));
    assert_int_equal(q.slots[1].from, 13);
    assert_int_equal(q.slots[1].to, 16);
    for (uint64_t seed = 0; seed < 40; seed++) {
        assert_int_equal(wf_templates_make(t, 1, seed, &q, NULL), 0);
        seen[0] = seen[0] || wf_str_eq(q.text, WF_STR("rufe den Otto an"));
        seen[1] = seen[1] || wf_str_eq(q.text, WF_STR("rufe  an"));
        assert_int_equal(q.n_slots, q.text.len > 10);
    }
    assert_true(seen[0] && seen[1]);
    wf_templates_free(t);
}

static void test_templates__what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "no templates"},           {"hello", "x:1: a template without a label"},
        {"\n[a\nb", "x:2: a label"},    {"[a]\nb {c", "x:2: a { without"},
        {"[a]\nb (c", "x:2: a ( "},     {"[a]\n\nb {c}", "x:3: a hole that no list"},
        {"@c b\n", "x:1: a list with"}, {"@c:\n[a]\n{c}", "x:1: an empty list"},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_templates *t = NULL;
        struct wf_err err = WF_ERR_INIT;
        assert_int_equal(wf_templates_parse(wf_str_from(rows[i].text), "x", &t, &err), WF_E_FORMAT);
        assert_non_null(strstr(err.msg, rows[i].says));
    }
}

static void test_templates__memory_runs_out(void **state)
{
    uint64_t before = wf_alloc_stats().n_live;

    (void)state;
    for (uint64_t i = 1;; i++) {
        struct wf_templates *t = NULL;
        struct wf_data_request q;
        wf_alloc_fail_at(i);
        int rc = wf_templates_parse(WF_STR("@c: d\n[a]\n{c}"), "x", &t, NULL);
        if (rc == 0)
            rc = wf_templates_make(t, 0, 1, &q, NULL);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        wf_templates_free(t);
        assert_int_equal(wf_alloc_stats().n_live, before);
        if (!failed) {
            assert_int_equal(rc, 0);
            assert_true(i > 4);
            return;
        }
        assert_int_equal(rc, WF_E_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_intent__a_network_learns_labels_and_slots),
        cmocka_unit_test(test_train_intent__sources_that_are_none_are_refused),
        cmocka_unit_test(test_templates__are_filled),
        cmocka_unit_test(test_templates__what_is_wrong_is_named),
        cmocka_unit_test(test_templates__memory_runs_out),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
