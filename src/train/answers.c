/* SPDX-License-Identifier: Apache-2.0 */
/* Reading questions, running the lens over them, writing the file; answers_fit.c has the sums. */
#include "train/answers.h"

#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "model/gguf_write.h"
#include "model/transformer.h"
#include "text/sentence.h"
#include "train/answers_internal.h"
#include "train/data_questions.h"
#include "train/shuffle.h"
#include "train/split.h"

#define STRINGS_MAX ((size_t)256 << 20)
#define EXAMPLES_MAX ((size_t)1 << 20)
#define BATCH_TOKENS 2048
#define SENTENCES_MAX 64
/* Longer ones would take as long as all others together, to teach the same. */
#define PASSAGE_MAX 6000

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the questions to fit by.");
}

int wf_answers_new(const char *lens, const struct wf_answers_options *o, struct wf_answers **out,
                   struct wf_err *err)
{
    const struct wf_lens_ask ask = {.tasks = WF_LENS_SPANS};
    struct wf_answers *a = wf_alloc_array(1, sizeof(*a));
    int rc;

    *out = NULL;
    if (a == NULL)
        return no_memory(err);
    a->options = *o;
    wf_arena_init(&a->arena, 0, STRINGS_MAX);
    rc = wf_lens_open(lens, &a->lens, err);
    if (rc == 0)
        rc = wf_lens_can(a->lens, &ask, err);
    if (rc == 0) {
        size_t window = wf_lens_window(a->lens);
        const struct wf_runner_options ro = {.n_threads = o->n_threads,
                                             .n_context = window,
                                             .n_batch = WF_MAX(window, (size_t)BATCH_TOKENS)};
        rc = wf_runner_new(wf_lens_model(a->lens), &ro, &a->runner, err);
    }
    if (rc == 0)
        *out = a;
    else
        wf_answers_free(a);
    return rc;
}

void wf_answers_free(struct wf_answers *a)
{
    if (a == NULL)
        return;
    for (size_t i = 0; i < a->n; i++) {
        wf_lens_evidence_free(a->examples[i].evidence);
        wf_lens_job_free(a->examples[i].job);
    }
    wf_free(a->examples);
    wf_free(a->lessons);
    wf_runner_free(a->runner);
    wf_lens_close(a->lens);
    wf_arena_deinit(&a->arena);
    wf_free(a);
}

/* ---- reading ---- */

static int add_example(struct wf_answers *a, const struct wf_answers_example *x, struct wf_err *err)
{
    if (a->n == EXAMPLES_MAX)
        return wf_err_set(err, WF_E_LIMIT, "There are too many questions to fit by.");
    if (wf_reserve(&a->examples, &a->cap, a->n + 1, sizeof(*a->examples)) != 0)
        return no_memory(err);
    a->examples[a->n++] = *x;
    return 0;
}

/* A passage as it is kept: that of the last question, or a new copy. */
static struct wf_str keep_passage(struct wf_answers *a, const struct wf_data_question *q)
{
    struct wf_str *last = a->n_near > 0 ? &a->near[(a->n_near - 1) % WF_ANSWERS_NEAR] : NULL;

    if (!wf_str_eq(a->title, q->title)) {
        a->title = wf_arena_dup(&a->arena, q->title);
        a->n_near = 0;
        last = NULL;
    }
    if (last != NULL && wf_str_eq(*last, q->passage))
        return *last;
    last = &a->near[a->n_near++ % WF_ANSWERS_NEAR];
    *last = wf_arena_dup(&a->arena, q->passage);
    return *last;
}

/* The question with another passage of its article, if one of those near by lacks the answer. */
static int add_elsewhere(struct wf_answers *a, const struct wf_answers_example *of,
                         struct wf_err *err)
{
    struct wf_answers_example x = *of;
    struct wf_str answer = wf_str_sub(of->text, of->answers[0].from, of->answers[0].to);
    size_t n = WF_MIN(a->n_near, (size_t)WF_ANSWERS_NEAR);
    uint64_t draw = wf_split_hash(of->question);

    if (n < 2 || a->title.len == 0)
        return 0;
    x.text = a->near[wf_draw_below(&draw, n)];
    if (wf_str_find(x.text, answer, 0) != SIZE_MAX)
        return 0;
    x.kind = WF_ANSWERS_ELSEWHERE;
    x.n_answers = 0;
    return add_example(a, &x, err);
}

