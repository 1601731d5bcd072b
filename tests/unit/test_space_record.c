/* SPDX-License-Identifier: Apache-2.0 */
/* Records in a store: writing by many threads, reading, what is refused; two devices that exchange
 * their changes come to the same; what was deleted is gone for good once both know. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/limits.h"
#include "space/log.h"
#include "space/record.h"
#include "store/sql.h"
#include "support/home.h"

#define MAX_DEVICES 3

/* A device with its store; the space "me" has the same id everywhere, as if it had been joined. */
static struct device {
    struct home home;
    struct wf_signer_key key;
    struct wf_signer signer;
    struct wf_records *records;
    int64_t now_ms;
    struct wf_clock clock;
} devices[MAX_DEVICES];
static unsigned n_told;

static int64_t wall_ms(void *ud)
{
    return ((struct device *)ud)->now_ms;
}

static void changed(void *ud, int64_t space, struct wf_str collection, struct wf_str key)
{
    (void)ud, (void)space;
    assert_true(collection.len > 0 && key.len > 0);
    __atomic_fetch_add(&n_told, 1, __ATOMIC_RELAXED);
}

static const uint8_t *refused; /* a device whose changes are not taken */

static int may(void *ud, int64_t space, const uint8_t *device, struct wf_err *err)
{
    (void)ud, (void)space;
    return refused != NULL && memcmp(device, refused, WF_SIGNER_ID_BYTES) == 0
               ? wf_err_set(err, WF_E_DENIED, "That device was revoked.")
               : 0;
}

static int64_t tidy_ms = -1;

static void open_records(struct device *d)
{
    const struct wf_records_options o = {.store = d->home.store,
                                         .signer = &d->signer,
                                         .clock = &d->clock,
                                         .tidy_ms = tidy_ms,
                                         .may = may,
                                         .changed = changed};
    struct wf_err err = WF_ERR_INIT;
    if (wf_records_new(&o, &d->records, &err) != 0)
        fail_msg("%s", err.msg);
}

static int set_up(void **state)
{
    (void)state;
    refused = NULL;
    for (size_t i = 0; i < MAX_DEVICES; i++) {
        struct device *d = &devices[i];
        uint8_t seed[32] = {(uint8_t)(i + 1)};
        memset(d, 0, sizeof(*d));
        home_make(&d->home);
        wf_signer_from_seed(seed, &d->key, &d->signer);
        d->now_ms = INT64_C(1800000000000) + (int64_t)i * 1000;
        d->clock = (struct wf_clock){.wall_ms = wall_ms, .ud = d};
        assert_int_equal(wf_store_write_begin(d->home.store, NULL), 0);
        sqlite3_stmt *st = NULL;
        assert_int_equal(wf_store_write_cached(d->home.store,
                                               "UPDATE space SET uid=x'"
                                               "000102030405060708090a0b0c0d0e0f' WHERE id=1",
                                               &st, NULL),
                         0);
        assert_int_equal(sqlite3_step(st), SQLITE_DONE);
        assert_int_equal(wf_store_write_commit(d->home.store, NULL), 0);
        open_records(d);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < MAX_DEVICES; i++) {
        wf_records_free(devices[i].records);
        home_remove(&devices[i].home);
    }
    return 0;
}

/* ---- writing and reading ---- */

static uint8_t label_of_writes = 1;

static int write_op(struct device *d, const char *key, struct wf_record_op op, struct wf_err *err)
{
    const struct wf_record_edit e = {.collection = WF_STR("c"),
                                     .key = wf_str_from(key),
                                     .label = label_of_writes,
                                     .ops = &op,
                                     .n_ops = 1};
    return wf_records_write(d->records, 1, &e, 1, err);
}

static struct wf_record_op op_of(enum wf_record_op_kind kind, const char *field, const char *value)
{
    return (struct wf_record_op){
        .kind = kind, .field = wf_str_from(field), .value = wf_str_from(value)};
}

static void do_op(struct device *d, const char *key, enum wf_record_op_kind kind, const char *field,
                  const char *value)
{
    struct wf_err err = WF_ERR_INIT;
    if (write_op(d, key, op_of(kind, field, value), &err) != 0)
        fail_msg("%s", err.msg);
}

static void do_count(struct device *d, const char *key, int64_t by)
{
    struct wf_record_op op = {.kind = WF_RECORD_COUNT, .field = WF_STR("n"), .total = by};
    assert_int_equal(write_op(d, key, op, NULL), 0);
}

/* The record as JSON, or "none". */
static void assert_record(struct device *d, const char *key, const char *want)
{
    struct wf_reader *reader = NULL;
    struct wf_record_row row;
    struct wf_arena arena;
    json_t *v = NULL;

    wf_arena_init(&arena, 0, 1u << 22);
    assert_int_equal(wf_store_reader_get(d->home.store, &reader, NULL), 0);
    int rc = wf_records_get(reader, 1, WF_STR("c"), wf_str_from(key), &arena, &row, NULL);
    wf_store_reader_put(d->home.store, reader);
    if (rc == WF_E_NOENT) {
        assert_string_equal("none", want);
    } else {
        assert_int_equal(rc, 0);
        assert_int_equal(wf_record_row_json(&row, &v, NULL), 0);
        char *s = json_dumps(v, JSON_SORT_KEYS | JSON_COMPACT);
        assert_string_equal(s, want);
        (void)free(s);
        json_decref(v);
    }
    wf_arena_deinit(&arena);
}

