/* SPDX-License-Identifier: Apache-2.0 */
/* Implements kill9.h.
 *
 * The child works on N_PATHS paths: it adds a path's next version, or removes the path, never two
 * things of one path at once. It says on a pipe what it begins and what was acknowledged, so that
 * the parent knows for each path what must be there: the acknowledged version, or one begun since.
 * Versions are texts made of their number; some are large enough to come in parts. The child is
 * killed with SIGKILL after a random time; then the parent opens the home and checks everything. */
#include "support/kill9.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/rng.h"
#include "ingest/intake.h"
#include "os/file.h"
#include "os/sandbox.h"
#include "store/blob.h"
#include "store/purge.h"
#include "support/home.h"

#define N_PATHS 40
#define N_BEGUN_MAX 8
#define ROUND_MAX_MS 5000
#define ABSENT 0 /* versions count from 1 */

/* What the child says. */
struct word {
    uint32_t kind; /* 'b' begun, 'a' acknowledged, 'f' failed */
    uint32_t path;
    uint32_t version; /* ABSENT: its removal */
};

static size_t bytes_of(uint32_t version)
{
    if (version % 97 == 13)
        return 4u << 20; /* in parts */
    return version % 7 == 3 ? 60000 : 200 + version * 37 % 9000;
}

static char *text_of(uint32_t version, size_t *out_len)
{
    return home_words(version, bytes_of(version), out_len);
}

static void path_of(uint32_t i, char out[32])
{
    snprintf(out, 32, "/k/%u.txt", i);
}

/* ---- the child ---- */

static int say_fd;
static atomic_bool busy[N_PATHS];
static struct wf_intake *intake;

static void say(uint32_t kind, uint32_t path, uint32_t version)
{
    const struct word w = {kind, path, version};
    if (write(say_fd, &w, sizeof(w)) != (ssize_t)sizeof(w))
        _exit(2);
}

static void done(void *ud, const struct wf_intake_result *r)
{
    struct word *w = ud;
    say(r->outcome == WF_INTAKE_FAILED ? 'f' : 'a', w->path, w->version);
    if (r->outcome == WF_INTAKE_FAILED && r->code != WF_E_CANCELED)
        fprintf(stderr, "failed: %.*s\n", WF_STR_ARG(r->reason));
    atomic_store(&busy[w->path], false);
    wf_free(w);
}

static void begin_add(uint32_t path, uint32_t version)
{
    struct word *w = wf_alloc_array(1, sizeof(*w));
    char name[32];
    size_t n = 0;
    char *text = text_of(version, &n);
    int fd = -1;
    if (!w || wf_file_memfd("doc", &fd, NULL) != 0 || wf_file_write_all(fd, text, n, NULL) != 0)
        _exit(2);
    wf_free(text);
    *w = (struct word){'b', path, version};
    path_of(path, name);
    const struct wf_intake_request r = {.fd = fd,
                                        .path = wf_str_from(name),
                                        .stat = {.size = n, .mtime_ns = version, .ino = version},
                                        .done = done,
                                        .ud = w,
                                        .commit_now = version % 5 == 0};
    say('b', path, version);
    if (wf_intake_add(intake, &r, NULL) != 0)
        _exit(2);
}

static void remove_path(struct wf_store *s, uint32_t path, uint32_t n)
{
    char name[32];
    path_of(path, name);
    say('b', path, ABSENT);
    if (wf_store_write_begin(s, NULL) != 0)
        _exit(2);
    if (wf_source_remove(s, wf_str_from(name), NULL) != 0 || wf_store_write_commit(s, NULL) != 0)
        _exit(2);
    say('a', path, ABSENT);
    atomic_store(&busy[path], false);
    if (n % 4 == 0 && wf_purge_wait(s, 5000, NULL) != 0)
        return; /* it goes on */
}

