/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler: what a text gets does not depend on who else is served, on what is in the cache,
 * or on how little room there is; a lone runner is the oracle. */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "engine/scheduler_internal.h"
#include "support/served.h"

#define CONTEXT 256
#define TEXT_MAX 256
#define WAIT_MS 60000

struct written {
    int32_t ids[TEXT_MAX];
    size_t n;
    char text[4096];
    enum wf_gen_finish finish;
    size_t i_stop;
    struct wf_job_counts counts;
};

static struct wf_sched *start(const struct served *s, size_t n_cache_tokens, size_t n_parallel)
{
    struct wf_sched_options o = {
        .model = s->model,
        .vocab = s->vocab,
        .n_parallel = n_parallel,
        .runner = {
            .n_threads = 2, .n_context = CONTEXT, .n_batch = 64, .n_cache_tokens = n_cache_tokens}};
    struct wf_sched *sched = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_sched_new(&o, &sched, &err) != 0)
        fail_msg("%s", err.msg);
    return sched;
}

static struct wf_job_options greedy(const int32_t *ids, size_t n, size_t n_max)
{
    struct wf_job_options o = {
        .ids = ids, .n_ids = n, .n_max = n_max, .sampling = wf_sampling_default()};

    o.sampling.temperature = 0;
    return o;
}

static struct wf_jobs *begin(struct wf_sched *s, const struct wf_job_options *o, size_t n)
{
    struct wf_jobs *jobs = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_jobs_start(s, o, n, &jobs, &err) != 0)
        fail_msg("%s", err.msg);
    return jobs;
}

/* Reads all texts of a group to their ends. */
static void finish(struct wf_jobs *jobs, struct written *out, size_t n)
{
    struct wf_job_output o;
    struct wf_err err = WF_ERR_INIT;
    size_t i = 0;
    int rc;

    memset(out, 0, n * sizeof(*out));
    wf_job_output_init(&o);
    while ((rc = wf_jobs_next(jobs, WAIT_MS, &i, &o, &err)) == 1) {
        struct written *w = &out[i];
        assert_true(i < n);
        for (size_t k = 0; k < o.n_tokens; k++) {
            assert_true(w->n < TEXT_MAX);
            w->ids[w->n++] = o.tokens[k].id;
        }
        assert_true(strlen(w->text) + o.text.len < sizeof(w->text));
        strncat(w->text, o.text.ptr, o.text.len);
        w->finish = o.finish;
        w->i_stop = o.i_stop;
    }
    if (rc != 0)
        fail_msg("%s", err.msg);
    for (i = 0; i < n; i++)
        out[i].counts = wf_jobs_counts(jobs, i);
    wf_job_output_deinit(&o);
    wf_jobs_free(jobs);
}

static void same_as_alone(const struct served *s, const int32_t *prompt, size_t n_prompt,
                          size_t n_max, const struct written *w)
{
    int32_t alone[TEXT_MAX];
    size_t n = served_alone(s, prompt, n_prompt, n_max, alone);

    assert_int_equal(w->n, n);
    assert_memory_equal(w->ids, alone, n * sizeof(alone[0]));
}

static void test_scheduler__writes_what_a_lone_runner_writes(void **state)
{
    static const char *const names[] = {"llama", "gemma3", "lfm2", "gpt-oss", "qwen3moe"};
    struct written w;
    struct served s;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        int32_t prompt[100];
        served_open(&s, names[i]);
        struct wf_sched *sched = start(&s, CONTEXT * 2, 4);
        served_prompt(prompt, 100, 0, 1);
        struct wf_job_options o = greedy(prompt, 100, 20);
        finish(begin(sched, &o, 1), &w, 1);
        same_as_alone(&s, prompt, 100, 20, &w);
        assert_int_equal(w.counts.n_prompt, 100);
        wf_sched_free(sched);
        served_close(&s);
    }
}

