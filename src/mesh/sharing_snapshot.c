/* SPDX-License-Identifier: Apache-2.0 */
/* Making snapshots of streams (mesh/snapshot.h), and forgetting what they cover.
 *
 * They go as batches of the maker's own log, not as things of their own: then they are chained,
 * so that a device which is given another one than the rest is seen, they travel, are kept and are
 * asked for as all else, and a relay need not know of them.
 *
 * All levels of a space are put down at one moment, since a draft whose label rose lies in several
 * streams: each snapshot has the drafts whole that are of its level then. Of those who are
 * connected and hold all levels the device with the lowest id makes it, once what came since the
 * last one is some times as much as it. Two at once do no harm.
 *
 * Two are kept. What the older one covers goes, once another member has the newer one: so that a
 * newest that turns out to be bad can be passed over. */
#include <string.h>

#include <sodium.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "mesh/share_snapshots.h"
#include "mesh/sharing_internal.h"
#include "mesh/sharing_people.h"
#include "mesh/snapshot.h"
#include "space/draft.h"
#include "space/log.h"
#include "space/record.h"
#include "store/batch_log.h"
#include "store/sql.h"

/* When: what lies behind the last one is so many times as much, and at least this; or so many
 * batches of some size. */
#define TIMES 4u
#define BEHIND_BYTES_MIN ((uint64_t)1 << 20)
#define BEHIND_BATCHES 4096u
#define LOOK_NS (INT64_C(5) * 1000000000)
#define AGAIN_NS (INT64_C(15) * 1000000000)
/* So that several fit into a message; what one device holds in memory to make one. */
#define PART_BYTES ((size_t)256 << 10)
#define ALL_BYTES_MAX ((size_t)1 << 30)

struct part {
    struct wf_buf entries;
};

struct level {
    struct wf_snapshot_head head;
    struct part *parts;
    size_t n_parts, cap_parts;
    struct wf_sync_head at; /* the last batch that was written */
    uint64_t n_bytes;
};

struct making {
    struct wf_sharing *s;
    const struct wf_share_space *space;
    struct wf_reader *r;
    struct wf_arena arena;
    struct level levels[WF_LABEL_SECRET];
    enum wf_label level; /* whose changes are read */
    size_t n_bytes;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a snapshot.");
}

/* ---- what is in it ---- */

static int put(struct making *m, enum wf_label level, const struct wf_batch_entry *e,
               struct wf_err *err)
{
    struct level *l = &m->levels[level];
    struct part *p = l->n_parts == 0 ? NULL : &l->parts[l->n_parts - 1];

    m->n_bytes += e->bytes.len;
    if (m->n_bytes > ALL_BYTES_MAX)
        return wf_err_set(err, WF_E_LIMIT, "A space is too large for a snapshot.");
    if (p == NULL || p->entries.len > PART_BYTES) {
        if (wf_reserve(&l->parts, &l->cap_parts, l->n_parts + 1, sizeof(*l->parts)) != 0)
            return no_memory(err);
        p = &l->parts[l->n_parts++];
        wf_buf_init(&p->entries, WF_LIMIT_BATCH_CONTENT_BYTES);
    }
    return wf_batch_entry_write(e, &p->entries) == 0 ? 0 : no_memory(err);
}

static int put_change(void *ud, struct wf_str bytes, struct wf_err *err)
{
    const struct wf_batch_entry e = {.kind = WF_BATCH_CHANGE, .bytes = bytes};
    struct making *m = ud;

    return put(m, m->level, &e, err);
}

static int put_draft(struct making *m, int64_t id, struct wf_str uid, enum wf_label level,
                     struct wf_err *err)
{
    struct wf_batch_entry e = {.kind = WF_BATCH_UPDATE};
    struct wf_draft_origin last;
    struct wf_buf bytes;
    int rc;