/* The passage's sentences; those that hold an answer as bits. More than 64: none. */
static size_t cut(const struct wf_data_question *q, struct wf_lens_shared_sentence *out,
                  uint64_t *out_good)
{
    struct wf_sentence s;
    size_t n = 0, at = 0;

    *out_good = 0;
    while (wf_sentence_next(q->passage, &at, &s)) {
        if (n == SENTENCES_MAX)
            return 0;
        for (size_t k = 0; k < q->n_answers; k++)
            *out_good |= (uint64_t)(q->answers[k].from >= s.start && q->answers[k].from < s.end)
                         << n;
        out[n++] = (struct wf_lens_shared_sentence){.start = s.start, .end = s.end};
    }
    return n;
}

/* What words say of a question and its passage. */
static int add_lesson(struct wf_answers *a, const struct wf_data_question *q, struct wf_err *err)
{
    struct wf_lens_shared_sentence sentences[SENTENCES_MAX];
    struct wf_answers_lesson x = {.asked = (uint8_t)wf_lens_asked(q->question)};
    size_t n = cut(q, sentences, &x.good);

    if (x.good == 0 || n < 2)
        return 0;
    x.n = (uint8_t)n;
    x.clues = wf_arena_array(&a->arena, n, sizeof(*x.clues));
    if (x.clues == NULL ||
        wf_reserve(&a->lessons, &a->cap_lessons, a->n_lessons + 1, sizeof(x)) != 0 ||
        wf_lens_clues(q->question, q->passage, sentences, n, x.clues) != 0)
        return no_memory(err);
    a->lessons[a->n_lessons++] = x;
    return 0;
}

static int take_question(void *ud, const struct wf_data_question *q, struct wf_err *err)
{
    struct wf_answers *a = ud;
    struct wf_answers_example x = {.kind = q->n_answers > 0 ? WF_ANSWERS_ANSWERED
                                                            : WF_ANSWERS_IMPOSSIBLE,
                                   .is_seen = !wf_split_is_dev(q->key),
                                   .is_sentences = q->is_sentences,
                                   .half = (uint8_t)(wf_split_hash(q->passage) >> 7 & 1)};
    uint64_t draw = wf_seed_mix(wf_split_hash(q->question), 3);
    int rc;

    if (q->passage.len > PASSAGE_MAX)
        return 0;
    if (x.is_seen && q->n_answers > 0 && (rc = add_lesson(a, q, err)) != 0)
        return rc;
    x.text = keep_passage(a, q);
    if (x.is_seen &&
        (a->options.seen_one_in == 0 || wf_draw_below(&draw, a->options.seen_one_in) != 0))
        return 0;
    x.question = wf_arena_dup(&a->arena, q->question);
    x.n_answers = WF_MIN(q->n_answers, (size_t)WF_ANSWERS_MAX);
    memcpy(x.answers, q->answers, x.n_answers * sizeof(x.answers[0]));
    if (x.text.ptr == NULL || x.question.ptr == NULL)
        return no_memory(err);
    rc = add_example(a, &x, err);
    return rc == 0 && x.n_answers > 0 ? add_elsewhere(a, &x, err) : rc;
}

int wf_answers_add(struct wf_answers *a, const char *path, struct wf_err *err)
{
    a->n_near = 0;
    a->title = wf_str_n(NULL, 0);
    return wf_data_questions_read(path, take_question, a, err);
}

/* ---- what the lens says ---- */

/* Windows of several jobs, as one batch. */
struct batch {
    int32_t ids[BATCH_TOKENS];
    uint16_t bits[BATCH_TOKENS];
    uint32_t starts[BATCH_TOKENS + 1];
    size_t jobs[BATCH_TOKENS], windows[BATCH_TOKENS], n;
};

static int run_batch(struct wf_answers *a, struct batch *b, struct wf_err *err)
{
    const struct wf_encode_marks marks = {b->bits, wf_lens_marks_rows(a->lens)};
    const float *hidden = NULL;
    size_t dim = wf_model_params(wf_lens_model(a->lens))->dim;
    int rc;

    if (b->n == 0)
        return 0;
    rc = wf_runner_encode_marked(a->runner, b->ids, b->starts, b->n,
                                 marks.rows != NULL ? &marks : NULL, &hidden, err);
    for (size_t i = 0; i < b->n && rc == 0; i++)
        wf_lens_job_take(a->examples[b->jobs[i]].job, b->windows[i], hidden + b->starts[i] * dim);
    b->n = 0;
    return rc;
}

