/* SPDX-License-Identifier: Apache-2.0 */
/* Answers as a task: that a tiny network learns to find them, and finds the same once it is a model
 * file; marks of shared words; the measures. The texts are made here. */
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
#include "model/lens.h"
#include "model/lens_answer.h"
#include "model/lens_match.h"
#include "model/transformer.h"
#include "os/file.h"
#include "train/answers.h"
#include "train/bpe.h"
#include "train/export.h"
#include "train/shuffle.h"
#include "train/span_measure.h"
#include "train/task_list.h"
#include "train/trainer.h"

#define N_QUESTIONS 500
#define N_PEOPLE 8
#define N_SAID 3 /* sentences of a passage */

static char folder[64];

static const char *const controls[] = {"<s>", "</s>", "<mask>", "<q>", "<p>"};
static const char *const people[] = {"Ana",  "Bert",  "Cleo", "Dora",
                                     "Emil", "Fritz", "Gina", "Hugo"};
static const char *const cities[] = {"Porto", "Oslo", "Rome", "Bern", "Paris", "Riga"};

static void path_of(const char *name, char out[160])
{
    (void)snprintf(out, 160, "%s/%s", folder, name);
}

/* Who lives where: N_SAID people in a passage, and a question for one, who in one of five is
 * another. Returns where the answer stands, or -1. */
static int make_question(uint64_t i, char passage[256], char question[64], const char **out_city)
{
    uint64_t draw = wf_seed_mix(5, i);
    size_t n = 0, asked = wf_draw_below(&draw, N_SAID), at = 0;
    uint64_t first = wf_draw_below(&draw, N_PEOPLE);
    bool is_none = wf_draw_below(&draw, 5) == 0;

    for (size_t k = 0; k < N_SAID; k++) {
        const char *city = cities[wf_draw_below(&draw, WF_ARRAY_LEN(cities))];
        const char *who = people[(first + k) % N_PEOPLE];
        size_t lead = strlen(who) + strlen(" went to live in ");
        if (k == asked) {
            *out_city = city;
            at = n + lead;
            (void)snprintf(question, 64, "Where did %s live?",
                           is_none ? people[(first + N_SAID) % N_PEOPLE] : who);
        }
        n += (size_t)snprintf(passage + n, 256 - n, "%s went to live in %s. ", who, city);
    }
    passage[n - 1] = 0;
    return is_none ? -1 : (int)at;
}

static void make_questions(struct wf_buf *out)
{
    char passage[256], question[64];
    const char *city;

    for (uint64_t i = 0; i < N_QUESTIONS; i++) {
        int at = make_question(i, passage, question, &city);
        (void)wf_buf_appendf(out, "{\"id\":\"%u\",\"title\":\"t%u\",\"context\":\"%s\",",
                             (unsigned)i, (unsigned)(i / 4), passage);
        (void)wf_buf_appendf(out, "\"question\":\"%s\",\"impossible\":%s,\"answers\":[", question,
                             at < 0 ? "true" : "false");
        if (at >= 0)
            (void)wf_buf_appendf(out, "{\"text\":\"%s\",\"start\":%d}", city, at);
        (void)wf_buf_append_cstr(out, "]}\n");
    }
}

static int make_folder(void **state)
{
    const struct wf_bpe_options o = {
        .n_tokens = 400, .pre = "qwen2", .controls = controls, .n_controls = 5};
    struct wf_bpe *bpe = NULL;
    struct wf_buf text;
    char path[160];

    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/weft-span-XXXXXX");
    assert_non_null(mkdtemp(folder));
    wf_buf_init(&text, 1u << 20);
    make_questions(&text);
    assert_int_equal(wf_buf_status(&text), 0);
    path_of("set.jsonl", path);
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
    static const char *const names[] = {"set.jsonl",
                                        "vocab.gguf",
                                        "lens.gguf",
                                        "out/checkpoint",
                                        "out/checkpoint.previous",
                                        "out/lock",
                                        "out/figures.csv",
                                        "out/report.html",
                                        "out/experiment.conf"};
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
                   "[model]\nfamily = lens\nlayers = 2\nwidth = 32\nheads = 2\nff = 64\n"
                   "[train]\nwork = %s\nvocab = vocab.gguf\nout = %s/out\nbatch_tokens = 512\n"
                   "micro_tokens = 512\ntext_tokens = 64\nsteps = 250\nrate = 1e-2\n"
                   "warmup_steps = 10\nevaluate_steps = 250\n"
                   "[task span]\nsources = %s\nrerank = 1.5\n",
                   folder, folder, sources);
    assert_int_equal(wf_conf_parse(wf_str_from(text), "x.conf", out_conf, NULL), 0);
    return wf_trainer_open(*out_conf, &o, out, err);
}

