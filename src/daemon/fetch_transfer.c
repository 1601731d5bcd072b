/* SPDX-License-Identifier: Apache-2.0 */
/* One file, over several connections at once, resumable.
 *
 * The file is cut into pieces; each connection takes the next one that is not whole. How much of
 * each piece is there is written down every few seconds, after the bytes themselves were made
 * durable: whatever happens, the next try asks for the rest only. A state is used again only for a
 * file of the same length, and, where no digest will tell whether the whole is right, with the same
 * ETag or date on the server.
 *
 * What fails on the way (a connection that breaks, a server that is busy) is tried again with
 * pauses that double; a byte that comes sets the count back. */
#include "daemon/fetch_transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "os/file.h"

#define TICK_MS 200
#define SAVE_EVERY_NS INT64_C(5000000000)
#define FAILURES_MAX 6
#define PAUSE_NS INT64_C(250000000) /* before the first new try; it doubles */
/* Left free on the disk: full disks break more than this download. */
#define SPARE_BYTES ((uint64_t)128 << 20)
#define STATE_BYTES_MAX ((size_t)16 << 20)

struct job {
    struct wf_transfer t;
    char path[WF_LIMIT_PATH_BYTES], state_path[WF_LIMIT_PATH_BYTES];
    int64_t saved_ns, next_try_ns;
    uint64_t saved_received;
};

/* ---- the state ---- */

static bool read_state(struct job *j)
{
    struct wf_buf b;
    bool ok;

    wf_buf_init(&b, STATE_BYTES_MAX);
    ok = wf_file_read(j->state_path, &b, NULL) == 0 &&
         wf_fetch_state_parse(wf_buf_str(&b), &j->t.state);
    wf_buf_deinit(&b);
    return ok;
}

static int save_state(struct job *j, struct wf_err *err)
{
    struct wf_buf b;
    int rc = 0;

    j->saved_ns = wf_clock_mono_ns(NULL);
    j->saved_received = j->t.n_received;
    if (j->t.state.bytes == 0)
        return 0; /* of unknown length: it begins anew each time */
    if (fdatasync(j->t.fd) != 0)
        return wf_err_errno(err, errno, "The model cannot be made durable");
    wf_buf_init(&b, STATE_BYTES_MAX);
    rc = wf_fetch_state_print(&j->t.state, &b);
    if (rc == 0)
        rc = wf_file_replace(j->state_path, b.ptr, b.len, 0600, err);
    else
        rc = wf_err_set(err, rc, "Out of memory.");
    wf_buf_deinit(&b);
    return rc;
}

/* Takes up the state of an earlier try when it fits, else an empty one. */
static int begin_state(struct job *j, uint64_t bytes, const char *etag, struct wf_err *err)
{
    bool is_checked_later = j->t.file->digest[0] != '\0';

    if (read_state(j)) {
        if (j->t.state.bytes == bytes &&
            (is_checked_later || (etag[0] && strcmp(j->t.state.etag, etag) == 0)))
            return 0;
        wf_fetch_state_deinit(&j->t.state);
    }
    return wf_fetch_state_init(&j->t.state, bytes, etag, err);
}

/* ---- before the first byte ---- */

static int check_space(const struct job *j, struct wf_err *err)
{
    uint64_t missing = j->t.state.bytes - wf_fetch_state_done(&j->t.state), free_bytes;
    struct statvfs v;
    struct stat st;

    if (statvfs(j->t.f->dir, &v) != 0 || fstat(j->t.fd, &st) != 0)
        return 0; /* writing will tell */
    free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
    if (free_bytes >= SPARE_BYTES && missing <= free_bytes - SPARE_BYTES)
        return 0;
    return wf_err_set(err, WF_E_FULL,
                      "%.1f GB are missing of the model, and %.1f GB are free on the disk. Free "
                      "some space, or remove a model: weft models rm NAME",
                      (double)missing / 1e9, (double)free_bytes / 1e9);
}

