/* SPDX-License-Identifier: Apache-2.0 */
/* What the lowest floor costs, each beside the plain thing it stands for: wf_alloc beside malloc,
 * the hash beside memcpy, the map beside its limit, a sandboxed system call beside a free one.
 * Processor time of this thread, best of several turns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "os/sandbox.h"

#define N_TURNS 7

static double now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* Nanoseconds of one of the n operations that fn makes: the best turn. */
static double best_ns(void (*fn)(void *ud, size_t n), void *ud, size_t n)
{
    double best = 1e30;
    for (int i = 0; i < N_TURNS; i++) {
        double start = now_ns();
        fn(ud, n);
        double ns = (now_ns() - start) / (double)n;
        best = ns < best ? ns : best;
    }
    return best;
}

static void *volatile sink;

static void plain_alloc(void *ud, size_t n)
{
    size_t bytes = *(size_t *)ud;
    for (size_t i = 0; i < n; i++) {
        sink = malloc(bytes);
        free(sink);
    }
}

static void our_alloc(void *ud, size_t n)
{
    size_t bytes = *(size_t *)ud;
    for (size_t i = 0; i < n; i++) {
        sink = wf_alloc(bytes);
        wf_free(sink);
    }
}

static void arena_alloc(void *ud, size_t n)
{
    size_t bytes = *(size_t *)ud;
    struct wf_arena a;
    wf_arena_init(&a, 0, SIZE_MAX);
    for (size_t i = 0; i < n; i++) {
        sink = wf_arena_alloc(&a, bytes);
        if (i % 1000 == 999)
            wf_arena_reset(&a);
    }
    wf_arena_deinit(&a);
}

static char block[1 << 16];
static volatile uint64_t hash_sink;

static void hash(void *ud, size_t n)
{
    size_t bytes = *(size_t *)ud;
    for (size_t i = 0; i < n; i++)
        hash_sink = wf_str_hash(wf_str_n(block, bytes), i);
}

static void copy(void *ud, size_t n)
{
    static char to[sizeof(block)];
    size_t bytes = *(size_t *)ud;
    for (size_t i = 0; i < n; i++) {
        memcpy(to, block, bytes);
        sink = to;
    }
}

#define N_KEYS 200000
static char keys[N_KEYS][16];

static void map_put(void *ud, size_t n)
{
    struct wf_map *m = ud;
    wf_map_deinit(m);
    for (size_t i = 0; i < n; i++)
        sink = wf_map_put(m, wf_str_from(keys[i]), NULL);
}

static void map_get(void *ud, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sink = wf_map_get(ud, wf_str_from(keys[i]));
}

static void append(void *ud, size_t n)
{
    struct wf_buf *b = ud;
    wf_buf_reset(b);
    for (size_t i = 0; i < n; i++)
        (void)wf_buf_append(b, keys[i % N_KEYS], 8); /* the maximum is far */
}

static void call_kernel(void *ud, size_t n)
{
    (void)ud;
    for (size_t i = 0; i < n; i++)
        syscall(SYS_getppid);
}

/* One with conditions, which the filter must run for. */
static void call_kernel_checked(void *ud, size_t n)
{
    (void)ud;
    for (size_t i = 0; i < n; i++)
        syscall(SYS_fcntl, 0, 1, 0);
}

static void bench_sandbox(void)
{
    double free_ns = best_ns(call_kernel, NULL, 100000);
    double free_checked_ns = best_ns(call_kernel_checked, NULL, 100000);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        const struct wf_sandbox_options o = {.kind = WF_SANDBOX_CORE};
        double start = now_ns();
        int r = wf_sandbox_enter(&o, NULL);
        double enter_us = (now_ns() - start) / 1e3;
        if (r != 0)
            _exit(0);
        printf("sandbox: entered in %.0f us; a call %.0f ns (free %.0f), with conditions %.0f ns "
               "(free %.0f)\n",
               enter_us, best_ns(call_kernel, NULL, 100000), free_ns,
               best_ns(call_kernel_checked, NULL, 100000), free_checked_ns);
        fflush(stdout);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

int main(void)
{
    for (size_t bytes = 16; bytes <= 4096; bytes *= 16)
        printf("alloc + free, %4zu bytes: %5.1f ns (malloc %.1f, arena %.1f)\n", bytes,
               best_ns(our_alloc, &bytes, 1000000), best_ns(plain_alloc, &bytes, 1000000),
               best_ns(arena_alloc, &bytes, 100000));
    for (size_t bytes = 8; bytes <= sizeof(block); bytes *= 8) {
        double ns = best_ns(hash, &bytes, 20000000 / (bytes + 100));
        printf("hash, %5zu bytes: %7.1f ns, %.1f GB/s (memcpy %.1f GB/s)\n", bytes, ns,
               (double)bytes / ns, (double)bytes / best_ns(copy, &bytes, 20000000 / (bytes + 100)));
    }
    for (size_t i = 0; i < N_KEYS; i++)
        snprintf(keys[i], sizeof(keys[i]), "key-%zu", i * 7919);
    struct wf_map m;
    wf_map_init(&m, SIZE_MAX);
    double put_ns = best_ns(map_put, &m, N_KEYS);
    printf("map of %d keys: put %.0f ns, get %.0f ns\n", N_KEYS, put_ns,
           best_ns(map_get, &m, N_KEYS));
    wf_map_deinit(&m);
    struct wf_buf b;
    wf_buf_init(&b, SIZE_MAX);
    printf("buf, append of 8 bytes: %.1f ns\n", best_ns(append, &b, 1000000));
    wf_buf_deinit(&b);
    bench_sandbox();
    return 0;
}
