/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts in memory: the table of those that are open, and what changes them.
 *
 *   opened -> loaded (whoever else opens it meanwhile waits) -> in use -> idle -> freed
 *                                                           \-> dropped -> freed by its last user
 *
 * A change is applied under the draft's lock and put into the queue of all drafts before the lock
 * is given back, so that the queue has each draft's changes in their order. The committing thread
 * (draft_commit.c) empties it. A draft is dropped when its memory and the disk no longer agree: out
 * of memory within a change, or a commit that failed. */
#include "space/draft.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "os/thread.h"
#include "space/draft_internal.h"
#include "space/rights.h"
#include "space/space.h"
#include "store/spaces.h"

#define IDLE_MAX 64
#define IDLE_MS 60000
#define GATHER_MS 5
#define ARENA_BYTES_MAX ((size_t)1 << 20)

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (drafts).");
}

/* ---- all of them ---- */

int wf_drafts_new(const struct wf_drafts_options *o, struct wf_drafts **out, struct wf_err *err)
{
    struct wf_drafts *all = wf_alloc_array(1, sizeof(*all));

    assert(o->store != NULL);
    if (!all)
        return no_memory(err);
    all->o = *o;
    all->o.n_idle_max = o->n_idle_max ? o->n_idle_max : IDLE_MAX;
    all->o.idle_ms = o->idle_ms ? o->idle_ms : IDLE_MS;
    all->o.gather_ms = o->gather_ms ? o->gather_ms : GATHER_MS;
    pthread_mutex_init(&all->lock, NULL);
    wf_cond_init(&all->loaded);
    wf_cond_init(&all->work);
    wf_cond_init(&all->room);
    wf_cond_init(&all->chore);
    wf_list_init(&all->idle);
    wf_list_init(&all->queue);
    for (size_t i = 0; i < WF_DRAFT_BUCKETS; i++)
        wf_list_init(&all->buckets[i]);
    if (!o->is_stepped) {
        all->has_committer = pthread_create(&all->committer, NULL, wf_draft__commit_loop, all) == 0;
        all->has_keeper = pthread_create(&all->keeper, NULL, wf_draft__keep_loop, all) == 0;
        if (!all->has_committer || !all->has_keeper) {
            wf_drafts_free(all);
            return wf_err_set(err, WF_E_BUSY, "The system has no room for threads.");
        }
    }
    *out = all;
    return 0;
}

void wf_drafts_commit(struct wf_drafts *all)
{
    if (all->o.is_stepped)
        wf_draft__commit_now(all);
}

void wf_drafts_tidy(struct wf_drafts *all)
{
    if (all->o.is_stepped)
        wf_draft__keep_now(all);
}

void wf_drafts_free(struct wf_drafts *all)
{
    struct wf_list *it, *tmp;

    if (!all)
        return;
    pthread_mutex_lock(&all->lock);
    all->stop = true;
    pthread_cond_broadcast(&all->work);
    pthread_cond_broadcast(&all->chore);
    pthread_mutex_unlock(&all->lock);
    if (all->has_keeper)
        pthread_join(all->keeper, NULL);
    if (all->has_committer)
        pthread_join(all->committer, NULL);
    wf_drafts_commit(all);
    WF_LIST_EACH(it, tmp, &all->idle)
    {
        wf_draft__free(WF_CONTAINER(it, struct wf_draft, idle));
        all->n_open--;
    }
    assert(all->n_open == 0);
    pthread_cond_destroy(&all->loaded);
    pthread_cond_destroy(&all->work);
    pthread_cond_destroy(&all->room);
    pthread_cond_destroy(&all->chore);
    pthread_mutex_destroy(&all->lock);
    wf_free(all);
}

void wf_drafts_on_durable(struct wf_drafts *all, void (*fn)(void *ud), void *ud)
{
    pthread_mutex_lock(&all->lock);
    all->durable = fn;
    all->durable_ud = ud;
    pthread_mutex_unlock(&all->lock);
}

