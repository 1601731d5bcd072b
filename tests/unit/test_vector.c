/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of store/vector.h: pieces, what is missing, other lenses, removal. */
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "store/purge.h"
#include "store/vector.h"
#include "support/home.h"

#define LONG_BYTES (400u << 10) /* more chunks than a piece has */

static struct home home;

static int set_up(void **state)
{
    (void)state;
    home_make(&home);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    home_remove(&home);
    return 0;
}

static int64_t add(unsigned number, size_t n_bytes)
{
    struct wf_err err = WF_ERR_INIT;
    char path[64];
    size_t n = 0;
    int64_t id = 0;
    char *text = home_words(number, n_bytes, &n);
    snprintf(path, sizeof(path), "/p-%u.txt", number);
    if (home_add(&home, path, "Title", wf_str_n(text, n), &id, &err) != 0)
        fail_msg("%s", err.msg);
    wf_free(text);
    return id;
}

static void give(int64_t id, const char *lens, const char *word)
{
    struct wf_err err = WF_ERR_INIT;
    if (home_add_vectors(&home, id, lens, word, &err) != 0)
        fail_msg("%s", err.msg);
}

static void take_away(int64_t id)
{
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_document_remove(home.store, id, NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
}

/* The first document behind `after` that lacks vectors. */
static struct wf_vector_missing missing(const char *lens, int64_t after)
{
    struct wf_reader *r = NULL;
    struct wf_vector_missing m;
    bool end = false;
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(wf_vector_missing(r, wf_str_from(lens), &after, &m, &end, NULL), 0);
    wf_store_reader_put(home.store, r);
    assert_true(end || m.n_chunks > 0); /* few documents: one look sees all */
    return m;
}

static uint64_t count(const char *lens)
{
    struct wf_reader *r = NULL;
    uint64_t n = 0;
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(wf_vector_count(r, wf_str_from(lens), &n, NULL), 0);
    wf_store_reader_put(home.store, r);
    return n;
}

static void test_vector__what_is_missing_is_the_end(void **state)
{
    (void)state;
    int64_t a = add(1, 3000), b = add(2, LONG_BYTES);
    struct wf_vector_missing m = missing("lens 1", 0);
    assert_int_equal(m.document, a);
    give(a, "lens 1", "aa");
    m = missing("lens 1", 0);
    assert_int_equal(m.document, b);
    int64_t n_all = m.n_chunks, first = m.first_chunk;
    assert_true(n_all > WF_VECTOR_PIECE);
    char data[WF_VECTOR_PIECE * WF_VECTOR_ROW_BYTES(4)] = "x";
    struct wf_vector_piece p = {.document = b,
                                .first_chunk = first,
                                .n_chunks = WF_VECTOR_PIECE,
                                .dim = 4,
                                .lens = WF_STR("lens 1"),
                                .data = wf_str_n(data, sizeof(data))};
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_vector_put(home.store, &p, NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    m = missing("lens 1", 0);
    assert_int_equal(m.document, b);
    assert_int_equal(m.first_chunk, first + WF_VECTOR_PIECE);
    assert_int_equal(m.n_chunks, n_all - WF_VECTOR_PIECE);
    give(b, "lens 1", "bb");
    assert_int_equal(missing("lens 1", 0).n_chunks, 0);
    assert_int_equal(count("lens 1"), home_count(&home, "chunk"));
    assert_int_equal(wf_store_check(home.store, NULL), 0);
}

struct seen {
    int64_t last;
    uint64_t n;
    const char *word;
};

static int on_piece(void *ud, const struct wf_vector_piece *p, struct wf_err *err)
{
    struct seen *s = ud;
    (void)err;
    assert_true(p->first_chunk > s->last);
    assert_int_equal(p->dim, 32);
    assert_memory_equal(p->data.ptr, s->word, strlen(s->word));
    s->last = p->first_chunk + p->n_chunks - 1;
    s->n += p->n_chunks;
    return s->n > 500 ? 7 : 0;
}

static int each(const char *lens, const char *word, struct seen *s)
{
    struct wf_reader *r = NULL;
    *s = (struct seen){.word = word};
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    int status = wf_vector_each(r, wf_str_from(lens), on_piece, s, NULL);
    wf_store_reader_put(home.store, r);
    return status;
}

static void test_vector__all_are_read_in_order(void **state)
{
    (void)state;
    struct seen s;
    int64_t a = add(1, 3000), b = add(2, LONG_BYTES);
    give(b, "lens 1", "qvector");
    give(a, "lens 1", "qvector");
    assert_int_equal(each("lens 1", "qvector", &s), 0);
    assert_int_equal(s.n, home_count(&home, "chunk"));
    assert_int_equal(each("lens 2", "qvector", &s), 0);
    assert_int_equal(s.n, 0);
    give(add(3, LONG_BYTES), "lens 1", "qvector");
    assert_int_equal(each("lens 1", "qvector", &s), 7); /* what fn says ends it */
}

static void test_vector__another_lens_takes_the_place(void **state)
{
    (void)state;
    int64_t a = add(1, LONG_BYTES), b = add(2, 3000);
    give(a, "lens 1", "old");
    give(b, "lens 1", "old");
    assert_int_equal(missing("lens 2", 0).document, a);
    give(a, "lens 2", "new");
    assert_int_equal(missing("lens 2", 0).document, b);
    assert_int_equal(count("lens 1") + count("lens 2"), home_count(&home, "chunk"));
    assert_int_equal(wf_store_check(home.store, NULL), 0);
    give(b, "lens 2", "new");
    assert_int_equal(count("lens 1"), 0);
}

static void test_vector__only_for_chunks_of_a_document(void **state)
{
    (void)state;
    int64_t a = add(1, 3000);
    struct wf_vector_missing m = missing("lens 1", 0);
    struct wf_err err = WF_ERR_INIT;
    char data[WF_VECTOR_ROW_BYTES(4)] = "x";
    struct wf_vector_piece p = {.document = a,
                                .first_chunk = m.first_chunk + m.n_chunks,
                                .n_chunks = 1,
                                .dim = 4,
                                .lens = WF_STR("lens 1"),
                                .data = wf_str_n(data, sizeof(data))};
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_vector_put(home.store, &p, &err), WF_E_NOENT);
    p.first_chunk--;
    assert_int_equal(wf_vector_put(home.store, &p, &err), 0);
    wf_store_write_rollback(home.store);
    take_away(a);
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_vector_put(home.store, &p, &err), WF_E_NOENT);
    wf_store_write_rollback(home.store);
}