static void test_space_record__a_record_is_what_was_written(void **state)
{
    struct device *d = &devices[0];
    struct wf_err err = WF_ERR_INIT;
    (void)state;

    do_op(d, "k", WF_RECORD_SET, "name", "\"Ana\"");
    do_op(d, "k", WF_RECORD_SET, "name", "\"Ana M\"");
    do_count(d, "k", 5);
    do_count(d, "k", -2);
    do_op(d, "k", WF_RECORD_ADD, "tags", "\"a\"");
    do_op(d, "k", WF_RECORD_ADD, "tags", "\"b\"");
    assert_record(d, "k", "{\"n\":3,\"name\":\"Ana M\",\"tags\":[\"a\",\"b\"]}");
    do_op(d, "k", WF_RECORD_TAKE, "tags", "\"a\"");
    do_op(d, "k", WF_RECORD_UNSET, "name", "");
    assert_record(d, "k", "{\"n\":3,\"tags\":[\"b\"]}");
    assert_int_equal(write_op(d, "k", op_of(WF_RECORD_TAKE, "tags", "\"a\""), &err), WF_E_NOENT);
    assert_record(d, "k", "{\"n\":3,\"tags\":[\"b\"]}");
    do_op(d, "k", WF_RECORD_DELETE, "", "");
    assert_record(d, "k", "none");
    do_op(d, "k", WF_RECORD_SET, "name", "1");
    assert_record(d, "k", "{\"name\":1}");
    /* It outlives a restart, and the clock goes on. */
    wf_records_free(d->records);
    home_close(&d->home);
    home_open(&d->home);
    d->now_ms -= 1000000;
    open_records(d);
    assert_record(d, "k", "{\"name\":1}");
    do_op(d, "k", WF_RECORD_SET, "name", "2");
    assert_record(d, "k", "{\"name\":2}");
    assert_true(wf_records_ahead_ms(d->records) >= 1000000);
}

static void test_space_record__what_cannot_be_written_is_refused(void **state)
{
    struct device *d = &devices[0];
    struct wf_record_op ops[] = {op_of(WF_RECORD_SET, "a", "1"), op_of(WF_RECORD_SET, "a", "2")};
    struct wf_record_edit e[] = {
        {.collection = WF_STR("c"), .key = WF_STR("k"), .ops = ops, .n_ops = 2},
        {.collection = WF_STR("c"), .key = WF_STR("k"), .ops = ops, .n_ops = 1}};
    struct wf_err err = WF_ERR_INIT;
    (void)state;

    assert_int_equal(wf_records_write(d->records, 1, e, 1, &err), WF_E_INVAL);
    e[0].n_ops = 1;
    assert_int_equal(wf_records_write(d->records, 1, e, 2, &err), WF_E_INVAL);
    assert_int_equal(wf_records_write(d->records, 99, e, 1, &err), WF_E_NOENT);
    assert_int_equal(wf_records_write(d->records, 1, e, 0, &err), WF_E_LIMIT);
    e[0].collection = WF_STR("a/b");
    assert_int_equal(wf_records_write(d->records, 1, e, 1, &err), WF_E_INVAL);
    assert_int_equal(write_op(d, "k", op_of(WF_RECORD_SET, "a", "no JSON"), &err), WF_E_FORMAT);
    assert_int_equal(home_count(&d->home, "record"), 0);
    assert_int_equal(home_count(&d->home, "record_change"), 0);
    /* A number that was refused is not used up. */
    do_op(d, "k", WF_RECORD_SET, "a", "1");
    assert_int_equal(home_count(&d->home, "record_change WHERE dseq=1"), 1);
}

static void test_space_record__a_record_has_a_limit(void **state)
{
    static char text[WF_LIMIT_RECORD_VALUE_BYTES + 1];
    struct device *d = &devices[0];
    struct wf_err err = WF_ERR_INIT;
    int rc = 0;
    unsigned n = 0;
    (void)state;

    memset(text, 'x', sizeof(text) - 1);
    text[0] = text[sizeof(text) - 2] = '"';
    for (char name[2] = "a"; rc == 0 && n < 9; name[0]++, n++)
        rc = write_op(d, "k", op_of(WF_RECORD_SET, name, text), &err);
    assert_int_equal(rc, WF_E_LIMIT);
    assert_int_equal(n, 4); /* the fourth and its name are too much */
    do_op(d, "k", WF_RECORD_SET, "a", "1");
    do_op(d, "k", WF_RECORD_SET, "z", text);
}

