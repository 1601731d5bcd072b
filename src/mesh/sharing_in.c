/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of others are opened and applied, each log's in its order. A batch whose drafts' updates
 * are durable is taken together with its changes of records in one transaction, or, where they say
 * what drafts are called, with that; before that, a crash has it applied again, which does nothing.
 * One that cannot be applied is kept, and its author named: nothing of that log behind it is taken.
 */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "mesh/sharing_internal.h"
#include "space/draft.h"
#include "space/log.h"
#include "space/record.h"
#include "space/space.h"
#include "store/draft_log.h"

/* Read of a log at once. */
#define GO_BYTES ((size_t)4 << 20)

struct in {
    struct wf_sharing *s;
    const struct wf_sync_log *log;
    const struct wf_sharing_stream *stream;
    struct wf_arena arena;
    struct wf_draft **drafts; /* that are open because of it */
    size_t n_drafts, cap_drafts;
    struct wf_str *changes;
    size_t n_changes, cap_changes;
    struct wf_str *names; /* keys of records about drafts that came */
    size_t n_names, cap_names;
    uint64_t own_dseq; /* of this device's own updates, which come back; 0: none */
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for changes of others.");
}

int wf_sharing__came(struct wf_sharing *s, const struct wf_sync_log *log)
{
    for (size_t i = 0; i < s->n_came; i++) {
        if (memcmp(&s->came[i], log, sizeof(*log)) == 0)
            return 0;
    }
    if (wf_reserve(&s->came, &s->cap_came, s->n_came + 1, sizeof(*s->came)) != 0)
        return WF_E_NOMEM; /* found again later: what is not taken is looked for now and then */
    s->came[s->n_came++] = *log;
    return 0;
}

static int find_one(void *ud, const struct wf_sync_head *head, struct wf_err *err)
{
    struct wf_sharing *s = ud;
    struct wf_reader *r = NULL;
    uint64_t taken = 0;
    int rc;

    if (wf_sharing__stream(s, head->log.stream) == NULL ||
        memcmp(head->log.device, s->o.device->signer.id, sizeof(head->log.device)) == 0)
        return 0;
    rc = wf_store_reader_get(s->o.store, &r, err);
    if (rc != 0)
        return rc;
    rc = wf_share_taken(r, &head->log, &taken, err);
    wf_store_reader_put(s->o.store, r);
    if (rc == 0 && taken < head->last && wf_sharing__came(s, &head->log) != 0)
        rc = no_memory(err);
    return rc;
}

int wf_sharing__find_untaken(struct wf_sharing *s, struct wf_err *err)
{
    struct wf_shelf shelf;

    wf_shelf_of_store(s->o.store, &shelf);
    return shelf.heads(shelf.ud, find_one, s, err);
}

/* ---- drafts ---- */

static void name_until_told(const uint8_t uid[16], char out[32])
{
    char hex[2 * WF_DRAFT_UID_BYTES + 1];

    (void)sodium_bin2hex(hex, sizeof(hex), uid, WF_DRAFT_UID_BYTES);
    (void)snprintf(out, 32, "draft %.12s", hex);
}

static int ensure_row(struct in *in, const uint8_t uid[16], int64_t *out_id, struct wf_err *err)
{
    char name[32];

    name_until_told(uid, name);
    return wf_draft_row_ensure_in_turn(in->s->o.store, in->stream->space, wf_str_from(name), uid,
                                       out_id, err);
}

static int find_row(struct in *in, struct wf_reader *r, const uint8_t uid[16], int64_t *out_id)
{
    char hex[2 * WF_DRAFT_UID_BYTES + 1];
    struct wf_draft_row row;
    int rc;

    (void)sodium_bin2hex(hex, sizeof(hex), uid, WF_DRAFT_UID_BYTES);
    rc = wf_draft_row_uid(r, wf_str_from(hex), &in->arena, &row, NULL);
    if (rc == 0)
        *out_id = row.id;
    return rc;
}

/* The row of each draft that the content has updates of, made where it is new here: its name comes
 * as a record. All in one turn. */
