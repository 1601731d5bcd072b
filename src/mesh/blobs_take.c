/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches: a few at once, each from one node at a time. Pieces are asked for in their order and
 * come in it, so what comes next is known: anything else is nonsense. When the node is gone or has
 * no more, the next one that may have the rest is asked.
 *
 *   WAITS -> RUNS (a node) -> TAKING (the intake) -> over
 *     ^--------'  the node is lost, has it not, or sends nonsense */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "mesh/blobs_internal.h"
#include "os/file.h"
#include "store/blob.h"

#define AGAIN_NS INT64_C(60000000000)
/* Nothing comes of it though the node is connected. */
#define STALLED_NS INT64_C(60000000000)

/* ---- life ---- */

struct wf_fetch *wf_blobs__fetch_new(struct wf_blobs *b, enum wf_blobs_what what,
                                     const uint8_t hash[WF_BLOBS_HASH_BYTES], uint64_t n_bytes)
{
    struct wf_fetch *f = wf_alloc_array(1, sizeof(*f));

    if (f == NULL)
        return NULL;
    f->what = what;
    f->n_bytes = n_bytes;
    f->fd = f->list_fd = -1;
    f->failure = (struct wf_err)WF_ERR_INIT;
    memcpy(f->hash, hash, sizeof(f->hash));
    wf_map_init(&f->by_hash, (size_t)1 << 24);
    wf_buf_init(&f->part, WF_PIECE_BYTES_MAX);
    wf_list_push(&b->fetches, &f->node);
    b->n_fetches++;
    return f;
}

/* What was asked for is not waited for any more. */
static void reset(struct wf_blobs *b, struct wf_fetch *f)
{
    const struct wf_blobs_message stop = {.kind = WF_BLOBS_STOP, .id = f->id};
    struct wf_blobs_peer *p = f->peer == 0 ? NULL : wf_blobs__peer(b, f->peer);

    if (p != NULL && (f->n_outstanding > 0 || f->is_asking))
        (void)!wf_blobs__send(b, p, &stop, NULL); /* else it comes, and is passed over */
    for (size_t i = 0; i < f->n_pieces; i++) {
        if (f->pieces[i].state == WF_PIECE_ASKED)
            f->pieces[i].state = WF_PIECE_MISSING;
    }
    f->n_outstanding = 0;
    f->asked_to = f->n_here;
    f->i_ask = f->i_next = 0;
    f->is_asking = false;
    f->peer = 0;
    f->id = 0;
    wf_buf_reset(&f->part);
    if (f->state == WF_FETCH_RUNS)
        f->state = WF_FETCH_WAITS;
}

void wf_blobs__fetch_end(struct wf_blobs *b, struct wf_fetch *f, bool forgets)
{
    reset(b, f);
    if (forgets)
        wf_blobs__part_remove(f);
    wf_list_remove(&f->node);
    b->n_fetches--;
    wf_file_close(&f->fd);
    wf_file_close(&f->list_fd);
    wf_map_deinit(&f->by_hash);
    wf_buf_deinit(&f->part);
    wf_free(f->pieces);
    wf_free(f->path);
    wf_free(f->name);
    wf_free(f->uid);
    wf_free(f);
}

struct wf_fetch *wf_blobs__fetch_of(const struct wf_blobs *b, int64_t space,
                                    const uint8_t hash[WF_HASH_BYTES])
{
    for (struct wf_list *it = b->fetches.next; it != &b->fetches; it = it->next) {
        struct wf_fetch *f = WF_CONTAINER(it, struct wf_fetch, node);
        if (f->what == WF_BLOBS_DOCUMENT && memcmp(f->hash, hash, sizeof(f->hash)) == 0 &&
            (space == 0 || f->space == space))
            return f;
    }
    return NULL;
}

/* This node has it not, or sends nonsense: others are asked. */
static void give_up_on(struct wf_blobs *b, struct wf_fetch *f, uint64_t peer)
{
    reset(b, f);
    if (f->n_tried < WF_ARRAY_LEN(f->tried))
        f->tried[f->n_tried++] = peer;
}

