/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of others: noted as they pass, taken where a log begins later than it was taken here,
 * and in whose favour the shelf is trimmed.
 *
 * Taking one is merging what it has, as with any batch: it takes nothing away. What it says that it
 * covers counts as taken then; the hash of the last batch that it covers of each log is there, so
 * that a log which goes on otherwise is seen. */
#include <string.h>

#include <sodium.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "mesh/share_snapshots.h"
#include "mesh/sharing_lot.h"
#include "mesh/sharing_people.h"
#include "mesh/snapshot.h"
#include "space/log.h"
#include "store/batch_log.h"

/* Batches that are looked through at once for a snapshot. */
#define LOOK_BYTES ((size_t)4 << 20)

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a snapshot.");
}

static struct wf_batch_log_name name_of(const struct wf_sync_log *log)
{
    struct wf_batch_log_name n;

    memcpy(&n, log, sizeof(n));
    return n;
}

static int list(const struct wf_sharing *s, const uint8_t *stream, struct wf_arena *arena,
                struct wf_share_snapshot **out, size_t *out_n, struct wf_err *err)
{
    struct wf_reader *r = NULL;
    int rc = wf_store_reader_get(s->o.store, &r, err);

    if (rc != 0)
        return rc;
    rc = wf_share_snapshots(r, stream, arena, out, out_n, err);
    wf_store_reader_put(s->o.store, r);
    return rc;
}

/* ---- noting ---- */

static bool is_last(const struct wf_batch_entry *e)
{
    return ((uint8_t)e->bytes.ptr[0] & WF_SNAPSHOT_LAST) != 0;
}

/* The head that a first part has, if it is one. */
static int check_head(struct wf_str head, struct wf_err *err)
{
    struct wf_snapshot_head h;
    struct wf_arena arena;
    int rc;

    wf_arena_init(&arena, 4096, SIZE_MAX);
    rc = wf_snapshot_head_read(head, &arena, &h, err);
    wf_arena_deinit(&arena);
    return rc;
}

int wf_sharing__note_part(struct wf_sharing *s, const struct wf_sync_log *log, uint64_t number,
                          const struct wf_batch_entry *e, size_t n_bytes, struct wf_err *err)
{
    struct wf_share_snapshot *snaps = NULL, one = {.log = *log, .first = number, .at_ms = e->at_ms};
    struct wf_arena arena;
    size_t n = 0;
    int rc = 0;

    wf_arena_init(&arena, 4096, SIZE_MAX);
    if (e->dseq == 0) {
        one.head = wf_str_sub(e->bytes, 1, e->bytes.len);
        rc = check_head(one.head, err);
    } else {
        rc = list(s, log->stream, &arena, &snaps, &n, err);
        for (size_t i = 0; i < n && rc == 0; i++) {
            if (memcmp(&snaps[i].log, log, sizeof(*log)) == 0 &&
                number - snaps[i].first == e->dseq && snaps[i].last == 0)
                one = snaps[i];
        }
        if (one.head.len == 0) /* its beginning was not seen */
            goto out;
    }
    one.n_bytes += n_bytes;
    if (is_last(e))
        one.last = number;
    if (rc == 0)
        rc = wf_share_snapshot_put(s->o.store, &one, err);
out:
    wf_arena_deinit(&arena);
    return rc;
}

/* ---- taking ---- */

struct bridging {
    struct wf_sharing *s;
    struct wf_sync_log log; /* of who made it */
    const struct wf_sharing_stream *stream;
    struct wf_sharing_lot lot;
    struct wf_arena arena;
    struct wf_str *contents;
    size_t n_contents, cap_contents;
    uint64_t first, next; /* the snapshot's first batch, 0: not found yet; the next to be read */
    bool is_whole;
    int64_t at_ms;
    uint64_t n_bytes;
    struct wf_str head_bytes;
    struct wf_snapshot_head head;
    struct wf_sync_head *begun; /* logs that are further by it */
    size_t n_begun;
    bool is_merged; /* what it has is taken beside what is here; no log is further by it */
    enum wf_share_snapshot_state state; /* that it has then */
};

/* The first entry of a batch's content, if that makes it a part of a snapshot. */
static bool part_of(struct wf_str content, struct wf_batch_entry *out)
{
    size_t at = 0;

    return wf_batch_entry_next(content, &at, out) == 1 && out->kind == WF_BATCH_SNAPSHOT;
}

