/* SPDX-License-Identifier: Apache-2.0 */
/* Watches folders with inotify and hands what changed to the core.
 *
 * A change marks a path; once nothing has been written for SETTLE_MS (or MAX_WAIT_MS passed, for a
 * file that is written all the time) the marked paths are walked and added: unchanged files cost a
 * stat. When events were lost, or a folder cannot be watched (the system's limit on watches,
 * network folders), the whole list is walked: at the start, after an overflow, and every RESCAN_MS.
 * Removed files stay in the library: only a person removes documents. */
#include "daemon/watcher.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/map.h"
#include "daemon/add.h"
#include "daemon/client.h"
#include "daemon/walk.h"
#include "os/file.h"
#include "os/sandbox.h"

#define SETTLE_MS 700
#define MAX_WAIT_MS 5000
#define RESCAN_MS (60 * 60 * 1000)
#define RETRY_MS 2000
#define FOLDERS_MAX 500000 /* the kernel's own limit is lower as a rule */
#define CHANGED_MAX 65536  /* more at once: walk everything */
#define EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR | IN_EXCL_UNLINK)

struct watcher {
    const struct wf_home *home;
    struct wf_log *log;
    int fd;                /* inotify */
    int home_wd;           /* of the home folder, where the list lies */
    struct wf_map folders; /* decimal watch descriptor -> path (owned) */
    struct wf_map changed; /* paths that wait */
    struct wf_watch_list list;
    bool rescan; /* walk everything */
    bool list_changed;
    bool warned;               /* of a folder that cannot be watched */
    int64_t first_ms, last_ms; /* of the changes that wait */
};

static volatile sig_atomic_t stop_flag;

static void on_term(int sig)
{
    (void)sig;
    stop_flag = 1;
}

static int64_t now_ms(void)
{
    return wf_clock_mono_ns(NULL) / 1000000;
}

static void forget_folders(struct watcher *w)
{
    union wf_map_value v;
    struct wf_str key;
    size_t i = 0;

    while (wf_map_next(&w->folders, &i, &key, &v))
        wf_free(v.ptr);
    wf_map_deinit(&w->folders);
    wf_map_init(&w->folders, FOLDERS_MAX);
}

static void watch_one(struct watcher *w, const char *path)
{
    int wd = inotify_add_watch(w->fd, path, EVENTS);
    union wf_map_value *v;
    char key[16];
    bool is_new = false;

    if (wd < 0) {
        if (!w->warned)
            wf_log_line(w->log, WF_LOG_WARN, "watcher",
                        "not every folder can be watched (%s); they are looked at every hour",
                        strerror(errno));
        w->warned = true;
        return;
    }
    snprintf(key, sizeof(key), "%d", wd);
    v = wf_map_put(&w->folders, wf_str_from(key), &is_new);
    if (v && is_new)
        v->ptr = wf_strdup(path);
}

/* Watches a folder and all below it; hidden ones and links are passed over, as the walk does. */
static void watch_tree(struct watcher *w, const char *path, unsigned depth)
{
    char sub[WF_LIMIT_PATH_BYTES];
    struct dirent *e;
    DIR *d;

    if (depth > WF_LIMIT_NESTING || strcmp(path, w->home->dir) == 0)
        return;
    watch_one(w, path);
    d = opendir(path);
    while (d && (e = readdir(d)) != NULL) {
        struct stat st;
        int n = snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
        if (e->d_name[0] == '.' || n < 0 || (size_t)n >= sizeof(sub))
            continue;
        if (e->d_type == DT_DIR ||
            (e->d_type == DT_UNKNOWN && lstat(sub, &st) == 0 && S_ISDIR(st.st_mode)))
            watch_tree(w, sub, depth + 1);
    }
    if (d)
        closedir(d);
}