/* Works until it is killed. */
static void child(const char *dir, uint64_t seed, uint32_t version)
{
    struct wf_extract_limits limits = {.unsandboxed = !wf_sandbox_support().seccomp};
    struct wf_extract_client *client = NULL;
    struct wf_store *s = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct wf_rng_seeded rng;
    int fd = -1;
    int pid = 0;
    if (wf_extract_spawn(&limits, &fd, &pid, &err) != 0 ||
        wf_extract_client_new(fd, &limits, &client, &err) != 0 ||
        wf_store_open(dir, NULL, &s, &err) != 0 || wf_intake_new(s, client, &intake, &err) != 0) {
        fprintf(stderr, "child: %s\n", err.msg);
        _exit(2);
    }
    wf_rng_seeded_init(&rng, seed);
    for (;; version++) {
        uint32_t path = (uint32_t)wf_rng_below(&rng.rng, N_PATHS);
        while (atomic_exchange(&busy[path], true))
            path = (path + 1) % N_PATHS;
        if (wf_rng_below(&rng.rng, 12) == 0)
            remove_path(s, path, version);
        else
            begin_add(path, version);
        if (wf_rng_below(&rng.rng, 8) == 0)
            usleep((unsigned)wf_rng_below(&rng.rng, 60000)); /* long enough for an idle commit */
    }
}

/* ---- the parent ---- */

struct path_state {
    uint32_t there;              /* the acknowledged version */
    uint32_t begun[N_BEGUN_MAX]; /* since then */
    unsigned n_begun;
};

struct driver {
    struct home home;
    struct path_state paths[N_PATHS];
    uint32_t version; /* the highest seen */
    struct wf_rng_seeded rng;
    struct kill9_result *result;
};

static void mistake(struct driver *d, const char *what, const char *detail)
{
    d->result->n_mistakes++;
    printf("round %u: %s: %s\n", d->result->n_rounds, what, detail);
}

static void hear(struct driver *d, const struct word *w)
{
    struct path_state *p = &d->paths[w->path];
    d->version = WF_MAX(d->version, w->version);
    if (w->kind == 'b') {
        if (p->n_begun < N_BEGUN_MAX)
            p->begun[p->n_begun++] = w->version;
        return;
    }
    p->n_begun = 0;
    if (w->kind == 'a') {
        p->there = w->version;
        d->result->n_acked += w->version != ABSENT;
        d->result->n_removed += w->version == ABSENT;
    } else {
        mistake(d, "a document failed", "see above");
    }
}

/* Hears n_words of the child, waits some microseconds more and kills it; then hears what it had
 * still said. Counting words and not time alone, the rounds are the same on a busy machine. */
static void listen_and_kill(struct driver *d, int fd, pid_t pid, unsigned n_words, unsigned us)
{
    int64_t until = wf_clock_mono_ns(NULL) + ROUND_MAX_MS * INT64_C(1000000);
    bool killed = false;
    for (unsigned n_heard = 0;; n_heard++) {
        if (!killed && (n_heard >= n_words || wf_clock_mono_ns(NULL) >= until)) {
            usleep(us);
            kill(pid, SIGKILL);
            killed = true;
        }
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, killed ? -1 : ROUND_MAX_MS / 10) <= 0)
            continue;
        struct word w;
        ssize_t got = read(fd, &w, sizeof(w));
        if (got != (ssize_t)sizeof(w))
            break; /* the end; words are written whole */
        hear(d, &w);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        mistake(d, "the child ended by itself", "see above");
}

/* The version whose text it is, among those that may be there; -1 = none of them. */
static int64_t version_of(const struct path_state *p, const char *text, size_t n)
{
    for (unsigned i = 0; i <= p->n_begun; i++) {
        uint32_t version = i == p->n_begun ? p->there : p->begun[i];
        if (version == ABSENT && text == NULL)
            return ABSENT;
        if (version == ABSENT || text == NULL)
            continue;
        size_t want_n = 0;
        char *want = text_of(version, &want_n);
        bool same = want_n == n && memcmp(want, text, n) == 0;
        wf_free(want);
        if (same)
            return version;
    }
    return -1;
}