static void test_space_record__a_list_has_pages(void **state)
{
    struct device *d = &devices[0];
    struct wf_record_row *rows = NULL;
    struct wf_reader *reader = NULL;
    struct wf_arena arena;
    size_t n = 0;
    (void)state;

    for (unsigned i = 0; i < 5; i++) {
        char key[8];
        snprintf(key, sizeof(key), "k%u", i);
        do_op(d, key, WF_RECORD_SET, "a", "1");
    }
    do_op(d, "k3", WF_RECORD_DELETE, "", "");
    const struct wf_record_op op = op_of(WF_RECORD_SET, "a", "1");
    const struct wf_record_edit e = {
        .collection = WF_STR("other"), .key = WF_STR("a"), .ops = &op, .n_ops = 1};
    assert_int_equal(wf_records_write(d->records, 1, &e, 1, NULL), 0);
    wf_arena_init(&arena, 0, 1u << 22);
    assert_int_equal(wf_store_reader_get(d->home.store, &reader, NULL), 0);
    struct wf_records_page page = {.space = 1, .n_max = 3};
    assert_int_equal(wf_records_list(reader, &page, &arena, &rows, &n, NULL), 0);
    assert_int_equal(n, 3);
    assert_true(wf_str_eq(rows[2].key, WF_STR("k2")) && rows[2].label == 1);
    page.after_collection = rows[2].collection;
    page.after_key = rows[2].key;
    assert_int_equal(wf_records_list(reader, &page, &arena, &rows, &n, NULL), 0);
    assert_int_equal(n, 2);
    assert_true(wf_str_eq(rows[0].key, WF_STR("k4")));
    assert_true(wf_str_eq(rows[1].collection, WF_STR("other")));
    page = (struct wf_records_page){.space = 1, .collection = WF_STR("c"), .n_max = 100};
    assert_int_equal(wf_records_list(reader, &page, &arena, &rows, &n, NULL), 0);
    assert_int_equal(n, 4);
    wf_store_reader_put(d->home.store, reader);
    wf_arena_deinit(&arena);
}

/* ---- labels ---- */

/* The label of the device's n-th change. */
static void assert_label(struct device *d, unsigned n, unsigned label)
{
    char what[80];
    snprintf(what, sizeof(what), "record_change WHERE dseq=%u AND label=%u", n, label);
    assert_int_equal(home_count(&d->home, what), 1);
}

static void do_labelled(struct device *d, enum wf_record_op_kind kind, uint8_t label)
{
    const struct wf_record_op op = {
        .kind = kind,
        .label = kind == WF_RECORD_LABEL ? 2 : 0,
        .field = kind == WF_RECORD_SET || kind == WF_RECORD_UNSET ? WF_STR("x") : WF_STR(""),
        .value = kind == WF_RECORD_SET ? WF_STR("1") : WF_STR("")};
    const struct wf_record_edit e = {
        .collection = WF_STR("c"), .key = WF_STR("k"), .label = label, .ops = &op, .n_ops = 1};
    assert_int_equal(wf_records_write(d->records, 1, &e, 1, NULL), 0);
}

static void test_space_record__what_ends_reaches_who_knows(void **state)
{
    struct device *d = &devices[0];
    (void)state;

    do_labelled(d, WF_RECORD_SET, 3);
    do_labelled(d, WF_RECORD_UNSET, 0); /* nobody below knows of it */
    assert_label(d, 2, 3);
    do_labelled(d, WF_RECORD_SET, 1);
    do_labelled(d, WF_RECORD_SET, 3);
    assert_int_equal(home_count(&d->home, "record WHERE label=3 AND least=1"), 1);
    do_labelled(d, WF_RECORD_UNSET, 0); /* now somebody does, who still has the 1 */
    assert_label(d, 5, 1);
    do_labelled(d, WF_RECORD_LABEL, 0);
    assert_label(d, 6, 2);
    do_labelled(d, WF_RECORD_SET, 0);
    assert_label(d, 7, 2);
    do_labelled(d, WF_RECORD_DELETE, 0); /* that it had a 1 is over: all devices (one) know */
    assert_label(d, 8, 2);
    do_labelled(d, WF_RECORD_SET, 0); /* another record, of which nobody knows */
    assert_label(d, 9, 0);
}

static int count_one(void *ud, struct wf_str bytes, struct wf_err *err)
{
    (void)bytes, (void)err;
    ++*(size_t *)ud;
    return 0;
}

static size_t n_live(struct device *d, uint8_t label)
{
    struct wf_reader *reader = NULL;
    size_t n = 0;

    assert_int_equal(wf_store_reader_get(d->home.store, &reader, NULL), 0);
    assert_int_equal(wf_records_live(reader, 1, label, count_one, &n, NULL), 0);
    wf_store_reader_put(d->home.store, reader);
    return n;
}

/* Who may see less still has what was written over, all of it, and is told of its end. */
static void test_space_record__what_counts_for_who_sees_less_stays(void **state)
{
    struct device *d = &devices[0];
    (void)state;

    label_of_writes = 0;
    do_op(d, "k", WF_RECORD_SET, "x", "1");
    do_op(d, "k", WF_RECORD_SET, "y", "2");
    label_of_writes = 2;
    do_op(d, "k", WF_RECORD_SET, "x", "3");
    do_op(d, "k", WF_RECORD_SET, "y", "4");
    do_op(d, "k", WF_RECORD_SET, "y", "5");
    assert_record(d, "k", "{\"x\":3,\"y\":5}");
    assert_int_equal(n_live(d, 0), 2);
    assert_int_equal(n_live(d, 2), 2);
    label_of_writes = 1;
    do_op(d, "k", WF_RECORD_DELETE, "", ""); /* for who sees 1; who sees 0 is not told */
    assert_int_equal(home_count(&d->home, "record WHERE live=0 AND least=0"), 1);
    assert_int_equal(wf_records_tidy(d->records, NULL, NULL), 0);
    assert_int_equal(n_live(d, 0), 2);
    assert_int_equal(n_live(d, 2), 0);
    label_of_writes = 0;
    do_op(d, "k", WF_RECORD_DELETE, "", "");
    assert_int_equal(home_count(&d->home, "record"), 0);
    assert_int_equal(wf_records_tidy(d->records, NULL, NULL), 0);
    assert_int_equal(n_live(d, 0), 0);
    label_of_writes = 1;
}

/* ---- many threads ---- */

