/* SPDX-License-Identifier: Apache-2.0 */
/* Hidden words: which texts come in which order, what is asked for, that a network learns it. The
 * texts are made here, the vocabulary out of them. */
#include <math.h>
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
#include "train/corpus_shards.h"
#include "train/shuffle.h"
#include "train/task.h"
#include "train/trainer.h"
#include "train/words.h"

#define N_TEXTS 400
#define WINDOW 16 /* with <s> */
#define BATCH 96

static char folder[64], list_path[96], vocab_path[96], shards[96], settings_of_mlm[2200];
static struct wf_gguf *gguf;
static struct wf_vocab *vocab;
static struct wf_params params = {.dim = 32};

static const char *const controls[] = {"<s>", "</s>", "<mask>", "<q>", "<p>"};
static const char *const first[] = {"red", "green", "blue", "white"};
static const char *const second[] = {"house", "tree", "river", "stone"};
static const char *const third[] = {"north", "south", "east", "west"};

/* Sentences whose second and third word follow from the first, so that there is something to
 * learn; every eighth text is long. */
static void make_text(uint64_t i, struct wf_buf *out)
{
    uint64_t n = i % 8 == 0 ? 12 : 1, draw = wf_seed_mix(3, i);

    for (uint64_t k = 0; k < n; k++) {
        size_t a = (size_t)wf_draw_below(&draw, 4);
        wf_buf_appendf(out, "%sThe %s %s lies %s of it.", k > 0 ? " " : "", first[a], second[a],
                       third[a]);
    }
}

static void make_corpus(void)
{
    const struct wf_bpe_options o = {
        .n_tokens = 320, .pre = "qwen2", .controls = controls, .n_controls = 5};
    struct wf_bpe *bpe = NULL;
    struct wf_buf text, one;
    char path[160], list[256];

    assert_int_equal(wf_bpe_new(&o, &bpe, NULL), 0);
    wf_buf_init(&text, 1u << 20);
    wf_buf_init(&one, 4096);
    for (uint64_t i = 0; i < N_TEXTS; i++) {
        wf_buf_reset(&one);
        make_text(i, &one);
        wf_buf_appendf(&one, " %u.", (unsigned)i); /* no two are the same */
        wf_buf_appendf(&text, "{\"text\": \"%s\"}\n", one.ptr);
        assert_int_equal(wf_bpe_add(bpe, wf_buf_str(&one), 100, NULL), 0);
    }
    (void)snprintf(path, sizeof(path), "%s/texts.jsonl", folder);
    assert_int_equal(wf_file_replace(path, text.ptr, text.len, 0600, NULL), 0);
    wf_buf_deinit(&text);
    wf_buf_deinit(&one);
    assert_int_equal(wf_bpe_train(bpe, NULL, NULL, NULL), 0);
    assert_int_equal(wf_bpe_write(bpe, "test", vocab_path, NULL), 0);
    wf_bpe_free(bpe);
    (void)snprintf(list, sizeof(list),
                   "data=%s\nonce read=json:text epoch=1 dev=10 texts.jsonl\n"
                   "half read=json:text epoch=0.5 dev=10 texts.jsonl\n",
                   folder);
    assert_int_equal(wf_file_replace(list_path, list, strlen(list), 0600, NULL), 0);
}

static int make_folder(void **state)
{
    struct wf_corpus_prepare_options o = {.n_threads = 1};
    struct wf_corpus *c = NULL;

    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/weft-mlm-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(list_path, sizeof(list_path), "%s/corpus.conf", folder);
    (void)snprintf(vocab_path, sizeof(vocab_path), "%s/vocab.gguf", folder);
    (void)snprintf(shards, sizeof(shards), "%s/shards", folder);
    make_corpus();
    assert_int_equal(wf_gguf_open(vocab_path, &gguf, NULL), 0);
    assert_int_equal(wf_vocab_open(gguf, &vocab, NULL), 0);
    assert_int_equal(wf_corpus_open(list_path, &c, NULL), 0);
    assert_int_equal(wf_corpus_prepare(c, vocab, shards, &o, NULL), 0);
    wf_corpus_free(c);
    return 0;
}