    if (level >= WF_LABEL_SECRET || uid.len != sizeof(e.draft))
        return 0;
    memcpy(e.draft, uid.ptr, sizeof(e.draft));
    wf_buf_init(&bytes, WF_LIMIT_DRAFT_BYTES);
    rc = wf_draft_whole(m->r, id, &bytes, &last, err);
    e.bytes = wf_buf_str(&bytes);
    e.dseq = 1; /* of nobody's log: a number there must be */
    e.at_ms = WF_MAX(last.at_ms, 0);
    if (rc == 0 && bytes.len > 0)
        rc = put(m, level, &e, err);
    wf_buf_deinit(&bytes);
    return rc;
}

/* Of a draft that changed lately the text may ask for a higher label than others know: then it is
 * not the time. */
static int put_drafts(struct making *m, struct wf_err *err)
{
    static const char sql[] = "SELECT d.id,d.uid,d.label,y.uid IS NOT NULL FROM draft d"
                              " LEFT JOIN draft_dirty y ON y.uid=d.uid WHERE d.space=?1"
                              " ORDER BY d.uid";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(m->r, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, m->space->id);
    while (rc == 0 && (rc = wf_sql_step(st, "reading drafts", err)) == 1) {
        int64_t id = sqlite3_column_int64(st, 0);
        const struct wf_draft_moment at = {.r = m->r, .draft = id};
        enum wf_label level = WF_LABEL_SECRET, now;
        (void)!wf_label_parse(wf_sql_text(st, 2), &level);
        now = level;
        if (sqlite3_column_int(st, 3) != 0)
            rc = wf_sharing__label(m->s, &at, &now, err);
        if (rc >= 0 && now > level)
            rc = wf_err_set(err, WF_E_BUSY, "A draft has another label by now.");
        if (rc >= 0)
            rc = put_draft(m, id, wf_sql_blob(st, 1), level, err);
    }
    sqlite3_reset(st);
    return rc;
}

static int put_changes(struct making *m, struct wf_err *err)
{
    int rc = 0;

    for (unsigned level = 0; level < WF_LABEL_SECRET && rc == 0; level++) {
        m->level = (enum wf_label)level;
        rc = wf_records_live(m->r, m->space->id, (uint8_t)level, put_change, m, err);
    }
    return rc;
}

/* ---- what it covers ---- */

static int put_reach(struct making *m, struct wf_snapshot_head *h, struct wf_err *err)
{
    struct wf_log_head *heads = NULL;
    size_t n = 0;
    int rc = wf_log_heads(m->r, m->space->id, &m->arena, &heads, &n, err);

    h->reach = wf_arena_array(&m->arena, n + 1, sizeof(*h->reach));
    if (rc == 0 && h->reach == NULL)
        rc = no_memory(err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct wf_snapshot_reach *to = &h->reach[h->n_reach++];
        memcpy(to->device, heads[i].device, sizeof(to->device));
        to->dseq = heads[i].dseq;
        to->hlc = heads[i].hlc;
    }
    return rc;
}

static int cover(struct making *m, struct level *l, const struct wf_batch_log_head *at,
                 struct wf_err *err)
{
    struct wf_snapshot_cover *c = &l->head.covers[l->head.n_covers];
    struct wf_sync_log log;
    int rc = 0, got;

    memcpy(&log, &at->name, sizeof(log));
    c->number = at->last;
    if (memcmp(log.device, m->s->o.device->signer.id, sizeof(log.device)) != 0)
        rc = wf_share_taken(m->r, &log, &c->number, err);
    if (rc != 0 || c->number == 0)
        return rc;
    memcpy(c->device, log.device, sizeof(c->device));
    got = wf_batch_log_hash(m->r, &at->name, c->number, c->hash, err);
    if (got == 0) /* behind a gap: the rest is on its way */
        return wf_err_set(err, WF_E_BUSY, "A log is not all here yet.");
    l->head.n_covers++;
    return WF_MIN(got, 0);
}