void wf_drafts_keep_unsent(struct wf_drafts *all, wf_drafts_sent_fn fn, void *ud)
{
    pthread_mutex_lock(&all->lock);
    all->sent = fn;
    all->sent_ud = ud;
    pthread_mutex_unlock(&all->lock);
}

struct wf_drafts_stats wf_drafts_stats(struct wf_drafts *all)
{
    struct wf_drafts_stats s;
    struct wf_list *it, *tmp;

    pthread_mutex_lock(&all->lock);
    s = all->stats;
    s.n_idle = all->n_idle;
    s.n_open = all->n_open - all->n_idle;
    WF_LIST_EACH(it, tmp, &all->idle)
    {
        s.resident_bytes += WF_CONTAINER(it, struct wf_draft, idle)->resident_bytes;
    }
    pthread_mutex_unlock(&all->lock);
    return s;
}

/* ---- one of them: its life ---- */

static struct wf_list *bucket_of(struct wf_drafts *all, int64_t id)
{
    return &all->buckets[(uint64_t)id % WF_DRAFT_BUCKETS];
}

static struct wf_draft *find(struct wf_drafts *all, int64_t id)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, bucket_of(all, id))
    {
        struct wf_draft *d = WF_CONTAINER(it, struct wf_draft, bucket);
        if (d->id == id)
            return d;
    }
    return NULL;
}

static struct wf_draft *make(struct wf_drafts *all, int64_t id)
{
    struct wf_draft *d = wf_alloc_array(1, sizeof(*d));

    if (!d)
        return NULL;
    d->all = all;
    d->id = id;
    wf_list_init(&d->bucket);
    wf_list_init(&d->idle);
    wf_list_init(&d->listeners);
    wf_buf_init(&d->emitted, WF_LIMIT_CRDT_BYTES);
    pthread_mutex_init(&d->lock, NULL);
    pthread_mutex_init(&d->listen_lock, NULL);
    return d;
}

void wf_draft__free(struct wf_draft *d)
{
    assert(wf_list_empty(&d->listeners));
    wf_crdt_free(d->doc);
    wf_buf_deinit(&d->emitted);
    pthread_mutex_destroy(&d->lock);
    pthread_mutex_destroy(&d->listen_lock);
    wf_free(d);
}

/* all->lock is held. */
static void unlist(struct wf_draft *d)
{
    if (!d->is_listed)
        return;
    wf_list_remove(&d->bucket);
    d->is_listed = false;
    d->all->n_open--;
}

/* all->lock is held. */
static void take(struct wf_draft *d)
{
    if (d->n_refs++ == 0 && d->is_listed && !wf_list_empty(&d->idle)) {
        wf_list_remove(&d->idle);
        d->all->n_idle--;
    }
}

/* The one that has been idle for the longest and has nothing to tell; all->lock is held. */
static struct wf_draft *pick_idle(struct wf_drafts *all)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &all->idle)
    {
        struct wf_draft *d = WF_CONTAINER(it, struct wf_draft, idle);
        if (!d->is_unsettled || all->n_idle > 4 * all->o.n_idle_max)
            return d;
    }
    return NULL;
}

void wf_draft__unref(struct wf_draft *d)
{
    struct wf_drafts *all = d->all;
    struct wf_draft *gone = NULL;

    pthread_mutex_lock(&all->lock);
    assert(d->n_refs > 0);
    if (--d->n_refs == 0) {
        if (d->is_listed) {
            d->idle_ns = wf_clock_mono_ns(all->o.clock);
            d->resident_bytes = wf_crdt_stats(d->doc).resident_bytes; /* nobody else has it */
            wf_list_push(&all->idle, &d->idle);
            all->n_idle++;
            gone = all->n_idle > all->o.n_idle_max ? pick_idle(all) : NULL;
            if (gone) {
                wf_list_remove(&gone->idle);
                all->n_idle--;
                unlist(gone);
            }
        } else {
            gone = d;
        }
    }
    pthread_mutex_unlock(&all->lock);
    if (gone)
        wf_draft__free(gone);
}

