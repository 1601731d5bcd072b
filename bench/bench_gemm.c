/* SPDX-License-Identifier: Apache-2.0 */
/* Products of training (kern/gemm.h) beside the peak of the processor, which a loop over registers
 * measures in the same run: shapes of the network of docs/architecture.md's embedded model,
 * forward, backward to the input and backward to the weight.
 *
 *   bench_gemm [THREADS [NAME]]    as many as processors, the fastest instruction set
 *
 * Prints the median of N_RUNS and its share of the peak. No figure here must be reached: a machine
 * that others use has no peak. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "kern/gemm.h"

#define N_RUNS 7
#define N_PEAK 2000000
#define N_SUMS 14
#define FLOATS_MAX ((size_t)16384 * 2560)
#define SIDE_MAX 16384

static double peaks[2]; /* GFLOP/s of all threads, by kind; 0: not known here */

static double seconds(void)
{
    return (double)wf_clock_mono_ns(NULL) * 1e-9;
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

/* ---- the peak ---- */

#ifdef __x86_64__
/* N_SUMS chains of additions that stay in registers, N_PEAK times round. */
#define SPIN(instruction)                                                                          \
    __asm__ volatile(".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"                              \
                     "vpxord %%zmm\\r, %%zmm\\r, %%zmm\\r\n"                                       \
                     ".endr\n" ::                                                                  \
                         : CLOBBERED);                                                             \
    for (int k = 0; k < N_PEAK; k++)                                                               \
    __asm__ volatile(".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13\n" instruction                        \
                     " %%zmm14, %%zmm15, %%zmm\\r\n"                                               \
                     ".endr\n" ::                                                                  \
                         : CLOBBERED)
#define CLOBBERED                                                                                  \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",       \
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

static void spin_f32(void *ud, size_t i, size_t n)
{
    (void)ud;
    (void)i;
    (void)n;
    SPIN("vfmadd231ps");
}

static void spin_bf16(void *ud, size_t i, size_t n)
{
    (void)ud;
    (void)i;
    (void)n;
    SPIN("vdpbf16ps");
}

static double peak_of(struct wf_gang *gang, wf_gang_fn spin, double flop)
{
    double took[N_RUNS];

    for (int i = 0; i < N_RUNS; i++) {
        double start = seconds();
        wf_gang_run(gang, spin, NULL);
        took[i] = seconds() - start;
    }
    return flop * N_PEAK * N_SUMS * (double)wf_gang_size(gang) / median(took, N_RUNS) * 1e-9;
}

static void measure_peaks(struct wf_gang *gang)
{
    if (__builtin_cpu_supports("avx512f"))
        peaks[WF_GEMM_F32] = peak_of(gang, spin_f32, 32);
    if (__builtin_cpu_supports("avx512bf16"))
        peaks[WF_GEMM_BF16] = peak_of(gang, spin_bf16, 64);
}
#else
static void measure_peaks(struct wf_gang *gang)
{
    (void)gang;
}
#endif

/* ---- products ---- */

struct shape {
    const char *what;
    size_t m, n, k;
    bool a_turned, b_turned, adds;
};

/* n_tok tokens, or the masked ones of them. */
static const struct shape shapes[] = {
    {"queries, keys, values", 16384, 768, 256, false, true, false},
    {"  to the input", 16384, 256, 768, false, false, false},
    {"  to the weight", 768, 256, 16384, true, false, true},
    {"attention's output", 16384, 256, 256, false, true, true},
    {"gate and up", 16384, 1280, 256, false, true, false},
    {"  to the input", 16384, 256, 1280, false, false, false},
    {"  to the weight", 1280, 256, 16384, true, false, true},
    {"down", 16384, 256, 640, false, true, true},
    {"  to the input", 16384, 640, 256, false, false, false},
    {"  to the weight", 256, 640, 16384, true, false, true},
    {"gate and up, few", 4096, 1280, 256, false, true, false},
    {"vocabulary", 2500, 16384, 256, false, true, false},
    {"  to the input", 2500, 256, 16384, false, false, false},
    {"  to the weight", 16384, 256, 2500, true, false, true},
    {"a text's scores", 128, 512, 64, false, true, false},
    {"large square", 2048, 2048, 2048, false, false, false},
};

static void fill(float *x, size_t n)
{
    uint32_t seed = 1;

    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(int32_t)seed * 0x1p-31f;
    }
}

static void bench(struct wf_gemm_room *room, struct wf_gang *gang, const struct shape *s,
                  float *const *x)
{
    double flop = 2e-9 * (double)s->m * (double)s->n * (double)s->k, took[N_RUNS];
    struct wf_gemm g = {.m = s->m,
                        .n = s->n,
                        .k = s->k,
                        .a = x[0],
                        .b = x[1],
                        .c = x[2],
                        .lda = s->a_turned ? s->m : s->k,
                        .ldb = s->b_turned ? s->k : s->n,
                        .ldc = s->n,
                        .a_turned = s->a_turned,
                        .b_turned = s->b_turned,
                        .adds = s->adds};

    printf("%-22s %6zu %6zu %6zu ", s->what, s->m, s->n, s->k);
    for (int kind = WF_GEMM_F32; kind <= WF_GEMM_BF16; kind++) {
        for (int i = 0; i < N_RUNS; i++) {
            double start = seconds();
            wf_gemm_run(room, gang, (enum wf_gemm_kind)kind, &g);
            took[i] = seconds() - start;
        }
        double reached = flop / median(took, N_RUNS);
        printf("  %8.2f ms %4.0f GFLOP/s", 1e3 * flop / reached, reached);
        if (peaks[kind] > 0)
            printf(" %3.0f%%", 100 * reached / peaks[kind]);
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    long n_threads = argc > 1 ? strtol(argv[1], NULL, 10) : sysconf(_SC_NPROCESSORS_ONLN);
    struct wf_gemm_room *room = NULL;
    struct wf_gang *gang = NULL;
    struct wf_err err = WF_ERR_INIT;
    float *x[3];
    const char *name = "";

    if (n_threads < 1 || n_threads > WF_GANG_MEMBERS_MAX)
        return 2;
    if (wf_gang_new((size_t)n_threads, &gang, &err) != 0 ||
        wf_gemm_room_new((size_t)n_threads, SIDE_MAX, &room, &err) != 0) {
        fprintf(stderr, "bench_gemm: %s\n", err.msg);
        return 1;
    }
    for (int i = 0; i < 3; i++) {
        x[i] = wf_alloc_lines(FLOATS_MAX, sizeof(float));
        if (x[i] == NULL)
            return 1;
        fill(x[i], FLOATS_MAX);
    }
    for (size_t i = 0; wf_gemm_room_use(room, i) != NULL; i++) {
        name = wf_gemm_room_use(room, i);
        if (argc > 2 && strcmp(name, argv[2]) == 0)
            break;
    }
    measure_peaks(gang);
    printf("%s, %ld threads; peaks: float32 %.0f GFLOP/s, bfloat16 %.0f\n", name, n_threads,
           peaks[WF_GEMM_F32], peaks[WF_GEMM_BF16]);
    printf("%-22s %6s %6s %6s   %-26s   bfloat16\n", "", "m", "n", "k", "float32");
    for (size_t i = 0; i < WF_ARRAY_LEN(shapes); i++)
        bench(room, gang, &shapes[i], x);
    for (int i = 0; i < 3; i++)
        wf_free(x[i]);
    wf_gemm_room_free(room);
    wf_gang_free(gang);
    return 0;
}
