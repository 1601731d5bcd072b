/* SPDX-License-Identifier: Apache-2.0 */
/* Embeddings as a task: what its sources give, what is kept aside, batches, that a network learns
 * them. The texts are made here: invented words, one for each thing and language. */
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
#include "train/split.h"
#include "train/task_list.h"
#include "train/trainer.h"

#define N_THINGS 20
#define N_ROWS 600

static char folder[64];

static const char *const controls[] = {"<s>", "</s>", "<mask>", "<q>", "<p>"};
static const char *const files[] = {"rows.tsv",      "en.jsonl",   "de.jsonl",   "flat.jsonl",
                                    "news.tsv",      "langs.tsv",  "nli.jsonl",  "terms.jsonl",
                                    "reviews.jsonl", "docs.jsonl", "vocab.gguf", "lone.jsonl"};

static void path_of(const char *name, char out[160])
{
    (void)snprintf(out, 160, "%s/%s", folder, name);
}

static void save(const char *name, struct wf_buf *text)
{
    char path[160];

    path_of(name, path);
    assert_int_equal(wf_file_replace(path, text->ptr, text->len, 0600, NULL), 0);
    wf_buf_reset(text);
}

/* The word for a thing in a language: three syllables. */
static const char *word(unsigned lang, uint64_t thing, char out[16])
{
    static const char syllables[] = "bakidomusetivaruneloqipaxe";
    uint64_t draw = wf_seed_mix(lang, thing);

    for (size_t i = 0; i < 3; i++)
        memcpy(out + 2 * i, syllables + 2 * wf_draw_below(&draw, 13), 2);
    out[6] = 0;
    return out;
}

/* Two things, the same in both languages; the number makes the sentence one of its own. */
static void sentence(unsigned lang, uint64_t i, struct wf_buf *out)
{
    uint64_t draw = wf_seed_mix(7, i);
    char a[16], b[16];

    word(lang, wf_draw_below(&draw, N_THINGS), a);
    word(lang, wf_draw_below(&draw, N_THINGS), b);
    wf_buf_appendf(out, "%s %s %u", a, b, (unsigned)(i / 100));
}

static void make_rows(struct wf_buf *text)
{
    for (uint64_t i = 0; i < N_ROWS; i++) {
        sentence(1, i, text);
        wf_buf_append_cstr(text, "\t");
        sentence(2, i, text);
        wf_buf_append_cstr(text, "\n");
    }
}

/* Passages of three sentences; the question names the thing of the second one. */
static void make_questions(unsigned lang, struct wf_buf *text)
{
    char w[16];

    for (unsigned i = 0; i < 60; i++) {
        word(lang, i % N_THINGS, w);
        wf_buf_appendf(text,
                       "{\"title\":\"T%u\",\"context\":\"It is old. Here is %s %u. It was new.\","
                       "\"qas\":[{\"id\":\"q%u\",\"question\":\"Where is %s %u?\","
                       "\"answers\":[[\"%s\",19]]}]}\n",
                       i, w, i, i, w, i, w);
    }
}

static void make_flat(struct wf_buf *text)
{
    char w[16];

    for (unsigned i = 0; i < 40; i++) {
        word(1, i, w);
        wf_buf_appendf(
            text,
            "{\"id\":\"%u\",\"title\":\"F%u\",\"context\":\"It is old. Here is %s.\","
            "\"question\":\"Where is %s?\",\"answers\":[{\"text\":\"%s\",\"start\":19}]}\n",
            i, i / 2, w, w, w);
        wf_buf_appendf(text,
                       "{\"id\":\"n%u\",\"title\":\"F%u\",\"context\":\"It is old. Here is %s.\","
                       "\"question\":\"Who?\",\"answers\":[],\"impossible\":true}\n",
                       i, i / 2, w);
    }
}

