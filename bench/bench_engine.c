/* SPDX-License-Identifier: Apache-2.0 */
/* The engine with several clients, on a model of a real shape with random weights.
 *
 *   bench_engine [SHAPE [TYPE]]    smollm2-135m Q8_0
 *
 * Prints: how long opening takes; the first token behind a prompt of 4,000 tokens that is known,
 * beside one decode step at that length (must: under 30 ms beyond it); tokens a second of 1, 2, 4
 * and 8 clients together, each with a prompt of its own. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "engine/local.h"
#include "kern/kern.h"
#include "model/kv.h"
#include "model/synth.h"
#include "os/thread.h"

#define PREFIX_TOKENS 4000
#define N_TURNS 7
#define N_TOKENS 48
#define N_PROMPT 64
#define CLIENTS_MAX 8
#define FIRST_MS_MAX 30.0

static void die(const struct wf_err *err)
{
    fprintf(stderr, "%s\n", err->msg);
    exit(1);
}

static double ms_since(int64_t start_ns)
{
    return (double)(wf_clock_mono_ns(NULL) - start_ns) / 1e6;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median(double *x, size_t n)
{
    qsort(x, n, sizeof(*x), by_value);
    return x[n / 2];
}

static struct wf_gen *begin(struct wf_engine *e, const struct wf_gen_request *q)
{
    struct wf_gen *g = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_engine_generate(e, q, &g, &err) != 0)
        die(&err);
    return g;
}

/* Reads to the end; the time of the first event into *out_first_ms. */
static struct wf_gen_usage read_all(struct wf_gen *g, int64_t start, double *out_first_ms)
{
    struct wf_gen_usage usage;
    struct wf_gen_event event;
    struct wf_err err = WF_ERR_INIT;
    bool is_first = true;
    int rc;

    while ((rc = wf_gen_next(g, &event, &err)) == 1) {
        if (is_first)
            *out_first_ms = ms_since(start);
        is_first = false;
    }
    if (rc != 0)
        die(&err);
    usage = *wf_gen_usage(g);
    wf_gen_free(g);
    return usage;
}

static struct wf_gen_request request(const int32_t *ids, size_t n, size_t n_max)
{
    struct wf_gen_request q = {.prompt_ids = ids,
                               .n_prompt_ids = n,
                               .n_max = n_max,
                               .ignore_eos = true,
                               .sampling = wf_sampling_default()};

    q.sampling.temperature = 0;
    return q;
}

static void fill(int32_t *ids, size_t n, size_t seed)
{
    for (size_t i = 0; i < n; i++)
        ids[i] = 300 + (int32_t)((i * 7919 + seed * 104729) % 20000);
}

/* Returns false when the must value is missed. */
static bool bench_prefix(struct wf_engine *e)
{
    static int32_t ids[PREFIX_TOKENS + 1];
    double first[N_TURNS], step[N_TURNS], ms = 0, begun_ms;
    struct wf_gen_usage usage;
    struct wf_gen_request q = request(ids, PREFIX_TOKENS, 2);
    int64_t start = wf_clock_mono_ns(NULL);

    fill(ids, PREFIX_TOKENS, 1);
    usage = read_all(begin(e, &q), start, &ms);
    begun_ms = ms;
    for (size_t i = 0; i < N_TURNS; i++) {
        q = request(ids, PREFIX_TOKENS, 1);
        ids[PREFIX_TOKENS - 1] = 300 + (int32_t)i; /* the last token is new, the others are known */
        start = wf_clock_mono_ns(NULL);
        usage = read_all(begin(e, &q), start, &first[i]);
        if (usage.n_cached + 2 < PREFIX_TOKENS) {
            printf("the prefix was not in the cache: %zu of %d\n", usage.n_cached, PREFIX_TOKENS);
            return false;
        }
        q.n_max = 9;
        usage = read_all(begin(e, &q), wf_clock_mono_ns(NULL), &ms);
        step[i] = (double)usage.write_ns / 1e6 / 8;
    }
    printf("first token behind %d known tokens: %.1f ms (the first time %.0f ms)\n", PREFIX_TOKENS,
           median(first, N_TURNS), begun_ms);
    printf("  one decode step there: %.1f ms; beyond it: %.1f ms (must be under %.0f)\n",
           median(step, N_TURNS), median(first, N_TURNS) - median(step, N_TURNS), FIRST_MS_MAX);
    return median(first, N_TURNS) - median(step, N_TURNS) < FIRST_MS_MAX;
}

