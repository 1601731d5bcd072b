/* SPDX-License-Identifier: Apache-2.0 */
/* Implements sharers.h. */
#include "support/sharers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>
#include <sqlite3.h>

#include "base/json.h"
#include "crdt/types.h"
#include "store/sql.h"

struct sharers_packet {
    size_t from, to;
    struct wf_str bytes; /* owned */
};

static void must(int rc, const struct wf_err *err)
{
    if (rc != 0)
        fail_msg("%s", err->msg);
}

/* ---- time, list, labels ---- */

static int64_t wall(void *ud)
{
    const struct sharers *s = ud;

    return INT64_C(1700000000000) + s->now_ns / 1000000;
}

static int64_t mono(void *ud)
{
    const struct sharers *s = ud;

    return s->now_ns;
}

static void devices(void *ud, struct wf_devices *out)
{
    const struct sharer *d = ud;

    *out = d->list != NULL ? *d->list : d->all->devices;
}

static int label_of(void *ud, const struct wf_draft_moment *at, enum wf_label *out,
                    struct wf_err *err)
{
    const struct sharer *d = ud;

    if (d->label_fails != 0)
        return wf_err_set(err, d->label_fails, "as ordered");
    *out = d->label == NULL ? WF_LABEL_PRIVATE : d->label(d, at);
    return 0;
}

static void durable(void *ud)
{
    ((struct sharer *)ud)->must_tell = true;
}

static void record_changed(void *ud, int64_t space, struct wf_str collection, struct wf_str key)
{
    (void)space;
    (void)collection;
    (void)key;
    durable(ud);
}

/* ---- the network ---- */

static int send_it(void *ud, uint64_t peer, struct wf_str bytes, struct wf_err *err)
{
    struct sharer *d = ud;
    struct sharers *s = d->all;
    char *copy = malloc(bytes.len);

    assert_non_null(copy);
    (void)err;
    memcpy(copy, bytes.ptr, bytes.len);
    if (s->n_way == s->cap_way) {
        s->cap_way = s->cap_way == 0 ? 256 : 2 * s->cap_way;
        s->way = realloc(s->way, s->cap_way * sizeof(*s->way));
        assert_non_null(s->way);
    }
    s->way[s->n_way++] = (struct sharers_packet){d->i, (size_t)peer - 1, wf_str_n(copy, bytes.len)};
    return 0;
}

static void close_it(void *ud, uint64_t peer)
{
    struct sharer *d = ud;

    if (!d->all->may_end)
        fail_msg("a connection is ended");
    d->all->ends[d->i][peer - 1] = true;
}

/* All that is on the way now. */
static void deliver(struct sharers *s)
{
    size_t n = s->n_way;
    struct sharers_packet *way = s->way;

    s->way = NULL;
    s->n_way = s->cap_way = 0;
    for (size_t i = 0; i < n; i++) {
        struct sharer *to = &s->at[way[i].to];
        if (to->is_up && to->is_linked[way[i].from])
            wf_sharing_machine_bytes(to->sharing, way[i].from + 1, way[i].bytes);
        free((void *)(uintptr_t)way[i].bytes.ptr);
    }
    free(way);
}

void sharers_link(struct sharers *s, size_t a, size_t b)
{
    s->at[a].is_linked[b] = s->at[b].is_linked[a] = true;
    wf_sharing_machine_up(s->at[a].sharing, b + 1, s->devices.entries[b].transport);
    wf_sharing_machine_up(s->at[b].sharing, a + 1, s->devices.entries[a].transport);
}

void sharers_cut(struct sharers *s, size_t a, size_t b)
{
    if (!s->at[a].is_linked[b])
        return;
    s->at[a].is_linked[b] = s->at[b].is_linked[a] = false;
    wf_sharing_machine_down(s->at[a].sharing, b + 1);
    wf_sharing_machine_down(s->at[b].sharing, a + 1);
}

/* ---- devices ---- */

static int by_id(const void *a, const void *b)
{
    return memcmp(((const struct wf_device *)a)->signer.id,
                  ((const struct wf_device *)b)->signer.id, WF_SIGNER_ID_BYTES);
}