/* Loads what has just been listed, and tells those who wait for it. */
static int load_listed(struct wf_draft *d, struct wf_err *err)
{
    struct wf_err own = WF_ERR_INIT;
    int rc = wf_draft__load(d, &own);

    pthread_mutex_lock(&d->all->lock);
    d->is_loading = false;
    d->load_rc = rc;
    d->load_err = own;
    if (rc != 0)
        unlist(d);
    pthread_cond_broadcast(&d->all->loaded);
    pthread_cond_signal(&d->all->chore); /* somebody has to let it go one day */
    pthread_mutex_unlock(&d->all->lock);
    if (rc != 0 && err)
        *err = own;
    return rc;
}

static int await_loaded(struct wf_draft *d, struct wf_err *err)
{
    int rc;

    pthread_mutex_lock(&d->all->lock);
    while (d->is_loading)
        pthread_cond_wait(&d->all->loaded, &d->all->lock);
    rc = d->load_rc;
    pthread_mutex_unlock(&d->all->lock);
    if (rc != 0 && err)
        *err = d->load_err;
    return rc;
}

int wf_draft_open(struct wf_drafts *all, int64_t id, struct wf_draft **out, struct wf_err *err)
{
    struct wf_draft *fresh = make(all, id), *d;
    int rc;

    if (!fresh)
        return no_memory(err);
    pthread_mutex_lock(&all->lock);
    d = find(all, id);
    if (!d) {
        d = fresh;
        wf_list_push(bucket_of(all, id), &d->bucket);
        d->is_listed = d->is_loading = true;
        all->n_open++;
    }
    take(d);
    pthread_mutex_unlock(&all->lock);
    if (d == fresh) {
        rc = load_listed(d, err);
    } else {
        wf_draft__free(fresh);
        rc = await_loaded(d, err);
    }
    if (rc != 0) {
        wf_draft__unref(d);
        return rc;
    }
    *out = d;
    return 0;
}

/* The row's number; NOENT with the space known tells *out_space. */
static int look_up(struct wf_drafts *all, struct wf_str space, struct wf_str name, int64_t *out_id,
                   int64_t *out_space, struct wf_err *err)
{
    struct wf_draft_row row;
    struct wf_space s;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    int rc = wf_store_reader_get(all->o.store, &r, err);

    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 1024, ARENA_BYTES_MAX);
    *out_space = 0;
    rc = wf_space_by_name(r, space, &arena, &s, err);
    if (rc == 0) {
        *out_space = s.id;
        rc = wf_draft_row_named(r, s.id, name, &arena, &row, err);
    }
    if (rc == 0)
        *out_id = row.id;
    wf_arena_deinit(&arena);
    wf_store_reader_put(all->o.store, r);
    return rc;
}

int wf_draft_open_named(struct wf_drafts *all, struct wf_str space, struct wf_str name, bool create,
                        struct wf_draft **out, struct wf_err *err)
{
    struct wf_err own = WF_ERR_INIT;
    int64_t id = 0, space_id = 0;
    int rc = look_up(all, space, name, &id, &space_id, &own);

    if (rc == WF_E_NOENT && space_id != 0 && create &&
        !wf_draft__was_removed(all, space_id, name)) {
        rc = wf_space_name_check(name, "draft", &own);
        if (rc == 0)
            rc = wf_rights_check(all->o.rights, space_id, &own);
        if (rc == 0)
            rc = wf_draft_row_add(all->o.store, space_id, name, &id, &own);
        if (rc == WF_E_EXIST) /* somebody else did meanwhile */
            rc = look_up(all, space, name, &id, &space_id, &own);
    }
    if (rc == 0)
        return wf_draft_open(all, id, out, err);
    if (err)
        *err = own;
    return rc;
}

int wf_draft_open_uid(struct wf_drafts *all, const uint8_t *uid, struct wf_draft **out,
                      struct wf_err *err)
{
    char hex[2 * WF_DRAFT_UID_BYTES + 1];
    struct wf_draft_row row = {.id = 0};
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    int rc = wf_store_reader_get(all->o.store, &r, err);

