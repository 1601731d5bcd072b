/* SPDX-License-Identifier: Apache-2.0 */
/* Faults: adding and removing while the n-th write, sync, allocation or file call fails, for every
 * n. Whatever fails, it fails with a sentence, the database stays sound, what was acknowledged is
 * there whole, and the next open goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "os/file.h"
#include "store/blob.h"
#include "store/purge.h"
#include "support/faulty.h"
#include "support/home.h"

/* ---- the scenario ---- */

enum fault {
    FAULT_VFS,
    FAULT_VFS_STICKY,
    FAULT_MEMORY,
    FAULT_ALLOC,
    FAULT_FILE,
    FAULT_COUNT
};

static void arm(enum fault kind, int n)
{
    switch (kind) {
    case FAULT_VFS:
    case FAULT_VFS_STICKY:
        faulty_set(n, kind == FAULT_VFS_STICKY);
        break;
    case FAULT_MEMORY:
        faulty_memory_set(n);
        break;
    case FAULT_ALLOC:
        wf_alloc_fail_at((uint64_t)n);
        break;
    case FAULT_FILE:
        wf_file_fail_at((uint64_t)n);
        break;
    case FAULT_COUNT:
        break;
    }
}

static void disarm(void)
{
    faulty_set(0, false);
    faulty_memory_set(0);
    wf_alloc_fail_at(0);
    wf_file_fail_at(0);
}

#define N_DOCUMENTS 5
static char *texts[N_DOCUMENTS];
static size_t text_bytes[N_DOCUMENTS];
static const char *const paths[N_DOCUMENTS] = {"/a", "/b", "/c", "/d", "/e"};

/* What was acknowledged. */
struct acked {
    bool opened;
    bool added[N_DOCUMENTS];
    bool removed; /* document 0 */
    bool maybe; /* its removal failed at the commit: a crash may still bring it back from the log */
    unsigned n_failed;
    unsigned n_silent; /* failures without a code and sentence */
};

static bool ok(struct acked *a, int status, const struct wf_err *err)
{
    if (status == 0)
        return true;
    a->n_failed++;
    a->n_silent += status >= 0 || err->code != status || err->msg[0] == '\0';
    return false;
}

static bool add(struct home *h, struct acked *a, unsigned i, int64_t *out_id)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_str text = wf_str_n(texts[i], text_bytes[i]);
    a->added[i] = ok(a, home_add(h, paths[i], "Title", text, out_id, &err), &err);
    return a->added[i];
}

static void take_away(struct home *h, struct acked *a, int64_t id)
{
    struct wf_err err = WF_ERR_INIT;
    if (!ok(a, wf_store_write_begin(h->store, &err), &err))
        return;
    if (!ok(a, wf_document_remove(h->store, id, &err), &err)) {
        wf_store_write_rollback(h->store);
        return;
    }
    a->removed = ok(a, wf_store_write_commit(h->store, &err), &err);
    a->maybe = !a->removed;
    if (a->removed)
        (void)ok(a, wf_purge_wait(h->store, 60000, &err), &err);
}

/* Opens, adds four, gives one vectors and removes it, adds a fifth, closes, all with the fault
 * armed. */
static void run(struct home *h, struct acked *a)
{
    struct wf_err err = WF_ERR_INIT;
    int64_t first = 0;
    memset(a, 0, sizeof(*a));
    a->opened = ok(a, home_try_open(h, &err), &err);
    if (!a->opened)
        return;
    (void)add(h, a, 0, &first);
    for (unsigned i = 1; i < 4; i++)
        (void)add(h, a, i, NULL);
    if (a->added[0]) {
        (void)ok(a, home_add_vectors(h, first, "lens 1", "v", &err), &err);
        take_away(h, a, first);
    }
    (void)add(h, a, 4, NULL);
    home_close(h);
}

static void check_blobs(struct home *h)
{
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    struct wf_document_list list;
    const struct wf_document_like all = {.space = {NULL, 0}};
    wf_arena_init(&arena, 0, 1u << 20);
    assert_int_equal(wf_store_reader_get(h->store, &r, NULL), 0);
    assert_int_equal(wf_document_page(r, &all, 0, 100, &arena, &list, NULL), 0);
    wf_store_reader_put(h->store, r);
    for (size_t i = 0; i < list.n_items; i++)
        assert_int_equal(wf_blob_check(h->store, list.items[i].hash, NULL), 0);
    wf_arena_deinit(&arena);
}

