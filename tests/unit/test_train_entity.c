/* SPDX-License-Identifier: Apache-2.0 */
/* Entities as a task: what is read out of the sets, what is kept aside, that a network learns them;
 * and the items that tasks are made of. The texts are made here. */
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
#include "train/items.h"
#include "train/loss.h"
#include "train/shuffle.h"
#include "train/task_list.h"
#include "train/trainer.h"

#define N_TEXTS 300

static char folder[64];

static const char *const controls[] = {"<s>", "</s>", "<mask>", "<q>", "<p>"};
static const char *const people[] = {"Ana Silva", "John Reed", "Mia", "Otto Lang"};
static const char *const places[] = {"Porto", "New York", "Oslo", "Bad Ems"};
static const char *const plain[] = {"the boat", "a long walk", "some bread", "old news"};

static void put_words(struct wf_buf *out, const char *words, const char *type)
{
    bool begins = true;

    while (*words != 0) {
        size_t n = strcspn(words, " ");
        if (type == NULL)
            wf_buf_appendf(out, "%.*s\tO\n", (int)n, words);
        else
            wf_buf_appendf(out, "%.*s\t%c-%s\n", (int)n, words, begins ? 'B' : 'I', type);
        begins = false;
        words += n + (words[n] == ' ');
    }
}

static void make_sentence(uint64_t i, struct wf_buf *out)
{
    uint64_t draw = wf_seed_mix(5, i);
    char number[24];

    put_words(out, people[wf_draw_below(&draw, 4)], "person");
    put_words(out, "saw", NULL);
    put_words(out, plain[wf_draw_below(&draw, 4)], NULL);
    put_words(out, "in", NULL);
    put_words(out, places[wf_draw_below(&draw, 4)], "location");
    (void)snprintf(number, sizeof(number), "%u", (unsigned)i);
    put_words(out, number, NULL);
    wf_buf_append_cstr(out, "\n");
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
    (void)snprintf(folder, sizeof(folder), "/tmp/weft-entity-XXXXXX");
    assert_non_null(mkdtemp(folder));
    wf_buf_init(&text, 1u << 20);
    for (uint64_t i = 0; i < N_TEXTS; i++)
        make_sentence(i, &text);
    path_of("set.conll", path);
    assert_int_equal(wf_file_replace(path, text.ptr, text.len, 0600, NULL), 0);
    assert_int_equal(wf_bpe_new(&o, &bpe, NULL), 0);
    assert_int_equal(wf_bpe_add(bpe, wf_buf_str(&text), 100, NULL), 0);
    assert_int_equal(wf_bpe_train(bpe, NULL, NULL, NULL), 0);
    path_of("vocab.gguf", path);
    assert_int_equal(wf_bpe_write(bpe, "test", path, NULL), 0);
    wf_bpe_free(bpe);
    wf_buf_deinit(&text);
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {
        "set.conll", "vocab.gguf",      "out/checkpoint",  "out/checkpoint.previous",
        "out/lock",  "out/figures.csv", "out/report.html", "out/experiment.conf"};
    char path[160];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        path_of(names[i], path);
        (void)unlink(path);
    }
    path_of("out", path);
    (void)rmdir(path);
    return rmdir(folder);
}

static int open_trainer(const char *sources, struct wf_conf **out_conf, struct wf_trainer **out,
                        struct wf_err *err)
{
    struct wf_trainer_options o = {.n_threads = 1, .data_dir = folder};
    char text[1024];

    (void)snprintf(text, sizeof(text),
                   "[model]\nfamily = lens\nlayers = 1\nwidth = 32\nheads = 2\nff = 64\n"
                   "[train]\nwork = %s\nvocab = vocab.gguf\nout = %s/out\nbatch_tokens = 512\n"
                   "micro_tokens = 512\ntext_tokens = 64\nsteps = 120\nrate = 1e-2\n"
                   "warmup_steps = 10\nevaluate_steps = 120\n"
                   "[task entity]\nsources = %s\nlower = 0\n",
                   folder, folder, sources);
    assert_int_equal(wf_conf_parse(wf_str_from(text), "x.conf", out_conf, NULL), 0);
    return wf_trainer_open(*out_conf, &o, out, err);
}

