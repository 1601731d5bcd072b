/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of drafts over time: loading, snapshots, leaving memory.
 *
 * A snapshot is all of a draft in one piece. It is read back into a document of its own and
 * compared (what is known of each client, what is deleted, by hash) before it takes the place of
 * updates, in one transaction. Updates are kept from the second newest snapshot on: when the newest
 * turns out to be damaged, the one before it and the log give the same. Older snapshots are the
 * draft's history; they thin out with age, and by their bytes. The newest one has an image beside
 * it where that pays: loading then copies instead of reading; an image that is refused is passed
 * over.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/limits.h"
#include "crdt/image.h"
#include "crdt/snapshot.h"
#include "space/draft_internal.h"

#define SETTLE_NS ((int64_t)2 * 1000000000)
#define CHORE_MS 500
/* A draft that is written to without a pause is waited for so often. */
#define REST_TRIES 8
/* Loading reads a snapshot into memory once. */
#define LOAD_BYTES_MAX ((size_t)WF_LIMIT_DRAFT_BYTES * 2 + (1u << 20))
/* A log this long becomes a snapshot, or half as long as the last one. */
#define LOG_BYTES_MIN ((uint64_t)64 << 10)
#define LOG_ROWS_MIN 256
/* Bytes of all snapshots but the two newest; a minute between two at least. */
#define HISTORY_BYTES_MAX ((size_t)16 << 20)
#define HISTORY_GAP_MS 60000
/* Below it reading the state takes no time; and an image many times as large (maps that are written
 * to often) costs the disk more than it saves. */
#define IMAGE_STATE_MIN 4096
#define IMAGE_TIMES_MAX 4

/* ---- reading ---- */

struct applying {
    struct wf_draft_found *found;
    uint64_t want; /* the next seq */
};

static int apply_row(void *ud, const struct wf_draft_update *u, struct wf_err *err)
{
    struct applying *a = ud;
    int rc;

    if (u->seq > a->want)
        return wf_err_set(err, WF_E_CORRUPT, "A draft's log has a gap.");
    rc = wf_crdt_apply(a->found->doc, u->bytes, WF_CRDT_V1, err);
    if (rc != 0)
        return rc == WF_E_NOMEM ? rc : wf_err_set(err, WF_E_CORRUPT, "A draft's log is damaged.");
    a->want = u->seq + 1;
    a->found->log_rows++;
    a->found->log_bytes += u->bytes.len;
    a->found->last_seq = u->seq;
    a->found->at_ms = u->at_ms;
    memcpy(a->found->device, u->device, WF_DRAFT_DEVICE_BYTES);
    return 0;
}

/* Puts the newest snapshot that is whole into the document. */
static int apply_snapshot(struct wf_reader *r, const struct wf_draft_past *past,
                          struct wf_draft_found *found, struct wf_err *err)
{
    struct wf_draft_snapshot snap;
    struct wf_arena arena;
    uint64_t upto = past->upto;
    bool there = true;
    int rc = 0;

    wf_arena_init(&arena, 64 << 10, LOAD_BYTES_MAX);
    while (rc == 0 && there) {
        wf_arena_reset(&arena);
        rc = wf_draft_snapshot_get(r, past->draft, upto, &arena, &snap, &there, err);
        if (rc != 0 || !there)
            break;
        if (snap.is_whole) {
            rc = wf_crdt_apply(found->doc, snap.bytes, WF_CRDT_V2, err);
            found->snap_seq = found->last_seq = snap.upto_seq;
            found->snap_bytes = snap.n_bytes;
            found->at_ms = snap.at_ms;
            memcpy(found->device, snap.device, WF_DRAFT_DEVICE_BYTES);
            break;
        }
        upto = snap.upto_seq - 1; /* damaged: the one before it, and the log */
    }
    wf_arena_deinit(&arena);
    return rc == WF_E_FORMAT ? wf_err_set(err, WF_E_CORRUPT, "A draft's snapshot is damaged.") : rc;
}

struct opening {
    const struct wf_crdt_options *o;
    struct wf_draft_found *found;
};

/* An image that is refused (damaged, or another version's) is none. */
static int open_image(void *ud, const struct wf_draft_snapshot *snap, struct wf_err *err)
{
    struct opening *a = ud;
    struct wf_draft_found *found = a->found;
    int rc = wf_crdt_image_open(snap->bytes, a->o, &found->doc);

    if (rc == WF_E_NOMEM)
        return wf_err_set(err, rc, "Out of memory (drafts).");
    if (rc != 0)
        return 0;
    found->snap_seq = found->last_seq = snap->upto_seq;
    found->snap_bytes = snap->n_bytes;
    found->at_ms = snap->at_ms;
    memcpy(found->device, snap->device, WF_DRAFT_DEVICE_BYTES);
    return 0;
}

