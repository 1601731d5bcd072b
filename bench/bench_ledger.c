/* SPDX-License-Identifier: Apache-2.0 */
/* Ledger: durable appends a second with 1 and with 64 callers that wait, beside the floor: what one
 * descriptor takes of bare writes of the same size, each synced, in the same run. One caller cannot
 * be faster than the floor; 64 share their syncs. And how fast a ledger is verified, beside reading
 * its bytes once.
 *
 * Must: one caller 0.7 of the floor, 64 callers 16 times it, verifying 100 MB/s.
 *
 *   bench_ledger [DIR]   where to write (a real disk): . */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "os/file.h"
#include "support/ledgered.h"

#define MUST_ALONE 0.7
#define MUST_MANY 16.0
#define MUST_MB_S 100.0
#define N_CALLERS 64
#define ROUND_NS INT64_C(700000000)
#define ROUNDS 5
#define VERIFIED 200000
#define WINDOW 512

static struct ledgered at;
static struct wf_ledger *ledger;
static int64_t until_ns;
static atomic_uint_least64_t n_done;

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench_ledger: %s\n", what);
    ledgered_remove(&at);
    exit(EXIT_FAILURE);
}

static double per_s(uint64_t n, int64_t start_ns)
{
    return (double)n / ((double)(wf_clock_mono_ns(NULL) - start_ns) * 1e-9);
}

/* A request as the airlock tells of it. */
static const struct wf_ledger_count redacted[] = {{WF_STR("PERSON"), 2}, {WF_STR("IBAN_CODE"), 1}};
static const struct wf_ledger_entry entry = {.kind = WF_LEDGER_REQUEST,
                                             .request_id = WF_STR("req-0123456789abcdef"),
                                             .engine = WF_STR("work"),
                                             .to = WF_STR("api.example.com"),
                                             .model = WF_STR("large-2"),
                                             .reason = WF_STR("best expected answer in time"),
                                             .label = WF_LABEL_INTERNAL,
                                             .counts = redacted,
                                             .n_counts = 2,
                                             .bytes = 1843};

static size_t entry_bytes(void)
{
    struct wf_buf b;
    size_t n;

    wf_buf_init(&b, WF_LIMIT_LEDGER_ENTRY_BYTES);
    if (wf_ledger_format_write(&entry, &b, NULL) != 0)
        fail("no memory");
    n = b.len;
    wf_buf_deinit(&b);
    return n;
}

/* Bare writes and syncs a second. */
static double floor_rate(size_t n_bytes)
{
    static char bytes[WF_LIMIT_LEDGER_ENTRY_BYTES];
    char path[300];
    int64_t start;
    uint64_t n = 0;
    int fd = -1;

    (void)snprintf(path, sizeof(path), "%s/floor", at.dir);
    if (wf_file_remove(path, NULL) != 0 || wf_file_create(path, &fd, NULL) != 0)
        fail("no file");
    start = wf_clock_mono_ns(NULL);
    for (; wf_clock_mono_ns(NULL) < start + ROUND_NS; n++)
        if (wf_file_write_all(fd, bytes, n_bytes, NULL) != 0 || wf_file_sync_fd(fd, NULL) != 0)
            fail("the disk");
    wf_file_close(&fd);
    return per_s(n, start);
}

static void *call(void *ud)
{
    (void)ud;
    while (wf_clock_mono_ns(NULL) < until_ns) {
        if (wf_ledger_append(ledger, &entry, NULL, NULL) != 0)
            fail("append");
        (void)atomic_fetch_add(&n_done, 1);
    }
    return NULL;
}

static double rate(unsigned n_callers)
{
    pthread_t threads[N_CALLERS];
    int64_t start = wf_clock_mono_ns(NULL);

    atomic_store(&n_done, 0);
    until_ns = start + ROUND_NS;
    for (unsigned i = 0; i < n_callers; i++)
        if (pthread_create(&threads[i], NULL, call, NULL) != 0)
            fail("no thread");
    for (unsigned i = 0; i < n_callers; i++)
        (void)pthread_join(threads[i], NULL);
    return per_s(atomic_load(&n_done), start);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v)
{
    qsort(v, ROUNDS, sizeof(*v), by_size);
    return v[ROUNDS / 2];
}

/* ---- verifying ---- */

static void posted(void *ud, uint64_t seq, const struct wf_err *err)
{
    (void)ud;
    (void)seq;
    if (err != NULL)
        fail(err->msg);
    (void)atomic_fetch_add(&n_done, 1);
}

/* Processor time: a busy machine does not distort it. */
static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool verify(void)
{
    struct wf_ledger_report report;
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf b;
    double start_s, read_s, verify_s, mb;

    atomic_store(&n_done, 0);
    for (unsigned i = 0; i < VERIFIED; i++) {
        while (i - atomic_load(&n_done) > WINDOW)
            usleep(50);
        if (wf_ledger_post(ledger, &entry, posted, NULL, &err) != 0)
            fail(err.msg);
    }
    wf_ledger_close(ledger);
    wf_buf_init(&b, SIZE_MAX);
    if (wf_file_read(at.log, &b, NULL) != 0)
        fail("read");
    start_s = cpu_s();
    if (wf_file_read(at.log, &b, NULL) != 0)
        fail("read");
    read_s = cpu_s() - start_s;
    mb = (double)b.len * 1e-6;
    wf_buf_deinit(&b);
    start_s = cpu_s();
    if (wf_ledger_verify(at.ledger, NULL, &report, &err) != 0)
        fail(err.msg);
    verify_s = cpu_s() - start_s;
    printf(
        "verify   %8.0f MB/s, %.2f million entries/s (must %.0f MB/s; reading alone %.0f MB/s)\n",
        mb / verify_s, (double)report.n_entries / verify_s * 1e-6, MUST_MB_S, mb / read_s);
    return mb / verify_s >= MUST_MB_S;
}

int main(int argc, char **argv)
{
    double bare[ROUNDS], alone[ROUNDS], many[ROUNDS], f, a, m;
    struct wf_err err = WF_ERR_INIT;
    size_t n_bytes = entry_bytes();
    bool good;

    if (ledgered_make_in(&at, argc > 1 ? argv[1] : ".") != 0 ||
        ledgered_open(&at, 0, &ledger, &err) != 0)
        fail(err.msg);
    for (unsigned i = 0; i < ROUNDS; i++) {
        bare[i] = floor_rate(n_bytes);
        alone[i] = rate(1);
        many[i] = rate(N_CALLERS);
    }
    f = median(bare);
    a = median(alone);
    m = median(many);
    printf("floor    %8.0f writes of %zu bytes/s, each synced\n", f, n_bytes);
    printf("1 caller %8.0f appends/s, %5.2f of the floor (must %.2f)\n", a, a / f, MUST_ALONE);
    printf("%u       %8.0f appends/s, %5.1f times the floor (must %.0f)\n", N_CALLERS, m, m / f,
           MUST_MANY);
    good = verify() && a >= MUST_ALONE * f && m >= MUST_MANY * f;
    ledgered_remove(&at);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