/* Ten texts of different lengths at once, more than there are places, in a cache of `tokens`. */
static void many_at_once(const char *name, size_t tokens)
{
    struct wf_jobs *jobs[10];
    int32_t prompts[10][120];
    struct written w;
    struct served s;

    served_open(&s, name);
    struct wf_sched *sched = start(&s, tokens, 4);
    for (size_t i = 0; i < 10; i++) {
        served_prompt(prompts[i], 120, i % 3 * 40, (int32_t)i);
        struct wf_job_options o = greedy(prompts[i], 20 + i * 10, 10 + i * 5);
        jobs[i] = begin(sched, &o, 1);
    }
    for (size_t i = 0; i < 10; i++) {
        finish(jobs[i], &w, 1);
        same_as_alone(&s, prompts[i], 20 + i * 10, 10 + i * 5, &w);
    }
    assert_int_equal(wf_sched_n_active(sched), 0);
    wf_sched_free(sched);
    served_close(&s);
}

static void test_scheduler__neighbours_change_nothing(void **state)
{
    (void)state;
    many_at_once("llama", CONTEXT * 4);
    many_at_once("lfm2", CONTEXT * 4);
}

static void test_scheduler__little_room_changes_nothing(void **state)
{
    (void)state;
    many_at_once("llama", CONTEXT);
    many_at_once("lfm2", CONTEXT);
}

static void test_scheduler__a_known_beginning_is_not_read_again(void **state)
{
    int32_t prompt[200];
    struct written w;
    struct served s;

    (void)state;
    served_open(&s, "llama");
    struct wf_sched *sched = start(&s, CONTEXT * 4, 4);
    served_prompt(prompt, 200, 0, 1);
    struct wf_job_options o = greedy(prompt, 150, 10);
    finish(begin(sched, &o, 1), &w, 1);
    assert_int_equal(w.counts.n_cached, 0);
    o.n_ids = 180;
    finish(begin(sched, &o, 1), &w, 1);
    assert_int_equal(w.counts.n_cached, 150);
    same_as_alone(&s, prompt, 180, 10, &w);
    finish(begin(sched, &o, 1), &w, 1);
    assert_int_equal(w.counts.n_cached, 179); /* the last token's logits are wanted */
    same_as_alone(&s, prompt, 180, 10, &w);
    prompt[60] = 7;
    finish(begin(sched, &o, 1), &w, 1);
    assert_int_equal(w.counts.n_cached, 60);
    same_as_alone(&s, prompt, 180, 10, &w);
    wf_sched_free(sched);
    served_close(&s);
}

static void test_scheduler__texts_that_begin_alike_are_read_once(void **state)
{
    static struct written w[4];
    int32_t prompt[150];
    struct served s;

    (void)state;
    served_open(&s, "llama");
    struct wf_sched *sched = start(&s, CONTEXT * 4, 4);
    served_prompt(prompt, 150, 0, 3);
    struct wf_job_options o = greedy(prompt, 150, 12);
    finish(begin(sched, &o, 4), w, 4);
    assert_int_equal(w[0].counts.n_cached, 0);
    for (size_t i = 0; i < 4; i++) {
        same_as_alone(&s, prompt, 150, 12, &w[i]);
        if (i > 0)
            assert_true(w[i].counts.n_cached >= 128);
    }
    wf_sched_free(sched);
    served_close(&s);
}

static void test_scheduler__seeds_repeat_and_differ(void **state)
{
    static struct written a[3], b[3];
    int32_t prompt[40];
    struct served s;

    (void)state;
    served_open(&s, "llama");
    struct wf_sched *sched = start(&s, CONTEXT * 4, 4);
    served_prompt(prompt, 40, 0, 3);
    struct wf_job_options o = greedy(prompt, 40, 30);
    o.sampling = wf_sampling_default();
    o.sampling.temperature = 1.5f;
    o.sampling.top_k = 0;
    o.sampling.seed = 7;
    finish(begin(sched, &o, 3), a, 3);
    finish(begin(sched, &o, 3), b, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(a[i].n, b[i].n);
        assert_memory_equal(a[i].ids, b[i].ids, a[i].n * sizeof(a[i].ids[0]));
    }
    assert_true(a[0].n != a[1].n || memcmp(a[0].ids, a[1].ids, a[0].n * sizeof(int32_t)) != 0);
    wf_sched_free(sched);
    served_close(&s);
}