static void test_vector__goes_with_its_document(void **state)
{
    (void)state;
    int64_t a = add(1, 3000), b = add(2, LONG_BYTES);
    give(a, "lens 1", "staywith");
    give(b, "lens 1", "zzgoaway");
    assert_true(home_grep(&home, "zzgoawayzzgoaway", false) > 0);
    take_away(b);
    assert_int_equal(home_count(&home, "vector"), 1); /* at once */
    assert_int_equal(wf_purge_wait(home.store, 60000, NULL), 0);
    assert_int_equal(home_grep(&home, "zzgoaway", true), 0);
    assert_true(home_grep(&home, "staywith", false) > 0);
    assert_int_equal(wf_store_check(home.store, NULL), 0);
}

static void test_vector__a_replaced_document_takes_them_along(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    int64_t a = add(1, 30000);
    give(a, "lens 1", "zzgoaway");
    assert_int_equal(home_add(&home, "/p-1.txt", "New", WF_STR("all is new"), NULL, &err), 0);
    assert_int_equal(home_count(&home, "vector"), 0);
    assert_int_equal(wf_purge_wait(home.store, 60000, NULL), 0);
    assert_int_equal(home_grep(&home, "zzgoaway", true), 0);
}

struct heard {
    struct wf_chunk_range ranges[8];
    size_t n;
};

static void on_removed(void *ud, const struct wf_chunk_range *ranges, size_t n)
{
    struct heard *h = ud;
    for (size_t i = 0; i < n && h->n < 8; i++)
        h->ranges[h->n++] = ranges[i];
}

static void test_vector__the_listener_hears_of_removals(void **state)
{
    (void)state;
    struct heard h = {.n = 0};
    int64_t a = add(1, 3000), b = add(2, 3000);
    struct wf_vector_missing m = missing("lens 1", a);
    wf_store_on_removed(home.store, on_removed, &h);
    take_away(b);
    assert_int_equal(h.n, 1);
    assert_int_equal(h.ranges[0].first, m.first_chunk);
    assert_int_equal(h.ranges[0].n, m.n_chunks);
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_document_remove(home.store, a, NULL), 0);
    wf_store_write_rollback(home.store);
    assert_int_equal(h.n, 1); /* it did not happen */
    wf_store_on_removed(home.store, NULL, NULL);
    take_away(a);
    assert_int_equal(h.n, 1);
}

static void test_vector__a_damaged_row_is_found(void **state)
{
    (void)state;
    struct seen s;
    int64_t a = add(1, 3000);
    give(a, "lens 1", "x");
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    char path[128];
    sqlite3 *db = NULL;
    home_close(&home);
    snprintf(path, sizeof(path), "%s/weft.db", home.dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE vector SET dim=31", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    home_open(&home);
    assert_int_equal(each("lens 1", "x", &s), WF_E_CORRUPT);
    assert_int_equal(wf_store_check(home.store, NULL), WF_E_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_vector__what_is_missing_is_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_vector__all_are_read_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_vector__another_lens_takes_the_place, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_vector__only_for_chunks_of_a_document, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_vector__goes_with_its_document, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_vector__a_replaced_document_takes_them_along, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_vector__the_listener_hears_of_removals, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_vector__a_damaged_row_is_found, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