static int cover_level(struct making *m, enum wf_label level, struct wf_err *err)
{
    struct level *l = &m->levels[level];
    struct wf_batch_log_head *heads = NULL;
    size_t n = 0;
    int rc;

    wf_stream_id(m->space->uid, level, l->at.log.stream);
    memcpy(l->at.log.device, m->s->o.device->signer.id, sizeof(l->at.log.device));
    rc = wf_batch_log_heads(m->r, l->at.log.stream, &m->arena, &heads, &n, err);
    l->head.covers = wf_arena_array(&m->arena, n + 1, sizeof(*l->head.covers));
    if (rc == 0 && l->head.covers == NULL)
        rc = no_memory(err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (memcmp(heads[i].name.device, l->at.log.device, sizeof(l->at.log.device)) == 0) {
            l->at.last = heads[i].last;
            memcpy(l->at.hash, heads[i].hash, sizeof(l->at.hash));
        }
        rc = cover(m, l, &heads[i], err);
    }
    return rc == 0 ? put_reach(m, &l->head, err) : rc;
}

/* All of it, from one moment. */
static int read_all(struct making *m, struct wf_err *err)
{
    int rc = wf_reader_pin(m->r, err);

    for (unsigned level = 0; level < WF_LABEL_SECRET && rc == 0; level++)
        rc = cover_level(m, (enum wf_label)level, err);
    if (rc == 0)
        rc = put_drafts(m, err);
    return rc == 0 ? put_changes(m, err) : rc;
}

/* ---- writing it ---- */

struct writing {
    struct making *m;
    struct level *l;
    struct wf_share_key key;
    uint8_t id[16];
    int64_t at_ms;
    struct wf_buf content, bytes;
};

static int write_part(struct writing *w, size_t i, struct wf_str head, struct wf_err *err)
{
    struct level *l = w->l;
    struct wf_batch_entry e = {.kind = WF_BATCH_SNAPSHOT, .dseq = i, .at_ms = w->at_ms};
    struct wf_batch_place at = {.number = l->at.last + 1};
    struct wf_batch_log_row row = {.number = at.number, .prev = at.prev, .hash = l->at.hash};
    struct wf_batch_log_name name;
    struct wf_sharing *s = w->m->s;
    struct wf_buf of_entry;
    int rc;

    memcpy(&name, &l->at.log, sizeof(name));
    memcpy(e.draft, w->id, sizeof(e.draft));
    memcpy(at.stream, l->at.log.stream, sizeof(at.stream));
    memcpy(at.prev, l->at.hash, sizeof(at.prev));
    wf_buf_init(&of_entry, WF_LIMIT_BATCH_CONTENT_BYTES);
    (void)wf_buf_append_byte(&of_entry, i + 1 >= l->n_parts ? WF_SNAPSHOT_LAST : 0);
    (void)wf_buf_append_str(&of_entry, i == 0 ? head : WF_STR(""));
    e.bytes = wf_buf_str(&of_entry);
    wf_buf_reset(&w->content);
    wf_buf_reset(&w->bytes);
    (void)!wf_batch_entry_write(&e, &w->content); /* the failure sticks */
    if (i < l->n_parts)
        (void)wf_buf_append_str(&w->content, wf_buf_str(&l->parts[i].entries));
    wf_buf_deinit(&of_entry);
    if (wf_buf_status(&w->content) != 0)
        return no_memory(err);
    rc = wf_batch_write(&at, &w->key.key, &s->o.device->signer, s->o.rng, wf_buf_str(&w->content),
                        &w->bytes, l->at.hash, err);
    row.bytes = wf_buf_str(&w->bytes);
    if (rc == 0)
        rc = wf_batch_log_append(s->o.store, &name, &row, err);
    l->at.last = at.number;
    l->n_bytes += w->bytes.len;
    return rc;
}

