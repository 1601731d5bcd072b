/* SPDX-License-Identifier: Apache-2.0 */
/* The airlock process: what it opens before it locks itself down, and its loop.
 *
 * One thread does all but waiting for the disk, which is the ledger's thread's: a request that
 * passed the check is posted to the ledger, and sent when the ledger says that its entry is
 * durable; while one write is under way the next ones gather. The loop waits for providers
 * (libcurl says for which sockets), core and the ledger alike; what is told to core in one turn
 * goes with one call. */
#include "daemon/airlock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "daemon/airlock_internal.h"
#include "os/file.h"
#include "os/sandbox.h"
#include "route/keys.h"

#define MEMORY_BYTES_MAX ((uint64_t)4 << 30)
#define CALLS_MAX 4096
#define TURN_MS 1000
#define READ_BYTES ((size_t)256 << 10)
/* What may wait for core beyond the windows: failures of requests. */
#define OUT_BYTES_MAX ((size_t)1 << 30)
#define LEDGER_RETRY_NS INT64_C(2000000000)
#define FRAME_HEAD_BYTES 4
/* So long an answer's entry waits for what core reports of it. */
#define REPORT_WAIT_NS INT64_C(120000000000)
#define SWEEP_NS INT64_C(1000000000)
#define NS_PER_MS 1000000
#define EVENTS_MAX 64
#define TIMER_TURNS 8
/* To providers, for the next requests. */
#define CONNECTIONS_KEPT 256L

static volatile sig_atomic_t stop_flag;

static void on_term(int sig)
{
    (void)sig;
    stop_flag = 1;
}

/* ---- to core ---- */

void wf_airlock__tell(struct wf_airlock *a, const struct wf_airlock_frame *f)
{
    size_t at = a->out.len;

    (void)wf_buf_append_u32le(&a->out, 0); /* the end tells */
    if (wf_airlock_frame_write(f, &a->out) != 0) {
        a->is_over = true; /* no memory: core must not wait for what cannot be told */
        return;
    }
    for (size_t i = 0, n = a->out.len - at - FRAME_HEAD_BYTES; i < FRAME_HEAD_BYTES; i++)
        a->out.ptr[at + i] = (char)(n >> (8 * i) & 0xff);
}

void wf_airlock__tell_failed(struct wf_airlock *a, uint64_t id, const struct wf_err *err)
{
    const struct wf_airlock_frame f = {
        .kind = WF_AIRLOCK_FAILED, .id = id, .code = err->code, .text = wf_str_from(err->msg)};

    wf_airlock__tell(a, &f);
}

static void flush(struct wf_airlock *a)
{
    while (a->out_at < a->out.len) {
        ssize_t n = send(a->o->fd, a->out.ptr + a->out_at, a->out.len - a->out_at,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            a->is_over = a->is_over || errno != EAGAIN;
            return;
        }
        a->out_at += (size_t)n;
    }
    wf_buf_reset(&a->out);
    a->out_at = 0;
}

/* ---- the ledger ---- */

void wf_airlock__note(struct wf_airlock *a, const struct wf_ledger_entry *e)
{
    if (a->ledger != NULL && wf_ledger_note(a->ledger, e, NULL) != 0)
        wf_log_line(a->o->log, WF_LOG_WARN, "airlock", "an entry did not get into the ledger");
}

/* Thread: the ledger's. */
static void logged(void *ud, uint64_t seq, const struct wf_err *err)
{
    struct wf_airlock_out *c = ud;
    struct wf_airlock *a = c->a;

    const uint64_t one = 1;
    bool is_first;

    pthread_mutex_lock(&a->lock);
    is_first = wf_list_empty(&a->logged);
    c->seq = err == NULL ? seq : 0;
    if (err != NULL)
        c->log_err = *err;
    wf_list_push(&a->logged, &c->logged_node);
    pthread_mutex_unlock(&a->lock);
    if (is_first)                                    /* the loop takes all of them */
        (void)!write(a->wake_fd, &one, sizeof(one)); /* a full counter wakes, too */
}

