/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that share: after much writing the shelf holds little, and who comes anew or comes back
 * has all; a snapshot that leaves something out is named and not used; what is deleted is gone for
 * good once all have it. */
#include "mesh/sharing_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/alloc.h"
#include "crdt/types.h"
#include "store/spaces.h"
#include "store/sql.h"
#include "support/sharers.h"

#define TEXT_BYTES 16000u

static struct sharers s;

static int tear_down(void **state)
{
    (void)state;
    sharers_remove(&s);
    return 0;
}

static void all_up(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sharer_up(&s.at[i]);
        for (size_t k = 0; k < i; k++)
            sharers_link(&s, k, i);
    }
}

/* Letters that follow from k alone. For wf_free. */
static char *text_of(unsigned k, size_t *out_n)
{
    char *text = wf_alloc(TEXT_BYTES);
    uint64_t x = k * UINT64_C(0x9e3779b97f4a7c15) + 1;

    assert_non_null(text);
    for (size_t i = 0; i < TEXT_BYTES; i++) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        text[i] = (char)('!' + (x >> 40) % 90);
    }
    *out_n = TEXT_BYTES;
    return text;
}

/* A text of `book` that has nothing of the one before, and a record. */
static void write_edition(struct sharer *d, unsigned k)
{
    size_t n = 0;
    char *text = text_of(k, &n);

    sharer_edit(d, "book", wf_str_n(text, n));
    sharer_set(d, "page", k);
    wf_free(text);
}

static void write_much(struct sharer *d, unsigned from, unsigned to)
{
    for (unsigned k = from; k < to; k++) {
        write_edition(d, k);
        sharers_step(&s, 1000);
    }
    assert_true(sharers_settle(&s, 400));
    for (unsigned i = 0; i < 40; i++) /* for snapshots it is looked now and then */
        sharers_step(&s, 1000);
    assert_true(sharers_settle(&s, 400));
}

static void assert_book(struct sharer *d, unsigned k)
{
    struct wf_buf text;
    size_t n = 0;
    char *want = text_of(k, &n);

    wf_buf_init(&text, SIZE_MAX);
    sharer_text(d, "book", &text);
    assert_int_equal(text.len, n);
    assert_memory_equal(text.ptr, want, n);
    assert_int_equal(sharer_ask(d, "SELECT count(*) FROM record WHERE key='page' AND live=1"), 1);
    wf_buf_deinit(&text);
    wf_free(want);
}

static void assert_kept(struct sharer *d)
{
    struct wf_buf text;

    wf_buf_init(&text, SIZE_MAX);
    sharer_text(d, "kept", &text);
    assert_true(wf_str_eq(wf_buf_str(&text), WF_STR("what stays")));
    wf_buf_deinit(&text);
}

static const char shelf[] = "SELECT sum(length(bytes)) FROM batch";
static const char begins[] = "SELECT max(first) FROM batch_log";
static const char n_whole[] = "SELECT count(*) FROM stream_snapshot WHERE last>0";

static void test_sharing__a_new_device_comes_from_a_snapshot(void **state)
{
    int64_t before;

    (void)state;
    sharers_make(&s, 4, false);
    all_up(3);
    sharer_edit(&s.at[0], "kept", WF_STR("what stays"));
    sharer_set(&s.at[0], "once", 1);
    write_much(&s.at[0], 0, 80);
    assert_int_equal(sharer_ask(&s.at[0], n_whole), 1);
    before = sharer_ask(&s.at[0], shelf);
    sharer_down(&s.at[2]); /* it is away from here on */
    write_much(&s.at[0], 80, 160);
    assert_true(sharer_ask(&s.at[0], begins) > 1);
    assert_true(sharer_ask(&s.at[1], begins) > 1);
    assert_true(sharer_ask(&s.at[0], shelf) < before * 3 / 2);

    sharer_up(&s.at[3]);
    sharers_link(&s, 1, 3);
    assert_true(sharers_settle(&s, 400));
    assert_book(&s.at[3], 159);
    assert_kept(&s.at[3]);
    assert_true(sharer_ask(&s.at[3], begins) > 1);
    assert_int_equal(sharer_ask(&s.at[3], "SELECT count(*) FROM record WHERE key='once'"), 1);

    sharer_set(&s.at[0], "after", 1);
    sharer_up(&s.at[2]);
    sharer_edit(&s.at[2], "mine", WF_STR("written while away"));
    sharers_link(&s, 2, 3);
    sharers_link(&s, 0, 2);
    assert_true(sharers_settle(&s, 400));
    assert_book(&s.at[2], 159);
    assert_int_equal(sharer_ask(&s.at[0], "SELECT count(*) FROM draft WHERE name='mine'"), 1);
    assert_int_equal(sharer_ask(&s.at[2], "SELECT count(*) FROM record WHERE key='after'"), 1);
}

