/* SPDX-License-Identifier: Apache-2.0 */
/* Taking in plain text on one core, end to end (hash, copy, sync, worker, checks, chunks, index,
 * commit), beside what bare FTS5 with its own tokenizer inserts of the same text in the same run.
 * Must: 15 MB/s and 80% of bare FTS5 for files of 10 to 50 KB and for large ones, the core's peak
 * memory under 150 MB. Every measurement is a process of its own; "all" counts the processor time
 * of the core and its workers, which a busy machine does not distort as it does the clock.
 *
 *   bench_intake [DIR [CASE]]    DIR: ../shared/data/text; CASE: a part of a case's name */
#include <fcntl.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "ingest/intake.h"
#include "os/sandbox.h"
#include "support/jsonl.h"

#define MUST_MB_S 15.0
#define MUST_SHARE 0.8
#define MUST_MB 150.0
#define N_ROUNDS 5
#define CORPUS_BYTES ((size_t)32 << 20)

struct figures {
    double wall_s, cpu_s, peak_mb;
    unsigned n_files, n_failed;
    uint64_t bytes;
};

static struct wf_buf corpus;
static char dir[64];

static bool take_text(void *ud, json_t *object)
{
    size_t *left = ud;
    const char *text = json_string_value(json_object_get(object, "text"));
    size_t n = text ? strlen(text) : 0;
    if (n > 0) {
        (void)wf_buf_append(&corpus, text, n);
        (void)wf_buf_append_cstr(&corpus, "\n\n");
    }
    *left -= WF_MIN(n, *left);
    return *left > 0;
}

static bool load_corpus(const char *folder)
{
    static const char *const files[] = {"books-en-1", "docs-en", "everyday-en-1", "docs-other"};
    wf_buf_init(&corpus, 2 * CORPUS_BYTES);
    for (size_t i = 0; i < WF_ARRAY_LEN(files); i++) {
        char path[512];
        size_t left = CORPUS_BYTES / WF_ARRAY_LEN(files);
        snprintf(path, sizeof(path), "%s/%s.jsonl.xz", folder, files[i]);
        if (jsonl_each(path, take_text, &left) < 0)
            return false;
    }
    return wf_buf_status(&corpus) == 0;
}

/* The end of a piece of about n bytes from `at`: behind a line break. */
static size_t piece_end(size_t at, size_t n)
{
    size_t i = WF_MIN(at + n, corpus.len);
    while (i < corpus.len && corpus.ptr[i - 1] != '\n')
        i++;
    return i;
}

/* ---- the rival ---- */

static void bare_fts5(struct figures *f)
{
    char path[128];
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    snprintf(path, sizeof(path), "%s/bare-%d.db", dir, (int)getpid());
    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_exec(db,
                     "CREATE VIRTUAL TABLE f USING fts5(title,heading,body,content='',"
                     "tokenize='unicode61'); BEGIN",
                     NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db, "INSERT INTO f(title,heading,body) VALUES('notes.txt','',?)", -1,
                           &st, NULL) != SQLITE_OK)
        exit(1);
    for (size_t at = 0; at < corpus.len;) {
        size_t end = WF_MIN(at + 1000, corpus.len);
        while (end < corpus.len && corpus.ptr[end - 1] != ' ' && corpus.ptr[end - 1] != '\n')
            end++;
        sqlite3_bind_text(st, 1, corpus.ptr + at, (int)(end - at), SQLITE_STATIC);
        if (sqlite3_step(st) != SQLITE_DONE)
            exit(1);
        sqlite3_reset(st);
        at = end;
    }
    sqlite3_finalize(st);
    if (sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        exit(1);
    sqlite3_close(db);
    f->bytes = corpus.len;
}

/* ---- intake ---- */

static void done(void *ud, const struct wf_intake_result *r)
{
    struct figures *f = ud;
    f->n_failed += r->outcome == WF_INTAKE_FAILED;
}

static unsigned write_files(const char *folder, size_t n_min, size_t n_max, size_t n_all)
{
    unsigned n = 0;
    uint64_t state = 1;
    if (mkdir(folder, 0700) != 0)
        exit(1);
    for (size_t at = 0; at < WF_MIN(n_all, corpus.len); n++) {
        char path[192];
        state = state * 6364136223846793005u + 1442695040888963407u;
        size_t end = piece_end(at, n_min + (size_t)(state >> 33) % (n_max - n_min + 1));
        snprintf(path, sizeof(path), "%s/%06u.txt", folder, n);
        FILE *out = fopen(path, "w");
        if (!out || fwrite(corpus.ptr + at, 1, end - at, out) != end - at || fclose(out) != 0)
            exit(1);
        at = end;
    }
    return n;
}