static int write_parts(struct writing *w, struct wf_str head, struct wf_err *err)
{
    struct level *l = w->l;
    uint64_t first = l->at.last + 1;
    size_t n = WF_MAX(l->n_parts, (size_t)1);
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = write_part(w, i, head, err);
    if (rc == 0) {
        const struct wf_share_snapshot snap = {.log = l->at.log,
                                               .first = first,
                                               .last = l->at.last,
                                               .at_ms = w->at_ms,
                                               .n_bytes = l->n_bytes,
                                               .state = WF_SHARE_SNAPSHOT_GOOD,
                                               .head = head};
        rc = wf_share_snapshot_put(w->m->s->o.store, &snap, err);
    }
    return rc;
}

/* In turn. A level of which nothing was ever written has none. */
static int write_level(struct making *m, enum wf_label level, struct wf_err *err)
{
    struct wf_sharing *s = m->s;
    struct writing w = {.m = m, .l = &m->levels[level], .at_ms = wf_clock_wall_ms(s->o.clock)};
    const struct wf_rng *rng = s->o.rng != NULL ? s->o.rng : wf_rng_system();
    struct wf_share_key_want want = {.space = m->space->id, .level = level};
    struct wf_buf head;
    int rc;

    if ((w.l->head.n_covers == 0 && w.l->n_parts == 0) ||
        wf_sharing__right(s, s->o.device->signer.id, w.l->at.log.stream) < WF_SHARING_WRITE)
        return 0;
    wf_buf_init(&head, WF_LIMIT_BATCH_CONTENT_BYTES);
    wf_buf_init(&w.content, WF_LIMIT_BATCH_CONTENT_BYTES);
    wf_buf_init(&w.bytes, SIZE_MAX);
    rng->fill(rng->ud, w.id, sizeof(w.id));
    want.epoch = wf_sharing__epoch(s, want.space, &want.epoch_max);
    rc = wf_share_key_now(s->o.store, &want, s->o.rng, &w.key, err);
    s->keys_changed = s->keys_changed || (rc == 0 && w.key.is_new);
    if (rc == 0 && wf_snapshot_head_write(&w.l->head, &head) != 0)
        rc = no_memory(err);
    if (rc == 0)
        rc = write_parts(&w, wf_buf_str(&head), err);
    sodium_memzero(&w.key, sizeof(w.key));
    if (w.content.len > 0)
        sodium_memzero(w.content.ptr, w.content.len);
    wf_buf_deinit(&w.content);
    wf_buf_deinit(&w.bytes);
    wf_buf_deinit(&head);
    return rc;
}

static int write_all(struct making *m, struct wf_err *err)
{
    struct wf_store *store = m->s->o.store;
    int rc = wf_store_write_begin(store, err);

    if (rc != 0)
        return rc;
    for (unsigned level = 0; level < WF_LABEL_SECRET && rc == 0; level++)
        rc = write_level(m, (enum wf_label)level, err);
    if (rc == 0)
        rc = wf_store_write_commit(store, err);
    else
        wf_store_write_rollback(store);
    for (unsigned level = 0; level < WF_LABEL_SECRET && rc == 0; level++) {
        if (m->levels[level].n_bytes > 0)
            rc = wf_syncer_wrote(m->s->syncer, &m->levels[level].at, err);
    }
    return rc;
}

static void free_levels(struct making *m)
{
    for (unsigned level = 0; level < WF_LABEL_SECRET; level++) {
        struct level *l = &m->levels[level];
        for (size_t i = 0; i < l->n_parts; i++) {
            if (l->parts[i].entries.len > 0)
                sodium_memzero(l->parts[i].entries.ptr, l->parts[i].entries.len);
            wf_buf_deinit(&l->parts[i].entries);
        }
        wf_free(l->parts);
    }
}

int wf_sharing__make_snapshot(struct wf_sharing *s, const struct wf_share_space *space,
                              struct wf_err *err)
{
    struct making m = {.s = s, .space = space};
    int rc = wf_records_count_again(s->o.records, space->id, err);

