/* SPDX-License-Identifier: Apache-2.0 */
/* The client's half of "add": batches of stats out, descriptors for what is needed, results in.
 *
 * Neither side can block the other: before anything is sent, results are read until it can be sent
 * without waiting, and what is sent is small enough for that. With a full window only results are
 * read. */
#include "daemon/add.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "op/json.h"
#include "os/file.h"

struct session {
    struct wf_client *c;
    const struct wf_walk *w;
    const struct wf_add_options *o;
    struct wf_add_result result;
    struct wf_add_progress progress;
    size_t n_under_way;
    uint64_t bytes_under_way;
    bool have_need; /* the answer to the batch that was sent last */
    size_t n_need;
    size_t need[WF_ADD_BATCH]; /* indexes into the walk's files */
    size_t batch_first, batch_n;
};

static void report(struct session *s, const char *path, const char *status, const char *reason)
{
    s->progress.path = path;
    s->progress.status = status;
    s->progress.reason = reason;
    if (s->o->fn)
        s->o->fn(s->o->ud, &s->progress);
}

static void settle(struct session *s, size_t i, const char *status, const char *reason)
{
    if (strcmp(status, "added") == 0)
        s->result.n_added++;
    else if (strcmp(status, "unchanged") == 0)
        s->result.n_unchanged++;
    else
        s->result.n_failed++;
    s->progress.n_done++;
    s->progress.bytes_done += s->w->files[i].bytes;
    report(s, s->w->files[i].path, status, reason);
}

static json_t *describe(const struct wf_walk_file *f)
{
    return json_pack("[s, I, I, I, I]", f->path, (json_int_t)f->bytes, (json_int_t)f->mtime_ns,
                     (json_int_t)f->ino, (json_int_t)f->dev);
}

static int receive(struct session *s, bool *out_ended, struct wf_err *err);

static int send_owned(struct session *s, json_t *frame, int fd, struct wf_err *err)
{
    int rc = 0;

    if (!frame)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    while (rc == 0 && wf_client_wait(s->c))
        rc = receive(s, NULL, err);
    if (rc == 0)
        rc = wf_client_send(s->c, frame, fd, err);
    json_decref(frame);
    return rc;
}

static int malformed(struct wf_err *err)
{
    return wf_err_set(err, WF_E_FORMAT, "The core's answer is malformed.");
}

/* Those that failed before and have not changed. */
static int take_failed(struct session *s, const json_t *failed, struct wf_err *err)
{
    json_t *v;
    size_t k;

    json_array_foreach(failed, k, v)
    {
        json_int_t i = json_integer_value(json_array_get(v, 0));
        if (i < 0 || (size_t)i >= s->batch_n)
            return malformed(err);
        settle(s, s->batch_first + (size_t)i, "failed", json_string_value(json_array_get(v, 1)));
        s->progress.bytes_done -= s->w->files[s->batch_first + (size_t)i].bytes;
    }
    return 0;
}

static int take_need(struct session *s, const json_t *frame, struct wf_err *err)
{
    const json_t *need = json_object_get(frame, "need"), *failed = json_object_get(frame, "failed");
    size_t n = json_array_size(need), n_failed = json_array_size(failed), n_unchanged;

    if (n + n_failed > s->batch_n || take_failed(s, failed, err) != 0)
        return malformed(err);
    n_unchanged = s->batch_n - n - n_failed;
    for (size_t k = 0; k < n; k++) {
        json_int_t i = json_integer_value(json_array_get(need, k));
        if (i < 0 || (size_t)i >= s->batch_n)
            return malformed(err);
        s->need[k] = s->batch_first + (size_t)i;
    }
    s->n_need = n;
    s->have_need = true;
    s->result.n_unchanged += n_unchanged;
    s->progress.n_done += n_unchanged;
    for (size_t i = s->batch_first; i < s->batch_first + s->batch_n; i++)
        s->progress.bytes_done += s->w->files[i].bytes;
    for (size_t k = 0; k < n; k++)
        s->progress.bytes_done -= s->w->files[s->need[k]].bytes;
    if (n_unchanged > 0)
        report(s, NULL, "unchanged", NULL);
    return 0;
}

static int take_done(struct session *s, const json_t *done, struct wf_err *err)
{
    json_int_t id = json_integer_value(json_object_get(done, "id"));
    const char *status = json_string_value(json_object_get(done, "status"));

    if (id < 0 || (size_t)id >= s->w->n_files || !status || s->n_under_way == 0)
        return malformed(err);
    s->n_under_way--;
    s->bytes_under_way -= s->w->files[id].bytes;
    settle(s, (size_t)id, status, json_string_value(json_object_get(done, "reason")));
    return 0;
}