#define N_THREADS 8
#define N_EACH 50

static void *count_up(void *ud)
{
    char key[8];
    snprintf(key, sizeof(key), "t%u", (unsigned)(uintptr_t)ud);
    for (unsigned i = 0; i < N_EACH; i++) {
        do_count(&devices[0], "all", 1);
        do_count(&devices[0], key, 1);
        struct wf_err err = WF_ERR_INIT; /* fails amid the others' writes, and alone */
        assert_int_equal(write_op(&devices[0], key, op_of(WF_RECORD_TAKE, "none", "1"), &err),
                         WF_E_NOENT);
    }
    return NULL;
}

static void test_space_record__threads_lose_nothing(void **state)
{
    pthread_t threads[N_THREADS];
    (void)state;

    n_told = 0;
    for (uintptr_t i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, (void *)i), 0);
    for (size_t i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_record(&devices[0], "all", "{\"n\":400}");
    assert_record(&devices[0], "t3", "{\"n\":50}");
    assert_int_equal(n_told, 2 * N_THREADS * N_EACH);
    assert_int_equal(home_count(&devices[0].home, "record_change"), 2 * N_THREADS * N_EACH);
}

/* ---- devices that exchange ---- */

struct batch {
    struct wf_buf bytes[64];
    struct wf_str changes[64];
    uint64_t dseq, hlc;
    size_t n;
};

static int gather(void *ud, const struct wf_log_entry *e, struct wf_err *err)
{
    struct batch *b = ud;
    (void)err;
    if (b->n == 64)
        return 1;
    wf_buf_init(&b->bytes[b->n], SIZE_MAX);
    wf_buf_append_str(&b->bytes[b->n], e->bytes);
    b->changes[b->n] = wf_buf_str(&b->bytes[b->n]);
    b->dseq = e->dseq;
    b->hlc = e->hlc;
    b->n++;
    return 0;
}

static uint64_t head_of(struct device *at, struct device *of, uint64_t *out_hlc)
{
    struct wf_log_head *heads = NULL;
    struct wf_reader *reader = NULL;
    struct wf_arena arena;
    uint64_t dseq = 0;
    size_t n = 0;

    *out_hlc = 0;
    wf_arena_init(&arena, 0, 1u << 20);
    assert_int_equal(wf_store_reader_get(at->home.store, &reader, NULL), 0);
    assert_int_equal(wf_log_heads(reader, 1, &arena, &heads, &n, NULL), 0);
    for (size_t i = 0; i < n; i++)
        if (memcmp(heads[i].device, of->signer.id, WF_SIGNER_ID_BYTES) == 0) {
            dseq = heads[i].dseq;
            *out_hlc = heads[i].hlc;
        }
    wf_store_reader_put(at->home.store, reader);
    wf_arena_deinit(&arena);
    return dseq;
}

static void gather_log(struct device *from, const struct device *of, uint64_t from_dseq,
                       struct batch *b)
{
    struct wf_reader *reader = NULL;
    memset(b, 0, sizeof(*b));
    assert_int_equal(wf_store_reader_get(from->home.store, &reader, NULL), 0);
    assert_true(wf_log_read(reader, 1, of->signer.id, from_dseq, gather, b, NULL) >= 0);
    wf_store_reader_put(from->home.store, reader);
}

static void forget_batch(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        wf_buf_deinit(&b->bytes[i]);
}

/* Gives `to` what it lacks of `of`'s log, which `from` has, in one turn. */
static size_t give(struct device *from, struct device *of, struct device *to)
{
    struct wf_err err = WF_ERR_INIT;
    struct batch b;
    uint64_t hlc;
    size_t n_new = 0;

    gather_log(from, of, head_of(to, of, &hlc) + 1, &b);
    if (b.n > 0) {
        assert_int_equal(wf_store_write_begin(to->home.store, NULL), 0);
        if (wf_records_apply_in_turn(to->records, 1, b.changes, b.n, &n_new, &err) != 0 ||
            wf_log_reach(to->home.store, 1, of->signer.id, b.dseq, b.hlc, &err) != 0)
            fail_msg("%s", err.msg);
        assert_int_equal(wf_store_write_commit(to->home.store, NULL), 0);
        wf_records_tell(to->records, 1, b.changes, b.n);
    }
    forget_batch(&b);
    return n_new;
}

/* `to` hears what `by` has of all. */
static void say(struct device *by, struct device *to)
{
    uint64_t hlc, dseq, now;

    assert_int_equal(wf_records_clock(by->records, &now, NULL), 0);
    assert_int_equal(wf_store_write_begin(to->home.store, NULL), 0);
    for (size_t i = 0; i < MAX_DEVICES; i++) {
        dseq = head_of(by, &devices[i], &hlc);
        hlc = by == &devices[i] ? now : hlc;
        assert_int_equal(
            wf_log_saw(to->home.store, 1, by->signer.id, devices[i].signer.id, dseq, hlc, NULL), 0);
    }
    assert_int_equal(wf_store_write_commit(to->home.store, NULL), 0);
}

static void join(struct device *d, struct device *at)
{
    assert_int_equal(wf_store_write_begin(at->home.store, NULL), 0);
    assert_int_equal(wf_log_set_revoked(at->home.store, 1, d->signer.id, false, NULL), 0);
    assert_int_equal(wf_store_write_commit(at->home.store, NULL), 0);
}