static void make_others(struct wf_buf *text)
{
    char w[16];

    wf_buf_append_cstr(text, "doc\teng\tdeu\tfra\tspa\n");
    for (unsigned i = 0; i < 40; i++) {
        wf_buf_append_cstr(text, "d");
        for (unsigned lang = 1; lang <= 4; lang++)
            wf_buf_appendf(text, "\t%s %u", word(lang, i, w), i);
        wf_buf_append_cstr(text, "\n");
    }
    save("news.tsv", text);
    for (unsigned lang = 1; lang <= 3; lang++) {
        for (unsigned i = 0; i < 40; i++)
            wf_buf_appendf(text, "%s\t%s %u\n",
                           lang == 2   ? "eng"
                           : lang == 1 ? "deu"
                                       : "zho-TW",
                           word(lang, i, w), i);
    }
    save("langs.tsv", text);
    for (unsigned i = 0; i < 40; i++) {
        wf_buf_appendf(text,
                       "{\"lang\":\"ko\",\"a\":\"a %u\",\"b\":\"no %u\",\"label\":"
                       "\"contradiction\"}\n",
                       i, i);
        wf_buf_appendf(text,
                       "{\"lang\":\"ko\",\"a\":\"a %u\",\"b\":\"yes %u\",\"label\":"
                       "\"entailment\"}\n",
                       i, i);
        wf_buf_appendf(text, "{\"lang\":\"ko\",\"a\":\"s %u\",\"b\":\"t %u\",\"score\":%u}\n", i, i,
                       i % 2 == 0 ? 5 : 1);
    }
    save("nli.jsonl", text);
    for (unsigned i = 0; i < 40; i++)
        wf_buf_appendf(text, "{\"term\":\"%s\",\"definition\":\"what %u is\"}\n", word(1, i, w), i);
    save("terms.jsonl", text);
    for (unsigned i = 0; i < 40; i++)
        wf_buf_appendf(text, "{\"question\":\"Why %u?\",\"answer\":\"%s\",\"choices\":[]}\n", i,
                       i % 2 == 0 ? "no" : "Because somebody wanted it to be so.");
    save("reviews.jsonl", text);
    for (unsigned i = 0; i < 60; i++) {
        wf_buf_appendf(text, "{\"title\":\"Doc %u\",\"text\":\"A short heading\\n\\n", i);
        for (unsigned k = 0; k < 8; k++)
            wf_buf_appendf(text, "A %s is %u. ", word(1, i + k, w), k);
        wf_buf_append_cstr(text, "\\n\\nAnother paragraph follows here, without an end.\"}\n");
    }
    save("docs.jsonl", text);
}

static int make_folder(void **state)
{
    const struct wf_bpe_options o = {
        .n_tokens = 400, .pre = "qwen2", .controls = controls, .n_controls = 5};
    struct wf_bpe *bpe = NULL;
    struct wf_buf text;
    char path[160];

    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/weft-embed-XXXXXX");
    assert_non_null(mkdtemp(folder));
    wf_buf_init(&text, 1u << 20);
    make_rows(&text);
    assert_int_equal(wf_bpe_new(&o, &bpe, NULL), 0);
    assert_int_equal(wf_bpe_add(bpe, wf_buf_str(&text), 100, NULL), 0);
    assert_int_equal(wf_bpe_train(bpe, NULL, NULL, NULL), 0);
    path_of("vocab.gguf", path);
    assert_int_equal(wf_bpe_write(bpe, "test", path, NULL), 0);
    wf_bpe_free(bpe);
    save("rows.tsv", &text);
    make_questions(1, &text);
    save("en.jsonl", &text);
    make_questions(2, &text);
    save("de.jsonl", &text);
    make_flat(&text);
    save("flat.jsonl", &text);
    make_others(&text);
    wf_buf_deinit(&text);
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"out/checkpoint",  "out/checkpoint.previous",
                                        "out/lock",        "out/figures.csv",
                                        "out/report.html", "out/experiment.conf"};
    char path[160];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        path_of(names[i], path);
        (void)unlink(path);
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(files); i++) {
        path_of(files[i], path);
        (void)unlink(path);
    }
    path_of("out", path);
    (void)rmdir(path);
    return rmdir(folder);
}

/* ---- through the trainer ---- */

static double last[8];

static void on_measured(void *ud, uint64_t step, const char *task, const struct wf_task_figure *f,
                        const double *values)
{
    (void)ud;
    (void)step;
    assert_string_equal(task, "embed");
    assert_string_equal(f[0].name, "recall_1");
    memcpy(last, values, sizeof(last));
}

static int open_trainer(const char *sources, const char *more, struct wf_conf **out_conf,
                        struct wf_trainer **out, struct wf_err *err)
{
    struct wf_trainer_options o = {.n_threads = 1, .data_dir = folder};
    char text[1024];