/* Opens it where it is not; a failure is told to whoever asks. */
static int open_ledger(struct wf_airlock *a, struct wf_err *err)
{
    const struct wf_ledger_options o = {.dir = a->o->home->ledger,
                                        .key_path = a->o->home->ledger_key};
    int64_t now_ns = wf_clock_mono_ns(NULL);
    int rc;

    if (a->is_ledger_bad && a->n_unlogged == 0) {
        wf_ledger_close(a->ledger);
        a->ledger = NULL;
        a->is_ledger_bad = false;
    }
    if (a->ledger != NULL)
        return 0;
    if (a->ledger_err.code != 0 && now_ns - a->ledger_tried_ns < LEDGER_RETRY_NS)
        return wf_err_set(err, a->ledger_err.code, "%s", a->ledger_err.msg);
    a->ledger_tried_ns = now_ns;
    a->ledger_err = (struct wf_err)WF_ERR_INIT;
    rc = wf_ledger_open(&o, &a->ledger, &a->ledger_err);
    if (rc != 0) {
        wf_err_prefix(&a->ledger_err, "Nothing leaves without the ledger");
        wf_log_line(a->o->log, WF_LOG_ERROR, "airlock", "%s", a->ledger_err.msg);
        return wf_err_set(err, rc, "%s", a->ledger_err.msg);
    }
    return 0;
}

static int post(struct wf_airlock_out *c, const struct wf_airlock_frame *f, struct wf_err *err)
{
    struct wf_ledger_count counts[WF_AIRLOCK_COUNTS_MAX];
    const struct wf_ledger_entry e = {.kind = WF_LEDGER_REQUEST,
                                      .request_id = f->request_id,
                                      .engine = wf_str_from(c->engine->name),
                                      .to = wf_str_from(c->engine->provider),
                                      .model = f->model,
                                      .reason = f->reason,
                                      .label = f->label,
                                      .is_released = f->is_released,
                                      .release = f->release,
                                      .counts = counts,
                                      .n_counts = f->n_counts,
                                      .bytes = f->text.len};
    int rc;

    for (size_t i = 0; i < f->n_counts; i++)
        counts[i] = (struct wf_ledger_count){.type = f->counts[i].type, .n = f->counts[i].n};
    rc = open_ledger(c->a, err);
    if (rc == 0)
        rc = wf_ledger_post(c->a->ledger, &e, logged, c, err);
    if (rc == 0)
        c->a->n_unlogged++;
    return rc;
}

static int post_given(struct wf_airlock_out *c, const struct wf_airlock_frame *f,
                      struct wf_err *err)
{
    const struct wf_ledger_count count = {.type = f->counts[0].type, .n = f->counts[0].n};
    struct wf_ledger_entry e = {.kind = f->seq == 0 ? WF_LEDGER_GIVEN : WF_LEDGER_GIVEN_ALL,
                                .request_seq = f->seq,
                                .request_id = f->request_id,
                                .engine = f->engine,
                                .to = f->to,
                                .model = f->model,
                                .reason = f->reason,
                                .label = f->label,
                                .counts = &count,
                                .n_counts = count.n > 0, /* none: it did not go after all */
                                .bytes = f->bytes};
    int rc = open_ledger(c->a, err);

    memcpy(e.sealed, f->sealed, sizeof(e.sealed));
    if (rc == 0)
        rc = wf_ledger_post(c->a->ledger, &e, logged, c, err);
    if (rc == 0)
        c->a->n_unlogged++;
    return rc;
}

static void note_refusal(struct wf_airlock *a, const struct wf_airlock_frame *f,
                         const struct wf_err *why)
{
    struct wf_ledger_entry e = {.kind = WF_LEDGER_REFUSAL,
                                .request_id = f->request_id,
                                .engine = f->engine,
                                .model = f->model,
                                .reason = wf_str_from(why->msg),
                                .label = f->is_released ? f->release.from : f->label};

    if (open_ledger(a, NULL) == 0)
        wf_airlock__note(a, &e);
}

