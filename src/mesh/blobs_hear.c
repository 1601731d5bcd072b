/* SPDX-License-Identifier: Apache-2.0 */
/* What others say of documents: a record that is new is a document to be fetched, or to be known by
 * name; one that is deleted is a document to be removed, here too. A removal waits while something
 * of the same name comes in its place: a file that was changed is not away in between, and what
 * stayed the same in it need not be fetched. */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "base/json.h"
#include "base/limits.h"
#include "mesh/blobs_internal.h"
#include "space/record.h"
#include "store/sql.h"
#include "store/thread.h"
#include "text/utf8.h"

#define PAGE 256u
/* Of a document that is to go once what comes in its place is here. */
#define REPLACED "replaced"

/* What a record says. */
struct said {
    bool is_any;
    bool is_gone; /* it was deleted: a record that is not known at all says nothing */
    bool is_rest; /* something of it is there that says nothing, since it was written meanwhile */
    enum wf_label label;
    uint64_t bytes;
    struct wf_str uid, name, title, type;
};

static bool is_uid(struct wf_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f')))
            return false;
    }
    return s.len == WF_UID_BYTES;
}

/* A name for people and for the format: one part of a path, of whole characters. */
static struct wf_str clean(struct wf_arena *arena, const char *text, size_t n_max)
{
    struct wf_str s = wf_str_sub(wf_str_from(text), 0, n_max);
    char *p;

    s = wf_arena_dup(arena, wf_str_sub(s, 0, wf_utf8_valid_prefix(s)));
    p = (char *)(uintptr_t)s.ptr;
    for (size_t i = 0; p != NULL && i < s.len; i++) {
        if ((unsigned char)p[i] < 0x20 || p[i] == '/')
            p[i] = ' ';
    }
    return s;
}

static void read_fields(const struct wf_record_row *row, const json_t *v, struct wf_arena *arena,
                        struct said *out)
{
    json_int_t bytes = json_integer_value(json_object_get(v, "bytes"));
    struct wf_str uid = wf_str_from(wf_json_text(v, "uid"));

    (void)!wf_label_parse(wf_str_from(wf_json_text(v, "label")), &out->label);
    out->label = wf_label_max(out->label, (enum wf_label)row->label);
    out->bytes = bytes > 0 ? (uint64_t)bytes : 0;
    out->uid = wf_arena_dup(arena, is_uid(uid) ? uid : WF_STR(""));
    out->name = clean(arena, wf_json_text(v, "name"), 255);
    out->title = clean(arena, wf_json_text(v, "title"), WF_TITLE_BYTES_MAX);
    out->type = clean(arena, wf_json_text(v, "type"), 127);
    out->is_any = out->bytes > 0 && out->bytes <= WF_LIMIT_FILE_BYTES && out->name.len > 0 &&
                  out->label < WF_LABEL_SECRET;
}

/* Whether a record was there, and is deleted. */
static int read_gone(struct wf_reader *r, int64_t space, const char *key, bool *out,
                     struct wf_err *err)
{
    static const char sql[] =
        "SELECT 1 FROM record WHERE space=?1 AND collection='weft.document' AND key=?2";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_text(st, 2, wf_str_from(key));
    rc = wf_sql_step(st, "looking for what others removed", err);
    if (rc < 0)
        return rc;
    *out = rc == 1;
    sqlite3_reset(st);
    return 0;
}

static int read_said(struct wf_blobs *b, int64_t space, const uint8_t *hash, struct wf_arena *arena,
                     struct said *out, struct wf_err *err)
{
    char key[2 * WF_HASH_BYTES + 1];
    struct wf_record_row row;
    struct wf_reader *r = NULL;
    json_t *v = NULL;
    int rc = wf_store_reader_get(b->o.store, &r, err);

