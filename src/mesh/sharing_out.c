/* SPDX-License-Identifier: Apache-2.0 */
/* What is here goes into batches. A draft's updates since the last batch are joined into one; where
 * its log was made a snapshot meanwhile, the whole of it is sent. What is written, and up to where
 * it stands in batches, is one transaction: nothing goes twice or is forgotten. */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "crdt/update.h"
#include "mesh/sharing_internal.h"
#include "mesh/sharing_people.h"
#include "mesh/snapshot.h"
#include "space/draft.h"
#include "space/log.h"
#include "space/record.h"
#include "store/batch_log.h"

/* Of one round: then others have their turn. */
#define DRAFTS_MAX 1024u
#define ROUND_BYTES ((size_t)2 << 20)
_Static_assert(DRAFTS_MAX <= WF_LIMIT_CHANGE_ITEMS, "their names are one change");

struct out {
    struct wf_sharing *s;
    const struct wf_share_space *space;
    struct wf_reader *r;
    struct wf_arena arena;
    struct wf_buf content[WF_LABEL_SECRET];
    struct wf_share_draft *drafts;
    size_t n_drafts, n_told;
    uint64_t sent, upto;               /* numbers of this device's log */
    struct wf_records_brought brought; /* the last that is told; dseq 0: none */
    struct wf_sync_head heads[WF_LABEL_SECRET];
    struct wf_snapshot_word word; /* that is said */
    uint64_t clock;               /* this device's, from before all is read */
    bool is_more, says_word;
    int put_off; /* why a draft is; 0: none is */
};

static size_t n_bytes(const struct out *o)
{
    size_t n = 0;

    for (unsigned level = 0; level < WF_LABEL_SECRET; level++)
        n += o->content[level].len;
    return n;
}

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to share changes.");
}

/* ---- what drafts are called ---- */

static int json_text(struct wf_arena *arena, struct wf_str s, struct wf_str *out)
{
    json_t *v = wf_json_str(s);
    size_t n = v == NULL ? 0 : json_dumpb(v, NULL, 0, JSON_ENCODE_ANY);
    char *text = n == 0 ? NULL : wf_arena_alloc(arena, n);

    if (text != NULL && json_dumpb(v, text, n, JSON_ENCODE_ANY) != n)
        text = NULL;
    json_decref(v);
    *out = wf_str_n(text, n);
    return text == NULL ? WF_E_NOMEM : 0;
}

static int put_text(struct out *o, struct wf_record_op *op, struct wf_str field, struct wf_str text)
{
    *op = (struct wf_record_op){.kind = WF_RECORD_SET, .field = field};
    return json_text(&o->arena, text, &op->value);
}

/* By which label others may know a draft of which it is not noted that they were told: the record
 * was written, and then the disk failed, or it was secret since. SECRET: nobody knows it. */
static int known_label(struct out *o, struct wf_str key, enum wf_label *out, struct wf_err *err)
{
    struct wf_record_row row;
    json_t *record = NULL;
    int rc = wf_records_get(o->r, o->space->id, WF_SHARING_DRAFTS, key, &o->arena, &row, err);

    *out = WF_LABEL_SECRET;
    if (rc == WF_E_NOENT)
        return 0;
    if (rc == 0)
        rc = wf_record_row_json(&row, &record, err);
    if (rc == 0 && !json_is_true(json_object_get(record, "removed")))
        *out = wf_label_max((enum wf_label)row.label, WF_LABEL_PUBLIC);
    json_decref(record);
    return rc;
}

/* The record of a draft: its name and label; of one that is removed, that it is; of one that became
 * secret, only that, to those who knew it. *out_edit has no ops: nothing is to be said. */
static int tell_name(struct out *o, const struct wf_share_draft *d, struct wf_record_edit *out_edit,
                     struct wf_err *err)
{
    struct wf_record_op *ops = wf_arena_array(&o->arena, 2, sizeof(*ops));
    char *uid = wf_arena_alloc(&o->arena, 2 * sizeof(d->uid) + 1);
    enum wf_label now, told;
    bool is_known;
    int rc = 0;

