/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger: what was appended is read again; whatever is changed in its files is found; whatever
 * fails on the way, nothing that was acknowledged is lost; what a crash left is told from what was
 * changed. */
#include "privacy/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/rng.h"
#include "os/file.h"
#include "support/ledgered.h"

#define NEVER_MS 1000000 /* nothing is signed before the end */

static struct ledgered at;

static int set_up(void **state)
{
    (void)state;
    return ledgered_make(&at);
}

static int tear_down(void **state)
{
    (void)state;
    ledgered_remove(&at);
    return 0;
}

static struct wf_ledger *open_ledger(uint32_t sign_ms)
{
    struct wf_ledger *l = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (ledgered_open(&at, sign_ms, &l, &err) != 0)
        fail_msg("%s", err.msg);
    return l;
}

static void append(struct wf_ledger *l, uint64_t first, uint64_t n)
{
    static struct ledgered_entry m;
    struct wf_err err = WF_ERR_INIT;

    for (uint64_t i = first; i < first + n; i++) {
        uint64_t seq = 0;
        ledgered_entry(&m, i);
        if (wf_ledger_append(l, &m.e, &seq, &err) != 0)
            fail_msg("%s", err.msg);
        assert_int_equal(seq, i);
    }
}

/* A ledger of n entries, all signed. */
static void fill(uint64_t n)
{
    struct wf_ledger *l = open_ledger(NEVER_MS);

    append(l, 1, n);
    wf_ledger_close(l);
}

static int verify(struct wf_ledger_report *out, struct wf_err *err)
{
    return wf_ledger_verify(at.ledger, NULL, out, err);
}

static void assert_sound(uint64_t n)
{
    struct wf_ledger_report report;
    struct wf_err err = WF_ERR_INIT;

    if (verify(&report, &err) != 0)
        fail_msg("%s", err.msg);
    assert_int_equal(report.n_entries, n);
}

static void assert_found(const char *what)
{
    struct wf_ledger_report report;
    struct wf_err err = WF_ERR_INIT;
    int rc = verify(&report, &err);

    if (rc != WF_E_CORRUPT && rc != WF_E_NOENT)
        fail_msg("%s: verify says %d (%s)", what, rc, err.msg);
    assert_true(err.msg[0] != 0);
}

static void load(const char *path, struct wf_buf *b)
{
    wf_buf_init(b, SIZE_MAX);
    assert_int_equal(wf_file_read(path, b, NULL), 0);
}