/* It cannot be kept here now. */
static void failed(struct wf_blobs *b, struct wf_fetch *f, const struct wf_err *err)
{
    wf_blobs__log(b, "%s: %s", f->name == NULL ? "a model's file" : f->name, err->msg);
    reset(b, f);
    f->failure = *err;
    f->again_ns = wf_clock_mono_ns(NULL) + AGAIN_NS;
    if (f->what == WF_BLOBS_MODEL_FILE)
        f->state = WF_FETCH_DONE;
}

void wf_blobs__lost(struct wf_blobs *b, uint64_t peer)
{
    for (struct wf_list *it = b->fetches.next; it != &b->fetches; it = it->next) {
        struct wf_fetch *f = WF_CONTAINER(it, struct wf_fetch, node);
        if (f->peer == peer)
            reset(b, f);
    }
}

void wf_blobs__try_again(struct wf_blobs *b)
{
    for (struct wf_list *it = b->fetches.next; it != &b->fetches; it = it->next) {
        struct wf_fetch *f = WF_CONTAINER(it, struct wf_fetch, node);
        f->n_tried = 0;
        f->again_ns = 0;
    }
}

/* ---- asking ---- */

static bool was_tried(const struct wf_fetch *f, uint64_t peer)
{
    for (size_t i = 0; i < f->n_tried; i++) {
        if (f->tried[i] == peer)
            return true;
    }
    return false;
}

/* Whether somebody who was not asked yet may be: another person's device of what it may read. */
static bool may_ask(struct wf_blobs *b, const struct wf_fetch *f, const struct wf_blobs_peer *p)
{
    if (was_tried(f, p->id))
        return false;
    return !p->is_other || (f->what == WF_BLOBS_DOCUMENT && b->o.may_read != NULL &&
                            b->o.may_read(b->o.ud, p->entry.device, f->space_uid, f->label));
}

/* Own devices before others'. */
static struct wf_blobs_peer *next_peer(struct wf_blobs *b, const struct wf_fetch *f)
{
    for (int is_other = 0; is_other < 2; is_other++) {
        for (struct wf_list *it = b->peers.next; it != &b->peers; it = it->next) {
            struct wf_blobs_peer *p = WF_CONTAINER(it, struct wf_blobs_peer, node);
            if (p->is_other == (is_other == 1) && may_ask(b, f, p))
                return p;
        }
    }
    return NULL;
}

static void choose_peer(struct wf_blobs *b, struct wf_fetch *f)
{
    int64_t now_ns = wf_clock_mono_ns(NULL);
    const struct wf_blobs_peer *p;

    if (now_ns < f->again_ns)
        return;
    if (f->again_ns != 0) {
        f->again_ns = 0;
        f->n_tried = 0;
    }
    if (f->what == WF_BLOBS_DOCUMENT)
        wf_blobs__space_uid(b, f->space, f->space_uid);
    p = next_peer(b, f);
    if (p != NULL) {
        f->peer = p->id;
        f->id = ++b->last_id;
        f->state = WF_FETCH_RUNS;
        f->moved_ns = now_ns;
    } else if (!wf_list_empty(&b->peers)) {
        f->again_ns = now_ns + AGAIN_NS;
    }
}

static uint64_t outstanding(const struct wf_blobs *b)
{
    uint64_t n = 0;

    for (struct wf_list *it = b->fetches.next; it != &b->fetches; it = it->next)
        n += WF_CONTAINER(it, struct wf_fetch, node)->n_outstanding;
    return n;
}

static int want(struct wf_blobs *b, struct wf_blobs_peer *p, struct wf_fetch *f, uint64_t from,
                uint64_t n)
{
    struct wf_blobs_message m = {
        .kind = WF_BLOBS_WANT, .id = f->id, .what = f->what, .from = from, .n_bytes = n};
    int rc;

    memcpy(m.hash, f->hash, sizeof(m.hash));
    memcpy(m.space, f->space_uid, sizeof(m.space));
    rc = wf_blobs__send(b, p, &m, NULL);
    if (rc == 0)
        f->n_outstanding += n;
    return rc;
}