    if (rc != 0)
        return rc;
    sodium_bin2hex(hex, sizeof(hex), uid, WF_DRAFT_UID_BYTES);
    wf_arena_init(&arena, 1024, ARENA_BYTES_MAX);
    rc = wf_draft_row_uid(r, wf_str_from(hex), &arena, &row, err);
    wf_arena_deinit(&arena);
    wf_store_reader_put(all->o.store, r);
    return rc == 0 ? wf_draft_open(all, row.id, out, err) : rc;
}

void wf_draft_close(struct wf_draft *d)
{
    if (d)
        wf_draft__unref(d);
}

bool wf_draft_may_write(const struct wf_draft *d)
{
    return wf_rights_may_write(d->all->o.rights, d->space);
}

int64_t wf_draft_id(const struct wf_draft *d)
{
    return d->id;
}

void wf_draft__drop(struct wf_draft *d)
{
    const struct wf_draft_event gone = {.update = wf_str_n(NULL, 0)};
    bool was_listed;

    pthread_mutex_lock(&d->lock);
    d->is_dropped = true;
    pthread_mutex_unlock(&d->lock);
    pthread_mutex_lock(&d->all->lock);
    was_listed = d->is_listed;
    unlist(d);
    pthread_mutex_unlock(&d->all->lock);
    if (was_listed)
        wf_draft__tell(d, &gone);
}

/* Takes the row away, and notes its name. */
static int remove_row(struct wf_drafts *all, int64_t id, struct wf_err *err)
{
    struct wf_draft_row row = {.id = 0};
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    int rc = wf_store_reader_get(all->o.store, &r, err);

    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 1024, ARENA_BYTES_MAX);
    rc = wf_draft_row_get(r, id, &arena, &row, err);
    wf_store_reader_put(all->o.store, r);
    if (rc == 0)
        wf_draft__note_removed(all, row.space, row.name); /* before anybody can make it anew */
    wf_arena_deinit(&arena);
    return rc == 0 ? wf_draft_row_remove(all->o.store, id, err) : rc;
}

int wf_draft_remove(struct wf_drafts *all, int64_t id, struct wf_err *err)
{
    struct wf_draft *d;
    int rc = remove_row(all, id, err);

    if (rc != 0)
        return rc;
    pthread_mutex_lock(&all->lock);
    d = find(all, id);
    if (d)
        take(d);
    pthread_mutex_unlock(&all->lock);
    if (d) {
        if (await_loaded(d, NULL) == 0)
            wf_draft__drop(d);
        wf_draft__unref(d);
    }
    return 0;
}

/* ---- changing ---- */

struct wf_draft_entry *wf_draft__entry(struct wf_draft *d, const struct wf_draft_ack *ack,
                                       struct wf_str bytes)
{
    struct wf_draft_entry *e = wf_alloc(sizeof(*e) + bytes.len);

    if (!e)
        return NULL;
    *e = (struct wf_draft_entry){.d = d, .n = bytes.len};
    if (ack)
        e->ack = *ack;
    wf_list_init(&e->node);
    if (bytes.len > 0)
        memcpy(e->bytes, bytes.ptr, bytes.len);
    return e;
}

void wf_draft__queue(struct wf_draft *d, struct wf_draft_entry *e)
{
    struct wf_drafts *all = d->all;

    if (e->n > 0) {
        bool is_ours = e->origin.dseq == 0;
        e->seq = d->next_seq++;
        e->at_ms = is_ours ? wf_clock_wall_ms(all->o.clock) : e->origin.at_ms;
        d->log_rows++;
        d->log_bytes += e->n;
        d->last_ms = e->at_ms;
        memcpy(d->last_device, is_ours ? all->o.device : e->origin.device, sizeof(d->last_device));
    }
    pthread_mutex_lock(&all->lock);
    take(d);
    all->queue_bytes += e->n + sizeof(*e);
    wf_list_push(&all->queue, &e->node);
    pthread_cond_signal(&all->work);
    pthread_mutex_unlock(&all->lock);
}