static void save(const char *path, const char *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* Where each entry begins, and behind the last where the log ends. Returns how many. */
static size_t places(const struct wf_buf *log, size_t out[], size_t max)
{
    size_t n = 0, p = WF_LEDGER_BEGIN_BYTES;

    for (; p < log->len; n++) {
        assert_true(n < max);
        out[n] = p;
        p += wf_ledger_format_bytes((const uint8_t *)log->ptr + p);
        assert_true(p > out[n]);
    }
    out[n] = p;
    return n;
}

static void test_ledger__gives_back_what_was_appended(void **state)
{
    (void)state;
    static struct ledgered_entry m;
    const struct wf_ledger_entry *e = NULL;
    struct wf_ledger_reader *r = NULL;
    const uint64_t n = 3000; /* more than a window */

    fill(n);
    assert_sound(n);
    assert_int_equal(wf_ledger_reader_open(at.ledger, &r, NULL), 0);
    for (uint64_t i = 1; i <= n; i++) {
        assert_int_equal(wf_ledger_reader_next(r, &e, NULL), 1);
        ledgered_entry(&m, i);
        assert_int_equal(e->seq, i);
        assert_true(ledgered_same(&m.e, e));
        json_t *v = wf_ledger_entry_json(e);
        assert_int_equal(json_integer_value(json_object_get(v, "seq")), i);
        assert_int_equal(json_object_size(v), e->kind >= WF_LEDGER_GIVEN ? 17 : 19);
        json_decref(v);
    }
    assert_int_equal(wf_ledger_reader_next(r, &e, NULL), 0);
    wf_ledger_reader_to_end(r);
    for (uint64_t i = n; i > 0; i--) {
        assert_int_equal(wf_ledger_reader_back(r, &e, NULL), 1);
        assert_int_equal(e->seq, i);
    }
    assert_int_equal(wf_ledger_reader_back(r, &e, NULL), 0);
    assert_int_equal(wf_ledger_reader_head(r)->n_entries, n);
    wf_ledger_reader_free(r);
}

static void test_ledger__keeps_its_key_to_itself(void **state)
{
    (void)state;
    struct stat st;
    struct wf_ledger *l = open_ledger(0), *second = NULL;

    assert_int_equal(stat(at.key, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(at.log, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(ledgered_open(&at, 0, &second, NULL), WF_E_BUSY);
    wf_ledger_close(l);
    assert_sound(0);
    assert_int_equal(unlink(at.key), 0);
    assert_int_equal(ledgered_open(&at, 0, &second, NULL), WF_E_CORRUPT);
}

static void test_ledger__is_not_there_before_anything_left(void **state)
{
    (void)state;
    struct wf_ledger_reader *r = NULL;
    assert_int_equal(wf_ledger_reader_open(at.ledger, &r, NULL), WF_E_NOENT);
}

static int refused(const struct wf_ledger_entry *e)
{
    struct wf_ledger *l = open_ledger(0);
    int rc = wf_ledger_append(l, e, NULL, NULL);

    wf_ledger_close(l);
    return rc;
}

static void test_ledger__refuses_what_no_entry_can_hold(void **state)
{
    (void)state;
    static char text[WF_LIMIT_LEDGER_TEXT_BYTES + 1], types[WF_LIMIT_LEDGER_COUNTS + 1][8];
    static struct wf_ledger_count counts[WF_LIMIT_LEDGER_COUNTS + 1];
    struct wf_ledger_entry e = {.kind = WF_LEDGER_REQUEST, .counts = counts};

    memset(text, 'x', sizeof(text));
    e.reason = wf_str_n(text, sizeof(text) - 1);
    assert_int_equal(refused(&e), 0);
    e.reason.len++;
    assert_int_equal(refused(&e), WF_E_INVAL);
    e.reason = WF_STR("\xff");
    assert_int_equal(refused(&e), WF_E_INVAL);
    e.reason = WF_STR("");
    for (size_t i = 0; i < WF_ARRAY_LEN(counts); i++) {
        snprintf(types[i], sizeof(types[i]), "%zu", i);
        counts[i] = (struct wf_ledger_count){wf_str_from(types[i]), 1};
    }
    e.n_counts = WF_LIMIT_LEDGER_COUNTS;
    assert_int_equal(refused(&e), 0);
    e.n_counts++;
    assert_int_equal(refused(&e), WF_E_INVAL);
    e.n_counts = 2;
    counts[1] = counts[0];
    assert_int_equal(refused(&e), WF_E_INVAL);
    e.n_counts = 1;
    counts[0].type = wf_str_n(text, WF_LIMIT_LEDGER_TYPE_BYTES + 1);
    assert_int_equal(refused(&e), WF_E_INVAL);
    e.n_counts = 0;
    e.is_released = true;
    e.release = (struct wf_release){.from = WF_LABEL_PUBLIC, .to = WF_LABEL_PUBLIC};
    assert_int_equal(refused(&e), WF_E_INVAL);
    e.release.from = WF_LABEL_PRIVATE;
    assert_int_equal(refused(&e), 0);
    e.release.engine = WF_STR("another");
    assert_int_equal(refused(&e), WF_E_INVAL);
    e.is_released = false;
    e.kind = 0;
    assert_int_equal(refused(&e), WF_E_INVAL);
    e.kind = WF_LEDGER_KIND_END;
    assert_int_equal(refused(&e), WF_E_INVAL);
    assert_sound(3);
}

/* ---- what is changed is found ---- */

static void flip_every_byte(const char *path, struct wf_rng *rng)
{
    struct wf_buf b;
    char what[32];

    load(path, &b);
    for (size_t i = 0; i < b.len; i++) {
        const char was = b.ptr[i];
        b.ptr[i] = (char)(was ^ (char)(1 + wf_rng_below(rng, 255)));
        save(path, b.ptr, b.len);
        snprintf(what, sizeof(what), "byte %zu", i);
        assert_found(what);
        b.ptr[i] = was;
    }
    save(path, b.ptr, b.len);
    wf_buf_deinit(&b);
}

static void test_ledger__finds_any_byte_changed(void **state)
{
    (void)state;
    struct wf_rng_seeded rng;

    wf_rng_seeded_init(&rng, 7);
    fill(12);
    flip_every_byte(at.log, &rng.rng);
    flip_every_byte(at.head, &rng.rng);
    flip_every_byte(at.pub, &rng.rng);
    assert_sound(12);
}

static void test_ledger__finds_entries_removed_moved_or_missing(void **state)
{
    (void)state;
    struct wf_buf log, b;
    size_t p[64], n;

    fill(20);
    load(at.log, &log);
    n = places(&log, p, 63);
    assert_int_equal(n, 20);
    for (size_t i = 0; i < n; i++) {
        wf_buf_init(&b, SIZE_MAX); /* without entry i */
        (void)wf_buf_append(&b, log.ptr, p[i]);
        (void)wf_buf_append(&b, log.ptr + p[i + 1], log.len - p[i + 1]);
        save(at.log, b.ptr, b.len);
        assert_found("removed");
        wf_buf_truncate(&b, p[i]); /* entry i twice */
        (void)wf_buf_append(&b, log.ptr + p[i], p[i + 1] - p[i]);
        (void)wf_buf_append(&b, log.ptr + p[i], log.len - p[i]);
        save(at.log, b.ptr, b.len);
        assert_found("doubled");
        if (i + 1 < n) { /* i behind its follower */
            wf_buf_truncate(&b, p[i]);
            (void)wf_buf_append(&b, log.ptr + p[i + 1], p[i + 2] - p[i + 1]);
            (void)wf_buf_append(&b, log.ptr + p[i], p[i + 1] - p[i]);
            (void)wf_buf_append(&b, log.ptr + p[i + 2], log.len - p[i + 2]);
            save(at.log, b.ptr, b.len);
            assert_found("moved");
        }
        wf_buf_deinit(&b);
        save(at.log, log.ptr, p[i]);
        assert_found("truncated");
    }
    for (size_t i = 0; i < log.len; i += 37) {
        save(at.log, log.ptr, i);
        assert_found("cut");
    }
    (void)wf_buf_append_byte(&log, 1);
    save(at.log, log.ptr, log.len);
    assert_found("a byte more");
    wf_buf_deinit(&log);
}

/* Everything is made anew from entry 5 on, hashes and all; only the signature cannot be. */
static void test_ledger__finds_what_was_written_anew(void **state)
{
    (void)state;
    static struct ledgered_entry m;
    uint8_t hash[WF_LEDGER_HASH_BYTES], other[64], pub[32];
    struct wf_ledger_head head;
    struct wf_ledger_report report;
    uint8_t signed_head[WF_LEDGER_HEAD_BYTES];
    struct wf_buf log;
    size_t p[64];

    fill(8);
    load(at.log, &log);
    (void)places(&log, p, 63);
    memcpy(hash, log.ptr + p[4] - WF_LEDGER_TRAILER_BYTES, sizeof(hash));
    wf_buf_truncate(&log, p[4]);
    for (uint64_t seq = 5; seq <= 8; seq++) {
        size_t start = log.len;
        ledgered_entry(&m, seq + 100);
        assert_int_equal(wf_ledger_format_write(&m.e, &log, NULL), 0);
        wf_ledger_format_seal((uint8_t *)log.ptr + start, log.len - start, seq, start, hash);
    }
    save(at.log, log.ptr, log.len);
    assert_found("written anew");
    /* signed by another key */
    assert_int_equal(wf_ledger_verify(at.ledger, NULL, &report, NULL), WF_E_CORRUPT);
    head = (struct wf_ledger_head){.n_entries = 8, .n_bytes = log.len};
    memcpy(head.hash, hash, sizeof(hash));
    for (size_t i = 0; i < 32; i++)
        other[i] = (uint8_t)i;
    memcpy(pub, other, 32);
    memcpy(other + 32, pub, 32);
    wf_ledger_format_sign(&head, other, signed_head);
    save(at.head, (const char *)signed_head, sizeof(signed_head));
    assert_found("signed by another");
    struct wf_ledger *l = NULL;
    assert_int_equal(ledgered_open(&at, 0, &l, NULL), WF_E_CORRUPT);
    wf_buf_deinit(&log);
}

static void test_ledger__finds_a_noted_entry_missing(void **state)
{
    (void)state;
    struct wf_ledger_report report, later;
    struct wf_ledger_noted noted;

    fill(5);
    assert_int_equal(verify(&report, NULL), 0);
    noted.seq = report.n_entries;
    memcpy(noted.hash, report.hash, sizeof(noted.hash));
    struct wf_ledger *l = open_ledger(0);
    append(l, 6, 3);
    wf_ledger_close(l);
    assert_int_equal(wf_ledger_verify(at.ledger, &noted, &later, NULL), 0);
    noted.hash[3] ^= 1;
    assert_int_equal(wf_ledger_verify(at.ledger, &noted, &later, NULL), WF_E_CORRUPT);
    noted.seq = 9;
    assert_int_equal(wf_ledger_verify(at.ledger, &noted, &later, NULL), WF_E_CORRUPT);
}

static void test_ledger__signs_while_entries_come(void **state)
{
    (void)state;
    struct wf_ledger_report report = {.n_entries = 0};
    struct wf_ledger *l = open_ledger(20);

    append(l, 1, 5);
    for (unsigned i = 0; i < 1000 && report.n_signed < 5; i++) {
        assert_int_equal(verify(&report, NULL), 0);
        usleep(10000);
    }
    assert_int_equal(report.n_signed, 5);
    wf_ledger_close(l);
}

/* ---- what a crash leaves ---- */

/* Takes the room off that was laid out behind the last entry; returns how much there was. */
static size_t take_room(struct wf_buf *log)
{
    size_t p = WF_LEDGER_BEGIN_BYTES, n, room;

    while (log->len - p >= 8 && (n = wf_ledger_format_bytes((const uint8_t *)log->ptr + p)) > 0)
        p += n;
    room = log->len - p;
    wf_buf_truncate(log, p);
    return room;
}

/* A ledger of `n_signed` entries that were signed and n that were not: as a crash leaves it, but
 * for its room. */
static void crash(uint64_t n_signed, uint64_t n)
{
    struct wf_buf log, head;

    fill(n_signed);
    load(at.head, &head);
    struct wf_ledger *l = open_ledger(NEVER_MS);
    append(l, n_signed + 1, n);
    load(at.log, &log);
    wf_ledger_close(l);
    assert_true(take_room(&log) > 0);
    save(at.log, log.ptr, log.len);
    save(at.head, head.ptr, head.len);
    wf_buf_deinit(&log);
    wf_buf_deinit(&head);
}

/* Notes stand where they were handed over, and are written also when nobody comes behind them. */
static void test_ledger__notes_are_written_without_anybody_waiting(void **state)
{
    static struct ledgered_entry m;
    struct wf_ledger *l = open_ledger(NEVER_MS);
    uint64_t seq = 0;
    struct stat st = {.st_size = 0};
    off_t before;

    (void)state;
    ledgered_entry(&m, 1);
    assert_int_equal(wf_ledger_note(l, &m.e, NULL), 0);
    ledgered_entry(&m, 2);
    assert_int_equal(wf_ledger_append(l, &m.e, &seq, NULL), 0);
    assert_int_equal(seq, 2);
    assert_int_equal(stat(at.log, &st), 0);
    before = st.st_size;
    ledgered_entry(&m, 3);
    assert_int_equal(wf_ledger_note(l, &m.e, NULL), 0);
    for (int i = 0; i < 3000 && st.st_size == before; i++) {
        (void)usleep(10000);
        assert_int_equal(stat(at.log, &st), 0);
    }
    assert_true(st.st_size > before);
    ledgered_entry(&m, 4);
    assert_int_equal(wf_ledger_note(l, &m.e, NULL), 0);
    wf_ledger_close(l); /* writes what waits */
    assert_sound(4);
}

static void test_ledger__cuts_off_only_what_nobody_was_told_of(void **state)
{
    (void)state;
    struct wf_ledger_reader *r = NULL;
    const struct wf_ledger_entry *e = NULL;
    struct wf_buf log, head;
    struct wf_ledger *l;
    size_t p[64];

    crash(3, 4);
    load(at.log, &log);
    load(at.head, &head);
    assert_int_equal(places(&log, p, 63), 7);
    for (size_t cut = p[6]; cut <= p[7]; cut++) { /* the last one is half there */
        save(at.log, log.ptr, cut);
        save(at.head, head.ptr, head.len);
        l = open_ledger(0);
        wf_ledger_close(l);
        bool whole = cut == p[6] || cut == p[7];
        assert_sound(cut == p[6] ? 6 : 7);
        assert_int_equal(wf_ledger_reader_open(at.ledger, &r, NULL), 0);
        wf_ledger_reader_to_end(r);
        assert_int_equal(wf_ledger_reader_back(r, &e, NULL), 1);
        if (!whole) {
            assert_int_equal(e->kind, WF_LEDGER_RECOVERY);
            assert_in_range(e->bytes, 1, cut - p[6]); /* zeros at its end may be room */
        }
        wf_ledger_reader_free(r);
    }
    /* the length was there, the content not */
    memset(log.ptr + p[6] + 100, 0, log.len - p[6] - 100);
    save(at.log, log.ptr, log.len);
    save(at.head, head.ptr, head.len);
    wf_ledger_close(open_ledger(0));
    assert_sound(7);
    wf_buf_deinit(&log);
    wf_buf_deinit(&head);
}

/* Room is nothing, wherever the last write was cut; a byte in it is something. */
static void test_ledger__takes_zeros_for_room(void **state)
{
    (void)state;
    const size_t n_room = 3000;
    struct wf_buf log, head;
    struct stat st;
    size_t p[64];

    crash(3, 4);
    load(at.log, &log);
    load(at.head, &head);
    (void)places(&log, p, 63);
    for (size_t i = 0; i < n_room; i++)
        assert_int_equal(wf_buf_append_byte(&log, 0), 0);
    save(at.log, log.ptr, log.len);
    assert_sound(7);
    for (size_t i = p[7]; i < log.len; i += 97) {
        log.ptr[i] = 1;
        save(at.log, log.ptr, log.len);
        assert_found("a byte in the room");
        log.ptr[i] = 0;
    }
    memset(log.ptr + p[7] - 4, 0, 4); /* not a byte, its high ones are zeros anyway */
    for (size_t cut = p[7] - 4; cut-- > p[6];) {
        log.ptr[cut] = 0;
        save(at.log, log.ptr, log.len);
        save(at.head, head.ptr, head.len);
        if (cut == p[6])
            assert_sound(6);
        else
            assert_found("half an entry in the room");
        wf_ledger_close(open_ledger(0));
        assert_sound(cut == p[6] ? 6 : 7); /* with the recovery's */
    }
    assert_int_equal(stat(at.log, &st), 0);
    assert_int_equal(st.st_size, p[6]);
    /* what was signed is no room */
    memset(log.ptr + p[2], 0, log.len - p[2]);
    save(at.log, log.ptr, log.len);
    assert_found("zeros in place of what was signed");
    wf_buf_deinit(&log);
    wf_buf_deinit(&head);
}

static void test_ledger__goes_on_with_nothing_that_was_durable_and_is_damaged(void **state)
{
    (void)state;
    struct wf_ledger *l = NULL;
    struct wf_buf log, after;
    size_t p[64];

    crash(3, 4);
    load(at.log, &log);
    (void)places(&log, p, 63);
    for (size_t i = p[3]; i < p[6]; i += 5) { /* not signed, but a later one says it was durable */
        log.ptr[i] ^= 8;
        save(at.log, log.ptr, log.len);
        if (ledgered_open(&at, 0, &l, NULL) != WF_E_CORRUPT)
            fail_msg("byte %zu", i);
        load(at.log, &after); /* untouched */
        assert_int_equal(after.len, log.len);
        assert_memory_equal(after.ptr, log.ptr, log.len);
        wf_buf_deinit(&after);
        log.ptr[i] ^= 8;
    }
    for (size_t cut = 0; cut < p[3]; cut += 11) { /* less than was signed */
        save(at.log, log.ptr, cut);
        assert_int_equal(ledgered_open(&at, 0, &l, NULL), WF_E_CORRUPT);
    }
    save(at.log, log.ptr, log.len);
    assert_int_equal(unlink(at.head), 0);
    assert_int_equal(ledgered_open(&at, 0, &l, NULL), WF_E_CORRUPT);
    wf_buf_deinit(&log);
}

/* ---- what fails ---- */

/* Opens, appends ten, closes, while something fails. Returns whether everything succeeded;
 * *io_acked counts what was acknowledged in all. */
static bool attempt(uint64_t *io_acked)
{
    static struct ledgered_entry m;
    struct wf_err err = WF_ERR_INIT;
    struct wf_ledger *l = NULL;
    bool all = true;

    if (ledgered_open(&at, 1, &l, &err) != 0) {
        assert_int_not_equal(err.code, WF_E_CORRUPT);
        return false;
    }
    for (unsigned i = 0; i < 10; i++) {
        ledgered_entry(&m, *io_acked + 1);
        uint64_t seq = 0;
        int rc = wf_ledger_append(l, &m.e, &seq, &err);
        if (rc == 0) {
            (*io_acked)++;
            assert_int_equal(seq, *io_acked);
        } else {
            all = false;
        }
    }
    wf_ledger_close(l);
    return all;
}

static void fail_all(void (*fail_at)(uint64_t n))
{
    unsigned n_failed = 0;

    for (uint64_t n = 1; n < 200; n++) {
        uint64_t acked = 0;
        ledgered_remove(&at);
        assert_int_equal(ledgered_make(&at), 0);
        fail_at(n);
        n_failed += !attempt(&acked);
        fail_at(0);
        (void)attempt(&acked); /* nothing fails any more: goes on behind what was acknowledged */
        assert_sound(acked);
        assert_true(acked >= 10);
    }
    assert_true(n_failed > 5 && n_failed < 190);
}

static void test_ledger__any_write_sync_or_rename_may_fail(void **state)
{
    (void)state;
    fail_all(wf_file_fail_at);
}

static void test_ledger__any_allocation_may_fail(void **state)
{
    (void)state;
    fail_all(wf_alloc_fail_at);
}

static void test_ledger__readers_may_lack_memory(void **state)
{
    (void)state;
    struct wf_ledger_report report;
    unsigned n_failed = 0;

    fill(3);
    for (uint64_t n = 1; n < 20; n++) {
        wf_alloc_fail_at(n);
        int rc = verify(&report, NULL);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_int_equal(rc, failed ? WF_E_NOMEM : 0);
        n_failed += failed;
    }
    assert_true(n_failed > 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ledger__gives_back_what_was_appended),
        TEST(test_ledger__keeps_its_key_to_itself),
        TEST(test_ledger__is_not_there_before_anything_left),
        TEST(test_ledger__refuses_what_no_entry_can_hold),
        TEST(test_ledger__finds_any_byte_changed),
        TEST(test_ledger__finds_entries_removed_moved_or_missing),
        TEST(test_ledger__finds_what_was_written_anew),
        TEST(test_ledger__finds_a_noted_entry_missing),
        TEST(test_ledger__signs_while_entries_come),
        TEST(test_ledger__notes_are_written_without_anybody_waiting),
        TEST(test_ledger__cuts_off_only_what_nobody_was_told_of),
        TEST(test_ledger__takes_zeros_for_room),
        TEST(test_ledger__goes_on_with_nothing_that_was_durable_and_is_damaged),
        TEST(test_ledger__any_write_sync_or_rename_may_fail),
        TEST(test_ledger__any_allocation_may_fail),
        TEST(test_ledger__readers_may_lack_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
