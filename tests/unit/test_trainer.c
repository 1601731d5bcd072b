/* SPDX-License-Identifier: Apache-2.0 */
/* The trainer with a small task of its own and with hidden words: it learns, it is the same run
 * again, goes on with the same bits, keeps what it should through failures. */
#include "train/trainer.h"

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
#include "model/gguf_write.h"
#include "model/synth_internal.h"
#include "model/transformer.h"
#include "os/file.h"
#include "train/checkpoint.h"
#include "train/export.h"
#include "train/history.h"
#include "train/loss.h"
#include "train/shuffle.h"

#define VOCAB 300u
#define LABELS 3u

static char folder[64], vocab_path[96];

/* ---- a task: which of three tokens a text holds ---- */

struct toy {
    struct wf_task_place place;
    struct wf_task_position position;
    struct wf_loss_room *room;
    int32_t ids[64];
    uint32_t starts[9];
    int32_t targets[8];
    uint32_t rows[8];
    char names[2][64];
};

static uint64_t nan_from, nan_to; /* losses of these texts of a pass are not finite */
static unsigned n_open;

static int toy_open(const struct wf_task_place *p, const void *settings, void **out,
                    struct wf_err *err)
{
    struct toy *t = wf_alloc_array(1, sizeof(*t));

    (void)settings;
    if (t == NULL)
        return wf_err_set(err, WF_E_NOMEM, "no memory");
    t->place = *p;
    (void)snprintf(t->names[0], sizeof(t->names[0]), "lens.%s.weight", p->name);
    (void)snprintf(t->names[1], sizeof(t->names[1]), "lens.%s.bias", p->name);
    n_open++;
    *out = t;
    return 0;
}

static void toy_close(void *task)
{
    struct toy *t = task;

    if (t == NULL)
        return;
    n_open--;
    wf_loss_room_free(t->room);
    wf_free(t);
}

static size_t toy_heads(const void *task, struct wf_net_head out[WF_TASK_HEADS_MAX])
{
    const struct toy *t = task;

    out[0] = (struct wf_net_head){t->names[0], LABELS, t->place.params->dim, 0.02f, true};
    out[1] = (struct wf_net_head){t->names[1], 1, LABELS, 0.0f, false};
    return 2;
}

static uint64_t toy_epoch_tokens(const void *task)
{
    (void)task;
    return 4096;
}

static struct wf_task_position *toy_position(void *task)
{
    return &((struct toy *)task)->position;
}

/* Eight texts of eight tokens, one of them the answer. */
static void make_texts(struct toy *t, uint64_t seed)
{
    for (uint32_t i = 0; i < 8; i++) {
        uint64_t draw = wf_seed_mix(seed, i);
        for (uint32_t k = 0; k < 8; k++)
            t->ids[8 * i + k] = (int32_t)(10 + wf_draw_below(&draw, 200));
        t->targets[i] = (int32_t)wf_draw_below(&draw, LABELS);
        t->ids[8 * i + 1 + wf_draw_below(&draw, 7)] = 250 + t->targets[i];
        t->starts[i] = t->rows[i] = 8 * i;
    }
    t->starts[8] = 64;
}

static int toy_next(void *task, uint64_t seed, struct wf_net_batch *out, struct wf_err *err)
{
    struct toy *t = task;

    (void)err;
    make_texts(t, wf_seed_mix(seed, t->position.i));
    t->position.i += 8;
    if (t->position.i == 512)
        t->position = (struct wf_task_position){t->position.epoch + 1, 0};
    *out = (struct wf_net_batch){.ids = t->ids, .starts = t->starts, .n_texts = 8};
    return 0;
}

static int classes(struct toy *t, struct wf_net *net, const struct wf_loss_of *of,
                   struct wf_loss_result *out, struct wf_err *err)
{
    struct wf_loss_classes c = {
        .rows = {.from = t->rows, .n = 8},
        .head = {wf_net_find(net, t->names[0]), wf_net_find(net, t->names[1])},
        .targets = t->targets};
    int rc = t->room == NULL ? wf_loss_room_new(net, &t->room, err) : 0;

    return rc == 0 ? wf_loss_classes(t->room, of, &c, out, err) : rc;
}