static void run(struct sharer *d, const char *sql)
{
    sqlite3_stmt *st = NULL;

    assert_int_equal(wf_store_write_begin(d->home.store, NULL), 0);
    assert_int_equal(wf_store_write_cached(d->home.store, sql, &st, NULL), 0);
    assert_int_equal(wf_sql_run(st, "test", NULL), 0);
    assert_int_equal(wf_store_write_commit(d->home.store, NULL), 0);
}

/* Who makes the snapshots forgets a draft without a word; or a change of a record. */
static void leave_out(struct sharer *liar, const char *const *sqls, size_t n)
{
    struct wf_buf words;

    sharer_edit(&s.at[0], "kept", WF_STR("what stays"));
    sharer_set(&s.at[0], "once", 1);
    assert_true(sharers_settle(&s, 400));
    for (size_t i = 0; i < n; i++)
        run(liar, sqls[i]);
    write_much(&s.at[0], 0, 80);
    assert_int_equal(sharer_ask(liar, n_whole), 1);
    assert_int_equal(sharer_ask(&s.at[0], "SELECT state FROM stream_snapshot"), 2);
    sharer_problems(&s.at[0], &words);
    assert_non_null(strstr(words.ptr, "device 1: A snapshot that it made leaves out"));
    wf_buf_deinit(&words);
    write_much(&s.at[0], 80, 160);
    assert_int_equal(sharer_ask(&s.at[0], begins), 1); /* nothing goes in its favour */
}

static void test_sharing__who_leaves_out_a_draft_is_named(void **state)
{
    static const char *const sqls[] = {
        "DELETE FROM draft WHERE name='kept'",
        "DELETE FROM draft_told WHERE uid NOT IN (SELECT uid FROM draft)",
        "DELETE FROM draft_dirty",
    };

    (void)state;
    sharers_make(&s, 2, true);
    all_up(2);
    leave_out(&s.at[1], sqls, WF_ARRAY_LEN(sqls));
    assert_kept(&s.at[0]);
}

static void test_sharing__who_leaves_out_a_change_is_named(void **state)
{
    static const char *const sqls[] = {
        "DELETE FROM record_change WHERE instr(bytes,cast('once' as blob))>0",
    };

    (void)state;
    sharers_make(&s, 2, true);
    all_up(2);
    leave_out(&s.at[1], sqls, WF_ARRAY_LEN(sqls));
}

static const char n_moved[] = "SELECT count(*) FROM record_change WHERE substr(bytes,1,1)=x'02'";

/* Two meet; one of them joins the eldest's "me", the other does not come: what it wrote does. When
 * it comes after all, its own word takes the place of what was brought along. */
static void test_sharing__what_others_wrote_comes_along(void **state)
{
    static const char count[] = "SELECT count(*) FROM record WHERE key='theirs' AND live=1";

    (void)state;
    sharers_make(&s, 3, false);
    sharer_up(&s.at[1]);
    sharer_up(&s.at[2]);
    sharers_link(&s, 1, 2);
    sharer_set(&s.at[1], "theirs", 1);
    sharer_set(&s.at[2], "ours", 2);
    assert_true(sharers_settle(&s, 60));
    sharer_down(&s.at[1]);
    sharer_up(&s.at[0]);
    sharers_link(&s, 0, 2);
    assert_true(sharers_settle(&s, 60));
    assert_int_equal(sharer_ask(&s.at[0], count), 1);
    assert_int_equal(sharer_ask(&s.at[2], count), 1);
    assert_int_equal(sharer_ask(&s.at[0], n_moved), 1);
    assert_int_equal(sharer_ask(&s.at[2], "SELECT count(*) FROM record_change WHERE untold=1"), 0);

    sharer_up(&s.at[1]);
    sharers_link(&s, 0, 1);
    sharers_link(&s, 1, 2);
    assert_true(sharers_settle(&s, 60));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(sharer_ask(&s.at[i], count), 1);
        assert_int_equal(sharer_ask(&s.at[i], n_moved), 0);
    }
}

