/* SPDX-License-Identifier: Apache-2.0 */
/* Writing of this device. Who asks puts the request into a queue; the first who finds nobody
 * committing takes all that waits, writes it in one transaction, and answers it when that is on the
 * disk, while the next ones gather. Each request lies in a savepoint of its own, so that one that
 * cannot be done takes none of the others with it. */
#include "space/record.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "space/record_internal.h"
#include "space/rights.h"
#include "store/sql.h"

/* What a request's changed ops may take. */
#define ARENA_BYTES_MAX ((size_t)16 << 20)
#define TIDY_MS 2000

struct request {
    struct wf_list node;
    int64_t space;
    const struct wf_record_edit *edits;
    size_t n;
    const struct wf_records_along *along; /* NULL: nothing */
    int rc;
    bool is_done;
    struct wf_err err;
};

int wf_record__no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (records).");
}

/* ---- opening ---- */

static int read_clock(struct wf_records *r, struct wf_err *err)
{
    struct wf_reader *reader = NULL;
    sqlite3_stmt *st = NULL;
    int rc = wf_store_reader_get(r->o.store, &reader, err);

    if (rc != 0)
        return rc;
    rc = wf_reader_cached(reader, "SELECT hlc FROM device_clock", &st, err);
    if (rc == 0)
        rc = wf_sql_step(st, "reading the device's clock", err);
    if (rc == 1) {
        wf_hlc_init(&r->hlc, r->o.clock, (uint64_t)sqlite3_column_int64(st, 0));
        atomic_init(&r->clock, r->hlc.last);
        sqlite3_reset(st);
    } else if (rc == 0) {
        rc = wf_err_set(err, WF_E_CORRUPT, "The device's clock is not in the database.");
    }
    wf_store_reader_put(r->o.store, reader);
    return rc < 0 ? rc : 0;
}

int wf_records_new(const struct wf_records_options *o, struct wf_records **out, struct wf_err *err)
{
    struct wf_records *r = wf_alloc_array(1, sizeof(*r));
    int rc;

    if (r == NULL)
        return wf_record__no_memory(err);
    r->o = *o;
    r->tidy_ms = o->tidy_ms != 0 ? o->tidy_ms : TIDY_MS;
    r->must_tidy = true; /* what a crash left */
    wf_list_init(&r->queue);
    wf_buf_init(&r->loaded, SIZE_MAX);
    wf_buf_init(&r->state, SIZE_MAX);
    wf_buf_init(&r->under, SIZE_MAX);
    wf_arena_init(&r->stability.arena, 0, ARENA_BYTES_MAX);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->done, NULL);
    pthread_cond_init(&r->wake, NULL);
    rc = read_clock(r, err);
    if (rc == 0 && r->tidy_ms > 0) {
        r->has_thread = pthread_create(&r->thread, NULL, wf_record__tidier, r) == 0;
        if (!r->has_thread)
            rc = wf_err_set(err, WF_E_BUSY, "The system allows no more threads.");
    }
    if (rc != 0) {
        wf_records_free(r);
        return rc;
    }
    *out = r;
    return 0;
}

void wf_records_free(struct wf_records *r)
{
    if (r == NULL)
        return;
    pthread_mutex_lock(&r->lock);
    assert(wf_list_empty(&r->queue));
    r->stop = true;
    pthread_cond_broadcast(&r->wake);
    pthread_mutex_unlock(&r->lock);
    if (r->has_thread) {
        pthread_join(r->thread, NULL);
        /* A command is done before its thread has waited: what it deleted goes now. What fails is
         * tried at the next start. */
        if (r->must_tidy)
            (void)!wf_records_tidy(r, NULL, NULL);
    }
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->done);
    pthread_cond_destroy(&r->wake);
    wf_buf_deinit(&r->loaded);
    wf_buf_deinit(&r->state);
    wf_buf_deinit(&r->under);
    wf_arena_deinit(&r->stability.arena);
    wf_free(r);
}

int wf_records_clock(struct wf_records *r, uint64_t *out, struct wf_err *err)
{
    uint64_t now;
    int rc = wf_store_write_begin(r->o.store, err);

    if (rc != 0)
        return rc;
    now = wf_hlc_now(&r->hlc);
    rc = wf_record__save_clock(r, err);
    if (rc != 0) {
        wf_store_write_rollback(r->o.store);
        return rc;
    }
    rc = wf_store_write_commit(r->o.store, err);
    if (rc == 0)
        *out = now;
    return rc;
}

