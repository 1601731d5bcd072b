/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a snapshot has what it says it has. Who still has batches that it covers tries each:
 * an update of a draft must bring nothing new to what the snapshot has of it; a change of records
 * that still counts here counted when the snapshot was made, too, and must be in it. A draft that
 * is not here any more, or is of another level, is passed over. Who left something out is named,
 * and the snapshot is not used; what it has is merged like anything else, so that nothing is lost
 * by it as long as somebody has the batches. */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/map.h"
#include "crdt/change.h"
#include "crdt/crdt.h"
#include "mesh/share_snapshots.h"
#include "mesh/sharing_internal.h"
#include "mesh/snapshot.h"
#include "space/record.h"
#include "store/batch_log.h"
#include "store/sql.h"

#define READ_BYTES ((size_t)4 << 20)
#define THINGS_MAX 10000000u

struct checking {
    struct wf_sharing *s;
    const struct wf_share_snapshot *snap;
    const struct wf_sharing_stream *stream;
    struct wf_snapshot_head head;
    struct wf_reader *r;
    struct wf_arena arena;
    struct wf_map drafts;  /* uid to struct wf_str * of what the snapshot has */
    struct wf_map changes; /* device and number to nothing */
    uint64_t next, upto;   /* of the log that is read */
    bool is_bad;
    bool is_emitted; /* a draft said something new */
    uint8_t uid[16]; /* of the draft that was looked at last, as the snapshot has it */
    struct wf_crdt *doc;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a snapshot.");
}

static void change_key(const struct wf_change *c, char out[WF_SIGNER_ID_BYTES + 8])
{
    memcpy(out, c->device, WF_SIGNER_ID_BYTES);
    memcpy(out + WF_SIGNER_ID_BYTES, &c->dseq, 8);
}

/* ---- what is in it ---- */

static int note_entry(struct checking *c, const struct wf_batch_entry *e, struct wf_err *err)
{
    char key[WF_SIGNER_ID_BYTES + 8];
    union wf_map_value *v = NULL;
    struct wf_change change;
    struct wf_str *kept;
    int rc;

    if (e->kind == WF_BATCH_UPDATE) {
        kept = wf_arena_alloc(&c->arena, sizeof(*kept));
        if (kept != NULL)
            v = wf_map_put(&c->drafts, wf_str_n((const char *)e->draft, sizeof(e->draft)), NULL);
        if (v == NULL)
            return no_memory(err);
        *kept = e->bytes;
        v->ptr = kept;
    }
    if (e->kind == WF_BATCH_CHANGE) {
        rc = wf_change_read(e->bytes, &change, err);
        if (rc != 0)
            return rc;
        change_key(&change, key);
        if (wf_map_put(&c->changes, wf_str_n(key, sizeof(key)), NULL) == NULL)
            return no_memory(err);
    }
    return 0;
}

/* ---- what a covered batch has ---- */

static void on_update(void *ud, struct wf_str update, bool remote)
{
    struct checking *c = ud;

    (void)update;
    (void)remote;
    c->is_emitted = true;
}

/* Whether the draft is here, at the level of the stream, and as others were told. */
static bool is_here(struct checking *c, const uint8_t uid[16])
{
    static const char sql[] = "SELECT 1 FROM draft d WHERE d.uid=?1 AND d.space=?2 AND d.label=?3"
                              " AND NOT EXISTS(SELECT 1 FROM draft_dirty y WHERE y.uid=d.uid)";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(c->r, sql, &st, NULL);

    if (rc != 0)
        return false;
    wf_sql_bind_blob(st, 1, wf_str_n((const char *)uid, 16));
    sqlite3_bind_int64(st, 2, c->stream->space);
    wf_sql_bind_text(st, 3, wf_str_from(wf_label_name(c->stream->level)));
    rc = wf_sql_step(st, "looking for a draft", NULL);
    sqlite3_reset(st);
    return rc == 1;
}

