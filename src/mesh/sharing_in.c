/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of others are opened and applied, each log's in its order, many at a time
 * (mesh/sharing_lot.h). One that cannot be applied is kept, and its author named: nothing of that
 * log behind it is taken. */
#include <string.h>

#include <sodium.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "mesh/sharing_internal.h"
#include "mesh/sharing_lot.h"
#include "mesh/sharing_people.h"
#include "mesh/snapshot.h"

/* Read of a log at once. */
#define GO_BYTES ((size_t)4 << 20)

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for changes of others.");
}

/* A log has something that is not taken yet. */
static int queue(struct wf_sharing *s, const struct wf_sync_log *log)
{
    for (size_t i = 0; i < s->n_came; i++) {
        if (memcmp(&s->came[i], log, sizeof(*log)) == 0)
            return 0;
    }
    if (wf_reserve(&s->came, &s->cap_came, s->n_came + 1, sizeof(*s->came)) != 0)
        return WF_E_NOMEM;
    s->came[s->n_came++] = *log;
    return 0;
}

int wf_sharing__came(struct wf_sharing *s, const struct wf_sync_log *log)
{
    wf_sharing__fork_came(s, log);
    return queue(s, log);
}

static int find_one(void *ud, const struct wf_sync_head *head, struct wf_err *err)
{
    struct wf_sharing *s = ud;
    struct wf_reader *r = NULL;
    uint64_t taken = 0;
    int rc = wf_syncer_reached(s->syncer, head, err);

    if (rc != 0 || wf_sharing__stream(s, head->log.stream) == NULL ||
        memcmp(head->log.device, s->o.device->signer.id, sizeof(head->log.device)) == 0)
        return rc;
    rc = wf_store_reader_get(s->o.store, &r, err);
    if (rc != 0)
        return rc;
    rc = wf_share_taken(r, &head->log, &taken, err);
    wf_store_reader_put(s->o.store, r);
    if (rc == 0 && taken < head->last && queue(s, &head->log) != 0)
        rc = no_memory(err);
    return rc;
}

int wf_sharing__find_untaken(struct wf_sharing *s, struct wf_err *err)
{
    struct wf_shelf shelf;

    wf_shelf_of_store(s->o.store, &shelf);
    return shelf.heads(shelf.ud, find_one, s, err);
}

/* ---- batches ---- */

int wf_sharing__open(const struct wf_sharing *s, const struct wf_batch *b, struct wf_buf *out,
                     struct wf_err *err)
{
    struct wf_share_key key;
    struct wf_reader *r = NULL;
    int rc = wf_store_reader_get(s->o.store, &r, err);

    if (rc != 0)
        return rc;
    rc = wf_share_key_get(r, b->key, &key, err);
    wf_store_reader_put(s->o.store, r);
    if (rc == 0)
        rc = wf_batch_open(b, &key.key, out, err);
    sodium_memzero(&key, sizeof(key));
    return rc;
}

struct kept {
    uint64_t number;
    struct wf_str bytes, content; /* content: once it is opened */
};

struct reading {
    struct wf_sharing *s;
    const struct wf_sync_log *log;
    const struct wf_sharing_stream *stream;
    struct wf_arena arena;
    struct kept *at;
    size_t n, cap;
};

/* Batches are read first, then applied: that needs a turn of writing. */
static int keep_batch(void *ud, uint64_t number, struct wf_str bytes, struct wf_err *err)
{
    struct reading *r = ud;

    if (wf_reserve(&r->at, &r->cap, r->n + 1, sizeof(*r->at)) != 0)
        return no_memory(err);
    r->at[r->n] = (struct kept){.number = number, .bytes = wf_arena_dup(&r->arena, bytes)};
    return r->at[r->n++].bytes.ptr == NULL ? no_memory(err) : 0;
}

static int read_log(struct reading *r, uint64_t *out_taken, struct wf_err *err)
{
    struct wf_sharing *s = r->s;
    struct wf_shelf shelf;
    struct wf_reader *reader = NULL;
    int rc = wf_store_reader_get(s->o.store, &reader, err);

    if (rc != 0)
        return rc;
    rc = wf_share_taken(reader, r->log, out_taken, err);
    wf_store_reader_put(s->o.store, reader);
    wf_shelf_of_store(s->o.store, &shelf);
    return rc == 0 ? shelf.read(shelf.ud, r->log, *out_taken + 1, GO_BYTES, keep_batch, r, err)
                   : rc;
}

