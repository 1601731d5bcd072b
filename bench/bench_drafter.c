/* SPDX-License-Identifier: Apache-2.0 */
/* What a model that guesses for a larger one is worth: tokens a second that one client gets, with
 * and without it in turns, the likeliest tokens and sampled ones; how many guesses were right.
 *
 *   bench_drafter MODEL DRAFT [TOKENS]
 *
 * Both must have the same vocabulary. Texts must be the same with and without, or it fails. A draft
 * that is never right may cost 3 of 100 (must). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/drafter.h"
#include "engine/scheduler.h"

#define ROUNDS 5
#define TOKENS_MAX 1024
#define PROMPT 64
#define RATIO_MIN 0.97

struct served {
    struct wf_model *model;
    struct wf_vocab *vocab;
};

struct texts {
    int32_t ids[TOKENS_MAX];
    size_t n, n_guessed, n_right;
    double rate; /* tokens a second */
};

static void die(const char *what, const struct wf_err *err)
{
    (void)fprintf(stderr, "bench_drafter: %s: %s\n", what, err->msg);
    exit(1);
}

static struct served open_model(const char *path)
{
    struct served s = {NULL, NULL};
    struct wf_err err = WF_ERR_INIT;

    if (wf_model_open(path, &s.model, &err) != 0 || wf_model_pack(s.model, 0, &err) != 0 ||
        wf_vocab_open(wf_model_gguf(s.model), &s.vocab, &err) != 0)
        die(path, &err);
    return s;
}

static struct wf_sched *start(const struct served *s, const struct wf_model *draft)
{
    struct wf_sched_options o = {
        .model = s->model,
        .vocab = s->vocab,
        .draft = draft,
        .runner = {.n_context = 2 * TOKENS_MAX, .kv = WF_KV_F16, .act = WF_ACT_Q8}};
    struct wf_sched *sched = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_sched_new(&o, &sched, &err) != 0)
        die("the scheduler", &err);
    return sched;
}

static void write_text(struct wf_sched *sched, uint64_t seed, float temperature, size_t n,
                       struct texts *out)
{
    int32_t prompt[PROMPT];
    struct wf_job_options o = {
        .ids = prompt, .n_ids = PROMPT, .n_max = n, .sampling = wf_sampling_default()};
    struct wf_job_output news;
    struct wf_jobs *jobs = NULL;
    struct wf_err err = WF_ERR_INIT;
    size_t i = 0;

    for (size_t k = 0; k < PROMPT; k++)
        prompt[k] = 300 + (int32_t)((k * 7919 + seed * 104729) % 20000);
    o.sampling.temperature = temperature;
    o.sampling.seed = seed;
    o.ignore_eos = true;
    out->n = 0;
    wf_job_output_init(&news);
    if (wf_jobs_start(sched, &o, 1, &jobs, &err) != 0)
        die("a text", &err);
    while (wf_jobs_next(jobs, 60000, &i, &news, &err) == 1) {
        for (size_t k = 0; k < news.n_tokens; k++)
            out->ids[out->n++] = news.tokens[k].id;
    }
    struct wf_job_counts c = wf_jobs_counts(jobs, 0);
    out->rate = (double)(out->n - 1) / ((double)(c.last_ns - c.first_ns) * 1e-9);
    out->n_guessed = c.n_guessed;
    out->n_right = c.n_right;
    wf_job_output_deinit(&news);
    wf_jobs_free(jobs);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* The ratio of the medians. */
static double compare(struct wf_sched *plain, struct wf_sched *drafted, float temperature, size_t n)
{
    static struct texts with, without;
    double a[ROUNDS], b[ROUNDS];
    size_t n_guessed = 0, n_right = 0;

    write_text(plain, ROUNDS, temperature, n, &without); /* what is learned is learned */
    write_text(drafted, ROUNDS, temperature, n, &with);
    for (size_t i = 0; i < ROUNDS; i++) {
        write_text(i % 2 == 0 ? plain : drafted, i, temperature, n, i % 2 == 0 ? &without : &with);
        write_text(i % 2 == 0 ? drafted : plain, i, temperature, n, i % 2 == 0 ? &with : &without);
        if (with.n != without.n || memcmp(with.ids, without.ids, with.n * sizeof(int32_t)) != 0) {
            (void)fprintf(stderr, "bench_drafter: the texts differ\n");
            exit(1);
        }
        a[i] = without.rate;
        b[i] = with.rate;
        n_guessed += with.n_guessed;
        n_right += with.n_right;
    }
    qsort(a, ROUNDS, sizeof(a[0]), by_size);
    qsort(b, ROUNDS, sizeof(b[0]), by_size);
    printf("temperature %.1f: alone %6.1f tokens/s, with a draft %6.1f (%.2f times), guesses %zu, "
           "right %zu\n",
           (double)temperature, a[ROUNDS / 2], b[ROUNDS / 2], b[ROUNDS / 2] / a[ROUNDS / 2],
           n_guessed, n_right);
    (void)fflush(stdout);
    return b[ROUNDS / 2] / a[ROUNDS / 2];
}

int main(int argc, char **argv)
{
    size_t n = argc > 3 ? strtoul(argv[3], NULL, 10) : 128;

    if (argc < 3) {
        (void)fprintf(stderr, "usage: bench_drafter MODEL DRAFT [TOKENS]\n");
        return 77;
    }
    n = n < 8 ? 8 : n > TOKENS_MAX ? TOKENS_MAX : n;
    struct served s = open_model(argv[1]), d = open_model(argv[2]);
    if (!wf_drafter_suits(d.model, d.vocab, s.vocab)) {
        (void)fprintf(stderr, "bench_drafter: the vocabularies are not the same\n");
        return 1;
    }
    struct wf_sched *plain = start(&s, NULL), *drafted = start(&s, d.model);
    double greedy = compare(plain, drafted, 0.0F, n), sampled = compare(plain, drafted, 0.8F, n);
    wf_sched_free(plain);
    wf_sched_free(drafted);
    wf_vocab_close(s.vocab);
    wf_vocab_close(d.vocab);
    wf_model_close(s.model);
    wf_model_close(d.model);
    return greedy < RATIO_MIN || sampled < RATIO_MIN;
}