static int make_rows(struct in *in, struct wf_str content, struct wf_err *err)
{
    struct wf_store *store = in->s->o.store;
    struct wf_batch_entry e;
    size_t at = 0;
    int64_t id;
    int rc = wf_store_write_begin(store, err);

    if (rc != 0)
        return rc;
    while (rc == 0 && wf_batch_entry_next(content, &at, &e) > 0) {
        if (e.kind == WF_BATCH_UPDATE)
            rc = ensure_row(in, e.draft, &id, err);
    }
    if (rc == 0)
        return wf_store_write_commit(store, err);
    wf_store_write_rollback(store);
    return rc;
}

/* Whether the content has updates of drafts that are new here. */
static int has_new(struct in *in, struct wf_str content, bool *out_new, struct wf_err *err)
{
    struct wf_batch_entry e;
    struct wf_reader *r = NULL;
    size_t at = 0;
    int64_t id;
    int rc = wf_store_reader_get(in->s->o.store, &r, err);

    *out_new = false;
    if (rc != 0)
        return rc;
    while (rc == 0 && wf_batch_entry_next(content, &at, &e) > 0) {
        if (e.kind == WF_BATCH_UPDATE)
            rc = find_row(in, r, e.draft, &id);
    }
    wf_store_reader_put(in->s->o.store, r);
    *out_new = rc == WF_E_NOENT;
    return rc == 0 || *out_new ? 0 : wf_err_set(err, rc, "A draft cannot be read.");
}

static int open_draft(struct in *in, const uint8_t uid[16], struct wf_draft **out,
                      struct wf_err *err)
{
    struct wf_reader *r = NULL;
    int64_t id = 0;
    int rc = wf_store_reader_get(in->s->o.store, &r, err);

    *out = NULL;
    if (rc != 0)
        return rc;
    rc = find_row(in, r, uid, &id);
    wf_store_reader_put(in->s->o.store, r);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < in->n_drafts && *out == NULL; i++)
        *out = wf_draft_id(in->drafts[i]) == id ? in->drafts[i] : NULL;
    if (*out != NULL)
        return 0;
    if (wf_reserve(&in->drafts, &in->cap_drafts, in->n_drafts + 1, sizeof(*out)) != 0)
        return no_memory(err);
    rc = wf_draft_open(in->s->o.drafts, id, out, err);
    if (rc == 0)
        in->drafts[in->n_drafts++] = *out;
    return rc;
}

static int apply_update(struct in *in, const struct wf_batch_entry *e, struct wf_err *err)
{
    struct wf_draft_origin origin = {.dseq = WF_MAX(e->dseq, (uint64_t)1), .at_ms = e->at_ms};
    struct wf_draft *d = NULL;
    int rc = open_draft(in, e->draft, &d, err);

    if (rc == WF_E_NOENT)
        return 0; /* removed here */
    memcpy(origin.device, in->log->device, sizeof(origin.device));
    if (memcmp(origin.device, in->s->o.device->signer.id, sizeof(origin.device)) == 0)
        in->own_dseq = WF_MAX(in->own_dseq, origin.dseq);
    return rc == 0 ? wf_draft_apply_of(d, e->bytes, &origin, NULL, err) : rc;
}

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    size_t n_left;
    int rc; /* the first that failed */
};

static void on_durable(void *ud, int rc)
{
    struct waiter *w = ud;

    pthread_mutex_lock(&w->lock);
    w->rc = w->rc != 0 ? w->rc : rc;
    w->n_left--;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->lock);
}