static void add_file(struct wf_intake *in, const char *folder, unsigned i, struct figures *f)
{
    char path[192];
    struct stat st;
    snprintf(path, sizeof(path), "%s/%06u.txt", folder, i);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        exit(1);
    const struct wf_intake_request r = {
        .fd = fd,
        .path = wf_str_from(path),
        .stat = {.size = (uint64_t)st.st_size,
                 .mtime_ns = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec,
                 .ino = st.st_ino,
                 .dev = st.st_dev},
        .done = done,
        .ud = f,
    };
    if (wf_intake_add(in, &r, NULL) != 0)
        exit(1);
    f->bytes += (uint64_t)st.st_size;
}

static void take_in(const char *folder, unsigned n, struct figures *f)
{
    struct wf_extract_limits limits = {.unsandboxed = !wf_sandbox_support().seccomp};
    struct wf_extract_client *client = NULL;
    struct wf_store *s = NULL;
    struct wf_intake *in = NULL;
    struct wf_err err = WF_ERR_INIT;
    char home[160];
    int fd = -1;
    int pid = 0;
    snprintf(home, sizeof(home), "%s-home-%d", folder, (int)getpid());
    if (wf_extract_spawn(&limits, &fd, &pid, &err) != 0 ||
        wf_extract_client_new(fd, &limits, &client, &err) != 0 ||
        wf_store_open(home, NULL, &s, &err) != 0 || wf_intake_new(s, client, &in, &err) != 0) {
        fprintf(stderr, "%s\n", err.msg);
        exit(1);
    }
    for (unsigned i = 0; i < n; i++)
        add_file(in, folder, i, f);
    wf_intake_flush(in);
    f->n_files = n;
    wf_intake_free(in);
    wf_extract_client_free(client);
    waitpid(pid, NULL, 0); /* so that its processor time counts */
    wf_store_close(s);
}

/* ---- measuring ---- */

