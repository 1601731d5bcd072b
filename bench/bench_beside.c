/* SPDX-License-Identifier: Apache-2.0 */
/* A model beside busy programs (-o, 1): all threads, as many fewer as there are such programs, and
 * as many as a runner finds best (os/throttle.h) write tokens in turns of -s seconds (3), then read
 * prompts of -p tokens (512; 0: none); medians of -r rounds (7), and of the rounds' ratios of what
 * the runner found to the better fixed number, which is to be 0.95. Without a model: one made in
 * the build folder. Not with real-time priority: nobody is beside that. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/config.h"
#include "model/synth.h"
#include "model/transformer.h"
#include "os/thread.h"

#define ROUNDS_MAX 100
#define BUSY_MAX 64
#define WRITTEN 64 /* tokens, then a text begins anew */
#define MUST 0.95

enum {
    ALL,
    FEWER,
    FOUND,
    N_ARMS
};

struct bench {
    struct wf_model *model;
    struct wf_runner *runners[N_ARMS];
    size_t n_threads[N_ARMS];
    size_t n_prompt, n_rounds, n_busy;
    double turn_s;
    float *logits;
    int32_t *ids;
    bool reads;
};

static void fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "bench_beside: %s: %s\n", what, why);
    exit(1);
}

static double seconds(void)
{
    return (double)wf_clock_mono_ns(NULL) * 1e-9;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof(*v), by_size);
    return n % 2 == 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* A program that only counts, and ends with this one. */
static void start_busy(void)
{
    pid_t pid = fork();

    if (pid < 0)
        fail("a busy program", "could not be started");
    if (pid > 0)
        return;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (volatile unsigned long i = 0;; i++)
        ;
}

/* A text from its beginning: a prompt, or tokens one by one; tells how many. */
static size_t run_text(struct bench *b, struct wf_runner *r)
{
    size_t n_steps = b->reads ? 1 : WRITTEN, n = b->reads ? b->n_prompt : 1;
    struct wf_seq seq;

    if (wf_seq_init(&seq, wf_runner_kv(r), NULL) != 0)
        fail("a text", "no memory");
    for (size_t i = 0; i < n_steps; i++) {
        struct wf_batch_part part = {
            .seq = &seq, .ids = b->ids + i, .n = n, .n_logits = 1, .reads = b->reads};
        if (wf_runner_eval(r, &part, 1, NULL, b->logits, NULL) != 0)
            fail("the model", "does not run");
    }
    wf_seq_deinit(&seq);
    return n_steps * n;
}

/* Tokens a second over a turn. */
static double turn(struct bench *b, struct wf_runner *r)
{
    double start = seconds(), now;
    size_t n = 0;

    do {
        n += run_text(b, r);
        now = seconds();
    } while (now - start < b->turn_s);
    return (double)n / (now - start);
}

/* The median ratio of what the runner found. */
static double measure(struct bench *b, bool reads)
{
    double rates[N_ARMS][ROUNDS_MAX], ratios[ROUNDS_MAX];

    b->reads = reads;
    (void)turn(b, b->runners[ALL]);
    (void)turn(b, b->runners[FOUND]); /* it learns */
    for (size_t k = 0; k < b->n_rounds; k++) {
        for (size_t i = 0; i < N_ARMS; i++) {
            size_t j = (i + k) % N_ARMS;
            rates[j][k] = turn(b, b->runners[j]);
        }
        ratios[k] = rates[FOUND][k] / WF_MAX(rates[ALL][k], rates[FEWER][k]);
    }
    printf("%s beside %zu busy: %zu threads %.1f, %zu threads %.1f, as found %.1f tokens/s",
           reads ? "prompts" : "writing", b->n_busy, b->n_threads[ALL],
           median(rates[ALL], b->n_rounds), b->n_threads[FEWER], median(rates[FEWER], b->n_rounds),
           median(rates[FOUND], b->n_rounds));
    double better = WF_MAX(median(rates[ALL], b->n_rounds), median(rates[FEWER], b->n_rounds));
    printf(" by %zu: %.3f of the better, %.3f round by round\n",
           wf_runner_n_working(b->runners[FOUND], reads ? b->n_prompt : 1),
           median(rates[FOUND], b->n_rounds) / better, median(ratios, b->n_rounds));
    return median(rates[FOUND], b->n_rounds) / better;
}