    *out = (struct said){.is_any = false};
    if (rc != 0)
        return rc;
    (void)sodium_bin2hex(key, sizeof(key), hash, WF_HASH_BYTES);
    rc = wf_records_get(r, space, WF_BLOBS_RECORDS, wf_str_from(key), arena, &row, NULL);
    if (rc == WF_E_NOENT) {
        rc = read_gone(r, space, key, &out->is_gone, err);
        wf_store_reader_put(b->o.store, r);
        return rc;
    }
    wf_store_reader_put(b->o.store, r);
    if (rc == 0)
        rc = wf_record_row_json(&row, &v, err);
    if (rc == 0) {
        read_fields(&row, v, arena, out);
        out->is_gone = out->is_rest = !out->is_any;
    }
    json_decref(v);
    return rc == 0 ? 0 : wf_err_set(err, rc, "What another device says cannot be read.");
}

/* ---- gone ---- */

/* In turn: the document goes, and nobody is told, since they said it; but what is left of its
 * record is deleted, too. */
static int remove_here(struct wf_blobs *b, void *ud, struct wf_err *err)
{
    struct wf_paper *p = ud;
    char uid[WF_UID_BYTES + 1];
    int64_t id = 0;
    int rc = wf_document_by_hash(b->o.store, p->space, p->hash, &id, uid, err);

    if (rc == 0 && id != 0)
        rc = wf_document_remove(b->o.store, id, err);
    if (rc == 0 && id != 0)
        rc = wf_thread_forget(b->o.store, wf_str_n(uid, WF_UID_BYTES), err);
    if (rc != 0)
        return rc;
    p->state = WF_PAPER_GONE;
    return p->is_due ? wf_paper_put(b->o.store, p, err)
                     : wf_paper_remove(b->o.store, p->space, p->hash, err);
}

static bool waits(struct wf_blobs *b, const struct wf_paper *p)
{
    struct wf_blobs_heard h = {.space = p->space};
    struct wf_reader *r = NULL;
    bool is = false;

    if (p->state == WF_PAPER_ELSEWHERE || b->n_later == WF_BLOBS_HEARD_MAX ||
        wf_store_reader_get(b->o.store, &r, NULL) != 0)
        return false;
    if (wf_paper_is_replaced(r, p, &is, NULL) != 0)
        is = false;
    wf_store_reader_put(b->o.store, r);
    if (is) {
        struct wf_paper row = *p;
        row.problem = WF_STR(REPLACED); /* also after a new start */
        is = wf_blobs__put(b, &row, NULL) == 0;
    }
    if (is) {
        memcpy(h.hash, p->hash, sizeof(h.hash));
        b->later[b->n_later++] = h;
    }
    return is;
}

static int gone(struct wf_blobs *b, const struct wf_paper *p, bool is_rest, struct wf_err *err)
{
    struct wf_fetch *f = wf_blobs__fetch_of(b, p->space, p->hash);
    struct wf_paper row = *p;
    int rc;

    if (waits(b, p))
        return 0;
    if (f != NULL && f->state != WF_FETCH_TAKING)
        wf_blobs__fetch_end(b, f, true);
    else if (f != NULL)
        return 0; /* looked at again when the intake has it */
    row.is_due = is_rest && row.is_said;
    rc = wf_blobs__in_turn(b, remove_here, &row, err);
    if (row.is_due)
        wf_blobs_poke(b);
    b->is_changed = b->is_changed || rc == 0;
    return rc;
}

void wf_blobs__hear_later(struct wf_blobs *b)
{
    struct wf_err err = WF_ERR_INIT;
    size_t n = b->n_later;

    b->n_later = 0;
    for (size_t i = 0; i < n;
         i++) { /* those that still wait go into it again, at most where i is */
        const struct wf_blobs_heard h = b->later[i];
        if (wf_blobs__hear(b, h.space, h.hash, true, &err) != 0)
            wf_blobs__log(b, "a document that is gone: %s", err.msg);
    }
}

/* ---- there ---- */