static void digest(struct device *d, bool is_final, uint8_t out[32])
{
    struct wf_reader *reader = NULL;
    assert_int_equal(wf_store_reader_get(d->home.store, &reader, NULL), 0);
    assert_int_equal(wf_records_digest(reader, 1, is_final, out, NULL), 0);
    wf_store_reader_put(d->home.store, reader);
}

static void assert_same(struct device *a, struct device *b, bool is_final)
{
    uint8_t x[32], y[32];
    digest(a, is_final, x);
    digest(b, is_final, y);
    assert_memory_equal(x, y, sizeof(x));
}

static void test_space_record__two_devices_come_to_the_same(void **state)
{
    struct device *a = &devices[0], *b = &devices[1];
    (void)state;

    n_told = 0;
    join(a, b);
    join(b, a);
    do_op(a, "k", WF_RECORD_SET, "name", "\"Ana\"");
    do_op(a, "k", WF_RECORD_ADD, "tags", "\"x\"");
    do_count(a, "k", 2);
    assert_int_equal(give(a, a, b), 3);
    assert_int_equal(n_told, 6); /* each device of each */
    assert_int_equal(give(a, a, b), 0);
    assert_record(b, "k", "{\"n\":2,\"name\":\"Ana\",\"tags\":[\"x\"]}");
    do_op(b, "k", WF_RECORD_TAKE, "tags", "\"x\"");
    do_op(a, "k", WF_RECORD_ADD, "tags", "\"x\""); /* at the same time: it stays */
    do_op(b, "k", WF_RECORD_SET, "name", "\"Anna\"");
    do_count(b, "k", 3);
    do_count(a, "k", 1);
    assert_int_equal(give(b, b, a), 3);
    assert_int_equal(give(a, a, b), 2);
    assert_record(a, "k", "{\"n\":6,\"name\":\"Anna\",\"tags\":[\"x\"]}");
    assert_record(b, "k", "{\"n\":6,\"name\":\"Anna\",\"tags\":[\"x\"]}");
    assert_same(a, b, false);
    /* Again, and by themselves: nothing is new. */
    struct batch all;
    size_t n_new = 9;
    gather_log(a, a, 1, &all);
    assert_int_equal(wf_records_apply(b->records, 1, all.changes, all.n, &n_new, NULL), 0);
    assert_int_equal(n_new, 0);
    assert_int_equal(wf_records_apply(a->records, 1, all.changes, all.n, &n_new, NULL), 0);
    assert_int_equal(n_new, 0);
    forget_batch(&all);
    assert_same(a, b, false);
    assert_int_equal(home_count(&a->home, "record_change"), 8);
}

static void test_space_record__what_is_deleted_is_gone_when_all_know(void **state)
{
    struct device *a = &devices[0], *b = &devices[1], *c = &devices[2];
    struct wf_records_tidied t;
    (void)state;

    for (size_t i = 0; i < MAX_DEVICES; i++)
        for (size_t k = 0; k < MAX_DEVICES; k++)
            join(&devices[i], &devices[k]);
    do_op(a, "k", WF_RECORD_SET, "pin", "\"hushhush\"");
    do_op(a, "other", WF_RECORD_SET, "x", "1");
    give(a, a, b);
    give(a, a, c);
    do_op(b, "k", WF_RECORD_DELETE, "", "");
    assert_record(b, "k", "none");
    do_op(c, "k", WF_RECORD_SET, "old", "1"); /* c does not know, and its clock is ahead */
    do_op(c, "other", WF_RECORD_SET, "y", "1");
    give(b, b, a);
    say(a, b);
    assert_int_equal(wf_records_tidy(b->records, &t, NULL), 0);
    assert_int_equal(t.n_settled, 0); /* c has it not */
    assert_true(home_grep(&b->home, "hushhush", false) > 0);
    give(b, b, c);
    give(c, c, a);
    give(c, c, b);
    assert_record(a, "k", "{\"old\":1}");
    for (size_t i = 0; i < MAX_DEVICES; i++)
        for (size_t k = 0; k < MAX_DEVICES; k++)
            if (i != k)
                say(&devices[i], &devices[k]);
    for (size_t i = 0; i < MAX_DEVICES; i++) {
        struct wf_err err = WF_ERR_INIT;
        if (wf_records_tidy(devices[i].records, &t, &err) != 0)
            fail_msg("%s", err.msg);
        assert_int_equal(t.n_settled, 1);
        assert_int_equal(t.n_pruned, 1);
        assert_int_equal(home_count(&devices[i].home, "record_erased"), 0);
        assert_int_equal(home_count(&devices[i].home, "record WHERE gone_hlc>0"), 0);
        assert_int_equal(
            home_count(&devices[i].home, "record_change WHERE instr(bytes,'hushhush')>0"), 0);
        assert_same(a, &devices[i], false);
    }
    assert_record(c, "k", "{\"old\":1}");
    assert_record(c, "other", "{\"x\":1,\"y\":1}");
    /* A pruned log still goes to who comes later, and to who has it whole. */
    struct batch all;
    size_t n_new = 9;
    gather_log(a, a, 1, &all);
    assert_int_equal(wf_records_apply(b->records, 1, all.changes, all.n, &n_new, NULL), 0);
    assert_int_equal(n_new, 0);
    forget_batch(&all);
}