static double last[WF_SPAN_FIGURES];

static void on_measured(void *ud, uint64_t step, const char *task, const struct wf_task_figure *f,
                        const double *values)
{
    (void)ud;
    (void)step;
    assert_string_equal(task, "span");
    assert_string_equal(f[0].name, "sentence");
    memcpy(last, values, sizeof(last));
}

/* What the model file says of a question, read as `weft lens spans` reads it. */
static void ask(const struct wf_lens *l, struct wf_runner *r, struct wf_str question,
                struct wf_str text, struct wf_lens_answer *out)
{
    const struct wf_lens_ask a = {.tasks = WF_LENS_SPANS, .text = text, .question = question};
    struct wf_lens_job *j = NULL;
    int32_t ids[256];
    uint16_t bits[256];

    assert_int_equal(wf_lens_job_new(l, &a, &j, NULL), 0);
    for (size_t i = 0; i < wf_lens_job_n_windows(j); i++) {
        const uint32_t starts[] = {0, (uint32_t)wf_lens_job_window(j, i, ids)};
        const struct wf_encode_marks marks = {bits, wf_lens_marks_rows(l)};
        const float *hidden = NULL;
        wf_lens_job_marks(j, i, bits);
        assert_non_null(marks.rows);
        assert_int_equal(wf_runner_encode_marked(r, ids, starts, 1, &marks, &hidden, NULL), 0);
        wf_lens_job_take(j, i, hidden);
    }
    assert_int_equal(wf_lens_job_finish(j, out, NULL), 0);
    wf_lens_job_free(j);
}

/* Most answers of questions that nobody has seen. */
static void check_file(const char *path)
{
    struct wf_runner_options ro = {.n_threads = 1, .n_context = 256, .n_batch = 256};
    struct wf_runner *r = NULL;
    struct wf_lens *l = NULL;
    struct wf_err err = WF_ERR_INIT;
    size_t n = 0, n_right = 0;

    if (wf_lens_open(path, &l, &err) != 0)
        fail_msg("%s", err.msg);
    assert_true(wf_lens_rerank(l) > 1.49f && wf_lens_rerank(l) < 1.51f);
    assert_int_equal(wf_runner_new(wf_lens_model(l), &ro, &r, NULL), 0);
    for (uint64_t i = N_QUESTIONS; i < N_QUESTIONS + 60; i++) {
        char passage[256], question[64];
        const char *city = NULL;
        struct wf_lens_answer a;
        int at = make_question(i, passage, question, &city);
        ask(l, r, wf_str_from(question), wf_str_from(passage), &a);
        assert_int_equal(a.sentences.n, N_SAID);
        n++;
        n_right += at < 0 ? a.none > 0.5f
                          : a.none < 0.5f && a.span.start == (size_t)at &&
                                a.span.end == (size_t)at + strlen(city);
        wf_lens_answer_deinit(&a);
    }
    wf_runner_free(r);
    wf_lens_close(l);
    assert_true(10 * n_right > 8 * n); /* by chance one in some 20 */
}

/* Weights fitted on what was kept aside; the file with them answers as well. */
static void fit_answers(const char *lens)
{
    const struct wf_answers_options o = {
        .n_threads = 1, .seen_one_in = 4, .seen_weight = 0.25, .rerank = -1, .refuse = 0.5};
    struct wf_answers *a = NULL;
    struct wf_answers_report r;
    struct wf_lens *l = NULL;
    struct wf_err err = WF_ERR_INIT;
    char path[160];

    path_of("set.jsonl", path);
    if (wf_answers_new(lens, &o, &a, &err) != 0 || wf_answers_add(a, path, &err) != 0 ||
        wf_answers_fit(a, &r, &err) != 0)
        fail_msg("%s", err.msg);
    assert_true(r.n_answered >= 20 && r.n_impossible > 2 && r.n_elsewhere > 10 && r.n_seen > 50);
    assert_true(r.n_answered + r.n_impossible < N_QUESTIONS / 5);
    assert_true(r.words > 60 && r.after.sentence > 90 && r.after.f1 > 80 && r.after.both > 85);
    assert_true(wf_answers_sentence_weights(a)[WF_LENS_ANSWER_S_HEAD] > 0);
    assert_int_equal(wf_answers_write(a, lens, &err), 0);
    wf_answers_free(a);
    assert_int_equal(wf_lens_open(lens, &l, &err), 0);
    assert_true(wf_lens_refuse(l) > 0.49f && wf_lens_refuse(l) < 0.51f);
    wf_lens_close(l);
    assert_int_equal(wf_answers_new(lens, &o, &a, &err), 0);
    assert_int_equal(wf_answers_fit(a, &r, &err), WF_E_INVAL); /* no question */
    wf_answers_free(a);
}