/* The next run of pieces that are missing. false: there is none now. */
static bool want_pieces(struct wf_blobs *b, struct wf_blobs_peer *p, struct wf_fetch *f)
{
    size_t first = f->i_ask, last;
    uint64_t n = 0;

    while (first < f->n_pieces && f->pieces[first].state != WF_PIECE_MISSING)
        first++;
    for (last = first; last < f->n_pieces && f->pieces[last].state == WF_PIECE_MISSING &&
                       n + f->pieces[last].p.bytes <= WF_BLOBS_WANT_BYTES;
         last++)
        n += f->pieces[last].p.bytes;
    f->i_ask = first;
    if (n == 0 || want(b, p, f, f->pieces[first].start, n) != 0)
        return false;
    for (size_t i = first; i < last; i++)
        f->pieces[i].state = WF_PIECE_ASKED;
    f->i_ask = last;
    return true;
}

static bool want_file(struct wf_blobs *b, struct wf_blobs_peer *p, struct wf_fetch *f)
{
    uint64_t n = WF_MIN((uint64_t)WF_BLOBS_WANT_BYTES, f->n_bytes - f->asked_to);

    if (n == 0 || want(b, p, f, f->asked_to, n) != 0)
        return false;
    f->asked_to += n;
    return true;
}

static void ask_more(struct wf_blobs *b, struct wf_fetch *f)
{
    struct wf_blobs_message m = {
        .kind = WF_BLOBS_ASK_PIECES, .id = f->id, .what = f->what, .from = f->n_told};
    struct wf_blobs_peer *p = wf_blobs__peer(b, f->peer);
    bool is_any = true;

    if (p == NULL)
        return;
    memcpy(m.hash, f->hash, sizeof(m.hash));
    memcpy(m.space, f->space_uid, sizeof(m.space));
    if (f->what == WF_BLOBS_DOCUMENT && f->n_told < f->n_bytes && !f->is_asking)
        f->is_asking = wf_blobs__send(b, p, &m, NULL) == 0;
    while (is_any && !p->is_full && outstanding(b) < WF_BLOBS_WINDOW_BYTES)
        is_any = f->what == WF_BLOBS_DOCUMENT ? want_pieces(b, p, f) : want_file(b, p, f);
    if (wf_clock_mono_ns(NULL) - f->moved_ns > STALLED_NS)
        give_up_on(b, f, f->peer);
}

/* ---- what comes ---- */

static void nonsense(struct wf_blobs *b, struct wf_fetch *f, const struct wf_blobs_peer *p,
                     const char *words)
{
    wf_blobs__log(b, "%s from %s: %s", f->name == NULL ? "a model's file" : f->name, p->entry.name,
                  words);
    give_up_on(b, f, p->id);
}