static void test_scheduler__a_stop_text_ends_it(void **state)
{
    int32_t prompt[40];
    struct written whole, cut;
    struct served s;
    char *second, stop[6] = "";

    (void)state;
    served_open(&s, "llama");
    struct wf_sched *sched = start(&s, CONTEXT * 4, 4);
    served_prompt(prompt, 40, 0, 3);
    struct wf_job_options o = greedy(prompt, 40, 60);
    o.sampling.repeat_penalty = 1.0f;
    finish(begin(sched, &o, 1), &whole, 1);
    assert_int_equal(whole.finish, WF_FINISH_LENGTH);
    second = strstr(whole.text + 20, " w"); /* words are plain ASCII */
    assert_non_null(second);
    assert_true(strlen(second) > 5);
    struct wf_str stops[2] = {WF_STR("never written"), wf_str_n(second, 5)};
    memcpy(stop, second, 5);
    second = strstr(whole.text, stop);
    o.stops = stops;
    o.n_stops = 2;
    finish(begin(sched, &o, 1), &cut, 1);
    assert_int_equal(cut.finish, WF_FINISH_STOP_TEXT);
    assert_int_equal(cut.i_stop, 1);
    assert_int_equal(strlen(cut.text), second - whole.text);
    assert_memory_equal(cut.text, whole.text, strlen(cut.text));
    wf_sched_free(sched);
    served_close(&s);
}

static void test_scheduler__what_is_given_up_leaves_the_others_alone(void **state)
{
    struct wf_jobs *jobs[8];
    int32_t prompts[8][60];
    struct written w;
    struct served s;

    (void)state;
    served_open(&s, "llama");
    struct wf_sched *sched = start(&s, CONTEXT * 2, 4);
    for (size_t i = 0; i < 8; i++) {
        served_prompt(prompts[i], 60, 20, (int32_t)i);
        struct wf_job_options o = greedy(prompts[i], 60, 40);
        jobs[i] = begin(sched, &o, i % 2 == 0 ? 2 : 1);
    }
    for (size_t i = 0; i < 8; i += 2)
        wf_jobs_free(jobs[i]);
    for (size_t i = 1; i < 8; i += 2) {
        finish(jobs[i], &w, 1);
        same_as_alone(&s, prompts[i], 60, 40, &w);
    }
    wf_sched_free(sched);
    served_close(&s);
}

static void test_scheduler__logprobs_come_with_their_tokens(void **state)
{
    struct wf_job_output out;
    int32_t prompt[10];
    struct served s;
    size_t i = 0, n = 0;

    (void)state;
    served_open(&s, "llama");
    struct wf_sched *sched = start(&s, CONTEXT, 2);
    served_prompt(prompt, 10, 0, 5);
    struct wf_job_options o = greedy(prompt, 10, 6);
    o.wants_logprobs = true;
    o.n_top = 3;
    struct wf_jobs *jobs = begin(sched, &o, 1);
    wf_job_output_init(&out);
    while (wf_jobs_next(jobs, WAIT_MS, &i, &out, NULL) == 1) {
        for (size_t k = 0; k < out.n_tokens; k++, n++) {
            const struct wf_written *t = &out.tokens[k];
            assert_int_equal(t->n_top, 3);
            assert_int_equal(out.tops[t->i_top].id, t->id); /* the likeliest was picked */
            assert_true(t->logprob <= 0);
            assert_true(out.tops[t->i_top + 1].logprob <= t->logprob);
        }
    }
    assert_int_equal(n, 6);
    wf_job_output_deinit(&out);
    wf_jobs_free(jobs);
    wf_sched_free(sched);
    served_close(&s);
}

static void test_scheduler__what_does_not_fit_is_refused(void **state)
{
    int32_t prompt[CONTEXT + 10];
    struct wf_jobs *jobs = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct written w;
    struct served s;

    (void)state;
    served_open(&s, "llama");
    struct wf_sched *sched = start(&s, CONTEXT, 2);
    served_prompt(prompt, CONTEXT + 10, 0, 5);
    struct wf_job_options o = greedy(prompt, CONTEXT, 6);
    assert_int_equal(wf_jobs_start(sched, &o, 1, &jobs, &err), WF_E_LIMIT);
    assert_non_null(strstr(err.msg, "256"));
    o.n_ids = CONTEXT - 3; /* room for three tokens */
    o.n_max = 0;
    finish(begin(sched, &o, 1), &w, 1);
    assert_int_equal(w.n, 3);
    assert_int_equal(w.finish, WF_FINISH_LENGTH);
    prompt[4] = 512;
    assert_int_equal(wf_jobs_start(sched, &o, 1, &jobs, &err), WF_E_RANGE);
    prompt[4] = 5;
    o.sampling.top_p = 2;
    assert_int_equal(wf_jobs_start(sched, &o, 1, &jobs, &err), WF_E_RANGE);
    wf_sched_free(sched);
    served_close(&s);
}