static void test_train_span__a_network_learns_to_answer(void **state)
{
    struct wf_trainer_events e = {.measured = on_measured};
    struct wf_conf *c = NULL;
    struct wf_trainer *t = NULL;
    struct wf_err err = WF_ERR_INIT;
    bool is_done = false;
    char from[160], to[160];

    (void)state;
    if (open_trainer("set.jsonl en 100 train questions", &c, &t, &err) != 0)
        fail_msg("%s", err.msg);
    assert_int_equal(wf_trainer_run(t, &e, &is_done, &err), 0);
    assert_true(is_done);
    wf_trainer_close(t);
    wf_conf_free(c);
    assert_true(last[0] > 90); /* the sentence: by chance a third */
    assert_true(last[1] > 80); /* the span's F1 */
    assert_true(last[2] > 90); /* refusals: by chance a half */
    path_of("out/checkpoint", from);
    path_of("lens.gguf", to);
    assert_int_equal(wf_train_export(from, to, NULL, &err), 0);
    check_file(to);
    fit_answers(to);
    check_file(to); /* what it said of reranking is kept */
}

static void test_train_span__sources_that_are_none_are_refused(void **state)
{
    static const char *const wrong[] = {
        "set.jsonl en 100",       "set.jsonl en x train",         "set.jsonl en 100 test",
        "set.jsonl en 10001 dev", "set.jsonl en 100 train words", "set.jsonl en 100 train cloze 1"};
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
    assert_int_equal(open_trainer("set.jsonl en 100 dev", &c, &t, &err), WF_E_FORMAT);
    assert_non_null(strstr(err.msg, "no question to train on"));
    wf_conf_free(c);
}

/* ---- marks ---- */

struct marked {
    struct wf_gguf *file;
    struct wf_vocab *vocab;
    struct wf_ids q, p;
    uint16_t q_marks[64], p_marks[256];
};

static void open_marked(struct marked *m)
{
    char path[160];

    memset(m, 0, sizeof(*m));
    path_of("vocab.gguf", path);
    assert_int_equal(wf_gguf_open(path, &m->file, NULL), 0);
    assert_int_equal(wf_vocab_open(m->file, &m->vocab, NULL), 0);
}

static void shut_marked(struct marked *m)
{
    wf_free(m->q.ptr);
    wf_free(m->p.ptr);
    wf_vocab_close(m->vocab);
    wf_gguf_close(m->file);
}

static int match(struct marked *m, const char *question, const char *passage)
{
    struct wf_str q = wf_str_from(question), p = wf_str_from(passage);

    m->q.n = m->p.n = 0;
    assert_int_equal(wf_vocab_encode(m->vocab, q, 0, &m->q, NULL), 0);
    assert_int_equal(wf_vocab_encode(m->vocab, p, 0, &m->p, NULL), 0);
    assert_true(m->q.n <= 64 && m->p.n <= 256);
    return wf_lens_match(m->vocab, &(struct wf_lens_match_text){q, m->q.ptr, m->q.n},
                         &(struct wf_lens_match_text){p, m->p.ptr, m->p.n}, m->q_marks, m->p_marks,
                         NULL);
}

/* The marks of the token in which `word` begins. */
static unsigned marks_at(const struct marked *m, const struct wf_ids *ids, const uint16_t *marks,
                         const char *text, const char *word)
{
    size_t at = (size_t)(strstr(text, word) - text), end = 0;

    for (size_t i = 0; i < ids->n; i++) {
        end += wf_vocab_bytes(m->vocab, ids->ptr[i]).len;
        if (end > at)
            return marks[i];
    }
    fail_msg("%s is not there", word);
    return 0;
}

#define BIT(name) (1u << WF_LENS_MATCH_##name)