static int add_part(struct bridging *b, const struct wf_batch_entry *part, struct wf_str content,
                    struct wf_err *err)
{
    struct wf_batch_entry e;
    size_t at = 0;
    int rc = 0, got;

    if (part->dseq == 0) {
        b->head_bytes = wf_str_sub(part->bytes, 1, part->bytes.len);
        b->at_ms = part->at_ms;
        rc = wf_snapshot_head_read(b->head_bytes, &b->arena, &b->head, err);
    }
    while (rc == 0 && (got = wf_batch_entry_next(content, &at, &e)) != 0) {
        if (got < 0 || e.kind == WF_BATCH_WORD)
            return wf_err_set(err, WF_E_FORMAT, "Its snapshot cannot be read.");
        if (e.kind != WF_BATCH_SNAPSHOT)
            rc = wf_sharing__lot_add(&b->lot, b->log.device, &e, err);
    }
    b->is_whole = is_last(part);
    return rc;
}

/* One batch of a log in which a snapshot is looked for, and then read. 1: enough. */
static int look_at(void *ud, uint64_t number, struct wf_str bytes, struct wf_err *err)
{
    struct bridging *b = ud;
    struct wf_batch_entry part;
    struct wf_batch batch;
    struct wf_str content;
    struct wf_buf opened;
    bool is_part;
    int rc = wf_batch_read(bytes, &batch, err);

    if (rc != 0)
        return rc;
    if (b->first != 0 && number != b->next)
        return 1;
    wf_buf_init(&opened, WF_LIMIT_BATCH_BYTES);
    rc = wf_sharing__open(b->s, &batch, &opened, err);
    content = rc == 0 ? wf_arena_dup(&b->arena, wf_buf_str(&opened)) : WF_STR("");
    if (opened.len > 0)
        sodium_memzero(opened.ptr, opened.len);
    wf_buf_deinit(&opened);
    if (rc != 0 || content.ptr == NULL)
        return rc != 0 ? rc : no_memory(err);
    is_part = part_of(content, &part);
    if (b->first == 0 && is_part && part.dseq == 0)
        b->first = number;
    b->next = number + 1;
    if (b->first == 0)
        return 0;
    if (!is_part || part.dseq != number - b->first)
        return wf_err_set(err, WF_E_FORMAT, "Its snapshot cannot be read.");
    b->n_bytes += bytes.len;
    rc = add_part(b, &part, content, err);
    return rc == 0 && b->is_whole ? 1 : rc;
}

/* Finds the log's first snapshot from a batch on, and reads it. */
static int read_it(struct bridging *b, uint64_t from, struct wf_err *err)
{
    struct wf_shelf shelf;
    int rc = 0;

    wf_shelf_of_store(b->s->o.store, &shelf);
    b->next = from;
    while (rc == 0 && !b->is_whole) {
        uint64_t before = b->next;
        rc = shelf.read(shelf.ud, &b->log, b->next, LOOK_BYTES, look_at, b, err);
        if (rc == 0 && b->next == before)
            break; /* there is no more */
    }
    return WF_MIN(rc, 0);
}

/* Of one log that it covers. One that forked is named, and goes on as it is. */
static int set_cover(struct bridging *b, const struct wf_snapshot_cover *c, struct wf_err *err)
{
    struct wf_sharing *s = b->s;
    struct wf_sync_head *head = &b->begun[b->n_begun];
    struct wf_batch_log_name name;
    int rc;

    head->last = c->number;
    memcpy(head->log.stream, b->log.stream, sizeof(head->log.stream));
    memcpy(head->log.device, c->device, sizeof(head->log.device));
    memcpy(head->hash, c->hash, sizeof(head->hash));
    name = name_of(&head->log);
    rc = wf_batch_log_begin(s->o.store, &name, c->number, c->hash, err);
    if (rc == WF_E_CORRUPT) {
        (void)wf_sharing__problem(s, &head->log,
                                  "It has told two stories: a snapshot has another one than what "
                                  "is here. Revoke it and pair it anew.");
        wf_sharing__forked(s, &head->log);
        return 0;
    }
    if (rc == 0)
        rc = wf_share_reach_taken(s->o.store, &head->log, c->number, err);
    b->n_begun += rc == 0;
    return rc;
}