static void await_room(struct wf_drafts *all)
{
    bool is_full;

    pthread_mutex_lock(&all->lock);
    is_full = all->queue_bytes > WF_LIMIT_DRAFT_WAITING_BYTES;
    pthread_mutex_unlock(&all->lock);
    if (is_full)
        wf_drafts_commit(all);
    pthread_mutex_lock(&all->lock);
    while (all->queue_bytes > WF_LIMIT_DRAFT_WAITING_BYTES)
        pthread_cond_wait(&all->room, &all->lock);
    pthread_mutex_unlock(&all->lock);
}

static int dropped(struct wf_err *err)
{
    return wf_err_set(err, WF_E_CANCELED, "The draft was closed: open it again.");
}

/* Queues what the last transaction told, or `instead` of it. `origin` NULL: ours. d->lock is held.
 */
static int queue_emitted(struct wf_draft *d, const struct wf_draft_ack *ack,
                         const struct wf_str *instead, const struct wf_draft_origin *origin,
                         struct wf_err *err)
{
    struct wf_draft_entry *e = NULL;

    if (wf_buf_status(&d->emitted) == 0)
        e = wf_draft__entry(d, ack, instead ? *instead : wf_buf_str(&d->emitted));
    if (!e) {
        d->is_dropped = true; /* it says more than the disk ever will */
        return no_memory(err);
    }
    if (origin)
        e->origin = *origin;
    wf_draft__queue(d, e);
    return 0;
}

/* d->lock is held. */
static int apply_locked(struct wf_draft *d, struct wf_str update,
                        const struct wf_draft_origin *origin, const struct wf_draft_ack *ack,
                        struct wf_err *err)
{
    bool waits = wf_crdt_pending(d->doc);
    int rc;

    if (d->is_dropped)
        return dropped(err);
    if (update.len + d->snap_bytes + d->log_bytes > WF_LIMIT_DRAFT_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "The draft is too large: at most %u MB.",
                          WF_LIMIT_DRAFT_BYTES >> 20);
    wf_buf_reset(&d->emitted);
    rc = wf_crdt_apply(d->doc, update, WF_CRDT_V1, err);
    if (wf_crdt_is_broken(d->doc))
        d->is_dropped = true;
    if (rc != 0)
        return rc;
    /* What waits for others was not told, so the update is kept as it came. */
    waits = waits || wf_crdt_pending(d->doc);
    return queue_emitted(d, ack, waits ? &update : NULL, origin, err);
}

/* Unlocks; a draft that was dropped under the lock is taken out. */
static void leave(struct wf_draft *d)
{
    bool is_dropped = d->is_dropped;

    pthread_mutex_unlock(&d->lock);
    if (is_dropped)
        wf_draft__drop(d);
}

static int apply(struct wf_draft *d, struct wf_str update, const struct wf_draft_origin *origin,
                 const struct wf_draft_ack *ack, struct wf_err *err)
{
    int rc;

    await_room(d->all);
    pthread_mutex_lock(&d->lock);
    rc = apply_locked(d, update, origin, ack, err);
    leave(d);
    return rc;
}

int wf_draft_apply(struct wf_draft *d, struct wf_str update, const struct wf_draft_ack *ack,
                   struct wf_err *err)
{
    int rc = wf_rights_check(d->all->o.rights, d->space, err);

    return rc == 0 ? apply(d, update, NULL, ack, err) : rc;
}

int wf_draft_apply_of(struct wf_draft *d, struct wf_str update,
                      const struct wf_draft_origin *origin, const struct wf_draft_ack *ack,
                      struct wf_err *err)
{
    assert(origin->dseq > 0);
    return apply(d, update, origin, ack, err);
}

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool is_done;
    int rc;
};