int64_t wf_records_ahead_ms(struct wf_records *r)
{
    struct wf_hlc hlc;

    /* Relaxed: any of the last times will do. */
    wf_hlc_init(&hlc, r->o.clock, atomic_load_explicit(&r->clock, memory_order_relaxed));
    return wf_hlc_ahead_ms(&hlc);
}

/* ---- one request ---- */

static int by_record(const void *a, const void *b)
{
    const struct wf_change_draft *x = a, *y = b;
    int c = wf_str_cmp(x->collection, y->collection);

    return c != 0 ? c : wf_str_cmp(x->key, y->key);
}

static int by_place(const void *a, const void *b)
{
    return wf_record_op_cmp(a, b);
}

static bool needs_state(const struct wf_record_op *op)
{
    return op->kind == WF_RECORD_COUNT || op->kind == WF_RECORD_TAKE;
}

/* Makes of what is to be counted or taken back what is to be written, given the record. */
static int resolve(struct wf_records *r, const struct wf_record *record, struct wf_record_op *op,
                   struct wf_arena *arena, struct wf_err *err)
{
    struct wf_buf dots;
    int rc;

    if (op->kind == WF_RECORD_COUNT)
        return wf_record_count_op(record, r->o.signer->id, op->field, op->total, op, err);
    if (op->kind != WF_RECORD_TAKE)
        return 0;
    wf_buf_init(&dots, WF_LIMIT_CHANGE_BYTES);
    rc = wf_record_take_op(record, op->field, op->value, &dots, op, err);
    if (rc == 0) {
        op->dots = wf_arena_dup(arena, op->dots);
        if (op->dots.ptr == NULL)
            rc = wf_record__no_memory(err);
    }
    wf_buf_deinit(&dots);
    return rc;
}

/* The label of what is written. What only ends something reaches who knows of the record, and says
 * it to nobody else: the lowest clearance for which there is something of it. What adds to it has
 * the label that somebody gave the record, at least. */
static int label_of(struct wf_records *r, int64_t space, const struct wf_record_edit *e,
                    uint8_t *out, struct wf_err *err)
{
    uint8_t least = 0, floor = 0, label = e->label;
    bool adds = false;
    int rc = wf_record__known(r, space, e->collection, e->key, &least, &floor, err);

    for (size_t i = 0; i < e->n_ops; i++) {
        enum wf_record_op_kind kind = e->ops[i].kind;
        adds =
            adds || (kind != WF_RECORD_DELETE && kind != WF_RECORD_UNSET && kind != WF_RECORD_TAKE);
        if (kind == WF_RECORD_LABEL)
            label = WF_MAX(label, e->ops[i].label);
    }
    uint8_t at_least = adds ? floor : least;
    *out = WF_MAX(label, at_least);
    return rc;
}

/* The edit's ops, in order, as they are written. */
static int draft_item(struct wf_records *r, int64_t space, const struct wf_record_edit *e,
                      struct wf_arena *arena, struct wf_change_draft *out, struct wf_err *err)
{
    struct wf_record_op *ops = wf_arena_array(arena, e->n_ops + 1, sizeof(*ops));
    struct wf_record_levels record;
    bool needs = false;
    int rc = 0;

    if (ops == NULL)
        return wf_record__no_memory(err);
    for (size_t i = 0; i < e->n_ops; i++) {
        ops[i] = e->ops[i];
        needs = needs || needs_state(&ops[i]);
    }
    qsort(ops, e->n_ops, sizeof(*ops), by_place);
    for (size_t i = 1; i < e->n_ops; i++)
        if (wf_record_op_cmp(&ops[i - 1], &ops[i]) == 0)
            return wf_err_set(err, WF_E_INVAL, "The field \"%.*s\" is written twice.",
                              WF_STR_ARG(wf_str_sub(ops[i].field, 0, 60)));
    if (needs) {
        wf_record__levels_init(&record);
        rc = wf_record__load(r, space, e->collection, e->key, &record, err);
        for (size_t i = 0; rc == 0 && i < e->n_ops; i++)
            rc = resolve(r, wf_record__top(&record), &ops[i], arena, err);
        wf_record__levels_deinit(&record);
    }
    *out = (struct wf_change_draft){
        .collection = e->collection, .key = e->key, .ops = ops, .n_ops = e->n_ops};
    return rc == 0 ? label_of(r, space, e, &out->label, err) : rc;
}