/* The entry of what is given is there, or it is not: core waits for the word. */
static void tell_given(struct wf_airlock_out *c, const struct wf_err *err)
{
    const struct wf_airlock_frame f = {.kind = WF_AIRLOCK_END, .id = c->id, .seq = c->seq};

    if (err->code != 0)
        wf_airlock__tell_failed(c->a, c->id, err);
    else
        wf_airlock__tell(c->a, &f);
    wf_airlock__drop(c);
}

/* Sends what the ledger has; drops what core has given up meanwhile. */
static void take_logged(struct wf_airlock *a)
{
    struct wf_list *it, *tmp, done;

    wf_list_init(&done);
    pthread_mutex_lock(&a->lock);
    WF_LIST_EACH(it, tmp, &a->logged)
    {
        wf_list_remove(it);
        wf_list_push(&done, it);
    }
    pthread_mutex_unlock(&a->lock);
    WF_LIST_EACH(it, tmp, &done)
    {
        struct wf_airlock_out *c = WF_CONTAINER(it, struct wf_airlock_out, logged_node);
        struct wf_err err = WF_ERR_INIT;
        int rc = c->log_err.code;
        wf_list_remove(it);
        a->n_unlogged--;
        c->is_logged = true;
        if (rc != 0) {
            a->is_ledger_bad = true;
            (void)wf_err_set(&err, rc, "Nothing leaves without the ledger: %s", c->log_err.msg);
        } else if (c->is_given) {
            rc = 0;
        } else if (c->is_canceled) {
            rc = wf_err_set(&err, WF_E_CANCELED, "Canceled before anything was sent.");
        } else {
            rc = wf_airlock__start(c, &err);
        }
        if (c->is_given)
            tell_given(c, &err);
        else if (rc != 0)
            wf_airlock__fail(c, &err);
    }
}

/* ---- from core ---- */

static struct wf_airlock_out *find(struct wf_airlock *a, uint64_t id)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &a->calls[id % WF_AIRLOCK_BUCKETS])
    {
        struct wf_airlock_out *c = WF_CONTAINER(it, struct wf_airlock_out, node);
        if (c->id == id && !c->is_canceled)
            return c;
    }
    return NULL;
}

static int check(struct wf_airlock *a, const struct wf_airlock_frame *f,
                 const struct wf_engine_entry **out_engine, struct wf_err *err)
{
    const struct wf_engine_entry *e = a->engines ? wf_engines_find(a->engines, f->engine) : NULL;

    *out_engine = e;
    if (a->broken.code != 0)
        return wf_err_set(err, a->broken.code, "%s", a->broken.msg);
    if (e == NULL)
        return wf_err_set(err, WF_E_NOENT, "There is no engine \"%.*s\".",
                          (int)WF_MIN(f->engine.len, (size_t)40), f->engine.ptr);
    if (a->n_calls >= CALLS_MAX)
        return wf_err_set(err, WF_E_BUSY, "Too many requests are under way.");
    if (f->is_released)
        return wf_airlock__check_released(&a->check, &a->used, e, f, wf_clock_wall_ms(NULL), err);
    return wf_airlock__check(&a->check, e, f->label, f->text, err);
}

static void take_request(struct wf_airlock *a, const struct wf_airlock_frame *f)
{
    const struct wf_engine_entry *engine = NULL;
    struct wf_airlock_out *c = NULL;
    struct wf_err err = WF_ERR_INIT;
    int rc = check(a, f, &engine, &err);

    if (rc != 0)
        note_refusal(a, f, &err);
    if (rc == 0)
        c = wf_airlock__new(a, f, engine);
    if (rc == 0 && c == NULL)
        rc = wf_err_set(&err, WF_E_NOMEM, "Out of memory.");
    if (rc == 0)
        rc = post(c, f, &err);
    if (rc != 0) {
        wf_airlock__tell_failed(a, f->id, &err);
        wf_airlock__drop(c);
    }
}