/* Bytes of pieces, which may end in the middle of one. */
static int take_bytes(struct wf_blobs *b, struct wf_fetch *f, struct wf_str bytes,
                      struct wf_err *err)
{
    while (bytes.len > 0) {
        struct wf_fetch_piece *fp;
        size_t n;
        int rc;
        while (f->i_next < f->n_pieces && f->pieces[f->i_next].state != WF_PIECE_ASKED)
            f->i_next++;
        if (f->i_next == f->n_pieces)
            return wf_err_set(err, WF_E_FORMAT, "it sends more than was asked for");
        fp = &f->pieces[f->i_next];
        n = WF_MIN(bytes.len, fp->p.bytes - f->part.len);
        if (wf_buf_append(&f->part, bytes.ptr, n) != 0)
            return wf_blobs__no_memory(err);
        bytes = wf_str_sub(bytes, n, bytes.len);
        if (f->part.len < fp->p.bytes)
            break;
        rc = wf_blobs__part_put(b, f, f->i_next, f->part.ptr, err);
        wf_buf_reset(&f->part);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static bool is_expected(const struct wf_fetch *f, uint64_t from)
{
    size_t i = f->i_next;

    while (i < f->n_pieces && f->pieces[i].state != WF_PIECE_ASKED)
        i++;
    return i < f->n_pieces && from == f->pieces[i].start + f->part.len;
}

static int append_file(struct wf_blobs *b, struct wf_fetch *f, struct wf_str bytes,
                       struct wf_err *err)
{
    while (bytes.len > 0) {
        ssize_t n = pwrite(f->fd, bytes.ptr, bytes.len, (off_t)f->n_here);
        if (n < 0 && errno != EINTR)
            return wf_err_errno(err, errno, "A model's file cannot be written");
        if (n > 0) {
            f->n_here += (uint64_t)n;
            f->n_moved += (uint64_t)n;
            b->n_moved += (uint64_t)n;
            bytes = wf_str_sub(bytes, (size_t)n, bytes.len);
        }
    }
    return 0;
}

static void take_data(struct wf_blobs *b, struct wf_blobs_peer *p, struct wf_fetch *f,
                      const struct wf_blobs_message *m)
{
    struct wf_err err = WF_ERR_INIT;
    bool is_file = f->what == WF_BLOBS_MODEL_FILE;
    int rc;

    if (m->body.len > f->n_outstanding ||
        (is_file ? m->from != f->n_here : !is_expected(f, m->from))) {
        nonsense(b, f, p, "it sends what was not asked for");
        return;
    }
    f->n_outstanding -= m->body.len;
    f->moved_ns = wf_clock_mono_ns(NULL);
    rc = is_file ? append_file(b, f, m->body, &err) : take_bytes(b, f, m->body, &err);
    if (rc == WF_E_CORRUPT || rc == WF_E_FORMAT)
        nonsense(b, f, p, err.msg);
    else if (rc != 0)
        failed(b, f, &err);
}

static void take_pieces(struct wf_blobs *b, struct wf_blobs_peer *p, struct wf_fetch *f,
                        const struct wf_blobs_message *m)
{
    struct wf_err err = WF_ERR_INIT;
    int rc = f->is_asking ? wf_blobs__part_told(b, f, m, &err)
                          : wf_err_set(&err, WF_E_FORMAT, "it sends what was not asked for");

    f->is_asking = false;
    f->moved_ns = wf_clock_mono_ns(NULL);
    if (rc == WF_E_FORMAT)
        nonsense(b, f, p, err.msg);
    else if (rc != 0)
        failed(b, f, &err);
}

/* An answer to something that all nodes were asked. */
static void take_answer(struct wf_blobs *b, struct wf_blobs_peer *p, struct wf_blobs_poll *q,
                        const struct wf_blobs_message *m)
{
    q->n_answered++;
    if (m->kind == WF_BLOBS_HAS)
        q->flags |= m->flags;
    if (m->kind == WF_BLOBS_MODEL && q->model == NULL &&
        wf_json_parse(m->body, &q->model, NULL) == 0)
        q->peer = p->id;
    if (q == &b->evict)
        wf_blobs__evict_answer(b);
}

void wf_blobs__answered(struct wf_blobs *b, struct wf_blobs_peer *p,
                        const struct wf_blobs_message *m)
{
    for (struct wf_list *it = b->fetches.next; it != &b->fetches; it = it->next) {
        struct wf_fetch *f = WF_CONTAINER(it, struct wf_fetch, node);
        if (f->id != m->id || f->peer != p->id || f->state != WF_FETCH_RUNS)
            continue;
        if (m->kind == WF_BLOBS_DATA)
            take_data(b, p, f, m);
        else if (m->kind == WF_BLOBS_PIECES)
            take_pieces(b, p, f, m);
        else
            give_up_on(b, f, p->id);
        return;
    }
    for (struct wf_list *it = b->polls.next; it != &b->polls; it = it->next) {
        struct wf_blobs_poll *q = WF_CONTAINER(it, struct wf_blobs_poll, node);
        if (q->id == m->id) {
            take_answer(b, p, q, m);
            return;
        }
    }
    /* else: of a fetch that is over */
}

/* ---- beginning ---- */

/* Whether the blob is here, of another space's document. That is of use to one that was whole here,
 * in its own space, before; what somebody else only says is asked of who has it there. */
static bool is_here(struct wf_blobs *b, const uint8_t *hash)
{
    int fd = -1;
    bool is = wf_blob_open(b->o.store, hash, &fd, NULL) == 0;

    wf_file_close(&fd);
    return is;
}

static int start_one(struct wf_blobs *b, const struct wf_paper *p, struct wf_err *err)
{
    struct wf_fetch *f = wf_blobs__fetch_new(b, WF_BLOBS_DOCUMENT, p->hash, p->bytes);
    int rc = 0;

    if (f == NULL)
        return wf_blobs__no_memory(err);
    f->space = p->space;
    f->label = (enum wf_label)p->label;
    f->is_known = p->state == WF_PAPER_TEXT;
    f->name = wf_strdup(p->name.ptr);
    f->uid = wf_strdup(p->uid.ptr);
    if (f->name == NULL || f->uid == NULL)
        rc = wf_blobs__no_memory(err);
    if (rc == 0 && f->is_known && is_here(b, p->hash))
        rc = wf_blobs__take_in(b, f, err);
    else if (rc == 0)
        rc = wf_blobs__part_open(b, f, err);
    if (rc != 0)
        wf_blobs__fetch_end(b, f, false);
    return rc;
}

static int start_some(struct wf_blobs *b, struct wf_err *err)
{
    struct wf_paper *papers = NULL;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    size_t n = 0;
    int rc = wf_store_reader_get(b->o.store, &r, err);

    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 0, (size_t)4 << 20);
    rc = wf_papers_list(r, WF_PAPERS_WANTED, NULL, (size_t)2 * WF_BLOBS_FETCHES_MAX, &arena,
                        &papers, &n, err);
    wf_store_reader_put(b->o.store, r);
    b->is_wanting = rc == 0 && n == (size_t)2 * WF_BLOBS_FETCHES_MAX;
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (wf_blobs__fetch_of(b, 0, papers[i].hash) != NULL) {
            b->is_wanting =
                b->is_wanting || wf_blobs__fetch_of(b, papers[i].space, papers[i].hash) == NULL;
            continue;
        }
        if (b->n_fetches >= WF_BLOBS_FETCHES_MAX) {
            b->is_wanting = true;
            break;
        }
        rc = start_one(b, &papers[i], err);
    }
    wf_arena_deinit(&arena);
    return rc;
}

