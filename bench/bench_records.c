/* SPDX-License-Identifier: Apache-2.0 */
/* Records: 100,000 of three fields written in changes of 100, taken in by another device, read; 1
 * and 64 callers that each wait for one write; and 100,000 sets of 1,000 keys. Beside each the
 * naive floor, in the same run and on the same disk: one SQLite table of keys and JSON, upserted in
 * the same transactions, unsigned, without a log, which no second device could ever merge. And what
 * Y.Map needs for the sets (measured with yjs 13: 694,393 bytes of state, 2,542,098 of updates).
 *
 * Must: written at 0.2 of the floor, taken in at 10,000 records/s, 64 callers at 1.2 of the floor's
 * 64, the sets' state below Y.Map's.
 *
 *   bench_records [DIR]   where to write (a real disk): . */
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "space/log.h"
#include "space/record.h"
#include "store/sql.h"

#define N_RECORDS 100000
#define GROUP 100
#define N_KEYS 1000
#define N_SETS 100000
#define N_CALLERS 64
#define ROUND_NS INT64_C(1500000000)
#define Y_MAP_STATE 694393.0
#define Y_MAP_UPDATES 2542098.0
#define MUST_WRITE 0.2
#define MUST_TAKE 10000.0
#define MUST_MANY 1.2

static char dir[200];
static struct wf_signer_key key;
static struct wf_signer signer;
static bool good = true;

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench_records: %s\n", what);
    exit(EXIT_FAILURE);
}

static void check(int rc, const struct wf_err *err)
{
    if (rc != 0)
        fail(err->msg);
}

static double seconds_since(int64_t start_ns)
{
    return (double)(wf_clock_mono_ns(NULL) - start_ns) * 1e-9;
}

static void must(double value, double least)
{
    good = good && value >= least;
}

/* ---- stores ---- */

struct side {
    char path[256];
    struct wf_store *store;
    struct wf_records *records;
};

static void open_side(struct side *s, const char *name)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_records_options o = {.signer = &signer, .tidy_ms = -1};

    (void)snprintf(s->path, sizeof(s->path), "%s/%s", dir, name);
    check(wf_store_open(s->path, NULL, &s->store, &err), &err);
    o.store = s->store;
    check(wf_records_new(&o, &s->records, &err), &err);
}

static double file_bytes(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (double)st.st_size : 0;
}

/* Closes, which brings the log into the file; its bytes. */
static double close_side(struct side *s)
{
    char path[300];

    wf_records_free(s->records);
    wf_store_close(s->store);
    (void)snprintf(path, sizeof(path), "%s/weft.db", s->path);
    return file_bytes(path);
}

static int64_t count(struct side *s, const char *sql)
{
    struct wf_reader *r = NULL;
    sqlite3_stmt *st = NULL;
    int64_t n = 0;

    if (wf_store_reader_get(s->store, &r, NULL) != 0 ||
        sqlite3_prepare_v2(wf_reader_db(r), sql, -1, &st, NULL) != SQLITE_OK ||
        sqlite3_step(st) != SQLITE_ROW)
        fail("counting");
    n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    wf_store_reader_put(s->store, r);
    return n;
}

/* ---- the floor ---- */

static sqlite3 *floor_db;
static sqlite3_stmt *floor_put;
static pthread_mutex_t floor_lock = PTHREAD_MUTEX_INITIALIZER;

