/* SPDX-License-Identifier: Apache-2.0 */
/* Kill -9 while many threads append to the ledger: nothing that was acknowledged is lost, nothing
 * is half there, and the ledger goes on behind it. WEFT_KILL9_ROUNDS says how often. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/rng.h"
#include "support/ledgered.h"

#define ROUNDS 200
#define N_THREADS 8
#define ROUND_MAX_MS 5000

/* What the child says, in memory that outlives it: each thread's last acknowledged entry. */
static struct said {
    atomic_uint_least64_t acked[N_THREADS], n_acked;
} * said;

static struct ledgered at;
static uint64_t there[N_THREADS]; /* each thread's last entry in the ledger */
static uint64_t n_there;          /* entries */
static unsigned n_recovered, n_under_way;

/* Thread t's k-th entry; it can be told from its request id. */
static void make(struct ledgered_entry *m, unsigned t, uint64_t k)
{
    ledgered_entry(m, (uint64_t)t << 40 | k);
    int n = snprintf(m->texts[0], sizeof(m->texts[0]), "%u %llu", t, (unsigned long long)k);
    m->e.request_id = wf_str_n(m->texts[0], (size_t)n);
}

/* ---- the child ---- */

static struct wf_ledger *ledger;

static void *work(void *ud)
{
    unsigned t = (unsigned)(uintptr_t)ud;
    struct ledgered_entry m;

    for (uint64_t k = there[t] + 1;; k++) {
        make(&m, t, k);
        if (wf_ledger_append(ledger, &m.e, NULL, NULL) != 0)
            _exit(3);
        atomic_store(&said->acked[t], k);
        atomic_fetch_add(&said->n_acked, 1);
    }
    return NULL;
}

static void child(void)
{
    struct wf_err err = WF_ERR_INIT;
    pthread_t threads[N_THREADS];

    if (ledgered_open(&at, 3, &ledger, &err) != 0) {
        fprintf(stderr, "child: %s\n", err.msg);
        _exit(2);
    }
    for (uintptr_t t = 0; t < N_THREADS; t++)
        if (pthread_create(&threads[t], NULL, work, (void *)t) != 0)
            _exit(4);
    for (;;)
        pause();
}

/* ---- the parent ---- */

static void kill_at(pid_t pid, uint64_t n_acked, unsigned us)
{
    int64_t until = wf_clock_mono_ns(NULL) + ROUND_MAX_MS * INT64_C(1000000);
    int status = 0;

    while (atomic_load(&said->n_acked) < n_acked && wf_clock_mono_ns(NULL) < until)
        usleep(100);
    usleep(us);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* One entry that is new in this round, from the last one back: the thread's next lower one. */
static void check_one(const struct wf_ledger_entry *e, uint64_t low[N_THREADS])
{
    static struct ledgered_entry m;
    unsigned t = 0;
    unsigned long long k = 0;
    char id[64];

    if (e->request_id.len == 0) {
        assert_int_equal(e->kind, WF_LEDGER_RECOVERY);
        n_recovered++;
        return;
    }
    snprintf(id, sizeof(id), "%.*s", WF_STR_ARG(e->request_id));
    assert_int_equal(sscanf(id, "%u %llu", &t, &k), 2);
    assert_true(t < N_THREADS);
    make(&m, t, k);
    assert_true(ledgered_same(&m.e, e));
    if (low[t] == 0) { /* its last */
        assert_true(k >= atomic_load(&said->acked[t]));
        n_under_way += k > atomic_load(&said->acked[t]);
        there[t] = k;
    } else {
        assert_int_equal(k, low[t] - 1);
    }
    low[t] = k;
}

static void check(void)
{
    const struct wf_ledger_entry *e = NULL;
    struct wf_ledger_report report;
    struct wf_ledger_reader *r = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct wf_ledger *l = NULL;
    uint64_t low[N_THREADS] = {0}, was[N_THREADS];
    int rc;

    memcpy(was, there, sizeof(was));
    if (ledgered_open(&at, 0, &l, &err) != 0)
        fail_msg("%s", err.msg);
    wf_ledger_close(l);
    if (wf_ledger_verify(at.ledger, NULL, &report, &err) != 0)
        fail_msg("%s", err.msg);
    assert_int_equal(wf_ledger_reader_open(at.ledger, &r, &err), 0);
    wf_ledger_reader_to_end(r);
    while ((rc = wf_ledger_reader_back(r, &e, &err)) == 1 && e->seq > n_there)
        check_one(e, low);
    assert_true(rc >= 0);
    for (unsigned t = 0; t < N_THREADS; t++) {
        assert_true(low[t] == 0 || low[t] == was[t] + 1);
        assert_true(there[t] >= atomic_load(&said->acked[t]));
    }
    n_there = report.n_entries;
    wf_ledger_reader_free(r);
}

static void test_ledger_kill9__loses_nothing(void **state)
{
    (void)state;
    const char *rounds = getenv("WEFT_KILL9_ROUNDS");
    unsigned n = rounds ? (unsigned)strtoul(rounds, NULL, 10) : ROUNDS;
    struct wf_rng_seeded rng;

    said = mmap(NULL, sizeof(*said), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(said != MAP_FAILED);
    assert_int_equal(ledgered_make(&at), 0);
    wf_rng_seeded_init(&rng, 1);
    for (unsigned i = 0; i < n; i++) {
        uint64_t want = wf_rng_below(&rng.rng, 4) ? wf_rng_below(&rng.rng, 150) : 0;
        atomic_store(&said->n_acked, 0);
        fflush(stdout);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            child();
        kill_at(pid, want, (unsigned)wf_rng_below(&rng.rng, 3000));
        check();
    }
    print_message("%u rounds: %llu entries, %u not acknowledged yet and there, %u cut off\n", n,
                  (unsigned long long)n_there, n_under_way, n_recovered);
    assert_true(n_there > n);
    ledgered_remove(&at);
    (void)munmap(said, sizeof(*said));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ledger_kill9__loses_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