static void mark(struct watcher *w, const char *dir, const char *name)
{
    char path[WF_LIMIT_PATH_BYTES];
    int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

    if (n < 0 || (size_t)n >= sizeof(path) || name[0] == '.')
        return;
    if (w->changed.n_items == 0)
        w->first_ms = now_ms();
    w->last_ms = now_ms();
    if (!wf_map_put(&w->changed, wf_str_n(path, (size_t)n), NULL))
        w->rescan = true;
}

static void take_event(struct watcher *w, const struct inotify_event *e)
{
    union wf_map_value *v;
    char key[16];

    if (e->mask & IN_Q_OVERFLOW) {
        w->rescan = true;
        return;
    }
    if (e->wd == w->home_wd) {
        if (e->len > 0 && strcmp(e->name, "watch") == 0)
            w->list_changed = true;
        return;
    }
    snprintf(key, sizeof(key), "%d", e->wd);
    v = wf_map_get(&w->folders, wf_str_from(key));
    if (!v || !v->ptr || e->len == 0)
        return;
    if ((e->mask & IN_ISDIR) && e->name[0] != '.') {
        char sub[WF_LIMIT_PATH_BYTES];
        int n = snprintf(sub, sizeof(sub), "%s/%s", (const char *)v->ptr, e->name);
        if (n > 0 && (size_t)n < sizeof(sub))
            watch_tree(w, sub, 0);
    }
    /* A file just made is added when it is closed; a folder may hold files already. */
    if ((e->mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) || (e->mask & IN_ISDIR))
        mark(w, v->ptr, e->name);
}

static void read_events(struct watcher *w)
{
    _Alignas(struct inotify_event) char buf[64 << 10];
    ssize_t n;

    while ((n = read(w->fd, buf, sizeof(buf))) > 0) {
        for (char *p = buf; p < buf + n;) {
            const struct inotify_event *e = (const void *)p;
            take_event(w, e);
            p += sizeof(*e) + e->len;
        }
    }
}

static void told(void *ud, const struct wf_add_progress *p)
{
    struct watcher *w = ud;

    if (p->path && p->status && strcmp(p->status, "failed") == 0)
        wf_log_line(w->log, WF_LOG_WARN, "watcher", "not read: %s", p->reason ? p->reason : "?");
}

/* Hands over everything that `walk` found. */
static int hand_over(struct watcher *w, struct wf_walk *walk, struct wf_err *err)
{
    struct wf_client_options co = {.program = NULL};
    struct wf_add_options ao = {.fn = told, .ud = w, .stop = &stop_flag};
    struct wf_add_result result;
    struct wf_client *c = NULL;
    int rc = wf_client_open(w->home, &co, &c, err);

    if (rc == 0)
        rc = wf_add_files(c, walk, &ao, &result, err);
    wf_client_close(c);
    if (rc == 0 && result.n_added + result.n_failed > 0)
        wf_log_line(w->log, WF_LOG_INFO, "watcher", "files added=%zu failed=%zu", result.n_added,
                    result.n_failed);
    return rc;
}

/* Tells the core which folders are watched, for its status. */
static int report(struct watcher *w, struct wf_err *err)
{
    struct wf_client_options co = {.program = NULL};
    json_t *params = json_object(), *folders = json_array(), *result = NULL;
    struct wf_client *c = NULL;
    int rc;

    for (size_t i = 0; i < w->list.n_paths; i++) {
        const char *path = w->list.paths[i];
        const char *state = access(path, R_OK | X_OK) == 0 ? "watched" : "missing";
        json_array_append_new(folders, json_pack("{s:s, s:s}", "path", path, "state", state));
    }
    json_object_set_new(params, "watched", folders);
    rc = wf_client_open(w->home, &co, &c, err);
    if (rc == 0)
        rc = wf_client_run(
            c, &(struct wf_client_call){.op = "watch.report", .params = params, .fd = -1}, &result,
            err);
    json_decref(result);
    json_decref(params);
    wf_client_close(c);
    return rc;
}

