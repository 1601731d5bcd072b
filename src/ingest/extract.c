/* SPDX-License-Identifier: Apache-2.0 */
/* Extract, the core's side: gets a worker, hands it a document, reads and checks its stream.
 *
 * Idle shared workers are kept for the next document. The clock of the time limit runs only while
 * this side waits for the worker: a core that is busy indexing is not the worker's fault. A worker
 * whose stream breaks off is asked about at the spawner, which knows the signal it died of.
 *
 * A shared worker may have ended between two documents (it retires after many): when one that
 * served before ends with status 0 without a byte of answer, the document goes to a fresh one.
 *
 * Nothing that a worker sends is trusted: the stream reader checks every frame, the only other
 * message (NEEDS) is an index into our own table. */
#include "ingest/extract.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "ingest/extract_internal.h"
#include "os/file.h"

#define READ_BYTES (64u << 10)
/* Idle shared workers kept; more threads than that do not extract at once. */
#define IDLE_MAX 8
/* Tries to find a worker that has not just retired. */
#define TRIES_MAX 3

struct worker {
    int fd;
    uint32_t id;
    bool used; /* served a document before */
};

struct wf_extract_client {
    struct wf_extract_limits limits;
    pthread_mutex_t ask_lock; /* guards fd: one request and its answer at a time; rank 1 */
    int fd;
    pthread_mutex_t idle_lock; /* guards idle, n_idle; rank 2, never held with ask_lock */
    struct worker idle[IDLE_MAX];
    size_t n_idle;
};

/* How a worker ended, as the spawner tells it. */
struct ending {
    enum wf_extract_end kind;
    uint32_t number;
    uint64_t peak_bytes;
};

/* One document on its way. */
struct run {
    struct wf_extract_client *c;
    int doc_fd;
    const char *name;
    wf_stream_fn fn;
    void *ud;
    struct wf_stream_reader reader;
    char *buf;         /* READ_BYTES */
    int64_t waited_ns; /* for the worker */
    int fn_rc;         /* what fn returned, when it failed */
    int refusal;       /* the parser's own, 0 = none; its sentence is in err */
    size_t n_bytes;    /* of answer so far */
    int needs;         /* row that the shared worker asked for, or -1 */
};

static void fill_limits(struct wf_extract_limits *out, const struct wf_extract_limits *in)
{
    *out = in != NULL ? *in : (struct wf_extract_limits){0};
    if (out->memory_bytes_max == 0) {
        out->memory_bytes_max = WF_LIMIT_EXTRACT_BYTES;
    }
    if (out->time_s_max == 0) {
        out->time_s_max = WF_LIMIT_EXTRACT_S;
    }
}

int wf_extract_spawn(const struct wf_extract_limits *limits, int *out_fd, int *out_pid,
                     struct wf_err *err)
{
    struct wf_extract_limits full;
    int pair[2] = {-1, -1};
    fill_limits(&full, limits);
    int rc = wf_extract__pair(true, pair);
    if (rc != 0) {
        return wf_err_set(err, rc, "the process that starts parsers cannot be reached");
    }
    int parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        int fd = wf_extract__isolate(pair[1], parent);
        if (fd < 0) {
            _exit(1);
        }
        wf_extract__spawner(fd, &full);
    }
    if (pid < 0) {
        rc = wf_err_errno(err, errno, "the process that starts parsers cannot be made");
        wf_file_close(&pair[0]);
    } else {
        *out_fd = pair[0];
        *out_pid = pid;
    }
    wf_file_close(&pair[1]);
    return rc;
}

int wf_extract_client_new(int fd, const struct wf_extract_limits *limits,
                          struct wf_extract_client **out, struct wf_err *err)
{
    assert(fd >= 0);
    struct wf_extract_client *c = wf_alloc_array(1, sizeof(*c));
    if (c == NULL) {
        wf_file_close(&fd);
        return wf_err_set(err, WF_E_NOMEM, "no memory to talk to the parsers");
    }
    fill_limits(&c->limits, limits);
    c->fd = fd;
    (void)pthread_mutex_init(&c->ask_lock, NULL); /* cannot fail without attributes */
    (void)pthread_mutex_init(&c->idle_lock, NULL);
    *out = c;
    return 0;
}