/* Puts one item of this device's change into its record. */
static int apply_own(struct wf_records *r, int64_t space, const struct wf_change_item *item,
                     const struct wf_stamp *at, struct wf_err *err)
{
    struct wf_record_levels record;
    size_t before;
    int rc;

    wf_record__levels_init(&record);
    rc = wf_record__load(r, space, item->collection, item->key, &record, err);
    before = wf_record_bytes(wf_record__top(&record));
    if (rc == 0)
        rc = wf_record__levels_apply(&record, item, at, err);
    if (rc == 0 && wf_record_bytes(wf_record__top(&record)) > WF_MAX(before, WF_LIMIT_RECORD_BYTES))
        rc = wf_err_set(err, WF_E_LIMIT, "The record %.*s/%.*s holds more than %u bytes.",
                        WF_STR_ARG(wf_str_sub(item->collection, 0, 60)),
                        WF_STR_ARG(wf_str_sub(item->key, 0, 60)), WF_LIMIT_RECORD_BYTES);
    if (rc == 0)
        rc = wf_record__save(r, space, item->collection, item->key, at->hlc, &record, err);
    wf_record__levels_deinit(&record);
    return rc;
}

static int write_change(struct wf_records *r, int64_t space, const struct wf_change_draft *items,
                        size_t n, struct wf_err *err)
{
    struct wf_stamp at = {.hlc = wf_hlc_now(&r->hlc)};
    uint8_t uid[WF_CHANGE_UID_BYTES];
    struct wf_change_head head = {.hlc = at.hlc, .uid = uid, .rng = r->o.rng};
    struct wf_change_item item;
    struct wf_change c = {.dseq = 0};
    struct wf_buf bytes;
    size_t i = 0;
    int rc = wf_record__uid(r, space, uid, err);

    memcpy(at.device, r->o.signer->id, sizeof(at.device));
    wf_buf_init(&bytes, WF_LIMIT_CHANGE_BYTES);
    if (rc == 0)
        rc = wf_log_next(r->o.store, space, at.device, &head.dseq, err);
    if (rc == 0)
        rc = wf_log_reach(r->o.store, space, at.device, head.dseq, at.hlc, err);
    if (rc == 0)
        rc = wf_change_write(&head, r->o.signer, items, n, &bytes, &c, err);
    if (rc == 0)
        rc = wf_record__keep(r, space, &c, err);
    while (rc == 0 && wf_change_next(&c, &i, &item))
        rc = apply_own(r, space, &item, &at, err);
    wf_buf_deinit(&bytes);
    return rc;
}

static int write_request(struct wf_records *r, const struct request *q, struct wf_err *err)
{
    struct wf_change_draft *items;
    struct wf_arena arena;
    int rc = 0;

    wf_arena_init(&arena, 0, ARENA_BYTES_MAX);
    items = wf_arena_array(&arena, q->n + 1, sizeof(*items));
    if (items == NULL)
        rc = wf_record__no_memory(err);
    for (size_t i = 0; rc == 0 && i < q->n; i++)
        rc = draft_item(r, q->space, &q->edits[i], &arena, &items[i], err);
    if (rc == 0)
        qsort(items, q->n, sizeof(*items), by_record);
    for (size_t i = 1; rc == 0 && i < q->n; i++)
        if (by_record(&items[i - 1], &items[i]) == 0)
            rc = wf_err_set(err, WF_E_INVAL, "The record %.*s/%.*s is written twice at once.",
                            WF_STR_ARG(wf_str_sub(items[i].collection, 0, 60)),
                            WF_STR_ARG(wf_str_sub(items[i].key, 0, 60)));
    if (rc == 0)
        rc = write_change(r, q->space, items, q->n, err);
    wf_arena_deinit(&arena);
    return rc;
}

/* ---- the committer ---- */

