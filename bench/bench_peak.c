/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine can do: the limits that the model runtime is measured against.
 *
 * Reading: each thread streams its share of a gigabyte in large pages, and of FILE as it is mapped
 * (a model: what generation reads for a token). Arithmetic: each instruction that products are made
 * of, with twelve accumulators that do not wait for each other and stay in registers, all threads
 * at once. The best of several rounds is the limit; the median stands beside it.
 *
 * usage: bench_peak [-t THREADS] [-j] [FILE]; -j: one line of JSON, GB/s and 10^9 operations/s. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "os/gang.h"
#include "os/thread.h"

#define ROUNDS 7
#define READ_BYTES ((size_t)1 << 30)
#define TURNS 4000000L /* of a loop of arithmetic in one round */
#define CHAINS 12

struct work {
    void (*loop)(long n); /* arithmetic; NULL: reading */
    const unsigned char *bytes;
    size_t n_bytes;
};

/* What was read, so that nothing is left out as unused. */
static volatile uint64_t seen;

static double now(void)
{
    return (double)wf_clock_mono_ns(NULL) * 1e-9;
}

/* ---- reading ---- */

#ifdef __x86_64__
#include <immintrin.h>

__attribute__((target("avx2"))) static uint64_t sum_of(const unsigned char *p, size_t n)
{
    __m256i s[8];
    uint64_t out[4];

    for (int k = 0; k < 8; k++)
        s[k] = _mm256_setzero_si256();
    for (size_t i = 0; i + 256 <= n; i += 256) {
        for (int k = 0; k < 8; k++)
            s[k] = _mm256_xor_si256(
                s[k], _mm256_loadu_si256((const __m256i *)(const void *)(p + i + 32 * k)));
    }
    for (int k = 1; k < 8; k++)
        s[0] = _mm256_xor_si256(s[0], s[k]);
    _mm256_storeu_si256((__m256i *)(void *)out, s[0]);
    return out[0] ^ out[1] ^ out[2] ^ out[3];
}
#else
static uint64_t sum_of(const unsigned char *p, size_t n)
{
    uint64_t s[8] = {0}, v[8];

    for (size_t i = 0; i + 64 <= n; i += 64) {
        memcpy(v, p + i, sizeof(v));
        for (int k = 0; k < 8; k++)
            s[k] ^= v[k];
    }
    return s[0] ^ s[1] ^ s[2] ^ s[3] ^ s[4] ^ s[5] ^ s[6] ^ s[7];
}
#endif

/* ---- arithmetic: CHAINS chains a turn ---- */

#define UNROLLED _Pragma("GCC unroll 12")

#define CHAIN_LOOP(type, first, step)                                                              \
    type c[CHAINS];                                                                                \
    UNROLLED for (int k = 0; k < CHAINS; k++) c[k] = (first);                                      \
    for (long i = 0; i < n; i++) {                                                                 \
        UNROLLED for (int k = 0; k < CHAINS; k++)                                                  \
        {                                                                                          \
            c[k] = (step);                                                                         \
            __asm__ volatile("" : KEEP(c[k]));                                                     \
        }                                                                                          \
    }                                                                                              \
    UNROLLED for (int k = 1; k < CHAINS; k++) c[0] = c[0] + c[k];                                  \
    seen = (uint64_t) * (const unsigned char *)(const void *)&c[0]

#ifdef __x86_64__
#define KEEP(v) "+v"(v)
__attribute__((target("avx512f"))) static void fma_512(long n)
{
    __m512 a = _mm512_set1_ps(0.5f), b = _mm512_set1_ps(0.25f);
    CHAIN_LOOP(__m512, _mm512_set1_ps(1.0f), _mm512_fmadd_ps(c[k], a, b));
}
__attribute__((target("avx512f,avx512bf16"))) static void bf16_512(long n)
{
    __m512bh a = (__m512bh)_mm512_set1_epi32(0x3f803f80), b = (__m512bh)_mm512_set1_epi32(0);
    CHAIN_LOOP(__m512, _mm512_setzero_ps(), _mm512_dpbf16_ps(c[k], a, b));
}
__attribute__((target("avx512f,avx512vnni"))) static void bytes_512(long n)
{
    __m512i a = _mm512_set1_epi8(1), b = _mm512_set1_epi8(2);
    CHAIN_LOOP(__m512i, _mm512_setzero_si512(), _mm512_dpbusd_epi32(c[k], a, b));
}
__attribute__((target("avx2,fma"))) static void fma_256(long n)
{
    __m256 a = _mm256_set1_ps(0.5f), b = _mm256_set1_ps(0.25f);
    CHAIN_LOOP(__m256, _mm256_set1_ps(1.0f), _mm256_fmadd_ps(c[k], a, b));
}
__attribute__((target("avx512vl,avx512vnni"))) static void bytes_256(long n)
{
    __m256i a = _mm256_set1_epi8(1), b = _mm256_set1_epi8(2);
    CHAIN_LOOP(__m256i, _mm256_setzero_si256(), _mm256_dpbusd_epi32(c[k], a, b));
}
/* Without VNNI: bytes to pairs of 16 bits, pairs to 32, sum. */
__attribute__((target("avx2"))) static void bytes_avx2(long n)
{
    __m256i a = _mm256_set1_epi8(1), one = _mm256_set1_epi16(1), b = _mm256_set1_epi8(2);
    CHAIN_LOOP(
        __m256i, _mm256_setzero_si256(),
        _mm256_add_epi32(_mm256_madd_epi16(_mm256_maddubs_epi16(a, _mm256_xor_si256(c[k], b)), one),
                         c[k]));
}