    (void)snprintf(text, sizeof(text),
                   "[model]\nfamily = lens\nlayers = 1\nwidth = 32\nheads = 2\nff = 64\n"
                   "[train]\nwork = %s\nvocab = vocab.gguf\nout = %s/out\nbatch_tokens = 512\n"
                   "micro_tokens = 512\ntext_tokens = 32\nsteps = 200\nrate = 1e-2\n"
                   "warmup_steps = 10\nevaluate_steps = 200\n"
                   "[task embed]\nsources = %s\ntokens = 40\n%s",
                   folder, folder, sources, more);
    assert_int_equal(wf_conf_parse(wf_str_from(text), "x.conf", out_conf, NULL), 0);
    return wf_trainer_open(*out_conf, &o, out, err);
}

static void test_train_embed__a_network_learns_translations(void **state)
{
    struct wf_trainer_events e = {.measured = on_measured};
    struct wf_conf *c = NULL;
    struct wf_trainer *t = NULL;
    struct wf_err err = WF_ERR_INIT;
    bool is_done = false;

    (void)state;
    assert_int_equal(open_trainer("rows.tsv sentences 2 1; en.jsonl,de.jsonl across 1 1",
                                  "candidates = 100\n", &c, &t, &err),
                     0);
    assert_int_equal(wf_trainer_run(t, &e, &is_done, &err), 0);
    assert_true(is_done);
    wf_trainer_close(t);
    wf_conf_free(c);
    assert_true(last[6] > 50);       /* sentences among 100: by chance 1 */
    assert_true(last[0] > 30);       /* questions' passages among 60: by chance 2 */
    assert_true(last[2] > 30);       /* at 5 in the other language: by chance 8 */
    assert_true(last[5] > 30);       /* with titles */
    assert_true(last[7] != last[7]); /* no news were there */
}

static void test_train_embed__sources_that_are_none_are_refused(void **state)
{
    static const char *const wrong[] = {"rows.tsv sentences 1", "rows.tsv lines 1 1",
                                        "rows.tsv sentences 0 1", "rows.tsv sentences 1 1.5",
                                        "rows.tsv sentences x 1"};
    struct wf_conf *c = NULL;
    struct wf_trainer *t = NULL;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(wrong); i++) {
        struct wf_err err = WF_ERR_INIT;
        assert_int_equal(open_trainer(wrong[i], "", &c, &t, &err), WF_E_FORMAT);
        assert_non_null(strstr(err.msg, "is no source"));
        wf_conf_free(c);
    }
    struct wf_err err = WF_ERR_INIT;
    assert_int_equal(open_trainer("nothing.tsv sentences 1 1", "", &c, &t, &err), WF_E_NOENT);
    wf_conf_free(c);
    assert_int_equal(open_trainer(";", "", &c, &t, &err), WF_E_FORMAT);
    assert_non_null(strstr(err.msg, "no sources"));
    wf_conf_free(c);
}

/* ---- the task alone ---- */

struct alone {
    struct wf_gguf *file;
    struct wf_vocab *vocab;
    struct wf_params params;
    struct wf_task_place place;
    struct wf_conf *conf;
    void *settings, *task;
};

static int alone_open(struct alone *a, const char *sources, const char *more)
{
    struct wf_err err = WF_ERR_INIT;
    char text[1024], path[160];
    int rc;

    *a = (struct alone){.params = {.dim = 32}};
    path_of("vocab.gguf", path);
    assert_int_equal(wf_gguf_open(path, &a->file, NULL), 0);
    assert_int_equal(wf_vocab_open(a->file, &a->vocab, NULL), 0);
    a->place = (struct wf_task_place){.name = "embed",
                                      .data_dir = folder,
                                      .work_dir = folder,
                                      .vocab = a->vocab,
                                      .params = &a->params,
                                      .n_tokens_max = 512,
                                      .n_text_max = 32,
                                      .seed = 4,
                                      .n_ranks = 1};
    (void)snprintf(text, sizeof(text), "[task embed]\nsources = %s\ntokens = 40\n%s", sources,
                   more);
    assert_int_equal(wf_conf_parse(wf_str_from(text), "x.conf", &a->conf, NULL), 0);
    a->settings = calloc(1, wf_task_embed.settings_bytes);
    assert_int_equal(wf_conf_fill(a->conf, wf_conf_section(a->conf, "embed"), wf_task_embed.options,
                                  a->settings, NULL),
                     0);
    rc = wf_task_embed.open(&a->place, a->settings, &a->task, &err);
    if (rc != 0)
        print_message("%s: %s\n", sources, err.msg);
    return rc;
}

static void alone_close(struct alone *a)
{
    wf_task_embed.close(a->task);
    free(a->settings);
    wf_conf_free(a->conf);
    wf_vocab_close(a->vocab);
    wf_gguf_close(a->file);
}