/* One request within its savepoint. A failure that leaves the transaction as it is is the
 * request's own, any other is returned. */
static int write_apart(struct wf_records *r, struct request *q, struct wf_err *err)
{
    int rc = wf_record__run(r, "SAVEPOINT request", "writing records", err);

    if (rc != 0)
        return rc;
    q->rc = write_request(r, q, &q->err);
    if (q->rc == 0 && q->along != NULL)
        q->rc = q->along->fn(q->along->ud, &q->err);
    if (q->rc != 0) {
        wf_record__stability_reset(&r->stability);
        rc = wf_record__run(r, "ROLLBACK TO request", "taking a record back", err);
    }
    return rc == 0 ? wf_record__run(r, "RELEASE request", "writing records", err) : rc;
}

static int write_group(struct wf_records *r, struct wf_list *group, struct wf_err *err)
{
    struct wf_list *it, *tmp;
    int rc = wf_store_write_begin(r->o.store, err);

    if (rc != 0)
        return rc;
    WF_LIST_EACH(it, tmp, group)
    {
        if (rc == 0)
            rc = write_apart(r, WF_CONTAINER(it, struct request, node), err);
    }
    if (rc == 0)
        rc = wf_record__save_clock(r, err);
    wf_record__stability_reset(&r->stability);
    if (rc != 0) {
        wf_store_write_rollback(r->o.store);
        return rc;
    }
    return wf_store_write_commit(r->o.store, err);
}

/* Moves all that waits to `out`; the lock is held. */
static void take_queue(struct wf_records *r, struct wf_list *out)
{
    *out = r->queue;
    out->next->prev = out;
    out->prev->next = out;
    wf_list_init(&r->queue);
}

/* Tells of what the request wrote; whether it may have left something to tidy. */
static bool tell(struct wf_records *r, const struct request *q)
{
    bool ends = false;

    for (size_t i = 0; i < q->n; i++) {
        for (size_t k = 0; k < q->edits[i].n_ops; k++)
            ends = ends || q->edits[i].ops[k].kind == WF_RECORD_DELETE;
        if (r->o.changed != NULL)
            r->o.changed(r->o.ud, q->space, q->edits[i].collection, q->edits[i].key);
    }
    return ends;
}

/* Commits all that waits. The lock is held, and let go meanwhile. */
static void commit_queue(struct wf_records *r)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_list group, *it, *tmp;
    int rc;

    r->is_committing = true;
    take_queue(r, &group);
    pthread_mutex_unlock(&r->lock);
    rc = write_group(r, &group, &err);
    pthread_mutex_lock(&r->lock);
    WF_LIST_EACH(it, tmp, &group)
    {
        struct request *q = WF_CONTAINER(it, struct request, node);
        if (rc != 0) {
            q->rc = rc;
            q->err = err;
        }
        q->is_done = true;
    }
    r->is_committing = false;
    pthread_cond_broadcast(&r->done);
}

int wf_records_write_along(struct wf_records *r, int64_t space, const struct wf_record_edit *edits,
                           size_t n, const struct wf_records_along *along, struct wf_err *err)
{
    struct request q = {.space = space, .edits = edits, .n = n, .along = along, .err = WF_ERR_INIT};

    if (n == 0 || n > WF_LIMIT_CHANGE_ITEMS)
        return wf_err_set(err, WF_E_LIMIT, "1 to %d records can be written at once.",
                          WF_LIMIT_CHANGE_ITEMS);
    if (wf_rights_check(r->o.rights, space, err) != 0)
        return WF_E_DENIED;
    pthread_mutex_lock(&r->lock);
    wf_list_push(&r->queue, &q.node);
    while (!q.is_done) {
        if (r->is_committing)
            pthread_cond_wait(&r->done, &r->lock);
        else
            commit_queue(r);
    }
    pthread_mutex_unlock(&r->lock);
    if (q.rc != 0)
        return wf_err_set(err, q.rc, "%s", q.err.msg);
    if (tell(r, &q))
        wf_records_poke(r);
    return 0;
}

int wf_records_write(struct wf_records *r, int64_t space, const struct wf_record_edit *edits,
                     size_t n, struct wf_err *err)
{
    return wf_records_write_along(r, space, edits, n, NULL, err);
}