static double last_f1, last_noisy;

static void on_measured(void *ud, uint64_t step, const char *task, const struct wf_task_figure *f,
                        const double *values)
{
    (void)ud;
    (void)step;
    assert_string_equal(task, "entity");
    assert_string_equal(f[0].name, "f1");
    last_f1 = values[0];
    last_noisy = values[3];
}

static void test_train_entity__a_network_learns_them(void **state)
{
    struct wf_trainer_events e = {.measured = on_measured};
    struct wf_conf *c = NULL;
    struct wf_trainer *t = NULL;
    struct wf_err err = WF_ERR_INIT;
    bool is_done = false;

    (void)state;
    assert_int_equal(open_trainer("set.conll conll wnut 100 noisy", &c, &t, &err), 0);
    assert_int_equal(wf_trainer_run(t, &e, &is_done, &err), 0);
    assert_true(is_done);
    wf_trainer_close(t);
    wf_conf_free(c);
    assert_true(last_f1 > 90); /* without learning it is near 0 */
    assert_true(last_noisy > 90);
}

static void test_train_entity__sources_that_are_none_are_refused(void **state)
{
    static const char *const wrong[] = {"set.conll conll wnut 100", "set.conll words wnut 100 dev",
                                        "set.conll conll all 100 dev", "set.conll conll wnut x dev",
                                        "set.conll conll wnut 100 test"};
    struct wf_conf *c = NULL;
    struct wf_trainer *t = NULL;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(wrong); i++) {
        struct wf_err err = WF_ERR_INIT;
        assert_int_equal(open_trainer(wrong[i], &c, &t, &err), WF_E_FORMAT);
        assert_non_null(strstr(err.msg, "is no source"));
        wf_conf_free(c);
    }
    struct wf_err err = WF_ERR_INIT;
    assert_int_equal(open_trainer("nothing.conll conll wnut 100 train", &c, &t, &err), WF_E_NOENT);
    wf_conf_free(c);
    assert_int_equal(open_trainer("set.conll conll wnut 100 dev", &c, &t, &err), WF_E_FORMAT);
    assert_non_null(strstr(err.msg, "no text to train on"));
    wf_conf_free(c);
}

/* ---- items ---- */

#define N_ITEMS 40

/* Item i is two texts: i + 1 times the id i, and its number alone. */
static struct wf_items *make_items(const struct wf_task_place *p, double weight)
{
    struct wf_items *t = NULL;

    assert_int_equal(wf_items_new(p, &t, NULL), 0);
    for (int32_t i = 0; i < N_ITEMS; i++) {
        int32_t ids[N_ITEMS];
        for (int32_t k = 0; k <= i; k++)
            ids[k] = i;
        const struct wf_item_text texts[] = {{ids, (size_t)i + 1}, {&i, 1}};
        assert_int_equal(wf_items_add(t, i % 10 == 9, weight, texts, 2, NULL), 0);
    }
    return t;
}

static void check_batch(const struct wf_items_batch *b, const struct wf_task_place *p)
{
    assert_true(b->net.starts[b->net.n_texts] <= p->n_tokens_max);
    assert_int_equal(b->firsts[b->n_items], b->net.n_texts);
    for (size_t k = 0; k < b->n_items; k++) {
        uint32_t text = b->firsts[k], at = b->net.starts[text];
        int32_t id = b->net.ids[at];
        assert_int_equal(b->firsts[k + 1] - text, 2);
        assert_int_equal(b->net.starts[text + 1] - at, id + 1);
        assert_int_equal(b->net.ids[b->net.starts[text + 1]], id);
    }
}