/* What core hands to another person's device, or has handed over. */
static void take_given(struct wf_airlock *a, const struct wf_airlock_frame *f)
{
    struct wf_airlock_out *c = NULL;
    struct wf_err err = WF_ERR_INIT;
    int rc = 0;

    if (f->label == WF_LABEL_SECRET)
        rc = wf_err_set(&err, WF_E_DENIED, "What is secret is on no other device.");
    else if (a->n_calls >= CALLS_MAX)
        rc = wf_err_set(&err, WF_E_BUSY, "Too many requests are under way.");
    else if ((c = wf_airlock__new(a, f, NULL)) == NULL)
        rc = wf_err_set(&err, WF_E_NOMEM, "Out of memory.");
    if (rc == 0) {
        c->is_given = true;
        rc = post_given(c, f, &err);
    }
    if (rc != 0) {
        wf_airlock__tell_failed(a, f->id, &err);
        wf_airlock__drop(c);
    }
}

static void take_cancel(struct wf_airlock *a, uint64_t id)
{
    struct wf_airlock_out *c = find(a, id);
    struct wf_err err = WF_ERR_INIT;

    if (c == NULL)
        return;
    c->is_canceled = true;
    if (!c->is_logged)
        return; /* the ledger still holds it */
    (void)wf_err_set(&err, WF_E_CANCELED, "Canceled.");
    wf_airlock__fail(c, &err);
}

static bool take_frame(struct wf_airlock *a, struct wf_str payload)
{
    struct wf_airlock_frame f;
    struct wf_airlock_out *c;

    if (wf_airlock_frame_read(payload, &f, NULL) != 0)
        return false;
    switch (f.kind) {
    case WF_AIRLOCK_REQUEST:
        take_request(a, &f);
        return true;
    case WF_AIRLOCK_GIVEN:
        take_given(a, &f);
        return true;
    case WF_AIRLOCK_CANCEL:
        take_cancel(a, f.id);
        return true;
    case WF_AIRLOCK_REPORT:
        c = find(a, f.id);
        if (c != NULL)
            wf_airlock__report(c, &f);
        return true;
    case WF_AIRLOCK_CREDIT:
        c = find(a, f.id);
        if (c != NULL)
            wf_airlock__credit(c, f.number);
        return true;
    default:
        return false; /* airlock's own kinds */
    }
}

/* Reads what core sent, and takes the frames that are whole. */
static void hear(struct wf_airlock *a)
{
    size_t at = 0;
    ssize_t n;

    if (wf_buf_reserve(&a->in, READ_BYTES) != 0) {
        a->is_over = true;
        return;
    }
    n = recv(a->o->fd, a->in.ptr + a->in.len, READ_BYTES, MSG_DONTWAIT);
    if (n <= 0) {
        a->is_over = n == 0 || (errno != EAGAIN && errno != EINTR);
        return;
    }
    wf_buf_commit(&a->in, (size_t)n);
    while (!a->is_over && a->in.len - at >= FRAME_HEAD_BYTES) {
        size_t len = 0;
        for (size_t i = 0; i < FRAME_HEAD_BYTES; i++)
            len |= (size_t)(unsigned char)a->in.ptr[at + i] << (8 * i);
        if (len > WF_LIMIT_FRAME_BYTES)
            a->is_over = true;
        else if (a->in.len - at - FRAME_HEAD_BYTES < len)
            break;
        else
            a->is_over = !take_frame(
                a, wf_str_n(a->in.ptr + at + FRAME_HEAD_BYTES, len)); /* a core that lies */
        at += FRAME_HEAD_BYTES + len;
    }
    wf_buf_consume(&a->in, WF_MIN(at, a->in.len));
}

/* ---- the loop ---- */

static void take_ended(struct wf_airlock *a)
{
    CURLMsg *m;
    int n_left;

    while ((m = curl_multi_info_read(a->multi, &n_left)) != NULL) {
        struct wf_airlock_out *c = NULL;
        CURLcode code = m->data.result;
        if (m->msg != CURLMSG_DONE ||
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c) != CURLE_OK || c == NULL)
            continue;
        wf_airlock__finish(c, code);
    }
}