static void make_keys(struct sharers *s, bool lowest_last)
{
    struct wf_device keys[SHARERS_MAX];
    uint8_t seeds[SHARERS_MAX][32] = {{0}};
    size_t order[SHARERS_MAX];

    for (size_t i = 0; i < s->n; i++) {
        seeds[i][0] = (uint8_t)(i + 1);
        wf_signer_from_seed(seeds[i], &keys[i]._key, &keys[i].signer);
        order[i] = i;
    }
    for (size_t i = 0; i < s->n; i++) { /* by id; the other way round where that is asked for */
        for (size_t k = i + 1; k < s->n; k++) {
            bool is_behind = by_id(&keys[order[i]], &keys[order[k]]) > 0;
            size_t t = order[i];
            if (is_behind != lowest_last) {
                order[i] = order[k];
                order[k] = t;
            }
        }
    }
    for (size_t i = 0; i < s->n; i++) {
        struct wf_devices_entry *e = &s->devices.entries[i];
        wf_signer_from_seed(seeds[order[i]], &s->at[i].device._key, &s->at[i].device.signer);
        *e = (struct wf_devices_entry){.added_ms = 1 + (int64_t)i, .clearance = WF_LABEL_PRIVATE};
        e->node[0] = e->transport[0] = (uint8_t)(i + 1);
        memcpy(e->device, s->at[i].device.signer.id, sizeof(e->device));
        (void)snprintf(e->name, sizeof(e->name), "device %zu", i);
    }
}

void sharers_make(struct sharers *s, size_t n, bool lowest_last)
{
    *s = (struct sharers){.n = n, .devices = {.version = 1, .epoch = 1, .n_entries = n}};
    assert_true(sodium_init() >= 0);
    s->clock = (struct wf_clock){.ud = s, .wall_ms = wall, .mono_ns = mono};
    make_keys(s, lowest_last);
    for (size_t i = 0; i < n; i++) {
        s->at[i].all = s;
        s->at[i].i = i;
        home_make(&s->at[i].home);
        home_close(&s->at[i].home);
    }
}

void sharer_up(struct sharer *d)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_drafts_options o = {.clock = &d->all->clock, .n_idle_max = 256, .is_stepped = true};
    struct wf_records_options r = {.signer = &d->device.signer,
                                   .clock = &d->all->clock,
                                   .tells = true,
                                   .tidy_ms = -1,
                                   .changed = record_changed,
                                   .ud = d};
    struct wf_sharing_options sharing = {.device = &d->device,
                                         .clock = &d->all->clock,
                                         .devices = devices,
                                         .label = label_of,
                                         .label_ud = d,
                                         .given = d->given,
                                         .ud = d};
    const struct wf_sharing_link link = {.send = send_it, .close = close_it, .ud = d};

    home_open(&d->home);
    o.store = r.store = sharing.store = d->home.store;
    memcpy(o.device, d->device.signer.id, sizeof(o.device));
    must(wf_drafts_new(&o, &d->drafts, &err), &err);
    must(wf_records_new(&r, &d->records, &err), &err);
    sharing.drafts = d->drafts;
    sharing.records = d->records;
    must(wf_sharing_machine_new(&sharing, &link, &d->sharing, &err), &err);
    wf_drafts_on_durable(d->drafts, durable, d);
    wf_sharing_machine_listed(d->sharing);
    d->is_up = true;
}

void sharer_down(struct sharer *d)
{
    for (size_t i = 0; i < d->all->n; i++)
        sharers_cut(d->all, d->i, i);
    wf_sharing_machine_free(d->sharing);
    wf_drafts_free(d->drafts);
    wf_records_free(d->records);
    home_close(&d->home);
    d->is_up = false;
}

void sharers_remove(struct sharers *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->at[i].is_up)
            sharer_down(&s->at[i]);
        home_open(&s->at[i].home);
        home_remove(&s->at[i].home);
    }
    for (size_t i = 0; i < s->n_way; i++)
        free((void *)(uintptr_t)s->way[i].bytes.ptr);
    free(s->way);
}