static int count_call(struct wf_runner *r, void *ud, struct wf_err *err)
{
    int *n = ud;

    (void)err;
    assert_non_null(r);
    return ++*n == 1 ? 0 : WF_E_IO;
}

static void test_scheduler__other_work_runs_between_turns(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    int32_t prompt[60];
    struct written w;
    struct served s;
    int n = 0;

    (void)state;
    served_open(&s, "llama");
    struct wf_sched *sched = start(&s, CONTEXT, 2);
    served_prompt(prompt, 60, 0, 5);
    struct wf_job_options o = greedy(prompt, 60, 50);
    struct wf_jobs *jobs = begin(sched, &o, 1);
    assert_int_equal(wf_sched_run(sched, count_call, &n, &err), 0);
    assert_int_equal(wf_sched_run(sched, count_call, &n, &err), WF_E_IO);
    assert_int_equal(n, 2);
    finish(jobs, &w, 1);
    same_as_alone(&s, prompt, 60, 50, &w);
    wf_sched_free(sched);
    served_close(&s);
}

/* Whichever allocation fails, the job ends with NOMEM or as if nothing had happened, and the next
 * one is well. */
/* The scheduler's thread, held between two turns until it is let go. */
struct held {
    struct wf_sched *sched;
    pthread_t thread;
    sem_t is_in, may_go;
};

static int wait_in_turn(struct wf_runner *r, void *ud, struct wf_err *err)
{
    struct held *h = ud;

    (void)r;
    (void)err;
    sem_post(&h->is_in);
    while (sem_wait(&h->may_go) != 0)
        ;
    return 0;
}

static void *hold_thread(void *ud)
{
    struct held *h = ud;

    assert_int_equal(wf_sched_run(h->sched, wait_in_turn, h, NULL), 0);
    return NULL;
}

static void hold(struct held *h, struct wf_sched *sched)
{
    h->sched = sched;
    sem_init(&h->is_in, 0, 0);
    sem_init(&h->may_go, 0, 0);
    assert_int_equal(pthread_create(&h->thread, NULL, hold_thread, h), 0);
    while (sem_wait(&h->is_in) != 0)
        ;
}

static void let_go(struct held *h)
{
    sem_post(&h->may_go);
    pthread_join(h->thread, NULL);
    sem_destroy(&h->is_in);
    sem_destroy(&h->may_go);
}

/* Whose jobs they are, and how long a text is. */
static struct wf_jobs *begin_for(struct wf_sched *s, int32_t *prompt, uint64_t client,
                                 unsigned priority, size_t n_max)
{
    struct wf_job_options o = greedy(prompt, 30, n_max);

    served_prompt(prompt, 30, 0, prompt[0]);
    o.client = client;
    o.priority = priority;
    o.ignore_eos = true;
    return begin(s, &o, 1);
}

static void test_scheduler__a_client_with_many_requests_leaves_others_their_turn(void **state)
{
    enum {
        MANY = 5
    };
    struct wf_jobs *jobs[MANY], *other;
    int32_t prompts[MANY + 1][30];
    struct written w[MANY], mine;
    struct served s;

    (void)state;
    served_open(&s, "llama");
    struct wf_sched *sched = start(&s, CONTEXT * 2, 1);
    for (size_t i = 0; i <= MANY; i++)
        prompts[i][0] = (int32_t)i + 1;
    struct held h;
    hold(&h, sched);
    for (size_t i = 0; i < MANY; i++)
        jobs[i] = begin_for(sched, prompts[i], 7, 0, 60);
    other = begin_for(sched, prompts[MANY], 8, 0, 5);
    let_go(&h);
    finish(other, &mine, 1);
    for (size_t i = 0; i < MANY; i++)
        finish(jobs[i], &w[i], 1);
    /* At most one of the many was begun before it, and they keep their own order. */
    assert_true(mine.counts.begun_ns < w[1].counts.begun_ns);
    for (size_t i = 1; i < MANY; i++)
        assert_true(w[i - 1].counts.begun_ns < w[i].counts.begun_ns);
    wf_sched_free(sched);
    served_close(&s);
}