/* The newest snapshot's document: from its image, else from itself. */
static int begin_past(struct wf_reader *r, const struct wf_draft_past *past,
                      const struct wf_crdt_options *o, struct wf_draft_found *found,
                      struct wf_err *err)
{
    struct opening a = {.o = o, .found = found};
    int rc = wf_draft_image_use(r, past->draft, past->upto, open_image, &a, err);

    if (rc != 0 || found->doc)
        return rc;
    rc = wf_crdt_new(o, &found->doc);
    if (rc != 0)
        return wf_err_set(err, rc, "Out of memory (drafts).");
    return apply_snapshot(r, past, found, err);
}

int wf_draft__read_past(struct wf_reader *r, const struct wf_draft_past *past,
                        struct wf_draft_found *out, struct wf_err *err)
{
    struct wf_draft_found found = {.doc = NULL};
    struct applying a = {.found = &found};
    struct wf_draft_span span = {.draft = past->draft, .to = past->upto};
    /* What was deleted is collected, and nothing is tidied: that is the editors' work. */
    const struct wf_crdt_options o = {
        .client = past->client, .no_cleanup = true, .on_update = past->on_update, .ud = past->ud};
    int rc = begin_past(r, past, &o, &found, err);

    if (rc == 0) {
        span.from = found.snap_seq + 1;
        a.want = found.snap_seq + 1;
        rc = wf_draft_log_each(r, &span, apply_row, &a, err);
    }
    if (rc != 0) {
        wf_crdt_free(found.doc);
        return rc;
    }
    *out = found;
    return 0;
}

static void on_update(void *ud, struct wf_str update, bool remote)
{
    struct wf_draft *d = ud;

    (void)remote;
    if (d->doc)                                       /* not while it is loaded */
        (void)wf_buf_append_str(&d->emitted, update); /* the failure sticks */
}

int wf_draft__load(struct wf_draft *d, struct wf_err *err)
{
    struct wf_store *s = d->all->o.store;
    const struct wf_draft_past past = {.draft = d->id,
                                       .upto = INT64_MAX,
                                       .client = 1 + wf_rng_below(d->all->o.rng, UINT32_MAX),
                                       .on_update = on_update,
                                       .ud = d};
    struct wf_draft_extent extent = {.last_seq = 0};
    struct wf_draft_found found;
    struct wf_draft_row row;
    struct wf_arena arena;
    struct wf_reader *r = NULL;
    int rc = wf_store_reader_get(s, &r, err);

    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 1024, 1 << 16);
    rc = wf_draft_row_get(r, d->id, &arena, &row, err);
    if (rc == 0)
        rc = wf_draft_log_extent(r, d->id, 0, &extent, err);
    if (rc == 0)
        rc = wf_draft__read_past(r, &past, &found, err);
    wf_store_reader_put(s, r);
    if (rc == 0) {
        d->space = row.space;
        d->doc = found.doc;
        d->next_seq = extent.last_seq + 1;
        d->written_seq = extent.last_seq;
        d->snap_seq = found.snap_seq;
        d->snap_bytes = found.snap_bytes;
        d->log_rows = found.log_rows;
        d->log_bytes = found.log_bytes;
        d->last_ms = found.at_ms;
        memcpy(d->last_device, found.device, sizeof(d->last_device));
    }
    wf_arena_deinit(&arena);
    return rc;
}

/* ---- snapshots ---- */

/* What a snapshot is made of. */
struct taken {
    struct wf_buf state;  /* format 2 */
    struct wf_buf vector; /* state vector */
    struct wf_buf marks;  /* which structs, which deleted */
    struct wf_buf image;  /* empty: not worth it */
    uint64_t upto;
    int64_t at_ms;
    uint8_t device[WF_DRAFT_DEVICE_BYTES];
};

static void taken_deinit(struct taken *t)
{
    wf_buf_deinit(&t->state);
    wf_buf_deinit(&t->vector);
    wf_buf_deinit(&t->marks);
    wf_buf_deinit(&t->image);
}

/* The image saves time, and nothing is lost without it. */
static void take_image(struct wf_draft *d, struct taken *t)
{
    if (t->state.len < IMAGE_STATE_MIN || wf_crdt_image_write(d->doc, &t->image) != 0 ||
        t->image.len > IMAGE_TIMES_MAX * t->state.len)
        wf_buf_reset(&t->image);
}

