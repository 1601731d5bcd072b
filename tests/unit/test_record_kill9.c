/* SPDX-License-Identifier: Apache-2.0 */
/* Kill -9 while threads write and delete records, and what was deleted is destroyed: nothing that
 * was acknowledged is lost, nothing is half there, and the stored changes come to the same records
 * again. WEFT_KILL9_ROUNDS says how often. */
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

#include "base/json.h"
#include "space/log.h"
#include "space/record.h"
#include "store/sql.h"
#include "support/home.h"

#define ROUNDS 40
#define N_THREADS 4
#define N_KEYS 7
#define ROUND_MAX_MS 5000

/* What the child says, in memory that outlives it: how many ops each thread has done. */
static struct said {
    atomic_uint_least64_t acked[N_THREADS], n_acked;
} * said;

static struct home home;
static struct wf_signer_key key;
static struct wf_signer signer;
static uint64_t done[N_THREADS]; /* ops of each thread that are in the store */
static unsigned n_under_way;

/* The k-th op (from 1) of a thread: its key, and whether it deletes; then there is something to
 * delete, so that what is there says how many ops were done. */
static unsigned key_of(uint64_t k)
{
    return (unsigned)(k * 5 % N_KEYS);
}

static bool deletes(uint64_t k)
{
    return k % 3 == 0 && k > N_KEYS;
}

static void name_of(unsigned t, unsigned i_key, char out[16])
{
    snprintf(out, 16, "%u-%u", t, i_key);
}

/* ---- the child ---- */

static struct wf_records *records;

static void *work(void *ud)
{
    unsigned t = (unsigned)(uintptr_t)ud;

    for (uint64_t k = done[t] + 1;; k++) {
        char name[16], value[24];
        struct wf_record_op ops[2] = {{.kind = WF_RECORD_DELETE}};
        name_of(t, key_of(k), name);
        snprintf(value, sizeof(value), "%llu", (unsigned long long)k);
        if (!deletes(k))
            ops[0] = (struct wf_record_op){
                .kind = WF_RECORD_SET, .field = WF_STR("v"), .value = wf_str_from(value)};
        const struct wf_record_edit e = {
            .collection = WF_STR("c"), .key = wf_str_from(name), .ops = ops, .n_ops = 1};
        if (wf_records_write(records, 1, &e, 1, NULL) != 0)
            _exit(3);
        atomic_store(&said->acked[t], k);
        atomic_fetch_add(&said->n_acked, 1);
    }
    return NULL;
}

