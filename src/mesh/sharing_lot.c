/* SPDX-License-Identifier: Apache-2.0 */
/* Taking a lot (sharing_lot.h). Signatures and new drafts' updates are looked at by all processors
 * that there are, before anybody waits for the turn of writing. A new draft is not opened: its
 * update is tried in a document of its own, and becomes the first row of its log. */
#include "mesh/sharing_lot.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "crdt/update.h"
#include "mesh/sharing_people.h"
#include "os/gang.h"
#include "space/log.h"
#include "space/record.h"
#include "space/space.h"
#include "store/draft_log.h"
#include "store/draft_name.h"
#include "store/sql.h"

/* Drafts that are open at once because of it. */
#define OPEN_MAX 256u

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for changes of others.");
}

void wf_sharing__lot_init(struct wf_sharing_lot *lot, struct wf_sharing *s, int64_t space)
{
    *lot = (struct wf_sharing_lot){.s = s, .space = space};
    wf_arena_init(&lot->arena, (size_t)1 << 16, SIZE_MAX);
}

void wf_sharing__lot_deinit(struct wf_sharing_lot *lot)
{
    wf_free(lot->pieces);
    wf_free(lot->changes);
    wf_free(lot->names);
    wf_free(lot->words);
    wf_free(lot->drafts);
    wf_free(lot->checked);
    wf_arena_deinit(&lot->arena);
}

/* ---- what is in it ---- */

static bool uid_of(struct wf_str key, uint8_t out[16])
{
    size_t n = 0;

    return sodium_hex2bin(out, 16, key.ptr, key.len, NULL, &n, NULL) == 0 && n == 16;
}

/* Notes which drafts a change says something of. */
static int note_names(struct wf_sharing_lot *lot, const struct wf_change *c, struct wf_err *err)
{
    struct wf_change_item item;
    size_t at = 0;

    while (wf_change_next(c, &at, &item)) {
        if (item.is_pruned || !wf_str_eq(item.collection, WF_SHARING_DRAFTS))
            continue;
        if (wf_reserve(&lot->names, &lot->cap_names, lot->n_names + 1, sizeof(*lot->names)) != 0)
            return no_memory(err);
        lot->n_names += uid_of(item.key, lot->names[lot->n_names]);
    }
    return 0;
}

int wf_sharing__lot_add(struct wf_sharing_lot *lot, const uint8_t device[WF_SIGNER_ID_BYTES],
                        const struct wf_batch_entry *e, struct wf_err *err)
{
    struct wf_sharing_piece *p;

    if (e->kind == WF_BATCH_SNAPSHOT)
        return wf_err_set(err, WF_E_FORMAT, "It wrote what this weft cannot read.");
    if (e->kind == WF_BATCH_WORD) {
        if (wf_reserve(&lot->words, &lot->cap_words, lot->n_words + 1, sizeof(*p)) != 0)
            return no_memory(err);
        p = &lot->words[lot->n_words++];
        *p = (struct wf_sharing_piece){.bytes = e->bytes};
        memcpy(p->device, device, sizeof(p->device));
        return 0;
    }
    if (e->kind == WF_BATCH_CHANGE) {
        if (wf_reserve(&lot->changes, &lot->cap_changes, lot->n_changes + 1,
                       sizeof(*lot->changes)) != 0)
            return no_memory(err);
        lot->changes[lot->n_changes++] = e->bytes;
        return 0;
    }
    if (wf_reserve(&lot->pieces, &lot->cap_pieces, lot->n_pieces + 1, sizeof(*p)) != 0)
        return no_memory(err);
    p = &lot->pieces[lot->n_pieces];
    *p = (struct wf_sharing_piece){.i = lot->n_pieces,
                                   .dseq = WF_MAX(e->dseq, (uint64_t)1),
                                   .at_ms = e->at_ms,
                                   .bytes = e->bytes};
    memcpy(p->uid, e->draft, sizeof(p->uid));
    memcpy(p->device, device, sizeof(p->device));
    if (memcmp(device, lot->s->o.device->signer.id, sizeof(p->device)) == 0)
        lot->own_dseq = WF_MAX(lot->own_dseq, p->dseq);
    lot->n_pieces++;
    return 0;
}