/* What is missing is nowhere: it is said, and nothing behind it is taken. */
static void test_sharing__what_is_withheld_is_told(void **state)
{
    struct wf_buf words;

    (void)state;
    sharers_make(&s, 2, false);
    sharer_up(&s.at[0]);
    sharer_up(&s.at[1]);
    sharer_set(&s.at[0], "one", 1);
    sharers_step(&s, 100);
    sharer_set(&s.at[0], "two", 2);
    sharers_step(&s, 100);
    assert_int_equal(sharer_ask(&s.at[0], "SELECT max(last) FROM batch_log"), 2);
    run(&s.at[0], "DELETE FROM batch WHERE number=1");
    run(&s.at[0], "UPDATE batch_log SET first=2");
    sharers_link(&s, 0, 1);
    assert_false(sharers_settle(&s, 60));
    sharer_problems(&s.at[1], &words);
    assert_non_null(strstr(words.ptr, "does not send them"));
    wf_buf_deinit(&words);
    assert_int_equal(sharer_ask(&s.at[1], "SELECT count(*) FROM record"), 0);
}

static void tidy_all(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (s.at[i].is_up)
            assert_int_equal(wf_records_tidy(s.at[i].records, NULL, NULL), 0);
    }
}

static void pass(unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++)
        sharers_step(&s, 1000);
    tidy_all(s.n);
}

static void test_sharing__a_deletion_becomes_final(void **state)
{
    static const char kept[] = "SELECT count(*) FROM record WHERE key='gone'";
    static const char words[] =
        "SELECT count(*) FROM record_change WHERE instr(bytes,cast('\"n\"' as blob))>0"
        " AND instr(bytes,cast('gone' as blob))>0";
    int64_t n;

    (void)state;
    sharers_make(&s, 3, false);
    all_up(3);
    sharer_set(&s.at[0], "gone", 7);
    sharer_set(&s.at[0], "back", 7);
    pass(10);
    sharer_down(&s.at[2]);
    sharer_forget(&s.at[1], "gone");
    for (unsigned day = 0; day < 30; day++) /* a month */
        sharers_step(&s, 86400000);
    pass(60);
    assert_int_equal(sharer_ask(&s.at[0], kept), 1);
    assert_int_equal(sharer_ask(&s.at[1], kept), 1);
    sharer_up(&s.at[2]);
    sharer_set(&s.at[2], "back", 8);
    sharers_link(&s, 0, 2);
    sharers_link(&s, 1, 2);
    pass(120);
    pass(1);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(sharer_ask(&s.at[i], kept), 0);
        assert_int_equal(sharer_ask(&s.at[i], words), 0);
        assert_int_equal(sharer_ask(&s.at[i], "SELECT count(*) FROM record WHERE live=1"), 1);
    }
    n = sharer_ask(&s.at[0], "SELECT sum(last) FROM batch_log");
    pass(120);
    assert_int_equal(sharer_ask(&s.at[0], "SELECT sum(last) FROM batch_log"), n);
}

/* It was told of a draft, and the disk failed before that was noted: its end is told all the same.
 */
static void test_sharing__a_draft_goes_that_was_hardly_told(void **state)
{
    static const char count[] = "SELECT count(*) FROM draft WHERE name LIKE 'gone%'";
    int64_t id;

    (void)state;
    sharers_make(&s, 2, false);
    all_up(2);
    sharer_edit(&s.at[0], "gone", WF_STR("text"));
    assert_true(sharers_settle(&s, 100));
    assert_int_equal(sharer_ask(&s.at[1], count), 1);
    run(&s.at[0], "DELETE FROM draft_told");
    id = sharer_ask(&s.at[0], "SELECT id FROM draft WHERE name='gone'");
    assert_int_equal(wf_draft_remove(s.at[0].drafts, id, NULL), 0);
    s.at[0].must_tell = true;
    assert_true(sharers_settle(&s, 100));
    assert_int_equal(sharer_ask(&s.at[0], count), 0);
    assert_int_equal(sharer_ask(&s.at[1], count), 0);
}

/* The others do not tell it of what it may not see any more: nothing is said to be amiss, and what
 * all may see goes on. */