/* Waits until all that was applied is on the disk: the drafts' changes share commits. */
static int await_drafts(struct in *in, struct wf_err *err)
{
    struct waiter w = {.lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
    const struct wf_draft_ack ack = {.fn = on_durable, .ud = &w};
    int rc = 0;

    for (size_t i = 0; i < in->n_drafts && rc == 0; i++) {
        pthread_mutex_lock(&w.lock);
        w.n_left++;
        pthread_mutex_unlock(&w.lock);
        rc = wf_draft_after(in->drafts[i], &ack, err);
        if (rc != 0)
            on_durable(&w, 0); /* nobody else will */
    }
    pthread_mutex_lock(&w.lock);
    while (w.n_left > 0)
        pthread_cond_wait(&w.cond, &w.lock);
    pthread_mutex_unlock(&w.lock);
    pthread_cond_destroy(&w.cond);
    if (rc != 0)
        return rc;
    return w.rc == 0 ? 0 : wf_err_set(err, w.rc, "Changes of others could not be written.");
}

/* ---- records ---- */

/* Notes which drafts a change says something of. */
static int note_names(struct in *in, struct wf_str bytes, struct wf_err *err)
{
    struct wf_change_item item;
    struct wf_change c;
    size_t at = 0;
    int rc = wf_change_read(bytes, &c, err);

    while (rc == 0 && wf_change_next(&c, &at, &item)) {
        if (item.is_pruned || !wf_str_eq(item.collection, WF_SHARING_DRAFTS))
            continue;
        if (wf_reserve(&in->names, &in->cap_names, in->n_names + 1, sizeof(*in->names)) != 0)
            return no_memory(err);
        in->names[in->n_names] = wf_arena_dup(&in->arena, item.key);
        if (in->names[in->n_names++].ptr == NULL)
            return no_memory(err);
    }
    return rc;
}

static int note_change(struct in *in, struct wf_str bytes, struct wf_err *err)
{
    if (wf_reserve(&in->changes, &in->cap_changes, in->n_changes + 1, sizeof(*in->changes)) != 0)
        return no_memory(err);
    in->changes[in->n_changes++] = bytes;
    return note_names(in, bytes, err);
}

static int read_record(struct in *in, struct wf_str key, json_t **out, struct wf_err *err)
{
    struct wf_record_row row;
    struct wf_reader *r = NULL;
    int rc = wf_store_reader_get(in->s->o.store, &r, err);

    if (rc != 0)
        return rc;
    rc = wf_records_get(r, in->stream->space, WF_SHARING_DRAFTS, key, &in->arena, &row, NULL);
    wf_store_reader_put(in->s->o.store, r);
    return rc == 0 ? wf_record_row_json(&row, out, err) : rc;
}

/* The name, with a number where another draft has it. */
static int rename_draft(struct in *in, int64_t id, struct wf_str name, struct wf_err *err)
{
    char numbered[WF_LIMIT_NAME_BYTES + 16];
    int rc = WF_E_EXIST;

    for (unsigned k = 1; rc == WF_E_EXIST && k < 1000; k++) {
        int n = k == 1 ? snprintf(numbered, sizeof(numbered), "%.*s", WF_STR_ARG(name))
                       : snprintf(numbered, sizeof(numbered), "%.*s (%u)", WF_STR_ARG(name), k);
        if (n < 0 || (size_t)n >= sizeof(numbered))
            return WF_E_LIMIT;
        rc = wf_draft_row_rename_in_turn(in->s->o.store, id, wf_str_from(numbered), err);
    }
    return rc;
}

/* What a record says of a draft. */
struct said {
    uint8_t uid[16];
    json_t *record;
};

/* A draft becomes as its record says; what is told of it is what it is then, so that it is not told
 * back. In turn. */
static int follow_record(struct in *in, const struct said *said, struct wf_err *err)
{
    struct wf_store *store = in->s->o.store;
    struct wf_str name = wf_str_from(wf_json_text(said->record, "name"));
    struct wf_str label = wf_str_from(wf_json_text(said->record, "label"));
    enum wf_label parsed;
    int64_t id = 0;
    int rc = ensure_row(in, said->uid, &id, err);

    if (rc == 0 && name.len > 0 && wf_space_name_ok(name))
        rc = rename_draft(in, id, name, err);
    if (rc == 0 && wf_label_parse(label, &parsed) && parsed != WF_LABEL_SECRET)
        rc = wf_draft_row_label_in_turn(store, id, label, err);
    return rc == 0 ? wf_share_draft_told_as_is(store, in->stream->space, id, err) : rc;
}

/* What its record says of a draft now; one that is removed is taken away at once. */
static int hear(struct in *in, struct wf_str key, struct said *out, struct wf_err *err)
{
    struct wf_reader *r = NULL;
    int64_t id = 0;
    size_t n = 0;
    int rc;

    if (sodium_hex2bin(out->uid, sizeof(out->uid), key.ptr, key.len, NULL, &n, NULL) != 0 ||
        n != sizeof(out->uid))
        return 0;
    rc = read_record(in, key, &out->record, err);
    if (rc != 0 || !json_is_true(json_object_get(out->record, "removed")))
        return rc;
    json_decref(out->record);
    out->record = NULL;
    rc = wf_store_reader_get(in->s->o.store, &r, err);
    if (rc != 0)
        return rc;
    rc = find_row(in, r, out->uid, &id);
    wf_store_reader_put(in->s->o.store, r);
    return rc == 0 ? wf_draft_remove(in->s->o.drafts, id, err) : rc;
}

/* The same of all; `out` has as many. */
static int hear_all(struct in *in, struct said *out, struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < in->n_names && rc == 0; i++) {
        rc = hear(in, in->names[i], &out[i], err);
        if (rc == WF_E_NOENT)
            rc = 0; /* removed meanwhile */
    }
    return rc;
}

