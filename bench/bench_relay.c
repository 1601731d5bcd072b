/* SPDX-License-Identifier: Apache-2.0 */
/* A relay that has no keys: 1,000 connected devices in spaces of four each, each device writing two
 * batches a second. What one core does: the relay's own processor time (all its threads: syncer,
 * signatures, shelf on the disk in group commits), resident memory, and how long a batch is on its
 * way to the others of its space, at 2,000 batches/s; then as many as it takes at full speed. The
 * devices are simulated in a thread of their own whose time is not counted. Beside it the naive
 * floor in the same run, on the same disk: a shelf that commits each batch by itself.
 *
 * bench_relay_tls does the same over connections.
 *
 * Must: 2,000 batches/s on one core, that is less than a second of processor time a second; memory
 * bounded: under 256 MB, also while a quarter of the devices reads nothing.
 *
 *   bench_relay [DIR]   where to write (a real disk): . */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/list.h"
#include "mesh/link.h"
#include "mesh/sharing_machine.h"
#include "mesh/sync_message.h"
#include "os/thread.h"
#include "store/batch_log.h"
#include "store/store.h"
#include "support/relayed.h"

#define N_DEVICES RELAYED_DEVICES
#define GROUP RELAYED_GROUP
#define RATE 2000u
#define SECONDS 8u
#define N_RUNS 3u
#define N_BATCHES (RATE * SECONDS)
#define CONTENT_BYTES 200
#define SLEEPERS 4u /* every so manieth device reads nothing in the last run */
#define MUST_CORE 1.0
#define MUST_MB 256.0

static double seconds_since(int64_t start_ns)
{
    return (double)(wf_clock_mono_ns(NULL) - start_ns) * 1e-9;
}

/* ---- messages between the two threads ---- */

enum what {
    UP,
    BYTES,
    ROOM
};

struct message {
    struct wf_list node;
    enum what what;
    unsigned device; /* N_DEVICES: the owner */
    size_t n;
    char bytes[];
};

struct box {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    struct wf_list list;
};

static void box_init(struct box *b)
{
    pthread_mutex_init(&b->lock, NULL);
    wf_cond_init(&b->cond);
    wf_list_init(&b->list);
}

static void post(struct box *b, enum what what, unsigned device, struct wf_str bytes)
{
    struct message *m = wf_alloc(sizeof(*m) + bytes.len);

    if (m == NULL)
        relayed_fail("no memory");
    *m = (struct message){.what = what, .device = device, .n = bytes.len};
    if (bytes.len > 0)
        memcpy(m->bytes, bytes.ptr, bytes.len);
    pthread_mutex_lock(&b->lock);
    wf_list_push(&b->list, &m->node);
    pthread_cond_signal(&b->cond);
    pthread_mutex_unlock(&b->lock);
}

/* All there is, in `out`; waits for some until then. */
static void take_all(struct box *b, struct wf_list *out, int64_t until_ns)
{
    const struct timespec until = {(time_t)(until_ns / 1000000000), (long)(until_ns % 1000000000)};
    int rc = 0;

    wf_list_init(out);
    pthread_mutex_lock(&b->lock);
    while (rc == 0 && wf_list_empty(&b->list))
        rc = pthread_cond_timedwait(&b->cond, &b->lock, &until);
    while (!wf_list_empty(&b->list)) {
        struct wf_list *it = b->list.next;
        wf_list_remove(it);
        wf_list_push(out, it);
    }
    pthread_mutex_unlock(&b->lock);
}

/* ---- devices ---- */

struct device {
    bool sleeps;
    _Atomic size_t waiting; /* bytes on the way to it */
    _Atomic bool is_full;
};

static struct device devices[N_DEVICES];
static struct box to_relay, to_devices;
static atomic_bool is_over;

/* ---- the relay ---- */