static int open_file(struct job *j, struct wf_err *err)
{
    j->t.fd = open(j->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (j->t.fd < 0)
        return wf_err_errno(err, errno, "The download cannot be written to %s", j->path);
    return 0;
}

/* Finds out what the plan does not say, and takes up what there is. */
static int prepare(struct job *j, struct wf_err *err)
{
    const struct wf_fetch_file *file = j->t.file;
    struct wf_fetch__probe p = {.bytes = file->bytes, .has_ranges = true};
    struct stat st;
    int rc = file->bytes == 0 ? wf_fetch__probe(j->t.f, file->url, &p, err) : 0;

    if (rc == 0)
        rc = open_file(j, err);
    if (rc == 0)
        rc = begin_state(j, p.bytes, p.etag, err);
    if (rc != 0)
        return rc;
    j->t.no_ranges = !p.has_ranges || p.bytes == 0;
    if (j->t.no_ranges && wf_fetch_state_done(&j->t.state) < p.bytes)
        memset(j->t.state.done, 0, j->t.state.n_pieces * sizeof(*j->t.state.done));
    /* A file that was lost, or shortened, is not what the state says. */
    if (fstat(j->t.fd, &st) != 0 || (uint64_t)st.st_size != p.bytes) {
        memset(j->t.state.done, 0, j->t.state.n_pieces * sizeof(*j->t.state.done));
        if ((rc = check_space(j, err)) == 0 && ftruncate(j->t.fd, (off_t)p.bytes) != 0)
            rc = wf_err_errno(err, errno, "The download cannot be written to %s", j->path);
    } else {
        rc = check_space(j, err);
    }
    j->t.is_busy = wf_alloc_array(j->t.state.n_pieces + 1, sizeof(*j->t.is_busy));
    if (rc == 0 && !j->t.is_busy)
        rc = wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    return rc;
}

/* ---- the work ---- */

static bool is_complete(const struct job *j)
{
    if (j->t.state.bytes == 0)
        return j->t.is_finished;
    return wf_fetch_state_done(&j->t.state) == j->t.state.bytes;
}

/* Gives a free slot something to do; false when there is nothing, or an error. */
static bool give_work(struct job *j, struct wf_slot *s)
{
    struct wf_transfer *t = &j->t;
    size_t i = 0;

    *s = (struct wf_slot){.t = t};
    if (t->no_ranges) {
        s->is_whole = true;
        s->end = t->state.bytes ? t->state.bytes : UINT64_MAX;
        memset(t->state.done, 0, t->state.n_pieces * sizeof(*t->state.done));
        return wf_slot__start(s, t->file->url);
    }
    while (i < t->state.n_pieces &&
           (t->is_busy[i] || t->state.done[i] == wf_fetch_piece_bytes(&t->state, i)))
        i++;
    if (i == t->state.n_pieces)
        return false;
    s->i_piece = i;
    s->at = i * WF_FETCH_PIECE_BYTES + t->state.done[i];
    s->end = i * WF_FETCH_PIECE_BYTES + wf_fetch_piece_bytes(&t->state, i);
    t->is_busy[i] = true;
    return wf_slot__start(s, t->file->url);
}

static void fill_slots(struct job *j)
{
    size_t n = j->t.no_ranges ? 1 : WF_FETCH_SLOTS;

    if (wf_clock_mono_ns(NULL) < j->next_try_ns)
        return;
    for (size_t i = 0; i < n && j->t.rc == 0; i++) {
        struct wf_slot *s = &j->t.slots[i];
        if (!s->easy && !is_complete(j) && !give_work(j, s)) {
            wf_slot__stop(s); /* what of it was begun */
            break;
        }
    }
}

static void stop_all(struct job *j)
{
    for (size_t i = 0; i < WF_FETCH_SLOTS; i++)
        wf_slot__stop(&j->t.slots[i]);
    if (j->t.is_busy)
        memset(j->t.is_busy, 0, j->t.state.n_pieces * sizeof(*j->t.is_busy));
}

static void take_end(struct job *j, struct wf_slot *s, CURLcode code)
{
    struct wf_transfer *t = &j->t;
    size_t i_piece = s->i_piece;
    bool is_whole = s->is_whole, has_come_on = s->is_checked && !s->is_whole;

    switch (wf_slot__finish(s, code)) {
    case WF_SLOT_GOES_ON:
        return;
    case WF_SLOT_DONE:
        t->is_finished = is_whole;
        break;
    case WF_SLOT_FAILED:
        if (has_come_on)
            break; /* it brought something: the next try begins there, at once */
        if (++t->n_failures > FAILURES_MAX)
            t->rc = t->err.code;
        j->next_try_ns = wf_clock_mono_ns(NULL) + (PAUSE_NS << WF_MIN(t->n_failures, 8u));
        break;
    case WF_SLOT_NO_RANGES:
        stop_all(j);
        return;
    case WF_SLOT_FATAL:
        break;
    }
    if (!is_whole && t->is_busy)
        t->is_busy[i_piece] = false;
}

static void read_ends(struct job *j)
{
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(j->t.f->multi, &left)) != NULL) {
        CURLcode code = m->data.result;
        char *slot = NULL;
        if (m->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &slot); /* cannot fail */
        take_end(j, (struct wf_slot *)(void *)slot, code);
    }
}

