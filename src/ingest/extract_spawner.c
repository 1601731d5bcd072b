/* SPDX-License-Identifier: Apache-2.0 */
/* The spawner: forks workers when the core asks, and tells how they ended.
 *
 * It is forked before anything is parsed and holds nothing but its socket, so that a worker
 * inherits nothing. It initialises the parsers' libraries once (warm), for all workers to come.
 * No byte of a document and no name ever reaches it: core and worker talk over a socket of their
 * own, which the spawner makes, hands over and closes.
 *
 * It lives as long as its socket; its workers die with it (PR_SET_PDEATHSIG). */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "ingest/encoding.h"
#include "ingest/extract_internal.h"
#include "os/file.h"

/* Workers alive or not yet asked about; the core runs a few threads, each with one worker. */
#define CHILDREN_MAX 128
/* How long a worker that closed its socket may take to end before it is killed. */
#define GRACE_MS 200
#define REAP_MS 1000
/* Descriptors of the spawner and of each worker: they need a handful. */
#define FILES_MAX 256

struct child {
    uint32_t id; /* 0 = the slot is free */
    pid_t pid;
    bool ended;
    int wait_status;
    uint64_t peak_bytes;
};

struct spawner {
    int fd;
    int pid;
    uint32_t last_id;
    const struct wf_extract_limits *limits;
    struct child children[CHILDREN_MAX];
};

static void note_end(struct spawner *s, pid_t pid, int wait_status, const struct rusage *ru)
{
    for (size_t i = 0; i < CHILDREN_MAX; i++) {
        struct child *c = &s->children[i];
        if (c->id != 0 && c->pid == pid && !c->ended) {
            c->ended = true;
            c->wait_status = wait_status;
            c->peak_bytes = (uint64_t)ru->ru_maxrss << 10;
        }
    }
}

/* Takes in all children that ended. */
static void reap(struct spawner *s)
{
    int wait_status = 0;
    struct rusage ru;
    for (pid_t pid; (pid = wait4(-1, &wait_status, WNOHANG, &ru)) > 0;) {
        note_end(s, pid, wait_status, &ru);
    }
}

/* A free slot; else that of the child longest ended, whose end nobody asked about. NULL: all live.
 */
static struct child *slot(struct spawner *s)
{
    struct child *oldest = NULL;
    for (size_t i = 0; i < CHILDREN_MAX; i++) {
        struct child *c = &s->children[i];
        if (c->id == 0) {
            return c;
        }
        if (c->ended && (oldest == NULL || c->id < oldest->id)) {
            oldest = c;
        }
    }
    return oldest;
}

/* A core that takes no answer is gone, and this process's reason to live with it. */
static void answer(struct spawner *s, const void *p, size_t n, int pass_fd)
{
    if (wf_extract__send(s->fd, p, n, pass_fd) != 0) {
        _exit(0);
    }
}

static void answer_nothing(struct spawner *s)
{
    answer(s, "", 1, -1);
}

WF_NORETURN static void become_worker(struct spawner *s, int fd, const struct wf_format *row)
{
    fd = wf_extract__isolate(fd, s->pid);
    if (fd < 0) {
        _exit(1);
    }
    wf_extract__worker(fd, row, s->limits);
}

static void do_fork(struct spawner *s, uint32_t row)
{
    const struct wf_format *f = row == WF_EXTRACT_SHARED ? NULL : wf_format_at(row);
    struct child *c = slot(s);
    int pair[2] = {-1, -1};
    if (c == NULL || (f == NULL && row != WF_EXTRACT_SHARED) ||
        wf_extract__pair(false, pair) != 0) {
        answer_nothing(s);
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        become_worker(s, pair[1], f);
    }
    wf_file_close(&pair[1]);
    if (pid > 0) {
        *c = (struct child){.id = ++s->last_id, .pid = pid};
        uint32_t id = c->id;
        answer(s, &id, sizeof(id), pair[0]);
    } else {
        answer_nothing(s);
    }
    wf_file_close(&pair[0]);
}