/* d->lock is held. */
static int take(struct wf_draft *d, struct taken *t, struct wf_err *err)
{
    int rc = wf_crdt_encode(d->doc, wf_str_n(NULL, 0), WF_CRDT_V2, &t->state);

    if (rc == 0)
        rc = wf_crdt_state_vector(d->doc, &t->vector);
    if (rc == 0)
        rc = wf_crdt_snapshot(d->doc, WF_CRDT_V1, &t->marks);
    if (rc == 0)
        take_image(d, t);
    t->upto = d->next_seq - 1;
    t->at_ms = d->last_ms;
    memcpy(t->device, d->last_device, sizeof(t->device));
    return rc == 0 ? 0 : wf_err_set(err, rc, "A snapshot could not be made.");
}

/* Does the document say what the draft says? */
static int compare(struct wf_crdt *doc, const struct taken *t, struct wf_err *err)
{
    struct wf_buf marks;
    int rc;

    wf_buf_init(&marks, WF_LIMIT_CRDT_BYTES);
    rc = wf_crdt_snapshot(doc, WF_CRDT_V1, &marks);
    if (rc == 0 && !wf_str_eq(wf_buf_str(&marks), wf_buf_str(&t->marks)))
        rc = wf_err_set(err, WF_E_CORRUPT, "A snapshot differs from its draft: the log is kept.");
    wf_buf_deinit(&marks);
    return rc;
}

/* Does the snapshot, and does its image? */
static int verify(struct taken *t, struct wf_err *err)
{
    const struct wf_crdt_options o = {.client = 1, .no_cleanup = true};
    struct wf_crdt *doc = NULL;
    int rc;

    if (t->image.len > 0 &&
        (wf_crdt_image_open(wf_buf_str(&t->image), &o, &doc) != 0 || compare(doc, t, NULL) != 0))
        wf_buf_reset(&t->image);
    wf_crdt_free(doc);
    doc = NULL;
    rc = wf_crdt_new(&o, &doc);
    if (rc == 0)
        rc = wf_crdt_apply(doc, wf_buf_str(&t->state), WF_CRDT_V2, err);
    if (rc == 0)
        rc = compare(doc, t, err);
    wf_crdt_free(doc);
    return rc;
}

/* Drops what is too near to a newer one for its age, or too much; newest first, two stay. */
static int thin(struct wf_store *s, const struct wf_draft_snapshot *all, size_t n, int64_t now_ms,
                struct wf_err *err)
{
    size_t bytes = 0, n_kept = 0;
    int64_t newer_ms = 0;
    int rc = 0;

    for (size_t i = n; i-- > 0 && rc == 0;) {
        int64_t gap_ms = WF_MAX((now_ms - all[i].at_ms) / 8, (int64_t)HISTORY_GAP_MS);
        bool keep = n_kept < 2 || (newer_ms - all[i].at_ms >= gap_ms &&
                                   bytes + all[i].n_bytes <= HISTORY_BYTES_MAX);
        if (!keep) {
            rc = wf_draft_snapshot_drop(s, all[i].draft, all[i].upto_seq, err);
            continue;
        }
        bytes += n_kept >= 2 ? all[i].n_bytes : 0;
        newer_ms = all[i].at_ms;
        n_kept++;
    }
    return rc;
}

/* The snapshots there are, with the new one at the end; in the arena. */
static int list_snapshots(struct wf_draft *d, const struct taken *t, struct wf_arena *arena,
                          struct wf_draft_snapshot **out, size_t *out_n, struct wf_err *err)
{
    struct wf_draft_snapshot *old = NULL, *items;
    struct wf_reader *r = NULL;
    size_t n = 0;
    int rc = wf_store_reader_get(d->all->o.store, &r, err);

    if (rc != 0)
        return rc;
    rc = wf_draft_snapshot_list(r, d->id, arena, &old, &n, err);
    wf_store_reader_put(d->all->o.store, r);
    if (rc != 0)
        return rc;
    items = wf_arena_array(arena, n + 1, sizeof(*items));
    if (!items)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (drafts).");
    if (n > 0)
        memcpy(items, old, n * sizeof(*items));
    n -= n > 0 && items[n - 1].upto_seq == t->upto;
    items[n] = (struct wf_draft_snapshot){.draft = d->id,
                                          .upto_seq = t->upto,
                                          .device = t->device,
                                          .at_ms = t->at_ms,
                                          .state_vector = wf_buf_str(&t->vector),
                                          .bytes = wf_buf_str(&t->state),
                                          .n_bytes = t->state.len};
    *out = items;
    *out_n = n + 1;
    return 0;
}