static int toy_loss(void *task, struct wf_net *net, const float *hidden, float scale,
                    float *d_hidden, double *out_loss, struct wf_err *err)
{
    struct toy *t = task;
    struct wf_loss_result r = {0};
    int rc = classes(t, net, &(struct wf_loss_of){hidden, d_hidden, scale}, &r, err);

    *out_loss = t->position.i >= nan_from && t->position.i < nan_to ? (double)NAN : r.loss;
    return rc;
}

static int toy_evaluate(void *task, struct wf_net *net, double *out, struct wf_err *err)
{
    struct toy *t = task;
    struct wf_loss_result r = {0};
    const float *hidden = NULL;
    int rc;

    make_texts(t, 999);
    rc = wf_net_forward(net,
                        &(struct wf_net_batch){.ids = t->ids, .starts = t->starts, .n_texts = 8},
                        false, &hidden, err);
    if (rc == 0)
        rc = classes(t, net, &(struct wf_loss_of){.hidden = hidden}, &r, err);
    out[0] = 100.0 * (double)r.n_right / 8;
    return rc;
}

static void toy_describe(const void *task, struct wf_meta *out)
{
    static const char *const labels[LABELS] = {"red", "green", "blue"};
    char key[64];

    (void)snprintf(key, sizeof(key), "lens.%s.labels", ((const struct toy *)task)->place.name);
    wf_meta_put_strings(out, key, labels, LABELS);
    wf_meta_put_u32(out, "lens.window", 128);
    wf_meta_put_f32(out, "lens.threshold", 0.25f);
    wf_meta_put_bool(out, "lens.embedding.marks", true);
    wf_meta_put_string(out, "lens.version", WF_STR("1"));
}

static const struct wf_task_figure figures[] = {{"accuracy", "%"}, {NULL, NULL}};
static const struct wf_task_kind toy = {.name = "toy",
                                        .figures = figures,
                                        .open = toy_open,
                                        .close = toy_close,
                                        .heads = toy_heads,
                                        .epoch_tokens = toy_epoch_tokens,
                                        .position = toy_position,
                                        .next = toy_next,
                                        .loss = toy_loss,
                                        .evaluate = toy_evaluate,
                                        .describe = toy_describe};

static const struct wf_task_kind *find(struct wf_str name)
{
    return wf_str_eq(name, WF_STR("toy")) ? &toy : wf_task_by_name(name);
}

/* ---- experiments ---- */

#define MODEL                                                                                      \
    "[model]\nfamily = lens\nlayers = 2\nwidth = 32\nheads = 2\nff = 48\ncontext = 64\n"           \
    "[train]\nvocab = vocab.gguf\nseed = 5\nbatch_tokens = 128\nmicro_tokens = 64\n"               \
    "text_tokens = 16\nrate = 1e-2\noptimiser = muon\nwarmup_steps = 4\ndropout = 0.1\n"           \
    "schedule = trapezoid\nfloor = 0\nlog_steps = 2\nevaluate_steps = 8\n"

#define TWO MODEL "[task toy one]\nweight = 3\n[task toy two]\n"

struct told {
    unsigned n_stepped, n_measured, n_saved;
    uint64_t stop_at; /* batches; 0: never */
    uint64_t n_asked;
    struct wf_trainer_view last;
};

static bool on_stops(void *ud)
{
    struct told *t = ud;

    return t->stop_at > 0 && ++t->n_asked > t->stop_at;
}

static void on_stepped(void *ud, const struct wf_trainer_view *v)
{
    struct told *t = ud;

    t->n_stepped++;
    t->last = *v;
}

static void on_measured(void *ud, uint64_t step, const char *task, const struct wf_task_figure *f,
                        const double *values)
{
    (void)step;
    (void)task;
    assert_string_equal(f[0].name, "accuracy");
    assert_true(values[0] >= 0 && values[0] <= 100);
    ((struct told *)ud)->n_measured++;
}

static void on_saved(void *ud, uint64_t step, const char *path)
{
    (void)step;
    assert_int_equal(access(path, F_OK), 0);
    ((struct told *)ud)->n_saved++;
}

struct experiment {
    const char *conf, *out; /* a folder below the test's */
    const char *sets[4];    /* ended by NULL */
    bool resumes;
    const char *from;
    int64_t n_threads;
};

static struct wf_conf *read_conf(const struct experiment *x)
{
    struct wf_conf *c = NULL;
    char work[96];