/* Nobody who is connected has those that run; others have their turn. */
static void make_way(struct wf_blobs *b)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &b->fetches)
    {
        struct wf_fetch *f = WF_CONTAINER(it, struct wf_fetch, node);
        if (f->what == WF_BLOBS_DOCUMENT && f->state == WF_FETCH_WAITS && f->again_ns != 0 &&
            b->is_wanting && b->n_fetches >= WF_BLOBS_FETCHES_MAX) {
            wf_blobs__note_problem(b, f->space, f->hash, "No device that has it is connected.");
            wf_blobs__fetch_end(b, f, false);
            if (b->again_ns == 0)
                b->again_ns = wf_clock_mono_ns(NULL) + AGAIN_NS;
        }
    }
}

/* One step of a fetch, which may end it. */
static void step(struct wf_blobs *b, struct wf_fetch *f)
{
    struct wf_err err = WF_ERR_INIT;
    bool is_whole = false;
    int rc = 0;

    if (f->state == WF_FETCH_WAITS)
        choose_peer(b, f);
    if (f->state == WF_FETCH_RUNS)
        ask_more(b, f);
    if (f->state != WF_FETCH_RUNS && f->state != WF_FETCH_WAITS)
        return;
    if (f->what == WF_BLOBS_MODEL_FILE) {
        f->state = f->n_here == f->n_bytes ? WF_FETCH_DONE : f->state;
        return;
    }
    if (wf_clock_mono_ns(NULL) < f->again_ns && f->failure.code != 0)
        return;
    rc = wf_blobs__part_finish(f, &is_whole, &err);
    if (rc == 0 && is_whole)
        rc = wf_blobs__take_in(b, f, &err);
    if (rc == WF_E_CORRUPT || rc == WF_E_NOENT) { /* all of it is of no use */
        wf_blobs__log(b, "%s: %s", f->name, err.msg);
        wf_blobs__note_problem(b, f->space, f->hash, err.msg);
        wf_blobs__fetch_end(b, f, true);
    } else if (rc != 0) {
        failed(b, f, &err);
    }
}

