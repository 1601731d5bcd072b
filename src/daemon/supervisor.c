/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor: a loop around waitpid and a few signals.
 *
 * It owns what must outlive a crash of the others: the lock, the listeners, the token. Children are
 * forked from it while it is small and has one thread, so they inherit exactly the descriptors that
 * they are meant to have; everything else is close-on-exec or closed by them.
 *
 * The airlock runs where there are engines (the file weft.engines), and while a space is shared
 * with other people, since it keeps the ledger; its end of a connection is made here, over a
 * listener that the core inherits, so that each of the two may die and come back. Link, which
 * speaks to other nodes, runs in the same way where the core wants it, which it says by a file that
 * is looked at here once a second. Listeners for phones are made by short processes (daemon/lan.h),
 * at the start of a core, when this machine's addresses change, and once a month. When weft.engines
 * or weft.policy change, core and airlock start anew: neither reads them later.
 *
 * State of a child: stopped (pid 0) -> running -> stopped. The core's death stops nothing else; it
 * is started again after a pause that doubles while it keeps dying, and given up after RESTARTS_MAX
 * deaths without a minute of life, since a person should then read why. */
#include "daemon/supervisor.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "daemon/airlock.h"
#include "daemon/core.h"
#include "daemon/keeper.h"
#include "daemon/lan.h"
#include "daemon/link.h"
#include "daemon/notify.h"
#include "daemon/watcher.h"
#include "http/http.h"
#include "os/file.h"
#include "os/sock.h"
#include "privacy/node.h"

#define RESTARTS_MAX 6
#define READY_WAIT_MS 60000 /* migrations of a large store may take a while */
#define STOP_WAIT_MS 10000  /* running requests get 5 s; then the store is closed */
#define LOCK_WAIT_MS 5000   /* a command that runs without a daemon may hold the lock */
#define STABLE_MS 60000
#define LAN_LOOK_NS ((int64_t)3 * 1000000000)
#define LAN_AGAIN_NS ((int64_t)30 * 1000000000) /* where no listener could be had */
#define LOOK_S 1                                /* how often files of the person's are looked at */

/* What a file was like when it was last read; all zero: there was none. */
struct stamp {
    ino_t inode;
    off_t bytes;
    struct timespec changed;
};

struct supervisor {
    const struct wf_supervisor_options *o;
    struct wf_config config;
    struct wf_log *log;
    int lock_fd, unix_fd, http_fd;
    int airlock_fd;          /* where the core takes connections of airlocks */
    int link_fd;             /* and those of links */
    int lan_fd, lan_core_fd; /* for phones: the end kept here; core's, until it has it; or -1 */
    int keeper_fd;           /* the core's end of its keeper, until it has it; else -1 */
    uint16_t port;
    char token[WF_TOKEN_HEX_LEN + 1];
    char code[WF_HTTP_CODE_HEX_LEN + 1]; /* empty once a core has been given it */
    pid_t core, watcher, airlock, link;  /* 0 = not running */
    pid_t keeper;                        /* of this core: it ends when that does */
    pid_t lan;
    bool lan_failed;             /* the last one had no listener */
    uint64_t lan_addresses;      /* what it found */
    int64_t lan_ns, lan_wall_ms; /* when it was started */
    int64_t lan_look_ns;         /* when the addresses were looked at */
    bool is_certified;           /* the ledger's key, or it was tried */
    struct stamp engines, policy;
    int64_t core_started_ns;
    int n_deaths;
    sigset_t signals, old_signals;
};

static int take_lock(struct supervisor *s, struct wf_err *err)
{
    int64_t deadline_ns = wf_clock_mono_ns(NULL) + (int64_t)LOCK_WAIT_MS * 1000000;
    int rc;

    for (;;) {
        rc = wf_file_lock(s->o->home->lock, &s->lock_fd, err);
        if (rc != WF_E_BUSY || wf_clock_mono_ns(NULL) > deadline_ns)
            break;
        (void)poll(NULL, 0, 50); /* a pause, nothing to wait on */
    }
    if (rc == WF_E_BUSY)
        return wf_err_set(err, rc,
                          "weft is already running in %.150s. Stop it first (Ctrl-C where it runs, "
                          "or systemctl --user stop weft), or choose another --home.",
                          s->o->home->dir);
    return rc;
}