    (void)snprintf(work, sizeof(work), "train.work=%s", folder);
    assert_int_equal(wf_conf_parse(wf_str_from(x->conf), "x.conf", &c, NULL), 0);
    assert_int_equal(wf_conf_set(c, wf_str_from(work), NULL), 0);
    assert_int_equal(wf_conf_set(c, WF_STR("train.out=out"), NULL), 0);
    for (size_t i = 0; i < 4 && x->sets[i] != NULL; i++)
        assert_int_equal(wf_conf_set(c, wf_str_from(x->sets[i]), NULL), 0);
    return c;
}

static int run(const struct experiment *x, struct told *told, struct wf_err *err)
{
    struct wf_conf *c = read_conf(x);
    struct wf_trainer_events e = {told, on_stops, on_stepped, on_measured, on_saved};
    struct wf_trainer *t = NULL;
    char out[128];
    struct wf_trainer_options o = {.out_dir = out,
                                   .n_threads = x->n_threads > 0 ? x->n_threads : 1,
                                   .resumes = x->resumes,
                                   .from = x->from,
                                   .task_by_name = find};
    bool is_done = false;
    int rc;

    (void)snprintf(out, sizeof(out), "%s/%s", folder, x->out);
    rc = wf_trainer_open(c, &o, &t, err);
    if (rc == 0)
        rc = wf_trainer_run(t, &e, &is_done, err);
    if (rc == 0)
        assert_int_equal(is_done, told->stop_at == 0);
    wf_trainer_close(t);
    wf_conf_free(c);
    assert_int_equal(n_open, 0);
    return rc;
}

static const char *in_folder(char out[128], const char *name)
{
    (void)snprintf(out, 128, "%s/%s", folder, name);
    return out;
}

/* Two checkpoints hold the same tensors, moments and positions. */
static void assert_same(const char *a_name, const char *b_name)
{
    struct wf_checkpoint_file *a = NULL, *b = NULL;
    const struct wf_checkpoint *ca, *cb;
    char path[128];

    assert_int_equal(wf_checkpoint_open(in_folder(path, a_name), &a, NULL), 0);
    assert_int_equal(wf_checkpoint_open(in_folder(path, b_name), &b, NULL), 0);
    ca = wf_checkpoint_of(a);
    cb = wf_checkpoint_of(b);
    assert_int_equal(ca->n_steps, cb->n_steps);
    assert_int_equal(ca->n_tokens, cb->n_tokens);
    assert_int_equal(ca->n_updates, cb->n_updates);
    assert_int_equal(ca->n_tensors, cb->n_tensors);
    assert_memory_equal(ca->tasks, cb->tasks, ca->n_tasks * sizeof(*ca->tasks));
    for (size_t i = 0; i < ca->n_tensors; i++) {
        size_t n = (size_t)ca->tensors[i].rows * ca->tensors[i].cols * sizeof(float);
        assert_memory_equal(ca->tensors[i].values, cb->tensors[i].values, n);
        assert_memory_equal(ca->tensors[i].first, cb->tensors[i].first, n);
        assert_memory_equal(ca->tensors[i].second, cb->tensors[i].second, n);
    }
    wf_checkpoint_close(a);
    wf_checkpoint_close(b);
}

static int make_folder(void **state)
{
    struct wf_gguf_writer *w = NULL;
    const uint64_t dims[] = {32};
    float zeros[32] = {0};

    (void)state;
    nan_from = nan_to = 0;
    (void)snprintf(folder, sizeof(folder), "/tmp/weft-trainer-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(vocab_path, sizeof(vocab_path), "%s/vocab.gguf", folder);
    assert_int_equal(wf_gguf_writer_new(vocab_path, &w, NULL), 0);
    wf_gguf_put_string(w, "general.architecture", WF_STR("lens"));
    assert_int_equal(wf_synth__vocab(w, VOCAB, true, NULL), 0);
    wf_gguf_put_tensor(w, WF_STR("none"), wf_dtype_by_id(WF_DTYPE_F32), 1, dims);
    assert_int_equal(wf_gguf_writer_begin(w, NULL), 0);
    assert_int_equal(wf_gguf_writer_write(w, zeros, sizeof(zeros), NULL), 0);
    assert_int_equal(wf_gguf_writer_finish(w, NULL), 0);
    wf_gguf_writer_free(w);
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const files[] = {"checkpoint",
                                        "checkpoint.previous",
                                        "checkpoint.level",
                                        "checkpoint.level.previous",
                                        "checkpoint.new",
                                        "figures.csv",
                                        "report.html",
                                        "experiment.conf",
                                        "lock"};
    static const char *const outs[] = {"a", "b", "c", "d", "out"};
    char path[256];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(outs); i++) {
        for (size_t k = 0; k < WF_ARRAY_LEN(files); k++) {
            (void)snprintf(path, sizeof(path), "%s/%s/%s", folder, outs[i], files[k]);
            (void)unlink(path);
        }
        (void)snprintf(path, sizeof(path), "%s/%s", folder, outs[i]);
        (void)rmdir(path);
    }
    (void)unlink(vocab_path);
    assert_int_equal(rmdir(folder), 0);
    return 0;
}