/* Receives one frame and acts on it; *out_ended (may be NULL) when the result came. */
static int receive(struct session *s, bool *out_ended, struct wf_err *err)
{
    json_t *frame = NULL;
    const json_t *v;
    int rc = wf_client_recv(s->c, &frame, err);

    if (rc != 0)
        return rc;
    if ((v = json_object_get(frame, "done"))) {
        rc = take_done(s, v, err);
    } else if ((v = json_object_get(frame, "progress"))) {
        json_int_t id = json_integer_value(json_object_get(v, "id"));
        if (id >= 0 && (size_t)id < s->w->n_files)
            report(s, s->w->files[id].path, NULL, NULL);
    } else if (json_object_get(frame, "need")) {
        rc = take_need(s, frame, err);
    } else if ((v = json_object_get(frame, "error"))) {
        rc = wf_client_error(v, err);
    } else if (json_object_get(frame, "result") && out_ended) {
        *out_ended = true;
    } else {
        rc = malformed(err);
    }
    json_decref(frame);
    return rc;
}

/* Opens and hands over one file; what cannot be opened is settled as failed. */
static int hand_over(struct session *s, size_t i, struct wf_err *err)
{
    struct wf_walk_file f = s->w->files[i];
    struct stat st;
    int rc, fd = open(f.path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        settle(s, i, "failed",
               fd < 0 && errno == ENOENT   ? "It was gone before it could be read."
               : fd < 0 && errno == EACCES ? "You may not read it (permission denied)."
                                           : "It cannot be opened.");
        wf_file_close(&fd);
        return 0;
    }
    f.bytes = (uint64_t)st.st_size;
    f.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    rc = send_owned(s, json_pack("{s:o, s:I}", "file", describe(&f), "id", (json_int_t)i), fd, err);
    wf_file_close(&fd);
    if (rc == 0) {
        s->n_under_way++;
        s->bytes_under_way += s->w->files[i].bytes;
    }
    return rc;
}

static bool stopped(const struct session *s)
{
    return s->o->stop && *s->o->stop != 0;
}

/* As many files as may be asked about in one frame. */
static void choose_batch(struct session *s, size_t first)
{
    size_t bytes = 0;

    s->batch_first = first;
    s->batch_n = 0;
    while (first + s->batch_n < s->w->n_files && s->batch_n < WF_ADD_BATCH &&
           bytes < WF_ADD_BATCH_BYTES)
        bytes += strlen(s->w->files[first + s->batch_n++].path);
}

/* Many small files, or few large ones: who stops waits for what is under way. */
static bool is_window_full(const struct session *s)
{
    return s->n_under_way >= WF_ADD_WINDOW ||
           (s->n_under_way >= WF_ADD_WINDOW_LEAST && s->bytes_under_way >= WF_ADD_WINDOW_BYTES);
}

static int one_batch(struct session *s, struct wf_err *err)
{
    json_t *stat = json_array();
    int rc;

    s->have_need = false;
    for (size_t i = 0; i < s->batch_n; i++)
        json_array_append_new(stat, describe(&s->w->files[s->batch_first + i]));
    rc = send_owned(s, json_pack("{s:o}", "stat", stat), -1, err);
    while (rc == 0 && !s->have_need)
        rc = receive(s, NULL, err);
    for (size_t k = 0; rc == 0 && k < s->n_need && !stopped(s); k++) {
        while (rc == 0 && is_window_full(s))
            rc = receive(s, NULL, err);
        if (rc == 0)
            rc = hand_over(s, s->need[k], err);
    }
    return rc;
}

int wf_add_files(struct wf_client *c, const struct wf_walk *w, const struct wf_add_options *o,
                 struct wf_add_result *out, struct wf_err *err)
{
    struct session *s = wf_alloc_array(1, sizeof(*s));
    bool ended = false;
    int rc;

    if (!s)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    s->c = c;
    s->w = w;
    s->o = o;
    s->progress.n_all = w->n_files;
    s->progress.bytes_all = w->bytes;
    rc = send_owned(s,
                    json_pack("{s:s, s:{s:s, s:b}}", "op", "add", "params", "space",
                              o->space ? o->space : "me", "retry", (int)o->retry),
                    -1, err);
    for (size_t i = 0; rc == 0 && i < w->n_files && !stopped(s); i += s->batch_n) {
        choose_batch(s, i);
        rc = one_batch(s, err);
    }
    if (rc == 0)
        rc = send_owned(s, json_pack("{s:b}", "end", 1), -1, err);
    while (rc == 0 && !ended)
        rc = receive(s, &ended, err);
    if (rc == 0 && s->n_under_way != 0)
        rc = malformed(err);
    *out = s->result;
    wf_free(s);
    return rc;
}
