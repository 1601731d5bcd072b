/* SPDX-License-Identifier: Apache-2.0 */
/* Writing tokens one by one beside what the memory gives: for every model file that is named
 * (without any: shapes made in the build folder), passes over all its weights with plain loads take
 * turns with tokens, and the ratio of the medians is what generation reaches of the read rate.
 * -b N: so many texts at once. -n N: tokens a round. -u: weights as they lie in the file. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "base/alloc.h"
#include "base/clock.h"
#include "model/synth.h"
#include "model/transformer.h"
#include "os/gang.h"
#include "os/thread.h"

#define ROUNDS 15
#define TEXTS_MAX 32
#define CONTEXT 512

static bool packs = true;

static void fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "bench_generate: %s: %s\n", what, why);
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
    return v[n / 2];
}

/* ---- what the memory gives ---- */

struct reading {
    const uint8_t *bytes;
    size_t n;
    uint64_t sums[WF_GANG_MEMBERS_MAX][8];
};

#ifdef __x86_64__
__attribute__((target("avx2"))) static uint64_t read_all(const uint8_t *p, size_t n)
{
    __m256i sum[8];
    uint64_t out[4];

    for (size_t k = 0; k < 8; k++)
        sum[k] = _mm256_setzero_si256();
    for (size_t i = 0; i + 256 <= n; i += 256) {
        for (size_t k = 0; k < 8; k++) {
            const __m256i *at = (const __m256i *)(const void *)(p + i + 32 * k);
            sum[k] = _mm256_xor_si256(sum[k], _mm256_loadu_si256(at));
        }
    }
    for (size_t k = 1; k < 8; k++)
        sum[0] = _mm256_xor_si256(sum[0], sum[k]);
    _mm256_storeu_si256((__m256i *)(void *)out, sum[0]);
    return out[0] ^ out[1] ^ out[2] ^ out[3];
}
#else
static uint64_t read_all(const uint8_t *p, size_t n)
{
    uint64_t sum[8] = {0}, v;

    for (size_t i = 0; i + 64 <= n; i += 64) {
        for (size_t k = 0; k < 8; k++) {
            memcpy(&v, p + i + 8 * k, sizeof(v));
            sum[k] ^= v;
        }
    }
    return sum[0] ^ sum[1] ^ sum[2] ^ sum[3] ^ sum[4] ^ sum[5] ^ sum[6] ^ sum[7];
}
#endif

static void read_part(void *ud, size_t i, size_t n)
{
    struct reading *r = ud;
    size_t from, to;

    wf_gang_part(r->n, 4096, i, n, &from, &to);
    r->sums[i][0] = read_all(r->bytes + from, to - from);
}

/* ---- tokens ---- */

struct texts {
    struct wf_runner *r;
    size_t n;
    struct wf_seq seqs[TEXTS_MAX];
    int32_t ids[TEXTS_MAX];
    float *logits;
};

static void begin_texts(struct texts *t)
{
    for (size_t i = 0; i < t->n; i++) {
        if (wf_seq_init(&t->seqs[i], wf_runner_kv(t->r), NULL) != 0)
            fail("a text", "no memory");
        t->ids[i] = (int32_t)(i * 7919 % 30000);
    }
}

static void end_texts(struct texts *t)
{
    for (size_t i = 0; i < t->n; i++)
        wf_seq_deinit(&t->seqs[i]);
}

/* The next token of each text. */
static void step(struct texts *t)
{
    struct wf_batch_part parts[TEXTS_MAX];

    for (size_t i = 0; i < t->n; i++) {
        t->ids[i] = (t->ids[i] * 31 + 7) % 30000;
        parts[i] =
            (struct wf_batch_part){.seq = &t->seqs[i], .ids = &t->ids[i], .n = 1, .n_logits = 1};
    }
    if (wf_runner_eval(t->r, parts, t->n, NULL, t->logits, NULL) != 0)
        fail("a model", "does not run");
}