/* ---- tests ---- */

static void test_trainer__learns(void **state)
{
    const struct experiment x = {.conf = TWO, .out = "a", .sets = {"train.steps=120"}};
    struct wf_history h;
    struct told told = {0};
    char path[128];
    double first, last;
    size_t loss, speed, dev;

    (void)state;
    assert_int_equal(run(&x, &told, NULL), 0);
    assert_int_equal(told.n_stepped, 120);
    assert_int_equal(told.n_measured, 2 * 15);
    assert_int_equal(told.n_saved, 2); /* the end, and where the rate begins to fall */
    assert_int_equal(told.last.n_tokens, 120 * 128);
    assert_int_equal(told.last.n_tasks, 2);
    wf_history_init(&h);
    assert_int_equal(wf_history_add_column(&h, "step", NULL), 0);
    assert_int_equal(wf_history_add_column(&h, "loss.one", NULL), 0);
    assert_int_equal(wf_history_add_column(&h, "dev.one.accuracy", NULL), 0);
    assert_int_equal(wf_history_add_column(&h, "tokens_per_s", NULL), 0);
    assert_int_equal(wf_history_load(&h, in_folder(path, "a/figures.csv"), 1000, NULL), 0);
    assert_int_equal(h.n_rows, 60);
    loss = wf_history_column(&h, "loss.one");
    dev = wf_history_column(&h, "dev.one.accuracy");
    speed = wf_history_column(&h, "tokens_per_s");
    first = wf_history_at(&h, 0, loss);
    last = wf_history_at(&h, 59, loss);
    assert_true(first > 0.9);
    assert_true(last < 0.3);
    assert_true(wf_history_at(&h, 59, dev) > 80);
    assert_true(isnan(wf_history_at(&h, 58, dev)));
    assert_true(wf_history_at(&h, 59, speed) > 0);
    wf_history_deinit(&h);
}

static void test_trainer__goes_on_with_the_same_bits(void **state)
{
    struct experiment x = {.conf = TWO, .out = "a", .sets = {"train.steps=20"}};
    struct told told = {0};

    (void)state;
    assert_int_equal(run(&x, &told, NULL), 0);
    x.out = "b"; /* stopped in the middle of step 11: that step is made anew */
    told = (struct told){.stop_at = 2 * 10 + 1};
    assert_int_equal(run(&x, &told, NULL), 0);
    assert_int_equal(told.n_stepped, 10);
    x.resumes = true;
    told = (struct told){0};
    assert_int_equal(run(&x, &told, NULL), 0);
    assert_int_equal(told.n_stepped, 10);
    assert_same("a/checkpoint", "b/checkpoint");
    x.out = "c"; /* from where the rate begins to fall, in a folder of its own */
    x.resumes = false;
    char level[128];
    x.from = in_folder(level, "a/checkpoint.level");
    told = (struct told){0};
    assert_int_equal(run(&x, &told, NULL), 0);
    assert_int_equal(told.n_stepped, 4);
    assert_same("a/checkpoint", "c/checkpoint");
}

static void test_trainer__is_the_same_with_a_seed_and_threads(void **state)
{
    struct experiment x = {.conf = TWO, .out = "a", .sets = {"train.steps=6"}, .n_threads = 2};
    struct told told = {0};

    (void)state;
    assert_int_equal(run(&x, &told, NULL), 0);
    x.out = "b";
    assert_int_equal(run(&x, &told, NULL), 0);
    assert_same("a/checkpoint", "b/checkpoint");
}