/* The draft as the snapshot has it. */
static int open_draft(struct checking *c, const uint8_t uid[16], struct wf_str update)
{
    const struct wf_crdt_options o = {
        .client = 1, .no_cleanup = true, .on_update = on_update, .ud = c};
    int rc;

    if (c->doc != NULL && memcmp(c->uid, uid, sizeof(c->uid)) == 0)
        return 0;
    wf_crdt_free(c->doc);
    c->doc = NULL;
    memcpy(c->uid, uid, sizeof(c->uid));
    rc = wf_crdt_new(&o, &c->doc);
    return rc == 0 ? wf_crdt_apply(c->doc, update, WF_CRDT_V1, NULL) : rc;
}

static int check_update(struct checking *c, const struct wf_batch_entry *e, struct wf_err *err)
{
    const union wf_map_value *v =
        wf_map_get(&c->drafts, wf_str_n((const char *)e->draft, sizeof(e->draft)));
    int rc;

    if (v == NULL) {
        c->is_bad = c->is_bad || is_here(c, e->draft);
        return 0;
    }
    rc = open_draft(c, e->draft, *(const struct wf_str *)v->ptr);
    c->is_emitted = false;
    if (rc == 0 && !wf_crdt_pending(c->doc))
        rc = wf_crdt_apply(c->doc, e->bytes, WF_CRDT_V1, NULL);
    c->is_bad = c->is_bad || (rc == 0 && c->is_emitted);
    return rc == WF_E_NOMEM ? no_memory(err) : 0;
}

static int check_change(struct checking *c, const struct wf_batch_entry *e, struct wf_err *err)
{
    char key[WF_SIGNER_ID_BYTES + 8];
    struct wf_change change;
    struct wf_change_item item;
    size_t at = 0;
    int rc = wf_change_read(e->bytes, &change, err);

    if (rc != 0)
        return rc;
    change_key(&change, key);
    if (wf_map_get(&c->changes, wf_str_n(key, sizeof(key))) != NULL)
        return 0;
    while (wf_change_next(&change, &at, &item)) {
        if (!item.is_pruned && wf_records_count_on(c->r, c->stream->space, &change, &item))
            c->is_bad = true;
    }
    return 0;
}

/* ---- reading ---- */

static int open_it(struct checking *c, struct wf_str bytes, struct wf_str *out, struct wf_err *err)
{
    struct wf_batch b;
    struct wf_buf opened;
    int rc = wf_batch_read(bytes, &b, err);

    if (rc != 0)
        return rc;
    wf_buf_init(&opened, WF_LIMIT_BATCH_BYTES);
    rc = wf_sharing__open(c->s, &b, &opened, err);
    if (rc == 0) {
        *out = wf_arena_dup(&c->arena, wf_buf_str(&opened));
        rc = out->ptr == NULL ? no_memory(err) : 0;
    }
    if (opened.len > 0)
        sodium_memzero(opened.ptr, opened.len);
    wf_buf_deinit(&opened);
    return rc;
}

static int each_entry(struct checking *c, struct wf_str content, bool is_snapshot,
                      struct wf_err *err)
{
    struct wf_batch_entry e;
    size_t at = 0;
    int rc = 0;

    while (rc == 0 && wf_batch_entry_next(content, &at, &e) > 0) {
        if (!is_snapshot && e.kind == WF_BATCH_SNAPSHOT)
            return 0; /* a snapshot that it covers says nothing of its own */
        if (is_snapshot)
            rc = note_entry(c, &e, err);
        else if (e.kind == WF_BATCH_UPDATE)
            rc = check_update(c, &e, err);
        else if (e.kind == WF_BATCH_CHANGE)
            rc = check_change(c, &e, err);
    }
    return rc;
}

static int read_part(void *ud, uint64_t number, struct wf_str bytes, struct wf_err *err)
{
    struct checking *c = ud;
    struct wf_str content = WF_STR("");
    int rc;

    if (number > c->upto)
        return 1;
    c->next = number + 1;
    rc = open_it(c, bytes, &content, err);
    return rc == 0 ? each_entry(c, content, true, err) : rc;
}

static int read_covered(void *ud, uint64_t number, struct wf_str bytes, struct wf_err *err)
{
    struct checking *c = ud;
    struct wf_str content = WF_STR("");
    int rc;

    if (number > c->upto || c->is_bad)
        return 1;
    c->next = number + 1;
    rc = open_it(c, bytes, &content, err);
    return rc == 0 ? each_entry(c, content, false, err) : rc;
}