static int open_one(struct reading *r, struct kept *k, struct wf_err *err)
{
    struct wf_buf content;
    struct wf_batch b;
    int rc = r->stream == NULL ? wf_err_set(err, WF_E_NOENT, "The space is not here.")
                               : wf_batch_read(k->bytes, &b, err);

    if (rc == 0 && !wf_sharing__counts(r->s, r->log->device, r->log->stream))
        rc = wf_err_set(err, WF_E_DENIED, WF_SHARING_READS_ONLY);
    if (rc != 0)
        return rc;
    wf_buf_init(&content, WF_LIMIT_BATCH_BYTES);
    rc = wf_sharing__open(r->s, &b, &content, err);
    if (rc == 0) {
        k->content = wf_arena_dup(&r->arena, wf_buf_str(&content));
        rc = k->content.ptr == NULL ? no_memory(err) : 0;
    }
    if (content.len > 0)
        sodium_memzero(content.ptr, content.len);
    wf_buf_deinit(&content);
    return rc;
}

static void wipe(struct reading *r)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->at[i].content.len > 0)
            sodium_memzero((void *)(uintptr_t)r->at[i].content.ptr, r->at[i].content.len);
    }
    wf_free(r->at);
    wf_arena_deinit(&r->arena);
}

static int add_content(struct wf_sharing_lot *lot, const struct reading *r, struct wf_str content,
                       struct wf_err *err)
{
    struct wf_batch_entry e;
    size_t at = 0;
    int rc = 0, got;

    while (rc == 0 && (got = wf_batch_entry_next(content, &at, &e)) != 0) {
        if (got < 0)
            return wf_err_set(err, WF_E_FORMAT, "It wrote what this weft cannot read.");
        rc = wf_sharing__lot_add(lot, r->log->device, &e, err);
    }
    return rc;
}

struct upto {
    struct reading *r;
    uint64_t number;
};

static int set_taken(void *ud, struct wf_err *err)
{
    const struct upto *u = ud;

    return wf_share_set_taken(u->r->s->o.store, u->r->log, u->number, WF_STR(""), err);
}

/* Batches from..to, which are open, in one go. */
static int take_together(struct reading *r, size_t from, size_t to, struct wf_err *err)
{
    struct upto u = {r, r->at[to - 1].number};
    struct wf_sharing_lot lot;
    int rc = 0;

    wf_sharing__lot_init(&lot, r->s, r->stream->space);
    lot.level = r->stream->level;
    for (size_t i = from; i < to && rc == 0; i++)
        rc = add_content(&lot, r, r->at[i].content, err);
    if (rc == 0)
        rc = wf_sharing__lot_take(&lot, set_taken, &u, err);
    wf_sharing__lot_deinit(&lot);
    return rc;
}

/* Together, and where that cannot be done one by one, so that all before the bad one is taken.
 * *io_from: the first that is not taken. */
static int take_some(struct reading *r, size_t *io_from, size_t to, struct wf_err *err)
{
    int rc = take_together(r, *io_from, to, err);

    if (rc == 0)
        *io_from = to;
    if (rc == 0 || *io_from + 1 == to || wf_sharing__is_own_trouble(rc))
        return rc;
    for (rc = 0; *io_from < to && rc == 0; *io_from += rc == 0)
        rc = take_together(r, *io_from, *io_from + 1, err);
    return rc;
}

/* Whether a batch is a part of a snapshot. */
static bool part_of(struct wf_str content, struct wf_batch_entry *out)
{
    size_t at = 0;

    return wf_batch_entry_next(content, &at, out) == 1 && out->kind == WF_BATCH_SNAPSHOT;
}

/* All that a snapshot has is here, or is on its way: it is passed over, and noted. */
static int pass_part(struct reading *r, const struct kept *k, const struct wf_batch_entry *e,
                     struct wf_err *err)
{
    struct upto u = {r, k->number};
    struct wf_store *store = r->s->o.store;
    int rc = wf_store_write_begin(store, err);

    if (rc != 0)
        return rc;
    rc = wf_sharing__note_part(r->s, r->log, k->number, e, k->bytes.len, err);
    if (rc == 0)
        rc = set_taken(&u, err);
    if (rc != 0) {
        wf_store_write_rollback(store);
        return rc;
    }
    rc = wf_store_write_commit(store, err);
    if (((uint8_t)e->bytes.ptr[0] & WF_SNAPSHOT_LAST) != 0)
        r->s->must_look = r->s->must_merge = true; /* some logs may have waited for it */
    return rc;
}