    if (ops == NULL || uid == NULL)
        return no_memory(err);
    *out_edit = (struct wf_record_edit){.collection = WF_SHARING_DRAFTS, .ops = ops};
    (void)!wf_label_parse(d->label, &now);
    (void)!wf_label_parse(d->told_label, &told);
    (void)sodium_bin2hex(uid, 2 * sizeof(d->uid) + 1, d->uid, sizeof(d->uid));
    out_edit->key = wf_str_from(uid);
    if (d->told_name.len == 0)
        told = now;
    /* It may have been known before it was secret. */
    if (d->id == 0 ? d->told_name.len == 0 || told == WF_LABEL_SECRET
                   : told == WF_LABEL_SECRET && now != WF_LABEL_SECRET)
        rc = known_label(o, out_edit->key, &told, err);
    is_known = told != WF_LABEL_SECRET;
    if (rc != 0 || (!is_known && (d->id == 0 || now == WF_LABEL_SECRET)))
        return rc; /* nobody is to know it */
    out_edit->label = (uint8_t)(now == WF_LABEL_SECRET || d->id == 0 ? told : now);
    if (d->id == 0) {
        ops[0] = (struct wf_record_op){
            .kind = WF_RECORD_SET, .field = WF_STR("removed"), .value = WF_STR("true")};
        out_edit->n_ops = 1;
        return 0;
    }
    /* What is the same as before is not said again: another may have changed it meanwhile. */
    if (!wf_str_eq(d->label, d->told_label) &&
        put_text(o, &ops[out_edit->n_ops++], WF_STR("label"), d->label) != 0)
        return no_memory(err);
    if (now != WF_LABEL_SECRET && (!is_known || !wf_str_eq(d->name, d->told_name)) &&
        put_text(o, &ops[out_edit->n_ops++], WF_STR("name"), d->name) != 0)
        return no_memory(err);
    return 0;
}

/* The records of one label that are written, and the drafts that they are of. */
struct names {
    struct out *o;
    struct wf_record_edit *edits;
    const struct wf_share_draft **of;
    size_t n;
};

static bool has_name(const struct wf_record_edit *e)
{
    return e->n_ops > 0 && wf_str_eq(e->ops[e->n_ops - 1].field, WF_STR("name"));
}

/* With the records: else one that is written, and not noted because something failed behind it,
 * would stay when the draft gets back the name that was noted before. */
static int note_names(void *ud, struct wf_err *err)
{
    const struct names *names = ud;
    int rc = 0;

    for (size_t i = 0; i < names->n && rc == 0; i++) {
        if (has_name(&names->edits[i]))
            rc = wf_share_draft_named(names->o->s->o.store, names->of[i]->uid, names->of[i]->name,
                                      err);
    }
    return rc;
}

/* Those of one label are one change: who may have some of it may have all. */
static int write_names(struct out *o, const struct names *all, struct wf_err *err)
{
    struct names some = {.o = o,
                         .edits = wf_arena_array(&o->arena, DRAFTS_MAX, sizeof(*some.edits)),
                         .of = wf_arena_array(&o->arena, DRAFTS_MAX, sizeof(*some.of))};
    const struct wf_records_along along = {.fn = note_names, .ud = &some};
    int rc = some.edits == NULL || some.of == NULL ? no_memory(err) : 0;

    for (unsigned level = 0; level < WF_LABEL_SECRET && rc == 0; level++) {
        some.n = 0;
        for (size_t i = 0; i < all->n; i++) {
            if (all->edits[i].label != level)
                continue;
            some.edits[some.n] = all->edits[i];
            some.of[some.n++] = all->of[i];
        }
        if (some.n > 0)
            rc = wf_records_write_along(o->s->o.records, o->space->id, some.edits, some.n, &along,
                                        err);
    }
    return rc;
}

static int tell_names(struct out *o, struct wf_err *err)
{
    struct names all = {.o = o,
                        .edits = wf_arena_array(&o->arena, DRAFTS_MAX, sizeof(*all.edits)),
                        .of = wf_arena_array(&o->arena, DRAFTS_MAX, sizeof(*all.of))};
    int rc = all.edits == NULL || all.of == NULL ? no_memory(err) : 0;

    for (size_t i = 0; i < o->n_drafts && rc == 0; i++) {
        const struct wf_share_draft *d = &o->drafts[i];
        if (d->id != 0 && wf_str_eq(d->name, d->told_name) && wf_str_eq(d->label, d->told_label))
            continue;
        rc = tell_name(o, d, &all.edits[all.n], err);
        all.of[all.n] = d;
        all.n += all.edits[all.n].n_ops > 0;
    }
    return rc == 0 ? write_names(o, &all, err) : rc;
}