static int by_uid(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

static int by_draft(const void *a, const void *b)
{
    const struct wf_sharing_piece *x = a, *y = b;
    int c = memcmp(x->uid, y->uid, sizeof(x->uid));

    return c != 0 ? c : (x->i > y->i) - (x->i < y->i);
}

static int join(struct wf_sharing_lot *lot, const struct wf_sharing_piece *p, size_t n,
                struct wf_str *out, struct wf_err *err)
{
    struct wf_str *at;
    struct wf_buf b;
    int rc;

    *out = p[0].bytes;
    if (n == 1)
        return 0;
    at = wf_arena_array(&lot->arena, n, sizeof(*at));
    if (at == NULL)
        return no_memory(err);
    for (size_t i = 0; i < n; i++)
        at[i] = p[i].bytes;
    wf_buf_init(&b, WF_LIMIT_DRAFT_BYTES);
    rc = wf_crdt_merge(at, n, WF_CRDT_V1, &b);
    if (rc == 0)
        *out = wf_arena_dup(&lot->arena, wf_buf_str(&b));
    wf_buf_deinit(&b);
    if (rc == 0 && out->ptr == NULL)
        return no_memory(err);
    return rc == 0 ? 0 : wf_err_set(err, rc, "An update of a draft cannot be read.");
}

/* The drafts that pieces and names speak of, each once. */
static int gather(struct wf_sharing_lot *lot, struct wf_err *err)
{
    size_t i = 0, k = 0;
    int rc = 0;

    lot->drafts = wf_alloc_array(lot->n_pieces + lot->n_names + 1, sizeof(*lot->drafts));
    if (lot->drafts == NULL)
        return no_memory(err);
    if (lot->n_pieces > 0)
        qsort(lot->pieces, lot->n_pieces, sizeof(*lot->pieces), by_draft);
    if (lot->n_names > 0)
        qsort(lot->names, lot->n_names, sizeof(*lot->names), by_uid);
    while (rc == 0 && (i < lot->n_pieces || k < lot->n_names)) {
        struct wf_sharing_lot_draft *d = &lot->drafts[lot->n_drafts++];
        size_t n = 0;
        bool is_name = i == lot->n_pieces ||
                       (k < lot->n_names && memcmp(lot->names[k], lot->pieces[i].uid, 16) < 0);
        memcpy(d->uid, is_name ? lot->names[k] : lot->pieces[i].uid, sizeof(d->uid));
        for (; k < lot->n_names && memcmp(lot->names[k], d->uid, 16) == 0; k++)
            d->is_named = true;
        while (i + n < lot->n_pieces && memcmp(lot->pieces[i + n].uid, d->uid, 16) == 0)
            n++;
        if (n > 0) {
            const struct wf_sharing_piece *last = &lot->pieces[i + n - 1];
            rc = join(lot, &lot->pieces[i], n, &d->update, err);
            d->origin = (struct wf_draft_origin){.dseq = last->dseq, .at_ms = last->at_ms};
            memcpy(d->origin.device, last->device, sizeof(d->origin.device));
        }
        i += n;
    }
    return rc;
}

static int find_rows(struct wf_sharing_lot *lot, struct wf_err *err)
{
    static const char sql[] = "SELECT id,label FROM draft WHERE uid=?1";
    struct wf_reader *r = NULL;
    int rc = wf_store_reader_get(lot->s->o.store, &r, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < lot->n_drafts && rc == 0; i++) {
        sqlite3_stmt *st = NULL;
        rc = wf_reader_cached(r, sql, &st, err);
        if (rc != 0)
            break;
        wf_sql_bind_blob(st, 1, wf_str_n((const char *)lot->drafts[i].uid, 16));
        rc = wf_sql_step(st, "looking for a draft", err);
        if (rc == 1) {
            enum wf_label now = WF_LABEL_SECRET;
            (void)!wf_label_parse(wf_sql_text(st, 1), &now);
            lot->drafts[i].id = sqlite3_column_int64(st, 0);
            lot->drafts[i].rises = lot->drafts[i].update.len > 0 && lot->level > now;
        }
        rc = WF_MIN(rc, 0);
    }
    wf_store_reader_put(lot->s->o.store, r);
    return rc;
}

/* ---- drafts that are new ---- */

struct trying {
    struct wf_sharing_lot *lot;
    pthread_mutex_t lock; /* guards rc */
    int rc;
};

static int try_one(const struct wf_sharing_lot_draft *d)
{
    const struct wf_crdt_options o = {.client = 1, .no_cleanup = true};
    struct wf_crdt *doc = NULL;
    int rc;

    if (d->id != 0 || d->update.len == 0)
        return 0;
    rc = wf_crdt_new(&o, &doc);
    if (rc == 0)
        rc = wf_crdt_apply(doc, d->update, WF_CRDT_V1, NULL);
    wf_crdt_free(doc);
    return rc;
}

static void try_part(void *ud, size_t i, size_t n)
{
    struct trying *t = ud;
    size_t from, to;
    int rc = 0;

    wf_gang_part(t->lot->n_drafts, 1, i, n, &from, &to);
    for (; from < to && rc == 0; from++)
        rc = try_one(&t->lot->drafts[from]);
    if (rc == 0)
        return;
    pthread_mutex_lock(&t->lock);
    t->rc = rc;
    pthread_mutex_unlock(&t->lock);
}

static int try_new(struct wf_sharing_lot *lot, struct wf_err *err)
{
    struct trying t = {.lot = lot, .lock = PTHREAD_MUTEX_INITIALIZER};

    if (lot->s->gang != NULL)
        wf_gang_run(lot->s->gang, try_part, &t);
    else
        try_part(&t, 0, 1);
    pthread_mutex_destroy(&t.lock);
    return t.rc == 0 ? 0 : wf_err_set(err, t.rc, "An update of a draft cannot be read.");
}

/* ---- drafts that are here ---- */

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

/* Puts one draft's update in; *out stays open until that is on the disk. */
static int apply_one(struct wf_sharing_lot *lot, const struct wf_sharing_lot_draft *d,
                     struct waiter *w, struct wf_draft **out, struct wf_err *err)
{
    const struct wf_draft_ack ack = {.fn = on_durable, .ud = w};
    int rc = wf_draft_open(lot->s->o.drafts, d->id, out, err);

    if (rc == WF_E_NOENT)
        return 0; /* removed here */
    if (rc != 0)
        return rc;
    pthread_mutex_lock(&w->lock);
    w->n_left++;
    pthread_mutex_unlock(&w->lock);
    rc = wf_draft_apply_of(*out, d->update, &d->origin, &ack, err);
    if (rc != 0)
        on_durable(w, 0); /* nobody else will */
    return rc;
}

/* From *io_i on, as many as are open at once; what was applied shares commits. */
static int apply_some(struct wf_sharing_lot *lot, size_t *io_i, struct wf_err *err)
{
    struct waiter w = {.lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
    struct wf_draft *open[OPEN_MAX];
    size_t n = 0;
    int rc = 0;

    for (; *io_i < lot->n_drafts && n < OPEN_MAX && rc == 0; (*io_i)++) {
        const struct wf_sharing_lot_draft *d = &lot->drafts[*io_i];
        if (d->id == 0 || d->update.len == 0)
            continue;
        open[n] = NULL;
        rc = apply_one(lot, d, &w, &open[n], err);
        n += open[n] != NULL;
    }
    wf_drafts_commit(lot->s->o.drafts);
    pthread_mutex_lock(&w.lock);
    while (w.n_left > 0)
        pthread_cond_wait(&w.cond, &w.lock);
    pthread_mutex_unlock(&w.lock);
    pthread_cond_destroy(&w.cond);
    pthread_mutex_destroy(&w.lock);
    while (n > 0)
        wf_draft_close(open[--n]);
    return rc != 0 || w.rc == 0 ? rc
                                : wf_err_set(err, w.rc, "Changes of others could not be written.");
}

/* ---- what drafts are called ---- */

/* What is told of a draft is what it is, so that it is not told back. A new one: up to its first
 * update. */
static int note_told(struct wf_sharing_lot *lot, const struct wf_sharing_lot_draft *d, int64_t id,
                     struct wf_str label, struct wf_str name, struct wf_err *err)
{
    const struct wf_share_told t = {.space = lot->space,
                                    .draft = id,
                                    .uid = d->uid,
                                    .seq = d->id == 0 && d->update.len > 0 ? 1 : 0,
                                    .label = label,
                                    .name = name};

    return wf_share_draft_told_as_is(lot->s->o.store, &t, err);
}

static int end_turn(struct wf_sharing *s, int rc, struct wf_err *err)
{
    if (rc == 0)
        return wf_store_write_commit(s->o.store, err);
    wf_store_write_rollback(s->o.store);
    return rc;
}

/* What came in a stream is of its level, whatever is known of the draft by then: else what is made
 * of the draft as it is would go to who may not see that. Before anything is put in. */
static int raise_drafts(struct wf_sharing_lot *lot, struct wf_err *err)
{
    const struct wf_str label = wf_str_from(wf_label_name(lot->level));
    struct wf_store *store = lot->s->o.store;
    size_t n = 0;
    int rc;

    for (size_t i = 0; i < lot->n_drafts; i++)
        n += lot->drafts[i].rises;
    if (n == 0)
        return 0;
    rc = wf_store_write_begin(store, err);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < lot->n_drafts && rc == 0; i++) {
        const struct wf_sharing_lot_draft *d = &lot->drafts[i];
        if (d->rises)
            rc = wf_share_draft_raised(store, d->id, d->uid, label, err);
    }
    return end_turn(lot->s, rc, err);
}

static bool is_removed(const json_t *record)
{
    return json_is_true(json_object_get(record, "removed"));
}

/* The label that a record names, at least that of what comes with it; empty: neither says any. */
static struct wf_str label_in(const struct wf_sharing_lot *lot,
                              const struct wf_sharing_lot_draft *d, const json_t *record)
{
    struct wf_str label = wf_str_from(record == NULL ? "" : wf_json_text(record, "label"));
    enum wf_label parsed;
    bool is_one = wf_label_parse(label, &parsed) && parsed != WF_LABEL_SECRET;

    if (d->update.len > 0 && (!is_one || parsed < lot->level))
        return wf_str_from(wf_label_name(lot->level));
    return is_one ? label : WF_STR("");
}

static int add_draft(struct wf_sharing_lot *lot, const struct wf_sharing_lot_draft *d,
                     const char *hex, const json_t *record, struct wf_err *err)
{
    struct wf_str name = wf_str_from(record == NULL ? "" : wf_json_text(record, "name"));
    char until_told[32];
    struct wf_draft_new row = {.space = lot->space,
                               .uid = d->uid,
                               .label = label_in(lot, d, record),
                               .device = d->origin.device,
                               .dseq = d->origin.dseq,
                               .at_ms = d->origin.at_ms,
                               .update = d->update};
    int64_t id = 0;
    bool is_gone = false;
    int rc = wf_share_draft_was_told(lot->s->o.store, d->uid, &is_gone, err);

    if (rc != 0 || is_gone)
        return rc; /* removed here; the others hear of it */
    (void)snprintf(until_told, sizeof(until_told), "draft %.12s", hex);
    row.name = name.len > 0 && wf_space_name_ok(name) ? name : wf_str_from(until_told);
    if (row.at_ms == 0)
        row.at_ms = wf_clock_wall_ms(lot->s->o.clock);
    rc = wf_draft_put_new(lot->s->o.store, &row, &id, err);
    if (rc == 0)
        rc = note_told(lot, d, id, row.label, WF_STR(""), err);
    return rc == WF_E_EXIST ? wf_err_set(err, WF_E_BUSY, "A draft was made meanwhile.") : rc;
}

/* Of two devices that raise a label at once, each to another, the higher one counts; what is secret
 * here stays that. */
static int raise_label(struct wf_sharing_lot *lot, int64_t id, struct wf_str label,
                       struct wf_err *err)
{
    enum wf_label now = WF_LABEL_PUBLIC, said;
    int rc = wf_share_draft_label(lot->s->o.store, id, &now, err);

    return rc == 0 && wf_label_parse(label, &said) && said > now
               ? wf_draft_row_label_in_turn(lot->s->o.store, id, label, err)
               : rc;
}

static int follow_record(struct wf_sharing_lot *lot, const struct wf_sharing_lot_draft *d,
                         const json_t *record, struct wf_err *err)
{
    struct wf_store *store = lot->s->o.store;
    struct wf_str name = wf_str_from(wf_json_text(record, "name")),
                  label = label_in(lot, d, record);
    bool is_told = false, was_told = false;
    int rc = wf_share_draft_was_told(store, d->uid, &was_told, err);

    /* A name that is not new does not take away what somebody called it here meanwhile. */
    if (name.len > 0 && !wf_space_name_ok(name))
        name = WF_STR("");
    if (rc == 0 && name.len > 0)
        rc = wf_share_draft_is_told(store, d->uid, name, &is_told, err);
    if (rc == 0 && name.len > 0 && !is_told)
        rc = wf_draft_name_want(store, d->id, name, err);
    if (rc == 0)
        rc = raise_label(lot, d->id, label, err);
    if (rc == WF_E_NOENT)
        return 0; /* removed here meanwhile */
    /* What came into this space with its device is still to be told, all of it. */
    return rc == 0 && was_told ? note_told(lot, d, d->id, label, name, err) : rc;
}

/* A draft becomes as its record says, or is made. In turn. */
static int settle_draft(struct wf_sharing_lot *lot, struct wf_sharing_lot_draft *d,
                        struct wf_err *err)
{
    char hex[33];
    json_t *record = NULL;
    int rc;

    if (d->id != 0 && !d->is_named)
        return 0;
    (void)sodium_bin2hex(hex, sizeof(hex), d->uid, sizeof(d->uid));
    rc = wf_records_json_in_turn(lot->s->o.records, lot->space, WF_SHARING_DRAFTS, wf_str_from(hex),
                                 &record, err);
    if (rc != 0 && rc != WF_E_NOENT)
        return rc;
    rc = 0;
    if (record != NULL && is_removed(record))
        d->is_removed = true;
    else if (d->id == 0)
        rc = add_draft(lot, d, hex, record, err);
    else if (record != NULL)
        rc = follow_record(lot, d, record, err);
    json_decref(record);
    return rc;
}

/* ---- all of it ---- */

static int count_new(struct wf_sharing_lot *lot, struct wf_err *err)
{
    size_t n = 0;
    int rc = wf_draft_count(lot->s->o.store, &n, err);

    for (size_t i = 0; i < lot->n_drafts; i++)
        n += lot->drafts[i].id == 0;
    return rc == 0 && n > WF_LIMIT_DRAFTS
               ? wf_err_set(err, WF_E_LIMIT, "There are %d drafts already: remove some.",
                            WF_LIMIT_DRAFTS)
               : rc;
}

static int write_in_turn(struct wf_sharing_lot *lot, bool *out_removes, struct wf_err *err)
{
    struct wf_sharing *s = lot->s;
    int rc = 0;

    *out_removes = false;
    if (lot->n_changes > 0)
        rc = wf_records_apply_checked_in_turn(s->o.records, lot->space, lot->checked,
                                              lot->n_changes, NULL, err);
    if (rc == 0 && lot->own_dseq > 0) /* no number is used twice */
        rc = wf_log_reach(s->o.store, lot->space, s->o.device->signer.id, lot->own_dseq, 0, err);
    for (size_t i = 0; i < lot->n_words && rc == 0; i++)
        rc = wf_sharing__hear_word(s, lot->space, lot->level, lot->words[i].device,
                                   lot->words[i].bytes, err);
    if (rc == 0 && lot->n_drafts > 0)
        rc = count_new(lot, err);
    for (size_t i = 0; i < lot->n_drafts && rc == 0; i++) {
        rc = settle_draft(lot, &lot->drafts[i], err);
        *out_removes = *out_removes || (lot->drafts[i].is_removed && lot->drafts[i].id != 0);
    }
    return rc;
}

/* Drafts go that were removed elsewhere; only then it is taken. */
static int remove_drafts(struct wf_sharing_lot *lot, wf_sharing_taken_fn taken, void *ud,
                         struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < lot->n_drafts && rc == 0; i++) {
        if (lot->drafts[i].is_removed && lot->drafts[i].id != 0)
            rc = wf_draft_remove(lot->s->o.drafts, lot->drafts[i].id, err);
        rc = rc == WF_E_NOENT ? 0 : rc;
    }
    if (rc == 0)
        rc = wf_store_write_begin(lot->s->o.store, err);
    return rc == 0 ? end_turn(lot->s, taken(ud, err), err) : rc;
}