static void check_paths(struct driver *d)
{
    for (uint32_t i = 0; i < N_PATHS; i++) {
        struct path_state *p = &d->paths[i];
        char name[32];
        char detail[128];
        size_t n = 0;
        path_of(i, name);
        char *text = home_text(&d->home, name, &n);
        int64_t version = version_of(p, text, n);
        d->result->n_pending += p->n_begun;
        if (version < 0) {
            snprintf(detail, sizeof(detail), "%s, version %u was acknowledged, %zu bytes are there",
                     name, p->there, n);
            mistake(d, "an acknowledged document is missing or not whole", detail);
            version = ABSENT;
        }
        p->there = (uint32_t)version;
        p->n_begun = 0;
        wf_free(text);
    }
}

static void check_blobs(struct driver *d)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    struct wf_document_list list = {NULL, 0};
    const struct wf_document_like all = {.space = {NULL, 0}};
    wf_arena_init(&arena, 0, 1u << 20);
    if (wf_store_reader_get(d->home.store, &r, &err) != 0 ||
        wf_document_page(r, &all, 0, 1000, &arena, &list, &err) != 0)
        mistake(d, "documents cannot be listed", err.msg);
    if (r)
        wf_store_reader_put(d->home.store, r);
    for (size_t i = 0; i < list.n_items; i++)
        if (wf_blob_check(d->home.store, list.items[i].hash, &err) != 0)
            mistake(d, "a blob is missing or damaged", err.msg);
    if (home_n_blobs(&d->home) != list.n_items)
        mistake(d, "blobs without a document", "");
    if (home_n_files(&d->home, "tmp") != 0)
        mistake(d, "tmp/ is not empty", "");
    wf_arena_deinit(&arena);
}

static void check_home(struct driver *d)
{
    struct wf_err err = WF_ERR_INIT;
    int64_t start = wf_clock_mono_ns(NULL);
    if (home_try_open(&d->home, &err) != 0) {
        mistake(d, "the home does not open", err.msg);
        return;
    }
    d->result->n_swept += wf_purge_pending(d->home.store);
    check_paths(d); /* before the sweep has ended: it must not matter */
    if (wf_purge_wait(d->home.store, 60000, &err) != 0)
        mistake(d, "the sweep failed", err.msg);
    if (wf_store_check(d->home.store, &err) != 0)
        mistake(d, "the database is not sound", err.msg);
    if (home_count(&d->home, "limbo") != 0)
        mistake(d, "limbo is not empty", "");
    check_blobs(d);
    home_close(&d->home);
    d->result->check_s += (double)(wf_clock_mono_ns(NULL) - start) * 1e-9;
}

static int one_round(struct driver *d)
{
    int fds[2];
    uint64_t seed = wf_rng_u64(&d->rng.rng);
    unsigned n_words = (unsigned)wf_rng_below(&d->rng.rng, wf_rng_below(&d->rng.rng, 4) ? 150 : 8);
    unsigned us = (unsigned)wf_rng_below(&d->rng.rng, 20000);
    if (pipe2(fds, O_CLOEXEC) != 0)
        return -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        say_fd = fds[1];
        child(d->home.dir, seed, d->version + 1);
        _exit(2);
    }
    close(fds[1]);
    if (pid < 0)
        return -1;
    listen_and_kill(d, fds[0], pid, n_words, us);
    close(fds[0]);
    d->result->n_rounds++;
    check_home(d);
    return 0;
}

int kill9_run(unsigned n_rounds, uint64_t seed, struct kill9_result *out)
{
    static struct driver d;
    memset(&d, 0, sizeof(d));
    memset(out, 0, sizeof(*out));
    d.result = out;
    wf_rng_seeded_init(&d.rng, seed);
    home_make(&d.home);
    home_close(&d.home);
    int status = 0;
    for (unsigned i = 0; i < n_rounds && status == 0; i++)
        status = one_round(&d);
    home_remove(&d.home);
    return status;
}
