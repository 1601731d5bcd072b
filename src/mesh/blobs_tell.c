/* SPDX-License-Identifier: Apache-2.0 */
/* What is here is told: a record for each document, under its label. What a document's text asks
 * for is found out before anybody hears of it; of one that is secret nobody does. One that was
 * removed has its record deleted, which forgets name and hash everywhere. Which device has the
 * original is a field of its own, so that devices do not write over each other. */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "base/json.h"
#include "mesh/blobs_internal.h"
#include "space/record.h"
#include "space/rights.h"

/* At once: then others have their turn. */
#define NEW_MAX 32u
#define DUE_MAX 100u
#define OPS_MAX 8u

/* ---- new ones ---- */

struct fresh {
    struct wf_paper *papers;
    size_t n;
};

static int put_fresh(struct wf_blobs *b, void *ud, struct wf_err *err)
{
    const struct fresh *fresh = ud;
    int rc = 0;

    for (size_t i = 0; i < fresh->n && rc == 0; i++) {
        if (fresh->papers[i].space != 0)
            rc = wf_paper_put(b->o.store, &fresh->papers[i], err);
    }
    return rc;
}

/* What is known of it already, with what is new. space 0: it is left alone. */
static int settle(struct wf_blobs *b, struct wf_paper *p, int64_t document, struct wf_arena *arena,
                  struct wf_err *err)
{
    struct wf_paper known;
    int rc;

    if (wf_blobs__fetch_of(b, p->space, p->hash) != NULL) {
        p->space = 0; /* it comes from elsewhere: the intake's word follows */
        return 0;
    }
    if (b->o.label != NULL)
        p->label = (int)wf_label_max((enum wf_label)p->label, b->o.label(b->o.label_ud, document));
    rc = wf_blobs__get(b, p->space, p->hash, arena, &known, NULL);
    if (rc != 0 && rc != WF_E_NOENT)
        return wf_err_set(err, rc, "A document cannot be told of.");
    if (rc == 0) {
        known.label = WF_MAX(known.label, p->label);
        known.state = WF_PAPER_HERE;
        known.wanted = WF_PAPER_NOT_WANTED;
        known.problem = WF_STR("");
        *p = known;
    }
    p->is_due = p->label < WF_LABEL_SECRET;
    return 0;
}

static int look(struct wf_blobs *b, bool *out_more, struct wf_err *err)
{
    int64_t *documents = NULL, id = b->looked_id;
    struct fresh fresh = {NULL, 0};
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    int rc = wf_store_reader_get(b->o.store, &r, err);

    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 0, (size_t)8 << 20);
    rc = wf_papers_new(r, &id, NEW_MAX, &arena, &fresh.papers, &documents, &fresh.n, err);
    wf_store_reader_put(b->o.store, r);
    for (size_t i = 0; i < fresh.n && rc == 0; i++)
        rc = settle(b, &fresh.papers[i], documents[i], &arena, err);
    if (rc == 0 && fresh.n > 0)
        rc = wf_blobs__in_turn(b, put_fresh, &fresh, err);
    if (rc == 0)
        b->looked_id = id;
    *out_more = rc == 0 && fresh.n == NEW_MAX;
    wf_arena_deinit(&arena);
    return rc;
}

/* ---- records ---- */

struct tell {
    struct wf_blobs *b;
    struct wf_arena arena;
    struct wf_record_edit *edits; /* [2 * DUE_MAX] of one space */
    size_t n_edits;
};

static int add(struct tell *t, struct wf_record_edit *e, struct wf_record_op *ops,
               const char *field, json_t *v)
{
    size_t n = v == NULL ? 0 : json_dumpb(v, NULL, 0, JSON_ENCODE_ANY);
    char *text = n == 0 ? NULL : wf_arena_alloc(&t->arena, n);

    if (text != NULL && json_dumpb(v, text, n, JSON_ENCODE_ANY) != n)
        text = NULL;
    json_decref(v);
    if (text == NULL)
        return WF_E_NOMEM;
    ops[e->n_ops++] = (struct wf_record_op){
        .kind = WF_RECORD_SET, .field = wf_str_from(field), .value = wf_str_n(text, n)};
    return 0;
}

static const char *field_of_device(const struct wf_blobs *b, struct wf_arena *arena)
{
    char hex[2 * WF_DEVICES_KEY_BYTES + 1];

    (void)sodium_bin2hex(hex, sizeof(hex), b->device, sizeof(b->device));
    return wf_arena_printf(arena, "at.%.16s", hex);
}

static int add_whole(struct tell *t, const struct wf_paper *p, struct wf_record_edit *e,
                     struct wf_record_op *ops)
{
    int rc = add(t, e, ops, "name", wf_json_str(p->name));

    if (rc == 0)
        rc = add(t, e, ops, "title", wf_json_str(p->title));
    if (rc == 0)
        rc = add(t, e, ops, "type", wf_json_str(p->type));
    if (rc == 0)
        rc = add(t, e, ops, "uid", wf_json_str(p->uid));
    if (rc == 0)
        rc = add(t, e, ops, "label", json_string(wf_label_name((enum wf_label)p->label)));
    return rc == 0 ? add(t, e, ops, "bytes", json_integer((json_int_t)p->bytes)) : rc;
}

