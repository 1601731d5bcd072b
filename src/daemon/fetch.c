/* SPDX-License-Identifier: Apache-2.0 */
/* The fetching process: locks itself down, finds out what belongs to a name, brings the files.
 *
 * libcurl and OpenSSL are initialised before the lock, since they look for their settings then; the
 * request is parsed behind it. The process checks lengths only: whether the bytes are the right
 * ones and make a model is for the core to say, which will use them. */
#include "daemon/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "base/clock.h"
#include "daemon/fetch_internal.h"
#include "op/json.h"
#include "os/file.h"
#include "os/sandbox.h"
#include "os/sock.h"

/* Plans of thousands of files, a few texts, answers of servers. */
#define ARENA_BYTES_MAX ((size_t)64 << 20)
#define MEMORY_BYTES_MAX ((uint64_t)2 << 30)
#define SEND_TIMEOUT_MS 30000
#define PROGRESS_EVERY_NS 200000000
#define LOCK_WAIT_NS INT64_C(10000000000)
#define REQUEST_FRAME_MAX ((size_t)1 << 20)

/* ---- messages ---- */

static int send_frame(struct wf_fetch *f, json_t *frame)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_LIMIT_FRAME_BYTES);
    rc = frame ? wf_json_append(&b, frame) : WF_E_NOMEM;
    if (rc == 0)
        rc = wf_sock_send_frame(f->fd, b.ptr, b.len, -1, SEND_TIMEOUT_MS, NULL);
    wf_buf_deinit(&b);
    json_decref(frame);
    return rc;
}

static void send_error(struct wf_fetch *f, const struct wf_err *err)
{
    const char *name = wf_err_name(err->code);
    int rc = send_frame(f, json_pack("{s:{s:s, s:s}}", "error", "code",
                                     strncmp(name, "WF_E_", 5) == 0 ? name + 5 : name, "message",
                                     err->msg));

    (void)rc; /* a core that is gone hears nothing */
}

static json_t *plan_json(const struct wf_fetch__found *found)
{
    json_t *files = json_array();
    char name[32];

    for (size_t i = 0; i < found->plan.n_files; i++) {
        const struct wf_fetch_file *file = &found->plan.files[i];
        snprintf(name, sizeof(name), "part-%zu", i + 1);
        json_array_append_new(files, json_pack("{s:s, s:I, s:s}", "digest", file->digest, "bytes",
                                               (json_int_t)file->bytes, "file", name));
    }
    return json_pack("{s:{s:s, s:s, s:s, s:o, s:O, s:b}}", "plan", "name", found->name, "source",
                     found->source, "family", found->plan.family, "files", files, "extra",
                     found->extra, "projector", (int)found->plan.has_projector);
}

/* Hears which files the core has already. *out_have is a new reference. */
static int hear_have(struct wf_fetch *f, json_t **out_have, struct wf_err *err)
{
    struct wf_buf b;
    json_t *v = NULL;
    bool eof = false;
    int rc;

    wf_buf_init(&b, REQUEST_FRAME_MAX);
    rc = wf_sock_recv_frame(f->fd, &b, NULL, &eof, 0, err);
    if (rc == 0 && eof)
        rc = wf_err_set(err, WF_E_CANCELED, "Canceled.");
    if (rc == 0)
        rc = wf_json_parse(wf_buf_str(&b), &v, err);
    wf_buf_deinit(&b);
    if (rc == 0)
        *out_have = json_incref(json_object_get(v, "have"));
    json_decref(v);
    return rc;
}

/* ---- the files ---- */

struct going {
    struct wf_fetch *f;
    uint64_t before, all; /* bytes of files before this one, of all files */
    int64_t told_ns;
};

static int tell(void *ud, uint64_t n_done, uint64_t n_all)
{
    struct going *g = ud;
    int64_t now_ns = wf_clock_mono_ns(NULL);

    if (wf_fetch__is_given_up(g->f))
        return 1;
    if (now_ns - g->told_ns < PROGRESS_EVERY_NS && n_done != n_all)
        return 0;
    g->told_ns = now_ns;
    return send_frame(g->f, json_pack("{s:{s:I, s:I}}", "progress", "done",
                                      (json_int_t)(g->before + n_done), "all",
                                      (json_int_t)WF_MAX(g->all, g->before + n_all)));
}

static int bring_files(struct wf_fetch *f, const struct wf_fetch_plan *plan, const json_t *have,
                       struct wf_err *err)
{
    struct going g = {.f = f};
    char name[32];
    int rc = 0;

    for (size_t i = 0; i < plan->n_files; i++) {
        if (!json_is_true(json_array_get(have, i)))
            g.all += plan->files[i].bytes;
    }
    for (size_t i = 0; rc == 0 && i < plan->n_files; i++) {
        if (json_is_true(json_array_get(have, i)))
            continue;
        snprintf(name, sizeof(name), "part-%zu", i + 1);
        rc = wf_fetch__transfer(f, &plan->files[i], name, tell, &g, err);
        g.before += plan->files[i].bytes;
    }
    return rc;
}

