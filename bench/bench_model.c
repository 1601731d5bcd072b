/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's figures beside their must values and limits: data types and families against a
 * reference engine's outputs (where they are), a model of a real shape beside what the memory gives
 * in the same run, opening a model of a gigabyte, and what it keeps in memory. Models are made in
 * the build folder and kept there for the next run. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "model/synth.h"
#include "model/transformer.h"
#include "model/vocab.h"
#include "os/file.h"
#include "os/gang.h"
#include "os/thread.h"

#define DATA "../shared/data/engine/tiny-"
#define TOKENS 48 /* of a reference output */
#define VOCAB 512
#define PROMPT 512
#define GENERATED 64
#define ROUNDS 3

static bool missed;

static void fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "bench_model: %s: %s\n", what, why);
    exit(1);
}

static double seconds(void)
{
    return (double)wf_clock_mono_ns(NULL) * 1e-9;
}

/* "must: ..." behind a figure. */
static const char *verdict(bool is_reached)
{
    missed = missed || !is_reached;
    return is_reached ? "" : "  MISSED";
}

static double relative_error(const float *a, const float *b, size_t n)
{
    double d = 0, s = 0;

    for (size_t i = 0; i < n; i++) {
        d += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        s += (double)b[i] * (double)b[i];
    }
    return sqrt(d / s);
}

/* A file of float32 numbers; false when it is not there. */
static bool read_floats(const char *name, const char *kind, struct wf_buf *out)
{
    char path[256];

    (void)snprintf(path, sizeof(path), DATA "%s%s", name, kind);
    wf_buf_init(out, 1u << 24);
    return wf_file_read(path, out, NULL) == 0;
}

static const float *floats(const struct wf_buf *b)
{
    return (const float *)(const void *)b->ptr;
}

/* ---- against the reference ---- */

static void compare_type(const char *name)
{
    struct wf_gguf *g = NULL;
    struct wf_buf want;
    char path[256];
    double worst = 0;

    (void)snprintf(path, sizeof(path), DATA "%s.gguf", name);
    if (!read_floats(name, ".deq.f32", &want) || wf_gguf_open(path, &g, NULL) != 0)
        fail(name, "its files are incomplete");
    const struct wf_gguf_tensor *t = wf_gguf_tensor(g, "blk.0.attn_q.weight");
    if (strncmp(name, "gptoss", 6) == 0)
        t = wf_gguf_tensor(g, "blk.0.ffn_gate_exps.weight");
    size_t n = want.len / sizeof(float);
    float *got = wf_alloc_array(n, sizeof(*got));
    if (t == NULL || got == NULL)
        fail(name, "it lacks the tensor");
    wf_dtype_by_id(t->type)->unpack(t->data, got, n);
    for (size_t i = 0; i < n; i++) { /* what is no number is no match: fmax passes over it */
        double off = fabs((double)got[i] - (double)floats(&want)[i]);
        worst = fmax(worst, isnan(off) ? INFINITY : off);
    }
    printf("  %-16s largest difference %.1g   must: 1e-6%s\n", name, worst, verdict(worst <= 1e-6));
    wf_free(got);
    wf_gguf_close(g);
    wf_buf_deinit(&want);
}

/* Logits of all tokens (an encoder: the embedding) under one table of kernels. */
static void run_reference(const struct wf_model *m, const struct wf_kern *kern, float *out)
{
    struct wf_runner_options o = {.n_threads = 2, .act = WF_ACT_Q8, .kern = kern};
    struct wf_runner *r = NULL;
    struct wf_seq seq = {0};
    int32_t ids[TOKENS];

    for (int32_t i = 0; i < TOKENS; i++)
        ids[i] = (i * 37 + 11) % 500;
    if (wf_runner_new(m, &o, &r, NULL) != 0)
        fail("a tiny model", "does not run");
    if (wf_runner_kv(r) == NULL) {
        if (wf_runner_embed(r, ids, (uint32_t[]){0, TOKENS}, 1, out, NULL) != 0)
            fail("a tiny model", "does not run");
    } else {
        struct wf_batch_part part = {.seq = &seq, .ids = ids, .n = TOKENS, .n_logits = TOKENS};
        if (wf_seq_init(&seq, wf_runner_kv(r), NULL) != 0 ||
            wf_runner_eval(r, &part, 1, NULL, out, NULL) != 0)
            fail("a tiny model", "does not run");
        wf_seq_deinit(&seq);
    }
    wf_runner_free(r);
}