/* Writes down the answers of which core has reported nothing for too long; all that have ended
 * where nobody is there any more. */
static void sweep(struct wf_airlock *a, bool all)
{
    int64_t now_ns = wf_clock_mono_ns(NULL);
    struct wf_list *it, *tmp;

    if (!all && now_ns - a->swept_ns < SWEEP_NS)
        return;
    a->swept_ns = now_ns;
    for (size_t i = 0; i < WF_AIRLOCK_BUCKETS; i++) {
        WF_LIST_EACH(it, tmp, &a->calls[i])
        {
            struct wf_airlock_out *c = WF_CONTAINER(it, struct wf_airlock_out, node);
            if (c->is_ended && (all || now_ns - c->ended_ns > REPORT_WAIT_NS))
                wf_airlock__close(c);
        }
    }
}

/* libcurl: of which socket it wants to know what. `known`: something once it is watched. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ud, void *known)
{
    struct wf_airlock *a = ud;
    struct epoll_event e = {.data.fd = fd};

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(a->epoll_fd, EPOLL_CTL_DEL, fd, &e); /* it may be closed already */
        return 0;
    }
    e.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
               (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    if (epoll_ctl(a->epoll_fd, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e) != 0)
        return -1;
    (void)curl_multi_assign(a->multi, fd, a); /* fails for our own mistakes only */
    return 0;
}

static int on_timer(CURLM *multi, long ms, void *ud)
{
    struct wf_airlock *a = ud;

    (void)multi;
    a->timer_ns = ms < 0 ? INT64_MAX : wf_clock_mono_ns(NULL) + (int64_t)ms * NS_PER_MS;
    return 0;
}