/* Up to which number this device's own changes need not be kept. */
static uint64_t sent_upto(struct wf_draft *d)
{
    struct wf_drafts *all = d->all;
    wf_drafts_sent_fn sent;
    void *ud;

    pthread_mutex_lock(&all->lock);
    sent = all->sent;
    ud = all->sent_ud;
    pthread_mutex_unlock(&all->lock);
    return sent ? sent(ud, d->space) : UINT64_MAX;
}

/* In one transaction: the new one in, what it makes superfluous out. */
static int replace(struct wf_draft *d, const struct taken *t, struct wf_err *err)
{
    struct wf_store *s = d->all->o.store;
    struct wf_draft_snapshot *all = NULL;
    struct wf_draft_trim trim = {.draft = d->id, .device = d->all->o.device, .sent = sent_upto(d)};
    struct wf_arena arena;
    size_t n = 0;
    int rc;

    wf_arena_init(&arena, 16 << 10, 4 << 20);
    rc = list_snapshots(d, t, &arena, &all, &n, err);
    if (rc == 0)
        rc = wf_store_write_begin(s, err);
    if (rc == 0) {
        rc = wf_draft_snapshot_put(s, &all[n - 1], err);
        if (rc == 0)
            rc = wf_draft_image_put(s, d->id, t->upto, wf_buf_str(&t->image), err);
        trim.upto = n > 1 ? all[n - 2].upto_seq : 0;
        if (rc == 0)
            rc = wf_draft_log_trim(s, &trim, err);
        if (rc == 0)
            rc = thin(s, all, n, wf_clock_wall_ms(d->all->o.clock), err);
        if (rc == 0)
            rc = wf_store_write_commit(s, err);
        else
            wf_store_write_rollback(s);
    }
    wf_arena_deinit(&arena);
    return rc;
}

bool wf_draft__wants_compaction(const struct wf_draft *d)
{
    return d->log_bytes > WF_MAX(LOG_BYTES_MIN, (uint64_t)d->snap_bytes / 2) ||
           d->log_rows > WF_MAX((uint64_t)LOG_ROWS_MIN, (uint64_t)d->snap_bytes / 256);
}

/* Locks the draft when all that it says is on the disk: a snapshot must not say more than its log.
 * What a crash takes out of the log would be known here alone, and what builds on it there wait for
 * ever. False: it is written to without a pause, or gone; then later. d->lock is held. */
static bool lock_at_rest(struct wf_draft *d)
{
    pthread_mutex_lock(&d->lock);
    for (unsigned i = 0; i < REST_TRIES && d->written_seq + 1 != d->next_seq && !d->is_dropped;
         i++) {
        pthread_mutex_unlock(&d->lock);
        if (wf_draft__await(d, NULL) != 0)
            i = REST_TRIES;
        pthread_mutex_lock(&d->lock);
    }
    return d->written_seq + 1 == d->next_seq && !d->is_dropped;
}

int wf_draft_compact(struct wf_draft *d, struct wf_err *err)
{
    struct taken t = {.upto = 0};
    uint64_t rows = 0, bytes = 0;
    int rc;

    wf_buf_init(&t.state, WF_LIMIT_DRAFT_BYTES * 2);
    wf_buf_init(&t.vector, WF_LIMIT_DRAFT_BYTES);
    wf_buf_init(&t.marks, WF_LIMIT_CRDT_BYTES);
    wf_buf_init(&t.image, IMAGE_TIMES_MAX * (size_t)WF_LIMIT_DRAFT_BYTES);
    rc = !lock_at_rest(d) || d->log_rows == 0 ? WF_E_CANCELED : take(d, &t, err);
    rows = d->log_rows;
    bytes = d->log_bytes;
    pthread_mutex_unlock(&d->lock);
    if (rc == WF_E_CANCELED) { /* there is nothing to do */
        taken_deinit(&t);
        return 0;
    }
    if (rc == 0)
        rc = verify(&t, err);
    if (rc == 0)
        rc = replace(d, &t, err);
    if (rc == 0) {
        pthread_mutex_lock(&d->lock);
        d->log_rows -= rows;
        d->log_bytes -= bytes;
        d->snap_bytes = t.state.len;
        d->snap_seq = t.upto;
        pthread_mutex_unlock(&d->lock);
    }
    taken_deinit(&t);
    return rc;
}

/* ---- removed ones ---- */

void wf_draft__note_removed(struct wf_drafts *all, int64_t space, struct wf_str name)
{
    pthread_mutex_lock(&all->lock);
    all->removed[all->i_removed++ % WF_DRAFT_REMOVED] =
        (struct wf_draft_removed){.space = space, .hash = wf_str_hash(name, 0)};
    pthread_mutex_unlock(&all->lock);
}