static void test_space_record__alone_a_deletion_is_final_at_once(void **state)
{
    struct device *a = &devices[0];
    struct wf_records_tidied t;
    (void)state;

    do_op(a, "k", WF_RECORD_SET, "pin", "\"hushhush\"");
    do_op(a, "k", WF_RECORD_DELETE, "", "");
    assert_int_equal(home_count(&a->home, "record"), 0);
    assert_int_equal(wf_records_tidy(a->records, &t, NULL), 0);
    assert_int_equal(t.n_pruned, 1);
    home_close(&a->home); /* the log of the database is gone with it */
    assert_int_equal(home_grep(&a->home, "hushhush", true), 0);
    home_open(&a->home);
    wf_records_free(a->records);
    open_records(a);
}

/* As on a device that was set back. */
static void forget_clock(struct device *d)
{
    sqlite3_stmt *st = NULL;

    assert_int_equal(wf_store_write_begin(d->home.store, NULL), 0);
    assert_int_equal(
        wf_store_write_cached(d->home.store, "UPDATE device_clock SET hlc=0", &st, NULL), 0);
    assert_int_equal(sqlite3_step(st), SQLITE_DONE);
    assert_int_equal(wf_store_write_commit(d->home.store, NULL), 0);
    wf_records_free(d->records);
    open_records(d);
}

static void test_space_record__closing_destroys_what_was_deleted(void **state)
{
    struct device *a = &devices[0];
    (void)state;

    wf_records_free(a->records);
    tidy_ms = 1000000; /* its thread never gets to it */
    open_records(a);
    do_op(a, "k", WF_RECORD_SET, "pin", "\"hushhush\"");
    do_op(a, "k", WF_RECORD_DELETE, "", "");
    assert_int_equal(home_count(&a->home, "record_erased"), 1);
    wf_records_free(a->records);
    assert_int_equal(home_count(&a->home, "record_erased"), 0);
    assert_int_equal(home_count(&a->home, "record_change WHERE instr(bytes,'hushhush')>0"), 0);
    tidy_ms = -1;
    open_records(a);
}

static void test_space_record__what_is_not_right_is_refused_whole(void **state)
{
    struct device *a = &devices[0], *b = &devices[1];
    struct wf_err err = WF_ERR_INIT;
    struct batch log, other;
    (void)state;

    do_op(a, "k", WF_RECORD_SET, "x", "1");
    do_op(a, "k", WF_RECORD_SET, "x", "2");
    gather_log(a, a, 1, &log);
    struct wf_str *second = &log.changes[1];
    /* Forged. */
    log.bytes[1].ptr[second->len - 1] ^= 1;
    assert_int_equal(wf_records_apply(b->records, 1, log.changes, 2, NULL, &err), WF_E_DENIED);
    log.bytes[1].ptr[second->len - 1] ^= 1;
    /* Of who may not. */
    refused = a->signer.id;
    assert_int_equal(wf_records_apply(b->records, 1, log.changes, 2, NULL, &err), WF_E_DENIED);
    assert_string_equal(err.msg, "That device was revoked.");
    refused = NULL;
    /* Cut off. */
    second->len--;
    assert_int_equal(wf_records_apply(b->records, 1, log.changes, 2, NULL, &err), WF_E_FORMAT);
    second->len++;
    /* From the future. */
    b->now_ms -= 3600000;
    assert_int_equal(wf_records_apply(b->records, 1, log.changes, 2, NULL, &err), WF_E_RANGE);
    assert_non_null(strstr(err.msg, "clock"));
    b->now_ms += 3600000;
    assert_int_equal(home_count(&b->home, "record_change"), 0);
    assert_int_equal(home_count(&b->home, "record"), 0);
    /* In the wrong order of times: the second has the first's number, and the other way round. */
    assert_int_equal(home_count(&b->home, "device_seq"), 0);
    assert_int_equal(wf_records_apply(b->records, 1, log.changes + 1, 1, NULL, &err), 0);
    assert_int_equal(home_count(&b->home, "device_seq WHERE dseq=0"), 1); /* it counts from now */
    assert_int_equal(wf_records_apply(b->records, 1, log.changes, 1, NULL, &err), 0);
    assert_same(a, b, false);
    /* A copy of the device says something else under a number that is taken. */
    struct device *copy = &devices[2];
    copy->signer = a->signer;
    copy->now_ms = a->now_ms;
    do_op(copy, "k", WF_RECORD_SET, "x", "3");
    gather_log(copy, a, 1, &other);
    assert_int_equal(wf_records_apply(b->records, 1, other.changes, 1, NULL, &err), WF_E_CORRUPT);
    forget_batch(&other);
    /* Or lets its clock go back. */
    do_op(copy, "k", WF_RECORD_SET, "x", "4");
    do_op(copy, "k", WF_RECORD_SET, "x", "5"); /* its third, in the same millisecond */
    gather_log(copy, a, 3, &other);
    struct wf_change c;
    assert_int_equal(wf_change_read(other.changes[0], &c, NULL), 0);
    assert_int_equal(c.dseq, 3);
    do_op(a, "k", WF_RECORD_SET, "x", "6");
    forget_batch(&other);
    copy->now_ms -= 500000; /* a new clock that is behind */
    forget_clock(copy);
    do_op(copy, "k", WF_RECORD_SET, "x", "7");
    gather_log(copy, a, 4, &other);
    assert_int_equal(wf_records_apply(b->records, 1, other.changes, 1, NULL, &err), WF_E_CORRUPT);
    assert_non_null(strstr(err.msg, "clock went back"));
    forget_batch(&other);
    forget_batch(&log);
    assert_int_equal(home_count(&b->home, "record_change"), 2);
}