static void text_of(const struct alone *a, const struct wf_net_batch *b, size_t i,
                    struct wf_buf *out)
{
    wf_buf_reset(out);
    assert_int_equal(wf_vocab_decode(a->vocab, b->ids + b->starts[i],
                                     b->starts[i + 1] - b->starts[i], true, out, NULL),
                     0);
    wf_buf_append_byte(out, 0);
}

static void check_windows(const struct alone *a, const struct wf_net_batch *b)
{
    assert_true(b->n_texts >= 4);
    assert_true(b->starts[b->n_texts] <= a->place.n_tokens_max);
    for (size_t i = 0; i < b->n_texts; i++) {
        size_t n = b->starts[i + 1] - b->starts[i];
        int32_t mark = b->ids[b->starts[i] + 1];
        assert_true(n >= 3 && n <= a->place.n_text_max);
        assert_int_equal(b->ids[b->starts[i]], 0);
        assert_true(mark == 3 || mark == 4);
    }
}

/* Every kind gives batches; what is kept aside is in none of them. */
static void test_train_embed__all_kinds_give_pairs(void **state)
{
    static const char *const sources[] = {
        "flat.jsonl questions 1 1",       "en.jsonl,de.jsonl across 1 1",
        "en.jsonl,de.jsonl passages 1 1", "en.jsonl,de.jsonl asked 1 1",
        "rows.tsv sentences 1 0.5",       "news.tsv news 1 1",
        "langs.tsv languages 1 1",        "nli.jsonl pairs 1 1",
        "terms.jsonl terms 1 1",          "reviews.jsonl reviews 1 1",
        "docs.jsonl cloze 1 1",           "docs.jsonl next 1 1",
        "docs.jsonl headings 1 1"};
    struct wf_net_batch b;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(sources); i++) {
        struct alone a;
        assert_int_equal(alone_open(&a, sources[i], ""), 0);
        for (unsigned k = 0; k < 5; k++) {
            assert_int_equal(wf_task_embed.next(a.task, 0, &b, NULL), 0);
            check_windows(&a, &b);
        }
        assert_true(wf_task_embed.epoch_tokens(a.task) > 0);
        alone_close(&a);
    }
}

static void test_train_embed__what_is_kept_aside_stays_so(void **state)
{
    struct wf_net_batch b;
    struct wf_buf text;
    struct alone a;
    size_t n_dev = 0;

    (void)state;
    assert_int_equal(alone_open(&a, "terms.jsonl terms 1 1", ""), 0);
    wf_buf_init(&text, 1 << 16);
    for (unsigned i = 0; i < 40; i++) {
        char w[16], mark[24];
        bool is_dev = wf_split_is_dev(wf_str_from(word(1, i, w)));
        bool seen = false;
        n_dev += is_dev;
        (void)snprintf(mark, sizeof(mark), "what %u is", i);
        for (unsigned k = 0; k < 20; k++) {
            assert_int_equal(wf_task_embed.next(a.task, 0, &b, NULL), 0);
            for (size_t t = 0; t < b.n_texts; t++) {
                text_of(&a, &b, t, &text);
                seen = seen || strstr(text.ptr, mark) != NULL;
            }
        }
        assert_int_equal(seen, !is_dev);
    }
    assert_true(n_dev > 0 && n_dev < 15);
    wf_buf_deinit(&text);
    alone_close(&a);
}

/* "a 3" and "yes 3" belong together, "no 3" stands against them. */
static void test_train_embed__pairs_belong_together(void **state)
{
    struct wf_net_batch b;
    struct wf_buf text;
    struct alone a;

    (void)state;
    assert_int_equal(alone_open(&a, "nli.jsonl pairs 1 1", ""), 0);
    assert_int_equal(wf_task_embed.next(a.task, 0, &b, NULL), 0);
    wf_buf_init(&text, 1 << 16);
    for (size_t i = 0; i < b.n_texts;) {
        unsigned first = 0, second = 0, third = 0;
        char mark = 0;
        text_of(&a, &b, i, &text);
        const char *bare = strrchr(text.ptr, '>') + 1;
        assert_int_equal(sscanf(bare, "%c %u", &mark, &first), 2);
        text_of(&a, &b, i + 1, &text);
        bare = strrchr(text.ptr, '>') + 1;
        if (mark == 's') {
            assert_int_equal(sscanf(bare, "t %u", &second), 1);
            assert_int_equal(first % 2, 0); /* the others are not alike */
            i += 2;
        } else {
            assert_int_equal(mark, 'a');
            assert_int_equal(sscanf(bare, "yes %u", &second), 1);
            text_of(&a, &b, i + 2, &text);
            assert_int_equal(sscanf(strrchr(text.ptr, '>') + 1, "no %u", &third), 1);
            assert_int_equal(third, first);
            i += 3;
        }
        assert_int_equal(second, first);
    }
    wf_buf_deinit(&text);
    alone_close(&a);
}