/* ---- drafts ---- */

struct own_updates {
    const uint8_t *device;
    struct wf_str *at;
    size_t n, cap;
    uint64_t dseq;
    int64_t at_ms;
    struct wf_arena *arena;
    bool has_others; /* there are updates of other devices */
};

static int take_own(void *ud, const struct wf_draft_update *u, struct wf_err *err)
{
    struct own_updates *own = ud;

    own->has_others = own->has_others || memcmp(u->device, own->device, WF_DRAFT_DEVICE_BYTES) != 0;
    if (memcmp(u->device, own->device, WF_DRAFT_DEVICE_BYTES) != 0)
        return 0;
    if (wf_reserve(&own->at, &own->cap, own->n + 1, sizeof(*own->at)) != 0)
        return no_memory(err);
    own->at[own->n] = wf_arena_dup(own->arena, u->bytes);
    if (own->at[own->n++].ptr == NULL)
        return no_memory(err);
    own->dseq = u->dseq;
    own->at_ms = u->at_ms;
    return 0;
}

static int read_whole(void *ud, struct wf_crdt *doc, struct wf_err *err)
{
    int rc = wf_crdt_encode(doc, WF_STR(""), WF_CRDT_V1, ud);

    return rc == 0 ? 0 : no_memory(err);
}

/* The draft as it was when it was looked at, for what its label is. */
static struct wf_draft_moment moment_of(const struct out *o, const struct wf_share_draft *d)
{
    return (struct wf_draft_moment){.r = o->r, .draft = d->id, .upto = d->seq};
}

/* Whether all of it is to be sent: a snapshot has taken in what was not sent; or it goes into
 * another stream than before, which is to be whole for who has only that. */
static bool needs_all(const struct wf_share_draft *d)
{
    return d->first_seq != d->told_seq + 1 ||
           (d->told_seq > 0 && d->told_label.len > 0 && !wf_str_eq(d->label, d->told_label));
}

/* Whether there is anything of this device's to be sent. */
static bool has_news(const struct wf_share_draft *d)
{
    return d->id != 0 && d->seq > 0 &&
           ((d->seq > d->told_seq &&
             (d->own_bytes > 0 || d->first_seq != d->told_seq + 1 || d->told_name.len == 0)) ||
            (d->told_label.len > 0 && !wf_str_eq(d->label, d->told_label)));
}

/* All of a draft, as one update of this device. */
static int send_whole(struct out *o, const struct wf_share_draft *d, struct own_updates *own,
                      struct wf_buf *out, struct wf_err *err)
{
    const struct wf_draft_moment at = moment_of(o, d);

    own->dseq = WF_MAX(o->sent, (uint64_t)1);
    own->at_ms = wf_clock_wall_ms(o->s->o.clock);
    wf_buf_reset(out);
    return wf_draft_look(o->s->o.drafts, &at, read_whole, out, err);
}

/* What this device changed in a draft since the last batch, as one update; empty: nothing. */
static int updates_of(struct out *o, const struct wf_share_draft *d, struct own_updates *own,
                      struct wf_buf *out, struct wf_err *err)
{
    const struct wf_draft_span span = {.draft = d->id, .from = d->told_seq + 1, .to = d->seq};
    const struct wf_draft_moment at = moment_of(o, d);
    int rc;

    if (needs_all(d))
        return send_whole(o, d, own, out, err);
    rc = wf_draft_log_each(o->r, &span, take_own, own, err);
    /* Nothing of it was ever told, and others have written in it: it came into this space with its
     * device, and so did they, perhaps, who may not come. */
    if (rc == 0 && own->has_others && d->told_name.len == 0)
        return send_whole(o, d, own, out, err);
    if (rc != 0 || own->n == 0)
        return rc;
    if (wf_crdt_merge(own->at, own->n, WF_CRDT_V1, out) != 0)
        return wf_err_set(err, WF_E_NOMEM, "A draft's changes cannot be put together.");
    rc = wf_sharing__without_deleted(o->s, &at, own->at, own->n, out, err);
    return rc == WF_E_UNSUPPORTED ? send_whole(o, d, own, out, err) : rc;
}