static void act(struct wf_airlock *a, curl_socket_t fd, uint32_t events)
{
    int mask = (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
               (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    int n_running;

    (void)curl_multi_socket_action(a->multi, fd, mask, &n_running); /* transfers tell their own */
}

/* What is due: at most so often, since libcurl may set it to "now" again. */
static void act_by_time(struct wf_airlock *a)
{
    for (int i = 0; i < TIMER_TURNS && wf_clock_mono_ns(NULL) >= a->timer_ns; i++) {
        a->timer_ns = INT64_MAX;
        act(a, CURL_SOCKET_TIMEOUT, 0);
    }
}

static int wait_ms(const struct wf_airlock *a)
{
    int64_t left_ns;

    if (a->timer_ns == INT64_MAX)
        return TURN_MS;
    left_ns = a->timer_ns - wf_clock_mono_ns(NULL);
    return left_ns <= 0 ? 0 : (int)WF_MIN(left_ns / NS_PER_MS + 1, (int64_t)TURN_MS);
}

static void watch_core(struct wf_airlock *a)
{
    const bool wants_out = a->out_at < a->out.len;
    struct epoll_event e = {.events = EPOLLIN | (wants_out ? (uint32_t)EPOLLOUT : 0),
                            .data.fd = a->o->fd};

    if (wants_out == a->watches_out)
        return;
    a->watches_out = wants_out;
    a->is_over = a->is_over || epoll_ctl(a->epoll_fd, EPOLL_CTL_MOD, a->o->fd, &e) != 0;
}

static void take_event(struct wf_airlock *a, const struct epoll_event *e)
{
    uint64_t n;

    if (e->data.fd == a->wake_fd)
        (void)!read(a->wake_fd, &n, sizeof(n)); /* what it woke for is looked at in each turn */
    else if (e->data.fd != a->o->fd)
        act(a, e->data.fd, e->events);
    else if ((e->events & ~(uint32_t)EPOLLOUT) != 0)
        hear(a);
}

static void loop(struct wf_airlock *a)
{
    struct epoll_event events[EVENTS_MAX];

    while (!a->is_over && !stop_flag) {
        int n = epoll_wait(a->epoll_fd, events, EVENTS_MAX, wait_ms(a));
        if (n < 0 && errno != EINTR)
            break;
        for (int i = 0; i < n && !a->is_over; i++)
            take_event(a, &events[i]);
        take_logged(a);
        act_by_time(a);
        take_ended(a);
        flush(a);
        watch_core(a);
        sweep(a, false);
    }
    sweep(a, true);
}

/* ---- start and end ---- */

static int read_keys(struct wf_airlock *a, struct wf_err *err)
{
    a->keys = wf_alloc_array(a->engines->n + 1, sizeof(*a->keys));
    if (a->keys == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    for (size_t i = 0; i < a->engines->n; i++) {
        struct wf_err own = WF_ERR_INIT;
        wf_buf_init(&a->keys[i], WF_KEY_BYTES_MAX);
        if (a->engines->items[i].has_key &&
            wf_key_get(a->o->home->keys, a->engines->items[i].name, &a->keys[i], &own) != 0)
            wf_log_line(a->o->log, WF_LOG_WARN, "airlock", "%s", own.msg); /* told when asked for */
    }
    return 0;
}

/* What is read once, before the lock. A failure makes it refuse everything. */
static void read_all(struct wf_airlock *a)
{
    const struct wf_home *h = a->o->home;
    const struct wf_policy_options policy = {.name = h->policy, .user_home = a->o->user_home};
    const struct wf_detect_options detect = {.plain_only = false};
    int rc = wf_engines_load(h->engines, &a->engines, &a->broken);

    if (rc == 0)
        rc = read_keys(a, &a->broken);
    if (rc == 0)
        rc = access(h->policy, F_OK) != 0 && errno == ENOENT
                 ? wf_policy_built_in(&a->policy, &a->broken)
                 : wf_policy_load(h->policy, &policy, &a->policy, &a->broken);
    if (rc == 0)
        rc = wf_detector_open(&detect, &a->detector, &a->broken);
    if (rc == 0)
        rc = wf_detect_run_new(a->detector, &a->check.run, &a->broken);
    a->check.policy = a->policy;
    wf_airlock__used_read(&a->used, h->ledger, wf_clock_wall_ms(NULL));
    if (rc != 0) {
        wf_err_prefix(&a->broken, "Nothing leaves");
        wf_log_line(a->o->log, WF_LOG_ERROR, "airlock", "%s", a->broken.msg);
    }
}

static int lock_down(struct wf_airlock *a, struct wf_err *err)
{
    char key_dir[WF_LIMIT_PATH_BYTES];
    const char *const write_dirs[] = {a->o->home->ledger, key_dir, NULL};
    /* What names are resolved and certificates are checked with. */
    const char *const read_dirs[] = {"/etc/resolv.conf",
                                     "/etc/hosts",
                                     "/etc/host.conf",
                                     "/etc/gai.conf",
                                     "/etc/nsswitch.conf",
                                     "/etc/services",
                                     "/etc/ssl",
                                     "/usr/lib/ssl",
                                     "/usr/share/ca-certificates",
                                     "/usr/local/share/ca-certificates",
                                     "/etc/localtime",
                                     a->o->ca_file,
                                     NULL};
    const struct wf_sandbox_options so = {.kind = WF_SANDBOX_AIRLOCK,
                                          .read_dirs = read_dirs,
                                          .write_dirs = write_dirs,
                                          .memory_bytes_max = MEMORY_BYTES_MAX,
                                          .threads = true};
    int rc;

    snprintf(key_dir, sizeof(key_dir), "%s", a->o->home->ledger_key);
    *strrchr(key_dir, '/') = '\0';
    rc = wf_file_mkdirs(a->o->home->ledger, err);
    if (rc == 0)
        rc = wf_file_mkdirs(key_dir, err);
    if (rc == 0)
        rc = wf_sandbox_enter(&so, err);
    if (rc != 0)
        wf_err_prefix(err, "The airlock does not run without protection");
    return rc;
}

static void finish(struct wf_airlock *a)
{
    struct wf_list *it, *tmp;

    wf_ledger_close(a->ledger); /* nobody is told of anything any more: the calls may go */
    for (size_t i = 0; i < WF_AIRLOCK_BUCKETS; i++) {
        WF_LIST_EACH(it, tmp, &a->calls[i])
        {
            wf_airlock__drop(WF_CONTAINER(it, struct wf_airlock_out, node));
        }
    }
    wf_airlock__forget_handles(a);
    (void)curl_multi_cleanup(a->multi); /* fails for our own mistakes only */
    wf_file_close(&a->epoll_fd);
    wf_file_close(&a->wake_fd);
    wf_detect_run_free(a->check.run);
    wf_buf_deinit(&a->check.plain);
    wf_detector_free(a->detector);
    wf_policy_free(a->policy);
    for (size_t i = 0; a->keys != NULL && i < a->engines->n; i++) {
        wf_key_forget(&a->keys[i]);
        wf_buf_deinit(&a->keys[i]);
    }
    wf_free(a->keys);
    wf_engines_free(a->engines);
    wf_buf_deinit(&a->in);
    wf_buf_deinit(&a->out);
    pthread_mutex_destroy(&a->lock);
    curl_global_cleanup();
}

/* What the loop waits with; before the lock, behind which no such thing is made. */
static bool open_loop(struct wf_airlock *a)
{
    struct epoll_event e = {.events = EPOLLIN};
    bool ok = (a->multi = curl_multi_init()) != NULL;

    a->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    a->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    a->timer_ns = INT64_MAX;
    ok = ok && a->epoll_fd >= 0 && a->wake_fd >= 0;
    e.data.fd = a->wake_fd;
    ok = ok && epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, a->wake_fd, &e) == 0;
    e.data.fd = a->o->fd;
    ok = ok && epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, a->o->fd, &e) == 0;
    ok = ok && curl_multi_setopt(a->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK;
    ok = ok && curl_multi_setopt(a->multi, CURLMOPT_SOCKETDATA, a) == CURLM_OK;
    ok = ok && curl_multi_setopt(a->multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK;
    ok = ok && curl_multi_setopt(a->multi, CURLMOPT_TIMERDATA, a) == CURLM_OK;
    return ok && curl_multi_setopt(a->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT) == CURLM_OK;
}

int wf_airlock_run(const struct wf_airlock_options *o)
{
    struct wf_airlock a = {.o = o, .epoll_fd = -1, .wake_fd = -1};
    struct sigaction sa = {.sa_handler = on_term};
    struct wf_err err = WF_ERR_INIT;
    int rc;

    sigemptyset(&sa.sa_mask);
    sigaction(SIGTERM, &sa, NULL);
    (void)signal(SIGINT, SIG_IGN); /* the supervisor says when; valid signals: cannot fail */
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < WF_AIRLOCK_BUCKETS; i++)
        wf_list_init(&a.calls[i]);
    wf_list_init(&a.idle);
    wf_list_init(&a.logged);
    pthread_mutex_init(&a.lock, NULL);
    wf_buf_init(&a.in, WF_LIMIT_FRAME_BYTES + READ_BYTES + FRAME_HEAD_BYTES);
    wf_buf_init(&a.out, OUT_BYTES_MAX);
    wf_buf_init(&a.check.plain, WF_LIMIT_FRAME_BYTES);
    wf_sandbox_resolver();
    (void)wf_file_open_max(CALLS_MAX +
                           64); /* with fewer, connections fail when there are too many */
    rc = curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK && open_loop(&a)
             ? 0
             : wf_err_set(&err, WF_E_NOMEM, "Out of memory.");
    if (rc == 0) {
        read_all(&a);
        rc = lock_down(&a, &err);
    }
    if (rc == 0) {
        (void)!open_ledger(&a, NULL); /* told to whoever asks */
        loop(&a);
    } else {
        wf_log_line(o->log, WF_LOG_ERROR, "airlock", "%s", err.msg);
    }
    finish(&a);
    return rc == 0 ? 0 : 1;
}