static void set_out(struct device *at, struct device *d)
{
    assert_int_equal(wf_store_write_begin(at->home.store, NULL), 0);
    assert_int_equal(wf_log_set_revoked(at->home.store, 1, d->signer.id, true, NULL), 0);
    assert_int_equal(wf_store_write_commit(at->home.store, NULL), 0);
}

/* A device and its copy say different things under one number: once it is out both count,
 * whichever was heard first. */
static void test_space_record__two_stories_of_who_is_out_both_count(void **state)
{
    struct device *a = &devices[0], *b = &devices[1], *copy = &devices[2];
    struct batch first, second;
    struct wf_err err = WF_ERR_INIT;
    size_t n_new = 0;
    (void)state;

    wf_records_free(copy->records);
    copy->signer = a->signer;
    copy->now_ms = a->now_ms + 5000;
    open_records(copy);
    do_op(a, "k", WF_RECORD_SET, "x", "1");
    do_op(copy, "k", WF_RECORD_SET, "y", "2");
    gather_log(a, a, 1, &first);
    gather_log(copy, a, 1, &second);
    assert_int_equal(wf_records_apply(b->records, 1, first.changes, 1, NULL, &err), 0);
    assert_int_equal(wf_records_apply(b->records, 1, second.changes, 1, NULL, &err), WF_E_CORRUPT);
    assert_record(b, "k", "{\"x\":1}");
    set_out(b, a);
    assert_int_equal(wf_records_apply(b->records, 1, second.changes, 1, &n_new, &err), 0);
    assert_int_equal(n_new, 1);
    assert_int_equal(wf_records_apply(b->records, 1, second.changes, 1, &n_new, &err), 0);
    assert_int_equal(n_new, 0); /* it is known */
    assert_int_equal(wf_records_apply(b->records, 1, first.changes, 1, &n_new, &err), 0);
    assert_int_equal(n_new, 0);
    assert_record(b, "k", "{\"x\":1,\"y\":2}");
    set_out(copy, a); /* the other way round */
    assert_int_equal(wf_records_apply(copy->records, 1, first.changes, 1, &n_new, &err), 0);
    assert_int_equal(n_new, 1);
    assert_same(b, copy, true);
    forget_batch(&first);
    forget_batch(&second);
}

/* ---- random histories ---- */

static struct wf_rng_seeded rng;

static uint64_t below(uint64_t n)
{
    return wf_rng_below(&rng.rng, n);
}

/* Some op on some record of a device; what cannot be taken back is nothing. */
static void random_write(struct device *d)
{
    static const char *const keys[] = {"a", "b", "c"}, *const fields[] = {"x", "y"};
    static const char *const values[] = {"1", "\"two\"", "[3]"};
    const char *key = keys[below(3)], *field = fields[below(2)];
    enum wf_record_op_kind kind = (enum wf_record_op_kind)below(WF_RECORD_KIND_COUNT);

    d->now_ms += (int64_t)below(3000);
    label_of_writes = (uint8_t)below(WF_CHANGE_LABEL_MAX + 1);
    if (kind == WF_RECORD_COUNT) {
        do_count(d, key, (int64_t)below(5));
    } else if (kind == WF_RECORD_TAKE) {
        int rc = write_op(d, key, op_of(kind, field, values[below(3)]), NULL);
        assert_true(rc == 0 || rc == WF_E_NOENT);
    } else {
        bool is_whole = kind == WF_RECORD_DELETE || kind == WF_RECORD_LABEL;
        do_op(d, key, kind, is_whole ? "" : field,
              kind == WF_RECORD_SET || kind == WF_RECORD_ADD ? values[below(3)] : "");
    }
}

/* Who knows of which record; in the end, what devices of each clearance have of it. */
static void known(struct device *d, bool is_end, struct wf_buf *out)
{
    static const char sql_known[] = "SELECT key||' '||label||' '||least FROM record WHERE live=1";
    static const char sql_all[] = "SELECT key||' '||label||' '||least||' '||hex(under)||hex(state)"
                                  " FROM record";
    struct wf_reader *reader = NULL;
    sqlite3_stmt *st = NULL;

    wf_buf_init(out, SIZE_MAX);
    assert_int_equal(wf_store_reader_get(d->home.store, &reader, NULL), 0);
    assert_int_equal(wf_reader_cached(reader, is_end ? sql_all : sql_known, &st, NULL), 0);
    while (wf_sql_step(st, "reading records", NULL) == 1) {
        wf_buf_append_str(out, wf_sql_text(st, 0));
        wf_buf_append_byte(out, '\n');
    }
    wf_store_reader_put(d->home.store, reader);
}

static void assert_same_known(struct device *a, struct device *b, bool is_end)
{
    struct wf_buf x, y;

    known(a, is_end, &x);
    known(b, is_end, &y);
    if (!wf_str_eq(wf_buf_str(&x), wf_buf_str(&y)))
        fail_msg("%.*s--\n%.*s", WF_STR_ARG(wf_buf_str(&x)), WF_STR_ARG(wf_buf_str(&y)));
    wf_buf_deinit(&x);
    wf_buf_deinit(&y);
}

static void give_all_to_all(void)
{
    for (size_t from = 0; from < MAX_DEVICES; from++)
        for (size_t to = 0; to < MAX_DEVICES; to++)
            if (from != to)
                (void)give(&devices[from], &devices[from], &devices[to]);
}

