/* SPDX-License-Identifier: Apache-2.0 */
/* Attention alone, behind a long text whose pages are made up: one token that is written, whose
 * floor is the bytes of keys and values over the rate at which memory is read, measured in the same
 * run; and a prompt of 512 tokens, at the start and behind that text. All layers of the shape of
 * TinyLlama, or of another.
 *
 * usage: bench_attend [-d POSITIONS] [-t THREADS] [-k TABLE] [-l LAYERS] [-q HEADS] [-v KV_HEADS]
 *                     [-w HEAD_DIM] [-c KIND, 0 to 2: f32, f16, q8_0; else the latter two] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "model/transformer_internal.h"
#include "os/thread.h"

#define PROMPT 512
#define ROUNDS 9
#define READ_BYTES ((size_t)1 << 29)

struct shape {
    size_t depth, n_threads, n_layers, n_heads, n_kv_heads, head_dim;
    const struct wf_kern *kern;
};

struct world {
    struct wf_params p;
    struct wf_model model;
    struct wf_runner r;
    struct wf_seq seq;
};

static uint64_t seed = 1;

static float number(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (float)((int32_t)(seed >> 40) - (1 << 23)) * 0x1p-23f;
}

static void *must(void *p)
{
    if (p == NULL) {
        (void)fprintf(stderr, "bench_attend: not enough memory\n");
        exit(1);
    }
    return p;
}

static double now(void)
{
    return (double)wf_clock_mono_ns(NULL) * 1e-9;
}

/* A page for each 32 positions, each head's as random as one. */
static void fill_pages(struct world *w, enum wf_kv_kind kind)
{
    const struct wf_params *p = &w->p;
    size_t bytes = wf_page_bytes(kind, p->head_dim);
    uint8_t *key = must(wf_alloc(bytes)), *value = must(wf_alloc(bytes));
    float *x = must(wf_alloc_array(p->head_dim, sizeof(*x)));

    for (size_t j = 0; j < WF_PAGE_TOKENS; j++) {
        for (size_t i = 0; i < p->head_dim; i++)
            x[i] = number();
        wf_page_put_key(w->r.kern, kind, x, p->head_dim, j, key);
        wf_page_put_value(w->r.kern, kind, x, p->head_dim, j, value);
    }
    for (size_t i = 0; i < w->seq.n_pages; i++) {
        for (size_t l = 0; l < p->n_layers; l++) {
            for (size_t h = 0; h < p->layers[l].n_kv_heads; h++) {
                memcpy(w->seq.pages[i] + wf_kv_keys(w->r.kv, l, h), key, bytes);
                memcpy(w->seq.pages[i] + wf_kv_values(w->r.kv, l, h), value, bytes);
            }
        }
    }
    wf_free(x);
    wf_free(key);
    wf_free(value);
}

static void make_world(struct world *w, const struct shape *s, enum wf_kv_kind kind)
{
    struct wf_runner *r = &w->r;
    size_t n_q = PROMPT * s->n_heads * s->head_dim;
    struct wf_err err = WF_ERR_INIT;

    *w = (struct world){.p = {.n_layers = (uint32_t)s->n_layers,
                              .head_dim = (uint32_t)s->head_dim,
                              .value_dim = (uint32_t)s->head_dim,
                              .attention_scale = 0.125f}};
    w->p.layers = must(wf_alloc_array(s->n_layers, sizeof(*w->p.layers)));
    w->model.weights.layers = must(wf_alloc_array(s->n_layers, sizeof(struct wf_layer_weights)));
    for (size_t i = 0; i < s->n_layers; i++) {
        w->p.layers[i].n_heads = (uint32_t)s->n_heads;
        w->p.layers[i].n_kv_heads = (uint32_t)s->n_kv_heads;
    }
    *r = (struct wf_runner){.model = &w->model, .p = &w->p, .kern = s->kern, .act = WF_ACT_Q8};
    r->n_context = s->depth + PROMPT;
    r->n_partials = wf_transformer__partial_floats(&w->p, r->n_context);
    r->places = must(wf_alloc_array(PROMPT, sizeof(*r->places)));
    r->tile_first = must(wf_alloc_array(PROMPT, sizeof(*r->tile_first)));
    r->q = must(wf_alloc_array(n_q, sizeof(float)));
    r->att = must(wf_alloc_array(n_q, sizeof(float)));
    r->tiles =
        must(wf_alloc_array(s->n_threads * wf_transformer__tile_floats(&w->p), sizeof(*r->tiles)));
    r->partials = must(wf_alloc_array(r->n_partials, sizeof(*r->partials)));
    for (size_t i = 0; i < n_q; i++)
        r->q[i] = 2.0f * number();
    if (wf_gang_new(s->n_threads, &r->gang, &err) != 0 ||
        wf_kv_new(&w->p, kind, r->n_context + WF_PAGE_TOKENS, &r->kv, &err) != 0 ||
        wf_seq_init(&w->seq, r->kv, &err) != 0 ||
        wf_seq_reserve(&w->seq, r->n_context, &err) != 0) {
        (void)fprintf(stderr, "bench_attend: %s\n", err.msg);
        exit(1);
    }
    fill_pages(w, kind);
}