static int relay_send(void *ud, uint64_t peer, struct wf_str bytes, struct wf_err *err)
{
    const unsigned i = (unsigned)(peer / 2 - 1);

    (void)ud;
    if (i < N_DEVICES) {
        struct device *d = &devices[i];
        if (atomic_load(&d->waiting) >= WF_LINK_WINDOW_BYTES) {
            atomic_store(&d->is_full, true);
            return wf_err_set(err, WF_E_BUSY, "full");
        }
        atomic_fetch_add(&d->waiting, bytes.len);
    }
    post(&to_devices, BYTES, i, bytes);
    return 0;
}

static void relay_close(void *ud, uint64_t peer)
{
    (void)ud;
    (void)peer;
    relayed_fail("the relay hung up");
}

static void *relay_run(void *ud)
{
    struct wf_sharing *s = ud;
    int64_t until_ns = 0;

    while (!atomic_load(&is_over)) {
        struct wf_list all, *it, *tmp;
        take_all(&to_relay, &all, until_ns);
        WF_LIST_EACH(it, tmp, &all)
        {
            struct message *m = WF_CONTAINER(it, struct message, node);
            const uint64_t peer = 2 * (uint64_t)(m->device + 1);
            if (m->what == UP)
                wf_sharing_machine_up(s, peer, (const uint8_t *)m->bytes);
            else if (m->what == ROOM)
                wf_sharing_machine_room(s, peer);
            else
                wf_sharing_machine_bytes(s, peer, wf_str_n(m->bytes, m->n));
            wf_free(m);
        }
        until_ns = wf_sharing_machine_step(s);
    }
    return NULL;
}

/* ---- what devices do ---- */

static int64_t sent_ns[N_BATCHES]; /* of batch number n of the device: [device + N_DEVICES * n] */
static double ms[N_BATCHES * GROUP];
static size_t n_ms;

static uint64_t base; /* numbers of the run's batches begin behind it */

static int64_t *sent_at(unsigned device, uint64_t number)
{
    return &sent_ns[device + N_DEVICES * (size_t)((number - base - 1) % (N_BATCHES / N_DEVICES))];
}

static void note(unsigned from, uint64_t number)
{
    if (n_ms < WF_ARRAY_LEN(ms))
        ms[n_ms++] = seconds_since(*sent_at(from, number)) * 1e3;
}

/* What a device answers to batches: how far it has them now. */
static void answer(unsigned i, const struct wf_sync_message *m)
{
    struct wf_buf out;

    wf_buf_init(&out, 1 << 20);
    relayed_answer(i, m, &out, note);
    post(&to_relay, BYTES, i, wf_buf_str(&out));
    wf_buf_deinit(&out);
}

static void take_message(const struct message *m)
{
    struct wf_sync_message sync;

    if (m->device >= N_DEVICES)
        return;
    struct device *d = &devices[m->device];
    if (wf_sync_message_read(wf_str_n(m->bytes, m->n), &sync, NULL) != 0)
        relayed_fail("no message came");
    if (d->sleeps)
        return; /* it stays on the way */
    atomic_fetch_sub(&d->waiting, m->n);
    if (atomic_exchange(&d->is_full, false))
        post(&to_relay, ROOM, m->device, WF_STR(""));
    if (sync.kind == WF_SYNC_BATCHES)
        answer(m->device, &sync);
}

static void take_messages(int64_t until_ns)
{
    struct wf_list all, *it, *tmp;

    take_all(&to_devices, &all, until_ns);
    WF_LIST_EACH(it, tmp, &all)
    {
        struct message *m = WF_CONTAINER(it, struct message, node);
        take_message(m);
        wf_free(m);
    }
}

static void connect_all(void)
{
    const struct relayed_device *owner = &relayed[N_DEVICES];
    struct wf_buf b;
    size_t second;

    wf_buf_init(&b, 1 << 20);
    post(&to_relay, UP, N_DEVICES, wf_str_n((const char *)owner->transport, 32));
    for (unsigned g = 0; g < RELAYED_GROUPS; g++) {
        wf_buf_reset(&b);
        relayed_pass(g, &b);
        post(&to_relay, BYTES, N_DEVICES, wf_buf_str(&b));
    }
    for (unsigned i = 0; i < N_DEVICES; i++) {
        post(&to_relay, UP, i, wf_str_n((const char *)relayed[i].transport, 32));
        wf_buf_reset(&b);
        relayed_hello(i, &b, &second);
        post(&to_relay, BYTES, i, wf_str_sub(wf_buf_str(&b), 0, second));
        post(&to_relay, BYTES, i, wf_str_sub(wf_buf_str(&b), second, b.len));
    }
    wf_buf_deinit(&b);
}