static int read_request(struct wf_fetch *f, const json_t *q, struct wf_fetch_target *out,
                        struct wf_err *err)
{
    const struct wf_fetch_places places = {.registry = wf_json_text(q, "registry"),
                                           .hub = wf_json_text(q, "hub")};
    const char *token = wf_json_text(q, "token");
    int rc = wf_fetch_target(wf_json_text(q, "name"), &places, out, err);

    if (rc == 0 && token[0] && strcspn(token, "\r\n") == strlen(token) &&
        !(f->token = wf_arena_printf(&f->arena, "%s", token)))
        rc = wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    return rc;
}

static int work(struct wf_fetch *f, const json_t *q, struct wf_err *err)
{
    struct wf_fetch__found found = {.name = ""};
    const char *digest = wf_json_text(q, "digest");
    struct wf_fetch_target t;
    json_t *have = NULL;
    int rc = read_request(f, q, &t, err);

    found.extra = json_object();
    if (rc == 0 && (!found.extra || !(f->multi = curl_multi_init())))
        rc = wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    if (rc == 0)
        rc = wf_fetch__find(f, &t, &found, err);
    if (rc == 0 && digest[0] && found.plan.n_files == 1 && !found.plan.files[0].digest[0])
        snprintf(found.plan.files[0].digest, sizeof(found.plan.files[0].digest), "%s", digest);
    if (rc == 0 && send_frame(f, plan_json(&found)) != 0)
        rc = wf_err_set(err, WF_E_CANCELED, "Canceled.");
    if (rc == 0)
        rc = hear_have(f, &have, err);
    if (rc == 0)
        rc = bring_files(f, &found.plan, have, err);
    if (f->multi)
        (void)curl_multi_cleanup(f->multi); /* fails for our own mistakes only */
    json_decref(have);
    json_decref(found.extra);
    return rc;
}

/* ---- the process ---- */

static int lock_down(const struct wf_fetch_options *o, const char *dir, struct wf_err *err)
{
    const char *const write_dirs[] = {dir, NULL};
    /* What names are resolved and certificates are checked with. */
    const char *const read_dirs[] = {
        "/etc/resolv.conf",
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
        o->ca_file,
        NULL,
    };
    const struct wf_sandbox_options so = {.kind = WF_SANDBOX_FETCH,
                                          .read_dirs = read_dirs,
                                          .write_dirs = write_dirs,
                                          .memory_bytes_max = MEMORY_BYTES_MAX,
                                          .threads = true};

    return wf_sandbox_enter(&so, err);
}

/* The process that an earlier core started may still be ending. */
static int take_folder(const char *dir, int *out_fd, struct wf_err *err)
{
    int64_t until_ns = wf_clock_mono_ns(NULL) + LOCK_WAIT_NS;
    char path[WF_LIMIT_PATH_BYTES];
    int n = snprintf(path, sizeof(path), "%s/lock", dir), rc;

    if (n < 0 || (size_t)n >= sizeof(path))
        return wf_err_set(err, WF_E_LIMIT, "The path of the models' folder is too long.");
    while ((rc = wf_file_lock(path, out_fd, err)) == WF_E_BUSY) {
        if (wf_clock_mono_ns(NULL) > until_ns)
            return wf_err_set(err, rc, "That model is being downloaded already.");
        (void)poll(NULL, 0, 50); /* a pause, nothing to wait on */
    }
    return rc;
}

int wf_fetch_run(const struct wf_fetch_options *o, const char *dir, int fd, struct wf_str request)
{
    struct wf_fetch f = {.fd = fd, .dir = dir, .ca_file = o->ca_file};
    struct wf_err err = WF_ERR_INIT;
    json_t *q = NULL;
    int lock_fd = -1;
    int rc = 0;

    wf_sandbox_resolver();
    if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
        rc = wf_err_set(&err, WF_E_NOMEM, "Out of memory.");
    wf_arena_init(&f.arena, 0, ARENA_BYTES_MAX);
    if (rc == 0)
        rc = lock_down(o, dir, &err);
    if (rc == 0)
        rc = take_folder(dir, &lock_fd, &err);
    if (rc == 0)
        rc = wf_json_parse(request, &q, &err);
    if (rc == 0)
        rc = work(&f, q, &err);
    if (rc != 0)
        send_error(&f, &err);
    else if (send_frame(&f, json_pack("{s:b}", "done", 1)) != 0)
        rc = WF_E_CANCELED;
    json_decref(q);
    wf_arena_deinit(&f.arena);
    wf_file_close(&lock_fd);
    curl_global_cleanup();
    return rc == 0 ? 0 : 1;
}