enum wf_paper_wanted wf_blobs__wants(const struct wf_blobs *b, const struct wf_paper *p)
{
    bool is = p->is_pinned || b->o.keep == WF_BLOBS_KEEP_ALL ||
              (b->o.keep == WF_BLOBS_KEEP_SMALL && p->bytes <= b->o.small_bytes);

    return is ? WF_PAPER_BY_SETTING : WF_PAPER_NOT_WANTED;
}

static int there(struct wf_blobs *b, const struct said *said, bool is_known, struct wf_paper *p,
                 struct wf_err *err)
{
    struct wf_paper before = *p;
    int rc;

    p->label = is_known ? WF_MAX(p->label, (int)said->label) : (int)said->label;
    p->told = WF_MAX(p->told, (int)said->label);
    p->name = said->name;
    p->title = said->title;
    p->type = said->type;
    p->bytes = said->bytes;
    if (!is_known || p->uid.len == 0)
        p->uid = said->uid;
    if (!is_known)
        p->wanted = wf_blobs__wants(b, p);
    if (is_known && p->label == before.label && p->told == before.told &&
        p->bytes == before.bytes && wf_str_eq(p->name, before.name) &&
        wf_str_eq(p->title, before.title))
        return 0;
    rc = wf_blobs__put(b, p, err);
    b->is_wanting = b->is_wanting || p->wanted != WF_PAPER_NOT_WANTED;
    b->is_changed = b->is_changed || rc == 0;
    return rc;
}

/* Its record is not known any more, and nobody deleted it: others are told anew. */
static int tell_again(struct wf_blobs *b, struct wf_paper *p, struct wf_err *err)
{
    p->told = WF_PAPER_UNTOLD;
    p->is_said = false;
    p->is_due = p->label < WF_LABEL_SECRET;
    return wf_blobs__put(b, p, err);
}

int wf_blobs__hear(struct wf_blobs *b, int64_t space, const uint8_t hash[WF_HASH_BYTES],
                   bool is_gone, struct wf_err *err)
{
    struct wf_paper p = {.space = space, .told = WF_PAPER_UNTOLD, .problem = WF_STR("")};
    bool is_known = false, is_above;
    struct wf_arena arena;
    struct said said;
    int rc;

    wf_arena_init(&arena, 8192, (size_t)4 << 20);
    rc = read_said(b, space, hash, &arena, &said, err);
    if (rc == 0)
        rc = wf_blobs__get(b, space, hash, &arena, &p, NULL);
    is_known = rc == 0;
    if (rc == WF_E_NOENT)
        rc = 0;
    memcpy(p.hash, hash, sizeof(p.hash));
    is_above = said.is_any && said.label > b->clearance;
    said.is_gone = said.is_gone || (!said.is_any && wf_str_eq(p.problem, WF_STR(REPLACED)));
    if (rc == 0 && !is_gone && said.is_any && !is_above && (!is_known || p.state != WF_PAPER_GONE))
        rc = there(b, &said, is_known, &p, err);
    else if (rc == 0 && is_gone && is_known && p.state != WF_PAPER_GONE &&
             ((said.is_gone && p.told >= 0) || (is_above && !p.is_own)))
        rc = gone(b, &p, said.is_rest, err);
    else if (rc == 0 && is_gone && is_known && p.state == WF_PAPER_HERE && !said.is_any &&
             p.told >= 0)
        rc = tell_again(b, &p, err);
    wf_arena_deinit(&arena);
    return rc;
}

/* ---- all of them ---- */

static int hear_spaces(struct wf_reader *r, struct wf_arena *arena, int64_t **out, size_t *out_n,
                       struct wf_err *err)
{
    static const char sql[] = "SELECT DISTINCT space,count(*) OVER () FROM record"
                              " WHERE collection='weft.document'";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err), got = 0;

    *out_n = 0;
    *out = NULL;
    while (rc == 0 && (got = wf_sql_step(st, "listing documents of others", err)) == 1) {
        if (*out == NULL)
            *out = wf_arena_array(arena, (size_t)sqlite3_column_int64(st, 1), sizeof(**out));
        if (*out == NULL)
            rc = wf_blobs__no_memory(err);
        else
            (*out)[(*out_n)++] = sqlite3_column_int64(st, 0);
    }
    if (st != NULL)
        sqlite3_reset(st);
    return got < 0 ? got : rc;
}