static void bench_clients(struct wf_engine *e)
{
    static int32_t ids[CLIENTS_MAX][N_PROMPT];
    static struct wf_gen_request q[CLIENTS_MAX];
    struct wf_gen *g[CLIENTS_MAX];
    double ms = 0, alone = 0;

    for (size_t n = 1; n <= CLIENTS_MAX; n *= 2) {
        int64_t start = wf_clock_mono_ns(NULL);
        double rate;
        for (size_t i = 0; i < n; i++) {
            fill(ids[i], N_PROMPT, 100 * n + i);
            q[i] = request(ids[i], N_PROMPT, N_TOKENS);
            g[i] = begin(e, &q[i]);
        }
        for (size_t i = 0; i < n; i++)
            (void)read_all(g[i], start, &ms);
        rate = (double)(n * N_TOKENS) / ms_since(start) * 1e3;
        alone = n == 1 ? rate : alone;
        printf("%zu client%s, %d + %d tokens each: %.1f tokens/s together, %.2f times one\n", n,
               n > 1 ? "s" : " ", N_PROMPT, N_TOKENS, rate, rate / alone);
    }
}

static void make_model(const char *dir, const char *shape, const char *type,
                       struct wf_model_store **out)
{
    char path[256];
    struct wf_model_entry entry;
    struct wf_err err = WF_ERR_INIT;
    const struct wf_synth_shape *s = wf_synth_shape_by_name(shape);
    const struct wf_mix *mix = wf_mix_by_name(type);

    if (s == NULL || mix == NULL) {
        fprintf(stderr, "There is no shape %s or type %s.\n", shape, type);
        exit(2);
    }
    snprintf(path, sizeof(path), "%s/m.gguf", dir);
    if (wf_synth(s, mix, 1, path, NULL, &err) != 0)
        die(&err);
    snprintf(path, sizeof(path), "%s/store", dir);
    if (wf_model_store_open(path, out, &err) != 0)
        die(&err);
    snprintf(path, sizeof(path), "%s/m.gguf", dir);
    if (wf_model_store_import(*out, path, "m", NULL, NULL, &entry, &err) != 0)
        die(&err);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void remove_all(const char *dir)
{
    if (nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        fprintf(stderr, "left behind: %s\n", dir);
}

int main(int argc, char **argv)
{
    const char *shape = argc > 1 ? argv[1] : "smollm2-135m", *type = argc > 2 ? argv[2] : "Q8_0";
    const struct wf_model_settings settings = {.parallel = CLIENTS_MAX,
                                               .batch = 512,
                                               .cache = WF_KV_F16,
                                               .activations = WF_ACT_Q8,
                                               .keep_alive_s = -1};
    char dir[] = "/tmp/weft-bench-XXXXXX";
    struct wf_model_store *store = NULL;
    struct wf_engine *e = NULL;
    struct wf_err err = WF_ERR_INIT;
    int64_t start;
    bool ok;

    if (mkdtemp(dir) == NULL)
        return 77;
    make_model(dir, shape, type, &store);
    if (wf_local_engine_new(store, &settings, &e, &err) != 0)
        die(&err);
    start = wf_clock_mono_ns(NULL);
    if (wf_engine_load(e, "m", NULL, &err) != 0)
        die(&err);
    printf("%s %s, %zu processors; opened in %.0f ms\n", shape, type, wf_cpu_count(),
           ms_since(start));
    ok = bench_prefix(e);
    bench_clients(e);
    wf_engine_free(e);
    wf_model_store_close(store);
    remove_all(dir);
    return ok ? 0 : 1;
}