static void test_scheduler__who_comes_first_takes_the_place_of_who_can_wait(void **state)
{
    struct wf_job_output out;
    struct written w[2];
    struct served s;
    bool is_seen = false;

    (void)state;
    served_open(&s, "llama");
    struct wf_sched *sched = start(&s, CONTEXT * 2, 1);
    wf_job_output_init(&out);
    /* It may have written all of it before it can be held: then once more. */
    for (int32_t k = 0; k < 100 && !is_seen; k++) {
        int32_t later[30] = {2 * k}, sooner[30] = {2 * k + 1};
        struct wf_jobs *low = begin_for(sched, later, 1, 1, 200), *high;
        struct held h;
        size_t i = 0, n_first;
        assert_int_equal(wf_jobs_next(low, WAIT_MS, &i, &out, NULL), 1); /* it writes */
        n_first = out.n_tokens;
        hold(&h, sched);
        high = begin_for(sched, sooner, 2, 0, 4);
        let_go(&h);
        finish(high, &w[1], 1);
        finish(low, &w[0], 1);
        is_seen = w[1].counts.last_ns < w[0].counts.last_ns;
        assert_int_equal(n_first + w[0].n, 200); /* nothing is lost, nothing comes twice */
    }
    assert_true(is_seen);
    wf_job_output_deinit(&out);
    wf_sched_free(sched);
    served_close(&s);
}

static void test_scheduler__what_is_late_is_given_up(void **state)
{
    int32_t prompt[30], long_one[30] = {1};
    struct wf_jobs *busy, *late = NULL;
    struct wf_job_output out;
    struct wf_err err = WF_ERR_INIT;
    struct served s;
    size_t i = 0;
    int rc;

    (void)state;
    served_open(&s, "llama");
    struct wf_sched *sched = start(&s, CONTEXT * 2, 1);
    busy = begin_for(sched, long_one, 1, 0, 200);
    served_prompt(prompt, 30, 0, 9);
    struct wf_job_options o = greedy(prompt, 30, 4);
    o.deadline_ns = 1; /* long ago */
    wf_job_output_init(&out);
    rc = wf_jobs_start(sched, &o, 1, &late, &err);
    while (rc == 0 && (rc = wf_jobs_next(late, WAIT_MS, &i, &out, &err)) == 1)
        rc = 0;
    assert_int_equal(rc, WF_E_BUSY);
    wf_jobs_free(late);
    wf_jobs_free(busy);
    wf_job_output_deinit(&out);
    wf_sched_free(sched);
    served_close(&s);
}

static void test_scheduler__a_full_queue_says_when_to_come_again(void **state)
{
    int32_t prompts[4][30] = {{1}, {2}, {3}, {4}};
    struct wf_jobs *waits, *none = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct written w;
    struct served s;

    (void)state;
    served_open(&s, "llama");
    struct wf_sched_options so = {.model = s.model,
                                  .vocab = s.vocab,
                                  .n_parallel = 1,
                                  .queue_max = 1,
                                  .runner = {.n_threads = 2, .n_context = CONTEXT, .n_batch = 64}};
    struct wf_sched *sched = NULL;
    assert_int_equal(wf_sched_new(&so, &sched, NULL), 0);
    finish(begin_for(sched, prompts[0], 1, 0, 100), &w, 1); /* now it knows how long one takes */
    struct held h;
    hold(&h, sched);
    waits = begin_for(sched, prompts[2], 1, 0, 200);
    struct wf_job_options o = greedy(prompts[3], 30, 4);
    served_prompt(prompts[3], 30, 0, 4);
    assert_int_equal(wf_jobs_start(sched, &o, 1, &none, &err), WF_E_BUSY);
    let_go(&h);
    assert_true(err.retry_ms > 0);
    wf_jobs_free(waits);
    wf_sched_free(sched);
    served_close(&s);
}

