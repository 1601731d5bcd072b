/* SPDX-License-Identifier: Apache-2.0 */
/* What a person asks for: pinning, opening, a model. Who asks waits and looks now and then how far
 * it is; the thread does the work. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "mesh/blobs_internal.h"
#include "os/file.h"

#define LOOK_MS 50
/* Nodes that are about to connect are waited for. */
#define CONNECT_MS 4000
#define MODEL_MS 3000
/* While a model comes, for a connection to be back. */
#define LOST_MS 60000

static void pause_a_moment(struct wf_blobs *b)
{
    struct timespec pause = {0, LOOK_MS * 1000000L};

    (void)b;
    (void)nanosleep(&pause, NULL); /* shorter is no harm */
}

static int find(struct wf_blobs *b, struct wf_str words, struct wf_arena *arena,
                struct wf_paper *out, struct wf_err *err)
{
    struct wf_reader *r = NULL;
    int rc = wf_store_reader_get(b->o.store, &r, err);

    if (rc != 0)
        return rc;
    rc = wf_paper_find(r, words, arena, out, err);
    wf_store_reader_put(b->o.store, r);
    return rc;
}

int wf_blobs_is_away(struct wf_blobs *b, struct wf_str uid, bool *out, struct wf_err *err)
{
    struct wf_arena arena;
    struct wf_paper p;
    int rc;

    wf_arena_init(&arena, 8192, (size_t)4 << 20);
    rc = find(b, uid, &arena, &p, err);
    if (rc == 0)
        *out = p.state == WF_PAPER_ELSEWHERE || p.state == WF_PAPER_TEXT;
    wf_arena_deinit(&arena);
    return rc;
}

/* The row is to be as `p`, and looked at. Work is held by nobody who calls. */
static int change(struct wf_blobs *b, const struct wf_paper *p, struct wf_err *err)
{
    int rc;

    pthread_mutex_lock(&b->work);
    rc = wf_blobs__put(b, p, err);
    b->is_wanting = b->is_evicting = true;
    pthread_mutex_unlock(&b->work);
    wf_blobs_poke(b);
    return rc;
}

int wf_blobs_pin(struct wf_blobs *b, struct wf_str words, bool is_pinned, struct wf_err *err)
{
    struct wf_arena arena;
    struct wf_paper p;
    int rc;

    wf_arena_init(&arena, 8192, (size_t)4 << 20);
    rc = find(b, words, &arena, &p, err);
    if (rc == 0) {
        p.is_pinned = is_pinned;
        if (!is_pinned)
            p.used_ms = 0; /* the first to go */
        p.problem = WF_STR("");
        if (p.state != WF_PAPER_HERE)
            p.wanted = wf_blobs__wants(b, &p);
        rc = change(b, &p, err);
    }
    wf_arena_deinit(&arena);
    return rc;
}

void wf_blobs_opened(struct wf_blobs *b, int64_t space, const uint8_t hash[WF_HASH_BYTES])
{
    struct wf_arena arena;
    struct wf_paper p;

    if (b == NULL)
        return;
    wf_arena_init(&arena, 8192, (size_t)4 << 20);
    pthread_mutex_lock(&b->work);
    if (wf_blobs__get(b, space, hash, &arena, &p, NULL) == 0 && !p.is_own) {
        p.used_ms = wf_clock_wall_ms(b->o.clock);
        (void)!wf_blobs__put(b, &p, NULL);
    }
    pthread_mutex_unlock(&b->work);
    wf_arena_deinit(&arena);
}

/* ---- a document ---- */

/* How far a fetch is: 0: it goes on, NOENT: nobody has it, else what stands in the way. */
static int look_at(struct wf_blobs *b, const struct wf_paper *p, bool may_wait, uint64_t *out_done,
                   struct wf_err *err)
{
    const struct wf_fetch *f;
    int rc = 0;

