/* SPDX-License-Identifier: Apache-2.0 */
/* Words: what a device says of itself and of others' logs, so that deletions become final
 * (space/log.h): once every device that counts has said that it has one, nothing older can come
 * any more, and what is kept of it goes.
 *
 * A word goes into every stream of the space that its device writes to, each time with the same
 * numbers; who has all of those streams that it may see has that device's log up to there. What it
 * says of others' logs stands in all of them, too. One is written only while there is a deletion
 * that is not final, and something to be said that was not: it ends by itself. */
#include <string.h>

#include "base/limits.h"
#include "mesh/sharing_internal.h"
#include "mesh/sharing_people.h"
#include "mesh/snapshot.h"
#include "space/log.h"
#include "space/record.h"
#include "store/sql.h"

/* Between looking, and between two words of a device. */
#define LOOK_NS (INT64_C(2) * 1000000000)
#define REST_NS (INT64_C(8) * 1000000000)

static enum wf_label least_of(struct wf_str label)
{
    enum wf_label least = WF_LABEL_PUBLIC;

    (void)!wf_label_parse(label, &least);
    return least;
}

/* The highest level that this device may see; of a space whose least is above it: below that. */
static int own_top(const struct wf_sharing *s)
{
    const struct wf_devices_entry *own = wf_sharing__entry(s, s->o.device->signer.id);
    int top = own == NULL ? -1 : (int)own->clearance;

    return WF_MIN(top, (int)WF_LABEL_PRIVATE);
}

/* ---- hearing ---- */

static int put_word(struct wf_sharing *s, int64_t space, enum wf_label level,
                    const uint8_t device[WF_SIGNER_ID_BYTES], const struct wf_snapshot_word *w,
                    struct wf_err *err)
{
    static const char sql[] =
        "INSERT INTO device_word(space,device,level,top,dseq,hlc) VALUES(?1,?2,?3,?4,?5,?6)"
        " ON CONFLICT DO UPDATE SET top=excluded.top, dseq=excluded.dseq, hlc=excluded.hlc"
        " WHERE excluded.hlc>hlc";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s->o.store, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_bytes(st, 2, device, WF_SIGNER_ID_BYTES);
    sqlite3_bind_int64(st, 3, level);
    sqlite3_bind_int64(st, 4, w->top);
    sqlite3_bind_int64(st, 5, (int64_t)w->dseq);
    sqlite3_bind_int64(st, 6, (int64_t)w->hlc);
    return wf_sql_run(st, "noting how far a device is", err);
}