void wf_extract_client_free(struct wf_extract_client *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->n_idle; i++) {
        wf_file_close(&c->idle[i].fd);
    }
    wf_file_close(&c->fd);
    (void)pthread_mutex_destroy(&c->ask_lock); /* nobody holds them: no run is under way */
    (void)pthread_mutex_destroy(&c->idle_lock);
    wf_free(c);
}

/* ---- the spawner ---- */

/* One request and its answer of exactly n_want bytes. */
static int ask(struct wf_extract_client *c, const void *p, size_t n, void *out, size_t n_want,
               int *out_fd, struct wf_err *err)
{
    char answer[16];
    size_t n_got = 0;
    assert(n_want <= sizeof(answer));
    (void)pthread_mutex_lock(&c->ask_lock); /* cannot fail: no recursion, no robustness */
    int rc = wf_extract__send(c->fd, p, n, -1);
    if (rc == 0) {
        rc = wf_extract__recv(c->fd, answer, sizeof(answer), &n_got, true, out_fd);
    }
    (void)pthread_mutex_unlock(&c->ask_lock);
    if (rc != 0 || n_got == 0) {
        return wf_err_set(err, WF_E_IO,
                          "the process that starts parsers is gone: start weft again");
    }
    if (n_got != n_want) {
        return wf_err_set(err, WF_E_BUSY, "no parser could be started: too many processes");
    }
    memcpy(out, answer, n_want);
    return 0;
}

static int new_worker(struct wf_extract_client *c, uint32_t row, struct worker *out,
                      struct wf_err *err)
{
    char p[5] = {WF_EXTRACT_FORK};
    int fd = -1;
    uint32_t id = 0;
    memcpy(p + 1, &row, sizeof(row));
    int rc = ask(c, p, sizeof(p), &id, sizeof(id), &fd, err);
    if (rc == 0 && fd < 0) {
        rc = wf_err_set(err, WF_E_IO, "the process that starts parsers gave no worker");
    }
    if (rc != 0) {
        wf_file_close(&fd);
        return rc;
    }
    *out = (struct worker){.fd = fd, .id = id};
    return 0;
}

/* How worker w ended; kills it first when `kill_now` or when it does not end by itself. */
static int ending_of(struct wf_extract_client *c, const struct worker *w, bool kill_now,
                     struct ending *out, struct wf_err *err)
{
    char p[6] = {WF_EXTRACT_STATUS};
    char answer[16];
    uint32_t how[2];
    memcpy(p + 1, &w->id, sizeof(w->id));
    p[5] = kill_now;
    int rc = ask(c, p, sizeof(p), answer, sizeof(answer), NULL, err);
    if (rc == 0) {
        memcpy(how, answer, sizeof(how));
        out->kind = how[0] == WF_EXTRACT_END_SIGNAL ? WF_EXTRACT_END_SIGNAL : WF_EXTRACT_END_EXIT;
        out->number = how[1];
        memcpy(&out->peak_bytes, answer + 8, sizeof(out->peak_bytes));
    }
    return rc;
}

static void kill_worker(struct wf_extract_client *c, struct worker *w)
{
    struct ending e;
    int rc = ending_of(c, w, true, &e, NULL);
    (void)rc; /* a spawner that is gone took its workers with it */
    wf_file_close(&w->fd);
}

static int shared_worker(struct wf_extract_client *c, struct worker *out, struct wf_err *err)
{
    bool found = false;
    (void)pthread_mutex_lock(&c->idle_lock); /* cannot fail: no recursion, no robustness */
    if (c->n_idle > 0) {
        *out = c->idle[--c->n_idle];
        found = true;
    }
    (void)pthread_mutex_unlock(&c->idle_lock);
    return found ? 0 : new_worker(c, WF_EXTRACT_SHARED, out, err);
}

static void keep_idle(struct wf_extract_client *c, struct worker *w)
{
    w->used = true;
    (void)pthread_mutex_lock(&c->idle_lock); /* cannot fail: no recursion, no robustness */
    if (c->n_idle < IDLE_MAX) {
        c->idle[c->n_idle++] = *w;
        w->fd = -1;
    }
    (void)pthread_mutex_unlock(&c->idle_lock);
    wf_file_close(&w->fd); /* its end of file ends the worker */
}

/* ---- one document ---- */