static void compare_family(const char *name, double must)
{
    static float out[TOKENS * VOCAB];
    struct wf_model *m = NULL;
    struct wf_buf want;
    char path[256];

    (void)snprintf(path, sizeof(path), DATA "%s.gguf", name);
    if (!read_floats(name, ".out.f32", &want) || wf_model_open(path, &m, NULL) != 0)
        fail(name, "its files are incomplete");
    printf("  %-16s", name);
    for (size_t i = 0; wf_kern_at(i) != NULL; i++) {
        run_reference(m, wf_kern_at(i), out);
        double error = relative_error(out, floats(&want), want.len / sizeof(float));
        printf(" %s %.1e%s", wf_kern_at(i)->name, error, verdict(error < must));
    }
    printf("   must: %.0e\n", must);
    wf_model_close(m);
    wf_buf_deinit(&want);
}

static void compare_all(void)
{
    static const char *const exact[] = {"llama-f32",  "qwen2-f32", "qwen3moe-f32",
                                        "gemma2-f32", "lfm2-f32",  "bert-f32"};
    static const char *const quantised[] = {"llama-Q4_0", "llama-Q4_K_M", "llama-Q5_0",
                                            "llama-Q6_K", "llama-Q8_0",   "gptoss-MXFP4"};

    if (access(DATA "llama-f32.gguf", R_OK) != 0) {
        printf("reference outputs: not there, skipped\n");
        return;
    }
    printf("values of quantised tensors, against the reference\n");
    for (size_t i = 0; i < sizeof(quantised) / sizeof(quantised[0]); i++)
        compare_type(quantised[i]);
    printf("logits, relative error against the reference\n");
    for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++)
        compare_family(exact[i], 1e-4);
    for (size_t i = 0; i < sizeof(quantised) / sizeof(quantised[0]); i++)
        compare_family(quantised[i], 3e-2);
}

/* ---- what the memory gives ---- */

struct reading {
    const uint64_t *words;
    size_t n;
    uint64_t sums[WF_GANG_MEMBERS_MAX];
};

static void read_part(void *ud, size_t i, size_t n)
{
    struct reading *r = ud;
    uint64_t a = 0, b = 0, c = 0, d = 0;
    size_t from, to;

    wf_gang_part(r->n, 512, i, n, &from, &to);
    for (; from + 4 <= to; from += 4) {
        a += r->words[from];
        b += r->words[from + 1];
        c += r->words[from + 2];
        d += r->words[from + 3];
    }
    r->sums[i] = a + b + c + d;
}

/* Bytes a second that all threads together read of a model's weights, the best of some rounds. */
static double read_rate(const struct wf_gguf *g, size_t n_threads)
{
    static struct reading r;
    struct wf_gang *gang = NULL;
    double best = 0;
    uint64_t n = 0;

    const struct wf_gguf_tensor *first = wf_gguf_tensor_at(g, 0);
    for (size_t i = 0; i < wf_gguf_n_tensors(g); i++)
        n += wf_gguf_tensor_at(g, i)->bytes; /* one behind the other in a file that we made */
    r.words = first->data;
    r.n = (size_t)(n / sizeof(*r.words));
    if (wf_gang_new(n_threads, &gang, NULL) != 0)
        fail("memory", "no threads");
    for (int i = 0; i < 2 * ROUNDS; i++) {
        double start = seconds();
        wf_gang_run(gang, read_part, &r);
        best = fmax(best, (double)r.n * sizeof(*r.words) / (seconds() - start));
    }
    wf_gang_free(gang);
    return best;
}

/* ---- models of a real shape ---- */

static void path_of(const char *shape, const char *mix, char out[256])
{
    const char *b = getenv("B");

    (void)snprintf(out, 256, "%s/bench/%s-%s.gguf", b != NULL ? b : "build", shape, mix);
}

static void make(const char *shape, const char *mix, const char *path)
{
    struct wf_err err = WF_ERR_INIT;

    if (access(path, R_OK) != 0 &&
        wf_synth(wf_synth_shape_by_name(shape), wf_mix_by_name(mix), 1, path, NULL, &err) != 0)
        fail(path, err.msg);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Tokens a second of n tokens, at once or one by one: the median. */
static double rate(struct wf_runner *r, size_t n, bool one_by_one, float *logits)
{
    static int32_t ids[PROMPT];
    double rates[ROUNDS];

    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)(i * 7919 % 30000);
    for (int k = -1; k < ROUNDS; k++) { /* the first warms up */
        struct wf_seq seq;
        if (wf_seq_init(&seq, wf_runner_kv(r), NULL) != 0)
            fail("a model", "no memory");
        double start = seconds();
        for (size_t i = 0; i < n; i += one_by_one ? 1 : n) {
            struct wf_batch_part part = {
                .seq = &seq, .ids = ids + i, .n = one_by_one ? 1 : n, .n_logits = 1};
            if (wf_runner_eval(r, &part, 1, NULL, logits, NULL) != 0)
                fail("a model", "does not run");
        }
        if (k >= 0)
            rates[k] = (double)n / (seconds() - start);
        wf_seq_deinit(&seq);
    }
    qsort(rates, ROUNDS, sizeof(rates[0]), by_size);
    return rates[ROUNDS / 2];
}