static int begin_edit(struct tell *t, const struct wf_paper *p, int label,
                      struct wf_record_edit **out, struct wf_record_op **out_ops)
{
    struct wf_record_op *ops = wf_arena_array(&t->arena, OPS_MAX, sizeof(*ops));
    char *key = wf_arena_alloc(&t->arena, 2 * sizeof(p->hash) + 1);

    if (ops == NULL || key == NULL)
        return WF_E_NOMEM;
    (void)sodium_bin2hex(key, 2 * sizeof(p->hash) + 1, p->hash, sizeof(p->hash));
    *out = &t->edits[t->n_edits++];
    **out = (struct wf_record_edit){.collection = WF_BLOBS_RECORDS,
                                    .key = wf_str_from(key),
                                    .label = (uint8_t)label,
                                    .ops = ops};
    *out_ops = ops;
    return 0;
}

/* What is to be said of one; *p is how it stands once it is said. */
static int tell_one(struct tell *t, struct wf_paper *p)
{
    const char *field = field_of_device(t->b, &t->arena);
    bool is_here = p->state == WF_PAPER_HERE;
    struct wf_record_edit *e;
    struct wf_record_op *ops;
    int rc = field == NULL ? WF_E_NOMEM : 0;

    if (rc == 0)
        rc = begin_edit(t, p, p->state == WF_PAPER_GONE ? p->told : p->label, &e, &ops);
    if (rc != 0)
        return rc;
    if (p->state == WF_PAPER_GONE) {
        ops[e->n_ops++] = (struct wf_record_op){.kind = WF_RECORD_DELETE};
        return 0;
    }
    if (p->told < p->label)
        rc = add_whole(t, p, e, ops);
    if (rc == 0 && is_here != p->is_said && is_here)
        rc = add(t, e, ops, field, json_true());
    else if (rc == 0 && is_here != p->is_said)
        ops[e->n_ops++] =
            (struct wf_record_op){.kind = WF_RECORD_UNSET, .field = wf_str_from(field)};
    t->n_edits -= e->n_ops == 0;
    p->told = p->label;
    p->is_said = is_here;
    p->is_due = false;
    return rc;
}

/* Those of one label are one change: who may have some of it may have all. */
static int write_labels(struct tell *t, int64_t space, struct wf_err *err)
{
    struct wf_record_edit *some = wf_arena_array(&t->arena, DUE_MAX, sizeof(*some));
    int rc = some == NULL ? wf_blobs__no_memory(err) : 0;

    for (unsigned level = 0; level < WF_LABEL_SECRET && rc == 0; level++) {
        size_t n = 0;
        for (size_t i = 0; i < t->n_edits && some != NULL; i++) {
            if (t->edits[i].label == level)
                some[n++] = t->edits[i];
        }
        if (n > 0)
            rc = wf_records_write(t->b->o.records, space, some, n, err);
    }
    return rc;
}

struct told {
    struct wf_paper *papers;
    size_t n;
};

static int put_told(struct wf_blobs *b, void *ud, struct wf_err *err)
{
    const struct told *told = ud;
    int rc = 0;

    for (size_t i = 0; i < told->n && rc == 0; i++) {
        const struct wf_paper *p = &told->papers[i];
        rc = p->state == WF_PAPER_GONE ? wf_paper_remove(b->o.store, p->space, p->hash, err)
                                       : wf_paper_put(b->o.store, p, err);
    }
    return rc;
}

/* Those of one space: [first, *out_end). */
static int tell_space(struct wf_blobs *b, struct wf_paper *papers, size_t n, struct wf_err *err)
{
    struct tell t = {.b = b};
    struct told told = {papers, n};
    int rc = 0;

    if (!wf_rights_may_write(b->o.rights, papers[0].space)) { /* what is here nobody hears of */
        for (size_t i = 0; i < n; i++)
            papers[i].is_due = false;
        return wf_blobs__in_turn(b, put_told, &told, err);
    }
    wf_arena_init(&t.arena, 0, (size_t)8 << 20);
    t.edits = wf_arena_array(&t.arena, n, sizeof(*t.edits));
    if (t.edits == NULL)
        rc = WF_E_NOMEM;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = tell_one(&t, &papers[i]);
    if (rc != 0)
        rc = wf_blobs__no_memory(err);
    if (rc == 0)
        rc = write_labels(&t, papers[0].space, err);
    if (rc == 0)
        rc = wf_blobs__in_turn(b, put_told, &told, err);
    wf_arena_deinit(&t.arena);
    return rc;
}

int wf_blobs__tell(struct wf_blobs *b, bool *out_more, struct wf_err *err)
{
    struct wf_paper *papers = NULL;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    size_t n = 0, end;
    int rc = look(b, out_more, err);

    if (rc == 0)
        rc = wf_store_reader_get(b->o.store, &r, err);
    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 0, (size_t)8 << 20);
    rc = wf_papers_list(r, WF_PAPERS_DUE, NULL, DUE_MAX, &arena, &papers, &n, err);
    wf_store_reader_put(b->o.store, r);
    for (size_t i = 0; i < n && rc == 0; i = end) {
        for (end = i; end < n && papers[end].space == papers[i].space;)
            end++;
        rc = tell_space(b, papers + i, end - i, err);
    }
    *out_more = *out_more || (rc == 0 && n == DUE_MAX);
    wf_arena_deinit(&arena);
    return rc;
}