/* Whether what a device wrote counts in the lot's stream. */
static bool counts(const struct wf_sharing_lot *lot, const uint8_t device[WF_SIGNER_ID_BYTES])
{
    const struct wf_sharing *s = lot->s;

    for (size_t i = 0; i < s->n_streams; i++) {
        if (s->streams[i].space == lot->space && s->streams[i].level == lot->level)
            return wf_sharing__counts(s, device, s->streams[i].id);
    }
    return false;
}

static int check(struct wf_sharing_lot *lot, struct wf_err *err)
{
    int rc;

    if (lot->n_changes == 0)
        return 0;
    lot->checked = wf_alloc_array(lot->n_changes, sizeof(*lot->checked));
    if (lot->checked == NULL)
        return no_memory(err);
    rc = wf_records_check(lot->s->o.records, lot->space, lot->changes, lot->n_changes, lot->s->gang,
                          lot->checked, err);
    for (size_t i = 0; i < lot->n_changes && rc == 0; i++) {
        if (!counts(lot, lot->checked[i].device))
            rc = wf_err_set(err, WF_E_DENIED, "It passes on changes of an unknown device.");
        if (rc == 0)
            rc = note_names(lot, &lot->checked[i], err);
    }
    return rc;
}

int wf_sharing__lot_take(struct wf_sharing_lot *lot, wf_sharing_taken_fn taken, void *ud,
                         struct wf_err *err)
{
    bool removes = false;
    int rc = check(lot, err);

    if (rc == 0)
        rc = gather(lot, err);
    if (rc == 0)
        rc = find_rows(lot, err);
    if (rc == 0)
        rc = try_new(lot, err);
    if (rc == 0)
        rc = raise_drafts(lot, err);
    for (size_t i = 0; i < lot->n_drafts && rc == 0;)
        rc = apply_some(lot, &i, err);
    if (rc == 0)
        rc = wf_store_write_begin(lot->s->o.store, err);
    if (rc != 0)
        return rc;
    rc = write_in_turn(lot, &removes, err);
    if (rc == 0 && !removes)
        rc = taken(ud, err);
    rc = end_turn(lot->s, rc, err);
    if (rc == 0)
        wf_records_tell_checked(lot->s->o.records, lot->space, lot->checked, lot->n_changes);
    if (rc == 0 && lot->n_words > 0)
        wf_records_poke(lot->s->o.records);
    return rc == 0 && removes ? remove_drafts(lot, taken, ud, err) : rc;
}