/* In the turn that takes it. */
static int set_covers(void *ud, struct wf_err *err)
{
    struct bridging *b = ud;
    struct wf_sharing *s = b->s;
    const struct wf_share_snapshot row = {.log = b->log,
                                          .first = b->first,
                                          .last = b->next - 1,
                                          .at_ms = b->at_ms,
                                          .n_bytes = b->n_bytes,
                                          .state = b->state,
                                          .is_merged = true,
                                          .head = b->head_bytes};
    int rc = wf_share_snapshot_put(s->o.store, &row, err);

    if (b->is_merged)
        return rc;
    for (size_t i = 0; i < b->head.n_covers && rc == 0; i++)
        rc = set_cover(b, &b->head.covers[i], err);
    for (size_t i = 0; i < b->head.n_reach && rc == 0; i++) {
        const struct wf_snapshot_reach *own = &b->head.reach[i];
        if (memcmp(own->device, s->o.device->signer.id, WF_SIGNER_ID_BYTES) == 0)
            rc = wf_log_reach(s->o.store, b->stream->space, own->device, own->dseq, 0, err);
    }
    return rc == 0 ? wf_share_reach_taken(s->o.store, &b->log, b->next - 1, err) : rc;
}

static int take_it(struct bridging *b, struct wf_err *err)
{
    int rc = 0;

    b->begun = wf_arena_array(&b->arena, b->head.n_covers + 1, sizeof(*b->begun));
    if (b->begun == NULL)
        return no_memory(err);
    rc = wf_sharing__lot_take(&b->lot, set_covers, b, err);
    for (size_t i = 0; i < b->n_begun && rc == 0; i++)
        rc = wf_syncer_reached(b->s->syncer, &b->begun[i], err);
    return rc;
}

/* *out_done: a snapshot was in that log, and was taken. merged: beside what is here; else NULL. */
static int bridge_by(struct wf_sharing *s, const struct wf_sync_log *log, uint64_t from,
                     const struct wf_share_snapshot *merged, bool *out_done, struct wf_err *err)
{
    struct bridging b = {.s = s,
                         .log = *log,
                         .stream = wf_sharing__stream(s, log->stream),
                         .is_merged = merged != NULL,
                         .state = merged != NULL ? merged->state : WF_SHARE_SNAPSHOT_GOOD};
    int rc;

    *out_done = false;
    if (b.stream == NULL || !wf_sharing__counts(s, log->device, log->stream))
        return 0;
    wf_arena_init(&b.arena, (size_t)1 << 16, SIZE_MAX);
    wf_sharing__lot_init(&b.lot, s, b.stream->space);
    b.lot.level = b.stream->level;
    rc = read_it(&b, from, err);
    if (rc == 0 && b.is_whole) {
        rc = take_it(&b, err);
        *out_done = rc == 0;
    }
    wf_sharing__lot_deinit(&b.lot);
    wf_arena_deinit(&b.arena);
    return rc;
}

/* Whether it has what the log's batches before that one have. */
static bool has(const struct wf_share_snapshot *snap, const struct wf_sync_log *log,
                uint64_t before, struct wf_arena *arena)
{
    struct wf_snapshot_head head;
    const struct wf_snapshot_cover *c;

    if (snap->last == 0 || snap->state == WF_SHARE_SNAPSHOT_BAD ||
        wf_snapshot_head_read(snap->head, arena, &head, NULL) != 0)
        return false;
    c = wf_snapshot_cover_of(&head, log->device);
    return c != NULL && c->number + 1 >= before;
}

bool wf_sharing__covers(void *ud, const struct wf_sync_log *log, uint64_t before)
{
    const struct wf_sharing *s = ud;
    struct wf_share_snapshot *snaps = NULL;
    struct wf_arena arena;
    bool is = false;
    size_t n = 0;

    wf_arena_init(&arena, 4096, SIZE_MAX);
    if (list(s, log->stream, &arena, &snaps, &n, NULL) == 0) {
        for (size_t i = 0; i < n && !is; i++)
            is = has(&snaps[i], log, before, &arena);
    }
    wf_arena_deinit(&arena);
    return is;
}