static void floor_exec(const char *sql)
{
    if (sqlite3_exec(floor_db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail(sqlite3_errmsg(floor_db));
}

static void open_floor(const char *name, char path[256])
{
    (void)snprintf(path, 256, "%s/%s.db", dir, name);
    if (sqlite3_open(path, &floor_db) != SQLITE_OK)
        fail("the floor's database");
    floor_exec("PRAGMA page_size=16384; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
               "PRAGMA cache_size=-16384; PRAGMA wal_autocheckpoint=1000;"
               "CREATE TABLE record(collection TEXT NOT NULL, key TEXT NOT NULL,"
               " value TEXT NOT NULL, PRIMARY KEY(collection,key)) WITHOUT ROWID;");
    if (sqlite3_prepare_v2(floor_db,
                           "INSERT INTO record VALUES('contacts',?1,?2)"
                           " ON CONFLICT DO UPDATE SET value=excluded.value",
                           -1, &floor_put, NULL) != SQLITE_OK)
        fail("the floor's statement");
}

static double close_floor(const char *path)
{
    sqlite3_finalize(floor_put);
    sqlite3_close(floor_db);
    return file_bytes(path);
}

static void put_floor(const char *name, const char *value)
{
    sqlite3_bind_text(floor_put, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_text(floor_put, 2, value, -1, SQLITE_STATIC);
    if (sqlite3_step(floor_put) != SQLITE_DONE)
        fail("the floor's upsert");
    sqlite3_reset(floor_put);
}

/* ---- a group of records ---- */

struct one {
    char name[24], texts[3][64], json[256];
    struct wf_record_op ops[3];
    struct wf_record_edit edit;
};

/* Record i, whose third field is a number. */
static void make_one(struct one *o, unsigned i, unsigned number)
{
    static const char *const fields[3] = {"name", "mail", "born"};

    (void)snprintf(o->name, sizeof(o->name), "person-%06u", i);
    (void)snprintf(o->texts[0], sizeof(o->texts[0]), "\"Person Number %u\"", i);
    (void)snprintf(o->texts[1], sizeof(o->texts[1]), "\"person.%u@example.com\"", i);
    (void)snprintf(o->texts[2], sizeof(o->texts[2]), "%u", number);
    (void)snprintf(o->json, sizeof(o->json), "{\"born\":%s,\"mail\":%s,\"name\":%s}", o->texts[2],
                   o->texts[1], o->texts[0]);
    for (unsigned k = 0; k < 3; k++)
        o->ops[k] = (struct wf_record_op){.kind = WF_RECORD_SET,
                                          .field = wf_str_from(fields[k]),
                                          .value = wf_str_from(o->texts[k])};
    o->edit = (struct wf_record_edit){.collection = WF_STR("contacts"),
                                      .key = wf_str_from(o->name),
                                      .label = 2,
                                      .ops = o->ops,
                                      .n_ops = 3};
}

static struct one group[GROUP];
static struct wf_record_edit edits[GROUP];

static void make_group(unsigned first)
{
    for (unsigned i = 0; i < GROUP; i++) {
        make_one(&group[i], first + i, 1930 + i % 90);
        edits[i] = group[i].edit;
    }
}

static double write_floor(void)
{
    double s = 0;

    for (unsigned i = 0; i < N_RECORDS; i += GROUP) {
        make_group(i);
        int64_t start = wf_clock_mono_ns(NULL);
        floor_exec("BEGIN IMMEDIATE");
        for (unsigned k = 0; k < GROUP; k++)
            put_floor(group[k].name, group[k].json);
        floor_exec("COMMIT");
        s += seconds_since(start);
    }
    return N_RECORDS / s;
}

static double write_all(struct side *a)
{
    struct wf_err err = WF_ERR_INIT;
    double s = 0;

    for (unsigned i = 0; i < N_RECORDS; i += GROUP) {
        make_group(i);
        int64_t start = wf_clock_mono_ns(NULL);
        check(wf_records_write(a->records, 1, edits, GROUP, &err), &err);
        s += seconds_since(start);
    }
    return N_RECORDS / s;
}

/* ---- another device ---- */

struct taking {
    struct side *to;
    double bytes;
};

static int take(void *ud, const struct wf_log_entry *e, struct wf_err *err)
{
    struct taking *t = ud;

    t->bytes += (double)e->bytes.len;
    return wf_records_apply(t->to->records, 1, &e->bytes, 1, NULL, err);
}

static void copy_uid(struct side *from, struct side *to)
{
    struct wf_reader *r = NULL;
    sqlite3_stmt *get = NULL, *put = NULL;

    if (wf_store_reader_get(from->store, &r, NULL) != 0 ||
        wf_reader_cached(r, "SELECT uid FROM space WHERE id=1", &get, NULL) != 0 ||
        wf_sql_step(get, "bench", NULL) != 1 || wf_store_write_begin(to->store, NULL) != 0 ||
        wf_store_write_cached(to->store, "UPDATE space SET uid=?1 WHERE id=1", &put, NULL) != 0)
        fail("the space's id");
    wf_sql_bind_blob(put, 1, wf_sql_blob(get, 0));
    if (wf_sql_run(put, "bench", NULL) != 0 || wf_store_write_commit(to->store, NULL) != 0)
        fail("the space's id");
    sqlite3_reset(get);
    wf_store_reader_put(from->store, r);
}

static double take_all(struct side *a, struct side *b, double *out_bytes)
{
    struct taking t = {.to = b};
    struct wf_err err = WF_ERR_INIT;
    struct wf_reader *r = NULL;
    int64_t start;
    uint8_t x[32], y[32];

    copy_uid(a, b);
    check(wf_store_reader_get(a->store, &r, &err), &err);
    start = wf_clock_mono_ns(NULL);
    check(wf_log_read(r, 1, signer.id, 1, take, &t, &err), &err);
    double s = seconds_since(start);
    check(wf_records_digest(r, 1, false, x, &err), &err);
    wf_store_reader_put(a->store, r);
    check(wf_store_reader_get(b->store, &r, &err), &err);
    check(wf_records_digest(r, 1, false, y, &err), &err);
    wf_store_reader_put(b->store, r);
    if (memcmp(x, y, sizeof(x)) != 0)
        fail("the devices differ");
    *out_bytes = t.bytes;
    return N_RECORDS / s;
}

/* ---- reading ---- */

static double read_all(struct side *a)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    struct wf_record_row row;
    int64_t start;

    wf_arena_init(&arena, 0, 1u << 20);
    check(wf_store_reader_get(a->store, &r, &err), &err);
    start = wf_clock_mono_ns(NULL);
    for (unsigned i = 0; i < N_RECORDS; i++) {
        char name[24];
        json_t *v = NULL;
        (void)snprintf(name, sizeof(name), "person-%06u", i * 7919 % N_RECORDS);
        wf_arena_reset(&arena);
        check(wf_records_get(r, 1, WF_STR("contacts"), wf_str_from(name), &arena, &row, &err),
              &err);
        check(wf_record_row_json(&row, &v, &err), &err);
        json_decref(v);
    }
    double s = seconds_since(start);
    wf_store_reader_put(a->store, r);
    wf_arena_deinit(&arena);
    return N_RECORDS / s;
}

/* ---- callers ---- */

static struct side *called;
static int64_t until_ns;
static atomic_uint_least64_t n_done;

static void *call(void *ud)
{
    unsigned me = (unsigned)(uintptr_t)ud;
    struct wf_err err = WF_ERR_INIT;
    struct one o;

    for (unsigned i = 0; wf_clock_mono_ns(NULL) < until_ns; i++) {
        make_one(&o, me * 1000 + i % 1000, i); /* the same again would not be written */
        check(wf_records_write(called->records, 1, &o.edit, 1, &err), &err);
        (void)atomic_fetch_add(&n_done, 1);
    }
    return NULL;
}

/* One connection under a lock: as a naive program would. */
static void *call_floor(void *ud)
{
    unsigned me = (unsigned)(uintptr_t)ud;
    struct one o;

    for (unsigned i = 0; wf_clock_mono_ns(NULL) < until_ns; i++) {
        make_one(&o, me * 1000 + i % 1000, i); /* the same again would not be written */
        pthread_mutex_lock(&floor_lock);
        put_floor(o.name, o.json);
        pthread_mutex_unlock(&floor_lock);
        (void)atomic_fetch_add(&n_done, 1);
    }
    return NULL;
}

static double rate(unsigned n, void *(*fn)(void *))
{
    pthread_t threads[N_CALLERS];
    int64_t start = wf_clock_mono_ns(NULL);

    atomic_store(&n_done, 0);
    until_ns = start + ROUND_NS;
    for (uintptr_t i = 0; i < n; i++)
        if (pthread_create(&threads[i], NULL, fn, (void *)i) != 0)
            fail("no thread");
    for (unsigned i = 0; i < n; i++)
        (void)pthread_join(threads[i], NULL);
    return (double)atomic_load(&n_done) / seconds_since(start);
}

/* ---- the sets ---- */

static void sets(void)
{
    struct wf_err err = WF_ERR_INIT;
    struct side s;
    double t = 0;

    open_side(&s, "sets");
    for (unsigned i = 0; i < N_SETS; i += GROUP) {
        make_group(i % N_KEYS);
        for (unsigned k = 0; k < GROUP; k++) {
            (void)snprintf(group[k].texts[0], sizeof(group[k].texts[0]), "%u", i + k);
            edits[k].n_ops = 1;
            edits[k].key.len = strlen(group[k].name);
        }
        int64_t start = wf_clock_mono_ns(NULL);
        for (unsigned k = 0; k < GROUP; k++)
            group[k].ops[0].value = wf_str_from(group[k].texts[0]);
        check(wf_records_write(s.records, 1, edits, GROUP, &err), &err);
        t += seconds_since(start);
    }
    double state = (double)count(&s, "SELECT sum(length(state)+length(key)) FROM record");
    double log = (double)count(&s, "SELECT sum(length(bytes)) FROM record_change");
    printf("sets     %8.0f/s of %d keys: state %.0f bytes (Y.Map %.0f), changes %.0f, %.1f a set"
           " (Y.Map's updates %.0f)\n",
           N_SETS / t, N_KEYS, state, Y_MAP_STATE, log, log / N_SETS, Y_MAP_UPDATES);
    must(Y_MAP_STATE, state);
    (void)close_side(&s);
}

static void callers(struct side *a)
{
    char path[256];
    double one, many, floor_one, floor_many;

    called = a;
    open_floor("callers", path);
    floor_one = rate(1, call_floor);
    one = rate(1, call);
    floor_many = rate(N_CALLERS, call_floor);
    many = rate(N_CALLERS, call);
    (void)close_floor(path);
    printf("1 caller %8.0f writes/s (floor %.0f); %d callers %.0f (floor %.0f; must %.1f of it)\n",
           one, floor_one, N_CALLERS, many, floor_many, MUST_MANY);
    must(many / floor_many, MUST_MANY);
}

static void remove_all(void)
{
    char command[300];

    (void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    if (system(command) != 0)
        (void)fprintf(stderr, "bench_records: %s stays\n", dir);
}

int main(int argc, char **argv)
{
    uint8_t seed[32] = {1};
    double naive, written, taken, read, wire = 0, db, naive_db;
    struct side a, b;
    char path[256];

    (void)snprintf(dir, sizeof(dir), "%s/bench-records-XXXXXX", argc > 1 ? argv[1] : ".");
    if (mkdtemp(dir) == NULL || sodium_init() < 0)
        fail("no folder");
    (void)atexit(remove_all);
    wf_signer_from_seed(seed, &key, &signer);
    open_floor("floor", path);
    naive = write_floor();
    naive_db = close_floor(path);
    open_side(&a, "a");
    open_side(&b, "b");
    written = write_all(&a);
    taken = take_all(&a, &b, &wire);
    read = read_all(&a);
    printf("written  %8.0f records/s in changes of %d, signed and durable (floor %.0f: %.2f of it, "
           "must %.1f)\n",
           written, GROUP, naive, written / naive, MUST_WRITE);
    printf("taken in %8.0f records/s, verified and durable, %.1f MB/s (must %.0f)\n", taken,
           wire / N_RECORDS * taken * 1e-6, MUST_TAKE);
    printf("read     %8.0f records/s, one by one as JSON\n", read);
    must(written / naive, MUST_WRITE);
    must(taken, MUST_TAKE);
    callers(&a);
    (void)close_side(&a);
    db = close_side(&b);
    printf("bytes    %8.0f a record in the file, of them %.0f of changes (floor %.0f)\n",
           db / N_RECORDS, wire / N_RECORDS, naive_db / N_RECORDS);
    sets();
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