static int open_listeners(struct supervisor *s, struct wf_err *err)
{
    int rc = wf_sock_listen_unix(s->o->home->socket, &s->unix_fd, err);

    if (rc == 0)
        rc = wf_sock_listen_unix(s->o->home->airlock, &s->airlock_fd, err);
    if (rc == 0)
        rc = wf_sock_listen_unix(s->o->home->link_socket, &s->link_fd, err);
    if (rc == 0)
        rc = wf_sock_listen_tcp(s->config.host, (uint16_t)s->config.port, &s->http_fd, &s->port,
                                err);
    if (rc == WF_E_BUSY)
        return wf_err_set(err, rc,
                          "Port %d at %s is taken by another program. Choose another: "
                          "weft up --port 7771",
                          (int)s->config.port, s->config.host);
    return rc;
}

/* In the child: back to ordinary signals, and death with the parent. */
static void become_child(struct supervisor *s, pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* cannot fail with a valid signal */
    if (getppid() != parent)
        _exit(1);
    for (int sig = 1; sig < 32; sig++) {
        if (sigismember(&s->signals, sig))
            (void)signal(sig, SIG_DFL);
    }
    sigprocmask(SIG_SETMASK, &s->old_signals, NULL);
    wf_file_close(&s->lock_fd); /* the parent's copy holds the lock */
}

static void core_child(struct supervisor *s, int ready_fd)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_core_options o = {
        .home = s->o->home,
        .config = &s->config,
        .program = s->o->program,
        .conn_fd = -1,
        .unix_fd = s->unix_fd,
        .http_fd = s->http_fd,
        .http_port = s->port,
        .airlock_fd = s->airlock_fd,
        .link_fd = s->link_fd,
        .lan_fd = s->lan_core_fd,
        .keeper_fd = s->keeper_fd,
        .token = s->token,
        .first_code = s->code[0] ? s->code : NULL,
        .ready_fd = ready_fd,
    };

    if (wf_core_run(&o, &err) != 0) {
        wf_log_line(s->log, WF_LOG_ERROR, "core", "%s", err.msg);
        _exit(1);
    }
    _exit(0);
}

/* Waits for the byte of a core that answers; false when it died or took too long. */
static bool wait_ready(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char byte;
    int n;

    do {
        n = poll(&p, 1, READY_WAIT_MS);
    } while (n < 0 && errno == EINTR);
    return n > 0 && read(fd, &byte, 1) == 1;
}

/* In a child that reaches a network, or holds keys: the core's listeners are none of its business,
 * and it could call the core's port like any client, so it must not know how. */
static void close_doors(struct supervisor *s)
{
    wf_file_close(&s->unix_fd);
    wf_file_close(&s->http_fd);
    wf_file_close(&s->airlock_fd);
    wf_file_close(&s->link_fd);
    wf_file_close(&s->lan_fd);
    explicit_bzero(s->token, sizeof(s->token));
    explicit_bzero(s->code, sizeof(s->code));
    explicit_bzero(s->config.huggingface_token, sizeof(s->config.huggingface_token));
}

/* Starts the process that keeps the keys, beside a core that has just started and has the other end
 * of *io_fd, which is closed here. Without a keeper core says so where a key is needed. */
static void start_keeper(struct supervisor *s, int *io_fd)
{
    pid_t parent = getpid();

    if (*io_fd < 0)
        return;
    s->keeper = fork();
    if (s->keeper == 0) {
        become_child(s, parent);
        close_doors(s);
        _exit(wf_keeper_run(s->o->home, s->log, *io_fd));
    }
    wf_file_close(io_fd);
    if (s->keeper < 0) {
        s->keeper = 0;
        wf_log_line(s->log, WF_LOG_ERROR, "supervisor", "the keeper could not be started");
    }
}

/* Before a core: the socket over which it will get its listeners for phones. */
static void open_lan(struct supervisor *s)
{
    struct wf_err err = WF_ERR_INIT;
    int fds[2] = {-1, -1};

    wf_file_close(&s->lan_fd);
    if (s->config.lan != 0 && wf_lan_pair(fds, &err) != 0)
        wf_log_line(s->log, WF_LOG_ERROR, "supervisor", "no phones: %s", err.msg);
    s->lan_fd = fds[0];
    s->lan_core_fd = fds[1];
}