void sharers_step(struct sharers *s, int64_t ms)
{
    s->now_ns += ms * 1000000;
    for (size_t i = 0; i < s->n * s->n && s->may_end; i++) {
        if (s->ends[i / s->n][i % s->n])
            sharers_cut(s, i / s->n, i % s->n);
        s->ends[i / s->n][i % s->n] = false;
    }
    for (size_t i = 0; i < s->n; i++) {
        struct sharer *d = &s->at[i];
        if (!d->is_up)
            continue;
        wf_drafts_commit(d->drafts);
        wf_drafts_tidy(d->drafts);
        if (d->must_tell)
            wf_sharing_machine_changed(d->sharing);
        d->must_tell = false;
        (void)wf_sharing_machine_step(d->sharing);
    }
    deliver(s);
}

static bool is_settled(struct sharers *s)
{
    bool is = s->n_way == 0;

    for (size_t i = 0; i < s->n && is; i++) {
        json_t *v = s->at[i].is_up ? wf_sharing_machine_status(s->at[i].sharing, false) : NULL;
        is = v == NULL || json_integer_value(json_object_get(v, "nodes")) == 0 ||
             json_is_true(json_object_get(v, "converged"));
        json_decref(v);
    }
    return is;
}

bool sharers_settle(struct sharers *s, size_t n_max)
{
    for (size_t i = 0; i < n_max; i++) {
        sharers_step(s, 50);
        if (i > 2 && is_settled(s))
            return true;
    }
    return false;
}

/* ---- what is in them ---- */

void sharer_edit(struct sharer *d, const char *name, struct wf_str text)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_draft *draft = NULL;

    must(wf_draft_open_named(d->drafts, WF_STR("me"), wf_str_from(name), true, &draft, &err), &err);
    must(wf_draft_set_text(draft, text, NULL, &err), &err);
    wf_draft_close(draft);
}

static int read_text(void *ud, struct wf_crdt *doc, struct wf_err *err)
{
    uint64_t root = 0;
    int rc = wf_crdt_root(doc, WF_DRAFT_ROOT, WF_CRDT_TEXT, &root);

    (void)err;
    return rc == 0 ? wf_crdt_text_get(doc, root, ud) : rc;
}

void sharer_text(struct sharer *d, const char *name, struct wf_buf *out)
{
    struct wf_draft *draft = NULL;

    if (wf_draft_open_named(d->drafts, WF_STR("me"), wf_str_from(name), false, &draft, NULL) != 0)
        return;
    assert_int_equal(wf_draft_read(draft, read_text, out, NULL), 0);
    wf_draft_close(draft);
}

static void write_one(struct sharer *d, const char *key, const struct wf_record_op *op)
{
    const struct wf_record_edit e = {.collection = WF_STR("things"),
                                     .key = wf_str_from(key),
                                     .label = WF_LABEL_PRIVATE,
                                     .ops = op,
                                     .n_ops = 1};
    struct wf_err err = WF_ERR_INIT;

    must(wf_records_write(d->records, 1, &e, 1, &err), &err);
}

void sharer_set(struct sharer *d, const char *key, int64_t value)
{
    struct wf_record_op op = {.kind = WF_RECORD_SET, .field = WF_STR("n")};
    char text[32];

    (void)snprintf(text, sizeof(text), "%lld", (long long)value);
    op.value = wf_str_from(text);
    write_one(d, key, &op);
}

void sharer_forget(struct sharer *d, const char *key)
{
    const struct wf_record_op op = {.kind = WF_RECORD_DELETE};

    write_one(d, key, &op);
}

int64_t sharer_ask(struct sharer *d, const char *sql)
{
    struct wf_reader *r = NULL;
    sqlite3_stmt *st = NULL;
    int64_t n;

    assert_int_equal(wf_store_reader_get(d->home.store, &r, NULL), 0);
    assert_int_equal(sqlite3_prepare_v2(wf_reader_db(r), sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    wf_store_reader_put(d->home.store, r);
    return n;
}

void sharer_problems(struct sharer *d, struct wf_buf *out)
{
    json_t *v = wf_sharing_machine_status(d->sharing, false), *one;
    size_t i;

    wf_buf_init(out, SIZE_MAX);
    json_array_foreach(json_object_get(v, "problems"), i, one)
    {
        (void)wf_buf_append_cstr(out, wf_json_text(one, "device"));
        (void)wf_buf_append_cstr(out, ": ");
        (void)wf_buf_append_cstr(out, wf_json_text(one, "words"));
        (void)wf_buf_append_cstr(out, "\n");
    }
    json_decref(v);
}