static void on_durable(void *ud, int rc)
{
    struct waiter *w = ud;

    pthread_mutex_lock(&w->lock);
    w->rc = rc;
    w->is_done = true;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->lock);
}

static struct wf_draft_ack waiter_init(struct waiter *w)
{
    *w = (struct waiter){.is_done = false};
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->cond, NULL);
    return (struct wf_draft_ack){.fn = on_durable, .ud = w};
}

/* Waits for what was queued (rc 0), or passes on that it was not. */
static int waiter_end(struct waiter *w, struct wf_drafts *all, int rc, struct wf_err *err)
{
    if (rc == 0) {
        wf_drafts_commit(all);
        pthread_mutex_lock(&w->lock);
        while (!w->is_done)
            pthread_cond_wait(&w->cond, &w->lock);
        rc = w->rc;
        pthread_mutex_unlock(&w->lock);
        if (rc != 0)
            rc = wf_err_set(err, rc, "The change could not be written to the disk.");
    }
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->cond);
    return rc;
}

int wf_draft__apply_durable(struct wf_draft *d, struct wf_str update, struct wf_err *err)
{
    struct waiter w;
    const struct wf_draft_ack ack = waiter_init(&w);

    return waiter_end(&w, d->all, wf_draft_apply(d, update, &ack, err), err);
}

int wf_draft_after(struct wf_draft *d, const struct wf_draft_ack *ack, struct wf_err *err)
{
    struct wf_draft_entry *e = wf_draft__entry(d, ack, wf_str_n(NULL, 0));
    int rc = 0;

    if (!e)
        return no_memory(err);
    pthread_mutex_lock(&d->lock);
    if (d->is_dropped)
        rc = dropped(err);
    else
        wf_draft__queue(d, e);
    pthread_mutex_unlock(&d->lock);
    if (rc != 0)
        wf_free(e);
    return rc;
}

int wf_draft__await(struct wf_draft *d, struct wf_err *err)
{
    struct waiter w;
    const struct wf_draft_ack ack = waiter_init(&w);

    return waiter_end(&w, d->all, wf_draft_after(d, &ack, err), err);
}

int wf_draft_read(struct wf_draft *d, wf_draft_doc_fn fn, void *ud, struct wf_err *err)
{
    int rc;

    pthread_mutex_lock(&d->lock);
    rc = d->is_dropped ? dropped(err) : fn(ud, d->doc, err);
    pthread_mutex_unlock(&d->lock);
    return rc;
}

/* Calls fn with the draft that is in memory, where that is what is on the disk up to `upto` and no
 * more; *out_is: it is. */
static int look_in_memory(struct wf_drafts *all, int64_t id, uint64_t upto, wf_draft_doc_fn fn,
                          void *ud, bool *out_is, struct wf_err *err)
{
    struct wf_draft *d;
    int rc = 0;

    pthread_mutex_lock(&all->lock);
    d = find(all, id);
    d = d && d->is_loading ? NULL : d;
    if (d)
        take(d);
    pthread_mutex_unlock(&all->lock);
    if (!d)
        return 0;
    pthread_mutex_lock(&d->lock);
    *out_is = !d->is_dropped && d->written_seq == upto && d->next_seq == upto + 1;
    if (*out_is)
        rc = fn(ud, d->doc, err);
    pthread_mutex_unlock(&d->lock);
    wf_draft__unref(d);
    return rc;
}

static int look_in_store(const struct wf_draft_moment *at, uint64_t upto, wf_draft_doc_fn fn,
                         void *ud, struct wf_err *err)
{
    const struct wf_draft_past past = {.draft = at->draft, .upto = upto, .client = 1};
    struct wf_draft_found found = {.doc = NULL};
    int rc = wf_draft__read_past(at->r, &past, &found, err);

    if (rc != 0)
        return rc;
    if (found.last_seq == upto)
        rc = fn(ud, found.doc, err);
    else
        rc = wf_err_set(err, WF_E_NOENT, "The draft's log does not go up to there.");
    wf_crdt_free(found.doc);
    return rc;
}