/* Has a short process make the listeners and the certificate for phones. */
static void start_lan(struct supervisor *s)
{
    pid_t parent = getpid();

    if (s->lan_fd < 0 || s->lan != 0)
        return;
    s->lan_addresses = wf_lan_addresses(&s->config);
    s->lan_ns = s->lan_look_ns = wf_clock_mono_ns(NULL);
    s->lan_wall_ms = wf_clock_wall_ms(NULL);
    s->lan = fork();
    if (s->lan == 0) {
        int fd = s->lan_fd;
        s->lan_fd = -1;
        become_child(s, parent);
        close_doors(s);
        _exit(wf_lan_run(s->o->home, &s->config, s->log, fd));
    }
    s->lan = s->lan > 0 ? s->lan : 0; /* no process: tried again when the addresses are looked at */
    s->lan_failed = s->lan == 0;
}

/* Again when this machine's addresses are others, the certificate is a month old, or nothing could
 * be had the last time. */
static void look_at_lan(struct supervisor *s)
{
    int64_t now_ns = wf_clock_mono_ns(NULL);

    if (s->lan_fd < 0 || now_ns - s->lan_look_ns < LAN_LOOK_NS)
        return;
    s->lan_look_ns = now_ns;
    if (wf_lan_addresses(&s->config) != s->lan_addresses ||
        wf_clock_wall_ms(NULL) - s->lan_wall_ms > WF_LAN_RENEW_MS ||
        (s->lan_failed && now_ns - s->lan_ns > LAN_AGAIN_NS))
        start_lan(s);
}

static int start_core(struct supervisor *s, struct wf_err *err)
{
    int fds[2], keys[2] = {-1, -1}; /* keys: the core's end, the keeper's */
    struct wf_err own = WF_ERR_INIT;
    pid_t parent = getpid();
    bool ready;

    assert(s->core == 0);
    if (pipe2(fds, O_CLOEXEC) != 0)
        return wf_err_errno(err, errno, "No pipe could be made");
    if (wf_sock_pair(keys, &own) != 0)
        wf_log_line(s->log, WF_LOG_ERROR, "supervisor", "no keeper: %s", own.msg);
    s->keeper_fd = keys[0];
    open_lan(s);
    s->core_started_ns = wf_clock_mono_ns(NULL);
    s->core = fork();
    if (s->core == 0) {
        become_child(s, parent);
        wf_file_close(&fds[0]);
        wf_file_close(&keys[1]);
        wf_file_close(&s->lan_fd);
        core_child(s, fds[1]);
    }
    wf_file_close(&fds[1]);
    wf_file_close(&s->keeper_fd);
    wf_file_close(&s->lan_core_fd);
    if (s->core > 0)
        start_keeper(s, &keys[1]);
    wf_file_close(&keys[1]);
    if (s->core < 0) {
        wf_file_close(&fds[0]);
        s->core = 0;
        return wf_err_errno(err, errno, "The core could not be started");
    }
    ready = wait_ready(fds[0]);
    wf_file_close(&fds[0]);
    if (!ready)
        return wf_err_set(err, WF_E_CRASHED,
                          "weft could not start: see the message above, or run weft doctor.");
    start_lan(s);
    return 0;
}

static void start_watcher(struct supervisor *s)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid == 0) {
        become_child(s, parent);
        wf_file_close(&s->unix_fd);
        wf_file_close(&s->http_fd);
        wf_file_close(&s->airlock_fd);
        wf_file_close(&s->link_fd);
        wf_file_close(&s->lan_fd);
        _exit(wf_watcher_run(s->o->home, s->log) == 0 ? 0 : 1);
    }
    s->watcher = pid > 0 ? pid : 0;
    if (pid < 0)
        wf_log_line(s->log, WF_LOG_ERROR, "supervisor", "the watcher could not be started");
}

static struct stamp stamp_of(const char *path)
{
    struct stamp s = {.inode = 0};
    struct stat st;

    if (stat(path, &st) == 0) {
        s.inode = st.st_ino;
        s.bytes = st.st_size;
        s.changed = st.st_ctim;
    }
    return s;
}

static bool is_same(const struct stamp *a, const struct stamp *b)
{
    return a->inode == b->inode && a->bytes == b->bytes && a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec;
}

/* Notes what the files are like now, which core and airlock are about to read; true when that is
 * not what it was. */