static void test_sharing__who_may_see_less_comes_to_rest(void **state)
{
    (void)state;
    sharers_make(&s, 3, false);
    all_up(3);
    sharer_set(&s.at[0], "one", 1);
    sharer_set(&s.at[2], "two", 2);
    assert_true(sharers_settle(&s, 100));
    for (size_t i = 0; i < 3; i++) {
        if (memcmp(s.devices.entries[i].device, s.at[2].device.signer.id, WF_SIGNER_ID_BYTES) == 0)
            s.devices.entries[i].clearance = WF_LABEL_INTERNAL;
    }
    s.devices.version++;
    for (size_t i = 0; i < 3; i++)
        wf_sharing_machine_listed(s.at[i].sharing);
    sharers_step(&s, 1000);
    sharers_cut(&s, 0, 2);
    sharers_cut(&s, 1, 2);
    sharers_link(&s, 0, 2);
    sharers_link(&s, 1, 2);
    assert_true(sharers_settle(&s, 100));
    sharer_set(&s.at[0], "three", 3);
    assert_true(sharers_settle(&s, 100));
    assert_int_equal(sharer_ask(&s.at[1], "SELECT count(*) FROM record"), 3);
    assert_int_equal(sharer_ask(&s.at[2], "SELECT count(*) FROM record"), 2);
}

/* One record more or less of the space "open". */
static void write_open(struct sharer *d, const char *key, enum wf_record_op_kind kind,
                       enum wf_label label)
{
    const struct wf_record_op op = {.kind = kind,
                                    .field = kind == WF_RECORD_SET ? WF_STR("n") : WF_STR(""),
                                    .value = kind == WF_RECORD_SET ? WF_STR("1") : WF_STR("")};
    const struct wf_record_edit e = {.collection = WF_STR("c"),
                                     .key = wf_str_from(key),
                                     .label = (uint8_t)label,
                                     .ops = &op,
                                     .n_ops = 1};
    const int64_t space = sharer_ask(d, "SELECT id FROM space WHERE name='open'");

    assert_int_equal(wf_records_write(d->records, space, &e, 1, NULL), 0);
    d->must_tell = true;
}

static void clear_last(enum wf_label clearance)
{
    for (size_t i = 0; i < s.n; i++) {
        if (memcmp(s.devices.entries[i].device, s.at[s.n - 1].device.signer.id,
                   WF_SIGNER_ID_BYTES) == 0)
            s.devices.entries[i].clearance = clearance;
    }
    s.devices.version++;
}

/* What was written and deleted above a device's clearance comes once it may see more, in whatever
 * order: the others' words of before said nothing of that. */
static void test_sharing__what_ended_is_over_for_who_sees_more(void **state)
{
    int64_t id;

    (void)state;
    sharers_make(&s, 3, false);
    clear_last(WF_LABEL_PUBLIC);
    all_up(3);
    assert_int_equal(
        wf_space_create(s.at[0].home.store, WF_STR("open"), WF_STR("public"), &id, NULL), 0);
    s.at[0].must_tell = true;
    pass(10);
    write_open(&s.at[0], "one", WF_RECORD_SET, WF_LABEL_PRIVATE);
    write_open(&s.at[1], "two", WF_RECORD_SET, WF_LABEL_PRIVATE);
    pass(10);
    write_open(&s.at[0], "two", WF_RECORD_DELETE, WF_LABEL_PRIVATE);
    write_open(&s.at[1], "one", WF_RECORD_DELETE, WF_LABEL_PRIVATE);
    pass(10);
    write_open(&s.at[1], "all", WF_RECORD_SET, WF_LABEL_PUBLIC);
    pass(10);
    write_open(&s.at[1], "all", WF_RECORD_DELETE, WF_LABEL_PUBLIC);
    pass(120); /* all say how far they are, who sees less, too */
    assert_int_equal(sharer_ask(&s.at[0], "SELECT count(*) FROM record WHERE collection='c'"), 0);
    clear_last(WF_LABEL_PRIVATE);
    for (size_t i = 0; i < 3; i++)
        wf_sharing_machine_listed(s.at[i].sharing);
    sharers_cut(&s, 0, 2);
    sharers_cut(&s, 1, 2);
    sharers_step(&s, 1000);
    sharers_link(&s, 0, 2);
    sharers_link(&s, 1, 2);
    pass(120);
    assert_true(sharers_settle(&s, 100));
    assert_int_equal(sharer_ask(&s.at[2], "SELECT count(*) FROM record WHERE collection='c'"
                                          " AND live=1"),
                     0);
    assert_int_equal(sharer_ask(&s.at[2], "SELECT count(*) FROM record_change c JOIN space s"
                                          " ON s.id=c.space AND s.name='open'"),
                     6);
}