    if (rc == 0)
        rc = wf_store_reader_get(s->o.store, &m.r, err);
    if (rc != 0)
        return rc;
    wf_arena_init(&m.arena, 4096, SIZE_MAX);
    rc = read_all(&m, err);
    wf_store_reader_put(s->o.store, m.r);
    if (rc == 0)
        rc = write_all(&m, err);
    free_levels(&m);
    wf_arena_deinit(&m.arena);
    return rc;
}

/* ---- whether ---- */

/* What one without snapshots would need, about. */
static int estimate(struct wf_reader *r, int64_t space, uint64_t *out, struct wf_err *err)
{
    static const char sql[] =
        "SELECT ifnull((SELECT sum(length(state)) FROM record WHERE space=?1),0)"
        "+ifnull((SELECT sum(length(u.bytes)) FROM draft d JOIN draft_update u ON u.draft=d.id"
        "  WHERE d.space=?1),0)"
        "+ifnull((SELECT sum((SELECT length(n.bytes) FROM draft_snapshot n WHERE n.draft=d.id"
        "  ORDER BY n.upto_seq DESC LIMIT 1)) FROM draft d WHERE d.space=?1),0)";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    rc = wf_sql_step(st, "measuring a space", err);
    if (rc < 0)
        return rc;
    *out = (uint64_t)sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return 0;
}

/* What lies behind the newest good snapshot of a stream; *out_need: its bytes, 0: there is none. */
static int measure(struct wf_reader *r, const uint8_t *stream, struct wf_arena *arena,
                   struct wf_batch_log_amount *out, uint64_t *out_need, struct wf_err *err)
{
    struct wf_share_snapshot *snaps = NULL;
    const struct wf_share_snapshot *newest = NULL;
    struct wf_batch_log_head *heads = NULL;
    struct wf_snapshot_head head = {.n_covers = 0};
    size_t n_snaps = 0, n = 0;
    int rc = wf_share_snapshots(r, stream, arena, &snaps, &n_snaps, err);

    for (size_t i = 0; i < n_snaps && newest == NULL; i++) {
        if (snaps[i].last > 0 && snaps[i].state != WF_SHARE_SNAPSHOT_BAD)
            newest = &snaps[i];
    }
    if (rc == 0 && newest != NULL)
        rc = wf_snapshot_head_read(newest->head, arena, &head, err);
    if (rc == 0)
        rc = wf_batch_log_heads(r, stream, arena, &heads, &n, err);
    *out = (struct wf_batch_log_amount){.n = 0};
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct wf_snapshot_cover *c = wf_snapshot_cover_of(&head, heads[i].name.device);
        struct wf_batch_log_amount one = {.n = 0};
        rc = wf_batch_log_behind(r, &heads[i].name, c == NULL ? 0 : c->number, &one, err);
        out->n += one.n;
        out->bytes += one.bytes;
    }
    *out_need = newest == NULL ? 0 : newest->n_bytes;
    if (rc == 0 && newest != NULL) { /* itself lies there, too */
        out->n -= WF_MIN(out->n, newest->last - newest->first + 1);
        out->bytes -= WF_MIN(out->bytes, newest->n_bytes);
    }
    return rc;
}

static int is_due(struct wf_reader *r, const struct wf_share_space *space, struct wf_arena *arena,
                  bool *out, struct wf_err *err)
{
    uint64_t need = 0, all = 0;
    int rc = 0;

    *out = false;
    for (unsigned level = 0; level < WF_LABEL_SECRET && rc == 0 && !*out; level++) {
        uint8_t stream[WF_STREAM_ID_BYTES];
        struct wf_batch_log_amount behind;
        wf_stream_id(space->uid, (enum wf_label)level, stream);
        rc = measure(r, stream, arena, &behind, &need, err);
        if (rc != 0 || behind.bytes <= BEHIND_BYTES_MIN)
            continue;
        if (need == 0 && all == 0)
            rc = estimate(r, space->id, &all, err);
        need = need == 0 ? all : need;
        *out = behind.bytes > TIMES * need || (behind.n > BEHIND_BATCHES && behind.bytes > need);
    }
    return rc;
}