static int put_draft(struct out *o, struct wf_share_draft *d, struct wf_err *err)
{
    struct own_updates own = {.device = o->s->o.device->signer.id, .arena = &o->arena};
    struct wf_batch_entry e = {.kind = WF_BATCH_UPDATE};
    enum wf_label level;
    struct wf_buf update;
    int rc = 0;

    (void)!wf_label_parse(d->label, &level);
    if (!has_news(d) || level == WF_LABEL_SECRET)
        return 0;
    wf_buf_init(&update, WF_LIMIT_DRAFT_BYTES);
    rc = updates_of(o, d, &own, &update, err);
    if (rc == WF_E_NOENT)
        rc = 0; /* removed in between */
    if (rc == 0 && update.len > 0) {
        memcpy(e.draft, d->uid, sizeof(e.draft));
        e.dseq = own.dseq;
        e.at_ms = own.at_ms;
        e.bytes = wf_buf_str(&update);
        if (wf_batch_entry_write(&e, &o->content[level]) != 0)
            rc = no_memory(err);
    }
    wf_buf_deinit(&update);
    wf_free(own.at);
    return rc;
}

/* ---- records ---- */

static int put_change(void *ud, const struct wf_log_entry *e, struct wf_err *err)
{
    struct out *o = ud;
    const struct wf_batch_entry entry = {.kind = WF_BATCH_CHANGE, .bytes = e->bytes};
    enum wf_label least, level;

    if (n_bytes(o) > ROUND_BYTES) {
        o->is_more = true;
        return 1;
    }
    o->upto = e->dseq;
    (void)!wf_label_parse(o->space->label, &least);
    level = wf_label_max((enum wf_label)e->label, least);
    if (e->kind != WF_LOG_CHANGE || level == WF_LABEL_SECRET)
        return 0;
    return wf_batch_entry_write(&entry, &o->content[level]) == 0 ? 0 : no_memory(err);
}

/* What others wrote into the space that became this one. */
static int put_brought(void *ud, const struct wf_records_brought *b, struct wf_err *err)
{
    struct out *o = ud;
    const struct wf_log_entry e = {
        .kind = WF_LOG_CHANGE, .dseq = o->upto, .label = b->label, .bytes = b->bytes};
    int rc = put_change(o, &e, err);

    if (rc == 0)
        o->brought = *b;
    return rc;
}

/* ---- a space ---- */

static int look_at_label(const struct out *o, struct wf_share_draft *d)
{
    const struct wf_draft_moment at = moment_of(o, d);
    enum wf_label label;
    int rc;

    if (!has_news(d))
        return 0;
    rc = wf_sharing__label(o->s, &at, &label, NULL);
    if (rc == 0)
        d->label = wf_str_from(wf_label_name(label));
    return rc;
}

/* As many drafts as fit into a round; those with something of this device's are looked at first,
 * for what their label is now, and those that cannot be now are put off. */
static int gather(struct out *o, struct wf_err *err)
{
    const struct wf_share_dirty which = {
        .space = o->space->id, .device = o->s->o.device->signer.id, .n_max = DRAFTS_MAX};
    uint64_t bytes = 0;
    size_t n = 0, n_kept = 0;
    int rc = wf_share_drafts(o->r, &which, &o->arena, &o->drafts, &o->n_drafts, err);

    o->is_more = rc == 0 && o->n_drafts == DRAFTS_MAX;
    for (; n < o->n_drafts && rc == 0 && bytes <= ROUND_BYTES; n++) {
        struct wf_share_draft *d = &o->drafts[n];
        int of_it = look_at_label(o, d);
        bytes += d->own_bytes;
        if (of_it == 0)
            o->drafts[n_kept++] = *d;
        else
            o->put_off = of_it;
    }
    o->is_more = o->is_more || n < o->n_drafts;
    o->n_drafts = n_kept;
    return rc == 0 ? tell_names(o, err) : rc;
}

/* How far this device is: all before its clock is in these batches and those before. */
static int say_word(struct out *o, struct wf_err *err)
{
    int rc = wf_sharing__make_word(o->s, o->r, o->space, &o->arena, &o->word, &o->says_word, err);

    if (rc != 0 || !o->says_word)
        return rc;
    o->word.dseq = o->upto;
    o->word.hlc = o->clock;
    return wf_sharing__put_word(o->space, &o->word, o->content, err);
}