    pthread_mutex_lock(&b->work);
    f = wf_blobs__fetch_of(b, p->space, p->hash);
    *out_done = f == NULL ? 0 : f->n_here;
    if (!may_wait &&
        (wf_list_empty(&b->peers) || (f != NULL && f->state == WF_FETCH_WAITS && f->again_ns != 0)))
        rc = f != NULL && f->failure.code != 0
                 ? wf_err_set(err, f->failure.code, "%s", f->failure.msg)
                 : wf_err_set(err, WF_E_NOENT,
                              "No device that has \"%s\" is connected. It comes once one is.",
                              p->name.ptr);
    pthread_mutex_unlock(&b->work);
    return rc;
}

/* The row as it is now; the arena is emptied. */
static int again(struct wf_blobs *b, struct wf_paper *io, struct wf_arena *arena,
                 struct wf_err *err)
{
    struct wf_paper before = *io;

    wf_arena_reset(arena);
    return wf_blobs__get(b, before.space, before.hash, arena, io, err);
}

static int await(struct wf_blobs *b, struct wf_paper *p, struct wf_arena *arena,
                 wf_blobs_progress_fn progress, void *ud, struct wf_err *err)
{
    int64_t since_ns = wf_clock_mono_ns(NULL);
    uint64_t done = 0;
    int rc = 0;

    while (rc == 0 && p->state != WF_PAPER_HERE) {
        bool may_wait = wf_clock_mono_ns(NULL) - since_ns < CONNECT_MS * INT64_C(1000000);
        rc = look_at(b, p, may_wait, &done, err);
        if (rc == 0 && progress != NULL && progress(ud, done, p->bytes) != 0)
            rc = wf_err_set(err, WF_E_CANCELED, "Canceled. What came is kept.");
        pause_a_moment(b);
        if (rc == 0)
            rc = again(b, p, arena, err);
        if (rc == 0 && p->state != WF_PAPER_HERE && p->wanted == WF_PAPER_NOT_WANTED)
            rc = wf_err_set(err, p->problem.len > 0 ? WF_E_FORMAT : WF_E_NOENT, "%s",
                            p->problem.len > 0 ? p->problem.ptr : "It is not here any more.");
    }
    return rc;
}

int wf_blobs_fetch(struct wf_blobs *b, struct wf_str words, wf_blobs_progress_fn progress, void *ud,
                   char out_uid[WF_UID_BYTES + 1], struct wf_err *err)
{
    struct wf_arena arena;
    struct wf_paper p;
    int rc;

    wf_arena_init(&arena, 8192, (size_t)4 << 20);
    rc = find(b, words, &arena, &p, err);
    if (rc == 0 && p.state != WF_PAPER_HERE) {
        p.wanted = WF_PAPER_ASKED_FOR;
        p.problem = WF_STR("");
        rc = change(b, &p, err);
        if (rc == 0)
            rc = await(b, &p, &arena, progress, ud, err);
    }
    if (rc == 0 && out_uid != NULL) {
        (void)snprintf(out_uid, WF_UID_BYTES + 1, "%.*s", WF_STR_ARG(p.uid));
        wf_blobs_opened(b, p.space, p.hash);
    }
    wf_arena_deinit(&arena);
    return rc;
}

/* ---- a model ---- */

static void ask_all(struct wf_blobs *b, struct wf_blobs_poll *q)
{
    const struct wf_blobs_message m = {
        .kind = WF_BLOBS_ASK_MODEL, .id = ++b->last_id, .body = q->name};

    q->id = m.id;
    q->n_asked = q->n_answered = 0;
    for (struct wf_list *it = b->peers.next; it != &b->peers; it = it->next) {
        struct wf_blobs_peer *p = WF_CONTAINER(it, struct wf_blobs_peer, node);
        if (p->is_other)
            continue;
        q->n_asked += wf_blobs__send(b, p, &m, NULL) == 0;
    }
}