/* Whether so much has come since it was last looked that it is worth measuring all there is; and
 * once more some time later, when drafts have put down their own logs. */
static int has_grown(struct wf_sharing *s, struct wf_reader *r, bool *out, struct wf_err *err)
{
    int64_t now_ns = wf_clock_mono_ns(s->o.clock);
    sqlite3_stmt *st = NULL;
    uint64_t bytes;
    int rc = wf_reader_cached(r, "SELECT ifnull(sum(n_bytes),0) FROM batch_log", &st, err);

    if (rc == 0)
        rc = wf_sql_step(st, "measuring the shelf", err);
    if (rc < 0)
        return rc;
    bytes = (uint64_t)sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    *out = bytes < s->measured_bytes ||
           bytes - s->measured_bytes > WF_MAX(BEHIND_BYTES_MIN / 16, s->measured_bytes / 16);
    if (*out) {
        s->measured_bytes = bytes;
        s->measure_ns = now_ns + AGAIN_NS;
    } else if (s->measure_ns != 0 && now_ns >= s->measure_ns) {
        s->measure_ns = 0;
        *out = true;
    }
    return 0;
}

/* Whether it is this device's to make them: it may write all levels, others are there, and none of
 * them that could has a lower id. */
static bool is_mine(const struct wf_sharing *s, const struct wf_share_space *space)
{
    const uint8_t *own = s->o.device->signer.id;
    uint8_t top[WF_STREAM_ID_BYTES];
    size_t n_others = 0;

    wf_stream_id(space->uid, WF_LABEL_PRIVATE, top);
    if (wf_sharing__right(s, own, top) < WF_SHARING_WRITE)
        return false;
    for (size_t i = 0; i < s->n_peers; i++) {
        const struct wf_devices_entry *e =
            s->peers[i].id == 0 ? NULL : wf_devices_by_transport(&s->devices, s->peers[i].key);
        if (e == NULL)
            continue;
        n_others++;
        if (memcmp(e->device, own, WF_SIGNER_ID_BYTES) < 0 &&
            wf_sharing__right(s, e->device, top) >= WF_SHARING_WRITE)
            return false;
    }
    return n_others > 0;
}

static int look_at_space(struct wf_sharing *s, const struct wf_share_space *space,
                         struct wf_arena *arena, struct wf_err *err)
{
    struct wf_reader *r = NULL;
    bool due = false;
    int rc = wf_store_reader_get(s->o.store, &r, err);

    if (rc != 0)
        return rc;
    rc = is_due(r, space, arena, &due, err);
    wf_store_reader_put(s->o.store, r);
    if (rc == 0 && due)
        rc = wf_sharing__make_snapshot(s, space, err);
    return rc == WF_E_BUSY ? 0 : rc;
}

int wf_sharing__tend_snapshots(struct wf_sharing *s, struct wf_err *err)
{
    int64_t now_ns = wf_clock_mono_ns(s->o.clock);
    struct wf_share_space *spaces = NULL;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    bool grew = false;
    size_t n = 0;
    int rc;

    if (now_ns < s->snapshot_ns || s->is_unsent || s->n_came > 0)
        return 0;
    s->snapshot_ns = now_ns + LOOK_NS;
    if (!wf_syncer_behind(s->syncer).is_known) /* it may be an old copy of its data */
        return 0;
    rc = wf_store_reader_get(s->o.store, &r, err);
    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 4096, SIZE_MAX);
    rc = wf_share_spaces(r, &arena, &spaces, &n, err);
    if (rc == 0)
        rc = has_grown(s, r, &grew, err);
    wf_store_reader_put(s->o.store, r);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (grew && is_mine(s, &spaces[i]))
            rc = look_at_space(s, &spaces[i], &arena, err);
        if (rc == 0)
            rc = wf_sharing__trim(s, &spaces[i], err);
    }
    wf_arena_deinit(&arena);
    return rc;
}