static void child(void)
{
    struct wf_records_options o = {.signer = &signer, .tidy_ms = 1};
    struct wf_err err = WF_ERR_INIT;
    pthread_t threads[N_THREADS];

    if (home_try_open(&home, &err) != 0)
        _exit(2);
    o.store = home.store;
    if (wf_records_new(&o, &records, &err) != 0)
        _exit(2);
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

/* The number in the record, 0 for none. */
static uint64_t value_of(struct wf_reader *reader, unsigned t, unsigned i_key)
{
    struct wf_record_row row;
    struct wf_arena arena;
    json_t *v = NULL;
    uint64_t n = 0;
    char name[16];

    name_of(t, i_key, name);
    wf_arena_init(&arena, 0, 1u << 20);
    int rc = wf_records_get(reader, 1, WF_STR("c"), wf_str_from(name), &arena, &row, NULL);
    if (rc == 0) {
        assert_int_equal(wf_record_row_json(&row, &v, NULL), 0);
        n = (uint64_t)json_integer_value(json_object_get(v, "v"));
        json_decref(v);
    } else {
        assert_int_equal(rc, WF_E_NOENT);
    }
    wf_arena_deinit(&arena);
    return n;
}

/* Whether the thread's records are what its first n ops leave. */
static bool is_after(const uint64_t *values, uint64_t n)
{
    for (unsigned i = 0; i < N_KEYS; i++) {
        uint64_t want = 0;
        for (uint64_t k = n; k > 0 && k + N_KEYS > n; k--)
            if (key_of(k) == i) {
                want = deletes(k) ? 0 : k;
                break;
            }
        if (values[i] != want)
            return false;
    }
    return true;
}

static int take(void *ud, const struct wf_log_entry *e, struct wf_err *err)
{
    return wf_records_apply(ud, 1, &e->bytes, 1, NULL, err);
}

static void digest(struct home *h, uint8_t out[32])
{
    struct wf_reader *reader = NULL;
    assert_int_equal(wf_store_reader_get(h->store, &reader, NULL), 0);
    assert_int_equal(wf_records_digest(reader, 1, true, out, NULL), 0);
    wf_store_reader_put(h->store, reader);
}

/* The stored changes, played anew into another store, come to the same. */
static void check_log(struct wf_reader *reader)
{
    struct wf_records_options o = {.signer = &signer, .tidy_ms = -1};
    struct wf_records *other = NULL;
    uint8_t mine[32], theirs[32];
    struct wf_err err = WF_ERR_INIT;
    struct home fresh;
    sqlite3_stmt *st = NULL;

    home_make(&fresh);
    assert_int_equal(wf_reader_cached(reader, "SELECT uid FROM space WHERE id=1", &st, NULL), 0);
    assert_int_equal(wf_sql_step(st, "a test", NULL), 1);
    sqlite3_stmt *put = NULL;
    assert_int_equal(wf_store_write_begin(fresh.store, NULL), 0);
    assert_int_equal(
        wf_store_write_cached(fresh.store, "UPDATE space SET uid=?1 WHERE id=1", &put, NULL), 0);
    wf_sql_bind_blob(put, 1, wf_sql_blob(st, 0));
    assert_int_equal(wf_sql_run(put, "a test", NULL), 0);
    sqlite3_reset(st);
    assert_int_equal(wf_store_write_commit(fresh.store, NULL), 0);
    o.store = fresh.store;
    assert_int_equal(wf_records_new(&o, &other, NULL), 0);
    if (wf_log_read(reader, 1, signer.id, 1, take, other, &err) != 0)
        fail_msg("%s", err.msg);
    digest(&home, mine);
    digest(&fresh, theirs);
    assert_memory_equal(mine, theirs, sizeof(mine));
    wf_records_free(other);
    home_remove(&fresh);
}

static void check(bool replays)
{
    struct wf_reader *reader = NULL;
    uint64_t n_ops = 0;
    char what[64];

    home_open(&home);
    assert_int_equal(wf_store_reader_get(home.store, &reader, NULL), 0);
    for (unsigned t = 0; t < N_THREADS; t++) {
        uint64_t values[N_KEYS], acked = atomic_load(&said->acked[t]);
        acked = WF_MAX(acked, done[t]);
        for (unsigned i = 0; i < N_KEYS; i++)
            values[i] = value_of(reader, t, i);
        bool more = is_after(values, acked + 1);
        if (!more && !is_after(values, acked))
            fail_msg("thread %u: what %llu ops left is not there", t, (unsigned long long)acked);
        n_under_way += more;
        done[t] = acked + more;
        n_ops += done[t];
    }
    snprintf(what, sizeof(what), "device_seq WHERE dseq=%llu", (unsigned long long)n_ops);
    assert_int_equal(home_count(&home, what), n_ops > 0);
    assert_int_equal(home_count(&home, "record_change"), n_ops);
    if (replays)
        check_log(reader);
    wf_store_reader_put(home.store, reader);
    assert_int_equal(wf_store_check(home.store, NULL), 0);
    home_close(&home);
}

static void test_record_kill9__loses_nothing(void **state)
{
    const char *rounds = getenv("WEFT_KILL9_ROUNDS");
    unsigned n = rounds ? (unsigned)strtoul(rounds, NULL, 10) : ROUNDS;
    uint8_t seed[32] = {5};
    struct wf_rng_seeded rng;
    (void)state;

    said = mmap(NULL, sizeof(*said), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(said != MAP_FAILED);
    home_make(&home);
    home_close(&home);
    wf_signer_from_seed(seed, &key, &signer);
    wf_rng_seeded_init(&rng, 1);
    for (unsigned i = 0; i < n; i++) {
        uint64_t want = wf_rng_below(&rng.rng, 4) ? wf_rng_below(&rng.rng, 100) : 0;
        atomic_store(&said->n_acked, 0);
        fflush(stdout);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            child();
        kill_at(pid, want, (unsigned)wf_rng_below(&rng.rng, 3000));
        check(i % 10 == 9);
    }
    uint64_t n_all = 0;
    for (unsigned t = 0; t < N_THREADS; t++)
        n_all += done[t];
    print_message("%u rounds: %llu writes, %u of them not acknowledged yet\n", n,
                  (unsigned long long)n_all, n_under_way);
    assert_true(n_all > n);
    home_remove(&home);
    (void)munmap(said, sizeof(*said));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_record_kill9__loses_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