static void open_model(struct bench *b, const char *path)
{
    size_t longest = WF_MAX(b->n_prompt, (size_t)WRITTEN);
    struct wf_runner_options o = {
        .n_context = longest, .n_batch = longest, .kv = WF_KV_F16, .act = WF_ACT_Q8};
    struct wf_err err = WF_ERR_INIT;

    if (wf_model_open(path, &b->model, &err) != 0 || wf_model_pack(b->model, 0, &err) != 0)
        fail(path, err.msg);
    for (size_t i = 0; i < N_ARMS; i++) {
        o.n_threads = b->n_threads[i];
        o.is_fixed = i != FOUND;
        if (wf_runner_new(b->model, &o, &b->runners[i], &err) != 0)
            fail(path, err.msg);
    }
    b->logits = wf_alloc_array(wf_model_params(b->model)->n_vocab, sizeof(float));
    b->ids = wf_alloc_array(longest, sizeof(*b->ids));
    if (b->logits == NULL || b->ids == NULL)
        fail(path, "no memory");
    for (size_t i = 0; i < longest; i++)
        b->ids[i] = (int32_t)(i * 7919 % wf_model_params(b->model)->n_vocab);
}

static const char *made_model(char path[256])
{
    const char *b = getenv("B");
    struct wf_err err = WF_ERR_INIT;

    (void)snprintf(path, 256, "%s/bench/tinyllama-1.1b-Q4_K_M.gguf", b != NULL ? b : "build");
    if (access(path, R_OK) != 0 && wf_synth(wf_synth_shape_by_name("tinyllama-1.1b"),
                                            wf_mix_by_name("Q4_K_M"), 1, path, NULL, &err) != 0)
        fail(path, err.msg);
    return path;
}

int main(int argc, char **argv)
{
    struct bench b = {.n_prompt = 512, .n_rounds = 7, .n_busy = 1, .turn_s = 3};
    double written, read = 1;
    char made[256];
    int c;

    while ((c = getopt(argc, argv, "o:r:s:p:")) != -1) {
        if (c == 'o')
            b.n_busy = strtoul(optarg, NULL, 10);
        else if (c == 'r')
            b.n_rounds = strtoul(optarg, NULL, 10);
        else if (c == 's')
            b.turn_s = strtod(optarg, NULL);
        else if (c == 'p')
            b.n_prompt = strtoul(optarg, NULL, 10);
        else
            fail("usage", "bench_beside [-o BUSY] [-r ROUNDS] [-s SECONDS] [-p TOKENS] [MODEL]");
    }
    if (b.n_rounds < 1 || b.n_rounds > ROUNDS_MAX || b.n_busy > BUSY_MAX)
        fail("usage", "a number is out of bounds");
    b.n_threads[ALL] = b.n_threads[FOUND] = wf_cpu_count();
    if (b.n_threads[ALL] == 1)
        return 77; /* nothing to choose */
    b.n_threads[FEWER] = b.n_threads[ALL] - WF_MIN(WF_MAX(b.n_busy, 1U), b.n_threads[ALL] - 1);
    open_model(&b, optind < argc ? argv[optind] : made_model(made));
    for (size_t i = 0; i < b.n_busy; i++)
        start_busy();
    written = measure(&b, false);
    if (b.n_prompt > 0)
        read = measure(&b, true);
    for (size_t i = 0; i < N_ARMS; i++)
        wf_runner_free(b.runners[i]);
    wf_model_close(b.model);
    wf_free(b.logits);
    wf_free(b.ids);
    return written >= MUST && read >= MUST ? 0 : 1;
}