/* ---- figures ---- */

static double cpu_of(clockid_t id)
{
    struct timespec t;

    (void)clock_gettime(id, &t); /* a valid clock */
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Of the process, but for the devices' thread, which is the caller's. */
static double relay_cpu(void)
{
    return cpu_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_of(CLOCK_THREAD_CPUTIME_ID);
}

static double resident_mb(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL || fscanf(file, "%*u %lu", &pages) != 1)
        relayed_fail("no statm");
    (void)fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

struct figures {
    double core, rate, p50_ms, p95_ms;
};

static struct wf_buf batches; /* as messages, one behind the other */
static size_t ends[N_BATCHES];

/* Batches of a run, made before it. */
static void make_batches(void)
{
    wf_buf_reset(&batches);
    for (unsigned k = 0; k < N_BATCHES; k++) {
        relayed_batch(k % N_DEVICES, CONTENT_BYTES, &batches);
        ends[k] = batches.len;
    }
}

/* All batches go out, `rate` a second (0: as fast as they are taken); n_expected arrive. */
static struct figures run(unsigned rate, size_t n_expected)
{
    int64_t start_ns, end_ns;
    struct figures f;
    unsigned k = 0;
    double cpu;

    base = relayed[0].number;
    make_batches();
    n_ms = 0;
    cpu = relay_cpu();
    start_ns = wf_clock_mono_ns(NULL);
    end_ns = start_ns + (int64_t)SECONDS * 10 * 1000000000;
    while (n_ms < n_expected && wf_clock_mono_ns(NULL) < end_ns) {
        const double at = seconds_since(start_ns);
        const unsigned due = rate == 0 ? k + 50 : (unsigned)(at * rate);
        for (; k < N_BATCHES && k < due && (rate != 0 || k < n_ms / (GROUP - 1) + RATE); k++) {
            const size_t from = k == 0 ? 0 : ends[k - 1];
            *sent_at(k % N_DEVICES, base + 1 + k / N_DEVICES) = wf_clock_mono_ns(NULL);
            post(&to_relay, BYTES, k % N_DEVICES, wf_str_sub(wf_buf_str(&batches), from, ends[k]));
        }
        take_messages(wf_clock_mono_ns(NULL) + 500000);
    }
    if (n_ms < n_expected)
        relayed_fail("not all batches arrived");
    f.core = (relay_cpu() - cpu) / seconds_since(start_ns);
    f.rate = N_BATCHES / seconds_since(start_ns);
    qsort(ms, n_ms, sizeof(*ms), compare);
    f.p50_ms = ms[n_ms / 2];
    f.p95_ms = ms[n_ms * 95 / 100];
    return f;
}

/* Batches a second where each is a commit of its own. */
static double floor_rate(struct wf_store *store)
{
    const int64_t start_ns = wf_clock_mono_ns(NULL);
    struct wf_batch_log_name name = {.stream = "floor"};
    uint8_t prev[32] = {0}, hash[32] = {0};
    char bytes[600] = {0};
    unsigned n = 0;

    while (seconds_since(start_ns) < 1) {
        struct wf_batch_log_row row = {
            .number = n + 1, .prev = prev, .hash = hash, .bytes = wf_str_n(bytes, sizeof(bytes))};
        memcpy(hash, &n, sizeof(n));
        if (wf_store_write_begin(store, NULL) != 0 ||
            wf_batch_log_append(store, &name, &row, NULL) != 0 ||
            wf_store_write_commit(store, NULL) != 0)
            relayed_fail("the floor does not write");
        memcpy(prev, hash, sizeof(prev));
        n++;
    }
    return n / seconds_since(start_ns);
}

static double median(double *v, double *out_least, double *out_most)
{
    qsort(v, N_RUNS, sizeof(*v), compare);
    *out_least = v[0];
    *out_most = v[N_RUNS - 1];
    return v[N_RUNS / 2];
}

static bool paced(void)
{
    double core[N_RUNS], p50[N_RUNS], p95[N_RUNS], low, high, mid;
    bool good;

    for (unsigned k = 0; k < N_RUNS; k++) {
        const struct figures f = run(RATE, (size_t)N_BATCHES * (GROUP - 1));
        core[k] = f.core;
        p50[k] = f.p50_ms;
        p95[k] = f.p95_ms;
    }
    mid = median(core, &low, &high);
    printf("%u devices, %u batches/s in, %u/s out: %.2f of a core (%.2f to %.2f; must: under "
           "%.2f)\n",
           N_DEVICES, RATE, RATE * (GROUP - 1), mid, low, high, MUST_CORE);
    good = mid < MUST_CORE;
    mid = median(p50, &low, &high);
    printf("on its way to another device: p50 %.1f ms (%.1f to %.1f), ", mid, low, high);
    mid = median(p95, &low, &high);
    printf("p95 %.1f ms (%.1f to %.1f)\n", mid, low, high);
    return good;
}

int main(int argc, char **argv)
{
    struct wf_sharing_options o = {.device = &relayed_relay, .devices = relayed_list};
    const struct wf_sharing_link link = {.send = relay_send, .close = relay_close};
    char dir[200], command[260];
    struct wf_err err = WF_ERR_INIT;
    struct wf_sharing *s = NULL;
    struct figures full;
    pthread_t thread;
    double mb;
    bool good;

    (void)snprintf(dir, sizeof(dir), "%s/bench-relay-XXXXXX", argc > 1 ? argv[1] : ".");
    if (mkdtemp(dir) == NULL || wf_store_open(dir, NULL, &o.store, &err) != 0)
        relayed_fail(err.code != 0 ? err.msg : "no folder");
    box_init(&to_relay);
    box_init(&to_devices);
    wf_buf_init(&batches, SIZE_MAX);
    relayed_make(false);
    if (wf_sharing_machine_new(&o, &link, &s, &err) != 0)
        relayed_fail(err.msg);
    wf_sharing_machine_listed(s);
    printf("floor, a commit for each batch: %.0f batches/s\n", floor_rate(o.store));
    if (pthread_create(&thread, NULL, relay_run, s) != 0)
        relayed_fail("no thread");
    connect_all();
    take_messages(wf_clock_mono_ns(NULL) + 3000000000);
    printf("%u devices connected in spaces of %u: %.0f MB resident\n", N_DEVICES, GROUP,
           resident_mb());
    good = paced();
    full = run(0, (size_t)N_BATCHES * (GROUP - 1));
    printf("as fast as it takes them: %.0f batches/s, %.2f of a core, p95 %.1f ms\n", full.rate,
           full.core, full.p95_ms);
    for (unsigned i = 0; i < N_DEVICES; i += SLEEPERS)
        devices[i].sleeps = true;
    full = run(RATE, (size_t)N_BATCHES * (GROUP - 1) * (SLEEPERS - 1) / SLEEPERS);
    mb = resident_mb();
    printf("while every %uth reads nothing: %.2f of a core, %.0f MB resident, batches to come and "
           "the simulated devices counted (must: under %.0f)\n",
           SLEEPERS, full.core, mb, MUST_MB);
    good = good && mb < MUST_MB;
    atomic_store(&is_over, true);
    post(&to_relay, ROOM, 0, WF_STR(""));
    pthread_join(thread, NULL);
    wf_sharing_machine_free(s);
    wf_store_close(o.store);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    if (system(command) != 0)
        relayed_fail("the folder stays");
    return good ? 0 : 1;
}