/* ---- what is sealed is what was looked at ---- */

/* Who looks finds the draft changed meanwhile: the secret is deleted; or a person says, when it was
 * looked at, that it is one. */
static enum {
    NOTHING,
    WAITS,
    IS_DURABLE,
    IS_LABELED
} meanwhile;

static int read_text(void *ud, struct wf_crdt *doc, struct wf_err *err)
{
    uint64_t root = 0;

    (void)err;
    assert_int_equal(wf_crdt_root(doc, WF_DRAFT_ROOT, WF_CRDT_TEXT, &root), 0);
    return wf_crdt_text_get(doc, root, ud);
}

static int encode(void *ud, struct wf_crdt *doc, struct wf_err *err)
{
    (void)err;
    return wf_crdt_encode(doc, WF_STR(""), WF_CRDT_V1, ud);
}

static void keep_update(void *ud, struct wf_str update, bool remote)
{
    if (!remote)
        assert_int_equal(wf_buf_append_str(ud, update), 0);
}

/* As an editor does it, which waits for nothing. */
static void delete_all(struct wf_draft *d)
{
    struct wf_buf state, update;
    const struct wf_crdt_options o = {.client = 5, .on_update = keep_update, .ud = &update};
    struct wf_crdt *doc = NULL;
    uint64_t root = 0;

    wf_buf_init(&state, SIZE_MAX);
    wf_buf_init(&update, SIZE_MAX);
    assert_int_equal(wf_draft_read(d, encode, &state, NULL), 0);
    assert_int_equal(wf_crdt_new(&o, &doc), 0);
    assert_int_equal(wf_crdt_apply(doc, wf_buf_str(&state), WF_CRDT_V1, NULL), 0);
    assert_int_equal(wf_crdt_root(doc, WF_DRAFT_ROOT, WF_CRDT_TEXT, &root), 0);
    assert_int_equal(wf_crdt_text_delete(doc, root, 0, wf_crdt_length(doc, root)), 0);
    assert_int_equal(wf_draft_apply(d, wf_buf_str(&update), NULL, NULL), 0);
    wf_crdt_free(doc);
    wf_buf_deinit(&state);
    wf_buf_deinit(&update);
}

/* A text with the word secret in it is that; else it is private. */
static enum wf_label label_by_text(const struct sharer *d, const struct wf_draft_moment *at)
{
    struct wf_draft *draft = NULL;
    struct wf_buf text;
    bool is;

    if (meanwhile == WAITS || meanwhile == IS_DURABLE) {
        assert_int_equal(wf_draft_open(d->drafts, at->draft, &draft, NULL), 0);
        delete_all(draft);
        if (meanwhile == IS_DURABLE)
            wf_drafts_commit(d->drafts);
        wf_draft_close(draft);
        meanwhile = NOTHING;
    }
    wf_buf_init(&text, SIZE_MAX);
    assert_int_equal(wf_draft_look(d->drafts, at, read_text, &text, NULL), 0);
    is = wf_str_find(wf_buf_str(&text), WF_STR("secret"), 0) != SIZE_MAX;
    wf_buf_deinit(&text);
    if (is || meanwhile == IS_LABELED) {
        assert_int_equal(wf_draft_row_label(d->home.store, at->draft, WF_STR("secret"), NULL), 0);
        meanwhile = NOTHING;
    }
    return is ? WF_LABEL_SECRET : WF_LABEL_PRIVATE;
}

static const char n_secret[] =
    "SELECT count(*) FROM draft_update WHERE instr(bytes,CAST('secret' AS BLOB))>0";

static void check_deleted_while_looked_at(int how)
{
    sharers_make(&s, 2, false);
    s.at[0].label = label_by_text;
    all_up(2);
    sharer_edit(&s.at[0], "notes", WF_STR("plain"));
    pass(10);
    assert_int_equal(sharer_ask(&s.at[1], "SELECT count(*) FROM draft"), 1);
    sharer_edit(&s.at[0], "notes", WF_STR("plain, and a secret"));
    meanwhile = how;
    pass(20);
    assert_int_equal(meanwhile, NOTHING); /* it was looked at */
    assert_int_equal(sharer_ask(&s.at[0], n_secret), 1);
    assert_int_equal(sharer_ask(&s.at[1], n_secret), 0);
    assert_int_equal(sharer_ask(&s.at[0], "SELECT label='secret' FROM draft"), 1);
}