static void test_space_record__random_histories_come_to_the_same(void **state)
{
    struct wf_records_tidied t;
    size_t n_settled = 0, n_pruned = 0;
    (void)state;

    wf_rng_seeded_init(&rng, 11);
    for (size_t i = 0; i < MAX_DEVICES; i++)
        for (size_t k = 0; k < MAX_DEVICES; k++)
            join(&devices[i], &devices[k]);
    for (unsigned step = 0; step < 1500; step++) {
        struct device *d = &devices[below(MAX_DEVICES)], *e = &devices[below(MAX_DEVICES)];
        switch (below(8)) {
        case 0:
            if (d != e)
                say(d, e);
            break;
        case 1:
            assert_int_equal(wf_records_tidy(d->records, &t, NULL), 0);
            n_settled += t.n_settled;
            n_pruned += t.n_pruned;
            break;
        case 2:
        case 3:
        case 4: /* also what a third one has written */
            (void)give(d, &devices[below(MAX_DEVICES)], e);
            break;
        default:
            random_write(d);
        }
        if (step % 100 == 99) { /* all see the same, whatever was settled where */
            give_all_to_all();
            assert_same(&devices[0], &devices[1], true);
            assert_same(&devices[0], &devices[2], true);
            assert_same_known(&devices[0], &devices[1], false);
            assert_same_known(&devices[0], &devices[2], false);
        }
    }
    for (size_t i = 0; i < MAX_DEVICES; i++)
        for (size_t k = 0; k < MAX_DEVICES; k++)
            if (i != k)
                say(&devices[i], &devices[k]);
    for (size_t i = 0; i < MAX_DEVICES; i++) {
        assert_int_equal(wf_records_tidy(devices[i].records, &t, NULL), 0);
        assert_same(&devices[0], &devices[i], false);
        assert_same_known(&devices[0], &devices[i], true);
        assert_int_equal(home_count(&devices[i].home, "record WHERE gone_hlc>0"), 0);
    }
    label_of_writes = 1;
    print_message("%zu settled, %zu changes pruned on the way\n", n_settled, n_pruned);
    assert_true(n_settled > 10 && n_pruned > 50);
}

static void test_space_record__a_device_takes_its_own_log_back(void **state)
{
    struct device *a = &devices[0], *b = &devices[1], *again = &devices[2];
    (void)state;

    do_op(a, "k", WF_RECORD_SET, "x", "1");
    do_op(a, "k", WF_RECORD_SET, "x", "2");
    give(a, a, b);
    /* Its database is lost, its key is not. */
    wf_records_free(again->records);
    again->signer = a->signer;
    open_records(again);
    give(b, a, again);
    assert_record(again, "k", "{\"x\":2}");
    do_op(again, "k", WF_RECORD_SET, "x", "3");
    assert_int_equal(home_count(&again->home, "record_change WHERE dseq=3"), 1);
    give(again, a, b);
    assert_record(b, "k", "{\"x\":3}");
    assert_same(again, b, false);
}

static void test_space_record__a_record_has_a_history(void **state)
{
    struct device *a = &devices[0], *b = &devices[1];
    struct wf_record_event *events = NULL;
    struct wf_reader *reader = NULL;
    struct wf_arena arena;
    size_t n = 0;
    (void)state;

    do_op(a, "k", WF_RECORD_SET, "x", "1");
    do_op(a, "kk", WF_RECORD_SET, "x", "1");
    give(a, a, b);
    b->now_ms += 5000;
    do_count(b, "k", 4);
    wf_arena_init(&arena, 0, 1u << 20);
    assert_int_equal(wf_store_reader_get(b->home.store, &reader, NULL), 0);
    assert_int_equal(
        wf_records_history(reader, 1, WF_STR("c"), WF_STR("k"), 10, &arena, &events, &n, NULL), 0);
    assert_int_equal(n, 2);
    assert_true(
        wf_str_eq(events[0].ops, WF_STR("[{\"op\":\"count\",\"field\":\"n\",\"total\":4}]")));
    assert_memory_equal(events[0].device, b->signer.id, WF_SIGNER_ID_BYTES);
    assert_true(wf_str_eq(events[1].ops, WF_STR("[{\"op\":\"set\",\"field\":\"x\",\"value\":1}]")));
    assert_true(events[0].at_ms > events[1].at_ms);
    wf_store_reader_put(b->home.store, reader);
    wf_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_space_record__a_record_is_what_was_written, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_space_record__what_cannot_be_written_is_refused,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_space_record__a_record_has_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_space_record__a_list_has_pages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_space_record__what_ends_reaches_who_knows, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_space_record__what_counts_for_who_sees_less_stays,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_space_record__threads_lose_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_space_record__two_devices_come_to_the_same, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_space_record__what_is_deleted_is_gone_when_all_know,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_space_record__alone_a_deletion_is_final_at_once,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_space_record__closing_destroys_what_was_deleted,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_space_record__what_is_not_right_is_refused_whole,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_space_record__two_stories_of_who_is_out_both_count,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_space_record__random_histories_come_to_the_same,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_space_record__a_device_takes_its_own_log_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_space_record__a_record_has_a_history, set_up,
                                        tear_down),
    };
    if (access("/dev/shm", W_OK) == 0 && !getenv("TMPDIR"))
        setenv("TMPDIR", "/dev/shm", 1); /* a thousand syncs */
    if (access("/dev/shm", W_OK) == 0 && !getenv("TMPDIR"))
        setenv("TMPDIR", "/dev/shm", 1); /* a thousand syncs */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