int wf_sharing__bridge(struct wf_sharing *s, const struct wf_sync_log *log, uint64_t first,
                       bool *out_done, struct wf_err *err)
{
    struct wf_share_snapshot *snaps = NULL;
    struct wf_arena arena;
    size_t n = 0;
    int rc;

    *out_done = false;
    wf_arena_init(&arena, 4096, SIZE_MAX);
    rc = list(s, log->stream, &arena, &snaps, &n, err);
    for (size_t i = 0; i < n && rc == 0 && !*out_done; i++) {
        if (has(&snaps[i], log, first, &arena))
            rc = bridge_by(s, &snaps[i].log, snaps[i].first, NULL, out_done, err);
    }
    if (rc == 0 && !*out_done) /* one that was not seen yet may be in the log itself */
        rc = bridge_by(s, log, first, NULL, out_done, err);
    wf_arena_deinit(&arena);
    return rc;
}

/* ---- two stories ---- */

bool wf_sharing__is_other_story(const struct wf_sharing *s, struct wf_reader *r,
                                const uint8_t stream[WF_STREAM_ID_BYTES],
                                const struct wf_snapshot_cover *c)
{
    uint8_t hash[WF_BATCH_HASH_BYTES];
    struct wf_batch_log_name name;
    struct wf_sync_log log;
    int got;

    memcpy(log.stream, stream, sizeof(log.stream));
    memcpy(log.device, c->device, sizeof(log.device));
    name = name_of(&log);
    got = wf_batch_log_hash(r, &name, c->number, hash, NULL);
    return got == 1 ? memcmp(hash, c->hash, sizeof(hash)) != 0 : wf_sharing__is_forked(s, &log);
}

/* Whether a snapshot of another device's has what is in no log that is here. */
static bool is_to_merge(const struct wf_sharing *s, const struct wf_share_snapshot *snap,
                        struct wf_reader *r, struct wf_arena *arena)
{
    struct wf_sync_log log = snap->log;
    struct wf_snapshot_head head;

    if (snap->last == 0 || snap->is_merged ||
        memcmp(snap->log.device, s->o.device->signer.id, WF_SIGNER_ID_BYTES) == 0 ||
        wf_snapshot_head_read(snap->head, arena, &head, NULL) != 0)
        return false;
    for (size_t i = 0; i < head.n_covers; i++) {
        memcpy(log.device, head.covers[i].device, sizeof(log.device));
        if (wf_sharing__is_over(s, &log) &&
            wf_sharing__is_other_story(s, r, log.stream, &head.covers[i]))
            return true;
    }
    return false;
}

static int merge_stream(struct wf_sharing *s, const uint8_t *stream, struct wf_arena *arena,
                        struct wf_err *err)
{
    struct wf_share_snapshot *snaps = NULL;
    struct wf_reader *r = NULL;
    size_t n = 0, k = 0;
    int rc = list(s, stream, arena, &snaps, &n, err);

    if (rc == 0)
        rc = wf_store_reader_get(s->o.store, &r, err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (is_to_merge(s, &snaps[i], r, arena))
            snaps[k++] = snaps[i];
    }
    if (r != NULL)
        wf_store_reader_put(s->o.store, r);
    for (size_t i = 0; i < k && rc == 0; i++) {
        bool is_done = false;
        rc = bridge_by(s, &snaps[i].log, snaps[i].first, &snaps[i], &is_done, err);
    }
    return rc;
}

int wf_sharing__merge(struct wf_sharing *s, struct wf_err *err)
{
    struct wf_arena arena;
    int rc = 0;

    wf_arena_init(&arena, 4096, SIZE_MAX);
    for (size_t i = 0; i < s->n_streams && rc == 0; i++)
        rc = merge_stream(s, s->streams[i].id, &arena, err);
    wf_arena_deinit(&arena);
    return rc;
}

/* ---- trimming ---- */

/* Whether another member has all of the snapshot: who made it, or who is connected and says so. */
static bool is_elsewhere(const struct wf_sharing *s, const struct wf_share_snapshot *snap)
{
    if (memcmp(snap->log.device, s->o.device->signer.id, WF_SIGNER_ID_BYTES) != 0)
        return true;
    for (size_t i = 0; i < s->n_peers; i++) {
        uint64_t peer = s->peers[i].id;
        if (peer != 0 && wf_sharing__right_of_peer(s, peer, snap->log.stream) >= WF_SHARING_READ &&
            wf_syncer_there(s->syncer, peer, &snap->log) >= snap->last)
            return true;
    }
    return false;
}