/* It was on the disk, and goes with what is told of the log; that it is deleted does not yet. */
static void test_sharing__a_secret_goes_nowhere_though_it_is_being_deleted(void **state)
{
    (void)state;
    check_deleted_while_looked_at(WAITS);
}

static void test_sharing__nor_when_it_is_deleted_while_drafts_are_looked_at(void **state)
{
    (void)state;
    check_deleted_while_looked_at(IS_DURABLE);
}

static void test_sharing__what_is_made_secret_is_not_sealed_any_more(void **state)
{
    struct wf_buf text;

    (void)state;
    wf_buf_init(&text, SIZE_MAX);
    sharers_make(&s, 2, false);
    s.at[0].label = label_by_text;
    all_up(2);
    sharer_edit(&s.at[0], "notes", WF_STR("plain"));
    pass(10);
    sharer_edit(&s.at[0], "notes", WF_STR("plain, and more"));
    meanwhile = IS_LABELED;
    pass(20);
    assert_int_equal(meanwhile, NOTHING);
    sharer_text(&s.at[1], "notes", &text);
    assert_true(wf_str_eq(wf_buf_str(&text), WF_STR("plain")));
    wf_buf_deinit(&text);
}

static void apply(const char *name, struct wf_buf *update)
{
    struct wf_draft *d = NULL;

    assert_int_equal(
        wf_draft_open_named(s.at[0].drafts, WF_STR("me"), wf_str_from(name), true, &d, NULL), 0);
    assert_int_equal(wf_draft_apply(d, wf_buf_str(update), NULL, NULL), 0);
    wf_draft_close(d);
    wf_buf_reset(update);
}

/* An editor's updates come in another order than it wrote them: nobody ever sees the text. */
static void test_sharing__a_secret_that_comes_deleted_goes_nowhere(void **state)
{
    struct wf_buf typed, text;
    struct wf_crdt_options o = {.client = 5, .on_update = keep_update, .ud = &typed};
    struct wf_crdt *doc = NULL;
    uint64_t root = 0;
    struct wf_buf first;

    (void)state;
    wf_buf_init(&typed, SIZE_MAX);
    wf_buf_init(&first, SIZE_MAX);
    wf_buf_init(&text, SIZE_MAX);
    sharers_make(&s, 2, false);
    s.at[0].label = label_by_text;
    all_up(2);
    sharer_edit(&s.at[0], "notes", WF_STR("plain"));
    pass(10);
    assert_int_equal(wf_crdt_new(&o, &doc), 0);
    assert_int_equal(wf_crdt_root(doc, WF_DRAFT_ROOT, WF_CRDT_TEXT, &root), 0);
    assert_int_equal(wf_crdt_text_insert(doc, root, 0, WF_STR("secret"), NULL), 0);
    assert_int_equal(wf_buf_append_str(&first, wf_buf_str(&typed)), 0);
    wf_buf_reset(&typed);
    assert_int_equal(wf_crdt_text_delete(doc, root, 0, 6), 0);
    apply("notes", &typed);
    pass(10);
    apply("notes", &first);
    pass(10);
    sharer_edit(&s.at[0], "notes", WF_STR("plain still"));
    pass(10);
    assert_int_equal(sharer_ask(&s.at[1], n_secret), 0);
    sharer_text(&s.at[1], "notes", &text);
    assert_true(wf_str_eq(wf_buf_str(&text), WF_STR("plain still")));
    wf_crdt_free(doc);
    wf_buf_deinit(&typed);
    wf_buf_deinit(&first);
    wf_buf_deinit(&text);
}

static void rename_book(const char *from, const char *to)
{
    char sql[96];
    int64_t id;

    (void)snprintf(sql, sizeof(sql), "SELECT id FROM draft WHERE name='%s'", from);
    id = sharer_ask(&s.at[0], sql);
    assert_int_equal(wf_draft_row_rename(s.at[0].home.store, id, wf_str_from(to), NULL), 0);
    s.at[0].must_tell = true;
}

/* A name is in the draft's record, and then nothing can be written for a while, in which the draft
 * gets its old name back: that is news. */