static int on_frame(void *ud, const struct wf_stream_frame *f, struct wf_err *err)
{
    struct run *r = ud;
    switch (f->type) {
    case WF_STREAM_ERROR:
        r->refusal = wf_err_set(err, f->code, "%.*s", WF_STR_ARG(f->text));
        return 0;
    case WF_STREAM_END:
        return 0;
    case WF_STREAM_TEXT:
    case WF_STREAM_PAGE:
    case WF_STREAM_HEADING:
    case WF_STREAM_BORDER:
    case WF_STREAM_META:
    case WF_STREAM_PROGRESS:
    case WF_STREAM_WARNING:
        r->fn_rc = r->fn(r->ud, f, err);
        return r->fn_rc;
    }
    return wf_err_set(err, WF_E_FORMAT, "the parser's output is malformed");
}

/* Waits until the worker's socket can be read. Errors: WF_E_TIMEOUT. */
static int wait_readable(struct run *r, const struct worker *w, struct wf_err *err)
{
    int64_t limit_ns = (int64_t)r->c->limits.time_s_max * 1000000000;
    for (;;) {
        int64_t left_ms = (limit_ns - r->waited_ns) / 1000000;
        if (left_ms <= 0) {
            return wf_err_set(err, WF_E_TIMEOUT, "reading it took longer than %u s",
                              r->c->limits.time_s_max);
        }
        struct pollfd p = {.fd = w->fd, .events = POLLIN};
        int64_t start = wf_clock_mono_ns(NULL);
        int n = poll(&p, 1, (int)WF_MIN(left_ms, (int64_t)1000));
        r->waited_ns += wf_clock_mono_ns(NULL) - start;
        if (n > 0) {
            return 0;
        }
    }
}

/* The next bytes of the answer; *out_n 0 at its end (the worker is gone). */
static int read_some(struct run *r, const struct worker *w, size_t *out_n, struct wf_err *err)
{
    for (;;) {
        ssize_t n = recv(w->fd, r->buf, READ_BYTES, MSG_DONTWAIT);
        if (n >= 0) {
            *out_n = (size_t)n;
            r->n_bytes += (size_t)n;
            return 0;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            int rc = wait_readable(r, w, err);
            if (rc != 0) {
                return rc;
            }
        } else if (errno != EINTR) {
            *out_n = 0;
            return 0;
        }
    }
}

/* The shared worker's only other answer. Its row must be one that is not its own to parse, and the
 * table must have it. */
static int take_needs(struct run *r, size_t n, struct wf_err *err)
{
    unsigned row = n == 2 ? (unsigned char)r->buf[1] : 0;
    if (n != 2 || wf_format_at(row) == NULL) {
        return wf_err_set(err, WF_E_CRASHED, "the parser's output is malformed (row)");
    }
    r->needs = (int)row;
    return 0;
}

/* Reads the whole answer. 0 also when it broke off (reader.ended is false then). */
static int read_answer(struct run *r, const struct worker *w, bool shared, struct wf_err *err)
{
    while (!r->reader.ended) {
        size_t n = 0;
        bool first = r->n_bytes == 0;
        int rc = read_some(r, w, &n, err);
        if (rc != 0 || n == 0) {
            return rc;
        }
        if (first && shared && r->buf[0] == WF_EXTRACT_NEEDS) {
            return take_needs(r, n, err);
        }
        rc = wf_stream_feed(&r->reader, r->buf, n, on_frame, r, err);
        if (rc != 0 && r->fn_rc == 0 && rc == WF_E_FORMAT) {
            return wf_err_set(err, WF_E_CRASHED, "the parser's output is malformed");
        }
        if (rc != 0) {
            return rc;
        }
    }
    return r->refusal;
}

static int send_document(const struct run *r, const struct worker *w)
{
    const char *slash = strrchr(r->name, '/');
    const char *base = slash != NULL ? slash + 1 : r->name;
    size_t n = strlen(base);
    size_t skip = n > WF_EXTRACT_NAME_BYTES ? n - WF_EXTRACT_NAME_BYTES : 0;
    char message[WF_EXTRACT_NAME_BYTES + 1] = {0};
    memcpy(message + 1, base + skip, n - skip);
    return wf_extract__send(w->fd, message, 1 + n - skip, r->doc_fd);
}