/* Walks what is due and adds it. On failure everything is due again later. */
static void flush(struct watcher *w)
{
    struct wf_err err = WF_ERR_INIT;
    union wf_map_value v;
    struct wf_walk walk;
    struct wf_str path;
    size_t i = 0;
    int rc = 0;

    wf_walk_init(&walk, w->home->dir);
    for (size_t k = 0; w->rescan && rc == 0 && k < w->list.n_paths; k++)
        rc = wf_walk_add(&walk, w->list.paths[k], &err);
    while (!w->rescan && rc == 0 && wf_map_next(&w->changed, &i, &path, &v))
        rc = wf_walk_add(&walk, path.ptr, &err); /* the map's copies end with NUL */
    if (rc == 0 && walk.n_files > 0)
        rc = hand_over(w, &walk, &err);
    if (rc == 0)
        rc = report(w, &err);
    wf_walk_deinit(&walk);
    wf_map_reset(&w->changed);
    w->rescan = rc != 0;
    if (rc != 0 && !stop_flag) {
        wf_log_line(w->log, WF_LOG_WARN, "watcher", "trying again soon: %s", err.msg);
        (void)poll(NULL, 0, RETRY_MS); /* a pause; a signal ends it */
    }
}

static void load_list(struct watcher *w)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_watch_list list;

    w->list_changed = false;
    if (wf_watch_list_load(w->home, &list, &err) != 0) {
        wf_log_line(w->log, WF_LOG_ERROR, "watcher", "%s", err.msg);
        return;
    }
    wf_watch_list_free(&w->list);
    w->list = list;
    /* Watches of folders that left the list go with the descriptor. */
    wf_file_close(&w->fd);
    forget_folders(w);
    w->warned = false;
    w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w->fd < 0)
        return;
    w->home_wd = inotify_add_watch(w->fd, w->home->dir, IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE);
    for (size_t i = 0; i < list.n_paths; i++)
        watch_tree(w, list.paths[i], 0);
    w->rescan = true;
}

/* How long to sleep: until the changes have settled, or the next look at everything. */
static int wait_ms(const struct watcher *w)
{
    int64_t due;

    if (w->rescan)
        return 0;
    if (w->changed.n_items == 0)
        return RESCAN_MS;
    due = WF_MIN(w->last_ms + SETTLE_MS, w->first_ms + MAX_WAIT_MS) - now_ms();
    return due < 0 ? 0 : (int)due;
}

/* Reading is its work, so all files may be read; everything else is given up. */
static int lock_down(struct wf_log *log)
{
    static const char *const read_dirs[] = {"/", NULL};
    const struct wf_sandbox_options o = {.kind = WF_SANDBOX_WATCH, .read_dirs = read_dirs};
    struct wf_err err = WF_ERR_INIT;
    int rc = wf_sandbox_enter(&o, &err);

    if (rc != 0)
        wf_log_line(log, WF_LOG_ERROR, "watcher", "no protection, so no watching: %s", err.msg);
    return rc;
}

int wf_watcher_run(const struct wf_home *home, struct wf_log *log)
{
    struct sigaction sa = {.sa_handler = on_term};
    struct watcher w = {.home = home, .log = log, .fd = -1, .home_wd = -1};

    if (lock_down(log) != 0)
        return -1;
    sigemptyset(&sa.sa_mask);
    sigaction(SIGTERM, &sa, NULL); /* without SA_RESTART: poll must wake up */
    wf_map_init(&w.folders, FOLDERS_MAX);
    wf_map_init(&w.changed, CHANGED_MAX);
    load_list(&w);
    while (!stop_flag) {
        struct pollfd p = {.fd = w.fd, .events = POLLIN};
        int n = poll(&p, 1, wait_ms(&w));
        if (n > 0)
            read_events(&w);
        else if (n == 0 && w.changed.n_items == 0)
            w.rescan = true;
        if (w.list_changed)
            load_list(&w);
        if (!stop_flag && wait_ms(&w) == 0)
            flush(&w);
    }
    wf_file_close(&w.fd);
    forget_folders(&w);
    wf_map_deinit(&w.folders);
    wf_map_deinit(&w.changed);
    wf_watch_list_free(&w.list);
    return 0;
}