/* ---- a batch ---- */

static int read_content(struct in *in, struct wf_str content, struct wf_err *err)
{
    struct wf_batch_entry e;
    bool is_new = false;
    size_t at = 0;
    int rc = has_new(in, content, &is_new, err), got;

    if (rc == 0 && is_new)
        rc = make_rows(in, content, err);
    while (rc == 0 && (got = wf_batch_entry_next(content, &at, &e)) != 0) {
        if (got < 0)
            return wf_err_set(err, WF_E_FORMAT, "It wrote what this weft cannot read.");
        rc = e.kind == WF_BATCH_UPDATE ? apply_update(in, &e, err) : note_change(in, e.bytes, err);
    }
    return rc == 0 ? await_drafts(in, err) : rc;
}

static int end_turn(struct wf_sharing *s, int rc, struct wf_err *err)
{
    if (rc == 0)
        return wf_store_write_commit(s->o.store, err);
    wf_store_write_rollback(s->o.store);
    return rc;
}

/* The changes of records, in one transaction; that the batch is taken, in the same, unless drafts
 * are to follow what they say. */
static int take_changes(struct in *in, uint64_t number, struct wf_err *err)
{
    struct wf_sharing *s = in->s;
    int rc = wf_store_write_begin(s->o.store, err);

    if (rc != 0)
        return rc;
    if (in->n_changes > 0)
        rc = wf_records_apply_in_turn(s->o.records, in->stream->space, in->changes, in->n_changes,
                                      NULL, err);
    if (rc == 0 && in->own_dseq > 0) /* no number is used twice */
        rc = wf_log_reach(s->o.store, in->stream->space, in->log->device, in->own_dseq, 0, err);
    if (rc == 0 && in->n_names == 0)
        rc = wf_share_set_taken(s->o.store, in->log, number, WF_STR(""), err);
    rc = end_turn(s, rc, err);
    if (rc == 0)
        wf_records_tell(s->o.records, in->stream->space, in->changes, in->n_changes);
    return rc;
}

/* Drafts become as their records say, and the batch is taken, in one transaction. */
static int follow_records(struct in *in, uint64_t number, struct wf_err *err)
{
    struct wf_sharing *s = in->s;
    struct said *said = wf_alloc_array(in->n_names, sizeof(*said));
    int rc = said == NULL ? no_memory(err) : hear_all(in, said, err);

    if (rc == 0)
        rc = wf_store_write_begin(s->o.store, err);
    if (rc == 0) {
        for (size_t i = 0; i < in->n_names && rc == 0; i++) {
            if (said[i].record != NULL)
                rc = follow_record(in, &said[i], err);
        }
        if (rc == 0)
            rc = wf_share_set_taken(s->o.store, in->log, number, WF_STR(""), err);
        rc = end_turn(s, rc, err);
    }
    for (size_t i = 0; i < in->n_names && said != NULL; i++)
        json_decref(said[i].record);
    wf_free(said);
    return rc;
}