struct unit {
    const char *name, *words;
    void (*loop)(long n);
    double operations; /* of one chain's step */
};

/* Those that this processor has. */
static size_t units(struct unit out[8])
{
    size_t n = 0;

    if (__builtin_cpu_supports("avx512f"))
        out[n++] = (struct unit){"fma_512", "float32 FMA, 512 bits", fma_512, 32};
    if (__builtin_cpu_supports("avx512bf16"))
        out[n++] = (struct unit){"bf16_512", "BF16 dot products, 512 bits", bf16_512, 64};
    if (__builtin_cpu_supports("avx512vnni"))
        out[n++] =
            (struct unit){"bytes_512", "8-bit dot products (VNNI), 512 bits", bytes_512, 128};
    if (__builtin_cpu_supports("fma"))
        out[n++] = (struct unit){"fma_256", "float32 FMA, 256 bits", fma_256, 16};
    if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vl"))
        out[n++] = (struct unit){"bytes_256", "8-bit dot products (VNNI), 256 bits", bytes_256, 64};
    if (__builtin_cpu_supports("avx2"))
        out[n++] =
            (struct unit){"bytes_avx2", "8-bit dot products by pairs, 256 bits", bytes_avx2, 64};
    return n;
}
#elif defined(__aarch64__)
#include <arm_neon.h>
#define KEEP(v) "+w"(v)
static void fma_neon(long n)
{
    float32x4_t a = vdupq_n_f32(0.5f), b = vdupq_n_f32(0.25f);
    CHAIN_LOOP(float32x4_t, vdupq_n_f32(1.0f), vfmaq_f32(b, c[k], a));
}

struct unit {
    const char *name, *words;
    void (*loop)(long n);
    double operations;
};

static size_t units(struct unit out[8])
{
    out[0] = (struct unit){"fma_neon", "float32 FMA, 128 bits", fma_neon, 8};
    return 1;
}
#endif

/* ---- rounds ---- */

static void part(void *ud, size_t i, size_t n)
{
    const struct work *w = ud;
    size_t from, to;

    if (w->loop != NULL) {
        w->loop(TURNS);
        return;
    }
    wf_gang_part(w->n_bytes, 4096, i, n, &from, &to);
    seen = sum_of(w->bytes + from, to - from);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Units of `work` a second, in 10^9: the best of ROUNDS; the median beside it. */
static double measure(struct wf_gang *gang, struct work *w, double amount, double *out_median)
{
    double rates[ROUNDS];

    wf_gang_run(gang, part, w);
    for (int i = 0; i < ROUNDS; i++) {
        double start = now();
        wf_gang_run(gang, part, w);
        rates[i] = amount * 1e-9 / (now() - start);
    }
    qsort(rates, ROUNDS, sizeof(rates[0]), by_size);
    *out_median = rates[ROUNDS / 2];
    return rates[ROUNDS - 1];
}

static void print(bool is_json, const char *name, const char *words, const char *of, double best,
                  double median)
{
    if (is_json)
        printf(", \"%s\": %.1f, \"%s_median\": %.1f", name, best, name, median);
    else
        printf("  %-40s %8.1f %s   (median %.1f)\n", words, best, of, median);
}

static void measure_reading(struct wf_gang *gang, bool is_json, const char *path)
{
    void *room = mmap(NULL, READ_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct work w = {.bytes = room, .n_bytes = READ_BYTES};
    double best, median;

    if (room == MAP_FAILED) {
        (void)fprintf(stderr, "bench_peak: no room for a gigabyte\n");
        exit(1);
    }
    (void)madvise(room, READ_BYTES, MADV_HUGEPAGE);
    memset(room, 1, READ_BYTES);
    best = measure(gang, &w, (double)READ_BYTES, &median);
    print(is_json, "read", "memory read, large pages", "GB/s", best, median);
    (void)munmap(room, READ_BYTES);
    if (path == NULL)
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0) {
        perror(path);
        exit(1);
    }
    w.n_bytes = (size_t)st.st_size;
    room = mmap(NULL, w.n_bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (room == MAP_FAILED) {
        perror(path);
        exit(1);
    }
    w.bytes = room;
    best = measure(gang, &w, (double)w.n_bytes, &median);
    print(is_json, "read_file", "the file read as it is mapped", "GB/s", best, median);
    (void)munmap(room, w.n_bytes);
    (void)close(fd);
}

int main(int argc, char **argv)
{
    size_t n_threads = wf_cpu_count(), n_units;
    bool is_json = false;
    struct wf_gang *gang = NULL;
    struct unit all[8];
    int c;

    while ((c = getopt(argc, argv, "t:j")) != -1) {
        if (c == 't')
            n_threads = (size_t)strtoul(optarg, NULL, 10);
        else if (c == 'j')
            is_json = true;
        else
            return 2;
    }
    if (n_threads == 0 || wf_gang_new(n_threads, &gang, NULL) != 0)
        return 2;
    printf(is_json ? "{\"threads\": %zu" : "%zu threads, best of several rounds\n", n_threads);
    measure_reading(gang, is_json, optind < argc ? argv[optind] : NULL);
    n_units = units(all);
    for (size_t i = 0; i < n_units; i++) {
        struct work w = {.loop = all[i].loop};
        double median;
        double best = measure(
            gang, &w, all[i].operations * CHAINS * (double)TURNS * (double)n_threads, &median);
        print(is_json, all[i].name, all[i].words, "Gop/s", best, median);
    }
    printf(is_json ? "}\n" : "");
    wf_gang_free(gang);
    return 0;
}