static double cpu_s(int who)
{
    struct rusage u;
    getrusage(who, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

/* In a process of its own; folder NULL: bare FTS5. */
static struct figures measure(const char *folder, unsigned n)
{
    struct figures f = {.n_files = 0};
    int fds[2];
    double before = cpu_s(RUSAGE_CHILDREN);
    if (pipe(fds) != 0)
        exit(1);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct rusage u;
        int64_t start = wf_clock_mono_ns(NULL);
        getrusage(RUSAGE_SELF, &u);
        if (folder)
            wf_buf_deinit(&corpus);
        if (folder)
            take_in(folder, n, &f);
        else
            bare_fts5(&f);
        f.wall_s = (double)(wf_clock_mono_ns(NULL) - start) * 1e-9;
        getrusage(RUSAGE_SELF, &u);
        f.peak_mb = (double)u.ru_maxrss / 1024;
        _exit(write(fds[1], &f, sizeof(f)) == (ssize_t)sizeof(f) ? 0 : 1);
    }
    close(fds[1]);
    if (read(fds[0], &f, sizeof(f)) != (ssize_t)sizeof(f))
        exit(1);
    close(fds[0]);
    waitpid(pid, NULL, 0);
    f.cpu_s = cpu_s(RUSAGE_CHILDREN) - before;
    return f;
}

static double mb_s(const struct figures *f, double seconds)
{
    return (double)f->bytes * 1e-6 / seconds;
}

/* The median of each figure over the rounds. */
static int by_value(const void *pa, const void *pb)
{
    double a = *(const double *)pa, b = *(const double *)pb;
    return a < b ? -1 : a > b;
}

struct spread {
    double low, median, high;
};

static struct spread spread(double *v)
{
    qsort(v, N_ROUNDS, sizeof(*v), by_value);
    return (struct spread){v[0], v[N_ROUNDS / 2], v[N_ROUNDS - 1]};
}

struct rounds {
    double wall[N_ROUNDS], cpu[N_ROUNDS], share[N_ROUNDS], share_cpu[N_ROUNDS], bare[N_ROUNDS];
    double bare_cpu[N_ROUNDS], peak_mb;
    unsigned n_failed;
};

static void note(struct rounds *r, int i, const struct figures *bare, const struct figures *f)
{
    r->wall[i] = mb_s(f, f->wall_s);
    r->cpu[i] = mb_s(f, f->cpu_s);
    r->bare[i] = mb_s(bare, bare->wall_s);
    r->bare_cpu[i] = mb_s(bare, bare->cpu_s);
    r->share[i] = 100 * r->wall[i] / r->bare[i];
    r->share_cpu[i] = 100 * r->cpu[i] / r->bare_cpu[i];
    r->peak_mb = WF_MAX(r->peak_mb, f->peak_mb);
    r->n_failed += f->n_failed;
}

static bool report(const char *name, unsigned n_files, struct rounds *r, bool must)
{
    struct spread wall = spread(r->wall), share = spread(r->share);
    struct spread bare = spread(r->bare), bare_cpu = spread(r->bare_cpu);
    bool good =
        wall.median >= MUST_MB_S && share.median >= 100 * MUST_SHARE && r->peak_mb < MUST_MB;
    printf("%-22s %6u files  %5.1f MB/s (%.1f..%.1f)  %3.0f%% of bare (%.0f..%.0f)  peak %3.0f "
           "MB%s%s\n",
           name, n_files, wall.median, wall.low, wall.high, share.median, share.low, share.high,
           r->peak_mb, r->n_failed ? "  FAILED FILES" : "",
           must ? good ? "  reached" : "  missed" : "");
    printf("%-22s               %5.1f MB/s               %3.0f%%\n", "  processor time",
           spread(r->cpu).median, spread(r->share_cpu).median);
    printf("%-22s               %5.1f MB/s (%.1f..%.1f)  processor time %.1f MB/s\n",
           "  bare FTS5 unicode61", bare.median, bare.low, bare.high, bare_cpu.median);
    return r->n_failed == 0 && (good || !must);
}

/* Both, one behind the other, so that a slow moment of the machine meets both. */
static void play(const char *folder, unsigned n, struct rounds *r)
{
    for (int i = 0; i < N_ROUNDS; i++) {
        struct figures bare = measure(NULL, 0);
        struct figures f = measure(folder, n);
        note(r, i, &bare, &f);
        sync();
    }
}

/* All cases, or those whose name contains `only`. */
static bool run_all(const char *only)
{
    static const struct {
        const char *name;
        size_t n_min, n_max, n_all;
        bool must;
    } cases[] = {{"10 to 50 KB", 10000, 50000, CORPUS_BYTES, true},
                 {"large (12 MB)", 12u << 20, 12u << 20, CORPUS_BYTES, true},
                 {"1 to 2 KB", 1000, 2000, 4u << 20, false}};
    bool good = true;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        char folder[96];
        if (!strstr(cases[i].name, only))
            continue;
        snprintf(folder, sizeof(folder), "%s/%zu", dir, i);
        unsigned n = write_files(folder, cases[i].n_min, cases[i].n_max, cases[i].n_all);
        sync(); /* the files themselves are not to be written while we measure */
        struct rounds r = {.n_failed = 0};
        play(folder, n, &r);
        good = report(cases[i].name, n, &r, cases[i].must) && good;
    }
    return good;
}

int main(int argc, char **argv)
{
    const char *base = getenv("TMPDIR");
    cpu_set_t one;
    if (!load_corpus(argc > 1 ? argv[1] : "../shared/data/text")) {
        printf("skipped: no ../shared/data/text\n");
        return 77;
    }
    CPU_ZERO(&one);
    CPU_SET((unsigned)sched_getcpu(), &one);
    if (sched_setaffinity(0, sizeof(one), &one) != 0)
        return 1;
    snprintf(dir, sizeof(dir), "%.40s/weft-bench-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(dir))
        return 1;
    printf("taking in plain text on one core   must: %.0f MB/s, %.0f%% of bare FTS5, peak under "
           "%.0f MB\n",
           MUST_MB_S, 100 * MUST_SHARE, MUST_MB);
    bool good = run_all(argc > 2 ? argv[2] : "");
    /* Only now: for some seconds after, ext4 looks for another place for each new file. */
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command) == 0 && good ? 0 : 1;
}