static void test_train_items__each_comes_once_a_pass(void **state)
{
    const struct wf_task_place p = {.n_tokens_max = 60, .seed = 3, .n_ranks = 1};
    struct wf_items *t = make_items(&p, 1);
    struct wf_task_position at = {0};
    unsigned seen[N_ITEMS] = {0};
    struct wf_items_batch b;

    (void)state;
    assert_int_equal(wf_items_n(t, false), 36);
    assert_int_equal(wf_items_n(t, true), 4);
    assert_int_equal(wf_items_epoch_tokens(t), wf_items_n_tokens(t, false));
    for (size_t n = 0; n < 36;) {
        assert_int_equal(wf_items_next(t, &at, 5, &b, NULL), 0);
        assert_true(b.n_items >= 1 && b.n_items <= 5);
        check_batch(&b, &p);
        for (size_t k = 0; k < b.n_items && n < 36; k++, n++)
            seen[b.items[k]]++;
    }
    for (size_t i = 0; i < 36; i++)
        assert_int_equal(seen[i], 1);
    for (size_t i = 0, n = 0; i < 4; n++) {
        wf_items_in_order(t, true, &i, 0, &b);
        check_batch(&b, &p);
        assert_true(b.n_items > 0 && n < 4);
    }
    wf_items_free(t);
}

/* Half the weight: about half of them in each pass, and not the same ones. */
static void test_train_items__weights_are_how_often(void **state)
{
    const struct wf_task_place p = {.n_tokens_max = 60, .seed = 3, .n_ranks = 1};
    struct wf_items *t = make_items(&p, 0.5);
    struct wf_task_position at = {0};
    unsigned seen[N_ITEMS] = {0}, total = 0;
    struct wf_items_batch b;

    (void)state;
    while (at.epoch < 40) {
        assert_int_equal(wf_items_next(t, &at, 1, &b, NULL), 0);
        seen[b.items[0]]++;
        total++;
    }
    assert_true(total > 40 * 36 / 2 - 120 && total < 40 * 36 / 2 + 120);
    for (size_t i = 0; i < 36; i++)
        assert_true(seen[i] > 5 && seen[i] < 35);
    wf_items_free(t);
}

static void test_train_items__going_on_is_the_same(void **state)
{
    const struct wf_task_place p = {.n_tokens_max = 60, .seed = 9, .n_ranks = 1};
    struct wf_items *a = make_items(&p, 1), *b = make_items(&p, 1);
    struct wf_task_position at = {0}, later;
    struct wf_items_batch x, y;
    const int32_t id = 1;

    (void)state;
    for (size_t i = 0; i < 30; i++)
        assert_int_equal(wf_items_next(a, &at, 0, &x, NULL), 0);
    later = at;
    assert_int_equal(wf_items_next(a, &at, 0, &x, NULL), 0);
    assert_int_equal(wf_items_next(b, &later, 0, &y, NULL), 0);
    assert_int_equal(x.n_items, y.n_items);
    assert_memory_equal(x.items, y.items, x.n_items * sizeof(*x.items));
    assert_int_equal(wf_items_add(a, false, 1, &(struct wf_item_text){&id, 61}, 1, NULL),
                     WF_E_LIMIT);
    wf_items_free(a);
    wf_items_free(b);
}

static void test_train_items__memory_runs_out(void **state)
{
    const struct wf_task_place p = {.n_tokens_max = 60, .seed = 9, .n_ranks = 1};
    uint64_t before = wf_alloc_stats().n_live;

    (void)state;
    for (uint64_t i = 1;; i++) {
        struct wf_items *t = NULL;
        struct wf_task_position at = {0};
        struct wf_items_batch b;
        const int32_t id = 1;
        wf_alloc_fail_at(i);
        int rc = wf_items_new(&p, &t, NULL);
        if (rc == 0)
            rc = wf_items_add(t, false, 1, &(struct wf_item_text){&id, 1}, 1, NULL);
        if (rc == 0)
            rc = wf_items_next(t, &at, 1, &b, NULL);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        wf_items_free(t);
        assert_int_equal(wf_alloc_stats().n_live, before);
        if (!failed) {
            assert_int_equal(rc, 0);
            assert_true(i > 8);
            return;
        }
        assert_int_equal(rc, WF_E_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_entity__a_network_learns_them),
        cmocka_unit_test(test_train_entity__sources_that_are_none_are_refused),
        cmocka_unit_test(test_train_items__each_comes_once_a_pass),
        cmocka_unit_test(test_train_items__weights_are_how_often),
        cmocka_unit_test(test_train_items__going_on_is_the_same),
        cmocka_unit_test(test_train_items__memory_runs_out),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