static bool look_at_files(struct supervisor *s)
{
    struct stamp engines = stamp_of(s->o->home->engines), policy = stamp_of(s->o->home->policy);
    bool changed = !is_same(&engines, &s->engines) || !is_same(&policy, &s->policy);

    s->engines = engines;
    s->policy = policy;
    return changed;
}

static void airlock_child(struct supervisor *s, int fd)
{
    const char *ca_file = s->config.ca_file;
    const struct wf_airlock_options o = {.home = s->o->home,
                                         .ca_file = ca_file[0] ? ca_file : NULL,
                                         .user_home = getenv("HOME"),
                                         .log = s->log,
                                         .fd = fd};

    close_doors(s);
    _exit(wf_airlock_run(&o));
}

static bool wants_airlock(const struct supervisor *s)
{
    return s->engines.inode != 0 || access(s->o->home->shared, F_OK) == 0;
}

/* Starts an airlock where one is wanted; without it nothing leaves, and the core says so. */
static void start_airlock(struct supervisor *s)
{
    struct wf_err err = WF_ERR_INIT;
    pid_t parent = getpid();
    int fd = -1;

    assert(s->airlock == 0);
    if (!wants_airlock(s))
        return;
    if (wf_sock_connect_unix(s->o->home->airlock, &fd, &err) != 0) {
        wf_log_line(s->log, WF_LOG_ERROR, "supervisor", "no airlock: %s", err.msg);
        return;
    }
    s->airlock = fork();
    if (s->airlock == 0) {
        become_child(s, parent);
        airlock_child(s, fd);
    }
    wf_file_close(&fd);
    if (s->airlock < 0) {
        s->airlock = 0;
        wf_log_line(s->log, WF_LOG_ERROR, "supervisor", "the airlock could not be started");
    }
}

static bool wants_link(const struct supervisor *s)
{
    return access(s->o->home->link_wanted, F_OK) == 0;
}

/* Starts a link where the core wants one: while something is paired, or being paired. */
static void start_link(struct supervisor *s)
{
    const struct wf_link_process_options o = {
        .home = s->o->home, .config = &s->config, .log = s->log};
    struct wf_err err = WF_ERR_INIT;
    pid_t parent = getpid();
    int fd = -1;

    assert(s->link == 0);
    if (!wants_link(s))
        return;
    if (wf_sock_connect_unix(s->o->home->link_socket, &fd, &err) != 0) {
        wf_log_line(s->log, WF_LOG_ERROR, "supervisor", "no link: %s", err.msg);
        return;
    }
    s->link = fork();
    if (s->link == 0) {
        become_child(s, parent);
        close_doors(s);
        _exit(wf_link_process_run(&o, fd));
    }
    wf_file_close(&fd);
    if (s->link < 0) {
        s->link = 0;
        wf_log_line(s->log, WF_LOG_ERROR, "supervisor", "link could not be started");
    }
}

/* Starts or ends it as the core wishes by now; a link that ends is collected like any child. */
static void look_at_link(struct supervisor *s)
{
    if (s->link == 0)
        start_link(s);
    else if (!wants_link(s))
        (void)kill(s->link, SIGTERM); /* it may be dead already */
}

static void look_at_airlock(struct supervisor *s)
{
    if (s->airlock == 0)
        start_airlock(s);
    else if (!wants_airlock(s))
        (void)kill(s->airlock, SIGTERM); /* as above */
}

/* Has the node's key certify the ledger's, in a short process of its own, once there is a ledger
 * and no certificate. What fails is told once and tried again when weft starts anew. */
static void certify(struct supervisor *s)
{
    char ledger[WF_LIMIT_PATH_BYTES + 8], cert[WF_LIMIT_PATH_BYTES + 16];
    const struct wf_home *h = s->o->home;
    struct wf_err err = WF_ERR_INIT;
    pid_t parent = getpid();

    snprintf(ledger, sizeof(ledger), "%s/key.pub", h->ledger);
    snprintf(cert, sizeof(cert), "%s/ledger.cert", h->node);
    if (s->is_certified || access(ledger, F_OK) != 0)
        return;
    s->is_certified = true;
    if (access(cert, F_OK) == 0 || fork() != 0) /* no process: weft ledger verify tells */
        return;
    become_child(s, parent);
    if (wf_node_certify_ledger(h->node, h->ledger, wf_clock_wall_ms(NULL), &err) != 0)
        wf_log_line(s->log, WF_LOG_ERROR, "supervisor", "the ledger's key is not certified: %s",
                    err.msg);
    _exit(0);
}