int wf_draft_look(struct wf_drafts *all, const struct wf_draft_moment *at, wf_draft_doc_fn fn,
                  void *ud, struct wf_err *err)
{
    struct wf_draft_extent extent = {.last_seq = at->upto};
    bool is_there = false;
    int rc = 0;

    if (at->upto == 0)
        rc = wf_draft_log_extent(at->r, at->draft, 0, &extent, err);
    if (rc == 0)
        rc = look_in_memory(all, at->draft, extent.last_seq, fn, ud, &is_there, err);
    return rc == 0 && !is_there ? look_in_store(at, extent.last_seq, fn, ud, err) : rc;
}

/* d->lock is held. */
static int change_locked(struct wf_draft *d, wf_draft_doc_fn fn, void *ud,
                         const struct wf_draft_ack *ack, struct wf_err *err)
{
    int rc = 0, rc2;

    if (d->is_dropped)
        return dropped(err);
    if (wf_crdt_client_taken(d->doc))
        rc = wf_crdt_set_client(d->doc, 1 + wf_rng_below(d->all->o.rng, UINT32_MAX));
    wf_buf_reset(&d->emitted);
    if (rc == 0)
        rc = wf_crdt_begin(d->doc);
    if (rc == 0) {
        rc = fn(ud, d->doc, err);
        rc2 = wf_crdt_commit(d->doc);
        rc = rc == 0 ? rc2 : rc;
    }
    if (rc != 0) {
        d->is_dropped = rc == WF_E_NOMEM || d->emitted.len > 0;
        return rc == WF_E_NOMEM ? no_memory(err) : rc;
    }
    return queue_emitted(d, ack, NULL, NULL, err);
}

int wf_draft_change(struct wf_draft *d, wf_draft_doc_fn fn, void *ud, bool *out_changed,
                    struct wf_err *err)
{
    struct waiter w;
    const struct wf_draft_ack ack = waiter_init(&w);
    bool changed;
    int rc = wf_rights_check(d->all->o.rights, d->space, err);

    if (rc != 0)
        return waiter_end(&w, d->all, rc, err);
    await_room(d->all);
    pthread_mutex_lock(&d->lock);
    rc = change_locked(d, fn, ud, &ack, err);
    changed = rc == 0 && d->emitted.len > 0;
    leave(d);
    rc = waiter_end(&w, d->all, rc, err);
    if (rc == 0 && out_changed)
        *out_changed = changed;
    return rc;
}

/* ---- listening ---- */

int wf_draft_subscribe(struct wf_draft *d, wf_draft_fn fn, void *ud)
{
    struct wf_draft_listener *l = wf_alloc_array(1, sizeof(*l));

    if (!l)
        return WF_E_NOMEM;
    l->fn = fn;
    l->ud = ud;
    pthread_mutex_lock(&d->listen_lock);
    wf_list_push(&d->listeners, &l->node);
    pthread_mutex_unlock(&d->listen_lock);
    return 0;
}

void wf_draft_unsubscribe(struct wf_draft *d, wf_draft_fn fn, void *ud)
{
    struct wf_list *it, *tmp;

    pthread_mutex_lock(&d->listen_lock);
    WF_LIST_EACH(it, tmp, &d->listeners)
    {
        struct wf_draft_listener *l = WF_CONTAINER(it, struct wf_draft_listener, node);
        if (l->fn != fn || l->ud != ud)
            continue;
        wf_list_remove(&l->node);
        wf_free(l);
        break;
    }
    pthread_mutex_unlock(&d->listen_lock);
}

void wf_draft__tell(struct wf_draft *d, const struct wf_draft_event *e)
{
    struct wf_list *it, *tmp;

    pthread_mutex_lock(&d->listen_lock);
    WF_LIST_EACH(it, tmp, &d->listeners)
    {
        struct wf_draft_listener *l = WF_CONTAINER(it, struct wf_draft_listener, node);
        l->fn(l->ud, e);
    }
    pthread_mutex_unlock(&d->listen_lock);
}