int wf_blobs_model(struct wf_blobs *b, struct wf_str name, json_t **out,
                   char out_node[WF_DEVICES_NAME_BYTES + 1], struct wf_err *err)
{
    struct wf_blobs_poll q = {.name = name};
    int64_t until_ns = wf_clock_mono_ns(NULL) + MODEL_MS * INT64_C(1000000);
    const struct wf_blobs_peer *p;
    bool is_over = false;

    if (name.len == 0 || name.len > 500)
        return wf_err_set(err, WF_E_NOENT, "That is no model's name.");
    pthread_mutex_lock(&b->work);
    wf_list_push(&b->polls, &q.node);
    ask_all(b, &q);
    pthread_mutex_unlock(&b->work);
    while (!is_over) {
        pthread_mutex_lock(&b->work);
        is_over = q.model != NULL || q.n_answered >= q.n_asked || wf_clock_mono_ns(NULL) > until_ns;
        if (is_over)
            wf_list_remove(&q.node);
        p = q.peer == 0 ? NULL : wf_blobs__peer(b, q.peer);
        (void)snprintf(out_node, WF_DEVICES_NAME_BYTES + 1, "%s",
                       p == NULL ? "another device" : p->entry.name);
        pthread_mutex_unlock(&b->work);
        if (!is_over)
            pause_a_moment(b);
    }
    if (q.model == NULL)
        return wf_err_set(err, WF_E_NOENT, "No connected device has that model.");
    *out = q.model;
    return 0;
}

/* Opens or makes the file; what it has is kept. */
static int open_file(struct wf_fetch *f, const char *path, struct wf_err *err)
{
    struct stat st;

    f->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (f->fd < 0 || fstat(f->fd, &st) != 0)
        return wf_err_errno(err, errno, "A model's file cannot be written");
    if ((uint64_t)st.st_size > f->n_bytes)
        return ftruncate(f->fd, 0) == 0 ? 0
                                        : wf_err_errno(err, errno, "A model's file is in the way");
    f->n_here = f->asked_to = (uint64_t)st.st_size;
    return 0;
}

/* How it stands: true: it is over. */
static bool look_at_file(struct wf_blobs *b, struct wf_fetch *f, int64_t *io_alive_ns,
                         uint64_t *out_done, struct wf_err *err)
{
    int64_t now_ns = wf_clock_mono_ns(NULL);
    bool is_over;

    pthread_mutex_lock(&b->work);
    if (f->state == WF_FETCH_RUNS)
        *io_alive_ns = now_ns;
    *out_done = f->n_here;
    is_over = f->state == WF_FETCH_DONE || f->again_ns != 0 ||
              now_ns - *io_alive_ns > LOST_MS * INT64_C(1000000);
    if (is_over && f->failure.code != 0)
        *err = f->failure;
    else if (is_over && f->n_here < f->n_bytes)
        (void)wf_err_set(err, WF_E_NOENT,
                         "The device that has the model is not connected any "
                         "more. What came is kept: the same command goes on from there.");
    pthread_mutex_unlock(&b->work);
    return is_over;
}

int wf_blobs_model_file(struct wf_blobs *b, const uint8_t sha256[32], uint64_t bytes,
                        const char *path, wf_blobs_progress_fn progress, void *ud,
                        struct wf_err *err)
{
    struct wf_err own = WF_ERR_INIT;
    int64_t alive_ns = wf_clock_mono_ns(NULL);
    struct wf_fetch *f;
    uint64_t done = 0;
    int rc = 0;

    pthread_mutex_lock(&b->work);
    f = wf_blobs__fetch_new(b, WF_BLOBS_MODEL_FILE, sha256, bytes);
    rc = f == NULL ? wf_blobs__no_memory(err) : open_file(f, path, err);
    if (rc != 0 && f != NULL)
        wf_blobs__fetch_end(b, f, false);
    pthread_mutex_unlock(&b->work);
    if (rc != 0 || f == NULL)
        return rc;
    wf_blobs_poke(b);
    while (rc == 0 && !look_at_file(b, f, &alive_ns, &done, &own)) {
        if (progress != NULL && progress(ud, done, bytes) != 0)
            (void)wf_err_set(&own, WF_E_CANCELED, "Canceled. The same command goes on from here.");
        rc = own.code;
        pause_a_moment(b);
    }
    pthread_mutex_lock(&b->work);
    wf_blobs__fetch_end(b, f, false);
    pthread_mutex_unlock(&b->work);
    return own.code == 0 ? 0 : wf_err_set(err, own.code, "%s", own.msg);
}