static int open_batch(const struct wf_sharing *s, const struct wf_batch *b, struct wf_buf *out,
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

static int take_batch(struct wf_sharing *s, const struct wf_sync_log *log, uint64_t number,
                      struct wf_str bytes, struct wf_err *err)
{
    struct in in = {.s = s, .log = log, .stream = wf_sharing__stream(s, log->stream)};
    struct wf_buf content;
    struct wf_batch b;
    int rc = in.stream == NULL ? wf_err_set(err, WF_E_NOENT, "The space is not here.")
                               : wf_batch_read(bytes, &b, err);

    if (rc != 0)
        return rc;
    wf_buf_init(&content, WF_LIMIT_BATCH_BYTES);
    wf_arena_init(&in.arena, 4096, SIZE_MAX);
    rc = open_batch(s, &b, &content, err);
    if (rc == 0)
        rc = read_content(&in, wf_buf_str(&content), err);
    if (rc == 0)
        rc = take_changes(&in, number, err);
    if (rc == 0 && in.n_names > 0)
        rc = follow_records(&in, number, err);
    for (size_t i = 0; i < in.n_drafts; i++)
        wf_draft_close(in.drafts[i]);
    if (content.len > 0)
        sodium_memzero(content.ptr, content.len);
    wf_buf_deinit(&content);
    wf_free(in.drafts);
    wf_free(in.changes);
    wf_free(in.names);
    wf_arena_deinit(&in.arena);
    return rc;
}

/* ---- logs ---- */

struct kept {
    uint64_t number;
    struct wf_str bytes;
};

struct reading {
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
    r->at[r->n] = (struct kept){number, wf_arena_dup(&r->arena, bytes)};
    return r->at[r->n++].bytes.ptr == NULL ? no_memory(err) : 0;
}

static int read_log(struct wf_sharing *s, const struct wf_sync_log *log, struct reading *out,
                    struct wf_err *err)
{
    struct wf_shelf shelf;
    struct wf_reader *r = NULL;
    uint64_t taken = 0;
    int rc = wf_store_reader_get(s->o.store, &r, err);

    if (rc != 0)
        return rc;
    rc = wf_share_taken(r, log, &taken, err);
    wf_store_reader_put(s->o.store, r);
    wf_shelf_of_store(s->o.store, &shelf);
    return rc == 0 ? shelf.read(shelf.ud, log, taken + 1, GO_BYTES, keep_batch, out, err) : rc;
}

/* Some batches of a log. *out_done: there are no more, or none that can be taken now. */
static int take_log(struct wf_sharing *s, const struct wf_sync_log *log, bool *out_done,
                    struct wf_err *err)
{
    struct reading r = {.n = 0};
    struct wf_err own = WF_ERR_INIT;
    int rc;

    wf_arena_init(&r.arena, (size_t)1 << 16, SIZE_MAX);
    rc = read_log(s, log, &r, err);
    *out_done = r.n == 0;
    for (size_t i = 0; i < r.n && rc == 0 && !*out_done; i++) {
        int one = take_batch(s, log, r.at[i].number, r.at[i].bytes, &own);
        if (one == WF_E_NOMEM || one == WF_E_FULL || one == WF_E_IO || one == WF_E_BUSY)
            rc = wf_err_set(err, one, "%s", own.msg);
        else if (one != 0) /* NOENT: the key has not come yet */
            (void)wf_sharing__problem(s, log, one == WF_E_NOENT ? "" : own.msg);
        *out_done = one != 0;
        if (one == 0)
            (void)wf_sharing__problem(s, log, "");
    }
    wf_free(r.at);
    wf_arena_deinit(&r.arena);
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
    if (n > 0 && s->o.changed != NULL)
        s->o.changed(s->o.ud);
    return rc;
}