/* A crash between two renames leaves the previous one only; a crash in a write leaves a cut one. */
static void test_trainer__goes_on_from_the_previous_checkpoint(void **state)
{
    struct experiment x = {
        .conf = TWO, .out = "a", .sets = {"train.steps=20", "train.schedule=linear"}};
    struct told told = {.stop_at = 2 * 4};
    struct wf_err err = WF_ERR_INIT;
    char path[128], previous[128];

    (void)state;
    assert_int_equal(run(&x, &told, NULL), 0);
    assert_int_equal(
        rename(in_folder(path, "a/checkpoint"), in_folder(previous, "a/checkpoint.previous")), 0);
    told = (struct told){0};
    assert_int_equal(run(&x, &told, &err), WF_E_EXIST);
    assert_non_null(strstr(err.msg, "--resume"));
    assert_int_equal(wf_file_replace(path, "WEFTCKPT", 8, 0600, NULL), 0);
    x.resumes = true;
    told = (struct told){0};
    assert_int_equal(run(&x, &told, NULL), 0);
    assert_int_equal(told.n_stepped, 16);
    x.out = "b";
    x.resumes = false;
    assert_int_equal(run(&x, &told, NULL), 0);
    assert_same("a/checkpoint", "b/checkpoint");
}

static void test_trainer__damaged_checkpoints_are_told(void **state)
{
    struct experiment x = {.conf = TWO, .out = "a", .sets = {"train.steps=2"}, .resumes = true};
    struct told told = {0};
    struct wf_err err = WF_ERR_INIT;
    char path[128];

    (void)state;
    assert_int_equal(run(&x, &told, NULL), 0);
    (void)unlink(in_folder(path, "a/checkpoint.previous"));
    assert_int_equal(wf_file_replace(in_folder(path, "a/checkpoint"), "WEFTCKPT", 8, 0600, NULL),
                     0);
    assert_int_equal(run(&x, &told, &err), WF_E_CORRUPT);
    assert_non_null(strstr(err.msg, "damaged"));
}

static void test_trainer__skips_what_is_not_finite_and_gives_up(void **state)
{
    struct experiment x = {.conf = MODEL "[task toy one]\n",
                           .out = "a",
                           .sets = {"train.steps=100", "train.batch_tokens=64"}};
    struct told told = {0};
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    nan_from = 8 * 8;
    nan_to = 512;
    assert_int_equal(run(&x, &told, &err), WF_E_RANGE);
    assert_non_null(strstr(err.msg, "not finite 10 times"));
    assert_int_equal(told.last.n_skipped, 9);
    x.out = "b";
    nan_to = nan_from + 8; /* one batch of each of two passes */
    told = (struct told){0};
    assert_int_equal(run(&x, &told, NULL), 0);
    assert_int_equal(told.last.n_skipped, 2);
    assert_int_equal(told.last.step, 100);
}

static void test_trainer__starts_from_another_ones_network(void **state)
{
    struct experiment x = {.conf = TWO, .out = "a", .sets = {"train.steps=4"}};
    struct told told = {0};
    struct wf_err err = WF_ERR_INIT;
    struct wf_checkpoint_file *a = NULL, *b = NULL;
    const struct wf_checkpoint_tensor *ta, *tb;
    char set[192], path[128];

    (void)state;
    assert_int_equal(run(&x, &told, NULL), 0);
    (void)snprintf(set, sizeof(set), "train.start_from=%s", in_folder(path, "a/checkpoint"));
    /* "two" is known, "three" is new, "one" is not taken; only heads learn. */
    x = (struct experiment){.conf = MODEL "[task toy two]\n[task toy three]\n",
                            .out = "b",
                            .sets = {"train.steps=4", "train.part=heads", set}};
    assert_int_equal(run(&x, &told, NULL), 0);
    assert_int_equal(wf_checkpoint_open(in_folder(path, "a/checkpoint"), &a, NULL), 0);
    assert_int_equal(wf_checkpoint_open(in_folder(path, "b/checkpoint"), &b, NULL), 0);
    assert_null(wf_checkpoint_tensor(b, "lens.one.weight"));
    assert_non_null(wf_checkpoint_tensor(b, "lens.three.weight"));
    ta = wf_checkpoint_tensor(a, "blk.1.ffn_down.weight");
    tb = wf_checkpoint_tensor(b, "blk.1.ffn_down.weight");
    assert_memory_equal(ta->values, tb->values, (size_t)ta->rows * ta->cols * sizeof(float));
    ta = wf_checkpoint_tensor(a, "lens.two.weight");
    tb = wf_checkpoint_tensor(b, "lens.two.weight");
    assert_memory_not_equal(ta->values, tb->values, (size_t)ta->rows * ta->cols * sizeof(float));
    wf_checkpoint_close(a);
    wf_checkpoint_close(b);
    x.out = "c";
    x.sets[1] = "model.ff=64";
    assert_int_equal(run(&x, &told, &err), WF_E_FORMAT);
    assert_non_null(strstr(err.msg, "another size for the tensor blk.0.ffn_gate.weight"));
    x.sets[1] = "model.layers=3";
    assert_int_equal(run(&x, &told, &err), WF_E_FORMAT);
    assert_non_null(strstr(err.msg, "lacks the tensor blk.2."));
}