/* The first n, which are open and follow each other. */
static int take_run(struct reading *r, size_t n, struct wf_err *err)
{
    struct wf_batch_entry e;
    size_t i = 0;
    int rc = 0;

    while (i < n && rc == 0) {
        size_t to = i;
        if (part_of(r->at[i].content, &e)) {
            rc = pass_part(r, &r->at[i++], &e, err);
            continue;
        }
        while (to < n && !part_of(r->at[to].content, &e))
            to++;
        rc = take_some(r, &i, to, err);
    }
    return rc;
}

/* What is missing before the first of them is taken from a snapshot. */
static int bridge(struct reading *r, bool *out_done, struct wf_err *err)
{
    bool is_bridged = false;
    int rc = wf_sharing__bridge(r->s, r->log, r->at[0].number, &is_bridged, err);
    struct wf_sharing_problem *p;

    *out_done = rc != 0 || !is_bridged;
    if (is_bridged) {
        (void)wf_sharing__problem(r->s, r->log, "");
        r->s->must_look = true;
    }
    if (rc == 0 && !is_bridged) {
        p = wf_sharing__problem(r->s, r->log,
                                "What it wrote earlier is not here: a snapshot or a device that "
                                "has it is awaited.");
        if (p != NULL)
            p->is_missing = true;
    }
    return rc;
}

/* What may be taken once its device is out, or its clock is right, is not all that there is. */
static void name_problem(struct wf_sharing *s, const struct wf_sync_log *log, int rc,
                         const struct wf_err *err)
{
    struct wf_sharing_problem *p = wf_sharing__problem(s, log, err->msg);

    if (p != NULL)
        p->is_missing = rc == WF_E_CORRUPT || rc == WF_E_RANGE;
}

/* Some batches of a log. *out_done: there are no more, or none that can be taken now. */
static int take_log(struct wf_sharing *s, const struct wf_sync_log *log, bool *out_done,
                    struct wf_err *err)
{
    struct reading r = {.s = s, .log = log, .stream = wf_sharing__stream(s, log->stream)};
    struct wf_err own = WF_ERR_INIT;
    uint64_t taken = 0;
    size_t n = 0;
    int rc, one = 0;

    wf_arena_init(&r.arena, (size_t)1 << 16, SIZE_MAX);
    rc = read_log(&r, &taken, err);
    *out_done = r.n == 0;
    if (rc == 0 && r.n > 0 && r.at[0].number > taken + 1) {
        one = bridge(&r, out_done, &own);
    } else {
        while (n < r.n && rc == 0 && one == 0 && r.at[n].number == taken + 1 + n) {
            one = open_one(&r, &r.at[n], &own);
            n += one == 0;
        }
        if (rc == 0 && n > 0) {
            int some = take_run(&r, n, &own);
            one = some != 0 ? some : one;
        }
        *out_done = r.n == 0 || one != 0;
        if (rc == 0 && n > 0 && one == 0)
            (void)wf_sharing__problem(s, log, "");
    }
    if (rc == 0 && wf_sharing__is_own_trouble(one))
        rc = wf_err_set(err, one, "%s", own.msg);
    else if (rc == 0 && one != 0 && one != WF_E_NOENT) /* NOENT: the key has not come yet */
        name_problem(s, log, one, &own);
    wipe(&r);
    return rc;
}

int wf_sharing__in(struct wf_sharing *s, struct wf_err *err)
{
    size_t n = s->n_came, kept = 0;
    int rc = 0;

    s->is_going_on = false;
    for (size_t i = 0; i < n && rc == 0; i++) {
        bool is_done = true;
        rc = take_log(s, &s->came[i], &is_done, err);
        if (rc == 0 && !is_done) {
            s->came[kept++] = s->came[i];
            s->is_going_on = true;
        }
    }
    if (rc == 0)
        s->n_came = kept;
    if (rc == 0 && s->must_look) { /* what waited for a snapshot, or goes on behind it */
        rc = wf_sharing__find_untaken(s, err);
        s->must_look = rc != 0;
        s->is_going_on = s->n_came > 0;
    }
    if (n > 0 && s->o.changed != NULL)
        s->o.changed(s->o.ud);
    return rc;
}