static void wait_for(struct spawner *s, struct child *c, bool kill_now)
{
    for (int ms = 0; !c->ended && !kill_now && ms < GRACE_MS; ms++) {
        reap(s);
        if (!c->ended) {
            (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
    }
    if (!c->ended) {
        (void)kill(c->pid, SIGKILL); /* our child, not yet waited for: it exists */
        int wait_status = 0;
        struct rusage ru;
        while (!c->ended) {
            pid_t pid = wait4(c->pid, &wait_status, 0, &ru);
            if (pid == c->pid) {
                note_end(s, pid, wait_status, &ru);
            } else if (errno != EINTR) {
                c->ended = true;
            }
        }
    }
}

static void do_status(struct spawner *s, uint32_t id, bool kill_now)
{
    for (size_t i = 0; i < CHILDREN_MAX; i++) {
        struct child *c = &s->children[i];
        if (id == 0 || c->id != id) {
            continue;
        }
        wait_for(s, c, kill_now);
        bool signaled = WIFSIGNALED(c->wait_status);
        uint32_t how[2] = {
            signaled ? WF_EXTRACT_END_SIGNAL : WF_EXTRACT_END_EXIT,
            (uint32_t)(signaled ? WTERMSIG(c->wait_status) : WEXITSTATUS(c->wait_status))};
        char p[16];
        memcpy(p, how, sizeof(how));
        memcpy(p + 8, &c->peak_bytes, 8);
        c->id = 0;
        answer(s, p, sizeof(p), -1);
        return;
    }
    answer_nothing(s);
}

static void do_request(struct spawner *s, struct wf_str p)
{
    uint32_t number = 0;
    if (p.len >= 5) {
        memcpy(&number, p.ptr + 1, 4);
    }
    if (p.len == 5 && p.ptr[0] == WF_EXTRACT_FORK) {
        do_fork(s, number);
    } else if (p.len == 6 && p.ptr[0] == WF_EXTRACT_STATUS) {
        do_status(s, number, p.ptr[5] != 0);
    } else {
        answer_nothing(s);
    }
}

/* No worker outlives the core that it works for. Idle ones have seen the end of their socket. */
static void end_all(struct spawner *s)
{
    for (size_t i = 0; i < CHILDREN_MAX; i++) {
        if (s->children[i].id != 0) {
            wait_for(s, &s->children[i], false);
        }
    }
}

/* As little as a process that must fork can hold: no privileges to gain, no memory dumps or
 * tracing by others, a clean environment. */
static void settle(void)
{
    for (int sig = 1; sig < NSIG; sig++) {
        (void)signal(sig, SIG_DFL); /* fails for SIGKILL, SIGSTOP and libc's own: rightly */
    }
    (void)signal(SIGPIPE, SIG_IGN); /* a peer that hung up is an error of write */
    sigset_t no_signals;
    (void)sigemptyset(&no_signals);
    (void)sigprocmask(SIG_SETMASK, &no_signals, NULL);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* cannot fail on kernels since 3.5 */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);     /* likewise */
    (void)prctl(PR_SET_NAME, "weft-spawner");
    (void)clearenv();
    (void)setenv("LC_ALL", "C.UTF-8", 1); /* else the libraries' defaults */
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none); /* a core dump would hold a person's document */
    struct rlimit few = {FILES_MAX, FILES_MAX};
    (void)setrlimit(RLIMIT_NOFILE, &few); /* lower already: rightly */
    if (chdir("/") != 0) {
        _exit(1);
    }
}

static void warm_all(void)
{
    const struct wf_format *f;
    wf_encoding_warm();
    for (size_t i = 0; (f = wf_format_at(i)) != NULL; i++) {
        if (f->warm != NULL) {
            f->warm();
        }
    }
}

void wf_extract__spawner(int fd, const struct wf_extract_limits *limits)
{
    static struct spawner s; /* one a process */
    char request[16];
    s.fd = fd;
    s.pid = getpid();
    s.limits = limits;
    settle();
    warm_all();
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        size_t n_got = 0;
        int n = poll(&p, 1, REAP_MS);
        reap(&s);
        if (n == 0 || (n < 0 && errno == EINTR)) {
            continue;
        }
        if (wf_extract__recv(fd, request, sizeof(request), &n_got, false, NULL) != 0 ||
            n_got == 0) {
            end_all(&s);
            _exit(0);
        }
        do_request(&s, wf_str_n(request, n_got));
    }
}