/* Opened again without faults: what was acknowledged is so, everything is whole. */
static void check(struct home *h, const struct acked *a)
{
    struct wf_err err = WF_ERR_INIT;
    home_open(h);
    if (wf_purge_wait(h->store, 60000, &err) != 0 || wf_store_check(h->store, &err) != 0)
        fail_msg("%s", err.msg);
    for (unsigned i = 0; i < N_DOCUMENTS; i++) {
        size_t n = 0;
        char *text = home_text(h, paths[i], &n);
        bool there = text != NULL;
        if (a->added[i] && !(i == 0 && (a->removed || a->maybe)))
            assert_true(there);
        if (i == 0 && a->removed)
            assert_false(there);
        if (there) {
            assert_int_equal(n, text_bytes[i]);
            assert_memory_equal(text, texts[i], n);
        }
        wf_free(text);
    }
    check_blobs(h);
    assert_int_equal(home_count(h, "limbo"), 0);
    size_t n_documents = (size_t)home_count(h, "document");
    assert_int_equal(home_n_blobs(h), n_documents);
}

/* How many calls of this kind the scenario makes, about. */
static bool was_hit(enum fault kind, uint64_t n_before)
{
    switch (kind) {
    case FAULT_VFS:
    case FAULT_VFS_STICKY:
        return faulty_hit();
    case FAULT_MEMORY:
        return faulty_memory_hit();
    case FAULT_ALLOC:
        return wf_alloc_failed();
    case FAULT_FILE:
        return n_before > 0;
    case FAULT_COUNT:
        break;
    }
    return false;
}

/* n = 1, 2, ... until the scenario ends before the n-th call; steps grow when there are many. */
static void every(enum fault kind, int dense, int step)
{
    unsigned n_runs = 0;
    unsigned n_with_failures = 0;
    for (int n = 1;; n += n <= dense ? 1 : step) {
        struct home h;
        struct acked a;
        home_make(&h);
        home_close(&h);
        h.options.vfs = "faulty";
        arm(kind, n);
        run(&h, &a);
        bool hit = was_hit(kind, a.n_failed);
        disarm();
        if (h.store)
            home_close(&h);
        assert_int_equal(a.n_silent, 0);
        check(&h, &a);
        home_remove(&h);
        n_runs++;
        n_with_failures += a.n_failed > 0;
        if (!hit)
            break;
        assert_true(n < 100000);
    }
    print_message("%u runs, %u with failures\n", n_runs, n_with_failures);
    assert_true(n_runs > 5);
    assert_true(n_with_failures > n_runs / 4);
}

static void test_store_faults__a_write_or_sync_fails(void **state)
{
    (void)state;
    every(FAULT_VFS, 20, 7);
}

static void test_store_faults__the_disk_stays_full(void **state)
{
    (void)state;
    every(FAULT_VFS_STICKY, 10, 11);
}

static void test_store_faults__sqlite_runs_out_of_memory(void **state)
{
    (void)state;
    every(FAULT_MEMORY, 30, 211);
}

static void test_store_faults__weft_runs_out_of_memory(void **state)
{
    (void)state;
    every(FAULT_ALLOC, 1000, 1);
}

static void test_store_faults__a_file_call_fails(void **state)
{
    (void)state;
    every(FAULT_FILE, 1000, 1);
}

static int make_texts(void **state)
{
    (void)state;
    if (access("/dev/shm", W_OK) == 0 && !getenv("TMPDIR"))
        setenv("TMPDIR", "/dev/shm", 1); /* thousands of syncs */
    faulty_register();
    for (unsigned i = 0; i < N_DOCUMENTS; i++)
        texts[i] = home_words(50 + i, 5000 + 20000 * (i % 3), &text_bytes[i]);
    return 0;
}

static int free_texts(void **state)
{
    (void)state;
    for (unsigned i = 0; i < N_DOCUMENTS; i++)
        wf_free(texts[i]);
    return 0;
}

int main(void)
{
    faulty_register_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_faults__a_write_or_sync_fails),
        cmocka_unit_test(test_store_faults__the_disk_stays_full),
        cmocka_unit_test(test_store_faults__sqlite_runs_out_of_memory),
        cmocka_unit_test(test_store_faults__weft_runs_out_of_memory),
        cmocka_unit_test(test_store_faults__a_file_call_fails),
    };
    return cmocka_run_group_tests(tests, make_texts, free_texts);
}
