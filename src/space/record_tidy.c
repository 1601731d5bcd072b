/* SPDX-License-Identifier: Apache-2.0 */
/* Deletions that every device has: they are forgotten, and the stored changes lose what was
 * deleted.
 *
 * A deletion made by device t at time h is final here once, for each device d of the space that
 * counts, (1) d has said that it has t's log up to h, and (2) d's own log is here up to a change,
 * or a word of d's, that is not before h: d wrote nothing older that could still come, and what it
 * writes from now on is later, since it has seen h. Without (2) a write from before the deletion
 * could come after it was forgotten, and would bring the record back.
 *
 * The stored changes are gone through for all that was deleted since the last time, in steps of one
 * turn each, from a thread: once for many deletions. */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "base/map.h"
#include "space/record_internal.h"
#include "store/sql.h"

/* Changes that are looked at, and records that are settled, in one turn; deletions of one pass. */
#define STEP 500
#define ERASED_MAX 100000
#define ERASED_BYTES_MAX ((size_t)64 << 20)

/* ---- what every device has ---- */

void wf_record__stability_reset(struct wf_record_stability *s)
{
    wf_arena_reset(&s->arena);
    s->space = 0;
    s->n_heads = s->n_seen = 0;
}

static int read_heads(struct wf_records *r, int64_t space, struct wf_err *err)
{
    static const char sql[] = "SELECT device,dseq,hlc,revoked,"
                              " (SELECT count(*) FROM device_seq WHERE space=?1)"
                              " FROM device_seq WHERE space=?1";
    struct wf_record_stability *s = &r->stability;
    sqlite3_stmt *st = NULL;
    size_t n = 0, n_max = 0;
    int rc = wf_store_write_cached(r->o.store, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    while ((rc = wf_sql_step(st, "reading a space's devices", err)) == 1) {
        if (n_max == 0) {
            n_max = (size_t)sqlite3_column_int64(st, 4);
            s->heads = wf_arena_array(&s->arena, n_max, sizeof(*s->heads));
        }
        struct wf_str id = wf_sql_blob(st, 0);
        if (s->heads == NULL || n == n_max || id.len != WF_DEVICE_ID_BYTES)
            break;
        memcpy(s->heads[n].device, id.ptr, id.len);
        s->heads[n].dseq = (uint64_t)sqlite3_column_int64(st, 1);
        s->heads[n].hlc = (uint64_t)sqlite3_column_int64(st, 2);
        s->heads[n++].is_revoked = sqlite3_column_int(st, 3) != 0;
    }
    sqlite3_reset(st);
    s->n_heads = n;
    return rc == 1 ? wf_record__no_memory(err) : rc;
}

static int read_seen(struct wf_records *r, int64_t space, struct wf_err *err)
{
    static const char sql[] = "SELECT device,of_device,dseq,hlc,"
                              " (SELECT count(*) FROM device_seen WHERE space=?1)"
                              " FROM device_seen WHERE space=?1";
    struct wf_record_stability *s = &r->stability;
    sqlite3_stmt *st = NULL;
    size_t n = 0, n_max = 0;
    int rc = wf_store_write_cached(r->o.store, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    while ((rc = wf_sql_step(st, "reading what devices have", err)) == 1) {
        if (n_max == 0) {
            n_max = (size_t)sqlite3_column_int64(st, 4);
            s->seen = wf_arena_array(&s->arena, n_max, sizeof(*s->seen));
        }
        struct wf_str by = wf_sql_blob(st, 0), of = wf_sql_blob(st, 1);
        if (s->seen == NULL || n == n_max || by.len != WF_DEVICE_ID_BYTES ||
            of.len != WF_DEVICE_ID_BYTES)
            break;
        memcpy(s->seen[n].by, by.ptr, by.len);
        memcpy(s->seen[n].of, of.ptr, of.len);
        s->seen[n].dseq = (uint64_t)sqlite3_column_int64(st, 2);
        s->seen[n++].hlc = (uint64_t)sqlite3_column_int64(st, 3);
    }
    sqlite3_reset(st);
    s->n_seen = n;
    return rc == 1 ? wf_record__no_memory(err) : rc;
}

int wf_record__stability(struct wf_records *r, int64_t space, struct wf_err *err)
{
    int rc;

    if (r->stability.space == space)
        return 0;
    wf_record__stability_reset(&r->stability);
    rc = read_heads(r, space, err);
    if (rc == 0)
        rc = read_seen(r, space, err);
    if (rc == 0) {
        r->stability.space = space;
        r->stability.self = r->o.signer->id;
        r->stability.tells = r->o.tells;
    }
    return rc;
}

static bool same(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, WF_DEVICE_ID_BYTES) == 0;
}

static const struct wf_record_seen *find_seen(const struct wf_record_stability *s,
                                              const uint8_t *by, const uint8_t *of)
{
    for (size_t i = 0; i < s->n_seen; i++)
        if (same(s->seen[i].by, by) && same(s->seen[i].of, of))
            return &s->seen[i];
    return NULL;
}

/* Whether device d has said so, and its log is here up to there. */
static bool has_said(const struct wf_record_stability *s, const struct wf_log_head *d,
                     const struct wf_stamp *at)
{
    const struct wf_record_seen *own = find_seen(s, d->device, d->device), *seen;
    uint64_t complete = same(d->device, s->self) ? 0 : d->hlc;

    if (own != NULL && own->dseq <= d->dseq && own->hlc > complete)
        complete = own->hlc;
    if (complete < at->hlc)
        return false;
    seen = find_seen(s, d->device, at->device);
    return same(d->device, at->device) || (seen != NULL && seen->hlc >= at->hlc);
}

bool wf_record__is_stable(void *ud, const struct wf_stamp *at)
{
    const struct wf_record_stability *s = ud;
    const struct wf_log_head *self = NULL;
    size_t n_others = 0;

    for (size_t i = 0; i < s->n_heads; i++) {
        const struct wf_log_head *d = &s->heads[i];
        if (same(d->device, s->self))
            self = d;
        if (d->is_revoked || same(d->device, s->self))
            continue;
        if (!has_said(s, d, at))
            return false;
        n_others++;
    }
    return !s->tells || n_others == 0 || self == NULL || has_said(s, self, at);
}

/* ---- records that can be settled ---- */

struct place {
    int64_t space;
    struct wf_str collection, key;
};

/* The next records behind `after` that have something to settle. */
static int read_places(struct wf_records *r, const struct place *after, struct wf_arena *arena,
                       struct place *out, size_t *out_n, struct wf_err *err)
{
    static const char sql[] = "SELECT space,collection,key FROM record WHERE gone_hlc>0"
                              " AND (space,collection,key)>(?1,?2,?3)"
                              " ORDER BY space,collection,key LIMIT ?4";
    sqlite3_stmt *st = NULL;
    size_t n = 0;
    int rc = wf_store_write_cached(r->o.store, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, after->space);
    wf_sql_bind_text(st, 2, after->collection);
    wf_sql_bind_text(st, 3, after->key);
    sqlite3_bind_int64(st, 4, STEP);
    while (n < STEP && (rc = wf_sql_step(st, "looking for deleted records", err)) == 1) {
        out[n].space = sqlite3_column_int64(st, 0);
        out[n].collection = wf_arena_dup(arena, wf_sql_text(st, 1));
        out[n].key = wf_arena_dup(arena, wf_sql_text(st, 2));
        if (out[n].collection.ptr == NULL || out[n].key.ptr == NULL) {
            rc = wf_record__no_memory(err);
            break;
        }
        n++;
    }
    sqlite3_reset(st);
    *out_n = n;
    return rc < 0 ? rc : 0;
}

/* Settles what can be of one record; *io_n counts it. */
static int settle_one(struct wf_records *r, const struct place *p, size_t *io_n, struct wf_err *err)
{
    struct wf_record_levels record;
    uint64_t before;
    int rc;

    wf_record__levels_init(&record);
    rc = wf_record__load(r, p->space, p->collection, p->key, &record, err);
    before = wf_record__levels_unsettled(&record);
    if (rc == 0)
        rc = wf_record__save(r, p->space, p->collection, p->key, 0, &record, err);
    *io_n += rc == 0 && wf_record__levels_unsettled(&record) != before;
    wf_record__levels_deinit(&record);
    return rc;
}

/* One turn; *io_after moves on, *out_end at the end. */
static int settle_step(struct wf_records *r, struct wf_arena *arena, struct place *io_after,
                       bool *out_end, size_t *io_n, struct wf_err *err)
{
    struct place *places = wf_arena_array(arena, STEP, sizeof(*places));
    size_t n = 0;
    int rc;

    if (places == NULL)
        return wf_record__no_memory(err);
    rc = wf_store_write_begin(r->o.store, err);
    if (rc != 0)
        return rc;
    rc = read_places(r, io_after, arena, places, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = settle_one(r, &places[i], io_n, err);
    wf_record__stability_reset(&r->stability);
    if (rc != 0) {
        wf_store_write_rollback(r->o.store);
        return rc;
    }
    *out_end = n < STEP;
    if (n > 0)
        *io_after = places[n - 1];
    return wf_store_write_commit(r->o.store, err);
}

static int settle_all(struct wf_records *r, size_t *io_n, struct wf_err *err)
{
    char names[WF_LIMIT_RECORD_NAME_BYTES + WF_LIMIT_RECORD_KEY_BYTES]; /* of `after` */
    struct place after = {.space = 0};
    bool end = false;
    int rc = 0;

    while (rc == 0 && !end) {
        struct wf_arena arena;
        wf_arena_init(&arena, 0, (size_t)16 << 20);
        rc = settle_step(r, &arena, &after, &end, io_n, err);
        if (rc == 0 && !end && after.collection.ptr != NULL && after.key.ptr != NULL) {
            size_t n = after.collection.len;
            assert(n + after.key.len <= sizeof(names)); /* changes with longer ones are refused */
            memcpy(names, after.collection.ptr, n);
            memcpy(names + n, after.key.ptr, after.key.len);
            after.collection = wf_str_n(names, n);
            after.key = wf_str_n(names + n, after.key.len);
        }
        wf_arena_deinit(&arena);
    }
    return rc;
}

/* ---- stored changes ---- */

/* What is to be destroyed: place and least label as bytes -> time of its deletion. */
struct erased {
    struct wf_map map;
    int64_t space;
    uint64_t hlc; /* of the change that is looked at */
    struct wf_buf key;
};

static struct wf_str place_key(struct erased *e, const struct place *p, uint8_t label)
{
    wf_buf_reset(&e->key);
    wf_buf_append_u64le(&e->key, (uint64_t)p->space);
    wf_buf_append_byte(&e->key, (char)label);
    wf_buf_append_str(&e->key, p->collection);
    wf_buf_append_byte(&e->key, '/'); /* no collection holds one */
    wf_buf_append_str(&e->key, p->key);
    return wf_buf_str(&e->key);
}

static int read_erased(struct wf_records *r, struct erased *e, struct wf_err *err)
{
    struct wf_reader *reader = NULL;
    sqlite3_stmt *st = NULL;
    int rc = wf_store_reader_get(r->o.store, &reader, err);

    if (rc != 0)
        return rc;
    rc = wf_reader_cached(
        reader, "SELECT space,collection,key,hlc,label FROM record_erased LIMIT ?1", &st, err);
    if (rc == 0)
        sqlite3_bind_int64(st, 1, ERASED_MAX);
    while (rc == 0 && (rc = wf_sql_step(st, "reading what was deleted", err)) == 1) {
        const struct place p = {sqlite3_column_int64(st, 0), wf_sql_text(st, 1),
                                wf_sql_text(st, 2)};
        struct wf_str key = place_key(e, &p, (uint8_t)sqlite3_column_int(st, 4));
        union wf_map_value *v = wf_buf_status(&e->key) == 0 ? wf_map_put(&e->map, key, NULL) : NULL;
        rc = v != NULL ? 0 : wf_record__no_memory(err);
        if (v != NULL)
            v->u64 = (uint64_t)sqlite3_column_int64(st, 3);
    }
    wf_store_reader_put(r->o.store, reader);
    return rc;
}

static bool is_gone(void *ud, const struct wf_change_item *item)
{
    struct erased *e = ud;
    const struct place p = {e->space, item->collection, item->key};
    bool is = false;

    for (unsigned label = 0; label <= item->label && !is; label++) {
        const union wf_map_value *v = wf_map_get(&e->map, place_key(e, &p, (uint8_t)label));
        is = wf_buf_status(&e->key) == 0 && v != NULL && e->hlc < v->u64;
    }
    return is;
}

static int put_bytes(struct wf_records *r, int64_t space, const struct wf_change *c,
                     struct wf_str bytes, struct wf_err *err)
{
    static const char sql[] = "UPDATE record_change SET bytes=?4"
                              " WHERE space=?1 AND device=?2 AND dseq=?3";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(r->o.store, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_blob(st, 2, wf_str_n((const char *)c->device, sizeof(c->device)));
    sqlite3_bind_int64(st, 3, (int64_t)c->dseq);
    wf_sql_bind_blob(st, 4, bytes);
    return wf_sql_run(st, "destroying what was deleted", err);
}

/* Where the walk through the stored changes is. */
struct walk {
    int64_t space, dseq;
    uint8_t device[WF_DEVICE_ID_BYTES];
    size_t n_pruned;
    bool is_end;
    struct wf_buf bytes, less;
};

/* Reads the next change behind the walk's place into w->bytes; 0: there is none. */
static int next_change(struct wf_records *r, struct walk *w, struct wf_err *err)
{
    static const char sql[] = "SELECT space,device,dseq,bytes FROM record_change"
                              " WHERE (space,device,dseq)>(?1,?2,?3)"
                              " ORDER BY space,device,dseq LIMIT 1";
    sqlite3_stmt *st = NULL;
    struct wf_str id;
    int rc = wf_store_write_cached(r->o.store, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, w->space);
    wf_sql_bind_blob(st, 2, wf_str_n((const char *)w->device, sizeof(w->device)));
    sqlite3_bind_int64(st, 3, w->dseq);
    rc = wf_sql_step(st, "reading changes", err);
    if (rc <= 0)
        return rc;
    w->space = sqlite3_column_int64(st, 0);
    id = wf_sql_blob(st, 1);
    w->dseq = sqlite3_column_int64(st, 2);
    wf_buf_reset(&w->bytes);
    if (wf_buf_append_str(&w->bytes, wf_sql_blob(st, 3)) != 0)
        rc = wf_record__no_memory(err);
    if (id.len == sizeof(w->device))
        memcpy(w->device, id.ptr, id.len);
    sqlite3_reset(st);
    return rc;
}

static int prune_one(struct wf_records *r, struct walk *w, struct erased *e, struct wf_err *err)
{
    struct wf_change c = {.dseq = 0};
    int rc = wf_change_read(wf_buf_str(&w->bytes), &c, err);

    if (rc != 0)
        return rc;
    e->space = w->space;
    e->hlc = c.hlc;
    wf_buf_reset(&w->less);
    if (wf_change_prune(&c, is_gone, e, &w->less) != 0 || wf_buf_status(&e->key) != 0)
        return wf_record__no_memory(err);
    if (w->less.len == w->bytes.len)
        return 0;
    w->n_pruned++;
    c.dseq = (uint64_t)w->dseq; /* under which it is kept */
    return put_bytes(r, w->space, &c, wf_buf_str(&w->less), err);
}

static int prune_step(struct wf_records *r, struct walk *w, struct erased *e, struct wf_err *err)
{
    int rc = wf_store_write_begin(r->o.store, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < STEP; i++) {
        rc = next_change(r, w, err);
        if (rc == 0) {
            w->is_end = true;
            break;
        }
        if (rc == 1)
            rc = prune_one(r, w, e, err);
    }
    if (rc == 0)
        return wf_store_write_commit(r->o.store, err);
    wf_store_write_rollback(r->o.store);
    return rc;
}

/* What was gone through is no longer to be destroyed, unless it was deleted again meanwhile. */
static int forget_erased(struct wf_records *r, const struct erased *e, struct wf_err *err)
{
    static const char sql[] = "DELETE FROM record_erased"
                              " WHERE space=?1 AND collection=?2 AND key=?3 AND hlc<=?4"
                              " AND label=?5";
    union wf_map_value v;
    struct wf_str key;
    size_t i = 0;
    int rc = wf_store_write_begin(r->o.store, err);

    if (rc != 0)
        return rc;
    while (rc == 0 && wf_map_next(&e->map, &i, &key, &v)) {
        sqlite3_stmt *st = NULL;
        struct wf_str rest = wf_str_sub(key, 9, key.len);
        size_t slash = wf_str_find_byte(rest, '/', 0);
        int64_t space = 0;
        memcpy(&space, key.ptr, sizeof(space)); /* little-endian, as all that we build for */
        rc = wf_store_write_cached(r->o.store, sql, &st, err);
        if (rc != 0)
            break;
        sqlite3_bind_int64(st, 1, space);
        wf_sql_bind_text(st, 2, wf_str_sub(rest, 0, slash));
        wf_sql_bind_text(st, 3, wf_str_sub(rest, slash + 1, rest.len));
        sqlite3_bind_int64(st, 4, (int64_t)v.u64);
        sqlite3_bind_int(st, 5, key.ptr[8]);
        rc = wf_sql_run(st, "noting what was destroyed", err);
    }
    if (rc == 0)
        return wf_store_write_commit(r->o.store, err);
    wf_store_write_rollback(r->o.store);
    return rc;
}

static int prune_all(struct wf_records *r, size_t *out_n, struct wf_err *err)
{
    struct walk w = {.space = 0};
    struct erased e;
    int rc;

    wf_map_init(&e.map, ERASED_MAX);
    wf_buf_init(&e.key, ERASED_BYTES_MAX);
    wf_buf_init(&w.bytes, SIZE_MAX);
    wf_buf_init(&w.less, SIZE_MAX);
    rc = read_erased(r, &e, err);
    while (rc == 0 && e.map.n_items > 0 && !w.is_end)
        rc = prune_step(r, &w, &e, err);
    if (rc == 0 && e.map.n_items > 0)
        rc = forget_erased(r, &e, err);
    *out_n = w.n_pruned;
    wf_buf_deinit(&w.bytes);
    wf_buf_deinit(&w.less);
    wf_buf_deinit(&e.key);
    wf_map_deinit(&e.map);
    return rc;
}

int wf_records_tidy(struct wf_records *r, struct wf_records_tidied *out, struct wf_err *err)
{
    struct wf_records_tidied t = {.n_settled = 0};
    int rc = settle_all(r, &t.n_settled, err);

    if (rc == 0)
        rc = prune_all(r, &t.n_pruned, err);
    if (rc == 0 && out != NULL)
        *out = t;
    return rc;
}

/* ---- the thread ---- */

void wf_records_poke(struct wf_records *r)
{
    pthread_mutex_lock(&r->lock);
    r->must_tidy = true;
    pthread_cond_broadcast(&r->wake);
    pthread_mutex_unlock(&r->lock);
}

/* Waits for a poke, and then a moment for more. False: it is the end. */
static bool wait_for_work(struct wf_records *r)
{
    struct timespec until;
    int rc = 0;

    while (!r->must_tidy && !r->stop)
        pthread_cond_wait(&r->wake, &r->lock);
    (void)clock_gettime(CLOCK_REALTIME, &until); /* cannot fail */
    until.tv_sec += r->tidy_ms / 1000;
    until.tv_nsec += (r->tidy_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (!r->stop && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&r->wake, &r->lock, &until);
    if (!r->stop)
        r->must_tidy = false;
    return !r->stop;
}

void *wf_record__tidier(void *ud)
{
    struct wf_records *r = ud;

    pthread_mutex_lock(&r->lock);
    while (wait_for_work(r)) {
        pthread_mutex_unlock(&r->lock);
        /* What fails now (a full disk) is tried at the next deletion or start. */
        (void)!wf_records_tidy(r, NULL, NULL);
        pthread_mutex_lock(&r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}
