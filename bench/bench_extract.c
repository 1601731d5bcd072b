/* SPDX-License-Identifier: Apache-2.0 */
/* The cost of extraction itself, everything on one core: plain text a second through worker,
 * stream and checks; one small document through a shared worker; one document in a worker of its
 * own. Best of several runs each, beside what must be reached. The text is thrown away. */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "ingest/extract.h"

#define ROUNDS 7

static int drop(void *ud, const struct wf_stream_frame *f, struct wf_err *err)
{
    uint64_t *n = ud;
    (void)err;
    *n += f->type == WF_STREAM_TEXT ? f->text.len : 0;
    return 0;
}

static int document(size_t n_bytes)
{
    static const char words[] = "The quick brown fox jumps over the lazy dog, again and again; "
                                "nobody knows why.\nSome say \xc3\xa4 or \xc3\xb6.\n\n";
    int fd = memfd_create("doc", MFD_CLOEXEC);
    for (size_t n = 0; fd >= 0 && n < n_bytes;) {
        size_t step = n_bytes - n < sizeof(words) - 1 ? n_bytes - n : sizeof(words) - 1;
        if (write(fd, words, step) != (ssize_t)step) {
            return -1;
        }
        n += step;
    }
    return fd;
}

struct cost {
    double wall_us; /* best of the rounds */
    double cpu_us;  /* of all processes together, mean */
};

static double cpu_us(void)
{
    struct rusage a;
    struct rusage b;
    (void)getrusage(RUSAGE_SELF, &a);
    (void)getrusage(RUSAGE_CHILDREN, &b);
    return (double)(a.ru_utime.tv_sec + a.ru_stime.tv_sec + b.ru_utime.tv_sec + b.ru_stime.tv_sec) *
               1e6 +
           (double)(a.ru_utime.tv_usec + a.ru_stime.tv_usec + b.ru_utime.tv_usec +
                    b.ru_stime.tv_usec);
}

static double one_round(struct wf_extract_client *c, int fd, const char *name, int n)
{
    int64_t start = wf_clock_mono_ns(NULL);
    for (int i = 0; i < n; i++) {
        struct wf_err err = WF_ERR_INIT;
        uint64_t n_text = 0;
        if (wf_extract_run(c, fd, name, drop, &n_text, &err) != 0) {
            fprintf(stderr, "%s: %s\n", name, err.msg);
            return 1e18;
        }
    }
    return (double)(wf_clock_mono_ns(NULL) - start) / 1e3 / n;
}

/* What a document costs; the spawner's start counts for little. */
static struct cost cost_of(int doc, const char *name, int n)
{
    struct cost cost = {1e18, 1e18};
    struct wf_extract_client *c = NULL;
    struct wf_err err = WF_ERR_INIT;
    int fd = -1;
    int pid = 0;
    if (wf_extract_spawn(NULL, &fd, &pid, &err) != 0 ||
        wf_extract_client_new(fd, NULL, &c, &err) != 0) {
        fprintf(stderr, "%s\n", err.msg);
        return cost;
    }
    double before = cpu_us();
    for (int round = 0; round < ROUNDS; round++) {
        double us = one_round(c, doc, name, n);
        cost.wall_us = us < cost.wall_us ? us : cost.wall_us;
    }
    wf_extract_client_free(c);
    (void)waitpid(pid, NULL, 0);
    cost.cpu_us = (cpu_us() - before) / n / ROUNDS;
    return cost;
}

/* What the machine takes to fork a process that does nothing: no worker can be cheaper. */
static double time_fork(void)
{
    double best = 1e18;
    for (int round = 0; round < 20; round++) {
        int64_t start = wf_clock_mono_ns(NULL);
        pid_t pid = fork();
        if (pid == 0) {
            _exit(0);
        }
        (void)waitpid(pid, NULL, 0);
        double us = (double)(wf_clock_mono_ns(NULL) - start) / 1e3;
        best = us < best ? us : best;
    }
    return best;
}

int main(void)
{
    cpu_set_t one;
    double big_bytes = (double)(64u << 20);
    int big = document(64u << 20);
    int small = document(1500);
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    (void)sched_setaffinity(0, sizeof(one), &one); /* where that is not allowed: on all cores */
    if (big < 0 || small < 0) {
        return 1;
    }
    struct cost flow = cost_of(big, "a.txt", 1);
    struct cost shared = cost_of(small, "a.txt", 2000);
    struct cost alone = cost_of(small, "a.md", 30);
    printf("%-42s %8s %8s\n", "on one core", "wall", "cpu");
    printf("%-42s %8.0f %8.0f   at least 150\n", "plain text through worker and stream, MB/s",
           big_bytes / flow.wall_us, big_bytes / flow.cpu_us);
    printf("%-42s %8.1f %8.1f   at most 60\n", "a document of 1.5 KB, shared worker, us",
           shared.wall_us, shared.cpu_us);
    printf("%-42s %8.0f %8.0f   a bare fork: %.0f\n", "the same in a worker of its own, us",
           alone.wall_us, alone.cpu_us, time_fork());
    return big_bytes / flow.cpu_us >= 150 && shared.cpu_us <= 60 ? 0 : 1;
}