static int read_log(struct checking *c, const struct wf_sync_log *log, uint64_t from, uint64_t upto,
                    wf_shelf_batch_fn fn, struct wf_err *err)
{
    struct wf_shelf shelf;
    int rc = 0;

    wf_shelf_of_store(c->s->o.store, &shelf);
    c->upto = upto;
    for (c->next = from; rc == 0 && c->next <= upto;) {
        uint64_t before = c->next;
        rc = shelf.read(shelf.ud, log, c->next, READ_BYTES, fn, c, err);
        if (c->next == before)
            break;
    }
    return WF_MIN(rc, 0);
}

static int check_all(struct checking *c, struct wf_err *err)
{
    int rc = wf_snapshot_head_read(c->snap->head, &c->arena, &c->head, err);

    if (rc == 0)
        rc = read_log(c, &c->snap->log, c->snap->first, c->snap->last, read_part, err);
    for (size_t i = 0; i < c->head.n_covers && rc == 0 && !c->is_bad; i++) {
        struct wf_sync_log log = c->snap->log;
        memcpy(log.device, c->head.covers[i].device, sizeof(log.device));
        if (wf_sharing__is_other_story(c->s, c->r, log.stream, &c->head.covers[i]))
            continue; /* nothing can be said of that */
        rc = read_log(c, &log, 1, c->head.covers[i].number, read_covered, err);
    }
    return rc;
}

static int put_state(struct wf_sharing *s, const struct wf_share_snapshot *snap, struct wf_err *err)
{
    int rc = wf_store_write_begin(s->o.store, err);

    if (rc != 0)
        return rc;
    rc = wf_share_snapshot_put(s->o.store, snap, err);
    if (rc == 0)
        return wf_store_write_commit(s->o.store, err);
    wf_store_write_rollback(s->o.store);
    return rc;
}

static int check_one(struct wf_sharing *s, const struct wf_share_snapshot *snap, struct wf_err *err)
{
    struct checking c = {.s = s, .snap = snap, .stream = wf_sharing__stream(s, snap->log.stream)};
    struct wf_share_snapshot checked = *snap;
    int rc = c.stream == NULL ? 0 : wf_store_reader_get(s->o.store, &c.r, err);

    if (rc != 0 || c.stream == NULL)
        return rc;
    wf_arena_init(&c.arena, (size_t)1 << 16, SIZE_MAX);
    wf_map_init(&c.drafts, THINGS_MAX);
    wf_map_init(&c.changes, THINGS_MAX);
    rc = check_all(&c, err);
    wf_store_reader_put(s->o.store, c.r);
    wf_crdt_free(c.doc);
    wf_map_deinit(&c.drafts);
    wf_map_deinit(&c.changes);
    wf_arena_deinit(&c.arena);
    if (rc == WF_E_NOENT)
        return 0; /* a key is not here yet */
    c.is_bad = c.is_bad || rc == WF_E_FORMAT || rc == WF_E_DENIED;
    if (rc != 0 && !c.is_bad)
        return rc;
    checked.state = c.is_bad ? WF_SHARE_SNAPSHOT_BAD : WF_SHARE_SNAPSHOT_GOOD;
    if (c.is_bad)
        (void)wf_sharing__problem(s, &snap->log,
                                  "A snapshot that it made leaves out what it says it has. It is "
                                  "not used. Revoke the device if it is not yours any more.");
    return put_state(s, &checked, err);
}

int wf_sharing__check_snapshots(struct wf_sharing *s, const uint8_t *stream, struct wf_err *err)
{
    struct wf_share_snapshot *snaps = NULL;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    size_t n = 0;
    int rc = wf_store_reader_get(s->o.store, &r, err);

    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 4096, SIZE_MAX);
    rc = wf_share_snapshots(r, stream, &arena, &snaps, &n, err);
    wf_store_reader_put(s->o.store, r);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (snaps[i].last > 0 && snaps[i].state == WF_SHARE_SNAPSHOT_NEW)
            rc = check_one(s, &snaps[i], err);
    }
    wf_arena_deinit(&arena);
    return rc;
}