/* The contents of batches, from a moment behind the records that tell_names wrote. */
static int fill(struct out *o, struct wf_err *err)
{
    int rc = wf_share_sent(o->r, o->space->id, &o->sent, err);

    o->upto = o->sent;
    if (rc == 0)
        rc = wf_records_brought(o->r, o->space->id, put_brought, o, err);
    if (rc == 0)
        rc = wf_log_read(o->r, o->space->id, o->s->o.device->signer.id, o->sent + 1, put_change, o,
                         err);
    for (rc = rc > 0 ? 0 : rc; o->n_told < o->n_drafts && rc == 0; o->n_told++) {
        if (n_bytes(o) > ROUND_BYTES) {
            o->is_more = true;
            break;
        }
        rc = put_draft(o, &o->drafts[o->n_told], err);
    }
    return rc == 0 && o->clock > 0 && !o->is_more ? say_word(o, err) : rc;
}

static int seal(struct out *o, enum wf_label level, struct wf_err *err)
{
    struct wf_sharing *s = o->s;
    struct wf_sync_head *head = &o->heads[level];
    struct wf_batch_log_name name;
    struct wf_batch_log_head last;
    struct wf_batch_place at;
    struct wf_share_key key;
    struct wf_buf bytes;
    struct wf_share_key_want want = {.space = o->space->id, .level = level};
    int rc;

    want.epoch = wf_sharing__epoch(s, want.space, &want.epoch_max);
    rc = wf_share_key_now(s->o.store, &want, s->o.rng, &key, err);
    wf_stream_id(o->space->uid, level, at.stream);
    memcpy(name.stream, at.stream, sizeof(name.stream));
    memcpy(name.device, s->o.device->signer.id, sizeof(name.device));
    s->keys_changed = s->keys_changed || (rc == 0 && key.is_new);
    if (rc == 0)
        rc = wf_batch_log_head(o->r, &name, &last, err);
    if (rc != 0)
        return rc;
    at.number = last.last + 1;
    memcpy(at.prev, last.hash, sizeof(at.prev));
    memcpy(head->log.stream, at.stream, sizeof(head->log.stream));
    memcpy(head->log.device, name.device, sizeof(head->log.device));
    wf_buf_init(&bytes, SIZE_MAX);
    rc = wf_batch_write(&at, &key.key, &s->o.device->signer, s->o.rng,
                        wf_buf_str(&o->content[level]), &bytes, head->hash, err);
    if (rc == 0) {
        const struct wf_batch_log_row row = {
            .number = at.number, .prev = at.prev, .hash = head->hash, .bytes = wf_buf_str(&bytes)};
        rc = wf_batch_log_append(s->o.store, &name, &row, err);
        head->last = at.number;
    }
    wf_buf_deinit(&bytes);
    return rc;
}

/* Whether a draft that is about to be told has a higher label by now than the one by which it was
 * looked at: somebody gave it that meanwhile. In turn, so that nobody does between this and the
 * sealing. */
static int look_for_risen(struct out *o, bool *out, struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < o->n_told && rc == 0; i++) {
        const struct wf_share_draft *d = &o->drafts[i];
        enum wf_label level, now;
        (void)!wf_label_parse(d->label, &level);
        now = level;
        if (d->id != 0)
            rc = wf_share_draft_label(o->s->o.store, d->id, &now, err);
        *out = *out || now > level;
    }
    return rc;
}

/* One transaction. Nothing is sealed where a label has risen: all is looked at once more. */
static int put_all(struct out *o, struct wf_err *err)
{
    struct wf_store *store = o->s->o.store;
    bool has_risen = false;
    int rc = wf_store_write_begin(store, err);

    if (rc != 0)
        return rc;
    rc = look_for_risen(o, &has_risen, err);
    if (has_risen) {
        wf_store_write_rollback(store);
        o->is_more = true;
        o->says_word = false;
        return rc;
    }
    for (unsigned level = 0; level < WF_LABEL_SECRET && rc == 0; level++) {
        if (o->content[level].len > 0)
            rc = seal(o, (enum wf_label)level, err);
    }
    for (size_t i = 0; i < o->n_told && rc == 0; i++) {
        rc = wf_share_draft_told(store, o->space->id, &o->drafts[i], err);
    }
    if (rc == 0 && o->brought.dseq > 0)
        rc = wf_records_told_brought(o->s->o.records, o->space->id, &o->brought, err);
    if (rc == 0 && o->upto > o->sent)
        rc = wf_share_set_sent(store, o->space->id, o->upto, err);
    if (rc == 0 && o->says_word)
        rc = wf_sharing__note_word(o->s, o->space->id, &o->word, err);
    if (rc == 0)
        return wf_store_write_commit(store, err);
    wf_store_write_rollback(store);
    return rc;
}