static void test_trainer__epochs_become_steps(void **state)
{
    struct experiment x = {.conf = TWO, .out = "a", .sets = {"train.epochs=0.5"}};
    struct told told = {0};

    (void)state;
    /* Half of 4096 tokens of "one", which has three quarters of the batches of 64, two a step. */
    assert_int_equal(run(&x, &told, NULL), 0);
    assert_int_equal(told.last.n_steps, 22);
    assert_int_equal(told.n_stepped, 22);
}

static void assert_refused(const char *conf, const char *set, int code, const char *sentence)
{
    const struct experiment x = {.conf = conf, .out = "a", .sets = {set}};
    struct wf_err err = WF_ERR_INIT;
    struct told told = {0};

    assert_int_equal(run(&x, &told, &err), code);
    if (strstr(err.msg, sentence) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", sentence, err.msg);
}

static void test_trainer__refuses_impossible_experiments(void **state)
{
    (void)state;
    assert_refused(TWO, "train.steps=0", WF_E_FORMAT, "either steps or epochs");
    assert_refused(MODEL "steps = 1\n", NULL, WF_E_FORMAT, "no section [task ...]");
    assert_refused(MODEL "steps = 1\n[task nosuch]\n", NULL, WF_E_NOENT, "no task \"nosuch\"");
    assert_refused(MODEL "steps = 1\n[task toy]\nsize = 3\n", NULL, WF_E_FORMAT,
                   "line 24: there is no setting \"size\" in [toy]");
    assert_refused(MODEL "steps = 1\n[task toy]\n[extra]\na = 1\n", NULL, WF_E_FORMAT,
                   "there is no setting \"a\" in [extra]");
    assert_refused(MODEL "steps = 1\n[task toy]\n", "train.text_tokens=65", WF_E_RANGE,
                   "text_tokens must not be above");
    assert_refused(MODEL "steps = 1\n[task toy]\n", "model.heads=3", WF_E_RANGE, "width must be");
    assert_refused(MODEL "steps = 1\n[task toy]\n", "model.family=nosuch", WF_E_UNSUPPORTED,
                   "nosuch");
    assert_refused(MODEL "steps = 1\n[task toy]\n", "train.vocab=nosuch.gguf", WF_E_NOENT,
                   "nosuch.gguf");
    assert_refused("[train]\nout = x\n", NULL, WF_E_FORMAT, "lacks the section [model]");
}

static void test_trainer__two_do_not_share_a_folder(void **state)
{
    const struct experiment x = {.conf = TWO, .out = "a", .sets = {"train.steps=2"}};
    struct told told = {0};
    char path[128];
    int fd = -1;

    (void)state;
    assert_int_equal(wf_file_mkdirs(in_folder(path, "a"), NULL), 0);
    assert_int_equal(wf_file_lock(in_folder(path, "a/lock"), &fd, NULL), 0);
    assert_int_equal(run(&x, &told, NULL), WF_E_BUSY);
    wf_file_close(&fd);
    assert_int_equal(run(&x, &told, NULL), 0);
}

static void test_trainer__every_failing_allocation_is_an_error(void **state)
{
    const struct experiment x = {.conf = TWO, .out = "a", .sets = {"train.steps=2"}, .resumes = 1};
    int rc = WF_E_NOMEM;

    (void)state;
    for (uint64_t n = 1; rc != 0; n += 3) {
        struct wf_conf *c = read_conf(&x);
        struct wf_trainer *t = NULL;
        struct wf_trainer_events e = {0};
        struct wf_err err = WF_ERR_INIT;
        char out[128];
        struct wf_trainer_options o = {
            .out_dir = in_folder(out, "a"), .n_threads = 1, .resumes = true, .task_by_name = find};
        bool is_done;
        wf_alloc_fail_at(n);
        rc = wf_trainer_open(c, &o, &t, &err);
        if (rc == 0)
            rc = wf_trainer_run(t, &e, &is_done, &err);
        if (!wf_alloc_failed())
            assert_int_equal(rc, 0);
        else if (rc != 0)
            assert_int_equal(rc, WF_E_NOMEM);
        rc = wf_alloc_failed() ? WF_E_NOMEM : rc;
        wf_alloc_fail_at(0);
        wf_trainer_close(t);
        wf_conf_free(c);
        assert_int_equal(n_open, 0);
    }
}

/* ---- export ---- */

static void test_train_export__is_a_model_file(void **state)
{
    const struct experiment x = {
        .conf = MODEL "[task toy colour]\n", .out = "a", .sets = {"train.steps=2"}};
    struct told told = {0};
    char from[128], to[128];
    struct wf_gguf *g = NULL;
    const struct wf_gguf_value *v;
    const struct wf_gguf_tensor *t;
    struct wf_checkpoint_file *c = NULL;
    struct wf_params p = {0};
    struct wf_str s;
    uint64_t n;
    bool marks = false;
    double f;

    (void)state;
    assert_int_equal(run(&x, &told, NULL), 0);
    in_folder(from, "a/checkpoint");
    in_folder(to, "a/report.html"); /* some name that the teardown removes */
    assert_int_equal(wf_train_export(from, to, NULL, NULL), 0);
    assert_int_equal(wf_gguf_open(to, &g, NULL), 0);
    assert_int_equal(wf_params_read(g, &p, NULL), 0);
    assert_string_equal(p.family->name, "lens");
    assert_int_equal(p.n_layers, 2);
    assert_int_equal(p.dim, 32);
    assert_int_equal(p.head_dim, 16);
    assert_int_equal(p.n_vocab, VOCAB);
    assert_int_equal(p.layers[1].n_ff, 48);
    assert_int_equal(p.layers[1].n_kv_heads, 2);
    assert_false(p.is_causal);
    assert_true(p.attention_scale == 0.25f);
    v = wf_gguf_value(g, "lens.colour.labels");
    assert_int_equal(v->n_items, 3);
    assert_true(wf_gguf_item_string(v, 2, &s));
    assert_true(wf_str_eq(s, WF_STR("blue")));
    assert_true(wf_gguf_u64(g, "lens.window", &n));
    assert_int_equal(n, 128);
    assert_true(wf_gguf_f64(g, "lens.threshold", &f));
    assert_true(f == 0.25);
    assert_true(wf_gguf_bool(g, "lens.embedding.marks", &marks) && marks);
    assert_true(wf_gguf_string(g, "lens.version", &s));
    assert_int_equal(wf_vocab_count(g), VOCAB);
    assert_non_null(wf_gguf_value(g, "tokenizer.weft.pieces"));
    assert_null(wf_gguf_value(g, "tokenizer.ggml.tokens"));
    assert_int_equal(wf_checkpoint_open(from, &c, NULL), 0);
    t = wf_gguf_tensor(g, "lens.colour.weight");
    assert_int_equal(t->dims[0], 32);
    assert_int_equal(t->dims[1], LABELS);
    assert_memory_equal(t->data, wf_checkpoint_tensor(c, "lens.colour.weight")->values,
                        (size_t)LABELS * 32 * sizeof(float));
    t = wf_gguf_tensor(g, "lens.colour.bias");
    assert_int_equal(t->n_dims, 1);
    assert_int_equal(t->dims[0], LABELS);
    wf_checkpoint_close(c);
    wf_params_deinit(&p);
    wf_gguf_close(g);
}

/* What the network made of a text while it was trained is what the model's runner makes of it. */
static void test_train_export__runs_as_it_was_trained(void **state)
{
    const struct experiment x = {.conf = MODEL "[task toy colour]\n",
                                 .out = "a",
                                 .sets = {"train.steps=30", "train.precision=f32"}};
    struct told told = {0};
    struct wf_conf *c = read_conf(&x);
    struct wf_trainer *t = NULL;
    struct wf_model *m = NULL;
    struct wf_runner *r = NULL;
    struct wf_runner_options ro = {.n_threads = 1, .n_context = 64, .n_batch = 64};
    int32_t ids[24];
    const uint32_t starts[] = {0, 16, 24};
    const struct wf_net_batch b = {.ids = ids, .starts = starts, .n_texts = 2};
    const float *by_net = NULL, *by_runner = NULL;
    char from[128], to[128], out[128];
    bool is_nothing = true;

    (void)state;
    assert_int_equal(run(&x, &told, NULL), 0);
    assert_int_equal(wf_train_export(in_folder(from, "a/checkpoint"),
                                     in_folder(to, "a/report.html"), NULL, NULL),
                     0);
    struct wf_trainer_options o = {
        .out_dir = in_folder(out, "a"), .n_threads = 1, .resumes = true, .task_by_name = find};
    assert_int_equal(wf_trainer_open(c, &o, &t, NULL), 0);
    for (int32_t i = 0; i < 24; i++)
        ids[i] = (7 * i + 3) % (int32_t)VOCAB;
    assert_int_equal(wf_net_forward(wf_trainer_net(t), &b, false, &by_net, NULL), 0);
    assert_int_equal(wf_model_open(to, &m, NULL), 0);
    assert_int_equal(wf_runner_new(m, &ro, &r, NULL), 0);
    assert_int_equal(wf_runner_encode(r, ids, starts, 2, &by_runner, NULL), 0);
    for (size_t i = 0; i < 24 * 32; i++) {
        assert_true(fabs((double)by_net[i] - (double)by_runner[i]) < 1e-4);
        is_nothing = is_nothing && by_net[i] == 0.0f;
    }
    assert_false(is_nothing);
    wf_runner_free(r);
    wf_model_close(m);
    wf_trainer_close(t);
    wf_conf_free(c);
}

static void test_train_meta__every_damage_is_told(void **state)
{
    struct wf_meta m;
    struct toy t = {.place = {.name = "x"}};

    (void)state;
    wf_meta_init(&m);
    toy_describe(&t, &m);
    assert_int_equal(wf_buf_status(&m.bytes), 0);
    assert_int_equal(wf_meta_export(wf_buf_str(&m.bytes), NULL, NULL), 0);
    assert_int_equal(wf_meta_export(WF_STR(""), NULL, NULL), 0);
    for (size_t n = 1, n_whole = 0; n < m.bytes.len; n++) {
        n_whole += wf_meta_export(wf_str_n(m.bytes.ptr, n), NULL, NULL) == 0;
        assert_true(n_whole <= 4); /* between entries */
    }
    m.bytes.ptr[0] = WF_META_COUNT;
    assert_int_equal(wf_meta_export(wf_buf_str(&m.bytes), NULL, NULL), WF_E_FORMAT);
    m.bytes.ptr[0] = WF_META_STRINGS;
    m.bytes.ptr[6] = 1; /* many more strings */
    assert_int_equal(wf_meta_export(wf_buf_str(&m.bytes), NULL, NULL), WF_E_FORMAT);
    wf_meta_deinit(&m);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_trainer__learns),
        TEST(test_trainer__goes_on_with_the_same_bits),
        TEST(test_trainer__is_the_same_with_a_seed_and_threads),
        TEST(test_trainer__goes_on_from_the_previous_checkpoint),
        TEST(test_trainer__damaged_checkpoints_are_told),
        TEST(test_trainer__skips_what_is_not_finite_and_gives_up),
        TEST(test_trainer__starts_from_another_ones_network),
        TEST(test_trainer__epochs_become_steps),
        TEST(test_trainer__refuses_impossible_experiments),
        TEST(test_trainer__two_do_not_share_a_folder),
        TEST(test_trainer__every_failing_allocation_is_an_error),
        TEST(test_train_export__is_a_model_file),
        TEST(test_train_export__runs_as_it_was_trained),
        cmocka_unit_test(test_train_meta__every_damage_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