/* VmRSS in bytes. */
static double resident(void)
{
    char line[256];
    FILE *f = fopen("/proc/self/status", "re");
    double kb = 0;

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0)
            kb = strtod(line + 6, NULL);
    }
    if (f != NULL)
        (void)fclose(f);
    return kb * 1024;
}

static void measure(const char *shape, const char *mix, const char *rivals)
{
    struct wf_runner_options o = {.n_threads = wf_cpu_count(),
                                  .n_context = PROMPT + GENERATED,
                                  .kv = WF_KV_F16,
                                  .act = WF_ACT_Q8};
    struct wf_model *m = NULL;
    struct wf_runner *r = NULL;
    struct wf_err err = WF_ERR_INIT;
    char path[256];

    path_of(shape, mix, path);
    make(shape, mix, path);
    if (wf_model_open(path, &m, &err) != 0 || wf_runner_new(m, &o, &r, &err) != 0)
        fail(path, err.msg);
    double memory = read_rate(wf_model_gguf(m), o.n_threads);
    float *logits = wf_alloc_array(wf_model_params(m)->n_vocab, sizeof(*logits));
    if (logits == NULL)
        fail(path, "no memory");
    double pp = rate(r, PROMPT, false, logits), tg = rate(r, GENERATED, true, logits);
    double bytes = (double)wf_model_weight_bytes(m), floor = memory / bytes;
    printf("%s %s, %zu threads, %s: pp%d %.0f tokens/s, tg%d %.1f tokens/s\n", shape, mix,
           o.n_threads, wf_kern()->name, PROMPT, pp, GENERATED, tg);
    printf("  memory read at %.1f GB/s: at most %.1f tokens/s, reached %.0f%%\n", memory * 1e-9,
           floor, 100 * tg / floor);
    printf("  rivals, on a quiet machine of this kind: %s\n", rivals);
    double kv = (double)wf_kv_token_bytes(wf_runner_kv(r)) * (PROMPT + GENERATED);
    double rss = resident(), most = bytes + kv + 100e6;
    printf("  resident %.0f MB: weights %.0f, cache %.0f, rest %.0f   must: rest up to 100%s\n",
           rss * 1e-6, bytes * 1e-6, kv * 1e-6, (rss - bytes - kv) * 1e-6, verdict(rss <= most));
    wf_free(logits);
    wf_runner_free(r);
    wf_model_close(m);
}

/* Everything before the first token: file, vocabulary, weights packed, buffers. */
static double open_all(const char *path, double *out_bytes)
{
    struct wf_runner_options o = {.n_threads = wf_cpu_count(), .kv = WF_KV_F16, .act = WF_ACT_Q8};
    struct wf_model *m = NULL;
    struct wf_runner *r = NULL;
    struct wf_vocab *v = NULL;
    struct wf_err err = WF_ERR_INIT;
    double start = seconds();

    if (wf_model_open(path, &m, &err) != 0 || wf_vocab_open(wf_model_gguf(m), &v, &err) != 0 ||
        wf_model_pack(m, o.n_threads, &err) != 0 || wf_runner_new(m, &o, &r, &err) != 0)
        fail(path, err.msg);
    start = seconds() - start;
    *out_bytes = (double)wf_gguf_bytes(wf_model_gguf(m));
    wf_runner_free(r);
    wf_vocab_close(v);
    wf_model_close(m);
    return start;
}

static void measure_opening(const char *shape, const char *mix)
{
    double times[2 * ROUNDS + 1], bytes = 0;
    char path[256];

    path_of(shape, mix, path);
    make(shape, mix, path);
    for (size_t i = 0; i < 2 * ROUNDS + 1; i++)
        times[i] = open_all(path, &bytes);
    qsort(times, 2 * ROUNDS + 1, sizeof(times[0]), by_size);
    printf("opening %s %s (%.2f GB), weights packed: %.0f ms   must: 150 ms%s\n", shape, mix,
           bytes * 1e-9, times[ROUNDS] * 1e3, verdict(times[ROUNDS] < 0.150));
}

int main(void)
{
    compare_all();
    measure("tinyllama-1.1b", "Q4_0", "llama.cpp pp 218, tg 58; ik_llama.cpp 335, 55 to 59");
    measure("tinyllama-1.1b", "Q4_K_M", "llama.cpp pp 158, tg 54; ik_llama.cpp 333, 52");
    measure("smollm2-135m", "Q8_0", "llama.cpp pp 847, tg 169; ik_llama.cpp 1560, 221");
    measure_opening("tinyllama-1.1b", "Q8_0");
    return missed ? 1 : 0;
}