bool wf_draft__was_removed(struct wf_drafts *all, int64_t space, struct wf_str name)
{
    uint64_t hash = wf_str_hash(name, 0);
    bool was = false;

    pthread_mutex_lock(&all->lock);
    for (size_t i = 0; i < WF_DRAFT_REMOVED; i++)
        was = was || (all->removed[i].space == space && all->removed[i].hash == hash);
    pthread_mutex_unlock(&all->lock);
    return was;
}

/* ---- the keeper's thread ---- */

/* The next draft of bucket *io_i or behind it, with a reference; NULL at the end. */
static struct wf_draft *next_draft(struct wf_drafts *all, size_t *io_i, int64_t *io_id)
{
    struct wf_draft *best = NULL;
    struct wf_list *it, *tmp;

    pthread_mutex_lock(&all->lock);
    for (; !best && *io_i < WF_DRAFT_BUCKETS; *io_i += best == NULL) {
        WF_LIST_EACH(it, tmp, &all->buckets[*io_i])
        {
            struct wf_draft *d = WF_CONTAINER(it, struct wf_draft, bucket);
            if (d->id > *io_id && !d->is_loading && d->n_refs > 0 && (!best || d->id < best->id))
                best = d;
            else if (d->id > *io_id && !d->is_loading && d->is_unsettled &&
                     (!best || d->id < best->id))
                best = d;
        }
        if (!best)
            *io_id = 0;
    }
    if (best) {
        *io_id = best->id;
        if (best->n_refs++ == 0) {
            wf_list_remove(&best->idle);
            all->n_idle--;
        }
    }
    pthread_mutex_unlock(&all->lock);
    return best;
}

static bool has_settled(struct wf_draft *d, int64_t now_ns)
{
    bool is;

    pthread_mutex_lock(&d->all->lock);
    is = d->is_unsettled && now_ns - d->changed_ns >= SETTLE_NS;
    if (is)
        d->is_unsettled = false;
    pthread_mutex_unlock(&d->all->lock);
    return is;
}

static void look_at(struct wf_draft *d, int64_t now_ns)
{
    struct wf_drafts *all = d->all;
    bool wants;

    pthread_mutex_lock(&d->lock);
    wants = !d->is_dropped && wf_draft__wants_compaction(d);
    pthread_mutex_unlock(&d->lock);
    if (wants)
        (void)!wf_draft_compact(d, NULL); /* the log is kept, and it is tried again */
    if (has_settled(d, now_ns) && all->o.settled)
        all->o.settled(all->o.settled_ud, d->id);
}

/* Lets those go that nobody has had open for long. */
static void free_idle(struct wf_drafts *all, int64_t now_ns)
{
    struct wf_list gone, *it, *tmp;

    wf_list_init(&gone);
    pthread_mutex_lock(&all->lock);
    WF_LIST_EACH(it, tmp, &all->idle)
    {
        struct wf_draft *d = WF_CONTAINER(it, struct wf_draft, idle);
        if (d->is_unsettled || now_ns - d->idle_ns < all->o.idle_ms * 1000000)
            continue;
        wf_list_remove(&d->idle);
        wf_list_remove(&d->bucket);
        d->is_listed = false;
        all->n_idle--;
        all->n_open--;
        wf_list_push(&gone, &d->idle);
    }
    pthread_mutex_unlock(&all->lock);
    WF_LIST_EACH(it, tmp, &gone)
    {
        wf_draft__free(WF_CONTAINER(it, struct wf_draft, idle));
    }
}

/* Sleeps for a while. False: the end. */
static bool rest(struct wf_drafts *all)
{
    struct timespec until;
    bool stop;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (int64_t)CHORE_MS * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&all->lock);
    while (!all->stop && all->n_open == 0) /* nothing wakes an idle device */
        pthread_cond_wait(&all->chore, &all->lock);
    while (!all->stop && rc == 0)
        rc = pthread_cond_timedwait(&all->chore, &all->lock, &until);
    stop = all->stop;
    pthread_mutex_unlock(&all->lock);
    return !stop;
}

void wf_draft__keep_now(struct wf_drafts *all)
{
    int64_t now_ns = wf_clock_mono_ns(all->o.clock), id = 0;
    struct wf_draft *d;
    size_t i = 0;

    while ((d = next_draft(all, &i, &id)) != NULL) {
        look_at(d, now_ns);
        wf_draft__unref(d);
    }
    free_idle(all, now_ns);
}

void *wf_draft__keep_loop(void *ud)
{
    struct wf_drafts *all = ud;

    while (rest(all))
        wf_draft__keep_now(all);
    return NULL;
}