/* What is sampled token by token, without the scheduler. */
static size_t sampled_alone(const struct served *s, const struct wf_job_options *o, int32_t *out)
{
    struct wf_runner_options ro = {.n_threads = 1, .n_context = CONTEXT};
    size_t n_vocab = wf_model_params(s->model)->n_vocab, n = 0;
    float *logits = malloc(n_vocab * sizeof(*logits));
    struct wf_batch_part part = {.ids = o->ids, .n = o->n_ids, .n_logits = 1};
    struct wf_logprob top[1];
    struct wf_runner *r = NULL;
    struct wf_sampler *sampler = NULL;
    struct wf_seq seq = {0};

    assert_non_null(logits);
    assert_int_equal(wf_runner_new(s->model, &ro, &r, NULL), 0);
    assert_int_equal(wf_seq_init(&seq, wf_runner_kv(r), NULL), 0);
    assert_int_equal(wf_sampler_new(&o->sampling, s->vocab, n_vocab, &sampler, NULL), 0);
    for (size_t i = 0; i < o->n_ids; i++)
        assert_int_equal(wf_sampler_accept(sampler, o->ids[i]), 0);
    part.seq = &seq;
    while (n < o->n_max) {
        assert_int_equal(wf_runner_eval(r, &part, 1, NULL, logits, NULL), 0);
        int32_t id = wf_sampler_pick(sampler, logits, NULL, 0, top);
        if (id == SERVED_EOS)
            break;
        assert_int_equal(wf_sampler_accept(sampler, id), 0);
        out[n++] = id;
        part.ids = &out[n - 1];
        part.n = 1;
    }
    wf_sampler_free(sampler);
    wf_seq_deinit(&seq);
    wf_runner_free(r);
    free(logits);
    return n;
}

static void test_scheduler__guesses_change_nothing(void **state)
{
    static const char *const names[] = {"llama", "gemma3", "gpt-oss", "qwen3moe", "lfm2"};
    int32_t prompt[80], alone[TEXT_MAX];
    struct served s;

    (void)state;
    for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
        size_t n_guessed = 0, n_right = 0;
        served_open(&s, names[k]);
        struct wf_sched *sched = start(&s, CONTEXT * 4, 2);
        for (size_t seed = 0; seed < 6; seed++) {
            struct written w;
            served_prompt(prompt, 20, 0, (int32_t)seed);
            for (size_t i = 20; i < 80; i++)
                prompt[i] = prompt[i - 20];
            struct wf_job_options o = greedy(prompt, 80, 120);
            o.sampling.temperature = seed % 2 == 0 ? 0.0f : 0.3f;
            o.sampling.seed = seed;
            finish(begin(sched, &o, 1), &w, 1);
            size_t n = sampled_alone(&s, &o, alone);
            assert_int_equal(w.n, n);
            assert_memory_equal(w.ids, alone, n * sizeof(alone[0]));
            n_guessed += w.counts.n_guessed;
            n_right += w.counts.n_right;
        }
        /* A text with convolutions cannot be taken back, so nothing is guessed there. */
        assert_int_equal(n_guessed > 0, strcmp(names[k], "lfm2") != 0);
        assert_true(n_right <= n_guessed);
        wf_sched_free(sched);
        served_close(&s);
    }
}