static int add_windows(struct wf_answers *a, struct batch *b, size_t i, struct wf_err *err)
{
    const struct wf_lens_job *j = a->examples[i].job;
    int rc = 0;

    for (size_t k = 0; k < wf_lens_job_n_windows(j) && rc == 0; k++) {
        size_t n = wf_lens_job_window_tokens(j, k), at;
        if (b->n > 0 && b->starts[b->n] + n > BATCH_TOKENS)
            rc = run_batch(a, b, err);
        at = b->n > 0 ? b->starts[b->n] : 0;
        b->starts[b->n] = (uint32_t)at;
        (void)wf_lens_job_window(j, k, b->ids + at);
        wf_lens_job_marks(j, k, b->bits + at);
        b->jobs[b->n] = i;
        b->windows[b->n] = k;
        b->starts[++b->n] = (uint32_t)(at + n);
    }
    return rc;
}

/* Bits: the sentences that hold an answer. */
static uint64_t good_of(const struct wf_answers_example *x)
{
    uint64_t out = 0;

    for (size_t i = 0; i < wf_lens_evidence_n(x->evidence) && i < 64; i++) {
        const struct wf_lens_answer_sentence_of *s = wf_lens_evidence_at(x->evidence, i);
        for (size_t k = 0; k < x->n_answers; k++)
            out |= (uint64_t)(x->answers[k].from >= s->from && x->answers[k].from < s->to) << i;
    }
    return out;
}

int wf_answers__look(struct wf_answers *a, struct wf_err *err)
{
    struct batch *b = wf_alloc_array(1, sizeof(*b));
    int rc = b == NULL ? no_memory(err) : 0;

    for (size_t i = 0; i < a->n && rc == 0; i++) {
        struct wf_answers_example *x = &a->examples[i];
        const struct wf_lens_ask ask = {
            .tasks = WF_LENS_SPANS, .text = x->text, .question = x->question};
        rc = wf_lens_job_new(a->lens, &ask, &x->job, err);
        if (rc == 0)
            rc = add_windows(a, b, i, err);
    }
    if (rc == 0)
        rc = run_batch(a, b, err);
    for (size_t i = 0; i < a->n && rc == 0; i++) {
        struct wf_answers_example *x = &a->examples[i];
        rc = wf_lens_evidence_new(x->job, &x->evidence, err);
        if (rc == 0)
            x->good = good_of(x);
    }
    wf_free(b);
    return rc;
}

/* ---- the file ---- */

const float *wf_answers_sentence_weights(const struct wf_answers *a)
{
    return a->sentence_weights;
}

const float *wf_answers_none_weights(const struct wf_answers *a)
{
    return a->none_weights;
}

int wf_answers_write(struct wf_answers *a, const char *path, struct wf_err *err)
{
    const double rerank = a->options.rerank, refuse = a->options.refuse;
    const char *without[4] = {"lens.answer."};
    const struct wf_gguf *g = wf_model_gguf(wf_lens_model(a->lens));
    const struct wf_dtype *f32 = wf_dtype_by_id(WF_DTYPE_F32);
    const uint64_t n_clues[] = {WF_LENS_CLUE_COUNT}, n_sentence[] = {WF_LENS_ANSWER_S_COUNT},
                   n_none[] = {WF_LENS_ANSWER_N_COUNT};
    struct wf_gguf_writer *w = NULL;
    size_t n = 1;
    int rc = wf_gguf_writer_new(path, &w, err);

    if (rc != 0)
        return rc;
    if (rerank >= 0)
        without[n++] = "lens.span.rerank";
    if (refuse >= 0)
        without[n++] = "lens.span.refuse";
    wf_gguf_put_others(w, g, without);
    if (rerank >= 0)
        wf_gguf_put_f32(w, "lens.span.rerank", (float)rerank);
    if (refuse >= 0)
        wf_gguf_put_f32(w, "lens.span.refuse", (float)refuse);
    wf_gguf_put_u32(w, "lens.answer.edition", WF_LENS_ANSWER_EDITION);
    wf_gguf_put_tensor(w, WF_STR("lens.answer.clues"), f32, 1, n_clues);
    wf_gguf_put_tensor(w, WF_STR("lens.answer.sentence"), f32, 1, n_sentence);
    wf_gguf_put_tensor(w, WF_STR("lens.answer.none"), f32, 1, n_none);
    rc = wf_gguf_writer_begin(w, err);
    if (rc == 0)
        rc = wf_gguf_write_others(w, g, without, err);
    if (rc == 0)
        rc = wf_gguf_writer_write(w, a->clue_weights, sizeof(a->clue_weights), err);
    if (rc == 0)
        rc = wf_gguf_writer_write(w, a->sentence_weights, sizeof(a->sentence_weights), err);
    if (rc == 0)
        rc = wf_gguf_writer_write(w, a->none_weights, sizeof(a->none_weights), err);
    if (rc == 0)
        rc = wf_gguf_writer_finish(w, err);
    wf_gguf_writer_free(w);
    return rc;
}