static void test_train_span__shared_words_are_marked(void **state)
{
    static const char question[] = "When did the RAINFOREST flood Manaus and Xyloph?";
    static const char passage[] = "It is old. The flooding of Manaus was in May. It was wet. "
                                  "The rainforest, a rainforest of old, is there in Manaus.";
    const unsigned word = BIT(EXACT) | BIT(STEM) | BIT(STOP) | BIT(RARE);
    struct marked m;

    (void)state;
    open_marked(&m);
    assert_int_equal(match(&m, question, passage), 0);
#define AT(text) (marks_at(&m, &m.p, m.p_marks, passage, text) & word)
    assert_int_equal(AT("flooding"), BIT(STEM) | BIT(RARE));
    assert_int_equal(AT("Manaus"), BIT(EXACT)); /* two sentences have it */
    assert_int_equal(AT("rainforest,"), BIT(EXACT) | BIT(RARE));
    assert_int_equal(AT("May"), 0);
    assert_int_equal(AT("The flooding"), BIT(STOP));
#undef AT
#define AT(text) (marks_at(&m, &m.p, m.p_marks, passage, text) & ~word)
    assert_int_equal(AT("It is old"), 0);
    assert_true((AT("May") == BIT(SECOND) && AT("there") == BIT(BEST)) ||
                (AT("May") == BIT(BEST) && AT("wet") == BIT(AFTER)));
#undef AT
#define AT(text) marks_at(&m, &m.q, m.q_marks, question, text)
    assert_int_equal(AT("RAINFOREST"), BIT(PRESENT));
    assert_int_equal(AT("Xyloph"), BIT(ABSENT));
    assert_int_equal(AT("the"), 0);
#undef AT
    assert_int_equal(match(&m, "", passage), 0);
    for (size_t i = 0; i < m.p.n; i++)
        assert_int_equal(m.p_marks[i], 0);
    assert_int_equal(match(&m, question, ""), 0);
    shut_marked(&m);
}

static void test_train_span__pairs_of_letters_are_words(void **state)
{
    static const char passage[] = "\xe4\xba\x9a\xe9\xa9\xac\xe9\x80\x8a\xe6\xb2\xb3"; /* Amazon */
    struct marked m;

    (void)state;
    open_marked(&m);
    assert_int_equal(match(&m, "\xe4\xba\x9a\xe9\xa9\xac", passage), 0);
    assert_true((m.p_marks[0] & BIT(EXACT)) != 0);
    assert_int_equal(m.p_marks[m.p.n - 1] & BIT(EXACT), 0);
    shut_marked(&m);
}

static void test_train_span__marking_without_memory(void **state)
{
    struct marked m;
    uint64_t before;

    (void)state;
    open_marked(&m);
    assert_int_equal(match(&m, "Where is Ana?", "Ana is there. Bert is not."), 0);
    before = wf_alloc_stats().n_live;
    for (uint64_t i = 1;; i++) {
        struct wf_str q = WF_STR("Where is Ana?"), p = WF_STR("Ana is there. Bert is not.");
        wf_alloc_fail_at(i);
        int rc = wf_lens_match(m.vocab, &(struct wf_lens_match_text){q, m.q.ptr, m.q.n},
                               &(struct wf_lens_match_text){p, m.p.ptr, m.p.n}, m.q_marks,
                               m.p_marks, NULL);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_int_equal(wf_alloc_stats().n_live, before);
        assert_int_equal(rc, failed ? WF_E_NOMEM : 0);
        if (!failed) {
            assert_true(i > 4);
            break;
        }
    }
    shut_marked(&m);
}

/* ---- measures ---- */

static void test_train_span__measures_are_known_ones(void **state)
{
    struct wf_span_refusal r[] = {{0.1f, false, 0}, {0.9f, true, 1}, {0.5f, false, 0},
                                  {0.5f, true, 1},  {0.2f, true, 1}, {0.4f, false, 0}};
    /* <s> 0.2; starts at 2 or 3, ends at 1 or 3. */
    const float spans[] = {0.2f, 0.2f, 0.1f, 0.4f, 0.5f, 0.1f, 0.2f, 0.3f};
    struct wf_span_found f;

    (void)state;
    /* Nine pairs: 3 + 2.5 + 1 of them are right. */
    assert_true(fabs(wf_span_auroc(r, 6) - 6.5 / 9) < 1e-9);
    assert_true(fabs(wf_span_auroc(r, 0) - 0.5) < 1e-9);
    wf_span_find(spans, 4, 48, &f);
    assert_int_equal(f.first, 2);
    assert_int_equal(f.last, 3);
    assert_true(fabs(f.score - log(0.5 * 0.3 / 0.04)) < 1e-5);
    wf_span_find(spans, 4, 1, &f);
    assert_int_equal(f.first, 3);
    assert_int_equal(f.last, 3);
    assert_true(fabs(wf_span_f1(WF_STR("the Amazon river"), WF_STR("Amazon River, Brazil")) - 0.8) <
                1e-9);
    assert_true(wf_span_f1(WF_STR("a"), WF_STR("b")) == 0.0);
    assert_true(wf_span_f1(WF_STR("1,000"), WF_STR("1000")) == 1.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_span__a_network_learns_to_answer),
        cmocka_unit_test(test_train_span__sources_that_are_none_are_refused),
        cmocka_unit_test(test_train_span__shared_words_are_marked),
        cmocka_unit_test(test_train_span__pairs_of_letters_are_words),
        cmocka_unit_test(test_train_span__marking_without_memory),
        cmocka_unit_test(test_train_span__measures_are_known_ones),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