static void test_scheduler__guesses_are_made_while_they_pay(void **state)
{
    struct wf_guesses g = {.pass_ns = {100, 110, 120, 130, 140, 150, 160, 170}};
    int32_t ids[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3};
    struct wf_jobs *group = calloc(1, sizeof(*group) + sizeof(struct wf_job));
    struct wf_job *job = &group->jobs[0];

    (void)state;
    pthread_mutex_init(&group->lock, NULL);
    job->group = group;
    job->ids = (struct wf_ids){.ptr = ids, .n = 12, .cap = 12};
    assert_int_equal(wf_guess(&g, NULL, job, 1, 5), 2); /* a third would be right once in eight */
    assert_memory_equal(job->guessed, ((int32_t[]){3, 4, 5}), 3 * sizeof(int32_t));
    assert_int_equal(wf_guess(&g, NULL, job, 1, 1), 1);
    assert_int_equal(wf_guess(&g, NULL, job, WF_GUESS_ROWS, 5), 0);
    for (size_t i = 0; i < 40; i++)
        wf_guess_was(NULL, job, 4, 0); /* never right */
    assert_int_equal(wf_guess(&g, NULL, job, 1, 5), 0);
    for (size_t i = 0; i < 200 && wf_guess(&g, NULL, job, 1, 5) == 0; i++)
        ;
    assert_true(wf_guess(&g, NULL, job, 1, 5) > 0); /* after a while it is tried again */
    for (size_t i = 0; i < 40; i++)
        wf_guess_was(NULL, job, 4, 4);
    assert_int_equal(wf_guess(&g, NULL, job, 1, 5), 5);
    assert_memory_equal(job->guessed, ((int32_t[]){3, 4, 5, 6, 7, 8}), 6 * sizeof(int32_t));
    for (size_t i = 0; i < WF_GUESS_ROWS; i++)
        g.pass_ns[i] = 100.0 * (double)(i + 2); /* each token costs as much as a pass of its own */
    job->right = 0.5;
    assert_int_equal(wf_guess(&g, NULL, job, 1, 5), 0);
    ids[11] = 99; /* stood nowhere before */
    job->right = 1;
    assert_int_equal(wf_guess(&g, NULL, job, 1, 5), 0);
    pthread_mutex_destroy(&group->lock);
    free(group);
}

static void test_scheduler__failing_allocations_are_told(void **state)
{
    int32_t prompt[40];
    struct wf_job_output out;
    struct written w;
    struct served s;
    uint64_t at = 1;
    bool is_over = false;

    (void)state;
    served_open(&s, "llama");
    struct wf_sched *sched = start(&s, CONTEXT, 2);
    served_prompt(prompt, 40, 0, 5);
    struct wf_job_options o = greedy(prompt, 40, 8);
    wf_job_output_init(&out);
    for (; !is_over && at < 400; at++) {
        struct wf_jobs *jobs = NULL;
        size_t i = 0;
        int rc;
        prompt[0] = 3 + (int32_t)(at % 100); /* nothing is known of it */
        wf_alloc_fail_at(at);
        rc = wf_jobs_start(sched, &o, 1, &jobs, NULL);
        while (rc == 0 && (rc = wf_jobs_next(jobs, WAIT_MS, &i, &out, NULL)) == 1)
            rc = 0;
        is_over = !wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || rc == WF_E_NOMEM);
        wf_jobs_free(jobs);
    }
    assert_true(is_over);
    assert_true(at > 10);
    finish(begin(sched, &o, 1), &w, 1);
    same_as_alone(&s, prompt, 40, 8, &w);
    wf_job_output_deinit(&out);
    wf_sched_free(sched);
    served_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scheduler__writes_what_a_lone_runner_writes),
        cmocka_unit_test(test_scheduler__neighbours_change_nothing),
        cmocka_unit_test(test_scheduler__little_room_changes_nothing),
        cmocka_unit_test(test_scheduler__a_known_beginning_is_not_read_again),
        cmocka_unit_test(test_scheduler__texts_that_begin_alike_are_read_once),
        cmocka_unit_test(test_scheduler__seeds_repeat_and_differ),
        cmocka_unit_test(test_scheduler__a_stop_text_ends_it),
        cmocka_unit_test(test_scheduler__what_is_given_up_leaves_the_others_alone),
        cmocka_unit_test(test_scheduler__logprobs_come_with_their_tokens),
        cmocka_unit_test(test_scheduler__what_does_not_fit_is_refused),
        cmocka_unit_test(test_scheduler__other_work_runs_between_turns),
        cmocka_unit_test(test_scheduler__a_client_with_many_requests_leaves_others_their_turn),
        cmocka_unit_test(test_scheduler__who_comes_first_takes_the_place_of_who_can_wait),
        cmocka_unit_test(test_scheduler__what_is_late_is_given_up),
        cmocka_unit_test(test_scheduler__a_full_queue_says_when_to_come_again),
        cmocka_unit_test(test_scheduler__guesses_change_nothing),
        cmocka_unit_test(test_scheduler__guesses_are_made_while_they_pay),
        cmocka_unit_test(test_scheduler__failing_allocations_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