static void test_sharing__a_name_that_is_given_back_is_told(void **state)
{
    static const char books[] = "SELECT count(*) FROM draft WHERE name='book'";

    (void)state;
    sharers_make(&s, 2, false);
    all_up(2);
    sharer_edit(&s.at[0], "book", WF_STR("some text"));
    assert_true(sharers_settle(&s, 400));
    run(&s.at[0], "CREATE TRIGGER no_batches BEFORE INSERT ON batch BEGIN"
                  " SELECT RAISE(ABORT,'test'); END");
    rename_book("book", "novel");
    pass(10);
    assert_int_equal(sharer_ask(&s.at[0], "SELECT count(*) FROM record WHERE"
                                          " collection='weft.draft' AND instr(state,'novel')>0"),
                     1);
    rename_book("novel", "book");
    run(&s.at[0], "DROP TRIGGER no_batches");
    pass(30);
    assert_true(sharers_settle(&s, 400));
    assert_int_equal(sharer_ask(&s.at[0], books), 1);
    assert_int_equal(sharer_ask(&s.at[1], books), 1);
}

/* What is to be done and could not be written is not done: it does not rest before. */
static void test_sharing__what_waits_for_the_disk_is_no_rest(void **state)
{
    (void)state;
    sharers_make(&s, 2, false);
    all_up(2);
    run(&s.at[1], "CREATE TRIGGER no_devices BEFORE INSERT ON device_seq BEGIN"
                  " SELECT RAISE(ABORT,'test'); END");
    assert_false(sharers_settle(&s, 60));
    run(&s.at[1], "DROP TRIGGER no_devices");
    assert_true(sharers_settle(&s, 60));
}

/* Where it cannot be looked now how sensitive a draft is, it goes when it can, and others do. */
static void test_sharing__what_cannot_be_looked_at_goes_later(void **state)
{
    static const char told[] = "SELECT count(*) FROM record WHERE collection='weft.draft'";

    (void)state;
    sharers_make(&s, 2, false);
    all_up(2);
    sharer_edit(&s.at[0], "book", WF_STR("some text"));
    s.at[0].label_fails = WF_E_NOMEM;
    sharer_set(&s.at[0], "page", 1);
    assert_false(sharers_settle(&s, 60));
    assert_int_equal(sharer_ask(&s.at[0], told), 0);
    assert_int_equal(sharer_ask(&s.at[1], "SELECT count(*) FROM record WHERE key='page'"), 1);
    s.at[0].label_fails = 0;
    assert_true(sharers_settle(&s, 60));
    assert_int_equal(sharer_ask(&s.at[1], "SELECT count(*) FROM draft WHERE name='book'"), 1);
    s.at[0].label_fails = WF_E_LIMIT; /* for good: it goes nowhere */
    sharer_edit(&s.at[0], "book", WF_STR("more text"));
    assert_true(sharers_settle(&s, 60));
    assert_int_equal(sharer_ask(&s.at[1], "SELECT count(*) FROM draft_update"), 1);
}

/* A device brings a draft into the eldest's "me", of which another told there before what that had
 * of it: what it has from who does not come, it tells. */
static void test_sharing__what_others_wrote_in_a_draft_comes_along(void **state)
{
    struct wf_buf text;

    (void)state;
    sharers_make(&s, 4, false);
    for (size_t i = 1; i < 4; i++)
        sharer_up(&s.at[i]);
    sharers_link(&s, 1, 2);
    sharers_link(&s, 1, 3);
    sharer_edit(&s.at[1], "book", WF_STR("one"));
    assert_true(sharers_settle(&s, 60));
    sharer_down(&s.at[3]);
    sharer_edit(&s.at[1], "book", WF_STR("one and two"));
    assert_true(sharers_settle(&s, 60));
    sharer_down(&s.at[1]);
    sharer_up(&s.at[0]);
    sharer_up(&s.at[3]);
    sharers_link(&s, 0, 3);
    assert_true(sharers_settle(&s, 60));
    s.at[2].label_fails = WF_E_NOMEM; /* it hears of it before it tells it */
    sharers_link(&s, 0, 2);
    pass(2);
    s.at[2].label_fails = 0;
    assert_true(sharers_settle(&s, 60));
    wf_buf_init(&text, SIZE_MAX);
    sharer_text(&s.at[0], "book", &text);
    assert_true(wf_str_eq(wf_buf_str(&text), WF_STR("one and two")));
    wf_buf_deinit(&text);
}