void wf_blobs__take(struct wf_blobs *b)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_list *it, *tmp;

    if (b->is_wanting && !wf_list_empty(&b->peers) && b->n_fetches < WF_BLOBS_FETCHES_MAX &&
        start_some(b, &err) != 0) {
        wf_blobs__log(b, "documents of other devices: %s", err.msg);
        b->is_wanting = false;
        b->again_ns = wf_clock_mono_ns(NULL) + AGAIN_NS;
    }
    WF_LIST_EACH(it, tmp, &b->fetches)
    {
        step(b, WF_CONTAINER(it, struct wf_fetch, node));
    }
    make_way(b);
}

/* ---- the end ---- */

struct end {
    const struct wf_blobs_event *e;
    struct wf_fetch *f;
    struct wf_paper *p;
};

static int note_end(struct wf_blobs *b, void *ud, struct wf_err *err)
{
    struct end *end = ud;
    struct wf_fetch *f = end->f;
    struct wf_piece *pieces;
    int rc = wf_paper_put(b->o.store, end->p, err);

    if (rc != 0 || end->e->code != 0 || f == NULL || f->n_pieces < 2)
        return rc;
    pieces = wf_alloc_array(f->n_pieces, sizeof(*pieces));
    if (pieces == NULL)
        return wf_blobs__no_memory(err);
    for (size_t i = 0; i < f->n_pieces; i++)
        pieces[i] = f->pieces[i].p;
    rc = wf_pieces_put(b->o.store, f->space_uid, f->hash, pieces, f->n_pieces, err);
    wf_free(pieces);
    return rc;
}

/* It would not go better another time. */
static bool is_lasting(int code)
{
    return code != WF_E_IO && code != WF_E_FULL && code != WF_E_NOMEM && code != WF_E_BUSY &&
           code != WF_E_CORRUPT;
}

void wf_blobs__taken(struct wf_blobs *b, const struct wf_blobs_event *e)
{
    struct wf_fetch *f = wf_blobs__fetch_of(b, e->space, e->hash);
    struct wf_err err = WF_ERR_INIT;
    struct wf_arena arena;
    struct wf_paper p;
    struct end end = {.e = e, .f = f, .p = &p};
    int rc;

    wf_arena_init(&arena, 4096, (size_t)1 << 20);
    rc = wf_blobs__get(b, e->space, e->hash, &arena, &p, &err);
    if (rc == 0 && e->code != WF_E_CANCELED) {
        if (e->code == 0 || is_lasting(e->code))
            p.wanted = WF_PAPER_NOT_WANTED;
        else if (b->again_ns == 0)
            b->again_ns = wf_clock_mono_ns(NULL) + AGAIN_NS;
        p.problem = wf_str_n(e->bytes, e->n);
        p.state = e->code == 0 ? WF_PAPER_HERE : p.state;
        p.is_due = p.is_due || e->code == 0;
        p.used_ms = wf_clock_wall_ms(b->o.clock);
        rc = wf_blobs__in_turn(b, note_end, &end, &err);
    }
    if (rc != 0 && rc != WF_E_NOENT) /* it is found again after the next start */
        wf_blobs__log(b, "a document of another device: %s", err.msg);
    if (e->code != 0 && f != NULL)
        wf_blobs__log(b, "%s: %.*s", f->name, (int)e->n, e->bytes);
    wf_arena_deinit(&arena);
    if (f != NULL)
        wf_blobs__fetch_end(b, f, e->code != WF_E_CANCELED);
    b->is_wanting = b->is_wanting || e->code == 0 || is_lasting(e->code);
    b->is_evicting = true;
    wf_blobs_poke(b); /* others are to be told */
    b->is_changed = true;
}