static void free_world(struct world *w)
{
    struct wf_runner *r = &w->r;

    wf_seq_deinit(&w->seq);
    wf_kv_free(r->kv);
    wf_gang_free(r->gang);
    wf_free(w->p.layers);
    wf_free(w->model.weights.layers);
    wf_free(r->places);
    wf_free(r->tile_first);
    wf_free(r->q);
    wf_free(r->att);
    wf_free(r->tiles);
    wf_free(r->partials);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Seconds that attention of n tokens behind `depth` others takes, all layers: the median. */
static double measure(struct world *w, size_t depth, size_t n, size_t rounds)
{
    double times[ROUNDS];

    for (size_t i = 0; i < n; i++)
        w->r.places[i] = (struct wf_place){
            .seq = &w->seq, .position = (uint32_t)(depth + i), .n_part = (uint32_t)n};
    w->r.n_tok = n;
    w->r.n_written = n == 1; /* a prompt is read */
    wf_transformer__attend_tiles(&w->r, 0);
    for (size_t k = 0; k < rounds; k++) {
        double start = now();
        for (size_t l = 0; l < w->p.n_layers; l++)
            wf_transformer__attend_tiles(&w->r, l);
        times[k] = now() - start;
    }
    qsort(times, rounds, sizeof(times[0]), by_size);
    return times[rounds / 2];
}

/* ---- what memory gives ---- */

struct reading {
    const uint64_t *words;
    uint64_t sums[64];
};

static void read_part(void *ud, size_t i, size_t n)
{
    struct reading *r = ud;
    uint64_t s[8] = {0};
    size_t from, to;

    wf_gang_part(READ_BYTES / sizeof(uint64_t), 512, i, n, &from, &to);
    for (; from < to; from += 8) {
        for (size_t k = 0; k < 8; k++)
            s[k] ^= r->words[from + k];
    }
    r->sums[i % 64] = s[0] ^ s[1] ^ s[2] ^ s[3] ^ s[4] ^ s[5] ^ s[6] ^ s[7];
}

/* GB/s, all threads together, in large pages. */
static double read_rate(size_t n_threads)
{
    void *room = mmap(NULL, READ_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct reading r = {.words = room};
    struct wf_gang *gang = NULL;
    double times[ROUNDS];

    if (room == MAP_FAILED || wf_gang_new(n_threads, &gang, NULL) != 0)
        (void)must(NULL);
    (void)madvise(room, READ_BYTES, MADV_HUGEPAGE);
    memset(room, 1, READ_BYTES);
    for (size_t i = 0; i < ROUNDS; i++) {
        double start = now();
        wf_gang_run(gang, read_part, &r);
        times[i] = now() - start;
    }
    wf_gang_free(gang);
    (void)munmap(room, READ_BYTES);
    qsort(times, ROUNDS, sizeof(times[0]), by_size);
    return (double)READ_BYTES / times[ROUNDS / 2] * 1e-9;
}

static void run(const struct shape *s, enum wf_kv_kind kind)
{
    static const char *const names[] = {"f32", "f16", "q8_0"};
    struct world w;
    double rate, time, flops, first;

    make_world(&w, s, kind);
    flops = 4.0 * (double)(s->n_layers * s->n_heads * s->head_dim * PROMPT);
    time = measure(&w, 0, PROMPT, ROUNDS);
    printf("  %-5s prompt of %d: %.1f ms, %.0f GFLOP/s\n", names[kind], PROMPT, time * 1e3,
           flops * (PROMPT + 1) / 2 / time * 1e-9);
    rate = (double)(wf_kv_token_bytes(w.r.kv) * s->depth) * 1e-9;
    first = read_rate(s->n_threads);
    time = measure(&w, s->depth - 1, 1, ROUNDS);
    first = (first + read_rate(s->n_threads)) / 2;
    printf("  %-5s one token at %zu: %.2f ms, %.1f GB/s, %.0f%% of the %.1f that memory gives\n",
           names[kind], s->depth, time * 1e3, rate / time, 100 * rate / time / first, first);
    time = measure(&w, s->depth, PROMPT, 1);
    printf("  %-5s prompt of %d behind %zu: %.0f ms, %.0f GFLOP/s\n", names[kind], PROMPT, s->depth,
           time * 1e3, flops * (double)s->depth / time * 1e-9);
    free_world(&w);
}

int main(int argc, char **argv)
{
    struct shape s = {.depth = 32768,
                      .n_threads = wf_cpu_count(),
                      .n_layers = 22,
                      .n_heads = 32,
                      .n_kv_heads = 4,
                      .head_dim = 64,
                      .kern = wf_kern()};
    int c, only = -1;

    while ((c = getopt(argc, argv, "d:t:k:l:q:v:w:c:")) != -1) {
        size_t n = (size_t)strtoul(optarg != NULL ? optarg : "", NULL, 10);
        switch (c) {
        case 'd':
            s.depth = n;
            break;
        case 't':
            s.n_threads = n;
            break;
        case 'k':
            s.kern = wf_kern_by_name(optarg);
            break;
        case 'l':
            s.n_layers = n;
            break;
        case 'q':
            s.n_heads = n;
            break;
        case 'v':
            s.n_kv_heads = n;
            break;
        case 'w':
            s.head_dim = n;
            break;
        case 'c':
            only = (int)n;
            break;
        default:
            return 2;
        }
    }
    if (s.kern == NULL || s.n_threads == 0 || s.depth < PROMPT || s.n_kv_heads == 0 ||
        s.n_layers == 0 || s.n_heads % s.n_kv_heads != 0 || s.head_dim % 32 != 0)
        return 2;
    printf("%zu layers, %zu heads of %zu, %zu of keys, %zu threads, kernels %s\n", s.n_layers,
           s.n_heads, s.head_dim, s.n_kv_heads, s.n_threads, s.kern->name);
    for (int kind = WF_KV_F32; kind <= WF_KV_Q8_0; kind++) {
        if (only == kind || (only < 0 && kind != WF_KV_F32))
            run(&s, (enum wf_kv_kind)kind);
    }
    return 0;
}