static bool looks_in_vain; /* it cannot be told how sensitive a draft is */

static enum wf_label label_or_none(const struct sharer *d, const struct wf_draft_moment *at)
{
    (void)d, (void)at;
    return looks_in_vain ? WF_LABEL_SECRET : WF_LABEL_PRIVATE;
}

/* For a while a draft counts as secret, or is; then others hear what it is called since. */
static void test_sharing__what_is_not_secret_any_more_is_told(void **state)
{
    static const char novel[] = "SELECT count(*) FROM draft WHERE name='novel'";
    static const char poem[] = "SELECT count(*) FROM draft WHERE name='poem'";

    (void)state;
    sharers_make(&s, 2, false);
    s.at[0].label = label_or_none;
    all_up(2);
    sharer_edit(&s.at[0], "book", WF_STR("some text"));
    assert_true(sharers_settle(&s, 400));
    looks_in_vain = true;
    sharer_edit(&s.at[0], "poem", WF_STR("of which nobody knows"));
    sharer_edit(&s.at[0], "book", WF_STR("more text"));
    rename_book("book", "novel");
    pass(10);
    assert_int_equal(sharer_ask(&s.at[1], novel), 0);
    assert_int_equal(sharer_ask(&s.at[1], poem), 0);
    looks_in_vain = false;
    sharer_edit(&s.at[0], "novel", WF_STR("yet more"));
    pass(30);
    assert_true(sharers_settle(&s, 400));
    assert_int_equal(sharer_ask(&s.at[1], novel), 1);
    assert_int_equal(sharer_ask(&s.at[1], poem), 1);
    assert_int_equal(sharer_ask(&s.at[0], "SELECT count(*) FROM record WHERE"
                                          " collection='weft.draft' AND"
                                          " instr(state,'\"secret\"')>0"),
                     0);
}

/* Who hears what was written under a higher label, and not yet that it is higher, goes by the
 * stream that it came in; and has nothing to tell of that. */
static void test_sharing__what_comes_is_as_its_stream(void **state)
{
    static const char private[] = "SELECT count(*) FROM draft d JOIN draft_told t ON t.uid=d.uid"
                                  " WHERE d.label='private' AND t.label='private'";

    (void)state;
    sharers_make(&s, 2, false);
    all_up(2);
    sharer_edit(&s.at[0], "book", WF_STR("some text"));
    assert_true(sharers_settle(&s, 400));
    assert_int_equal(sharer_ask(&s.at[1], private), 1);
    run(&s.at[1], "UPDATE draft SET label='internal'");
    run(&s.at[1], "UPDATE draft_told SET label='internal'");
    assert_int_equal(sharer_ask(&s.at[1], private), 0);
    sharer_edit(&s.at[0], "book", WF_STR("more text"));
    pass(10);
    assert_true(sharers_settle(&s, 400));
    assert_int_equal(sharer_ask(&s.at[1], private), 1);
    assert_int_equal(sharer_ask(&s.at[1], "SELECT count(*) FROM draft_dirty"), 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sharing__a_new_device_comes_from_a_snapshot),
        TEST(test_sharing__what_others_wrote_comes_along),
        TEST(test_sharing__who_leaves_out_a_draft_is_named),
        TEST(test_sharing__who_leaves_out_a_change_is_named),
        TEST(test_sharing__what_is_withheld_is_told),
        TEST(test_sharing__a_deletion_becomes_final),
        TEST(test_sharing__a_draft_goes_that_was_hardly_told),
        TEST(test_sharing__who_may_see_less_comes_to_rest),
        TEST(test_sharing__what_comes_is_as_its_stream),
        TEST(test_sharing__a_name_that_is_given_back_is_told),
        TEST(test_sharing__what_waits_for_the_disk_is_no_rest),
        TEST(test_sharing__what_others_wrote_in_a_draft_comes_along),
        TEST(test_sharing__what_cannot_be_looked_at_goes_later),
        TEST(test_sharing__what_is_not_secret_any_more_is_told),
        TEST(test_sharing__what_ended_is_over_for_who_sees_more),
        TEST(test_sharing__a_secret_goes_nowhere_though_it_is_being_deleted),
        TEST(test_sharing__nor_when_it_is_deleted_while_drafts_are_looked_at),
        TEST(test_sharing__what_is_made_secret_is_not_sealed_any_more),
        TEST(test_sharing__a_secret_that_comes_deleted_goes_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