static int work(struct job *j, wf_fetch__progress_fn progress, void *ud, struct wf_err *err)
{
    struct wf_transfer *t = &j->t;
    int running;

    while (t->rc == 0 && !is_complete(j)) {
        uint64_t done = t->state.bytes ? wf_fetch_state_done(&t->state) : t->n_received;
        if (progress(ud, done, t->state.bytes) != 0)
            return wf_err_set(err, WF_E_CANCELED, "Canceled.");
        fill_slots(j);
        if (t->rc == 0 && curl_multi_perform(t->f->multi, &running) != CURLM_OK)
            return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
        read_ends(j);
        if (wf_clock_mono_ns(NULL) - j->saved_ns > SAVE_EVERY_NS &&
            j->saved_received != t->n_received) {
            int rc = save_state(j, err);
            if (rc != 0)
                return rc;
        }
        struct curl_waitfd hangup = {.fd = t->f->fd, .events = CURL_WAIT_POLLIN};
        if (t->rc == 0 && !is_complete(j))
            (void)curl_multi_poll(t->f->multi, &hangup, 1, TICK_MS, NULL); /* perform tells */
    }
    if (t->rc != 0)
        return wf_err_set(err, t->rc, "%s", t->err.msg);
    (void)!progress(ud, t->state.bytes, t->state.bytes); /* nothing is left to be canceled */
    return 0;
}

int wf_fetch__transfer(struct wf_fetch *f, const struct wf_fetch_file *file, const char *name,
                       wf_fetch__progress_fn progress, void *ud, struct wf_err *err)
{
    struct job j = {.t = {.f = f, .file = file, .fd = -1}};
    int n = snprintf(j.path, sizeof(j.path), "%s/%s", f->dir, name);
    int k = snprintf(j.state_path, sizeof(j.state_path), "%s/%s.state", f->dir, name);
    int rc;

    if (n < 0 || k < 0 || (size_t)k >= sizeof(j.state_path))
        return wf_err_set(err, WF_E_LIMIT, "The path of the models' folder is too long.");
    j.saved_ns = wf_clock_mono_ns(NULL);
    rc = prepare(&j, err);
    if (rc == 0)
        rc = work(&j, progress, ud, err);
    stop_all(&j);
    if (rc == 0)
        rc = save_state(&j, err);
    else if (j.t.is_busy)
        (void)!save_state(&j, NULL); /* the first failure is the one to tell */
    if (rc == WF_E_FORMAT) {         /* what came cannot be trusted */
        (void)!wf_file_remove(j.state_path, NULL);
        (void)!wf_file_remove(j.path, NULL);
    }
    wf_free(j.t.is_busy);
    wf_fetch_state_deinit(&j.t.state);
    wf_file_close(&j.t.fd);
    return rc;
}
