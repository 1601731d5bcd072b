/* SPDX-License-Identifier: Apache-2.0 */
/* Lens: tokens a second with all threads, memory, and how long it takes to open.
 *
 *   bench_lens [-t THREADS] [FILE]        2 threads; models/lens.gguf, else one of random weights
 *
 * Texts of about 24, 96 and 384 tokens, cut from the repository's own documentation, many at once;
 * what counts is from text to answer (entities), tokenizing included. Must: 40,000 tokens a second
 * on two cores, under 30 MB resident, open in 20 ms; stretch: 80,000. A rate is tokens for each
 * second of processor time, times threads, so that others on the machine do not count; by the clock
 * it stands beside. The limit is what the products of bytes alone take. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "engine/lens.h"
#include "model/synth.h"
#include "os/file.h"
#include "os/thread.h"

#define MUST_RATE 40000.0
#define STRETCH_RATE 80000.0
#define MUST_MB 30.0
#define MUST_OPEN_MS 20.0
#define ROUNDS 3
#define TEXTS 96

static bool missed;

static void fail(const char *what, const struct wf_err *err)
{
    (void)fprintf(stderr, "bench_lens: %s: %s\n", what, err->msg);
    exit(1);
}

static const char *verdict(bool is_reached)
{
    missed = missed || !is_reached;
    return is_reached ? "" : "  MISSED";
}

static double seconds(void)
{
    return (double)wf_clock_mono_ns(NULL) * 1e-9;
}

/* Of all threads of this process. */
static double processor_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Resident memory of this process, and of it what is no file: MB. */
static void resident(double *out_all, double *out_own)
{
    struct wf_buf b;
    unsigned long pages = 0, files = 0;
    long page = sysconf(_SC_PAGESIZE);

    wf_buf_init(&b, 4096);
    if (wf_file_read("/proc/self/statm", &b, NULL) == 0)
        (void)sscanf(b.ptr, "%*u %lu %lu", &pages, &files); /* NOLINT(cert-err34-c) */
    wf_buf_deinit(&b);
    *out_all = (double)pages * (double)page / 1e6;
    *out_own = (double)(pages - files) * (double)page / 1e6;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The median of opening it: ms of processor time (the file is in the system's memory). */
static double open_ms(const char *path)
{
    double ms[ROUNDS];

    for (size_t i = 0; i < ROUNDS; i++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_lens *l = NULL;
        double begun = processor_seconds();
        if (wf_lens_open(path, &l, &err) != 0)
            fail(path, &err);
        ms[i] = (processor_seconds() - begun) * 1e3;
        wf_lens_close(l);
    }
    qsort(ms, ROUNDS, sizeof(ms[0]), by_size);
    return ms[ROUNDS / 2];
}

/* ---- texts ---- */

static void read_prose(struct wf_buf *out)
{
    static const char *const places[] = {
        "docs/manual/01-getting-started.md", "docs/manual/04-asking-and-citations.md",
        "docs/manual/08-privacy-and-your-data.md", "docs/manual/12-models.md"};
    struct wf_err err = WF_ERR_INIT;

    wf_buf_init(out, 4u << 20);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct wf_buf one;
        wf_buf_init(&one, 1u << 20);
        if (wf_file_read(places[i], &one, &err) != 0)
            fail("the manual", &err);
        (void)wf_buf_append_str(out, wf_buf_str(&one));
        wf_buf_deinit(&one);
    }
}

/* The next text of about n_tokens (by the mean bytes of a token), cut at spaces. */
static struct wf_str next_text(struct wf_str prose, size_t *io_at, size_t n_tokens, double bytes)
{
    size_t n = (size_t)((double)n_tokens * bytes), from = *io_at, to;

    if (from + n + 100 > prose.len)
        from = 0;
    to = wf_str_find_byte(prose, ' ', from + n);
    to = to == SIZE_MAX ? prose.len : to;
    *io_at = to + 1;
    return wf_str_sub(prose, from, to);
}

static double bytes_a_token(const struct wf_lens *l, struct wf_str prose)
{
    struct wf_ids ids = {0};
    struct wf_str part = wf_str_sub(prose, 0, 60000);
    double n;

    if (wf_vocab_encode(wf_lens_vocab(l), part, 0, &ids, NULL) != 0)
        return 4;
    n = (double)part.len / (double)ids.n;
    wf_free(ids.ptr);
    return n;
}

static size_t count_tokens(const struct wf_lens *l, const struct wf_lens_ask *asks)
{
    struct wf_ids ids = {0};
    size_t n = 0;

    for (size_t i = 0; i < TEXTS; i++) {
        ids.n = 0;
        if (wf_vocab_encode(wf_lens_vocab(l), asks[i].text, 0, &ids, NULL) == 0)
            n += ids.n + 1; /* and <s> */
    }
    wf_free(ids.ptr);
    return n;
}

struct rate {
    double by_processor, by_clock; /* tokens a second */
};

static struct rate run_round(struct wf_lens_pool *pool, const struct wf_lens_ask *asks,
                             size_t n_tokens, size_t n_threads)
{
    static struct wf_lens_answer out[TEXTS];
    struct wf_err err = WF_ERR_INIT;
    double clock = seconds(), processor = processor_seconds();

    if (wf_lens_pool_run(pool, asks, TEXTS, out, &err) != 0)
        fail("a text", &err);
    clock = seconds() - clock;
    processor = processor_seconds() - processor;
    for (size_t i = 0; i < TEXTS; i++)
        wf_lens_answer_deinit(&out[i]);
    return (struct rate){(double)n_tokens / processor * (double)n_threads,
                         (double)n_tokens / clock};
}

static double measure(struct wf_lens_pool *pool, const struct wf_lens *l, struct wf_str prose,
                      size_t n_tokens, size_t n_threads)
{
    static struct wf_lens_ask asks[TEXTS];
    const unsigned tasks[] = {WF_LENS_ENTITIES, WF_LENS_SENSITIVITY, WF_LENS_EMBED};
    struct rate rates[ROUNDS];
    double bytes = bytes_a_token(l, prose);
    size_t at = 0, all, k = 0;

    for (size_t i = 0; i < TEXTS; i++)
        asks[i] = (struct wf_lens_ask){.text = next_text(prose, &at, n_tokens, bytes)};
    for (; k < 2; k++) { /* the first that the file can do */
        asks[0].tasks = tasks[k];
        if (wf_lens_can(l, &asks[0], NULL) == 0)
            break;
    }
    for (size_t i = 0; i < TEXTS; i++)
        asks[i].tasks = tasks[k];
    all = count_tokens(l, asks);
    (void)run_round(pool, asks, all, n_threads);
    for (size_t i = 0; i < ROUNDS; i++)
        rates[i] = run_round(pool, asks, all, n_threads);
    qsort(rates, ROUNDS, sizeof(rates[0]), by_size); /* by their first member */
    printf("  texts of %4zu tokens  %7.0f tokens/s (%.0f to %.0f; by the clock %.0f), %s\n",
           all / TEXTS, rates[ROUNDS / 2].by_processor, rates[0].by_processor,
           rates[ROUNDS - 1].by_processor, rates[ROUNDS / 2].by_clock, wf_lens_task_name(tasks[k]));
    return rates[ROUNDS / 2].by_processor;
}

/* What the encoder's products of bytes alone take, for one batch after the other. */
static double limit(const struct wf_lens *l, size_t n_threads)
{
    enum {
        N_TOK = 256
    };
    const struct wf_params *p = wf_model_params(wf_lens_model(l));
    const struct wf_dtype *f = wf_dtype_by_id(WF_DTYPE_Q8_0);
    const uint32_t shapes[][2] = {{p->dim, 3 * p->dim},
                                  {p->dim, p->dim},
                                  {p->dim, 2 * p->layers[0].n_ff},
                                  {p->layers[0].n_ff, p->dim}};
    size_t wide = wf_params_ff_max(p), rows = 2 * wide + 3 * p->dim;
    size_t bytes = wf_kern()->act_bytes(f, WF_ACT_Q8, wide, N_TOK);
    uint8_t *w = wf_alloc_array(rows, wf_dtype_bytes(f, wide)), *x = wf_alloc_array(bytes, 1);
    float *out = wf_alloc_array((size_t)N_TOK * rows, sizeof(*out));
    double begun, best = 1e9;

    for (size_t round = 0; round < 4 * ROUNDS && w != NULL && x != NULL && out != NULL; round++) {
        begun = processor_seconds();
        for (size_t layer = 0; layer < p->n_layers; layer++) {
            for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
                wf_kern()->matmul(f, WF_ACT_Q8, w, shapes[i][1], shapes[i][0], x, N_TOK, out,
                                  shapes[i][1]);
        }
        begun = processor_seconds() - begun;
        best = begun < best ? begun : best;
    }
    wf_free(w);
    wf_free(x);
    wf_free(out);
    return N_TOK / best * (double)n_threads;
}

/* Random weights of its shape, made once. */
static const char *synthetic(void)
{
    const char *build = getenv("B");
    static char path[512];
    struct wf_err err = WF_ERR_INIT;

    (void)snprintf(path, sizeof(path), "%s/bench-lens.gguf", build != NULL ? build : "build");
    if (access(path, R_OK) != 0 && wf_synth(wf_synth_shape_by_name("lens-shape"),
                                            wf_mix_by_name("Q8_0"), 1, path, NULL, &err) != 0)
        fail(path, &err);
    return path;
}

int main(int argc, char **argv)
{
    struct wf_lens_pool_options o = {.n_threads = 2};
    const struct wf_lens *l = NULL;
    struct wf_lens_pool *pool = NULL;
    struct wf_err err = WF_ERR_INIT;
    double before, own, all, mean = 0, ms;
    struct wf_buf prose;
    size_t file, memory;
    int opt;

    while ((opt = getopt(argc, argv, "t:")) != -1)
        o.n_threads = opt == 't' ? (size_t)strtoul(optarg, NULL, 10) : 2;
    o.path = optind < argc                           ? argv[optind]
             : access("models/lens.gguf", R_OK) == 0 ? "models/lens.gguf"
                                                     : synthetic();
    read_prose(&prose);
    ms = open_ms(o.path);
    resident(&before, &own);
    if (wf_lens_pool_new(&o, &pool, &err) != 0 || wf_lens_pool_lens(pool, &l, &err) != 0)
        fail(o.path, &err);
    printf("  %s, %zu threads, kernels %s\n", o.path, o.n_threads, wf_kern()->name);
    for (size_t n = 24; n <= 384; n *= 4)
        mean += 1.0 / measure(pool, l, wf_buf_str(&prose), n, o.n_threads) / 3;
    resident(&all, &own);
    wf_lens_pool_sizes(pool, &file, &memory);
    printf("  together              %7.0f tokens/s   must: %.0f%s, stretch: %.0f   "
           "limit: %.0f\n",
           1.0 / mean, MUST_RATE, verdict(1.0 / mean >= MUST_RATE), STRETCH_RATE,
           limit(l, o.n_threads));
    printf("  opens in %.1f ms   must: %.0f%s\n", ms, MUST_OPEN_MS, verdict(ms <= MUST_OPEN_MS));
    printf("  resident %.1f MB more than before it was opened (file %.1f MB, buffers %.1f MB)   "
           "must: %.0f%s\n",
           all - before, (double)file / 1e6, (double)memory / 1e6, MUST_MB,
           verdict(all - before <= MUST_MB));
    wf_lens_pool_free(pool);
    wf_buf_deinit(&prose);
    return missed;
}