/* The device's log is here up to its least word of all levels that this one sees. */
static int reach(struct wf_sharing *s, int64_t space, const uint8_t device[WF_SIGNER_ID_BYTES],
                 uint8_t top, struct wf_err *err)
{
    static const char sql[] =
        "SELECT count(*),min(w.dseq),min(w.hlc),"
        " CASE s.label WHEN 'public' THEN 0 WHEN 'internal' THEN 1 ELSE 2 END"
        " FROM space s LEFT JOIN device_word w ON w.space=s.id AND w.device=?2 AND w.level<=?3"
        " WHERE s.id=?1";
    int upto = WF_MIN(own_top(s), (int)top);
    sqlite3_stmt *st = NULL;
    int64_t n, dseq, hlc, least;
    int rc = wf_store_write_cached(s->o.store, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_bytes(st, 2, device, WF_SIGNER_ID_BYTES);
    sqlite3_bind_int(st, 3, upto);
    rc = wf_sql_step(st, "looking how far a device is", err);
    if (rc <= 0)
        return rc;
    n = sqlite3_column_int64(st, 0);
    dseq = sqlite3_column_int64(st, 1);
    hlc = sqlite3_column_int64(st, 2);
    least = sqlite3_column_int64(st, 3);
    sqlite3_reset(st);
    if (n == 0 || n < upto - least + 1)
        return 0; /* the rest is on its way */
    return wf_log_reach(s->o.store, space, device, (uint64_t)dseq, (uint64_t)hlc, err);
}

int wf_sharing__hear_word(struct wf_sharing *s, int64_t space, enum wf_label level,
                          const uint8_t device[WF_SIGNER_ID_BYTES], struct wf_str bytes,
                          struct wf_err *err)
{
    struct wf_snapshot_word w;
    struct wf_arena arena;
    int rc;

    wf_arena_init(&arena, 4096, SIZE_MAX);
    rc = wf_snapshot_word_read(bytes, &arena, &w, err);
    if (rc == 0)
        rc = put_word(s, space, level, device, &w, err);
    if (rc == 0)
        rc = reach(s, space, device, w.top, err);
    for (size_t i = 0; i < w.n_seen && rc == 0; i++) {
        if (memcmp(w.seen[i].device, device, WF_SIGNER_ID_BYTES) != 0)
            rc = wf_log_saw(s->o.store, space, device, w.seen[i].device, w.seen[i].dseq,
                            w.seen[i].hlc, err);
    }
    wf_arena_deinit(&arena);
    return rc;
}

/* ---- saying ---- */

/* The latest deletion of the space that is not final; 0: there is none. */
static int latest_deletion(struct wf_reader *r, int64_t space, uint64_t *out, struct wf_err *err)
{
    static const char sql[] = "SELECT max(gone_hlc) FROM record WHERE space=?1 AND gone_hlc>0";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    rc = wf_sql_step(st, "looking for deletions", err);
    *out = rc == 1 ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
    sqlite3_reset(st);
    return WF_MIN(rc, 0);
}

/* The clock up to which this device has said that it has another's log, or its own. */
static int said(struct wf_reader *r, int64_t space, const uint8_t *own, const uint8_t *of,
                uint64_t *out, struct wf_err *err)
{
    static const char sql[] =
        "SELECT hlc FROM device_seen WHERE space=?1 AND device=?2 AND of_device=?3";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_bytes(st, 2, own, WF_SIGNER_ID_BYTES);
    wf_sql_bind_bytes(st, 3, of, WF_SIGNER_ID_BYTES);
    rc = wf_sql_step(st, "looking what was said", err);
    *out = rc == 1 ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
    sqlite3_reset(st);
    return WF_MIN(rc, 0);
}

/* Whether there is something to be said for the sake of a deletion. */
static int is_due(const struct wf_sharing *s, struct wf_reader *r, int64_t space,
                  struct wf_arena *arena, bool *out, struct wf_err *err)
{
    const uint8_t *own = s->o.device->signer.id;
    struct wf_log_head *heads = NULL;
    uint64_t latest = 0, told = 0;
    size_t n = 0;
    int rc = latest_deletion(r, space, &latest, err);

    *out = false;
    if (rc != 0 || latest == 0)
        return rc;
    rc = said(r, space, own, own, &told, err);
    *out = rc == 0 && told < latest;
    if (rc == 0)
        rc = wf_log_heads(r, space, arena, &heads, &n, err);
    for (size_t i = 0; i < n && rc == 0 && !*out; i++) {
        if (heads[i].is_revoked || memcmp(heads[i].device, own, WF_SIGNER_ID_BYTES) == 0)
            continue;
        rc = said(r, space, own, heads[i].device, &told, err);
        *out = told < latest && heads[i].hlc > told;
    }
    return rc;
}

bool wf_sharing__wants_word(struct wf_sharing *s)
{
    const struct wf_syncer_behind b = wf_syncer_behind(s->syncer);
    int64_t now_ns = wf_clock_mono_ns(s->o.clock);
    struct wf_share_space *spaces = NULL;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    bool is = false;
    size_t n = 0;
    int rc;

    /* Not before others have said what they have: this may be an old copy of its data, of which
     * nobody but them knows. */
    if (now_ns < s->word_ns || b.n_peers == 0 || !b.is_known ||
        wf_store_reader_get(s->o.store, &r, NULL) != 0)
        return false;
    s->word_ns = now_ns + LOOK_NS;
    wf_arena_init(&arena, 4096, SIZE_MAX);
    rc = wf_share_spaces(r, &arena, &spaces, &n, NULL);
    for (size_t i = 0; i < n && rc == 0 && !is; i++)
        rc = is_due(s, r, spaces[i].id, &arena, &is, NULL);
    wf_store_reader_put(s->o.store, r);
    wf_arena_deinit(&arena);
    s->must_say = is && rc == 0;
    return s->must_say;
}

int wf_sharing__make_word(struct wf_sharing *s, struct wf_reader *r,
                          const struct wf_share_space *space, struct wf_arena *arena,
                          struct wf_snapshot_word *out, bool *out_due, struct wf_err *err)
{
    const uint8_t *own = s->o.device->signer.id;
    struct wf_log_head *heads = NULL;
    size_t n = 0;
    int rc = is_due(s, r, space->id, arena, out_due, err);

    if (rc != 0 || !*out_due)
        return rc;
    *out_due = own_top(s) >= (int)least_of(space->label);
    *out = (struct wf_snapshot_word){.top = (uint8_t)WF_MAX(own_top(s), 0)};
    rc = wf_log_heads(r, space->id, arena, &heads, &n, err);
    if (rc == 0)
        out->seen = wf_arena_array(arena, n + 1, sizeof(*out->seen));
    if (rc == 0 && out->seen == NULL)
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory to share changes.");
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct wf_snapshot_reach *to = &out->seen[out->n_seen];
        if (heads[i].hlc == 0 || memcmp(heads[i].device, own, WF_SIGNER_ID_BYTES) == 0)
            continue;
        memcpy(to->device, heads[i].device, sizeof(to->device));
        to->dseq = heads[i].dseq;
        to->hlc = heads[i].hlc;
        out->n_seen++;
    }
    return rc;
}