/* The newest two that are whole and good; whether there are. */
static bool pick(const struct wf_sharing *s, const struct wf_share_snapshot *snaps, size_t n,
                 const struct wf_share_snapshot **out_older)
{
    size_t n_good = 0;

    for (size_t i = 0; i < n; i++) {
        if (snaps[i].last == 0 || snaps[i].state != WF_SHARE_SNAPSHOT_GOOD)
            continue;
        if (n_good++ == 0 && !is_elsewhere(s, &snaps[i]))
            return false;
        if (n_good == 2) {
            *out_older = &snaps[i];
            return true;
        }
    }
    return false;
}

/* All that it covers is applied here, and some of it is still on the shelf. */
static int is_due(const struct wf_sharing *s, const struct wf_share_snapshot *snap,
                  const struct wf_snapshot_head *head, bool *out, struct wf_err *err)
{
    struct wf_reader *r = NULL;
    bool is_there = false;
    int rc = wf_store_reader_get(s->o.store, &r, err);

    *out = true;
    for (size_t i = 0; i < head->n_covers && rc == 0; i++) {
        struct wf_sync_log log = snap->log;
        struct wf_batch_log_name name;
        struct wf_batch_log_head at;
        uint64_t taken = 0;
        memcpy(log.device, head->covers[i].device, sizeof(log.device));
        name = name_of(&log);
        rc = wf_batch_log_head(r, &name, &at, err);
        is_there = is_there || (rc == 0 && at.first <= head->covers[i].number);
        if (rc != 0 || memcmp(log.device, s->o.device->signer.id, sizeof(log.device)) == 0)
            continue;
        rc = wf_share_taken(r, &log, &taken, err);
        *out = *out && taken >= head->covers[i].number;
    }
    if (r != NULL)
        wf_store_reader_put(s->o.store, r);
    *out = *out && is_there;
    return rc;
}

static int trim_by(struct wf_sharing *s, const struct wf_share_snapshot *older,
                   const struct wf_snapshot_head *head, struct wf_err *err)
{
    int rc = wf_store_write_begin(s->o.store, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < head->n_covers && rc == 0; i++) {
        struct wf_sync_log log = older->log;
        struct wf_batch_log_name name;
        memcpy(log.device, head->covers[i].device, sizeof(log.device));
        name = name_of(&log);
        rc = wf_batch_log_trim(s->o.store, &name, head->covers[i].number, err);
        if (rc == 0)
            rc = wf_share_snapshot_forget(s->o.store, &log, head->covers[i].number + 1, err);
    }
    if (rc == 0)
        return wf_store_write_commit(s->o.store, err);
    wf_store_write_rollback(s->o.store);
    return rc;
}

static int trim_stream(struct wf_sharing *s, const uint8_t *stream, struct wf_err *err)
{
    const struct wf_share_snapshot *older = NULL;
    struct wf_share_snapshot *snaps = NULL;
    struct wf_snapshot_head head;
    struct wf_arena arena;
    bool is = false;
    size_t n = 0;
    int rc;

    wf_arena_init(&arena, 4096, SIZE_MAX);
    rc = list(s, stream, &arena, &snaps, &n, err);
    if (rc == 0 && pick(s, snaps, n, &older)) {
        rc = wf_snapshot_head_read(older->head, &arena, &head, err);
        if (rc == 0)
            rc = is_due(s, older, &head, &is, err);
        if (rc == 0 && is)
            rc = trim_by(s, older, &head, err);
    }
    wf_arena_deinit(&arena);
    return rc;
}

int wf_sharing__trim(struct wf_sharing *s, const struct wf_share_space *space, struct wf_err *err)
{
    int rc = 0;

    for (unsigned level = 0; level < WF_LABEL_SECRET && rc == 0; level++) {
        uint8_t stream[WF_STREAM_ID_BYTES];
        wf_stream_id(space->uid, (enum wf_label)level, stream);
        rc = wf_sharing__check_snapshots(s, stream, err);
        if (rc == 0)
            rc = trim_stream(s, stream, err);
    }
    return rc;
}