static const char *signal_name(uint32_t number, char room[32])
{
    const char *abbrev = sigabbrev_np((int)number);
    if (abbrev == NULL) {
        return "unknown signal";
    }
    size_t n = WF_MIN(strlen(abbrev), (size_t)24);
    memcpy(room, "SIG", 3);
    memcpy(room + 3, abbrev, n);
    room[3 + n] = '\0';
    return room;
}

/* A library that gets no memory often aborts or follows a null pointer: when the worker was near
 * its limit, that is the likelier reason. */
static bool was_memory(const struct wf_extract_client *c, const struct ending *e)
{
    bool died = e->number == SIGABRT || e->number == SIGSEGV || e->number == SIGTRAP ||
                e->number == SIGBUS || e->number == SIGKILL;
    return died && e->peak_bytes >= c->limits.memory_bytes_max / 2;
}

static int explain_end(const struct wf_extract_client *c, const struct ending *e,
                       struct wf_err *err)
{
    char room[32];
    if (e->kind == WF_EXTRACT_END_EXIT) {
        return wf_err_set(err, WF_E_CRASHED, "the parser stopped in the middle (exit %u)",
                          e->number);
    }
    if (e->number == SIGXCPU) {
        return wf_err_set(err, WF_E_TIMEOUT, "reading it took longer than %u s of processor time",
                          c->limits.time_s_max);
    }
    if (was_memory(c, e)) {
        return wf_err_set(err, WF_E_LIMIT, "reading it needs more than %u MB of memory",
                          (unsigned)(c->limits.memory_bytes_max >> 20));
    }
    return wf_err_set(err, WF_E_CRASHED, "the parser crashed (%s)", signal_name(e->number, room));
}

/* Hands the document to w and takes its answer. *out_retired: w had ended before, try another.
 * Ends or keeps w. */
static int run_on(struct run *r, struct worker *w, bool shared, bool *out_retired,
                  struct wf_err *err)
{
    struct ending e = {0};
    *out_retired = false;
    int rc = send_document(r, w) == 0 ? read_answer(r, w, shared, err) : 0;
    bool whole = r->reader.ended || r->needs >= 0;
    if (whole && r->fn_rc == 0 && rc == r->refusal) {
        if (shared) {
            keep_idle(r->c, w);
        }
        wf_file_close(&w->fd);
        return rc;
    }
    if (rc != 0) {
        kill_worker(r->c, w);
        return rc;
    }
    rc = ending_of(r->c, w, false, &e, err);
    wf_file_close(&w->fd);
    *out_retired = rc == 0 && shared && w->used && r->n_bytes == 0 &&
                   e.kind == WF_EXTRACT_END_EXIT && e.number == 0;
    return rc != 0 || *out_retired ? rc : explain_end(r->c, &e, err);
}

static int run_all(struct run *r, struct wf_err *err)
{
    struct worker w;
    bool retired = true;
    int rc = 0;
    for (int i = 0; retired && i < TRIES_MAX + IDLE_MAX; i++) {
        rc = shared_worker(r->c, &w, err);
        if (rc != 0) {
            return rc;
        }
        rc = run_on(r, &w, true, &retired, err);
    }
    if (retired) {
        return wf_err_set(err, WF_E_CRASHED, "no parser would take the document");
    }
    if (rc == 0 && r->needs >= 0) {
        uint32_t row = (uint32_t)r->needs;
        r->needs = -1;
        r->n_bytes = 0;
        rc = new_worker(r->c, row, &w, err);
        return rc != 0 ? rc : run_on(r, &w, false, &retired, err);
    }
    return rc;
}

int wf_extract_run(struct wf_extract_client *c, int doc_fd, const char *name, wf_stream_fn fn,
                   void *ud, struct wf_err *err)
{
    assert(c != NULL && fn != NULL && name != NULL);
    assert(doc_fd >= 0);
    struct wf_err mine = WF_ERR_INIT;
    struct run r = {.c = c, .doc_fd = doc_fd, .name = name, .fn = fn, .ud = ud, .needs = -1};
    wf_stream_reader_init(&r.reader);
    r.buf = wf_alloc(READ_BYTES);
    int rc = r.buf == NULL ? wf_err_set(&mine, WF_E_NOMEM, "no memory to read the parser's output")
                           : run_all(&r, &mine);
    wf_free(r.buf);
    wf_stream_reader_deinit(&r.reader);
    if (rc != 0 && err != NULL) {
        *err = mine;
    }
    return rc;
}