static int hear_page(struct wf_blobs *b, struct wf_records_page *io, struct wf_arena *arena,
                     bool *out_more, struct wf_err *err)
{
    struct wf_record_row *rows = NULL;
    struct wf_reader *r = NULL;
    size_t n = 0;
    int rc = wf_store_reader_get(b->o.store, &r, err);

    if (rc != 0)
        return rc;
    rc = wf_records_list(r, io, arena, &rows, &n, err);
    wf_store_reader_put(b->o.store, r);
    if (rc == 0)
        rc = wf_blobs__turn_begin(b, err);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < n && rc == 0; i++) {
        uint8_t hash[WF_HASH_BYTES];
        size_t len = 0;
        if (sodium_hex2bin(hash, sizeof(hash), rows[i].key.ptr, rows[i].key.len, NULL, &len,
                           NULL) == 0 &&
            len == sizeof(hash))
            rc = wf_blobs__hear(b, io->space, hash, false, err);
    }
    rc = wf_blobs__turn_end(b, rc, err);
    *out_more = n == io->n_max;
    if (n > 0) {
        io->after_collection = WF_BLOBS_RECORDS;
        io->after_key = rows[n - 1].key;
    }
    return rc;
}

static int hear_space(struct wf_blobs *b, int64_t space, struct wf_err *err)
{
    struct wf_records_page page = {.space = space, .collection = WF_BLOBS_RECORDS, .n_max = PAGE};
    struct wf_arena arena[2];
    bool is_more = true;
    unsigned k = 0;
    int rc = 0;

    wf_arena_init(&arena[0], 0, SIZE_MAX);
    wf_arena_init(&arena[1], 0, SIZE_MAX);
    for (; rc == 0 && is_more; k ^= 1) { /* the last page's last key lives in the other */
        wf_arena_reset(&arena[k]);
        rc = hear_page(b, &page, &arena[k], &is_more, err);
    }
    wf_arena_deinit(&arena[0]);
    wf_arena_deinit(&arena[1]);
    return rc;
}

/* Rows whose records are deleted. */
static int hear_gone(struct wf_blobs *b, struct wf_err *err)
{
    struct wf_paper *papers = NULL, last = {.space = 0};
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    size_t n = PAGE;
    int rc = 0;

    while (rc == 0 && n == PAGE) {
        wf_arena_init(&arena, 0, SIZE_MAX);
        rc = wf_store_reader_get(b->o.store, &r, err);
        if (rc == 0) {
            rc = wf_papers_list(r, WF_PAPERS_ALL, &last, PAGE, &arena, &papers, &n, err);
            wf_store_reader_put(b->o.store, r);
        }
        for (size_t i = 0; i < n && rc == 0; i++)
            rc = wf_blobs__hear(b, papers[i].space, papers[i].hash, true, err);
        if (rc == 0 && n > 0)
            last = papers[n - 1];
        wf_arena_deinit(&arena);
    }
    return rc;
}

int wf_blobs__hear_all(struct wf_blobs *b, struct wf_err *err)
{
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    int64_t *spaces = NULL;
    size_t n = 0;
    int rc = wf_store_reader_get(b->o.store, &r, err);

    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 4096, SIZE_MAX);
    rc = hear_spaces(r, &arena, &spaces, &n, err);
    wf_store_reader_put(b->o.store, r);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = hear_space(b, spaces[i], err);
    wf_arena_deinit(&arena);
    return rc == 0 ? hear_gone(b, err) : rc;
}