static void measure(const char *path, size_t n_texts, size_t n_tokens)
{
    struct wf_runner_options o = {.n_threads = wf_cpu_count(),
                                  .n_context = CONTEXT,
                                  .n_cache_tokens = CONTEXT * n_texts,
                                  .kv = WF_KV_F16,
                                  .act = WF_ACT_Q8};
    static struct reading reading;
    double read[ROUNDS], written[ROUNDS];
    struct texts t = {.n = n_texts};
    struct wf_gang *gang = NULL;
    struct wf_model *m = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_model_open(path, &m, &err) != 0 || (packs && wf_model_pack(m, o.n_threads, &err) != 0) ||
        wf_runner_new(m, &o, &t.r, &err) != 0 || wf_gang_new(o.n_threads, &gang, &err) != 0)
        fail(path, err.msg);
    t.logits = wf_alloc_array(wf_model_params(m)->n_vocab * n_texts, sizeof(float));
    if (t.logits == NULL)
        fail(path, "no memory");
    const struct wf_gguf *g = wf_model_gguf(m);
    reading.bytes = wf_gguf_tensor_at(g, 0)->data;
    for (size_t i = 0; i < wf_gguf_n_tensors(g); i++) { /* one behind the other */
        const struct wf_gguf_tensor *tensor = wf_gguf_tensor_at(g, i);
        size_t end = (size_t)((const uint8_t *)tensor->data + tensor->bytes - reading.bytes);
        reading.n = end > reading.n ? end : reading.n;
    }
    for (int k = -1; k < ROUNDS; k++) { /* the first warms up */
        begin_texts(&t);
        double start = seconds();
        wf_gang_run(gang, read_part, &reading);
        double between = seconds();
        for (size_t i = 0; i < n_tokens; i++)
            step(&t);
        double end = seconds();
        end_texts(&t);
        if (k < 0)
            continue;
        read[k] = (double)reading.n / (between - start);
        written[k] = (double)n_tokens / (end - between);
    }
    double rate = median(read, ROUNDS), tokens = median(written, ROUNDS);
    double bytes = (double)wf_model_weight_bytes(m);
    if (wf_gguf_tensor(g, "output.weight") != NULL) /* else the embeddings are read whole, too */
        bytes -= (double)wf_gguf_tensor(g, "token_embd.weight")->bytes;
    printf("%-28s %zu texts %6.1f passes/s (%.1f in all), read %.1f GB/s, reached %.1f%%\n",
           strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path, n_texts, tokens,
           tokens * (double)n_texts, rate * 1e-9, 100 * tokens * bytes / rate);
    wf_free(t.logits);
    wf_gang_free(gang);
    wf_runner_free(t.r);
    wf_model_close(m);
}

/* A shape's file in the build folder, which is made when it is not there. */
static void measure_shape(const char *shape, const char *mix, size_t n_texts, size_t n_tokens)
{
    const char *b = getenv("B");
    struct wf_err err = WF_ERR_INIT;
    char path[256];

    (void)snprintf(path, sizeof(path), "%s/bench/%s-%s.gguf", b != NULL ? b : "build", shape, mix);
    if (access(path, R_OK) != 0 &&
        wf_synth(wf_synth_shape_by_name(shape), wf_mix_by_name(mix), 1, path, NULL, &err) != 0)
        fail(path, err.msg);
    measure(path, n_texts, n_tokens);
}

int main(int argc, char **argv)
{
    size_t n_texts = 1, n_tokens = 4;
    int c;

    while ((c = getopt(argc, argv, "b:n:u")) != -1) {
        if (c == 'b')
            n_texts = strtoul(optarg, NULL, 10);
        else if (c == 'n')
            n_tokens = strtoul(optarg, NULL, 10);
        else if (c == 'u')
            packs = false;
        else
            fail("usage", "bench_generate [-b TEXTS] [-n TOKENS] [-u] [MODEL...]");
    }
    for (int i = optind; i < argc; i++)
        measure(argv[i], n_texts, n_tokens);
    if (optind < argc)
        return 0;
    measure_shape("tinyllama-1.1b", "Q4_0", n_texts, n_tokens);
    measure_shape("tinyllama-1.1b", "Q4_K_M", n_texts, n_tokens);
    measure_shape("qwen2.5-0.5b", "Q4_K_M", n_texts, 3 * n_tokens);
    measure_shape("smollm2-135m", "Q8_0", n_texts, 5 * n_tokens);
    return 0;
}