static int tell_syncer(struct out *o, struct wf_err *err)
{
    int rc = 0;

    for (unsigned level = 0; level < WF_LABEL_SECRET && rc == 0; level++) {
        if (o->heads[level].last > 0)
            rc = wf_syncer_wrote(o->s->syncer, &o->heads[level], err);
    }
    return rc;
}

static int with_reader(struct out *o, int (*fn)(struct out *o, struct wf_err *err),
                       struct wf_err *err)
{
    int rc = wf_store_reader_get(o->s->o.store, &o->r, err);

    if (rc != 0)
        return rc;
    rc = fn(o, err);
    wf_store_reader_put(o->s->o.store, o->r);
    o->r = NULL;
    return rc;
}

static int write_batches(struct out *o, struct wf_err *err)
{
    int rc = fill(o, err);

    if (rc != 0 || (o->upto == o->sent && o->n_told == 0 && !o->says_word && o->brought.dseq == 0))
        return rc;
    return put_all(o, err);
}

/* This device has less of its own log than others say: it writes nothing before it has that, and
 * has applied it. */
static bool is_behind(struct wf_sharing *s)
{
    bool is_any = false;

    for (size_t i = 0; i < s->n_problems; i++) {
        struct wf_sharing_problem *p = &s->problems[i];
        if (p->own_upto == 0)
            continue;
        if (wf_syncer_here(s->syncer, &p->log) >= p->own_upto && s->n_came == 0 && !p->is_missing) {
            p->own_upto = 0;
            (void)wf_sharing__problem(s, &p->log, "");
        }
        is_any = is_any || p->own_upto != 0;
    }
    return is_any;
}

static int out_space(struct wf_sharing *s, const struct wf_share_space *space, bool *io_more,
                     int *io_put_off, struct wf_err *err)
{
    struct out o = {.s = s, .space = space};
    int rc;

    wf_arena_init(&o.arena, (size_t)1 << 16, SIZE_MAX);
    for (unsigned level = 0; level < WF_LABEL_SECRET; level++)
        wf_buf_init(&o.content[level], WF_LIMIT_BATCH_CONTENT_BYTES);
    rc = with_reader(&o, gather, err);
    if (rc == 0 && s->must_say)
        rc = wf_records_clock(s->o.records, &o.clock, err);
    if (rc == 0)
        rc = with_reader(&o, write_batches, err);
    if (rc == 0)
        rc = tell_syncer(&o, err);
    if (rc == 0 && o.says_word)
        wf_records_poke(s->o.records);
    *io_more = *io_more || o.is_more;
    *io_put_off = o.put_off != 0 ? o.put_off : *io_put_off;
    for (unsigned level = 0; level < WF_LABEL_SECRET; level++)
        wf_buf_deinit(&o.content[level]);
    wf_arena_deinit(&o.arena);
    return rc;
}

int wf_sharing__out(struct wf_sharing *s, struct wf_err *err)
{
    struct wf_share_space *spaces = NULL;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    const size_t n_streams = s->n_streams;
    bool is_more = false;
    int put_off = 0, rc;
    size_t n = 0;

    if (is_behind(s))
        return 1;
    rc = wf_sharing__read_streams(s, err); /* there may be a new space */
    s->is_stale = s->is_stale || rc != 0 || s->n_streams != n_streams;
    if (rc == 0)
        rc = wf_store_reader_get(s->o.store, &r, err);
    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 4096, SIZE_MAX);
    rc = wf_share_spaces(r, &arena, &spaces, &n, err);
    wf_store_reader_put(s->o.store, r);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (wf_sharing__has_streams(s, spaces[i].id) && wf_sharing__may_write(s, spaces[i].id))
            rc = out_space(s, &spaces[i], &is_more, &put_off, err);
    }
    wf_arena_deinit(&arena);
    if (rc == 0 && put_off != 0)
        rc = wf_err_set(err, put_off, "A draft cannot be looked at now.");
    s->is_unsent = rc != 0 || is_more;
    s->must_say = s->must_say && s->is_unsent;
    return rc;
}