int wf_sharing__put_word(const struct wf_share_space *space, struct wf_snapshot_word *w,
                         struct wf_buf contents[WF_LABEL_SECRET], struct wf_err *err)
{
    struct wf_batch_entry e = {.kind = WF_BATCH_WORD};
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_LIMIT_BATCH_CONTENT_BYTES);
    rc = wf_snapshot_word_write(w, &b);
    e.bytes = wf_buf_str(&b);
    for (unsigned level = least_of(space->label); level <= w->top && rc == 0; level++)
        rc = wf_batch_entry_write(&e, &contents[level]);
    wf_buf_deinit(&b);
    return rc == 0 ? 0 : wf_err_set(err, rc, "Not enough memory to share changes.");
}

int wf_sharing__note_word(struct wf_sharing *s, int64_t space, const struct wf_snapshot_word *w,
                          struct wf_err *err)
{
    const uint8_t *own = s->o.device->signer.id;
    int rc = wf_log_saw(s->o.store, space, own, own, w->dseq, w->hlc, err);

    for (size_t i = 0; i < w->n_seen && rc == 0; i++)
        rc = wf_log_saw(s->o.store, space, own, w->seen[i].device, w->seen[i].dseq, w->seen[i].hlc,
                        err);
    s->word_ns = wf_clock_mono_ns(s->o.clock) + REST_NS;
    return rc;
}

/* ---- who counts ---- */

static int count_in(struct wf_sharing *s, const struct wf_sharing_stream *t, struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < s->devices.n_entries && rc == 0; i++) {
        const struct wf_devices_entry *e = &s->devices.entries[i];
        if (e->revoked_ms != 0)
            rc = wf_log_set_revoked(s->o.store, t->space, e->device, true, err);
        else if (wf_sharing__right(s, e->device, t->id) >= WF_SHARING_WRITE)
            rc = wf_records_count_in_turn(s->o.records, t->space, e->device, err);
    }
    return rc;
}

/* Devices of other people count while they may write in the space. */
static int count_people(struct wf_sharing *s, const struct wf_sharing_stream *t, struct wf_err *err)
{
    const struct wf_people_space *p = wf_people_space(&s->people, t->space);
    int rc = 0;

    for (size_t i = 0; p != NULL && i < s->people.n_persons; i++) {
        const struct wf_person *who = &s->people.persons[i];
        const struct wf_charter_member *m = wf_charter_member(&p->charter, who->owner);
        for (size_t k = 0; m != NULL && k < who->list->n_entries && rc == 0; k++) {
            const struct wf_devices_entry *e = &who->list->entries[k];
            if (wf_sharing__right(s, e->device, t->id) >= WF_SHARING_WRITE) {
                rc = wf_records_count_in_turn(s->o.records, t->space, e->device, err);
                if (rc == 0)
                    rc = wf_log_set_revoked(s->o.store, t->space, e->device, false, err);
            } else if (e->revoked_ms != 0 || m->role < WF_ROLE_WRITE) {
                rc = wf_log_set_revoked(s->o.store, t->space, e->device, true, err);
            }
        }
    }
    return rc;
}

/* Where this device may see more than before, what others said of their logs was not all: they are
 * here as far as they are said to be in every stream that it sees now. */
static int reach_anew(struct wf_sharing *s, const struct wf_sharing_stream *t, struct wf_err *err)
{
    static const char sql[] =
        "UPDATE device_seq SET dseq=0, hlc=0 WHERE space=?1 AND device<>?2 AND hlc>0 AND"
        " (SELECT count(*)<min(?3,max(top))-?4+1 FROM device_word w"
        "  WHERE w.space=?1 AND w.device=device_seq.device AND w.level<=?3)";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s->o.store, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, t->space);
    wf_sql_bind_bytes(st, 2, s->o.device->signer.id, WF_SIGNER_ID_BYTES);
    sqlite3_bind_int(st, 3, own_top(s));
    sqlite3_bind_int(st, 4, (int)t->level);
    return wf_sql_run(st, "looking how far devices are", err);
}

int wf_sharing__count_devices(struct wf_sharing *s, struct wf_err *err)
{
    int rc = 0;

    if (s->devices.version == 0 || s->n_streams == 0)
        return 0;
    rc = wf_store_write_begin(s->o.store, err);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < s->n_streams && rc == 0; i++) {
        if (i == 0 || s->streams[i - 1].space != s->streams[i].space) /* the lowest of a space */
            rc = reach_anew(s, &s->streams[i], err);
        if (rc == 0)
            rc = count_in(s, &s->streams[i], err);
    }
    for (size_t i = 0; i < s->n_streams && rc == 0; i++)
        rc = count_people(s, &s->streams[i], err);
    if (rc == 0)
        rc = wf_store_write_commit(s->o.store, err);
    else
        wf_store_write_rollback(s->o.store);
    if (rc == 0)
        wf_records_poke(s->o.records);
    return rc;
}