static void log_death(struct supervisor *s, const char *name, int status)
{
    if (WIFSIGNALED(status))
        wf_log_line(s->log, WF_LOG_ERROR, "supervisor", "%s died of signal %d (%s)", name,
                    WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        wf_log_line(s->log, WF_LOG_ERROR, "supervisor", "%s ended with status %d", name,
                    WEXITSTATUS(status));
}

static int revive_core(struct supervisor *s, int status, struct wf_err *err)
{
    int64_t lived_ms = (wf_clock_mono_ns(NULL) - s->core_started_ns) / 1000000;
    int rc;

    s->core = 0;
    log_death(s, "the core", status);
    s->n_deaths = lived_ms > STABLE_MS ? 1 : s->n_deaths + 1;
    if (s->n_deaths >= RESTARTS_MAX)
        return wf_err_set(err, WF_E_CRASHED,
                          "The core keeps dying; weft gives up. What was acknowledged is "
                          "safe. The messages above say why; weft doctor may say more.");
    (void)poll(NULL, 0, 50 << s->n_deaths); /* a pause that doubles */
    rc = start_core(s, s->n_deaths + 1 < RESTARTS_MAX ? NULL : err);
    return rc != 0 && s->n_deaths + 1 < RESTARTS_MAX ? 0 : rc;
}

/* Collects the dead and starts them again. */
static int revive(struct supervisor *s, struct wf_err *err)
{
    int status, rc = 0;
    pid_t pid;

    while (rc == 0 && (pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == s->watcher) {
            s->watcher = 0;
            log_death(s, "the watcher", status);
            (void)poll(NULL, 0, 500); /* a pause, so that a watcher that keeps dying costs little */
            start_watcher(s);
        } else if (pid == s->airlock) {
            bool is_well = WIFEXITED(status) && WEXITSTATUS(status) == 0; /* its core has gone */
            s->airlock = 0;
            if (!is_well)
                log_death(s, "the airlock", status);
            (void)poll(NULL, 0, is_well ? 10 : 500); /* as for the watcher */
            start_airlock(s);
        } else if (pid == s->link) {
            bool is_well =
                WIFEXITED(status) && WEXITSTATUS(status) == 0; /* as above, or unwanted */
            s->link = 0;
            if (!is_well)
                log_death(s, "link", status);
            (void)poll(NULL, 0, is_well ? 10 : 500); /* as for the watcher */
            start_link(s);
        } else if (pid == s->lan) {
            s->lan = 0;
            s->lan_failed = !WIFEXITED(status) || WEXITSTATUS(status) != 0; /* it has said why */
        } else if (pid == s->keeper) {
            s->keeper = 0;
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                log_death(s, "the keeper", status);
        } else if (pid == s->core) {
            rc = revive_core(s, status, err);
        }
    }
    return rc;
}

/* Asks a child to end, then makes it. */
static void stop_child(pid_t *io_pid)
{
    int64_t deadline_ns = wf_clock_mono_ns(NULL) + (int64_t)STOP_WAIT_MS * 1000000;
    pid_t pid = *io_pid;

    if (pid <= 0)
        return;
    (void)kill(pid, SIGTERM); /* it may be dead already */
    while (waitpid(pid, NULL, WNOHANG) == 0) {
        if (wf_clock_mono_ns(NULL) > deadline_ns) {
            (void)kill(pid, SIGKILL);
            (void)waitpid(pid, NULL, 0);
            break;
        }
        (void)poll(NULL, 0, 10);
    }
    *io_pid = 0;
}

static int restart(struct supervisor *s, struct wf_err *err)
{
    int rc;

    stop_child(&s->link);
    stop_child(&s->core);
    stop_child(&s->airlock); /* what has gone to others is summed up by the core's last words */
    (void)look_at_files(s);  /* they are about to be read */
    rc = start_core(s, err);
    if (rc == 0)
        start_airlock(s);
    if (rc == 0)
        start_link(s);
    return rc;
}

static int reload(struct supervisor *s, struct wf_err *err)
{
    struct wf_err conf_err = WF_ERR_INIT;
    struct wf_config config = s->config;

    if (wf_config_load(&config, s->o->home->conf, &conf_err) != 0) {
        wf_log_line(s->log, WF_LOG_ERROR, "supervisor", "settings not read: %s", conf_err.msg);
        return 0;
    }
    /* The listeners stay as they are: host and port change with a restart only. */
    s->config = config;
    wf_log_set_level(s->log, (enum wf_log_level)config.log_level);
    wf_log_line(s->log, WF_LOG_INFO, "supervisor", "settings read, the core starts anew");
    return restart(s, err);
}

static int loop(struct supervisor *s, struct wf_err *err)
{
    const struct timespec look = {.tv_sec = LOOK_S};
    int rc = 0;

    while (rc == 0) {
        int sig = sigtimedwait(&s->signals, NULL, &look);
        certify(s);
        if (sig < 0) {
            look_at_link(s);
            look_at_airlock(s);
            look_at_lan(s);
        }
        if (sig == SIGCHLD)
            rc = revive(s, err);
        else if (sig < 0 && look_at_files(s)) {
            wf_log_line(s->log, WF_LOG_INFO, "supervisor",
                        "engines or policy changed, the core starts anew");
            rc = restart(s, err);
        } else if (sig == SIGHUP)
            rc = reload(s, err);
        else if (sig == SIGTERM || sig == SIGINT)
            break;
    }
    return rc;
}

static void announce(struct supervisor *s)
{
    const char *open = strchr(s->config.host, ':') ? "[" : "", *close = *open ? "]" : "";
    char address[128], link[192];

    snprintf(address, sizeof(address), "http://%s%s%s:%u", open, s->config.host, close, s->port);
    snprintf(link, sizeof(link), "%s/open/%s", address, s->code);
    if (s->o->ready)
        s->o->ready(s->o->ud, address, link);
    wf_notify(s->o->notify_socket, "READY=1");
    explicit_bzero(link, sizeof(link));
    explicit_bzero(s->code, sizeof(s->code)); /* a later core must not honour it again */
}

static void block_signals(struct supervisor *s)
{
    sigemptyset(&s->signals);
    sigaddset(&s->signals, SIGCHLD);
    sigaddset(&s->signals, SIGHUP);
    sigaddset(&s->signals, SIGINT);
    sigaddset(&s->signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &s->signals, &s->old_signals);
    (void)signal(SIGPIPE, SIG_IGN); /* cannot fail with a valid signal */
}

int wf_supervisor_run(const struct wf_supervisor_options *o, struct wf_err *err)
{
    struct supervisor s = {.o = o,
                           .config = *o->config,
                           .lock_fd = -1,
                           .unix_fd = -1,
                           .http_fd = -1,
                           .airlock_fd = -1,
                           .link_fd = -1,
                           .lan_fd = -1,
                           .lan_core_fd = -1,
                           .keeper_fd = -1};
    int rc;

    block_signals(&s);
    s.log = wf_log_new(STDERR_FILENO, (enum wf_log_level)s.config.log_level);
    if (!s.log)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    wf_rng_hex(NULL, s.code, WF_HTTP_CODE_HEX_LEN / 2);
    rc = wf_home_create(o->home, err);
    if (rc == 0)
        rc = take_lock(&s, err);
    if (rc == 0)
        rc = wf_home_token(o->home, s.token, err);
    if (rc == 0)
        rc = open_listeners(&s, err);
    (void)look_at_files(&s); /* before they are read */
    if (rc == 0)
        rc = start_core(&s, err);
    if (rc == 0) {
        start_airlock(&s);
        start_link(&s);
        announce(&s);
        start_watcher(&s);
        rc = loop(&s, err);
        wf_notify(o->notify_socket, "STOPPING=1");
    }
    stop_child(&s.watcher);
    stop_child(&s.link);
    stop_child(&s.lan);
    stop_child(&s.core);
    stop_child(&s.airlock); /* as in restart */
    wf_file_close(&s.lan_fd);
    if (s.link_fd >= 0)
        (void)unlink(o->home->link_socket); /* as below */
    stop_child(&s.keeper);
    if (s.airlock_fd >= 0)
        (void)unlink(o->home->airlock); /* as below */
    if (s.unix_fd >= 0)
        (void)unlink(o->home->socket); /* a socket left behind is replaced at the next start */
    wf_file_close(&s.link_fd);
    wf_file_close(&s.airlock_fd);
    wf_file_close(&s.http_fd);
    wf_file_close(&s.unix_fd);
    wf_file_close(&s.lock_fd);
    wf_log_free(s.log);
    return rc;
}