static void remove_files(const char *dir, const char *const *names)
{
    char path[256];

    for (size_t i = 0; names[i] != NULL; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}

static int remove_folder(void **state)
{
    static const char *const in_shards[] = {"once.train.shard", "once.dev.shard",
                                            "half.train.shard", "half.dev.shard", NULL};
    static const char *const in_out[] = {"checkpoint",  "checkpoint.previous", "lock",
                                         "figures.csv", "report.html",         "experiment.conf",
                                         NULL};
    static const char *const in_folder[] = {"texts.jsonl", "corpus.conf", "vocab.gguf", NULL};
    char out[128];

    (void)state;
    wf_vocab_close(vocab);
    wf_gguf_close(gguf);
    remove_files(shards, in_shards);
    (void)snprintf(out, sizeof(out), "%s/out", folder);
    remove_files(out, in_out);
    remove_files(folder, in_folder);
    assert_int_not_equal(access(folder, F_OK), 0);
    return 0;
}

/* The task with its settings from text. */
static int open_task(const char *more, uint32_t rank, uint32_t n_ranks, void **out,
                     struct wf_err *err)
{
    const struct wf_task_place p = {.name = "mlm",
                                    .data_dir = "",
                                    .work_dir = folder,
                                    .vocab = vocab,
                                    .params = &params,
                                    .n_tokens_max = BATCH,
                                    .n_text_max = WINDOW,
                                    .seed = 11,
                                    .rank = rank,
                                    .n_ranks = n_ranks};
    const struct wf_task_kind *kind = wf_task_by_name(WF_STR("mlm"));
    struct wf_conf *c = NULL;
    char text[512];
    int rc;

    assert_non_null(kind);
    assert_true(kind->settings_bytes <= sizeof(settings_of_mlm));
    (void)snprintf(text, sizeof(text), "[task mlm]\ncorpus = %s\n%s", list_path, more);
    assert_int_equal(wf_conf_parse(wf_str_from(text), "x.conf", &c, NULL), 0);
    assert_int_equal(
        wf_conf_fill(c, wf_conf_section(c, "mlm"), kind->options, settings_of_mlm, NULL), 0);
    rc = kind->open(&p, settings_of_mlm, out, err);
    wf_conf_free(c);
    return rc;
}

#define MLM wf_task_by_name(WF_STR("mlm"))

struct counts {
    uint64_t n_tokens, n_texts, n_masks, sum;
};

/* Goes through one pass. */
static void go_through(void *task, struct counts *c)
{
    uint64_t epoch = MLM->position(task)->epoch;

    for (uint64_t seed = 100;; seed++) {
        struct wf_task_position before = *MLM->position(task);
        struct wf_net_batch b;
        assert_int_equal(MLM->next(task, seed, &b, NULL), 0);
        if (MLM->position(task)->epoch != epoch) {
            /* A batch may hold the end of one pass and the begin of the next: back before it. */
            if (before.epoch == epoch)
                *MLM->position(task) = before;
            return;
        }
        assert_true(b.starts[b.n_texts] <= BATCH);
        for (size_t i = 0; i < b.n_texts; i++) {
            uint32_t n = b.starts[i + 1] - b.starts[i];
            assert_int_equal(b.ids[b.starts[i]], 0);
            assert_true(n >= 2 && n <= WINDOW);
            for (uint32_t k = 1; k < n; k++) {
                int32_t id = b.ids[b.starts[i] + k];
                assert_true(id == 2 || id >= 5);
                c->n_masks += id == 2;
            }
            c->n_tokens += n - 1;
            c->n_texts++;
        }
    }
}

static uint64_t shard_tokens(const char *name)
{
    struct wf_shard *s = NULL;
    char path[160];
    uint64_t n;

    (void)snprintf(path, sizeof(path), "%s/%s", shards, name);
    assert_int_equal(wf_shard_open(path, &s, NULL), 0);
    n = wf_shard_head(s)->n_tokens;
    wf_shard_close(s);
    return n;
}

static void test_train_mlm__a_pass_sees_texts_as_often_as_it_should(void **state)
{
    uint64_t n = shard_tokens("once.train.shard"), half = shard_tokens("half.train.shard");
    struct counts c = {0};
    void *task = NULL;
    double part;

    (void)state;
    assert_int_equal(open_task("", 0, 1, &task, NULL), 0);
    go_through(task, &c);
    /* All but the last batch of the pass, and of the other source's texts about a half. */
    assert_true(c.n_tokens + BATCH > n + half * 4 / 10);
    assert_true(c.n_tokens < n + half * 6 / 10);
    assert_true(MLM->epoch_tokens(task) > n);
    /* A fifth of the words, of these eight of ten, in tokens. */
    part = (double)c.n_masks / (double)c.n_tokens;
    assert_true(part > 0.12 && part < 0.22);
    MLM->close(task);
}

static void test_train_mlm__ranks_share_a_pass(void **state)
{
    struct counts all = {0}, part = {0};
    void *task = NULL;

    (void)state;
    assert_int_equal(open_task("", 0, 1, &task, NULL), 0);
    go_through(task, &all);
    MLM->close(task);
    for (uint32_t r = 0; r < 3; r++) {
        assert_int_equal(open_task("", r, 3, &task, NULL), 0);
        go_through(task, &part);
        MLM->close(task);
    }
    assert_true(part.n_tokens <= all.n_tokens + BATCH);
    assert_true(part.n_tokens + 3 * BATCH >= all.n_tokens);
}

static void copy_batch(const struct wf_net_batch *b, int32_t ids[BATCH], size_t *n)
{
    *n = b->starts[b->n_texts];
    memset(ids, 0, BATCH * sizeof(*ids));
    memcpy(ids, b->ids, *n * sizeof(*ids));
}

static void test_train_mlm__position_and_seed_say_what_comes(void **state)
{
    void *a = NULL, *b = NULL;
    struct wf_net_batch batch;
    int32_t ids[3][BATCH];
    size_t n[3];

    (void)state;
    assert_int_equal(open_task("", 0, 1, &a, NULL), 0);
    assert_int_equal(open_task("", 0, 1, &b, NULL), 0);
    MLM->position(a)->epoch = 3; /* in another pass */
    for (uint64_t seed = 0; seed < 7; seed++)
        assert_int_equal(MLM->next(a, seed, &batch, NULL), 0);
    *MLM->position(b) = *MLM->position(a);
    assert_int_equal(MLM->next(a, 9, &batch, NULL), 0);
    copy_batch(&batch, ids[0], &n[0]);
    assert_int_equal(MLM->next(b, 9, &batch, NULL), 0);
    copy_batch(&batch, ids[1], &n[1]);
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(ids[0], ids[1], sizeof(ids[0]));
    assert_int_equal(MLM->next(a, 9, &batch, NULL), 0);
    copy_batch(&batch, ids[2], &n[2]);
    assert_memory_not_equal(ids[0], ids[2], sizeof(ids[0]));
    MLM->close(a);
    MLM->close(b);
}

static void test_train_mlm__what_is_missing_is_told(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    char path[160], away[160];
    void *task = NULL;

    (void)state;
    assert_int_equal(open_task("shards = nosuch\n", 0, 1, &task, &err), WF_E_NOENT);
    assert_non_null(strstr(err.msg, "run weft train shards first"));
    (void)snprintf(path, sizeof(path), "%s/half.dev.shard", shards);
    (void)snprintf(away, sizeof(away), "%s/away", folder);
    assert_int_equal(rename(path, away), 0);
    assert_int_equal(open_task("", 0, 1, &task, &err), WF_E_NOENT);
    assert_int_equal(rename(away, path), 0);
}

static void test_train_mlm__survives_failing_memory(void **state)
{
    int rc = WF_E_NOMEM;

    (void)state;
    for (uint64_t n = 1; rc != 0; n++) {
        struct wf_net_batch b;
        void *task = NULL;
        assert_int_equal(open_task("", 0, 1, &task, NULL), 0);
        MLM->position(task)->epoch = 5;
        wf_alloc_fail_at(n);
        rc = MLM->next(task, 1, &b, NULL);
        assert_int_equal(rc, wf_alloc_failed() ? WF_E_NOMEM : 0);
        wf_alloc_fail_at(0);
        MLM->close(task);
    }
}

/* Through the trainer: what follows from the first word is told from what stands around. */
static double accuracy;

static void on_measured(void *ud, uint64_t step, const char *task, const struct wf_task_figure *f,
                        const double *values)
{
    (void)ud;
    (void)step;
    assert_string_equal(task, "mlm");
    assert_string_equal(f[1].name, "accuracy");
    assert_true(isfinite(values[0]));
    accuracy = values[1];
}

static void test_train_mlm__a_network_learns_it(void **state)
{
    struct wf_trainer_events e = {.measured = on_measured};
    struct wf_trainer_options o = {.n_threads = 1};
    struct wf_conf *c = NULL;
    struct wf_trainer *t = NULL;
    char text[1024], out[128];
    bool is_done = false;

    (void)state;
    (void)snprintf(out, sizeof(out), "%s/out", folder);
    (void)snprintf(text, sizeof(text),
                   "[model]\nfamily = lens\nlayers = 2\nwidth = 32\nheads = 2\nff = 64\n"
                   "[train]\nwork = %s\nvocab = vocab.gguf\nout = %s\nbatch_tokens = 512\n"
                   "micro_tokens = 512\ntext_tokens = 32\nsteps = 150\nrate = 1e-2\n"
                   "optimiser = muon\nwarmup_steps = 10\nevaluate_steps = 150\n"
                   "[task mlm]\ncorpus = %s\n",
                   folder, out, list_path);
    assert_int_equal(wf_conf_parse(wf_str_from(text), "x.conf", &c, NULL), 0);
    assert_int_equal(wf_trainer_open(c, &o, &t, NULL), 0);
    assert_int_equal(wf_trainer_run(t, &e, &is_done, NULL), 0);
    assert_true(is_done);
    wf_trainer_close(t);
    wf_conf_free(c);
    assert_true(accuracy > 75); /* the most frequent word is a tenth of all */
}

static size_t words_of(const struct wf_words *w, const char *text, uint32_t out[64])
{
    struct wf_ids ids = {0};
    size_t n;

    assert_int_equal(wf_vocab_encode(vocab, wf_str_from(text), 0, &ids, NULL), 0);
    assert_true(ids.n <= 64);
    n = wf_words_find(w, ids.ptr, 0, (uint32_t)ids.n, out);
    wf_free(ids.ptr);
    return n;
}

static void test_train_words__are_letters_digits_and_signs(void **state)
{
    uint32_t at[64];
    struct wf_words *w = NULL;

    (void)state;
    assert_int_equal(wf_words_new(vocab, &w, NULL), 0);
    assert_int_equal(words_of(w, "The tree lies", at), 3);
    assert_int_equal(at[0], 0);
    assert_int_equal(words_of(w, "The tree.", at), 3);
    assert_int_equal(words_of(w, "12", at), 2);
    assert_int_equal(words_of(w, "xq", at), 1); /* no token of its own: two, one word */
    assert_int_equal(words_of(w, "?!", at), 1);
    assert_int_equal(words_of(w, "\xc3\xa9\xc3\xa9", at), 1); /* bytes of characters */
    assert_int_equal(words_of(w, "xqzxqz", at), 2);           /* cut after four tokens */
    assert_int_equal(words_of(w, "", at), 0);
    wf_words_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_mlm__a_pass_sees_texts_as_often_as_it_should),
        cmocka_unit_test(test_train_mlm__ranks_share_a_pass),
        cmocka_unit_test(test_train_mlm__position_and_seed_say_what_comes),
        cmocka_unit_test(test_train_mlm__what_is_missing_is_told),
        cmocka_unit_test(test_train_mlm__survives_failing_memory),
        cmocka_unit_test(test_train_mlm__a_network_learns_it),
        cmocka_unit_test(test_train_words__are_letters_digits_and_signs),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