static void test_train_embed__going_on_is_the_same(void **state)
{
    static const char sources[] = "rows.tsv sentences 1 1; docs.jsonl cloze 2 1";
    struct wf_net_batch x, y;
    struct alone a, b;

    (void)state;
    assert_int_equal(alone_open(&a, sources, ""), 0);
    assert_int_equal(alone_open(&b, sources, ""), 0);
    for (unsigned i = 0; i < 60; i++)
        assert_int_equal(wf_task_embed.next(a.task, i, &x, NULL), 0);
    *wf_task_embed.position(b.task) = *wf_task_embed.position(a.task);
    assert_true(wf_task_embed.position(b.task)->epoch > 0);
    assert_int_equal(wf_task_embed.next(a.task, 1, &x, NULL), 0);
    assert_int_equal(wf_task_embed.next(b.task, 2, &y, NULL), 0);
    assert_int_equal(x.n_texts, y.n_texts);
    assert_memory_equal(x.starts, y.starts, (x.n_texts + 1) * sizeof(*x.starts));
    assert_memory_equal(x.ids, y.ids, x.starts[x.n_texts] * sizeof(*x.ids));
    alone_close(&a);
    alone_close(&b);
}

static void test_train_embed__without_marks_and_with_few_pairs(void **state)
{
    struct wf_net_batch b;
    struct alone a;

    (void)state;
    assert_int_equal(alone_open(&a, "rows.tsv sentences 1 1", "marks = no\npairs = 3\n"), 0);
    assert_int_equal(wf_task_embed.next(a.task, 0, &b, NULL), 0);
    assert_int_equal(b.n_texts, 6);
    for (size_t i = 0; i < b.n_texts; i++) {
        assert_int_equal(b.ids[b.starts[i]], 0);
        assert_true(b.ids[b.starts[i] + 1] > 4);
    }
    alone_close(&a);
}

static void test_train_embed__memory_runs_out(void **state)
{
    static const char sources[] = "en.jsonl,de.jsonl across 1 1; nli.jsonl pairs 1 1; "
                                  "docs.jsonl cloze 1 1; docs.jsonl headings 1 1";
    size_t n_refused = 0;
    bool failed = true;

    (void)state;
    for (uint64_t i = 1; failed; i += 1 + i / 8) {
        struct alone a;
        uint64_t before = wf_alloc_stats().n_live;
        assert_int_equal(alone_open(&a, "rows.tsv sentences 1 1", ""), 0);
        wf_task_embed.close(a.task);
        a.task = NULL;
        wf_conf_free(a.conf);
        char text[512];
        (void)snprintf(text, sizeof(text), "[task embed]\nsources = %s\ntokens = 40\n", sources);
        assert_int_equal(wf_conf_parse(wf_str_from(text), "x.conf", &a.conf, NULL), 0);
        assert_int_equal(wf_conf_fill(a.conf, wf_conf_section(a.conf, "embed"),
                                      wf_task_embed.options, a.settings, NULL),
                         0);
        wf_alloc_fail_at(i);
        int rc = wf_task_embed.open(&a.place, a.settings, &a.task, NULL);
        failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_int_equal(rc, failed ? WF_E_NOMEM : 0);
        n_refused += failed;
        alone_close(&a);
        assert_int_equal(wf_alloc_stats().n_live, before);
    }
    assert_true(n_refused > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_embed__a_network_learns_translations),
        cmocka_unit_test(test_train_embed__sources_that_are_none_are_refused),
        cmocka_unit_test(test_train_embed__all_kinds_give_pairs),
        cmocka_unit_test(test_train_embed__what_is_kept_aside_stays_so),
        cmocka_unit_test(test_train_embed__pairs_belong_together),
        cmocka_unit_test(test_train_embed__going_on_is_the_same),
        cmocka_unit_test(test_train_embed__without_marks_and_with_few_pairs),
        cmocka_unit_test(test_train_embed__memory_runs_out),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
